/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The four operations of the seed: over ranges, in batches, bounded. SEMANTICS 3.
 *
 * Each works on runs: consecutive guest frames that one entry or one last-level table maps to consecutive frames of one
 * section. A run costs one walk, one lock of the section and one invalidation. Decode, then perform: what a run needs
 * is checked, and tables are reserved, before the first change.
 */
#include "host.h"
#include "memory.h"
#include "pool.h"
#include "range.h"
#include "region.h"
#include "vm.h"

/* Work that an unmapped stretch of any size counts for, in pages: it costs a walk. */
#define HOLE_WORK 2

/*@ assigns \nothing;
  @ exits \false;
  @ ensures \result.status == status && \result.done == 0 && \result.changed == 0;
  @ ensures \result.unmapped == 0 && \result.not_owned == 0 && \result.saturated == 0;
  @*/
static struct cordon_progress refuse(enum cordon_status status)
{
    return (struct cordon_progress){ .status = status };
}

/* Whether num pages from `first` on lie below the limit. */
/*@ assigns \nothing;
  @ exits \false;
  @ ensures \result <==> first < limit && first + num <= limit;
  @*/
static bool in_range(uint64_t first, uint64_t num, uint64_t limit)
{
    return first < limit && num <= limit - first;
}

/* ---- clear_vm_range ---- */

/* n of num frames are done, of which so many were the VM's. */
static HOT struct cordon_progress clear_progress(uint64_t n, uint64_t num, uint64_t frames)
{
    return (struct cordon_progress){ .status = n < num ? CORDON_AGAIN : CORDON_OK, .done = n, .changed = frames,
                                     .not_owned = n - frames };
}

/* What one call does for num frames from `frame` on: it stops at the end of a section, or of a hole between them. */
static HOT struct cordon_progress clear_some(struct cordon *c, struct vm_locked v, uint64_t frame, uint64_t num)
{
    uint64_t n = min(num, 512 - frame % 512);
    uint64_t index;
    struct cleared r;

    if (memory_section(c, frame, &index) != CORDON_OK)
        return clear_progress(min(num, region_gap(c, frame)), num, 0);
    r = n == 1 ? memory_clear_run(c, v, index, frame, 1) : memory_clear_run(c, v, index, frame, n);
    return r.status == CORDON_OK ? clear_progress(n, num, r.frames) : refuse(r.status);
}

struct cordon_progress cordon_clear_vm_range(struct cordon *c, vmid_t vm, pfn_t pfn, uint64_t num)
{
    struct cordon_progress p;
    struct vm_locked v;
    enum cordon_status status;

    if (!in_range(pfn.v, num, c->pfn_limit))
        return refuse(CORDON_RANGE);
    status = vm_enter(c, vm, &v);
    if (status != CORDON_OK)
        return refuse(status);
    p = clear_some(c, v, pfn.v, num);
    vm_unlock(c, v);
    return p;
}

/* ---- prot_and_map_vm_s2pt ---- */

/* A request to map n frames from `frame` on at gfn, as pages of one last-level table or as one block of 512. */
struct map_request {
    uint64_t gfn;
    uint64_t frame;
    uint64_t n;
    enum cordon_contents contents;
};

/* Has the frames of a request become the VM's: all of them, or a refusal and none. */
static HOT enum cordon_status claim(struct cordon *c, struct vm_locked v, const struct map_request *r)
{
    uint64_t index;
    enum cordon_status status = memory_section(c, r->frame, &index);
    struct section_locked s;

    if (status != CORDON_OK)
        return status;
    s = section_lock(c, index, r->frame / 512);
    status = memory_can_assign(s, v.id, r->frame % 512, r->n, r->gfn);
    if (status == CORDON_OK)
        memory_assign(c, v, s, r->frame % 512, r->n, r->gfn, r->contents);
    section_unlock(c, s);
    return status;
}

/* Something else is where a request wants its pages. */
#define MISFIT UINT64_MAX

/* How many of a request's pages a level-3 table has already, from p on; MISFIT when it has anything else there. */
/*@ requires \valid_read(c) && p.row < c->phys_frames && \valid_read(&c->phys[p.row]);
  @ requires \valid_read(r) && p.index + r->n <= 512 && r->frame + r->n <= 68719476736 && r->n >= 1;
  @ assigns \nothing;
  @ exits \false;
  @ ensures same: \result != MISFIT ==> \result <= r->n && \result == filled(&c->phys[p.row].e[p.index], r->n) &&
  @   \forall integer k; p.index <= k < p.index + r->n ==>
  @     c->phys[p.row].e[k] == 0 || c->phys[p.row].e[k] == leaf_entry(r->frame + (k - p.index), 3, 0);
  @ ensures misfit: \result == MISFIT ==> \exists integer k; p.index <= k < p.index + r->n &&
  @   c->phys[p.row].e[k] != 0 && c->phys[p.row].e[k] != leaf_entry(r->frame + (k - p.index), 3, 0);
  @*/
