(* Confidentiality: what the others see does not depend on what a VM keeps in
   pages that it does not grant. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  Always Steps Secrecy.
Import ListNotations.
Local Open Scope Z_scope.

Section Confidentiality.

  (* A VM, and the guest frame numbers that it keeps to itself. *)
  Variable u : Z.
  Variable keeps : Z -> bool.
  Hypothesis u_is_vm : u <> HOST /\ u <> INVALID.

  (* Frame [p] holds one of those pages. *)
  Definition secret (s : State) (p : Z) : Prop :=
    owner s p = u /\ keeps (f_gfn (frame_at s p)) = true.

  (* None of them is granted. *)
  Definition ungranted (s : State) : Prop :=
    forall p, secret s p -> f_count (frame_at s p) = 0.

  (* Two states that differ at most in the contents of those pages. *)
  Definition same_outside (s t : State) : Prop :=
    alike s t /\ forall p i, ~ secret s p -> word s p i = word t p i.

  (* Two operations that differ at most in what [u] stores to such a page. *)
  Definition twin (c d : op) : Prop :=
    c = d \/
    exists a x y, c = Write u a x /\ d = Write u a y /\
                  keeps (a / PAGE) = true.

  (* [c] grants none of those pages. *)
  Definition no_grant (c : op) : Prop :=
    forall g, grants c u g -> keeps g = false.

  Lemma secret_dec : forall s p, secret s p \/ ~ secret s p.
  Proof.
    intros. unfold secret. destruct (Z.eq_dec (owner s p) u);
    destruct (keeps (f_gfn (frame_at s p))); intuition congruence.
  Qed.

  Lemma alike_secret : forall s t p, alike s t -> secret t p -> secret s p.
  Proof.
    intros s t p A. destruct (alike_parts _ _ A) as [F _].
    unfold secret, owner. rewrite F. auto.
  Qed.

  Lemma alike_read : forall who a s t, alike s t ->
    alike (snd (read who a s)) (snd (read who a t)).
  Proof.
    intros who a s t A.
    destruct (alike_parts _ _ A) as [_ [_ [_ [_ [V _]]]]].
    unfold read, access. rewrite V.
    do 3 (case_if; [assumption|]).
    destruct (alike_reach who a s t A) as [R1 R2].
    destruct (reach who a s) as [o s1], (reach who a t) as [o' t1].
    simpl in R1, R2. subst o'. destruct o as [e|]; [|assumption].
    destruct (e_kind e); assumption.
  Qed.

  Lemma alike_twin : forall c d s t, twin c d -> alike s t ->
    alike (snd (step c s)) (snd (step d t)).
  Proof.
    intros c d s t [<-|[a [x [y [-> [-> _]]]]]] A.
    - destruct (is_read c) eqn:R.
      + destruct c; try discriminate. apply alike_read. assumption.
      + apply only_loads_look; assumption.
    - apply alike_write. assumption.
  Qed.

  (* A page that others may reach is not one of them. *)
  Lemma reached_not_secret : forall s who a p, ungranted s -> who <> u ->
    may_store s who a p -> ~ secret s p.
  Proof.
    intros s who a p U N [[-> [_ M]]|[_ [O _]]] S.
    - pose proof (U p S) as C. destruct S as [O _].
      unfold may_host in M. unfold owner in O. rewrite O, C in M.
      rewrite (proj2 (Z.eqb_neq u INVALID)), (proj2 (Z.eqb_neq u HOST)) in M
        by apply u_is_vm.
      simpl in M. discriminate.
    - destruct S as [S _]. congruence.
  Qed.

  Lemma ungranted_step : forall c s, Inv s -> ungranted s -> no_grant c ->
    ungranted (snd (step c s)).
  Proof.
    intros c s I U N p [O K].
    destruct (step_changes c s I) as [F _].
    pose proof (gf_count _ _ _ (inv_frame _ (step_keeps_invariant c s I) p)) as P.
    destruct (F p) as [[F1 [F2 F3]]|[[_ [_ F1]]|[_ [_ [F1 _]]]]].
    - assert (S : secret s p) by (unfold secret, owner in *; split; congruence).
      pose proof (U p S) as C. destruct S as [S1 S2]. unfold owner in S1.
      destruct F3 as [F3|[F3|F3]].
      + exfalso. destruct u_is_vm. congruence.
      + lia.
      + rewrite S1 in F3. apply N in F3. congruence.
    - exact F1.
    - exfalso. unfold owner in O. destruct u_is_vm. congruence.
  Qed.

  (* Contents afterwards, for an operation that is not a store. *)
  Lemma words_agree : forall c s t, Inv s -> same_outside s t ->
    (forall who a x, c <> Write who a x) ->
    alike (snd (step c s)) (snd (step c t)) ->
    forall p i, ~ secret (snd (step c s)) p ->
    word (snd (step c s)) p i = word (snd (step c t)) p i.
  Proof.
    intros c s t I [A W] NW A' p i NS.
    assert (It := alike_inv _ _ A I).
    destruct (alike_parts _ _ A) as [Fa _]. destruct (alike_parts _ _ A') as [Fb _].
    assert (Oa : owner t p = owner s p) by (unfold owner; rewrite Fa; reflexivity).
    assert (Ob : owner (snd (step c t)) p = owner (snd (step c s)) p)
      by (unfold owner; rewrite Fb; reflexivity).
    destruct (Z.eq_dec (owner s p) HOST) as [H|H];
    destruct (Z.eq_dec (owner (snd (step c s)) p) HOST) as [H'|H'].
    2,4: idtac.
    all: try (rewrite (I8_frames_come_back_zero c s p I H H' i);
              rewrite (I8_frames_come_back_zero c t p It) by congruence;
              reflexivity).
    all: destruct (step_changes c s I) as [F [_ X]];
         destruct (step_changes c t It) as [_ [_ Y]].
    all: assert (Q : word (snd (step c s)) p i = word s p i)
      by (destruct (X p i) as [Q|[[_ [Q1 Q2]]|[who [a [x [Q _]]]]]];
          [exact Q | congruence | exfalso; apply (NW who a x Q)]).
    all: assert (R : word (snd (step c t)) p i = word t p i)
      by (destruct (Y p i) as [R|[[_ [R1 R2]]|[who [a [x [R _]]]]]];
          [exact R | congruence | exfalso; apply (NW who a x R)]).
    all: rewrite Q, R; apply W; intros [S1 S2]; apply NS.
    all: destruct (F p) as [[F1 [F2 _]]|[[F1 _]|[_ [_ [F1 _]]]]];
      unfold secret, owner in *;
      first [ split; congruence | exfalso; destruct u_is_vm; congruence ].
  Qed.

  Lemma write_words : forall c who a x y s t, Inv s -> same_outside s t ->
    c = Write who a x -> twin c (Write who a y) ->
    forall p i, ~ secret (snd (write who a x s)) p ->
    word (snd (write who a x s)) p i = word (snd (write who a y t)) p i.
  Proof.
    intros c who a x y s t I [A W] -> T p i NS.
    assert (NS0 : ~ secret s p).
    { intro S. apply NS.
      assert (F : frame_at (snd (write who a x s)) p = frame_at s p).
      { unfold write, access. do 3 (case_if; [reflexivity|]).
        destruct (reach who a s) as [[e|] s1] eqn:R; [|reflexivity].
        destruct (reach_spec _ _ _ _ _ I (access_allowed _ _ E1) R) as [F _].
        destruct (e_kind e); cbn [snd]; st; apply F. }
      unfold secret, owner in *. rewrite F. assumption. }
    destruct (alike_parts _ _ A) as [_ [_ [_ [_ [V _]]]]].
    unfold write, access. rewrite V.
    do 3 (case_if; [apply W; assumption|]).
    destruct (alike_reach who a s t A) as [R1 R2].
    destruct (reach who a s) as [o s1] eqn:RS.
    destruct (reach who a t) as [o' t1] eqn:RT.
    simpl in R1, R2. subst o'. destruct o as [e|]; [|apply W; assumption].
    destruct (reach_spec _ _ _ _ _ I (access_allowed _ _ E1) RS) as [_ [_ [M K]]].
    assert (It := alike_inv _ _ A I).
    assert (E1t : who = HOST \/ vm_exists t who = true)
      by (rewrite V; apply access_allowed; assumption).
    destruct (reach_spec _ _ _ _ _ It E1t RT) as [_ [_ [Mt _]]].
    assert (W1 : word s1 p i = word t1 p i).
    { transitivity (word s p i); [unfold word; rewrite M; reflexivity|].
      transitivity (word t p i); [apply W; assumption|].
      unfold word; rewrite Mt; reflexivity. }
    destruct (e_kind e) eqn:KD; cbn [snd]; [|exact W1].
    rewrite !word_set_word.
    destruct ((e_pfn e =? p) && (word_index a =? i)) eqn:Q; [|exact W1].
    zb. subst p. destruct T as [T|[a' [x' [y' [T1 [T2 T3]]]]]]; [congruence|].
    exfalso. apply NS0.
    assert (who = u /\ a' = a) as [-> ->] by (split; congruence).
    destruct (K eq_refl) as [[K1 _]|[_ [K1 K2]]].
    - exfalso. destruct u_is_vm. congruence.
    - split; [assumption|]. rewrite K2. assumption.
  Qed.

  (* One step.  Two runs that differ at most in what [u] keeps, and in what it
     stores there, still do after it; and what anybody else gets to see is the
     same in both. *)
  Theorem confidential_step : forall c d s t, Inv s -> ungranted s ->
    same_outside s t -> twin c d -> no_grant c ->
    same_outside (snd (step c s)) (snd (step d t)) /\
    ungranted (snd (step c s)) /\
    (actor c <> u -> fst (step c s) = fst (step d t)).
  Proof.
    intros c d s t I U S T N. destruct S as [A W].
    assert (A' := alike_twin c d s t T A).
    split; [|split; [apply ungranted_step; assumption|]].
    - split; [assumption|]. intros p i NS.
      assert (CW : (exists who a x, c = Write who a x) \/
                   (forall who a x, c <> Write who a x)).
      { destruct c; try (right; intros; discriminate). left. eauto. }
      destruct CW as [[who [a [x ->]]]|NW].
      + assert (exists y, d = Write who a y) as [y ->].
        { destruct T as [<-|[a' [x' [y' [T1 [T2 _]]]]]]; [eauto|].
          exists y'. congruence. }
        apply (write_words (Write who a x) who a x y s t); auto.
        split; assumption.
      + destruct T as [<-|[a [x [y [T1 _]]]]]; [|exfalso; apply (NW u a x T1)].
        apply words_agree; auto. split; assumption.
    - intro AC. destruct T as [<-|[a [x [y [-> _]]]]]; [|simpl in AC; congruence].
      destruct (is_read c) eqn:R; [|apply only_loads_look; assumption].
      destruct c; try discriminate. simpl in AC. simpl.
      destruct (alike_parts _ _ A) as [_ [_ [_ [_ [V _]]]]].
      unfold read, access. rewrite V.
      do 3 (case_if; [reflexivity|]).
      destruct (alike_reach who addr s t A) as [R1 R2].
      destruct (reach who addr s) as [o s1] eqn:RS.
      destruct (reach who addr t) as [o' t1] eqn:RT.
      simpl in R1, R2. subst o'. destruct o as [e|]; [|reflexivity].
      destruct (reach_spec _ _ _ _ _ I (access_allowed _ _ E1) RS) as [_ [_ [M K]]].
      assert (It := alike_inv _ _ A I).
      assert (E1t : who = HOST \/ vm_exists t who = true)
        by (rewrite V; apply access_allowed; assumption).
      destruct (reach_spec _ _ _ _ _ It E1t RT) as [_ [_ [Mt _]]].
      destruct (e_kind e); cbn [fst]; [|reflexivity]. f_equal.
      transitivity (word s (e_pfn e) (word_index addr));
        [unfold word; rewrite M; reflexivity|].
      transitivity (word t (e_pfn e) (word_index addr));
        [|unfold word; rewrite Mt; reflexivity].
      apply W. apply (reached_not_secret s who addr); auto.
  Qed.

  (* What the others see of a run: their own answers. *)
  Fixpoint seen (cs : list op) (rs : list result) : list result :=
    match cs, rs with
    | c :: cs', r :: rs' =>
      if actor c =? u then seen cs' rs' else r :: seen cs' rs'
    | _, _ => []
    end.

  (* Whole runs, of any length. *)
  Theorem confidential_run : forall cs ds s t, Inv s -> ungranted s ->
    same_outside s t -> Forall2 twin cs ds -> Forall no_grant cs ->
    seen cs (fst (run cs s)) = seen ds (fst (run ds t)).
  Proof.
    intros cs ds s t I U S F. revert s t I U S.
    induction F as [|c d cs ds T F IH]; intros s t I U S N; [reflexivity|].
    inversion N as [|? ? N1 N2]. subst.
    destruct (confidential_step c d s t I U S T N1) as [S' [U' R]].
    simpl. rewrite (IH _ _ (step_keeps_invariant c s I) U' S' N2).
    assert (AC : actor d = actor c).
    { destruct T as [<-|[a [x [y [-> [-> _]]]]]]; reflexivity. }
    rewrite AC. destruct (actor c =? u) eqn:E; [reflexivity|].
    zb. rewrite R by assumption. reflexivity.
  Qed.

End Confidentiality.
