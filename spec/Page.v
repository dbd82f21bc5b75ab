(* The page-level operations of the seed's system, each one atomic.

   An operation takes a state to [Some] state, or to [None] where it is
   undefined: a principal or frame number out of its range.  Where that system
   stops the whole machine, the halt flag is set; from then on every operation
   leaves the state alone.  What Cordon does instead is in Strong.v. *)

From Coq Require Import ZArith Bool List.
From Cordon Require Import ZMap State.
Local Open Scope Z_scope.

(* Run [body] when the machine is not halted and the arguments are in range. *)
Definition page_op (args_ok : bool) (s : State) (body : option State)
  : option State :=
  if halted s then Some s else if args_ok then body else None.

(* In this world "pending" is a count of INVALID. *)
Definition PENDING_COUNT : Z := INVALID.

(* The entries that a mapping writes. *)
Definition page_entry (p : Z) : entry :=
  mkEntry p 3 (p * PAGE + ATTR_NORMAL) Normal.

Definition device_entry (p : Z) : entry :=
  mkEntry p 3 (p * PAGE + ATTR_DEVICE) Device.

(* Entry number [i] of a block that starts at frame [p]. *)
Definition block_entry (p i : Z) : entry :=
  mkEntry (p + i) 2 (p * PAGE + ATTR_NORMAL) Normal.

Definition block_base (g : Z) : Z := g / BLOCK_PAGES * BLOCK_PAGES.

(* The host touched [addr] and its table has nothing there. *)
Definition map_page_host (addr : Z) (s : State) : option State :=
  let p := addr / PAGE in
  page_op (is_pfn p) s (Some (
    let r := frame_at s p in
    if f_owner r =? INVALID then set_entry HOST p (device_entry p) s
    else if (f_owner r =? HOST) || (0 <? f_count r)
    then set_entry HOST p (page_entry p) s
    else halt s)).

(* Take a frame from [v], zeroed, back to the host. *)
Definition clear_vm_page (v p : Z) (s : State) : option State :=
  page_op (is_vmid v && is_pfn p) s (Some (
    if owner s p =? v
    then set_frame p (mkFrame HOST 0 false p)
           (zero_frame p (del_entry HOST p s))
    else s)).

(* Make [v] the owner of [p], as its guest frame [g]. *)
Definition assign_pfn_to_vm (v g p : Z) (s : State) : option State :=
  page_op (is_vmid v && is_gfn g && is_pfn p) s (Some (
    let r := frame_at s p in
    if f_owner r =? HOST then
      if f_count r =? 0
      then set_frame p (mkFrame v 0 false g) (del_entry HOST p s)
      else halt s
    else if (f_owner r =? v) && ((f_gfn r =? NO_GFN) || (f_gfn r =? g)) then
      let c := if f_count r =? PENDING_COUNT then 0 else f_count r in
      set_frame p (mkFrame v c false g) s
    else halt s)).

(* Write a page, or the 512 entries of a block, to the table of [v]. *)
Definition map_pfn_vm (v addr pte level : Z) (s : State) : option State :=
  page_op (is_vmid v && is_addr addr) s (Some (
    let p := phys_page pte / PAGE in
    let g := addr / PAGE in
    if level =? 2 then
      each (Z.to_nat BLOCK_PAGES) 0
           (fun i => set_entry v (block_base g + i) (block_entry p i)) s
    else set_entry v g (page_entry p) s)).

Definition map_vm_io (v gpa pa : Z) (s : State) : option State :=
  page_op (is_vmid v && is_addr gpa && is_paddr pa) s (Some (
    let p := pa / PAGE in
    if owner s p =? INVALID
    then set_entry v (gpa / PAGE) (device_entry p) s
    else s)).

Definition grant_vm_page (v p : Z) (s : State) : option State :=
  page_op (is_vmid v) s (Some (
    let r := frame_at s p in
    if (f_owner r =? v) && (f_count r <? MAX_GRANTS)
    then set_frame p (mkFrame v (f_count r + 1) (f_pending r) (f_gfn r)) s
    else s)).

Definition revoke_vm_page (v p : Z) (s : State) : option State :=
  page_op (is_vmid v) s (Some (
    let r := frame_at s p in
    if (f_owner r =? v) && (0 <? f_count r)
    then set_frame p (mkFrame v (f_count r - 1) (f_pending r) (f_gfn r))
           (if f_count r =? 1 then del_entry HOST p s else s)
    else s)).

(* Hand a frame to [v] through the device path: pending until claimed. *)
Definition assign_pfn_to_smmu (v g p : Z) (s : State) : option State :=
  page_op (is_vmid v && is_gfn g && is_pfn p) s (Some (
    let r := frame_at s p in
    if f_owner r =? HOST then
      if f_count r =? 0
      then set_frame p (mkFrame v PENDING_COUNT false g) (del_entry HOST p s)
      else halt s
    else if f_owner r =? v then s
    else halt s)).

Definition update_smmu_page (v d iova pte : Z) (s : State) : option State :=
  page_op (is_vmid v && is_addr iova) s (Some (
    let p := phys_page pte / PAGE in
    let r := frame_at s p in
    if (f_owner r =? v) && (f_gfn r =? iova / PAGE) then
      let s' := set_dev d (iova / PAGE) p s in
      if f_owner r =? HOST
      then set_frame p (mkFrame HOST (f_count r + 1) false p) s'
      else s'
    else halt s)).

Definition unmap_smmu_page (d iova : Z) (s : State) : option State :=
  page_op (is_addr iova) s (Some (
    match dev_lookup s d (iova / PAGE) with
    | None => s
    | Some p =>
      let r := frame_at s p in
      let s' := del_dev d (iova / PAGE) s in
      if (f_owner r =? HOST) && (0 <? f_count r)
      then set_frame p (mkFrame HOST (f_count r - 1) false p) s'
      else s'
    end)).

(* What the table of [v] holds at a guest address: the descriptor (0 where
   nothing is mapped) and its level.  A halted machine answers 0. *)
Definition walk_s2pt (v addr : Z) (s : State) : Z :=
  if halted s then 0 else
  match lookup s v (addr / PAGE) with
  | None => 0
  | Some e => e_pte e
  end.

Definition get_level_s2pt (v addr : Z) (s : State) : Z :=
  if halted s then 0 else
  match lookup s v (addr / PAGE) with
  | None => 0
  | Some e => e_level e
  end.
