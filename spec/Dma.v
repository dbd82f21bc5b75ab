(* The host's devices: one table serves all of them, and follows the records.

   A device is given no entries of its own.  What it reaches is what the host
   may have at that moment, RAM alone; a change of a record is seen by the next
   transfer.  That the C keeps its table so, and that no remembered translation
   outlives the record, is for the simulated machine to show.

   The devices of [Strong.v] (dev_map, ...), with a table each, are the general
   case: those of a VM would be such. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  KeepParts Always Steps Secrecy Confidential.
Import ListNotations.
Local Open Scope Z_scope.

Definition reached (s : State) (p : Z) : bool :=
  may_host s p && negb (owner s p =? INVALID).

(* Whether a transfer to [a] goes through. *)
Definition dma_allowed (s : State) (a : Z) : bool :=
  is_paddr a && (a mod 8 =? 0) && reached s (a / PAGE).

Definition dma_read (a : Z) (s : State) : result :=
  if dma_allowed s a then Read_value (word s (a / PAGE) (word_index a))
  else Fault.

Definition dma_write (a x : Z) (s : State) : result * State :=
  if dma_allowed s a then (Ok, set_word (a / PAGE) (word_index a) x s)
  else (Fault, s).

(* What happens on the machine: an operation, or a transfer of a device. *)
Inductive act :=
| Cpu (c : op)
| DmaWrite (a x : Z)
| DmaRead (a : Z).

Definition act_step (c : act) (s : State) : result * State :=
  match c with
  | Cpu c => step c s
  | DmaWrite a x => dma_write a x s
  | DmaRead a => (dma_read a s, s)
  end.

(* A device reaches the host's own RAM, and what a VM has granted. *)
Theorem dma_reaches : forall s p, reached s p = true ->
  owner s p = HOST \/
  (0 < f_count (frame_at s p) /\ f_pending (frame_at s p) = false).
Proof.
  intros s p R. unfold reached, may_host, owner in *.
  apply andb_prop in R. destruct R as [R N]. apply negb_true_iff in N.
  rewrite N in R. simpl in R. apply orb_prop in R. destruct R as [R|R].
  - left. zb. assumption.
  - right. zb. auto.
Qed.

(* ------------------------------------------------------------------ *)
(* A transfer is an access of the host's                               *)

(* Through which entry the host reaches an address of RAM. *)
Lemma host_reach : forall a s, Inv s -> is_paddr a = true ->
  owner s (a / PAGE) <> INVALID ->
  (may_host s (a / PAGE) = true /\ exists s1,
     reach HOST a s = (Some (page_entry (a / PAGE)), s1) /\
     memory s1 = memory s /\ frames s1 = frames s) \/
  (may_host s (a / PAGE) = false /\ reach HOST a s = (None, s)).
Proof.
  intros a s I P N.
  assert (HE : host_entry s (a / PAGE) = page_entry (a / PAGE)).
  { unfold host_entry. rewrite (proj2 (Z.eqb_neq _ _) N). reflexivity. }
  unfold reach. destruct (lookup s HOST (a / PAGE)) as [e|] eqn:L.
  - destruct (inv_host _ I _ _ L) as [E M]. left. split; [assumption|].
    exists s. rewrite E, HE. auto.
  - rewrite Z.eqb_refl. unfold host_fault. rewrite P. simpl negb. cbv iota.
    destruct (may_host s (a / PAGE)) eqn:M; [left|right]; split; auto.
    exists (set_entry HOST (a / PAGE) (host_entry s (a / PAGE)) s).
    rewrite lookup_set_entry, !Z.eqb_refl. simpl. rewrite HE. auto.
Qed.

Lemma host_access : forall a s f, is_paddr a = true -> a mod 8 = 0 ->
  access HOST a s f =
  match reach HOST a s with (Some e, s') => f e s' | (None, _) => (Fault, s) end.
Proof.
  intros a s f P A. unfold access, reachable_addr.
  rewrite Z.eqb_refl, P, A. reflexivity.
Qed.

(* In RAM, a device reads exactly what the host's CPUs do, and is refused
   exactly where they are. *)
Theorem dma_read_is_host_read : forall a s, Inv s -> is_paddr a = true ->
  a mod 8 = 0 -> owner s (a / PAGE) <> INVALID ->
  dma_read a s = fst (read HOST a s).
Proof.
  intros a s I P A N. unfold dma_read, dma_allowed, reached, read.
  rewrite (host_access a s _ P A), P, A, (proj2 (Z.eqb_neq _ _) N).
  destruct (host_reach a s I P N) as [[M [s1 [R [W _]]]]|[M R]];
  rewrite M, R; simpl; [|reflexivity].
  unfold word. rewrite W. reflexivity.
Qed.

(* And writes what they do: the same answer, the same words, the same records.
   The host's table may have an entry more after a CPU's store: it is a cache. *)
Theorem dma_write_is_host_write : forall a x s, Inv s -> is_paddr a = true ->
  a mod 8 = 0 -> owner s (a / PAGE) <> INVALID ->
  fst (dma_write a x s) = fst (write HOST a x s) /\
  memory (snd (dma_write a x s)) = memory (snd (write HOST a x s)) /\
  frames (snd (dma_write a x s)) = frames (snd (write HOST a x s)).
Proof.
  intros a x s I P A N. unfold dma_write, dma_allowed, reached, write.
  rewrite (host_access a s _ P A), P, A, (proj2 (Z.eqb_neq _ _) N).
  destruct (host_reach a s I P N) as [[M [s1 [R [W F]]]]|[M R]];
  rewrite M, R; simpl; [|auto].
  unfold set_word, set2, row. simpl. rewrite W, F. auto.
Qed.

(* ------------------------------------------------------------------ *)
(* What holds goes on to hold                                          *)

Lemma dma_write_alike : forall a x s, alike s (snd (dma_write a x s)).
Proof.
  intros. unfold dma_write. destruct (dma_allowed s a); [|reflexivity].
  reflexivity.
Qed.

Theorem act_keeps_invariant : forall c s, Inv s -> Inv (snd (act_step c s)).
Proof.
  intros [c|a x|a] s I; simpl; [apply step_keeps_invariant; assumption| |assumption].
  exact (alike_inv _ _ (dma_write_alike a x s) I).
Qed.

(* Whatever a device does: a VM maps what it did, and finds in it what it did,
   except in a page that it had granted. *)
Theorem dma_integrity : forall a x s v g e, Inv s -> v <> HOST ->
  lookup s v g = Some e ->
  let s' := snd (dma_write a x s) in
  lookup s' v g = Some e /\
  (e_kind e = Normal -> forall i,
     word s' (e_pfn e) i = word s (e_pfn e) i \/
     (a / PAGE = e_pfn e /\ 0 < f_count (frame_at s (e_pfn e)))).
Proof.
  intros a x s v g e I N L s'. subst s'. unfold dma_write.
  destruct (dma_allowed s a) eqn:D; simpl; [|auto].
  split; [assumption|]. intros K i. rewrite word_set_word.
  destruct ((a / PAGE =? e_pfn e) && (word_index a =? i)) eqn:Q; [|auto].
  right. zb. split; [assumption|].
  destruct (inv_vm _ I _ _ _ N L) as [V [[X _]|[O _]]].
  { rewrite X in K. discriminate. }
  unfold dma_allowed in D. apply andb_prop in D. destruct D as [_ D].
  destruct (dma_reaches _ _ D) as [R|[R _]]; [exfalso|]; congruence.
Qed.

(* ------------------------------------------------------------------ *)
(* Devices of a VM                                                     *)

(* A device that a VM was given is translated by the VM's own table: its
   transfer to guest address [a] is an access of the VM's, [Read v a] or
   [Write v a x].  So all that is proved of those holds of it, and here is where
   such a transfer can get. *)
Definition vm_dma_frame (v a : Z) (s : State) : option Z :=
  match lookup s v (a / PAGE) with
  | Some e => match e_kind e with Normal => Some (e_pfn e) | Device => None end
  | None => None
  end.

(* Only to frames of that VM. *)
Theorem vm_dma_reaches : forall v a s p, Inv s -> v <> HOST ->
  vm_dma_frame v a s = Some p -> owner s p = v.
Proof.
  intros v a s p I N F. unfold vm_dma_frame in F.
  destruct (lookup s v (a / PAGE)) as [e|] eqn:L; [|discriminate].
  destruct (e_kind e) eqn:K; [|discriminate]. injection F as <-.
  destruct (inv_vm _ I _ _ _ N L) as [_ [[X _]|[O _]]];
  [rewrite X in K; discriminate|exact O].
Qed.

(* Never where another VM's device gets, and where the host's do only if the VM
   has granted the page. *)
Theorem vm_dma_apart : forall v w a b s p, Inv s -> v <> HOST -> w <> HOST ->
  vm_dma_frame v a s = Some p -> vm_dma_frame w b s = Some p -> v = w.
Proof.
  intros v w a b s p I V W A B.
  rewrite <- (vm_dma_reaches v a s p I V A).
  exact (vm_dma_reaches w b s p I W B).
Qed.

Theorem vm_dma_private : forall v a s p, Inv s -> v <> HOST ->
  vm_dma_frame v a s = Some p -> reached s p = true ->
  0 < f_count (frame_at s p).
Proof.
  intros v a s p I V A R. destruct (dma_reaches s p R) as [O|[C _]]; [|exact C].
  exfalso. apply V. rewrite <- O. symmetry. exact (vm_dma_reaches v a s p I V A).
Qed.

(* What it reads is what the VM would read there, and nothing changes. *)
Theorem vm_dma_reads : forall v a s p, v <> HOST -> is_addr a = true ->
  a mod 8 = 0 -> vm_exists s v = true -> vm_dma_frame v a s = Some p ->
  step (Read v a) s = (Read_value (word s p (word_index a)), s).
Proof.
  intros v a s p V A M E F. unfold vm_dma_frame in F.
  destruct (lookup s v (a / PAGE)) as [e|] eqn:L; [|discriminate].
  destruct (e_kind e) eqn:K; [|discriminate]. injection F as <-.
  simpl. unfold read, access, reachable_addr, reach.
  rewrite (proj2 (Z.eqb_neq _ _) V), A, M, E, L, K. reflexivity.
Qed.

(* ------------------------------------------------------------------ *)
(* Confidentiality, with devices                                       *)

Section Devices.

  Variable u : Z.
  Variable keeps : Z -> bool.
  Hypothesis u_is_vm : u <> HOST /\ u <> INVALID.

  (* Two acts that differ at most in what [u] stores to a page that it keeps:
     devices do the same in both runs. *)
  Definition twin_act (c d : act) : Prop :=
    match c, d with
    | Cpu c, Cpu d => twin u keeps c d
    | _, _ => c = d
    end.

  Definition no_grant_act (c : act) : Prop :=
    match c with Cpu c => no_grant u keeps c | _ => True end.

  Definition act_actor (c : act) : Z :=
    match c with Cpu c => actor c | _ => HOST end.

  Lemma allowed_not_secret : forall s a, ungranted u keeps s ->
    dma_allowed s a = true -> ~ secret u keeps s (a / PAGE).
  Proof.
    intros s a U D. unfold dma_allowed, reached in D. zb.
    apply (reached_not_secret u keeps u_is_vm s HOST a); [assumption| |left; auto].
    destruct u_is_vm. congruence.
  Qed.

  Lemma alike_allowed : forall s t a, alike s t ->
    dma_allowed t a = dma_allowed s a.
  Proof.
    intros s t a A. destruct (alike_parts _ _ A) as [F _].
    unfold dma_allowed, reached, may_host, owner. rewrite F. reflexivity.
  Qed.

  Lemma dma_write_outside : forall a x s t, same_outside u keeps s t ->
    same_outside u keeps (snd (dma_write a x s)) (snd (dma_write a x t)).
  Proof.
    intros a x s t [A W]. unfold dma_write. rewrite (alike_allowed s t a A).
    destruct (dma_allowed s a); simpl; [|split; assumption].
    split; [exact A|]. intros p i NS. rewrite !word_set_word.
    destruct ((a / PAGE =? p) && (word_index a =? i)); [reflexivity|].
    apply W. exact NS.
  Qed.

  (* One act: as [confidential_step], and what a device reads is the same. *)
  Theorem confidential_act : forall c d s t, Inv s -> ungranted u keeps s ->
    same_outside u keeps s t -> twin_act c d -> no_grant_act c ->
    same_outside u keeps (snd (act_step c s)) (snd (act_step d t)) /\
    ungranted u keeps (snd (act_step c s)) /\
    (act_actor c <> u -> fst (act_step c s) = fst (act_step d t)).
  Proof.
    intros c d s t I U S T N. destruct c as [c|a x|a].
    - destruct d; try discriminate. apply confidential_step; assumption.
    - simpl in T. subst d. simpl. destruct S as [A W].
      split; [apply dma_write_outside; split; assumption|]. split.
      + unfold dma_write. destruct (dma_allowed s a); exact U.
      + intros _. unfold dma_write. rewrite (alike_allowed s t a A).
        destruct (dma_allowed s a); reflexivity.
    - simpl in T. subst d. simpl. split; [assumption|]. split; [assumption|].
      intros _. destruct S as [A W]. unfold dma_read.
      rewrite (alike_allowed s t a A).
      destruct (dma_allowed s a) eqn:D; [|reflexivity].
      f_equal. apply W. apply allowed_not_secret; assumption.
  Qed.

  Fixpoint acts (cs : list act) (s : State) : list result :=
    match cs with
    | [] => []
    | c :: cs' =>
      let r := act_step c s in
      if act_actor c =? u then acts cs' (snd r) else fst r :: acts cs' (snd r)
    end.

  (* Whole runs: what the others and all devices get to see of them. *)
  Theorem confidential_acts : forall cs ds s t, Inv s -> ungranted u keeps s ->
    same_outside u keeps s t -> Forall2 twin_act cs ds ->
    Forall no_grant_act cs -> acts cs s = acts ds t.
  Proof.
    intros cs ds s t I U S F. revert s t I U S.
    induction F as [|c d cs ds T F IH]; intros s t I U S N; [reflexivity|].
    inversion N as [|? ? N1 N2]. subst.
    destruct (confidential_act c d s t I U S T N1) as [S' [U' R]].
    simpl. rewrite (IH _ _ (act_keeps_invariant c s I) U' S' N2).
    assert (AC : act_actor d = act_actor c).
    { destruct c as [c|a x|a]; simpl in T; try (subst d; reflexivity).
      destruct d as [d|b y|b]; try discriminate. simpl.
      destruct T as [<-|[b [y [z [-> [-> _]]]]]]; reflexivity. }
    rewrite AC. destruct (act_actor c =? u) eqn:E; [reflexivity|].
    zb. rewrite R by assumption. reflexivity.
  Qed.

End Devices.
