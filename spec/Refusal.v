(* A refusal changes nothing, and nothing stops the machine (S1). *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading.
Local Open Scope Z_scope.

(* Every case that the goal distinguishes. *)
Ltac cases :=
  repeat match goal with
  | |- context [if ?b then _ else _] => destruct b
  | |- context [match ?x with Some _ => _ | None => _ end] => destruct x
  end.

Ltac unfold_operations :=
  unfold create_vm, host_fault, prot_and_map, map_block, map_page, share, clear,
    map_io, write, read, access, dev_attach, dev_assign, dev_map, dev_unmap.

Definition fails (r : result) : bool :=
  match r with Refused _ => true | Fault => true | _ => false end.

Lemma failure_changes_nothing : forall c s,
  fails (fst (step c s)) = true -> snd (step c s) = s.
Proof.
  intros c s. destruct c; simpl; unfold_operations; unfold counted.
  8,9: destruct (reach who addr s) as [[e|] s1]; [destruct (e_kind e)|].
  all: cases; intro F; try discriminate F; reflexivity.
Qed.

(* An operation that is refused leaves the state exactly as it was: every
   record, table and byte. *)
Theorem refusal_changes_nothing : forall c s r s',
  step c s = (Refused r, s') -> s' = s.
Proof.
  intros c s r s' H. assert (F := failure_changes_nothing c s).
  rewrite H in F. apply F. reflexivity.
Qed.

(* Nor does a fault change anything. *)
Theorem fault_changes_nothing : forall c s s', step c s = (Fault, s') -> s' = s.
Proof.
  intros c s s' H. assert (F := failure_changes_nothing c s).
  rewrite H in F. apply F. reflexivity.
Qed.

Lemma halted_counted : forall f n x s,
  (forall i s s', f i s = Some s' -> halted s' = halted s) ->
  halted (snd (counted f n x s)) = halted s.
Proof.
  intros f n x s F.
  apply (counted_ind f n x s (fun s' => halted s' = halted s)); [reflexivity|].
  intros i s0 s1 _ H E. rewrite (F _ _ _ E). assumption.
Qed.

Lemma halted_host_fault : forall a s, halted (snd (host_fault a s)) = halted s.
Proof. intros. unfold host_fault. cases; reflexivity. Qed.

Lemma halted_reach : forall who a s, halted (snd (reach who a s)) = halted s.
Proof.
  intros. unfold reach. cases; try reflexivity.
  assert (H := halted_host_fault a s).
  destruct (host_fault a s) as [[] s1]; try reflexivity; exact H.
Qed.

(* Nothing that anybody asks for stops the machine: the halt flag of the seed's
   world stays down. *)
Theorem nothing_halts : forall c s, halted (snd (step c s)) = halted s.
Proof.
  assert (SH : forall f v i (s s' : State),
    (forall p s s', f v p s = Some s' -> halted s' = halted s) ->
    share_at f v i s = Some s' -> halted s' = halted s).
  { unfold share_at. intros f v i s s' F H.
    destruct (lookup s v i); [|discriminate]. apply (F _ _ _ H). }
  intros c s. destruct c; simpl; unfold_operations.
  8,9: assert (R := halted_reach who addr s);
    destruct (reach who addr s) as [[e|] s1]; [destruct (e_kind e)|].
  all: cases; cbn [snd] in *; st; try reflexivity; try assumption.
  all: apply halted_counted; intros i s0 s1 H.
  - apply (SH grant_page v i s0 s1); [|assumption]. unfold grant_page.
    intros p t t' G. destruct (_ && _) in G; inj. st. reflexivity.
  - apply (SH revoke_page v i s0 s1); [|assumption]. unfold revoke_page.
    intros p t t' G. destruct (_ && _) in G; inj. case_if; st; reflexivity.
  - unfold clear_page in H. destruct (_ =? v) in H; inj. st. reflexivity.
Qed.
