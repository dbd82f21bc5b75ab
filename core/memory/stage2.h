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

#include "base/check.h"
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

/*@ assigns \nothing; exits \false; ensures \result <==> valid_entry(e); */
static inline bool desc_valid(uint64_t e) { return e % 2 == 1; }
/*@ assigns \nothing; exits \false; ensures \result == entry_frame(e); */
static inline uint64_t desc_pfn(uint64_t e) { return e / 4096 % (UINT64_C(1) << 36); }
/*@ assigns \nothing; exits \false; ensures \result <==> table_entry(e, level); */
static inline bool desc_is_table(uint64_t e, uint32_t level) { return level < 3 && e % 4 == DESC_TABLE; }
/*@ assigns \nothing; exits \false; ensures \result <==> leaf_here(e, level); */
static inline bool desc_is_leaf(uint64_t e, uint32_t level) { return level < 3 ? e % 4 == DESC_BLOCK : e % 4 == DESC_PAGE; }
/*@ assigns \nothing; exits \false; ensures \result <==> e / 16 % 4 == 0; */
static inline bool desc_is_device(uint64_t e) { return e / 16 % 4 == 0; }

/*@ requires frame < 68719476736;
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result == leaf_entry(frame, level, type);
  @*/
static inline uint64_t desc_leaf(uint64_t frame, uint32_t level, enum s2_type type)
{
    return frame * 4096 + (level == 3 ? DESC_PAGE : DESC_BLOCK) + (type == S2_NORMAL ? DESC_NORMAL : DESC_DEVICE);
}

/*@ requires row < 68719476736; assigns \nothing; exits \false; ensures \result == row * 4096 + 3; */
static inline uint64_t desc_table(uint64_t row) { return row * 4096 + DESC_TABLE; }

/* ---- geometry ---- */

/* Pages that an entry of a level covers. */
/*@ assigns \nothing;
  @ exits \false;
  @ ensures \result == pages_at(level);
  @*/
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
/*@ assigns \nothing;
  @ exits \false;
  @ ensures \result == entry_number(gfn, level);
  @*/
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

/* One step of a walk: from a table entry of the level above down to gfn's entry of `level`. */
/*@ requires \valid_read(c) && \valid_read(&c->phys[entry_frame(entry)]) && entry_frame(entry) < c->phys_frames;
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result.level == level && \result.row == entry_frame(entry) && \result.index == index_at(gfn, level);
  @ ensures \result.entry == c->phys[\result.row].e[\result.index];
  @*/
static HOT struct s2_pos s2_down(const struct cordon *c, uint64_t entry, uint64_t gfn, uint32_t level)
{
    uint64_t row = desc_pfn(entry);
    uint64_t index = s2_entry_number(gfn, level) % 512;

    return (struct s2_pos){ .row = row, .index = index, .entry = arch_pte_read(c, row, index), .level = level };
}

/* The position in a root table: number says which entry of all the concatenated ones. */
/*@ requires \valid_read(c) && \valid_read(t);
  @ requires t->root + number / 512 < c->phys_frames && \valid_read(&c->phys[t->root + number / 512]);
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result.level == level && \result.row == t->root + number / 512 && \result.index == number % 512;
  @ ensures \result.entry == c->phys[\result.row].e[\result.index];
  @*/
static HOT struct s2_pos s2_in_root(const struct cordon *c, const struct stage2 *t, uint64_t number, uint32_t level)
{
    uint64_t row = t->root + number / 512;
    uint64_t index = number % 512;

    return (struct s2_pos){ .row = row, .index = index, .entry = arch_pte_read(c, row, index), .level = level };
}

/* The first step of a walk. */
/*@ requires tables: tables(c);
  @ requires table: \valid_read(t) && rooted(c, t) && gfn < t->gfn_limit;
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result.level == t->start;
  @ ensures \result.row == walk_row(c, t, gfn, t->start) && \result.index == index_at(gfn, t->start);
  @ ensures \result.entry == c->phys[\result.row].e[\result.index];
  @ ensures row: is_table_of(c, t, \result.row, \result.level);
  @*/
static HOT struct s2_pos s2_top(const struct cordon *c, const struct stage2 *t, uint64_t gfn)
{
    uint64_t within = arch_index(gfn, t->gfn_limit);

    if (t->start == 0)
        return s2_in_root(c, t, s2_entry_number(within, 0) % 512, 0);   /* level 0 is never concatenated */
    if (t->start == 1)
        return s2_in_root(c, t, s2_entry_number(within, 1), 1);
    return s2_in_root(c, t, s2_entry_number(within, 2), 2);
}

