(* What always holds, whatever the host, a guest or a device asks for.

   [Inv s] gathers the invariants I1 to I5 for the abstract state.  The main
   theorem is [step_keeps_invariant] in Always.v: every operation, with any
   arguments, in any good state, leads to a good state. *)

From Coq Require Import ZArith Bool List Lia FinFun.
From Cordon Require Import ZMap State Page Strong Tactics Loop Reading.
Import ListNotations.
Local Open Scope Z_scope.

(* ------------------------------------------------------------------ *)
(* Definitions                                                         *)

Definition boot_owner (s : State) (p : Z) : Z := f_owner (boot_frame s p).

(* A frame record that can occur.  I4 is here: what belongs to Cordon, and
   what is not RAM, keeps the record that it had at boot. *)
Record good_frame (s : State) (p : Z) (r : frame) : Prop := {
  gf_fixed : boot_owner s p <> HOST -> r = boot_frame s p;
  gf_ram : boot_owner s p = HOST ->
           f_owner r = HOST \/ vm_exists s (f_owner r) = true;
  gf_count : 0 <= f_count r;
  gf_host : f_owner r = HOST -> f_pending r = false /\ f_gfn r = p;
  gf_vm : vm_exists s (f_owner r) = true ->
          f_count r <= MAX_GRANTS /\ is_gfn (f_gfn r) = true /\
          (f_pending r = true -> f_count r = 0)
}.

(* I2: an entry of a VM's table is a device page outside RAM, or maps a frame
   that the VM owns, at the guest frame number on record, and not pending. *)
Definition entry_ok (s : State) (v g : Z) (e : entry) : Prop :=
  (e = device_entry (e_pfn e) /\ owner s (e_pfn e) = INVALID) \/
  (owner s (e_pfn e) = v /\ f_gfn (frame_at s (e_pfn e)) = g /\
   f_pending (frame_at s (e_pfn e)) = false /\
   (e = page_entry (e_pfn e) \/ e_level e = 2 /\ e_kind e = Normal)).

(* A 2 MiB block: 512 entries that map 512 frames in a row, the first one
   2 MiB aligned. *)
Definition is_block (s : State) (v b p : Z) : Prop :=
  p mod BLOCK_PAGES = 0 /\
  forall i, 0 <= i < BLOCK_PAGES ->
    lookup s v (b + i) = Some (block_entry p i).

(* How many devices map host frame [p]. *)
Definition maps_frame (s : State) (p d : Z) : bool :=
  match dev_lookup s d p with Some q => q =? p | None => false end.

(* The devices in a list; only these two properties of it are ever used. *)
Lemma devices_exist :
  { l : list Z | NoDup l /\ forall d, is_device d = true <-> In d l }.
Proof.
  exists (map Z.of_nat (seq 0 (Z.to_nat DEVICES))). split.
  - apply Injective_map_NoDup; [intros a b H; lia | apply seq_NoDup].
  - intro d. unfold is_device, DEVICES. rewrite in_map_iff. split.
    + intro H. zb. exists (Z.to_nat d). rewrite in_seq. split; lia.
    + intros [n [H1 H2]]. rewrite in_seq in H2. apply andb_true_intro.
      split; [apply Z.leb_le | apply Z.ltb_lt]; lia.
Qed.

Definition all_devices : list Z := proj1_sig devices_exist.

Definition dev_count (s : State) (p : Z) : Z :=
  Z.of_nat (length (filter (maps_frame s p) all_devices)).

Record Inv (s : State) : Prop := {
  inv_frame : forall p, good_frame s p (frame_at s p);
  (* I1 *)
  inv_host : forall g e, lookup s HOST g = Some e ->
    e = host_entry s g /\ may_host s g = true;
  (* I2 *)
  inv_vm : forall v g e, v <> HOST -> lookup s v g = Some e ->
    vm_exists s v = true /\ entry_ok s v g e;
  inv_block : forall v g e, v <> HOST -> lookup s v g = Some e ->
    e_level e = 2 -> exists p, is_block s v (block_base g) p;
  (* I5 *)
  inv_dev : forall d i p, dev_lookup s d i = Some p ->
    is_device d = true /\ owner s p = owner_of_device s d /\
    f_gfn (frame_at s p) = i;
  inv_count : forall p, owner s p = HOST ->
    f_count (frame_at s p) = dev_count s p;
  inv_dev_ram : forall d i p, dev_lookup s d i = Some p ->
    boot_owner s p = HOST
}.

(* ------------------------------------------------------------------ *)
(* Small facts                                                         *)

Lemma vm_exists_range : forall s v, vm_exists s v = true ->
  v <> HOST /\ v <> CORE /\ v <> INVALID.
Proof.
  unfold vm_exists, is_vm, HOST, CORE, INVALID, LAST_VM. intros. zb.
  change (2 ^ 32 - 1) with 4294967295. lia.
Qed.

Lemma names_differ : HOST <> CORE /\ HOST <> INVALID /\ CORE <> INVALID.
Proof. repeat split; discriminate. Qed.

Lemma boot_owners : forall s p,
  boot_owner s p = CORE \/ boot_owner s p = HOST \/ boot_owner s p = INVALID.
Proof.
  intros. unfold boot_owner, boot_frame.
  destruct (in_regions p (core s)); simpl; auto.
  destruct (in_regions p (ram s)); simpl; auto.
Qed.

