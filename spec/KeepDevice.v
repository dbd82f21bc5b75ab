(* Attaching devices, and the entries of their tables, keep the invariant. *)

From Coq Require Import ZArith Bool List Lia FMapPositive.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  KeepParts KeepMap.
Local Open Scope Z_scope.

(* ------------------------------------------------------------------ *)
(* A device changes hands, and a frame is handed to a VM               *)

Lemma keep_dev_attach : forall d v s, Inv s -> Inv (snd (dev_attach d v s)).
Proof.
  intros d v s I. unfold dev_attach.
  do 3 (case_if; [assumption|]). zb.
  assert (NONE : forall i, dev_lookup s d i = None).
  { intro i. unfold dev_empty, row, ZMap.bindings in E1.
    unfold dev_lookup, get2.
    destruct (ZMap.get d (dev_tables s)) as [t|]; [|reflexivity].
    unfold ZMap.get. destruct (PositiveMap.find (ZMap.key i) t) eqn:F; [|reflexivity].
    apply PositiveMap.elements_correct in F.
    destruct (PositiveMap.elements t); [contradiction|discriminate]. }
  cbn [snd]. apply (Inv_devices s); auto. intros c i q H. st.
  destruct (d =? c) eqn:X.
  - zb. subst. rewrite NONE in H. discriminate.
  - destruct (inv_dev _ I _ _ _ H) as [D1 [D2 D3]].
    pose proof (inv_dev_ram _ I _ _ _ H). auto.
Qed.

Lemma keep_dev_assign : forall v g p s, Inv s -> Inv (snd (dev_assign v g p s)).
Proof.
  intros v g p s I. unfold dev_assign.
  do 2 (case_if; [assumption|]). zb.
  destruct (f_owner (frame_at s p) =? HOST) eqn:O; [|case_if; assumption].
  destruct (f_count (frame_at s p) =? 0) eqn:C; [|assumption]. zb.
  apply keep_leave_host; assumption.
Qed.

(* ------------------------------------------------------------------ *)
(* Entries of device tables                                            *)

(* An entry of a device's table becomes [o], and a frame of the host counts it:
   what map and unmap have in common. *)
Definition change_dev (d i : Z) (o : option Z) (p k : Z) (s : State) : State :=
  let s' := match o with Some q => set_dev d i q s | None => del_dev d i s end in
  if owner s p =? HOST
  then set_frame p (mkFrame HOST (f_count (frame_at s p) + k) false p) s'
  else s'.

Definition counted_frame (s : State) (p k : Z) : frame :=
  if owner s p =? HOST then mkFrame HOST (f_count (frame_at s p) + k) false p
  else frame_at s p.

Lemma frame_at_change_dev : forall d i o p k s q,
  frame_at (change_dev d i o p k s) q =
  if p =? q then counted_frame s p k else frame_at s q.
Proof.
  intros. unfold change_dev, counted_frame.
  destruct o, (owner s p =? HOST), (p =? q) eqn:E; st; rewrite ?E;
  zb; subst; reflexivity.
Qed.

Lemma dev_lookup_change_dev : forall d i o p k s c j,
  dev_lookup (change_dev d i o p k s) c j =
  if (d =? c) && (i =? j) then o else dev_lookup s c j.
Proof. intros. unfold change_dev. destruct o; case_if; st; reflexivity. Qed.

Ltac change_dev_other := intros ? ? o **; unfold change_dev; destruct o; case_if; st; reflexivity.

Lemma boot_frame_change_dev : forall d i o p k s q,
  boot_frame (change_dev d i o p k s) q = boot_frame s q.
Proof. change_dev_other. Qed.
Lemma lookup_change_dev : forall d i o p k s v g,
  lookup (change_dev d i o p k s) v g = lookup s v g.
Proof. change_dev_other. Qed.
Lemma word_change_dev : forall d i o p k s q j,
  word (change_dev d i o p k s) q j = word s q j.
Proof. change_dev_other. Qed.
Lemma owner_of_device_change_dev : forall d i o p k s c,
  owner_of_device (change_dev d i o p k s) c = owner_of_device s c.
Proof. change_dev_other. Qed.
Lemma vm_exists_change_dev : forall d i o p k s v,
  vm_exists (change_dev d i o p k s) v = vm_exists s v.
Proof. change_dev_other. Qed.

(* The record keeps all but its count. *)
Lemma counted_frame_same : forall s p k, Inv s ->
  f_owner (counted_frame s p k) = f_owner (frame_at s p) /\
  f_pending (counted_frame s p k) = f_pending (frame_at s p) /\
  f_gfn (counted_frame s p k) = f_gfn (frame_at s p).
Proof.
  intros s p k I. unfold counted_frame. case_if; [|auto]. zb. unfold owner in E.
  destruct (gf_host _ _ _ (inv_frame _ I p) E). simpl. repeat split; congruence.
Qed.

