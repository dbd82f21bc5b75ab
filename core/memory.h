/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page-level transitions of SEMANTICS 2, over runs: consecutive frames of one section that stand for consecutive guest
 * frame numbers. A run of one page is the seed's page operation. The caller holds the locks that the handles name.
 *
 * Here is what all of them need, and those of the core's own frames. assign.h, clear.h and share.h have the others, inline
 * so that the caller's constant length of one leaves no loop: a call for one page costs no batch.
 */
#ifndef CORDON_MEMORY_H
#define CORDON_MEMORY_H

#include "frame.h"
#include "host.h"
#include "region.h"
#include "cordon/cordon.h"

/* ---- bounds of a call ---- */

/* Pages that one call zeroes at most: with a new table and a split of the host's block about 16,500 instructions. */
#define ZERO_PAGES 16

/*@ assigns \nothing;
  @ exits \false;
  @ ensures \result == (a < b ? a : b);
  @*/
static inline uint64_t min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- sections ---- */

/* The section of a frame, to be locked by section_lock(). OWNED: the frame is in no section of RAM. */
/*@ requires arrays(c) && spans_fit(c);
  @ requires \valid(index) && \separated(index, c, c->span + (0 .. c->spans - 1), c->hidden + (0 .. c->hiddens - 1));
  @ assigns *index;
  @ exits \false;
  @ ensures found: \result == CORDON_OK ==> *index < c->sections && frame / 512 < 134217728 &&
  @   is_section(c, frame / 512, *index);
  @ ensures none: \result != CORDON_OK ==> \result == CORDON_OWNED && !in_ram(c, frame / 512);
  @*/
static HOT enum cordon_status memory_section(const struct cordon *c, uint64_t frame, uint64_t *index)
{
    return region_section(c, frame / 512, index) ? CORDON_OK : CORDON_OWNED;
}

/* The count of frames that are not the host's is read without the section's lock by whoever maps 1 GiB: see host.h. */
/*@ requires \valid(s.section) && s.section->taken + n <= 512;
  @ assigns s.section->taken;
  @ exits \false;
  @ ensures s.section->taken == \old(s.section->taken) + n;
  @*/
static HOT void taken_add(struct section_locked s, uint64_t n)
{
    arch_store16(&s.section->taken, (uint16_t)(s.section->taken + n));
}

/*@ requires \valid(s.section) && n <= s.section->taken;
  @ assigns s.section->taken;
  @ exits \false;
  @ ensures s.section->taken == \old(s.section->taken) - n;
  @*/
static HOT void taken_sub(struct section_locked s, uint64_t n)
{
    arch_store_release16(&s.section->taken, (uint16_t)(s.section->taken - n));
}

/* ---- the records of a run ---- */

