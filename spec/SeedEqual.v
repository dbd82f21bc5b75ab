(* The seed's four operations are ours, for all arguments and all states.

   Built only where the seed's text is at hand: SeedText.v is its section of
   definitions, unchanged, behind SeedPrelude.v. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page SeedOps SeedPrelude SeedText.
Local Open Scope Z_scope.

Arguments Z.of_nat : simpl never.
Arguments Z.mul : simpl never.

(* Two results that differ only in how a sum is written. *)
Ltac now_eq :=
  unfold PAGE;
  match goal with
  | |- Some (?a, ?s) = Some (?b, ?s) =>
    first [ replace b with a by lia
          | f_equal; f_equal; f_equal; lia ]; reflexivity
  | |- Some (?a, ?c, ?s) = Some (?b, ?d, ?s) =>
    replace b with a by lia; replace d with c by lia; reflexivity
  end.

(* Our loops run from the first page on, the seed's from the last one back. *)
Lemma steps_snoc : forall n x d f s,
  steps (S n) x d f s =
  match steps n x d f s with
  | Some s' => f (x + d * Z.of_nat n) s'
  | None => None
  end.
Proof.
  induction n; intros.
  - simpl. replace (x + d * Z.of_nat 0) with x by lia.
    destruct (f x s); reflexivity.
  - change (steps (S (S n)) x d f s) with
      (match f x s with Some s' => steps (S n) (x + d) d f s' | None => None end).
    change (steps (S n) x d f s) with
      (match f x s with Some s' => steps n (x + d) d f s' | None => None end).
    destruct (f x s); [|reflexivity].
    rewrite IHn.
    replace (x + d + d * Z.of_nat n) with (x + d * Z.of_nat (S n)) by lia.
    reflexivity.
Qed.

Lemma clear_loop_is_steps : forall n p v s,
  clear_vm_loop n p v s =
  match steps n p 1 (fun q s => require (State.is_pfn q) (clear_vm_page v q s)) s
  with
  | Some s' => Some (p + Z.of_nat n, s')
  | None => None
  end.
Proof.
  induction n; intros.
  - simpl. now_eq.
  - rewrite steps_snoc. simpl clear_vm_loop. rewrite IHn.
    destruct (steps n p 1 _ s); [|reflexivity].
    replace (p + 1 * Z.of_nat n) with (p + Z.of_nat n) by lia.
    unfold require, is_pfn, clear_vm_page_spec.
    destruct (State.is_pfn (p + Z.of_nat n)); [|reflexivity].
    destruct (clear_vm_page v (p + Z.of_nat n) s0); [|reflexivity].
    now_eq.
Qed.

(* [clear_vm_range] of the seed = seed_clear. *)
Theorem seed_text_clear : forall v p n s,
  clear_vm_range_spec v (VZ64 p) (VZ64 n) s = seed_clear v p n s.
Proof.
  intros. unfold clear_vm_range_spec, seed_clear, require, ending_in.
  unfold is_pfn.
  destruct (State.is_pfn p); [|reflexivity].
  destruct (State.is_pfn n); [|reflexivity].
  simpl andb. cbv iota.
  rewrite clear_loop_is_steps.
  destruct (steps _ _ _ _ s); reflexivity.
Qed.

Lemma map_loop_is_steps : forall n v g p s,
  prot_and_map_vm_loop n v g p s =
  match steps n 0 1
          (fun i s => require (State.is_gfn (g + i) && State.is_pfn (p + i))
                        (assign_pfn_to_vm v (g + i) (p + i) s)) s
  with
  | Some s' => Some (g + Z.of_nat n, p + Z.of_nat n, s')
  | None => None
  end.
Proof.
  induction n; intros.
  - simpl. now_eq.
  - rewrite steps_snoc. simpl prot_and_map_vm_loop. rewrite IHn.
    destruct (steps n 0 1 _ s); [|reflexivity].
    replace (0 + 1 * Z.of_nat n) with (Z.of_nat n) by lia.
    unfold require, is_pfn, is_gfn, assign_pfn_to_vm_spec.
    destruct (State.is_gfn (g + Z.of_nat n)); [|reflexivity].
    destruct (State.is_pfn (p + Z.of_nat n)); [|reflexivity].
    simpl andb. cbv iota.
    destruct (assign_pfn_to_vm v _ _ s0); [|reflexivity].
    now_eq.
Qed.

(* [prot_and_map_vm_s2pt] of the seed = seed_map. *)
Theorem seed_text_map : forall v addr pte level s,
  prot_and_map_vm_s2pt_spec v (VZ64 addr) (VZ64 pte) level s
  = seed_map v addr pte level s.
