/* SPDX-License-Identifier: Apache-2.0 */
/* clear_vm_range: a VM's frames go back to the host. SEMANTICS 3. */
#include "clear.h"
#include "range.h"
#include "vm.h"

/*@ // What the records of num frames are like, up to the end of a section, and the counts of them, if there is such a section.
  @ predicate all_clearable{L}(struct cordon *c, struct vm *vm, integer id, integer frame, integer num) =
  @   \forall integer k; is_section(c, frame / 512, k) ==>
  @     clearable(&c->frame[k * 512], &c->section[k], vm, id, frame % 512, frame % 512 + in_section(frame, num));
  @
  @ // The VM's among n frames from `frame` on are plain host memory; no other record has changed.
  @ predicate cleared_run{A,B}(struct cordon *c, integer id, integer frame, integer n) =
  @   (\forall integer i; 0 <= i < \at(c->sections, A) * 512 && in_run{A}(c, i, frame, n) ==>
  @     (owned(\at(c->frame[i], A), id) ==> is_plain_record(\at(c->frame[i], B), 0)) &&
  @     (!owned(\at(c->frame[i], A), id) ==> same_record(\at(c->frame[i], B), \at(c->frame[i], A)))) &&
  @   \forall integer i; 0 <= i < \at(c->sections, A) * 512 && !in_run{A}(c, i, frame, n) ==>
  @     same_record(\at(c->frame[i], B), \at(c->frame[i], A));
  @ lemma run_cleared{A,B}: \forall struct cordon *c, integer k, id, frame, n;
  @   spans_fit{A}(c) && is_section{A}(c, frame / 512, k) &&
  @   records_outside{A,B}(c, k * 512 + frame % 512, k * 512 + frame % 512 + n) && \at(c->frame, B) == \at(c->frame, A) &&
  @   cleared_in{A,B}(\at(c->frame, A), id, k * 512 + frame % 512, k * 512 + frame % 512 + n) ==>
  @     cleared_run{A,B}(c, id, frame, n);
  @ lemma section_then{A,B}: \forall struct cordon *c, integer number, k;
  @   same_head{A,B}(c) && same_map{A,B}(c) && is_section{A}(c, number, k) ==> is_section{B}(c, number, k);
  @ lemma section_before{A,B}: \forall struct cordon *c, integer number, k;
  @   same_head{A,B}(c) && same_map{A,B}(c) && is_section{B}(c, number, k) ==> is_section{A}(c, number, k);
  @ lemma run_then{A,B}: \forall struct cordon *c, integer i, frame, n;
  @   same_head{A,B}(c) && same_map{A,B}(c) && in_run{A}(c, i, frame, n) ==> in_run{B}(c, i, frame, n);
  @ lemma run_before{A,B}: \forall struct cordon *c, integer i, frame, n;
  @   same_head{A,B}(c) && same_map{A,B}(c) && in_run{B}(c, i, frame, n) ==> in_run{A}(c, i, frame, n);
  @ lemma cleared_before{A,B,C}: \forall struct cordon *c, integer id, frame, n;
  @   same_head{A,B}(c) && same_map{A,B}(c) && same_records{A,B}(c) && cleared_run{B,C}(c, id, frame, n) ==>
  @     cleared_run{A,C}(c, id, frame, n);
  @ lemma cleared_after{A,B,C}: \forall struct cordon *c, integer id, frame, n;
  @   same_head{A,B}(c) && cleared_run{A,B}(c, id, frame, n) && same_records{B,C}(c) && \at(c->frame, C) == \at(c->frame, B) ==>
  @     cleared_run{A,C}(c, id, frame, n);
  @ lemma none_cleared{A,B}: \forall struct cordon *c, integer id, frame, n;
  @   !in_ram{A}(c, frame / 512) && same_records{A,B}(c) && \at(c->frame, B) == \at(c->frame, A) ==>
  @     cleared_run{A,B}(c, id, frame, n);
  @*/

/* n of num frames are done, of which so many were the VM's. */
/*@ requires frames <= n <= num;
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result.status == (n < num ? CORDON_AGAIN : CORDON_OK) && \result.done == n;
  @ ensures \result.changed == frames && told(\result) == n;
  @*/
static HOT struct cordon_progress clear_progress(uint64_t n, uint64_t num, uint64_t frames)
{
    return (struct cordon_progress){ .status = n < num ? CORDON_AGAIN : CORDON_OK, .done = n, .changed = frames,
                                     .not_owned = n - frames };
}

