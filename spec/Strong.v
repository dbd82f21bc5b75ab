(* What Cordon really does.

   [step c s] is the answer to operation [c] in state [s] and the state after
   it.  Against the seed's operations (SeedOps.v), the strengthenings S1 to S11
   of the semantics are built in: nothing halts, a refusal has a reason and
   changes nothing, a mapping lasts until it is taken away, pending frames are
   a state of their own, clearing takes everything back.

   Checks come in one order, and the first that fails gives the reason: ranges
   of arguments, emptiness, alignment, existence of the VM, state. *)

From Coq Require Import ZArith Bool List.
From Cordon Require Import ZMap State Page.
Local Open Scope Z_scope.

Inductive reason :=
| NoVm          (* no such virtual machine *)
| Private       (* the host may not have this frame *)
| Shared        (* a device still maps it *)
| Owned         (* the frame belongs to somebody else, or is not RAM *)
| OtherGfn      (* the VM has it already, under another guest frame *)
| AlreadyMapped (* the guest frame maps something else *)
| Unaligned
| OutOfRange
| Empty
| IsRam         (* a device mapping of RAM *)
| BadDevice.    (* no such device, or it does not belong to that principal *)

Inductive result :=
| Ok
| Counted (changed skipped : Z)
| Refused (r : reason)
| Read_value (x : Z)
| Fault.

Inductive op :=
| CreateVm (v : Z)
| HostFault (addr : Z)
| ProtAndMap (v addr pte level : Z)
| Grant (v addr size : Z)
| Revoke (v addr size : Z)
| Clear (v pfn num : Z)
| MapIo (v gpa pa : Z)
| Write (who addr x : Z)
| Read (who addr : Z)
| DevAttach (d v : Z)
| DevAssign (v gfn pfn : Z)
| DevMap (v d iova pte : Z)
| DevUnmap (d iova : Z).

Definition aligned (a : Z) : bool := a mod PAGE =? 0.
Definition BLOCK_NAT : nat := Z.to_nat BLOCK_PAGES.