/*
 * Walks to gfn and stops at the first entry that is no table, or at `last`. gfn < t->gfn_limit; t->start <= last <= 3.
 * The levels are written out: with a constant level each step is a shift, a mask and a load.
 */
static HOT struct s2_pos s2_walk_to(const struct cordon *c, const struct stage2 *t, uint64_t gfn, uint32_t last)
{
    struct s2_pos p = s2_top(c, t, gfn);

    if (p.level == 0 && last > 0 && desc_is_table(p.entry, 0))
        p = s2_down(c, p.entry, gfn, 1);
    if (p.level == 1 && last > 1 && desc_is_table(p.entry, 1))
        p = s2_down(c, p.entry, gfn, 2);
    if (p.level == 2 && last > 2 && desc_is_table(p.entry, 2))
        p = s2_down(c, p.entry, gfn, 3);
    return p;
}

/* Where the walk to gfn ends: at a leaf, an invalid entry, or level 3. */
static HOT struct s2_pos s2_walk(const struct cordon *c, const struct stage2 *t, uint64_t gfn)
{
    return s2_walk_to(c, t, gfn, 3);
}

/* The frame that a leaf at p maps gfn to. */
/*@ assigns \nothing;
  @ exits \false;
  @ ensures \result == entry_frame(p.entry) + gfn % pages_at(p.level);
  @*/
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

/* Guest frames first .. end-1 are owed an invalidation too: one range for all that is owed. */
/*@ requires first < end && owes_well(o);
  @ assigns \nothing;
  @ exits \false;
  @ ensures well: owes_well(\result);
  @ ensures new: owes(\result, first, end);
  @ ensures old: o.end != 0 ==> owes(\result, o.first, o.end);
  @*/
static inline struct owed MUST_USE owed_add(struct owed o, uint64_t first, uint64_t end)
{
    if (o.end == 0)
        return (struct owed){ first, end };
    return (struct owed){ first < o.first ? first : o.first, end > o.end ? end : o.end };
}

/* For devices that have t walked: what is owed is out of the SMMUs, and what they had under way through it is over. */
/*@ requires \valid_read(t) && owes_well(o) && o.end != 0;
  @ assigns \nothing;
  @ exits \false;
  @*/
COLD void s2_settle_devices(struct cordon *c, const struct stage2 *t, struct owed o);

/*
 * Invalidates what is owed on all CPUs, and for devices that have t walked, and waits for it. On return the old translations
 * are gone (I6).
 */
/*@ requires \valid_read(t) && owes_well(o);
  @ assigns UNSEEN;
  @ exits \false;
  @ ensures told: o.end != 0 ==> tlb_vmid == t->vmid && tlb_first == o.first && tlb_end == o.end;
  @ ensures host: host_debt == (o.end != 0 && t->vmid == c->host.vmid ? 0 : \old(host_debt));
  @ ensures vm: vm_debt == (o.end != 0 && locked_vm != 0 && t->vmid == locked_vm ? 0 : \old(vm_debt));
  @*/
static HOT void s2_settle(struct cordon *c, const struct stage2 *t, struct owed o)
{
    if (o.end == 0)
        return;
    arch_dsb_ishst(c);      /* every walker sees the entries gone before the TLBs forget them */
    arch_tlbi_ipas2e1is(c, t->vmid, o.first, o.end - o.first);
    arch_dsb_ish(c);        /* no combined entry is made of a stage-2 entry that is on its way out */
    arch_tlbi_vmalle1is(c, t->vmid);
    arch_dsb_ish(c);        /* gone on every CPU before anything that relies on it */
    if (t->devices != 0)
        s2_settle_devices(c, t, o);
}

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

/* Makes a valid entry of an invalid one, and has the walkers see it. */
static HOT void s2_make(struct cordon *c, struct s2_pos p, uint64_t new)
{
    core_assert(c, !desc_valid(p.entry));
    arch_pte_write(c, p.row, p.index, new);
    arch_dsb_ishst(c);      /* the walkers see the entry before the caller goes on to rely on it */
}

/* Puts a valid entry where a valid one is: break, invalidate, make. first as for s2_put(). */
/*@ requires \valid_read(c) && p.row < c->phys_frames && p.index < 512 && \valid(&c->phys[p.row]);
  @ requires \separated(c, &c->phys[p.row]);
  @ requires \valid_read(t) && first < 68719476736;
  @ requires now: p.entry == c->phys[p.row].e[p.index] && quiet && settles(c, t, p.row) && guarded(c, p.row);
  @ assigns c->phys[p.row].e[p.index], UNSEEN;
  @ exits \false;
  @ ensures made: c->phys[p.row].e[p.index] == new && quiet;
  @*/
