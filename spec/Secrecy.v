(* Isolation: what a VM keeps to itself.

   Integrity: what a VM reads from its own memory does not depend on what the
   others do, except where it granted a page to the host.
   Confidentiality: what the others see does not depend on what the VM keeps in
   pages that it does not grant. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  KeepParts KeepShare KeepDevice Always Steps.
Import ListNotations.
Local Open Scope Z_scope.

(* Who acts: VMs load, store and share by themselves, all the rest is at the
   wish of the host (a device acts for its principal). *)
Definition actor (c : op) : Z :=
  match c with
  | Grant v _ _ => v
  | Revoke v _ _ => v
  | Write who _ _ => who
  | Read who _ => who
  | _ => HOST
  end.

(* ------------------------------------------------------------------ *)
(* Integrity                                                           *)

(* VM [v] maps [e] at guest frame [g].  Whoever else does whatever: afterwards
   [v] maps the same frame there and finds every word in it unchanged, or the
   mapping was taken away by a clear (and an access faults), or the host wrote
   to a frame that [v] had granted. *)
Theorem integrity : forall c s v g e, Inv s -> v <> HOST -> actor c <> v ->
  lookup s v g = Some e ->
  let s' := snd (step c s) in
  (lookup s' v g = None /\ clears c v) \/
  (exists e', lookup s' v g = Some e' /\ e_pfn e' = e_pfn e /\
     e_kind e' = e_kind e /\
     (e_kind e = Normal -> forall i,
        word s' (e_pfn e) i = word s (e_pfn e) i \/
        (exists a x, c = Write HOST a x /\ a / PAGE = e_pfn e /\
           0 < f_count (frame_at s (e_pfn e))))).
Proof.
  intros c s v g e I N A L s'.
  destruct (step_changes c s I) as [F [E W]].
  destruct (E v g N e L) as [[e' [E1 [E2 E3]]]|E1]; [|left; exact E1].
  right. exists e'. repeat split; auto. intros K i.
  destruct (inv_vm _ I _ _ _ N L) as [V [[D _]|[O [G [P _]]]]].
  { rewrite D in K. discriminate. }
  destruct (W (e_pfn e) i) as [Q|[[Q1 [Q2 Q3]]|[who [a [x [Q1 Q2]]]]]].
  - left. exact Q.
  - (* cleared: then the entry would be gone *)
    exfalso. assert (I' := step_keeps_invariant c s I).
    destruct (inv_vm _ I' _ _ _ N E1) as [_ [[D _]|[O' _]]].
    + assert (e_kind e' = Device) by (rewrite D; reflexivity). congruence.
    + rewrite E2 in O'. congruence.
  - right. subst c. simpl in A.
    destruct Q2 as [[-> [Q2 M]]|[Q2 [Q3 _]]]; [|congruence].
    exists a, x. repeat split; auto.
    unfold may_host in M. unfold owner in O. rewrite O in M.
    destruct (vm_exists_range _ _ V) as [_ [_ VI]].
    rewrite (proj2 (Z.eqb_neq v INVALID)), (proj2 (Z.eqb_neq v HOST)) in M
      by assumption.
    simpl in M. zb. assumption.
Qed.

(* ------------------------------------------------------------------ *)
(* No operation but a load looks at memory                             *)

Definition is_read (c : op) : bool :=
  match c with Read _ _ => true | _ => false end.

(* [s] with other contents. *)
Definition other (m : ZMap.t (ZMap.t Z)) (s : State) : State := with_memory m s.

(* Two states that differ in contents only. *)
Definition alike (s t : State) : Prop := other ZMap.empty s = other ZMap.empty t.

Lemma alike_refl : forall s, alike s s.
Proof. reflexivity. Qed.

Lemma alike_parts : forall s t, alike s t ->
  (forall p, frame_at t p = frame_at s p) /\
  (forall v g, lookup t v g = lookup s v g) /\
  (forall d i, dev_lookup t d i = dev_lookup s d i) /\
  (forall d, owner_of_device t d = owner_of_device s d) /\
  (forall v, vm_exists t v = vm_exists s v) /\
  (forall p, boot_frame t p = boot_frame s p) /\
  (forall d, dev_empty t d = dev_empty s d).
Proof.
  intros [] [] H. unfold alike, other, with_memory in H. simpl in H.
  injection H as; subst. repeat split.
Qed.

Lemma alike_inv : forall s t, alike s t -> Inv s -> Inv t.
Proof.
  intros s t A I. destruct (alike_parts _ _ A) as [F [L [D [O [V [B _]]]]]].
  apply Inv_ext with s; assumption.
Qed.

(* A change keeps states alike if it does the same with other contents. *)
Lemma alike_change : forall c s t,
  (forall m s, other m (c s) = c (other m s)) -> alike s t -> alike (c s) (c t).
Proof. unfold alike. intros c s t C A. rewrite !C, A. reflexivity. Qed.

Lemma alike_memory : forall m m' s t, alike s t -> alike (with_memory m s) (with_memory m' t).
Proof. intros m m' s t A. exact A. Qed.

Ltac alike :=
  repeat first
    [ assumption
    | match goal with
      | |- alike (zero_frame _ _) _ => apply alike_memory
      | |- alike (set_word _ _ _ _) _ => apply alike_memory
      | |- alike (?c _) (?c _) => apply (alike_change c); [reflexivity|]
      end ].

Lemma alike_each : forall (f g : Z -> State -> State) n x s t,
  (forall i s t, alike s t -> alike (f i s) (g i t)) -> alike s t ->
  alike (each n x f s) (each n x g t).
Proof. induction n; intros; [assumption|]. rewrite !each_S. auto. Qed.

Lemma alike_put_entries : forall v f g n x s t, (forall i, f i = g i) ->
  alike s t -> alike (put_entries v f n x s) (put_entries v g n x t).
Proof.
  intros. unfold put_entries. apply alike_each; [|assumption].
  intros i s0 t0 A. unfold put. rewrite H.
  destruct (g i); alike.
Qed.

Lemma alike_assign : forall v g p s t, alike s t ->
  alike (assign v g p s) (assign v g p t).
Proof.
  intros v g p s t A. destruct (alike_parts _ _ A) as [F _].
  unfold assign. rewrite F.
  destruct (_ || _); alike.
Qed.

Lemma alike_assign_all : forall v g p n s t, alike s t ->
  alike (assign_all v g p n s) (assign_all v g p n t).
Proof.
  intros. unfold assign_all. apply alike_each; auto using alike_assign.
Qed.

Lemma alike_split : forall v g s t, alike s t -> alike (split v g s) (split v g t).
Proof.
  intros v g s t A. destruct (alike_parts _ _ A) as [_ [L _]].
  unfold split. apply alike_put_entries; [|assumption].
  intro i. unfold as_page. rewrite L. reflexivity.
Qed.

Lemma alike_unmap_vm : forall v g p s t, alike s t ->
  alike (unmap_vm v g p s) (unmap_vm v g p t).
Proof.
  intros v g p s t A. destruct (alike_parts _ _ A) as [_ [L _]].
  unfold unmap_vm. rewrite L. destruct (lookup s v g); [|assumption].
  destruct (_ =? p); [|assumption]. alike.
  destruct (_ =? 2); auto using alike_split.
Qed.

Definition alike_option (a b : option State) : Prop :=
  match a, b with
  | Some s, Some t => alike s t
  | None, None => True
  | _, _ => False
  end.

Lemma alike_counted : forall f n x s t,
  (forall i s t, alike s t -> alike_option (f i s) (f i t)) -> alike s t ->
  fst (counted f n x s) = fst (counted f n x t) /\
  alike (snd (counted f n x s)) (snd (counted f n x t)).
Proof.
  intros f n x s t F A. unfold counted. simpl.
  assert (G : forall m y a b, fst a = fst b -> alike (snd a) (snd b) ->
    fst (each m y (count_step f) a) = fst (each m y (count_step f) b) /\
    alike (snd (each m y (count_step f) a)) (snd (each m y (count_step f) b))).
  { induction m; intros y a b E B; [auto|]. rewrite !each_S. apply IHm;
    unfold count_step; specialize (F y _ _ B);
    destruct (f y (snd a)), (f y (snd b)); simpl in *; try contradiction;
    auto; congruence. }
  destruct (G (Z.to_nat n) x (0, s) (0, t) eq_refl A) as [G1 G2].
  split; [rewrite G1; reflexivity | exact G2].
Qed.

(* The answers and the states of [c] in two states that are alike. *)
Definition same_step (a b : result * State) : Prop :=
  fst a = fst b /\ alike (snd a) (snd b).

Lemma same_refuse : forall r s t, alike s t -> same_step (r, s) (r, t).
Proof. intros. split; auto. Qed.

Lemma alike_share : forall f v a n s t,
  (forall p s t, alike s t -> alike_option (f v p s) (f v p t)) -> alike s t ->
  same_step (share f v a n s) (share f v a n t).
Proof.
  intros f v a n s t F A. destruct (alike_parts _ _ A) as [_ [_ [_ [_ [V _]]]]].
  unfold share. rewrite V.
  do 4 (case_if; [apply same_refuse; assumption|]).
  apply alike_counted; [|assumption]. intros i s0 t0 A0. unfold share_at.
  destruct (alike_parts _ _ A0) as [_ [L _]]. rewrite L.
  destruct (lookup s0 v i); simpl; auto.
Qed.

Lemma alike_host_fault : forall a s t, alike s t ->
  same_step (host_fault a s) (host_fault a t).
Proof.
  intros a s t A. destruct (alike_parts _ _ A) as [F _].
  unfold host_fault, may_host, host_entry, owner. rewrite F.
  case_if; [apply same_refuse; assumption|].
  case_if; [|apply same_refuse; assumption].
  apply same_refuse. alike.
Qed.

Lemma alike_reach : forall who a s t, alike s t ->
  fst (reach who a s) = fst (reach who a t) /\
  alike (snd (reach who a s)) (snd (reach who a t)).
Proof.
  intros who a s t A. destruct (alike_parts _ _ A) as [_ [L _]].
  unfold reach. rewrite L. destruct (lookup s who (a / PAGE)); [auto|].
  case_if; [|auto].
  destruct (alike_host_fault a s t A) as [R X].
  destruct (host_fault a s) as [r1 s1], (host_fault a t) as [r2 t1].
  simpl in R, X. subst r2. destruct r1; simpl; auto.
  destruct (alike_parts _ _ X) as [_ [L1 _]]. rewrite L1. auto.
Qed.

(* A store, and one of another value. *)
Lemma alike_write : forall who a x y s t, alike s t ->
  same_step (write who a x s) (write who a y t).
Proof.
  intros who a x y s t A.
  destruct (alike_parts _ _ A) as [_ [_ [_ [_ [V _]]]]].
  unfold write, access. rewrite V.
  do 3 (case_if; [apply same_refuse; assumption|]).
  destruct (alike_reach who a s t A) as [R1 R2].
  destruct (reach who a s) as [o s1], (reach who a t) as [o' t1].
  simpl in R1, R2. subst o'. destruct o as [e|]; [|apply same_refuse; assumption].
  destruct (e_kind e); apply same_refuse; alike.
Qed.

(* Apart from loads, nothing that anybody does looks at contents: in two states
   that differ in contents only, the answer is the same, and the new states
   again differ in contents only. *)
Theorem only_loads_look : forall c s t, alike s t -> is_read c = false ->
  same_step (step c s) (step c t).
Proof.
  intros c s t A R.
  destruct (alike_parts _ _ A) as [F [L [D [O [V [B E]]]]]].
  destruct c; simpl in *; try discriminate.
  - unfold create_vm. rewrite V. case_if; [|apply same_refuse; assumption].
    apply same_refuse.
    apply (alike_change (fun s => with_vms (ZMap.set v true (vms s)) s)); auto.
  - apply alike_host_fault. assumption.
  - unfold prot_and_map. rewrite V.
    do 3 (case_if; [apply same_refuse; assumption|]). case_if.
    + unfold map_block.
      assert (U : forall n x b, all_pages n x (fun i => unmapped t v (b + i)) =
                              all_pages n x (fun i => unmapped s v (b + i))).
      { induction n; intros; simpl; [reflexivity|]. unfold unmapped at 1 3.
        rewrite L, IHn. reflexivity. }
      assert (M : forall n x b p, all_pages n x (fun i => maps_normal t v (b + i) (p + i)) =
                  all_pages n x (fun i => maps_normal s v (b + i) (p + i))).
      { induction n; intros; simpl; [reflexivity|]. unfold maps_normal at 1 3.
        rewrite L, IHn. reflexivity. }
      assert (X : forall n x b p,
        first_refusal n x (fun i => assign_refusal t v (b + i) (p + i)) =
        first_refusal n x (fun i => assign_refusal s v (b + i) (p + i))).
      { induction n; intros; simpl; [reflexivity|]. unfold assign_refusal at 1 3.
        rewrite F, IHn. reflexivity. }
      rewrite U, M, X. unfold level_at. rewrite L.
      case_if.
      * destruct (first_refusal _ _ _); [apply same_refuse; assumption|].
        apply same_refuse. apply alike_put_entries; [reflexivity|].
        apply alike_assign_all. assumption.
      * case_if; [|apply same_refuse; assumption].
        case_if; [apply same_refuse; assumption|].
        apply same_refuse. apply alike_put_entries; [reflexivity|assumption].
    + unfold map_page, unmapped, maps_normal, assign_refusal. rewrite L, F.
      destruct (lookup s v (addr / PAGE)).
      * case_if; apply same_refuse; assumption.
      * match goal with |- context [match ?x with Some _ => (Refused _, s) | None => _ end] =>
          destruct x end; [apply same_refuse; assumption|].
        apply same_refuse. alike. apply alike_assign. assumption.
  - apply alike_share; [|assumption]. intros p s0 t0 A0.
    destruct (alike_parts _ _ A0) as [F0 _]. unfold grant_page. rewrite F0.
    case_if; simpl; auto. alike.
  - apply alike_share; [|assumption]. intros p s0 t0 A0.
    destruct (alike_parts _ _ A0) as [F0 _]. unfold revoke_page. rewrite F0.
    case_if; simpl; auto. alike. case_if; alike.
  - unfold clear. rewrite V.
    do 2 (case_if; [apply same_refuse; assumption|]).
    apply alike_counted; [|assumption]. intros i s0 t0 A0.
    destruct (alike_parts _ _ A0) as [F0 _]. unfold clear_page. rewrite F0.
    case_if; simpl; auto.
    alike. apply alike_unmap_vm. assumption.
  - unfold map_io, owner. rewrite V, F, L.
    do 4 (case_if; [apply same_refuse; assumption|]).
    destruct (lookup s v (gpa / PAGE)).
    + case_if; apply same_refuse; assumption.
    + apply same_refuse. alike.
  - apply alike_write. assumption.
  - unfold dev_attach, principal. rewrite V, E.
    do 3 (case_if; [apply same_refuse; assumption|]).
    apply same_refuse.
    apply (alike_change (fun s => with_dev_owner (ZMap.set d v (dev_owner s)) s)); auto.
  - unfold dev_assign. rewrite V, F.
    do 2 (case_if; [apply same_refuse; assumption|]).
    case_if; [|case_if; apply same_refuse; assumption].
    case_if; [|apply same_refuse; assumption].
    apply same_refuse. alike.
  - unfold dev_map, principal. rewrite V, F, O, D.
    do 6 (case_if; [apply same_refuse; assumption|]).
    destruct (dev_lookup s d (iova / PAGE)).
    + case_if; apply same_refuse; assumption.
    + apply same_refuse.
      case_if; alike.
  - unfold dev_unmap. rewrite D.
    do 3 (case_if; [apply same_refuse; assumption|]).
    destruct (dev_lookup s d (iova / PAGE)); [|apply same_refuse; assumption].
    rewrite F. apply same_refuse.
    case_if; alike.
Qed.
