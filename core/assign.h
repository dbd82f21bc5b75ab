/* SPDX-License-Identifier: Apache-2.0 */
/* assign_pfn_to_vm over a run: frames of the host's become a VM's. SEMANTICS 2. */
#ifndef CORDON_ASSIGN_H
#define CORDON_ASSIGN_H

#include "memory.h"

/* Whether the VM may have the frames offset .. offset+n-1 at gfn ..: OK, or the refusal of the first that it may not. */
/*@ requires \valid_read(s.section) && \valid_read(s.frame + (0 .. 511)) && offset + n <= 512;
  @ requires 1 <= vm < 0x4000 && gfn + n <= 68719476736;
  @ requires summary: s.section->taken == 0 && s.section->pinned == 0 ==>
  @   \forall integer i; 0 <= i < 512 ==> s.frame[i].holder == 0 && s.frame[i].count == 0;
  @ assigns \nothing;
  @ exits \false;
  @ ensures all: \result == CORDON_OK ==>
  @   \forall integer i; offset <= i < offset + n ==> can_assign1(s.frame[i], vm, gfn + (i - offset)) == CORDON_OK;
  @ ensures first: \result != CORDON_OK ==> \exists integer k; offset <= k < offset + n &&
  @   \result == can_assign1(s.frame[k], vm, gfn + (k - offset)) &&
  @   \forall integer i; offset <= i < k ==> can_assign1(s.frame[i], vm, gfn + (i - offset)) == CORDON_OK;
  @*/
static HOT enum cordon_status memory_can_assign(struct section_locked s, uint32_t vm, uint64_t offset, uint64_t n, uint64_t gfn)
{
    if (s.section->taken == 0 && s.section->pinned == 0)
        return CORDON_OK;       /* all 512 are plain host memory */
    /*@ loop invariant 0 <= i <= n;
      @ loop invariant \forall integer k; offset <= k < offset + i ==>
      @   can_assign1(s.frame[k], vm, gfn + (k - offset)) == CORDON_OK;
      @ loop assigns i;
      @ loop variant n - i;
      @*/
    for (uint64_t i = 0; i < n; i++) {
        enum cordon_status status = frame_can_assign(s.frame[offset + i], (uint16_t)vm, gfn + i);

        if (status != CORDON_OK)
            return status;
    }
    return CORDON_OK;
}

/* gfn .. gfn+n-1 are within one last-level table, so that only the low half of the number counts up. */
/*@ requires \valid(s.frame + (0 .. 511)) && offset + n <= 512;
  @ requires 1 <= vm < 0x4000 && gfn < 68719476736 && gfn % 512 + n <= 512;
  @ assigns s.frame[offset .. offset + n - 1];
  @ exits \false;
  @ ensures \forall integer i; offset <= i < offset + n ==> is_vm_record(s.frame[i], vm, gfn + (i - offset));
  @*/
static HOT void set_vm_records(struct section_locked s, uint32_t vm, uint64_t offset, uint64_t n, uint64_t gfn)
{
    struct frame f = frame_of_vm((uint16_t)vm, gfn);

    /*@ loop invariant 0 <= i <= n;
      @ loop invariant f.holder == vm && f.count == 0 && f.gfn_hi == gfn / 4294967296;
      @ loop invariant i < n ==> f.gfn_lo == gfn % 4294967296 + i;
      @ loop invariant \forall integer k; offset <= k < offset + i ==> s.frame[k].holder == vm && s.frame[k].count == 0;
      @ loop invariant \forall integer k; offset <= k < offset + i ==> s.frame[k].gfn_hi == gfn / 4294967296;
      @ loop invariant \forall integer k; offset <= k < offset + i ==>
      @   s.frame[k].gfn_lo == gfn % 4294967296 + (k - offset);
      @ loop assigns i, f, s.frame[offset .. offset + n - 1];
      @ loop variant n - i;
      @*/
    UNROLL
    for (uint64_t i = 0; i < n; i++) {
        s.frame[offset + i] = f;
        f.gfn_lo = (uint32_t)(f.gfn_lo + UINT64_C(1));     /* it may wrap behind the last */
    }
}

