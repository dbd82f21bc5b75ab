/* SPDX-License-Identifier: Apache-2.0 */
/* prot_and_map_vm_s2pt: a VM gets frames, and their pages or block in its table; walk_s2pt. SEMANTICS 3. */
#include "map.h"
#include "assign.h"
#include "pool.h"
#include "range.h"
#include "vm.h"

/* A request to map n frames from `frame` on at gfn, as pages of one last-level table or as one block of 512. */
struct map_request {
    uint64_t gfn;
    uint64_t frame;
    uint64_t n;
    enum cordon_contents contents;
};

/*@ // What a request for pages must be like; for the section with record k, what its records and its count of them are.
  @ predicate request_fits(struct map_request r) =
  @   1 <= r.n && r.frame % 512 + r.n <= 512 && r.gfn % 512 + r.n <= 512 && r.gfn < 68719476736 && r.frame < 68719476736;
  @ predicate counted_in{L}(struct cordon *c, struct map_request r, integer k) =
  @   counts_held(&c->frame[k * 512], 0, 0, r.frame % 512, r.frame % 512 + r.n) &&
  @   c->section[k].taken + (held_to[r.frame % 512 + r.n] - held_to[r.frame % 512]) <= 512;
  @ predicate is_counted{L}(struct cordon *c, struct map_request r) =
  @   \forall integer k; is_section(c, r.frame / 512, k) ==> counted_in(c, r, k);
  @
  @ // Why a request that fits may be refused.
  @ predicate is_refusal(integer s) =
  @   s == CORDON_MAPPED || s == CORDON_NO_MEMORY || s == CORDON_OWNED || s == CORDON_SHARED || s == CORDON_GFN;
  @
  @ // The frames of a request are the VM's, where its pages will be.
  @ predicate claimed_in{L}(struct cordon *c, integer id, struct map_request r, integer k) =
  @   \forall integer i; k * 512 + r.frame % 512 <= i < k * 512 + r.frame % 512 + r.n ==>
  @     c->frame[i].holder == id && gfn_of(c->frame[i]) == r.gfn + (i - (k * 512 + r.frame % 512));
  @ predicate is_claimed{L}(struct cordon *c, integer id, struct map_request r) =
  @   \exists integer k; is_section(c, r.frame / 512, k) && claimed_in(c, id, r, k);
  @ predicate records_but{A,B}(struct cordon *c, struct map_request r) =
  @   \forall integer i; 0 <= i < \at(c->sections, A) * 512 && !in_run{A}(c, i, r.frame, r.n) ==>
  @     same_record(\at(c->frame[i], B), \at(c->frame[i], A));
  @*/

/* Has the frames of a request, which are of the section of that index, become the VM's: all, or a refusal and none. */
/*@ requires machine(c) && index < c->sections && 1 <= v.id <= c->vms && v.vm == &c->vm[v.id - 1];
  @ requires request_fits(r) && counted_in(c, r, index) && v.vm->frames + 512 <= 18446744073709551615;
  @ assigns c->section[index], c->frame[index * 512 + r.frame % 512 .. index * 512 + r.frame % 512 + r.n - 1], v.vm->frames,
  @   c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   c->phys[0 .. c->phys_frames - 1], row_level[0 .. 68719476735];
  @ exits \false;
  @ ensures reason: \result == CORDON_OK || is_refusal(\result);
  @ ensures machine: machine(c);
  @ ensures head: same_head{Pre,Here}(c) && same_map{Pre,Here}(c);
  @ ensures vms: vm_rows_kept{Pre,Here}(c);
  @ ensures parts: same_tables{Pre,Here}(c) && same_pool{Pre,Here}(&v.vm->pool);
  @ ensures all: \result == CORDON_OK ==> claimed_in(c, v.id, r, index);
  @ ensures others: records_outside{Pre,Here}(c, index * 512 + r.frame % 512, index * 512 + r.frame % 512 + r.n);
  @ ensures none: \result != CORDON_OK ==> v.vm->frames == \old(v.vm->frames) &&
  @   \forall integer i; 0 <= i < c->sections * 512 ==> same_record(c->frame[i], \old(c->frame[i]));
  @*/
static HOT enum cordon_status claim_run(struct cordon *c, struct vm_locked v, uint64_t index, struct map_request r)
{
    struct section_locked s = section_lock(c, index, r.frame / 512);
    enum cordon_status status = memory_can_assign(s, v.id, r.frame % 512, r.n, r.gfn);

    /*@ assert head: same_head{Pre,Here}(c) && same_map{Pre,Here}(c); */
    /*@ assert rows: vm_rows_kept{Pre,Here}(c); */
    /*@ assert rest: section_rest{Pre,Here}(c, s, v); */
    /*@ assert same: same_records{Pre,Here}(c); */
    /*@ assert summaries: summaries_hold(c); */
    /*@ ghost locked: ; */
    if (status == CORDON_OK) {
        memory_assign(c, v, s, r.frame % 512, r.n, r.gfn, r.contents);
        /*@ assert claimed: claimed_in(c, v.id, r, index); */
        /*@ assert rest: section_rest{locked,Here}(c, s, v); */
        /*@ assert head: same_head{Pre,Here}(c); */
        /*@ assert map: same_map{Pre,Here}(c); */
        /*@ assert rows: vm_rows_kept{Pre,Here}(c); */
        /*@ assert within: \forall integer i; index * 512 <= i < index * 512 + 512 &&
          @   !(index * 512 + r.frame % 512 <= i < index * 512 + r.frame % 512 + r.n) ==>
          @     same_record(c->frame[i], \at(c->frame[i], locked)); */
        /*@ assert inside: \forall integer i; index * 512 <= i < index * 512 + 512 &&
          @   !(index * 512 + r.frame % 512 <= i < index * 512 + r.frame % 512 + r.n) ==>
          @     same_record(c->frame[i], \at(c->frame[i], locked)) &&
          @     c->frame[i].holder == \at(c->frame[i].holder, locked) && c->frame[i].count == \at(c->frame[i].count, locked) &&
          @     c->frame[i].gfn_lo == \at(c->frame[i].gfn_lo, locked) && c->frame[i].gfn_hi == \at(c->frame[i].gfn_hi, locked); */
        /*@ assert outside: records_outside{locked,Here}(c, index * 512, index * 512 + 512); */
        /*@ assert others: records_outside{locked,Here}(c, index * 512 + r.frame % 512, index * 512 + r.frame % 512 + r.n); */
        /*@ assert some: c->section[index].taken > 0; */
        /*@ assert others: records_outside{Pre,Here}(c, index * 512 + r.frame % 512, index * 512 + r.frame % 512 + r.n); */
        /*@ assert still: summaries_hold{locked}(c); */
        /*@ assert sections: other_sections{locked,Here}(c, index); */
        /*@ assert heads: same_head{locked,Here}(c); */
        /*@ assert one: one_section{locked,Here}(c, index); */
        /*@ assert summaries: summaries_hold(c); */
    }
    /*@ assert others: records_outside{Pre,Here}(c, index * 512 + r.frame % 512, index * 512 + r.frame % 512 + r.n); */
    /*@ assert summaries: summaries_hold(c); */
    /*@ assert rest: section_rest{Pre,Here}(c, s, v); */
    /*@ ghost done: ; */
    section_unlock(c, s);
    /*@ assert words: same_words{done,Here}(c); */
    /*@ assert plain: plain_kept{done,Here}(c); */
    /*@ assert vms: same_tables{Pre,Here}(c) && same_pool{Pre,Here}(&v.vm->pool); */
    /*@ assert others: records_outside{Pre,Here}(c, index * 512 + r.frame % 512, index * 512 + r.frame % 512 + r.n); */
    /*@ assert tables: tables(c); */
    /*@ assert spans: spans_fit(c); */
    /*@ assert summaries: summaries_hold(c); */
    return status;
}

