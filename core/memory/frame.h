/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frame records: who owns a physical frame, and the transitions of one record.
 *
 * The record is the truth; the host's stage 2 is a cache of it. These functions work on one record, know no lock and
 * cannot fail: their callers hold the section's lock and have checked. SEMANTICS 1 and 2.
 */
#ifndef CORDON_FRAME_H
#define CORDON_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"
#include "cordon/cordon.h"

/* Holders. Ids of VMs lie below HOLDER_PENDING. An array of zeroed records is host memory. */
#define HOLDER_HOST 0x0000u
#define HOLDER_PENDING 0x4000u  /* + VM: handed to a VM through its device tables and not yet faulted in (S6) */
#define HOLDER_CORE 0xfffeu
#define HOLDER_INVALID 0xffffu  /* no RAM: device memory or a hole */

/*@ assigns \nothing;
  @ exits \false;
  @ ensures \result == gfn_of(f);
  @*/
static inline uint64_t frame_gfn(struct frame f)
{
    return f.gfn_hi * UINT64_C(4294967296) + f.gfn_lo;
}

/*
 * All of a record in one number, which a compiler makes one load of: equal for equal records, and one more for the next
 * guest frame in the same state.
 */
/*@ assigns \nothing;
  @ exits \false;
  @ ensures \result == word_of(f);
  @*/
static inline uint64_t frame_word(struct frame f)
{
    return f.gfn_lo + ((uint64_t)f.holder << 32) + ((uint64_t)f.gfn_hi << 48) + ((uint64_t)f.count << 56);
}

/* A record of a holder that is no VM. */
/*@ assigns \nothing;
  @ exits \false;
  @ ensures is_plain_record(\result, holder);
  @*/
static inline struct frame frame_of(uint16_t holder)
{
    return (struct frame){ .gfn_lo = 0, .holder = holder, .gfn_hi = 0, .count = 0 };
}

/* A settled frame of a VM that nobody shares. gfn < 2^36. */
/*@ requires gfn < 68719476736;
  @ assigns \nothing;
  @ exits \false;
  @ ensures is_vm_record(\result, vm, gfn);
  @ ensures \result.gfn_hi == gfn / 4294967296 && \result.gfn_lo == gfn % 4294967296;
  @*/
static inline struct frame frame_of_vm(uint16_t vm, uint64_t gfn)
{
    return (struct frame){ .gfn_lo = (uint32_t)(gfn % UINT64_C(4294967296)), .holder = vm,
                           .gfn_hi = (uint8_t)(gfn / UINT64_C(4294967296)), .count = 0 };
}

/* Whether it is a VM's, settled: an entry of that VM's table may map it. */
/*@ assigns \nothing;
  @ exits \false;
  @ ensures \result <==> 1 <= f.holder < 0x4000;
  @*/
static inline bool frame_is_vm(struct frame f)
{
    return f.holder >= 1 && f.holder < HOLDER_PENDING;
}

/* Whether it is a VM's through its device tables, and its CPUs have not faulted it in yet. */
/*@ assigns \nothing;
  @ exits \false;
  @ ensures \result <==> 0x4000 < f.holder < 0x8000;
  @*/
static inline bool frame_is_pending(struct frame f)
{
    return f.holder > HOLDER_PENDING && f.holder < 2 * HOLDER_PENDING;
}

/* Whether the host may map the frame as normal memory: invariant I1. */
/*@ assigns \nothing;
  @ exits \false;
  @ ensures \result <==> host_may_map(f);
  @*/
static inline bool frame_host_may_map(struct frame f)
{
    return f.holder == HOLDER_HOST || (frame_is_vm(f) && f.count > 0);
}

/* Whether the host may give the frame away: to a VM, or to the core as a table. */
/*@ assigns \nothing;
  @ exits \false;
  @ ensures \result == can_leave1(f);
  @*/
static inline enum cordon_status frame_can_leave_host(struct frame f)
{
    if (f.holder != HOLDER_HOST)
        return CORDON_OWNED;
    return f.count == 0 ? CORDON_OK : CORDON_SHARED;
}

/* Whether assign_pfn_to_vm lets the VM have the frame at gfn. */
/*@ assigns \nothing;
  @ exits \false;
  @ ensures \result == can_assign1(f, vm, gfn);
  @*/
static inline enum cordon_status frame_can_assign(struct frame f, uint16_t vm, uint64_t gfn)
{
    if (f.holder == vm || f.holder == HOLDER_PENDING + vm)
        return frame_gfn(f) == gfn ? CORDON_OK : CORDON_GFN;
    return frame_can_leave_host(f);
}

#endif