/* n frames from `frame` on, of the section of that index. */
/*@ requires machine(c) && tree_ready(c, v.vm) && vm_sound(c, v.vm, v.id) && v.vm->s2.gfn_limit <= 68719476736;
  @ requires index < c->sections && is_section(c, frame / 512, index) && frame < 68719476736 && frame % 512 + n <= 512;
  @ requires clearable(&c->frame[index * 512], &c->section[index], v.vm, v.id, frame % 512, frame % 512 + n);
  @ assigns c->section[0 .. c->sections - 1], c->frame[0 .. c->sections * 512 - 1], v.vm->frames,
  @   v.vm->pool.fresh, v.vm->pool.fresh_n, v.vm->pool.head, v.vm->pool.free, c->phys[0 .. c->phys_frames - 1],
  @   c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735];
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures sound: vm_sound(c, v.vm, v.id);
  @ ensures ready: tree_ready(c, v.vm);
  @ ensures places: same_head{Pre,Here}(c) && same_map{Pre,Here}(c) && same_tables{Pre,Here}(c);
  @ ensures cleared: \result.status == CORDON_OK ==> cleared_run{Pre,Here}(c, v.id, frame, n) && \result.frames <= n;
  @ ensures refused: \result.status != CORDON_OK ==> \result.status == CORDON_NO_MEMORY && same_records{Pre,Here}(c) &&
  @   vm_rows_kept{Pre,Here}(c) && same_pool{Pre,Here}(&v.vm->pool) && v.vm->frames == \old(v.vm->frames);
  @*/
static HOT struct cleared clear_known(struct cordon *c, struct vm_locked v, uint64_t index, uint64_t frame, uint64_t n)
{
    struct cleared r;

    if (n == 1) {   /* a length that is a constant needs no run */
        r = memory_clear_run(c, v, index, frame, 1);
        /*@ assert cleared: r.status == CORDON_OK ==> cleared_run{Pre,Here}(c, v.id, frame, 1); */
    } else {
        r = memory_clear_run(c, v, index, frame, n);
        /*@ assert cleared: r.status == CORDON_OK ==> cleared_run{Pre,Here}(c, v.id, frame, n); */
    }
    /*@ assert cleared: r.status == CORDON_OK ==> cleared_run{Pre,Here}(c, v.id, frame, n); */
    return r;
}

/* What one call does for num frames from `frame` on: it stops at the end of a section, or of a hole between them. */
/*@ requires machine(c) && tree_ready(c, v.vm) && vm_sound(c, v.vm, v.id) && v.vm->s2.gfn_limit <= 68719476736;
  @ requires frame < 68719476736 && frame + num <= 68719476736 && all_clearable(c, v.vm, v.id, frame, num);
  @ assigns c->section[0 .. c->sections - 1], c->frame[0 .. c->sections * 512 - 1], v.vm->frames,
  @   v.vm->pool.fresh, v.vm->pool.fresh_n, v.vm->pool.head, v.vm->pool.free, c->phys[0 .. c->phys_frames - 1],
  @   c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735];
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures sound: vm_sound(c, v.vm, v.id);
  @ ensures ready: tree_ready(c, v.vm);
  @ ensures places: same_head{Pre,Here}(c) && same_map{Pre,Here}(c) && same_tables{Pre,Here}(c);
  @ ensures ok: \result.status == CORDON_OK ==> \result.done == num;
  @ ensures again: \result.status == CORDON_AGAIN ==> 0 < \result.done < num;
  @ ensures sum: told(\result) == \result.done;
  @ ensures cleared: \result.status == CORDON_OK || \result.status == CORDON_AGAIN ==>
  @   cleared_run{Pre,Here}(c, v.id, frame, \result.done);
  @ ensures reason: \result.status == CORDON_OK || \result.status == CORDON_AGAIN ||
  @   (\result.status == CORDON_NO_MEMORY && \result.done == 0);
  @ ensures refused: \result.status == CORDON_NO_MEMORY ==> same_records{Pre,Here}(c) &&
  @   vm_rows_kept{Pre,Here}(c) && same_pool{Pre,Here}(&v.vm->pool) && v.vm->frames == \old(v.vm->frames);
  @*/
static HOT struct cordon_progress clear_some(struct cordon *c, struct vm_locked v, uint64_t frame, uint64_t num)
{
    uint64_t n = min(num, 512 - frame % 512);
    uint64_t index;
    struct cleared r;

    /*@ assert part: n == in_section(frame, num); */
    if (memory_section(c, frame, &index) != CORDON_OK) {
        /*@ assert beside: \forall integer i; 0 <= i < c->spans ==> beside_span(c, i, frame, 1); */
        return clear_progress(min(num, region_gap(c, frame)), num, 0);
    }
    /*@ assert known: is_section(c, frame / 512, index); */
    /*@ assert clearable: clearable(&c->frame[index * 512], &c->section[index], v.vm, v.id, frame % 512, frame % 512 + n); */
    r = clear_known(c, v, index, frame, n);
    return r.status == CORDON_OK ? clear_progress(n, num, r.frames) : refuse(r.status);
}

