/* SPDX-License-Identifier: Apache-2.0 */
#include "memory/memory.h"

/* The records of host frames that become the core's, and who counts them. */
static void record_core(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n)
{
    (void)c;        /* for the contract */
    taken_add(s, n);
    set_holder(s, offset, n, HOLDER_CORE);
}

enum cordon_status memory_take_for_core(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n)
{
    struct owed owed;

    /*@ loop invariant 0 <= i <= n;
      @ loop invariant \forall integer k; offset <= k < offset + i ==> can_leave1(s.frame[k]) == CORDON_OK;
      @ loop assigns i;
      @ loop variant n - i;
      @*/
    for (uint64_t i = 0; i < n; i++) {
        enum cordon_status status = frame_can_leave_host(s.frame[offset + i]);

        if (status != CORDON_OK)
            return status;
    }
    record_core(c, s, offset, n);
    owed = host_unmap_run(c, s, offset, n, OWED_NOTHING);
    s2_settle(c, &c->host, owed);
    dma_follow(c, s, offset, n);
    return CORDON_OK;
}

/* The record of a frame of the core's becomes the host's, and who counts it. */
static void record_host(struct cordon *c, struct section_locked s, uint64_t offset)
{
    (void)c;        /* for the contract */
    set_holder(s, offset, 1, HOLDER_HOST);
    taken_sub(s, 1);
}

void memory_return_from_core(struct cordon *c, uint64_t frame)
{
    uint64_t index = 0;
    bool known = region_section(c, frame / 512, &index);
    struct section_locked s;

    core_assert(c, known);
    if (!known)
        return;
    s = section_lock(c, index, frame / 512);
    arch_zero_frames(c, frame, 1);
    arch_clean_frames(c, frame, 1);
    record_host(c, s, frame % 512);
    dma_follow(c, s, frame % 512, 1);
    section_unlock(c, s);
}
