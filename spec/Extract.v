(* From the specification to a program: the functions of Strong.v as OCaml,
   with integers as zarith numbers. *)

From Coq Require Import ZArith Extraction ExtrOcamlBasic ExtrOcamlZBigInt
  ExtrOcamlNatBigInt.
From Cordon Require Import ZMap State Page Strong.

Extraction "cordon_spec.ml"
  step boot boot_frame frame_at lookup word vm_exists may_host
  ZMap.bindings is_pfn is_addr HOST CORE INVALID GUEST_LIMIT PFN_LIMIT
  PHYS_LIMIT PAGE is_vm.
