/* SPDX-License-Identifier: Apache-2.0 */
/* grant_stage2_sg_gpa and revoke_stage2_sg_gpa: a VM's pages are the host's to use as well, or no longer. SEMANTICS 3. */
#include "memory/share.h"
#include "memory/range.h"
#include "base/vm.h"

/* Work that an unmapped stretch of any size counts for, in pages: it costs a walk. */
#define HOLE_WORK 2

enum sharing { GRANT, REVOKE };

/* n consecutive frames of one section, that of index `index`, from `frame` on. */
static HOT struct passed grant_run(struct cordon *c, uint32_t vm, uint64_t index, uint64_t frame, uint64_t n)
{
    struct section_locked s = section_lock(c, index, frame / 512);
    struct passed passed = memory_grant(s, vm, frame % 512, n);

    dma_follow(c, s, frame % 512, n);
    section_unlock(c, s);
    return passed;
}

/* The same for a revoke: where a last grant went, the host's TLB entries are gone before the section is let go. */
static HOT struct passed revoke_run(struct cordon *c, uint32_t vm, uint64_t index, uint64_t frame, uint64_t n)
{
    struct section_locked s = section_lock(c, index, frame / 512);
    struct revoked r;

    r = memory_revoke(c, s, vm, frame % 512, n);
    s2_settle(c, &c->host, r.owed);
    dma_follow(c, s, frame % 512, n);
    section_unlock(c, s);
    return r.passed;
}

/* The same for frames that may be in no section. */
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
/*@ requires machine(c) && calm(vm) && 1 <= vm < 0x4000 && row < c->phys_frames && row_level[row] == 3 && !host_row(c, row);
  @ requires index + n <= 512;
  @ assigns c->section[0 .. c->sections - 1].lock, c->frame[0 .. c->sections * 512 - 1].count,
  @   c->phys[0 .. c->phys_frames - 1], UNSEEN, LOCKS;
  @ exits \false;
  @ ensures machine: machine(c) && calm(vm);
  @ ensures shared: shared{Pre,Here}(c, how, vm);
  @ ensures sum: \result.unmapped + \result.not_owned + \result.saturated <= n;
  @*/
static HOT struct skipped share_table(struct cordon *c, uint32_t vm, uint64_t row, uint64_t index, uint64_t n, enum sharing how)
{
    uint64_t end = index + n;
    uint64_t unmapped = 0;
    uint64_t not_owned = 0;
    uint64_t saturated = 0;

    while (index < end) {
        uint64_t first = arch_pte_read(c, row, index);
        uint64_t k = 1;

        if (desc_valid(first)) {
            struct passed passed;

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
static HOT struct skipped share_at(struct cordon *c, uint32_t vm, struct s2_pos at, uint64_t gfn, uint64_t n, enum sharing how)
{
    struct passed passed;

    if (at.level == 3)
        return share_table(c, vm, at.row, at.index, n, how);
    if (!desc_valid(at.entry))
        return (struct skipped){ .unmapped = n };
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
/*@ requires machine(c) && calm(v.id) && vm_sound(c, v.vm, v.id) && v.id < 0x4000 && gfn + num <= v.vm->s2.gfn_limit;
  @ assigns c->section[0 .. c->sections - 1].lock, c->frame[0 .. c->sections * 512 - 1].count,
  @   c->phys[0 .. c->phys_frames - 1], UNSEEN, LOCKS;
  @ exits \false;
  @ ensures machine: machine(c) && calm(v.id);
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
/*@ requires machine(c) && calm(v.id) && vm_sound(c, v.vm, v.id) && v.id < 0x4000 && gfn < v.vm->s2.gfn_limit;
  @ assigns c->section[0 .. c->sections - 1].lock, c->frame[0 .. c->sections * 512 - 1].count,
  @   c->phys[0 .. c->phys_frames - 1], UNSEEN, LOCKS;
  @ exits \false;
  @ ensures machine: machine(c) && calm(v.id);
  @ ensures shared: shared{Pre,Here}(c, how, v.id);
  @ ensures done: \result.done == 1 && \result.unmapped + \result.not_owned + \result.saturated <= 1;
  @*/
static HOT struct handled share_page(struct cordon *c, struct vm_locked v, uint64_t gfn, enum sharing how)
{
    struct s2_pos at = s2_walk(c, &v.vm->s2, gfn);
    struct passed passed;

    if (!desc_valid(at.entry))
        return (struct handled){ 1, 1, 0, 0 };
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

/* Either of the two: checks the numbers, goes in, shares or stops sharing, and says how far that came. */
static HOT struct cordon_progress share(struct cordon *c, vmid_t vm, ipa_t addr, uint64_t size, enum sharing how)
{
    uint64_t num = size / CORDON_PAGE_SIZE + (size % CORDON_PAGE_SIZE != 0 ? 1 : 0);
    struct handled h;
    struct vm_locked v;
    enum cordon_status status;

    if (!in_range(addr.v, size, c->vm_shape.gfn_limit * CORDON_PAGE_SIZE))
        return refuse(CORDON_RANGE);
    if (size == 0)
        return refuse(CORDON_EMPTY);
    if (addr.v % CORDON_PAGE_SIZE != 0)
        return refuse(CORDON_UNALIGNED);
    status = vm_enter_live(c, vm, &v);
    if (status != CORDON_OK)
        return refuse(status);
    h = num == 1 ? share_page(c, v, addr.v / CORDON_PAGE_SIZE, how)
                 : share_pages(c, v, addr.v / CORDON_PAGE_SIZE, num, how);
    vm_unlock(c, v);
    return answer(h, num);
}

struct cordon_progress cordon_grant_stage2_sg_gpa(struct cordon *c, vmid_t vm, ipa_t addr, uint64_t size)
{
    return share(c, vm, addr, size, GRANT);
}

struct cordon_progress cordon_revoke_stage2_sg_gpa(struct cordon *c, vmid_t vm, ipa_t addr, uint64_t size)
{
    return share(c, vm, addr, size, REVOKE);
}
