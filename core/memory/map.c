/* SPDX-License-Identifier: Apache-2.0 */
/* prot_and_map_vm_s2pt: a VM gets frames, and their pages or block in its table; walk_s2pt. SEMANTICS 3. */
#include "memory/map.h"
#include "memory/assign.h"
#include "memory/pool.h"
#include "memory/range.h"
#include "base/vm.h"

/* A request to map n frames from `frame` on at gfn, as pages of one last-level table or as one block of 512. */
struct map_request {
    uint64_t gfn;
    uint64_t frame;
    uint64_t n;
    enum cordon_contents contents;
};

/* Has the frames of a request, which are of the section of that index, become the VM's: all, or a refusal and none. */
static HOT enum cordon_status claim_run(struct cordon *c, struct vm_locked v, uint64_t index, struct map_request r)
{
    struct section_locked s = section_lock(c, index, r.frame / 512);
    enum cordon_status status = memory_can_assign(s, v.id, r.frame % 512, r.n, r.gfn);

    if (status == CORDON_OK) {
        memory_assign(c, v, s, r.frame % 512, r.n, r.gfn, r.contents);
    }
    section_unlock(c, s);
    return status;
}

/* Has the frames of a request become the VM's: all of them, or a refusal and none. */
static HOT enum cordon_status claim(struct cordon *c, struct vm_locked v, struct map_request r)
{
    uint64_t index;
    enum cordon_status status = memory_section(c, r.frame, &index);

    if (status != CORDON_OK)
        return status;
    status = claim_run(c, v, index, r);
    return status;
}

/* Something else is where a request wants its pages. */
#define MISFIT UINT64_MAX

/* How many of a request's pages a level-3 table has already, from p on; MISFIT when it has anything else there. */
static HOT uint64_t already_pages(const struct cordon *c, struct s2_pos p, struct map_request r)
{
    uint64_t wanted = desc_leaf(r.frame, 3, S2_NORMAL);
    uint64_t same = 0;

    /*@ loop invariant 0 <= i <= r.n && same <= i;
      @ loop invariant same == filled(&c->phys[p.row].e[p.index], i);
      @ loop invariant \forall integer k; p.index <= k < p.index + i ==>
      @   c->phys[p.row].e[k] == 0 || c->phys[p.row].e[k] == wanted + (k - p.index) * 4096;
      @ loop assigns i, same;
      @ loop variant r.n - i;
      @*/
    UNROLL
    for (uint64_t i = 0; i < r.n; i++) {
        uint64_t entry = arch_pte_read(c, p.row, p.index + i);

        if (entry == 0)
            continue;
        if (entry != wanted + i * CORDON_PAGE_SIZE)
            return MISFIT;
        same++;
    }
    return same;
}

/* The same for whatever the VM's table has at p, the end of the walk to r.gfn. */
static HOT uint64_t already(const struct cordon *c, struct s2_pos p, struct map_request r)
{
    if (p.level == 3)
        return already_pages(c, p, r);
    if (!desc_valid(p.entry))
        return 0;
    return s2_frame(p, r.gfn) == r.frame && !desc_is_device(p.entry) ? r.n : MISFIT;
}

/* The VM's table gets tables below p down to level `last`, if it has to; they are there. The position of gfn. */
static HOT struct s2_pos grow_to(struct cordon *c, struct vm_locked v, struct s2_pos p, uint64_t gfn, uint32_t last)
{
    if (p.level < last) {
        p = s2_grow(c, &v.vm->pool, p, gfn, last);
    }
    return p;
}

/* Pages of one last-level table get what they map. */
/*@ requires vm_ready(c, v) && request_fits(r);
  @ requires on_table(c, p) && !host_row(c, p.row) && p.level == 3 && p.index == index_at(r.gfn, 3);
  @ assigns c->phys[0 .. c->phys_frames - 1], UNSEEN;
  @ exits \false;
  @ ensures ready: vm_ready(c, v);
  @ ensures kept: places_kept{Pre,Here}(c);
  @ ensures filled: \forall integer i; p.index <= i < p.index + r.n ==> c->phys[p.row].e[i] ==
  @   (\old(c->phys[p.row].e[i]) == 0 ? leaf_entry(r.frame + (i - p.index), 3, 0) : \old(c->phys[p.row].e[i]));
  @*/
static HOT void fill(struct cordon *c, struct vm_locked v, struct s2_pos p, struct map_request r)
{
    (void)v;        /* for the contract */
    s2_fill_run(c, p.row, p.index, r.frame, r.n);
}

