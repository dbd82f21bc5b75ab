(* prot_and_map keeps the invariant: frames pass to a VM, and it maps them. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  KeepParts.
Local Open Scope Z_scope.

(* ------------------------------------------------------------------ *)
(* Assignment                                                          *)

Lemma frame_eta : forall r,
  r = mkFrame (f_owner r) (f_count r) (f_pending r) (f_gfn r).
Proof. destruct r; reflexivity. Qed.

Lemma host_count_zero_no_device : forall s p, Inv s -> owner s p = HOST ->
  f_count (frame_at s p) = 0 -> forall d i, dev_lookup s d i <> Some p.
Proof.
  intros s p I H C d i D. destruct (inv_dev _ I _ _ _ D) as [D1 [D2 D3]].
  assert (f_gfn (frame_at s p) = p)
    by apply (gf_host _ _ _ (inv_frame _ I p) H).
  rewrite (inv_count _ I p H) in C.
  apply (dev_count_zero s p d C D1). congruence.
Qed.

Lemma host_frame_unmapped_by_vms : forall s p, Inv s -> owner s p = HOST ->
  forall v g e, v <> HOST -> lookup s v g = Some e -> e_pfn e <> p.
Proof.
  intros s p I H v g e N L E. subst p.
  destruct (inv_vm _ I _ _ _ N L) as [V K].
  destruct K as [[_ K]|[K _]]; rewrite H in K; [discriminate|congruence].
Qed.

Lemma gfn_real : forall g, is_gfn g = true -> g <> NO_GFN.
Proof.
  unfold is_gfn, GFN_LIMIT, NO_GFN. intros. zb.
  change (2 ^ 36) with 68719476736 in *.
  change (2 ^ 64) with 18446744073709551616. lia.
Qed.

(* What a frame may be that is about to become guest frame [g] of [v]. *)
Lemma assignable : forall s v g p, Inv s -> vm_exists s v = true ->
  assign_refusal s v g p = None ->
  (owner s p = HOST /\ f_count (frame_at s p) = 0) \/
  (owner s p = v /\ f_gfn (frame_at s p) = g).
Proof.
  intros s v g p I V A. unfold assign_refusal in A. unfold owner.
  destruct (f_owner (frame_at s p) =? HOST) eqn:E1.
  - destruct (f_count (frame_at s p) =? 0) eqn:E2; [|discriminate].
    zb. auto.
  - destruct (f_owner (frame_at s p) =? v) eqn:E2; [|discriminate].
    destruct ((f_gfn (frame_at s p) =? NO_GFN) || (f_gfn (frame_at s p) =? g))
      eqn:E3; [|discriminate].
    zb. right. split; [assumption|].
    apply orb_prop in E3. destruct E3; zb; [|assumption].
    destruct (inv_frame _ I p) as [_ _ _ _ K]. rewrite E2 in K.
    destruct (K V) as [_ [K2 _]]. apply gfn_real in K2. contradiction.
Qed.

(* A frame of the host that no device maps passes to a VM, perhaps pending. *)
Lemma keep_leave_host : forall s v g p b, Inv s -> vm_exists s v = true ->
  is_gfn g = true -> owner s p = HOST -> f_count (frame_at s p) = 0 ->
  Inv (set_frame p (mkFrame v 0 b g) (del_entry HOST p s)).
Proof.
  intros s v g p b I V G O C. destruct (vm_exists_range _ _ V) as [VH _].
  apply keep_take; simpl; auto; try congruence.
  - constructor; simpl; intros; try lia; try congruence; auto.
    + exfalso. apply H. apply owned_is_ram; auto.
    + unfold MAX_GRANTS. repeat split; auto; lia.
  - right. split.
    + apply host_frame_unmapped_by_vms; assumption.
    + apply host_count_zero_no_device; assumption.
Qed.

Lemma keep_assign : forall s v g p, Inv s -> vm_exists s v = true ->
  is_gfn g = true -> assign_refusal s v g p = None ->
  Inv (assign v g p s).
Proof.
  intros s v g p I V G A.
  destruct (vm_exists_range _ _ V) as [VH _].
  destruct (assignable _ _ _ _ I V A) as [[O C]|[O F]]; unfold assign.
  - assert (O' := O). unfold owner in O'. rewrite O'. apply keep_leave_host; assumption.
  - destruct (inv_frame _ I p) as [_ _ _ _ GV]. unfold owner in O. rewrite O in *.
    rewrite (proj2 (Z.eqb_neq v HOST)) by assumption. simpl orb.
    destruct (f_pending (frame_at s p)) eqn:P.
    + apply keep_take; simpl; auto; try congruence.
      constructor; simpl; intros; try lia; try congruence; auto.
      * exfalso. apply H. apply owned_is_ram; auto. right. unfold owner. congruence.
      * unfold MAX_GRANTS. repeat split; auto; lia.
    + apply keep_same_frame; [assumption|].
      rewrite (frame_eta (frame_at s p)). rewrite O, P, F. reflexivity.
Qed.

Definition assigned_frame (v g : Z) (r : frame) : frame :=
  mkFrame v (if (f_owner r =? HOST) || f_pending r then 0 else f_count r) false g.

Lemma frame_at_assign : forall v g p s q,
  frame_at (assign v g p s) q =
  if p =? q then assigned_frame v g (frame_at s p) else frame_at s q.
Proof.
  intros. unfold assign, assigned_frame. destruct (_ || _); st; reflexivity.
Qed.

Lemma lookup_assign : forall v g p s w h, w <> HOST ->
  lookup (assign v g p s) w h = lookup s w h.
Proof.
  intros. unfold assign. case_if; st; [|reflexivity].
  rewrite (proj2 (Z.eqb_neq HOST w)) by congruence. reflexivity.
Qed.

Lemma frame_at_assign_each : forall n x s v g p q,
  frame_at (each n x (fun i => assign v (g + i) (p + i)) s) q =
  if (p + x <=? q) && (q <? p + x + Z.of_nat n)
  then assigned_frame v (g + (q - p)) (frame_at s q) else frame_at s q.
Proof.
  induction n; intros.
  - simpl. destruct (p + x <=? q) eqn:A, (q <? p + x + Z.of_nat 0) eqn:B;
      simpl; zb; try reflexivity; lia.
  - rewrite each_S, IHn, frame_at_assign.
    destruct (p + (x + 1) <=? q) eqn:A, (q <? p + (x + 1) + Z.of_nat n) eqn:B,
      (p + x <=? q) eqn:C, (q <? p + x + Z.of_nat (S n)) eqn:D, (p + x =? q) eqn:E;
      simpl; zb; try reflexivity; try lia.
    subst q. f_equal. lia.
Qed.

Lemma frame_at_assign_all : forall n s v g p q,
  frame_at (assign_all v g p n s) q =
  if (p <=? q) && (q <? p + Z.of_nat n)
  then assigned_frame v (g + (q - p)) (frame_at s q) else frame_at s q.
Proof.
  intros. unfold assign_all. rewrite frame_at_assign_each.
  replace (p + 0) with p by lia. reflexivity.
Qed.

Lemma lookup_assign_all : forall v g p n s w h, w <> HOST ->
  lookup (assign_all v g p n s) w h = lookup s w h.
Proof.
  intros. unfold assign_all. generalize 0. revert s.
  induction n; intros s x; [reflexivity|].
  rewrite each_S, IHn, lookup_assign by assumption. reflexivity.
Qed.

Lemma assign_refusal_frame : forall s s' v g p,
  frame_at s' p = frame_at s p ->
  assign_refusal s' v g p = assign_refusal s v g p.
Proof. intros. unfold assign_refusal. rewrite H. reflexivity. Qed.

Lemma keep_assign_all : forall n x s v g p, Inv s -> vm_exists s v = true ->
  (forall i, x <= i < x + Z.of_nat n ->
     is_gfn (g + i) = true /\ assign_refusal s v (g + i) (p + i) = None) ->
  Inv (each n x (fun i => assign v (g + i) (p + i)) s).
Proof.
  induction n; intros x s v g p I V A; [assumption|].
  rewrite each_S. destruct (A x) as [G R]; [lia|]. apply IHn.
  - apply keep_assign; assumption.
  - st. assumption.
  - intros i Hi. destruct (A i) as [G' R']; [lia|]. split; [assumption|].
    rewrite (assign_refusal_frame s); [assumption|]. rewrite frame_at_assign.
    rewrite (proj2 (Z.eqb_neq (p + x) (p + i))) by lia. reflexivity.
Qed.

(* ------------------------------------------------------------------ *)
(* Pages and blocks                                                    *)

Lemma keep_page : forall s v g p, Inv s -> vm_exists s v = true ->
  is_gfn g = true -> lookup s v g = None -> assign_refusal s v g p = None ->
  Inv (set_entry v g (page_entry p) (assign v g p s)).
Proof.
  intros s v g p I V G U A.
  destruct (vm_exists_range _ _ V) as [VH _].
  apply keep_set_entry; st; auto using keep_assign.
  - rewrite lookup_assign by assumption. assumption.
  - right. unfold owner. simpl. rewrite frame_at_assign, Z.eqb_refl. simpl. auto.
  - simpl. discriminate.
Qed.

Lemma block_entry_ok : forall s v b p i,
  owner s (p + i) = v -> f_gfn (frame_at s (p + i)) = b + i ->
  f_pending (frame_at s (p + i)) = false ->
  entry_ok s v (b + i) (block_entry p i).
Proof. intros. right. simpl. repeat split; auto. Qed.

Lemma keep_new_block : forall s v b p, Inv s -> vm_exists s v = true ->
  b mod 512 = 0 -> p mod 512 = 0 ->
  (forall i, 0 <= i < 512 -> owner s (p + i) = v /\
     f_gfn (frame_at s (p + i)) = b + i /\
     f_pending (frame_at s (p + i)) = false) ->
  Inv (put_entries v (as_block b p) BLOCK_NAT b s).
Proof.
  intros s v b p I V B P F. apply Inv_put_range; auto.
  - intros h e H E. unfold as_block in E. inj.
    destruct (F (h - b)) as [F1 [F2 F3]]; [lia|].
    replace h with (b + (h - b)) at 1 by lia. apply block_entry_ok; assumption.
  - left. exists p. split; [assumption|]. intros i Hi. unfold as_block.
    do 2 f_equal. lia.
Qed.

Lemma block_pages_gfn : forall g i, is_gfn g = true -> 0 <= i < 512 ->
  is_gfn (block_base g + i) = true.
Proof.
  unfold is_gfn, GFN_LIMIT. intros g i H Hi. zb.
  destruct (block_base_spec g) as [A B].
  change (2 ^ 36) with (134217728 * 512) in *.
  pose proof (Z.div_mod (block_base g) 512).
  apply andb_true_intro. split; [apply Z.leb_le | apply Z.ltb_lt]; lia.
Qed.

Lemma keep_map_page : forall s v g p, Inv s -> vm_exists s v = true ->
  is_gfn g = true -> Inv (snd (map_page v g p s)).
Proof.
  intros s v g p I V G. unfold map_page.
  destruct (unmapped s v g) eqn:U.
  - destruct (assign_refusal s v g p) eqn:A; [assumption|]. simpl.
    apply keep_page; try assumption. unfold unmapped in U.
    destruct (lookup s v g); [discriminate|reflexivity].
  - case_if; assumption.
Qed.

Lemma maps_normal_spec : forall s v g p, maps_normal s v g p = true ->
  exists e, lookup s v g = Some e /\ e_pfn e = p /\ e_kind e = Normal.
Proof.
  unfold maps_normal. intros s v g p H.
  destruct (lookup s v g) as [e|]; [|discriminate].
  exists e. zb. destruct (e_kind e); [auto|discriminate].
Qed.

Lemma mapped_normal_frame : forall s v g p, Inv s -> v <> HOST ->
  maps_normal s v g p = true ->
  owner s p = v /\ f_gfn (frame_at s p) = g /\ f_pending (frame_at s p) = false.
Proof.
  intros s v g p I N M. destruct (maps_normal_spec _ _ _ _ M) as [e [L [P K]]].
  destruct (inv_vm _ I _ _ _ N L) as [_ [[E _]|[A [B [C _]]]]].
  - rewrite E in K. discriminate.
  - rewrite P in *. auto.
Qed.

Lemma keep_map_block : forall s v g p, Inv s -> vm_exists s v = true ->
  is_gfn g = true -> p mod 512 = 0 ->
  Inv (snd (map_block v (block_base g) p s)).
Proof.
  intros s v g p I V G P. unfold map_block.
  destruct (vm_exists_range _ _ V) as [VH _].
  destruct (all_pages BLOCK_NAT 0 (fun i => unmapped s v (block_base g + i))).
  - destruct (first_refusal _ _ _) eqn:R; [assumption|]. simpl.
    assert (F := frame_at_assign_all BLOCK_NAT s v (block_base g) p).
    rewrite block_nat in F. apply keep_new_block; st; auto.
    + apply keep_assign_all; [assumption..|]. rewrite block_nat.
      intros i Hi. split; [apply block_pages_gfn; auto; lia|].
      apply (first_refusal_none _ _ _ R i). rewrite block_nat. lia.
    + apply block_base_spec.
    + intros i Hi. unfold owner. rewrite F, (proj2 (Z.leb_le p (p + i))),
        (proj2 (Z.ltb_lt (p + i) (p + 512))) by lia.
      cbn [andb assigned_frame f_owner f_gfn f_pending]. repeat split; f_equal; lia.
  - destruct (all_pages BLOCK_NAT 0 _) eqn:M; [|assumption].
    rewrite all_pages_spec, block_nat in M.
    case_if; simpl; [assumption|].
    apply keep_new_block; auto.
    + apply block_base_spec.
    + intros i Hi. apply mapped_normal_frame; auto; apply M; lia.
Qed.

Lemma addr_gfn : forall a, is_addr a = true -> is_gfn (a / PAGE) = true.
Proof.
  unfold is_addr, is_gfn, GUEST_LIMIT, GFN_LIMIT, PAGE. intros. zb.
  change (2 ^ 48) with (68719476736 * 4096) in *.
  change (2 ^ 36) with 68719476736.
  pose proof (Z.div_mod a 4096). pose proof (Z.mod_pos_bound a 4096).
  apply andb_true_intro. split; [apply Z.leb_le | apply Z.ltb_lt]; lia.
Qed.

Lemma keep_prot_and_map : forall v addr pte level s, Inv s ->
  Inv (snd (prot_and_map v addr pte level s)).
Proof.
  intros. unfold prot_and_map.
  case_if; [assumption|]. zb.
  case_if; [assumption|].
  case_if; [assumption|]. zb.
  assert (is_gfn (addr / PAGE) = true) by (apply addr_gfn; assumption).
  destruct (level =? 2) eqn:L.
  - simpl in E. zb. apply keep_map_block; auto.
  - apply keep_map_page; auto.
Qed.
