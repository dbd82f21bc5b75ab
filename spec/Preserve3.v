(* Every operation keeps the invariant: the last two, and the theorem for all
   operations together. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Laws Invariant Preserve Preserve2.
Local Open Scope Z_scope.

Lemma keep_dev_unmap : forall d iova s, Inv s -> Inv (snd (dev_unmap d iova s)).
Proof.
  intros d iova s I. unfold dev_unmap.
  do 3 (case_if; [assumption|]).
  set (i := iova / PAGE) in *.
  destruct (dev_lookup s d i) as [p|] eqn:D; [|assumption].
  cbn [snd]. destruct (inv_dev _ I _ _ _ D) as [DD [DO DG]].
  assert (CASE : owner s p = HOST ->
    0 < f_count (frame_at s p) /\ i = p).
  { intro H. destruct (gf_host _ _ _ (inv_frame _ I p) H) as [_ G].
    split; [|congruence].
    rewrite (inv_count _ I p H).
    pose proof (dev_count_nonneg s p).
    destruct (Z.eq_dec (dev_count s p) 0) as [Z0|]; [|lia].
    exfalso. apply (dev_count_zero s p d Z0 DD). congruence. }
  set (h := (f_owner (frame_at s p) =? HOST) && (0 <? f_count (frame_at s p))).
  assert (HH : h = true <-> owner s p = HOST).
  { unfold h. split; intro K.
    - zb. assumption.
    - destruct (CASE K). unfold owner in K. rewrite K. simpl.
      apply Z.ltb_lt. assumption. }
  set (r := if h then mkFrame HOST (f_count (frame_at s p) - 1) false p
            else frame_at s p).
  assert (FR : f_owner r = f_owner (frame_at s p) /\
               f_pending r = f_pending (frame_at s p) /\
               f_gfn r = f_gfn (frame_at s p)).
  { unfold r. destruct h eqn:X; [|auto]. simpl.
    assert (K : owner s p = HOST) by (apply HH; reflexivity).
    destruct (gf_host _ _ _ (inv_frame _ I p) K). unfold owner in K.
    repeat split; congruence. }
  destruct FR as [R1 [R2 R3]].
  match goal with |- Inv ?x => set (s' := x) end.
  assert (F' : forall q, frame_at s' q = if p =? q then r else frame_at s q).
  { intro q. unfold s', r. destruct h; st; destruct (p =? q) eqn:X;
    try reflexivity. zb. subst. reflexivity. }
  assert (L' : forall w g, lookup s' w g = lookup s w g)
    by (intros; unfold s'; destruct h; st; reflexivity).
  assert (B' : forall q, boot_frame s' q = boot_frame s q)
    by (intros; unfold s'; destruct h; st; reflexivity).
  assert (V' : forall w, vm_exists s' w = vm_exists s w)
    by (intros; unfold s'; destruct h; st; reflexivity).
  assert (W' : forall c, owner_of_device s' c = owner_of_device s c)
    by (intros; unfold s'; destruct h; st; reflexivity).
  assert (D' : forall c j, dev_lookup s' c j =
                 if (d =? c) && (i =? j) then None else dev_lookup s c j)
    by (intros; unfold s'; destruct h; st; reflexivity).
  assert (OW' : forall q, owner s' q = owner s q).
  { intro q. unfold owner. rewrite F'. destruct (p =? q) eqn:X; [|reflexivity].
    zb. subst q. assumption. }
  assert (MH : forall q, may_host s' q = may_host s q).
  { intro q. unfold may_host. rewrite F'. destruct (p =? q) eqn:X; [|reflexivity].
    zb. subst q. rewrite R1, R2. unfold r. destruct h eqn:Y; [|reflexivity].
    assert (K : owner s p = HOST) by (apply HH; reflexivity).
    unfold owner in K. rewrite K. reflexivity. }
  constructor.
  - intro q. destruct (inv_frame _ I q) as [GX GR GC GH GV].
    rewrite F'. destruct (p =? q) eqn:X.
    + zb. subst q. constructor; unfold boot_owner; rewrite ?B', ?V', ?R1, ?R2, ?R3;
        auto.
      * intro N. unfold r. destruct h eqn:Y; [|apply GX; exact N].
        exfalso. apply N. apply owned_is_ram; auto; left; apply HH; reflexivity.
      * unfold r. destruct h eqn:Y; simpl; [|lia].
        destruct CASE; [apply HH; reflexivity|]. lia.
      * intro K. destruct (GV K) as [K1 [K2 K3]]. unfold r.
        destruct h eqn:Y; [|auto].
        assert (Q : owner s p = HOST) by (apply HH; reflexivity).
        apply vm_exists_range in K. destruct K. contradiction.
    + constructor; unfold boot_owner; rewrite ?B', ?V'; auto.
  - intros g e H. rewrite L' in H. apply (inv_host _ I) in H.
    unfold host_entry. rewrite OW', MH. assumption.
  - intros w g e N H. rewrite L' in H. destruct (inv_vm _ I _ _ _ N H) as [K1 K2].
    rewrite V'. split; [assumption|]. unfold entry_ok in *. rewrite OW', F'.
    destruct (p =? e_pfn e) eqn:X; [|assumption].
    zb. rewrite R2, R3, X. assumption.
  - intros w g e N H L2. rewrite L' in H.
    destruct (inv_block _ I w g e N H L2) as [q [A B]].
    exists q. split; [assumption|]. intros j Hj. rewrite L'. auto.
  - intros c j q H. rewrite D' in H. rewrite OW', W', F'.
    destruct ((d =? c) && (i =? j)); [discriminate|].
    destruct (inv_dev _ I _ _ _ H) as [K1 [K2 K3]].
    destruct (p =? q) eqn:Y; [|auto]. zb. subst q. rewrite R3. auto.
  - intros q H. rewrite OW' in H. rewrite F'.
    assert (K : f_count (frame_at s q) = dev_count s q)
      by (apply (inv_count _ I); assumption).
    destruct (p =? q) eqn:Y.
    + zb. subst q. destruct (CASE H) as [_ IP].
      unfold r. rewrite (proj2 HH H). simpl. rewrite K.
      assert (dev_count s p = dev_count s' p + 1); [|lia].
      apply (dev_count_more s' s p d).
      * assumption.
      * unfold maps_frame. rewrite D', IP, !Z.eqb_refl. reflexivity.
      * unfold maps_frame. rewrite <- IP at 1. rewrite D. apply Z.eqb_refl.
      * intros c Hc. unfold maps_frame. rewrite D'.
        rewrite (proj2 (Z.eqb_neq d c)) by congruence. reflexivity.
    + rewrite K. symmetry. apply dev_count_ext. intro c. unfold maps_frame.
      rewrite D'. destruct ((d =? c) && (i =? q)) eqn:X; [|reflexivity].
      zb. subst c q. rewrite D. symmetry. apply Z.eqb_neq. assumption.
  - intros c j q H. unfold boot_owner. rewrite B'. rewrite D' in H.
    destruct ((d =? c) && (i =? j)); [discriminate|].
    apply (inv_dev_ram _ I _ _ _ H).
Qed.

Lemma keep_create_vm : forall v s, Inv s -> Inv (snd (create_vm v s)).
Proof.
  intros v s I. unfold create_vm. destruct (is_vm v && _) eqn:E; [|assumption].
  cbn [snd]. zb.
  assert (MORE : forall w, vm_exists s w = true ->
    vm_exists (with_vms (ZMap.set v true (vms s)) s) w = true).
  { intros w HX. st. rewrite HX, orb_true_r, andb_true_r.
    unfold vm_exists in HX. zb. assumption. }
  assert (more := MORE). setoid_rewrite vm_exists_set in more.
  (* No frame can belong to a VM that did not exist. *)
  assert (OWN : forall p, owner s p <> v).
  { intros p HX. unfold is_vm, LAST_VM in H. zb.
    destruct (owner_cases s p I) as [K|[K|[[K|K] _]]]; rewrite HX in K;
    unfold HOST, CORE, INVALID in *; try congruence; try lia. }
  constructor.
  - intro p. destruct (inv_frame _ I p) as [GX GR GC GH GV].
    constructor; unfold boot_owner in *; st; auto.
    + intro B. destruct (GR B) as [K|K]; [auto|]. right. exact (more _ K).
    + intro K. apply GV. apply andb_prop in K. destruct K as [_ K].
      apply orb_prop in K. destruct K as [K|K]; [|assumption].
      zb. exfalso. apply (OWN p). unfold owner. congruence.
  - intros g e HX. st. apply (inv_host _ I) in HX.
    unfold host_entry, may_host, owner in *. st. auto.
  - intros w g e N HX. st. destruct (inv_vm _ I _ _ _ N HX) as [K1 K2].
    split.
    + exact (more _ K1).
    + unfold entry_ok, owner in *. st. assumption.
  - intros w g e N HX L. st.
    destruct (inv_block _ I w g e N HX L) as [q [A B]].
    exists q. split; [assumption|]. intros j Hj. st. auto.
  - intros d i q HX. unfold owner in *. st. apply (inv_dev _ I). assumption.
  - intros q HX. unfold owner in *. st.
    rewrite (inv_count _ I q HX). symmetry. apply dev_count_ext.
    intro c. unfold maps_frame. st. reflexivity.
  - intros c j q. unfold boot_owner. st. apply (inv_dev_ram _ I).
Qed.

(* ------------------------------------------------------------------ *)
(* The theorems                                                        *)

(* After boot, with any regions, everything is as the invariant says. *)
Theorem boot_good : forall r c, Inv (boot r c).
Proof.
  intros r c.
  assert (F : forall p, frame_at (boot r c) p = boot_frame (boot r c) p)
    by (intro; unfold frame_at; simpl; rewrite ZMap.get_empty; reflexivity).
  assert (L : forall v g, lookup (boot r c) v g = None)
    by (intros; unfold lookup, get2; simpl; rewrite ZMap.get_empty; reflexivity).
  assert (D : forall d i, dev_lookup (boot r c) d i = None)
    by (intros; unfold dev_lookup, get2; simpl; rewrite ZMap.get_empty; reflexivity).
  assert (V : forall v, vm_exists (boot r c) v = false).
  { intro v. unfold vm_exists. simpl. rewrite ZMap.get_empty.
    apply andb_false_r. }
  constructor.
  - intro p. rewrite F. destruct (boot_count (boot r c) p) as [A [B C]].
    constructor; rewrite ?A, ?B, ?C; auto; try lia.
    rewrite V. discriminate.
  - intros. rewrite L in H. discriminate.
  - intros. rewrite L in H0. discriminate.
  - intros. rewrite L in H0. discriminate.
  - intros. rewrite D in H. discriminate.
  - intros p _. rewrite F. destruct (boot_count (boot r c) p) as [A _].
    rewrite A. unfold dev_count.
    rewrite (filter_ext _ (fun _ => false)).
    + clear. induction all_devices; auto.
    + intro d. unfold maps_frame. rewrite D. reflexivity.
  - intros. rewrite D in H. discriminate.
Qed.

(* Every operation, with any arguments, keeps the invariant. *)
Theorem step_keeps_invariant : forall c s, Inv s -> Inv (snd (step c s)).
Proof.
  intros c s I. destruct c; simpl.
  - apply keep_create_vm; assumption.
  - apply keep_host_fault; assumption.
  - apply keep_prot_and_map; assumption.
  - apply keep_share; [assumption|]. intros p s0 s1 I0 V0 H. split.
    + eapply keep_grant_page; eauto.
    + rewrite (vm_exists_grant _ _ _ _ v H). assumption.
  - apply keep_share; [assumption|]. intros p s0 s1 I0 V0 H. split.
    + eapply keep_revoke_page; eauto.
    + rewrite (vm_exists_revoke _ _ _ _ v H). assumption.
  - apply keep_clear; assumption.
  - apply keep_map_io; assumption.
  - apply keep_access; [assumption|]. intros e s0 I0.
    destruct (e_kind e); [|assumption]. apply keep_set_word. assumption.
  - apply keep_access; [assumption|]. intros e s0 I0.
    destruct (e_kind e); assumption.
  - apply keep_dev_attach; assumption.
  - apply keep_dev_assign; assumption.
  - apply keep_dev_map; assumption.
  - apply keep_dev_unmap; assumption.
Qed.

(* So does every sequence of operations: from boot on, always. *)
Theorem always_good : forall cs r c, Inv (snd (run cs (boot r c))).
Proof.
  intros cs r c. generalize (boot_good r c). generalize (boot r c).
  induction cs; intros s I; simpl; [assumption|].
  apply IHcs. apply step_keeps_invariant. assumption.
Qed.

(* ---- the invariants one by one, as one reads them ---- *)

(* I1: what the host maps, it maps where it is; the frame is not RAM, or the
   host's, or granted; and it is not pending. *)
Theorem I1_host_maps_only_its_own : forall s g e, Inv s ->
  lookup s HOST g = Some e ->
  e_pfn e = g /\
  (owner s g = INVALID \/ owner s g = HOST \/
   (0 < f_count (frame_at s g) /\ f_pending (frame_at s g) = false)).
Proof.
  intros s g e I L. destruct (inv_host _ I _ _ L) as [E M]. split.
  - subst e. unfold host_entry. case_if; reflexivity.
  - unfold may_host in M. unfold owner. apply orb_prop in M.
    destruct M as [M|M]; [apply orb_prop in M; destruct M as [M|M]|]; zb; auto.
Qed.

(* I2: what a VM maps in RAM is its own, at the guest frame on record. *)
Theorem I2_vm_maps_only_its_own : forall s v g e, Inv s -> v <> HOST ->
  lookup s v g = Some e -> owner s (e_pfn e) <> INVALID ->
  owner s (e_pfn e) = v /\ f_gfn (frame_at s (e_pfn e)) = g.
Proof.
  intros s v g e I N L O.
  destruct (inv_vm _ I _ _ _ N L) as [_ [[_ K]|[K1 [K2 _]]]]; [contradiction|auto].
Qed.

(* I3: no frame of RAM is mapped by two VMs, nor twice by one. *)
Theorem I3_no_frame_mapped_twice : forall s v g e w h x, Inv s ->
  v <> HOST -> w <> HOST ->
  lookup s v g = Some e -> lookup s w h = Some x ->
  e_pfn e = e_pfn x -> owner s (e_pfn e) <> INVALID -> v = w /\ g = h.
Proof.
  intros s v g e w h x I N M L K E O.
  destruct (I2_vm_maps_only_its_own _ _ _ _ I N L O).
  rewrite E in *. destruct (I2_vm_maps_only_its_own _ _ _ _ I M K O).
  split; congruence.
Qed.

(* I4: a frame of Cordon is in nobody's table and in no device's. *)
Theorem I4_core_mapped_by_nobody : forall s p, Inv s -> owner s p = CORE ->
  (forall v g e, lookup s v g = Some e -> e_pfn e <> p) /\
  (forall d i, dev_lookup s d i <> Some p).
Proof.
  intros s p I O. split.
  - intros v g e L E. subst p. destruct (Z.eq_dec v HOST) as [->|N].
    + destruct (I1_host_maps_only_its_own _ _ _ I L) as [P [K|[K|[K _]]]];
        rewrite <- P in *; try (rewrite O in K; discriminate).
      destruct (owner_cases _ (e_pfn e) I) as [Q|[Q|[_ Q]]].
      * rewrite O in Q. discriminate.
      * rewrite O in Q. apply vm_exists_range in Q. destruct Q as [_ [Q _]].
        contradiction.
      * rewrite Q in K. destruct (boot_count s (e_pfn e)) as [Z0 _]. lia.
    + destruct (I2_vm_maps_only_its_own _ _ _ _ I N L) as [K _].
      * rewrite O. discriminate.
      * destruct (inv_vm _ I _ _ _ N L) as [V _]. apply vm_exists_range in V.
        destruct V as [_ [V _]]. congruence.
  - intros d i D. pose proof (inv_dev_ram _ I _ _ _ D) as B.
    destruct (owner_cases _ p I) as [Q|[Q|[_ Q]]].
    + rewrite O in Q. discriminate.
    + rewrite O in Q. apply vm_exists_range in Q. destruct Q as [_ [Q _]].
      contradiction.
    + unfold owner in O. unfold boot_owner in B. rewrite Q, B in O. discriminate.
Qed.

(* I5: a device maps only frames of its principal, at the recorded gfn; and
   the count of a host frame is the number of devices that map it. *)
Theorem I5_devices : forall s, Inv s ->
  (forall d i p, dev_lookup s d i = Some p ->
     owner s p = owner_of_device s d /\ f_gfn (frame_at s p) = i) /\
  (forall p, owner s p = HOST -> f_count (frame_at s p) = dev_count s p).
Proof.
  intros s I. split.
  - intros d i p D. destruct (inv_dev _ I _ _ _ D) as [_ K]. assumption.
  - apply (inv_count _ I).
Qed.

(* Cordon's frames stay Cordon's, and what is not RAM never becomes anybody's. *)
Theorem core_frames_stay : forall s p, Inv s -> boot_owner s p <> HOST ->
  frame_at s p = boot_frame s p.
Proof. intros s p I. apply (gf_fixed _ _ _ (inv_frame _ I p)). Qed.
