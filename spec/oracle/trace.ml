(* The replay format: text to items. *)

exception Malformed of string

type who = Host | Vm of Z.t

type item =
  | Ram of Z.t * Z.t
  | Core of Z.t * Z.t
  | Create of Z.t
  | Host_fault of Z.t
  | Prot_and_map of Z.t * Z.t * Z.t * Z.t
  | Grant of Z.t * Z.t * Z.t
  | Revoke of Z.t * Z.t * Z.t
  | Clear of Z.t * Z.t * Z.t
  | Map_io of Z.t * Z.t * Z.t
  | Write of Z.t * Z.t * Z.t
  | Read of Z.t * Z.t
  | Dump

let fail fmt = Printf.ksprintf (fun s -> raise (Malformed s)) fmt

let two_64 = Z.shift_left Z.one 64

let is_digit c = c >= '0' && c <= '9'

let is_hex c =
  is_digit c || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')

let for_all p s = s <> "" && String.for_all p s

let number field s =
  let digits_after_0x = String.sub s (min 2 (String.length s))
      (max 0 (String.length s - 2)) in
  let z =
    if String.length s > 2 && String.sub s 0 2 = "0x"
       && for_all is_hex digits_after_0x
    then Z.of_string_base 16 digits_after_0x
    else if for_all is_digit s then Z.of_string_base 10 s
    else fail "%s is '%s': give a decimal or 0x hexadecimal number" field s
  in
  if Z.geq z two_64
  then fail "%s is %s: a number is at most 0xffffffffffffffff" field s
  else z

(* The host is principal 0. *)
let who s = if s = "host" then Z.zero else number "WHO" s

let words line =
  let line =
    match String.index_opt line '#' with
    | Some i -> String.sub line 0 i
    | None -> line
  in
  String.map (fun c -> if c = '\t' || c = '\r' then ' ' else c) line
  |> String.split_on_char ' '
  |> List.filter (fun w -> w <> "")

(* The item on a line, if there is one. *)
let parse line =
  let n = number in
  match words line with
  | [] -> None
  | w :: args ->
    let bad usage = fail "'%s' has %d fields: write '%s %s'" w
        (List.length args) w usage in
    Some (match w, args with
      | "ram", [b; s] -> Ram (n "BASE" b, n "SIZE" s)
      | "ram", _ -> bad "BASE SIZE"
      | "core", [b; s] -> Core (n "BASE" b, n "SIZE" s)
      | "core", _ -> bad "BASE SIZE"
      | "vm", [v] -> Create (n "ID" v)
      | "vm", _ -> bad "ID"
      | "host_fault", [a] -> Host_fault (n "ADDR" a)
      | "host_fault", _ -> bad "ADDR"
      | "prot_and_map", [v; a; p; l] ->
        let v = n "ID" v in let a = n "ADDR" a in let p = n "PTE" p in
        Prot_and_map (v, a, p, n "LEVEL" l)
      | "prot_and_map", _ -> bad "ID ADDR PTE LEVEL"
      | "grant", [v; a; s] ->
        let v = n "ID" v in let a = n "ADDR" a in
        Grant (v, a, n "SIZE" s)
      | "grant", _ -> bad "ID ADDR SIZE"
      | "revoke", [v; a; s] ->
        let v = n "ID" v in let a = n "ADDR" a in
        Revoke (v, a, n "SIZE" s)
      | "revoke", _ -> bad "ID ADDR SIZE"
      | "clear", [v; p; c] ->
        let v = n "ID" v in let p = n "PFN" p in
        Clear (v, p, n "NUM" c)
      | "clear", _ -> bad "ID PFN NUM"
      | "map_io", [v; g; p] ->
        let v = n "ID" v in let g = n "GPA" g in
        Map_io (v, g, n "PA" p)
      | "map_io", _ -> bad "ID GPA PA"
      | "write", [v; a; x] ->
        let v = who v in let a = n "ADDR" a in
        Write (v, a, n "VALUE" x)
      | "write", _ -> bad "WHO ADDR VALUE"
      | "read", [v; a] -> let v = who v in Read (v, n "ADDR" a)
      | "read", _ -> bad "WHO ADDR"
      | "dump", [] -> Dump
      | "dump", _ -> fail "'dump' takes no fields"
      | _ -> fail "unknown word '%s': see the replay format" w)
