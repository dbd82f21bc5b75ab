/* SPDX-License-Identifier: Apache-2.0 */
#include "cache.h"

#include <string.h>

#include "ram.h"
#include "util.h"

static bool modelled(const struct sim *s)
{
    return s->check && !s->concurrent;
}

/* Memory has what the caches show now, and keeps it; the caches go on alone. */
static void leave_behind(struct sim *s, uint64_t frame)
{
    struct frame_note *n = &s->note[frame];

    if (!modelled(s))
        return;
    s->flag[frame] |= FRAME_DIRTY;
    if ((s->flag[frame] & FRAME_TOUCHED) == 0)
        return;
    if (n->beneath == NULL)
        n->beneath = sim_page_get(s);
    memcpy(n->beneath, &s->phys[frame], sizeof(*n->beneath));
}

static void make_dirty(struct sim *s, uint64_t frame)
{
    if ((s->flag[frame] & FRAME_DIRTY) == 0)
        leave_behind(s, frame);
}

void cache_clean(struct sim *s, uint64_t frame)
{
    if ((s->flag[frame] & FRAME_ZEROED) != 0)
        s->flag[frame] &= (uint8_t)~(FRAME_TOUCHED | FRAME_ZEROED);
    if ((s->flag[frame] & FRAME_DIRTY) == 0)
        return;
    s->flag[frame] &= (uint8_t)~FRAME_DIRTY;
    if (s->note[frame].beneath != NULL)
        sim_page_put(s, s->note[frame].beneath);
    s->note[frame].beneath = NULL;
}

uint64_t cache_read(struct sim *s, uint64_t frame, uint32_t word, bool uncached)
{
    if (uncached && modelled(s) && (s->flag[frame] & FRAME_DIRTY) != 0)
        return s->note[frame].beneath != NULL ? s->note[frame].beneath->e[word] : 0;
    return hw_load(&s->phys[frame].e[word]);
}

void cache_write(struct sim *s, uint64_t frame, uint32_t word, uint64_t value, bool uncached)
{
    struct frame_note *n = &s->note[frame];

    if (!uncached)
        make_dirty(s, frame);
    sim_touch(s, frame);
    if (!uncached || !modelled(s) || (s->flag[frame] & FRAME_DIRTY) == 0) {
        hw_store(&s->phys[frame].e[word], value);
        return;
    }
    if (n->beneath == NULL) {
        n->beneath = sim_page_get(s);
        memset(n->beneath, 0, sizeof(*n->beneath));
    }
    n->beneath->e[word] = value;
}

bool cache_hides(const struct sim *s, uint64_t frame)
{
    const struct table *beneath = s->note[frame].beneath;

    if ((s->flag[frame] & FRAME_DIRTY) == 0)
        return false;
    return beneath != NULL ? memcmp(beneath, &s->phys[frame], 4096) != 0 : !sim_is_zero(s, frame);
}

void cache_core_writes(struct sim *s, uint64_t frame)
{
    make_dirty(s, frame);
    sim_touch(s, frame);
}

/*
 * A frame that nobody ever wrote to is zero already and takes no memory of the developer's. Of any other the old
 * contents may just have been written back, so that memory has them until the zeros are cleaned.
 */
void cache_zero(struct sim *s, uint64_t frame)
{
    if (modelled(s) && (s->flag[frame] & FRAME_TOUCHED) == 0)
        return;
    leave_behind(s, frame);
    memset(&s->phys[frame], 0, 4096);
    if (!s->concurrent)
        s->flag[frame] |= FRAME_ZEROED;
}
