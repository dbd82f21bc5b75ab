/* SPDX-License-Identifier: Apache-2.0 */
#include "memory/dma.h"
#include "memory/stage2.h"

/* ---- changes ---- */

/* The entries of a run of frames; what was taken out is owed to the SMMUs. */
/*@ requires arrays(c) && holds(c, s) && offset + n <= 512;
  @ assigns \nothing;
  @ exits \false;
  @ ensures owes_well(\result);
  @*/
static struct owed update_run(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n, uint32_t but)
{
    uint64_t row = c->dma.leaf % CORDON_FRAME_LIMIT + s.index;      /* it is below that: this is for the provers */
    struct owed o = OWED_NOTHING;

    /*@ loop invariant 0 <= i <= n && owes_well(o);
      @ loop assigns i, o;
      @ loop variant n - i;
      @*/
    for (uint64_t i = 0; i < n; i++) {
        struct frame f = s.frame[offset + i];
        uint64_t frame = s.pfn + offset + i;
        uint64_t wanted = frame_host_may_map(f) && f.holder != but ? frame * CORDON_PAGE_SIZE | c->dma.page : 0;

        if (arch_dma_read(c, row, offset + i) == wanted)
            continue;
        arch_dma_write(c, row, offset + i, wanted);
        if (wanted == 0)
            o = owed_add(o, frame, frame + 1);
    }
    return o;
}

void dma_update(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n, uint32_t but)
{
    struct owed o = update_run(c, s, offset, n, but);

    arch_dma_publish(c);    /* a device that is told of a page that it got finds it */
    if (o.end == 0)
        return;
    arch_dma_invalidate(c, o.first, o.end - o.first);
    arch_dma_sync(c);
}

/* ---- boot ---- */

/* The table below gfn's entry at `level` of the table `row`: the next that is free if it has none yet. */
static uint64_t below(struct cordon *c, uint64_t row, uint64_t gfn, uint32_t level, uint64_t *next)
{
    uint64_t index = s2_entry_number(gfn, level) % 512;

    if (arch_dma_read(c, row, index) == 0)
        arch_dma_write(c, row, index, desc_table((*next)++));
    return desc_pfn(arch_dma_read(c, row, index));
}

/* Links the level-3 table of the section's record, and fills it. */
static void build_section(struct cordon *c, uint64_t number, uint64_t index, uint64_t *next)
{
    struct section_locked s = { &c->section[index], &c->frame[index * 512], number * 512, index };
    uint64_t row = c->dma.root;

    for (uint32_t level = c->dma.start; level < 2; level++)
        row = below(c, row, s.pfn, level, next);
    arch_dma_write(c, row, number % 512, desc_table(c->dma.leaf + index));
    (void)update_run(c, s, 0, 512, HOLDER_INVALID);     /* nothing has been reached through it yet, so nothing is owed */
}

/* The one page that is no RAM. Its section is none of the records', so nothing changes it any more. */
static void build_door(struct cordon *c, struct cordon_door door, uint64_t *next)
{
    uint64_t frame = door.address / CORDON_PAGE_SIZE;
    uint64_t row = c->dma.root;

    for (uint32_t level = c->dma.start; level < 3; level++)
        row = below(c, row, frame, level, next);
    arch_dma_write(c, row, frame % 512, door.address | door.page);
}

void dma_build(struct cordon *c, const struct cordon_dma *config, struct cordon_door door, uint64_t row)
{
    uint64_t next = row + c->sections + 1;

    c->dma = (struct dma){ .leaf = row, .root = row + c->sections, .start = config->bits > 39 ? 0 : 1,
                           .page = config->page };
    for (uint32_t i = 0; i < c->spans; i++) {
        for (uint64_t k = 0; k < c->span[i].count; k++)
            build_section(c, c->span[i].first + k, c->span[i].base + k, &next);
    }
    if (door.address != 0)
        build_door(c, door, &next);
}
