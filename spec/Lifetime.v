(* A VM's tables, from the donation of their frames to their return, in the same
   statement as Joined.v.

   The number of a table is that of the frame that holds it.  [ours w m]: each
   table of a VM but its first is in a frame that was donated for that VM.  The
   operations keep that, for they take tables from the VM's pool; and so nobody's
   translations, in a tree or in a TLB, lead to a table. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  KeepClear Always Steps Table Machine Joined Life.
Import ListNotations.
Local Open Scope Z_scope.

Section Lifetime.

  Variable root : Z -> Z.

  Notation gives := (gives root).
  Notation sound := (sound root).
  Notation occur := (occur root).
  Notation exec := (exec root).
  Notation runs := (runs root).
  Notation all_allowed := (all_allowed root).
  Notation agree := (agree root).
  Notation refines := (refines root).

  (* ---------------------------------------------------------------- *)
  (* A table in which nothing is goes back to its pool                 *)

  Lemma runs_tables : forall es m m', runs es m m' -> sound m -> all_allowed es m ->
    same_tables (exec es m) m'.
  Proof.
    intros es m m' R SO A. apply (runs_sound root es m m' R m); auto. repeat split.
  Qed.

  Lemma free_tables : forall m n pool, same_tables m n -> free m pool -> free n pool.
  Proof.
    intros m n pool [H [P _]] [N F]. split; [exact N|]. rewrite <- H, <- P. exact F.
  Qed.

  Definition prune_steps (t i u : Z) : list event := [Unlink t i u; Settle].

  Lemma prune_spec : forall m t i u w n a, sound m ->
    place m t = Some (w, (S n, a)) -> fetch (heap m) t i = Next u ->
    (forall j, fetch (heap m) u j = Nothing) ->
    let m' := exec (prune_steps t i u) m in
    all_allowed (prune_steps t i u) m /\ sound m' /\ owed m' = [] /\
    place m' u = None /\ (forall pool, free m pool -> free m' (u :: pool)) /\
    forall v x, 0 <= x < PAGES -> gives m' v x = gives m v x.
  Proof.
    intros m t i u w n a SO P F E m'.
    assert (I : 0 <= i < 512) by (apply (so_slots root m SO t i); congruence).
    assert (A : allowed (Unlink t i u) m).
    { split; [exact I|]. split; [exact F|]. split; [intros; rewrite E; discriminate|]. eauto. }
    assert (PU : exists b, place m u = Some (w, b)).
    { destruct (so_tree root m SO w) as [T _].
      destruct (T t i u _ _ F (tree_of_same _ _ _ _ P)) as [k [_ K]]. unfold tree_of in K.
      destruct (place m u) as [[v y]|]; [|discriminate].
      destruct (v =? w) eqn:Q; [|discriminate]. zb. subst v. eauto. }
    split; [split; [exact A|split; exact Logic.I]|].
    split; [apply (event_keeps_sound root Settle); [|exact Logic.I];
      apply (event_keeps_sound root); assumption|].
    split; [reflexivity|].
    assert (PN : place m' u = None)
      by (unfold m'; cbn [Machine.exec prune_steps fold_left Machine.occur place];
          rewrite Z.eqb_refl; reflexivity).
    split; [exact PN|]. split.
    - intros pool [N FR]. split.
      + constructor; [|exact N]. intro H. destruct (FR u H) as [X _]. destruct PU. congruence.
      + intros x H. assert (C : place m' x = None /\
          forall j, fetch (heap m) x j = Nothing).
        { destruct H as [<-|H]; [auto|]. destruct (FR x H) as [X1 X2]. split; [|exact X2].
          unfold m'. cbn [Machine.exec prune_steps fold_left Machine.occur place].
          destruct (x =? u); [reflexivity|exact X1]. }
        split; [apply C|]. intro j. unfold m'.
        cbn [Machine.exec prune_steps fold_left Machine.occur heap]. rewrite fetch_store.
        destruct (_ && _); [reflexivity|apply C].
    - intros v x X. unfold Machine.gives at 1, m'.
      cbn [Machine.exec prune_steps fold_left Machine.occur heap].
      rewrite (put_gives root m t i Nothing w (S n) a SO P I) by (discriminate || exact X).
      destruct ((v =? w) && (x / span (S n) =? a * 512 + i)) eqn:Q; [|reflexivity].
      zb. subst v. destruct (here_gives root m t i w (S n) a SO P I x X) as [AR IX]; [assumption|].
      unfold Machine.gives. rewrite (walk_arrive _ _ _ _ _ _ AR). cbn [walk].
      rewrite IX, F. destruct n; cbn [walk]; rewrite E; reflexivity.
  Qed.

  (* It is taken out and that is settled; no translation has changed, and the table
     is free again. *)
  Theorem prune_joined : forall s m t i u w n a, agree s m ->
    place m t = Some (w, (S n, a)) -> fetch (heap m) t i = Next u ->
    (forall j, fetch (heap m) u j = Nothing) ->
    refines s s m (prune_steps t i u) /\
    forall pool m', free m pool -> runs (prune_steps t i u) m m' -> free m' (u :: pool).
  Proof.
    intros s m t i u w n a A P F E.
    destruct (prune_spec m t i u w n a (ag_sound _ _ _ A) P F E) as [A1 [S1 [O1 [_ [R1 G1]]]]].
    split.
    - apply (refine root); auto.
      + intros g x B K. rewrite G1 in K by exact B. apply (ag_host _ _ _ A); assumption.
      + intros v g N B. rewrite G1 by exact B. apply (ag_vm _ _ _ A); assumption.
    - intros pool m' FR R. apply (free_tables (exec (prune_steps t i u) m)); [|apply R1, FR].
      apply runs_tables; auto. apply (ag_sound _ _ _ A).
  Qed.

  (* ---------------------------------------------------------------- *)
  (* Tables are in donated frames                                      *)

  Definition ours (w : world) (m : machine) : Prop :=
    forall t v x, place m t = Some (v, x) -> v <> HOST -> t = root v \/ In (t, v) (given w).

  Lemma donated_frame : forall w p v, Life w -> In (p, v) (given w) ->
    frame_at (state w) p = mkFrame CORE 0 false p.
  Proof.
    intros w p v H G. destruct (given_is_core w p v H G) as [B _].
    rewrite (gf_fixed _ _ _ (inv_frame _ (life_inv _ H) p)) by (rewrite B; discriminate).
    unfold boot_owner in B. unfold boot_frame in *.
    destruct (in_regions p (core (state w))); [reflexivity|].
    destruct (in_regions p (ram (state w))); discriminate.
  Qed.

  Lemma host_entry_frame : forall s g, e_pfn (host_entry s g) = g.
  Proof. intros. unfold host_entry. destruct (_ =? _); reflexivity. Qed.

  (* No tree and no TLB, whoever's, leads to a table: nobody reads or writes one. *)
  Theorem no_translation_of_a_table : forall w m t v x, Life w -> agree (state w) m ->
    ours w m -> place m t = Some (v, x) -> v <> HOST -> t <> root v ->
    (forall u g k, 0 <= g < PAGES -> gives m u g <> Some (t, k)) /\
    (forall u g k, ~ tlb m u g (t, k)).
  Proof.
    intros w m t v x L A O P VH TR. destruct (O t v x P VH) as [H|H]; [contradiction|].
    destruct (donated_is_mapped_by_nobody w t v L H) as [_ [N _]].
    assert (D := donated_frame w t v L H).
    assert (X : forall u g k, lets (state w) u g (t, k) -> False).
    { intros u g k E. unfold lets in E. destruct (u =? HOST) eqn:Q.
      - destruct E as [E1 E2].
        assert (t = g) by (injection E2 as E2 _; rewrite host_entry_frame in E2; exact E2).
        subst g. unfold may_host in E1. rewrite D in E1. discriminate.
      - destruct E as [e [E1 E2]]. apply (N u g e E1). unfold translation in E2. congruence. }
    split.
    - intros u g k B E. apply (X u g k). destruct (Z.eq_dec u HOST) as [->|NH].
      + apply (ag_host _ _ _ A); assumption.
      + unfold lets. rewrite (proj2 (Z.eqb_neq u HOST)) by exact NH.
        rewrite (ag_vm _ _ _ A u g NH B) in E.
        destruct (lookup (state w) u g) as [e|]; [|discriminate].
        exists e. split; [reflexivity|]. cbn [option_map] in E. congruence.
    - intros u g k E. apply (X u g k), (agree_tlb root (state w) m); assumption.
  Qed.

  (* ---- steps take tables from their pool, for the tree that they are in ---- *)

  Definition from_pool (w : Z) (pool : list Z) (m m' : machine) : Prop :=
    forall u, place m' u = place m u \/ (In u pool /\ exists y, place m' u = Some (w, y)).

  Lemma puts_place : forall f t l m,
    place (exec (map (fun j => Put t j (f j)) l) m) = place m.
  Proof. intros f t. induction l; intro m; [reflexivity|]. simpl. rewrite IHl. reflexivity. Qed.

  Lemma split_place : forall t i new p kd n m u,
    place (exec (split_steps t i new p kd n) m) u =
    if u =? new then
      match place m t with Some (w, (S n, a)) => Some (w, (n, a * 512 + i)) | _ => None end
    else place m u.
  Proof.
    intros. unfold split_steps. rewrite !(exec_app root). cbn [Machine.exec fold_left].
    cbn [Machine.occur place]. rewrite puts_place. reflexivity.
  Qed.

  Lemma cut_place : forall n t g pool rest m es w, sound m -> 0 <= g < PAGES ->
    place m t = Some (w, (n, g / span (S n))) -> free m (pool ++ rest) ->
    cut root n t g pool m = Some es -> from_pool w pool m (exec es m).
  Proof.
    induction n; intros t g pool rest m es w SO B P FR E; cbn [cut] in E.
    - destruct (fetch _ _ _); injection E as <-; intro u; left; reflexivity.
    - destruct (fetch (heap m) t (index (S n) g)) as [|u0|p kd] eqn:F.
      + injection E as <-. intro u. left. reflexivity.
      + apply (IHn u0 g pool rest m es w SO B); auto. apply (next_place root n m t g u0 w SO P F).
      + destruct pool as [|new pool]; [discriminate|].
        destruct (split_spec root m t new p kd n w g (pool ++ rest) SO B P F FR)
          as [A1 [S1 [_ [P1 FR1]]]].
        set (fs := split_steps t (index (S n) g) new p kd n) in *.
        destruct (cut root n new g pool (exec fs m)) as [gs|] eqn:C; [|discriminate].
        unfold option_map in E. assert (X : es = fs ++ gs) by congruence. clear E. subst es.
        rewrite (exec_app root). intro u.
        destruct (IHn new g pool rest (exec fs m) gs w S1 B P1 FR1 C u) as [K|[K1 K2]].
        * rewrite K. unfold fs at 1 2. rewrite split_place. destruct (u =? new) eqn:Q; [|auto].
          zb. subst u. right. split; [left; reflexivity|]. rewrite P. eauto.
        * right. split; [right; exact K1|exact K2].
  Qed.

  Lemma grow_place : forall l n t g d pool m es w, sound m -> 0 <= g < PAGES ->
    owed m = [] -> (l <= n)%nat -> place m t = Some (w, (n, g / span (S n))) -> free m pool ->
    grow root l n t g d pool m = Some es -> from_pool w pool m (exec es m).
  Proof.
    intro l. induction n; intros t g d pool m es w SO B O LE P FR E; cbn [grow] in E.
    - destruct (fetch _ _ _); [|destruct (Nat.eqb 0 l); discriminate|discriminate].
      destruct (Nat.eqb 0 l); [|discriminate]. injection E as <-. intro u. left. reflexivity.
    - destruct (fetch (heap m) t (index (S n) g)) as [|u0|p kd] eqn:F; [| |discriminate].
      + destruct (Nat.eqb (S n) l) eqn:Q; [injection E as <-; intro u; left; reflexivity|].
        apply Nat.eqb_neq in Q. destruct pool as [|new pool]; [discriminate|].
        destruct (link_spec root n m t g new pool w SO O P F FR) as [A [S1 [O1 [P1 [R1 _]]]]].
        set (e := Link t (index (S n) g) new) in *.
        destruct (grow root l n new g d pool (occur e m)) as [fs|] eqn:C; [|discriminate].
        injection E as <-. intro u. change (exec (e :: fs) m) with (exec fs (occur e m)).
        destruct (IHn new g d pool (occur e m) fs w S1 B O1 ltac:(lia) P1 R1 C u) as [K|[K1 K2]].
        * rewrite K. destruct (Z.eq_dec u new) as [->|NE].
          -- right. split; [left; reflexivity|]. eauto.
          -- left. unfold e. cbn [Machine.occur place].
             rewrite (proj2 (Z.eqb_neq u new)) by exact NE. reflexivity.
        * right. split; [right; exact K1|exact K2].
      + destruct (Nat.eqb (S n) l) eqn:Q; [discriminate|]. apply Nat.eqb_neq in Q.
        apply (IHn u0 g d pool m es w SO B O); auto; [lia|].
        apply (next_place root n m t g u0 w SO P F).
  Qed.

  Lemma ours_from_pool : forall w v pool m m', ours w m -> from_pool v pool m m' ->
    (v = HOST \/ forall t, In t pool -> In (t, v) (given w)) -> ours w m'.
  Proof.
    intros w v pool m m' O F D t u x P N. destruct (F t) as [E|[I [y E]]].
    - rewrite E in P. apply (O t u x P N).
    - assert (u = v) by congruence. subst u. right. destruct D as [D|D]; [contradiction|].
      apply D, I.
  Qed.

  Lemma ours_runs : forall w es m m', sound m -> all_allowed es m -> runs es m m' ->
    ours w (exec es m) -> ours w m'.
  Proof.
    intros w es m m' SO A R O t v x P. destruct (runs_tables es m m' R SO A) as [_ [E _]].
    rewrite <- E in P. apply (O t v x P).
  Qed.

  (* A page is mapped: the tables on its way are the VM's own. *)
  Theorem map_takes_donated : forall w m m' v g p ph pv es, agree (state w) m -> ours w m ->
    v <> HOST -> is_gfn g = true -> 0 <= p < PAGES -> free m (ph ++ pv) ->
    (forall t, In t pv -> In (t, v) (given w)) ->
    map_steps root (state w) v g p ph pv m = Some es -> all_allowed es m -> runs es m m' ->
    ours w m'.
  Proof.
    intros w m m' v g p ph pv es A O VH IG B FR D E AL R.
    assert (SO := ag_sound _ _ _ A). assert (BG := gfn_page g IG).
    apply (ours_runs w es m m' SO AL R). unfold map_steps in E.
    set (fresh := (f_owner (frame_at (state w) p) =? HOST) || f_pending (frame_at (state w) p)) in E.
    assert (X : exists es1, (if fresh then from_host root p ph m else Some []) = Some es1 /\
      sound (exec (es1 ++ [Settle]) m) /\ owed (exec (es1 ++ [Settle]) m) = [] /\
      free (exec (es1 ++ [Settle]) m) pv /\ ours w (exec (es1 ++ [Settle]) m)).
    { destruct fresh.
      - destruct (from_host root p ph m) as [es1|] eqn:C; [|discriminate].
        destruct (from_host_spec root m p ph pv es1 SO B FR C) as [_ [S1 [_ [O1 R1]]]].
        exists es1. split; [reflexivity|]. split; [exact S1|]. split; [exact O1|].
        split; [exact R1|]. rewrite (exec_app root).
        apply (ours_from_pool w HOST ph m); [exact O| |auto].
        apply (cut_place TOP (root HOST) p ph pv m es1 HOST SO B); auto.
        apply (root_here root); assumption.
      - exists []. split; [reflexivity|].
        split; [apply (event_keeps_sound root Settle); [exact SO|exact Logic.I]|].
        split; [reflexivity|]. split; [apply (free_rest _ _ _ FR)|exact O]. }
    destruct X as [es1 [C1 [S1 [O1 [R1 U1]]]]]. rewrite C1 in E. cbn zeta in E.
    set (m1 := exec (es1 ++ [Settle]) m) in *.
    destruct (grow root 0 TOP (root v) g (Leaf p Normal) pv m1) as [fs|] eqn:C2; [|discriminate].
    assert (Y : es = (es1 ++ [Settle]) ++ fs) by (cbn [option_map] in E; congruence).
    subst es. rewrite (exec_app root). fold m1.
    apply (ours_from_pool w v pv m1); [exact U1| |right; exact D].
    apply (grow_place 0 TOP (root v) g (Leaf p Normal) pv m1 fs v S1 BG O1); auto;
      [unfold TOP; lia|apply (root_here root); assumption].
  Qed.

  (* A page is cleared: so are those of a block that is in the way. *)
  Theorem clear_takes_donated : forall w m m' v p ph pv es, Life w -> agree (state w) m ->
    ours w m -> vm_exists (state w) v = true -> 0 <= p < PAGES -> free m (pv ++ ph) ->
    f_owner (frame_at (state w) p) = v -> (forall t, In t pv -> In (t, v) (given w)) ->
    clear_steps root (state w) v p ph pv m = Some es -> all_allowed es m -> runs es m m' ->
    ours w m'.
  Proof.
    intros w m m' v p ph pv es L A O VX B FR OW D E AL R.
    assert (SO := ag_sound _ _ _ A). destruct (vm_exists_range _ _ VX) as [VH _].
    apply (ours_runs w es m m' SO AL R). unfold clear_steps in E.
    set (g := f_gfn (frame_at (state w) p)) in E.
    assert (BG : 0 <= g < PAGES).
    { apply gfn_page. rewrite <- OW in VX.
      apply (gf_vm _ _ _ (inv_frame _ (life_inv _ L) p) VX). }
    assert (X : exists es1, (if maps root m v g p then cut root TOP (root v) g pv m else Some []) = Some es1 /\
      sound (exec es1 m) /\ free (exec es1 m) ph /\ ours w (exec es1 m)).
    { destruct (maps root m v g p).
      - destruct (cut root TOP (root v) g pv m) as [es1|] eqn:C; [|discriminate].
        assert (P := root_here root m v g SO BG).
        destruct (cut_spec root TOP (root v) g pv ph m es1 v SO BG P FR C) as [_ [S1 [_ R1]]].
        exists es1. split; [reflexivity|]. split; [exact S1|]. split; [exact R1|].
        apply (ours_from_pool w v pv m); [exact O| |right; exact D].
        apply (cut_place TOP (root v) g pv ph m es1 v SO BG P FR C).
      - exists []. split; [reflexivity|]. split; [exact SO|].
        split; [apply (free_rest _ _ _ FR)|exact O]. }
    destruct X as [es1 [C1 [S1 [R1 U1]]]]. rewrite C1 in E.
    destruct (from_host root p ph (exec es1 m)) as [fs|] eqn:C2; [|discriminate].
    assert (Y : es = es1 ++ fs ++ [Settle]) by (cbn [option_map] in E; congruence).
    subst es. rewrite !(exec_app root).
    apply (ours_from_pool w HOST ph (exec es1 m)); [exact U1| |auto].
    apply (cut_place TOP (root HOST) p ph [] (exec es1 m) fs HOST S1 B); auto.
    - apply (root_here root); assumption.
    - rewrite app_nil_r. exact R1.
  Qed.

  (* ---------------------------------------------------------------- *)
  (* Donation                                                          *)

  (* The frame leaves the host's tree, that is settled, and it is Cordon's: the
     machine agrees, and no TLB has the frame any more. *)
  Theorem donate_joined : forall w w' m v p ph es, Life w -> agree (state w) m -> free m ph ->
    donate v p w = (Gives Ok, w') -> from_host root p ph m = Some es ->
    refines (state w) (state w') m (es ++ [Settle]) /\
    forall m', runs (es ++ [Settle]) m m' -> ours w m ->
      ours w' m' /\ forall u g k, ~ tlb m' u g (p, k).
  Proof.
    intros w w' m v p ph es L A FR E H.
    assert (L' : Life w') by (assert (X := life_donate v p w L); rewrite E in X; exact X).
    unfold donate in E. destruct (is_pfn p) eqn:IP; [|discriminate]. cbn [negb] in E.
    destruct (vm_exists (state w) v) eqn:VX; [|discriminate]. cbn [negb] in E.
    destruct (f_owner (frame_at (state w) p) =? HOST) eqn:OH; [|discriminate]. cbn [negb] in E.
    destruct (f_count (frame_at (state w) p) =? 0); [|discriminate]. cbn [negb] in E.
    injection E as <-. assert (B := pfn_page p IP).
    destruct (from_host_spec root m p ph [] es (ag_sound _ _ _ A) B) as [A1 [S1 [G [O1 _]]]];
      [rewrite app_nil_r; exact FR|exact H|].
    assert (RF : refines (state w) (take p (state w)) m (es ++ [Settle])).
    { apply (refine root); auto.
      - intros g x BG K. rewrite (G HOST g BG) in K. cbn [Z.eqb HOST] in K.
        destruct (g =? p) eqn:Q; [rewrite Z.eqb_refl in K; discriminate|].
        rewrite andb_false_r in K. apply (lets_host (state w)).
        + rewrite frame_at_take, (Z.eqb_sym p g), Q. reflexivity.
        + apply (ag_host _ _ _ A); assumption.
      - intros u g N BG. rewrite (G u g BG), (proj2 (Z.eqb_neq u HOST)) by assumption.
        rewrite lookup_take, (proj2 (Z.eqb_neq HOST u)) by congruence. cbn [andb].
        apply (ag_vm _ _ _ A); assumption. }
    split; [exact RF|]. intros m' R O. destruct RF as [AL RF]. destruct (RF m' R) as [A' TL]. split.
    - apply (ours_runs _ (es ++ [Settle]) m m' (ag_sound _ _ _ A) AL R). rewrite (exec_app root).
      intros t u x P N. cbn [Machine.exec fold_left Machine.occur place] in P.
      assert (C := cut_place TOP (root HOST) p ph [] m es HOST (ag_sound _ _ _ A) B).
      destruct (C (root_here root m HOST p (ag_sound _ _ _ A) B)
        ltac:(rewrite app_nil_r; exact FR) H t) as [K|[_ [y K]]].
      + change (place (exec es m) t = Some (u, x)) in P. rewrite K in P.
        destruct (O t u x P N) as [T|T]; [left; exact T|right; right; exact T].
      + change (place (exec es m) t = Some (u, x)) in P. congruence.
    - intros u g k T. apply TL in T. cbn [state] in T. unfold lets in T.
      assert (IG : In (p, v) ((p, v) :: given w)) by (left; reflexivity).
      destruct (u =? HOST) eqn:Q.
      + destruct T as [T1 T2].
        assert (p = g) by (injection T2 as T2 _; rewrite host_entry_frame in T2; exact T2).
        subst g. unfold may_host in T1. rewrite frame_at_take, Z.eqb_refl in T1. discriminate.
      + destruct T as [e [T1 T2]].
        destruct (donated_is_mapped_by_nobody _ p v L' IG) as [_ [N _]].
        apply (N u g e T1). unfold translation in T2. congruence.
  Qed.

  (* ---------------------------------------------------------------- *)
  (* Destroy                                                           *)

  (* All that the VM maps is cleared, page after page. *)
  Inductive clears (v : Z) : list (Z * entry) -> State -> machine -> machine -> Prop :=
  | clears_end : forall s m, clears v [] s m m
  | clears_skip : forall b l s m m', clear_page v (e_pfn (snd b)) s = None ->
      clears v l s m m' -> clears v (b :: l) s m m'
  | clears_page : forall b l s s1 m m1 m' es, clear_page v (e_pfn (snd b)) s = Some s1 ->
      is_pfn (e_pfn (snd b)) = true -> steps_to_clear root v (e_pfn (snd b)) s m es ->
      runs es m m1 -> clears v l s1 m1 m' -> clears v (b :: l) s m m'.

  Lemma clears_joined : forall v l s m m', clears v l s m m' -> Inv s ->
    vm_exists s v = true -> agree s m ->
    agree (fold_left (fun s (b : Z * entry) => clear_or_not v (e_pfn (snd b)) s) l s) m'.
  Proof.
    intros v l s m m' C. induction C as [s m|b l s m m' N C IH|b l s s1 m m1 m' es E IP ST R C IH];
      intros I V A; [exact A| |].
    - simpl. unfold clear_or_not at 2. rewrite N. apply IH; assumption.
    - simpl. unfold clear_or_not at 2. rewrite E. apply IH.
      + apply (keep_clear_page _ _ _ _ I V E).
      + rewrite (vm_exists_clear_page _ _ _ _ v E). exact V.
      + destruct ST as [ph [pv [FR ST]]].
        destruct (clear_joined root s s1 m v _ ph pv es I A V (pfn_page _ IP) FR E ST)
          as [[_ RF] _]. apply RF. exact R.
  Qed.

  (* Its tables go, one that is empty after the other. *)
  Inductive prunes (v : Z) : machine -> machine -> Prop :=
  | prunes_end : forall m, prunes v m m
  | prunes_one : forall m m1 m' t i u n a, place m t = Some (v, (S n, a)) ->
      fetch (heap m) t i = Next u -> (forall j, fetch (heap m) u j = Nothing) ->
      runs (prune_steps t i u) m m1 -> prunes v m1 m' -> prunes v m m'.

  Lemma prunes_spec : forall v m m', prunes v m m' -> sound m -> owed m = [] ->
    sound m' /\ owed m' = [] /\
    forall u g, 0 <= g < PAGES -> gives m' u g = gives m u g.
  Proof.
    intros v m m' P. induction P as [m|m m1 m' t i u n a P F E R C IH]; intros SO O; [auto|].
    destruct (prune_spec m t i u v n a SO P F E) as [A1 [_ [O1 [_ [_ G1]]]]].
    destruct (runs_gives root _ _ _ SO A1 R) as [S2 [O2 G2]].
    destruct (IH S2 ltac:(congruence)) as [S3 [O3 G3]]. split; [exact S3|]. split; [exact O3|].
    intros w g B. rewrite G3, G2, G1 by exact B. reflexivity.
  Qed.

  (* A VM is destroyed: what it maps is cleared, what else is in its tree (devices)
     is taken out and settled, its tables go back, and then all that was its or was
     donated for it is the host's.  The machine agrees with the abstract result; no
     TLB has any translation of the VM's left, so whoever comes after it with its
     number finds none; and no VM's has one of the frames that went back. *)
  Theorem destroy_joined : forall w w' m m1 m2 m3 v gs es, Life w -> agree (state w) m ->
    destroy v w = (Gives Ok, w') ->
    clears v (ZMap.bindings (row v (tables (state w)))) (state w) m m1 ->
    cuts root v [] gs m1 es -> (forall g, In g gs -> 0 <= g < PAGES) ->
    (forall g, lookup (clear_mapped v (state w)) v g <> None -> In g gs) ->
    runs (es ++ [Settle]) m1 m2 -> prunes v m2 m3 ->
    agree (state w') m3 /\
    (forall g x, ~ tlb m3 v g x) /\
    (forall p u g k, u <> HOST -> owner (state w) p = v \/ In (p, v) (given w) ->
       ~ tlb m3 u g (p, k)).
  Proof.
    intros w w' m m1 m2 m3 v gs es L A E C K BG ALL R P.
    assert (FR : free m1 []) by (split; [constructor|intros ? []]).
    assert (E0 := E). unfold destroy in E.
    destruct (vm_exists (state w) v) eqn:V; [|discriminate]. cbn [negb] in E.
    destruct (has_no_device (state w) v); [|discriminate]. cbn [negb] in E.
    destruct (life_cleared v w L V) as [L1 CS]. set (s1 := clear_mapped v (state w)) in *.
    destruct (owns_nothing s1 v) eqn:NO; [|discriminate]. injection E as <-.
    destruct (vm_exists_range _ _ V) as [VH _].
    assert (A1 : agree s1 m1) by (apply (clears_joined v _ _ m m1 C); auto using life_inv).
    assert (V1 : vm_exists s1 v = true)
      by (destruct CS as [_ [VM _]]; unfold vm_exists in *; rewrite VM; exact V).
    destruct (finish_spec v (mkWorld s1 (given w) (own w)) L1 V1) as [FA [FB [FL _]]].
    cbn [state given own] in FA, FB, FL.
    set (s' := state (finish v s1 (given w) (own w))) in *.
    assert (S1 := ag_sound _ _ _ A1).
    destruct (cuts_spec root v [] gs m1 es K S1 FR BG) as [AL [_ [_ G2]]].
    assert (AL2 : all_allowed (es ++ [Settle]) m1)
      by (apply (allowed_app root); [exact AL|split; exact Logic.I]).
    destruct (runs_gives root _ _ _ S1 AL2 R) as [S2 [O2 G2']].
    rewrite (exec_app root) in O2, G2'.
    destruct (prunes_spec v m2 m3 P S2 ltac:(exact O2)) as [S3 [O3 G3]].
    assert (G : forall u g, 0 <= g < PAGES -> gives m3 u g =
      if u =? v then if in_dec Z.eq_dec g gs then None else gives m1 u g else gives m1 u g).
    { intros u g B. rewrite G3, G2' by exact B. rewrite <- (G2 u g B). reflexivity. }
    assert (A' : agree s' m3).
    { constructor; [exact S3|exact O3| |].
      - intros g x B H. rewrite (G HOST g B), (proj2 (Z.eqb_neq HOST v)) in H by congruence.
        apply (ag_host _ _ _ A1) in H; [|exact B].
        destruct (in_dec Z.eq_dec g (donated_for v (given w))) as [I|I]; rewrite in_donated_for in I.
        + exfalso. destruct H as [H _]. unfold may_host in H.
          assert (DF := donated_frame (mkWorld s1 (given w) (own w)) g v L1 I).
          cbn [state] in DF. rewrite DF in H. discriminate.
        + apply (lets_host s1); [apply (FB g I)|exact H].
      - intros u g N B. rewrite (G u g B), FL. destruct (u =? v) eqn:Q.
        + zb. subst u. destruct (in_dec Z.eq_dec g gs) as [I|I]; [reflexivity|].
          rewrite (ag_vm _ _ _ A1 v g N B). destruct (lookup s1 v g) eqn:LK; [|reflexivity].
          exfalso. apply I, ALL. congruence.
        + apply (ag_vm _ _ _ A1); assumption. }
    split; [exact A'|]. assert (TL := agree_tlb root s' m3).
    assert (NV : forall g x, ~ tlb m3 v g x).
    { intros g x T. apply (TL v g x A') in T. unfold lets in T.
      rewrite (proj2 (Z.eqb_neq v HOST)) in T by exact VH. destruct T as [e [T _]].
      rewrite FL, Z.eqb_refl in T. discriminate. }
    split; [exact NV|]. intros p u g k NH HP T.
    destruct (destroy_gives_everything_back v w _ L E0) as [HB _].
    destruct (HB p HP) as [F _]. fold s' in F.
    assert (L' : Life (finish v s1 (given w) (own w))).
    { assert (X := deed_keeps (Destroy v) w L). cbn [deed_step] in X. rewrite E0 in X. exact X. }
    apply (TL u g _ A') in T. unfold lets in T.
    rewrite (proj2 (Z.eqb_neq u HOST)) in T by exact NH. destruct T as [e [T1 T2]].
    destruct (inv_vm _ (life_inv _ L') u g e NH T1) as [_ [[_ Y]|[Y _]]];
      assert (PE : e_pfn e = p) by (unfold translation in T2; congruence);
      fold s' in Y; unfold owner in Y; rewrite PE, F in Y; cbn [f_owner] in Y;
      [discriminate|congruence].
  Qed.

  (* ---- and all its tables can go ---- *)

  Lemma place_range : forall m, sound m -> forall t w n a, place m t = Some (w, (n, a)) ->
    0 <= a /\ (a + 1) * span (S n) <= PAGES.
  Proof.
    intros m SO. assert (G : forall d t w n a, (TOP - n = d)%nat ->
      place m t = Some (w, (n, a)) -> 0 <= a /\ (a + 1) * span (S n) <= PAGES).
    { induction d; intros t w n a D P;
      destruct (so_linked root m SO t w n a P) as [LE [[_ [-> ->]]|[t0 [P0 F]]]].
      - change (span (S TOP)) with PAGES. lia.
      - destruct (so_linked root m SO t0 w (S n) _ P0) as [LE2 _]. lia.
      - change (span (S TOP)) with PAGES. lia.
      - destruct (IHd t0 w (S n) (a / 512) ltac:(lia) P0) as [A B].
        rewrite (span_S (S n)) in B. pose proof (span_pos (S n)).
        pose proof (Z.div_mod a 512). pose proof (Z.mod_pos_bound a 512). nia. }
    intros t w n a. apply (G (TOP - n)%nat t w n a). reflexivity.
  Qed.

  Definition maps_nothing (v : Z) (m : machine) : Prop :=
    forall g, 0 <= g < PAGES -> gives m v g = None.

  Lemma no_leaf : forall m v t n a j p kd, sound m -> maps_nothing v m ->
    place m t = Some (v, (n, a)) -> fetch (heap m) t j <> Leaf p kd.
  Proof.
    intros m v t n a j p kd SO N P F.
    assert (J : 0 <= j < 512) by (apply (so_slots root m SO t j); congruence).
    destruct (place_range m SO t v n a P) as [A B].
    rewrite span_S in B. assert (SP := span_pos n).
    assert (G : 0 <= (a * 512 + j) * span n < PAGES) by nia.
    assert (X := fetched_gives root m t j v n a SO P J ltac:(congruence) _ G
      ltac:(apply Z.div_mul; lia)).
    rewrite (N _ G), F in X. discriminate.
  Qed.

  Lemma prunes_app : forall v m m1 m2, prunes v m m1 -> prunes v m1 m2 -> prunes v m m2.
  Proof.
    intros v m m1 m2 P. induction P as [m|m m0 m1 t i u n a P F E R C IH]; intro Q; [exact Q|].
    apply (prunes_one v m m0 m2 t i u n a); auto.
  Qed.

  Lemma runs_exec : forall es m, runs es m (exec es m).
  Proof. induction es as [|e es IH]; intro m; [constructor|]. apply runs_step. apply IH. Qed.

  (* The tables below table [t] of [v], of level [n], go: all others stay. *)
  Definition emptied (v t : Z) (n : nat) (m m' : machine) : Prop :=
    prunes v m m' /\ sound m' /\ owed m' = [] /\ maps_nothing v m' /\
    place m' t = place m t /\
    forall t' w k b, place m t' = Some (w, (k, b)) -> (n < k)%nat \/ (n = k /\ t' <> t) ->
      place m' t' = place m t' /\ forall j, fetch (heap m') t' j = fetch (heap m) t' j.

  Lemma emptied_refl : forall v t n m, sound m -> owed m = [] -> maps_nothing v m ->
    emptied v t n m m.
  Proof.
    intros v t n m SO O N. split; [constructor|]. split; [exact SO|]. split; [exact O|].
    split; [exact N|]. split; [reflexivity|]. intros. split; reflexivity.
  Qed.

  Lemma empty_below : forall v n m t a, sound m -> owed m = [] -> maps_nothing v m ->
    place m t = Some (v, (n, a)) ->
    exists m', emptied v t n m m' /\ forall j, fetch (heap m') t j = Nothing.
  Proof.
    intro v. induction n as [|n IH]; intros m t a SO O N P.
    - exists m. split; [apply emptied_refl; assumption|]. intro j.
      destruct (fetch (heap m) t j) as [|u|p kd] eqn:F; [reflexivity| |].
      + destruct (so_tree root m SO v) as [T _].
        destruct (T t j u 0%nat _ F (tree_of_same _ _ _ _ P)) as [k [K _]]. discriminate.
      + exfalso. apply (no_leaf m v t 0 a j p kd SO N P F).
    - assert (L : forall l, exists m', emptied v t (S n) m m' /\
        (forall j, In j l -> fetch (heap m') t j = Nothing) /\
        forall j, fetch (heap m') t j <> Nothing -> fetch (heap m) t j <> Nothing).
      { induction l as [|i l [m1 [[PR [S1 [O1 [N1 [P1 E1]]]]] [F1 D1]]]].
        - exists m. split; [apply emptied_refl; assumption|]. split; [intros ? []|auto].
        - destruct (fetch (heap m1) t i) as [|u|p kd] eqn:F.
          + exists m1. split; [exact (conj PR (conj S1 (conj O1 (conj N1 (conj P1 E1)))))|].
            split; [|exact D1].
            intros j [<-|J]; auto.
          + assert (PT : place m1 t = Some (v, (S n, a))) by congruence.
            assert (PU : place m1 u = Some (v, (n, a * 512 + i))).
            { destruct (so_tree root m1 S1 v) as [T _].
              destruct (T t i u _ _ F (tree_of_same _ _ _ _ PT)) as [k [K1 K2]].
              injection K1 as <-. unfold tree_of in K2.
              destruct (place m1 u) as [[w x]|]; [|discriminate].
              destruct (w =? v) eqn:Q; [|discriminate]. zb. congruence. }
            destruct (IH m1 u _ S1 O1 N1 PU) as [m2 [[PR2 [S2 [O2 [N2 [P2 E2]]]]] F2]].
            destruct (E2 t v (S n) a PT ltac:(left; lia)) as [PT2 FT2].
            assert (FU : fetch (heap m2) t i = Next u) by (rewrite FT2; exact F).
            destruct (prune_spec m2 t i u v n a S2 ltac:(congruence) FU F2)
              as [A3 [S3 [O3 [_ [_ G3]]]]].
            assert (FE : forall t' j, fetch (heap (exec (prune_steps t i u) m2)) t' j =
              if (t =? t') && (i =? j) then Nothing else fetch (heap m2) t' j)
              by (intros; cbn [Machine.exec prune_steps fold_left Machine.occur heap];
                  apply fetch_store).
            assert (PE : forall t', t' <> u ->
              place (exec (prune_steps t i u) m2) t' = place m2 t').
            { intros t' X. cbn [Machine.exec prune_steps fold_left Machine.occur place].
              rewrite (proj2 (Z.eqb_neq t' u)) by exact X. reflexivity. }
            assert (TU : t <> u) by (intros ->; rewrite PT in PU; injection PU; lia).
            exists (exec (prune_steps t i u) m2). split; [|split].
            * split; [|split; [exact S3|split; [exact O3|split; [|split]]]].
              -- apply (prunes_app v m m1); [exact PR|]. apply (prunes_app v m1 m2); [exact PR2|].
                 apply (prunes_one v m2 (exec (prune_steps t i u) m2) _ t i u n a); auto;
                   [congruence|apply runs_exec|constructor].
              -- intros g B. rewrite G3 by exact B. apply N2, B.
              -- rewrite PE by exact TU. congruence.
              -- intros t' w k b X K. destruct (E1 t' w k b X K) as [X1 X2].
                 assert (X' : place m1 t' = Some (w, (k, b))) by congruence.
                 destruct (E2 t' w k b X' ltac:(left; destruct K; lia)) as [Y1 Y2].
                 assert (TU' : t' <> u).
                 { intros ->. rewrite X' in PU. injection PU as _ PU _. destruct K; lia. }
                 split; [rewrite PE by exact TU'; congruence|]. intro j. rewrite FE.
                 assert (TT : t <> t').
                 { intros <-. destruct K as [K|[_ K]]; [|congruence].
                   rewrite PT in X'. injection X' as _ X' _. lia. }
                 rewrite (proj2 (Z.eqb_neq t t')) by exact TT. cbn [andb].
                 rewrite Y2. apply X2.
            * intros j J. rewrite FE, Z.eqb_refl. cbn [andb]. destruct (i =? j) eqn:Q; [reflexivity|].
              zb. destruct J as [J|J]; [contradiction|]. rewrite FT2. apply F1, J.
            * intros j X. rewrite FE, Z.eqb_refl in X. cbn [andb] in X.
              destruct (i =? j); [contradiction|]. apply D1. rewrite <- FT2. exact X.
          + exfalso. apply (no_leaf m1 v t (S n) a i p kd S1 N1 ltac:(congruence) F). }
      destruct (L slots) as [m' [E [F D]]]. exists m'. split; [exact E|]. intro j.
      destruct (in_dec Z.eq_dec j slots) as [J|J]; [apply F, J|].
      destruct E as [_ [S1 _]].
      destruct (fetch (heap m') t j) eqn:X; [reflexivity| |]; exfalso; apply J, in_slots;
        apply (so_slots root m' S1 t j); congruence.
  Qed.

  (* Where a VM's tree gives nothing, empty tables can be taken out one after the
     other until its first table alone is left: no table is lost. *)
  Theorem every_table_can_go : forall m v, sound m -> owed m = [] -> maps_nothing v m ->
    exists m', prunes v m m' /\ sound m' /\ owed m' = [] /\
      forall t x, place m' t = Some (v, x) -> t = root v.
  Proof.
    intros m v SO O N.
    destruct (empty_below v TOP m (root v) 0 SO O N (so_root root m SO v))
      as [m' [[P [S1 [O1 _]]] F]].
    exists m'. split; [exact P|]. split; [exact S1|]. split; [exact O1|].
    assert (G : forall d t n b, (TOP - n = d)%nat -> place m' t = Some (v, (n, b)) -> t = root v).
    { induction d; intros t n b D Q;
      destruct (so_linked root m' S1 t v n b Q) as [LE [[R _]|[t0 [P0 F0]]]]; try exact R.
      - destruct (so_linked root m' S1 t0 v (S n) _ P0) as [LE2 _]. lia.
      - rewrite (IHd t0 (S n) _ ltac:(lia) P0), F in F0. discriminate. }
    intros t [n b] Q. apply (G (TOP - n)%nat t n b eq_refl Q).
  Qed.

End Lifetime.
