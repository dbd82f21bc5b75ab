/* SPDX-License-Identifier: Apache-2.0 */
#include "stage2.h"

#include "cordon/cordon.h"
#include "pool.h"

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

void s2_settle(struct cordon *c, const struct stage2 *t, struct owed o)
{
    if (o.end == 0)
        return;
    arch_dsb_ishst(c);      /* every walker sees the entries gone before the TLBs forget them */
    arch_tlbi_ipas2e1is(c, t->vmid, o.first, o.end - o.first);
    arch_dsb_ish(c);        /* no combined entry is made of a stage-2 entry that is on its way out */
    arch_tlbi_vmalle1is(c, t->vmid);
    arch_dsb_ish(c);        /* gone on every CPU before anything that relies on it */
}

/* Takes the valid entry p away, and what the TLBs have of it. */
/*@ requires \valid_read(c) && p.row < c->phys_frames && p.index < 512 && \valid(&c->phys[p.row]);
  @ requires \valid_read(t) && first < 68719476736;
  @ assigns c->phys[p.row].e[p.index];
  @ exits \false;
  @ ensures gone: c->phys[p.row].e[p.index] == 0 && \result.entry == 0;
  @ ensures place: \result.row == p.row && \result.index == p.index && \result.level == p.level;
  @ behavior unblock:
  @   assumes tables(c) && row_level[p.row] == 2 && !host_row(c, p.row);
  @   ensures head: same_head{Pre,Here}(c);
  @   ensures mapped: leaves_change{Pre,Here}(c);
  @   ensures others: grown{Pre,Here}(c, p.row, p.index);
  @   ensures tables: tables(c);
  @*/
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
/*@ requires tables(c) && pool_sound(c, pool) && \valid(pool) && on_table(c, p) && p.level < 3 && !valid_entry(p.entry);
  @ requires apart: \separated(pool, c, c->phys + (0 .. c->phys_frames - 1), c->section + (0 .. c->sections - 1),
  @   c->frame + (0 .. c->sections * 512 - 1));
  @ requires vm: !host_row(c, p.row) && !host_row(c, child);
  @ requires spare: child < c->phys_frames && row_level[child] == -1;
  @ requires leaves: \forall integer i; 0 <= i < 512 ==>
  @   c->phys[child].e[i] == 0 || (p.level == 2 && c->phys[child].e[i] < 72057594037927936);
  @ requires gone: \forall integer k; 0 <= k < pool->free ==> pool_row[k] != child;
  @ assigns c->phys[p.row].e[p.index], row_level[child], above_row[child], above_index[child];
  @ exits \false;
  @ ensures tables: tables(c);
  @ ensures pool: pool_sound(c, pool);
  @ ensures kept: \forall integer i; 0 <= i < 512 ==> c->phys[child].e[i] == \old(c->phys[child].e[i]);
  @ ensures empty: \old(all_zero(c, child, child)) ==> all_zero(c, child, child);
  @ ensures link: c->phys[p.row].e[p.index] == child * 4096 + 3 && row_level[child] == p.level + 1;
  @ ensures grown: tree_grown{Pre,Here}(c);
  @ ensures others: grown{Pre,Here}(c, p.row, p.index);
  @ ensures parents: \old(parents(c)) ==> parents(c);
  @*/