static HOT uint64_t already_pages(const struct cordon *c, struct s2_pos p, const struct map_request *r)
{
    uint64_t wanted = desc_leaf(r->frame, 3, S2_NORMAL);
    uint64_t same = 0;

    /*@ loop invariant 0 <= i <= r->n && same <= i;
      @ loop invariant same == filled(&c->phys[p.row].e[p.index], i);
      @ loop invariant \forall integer k; p.index <= k < p.index + i ==>
      @   c->phys[p.row].e[k] == 0 || c->phys[p.row].e[k] == wanted + (k - p.index) * 4096;
      @ loop assigns i, same;
      @ loop variant r->n - i;
      @*/
    UNROLL
    for (uint64_t i = 0; i < r->n; i++) {
        uint64_t entry = arch_pte_read(c, p.row, p.index + i);

        if (entry == 0)
            continue;
        if (entry != wanted + i * CORDON_PAGE_SIZE)
            return MISFIT;
        same++;
    }
    return same;
}

/* The same for whatever the VM's table has at p, the end of the walk to r->gfn. */
static HOT uint64_t already(const struct cordon *c, struct s2_pos p, const struct map_request *r)
{
    if (p.level == 3)
        return already_pages(c, p, r);
    if (!desc_valid(p.entry))
        return 0;
    return s2_frame(p, r->gfn) == r->frame && !desc_is_device(p.entry) ? r->n : MISFIT;
}

/* Pages of one last-level table. *changed: how many were not there already. */
static HOT enum cordon_status map_pages(struct cordon *c, struct vm_locked v, const struct map_request *r,
                                        uint64_t *changed)
{
    struct s2_pos p = s2_walk(c, &v.vm->s2, r->gfn);
    uint64_t same = already(c, p, r);
    enum cordon_status status;

    if (same == MISFIT)
        return CORDON_MAPPED;
    *changed = r->n - same;
    if (same == r->n)
        return CORDON_OK;
    if (v.vm->pool.free < 3 - p.level)
        return CORDON_NO_MEMORY;
    status = claim(c, v, r);
    if (status != CORDON_OK)
        return status;
    if (p.level < 3)
        p = s2_grow(c, &v.vm->pool, p, r->gfn, 3);
    s2_fill_run(c, p.row, p.index, r->frame, r->n);
    return CORDON_OK;
}

/* A block takes the place of the table that the level-2 entry p points to. */
static void replace_table(struct cordon *c, struct vm_locked v, struct s2_pos p, const struct map_request *r)
{
    s2_replace(c, &v.vm->s2, p, r->gfn, desc_leaf(r->frame, 2, S2_NORMAL));
    pool_put(c, &v.vm->pool, desc_pfn(p.entry));
}

static enum cordon_status map_block(struct cordon *c, struct vm_locked v, const struct map_request *r)
{
    struct s2_pos p = s2_walk_to(c, &v.vm->s2, r->gfn, 2);
    bool table = desc_is_table(p.entry, p.level);
    enum cordon_status status;

    if (desc_valid(p.entry) && !table)
        return already(c, p, r) == r->n ? CORDON_OK : CORDON_MAPPED;
    if (table && s2_is_whole(c, desc_pfn(p.entry), r->frame)) {
        replace_table(c, v, p, r);
        return CORDON_OK;
    }
    if (table && s2_count_valid(c, desc_pfn(p.entry)) > 0)
        return CORDON_MAPPED;
    if (v.vm->pool.free < 2 - p.level)
        return CORDON_NO_MEMORY;
    status = claim(c, v, r);
    if (status != CORDON_OK)
        return status;
    if (table)
        replace_table(c, v, p, r);
    else
        s2_make(c, s2_grow(c, &v.vm->pool, p, r->gfn, 2), desc_leaf(r->frame, 2, S2_NORMAL));
    return CORDON_OK;
}

enum cordon_status cordon_prot_and_map_vm_s2pt(struct cordon *c, vmid_t vm, ipa_t addr, uint64_t pte, uint32_t level,
                                               enum cordon_contents contents)
{
    struct map_request r = { addr.v / CORDON_PAGE_SIZE, desc_pfn(pte), 1, contents };
    uint64_t changed;
    struct vm_locked v;
    enum cordon_status status;

