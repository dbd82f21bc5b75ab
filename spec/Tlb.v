(* Remembered translations.

   A TLB is a set of translations; any processor may add the present one for any
   address at any time.  A translation is stale if the table no longer gives it.
   I6: none is stale once an operation has returned.  The order that assures
   it is break, invalidate, make. *)

From Coq Require Import ZArith Bool List Lia.
Import ListNotations.
Local Open Scope Z_scope.

Record machine := mkMachine {
  table : Z -> option Z;        (* guest frame -> frame *)
  tlb : Z -> Z -> Prop          (* remembered: guest frame, frame *)
}.

Inductive event :=
| Fill (g : Z)                  (* some processor walks for g and remembers *)
| Put (g : Z) (o : option Z)    (* a descriptor is written *)
| Invalidate (g n : Z).         (* n pages from g on, on every processor *)

Definition occur (e : event) (m : machine) : machine :=
  match e with
  | Fill g =>
    mkMachine (table m) (fun x p => tlb m x p \/ (x = g /\ table m g = Some p))
  | Put g o => mkMachine (fun x => if x =? g then o else table m x) (tlb m)
  | Invalidate g n =>
    mkMachine (table m) (fun x p => tlb m x p /\ ~ (g <= x < g + n))
  end.

Definition occur_all (es : list event) (m : machine) : machine :=
  fold_left (fun m e => occur e m) es m.

(* Nothing stale. *)
Definition fresh (m : machine) : Prop :=
  forall x p, tlb m x p -> table m x = Some p.

(* For no address do two translations exist, in TLBs or in a TLB and the table:
   what the architecture calls a conflict cannot happen. *)
Definition no_conflict (m : machine) : Prop :=
  forall x p, tlb m x p ->
  (forall q, tlb m x q -> p = q) /\ (forall q, table m x = Some q -> p = q).

(* First part: entries of the range are taken out, one by one, while other
   processors go on. *)
Definition breaks (g n : Z) (e : event) : Prop :=
  match e with
  | Fill _ => True
  | Put x None => g <= x < g + n
  | _ => False
  end.

(* Second part, after the invalidation: entries are put in where there are none. *)
Inductive makes (g n : Z) : machine -> list event -> Prop :=
| makes_end : forall m, makes g n m []
| makes_fill : forall m x es,
    makes g n (occur (Fill x) m) es -> makes g n m (Fill x :: es)
| makes_put : forall m x p es, g <= x < g + n -> table m x = None ->
    makes g n (occur (Put x (Some p)) m) es ->
    makes g n m (Put x (Some p) :: es).

(* While the range is being broken: what is stale lies in the range, at entries
   that are gone from the table, and is the only translation of its address. *)
Definition breaking (g n : Z) (m : machine) : Prop :=
  (forall x p, tlb m x p ->
     table m x = Some p \/ (g <= x < g + n /\ table m x = None)) /\
  (forall x p q, tlb m x p -> tlb m x q -> p = q).

Lemma fresh_breaking : forall g n m, fresh m -> breaking g n m.
Proof.
  intros g n m F. split.
  - intros x p T. left. apply F. assumption.
  - intros x p q P Q. apply F in P. apply F in Q. congruence.
Qed.

Lemma breaking_event : forall g n e m, breaking g n m -> breaks g n e ->
  breaking g n (occur e m).
Proof.
  intros g n e m [B U] K. destruct e as [x|x [o|]|]; simpl in K; try contradiction.
  - split; simpl.
    + intros y p [T|[-> T]]; auto.
    + intros y p q P Q.
      destruct P as [P|[P1 P2]], Q as [Q|[Q1 Q2]]; subst; try congruence.
      * apply (U y); assumption.
      * destruct (B _ _ P) as [P'|[_ P']]; congruence.
      * destruct (B _ _ Q) as [Q'|[_ Q']]; congruence.
  - split; simpl.
    + intros y p T. destruct (y =? x) eqn:E.
      * apply Z.eqb_eq in E. subst. auto.
      * apply (B y p T).
    + apply U.
Qed.

Lemma breaking_events : forall g n es m, breaking g n m ->
  Forall (breaks g n) es -> breaking g n (occur_all es m).
Proof.
  induction es; intros m B F; [assumption|]. inversion F; subst. simpl.
  apply IHes; [apply breaking_event; assumption | assumption].
Qed.

Lemma breaking_no_conflict : forall g n m, breaking g n m -> no_conflict m.
Proof.
  intros g n m [B U] x p T. split.
  - intros q Q. apply (U x); assumption.
  - intros q Q. destruct (B x p T) as [P|[_ P]]; congruence.
Qed.

Lemma invalidated_fresh : forall g n m, breaking g n m ->
  fresh (occur (Invalidate g n) m).
Proof.
  intros g n m [B _] x p. simpl. intros [T N].
  destruct (B x p T) as [P|[P _]]; [assumption|contradiction].
Qed.

Lemma makes_fresh : forall g n es m, makes g n m es -> fresh m ->
  fresh (occur_all es m).
Proof.
  intros g n es m K. induction K; intro F; simpl; auto.
  - apply IHK. intros y p. simpl. intros [T|[-> T]]; auto.
  - apply IHK. intros y q. simpl. intro T. destruct (y =? x) eqn:E.
    + apply Z.eqb_eq in E. subst. apply F in T. congruence.
    + apply F. assumption.
Qed.

(* I6.  Take entries of a range out of the table, invalidate the range, put new
   entries in where there are none; let any processor fill its TLB from the
   table at any time in between.  At the end nothing is stale; and a conflict
   never arose on the way to the invalidation. *)
Theorem I6_break_invalidate_make : forall g n m es fs,
  fresh m -> Forall (breaks g n) es ->
  let m1 := occur_all es m in
  let m2 := occur (Invalidate g n) m1 in
  makes g n m2 fs ->
  no_conflict m1 /\ fresh m2 /\ fresh (occur_all fs m2).
Proof.
  intros g n m es fs F B m1 m2 K.
  assert (B1 : breaking g n m1)
    by (apply breaking_events; [apply fresh_breaking; assumption | assumption]).
  assert (F2 : fresh m2) by (apply invalidated_fresh; assumption).
  split; [apply (breaking_no_conflict g n); assumption|].
  split; [assumption|]. apply (makes_fresh g n); assumption.
Qed.

(* The break is needed: overwriting an entry and then invalidating leaves, in
   between, two translations of one address. *)
Theorem overwriting_conflicts : forall m g p q, p <> q ->
  table m g = Some p ->
  ~ no_conflict (occur_all [Fill g; Put g (Some q); Fill g] m).
Proof.
  intros m g p q N T C.
  destruct (C g p) as [U _].
  - simpl. left. right. auto.
  - apply N. apply U. simpl. right. rewrite Z.eqb_refl. auto.
Qed.

(* And so is the order: invalidating before the break leaves a stale one. *)
Theorem invalidating_first_is_stale : forall m g p,
  table m g = Some p ->
  ~ fresh (occur_all [Invalidate g 1; Fill g; Put g None] m).
Proof.
  intros m g p T F. specialize (F g p). simpl in F.
  rewrite Z.eqb_refl in F. discriminate F. right. auto.
Qed.
