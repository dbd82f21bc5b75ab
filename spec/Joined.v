(* The operations, their tables and the TLBs in one statement.

   [agree s m]: the trees of machine [m] say what the abstract state [s] says,
   and nothing is owed.  For each operation on a page: whoever starts from there
   and takes the steps of the operation (entries written, blocks split with
   tables from a pool, what is owed settled), with processors that walk at any
   moment in between, ends with a machine that agrees with the operation's result
   in [Strong.v], and no TLB has what that denies. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  KeepParts KeepMap KeepShare KeepClear Always Steps Table Machine.
Import ListNotations.
Local Open Scope Z_scope.

(* The numbers of a table's descriptors; only this property is ever used. *)
Lemma slots_exist : { l : list Z | forall i, In i l <-> 0 <= i < 512 }.
Proof.
  exists (map Z.of_nat (seq 0 512)). intro i. rewrite in_map_iff. split.
  - intros [n [<- H]]. rewrite in_seq in H. lia.
  - intro H. exists (Z.to_nat i). rewrite in_seq. lia.
Qed.

Definition slots : list Z := proj1_sig slots_exist.

Lemma in_slots : forall i, In i slots <-> 0 <= i < 512.
Proof. exact (proj2_sig slots_exist). Qed.

Section Joined.

  Variable root : Z -> Z.

  Notation gives := (gives root).
  Notation sound := (sound root).
  Notation occur := (occur root).
  Notation exec := (exec root).
  Notation runs := (runs root).
  Notation all_allowed := (all_allowed root).

  (* ---------------------------------------------------------------- *)
  (* Steps                                                             *)

  (* Tables that are free: no place, and nothing in them. *)
  Definition free (m : machine) (pool : list Z) : Prop :=
    NoDup pool /\ forall t, In t pool ->
      place m t = None /\ forall j, fetch (heap m) t j = Nothing.

  Lemma free_rest : forall m pool rest, free m (pool ++ rest) -> free m rest.
  Proof.
    intros m pool rest [N F]. split.
    - clear F. induction pool; [exact N|]. inversion N. auto.
    - intros t H. apply F, in_or_app. right. exact H.
  Qed.

  (* A block becomes a table that maps the same frames. *)
  Definition split_steps (t i new p : Z) (kd : kind) (n : nat) : list event :=
    [Put t i Nothing; Settle] ++
    map (fun j => Put new j (Leaf (p + j * span n) kd)) slots ++ [Link t i new].

  (* Page [g] leaves the tree below table [t] of level [n].  [None]: the pool has
     too few tables, and nothing is done. *)
  Fixpoint cut (n : nat) (t g : Z) (pool : list Z) (m : machine) : option (list event) :=
    match fetch (heap m) t (index n g), n with
    | Nothing, _ => Some []
    | Next u, S k => cut k u g pool m
    | Next _, O => Some []
    | Leaf _ _, O => Some [Put t (index n g) Nothing]
    | Leaf p kd, S k =>
      match pool with
      | [] => None
      | new :: pool' =>
        let es := split_steps t (index n g) new p kd k in
        option_map (app es) (cut k new g pool' (exec es m))
      end
    end.

  (* Page [g], or the block of level [l] that holds it, comes into the tree where
     nothing is. *)
  Fixpoint grow (l n : nat) (t g : Z) (d : desc) (pool : list Z) (m : machine)
    : option (list event) :=
    match fetch (heap m) t (index n g) with
    | Nothing =>
      if Nat.eqb n l then Some [Put t (index n g) d]
      else match n, pool with
           | S k, new :: pool' =>
             let e := Link t (index n g) new in
             option_map (cons e) (grow l k new g d pool' (occur e m))
           | _, _ => None
           end
    | Next u =>
      if Nat.eqb n l then None
      else match n with S k => grow l k u g d pool m | O => None end
    | Leaf _ _ => None
    end.

  (* ---- sequences ---- *)

  Lemma exec_app : forall es fs m, exec (es ++ fs) m = exec fs (exec es m).
  Proof. intros. unfold Machine.exec. apply fold_left_app. Qed.

  Lemma allowed_app : forall es fs m, all_allowed es m ->
    all_allowed fs (exec es m) -> all_allowed (es ++ fs) m.
  Proof.
    induction es as [|e es IH]; intros fs m A B; [exact B|].
    destruct A as [A1 A2]. split; [exact A1|]. apply IH; assumption.
  Qed.

  Lemma exec_sound : forall es m, sound m -> all_allowed es m -> sound (exec es m).
  Proof.
    induction es as [|e es IH]; intros m SO A; [exact SO|]. destruct A as [A1 A2].
    simpl. apply IH; [apply event_keeps_sound; assumption|exact A2].
  Qed.

  (* ---- filling a table that has no place ---- *)

  Lemma fill_table : forall f new l m, sound m -> place m new = None ->
    (forall j, In j l -> 0 <= j < 512) -> (forall j u, f j <> Next u) ->
    (forall j u, fetch (heap m) new j <> Next u) ->
    let es := map (fun j => Put new j (f j)) l in
    let m' := exec es m in
    all_allowed es m /\ place m' = place m /\ owed m' = owed m /\
    (forall u g, 0 <= g < PAGES -> gives m' u g = gives m u g) /\
    (forall t j, fetch (heap m') t j =
       if t =? new then if in_dec Z.eq_dec j l then f j else fetch (heap m) new j
       else fetch (heap m) t j).
  Proof.
    intros f new l. induction l as [|i l IH]; intros m SO P L F E es m'.
    - repeat split; auto. intros t j. simpl. destruct (t =? new) eqn:Q; [zb; subst|]; reflexivity.
    - assert (A : allowed (Put new i (f i)) m).
      { split; [apply L; left; reflexivity|]. split; [apply F|]. split; [apply E|]. auto. }
      assert (S1 := event_keeps_sound root _ _ SO A).
      assert (F1 : forall t j, fetch (heap (occur (Put new i (f i)) m)) t j =
        if (new =? t) && (i =? j) then f i else fetch (heap m) t j)
        by (intros; cbn [Machine.occur heap]; apply fetch_store).
      assert (O1 : owed (occur (Put new i (f i)) m) = owed m).
      { cbn [Machine.occur owed]. unfold covers. rewrite P. destruct (fetch _ _ _); reflexivity. }
      destruct (IH (occur (Put new i (f i)) m) S1) as [A2 [B2 [C2 [D2 E2]]]]; auto.
      { intros j K. apply L. right. exact K. }
      { intros j u. rewrite F1. destruct ((new =? new) && (i =? j)); [apply F|apply E]. }
      split; [split; [exact A|exact A2]|]. split; [exact B2|].
      split; [rewrite <- O1; exact C2|]. split.
      + intros u g B. unfold m', es. simpl. rewrite D2 by exact B.
        apply (unplaced_gives root m new i (f i) SO P u g B).
      + intros t j. change m' with (exec (map (fun j => Put new j (f j)) l)
          (occur (Put new i (f i)) m)). rewrite E2, !F1.
        destruct (t =? new) eqn:Q.
        * zb. subst t. rewrite ?Z.eqb_refl. cbn [andb].
          destruct (in_dec Z.eq_dec j l) as [K|K], (in_dec Z.eq_dec j (i :: l)) as [K1|K1];
            try reflexivity.
          -- exfalso. apply K1. right. exact K.
          -- destruct K1 as [K1|K1]; [|contradiction]. subst. rewrite Z.eqb_refl. reflexivity.
          -- rewrite (proj2 (Z.eqb_neq i j)); [reflexivity|]. intro. apply K1. left. assumption.
        * rewrite (Z.eqb_sym new t), Q. reflexivity.
  Qed.

  (* ---- splitting a block changes no translation ---- *)

  Lemma split_spec : forall m t new p kd k w g rest, sound m -> 0 <= g < PAGES ->
    place m t = Some (w, (S k, g / span (S (S k)))) ->
    fetch (heap m) t (index (S k) g) = Leaf p kd ->
    free m (new :: rest) ->
    let es := split_steps t (index (S k) g) new p kd k in
    let m' := exec es m in
    all_allowed es m /\ sound m' /\
    (forall u x, 0 <= x < PAGES -> gives m' u x = gives m u x) /\
    place m' new = Some (w, (k, g / span (S k))) /\ free m' rest.
  Proof.
    intros m t new p kd k w g rest SO B P F [ND FR] es m'.
    set (i := index (S k) g) in *. set (a := g / span (S (S k))) in *.
    assert (I : 0 <= i < 512) by apply index_range.
    destruct (FR new (or_introl eq_refl)) as [PN FN].
    assert (TN : t <> new) by congruence.
    (* the break *)
    assert (A1 : allowed (Put t i Nothing) m).
    { split; [exact I|]. split; [discriminate|]. split; [intro; rewrite F; discriminate|]. auto. }
    set (m1 := occur Settle (occur (Put t i Nothing) m)).
    assert (S1 : sound m1).
    { apply event_keeps_sound; [apply event_keeps_sound; assumption|exact Logic.I]. }
    assert (F1 : forall x j, fetch (heap m1) x j =
      if (t =? x) && (i =? j) then Nothing else fetch (heap m) x j)
      by (intros; unfold m1; cbn [Machine.occur heap]; apply fetch_store).
    assert (G1 : forall u x, 0 <= x < PAGES -> gives m1 u x =
      if (u =? w) && (x / span (S k) =? a * 512 + i) then None else gives m u x).
    { intros u x X. unfold m1, Machine.gives. cbn [Machine.occur heap].
      rewrite (put_gives root m t i Nothing w (S k) a SO P I) by (discriminate || assumption).
      reflexivity. }
    (* the new table *)
    destruct (fill_table (fun j => Leaf (p + j * span k) kd) new slots m1 S1)
      as [A2 [P2 [O2 [G2 F2]]]].
    { exact PN. }
    { intros j H. apply in_slots. exact H. }
    { discriminate. }
    { intros j u. rewrite F1, (proj2 (Z.eqb_neq t new)) by assumption. cbn [andb].
      rewrite FN. discriminate. }
    set (fs := map (fun j => Put new j (Leaf (p + j * span k) kd)) slots) in *.
    set (m2 := exec fs m1) in *.
    assert (S2 : sound m2) by (apply exec_sound; assumption).
    assert (PT : place m2 t = Some (w, (S k, a))) by (rewrite P2; exact P).
    assert (PN2 : place m2 new = None) by (rewrite P2; exact PN).
    assert (A3 : allowed (Link t i new) m2).
    { split; [exact I|]. split; [|split; [|split; [exact PN2|split]]].
      - rewrite F2, (proj2 (Z.eqb_neq t new)) by assumption.
        rewrite F1, !Z.eqb_refl. reflexivity.
      - intros v n b x _ _ [y [c [H _]]]. rewrite O2 in H. destruct H.
      - intros j u. rewrite F2, Z.eqb_refl. destruct (in_dec Z.eq_dec j slots); [discriminate|].
        rewrite F1, (proj2 (Z.eqb_neq t new)) by assumption. cbn [andb].
        rewrite FN. discriminate.
      - exists w, k, a. exact PT. }
    assert (EX : m' = occur (Link t i new) m2).
    { unfold m', es, split_steps. rewrite !exec_app. reflexivity. }
    assert (AL : all_allowed es m).
    { unfold es, split_steps. apply allowed_app; [split; [exact A1|split; exact Logic.I]|].
      apply allowed_app; [exact A2|]. split; [exact A3|exact Logic.I]. }
    split; [exact AL|]. split; [apply exec_sound; assumption|]. rewrite EX.
    split; [|split].
    - intros u x X. unfold Machine.gives at 1. cbn [Machine.occur heap].
      rewrite (link_gives root m2 t i new w k a S2 PT PN2 I); [| |exact X].
      2: { intros j v. rewrite F2, Z.eqb_refl. destruct (in_dec Z.eq_dec j slots); [discriminate|].
           rewrite F1, (proj2 (Z.eqb_neq t new)) by assumption. cbn [andb].
           rewrite FN. discriminate. }
      destruct ((u =? w) && (x / span (S k) =? a * 512 + i)) eqn:Q.
      + zb. subst u. rewrite F2, Z.eqb_refl.
        destruct (in_dec Z.eq_dec (index k x) slots) as [K|K];
          [|exfalso; apply K, in_slots, index_range].
        rewrite (fetched_gives root m t i w (S k) a SO P I);
          [|intro; rewrite F; discriminate|exact X|assumption].
        rewrite F. cbn [meaning]. rewrite within. do 2 f_equal. lia.
      + rewrite G2, G1, Q by exact X. reflexivity.
    - cbn [Machine.occur place]. rewrite Z.eqb_refl, PT. unfold a, i. rewrite above. reflexivity.
    - inversion ND as [|? ? N1 N2]. subst. split; [exact N2|]. intros x H.
      assert (XN : x <> new) by (intros ->; contradiction).
      destruct (FR x (or_intror H)) as [X1 X2]. split.
      + cbn [Machine.occur place]. rewrite (proj2 (Z.eqb_neq x new)), P2 by assumption.
        exact X1.
      + intro j. cbn [Machine.occur heap].
        assert (XT : t <> x) by congruence.
        rewrite fetch_store, (proj2 (Z.eqb_neq t x)) by assumption. cbn [andb].
        rewrite F2, (proj2 (Z.eqb_neq x new)) by assumption.
        rewrite F1, (proj2 (Z.eqb_neq t x)) by assumption. apply X2.
  Qed.

  (* ---- cut: exactly page [g] of [w] goes ---- *)

  Definition only (m m' : machine) (w g : Z) (o : option (Z * kind)) : Prop :=
    forall u x, 0 <= x < PAGES ->
    gives m' u x = if (u =? w) && (x =? g) then o else gives m u x.

  Lemma span_0 : forall x, x / span 0 = x.
  Proof. intro. unfold span. apply Z.div_1_r. Qed.

  Lemma below : forall n g, g / span (S n) * 512 + index n g = g / span n.
  Proof. exact above. Qed.

  Lemma cut_spec : forall n t g pool rest m es w, sound m -> 0 <= g < PAGES ->
    place m t = Some (w, (n, g / span (S n))) -> free m (pool ++ rest) ->
    cut n t g pool m = Some es ->
    all_allowed es m /\ sound (exec es m) /\ only m (exec es m) w g None /\
    free (exec es m) rest.
  Proof.
    induction n; intros t g pool rest m es w SO B P FR E.
    - cbn [cut] in E. assert (I := index_range 0 g).
      assert (FR' := free_rest _ _ _ FR).
      destruct (fetch (heap m) t (index 0 g)) as [|u|p kd] eqn:F; injection E as <-.
      + split; [exact Logic.I|]. split; [exact SO|]. split; [|exact FR'].
        intros u x X. destruct ((u =? w) && (x =? g)) eqn:Q; [|reflexivity].
        zb. subst u x. simpl.
        rewrite (fetched_gives root m t (index 0 g) w 0 (g / span 1) SO P I);
          [rewrite F; reflexivity|intro; rewrite F; discriminate|exact B|].
        rewrite below. reflexivity.
      + exfalso. destruct (so_tree root m SO w) as [T _].
        destruct (T t _ u 0%nat _ F (tree_of_same _ _ _ _ P)) as [k [K _]]. discriminate.
      + assert (A : allowed (Put t (index 0 g) Nothing) m).
        { split; [exact I|]. split; [discriminate|].
          split; [intro; rewrite F; discriminate|auto]. }
        split; [split; [exact A|exact Logic.I]|].
        split; [apply event_keeps_sound; assumption|]. split.
        * intros u x X. unfold Machine.gives at 1. simpl heap.
          rewrite (put_gives root m t (index 0 g) Nothing w 0 (g / span 1) SO P I)
            by (discriminate || assumption).
          rewrite below, !span_0. reflexivity.
        * destruct FR' as [F1 F2]. split; [exact F1|]. intros x H.
          destruct (F2 x H) as [X1 X2]. split; [exact X1|]. intro j. simpl heap.
          rewrite fetch_store. destruct (_ && _); [reflexivity|apply X2].
    - cbn [cut] in E. assert (I := index_range (S n) g).
      destruct (fetch (heap m) t (index (S n) g)) as [|u|p kd] eqn:F.
      + injection E as <-. split; [exact Logic.I|]. split; [exact SO|]. split.
        * intros u x X. destruct ((u =? w) && (x =? g)) eqn:Q; [|reflexivity].
          zb. subst u x. simpl.
          rewrite (fetched_gives root m t (index (S n) g) w (S n) (g / span (S (S n))) SO P I);
            [rewrite F; reflexivity|intro; rewrite F; discriminate|exact B|].
          rewrite below. reflexivity.
        * apply (free_rest _ _ _ FR).
      + apply (IHn u g pool rest m es w SO B); auto.
        destruct (so_tree root m SO w) as [T _].
        destruct (T t _ u _ _ F (tree_of_same _ _ _ _ P)) as [k [K1 K2]].
        injection K1 as <-. rewrite below in K2. unfold tree_of in K2.
        destruct (place m u) as [[v x]|]; [|discriminate].
        destruct (v =? w) eqn:Q; [|discriminate]. zb. subst v. congruence.
      + destruct pool as [|new pool]; [discriminate|].
        destruct (split_spec m t new p kd n w g (pool ++ rest) SO B P F FR)
          as [A1 [S1 [G1 [P1 FR1]]]].
        set (fs := split_steps t (index (S n) g) new p kd n) in *.
        destruct (cut n new g pool (exec fs m)) as [gs|] eqn:C; [|discriminate].
        unfold option_map in E. assert (X : es = fs ++ gs) by congruence. clear E. subst es.
        destruct (IHn new g pool rest (exec fs m) gs w S1 B P1 FR1 C) as [A2 [S2 [G2 FR2]]].
        rewrite exec_app. split; [apply allowed_app; assumption|]. split; [exact S2|].
        split; [|exact FR2]. intros u x X. rewrite (G2 u x X), (G1 u x X). reflexivity.
  Qed.

  Lemma cut_memory : forall n t g pool m, cut n t g pool m = None -> (length pool < n)%nat.
  Proof.
    induction n; intros t g pool m E; cbn [cut] in E.
    - destruct (fetch _ _ _); discriminate.
    - destruct (fetch _ _ _) as [|u|p kd]; [discriminate| |].
      + apply IHn in E. lia.
      + destruct pool as [|new pool]; [simpl; lia|].
        destruct (cut n new g pool _) eqn:C; [discriminate|].
        apply IHn in C. simpl. lia.
  Qed.

  (* ---- grow: exactly the pages that share the descriptor come ---- *)

  Definition only_span (l : nat) (m m' : machine) (w g : Z) (d : desc) : Prop :=
    forall u x, 0 <= x < PAGES -> gives m' u x =
      if (u =? w) && (x / span l =? g / span l) then meaning d l x else gives m u x.

  Lemma next_place : forall n m t g u w, sound m ->
    place m t = Some (w, (S n, g / span (S (S n)))) ->
    fetch (heap m) t (index (S n) g) = Next u -> place m u = Some (w, (n, g / span (S n))).
  Proof.
    intros n m t g u w SO P F. destruct (so_tree root m SO w) as [T _].
    destruct (T t _ u _ _ F (tree_of_same _ _ _ _ P)) as [k [K1 K2]].
    injection K1 as <-. rewrite below in K2. unfold tree_of in K2.
    destruct (place m u) as [[v x]|]; [|discriminate].
    destruct (v =? w) eqn:Q; [|discriminate]. zb. subst v. congruence.
  Qed.

  (* An empty table is linked in: no translation changes. *)
  Lemma link_spec : forall n m t g new pool w, sound m -> owed m = [] ->
    place m t = Some (w, (S n, g / span (S (S n)))) ->
    fetch (heap m) t (index (S n) g) = Nothing -> free m (new :: pool) ->
    let e := Link t (index (S n) g) new in
    allowed e m /\ sound (occur e m) /\ owed (occur e m) = [] /\
    place (occur e m) new = Some (w, (n, g / span (S n))) /\ free (occur e m) pool /\
    forall u x, 0 <= x < PAGES -> gives (occur e m) u x = gives m u x.
  Proof.
    intros n m t g new pool w SO O P F FR e. assert (I := index_range (S n) g).
    destruct FR as [ND FR]. destruct (FR new (or_introl eq_refl)) as [PN FN].
    assert (TN : t <> new) by congruence.
    assert (ND' : forall j u, fetch (heap m) new j <> Next u)
      by (intros; rewrite FN; discriminate).
    assert (A : allowed e m).
    { split; [exact I|]. split; [exact F|]. split; [|split; [exact PN|split; [exact ND'|]]].
      - intros v k a x _ _ [y [c [H _]]]. rewrite O in H. destruct H.
      - exists w, n, (g / span (S (S n))). exact P. }
    split; [exact A|]. split; [apply event_keeps_sound; assumption|].
    split; [exact O|]. split; [|split].
    - unfold e. cbn [Machine.occur place]. rewrite Z.eqb_refl, P, below. reflexivity.
    - inversion ND as [|? ? N1 N2]. subst. split; [exact N2|]. intros x H.
      assert (XN : x <> new) by (intros ->; contradiction).
      destruct (FR x (or_intror H)) as [X1 X2]. unfold e. cbn [Machine.occur place heap].
      split; [rewrite (proj2 (Z.eqb_neq x new)) by assumption; exact X1|].
      intro j. assert (XT : t <> x) by congruence.
      rewrite fetch_store, (proj2 (Z.eqb_neq t x)) by assumption. apply X2.
    - intros u x X. unfold Machine.gives at 1, e. cbn [Machine.occur heap].
      rewrite (link_gives root m t _ new w n _ SO P PN I ND' u x X).
      destruct ((u =? w) && (x / span (S n) =? _)) eqn:Q; [|reflexivity].
      zb. subst u. rewrite FN. simpl.
      rewrite (fetched_gives root m t _ w (S n) _ SO P I);
        [rewrite F; reflexivity|intro; rewrite F; discriminate|exact X|assumption].
  Qed.

  Lemma grow_here : forall l t g d m w, sound m -> owed m = [] ->
    (forall u, d <> Next u) -> place m t = Some (w, (l, g / span (S l))) ->
    fetch (heap m) t (index l g) = Nothing ->
    let es := [Put t (index l g) d] in
    all_allowed es m /\ only_span l m (exec es m) w g d /\ owed (exec es m) = [].
  Proof.
    intros l t g d m w SO O D P F es. assert (I := index_range l g). split; [|split].
    - split; [|exact Logic.I]. split; [exact I|]. split; [exact D|].
      split; [intro; rewrite F; discriminate|]. right. right. split; [exact F|].
      intros v j a x _ _ [y [c [H _]]]. rewrite O in H. destruct H.
    - intros u x X. unfold Machine.gives at 1. simpl heap.
      rewrite (put_gives root m t (index l g) d w l _ SO P I D u x X), below. reflexivity.
    - simpl. rewrite F. exact O.
  Qed.

  Lemma grow_spec : forall l n t g d pool m es w, sound m -> 0 <= g < PAGES ->
    owed m = [] -> (forall u, d <> Next u) -> (l <= n)%nat ->
    place m t = Some (w, (n, g / span (S n))) -> free m pool ->
    grow l n t g d pool m = Some es ->
    all_allowed es m /\ only_span l m (exec es m) w g d /\ owed (exec es m) = [].
  Proof.
    intro l. induction n; intros t g d pool m es w SO B O D LE P FR E; cbn [grow] in E.
    - assert (l = 0%nat) by lia. subst l. cbn [Nat.eqb] in E.
      destruct (fetch (heap m) t (index 0 g)) as [|u|p kd] eqn:F; try discriminate.
      injection E as <-. apply grow_here; assumption.
    - destruct (fetch (heap m) t (index (S n) g)) as [|u|p kd] eqn:F; [| |discriminate].
      + destruct (Nat.eqb (S n) l) eqn:Q.
        * apply Nat.eqb_eq in Q. injection E as <-. rewrite <- Q. apply grow_here; assumption.
        * apply Nat.eqb_neq in Q. destruct pool as [|new pool]; [discriminate|].
          destruct (link_spec n m t g new pool w SO O P F FR) as [A [S1 [O1 [P1 [R1 G1]]]]].
          set (e := Link t (index (S n) g) new) in *.
          destruct (grow l n new g d pool (occur e m)) as [fs|] eqn:C; [|discriminate].
          injection E as <-.
          destruct (IHn new g d pool (occur e m) fs w S1 B O1 D ltac:(lia) P1 R1 C)
            as [A2 [G2 O2]].
          split; [split; assumption|]. split; [|exact O2].
          intros u x X. change (exec (e :: fs) m) with (exec fs (occur e m)).
          rewrite (G2 u x X), (G1 u x X). reflexivity.
      + destruct (Nat.eqb (S n) l) eqn:Q; [discriminate|]. apply Nat.eqb_neq in Q.
        apply (IHn u g d pool m es w SO B O D); auto; [lia|].
        apply (next_place n m t g u w SO P F).
  Qed.

  Lemma only_page : forall m m' w g p kd, only_span 0 m m' w g (Leaf p kd) ->
    only m m' w g (Some (p, kd)).
  Proof.
    intros m m' w g p kd G u x X. rewrite (G u x X). rewrite !span_0.
    destruct ((u =? w) && (x =? g)); [|reflexivity]. cbn [meaning]. unfold span.
    change (512 ^ Z.of_nat 0) with 1. rewrite Z.mod_1_r, Z.add_0_r. reflexivity.
  Qed.

  Lemma grow_memory : forall n t g d pool m w, sound m -> 0 <= g < PAGES ->
    owed m = [] -> place m t = Some (w, (n, g / span (S n))) -> free m pool ->
    gives m w g = None -> grow 0 n t g d pool m = None -> (length pool < n)%nat.
  Proof.
    induction n; intros t g d pool m w SO B O P FR G E; cbn [grow Nat.eqb] in E.
    - assert (I := index_range 0 g).
      destruct (fetch (heap m) t (index 0 g)) as [|u|p kd] eqn:F; [discriminate| |].
      + exfalso. destruct (so_tree root m SO w) as [T _].
        destruct (T t _ u 0%nat _ F (tree_of_same _ _ _ _ P)) as [k [K _]]. discriminate.
      + exfalso. rewrite (fetched_gives root m t (index 0 g) w 0 (g / span 1) SO P I) in G;
          [rewrite F in G; discriminate|intro; rewrite F; discriminate|exact B|].
        rewrite below. reflexivity.
    - assert (I := index_range (S n) g).
      destruct (fetch (heap m) t (index (S n) g)) as [|u|p kd] eqn:F.
      + destruct pool as [|new pool]; [simpl; lia|].
        destruct (link_spec n m t g new pool w SO O P F FR) as [A [S1 [O1 [P1 [R1 G1]]]]].
        set (e := Link t (index (S n) g) new) in *.
        destruct (grow 0 n new g d pool (occur e m)) as [fs|] eqn:C; [discriminate|].
        apply (IHn new g d pool (occur e m) w S1 B O1 P1 R1) in C; [simpl; lia|].
        rewrite G1 by exact B. exact G.
      + apply (IHn u g d pool m w SO B O) in E; auto. apply (next_place n m t g u w SO P F).
      + exfalso.
        rewrite (fetched_gives root m t (index (S n) g) w (S n) (g / span (S (S n))) SO P I) in G;
          [rewrite F in G; discriminate|intro; rewrite F; discriminate|exact B|].
        rewrite below. reflexivity.
  Qed.

  (* ---------------------------------------------------------------- *)
  (* Agreement                                                         *)

  Definition translation (e : entry) : Z * kind := (e_pfn e, e_kind e).

  (* What the abstract state lets [w] have at [g].  The host's table is a cache:
     it may hold less than the host may have. *)
  Definition lets (s : State) (w g : Z) (x : Z * kind) : Prop :=
    if w =? HOST then may_host s g = true /\ x = translation (host_entry s g)
    else exists e, lookup s w g = Some e /\ x = translation e.

  Record agree (s : State) (m : machine) : Prop := {
    ag_sound : sound m;
    ag_paid : owed m = [];
    ag_host : forall g x, 0 <= g < PAGES -> gives m HOST g = Some x -> lets s HOST g x;
    ag_vm : forall w g, w <> HOST -> 0 <= g < PAGES ->
      gives m w g = option_map translation (lookup s w g)
  }.

  (* So no TLB has what the abstract state denies. *)
  Theorem agree_tlb : forall s m w g x, agree s m -> tlb m w g x -> lets s w g x.
  Proof.
    intros s m w g x A H. destruct (so_tlb root m (ag_sound _ _ A) w g x H) as [B [K|[K _]]].
    - unfold lets. destruct (w =? HOST) eqn:Q.
      + zb. subst w. apply (ag_host _ _ A g x B) in K. exact K.
      + zb. rewrite (ag_vm _ _ A w g Q B) in K.
        destruct (lookup s w g) as [e|]; [|discriminate]. injection K as <-. eauto.
    - destruct K as [a [n [K _]]]. rewrite (ag_paid _ _ A) in K. destruct K.
  Qed.

  (* What the trees give after [es], with or without fills in between. *)
  Lemma runs_gives : forall es m m', sound m -> all_allowed es m -> runs es m m' ->
    sound m' /\ owed m' = owed (exec es m) /\
    forall w g, gives m' w g = gives (exec es m) w g.
  Proof.
    intros es m m' SO A R.
    destruct (runs_sound root es m m' R m) as [S1 [H [P O]]]; auto; [repeat split|].
    split; [exact S1|]. split; [symmetry; exact O|].
    intros. unfold Machine.gives. rewrite H. reflexivity.
  Qed.

  Lemma root_here : forall m w g, sound m -> 0 <= g < PAGES ->
    place m (root w) = Some (w, (TOP, g / span (S TOP))).
  Proof.
    intros m w g SO B. rewrite (so_root root m SO w), Z.div_small by exact B. reflexivity.
  Qed.

  (* ---------------------------------------------------------------- *)
  (* The operations                                                    *)

  (* Frame [p] leaves the host's tree. *)
  Definition from_host (p : Z) (pool : list Z) (m : machine) : option (list event) :=
    cut TOP (root HOST) p pool m.

  (* revoke: the host's entry goes with the last grant.  grant: no steps. *)
  Definition revoke_steps (s : State) (p : Z) (ph : list Z) (m : machine)
    : option (list event) :=
    if f_count (frame_at s p) =? 1
    then option_map (fun es => es ++ [Settle]) (from_host p ph m) else Some [].

  (* Does the VM's tree map [p] at [g]? *)
  Definition maps (m : machine) (v g p : Z) : bool :=
    match gives m v g with Some (q, _) => q =? p | None => false end.

  (* clear: the VM's entry, the host's entry, and then all is settled, before the
     frame is zeroed and its record changes. *)
  Definition clear_steps (s : State) (v p : Z) (ph pv : list Z) (m : machine)
    : option (list event) :=
    let g := f_gfn (frame_at s p) in
    match (if maps m v g p then cut TOP (root v) g pv m else Some []) with
    | None => None
    | Some es =>
      option_map (fun fs => es ++ fs ++ [Settle]) (from_host p ph (exec es m))
    end.

  (* map: the host's entry goes, that is settled, and then the VM's comes. *)
  Definition map_steps (s : State) (v g p : Z) (ph pv : list Z) (m : machine)
    : option (list event) :=
    let r := frame_at s p in
    match (if (f_owner r =? HOST) || f_pending r then from_host p ph m else Some []) with
    | None => None
    | Some es =>
      let es' := es ++ [Settle] in
      option_map (app es') (grow 0 TOP (root v) g (Leaf p Normal) pv (exec es' m))
    end.

  (* A cut in the host's tree and a settle. *)
  Lemma from_host_spec : forall m p ph rest es, sound m -> 0 <= p < PAGES ->
    free m (ph ++ rest) -> from_host p ph m = Some es ->
    all_allowed (es ++ [Settle]) m /\ sound (exec (es ++ [Settle]) m) /\
    only m (exec (es ++ [Settle]) m) HOST p None /\
    owed (exec (es ++ [Settle]) m) = [] /\ free (exec (es ++ [Settle]) m) rest.
  Proof.
    intros m p ph rest es SO B FR E.
    destruct (cut_spec TOP (root HOST) p ph rest m es HOST SO B) as [A [S1 [G F]]]; auto.
    { apply root_here; assumption. }
    rewrite exec_app. split; [apply allowed_app; [exact A|split; exact I]|].
    split; [apply event_keeps_sound; [exact S1|exact I]|].
    split; [exact G|]. split; [reflexivity|exact F].
  Qed.

  Lemma lets_host : forall s s' g x, frame_at s' g = frame_at s g ->
    lets s HOST g x -> lets s' HOST g x.
  Proof.
    intros s s' g x F. unfold lets, may_host, host_entry, owner. rewrite F. auto.
  Qed.

  (* What joins them: [es] ends with trees that fit [s']. *)
  Definition refines (s s' : State) (m : machine) (es : list event) : Prop :=
    all_allowed es m /\
    forall m', runs es m m' ->
      agree s' m' /\ forall w g x, tlb m' w g x -> lets s' w g x.

  Lemma refine : forall s s' m es, agree s m -> all_allowed es m ->
    owed (exec es m) = [] ->
    (forall g x, 0 <= g < PAGES -> gives (exec es m) HOST g = Some x -> lets s' HOST g x) ->
    (forall w g, w <> HOST -> 0 <= g < PAGES ->
       gives (exec es m) w g = option_map translation (lookup s' w g)) ->
    refines s s' m es.
  Proof.
    intros s s' m es A AL O H V. split; [exact AL|]. intros m' R.
    destruct (runs_gives es m m' (ag_sound _ _ A) AL R) as [S1 [O1 G]].
    assert (A' : agree s' m').
    { constructor; [exact S1|congruence| |]; intros; rewrite ?G in *; auto. }
    split; [exact A'|]. intros w g x. apply agree_tlb. exact A'.
  Qed.

  (* grant: the trees stay as they are. *)
  Theorem grant_joined : forall s s' m v p, Inv s -> agree s m ->
    grant_page v p s = Some s' -> refines s s' m [].
  Proof.
    intros s s' m v p I A E. unfold grant_page in E.
    destruct (_ && _ && _) eqn:C in E; [|discriminate]. injection E as <-.
    apply refine; auto; [exact Logic.I|apply (ag_paid _ _ A)| |].
    - intros g x B G. destruct (Z.eq_dec p g) as [<-|N].
      + apply (ag_host _ _ A) in G; [|exact B]. unfold lets in *. simpl in *.
        destruct G as [G1 G2]. unfold may_host, host_entry, owner in *. st.
        rewrite Z.eqb_refl. cbn [f_owner f_count f_pending]. zb. rewrite H in *.
        split; [|exact G2]. pose proof (gf_count _ _ _ (inv_frame _ I p)).
        rewrite (proj2 (Z.ltb_lt 0 (f_count (frame_at s p) + 1))) by lia.
        apply orb_true_r.
      + apply (lets_host s); [st; rewrite (proj2 (Z.eqb_neq p g)) by assumption; reflexivity|].
        apply (ag_host _ _ A); assumption.
    - intros w g N B. st. apply (ag_vm _ _ A); assumption.
  Qed.

  (* revoke: with the last grant the host loses the frame. *)
  Theorem revoke_joined : forall s s' m v p ph es, Inv s -> agree s m ->
    0 <= p < PAGES -> free m ph -> revoke_page v p s = Some s' ->
    revoke_steps s p ph m = Some es -> refines s s' m es.
  Proof.
    intros s s' m v p ph es I A B FR E H. unfold revoke_page in E.
    destruct (_ && _ && _) eqn:C in E; [|discriminate]. injection E as <-. zb.
    assert (V : forall w g, w <> HOST -> 0 <= g < PAGES -> gives m w g =
      option_map translation (lookup (set_frame p
        (mkFrame v (f_count (frame_at s p) - 1) false (f_gfn (frame_at s p)))
        (if f_count (frame_at s p) =? 1 then del_entry HOST p s else s)) w g)).
    { intros w g N BG. rewrite (ag_vm _ _ A) by assumption. f_equal.
      case_if; st; [|reflexivity].
      rewrite (proj2 (Z.eqb_neq HOST w)) by congruence. reflexivity. }
    unfold revoke_steps in H. destruct (f_count (frame_at s p) =? 1) eqn:L.
    - destruct (from_host p ph m) as [fs|] eqn:F; [|discriminate]. injection H as <-.
      destruct (from_host_spec m p ph [] fs (ag_sound _ _ A) B) as [A1 [S1 [G [O _]]]];
        [rewrite app_nil_r; exact FR|exact F|].
      apply refine; auto.
      + intros g x BG K. rewrite (G HOST g BG) in K. cbn [Z.eqb HOST] in K.
        destruct (g =? p) eqn:Q; [rewrite Z.eqb_refl in K; discriminate|].
        rewrite andb_false_r in K. apply (lets_host s).
        * st. rewrite (Z.eqb_sym p g), Q. reflexivity.
        * apply (ag_host _ _ A); assumption.
      + intros w g N BG. rewrite (G w g BG), (proj2 (Z.eqb_neq w HOST)) by assumption.
        apply V; assumption.
    - injection H as <-. apply refine; auto; [exact Logic.I|apply (ag_paid _ _ A)|].
      intros g x BG K. destruct (Z.eq_dec p g) as [<-|N].
      + apply (ag_host _ _ A) in K; [|exact BG]. unfold lets in *. simpl in *.
        destruct K as [K1 K2]. unfold may_host, host_entry, owner in *. st.
        rewrite Z.eqb_refl. cbn [f_owner f_count f_pending]. rewrite H0 in *.
        split; [|exact K2]. zb.
        rewrite (proj2 (Z.ltb_lt 0 (f_count (frame_at s p) - 1))) by lia.
        apply orb_true_r.
      + apply (lets_host s); [st; rewrite (proj2 (Z.eqb_neq p g)) by assumption; reflexivity|].
        apply (ag_host _ _ A); assumption.
  Qed.

  (* ---- clear ---- *)

  (* The VM's own table after its entry went, block or page: the same
     translations but for that one. *)
  Lemma unmap_vm_translation : forall s v g p w h, Inv s -> v <> HOST ->
    option_map translation (lookup (unmap_vm v g p s) w h) =
    if (w =? v) && (h =? g) &&
       match lookup s v g with Some e => e_pfn e =? p | None => false end
    then None else option_map translation (lookup s w h).
  Proof.
    intros s v g p w h I VH. unfold unmap_vm.
    destruct (lookup s v g) as [x|] eqn:X; [|rewrite andb_false_r; reflexivity].
    destruct (e_pfn x =? p) eqn:P; [|rewrite andb_false_r; reflexivity].
    rewrite andb_true_r, lookup_del_entry, (Z.eqb_sym w v), (Z.eqb_sym h g).
    destruct ((v =? w) && (g =? h)) eqn:Q; [reflexivity|].
    destruct (e_level x =? 2) eqn:L2; [|reflexivity]. zb.
    destruct (inv_block _ I v g x VH X L2) as [q [_ B]].
    unfold split. rewrite lookup_put_entries, block_nat.
    destruct ((v =? w) && _ && _) eqn:R; [|reflexivity]. zb. subst w.
    unfold as_page. specialize (B (h - block_base g)). change BLOCK_PAGES with 512 in B.
    replace (block_base g + (h - block_base g)) with h in B by lia.
    rewrite B by lia. reflexivity.
  Qed.

  Lemma only_refl : forall m w g, gives m w g = None -> only m m w g None.
  Proof.
    intros m w g G u x X. destruct ((u =? w) && (x =? g)) eqn:Q; [|reflexivity].
    zb. subst. exact G.
  Qed.

  Lemma gfn_page : forall g, is_gfn g = true -> 0 <= g < PAGES.
  Proof. unfold is_gfn, PAGES. intros. zb. change (span (S TOP)) with GFN_LIMIT. lia. Qed.

  (* clear: afterwards no TLB has the frame at all, so it is zeroed behind
     everybody's back. *)
  Theorem clear_joined : forall s s' m v p ph pv es, Inv s -> agree s m ->
    vm_exists s v = true -> 0 <= p < PAGES -> free m (pv ++ ph) ->
    clear_page v p s = Some s' -> clear_steps s v p ph pv m = Some es ->
    refines s s' m es /\
    forall m', runs es m m' -> forall w g k, ~ tlb m' w g (p, k).
  Proof.
    intros s s' m v p ph pv es I A VX B FR E H.
    assert (I' := keep_clear_page _ _ _ _ I VX E). destruct (vm_exists_range _ _ VX) as [VH _].
    unfold clear_page in E. destruct (f_owner (frame_at s p) =? v) eqn:O in E; [|discriminate].
    zb. set (g := f_gfn (frame_at s p)) in *.
    assert (BG : 0 <= g < PAGES).
    { apply gfn_page. rewrite <- O in VX. apply (gf_vm _ _ _ (inv_frame _ I p) VX). }
    assert (F' : forall q, frame_at s' q =
      if p =? q then mkFrame HOST 0 false p else frame_at s q)
      by (intro; injection E as <-; st; reflexivity).
    assert (L' : forall w h, w <> HOST -> lookup s' w h = lookup (unmap_vm v g p s) w h).
    { intros w h N. injection E as <-. st.
      rewrite (proj2 (Z.eqb_neq HOST w)) by congruence. reflexivity. }
    clear E. unfold clear_steps in H. fold g in H.
    (* the VM's entry *)
    assert (VM : exists es1 m1, es1 = match (if maps m v g p then cut TOP (root v) g pv m else Some [])
        with Some x => x | None => [] end /\ m1 = exec es1 m /\
      (if maps m v g p then cut TOP (root v) g pv m else Some []) = Some es1 /\
      all_allowed es1 m /\ sound m1 /\ free m1 ph /\
      forall w h, 0 <= h < PAGES -> gives m1 w h =
        if (w =? v) && (h =? g) && maps m v g p then None else gives m w h).
    { destruct (maps m v g p) eqn:M.
      - destruct (cut TOP (root v) g pv m) as [es1|] eqn:C; [|discriminate].
        destruct (cut_spec TOP (root v) g pv ph m es1 v (ag_sound _ _ A) BG) as [A1 [S1 [G1 R1]]]; auto.
        { apply root_here; [apply (ag_sound _ _ A)|exact BG]. }
        exists es1, (exec es1 m).
        refine (conj eq_refl (conj eq_refl (conj eq_refl (conj A1 (conj S1 (conj R1 _)))))).
        intros w h X. rewrite (G1 w h X), andb_true_r. reflexivity.
      - exists [], m. refine (conj eq_refl (conj eq_refl (conj eq_refl (conj Logic.I
          (conj (ag_sound _ _ A) (conj (free_rest _ _ _ FR) _)))))).
        intros w h X. rewrite andb_false_r. reflexivity. }
    destruct VM as [es1 [m1 [_ [M1 [C1 [A1 [S1 [R1 G1]]]]]]]]. rewrite C1, <- M1 in H.
    (* the host's *)
    destruct (from_host p ph m1) as [fs|] eqn:C2; [|discriminate]. cbn [option_map] in H.
    assert (X : es = es1 ++ fs ++ [Settle]) by congruence. clear H. subst es.
    destruct (from_host_spec m1 p ph [] fs S1 B) as [A2 [S2 [G2 [O2 _]]]];
      [rewrite app_nil_r; exact R1|exact C2|].
    assert (AL : all_allowed (es1 ++ fs ++ [Settle]) m)
      by (apply allowed_app; [exact A1|rewrite <- M1; exact A2]).
    assert (EX : exec (es1 ++ fs ++ [Settle]) m = exec (fs ++ [Settle]) m1)
      by (rewrite exec_app, <- M1; reflexivity).
    assert (NH : gives (exec (fs ++ [Settle]) m1) HOST p = None)
      by (rewrite (G2 HOST p B), !Z.eqb_refl; reflexivity).
    assert (RF : refines s s' m (es1 ++ fs ++ [Settle])).
    { apply refine; auto; rewrite EX; [exact O2| |].
      - intros h x BH K. rewrite (G2 HOST h BH), Z.eqb_refl in K. cbn [andb] in K.
        destruct (h =? p) eqn:Q; [discriminate|].
        rewrite (G1 HOST h BH), (proj2 (Z.eqb_neq HOST v)) in K by congruence.
        cbn [andb] in K. apply (lets_host s).
        + rewrite F', (Z.eqb_sym p h), Q. reflexivity.
        + apply (ag_host _ _ A); assumption.
      - intros w h N BH. rewrite (G2 w h BH), (proj2 (Z.eqb_neq w HOST)) by assumption.
        cbn [andb]. rewrite (G1 w h BH), L', unmap_vm_translation by assumption.
        assert (MM : maps m v g p =
          match lookup s v g with Some e => e_pfn e =? p | None => false end).
        { unfold maps. rewrite (ag_vm _ _ A v g VH BG).
          destruct (lookup s v g) as [e|]; reflexivity. }
        rewrite MM, (ag_vm _ _ A w h N BH). reflexivity. }
    split; [exact RF|]. intros m' R w h k T. destruct RF as [_ RF].
    destruct (RF m' R) as [A' TL]. assert (LT := TL w h (p, k) T).
    destruct (so_tlb root m' (ag_sound _ _ A') w h (p, k) T) as [BH [K|[K _]]].
    2: { destruct K as [a [n [K _]]]. rewrite (ag_paid _ _ A') in K. destruct K. }
    unfold lets in LT. destruct (w =? HOST) eqn:Q.
    - zb. subst w. destruct LT as [_ LT].
      assert (h = p).
      { unfold translation, host_entry in LT. destruct (owner s' h =? INVALID);
        simpl in LT; congruence. }
      subst h. destruct (runs_gives _ _ _ (ag_sound _ _ A) AL R) as [_ [_ GV]].
      rewrite GV, EX, NH in K. discriminate.
    - zb. destruct LT as [e [L1 L2]].
      destruct (inv_vm _ I' w h e Q L1) as [_ [[_ Y]|[Y _]]];
        assert (PE : e_pfn e = p) by (unfold translation in L2; congruence);
        unfold owner in Y; rewrite PE, F', Z.eqb_refl in Y; simpl in Y;
        [discriminate|congruence].
  Qed.

  (* ---- map ---- *)

  Theorem map_joined : forall s s' m v g p ph pv es, Inv s -> agree s m ->
    vm_exists s v = true -> is_gfn g = true -> 0 <= p < PAGES -> free m (ph ++ pv) ->
    lookup s v g = None -> map_page v g p s = (Ok, s') ->
    map_steps s v g p ph pv m = Some es -> refines s s' m es.
  Proof.
    intros s s' m v g p ph pv es I A VX IG B FR U E H.
    destruct (vm_exists_range _ _ VX) as [VH [_ VI]]. assert (BG := gfn_page g IG).
    unfold map_page, unmapped in E. rewrite U in E.
    destruct (assign_refusal s v g p) as [r|] eqn:AR; [discriminate|]. injection E as <-.
    set (fresh := (f_owner (frame_at s p) =? HOST) || f_pending (frame_at s p)).
    unfold map_steps in H. fold fresh in H.
    assert (VM : exists es1, (if fresh then from_host p ph m else Some []) = Some es1 /\
      all_allowed (es1 ++ [Settle]) m /\ sound (exec (es1 ++ [Settle]) m) /\
      owed (exec (es1 ++ [Settle]) m) = [] /\ free (exec (es1 ++ [Settle]) m) pv /\
      forall w h, 0 <= h < PAGES -> gives (exec (es1 ++ [Settle]) m) w h =
        if (w =? HOST) && (h =? p) && fresh then None else gives m w h).
    { destruct fresh.
      - destruct (from_host p ph m) as [es1|] eqn:C; [|discriminate].
        destruct (from_host_spec m p ph pv es1 (ag_sound _ _ A) B FR C) as [A1 [S1 [G1 [O1 R1]]]].
        exists es1. split; [reflexivity|]. split; [exact A1|]. split; [exact S1|].
        split; [exact O1|]. split; [exact R1|].
        intros w h X. rewrite (G1 w h X), andb_true_r. reflexivity.
      - exists []. split; [reflexivity|]. split; [split; exact Logic.I|].
        split; [apply event_keeps_sound; [apply (ag_sound _ _ A)|exact Logic.I]|].
        split; [reflexivity|]. split; [apply (free_rest _ _ _ FR)|].
        intros w h X. rewrite andb_false_r. reflexivity. }
    destruct VM as [es1 [C1 [A1 [S1 [O1 [R1 G1]]]]]]. rewrite C1 in H. cbn zeta in H.
    set (m1 := exec (es1 ++ [Settle]) m) in *.
    destruct (grow 0 TOP (root v) g (Leaf p Normal) pv m1) as [fs|] eqn:C2; [|discriminate].
    assert (X : es = (es1 ++ [Settle]) ++ fs) by (cbn [option_map] in H; congruence).
    clear H. subst es.
    destruct (grow_spec 0 TOP (root v) g (Leaf p Normal) pv m1 fs v S1 BG O1)
      as [A2 [G2 O2]]; auto; [discriminate|unfold TOP; lia|apply root_here; assumption|].
    apply only_page in G2.
    assert (AL : all_allowed ((es1 ++ [Settle]) ++ fs) m) by (apply allowed_app; assumption).
    assert (EX : exec ((es1 ++ [Settle]) ++ fs) m = exec fs m1) by (rewrite exec_app; reflexivity).
    assert (F' : forall q, frame_at (set_entry v g (page_entry p) (assign v g p s)) q =
      if p =? q then mkFrame v (if fresh then 0 else f_count (frame_at s p)) false g
      else frame_at s q) by (intro; unfold assign; fold fresh; case_if; st; reflexivity).
    apply refine; auto; rewrite EX; [exact O2| |].
    - intros h x BH K. rewrite (G2 HOST h BH), (proj2 (Z.eqb_neq HOST v)) in K by congruence.
      cbn [andb] in K. rewrite (G1 HOST h BH), Z.eqb_refl in K. cbn [andb] in K.
      destruct (h =? p) eqn:Q.
      + zb. subst h. destruct fresh eqn:FS; [discriminate|]. cbn [andb] in K.
        apply (ag_host _ _ A) in K; [|exact B]. unfold lets in *. simpl in *.
        unfold fresh in FS. apply orb_false_iff in FS. destruct FS as [F1 F2].
        unfold assign_refusal in AR. rewrite F1 in AR.
        destruct (f_owner (frame_at s p) =? v) eqn:O; [|discriminate]. zb.
        unfold may_host, host_entry, owner in *. rewrite F', Z.eqb_refl.
        cbn [f_owner f_count f_pending]. rewrite O, F2 in K. exact K.
      + apply (lets_host s).
        * rewrite F', (Z.eqb_sym p h), Q. reflexivity.
        * apply (ag_host _ _ A); assumption.
    - intros w h N BH. rewrite (G2 w h BH), lookup_set_entry, (Z.eqb_sym v w), (Z.eqb_sym g h).
      destruct ((w =? v) && (h =? g)) eqn:Q; [reflexivity|].
      rewrite (G1 w h BH), (proj2 (Z.eqb_neq w HOST)) by assumption. cbn [andb].
      rewrite lookup_assign by assumption. apply (ag_vm _ _ A); assumption.
  Qed.

  (* ---- device memory of a VM, and the host's faults ---- *)

  (* An entry where there was none: nothing to settle. *)
  Definition fill_steps (w g : Z) (e : entry) (pool : list Z) (m : machine)
    : option (list event) :=
    grow 0 TOP (root w) g (Leaf (e_pfn e) (e_kind e)) pool m.

  Lemma fill_spec : forall s m w g e pool es, agree s m -> 0 <= g < PAGES ->
    free m pool -> fill_steps w g e pool m = Some es ->
    all_allowed es m /\ only m (exec es m) w g (Some (translation e)) /\
    owed (exec es m) = [].
  Proof.
    intros s m w g e pool es A B FR H. unfold fill_steps in H.
    destruct (grow_spec 0 TOP (root w) g (Leaf (e_pfn e) (e_kind e)) pool m es w
      (ag_sound _ _ A) B (ag_paid _ _ A)) as [A1 [G O]]; auto;
      [discriminate|unfold TOP; lia|apply root_here; [apply (ag_sound _ _ A)|exact B]|].
    split; [exact A1|]. split; [|exact O]. apply only_page, G.
  Qed.

  Theorem map_io_joined : forall s s' m v gpa pa pv es, agree s m ->
    free m pv -> lookup s v (gpa / PAGE) = None -> map_io v gpa pa s = (Ok, s') ->
    fill_steps v (gpa / PAGE) (device_entry (pa / PAGE)) pv m = Some es ->
    refines s s' m es.
  Proof.
    intros s s' m v gpa pa pv es A FR U E H. unfold map_io in E.
    destruct (negb _) eqn:R in E; [discriminate|]. destruct (negb _) in E; [discriminate|].
    destruct (vm_exists s v) eqn:V; [|discriminate]. cbn [negb] in E.
    destruct (negb _) in E; [discriminate|]. rewrite U in E. injection E as <-. zb. destruct (vm_exists_range _ _ V) as [VH _].
    assert (B : 0 <= gpa / PAGE < PAGES).
    { change PAGES with GFN_LIMIT. unfold is_addr, GUEST_LIMIT, GFN_LIMIT, PAGE in *. zb.
      split; [apply Z.div_pos; lia|]. apply Z.div_lt_upper_bound; [lia|].
      change (4096 * 2 ^ 36) with (2 ^ 48). assumption. }
    destruct (fill_spec s m v _ _ pv es A B FR H) as [A1 [G O]].
    apply refine; auto.
    - intros g x BG K. rewrite (G HOST g BG), (proj2 (Z.eqb_neq HOST v)) in K by congruence.
      apply (lets_host s); [st; reflexivity|]. apply (ag_host _ _ A); assumption.
    - intros w g N BG. rewrite (G w g BG), lookup_set_entry, (Z.eqb_sym v w),
        (Z.eqb_sym (gpa / PAGE) g).
      destruct ((w =? v) && (g =? gpa / PAGE)); [reflexivity|]. apply (ag_vm _ _ A); assumption.
  Qed.

  (* The host's fault on a page that its tree does not give. *)
  Theorem host_fault_joined : forall s s' m a ph es, agree s m -> free m ph ->
    host_fault a s = (Ok, s') ->
    fill_steps HOST (a / PAGE) (host_entry s (a / PAGE)) ph m = Some es ->
    refines s s' m es.
  Proof.
    intros s s' m a ph es A FR E H. unfold host_fault in E.
    destruct (negb _) eqn:R in E; [discriminate|].
    destruct (may_host s (a / PAGE)) eqn:M; [|discriminate]. injection E as <-. zb.
    assert (B : 0 <= a / PAGE < PAGES).
    { change PAGES with GFN_LIMIT. unfold is_paddr, PHYS_LIMIT, GFN_LIMIT, PAGE in *. zb.
      split; [apply Z.div_pos; lia|]. apply Z.div_lt_upper_bound; [lia|].
      apply Z.lt_trans with (2 ^ 40); [assumption|reflexivity]. }
    destruct (fill_spec s m HOST _ _ ph es A B FR H) as [A1 [G O]].
    apply refine; auto.
    - intros g x BG K. rewrite (G HOST g BG), Z.eqb_refl in K. cbn [andb] in K.
      apply (lets_host s); [st; reflexivity|]. destruct (g =? a / PAGE) eqn:Q.
      + zb. subst g. injection K as <-. unfold lets. simpl. auto.
      + apply (ag_host _ _ A); assumption.
    - intros w g N BG. rewrite (G w g BG), (proj2 (Z.eqb_neq w HOST)) by assumption.
      rewrite lookup_set_entry, (proj2 (Z.eqb_neq HOST w)) by congruence.
      apply (ag_vm _ _ A); assumption.
  Qed.

  (* ---- blocks ---- *)

  (* Many pages leave a tree, one after the other, with free tables for each;
     [rest] is a pool that is not touched. *)
  Inductive cuts (w : Z) (rest : list Z) : list Z -> machine -> list event -> Prop :=
  | cuts_nil : forall m, cuts w rest [] m []
  | cuts_cons : forall g gs m pool es fs, free m (pool ++ rest) ->
      cut TOP (root w) g pool m = Some es -> cuts w rest gs (exec es m) fs ->
      cuts w rest (g :: gs) m (es ++ fs).

  Lemma cuts_spec : forall w rest gs m es, cuts w rest gs m es -> sound m ->
    free m rest -> (forall g, In g gs -> 0 <= g < PAGES) ->
    all_allowed es m /\ sound (exec es m) /\ free (exec es m) rest /\
    forall u x, 0 <= x < PAGES -> gives (exec es m) u x =
      if u =? w then if in_dec Z.eq_dec x gs then None else gives m u x else gives m u x.
  Proof.
    intros w rest gs m es C. induction C as [m|g gs m pool es fs F E C IH]; intros SO FR B.
    - split; [exact Logic.I|]. split; [exact SO|]. split; [exact FR|].
      intros u x _. simpl. destruct (u =? w); reflexivity.
    - assert (BG := B g (or_introl eq_refl)).
      destruct (cut_spec TOP (root w) g pool rest m es w SO BG) as [A1 [S1 [G1 R1]]]; auto.
      { apply root_here; assumption. }
      destruct (IH S1 R1) as [A2 [S2 [R2 G2]]]; [intros; apply B; right; assumption|].
      rewrite exec_app. split; [apply allowed_app; assumption|]. split; [exact S2|].
      split; [exact R2|]. intros u x X. rewrite (G2 u x X), (G1 u x X).
      destruct (u =? w) eqn:Q; [|reflexivity]. cbn [andb].
      destruct (in_dec Z.eq_dec x gs) as [K|K], (in_dec Z.eq_dec x (g :: gs)) as [L|L];
        try reflexivity.
      + exfalso. apply L. right. exact K.
      + destruct L as [L|L]; [|contradiction]. subst. rewrite Z.eqb_refl. reflexivity.
      + rewrite (proj2 (Z.eqb_neq x g)); [reflexivity|]. intro. apply L. left. congruence.
  Qed.

  (* The table of pages on the way to [g], if there is one, is taken out, and that
     is settled. *)
  Fixpoint way (n : nat) (t g : Z) (m : machine) : list event :=
    match n, fetch (heap m) t (index n g) with
    | S k, Next u => if Nat.eqb k 0 then [Unlink t (index n g) u; Settle] else way k u g m
    | _, _ => []
    end.

  Lemma way_spec : forall n t g m w pool, sound m -> owed m = [] -> (1 <= n)%nat ->
    place m t = Some (w, (n, g / span (S n))) -> free m pool ->
    let m' := exec (way n t g m) m in
    all_allowed (way n t g m) m /\ sound m' /\ owed m' = [] /\ free m' pool /\
    place m' (root w) = place m (root w) /\
    forall u x, 0 <= x < PAGES -> (u <> w \/ x / span 1 <> g / span 1) ->
      gives m' u x = gives m u x.
  Proof.
    induction n as [|k IH]; intros t g m w pool SO O LE P FR; [lia|].
    cbn [way]. assert (I := index_range (S k) g).
    assert (SAME : all_allowed [] m /\ sound (exec [] m) /\ owed (exec [] m) = [] /\
      free (exec [] m) pool /\ place (exec [] m) (root w) = place m (root w) /\
      forall u x, 0 <= x < PAGES -> (u <> w \/ x / span 1 <> g / span 1) ->
        gives (exec [] m) u x = gives m u x).
    { split; [exact Logic.I|]. split; [exact SO|]. split; [exact O|]. split; [exact FR|]. auto. }
    destruct (fetch (heap m) t (index (S k) g)) as [|u0|p kd] eqn:F; [exact SAME| |exact SAME].
    assert (PU := next_place k m t g u0 w SO P F).
    destruct (Nat.eqb k 0) eqn:Q.
    - apply Nat.eqb_eq in Q. subst k.
      assert (D : forall j v, fetch (heap m) u0 j <> Next v).
      { intros j v H. destruct (so_tree root m SO w) as [T _].
        destruct (T u0 j v 0%nat _ H (tree_of_same _ _ _ _ PU)) as [x [X _]]. discriminate. }
      assert (A : allowed (Unlink t (index 1 g) u0) m).
      { split; [exact I|]. split; [exact F|]. split; [exact D|]. eauto. }
      assert (S1 := event_keeps_sound root _ _ SO A).
      assert (S2 := event_keeps_sound root Settle _ S1 Logic.I).
      split; [split; [exact A|split; exact Logic.I]|]. split; [exact S2|].
      split; [reflexivity|]. split; [|split].
      + destruct FR as [ND FR]. split; [exact ND|]. intros x H. destruct (FR x H) as [X1 X2].
        cbn [Machine.exec fold_left Machine.occur place heap]. split.
        * destruct (x =? u0); [reflexivity|exact X1].
        * intro j. rewrite fetch_store. destruct (_ && _); [reflexivity|apply X2].
      + cbn [Machine.exec fold_left Machine.occur place].
        rewrite (proj2 (Z.eqb_neq (root w) u0)); [reflexivity|]. intro E.
        rewrite <- E, (so_root root m SO w) in PU. discriminate.
      + intros u x X N. unfold Machine.gives at 1.
        cbn [Machine.exec fold_left Machine.occur heap].
        rewrite (put_gives root m t (index 1 g) Nothing w 1 _ SO P I) by (discriminate || exact X).
        rewrite below. destruct ((u =? w) && (x / span 1 =? g / span 1)) eqn:Q; [|reflexivity].
        exfalso. zb. destruct N; contradiction.
    - apply Nat.eqb_neq in Q. apply (IH u0 g m w pool SO O); auto. lia.
  Qed.

  (* A block is put where page entries or nothing were. *)
  Lemma block_spec : forall m v b p pv fs, sound m -> owed m = [] -> 0 <= b < PAGES ->
    free m pv -> let ws := way TOP (root v) b m in
    grow 1 TOP (root v) b (Leaf p Normal) pv (exec ws m) = Some fs ->
    all_allowed (ws ++ fs) m /\ owed (exec (ws ++ fs) m) = [] /\
    only_span 1 m (exec (ws ++ fs) m) v b (Leaf p Normal).
  Proof.
    intros m v b p pv fs SO O B FR ws E.
    destruct (way_spec TOP (root v) b m v pv SO O) as [A1 [S1 [O1 [R1 [P1 G1]]]]]; auto;
      [unfold TOP; lia|apply root_here; assumption|]. fold ws in A1, S1, O1, R1, P1, G1.
    destruct (grow_spec 1 TOP (root v) b (Leaf p Normal) pv (exec ws m) fs v S1 B O1)
      as [A2 [G2 O2]]; auto; [discriminate|unfold TOP; lia|apply root_here; assumption|].
    rewrite exec_app. split; [apply allowed_app; assumption|]. split; [exact O2|].
    intros u x X. rewrite (G2 u x X).
    destruct ((u =? v) && (x / span 1 =? b / span 1)) eqn:Q; [reflexivity|].
    apply G1; [exact X|]. apply andb_false_iff in Q. destruct Q as [Q|Q]; zb; auto.
  Qed.

  Lemma span_1 : span 1 = 512.
  Proof. reflexivity. Qed.

  Lemma in_block : forall b x, b mod 512 = 0 ->
    (x / span 1 =? b / span 1) = (b <=? x) && (x <? b + 512).
  Proof.
    intros b x M. rewrite span_1. apply eq_true_iff_eq.
    rewrite andb_true_iff, Z.leb_le, Z.ltb_lt, Z.eqb_eq.
    pose proof (Z.div_mod b 512). pose proof (Z.div_mod x 512).
    pose proof (Z.mod_pos_bound x 512). split; intros; [lia|].
    symmetry. apply Z.div_unique with (x - b); lia.
  Qed.

  Lemma block_meaning : forall b p x, b mod 512 = 0 -> b <= x < b + 512 ->
    meaning (Leaf p Normal) 1 x = option_map translation (as_block b p x).
  Proof.
    intros b p x M H. cbn [meaning as_block option_map]. unfold translation, block_entry.
    cbn [e_pfn e_kind]. rewrite span_1. do 2 f_equal.
    replace x with (b + (x - b)) at 1 by lia.
    rewrite Z.add_mod, M, Z.add_0_l, Z.mod_mod by lia. rewrite Z.mod_small by lia. reflexivity.
  Qed.

  (* Of the frames of a block, those that the host may have in its tree. *)
  Definition fresh_frames (s : State) (p : Z) : list Z :=
    filter (fun q => (f_owner (frame_at s q) =? HOST) || f_pending (frame_at s q))
      (map (fun i => p + i) slots).

  Lemma in_fresh : forall s p q, In q (fresh_frames s p) <->
    p <= q < p + 512 /\ (f_owner (frame_at s q) =? HOST) || f_pending (frame_at s q) = true.
  Proof.
    intros. unfold fresh_frames. rewrite filter_In, in_map_iff. split.
    - intros [[i [<- H]] K]. apply in_slots in H. split; [lia|exact K].
    - intros [H K]. split; [|exact K]. exists (q - p). split; [lia|]. apply in_slots. lia.
  Qed.

  (* ---- when a pool is short ---- *)

  (* No steps: then a pool has fewer tables than a walk has levels, and nothing is
     written.  A refusal for want of memory is that, so it changes nothing. *)
  Theorem revoke_memory : forall s p ph m, revoke_steps s p ph m = None ->
    (length ph < TOP)%nat.
  Proof.
    intros s p ph m H. unfold revoke_steps in H. destruct (_ =? 1); [|discriminate].
    destruct (from_host p ph m) eqn:C; [discriminate|]. apply cut_memory in C. exact C.
  Qed.

  Theorem clear_memory : forall s v p ph pv m, clear_steps s v p ph pv m = None ->
    (length pv < TOP)%nat \/ (length ph < TOP)%nat.
  Proof.
    intros s v p ph pv m H. unfold clear_steps in H.
    destruct (if maps m v _ p then _ else _) as [es|] eqn:C.
    - right. destruct (from_host p ph (exec es m)) eqn:D; [discriminate|].
      apply cut_memory in D. exact D.
    - left. destruct (maps _ _ _ _); [|discriminate]. apply cut_memory in C. exact C.
  Qed.

  Theorem map_memory : forall s m v g p ph pv, agree s m -> v <> HOST ->
    is_gfn g = true -> 0 <= p < PAGES -> free m (ph ++ pv) -> lookup s v g = None ->
    map_steps s v g p ph pv m = None -> (length ph < TOP)%nat \/ (length pv < TOP)%nat.
  Proof.
    intros s m v g p ph pv A VH IG B FR U H. assert (BG := gfn_page g IG).
    assert (GN : gives m v g = None) by (rewrite (ag_vm _ _ A v g VH BG), U; reflexivity).
    unfold map_steps in H. destruct (_ || _).
    - destruct (from_host p ph m) as [es|] eqn:C.
      2: { left. apply cut_memory in C. exact C. }
      destruct (from_host_spec m p ph pv es (ag_sound _ _ A) B FR C) as [_ [S1 [G1 [O1 R1]]]].
      right. cbn zeta in H. destruct (grow _ _ _ _ _ _) eqn:D; [discriminate|].
      apply (grow_memory TOP (root v) g (Leaf p Normal) pv _ v S1 BG O1) in D; auto.
      + apply root_here; assumption.
      + rewrite (G1 v g BG), (proj2 (Z.eqb_neq v HOST)) by assumption. exact GN.
    - right. cbn zeta in H. destruct (grow _ _ _ _ _ _) eqn:D; [discriminate|].
      assert (S1 : sound (exec ([] ++ [Settle]) m))
        by (apply event_keeps_sound; [apply (ag_sound _ _ A)|exact Logic.I]).
      apply (grow_memory TOP (root v) g (Leaf p Normal) pv _ v S1 BG eq_refl) in D; auto.
      + apply root_here; assumption.
      + apply (free_rest _ _ _ FR).
  Qed.

  (* ---------------------------------------------------------------- *)
  (* Whole operations                                                  *)

  (* A loop over pages: where the page is skipped nothing is done, else its steps
     are taken, with free tables for them. *)
  Inductive works (f : Z -> State -> option State)
      (steps : Z -> State -> machine -> list event -> Prop)
    : nat -> Z -> State -> machine -> machine -> Prop :=
  | works_end : forall x s m, works f steps O x s m m
  | works_skip : forall n x s m m', f x s = None ->
      works f steps n (x + 1) s m m' -> works f steps (S n) x s m m'
  | works_page : forall n x s s1 m m1 m' es, f x s = Some s1 -> steps x s m es ->
      runs es m m1 -> works f steps n (x + 1) s1 m1 m' -> works f steps (S n) x s m m'.

  Lemma works_joined : forall (f : Z -> State -> option State)
      (steps : Z -> State -> machine -> list event -> Prop) (K : State -> Prop) n x s m m' c,
    (forall i s0 s1 m0 es, x <= i < x + Z.of_nat n -> K s0 -> agree s0 m0 ->
       f i s0 = Some s1 -> steps i s0 m0 es -> K s1 /\ refines s0 s1 m0 es) ->
    K s -> agree s m -> works f steps n x s m m' ->
    agree (snd (each n x (count_step f) (c, s))) m'.
  Proof.
    intros f steps K. induction n; intros x s m m' c F KS A W.
    - inversion W. subst. exact A.
    - rewrite each_S. unfold count_step at 2. cbn [fst snd].
      inversion W as [|? ? ? ? ? E W1|? ? ? s1 ? m1 ? es E ST R W1]; subst; rewrite E.
      + apply (IHn (x + 1) s m m'); auto. intros i s0 s1 m0 es Hi. apply F. lia.
      + destruct (F x s s1 m es) as [K1 [_ RF]]; auto; [lia|].
        destruct (RF m1 R) as [A1 _].
        apply (IHn (x + 1) s1 m1 m'); auto. intros i s0 s2 m0 fs Hi. apply F. lia.
  Qed.

  (* The steps of the three loops. *)
  Definition steps_to_clear (v p : Z) (s : State) (m : machine) (es : list event) : Prop :=
    exists ph pv, free m (pv ++ ph) /\ clear_steps s v p ph pv m = Some es.

  Definition steps_to_revoke (v g : Z) (s : State) (m : machine) (es : list event) : Prop :=
    exists e ph, lookup s v g = Some e /\ free m ph /\
      revoke_steps s (e_pfn e) ph m = Some es.

  Definition steps_to_grant (v g : Z) (s : State) (m : machine) (es : list event) : Prop :=
    es = [].

  Lemma pfn_page : forall p, is_pfn p = true -> 0 <= p < PAGES.
  Proof.
    unfold is_pfn. intros p H. zb. change PAGES with GFN_LIMIT.
    unfold PFN_LIMIT, GFN_LIMIT in *. assert (2 ^ 28 < 2 ^ 36) by reflexivity. lia.
  Qed.

  Theorem clear_operation_joined : forall v p n s m m', Inv s -> agree s m ->
    vm_exists s v = true -> is_pfn p = true -> 0 <= n -> p + n <= PFN_LIMIT ->
    works (clear_page v) (steps_to_clear v) (Z.to_nat n) p s m m' ->
    let s' := snd (clear v p n s) in
    agree s' m' /\ forall w g x, tlb m' w g x -> lets s' w g x.
  Proof.
    intros v p n s m m' I A V P N L W s'.
    assert (E : s' = snd (each (Z.to_nat n) p (count_step (clear_page v)) (0, s))).
    { unfold s', clear. rewrite P, V, (proj2 (Z.leb_le 0 n)), (proj2 (Z.leb_le _ _)) by assumption.
      reflexivity. }
    assert (A' : agree s' m').
    { rewrite E. apply (works_joined (clear_page v) (steps_to_clear v)
        (fun s => Inv s /\ vm_exists s v = true) _ _ _ m); auto.
      intros i s0 s1 m0 es Hi [I0 V0] A0 C [ph [pv [FR ST]]]. split.
      - split; [apply (keep_clear_page v i s0 s1); assumption|].
        rewrite (vm_exists_clear_page v i s0 s1 v C). exact V0.
      - assert (B : 0 <= i < PAGES).
        { apply pfn_page. unfold is_pfn in *. zb. apply andb_true_intro.
          split; [apply Z.leb_le|apply Z.ltb_lt]; lia. }
        apply (clear_joined s0 s1 m0 v i ph pv es); assumption. }
    split; [exact A'|]. intros w g x. apply agree_tlb. exact A'.
  Qed.

  Lemma share_operation_joined : forall grant v addr size s m m', Inv s -> agree s m ->
    (forall g e, lookup s v g = Some e -> is_pfn (e_pfn e) = true) ->
    works (share_at (share_page grant) v)
      (if grant then steps_to_grant v else steps_to_revoke v)
      (Z.to_nat (pages_of size)) (addr / PAGE) s m m' ->
    vm_exists s v = true -> 0 < size -> is_addr addr = true -> aligned addr = true ->
    addr + size <= GUEST_LIMIT ->
    let s' := snd (share (share_page grant) v addr size s) in
    agree s' m' /\ forall w g x, tlb m' w g x -> lets s' w g x.
  Proof.
    intros grant v addr size s m m' I A FT W V SZ AD AL L s'.
    destruct (vm_exists_range _ _ V) as [VH _].
    assert (E : s' = snd (each (Z.to_nat (pages_of size)) (addr / PAGE)
                            (count_step (share_at (share_page grant) v)) (0, s))).
    { unfold s', share. rewrite AD, AL, V, (proj2 (Z.leb_le 0 size)),
        (proj2 (Z.leb_le (addr + size) GUEST_LIMIT)), (proj2 (Z.eqb_neq size 0)) by lia.
      reflexivity. }
    assert (A' : agree s' m').
    { rewrite E. apply (works_joined (share_at (share_page grant) v)
        (if grant then steps_to_grant v else steps_to_revoke v)
        (fun s => Inv s /\ vm_exists s v = true /\
        forall g e, lookup s v g = Some e -> is_pfn (e_pfn e) = true) _ _ _ m); auto.
      intros i s0 s1 m0 es Hi [I0 [V0 FT0]] A0 C ST. unfold share_at in C.
      destruct (lookup s0 v i) as [e|] eqn:LE; [|discriminate].
      assert (C' := C).
      destruct (share_sets_count grant v (e_pfn e) s0 s1 I0 V0 C') as [k [S1 _]].
      split.
      - split; [apply (keep_share_page grant v (e_pfn e) s0 s1); assumption|].
        split; [rewrite (vm_exists_share grant v _ s0 s1 v I0 V0 C); exact V0|].
        intros g x LX. apply (FT0 g x). rewrite S1, lookup_set_count in LX by exact VH. exact LX.
      - destruct grant.
        + cbv beta iota in ST. unfold steps_to_grant in ST. subst es.
          apply (grant_joined s0 s1 m0 v (e_pfn e)); assumption.
        + destruct ST as [x [ph [LX [FR ST]]]]. rewrite LE in LX. injection LX as <-.
          apply (revoke_joined s0 s1 m0 v (e_pfn e) ph es); auto.
          apply pfn_page, (FT0 i e LE). }
    split; [exact A'|]. intros w g x. apply agree_tlb. exact A'.
  Qed.

  Theorem revoke_operation_joined : forall v addr size s m m', Inv s -> agree s m ->
    (forall g e, lookup s v g = Some e -> is_pfn (e_pfn e) = true) ->
    works (share_at revoke_page v) (steps_to_revoke v)
      (Z.to_nat (pages_of size)) (addr / PAGE) s m m' ->
    vm_exists s v = true -> 0 < size -> is_addr addr = true -> aligned addr = true ->
    addr + size <= GUEST_LIMIT ->
    let s' := snd (share revoke_page v addr size s) in
    agree s' m' /\ forall w g x, tlb m' w g x -> lets s' w g x.
  Proof. exact (share_operation_joined false). Qed.

  Theorem grant_operation_joined : forall v addr size s m m', Inv s -> agree s m ->
    (forall g e, lookup s v g = Some e -> is_pfn (e_pfn e) = true) ->
    works (share_at grant_page v) (steps_to_grant v)
      (Z.to_nat (pages_of size)) (addr / PAGE) s m m' ->
    vm_exists s v = true -> 0 < size -> is_addr addr = true -> aligned addr = true ->
    addr + size <= GUEST_LIMIT ->
    let s' := snd (share grant_page v addr size s) in
    agree s' m' /\ forall w g x, tlb m' w g x -> lets s' w g x.
  Proof. exact (share_operation_joined true). Qed.

  (* ---- a machine that agrees exists ---- *)

  (* After boot: every root is there, in its own frame, and all else is empty. *)
  Theorem boot_agrees : forall r c (whose : Z -> option Z),
    (forall w, whose (root w) = Some w) -> (forall t w, whose t = Some w -> t = root w) ->
    agree (boot r c)
      (mkMachine ZMap.empty
         (fun t => match whose t with Some w => Some (w, (TOP, 0)) | None => None end)
         (fun _ _ _ => False) []).
  Proof.
    intros r c whose W1 W2.
    assert (F : forall t i, fetch ZMap.empty t i = Nothing)
      by (intros; unfold fetch, get2; rewrite ZMap.get_empty; reflexivity).
    assert (G : forall t g, walk ZMap.empty TOP t g = None)
      by (intros; unfold TOP; cbn [walk]; rewrite F; reflexivity).
    constructor; [constructor| | |]; cbn [heap place tlb owed].
    - intro w. split.
      + intros t i t' n a H. rewrite F in H. discriminate.
      + intros t t' x. unfold tree_of. destruct (whose t) as [u|] eqn:E; [|discriminate].
        destruct (whose t') as [u'|] eqn:E'; [|discriminate].
        destruct (u =? w) eqn:Q; [|discriminate]. destruct (u' =? w) eqn:Q'; [|discriminate].
        zb. subst. intros _ _. apply W2 in E, E'. congruence.
    - intros t j H. rewrite F in H. contradiction.
    - intros t w n b H. destruct (whose t) as [u|] eqn:E; [|discriminate].
      injection H as -> <- <-. split; [lia|]. left. apply W2 in E. auto.
    - intro w. rewrite W1. reflexivity.
    - intros w g x [].
    - intros w g x y [].
    - reflexivity.
    - intros g x B H. unfold Machine.gives in H. cbn [heap] in H. rewrite G in H. discriminate.
    - intros w g N B. unfold Machine.gives. cbn [heap]. rewrite G.
      unfold lookup, get2. simpl. rewrite ZMap.get_empty. reflexivity.
  Qed.

End Joined.
