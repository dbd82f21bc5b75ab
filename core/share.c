/* SPDX-License-Identifier: Apache-2.0 */
/* grant_stage2_sg_gpa and revoke_stage2_sg_gpa: a VM's pages are the host's to use as well, or no longer. SEMANTICS 3. */
#include "share.h"
#include "range.h"
#include "vm.h"

/* Work that an unmapped stretch of any size counts for, in pages: it costs a walk. */
#define HOLE_WORK 2

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

/*@ // What the next operation on a VM needs of its table and its pool, a grant or revoke leaves to all VMs.
  @ predicate same_lists{A,B} = \forall integer k; 0 <= k < 68719476736 ==> \at(pool_row[k], B) == \at(pool_row[k], A);
  @ predicate vms_kept{A,B}(struct cordon *c) =
  @   \forall integer i; 0 <= i < \at(c->vms, A) ==>
  @     (tree_ready{A}(c, \at(&c->vm[i], A)) ==> tree_ready{B}(c, \at(&c->vm[i], A))) &&
  @     (vm_sound{A}(c, \at(&c->vm[i], A), i + 1) ==> vm_sound{B}(c, \at(&c->vm[i], A), i + 1));
  @ lemma pages_went{A,B}: \forall struct cordon *c;
  @   same_head{A,B}(c) && same_levels{A,B} && pages_go{A,B}(c) && \at(c->phys_frames, A) <= 68719476736 ==> pages_left{A,B}(c);
  @ lemma shared_beside{A,B}: \forall struct cordon *c, integer i, how, id;
  @   tables{A}(c) && 0 <= i < \at(c->vms, A) && shared{A,B}(c, how, id) && same_above{A,B}(c) && same_pools{A,B}(c) &&
  @   same_lists{A,B} && \at(c->vm[i].pool.free, A) <= 68719476736 ==> tree_beside{A,B}(c, \at(&c->vm[i], A));
  @ lemma shared_vms{A,B}: \forall struct cordon *c, integer how, id;
  @   tables{A}(c) && shared{A,B}(c, how, id) && same_above{A,B}(c) && same_pools{A,B}(c) && same_lists{A,B} &&
  @   (\forall integer i; 0 <= i < \at(c->vms, A) ==> 0 <= \at(c->vm[i].s2.root, A)) ==> vms_kept{A,B}(c);
  @*/

/*@ requires machine(c) && c->vm_shape.gfn_limit <= 68719476736 && c->vms < 0x4000;
  @ requires vms: 1 <= vm.v <= c->vms && c->vm[vm.v - 1].state == VM_LIVE ==>
  @   vm_sound(c, &c->vm[vm.v - 1], vm.v) && c->vm[vm.v - 1].s2.gfn_limit == c->vm_shape.gfn_limit;
  @ assigns c->vm[vm.v - 1].lock, c->section[0 .. c->sections - 1].lock, c->frame[0 .. c->sections * 512 - 1].count,
  @   c->phys[0 .. c->phys_frames - 1];
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures shared: shared{Pre,Here}(c, how, vm.v);
  @ ensures vms: vms_kept{Pre,Here}(c);
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

    /*@ assert start: shared{Pre,Here}(c, how, vm.v) && vms_kept{Pre,Here}(c); */
    /*@ assert roots: \forall integer i; 0 <= i < c->vms ==> 0 <= c->vm[i].s2.root; */
    /*@ assert apart: \separated(c->vm + (0 .. c->vms - 1), c->phys + (0 .. c->phys_frames - 1)); */
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
    /*@ assert vms: same_pools{Pre,Here}(c) && vms_kept{Pre,Here}(c); */
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
    /*@ assert pools: same_pools{Pre,Here}(c); */
    /*@ assert vms: vms_kept{Pre,Here}(c); */
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
  @ ensures vms: vms_kept{Pre,Here}(c);
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
  @ ensures vms: vms_kept{Pre,Here}(c);
  @ ensures sum: told(\result) == \result.done;
  @ ensures done: \result.done * 4096 < size + 4096;
  @ ensures ok: \result.status == CORDON_OK ==> size <= \result.done * 4096;
  @ ensures again: \result.status == CORDON_AGAIN ==> 0 < \result.done && \result.done * 4096 < size;
  @*/
struct cordon_progress cordon_revoke_stage2_sg_gpa(struct cordon *c, vmid_t vm, ipa_t addr, uint64_t size)
{
    return share(c, vm, addr, size, REVOKE);
}