/* n frames of the host's go to the VM: who counts them. */
/*@ requires tables(c) && holds(c, s) && 1 <= v.id <= c->vms && v.vm == &c->vm[v.id - 1];
  @ requires s.section->taken + n <= 512 && v.vm->frames + n <= 18446744073709551615;
  @ assigns s.section->taken, v.vm->frames;
  @ exits \false;
  @ ensures tables: tables(c);
  @ ensures head: same_head{Pre,Here}(c) && same_leaves{Pre,Here}(c) && vm_rows_kept{Pre,Here}(c);
  @ ensures rest: section_rest{Pre,Here}(c, s, v);
  @ ensures taken: s.section->taken == \old(s.section->taken) + n && v.vm->frames == \old(v.vm->frames) + n;
  @*/
static HOT void count_run(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t n)
{
    (void)c;        /* for the contract */
    /*@ assert own: \forall integer i; 0 <= i < c->vms ==> \separated(&c->vm[i].s2, &v.vm->frames); */
    taken_add(s, n);
    v.vm->frames += n;
    /*@ assert head: same_head{Pre,Here}(c) && same_levels{Pre,Here}; */
    /*@ assert entries: entries_go{Pre,Here}(c); */
    /*@ assert leaves: same_leaves{Pre,Here}(c); */
    /*@ assert arrays: arrays(c); */
    /*@ assert trees: trees(c); */
    /*@ assert blocks: blocks_fit(c); */
    /*@ assert leaf: leaves_fit(c); */
    /*@ assert vm: same_tables{Pre,Here}(c); */
    /*@ assert map: same_map{Pre,Here}(c); */
    /*@ assert pool: same_pool{Pre,Here}(&v.vm->pool); */
    /*@ assert sections: other_sections{Pre,Here}(c, s.index); */
}

/* The records of frames that become the VM's. */
/*@ requires tables(c) && holds(c, s) && 1 <= v.id <= c->vms && v.vm == &c->vm[v.id - 1] && v.id < 0x4000;
  @ requires offset + n <= 512 && n >= 1 && gfn < 68719476736 && gfn % 512 + n <= 512;
  @ assigns s.frame[offset .. offset + n - 1];
  @ exits \false;
  @ ensures tables: tables(c);
  @ ensures head: same_head{Pre,Here}(c) && same_leaves{Pre,Here}(c) && vm_rows_kept{Pre,Here}(c);
  @ ensures rest: section_rest{Pre,Here}(c, s, v);
  @ ensures page: \forall integer i; offset <= i < offset + n ==> is_vm_record(s.frame[i], v.id, gfn + (i - offset));
  @ ensures others: \forall integer i; 0 <= i < offset || offset + n <= i < 512 ==>
  @   same_record(s.frame[i], \old(s.frame[i]));
  @ ensures counts: s.section->taken == \old(s.section->taken) && v.vm->frames == \old(v.vm->frames);
  @*/
static HOT void write_run(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t offset, uint64_t n,
                          uint64_t gfn)
{
    (void)c;        /* for the contract */
    /*@ assert apart: \separated(s.frame + (0 .. 511), c->phys + (0 .. c->phys_frames - 1), v.vm, c, s.section); */
    /*@ assert spans: \separated(c->span + (0 .. c->spans - 1), s.frame + (0 .. 511)); */
    /*@ assert hidden: \separated(c->hidden + (0 .. c->hiddens - 1), s.frame + (0 .. 511)); */
    /*@ assert vms: \separated(c->vm + (0 .. c->vms - 1), s.frame + (0 .. 511)); */
    set_vm_records(s, v.id, offset, n, gfn);
    /*@ assert head: same_head{Pre,Here}(c) && same_levels{Pre,Here}; */
    /*@ assert others: \forall integer i; 0 <= i < offset || offset + n <= i < 512 ==>
      @   same_record(s.frame[i], \at(s.frame[i], Pre)); */
    /*@ assert entries: entries_go{Pre,Here}(c); */
    /*@ assert leaves: same_leaves{Pre,Here}(c); */
    /*@ assert arrays: arrays(c); */
    /*@ assert trees: trees(c); */
    /*@ assert blocks: blocks_fit(c); */
    /*@ assert leaf: leaves_fit(c); */
    /*@ assert sections: other_sections{Pre,Here}(c, s.index); */
    /*@ assert records: records_outside{Pre,Here}(c, s.index * 512, s.index * 512 + 512); */
    /*@ assert map: same_map{Pre,Here}(c); */
    /*@ assert vm: same_tables{Pre,Here}(c); */
    /*@ assert pool: same_pool{Pre,Here}(&v.vm->pool); */
}

