(* Every operation keeps the invariant: clearing, device memory, loads and
   stores, device tables. *)

From Coq Require Import ZArith Bool List Lia FMapPositive.
From Cordon Require Import ZMap State Page Strong Laws Invariant Preserve.
Local Open Scope Z_scope.

(* ------------------------------------------------------------------ *)
(* Clearing                                                            *)

Lemma dev_lookup_unmap : forall i p s d j,
  dev_lookup (unmap_devices i p s) d j =
  match dev_lookup s d j with
  | Some q => if (i =? j) && (q =? p) then None else Some q
  | None => None
  end.
Proof.
  intros. unfold dev_lookup, unmap_devices, get2. simpl. rewrite ZMap.get_map.
  destruct (ZMap.get d (dev_tables s)) as [t|]; simpl; [|reflexivity].
  unfold unmap_row. destruct (ZMap.get i t) eqn:G.
  - destruct (z =? p) eqn:E.
    + rewrite ZMap.get_del. destruct (i =? j) eqn:F; simpl.
      * zb. subst. rewrite G, Z.eqb_refl. reflexivity.
      * destruct (ZMap.get j t); reflexivity.
    + destruct (ZMap.get j t) eqn:G2; [|reflexivity].
      destruct (i =? j) eqn:F; simpl; [|reflexivity].
      zb. subst. assert (z0 = z) by congruence. subst.
      rewrite (proj2 (Z.eqb_neq z p)) by assumption. reflexivity.
  - destruct (ZMap.get j t) eqn:G2; [|reflexivity].
    destruct (i =? j) eqn:F; simpl; [|reflexivity].
    zb. subst. congruence.
Qed.

Lemma keep_unmap_devices : forall s p i, Inv s -> owner s p <> HOST ->
  Inv (unmap_devices i p s).
Proof.
  intros s p i I O. constructor.
  - intro q. destruct (inv_frame _ I q).
    constructor; unfold boot_owner, unmap_devices in *; st; auto.
  - intros g e H. unfold unmap_devices in *. st.
    apply (inv_host _ I) in H. unfold host_entry, may_host, owner in *. st. auto.
  - intros v g e N H. unfold unmap_devices in *. st.
    apply (inv_vm _ I) in H; [|assumption]. unfold entry_ok, owner in *. st. auto.
  - intros v g e N H L. unfold unmap_devices in *. st.
    destruct (inv_block _ I v g e N H L) as [q [A B]].
    exists q. split; [assumption|]. intros j Hj. st. auto.
  - intros d j q H. rewrite dev_lookup_unmap in H.
    destruct (dev_lookup s d j) eqn:D; [|discriminate].
    destruct ((i =? j) && (z =? p)); [discriminate|]. inj.
    unfold unmap_devices, owner. st. apply (inv_dev _ I _ _ _ D).
  - intros q H. unfold unmap_devices, owner in H. st.
    unfold unmap_devices at 1. st. rewrite (inv_count _ I q H).
    symmetry. apply dev_count_ext. intro d. unfold maps_frame.
    rewrite dev_lookup_unmap. destruct (dev_lookup s d q) eqn:D; [|reflexivity].
    destruct ((i =? q) && (z =? p)) eqn:E; [|reflexivity].
    zb. subst. destruct (p =? q) eqn:E2; [|reflexivity]. zb. subst. contradiction.
  - intros d j q H. rewrite dev_lookup_unmap in H.
    destruct (dev_lookup s d j) eqn:D; [|discriminate].
    destruct ((i =? j) && (z =? p)); [discriminate|]. inj.
    apply (inv_dev_ram _ I _ _ _ D).
Qed.

Lemma keep_split : forall s v g p, Inv s -> vm_exists s v = true ->
  is_block s v (block_base g) p -> Inv (split v g s).
