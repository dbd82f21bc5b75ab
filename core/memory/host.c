/* SPDX-License-Identifier: Apache-2.0 */
#include "memory/host.h"

#include "memory/pool.h"
#include "memory/window.h"
#include "base/region.h"

static uint64_t align_down(uint64_t x, uint64_t to)
{
    return x - x % to;
}

/*
 * Whether every frame of the 1 GiB around `frame` is the host's own RAM. Under the host's lock: see host.h. Who sees a
 * section free of other owners sees the zeros that were written before it became so: the load acquires what
 * memory_clear() releases.
 */
static bool gib_is_host(const struct cordon *c, uint64_t frame)
{
    uint64_t index;

    if (!region_all_sections(c, align_down(frame, CORDON_GIB_PAGES) / 512, 512, &index))
        return false;
    for (uint64_t i = 0; i < 512; i++) {
        if (arch_load_acquire16(&c->section[index + i].taken) != 0)
            return false;
    }
    return true;
}

/* Puts a table that nothing refers to any more back into the host's pool. */
static void give_table(struct cordon *c, uint64_t row)
{
    struct host_locked h = host_lock(c);

    pool_put(c, &c->host_pool, row);
    host_unlock(h);
}

/*
 * Turns the block at p into a table, but for the hole; or drops it when there is no table to be had, which costs the
 * host a few faults and nothing else. Returns the table, 0 for none.
 */
static uint64_t open_block(struct cordon *c, struct s2_pos p, uint64_t first, uint64_t hole, uint64_t hole_n)
{
    if (c->host_pool.free > 0)
        return s2_split(c, &c->host, &c->host_pool, p, first, hole, hole_n);
    s2_settle(c, &c->host, s2_put(c, p.row, p.index, first, p.level, p.entry, 0, OWED_NOTHING));
    return 0;
}

/* The host's level-2 entry of a section that is not all the host's; level < 2 when there is none and none mapped. */
static struct s2_pos section_entry(struct cordon *c, struct section_locked s, bool whole)
{
    struct s2_pos p = s2_walk_to(c, &c->host, s.pfn, 2);
    struct host_locked h;

    if (p.level == 2)
        return p;
    h = host_lock(c);
    p = s2_walk_to(c, &c->host, s.pfn, 2);
    if (p.level < 2 && desc_valid(p.entry)) {
        (void)open_block(c, p, align_down(s.pfn, CORDON_GIB_PAGES), s.pfn / 512 % 512, whole ? 1 : 0);
        p = s2_walk_to(c, &c->host, s.pfn, 2);
    }
    host_unlock(h);
    return p;
}

/* All of a section leaves the host: one entry, and the table behind it. */
static struct owed unmap_section(struct cordon *c, struct section_locked s, struct s2_pos p, struct owed o)
{
    o = s2_put(c, p.row, p.index, s.pfn, 2, p.entry, 0, o);
    if (s.section->leaf == 0)
        return o;
    s2_settle(c, &c->host, o);  /* no walk is in the table when it is used again */
    give_table(c, s.section->leaf);
    s.section->leaf = 0;
    return OWED_NOTHING;
}

struct owed host_unmap_first(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n, struct owed o)
{
    struct s2_pos p = section_entry(c, s, n == 512);
    struct host_locked h;

    if (p.level < 2 || !desc_valid(p.entry))
        return o;
    if (n == 512)
        return unmap_section(c, s, p, o);
    h = host_lock(c);
    s.section->leaf = open_block(c, p, s.pfn, offset, n);
    host_unlock(h);
    return o;
}

/*
 * Maps `frame` below the invalid entry p of level 2 or above, in the largest size that serves; the host's lock is held.
 * All tables that it takes are there before the first is taken.
 */
static enum cordon_status fill(struct cordon *c, struct section_locked s, uint64_t frame, enum s2_type type, struct s2_pos p)
{
    uint32_t last = s.section->taken == 0 ? 2 : 3;

    if (p.level < 2 && gib_is_host(c, frame))
        last = 1;
    if (c->host_pool.free < last - p.level)
        return CORDON_NO_MEMORY;
    p = s2_grow(c, &c->host_pool, p, frame, last);
    if (last == 3)
        s.section->leaf = p.row;
    s2_make(c, p, desc_leaf(align_down(frame, s2_pages(last)), last, type));
    return CORDON_OK;
}

/* The host has no level-3 table for the section: it maps none of it yet, or all of it by a block. */
static enum cordon_status map_first(struct cordon *c, struct section_locked s, uint64_t frame, enum s2_type type)
{
    struct host_locked h = host_lock(c);
    struct s2_pos p = s2_walk_to(c, &c->host, frame, 2);
    enum cordon_status status = CORDON_OK;

    if (!desc_valid(p.entry))   /* else another CPU's fault was served meanwhile */
        status = fill(c, s, frame, type, p);
    host_unlock(h);
    return status;
}

/* All of the section is the host's again, and its level-3 table may have pages in it: a block serves. */
static void join_section(struct cordon *c, struct section_locked s)
{
    struct s2_pos p = s2_walk_to(c, &c->host, s.pfn, 2);

    s2_replace(c, &c->host, p, s.pfn, desc_leaf(s.pfn, 2, S2_NORMAL));
    give_table(c, s.section->leaf);
    s.section->leaf = 0;
}

enum cordon_status host_map_slow(struct cordon *c, struct section_locked s, uint64_t frame, enum s2_type type)
{
    if (s.section->leaf == 0)
        return map_first(c, s, frame, type);
    if (s.section->taken == 0)
        join_section(c, s);
    return CORDON_OK;           /* or another CPU's fault was served meanwhile */
}

/* The level of the largest device block around `frame` that fits below the invalid entry at p. */
static uint32_t device_level(const struct cordon *c, struct s2_pos p, uint64_t frame)
{
    for (uint32_t level = p.level < 1 ? 1 : p.level; level < 3; level++) {
        uint64_t first = align_down(frame, s2_pages(level));

        if (region_is_device(c, first, s2_pages(level)) && !window_has(c, first, s2_pages(level)))
            return level;
    }
    return 3;
}

enum cordon_status host_map_device(struct cordon *c, uint64_t frame)
{
    struct host_locked h = host_lock(c);
    struct s2_pos p = s2_walk(c, &c->host, frame);
    enum cordon_status status = CORDON_OK;

    if (window_has(c, frame, 1)) {
        status = CORDON_PRIVATE;
    } else if (!desc_valid(p.entry)) {
        uint32_t level = device_level(c, p, frame);

        if (c->host_pool.free < level - p.level) {
            status = CORDON_NO_MEMORY;
        } else {
            p = s2_grow(c, &c->host_pool, p, frame, level);
            s2_make(c, p, desc_leaf(align_down(frame, s2_pages(level)), level, S2_DEVICE));
        }
    }
    host_unlock(h);
    return status;
}
