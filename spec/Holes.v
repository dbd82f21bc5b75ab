(* Two holes of the seed's system, shown on our account of its page-level
   operations, and their absence here. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  Agree.
Local Open Scope Z_scope.

(* ------------------------------------------------------------------ *)
(* 1. The pending frame                                                *)

(* In the seed's system a frame that is handed over through the device path is
   marked by a huge count, and a count above zero means "shared": the host may
   fault it in.  When the VM then claims the frame, the host's mapping stays.
   So for any free frame [p] of the host, any VM and any guest frame: three
   operations later the VM owns [p], has granted nothing, and the host maps it. *)
Theorem seed_pending_hole : forall s v g p,
  halted s = false -> is_vm v = true -> is_gfn g = true -> is_pfn p = true ->
  owner s p = HOST -> f_count (frame_at s p) = 0 ->
  exists s1 s2 s3,
    assign_pfn_to_smmu v g p s = Some s1 /\
    map_page_host (p * PAGE) s1 = Some s2 /\
    assign_pfn_to_vm v g p s2 = Some s3 /\
    halted s3 = false /\
    owner s3 p = v /\ f_count (frame_at s3 p) = 0 /\
    lookup s3 HOST p = Some (page_entry p).
Proof.
  intros s v g p H V G P O C. unfold owner in O.
  assert (VR : 0 < v <= 255) by (unfold is_vm, LAST_VM in V; zb; lia).
  assert (VM : is_vmid v = true).
  { unfold is_vmid, CORE. apply andb_true_intro. split; apply Z.leb_le; lia. }
  assert (VI : v <> INVALID).
  { unfold INVALID. change (2 ^ 32 - 1) with 4294967295. lia. }
  assert (VH : v <> HOST) by (unfold HOST; lia).
  set (s1 := set_frame p (mkFrame v PENDING_COUNT false g) (del_entry HOST p s)).
  set (s2 := set_entry HOST p (page_entry p) s1).
  set (s3 := set_frame p (mkFrame v 0 false g) s2).
  exists s1, s2, s3.
  assert (F1 : frame_at s1 p = mkFrame v PENDING_COUNT false g).
  { unfold s1. rewrite frame_at_set_frame, Z.eqb_refl. reflexivity. }
  assert (F2 : frame_at s2 p = mkFrame v PENDING_COUNT false g).
  { unfold s2. st. exact F1. }
  assert (H1 : halted s1 = false) by exact H.
  assert (H2 : halted s2 = false) by exact H.
  assert (GP : p * PAGE / PAGE = p) by (apply Z.div_mul; discriminate).
  split; [|split; [|split; [|split; [exact H|]]]].
  - unfold assign_pfn_to_smmu, page_op. rewrite H, VM, G, P, O, C. reflexivity.
  - unfold map_page_host, page_op. rewrite GP, H1, P, F1. cbn [f_owner f_count].
    rewrite (proj2 (Z.eqb_neq v INVALID)), (proj2 (Z.eqb_neq v HOST)) by assumption.
    reflexivity.
  - unfold assign_pfn_to_vm, page_op. rewrite H2, VM, G, P, F2.
    cbn [andb f_owner f_count f_gfn].
    rewrite (proj2 (Z.eqb_neq v HOST)) by assumption.
    rewrite !Z.eqb_refl, orb_true_r. reflexivity.
  - unfold owner, s3. rewrite frame_at_set_frame, Z.eqb_refl.
    cbn [f_owner f_count]. repeat split.
    st. unfold s2. rewrite lookup_set_entry, !Z.eqb_refl.
    reflexivity.
Qed.

(* Here: a frame of a VM that is pending, or has no grant outstanding, is not in
   the host's table, and the host's access to it is refused. *)
Theorem no_pending_hole : forall s p, Inv s -> vm_exists s (owner s p) = true ->
  f_pending (frame_at s p) = true \/ f_count (frame_at s p) = 0 ->
  lookup s HOST p = None /\
  (is_pfn p = true -> step (HostFault (p * PAGE)) s = (Refused Private, s)).
Proof.
  intros s p I V K. destruct (vm_exists_range _ _ V) as [VH [_ VI]].
  assert (M : may_host s p = false).
  { unfold may_host, owner in *.
    rewrite (proj2 (Z.eqb_neq _ INVALID)), (proj2 (Z.eqb_neq _ HOST)) by assumption.
    destruct K as [K|K]; rewrite K; simpl; [apply andb_false_r|reflexivity]. }
  split.
  - destruct (lookup s HOST p) eqn:L; [|reflexivity].
    apply (inv_host _ I) in L. destruct L. congruence.
  - intro P. cbn [step]. unfold host_fault.
    replace (is_paddr (p * PAGE)) with true.
    + cbn [negb]. unfold PAGE. rewrite Z.div_mul by discriminate.
      rewrite M. reflexivity.
    + symmetry. unfold is_pfn, is_paddr, PFN_LIMIT, PHYS_LIMIT, PAGE in *.
      change (2 ^ 28) with 268435456 in *. change (2 ^ 40) with 1099511627776. zb.
      apply andb_true_intro. split; [apply Z.leb_le | apply Z.ltb_lt]; lia.
Qed.

(* ------------------------------------------------------------------ *)
(* 2. The unaligned block                                              *)

(* What the processor makes of an entry: it ignores the address bits below
   2 MiB of a block descriptor. *)
Definition hardware_frame (e : entry) (g : Z) : Z :=
  if e_level e =? 2
  then phys_page (e_pte e) / PAGE / BLOCK_PAGES * BLOCK_PAGES + g mod BLOCK_PAGES
  else phys_page (e_pte e) / PAGE.

(* The seed maps a block at any frame.  If the frame is not aligned, the table
   says one thing and the processor does another. *)
Theorem seed_unaligned_hole : forall s v addr pte,
  halted s = false -> is_vm v = true -> is_addr addr = true ->
  is_pfn (phys_page pte / PAGE) = true ->
  (phys_page pte / PAGE) mod BLOCK_PAGES <> 0 ->
  exists s' e, map_pfn_vm v addr pte 2 s = Some s' /\
    lookup s' v (block_base (addr / PAGE)) = Some e /\
    hardware_frame e (block_base (addr / PAGE)) <> e_pfn e.
Proof.
  intros s v addr pte H V A P M.
  assert (VM : is_vmid v = true).
  { unfold is_vm, is_vmid, LAST_VM, CORE in *. zb.
    apply andb_true_intro. split; apply Z.leb_le; lia. }
  set (p := phys_page pte / PAGE) in *. set (b := block_base (addr / PAGE)) in *.
  eexists. exists (block_entry p 0). split; [|split].
  - unfold map_pfn_vm, page_op. rewrite H, VM, A. cbn [andb]. cbv iota.
    change (2 =? 2) with true. cbv iota. fold p b.
    change (Z.to_nat BLOCK_PAGES) with BLOCK_NAT.
    rewrite block_entries_agree. reflexivity.
  - rewrite lookup_put_entries, block_nat. replace (b + 0) with b by lia.
    rewrite Z.eqb_refl, (proj2 (Z.leb_le b b)), (proj2 (Z.ltb_lt b (b + 512))) by lia.
    cbn [andb]. unfold as_block. replace (b - b) with 0 by lia. reflexivity.
  - unfold hardware_frame, block_entry. cbn [e_level e_pte e_pfn].
    change (2 =? 2) with true. cbv iota.
    assert (P' := P). unfold is_pfn, PFN_LIMIT in P'.
    change (2 ^ 28) with 268435456 in P'. zb.
    unfold ATTR_NORMAL. rewrite phys_page_of by lia.
    replace (b mod BLOCK_PAGES) with 0.
    + unfold PAGE, BLOCK_PAGES in *. rewrite Z.div_mul by discriminate.
      pose proof (Z.div_mod p 512). lia.
    + symmetry. unfold b, block_base, BLOCK_PAGES. apply Z.mod_mul. discriminate.
Qed.

(* Here: for every entry of a VM, the processor sees the frame that the table
   names. *)
Theorem no_unaligned_hole : forall s v g e, Inv s -> v <> HOST -> plain s v ->
  lookup s v g = Some e -> hardware_frame e g = e_pfn e.
Proof.
  intros s v g e I N PL L.
  destruct (walk_agrees s v g e I N PL L) as [_ [_ [_ W]]].
  unfold hardware_frame. destruct (e_level e =? 2) eqn:L2; [|exact W].
  rewrite <- W. zb. destruct (inv_block _ I v g e N L L2) as [p [M B]].
  destruct (block_base_spec g) as [BM BB].
  specialize (B (g - block_base g)). change BLOCK_PAGES with 512 in *.
  replace (block_base g + (g - block_base g)) with g in B by lia.
  assert (E : e = block_entry p (g - block_base g)).
  { rewrite L in B. assert (Some e = Some (block_entry p (g - block_base g)))
      by (apply B; lia). congruence. }
  pose proof (PL g e L) as P. rewrite E in P. cbn [block_entry e_pfn] in P.
  rewrite E. cbn [block_entry e_pte]. unfold ATTR_NORMAL.
  pose proof (Z.div_mod p 512).
  rewrite phys_page_of by lia. unfold PAGE. rewrite Z.div_mul by discriminate.
  lia.
Qed.
