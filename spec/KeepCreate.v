(* Creating a VM keeps the invariant. *)

From Coq Require Import ZArith Bool List Lia.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading Invariant.
Local Open Scope Z_scope.

Lemma keep_create_vm : forall v s, Inv s -> Inv (snd (create_vm v s)).
Proof.
  intros v s I. unfold create_vm. destruct (is_vm v && _) eqn:E; [|assumption].
  cbn [snd]. zb.
  assert (MORE : forall w, vm_exists s w = true ->
    vm_exists (with_vms (ZMap.set v true (vms s)) s) w = true).
  { intros w HX. st. rewrite HX, orb_true_r, andb_true_r.
    unfold vm_exists in HX. zb. assumption. }
  assert (more := MORE). setoid_rewrite vm_exists_set in more.
  (* No frame can belong to a VM that did not exist. *)
  assert (OWN : forall p, owner s p <> v).
  { intros p HX. unfold is_vm, LAST_VM in H. zb.
    destruct (owner_cases s p I) as [K|[K|[[K|K] _]]]; rewrite HX in K;
    unfold HOST, CORE, INVALID in *; try congruence; try lia. }
  constructor.
  - intro p. destruct (inv_frame _ I p) as [GX GR GC GH GV].
    constructor; unfold boot_owner in *; st; auto.
    + intro B. destruct (GR B) as [K|K]; [auto|]. right. exact (more _ K).
    + intro K. apply GV. apply andb_prop in K. destruct K as [_ K].
      apply orb_prop in K. destruct K as [K|K]; [|assumption].
      zb. exfalso. apply (OWN p). unfold owner. congruence.
  - intros g e HX. st. apply (inv_host _ I) in HX.
    unfold host_entry, may_host, owner in *. st. auto.
  - intros w g e N HX. st. destruct (inv_vm _ I _ _ _ N HX) as [K1 K2].
    split.
    + exact (more _ K1).
    + unfold entry_ok, owner in *. st. assumption.
  - intros w g e N HX L. st.
    destruct (inv_block _ I w g e N HX L) as [q [A B]].
    exists q. split; [assumption|]. intros j Hj. st. auto.
  - intros d i q HX. unfold owner in *. st. apply (inv_dev _ I). assumption.
  - intros q HX. unfold owner in *. st.
    rewrite (inv_count _ I q HX). symmetry. apply dev_count_ext.
    intro c. unfold maps_frame. st. reflexivity.
  - intros c j q. unfold boot_owner. st. apply (inv_dev_ram _ I).
Qed.
