/* SPDX-License-Identifier: Apache-2.0 */
/* assign_pfn_to_vm over a run: frames of the host's become a VM's. SEMANTICS 2. */
#ifndef CORDON_ASSIGN_H
#define CORDON_ASSIGN_H

#include "memory/memory.h"

/* Whether the VM may have the frames offset .. offset+n-1 at gfn ..: OK, or the refusal of the first that it may not. */
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
/*@ requires \valid(s.frame + (0 .. 511)) && offset + n <= 512 && locked(s);
  @ requires 1 <= vm < 0x4000 && gfn < 68719476736 && gfn % 512 + n <= 512;
  @ assigns s.frame[offset .. offset + n - 1];
  @ exits \false;
  @ ensures \forall integer i; offset <= i < offset + n ==> is_vm_record(s.frame[i], vm, gfn + (i - offset));
  @*/
static HOT void set_vm_records(struct section_locked s, uint32_t vm, uint64_t offset, uint64_t n, uint64_t gfn)
{
    struct frame f = frame_of_vm((uint16_t)vm, gfn);

    UNROLL
    for (uint64_t i = 0; i < n; i++) {
        s.frame[offset + i] = f;
        f.gfn_lo = (uint32_t)(f.gfn_lo + UINT64_C(1));     /* it may wrap behind the last */
    }
}

/* n frames of the host's go to the VM: who counts them. */
/*@ requires tables(c) && holds(c, s) && 1 <= v.id <= c->vms && v.vm == &c->vm[v.id - 1];
  @ requires s.section->taken + n <= 512 && v.vm->frames + n <= 18446744073709551615 && locked(s);
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
    taken_add(s, n);
    v.vm->frames += n;
}

/* The records of frames that become the VM's. */
static HOT void write_run(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t offset, uint64_t n,
                          uint64_t gfn)
{
    (void)c;        /* for the contract */
    set_vm_records(s, v.id, offset, n, gfn);
}

/* The records of frames of one holder, which is the host, or the VM while they are pending; and who counts them. */
static HOT void record_run(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t offset, uint64_t n,
                           uint64_t gfn)
{
    if (s.frame[offset].holder == HOLDER_HOST)
        count_run(c, v, s, n);
    write_run(c, v, s, offset, n, gfn);
}

/* What follows for frames of one holder, which is the host, or the VM while they are pending. */
static HOT void assign_run(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t offset, uint64_t n,
                           uint64_t gfn, enum cordon_contents contents)
{
    struct owed o = OWED_NOTHING;

    record_run(c, v, s, offset, n, gfn);
    o = host_unmap_run(c, s, offset, n, o);
    s2_settle(c, &c->host, o);
    dma_follow(c, s, offset, n);
    if (contents == CORDON_ZERO)
        arch_zero_frames(c, s.pfn + offset, n);
    arch_clean_frames(c, s.pfn + offset, n);    /* a guest with its caches off sees the same */
}

/*
 * Makes the frames the VM's, after memory_can_assign() said OK under the same lock. They are out of the host's reach
 * on return, and their contents are what `contents` says, seen by caches and memory alike. v.vm->frames is kept.
 */
static HOT void memory_assign(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t offset, uint64_t n,
                              uint64_t gfn, enum cordon_contents contents)
{
    uint64_t end = offset + n;
    uint64_t i = offset;

    while (i < end) {
        uint64_t k = same_holder(s, i, end - i);
        uint16_t holder = s.frame[i].holder;

        if (holder != v.id)     /* the VM's own settled frames stay as they are */
            assign_run(c, v, s, i, k, gfn + (i - offset), contents);
        i += k;
    }
}

#endif