/*@ // A machine and a VM of it between two changes of the VM's table.
  @ predicate vm_ready{L}(struct cordon *c, struct vm_locked v) =
  @   machine(c) && vm_sound(c, v.vm, v.id) && \valid(v.vm) && tree_ready(c, v.vm);
  @ // What no step of a mapping changes: where everything is.
  @ predicate places_kept{A,B}(struct cordon *c) =
  @   same_head{A,B}(c) && same_map{A,B}(c) && same_tables{A,B}(c);
  @ lemma claimed_kept{A,B}: \forall struct cordon *c, struct map_request r, integer id;
  @   is_claimed{A}(c, id, r) && spans_fit{A}(c) && same_head{A,B}(c) && same_map{A,B}(c) && same_records{A,B}(c) &&
  @   request_fits(r) ==> is_claimed{B}(c, id, r);
  @ // What a change of entries that map pages or blocks leaves alone; a VM that was ready for the next step is ready after it.
  @ predicate only_entries{A,B}(struct cordon *c, struct vm_locked v) =
  @   places_kept{A,B}(c) && tree_changed{A,B}(c, v.vm) && same_words{A,B}(c) && plain_kept{A,B}(c);
  @ lemma sound_after_entries{A,B}: \forall struct cordon *c, struct vm_locked v;
  @   vm_sound{A}(c, v.vm, v.id) && arrays{A}(c) && 0 <= \at(v.vm->s2.root, A) && only_entries{A,B}(c, v) ==>
  @     vm_sound{B}(c, v.vm, v.id);
  @ lemma machine_after_entries{A,B}: \forall struct cordon *c, struct vm_locked v;
  @   machine{A}(c) && tables{B}(c) && only_entries{A,B}(c, v) ==> machine{B}(c);
  @ lemma kept_chain{A,B,C}: \forall struct cordon *c;
  @   places_kept{A,B}(c) && places_kept{B,C}(c) ==> places_kept{A,C}(c);
  @ predicate records_same{A,B}(struct cordon *c) =
  @   \forall integer i; 0 <= i < \at(c->sections, A) * 512 ==> same_record(\at(c->frame[i], B), \at(c->frame[i], A));
  @*/

/* Has the frames of a request become the VM's: all of them, or a refusal and none. */
/*@ requires vm_ready(c, v);
  @ requires request_fits(r) && is_counted(c, r) && v.vm->frames + 512 <= 18446744073709551615;
  @ assigns c->section[0 .. c->sections - 1], c->frame[0 .. c->sections * 512 - 1], v.vm->frames,
  @   c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   c->phys[0 .. c->phys_frames - 1], row_level[0 .. 68719476735];
  @ exits \false;
  @ ensures reason: \result == CORDON_OK || is_refusal(\result);
  @ ensures ready: vm_ready(c, v);
  @ ensures kept: places_kept{Pre,Here}(c) && same_pool{Pre,Here}(&v.vm->pool);
  @ ensures vms: vm_rows_kept{Pre,Here}(c);
  @ ensures all: \result == CORDON_OK ==> is_claimed(c, v.id, r);
  @ ensures others: records_but{Pre,Here}(c, r);
  @ ensures none: \result != CORDON_OK ==> v.vm->frames == \old(v.vm->frames) && records_same{Pre,Here}(c);
  @*/
static HOT enum cordon_status claim(struct cordon *c, struct vm_locked v, struct map_request r)
{
    uint64_t index;
    enum cordon_status status = memory_section(c, r.frame, &index);

    if (status != CORDON_OK)
        return status;
    status = claim_run(c, v, index, r);
    /*@ assert levels: vm_levels_kept{Pre,Here}(c); */
    /*@ assert sound: vm_sound(c, v.vm, v.id); */
    /*@ assert list: same_list{Pre,Here}(&v.vm->pool) && same_above{Pre,Here}(c); */
    /*@ assert pool: pool_sound(c, &v.vm->pool); */
    /*@ assert parents: parents(c); */
    return status;
}

/* Something else is where a request wants its pages. */
#define MISFIT UINT64_MAX

/* How many of a request's pages a level-3 table has already, from p on; MISFIT when it has anything else there. */
/*@ requires \valid_read(c) && p.row < c->phys_frames && \valid_read(&c->phys[p.row]);
  @ requires p.index + r.n <= 512 && r.frame + r.n <= 68719476736 && r.n >= 1;
  @ assigns \nothing;
  @ exits \false;
  @ ensures same: \result != MISFIT ==> \result <= r.n && \result == filled(&c->phys[p.row].e[p.index], r.n) &&
  @   \forall integer k; p.index <= k < p.index + r.n ==>
  @     c->phys[p.row].e[k] == 0 || c->phys[p.row].e[k] == leaf_entry(r.frame + (k - p.index), 3, 0);
  @ ensures misfit: \result == MISFIT ==> \exists integer k; p.index <= k < p.index + r.n &&
  @   c->phys[p.row].e[k] != 0 && c->phys[p.row].e[k] != leaf_entry(r.frame + (k - p.index), 3, 0);
  @*/
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
/*@ requires \valid_read(c) && p.level <= 3 && p.row < c->phys_frames && \valid_read(&c->phys[p.row]);
  @ requires request_fits(r) && (p.level == 3 ==> p.index + r.n <= 512);
  @ assigns \nothing;
  @ exits \false;
  @ ensures most: \result <= r.n || \result == MISFIT;
  @ ensures pages: p.level == 3 && \result != MISFIT ==> \result == filled(&c->phys[p.row].e[p.index], r.n) &&
  @   \forall integer k; p.index <= k < p.index + r.n ==>
  @     c->phys[p.row].e[k] == 0 || c->phys[p.row].e[k] == leaf_entry(r.frame + (k - p.index), 3, 0);
  @ ensures none: p.level < 3 && \result < r.n ==> !valid_entry(p.entry) && \result == 0;
  @ ensures block: p.level < 3 && \result == r.n ==> valid_entry(p.entry) && p.entry / 16 % 4 != 0 &&
  @   entry_frame(p.entry) + r.gfn % pages_at(p.level) == r.frame;
  @*/
static HOT uint64_t already(const struct cordon *c, struct s2_pos p, struct map_request r)
{
    if (p.level == 3)
        return already_pages(c, p, r);
    if (!desc_valid(p.entry))
        return 0;
    return s2_frame(p, r.gfn) == r.frame && !desc_is_device(p.entry) ? r.n : MISFIT;
}

/* The VM's table gets tables below p down to level `last`, if it has to; they are there. The position of gfn. */
/*@ requires vm_ready(c, v) && on_table(c, p) && !host_row(c, p.row) && p.index == index_at(gfn, p.level) && last <= 3;
  @ requires room: p.level < last ==> !valid_entry(p.entry) && last - p.level <= v.vm->pool.free;
  @ assigns v.vm->pool.fresh, v.vm->pool.fresh_n, v.vm->pool.head, v.vm->pool.free, c->phys[0 .. c->phys_frames - 1],
  @   row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735];
  @ exits \false;
  @ ensures ready: vm_ready(c, v);
  @ ensures kept: places_kept{Pre,Here}(c);
  @ ensures place: on_table(c, \result) && !host_row(c, \result.row) && \result.index == index_at(gfn, \result.level);
  @ ensures level: \result.level == (p.level < last ? last : p.level);
  @ ensures entry: \result.entry == (p.level < last ? 0 : p.entry);
  @*/
