(* What one operation can do to one frame record, to one table entry and to one
   word of memory.  The theorems on isolation follow from these three. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  KeepParts KeepMap KeepShare KeepClear KeepDevice Always.
Local Open Scope Z_scope.

(* Operation [c] grants guest frame [g] of VM [v]. *)
Definition grants (c : op) (v g : Z) : Prop :=
  match c with
  | Grant w addr size =>
    w = v /\ addr / PAGE <= g < addr / PAGE + pages_of size
  | _ => False
  end.

(* Operation [c] clears frames of VM [v]. *)
Definition clears (c : op) (v : Z) : Prop :=
  match c with Clear w _ _ => w = v | _ => False end.

(* What may become of a frame record: it keeps its owner and gfn, and more
   grants only by a grant; or the host gave it to a VM; or it was cleared. *)
Definition frame_change (c : op) (s s' : State) (p : Z) : Prop :=
  let r := frame_at s p in
  let r' := frame_at s' p in
  (f_owner r' = f_owner r /\ f_gfn r' = f_gfn r /\
   (f_owner r = HOST \/ f_count r' <= f_count r \/
    grants c (f_owner r) (f_gfn r))) \/
  (f_owner r = HOST /\ vm_exists s (f_owner r') = true /\ f_count r' = 0) \/
  (clears c (f_owner r) /\ f_owner r <> HOST /\ f_owner r' = HOST /\
   forall i, word s' p i = 0).

(* What may become of an entry of a VM: it keeps its frame and type, or is
   taken away by a clear. *)
Definition entry_change (c : op) (s s' : State) (v g : Z) : Prop :=
  forall e, lookup s v g = Some e ->
  (exists e', lookup s' v g = Some e' /\ e_pfn e' = e_pfn e /\
              e_kind e' = e_kind e) \/
  (lookup s' v g = None /\ clears c v).

(* Who may store to frame [p] through address [a]. *)
Definition may_store (s : State) (who a p : Z) : Prop :=
  (who = HOST /\ a / PAGE = p /\ may_host s p = true) \/
  (who <> HOST /\ owner s p = who /\ f_gfn (frame_at s p) = a / PAGE).

Definition word_change (c : op) (s s' : State) (p i : Z) : Prop :=
  word s' p i = word s p i \/
  (clears c (owner s p) /\ owner s p <> HOST /\ owner s' p = HOST) \/
  (exists who a x, c = Write who a x /\ may_store s who a p).

Definition step_ok (c : op) (s s' : State) : Prop :=
  (forall p, frame_change c s s' p) /\
  (forall v g, v <> HOST -> entry_change c s s' v g) /\
  (forall p i, word_change c s s' p i).

(* Nothing that matters here changed. *)
Lemma step_ok_same : forall c s s',
  (forall p, frame_at s' p = frame_at s p) ->
  (forall v g, v <> HOST -> lookup s' v g = lookup s v g) ->
  (forall p i, word s' p i = word s p i) ->
  step_ok c s s'.
Proof.
  intros c s s' F L W. repeat split.
  - intro p. left. rewrite F. repeat split; auto. right. left. lia.
  - intros v g N e H. left. exists e. rewrite L by assumption. auto.
  - intros p i. left. apply W.
Qed.

Lemma step_ok_refl : forall c s, step_ok c s s.
Proof. intros. apply step_ok_same; auto. Qed.

(* ---- assignment ---- *)

(* A frame that may be assigned changes as it should. *)
Lemma assigned_change : forall c s s' v g p, Inv s -> vm_exists s v = true ->
  assign_refusal s v g p = None ->
  frame_at s' p = assigned_frame v g (frame_at s p) ->
  frame_change c s s' p.
Proof.
  intros c s s' v g p I V A F. unfold frame_change. rewrite F.
  destruct (assignable _ _ _ _ I V A) as [[O C]|[O G]]; unfold owner in O.
  - right. left. unfold assigned_frame. rewrite O. simpl. auto.
  - left. unfold assigned_frame. simpl. repeat split; auto.
    right. left. pose proof (gf_count _ _ _ (inv_frame _ I p)).
    destruct (_ || _); lia.
Qed.

Lemma same_frame_change : forall c s s' p,
  frame_at s' p = frame_at s p -> frame_change c s s' p.
Proof.
  intros c s s' p F. left. rewrite F. repeat split; auto. right. left. lia.
Qed.

Lemma map_page_ok : forall c v g p s, Inv s -> vm_exists s v = true ->
  step_ok c s (snd (map_page v g p s)).
Proof.
  intros c v g p s I V. destruct (vm_exists_range _ _ V) as [VH _].
  unfold map_page. destruct (unmapped s v g) eqn:U.
  2: { destruct (maps_normal s v g p); apply step_ok_refl. }
  unfold unmapped in U. destruct (lookup s v g) eqn:L; [discriminate|].
  destruct (assign_refusal s v g p) eqn:A; [apply step_ok_refl|]. cbn [snd].
  repeat split.
  - intro q. destruct (Z.eq_dec p q) as [<-|N].
    + eapply assigned_change; eauto. st. rewrite frame_at_assign, Z.eqb_refl.
      reflexivity.
    + apply same_frame_change. st. rewrite frame_at_assign.
      rewrite (proj2 (Z.eqb_neq p q)) by assumption. reflexivity.
  - intros w h N e H. left. exists e. st. rewrite lookup_assign by assumption.
    destruct ((v =? w) && (g =? h)) eqn:E; [|auto]. zb. congruence.
  - intros q i. left. st. reflexivity.
Qed.

Lemma map_block_ok : forall c v b p s, Inv s -> vm_exists s v = true ->
  step_ok c s (snd (map_block v b p s)).
Proof.
  intros c v b p s I V. destruct (vm_exists_range _ _ V) as [VH _].
  unfold map_block.
  destruct (all_pages BLOCK_NAT 0 (fun i => unmapped s v (b + i))) eqn:U.
  - rewrite all_pages_spec, block_nat in U.
    destruct (first_refusal _ _ _) eqn:R; [apply step_ok_refl|]. cbn [snd].
    assert (A : forall i, 0 <= i < 512 -> assign_refusal s v (b + i) (p + i) = None).
    { intros i Hi. apply (first_refusal_none _ _ _ R i). rewrite block_nat. lia. }
    repeat split.
    + intro q.
      assert (F := frame_at_assign_all BLOCK_NAT s v b p q).
      rewrite block_nat in F.
      destruct ((p <=? q) && (q <? p + 512)) eqn:E.
      * zb. apply (assigned_change c s _ v (b + (q - p)) q I V).
        -- specialize (A (q - p) ltac:(lia)).
           replace (p + (q - p)) with q in A by lia. exact A.
        -- st. exact F.
      * apply same_frame_change. st. exact F.
    + intros w h N e H. left. exists e. rewrite lookup_put_entries, block_nat.
      rewrite lookup_assign_all by assumption.
      destruct ((v =? w) && (b <=? h) && (h <? b + 512)) eqn:E; [|auto].
      zb. subst w. specialize (U (h - b)). unfold unmapped in U.
      replace (b + (h - b)) with h in U by lia. rewrite H in U.
      discriminate U. lia.
    + intros q i. left. st. reflexivity.
  - clear U.
    destruct (all_pages BLOCK_NAT 0
                (fun i => maps_normal s v (b + i) (p + i))) eqn:M;
      [|apply step_ok_refl].
    rewrite all_pages_spec, block_nat in M.
    destruct (level_at s v b =? 2); [apply step_ok_refl|]. cbn [snd].
    repeat split.
    + intro q. apply same_frame_change. st. reflexivity.
    + intros w h N e H. left. st. rewrite block_nat.
      destruct ((v =? w) && (b <=? h) && (h <? b + 512)) eqn:E; [|exists e; auto].
      zb. subst w. destruct (maps_normal_spec _ _ _ _ (M (h - b) ltac:(lia)))
        as [x [X1 [X2 X3]]].
      replace (b + (h - b)) with h in X1 by lia.
      assert (x = e) by congruence. subst x.
      exists (block_entry p (h - b)). unfold as_block. simpl. auto.
    + intros q i. left. st. reflexivity.
Qed.

(* ---- grants ---- *)

Lemma share_ok : forall c grant v addr size s,
  (grant = true -> c = Grant v addr size) -> Inv s ->
  step_ok c s (snd (share (share_page grant) v addr size s)).
Proof.
  intros c grant v addr size s C I.
  destruct (share_ind grant v addr size s (fun s' =>
    (forall q, f_owner (frame_at s' q) = owner s q /\
       f_gfn (frame_at s' q) = f_gfn (frame_at s q) /\
       (f_count (frame_at s' q) <= f_count (frame_at s q) \/
        grants c (owner s q) (f_gfn (frame_at s q)))) /\
    (forall w g, w <> HOST -> lookup s' w g = lookup s w g) /\
    (forall q i, word s' q i = word s q i))) as [[G [L W]] _]; auto.
  - repeat split; auto. left. lia.
  - intros i p e n s0 Hi I0 V0 [G [L W]] E P O N. repeat split.
    + rewrite frame_at_set_count. destruct (p =? q) eqn:Q; [|apply G].
      zb. subst q. apply G.
    + rewrite frame_at_set_count. destruct (p =? q) eqn:Q; [|apply G].
      zb. subst q. apply G.
    + rewrite frame_at_set_count. destruct (p =? q) eqn:Q; [|apply G].
      zb. subst q. destruct (G p) as [G1 [G2 G3]]. simpl.
      destruct N as [N|N]; [|destruct G3; [left; lia | right; assumption]].
      right. rewrite (C N), <- G1, <- G2.
      destruct (vm_exists_range _ _ V0) as [VH [_ VI]].
      destruct (inv_vm _ I0 _ _ _ VH E) as [_ [[_ K]|[_ [K _]]]]; subst p.
      * congruence.
      * split; [symmetry; exact O|]. rewrite K. assumption.
    + intros w g NH. rewrite lookup_set_count by assumption. apply L. assumption.
    + intros q j. rewrite word_set_count. apply W.
  - repeat split.
    + intro q. left. destruct (G q) as [F1 [F2 F3]]. unfold owner in *.
      repeat split; auto.
    + intros w g N e HX. left. exists e. rewrite L by assumption. auto.
    + intros q i. left. apply W.
Qed.

(* ---- clearing ---- *)

(* Taking one frame out of a VM's table: every other entry keeps its frame. *)
Lemma lookup_unmap_vm : forall s v g p w h e, Inv s -> v <> HOST ->
  lookup s w h = Some e ->
  (exists e', lookup (unmap_vm v g p s) w h = Some e' /\
     e_pfn e' = e_pfn e /\ e_kind e' = e_kind e) \/
  (lookup (unmap_vm v g p s) w h = None /\ w = v).
Proof.
  intros s v g p w h e I VH L. unfold unmap_vm.
  destruct (lookup s v g) as [x|] eqn:X; [|left; exists e; auto].
  destruct (e_pfn x =? p); [|left; exists e; auto].
  rewrite lookup_del_entry.
  destruct ((v =? w) && (g =? h)) eqn:E; [zb; subst; right; auto|].
  left. destruct (e_level x =? 2) eqn:L2; [|exists e; auto].
  zb. destruct (inv_block _ I v g x VH X L2) as [q [_ B]].
  unfold split. rewrite lookup_put_entries, block_nat.
  destruct ((v =? w) && _ && _) eqn:R; [|exists e; auto].
  zb. subst w. unfold as_page. rewrite L. eexists; split; [reflexivity|].
  simpl. split; [reflexivity|].
  specialize (B (h - block_base g)). change BLOCK_PAGES with 512 in B.
  replace (block_base g + (h - block_base g)) with h in B by lia.
  rewrite L in B. assert (Some e = Some (block_entry q (h - block_base g)))
    by (apply B; lia). inj. reflexivity.
Qed.

Lemma clear_ok : forall v p n s, Inv s ->
  step_ok (Clear v p n) s (snd (clear v p n s)).
Proof.
  intros v p n s I. unfold clear.
  do 2 (case_if; [apply step_ok_refl|]). zb.
  destruct (vm_exists_range s v) as [VH _]; [assumption|].
  set (P := fun s' => (Inv s' /\ vm_exists s' v = true) /\
    (forall q, (frame_at s' q = frame_at s q /\ forall i, word s' q i = word s q i) \/
       (owner s q = v /\ owner s' q = HOST /\ forall i, word s' q i = 0)) /\
    (forall w h e, w <> HOST -> lookup s w h = Some e ->
       (exists e', lookup s' w h = Some e' /\ e_pfn e' = e_pfn e /\
          e_kind e' = e_kind e) \/ (lookup s' w h = None /\ w = v))).
  assert (Q : P (snd (counted (clear_page v) n p s))).
  { apply counted_ind.
    - refine (conj (conj I E0) (conj _ _)).
      + intro q. left. auto.
      + intros w h e N L. left. exists e. auto.
    - intros i s0 s1 _ [[I0 V0] [F L]] S.
      assert (I1 := keep_clear_page _ _ _ _ I0 V0 S).
      assert (V1 := vm_exists_clear_page _ _ _ _ v S).
      unfold clear_page in S.
      destruct (f_owner (frame_at s0 i) =? v) eqn:O in S; [|discriminate].
      apply Z.eqb_eq in O. injection S as S.
      set (g := f_gfn (frame_at s0 i)) in *.
      assert (F1 : forall q, frame_at s1 q =
        if i =? q then mkFrame HOST 0 false i else frame_at s0 q).
      { intro q. subst s1. st. reflexivity. }
      assert (W1 : forall q j, word s1 q j = if i =? q then 0 else word s0 q j).
      { intros q j. subst s1. st. reflexivity. }
      split; [split; [assumption|congruence]|]. split.
      + intro q. unfold owner. setoid_rewrite W1. rewrite F1.
        destruct (i =? q) eqn:E; [|apply F].
        zb. subst q. right. destruct (F i) as [[F2 _]|[F2 [F3 _]]].
        * repeat split; auto. unfold owner. congruence.
        * repeat split; auto.
      + intros w h e N Lw.
        assert (L1 : lookup s1 w h = lookup (unmap_vm v g i s0) w h).
        { subst s1. st. rewrite (proj2 (Z.eqb_neq HOST w)) by congruence.
          reflexivity. }
        rewrite L1. destruct (L w h e N Lw) as [[e' [A [B C]]]|[A B]].
        * destruct (lookup_unmap_vm s0 v g i w h e' I0 VH A) as [[x [X1 [X2 X3]]]|X].
          -- left. exists x. repeat split; congruence.
          -- right. assumption.
        * right. split; [|assumption]. unfold unmap_vm.
          destruct (lookup s0 v g) as [x|] eqn:X; [|assumption].
          destruct (e_pfn x =? i); [|assumption].
          rewrite lookup_del_entry.
          destruct ((v =? w) && (g =? h)); [reflexivity|].
          destruct (e_level x =? 2); [|assumption].
          unfold split. rewrite lookup_put_entries.
          destruct (_ && _ && _); [|assumption]. unfold as_page.
          subst w. rewrite A. reflexivity. }
  destruct Q as [_ [F L]]. repeat split.
  - intro q. destruct (F q) as [[F1 _]|[F1 [F2 F3]]].
    + apply same_frame_change. assumption.
    + right. right. unfold owner in *. simpl. repeat split; auto; congruence.
  - intros w h N e HX. destruct (L w h e N HX) as [K|[K1 K2]]; [left; assumption|].
    right. simpl. auto.
  - intros q i. destruct (F q) as [[_ F1]|[F1 [F2 F3]]].
    + left. apply F1.
    + right. left. split; [exact (eq_sym F1)|]. split; [congruence|exact F2].
Qed.

(* ---- loads and stores ---- *)

(* What an entry that is reached says of its frame. *)
Lemma reach_spec : forall who a s e s1, Inv s ->
  (who = HOST \/ vm_exists s who = true) ->
  reach who a s = (Some e, s1) ->
  (forall q, frame_at s1 q = frame_at s q) /\
  (forall w h, w <> HOST -> lookup s1 w h = lookup s w h) /\
  memory s1 = memory s /\
  (e_kind e = Normal -> may_store s who a (e_pfn e)).
Proof.
  intros who a s e s1 I W R. unfold reach in R.
  destruct (lookup s who (a / PAGE)) as [x|] eqn:L.
  - inj. repeat split; auto. intro K.
    destruct (Z.eq_dec who HOST) as [->|N].
    + left. destruct (inv_host _ I _ _ L) as [L1 L2].
      assert (e_pfn e = a / PAGE)
        by (rewrite L1; unfold host_entry; case_if; reflexivity).
      repeat split; congruence.
    + right. destruct (inv_vm _ I _ _ _ N L) as [_ [[K1 _]|[K1 [K2 _]]]]; [|auto].
      rewrite K1 in K. discriminate.
  - destruct (who =? HOST) eqn:E; [|discriminate]. zb. subst who.
    unfold host_fault in R. destruct (negb (is_paddr a)); [discriminate|].
    destruct (may_host s (a / PAGE)) eqn:M; [|discriminate].
    rewrite lookup_set_entry, !Z.eqb_refl in R. simpl in R. inj.
    split; [intro; st; reflexivity|]. split.
    { intros w h N. st. rewrite (proj2 (Z.eqb_neq HOST w)) by congruence.
      reflexivity. }
    split; [reflexivity|]. intros _. left.
    assert (P : e_pfn (host_entry s (a / PAGE)) = a / PAGE)
      by (unfold host_entry; case_if; reflexivity).
    rewrite P. auto.
Qed.

Lemma access_allowed : forall s who,
  negb ((who =? HOST) || vm_exists s who) = false ->
  who = HOST \/ vm_exists s who = true.
Proof. intros. zb. apply orb_prop in H. destruct H; zb; auto. Qed.

Lemma write_ok : forall who a x s, Inv s ->
  step_ok (Write who a x) s (snd (write who a x s)).
Proof.
  intros who a x s I. unfold write, access.
  do 3 (case_if; [apply step_ok_refl|]).
  destruct (reach who a s) as [[e|] s1] eqn:R; [|apply step_ok_refl].
  destruct (reach_spec _ _ _ _ _ I (access_allowed _ _ E1) R) as [F [L [M K]]].
  destruct (e_kind e) eqn:KD; cbn [snd].
  - repeat split.
    + intro q. apply same_frame_change. st. apply F.
    + intros w h N e0 HX. left. exists e0. st. rewrite L by assumption. auto.
    + intros q i. unfold word_change. st.
      destruct ((e_pfn e =? q) && (word_index a =? i)) eqn:Q.
      * right. right. zb. subst q. exists who, a, x. auto.
      * left. unfold word. rewrite M. reflexivity.
  - apply step_ok_same; auto. intros. unfold word. rewrite M. reflexivity.
Qed.

Lemma read_ok : forall who a s, Inv s ->
  step_ok (Read who a) s (snd (read who a s)).
Proof.
  intros who a s I. unfold read, access.
  do 3 (case_if; [apply step_ok_refl|]).
  destruct (reach who a s) as [[e|] s1] eqn:R; [|apply step_ok_refl].
  destruct (reach_spec _ _ _ _ _ I (access_allowed _ _ E1) R) as [F [L [M K]]].
  destruct (e_kind e); cbn [snd];
  (apply step_ok_same; auto; intros; unfold word; rewrite M; reflexivity).
Qed.

(* ---- entries of device tables ---- *)

Lemma device_step_ok : forall c d s s', Inv s -> device_step d s s' -> step_ok c s s'.
Proof.
  intros c d s s' I [->|[i [o [p [k [-> _]]]]]]; [apply step_ok_refl|].
  destruct (counted_frame_same s p k I) as [R1 [_ R3]].
  repeat split.
  - intro q. unfold frame_change. rewrite frame_at_change_dev.
    destruct (p =? q) eqn:E; [|left; repeat split; auto; right; left; lia].
    zb. subst q. left. repeat split; auto. unfold counted_frame. case_if.
    + zb. left. exact E.
    + right. left. lia.
  - intros w h N e L. left. exists e. rewrite lookup_change_dev. auto.
  - intros q j. left. apply word_change_dev.
Qed.

(* ---- all of them ---- *)

Theorem step_changes : forall c s, Inv s -> step_ok c s (snd (step c s)).
Proof.
  intros c s I. destruct c; simpl.
  - unfold create_vm. destruct (_ && _); [|apply step_ok_refl].
    apply step_ok_same; intros; reflexivity.
  - unfold host_fault. case_if; [apply step_ok_refl|].
    case_if; [|apply step_ok_refl]. apply step_ok_same; intros; cbn [snd]; st;
    try reflexivity.
    rewrite (proj2 (Z.eqb_neq HOST v)) by congruence. reflexivity.
  - unfold prot_and_map. do 3 (case_if; [apply step_ok_refl|]). zb.
    case_if; [apply map_block_ok | apply map_page_ok]; assumption.
  - apply (share_ok _ true); auto.
  - apply (share_ok _ false); auto; discriminate.
  - apply clear_ok; assumption.
  - unfold map_io. do 4 (case_if; [apply step_ok_refl|]).
    destruct (lookup s v (gpa / PAGE)) eqn:L.
    + case_if; apply step_ok_refl.
    + cbn [snd]. repeat split.
      * intro p. apply same_frame_change. st. reflexivity.
      * intros w h N e HX. left. exists e. st.
        destruct ((v =? w) && (gpa / PAGE =? h)) eqn:X; [|auto].
        zb. congruence.
      * intros p i. left. st. reflexivity.
  - apply write_ok; assumption.
  - apply read_ok; assumption.
  - unfold dev_attach. do 3 (case_if; [apply step_ok_refl|]).
    apply step_ok_same; intros; reflexivity.
  - unfold dev_assign. do 2 (case_if; [apply step_ok_refl|]). zb.
    destruct (f_owner (frame_at s pfn) =? HOST) eqn:O;
      [|case_if; apply step_ok_refl].
    case_if; [|apply step_ok_refl]. zb. cbn [snd]. repeat split.
    + intro q. destruct (Z.eq_dec pfn q) as [<-|N].
      * right. left. st. rewrite Z.eqb_refl. simpl. auto.
      * apply same_frame_change. st.
        rewrite (proj2 (Z.eqb_neq pfn q)) by assumption. reflexivity.
    + intros w h N e HX. left. exists e. st.
      rewrite (proj2 (Z.eqb_neq HOST w)) by congruence. auto.
    + intros p i. left. st. reflexivity.
  - eapply device_step_ok; eauto using dev_map_changes.
  - eapply device_step_ok; eauto using dev_unmap_changes.
Qed.

(* I8: a frame that passes from a VM to the host is zero. *)
Theorem I8_frames_come_back_zero : forall c s p, Inv s ->
  let s' := snd (step c s) in
  owner s p <> HOST -> owner s' p = HOST -> forall i, word s' p i = 0.
Proof.
  intros c s p I s' N H. destruct (step_changes c s I) as [F _].
  destruct (F p) as [[K _]|[[K _]|[_ [_ [_ K]]]]]; unfold owner in *.
  - exfalso. apply N. fold s' in K. congruence.
  - contradiction.
  - exact K.
Qed.

(* S4: a guest frame that is mapped keeps its frame and its type until a clear
   takes it away. *)
Theorem map_once : forall c s v g e, Inv s -> v <> HOST ->
  lookup s v g = Some e ->
  let s' := snd (step c s) in
  (exists e', lookup s' v g = Some e' /\ e_pfn e' = e_pfn e /\
              e_kind e' = e_kind e) \/
  (lookup s' v g = None /\ clears c v).
Proof.
  intros c s v g e I N L. destruct (step_changes c s I) as [_ [E _]].
  apply (E v g N e L).
Qed.