/* The pages of a request, p is the end of the walk to the first of them. The tables that they need are there. */
static HOT enum cordon_status map_new(struct cordon *c, struct vm_locked v, struct s2_pos p, struct map_request r)
{
    enum cordon_status status = claim(c, v, r);

    if (status != CORDON_OK)
        return status;
    p = grow_to(c, v, p, r.gfn, 3);
    fill(c, v, p, r);
    return CORDON_OK;
}

/* Pages of one last-level table; how many of them were not there already. */
static HOT struct mapped map_pages(struct cordon *c, struct vm_locked v, struct map_request r)
{
    struct s2_pos p = s2_walk(c, &v.vm->s2, r.gfn);
    uint64_t same = already(c, p, r);
    enum cordon_status status;

    if (same == MISFIT)
        return (struct mapped){ CORDON_MAPPED, 0 };
    if (same == r.n)
        return (struct mapped){ CORDON_OK, 0 };
    if (v.vm->pool.free < 3 - p.level)
        return (struct mapped){ CORDON_NO_MEMORY, 0 };
    status = map_new(c, v, p, r);
    return (struct mapped){ status, status == CORDON_OK ? r.n - same : 0 };
}

/* A level-3 table of the VM that no entry names any more goes back to its pool. */
static void retire(struct cordon *c, struct vm_locked v, uint64_t child)
{
    pool_put(c, &v.vm->pool, child);
}

/* A block takes the place of the level-2 entry p, whatever it is; if it was a table, no entry names that any more. */
static void put_block(struct cordon *c, struct vm_locked v, struct s2_pos p, struct map_request r)
{
    s2_replace(c, &v.vm->s2, p, r.gfn, desc_leaf(r.frame, 2, S2_NORMAL));
}

/* A block takes the place of the table that the level-2 entry p points to. */
static void replace_table(struct cordon *c, struct vm_locked v, struct s2_pos p, struct map_request r)
{
    put_block(c, v, p, r);
    retire(c, v, desc_pfn(p.entry));
}

/* A block where the level-2 entry p is invalid. */
/*@ requires vm_ready(c, v) && on_table(c, p) && !host_row(c, p.row) && p.level == 2 && !valid_entry(p.entry);
  @ requires r.frame < 68719476736 && r.frame % 512 == 0;
  @ assigns c->phys[0 .. c->phys_frames - 1], UNSEEN;
  @ exits \false;
  @ ensures ready: vm_ready(c, v);
  @ ensures kept: places_kept{Pre,Here}(c);
  @ ensures records: same_records{Pre,Here}(c);
  @ ensures block: c->phys[p.row].e[p.index] == leaf_entry(r.frame, 2, 0);
  @*/
static void make_block(struct cordon *c, struct vm_locked v, struct s2_pos p, struct map_request r)
{
    (void)v;        /* for the contract */
    s2_make(c, p, desc_leaf(r.frame, 2, S2_NORMAL));
}

/* A new block; p is the end of the walk to it, at level 2 or above: invalid, or an empty table. */
static enum cordon_status map_new_block(struct cordon *c, struct vm_locked v, struct s2_pos p, bool table, struct map_request r)
{
    enum cordon_status status = claim(c, v, r);

    if (status != CORDON_OK)
        return status;
    if (table) {
        replace_table(c, v, p, r);
    } else {
        p = grow_to(c, v, p, r.gfn, 2);
        make_block(c, v, p, r);
    }
    return CORDON_OK;
}

/*
 * A block of 512 pages, or nothing. MAPPED: something else is there. A table that maps the same pages one by one becomes
 * the block.
 */
static enum cordon_status map_block(struct cordon *c, struct vm_locked v, struct map_request r)
{
    struct s2_pos p = s2_walk_to(c, &v.vm->s2, r.gfn, 2);
    bool table = desc_is_table(p.entry, p.level);

    if (desc_valid(p.entry) && !table)
        return already(c, p, r) == r.n ? CORDON_OK : CORDON_MAPPED;
    if (table && s2_is_whole(c, desc_pfn(p.entry), r.frame)) {
        replace_table(c, v, p, r);
        return CORDON_OK;
    }
    if (table && s2_count_valid(c, desc_pfn(p.entry)) > 0)
        return CORDON_MAPPED;
    if (v.vm->pool.free < 2 - p.level)
        return CORDON_NO_MEMORY;
    return map_new_block(c, v, p, table, r);
}

/* A block, or pages of one last-level table, for who holds the VM's lock. Of a block, `changed` does not tell. */
static HOT struct mapped map_some(struct cordon *c, struct vm_locked v, struct map_request r, bool block)
{
    if (block)
        return (struct mapped){ map_block(c, v, r), 0 };
    return map_pages(c, v, r);
}