static HOT struct s2_pos grow_to(struct cordon *c, struct vm_locked v, struct s2_pos p, uint64_t gfn, uint32_t last)
{
    /*@ assert apart: \separated(c->span + (0 .. c->spans - 1), c->phys + (0 .. c->phys_frames - 1)); */
    /*@ assert apart: \separated(c->span + (0 .. c->spans - 1), v.vm); */
    /*@ assert apart: \separated(c->hidden + (0 .. c->hiddens - 1), c->phys + (0 .. c->phys_frames - 1)); */
    /*@ assert apart: \separated(c->hidden + (0 .. c->hiddens - 1), v.vm); */
    /*@ assert apart: \separated(c->vm + (0 .. c->vms - 1), c->phys + (0 .. c->phys_frames - 1)); */
    /*@ assert apart: \forall integer i; 0 <= i < c->vms ==> \separated(&c->vm[i].s2, &v.vm->pool); */
    /*@ assert place: can_grow(c, p, &v.vm->pool, gfn); */
    if (p.level < last) {
        p = s2_grow(c, &v.vm->pool, p, gfn, last);
        /*@ assert spans: \forall integer i; 0 <= i < c->spans ==> c->span[i].first == \at(c->span[i].first, Pre); */
        /*@ assert counts: \forall integer i; 0 <= i < c->spans ==> c->span[i].count == \at(c->span[i].count, Pre); */
        /*@ assert bases: \forall integer i; 0 <= i < c->spans ==> c->span[i].base == \at(c->span[i].base, Pre); */
        /*@ assert hidden: \forall integer i; 0 <= i < c->hiddens ==> c->hidden[i].first == \at(c->hidden[i].first, Pre) &&
          @   c->hidden[i].count == \at(c->hidden[i].count, Pre); */
        /*@ assert root: \forall integer i; 0 <= i < c->vms ==> c->vm[i].s2.root == \at(c->vm[i].s2.root, Pre); */
        /*@ assert map: same_map{Pre,Here}(c); */
        /*@ assert tables: same_tables{Pre,Here}(c); */
        /*@ assert levels: vm_levels_kept{Pre,Here}(c); */
        /*@ assert sound: vm_sound(c, v.vm, v.id); */
        /*@ assert words: same_words{Pre,Here}(c); */
        /*@ assert plain: plain_kept{Pre,Here}(c); */
        /*@ assert spans: spans_fit(c); */
        /*@ assert summaries: summaries_hold(c); */
    }
    return p;
}

/* Pages of one last-level table get what they map. */
/*@ requires vm_ready(c, v) && request_fits(r);
  @ requires on_table(c, p) && !host_row(c, p.row) && p.level == 3 && p.index == index_at(r.gfn, 3);
  @ assigns c->phys[0 .. c->phys_frames - 1];
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
    /*@ assert only: only_entries{Pre,Here}(c, v); */
    /*@ assert ready: machine(c) && vm_sound(c, v.vm, v.id) && pool_sound(c, &v.vm->pool) && parents(c); */
}

/* The pages of a request, p is the end of the walk to the first of them. The tables that they need are there. */
/*@ requires vm_ready(c, v) && request_fits(r) && is_counted(c, r) && v.vm->frames + 512 <= 18446744073709551615;
  @ requires on_table(c, p) && !host_row(c, p.row) && p.index == index_at(r.gfn, p.level);
  @ requires room: p.level < 3 ==> !valid_entry(p.entry) && 3 - p.level <= v.vm->pool.free;
  @ assigns c->section[0 .. c->sections - 1], c->frame[0 .. c->sections * 512 - 1], v.vm->frames,
  @   v.vm->pool.fresh, v.vm->pool.fresh_n, v.vm->pool.head, v.vm->pool.free,
  @   c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   c->phys[0 .. c->phys_frames - 1], row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735];
  @ exits \false;
  @ ensures reason: \result == CORDON_OK || is_refusal(\result);
  @ ensures ready: vm_ready(c, v);
  @ ensures kept: places_kept{Pre,Here}(c);
  @ ensures all: \result == CORDON_OK ==> is_claimed(c, v.id, r);
  @ ensures others: records_but{Pre,Here}(c, r);
  @ ensures none: \result != CORDON_OK ==> vm_rows_kept{Pre,Here}(c) && same_pool{Pre,Here}(&v.vm->pool) &&
  @   v.vm->frames == \old(v.vm->frames) && records_same{Pre,Here}(c);
  @*/
static HOT enum cordon_status map_new(struct cordon *c, struct vm_locked v, struct s2_pos p, struct map_request r)
{
    enum cordon_status status = claim(c, v, r);

    /*@ assert kept: places_kept{Pre,Here}(c); */
    /*@ assert head: same_head{Pre,Here}(c); */
    if (status != CORDON_OK)
        return status;
    /*@ assert level: row_level[p.row] == p.level &&
      @   c->phys[p.row].e[p.index] == \at(c->phys[\at(p.row, Here)].e[\at(p.index, Here)], Pre); */
    /*@ assert place: on_table(c, p) && !host_row(c, p.row) && p.index == index_at(r.gfn, p.level); */
    /*@ ghost claimed: ; */
    p = grow_to(c, v, p, r.gfn, 3);
    /*@ assert kept: places_kept{Pre,Here}(c); */
    /*@ assert row: p.row < \at(c->phys_frames, Pre) && c->phys == \at(c->phys, Pre) && p.index + r.n <= 512; */
    fill(c, v, p, r);
    /*@ assert kept: places_kept{claimed,Here}(c); */
    /*@ assert records: same_records{claimed,Here}(c); */
    /*@ assert new: is_claimed(c, v.id, r); */
    /*@ assert kept: places_kept{Pre,Here}(c); */
    return CORDON_OK;
}

/* Pages of one last-level table; how many of them were not there already. */
/*@ requires vm_ready(c, v) && request_fits(r) && r.gfn < v.vm->s2.gfn_limit;
  @ requires is_counted(c, r) && v.vm->frames + 512 <= 18446744073709551615;
  @ assigns c->section[0 .. c->sections - 1], c->frame[0 .. c->sections * 512 - 1], v.vm->frames,
  @   v.vm->pool.fresh, v.vm->pool.fresh_n, v.vm->pool.head, v.vm->pool.free,
  @   c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   c->phys[0 .. c->phys_frames - 1], row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735];
  @ exits \false;
  @ ensures reason: \result.status == CORDON_OK || is_refusal(\result.status);
  @ ensures ready: vm_ready(c, v);
  @ ensures kept: places_kept{Pre,Here}(c);
  @ ensures changed: \result.changed <= r.n;
  @ ensures new: \result.status == CORDON_OK && \result.changed > 0 ==> is_claimed(c, v.id, r);
  @ ensures others: records_but{Pre,Here}(c, r);
  @ ensures none: \result.status != CORDON_OK || \result.changed == 0 ==> vm_rows_kept{Pre,Here}(c) &&
  @   same_pool{Pre,Here}(&v.vm->pool) && v.vm->frames == \old(v.vm->frames) && records_same{Pre,Here}(c);
  @*/
