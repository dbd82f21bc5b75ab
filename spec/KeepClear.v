(* clear keeps the invariant: frames go back to the host. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  KeepParts.
Local Open Scope Z_scope.

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
  intros s p i I O. apply (Inv_devices s); auto; intros; st; try reflexivity.
  - rewrite dev_lookup_unmap in H.
    destruct (dev_lookup s d i0) eqn:D; [|discriminate].
    destruct ((i =? i0) && (z =? p)); [discriminate|]. inj.
    destruct (inv_dev _ I _ _ _ D) as [D1 [D2 D3]].
    pose proof (inv_dev_ram _ I _ _ _ D). auto.
  - apply dev_count_ext. intro d. unfold maps_frame.
    rewrite dev_lookup_unmap. destruct (dev_lookup s d p0) eqn:D; [|reflexivity].
    destruct ((i =? p0) && (z =? p)) eqn:E; [|reflexivity].
    zb. symmetry. apply Z.eqb_neq. congruence.
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
  st. rewrite P in K. unfold owner in O.
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

Lemma vm_exists_clear_page : forall v p s s' w, clear_page v p s = Some s' ->
  vm_exists s' w = vm_exists s w.
Proof.
  unfold clear_page. intros. destruct (_ =? _) in H; inj. st. reflexivity.
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
    by (intro; unfold s1; st; reflexivity).
  assert (I2 : Inv s2).
  { apply keep_unmap_devices; [assumption|]. unfold owner. rewrite F1. congruence. }
  assert (VMS : forall w h e, w <> HOST -> lookup s2 w h = Some e -> e_pfn e <> p).
  { intros w h e N L. apply (unmap_vm_unmaps s v p I V O w h e N). exact L. }
  assert (DEV : forall d i, dev_lookup s2 d i <> Some p).
  { intros d i. unfold s2, g. rewrite <- F1. apply unmap_devices_unmaps.
    assumption. }
  assert (B : boot_owner s2 p = HOST).
  { unfold boot_owner, s2, s1. st. change (boot_owner s p = HOST).
    apply owned_is_ram; auto. right. unfold owner. congruence. }
  apply (keep_memory (set_frame p (mkFrame HOST 0 false p) (del_entry HOST p s2))).
  apply keep_take; simpl; auto.
  - constructor; simpl; intros; auto; try lia; try contradiction.
    apply vm_exists_range in H. destruct H. contradiction.
  - intros _. symmetry. unfold dev_count.
    replace (filter _ all_devices) with (@nil Z); [reflexivity|].
    symmetry. rewrite (filter_ext _ (fun _ => false)).
    + clear. induction all_devices; auto.
    + intro d. unfold maps_frame. destruct (dev_lookup s2 d p) eqn:E; [|reflexivity].
      apply Z.eqb_neq. intro. subst. apply (DEV d p). assumption.
Qed.

Lemma keep_clear : forall v p n s, Inv s -> Inv (snd (clear v p n s)).
Proof.
  intros v p n s I. unfold clear.
  case_if; [assumption|]. case_if; [assumption|]. zb.
  apply (counted_ind (clear_page v) _ _ _
           (fun s => Inv s /\ vm_exists s v = true)).
  - auto.
  - intros i s1 s2 _ [I1 V1] S. split; [eapply keep_clear_page; eauto|].
    rewrite (vm_exists_clear_page _ _ _ _ _ S). assumption.
Qed.
