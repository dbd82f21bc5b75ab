(* The guests' calls for attestation: who is told what.

   A machine of its own beside the others: slots of VMs, each with what its guest
   has asked for, and the handle of the guest that signs, the keeper.  Everybody
   calls in any order; each call is one step.  core/guest/attest.c is its C. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import Tactics.
Import ListNotations.
Local Open Scope Z_scope.

Definition PIECE : Z := 96.                  (* bytes of an answer in a call *)
Definition MOST : Z := 1056.                 (* bytes of an answer *)
Definition LOOK : nat := 16.                 (* slots that a call looks at *)
Definition MEASURES : Z := 4.                (* of a guest's own *)
Definition KINDS : Z := 2.                   (* of keys *)

Inductive status := Ok | Again | Range | No_vm | Exists_already | Wrong_state | Busy | No_vcpu.

(* ------------------------------------------------------------------ *)
(* The state                                                           *)

Inductive progress := Not_asked | Asked | Answered.

(* What a guest has asked for. *)
Record request := mkRequest {
  nonce : list Z;                            (* 8 words; for a key its name, and zeros *)
  personal : list Z;                         (* 8 words: the host's, before the start *)
  extended : Z -> list Z;                    (* its own measurements, 4 words each *)
  number : Z;
  wants : Z;                                 (* 0: a token; else a key *)
  size : Z;
  written : Z;
  answer : list Z;                           (* bytes that the keeper has written *)
  progress_of : progress
}.

Inductive slot := Absent | Live | Dying.
(* A VM that is stopped before it has started never runs. *)
Inductive phase := Built | Running | Stopped | Never_started.

Definition stops (p : phase) : phase :=
  match p with Built => Never_started | Running => Stopped | _ => p end.

Record vm := mkVm {
  slot_of : slot;
  generation : Z;
  phase_of : phase;
  measure : list Z;                          (* 4 words *)
  ready : bool;                              (* its vCPU 0 is made, which holds the request *)
  req : request
}.

Record world := mkWorld { vms : Z -> vm; serving : Z }.

(* What the machine's loader has handed over. *)
Record root := mkRoot {
  secret : list Z;
  seal : list Z;
  chain : list Z;                            (* bytes *)
  keeper : list Z                            (* the measurement of the guest that signs *)
}.

Definition zeros : list Z := repeat 0 4.

Definition fresh : request :=
  mkRequest (repeat 0 8) (repeat 0 8) (fun _ => zeros) 0 0 0 0 [] Not_asked.

Definition nobody : vm := mkVm Absent 0 Built zeros false fresh.
Definition boot : world := mkWorld (fun _ => nobody) 0.

Definition put (i : Z) (v : vm) (w : world) : world :=
  mkWorld (fun j => if j =? i then v else vms w j) (serving w).

Definition with_req (q : request) (v : vm) : vm :=
  mkVm (slot_of v) (generation v) (phase_of v) (measure v) (ready v) q.

Arguments put : simpl never.

(* ---- handles ---- *)

Definition handle_of (i g : Z) : Z := g * 65536 + i.
Definition id_of (h : Z) : Z := h mod 65536.
Definition gen_of (h : Z) : Z := h / 65536.
Definition handle (i : Z) (w : world) : Z := handle_of i (generation (vms w i)).

(* ------------------------------------------------------------------ *)
(* The calls                                                           *)

Inductive host_call :=
| Create (i : Z)                             (* a VM in a slot *)
| Make_vcpu (h : Z)                          (* its vCPU 0 *)
| Load (h : Z) (m : list Z)                  (* an image; it is measured *)
| Personalise (h : Z) (value : list Z)
| Start (h : Z) (m : list Z)                 (* what is measured at the end *)
| Stop (h : Z)
| Destroy (h : Z) (gone : bool).             (* a step of it, or the last *)

Inductive guest_call :=
| Ask (n : list Z)
| Ask_key (kind : Z) (name : list Z)
| Read_answer (offset : Z)
| Extend (which : Z) (x : list Z)
| Begin
| Next (place : Z)
| Read_request (h n part : Z)
| Write_answer (h n offset bytes : Z) (b : list Z).

Inductive call := Host (c : host_call) | Guest (i : Z) (c : guest_call).

(* What the caller is told: x0 and what follows; or that there is no such call;
   or nothing, as whoever would call is not there. *)
Inductive result := Said (s : status) (x : list Z) | Not_supported | Silence.

Definition is_ok (a : result) : bool :=
  match a with Said Ok _ => true | _ => false end.

Definition finish (s : status) (w : world) : result * world := (Said s [], w).

Section Attest.

  Variable slots : Z.                        (* there are slots 1 .. *)
  Variable hash : list Z -> list Z -> list Z.  (* of two times 32 bytes *)

  Definition is_id (i : Z) : bool := (1 <=? i) && (i <=? slots).

  Definition same_phase (a b : phase) : bool :=
    match a, b with
    | Built, Built | Running, Running | Stopped, Stopped | Never_started, Never_started => true
    | _, _ => false
    end.

  (* The VM of a handle, in any state; and one that is live, in a phase. *)
  Definition found (h : Z) (w : world) : bool :=
    is_id (id_of h) && negb (gen_of h =? 0) && (generation (vms w (id_of h)) =? gen_of h) &&
    match slot_of (vms w (id_of h)) with Absent => false | _ => true end.

  Definition enter (h : Z) (p : phase) (w : world) : status :=
    if found h w then
      match slot_of (vms w (id_of h)) with
      | Live => if same_phase (phase_of (vms w (id_of h))) p then Ok else Wrong_state
      | _ => Wrong_state
      end
    else No_vm.

  (* [f] is done with the VM of a handle, if that is in phase [p]. *)
  Definition in_phase (h : Z) (p : phase) (w : world) (f : vm -> result * vm) : result * world :=
    match enter h p w with
    | Ok => let a := f (vms w (id_of h)) in (fst a, put (id_of h) (snd a) w)
    | s => finish s w
    end.

  (* ---- the host's ---- *)

  Definition set_personal (x : list Z) (q : request) : request :=
    mkRequest (nonce q) x (extended q) (number q) (wants q) (size q) (written q) (answer q)
      (progress_of q).

  Definition host_step (c : host_call) (w : world) : result * world :=
    match c with
    | Create i =>
      if is_id i then
        match slot_of (vms w i) with
        | Absent =>
          (Said Ok [handle_of i (generation (vms w i) + 1)],
           put i (mkVm Live (generation (vms w i) + 1) Built zeros false fresh) w)
        | _ => finish Exists_already w
        end
      else finish No_vm w
    | Make_vcpu h => in_phase h Built w (fun v =>
        if ready v then (Said Exists_already [], v)
        else (Said Ok [], mkVm (slot_of v) (generation v) (phase_of v) (measure v) true fresh))
    | Load h m => in_phase h Built w (fun v =>
        (Said Ok [], mkVm (slot_of v) (generation v) (phase_of v) m (ready v) (req v)))
    | Personalise h x => in_phase h Built w (fun v =>
        if ready v then (Said Ok [], with_req (set_personal x (req v)) v)
        else (Said No_vcpu [], v))
    | Start h m => in_phase h Built w (fun v =>
        if ready v
        then (Said Ok [], mkVm (slot_of v) (generation v) Running m true (req v))
        else (Said No_vcpu [], v))
    | Stop h =>
      if found h w then
        let v := vms w (id_of h) in
        match slot_of v with
        | Live => (Said Ok [], put (id_of h) (mkVm Live (generation v) (stops (phase_of v))
                                                (measure v) (ready v) (req v)) w)
        | _ => finish Wrong_state w
        end
      else finish No_vm w
    | Destroy h gone =>
      if found h w then
        let v := vms w (id_of h) in
        (Said (if gone then Ok else Again) [],
         put (id_of h) (mkVm (if gone then Absent else Dying) (generation v) (phase_of v)
                          (measure v) (ready v) (req v)) w)
      else finish No_vm w
    end.

  (* ---- who asks ---- *)

  Definition asks (what : Z) (n : list Z) (q : request) : request :=
    mkRequest n (personal q) (extended q) (number q + 1) what 0 0 [] Asked.

  (* What a request says changes with it: what was written so far is of no use. *)
  Definition extends (k : Z) (x : list Z) (q : request) : request :=
    let e := fun j => if j =? k then hash (extended q k) x else extended q j in
    match progress_of q with
    | Asked => mkRequest (nonce q) (personal q) e (number q + 1) (wants q) 0 0 [] Asked
    | p => mkRequest (nonce q) (personal q) e (number q) (wants q) (size q) (written q)
             (answer q) p
    end.

  Definition answer_size (r : root) (q : request) : Z :=
    if wants q =? 0 then size q + Z.of_nat (length (chain r)) else size q.

  Definition byte_at (r : root) (q : request) (at_ : Z) : Z :=
    if answer_size r q <=? at_ then 0
    else if at_ <? size q then nth (Z.to_nat at_) (answer q) 0
    else nth (Z.to_nat (at_ - size q)) (chain r) 0.

  Definition piece (r : root) (q : request) (offset : Z) : list Z :=
    map (fun k => byte_at r q (offset + Z.of_nat k)) (seq 0 (Z.to_nat PIECE)).

  Definition running (h : Z) (w : world) : bool :=
    match enter h Running w with Ok => true | _ => false end.

  Definition read_answer (r : root) (offset : Z) (q : request) (w : world) : result :=
    match progress_of q with
    | Not_asked => Said Wrong_state []
    | Asked => Said (if running (serving w) w then Again else No_vm) []
    | Answered =>
      if answer_size r q <=? offset then Said Range []
      else Said Ok (answer_size r q :: piece r q offset)
    end.

  (* ---- the keeper's ---- *)

  (* A look at a slot: the request that waits. *)
  Definition waits (i : Z) (w : world) : option (Z * Z) :=
    match slot_of (vms w i), phase_of (vms w i), progress_of (req (vms w i)) with
    | Live, Running, Asked => Some (handle i w, number (req (vms w i)))
    | _, _, _ => None
    end.

  Fixpoint look (n : nat) (place : Z) (w : world) : result :=
    match n with
    | O => Said Again [if place <? slots then place else 0; 0; 0]
    | S n' =>
      if place <? slots then
        match waits (place + 1) w with
        | Some (h, k) => Said Ok [if place + 1 <? slots then place + 1 else 0; h; k]
        | None => look n' (place + 1) w
        end
      else Said Again [0; 0; 0]
    end.

  (* What is said of a guest, in three parts of 16 words. *)
  Definition part_of (v : vm) (part : Z) : option (list Z) :=
    if part =? 0 then Some (nonce (req v) ++ personal (req v))
    else if part =? 1 then
      Some (extended (req v) 0 ++ extended (req v) 1 ++ extended (req v) 2 ++ extended (req v) 3)
    else if part =? 2 then Some (measure v ++ [0; 0; wants (req v)] ++ repeat 0 9)
    else None.

  (* [f] is done with the VM whose request the keeper names. *)
  Definition in_request (h n : Z) (w : world) (f : vm -> result * vm) : result * world :=
    in_phase h Running w (fun v =>
      match progress_of (req v) with
      | Asked => if number (req v) =? n then f v else (Said Wrong_state [], v)
      | _ => (Said Wrong_state [], v)
      end).

  Definition writes (offset bytes : Z) (b : list Z) (q : request) : result * request :=
    if (bytes =? 0) || (MOST <? bytes) || negb (offset =? written q) ||
       (negb (offset =? 0) && negb (bytes =? size q))
    then (Said Range [], q)
    else (Said Ok [],
      mkRequest (nonce q) (personal q) (extended q) (number q) (wants q) bytes
        (written q + PIECE) (answer q ++ b)
        (if bytes <=? written q + PIECE then Answered else Asked)).

  Definition is_keeper (r : root) (v : vm) : bool :=
    if list_eq_dec Z.eq_dec (measure v) (keeper r) then true else false.

  Definition begins (r : root) (i : Z) (w : world) : result * world :=
    if (serving w =? handle i w) || negb (running (serving w) w)
    then (Said Ok (secret r ++ seal r ++ [Z.of_nat (length (chain r))]),
          mkWorld (vms w) (handle i w))
    else finish Busy w.

  (* Only the keeper comes so far, and but for [Begin] only the one that serves. *)
  Definition keeper_step (r : root) (i : Z) (c : guest_call) (w : world) : result * world :=
    if is_keeper r (vms w i) then
      match c with
      | Begin => begins r i w
      | _ =>
        if serving w =? handle i w then
          match c with
          | Next place => (look LOOK place w, w)
          | Read_request h n part => in_request h n w (fun v =>
              match part_of v part with
              | Some x => (Said Ok x, v)
              | None => (Said Range [], v)
              end)
          | Write_answer h n offset bytes b => in_request h n w (fun v =>
              let a := writes offset bytes b (req v) in (fst a, with_req (snd a) v))
          | _ => (Not_supported, w)
          end
        else finish Wrong_state w
      end
    else (Not_supported, w).

  (* A guest calls only while a vCPU of its is in it: it has been started, and may
     have been stopped meanwhile; it is not being destroyed. *)
  Definition inside (i : Z) (w : world) : bool :=
    is_id i && ready (vms w i) &&
    match slot_of (vms w i), phase_of (vms w i) with
    | Live, Running | Live, Stopped => true
    | _, _ => false
    end.

  Definition guest_step (r : root) (i : Z) (c : guest_call) (w : world) : result * world :=
    let v := vms w i in
    let changes := fun q => (Said Ok [], put i (with_req q v) w) in
    match c with
    | Ask n => changes (asks 0 n (req v))
    | Ask_key kind name =>
      if (0 <=? kind) && (kind <? KINDS)
      then changes (asks (kind + 1) (name ++ repeat 0 4) (req v))
      else finish Range w
    | Read_answer offset => (read_answer r offset (req v) w, w)
    | Extend k x =>
      if (0 <=? k) && (k <? MEASURES) then changes (extends k x (req v)) else finish Range w
    | _ => keeper_step r i c w
    end.

  Definition step (r : root) (c : call) (w : world) : result * world :=
    match c with
    | Host c => host_step c w
    | Guest i c => if inside i w then guest_step r i c w else (Silence, w)
    end.

  Fixpoint run (r : root) (cs : list call) (w : world) : world :=
    match cs with [] => w | c :: cs' => run r cs' (snd (step r c w)) end.

  Lemma run_app : forall r cs ds w, run r (cs ++ ds) w = run r ds (run r cs w).
  Proof. induction cs; intros; simpl; auto. Qed.

  (* ------------------------------------------------------------------ *)
  (* What one call changes                                               *)

  Lemma vms_put : forall i v w j, vms (put i v w) j = if j =? i then v else vms w j.
  Proof. reflexivity. Qed.

  (* The call that changes slot [i] from [v] to [v']: one row for each. *)
  Inductive becomes (r : root) (w : world) (i : Z) (v : vm) : call -> vm -> Prop :=
  | Be_same : forall c, becomes r w i v c v
  | Be_created : slot_of v = Absent ->
      becomes r w i v (Host (Create i)) (mkVm Live (generation v + 1) Built zeros false fresh)
  | Be_vcpu : forall h, enter h Built w = Ok -> id_of h = i -> ready v = false ->
      becomes r w i v (Host (Make_vcpu h))
        (mkVm (slot_of v) (generation v) (phase_of v) (measure v) true fresh)
  | Be_loaded : forall h m, enter h Built w = Ok -> id_of h = i ->
      becomes r w i v (Host (Load h m))
        (mkVm (slot_of v) (generation v) (phase_of v) m (ready v) (req v))
  | Be_personal : forall h x, enter h Built w = Ok -> id_of h = i -> ready v = true ->
      becomes r w i v (Host (Personalise h x)) (with_req (set_personal x (req v)) v)
  | Be_started : forall h m, enter h Built w = Ok -> id_of h = i -> ready v = true ->
      becomes r w i v (Host (Start h m))
        (mkVm (slot_of v) (generation v) Running m true (req v))
  | Be_stopped : forall h, found h w = true -> slot_of v = Live -> id_of h = i ->
      becomes r w i v (Host (Stop h))
        (mkVm Live (generation v) (stops (phase_of v)) (measure v) (ready v) (req v))
  | Be_destroyed : forall h gone, found h w = true -> id_of h = i ->
      becomes r w i v (Host (Destroy h gone))
        (mkVm (if gone then Absent else Dying) (generation v) (phase_of v) (measure v)
           (ready v) (req v))
  | Be_asked : forall n, inside i w = true ->
      becomes r w i v (Guest i (Ask n)) (with_req (asks 0 n (req v)) v)
  | Be_asked_key : forall kind name, inside i w = true -> 0 <= kind < KINDS ->
      becomes r w i v (Guest i (Ask_key kind name))
        (with_req (asks (kind + 1) (name ++ repeat 0 4) (req v)) v)
  | Be_extended : forall k x, inside i w = true -> 0 <= k < MEASURES ->
      becomes r w i v (Guest i (Extend k x)) (with_req (extends k x (req v)) v)
  | Be_written : forall j h n offset bytes b, inside j w = true ->
      is_keeper r (vms w j) = true -> serving w = handle j w ->
      enter h Running w = Ok -> id_of h = i -> progress_of (req v) = Asked ->
      number (req v) = n -> fst (writes offset bytes b (req v)) = Said Ok [] ->
      becomes r w i v (Guest j (Write_answer h n offset bytes b))
        (with_req (snd (writes offset bytes b (req v))) v).

  Lemma same_vm : forall v, with_req (req v) v = v.
  Proof. intros []. reflexivity. Qed.

  Lemma in_phase_vms : forall h p w f i, vms (snd (in_phase h p w f)) i =
    match enter h p w with
    | Ok => if i =? id_of h then snd (f (vms w i)) else vms w i
    | _ => vms w i
    end.
  Proof.
    intros. unfold in_phase. destruct (enter h p w); try reflexivity. cbn [snd].
    rewrite ?vms_put. destruct (i =? id_of h) eqn:E; [zb; subst|]; reflexivity.
  Qed.

  Ltac row E := zb; subst; first [
    apply Be_vcpu | apply Be_loaded | apply Be_personal | apply Be_started | apply Be_stopped];
    auto.

  Lemma step_becomes : forall r c w i, becomes r w i (vms w i) c (vms (snd (step r c w)) i).
  Proof.
    intros r [c|j c] w i; simpl.
    - destruct c; simpl; rewrite ?in_phase_vms.
      + destruct (is_id i0); [|apply Be_same].
        destruct (slot_of (vms w i0)) eqn:S; try apply Be_same.
        cbn [snd]. rewrite ?vms_put. destruct (i =? i0) eqn:E; [|apply Be_same].
        zb. subst. apply Be_created. exact S.
      + destruct (enter h Built w) eqn:N; try apply Be_same.
        destruct (i =? id_of h) eqn:E; [|apply Be_same].
        destruct (ready (vms w i)) eqn:R; [apply Be_same|row E].
      + destruct (enter h Built w) eqn:N; try apply Be_same.
        destruct (i =? id_of h) eqn:E; [|apply Be_same]. row E.
      + destruct (enter h Built w) eqn:N; try apply Be_same.
        destruct (i =? id_of h) eqn:E; [|apply Be_same].
        destruct (ready (vms w i)) eqn:R; [row E|apply Be_same].
      + destruct (enter h Built w) eqn:N; try apply Be_same.
        destruct (i =? id_of h) eqn:E; [|apply Be_same].
        destruct (ready (vms w i)) eqn:R; [row E|apply Be_same].
      + destruct (found h w) eqn:F; [|apply Be_same].
        destruct (slot_of (vms w (id_of h))) eqn:L; try apply Be_same. cbn [snd]. rewrite ?vms_put.
        destruct (i =? id_of h) eqn:E; [|apply Be_same]. zb. subst. apply Be_stopped; auto.
      + destruct (found h w) eqn:F; [|apply Be_same]. cbn [snd]. rewrite ?vms_put.
        destruct (i =? id_of h) eqn:E; [|apply Be_same]. zb. subst.
        apply Be_destroyed; auto.
    - destruct (inside j w) eqn:IN; [|apply Be_same].
      assert (K : forall h n f, (forall v, snd (f v) = v) ->
        vms (snd (in_request h n w f)) i = vms w i).
      { intros h n f F. unfold in_request. rewrite in_phase_vms.
        destruct (enter h Running w); try reflexivity. destruct (i =? id_of h); [|reflexivity].
        destruct (progress_of _); try reflexivity. destruct (number _ =? n); [|reflexivity].
        apply F. }
      destruct c; simpl; unfold keeper_step;
        try (destruct (is_keeper r (vms w j)) eqn:KE; [|apply Be_same]);
        try (destruct (serving w =? handle j w) eqn:SE; [|apply Be_same]); zb;
        cbn [snd]; try apply Be_same.
      + rewrite ?vms_put. destruct (i =? j) eqn:E; [zb; subst; apply Be_asked; exact IN|apply Be_same].
      + destruct ((0 <=? kind) && (kind <? KINDS)) eqn:B; [|apply Be_same]. cbn [snd].
        rewrite ?vms_put. destruct (i =? j) eqn:E; [zb; subst; apply Be_asked_key; auto|apply Be_same].
      + destruct ((0 <=? which) && (which <? MEASURES)) eqn:B; [|apply Be_same]. cbn [snd].
        rewrite ?vms_put. destruct (i =? j) eqn:E; [zb; subst; apply Be_extended; auto|apply Be_same].
      + unfold begins. destruct (_ || _); apply Be_same.
      + rewrite K; [apply Be_same|]. intro v. destruct (part_of v part); reflexivity.
      + unfold in_request. rewrite in_phase_vms.
        destruct (enter h Running w) eqn:N; try apply Be_same.
        destruct (i =? id_of h) eqn:E; [|apply Be_same].
        destruct (progress_of (req (vms w i))) eqn:P; try apply Be_same.
        destruct (number (req (vms w i)) =? n) eqn:NE; [|apply Be_same]. zb. cbn [snd].
        destruct (is_ok (fst (writes offset bytes b (req (vms w i))))) eqn:O.
        * subst. apply Be_written; auto.
          unfold writes in *. destruct (_ || _ || _ || _) in *; [discriminate|reflexivity].
        * assert (Q : snd (writes offset bytes b (req (vms w i))) = req (vms w i)).
          { unfold writes in *. destruct (_ || _ || _ || _) in *; [reflexivity|discriminate]. }
          rewrite Q, same_vm. apply Be_same.
  Qed.

  Lemma enter_ok : forall h p w, enter h p w = Ok ->
    found h w = true /\ slot_of (vms w (id_of h)) = Live /\ phase_of (vms w (id_of h)) = p /\
    generation (vms w (id_of h)) = gen_of h.
  Proof.
    intros h p w. unfold enter. destruct (found h w) eqn:F; [|discriminate]. intro E.
    assert (G : generation (vms w (id_of h)) = gen_of h) by (unfold found in F; zb; assumption).
    destruct (slot_of _); try discriminate.
    destruct (phase_of _), p; simpl in E; try discriminate; auto.
  Qed.

  (* A generation never goes down, and is another one for each VM of a slot. *)
  Lemma generation_up : forall r c w i,
    generation (vms w i) <= generation (vms (snd (step r c w)) i).
  Proof. intros. destruct (step_becomes r c w i); simpl; lia. Qed.

  Lemma run_generation : forall r cs w i,
    generation (vms w i) <= generation (vms (run r cs w) i).
  Proof.
    induction cs as [|c cs IH]; intros w i; simpl; [lia|].
    specialize (IH (snd (step r c w)) i). assert (G := generation_up r c w i). lia.
  Qed.

  (* ------------------------------------------------------------------ *)
  (* Measurements are only extended                                      *)

  (* By what the guest of slot [i] and generation [g] has extended its measurement
     [k] in a run. *)
  Fixpoint extensions (r : root) (i g k : Z) (cs : list call) (w : world) : list (list Z) :=
    match cs with
    | [] => []
    | c :: cs' =>
      let rest := extensions r i g k cs' (snd (step r c w)) in
      match c with
      | Guest j (Extend k' x) =>
        if (j =? i) && (generation (vms w i) =? g) && (k' =? k) && is_ok (fst (step r c w))
        then x :: rest else rest
      | _ => rest
      end
    end.

  (* What it is: zeros, if that guest has not begun. *)
  Definition measured (g k : Z) (v : vm) : list Z :=
    if (generation v =? g) && ready v then extended (req v) k else zeros.

  Lemma measured_else : forall r w i g k v c v', becomes r w i v c v' ->
    (forall k x, c <> Guest i (Extend k x)) -> generation v' <= g ->
    measured g k v' = measured g k v.
  Proof.
    intros r w i g k v c v' B N G.
    destruct B; unfold measured; cbn in *; try reflexivity;
      rewrite ?H1, ?andb_false_r; try reflexivity.
    - rewrite (proj2 (Z.eqb_neq (generation v) g)) by lia. reflexivity.
    - destruct (generation v =? g); reflexivity.
    - exfalso. eapply N. reflexivity.
    - unfold writes. destruct (_ || _ || _ || _); reflexivity.
  Qed.

  Lemma inside_ready : forall i w, inside i w = true -> ready (vms w i) = true.
  Proof. unfold inside. intros. zb. assumption. Qed.

  Lemma measured_step : forall r c w i g k, generation (vms (snd (step r c w)) i) <= g ->
    measured g k (vms (snd (step r c w)) i) =
    fold_left hash (extensions r i g k [c] w) (measured g k (vms w i)).
  Proof.
    intros r c w i g k G. assert (B := step_becomes r c w i).
    assert (E : (exists k x, c = Guest i (Extend k x)) \/ forall k x, c <> Guest i (Extend k x)).
    { destruct c as [|j []]; try (right; discriminate). destruct (Z.eq_dec j i) as [->|N].
      - left. eauto.
      - right. congruence. }
    destruct E as [[k' [x ->]]|N].
    - cbn [extensions]. rewrite Z.eqb_refl. cbn [andb].
      destruct (generation (vms w i) =? g) eqn:Q.
      + destruct (k' =? k) eqn:K.
        * simpl step. destruct (inside i w) eqn:IN; [|reflexivity].
          cbn [guest_step]. destruct ((0 <=? k') && (k' <? MEASURES)); [|reflexivity].
          cbn [fst snd is_ok andb fold_left]. unfold measured.
          rewrite vms_put, Z.eqb_refl. cbn [with_req generation ready req].
          rewrite Q, (inside_ready _ _ IN). cbn [andb]. zb. subst.
          unfold extends. destruct (progress_of _); cbn [extended]; rewrite Z.eqb_refl; reflexivity.
        * cbn [andb fold_left]. clear G. revert B.
          generalize (vms (snd (step r (Guest i (Extend k' x)) w)) i). intros v' B.
          inversion B; subst; [reflexivity|]. unfold measured.
          cbn [with_req generation ready req]. destruct (_ && _); [|reflexivity].
          unfold extends. rewrite (Z.eqb_sym) in K.
          destruct (progress_of _); cbn [extended]; rewrite K; reflexivity.
      + cbn [andb fold_left]. clear G. revert B.
        generalize (vms (snd (step r (Guest i (Extend k' x)) w)) i). intros v' B.
        inversion B; subst; [reflexivity|]. unfold measured.
        cbn [with_req generation ready req]. rewrite Q. reflexivity.
    - assert (X : extensions r i g k [c] w = []).
      { destruct c as [|j []]; try reflexivity. cbn [extensions].
        destruct (j =? i) eqn:J; [|reflexivity]. zb. subst. exfalso. eapply N. reflexivity. }
      rewrite X. cbn [fold_left]. apply (measured_else r w i g k _ c); assumption.
  Qed.

  Lemma extensions_cons : forall r i g k c cs w, extensions r i g k (c :: cs) w =
    extensions r i g k [c] w ++ extensions r i g k cs (snd (step r c w)).
  Proof.
    intros. cbn [extensions]. destruct c as [|j []]; try reflexivity.
    destruct (_ && _); reflexivity.
  Qed.

  (* A guest's own measurement is, at any moment, what it was hashed with all that
     the guest has extended it by since, in that order; and at its beginning it is
     zero.  Nothing sets it back, and nobody else extends it. *)
  Theorem measurements_are_extended : forall r cs w i k,
    let v := vms (run r cs w) i in
    ready v = true ->
    extended (req v) k =
    fold_left hash (extensions r i (generation v) k cs w) (measured (generation v) k (vms w i)).
  Proof.
    intros r cs w i k v R.
    assert (M : forall g cs w, generation (vms (run r cs w) i) <= g ->
      measured g k (vms (run r cs w) i) =
      fold_left hash (extensions r i g k cs w) (measured g k (vms w i))).
    { intro g. clear. induction cs as [|c cs IH]; intros w G; [reflexivity|].
      rewrite extensions_cons, fold_left_app. simpl run in *.
      rewrite <- measured_step.
      - apply IH. exact G.
      - assert (U := run_generation r cs (snd (step r c w)) i). lia. }
    rewrite <- M by (unfold v; lia). fold v. unfold measured. rewrite Z.eqb_refl, R. reflexivity.
  Qed.

  (* ------------------------------------------------------------------ *)
  (* What is sealed when a VM starts                                     *)

  Lemma sealed_becomes : forall r w i v c v', v = vms w i -> becomes r w i v c v' ->
    phase_of v <> Built -> generation v' = generation v ->
    phase_of v' <> Built /\ measure v' = measure v /\ ready v' = ready v /\
    personal (req v') = personal (req v).
  Proof.
    intros r w i v c v' V B P G.
    assert (NB : forall h, enter h Built w = Ok -> id_of h = i -> False).
    { intros h E I. apply enter_ok in E. destruct E as [_ [_ [E _]]]. subst. contradiction. }
    destruct B; cbn in *; try (exfalso; eapply NB; eassumption); repeat split; auto; try lia;
      try discriminate.
    - destruct (phase_of v); [contradiction|discriminate|discriminate|discriminate].
    - unfold extends. destruct (progress_of _); reflexivity.
    - unfold writes. destruct (_ || _ || _ || _); reflexivity.
  Qed.

  (* Personalisation and measurement: as they were at the start, for as long as
     this VM is. *)
  Theorem sealed_at_start : forall r cs w i, phase_of (vms w i) <> Built ->
    let v := vms w i in let v' := vms (run r cs w) i in
    generation v' = generation v ->
    measure v' = measure v /\ personal (req v') = personal (req v) /\ phase_of v' <> Built.
  Proof.
    induction cs as [|c cs IH]; intros w i P v v' G; [auto|].
    assert (U := run_generation r cs (snd (step r c w)) i).
    assert (U1 := generation_up r c w i). unfold v, v' in *. simpl run in *.
    destruct (sealed_becomes r w i _ c _ eq_refl (step_becomes r c w i) P) as [P1 [M1 [_ Q1]]];
      [lia|].
    destruct (IH (snd (step r c w)) i P1) as [M2 [Q2 P2]]; [lia|].
    rewrite M2, Q2. auto.
  Qed.

  (* Only the host gives one, to a VM that it builds. *)
  Theorem personalised_by_the_host : forall r c w i,
    let v := vms w i in let v' := vms (snd (step r c w)) i in
    personal (req v') <> personal (req v) ->
    (exists h x, c = Host (Personalise h x) /\ personal (req v') = x) \/
    personal (req v') = repeat 0 8.
  Proof.
    intros r c w i v v'. unfold v, v'. destruct (step_becomes r c w i); intro N; cbn in *;
      try contradiction; try (right; reflexivity).
    - left. eauto.
    - exfalso. apply N. unfold extends. destruct (progress_of _); reflexivity.
    - exfalso. apply N. unfold writes. destruct (_ || _ || _ || _); reflexivity.
  Qed.

  (* ------------------------------------------------------------------ *)
  (* One keeper at a time                                                *)

  (* A handle whose VM has begun to run, or is over; one that never runs again. *)
  Definition started (h : Z) (w : world) : Prop :=
    gen_of h = 0 \/ gen_of h < generation (vms w (id_of h)) \/
    (gen_of h = generation (vms w (id_of h)) /\ phase_of (vms w (id_of h)) <> Built).

  Definition over (h : Z) (w : world) : Prop :=
    gen_of h = 0 \/ gen_of h < generation (vms w (id_of h)) \/ is_id (id_of h) = false \/
    (gen_of h = generation (vms w (id_of h)) /\
     (slot_of (vms w (id_of h)) <> Live \/
      (phase_of (vms w (id_of h)) <> Built /\ phase_of (vms w (id_of h)) <> Running))).

  Lemma over_not_running : forall h w, over h w -> running h w = false.
  Proof.
    intros h w O. unfold running. destruct (enter h Running w) eqn:E; try reflexivity.
    apply enter_ok in E. destruct E as [F [L [P G]]]. unfold found in F. zb.
    destruct O as [O|[O|[O|[_ [O|[_ O]]]]]]; congruence || lia.
  Qed.

  Lemma started_over : forall h w, started h w -> running h w = false -> over h w.
  Proof.
    intros h w S R. unfold over. destruct S as [S|[S|[S P]]]; auto.
    destruct (Z.eq_dec (gen_of h) 0) as [|N]; [auto|].
    destruct (is_id (id_of h)) eqn:I; [|auto]. right. right. right. split; [exact S|].
    destruct (slot_of (vms w (id_of h))) eqn:SL; try (left; congruence). right.
    unfold running, enter, found in R. rewrite I, SL, <- S, Z.eqb_refl in R.
    rewrite (proj2 (Z.eqb_neq _ _) N) in R. cbn [andb negb] in R.
    destruct (phase_of _); try (split; discriminate); simpl in R; congruence.
  Qed.

  Lemma started_step : forall r c w h, started h w -> started h (snd (step r c w)).
  Proof.
    intros r c w h S. unfold started in *. assert (G := generation_up r c w (id_of h)).
    destruct S as [S|[S|[S P]]]; [auto|right; left; lia|].
    destruct (Z.eq_dec (generation (vms (snd (step r c w)) (id_of h)))
                       (generation (vms w (id_of h)))) as [E|N]; [|right; left; lia].
    right. right. split; [congruence|].
    apply (sealed_becomes r w _ _ c _ eq_refl (step_becomes r c w (id_of h)) P E).
  Qed.

  Lemma over_step : forall r c w h, over h w -> over h (snd (step r c w)).
  Proof.
    intros r c w h O. unfold over in *. assert (G := generation_up r c w (id_of h)).
    destruct O as [O|[O|[O|[O P]]]]; auto; [right; left; lia|].
    destruct (step_becomes r c w (id_of h)); cbn in *;
      try (right; right; right; split; [assumption|exact P]).
    - right. left. lia.
    - exfalso. apply enter_ok in H. destruct H as [_ [L [B _]]]. rewrite H0 in *.
      destruct P as [P|[P _]]; contradiction.
    - right. right. right. split; [assumption|]. right. destruct P as [P|[P1 P2]]; [contradiction|].
      destruct (phase_of _); try contradiction; split; discriminate.
    - right. right. right. split; [assumption|]. left. destruct gone; discriminate.
  Qed.

  Lemma serving_step : forall r c w, serving (snd (step r c w)) = serving w \/
    exists i, c = Guest i Begin /\ inside i w = true /\ is_keeper r (vms w i) = true /\
      serving (snd (step r c w)) = handle i w /\ is_ok (fst (step r c w)) = true /\
      (serving w = handle i w \/ running (serving w) w = false).
  Proof.
    assert (P : forall h p w f, serving (snd (in_phase h p w f)) = serving w).
    { intros. unfold in_phase. destruct (enter h p w); reflexivity. }
    intros r [c|i c] w; simpl.
    - left. destruct c; simpl; try apply P.
      + destruct (is_id i); [|reflexivity]. destruct (slot_of _); reflexivity.
      + destruct (found h w); [|reflexivity]. destruct (slot_of _); reflexivity.
      + destruct (found h w); reflexivity.
    - destruct (inside i w) eqn:IN; [|auto].
      destruct c; simpl; unfold keeper_step; try (left; reflexivity);
        try (destruct (is_keeper r (vms w i)) eqn:K; [|left; reflexivity]);
        try (left; destruct (_ && _); reflexivity);
        try (left; destruct (serving w =? handle i w); [|reflexivity]; try reflexivity; apply P).
      unfold begins. destruct ((serving w =? handle i w) || _) eqn:B; [|left; reflexivity].
      right. exists i. repeat split; auto. apply orb_true_iff in B.
      destruct B as [B|B]; zb; auto.
  Qed.

  (* The handle of a guest that calls. *)
  Lemma handle_id : forall i g, 0 <= i < 65536 -> id_of (handle_of i g) = i.
  Proof. intros. unfold id_of, handle_of. rewrite Z.add_comm, Z.mod_add, Z.mod_small; lia. Qed.

  Lemma handle_gen : forall i g, 0 <= i < 65536 -> gen_of (handle_of i g) = g.
  Proof. intros. unfold gen_of, handle_of. rewrite Z.add_comm, Z.div_add, Z.div_small; lia. Qed.

  Hypothesis few : slots < 65536.

  Lemma inside_handle : forall i w, inside i w = true ->
    0 <= i < 65536 /\ started (handle i w) w.
  Proof.
    intros i w I. unfold inside, is_id in I. zb.
    assert (R : 0 <= i < 65536) by lia. split; [exact R|]. unfold started, handle.
    rewrite handle_id, handle_gen by exact R. right. right. split; [reflexivity|].
    destruct (slot_of _); try discriminate. destruct (phase_of _); discriminate.
  Qed.

  (* Who has served serves now, or never runs again. *)
  Lemma served_step : forall r c w h, started (serving w) w -> started h w ->
    (serving w = h \/ over h w) ->
    serving (snd (step r c w)) = h \/ over h (snd (step r c w)).
  Proof.
    intros r c w h S SH [E|O]; [|right; apply over_step; exact O].
    destruct (serving_step r c w) as [Q|[i [-> [IN [_ [Q [_ B]]]]]]]; [left; congruence|].
    destruct B as [B|B]; [left; congruence|].
    right. apply over_step. rewrite <- E. apply started_over; assumption.
  Qed.

  Lemma serving_started : forall r c w, started (serving w) w ->
    started (serving (snd (step r c w))) (snd (step r c w)).
  Proof.
    intros r c w S. destruct (serving_step r c w) as [Q|[i [E [IN [_ [Q _]]]]]]; rewrite Q.
    - apply started_step. exact S.
    - apply started_step. apply (inside_handle i w IN).
  Qed.

  Lemma run_served : forall r cs w h, started (serving w) w -> started h w ->
    (serving w = h \/ over h w) ->
    let w' := run r cs w in
    started (serving w') w' /\ (serving w' = h \/ over h w').
  Proof.
    induction cs as [|c cs IH]; intros w h S SH D; [split; assumption|].
    apply IH; [apply serving_started|apply started_step|apply served_step]; assumption.
  Qed.

  Lemma run_over : forall r cs w h, over h w -> over h (run r cs w).
  Proof. induction cs; intros; simpl; auto using over_step. Qed.

  Lemma boot_started : started (serving boot) boot.
  Proof. left. reflexivity. Qed.

  (* If one guest has become the keeper, and later another, then the first does not
     run when the second becomes it, nor ever after. *)
  Theorem one_keeper_at_a_time : forall r cs1 cs2 cs3 a b,
    let w1 := run r cs1 boot in
    let w2 := run r cs2 (snd (step r (Guest a Begin) w1)) in
    is_ok (fst (step r (Guest a Begin) w1)) = true ->
    is_ok (fst (step r (Guest b Begin) w2)) = true ->
    handle a w1 <> handle b w2 ->
    running (handle a w1) (run r cs3 w2) = false.
  Proof.
    intros r cs1 cs2 cs3 a b w1 w2 A B N. apply over_not_running, run_over.
    destruct (run_served r cs1 boot 0 boot_started boot_started (or_introl eq_refl)) as [S1 _].
    fold w1 in S1.
    assert (B0 : forall i w, is_ok (fst (step r (Guest i Begin) w)) = true ->
      inside i w = true /\ serving (snd (step r (Guest i Begin) w)) = handle i w /\
      (serving w = handle i w \/ running (serving w) w = false)).
    { intros i w O. simpl in *. destruct (inside i w); [|discriminate].
      simpl in *. unfold keeper_step in *. destruct (is_keeper r (vms w i)); [|discriminate].
      unfold begins in *. destruct ((serving w =? handle i w) || _) eqn:Q; [|discriminate].
      split; [reflexivity|]. split; [reflexivity|]. apply orb_true_iff in Q.
      destruct Q as [Q|Q]; zb; auto. }
    destruct (B0 a w1 A) as [IA [SA _]]. destruct (B0 b w2 B) as [IB [_ SB]].
    destruct (inside_handle a w1 IA) as [_ HA].
    destruct (run_served r cs2 (snd (step r (Guest a Begin) w1)) (handle a w1)) as [S2 D].
    { rewrite SA. apply started_step. exact HA. }
    { apply started_step. exact HA. }
    { left. exact SA. }
    fold w2 in S2, D. destruct D as [D|D]; [|exact D].
    destruct SB as [SB|SB]; [congruence|]. rewrite <- D. apply started_over; assumption.
  Qed.

  (* Who is not the keeper that serves is told nothing by the keeper's calls. *)
  Definition keepers (c : guest_call) : bool :=
    match c with
    | Begin | Next _ | Read_request _ _ _ | Write_answer _ _ _ _ _ => true
    | _ => false
    end.

  Theorem only_the_keeper_is_told : forall r i c w, keepers c = true ->
    is_keeper r (vms w i) = false \/ (c <> Begin /\ serving w <> handle i w) ->
    snd (step r (Guest i c) w) = w /\
    (fst (step r (Guest i c) w) = Silence \/ fst (step r (Guest i c) w) = Not_supported \/
     fst (step r (Guest i c) w) = Said Wrong_state []).
  Proof.
    intros r i c w K H. simpl. destruct (inside i w); [|auto].
    assert (E : guest_step r i c w = keeper_step r i c w) by (destruct c; try discriminate; reflexivity).
    rewrite E. unfold keeper_step. destruct H as [->|[NB NS]]; [auto|].
    destruct (is_keeper r (vms w i)); [|auto].
    rewrite (proj2 (Z.eqb_neq _ _) NS). destruct c; try discriminate; auto. contradiction.
  Qed.

  (* ------------------------------------------------------------------ *)
  (* The secrets                                                         *)

  (* What all others see: everything but what a guest is told that becomes keeper. *)
  Definition trusted (r : root) (c : call) (w : world) : bool :=
    match c with Guest i Begin => is_keeper r (vms w i) | _ => false end.

  Fixpoint untrusted_sights (r : root) (cs : list call) (w : world) : list result :=
    match cs with
    | [] => []
    | c :: cs' =>
      let rest := untrusted_sights r cs' (snd (step r c w)) in
      if trusted r c w then rest else fst (step r c w) :: rest
    end.

  (* Two machines that differ in their secrets do and tell the same, but for what
     the keeper is told; and it is told them only if its measurement, which is as
     it was at its start, is the one that is known. *)
  Theorem secrets_are_the_keepers : forall r r' cs w,
    chain r = chain r' -> keeper r = keeper r' ->
    run r cs w = run r' cs w /\ untrusted_sights r cs w = untrusted_sights r' cs w.
  Proof.
    intros r r' cs w C K.
    assert (KE : forall v, is_keeper r v = is_keeper r' v)
      by (intro; unfold is_keeper; rewrite K; reflexivity).
    assert (PI : forall q o, piece r q o = piece r' q o)
      by (intros; unfold piece, byte_at, answer_size; rewrite C; reflexivity).
    assert (RA : forall o q w, read_answer r o q w = read_answer r' o q w)
      by (intros; unfold read_answer, answer_size; rewrite C, PI; reflexivity).
    assert (S : forall c w, snd (step r c w) = snd (step r' c w) /\
      (trusted r c w = false -> fst (step r c w) = fst (step r' c w))).
    { intros c w0. destruct c as [c|i c]; [auto|]. simpl. destruct (inside i w0); [|auto].
      destruct c; simpl; unfold keeper_step; rewrite <- ?KE, ?RA; auto;
        try (destruct (_ && _); auto; fail);
        (destruct (is_keeper r (vms w0 i)); [|auto]);
        try (destruct (serving w0 =? _); auto; fail).
      unfold begins. destruct (_ || _); split; try reflexivity; discriminate. }
    revert w. induction cs as [|c cs IH]; intro w; [auto|]. destruct (S c w) as [S1 S2]. simpl.
    rewrite <- S1. destruct (IH (snd (step r c w))) as [R1 R2]. split; [exact R1|].
    rewrite R2. assert (T : trusted r' c w = trusted r c w).
    { destruct c as [|i []]; try reflexivity. simpl. symmetry. apply KE. }
    rewrite T. destruct (trusted r c w) eqn:Q; [reflexivity|]. rewrite S2 by reflexivity.
    reflexivity.
  Qed.

  (* ------------------------------------------------------------------ *)
  (* Answers                                                             *)

  (* An answer changes only so: its guest asks anew or extends, and it is gone; or
     the keeper that serves, whose measurement is the known one, adds to it, naming
     this VM and the request that stands. *)
  Theorem answers_are_the_keepers : forall r c w i,
    let v := vms w i in let v' := vms (snd (step r c w)) i in
    answer (req v') <> answer (req v) ->
    answer (req v') = [] \/
    exists k h n offset bytes b, c = Guest k (Write_answer h n offset bytes b) /\
      is_keeper r (vms w k) = true /\ serving w = handle k w /\
      id_of h = i /\ gen_of h = generation v /\ progress_of (req v) = Asked /\
      n = number (req v) /\ answer (req v') = answer (req v) ++ b.
  Proof.
    intros r c w i v v'. unfold v, v'. destruct (step_becomes r c w i); intro N; cbn in *;
      try contradiction; try (left; reflexivity).
    - left. unfold extends in *. destruct (progress_of _); [contradiction|reflexivity|contradiction].
    - right. exists j, h, n, offset, bytes, b. assert (E := H2). apply enter_ok in E.
      destruct E as [_ [_ [_ E]]]. repeat split; auto; [congruence|].
      unfold writes in *. destruct (_ || _ || _ || _) in *; [contradiction|reflexivity].
  Qed.

  (* Only a whole answer is told. *)
  Definition whole (q : request) : Prop :=
    progress_of q = Answered -> 0 <> size q /\ size q <= written q.

  Theorem half_an_answer_is_none : forall r cs i,
    whole (req (vms (run r cs boot) i)) /\
    forall offset x, fst (step r (Guest i (Read_answer offset)) (run r cs boot)) = Said Ok x ->
    progress_of (req (vms (run r cs boot) i)) = Answered.
  Proof.
    intros r cs i. split.
    - assert (G : forall cs w, whole (req (vms w i)) -> whole (req (vms (run r cs w) i))).
      { clear. induction cs as [|c cs IH]; intros w W; [exact W|]. apply IH.
        destruct (step_becomes r c w i); try exact W; unfold whole in *; cbn; try discriminate.
        - unfold extends. destruct (progress_of _) eqn:P; cbn; try discriminate; exact W.
        - unfold writes. destruct ((bytes =? 0) || _ || _ || _) eqn:B; [exact W|]. cbn. intros E.
          zb. destruct (bytes <=? _) eqn:L; [|discriminate]. zb. lia. }
      apply G. discriminate.
    - intros offset x E. simpl in E. destruct (inside i _); [|discriminate]. simpl in E.
      unfold read_answer in E. destruct (progress_of _); try reflexivity; [discriminate|].
      destruct (running _ _); discriminate.
  Qed.

  (* A request that was asked before, or of which something has changed: the number
     goes up, and the keeper's calls that name the old one are refused. *)
  Theorem numbers_go_up : forall r c w i,
    let v := vms w i in let v' := vms (snd (step r c w)) i in
    generation v' = generation v -> ready v = true ->
    number (req v) <= number (req v') /\
    (forall n, c = Guest i (Ask n) -> fst (step r c w) = Said Ok [] ->
       number (req v) < number (req v')).
  Proof.
    intros r c w i v v'. unfold v, v'. assert (B := step_becomes r c w i). intros G R. split.
    - destruct B; cbn in *; try lia; try congruence.
      + unfold extends. destruct (progress_of _); cbn; lia.
      + unfold writes. destruct (_ || _ || _ || _); cbn; lia.
    - intros n -> E. simpl in *. destruct (inside i w); [|discriminate]. simpl.
      rewrite Z.eqb_refl. simpl. lia.
  Qed.

  Theorem old_requests_are_refused : forall r k c h n w,
    (exists part, c = Read_request h n part) \/
    (exists offset bytes b, c = Write_answer h n offset bytes b) ->
    progress_of (req (vms w (id_of h))) <> Asked \/ number (req (vms w (id_of h))) <> n \/
    generation (vms w (id_of h)) <> gen_of h ->
    (forall i, vms (snd (step r (Guest k c) w)) i = vms w i) /\
    is_ok (fst (step r (Guest k c) w)) = false.
  Proof.
    intros r k c h n w C N.
    assert (G : forall f, (forall i, vms (snd (in_request h n w f)) i = vms w i) /\
      is_ok (fst (in_request h n w f)) = false).
    { intro f. unfold in_request. split.
      - intro i. rewrite in_phase_vms. destruct (enter h Running w) eqn:E; try reflexivity.
        destruct (i =? id_of h) eqn:Q; [|reflexivity]. zb. subst i. apply enter_ok in E.
        destruct (progress_of _) eqn:P; try reflexivity.
        destruct (number _ =? n) eqn:Q; [|reflexivity]. zb. exfalso. intuition congruence.
      - unfold in_phase. destruct (enter h Running w) eqn:E; try reflexivity.
        apply enter_ok in E. destruct (progress_of _) eqn:P; try reflexivity.
        destruct (number _ =? n) eqn:Q; [|reflexivity]. zb. exfalso. intuition congruence. }
    simpl. destruct (inside k w); [|auto].
    destruct C as [[part ->]|[offset [bytes [b ->]]]]; simpl; unfold keeper_step;
      (destruct (is_keeper r (vms w k)); [|auto]);
      (destruct (serving w =? handle k w); [|auto]); apply G.
  Qed.

  (* ---- an answer is told to its guest alone ---- *)

  Definition with_answer (x : list Z) (v : vm) : vm :=
    let q := req v in
    with_req (mkRequest (nonce q) (personal q) (extended q) (number q) (wants q) (size q)
      (written q) x (progress_of q)) v.

  (* Two worlds that differ at most in what the keeper has answered the VM of slot
     [i] and generation [g]. *)
  Definition near (i g j : Z) (v v' : vm) : Prop :=
    exists x, v' = with_answer x v /\ ((j = i /\ generation v = g) \/ x = answer (req v)).

  Definition alike (i g : Z) (a b : world) : Prop :=
    serving a = serving b /\ forall j, near i g j (vms a j) (vms b j).

  (* Two calls that differ at most in what the keeper answers that VM. *)
  Definition twin (i g : Z) (c d : call) : Prop :=
    c = d \/ exists k h n offset bytes x y, id_of h = i /\ gen_of h = g /\
      c = Guest k (Write_answer h n offset bytes x) /\
      d = Guest k (Write_answer h n offset bytes y).

  (* The VM is told (a piece of) its answer. *)
  Definition told_it (i g : Z) (c : call) (w : world) : bool :=
    match c with
    | Guest j (Read_answer _) => (j =? i) && (generation (vms w j) =? g)
    | _ => false
    end.

  Lemma own_answer : forall v, with_answer (answer (req v)) v = v.
  Proof. intros [? ? ? ? ? []]. reflexivity. Qed.

  Lemma near_refl : forall i g j v, near i g j v v.
  Proof. intros. exists (answer (req v)). rewrite own_answer. auto. Qed.

  Lemma near_answer : forall i g j v x,
    ((j = i /\ generation v = g) \/ x = answer (req v)) -> near i g j v (with_answer x v).
  Proof. intros. exists x. auto. Qed.

  Lemma put_alike : forall i g j v v' a b, alike i g a b -> near i g j v v' ->
    alike i g (put j v a) (put j v' b).
  Proof.
    intros i g j v v' a b [S A] N. split; [exact S|]. intro k. rewrite !vms_put.
    destruct (k =? j) eqn:E; [zb; subst; exact N|apply A].
  Qed.

  Section Alike.
    Variables (i g : Z) (a b : world).
    Hypothesis A : alike i g a b.

    Lemma alike_handle : forall j, handle j b = handle j a.
    Proof. intro j. unfold handle. destruct A as [_ N]. destruct (N j) as [x [-> _]]. reflexivity. Qed.

    Lemma alike_found : forall h, found h b = found h a.
    Proof.
      intro h. unfold found. destruct A as [_ N]. destruct (N (id_of h)) as [x [-> _]]. reflexivity.
    Qed.

    Lemma alike_enter : forall h p, enter h p b = enter h p a.
    Proof.
      intros h p. unfold enter. rewrite alike_found. destruct A as [_ N].
      destruct (N (id_of h)) as [x [-> _]]. reflexivity.
    Qed.

    Lemma alike_running : forall h, running h b = running h a.
    Proof. intro. unfold running. rewrite alike_enter. reflexivity. Qed.

    Lemma alike_inside : forall j, inside j b = inside j a.
    Proof.
      intro j. unfold inside. destruct A as [_ N]. destruct (N j) as [x [-> _]]. reflexivity.
    Qed.

    Lemma alike_keeper : forall r j, is_keeper r (vms b j) = is_keeper r (vms a j).
    Proof. intros. destruct A as [_ N]. destruct (N j) as [x [-> _]]. reflexivity. Qed.

    Lemma alike_look : forall n place, look n place b = look n place a.
    Proof.
      induction n; intro place; simpl; [reflexivity|]. rewrite IHn.
      assert (W : waits (place + 1) b = waits (place + 1) a).
      { unfold waits. rewrite alike_handle. destruct A as [_ N].
        destruct (N (place + 1)) as [x [-> _]]. reflexivity. }
      rewrite W. reflexivity.
    Qed.

    Lemma alike_phase : forall h p f f',
      (forall v x, enter h p a = Ok -> generation v = gen_of h ->
        ((id_of h = i /\ generation v = g) \/ x = answer (req v)) ->
        fst (f' (with_answer x v)) = fst (f v) /\
        near i g (id_of h) (snd (f v)) (snd (f' (with_answer x v)))) ->
      alike i g (snd (in_phase h p a f)) (snd (in_phase h p b f')) /\
      fst (in_phase h p a f) = fst (in_phase h p b f').
    Proof.
      intros h p f f' F. unfold in_phase. rewrite alike_enter.
      destruct (enter h p a) eqn:E; try (split; [exact A|reflexivity]). cbn [fst snd].
      assert (E' := E). apply enter_ok in E'. destruct E' as [_ [_ [_ G]]].
      destruct A as [_ N]. destruct (N (id_of h)) as [x [X C]]. rewrite X.
      destruct (F (vms a (id_of h)) x eq_refl G C) as [F1 F2].
      split; [apply put_alike; assumption|symmetry; exact F1].
    Qed.

    (* The keeper writes a part of the answer to [v]: where it does not fit, in time or in size,
       nothing has changed; else it is written. [P]: how far the request had come. *)
    Ltac written_or_not v n C P :=
      cbn [with_answer with_req req progress_of number];
      destruct (progress_of (req v)) eqn:P; try (split; [reflexivity|apply near_answer; exact C]);
      destruct (number (req v) =? n); try (split; [reflexivity|apply near_answer; exact C]);
      unfold writes; cbn [written size];
      destruct (_ || _ || _ || _); (split; [reflexivity|]).

    (* One call: the worlds stay so, and all others see the same. *)
    Lemma alike_step : forall r c d, twin i g c d ->
      alike i g (snd (step r c a)) (snd (step r d b)) /\
      told_it i g c a = told_it i g d b /\
      (told_it i g c a = false -> fst (step r c a) = fst (step r d b)).
    Proof.
      intros r c d T.
      assert (TI : told_it i g c a = told_it i g d b).
      { destruct T as [<-|[k [h [n [o [z [x [y [_ [_ [-> ->]]]]]]]]]]]; [|reflexivity].
        destruct c as [|j []]; try reflexivity. simpl.
        destruct A as [_ N]. destruct (N j) as [x [-> _]]. reflexivity. }
      assert (P : forall h p f f',
        (forall v x, enter h p a = Ok -> generation v = gen_of h ->
          ((id_of h = i /\ generation v = g) \/ x = answer (req v)) ->
          fst (f' (with_answer x v)) = fst (f v) /\
          near i g (id_of h) (snd (f v)) (snd (f' (with_answer x v)))) ->
        alike i g (snd (in_phase h p a f)) (snd (in_phase h p b f')) /\
        told_it i g c a = told_it i g d b /\
        (told_it i g c a = false -> fst (in_phase h p a f) = fst (in_phase h p b f'))).
      { intros h p f f' F. destruct (alike_phase h p f f' F) as [P1 P2]. auto. }
      destruct T as [<-|[k [h [n [o [z [x [y [HI [HG [-> ->]]]]]]]]]]].
      - destruct c as [c|j c].
        + destruct c; cbn [step host_step].
          * destruct (is_id i0); [|auto]. assert (S : exists x, vms b i0 = with_answer x (vms a i0))
              by (destruct A as [_ N]; destruct (N i0) as [x [-> _]]; eauto).
            destruct S as [x ->]. cbn [with_answer with_req slot_of generation].
            destruct (slot_of (vms a i0)); auto. cbn [fst snd]. split; [|auto].
            apply put_alike; [exact A|apply near_refl].
          * apply P. intros v x _ _ C. cbn [with_answer with_req ready].
            destruct (ready v); split; try reflexivity; [apply near_answer; exact C|apply near_refl].
          * apply P. intros v x _ _ C. split; [reflexivity|].
            exists x. split; [reflexivity|exact C].
          * apply P. intros v x _ _ C. cbn [with_answer with_req ready].
            destruct (ready v); (split; [reflexivity|]); exists x; (split; [reflexivity|exact C]).
          * apply P. intros v x _ _ C. cbn [with_answer with_req ready].
            destruct (ready v); (split; [reflexivity|]); exists x; (split; [reflexivity|exact C]).
          * rewrite alike_found. destruct (found h a); [|auto].
            assert (S : exists x, vms b (id_of h) = with_answer x (vms a (id_of h)) /\
              ((id_of h = i /\ generation (vms a (id_of h)) = g) \/
               x = answer (req (vms a (id_of h))))) by (destruct A as [_ N]; apply N).
            destruct S as [x [-> C]]. cbn [with_answer with_req slot_of generation].
            destruct (slot_of (vms a (id_of h))); auto. cbn [fst snd]. split; [|auto].
            apply put_alike; [exact A|]. exists x. split; [reflexivity|exact C].
          * rewrite alike_found. destruct (found h a); [|auto]. cbn [fst snd]. split; [|auto].
            apply put_alike; [exact A|]. destruct A as [_ N]. destruct (N (id_of h)) as [x [-> C]].
            exists x. split; [reflexivity|exact C].
        + cbn [step]. rewrite alike_inside. destruct (inside j a); [|auto].
          assert (NJ : near i g j (vms a j) (vms b j)) by apply A.
          assert (K : forall c0 : guest_call, c0 = c -> guest_step r j c0 a = keeper_step r j c0 a ->
            guest_step r j c0 b = keeper_step r j c0 b ->
            alike i g (snd (keeper_step r j c0 a)) (snd (keeper_step r j c0 b)) /\
            fst (keeper_step r j c0 a) = fst (keeper_step r j c0 b)).
          { intros c0 -> _ _. unfold keeper_step. rewrite alike_keeper, alike_handle.
            destruct (is_keeper r (vms a j)); [|auto].
            assert (SE : serving a = serving b) by apply A. rewrite <- SE.
            destruct c; try match goal with |- context [Not_supported] =>
              destruct (serving a =? handle j a); auto end.
            - unfold begins. rewrite <- SE, alike_handle, alike_running.
              destruct (_ || _); [|auto]. split; [|reflexivity]. split; [reflexivity|apply A].
            - destruct (serving a =? handle j a); [|auto]. rewrite alike_look. auto.
            - destruct (serving a =? handle j a); [|auto]. apply alike_phase.
              intros v x _ _ C. cbn [with_answer with_req req progress_of number].
              assert (PO : part_of (with_answer x v) part = part_of v part) by reflexivity.
              destruct (progress_of (req v)); try (split; [reflexivity|apply near_answer; exact C]).
              destruct (number (req v) =? n); try (split; [reflexivity|apply near_answer; exact C]).
              fold (with_answer x v). rewrite PO.
              destruct (part_of v part); (split; [reflexivity|apply near_answer; exact C]).
            - destruct (serving a =? handle j a); [|auto]. apply alike_phase.
              intros v x _ _ C. written_or_not v n C PG.
              + exists x. unfold with_answer. cbn. rewrite PG. split; [reflexivity|exact C].
              + exists (x ++ b0). split; [reflexivity|]. destruct C as [C| ->]; [left|right]; auto. }
          destruct c; try (destruct (K _ eq_refl eq_refl eq_refl) as [K1 K2];
            split; [exact K1|split; [exact TI|intros _; exact K2]]);
            cbn [guest_step]; destruct NJ as [y [X C]].
          * rewrite X. cbn [fst snd]. split; [|auto]. apply put_alike; [exact A|apply near_refl].
          * rewrite X. destruct (_ && _); [|auto]. cbn [fst snd]. split; [|auto].
            apply put_alike; [exact A|apply near_refl].
          * split; [exact A|]. split; [exact TI|]. simpl told_it. intro NT.
            destruct C as [[-> C]|C].
            { rewrite C, !Z.eqb_refl in NT. discriminate. }
            rewrite X, C, own_answer. cbn [fst]. unfold read_answer.
            destruct A as [SE _]. rewrite <- SE, alike_running. reflexivity.
          * destruct (_ && _); [|auto]. cbn [fst snd]. split; [|auto].
            apply put_alike; [exact A|]. rewrite X.
            unfold extends. cbn [with_answer with_req req progress_of].
            destruct (progress_of (req (vms a j))) eqn:PG.
            -- exists y. split; [reflexivity|exact C].
            -- apply near_refl.
            -- exists y. split; [reflexivity|exact C].
      - cbn [step guest_step]. rewrite alike_inside. destruct (inside k a); [|auto].
        unfold keeper_step. rewrite alike_keeper, alike_handle.
        destruct (is_keeper r (vms a k)); [|auto].
        assert (SE : serving a = serving b) by apply A. rewrite <- SE.
        destruct (serving a =? handle k a); [|auto]. apply P.
        intros v t _ GV C. written_or_not v n C PG.
        + exists t. unfold with_answer. cbn. rewrite PG. split; [reflexivity|exact C].
        + exists (t ++ y). split; [reflexivity|]. left. split; [exact HI|]. cbn. congruence.
    Qed.

  End Alike.

  (* What all see but the VM that is told its answer. *)
  Fixpoint sights (r : root) (i g : Z) (cs : list call) (w : world) : list result :=
    match cs with
    | [] => []
    | c :: cs' =>
      let rest := sights r i g cs' (snd (step r c w)) in
      if told_it i g c w then rest else fst (step r c w) :: rest
    end.

  (* Two runs, of any calls by anybody, in which the keeper answers a VM differently:
     nobody else sees a difference, the host, other guests, and whoever has the slot
     after it. *)
  Theorem answers_stay_with_who_asked : forall r i g cs ds a b,
    alike i g a b -> Forall2 (twin i g) cs ds -> sights r i g cs a = sights r i g ds b.
  Proof.
    intros r i g cs ds a b A F. revert a b A. induction F as [|c d cs ds T F IH]; intros a b A;
      [reflexivity|]. destruct (alike_step i g a b A r c d T) as [A' [TI S]]. simpl.
    rewrite <- TI, (IH _ _ A'). destruct (told_it i g c a); [reflexivity|].
    rewrite S by reflexivity. reflexivity.
  Qed.

  (* The next guest of a slot has asked for nothing, and measured nothing. *)
  Theorem a_new_guest_has_asked_nothing : forall r h w,
    fst (step r (Host (Make_vcpu h)) w) = Said Ok [] ->
    req (vms (snd (step r (Host (Make_vcpu h)) w)) (id_of h)) = fresh.
  Proof.
    intros r h w. simpl. unfold in_phase. destruct (enter h Built w); try discriminate.
    cbn [fst snd]. rewrite vms_put, Z.eqb_refl. destruct (ready _); [discriminate|reflexivity].
  Qed.

End Attest.

(* ---- an example: none of this is true because nothing ever happens ---- *)

Definition example_root : root := mkRoot [1; 2; 3; 4] [5; 6; 7; 8] [201; 202] [9; 9; 9; 9].

Definition example_calls : list call :=
  let g := handle_of 1 1 in let k := handle_of 2 1 in
  [Host (Create 1); Host (Make_vcpu g); Host (Personalise g (repeat 3 8)); Host (Start g (repeat 5 4));
   Host (Create 2); Host (Make_vcpu k); Host (Start k (repeat 9 4));
   Guest 1 (Ask (repeat 7 8)); Guest 1 (Read_answer 0); Guest 2 Begin; Guest 1 (Read_answer 0);
   Guest 2 (Next 0); Guest 2 (Read_request g 1 0);
   Guest 2 (Write_answer g 1 0 97 (repeat 11 96)); Guest 1 (Read_answer 0);
   Guest 2 (Write_answer g 1 96 97 (repeat 12 96)); Guest 1 (Read_answer 96)].

(* Two guests, of which the second is the keeper: the first asks, waits, and has its
   token, which ends with the chain; the keeper alone has the secrets. *)
Theorem a_token_is_made :
  map (fun n => fst (step 2 (fun a _ => a) example_root (nth n example_calls (Guest 0 Begin))
                       (run 2 (fun a _ => a) example_root (firstn n example_calls) boot)))
    [7; 8; 9; 10; 11; 12; 14; 16]%nat =
  [Said Ok []; Said No_vm []; Said Ok [1; 2; 3; 4; 5; 6; 7; 8; 2]; Said Again [];
   Said Ok [1; handle_of 1 1; 1]; Said Ok (repeat 7 8 ++ repeat 3 8); Said Again [];
   Said Ok (99 :: [12; 201; 202] ++ repeat 0 93)].
Proof. vm_compute. reflexivity. Qed.