static HOT void link_child(struct cordon *c, struct pool *pool, struct s2_pos p, uint64_t child)
{
    (void)pool;             /* for the contract */
    /*@ assert other: child != p.row; */
    /*@ assert names: entry_frame(child * 4096 + 3) == child && (child * 4096 + 3) % 4 == 3; */
    s2_make(c, p, desc_table(child));
    /*@ ghost row_level[child] = p.level + 1; */
    /*@ ghost above_row[child] = p.row; */
    /*@ ghost above_index[child] = p.index; */
    /*@ assert head: same_head{Pre,Here}(c); */
    /*@ assert leaf: same_leaves{Pre,Here}(c); */
    /*@ assert arrays: arrays(c); */
    /*@ assert others: \forall integer r, i; 0 <= r < \at(c->phys_frames, Pre) && 0 <= i < 512 &&
      @   !(r == p.row && i == p.index) ==> c->phys[r].e[i] == \at(c->phys[r].e[i], Pre); */
    /*@ assert levels: levels_grown{Pre,Here}(c); */
    /*@ assert above: above_grown{Pre,Here}(c); */
    /*@ assert name: names_new{Pre,Here}(c, p.row, p.index, child * 4096 + 3, child); */
    /*@ assert child: \forall integer i; 0 <= i < 512 ==> c->phys[child].e[i] == \at(c->phys[child].e[i], Pre); */
    /*@ assert level: row_level[child] == p.level + 1; */
    /*@ assert leaves: \forall integer r, i; child <= r <= child && 0 <= i < 512 ==> c->phys[r].e[i] == 0 ||
      @   (row_level[r] == 3 && c->phys[r].e[i] < 72057594037927936); */
    /*@ assert rows: \forall integer r; 0 <= r < \at(c->phys_frames, Pre) && !was_there{Pre}(c, r) && row_level[r] >= 0 ==>
      @   child <= r <= child; */
    /*@ assert new: new_tables{Pre,Here}(c); */
    /*@ assert old: old_tables{Pre,Here}(c); */
    /*@ assert grown: tree_grown{Pre,Here}(c); */
    /*@ assert trees: trees(c); */
    /*@ assert blocks: blocks_fit(c); */
    /*@ assert leaves: leaves_fit(c); */
    /*@ assert pools: same_pool{Pre,Here}(pool) && same_list{Pre,Here}(pool); */
    /*@ assert first: pool_head(pool); */
    /*@ assert once: pool_once(pool); */
    /*@ assert spare: pool_spare(c, pool); */
    /*@ assert list: pool_linked(c, pool); */
}

/* A table below the invalid entry p; the position of gfn in it. */
/*@ requires tables(c) && can_grow(c, p, pool, gfn) && p.level < 3 && !valid_entry(p.entry) && pool->free > 0;
  @ assigns pool->fresh, pool->fresh_n, pool->head, pool->free, c->phys[0 .. c->phys_frames - 1],
  @   row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735];
  @ exits \false;
  @ ensures tables: tables(c);
  @ ensures place: can_grow(c, \result, pool, gfn) && \result.level == p.level + 1 && \result.entry == 0;
  @ ensures head: same_head{Pre,Here}(c);
  @ ensures new: \old(row_level[\result.row]) < 0;
  @ ensures empty: all_zero(c, \result.row, \result.row);
  @ ensures link: c->phys[p.row].e[p.index] == \result.row * 4096 + 3;
  @ ensures taken: pool->free == \old(pool->free) - 1;
  @ ensures levels: levels_grown{Pre,Here}(c);
  @ ensures grown: grown{Pre,Here}(c, p.row, p.index);
  @ ensures parents: \old(parents(c)) ==> parents(c);
  @*/
static HOT struct s2_pos grow_one(struct cordon *c, struct pool *pool, struct s2_pos p, uint64_t gfn)
{
    uint64_t child = pool_take(c, pool);
    uint64_t index = s2_entry_number(gfn, p.level + 1) % 512;

    /*@ assert spare: row_level[child] == -1 && !host_row(c, child); */
    /*@ assert head: same_head{Pre,Here}(c); */
    /*@ assert arrays: arrays(c); */
    /*@ assert leaf: same_leaves{Pre,Here}(c); */
    /*@ assert down: p.level < 3 && index == index_at(gfn, p.level + 1); */
    /*@ assert old: old_tables{Pre,Here}(c); */
    /*@ assert taken: tree_grown{Pre,Here}(c); */
    /*@ assert trees: trees(c); */
    /*@ assert blocks: blocks_fit(c); */
    /*@ assert leaves: leaves_fit(c); */
    /*@ assert entry: p.entry == c->phys[p.row].e[p.index]; */
    /*@ assert parents: \at(parents(c), Pre) ==> parents(c); */
    arch_dsb_ishst(c);      /* the child is seen empty before it is seen at all */
    link_child(c, pool, p, child);
    /*@ assert there: child < c->phys_frames && row_level[child] == p.level + 1 && !host_row(c, child); */
    /*@ assert index: 0 <= index < 512; */
    /*@ assert zero: \forall integer r, i; child <= r <= child && index <= i <= index ==> c->phys[r].e[i] == 0; */
    /*@ assert entry: c->phys[child].e[index] == 0; */
    return (struct s2_pos){ .row = child, .index = index, .entry = 0, .level = p.level + 1 };
}

