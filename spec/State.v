(* The abstract state: who owns each frame, what every table maps, what
   memory holds.

   Numbers are unbounded integers.  Physical frame numbers (pfn), guest frame
   numbers (gfn) and principals are all of type Z; the comments say which. *)

From Coq Require Import ZArith Bool List.
From Cordon Require Import ZMap.
Local Open Scope Z_scope.

(* ------------------------------------------------------------------ *)
(* Constants                                                           *)

Definition PAGE : Z := 4096.
Definition BLOCK_PAGES : Z := 512.          (* pages in a 2 MiB block *)
Definition PFN_LIMIT : Z := 2 ^ 28.         (* physical addresses < 2^40 *)
Definition GFN_LIMIT : Z := 2 ^ 36.         (* guest addresses < 2^48 *)
Definition PHYS_LIMIT : Z := 2 ^ 40.
Definition GUEST_LIMIT : Z := 2 ^ 48.
Definition MAX_GRANTS : Z := 100.

(* Principals: the host, virtual machines 1 to 255, Cordon itself, and
   "nobody" for what is not RAM. *)
Definition HOST : Z := 0.
Definition LAST_VM : Z := 255.
Definition CORE : Z := 256.
Definition INVALID : Z := 2 ^ 32 - 1.

(* A frame record of a VM that names no guest frame yet. *)
Definition NO_GFN : Z := 2 ^ 64 - 1.

(* Attribute bits of an entry, as the abstract tables keep them. *)
Definition ATTR_NORMAL : Z := 4095.                  (* 0xFFF *)
Definition ATTR_DEVICE : Z := 18014398509483847.     (* 0x40000000000747 *)

(* The output address of an entry: bits 47 to 12. *)
Definition phys_page (x : Z) : Z := x mod 2 ^ 48 / PAGE * PAGE.

Definition is_vm (v : Z) : bool := (0 <? v) && (v <=? LAST_VM).
Definition is_vmid (v : Z) : bool := (0 <=? v) && (v <=? CORE).
Definition is_pfn (p : Z) : bool := (0 <=? p) && (p <? PFN_LIMIT).
Definition is_gfn (g : Z) : bool := (0 <=? g) && (g <? GFN_LIMIT).
Definition is_addr (a : Z) : bool := (0 <=? a) && (a <? GUEST_LIMIT).
Definition is_paddr (a : Z) : bool := (0 <=? a) && (a <? PHYS_LIMIT).
Definition is_int (x : Z) : bool := (0 <=? x) && (x <? 2 ^ 32).
Definition is_int64 (x : Z) : bool := (0 <=? x) && (x <? 2 ^ 64).

(* ------------------------------------------------------------------ *)
(* Records                                                             *)

(* One record for each physical frame.  [f_count] is, for a host frame, the
   number of device tables that map it, and for a VM frame the number of
   grants to the host that are outstanding.  [f_pending]: handed to the VM
   through the device path and not yet claimed by it. *)
Record frame := mkFrame {
  f_owner : Z;
  f_count : Z;
  f_pending : bool;
  f_gfn : Z
}.

Inductive kind := Normal | Device.

(* What a table says about one guest frame number.  A 2 MiB block is 512 such
   entries with level 2, each with its own frame number in [e_pfn] and all
   with the same descriptor in [e_pte]. *)
Record entry := mkEntry {
  e_pfn : Z;
  e_level : Z;
  e_pte : Z;
  e_kind : kind
}.

(* A run of frames: first frame number and length. *)
Record region := mkRegion { r_first : Z; r_frames : Z }.

