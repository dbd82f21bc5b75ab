/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/page.h"

#include "guest/image.h"
#include "memory/memory.h"
#include "memory/share.h"
#include "memory/stage2.h"

enum cordon_status page_find(struct cordon *c, struct vm_locked v, uint64_t gfn, uint64_t *frame)
{
    struct s2_pos p;

    if (gfn >= c->vm_shape.gfn_limit)
        return CORDON_RANGE;
    p = s2_walk(c, &v.vm->s2, gfn);
    if (!desc_valid(p.entry) || desc_is_device(p.entry))
        return CORDON_NOT_MEMORY;
    *frame = s2_frame(p, gfn);
    return CORDON_OK;
}

uint64_t page_grants(struct cordon *c, uint32_t vm, uint64_t frame)
{
    uint64_t index;
    struct section_locked s;
    struct frame f;

    if (memory_section(c, frame, &index) != CORDON_OK)
        return 0;
    s = section_lock(c, index, frame / 512);
    f = s.frame[frame % 512];
    section_unlock(c, s);
    return f.holder == vm ? f.count : 0;
}

void page_grant(struct cordon *c, struct vm_locked v, uint64_t frame, uint64_t n)
{
    struct section_locked s;
    uint64_t index;

    if (n == 0 || memory_section(c, frame, &index) != CORDON_OK)
        return;
    s = section_lock(c, index, frame / 512);
    for (uint64_t i = 0; i < n; i++)
        (void)memory_grant(s, v.id, frame % 512, 1);
    dma_follow(c, s, frame % 512, 1);
    section_unlock(c, s);
}

enum cordon_status page_lock_private(struct cordon *c, uint32_t vm, uint64_t gfn, uint64_t frame, struct section_locked *s)
{
    enum cordon_status status = CORDON_NOT_MEMORY;
    struct frame f;
    uint64_t index;

    if (memory_section(c, frame, &index) != CORDON_OK)
        return status;
    *s = section_lock(c, index, frame / 512);
    f = s->frame[frame % 512];
    if (f.holder == vm && frame_gfn(f) == gfn)
        status = f.count == 0 ? CORDON_OK : CORDON_SHARED;
    if (status != CORDON_OK)
        section_unlock(c, *s);
    return status;
}

/*
 * A guest may have its caches off, and what it has written so is in memory alone: a line that this CPU has of it from before
 * must not hide it, nor may what is written here stay in a line.
 */
bool page_is_zero(struct cordon *c, uint64_t frame)
{
    arch_clean_frames(c, frame, 1);
    return image_is_zero(c, frame);
}

void page_copy(struct cordon *c, uint64_t to, uint64_t from)
{
    arch_clean_frames(c, from, 1);
    arch_page_copy(c, to, from);
    arch_clean_frames(c, to, 1);
}