Proof.
  intros s v g p I V [A B]. destruct (vm_exists_range _ _ V) as [VH _].
  unfold split. apply Inv_put_range; auto.
  - apply block_base_spec.
  - intros h e H E. unfold as_page in E.
    specialize (B (h - block_base g)). change BLOCK_PAGES with 512 in B.
    replace (block_base g + (h - block_base g)) with h in B by lia.
    rewrite B in E by lia. inj. simpl.
    destruct (inv_vm _ I v h _ VH (B ltac:(lia))) as [_ [[K _]|[K1 [K2 [K3 _]]]]].
    + discriminate.
    + right. simpl in *. auto.
  - right. intros h e H E. unfold as_page in E.
    destruct (lookup s v h); [|discriminate]. inj. simpl. discriminate.
Qed.

Lemma frame_at_unmap_vm : forall v g p s q,
  frame_at (unmap_vm v g p s) q = frame_at s q.
Proof.
  intros. unfold unmap_vm. destruct (lookup s v g); [|reflexivity].
  case_if; [|reflexivity]. st. case_if; unfold split; st; reflexivity.
Qed.

Lemma vm_exists_unmap_vm : forall v g p s w,
  vm_exists (unmap_vm v g p s) w = vm_exists s w.
Proof.
  intros. unfold unmap_vm. destruct (lookup s v g); [|reflexivity].
  case_if; [|reflexivity]. st. case_if; unfold split; st; reflexivity.
Qed.

Lemma boot_frame_unmap_vm : forall v g p s w,
  boot_frame (unmap_vm v g p s) w = boot_frame s w.
Proof.
  intros. unfold unmap_vm. destruct (lookup s v g); [|reflexivity].
  case_if; [|reflexivity]. st. case_if; unfold split; st; reflexivity.
Qed.

Lemma dev_lookup_unmap_vm : forall v g p s d i,
  dev_lookup (unmap_vm v g p s) d i = dev_lookup s d i.
Proof.
  intros. unfold unmap_vm. destruct (lookup s v g); [|reflexivity].
  case_if; [|reflexivity]. st. case_if; unfold split; st; reflexivity.
Qed.

Lemma keep_unmap_vm : forall s v g p, Inv s -> vm_exists s v = true ->
  Inv (unmap_vm v g p s).
Proof.
  intros s v g p I V. destruct (vm_exists_range _ _ V) as [VH _].
  unfold unmap_vm. destruct (lookup s v g) as [e|] eqn:L; [|assumption].
  case_if; [|assumption].
  destruct (e_level e =? 2) eqn:L2.
  - zb. destruct (inv_block _ I v g e VH L L2) as [q B].
    apply keep_del_entry; [eapply keep_split; eauto | assumption |].
    intros e' H. unfold split in H. rewrite lookup_put_entries, block_nat in H.
    destruct (block_base_spec g) as [_ BB].
    rewrite Z.eqb_refl, (proj2 (Z.leb_le (block_base g) g)),
      (proj2 (Z.ltb_lt g (block_base g + 512))) in H by lia.
    simpl in H. unfold as_page in H. rewrite L in H. inj. simpl. discriminate.
  - zb. apply keep_del_entry; auto. intros e' H. congruence.
Qed.

(* After it, no VM maps the frame. *)
Lemma unmap_vm_unmaps : forall s v p, Inv s -> vm_exists s v = true ->
  owner s p = v ->
  forall w h e, w <> HOST ->
    lookup (unmap_vm v (f_gfn (frame_at s p)) p s) w h = Some e -> e_pfn e <> p.
