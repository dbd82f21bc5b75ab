(* The calls for attestation as a program: see Extract.v. *)

From Coq Require Import ZArith Extraction ExtrOcamlBasic ExtrOcamlZBigInt
  ExtrOcamlNatBigInt.
From Cordon Require Import Attest.

Extraction "attest_spec.ml" step boot.