Proof.
  intros. unfold prot_and_map_vm_s2pt_spec, seed_map, require, ending_in.
  unfold is_vmid, is_addr, phys_page, is_int64.
  destruct (State.is_vmid v); [|reflexivity].
  destruct (State.is_addr addr); [|reflexivity].
  simpl andb. cbv iota.
  change PAGE with 4096. change BLOCK_PAGES with 512.
  destruct (level =? 2) eqn:L.
  - apply Z.eqb_eq in L. subst level.
    rewrite map_loop_is_steps. unfold block_base. change BLOCK_PAGES with 512.
    unfold require.
    destruct (steps _ _ _ _ s); [|reflexivity].
    rewrite Z2Nat.id by lia.
    destruct (State.is_int64 (addr / 4096 / 512 * 512 + 512)); [|reflexivity].
    destruct (State.is_int64 (State.phys_page pte / 4096 + 512)); reflexivity.
  - reflexivity.
Qed.

Lemma low_bits : forall x, Z.land x 511 = x mod 512.
Proof.
  intros. change 511 with (Z.ones 9). rewrite Z.land_ones by lia. reflexivity.
Qed.

Ltac share_loop loop :=
  rewrite steps_snoc; simpl loop;
  match goal with IH : _ |- _ => rewrite IH end;
  match goal with |- context [steps ?n ?x ?d ?f ?s] =>
    destruct (steps n x d f s); [|reflexivity] end;
  match goal with |- context [Z.of_nat (S ?n)] =>
    match goal with |- context [?a + PAGE * Z.of_nat n] =>
      replace (a + PAGE * Z.of_nat (S n)) with (a + PAGE * Z.of_nat n + PAGE)
        by (unfold PAGE; lia);
      generalize (a + PAGE * Z.of_nat n)
    end
  end;
  let c := fresh "c" in intro c;
  unfold seed_share_at, require, walk_s2pt_spec, get_level_s2pt_spec,
    grant_vm_page_spec, revoke_vm_page_spec, is_addr, is_int64, is_int, phys_page;
  change PAGE with 4096; change BLOCK_PAGES with 512;
  rewrite <- low_bits;
  destruct (State.is_addr c); [|reflexivity];
  match goal with |- context [State.is_int64 ?x] =>
    destruct (State.is_int64 x); [|reflexivity] end;
  match goal with |- context [State.is_int ?x] =>
    destruct (State.is_int x); [|reflexivity] end;
  simpl andb; cbv iota zeta;
  match goal with |- context [State.phys_page ?x =? 0] =>
    destruct (State.phys_page x =? 0); [reflexivity|] end;
  match goal with |- context [get_level_s2pt ?v c ?s =? 2] =>
    destruct (get_level_s2pt v c s =? 2) end;
  match goal with |- context [match ?x with Some _ => _ | None => None end] =>
    destruct x; reflexivity end.

Lemma grant_loop_is_steps : forall n v addr s,
  grant_stage2_loop n v addr s =
  match steps n addr PAGE (seed_share_at grant_vm_page v) s with
  | Some s' => Some (addr + PAGE * Z.of_nat n, s')
  | None => None
  end.
Proof.
  induction n; intros.
  - simpl. now_eq.
  - share_loop grant_stage2_loop.
Qed.

Lemma revoke_loop_is_steps : forall n v addr s,
  revoke_stage2_loop n v addr s =
  match steps n addr PAGE (seed_share_at revoke_vm_page v) s with
  | Some s' => Some (addr + PAGE * Z.of_nat n, s')
  | None => None
  end.
Proof.
  induction n; intros.
  - simpl. now_eq.
  - share_loop revoke_stage2_loop.
Qed.

Ltac share_whole lem :=
  intros v addr size s; unfold grant_stage2_sg_gpa_spec, revoke_stage2_sg_gpa_spec,
    seed_grant, seed_revoke, seed_share, require, ending_in, is_vm, is_addr;
  destruct (State.is_vm _); [|reflexivity];
  match goal with |- context [true && State.is_addr ?a && State.is_addr ?b] =>
    destruct (State.is_addr a); [|reflexivity];
    destruct (State.is_addr b); [|reflexivity] end;
  simpl andb; cbv iota; rewrite lem;
  change (PAGE - 1) with 4095; change PAGE with 4096; cbv zeta;
  match goal with |- context [steps ?n ?x ?d ?f ?s] =>
    destruct (steps n x d f s) end; reflexivity.

(* [grant_stage2_sg_gpa] of the seed = seed_grant. *)
Theorem seed_text_grant : forall v addr size s,
  grant_stage2_sg_gpa_spec v (VZ64 addr) (VZ64 size) s
  = seed_grant v addr size s.
Proof. share_whole grant_loop_is_steps. Qed.

(* [revoke_stage2_sg_gpa] of the seed = seed_revoke. *)
Theorem seed_text_revoke : forall v addr size s,
  revoke_stage2_sg_gpa_spec v (VZ64 addr) (VZ64 size) s
  = seed_revoke v addr size s.
Proof. share_whole revoke_loop_is_steps. Qed.
