(* Finite maps from integers to anything.

   A binary trie underneath (the standard library's PositiveMap), so that the
   extracted program is fast.  Everything else in the specification sees only
   the four laws at the end of this file. *)

From Coq Require Import ZArith FMapPositive Lia.

Module ZMap.

  (* An integer as a trie key: even for positive numbers, odd for negative
     ones. *)
  Definition key (z : Z) : positive :=
    match z with
    | Z0 => xH
    | Zpos p => xO p
    | Zneg p => xI p
    end.

  Definition t (A : Type) : Type := PositiveMap.t A.

  Definition empty {A : Type} : t A := PositiveMap.empty A.

  Definition get {A : Type} (k : Z) (m : t A) : option A :=
    PositiveMap.find (key k) m.

  Definition set {A : Type} (k : Z) (a : A) (m : t A) : t A :=
    PositiveMap.add (key k) a m.

  Definition del {A : Type} (k : Z) (m : t A) : t A :=
    PositiveMap.remove (key k) m.

  (* Apply a function to every value. *)
  Definition map {A B : Type} (f : A -> B) (m : t A) : t B :=
    PositiveMap.map f m.

  (* The keys, for printing; in no particular order. *)
  Definition unkey (p : positive) : Z :=
    match p with
    | xH => Z0
    | xO q => Zpos q
    | xI q => Zneg q
    end.

  Definition bindings {A : Type} (m : t A) : list (Z * A) :=
    List.map (fun b => (unkey (fst b), snd b)) (PositiveMap.elements m).

  Lemma key_inj : forall a b, key a = key b -> a = b.
  Proof. intros [|a|a] [|b|b] H; simpl in H; congruence. Qed.

  Lemma get_empty : forall A k, get k (@empty A) = None.
  Proof. intros. apply PositiveMap.gempty. Qed.

  Lemma get_set : forall A k j (a : A) m,
    get j (set k a m) = if (k =? j)%Z then Some a else get j m.
  Proof.
    intros. unfold get, set. destruct (k =? j)%Z eqn:E.
    - apply Z.eqb_eq in E. subst. apply PositiveMap.gss.
    - apply Z.eqb_neq in E. apply PositiveMap.gso.
      intro H. apply key_inj in H. congruence.
  Qed.

  Lemma get_del : forall A k j (m : t A),
    get j (del k m) = if (k =? j)%Z then None else get j m.
  Proof.
    intros. unfold get, del. destruct (k =? j)%Z eqn:E.
    - apply Z.eqb_eq in E. subst. apply PositiveMap.grs.
    - apply Z.eqb_neq in E. apply PositiveMap.gro.
      intro H. apply key_inj in H. congruence.
  Qed.

  Lemma get_map : forall A B (f : A -> B) k m,
    get k (map f m) = option_map f (get k m).
  Proof.
    intros. unfold get, map, PositiveMap.map.
    rewrite PositiveMap.gmapi. reflexivity.
  Qed.

End ZMap.
