(* A range operation in pieces.

   A call over a range may stop early and say how far it came; the caller goes
   on from there (AGAIN).  With nothing in between, that is the whole operation:
   the same state, and counts that add up. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading.
Import ListNotations.
Local Open Scope Z_scope.

(* [f] goes on where [a] stopped: counts are added; a refusal ends it. *)
Definition and_then (a : result * State) (f : State -> result * State)
  : result * State :=
  match a with
  | (Counted c k, s) =>
    match f s with
    | (Counted c' k', s') => (Counted (c + c') (k + k'), s')
    | b => b
    end
  | _ => a
  end.

(* Pieces of [ns] units each, the first at [x]; [f x n] is the operation on n
   units from x on. *)
Fixpoint in_pieces (f : Z -> Z -> State -> result * State) (x : Z) (ns : list Z)
    (s : State) : result * State :=
  match ns with
  | [] => (Counted 0 0, s)
  | n :: ns' => and_then (f x n s) (in_pieces f (x + n) ns')
  end.

Definition total (ns : list Z) : Z := fold_right Z.add 0 ns.

(* ---- loops ---- *)

Lemma each_app : forall A n m x (f : Z -> A -> A) a,
  each (n + m) x f a = each m (x + Z.of_nat n) f (each n x f a).
Proof.
  induction n; intros.
  - simpl. replace (x + Z.of_nat 0) with x by lia. reflexivity.
  - change (S n + m)%nat with (S (n + m)). rewrite !each_S, IHn. f_equal. lia.
Qed.

(* The count so far is only carried along. *)
Lemma count_from : forall f n x c s,
  each n x (count_step f) (c, s) =
  (c + fst (each n x (count_step f) (0, s)), snd (each n x (count_step f) (0, s))).
