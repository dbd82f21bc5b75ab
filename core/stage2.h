/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage-2 translation tables: descriptors, the walk, and the only code that writes a table entry.
 *
 * A position is a place in a table; a change of an entry yields the invalidation that is owed for it, which the caller
 * must settle before it drops the lock of the table (S11). Entries are taken apart with / and % by powers of two: the
 * compiler makes shifts of them and the provers can follow. Arm ARM D8.3 (descriptors), D8.14 (break-before-make).
 */
#ifndef CORDON_STAGE2_H
#define CORDON_STAGE2_H

#include "check.h"
#include "cordon/cordon.h"

/* ---- descriptors ---- */

#define DESC_TABLE UINT64_C(0x3)                        /* levels 0 to 2 */
#define DESC_BLOCK UINT64_C(0x1)                        /* levels 1 and 2 */
#define DESC_PAGE UINT64_C(0x3)                         /* level 3 */
/* MemAttr normal write-back, S2AP read-write, inner shareable, accessed. */
#define DESC_NORMAL UINT64_C(0x7fc)
/* MemAttr device-nGnRE, S2AP read-write, accessed, execute-never. */
#define DESC_DEVICE (UINT64_C(0x4c4) + (UINT64_C(1) << 54))

enum s2_type { S2_NORMAL, S2_DEVICE };

static inline bool desc_valid(uint64_t e) { return e % 2 == 1; }
static inline uint64_t desc_pfn(uint64_t e) { return e / 4096 % (UINT64_C(1) << 36); }
static inline bool desc_is_table(uint64_t e, uint32_t level) { return level < 3 && e % 4 == DESC_TABLE; }
static inline bool desc_is_leaf(uint64_t e, uint32_t level) { return level < 3 ? e % 4 == DESC_BLOCK : e % 4 == DESC_PAGE; }
static inline bool desc_is_device(uint64_t e) { return e / 16 % 4 == 0; }

static inline uint64_t desc_leaf(uint64_t frame, uint32_t level, enum s2_type type)
{
    return frame * 4096 + (level == 3 ? DESC_PAGE : DESC_BLOCK) + (type == S2_NORMAL ? DESC_NORMAL : DESC_DEVICE);
}

static inline uint64_t desc_table(uint64_t row) { return row * 4096 + DESC_TABLE; }

/* ---- geometry ---- */

/* Pages that an entry of a level covers. */
static inline uint64_t s2_pages(uint32_t level)
{
    switch (level) {
    case 0: return UINT64_C(134217728);
    case 1: return CORDON_GIB_PAGES;
    case 2: return CORDON_BLOCK_PAGES;
    default: return 1;
    }
}

/* The number of gfn's entry among all entries of its level. */
static inline uint64_t s2_entry_number(uint64_t gfn, uint32_t level)
{
    switch (level) {
    case 0: return gfn / UINT64_C(134217728);
    case 1: return gfn / UINT64_C(262144);
    case 2: return gfn / 512;
    default: return gfn;
    }
}

/* start, roots and gfn_limit for a geometry; false when the architecture does not allow it. */
bool s2_shape(const struct cordon_geometry *g, struct stage2 *shape);

/* ---- positions and walks ---- */

struct s2_pos {
    uint64_t row;       /* table */
    uint64_t index;     /* entry in it, 0 .. 511 */
    uint64_t entry;     /* its value when the walk read it */
    uint32_t level;
};

/* Walks to gfn and stops at the first entry that is no table, or at `last`. gfn < t->gfn_limit; t->start <= last <= 3. */
static inline struct s2_pos s2_walk_to(const struct cordon *c, const struct stage2 *t, uint64_t gfn, uint32_t last)
{
    uint64_t n = s2_entry_number(gfn, t->start);
    struct s2_pos p = { .row = t->root + n / 512, .index = n % 512, .entry = 0, .level = t->start };

    p.entry = arch_pte_read(c, p.row, p.index);
    while (p.level < last && desc_is_table(p.entry, p.level)) {
        p.level++;
        p.row = desc_pfn(p.entry);
        p.index = s2_entry_number(gfn, p.level) % 512;
        p.entry = arch_pte_read(c, p.row, p.index);
    }
    return p;
}

