(* Where nothing of S1 to S11 applies, Cordon does what the seed does.

   Conditions that appear below, and why: the machine is not halted (S1); the VM
   exists (S2); no frame is pending (S6, S7); a block starts at a 2 MiB aligned
   frame (S3); nothing is mapped where the mapping goes (S4); arguments in range,
   aligned, not empty (S10).  A VM that maps frames of the first 2 MiB of
   physical memory is left out for grants: in the seed's tables an address of
   zero means "not mapped". *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page SeedOps Strong Tactics Loop Reading
  Invariant KeepMap KeepShare KeepClear.
Local Open Scope Z_scope.

Definition none_pending (s : State) : Prop :=
  forall p, f_pending (frame_at s p) = false.

Lemma vm_is_vmid : forall s v, vm_exists s v = true -> is_vmid v = true.
Proof.
  unfold vm_exists, is_vm, is_vmid, LAST_VM, CORE. intros. zb.
  apply andb_true_intro. split; apply Z.leb_le; lia.
Qed.

Lemma vm_is_vm : forall s v, vm_exists s v = true -> is_vm v = true.
Proof. unfold vm_exists. intros. zb. assumption. Qed.

(* ---- giving a page ---- *)

(* The seed's page-level operation halts exactly where ours refuses, and does
   the same otherwise. *)
Lemma assign_agrees : forall s v g p, Inv s -> halted s = false ->
  vm_exists s v = true -> is_gfn g = true -> is_pfn p = true ->
  f_pending (frame_at s p) = false ->
  assign_pfn_to_vm v g p s =
  Some (match assign_refusal s v g p with
        | None => assign v g p s
        | Some _ => halt s
        end).
Proof.
  intros s v g p I H V G P N.
  destruct (vm_exists_range _ _ V) as [VH _].
  unfold assign_pfn_to_vm, page_op, assign_refusal, assign.
  rewrite H, (vm_is_vmid _ _ V), G, P, N. simpl. f_equal.
  destruct (f_owner (frame_at s p) =? HOST) eqn:O.
  - destruct (f_count (frame_at s p) =? 0); reflexivity.
  - destruct (f_owner (frame_at s p) =? v) eqn:O2; simpl; [|reflexivity].
    destruct (_ || _); [|reflexivity]. zb.
    destruct (gf_vm _ _ _ (inv_frame _ I p)) as [C _]; [congruence|].
    unfold MAX_GRANTS in C.
    replace (f_count (frame_at s p) =? PENDING_COUNT) with false; [reflexivity|].
    symmetry. apply Z.eqb_neq. unfold PENDING_COUNT, INVALID.
    change (2 ^ 32 - 1) with 4294967295. lia.
Qed.

Definition seed_agrees (seed : option State) (ours : result * State) : Prop :=
  match ours with
  | (Refused _, _) => exists s', seed = Some s' /\ halted s' = true
  | (_, s') => seed = Some s'
  end.

(* prot_and_map_vm_s2pt, a page: the same state, or a refusal where the seed
   halts. *)
Theorem agree_map_page : forall s v addr pte level,
  Inv s -> halted s = false -> none_pending s ->
  vm_exists s v = true -> level <> 2 ->
  is_addr addr = true -> is_int64 pte = true ->
  is_pfn (phys_page pte / PAGE) = true ->
  lookup s v (addr / PAGE) = None ->
  seed_agrees (seed_map v addr pte level s) (step (ProtAndMap v addr pte level) s).
Proof.
  intros s v addr pte level I H NP V L A T P U.
  cbn [step]. unfold prot_and_map. rewrite A, T, P, V.
  rewrite (proj2 (Z.eqb_neq level 2)) by assumption. cbn [andb negb].
  cbv iota. unfold map_page, unmapped. rewrite U.
  unfold seed_map, require. rewrite (vm_is_vmid _ _ V), A. cbn [andb].
  cbv iota zeta. rewrite (proj2 (Z.eqb_neq level 2)) by assumption.
  rewrite assign_agrees; auto using addr_gfn.
  destruct (assign_refusal s v (addr / PAGE) (phys_page pte / PAGE)).
  - cbn [seed_agrees]. exists (halt s). split; reflexivity.
  - cbn [seed_agrees]. unfold map_pfn_vm, page_op.
    st. rewrite H, A, (vm_is_vmid _ _ V). reflexivity.
Qed.

(* ---- giving a block ---- *)

Lemma block_entries_agree : forall v b p n x s,
  each n x (fun i => set_entry v (b + i) (block_entry p i)) s =
  put_entries v (as_block b p) n (b + x) s.
Proof.
  unfold put_entries. induction n; intros; [reflexivity|].
  rewrite !each_S, IHn.
  replace (put v (as_block b p) (b + x) s)
    with (set_entry v (b + x) (block_entry p x) s).
  - replace (b + (x + 1)) with (b + x + 1) by lia. reflexivity.
  - unfold put, as_block. replace (b + x - b) with x by lia. reflexivity.
Qed.

Definition assign_step (v b p i : Z) (s : State) : option State :=
  require (is_gfn (b + i) && is_pfn (p + i))
    (assign_pfn_to_vm v (b + i) (p + i) s).

Lemma steps_halted : forall n x v b p s, halted s = true ->
  (forall i, x <= i < x + Z.of_nat n ->
     is_gfn (b + i) = true /\ is_pfn (p + i) = true) ->
  steps n x 1 (assign_step v b p) s = Some s.
Proof.
  induction n; intros x v b p s H R; [reflexivity|].
  simpl. destruct (R x) as [R1 R2]; [lia|].
  unfold assign_step at 1. unfold require. rewrite R1, R2. simpl.
  unfold assign_pfn_to_vm, page_op. rewrite H. apply IHn; auto.
  intros. apply R. lia.
Qed.

Lemma steps_assign_agree : forall n x v b p s, Inv s -> halted s = false ->
  vm_exists s v = true -> none_pending s ->
  (forall i, x <= i < x + Z.of_nat n ->
     is_gfn (b + i) = true /\ is_pfn (p + i) = true) ->
  exists s', steps n x 1 (assign_step v b p) s = Some s' /\
    match first_refusal n x (fun i => assign_refusal s v (b + i) (p + i)) with
    | None => s' = each n x (fun i => assign v (b + i) (p + i)) s
    | Some _ => halted s' = true
    end.
Proof.
  induction n; intros x v b p s I H V NP R.
  - simpl. exists s. auto.
  - destruct (R x) as [R1 R2]; [lia|].
    cbn [steps first_refusal]. rewrite each_S.
    unfold assign_step at 1. unfold require. rewrite R1, R2. cbn [andb].
    rewrite assign_agrees by auto.
    destruct (assign_refusal s v (b + x) (p + x)) eqn:A.
    + exists (halt s). split; [|reflexivity].
      apply steps_halted; [reflexivity|]. intros. apply R. lia.
    + destruct (IHn (x + 1) v b p (assign v (b + x) (p + x) s)) as [s' [S1 S2]].
      * apply keep_assign; assumption.
      * st. assumption.
      * st. assumption.
      * intro q. rewrite frame_at_assign. destruct (p + x =? q); auto.
      * intros. apply R. lia.
      * exists s'. split; [exact S1|].
        rewrite (first_refusal_ext n (x + 1) _
          (fun i => assign_refusal (assign v (b + x) (p + x) s) v (b + i) (p + i)));
          [exact S2|].
        intros i Hi. symmetry. apply assign_refusal_frame.
        rewrite frame_at_assign.
        rewrite (proj2 (Z.eqb_neq (p + x) (p + i))) by lia. reflexivity.
Qed.

(* prot_and_map_vm_s2pt, a 2 MiB block. *)
Theorem agree_map_block : forall s v addr pte,
  Inv s -> halted s = false -> none_pending s ->
  vm_exists s v = true -> is_addr addr = true -> is_int64 pte = true ->
  is_pfn (phys_page pte / PAGE) = true ->
  (phys_page pte / PAGE) mod BLOCK_PAGES = 0 ->
  (forall i, 0 <= i < BLOCK_PAGES ->
     lookup s v (block_base (addr / PAGE) + i) = None) ->
  seed_agrees (seed_map v addr pte 2 s) (step (ProtAndMap v addr pte 2) s).
Proof.
  intros s v addr pte I H NP V A T P M U.
  set (p := phys_page pte / PAGE) in *.
  set (b := block_base (addr / PAGE)) in *.
  assert (R : forall i, 0 <= i < 512 ->
    is_gfn (b + i) = true /\ is_pfn (p + i) = true).
  { intros i Hi. split.
    - apply block_pages_gfn; [apply addr_gfn; assumption | lia].
    - change BLOCK_PAGES with 512 in M. unfold is_pfn, PFN_LIMIT in *.
      change (2 ^ 28) with 268435456 in *. zb.
      pose proof (Z.div_mod p 512).
      apply andb_true_intro. split; [apply Z.leb_le | apply Z.ltb_lt]; lia. }
  cbn [step]. unfold prot_and_map. fold p. rewrite A, T, P, V, M.
  change (2 =? 2) with true. change (0 =? 0) with true. cbn [andb negb].
  cbv iota. fold b. unfold map_block.
  replace (all_pages BLOCK_NAT 0 (fun i => unmapped s v (b + i))) with true.
  2: { symmetry. apply all_pages_spec. rewrite block_nat. intros i Hi.
       unfold unmapped. rewrite U; [reflexivity|]. change BLOCK_PAGES with 512. lia. }
  unfold seed_map, require. rewrite (vm_is_vmid _ _ V), A. cbn [andb].
  change (2 =? 2) with true. cbv iota. fold p b.
  change (Z.to_nat BLOCK_PAGES) with BLOCK_NAT.
  destruct (steps_assign_agree BLOCK_NAT 0 v b p s I H V NP) as [s' [S1 S2]].
  { intros i Hi. rewrite block_nat in Hi. apply R. lia. }
  unfold assign_step, require in S1. rewrite S1.
  assert (B : is_int64 (b + BLOCK_PAGES) && is_int64 (p + BLOCK_PAGES) = true).
  { destruct (R 0) as [R1 R2]; [lia|]. unfold is_gfn, is_pfn, is_int64 in *.
    unfold GFN_LIMIT, PFN_LIMIT, BLOCK_PAGES in *.
    change (2 ^ 28) with 268435456 in *. change (2 ^ 36) with 68719476736 in *.
    change (2 ^ 64) with 18446744073709551616. zb.
    repeat (apply andb_true_intro; split);
      first [apply Z.leb_le; lia | apply Z.ltb_lt; lia]. }
  unfold ending_in. rewrite B.
  destruct (first_refusal BLOCK_NAT 0
              (fun i => assign_refusal s v (b + i) (p + i))).
  - cbn [seed_agrees]. exists s'. split; [|assumption].
    unfold map_pfn_vm, page_op. rewrite S2. reflexivity.
  - cbn [seed_agrees]. unfold map_pfn_vm, page_op.
    assert (HS : halted s' = false).
    { rewrite S2. change (halted (assign_all v b p BLOCK_NAT s) = false).
      st. assumption. }
    rewrite HS, (vm_is_vmid _ _ V), A. cbn [andb]. cbv iota.
    change (2 =? 2) with true. cbv iota. fold p b.
    change (Z.to_nat BLOCK_PAGES) with BLOCK_NAT.
    rewrite block_entries_agree. replace (b + 0) with b by lia.
    rewrite S2. reflexivity.
Qed.

(* ---- grants ---- *)

Lemma phys_page_of : forall p a, 0 <= p < 268435456 -> 0 <= a < 4096 ->
  phys_page (p * PAGE + a) = p * PAGE.
Proof.
  intros p a P A. unfold phys_page, PAGE.
  change (2 ^ 48) with 281474976710656.
  rewrite Z.mod_small by lia.
  rewrite Z.div_add_l by lia. rewrite (Z.div_small a) by lia. lia.
Qed.

Lemma phys_page_of_device : forall p, 0 <= p < 268435456 ->
  phys_page (p * PAGE + ATTR_DEVICE) = p * PAGE.
Proof.
  intros p P. unfold phys_page, PAGE, ATTR_DEVICE.
  change (2 ^ 48) with 281474976710656.
  replace (p * 4096 + 18014398509483847)
    with (p * 4096 + 1863 + 64 * 281474976710656) by lia.
  rewrite Z.mod_add by lia. rewrite Z.mod_small by lia.
  rewrite Z.div_add_l by lia. change (1863 / 4096) with 0.
  replace (p + 0) with p by lia. reflexivity.
Qed.

(* Every frame that [v] maps lies in physical memory, above the first 2 MiB. *)
Definition plain (s : State) (v : Z) : Prop :=
  forall g e, lookup s v g = Some e -> 512 <= e_pfn e < 268435456.

(* The descriptor that the seed reads leads to the same frame. *)
Lemma walk_agrees : forall s v g e, Inv s -> v <> HOST -> plain s v ->
  lookup s v g = Some e ->
  phys_page (e_pte e) <> 0 /\ is_int64 (e_pte e) = true /\
  is_int (e_level e) = true /\
  (if e_level e =? 2 then phys_page (e_pte e) / PAGE + g mod BLOCK_PAGES
   else phys_page (e_pte e) / PAGE) = e_pfn e.
Proof.
  intros s v g e I N PL L. pose proof (PL g e L) as P.
  destruct (inv_vm _ I _ _ _ N L) as [_ K].
  assert (INT : forall x, 0 <= x < 18446744073709551616 -> is_int64 x = true).
  { intros. unfold is_int64. change (2 ^ 64) with 18446744073709551616.
    apply andb_true_intro. split; [apply Z.leb_le | apply Z.ltb_lt]; lia. }
  destruct (e_level e =? 2) eqn:L2.
  - zb. destruct (inv_block _ I v g e N L L2) as [p [M B]].
    destruct (block_base_spec g) as [BM BB].
    specialize (B (g - block_base g)). change BLOCK_PAGES with 512 in *.
    replace (block_base g + (g - block_base g)) with g in B by lia.
    rewrite L in B. assert (E : e = block_entry p (g - block_base g)).
    { assert (Some e = Some (block_entry p (g - block_base g))) by (apply B; lia).
      congruence. }
    assert (PP : 0 < p < 268435456).
    { assert (e_pfn e = p + (g - block_base g)) by (rewrite E; reflexivity). lia. }
    rewrite L2. rewrite E. unfold block_entry. cbn [e_pte e_pfn e_level].
    unfold ATTR_NORMAL. rewrite phys_page_of by lia.
    unfold PAGE. rewrite Z.div_mul by lia. repeat split.
    + lia.
    + apply INT. lia.
    + f_equal. unfold block_base, BLOCK_PAGES.
      pose proof (Z.div_mod g 512). lia.
  - assert (E : e = device_entry (e_pfn e) \/ e = page_entry (e_pfn e)).
    { destruct K as [[K _]|[_ [_ [_ [K|[K _]]]]]]; auto. zb. contradiction. }
    set (p := e_pfn e) in *. clearbody p.
    destruct E as [E|E]; rewrite E; unfold device_entry, page_entry;
      cbn [e_pte e_pfn e_level].
    + rewrite phys_page_of_device by lia. unfold PAGE, ATTR_DEVICE.
      rewrite Z.div_mul by lia. repeat split; [lia | apply INT; lia].
    + unfold ATTR_NORMAL. rewrite phys_page_of by lia. unfold PAGE.
      rewrite Z.div_mul by lia. repeat split; [lia | apply INT; lia].
Qed.

(* One page. *)
Lemma share_at_agrees : forall op f v a s, Inv s -> halted s = false ->
  v <> HOST -> plain s v -> is_addr a = true ->
  (forall e, lookup s v (a / PAGE) = Some e ->
     op v (e_pfn e) s =
     Some (match f v (e_pfn e) s with Some s' => s' | None => s end)) ->
  seed_share_at op v a s =
  Some (match share_at f v (a / PAGE) s with Some s' => s' | None => s end).
Proof.
  intros op f v a s I H N PL A O. unfold seed_share_at, require, share_at.
  unfold walk_s2pt, get_level_s2pt. rewrite H, A.
  destruct (lookup s v (a / PAGE)) as [e|] eqn:L.
  - destruct (walk_agrees s v (a / PAGE) e I N PL L) as [W1 [W2 [W3 W4]]].
    rewrite W2, W3. simpl.
    rewrite (proj2 (Z.eqb_neq (phys_page (e_pte e)) 0)) by assumption.
    destruct (e_level e =? 2); rewrite W4; apply O; reflexivity.
  - reflexivity.
Qed.

(* The seed's page-level operation. *)
Definition seed_page (grant : bool) : Z -> Z -> State -> option State :=
  if grant then grant_vm_page else revoke_vm_page.

Lemma share_page_agrees : forall grant s v p, halted s = false ->
  vm_exists s v = true -> f_pending (frame_at s p) = false ->
  seed_page grant v p s =
  Some (match share_page grant v p s with Some s' => s' | None => s end).
Proof.
  intros [] s v p H V P; simpl;
  unfold grant_vm_page, revoke_vm_page, grant_page, revoke_page, page_op;
  rewrite H, (vm_is_vmid _ _ V), P; destruct (_ && _); reflexivity.
Qed.

(* What has to hold on the way through a range. *)
Definition on_the_way (v : Z) (s : State) : Prop :=
  Inv s /\ halted s = false /\ vm_exists s v = true /\ plain s v /\
  none_pending s.

Lemma plain_same : forall s s' v,
  (forall g, lookup s' v g = lookup s v g) -> plain s v -> plain s' v.
Proof. intros s s' v E P g e L. apply (P g). rewrite <- E. assumption. Qed.

Lemma share_on_the_way : forall grant v p s s', on_the_way v s ->
  share_page grant v p s = Some s' -> on_the_way v s'.
Proof.
  intros grant v p s s' [I [H [V [PL NP]]]] S.
  destruct (vm_exists_range _ _ V) as [VH _].
  assert (I' := keep_share_page _ _ _ _ _ I V S).
  destruct (share_sets_count _ _ _ _ _ I V S) as [n [-> _]].
  refine (conj I' (conj _ (conj _ (conj _ _)))).
  - rewrite halted_set_count. assumption.
  - rewrite vm_exists_set_count. assumption.
  - apply (plain_same s); [|assumption]. intro. apply lookup_set_count. assumption.
  - intro q. rewrite frame_at_set_count. destruct (p =? q); [reflexivity|apply NP].
Qed.

Lemma share_loop_agrees : forall grant v n g s, on_the_way v s ->
  0 <= g -> (g + Z.of_nat n) * PAGE <= GUEST_LIMIT ->
  forall c,
  steps n (g * PAGE) PAGE (seed_share_at (seed_page grant) v) s =
  Some (snd (each n g (count_step (share_at (share_page grant) v)) (c, s))).
Proof.
  intros grant v n. induction n; intros g s W G R c; [reflexivity|].
  cbn [steps]. rewrite each_S. unfold count_step at 2. cbn [snd fst].
  assert (W0 := W). destruct W as [I [H [V [PL NP]]]].
  destruct (vm_exists_range _ _ V) as [VH _].
  assert (GD : g * PAGE / PAGE = g) by (apply Z.div_mul; discriminate).
  rewrite (share_at_agrees _ (share_page grant)); auto using share_page_agrees.
  - rewrite GD. replace (g * PAGE + PAGE) with ((g + 1) * PAGE) by lia.
    destruct (share_at (share_page grant) v g s) as [s1|] eqn:S.
    + apply IHn; auto; try lia.
      unfold share_at in S. destruct (lookup s v g); [|discriminate].
      apply (share_on_the_way _ _ _ _ _ W0 S).
    + apply IHn; auto; lia.
  - unfold is_addr, PAGE in *. apply andb_true_intro.
    split; [apply Z.leb_le | apply Z.ltb_lt]; lia.
Qed.

Lemma agree_share : forall grant v addr size s, on_the_way v s ->
  is_addr addr = true -> is_addr size = true -> 0 < size ->
  addr + size <= GUEST_LIMIT -> addr mod PAGE = 0 ->
  seed_share (seed_page grant) v addr size s =
  Some (snd (share (share_page grant) v addr size s)).
Proof.
  intros grant v addr size s W A S P E M.
  destruct W as [I [H [V [PL NP]]]].
  assert (A' := A). assert (S' := S). unfold is_addr in A', S'. zb.
  assert (AD : addr = addr / PAGE * PAGE).
  { unfold PAGE in *. pose proof (Z.div_mod addr 4096). lia. }
  assert (PG : 0 <= pages_of size /\
               addr + pages_of size * PAGE <= GUEST_LIMIT).
  { unfold pages_of, PAGE, GUEST_LIMIT in *.
    change (2 ^ 48) with (68719476736 * 4096) in *.
    pose proof (Z.div_mod (size + (4096 - 1)) 4096).
    pose proof (Z.mod_pos_bound (size + (4096 - 1)) 4096). split; lia. }
  destruct PG as [PG1 PG2].
  unfold share. rewrite A. rewrite (proj2 (Z.leb_le 0 size)) by lia.
  rewrite (proj2 (Z.leb_le (addr + size) GUEST_LIMIT)) by lia. cbn [andb negb].
  rewrite (proj2 (Z.eqb_neq size 0)) by lia.
  unfold aligned. rewrite M. change (0 =? 0) with true. cbn [negb].
  rewrite V. cbn [negb].
  unfold seed_share, require. rewrite (vm_is_vm _ _ V), A, S. cbn [andb].
  change ((size + (PAGE - 1)) / PAGE) with (pages_of size). cbv zeta.
  rewrite AD at 2. rewrite (share_loop_agrees grant) with (c := 0); auto.
  - unfold ending_in.
    replace (is_int64 _) with true; [reflexivity|]. symmetry.
    unfold is_int64, PAGE, GUEST_LIMIT in *. rewrite Z2Nat.id by lia.
    change (2 ^ 48) with 281474976710656 in *.
    change (2 ^ 64) with 18446744073709551616.
    apply andb_true_intro. split; [apply Z.leb_le | apply Z.ltb_lt]; lia.
  - exact (conj I (conj H (conj V (conj PL NP)))).
  - apply Z.div_pos; [lia | reflexivity].
  - rewrite Z2Nat.id by lia. rewrite Z.mul_add_distr_r. lia.
Qed.

(* grant_stage2_sg_gpa *)
Theorem agree_grant : forall s v addr size,
  Inv s -> halted s = false -> none_pending s -> vm_exists s v = true ->
  plain s v -> is_addr addr = true -> is_addr size = true -> 0 < size ->
  addr + size <= GUEST_LIMIT -> addr mod PAGE = 0 ->
  seed_grant v addr size s = Some (snd (step (Grant v addr size) s)).
Proof. intros. apply (agree_share true); auto. unfold on_the_way. auto. Qed.

(* revoke_stage2_sg_gpa *)
Theorem agree_revoke : forall s v addr size,
  Inv s -> halted s = false -> none_pending s -> vm_exists s v = true ->
  plain s v -> is_addr addr = true -> is_addr size = true -> 0 < size ->
  addr + size <= GUEST_LIMIT -> addr mod PAGE = 0 ->
  seed_revoke v addr size s = Some (snd (step (Revoke v addr size) s)).
Proof. intros. apply (agree_share false); auto. unfold on_the_way. auto. Qed.

(* ---- clearing ---- *)

(* The same owners, counts and gfns, the same contents, the same table of the
   host.  (The VM's own entries and device mappings differ: ours are gone, S8.) *)
Definition same_but_vm (s t : State) : Prop :=
  (forall p, frame_at t p = frame_at s p) /\
  (forall p i, word t p i = word s p i) /\
  (forall g, lookup t HOST g = lookup s HOST g) /\
  halted t = halted s.

Lemma clear_page_agrees : forall v p s t, v <> HOST -> is_vmid v = true ->
  is_pfn p = true -> halted s = false -> same_but_vm s t ->
  exists s', clear_vm_page v p s = Some s' /\ halted s' = false /\
    same_but_vm s' (match clear_page v p t with Some t' => t' | None => t end).
Proof.
  intros v p s t N V P H [F [W [L HT]]].
  unfold clear_vm_page, page_op, clear_page, owner. rewrite H, V, P, F.
  cbn [andb]. destruct (f_owner (frame_at s p) =? v).
  - eexists. split; [reflexivity|]. split; [exact H|].
    set (g := f_gfn (frame_at s p)).
    split; [|split; [|split]].
    + intro q. st. rewrite F. reflexivity.
    + intros q i. st. rewrite W. reflexivity.
    + intros h. st.
      destruct ((HOST =? HOST) && (p =? h)); [reflexivity|]. rewrite <- L.
      unfold unmap_vm. destruct (lookup t v g); [|reflexivity].
      destruct (_ =? p); [|reflexivity]. rewrite lookup_del_entry.
      rewrite (proj2 (Z.eqb_neq v HOST)) by assumption. cbn [andb].
      destruct (_ =? 2); [|reflexivity].
      unfold split. rewrite lookup_put_entries.
      rewrite (proj2 (Z.eqb_neq v HOST)) by assumption. reflexivity.
    + st. exact HT.
  - exists s. split; [reflexivity|]. split; [exact H|].
    repeat split; assumption.
Qed.

(* clear_vm_range *)
Theorem agree_clear : forall s v p n,
  halted s = false -> vm_exists s v = true ->
  is_pfn p = true -> is_pfn n = true -> p + n <= PFN_LIMIT ->
  exists s', seed_clear v p n s = Some s' /\
    same_but_vm s' (snd (step (Clear v p n) s)).
Proof.
  intros s v p n H V P N R.
  destruct (vm_exists_range _ _ V) as [VH _].
  assert (N' := N). unfold is_pfn in N'. zb.
  assert (P' := P). unfold is_pfn in P'. zb.
  cbn [step]. unfold clear. rewrite P, V.
  rewrite (proj2 (Z.leb_le 0 n)), (proj2 (Z.leb_le (p + n) PFN_LIMIT)) by lia.
  cbn [andb negb].
  unfold seed_clear, require. rewrite P, N. cbn [andb].
  assert (G : forall m q s t c, p <= q -> q + Z.of_nat m <= PFN_LIMIT ->
    halted s = false -> same_but_vm s t ->
    exists s', steps m q 1 (fun q s => if is_pfn q then clear_vm_page v q s else None) s
                 = Some s' /\
      same_but_vm s' (snd (each m q (count_step (clear_page v)) (c, t)))).
  { induction m; intros q s0 t0 c Q1 Q2 H0' S0.
    - exists s0. split; [reflexivity|exact S0].
    - cbn [steps]. rewrite each_S. unfold count_step at 2. cbn [snd fst].
      assert (PQ : is_pfn q = true).
      { unfold is_pfn. apply andb_true_intro.
        split; [apply Z.leb_le | apply Z.ltb_lt]; lia. }
      rewrite PQ.
      destruct (clear_page_agrees v q s0 t0 VH (vm_is_vmid _ _ V) PQ H0' S0)
        as [s1 [E1 [H1' S1]]].
      rewrite E1. destruct (clear_page v q t0).
      + apply IHm; auto; lia.
      + apply IHm; auto; lia. }
  destruct (G (Z.to_nat n) p s s 0) as [s' [S1 S2]]; auto; try lia.
  { repeat split. }
  exists s'. rewrite S1. unfold ending_in. split.
  - replace (is_int64 _) with true; [reflexivity|]. symmetry.
    unfold is_int64, PFN_LIMIT in *. rewrite Z2Nat.id by lia.
    change (2 ^ 28) with 268435456 in *. change (2 ^ 64) with 18446744073709551616.
    apply andb_true_intro. split; [apply Z.leb_le | apply Z.ltb_lt]; lia.
  - exact S2.
Qed.
