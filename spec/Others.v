(* The rest of the operations in the same statement as Joined.v: those that change no
   tree of ours (a VM is created; loads and stores; a device is attached, its table
   changes), and the one that takes a frame from the host for a VM's devices. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  KeepParts Steps Table Machine Joined.
Import ListNotations.
Local Open Scope Z_scope.

Section Others.

  Variable root : Z -> Z.

  Notation gives := (gives root).
  Notation exec := (exec root).
  Notation agree := (agree root).
  Notation refines := (refines root).

  (* No tree changes where the host loses nothing and no VM's table changes. *)
  Lemma quiet : forall s s' m, agree s m ->
    (forall g, owner s' g = owner s g /\ (may_host s g = true -> may_host s' g = true)) ->
    (forall w g, w <> HOST -> lookup s' w g = lookup s w g) -> refines s s' m [].
  Proof.
    intros s s' m A F L. apply (refine root); auto; [exact Logic.I|apply (ag_paid _ _ _ A)| |].
    - intros g x B K. apply (ag_host _ _ _ A) in K; [|exact B]. unfold lets in *. simpl in *.
      destruct K as [K1 K2]. destruct (F g) as [F1 F2]. split; [apply F2, K1|].
      unfold host_entry in *. rewrite F1. exact K2.
    - intros w g N B. cbn [Machine.exec fold_left]. rewrite L by exact N.
      apply (ag_vm _ _ _ A); assumption.
  Qed.

  Definition is_quiet (c : op) : bool :=
    match c with
    | CreateVm _ | Write _ _ _ | Read _ _ | DevAttach _ _ | DevMap _ _ _ _ | DevUnmap _ _ => true
    | _ => false
    end.

  Definition still (s s' : State) : Prop :=
    (forall g, owner s' g = owner s g /\ (may_host s g = true -> may_host s' g = true)) /\
    (forall w g, w <> HOST -> lookup s' w g = lookup s w g).

  Lemma still_frames : forall s s', (forall g, frame_at s' g = frame_at s g) ->
    (forall w g, w <> HOST -> lookup s' w g = lookup s w g) -> still s s'.
  Proof.
    intros s s' F L. split; [|exact L]. intro g. unfold owner, may_host. rewrite F. auto.
  Qed.

  Lemma still_count : forall s s' p k, f_owner (frame_at s p) = HOST ->
    (forall g, frame_at s' g = if p =? g then mkFrame HOST k false p else frame_at s g) ->
    (forall w g, w <> HOST -> lookup s' w g = lookup s w g) -> still s s'.
  Proof.
    intros s s' p k O F L. split; [|exact L]. intro g. unfold owner, may_host. rewrite F.
    destruct (p =? g) eqn:Q; [|auto]. zb. subst g. rewrite O. split; reflexivity.
  Qed.

  Lemma still_reach : forall who a s e s1, reach who a s = (Some e, s1) -> still s s1.
  Proof.
    unfold reach, host_fault. intros who a s e s1 H.
    destruct (lookup s who (a / PAGE)); [inj; apply still_frames; reflexivity|].
    destruct (who =? HOST); [|discriminate].
    destruct (negb (is_paddr a)); [discriminate|].
    destruct (may_host s (a / PAGE)); [|discriminate]. inj.
    apply still_frames; intros; st; [reflexivity|].
    rewrite (proj2 (Z.eqb_neq HOST w)) by congruence. reflexivity.
  Qed.

  Lemma still_access : forall who a s f,
    (forall e s1, still s s1 -> still s (snd (f e s1))) -> still s (snd (access who a s f)).
  Proof.
    intros who a s f F. unfold access. do 3 (case_if; [apply still_frames; reflexivity|]).
    destruct (reach who a s) as [[e|] s1] eqn:R; [|apply still_frames; reflexivity].
    apply F, (still_reach who a s e s1 R).
  Qed.

  (* The trees stay as they are, and the machine agrees with the result. *)
  Theorem quiet_joined : forall c s m, agree s m -> is_quiet c = true ->
    refines s (snd (step c s)) m [].
  Proof.
    intros c s m A Q. assert (S : still s (snd (step c s))); [|destruct S; apply quiet; assumption].
    destruct c; try discriminate; simpl.
    - unfold create_vm. case_if; apply still_frames; reflexivity.
    - unfold write. apply still_access. intros e s1 S. destruct (e_kind e); [|exact S].
      cbn [snd]. destruct S as [S1 S2]. split.
      + intro g. destruct (S1 g) as [S3 S4]. split; [exact S3|exact S4].
      + intros w g N. apply S2, N.
    - unfold read. apply still_access. intros e s1 S. destruct (e_kind e); exact S.
    - unfold dev_attach. repeat (case_if; [apply still_frames; reflexivity|]).
      apply still_frames; reflexivity.
    - unfold dev_map. do 6 (case_if; [apply still_frames; reflexivity|]).
      destruct (dev_lookup s d _) as [q|].
      + case_if; apply still_frames; reflexivity.
      + cbn [snd]. case_if; [|apply still_frames; reflexivity].
        apply (still_count s _ (phys_page pte / PAGE) (f_count (frame_at s (phys_page pte / PAGE)) + 1)).
        * zb. congruence.
        * intro g. st. reflexivity.
        * intros w g N. st. reflexivity.
    - unfold dev_unmap. do 3 (case_if; [apply still_frames; reflexivity|]).
      destruct (dev_lookup s d _) as [p|]; [|apply still_frames; reflexivity].
      cbn [snd]. case_if; [|apply still_frames; reflexivity].
      apply (still_count s _ p (f_count (frame_at s p) - 1)).
      + zb. assumption.
      + intro g. st. reflexivity.
      + intros w g N. st. reflexivity.
  Qed.

  (* A frame of the host's becomes a VM's, for its devices: it leaves the host's tree,
     and that is settled. *)
  Theorem dev_assign_joined : forall s s' m v g p ph es, agree s m -> free m ph ->
    f_owner (frame_at s p) = HOST -> dev_assign v g p s = (Ok, s') ->
    from_host root p ph m = Some es -> refines s s' m (es ++ [Settle]).
  Proof.
    intros s s' m v g p ph es A FR O E H. unfold dev_assign in E.
    destruct (is_gfn g && is_pfn p) eqn:IP in E; [|discriminate]. cbn [negb] in E.
    destruct (vm_exists s v) eqn:V; [|discriminate]. cbn [negb] in E.
    rewrite O, Z.eqb_refl in E. destruct (f_count (frame_at s p) =? 0); [|discriminate].
    injection E as <-. apply andb_prop in IP. destruct IP as [_ IP]. assert (B := pfn_page p IP).
    destruct (from_host_spec root m p ph [] es (ag_sound _ _ _ A) B) as [A1 [_ [G [O1 _]]]];
      [rewrite app_nil_r; exact FR|exact H|].
    apply (refine root); auto.
    - intros q x BQ K. rewrite (G HOST q BQ) in K. cbn [Z.eqb HOST] in K.
      destruct (q =? p) eqn:Q; [rewrite Z.eqb_refl in K; discriminate|].
      rewrite andb_false_r in K. apply (lets_host s).
      + st. rewrite (Z.eqb_sym p q), Q. reflexivity.
      + apply (ag_host _ _ _ A); assumption.
    - intros w h N BH. rewrite (G w h BH), (proj2 (Z.eqb_neq w HOST)) by assumption. cbn [andb].
      rewrite (ag_vm _ _ _ A) by assumption. f_equal. st.
      rewrite (proj2 (Z.eqb_neq HOST w)) by congruence. reflexivity.
  Qed.

End Others.