(* One more device maps the frame, or one less. *)
Definition dev_entry_change (s : State) (d i : Z) (o : option Z) (p k : Z) : Prop :=
  o = Some p /\ dev_lookup s d i = None /\ k = 1 \/
  o = None /\ dev_lookup s d i = Some p /\ k = -1.

Lemma dev_count_change_dev : forall s d i o p k, Inv s -> is_device d = true ->
  dev_entry_change s d i o p k -> f_gfn (frame_at s p) = i ->
  forall q, owner s q = HOST ->
  dev_count (change_dev d i o p k s) q =
  if p =? q then f_count (frame_at s p) + k else dev_count s q.
Proof.
  intros s d i o p k I DD CH G q H.
  assert (M : forall c, maps_frame (change_dev d i o p k s) q c =
    if (d =? c) && (i =? q) then match o with Some x => x =? q | None => false end
    else maps_frame s q c)
    by (intro; unfold maps_frame; rewrite dev_lookup_change_dev; case_if; reflexivity).
  destruct (p =? q) eqn:E.
  - zb. subst q. destruct (gf_host _ _ _ (inv_frame _ I p) H) as [_ IP].
    assert (i = p) by congruence. clear G. subst i. rewrite (inv_count _ I p H).
    destruct CH as [[-> [D ->]]|[-> [D ->]]].
    + apply (dev_count_more _ _ _ d); auto.
      * unfold maps_frame. rewrite D. reflexivity.
      * rewrite M, !Z.eqb_refl. reflexivity.
      * intros c Hc. rewrite M, (proj2 (Z.eqb_neq d c)) by congruence. reflexivity.
    + assert (dev_count s p = dev_count (change_dev d p None p (-1) s) p + 1); [|lia].
      apply (dev_count_more _ _ _ d); auto.
      * rewrite M, !Z.eqb_refl. reflexivity.
      * unfold maps_frame. rewrite D. apply Z.eqb_refl.
      * intros c Hc. rewrite M, (proj2 (Z.eqb_neq d c)) by congruence. reflexivity.
  - apply dev_count_ext. intro c. rewrite M.
    destruct ((d =? c) && (i =? q)) eqn:X; [|reflexivity].
    zb. subst c q. unfold maps_frame.
    destruct CH as [[-> [D _]]|[-> [D _]]]; rewrite D;
    [|symmetry]; apply Z.eqb_neq; assumption.
Qed.

Lemma keep_change_dev : forall s d i o p k, Inv s -> is_device d = true ->
  dev_entry_change s d i o p k -> owner s p = owner_of_device s d ->
  f_gfn (frame_at s p) = i -> boot_owner s p = HOST ->
  Inv (change_dev d i o p k s).