static HOT struct mapped map_pages(struct cordon *c, struct vm_locked v, struct map_request r)
{
    struct s2_pos p = s2_walk(c, &v.vm->s2, r.gfn);
    uint64_t same = already(c, p, r);
    enum cordon_status status;

    /*@ assert kept: places_kept{Pre,Here}(c) && records_but{Pre,Here}(c, r); */
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
/*@ requires vm_ready(c, v) && child < c->phys_frames && row_level[child] == 3 && !host_row(c, child) && unnamed(c, child);
  @ requires used: v.vm->pool.free < v.vm->pool.total;
  @ assigns v.vm->pool.head, v.vm->pool.free, c->phys[child].e[0], row_level[child], pool_row[v.vm->pool.free];
  @ exits \false;
  @ ensures ready: vm_ready(c, v);
  @ ensures kept: places_kept{Pre,Here}(c);
  @ ensures records: same_records{Pre,Here}(c);
  @ ensures others: \forall integer r, i; 0 <= r < c->phys_frames && 0 <= i < 512 && r != child ==>
  @   c->phys[r].e[i] == \old(c->phys[r].e[i]);
  @ ensures back: v.vm->pool.free == \old(v.vm->pool.free) + 1 && v.vm->pool.total == \old(v.vm->pool.total);
  @*/
static void retire(struct cordon *c, struct vm_locked v, uint64_t child)
{
    /*@ assert apart: \separated(c->span + (0 .. c->spans - 1), c->phys + (0 .. c->phys_frames - 1)); */
    /*@ assert apart: \separated(c->span + (0 .. c->spans - 1), v.vm); */
    /*@ assert apart: \separated(c->hidden + (0 .. c->hiddens - 1), c->phys + (0 .. c->phys_frames - 1)); */
    /*@ assert apart: \separated(c->hidden + (0 .. c->hiddens - 1), v.vm); */
    /*@ assert apart: \separated(c->vm + (0 .. c->vms - 1), c->phys + (0 .. c->phys_frames - 1)); */
    /*@ assert apart: \forall integer i; 0 <= i < c->vms ==> \separated(&c->vm[i].s2, &v.vm->pool); */
    /*@ assert apart: \separated(c->section + (0 .. c->sections - 1), c->phys + (0 .. c->phys_frames - 1), v.vm); */
    /*@ assert other: \forall integer k; 0 <= k < v.vm->pool.free ==> pool_row[k] != child; */
    /*@ ghost row_level[child] = -1; */
    /*@ ghost pool_row[v.vm->pool.free] = child; */
    /*@ assert top: v.vm->pool.free > 0 ==> v.vm->pool.head == pool_row[v.vm->pool.free - 1]; */
    pool_put(c, &v.vm->pool, child);
    /*@ assert named: c->phys[child].e[0] == \at(v.vm->pool.head, Pre); */
    /*@ assert head: same_head{Pre,Here}(c); */
    /*@ assert leaf: same_leaves{Pre,Here}(c); */
    /*@ assert map: same_map{Pre,Here}(c); */
    /*@ assert tables: same_tables{Pre,Here}(c); */
    /*@ assert words: same_words{Pre,Here}(c) && plain_kept{Pre,Here}(c); */
    /*@ assert above: same_above{Pre,Here}(c); */
    /*@ assert retired: retired{Pre,Here}(c, child); */
    /*@ assert arrays: arrays(c); */
    /*@ assert trees: trees(c); */
    /*@ assert blocks: blocks_fit(c); */
    /*@ assert leaves: leaves_fit(c); */
    /*@ assert spans: spans_fit(c); */
    /*@ assert summaries: summaries_hold(c); */
    /*@ assert parents: parents(c); */
    /*@ assert rooted: rooted(c, &v.vm->s2); */
    /*@ assert sound: vm_sound(c, v.vm, v.id); */
    /*@ assert list: \forall integer k; 0 <= k < v.vm->pool.free - 1 ==> pool_row[k] == \at(pool_row[k], Pre); */
    /*@ assert count: v.vm->pool.free == \at(v.vm->pool.free, Pre) + 1 && v.vm->pool.total == \at(v.vm->pool.total, Pre) &&
      @   v.vm->pool.fresh_n == \at(v.vm->pool.fresh_n, Pre) && v.vm->pool.head == child; */
    /*@ assert last: pool_row[v.vm->pool.free - 1] == child; */
    /*@ assert next: \at(v.vm->pool.free, Pre) > 0 ==> c->phys[child].e[0] == pool_row[\at(v.vm->pool.free, Pre) - 1]; */
    /*@ assert end: \forall integer k; \at(v.vm->pool.free, Pre) <= k <= \at(v.vm->pool.free, Pre) && 0 < k ==>
      @   c->phys[pool_row[k]].e[0] == pool_row[k - 1]; */
    /*@ assert links: \forall integer k; 0 < k < \at(v.vm->pool.free, Pre) ==> c->phys[pool_row[k]].e[0] == pool_row[k - 1]; */
    /*@ assert each: \forall integer k; 0 < k < v.vm->pool.free ==> c->phys[pool_row[k]].e[0] == pool_row[k - 1]; */
    /*@ assert linked: pool_linked(c, &v.vm->pool); */
    /*@ assert first: pool_head(&v.vm->pool); */
    /*@ assert once: pool_once(&v.vm->pool); */
    /*@ assert spare: pool_spare(c, &v.vm->pool); */
}

/* A block takes the place of the level-2 entry p, whatever it is; if it was a table, no entry names that any more. */
/*@ requires vm_ready(c, v) && on_table(c, p) && !host_row(c, p.row) && p.level == 2;
  @ requires r.gfn < 68719476736 && r.frame < 68719476736 && r.frame % 512 == 0;
  @ assigns c->phys[p.row].e[p.index];
  @ exits \false;
  @ ensures ready: vm_ready(c, v);
  @ ensures kept: places_kept{Pre,Here}(c);
  @ ensures records: same_records{Pre,Here}(c);
  @ ensures block: c->phys[p.row].e[p.index] == leaf_entry(r.frame, 2, 0);
  @ ensures unnamed: table_entry(p.entry, 2) ==> unnamed(c, entry_frame(p.entry));
  @*/
static void put_block(struct cordon *c, struct vm_locked v, struct s2_pos p, struct map_request r)
{
    /*@ assert apart: \separated(c->span + (0 .. c->spans - 1), c->phys + (0 .. c->phys_frames - 1)); */
    /*@ assert apart: \separated(c->hidden + (0 .. c->hiddens - 1), c->phys + (0 .. c->phys_frames - 1)); */
    /*@ assert apart: \separated(c->vm + (0 .. c->vms - 1), c->phys + (0 .. c->phys_frames - 1)); */
    /*@ assert apart: \separated(c->section + (0 .. c->sections - 1), c->phys + (0 .. c->phys_frames - 1)); */
    s2_replace(c, &v.vm->s2, p, r.gfn, desc_leaf(r.frame, 2, S2_NORMAL));
    /*@ assert block: maps_block(c->phys[p.row].e[p.index]); */
    /*@ assert head: same_head{Pre,Here}(c) && same_levels{Pre,Here}; */
    /*@ assert arrays: arrays(c); */
    /*@ assert leaf: same_leaves{Pre,Here}(c); */
    /*@ assert changed: leaves_change{Pre,Here}(c); */
    /*@ assert trees: trees(c); */
    /*@ assert blocks: blocks_fit(c); */
    /*@ assert leaves: leaves_fit(c); */
    /*@ assert map: same_map{Pre,Here}(c); */
    /*@ assert vms: same_tables{Pre,Here}(c); */
    /*@ assert words: same_words{Pre,Here}(c) && plain_kept{Pre,Here}(c); */
    /*@ assert above: same_above{Pre,Here}(c) && same_list{Pre,Here}(&v.vm->pool) && same_pool{Pre,Here}(&v.vm->pool); */
    /*@ assert only: only_entries{Pre,Here}(c, v); */
    /*@ assert ready: machine(c) && vm_sound(c, v.vm, v.id) && pool_sound(c, &v.vm->pool) && parents(c); */
    /*@ assert unnamed: table_entry(p.entry, 2) ==> unnamed(c, entry_frame(p.entry)); */
}

/* A block takes the place of the table that the level-2 entry p points to. */
/*@ requires vm_ready(c, v) && on_table(c, p) && !host_row(c, p.row) && p.level == 2 && table_entry(p.entry, 2);
  @ requires r.gfn < 68719476736 && r.frame < 68719476736 && r.frame % 512 == 0;
  @ requires used: v.vm->pool.free < v.vm->pool.total;
  @ assigns v.vm->pool.head, v.vm->pool.free, c->phys[0 .. c->phys_frames - 1], row_level[0 .. 68719476735],
  @   pool_row[0 .. 68719476735];
  @ exits \false;
  @ ensures ready: vm_ready(c, v);
  @ ensures kept: places_kept{Pre,Here}(c);
  @ ensures records: same_records{Pre,Here}(c);
  @ ensures block: c->phys[p.row].e[p.index] == leaf_entry(r.frame, 2, 0);
  @ ensures back: v.vm->pool.free == \old(v.vm->pool.free) + 1;
  @*/
static void replace_table(struct cordon *c, struct vm_locked v, struct s2_pos p, struct map_request r)
{
    /*@ assert child: entry_frame(p.entry) < c->phys_frames && row_level[entry_frame(p.entry)] == 3 &&
      @   !host_row(c, entry_frame(p.entry)); */
    put_block(c, v, p, r);
    retire(c, v, desc_pfn(p.entry));
}

/* A block where the level-2 entry p is invalid. */
/*@ requires vm_ready(c, v) && on_table(c, p) && !host_row(c, p.row) && p.level == 2 && !valid_entry(p.entry);
  @ requires r.frame < 68719476736 && r.frame % 512 == 0;
  @ assigns c->phys[0 .. c->phys_frames - 1];
  @ exits \false;
  @ ensures ready: vm_ready(c, v);
  @ ensures kept: places_kept{Pre,Here}(c);
  @ ensures records: same_records{Pre,Here}(c);
  @ ensures block: c->phys[p.row].e[p.index] == leaf_entry(r.frame, 2, 0);
  @*/
static void make_block(struct cordon *c, struct vm_locked v, struct s2_pos p, struct map_request r)
{
    (void)v;        /* for the contract */
    /*@ assert block: maps_block(leaf_entry(r.frame, 2, 0)); */
    s2_make(c, p, desc_leaf(r.frame, 2, S2_NORMAL));
    /*@ assert only: only_entries{Pre,Here}(c, v); */
    /*@ assert ready: machine(c) && vm_sound(c, v.vm, v.id) && pool_sound(c, &v.vm->pool) && parents(c); */
}

/*@ // A VM's table at level 2 of the walk to gfn is one of its pool's that is not free.
  @ predicate is_used{L}(struct cordon *c, struct vm *vm, integer gfn) =
  @   walk_reaches(c, &vm->s2, gfn, 2) && table_entry(walk_entry(c, &vm->s2, gfn, 2), 2) ==> vm->pool.free < vm->pool.total;
  @ // A request for a block.
  @ predicate is_block_request(struct map_request r) =
  @   r.gfn < 68719476736 && r.frame < 68719476736 && r.gfn % 512 == 0 && r.frame % 512 == 0 && r.n == 512;
  @*/

/* A new block; p is the end of the walk to it, at level 2 or above: invalid, or an empty table. */
/*@ requires vm_ready(c, v) && is_block_request(r) && is_counted(c, r) && v.vm->frames + 512 <= 18446744073709551615;
  @ requires on_table(c, p) && !host_row(c, p.row) && p.index == index_at(r.gfn, p.level) && p.level <= 2;
  @ requires what: table ? p.level == 2 && table_entry(p.entry, 2) : !valid_entry(p.entry);
  @ requires room: (table ==> v.vm->pool.free < v.vm->pool.total) && 2 - p.level <= v.vm->pool.free;
  @ assigns c->section[0 .. c->sections - 1], c->frame[0 .. c->sections * 512 - 1], v.vm->frames,
  @   v.vm->pool.fresh, v.vm->pool.fresh_n, v.vm->pool.head, v.vm->pool.free,
  @   c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   c->phys[0 .. c->phys_frames - 1], row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735],
  @   pool_row[0 .. 68719476735];
  @ exits \false;
  @ ensures reason: \result == CORDON_OK || is_refusal(\result);
  @ ensures ready: vm_ready(c, v);
  @ ensures kept: places_kept{Pre,Here}(c);
  @ ensures all: \result == CORDON_OK ==> is_claimed(c, v.id, r);
  @ ensures others: records_but{Pre,Here}(c, r);
  @ ensures none: \result != CORDON_OK ==> vm_rows_kept{Pre,Here}(c) && same_pool{Pre,Here}(&v.vm->pool) &&
  @   v.vm->frames == \old(v.vm->frames) && records_same{Pre,Here}(c);
  @*/
static enum cordon_status map_new_block(struct cordon *c, struct vm_locked v, struct s2_pos p, bool table, struct map_request r)
{
    enum cordon_status status = claim(c, v, r);

    /*@ assert kept: places_kept{Pre,Here}(c); */
    if (status != CORDON_OK)
        return status;
    /*@ assert level: row_level[p.row] == p.level &&
      @   c->phys[p.row].e[p.index] == \at(c->phys[\at(p.row, Here)].e[\at(p.index, Here)], Pre); */
    /*@ assert place: on_table(c, p) && !host_row(c, p.row) && p.index == index_at(r.gfn, p.level); */
    /*@ ghost claimed: ; */
    if (table) {
        replace_table(c, v, p, r);
        /*@ assert records: same_records{claimed,Here}(c); */
        /*@ assert kept: places_kept{claimed,Here}(c); */
        /*@ assert new: is_claimed(c, v.id, r); */
    } else {
        p = grow_to(c, v, p, r.gfn, 2);
        make_block(c, v, p, r);
        /*@ assert records: same_records{claimed,Here}(c); */
        /*@ assert kept: places_kept{claimed,Here}(c); */
        /*@ assert new: is_claimed(c, v.id, r); */
    }
    /*@ assert records: same_records{claimed,Here}(c); */
    /*@ assert kept: places_kept{Pre,Here}(c); */
    return CORDON_OK;
}

/*@ requires vm_ready(c, v) && is_block_request(r) && r.gfn < v.vm->s2.gfn_limit && is_used(c, v.vm, r.gfn);
  @ requires is_counted(c, r) && v.vm->frames + 512 <= 18446744073709551615;
  @ assigns c->section[0 .. c->sections - 1], c->frame[0 .. c->sections * 512 - 1], v.vm->frames,
  @   v.vm->pool.fresh, v.vm->pool.fresh_n, v.vm->pool.head, v.vm->pool.free,
  @   c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   c->phys[0 .. c->phys_frames - 1], row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735],
  @   pool_row[0 .. 68719476735];
  @ exits \false;
  @ ensures reason: \result == CORDON_OK || is_refusal(\result);
  @ ensures ready: vm_ready(c, v);
  @ ensures kept: places_kept{Pre,Here}(c);
  @ ensures all: \result == CORDON_OK ==> is_claimed(c, v.id, r) || records_same{Pre,Here}(c);
  @ ensures others: records_but{Pre,Here}(c, r);
  @ ensures none: \result != CORDON_OK ==> vm_rows_kept{Pre,Here}(c) && same_pool{Pre,Here}(&v.vm->pool) &&
  @   v.vm->frames == \old(v.vm->frames) && records_same{Pre,Here}(c);
  @*/
static enum cordon_status map_block(struct cordon *c, struct vm_locked v, struct map_request r)
{
    struct s2_pos p = s2_walk_to(c, &v.vm->s2, r.gfn, 2);
    bool table = desc_is_table(p.entry, p.level);

    /*@ assert kept: places_kept{Pre,Here}(c) && records_but{Pre,Here}(c, r); */
    /*@ assert used: table ==> p.level == 2 && v.vm->pool.free < v.vm->pool.total; */
    /*@ assert child: table ==> entry_frame(p.entry) < c->phys_frames && row_level[entry_frame(p.entry)] == 3; */
    if (desc_valid(p.entry) && !table)
        return already(c, p, r) == r.n ? CORDON_OK : CORDON_MAPPED;
    if (table && s2_is_whole(c, desc_pfn(p.entry), r.frame)) {
        replace_table(c, v, p, r);
        /*@ assert kept: places_kept{Pre,Here}(c) && records_but{Pre,Here}(c, r) && records_same{Pre,Here}(c); */
        return CORDON_OK;
    }
    if (table && s2_count_valid(c, desc_pfn(p.entry)) > 0)
        return CORDON_MAPPED;
    if (v.vm->pool.free < 2 - p.level)
        return CORDON_NO_MEMORY;
    return map_new_block(c, v, p, table, r);
}

/*@ // How many of num pages at gfn, of frames from `frame` on, one call maps.
  @ logic integer at_once(integer gfn, integer frame, integer num) = in_section(gfn, in_section(frame, num));
  @ predicate request_is(struct map_request r, integer gfn, integer frame, integer n) =
  @   r.gfn == gfn && r.frame == frame && r.n == n;
  @ logic integer first_gfn(integer gfn, integer level) = level == 2 ? gfn / 512 * 512 : gfn;
  @ lemma claim_alike{L}: \forall struct cordon *c, integer id, k, struct map_request q, r;
  @   request_is(q, r.gfn, r.frame, r.n) && claimed_in(c, id, r, k) ==> claimed_in(c, id, q, k);
  @ lemma claimed_alike{L}: \forall struct cordon *c, integer id, struct map_request q, r;
  @   request_is(q, r.gfn, r.frame, r.n) && is_claimed(c, id, r) ==> is_claimed(c, id, q);
  @*/

/* A block, or pages of one last-level table, for who holds the VM's lock. Of a block, `changed` does not tell. */
/*@ requires vm_ready(c, v) && r.gfn < v.vm->s2.gfn_limit && request_fits(r);
  @ requires block ==> is_block_request(r) && is_used(c, v.vm, r.gfn);
  @ requires is_counted(c, r) && v.vm->frames + 512 <= 18446744073709551615;
  @ assigns c->section[0 .. c->sections - 1], c->frame[0 .. c->sections * 512 - 1], v.vm->frames,
  @   v.vm->pool.fresh, v.vm->pool.fresh_n, v.vm->pool.head, v.vm->pool.free,
  @   c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   c->phys[0 .. c->phys_frames - 1], row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735],
  @   pool_row[0 .. 68719476735];
  @ exits \false;
  @ ensures reason: \result.status == CORDON_OK || is_refusal(\result.status);
  @ ensures ready: vm_ready(c, v);
  @ ensures kept: places_kept{Pre,Here}(c);
  @ ensures changed: \result.changed <= r.n;
  @ ensures new: \result.status == CORDON_OK && \result.changed > 0 ==> is_claimed(c, v.id, r);
  @ ensures all: \result.status == CORDON_OK ==> is_claimed(c, v.id, r) || records_same{Pre,Here}(c);
  @ ensures others: records_but{Pre,Here}(c, r);
  @ ensures none: \result.status != CORDON_OK || (!block && \result.changed == 0) ==>
  @   vm_rows_kept{Pre,Here}(c) && records_same{Pre,Here}(c);
  @*/
static HOT struct mapped map_some(struct cordon *c, struct vm_locked v, struct map_request r, bool block)
{
    if (block)
        return (struct mapped){ map_block(c, v, r), 0 };
    return map_pages(c, v, r);
}

/* The same for who holds nothing yet; all numbers are in range. */
/*@ requires machine(c) && parents(c) && c->vms < 0x4000 && c->vm_shape.gfn_limit <= 68719476736;
  @ requires request: r.gfn < c->vm_shape.gfn_limit && request_fits(r) && (block ==> is_block_request(r));
  @ requires vms: 1 <= vm.v <= c->vms && c->vm[vm.v - 1].state == VM_LIVE ==> vm_sound(c, &c->vm[vm.v - 1], vm.v) &&
  @   c->vm[vm.v - 1].s2.gfn_limit == c->vm_shape.gfn_limit && pool_sound(c, &c->vm[vm.v - 1].pool) &&
  @   c->vm[vm.v - 1].frames + 512 <= 18446744073709551615;
  @ requires used: 1 <= vm.v <= c->vms && c->vm[vm.v - 1].state == VM_LIVE && block ==> is_used(c, &c->vm[vm.v - 1], r.gfn);
  @ requires counted: is_counted(c, r);
  @ assigns c->vm[vm.v - 1].lock, c->section[0 .. c->sections - 1], c->frame[0 .. c->sections * 512 - 1],
  @   c->vm[vm.v - 1].frames, c->vm[vm.v - 1].pool.fresh, c->vm[vm.v - 1].pool.fresh_n, c->vm[vm.v - 1].pool.head,
  @   c->vm[vm.v - 1].pool.free, c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   c->phys[0 .. c->phys_frames - 1], row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735],
  @   pool_row[0 .. 68719476735];
  @ exits \false;
  @ ensures reason: \result.status == CORDON_OK || is_refusal(\result.status) || \result.status == CORDON_NO_VM ||
  @   \result.status == CORDON_STATE;
  @ ensures machine: machine(c);
  @ ensures parents: parents(c);
  @ ensures vm: 1 <= vm.v <= c->vms && \old(c->vm[vm.v - 1].state) == VM_LIVE ==>
  @   vm_sound(c, &c->vm[vm.v - 1], vm.v) && pool_sound(c, &c->vm[vm.v - 1].pool);
  @ ensures places: places_kept{Pre,Here}(c);
  @ ensures changed: \result.changed <= r.n;
  @ ensures new: \result.status == CORDON_OK && \result.changed > 0 ==> is_claimed(c, vm.v, r);
  @ ensures all: \result.status == CORDON_OK ==> is_claimed(c, vm.v, r) || records_same{Pre,Here}(c);
  @ ensures others: records_but{Pre,Here}(c, r);
  @ ensures none: \result.status != CORDON_OK || (!block && \result.changed == 0) ==> records_same{Pre,Here}(c);
  @ ensures rows: \result.status != CORDON_OK || (!block && \result.changed == 0) ==> vm_rows_kept{Pre,Here}(c);
  @*/
static HOT struct mapped map_for(struct cordon *c, vmid_t vm, struct map_request r, bool block)
{
    struct vm_locked v;
    struct mapped m;
    enum cordon_status status = vm_enter_live(c, vm, &v);

    /*@ assert head: places_kept{Pre,Here}(c); */
    /*@ assert records: same_records{Pre,Here}(c) && same_words{Pre,Here}(c) && plain_kept{Pre,Here}(c); */
    /*@ assert rows: vm_rows_kept{Pre,Here}(c) && same_above{Pre,Here}(c); */
    /*@ assert summaries: summaries_hold(c); */
    /*@ assert machine: machine(c) && parents(c); */
    /*@ assert none: records_same{Pre,Here}(c) && records_but{Pre,Here}(c, r); */
    if (status != CORDON_OK)
        return (struct mapped){ status, 0 };
    /*@ assert pool: pool_sound(c, &v.vm->pool); */
    /*@ assert counted: is_counted(c, r); */
    /*@ assert used: block ==> is_used(c, v.vm, r.gfn); */
    /*@ ghost locked: ; */
    m = map_some(c, v, r, block);
    /*@ assert head: places_kept{Pre,Here}(c); */
    /*@ assert none: m.status != CORDON_OK || (!block && m.changed == 0) ==>
      @   records_same{Pre,Here}(c) && vm_rows_kept{Pre,Here}(c); */
    /*@ assert all: m.status == CORDON_OK ==> is_claimed(c, v.id, r) || records_same{Pre,Here}(c); */
    /*@ assert others: records_but{Pre,Here}(c, r); */
    /*@ ghost done: ; */
    vm_unlock(c, v);
    /*@ assert records: same_records{done,Here}(c) && same_words{done,Here}(c) && plain_kept{done,Here}(c); */
    /*@ assert rows: vm_rows_kept{done,Here}(c) && same_above{done,Here}(c); */
    /*@ assert head: places_kept{done,Here}(c) && places_kept{Pre,Here}(c); */
    /*@ assert spans: spans_fit(c); */
    /*@ assert summaries: summaries_hold(c); */
    /*@ assert machine: machine(c) && parents(c); */
    /*@ assert none: m.status != CORDON_OK || (!block && m.changed == 0) ==>
      @   records_same{Pre,Here}(c) && vm_rows_kept{Pre,Here}(c); */
    /*@ assert others: records_but{Pre,Here}(c, r); */
    /*@ assert new: m.status == CORDON_OK && m.changed > 0 ==> is_claimed(c, v.id, r); */
    /*@ assert all: m.status == CORDON_OK ==> is_claimed(c, v.id, r) || records_same{Pre,Here}(c); */
    return m;
}

/*@ requires machine(c) && parents(c) && c->vms < 0x4000;
  @ requires limits: c->vm_shape.gfn_limit <= 68719476736 && c->pfn_limit <= 68719476736;
  @ requires vms: 1 <= vm.v <= c->vms && c->vm[vm.v - 1].state == VM_LIVE ==> vm_sound(c, &c->vm[vm.v - 1], vm.v) &&
  @   c->vm[vm.v - 1].s2.gfn_limit == c->vm_shape.gfn_limit && pool_sound(c, &c->vm[vm.v - 1].pool) &&
  @   c->vm[vm.v - 1].frames + 512 <= 18446744073709551615;
  @ requires used: 1 <= vm.v <= c->vms && c->vm[vm.v - 1].state == VM_LIVE && level == 2 ==>
  @   is_used(c, &c->vm[vm.v - 1], addr.v / 4096 / 512 * 512);
  @ requires counted: \forall struct map_request r; request_is(r, first_gfn(addr.v / 4096, level), entry_frame(pte),
  @   level == 2 ? 512 : 1) ==> is_counted(c, r);
  @ assigns c->vm[vm.v - 1].lock, c->section[0 .. c->sections - 1], c->frame[0 .. c->sections * 512 - 1],
  @   c->vm[vm.v - 1].frames, c->vm[vm.v - 1].pool.fresh, c->vm[vm.v - 1].pool.fresh_n, c->vm[vm.v - 1].pool.head,
  @   c->vm[vm.v - 1].pool.free, c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   c->phys[0 .. c->phys_frames - 1], row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735],
  @   pool_row[0 .. 68719476735];
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures parents: parents(c);
  @ ensures vm: 1 <= vm.v <= c->vms && \old(c->vm[vm.v - 1].state) == VM_LIVE ==>
  @   vm_sound(c, &c->vm[vm.v - 1], vm.v) && pool_sound(c, &c->vm[vm.v - 1].pool);
  @ ensures places: places_kept{Pre,Here}(c);
  @ ensures all: \result == CORDON_OK ==> records_same{Pre,Here}(c) || \forall struct map_request q;
  @   request_is(q, first_gfn(addr.v / 4096, level), entry_frame(pte), level == 2 ? 512 : 1) ==> is_claimed(c, vm.v, q);
  @ ensures others: \result == CORDON_OK ==> \forall struct map_request q; request_is(q, first_gfn(addr.v / 4096, level),
  @   entry_frame(pte), level == 2 ? 512 : 1) ==> records_but{Pre,Here}(c, q);
  @ ensures none: \result != CORDON_OK ==> records_same{Pre,Here}(c);
  @ ensures rows: \result != CORDON_OK ==> vm_rows_kept{Pre,Here}(c);
  @*/
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
    /*@ assert request: request_is(r, first_gfn(addr.v / 4096, level), entry_frame(pte), level == 2 ? 512 : 1); */
    status = map_for(c, vm, r, level == 2).status;
    /*@ assert alike: \forall struct map_request q; request_is(q, r.gfn, r.frame, r.n) ==> records_but{Pre,Here}(c, q); */
    /*@ assert alike: status == CORDON_OK ==> records_same{Pre,Here}(c) ||
      @   \forall struct map_request q; request_is(q, r.gfn, r.frame, r.n) ==> is_claimed(c, vm.v, q); */
    return status;
}

