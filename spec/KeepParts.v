(* A change of one part of the state keeps the invariant, if that part is right
   afterwards.  The operations are made of these changes. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant.
Local Open Scope Z_scope.

(* ------------------------------------------------------------------ *)
(* Changes of one part of the state                                    *)

(* What devices have changes, and nothing else. *)
Lemma Inv_devices : forall s s', Inv s ->
  (forall p, frame_at s' p = frame_at s p) ->
  (forall p, boot_frame s' p = boot_frame s p) ->
  (forall v g, lookup s' v g = lookup s v g) ->
  (forall v, vm_exists s' v = vm_exists s v) ->
  (forall d i p, dev_lookup s' d i = Some p ->
     is_device d = true /\ owner s p = owner_of_device s' d /\
     f_gfn (frame_at s p) = i /\ boot_owner s p = HOST) ->
  (forall p, owner s p = HOST -> dev_count s' p = dev_count s p) ->
  Inv s'.
Proof.
  intros s s' I F B L V D C.
  assert (OW : forall p, owner s' p = owner s p)
    by (intro; unfold owner; rewrite F; reflexivity).
  constructor.
  - intro p. rewrite F. destruct (inv_frame _ I p).
    constructor; unfold boot_owner in *; rewrite ?B, ?V; auto.
  - intros g e. rewrite L. intro H. apply (inv_host _ I) in H.
    unfold host_entry, may_host in *. rewrite OW, F. assumption.
  - intros v g e N. rewrite L, V. intro H.
    apply (inv_vm _ I) in H; [|assumption].
    unfold entry_ok in *. rewrite OW, F. assumption.
  - intros v g e N. rewrite L. intros H H2.
    destruct (inv_block _ I v g e N H H2) as [p [P Q]].
    exists p. split; [assumption|]. intros. rewrite L. auto.
  - intros d i p H. rewrite OW, F. destruct (D _ _ _ H) as [D1 [D2 [D3 _]]]. auto.
  - intros p. rewrite OW, F. intro H. rewrite C by assumption.
    apply (inv_count _ I p H).
  - intros d i p H. unfold boot_owner. rewrite B. apply (D _ _ _ H).
Qed.

(* The invariant looks at these parts of the state and at no others. *)
Lemma Inv_ext : forall s s',
  (forall p, frame_at s' p = frame_at s p) ->
  (forall p, boot_frame s' p = boot_frame s p) ->
  (forall v g, lookup s' v g = lookup s v g) ->
  (forall d i, dev_lookup s' d i = dev_lookup s d i) ->
  (forall d, owner_of_device s' d = owner_of_device s d) ->
  (forall v, vm_exists s' v = vm_exists s v) ->
  Inv s -> Inv s'.
Proof.
  intros s s' F B L D O V I. apply (Inv_devices s s'); auto.
  - intros d i p H. rewrite D in H. rewrite O.
    destruct (inv_dev _ I _ _ _ H) as [D1 [D2 D3]].
    pose proof (inv_dev_ram _ I _ _ _ H). auto.
  - intros p _. apply dev_count_ext. intro. unfold maps_frame. rewrite D.
    reflexivity.
Qed.

(* Contents change. *)
Lemma keep_memory : forall s m, Inv s -> Inv (with_memory m s).
Proof. intros s m I. apply Inv_ext with s; auto. Qed.

(* Tables change, and nothing else. *)
Lemma Inv_tables : forall s m, let s' := with_tables m s in Inv s ->
  (forall g e, lookup s' HOST g = Some e ->
     e = host_entry s g /\ may_host s g = true) ->
  (forall v g e, v <> HOST -> lookup s' v g = Some e ->
     vm_exists s v = true /\ entry_ok s v g e) ->
  (forall v g e, v <> HOST -> lookup s' v g = Some e -> e_level e = 2 ->
     exists p, is_block s' v (block_base g) p) ->
  Inv s'.
Proof.
  intros s m s' I H V B. constructor; try assumption.
  - intro p. destruct (inv_frame _ I p). constructor; assumption.
  - apply (inv_dev _ I).
  - apply (inv_count _ I).
  - apply (inv_dev_ram _ I).
Qed.

(* One entry changes: an entry of the host to what the host may have; one of a
   VM that is in no block, neither before nor after. *)
Lemma keep_put : forall s v f g, Inv s ->
  (v = HOST -> forall e, f g = Some e ->
     e = host_entry s g /\ may_host s g = true) ->
  (v <> HOST -> forall e, f g = Some e ->
     vm_exists s v = true /\ entry_ok s v g e /\ e_level e <> 2) ->
  (v <> HOST -> forall e, lookup s v g = Some e -> e_level e <> 2) ->
  Inv (put v f g s).
Proof.
  intros s v f g I H V NB.
  assert (L := lookup_put v f g s).
  destruct (put_parts v f g s) as [m E]. rewrite E in *.
  apply Inv_tables; [assumption| | |].
  - intros h e. rewrite L. destruct ((v =? HOST) && (g =? h)) eqn:C.
    + zb. subst. auto.
    + apply (inv_host _ I).
  - intros w h e N. rewrite L. destruct ((v =? w) && (g =? h)) eqn:C.
    + zb. subst. intro K. destruct (V N e K) as [V1 [V2 _]]. auto.
    + apply (inv_vm _ I). assumption.
  - intros w h e N. rewrite L. intros K K2.
    destruct ((v =? w) && (g =? h)) eqn:C.
    + zb. subst. exfalso. apply (V N e K). assumption.
    + destruct (inv_block _ I w h e N K K2) as [p [A B]].
      exists p. split; [assumption|]. intros i Hi. rewrite L.
      destruct ((v =? w) && (g =? block_base h + i)) eqn:C2; [|auto].
      zb. subst. exfalso. apply (NB N _ (B i Hi)). reflexivity.
Qed.

(* The cases of this that the operations need. *)

Lemma keep_host_map : forall s p, Inv s -> may_host s p = true ->
  Inv (set_entry HOST p (host_entry s p) s).
Proof.
  intros s p I M.
  apply (keep_put s HOST (fun _ => Some (host_entry s p)) p); auto; try contradiction.
  intros _ e H. inj. auto.
Qed.

Lemma keep_del_host : forall s p, Inv s -> Inv (del_entry HOST p s).
Proof.
  intros s p I. apply (keep_put s HOST (fun _ => None) p); auto; discriminate || contradiction.
Qed.

Lemma keep_set_entry : forall s v g e, Inv s -> vm_exists s v = true ->
  lookup s v g = None -> entry_ok s v g e -> e_level e <> 2 ->
  Inv (set_entry v g e s).
Proof.
  intros s v g e I V U K L2. destruct (vm_exists_range _ _ V) as [VH _].
  apply (keep_put s v (fun _ => Some e) g); auto; try contradiction.
  - intros _ x H. inj. auto.
  - intros. congruence.
Qed.

Lemma keep_del_entry : forall s v g, Inv s -> v <> HOST ->
  (forall e, lookup s v g = Some e -> e_level e <> 2) ->
  Inv (del_entry v g s).
Proof.
  intros s v g I VH L3. apply (keep_put s v (fun _ => None) g); auto; discriminate.
Qed.

(* ------------------------------------------------------------------ *)
(* Changes of a block of entries                                       *)

(* Setting all 512 entries of an aligned range, either to one block or to
   things that are not blocks, keeps the invariant if each entry is right. *)
Lemma Inv_put_range : forall s v b f,
  Inv s -> vm_exists s v = true -> b mod 512 = 0 ->
  (forall h e, b <= h < b + 512 -> f h = Some e -> entry_ok s v h e) ->
  ((exists p, p mod 512 = 0 /\ forall i, 0 <= i < 512 ->
     f (b + i) = Some (block_entry p i)) \/
   (forall h e, b <= h < b + 512 -> f h = Some e -> e_level e <> 2)) ->
  Inv (put_entries v f BLOCK_NAT b s).
Proof.
  intros s v b f I V M OK BL.
  destruct (vm_exists_range _ _ V) as [VH _].
  assert (L := lookup_put_entries v f BLOCK_NAT b s). rewrite block_nat in L.
  destruct (put_entries_parts v f BLOCK_NAT b s) as [m E]. rewrite E in *.
  apply Inv_tables; [assumption| | |].
  - intros g e. rewrite L, (proj2 (Z.eqb_neq v HOST) VH). apply (inv_host _ I).
  - intros w h e N. rewrite L.
    destruct ((v =? w) && (b <=? h) && (h <? b + 512)) eqn:C.
    + zb. subst. auto.
    + apply (inv_vm _ I). assumption.
  - intros w h e N. rewrite L. intros H H2.
    destruct ((v =? w) && (b <=? h) && (h <? b + 512)) eqn:C.
    + zb. subst. destruct BL as [[p [A B]]|B]; [|exfalso; apply (B h e); auto].
      exists p. replace (block_base h) with b by (symmetry; apply base_in; auto).
      split; [assumption|]. intros i Hi. change BLOCK_PAGES with 512 in Hi.
      rewrite L. replace (_ && _ && _) with true; [apply B; assumption|].
      symmetry. rewrite Z.eqb_refl. apply andb_true_intro.
      split; [apply Z.leb_le | apply Z.ltb_lt]; lia.
    + destruct (inv_block _ I _ _ _ N H H2) as [p [A B]].
      exists p. split; [assumption|]. intros i Hi. change BLOCK_PAGES with 512 in Hi.
      rewrite L. replace (_ && _ && _) with false; [apply B; assumption|].
      symmetry. apply not_true_iff_false. intro K. apply not_true_iff_false in C.
      apply C. zb. subst w. destruct (block_base_spec h) as [P Q].
      rewrite <- (base_in b (block_base h + i)), block_base_of by auto.
      rewrite Z.eqb_refl. apply andb_true_intro.
      split; [apply Z.leb_le | apply Z.ltb_lt]; lia.
Qed.

(* ------------------------------------------------------------------ *)
(* One frame record changes                                            *)

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

(* A record changes and the host's entry goes. *)
Lemma keep_take : forall s p r, Inv s -> good_frame s p r ->
  (f_owner r = owner s p /\ f_gfn r = f_gfn (frame_at s p) /\
   (f_pending r = true -> f_pending (frame_at s p) = true) \/
   (forall v g e, v <> HOST -> lookup s v g = Some e -> e_pfn e <> p) /\
   (forall d i, dev_lookup s d i <> Some p)) ->
  (f_owner r = HOST -> f_count r = dev_count s p) ->
  Inv (set_frame p r (del_entry HOST p s)).
Proof.
  intros s p r I G U C. apply keep_set_frame; auto.
  - apply keep_del_host. assumption.
  - destruct G. constructor; assumption.
  - intros e H. st. rewrite !Z.eqb_refl in H. discriminate.
  - destruct U as [U|[U D]]; [left; exact U|right; split; [|exact D]].
    intros v g e N. st. rewrite (proj2 (Z.eqb_neq HOST v)) by congruence. apply U. assumption.
Qed.
