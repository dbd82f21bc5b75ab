(* Integrity over whole runs: operations of anybody and transfers of the host's
   devices, in any number and order. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  KeepParts KeepClear Always Steps Secrecy Confidential Dma.
Import ListNotations.
Local Open Scope Z_scope.

(* ---- a clear takes the frames that it names, and no others ---- *)

Lemma unmap_vm_spares : forall s v g p w h e, Inv s -> v <> HOST ->
  lookup s w h = Some e -> e_pfn e <> p ->
  exists e', lookup (unmap_vm v g p s) w h = Some e' /\
    e_pfn e' = e_pfn e /\ e_kind e' = e_kind e.
Proof.
  intros s v g p w h e I VH L N.
  destruct (lookup_unmap_vm s v g p w h e I VH L) as [H|[H ->]]; [exact H|].
  exfalso. unfold unmap_vm in H.
  destruct (lookup s v g) as [x|] eqn:X; [|congruence].
  destruct (e_pfn x =? p) eqn:P; [|congruence]. zb.
  rewrite lookup_del_entry in H.
  destruct ((v =? v) && (g =? h)) eqn:Q; [zb; congruence|].
  destruct (e_level x =? 2); [|congruence]. unfold split in H.
  rewrite lookup_put_entries in H. destruct (_ && _ && _) in H; [|congruence].
  unfold as_page in H. rewrite L in H. discriminate.
Qed.

Lemma clear_spares : forall v p n s w g e, Inv s -> w <> HOST ->
  lookup s w g = Some e -> ~ p <= e_pfn e < p + n ->
  exists e', lookup (snd (clear v p n s)) w g = Some e' /\
    e_pfn e' = e_pfn e /\ e_kind e' = e_kind e.
Proof.
  intros v p n s w g e I N L O. unfold clear.
  do 2 (case_if; [exists e; auto|]). zb.
  apply (counted_ind (clear_page v) n p s (fun s' => (Inv s' /\ vm_exists s' v = true) /\
    exists e', lookup s' w g = Some e' /\ e_pfn e' = e_pfn e /\ e_kind e' = e_kind e));
    [split; [auto|exists e; auto]|].
  intros i s0 s1 Hi [[I0 V0] [e0 [L0 [P0 K0]]]] S.
  split.
  { split; [eapply keep_clear_page; eauto|].
    rewrite (vm_exists_clear_page _ _ _ _ v S). assumption. }
  destruct (vm_exists_range _ _ V0) as [VH _].
  destruct (unmap_vm_spares s0 v (f_gfn (frame_at s0 i)) i w g e0 I0 VH L0)
    as [e1 [L1 [P1 K1]]]; [intro; apply O; lia|].
  exists e1. split; [|split; congruence].
  unfold clear_page in S. destruct (_ =? v) in S; inj. st.
  rewrite (proj2 (Z.eqb_neq HOST w)) by congruence. exact L1.
Qed.

(* ---- one act ---- *)

(* [c] neither clears frame [p], nor is it [v] itself that stores to guest frame
   [g] or grants it.  All else that anybody can do is left. *)
Definition spares (v g p : Z) (c : act) : Prop :=
  match c with
  | Cpu (Clear w q n) => ~ (w = v /\ q <= p < q + n)
  | Cpu (Write w a _) => ~ (w = v /\ a / PAGE = g)
  | Cpu (Grant w a n) => ~ grants (Grant w a n) v g
  | _ => True
  end.

(* [v] maps frame [p] at [g], as memory, and has not granted it. *)
Definition has (s : State) (v g p : Z) : Prop :=
  f_count (frame_at s p) = 0 /\
  exists e, lookup s v g = Some e /\ e_pfn e = p /\ e_kind e = Normal.

Lemma has_owner : forall s v g p, Inv s -> v <> HOST -> has s v g p ->
  vm_exists s v = true /\ owner s p = v /\ f_gfn (frame_at s p) = g.
Proof.
  intros s v g p I N [_ [e [L [<- K]]]].
  destruct (inv_vm _ I _ _ _ N L) as [V [[D _]|[O [G _]]]]; [|auto].
  rewrite D in K. discriminate.
Qed.

Lemma has_not_host : forall s v g p, Inv s -> v <> HOST -> has s v g p ->
  may_host s p = false.
Proof.
  intros s v g p I N H. destruct (has_owner _ _ _ _ I N H) as [V [O _]].
  destruct (vm_exists_range _ _ V) as [VH [_ VI]]. destruct H as [C _].
  unfold may_host, owner in *. rewrite O, C, (proj2 (Z.eqb_neq v INVALID)),
    (proj2 (Z.eqb_neq v HOST)) by assumption. reflexivity.
Qed.

Lemma act_spares : forall c s v g p, Inv s -> v <> HOST -> spares v g p c ->
  has s v g p ->
  has (snd (act_step c s)) v g p /\
  forall i, word (snd (act_step c s)) p i = word s p i.
Proof.
  intros c s v g p I N S H.
  destruct (has_owner _ _ _ _ I N H) as [V [O G]].
  assert (M := has_not_host _ _ _ _ I N H).
  destruct (vm_exists_range _ _ V) as [VH [_ VI]].
  destruct c as [c|a x|a]; simpl; [| |auto].
  2: { unfold dma_write. destruct (dma_allowed s a) eqn:D; simpl; [|auto].
       split; [exact H|]. intro i. rewrite word_set_word.
       destruct ((a / PAGE =? p) && _) eqn:Q; [|reflexivity]. exfalso. zb. subst p.
       unfold dma_allowed, reached in D. rewrite M, andb_false_r in D. discriminate. }
  assert (I' := step_keeps_invariant c s I).
  destruct (step_changes c s I) as [F [E W]].
  destruct H as [C [e [L [P K]]]].
  assert (E' : exists e', lookup (snd (step c s)) v g = Some e' /\ e_pfn e' = p /\
                 e_kind e' = Normal).
  { destruct (E v g N e L) as [[e' [A [B D]]]|[A B]]; [exists e'; repeat split; congruence|].
    destruct c; try contradiction. simpl in B. subst v0. simpl in S.
    destruct (clear_spares v pfn num s v g e I N L) as [e' [A1 [A2 A3]]];
      [rewrite P; intro; apply S; auto|]. exists e'. split; [exact A1|split; congruence]. }
  destruct E' as [e' [L' [P' K']]].
  destruct (inv_vm _ I' _ _ _ N L') as [_ [[D _]|[O' _]]];
    [rewrite D in K'; discriminate|]. rewrite P' in O'.
  split.
  - split; [|exists e'; auto].
    pose proof (gf_count _ _ _ (inv_frame _ I' p)) as GE.
    destruct (F p) as [[_ [_ [Q|[Q|Q]]]]|[[Q _]|[_ [_ [Q _]]]]]; unfold owner in *;
      try congruence; [lia|].
    exfalso. rewrite O, G in Q. destruct c; contradiction.
  - intro i. destruct (W p i) as [Q|[[_ [_ Q]]|[who [a [x [-> Q]]]]]];
      [exact Q|congruence|].
    exfalso. destruct Q as [[_ [_ Q]]|[_ [Q1 Q2]]]; [congruence|].
    apply S. split; congruence.
Qed.

(* ---- runs ---- *)

Definition act_run (cs : list act) (s : State) : State :=
  fold_left (fun s c => snd (act_step c s)) cs s.

(* A page that a VM has and has not granted: whatever the host, the other VMs and
   the devices do, for as long as it is not cleared and the VM itself does not
   store there or grant it, the VM has the same frame there with the same
   contents. *)
Theorem integrity_run : forall cs s v g p, Inv s -> v <> HOST ->
  has s v g p -> Forall (spares v g p) cs ->
  has (act_run cs s) v g p /\ forall i, word (act_run cs s) p i = word s p i.
Proof.
  induction cs as [|c cs IH]; intros s v g p I N H S; [auto|].
  inversion S as [|? ? S1 S2]. subst.
  destruct (act_spares c s v g p I N S1 H) as [H1 W1]. simpl.
  destruct (IH (snd (act_step c s)) v g p (act_keeps_invariant c s I) N H1 S2) as [H2 W2].
  split; [exact H2|]. intro i. rewrite W2. apply W1.
Qed.

(* So what it loads from there is what it would have loaded before. *)
Theorem loads_run : forall cs s v a p, Inv s -> v <> HOST ->
  has s v (a / PAGE) p -> Forall (spares v (a / PAGE) p) cs ->
  fst (read v a (act_run cs s)) = fst (read v a s).
Proof.
  intros cs s v a p I N H S.
  destruct (integrity_run cs s v (a / PAGE) p I N H S) as [H' W].
  assert (I' : Inv (act_run cs s)).
  { clear -I. revert s I. induction cs; intros; [assumption|].
    apply IHcs. apply act_keeps_invariant. assumption. }
  destruct (has_owner _ _ _ _ I N H) as [V _].
  destruct (has_owner _ _ _ _ I' N H') as [V' _].
  destruct H as [_ [e [L [P K]]]], H' as [_ [e' [L' [P' K']]]].
  unfold read, access, reach. rewrite V, V', L, L'.
  do 3 (case_if; [reflexivity|]). rewrite K, K'. simpl. rewrite P, P', W. reflexivity.
Qed.