/*@ requires vm_ready(c, v) && n >= 1 && frame % 512 + n <= 512 && gfn % 512 + n <= 512;
  @ requires frame < 68719476736 && gfn < v.vm->s2.gfn_limit && v.vm->frames + 512 <= 18446744073709551615;
  @ requires counted: \forall struct map_request r; r.gfn == gfn && r.frame == frame && r.n == n ==> is_counted(c, r);
  @ assigns c->section[0 .. c->sections - 1], c->frame[0 .. c->sections * 512 - 1], v.vm->frames,
  @   v.vm->pool.fresh, v.vm->pool.fresh_n, v.vm->pool.head, v.vm->pool.free,
  @   c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   c->phys[0 .. c->phys_frames - 1], row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735];
  @ exits \false;
  @ ensures reason: \result.status == CORDON_OK || is_refusal(\result.status);
  @ ensures ready: vm_ready(c, v);
  @ ensures kept: places_kept{Pre,Here}(c);
  @ ensures changed: \result.changed <= n;
  @ ensures none: \result.status != CORDON_OK || \result.changed == 0 ==> vm_rows_kept{Pre,Here}(c) &&
  @   same_pool{Pre,Here}(&v.vm->pool) && v.vm->frames == \old(v.vm->frames) && records_same{Pre,Here}(c);
  @*/
