(* Faults of the host, device memory of VMs, loads and stores keep the
   invariant. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  KeepParts.
Local Open Scope Z_scope.

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

Lemma keep_access : forall who addr f s, Inv s ->
  (forall e s, Inv s -> Inv (snd (f e s))) ->
  Inv (snd (access who addr s f)).
Proof.
  intros who addr f s I F. unfold access.
  do 3 (case_if; [assumption|]).
  pose proof (keep_reach who addr s I).
  destruct (reach who addr s) as [[e|] s1]; auto.
Qed.