Proof.
  intros s d i o p k I DD CH OD G B.
  assert (N := dev_count_change_dev s d i o p k I DD CH G).
  assert (F' := frame_at_change_dev d i o p k s).
  assert (L' := lookup_change_dev d i o p k s).
  assert (B' := boot_frame_change_dev d i o p k s).
  assert (V' := vm_exists_change_dev d i o p k s).
  assert (W' := owner_of_device_change_dev d i o p k s).
  assert (D' := dev_lookup_change_dev d i o p k s).
  destruct (counted_frame_same s p k I) as [R1 [R2 R3]].
  assert (C' : f_count (counted_frame s p k) =
    if owner s p =? HOST then f_count (frame_at s p) + k else f_count (frame_at s p))
    by (unfold counted_frame; case_if; reflexivity).
  generalize dependent (change_dev d i o p k s). intros s' N F' L' B' V' W' D'.
  assert (OW' : forall q, owner s' q = owner s q).
  { intro q. unfold owner. rewrite F'. destruct (p =? q) eqn:X; [|reflexivity].
    zb. subst q. assumption. }
  constructor.
  - intro q. destruct (inv_frame _ I q) as [GX GR GC GH GV].
    rewrite F'. destruct (p =? q) eqn:X.
    + zb. subst q. constructor; unfold boot_owner; rewrite ?B', ?V', ?R1, ?R2, ?R3;
        auto.
      * intro K. contradiction.
      * rewrite C'. case_if; [|assumption]. zb.
        assert (K := N p E). rewrite Z.eqb_refl in K. rewrite <- K.
        apply dev_count_nonneg.
      * intro K. rewrite C'. unfold owner. case_if; [|auto].
        zb. rewrite E in K. apply vm_exists_range in K. destruct K. contradiction.
    + constructor; unfold boot_owner; rewrite ?B', ?V'; auto.
  - intros h e HX. rewrite L' in HX. apply (inv_host _ I) in HX.
    unfold host_entry. rewrite OW'. destruct HX as [H1 H2]. split; [exact H1|].
    unfold may_host in *. rewrite F'. destruct (p =? h) eqn:X; [|exact H2].
    zb. subst h. rewrite R1, R2, C'. unfold owner. case_if; [|exact H2].
    zb. rewrite E. reflexivity.
  - intros w h e NH HX. rewrite L' in HX. destruct (inv_vm _ I _ _ _ NH HX) as [K1 K2].
    rewrite V'. split; [assumption|]. unfold entry_ok in *. rewrite OW', F'.
    destruct (p =? e_pfn e) eqn:X; [|assumption].
    zb. rewrite R2, R3, X. assumption.
  - intros w h e NH HX L2. rewrite L' in HX.
    destruct (inv_block _ I w h e NH HX L2) as [q [A Q]].
    exists q. split; [assumption|]. intros j Hj. rewrite L'. auto.
  - intros c j q HX. rewrite D' in HX. rewrite OW', W', F'.
    destruct ((d =? c) && (i =? j)) eqn:X.
    + zb. subst c j o. destruct CH as [[CH _]|[CH _]]; [|discriminate].
      inj. rewrite Z.eqb_refl, R3. auto.
    + destruct (inv_dev _ I _ _ _ HX) as [K1 [K2 K3]].
      destruct (p =? q) eqn:Y; [|auto]. zb. subst q. rewrite R3. auto.
  - intros q HX. rewrite OW' in HX. rewrite F', N by assumption.
    destruct (p =? q) eqn:Y; [|apply (inv_count _ I); assumption].
    zb. subst q. rewrite C', HX. reflexivity.
  - intros c j q HX. unfold boot_owner. rewrite B'. rewrite D' in HX.
    destruct ((d =? c) && (i =? j)); [|apply (inv_dev_ram _ I _ _ _ HX)].
    destruct CH as [[CH _]|[CH _]]; subst o; [inj; assumption|discriminate].
Qed.

(* Map and unmap are nothing, or one such change. *)
Definition device_step (d : Z) (s s' : State) : Prop :=
  s' = s \/
  exists i o p k, s' = change_dev d i o p k s /\ dev_entry_change s d i o p k /\
    is_device d = true /\ owner s p = owner_of_device s d /\
    f_gfn (frame_at s p) = i /\ boot_owner s p = HOST.

Lemma dev_map_changes : forall v d iova pte s, Inv s ->
  device_step d s (snd (dev_map v d iova pte s)).
Proof.
  intros v d iova pte s I. unfold dev_map.
  do 6 (case_if; [left; reflexivity|]).
  destruct (dev_lookup s d (iova / PAGE)) eqn:D; [left; case_if; reflexivity|].
  right. cbn [snd]. zb. set (p := phys_page pte / PAGE) in *.
  assert (O : owner s p = v) by assumption.
  exists (iova / PAGE), (Some p), p, 1.
  split; [|split; [|split; [|split; [|split]]]]; auto.
  - unfold change_dev. rewrite O. reflexivity.
  - left. auto.
  - congruence.
  - apply owned_is_ram; [assumption|]. rewrite O.
    match goal with K : principal s _ = true |- _ =>
      apply orb_prop in K; destruct K as [K|K] end; [left; zb|right]; assumption.
Qed.

Lemma dev_unmap_changes : forall d iova s, Inv s ->
  device_step d s (snd (dev_unmap d iova s)).
Proof.
  intros d iova s I. unfold dev_unmap.
  do 3 (case_if; [left; reflexivity|]).
  destruct (dev_lookup s d (iova / PAGE)) as [p|] eqn:D; [|left; reflexivity].
  right. cbn [snd]. destruct (inv_dev _ I _ _ _ D) as [DD [DO DG]].
  exists (iova / PAGE), None, p, (-1).
  split; [|split; [|split; [|split; [|split]]]]; auto.
  - unfold change_dev, owner. destruct (f_owner (frame_at s p) =? HOST) eqn:O; [|reflexivity].
    zb. replace (0 <? f_count (frame_at s p)) with true; [reflexivity|].
    symmetry. apply Z.ltb_lt. rewrite (inv_count _ I p O).
    pose proof (dev_count_nonneg s p).
    destruct (Z.eq_dec (dev_count s p) 0) as [Z0|]; [|lia].
    destruct (gf_host _ _ _ (inv_frame _ I p) O) as [_ G].
    exfalso. apply (dev_count_zero s p d Z0 DD). congruence.
  - right. auto.
  - apply (inv_dev_ram _ I _ _ _ D).
Qed.

Lemma keep_device_step : forall d s s', Inv s -> device_step d s s' -> Inv s'.
Proof.
  intros d s s' I [->|[i [o [p [k [-> K]]]]]];
    [assumption | apply keep_change_dev; tauto].
Qed.

Lemma keep_dev_map : forall v d iova pte s, Inv s ->
  Inv (snd (dev_map v d iova pte s)).
Proof. eauto using keep_device_step, dev_map_changes. Qed.

Lemma keep_dev_unmap : forall d iova s, Inv s -> Inv (snd (dev_unmap d iova s)).
Proof. eauto using keep_device_step, dev_unmap_changes. Qed.