struct mapped map_range(struct cordon *c, struct vm_locked v, uint64_t gfn, uint64_t frame, uint64_t n,
                        enum cordon_contents contents)
{
    if (n == 1)     /* a length that is a constant needs no run */
        return map_pages(c, v, (struct map_request){ gfn, frame, 1, contents });
    return map_pages(c, v, (struct map_request){ gfn, frame, n, contents });
}

/*@ requires vm_ready(c, v) && gfn < v.vm->s2.gfn_limit && gfn % 512 == 0 && frame % 512 == 0 && frame < 68719476736;
  @ requires is_used(c, v.vm, gfn);
  @ assigns v.vm->pool.head, v.vm->pool.free, c->phys[0 .. c->phys_frames - 1], row_level[0 .. 68719476735],
  @   pool_row[0 .. 68719476735];
  @ exits \false;
  @ ensures reason: \result == CORDON_OK || \result == CORDON_MAPPED;
  @ ensures ready: vm_ready(c, v);
  @ ensures kept: places_kept{Pre,Here}(c);
  @ ensures records: same_records{Pre,Here}(c);
  @ ensures none: \result != CORDON_OK ==> vm_rows_kept{Pre,Here}(c) && same_pool{Pre,Here}(&v.vm->pool);
  @*/
enum cordon_status map_join(struct cordon *c, struct vm_locked v, uint64_t gfn, uint64_t frame)
{
    struct map_request r = { gfn, frame, CORDON_BLOCK_PAGES, CORDON_KEEP };
    struct s2_pos p = s2_walk_to(c, &v.vm->s2, gfn, 2);