Record State := mkState {
  halted : bool;                  (* the seed's machine-wide halt flag *)
  ram : list region;              (* what is RAM *)
  core : list region;             (* what of it belongs to Cordon *)
  vms : ZMap.t bool;              (* the virtual machines that exist *)
  frames : ZMap.t frame;          (* records that differ from those at boot *)
  tables : ZMap.t (ZMap.t entry); (* principal -> gfn -> entry *)
  memory : ZMap.t (ZMap.t Z);     (* pfn -> word index -> value *)
  dev_owner : ZMap.t Z;           (* device -> principal; the host by default *)
  dev_tables : ZMap.t (ZMap.t Z)  (* device -> iova page -> pfn *)
}.

(* ------------------------------------------------------------------ *)
(* Reading the state                                                   *)

Definition in_region (p : Z) (r : region) : bool :=
  (r_first r <=? p) && (p <? r_first r + r_frames r).

Definition in_regions (p : Z) (l : list region) : bool :=
  existsb (in_region p) l.

(* The record of a frame before any operation. *)
Definition boot_frame (s : State) (p : Z) : frame :=
  if in_regions p (core s) then mkFrame CORE 0 false p
  else if in_regions p (ram s) then mkFrame HOST 0 false p
  else mkFrame INVALID 0 false p.

Definition frame_at (s : State) (p : Z) : frame :=
  match ZMap.get p (frames s) with
  | Some r => r
  | None => boot_frame s p
  end.

Definition owner (s : State) (p : Z) : Z := f_owner (frame_at s p).

(* The two-level maps: tables, memory, device tables. *)
Definition get2 {A : Type} (i j : Z) (m : ZMap.t (ZMap.t A)) : option A :=
  match ZMap.get i m with
  | None => None
  | Some t => ZMap.get j t
  end.

Definition row {A : Type} (i : Z) (m : ZMap.t (ZMap.t A)) : ZMap.t A :=
  match ZMap.get i m with
  | None => ZMap.empty
  | Some t => t
  end.

Definition set2 {A : Type} (i j : Z) (a : A) (m : ZMap.t (ZMap.t A))
  : ZMap.t (ZMap.t A) :=
  ZMap.set i (ZMap.set j a (row i m)) m.

Definition del2 {A : Type} (i j : Z) (m : ZMap.t (ZMap.t A))
  : ZMap.t (ZMap.t A) :=
  match ZMap.get i m with
  | None => m
  | Some t => ZMap.set i (ZMap.del j t) m
  end.

(* What the table of principal [v] says about guest frame [g]. *)
Definition lookup (s : State) (v g : Z) : option entry := get2 v g (tables s).

(* Word [i] (0 to 511) of frame [p]; memory starts as zeros. *)
Definition word (s : State) (p i : Z) : Z :=
  match get2 p i (memory s) with
  | None => 0
  | Some x => x
  end.

Definition vm_exists (s : State) (v : Z) : bool :=
  is_vm v && match ZMap.get v (vms s) with Some b => b | None => false end.

Definition owner_of_device (s : State) (d : Z) : Z :=
  match ZMap.get d (dev_owner s) with
  | None => HOST
  | Some v => v
  end.

Definition dev_lookup (s : State) (d i : Z) : option Z :=
  get2 d i (dev_tables s).

(* ------------------------------------------------------------------ *)
(* Changing the state                                                  *)

Definition halt (s : State) : State :=
  mkState true (ram s) (core s) (vms s) (frames s) (tables s) (memory s)
          (dev_owner s) (dev_tables s).

Definition with_vms (x : ZMap.t bool) (s : State) : State :=
  mkState (halted s) (ram s) (core s) x (frames s) (tables s) (memory s)
          (dev_owner s) (dev_tables s).

Definition with_frames (x : ZMap.t frame) (s : State) : State :=
  mkState (halted s) (ram s) (core s) (vms s) x (tables s) (memory s)
          (dev_owner s) (dev_tables s).

Definition with_tables (x : ZMap.t (ZMap.t entry)) (s : State) : State :=
  mkState (halted s) (ram s) (core s) (vms s) (frames s) x (memory s)
          (dev_owner s) (dev_tables s).

Definition with_memory (x : ZMap.t (ZMap.t Z)) (s : State) : State :=
  mkState (halted s) (ram s) (core s) (vms s) (frames s) (tables s) x
          (dev_owner s) (dev_tables s).

Definition with_dev_owner (x : ZMap.t Z) (s : State) : State :=
  mkState (halted s) (ram s) (core s) (vms s) (frames s) (tables s) (memory s)
          x (dev_tables s).

Definition with_dev_tables (x : ZMap.t (ZMap.t Z)) (s : State) : State :=
  mkState (halted s) (ram s) (core s) (vms s) (frames s) (tables s) (memory s)
          (dev_owner s) x.

Definition set_frame (p : Z) (r : frame) (s : State) : State :=
  with_frames (ZMap.set p r (frames s)) s.

Definition set_entry (v g : Z) (e : entry) (s : State) : State :=
  with_tables (set2 v g e (tables s)) s.

Definition del_entry (v g : Z) (s : State) : State :=
  with_tables (del2 v g (tables s)) s.

Definition zero_frame (p : Z) (s : State) : State :=
  with_memory (ZMap.del p (memory s)) s.

Definition set_word (p i x : Z) (s : State) : State :=
  with_memory (set2 p i x (memory s)) s.

Definition set_dev (d i p : Z) (s : State) : State :=
  with_dev_tables (set2 d i p (dev_tables s)) s.

Definition del_dev (d i : Z) (s : State) : State :=
  with_dev_tables (del2 d i (dev_tables s)) s.

(* The machine before the first operation. *)
Definition boot (ram_regions core_regions : list region) : State :=
  mkState false ram_regions core_regions ZMap.empty ZMap.empty ZMap.empty
          ZMap.empty ZMap.empty ZMap.empty.

(* [each n x f a]: f at x, then at x + 1, ..., n times. *)
Fixpoint each {A : Type} (n : nat) (x : Z) (f : Z -> A -> A) (a : A) : A :=
  match n with
  | O => a
  | S n' => each n' (x + 1) f (f x a)
  end.

(* Does [f] hold for x, x + 1, ..., x + n - 1? *)
Fixpoint all_pages (n : nat) (x : Z) (f : Z -> bool) : bool :=
  match n with
  | O => true
  | S n' => if f x then all_pages n' (x + 1) f else false
  end.