/* The records of frames of one holder, which is the host, or the VM while they are pending; and who counts them. */
/*@ requires tables(c) && holds(c, s) && 1 <= v.id <= c->vms && v.vm == &c->vm[v.id - 1] && v.id < 0x4000;
  @ requires offset + n <= 512 && n >= 1 && gfn < 68719476736 && gfn % 512 + n <= 512;
  @ requires room: s.frame[offset].holder == 0 ==> s.section->taken + n <= 512 && v.vm->frames + n <= 18446744073709551615;
  @ assigns s.frame[offset .. offset + n - 1], s.section->taken, v.vm->frames;
  @ exits \false;
  @ ensures tables: tables(c);
  @ ensures head: same_head{Pre,Here}(c);
  @ ensures vms: vm_rows_kept{Pre,Here}(c);
  @ ensures rest: section_rest{Pre,Here}(c, s, v);
  @ ensures page: \forall integer i; offset <= i < offset + n ==> is_vm_record(s.frame[i], v.id, gfn + (i - offset));
  @ ensures others: \forall integer i; 0 <= i < offset || offset + n <= i < 512 ==>
  @   same_record(s.frame[i], \old(s.frame[i]));
  @ ensures taken: s.section->taken == \old(s.section->taken) + (\old(s.frame[offset].holder) == 0 ? n : 0);
  @ ensures frames: v.vm->frames == \old(v.vm->frames) + (\old(s.frame[offset].holder) == 0 ? n : 0);
  @*/
static HOT void record_run(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t offset, uint64_t n,
                           uint64_t gfn)
{
    if (s.frame[offset].holder == HOLDER_HOST)
        count_run(c, v, s, n);
    /*@ assert counted: section_rest{Pre,Here}(c, s, v) && same_head{Pre,Here}(c) && vm_rows_kept{Pre,Here}(c) && tables(c); */
    /*@ assert sum: s.section->taken == \at(s.section->taken, Pre) + (\at(s.frame[offset].holder, Pre) == 0 ? n : 0) &&
      @   v.vm->frames == \at(v.vm->frames, Pre) + (\at(s.frame[offset].holder, Pre) == 0 ? n : 0); */
    /*@ assert records: \forall integer i; 0 <= i < 512 ==> same_record(s.frame[i], \at(s.frame[i], Pre)); */
    /*@ ghost counted: ; */
    write_run(c, v, s, offset, n, gfn);
    /*@ assert rest: section_rest{counted,Here}(c, s, v); */
}

/* What follows for frames of one holder, which is the host, or the VM while they are pending. */
/*@ requires tables(c) && holds(c, s) && 1 <= v.id <= c->vms && v.vm == &c->vm[v.id - 1] && v.id < 0x4000;
  @ requires offset + n <= 512 && n >= 1 && gfn < 68719476736 && gfn % 512 + n <= 512;
  @ requires room: s.frame[offset].holder == 0 ==> s.section->taken + n <= 512 && v.vm->frames + n <= 18446744073709551615;
  @ assigns s.frame[offset .. offset + n - 1], s.section->taken, v.vm->frames, s.section->leaf, c->host_lock,
  @   c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free, c->phys[0 .. c->phys_frames - 1],
  @   row_level[0 .. 68719476735];
  @ exits \false;
  @ ensures tables: tables(c);
  @ ensures head: same_head{Pre,Here}(c);
  @ ensures vms: vm_rows_kept{Pre,Here}(c);
  @ ensures rest: section_rest{Pre,Here}(c, s, v);
  @ ensures page: \forall integer i; offset <= i < offset + n ==> is_vm_record(s.frame[i], v.id, gfn + (i - offset));
  @ ensures others: \forall integer i; 0 <= i < offset || offset + n <= i < 512 ==>
  @   same_record(s.frame[i], \old(s.frame[i]));
  @ ensures taken: s.section->taken == \old(s.section->taken) + (\old(s.frame[offset].holder) == 0 ? n : 0);
  @ ensures frames: v.vm->frames == \old(v.vm->frames) + (\old(s.frame[offset].holder) == 0 ? n : 0);
  @ ensures gone: s.section->leaf != 0 ==> \forall integer i; offset <= i < offset + n ==>
  @   c->phys[s.section->leaf].e[i] == 0;
  @*/