    if (r.gfn >= c->vm_shape.gfn_limit || r.frame >= c->pfn_limit)
        return CORDON_RANGE;
    if (level == 2 && r.frame % CORDON_BLOCK_PAGES != 0)
        return CORDON_UNALIGNED;
    status = vm_enter_live(c, vm, &v);
    if (status != CORDON_OK)
        return status;
    if (level == 2) {
        r.gfn -= r.gfn % CORDON_BLOCK_PAGES;
        r.n = CORDON_BLOCK_PAGES;
        status = map_block(c, v, &r);
    } else {
        status = map_pages(c, v, &r, &changed);
    }
    vm_unlock(c, v);
    return status;
}

enum cordon_status range_map(struct cordon *c, struct vm_locked v, uint64_t gfn, uint64_t frame, uint64_t n,
                             enum cordon_contents contents, uint64_t *changed)
{
    struct map_request one = { gfn, frame, 1, contents };      /* whose length is a constant: it needs no run */
    struct map_request more = { gfn, frame, n, contents };

    return n == 1 ? map_pages(c, v, &one, changed) : map_pages(c, v, &more, changed);
}

enum cordon_status range_join(struct cordon *c, struct vm_locked v, uint64_t gfn, uint64_t frame)
{
    struct map_request r = { gfn, frame, CORDON_BLOCK_PAGES, CORDON_KEEP };
    struct s2_pos p = s2_walk_to(c, &v.vm->s2, gfn, 2);

    if (!desc_is_table(p.entry, p.level))
        return already(c, p, &r) == r.n ? CORDON_OK : CORDON_MAPPED;
    if (!s2_is_whole(c, desc_pfn(p.entry), frame))
        return CORDON_MAPPED;
    replace_table(c, v, p, &r);
    return CORDON_OK;
}

struct cordon_progress cordon_prot_and_map_vm_range(struct cordon *c, vmid_t vm, ipa_t addr, pfn_t pfn, uint64_t num,
                                                    enum cordon_contents contents)
{
    uint64_t gfn = addr.v / CORDON_PAGE_SIZE;
    uint64_t n = min(num, min(512 - gfn % 512, 512 - pfn.v % 512));
    struct map_request r = { gfn, pfn.v, n, contents };
    uint64_t changed = 0;
    struct cordon_progress p = { .status = CORDON_OK };
    struct vm_locked v;

