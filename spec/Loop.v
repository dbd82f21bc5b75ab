(* Loops over pages, and how to argue about them. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import State Strong Tactics.
Local Open Scope Z_scope.

Lemma each_S : forall A n x (f : Z -> A -> A) a,
  each (S n) x f a = each n (x + 1) f (f x a).
Proof. reflexivity. Qed.

Lemma each_keeps : forall A (P : A -> Prop) f n x a,
  (forall i a, P a -> P (f i a)) -> P a -> P (each n x f a).
Proof. induction n; intros; simpl; auto. Qed.

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

Lemma first_refusal_none : forall n x f, first_refusal n x f = None ->
  forall i, x <= i < x + Z.of_nat n -> f i = None.
Proof.
  induction n; intros x f H i Hi; [lia|]. simpl in H.
  destruct (f x) eqn:F; [discriminate|].
  destruct (Z.eq_dec i x); [subst; assumption|]. apply (IHn (x + 1)); auto. lia.
Qed.

Lemma first_refusal_ext : forall n x f g,
  (forall i, x <= i < x + Z.of_nat n -> f i = g i) ->
  first_refusal n x f = first_refusal n x g.
Proof.
  induction n; intros x f g H; [reflexivity|]. simpl.
  rewrite H by lia. rewrite (IHn (x + 1) f g); [reflexivity|].
  intros. apply H. lia.
Qed.

(* What holds before a range, and is kept by each page of it that changes. *)
Lemma counted_ind : forall f n x s (P : State -> Prop), P s ->
  (forall i s0 s1, x <= i < x + n -> P s0 -> f i s0 = Some s1 -> P s1) ->
  P (snd (counted f n x s)).
Proof.
  intros f n x s P H F. unfold counted. simpl.
  assert (G : forall m y a, x <= y -> y + Z.of_nat m <= x + Z.of_nat (Z.to_nat n) ->
    P (snd a) -> P (snd (each m y (count_step f) a))).
  { induction m; intros y a Y1 Y2 A; [assumption|]. rewrite each_S.
    apply IHm; try lia. unfold count_step.
    destruct (f y (snd a)) eqn:E; [|assumption]. simpl.
    apply (F y (snd a)); auto. lia. }
  apply G; auto; lia.
Qed.

(* ---- blocks of 512 pages ---- *)

Lemma block_nat : Z.of_nat BLOCK_NAT = 512.
Proof. reflexivity. Qed.
