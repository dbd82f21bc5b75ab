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

End Blocks.
