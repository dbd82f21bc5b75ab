(* What one reads after a change: what was written, and all else as before.

   Everything proved later about maps rests on these laws alone.  They are
   collected in the rewrite base [st]; the tactic [st] applies them. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop.
Local Open Scope Z_scope.

(* ---- two-level maps ---- *)

Lemma get2_set2 : forall A i j a b (x : A) m,
  get2 i j (set2 a b x m) =
  if (a =? i) && (b =? j) then Some x else get2 i j m.
Proof.
  intros. unfold get2, set2, row. rewrite ZMap.get_set.
  destruct (a =? i) eqn:E; simpl; [|reflexivity].
  apply Z.eqb_eq in E. subst. rewrite ZMap.get_set.
  destruct (ZMap.get i m); [reflexivity|].
  rewrite ZMap.get_empty. reflexivity.
Qed.

Lemma get2_del2 : forall A i j a b (m : ZMap.t (ZMap.t A)),
  get2 i j (del2 a b m) =
  if (a =? i) && (b =? j) then None else get2 i j m.
Proof.
  intros. unfold get2, del2.
  destruct (ZMap.get a m) eqn:G.
  - rewrite ZMap.get_set. destruct (a =? i) eqn:E; simpl; [|reflexivity].
    apply Z.eqb_eq in E. subst. rewrite ZMap.get_del, G. reflexivity.
  - destruct (a =? i) eqn:E; simpl; [|reflexivity].
    apply Z.eqb_eq in E. subst. rewrite G. destruct (b =? j); reflexivity.
Qed.

Lemma get2_del_row : forall A i j a (m : ZMap.t (ZMap.t A)),
  get2 i j (ZMap.del a m) = if a =? i then None else get2 i j m.
Proof.
  intros. unfold get2. rewrite ZMap.get_del. destruct (a =? i); reflexivity.
Qed.

(* ---- reading what was just changed ---- *)

Lemma frame_at_set_frame : forall p r s q,
  frame_at (set_frame p r s) q = if p =? q then r else frame_at s q.
Proof.
  intros. unfold frame_at, set_frame. simpl. rewrite ZMap.get_set.
  destruct (p =? q); reflexivity.
Qed.

Lemma lookup_set_entry : forall v g e s w h,
  lookup (set_entry v g e s) w h =
  if (v =? w) && (g =? h) then Some e else lookup s w h.
Proof. intros. apply get2_set2. Qed.

Lemma lookup_del_entry : forall v g s w h,
  lookup (del_entry v g s) w h =
  if (v =? w) && (g =? h) then None else lookup s w h.
Proof. intros. apply get2_del2. Qed.

Lemma word_zero_frame : forall p s q i,
  word (zero_frame p s) q i = if p =? q then 0 else word s q i.
Proof.
  intros. unfold word, zero_frame. simpl. rewrite get2_del_row.
  destruct (p =? q); reflexivity.
Qed.

Lemma word_set_word : forall p i x s q j,
  word (set_word p i x s) q j =
  if (p =? q) && (i =? j) then x else word s q j.
Proof.
  intros. unfold word, set_word. simpl. rewrite get2_set2.
  destruct ((p =? q) && (i =? j)); reflexivity.
Qed.

Lemma dev_lookup_set_dev : forall d i p s c j,
  dev_lookup (set_dev d i p s) c j =
  if (d =? c) && (i =? j) then Some p else dev_lookup s c j.
Proof. intros. apply get2_set2. Qed.

Lemma dev_lookup_del_dev : forall d i s c j,
  dev_lookup (del_dev d i s) c j =
  if (d =? c) && (i =? j) then None else dev_lookup s c j.
Proof. intros. apply get2_del2. Qed.

Lemma owner_of_device_set : forall d v s c,
  owner_of_device (with_dev_owner (ZMap.set d v (dev_owner s)) s) c =
  if d =? c then v else owner_of_device s c.
Proof.
  intros. unfold owner_of_device. simpl. rewrite ZMap.get_set.
  destruct (d =? c); reflexivity.
Qed.

Lemma vm_exists_set : forall v s w,
  vm_exists (with_vms (ZMap.set v true (vms s)) s) w =
  is_vm w && ((v =? w) || vm_exists s w).
Proof.
  intros. unfold vm_exists. simpl. rewrite ZMap.get_set.
  destruct (v =? w), (is_vm w); reflexivity.
Qed.

#[global] Hint Rewrite frame_at_set_frame lookup_set_entry lookup_del_entry
  word_zero_frame word_set_word dev_lookup_set_dev dev_lookup_del_dev
  owner_of_device_set vm_exists_set : st.

(* ---- reading anything else ---- *)

(* Larger changes in terms of the parts of the state that they replace. *)

Lemma put_parts : forall v f g s, exists m, put v f g s = with_tables m s.
Proof. intros. unfold put, set_entry, del_entry. destruct (f g); eauto. Qed.

Lemma put_entries_parts : forall v f n x s,
  exists m, put_entries v f n x s = with_tables m s.
Proof.
  intros. unfold put_entries.
  apply (each_keeps _ (fun s' => exists m, s' = with_tables m s)).
  - intros i s' [m ->]. destruct (put_parts v f i (with_tables m s)) as [m' ->].
    exists m'. reflexivity.
  - exists (tables s). destruct s. reflexivity.