void s2_replace(struct cordon *c, const struct stage2 *t, struct s2_pos p, uint64_t first, uint64_t new);

/*
 * Adds tables below the invalid entry p down to level `last`; returns the position there. Takes last - p.level tables.
 * The contract is that of a VM's tree.
 */
struct s2_pos s2_grow(struct cordon *c, struct pool *pool, struct s2_pos p, uint64_t gfn, uint32_t last);

/*
 * Turns the block at p into a table of the next level that maps the same, but for the hole: entries hole ..
 * hole+hole_n-1 of the new table stay invalid. first: the lowest guest frame number of the block. Takes one table.
 * The contract is that of a VM's tree.
 */
uint64_t s2_split(struct cordon *c, const struct stage2 *t, struct pool *pool, struct s2_pos p, uint64_t first,
                  uint64_t hole, uint64_t hole_n);

/* Invalidates one entry of a level-3 table. True when it was valid: its translation is owed. */
/*@ requires \valid_read(c) && row < c->phys_frames && index < 512 && \valid(&c->phys[row]);
  @ requires \separated(c, &c->phys[row]) && guarded(c, row);
  @ assigns c->phys[row].e[index], UNSEEN;
  @ exits \false;
  @ ensures gone: c->phys[row].e[index] == 0;
  @ ensures was: \result <==> \old(c->phys[row].e[index]) != 0;
  @ ensures host: host_debt == \old(host_debt) || (\result && host_row{Pre}(c, row));
  @ ensures vm: vm_debt == \old(vm_debt) || (\result && !host_row{Pre}(c, row));
  @*/
static HOT bool MUST_USE s2_clear_page(struct cordon *c, uint64_t row, uint64_t index)
{
    if (arch_pte_read(c, row, index) == 0)
        return false;
    arch_pte_write(c, row, index, 0);
    return true;
}

/* Fills those of n entries of a level-3 table that are invalid, so that they map the frames from `frame` on. */
static HOT void s2_fill_run(struct cordon *c, uint64_t row, uint64_t index, uint64_t frame, uint64_t n)
{
    uint64_t first = desc_leaf(frame, 3, S2_NORMAL);

    UNROLL
    for (uint64_t i = 0; i < n; i++) {
        if (arch_pte_read(c, row, index + i) == 0)
            arch_pte_write(c, row, index + i, first + i * CORDON_PAGE_SIZE);
    }
    arch_dsb_ishst(c);      /* the walkers see the pages before the caller goes on to rely on them */
}

/*
 * Invalidates n entries of a level-3 table from index on; first: the guest frame number of the first of them. If any of
 * them was valid, all of the run is owed: one range costs what one page does.
 */
static HOT struct owed MUST_USE s2_clear_run(struct cordon *c, uint64_t row, uint64_t index, uint64_t first, uint64_t n,
                                             struct owed o)
{
    bool any = false;

    UNROLL
    for (uint64_t i = 0; i < n; i++) {
        if (s2_clear_page(c, row, index + i))
            any = true;
    }
    return any ? owed_add(o, first, first + n) : o;
}

/* Entries of a table that are valid. */
/*@ requires \valid_read(c) && row < c->phys_frames && \valid_read(&c->phys[row]);
  @ assigns \nothing;
  @ exits \false;
  @ ensures count: \result == valids(&c->phys[row].e[0], 512) && \result <= 512;
  @ ensures none: \result == 0 <==> \forall integer i; 0 <= i < 512 ==> !valid_entry(c->phys[row].e[i]);
  @*/
uint64_t s2_count_valid(const struct cordon *c, uint64_t row);

/* Whether the level-3 table `row` maps exactly the 512 frames from `frame` on, as normal memory. */
/*@ requires \valid_read(c) && row < c->phys_frames && \valid_read(&c->phys[row]);
  @ requires frame + 512 <= 68719476736;
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result <==> \forall integer i; 0 <= i < 512 ==> c->phys[row].e[i] == leaf_entry(frame + i, 3, 0);
  @*/
bool s2_is_whole(const struct cordon *c, uint64_t row, uint64_t frame);

/*
 * Takes those tables out of the tree whose last page is gfn and puts them back into the pool. They must map nothing.
 * For a teardown that goes through the address space upwards.
 */
void s2_prune(struct cordon *c, const struct stage2 *t, struct pool *pool, uint64_t gfn);

#endif
