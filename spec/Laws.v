(* How reading the state fits with changing it: one law for each pair.

   Everything proved later about maps rests on these laws alone.  They are
   collected in the rewrite base [st]; the tactic [st] applies them. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Strong.
Local Open Scope Z_scope.

Arguments Z.mul : simpl never.
Arguments Z.add : simpl never.
Arguments Z.sub : simpl never.
Arguments Z.div : simpl never.
Arguments Z.modulo : simpl never.
Arguments Z.of_nat : simpl never.
Arguments Z.to_nat : simpl never.
Arguments Z.eqb : simpl never.
Arguments Z.ltb : simpl never.
Arguments Z.leb : simpl never.
Arguments Z.pow : simpl never.

(* Keep the checker from unrolling loops over 512 pages: such a loop counter
   is the last thing to unfold. *)
Strategy 1000 [BLOCK_NAT].

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

Lemma lookup_set_frame : forall p r s x y,
  lookup (set_frame p r s) x y = lookup s x y.
Proof. reflexivity. Qed.
Lemma word_set_frame : forall p r s x y,
  word (set_frame p r s) x y = word s x y.
Proof. reflexivity. Qed.
Lemma dev_lookup_set_frame : forall p r s x y,
  dev_lookup (set_frame p r s) x y = dev_lookup s x y.
Proof. reflexivity. Qed.
Lemma owner_of_device_set_frame : forall p r s x,
  owner_of_device (set_frame p r s) x = owner_of_device s x.
Proof. reflexivity. Qed.
Lemma vm_exists_set_frame : forall p r s x,
  vm_exists (set_frame p r s) x = vm_exists s x.
Proof. reflexivity. Qed.
Lemma boot_frame_set_frame : forall p r s x,
  boot_frame (set_frame p r s) x = boot_frame s x.
Proof. reflexivity. Qed.

Lemma frame_at_set_entry : forall v g e s x,
  frame_at (set_entry v g e s) x = frame_at s x.
Proof. reflexivity. Qed.
Lemma word_set_entry : forall v g e s x y,
  word (set_entry v g e s) x y = word s x y.
Proof. reflexivity. Qed.
Lemma dev_lookup_set_entry : forall v g e s x y,
  dev_lookup (set_entry v g e s) x y = dev_lookup s x y.
Proof. reflexivity. Qed.
Lemma owner_of_device_set_entry : forall v g e s x,
  owner_of_device (set_entry v g e s) x = owner_of_device s x.
Proof. reflexivity. Qed.
Lemma vm_exists_set_entry : forall v g e s x,
  vm_exists (set_entry v g e s) x = vm_exists s x.
Proof. reflexivity. Qed.
Lemma boot_frame_set_entry : forall v g e s x,
  boot_frame (set_entry v g e s) x = boot_frame s x.
Proof. reflexivity. Qed.

Lemma frame_at_del_entry : forall v g s x,
  frame_at (del_entry v g s) x = frame_at s x.
Proof. reflexivity. Qed.
Lemma word_del_entry : forall v g s x y,
  word (del_entry v g s) x y = word s x y.
Proof. reflexivity. Qed.
Lemma dev_lookup_del_entry : forall v g s x y,
  dev_lookup (del_entry v g s) x y = dev_lookup s x y.
Proof. reflexivity. Qed.
Lemma owner_of_device_del_entry : forall v g s x,
  owner_of_device (del_entry v g s) x = owner_of_device s x.
Proof. reflexivity. Qed.
Lemma vm_exists_del_entry : forall v g s x,
  vm_exists (del_entry v g s) x = vm_exists s x.
Proof. reflexivity. Qed.
Lemma boot_frame_del_entry : forall v g s x,
  boot_frame (del_entry v g s) x = boot_frame s x.
Proof. reflexivity. Qed.

Lemma frame_at_zero_frame : forall p s x,
  frame_at (zero_frame p s) x = frame_at s x.
Proof. reflexivity. Qed.
Lemma lookup_zero_frame : forall p s x y,
  lookup (zero_frame p s) x y = lookup s x y.
Proof. reflexivity. Qed.
Lemma dev_lookup_zero_frame : forall p s x y,
  dev_lookup (zero_frame p s) x y = dev_lookup s x y.
Proof. reflexivity. Qed.
Lemma owner_of_device_zero_frame : forall p s x,
  owner_of_device (zero_frame p s) x = owner_of_device s x.
Proof. reflexivity. Qed.
Lemma vm_exists_zero_frame : forall p s x,
  vm_exists (zero_frame p s) x = vm_exists s x.
Proof. reflexivity. Qed.
Lemma boot_frame_zero_frame : forall p s x,
  boot_frame (zero_frame p s) x = boot_frame s x.
Proof. reflexivity. Qed.

Lemma frame_at_set_word : forall p i z s x,
  frame_at (set_word p i z s) x = frame_at s x.
Proof. reflexivity. Qed.
Lemma lookup_set_word : forall p i z s x y,
  lookup (set_word p i z s) x y = lookup s x y.
Proof. reflexivity. Qed.
Lemma dev_lookup_set_word : forall p i z s x y,
  dev_lookup (set_word p i z s) x y = dev_lookup s x y.
Proof. reflexivity. Qed.
Lemma owner_of_device_set_word : forall p i z s x,
  owner_of_device (set_word p i z s) x = owner_of_device s x.
Proof. reflexivity. Qed.
Lemma vm_exists_set_word : forall p i z s x,
  vm_exists (set_word p i z s) x = vm_exists s x.
Proof. reflexivity. Qed.
Lemma boot_frame_set_word : forall p i z s x,
  boot_frame (set_word p i z s) x = boot_frame s x.
Proof. reflexivity. Qed.

Lemma frame_at_set_dev : forall d i p s x,
  frame_at (set_dev d i p s) x = frame_at s x.
Proof. reflexivity. Qed.
Lemma lookup_set_dev : forall d i p s x y,
  lookup (set_dev d i p s) x y = lookup s x y.
Proof. reflexivity. Qed.
Lemma word_set_dev : forall d i p s x y,
  word (set_dev d i p s) x y = word s x y.
Proof. reflexivity. Qed.
Lemma owner_of_device_set_dev : forall d i p s x,
  owner_of_device (set_dev d i p s) x = owner_of_device s x.
Proof. reflexivity. Qed.
Lemma vm_exists_set_dev : forall d i p s x,
  vm_exists (set_dev d i p s) x = vm_exists s x.
Proof. reflexivity. Qed.
Lemma boot_frame_set_dev : forall d i p s x,
  boot_frame (set_dev d i p s) x = boot_frame s x.
Proof. reflexivity. Qed.

Lemma frame_at_del_dev : forall d i s x,
  frame_at (del_dev d i s) x = frame_at s x.
Proof. reflexivity. Qed.
Lemma lookup_del_dev : forall d i s x y,
  lookup (del_dev d i s) x y = lookup s x y.
Proof. reflexivity. Qed.
Lemma word_del_dev : forall d i s x y,
  word (del_dev d i s) x y = word s x y.
Proof. reflexivity. Qed.
Lemma owner_of_device_del_dev : forall d i s x,
  owner_of_device (del_dev d i s) x = owner_of_device s x.
Proof. reflexivity. Qed.
Lemma vm_exists_del_dev : forall d i s x,
  vm_exists (del_dev d i s) x = vm_exists s x.
Proof. reflexivity. Qed.
Lemma boot_frame_del_dev : forall d i s x,
  boot_frame (del_dev d i s) x = boot_frame s x.
Proof. reflexivity. Qed.

Lemma frame_at_with_vms : forall m s x,
  frame_at (with_vms m s) x = frame_at s x.
Proof. reflexivity. Qed.
Lemma lookup_with_vms : forall m s x y,
  lookup (with_vms m s) x y = lookup s x y.
Proof. reflexivity. Qed.
Lemma word_with_vms : forall m s x y,
  word (with_vms m s) x y = word s x y.
Proof. reflexivity. Qed.
Lemma dev_lookup_with_vms : forall m s x y,
  dev_lookup (with_vms m s) x y = dev_lookup s x y.
Proof. reflexivity. Qed.
Lemma owner_of_device_with_vms : forall m s x,
  owner_of_device (with_vms m s) x = owner_of_device s x.
Proof. reflexivity. Qed.
Lemma boot_frame_with_vms : forall m s x,
  boot_frame (with_vms m s) x = boot_frame s x.
Proof. reflexivity. Qed.

Lemma frame_at_with_dev_owner : forall m s x,
  frame_at (with_dev_owner m s) x = frame_at s x.
Proof. reflexivity. Qed.
Lemma lookup_with_dev_owner : forall m s x y,
  lookup (with_dev_owner m s) x y = lookup s x y.
Proof. reflexivity. Qed.
Lemma word_with_dev_owner : forall m s x y,
  word (with_dev_owner m s) x y = word s x y.
Proof. reflexivity. Qed.
Lemma dev_lookup_with_dev_owner : forall m s x y,
  dev_lookup (with_dev_owner m s) x y = dev_lookup s x y.
Proof. reflexivity. Qed.
Lemma vm_exists_with_dev_owner : forall m s x,
  vm_exists (with_dev_owner m s) x = vm_exists s x.
Proof. reflexivity. Qed.
Lemma boot_frame_with_dev_owner : forall m s x,
  boot_frame (with_dev_owner m s) x = boot_frame s x.
Proof. reflexivity. Qed.

Lemma frame_at_with_dev_tables : forall m s x,
  frame_at (with_dev_tables m s) x = frame_at s x.
Proof. reflexivity. Qed.
Lemma lookup_with_dev_tables : forall m s x y,
  lookup (with_dev_tables m s) x y = lookup s x y.
Proof. reflexivity. Qed.
Lemma word_with_dev_tables : forall m s x y,
  word (with_dev_tables m s) x y = word s x y.
Proof. reflexivity. Qed.
Lemma owner_of_device_with_dev_tables : forall m s x,
  owner_of_device (with_dev_tables m s) x = owner_of_device s x.
Proof. reflexivity. Qed.
Lemma vm_exists_with_dev_tables : forall m s x,
  vm_exists (with_dev_tables m s) x = vm_exists s x.
Proof. reflexivity. Qed.
Lemma boot_frame_with_dev_tables : forall m s x,
  boot_frame (with_dev_tables m s) x = boot_frame s x.
Proof. reflexivity. Qed.

#[global] Hint Rewrite lookup_set_frame word_set_frame dev_lookup_set_frame
  owner_of_device_set_frame vm_exists_set_frame boot_frame_set_frame
  frame_at_set_entry word_set_entry dev_lookup_set_entry
  owner_of_device_set_entry vm_exists_set_entry boot_frame_set_entry
  frame_at_del_entry word_del_entry dev_lookup_del_entry
  owner_of_device_del_entry vm_exists_del_entry boot_frame_del_entry
  frame_at_zero_frame lookup_zero_frame dev_lookup_zero_frame
  owner_of_device_zero_frame vm_exists_zero_frame boot_frame_zero_frame
  frame_at_set_word lookup_set_word dev_lookup_set_word
  owner_of_device_set_word vm_exists_set_word boot_frame_set_word
  frame_at_set_dev lookup_set_dev word_set_dev owner_of_device_set_dev
  vm_exists_set_dev boot_frame_set_dev frame_at_del_dev lookup_del_dev
  word_del_dev owner_of_device_del_dev vm_exists_del_dev
  boot_frame_del_dev frame_at_with_vms lookup_with_vms word_with_vms
  dev_lookup_with_vms owner_of_device_with_vms boot_frame_with_vms
  frame_at_with_dev_owner lookup_with_dev_owner word_with_dev_owner
  dev_lookup_with_dev_owner vm_exists_with_dev_owner
  boot_frame_with_dev_owner frame_at_with_dev_tables
  lookup_with_dev_tables word_with_dev_tables
  owner_of_device_with_dev_tables vm_exists_with_dev_tables
  boot_frame_with_dev_tables : st.

(* ---- arithmetic facts in the form in which the proofs need them ---- *)

Ltac zb :=
  repeat match goal with
  | H : context [?a =? ?a] |- _ => rewrite (Z.eqb_refl a) in H
  | |- context [?a =? ?a] => rewrite (Z.eqb_refl a)
  | H : (_ =? _) = true |- _ => apply Z.eqb_eq in H
  | H : (_ =? _) = false |- _ => apply Z.eqb_neq in H
  | H : (_ <? _) = true |- _ => apply Z.ltb_lt in H
  | H : (_ <? _) = false |- _ => apply Z.ltb_ge in H
  | H : (_ <=? _) = true |- _ => apply Z.leb_le in H
  | H : (_ <=? _) = false |- _ => apply Z.leb_gt in H
  | H : _ && _ = true |- _ => apply andb_prop in H; destruct H
  | H : _ || _ = false |- _ => apply orb_false_elim in H; destruct H
  | H : negb _ = true |- _ => apply negb_true_iff in H
  | H : negb _ = false |- _ => apply negb_false_iff in H
  end.

(* Split on every comparison in sight. *)
Ltac eqs :=
  repeat (match goal with
  | H : context [?a =? ?b] |- _ =>
    let E := fresh "E" in destruct (a =? b) eqn:E;
      [apply Z.eqb_eq in E | apply Z.eqb_neq in E]
  | |- context [?a =? ?b] =>
    let E := fresh "E" in destruct (a =? b) eqn:E;
      [apply Z.eqb_eq in E | apply Z.eqb_neq in E]
  end; simpl andb in *; simpl orb in *; cbv iota in *).

Ltac st := autorewrite with st in *.

Lemma block_base_le : forall g, g / 512 * 512 <= g < g / 512 * 512 + 512.
Proof. intros. pose proof (Z.div_mod g 512). pose proof (Z.mod_pos_bound g 512). lia. Qed.

Lemma each_S : forall A n x (f : Z -> A -> A) a,
  each (S n) x f a = each n (x + 1) f (f x a).
Proof. reflexivity. Qed.

Lemma all_pages_spec : forall n x f,
  all_pages n x f = true <->
  (forall i, x <= i < x + Z.of_nat n -> f i = true).
Proof.
  induction n; intros; simpl.
  - split; [intros; lia | reflexivity].
  - destruct (f x) eqn:F.
    + rewrite IHn. split; intros.
      * destruct (Z.eq_dec i x); [subst; assumption|]. apply H. lia.
      * apply H. lia.
    + split; [discriminate|]. intros. rewrite H in F by lia. discriminate.
Qed.
