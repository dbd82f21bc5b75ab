(* vCPUs: registers, exits and answers.  The host sees of a vCPU only what an
   exit tells.

   Registers stay with Cordon.  A vCPU that is in the guest computes, loads and
   stores; it leaves with an exit, and goes on with the host's answer to it. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant
  Always Steps Secrecy Confidential Dma.
Import ListNotations.
Local Open Scope Z_scope.

Definition registers := Z -> Z.              (* x0 to x30, PC, PSTATE, EL1's, ... *)

(* Why a vCPU leaves; [reg] is the register that the instruction names. *)
Inductive exit :=
| Interrupted
| MemoryAt (page how : Z)                    (* declared memory that is not there *)
| ReadAt (addr bytes reg : Z)                (* a device *)
| WriteAt (addr bytes reg : Z)
| Wait
| Sgi (intid targets : Z)
| CpuOn (target : Z)
| CpuOff
| SystemOff
| SystemReset
| Relinquished (addr pages : Z)
| HostCall
| Failed (how : Z).

Definition low (bytes x : Z) : Z := x mod 256 ^ bytes.

(* What the host is told: the whole of what it sees.  Of registers that is the
   part of one that a device is written with, and x1 to x4 of a call to the
   host; never which register. *)
Definition told (e : exit) (x : registers) : list Z :=
  match e with
  | Interrupted => [0]
  | MemoryAt page how => [1; page; how]
  | ReadAt addr bytes _ => [2; addr; bytes]
  | WriteAt addr bytes r => [3; addr; bytes; low bytes (x r)]
  | Wait => [4]
  | Sgi intid targets => [5; intid; targets]
  | CpuOn target => [6; target]
  | CpuOff => [7]
  | SystemOff => [8]
  | SystemReset => [9]
  | Relinquished addr pages => [10; addr; pages]
  | HostCall => [11; x 1; x 2; x 3; x 4]
  | Failed how => [12; how]
  end.

Inductive reply := NoValue | Value (x0 x1 x2 x3 : Z) | Abort.

(* Which replies an exit takes. *)
Definition takes (e : exit) (a : reply) : bool :=
  match e, a with
  | ReadAt _ _ _, (Value _ _ _ _ | Abort) => true
  | WriteAt _ _ _, (NoValue | Abort) => true
  | HostCall, Value _ _ _ _ => true
  | (Interrupted | MemoryAt _ _ | Wait | Sgi _ _ | CpuOn _ | Relinquished _ _), NoValue => true
  | _, _ => false
  end.

Definition set_reg (r x : Z) (f : registers) : registers :=
  fun n => if n =? r then x else f n.

(* What a reply does to registers: those that the exit asked for. *)
Definition replied (e : exit) (a : reply) (f : registers) : registers :=
  match e, a with
  | ReadAt _ bytes r, Value x _ _ _ => set_reg r (low bytes x) f
  | HostCall, Value x0 x1 x2 x3 =>
    set_reg 0 x0 (set_reg 1 x1 (set_reg 2 x2 (set_reg 3 x3 f)))
  | _, _ => f
  end.

Record world := mkWorld {
  memories : State;
  regs : Z -> Z -> registers;                (* VM, vCPU *)
  out : Z -> Z -> option exit                (* left, with this; nothing: in the guest *)
}.

Definition put {A : Type} (v i : Z) (x : A) (f : Z -> Z -> A) : Z -> Z -> A :=
  fun w j => if (w =? v) && (j =? i) then x else f w j.

Inductive move :=
| Base (c : act)                             (* any operation, any transfer of a device *)
| Compute (v i : Z) (f : registers -> registers)
| Load (v i r a : Z)                         (* register r := what is at a *)
| Store (v i r a : Z)
| Leave (v i : Z) (e : exit)
| Resume (v i : Z) (a : reply).

(* A reply that the exit does not take is refused: the host sees [Fault]. *)
Inductive sight := Sees (r : result) | Told (l : list Z) | Nothing_seen.

Definition move_step (c : move) (w : world) : sight * world :=
  match c with
  | Base c =>
    let a := act_step c (memories w) in
    (Sees (fst a), mkWorld (snd a) (regs w) (out w))
  | Compute v i f =>
    match out w v i with
    | None => (Nothing_seen, mkWorld (memories w) (put v i (f (regs w v i)) (regs w)) (out w))
    | Some _ => (Nothing_seen, w)
    end
  | Load v i r a =>
    match out w v i, fst (read v a (memories w)) with
    | None, Read_value x =>
      (Nothing_seen, mkWorld (memories w) (put v i (set_reg r x (regs w v i)) (regs w)) (out w))
    | _, _ => (Nothing_seen, w)
    end
  | Store v i r a =>
    match out w v i with
    | None => (Nothing_seen,
        mkWorld (snd (write v a (regs w v i r) (memories w))) (regs w) (out w))
    | Some _ => (Nothing_seen, w)
    end
  | Leave v i e =>
    match out w v i with
    | None => (Told (told e (regs w v i)), mkWorld (memories w) (regs w) (put v i (Some e) (out w)))
    | Some _ => (Nothing_seen, w)
    end
  | Resume v i a =>
    match out w v i with
    | Some e =>
      if takes e a
      then (Sees Ok, mkWorld (memories w) (put v i (replied e a (regs w v i)) (regs w))
                       (put v i None (out w)))
      else (Sees Fault, w)
    | None => (Sees Fault, w)
    end
  end.

(* Whether others than [u] see what comes of it: the host is told of each exit. *)
Definition shown (u : Z) (c : move) : bool :=
  match c with
  | Base c => negb (act_actor c =? u)
  | Compute _ _ _ | Load _ _ _ _ | Store _ _ _ _ => false
  | Leave _ _ _ | Resume _ _ _ => true
  end.

Section Secret_registers.

  (* A VM, and the pages that it keeps to itself; all its registers are its own. *)
  Variable u : Z.
  Variable keeps : Z -> bool.
  Hypothesis u_is_vm : u <> HOST /\ u <> INVALID.

  (* Two exits that await the same reply, as far as anybody can tell. *)
  Definition alike_out (a b : option exit) : Prop :=
    match a, b with
    | Some e, Some e' => forall r, takes e r = takes e' r
    | None, None => True
    | _, _ => False
    end.

  (* Two worlds that differ at most in what [u] keeps: pages, and all registers of
     its vCPUs. *)
  Definition same_world (a b : world) : Prop :=
    same_outside u keeps (memories a) (memories b) /\
    (forall v i, v <> u -> regs a v i = regs b v i /\ out a v i = out b v i) /\
    (forall i, alike_out (out a u i) (out b u i)).

  (* Two moves, in two worlds, that may differ in all that [u] does by itself:
     what it computes, loads, and stores to pages that it keeps.  What it stores
     elsewhere, and what its exits tell, is the same. *)
  Definition twin_move (a b : world) (c d : move) : Prop :=
    match c, d with
    | Base c, Base d => twin_act u keeps c d
    | Compute v i f, Compute w j g => v = w /\ i = j /\ (v = u \/ f = g)
    | Load v i r x, Load w j q y => v = w /\ i = j /\ (v = u \/ r = q /\ x = y)
    | Store v i r x, Store w j q y =>
      v = w /\ i = j /\ x = y /\
      (v = u /\ (keeps (x / PAGE) = true \/ regs a u i r = regs b u i q) \/ v <> u /\ r = q)
    | Leave v i e, Leave w j k =>
      v = w /\ i = j /\
      (v = u /\ told e (regs a u i) = told k (regs b u i) \/ v <> u /\ e = k)
    | Resume v i r, Resume w j q => v = w /\ i = j /\ r = q
    | _, _ => False
    end.

  Definition no_grant_move (c : move) : Prop :=
    match c with Base c => no_grant_act u keeps c | _ => True end.

  Lemma told_takes : forall e k x y, told e x = told k y ->
    forall r, takes e r = takes k r.
  Proof. intros [] [] x y H []; simpl in *; try reflexivity; discriminate. Qed.

  Lemma put_here : forall A v i (x : A) f, put v i x f v i = x.
  Proof. intros. unfold put. rewrite !Z.eqb_refl. reflexivity. Qed.

  Lemma put_same : forall A (f g : Z -> Z -> A) v i x w j, f w j = g w j ->
    put v i x f w j = put v i x g w j.
  Proof. intros. unfold put. destruct (_ && _); auto. Qed.

  Lemma put_elsewhere : forall A (f : Z -> Z -> A) v i x w j, w <> v ->
    put v i x f w j = f w j.
  Proof. intros. unfold put. rewrite (proj2 (Z.eqb_neq w v)) by assumption. reflexivity. Qed.

  (* One move: the two worlds go on to differ at most so, and what the others see
     is the same. *)
  Theorem confidential_move : forall c d a b, Inv (memories a) ->
    ungranted u keeps (memories a) -> same_world a b -> twin_move a b c d ->
    no_grant_move c ->
    same_world (snd (move_step c a)) (snd (move_step d b)) /\
    Inv (memories (snd (move_step c a))) /\
    ungranted u keeps (memories (snd (move_step c a))) /\
    shown u c = shown u d /\
    (shown u c = true -> fst (move_step c a) = fst (move_step d b)).
  Proof.
    intros c d a b I U SW T N. assert (SW0 := SW). destruct SW as [M [R O]].
    assert (OUT : forall v i, out a v i = None <-> out b v i = None).
    { intros v i. destruct (Z.eq_dec v u) as [->|NE].
      - specialize (O i). unfold alike_out in O.
        destruct (out a u i), (out b u i); try contradiction; split; auto; discriminate.
      - destruct (R v i NE) as [_ E]. rewrite E. tauto. }
    destruct c as [c|v i f|v i r x|v i r x|v i e|v i r], d as [d|w j g|w j q y|w j q y|w j k|w j q];
      simpl in T; try contradiction.
    - destruct (confidential_act u keeps u_is_vm c d _ _ I U M T N) as [M' [U' S]].
      assert (AC : act_actor d = act_actor c).
      { destruct c as [c|? ?|?]; simpl in T; try (subst d; reflexivity).
        destruct d as [d|? ?|?]; try discriminate. simpl.
        destruct T as [<-|[? [? [? [-> [-> _]]]]]]; reflexivity. }
      simpl. rewrite AC. split; [split; [exact M'|split; assumption]|].
      split; [apply act_keeps_invariant, I|]. split; [exact U'|]. split; [reflexivity|].
      intro H. apply negb_true_iff in H. zb. rewrite S by assumption. reflexivity.
    - destruct T as [<- [<- T]]. simpl.
      destruct (out a v i) eqn:E, (out b v i) eqn:E'; try (apply OUT in E; congruence);
        try (apply OUT in E'; congruence); cbn [fst snd memories];
        (split; [|split; [exact I|split; [exact U|split; [reflexivity|discriminate]]]]);
        [exact SW0|].
      split; [exact M|]. split; [|exact O]. intros w j NE. cbn [regs out].
      destruct (R w j NE) as [R1 R2]. split; [|exact R2]. destruct T as [->|<-].
      + rewrite !put_elsewhere by exact NE. exact R1.
      + destruct (Z.eq_dec v u) as [->|NV]; [rewrite !put_elsewhere by exact NE; exact R1|].
        destruct (R v i NV) as [RV _]. rewrite RV. apply put_same. exact R1.
    - destruct T as [<- [<- T]]. simpl.
      assert (G : forall a' b', memories a' = memories a -> memories b' = memories b ->
        out a' = out a -> out b' = out b ->
        (forall w j, w <> u -> regs a' w j = regs b' w j) -> same_world a' b').
      { intros a' b' M1 M2 O1 O2 R1. split; [rewrite M1, M2; exact M|].
        rewrite O1, O2. split; [|exact O]. intros w j NE. split; [auto|apply (R w j NE)]. }
      assert (K : v <> u -> fst (read v x (memories a)) = fst (read v x (memories b))).
      { intro NV. destruct (confidential_step u keeps u_is_vm (Read v x) (Read v x) _ _ I U M)
          as [_ [_ S]]; [left; reflexivity|intros ? []|]. apply S. exact NV. }
      assert (P : forall a1 b1,
        a1 = snd (match out a v i, fst (read v x (memories a)) with
          | None, Read_value z => (Nothing_seen, mkWorld (memories a)
              (put v i (set_reg r z (regs a v i)) (regs a)) (out a))
          | _, _ => (Nothing_seen, a) end) ->
        b1 = snd (match out b v i, fst (read v y (memories b)) with
          | None, Read_value z => (Nothing_seen, mkWorld (memories b)
              (put v i (set_reg q z (regs b v i)) (regs b)) (out b))
          | _, _ => (Nothing_seen, b) end) ->
        same_world a1 b1 /\ memories a1 = memories a).
      { intros a1 b1 -> ->. split.
        - destruct (Z.eq_dec v u) as [->|NV].
          + apply G; try (destruct (out a u i), (fst (read u x (memories a))); reflexivity);
              try (destruct (out b u i), (fst (read u y (memories b))); reflexivity).
            intros w j NE. destruct (R w j NE) as [R1 _].
            destruct (out a u i), (fst (read u x (memories a))),
              (out b u i), (fst (read u y (memories b))); cbn [snd regs];
              rewrite ?put_elsewhere by exact NE; exact R1.
          + destruct T as [T|[<- <-]]; [contradiction|]. rewrite <- (K NV).
            destruct (R v i NV) as [RV OV]. rewrite <- OV.
            apply G; try (destruct (out a v i), (fst (read v x (memories a))); reflexivity).
            intros w j NE. destruct (R w j NE) as [R1 _].
            destruct (out a v i), (fst (read v x (memories a))); cbn [snd regs]; try exact R1.
            rewrite RV. apply put_same. exact R1.
        - destruct (out a v i), (fst (read v x (memories a))); reflexivity. }
      destruct (P _ _ eq_refl eq_refl) as [P1 P2].
      split; [exact P1|]. rewrite P2. split; [exact I|]. split; [exact U|].
      split; [reflexivity|discriminate].
    - destruct T as [<- [<- [<- T]]]. simpl.
      destruct (out a v i) eqn:E, (out b v i) eqn:E'; try (apply OUT in E; congruence);
        try (apply OUT in E'; congruence); cbn [fst snd memories];
        [split; [exact SW0|]; split; [exact I|]; split; [exact U|]; split; [reflexivity|discriminate]|].
      assert (TW : twin u keeps (Write v x (regs a v i r)) (Write v x (regs b v i q))).
      { destruct T as [[-> [T|T]]|[NV <-]].
        - right. exists x, (regs a u i r), (regs b u i q). auto.
        - left. rewrite T. reflexivity.
        - left. destruct (R v i NV) as [RV _]. rewrite RV. reflexivity. }
      destruct (confidential_step u keeps u_is_vm _ _ _ _ I U M TW) as [M' [U' _]];
        [intros ? []|].
      split; [split; [exact M'|split; assumption]|].
      split; [exact (step_keeps_invariant (Write v x (regs a v i r)) (memories a) I)|].
      split; [exact U'|]. split; [reflexivity|discriminate].
    - destruct T as [<- [<- T]]. simpl.
      destruct (out a v i) eqn:E, (out b v i) eqn:E'; try (apply OUT in E; congruence);
        try (apply OUT in E'; congruence); cbn [fst snd memories];
        [split; [exact SW0|]; split; [exact I|]; split; [exact U|]; split; reflexivity|].
      split; [|split; [exact I|split; [exact U|split; [reflexivity|]]]].
      + split; [exact M|]. split; cbn [regs out].
        * intros w j NE. destruct (R w j NE) as [R1 R2]. split; [exact R1|].
          destruct T as [[-> _]|[NV <-]].
          -- rewrite !put_elsewhere by exact NE. exact R2.
          -- apply put_same. exact R2.
        * intro j. destruct T as [[-> T]|[NV _]].
          -- unfold put. destruct (_ && _); [|apply O]. simpl. apply (told_takes _ _ _ _ T).
          -- rewrite !put_elsewhere by congruence. apply O.
      + intros _. f_equal. destruct T as [[-> T]|[NV <-]]; [exact T|].
        destruct (R v i NV) as [RV _]. rewrite RV. reflexivity.
    - destruct T as [<- [<- <-]]. simpl.
      destruct (Z.eq_dec v u) as [->|NV].
      + assert (OI := O i). unfold alike_out in OI.
        destruct (out a u i) as [e|] eqn:E, (out b u i) as [k|] eqn:E'; try contradiction.
        * rewrite (OI r). destruct (takes k r); cbn [fst snd memories];
            (split; [|split; [exact I|split; [exact U|split; reflexivity]]]); [|exact SW0].
          split; [exact M|]. split; cbn [regs out].
          -- intros w j NE. rewrite !put_elsewhere by exact NE. apply (R w j NE).
          -- intro j. unfold put. destruct (_ && _); [exact Logic.I|apply O].
        * split; [exact SW0|]. split; [exact I|]. split; [exact U|]. split; reflexivity.
      + destruct (R v i NV) as [RV OV]. rewrite <- OV, <- RV.
        destruct (out a v i) as [e|]; [destruct (takes e r)|]; cbn [fst snd memories];
          (split; [|split; [exact I|split; [exact U|split; reflexivity]]]); try exact SW0.
        split; [exact M|]. split; cbn [regs out].
        * intros w j NE. destruct (R w j NE) as [R1 R2].
          split; apply put_same; assumption.
        * intro j. rewrite !put_elsewhere by congruence. apply O.
  Qed.

  (* What all others see of a run. *)
  Fixpoint sights (cs : list move) (w : world) : list sight :=
    match cs with
    | [] => []
    | c :: cs' =>
      let a := move_step c w in
      if shown u c then fst a :: sights cs' (snd a) else sights cs' (snd a)
    end.

  Fixpoint twin_moves (cs ds : list move) (a b : world) : Prop :=
    match cs, ds with
    | [], [] => True
    | c :: cs', d :: ds' =>
      twin_move a b c d /\ no_grant_move c /\
      twin_moves cs' ds' (snd (move_step c a)) (snd (move_step d b))
    | _, _ => False
    end.

  (* The host sees of a vCPU only what its exits tell.  Two runs, whatever differs in
     the registers of [u]'s vCPUs and in the pages that it keeps, at the start and by
     what it does on the way: if its exits tell the same, everybody else sees the
     same. *)
  Theorem confidential_registers : forall cs ds a b, Inv (memories a) ->
    ungranted u keeps (memories a) -> same_world a b -> twin_moves cs ds a b ->
    sights cs a = sights ds b.
  Proof.
    induction cs as [|c cs IH]; intros [|d ds] a b I U S T; simpl in T; try contradiction;
      [reflexivity|].
    destruct T as [T [N TS]].
    destruct (confidential_move c d a b I U S T N) as [S' [I' [U' [SH F]]]].
    simpl. rewrite <- SH, (IH ds _ _ I' U' S' TS).
    destruct (shown u c); [rewrite F; reflexivity|reflexivity].
  Qed.

End Secret_registers.

(* A reply changes only registers that the exit asked for: the one of a load from
   a device, x0 to x3 after a call to the host. *)
Theorem replies_stay_in_their_place : forall v i a w w' r, 
  move_step (Resume v i a) w = (Sees Ok, w') -> regs w' v i r <> regs w v i r ->
  match out w v i with
  | Some (ReadAt _ _ reg) => r = reg
  | Some HostCall => 0 <= r <= 3
  | _ => False
  end.
Proof.
  intros v i a w w' r E N. simpl in E. destruct (out w v i) as [e|]; [|discriminate].
  destruct (takes e a) eqn:T; [|discriminate]. injection E as <-. cbn [regs] in N.
  rewrite put_here in N.
  destruct e, a; try discriminate; simpl in N; try contradiction;
    unfold set_reg in N.
  - destruct (r =? reg) eqn:Q; [zb; assumption|contradiction].
  - destruct (r =? 0) eqn:Q0; [zb; lia|]. destruct (r =? 1) eqn:Q1; [zb; lia|].
    destruct (r =? 2) eqn:Q2; [zb; lia|]. destruct (r =? 3) eqn:Q3; [zb; lia|contradiction].
Qed.
