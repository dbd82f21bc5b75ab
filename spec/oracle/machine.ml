(* Drives the functions extracted from the specification: set-up, one
   operation at a time, and the dump. *)

module S = Cordon_spec

type t = {
  mutable ram : (Z.t * Z.t) list;       (* first frame, number of frames *)
  mutable core : (Z.t * Z.t) list;
  mutable state : S.state option;       (* none until set-up is over *)
}

let create () = { ram = []; core = []; state = None }

let page = S.pAGE
let hex z = "0x" ^ Z.format "%x" z

let overlaps (a, n) (b, m) = Z.lt a (Z.add b m) && Z.lt b (Z.add a n)

(* ---- set-up ---- *)

let range what base size =
  let fail = Trace.fail in
  if not (Z.equal (Z.rem base page) Z.zero && Z.equal (Z.rem size page) Z.zero)
  then fail "%s %s %s is not page aligned: use multiples of 4096" what
      (hex base) (hex size)
  else if Z.equal size Z.zero then fail "%s at %s is empty" what (hex base)
  else if Z.gt (Z.add base size) S.pHYS_LIMIT
  then fail "%s %s %s ends above 2^40, where physical addresses end" what
      (hex base) (hex size)
  else (Z.div base page, Z.div size page)

let in_setup m what =
  if m.state <> None
  then Trace.fail "'%s' comes too late: put it before the first operation or vm"
      what

let add_ram m base size =
  in_setup m "ram";
  let r = range "ram" base size in
  if List.exists (overlaps r) m.ram
  then Trace.fail "ram at %s overlaps an earlier ram region" (hex base)
  else m.ram <- m.ram @ [r]

let inside (a, n) (b, k) = Z.leq b a && Z.leq (Z.add a n) (Z.add b k)

let add_core m base size =
  in_setup m "core";
  let r = range "core" base size in
  if not (List.exists (inside r) m.ram)
  then Trace.fail "core at %s is not inside one ram region given before it"
      (hex base)
  else if List.exists (overlaps r) m.core
  then Trace.fail "core at %s overlaps an earlier core range" (hex base)
  else m.core <- m.core @ [r]

let state m =
  match m.state with
  | Some s -> s
  | None ->
    if m.ram = [] then Trace.fail "no ram line comes before this operation";
    let regions = List.map (fun (a, n) ->
        { S.r_first = a; S.r_frames = n }) in
    let s = S.boot (regions m.ram) (regions m.core) in
    m.state <- Some s;
    s

(* ---- operations ---- *)

let reason = function
  | S.NoVm -> "no-vm"
  | S.Private -> "private"
  | S.Shared -> "shared"
  | S.Owned -> "owned"
  | S.OtherGfn -> "gfn"
  | S.AlreadyMapped -> "mapped"
  | S.Unaligned -> "unaligned"
  | S.OutOfRange -> "range"
  | S.Empty -> "empty"
  | S.IsRam -> "ram"
  | S.BadDevice -> "device"

let show = function
  | S.Ok -> "ok"
  | S.Counted (c, s) ->
    Printf.sprintf "ok changed=%s skipped=%s" (Z.to_string c) (Z.to_string s)
  | S.Refused r -> "refused " ^ reason r
  | S.Read_value x -> "value " ^ hex x
  | S.Fault -> "fault"

let perform m op =
  let (r, s) = S.step op (state m) in
  m.state <- Some s;
  r

let in_range a n (k, _) = Z.leq a k && Z.lt k (Z.add a n)

let keys l = List.sort Z.compare (List.map fst l)

let row i map =
  match List.find_opt (fun (k, _) -> Z.equal k i) (S.ZMap.bindings map) with
  | Some (_, t) -> S.ZMap.bindings t
  | None -> []

(* Ranges can be as large as the address space.  A frame that the VM does not
   own, and a guest frame that it does not map, is skipped and changes nothing;
   so for a large range only the others are visited, in the same order. *)
let large = Z.of_int 4096

let one_by_one m total ks op =
  let changed = List.fold_left (fun c k ->
      match perform m (op k) with
      | S.Counted (d, _) -> Z.add c d
      | _ -> c) Z.zero ks in
  S.Counted (changed, Z.sub total changed)