    /*@ assert used: table_entry(p.entry, p.level) ==> p.level == 2 && v.vm->pool.free < v.vm->pool.total; */
    /*@ assert child: table_entry(p.entry, p.level) ==>
      @   entry_frame(p.entry) < c->phys_frames && row_level[entry_frame(p.entry)] == 3; */
    if (!desc_is_table(p.entry, p.level))
        return already(c, p, r) == r.n ? CORDON_OK : CORDON_MAPPED;
    if (!s2_is_whole(c, desc_pfn(p.entry), frame))
        return CORDON_MAPPED;
    replace_table(c, v, p, r);
    return CORDON_OK;
}

/*@ requires machine(c) && parents(c) && c->vms < 0x4000;
  @ requires limits: c->vm_shape.gfn_limit <= 68719476736 && c->pfn_limit <= 68719476736;
  @ requires vms: 1 <= vm.v <= c->vms && c->vm[vm.v - 1].state == VM_LIVE ==> vm_sound(c, &c->vm[vm.v - 1], vm.v) &&
  @   c->vm[vm.v - 1].s2.gfn_limit == c->vm_shape.gfn_limit && pool_sound(c, &c->vm[vm.v - 1].pool) &&
  @   c->vm[vm.v - 1].frames + 512 <= 18446744073709551615;
  @ requires counted: \forall struct map_request r;
  @   request_is(r, addr.v / 4096, pfn.v, at_once(addr.v / 4096, pfn.v, num)) ==> is_counted(c, r);
  @ assigns c->vm[vm.v - 1].lock, c->section[0 .. c->sections - 1], c->frame[0 .. c->sections * 512 - 1],
  @   c->vm[vm.v - 1].frames, c->vm[vm.v - 1].pool.fresh, c->vm[vm.v - 1].pool.fresh_n, c->vm[vm.v - 1].pool.head,
  @   c->vm[vm.v - 1].pool.free, c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   c->phys[0 .. c->phys_frames - 1], row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735],
  @   pool_row[0 .. 68719476735];
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures parents: parents(c);
  @ ensures vm: 1 <= vm.v <= c->vms && \old(c->vm[vm.v - 1].state) == VM_LIVE ==>
  @   vm_sound(c, &c->vm[vm.v - 1], vm.v) && pool_sound(c, &c->vm[vm.v - 1].pool);
  @ ensures places: places_kept{Pre,Here}(c);
  @ ensures ok: \result.status == CORDON_OK ==> \result.done == num;
  @ ensures again: \result.status == CORDON_AGAIN ==> 0 < \result.done < num;
  @ ensures sum: \result.changed <= \result.done && \result.unmapped + \result.not_owned + \result.saturated == 0;
  @ ensures new: \result.changed > 0 ==>
  @   \forall struct map_request q; request_is(q, addr.v / 4096, pfn.v, \result.done) ==> is_claimed(c, vm.v, q);
  @ ensures others: \forall struct map_request r; request_is(r, addr.v / 4096, pfn.v, \result.done) && \result.done > 0 ==>
  @   records_but{Pre,Here}(c, r);
  @ ensures refused: \result.status != CORDON_OK && \result.status != CORDON_AGAIN ==> \result.done == 0;
  @ ensures none: \result.changed == 0 ==> records_same{Pre,Here}(c);
  @ ensures rows: \result.changed == 0 ==> vm_rows_kept{Pre,Here}(c);
  @*/
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
    /*@ assert request: request_is(r, addr.v / 4096, pfn.v, at_once(addr.v / 4096, pfn.v, num)) && request_fits(r); */
    /*@ assert counted: is_counted(c, r); */
    m = map_for(c, vm, r, false);
    /*@ assert alike: m.status == CORDON_OK && m.changed > 0 ==>
      @   \forall struct map_request q; request_is(q, r.gfn, r.frame, r.n) ==> is_claimed(c, vm.v, q); */
    if (m.status != CORDON_OK)
        return refuse(m.status);
    return (struct cordon_progress){ .status = n < num ? CORDON_AGAIN : CORDON_OK, .done = n, .changed = m.changed };
}

