(* Integrity and confidentiality where VMs come and go: donations and destroys
   among all other operations. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  KeepParts KeepClear Always Refusal Steps Secrecy Confidential Dma Runs Life.
Import ListNotations.
Local Open Scope Z_scope.

(* ---- what a donation or a destroy does to a frame ---- *)

(* It keeps its record and contents; or it was a VM's or donated, and is the
   host's and zero; or the host gave it to Cordon. *)
Definition frame_fate (w w' : world) (q : Z) : Prop :=
  (frame_at (state w') q = frame_at (state w) q /\
   forall i, word (state w') q i = word (state w) q i) \/
  (owner (state w) q <> HOST /\ frame_at (state w') q = mkFrame HOST 0 false q /\
   forall i, word (state w') q i = 0) \/
  (owner (state w) q = HOST /\ owner (state w') q = CORE).

Lemma donate_fate : forall v p w q, frame_fate w (snd (donate v p w)) q.
Proof.
  assert (R : forall w q, frame_fate w w q) by (left; auto).
  intros v p w q. unfold donate. do 4 (case_if; [apply R|]). zb. cbn [snd].
  unfold frame_fate, owner. cbn [state]. rewrite frame_at_take.
  destruct (p =? q) eqn:Q; [|left; split; [reflexivity|]; intro; reflexivity].
  zb. subst q. right. right. split; [assumption|reflexivity].
Qed.

Lemma destroy_fate : forall v w q, Life w -> frame_fate w (snd (destroy v w)) q.
Proof.
  assert (R : forall w q, frame_fate w w q) by (left; auto).
  intros v w q H. unfold destroy. case_if; [apply R|]. case_if; [apply R|]. zb.
  destruct (life_cleared v w H E) as [H1 C]. set (s1 := clear_mapped v (state w)) in *.
  destruct C as [_ [VM [_ [_ [_ F]]]]]. destruct (vm_exists_range _ _ E) as [VH _].
  assert (K : (frame_at s1 q = frame_at (state w) q /\ forall i, word s1 q i = word (state w) q i)
    \/ (owner (state w) q <> HOST /\ frame_at s1 q = mkFrame HOST 0 false q /\
        forall i, word s1 q i = 0)).
  { destruct (F q) as [K|[K1 K2]]; [left; exact K|right]. split; [congruence|exact K2]. }
  case_if.
  2: { cbn [snd]. destruct K as [K|K]; [left|right; left]; exact K. }
  cbn [snd]. set (w1 := mkWorld s1 (given w) (own w)) in *.
  assert (V1 : vm_exists (state w1) v = true)
    by (simpl; unfold vm_exists in *; rewrite VM; exact E).
  destruct (finish_spec v w1 H1 V1) as [A [B _]]. unfold w1 in *; cbn [state given own] in *.
  destruct (in_dec Z.eq_dec q (donated_for v (given w))) as [G|G];
    rewrite in_donated_for in G.
  - destruct (A q G) as [A1 [_ A2]]. right. left. split; [|split; assumption].
    destruct (given_is_core w q v H G) as [_ O]. rewrite O. discriminate.
  - destruct (B q G) as [B1 [_ B2]]. unfold frame_fate. rewrite B1.
    destruct K as [[K1 K2]|[K1 [K2 K3]]]; [left|right; left].
    + split; [exact K1|]. intro i. rewrite B2. apply K2.
    + split; [exact K1|]. split; [exact K2|]. intro i. rewrite B2. apply K3.
Qed.

(* ---- integrity ---- *)

(* [d] neither clears frame [p], nor destroys [v], nor is it [v] itself that
   stores to guest frame [g] or grants it. *)
Definition deed_spares (v g p : Z) (d : deed) : Prop :=
  match d with
  | Do c => spares v g p (Cpu c)
  | Donate _ _ => True
  | Destroy u => u <> v
  end.

Lemma deed_has : forall d w v g p, Life w -> v <> HOST -> deed_spares v g p d ->
  has (state w) v g p ->
  has (state (snd (deed_step d w))) v g p /\
  forall i, word (state (snd (deed_step d w))) p i = word (state w) p i.
Proof.
  intros d w v g p H N S A. assert (I := life_inv _ H).
  destruct (has_owner _ _ _ _ I N A) as [V [O G]].
  destruct d as [c|u q|u]; cbn [deed_step] in *.
  - exact (act_spares (Cpu c) (state w) v g p I N S A).
  - destruct (vm_exists_range _ _ V) as [VH [VC _]].
    assert (L : lookup (state (snd (donate u q w))) v g = lookup (state w) v g).
    { unfold donate. do 4 (case_if; [reflexivity|]). cbn [snd state].
      rewrite lookup_take, (proj2 (Z.eqb_neq HOST v)) by congruence. reflexivity. }
    destruct (donate_fate u q w p) as [[F1 F2]|[[_ [F1 F2]]|[F1 _]]].
    + split; [|exact F2]. destruct A as [A1 A2]. split; [congruence|]. rewrite L. exact A2.
    + exfalso. clear F2. unfold donate in F1.
      revert F1. do 4 (case_if; [unfold owner in O; intro F1; cbn [snd] in F1; rewrite F1 in O; simpl in O; congruence|]).
      cbn [snd state]. rewrite frame_at_take. destruct (q =? p); [discriminate|].
      unfold owner in O. intro F1. rewrite F1 in O. simpl in O. congruence.
    + congruence.
  - assert (L : lookup (state (snd (destroy u w))) v g = lookup (state w) v g).
    { unfold destroy. case_if; [reflexivity|]. case_if; [reflexivity|]. zb.
      destruct (life_cleared u w H E) as [H1 C]. destruct C as [_ [VM _]].
      case_if; cbn [snd]; [|simpl; apply lookup_clear_mapped; congruence].
      set (w1 := mkWorld (clear_mapped u (state w)) (given w) (own w)) in *.
      assert (V1 : vm_exists (state w1) u = true)
        by (simpl; unfold vm_exists in *; rewrite VM; exact E).
      destruct (finish_spec u w1 H1 V1) as [_ [_ [L _]]]. unfold w1 in *; cbn [state given own] in *.
      rewrite L, (proj2 (Z.eqb_neq v u)) by congruence.
      apply lookup_clear_mapped; congruence. }
    destruct A as [A1 [e [A2 [A3 A4]]]].
    assert (H' := deed_keeps (Destroy u) w H). cbn [deed_step] in H'.
    rewrite <- L in A2.
    destruct (inv_vm _ (life_inv _ H') v g e N A2) as [_ [[D _]|[O' _]]];
      [rewrite D in A4; discriminate|]. rewrite A3 in O'.
    destruct (destroy_fate u w p H) as [[F1 F2]|[[_ [F1 _]]|[F1 _]]].
    + split; [|exact F2]. split; [congruence|]. exists e. auto.
    + exfalso. unfold owner in O'. rewrite F1 in O'. simpl in O'. congruence.
    + exfalso. congruence.
Qed.

(* A page that a VM has and has not granted, over any sequence of operations,
   donations and destroys of others. *)
Theorem integrity_life : forall ds w v g p, Life w -> v <> HOST ->
  has (state w) v g p -> Forall (deed_spares v g p) ds ->
  has (state (live ds w)) v g p /\
  forall i, word (state (live ds w)) p i = word (state w) p i.
Proof.
  unfold live. induction ds as [|d ds IH]; intros w v g p H N A S; [auto|].
  inversion S as [|? ? S1 S2]. subst. simpl.
  destruct (deed_has d w v g p H N S1 A) as [A1 W1].
  destruct (IH (snd (deed_step d w)) v g p (deed_keeps d w H) N A1 S2) as [A2 W2].
  split; [exact A2|]. intro i. rewrite W2. apply W1.
Qed.

(* ---- confidentiality ---- *)

Section Confidential_life.

  Variable u : Z.
  Variable keeps : Z -> bool.
  Hypothesis u_is_vm : u <> HOST /\ u <> CORE /\ u <> INVALID.

  Let u_vm : u <> HOST /\ u <> INVALID.
  Proof. split; apply u_is_vm. Qed.

  Definition same_life (w x : world) : Prop :=
    same_outside u keeps (state w) (state x) /\ given w = given x /\ own w = own x.

  Definition twin_deed (c d : deed) : Prop :=
    match c, d with
    | Do c, Do d => twin u keeps c d
    | _, _ => c = d
    end.

  Definition no_grant_deed (d : deed) : Prop :=
    match d with Do c => no_grant u keeps c | _ => True end.

  Definition deed_actor (d : deed) : Z :=
    match d with Do c => actor c | _ => HOST end.

  Lemma alike_with : forall s t, alike s t -> t = with_memory (memory t) s.
  Proof.
    intros [] [] A. unfold alike, other, with_memory in A. simpl in A.
    injection A as; subst. reflexivity.
  Qed.

  Lemma alike_clear_or_not : forall v p s t, alike s t ->
    alike (clear_or_not v p s) (clear_or_not v p t).
  Proof.
    intros v p s t A. unfold clear_or_not, clear_page.
    destruct (alike_parts _ _ A) as [F _]. rewrite F.
    case_if; [|assumption]. alike. apply alike_unmap_vm. assumption.
  Qed.

  Lemma alike_clear_mapped : forall v s t, alike s t ->
    alike (clear_mapped v s) (clear_mapped v t).
  Proof.
    intros v s t A. unfold clear_mapped. rewrite (alike_with s t A) at 1. simpl tables.
    generalize (ZMap.bindings (row v (tables s))). intro l. revert s t A.
    induction l as [|b l IH]; intros s t A; [exact A|]. simpl. apply IH.
    apply alike_clear_or_not, A.
  Qed.

  Lemma alike_finish : forall v g o s t, alike s t ->
    alike (state (finish v s g o)) (state (finish v t g o)).
  Proof.
    intros v g o s t A. unfold finish. cbn [state].
    generalize (donated_for v g). intro l.
    assert (G : forall l s t, alike s t ->
      alike (fold_left (fun s p => give_back p s) l s)
            (fold_left (fun s p => give_back p s) l t)).
    { clear. induction l as [|p l IH]; intros s t A; [exact A|]. simpl. apply IH.
      unfold give_back. alike. }
    apply G. apply (alike_change (fun s => with_core (regions (rest v g) ++ o)
      (with_vms (ZMap.del v (vms s)) (with_tables (ZMap.del v (tables s)) s))));
      [reflexivity|exact A].
  Qed.

  (* The two worlds of a donation or a destroy, from the fate of each frame. *)
  Lemma fates_agree : forall w x w' x', same_life w x -> ungranted u keeps (state w) ->
    alike (state w') (state x') -> given w' = given x' -> own w' = own x' ->
    (forall q, frame_fate w w' q) -> (forall q, frame_fate x x' q) ->
    (forall q, owner (state w) q = HOST -> owner (state w') q = CORE ->
       forall i, word (state w') q i = word (state w) q i) ->
    (forall q, owner (state x) q = HOST -> owner (state x') q = CORE ->
       forall i, word (state x') q i = word (state x) q i) ->
    same_life w' x' /\ ungranted u keeps (state w').
  Proof.
    intros w x w' x' [[A W] _] U A' G O F1 F2 D1 D2.
    destruct (alike_parts _ _ A) as [FA _]. destruct (alike_parts _ _ A') as [FB _].
    assert (SEC : forall q, secret u keeps (state w') q -> secret u keeps (state w) q /\
      frame_at (state w') q = frame_at (state w) q).
    { intros q [S1 S2]. destruct (F1 q) as [[K _]|[[_ [K _]]|[_ K]]].
      - unfold secret, owner in *. rewrite <- K. auto.
      - exfalso. unfold owner in S1. rewrite K in S1. simpl in S1. destruct u_vm. congruence.
      - exfalso. rewrite S1 in K. destruct u_is_vm as [_ [X _]]. apply X. exact K. }
    split.
    - split; [split; [exact A'|]|auto]. intros q i NS.
      assert (OW : owner (state x) q = owner (state w) q) by (unfold owner; rewrite FA; reflexivity).
      assert (OW' : owner (state x') q = owner (state w') q) by (unfold owner; rewrite FB; reflexivity).
      assert (SAME : frame_at (state w') q = frame_at (state w) q -> ~ secret u keeps (state w) q).
      { intros K S. apply NS. unfold secret, owner in *. rewrite K. exact S. }
      destruct (F1 q) as [[K1 K2]|[[K1 [K2 K3]]|[K1 K2]]],
               (F2 q) as [[L1 L2]|[[L1 [L2 L3]]|[L1 L2]]].
      + rewrite K2, L2. apply W, SAME, K1.
      + exfalso. apply L1. unfold owner. rewrite FA, <- K1, <- FB, L2. reflexivity.
      + exfalso. assert (owner (state w') q = owner (state w) q)
          by (unfold owner; rewrite K1; reflexivity).
        assert (HOST <> CORE) by discriminate. congruence.
      + exfalso. apply K1. unfold owner. rewrite <- FA, <- L1, FB, K2. reflexivity.
      + rewrite K3, L3. reflexivity.
      + exfalso. congruence.
      + exfalso. assert (owner (state x') q = owner (state x) q)
          by (unfold owner; rewrite L1; reflexivity).
        assert (HOST <> CORE) by discriminate. congruence.
      + exfalso. congruence.
      + rewrite (D1 q K1 K2), (D2 q L1 L2). apply W. intros [S _].
        destruct u_vm. congruence.
    - intros q S. destruct (SEC q S) as [S1 S2]. rewrite S2. apply U, S1.
  Qed.

  Theorem confidential_deed : forall c d w x, Life w -> Life x ->
    ungranted u keeps (state w) -> same_life w x -> twin_deed c d -> no_grant_deed c ->
    same_life (snd (deed_step c w)) (snd (deed_step d x)) /\
    ungranted u keeps (state (snd (deed_step c w))) /\
    (deed_actor c <> u -> fst (deed_step c w) = fst (deed_step d x)).
  Proof.
    intros c d w x H Hx U S T N. assert (S0 := S). destruct S as [[A W] [G O]].
    assert (AW := alike_with _ _ A).
    destruct c as [c|v p|v].
    - destruct d as [d| |]; try discriminate. simpl in T, N.
      destruct (confidential_step u keeps u_vm c d _ _ (life_inv _ H) U (conj A W) T N)
        as [S' [U' F]].
      cbn [deed_step fst snd]. split; [split; [exact S'|split; assumption]|].
      split; [exact U'|]. intro K. rewrite F by exact K. reflexivity.
    - simpl in T. subst d. cbn [deed_step].
      destruct (alike_parts _ _ A) as [FA [_ [_ [_ [VA _]]]]].
      assert (KEEP : forall w q, owner (state w) q = HOST ->
        forall i, word (state (snd (donate v p w))) q i = word (state w) q i).
      { intros y q _ i. unfold donate. do 4 (case_if; [reflexivity|]). reflexivity. }
      assert (EQ : fst (donate v p w) = fst (donate v p x) /\
        alike (state (snd (donate v p w))) (state (snd (donate v p x))) /\
        given (snd (donate v p w)) = given (snd (donate v p x)) /\
        own (snd (donate v p w)) = own (snd (donate v p x))).
      { unfold donate. rewrite VA, FA.
        do 4 (case_if; [cbn [fst snd]; auto|]). cbn [fst snd state given own].
        split; [reflexivity|]. split; [|split; congruence].
        apply (alike_change (take p)); [reflexivity|exact A]. }
      destruct EQ as [E1 [E2 [E3 E4]]].
      destruct (fates_agree w x (snd (donate v p w)) (snd (donate v p x)) S0 U E2 E3 E4)
        as [S' U']; auto using donate_fate.
    - simpl in T. subst d. cbn [deed_step].
      destruct (alike_parts _ _ A) as [FA [_ [_ [_ [VA _]]]]].
      assert (NC : forall w q, Life w -> owner (state w) q = HOST ->
        owner (state (snd (destroy v w))) q = CORE -> False).
      { intros y q Hy K1 K2. unfold destroy in K2. revert K2.
        do 2 (case_if; [cbn [snd]; rewrite K1; discriminate|]). zb.
        destruct (life_cleared v y Hy E) as [H1 C]. destruct C as [_ [VM [_ [_ [_ F]]]]].
        assert (K3 : owner (clear_mapped v (state y)) q = HOST).
        { destruct (F q) as [[K _]|[_ [K _]]]; unfold owner in *; rewrite K; [exact K1|reflexivity]. }
        case_if; cbn [snd]; [|cbn [state]; rewrite K3; discriminate].
        set (w1 := mkWorld (clear_mapped v (state y)) (given y) (own y)) in *.
        assert (V1 : vm_exists (state w1) v = true)
          by (simpl; unfold vm_exists in *; rewrite VM; exact E).
        destruct (finish_spec v w1 H1 V1) as [P [Q _]]. unfold w1 in *; cbn [state given own] in *. unfold owner in *.
        destruct (in_dec Z.eq_dec q (donated_for v (given y))) as [M|M];
          rewrite in_donated_for in M.
        - destruct (P q M) as [P1 _]. rewrite P1. discriminate.
        - destruct (Q q M) as [Q1 _]. rewrite Q1, K3. discriminate. }
      assert (EQ : fst (destroy v w) = fst (destroy v x) /\
        alike (state (snd (destroy v w))) (state (snd (destroy v x))) /\
        given (snd (destroy v w)) = given (snd (destroy v x)) /\
        own (snd (destroy v w)) = own (snd (destroy v x))).
      { unfold destroy. rewrite VA. case_if; [cbn [fst snd]; auto|].
        assert (ND : has_no_device (state x) v = has_no_device (state w) v)
          by (rewrite AW; reflexivity).
        rewrite ND. case_if; [cbn [fst snd]; auto|].
        assert (AC := alike_clear_mapped v _ _ A).
        assert (NO : owns_nothing (clear_mapped v (state x)) v =
                     owns_nothing (clear_mapped v (state w)) v)
          by (rewrite (alike_with _ _ AC); reflexivity).
        rewrite NO. case_if; cbn [fst snd]; [|simpl; auto].
        split; [reflexivity|]. rewrite <- G, <- O.
        split; [apply alike_finish, AC|split; reflexivity]. }
      destruct EQ as [E1 [E2 [E3 E4]]].
      destruct (fates_agree w x (snd (destroy v w)) (snd (destroy v x)) S0 U E2 E3 E4)
        as [S' U']; auto using destroy_fate.
      + intros q K1 K2. exfalso. apply (NC w q H K1 K2).
      + intros q K1 K2. exfalso. apply (NC x q Hx K1 K2).
  Qed.

  Fixpoint deeds_seen (ds : list deed) (w : world) : list answer :=
    match ds with
    | [] => []
    | d :: ds' =>
      let a := deed_step d w in
      if deed_actor d =? u then deeds_seen ds' (snd a) else fst a :: deeds_seen ds' (snd a)
    end.

  (* Whole runs in which VMs come and go, [u] among them. *)
  Theorem confidential_life : forall cs ds w x, Life w -> Life x ->
    ungranted u keeps (state w) -> same_life w x -> Forall2 twin_deed cs ds ->
    Forall no_grant_deed cs -> deeds_seen cs w = deeds_seen ds x.
  Proof.
    intros cs ds w x H Hx U S F. revert w x H Hx U S.
    induction F as [|c d cs ds T F IH]; intros w x H Hx U S N; [reflexivity|].
    inversion N as [|? ? N1 N2]. subst.
    destruct (confidential_deed c d w x H Hx U S T N1) as [S' [U' R]].
    simpl. rewrite (IH _ _ (deed_keeps c w H) (deed_keeps d x Hx) U' S' N2).
    assert (AC : deed_actor d = deed_actor c).
    { destruct c as [c|? ?|?]; simpl in T; try (subst d; reflexivity).
      destruct d as [d|? ?|?]; try discriminate. simpl.
      destruct T as [<-|[? [? [? [-> [-> _]]]]]]; reflexivity. }
    rewrite AC. destruct (deed_actor c =? u) eqn:E; [reflexivity|].
    zb. rewrite R by assumption. reflexivity.
  Qed.

End Confidential_life.
