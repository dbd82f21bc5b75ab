(* The counts that grant, revoke and clear answer with are exact (S5): what
   changed, what was skipped, and why, all in terms of the state before. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  KeepParts KeepShare KeepClear Always Steps.
Local Open Scope Z_scope.

(* Of x, x + 1, ..., x + n - 1, how many are as [f] says. *)
Fixpoint how_many (n : nat) (x : Z) (f : Z -> bool) : Z :=
  match n with
  | O => 0
  | S n' => (if f x then 1 else 0) + how_many n' (x + 1) f
  end.

(* What becomes of a page of a grant ([grant] is true) or a revoke. *)
Inductive verdict := Changes | NotMapped | NotOwned | Saturated.

Definition judge (grant : bool) (s : State) (v g : Z) : verdict :=
  match lookup s v g with
  | None => NotMapped
  | Some e =>
    let r := frame_at s (e_pfn e) in
    if negb (f_owner r =? v) || f_pending r then NotOwned
    else if (if grant then f_count r <? MAX_GRANTS else 0 <? f_count r)
    then Changes else Saturated
  end.

Definition is_verdict (a b : verdict) : bool :=
  match a, b with
  | Changes, Changes | NotMapped, NotMapped | NotOwned, NotOwned
  | Saturated, Saturated => true
  | _, _ => false
  end.

(* Pages of the range with that verdict. *)
Definition judged (grant : bool) (s : State) (v addr size : Z) (a : verdict) : Z :=
  how_many (Z.to_nat (pages_of size)) (addr / PAGE)
    (fun g => is_verdict (judge grant s v g) a).

Definition shared_once_more (grant : bool) (r : frame) : frame :=
  mkFrame (f_owner r) (if grant then f_count r + 1 else f_count r - 1) false (f_gfn r).

(* ---- proofs ---- *)

Lemma how_many_partition : forall grant s v n x,
  how_many n x (fun g => is_verdict (judge grant s v g) Changes) +
  how_many n x (fun g => is_verdict (judge grant s v g) NotMapped) +
  how_many n x (fun g => is_verdict (judge grant s v g) NotOwned) +
  how_many n x (fun g => is_verdict (judge grant s v g) Saturated) = Z.of_nat n.
Proof.
  induction n; intros; [reflexivity|]. specialize (IHn (x + 1)). cbn [how_many].
  destruct (judge grant s v x); cbn [is_verdict]; lia.
Qed.

Lemma share_page_verdict : forall grant s v g e, lookup s v g = Some e ->
  share_page grant v (e_pfn e) s =
  if is_verdict (judge grant s v g) Changes
  then Some (set_frame (e_pfn e) (shared_once_more grant (frame_at s (e_pfn e)))
               (if negb grant && (f_count (frame_at s (e_pfn e)) =? 1)
                then del_entry HOST (e_pfn e) s else s))
  else None.
Proof.
  intros grant s v g e L. unfold judge. rewrite L.
  unfold share_page, grant_page, revoke_page, shared_once_more.
  destruct grant; cbn [negb andb];
  destruct (f_owner (frame_at s (e_pfn e)) =? v) eqn:O; cbn [negb orb andb is_verdict];
    try reflexivity;
  destruct (f_pending (frame_at s (e_pfn e))); cbn [negb orb andb is_verdict];
    rewrite ?andb_true_r, ?andb_false_r; try reflexivity; zb; subst v;
  match goal with |- context [if ?b then Changes else _] => destruct b end; reflexivity.
Qed.

Section Share.

  Variable grant : bool.
  Variable s0 : State.
  Variable v lo : Z.
  Hypothesis I0 : Inv s0.
  Hypothesis V0 : vm_exists s0 v = true.

  (* The pages from [lo] up to [x] are done. *)
  Definition done_to (x : Z) (s : State) : Prop :=
    Inv s /\ vm_exists s v = true /\
    (forall g, lookup s v g = lookup s0 v g) /\
    (forall g e, lo <= g < x -> lookup s0 v g = Some e ->
       judge grant s0 v g = Changes ->
       frame_at s (e_pfn e) = shared_once_more grant (frame_at s0 (e_pfn e))) /\
    (forall p, (forall g e, lo <= g < x -> lookup s0 v g = Some e ->
                  e_pfn e = p -> judge grant s0 v g <> Changes) ->
       frame_at s p = frame_at s0 p).

  Lemma changes_owned : forall g e, lookup s0 v g = Some e ->
    judge grant s0 v g = Changes -> owner s0 (e_pfn e) = v.
  Proof.
    unfold judge, owner. intros g e L J. rewrite L in J.
    destruct (f_owner (frame_at s0 (e_pfn e)) =? v) eqn:O; [zb; assumption|].
    discriminate.
  Qed.

  Lemma done_step : forall x s, lo <= x -> done_to x s ->
    match share_at (share_page grant) v x s with
    | Some s1 => judge grant s0 v x = Changes /\ done_to (x + 1) s1
    | None => judge grant s0 v x <> Changes /\ done_to (x + 1) s
    end.
  Proof.
    intros x s LO [I [V [L [D U]]]]. unfold share_at. rewrite L.
    destruct (vm_exists_range _ _ V0) as [VH [_ VI]].
    destruct (lookup s0 v x) as [e|] eqn:LX.
    2: { assert (J : judge grant s0 v x <> Changes)
           by (unfold judge; rewrite LX; discriminate).
         split; [assumption|]. refine (conj I (conj V (conj L (conj _ _)))).
         - intros g e Hg G JG. apply (D g e); auto.
           destruct (Z.eq_dec g x); [subst; contradiction|lia].
         - intros p H. apply U. intros g e Hg. apply H. lia. }
    (* frames that other pages map *)
    assert (APART : forall g e', g <> x -> lookup s0 v g = Some e' ->
      e_pfn e' = e_pfn e -> judge grant s0 v g <> Changes).
    { intros g e' N G P J. apply N.
      destruct (I3_no_frame_mapped_twice s0 v g e' v x e I0 VH VH G LX P) as [_ K];
        [|exact K].
      rewrite (changes_owned g e' G J). assumption. }
    assert (FX : frame_at s (e_pfn e) = frame_at s0 (e_pfn e)).
    { apply U. intros g e' Hg G P. apply (APART g e'); auto. lia. }
    assert (JX : judge grant s v x = judge grant s0 v x).
    { unfold judge. rewrite L, LX, FX. reflexivity. }
    assert (LS : lookup s v x = Some e) by (rewrite L; assumption).
    destruct (share_page grant v (e_pfn e) s) as [s1|] eqn:S.
    - assert (KI := keep_share_page _ _ _ _ _ I V S).
      assert (KV := vm_exists_share _ _ _ _ _ v I V S).
      rewrite (share_page_verdict grant s v x e LS), JX, FX in S.
      destruct (judge grant s0 v x) eqn:J; cbn [is_verdict] in S; inj.
      split; [reflexivity|].
      set (t := if negb grant && _ then _ else s) in *.
      assert (F1 : forall q, frame_at (set_frame (e_pfn e)
          (shared_once_more grant (frame_at s0 (e_pfn e))) t) q =
        if e_pfn e =? q then shared_once_more grant (frame_at s0 (e_pfn e))
        else frame_at s q).
      { intro q. unfold t. case_if; st; reflexivity. }
      split; [assumption|]. split; [congruence|]. split; [|split].
      + intro g. rewrite <- L. unfold t. case_if; st; [|reflexivity].
        rewrite (proj2 (Z.eqb_neq HOST v)) by congruence. reflexivity.
      + intros g e' Hg G JG. rewrite F1. destruct (e_pfn e =? e_pfn e') eqn:Q.
        * zb. congruence.
        * apply (D g e'); auto. destruct (Z.eq_dec g x); [|lia].
          subst g. zb. congruence.
      + intros p H. rewrite F1. destruct (e_pfn e =? p) eqn:Q.
        * zb. exfalso. apply (H x e); auto. lia.
        * apply U. intros g e' Hg. apply H. lia.
    - rewrite (share_page_verdict grant s v x e LS), JX in S.
      assert (J : judge grant s0 v x <> Changes)
        by (intro J; rewrite J in S; discriminate).
      split; [assumption|]. refine (conj I (conj V (conj L (conj _ _)))).
      + intros g e' Hg G JG. apply (D g e'); auto.
        destruct (Z.eq_dec g x); [subst; contradiction|lia].
      + intros p H. apply U. intros g e' Hg. apply H. lia.
  Qed.

  Lemma done_all : forall n x c s, lo <= x -> done_to x s ->
    let a := each n x (count_step (share_at (share_page grant) v)) (c, s) in
    fst a = c + how_many n x (fun g => is_verdict (judge grant s0 v g) Changes) /\
    done_to (x + Z.of_nat n) (snd a).
  Proof.
    induction n; intros x c s LO D.
    - simpl. replace (x + Z.of_nat 0) with x by lia. split; [lia|assumption].
    - rewrite each_S. unfold count_step at 2. cbn [fst snd].
      assert (K := done_step x s LO D).
      replace (x + Z.of_nat (S n)) with (x + 1 + Z.of_nat n) by lia.
      cbn [how_many].
      destruct (share_at (share_page grant) v x s) as [s1|]; destruct K as [J K].
      + destruct (IHn (x + 1) (c + 1) s1 ltac:(lia) K) as [A B].
        split; [|exact B]. cbn zeta in *. rewrite A, J. cbn [is_verdict]. lia.
      + destruct (IHn (x + 1) c s ltac:(lia) K) as [A B].
        split; [|exact B]. cbn zeta in *. rewrite A.
        destruct (judge grant s0 v x); try contradiction; cbn [is_verdict]; lia.
  Qed.

End Share.

(* Grant and revoke.  [changed] is the number of pages that change by their
   verdict before the call; the skipped are the unmapped, those that are not the
   VM's and the saturated; each frame of a page that changes has its count
   changed by one, and no other record changes. *)
Definition exactly (grant : bool) : Prop :=
  forall v addr size s changed skipped s', Inv s ->
  share (share_page grant) v addr size s = (Counted changed skipped, s') ->
  let pages := judged grant s v addr size in
  let inside g := addr / PAGE <= g < addr / PAGE + pages_of size in
  changed = pages Changes /\
  skipped = pages NotMapped + pages NotOwned + pages Saturated /\
  (forall g e, inside g -> lookup s v g = Some e -> judge grant s v g = Changes ->
     frame_at s' (e_pfn e) = shared_once_more grant (frame_at s (e_pfn e))) /\
  (forall p, (forall g e, inside g -> lookup s v g = Some e -> e_pfn e = p ->
                judge grant s v g <> Changes) -> frame_at s' p = frame_at s p).

Lemma exact_share : forall grant, exactly grant.
Proof.
  intros grant v addr size s c k s' I H. unfold share in H.
  destruct (negb _) eqn:E0 in H; [discriminate|].
  destruct (size =? 0) eqn:E1 in H; [discriminate|].
  destruct (negb _) eqn:E2 in H; [discriminate|].
  destruct (vm_exists s v) eqn:V; [|discriminate]. cbn [negb] in H.
  unfold counted in H.
  assert (N : 0 <= pages_of size).
  { zb. unfold pages_of, PAGE. apply Z.div_pos; lia. }
  destruct (done_all grant s v (addr / PAGE) I V (Z.to_nat (pages_of size))
              (addr / PAGE) 0 s) as [A [_ [_ [_ [B C]]]]]; [lia| |].
  { refine (conj I (conj V (conj (fun g => eq_refl) (conj _ _)))); auto; intros; lia. }
  rewrite Z2Nat.id in B, C by assumption. cbn zeta in *.
  injection H as H1 H2 H3. subst s'.
  assert (P := how_many_partition grant s v (Z.to_nat (pages_of size)) (addr / PAGE)).
  rewrite Z2Nat.id in P by assumption.
  unfold judged. split; [lia|]. split; [lia|]. split; assumption.
Qed.

Theorem S5_grant_exact : exactly true.
Proof. exact (exact_share true). Qed.

Theorem S5_revoke_exact : exactly false.
Proof. exact (exact_share false). Qed.

(* Clear.  [changed] is the number of frames of the range that were the VM's;
   they are the host's and zero, and no other record changes. *)
Theorem S5_clear_exact : forall v p n s changed skipped s',
  clear v p n s = (Counted changed skipped, s') ->
  changed = how_many (Z.to_nat n) p (fun q => owner s q =? v) /\
  changed + skipped = n /\
  forall q,
    if (p <=? q) && (q <? p + n) && (owner s q =? v)
    then frame_at s' q = mkFrame HOST 0 false q /\ forall i, word s' q i = 0
    else frame_at s' q = frame_at s q /\ forall i, word s' q i = word s q i.
Proof.
  intros v p n s c k s' H. unfold clear in H.
  destruct (negb _) eqn:E0 in H; [discriminate|].
  destruct (vm_exists s v) eqn:V; [|discriminate]. cbn [negb] in H.
  zb. destruct (vm_exists_range _ _ V) as [VH _].
  unfold counted in H. injection H as A1 A2 A3. subst s'.
  assert (G : forall m x c0 t, p <= x ->
    (forall q, if (p <=? q) && (q <? x) && (owner s q =? v)
       then frame_at t q = mkFrame HOST 0 false q /\ forall i, word t q i = 0
       else frame_at t q = frame_at s q /\ forall i, word t q i = word s q i) ->
    let a := each m x (count_step (clear_page v)) (c0, t) in
    fst a = c0 + how_many m x (fun q => owner s q =? v) /\
    forall q, if (p <=? q) && (q <? x + Z.of_nat m) && (owner s q =? v)
       then frame_at (snd a) q = mkFrame HOST 0 false q /\ forall i, word (snd a) q i = 0
       else frame_at (snd a) q = frame_at s q /\ forall i, word (snd a) q i = word s q i).
  { induction m; intros x c0 t X T.
    - simpl. replace (x + Z.of_nat 0) with x by lia. split; [lia|exact T].
    - rewrite each_S. unfold count_step at 2. cbn [fst snd how_many].
      replace (x + Z.of_nat (S m)) with (x + 1 + Z.of_nat m) by lia.
      assert (TX := T x).
      rewrite (proj2 (Z.ltb_ge x x)), andb_false_r in TX by lia. cbn [andb] in TX.
      destruct TX as [FX WX].
      set (t1 := set_frame x (mkFrame HOST 0 false x) (zero_frame x
        (del_entry HOST x (unmap_devices (f_gfn (frame_at t x)) x
          (unmap_vm v (f_gfn (frame_at t x)) x t))))).
      assert (CP : clear_page v x t = if owner s x =? v then Some t1 else None)
        by (unfold clear_page, owner; rewrite <- FX; reflexivity).
      rewrite CP.
      assert (LT : forall q, (q <? x + 1) = (q <? x) || (x =? q)).
      { intro q. apply eq_true_iff_eq. rewrite orb_true_iff, !Z.ltb_lt, Z.eqb_eq. lia. }
      destruct (owner s x =? v) eqn:O.
      + assert (F1 : forall q, frame_at t1 q =
          if x =? q then mkFrame HOST 0 false x else frame_at t q)
          by (intro; unfold t1; st; reflexivity).
        assert (W1 : forall q i, word t1 q i = if x =? q then 0 else word t q i)
          by (intros; unfold t1; st; reflexivity).
        destruct (IHm (x + 1) (c0 + 1) t1) as [A B].
        * lia.
        * intro q. specialize (T q). rewrite LT, F1. destruct (x =? q) eqn:Q.
          -- zb. subst q. rewrite (proj2 (Z.leb_le p x)), orb_true_r, O, Z.eqb_refl by lia.
             cbn [andb]. split; [reflexivity|]. intro i. rewrite W1, Z.eqb_refl. reflexivity.
          -- rewrite orb_false_r. revert T. case_if; intros [T1 T2]; (split; [exact T1|]);
             intro i; rewrite W1, Q; apply T2.
        * split; [cbn zeta in *; rewrite A; lia|exact B].
      + destruct (IHm (x + 1) c0 t) as [A B].
        * lia.
        * intro q. specialize (T q). rewrite LT. destruct (x =? q) eqn:Q.
          -- zb. subst q. rewrite (proj2 (Z.eqb_neq (owner s x) v) O), andb_false_r. auto.
          -- rewrite orb_false_r. exact T.
        * split; [cbn zeta in *; rewrite A; lia|exact B]. }
  destruct (G (Z.to_nat n) p 0 s) as [A B]; [lia| |].
  - intro q. assert (N : (p <=? q) && (q <? p) = false)
      by (apply andb_false_iff; rewrite Z.leb_gt, Z.ltb_ge; lia).
    rewrite N. split; [reflexivity|]. intro i. reflexivity.
  - rewrite Z2Nat.id in B by assumption. cbn zeta in *.
    split; [lia|]. split; [lia|exact B].
Qed.