/* The same for who holds nothing yet; all numbers are in range. */
static HOT struct mapped map_for(struct cordon *c, vmid_t vm, struct map_request r, bool block)
{
    struct vm_locked v;
    struct mapped m;
    enum cordon_status status = vm_enter_live(c, vm, &v);

    if (status != CORDON_OK)
        return (struct mapped){ status, 0 };
    m = map_some(c, v, r, block);
    vm_unlock(c, v);
    return m;
}

enum cordon_status cordon_prot_and_map_vm_s2pt(struct cordon *c, vmid_t vm, ipa_t addr, uint64_t pte, uint32_t level,
                                               enum cordon_contents contents)
{
    uint64_t gfn = addr.v / CORDON_PAGE_SIZE;
    struct map_request r = { gfn, desc_pfn(pte), 1, contents };
    enum cordon_status status;

    if (r.gfn >= c->vm_shape.gfn_limit || r.frame >= c->pfn_limit)
        return CORDON_RANGE;
    if (level == 2) {
        if (r.frame % CORDON_BLOCK_PAGES != 0)
            return CORDON_UNALIGNED;
        r = (struct map_request){ gfn - gfn % CORDON_BLOCK_PAGES, r.frame, CORDON_BLOCK_PAGES, contents };
    }
    status = map_for(c, vm, r, level == 2).status;
    return status;
}

struct mapped map_range(struct cordon *c, struct vm_locked v, uint64_t gfn, uint64_t frame, uint64_t n,
                        enum cordon_contents contents)
{
    if (n == 1)     /* a length that is a constant needs no run */
        return map_pages(c, v, (struct map_request){ gfn, frame, 1, contents });
    return map_pages(c, v, (struct map_request){ gfn, frame, n, contents });
}

enum cordon_status map_join(struct cordon *c, struct vm_locked v, uint64_t gfn, uint64_t frame)
{
    struct map_request r = { gfn, frame, CORDON_BLOCK_PAGES, CORDON_KEEP };
    struct s2_pos p = s2_walk_to(c, &v.vm->s2, gfn, 2);

    if (!desc_is_table(p.entry, p.level))
        return already(c, p, r) == r.n ? CORDON_OK : CORDON_MAPPED;
    if (!s2_is_whole(c, desc_pfn(p.entry), frame))
        return CORDON_MAPPED;
    replace_table(c, v, p, r);
    return CORDON_OK;
}

struct cordon_progress cordon_prot_and_map_vm_range(struct cordon *c, vmid_t vm, ipa_t addr, pfn_t pfn, uint64_t num,
                                                    enum cordon_contents contents)
{
    uint64_t gfn = addr.v / CORDON_PAGE_SIZE;
    uint64_t n = min(num, min(512 - gfn % 512, 512 - pfn.v % 512));
    struct map_request r = { gfn, pfn.v, n, contents };
    struct mapped m;

    if (!in_range(gfn, num, c->vm_shape.gfn_limit) || !in_range(pfn.v, num, c->pfn_limit))
        return refuse(CORDON_RANGE);
    if (num == 0)
        return refuse(CORDON_EMPTY);
    if (addr.v % CORDON_PAGE_SIZE != 0)
        return refuse(CORDON_UNALIGNED);
    m = map_for(c, vm, r, false);
    if (m.status != CORDON_OK)
        return refuse(m.status);
    return (struct cordon_progress){ .status = n < num ? CORDON_AGAIN : CORDON_OK, .done = n, .changed = m.changed };
}

/* ---- walk_s2pt ---- */

enum cordon_status cordon_walk_s2pt(struct cordon *c, vmid_t vm, ipa_t addr, struct cordon_mapping *mapping)
{
    uint64_t gfn = addr.v / CORDON_PAGE_SIZE;
    struct cordon_mapping found = { .level = 0 };
    struct s2_pos p;
    struct vm_locked v;
    enum cordon_status status;

    if (gfn >= c->vm_shape.gfn_limit)
        return CORDON_RANGE;
    status = vm_enter(c, vm, &v);
    if (status != CORDON_OK)
        return status;
    p = s2_walk(c, &v.vm->s2, gfn);
    vm_unlock(c, v);
    if (desc_valid(p.entry)) {
        found.pfn.v = s2_frame(p, gfn);
        found.level = p.level;
        found.device = desc_is_device(p.entry);
    }
    *mapping = found;
    return CORDON_OK;
}