Proof.
  induction n; intros.
  - simpl. f_equal. lia.
  - rewrite !each_S. unfold count_step at 2 4 6. simpl.
    destruct (f x s) as [s'|].
    + rewrite (IHn _ (c + 1)), (IHn _ (0 + 1)). simpl. f_equal. lia.
    + apply IHn.
Qed.

Lemma counted_app : forall f a b x s, 0 <= a -> 0 <= b ->
  counted f (a + b) x s = and_then (counted f a x s) (counted f b (x + a)).
Proof.
  intros f a b x s A B. unfold counted.
  rewrite Z2Nat.inj_add, each_app, Z2Nat.id by assumption. cbn [and_then].
  destruct (each (Z.to_nat a) x (count_step f) (0, s)) as [c s1] eqn:E.
  rewrite count_from. simpl. f_equal. f_equal. lia.
Qed.

(* What the pages leave alone, the loop does. *)
Lemma counted_exists : forall f n x s v,
  (forall i s0 s1, f i s0 = Some s1 -> vm_exists s1 v = vm_exists s0 v) ->
  vm_exists (snd (counted f n x s)) v = vm_exists s v.
Proof.
  intros f n x s v F.
  apply (counted_ind f n x s (fun s' => vm_exists s' v = vm_exists s v)); auto.
  intros i s0 s1 _ H E. rewrite (F _ _ _ E). assumption.
Qed.

Lemma clear_page_exists : forall v p s s' w, clear_page v p s = Some s' ->
  vm_exists s' w = vm_exists s w.
Proof.
  unfold clear_page. intros. destruct (_ =? _) in H; inj. st. reflexivity.
Qed.

Lemma grant_page_exists : forall v p s s' w, grant_page v p s = Some s' ->
  vm_exists s' w = vm_exists s w.
Proof.
  unfold grant_page. intros. destruct (_ && _) in H; inj. st. reflexivity.
Qed.

Lemma revoke_page_exists : forall v p s s' w, revoke_page v p s = Some s' ->
  vm_exists s' w = vm_exists s w.
Proof.
  unfold revoke_page. intros. destruct (_ && _) in H; inj. case_if; st; reflexivity.
Qed.

Lemma share_at_exists : forall f v i s0 s1 w,
  (forall p s s', f v p s = Some s' -> vm_exists s' w = vm_exists s w) ->
  share_at f v i s0 = Some s1 -> vm_exists s1 w = vm_exists s0 w.
Proof.
  unfold share_at. intros f v i s0 s1 w F H.
  destruct (lookup s0 v i); [|discriminate]. apply (F _ _ _ H).
Qed.

(* ---- clear ---- *)

(* a + b frames are a frames, and then b. *)
Theorem clear_a_then_b : forall v p a b s, 0 <= a -> 0 < b ->
  p + a + b <= PFN_LIMIT ->
  clear v p (a + b) s = and_then (clear v p a s) (clear v (p + a) b).
Proof.
  intros v p a b s A B L. unfold clear at 1 2.
  rewrite (proj2 (Z.leb_le 0 (a + b))), (proj2 (Z.leb_le 0 a)),
    (proj2 (Z.leb_le (p + (a + b)) PFN_LIMIT)),
    (proj2 (Z.leb_le (p + a) PFN_LIMIT)), !andb_true_r by lia.
  destruct (is_pfn p) eqn:P; [|reflexivity]. unfold is_pfn in P. zb.
  destruct (vm_exists s v) eqn:V; [|reflexivity]. cbn [negb].
  rewrite counted_app by lia.
  assert (E := counted_exists (clear_page v) a p s v
    (fun i s0 s1 => clear_page_exists v i s0 s1 v)). rewrite V in E.
  destruct (counted (clear_page v) a p s) as [r s1] eqn:C.
  unfold counted in C. inj. simpl in E |- *. unfold clear, is_pfn.
  rewrite (proj2 (Z.leb_le 0 (p + a))), (proj2 (Z.ltb_lt (p + a) PFN_LIMIT)),
    (proj2 (Z.leb_le 0 b)), (proj2 (Z.leb_le (p + a + b) PFN_LIMIT)), E by lia.
  reflexivity.
Qed.

(* ---- grant and revoke ---- *)

Lemma pages_of_app : forall a z, 0 < z -> pages_of (a * PAGE + z) = a + pages_of z.
Proof.
  intros. unfold pages_of. rewrite <- Z.add_assoc, Z.div_add_l; [reflexivity|].
  discriminate.
Qed.

Lemma pages_of_whole : forall a, pages_of (a * PAGE) = a.
Proof.
  intros. unfold pages_of. rewrite Z.div_add_l by discriminate.
  change ((PAGE - 1) / PAGE) with 0. lia.
Qed.

Lemma pages_of_pos : forall z, 0 < z -> 0 <= pages_of z.
Proof. intros. unfold pages_of, PAGE. apply Z.div_pos; lia. Qed.

Lemma share_app : forall f v addr a z s,
  (forall p s s', f v p s = Some s' -> vm_exists s' v = vm_exists s v) ->
  0 < a -> 0 < z -> addr + a * PAGE + z <= GUEST_LIMIT ->
  share f v addr (a * PAGE + z) s =
  and_then (share f v addr (a * PAGE) s) (share f v (addr + a * PAGE) z).
Proof.
  intros f v addr a z s F A Z L. unfold PAGE in A, L.
  assert (LE : forall x y, x <= y -> x <=? y = true) by (intros; apply Z.leb_le; assumption).
  assert (NE : forall x, 0 < x -> x =? 0 = false) by (intros; apply Z.eqb_neq; lia).
  unfold share at 1 2.
  rewrite (LE 0 (a * PAGE + z)), (LE 0 (a * PAGE)),
    (LE (addr + (a * PAGE + z))), (LE (addr + a * PAGE)),
    (NE (a * PAGE + z)), (NE (a * PAGE)), !andb_true_r by (unfold PAGE; lia).
  destruct (is_addr addr) eqn:R; [|reflexivity]. unfold is_addr in R. zb.
  destruct (aligned addr) eqn:AL; [|reflexivity].
  destruct (vm_exists s v) eqn:V; [|reflexivity]. cbn [negb andb].
  rewrite pages_of_app, pages_of_whole by assumption.
  rewrite counted_app by (try apply pages_of_pos; lia).
  assert (E := counted_exists (share_at f v) a (addr / PAGE) s v
    (fun i s0 s1 => share_at_exists f v i s0 s1 v F)). rewrite V in E.
  destruct (counted (share_at f v) a (addr / PAGE) s) as [r s1] eqn:C.
  unfold counted in C. inj. simpl in E |- *. unfold share, is_addr.
  rewrite (LE 0 z), (LE 0 (addr + a * PAGE)), (LE (addr + a * PAGE + z)),
    (NE z), (proj2 (Z.ltb_lt (addr + a * PAGE) GUEST_LIMIT)), E by (unfold PAGE; lia).
  unfold aligned. rewrite Z.mod_add by discriminate. unfold aligned in AL.
  rewrite AL. cbn [andb negb]. rewrite Z.div_add by discriminate. reflexivity.
Qed.

(* a pages and then z bytes are one range of a pages and z bytes. *)
Theorem grant_a_then_b : forall v addr a z s, 0 < a -> 0 < z ->
  addr + a * PAGE + z <= GUEST_LIMIT ->
  share grant_page v addr (a * PAGE + z) s =
  and_then (share grant_page v addr (a * PAGE) s)
    (share grant_page v (addr + a * PAGE) z).
Proof.
  intros. apply share_app; auto. intros. eapply grant_page_exists; eauto.
Qed.

Theorem revoke_a_then_b : forall v addr a z s, 0 < a -> 0 < z ->
  addr + a * PAGE + z <= GUEST_LIMIT ->
  share revoke_page v addr (a * PAGE + z) s =
  and_then (share revoke_page v addr (a * PAGE) s)
    (share revoke_page v (addr + a * PAGE) z).
Proof.
  intros. apply share_app; auto. intros. eapply revoke_page_exists; eauto.
Qed.

(* ---- any number of pieces ---- *)

Lemma total_nonneg : forall ns, Forall (fun n => 0 < n) ns -> 0 <= total ns.
Proof. induction 1; simpl; unfold total in *; simpl; lia. Qed.

Lemma and_then_nothing : forall a, (exists c k s, a = (Counted c k, s)) \/
  (exists r s, a = (Refused r, s)) ->
  and_then a (fun s => (Counted 0 0, s)) = a.
Proof.
  intros a [[c [k [s ->]]]|[r [s ->]]]; simpl; [|reflexivity].
  do 2 f_equal; lia.
Qed.

(* However a range was cut: what the pieces do one after the other is what one
   call would have done.  [unit] is 1 for frames, PAGE for addresses; only the
   last piece need not be whole. *)
Lemma pieces : forall (f : Z -> Z -> State -> result * State) unit limit,
  0 < unit ->
  (forall x n s, (exists c k s', f x n s = (Counted c k, s')) \/
                 (exists r s', f x n s = (Refused r, s'))) ->
  (forall x a z s, 0 < a -> 0 < z -> x + a * unit + z <= limit ->
     f x (a * unit + z) s = and_then (f x (a * unit) s) (f (x + a * unit) z)) ->
  forall ns x z s, Forall (fun n => 0 < n) ns -> 0 < z ->
    x + total ns * unit + z <= limit ->
    in_pieces f x (map (fun n => n * unit) ns ++ [z]) s = f x (total ns * unit + z) s.
Proof.
  intros f unit limit U R A ns x z s P. revert x s.
  induction P as [|n ns N P IH]; intros x s Z L.
  - simpl. rewrite and_then_nothing by apply R. f_equal. 
  - pose proof (total_nonneg _ P). change (total (n :: ns)) with (n + total ns) in *.
    replace ((n + total ns) * unit + z) with (n * unit + (total ns * unit + z)) by lia.
    rewrite A by lia. cbn [map app in_pieces]. unfold and_then.
    destruct (f x (n * unit) s) as [[] s1]; try reflexivity.
    rewrite IH by lia. reflexivity.
Qed.

Lemma units : forall ns, map (fun n => n * 1) ns = ns.
Proof. induction ns; simpl; [|rewrite IHns]; f_equal; lia. Qed.

Ltac answers := unfold counted;
  repeat (case_if; [right; eauto; fail|]); left; eauto.

Theorem clear_in_pieces : forall v p ns z s,
  Forall (fun n => 0 < n) ns -> 0 < z -> p + total ns + z <= PFN_LIMIT ->
  in_pieces (clear v) p (ns ++ [z]) s = clear v p (total ns + z) s.
Proof.
  intros v p ns z s P Z L. rewrite <- (units ns) at 1.
  rewrite (pieces (clear v) 1 PFN_LIMIT), Z.mul_1_r; try assumption; try lia.
  - reflexivity.
  - intros. unfold clear. answers.
  - intros. rewrite Z.mul_1_r in *. apply clear_a_then_b; lia.
Qed.

Theorem grant_in_pieces : forall v addr ns z s,
  Forall (fun n => 0 < n) ns -> 0 < z -> addr + total ns * PAGE + z <= GUEST_LIMIT ->
  in_pieces (share grant_page v) addr (map (fun n => n * PAGE) ns ++ [z]) s =
  share grant_page v addr (total ns * PAGE + z) s.
Proof.
  intros v addr ns z s P Z L. apply (pieces _ _ GUEST_LIMIT); auto.
  - reflexivity.
  - intros. unfold share. answers.
  - intros. apply grant_a_then_b; assumption.
Qed.

Theorem revoke_in_pieces : forall v addr ns z s,
  Forall (fun n => 0 < n) ns -> 0 < z -> addr + total ns * PAGE + z <= GUEST_LIMIT ->
  in_pieces (share revoke_page v) addr (map (fun n => n * PAGE) ns ++ [z]) s =
  share revoke_page v addr (total ns * PAGE + z) s.
Proof.
  intros v addr ns z s P Z L. apply (pieces _ _ GUEST_LIMIT); auto.
  - reflexivity.
  - intros. unfold share. answers.
  - intros. apply revoke_a_then_b; assumption.
Qed.
