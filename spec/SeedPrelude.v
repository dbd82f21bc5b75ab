(* The vocabulary in which the seed's section of definitions is written,
   bound to our state and page-level operations.  The build compiles that
   section, unchanged, after this file. *)

From Coq Require Import ZArith Bool List.
From Cordon Require Import ZMap.
From Cordon Require State Page.
Local Open Scope Z_scope.

(* A 64-bit argument, marked as such. *)
Inductive Z64 : Set := VZ64 (z : Z).

Notation "'rely' a ; b" := (if a then b else None)
  (at level 200, a at level 100, b at level 200, only parsing).

Notation "'when' x == a ; b" :=
  (match a with Some x => b | None => None end)
  (at level 200, x name, a at level 100, b at level 200, only parsing).

Notation "'when' x , y == a ; b" :=
  (match a with Some (x, y) => b | None => None end)
  (at level 200, x name, y name, a at level 100, b at level 200, only parsing).

Notation "'when'' x , y == a ; b" :=
  (match a with Some (VZ64 x, y) => b | None => None end)
  (at level 200, x name, y name, a at level 100, b at level 200, only parsing).

Notation RData := State.State.
Notation PAGE_SIZE := 4096.
Notation PTRS_PER_PMD := 512.
Notation PMD_PAGE_NUM := 512.

Definition is_vm := State.is_vm.
Definition is_vmid := State.is_vmid.
Definition is_pfn := State.is_pfn.
Definition is_gfn := State.is_gfn.
Definition is_addr := State.is_addr.
Definition is_int := State.is_int.
Definition is_int64 := State.is_int64.
Definition phys_page := State.phys_page.

Definition clear_vm_page_spec (v : Z) (p : Z64) (s : RData) : option RData :=
  match p with VZ64 p => Page.clear_vm_page v p s end.

Definition assign_pfn_to_vm_spec (v : Z) (g p : Z64) (s : RData)
  : option RData :=
  match g, p with VZ64 g, VZ64 p => Page.assign_pfn_to_vm v g p s end.

Definition map_pfn_vm_spec (v : Z) (addr pte : Z64) (level : Z) (s : RData)
  : option RData :=
  match addr, pte with
  | VZ64 addr, VZ64 pte => Page.map_pfn_vm v addr pte level s
  end.

Definition walk_s2pt_spec (v : Z) (addr : Z64) (s : RData)
  : option (Z64 * RData) :=
  match addr with VZ64 addr => Some (VZ64 (Page.walk_s2pt v addr s), s) end.

Definition get_level_s2pt_spec (v : Z) (addr : Z64) (s : RData)
  : option (Z * RData) :=
  match addr with VZ64 addr => Some (Page.get_level_s2pt v addr s, s) end.

Definition grant_vm_page_spec (v : Z) (p : Z64) (s : RData) : option RData :=
  match p with VZ64 p => Page.grant_vm_page v p s end.

Definition revoke_vm_page_spec (v : Z) (p : Z64) (s : RData) : option RData :=
  match p with VZ64 p => Page.revoke_vm_page v p s end.