/*@ // What a change of one section's records leaves as it was.
  @ predicate other_sections{A,B}(struct cordon *c, integer index) =
  @   \forall integer k; 0 <= k < \at(c->sections, A) && k != index ==>
  @     \at(c->section[k].taken, B) == \at(c->section[k].taken, A) &&
  @     \at(c->section[k].pinned, B) == \at(c->section[k].pinned, A);
  @ predicate records_outside{A,B}(struct cordon *c, integer first, integer end) =
  @   \forall integer i; 0 <= i < \at(c->sections, A) * 512 && !(first <= i < end) ==>
  @     \at(c->frame[i].holder, B) == \at(c->frame[i].holder, A) && \at(c->frame[i].count, B) == \at(c->frame[i].count, A) &&
  @     \at(c->frame[i].gfn_lo, B) == \at(c->frame[i].gfn_lo, A) && \at(c->frame[i].gfn_hi, B) == \at(c->frame[i].gfn_hi, A);
  @ predicate section_rest{A,B}(struct cordon *c, struct section_locked s, struct vm_locked v) =
  @   other_sections{A,B}(c, s.index) && records_outside{A,B}(c, s.index * 512, s.index * 512 + 512) &&
  @   same_map{A,B}(c) && same_tables{A,B}(c) && same_pool{A,B}(\at(&v.vm->pool, A));
  @ lemma section_chain{A,B,C}: \forall struct cordon *c, struct section_locked s, struct vm_locked v;
  @   same_head{A,B}(c) && section_rest{A,B}(c, s, v) && section_rest{B,C}(c, s, v) ==> section_rest{A,C}(c, s, v);
  @ predicate one_section{A,B}(struct cordon *c, integer index) =
  @   same_head{A,B}(c) && other_sections{A,B}(c, index) && 0 <= index < \at(c->sections, A) &&
  @   records_outside{A,B}(c, index * 512, index * 512 + 512) && \at(c->section[index].taken, B) > 0;
  @ lemma summaries_but{A,B}: \forall struct cordon *c, integer index;
  @   summaries_hold{A}(c) && one_section{A,B}(c, index) ==> summaries_hold{B}(c);
  @
  @ // A handle's records are the section's; what is said of the ones is said of the others.
  @ predicate placed{L}(struct cordon *c, struct section_locked s) = s.section == &c->section[s.index] &&
  @   \forall integer i; s.index * 512 <= i < s.index * 512 + 512 ==> &c->frame[i] == &s.frame[i - s.index * 512];
  @ predicate beside_in{A,B}(struct frame *f, integer first, integer end) =
  @   \forall integer i; 0 <= i < 512 && !(first <= i < end) ==>
  @     \at(f[i].holder, B) == \at(f[i].holder, A) && \at(f[i].count, B) == \at(f[i].count, A) &&
  @     \at(f[i].gfn_lo, B) == \at(f[i].gfn_lo, A) && \at(f[i].gfn_hi, B) == \at(f[i].gfn_hi, A);
  @ predicate free_in{L}(struct section_locked s) = s.section->taken == 0 ==> \forall integer i; 0 <= i < 512 ==>
  @   s.frame[i].holder == 0 && (s.section->pinned == 0 ==> s.frame[i].count == 0);
  @ lemma outside_section{A,B}: \forall struct cordon *c, struct section_locked s, integer first, end;
  @   placed{A}(c, s) && \at(c->frame, B) == \at(c->frame, A) && 0 <= first && end <= 512 &&
  @   records_outside{A,B}(c, s.index * 512, s.index * 512 + 512) && beside_in{A,B}(s.frame, first, end) ==>
  @     records_outside{A,B}(c, s.index * 512 + first, s.index * 512 + end);
  @ lemma outside_chain{A,B,C}: \forall struct cordon *c, integer first, end;
  @   same_head{A,B}(c) && records_outside{A,B}(c, first, end) && same_records{B,C}(c) ==> records_outside{A,C}(c, first, end);
  @
  @ predicate summary{L}(struct cordon *c, integer k) =
  @   \forall integer i; c->section[k].taken == 0 && k * 512 <= i < k * 512 + 512 ==>
  @     c->frame[i].holder == 0 && (c->section[k].pinned == 0 ==> c->frame[i].count == 0);
  @ predicate one_cleared{A,B}(struct cordon *c, integer index) =
  @   same_head{A,B}(c) && other_sections{A,B}(c, index) && records_outside{A,B}(c, index * 512, index * 512 + 512) &&
  @   summary{B}(c, index);
  @ lemma summaries_again{A,B}: \forall struct cordon *c, integer index;
  @   summaries_hold{A}(c) && one_cleared{A,B}(c, index) ==> summaries_hold{B}(c);
  @ lemma summary_of{L}: \forall struct cordon *c, struct section_locked s;
  @   placed{L}(c, s) && free_in{L}(s) ==> summary{L}(c, s.index);
  @*/

/* How many frames from offset on have the holder of the first. */
/*@ requires \valid_read(s.section) && \valid_read(s.frame + (0 .. 511)) && offset + n <= 512 && n >= 1;
  @ requires summary: s.section->taken == 0 ==> \forall integer i; 0 <= i < 512 ==> s.frame[i].holder == 0;
  @ assigns \nothing;
  @ exits \false;
  @ ensures 1 <= \result <= n;
  @ ensures \forall integer i; offset <= i < offset + \result ==> s.frame[i].holder == s.frame[offset].holder;
  @ ensures longest: \result < n ==> s.frame[offset + \result].holder != s.frame[offset].holder;
  @*/
static HOT uint64_t same_holder(struct section_locked s, uint64_t offset, uint64_t n)
{
    uint16_t holder = s.frame[offset].holder;
    uint64_t i = 1;

    if (s.section->taken == 0)
        return n;               /* all 512 are the host's */
    /*@ loop invariant 1 <= i <= n;
      @ loop invariant \forall integer k; offset <= k < offset + i ==> s.frame[k].holder == holder;
      @ loop assigns i;
      @ loop variant n - i;
      @*/
    while (i < n && s.frame[offset + i].holder == holder)
        i++;
    return i;
}