static HOT void assign_run(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t offset, uint64_t n,
                           uint64_t gfn, enum cordon_contents contents)
{
    struct owed o = OWED_NOTHING;

    /*@ assert apart: \separated(s.frame + (0 .. 511), c->phys + (0 .. c->phys_frames - 1), v.vm, c, s.section); */
    record_run(c, v, s, offset, n, gfn);
    /*@ ghost own: ; */
    o = host_unmap_run(c, s, offset, n, o);
    /*@ assert heads: same_head{own,Here}(c); */
    /*@ assert records: records_kept{own,Here}(s); */
    /*@ assert taken: s.section->taken == \at(s.section->taken, own) && v.vm->frames == \at(v.vm->frames, own); */
    /*@ assert low: \forall integer i; 0 <= i < offset ==> same_record(s.frame[i], \at(s.frame[i], Pre)); */
    /*@ assert high: \forall integer i; offset + n <= i < 512 ==> same_record(s.frame[i], \at(s.frame[i], Pre)); */
    /*@ assert sections: other_sections{own,Here}(c, s.index); */
    /*@ assert records: records_outside{own,Here}(c, s.index * 512, s.index * 512 + 512); */
    /*@ assert map: same_map{own,Here}(c); */
    /*@ assert vm: same_tables{own,Here}(c); */
    /*@ assert pool: same_pool{own,Here}(&v.vm->pool); */
    /*@ assert rest: section_rest{own,Here}(c, s, v); */
    /*@ assert all: section_rest{Pre,Here}(c, s, v); */
    /*@ assert rows: vm_rows_kept{Pre,Here}(c); */
    s2_settle(c, &c->host, o);
    if (contents == CORDON_ZERO)
        arch_zero_frames(c, s.pfn + offset, n);
    arch_clean_frames(c, s.pfn + offset, n);    /* a guest with its caches off sees the same */
}

/*
 * Makes the frames the VM's, after memory_can_assign() said OK under the same lock. They are out of the host's reach
 * on return, and their contents are what `contents` says, seen by caches and memory alike. v.vm->frames is kept.
 */
/*@ requires tables(c) && holds(c, s) && 1 <= v.id <= c->vms && v.vm == &c->vm[v.id - 1] && v.id < 0x4000;
  @ requires offset + n <= 512 && gfn % 512 + n <= 512 && gfn < 68719476736;
  @ requires allowed: \forall integer i; offset <= i < offset + n ==>
  @   can_assign1(s.frame[i], v.id, gfn + (i - offset)) == CORDON_OK;
  @ requires summary: s.section->taken == 0 ==> \forall integer i; 0 <= i < 512 ==> s.frame[i].holder == 0;
  @ requires counts: counts_held(s.frame, 0, 0, offset, offset + n);
  @ requires room: s.section->taken + (held_to[offset + n] - held_to[offset]) <= 512 &&
  @   v.vm->frames + 512 <= 18446744073709551615;
  @ assigns s.frame[offset .. offset + n - 1], s.section->taken, v.vm->frames, s.section->leaf, c->host_lock,
  @   c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free, c->phys[0 .. c->phys_frames - 1],
  @   row_level[0 .. 68719476735];
  @ exits \false;
  @ ensures tables: tables(c);
  @ ensures head: same_head{Pre,Here}(c);
  @ ensures vms: vm_rows_kept{Pre,Here}(c);
  @ ensures rest: section_rest{Pre,Here}(c, s, v);
  @ ensures owner: \forall integer i; offset <= i < offset + n ==> s.frame[i].holder == v.id;
  @ ensures gfns: \forall integer i; offset <= i < offset + n ==> gfn_of(s.frame[i]) == gfn + (i - offset);
  @ ensures shares: \forall integer i; offset <= i < offset + n ==>
  @   s.frame[i].count == (\old(s.frame[i].holder) == v.id ? \old(s.frame[i].count) : 0);
  @ ensures others: \forall integer i; 0 <= i < offset || offset + n <= i < 512 ==>
  @   same_record(s.frame[i], \old(s.frame[i]));
  @ ensures taken: s.section->taken == \old(s.section->taken) + (held_to[offset + n] - held_to[offset]);
  @ ensures some: n > 0 ==> s.section->taken > 0;
  @ ensures frames: v.vm->frames == \old(v.vm->frames) + (held_to[offset + n] - held_to[offset]);
  @*/
