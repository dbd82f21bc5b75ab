(* grant and revoke keep the invariant.  Both set the number of grants of a
   frame; what is proved of one is proved of both. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  KeepParts.
Local Open Scope Z_scope.

(* The one or the other. *)
Definition share_page (grant : bool) : Z -> Z -> State -> option State :=
  if grant then grant_page else revoke_page.

(* The frame is granted [n] times; the host loses it with the last grant. *)
Definition set_count (p n : Z) (s : State) : State :=
  set_frame p (mkFrame (owner s p) n false (f_gfn (frame_at s p)))
    (if n =? 0 then del_entry HOST p s else s).

Lemma frame_at_set_count : forall p n s q,
  frame_at (set_count p n s) q =
  if p =? q then mkFrame (owner s p) n false (f_gfn (frame_at s p)) else frame_at s q.
Proof. intros. unfold set_count. case_if; st; reflexivity. Qed.

Lemma lookup_set_count : forall p n s v g, v <> HOST ->
  lookup (set_count p n s) v g = lookup s v g.
Proof.
  intros. unfold set_count. case_if; st; [|reflexivity].
  rewrite (proj2 (Z.eqb_neq HOST v)) by congruence. reflexivity.
Qed.

Lemma word_set_count : forall p n s q i, word (set_count p n s) q i = word s q i.
Proof. intros. unfold set_count. case_if; st; reflexivity. Qed.

Lemma vm_exists_set_count : forall p n s v,
  vm_exists (set_count p n s) v = vm_exists s v.
Proof. intros. unfold set_count. case_if; st; reflexivity. Qed.

Lemma halted_set_count : forall p n s, halted (set_count p n s) = halted s.
Proof. intros. unfold set_count. case_if; st; reflexivity. Qed.

Lemma share_sets_count : forall grant v p s s', Inv s ->
  vm_exists s v = true -> share_page grant v p s = Some s' ->
  exists n, s' = set_count p n s /\ owner s p = v /\
    f_pending (frame_at s p) = false /\ 0 <= n <= MAX_GRANTS /\
    (grant = true \/ n <= f_count (frame_at s p)).
Proof.
  intros grant v p s s' I V H. destruct (inv_frame _ I p) as [_ _ GC _ GV].
  unfold set_count, owner.
  destruct grant; [unfold share_page, grant_page in H | unfold share_page, revoke_page in H];
    destruct (_ && _ && _) eqn:E in H; try discriminate; zb;
    subst v; destruct (GV V) as [G1 _];
    [exists (f_count (frame_at s p) + 1) | exists (f_count (frame_at s p) - 1)].
  - rewrite (proj2 (Z.eqb_neq (f_count (frame_at s p) + 1) 0)) by lia. inj. repeat split; auto; lia.
  - replace (f_count (frame_at s p) - 1 =? 0) with (f_count (frame_at s p) =? 1)
      by (apply eq_true_iff_eq; rewrite !Z.eqb_eq; lia).
    inj. repeat split; auto; lia.
Qed.

Lemma keep_share_page : forall grant v p s s', Inv s -> vm_exists s v = true ->
  share_page grant v p s = Some s' -> Inv s'.
Proof.
  intros grant v p s s' I V H.
  destruct (share_sets_count grant v p s s' I V H) as [n [-> [O [P [N _]]]]].
  destruct (vm_exists_range _ _ V) as [VH _]. unfold set_count. rewrite O.
  assert (G : good_frame s p (mkFrame v n false (f_gfn (frame_at s p)))).
  { destruct (inv_frame _ I p) as [GX GR GC GH GV]. unfold owner in O.
    rewrite O in GV. destruct (GV V) as [G1 [G2 G3]].
    constructor; simpl; intros; try congruence; try lia.
    - exfalso. apply H0. apply owned_is_ram; auto. right. unfold owner. congruence.
    - auto.
    - repeat split; auto; try lia; discriminate. }
  assert (U : forall r, f_owner r = v -> f_gfn r = f_gfn (frame_at s p) ->
    f_pending r = false -> f_owner r = owner s p /\ f_gfn r = f_gfn (frame_at s p) /\
    (f_pending r = true -> f_pending (frame_at s p) = true)).
  { intros. repeat split; congruence. }
  destruct (n =? 0) eqn:Z0.
  - apply keep_take; [assumption|exact G|left; apply U; reflexivity|simpl; congruence].
  - zb. apply keep_set_frame;
      [assumption|exact G| |left; apply U; reflexivity|simpl; congruence].
    intros e L. apply (inv_host _ I) in L. destruct L as [L1 L2].
    unfold host_entry, may_host, owner in *. st. rewrite Z.eqb_refl. simpl.
    rewrite O in *. split; [assumption|]. rewrite orb_true_iff. right.
    apply andb_true_intro. split; [apply Z.ltb_lt; lia | reflexivity].
Qed.

Lemma keep_grant_page : forall v p s s', Inv s -> vm_exists s v = true ->
  grant_page v p s = Some s' -> Inv s'.
Proof. exact (keep_share_page true). Qed.

Lemma keep_revoke_page : forall v p s s', Inv s -> vm_exists s v = true ->
  revoke_page v p s = Some s' -> Inv s'.
Proof. exact (keep_share_page false). Qed.

Lemma vm_exists_share : forall grant v p s s' w, Inv s -> vm_exists s v = true ->
  share_page grant v p s = Some s' -> vm_exists s' w = vm_exists s w.
Proof.
  intros grant v p s s' w I V H.
  destruct (share_sets_count grant v p s s' I V H) as [n [-> _]].
  apply vm_exists_set_count.
Qed.

(* An induction over the pages of a range; [i] is the guest frame. *)
Lemma share_ind : forall grant v addr size s (P : State -> Prop), Inv s -> P s ->
  (forall i p e n s0, addr / PAGE <= i < addr / PAGE + pages_of size ->
     Inv s0 -> vm_exists s0 v = true -> P s0 ->
     lookup s0 v i = Some e -> e_pfn e = p -> owner s0 p = v ->
     (grant = true \/ n <= f_count (frame_at s0 p)) -> P (set_count p n s0)) ->
  let s' := snd (share (share_page grant) v addr size s) in
  P s' /\ Inv s'.
Proof.
  intros grant v addr size s P I P0 H. unfold share.
  do 4 (case_if; [split; assumption|]). zb.
  assert (K : (fun s => P s /\ Inv s /\ vm_exists s v = true)
    (snd (counted (share_at (share_page grant) v) (pages_of size) (addr / PAGE) s))).
  { apply counted_ind; [auto|].
    intros i s0 s1 Hi [P1 [I1 V1]] S. unfold share_at in S.
    destruct (lookup s0 v i) as [e|] eqn:L; [|discriminate].
    split; [|split].
    - destruct (share_sets_count _ _ _ _ _ I1 V1 S) as [n [-> [O [_ [_ C]]]]].
      apply (H i (e_pfn e) e n s0); auto.
    - eapply keep_share_page; eassumption.
    - erewrite vm_exists_share; eassumption. }
  destruct K as [K1 [K2 _]]. auto.
Qed.

Lemma keep_share : forall grant v addr size s, Inv s ->
  Inv (snd (share (share_page grant) v addr size s)).
Proof.
  intros. apply (share_ind grant v addr size s (fun _ => True)); auto.
Qed.
