/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

enum cordon_status memory_take_for_core(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        enum cordon_status status = frame_can_leave_host(s.frame[offset + i]);

        if (status != CORDON_OK)
            return status;
    }
    taken_add(s, n);
    set_holder(s, offset, n, HOLDER_CORE);
    s2_settle(c, &c->host, host_unmap_run(c, s, offset, n, OWED_NOTHING));
    return CORDON_OK;
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
    set_holder(s, frame % 512, 1, HOLDER_HOST);
    taken_sub(s, 1);
    section_unlock(c, s);
}
