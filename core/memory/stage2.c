/* SPDX-License-Identifier: Apache-2.0 */
#include "memory/stage2.h"

#include "cordon/cordon.h"
#include "memory/pool.h"

bool s2_shape(const struct cordon_geometry *g, struct stage2 *shape)
{
    uint32_t bits = g->ipa_bits;
    uint32_t low = g->start_level == 0 ? 39 : g->start_level == 1 ? 30 : 21;   /* address bits below the root's index */
    uint32_t extra;

    if (bits < 32 || bits > 48 || g->start_level > 2 || bits <= low || bits > low + 13)
        return false;
    extra = bits > low + 9 ? bits - (low + 9) : 0;
    shape->start = g->start_level;
    shape->roots = UINT32_C(1) << extra;
    shape->gfn_limit = UINT64_C(1) << (bits - 12);
    return true;
}

void s2_settle_devices(struct cordon *c, const struct stage2 *t, struct owed o)
{
    arch_dma_forget(c, t->vmid, o.first, o.end - o.first);
    arch_dma_sync(c);
}

/* Takes the valid entry p away, and what the TLBs have of it. */
static struct s2_pos break_entry(struct cordon *c, const struct stage2 *t, struct s2_pos p, uint64_t first)
{
    s2_settle(c, t, s2_put(c, p.row, p.index, first, p.level, p.entry, 0, OWED_NOTHING));
    p.entry = 0;
    return p;
}

void s2_replace(struct cordon *c, const struct stage2 *t, struct s2_pos p, uint64_t first, uint64_t new)
{
    s2_make(c, break_entry(c, t, p, first), new);
}

/* The frame `child`, which the pool has just given, becomes the table below the invalid entry p. Its entries were ordered. */
static HOT void link_child(struct cordon *c, struct pool *pool, struct s2_pos p, uint64_t child)
{
    (void)pool;             /* for the contract */
    s2_make(c, p, desc_table(child));
}

/* A table below the invalid entry p; the position of gfn in it. */
static HOT struct s2_pos grow_one(struct cordon *c, struct pool *pool, struct s2_pos p, uint64_t gfn)
{
    uint64_t child = pool_take(c, pool);
    uint64_t index = s2_entry_number(gfn, p.level + 1) % 512;

    arch_dsb_ishst(c);      /* the child is seen empty before it is seen at all */
    link_child(c, pool, p, child);
    return (struct s2_pos){ .row = child, .index = index, .entry = 0, .level = p.level + 1 };
}

struct s2_pos s2_grow(struct cordon *c, struct pool *pool, struct s2_pos p, uint64_t gfn, uint32_t last)
{
    while (p.level < last)
        p = grow_one(c, pool, p, gfn);
    return p;
}

/* The table `child` maps what the block at p does, but for n entries from `hole` on. */
static void fill_child(struct cordon *c, struct s2_pos p, uint64_t child, uint64_t hole, uint64_t n)
{
    uint64_t frame = desc_pfn(p.entry);
    uint64_t step = s2_pages(p.level + 1);
    enum s2_type type = desc_is_device(p.entry) ? S2_DEVICE : S2_NORMAL;

    for (uint64_t i = 0; i < 512; i++) {
        if (i < hole || i >= hole + n)
            arch_pte_write(c, child, i, desc_leaf(frame + i * step, p.level + 1, type));
    }
}

uint64_t s2_split(struct cordon *c, const struct stage2 *t, struct pool *pool, struct s2_pos p, uint64_t first,
                  uint64_t hole, uint64_t hole_n)
{
    uint64_t child = pool_take(c, pool);

    fill_child(c, p, child, hole, hole_n);
    arch_dsb_ishst(c);      /* the child is seen filled before it is seen at all, and before the block is gone */
    p = break_entry(c, t, p, first);
    link_child(c, pool, p, child);
    return child;
}

uint64_t s2_count_valid(const struct cordon *c, uint64_t row)
{
    uint64_t n = 0;

    /*@ loop invariant 0 <= i <= 512 && n <= i;
      @ loop invariant n == valids(&c->phys[row].e[0], i);
      @ loop invariant n == 0 <==> \forall integer k; 0 <= k < i ==> !valid_entry(c->phys[row].e[k]);
      @ loop assigns i, n;
      @ loop variant 512 - i;
      @*/
    for (uint64_t i = 0; i < 512; i++)
        n += desc_valid(arch_pte_read(c, row, i)) ? 1 : 0;
    return n;
}

bool s2_is_whole(const struct cordon *c, uint64_t row, uint64_t frame)
{
    /*@ loop invariant 0 <= i <= 512;
      @ loop invariant \forall integer k; 0 <= k < i ==> c->phys[row].e[k] == leaf_entry(frame + k, 3, 0);
      @ loop assigns i;
      @ loop variant 512 - i;
      @*/
    for (uint64_t i = 0; i < 512; i++) {
        if (arch_pte_read(c, row, i) != desc_leaf(frame + i, 3, S2_NORMAL))
            return false;
    }
    return true;
}

void s2_prune(struct cordon *c, const struct stage2 *t, struct pool *pool, uint64_t gfn)
{
    for (uint32_t level = 3; level > t->start; level--) {
        struct s2_pos above;

        if ((gfn + 1) % (s2_pages(level) * 512) != 0)
            return;
        above = s2_walk_to(c, t, gfn, level - 1);
        if (above.level != level - 1 || !desc_is_table(above.entry, above.level))
            continue;
        core_assert(c, s2_count_valid(c, desc_pfn(above.entry)) == 0);
        s2_settle(c, t, s2_put(c, above.row, above.index, gfn + 1 - s2_pages(level) * 512, above.level, above.entry, 0,
                               OWED_NOTHING));
        pool_put(c, pool, desc_pfn(above.entry));
    }
}
