(* Every operation keeps the invariant. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Laws Invariant.
Local Open Scope Z_scope.

Ltac inj := repeat match goal with
  | H : Some _ = Some _ |- _ => injection H as H; try subst
  | H : None = Some _ |- _ => discriminate H
  | H : Some _ = None |- _ => discriminate H
  | H : (_, _) = (_, _) |- _ => injection H as; try subst
  end.

Ltac case_if :=
  match goal with |- context [if ?b then _ else _] =>
    let E := fresh "E" in destruct b eqn:E end.

Ltac not_fixed :=
  match goal with K : boot_owner _ _ <> HOST |- _ => apply K end.

(* ------------------------------------------------------------------ *)
(* The host's table                                                    *)

Lemma keep_host_map : forall s p, Inv s -> may_host s p = true ->
  Inv (set_entry HOST p (host_entry s p) s).
Proof.
  intros s p I M. constructor.
  - intro q. destruct (inv_frame _ I q).
    constructor; unfold boot_owner in *; st; auto.
  - intros g e H. st. destruct ((HOST =? HOST) && (p =? g)) eqn:E.
    + zb. subst. inj. unfold host_entry, may_host, owner in *. st. auto.
    + apply (inv_host _ I) in H. unfold host_entry, may_host, owner in *. st. auto.
  - intros v g e N H. st. rewrite (proj2 (Z.eqb_neq HOST v)) in H by congruence.
    apply (inv_vm _ I) in H; [|assumption]. unfold entry_ok, owner in *. st. auto.
  - intros v g e N H L. st. rewrite (proj2 (Z.eqb_neq HOST v)) in H by congruence.
    destruct (inv_block _ I v g e N H L) as [q [A B]].
    exists q. split; [assumption|]. intros i Hi. st.
    rewrite (proj2 (Z.eqb_neq HOST v)) by congruence. apply B; assumption.
  - intros d i q. unfold owner. st. apply (inv_dev _ I).
  - intros q. unfold owner. st. apply (inv_count _ I).
  - intros d i q. unfold boot_owner. st. apply (inv_dev_ram _ I).
Qed.

Lemma keep_del_host : forall s p, Inv s -> Inv (del_entry HOST p s).
Proof.
  intros s p I. constructor.
  - intro q. destruct (inv_frame _ I q).
    constructor; unfold boot_owner in *; st; auto.
  - intros g e H. st. destruct ((HOST =? HOST) && (p =? g)); [discriminate|].
    apply (inv_host _ I) in H. unfold host_entry, may_host, owner in *. st. auto.
  - intros v g e N H. st. rewrite (proj2 (Z.eqb_neq HOST v)) in H by congruence.
    apply (inv_vm _ I) in H; [|assumption]. unfold entry_ok, owner in *. st. auto.
  - intros v g e N H L. st. rewrite (proj2 (Z.eqb_neq HOST v)) in H by congruence.
    destruct (inv_block _ I v g e N H L) as [q [A B]].
    exists q. split; [assumption|]. intros i Hi. st.
    rewrite (proj2 (Z.eqb_neq HOST v)) by congruence. apply B; assumption.
  - intros d i q. unfold owner. st. apply (inv_dev _ I).
  - intros q. unfold owner. st. apply (inv_count _ I).
  - intros d i q. unfold boot_owner. st. apply (inv_dev_ram _ I).
Qed.

(* ------------------------------------------------------------------ *)
(* Changing one frame record                                           *)

(* A record changes.  Enough: the new one is good; the host maps the frame
   only if it still may, in the same way; no VM and no device maps it unless
   owner, gfn and pending stay; the device count is right. *)
Lemma keep_set_frame : forall s p r,
  Inv s ->
  good_frame s p r ->
  (forall e, lookup s HOST p = Some e ->
     e = host_entry (set_frame p r s) p /\ may_host (set_frame p r s) p = true) ->
  (f_owner r = owner s p /\ f_gfn r = f_gfn (frame_at s p) /\
   (f_pending r = true -> f_pending (frame_at s p) = true) \/
   (forall v g e, v <> HOST -> lookup s v g = Some e -> e_pfn e <> p) /\
   (forall d i, dev_lookup s d i <> Some p)) ->
  (f_owner r = HOST -> f_count r = dev_count s p) ->
  Inv (set_frame p r s).
Proof.
  intros s p r I G H0 U C. constructor.
  - intro q. st. destruct (p =? q) eqn:E.
    + zb. subst. destruct G. constructor; unfold boot_owner in *; st; auto.
    + destruct (inv_frame _ I q). constructor; unfold boot_owner in *; st; auto.
  - intros g e H. st. destruct (Z.eq_dec p g) as [E|E].
    + subst. apply H0. assumption.
    + apply (inv_host _ I) in H. unfold host_entry, may_host, owner in *. st.
      rewrite (proj2 (Z.eqb_neq p g)) by assumption. assumption.
  - intros v g e N H. st. destruct (inv_vm _ I _ _ _ N H) as [V K].
    split; [assumption|]. unfold entry_ok, owner in *. st.
    destruct (p =? e_pfn e) eqn:E; [|assumption].
    zb. subst p. destruct U as [[U1 [U2 U3]]|[U _]].
    + rewrite U1, U2. destruct K as [K|[K1 [K2 [K3 K4]]]]; [left; assumption|].
      right. repeat split; auto.
      destruct (f_pending r); [|reflexivity]. rewrite K3 in U3. symmetry. auto.
    + exfalso. apply (U v g e); auto.
  - intros v g e N H L. st.
    destruct (inv_block _ I v g e N H L) as [q [A B]].
    exists q. split; [assumption|]. intros i Hi. st. apply B; assumption.
  - intros d i q H. st. destruct (inv_dev _ I _ _ _ H) as [D1 [D2 D3]].
    unfold owner in *. st. destruct (p =? q) eqn:E; [|auto].
    zb. subst q. destruct U as [[U1 [U2 _]]|[_ U]].
    + rewrite U1, U2. auto.
    + exfalso. apply (U d i). assumption.
  - intros q H. unfold owner in *. st.
    rewrite (dev_count_ext s) by
      (intro; unfold maps_frame; st; reflexivity).
    destruct (p =? q) eqn:E.
    + zb. subst. auto.
    + apply (inv_count _ I). assumption.
  - intros d i q. unfold boot_owner. st. apply (inv_dev_ram _ I).
Qed.

(* A record that is set to what it was. *)
Lemma keep_same_frame : forall s p r, Inv s -> r = frame_at s p ->
  Inv (set_frame p r s).
Proof.
  intros s p r I E. subst. apply Inv_ext with s; intros; st; try reflexivity;
  try assumption. destruct (p =? p0) eqn:E; [|reflexivity].
  zb. subst. reflexivity.
Qed.

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

Lemma keep_assign : forall s v g p, Inv s -> vm_exists s v = true ->
  is_gfn g = true -> assign_refusal s v g p = None ->
  Inv (assign v g p s).
Proof.
  intros s v g p I V G A.
  destruct (vm_exists_range _ _ V) as [VH [VC VI]].
  destruct (assignable _ _ _ _ I V A) as [[O C]|[O F]]; unfold assign.
  - unfold owner in O. rewrite O. change (HOST =? HOST) with true. simpl orb.
    cbv iota. apply keep_set_frame.
    + apply keep_del_host. assumption.
    + constructor; simpl; intros; st; try assumption; try lia; try congruence.
      * exfalso. apply H. unfold boot_owner. st.
        change (boot_owner s p = HOST). apply owned_is_ram; auto.
      * right. assumption.
      * unfold MAX_GRANTS. repeat split; auto; lia.
    + intros e H. st. rewrite !Z.eqb_refl in H. discriminate.
    + right. split.
      * intros w h e N H. st. rewrite (proj2 (Z.eqb_neq HOST w)) in H by congruence.
        simpl in H. eapply host_frame_unmapped_by_vms; eauto.
      * intros d i. st. apply host_count_zero_no_device; auto.
    + simpl. congruence.
  - destruct (inv_frame _ I p) as [GX GR GC GH GV]. unfold owner in O. rewrite O in *.
    rewrite (proj2 (Z.eqb_neq v HOST)) by assumption. simpl orb.
    destruct (GV V) as [G1 [G2 G3]].
    destruct (f_pending (frame_at s p)) eqn:P.
    + apply keep_set_frame.
      * apply keep_del_host. assumption.
      * constructor; simpl; intros; st; try assumption; try lia; try congruence.
        -- exfalso. apply H. unfold boot_owner. st.
           change (boot_owner s p = HOST). apply owned_is_ram; auto.
           right. unfold owner. rewrite O. assumption.
        -- right. assumption.
        -- unfold MAX_GRANTS. repeat split; auto; lia.
      * intros e H. st. rewrite !Z.eqb_refl in H. discriminate.
      * left. simpl. unfold owner. st. repeat split; try congruence; discriminate.
      * simpl. congruence.
    + apply keep_same_frame; [assumption|].
      rewrite (frame_eta (frame_at s p)). rewrite O, P, F. reflexivity.
Qed.

Lemma frame_at_assign : forall v g p s q,
  frame_at (assign v g p s) q =
  if p =? q then frame_at (assign v g p s) p else frame_at s q.
Proof.
  intros. destruct (p =? q) eqn:E; [zb; subst; reflexivity|].
  unfold assign. case_if; st; rewrite E; reflexivity.
Qed.

(* The frame afterwards. *)
Lemma assigned : forall v g p s,
  let r := frame_at (assign v g p s) p in
  f_owner r = v /\ f_gfn r = g /\ f_pending r = false.
Proof.
  intros. subst r. unfold assign. case_if; st; rewrite Z.eqb_refl; auto.
Qed.

Lemma lookup_assign : forall v g p s w h, w <> HOST ->
  lookup (assign v g p s) w h = lookup s w h.
Proof.
  intros. unfold assign. case_if; st; [|reflexivity].
  rewrite (proj2 (Z.eqb_neq HOST w)) by congruence. reflexivity.
Qed.

Lemma vm_exists_assign : forall v g p s w,
  vm_exists (assign v g p s) w = vm_exists s w.
Proof. intros. unfold assign. case_if; st; reflexivity. Qed.

Lemma first_refusal_none : forall n x f, first_refusal n x f = None ->
  forall i, x <= i < x + Z.of_nat n -> f i = None.
Proof.
  induction n; intros x f H i Hi; [lia|]. simpl in H.
  destruct (f x) eqn:F; [discriminate|].
  destruct (Z.eq_dec i x); [subst; assumption|]. apply (IHn (x + 1)); auto. lia.
Qed.

Lemma assign_refusal_frame : forall s s' v g p,
  frame_at s' p = frame_at s p ->
  assign_refusal s' v g p = assign_refusal s v g p.
Proof. intros. unfold assign_refusal. rewrite H. reflexivity. Qed.

Lemma keep_assign_each : forall n x s v g p, Inv s -> vm_exists s v = true ->
  (forall i, x <= i < x + Z.of_nat n ->
     is_gfn (g + i) = true /\ assign_refusal s v (g + i) (p + i) = None) ->
  let s' := each n x (fun i => assign v (g + i) (p + i)) s in
  Inv s' /\ vm_exists s' v = true /\
  (forall w h, w <> HOST -> lookup s' w h = lookup s w h) /\
  (forall i, x <= i < x + Z.of_nat n ->
     f_owner (frame_at s' (p + i)) = v /\
     f_gfn (frame_at s' (p + i)) = g + i /\
     f_pending (frame_at s' (p + i)) = false) /\
  (forall q, (forall i, x <= i < x + Z.of_nat n -> q <> p + i) ->
     frame_at s' q = frame_at s q).
Proof.
  induction n; intros x s v g p I V A s'.
  - subst s'. simpl. split; [assumption|]. split; [assumption|].
    split; [reflexivity|]. split; [intros; lia | reflexivity].
  - subst s'. rewrite each_S.
    destruct (A x) as [G R]; [lia|].
    destruct (IHn (x + 1) (assign v (g + x) (p + x) s) v g p)
      as [J1 [J2 [J3 [J4 J5]]]].
    + apply keep_assign; assumption.
    + rewrite vm_exists_assign. assumption.
    + intros i Hi. destruct (A i) as [G' R']; [lia|]. split; [assumption|].
      rewrite (assign_refusal_frame s); [assumption|].
      rewrite frame_at_assign.
      rewrite (proj2 (Z.eqb_neq (p + x) (p + i))) by lia. reflexivity.
    + split; [assumption|]. split; [assumption|]. split; [|split].
      * intros w h W. rewrite J3, lookup_assign by assumption. reflexivity.
      * intros i Hi. destruct (Z.eq_dec i x) as [->|E].
        -- rewrite (J5 (p + x)) by (intros; lia). apply assigned.
        -- apply J4. lia.
      * intros q Q. rewrite J5 by (intros; apply Q; lia).
        rewrite frame_at_assign.
        rewrite (proj2 (Z.eqb_neq (p + x) q)); [reflexivity|].
        intro. apply (Q x); lia.
Qed.

(* ------------------------------------------------------------------ *)
(* Entries of a VM                                                     *)

Lemma keep_set_entry : forall s v g e, Inv s -> vm_exists s v = true ->
  lookup s v g = None -> entry_ok s v g e -> e_level e <> 2 ->
  Inv (set_entry v g e s).
Proof.
  intros s v g e I V U K L2.
  destruct (vm_exists_range _ _ V) as [VH _].
  constructor.
  - intro q. destruct (inv_frame _ I q).
    constructor; unfold boot_owner in *; st; auto.
  - intros h x H. st. rewrite (proj2 (Z.eqb_neq v HOST)) in H by assumption.
    apply (inv_host _ I) in H. unfold host_entry, may_host, owner in *. st. auto.
  - intros w h x N H. st. destruct ((v =? w) && (g =? h)) eqn:E.
    + zb. subst. inj. split; [assumption|].
      unfold entry_ok, owner in *. st. assumption.
    + apply (inv_vm _ I) in H; [|assumption].
      unfold entry_ok, owner in *. st. auto.
  - intros w h x N H L. st. destruct ((v =? w) && (g =? h)) eqn:E.
    + inj. contradiction.
    + destruct (inv_block _ I w h x N H L) as [q [A B]].
      exists q. split; [assumption|]. intros i Hi. st.
      destruct ((v =? w) && (g =? block_base h + i)) eqn:E2; [|apply B; assumption].
      zb. subst. rewrite B in U by assumption. discriminate.
  - intros d i q. unfold owner. st. apply (inv_dev _ I).
  - intros q. unfold owner. st. apply (inv_count _ I).
  - intros d i q. unfold boot_owner. st. apply (inv_dev_ram _ I).
Qed.

Lemma keep_del_entry : forall s v g, Inv s -> v <> HOST ->
  (forall e, lookup s v g = Some e -> e_level e <> 2) ->
  Inv (del_entry v g s).
Proof.
  intros s v g I VH L3. constructor.
  - intro q. destruct (inv_frame _ I q).
    constructor; unfold boot_owner in *; st; auto.
  - intros h x H. st. rewrite (proj2 (Z.eqb_neq v HOST)) in H by assumption.
    apply (inv_host _ I) in H. unfold host_entry, may_host, owner in *. st. auto.
  - intros w h x N H. st. destruct ((v =? w) && (g =? h)); [discriminate|].
    apply (inv_vm _ I) in H; [|assumption].
    unfold entry_ok, owner in *. st. auto.
  - intros w h x N H L. st. destruct ((v =? w) && (g =? h)) eqn:E; [discriminate|].
    destruct (inv_block _ I w h x N H L) as [q [A B]].
    exists q. split; [assumption|]. intros i Hi. st.
    destruct ((v =? w) && (g =? block_base h + i)) eqn:E2; [|apply B; assumption].
    zb. subst. exfalso. apply (L3 _ (B i Hi)). reflexivity.
  - intros d i q. unfold owner. st. apply (inv_dev _ I).
  - intros q. unfold owner. st. apply (inv_count _ I).
  - intros d i q. unfold boot_owner. st. apply (inv_dev_ram _ I).
Qed.

Lemma keep_page : forall s v g p, Inv s -> vm_exists s v = true ->
  is_gfn g = true -> lookup s v g = None -> assign_refusal s v g p = None ->
  Inv (set_entry v g (page_entry p) (assign v g p s)).
Proof.
  intros s v g p I V G U A.
  destruct (vm_exists_range _ _ V) as [VH _].
  apply keep_set_entry.
  - apply keep_assign; assumption.
  - rewrite vm_exists_assign. assumption.
  - rewrite lookup_assign by assumption. assumption.
  - right. unfold owner. simpl. destruct (assigned v g p s) as [P [Q R]].
    repeat split; auto.
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
    destruct (keep_assign_each BLOCK_NAT 0 s v (block_base g) p I V)
      as [J1 [J2 [J3 [J4 J5]]]].
    + rewrite block_nat. intros i Hi. split; [apply block_pages_gfn; auto; lia|].
      apply (first_refusal_none _ _ _ R i). rewrite block_nat. lia.
    + apply keep_new_block; auto.
      * apply block_base_spec.
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

(* ------------------------------------------------------------------ *)
(* Grants                                                              *)

Lemma keep_counted : forall f n x s (P : State -> Prop), P s ->
  (forall i s s', P s -> f i s = Some s' -> P s') ->
  P (snd (counted f n x s)).
Proof.
  intros f n x s P H F. unfold counted. simpl.
  assert (forall m y a, P (snd a) -> P (snd (each m y (count_step f) a))).
  { induction m; intros y a A; [assumption|]. rewrite each_S. apply IHm.
    unfold count_step. destruct (f y (snd a)) eqn:E; [|assumption].
    simpl. eapply F; eassumption. }
  apply H0. assumption.
Qed.

Lemma keep_grant_page : forall v p s s', Inv s -> vm_exists s v = true ->
  grant_page v p s = Some s' -> Inv s'.
Proof.
  intros v p s s' I V H. unfold grant_page in H.
  destruct (_ && _ && _) eqn:E in H; [|discriminate]. inj. zb.
  destruct (vm_exists_range _ _ V) as [VH [VC VI]].
  pose proof (inv_frame _ I p) as GF. destruct GF as [GX GR GC GH GV].
  rewrite H in *. destruct (GV V) as [G1 [G2 G3]].
  apply keep_set_frame; simpl.
  - assumption.
  - constructor; simpl; intros; try congruence; try lia.
    + exfalso. not_fixed. apply owned_is_ram; auto. right. unfold owner. congruence.
    + auto.
    + repeat split; auto; try lia; try discriminate.
  - intros e L. apply (inv_host _ I) in L. destruct L as [L1 L2].
    unfold host_entry, may_host, owner in *. st. rewrite Z.eqb_refl. simpl.
    rewrite H in *. split; [assumption|]. rewrite orb_true_iff. right.
    apply andb_true_intro. split; [apply Z.ltb_lt; lia | reflexivity].
  - left. unfold owner. repeat split; auto; try discriminate.
  - congruence.
Qed.

Lemma keep_revoke_page : forall v p s s', Inv s -> vm_exists s v = true ->
  revoke_page v p s = Some s' -> Inv s'.
Proof.
  intros v p s s' I V H. unfold revoke_page in H.
  destruct (_ && _ && _) eqn:E in H; [|discriminate]. inj. zb.
  destruct (vm_exists_range _ _ V) as [VH [VC VI]].
  pose proof (inv_frame _ I p) as GF. destruct GF as [GX GR GC GH GV].
  rewrite H in *. destruct (GV V) as [G1 [G2 G3]].
  assert (GOOD : forall s0, boot_frame s0 p = boot_frame s p ->
    vm_exists s0 v = true ->
    good_frame s0 p (mkFrame v (f_count (frame_at s p) - 1) false
                       (f_gfn (frame_at s p)))).
  { intros s0 B V0. constructor; simpl; intros; try congruence; try lia.
    - exfalso. not_fixed. unfold boot_owner. rewrite B.
      apply owned_is_ram; auto. right. unfold owner. congruence.
    - auto.
    - repeat split; auto; try lia; try discriminate. }
  destruct (f_count (frame_at s p) =? 1) eqn:C.
  - apply keep_set_frame; simpl.
    + apply keep_del_host. assumption.
    + apply GOOD; st; auto.
    + intros e L. st. rewrite !Z.eqb_refl in L. discriminate.
    + left. unfold owner. st. repeat split; auto; try discriminate.
    + congruence.
  - zb. apply keep_set_frame; simpl.
    + assumption.
    + apply GOOD; auto.
    + intros e L. apply (inv_host _ I) in L. destruct L as [L1 L2].
      unfold host_entry, may_host, owner in *. st. rewrite Z.eqb_refl. simpl.
      rewrite H in *. split; [assumption|]. rewrite orb_true_iff. right.
      apply andb_true_intro. split; [apply Z.ltb_lt; lia | reflexivity].
    + left. unfold owner. repeat split; auto; try discriminate.
    + congruence.
Qed.

Lemma vm_exists_grant : forall v p s s' w, grant_page v p s = Some s' ->
  vm_exists s' w = vm_exists s w.
Proof.
  unfold grant_page. intros. destruct (_ && _ && _) in H; inj. st. reflexivity.
Qed.

Lemma vm_exists_revoke : forall v p s s' w, revoke_page v p s = Some s' ->
  vm_exists s' w = vm_exists s w.
Proof.
  unfold revoke_page. intros. destruct (_ && _ && _) in H; inj.
  case_if; st; reflexivity.
Qed.

Lemma keep_share : forall f v addr size s, Inv s ->
  (forall p s s', Inv s -> vm_exists s v = true -> f v p s = Some s' ->
     Inv s' /\ vm_exists s' v = true) ->
  Inv (snd (share f v addr size s)).
Proof.
  intros f v addr size s I F. unfold share.
  repeat (case_if; [assumption|]). zb.
  apply (keep_counted (share_at f v) _ _ _
           (fun s => Inv s /\ vm_exists s v = true)).
  - auto.
  - intros i s1 s2 [I1 V1] S. unfold share_at in S.
    destruct (lookup s1 v i); [|discriminate]. eapply F; eassumption.
Qed.