Lemma boot_count : forall s p,
  f_count (boot_frame s p) = 0 /\ f_pending (boot_frame s p) = false
  /\ f_gfn (boot_frame s p) = p.
Proof.
  intros. unfold boot_frame.
  destruct (in_regions p (core s)); simpl; auto.
  destruct (in_regions p (ram s)); simpl; auto.
Qed.

(* The owner of a frame: the host, an existing VM, Cordon or nobody. *)
Lemma owner_cases : forall s p, Inv s ->
  owner s p = HOST \/ vm_exists s (owner s p) = true \/
  ((owner s p = CORE \/ owner s p = INVALID) /\ frame_at s p = boot_frame s p).
Proof.
  intros s p I. pose proof (inv_frame _ I p) as F. unfold owner.
  destruct (boot_owners s p) as [B|[B|B]].
  - right. right. rewrite (gf_fixed _ _ _ F) by (rewrite B; discriminate).
    unfold boot_owner in B. auto.
  - destruct (gf_ram _ _ _ F B); auto.
  - right. right. rewrite (gf_fixed _ _ _ F) by (rewrite B; discriminate).
    unfold boot_owner in B. auto.
Qed.

(* Only RAM that is not Cordon's ever has an owner that changes. *)
Lemma owned_is_ram : forall s p, Inv s ->
  owner s p = HOST \/ vm_exists s (owner s p) = true ->
  boot_owner s p = HOST.
Proof.
  intros s p I H. pose proof (inv_frame _ I p) as F.
  destruct (boot_owners s p) as [B|[B|B]]; auto;
  exfalso; unfold owner in H;
  rewrite (gf_fixed _ _ _ F) in H by (rewrite B; discriminate);
  unfold boot_owner in B; rewrite B in H;
  destruct H as [H|H]; try discriminate;
  apply vm_exists_range in H; intuition.
Qed.

Lemma dev_count_ext : forall s s' p,
  (forall d, maps_frame s' p d = maps_frame s p d) ->
  dev_count s' p = dev_count s p.
Proof.
  intros. unfold dev_count. do 2 f_equal. apply filter_ext. assumption.
Qed.

Lemma dev_count_nonneg : forall s p, 0 <= dev_count s p.
Proof. intros. unfold dev_count. lia. Qed.

Lemma in_all_devices : forall d, is_device d = true <-> In d all_devices.
Proof. exact (proj2 (proj2_sig devices_exist)). Qed.

Lemma all_devices_once : NoDup all_devices.
Proof. exact (proj1 (proj2_sig devices_exist)). Qed.

Lemma in_not_empty : forall A (d : A) l,
  Z.of_nat (length l) = 0 -> ~ In d l.
Proof. intros A d [|a l] H; simpl in *; [auto | lia]. Qed.

Lemma dev_count_zero : forall s p d,
  dev_count s p = 0 -> is_device d = true -> dev_lookup s d p <> Some p.
Proof.
  intros s p d C D L. unfold dev_count in C.
  apply (in_not_empty _ d _ C). apply filter_In.
  split; [apply in_all_devices; assumption|].
  unfold maps_frame. rewrite L. apply Z.eqb_refl.
Qed.

Lemma filter_one_more : forall (f f' : Z -> bool) d l,
  NoDup l -> In d l -> f d = false -> f' d = true ->
  (forall c, c <> d -> f' c = f c) ->
  length (filter f' l) = S (length (filter f l)).
Proof.
  induction l; intros N H F F' E; simpl in *; [contradiction|].
  inversion N; subst. destruct (Z.eq_dec a d).
  - subst. rewrite F, F'. simpl. f_equal. f_equal.
    apply filter_ext_in. intros c Hc. apply E. intro; subst; contradiction.
  - rewrite E by assumption. destruct H as [H|H]; [congruence|].
    destruct (f a); simpl; rewrite IHl; auto.
Qed.

Lemma dev_count_more : forall s s' p d,
  is_device d = true -> maps_frame s p d = false -> maps_frame s' p d = true ->
  (forall c, c <> d -> maps_frame s' p c = maps_frame s p c) ->
  dev_count s' p = dev_count s p + 1.
Proof.
  intros. unfold dev_count.
  rewrite (filter_one_more (maps_frame s p) (maps_frame s' p) d);
    auto using all_devices_once.
  - lia.
  - apply in_all_devices. assumption.
Qed.

(* ---- blocks ---- *)

Lemma block_base_le : forall g, g / 512 * 512 <= g < g / 512 * 512 + 512.
Proof. intros. pose proof (Z.div_mod g 512). pose proof (Z.mod_pos_bound g 512). lia. Qed.

Lemma block_base_spec : forall g,
  block_base g mod 512 = 0 /\ block_base g <= g < block_base g + 512.
Proof.
  intros. unfold block_base, BLOCK_PAGES. split.
  - apply Z.mod_mul. lia.
  - apply block_base_le.
Qed.

Lemma block_base_of : forall b i, b mod 512 = 0 -> 0 <= i < 512 ->
  block_base (b + i) = b.
Proof.
  intros. unfold block_base, BLOCK_PAGES.
  pose proof (Z.div_mod (b + i) 512). pose proof (Z.div_mod b 512).
  pose proof (Z.mod_pos_bound (b + i) 512). lia.
Qed.

Lemma base_in : forall b h, b mod 512 = 0 -> b <= h < b + 512 ->
  block_base h = b.
Proof.
  intros. replace h with (b + (h - b)) by lia. apply block_base_of; lia.
Qed.
