(* A refusal changes nothing (S1). *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Laws.
Local Open Scope Z_scope.

(* An operation that is refused, or faults, leaves the state exactly as it
   was: every record, table and byte. *)
Theorem refusal_changes_nothing : forall c s r s',
  step c s = (Refused r, s') -> s' = s.
Proof.
  assert (SH : forall f v a n s r s', share f v a n s = (Refused r, s') -> s' = s).
  { unfold share, counted. intros f v a n s r s' H.
    repeat match type of H with (if ?b then _ else _) = _ => destruct b end;
    congruence. }
  assert (HF : forall a s r s', host_fault a s = (Refused r, s') -> s' = s).
  { unfold host_fault. intros a s r s' H.
    repeat match type of H with (if ?b then _ else _) = _ => destruct b end;
    congruence. }
  assert (AC : forall who a s f r s', access who a s f = (Refused r, s') ->
    (forall e s0 s1, f e s0 <> (Refused r, s1)) -> s' = s).
  { unfold access. intros who a s f r s' H F.
    repeat match type of H with (if ?b then _ else _) = _ => destruct b end;
    try congruence.
    destruct (reach who a s) as [[e|] s1]; [|congruence].
    exfalso. eapply F; eassumption. }
  intros c s r s' H. destruct c; simpl in H; eauto.
  - unfold create_vm in H. destruct (_ && _) in H; congruence.
  - unfold prot_and_map, map_block, map_page in H.
    repeat match type of H with
    | (if ?b then _ else _) = _ => destruct b
    | match ?x with Some _ => _ | None => _ end = _ => destruct x
    end; congruence.
  - unfold clear, counted in H.
    repeat match type of H with (if ?b then _ else _) = _ => destruct b end;
    congruence.
  - unfold map_io in H.
    repeat match type of H with
    | (if ?b then _ else _) = _ => destruct b
    | match ?x with Some _ => _ | None => _ end = _ => destruct x
    end; congruence.
  - eapply AC; [exact H|]. intros e s0 s1. simpl.
    destruct (e_kind e); discriminate.
  - eapply AC; [exact H|]. intros e s0 s1. simpl.
    destruct (e_kind e); discriminate.
  - unfold dev_attach in H.
    repeat match type of H with (if ?b then _ else _) = _ => destruct b end;
    congruence.
  - unfold dev_assign in H.
    repeat match type of H with (if ?b then _ else _) = _ => destruct b end;
    congruence.
  - unfold dev_map in H.
    repeat match type of H with
    | (if ?b then _ else _) = _ => destruct b
    | match ?x with Some _ => _ | None => _ end = _ => destruct x
    end; congruence.
  - unfold dev_unmap in H.
    repeat match type of H with
    | (if ?b then _ else _) = _ => destruct b
    | match ?x with Some _ => _ | None => _ end = _ => destruct x
    end; congruence.
Qed.

(* Nor does a fault. *)
Theorem fault_changes_nothing : forall c s s', step c s = (Fault, s') -> s' = s.
Proof.
  assert (AC : forall who a s f s', access who a s f = (Fault, s') ->
    (forall e s0 s1, f e s0 <> (Fault, s1)) -> s' = s).
  { unfold access. intros who a s f s' H F.
    repeat match type of H with (if ?b then _ else _) = _ => destruct b end;
    try congruence.
    destruct (reach who a s) as [[e|] s1]; [|congruence].
    exfalso. eapply F; eassumption. }
  intros c s s' H. destruct c; simpl in H;
  unfold create_vm, host_fault, prot_and_map, map_block, map_page, share, clear,
    counted, map_io, dev_attach, dev_assign, dev_map, dev_unmap in H;
  try (repeat match type of H with
    | (if ?b then _ else _) = _ => destruct b
    | match ?x with Some _ => _ | None => _ end = _ => destruct x
    end; congruence).
  - eapply AC; [exact H|]. intros e s0 s1. simpl.
    destruct (e_kind e); discriminate.
  - eapply AC; [exact H|]. intros e s0 s1. simpl.
    destruct (e_kind e); discriminate.
Qed.

(* Nothing that anybody asks for stops the machine (S1): the halt flag of the
   seed's world stays down. *)
Lemma each_keeps : forall A (P : A -> Prop) f n x a,
  (forall i a, P a -> P (f i a)) -> P a -> P (each n x f a).
Proof. induction n; intros; simpl; auto. Qed.

Lemma put_entries_halted : forall v f n x s,
  halted (put_entries v f n x s) = halted s.
Proof.
  intros v f n x s. unfold put_entries.
  apply (each_keeps _ (fun s' => halted s' = halted s)); [|reflexivity].
  intros i s' H. unfold put. destruct (f i); exact H.
Qed.

Lemma assign_halted : forall v g p s, halted (assign v g p s) = halted s.
Proof. intros. unfold assign. destruct (_ || _); reflexivity. Qed.

Lemma assign_all_halted : forall v g p n s,
  halted (assign_all v g p n s) = halted s.
Proof.
  intros. unfold assign_all.
  apply (each_keeps _ (fun s' => halted s' = halted s)); [|reflexivity].
  intros i s' H. rewrite assign_halted. exact H.
Qed.

Lemma counted_halted : forall f n x s,
  (forall i s s', f i s = Some s' -> halted s' = halted s) ->
  halted (snd (counted f n x s)) = halted s.
Proof.
  intros f n x s F. unfold counted. simpl.
  apply (each_keeps _ (fun a : Z * State => halted (snd a) = halted s));
    [|reflexivity].
  intros i a H. unfold count_step. destruct (f i (snd a)) eqn:E; [|assumption].
  simpl. rewrite (F _ _ _ E). assumption.
Qed.

Lemma halted_cleared : forall p r q g i s,
  halted (set_frame p r (zero_frame p (del_entry HOST q (unmap_devices g i s))))
  = halted s.
Proof. reflexivity. Qed.

Lemma halted_del_entry : forall v g s, halted (del_entry v g s) = halted s.
Proof. reflexivity. Qed.

Lemma unmap_vm_halted : forall v g p s, halted (unmap_vm v g p s) = halted s.
Proof.
  intros. unfold unmap_vm. destruct (lookup s v g); [|reflexivity].
  destruct (e_pfn e =? p); [|reflexivity]. rewrite halted_del_entry.
  destruct (e_level e =? 2); [|reflexivity].
  unfold split. rewrite put_entries_halted. reflexivity.
Qed.

Theorem nothing_halts : forall c s, halted (snd (step c s)) = halted s.
Proof.
  assert (HF : forall a s, halted (snd (host_fault a s)) = halted s).
  { intros. unfold host_fault.
    destruct (negb _); [reflexivity|]. destruct (may_host _ _); reflexivity. }
  assert (AC : forall who a s f,
    (forall e s, halted (snd (f e s)) = halted s) ->
    halted (snd (access who a s f)) = halted s).
  { intros who a s f F. unfold access.
    repeat match goal with |- context [if ?b then (_, s) else _] => destruct b end;
    try reflexivity.
    unfold reach. destruct (lookup s who (a / PAGE)) as [e|]; [apply F|].
    destruct (who =? HOST); [|reflexivity].
    specialize (HF a s). destruct (host_fault a s) as [[] s1]; try reflexivity.
    destruct (lookup s1 HOST (a / PAGE)) as [e|]; [|reflexivity].
    rewrite F. exact HF. }
  intros c s. destruct c; simpl; auto.
  - unfold create_vm. destruct (_ && _); reflexivity.
  - unfold prot_and_map, map_block, map_page.
    repeat match goal with
    | |- context [if ?b then _ else _] => destruct b
    | |- context [match ?x with Some _ => _ | None => _ end] => destruct x
    end; cbn [snd]; rewrite ?put_entries_halted, ?assign_all_halted;
    try reflexivity.
    transitivity (halted (assign v (addr / PAGE) (phys_page pte / PAGE) s));
      [reflexivity | apply assign_halted].
  - unfold share. repeat match goal with
    | |- context [if ?b then (_, s) else _] => destruct b end; try reflexivity.
    apply counted_halted. unfold share_at, grant_page. intros i s0 s' H.
    destruct (lookup s0 v i); [|discriminate].
    destruct (_ && _) in H; [|discriminate]. injection H as <-. reflexivity.
  - unfold share. repeat match goal with
    | |- context [if ?b then (_, s) else _] => destruct b end; try reflexivity.
    apply counted_halted. unfold share_at, revoke_page. intros i s0 s' H.
    destruct (lookup s0 v i); [|discriminate].
    destruct (_ && _) in H; [|discriminate]. injection H as <-.
    simpl. destruct (_ =? 1); reflexivity.
  - unfold clear. repeat match goal with
    | |- context [if ?b then (_, s) else _] => destruct b end; try reflexivity.
    apply counted_halted. unfold clear_page. intros i s0 s' H.
    destruct (_ =? v) in H; [|discriminate]. injection H as <-.
    rewrite halted_cleared. apply unmap_vm_halted.
  - unfold map_io. repeat match goal with
    | |- context [if ?b then _ else _] => destruct b
    | |- context [match ?x with Some _ => _ | None => _ end] => destruct x
    end; reflexivity.
  - apply AC. intros e s0. destruct (e_kind e); reflexivity.
  - apply AC. intros e s0. destruct (e_kind e); reflexivity.
  - unfold dev_attach. repeat match goal with
    | |- context [if ?b then _ else _] => destruct b end; reflexivity.
  - unfold dev_assign. repeat match goal with
    | |- context [if ?b then _ else _] => destruct b end; reflexivity.
  - unfold dev_map. repeat match goal with
    | |- context [if ?b then _ else _] => destruct b
    | |- context [match ?x with Some _ => _ | None => _ end] => destruct x
    end; reflexivity.
  - unfold dev_unmap. repeat match goal with
    | |- context [if ?b then _ else _] => destruct b
    | |- context [match ?x with Some _ => _ | None => _ end] => destruct x
    end; reflexivity.
Qed.
