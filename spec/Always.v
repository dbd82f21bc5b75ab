(* The invariant holds after boot, and every operation keeps it: so it always
   holds.  Then I1 to I5 one by one. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  KeepParts KeepCreate KeepMap KeepShare KeepClear KeepAccess KeepDevice.
Local Open Scope Z_scope.

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
  - apply (keep_share true); assumption.
  - apply (keep_share false); assumption.
  - apply keep_clear; assumption.
  - apply keep_map_io; assumption.
  - apply keep_access; [assumption|]. intros e s0 I0.
    destruct (e_kind e); [|assumption]. apply keep_memory. assumption.
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
