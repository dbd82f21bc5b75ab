(* How the proofs take comparisons apart, and what the checker must not unfold. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import Strong.
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

(* What a boolean that is known says. *)
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

(* What an equation between options or pairs says. *)
Ltac inj := repeat match goal with
  | H : Some _ = Some _ |- _ => injection H as H; try subst
  | H : None = Some _ |- _ => discriminate H
  | H : Some _ = None |- _ => discriminate H
  | H : (_, _) = (_, _) |- _ => injection H as; try subst
  end.

Ltac case_if :=
  match goal with |- context [if ?b then _ else _] =>
    let E := fresh "E" in destruct b eqn:E end.