(* ------------------------------------------------------------------ *)
(* The host's table                                                    *)

(* The host may map a frame that is not RAM, one of its own, or one that its
   VM has granted: never a pending one (S6, S7). *)
Definition may_host (s : State) (p : Z) : bool :=
  let r := frame_at s p in
  (f_owner r =? INVALID) || (f_owner r =? HOST)
  || ((0 <? f_count r) && negb (f_pending r)).

Definition host_entry (s : State) (p : Z) : entry :=
  if owner s p =? INVALID then device_entry p else page_entry p.

Definition host_fault (addr : Z) (s : State) : result * State :=
  if negb (is_paddr addr) then (Refused OutOfRange, s) else
  let p := addr / PAGE in
  if may_host s p
  then (Ok, set_entry HOST p (host_entry s p) s)
  else (Refused Private, s).

(* ------------------------------------------------------------------ *)
(* Entries in bulk                                                     *)

(* Make N(v)[x], ..., N(v)[x + n - 1] what [f] says. *)
Definition put (v : Z) (f : Z -> option entry) (g : Z) (s : State) : State :=
  match f g with
  | Some e => set_entry v g e s
  | None => del_entry v g s
  end.

Definition put_entries (v : Z) (f : Z -> option entry) (n : nat) (x : Z)
    (s : State) : State :=
  each n x (put v f) s.

Definition as_block (b p g : Z) : option entry := Some (block_entry p (g - b)).

Definition as_page (s : State) (v g : Z) : option entry :=
  match lookup s v g with
  | Some e => Some (page_entry (e_pfn e))
  | None => None
  end.

(* A block becomes 512 pages; what it maps stays the same. *)
Definition split (v g : Z) (s : State) : State :=
  put_entries v (as_page s v) BLOCK_NAT (block_base g) s.

(* ------------------------------------------------------------------ *)
(* Giving frames to a VM                                               *)

(* Why frame [p] cannot become guest frame [g] of [v], if it cannot. *)
Definition assign_refusal (s : State) (v g p : Z) : option reason :=
  let r := frame_at s p in
  if f_owner r =? HOST then
    if f_count r =? 0 then None else Some Shared
  else if f_owner r =? v then
    if (f_gfn r =? NO_GFN) || (f_gfn r =? g) then None else Some OtherGfn
  else Some Owned.

Fixpoint first_refusal (n : nat) (i : Z) (f : Z -> option reason)
  : option reason :=
  match n with
  | O => None
  | S n' =>
    match f i with
    | Some r => Some r
    | None => first_refusal n' (i + 1) f
    end
  end.

(* A frame from the host, or a pending one, leaves the host's table. *)
Definition assign (v g p : Z) (s : State) : State :=
  let r := frame_at s p in
  let fresh := (f_owner r =? HOST) || f_pending r in
  set_frame p (mkFrame v (if fresh then 0 else f_count r) false g)
    (if fresh then del_entry HOST p s else s).

Definition assign_all (v g p : Z) (n : nat) (s : State) : State :=
  each n 0 (fun i => assign v (g + i) (p + i)) s.

(* Does N(v)[g] map frame [p] as normal memory? *)
Definition maps_normal (s : State) (v g p : Z) : bool :=
  match lookup s v g with
  | Some e =>
    (e_pfn e =? p) && match e_kind e with Normal => true | Device => false end
  | None => false
  end.

Definition unmapped (s : State) (v g : Z) : bool :=
  match lookup s v g with Some _ => false | None => true end.

Definition level_at (s : State) (v g : Z) : Z :=
  match lookup s v g with Some e => e_level e | None => 0 end.

Definition map_page (v g p : Z) (s : State) : result * State :=
  if unmapped s v g then
    match assign_refusal s v g p with
    | Some r => (Refused r, s)
    | None => (Ok, set_entry v g (page_entry p) (assign v g p s))
    end
  else if maps_normal s v g p then (Ok, s)
  else (Refused AlreadyMapped, s).

Definition map_block (v b p : Z) (s : State) : result * State :=
  if all_pages BLOCK_NAT 0 (fun i => unmapped s v (b + i)) then
    match first_refusal BLOCK_NAT 0
            (fun i => assign_refusal s v (b + i) (p + i)) with
    | Some r => (Refused r, s)
    | None =>
      (Ok, put_entries v (as_block b p) BLOCK_NAT b
             (assign_all v b p BLOCK_NAT s))
    end
  else if all_pages BLOCK_NAT 0 (fun i => maps_normal s v (b + i) (p + i))
  then
    if level_at s v b =? 2 then (Ok, s)
    else (Ok, put_entries v (as_block b p) BLOCK_NAT b s)
  else (Refused AlreadyMapped, s).

Definition prot_and_map (v addr pte level : Z) (s : State) : result * State :=
  let p := phys_page pte / PAGE in
  let g := addr / PAGE in
  if negb (is_addr addr && is_int64 pte && is_pfn p)
  then (Refused OutOfRange, s)
  else if (level =? 2) && negb (p mod BLOCK_PAGES =? 0)
  then (Refused Unaligned, s)
  else if negb (vm_exists s v) then (Refused NoVm, s)
  else if level =? 2 then map_block v (block_base g) p s
  else map_page v g p s.

(* ------------------------------------------------------------------ *)
(* Grants                                                              *)

(* One page of a range: the state after it, or [None]: skipped. *)
Definition grant_page (v p : Z) (s : State) : option State :=
  let r := frame_at s p in
  if (f_owner r =? v) && (f_count r <? MAX_GRANTS) && negb (f_pending r)
  then Some (set_frame p (mkFrame v (f_count r + 1) false (f_gfn r)) s)
  else None.

Definition revoke_page (v p : Z) (s : State) : option State :=
  let r := frame_at s p in
  if (f_owner r =? v) && (0 <? f_count r) && negb (f_pending r)
  then Some (set_frame p (mkFrame v (f_count r - 1) false (f_gfn r))
               (if f_count r =? 1 then del_entry HOST p s else s))
  else None.

(* The page-level operation on the frame that the VM's table gives. *)
Definition share_at (f : Z -> Z -> State -> option State) (v g : Z) (s : State)
  : option State :=
  match lookup s v g with
  | None => None
  | Some e => f v (e_pfn e) s
  end.

(* Number of pages changed so far, and the state. *)
Definition count_step (f : Z -> State -> option State) (x : Z)
    (a : Z * State) : Z * State :=
  match f x (snd a) with
  | None => a
  | Some s' => (fst a + 1, s')
  end.

Definition counted (f : Z -> State -> option State) (n x : Z) (s : State)
  : result * State :=
  let a := each (Z.to_nat n) x (count_step f) (0, s) in
  (Counted (fst a) (n - fst a), snd a).

Definition pages_of (size : Z) : Z := (size + (PAGE - 1)) / PAGE.

Definition share (f : Z -> Z -> State -> option State) (v addr size : Z)
    (s : State) : result * State :=
  if negb ((0 <=? size) && is_addr addr && (addr + size <=? GUEST_LIMIT))
  then (Refused OutOfRange, s)
  else if size =? 0 then (Refused Empty, s)
  else if negb (aligned addr) then (Refused Unaligned, s)
  else if negb (vm_exists s v) then (Refused NoVm, s)
  else counted (share_at f v) (pages_of size) (addr / PAGE) s.

(* ------------------------------------------------------------------ *)
(* Clearing                                                            *)

(* Take frame [p] out of the VM's own table; the rest of a block goes on as
   pages. *)
Definition unmap_vm (v g p : Z) (s : State) : State :=
  match lookup s v g with
  | Some e =>
    if e_pfn e =? p
    then del_entry v g (if e_level e =? 2 then split v g s else s)
    else s
  | None => s
  end.

(* Take frame [p] out of every device table that maps it at [i]. *)
Definition unmap_row (i p : Z) (t : ZMap.t Z) : ZMap.t Z :=
  match ZMap.get i t with
  | Some q => if q =? p then ZMap.del i t else t
  | None => t
  end.

Definition unmap_devices (i p : Z) (s : State) : State :=
  with_dev_tables (ZMap.map (unmap_row i p) (dev_tables s)) s.

Definition clear_page (v p : Z) (s : State) : option State :=
  let r := frame_at s p in
  if f_owner r =? v then
    Some (set_frame p (mkFrame HOST 0 false p)
            (zero_frame p
              (del_entry HOST p
                (unmap_devices (f_gfn r) p
                  (unmap_vm v (f_gfn r) p s)))))
  else None.

Definition clear (v p n : Z) (s : State) : result * State :=
  if negb (is_pfn p && (0 <=? n) && (p + n <=? PFN_LIMIT))
  then (Refused OutOfRange, s)
  else if negb (vm_exists s v) then (Refused NoVm, s)
  else counted (clear_page v) n p s.

(* ------------------------------------------------------------------ *)
(* Device memory in a VM's table                                       *)

Definition map_io (v gpa pa : Z) (s : State) : result * State :=
  let g := gpa / PAGE in
  let p := pa / PAGE in
  if negb (is_addr gpa && is_paddr pa) then (Refused OutOfRange, s)
  else if negb (aligned gpa && aligned pa) then (Refused Unaligned, s)
  else if negb (vm_exists s v) then (Refused NoVm, s)
  else if negb (owner s p =? INVALID) then (Refused IsRam, s)
  else match lookup s v g with
       | None => (Ok, set_entry v g (device_entry p) s)
       | Some e => if e_pfn e =? p then (Ok, s) else (Refused AlreadyMapped, s)
       end.

(* ------------------------------------------------------------------ *)
(* Loads and stores                                                    *)

(* The entry through which [who] reaches [addr], and the state after a host
   fault that this took. *)
Definition reach (who addr : Z) (s : State) : option entry * State :=
  match lookup s who (addr / PAGE) with
  | Some e => (Some e, s)
  | None =>
    if who =? HOST then
      match host_fault addr s with
      | (Ok, s') => (lookup s' HOST (addr / PAGE), s')
      | _ => (None, s)
      end
    else (None, s)
  end.

Definition reachable_addr (who addr : Z) : bool :=
  if who =? HOST then is_paddr addr else is_addr addr.

Definition access (who addr : Z) (s : State)
    (f : entry -> State -> result * State) : result * State :=
  if negb (reachable_addr who addr) then (Refused OutOfRange, s)
  else if negb (addr mod 8 =? 0) then (Refused Unaligned, s)
  else if negb ((who =? HOST) || vm_exists s who) then (Refused NoVm, s)
  else match reach who addr s with
       | (Some e, s') => f e s'
       | (None, _) => (Fault, s)
       end.

Definition word_index (addr : Z) : Z := addr mod PAGE / 8.

Definition write (who addr x : Z) (s : State) : result * State :=
  access who addr s (fun e s =>
    match e_kind e with
    | Normal => (Ok, set_word (e_pfn e) (word_index addr) x s)
    | Device => (Ok, s)
    end).

Definition read (who addr : Z) (s : State) : result * State :=
  access who addr s (fun e s =>
    match e_kind e with
    | Normal => (Read_value (word s (e_pfn e) (word_index addr)), s)
    | Device => (Read_value 0, s)
    end).

(* ------------------------------------------------------------------ *)
(* Device tables                                                       *)

Definition DEVICES : Z := 256.
Definition is_device (d : Z) : bool := (0 <=? d) && (d <? DEVICES).

Definition dev_empty (s : State) (d : Z) : bool :=
  match ZMap.bindings (row d (dev_tables s)) with
  | nil => true
  | _ => false
  end.

Definition principal (s : State) (v : Z) : bool :=
  (v =? HOST) || vm_exists s v.

(* A device changes hands only with an empty table. *)
Definition dev_attach (d v : Z) (s : State) : result * State :=
  if negb (is_device d) then (Refused BadDevice, s)
  else if negb (principal s v) then (Refused NoVm, s)
  else if negb (dev_empty s d) then (Refused AlreadyMapped, s)
  else (Ok, with_dev_owner (ZMap.set d v (dev_owner s)) s).

Definition dev_assign (v g p : Z) (s : State) : result * State :=
  if negb (is_gfn g && is_pfn p) then (Refused OutOfRange, s)
  else if negb (vm_exists s v) then (Refused NoVm, s)
  else
    let r := frame_at s p in
    if f_owner r =? HOST then
      if f_count r =? 0
      then (Ok, set_frame p (mkFrame v 0 true g) (del_entry HOST p s))
      else (Refused Shared, s)
    else if f_owner r =? v then (Ok, s)
    else (Refused Owned, s).

Definition dev_map (v d iova pte : Z) (s : State) : result * State :=
  let p := phys_page pte / PAGE in
  let i := iova / PAGE in
  if negb (is_addr iova && is_int64 pte && is_pfn p)
  then (Refused OutOfRange, s)
  else if negb (aligned iova) then (Refused Unaligned, s)
  else if negb (principal s v) then (Refused NoVm, s)
  else if negb (is_device d && (owner_of_device s d =? v))
  then (Refused BadDevice, s)
  else
    let r := frame_at s p in
    if negb (f_owner r =? v) then (Refused Owned, s)
    else if negb (f_gfn r =? i) then (Refused OtherGfn, s)
    else match dev_lookup s d i with
         | Some q => if q =? p then (Ok, s) else (Refused AlreadyMapped, s)
         | None =>
           (Ok, let s' := set_dev d i p s in
                if v =? HOST
                then set_frame p (mkFrame HOST (f_count r + 1) false p) s'
                else s')
         end.

Definition dev_unmap (d iova : Z) (s : State) : result * State :=
  let i := iova / PAGE in
  if negb (is_addr iova) then (Refused OutOfRange, s)
  else if negb (aligned iova) then (Refused Unaligned, s)
  else if negb (is_device d) then (Refused BadDevice, s)
  else match dev_lookup s d i with
       | None => (Ok, s)
       | Some p =>
         let r := frame_at s p in
         (Ok, let s' := del_dev d i s in
              if (f_owner r =? HOST) && (0 <? f_count r)
              then set_frame p (mkFrame HOST (f_count r - 1) false p) s'
              else s')
       end.

(* ------------------------------------------------------------------ *)

Definition create_vm (v : Z) (s : State) : result * State :=
  if is_vm v && negb (vm_exists s v)
  then (Ok, with_vms (ZMap.set v true (vms s)) s)
  else (Refused NoVm, s).

Definition step (c : op) (s : State) : result * State :=
  match c with
  | CreateVm v => create_vm v s
  | HostFault addr => host_fault addr s
  | ProtAndMap v addr pte level => prot_and_map v addr pte level s
  | Grant v addr size => share grant_page v addr size s
  | Revoke v addr size => share revoke_page v addr size s
  | Clear v p n => clear v p n s
  | MapIo v gpa pa => map_io v gpa pa s
  | Write who addr x => write who addr x s
  | Read who addr => read who addr s
  | DevAttach d v => dev_attach d v s
  | DevAssign v g p => dev_assign v g p s
  | DevMap v d iova pte => dev_map v d iova pte s
  | DevUnmap d iova => dev_unmap d iova s
  end.

(* The state after a sequence of operations, and all the answers. *)
Fixpoint run (cs : list op) (s : State) : list result * State :=
  match cs with
  | nil => (nil, s)
  | c :: cs' =>
    let a := step c s in
    let b := run cs' (snd a) in
    (fst a :: fst b, snd b)
  end.