static inline struct s2_pos s2_walk(const struct cordon *c, const struct stage2 *t, uint64_t gfn)
{
    return s2_walk_to(c, t, gfn, 3);
}

/* The frame that a leaf at p maps gfn to. */
static inline uint64_t s2_frame(struct s2_pos p, uint64_t gfn)
{
    return desc_pfn(p.entry) + gfn % s2_pages(p.level);
}

/* ---- owed invalidations ---- */

/* Guest frame numbers whose old translations may still be in a TLB: first .. end-1, none when end is 0. */
struct owed {
    uint64_t first;
    uint64_t end;
};

#define OWED_NOTHING ((struct owed){ 0, 0 })

static inline struct owed MUST_USE owed_add(struct owed o, uint64_t first, uint64_t end)
{
    if (o.end == 0)
        return (struct owed){ first, end };
    return (struct owed){ first < o.first ? first : o.first, end > o.end ? end : o.end };
}

/* Invalidates what is owed on all CPUs and waits for it. On return the old translations are gone (I6). */
void s2_settle(struct cordon *c, const struct stage2 *t, struct owed o);

/* ---- changes: the caller holds the lock of the table ---- */

/*
 * Changes one entry. first: the lowest guest frame number that the entry covers; old: its value now. What is owed for
 * the old translation is added to o. Valid entries are not replaced by valid ones: that is s2_replace().
 */
static inline struct owed MUST_USE s2_put(struct cordon *c, uint64_t row, uint64_t index, uint64_t first, uint32_t level,
                                          uint64_t old, uint64_t new, struct owed o)
{
    core_assert(c, !desc_valid(old) || !desc_valid(new));
    arch_pte_write(c, row, index, new);
    return desc_valid(old) ? owed_add(o, first, first + s2_pages(level)) : o;
}

/* Puts a valid entry where a valid one is: break, invalidate, make. first as for s2_put(). */
void s2_replace(struct cordon *c, const struct stage2 *t, struct s2_pos p, uint64_t first, uint64_t new);

/* Makes a valid entry of an invalid one, and has the walkers see it. */
void s2_make(struct cordon *c, struct s2_pos p, uint64_t new);

/* Adds tables below the invalid entry p down to level `last`; returns the position there. Takes last - p.level tables. */
struct s2_pos s2_grow(struct cordon *c, struct pool *pool, struct s2_pos p, uint64_t gfn, uint32_t last);

/*
 * Turns the block at p into a table of the next level that maps the same, but for the hole: entries hole ..
 * hole+hole_n-1 of the new table stay invalid. first: the lowest guest frame number of the block. Takes one table.
 */
uint64_t s2_split(struct cordon *c, const struct stage2 *t, struct pool *pool, struct s2_pos p, uint64_t first,
                  uint64_t hole, uint64_t hole_n);

/* Invalidates `n` entries of a level-3 table from `index` on; first: the guest frame number of the first of them. */
struct owed MUST_USE s2_clear_run(struct cordon *c, uint64_t row, uint64_t index, uint64_t first, uint64_t n, struct owed o);

/* Entries of a table that are valid. */
uint64_t s2_count_valid(const struct cordon *c, uint64_t row);

/* Whether the level-3 table `row` maps exactly the 512 frames from `frame` on, as normal memory. */
bool s2_is_whole(const struct cordon *c, uint64_t row, uint64_t frame);

/*
 * Takes those tables out of the tree whose last page is gfn and puts them back into the pool. They must map nothing.
 * For a teardown that goes through the address space upwards.
 */
void s2_prune(struct cordon *c, const struct stage2 *t, struct pool *pool, uint64_t gfn);

#endif
