(* The four memory operations of the seed, in sequential form: first page
   first, one page-level operation after another.

   [None] means undefined, as on the page level.  SeedEqual.v (built only where
   the seed's own text is at hand) proves these equal to that text for all
   arguments and all states. *)

From Coq Require Import ZArith Bool List.
From Cordon Require Import ZMap State Page.
Local Open Scope Z_scope.

(* [steps n x d f]: f at x, x + d, x + 2d, ..., n times; undefined as soon as
   one of them is. *)
Fixpoint steps (n : nat) (x d : Z) (f : Z -> State -> option State) (s : State)
  : option State :=
  match n with
  | O => Some s
  | S n' =>
    match f x s with
    | None => None
    | Some s' => steps n' (x + d) d f s'
    end
  end.

Definition require (b : bool) (x : option State) : option State :=
  if b then x else None.

(* Defined only if the whole range, one past its end included, fits. *)
Definition ending_in (b : bool) (x : option State) : option State :=
  match x with
  | Some s => if b then Some s else None
  | None => None
  end.

(* clear_vm_range: frames p, ..., p + n - 1 go from [v] back to the host. *)
Definition seed_clear (v p n : Z) (s : State) : option State :=
  require (is_pfn p && is_pfn n)
    (ending_in (is_int64 (p + Z.of_nat (Z.to_nat n)))
      (steps (Z.to_nat n) p 1
        (fun q s => require (is_pfn q) (clear_vm_page v q s)) s)).

(* prot_and_map_vm_s2pt: give [v] a page or a 2 MiB block and map it. *)
Definition seed_map (v addr pte level : Z) (s : State) : option State :=
  require (is_vmid v && is_addr addr)
    (let p := phys_page pte / PAGE in
     let g := addr / PAGE in
     if level =? 2 then
       let b := block_base g in
       match ending_in (is_int64 (b + BLOCK_PAGES) && is_int64 (p + BLOCK_PAGES))
               (steps (Z.to_nat BLOCK_PAGES) 0 1
                 (fun i s => require (is_gfn (b + i) && is_pfn (p + i))
                               (assign_pfn_to_vm v (b + i) (p + i) s)) s) with
       | None => None
       | Some s' => map_pfn_vm v addr pte 2 s'
       end
     else
       match assign_pfn_to_vm v g p s with
       | None => None
       | Some s' => map_pfn_vm v addr pte 3 s'
       end).

(* One page of a grant or a revoke, [op] being the page-level operation. *)
Definition seed_share_at (op : Z -> Z -> State -> option State)
    (v addr : Z) (s : State) : option State :=
  let pte := walk_s2pt v addr s in
  let level := get_level_s2pt v addr s in
  require (is_addr addr && is_int64 pte && is_int level)
    (if phys_page pte =? 0 then Some s
     else if level =? 2
     then op v (phys_page pte / PAGE + (addr / PAGE) mod BLOCK_PAGES) s
     else op v (phys_page pte / PAGE) s).

Definition seed_share (op : Z -> Z -> State -> option State)
    (v addr size : Z) (s : State) : option State :=
  require (is_vm v && is_addr addr && is_addr size)
    (let n := Z.to_nat ((size + (PAGE - 1)) / PAGE) in
     ending_in (is_int64 (addr + PAGE * Z.of_nat n))
       (steps n addr PAGE (seed_share_at op v) s)).

(* grant_stage2_sg_gpa and revoke_stage2_sg_gpa. *)
Definition seed_grant := seed_share grant_vm_page.
Definition seed_revoke := seed_share revoke_vm_page.
