(* Tables of several levels, 512 descriptors each, as a finite map of table
   frames; and what writing one descriptor does to what they translate. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Strong Tactics Reading.
Local Open Scope Z_scope.

(* A descriptor: nothing, the next table, or memory from frame [p] on, normal or
   a device's. *)
Inductive desc := Nothing | Next (t : Z) | Leaf (p : Z) (k : kind).

Definition Heap := ZMap.t (ZMap.t desc).

Definition fetch (h : Heap) (t i : Z) : desc :=
  match get2 t i h with Some d => d | None => Nothing end.

Definition store (h : Heap) (t i : Z) (d : desc) : Heap := set2 t i d h.

(* Pages that one descriptor of level [n] covers; the last level is 0. *)
Definition span (n : nat) : Z := 512 ^ Z.of_nat n.

Definition index (n : nat) (g : Z) : Z := g / span n mod 512.

(* The processor's walk from table [t] of level [n]: the frame of [g], and its
   type. *)
Fixpoint walk (h : Heap) (n : nat) (t g : Z) : option (Z * kind) :=
  match fetch h t (index n g) with
  | Nothing => None
  | Leaf p kd => Some (p + g mod span n, kd)
  | Next t' => match n with O => None | S m => walk h m t' g end
  end.

(* The table that a walk for [g] meets at level [n]. *)
Fixpoint arrive (h : Heap) (k : nat) (t g : Z) (n : nat) : option Z :=
  if Nat.eqb k n then Some t
  else match k, fetch h t (index k g) with
       | S m, Next t' => arrive h m t' g n
       | _, _ => None
       end.

(* I7.  Each table in use has one place: a level, and the part of the address
   that leads to it.  A descriptor leads from a place to the place below it, and
   no two tables have the same place. *)
Definition Places := Z -> option (nat * Z).

Definition tree (h : Heap) (at_ : Places) : Prop :=
  (forall t i t' n a, fetch h t i = Next t' -> at_ t = Some (n, a) ->
     exists m, n = S m /\ at_ t' = Some (m, a * 512 + i)) /\
  (forall t t' x, at_ t = Some x -> at_ t' = Some x -> t = t').

(* So no table is reachable from two places. *)
Theorem I7_one_parent : forall h at_ t i n a u j m b c,
  tree h at_ -> at_ t = Some (n, a) -> at_ u = Some (m, b) ->
  0 <= i < 512 -> 0 <= j < 512 ->
  fetch h t i = Next c -> fetch h u j = Next c -> t = u /\ i = j.
Proof.
  intros h at_ t i n a u j m b c [T J] A B I1 I2 F G.
  destruct (T _ _ _ _ _ F A) as [n' [N1 N2]].
  destruct (T _ _ _ _ _ G B) as [m' [M1 M2]].
  rewrite N2 in M2. injection M2 as E1 E2.
  assert (a = b /\ i = j) as [-> ->] by lia. subst.
  split; [|reflexivity]. apply (J t u _ A B).
Qed.

(* ---- arithmetic ---- *)

Lemma span_pos : forall n, 0 < span n.
Proof. intros. unfold span. apply Z.pow_pos_nonneg; lia. Qed.

Lemma span_S : forall n, span (S n) = span n * 512.
Proof.
  intros. unfold span. rewrite Nat2Z.inj_succ, Z.pow_succ_r by lia. lia.
Qed.

Lemma above : forall n g, g / span (S n) * 512 + index n g = g / span n.
Proof.
  intros. unfold index. rewrite span_S.
  pose proof (span_pos n). rewrite <- Z.div_div by lia.
  pose proof (Z.div_mod (g / span n) 512). lia.
Qed.

Lemma above_div : forall n g, g / span (S n) = g / span n / 512.
Proof.
  intros. rewrite span_S. pose proof (span_pos n).
  rewrite <- Z.div_div by lia. reflexivity.
Qed.

Lemma within : forall n g, g mod span (S n) = index n g * span n + g mod span n.
Proof.
  intros. unfold index. pose proof (span_pos n). rewrite span_S.
  rewrite Z.rem_mul_r by lia. lia.
Qed.

Lemma index_range : forall n g, 0 <= index n g < 512.
Proof. intros. apply Z.mod_pos_bound. lia. Qed.

Lemma fetch_store : forall h t i d u j,
  fetch (store h t i d) u j =
  if (t =? u) && (i =? j) then d else fetch h u j.
Proof.
  intros. unfold fetch, store. rewrite get2_set2.
  destruct ((t =? u) && (i =? j)); reflexivity.
Qed.

(* ---- one descriptor changes ---- *)

(* A walk whose address does not lead through the descriptor is as before. *)
Lemma walk_elsewhere : forall h at_ t i d n a, tree h at_ ->
  at_ t = Some (n, a) ->
  forall k r g, at_ r = Some (k, g / span (S k)) -> g / span n <> a * 512 + i ->
  walk (store h t i d) k r g = walk h k r g.
Proof.
  intros h at_ t i d n a [T J] A. induction k; intros r g R N; cbn [walk].
  - rewrite fetch_store. destruct ((t =? r) && (i =? index 0 g)) eqn:E; [|reflexivity].
    zb. subst. exfalso. apply N. rewrite A in R. injection R as -> ->.
    symmetry. apply above.
  - rewrite fetch_store. destruct ((t =? r) && (i =? index (S k) g)) eqn:E.
    + zb. subst. exfalso. apply N. rewrite A in R. injection R as -> ->.
      symmetry. apply above.
    + destruct (fetch h r (index (S k) g)) as [|t'|p kd'] eqn:F; try reflexivity.
      apply IHk; [|assumption].
      destruct (T _ _ _ _ _ F R) as [m [M1 M2]]. injection M1 as <-.
      rewrite M2. rewrite above. reflexivity.
Qed.

Lemma places_below : forall h at_ k r g n t, tree h at_ ->
  at_ r = Some (k, g / span (S k)) -> arrive h k r g n = Some t ->
  (n <= k)%nat /\ at_ t = Some (n, g / span (S n)).
Proof.
  intros h at_ k. induction k; intros r g n t TR R E; cbn [arrive] in E.
  - destruct (Nat.eqb 0 n) eqn:Q; [|discriminate].
    apply Nat.eqb_eq in Q. injection E as <-. subst. auto.
  - destruct (Nat.eqb (S k) n) eqn:Q.
    + apply Nat.eqb_eq in Q. injection E as <-. subst. auto.
    + destruct (fetch h r (index (S k) g)) as [|t'|p kd'] eqn:F; try discriminate.
      destruct TR as [T J]. destruct (T _ _ _ _ _ F R) as [m [M1 M2]].
      injection M1 as <-. rewrite above in M2.
      destruct (IHk t' g n t (conj T J) M2 E). split; [lia|assumption].
Qed.

(* A walk that meets [t] at level [n] goes on from there, whatever is written to
   [t]. *)
Lemma walk_through : forall h at_ t i d n k r g, tree h at_ ->
  at_ r = Some (k, g / span (S k)) -> arrive h k r g n = Some t ->
  walk (store h t i d) k r g = walk (store h t i d) n t g.
Proof.
  intros h at_ t i d n k. induction k; intros r g TR R E.
  - cbn [arrive] in E. destruct (Nat.eqb 0 n) eqn:Q; [|discriminate].
    apply Nat.eqb_eq in Q. injection E as <-. subst. reflexivity.
  - assert (E' := E). cbn [arrive] in E. destruct (Nat.eqb (S k) n) eqn:Q.
    + apply Nat.eqb_eq in Q. injection E as <-. subst. reflexivity.
    + destruct (fetch h r (index (S k) g)) as [|t'|p kd'] eqn:F; try discriminate.
      destruct TR as [T J]. destruct (T _ _ _ _ _ F R) as [m [M1 M2]].
      injection M1 as <-. rewrite above in M2.
      destruct (places_below h at_ k t' g n t (conj T J) M2 E) as [LE PT].
      rewrite <- (IHk t' g (conj T J) M2 E). cbn [walk]. rewrite fetch_store.
      destruct ((t =? r) && (i =? index (S k) g)) eqn:X; [|rewrite F; reflexivity].
      zb. subst t. rewrite PT in R. injection R as R1 _. lia.
Qed.

Lemma same_above : forall d n g g', g / span n = g' / span n ->
  g / span (d + n) = g' / span (d + n).
Proof.
  induction d; intros; [assumption|].
  change (S d + n)%nat with (S (d + n)). rewrite !above_div.
  rewrite (IHd n g g' H). reflexivity.
Qed.

Lemma arrive_same : forall h k r g g' n, (n <= k)%nat ->
  g / span (S n) = g' / span (S n) -> arrive h k r g n = arrive h k r g' n.
Proof.
  intros h k. induction k; intros r g g' n L E; cbn [arrive].
  - reflexivity.
  - destruct (Nat.eqb (S k) n) eqn:Q; [reflexivity|].
    apply Nat.eqb_neq in Q.
    assert (X : index (S k) g = index (S k) g').
    { unfold index. replace (S k) with ((k - n) + S n)%nat by lia.
      rewrite (same_above (k - n) (S n) g g' E). reflexivity. }
    rewrite X. destruct (fetch h r (index (S k) g')); try reflexivity.
    apply IHk; [lia|assumption].
Qed.

(* What a descriptor that is not a table says about [g]. *)
Definition meaning (d : desc) (n : nat) (g : Z) : option (Z * kind) :=
  match d with Leaf p kd => Some (p + g mod span n, kd) | _ => None end.

(* Map and unmap.  Write a leaf or nothing where a walk for [g0] meets level
   [n]: exactly the addresses that share this descriptor change, to what it
   says; every other address translates as before. *)
Theorem write_changes_exactly : forall h at_ k r g0 n t d, tree h at_ ->
  at_ r = Some (k, 0) -> 0 <= g0 < span (S k) ->
  arrive h k r g0 n = Some t ->
  match d with Next _ => False | _ => True end ->
  forall g, 0 <= g < span (S k) ->
  walk (store h t (index n g0) d) k r g =
  if g / span n =? g0 / span n then meaning d n g else walk h k r g.
Proof.
  intros h at_ k r g0 n t d TR R B0 E D g B.
  assert (R0 : at_ r = Some (k, g0 / span (S k)))
    by (rewrite Z.div_small by assumption; assumption).
  assert (RG : at_ r = Some (k, g / span (S k)))
    by (rewrite Z.div_small by assumption; assumption).
  destruct (places_below h at_ k r g0 n t TR R0 E) as [LE PT].
  destruct (g / span n =? g0 / span n) eqn:Q; zb.
  - assert (UP : g / span (S n) = g0 / span (S n)) by (rewrite !above_div, Q; reflexivity).
    assert (EG : arrive h k r g n = Some t)
      by (rewrite (arrive_same h k r g g0 n LE UP); assumption).
    rewrite (walk_through h at_ t _ d n k r g TR RG EG).
    assert (IX : index n g = index n g0) by (unfold index; rewrite Q; reflexivity).
    assert (FT : fetch (store h t (index n g0) d) t (index n g) = d)
      by (rewrite fetch_store, IX, !Z.eqb_refl; reflexivity).
    destruct n; cbn [walk]; rewrite FT; destruct d; try reflexivity; contradiction.
  - apply (walk_elsewhere h at_ t _ d n (g0 / span (S n)) TR PT k r g RG).
    rewrite above. assumption.
Qed.

(* Such a write keeps the tree. *)
Theorem write_keeps_tree : forall h at_ t i d, tree h at_ ->
  match d with Next _ => False | _ => True end -> tree (store h t i d) at_.
Proof.
  intros h at_ t i d [T J] D. split; [|exact J].
  intros u j t' n a F. rewrite fetch_store in F.
  destruct ((t =? u) && (i =? j)); [subst d; contradiction|].
  apply T. assumption.
Qed.

(* A table that has no place is met by no walk: filling it changes nothing. *)
Lemma walk_unplaced : forall h h' at_ new, tree h at_ -> at_ new = None ->
  (forall t i, t <> new -> fetch h' t i = fetch h t i) ->
  forall k r g, at_ r = Some (k, g / span (S k)) ->
  walk h' k r g = walk h k r g.
Proof.
  intros h h' at_ new [T J] N S. induction k; intros r g R; cbn [walk];
  rewrite S by congruence; [reflexivity|].
  destruct (fetch h r (index (Datatypes.S k) g)) as [|t'|p kd'] eqn:F; try reflexivity.
  apply IHk. destruct (T _ _ _ _ _ F R) as [m [M1 M2]]. injection M1 as <-.
  rewrite M2, above. reflexivity.
Qed.

(* Split and join.  [h] has a leaf where a walk for [g0] meets level [n + 1];
   [h'] has a table there instead, whose 512 leaves map the same frames in a row.
   The two translate every address alike.  From left to right this is a split,
   from right to left a join. *)
Theorem split_and_join_change_nothing : forall h h1 at_ k r g0 n t new p kd,
  tree h at_ -> at_ r = Some (k, 0) -> 0 <= g0 < span (S k) ->
  arrive h k r g0 (S n) = Some t -> fetch h t (index (S n) g0) = Leaf p kd ->
  at_ new = None ->
  (forall u i, u <> new -> fetch h1 u i = fetch h u i) ->
  (forall i, 0 <= i < 512 -> fetch h1 new i = Leaf (p + i * span n) kd) ->
  let h' := store h1 t (index (S n) g0) (Next new) in
  forall g, 0 <= g < span (S k) -> walk h' k r g = walk h k r g.
Proof.
  intros h h1 at_ k r g0 n t new p kd TR R B0 E FL NW SAME FILL h' g B.
  assert (R0 : at_ r = Some (k, g0 / span (S k)))
    by (rewrite Z.div_small by assumption; assumption).
  assert (RG : at_ r = Some (k, g / span (S k)))
    by (rewrite Z.div_small by assumption; assumption).
  destruct (places_below h at_ k r g0 (S n) t TR R0 E) as [LE PT].
  assert (TN : t <> new) by congruence.
  assert (TR1 : tree h1 at_).
  { destruct TR as [T J]. split; [|exact J]. intros u i t' m a F A.
    apply (T u i t' m a); [|assumption]. rewrite <- SAME by congruence. assumption. }
  assert (AR : forall k' r' x m, at_ r' = Some (k', x / span (S k')) ->
    arrive h1 k' r' x m = arrive h k' r' x m).
  { destruct TR as [T J]. induction k'; intros r' x m A; cbn [arrive]; [reflexivity|].
    destruct (Nat.eqb (S k') m); [reflexivity|].
    rewrite SAME by congruence.
    destruct (fetch h r' (index (S k') x)) as [|t'|q kd'] eqn:F; try reflexivity.
    apply IHk'. destruct (T _ _ _ _ _ F A) as [m' [M1 M2]]. injection M1 as <-.
    rewrite M2, above. reflexivity. }
  assert (W1 : walk h1 k r g = walk h k r g)
    by (apply (walk_unplaced h h1 at_ new); assumption).
  destruct (Z.eq_dec (g / span (S n)) (g0 / span (S n))) as [Q|Q].
  - assert (UP : g / span (S (S n)) = g0 / span (S (S n)))
      by (rewrite !(above_div (S n)), Q; reflexivity).
    assert (EG : arrive h1 k r g (S n) = Some t).
    { rewrite AR by assumption.
      rewrite (arrive_same h k r g g0 (S n) LE UP). assumption. }
    unfold h'. rewrite (walk_through h1 at_ t _ (Next new) (S n) k r g TR1 RG EG).
    assert (IX : index (S n) g = index (S n) g0)
      by (unfold index; rewrite Q; reflexivity).
    cbn [walk]. rewrite fetch_store, IX, !Z.eqb_refl. cbn [andb].
    (* the new table *)
    assert (FN : fetch (store h1 t (index (S n) g0) (Next new)) new (index n g) =
                 Leaf (p + index n g * span n) kd).
    { rewrite fetch_store. rewrite (proj2 (Z.eqb_neq t new)) by assumption.
      apply FILL. apply index_range. }
    assert (WN : walk (store h1 t (index (S n) g0) (Next new)) n new g =
                 Some (p + g mod span (S n), kd)).
    { rewrite within. destruct n; cbn [walk]; rewrite FN; do 2 f_equal; lia. }
    rewrite WN, <- W1.
    (* the old leaf *)
    assert (WT := walk_through h1 at_ t (index (S n) g0) (Leaf p kd) (S n) k r g TR1 RG EG).
    cbn [walk] in WT. rewrite fetch_store, IX, !Z.eqb_refl in WT. cbn [andb] in WT.
    rewrite <- WT. symmetry.
    (* storing what is there already changes no walk *)
    assert (ID : forall m u, walk (store h1 t (index (S n) g0) (Leaf p kd)) m u g = walk h1 m u g).
    { induction m; intros u; cbn [walk]; rewrite fetch_store;
      (destruct ((t =? u) && (index (S n) g0 =? _)) eqn:X;
       [ zb; subst u; rewrite <- H0, SAME, FL by assumption; reflexivity | ]);
      [ reflexivity
      | destruct (fetch h1 u (index (S m) g)); try reflexivity; apply IHm ]. }
    symmetry. apply ID.
  - rewrite <- W1. unfold h'.
    apply (walk_elsewhere h1 at_ t _ (Next new) (S n) (g0 / span (S (S n))) TR1 PT k r g RG).
    rewrite above. assumption.
Qed.

(* A fresh table that is linked in takes its place in the tree. *)
Theorem link_keeps_tree : forall h at_ t i n a new, tree h at_ ->
  at_ t = Some (S n, a) -> at_ new = None ->
  (forall j t', fetch h new j <> Next t') ->
  (forall u, at_ u <> Some (n, a * 512 + i)) ->
  tree (store h t i (Next new))
       (fun u => if u =? new then Some (n, a * 512 + i) else at_ u).
Proof.
  intros h at_ t i n a new [T J] A N E U.
  assert (TN : t <> new) by congruence. split.
  - intros u j t' m b F P. rewrite fetch_store in F.
    destruct ((t =? u) && (i =? j)) eqn:X.
    + injection F as F. subst t'. zb. subst u j.
      rewrite (proj2 (Z.eqb_neq t new)) in P by assumption.
      rewrite A in P. injection P as <- <-. exists n. split; [reflexivity|].
      destruct (new =? new) eqn:Y; [reflexivity|]. zb. congruence.
    + destruct (u =? new) eqn:Y; [zb; subst; exfalso; apply (E _ _ F)|].
      destruct (T _ _ _ _ _ F P) as [m' [M1 M2]]. exists m'. split; [assumption|].
      destruct (t' =? new) eqn:W; [zb; congruence|assumption].
  - intros u u' x P Q.
    destruct (u =? new) eqn:X, (u' =? new) eqn:Y; zb; subst; auto.
    + exfalso. injection P as <-. apply (U _ Q).
    + exfalso. injection Q as <-. apply (U _ P).
    + apply (J u u' x P Q).
Qed.