    if (!in_range(gfn, num, c->vm_shape.gfn_limit) || !in_range(pfn.v, num, c->pfn_limit))
        return refuse(CORDON_RANGE);
    if (num == 0)
        return refuse(CORDON_EMPTY);
    if (addr.v % CORDON_PAGE_SIZE != 0)
        return refuse(CORDON_UNALIGNED);
    p.status = vm_enter_live(c, vm, &v);
    if (p.status != CORDON_OK)
        return p;
    p.status = map_pages(c, v, &r, &changed);
    vm_unlock(c, v);
    if (p.status != CORDON_OK)
        return p;
    p.done = n;
    p.changed = changed;
    p.status = n < num ? CORDON_AGAIN : CORDON_OK;
    return p;
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

/* ---- grant_stage2_sg_gpa, revoke_stage2_sg_gpa ---- */

enum sharing { GRANT, REVOKE };

/* n consecutive frames of one section, that of index `index`, from `frame` on. */
/*@ requires machine(c) && index < c->sections;
  @ requires 1 <= vm < 0x4000 && frame < 68719476736 && frame % 512 + n <= 512;
  @ assigns c->section[index].lock,
  @   c->frame[index * 512 + frame % 512 .. index * 512 + frame % 512 + n - 1].count;
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures page: \forall integer i; 0 <= i < c->sections * 512 ==> c->frame[i].count ==
  @   (index * 512 + frame % 512 <= i < index * 512 + frame % 512 + n ? grant1(\old(c->frame[i]), vm)
  @                                                                   : \old(c->frame[i].count));
  @ ensures shared: shared{Pre,Here}(c, GRANT, vm);
  @ ensures sum: \result.not_owned + \result.saturated <= n;
  @*/
static HOT struct passed grant_run(struct cordon *c, uint32_t vm, uint64_t index, uint64_t frame, uint64_t n)
{
    struct section_locked s = section_lock(c, index, frame / 512);
    struct passed passed = memory_grant(s, vm, frame % 512, n);

    /*@ assert page: \forall integer i; index * 512 + frame % 512 <= i < index * 512 + frame % 512 + n ==>
      @   c->frame[i].count == grant1(\at(c->frame[i], Pre), vm); */
    /*@ assert rest: \forall integer i; 0 <= i < c->sections * 512 ==>
      @   !(index * 512 + frame % 512 <= i < index * 512 + frame % 512 + n) ==>
      @   c->frame[i].count == \at(c->frame[i].count, Pre); */
    section_unlock(c, s);
    /*@ assert words: same_words{Pre,Here}(c); */
    /*@ assert plain: plain_kept{Pre,Here}(c); */
    /*@ assert counts: counts_move{Pre,Here}(c, GRANT, vm); */
    /*@ assert records: summaries_hold(c); */
    return passed;
}

/*@ requires machine(c) && index < c->sections;
  @ requires 1 <= vm < 0x4000 && frame < 68719476736 && frame % 512 + n <= 512;
  @ assigns c->section[index].lock,
  @   c->frame[index * 512 + frame % 512 .. index * 512 + frame % 512 + n - 1].count,
  @   c->phys[c->section[index].leaf].e[frame % 512 .. frame % 512 + n - 1];
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures page: \forall integer i; 0 <= i < c->sections * 512 ==> c->frame[i].count ==
  @   (index * 512 + frame % 512 <= i < index * 512 + frame % 512 + n ? revoke1(\old(c->frame[i]), vm)
  @                                                                   : \old(c->frame[i].count));
  @ ensures shared: shared{Pre,Here}(c, REVOKE, vm);
  @ ensures sum: \result.not_owned + \result.saturated <= n;
  @*/
static HOT struct passed revoke_run(struct cordon *c, uint32_t vm, uint64_t index, uint64_t frame, uint64_t n)
{
    struct section_locked s = section_lock(c, index, frame / 512);
    struct revoked r;

    /*@ assert leaf: s.section->leaf != 0 ==>
      @   s.section->leaf < c->phys_frames && host_row(c, s.section->leaf) && row_level[s.section->leaf] == 3; */
    /*@ assert apart: \separated(c, s.section, s.frame + (0 .. 511), &c->phys[s.section->leaf]); */
    /*@ assert apart: \separated(&c->phys[s.section->leaf], c->section + (0 .. c->sections - 1), c->vm + (0 .. c->vms - 1),
      @   c->span + (0 .. c->spans - 1), c->hidden + (0 .. c->hiddens - 1)); */
    r = memory_revoke(c, s, vm, frame % 512, n);
    /*@ assert page: \forall integer i; index * 512 + frame % 512 <= i < index * 512 + frame % 512 + n ==>
      @   c->frame[i].count == revoke1(\at(c->frame[i], Pre), vm); */
    /*@ assert rest: \forall integer i; 0 <= i < c->sections * 512 ==>
      @   !(index * 512 + frame % 512 <= i < index * 512 + frame % 512 + n) ==>
      @   c->frame[i].count == \at(c->frame[i].count, Pre); */
    /*@ assert head: same_head{Pre,Here}(c); */
    /*@ assert arrays: arrays(c); */
    /*@ assert map: same_map{Pre,Here}(c); */
    /*@ assert leaves: same_leaves{Pre,Here}(c); */
    /*@ assert tables: same_tables{Pre,Here}(c); */
    /*@ assert entries: pages_go{Pre,Here}(c); */
    s2_settle(c, &c->host, r.owed);
    section_unlock(c, s);
    /*@ assert words: same_words{Pre,Here}(c); */
    /*@ assert plain: plain_kept{Pre,Here}(c); */
    /*@ assert counts: counts_move{Pre,Here}(c, REVOKE, vm); */
    /*@ assert spans: spans_fit(c); */
    /*@ assert records: summaries_hold(c); */
    /*@ assert leaf: leaves_fit(c); */
    /*@ assert trees: trees(c); */
    return r.passed;
}

/* The same for frames that may be in no section. */
/*@ requires machine(c) && 1 <= vm < 0x4000 && frame < 68719476736 && frame % 512 + n <= 512;
  @ assigns c->section[0 .. c->sections - 1].lock, c->frame[0 .. c->sections * 512 - 1].count,
  @   c->phys[0 .. c->phys_frames - 1];
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures page: \forall integer i; 0 <= i < c->sections * 512 && in_run{Pre}(c, i, frame, n) ==>
  @   c->frame[i].count == share1(how, \old(c->frame[i]), vm);
  @ ensures others: \forall integer i; 0 <= i < c->sections * 512 && !in_run{Pre}(c, i, frame, n) ==>
  @   c->frame[i].count == \old(c->frame[i].count);
  @ ensures shared: shared{Pre,Here}(c, how, vm);
  @ ensures sum: \result.not_owned + \result.saturated <= n;
  @*/
static HOT struct passed share_run(struct cordon *c, uint32_t vm, uint64_t frame, uint64_t n, enum sharing how)
{
    uint64_t index;

    if (memory_section(c, frame, &index) != CORDON_OK)
        return (struct passed){ .not_owned = n };
    return how == GRANT ? grant_run(c, vm, index, frame, n) : revoke_run(c, vm, index, frame, n);
}

/* Whether the four entries from index on map consecutive frames, the first as `want` does. */
/*@ requires \valid_read(c) && row < c->phys_frames && index + 4 <= 512 && \valid_read(&c->phys[row]);
  @ requires want + 3 * 4096 <= UINT64_MAX;
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result <==> \forall integer k; index <= k < index + 4 ==> c->phys[row].e[k] == want + (k - index) * 4096;
  @*/
static HOT bool four_follow(const struct cordon *c, uint64_t row, uint64_t index, uint64_t want)
{
    return arch_pte_read(c, row, index) == want && arch_pte_read(c, row, index + 1) == want + CORDON_PAGE_SIZE &&
           arch_pte_read(c, row, index + 2) == want + 2 * CORDON_PAGE_SIZE &&
           arch_pte_read(c, row, index + 3) == want + 3 * CORDON_PAGE_SIZE;
}

/* How many entries from index on, at most n, map what follows on the first, in the same section. */
/*@ requires \valid_read(c) && row < c->phys_frames && index + n <= 512 && n >= 1 && \valid_read(&c->phys[row]);
  @ requires first == c->phys[row].e[index] && first + 512 * 4096 <= UINT64_MAX;
  @ assigns \nothing;
  @ exits \false;
  @ ensures 1 <= \result <= n && entry_frame(first) % 512 + \result <= 512;
  @ ensures follow: \forall integer k; index <= k < index + \result ==> c->phys[row].e[k] == first + (k - index) * 4096;
  @*/
static HOT uint64_t run_length(const struct cordon *c, uint64_t row, uint64_t index, uint64_t n, uint64_t first)
{
    uint64_t most = min(n, 512 - desc_pfn(first) % 512);
    uint64_t i = 1;

    /*@ loop invariant 1 <= i <= most;
      @ loop invariant \forall integer k; index <= k < index + i ==> c->phys[row].e[k] == first + (k - index) * 4096;
      @ loop assigns i;
      @ loop variant most - i;
      @*/
    while (i + 4 <= most && four_follow(c, row, index + i, first + i * CORDON_PAGE_SIZE))
        i += 4;
    /*@ loop invariant 1 <= i <= most;
      @ loop invariant \forall integer k; index <= k < index + i ==> c->phys[row].e[k] == first + (k - index) * 4096;
      @ loop assigns i;
      @ loop variant most - i;
      @*/
    while (i < most && arch_pte_read(c, row, index + i) == first + i * CORDON_PAGE_SIZE)
        i++;
    return i;
}

/* Pages that a grant or a revoke passes over. */
struct skipped {
    uint64_t unmapped;
    uint64_t not_owned;
    uint64_t saturated;
};

/* n entries of a level-3 table from index on. */
/*@ requires machine(c) && 1 <= vm < 0x4000 && row < c->phys_frames && row_level[row] == 3 && !host_row(c, row);
  @ requires index + n <= 512;
  @ assigns c->section[0 .. c->sections - 1].lock, c->frame[0 .. c->sections * 512 - 1].count,
  @   c->phys[0 .. c->phys_frames - 1];
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures shared: shared{Pre,Here}(c, how, vm);
  @ ensures sum: \result.unmapped + \result.not_owned + \result.saturated <= n;
  @*/
static HOT struct skipped share_table(struct cordon *c, uint32_t vm, uint64_t row, uint64_t index, uint64_t n, enum sharing how)
{
    uint64_t end = index + n;
    uint64_t unmapped = 0;
    uint64_t not_owned = 0;
    uint64_t saturated = 0;

    /*@ loop invariant \at(index, Pre) <= index <= end;
      @ loop invariant unmapped + not_owned + saturated <= index - \at(index, Pre);
      @ loop invariant machine: machine(c);
      @ loop invariant shared: shared{Pre,Here}(c, how, vm);
      @ loop invariant head: same_head{Pre,Here}(c);
      @ loop assigns index, unmapped, not_owned, saturated, c->section[0 .. \at(c->sections, Pre) - 1].lock,
      @   c->frame[0 .. \at(c->sections, Pre) * 512 - 1].count, c->phys[0 .. \at(c->phys_frames, Pre) - 1];
      @ loop variant end - index;
      @*/
    while (index < end) {
        uint64_t first = arch_pte_read(c, row, index);
        uint64_t k = 1;

        if (desc_valid(first)) {
            struct passed passed;

            /*@ assert address: first < 72057594037927936; */
            k = run_length(c, row, index, end - index, first);
            passed = share_run(c, vm, desc_pfn(first), k, how);
            not_owned += passed.not_owned;
            saturated += passed.saturated;
        } else {
            unmapped++;
        }
        index += k;
    }
    return (struct skipped){ unmapped, not_owned, saturated };
}

/* n pages from gfn on that a walk to gfn found behind one entry, or in one table of level 3. */
/*@ requires machine(c) && 1 <= vm < 0x4000 && gfn < 68719476736 && n >= 1;
  @ requires at.level <= 3 && at.row < c->phys_frames && row_level[at.row] == at.level && !host_row(c, at.row);
  @ requires at.index == index_at(gfn, at.level) && at.entry == c->phys[at.row].e[at.index];
  @ requires at.level < 3 ==> !table_entry(at.entry, at.level);
  @ requires at.level == 3 ==> at.index + n <= 512;
  @ requires at.level == 2 && valid_entry(at.entry) ==> gfn % 512 + n <= 512;
  @ assigns c->section[0 .. c->sections - 1].lock, c->frame[0 .. c->sections * 512 - 1].count,
  @   c->phys[0 .. c->phys_frames - 1];
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures shared: shared{Pre,Here}(c, how, vm);
  @ ensures sum: \result.unmapped + \result.not_owned + \result.saturated <= n;
  @*/
static HOT struct skipped share_at(struct cordon *c, uint32_t vm, struct s2_pos at, uint64_t gfn, uint64_t n, enum sharing how)
{
    struct passed passed;

    if (at.level == 3)
        return share_table(c, vm, at.row, at.index, n, how);
    if (!desc_valid(at.entry))
        return (struct skipped){ .unmapped = n };
    /*@ assert blocks: blocks_fit(c) && at.index < 512; */
    /*@ assert leaf: valid_entry(c->phys[at.row].e[at.index]) && !table_entry(c->phys[at.row].e[at.index], row_level[at.row]); */
    /*@ assert block: at.level == 2 && entry_frame(at.entry) % 512 == 0; */
    passed = share_run(c, vm, s2_frame(at, gfn), n, how);
    return (struct skipped){ 0, passed.not_owned, passed.saturated };
}

/* Pages that were handled, and those of them that were passed over. */
struct handled {
    uint64_t done;
    uint64_t unmapped;
    uint64_t not_owned;
    uint64_t saturated;
};

/* num pages from gfn on, until they are done or enough for one call. */
/*@ requires machine(c) && vm_sound(c, v.vm, v.id) && v.id < 0x4000 && gfn + num <= v.vm->s2.gfn_limit;
  @ assigns c->section[0 .. c->sections - 1].lock, c->frame[0 .. c->sections * 512 - 1].count,
  @   c->phys[0 .. c->phys_frames - 1];
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures shared: shared{Pre,Here}(c, how, v.id);
  @ ensures done: \result.done <= num && (num > 0 ==> \result.done > 0);
  @ ensures sum: \result.unmapped + \result.not_owned + \result.saturated <= \result.done;
  @*/
static HOT struct handled share_pages(struct cordon *c, struct vm_locked v, uint64_t gfn, uint64_t num, enum sharing how)
{
    uint64_t work = 0;
    uint64_t done = 0;
    uint64_t unmapped = 0;
    uint64_t not_owned = 0;
    uint64_t saturated = 0;

    /*@ loop invariant 0 <= done <= num && work <= CORDON_RANGE_PAGES + 1 && (done > 0 || work == 0);
      @ loop invariant unmapped + not_owned + saturated <= done;
      @ loop invariant machine: machine(c);
      @ loop invariant shared: shared{Pre,Here}(c, how, v.id);
      @ loop invariant head: same_head{Pre,Here}(c);
      @ loop invariant sound: vm_sound(c, v.vm, v.id) && v.vm->s2.gfn_limit == \at(c->vm[v.id - 1].s2.gfn_limit, Pre);
      @ loop assigns work, done, unmapped, not_owned, saturated, c->section[0 .. \at(c->sections, Pre) - 1].lock,
      @   c->frame[0 .. \at(c->sections, Pre) * 512 - 1].count, c->phys[0 .. \at(c->phys_frames, Pre) - 1];
      @ loop variant num - done;
      @*/
    while (done < num && work < CORDON_RANGE_PAGES) {
        struct s2_pos at = s2_walk(c, &v.vm->s2, gfn + done);
        uint64_t in_entry = s2_pages(at.level) - (gfn + done) % s2_pages(at.level);
        uint64_t in_table = at.level == 3 ? 512 - at.index : in_entry;
        uint64_t n = min(num - done, in_table);
        struct skipped skipped;

        if (at.level < 3 && !desc_valid(at.entry)) {
            work += HOLE_WORK;
        } else {
            n = min(n, CORDON_RANGE_PAGES - work);
            work += n;
        }
        skipped = share_at(c, v.id, at, gfn + done, n, how);
        unmapped += skipped.unmapped;
        not_owned += skipped.not_owned;
        saturated += skipped.saturated;
        done += n;
    }
    return (struct handled){ done, unmapped, not_owned, saturated };
}

/* One page: it needs no run. */
/*@ requires machine(c) && vm_sound(c, v.vm, v.id) && v.id < 0x4000 && gfn < v.vm->s2.gfn_limit;
  @ assigns c->section[0 .. c->sections - 1].lock, c->frame[0 .. c->sections * 512 - 1].count,
  @   c->phys[0 .. c->phys_frames - 1];
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures shared: shared{Pre,Here}(c, how, v.id);
  @ ensures done: \result.done == 1 && \result.unmapped + \result.not_owned + \result.saturated <= 1;
  @*/
static HOT struct handled share_page(struct cordon *c, struct vm_locked v, uint64_t gfn, enum sharing how)
{
    struct s2_pos at = s2_walk(c, &v.vm->s2, gfn);
    struct passed passed;

    if (!desc_valid(at.entry))
        return (struct handled){ 1, 1, 0, 0 };
    /*@ assert blocks: blocks_fit(c) && at.index < 512; */
    /*@ assert leaf: at.level < 3 ==> valid_entry(c->phys[at.row].e[at.index]) &&
      @   !table_entry(c->phys[at.row].e[at.index], row_level[at.row]); */
    /*@ assert block: at.level == 3 || (at.level == 2 && entry_frame(at.entry) % 512 == 0); */
    passed = share_run(c, v.id, s2_frame(at, gfn), 1, how);
    return (struct handled){ 1, 0, passed.not_owned, passed.saturated };
}

/* The answer to a request for num pages. */
/*@ requires h.unmapped + h.not_owned + h.saturated <= h.done;
  @ assigns \nothing;
  @ exits \false;
  @ ensures told(\result) == h.done && \result.done == h.done;
  @ ensures \result.status == (h.done < num ? CORDON_AGAIN : CORDON_OK);
  @*/
static HOT struct cordon_progress answer(struct handled h, uint64_t num)
{
    return (struct cordon_progress){ .status = h.done < num ? CORDON_AGAIN : CORDON_OK, .done = h.done,
                                     .changed = h.done - h.unmapped - h.not_owned - h.saturated, .unmapped = h.unmapped,
                                     .not_owned = h.not_owned, .saturated = h.saturated };
}

/*@ requires machine(c) && c->vm_shape.gfn_limit <= 68719476736 && c->vms < 0x4000;
  @ requires vms: 1 <= vm.v <= c->vms && c->vm[vm.v - 1].state == VM_LIVE ==>
  @   vm_sound(c, &c->vm[vm.v - 1], vm.v) && c->vm[vm.v - 1].s2.gfn_limit == c->vm_shape.gfn_limit;
  @ assigns c->vm[vm.v - 1].lock, c->section[0 .. c->sections - 1].lock, c->frame[0 .. c->sections * 512 - 1].count,
  @   c->phys[0 .. c->phys_frames - 1];
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures shared: shared{Pre,Here}(c, how, vm.v);
  @ ensures sum: told(\result) == \result.done;
  @ ensures done: \result.done * 4096 < size + 4096;
  @ ensures ok: \result.status == CORDON_OK ==> size <= \result.done * 4096;
  @ ensures again: \result.status == CORDON_AGAIN ==> 0 < \result.done && \result.done * 4096 < size;
  @ ensures range: (\result.status == CORDON_RANGE) <==>
  @   !(addr.v < c->vm_shape.gfn_limit * 4096 && addr.v + size <= c->vm_shape.gfn_limit * 4096);
  @ ensures refused: \result.status != CORDON_OK && \result.status != CORDON_AGAIN ==> \result.done == 0 &&
  @   same_entries{Pre,Here}(c) && \forall integer i; 0 <= i < c->sections * 512 ==> c->frame[i].count == \old(c->frame[i].count);
  @*/
static HOT struct cordon_progress share(struct cordon *c, vmid_t vm, ipa_t addr, uint64_t size, enum sharing how)
{
    uint64_t num = size / CORDON_PAGE_SIZE + (size % CORDON_PAGE_SIZE != 0 ? 1 : 0);
    struct handled h;
    struct vm_locked v;
    enum cordon_status status;

    /*@ assert start: shared{Pre,Here}(c, how, vm.v); */
    if (!in_range(addr.v, size, c->vm_shape.gfn_limit * CORDON_PAGE_SIZE))
        return refuse(CORDON_RANGE);
    if (size == 0)
        return refuse(CORDON_EMPTY);
    if (addr.v % CORDON_PAGE_SIZE != 0)
        return refuse(CORDON_UNALIGNED);
    status = vm_enter_live(c, vm, &v);
    /*@ assert in: same_rest{Pre,Here}(c); */
    /*@ assert summaries: summaries_hold(c); */
    /*@ assert machine: machine(c); */
    /*@ assert shared: shared{Pre,Here}(c, how, vm.v); */
    if (status != CORDON_OK)
        return refuse(status);
    /*@ assert vm: vm_sound(c, v.vm, v.id) && v.vm->s2.gfn_limit == \at(c->vm_shape.gfn_limit, Pre); */
    h = num == 1 ? share_page(c, v, addr.v / CORDON_PAGE_SIZE, how)
                 : share_pages(c, v, addr.v / CORDON_PAGE_SIZE, num, how);
    /*@ ghost performed: ; */
    /*@ assert shared: shared{Pre,Here}(c, how, vm.v); */
    vm_unlock(c, v);
    /*@ assert out: same_rest{performed,Here}(c); */
    /*@ assert out: shared{performed,Here}(c, how, vm.v); */
    /*@ assert all: shared{Pre,Here}(c, how, vm.v); */
    /*@ assert summaries: summaries_hold(c); */
    return answer(h, num);
}

/*@ requires machine(c) && c->vm_shape.gfn_limit <= 68719476736 && c->vms < 0x4000;
  @ requires vms: 1 <= vm.v <= c->vms && c->vm[vm.v - 1].state == VM_LIVE ==>
  @   vm_sound(c, &c->vm[vm.v - 1], vm.v) && c->vm[vm.v - 1].s2.gfn_limit == c->vm_shape.gfn_limit;
  @ assigns c->vm[vm.v - 1].lock, c->section[0 .. c->sections - 1].lock, c->frame[0 .. c->sections * 512 - 1].count,
  @   c->phys[0 .. c->phys_frames - 1];
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures shared: shared{Pre,Here}(c, GRANT, vm.v);
  @ ensures sum: told(\result) == \result.done;
  @ ensures done: \result.done * 4096 < size + 4096;
  @ ensures ok: \result.status == CORDON_OK ==> size <= \result.done * 4096;
  @ ensures again: \result.status == CORDON_AGAIN ==> 0 < \result.done && \result.done * 4096 < size;
  @*/
struct cordon_progress cordon_grant_stage2_sg_gpa(struct cordon *c, vmid_t vm, ipa_t addr, uint64_t size)
{
    return share(c, vm, addr, size, GRANT);
}

/*@ requires machine(c) && c->vm_shape.gfn_limit <= 68719476736 && c->vms < 0x4000;
  @ requires vms: 1 <= vm.v <= c->vms && c->vm[vm.v - 1].state == VM_LIVE ==>
  @   vm_sound(c, &c->vm[vm.v - 1], vm.v) && c->vm[vm.v - 1].s2.gfn_limit == c->vm_shape.gfn_limit;
  @ assigns c->vm[vm.v - 1].lock, c->section[0 .. c->sections - 1].lock, c->frame[0 .. c->sections * 512 - 1].count,
  @   c->phys[0 .. c->phys_frames - 1];
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures shared: shared{Pre,Here}(c, REVOKE, vm.v);
  @ ensures sum: told(\result) == \result.done;
  @ ensures done: \result.done * 4096 < size + 4096;
  @ ensures ok: \result.status == CORDON_OK ==> size <= \result.done * 4096;
  @ ensures again: \result.status == CORDON_AGAIN ==> 0 < \result.done && \result.done * 4096 < size;
  @*/
struct cordon_progress cordon_revoke_stage2_sg_gpa(struct cordon *c, vmid_t vm, ipa_t addr, uint64_t size)
{
    return share(c, vm, addr, size, REVOKE);
}
