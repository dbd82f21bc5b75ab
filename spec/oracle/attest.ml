(* A log of calls for attestation, and what the C has answered each: held against spec/Attest.v.

   Numbers are hexadecimal. A line for each of these, in the order in which they happened:

     root SLOTS SECRET*4 SEAL*4 KEEPER*4 CHAIN       the chain's bytes, two digits each
     hash OLD*4 WITH*4 NEW*4                         a SHA-256 that is used from here on
     create SLOT STATUS HANDLE                       and so the host's other calls: arguments, status
     vcpu HANDLE STATUS
     personal HANDLE VALUE*8 STATUS
     start HANDLE MEASUREMENT*4 STATUS
     stop HANDLE STATUS
     destroy HANDLE STATUS
     guest SLOT X0..X16 X0..X16                      a guest's registers before and after *)

module S = Attest_spec

exception Differs of string

let differs fmt = Printf.ksprintf (fun s -> raise (Differs s)) fmt
let z = Z.of_int
let zero = Z.zero
let hex = Z.format "%x"

let words line = List.filter (( <> ) "") (String.split_on_char ' ' line)

let number s =
  try Z.of_string_base 16 s
  with Invalid_argument _ -> raise (Trace.Malformed ("'" ^ s ^ "' is no hexadecimal number"))

let rec split n l =
  if n = 0 then ([], l)
  else match l with
    | x :: rest -> let a, b = split (n - 1) rest in (x :: a, b)
    | [] -> raise (Trace.Malformed "a line is too short")

let bytes_of_word x = List.init 8 (fun i -> Z.extract x (8 * i) 8)
let word_of_bytes b = List.fold_right (fun x w -> Z.add (Z.shift_left w 8) x) b zero

let rec words_of_bytes b =
  if b = [] then [] else let w, rest = split 8 b in word_of_bytes w :: words_of_bytes rest

let status = function
  | S.Ok -> 0 | S.Again -> 1 | S.Range -> 2 | S.No_vm -> 5 | S.Exists_already -> 6
  | S.Wrong_state -> 7 | S.Busy -> 15 | S.No_vcpu -> 17

type t = {
  mutable root : (Z.t * S.root) option;
  mutable world : S.world;
  hashes : (Z.t list * Z.t list, Z.t list) Hashtbl.t;
}

let hash m old by =
  match Hashtbl.find_opt m.hashes (old, by) with
  | Some x -> x
  | None -> differs "the specification extends another measurement than the C did"

(* The same world as tables: its functions would grow with each call. *)
let flat slots (w : S.world) : S.world =
  let table n f =
    let a = Array.init n (fun i -> f (z i)) in
    fun i -> if Z.sign i >= 0 && Z.lt i (z n) then a.(Z.to_int i) else f i in
  let vm i =
    let v = w.S.vms i in
    { v with S.req = { v.S.req with S.extended = table 4 v.S.req.S.extended } } in
  { w with S.vms = table (Z.to_int slots + 1) vm }

let step m call =
  match m.root with
  | None -> raise (Trace.Malformed "there is no root line")
  | Some (slots, r) ->
    let said, w = S.step slots (hash m) r call m.world in
    m.world <- flat slots w;
    said

let host m call got =
  match step m (S.Host call) with
  | S.Said (s, x) ->
    if not (Z.equal got (z (status s))) then
      differs "status %s, where the specification has %d" (hex got) (status s);
    x
  | _ -> differs "the specification knows no such call"

let first = 0xc6000086

let guest_call x =
  let a i = x.(i) in
  let from i n = Array.to_list (Array.sub x i n) in
  match Z.to_int (a 0) - first with
  | 0 -> S.Ask (from 1 8)
  | 1 -> S.Read_answer (a 1)
  | 2 -> S.Extend (a 1, from 2 4)
  | 3 -> S.Ask_key (a 1, from 2 4)
  | 4 -> S.Begin
  | 5 -> S.Next (a 1)
  | 6 -> S.Read_request (a 1, a 2, a 3)
  | 7 -> S.Write_answer (a 1, a 2, a 3, a 4, List.concat_map bytes_of_word (from 5 12))
  | _ -> raise (Trace.Malformed "no call for attestation")

(* The registers afterwards: those that the answer says nothing of are as they were. *)
let registers call before = function
  | S.Not_supported ->
    let x = Array.copy before in
    x.(0) <- Z.pred Trace.two_64;
    x
  | S.Silence -> differs "in the specification no guest is there that could call"
  | S.Said (s, said) ->
    let x = Array.copy before in
    let said = match call, s, said with
      | _, _, [] -> [zero; zero; zero]
      | S.Read_answer _, S.Ok, size :: bytes -> size :: words_of_bytes bytes
      | _ -> said in
    x.(0) <- z (status s);
    List.iteri (fun i y -> x.(i + 1) <- y) said;
    x

let guest m slot before after =
  let call = guest_call before in
  let want = registers call before (step m (S.Guest (slot, call))) in
  Array.iteri (fun i x ->
      if not (Z.equal x after.(i)) then
        differs "x%d is %s, where the specification has %s" i (hex after.(i)) (hex x)) want

let chain s = List.init (String.length s / 2) (fun i -> number (String.sub s (2 * i) 2))

let line m text =
  match words text with
  | [] -> false
  | "root" :: args ->
    let x, rest = split 13 args in
    (match List.map number x, rest with
     | slots :: x, [c] ->
       let secret, x = split 4 x in
       let seal, keeper = split 4 x in
       m.root <- Some (slots, { S.secret = secret; S.seal = seal; S.chain = chain c; S.keeper = keeper })
     | _ -> raise (Trace.Malformed "root SLOTS SECRET SEAL KEEPER CHAIN"));
    false
  | word :: args ->
    let x = List.map number args in
    (match word, x with
     | "hash", _ ->
       let old, x = split 4 x in
       let by, result = split 4 x in
       Hashtbl.replace m.hashes (old, by) result
     | "create", [i; s; h] ->
       (match host m (S.Create i) s with
        | [] -> ()
        | want :: _ ->
          if not (Z.equal want h) then
            differs "handle %s, where the specification has %s" (hex h) (hex want))
     | "vcpu", [h; s] -> ignore (host m (S.Make_vcpu h) s)
     | "stop", [h; s] -> ignore (host m (S.Stop h) s)
     | "destroy", [h; s] -> ignore (host m (S.Destroy (h, Z.equal s zero)) s)
     | "personal", h :: x ->
       let value, s = split 8 x in
       ignore (host m (S.Personalise (h, value)) (List.hd s))
     | "start", h :: x ->
       let measured, s = split 4 x in
       ignore (host m (S.Start (h, measured)) (List.hd s))
     | "guest", slot :: x ->
       let before, after = split 17 x in
       if List.length after <> 17 then raise (Trace.Malformed "guest SLOT, and two times 17 registers");
       guest m slot (Array.of_list before) (Array.of_list after)
     | _ -> raise (Trace.Malformed ("'" ^ word ^ "' is no call, or has other fields")));
    word <> "hash"

(* Exit status: 0 they agree, 1 they do not, 2 it is no log. *)
let run file ic =
  let m = { root = None; world = S.boot; hashes = Hashtbl.create 1000 } in
  let n = ref 0 and calls = ref 0 in
  let fail status e = Printf.eprintf "%s:%d: %s\n" file !n e; status in
  let rec go () =
    match input_line ic with
    | exception End_of_file ->
      if !calls = 0 then fail 2 "there is no call in it"
      else (Printf.printf "attest: %d calls agree\n" !calls; 0)
    | text -> incr n; if line m text then incr calls; go () in
  try go () with
  | Differs e -> fail 1 e
  | Trace.Malformed e -> fail 2 e