/* ---- walk_s2pt ---- */

/*@ requires tables(c) && \valid(mapping) && \separated(mapping, c, c->vm + (0 .. c->vms - 1));
  @ requires vms: 1 <= vm.v <= c->vms && c->vm[vm.v - 1].state != VM_NONE ==>
  @   vm_sound(c, &c->vm[vm.v - 1], vm.v) && c->vm[vm.v - 1].s2.gfn_limit == c->vm_shape.gfn_limit;
  @ assigns c->vm[vm.v - 1].lock, *mapping;
  @ exits \false;
  @ ensures range: \result == CORDON_RANGE <==> addr.v / 4096 >= c->vm_shape.gfn_limit;
  @ ensures one_of: \result == CORDON_OK || \result == CORDON_RANGE || \result == CORDON_NO_VM;
  @ ensures refused: \result != CORDON_OK ==> mapping->level == \old(mapping->level) &&
  @   mapping->pfn.v == \old(mapping->pfn.v) && mapping->device == \old(mapping->device);
  @ ensures found: \result == CORDON_OK ==> \exists integer level, e;
  @   walk_ends{Pre}(c, &c->vm[vm.v - 1].s2, addr.v / 4096, level) &&
  @   e == walk_entry{Pre}(c, &c->vm[vm.v - 1].s2, addr.v / 4096, level) &&
  @   (!valid_entry(e) ==> mapping->level == 0 && mapping->pfn.v == 0 && !mapping->device) &&
  @   (valid_entry(e) ==> mapping->level == level && (mapping->device <==> e / 16 % 4 == 0) &&
  @     mapping->pfn.v == entry_frame(e) + addr.v / 4096 % pages_at(level));
  @*/
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