Qed.

Lemma unmap_vm_parts : forall v g p s,
  exists m, unmap_vm v g p s = with_tables m s.
Proof.
  intros. unfold unmap_vm, split, del_entry.
  assert (SAME : exists m, s = with_tables m s)
    by (exists (tables s); destruct s; reflexivity).
  destruct (lookup s v g); [|exact SAME]. case_if; [|exact SAME].
  case_if; [|eauto].
  destruct (put_entries_parts v (as_page s v) BLOCK_NAT (block_base g) s) as [m ->].
  exists (del2 v g m). reflexivity.
Qed.

Lemma assign_parts : forall v g p s,
  exists fs m, assign v g p s = with_frames fs (with_tables m s).
Proof.
  intros. unfold assign, set_frame, del_entry. case_if.
  - eauto.
  - exists (ZMap.set p (mkFrame v (f_count (frame_at s p)) false g) (frames s)),
      (tables s).
    destruct s. reflexivity.
Qed.

Lemma assign_all_parts : forall v g p n s,
  exists fs m, assign_all v g p n s = with_frames fs (with_tables m s).
Proof.
  intros. unfold assign_all.
  apply (each_keeps _ (fun s' => exists fs m, s' = with_frames fs (with_tables m s))).
  - intros i s' [fs [m ->]].
    destruct (assign_parts v (g + i) (p + i) (with_frames fs (with_tables m s)))
      as [fs' [m' ->]].
    exists fs', m'. reflexivity.
  - exists (frames s), (tables s). destruct s. reflexivity.
Qed.

(* [change] leaves alone what [read] looks at. *)
Definition passes {A : Type} (read : State -> A) (change : State -> State) : Prop :=
  forall s, read (change s) = read s.

(* That is so by definition for changes of other parts. *)
Ltac passes :=
  let s := fresh in
  intro s;
  lazymatch goal with
  | |- _ (set_frame _ _ s) = _ => idtac
  | |- _ (set_entry _ _ _ s) = _ => idtac
  | |- _ (del_entry _ _ s) = _ => idtac
  | |- _ (zero_frame _ s) = _ => idtac
  | |- _ (set_word _ _ _ s) = _ => idtac
  | |- _ (set_dev _ _ _ s) = _ => idtac
  | |- _ (del_dev _ _ s) = _ => idtac
  | |- _ (unmap_devices _ _ s) = _ => idtac
  | |- _ (with_vms _ s) = _ => idtac
  | |- _ (with_dev_owner _ s) = _ => idtac
  | |- _ (with_dev_tables _ s) = _ => idtac
  | |- _ (put_entries ?v ?f ?n ?x s) = _ => destruct (put_entries_parts v f n x s) as [? ->]
  | |- _ (unmap_vm ?v ?g ?p s) = _ => destruct (unmap_vm_parts v g p s) as [? ->]
  | |- _ (assign ?v ?g ?p s) = _ => destruct (assign_parts v g p s) as [? [? ->]]
  | |- _ (assign_all ?v ?g ?p ?n s) = _ => destruct (assign_all_parts v g p n s) as [? [? ->]]
  end;
  reflexivity.

Ltac past read :=
  match goal with
  | |- context [read (?change ?s)] =>
    let P := fresh in
    assert (P : passes read change) by passes; rewrite (P s); clear P
  | H : context [read (?change ?s)] |- _ =>
    let P := fresh in
    assert (P : passes read change) by passes; rewrite (P s) in H; clear P
  end.

(* [st]: read the state after a change in terms of the state before it. *)
Ltac st :=
  repeat first
    [ progress autorewrite with st in *
    | past frame_at | past boot_frame | past lookup | past word | past dev_lookup
    | past owner_of_device | past vm_exists | past halted ].

(* ---- reading the entries of a range ---- *)

Lemma lookup_put : forall v f g s w h,
  lookup (put v f g s) w h =
  if (v =? w) && (g =? h) then f g else lookup s w h.
Proof.
  intros. unfold put. destruct (f g); st; reflexivity.
Qed.

Lemma lookup_put_entries : forall v f n x s w h,
  lookup (put_entries v f n x s) w h =
  if (v =? w) && (x <=? h) && (h <? x + Z.of_nat n) then f h
  else lookup s w h.
Proof.
  unfold put_entries. induction n; intros.
  - simpl. destruct (v =? w), (x <=? h) eqn:A, (h <? x + Z.of_nat 0) eqn:B;
      simpl; zb; try reflexivity; lia.
  - rewrite each_S, IHn, lookup_put.
    destruct (v =? w); simpl; [|reflexivity].
    destruct (x + 1 <=? h) eqn:A, (h <? x + 1 + Z.of_nat n) eqn:B,
      (x <=? h) eqn:C, (h <? x + Z.of_nat (S n)) eqn:D, (x =? h) eqn:E;
      simpl; zb; subst; try reflexivity; try lia; f_equal; lia.
Qed.

#[global] Hint Rewrite lookup_put_entries : st.