/*@ requires machine(c) && c->vms < 0x4000 && c->pfn_limit <= 68719476736;
  @ requires vms: 1 <= vm.v <= c->vms && c->vm[vm.v - 1].state != VM_NONE ==> vm_sound(c, &c->vm[vm.v - 1], vm.v) &&
  @   tree_ready(c, &c->vm[vm.v - 1]) && c->vm[vm.v - 1].s2.gfn_limit <= 68719476736 &&
  @   all_clearable(c, &c->vm[vm.v - 1], vm.v, pfn.v, num);
  @ assigns c->vm[vm.v - 1].lock, c->section[0 .. c->sections - 1], c->frame[0 .. c->sections * 512 - 1],
  @   c->vm[vm.v - 1].frames, c->vm[vm.v - 1].pool.fresh, c->vm[vm.v - 1].pool.fresh_n, c->vm[vm.v - 1].pool.head,
  @   c->vm[vm.v - 1].pool.free, c->phys[0 .. c->phys_frames - 1],
  @   c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735];
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures vm: 1 <= vm.v <= c->vms && \old(c->vm[vm.v - 1].state) != VM_NONE ==>
  @   vm_sound(c, &c->vm[vm.v - 1], vm.v) && tree_ready(c, &c->vm[vm.v - 1]);
  @ ensures places: same_head{Pre,Here}(c) && same_map{Pre,Here}(c) && same_tables{Pre,Here}(c);
  @ ensures range: \result.status == CORDON_RANGE ==> !(pfn.v < \old(c->pfn_limit) && pfn.v + num <= \old(c->pfn_limit));
  @ ensures beyond: !(pfn.v < \old(c->pfn_limit) && pfn.v + num <= \old(c->pfn_limit)) ==> \result.status == CORDON_RANGE;
  @ ensures ok: \result.status == CORDON_OK ==> \result.done == num;
  @ ensures again: \result.status == CORDON_AGAIN ==> 0 < \result.done < num;
  @ ensures sum: told(\result) == \result.done;
  @ ensures cleared: \result.status == CORDON_OK || \result.status == CORDON_AGAIN ==>
  @   cleared_run{Pre,Here}(c, vm.v, pfn.v, \result.done);
  @ ensures refused: \result.status != CORDON_OK && \result.status != CORDON_AGAIN ==> \result.done == 0;
  @ ensures none: \result.status != CORDON_OK && \result.status != CORDON_AGAIN ==> same_records{Pre,Here}(c);
  @ ensures rows: \result.status != CORDON_OK && \result.status != CORDON_AGAIN ==> vm_rows_kept{Pre,Here}(c);
  @*/
struct cordon_progress cordon_clear_vm_range(struct cordon *c, vmid_t vm, pfn_t pfn, uint64_t num)
{
    struct cordon_progress p;
    struct vm_locked v;
    enum cordon_status status;

    if (!in_range(pfn.v, num, c->pfn_limit))
        return refuse(CORDON_RANGE);
    status = vm_enter(c, vm, &v);
    /*@ assert head: same_head{Pre,Here}(c) && same_map{Pre,Here}(c) && same_tables{Pre,Here}(c); */
    /*@ assert records: same_records{Pre,Here}(c) && same_words{Pre,Here}(c) && plain_kept{Pre,Here}(c); */
    /*@ assert rows: vm_rows_kept{Pre,Here}(c); */
    /*@ assert summaries: summaries_hold(c); */
    /*@ assert machine: machine(c); */
    /*@ assert in_range: pfn.v < \at(c->pfn_limit, Pre) && pfn.v + num <= \at(c->pfn_limit, Pre); */
    if (status != CORDON_OK)
        return refuse(status);
    /*@ assert clearable: all_clearable(c, v.vm, v.id, pfn.v, num); */
    /*@ ghost locked: ; */
    p = clear_some(c, v, pfn.v, num);
    /*@ assert head: same_head{Pre,Here}(c) && same_map{Pre,Here}(c) && same_tables{Pre,Here}(c); */
    /*@ assert cleared: p.status == CORDON_OK || p.status == CORDON_AGAIN ==> cleared_run{locked,Here}(c, vm.v, pfn.v, p.done); */
    /*@ assert cleared: p.status == CORDON_OK || p.status == CORDON_AGAIN ==> cleared_run{Pre,Here}(c, vm.v, pfn.v, p.done); */
    /*@ assert refused: p.status == CORDON_NO_MEMORY ==> same_records{Pre,Here}(c) && vm_rows_kept{Pre,Here}(c); */
    /*@ ghost done: ; */
    vm_unlock(c, v);
    /*@ assert records: same_records{done,Here}(c) && same_words{done,Here}(c) && plain_kept{done,Here}(c); */
    /*@ assert rows: vm_rows_kept{done,Here}(c); */
    /*@ assert head: same_head{done,Here}(c) && same_head{Pre,Here}(c); */
    /*@ assert places: same_map{Pre,Here}(c) && same_tables{Pre,Here}(c); */
    /*@ assert cleared: p.status == CORDON_OK || p.status == CORDON_AGAIN ==> cleared_run{Pre,Here}(c, vm.v, pfn.v, p.done); */
    /*@ assert refused: p.status == CORDON_NO_MEMORY ==> same_records{Pre,Here}(c) && vm_rows_kept{Pre,Here}(c); */
    /*@ assert spans: spans_fit(c); */
    /*@ assert summaries: summaries_hold(c); */
    /*@ assert machine: machine(c); */
    /*@ assert in_range: pfn.v < \at(c->pfn_limit, Pre) && pfn.v + num <= \at(c->pfn_limit, Pre); */
    /*@ assert reason: p.status == CORDON_OK || p.status == CORDON_AGAIN || p.status == CORDON_NO_MEMORY; */
    return p;
}
