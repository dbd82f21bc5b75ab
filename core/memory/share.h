/* SPDX-License-Identifier: Apache-2.0 */
/* grant_vm_page and revoke_vm_page over a run: the host may use frames of a VM's, for a while. SEMANTICS 2. */
#ifndef CORDON_SHARE_H
#define CORDON_SHARE_H

#include "memory/memory.h"

/* Frames of a run that a grant or a revoke passes over: not a settled frame of the VM; its count is at the limit. */
struct passed {
    uint64_t not_owned;
    uint64_t saturated;
};

/* One more grant for each frame that the VM owns. */
/*@ requires \valid(s.frame + (0 .. 511)) && offset + n <= 512 && locked(s);
  @ assigns s.frame[offset .. offset + n - 1].count;
  @ exits \false;
  @ ensures page: \forall integer i; offset <= i < offset + n ==> s.frame[i].count == grant1(\old(s.frame[i]), vm);
  @ ensures others: \result.not_owned == others{Pre}(s.frame + offset, vm, n);
  @ ensures full: \result.saturated == at_most{Pre}(s.frame + offset, vm, n);
  @ ensures sum: \result.not_owned + \result.saturated <= n;
  @*/
static HOT struct passed memory_grant(struct section_locked s, uint32_t vm, uint64_t offset, uint64_t n)
{
    uint64_t not_owned = 0;
    uint64_t saturated = 0;

    UNROLL
    for (uint64_t i = 0; i < n; i++) {
        struct frame *f = &s.frame[offset + i];

        if (f->holder != vm)
            not_owned++;
        else if (f->count >= CORDON_SHARE_MAX)
            saturated++;
        else
            f->count++;
    }
    return (struct passed){ not_owned, saturated };
}

/* What a revoke leaves behind: an invalidation that must be settled on c->host before the section is unlocked. */
struct revoked {
    struct owed owed;
    struct passed passed;
};

/* One grant fewer. A frame whose last grant goes leaves the host's table. */
static HOT struct revoked MUST_USE memory_revoke(struct cordon *c, struct section_locked s, uint32_t vm, uint64_t offset,
                                                 uint64_t n)
{
    uint64_t not_owned = 0;
    uint64_t saturated = 0;
    bool dropped = false;
    uint64_t leaf = s.section->leaf;    /* 0: the host maps none of the VM's pages here */

    UNROLL
    for (uint64_t i = 0; i < n; i++) {
        struct frame *f = &s.frame[offset + i];

        if (f->holder != vm) {
            not_owned++;
        } else if (f->count == 0) {
            saturated++;
        } else {
            f->count--;
            if (f->count == 0 && leaf != 0 && s2_clear_page(c, leaf, offset + i))
                dropped = true;
        }
    }
    return (struct revoked){ dropped ? (struct owed){ s.pfn + offset, s.pfn + offset + n } : OWED_NOTHING,
                             { not_owned, saturated } };
}

#endif