Proof.
  intros s v p I V O w h e N L P.
  assert (I' := keep_unmap_vm s v (f_gfn (frame_at s p)) p I V).
  destruct (vm_exists_range _ _ V) as [VH [_ VI]].
  destruct (inv_vm _ I' _ _ _ N L) as [_ K]. unfold entry_ok, owner in K.
  rewrite P, frame_at_unmap_vm in K. unfold owner in O.
  destruct K as [[_ K]|[K1 [K2 _]]]; [congruence|].
  assert (w = v) by congruence. subst w. subst h.
  unfold unmap_vm in L.
  destruct (lookup s v (f_gfn (frame_at s p))) as [e0|] eqn:L0; [|congruence].
  destruct (e_pfn e0 =? p) eqn:E.
  - rewrite H, lookup_del_entry, !Z.eqb_refl in L. discriminate.
  - zb. congruence.
Qed.

Lemma unmap_devices_unmaps : forall s p, Inv s ->
  forall d i, dev_lookup (unmap_devices (f_gfn (frame_at s p)) p s) d i <> Some p.
Proof.
  intros s p I d i H. rewrite dev_lookup_unmap in H.
  destruct (dev_lookup s d i) as [q|] eqn:D; [|discriminate].
  destruct (_ && _) eqn:E in H; [discriminate|]. inj.
  destruct (inv_dev _ I _ _ _ D) as [_ [_ G]]. rewrite G in E.
  rewrite !Z.eqb_refl in E. discriminate.
Qed.

Lemma clear_page_keeps_vms : forall v p s s' w, clear_page v p s = Some s' ->
  vm_exists s' w = vm_exists s w.
Proof.
  unfold clear_page. intros. destruct (_ =? _) in H; inj. st.
  unfold unmap_devices. st. apply vm_exists_unmap_vm.
Qed.

Lemma keep_clear_page : forall v p s s', Inv s -> vm_exists s v = true ->
  clear_page v p s = Some s' -> Inv s'.
Proof.
  intros v p s s' I V H. unfold clear_page in H.
  destruct (f_owner (frame_at s p) =? v) eqn:O in H; [|discriminate].
  zb. injection H as H; subst s'.
  destruct (vm_exists_range _ _ V) as [VH [_ VI]].
  set (g := f_gfn (frame_at s p)).
  set (s1 := unmap_vm v g p s).
  set (s2 := unmap_devices g p s1).
  assert (I1 : Inv s1) by (apply keep_unmap_vm; assumption).
  assert (F1 : forall q, frame_at s1 q = frame_at s q)
    by (intro; apply frame_at_unmap_vm).
  assert (F2 : forall q, frame_at s2 q = frame_at s q)
    by (intro; rewrite <- F1; reflexivity).
  assert (I2 : Inv s2).
  { apply keep_unmap_devices; [assumption|]. unfold owner. rewrite F1. congruence. }
  assert (VMS : forall w h e, w <> HOST -> lookup s2 w h = Some e -> e_pfn e <> p).
  { intros w h e N L. apply (unmap_vm_unmaps s v p I V O w h e N). exact L. }
  assert (DEV : forall d i, dev_lookup s2 d i <> Some p).
  { intros d i. unfold s2, g. rewrite <- F1. apply unmap_devices_unmaps.
    assumption. }
  assert (I3 : Inv (zero_frame p (del_entry HOST p s2))).
  { apply Inv_ext with (del_entry HOST p s2); intros; st; try reflexivity.
    apply keep_del_host. assumption. }
  assert (B : boot_owner s p = HOST) by (apply owned_is_ram; auto; right; unfold owner; congruence).
  apply keep_set_frame; simpl.
  - assumption.
  - constructor; simpl; intros; auto; try lia.
    + exfalso. not_fixed. unfold boot_owner. st. unfold s2, unmap_devices. st.
      unfold s1. rewrite boot_frame_unmap_vm. exact B.
    + apply vm_exists_range in H. destruct H. contradiction.
  - intros e L. st. rewrite !Z.eqb_refl in L. discriminate.
  - right. split.
    + intros w h e N L. st. rewrite (proj2 (Z.eqb_neq HOST w)) in L by congruence.
      simpl in L. eapply VMS; eauto.
    + intros d i. st. apply DEV.
  - intros _. symmetry. unfold dev_count.
    replace (filter _ all_devices) with (@nil Z); [reflexivity|].
    symmetry. rewrite (filter_ext _ (fun _ => false)).
    + clear. induction all_devices; auto.
    + intro d. unfold maps_frame. st. destruct (dev_lookup s2 d p) eqn:E; [|reflexivity].
      apply Z.eqb_neq. intro. subst. apply (DEV d p). assumption.
Qed.

Lemma keep_clear : forall v p n s, Inv s -> Inv (snd (clear v p n s)).
Proof.
  intros v p n s I. unfold clear.
  case_if; [assumption|]. case_if; [assumption|]. zb.
  apply (keep_counted (clear_page v) _ _ _
           (fun s => Inv s /\ vm_exists s v = true)).
  - auto.
  - intros i s1 s2 [I1 V1] S. split; [eapply keep_clear_page; eauto|].
    rewrite (clear_page_keeps_vms _ _ _ _ _ S). assumption.
Qed.

(* ------------------------------------------------------------------ *)
(* The rest                                                            *)

Lemma keep_map_io : forall v gpa pa s, Inv s -> Inv (snd (map_io v gpa pa s)).
Proof.
  intros v gpa pa s I. unfold map_io.
  do 4 (case_if; [assumption|]). zb.
  destruct (lookup s v (gpa / PAGE)) eqn:L.
  - case_if; assumption.
  - apply keep_set_entry; auto; [|discriminate].
    left. simpl. auto.
Qed.

Lemma keep_host_fault : forall addr s, Inv s -> Inv (snd (host_fault addr s)).
Proof.
  intros addr s I. unfold host_fault. case_if; [assumption|].
  case_if; [|assumption]. apply keep_host_map; assumption.
Qed.

Lemma keep_reach : forall who addr s, Inv s -> Inv (snd (reach who addr s)).
Proof.
  intros who addr s I. unfold reach.
  destruct (lookup s who (addr / PAGE)); [assumption|].
  case_if; [|assumption].
  pose proof (keep_host_fault addr s I).
  destruct (host_fault addr s) as [[]]; assumption.
Qed.

Lemma keep_set_word : forall p i x s, Inv s -> Inv (set_word p i x s).
Proof. intros. apply Inv_ext with s; intros; st; auto. Qed.

Lemma keep_access : forall who addr f s, Inv s ->
  (forall e s, Inv s -> Inv (snd (f e s))) ->
  Inv (snd (access who addr s f)).
Proof.
  intros who addr f s I F. unfold access.
  do 3 (case_if; [assumption|]).
  pose proof (keep_reach who addr s I).
  destruct (reach who addr s) as [[e|] s1]; auto.
Qed.

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
  constructor.
  - intro q. destruct (inv_frame _ I q).
    constructor; unfold boot_owner in *; simpl; st; auto.
  - intros g e H. simpl in *. st. apply (inv_host _ I) in H.
    unfold host_entry, may_host, owner in *. st. auto.
  - intros w g e N H. simpl in *. st. apply (inv_vm _ I) in H; [|assumption].
    unfold entry_ok, owner in *. st. auto.
  - intros w g e N H L. simpl in *. st.
    destruct (inv_block _ I w g e N H L) as [q [A B]].
    exists q. split; [assumption|]. intros j Hj. st. auto.
  - intros c i q H. simpl in *. unfold owner in *. st.
    destruct (d =? c) eqn:X.
    + zb. subst. rewrite NONE in H. discriminate.
    + apply (inv_dev _ I). assumption.
  - intros q H. simpl in *. unfold owner in *. st.
    rewrite (inv_count _ I q H). symmetry. apply dev_count_ext.
    intro c. unfold maps_frame. st. reflexivity.
  - intros c j q. unfold boot_owner. st. apply (inv_dev_ram _ I).
Qed.

Lemma keep_dev_assign : forall v g p s, Inv s -> Inv (snd (dev_assign v g p s)).
Proof.
  intros v g p s I. unfold dev_assign.
  do 2 (case_if; [assumption|]). zb.
  destruct (vm_exists_range _ _ E0) as [VH _].
  destruct (f_owner (frame_at s p) =? HOST) eqn:O; [|case_if; assumption].
  destruct (f_count (frame_at s p) =? 0) eqn:C; [|assumption]. zb.
  assert (O' : owner s p = HOST) by assumption.
  apply keep_set_frame; simpl.
  - apply keep_del_host. assumption.
  - constructor; simpl; intros; st; try congruence; try lia.
    + exfalso. not_fixed. unfold boot_owner. st.
      change (boot_owner s p = HOST). apply owned_is_ram; auto.
    + auto.
    + unfold MAX_GRANTS. repeat split; auto; lia.
  - intros e L. st. rewrite !Z.eqb_refl in L. discriminate.
  - right. split.
    + intros w h e N L. st. rewrite (proj2 (Z.eqb_neq HOST w)) in L by congruence.
      simpl in L. eapply host_frame_unmapped_by_vms; eauto.
    + intros d i. st. apply host_count_zero_no_device; auto.
  - congruence.
Qed.

Lemma keep_dev_map : forall v d iova pte s, Inv s ->
  Inv (snd (dev_map v d iova pte s)).
Proof.
  intros v d iova pte s I. unfold dev_map.
  do 6 (case_if; [assumption|]).
  destruct (dev_lookup s d (iova / PAGE)) eqn:D; [case_if; assumption|].
  zb. set (p := phys_page pte / PAGE) in *. set (i := iova / PAGE) in *.
  cbn [snd].
  (* The frame after: the host counts its device mappings. *)
  set (r := if v =? HOST then mkFrame HOST (f_count (frame_at s p) + 1) false p
            else frame_at s p).
  assert (FR : f_owner r = f_owner (frame_at s p) /\
               f_pending r = f_pending (frame_at s p) /\
               f_gfn r = f_gfn (frame_at s p)).
  { unfold r. destruct (v =? HOST) eqn:X; [|auto]. zb. simpl.
    destruct (gf_host _ _ _ (inv_frame _ I p)); [congruence|].
    repeat split; congruence. }
  destruct FR as [R1 [R2 R3]].
  match goal with |- Inv ?x => set (s' := x) end.
  assert (F' : forall q, frame_at s' q = if p =? q then r else frame_at s q).
  { intro q. unfold s', r. destruct (v =? HOST); st; destruct (p =? q) eqn:X;
    try reflexivity. zb. subst. reflexivity. }
  assert (L' : forall w h, lookup s' w h = lookup s w h)
    by (intros; unfold s'; destruct (v =? HOST); st; reflexivity).
  assert (B' : forall q, boot_frame s' q = boot_frame s q)
    by (intros; unfold s'; destruct (v =? HOST); st; reflexivity).
  assert (V' : forall w, vm_exists s' w = vm_exists s w)
    by (intros; unfold s'; destruct (v =? HOST); st; reflexivity).
  assert (W' : forall c, owner_of_device s' c = owner_of_device s c)
    by (intros; unfold s'; destruct (v =? HOST); st; reflexivity).
  assert (D' : forall c j, dev_lookup s' c j =
                 if (d =? c) && (i =? j) then Some p else dev_lookup s c j)
    by (intros; unfold s'; destruct (v =? HOST); st; reflexivity).
  assert (OW' : forall q, owner s' q = owner s q).
  { intro q. unfold owner. rewrite F'. destruct (p =? q) eqn:X; [|reflexivity].
    zb. subst q. assumption. }
  assert (MH : forall q, may_host s' q = may_host s q).
  { intro q. unfold may_host. rewrite F'. destruct (p =? q) eqn:X; [|reflexivity].
    zb. subst q. rewrite R1, R2. unfold r. destruct (v =? HOST) eqn:Y; [|reflexivity].
    zb. replace (f_owner (frame_at s p)) with HOST by congruence.
    reflexivity. }
  constructor.
  - intro q. destruct (inv_frame _ I q) as [GX GR GC GH GV].
    rewrite F'. destruct (p =? q) eqn:X.
    + zb. subst q. constructor; unfold boot_owner; rewrite ?B', ?V', ?R1, ?R2, ?R3;
        auto.
      * intro N. unfold r. destruct (v =? HOST) eqn:Y; [|apply GX; exact N].
        zb. exfalso. apply N. apply owned_is_ram; auto.
      * unfold r. destruct (v =? HOST); simpl; lia.
      * intro K. destruct (GV K) as [K1 [K2 K3]]. unfold r.
        destruct (v =? HOST) eqn:Y; [|auto].
        zb. apply vm_exists_range in K. destruct K. congruence.
    + constructor; unfold boot_owner; rewrite ?B', ?V'; auto.
  - intros h e HX. rewrite L' in HX. apply (inv_host _ I) in HX.
    unfold host_entry. rewrite OW', MH. assumption.
  - intros w h e N HX. rewrite L' in HX. destruct (inv_vm _ I _ _ _ N HX) as [K1 K2].
    rewrite V'. split; [assumption|]. unfold entry_ok in *. rewrite OW', F'.
    destruct (p =? e_pfn e) eqn:X; [|assumption].
    zb. rewrite R2, R3, X. assumption.
  - intros w h e N HX L2. rewrite L' in HX.
    destruct (inv_block _ I w h e N HX L2) as [q [A B]].
    exists q. split; [assumption|]. intros j Hj. rewrite L'. auto.
  - intros c j q HX. rewrite D' in HX. rewrite OW', W', F'.
    destruct ((d =? c) && (i =? j)) eqn:X.
    + zb. subst c j. inj. rewrite Z.eqb_refl, R3. unfold owner.
      repeat split; congruence.
    + destruct (inv_dev _ I _ _ _ HX) as [K1 [K2 K3]].
      destruct (p =? q) eqn:Y; [|auto]. zb. subst q. rewrite R3. auto.
  - intros q HX. rewrite OW' in HX. rewrite F'.
    assert (K : f_count (frame_at s q) = dev_count s q) by (apply (inv_count _ I); assumption).
    destruct (p =? q) eqn:Y.
    + zb. subst q. unfold r. unfold owner in HX.
      match goal with |- context [if ?x =? HOST then _ else _] =>
        replace (x =? HOST) with true by (symmetry; apply Z.eqb_eq; congruence)
      end.
      simpl. rewrite K. symmetry.
      assert (IP : i = p).
      { destruct (gf_host _ _ _ (inv_frame _ I p) HX). congruence. }
      apply (dev_count_more s s' p d).
      * assumption.
      * unfold maps_frame. rewrite <- IP at 1. rewrite D. reflexivity.
      * unfold maps_frame. rewrite D'. rewrite Z.eqb_refl.
        rewrite IP, Z.eqb_refl. simpl. apply Z.eqb_refl.
      * intros c Hc. unfold maps_frame. rewrite D'.
        rewrite (proj2 (Z.eqb_neq d c)) by congruence. reflexivity.
    + rewrite K. symmetry. apply dev_count_ext. intro c. unfold maps_frame.
      rewrite D'. destruct ((d =? c) && (i =? q)) eqn:X; [|reflexivity].
      zb. subst c q. rewrite D. apply Z.eqb_neq. assumption.
  - intros c j q HX. unfold boot_owner. rewrite B'. rewrite D' in HX.
    destruct ((d =? c) && (i =? j)); [|apply (inv_dev_ram _ I _ _ _ HX)].
    inj. apply owned_is_ram; auto. unfold owner.
    match goal with K : principal s _ = true |- _ =>
      apply orb_prop in K; destruct K as [K|K] end.
    + left. zb. congruence.
    + right. congruence.
Qed.
