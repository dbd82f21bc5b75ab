(* Blocks of 512 pages, in the same statement as Joined.v: one that is mapped where
   nothing was, and one that takes the place of its pages. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  KeepMap Steps Table Machine Joined.
Import ListNotations.
Local Open Scope Z_scope.

Section Blocks.

  Variable root : Z -> Z.

  Notation gives := (gives root).
  Notation sound := (sound root).
  Notation occur := (occur root).
  Notation exec := (exec root).
  Notation all_allowed := (all_allowed root).
  Notation agree := (agree root).
  Notation refines := (refines root).
  Notation cuts := (cuts root).
  Notation grow := (grow root).

  (* A block where nothing was. *)
  Theorem map_block_joined : forall s s' m v b p pv es1 fs, Inv s -> agree s m ->
    vm_exists s v = true -> b mod 512 = 0 -> 0 <= b -> b + 512 <= PAGES ->
    0 <= p -> p + 512 <= PAGES -> free m pv ->
    (forall i, 0 <= i < 512 -> lookup s v (b + i) = None) ->
    map_block v b p s = (Ok, s') ->
    cuts HOST pv (fresh_frames s p) m es1 ->
    let m1 := exec (es1 ++ [Settle]) m in
    let ws := way TOP (root v) b m1 in
    grow 1 TOP (root v) b (Leaf p Normal) pv (exec ws m1) = Some fs ->
    refines s s' m ((es1 ++ [Settle]) ++ ws ++ fs).
  Proof.
    intros s s' m v b p pv es1 fs I A VX MB B1 B2 P1 P2 FR U E C m1 ws G.
    destruct (vm_exists_range _ _ VX) as [VH _].
    (* the state *)
    assert (UU : all_pages BLOCK_NAT 0 (fun i => unmapped s v (b + i)) = true).
    { apply all_pages_spec. rewrite block_nat. intros i Hi. unfold unmapped. rewrite U by lia.
      reflexivity. }
    unfold map_block in E. rewrite UU in E.
    destruct (first_refusal _ _ _) as [r|] eqn:R in E; [discriminate|].
    assert (AR : forall i, 0 <= i < 512 -> assign_refusal s v (b + i) (p + i) = None).
    { intros i Hi. apply (first_refusal_none _ _ _ R i). rewrite block_nat. lia. }
    apply (f_equal snd) in E. cbn [snd] in E.
    (* the host *)
    destruct (cuts_spec root HOST pv _ m es1 C (ag_sound _ _ _ A) FR) as [A1 [S1 [R1 G1]]].
    { intros q H. apply in_fresh in H. lia. }
    assert (AL1 : all_allowed (es1 ++ [Settle]) m)
      by (apply (allowed_app root); [exact A1|split; exact Logic.I]).
    assert (M1 : m1 = occur Settle (exec es1 m)) by (unfold m1; rewrite (exec_app root); reflexivity).
    assert (S2 : sound m1) by (rewrite M1; apply (event_keeps_sound root); [exact S1|exact Logic.I]).
    assert (O2 : owed m1 = []) by (rewrite M1; reflexivity).
    assert (R2 : free m1 pv) by (rewrite M1; exact R1).
    assert (G2 : forall u x, 0 <= x < PAGES -> gives m1 u x = gives (exec es1 m) u x)
      by (intros; rewrite M1; reflexivity).
    destruct (block_spec root m1 v b p pv fs S2 O2 ltac:(lia) R2 G) as [A3 [O3 G3]].
    fold ws in A3, O3, G3.
    assert (F' : forall q, frame_at s' q = frame_at (assign_all v b p BLOCK_NAT s) q)
      by (intro q; rewrite <- E; st; reflexivity).
    assert (L' : forall w h, lookup s' w h =
      if (v =? w) && (b <=? h) && (h <? b + 512) then as_block b p h
      else lookup (assign_all v b p BLOCK_NAT s) w h)
      by (intros w h; rewrite <- E, lookup_put_entries, block_nat; reflexivity).
    clear E.
    apply (refine root).
    - exact A.
    - apply (allowed_app root); assumption.
    - rewrite (exec_app root). exact O3.
    - intros q x BQ K. rewrite (exec_app root) in K. fold m1 in K. fold ws in K.
      rewrite (G3 HOST q BQ), (proj2 (Z.eqb_neq HOST v)) in K by congruence. cbn [andb] in K.
      rewrite (G2 HOST q BQ), (G1 HOST q BQ), Z.eqb_refl in K.
      destruct (in_dec Z.eq_dec q (fresh_frames s p)) as [F|F]; [discriminate|].
      apply (ag_host _ _ _ A) in K; [|exact BQ].
      assert (FQ := frame_at_assign_all BLOCK_NAT s v b p q). rewrite block_nat in FQ.
      destruct ((p <=? q) && (q <? p + 512)) eqn:Q.
      + assert (QP : p <= q < p + 512) by (zb; lia).
        assert (NF : (f_owner (frame_at s q) =? HOST) || f_pending (frame_at s q) = false)
          by (apply not_true_iff_false; intro H; apply F, in_fresh; auto).
        apply orb_false_iff in NF. destruct NF as [N1 N2].
        assert (AQ := AR (q - p) ltac:(lia)). replace (p + (q - p)) with q in AQ by lia.
        unfold assign_refusal in AQ. rewrite N1 in AQ.
        destruct (f_owner (frame_at s q) =? v) eqn:OV; [|discriminate]. zb.
        unfold lets in *. simpl in *. unfold may_host, host_entry, owner in *.
        rewrite F', FQ. unfold assigned_frame. rewrite (proj2 (Z.eqb_neq _ _) N1), N2.
        cbn [orb f_owner f_count f_pending]. rewrite OV, N2 in K. exact K.
      + apply (lets_host s); [rewrite F'; exact FQ|exact K].
    - intros w h N BH. rewrite (exec_app root). fold m1. fold ws.
      rewrite (G3 w h BH), L', (in_block b h MB), (Z.eqb_sym v w),
        lookup_assign_all by assumption.
      destruct ((w =? v) && ((b <=? h) && (h <? b + 512))) eqn:Q;
        rewrite andb_assoc in Q; rewrite Q.
      + apply block_meaning; [exact MB|]. zb. lia.
      + rewrite (G2 w h BH), (G1 w h BH), (proj2 (Z.eqb_neq w HOST)) by assumption.
        apply (ag_vm _ _ _ A); assumption.
  Qed.

  (* 512 pages become a block: their table goes, that is settled, and the block
     comes. *)
  Theorem join_joined : forall s s' m v b p pv fs, Inv s -> agree s m ->
    vm_exists s v = true -> b mod 512 = 0 -> 0 <= b -> b + 512 <= PAGES -> free m pv ->
    (forall i, 0 <= i < 512 -> maps_normal s v (b + i) (p + i) = true) ->
    level_at s v b <> 2 -> map_block v b p s = (Ok, s') ->
    let ws := way TOP (root v) b m in
    grow 1 TOP (root v) b (Leaf p Normal) pv (exec ws m) = Some fs ->
    refines s s' m (ws ++ fs).
  Proof.
    intros s s' m v b p pv fs I A VX MB B1 B2 FR MN LV E ws G.
    destruct (vm_exists_range _ _ VX) as [VH _]. unfold map_block in E.
    destruct (all_pages BLOCK_NAT 0 (fun i => unmapped s v (b + i))) eqn:U.
    { exfalso. rewrite all_pages_spec, block_nat in U. specialize (U 0 ltac:(lia)).
      specialize (MN 0 ltac:(lia)). unfold unmapped, maps_normal in *.
      destruct (lookup s v (b + 0)); discriminate. }
    destruct (all_pages BLOCK_NAT 0 (fun i => maps_normal s v (b + i) (p + i))) in E;
      [|discriminate].
    rewrite (proj2 (Z.eqb_neq _ _) LV) in E. apply (f_equal snd) in E. cbn [snd] in E.
    destruct (block_spec root m v b p pv fs (ag_sound _ _ _ A) (ag_paid _ _ _ A) ltac:(lia) FR G)
      as [A3 [O3 G3]]. fold ws in A3, O3, G3.
    assert (F' : forall q, frame_at s' q = frame_at s q)
      by (intro q; rewrite <- E; st; reflexivity).
    assert (L' : forall w h, lookup s' w h =
      if (v =? w) && (b <=? h) && (h <? b + 512) then as_block b p h else lookup s w h)
      by (intros w h; rewrite <- E, lookup_put_entries, block_nat; reflexivity).
    clear E.
    apply (refine root).
    - exact A.
    - exact A3.
    - exact O3.
    - intros q x BQ K. rewrite (G3 HOST q BQ), (proj2 (Z.eqb_neq HOST v)) in K by congruence.
      apply (lets_host s); [apply F'|]. apply (ag_host _ _ _ A); assumption.
    - intros w h N BH.
      rewrite (G3 w h BH), L', (in_block b h MB), (Z.eqb_sym v w).
      destruct ((w =? v) && ((b <=? h) && (h <? b + 512))) eqn:Q;
        rewrite andb_assoc in Q; rewrite Q.
      + apply block_meaning; [exact MB|]. zb. lia.
      + apply (ag_vm _ _ _ A); assumption.
  Qed.

  (* ---- when a pool is short ---- *)

  (* No block is met on the way to page [g]. *)
  Fixpoint no_block (n : nat) (t g : Z) (m : machine) : Prop :=
    match fetch (heap m) t (index n g), n with
    | Leaf _ _, S _ => False
    | Next u, S k => no_block k u g m
    | _, _ => True
    end.

  Lemma puts_elsewhere : forall f new t' l m, new <> t' ->
    let m' := exec (map (fun i => Put new i (f i)) l) m in
    place m' t' = place m t' /\ forall j, fetch (heap m') t' j = fetch (heap m) t' j.
  Proof.
    intros f new t'. induction l as [|i l IH]; intros m N m'; [auto|].
    destruct (IH (occur (Put new i (f i)) m) N) as [I1 I2].
    split; [exact I1|]. intro j. refine (eq_trans (I2 j) _). cbn [Machine.occur heap].
    rewrite fetch_store, (proj2 (Z.eqb_neq new t')) by exact N. reflexivity.
  Qed.

  (* A split changes its own table, in one place, and the new one. *)
  Lemma split_elsewhere : forall t i new p kd n m t' j, new <> t' ->
    let m' := exec (split_steps t i new p kd n) m in
    place m' t' = place m t' /\
    fetch (heap m') t' j =
      if (t =? t') && (i =? j) then Next new else fetch (heap m) t' j.
  Proof.
    intros t i new p kd n m t' j N m'. unfold m', split_steps. rewrite !(exec_app root).
    destruct (puts_elsewhere (fun j => Leaf (p + j * span n) kd) new t' slots
      (exec [Put t i Nothing; Settle] m) N) as [Q1 Q2].
    set (m2 := exec (map (fun j => Put new j (Leaf (p + j * span n) kd)) slots)
      (exec [Put t i Nothing; Settle] m)) in *.
    change (exec [Link t i new] m2) with (occur (Link t i new) m2).
    cbn [Machine.occur place heap]. rewrite (proj2 (Z.eqb_neq t' new)) by congruence.
    split; [rewrite Q1; reflexivity|]. rewrite fetch_store.
    destruct ((t =? t') && (i =? j)) eqn:E; [reflexivity|]. rewrite Q2.
    cbn [Machine.exec fold_left Machine.occur heap]. rewrite fetch_store, E. reflexivity.
  Qed.

  (* Steps below a table leave the tables above it, and other trees, alone. *)
  Lemma cut_elsewhere : forall n t g pool rest m es w t' w' k a j, sound m -> 0 <= g < PAGES ->
    place m t = Some (w, (n, g / span (S n))) -> free m (pool ++ rest) ->
    Joined.cut root n t g pool m = Some es ->
    place m t' = Some (w', (k, a)) -> (w' <> w \/ (n < k)%nat) ->
    fetch (heap (exec es m)) t' j = fetch (heap m) t' j.
  Proof.
    induction n; intros t g pool rest m es w t' w' k a j SO B P FR E P' D; cbn [Joined.cut] in E.
    - assert (N : t <> t') by (intros ->; destruct D; [congruence|]; assert (k = 0%nat) by congruence; lia).
      destruct (fetch (heap m) t (index 0 g)); injection E as <-; try reflexivity.
      cbn [Machine.exec fold_left Machine.occur heap].
      rewrite fetch_store, (proj2 (Z.eqb_neq t t')) by exact N. reflexivity.
    - assert (N : t <> t') by (intros ->; destruct D; [congruence|]; assert (k = S n) by congruence; lia).
      destruct (fetch (heap m) t (index (S n) g)) as [|u0|p kd] eqn:F.
      + injection E as <-. reflexivity.
      + apply (IHn u0 g pool rest m es w t' w' k a j SO B); auto.
        * apply (next_place root n m t g u0 w SO P F).
        * destruct D; [left; assumption|right; lia].
      + destruct pool as [|new pool]; [discriminate|].
        destruct (split_spec root m t new p kd n w g (pool ++ rest) SO B P F FR)
          as [A1 [S1 [_ [P1 FR1]]]].
        set (fs := split_steps t (index (S n) g) new p kd n) in *.
        destruct (Joined.cut root n new g pool (exec fs m)) as [gs|] eqn:C; [|discriminate].
        unfold option_map in E. assert (X : es = fs ++ gs) by congruence. clear E. subst es.
        assert (TN : new <> t').
        { intros ->. destruct FR as [_ FR]. destruct (FR t' (or_introl eq_refl)). congruence. }
        assert (PF : place (exec fs m) t' = Some (w', (k, a)) /\
          fetch (heap (exec fs m)) t' j = fetch (heap m) t' j).
        { destruct (split_elsewhere t (index (S n) g) new p kd n m t' j TN) as [Q1 Q2].
          fold fs in Q1, Q2. rewrite Q1, Q2, (proj2 (Z.eqb_neq t t')) by exact N. auto. }
        destruct PF as [PF1 PF2]. rewrite (exec_app root), <- PF2.
        apply (IHn new g pool rest (exec fs m) gs w t' w' k a j S1 B P1 FR1 C PF1).
        destruct D; [left; assumption|right; lia].
  Qed.

  (* After a page was taken out, no block is on its way. *)
  Lemma cut_no_block : forall n t g pool rest m es w, sound m -> 0 <= g < PAGES ->
    place m t = Some (w, (n, g / span (S n))) -> free m (pool ++ rest) ->
    Joined.cut root n t g pool m = Some es -> no_block n t g (exec es m).
  Proof.
    induction n; intros t g pool rest m es w SO B P FR E.
    - cbn [no_block]. destruct (fetch (heap (exec es m)) t (index 0 g)); exact Logic.I.
    - assert (E0 := E). cbn [Joined.cut] in E.
      destruct (fetch (heap m) t (index (S n) g)) as [|u0|p kd] eqn:F.
      + injection E as <-. cbn [Machine.exec fold_left no_block]. rewrite F. exact Logic.I.
      + assert (PU := next_place root n m t g u0 w SO P F). cbn [no_block].
        rewrite (cut_elsewhere n u0 g pool rest m es w t w (S n) _ (index (S n) g) SO B PU FR E P)
          by (right; lia).
        rewrite F. apply (IHn u0 g pool rest m es w SO B PU FR E).
      + destruct pool as [|new pool]; [discriminate|].
        destruct (split_spec root m t new p kd n w g (pool ++ rest) SO B P F FR)
          as [A1 [S1 [_ [P1 FR1]]]].
        set (fs := split_steps t (index (S n) g) new p kd n) in *.
        destruct (Joined.cut root n new g pool (exec fs m)) as [gs|] eqn:C; [|discriminate].
        unfold option_map in E. assert (X : es = fs ++ gs) by congruence. clear E. subst es.
        assert (TN : t <> new).
        { intros ->. destruct FR as [_ FR]. destruct (FR new (or_introl eq_refl)). congruence. }
        assert (PT : place (exec fs m) t = Some (w, (S n, g / span (S (S n)))) /\
          fetch (heap (exec fs m)) t (index (S n) g) = Next new).
        { destruct (split_elsewhere t (index (S n) g) new p kd n m t (index (S n) g)) as [Q1 Q2];
            [congruence|]. fold fs in Q1, Q2. rewrite Q1, Q2, !Z.eqb_refl. auto. }
        destruct PT as [PT1 PT2]. rewrite (exec_app root). cbn [no_block].
        rewrite (cut_elsewhere n new g pool rest (exec fs m) gs w t w (S n) _ (index (S n) g)
          S1 B P1 FR1 C PT1) by (right; lia).
        rewrite PT2. apply (IHn new g pool rest (exec fs m) gs w S1 B P1 FR1 C).
  Qed.

  Lemma same_index : forall k g h, g / 512 = h / 512 -> index (S k) g = index (S k) h.
  Proof.
    intros k g h E. unfold index.
    assert (S1 : span (S k) = 512 * span k).
    { unfold span. rewrite Nat2Z.inj_succ, Z.pow_succ_r by lia. reflexivity. }
    assert (SP := span_pos k). rewrite S1, <- !Z.div_div, E by lia. reflexivity.
  Qed.

  Lemma no_block_same : forall n t g h m, g / 512 = h / 512 -> no_block n t g m ->
    no_block n t h m.
  Proof.
    induction n; intros t g h m E N; cbn [no_block] in *.
    - destruct (fetch (heap m) t (index 0 h)); exact Logic.I.
    - rewrite <- (same_index n g h E).
      destruct (fetch (heap m) t (index (S n) g)); auto. apply (IHn _ g h m E N).
  Qed.

  Lemma no_block_cut : forall n t g pool m, no_block n t g m ->
    exists es, Joined.cut root n t g pool m = Some es.
  Proof.
    induction n; intros t g pool m N; cbn [Joined.cut no_block] in *.
    - destruct (fetch (heap m) t (index 0 g)); eauto.
    - destruct (fetch (heap m) t (index (S n) g)); eauto; contradiction.
  Qed.

  (* The pages of one block leave a tree: a pool that has a table for each level of a
     walk is enough for all of them. *)
  Lemma block_cuts : forall w gs m ph rest, sound m -> free m (ph ++ rest) ->
    (TOP <= length ph)%nat -> (forall g, In g gs -> 0 <= g < PAGES) ->
    (forall g h, In g gs -> In h gs -> g / 512 = h / 512) ->
    exists es, cuts w rest gs m es.
  Proof.
    intros w gs m ph rest SO FR L B S.
    assert (G : forall gs m, sound m -> free m rest -> (forall g, In g gs -> 0 <= g < PAGES) ->
      (forall g, In g gs -> no_block TOP (root w) g m) ->
      (forall g h, In g gs -> In h gs -> g / 512 = h / 512) -> exists es, cuts w rest gs m es).
    { clear. induction gs as [|g gs IH]; intros m SO FR B N S; [eexists; constructor|].
      destruct (no_block_cut TOP (root w) g [] m (N g (or_introl eq_refl))) as [es E].
      assert (BG := B g (or_introl eq_refl)). assert (P := root_here root m w g SO BG).
      destruct (cut_spec root TOP (root w) g [] rest m es w SO BG P FR E) as [_ [S1 [_ FR1]]].
      assert (N1 := cut_no_block TOP (root w) g [] rest m es w SO BG P FR E).
      destruct (IH (exec es m) S1 FR1) as [fs F].
      - intros h H. apply B. right. exact H.
      - intros h H. apply (no_block_same TOP (root w) g h _); [|exact N1].
        apply S; [left; reflexivity|right; exact H].
      - intros x y X Y. apply S; right; assumption.
      - exists (es ++ fs). apply (cuts_cons root w rest g gs m [] es fs); assumption. }
    destruct gs as [|g gs]; [eexists; constructor|].
    assert (BG := B g (or_introl eq_refl)). assert (P := root_here root m w g SO BG).
    destruct (Joined.cut root TOP (root w) g ph m) as [es|] eqn:E.
    2: { apply cut_memory in E. lia. }
    destruct (cut_spec root TOP (root w) g ph rest m es w SO BG P FR E) as [_ [S1 [_ FR1]]].
    assert (N1 := cut_no_block TOP (root w) g ph rest m es w SO BG P FR E).
    destruct (G gs (exec es m) S1 FR1) as [fs F].
    - intros h H. apply B. right. exact H.
    - intros h H. apply (no_block_same TOP (root w) g h _); [|exact N1].
      apply S; [left; reflexivity|right; exact H].
    - intros x y X Y. apply S; right; assumption.
    - exists (es ++ fs). apply (cuts_cons root w rest g gs m ph es fs); assumption.
  Qed.

  (* No table of pages is met on the way to [g]. *)
  Fixpoint no_pages (n : nat) (t g : Z) (m : machine) : Prop :=
    match fetch (heap m) t (index n g), n with
    | Next u, S k => match k with O => False | _ => no_pages k u g m end
    | _, _ => True
    end.

  (* What is left when the table of pages was taken out. *)
  Lemma way_no_pages : forall n t g m w, sound m -> (1 <= n)%nat -> 0 <= g < PAGES ->
    place m t = Some (w, (n, g / span (S n))) ->
    let m' := exec (way n t g m) m in
    no_pages n t g m' /\ (gives m w g = None -> gives m' w g = None) /\
    (forall t' w' k a j, place m t' = Some (w', (k, a)) -> (w' <> w \/ (n < k)%nat) ->
       fetch (heap m') t' j = fetch (heap m) t' j).
  Proof.
    induction n as [|k IH]; intros t g m w SO LE B P m'; [lia|]. unfold m'. cbn [way].
    destruct (fetch (heap m) t (index (S k) g)) as [|u0|p kd] eqn:F.
    1, 3: cbn [Machine.exec fold_left no_pages]; rewrite F; auto.
    destruct k as [|k].
    - cbn [Nat.eqb Machine.exec fold_left Machine.occur heap no_pages].
      rewrite fetch_store, !Z.eqb_refl. cbn [andb]. split; [exact Logic.I|]. split.
      + intros _. unfold Machine.gives. cbn [Machine.occur heap].
        rewrite (put_gives root m t (index 1 g) Nothing w 1 _ SO P (index_range 1 g))
          by (discriminate || exact B).
        rewrite below, !Z.eqb_refl. reflexivity.
      + intros t' w' k a j P' D.
        rewrite fetch_store, (proj2 (Z.eqb_neq t t')); [reflexivity|]. intros ->.
        destruct D; [congruence|]. assert (k = 1%nat) by congruence. lia.
    - cbn [Nat.eqb]. assert (PU := next_place root (S k) m t g u0 w SO P F).
      destruct (IH u0 g m w SO ltac:(lia) B PU) as [N1 [N2 N3]].
      split; [|split; [exact N2|]].
      + cbn [no_pages]. rewrite (N3 t w (S (S k)) _ (index (S (S k)) g) P) by (right; lia).
        rewrite F. exact N1.
      + intros t' w' j a i P' D. apply (N3 t' w' j a i P'). destruct D; [auto|right; lia].
  Qed.

  Lemma grow_block_memory : forall n t g d pool m w, sound m -> 0 <= g < PAGES ->
    owed m = [] -> (1 <= n)%nat -> place m t = Some (w, (n, g / span (S n))) -> free m pool ->
    no_pages n t g m -> gives m w g = None -> grow 1 n t g d pool m = None ->
    (length pool < n)%nat.
  Proof.
    induction n; intros t g d pool m w SO B O LE P FR NP G E; [lia|]. cbn [Joined.grow] in E.
    assert (I := index_range (S n) g). cbn [no_pages] in NP.
    destruct (fetch (heap m) t (index (S n) g)) as [|u|p kd] eqn:F.
    - destruct n as [|n]; [discriminate|]. cbn [Nat.eqb] in E.
      destruct pool as [|new pool]; [simpl; lia|].
      destruct (link_spec root (S n) m t g new pool w SO O P F FR) as [A [S1 [O1 [P1 [R1 G1]]]]].
      set (e := Link t (index (S (S n)) g) new) in *.
      destruct (Joined.grow root 1 (S n) new g d pool (occur e m)) as [fs|] eqn:C; [discriminate|].
      apply (IHn new g d pool (occur e m) w S1 B O1 ltac:(lia) P1 R1) in C; [simpl; lia| |].
      + destruct FR as [_ FR]. destruct (FR new (or_introl eq_refl)) as [PN FN].
        cbn [no_pages]. unfold e. cbn [Machine.occur heap].
        rewrite fetch_store, (proj2 (Z.eqb_neq t new)) by congruence. cbn [andb].
        rewrite FN. exact Logic.I.
      + rewrite G1 by exact B. exact G.
    - destruct n as [|n]; [contradiction|]. cbn [Nat.eqb] in E.
      apply (IHn u g d pool m w SO B O ltac:(lia)) in E; auto.
      apply (next_place root (S n) m t g u w SO P F).
    - exfalso.
      rewrite (fetched_gives root m t (index (S n) g) w (S n) (g / span (S (S n))) SO P I) in G;
        [rewrite F in G; discriminate|intro; rewrite F; discriminate|exact B|].
      rewrite below. reflexivity.
  Qed.

  (* A block that comes where nothing was lacks no table, on either side, while each
     pool has as many as a walk has levels. *)
  Theorem map_block_memory : forall s m v b p ph pv, agree s m -> v <> HOST ->
    b mod 512 = 0 -> 0 <= b < PAGES -> p mod 512 = 0 -> 0 <= p -> p + 512 <= PAGES ->
    lookup s v b = None -> free m (ph ++ pv) ->
    (TOP <= length ph)%nat -> (TOP <= length pv)%nat ->
    exists es1, cuts HOST pv (fresh_frames s p) m es1 /\
      let m1 := exec (es1 ++ [Settle]) m in
      let ws := way TOP (root v) b m1 in
      exists fs, grow 1 TOP (root v) b (Leaf p Normal) pv (exec ws m1) = Some fs.
  Proof.
    intros s m v b p ph pv A VH MB BB MP P0 P1 U FR LH LV.
    assert (SO := ag_sound _ _ _ A).
    assert (BF : forall q, In q (fresh_frames s p) -> 0 <= q < PAGES)
      by (intros q H; apply in_fresh in H; lia).
    destruct (block_cuts HOST (fresh_frames s p) m ph pv SO FR LH BF) as [es1 C].
    { assert (X : forall q, In q (fresh_frames s p) -> q / 512 = p / 512).
      { intros q H. apply in_fresh in H. destruct H as [H _].
        symmetry. apply Z.div_unique with (q - p); [lia|].
        pose proof (Z.div_mod p 512). lia. }
      intros g h X1 X2. rewrite (X g X1), (X h X2). reflexivity. }
    exists es1. split; [exact C|]. intros m1 ws.
    destruct (cuts_spec root HOST pv _ m es1 C SO (free_rest _ _ _ FR) BF) as [A1 [S1 [R1 G1]]].
    assert (M1 : m1 = occur Settle (exec es1 m)) by (unfold m1; rewrite (exec_app root); reflexivity).
    assert (S2 : sound m1) by (rewrite M1; apply (event_keeps_sound root); [exact S1|exact Logic.I]).
    assert (O2 : owed m1 = []) by (rewrite M1; reflexivity).
    assert (R2 : free m1 pv) by (rewrite M1; exact R1).
    assert (G2 : gives m1 v b = None).
    { rewrite M1. change (gives (occur Settle (exec es1 m)) v b) with (gives (exec es1 m) v b).
      rewrite (G1 v b BB), (proj2 (Z.eqb_neq v HOST)) by exact VH.
      rewrite (ag_vm _ _ _ A v b VH BB), U. reflexivity. }
    assert (PR := root_here root m1 v b S2 BB).
    destruct (way_spec root TOP (root v) b m1 v pv S2 O2) as [_ [S3 [O3 [R3 [P3 _]]]]]; auto;
      [unfold TOP; lia|]. fold ws in S3, O3, R3, P3.
    destruct (way_no_pages TOP (root v) b m1 v S2) as [NP [GN _]]; auto; [unfold TOP; lia|].
    fold ws in NP, GN.
    destruct (grow 1 TOP (root v) b (Leaf p Normal) pv (exec ws m1)) as [fs|] eqn:E; [eauto|].
    exfalso. apply (grow_block_memory TOP (root v) b (Leaf p Normal) pv (exec ws m1) v) in E; auto;
      [lia|unfold TOP; lia|rewrite P3; exact PR].
  Qed.

End Blocks.
