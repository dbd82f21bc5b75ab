(* cordon-oracle: the specification as a program. *)

let usage = "\
usage: cordon-oracle replay FILE
       cordon-oracle compare FILE OUTPUT
       cordon-oracle attest LOG
       cordon-oracle --help | --version

replay   runs the trace in FILE on the specification and prints what
         'cordon replay FILE' must print, without the host's map lines
compare  checks OUTPUT, which another implementation printed for FILE, line by
         line; a host map line has to be the identity and may cover only frames
         that the host may have
attest   checks a log of calls for attestation and what each was answered

exit status: 0 the trace ran to its end (and OUTPUT or LOG agrees), 1 it differs,
2 a malformed trace or a wrong command line
"

let die fmt = Printf.ksprintf (fun s -> prerr_endline s; exit 2) fmt

let open_file f =
  try open_in_bin f with Sys_error e -> die "cordon-oracle: cannot read %s" e

(* Run the trace; after each item, [emit machine line-number is-dump lines]. *)
let run file emit =
  let ic = open_file file in
  let m = Machine.create () in
  let line = ref 0 in
  let rec loop () =
    match input_line ic with
    | exception End_of_file ->
      if m.Machine.ram = [] then
        raise (Trace.Malformed "the trace is empty: it has no ram line")
    | exception Sys_error e -> die "cordon-oracle: cannot read %s" e
    | text ->
      incr line;
      (match Trace.parse text with
       | None -> ()
       | Some i -> emit m !line (i = Trace.Dump) (Machine.item m i));
      loop ()
  in
  try loop (); 0
  with Trace.Malformed e ->
    flush stdout;
    Printf.eprintf "%s:%d: %s\n" file (max 1 !line) e;
    2

let replay file =
  run file (fun _ _ _ lines -> List.iter print_endline lines)

exception Differs of string

let is_host_line l =
  let p = "map who=host " in
  String.length l >= String.length p && String.sub l 0 (String.length p) = p

let is_frame_line l = String.length l >= 6 && String.sub l 0 6 = "frame "

let compare_with file output =
  let ic = open_file output in
  let n = ref 0 in
  let peeked = ref None in
  let peek () =
    match !peeked with
    | Some l -> l
    | None ->
      let l = try incr n; Some (input_line ic) with End_of_file -> None in
      peeked := Some l; l in
  let drop () = peeked := None in
  let differs at fmt =
    Printf.ksprintf (fun s ->
        raise (Differs (Printf.sprintf "%s:%d: %s" file at s))) fmt in
  let host_lines m at =
    let rec go () =
      match peek () with
      | Some l when is_host_line l ->
        (match Machine.host_line_error m l with
         | None -> drop (); go ()
         | Some e -> differs at "%s:%d: '%s': %s" output !n l e)
      | _ -> () in
    go () in
  let expect at want =
    match peek () with
    | Some l when l = want -> drop ()
    | Some l ->
      differs at "the specification says '%s', %s:%d says '%s'" want output !n l
    | None ->
      differs at "the specification says '%s', %s ends" want output in
  let last = ref 1 in
  let emit m at dump lines =
    last := at;
    let rec go = function
      | [] -> host_lines m at
      | l :: rest ->
        if not (is_frame_line l) then host_lines m at;
        expect at l; go rest in
    if dump then go lines else List.iter (expect at) lines in
  try
    let status = run file emit in
    (match peek () with
     | Some l ->
       differs !last "%s:%d has a line too many: '%s'" output !n l
     | None -> ());
    status
  with Differs e -> prerr_endline e; 1

let () =
  match List.tl (Array.to_list Sys.argv) with
  | ["replay"; file] -> exit (replay file)
  | ["attest"; file] -> exit (Attest.run file (open_file file))
  | ["compare"; file; output] -> exit (compare_with file output)
  | ["--help"] | ["-h"] -> print_string usage
  | ["--version"] -> print_endline "cordon-oracle 1"
  | _ -> prerr_string usage; exit 2
