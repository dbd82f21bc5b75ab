(* A machine with the tables of all principals in one heap, TLBs, and
   invalidations that are owed.

   Each principal has a tree of tables (Table.v).  Processors walk and remember
   whenever they like (Tlb.v).  Cordon writes descriptors: a descriptor that goes
   is owed an invalidation of what it covered, and a settle pays all that is
   owed.  [sound] is what holds whatever happens, provided that each step is
   [allowed]. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Strong Tactics Reading Table.
Import ListNotations.
Local Open Scope Z_scope.

Definition TOP : nat := 3.                    (* levels 3, 2, 1, 0 *)
Definition PAGES : Z := span (S TOP).         (* pages that one tree covers *)

(* Where a table is: whose tree, at what level, for which part of the address. *)
Definition Where := Z -> option (Z * (nat * Z)).

Record machine := mkMachine {
  heap : Heap;
  place : Where;
  tlb : Z -> Z -> Z * kind -> Prop;           (* principal, guest frame, translation *)
  owed : list (Z * Z * Z)                     (* principal, first page, pages *)
}.

Section Machine.

  Variable root : Z -> Z.                     (* principal -> its first table *)

  Definition gives (m : machine) (w g : Z) : option (Z * kind) :=
    walk (heap m) TOP (root w) g.

  (* The places of one principal's tables. *)
  Definition tree_of (pl : Where) (w : Z) : Places :=
    fun t => match pl t with
             | Some (u, x) => if u =? w then Some x else None
             | None => None
             end.

  (* What descriptor [i] of table [t] covers. *)
  Definition covers (m : machine) (t i : Z) : list (Z * Z * Z) :=
    match place m t with
    | Some (w, (n, a)) => [(w, (a * 512 + i) * span n, span n)]
    | None => []
    end.

  Definition owes (m : machine) (w g : Z) : Prop :=
    exists a n, In (w, a, n) (owed m) /\ a <= g < a + n.

  Inductive event :=
  | Fill (w g : Z)                (* some processor walks for g and remembers *)
  | Put (t i : Z) (d : desc)      (* a descriptor is written *)
  | Link (t i new : Z)            (* table [new] is linked in *)
  | Unlink (t i old : Z)          (* table [old] is taken out *)
  | Settle.                       (* invalidate what is owed, everywhere, and wait *)

  Definition occur (e : event) (m : machine) : machine :=
    match e with
    | Fill w g =>
      mkMachine (heap m) (place m)
        (fun u x y => tlb m u x y \/
           (u = w /\ x = g /\ 0 <= g < PAGES /\ gives m w g = Some y))
        (owed m)
    | Put t i d =>
      mkMachine (store (heap m) t i d) (place m) (tlb m)
        (match fetch (heap m) t i with Nothing => owed m | _ => covers m t i ++ owed m end)
    | Link t i new =>
      mkMachine (store (heap m) t i (Next new))
        (fun u => if u =? new then
                    match place m t with
                    | Some (w, (S n, a)) => Some (w, (n, a * 512 + i))
                    | _ => None
                    end
                  else place m u)
        (tlb m) (owed m)
    | Unlink t i old =>
      mkMachine (store (heap m) t i Nothing)
        (fun u => if u =? old then None else place m u)
        (tlb m) (covers m t i ++ owed m)
    | Settle =>
      mkMachine (heap m) (place m) (fun u x y => tlb m u x y /\ ~ owes m u x) []
    end.

  (* A descriptor takes the place of nothing only where nothing is owed. *)
  Definition unowed (m : machine) (t i : Z) : Prop :=
    forall w n a g, place m t = Some (w, (n, a)) -> g / span n = a * 512 + i ->
    ~ owes m w g.

  Definition allowed (e : event) (m : machine) : Prop :=
    match e with
    | Fill _ _ | Settle => True
    | Put t i d =>
      0 <= i < 512 /\ (forall u, d <> Next u) /\ (forall u, fetch (heap m) t i <> Next u) /\
      (place m t = None \/ d = Nothing \/ (fetch (heap m) t i = Nothing /\ unowed m t i))
    | Link t i new =>
      0 <= i < 512 /\ fetch (heap m) t i = Nothing /\ unowed m t i /\
      place m new = None /\ (forall j u, fetch (heap m) new j <> Next u) /\
      exists w n a, place m t = Some (w, (S n, a))
    | Unlink t i old =>
      0 <= i < 512 /\ fetch (heap m) t i = Next old /\
      (forall j u, fetch (heap m) old j <> Next u) /\
      exists w n a, place m t = Some (w, (n, a))
    end.

  (* What always holds. *)
  Record sound (m : machine) : Prop := {
    (* the tables of each principal are a tree *)
    so_tree : forall w, tree (heap m) (tree_of (place m) w);
    so_slots : forall t j, fetch (heap m) t j <> Nothing -> 0 <= j < 512;
    (* a table that has a place is linked there *)
    so_linked : forall u w n b, place m u = Some (w, (n, b)) ->
      (n <= TOP)%nat /\
      ((u = root w /\ n = TOP /\ b = 0) \/
       exists t, place m t = Some (w, (S n, b / 512)) /\
                 fetch (heap m) t (b mod 512) = Next u);
    so_root : forall w, place m (root w) = Some (w, (TOP, 0));
    (* what a TLB remembers the tables give; or it is owed, and they give nothing *)
    so_tlb : forall w g x, tlb m w g x -> 0 <= g < PAGES /\
      (gives m w g = Some x \/ (owes m w g /\ gives m w g = None));
    (* no address has two translations *)
    so_once : forall w g x y, tlb m w g x -> tlb m w g y -> x = y
  }.

  (* ---- walks ---- *)

  Lemma walk_arrive : forall h k r g n t, arrive h k r g n = Some t ->
    walk h k r g = walk h n t g.
  Proof.
    intros h. induction k; intros r g n t E; cbn [arrive] in E.
    - destruct (Nat.eqb 0 n) eqn:Q; [|discriminate]. apply Nat.eqb_eq in Q.
      injection E as <-. subst. reflexivity.
    - destruct (Nat.eqb (S k) n) eqn:Q.
      + apply Nat.eqb_eq in Q. injection E as <-. subst. reflexivity.
      + cbn [walk]. destruct (fetch h r (index (S k) g)) as [|t'|]; try discriminate.
        apply IHk. exact E.
  Qed.

  Lemma arrive_le : forall h k r g n t, arrive h k r g n = Some t -> (n <= k)%nat.
  Proof.
    intros h. induction k; intros r g n t E; cbn [arrive] in E.
    - destruct (Nat.eqb 0 n) eqn:Q; [|discriminate]. apply Nat.eqb_eq in Q. lia.
    - destruct (Nat.eqb (S k) n) eqn:Q; [apply Nat.eqb_eq in Q; lia|].
      destruct (fetch h r (index (S k) g)); try discriminate. apply IHk in E. lia.
  Qed.

  Lemma arrive_down : forall h k r g n t u, arrive h k r g (S n) = Some t ->
    fetch h t (index (S n) g) = Next u -> arrive h k r g n = Some u.
  Proof.
    intros h. induction k; intros r g n t u E F; cbn [arrive] in E.
    - discriminate.
    - cbn [arrive]. destruct (Nat.eqb (S k) n) eqn:Q0.
      { apply Nat.eqb_eq in Q0. subst n. exfalso.
        destruct (Nat.eqb (S k) (S (S k))) eqn:Q; [apply Nat.eqb_eq in Q; lia|].
        destruct (fetch h r (index (S k) g)); try discriminate.
        apply arrive_le in E. lia. }
      destruct (Nat.eqb (S k) (S n)) eqn:Q.
      + apply Nat.eqb_eq in Q. injection Q as <-. injection E as <-.
        rewrite F. destruct k; cbn [arrive]; rewrite Nat.eqb_refl; reflexivity.
      + destruct (fetch h r (index (S k) g)); try discriminate.
        apply (IHk _ _ _ t); assumption.
  Qed.

  (* A table that has a place is met by every walk that leads there. *)
  Lemma placed_met : forall m, sound m -> forall u w n b g,
    place m u = Some (w, (n, b)) -> 0 <= g < PAGES -> g / span (S n) = b ->
    arrive (heap m) TOP (root w) g n = Some u.
  Proof.
    intros m SO. assert (G : forall d u w n b g, (TOP - n = d)%nat ->
      place m u = Some (w, (n, b)) -> 0 <= g < PAGES -> g / span (S n) = b ->
      arrive (heap m) TOP (root w) g n = Some u).
    { induction d; intros u w n b g D P B E;
      destruct (so_linked m SO u w n b P) as [LE [[-> [-> Z]]|[t [T F]]]].
      - reflexivity.
      - destruct (so_linked m SO t w (S n) _ T) as [LE2 _]. lia.
      - reflexivity.
      - apply (arrive_down _ _ _ _ _ t).
        + apply (IHd t w (S n) (b / 512) g); auto; [lia|].
          rewrite above_div, E. reflexivity.
        + replace (index (S n) g) with (b mod 512); [exact F|].
          unfold index. rewrite E. reflexivity. }
    intros. apply (G (TOP - n)%nat u w n b g); auto.
  Qed.

  Lemma root_place : forall m w g, sound m -> 0 <= g < PAGES ->
    tree_of (place m) w (root w) = Some (TOP, g / span (S TOP)).
  Proof.
    intros m w g SO B. unfold tree_of. rewrite (so_root m SO w), Z.eqb_refl.
    rewrite Z.div_small by exact B. reflexivity.
  Qed.

  Lemma tree_of_other : forall pl t w n a u, pl t = Some (w, (n, a)) -> w <> u ->
    tree_of pl u t = None.
  Proof.
    intros. unfold tree_of. rewrite H, (proj2 (Z.eqb_neq w u)) by assumption.
    reflexivity.
  Qed.

  Lemma tree_of_same : forall pl t w x, pl t = Some (w, x) -> tree_of pl w t = Some x.
  Proof. intros. unfold tree_of. rewrite H, Z.eqb_refl. reflexivity. Qed.

  (* Tables are disjoint: a table that two walks meet is one principal's, and at
     one place. *)
  Theorem tables_disjoint : forall m v w g h n k t, sound m ->
    0 <= g < PAGES -> 0 <= h < PAGES ->
    arrive (heap m) TOP (root v) g n = Some t ->
    arrive (heap m) TOP (root w) h k = Some t -> v = w /\ n = k.
  Proof.
    intros m v w g h n k t SO G H A B.
    destruct (places_below _ _ _ _ g _ _ (so_tree m SO v) (root_place m v g SO G) A) as [_ P].
    destruct (places_below _ _ _ _ h _ _ (so_tree m SO w) (root_place m w h SO H) B) as [_ Q].
    unfold tree_of in P, Q. destruct (place m t) as [[u x]|]; [|discriminate].
    destruct (u =? v) eqn:E; [|discriminate]. destruct (u =? w) eqn:F; [|discriminate].
    zb. split; congruence.
  Qed.

  (* ---- what a written descriptor changes ---- *)

  (* A table without a place: nothing. *)
  Lemma unplaced_gives : forall m t i d, sound m -> place m t = None ->
    forall w g, 0 <= g < PAGES ->
    walk (store (heap m) t i d) TOP (root w) g = gives m w g.
  Proof.
    intros m t i d SO P w g B.
    apply (walk_unplaced (heap m) _ (tree_of (place m) w) t (so_tree m SO w)).
    - unfold tree_of. rewrite P. reflexivity.
    - intros u j N. rewrite fetch_store, (proj2 (Z.eqb_neq t u)) by congruence. reflexivity.
    - apply root_place; assumption.
  Qed.

  Lemma elsewhere_gives : forall m t i d w n a, sound m ->
    place m t = Some (w, (n, a)) -> forall u g, 0 <= g < PAGES ->
    (u <> w \/ g / span n <> a * 512 + i) ->
    walk (store (heap m) t i d) TOP (root u) g = gives m u g.
  Proof.
    intros m t i d w n a SO P u g B N. destruct (Z.eq_dec u w) as [->|NE].
    - destruct N as [N|N]; [contradiction|].
      apply (walk_elsewhere _ (tree_of (place m) w) t i d n a (so_tree m SO w));
        [apply tree_of_same; exact P|apply root_place; assumption|exact N].
    - apply (walk_unplaced (heap m) _ (tree_of (place m) u) t (so_tree m SO u)).
      + apply (tree_of_other _ _ w n a); [exact P|congruence].
      + intros x j X. rewrite fetch_store, (proj2 (Z.eqb_neq t x)) by congruence. reflexivity.
      + apply root_place; assumption.
  Qed.

  (* Here it is met. *)
  Lemma here_gives : forall m t i w n a, sound m -> place m t = Some (w, (n, a)) ->
    0 <= i < 512 -> forall g, 0 <= g < PAGES -> g / span n = a * 512 + i ->
    arrive (heap m) TOP (root w) g n = Some t /\ index n g = i.
  Proof.
    intros m t i w n a SO P I g B E. split.
    - apply (placed_met m SO t w n a); auto. rewrite above_div, E.
      rewrite Z.add_comm, Z.div_add, Z.div_small by lia. lia.
    - unfold index. rewrite E, Z.add_comm, Z.mod_add by lia. apply Z.mod_small. exact I.
  Qed.

  Lemma arrive_stored : forall m t i d w n a g, sound m ->
    place m t = Some (w, (n, a)) -> 0 <= g < PAGES ->
    arrive (heap m) TOP (root w) g n = Some t ->
    walk (store (heap m) t i d) TOP (root w) g = walk (store (heap m) t i d) n t g.
  Proof.
    intros m t i d w n a g SO P B A.
    apply (walk_through _ (tree_of (place m) w)); auto;
      [apply (so_tree m SO)|apply root_place; assumption].
  Qed.

  Lemma put_gives : forall m t i d w n a, sound m -> place m t = Some (w, (n, a)) ->
    0 <= i < 512 -> (forall u, d <> Next u) -> forall u g, 0 <= g < PAGES ->
    walk (store (heap m) t i d) TOP (root u) g =
    if (u =? w) && (g / span n =? a * 512 + i) then meaning d n g else gives m u g.
  Proof.
    intros m t i d w n a SO P I D u g B.
    destruct ((u =? w) && (g / span n =? a * 512 + i)) eqn:Q.
    - zb. subst u. destruct (here_gives m t i w n a SO P I g B) as [A X]; [assumption|].
      rewrite (arrive_stored m t i d w n a g SO P B A).
      assert (F : fetch (store (heap m) t i d) t (index n g) = d)
        by (rewrite fetch_store, X, !Z.eqb_refl; reflexivity).
      destruct n; cbn [walk]; rewrite F; destruct d; try reflexivity;
        exfalso; apply (D t0); reflexivity.
    - apply (elsewhere_gives m t i d w n a SO P u g B).
      apply andb_false_iff in Q. destruct Q as [Q|Q]; zb; auto.
  Qed.

  (* What a placed descriptor that is no table gives. *)
  Lemma fetched_gives : forall m t i w n a, sound m -> place m t = Some (w, (n, a)) ->
    0 <= i < 512 -> (forall u, fetch (heap m) t i <> Next u) ->
    forall g, 0 <= g < PAGES -> g / span n = a * 512 + i ->
    gives m w g = meaning (fetch (heap m) t i) n g.
  Proof.
    intros m t i w n a SO P I D g B E.
    destruct (here_gives m t i w n a SO P I g B E) as [A X].
    unfold gives. rewrite (walk_arrive _ _ _ _ _ _ A).
    destruct n; cbn [walk]; rewrite X; destruct (fetch (heap m) t i); try reflexivity;
      exfalso; apply (D t0); reflexivity.
  Qed.

  Lemma link_gives : forall m t i new w n a, sound m ->
    place m t = Some (w, (S n, a)) -> place m new = None -> 0 <= i < 512 ->
    (forall j u, fetch (heap m) new j <> Next u) -> forall u g, 0 <= g < PAGES ->
    walk (store (heap m) t i (Next new)) TOP (root u) g =
    if (u =? w) && (g / span (S n) =? a * 512 + i)
    then meaning (fetch (heap m) new (index n g)) n g else gives m u g.
  Proof.
    intros m t i new w n a SO P N I D u g B.
    destruct ((u =? w) && (g / span (S n) =? a * 512 + i)) eqn:Q.
    - zb. subst u. destruct (here_gives m t i w (S n) a SO P I g B) as [A X]; [assumption|].
      rewrite (arrive_stored m t i _ w (S n) a g SO P B A). cbn [walk].
      rewrite fetch_store, X, !Z.eqb_refl. cbn [andb].
      assert (F : forall j, fetch (store (heap m) t i (Next new)) new j = fetch (heap m) new j).
      { intro j. rewrite fetch_store, (proj2 (Z.eqb_neq t new)) by congruence. reflexivity. }
      destruct n; cbn [walk]; rewrite F;
        destruct (fetch (heap m) new _) eqn:E; try reflexivity; exfalso; apply (D _ _ E).
    - apply (elsewhere_gives m t i _ w (S n) a SO P u g B).
      apply andb_false_iff in Q. destruct Q as [Q|Q]; zb; auto.
  Qed.

  (* ---- each step keeps it ---- *)

  Lemma tree_ext : forall h a b, (forall t, a t = b t) -> tree h a -> tree h b.
  Proof.
    intros h a b E [T J]. split.
    - intros t i t' n x F A. rewrite <- E in A. destruct (T t i t' n x F A) as [k [K1 K2]].
      exists k. rewrite <- E. auto.
    - intros t t' x. rewrite <- !E. apply J.
  Qed.

  Lemma sound_fill : forall m w g, sound m -> sound (occur (Fill w g) m).
  Proof.
    intros m w g SO. destruct SO as [T SL L R K O] eqn:E. constructor; auto.
    - intros u x y [H|[-> [-> [B H]]]]; [apply (K u x y H)|split; [exact B|left; exact H]].
    - intros u x y z [H|[-> [-> [B H]]]] [J|[J1 [J2 [J3 J]]]].
      + apply (O u x); assumption.
      + subst u x. destruct (K _ _ _ H) as [_ [Y|[_ Y]]]; unfold gives in *; congruence.
      + destruct (K _ _ _ J) as [_ [Y|[_ Y]]]; unfold gives in *; congruence.
      + congruence.
  Qed.

  Lemma sound_settle : forall m, sound m -> sound (occur Settle m).
  Proof.
    intros m [T SL L R K O]. constructor; auto.
    - intros u x y [H N]. destruct (K u x y H) as [B [Y|[Y _]]]; [|contradiction].
      split; [exact B|left; exact Y].
    - intros u x y z [H _] [J _]. apply (O u x); assumption.
  Qed.

  Lemma sound_put : forall m t i d, sound m -> allowed (Put t i d) m ->
    sound (occur (Put t i d) m).
  Proof.
    intros m t i d SO [I [D [F A]]].
    assert (D' : match d with Next _ => False | _ => True end).
    { destruct d; auto. apply (D t0). reflexivity. }
    constructor; cbn [occur heap place tlb owed].
    - intro w. apply write_keeps_tree; [apply (so_tree m SO)|exact D'].
    - intros x j H. rewrite fetch_store in H.
      destruct ((t =? x) && (i =? j)) eqn:Q; [zb; subst j; exact I|apply (so_slots m SO x j H)].
    - intros u w n b P. destruct (so_linked m SO u w n b P) as [LE [H|[t0 [H1 H2]]]];
        (split; [exact LE|]); [left; exact H|right]. exists t0. split; [exact H1|].
      rewrite fetch_store. destruct ((t =? t0) && (i =? b mod 512)) eqn:Q; [|exact H2].
      zb. subst. exfalso. apply (F u). exact H2.
    - apply (so_root m SO).
    - intros w g x H. destruct (so_tlb m SO w g x H) as [B K]. split; [exact B|].
      unfold gives, owes. cbn [heap owed].
      destruct (place m t) as [[v [n a]]|] eqn:P.
      + rewrite (put_gives m t i d v n a SO P I D w g B).
        destruct ((w =? v) && (g / span n =? a * 512 + i)) eqn:Q.
        * zb. subst w.
          assert (Y := fetched_gives m t i v n a SO P I F g B ltac:(assumption)).
          destruct A as [A|[->|[A1 A2]]]; [discriminate| |].
          -- right. split; [|reflexivity].
             destruct (fetch (heap m) t i) eqn:E;
               [|exfalso; apply (F t0); reflexivity|].
             ++ simpl in Y. destruct K as [K|[K _]]; [congruence|exact K].
             ++ exists ((a * 512 + i) * span n), (span n). split.
                ** apply in_or_app. left. unfold covers. rewrite P. left. reflexivity.
                ** pose proof (span_pos n). pose proof (Z.div_mod g (span n)).
                   pose proof (Z.mod_pos_bound g (span n)). nia.
          -- exfalso. rewrite A1 in Y. simpl in Y. destruct K as [K|[K _]]; [congruence|].
             apply (A2 v n a g P); assumption.
        * destruct K as [K|[K1 K2]]; [left; exact K|right]. split; [|exact K2].
          destruct K1 as [x0 [k [K1 K3]]]. exists x0, k. split; [|exact K3].
          destruct (fetch (heap m) t i); auto; apply in_or_app; auto.
      + rewrite (unplaced_gives m t i d SO P w g B).
        destruct K as [K|[K1 K2]]; [left; exact K|right]. split; [|exact K2].
        destruct K1 as [x0 [k [K1 K3]]]. exists x0, k. split; [|exact K3].
        destruct (fetch (heap m) t i); auto; apply in_or_app; auto.
    - apply (so_once m SO).
  Qed.

  Lemma sound_link : forall m t i new, sound m -> allowed (Link t i new) m ->
    sound (occur (Link t i new) m).
  Proof.
    intros m t i new SO [I [F [U [N [D [w [n [a P]]]]]]]].
    assert (TN : t <> new) by congruence.
    set (pl := place (occur (Link t i new) m)).
    assert (PN : pl new = Some (w, (n, a * 512 + i))).
    { unfold pl. cbn [occur place]. rewrite Z.eqb_refl, P. reflexivity. }
    assert (PO : forall u, u <> new -> pl u = place m u).
    { intros u H. unfold pl. cbn [occur place].
      rewrite (proj2 (Z.eqb_neq u new)) by assumption. reflexivity. }
    assert (FREE : forall u, place m u <> Some (w, (n, a * 512 + i))).
    { intros u H. destruct (so_linked m SO u w n _ H) as [LE [[_ [E _]]|[t0 [H1 H2]]]].
      - destruct (so_linked m SO t w (S n) a P) as [LE2 _]. lia.
      - rewrite Z.add_comm, Z.div_add, Z.div_small in H1 by lia. rewrite Z.add_0_l in H1.
        rewrite Z.add_comm, Z.mod_add, Z.mod_small in H2 by lia.
        assert (t0 = t); [|congruence].
        destruct (so_tree m SO w) as [_ J].
        apply (J t0 t (S n, a)); apply tree_of_same; assumption. }
    constructor.
    - intro v. change (tree (store (heap m) t i (Next new)) (tree_of pl v)).
      destruct (Z.eq_dec v w) as [->|NE].
      + apply (tree_ext _ (fun u => if u =? new then Some (n, a * 512 + i)
                                    else tree_of (place m) w u)).
        * intro u. destruct (u =? new) eqn:Q.
          -- zb. subst u. symmetry. apply tree_of_same. exact PN.
          -- zb. unfold tree_of. rewrite PO by assumption. reflexivity.
        * apply link_keeps_tree; auto.
          -- apply (so_tree m SO).
          -- apply tree_of_same. exact P.
          -- unfold tree_of. rewrite N. reflexivity.
          -- intros u H. unfold tree_of in H. destruct (place m u) as [[v x]|] eqn:E; [|discriminate].
             destruct (v =? w) eqn:Q; [|discriminate]. zb. subst v. injection H as ->.
             apply (FREE u). exact E.
      + apply (tree_ext _ (tree_of (place m) v)).
        * intro u. unfold tree_of. destruct (Z.eq_dec u new) as [->|H].
          -- rewrite PN, N, (proj2 (Z.eqb_neq w v)) by congruence. reflexivity.
          -- rewrite PO by assumption. reflexivity.
        * destruct (so_tree m SO v) as [T J]. split; [|exact J].
          intros u j t' k b H X. rewrite fetch_store in H.
          destruct ((t =? u) && (i =? j)) eqn:Q; [|apply (T u j t' k b H X)].
          zb. subst u. rewrite (tree_of_other _ _ w (S n) a v P) in X by congruence.
          discriminate.
    - intros x j H. cbn [occur heap] in H. rewrite fetch_store in H.
      destruct ((t =? x) && (i =? j)) eqn:Q; [zb; subst j; exact I|].
      apply (so_slots m SO x j H).
    - intros u v k b H. change (pl u = Some (v, (k, b))) in H.
      destruct (Z.eq_dec u new) as [->|NE].
      + rewrite PN in H. injection H as <- <- <-.
        destruct (so_linked m SO t w (S n) a P) as [LE _]. split; [lia|]. right.
        exists t. split.
        * change (pl t = Some (w, (S n, (a * 512 + i) / 512))). rewrite PO by exact TN.
          rewrite (Z.add_comm (a * 512)), Z.div_add, Z.div_small by lia. exact P.
        * cbn [occur heap]. rewrite fetch_store, Z.eqb_refl.
          rewrite (Z.add_comm (a * 512)), Z.mod_add, Z.mod_small, Z.eqb_refl by lia.
          reflexivity.
      + rewrite PO in H by exact NE.
        destruct (so_linked m SO u v k b H) as [LE [K|[t0 [K1 K2]]]];
          (split; [exact LE|]); [left; exact K|right].
        exists t0. split.
        * change (pl t0 = Some (v, (S k, b / 512))). rewrite PO; [exact K1|congruence].
        * cbn [occur heap]. rewrite fetch_store.
          destruct ((t =? t0) && (i =? b mod 512)) eqn:Q; [|exact K2].
          zb. subst. congruence.
    - intro v. change (pl (root v) = Some (v, (TOP, 0))).
      assert (RV := so_root m SO v). rewrite PO; [exact RV|congruence].
    - intros v g x H. destruct (so_tlb m SO v g x H) as [B K]. split; [exact B|].
      unfold gives. cbn [occur heap].
      rewrite (link_gives m t i new w n a SO P N I D v g B).
      destruct ((v =? w) && (g / span (S n) =? a * 512 + i)) eqn:Q; [|exact K].
      exfalso. zb. subst v.
      assert (Y := fetched_gives m t i w (S n) a SO P I
        ltac:(intro; rewrite F; discriminate) g B ltac:(assumption)).
      rewrite F in Y. simpl in Y. destruct K as [K|[K _]]; [congruence|].
      apply (U w (S n) a g P); assumption.
    - apply (so_once m SO).
  Qed.

  Lemma sound_unlink : forall m t i old, sound m -> allowed (Unlink t i old) m ->
    sound (occur (Unlink t i old) m).
  Proof.
    intros m t i old SO [I [F [D [w [n0 [a P]]]]]].
    destruct (so_tree m SO w) as [T J].
    destruct (T t i old n0 a F (tree_of_same _ _ _ _ P)) as [n [-> PO]].
    assert (PX : place m old = Some (w, (n, a * 512 + i))).
    { unfold tree_of in PO. destruct (place m old) as [[v x]|]; [|discriminate].
      destruct (v =? w) eqn:Q; [|discriminate]. zb. subst v. congruence. }
    set (pl := place (occur (Unlink t i old) m)).
    assert (P0 : pl old = None) by (unfold pl; cbn [occur place]; rewrite Z.eqb_refl; reflexivity).
    assert (P1 : forall u, u <> old -> pl u = place m u).
    { intros u H. unfold pl. cbn [occur place].
      rewrite (proj2 (Z.eqb_neq u old)) by assumption. reflexivity. }
    assert (LT : (S n <= TOP)%nat) by apply (so_linked m SO t w (S n) a P).
    assert (RT : forall v, root v <> old).
    { intros v E. assert (RV := so_root m SO v). rewrite E, PX in RV. injection RV as _ RV _. lia. }
    constructor.
    - intro v. change (tree (store (heap m) t i Nothing) (tree_of pl v)).
      destruct (so_tree m SO v) as [Tv Jv]. split.
      + intros x j t' k b H X. rewrite fetch_store in H.
        destruct ((t =? x) && (i =? j)) eqn:Q; [discriminate|].
        assert (XO : x <> old).
        { intros ->. unfold tree_of in X. rewrite P0 in X. discriminate. }
        assert (X' : tree_of (place m) v x = Some (k, b))
          by (unfold tree_of in *; rewrite P1 in X by exact XO; exact X).
        destruct (Tv x j t' k b H X') as [k' [K1 K2]]. exists k'. split; [exact K1|].
        assert (TO : t' <> old).
        { intros ->. unfold tree_of in K2. rewrite PX in K2.
          destruct (w =? v) eqn:W; [|discriminate]. zb. subst v. injection K2 as K2 K3.
          subst k' k. assert (JR := so_slots m SO x j ltac:(congruence)).
          assert (b = a /\ i = j) as [-> <-] by lia.
          rewrite (Jv x t (S n, a) X' (tree_of_same _ _ _ _ P)), !Z.eqb_refl in Q.
          discriminate. }
        unfold tree_of in *. rewrite P1 by exact TO. exact K2.
      + intros x y z X Y. unfold tree_of in X, Y.
        destruct (Z.eq_dec x old) as [->|NX]; [rewrite P0 in X; discriminate|].
        destruct (Z.eq_dec y old) as [->|NY]; [rewrite P0 in Y; discriminate|].
        rewrite P1 in X, Y by assumption. apply (Jv x y z); assumption.
    - intros x j H. cbn [occur heap] in H. rewrite fetch_store in H.
      destruct ((t =? x) && (i =? j)); [contradiction|]. apply (so_slots m SO x j H).
    - intros u v k b H. change (pl u = Some (v, (k, b))) in H.
      assert (NU : u <> old) by (intros ->; rewrite P0 in H; discriminate).
      rewrite P1 in H by exact NU.
      destruct (so_linked m SO u v k b H) as [LE [K|[t0 [K1 K2]]]];
        (split; [exact LE|]); [left; exact K|right].
      exists t0. split.
      + change (pl t0 = Some (v, (S k, b / 512))). rewrite P1; [exact K1|].
        intros ->. apply (D _ _ K2).
      + cbn [occur heap]. rewrite fetch_store.
        destruct ((t =? t0) && (i =? b mod 512)) eqn:Q; [|exact K2].
        zb. subst. congruence.
    - intro v. change (pl (root v) = Some (v, (TOP, 0))). rewrite P1 by apply RT.
      apply (so_root m SO).
    - intros v g x H. destruct (so_tlb m SO v g x H) as [B K]. split; [exact B|].
      unfold gives, owes. cbn [occur heap owed].
      rewrite (put_gives m t i Nothing w (S n) a SO P I) by (discriminate || assumption).
      destruct ((v =? w) && (g / span (S n) =? a * 512 + i)) eqn:Q.
      + zb. subst v. right. split; [|reflexivity].
        exists ((a * 512 + i) * span (S n)), (span (S n)). split.
        * apply in_or_app. left. unfold covers. rewrite P. left. reflexivity.
        * pose proof (span_pos (S n)). pose proof (Z.div_mod g (span (S n))).
          pose proof (Z.mod_pos_bound g (span (S n))). nia.
      + destruct K as [K|[[y [c [K1 K2]]] K3]]; [left; exact K|right].
        split; [|exact K3]. exists y, c. split; [|exact K2]. apply in_or_app. right. exact K1.
    - apply (so_once m SO).
  Qed.

  Theorem event_keeps_sound : forall e m, sound m -> allowed e m -> sound (occur e m).
  Proof.
    intros [w g|t i d|t i new|t i old|] m SO A.
    - apply sound_fill, SO.
    - apply sound_put; assumption.
    - apply sound_link; assumption.
    - apply sound_unlink; assumption.
    - apply sound_settle, SO.
  Qed.

  (* ---- sequences ---- *)

  Definition exec (es : list event) (m : machine) : machine :=
    fold_left (fun m e => occur e m) es m.

  Fixpoint all_allowed (es : list event) (m : machine) : Prop :=
    match es with
    | [] => True
    | e :: es' => allowed e m /\ all_allowed es' (occur e m)
    end.

  (* Cordon does [es] in this order; in between, processors fill their TLBs
     whenever they like. *)
  Inductive runs : list event -> machine -> machine -> Prop :=
  | runs_end : forall m, runs [] m m
  | runs_fill : forall es w g m m', runs es (occur (Fill w g) m) m' -> runs es m m'
  | runs_step : forall e es m m', runs es (occur e m) m' -> runs (e :: es) m m'.

  (* Two machines that differ at most in what TLBs remember. *)
  Definition same_tables (m n : machine) : Prop :=
    heap m = heap n /\ place m = place n /\ owed m = owed n.

  Lemma same_tables_occur : forall e m n, same_tables m n ->
    same_tables (occur e m) (occur e n).
  Proof.
    intros e m n [H [P O]]. unfold same_tables.
    destruct e; cbn [occur heap place owed]; unfold covers; rewrite ?H, ?P, ?O; auto.
  Qed.

  Lemma same_tables_allowed : forall e m n, same_tables m n -> allowed e m -> allowed e n.
  Proof.
    intros e m n [H [P O]]. destruct e; cbn [allowed]; unfold unowed, owes;
      rewrite <- ?H, <- ?P, <- ?O; auto.
  Qed.

  Lemma runs_sound : forall es m m', runs es m m' -> forall n, same_tables n m ->
    sound m -> all_allowed es n -> sound m' /\ same_tables (exec es n) m'.
  Proof.
    induction 1 as [m|es w g m m' R IH|e es m m' R IH]; intros n S SO A.
    - auto.
    - apply IH; [|apply sound_fill; exact SO|exact A]. exact S.
    - destruct A as [A1 A2]. apply (IH (occur e n)); [| |exact A2].
      + apply same_tables_occur, S.
      + apply event_keeps_sound; [exact SO|]. apply (same_tables_allowed e n); assumption.
  Qed.

  (* I6, for any sequence: when all that is owed is paid, no TLB has anything
     that the tables do not give.  And at no moment on the way is there a second
     translation of one address. *)
  Theorem settled_is_fresh : forall es m m', sound m -> all_allowed es m ->
    runs es m m' -> owed m' = [] ->
    forall w g x, tlb m' w g x -> gives m' w g = Some x.
  Proof.
    intros es m m' SO A R O w g x H.
    destruct (runs_sound es m m' R m) as [SO' _]; auto; [repeat split|].
    destruct (so_tlb m' SO' w g x H) as [_ [K|[[b [k [K _]]] _]]]; [exact K|].
    rewrite O in K. destruct K.
  Qed.

  Theorem never_two_translations : forall es m m', sound m -> all_allowed es m ->
    runs es m m' -> forall w g x, tlb m' w g x ->
    (forall y, tlb m' w g y -> x = y) /\ (forall y, gives m' w g = Some y -> x = y).
  Proof.
    intros es m m' SO A R w g x H.
    destruct (runs_sound es m m' R m) as [SO' _]; auto; [repeat split|]. split.
    - intros y K. apply (so_once m' SO' w g); assumption.
    - intros y K. destruct (so_tlb m' SO' w g x H) as [_ [Y|[_ Y]]]; congruence.
  Qed.

End Machine.