static HOT void memory_assign(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t offset, uint64_t n,
                              uint64_t gfn, enum cordon_contents contents)
{
    uint64_t end = offset + n;
    uint64_t i = offset;

    /*@ assert apart: \separated(s.section, s.frame + (0 .. 511), v.vm, c) && \valid(s.frame + (0 .. 511)); */
    /*@ loop invariant offset <= i <= end;
      @ loop invariant tables: tables(c);
      @ loop invariant head: same_head{Pre,Here}(c);
      @ loop invariant vms: vm_rows_kept{Pre,Here}(c);
      @ loop invariant rest: section_rest{Pre,Here}(c, s, v);
      @ loop invariant owner: \forall integer k; offset <= k < i ==> s.frame[k].holder == v.id;
      @ loop invariant gfns: \forall integer k; offset <= k < i ==> gfn_of(s.frame[k]) == gfn + (k - offset);
      @ loop invariant shares: \forall integer k; offset <= k < i ==>
      @   s.frame[k].count == (\at(s.frame[k].holder, Pre) == v.id ? \at(s.frame[k].count, Pre) : 0);
      @ loop invariant others: \forall integer k; 0 <= k < offset || i <= k < 512 ==>
      @   same_record(s.frame[k], \at(s.frame[k], Pre));
      @ loop invariant summary: s.section->taken == 0 ==> \forall integer k; 0 <= k < 512 ==> s.frame[k].holder == 0;
      @ loop invariant taken: s.section->taken == \at(s.section->taken, Pre) + (held_to[i] - held_to[offset]);
      @ loop invariant frames: v.vm->frames == \at(v.vm->frames, Pre) + (held_to[i] - held_to[offset]);
      @ loop assigns i, s.frame[offset .. end - 1], s.section->taken, v.vm->frames, s.section->leaf, c->host_lock,
      @   c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
      @   c->phys[0 .. \at(c->phys_frames, Pre) - 1], row_level[0 .. 68719476735];
      @ loop variant end - i;
      @*/
    while (i < end) {
        uint64_t k = same_holder(s, i, end - i);
        uint16_t holder = s.frame[i].holder;

        /*@ assert run: \forall integer j; i <= j < i + k ==> \at(s.frame[j].holder, Pre) == holder; */
        /*@ assert which: holder == 0 || holder == v.id || holder == 0x4000 + v.id; */
        /*@ assert steps: \forall integer j; i <= j < i + k ==> held_to[j + 1] == held_to[j] + (holder == 0 ? 1 : 0); */
        /*@ ghost held_run(i, i + k, holder == 0 ? 1 : 0); */
        if (holder != v.id)     /* the VM's own settled frames stay as they are */
            assign_run(c, v, s, i, k, gfn + (i - offset), contents);
        /*@ assert vms: vm_rows_kept{Pre,Here}(c); */
        /*@ assert rest: section_rest{Pre,Here}(c, s, v); */
        i += k;
    }
}

#endif
