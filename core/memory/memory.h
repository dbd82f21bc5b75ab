/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page-level transitions of SEMANTICS 2, over runs: consecutive frames of one section that stand for consecutive guest
 * frame numbers. A run of one page is the seed's page operation. The caller holds the locks that the handles name.
 *
 * Here is what all of them need, and those of the core's own frames. assign.h, clear.h and share.h have the others, inline
 * so that the caller's constant length of one leaves no loop: a call for one page costs no batch.
 */
#ifndef CORDON_MEMORY_H
#define CORDON_MEMORY_H

#include "memory/dma.h"
#include "memory/frame.h"
#include "memory/host.h"
#include "base/region.h"
#include "cordon/cordon.h"

/* ---- bounds of a call ---- */

/* Pages that one call zeroes at most: with a new table and a split of the host's block about 16,500 instructions. */
#define ZERO_PAGES 16

/*@ assigns \nothing;
  @ exits \false;
  @ ensures \result == (a < b ? a : b);
  @*/
static inline uint64_t min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- sections ---- */

/* The section of a frame, to be locked by section_lock(). OWNED: the frame is in no section of RAM. */
/*@ requires arrays(c) && spans_fit(c);
  @ requires \valid(index) && \separated(index, c, c->span + (0 .. c->spans - 1), c->hidden + (0 .. c->hiddens - 1));
  @ assigns *index;
  @ exits \false;
  @ ensures found: \result == CORDON_OK ==> *index < c->sections && frame / 512 < 134217728 &&
  @   is_section(c, frame / 512, *index);
  @ ensures none: \result != CORDON_OK ==> \result == CORDON_OWNED && !in_ram(c, frame / 512);
  @*/
static HOT enum cordon_status memory_section(const struct cordon *c, uint64_t frame, uint64_t *index)
{
    return region_section(c, frame / 512, index) ? CORDON_OK : CORDON_OWNED;
}

/* The count of frames that are not the host's is read without the section's lock by whoever maps 1 GiB: see host.h. */
/*@ requires \valid(s.section) && s.section->taken + n <= 512 && locked(s);
  @ assigns s.section->taken;
  @ exits \false;
  @ ensures s.section->taken == \old(s.section->taken) + n;
  @*/
static HOT void taken_add(struct section_locked s, uint64_t n)
{
    arch_store16(&s.section->taken, (uint16_t)(s.section->taken + n));
}

/* n of the section are the host's again. Who reads the lower count sees all that was done to them before. */
/*@ requires \valid(s.section) && n <= s.section->taken && locked(s);
  @ assigns s.section->taken;
  @ exits \false;
  @ ensures s.section->taken == \old(s.section->taken) - n;
  @*/
static HOT void taken_sub(struct section_locked s, uint64_t n)
{
    arch_store_release16(&s.section->taken, (uint16_t)(s.section->taken - n));
}

/* ---- the records of a run ---- */

/* How many frames from offset on have the holder of the first. */
/*@ requires \valid_read(s.section) && \valid_read(s.frame + (0 .. 511)) && offset + n <= 512 && n >= 1;
  @ requires summary: s.section->taken == 0 ==> \forall integer i; 0 <= i < 512 ==> s.frame[i].holder == 0;
  @ assigns \nothing;
  @ exits \false;
  @ ensures 1 <= \result <= n;
  @ ensures \forall integer i; offset <= i < offset + \result ==> s.frame[i].holder == s.frame[offset].holder;
  @ ensures longest: \result < n ==> s.frame[offset + \result].holder != s.frame[offset].holder;
  @*/
static HOT uint64_t same_holder(struct section_locked s, uint64_t offset, uint64_t n)
{
    uint16_t holder = s.frame[offset].holder;
    uint64_t i = 1;

    if (s.section->taken == 0)
        return n;               /* all 512 are the host's */
    /*@ loop invariant 1 <= i <= n;
      @ loop invariant \forall integer k; offset <= k < offset + i ==> s.frame[k].holder == holder;
      @ loop assigns i;
      @ loop variant n - i;
      @*/
    while (i < n && s.frame[offset + i].holder == holder)
        i++;
    return i;
}

/* n records from offset on become plain ones of a holder that is no VM: no guest frame number, no grants. */
/*@ requires \valid(s.frame + (0 .. 511)) && offset + n <= 512 && locked(s);
  @ requires zeroes: holder == HOLDER_HOST ==> zeroed(s.pfn + offset, n) && cleaned(s.pfn + offset, n);
  @ assigns s.frame[offset .. offset + n - 1];
  @ exits \false;
  @ ensures \forall integer i; offset <= i < offset + n ==> is_plain_record(s.frame[i], holder);
  @*/
static HOT void set_holder(struct section_locked s, uint64_t offset, uint64_t n, uint16_t holder)
{
    /*@ loop invariant 0 <= i <= n;
      @ loop invariant \forall integer k; offset <= k < offset + i ==> is_plain_record(s.frame[k], holder);
      @ loop assigns i, s.frame[offset .. offset + n - 1];
      @ loop variant n - i;
      @*/
    UNROLL
    for (uint64_t i = 0; i < n; i++)
        s.frame[offset + i] = frame_of(holder);
}

/* ---- the core's own ---- */

/* Host frames become the core's, out of the host's reach. OWNED, SHARED: the first that is not the host's to give. */
enum cordon_status memory_take_for_core(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n);

/* A frame of the core's goes to the host, zeroed. It must be in no table and no walk cache. */
void memory_return_from_core(struct cordon *c, uint64_t frame);

#endif