struct s2_pos s2_grow(struct cordon *c, struct pool *pool, struct s2_pos p, uint64_t gfn, uint32_t last)
{
    /*@ loop invariant level: \at(p, Pre).level <= p.level <= last || p.level == \at(p, Pre).level;
      @ loop invariant tables: tables(c);
      @ loop invariant place: can_grow(c, p, pool, gfn);
      @ loop invariant head: same_head{Pre,Here}(c);
      @ loop invariant start: p.level == \at(p, Pre).level ==> p.row == \at(p, Pre).row && p.index == \at(p, Pre).index &&
      @   p.entry == \at(p, Pre).entry && same_levels{Pre,Here} && same_entries{Pre,Here}(c);
      @ loop invariant invalid: p.level < last ==> !valid_entry(p.entry);
      @ loop invariant empty: p.level > \at(p, Pre).level ==> all_zero(c, p.row, p.row);
      @ loop invariant new: p.level > \at(p, Pre).level ==> p.entry == 0 && \at(row_level[\at(p.row, Here)], Pre) < 0;
      @ loop invariant taken: pool->free == \at(pool->free, Pre) - (p.level - \at(p, Pre).level);
      @ loop invariant levels: levels_grown{Pre,Here}(c);
      @ loop invariant grown: grown{Pre,Here}(c, \at(p, Pre).row, \at(p, Pre).index);
      @ loop invariant parents: \at(parents(c), Pre) ==> parents(c);
      @ loop assigns p, pool->fresh, pool->fresh_n, pool->head, pool->free, c->phys[0 .. \at(c->phys_frames, Pre) - 1],
      @   row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735];
      @ loop variant last - p.level;
      @*/
    while (p.level < last)
        p = grow_one(c, pool, p, gfn);
    return p;
}

/* The table `child` maps what the block at p does, but for n entries from `hole` on. */
/*@ requires \valid_read(c) && child < c->phys_frames && \valid(&c->phys[child]) && \separated(c, &c->phys[child]);
  @ requires p.level < 3 && hole + n <= 512 && entry_frame(p.entry) + 512 * pages_at(p.level + 1) <= 68719476736;
  @ requires zero: all_zero(c, child, child);
  @ assigns c->phys[child].e[0 .. 511];
  @ exits \false;
  @ ensures hole: \forall integer i; hole <= i < hole + n ==> c->phys[child].e[i] == 0;
  @ ensures leaves: \forall integer i; 0 <= i < 512 ==> c->phys[child].e[i] < 72057594037927936;
  @ ensures same: p.level == 2 && p.entry / 16 % 4 != 0 ==> \forall integer i; 0 <= i < 512 && !(hole <= i < hole + n) ==>
  @   c->phys[child].e[i] == leaf_entry(entry_frame(p.entry) + i, 3, 0);
  @ behavior spare:
  @   assumes tables(c) && row_level[child] == -1 && !host_row(c, child);
  @   ensures tables: tables(c);
  @   ensures grown: tree_grown{Pre,Here}(c);
  @   ensures others: \forall integer r, i; 0 <= r < c->phys_frames && 0 <= i < 512 && r != child ==>
  @     c->phys[r].e[i] == \old(c->phys[r].e[i]);
  @*/
