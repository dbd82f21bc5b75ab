(* VMs come and go.  The host donates frames for a VM's tables; when the VM is
   destroyed they come back, and so does all that it held; then its number is
   free for another.

   A frame that is donated belongs to Cordon: it joins the regions that are
   Cordon's, so all that is proved of those holds of it. *)

From Coq Require Import ZArith Bool List Lia FMapPositive.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  KeepParts KeepClear Always Refusal Steps.
Import ListNotations.
Local Open Scope Z_scope.

Record world := mkWorld {
  state : State;
  given : list (Z * Z);        (* donated: the frame, and the VM it was for *)
  own : list region            (* what was Cordon's at boot *)
}.

Definition regions (g : list (Z * Z)) : list region :=
  map (fun d => mkRegion (fst d) 1) g.

Definition with_core (x : list region) (s : State) : State :=
  mkState (halted s) (ram s) x (vms s) (frames s) (tables s) (memory s)
          (dev_owner s) (dev_tables s).

(* Busy: frames that the VM does not map, or a device of its own, are left. *)
Inductive answer := Gives (r : result) | Busy.

(* ------------------------------------------------------------------ *)
(* Operations                                                          *)

Definition take (p : Z) (s : State) : State :=
  with_core (mkRegion p 1 :: core s)
    (with_frames (ZMap.del p (frames s)) (del_entry HOST p s)).

Definition donate (v p : Z) (w : world) : answer * world :=
  let s := state w in
  let r := frame_at s p in
  if negb (is_pfn p) then (Gives (Refused OutOfRange), w)
  else if negb (vm_exists s v) then (Gives (Refused NoVm), w)
  else if negb (f_owner r =? HOST) then (Gives (Refused Owned), w)
  else if negb (f_count r =? 0) then (Gives (Refused Shared), w)
  else (Gives Ok, mkWorld (take p s) ((p, v) :: given w) (own w)).

(* All that [v] maps is cleared. *)
Definition clear_or_not (v p : Z) (s : State) : State :=
  match clear_page v p s with Some s' => s' | None => s end.

Definition clear_mapped (v : Z) (s : State) : State :=
  fold_left (fun s b => clear_or_not v (e_pfn (snd b)) s)
    (ZMap.bindings (row v (tables s))) s.

Definition owns_nothing (s : State) (v : Z) : bool :=
  forallb (fun b => negb (f_owner (snd b) =? v)) (ZMap.bindings (frames s)).

Definition has_no_device (s : State) (v : Z) : bool :=
  forallb (fun b => negb (snd b =? v)) (ZMap.bindings (dev_owner s)).

(* A donated frame goes back to the host, zeroed. *)
Definition give_back (p : Z) (s : State) : State :=
  set_frame p (mkFrame HOST 0 false p) (zero_frame p s).

Definition rest (v : Z) (g : list (Z * Z)) : list (Z * Z) :=
  filter (fun d => negb (snd d =? v)) g.

Definition donated_for (v : Z) (g : list (Z * Z)) : list Z :=
  map fst (filter (fun d => snd d =? v) g).

Definition finish (v : Z) (s : State) (g : list (Z * Z)) (o : list region) : world :=
  mkWorld
    (fold_left (fun s p => give_back p s) (donated_for v g)
      (with_core (regions (rest v g) ++ o)
        (with_vms (ZMap.del v (vms s)) (with_tables (ZMap.del v (tables s)) s))))
    (rest v g) o.

Definition destroy (v : Z) (w : world) : answer * world :=
  let s := state w in
  if negb (vm_exists s v) then (Gives (Refused NoVm), w)
  else if negb (has_no_device s v) then (Busy, w)
  else
    let s1 := clear_mapped v s in
    if owns_nothing s1 v then (Gives Ok, finish v s1 (given w) (own w))
    else (Busy, mkWorld s1 (given w) (own w)).

Inductive deed :=
| Do (c : op)
| Donate (v p : Z)
| Destroy (v : Z).

Definition deed_step (d : deed) (w : world) : answer * world :=
  match d with
  | Do c => let a := step c (state w) in
            (Gives (fst a), mkWorld (snd a) (given w) (own w))
  | Donate v p => donate v p w
  | Destroy v => destroy v w
  end.

Definition live (ds : list deed) (w : world) : world :=
  fold_left (fun w d => snd (deed_step d w)) ds w.

Definition begin (r c : list region) : world := mkWorld (boot r c) [] c.

(* ------------------------------------------------------------------ *)
(* What always holds                                                   *)

Record Life (w : world) : Prop := {
  life_inv : Inv (state w);
  life_core : core (state w) = regions (given w) ++ own w;
  life_once : NoDup (map fst (given w));
  life_given : forall p v, In (p, v) (given w) ->
    vm_exists (state w) v = true /\ in_regions p (ram (state w)) = true /\
    in_regions p (own w) = false;
  life_dev : forall d, owner_of_device (state w) d = HOST \/
    vm_exists (state w) (owner_of_device (state w) d) = true
}.

(* ---- what no operation of [Strong.v] touches ---- *)


Lemma fixed_counted : forall A (read : State -> A) f n x s,
  (forall i s s', f i s = Some s' -> read s' = read s) ->
  read (snd (counted f n x s)) = read s.
Proof.
  intros A read f n x s F.
  apply (counted_ind f n x s (fun s' => read s' = read s)); [reflexivity|].
  intros i s0 s1 _ H E. rewrite (F _ _ _ E). assumption.
Qed.

(* A part of the state that changes of frames, tables, memory and device tables
   leave alone is left alone by every operation but two. *)
Section Untouched.
  Variable A : Type.
  Variable part : State -> A.
  Hypothesis part_frames : forall x s, part (with_frames x s) = part s.
  Hypothesis part_tables : forall x s, part (with_tables x s) = part s.
  Hypothesis part_memory : forall x s, part (with_memory x s) = part s.
  Hypothesis part_devices : forall x s, part (with_dev_tables x s) = part s.

  Lemma part_put_entries : forall v f n x s, part (put_entries v f n x s) = part s.
  Proof.
    intros. destruct (put_entries_parts v f n x s) as [m ->]. apply part_tables.
  Qed.

  Lemma part_assign : forall v g p s, part (assign v g p s) = part s.
  Proof.
    intros. destruct (assign_parts v g p s) as [fs [m ->]].
    rewrite part_frames. apply part_tables.
  Qed.

  Lemma part_assign_all : forall v g p n s, part (assign_all v g p n s) = part s.
  Proof.
    intros. destruct (assign_all_parts v g p n s) as [fs [m ->]].
    rewrite part_frames. apply part_tables.
  Qed.

  Lemma part_clear_page : forall v p s s', clear_page v p s = Some s' ->
    part s' = part s.
  Proof.
    unfold clear_page. intros v p s s' H. destruct (_ =? v) in H; inj.
    unfold set_frame, zero_frame, del_entry, unmap_devices.
    rewrite part_frames, part_memory, part_tables, part_devices.
    destruct (unmap_vm_parts v (f_gfn (frame_at s p)) p s) as [m ->].
    apply part_tables.
  Qed.

  Ltac parts := unfold set_entry, del_entry, set_frame, set_word, set_dev, del_dev;
    repeat first [reflexivity | rewrite part_frames | rewrite part_tables
      | rewrite part_memory | rewrite part_devices | rewrite part_put_entries
      | rewrite part_assign | rewrite part_assign_all | case_if].

  Lemma part_reach : forall who a s e s1, reach who a s = (Some e, s1) ->
    part s1 = part s.
  Proof.
    unfold reach, host_fault. intros who a s e s1 H.
    destruct (lookup s who (a / PAGE)); [inj; reflexivity|].
    destruct (who =? HOST); [|discriminate].
    destruct (negb (is_paddr a)); [discriminate|].
    destruct (may_host s (a / PAGE)); [|discriminate]. inj. parts.
  Qed.

  Lemma part_share : forall f v a n s,
    (forall p s s', f v p s = Some s' -> part s' = part s) ->
    part (snd (share f v a n s)) = part s.
  Proof.
    intros f v a n s F. unfold share. do 4 (case_if; [reflexivity|]).
    apply fixed_counted. unfold share_at. intros i s0 s1 H.
    destruct (lookup s0 v i); [|discriminate]. apply (F _ _ _ H).
  Qed.

  Lemma part_step : forall c s,
    (forall v, c <> CreateVm v) -> (forall d v, c <> DevAttach d v) ->
    part (snd (step c s)) = part s.
  Proof.
    intros c s C1 C2. destruct c; simpl.
    - exfalso. apply (C1 v). reflexivity.
    - unfold host_fault. cases; simpl; parts.
    - unfold prot_and_map, map_block, map_page. cases; simpl; parts.
    - apply part_share. unfold grant_page. intros p s0 s1 H.
      destruct (_ && _ && _) in H; inj. parts.
    - apply part_share. unfold revoke_page. intros p s0 s1 H.
      destruct (_ && _ && _) in H; inj. parts.
    - unfold clear. cases; try reflexivity. apply fixed_counted.
      intros i s0 s1. apply part_clear_page.
    - unfold map_io. cases; simpl; parts.
    - unfold write, access. do 3 (case_if; [reflexivity|]).
      destruct (reach who addr s) as [[e|] s1] eqn:R; [|reflexivity].
      rewrite <- (part_reach _ _ _ _ _ R). destruct (e_kind e); simpl; parts.
    - unfold read, access. do 3 (case_if; [reflexivity|]).
      destruct (reach who addr s) as [[e|] s1] eqn:R; [|reflexivity].
      rewrite <- (part_reach _ _ _ _ _ R). destruct (e_kind e); reflexivity.
    - exfalso. apply (C2 d v). reflexivity.
    - unfold dev_assign. cases; simpl; parts.
    - unfold dev_map. cases; simpl; parts.
    - unfold dev_unmap. cases; simpl; parts.
  Qed.
End Untouched.

Lemma step_regions : forall c s,
  ram (snd (step c s)) = ram s /\ core (snd (step c s)) = core s.
Proof.
  intros c s. assert (K : (forall v, c <> CreateVm v) /\ (forall d v, c <> DevAttach d v)
    \/ (exists v, c = CreateVm v) \/ exists d v, c = DevAttach d v).
  { destruct c; eauto; left; split; intros; discriminate. }
  destruct K as [[K1 K2]|[[v ->]|[d [v ->]]]].
  - split; apply part_step; auto.
  - simpl. unfold create_vm. cases; auto.
  - simpl. unfold dev_attach. cases; auto.
Qed.

(* A VM that exists goes on to exist, and devices are the host's or a VM's. *)
Lemma step_life : forall c s,
  (forall v, vm_exists s v = true -> vm_exists (snd (step c s)) v = true) /\
  ((forall d, owner_of_device s d = HOST \/
              vm_exists s (owner_of_device s d) = true) ->
   forall d, owner_of_device (snd (step c s)) d = HOST \/
     vm_exists (snd (step c s)) (owner_of_device (snd (step c s)) d) = true).
Proof.
  intros c s. assert (K : (forall v, c <> CreateVm v) /\ (forall d v, c <> DevAttach d v)
    \/ (exists v, c = CreateVm v) \/ exists d v, c = DevAttach d v).
  { destruct c; eauto; left; split; intros; discriminate. }
  destruct K as [[K1 K2]|[[v ->]|[d [v ->]]]].
  - assert (V : vms (snd (step c s)) = vms s) by (apply part_step; auto).
    assert (D : dev_owner (snd (step c s)) = dev_owner s) by (apply part_step; auto).
    unfold vm_exists, owner_of_device. rewrite V, D. auto.
  - simpl. unfold create_vm. destruct (is_vm v && _) eqn:E; [|auto]. cbn [snd].
    assert (X : forall u, vm_exists s u = true ->
      vm_exists (with_vms (ZMap.set v true (vms s)) s) u = true).
    { intros u U. rewrite vm_exists_set, U, orb_true_r, andb_true_r.
      unfold vm_exists in U. apply andb_prop in U. apply U. }
    split; [exact X|]. intros H d. destruct (H d) as [K|K]; [left; exact K|].
    right. apply X. exact K.
  - simpl. unfold dev_attach. do 3 (case_if; [auto|]). cbn [snd]. split; [auto|].
    intros H d'. rewrite owner_of_device_set. destruct (d =? d') eqn:Q; [|apply H].
    zb. unfold principal in E0. apply orb_prop in E0.
    destruct E0 as [E0|E0]; zb; auto.
Qed.

(* ---- donating ---- *)

Lemma in_one_region : forall p q, in_region q (mkRegion p 1) = (p =? q).
Proof.
  intros. unfold in_region. simpl. apply eq_true_iff_eq.
  rewrite andb_true_iff, Z.leb_le, Z.ltb_lt, Z.eqb_eq. lia.
Qed.

Lemma boot_frame_take : forall p s q, boot_frame (take p s) q =
  if p =? q then mkFrame CORE 0 false q else boot_frame s q.
Proof.
  intros. unfold boot_frame, take. simpl. rewrite in_one_region.
  destruct (p =? q); reflexivity.
Qed.

Lemma frame_at_take : forall p s q, frame_at (take p s) q =
  if p =? q then mkFrame CORE 0 false q else frame_at s q.
Proof.
  intros. unfold frame_at at 1. rewrite boot_frame_take. unfold take. simpl.
  rewrite ZMap.get_del. destruct (p =? q); reflexivity.
Qed.

Lemma lookup_take : forall p s v g, lookup (take p s) v g =
  if (HOST =? v) && (p =? g) then None else lookup s v g.
Proof. intros. apply (lookup_del_entry HOST p s). Qed.

Lemma keep_donated : forall s p, Inv s -> owner s p = HOST ->
  f_count (frame_at s p) = 0 -> Inv (take p s).
Proof.
  intros s p I O C.
  assert (B := owned_is_ram s p I (or_introl O)).
  assert (F := frame_at_take p s). assert (BF := boot_frame_take p s).
  assert (L := lookup_take p s).
  assert (D : forall d i q, dev_lookup s d i = Some q -> q <> p).
  { intros d i q H ->. destruct (inv_dev _ I _ _ _ H) as [D1 [D2 D3]].
    destruct (gf_host _ _ _ (inv_frame _ I p) O) as [_ G].
    rewrite (inv_count _ I p O) in C.
    apply (dev_count_zero _ _ _ C D1). congruence. }
  constructor.
  - intro q. rewrite F. destruct (p =? q) eqn:Q.
    + zb. subst q. constructor; simpl; try discriminate; try lia.
      * intros _. rewrite BF, Z.eqb_refl. reflexivity.
      * unfold boot_owner. rewrite BF, Z.eqb_refl. discriminate.
    + destruct (inv_frame _ I q).
      constructor; unfold boot_owner in *; rewrite ?BF, ?Q; auto.
  - intros g e. rewrite L, Z.eqb_refl. destruct (p =? g) eqn:Q; [discriminate|].
    intro H. apply (inv_host _ I) in H. unfold host_entry, may_host, owner in *.
    rewrite F, Q. exact H.
  - intros v g e N. rewrite L, (proj2 (Z.eqb_neq HOST v)) by congruence.
    intro H. destruct (inv_vm _ I v g e N H) as [V K]. split; [exact V|].
    unfold entry_ok, owner in *. rewrite F.
    destruct (p =? e_pfn e) eqn:Q; [|exact K]. exfalso. zb. rewrite <- Q in K.
    unfold owner in O. rewrite O in K.
    destruct K as [[_ K]|[K _]]; [discriminate|congruence].
  - intros v g e N. rewrite L, (proj2 (Z.eqb_neq HOST v)) by congruence.
    intros H H2. destruct (inv_block _ I v g e N H H2) as [q [A X]].
    exists q. split; [exact A|]. intros i Hi.
    rewrite L, (proj2 (Z.eqb_neq HOST v)) by congruence. apply X. exact Hi.
  - intros d i q H. change (dev_lookup s d i = Some q) in H.
    unfold owner. rewrite F, (proj2 (Z.eqb_neq p q)) by (apply not_eq_sym, (D d i q H)).
    exact (inv_dev _ I _ _ _ H).
  - intros q. unfold owner. rewrite F. destruct (p =? q); [discriminate|].
    apply (inv_count _ I).
  - intros d i q H. change (dev_lookup s d i = Some q) in H. unfold boot_owner.
    rewrite BF, (proj2 (Z.eqb_neq p q)) by (apply not_eq_sym, (D d i q H)).
    exact (inv_dev_ram _ I _ _ _ H).
Qed.

(* A frame that is given belongs to Cordon. *)
Lemma given_is_core : forall w p v, Life w -> In (p, v) (given w) ->
  boot_owner (state w) p = CORE /\ owner (state w) p = CORE.
Proof.
  intros w p v H G.
  assert (B : boot_frame (state w) p = mkFrame CORE 0 false p).
  { unfold boot_frame. rewrite (life_core _ H). unfold in_regions.
    rewrite existsb_app. replace (existsb (in_region p) (regions (given w))) with true;
      [reflexivity|]. symmetry. apply existsb_exists. exists (mkRegion p 1).
    rewrite in_one_region, Z.eqb_refl. split; [|reflexivity].
    apply (in_map (fun d => mkRegion (fst d) 1)) in G. exact G. }
  unfold owner, boot_owner. rewrite (gf_fixed _ _ _ (inv_frame _ (life_inv _ H) p));
    unfold boot_owner; rewrite B; [auto|discriminate].
Qed.

Lemma life_donate : forall v p w, Life w -> Life (snd (donate v p w)).
Proof.
  intros v p w H. unfold donate. do 4 (case_if; [exact H|]). zb. cbn [snd].
  assert (O : owner (state w) p = HOST) by assumption.
  assert (B := owned_is_ram _ p (life_inv _ H) (or_introl O)).
  assert (R : in_regions p (ram (state w)) = true /\ in_regions p (own w) = false).
  { unfold boot_owner, boot_frame in B. rewrite (life_core _ H) in B.
    unfold in_regions in *. rewrite existsb_app in B.
    destruct (existsb _ (regions _)); [discriminate|]. simpl in B.
    destruct (existsb (in_region p) (own w)); [discriminate|].
    destruct (existsb (in_region p) (ram (state w))); [auto|discriminate]. }
  constructor; simpl.
  - apply keep_donated; auto using life_inv.
  - rewrite (life_core _ H). reflexivity.
  - constructor; [|apply (life_once _ H)]. intro X. apply in_map_iff in X.
    destruct X as [[q u] [X1 X2]]. simpl in X1. subst q.
    destruct (given_is_core w p u H X2) as [_ X]. rewrite O in X. discriminate.
  - intros q u [X|X]; [injection X as <- <-; tauto|]. apply (life_given _ H q u X).
  - apply (life_dev _ H).
Qed.

(* ---- clearing all that is mapped ---- *)

(* What it leaves of a frame: what it was, or a zero frame of the host's. *)
Definition cleared_or_same (v : Z) (s s' : State) : Prop :=
  Inv s' /\ vms s' = vms s /\ dev_owner s' = dev_owner s /\ ram s' = ram s /\
  core s' = core s /\
  forall q, (frame_at s' q = frame_at s q /\ forall i, word s' q i = word s q i) \/
    (owner s q = v /\ frame_at s' q = mkFrame HOST 0 false q /\ forall i, word s' q i = 0).

Lemma clear_mapped_spec : forall v s, Inv s -> vm_exists s v = true ->
  cleared_or_same v s (clear_mapped v s).
Proof.
  intros v s I V. unfold clear_mapped. generalize (ZMap.bindings (row v (tables s))).
  assert (G : forall l t, cleared_or_same v s t ->
    cleared_or_same v s (fold_left (fun s (b : Z * entry) => clear_or_not v (e_pfn (snd b)) s) l t)).
  { induction l as [|b l IH]; intros t T; [exact T|]. simpl. apply IH. clear IH.
    destruct T as [I0 [VM [DO [RA [CO F]]]]]. unfold clear_or_not. set (p := e_pfn (snd b)).
    destruct (clear_page v p t) as [t1|] eqn:C; [|exact (conj I0 (conj VM (conj DO (conj RA (conj CO F)))))].
    assert (V0 : vm_exists t v = true) by (unfold vm_exists in *; rewrite VM; exact V).
    split; [exact (keep_clear_page _ _ _ _ I0 V0 C)|].
    split; [rewrite <- VM; refine (part_clear_page _ vms _ _ _ _ v p t t1 C); reflexivity|].
    split; [rewrite <- DO; refine (part_clear_page _ dev_owner _ _ _ _ v p t t1 C); reflexivity|].
    split; [rewrite <- RA; refine (part_clear_page _ ram _ _ _ _ v p t t1 C); reflexivity|].
    split; [rewrite <- CO; refine (part_clear_page _ core _ _ _ _ v p t t1 C); reflexivity|].
    unfold clear_page in C. destruct (f_owner (frame_at t p) =? v) eqn:O in C; [|discriminate].
    injection C as C. zb.
    assert (F1 : forall q, frame_at t1 q =
      if p =? q then mkFrame HOST 0 false p else frame_at t q)
      by (intro; subst t1; st; reflexivity).
    assert (W1 : forall q i, word t1 q i = if p =? q then 0 else word t q i)
      by (intros; subst t1; st; reflexivity).
    destruct (vm_exists_range _ _ V) as [VH _].
    intro q. rewrite F1. destruct (p =? q) eqn:Q.
    - zb. rewrite <- Q. right. split; [|split; [reflexivity|]].
      + destruct (F p) as [[X _]|[X _]]; [unfold owner; congruence|exact X].
      + intro i. rewrite W1, Z.eqb_refl. reflexivity.
    - destruct (F q) as [[X Y]|[X [Y Z]]]; [left|right].
      + split; [exact X|]. intro i. rewrite W1, Q. apply Y.
      + split; [exact X|]. split; [exact Y|]. intro i. rewrite W1, Q. apply Z. }
  intro l. apply G. split; [exact I|]. repeat split. intro q. left. auto.
Qed.

Lemma bindings_get : forall A k (a : A) m, ZMap.get k m = Some a ->
  In (k, a) (ZMap.bindings m).
Proof.
  intros A k a m H. unfold ZMap.bindings. apply in_map_iff.
  exists (ZMap.key k, a). split.
  - simpl. destruct k; reflexivity.
  - apply PositiveMap.elements_correct. exact H.
Qed.

Lemma owns_nothing_spec : forall s v p, is_vm v = true ->
  owns_nothing s v = true -> owner s p <> v.
Proof.
  intros s v p V H E. unfold owner, frame_at in E.
  destruct (ZMap.get p (frames s)) as [r|] eqn:G.
  - apply bindings_get in G. unfold owns_nothing in H. rewrite forallb_forall in H.
    apply H in G. simpl in G. zb. contradiction.
  - destruct (boot_owners s p) as [X|[X|X]]; unfold boot_owner in X;
    rewrite X in E; subst v; discriminate.
Qed.

Lemma has_no_device_spec : forall s v d, v <> HOST ->
  has_no_device s v = true -> owner_of_device s d <> v.
Proof.
  intros s v d V H E. unfold owner_of_device in E.
  destruct (ZMap.get d (dev_owner s)) as [u|] eqn:G; [|congruence].
  apply bindings_get in G. unfold has_no_device in H. rewrite forallb_forall in H.
  apply H in G. simpl in G. zb. contradiction.
Qed.

(* ---- giving donated frames back ---- *)

Lemma fold_give_back : forall l s, let s' := fold_left (fun s p => give_back p s) l s in
  (exists fs m, s' = with_frames fs (with_memory m s)) /\
  (forall q, In q l -> frame_at s' q = mkFrame HOST 0 false q /\ forall i, word s' q i = 0) /\
  (forall q, ~ In q l -> frame_at s' q = frame_at s q /\ forall i, word s' q i = word s q i).
Proof.
  induction l as [|p l IH]; intros s s'; subst s'.
  - split; [exists (frames s), (memory s); destruct s; reflexivity|].
    split; [intros q []|]. intros q _. split; [reflexivity|]. intro. reflexivity.
  - simpl. destruct (IH (give_back p s)) as [[fs [m E]] [A B]].
    split; [exists fs, m; rewrite E; reflexivity|].
    assert (F : forall q, frame_at (give_back p s) q =
      if p =? q then mkFrame HOST 0 false p else frame_at s q)
      by (intro; unfold give_back; st; reflexivity).
    assert (W : forall q i, word (give_back p s) q i = if p =? q then 0 else word s q i)
      by (intros; unfold give_back; st; reflexivity).
    split.
    + intros q K. destruct (in_dec Z.eq_dec q l) as [K1|K1]; [apply A; exact K1|].
      destruct K as [K|K]; [|contradiction]. subst q. destruct (B p K1) as [X Y].
      rewrite X, F, Z.eqb_refl. split; [reflexivity|].
      intro i. rewrite Y, W, Z.eqb_refl. reflexivity.
    + intros q K. assert (K1 : ~ In q l) by (intro; apply K; right; assumption).
      assert (K2 : p =? q = false)
        by (apply Z.eqb_neq; intro; apply K; left; assumption).
      destruct (B q K1) as [X Y]. rewrite X, F, K2. split; [reflexivity|].
      intro i. rewrite Y, W, K2. reflexivity.
Qed.

Lemma in_donated_for : forall v g p, In p (donated_for v g) <-> In (p, v) g.
Proof.
  intros. unfold donated_for. rewrite in_map_iff. split.
  - intros [[q u] [E H]]. apply filter_In in H. destruct H as [H K]. simpl in *.
    zb. subst. exact H.
  - intro H. exists (p, v). split; [reflexivity|]. apply filter_In.
    split; [exact H|]. apply Z.eqb_refl.
Qed.

Lemma in_rest : forall v g p u, In (p, u) (rest v g) <-> In (p, u) g /\ u <> v.
Proof.
  intros. unfold rest. rewrite filter_In. simpl.
  rewrite negb_true_iff, Z.eqb_neq. reflexivity.
Qed.

Lemma in_regions_given : forall p g, in_regions p (regions g) = true <-> exists u, In (p, u) g.
Proof.
  intros. unfold in_regions. rewrite existsb_exists. split.
  - intros [r [A B]]. unfold regions in A. apply in_map_iff in A.
    destruct A as [[q u] [<- A]]. simpl in B. rewrite in_one_region in B. zb. subst.
    exists u. exact A.
  - intros [u H]. exists (mkRegion p 1). rewrite in_one_region, Z.eqb_refl.
    split; [|reflexivity]. apply (in_map (fun d => mkRegion (fst d) 1)) in H. exact H.
Qed.

Lemma once_one_vm : forall (g : list (Z * Z)) p u v, NoDup (map fst g) -> In (p, u) g ->
  In (p, v) g -> u = v.
Proof.
  induction g as [|[q w] g IH]; intros p u v N A B; [destruct A|].
  simpl in N. inversion N as [|? ? N1 N2]. subst.
  assert (X : forall x, In (p, x) g -> In p (map fst g))
    by (intros x K; apply (in_map fst) in K; exact K).
  destruct A as [A|A], B as [B|B].
  - congruence.
  - injection A as -> ->. exfalso. apply N1, (X v B).
  - injection B as -> ->. exfalso. apply N1, (X u A).
  - apply (IH p); assumption.
Qed.

(* What [finish] does, part by part. *)
Lemma finish_spec : forall v w, Life w -> vm_exists (state w) v = true ->
  let g := given w in
  let s := state w in
  let w' := finish v s g (own w) in
  let s' := state w' in
  (forall q, In (q, v) g ->
     frame_at s' q = mkFrame HOST 0 false q /\ boot_frame s' q = mkFrame HOST 0 false q /\
     forall i, word s' q i = 0) /\
  (forall q, ~ In (q, v) g ->
     frame_at s' q = frame_at s q /\ boot_frame s' q = boot_frame s q /\
     forall i, word s' q i = word s q i) /\
  (forall u h, lookup s' u h = if u =? v then None else lookup s u h) /\
  (forall u, vm_exists s' u = negb (u =? v) && vm_exists s u) /\
  (forall d i, dev_lookup s' d i = dev_lookup s d i) /\
  (forall d, owner_of_device s' d = owner_of_device s d) /\
  core s' = regions (rest v g) ++ own w /\ ram s' = ram s.
Proof.
  intros v w H V g s w' s'. unfold w', finish in s'.
  set (s0 := with_core _ _) in s'. simpl in s'.
  destruct (fold_give_back (donated_for v g) s0) as [[fs [m E]] [A B]].
  fold s' in E, A, B.
  assert (BF : forall q, boot_frame s' q = boot_frame s0 q)
    by (intro; rewrite E; reflexivity).
  assert (CO : core s = regions g ++ own w) by apply (life_core _ H).
  split; [|split; [|split; [|split; [|split; [|split; [|split]]]]]].
  - intros q K. destruct (A q) as [A1 A2]; [apply in_donated_for; exact K|].
    split; [exact A1|]. split; [|exact A2]. rewrite BF.
    destruct (life_given _ H q v K) as [_ [K1 K2]].
    unfold boot_frame, s0. simpl. unfold in_regions at 1. rewrite existsb_app.
    fold (in_regions q (regions (rest v g))). fold (in_regions q (own w)).
    fold s in K1. rewrite K2, K1. destruct (in_regions q (regions (rest v g))) eqn:R; [|reflexivity].
    apply in_regions_given in R. destruct R as [u R]. apply in_rest in R.
    destruct R as [R1 R2]. exfalso. apply R2.
    apply (once_one_vm g q); [apply (life_once _ H)|exact R1|exact K].
  - intros q K. destruct (B q) as [B1 B2]; [rewrite in_donated_for; exact K|].
    assert (BS : boot_frame s0 q = boot_frame s q).
    { unfold boot_frame, s0. simpl. rewrite CO. unfold in_regions at 1 3.
      rewrite !existsb_app. fold (in_regions q (regions (rest v g))).
      fold (in_regions q (regions g)).
      replace (in_regions q (regions (rest v g))) with (in_regions q (regions g));
        [reflexivity|]. apply eq_true_iff_eq. rewrite !in_regions_given.
      split; intros [u R].
      - exists u. apply in_rest. split; [exact R|]. intros ->. contradiction.
      - exists u. apply in_rest in R. apply R. }
    split; [|split; [rewrite BF; exact BS|exact B2]].
    rewrite B1. unfold frame_at. rewrite BS. reflexivity.
  - intros u h. rewrite E. unfold lookup, s0. simpl. rewrite get2_del_row.
    rewrite Z.eqb_sym. reflexivity.
  - intro u. rewrite E. unfold vm_exists, s0. simpl. rewrite ZMap.get_del, (Z.eqb_sym v u).
    destruct (u =? v), (is_vm u); reflexivity.
  - intros. rewrite E. reflexivity.
  - intros. rewrite E. reflexivity.
  - rewrite E. reflexivity.
  - rewrite E. reflexivity.
Qed.

Lemma life_finish : forall v w, Life w -> vm_exists (state w) v = true ->
  (forall p, owner (state w) p <> v) -> (forall d, owner_of_device (state w) d <> v) ->
  Life (finish v (state w) (given w) (own w)).
Proof.
  intros v w H V NO ND.
  destruct (finish_spec v w H V) as [A [B [L [X [D [DO [CO RA]]]]]]].
  set (w' := finish v (state w) (given w) (own w)) in *.
  assert (I := life_inv _ H). destruct (vm_exists_range _ _ V) as [VH _].
  assert (MINE : forall q, In (q, v) (given w) \/ ~ In (q, v) (given w)).
  { intro q. destruct (in_dec Z.eq_dec q (donated_for v (given w))) as [K|K];
    rewrite in_donated_for in K; auto. }
  assert (NOT : forall q, owner (state w) q <> CORE -> ~ In (q, v) (given w)).
  { intros q K K1. apply K. apply (given_is_core w q v H K1). }
  constructor.
  - constructor.
    + intro q. destruct (MINE q) as [K|K].
      * destruct (A q K) as [A1 [A2 _]]. rewrite A1.
        constructor; simpl; unfold boot_owner; rewrite ?A2; auto; try lia.
        intro Y. apply vm_exists_range in Y. destruct Y. contradiction.
      * destruct (B q K) as [B1 [B2 _]]. rewrite B1. specialize (NO q).
        unfold owner in NO. destruct (inv_frame _ I q).
        constructor; unfold boot_owner in *; rewrite ?B2, ?X; auto.
        -- intro Y. destruct (gf_ram Y) as [Z1|Z1]; [left; exact Z1|right].
           rewrite Z1, (proj2 (Z.eqb_neq _ _) NO). reflexivity.
        -- intro Y. apply andb_prop in Y. apply gf_vm, Y.
    + intros g e. rewrite L. destruct (HOST =? v) eqn:Q; [zb; congruence|].
      intro K. destruct (inv_host _ I g e K) as [K1 K2].
      assert (K3 : ~ In (g, v) (given w)).
      { apply NOT. intro O. unfold may_host in K2. unfold owner in O. rewrite O in K2.
        destruct (owner_cases _ g I) as [Y|[Y|[_ Y]]]; unfold owner in Y.
        - rewrite O in Y. discriminate.
        - apply vm_exists_range in Y. rewrite O in Y. destruct Y as [_ [Y _]].
          apply Y. reflexivity.
        - rewrite Y in K2. destruct (boot_count (state w) g) as [Y1 _].
          rewrite Y1 in K2. discriminate. }
      destruct (B g K3) as [B1 _]. unfold host_entry, may_host, owner in *.
      rewrite B1. auto.
    + intros u g e N. rewrite L, X. destruct (u =? v) eqn:Q; [discriminate|].
      intro K. destruct (inv_vm _ I u g e N K) as [K1 K2].
      split; [exact K1|]. assert (K3 : ~ In (e_pfn e, v) (given w)).
      { apply NOT. intro O. destruct K2 as [[_ K2]|[K2 _]]; rewrite O in K2;
        [discriminate|]. subst u. apply vm_exists_range in K1. destruct K1 as [_ [Y _]].
        apply Y. reflexivity. }
      destruct (B _ K3) as [B1 _]. unfold entry_ok, owner in *. rewrite B1. exact K2.
    + intros u g e N. rewrite L. destruct (u =? v) eqn:Q; [discriminate|].
      intros K K2. destruct (inv_block _ I u g e N K K2) as [p [P1 P2]].
      exists p. split; [exact P1|]. intros i Hi. rewrite L, Q. apply P2. exact Hi.
    + intros d i p. rewrite D, DO. intro K. destruct (inv_dev _ I d i p K) as [K1 [K2 K3]].
      assert (K4 : ~ In (p, v) (given w)).
      { intro Y. destruct (given_is_core w p v H Y) as [Y1 _].
        rewrite (inv_dev_ram _ I d i p K) in Y1. discriminate. }
      destruct (B p K4) as [B1 _]. unfold owner in *. rewrite B1. auto.
    + intros p. destruct (MINE p) as [K|K].
      * intros _. destruct (A p K) as [A1 _]. rewrite A1. simpl. symmetry.
        unfold dev_count. rewrite (filter_ext _ (fun _ => false)).
        -- clear. induction all_devices; auto.
        -- intro d. unfold maps_frame. rewrite D.
           destruct (dev_lookup (state w) d p) as [q|] eqn:Y; [|reflexivity].
           apply Z.eqb_neq. intros ->. destruct (given_is_core w p v H K) as [Y1 _].
           rewrite (inv_dev_ram _ I _ _ _ Y) in Y1. discriminate.
      * destruct (B p K) as [B1 _]. unfold owner. rewrite B1. intro O.
        rewrite (inv_count _ I p O). symmetry. apply dev_count_ext.
        intro d. unfold maps_frame. rewrite D. reflexivity.
    + intros d i p. rewrite D. intro K. unfold boot_owner.
      assert (K4 : ~ In (p, v) (given w)).
      { intro Y. destruct (given_is_core w p v H Y) as [Y1 _].
        rewrite (inv_dev_ram _ I d i p K) in Y1. discriminate. }
      destruct (B p K4) as [_ [B2 _]]. rewrite B2. apply (inv_dev_ram _ I d i p K).
  - exact CO.
  - unfold w', finish, rest. simpl. assert (N := life_once _ H). clear -N.
    induction (given w) as [|[q u] g IH]; [constructor|]. simpl in N.
    inversion N as [|? ? N1 N2]. subst. simpl. destruct (negb (u =? v)); [|auto].
    simpl. constructor; [|auto]. intro K. apply N1. apply in_map_iff in K.
    destruct K as [d [E K]]. apply filter_In in K. apply in_map_iff. exists d. tauto.
  - intros p u K. apply in_rest in K. destruct K as [K1 K2].
    destruct (life_given _ H p u K1) as [Y1 [Y2 Y3]].
    rewrite X, RA, Y1, (proj2 (Z.eqb_neq _ _) K2). auto.
  - intro d. rewrite DO, X. destruct (life_dev _ H d) as [Y|Y]; [left; exact Y|right].
    rewrite Y, (proj2 (Z.eqb_neq _ _) (ND d)). reflexivity.
Qed.

(* ------------------------------------------------------------------ *)
(* Theorems                                                            *)

Lemma life_cleared : forall v w, Life w -> vm_exists (state w) v = true ->
  let s1 := clear_mapped v (state w) in
  Life (mkWorld s1 (given w) (own w)) /\ cleared_or_same v (state w) s1.
Proof.
  intros v w H V s1.
  assert (C := clear_mapped_spec v (state w) (life_inv _ H) V). fold s1 in C.
  split; [|exact C]. destruct C as [I [VM [DO [RA [CO _]]]]].
  constructor; simpl; unfold vm_exists, owner_of_device; rewrite ?VM, ?DO, ?RA, ?CO;
    [exact I|apply (life_core _ H)|apply (life_once _ H)|apply (life_given _ H)|
     apply (life_dev _ H)].
Qed.

Lemma begin_good : forall r c, Life (begin r c).
Proof.
  intros r c. constructor; simpl; auto.
  - apply boot_good.
  - constructor.
  - contradiction.
  - intro d. left. unfold owner_of_device. simpl. rewrite ZMap.get_empty. reflexivity.
Qed.

(* Whatever is done, in any order: the invariant holds, no frame is donated
   twice, and what is donated is for a VM that exists. *)
Theorem deed_keeps : forall d w, Life w -> Life (snd (deed_step d w)).
Proof.
  intros d w H. destruct d as [c|v p|v]; cbn [deed_step].
  - destruct (step_regions c (state w)) as [R1 R2].
    destruct (step_life c (state w)) as [V D].
    constructor; cbn [snd state given own]; rewrite ?R1, ?R2.
    + apply step_keeps_invariant, life_inv, H.
    + apply (life_core _ H).
    + apply (life_once _ H).
    + intros p v K. destruct (life_given _ H p v K) as [K1 K2]. auto.
    + apply D, (life_dev _ H).
  - apply life_donate, H.
  - unfold destroy. case_if; [exact H|]. case_if; [exact H|]. zb.
    destruct (life_cleared v w H E) as [H1 C]. set (s1 := clear_mapped v (state w)) in *.
    case_if; [|exact H1]. destruct (vm_exists_range _ _ E) as [VH _].
    destruct C as [_ [VM [DO _]]].
    apply (life_finish v (mkWorld s1 (given w) (own w)) H1); simpl.
    + unfold vm_exists in *. rewrite VM. exact E.
    + intro p. apply owns_nothing_spec; [|exact E1].
      unfold vm_exists in E. apply andb_prop in E. apply E.
    + intro d. unfold owner_of_device. rewrite DO.
      apply (has_no_device_spec (state w) v d VH E0).
Qed.

Theorem always_life : forall ds r c, Life (live ds (begin r c)).
Proof.
  intros ds r c. generalize (begin_good r c). generalize (begin r c). unfold live.
  induction ds as [|d ds IH]; intros w H; [exact H|]. simpl. apply IH, deed_keeps, H.
Qed.

(* A frame that is donated is in nobody's table and in no device's. *)
Theorem donated_is_mapped_by_nobody : forall w p v, Life w -> In (p, v) (given w) ->
  owner (state w) p = CORE /\
  (forall u g e, lookup (state w) u g = Some e -> e_pfn e <> p) /\
  (forall d i, dev_lookup (state w) d i <> Some p).
Proof.
  intros w p v H G. destruct (given_is_core w p v H G) as [_ O].
  split; [exact O|]. apply I4_core_mapped_by_nobody; [apply (life_inv _ H)|exact O].
Qed.

(* It is donated for one VM, and once. *)
Theorem donated_once : forall w p u v, Life w -> In (p, u) (given w) ->
  In (p, v) (given w) -> u = v.
Proof. intros w p u v H. apply (once_one_vm (given w) p), (life_once _ H). Qed.

Lemma lookup_clear_other : forall v p s w h, w <> HOST -> w <> v ->
  lookup (clear_or_not v p s) w h = lookup s w h.
Proof.
  intros v p s w h N NV. unfold clear_or_not, clear_page. case_if; [|reflexivity]. st.
  rewrite (proj2 (Z.eqb_neq HOST w)) by congruence. cbn [andb].
  change (lookup (unmap_vm v (f_gfn (frame_at s p)) p s) w h = lookup s w h).
  unfold unmap_vm.
  destruct (lookup s v (f_gfn (frame_at s p))); [|reflexivity]. case_if; [|reflexivity].
  rewrite lookup_del_entry, (proj2 (Z.eqb_neq v w)) by congruence. cbn [andb].
  case_if; [|reflexivity]. unfold split.
  rewrite lookup_put_entries, (proj2 (Z.eqb_neq v w)) by congruence. reflexivity.
Qed.

Lemma lookup_clear_mapped : forall v s w h, w <> HOST -> w <> v ->
  lookup (clear_mapped v s) w h = lookup s w h.
Proof.
  intros v s w h N NV. unfold clear_mapped. generalize (ZMap.bindings (row v (tables s))).
  intro l. revert s. induction l as [|b l IH]; intro s; [reflexivity|]. simpl.
  rewrite IH. apply lookup_clear_other; assumption.
Qed.

(* After a destroy: each frame that the VM held, and each that was donated for
   it, is the host's, zero, granted to nobody and no longer on the list; nothing
   else has changed hands or contents, and no other VM's table. *)
Theorem destroy_gives_everything_back : forall v w w', Life w ->
  destroy v w = (Gives Ok, w') ->
  let held p := owner (state w) p = v \/ In (p, v) (given w) in
  (forall p, held p -> frame_at (state w') p = mkFrame HOST 0 false p /\
                       forall i, word (state w') p i = 0) /\
  (forall p, ~ held p -> frame_at (state w') p = frame_at (state w) p /\
                         forall i, word (state w') p i = word (state w) p i) /\
  (forall p u, In (p, u) (given w') <-> In (p, u) (given w) /\ u <> v) /\
  (forall u, vm_exists (state w') u = true <-> vm_exists (state w) u = true /\ u <> v) /\
  (forall u g, u <> HOST -> u <> v -> lookup (state w') u g = lookup (state w) u g).
Proof.
  intros v w w' H E held. unfold destroy in E.
  destruct (vm_exists (state w) v) eqn:V; [|discriminate]. simpl in E.
  destruct (has_no_device (state w) v) eqn:ND; [|discriminate]. simpl in E.
  destruct (life_cleared v w H V) as [H1 C]. set (s1 := clear_mapped v (state w)) in *.
  destruct (owns_nothing s1 v) eqn:NO; [|discriminate]. injection E as <-.
  destruct C as [_ [VM [_ [_ [_ F]]]]].
  assert (V1 : forall u, vm_exists s1 u = vm_exists (state w) u)
    by (intro; unfold vm_exists; rewrite VM; reflexivity).
  assert (IV : is_vm v = true) by (unfold vm_exists in V; apply andb_prop in V; apply V).
  destruct (finish_spec v (mkWorld s1 (given w) (own w)) H1) as [A [B [L [X _]]]];
    [simpl; rewrite V1; exact V|]. cbn [state given own] in A, B, L, X.
  assert (MINE : forall q, In (q, v) (given w) \/ ~ In (q, v) (given w)).
  { intro q. destruct (in_dec Z.eq_dec q (donated_for v (given w))) as [K|K];
    rewrite in_donated_for in K; auto. }
  split; [|split; [|split; [|split]]].
  - intros p K. destruct (MINE p) as [M|M].
    + destruct (A p M) as [A1 [_ A2]]. auto.
    + destruct K as [K|K]; [|contradiction]. destruct (B p M) as [B1 [_ B2]].
      destruct (F p) as [[F1 _]|[_ [F1 F2]]].
      * exfalso. apply (owns_nothing_spec s1 v p IV NO). unfold owner in *. congruence.
      * split; [congruence|]. intro i. rewrite B2. apply F2.
  - intros p K. destruct (B p) as [B1 [_ B2]]; [intro; apply K; right; assumption|].
    destruct (F p) as [[F1 F2]|[F1 _]]; [|exfalso; apply K; left; exact F1].
    split; [congruence|]. intro i. rewrite B2. apply F2.
  - intros p u. apply in_rest.
  - intro u. rewrite X, V1, andb_true_iff, negb_true_iff, Z.eqb_neq. tauto.
  - intros u g N NV. rewrite L, (proj2 (Z.eqb_neq u v)) by assumption.
    apply lookup_clear_mapped; assumption.
Qed.

(* Whoever does not exist has nothing: so a VM that is created, with a number
   that was another's or not, finds nothing of anybody. *)
Theorem new_vm_finds_nothing : forall v w w', Life w ->
  deed_step (Do (CreateVm v)) w = (Gives Ok, w') ->
  vm_exists (state w') v = true /\
  (forall g, lookup (state w') v g = None) /\
  (forall p, owner (state w') p <> v) /\
  (forall d, owner_of_device (state w') d <> v) /\
  (forall p, ~ In (p, v) (given w')).
Proof.
  intros v w w' H E. simpl in E. unfold create_vm in E.
  destruct (is_vm v && negb (vm_exists (state w) v)) eqn:N; [|discriminate].
  injection E as <-. simpl. apply andb_prop in N. destruct N as [IV N].
  apply negb_true_iff in N. assert (I := life_inv _ H).
  assert (VH : v <> HOST /\ v <> CORE /\ v <> INVALID).
  { unfold is_vm, HOST, CORE, INVALID, LAST_VM in *. zb.
    change (2 ^ 32 - 1) with 4294967295. lia. }
  split; [rewrite vm_exists_set, IV, Z.eqb_refl; reflexivity|].
  split; [|split; [|split]].
  - intro g. change (lookup (state w) v g = None).
    destruct (lookup (state w) v g) as [e|] eqn:L; [|reflexivity].
    destruct (inv_vm _ I v g e (proj1 VH) L). congruence.
  - intros p O. change (owner (state w) p = v) in O.
    destruct (owner_cases _ p I) as [Y|[Y|[[Y|Y] _]]]; rewrite O in Y; intuition congruence.
  - intros d O. change (owner_of_device (state w) d = v) in O.
    destruct (life_dev _ H d) as [Y|Y]; rewrite O in Y; intuition congruence.
  - intros p K. destruct (life_given _ H p v K). congruence.
Qed.

(* ---- what is hidden ---- *)

Lemma own_stays : forall ds w, own (live ds w) = own w.
Proof.
  unfold live. induction ds as [|d ds IH]; intros w; [reflexivity|]. simpl.
  rewrite IH. destruct d as [c|v p|v]; simpl; [reflexivity| |].
  - unfold donate. cases; reflexivity.
  - unfold destroy. cases; reflexivity.
Qed.

(* A device that is hidden: memory that is not RAM and that Cordon is given at
   boot.  Nobody maps it, no device reaches it, and the host's fault there is
   refused, whatever was done before. *)
Theorem hidden_devices_stay_hidden : forall ds r c p,
  in_regions p r = false -> in_regions p c = true ->
  let s := state (live ds (begin r c)) in
  (forall u g e, lookup s u g = Some e -> e_pfn e <> p) /\
  (forall d i, dev_lookup s d i <> Some p) /\
  (forall a, is_paddr a = true -> a / PAGE = p -> host_fault a s = (Refused Private, s)).
Proof.
  intros ds r c p _ C s. assert (H := always_life ds r c).
  assert (B : frame_at s p = mkFrame CORE 0 false p).
  { assert (B : boot_frame s p = mkFrame CORE 0 false p).
    { unfold boot_frame, s. rewrite (life_core _ H), own_stays. simpl.
      unfold in_regions. rewrite existsb_app. fold (in_regions p c).
      rewrite C, orb_true_r. reflexivity. }
    assert (G := gf_fixed _ _ _ (inv_frame _ (life_inv _ H) p)). fold s in G.
    rewrite G; [exact B|]. unfold boot_owner. rewrite B. discriminate. }
  assert (O : owner s p = CORE) by (unfold owner; rewrite B; reflexivity).
  destruct (I4_core_mapped_by_nobody s p (life_inv _ H) O) as [M D].
  split; [exact M|]. split; [exact D|].
  intros a A E. unfold host_fault, may_host. rewrite A, E, B. reflexivity.
Qed.