let clear m v p n =
  let s = state m in
  if Z.gt n large && S.is_pfn p && Z.leq (Z.add p n) S.pFN_LIMIT
     && S.vm_exists s v
  then
    let mine (k, r) = in_range p n (k, r) && Z.equal r.S.f_owner v in
    let ks = keys (List.filter mine (S.ZMap.bindings s.S.frames)) in
    one_by_one m n ks (fun k -> S.Clear (v, k, Z.one))
  else perform m (S.Clear (v, p, n))

let share m op v addr size =
  let s = state m in
  let n = Z.div (Z.add size (Z.pred page)) page in
  if Z.gt n large && S.is_addr addr
     && Z.leq (Z.add addr size) S.gUEST_LIMIT
     && Z.equal (Z.rem addr page) Z.zero && S.vm_exists s v
  then
    let g = Z.div addr page in
    let ks = keys (List.filter (in_range g n) (row v s.S.tables)) in
    one_by_one m n ks (fun k -> op (v, Z.mul k page, page))
  else perform m (op (v, addr, size))

let create_vm m v =
  if not (S.is_vm v)
  then Trace.fail "vm %s: an ID is 1 to 255" (Z.to_string v);
  match perform m (S.CreateVm v) with
  | S.Ok -> ()
  | _ -> Trace.fail "vm %s exists already" (Z.to_string v)

(* ---- the dump ---- *)

type frame_run = { f : Z.t; n : Z.t; who : Z.t; count : Z.t; gfn : Z.t option }

let next a n = Z.add a n

(* Replace neighbours that [join] joins. *)
let merge join l =
  let rec go acc cur = function
    | [] -> List.rev (cur :: acc)
    | b :: rest ->
      (match join cur b with
       | Some c -> go acc c rest
       | None -> go (cur :: acc) b rest)
  in
  match l with [] -> [] | a :: rest -> go [] a rest

let join_frames a b =
  let gfn_follows =
    match a.gfn, b.gfn with
    | None, None -> true
    | Some g, Some h -> Z.equal (next g a.n) h
    | _ -> false in
  if Z.equal (next a.f a.n) b.f && Z.equal a.who b.who
     && Z.equal a.count b.count && gfn_follows
  then Some { a with n = Z.add a.n b.n } else None

let frame_lines m =
  let s = state m in
  let core = List.map (fun (a, n) ->
      { f = a; n; who = S.cORE; count = Z.zero; gfn = None }) m.core in
  let others = List.filter_map (fun (p, r) ->
      let host = Z.equal r.S.f_owner S.hOST in
      if Z.equal r.S.f_owner S.iNVALID || Z.equal r.S.f_owner S.cORE
         || (host && Z.equal r.S.f_count Z.zero) then None
      else Some { f = p; n = Z.one; who = r.S.f_owner; count = r.S.f_count;
                  gfn = if host then None else Some r.S.f_gfn })
      (S.ZMap.bindings s.S.frames) in
  let sorted = List.sort (fun a b -> Z.compare a.f b.f) (core @ others) in
  let show r =
    Printf.sprintf "frame pfn=%s n=%s owner=%s count=%s gfn=%s" (hex r.f)
      (Z.to_string r.n)
      (if Z.equal r.who S.cORE then "core"
       else if Z.equal r.who S.hOST then "host" else Z.to_string r.who)
      (Z.to_string r.count)
      (match r.gfn with None -> "-" | Some g -> hex g) in
  List.map show (merge join_frames sorted)