static void fill_child(struct cordon *c, struct s2_pos p, uint64_t child, uint64_t hole, uint64_t n)
{
    uint64_t frame = desc_pfn(p.entry);
    uint64_t step = s2_pages(p.level + 1);
    enum s2_type type = desc_is_device(p.entry) ? S2_DEVICE : S2_NORMAL;

    /*@ for spare: assert arrays: arrays(c); */
    /*@ assert step: step == 1 || step == 512 || step == 262144; */
    /*@ loop invariant 0 <= i <= 512;
      @ loop invariant left: \forall integer k; 0 <= k < 512 && (i <= k || hole <= k < hole + n) ==> c->phys[child].e[k] == 0;
      @ loop invariant values: \forall integer k; 0 <= k < i ==> c->phys[child].e[k] < 72057594037927936;
      @ loop invariant leaves: step == 1 ==> \forall integer k; 0 <= k < i && !(hole <= k < hole + n) ==>
      @   c->phys[child].e[k] == leaf_entry(frame + k, p.level + 1, type);
      @ loop assigns i, c->phys[child].e[0 .. 511];
      @ loop variant 512 - i;
      @*/
    for (uint64_t i = 0; i < 512; i++) {
        /*@ assert pages: step == 1 ==> frame + i * step == frame + i && frame + i < 68719476736; */
        /*@ assert blocks: step == 512 ==> frame + i * step < 68719476736; */
        /*@ assert gibs: step == 262144 ==> frame + i * step < 68719476736; */
        if (i < hole || i >= hole + n)
            arch_pte_write(c, child, i, desc_leaf(frame + i * step, p.level + 1, type));
    }
    /*@ for spare: assert head: same_head{Pre,Here}(c); */
    /*@ for spare: assert arrays: arrays(c); */
    /*@ for spare: assert leaf: same_leaves{Pre,Here}(c); */
    /*@ for spare: assert others: \forall integer r, i; 0 <= r < \at(c->phys_frames, Pre) && 0 <= i < 512 && r != child ==>
      @   c->phys[r].e[i] == \at(c->phys[r].e[i], Pre); */
    /*@ for spare: assert old: old_tables{Pre,Here}(c); */
    /*@ for spare: assert new: new_tables{Pre,Here}(c); */
    /*@ for spare: assert grown: tree_grown{Pre,Here}(c); */
    /*@ for spare: assert trees: trees(c); */
    /*@ for spare: assert blocks: blocks_fit(c); */
    /*@ for spare: assert leaves: leaves_fit(c); */
}

uint64_t s2_split(struct cordon *c, const struct stage2 *t, struct pool *pool, struct s2_pos p, uint64_t first,
                  uint64_t hole, uint64_t hole_n)
{
    uint64_t child = pool_take(c, pool);

    /*@ assert spare: row_level[child] == -1 && !host_row(c, child) && child != p.row; */
    /*@ assert gone: \forall integer k; 0 <= k < pool->free ==> pool_row[k] != child; */
    /*@ assert head: same_head{Pre,Here}(c) && same_levels{Pre,Here}; */
    /*@ assert arrays: arrays(c); */
    /*@ assert tables: tables(c); */
    /*@ assert block: p.level == 2 && entry_frame(p.entry) % 512 == 0 && p.entry == c->phys[p.row].e[p.index]; */
    /*@ assert parents: \at(parents(c), Pre) ==> parents(c); */
    /*@ assert grown: grown{Pre,Here}(c, p.row, p.index); */
    /*@ assert apart: \separated(pool, c->phys + (0 .. c->phys_frames - 1)); */
    /*@ ghost taken: ; */
    fill_child(c, p, child, hole, hole_n);
    arch_dsb_ishst(c);      /* the child is seen filled before it is seen at all, and before the block is gone */
    /*@ assert pool: same_pool{taken,Here}(pool) && same_list{taken,Here}(pool); */
    /*@ assert linked: pool_linked(c, pool); */
    /*@ assert pool: pool_sound(c, pool); */
    /*@ assert parents: \at(parents(c), Pre) ==> parents(c); */
    /*@ assert grown: grown{taken,Here}(c, p.row, p.index); */
    /*@ assert grown: grown{Pre,Here}(c, p.row, p.index); */
    /*@ assert levels: levels_grown{Pre,Here}(c) && same_head{Pre,Here}(c); */
    /*@ assert apart: \separated(pool, c->phys + (0 .. c->phys_frames - 1)); */
    /*@ ghost filled: ; */
    p = break_entry(c, t, p, first);
    /*@ assert pool: same_pool{filled,Here}(pool) && same_list{filled,Here}(pool); */
    /*@ assert once: pool_head(pool) && pool_once(pool); */
    /*@ assert spare: pool_spare(c, pool); */
    /*@ assert linked: pool_linked(c, pool); */
    /*@ assert pool: pool_sound(c, pool); */
    /*@ assert changed: same_levels{filled,Here} && same_above{filled,Here}(c) && leaves_change{filled,Here}(c); */
    /*@ assert parents: \at(parents(c), Pre) ==> parents(c); */
    /*@ assert grown: grown{filled,Here}(c, p.row, p.index); */
    /*@ assert grown: grown{Pre,Here}(c, p.row, p.index); */
    /*@ assert levels: levels_grown{Pre,Here}(c) && same_head{Pre,Here}(c); */
    /*@ ghost broken: ; */
    link_child(c, pool, p, child);
    /*@ assert grown: grown{broken,Here}(c, p.row, p.index); */
    /*@ assert grown: grown{Pre,Here}(c, p.row, p.index); */
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