/*@ requires \valid(s.frame + (0 .. 511)) && offset + n <= 512;
  @ assigns s.frame[offset .. offset + n - 1];
  @ exits \false;
  @ ensures \forall integer i; offset <= i < offset + n ==> is_plain_record(s.frame[i], holder);
  @*/
static HOT void set_holder(struct section_locked s, uint64_t offset, uint64_t n, uint16_t holder)
{
    /*@ loop invariant 0 <= i <= n;
      @ loop invariant \forall integer k; offset <= k < offset + i ==> is_plain_record(s.frame[k], holder);
      @ loop assigns i, s.frame[offset .. offset + n - 1];
      @ loop variant n - i;
      @*/
    UNROLL
    for (uint64_t i = 0; i < n; i++)
        s.frame[offset + i] = frame_of(holder);
}

/* ---- the core's own ---- */

/* Host frames become the core's, out of the host's reach. OWNED, SHARED: the first that is not the host's to give. */
/*@ requires machine(c) && holds(c, s) && offset + n <= 512 && n >= 1;
  @ requires room: (\forall integer i; offset <= i < offset + n ==> s.frame[i].holder == 0) ==> s.section->taken + n <= 512;
  @ assigns s.frame[offset .. offset + n - 1], s.section->taken, s.section->leaf, c->host_lock, c->host_pool.fresh,
  @   c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free, c->phys[0 .. c->phys_frames - 1], row_level[0 .. 68719476735];
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures places: same_head{Pre,Here}(c) && same_map{Pre,Here}(c) && same_tables{Pre,Here}(c);
  @ ensures vms: vm_rows_kept{Pre,Here}(c);
  @ ensures taken: \result == CORDON_OK ==> \forall integer i; offset <= i < offset + n ==>
  @   \old(can_leave1(s.frame[i])) == CORDON_OK && is_plain_record(s.frame[i], HOLDER_CORE);
  @ ensures others: beside_in{Pre,Here}(s.frame, offset, offset + n);
  @ ensures outside: other_sections{Pre,Here}(c, s.index) && records_outside{Pre,Here}(c, s.index * 512, s.index * 512 + 512);
  @ ensures gone: \result == CORDON_OK && s.section->leaf != 0 ==> \forall integer i; offset <= i < offset + n ==>
  @   c->phys[s.section->leaf].e[i] == 0;
  @ ensures refused: \result != CORDON_OK ==> same_records{Pre,Here}(c) && \exists integer k; offset <= k < offset + n &&
  @   \result == can_leave1(\old(s.frame[\at(k, Here)])) &&
  @   \forall integer i; offset <= i < k ==> can_leave1(\old(s.frame[\at(i, Here)])) == CORDON_OK;
  @*/
enum cordon_status memory_take_for_core(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n);

/*@ // Record `offset` of a section is the core's and counted; if no other is, all others are plain host memory.
  @ predicate is_last_core{L}(struct frame *f, struct section *s, integer offset) =
  @   f[offset].holder == HOLDER_CORE && 1 <= s->taken <= 512 &&
  @   \forall integer i; s->taken == 1 && 0 <= i < 512 && i != offset ==>
  @     f[i].holder == 0 && (s->pinned == 0 ==> f[i].count == 0);
  @*/

/* A frame of the core's goes to the host, zeroed. It must be in no table and no walk cache. */
/*@ requires machine(c) && frame < 68719476736 && in_ram(c, frame / 512);
  @ requires core: \forall integer k; is_section(c, frame / 512, k) ==>
  @   is_last_core(&c->frame[k * 512], &c->section[k], frame % 512);
  @ assigns c->section[0 .. c->sections - 1], c->frame[0 .. c->sections * 512 - 1];
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures places: same_head{Pre,Here}(c) && same_map{Pre,Here}(c) && same_tables{Pre,Here}(c);
  @ ensures back: \forall integer k; is_section{Pre}(c, frame / 512, k) ==> is_plain_record(c->frame[k * 512 + frame % 512], 0) &&
  @   records_outside{Pre,Here}(c, k * 512 + frame % 512, k * 512 + frame % 512 + 1);
  @*/
void memory_return_from_core(struct cordon *c, uint64_t frame);

#endif