let join_maps (g, n, e) (g', n', e') =
  if Z.equal (next g n) g' && Z.equal (next e.S.e_pfn n) e'.S.e_pfn
     && Z.equal e.S.e_level e'.S.e_level && e.S.e_kind = e'.S.e_kind
  then Some (g, Z.add n n', e) else None

let map_lines m =
  let s = state m in
  let tables = List.filter (fun (v, _) -> not (Z.equal v S.hOST))
      (S.ZMap.bindings s.S.tables) in
  let tables = List.sort (fun (v, _) (w, _) -> Z.compare v w) tables in
  let lines (v, t) =
    List.sort (fun (g, _) (h, _) -> Z.compare g h) (S.ZMap.bindings t)
    |> List.rev_map (fun (g, e) -> (g, Z.one, e)) |> List.rev
    |> merge join_maps
    |> List.map (fun (g, n, e) ->
        Printf.sprintf "map who=%s gfn=%s n=%s pfn=%s level=%s type=%s"
          (Z.to_string v) (hex g) (Z.to_string n) (hex e.S.e_pfn)
          (Z.to_string e.S.e_level)
          (match e.S.e_kind with S.Normal -> "normal" | S.Device -> "device"))
  in
  List.concat_map lines tables

let mem_lines m =
  let s = state m in
  keys (S.ZMap.bindings s.S.memory)
  |> List.filter_map (fun p ->
      let x = S.word s p Z.zero in
      if Z.equal x Z.zero then None
      else Some (Printf.sprintf "mem pfn=%s word0=%s" (hex p) (hex x)))

let dump m = frame_lines m @ map_lines m @ mem_lines m

(* ---- one item of a trace: the lines that it prints ---- *)

let item m i =
  let line r = [show r] in
  match i with
  | Trace.Ram (b, n) -> add_ram m b n; []
  | Trace.Core (b, n) -> add_core m b n; []
  | Trace.Create v -> ignore (state m); create_vm m v; []
  | Trace.Host_fault a -> line (perform m (S.HostFault a))
  | Trace.Prot_and_map (v, a, p, l) ->
    line (perform m (S.ProtAndMap (v, a, p, l)))
  | Trace.Grant (v, a, n) ->
    line (share m (fun (v, a, n) -> S.Grant (v, a, n)) v a n)
  | Trace.Revoke (v, a, n) ->
    line (share m (fun (v, a, n) -> S.Revoke (v, a, n)) v a n)
  | Trace.Clear (v, p, n) -> line (clear m v p n)
  | Trace.Map_io (v, g, p) -> line (perform m (S.MapIo (v, g, p)))
  | Trace.Write (w, a, x) -> line (perform m (S.Write (w, a, x)))
  | Trace.Read (w, a) -> line (perform m (S.Read (w, a)))
  | Trace.Dump -> dump m

(* ---- what the host may map ---- *)

let kind_of_frames m kind a n =
  let s = state m in
  let r = (a, n) in
  match kind with
  | "device" -> not (List.exists (overlaps r) m.ram)
  | "normal" ->
    let covered =
      List.fold_left (fun c (b, k) ->
          let lo = Z.max a b and hi = Z.min (Z.add a n) (Z.add b k) in
          if Z.lt lo hi then Z.add c (Z.sub hi lo) else c) Z.zero m.ram in
    Z.equal covered n
    && not (List.exists (overlaps r) m.core)
    && List.for_all (fun (p, _) -> S.may_host s p)
         (List.filter (in_range a n) (S.ZMap.bindings s.S.frames))
  | _ -> false

(* Why a 'map who=host' line is wrong, if it is. *)
let host_line_error m line =
  let field name w =
    let p = name ^ "=" in
    let l = String.length p in
    if String.length w > l && String.sub w 0 l = p
    then String.sub w l (String.length w - l)
    else Trace.fail "no field %s" name in
  match Trace.words line with
  | ["map"; "who=host"; g; n; p; l; k] ->
    (try
       let g = Trace.number "gfn" (field "gfn" g) in
       let n = Trace.number "n" (field "n" n) in
       let p = Trace.number "pfn" (field "pfn" p) in
       let l = Trace.number "level" (field "level" l) in
       let k = field "type" k in
       let unit = match Z.to_string l with
         | "1" -> Z.of_int 262144
         | "2" -> Z.of_int 512
         | "3" -> Z.one
         | _ -> Trace.fail "no such level" in
       if not (Z.equal g p) then Some "the host's table is not the identity"
       else if Z.equal n Z.zero then Some "an empty run"
       else if not (Z.equal (Z.rem g unit) Z.zero
                    && Z.equal (Z.rem n unit) Z.zero)
       then Some "the run does not consist of whole blocks"
       else if Z.gt (Z.add g n) S.pFN_LIMIT then Some "beyond 2^40"
       else if not (kind_of_frames m k g n)
       then Some "the host may not map all of these frames in this way"
       else None
     with Trace.Malformed e -> Some e)
  | _ -> Some "not a line of a dump"
