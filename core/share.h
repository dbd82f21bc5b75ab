/* SPDX-License-Identifier: Apache-2.0 */
/* grant_vm_page and revoke_vm_page over a run: the host may use frames of a VM's, for a while. SEMANTICS 2. */
#ifndef CORDON_SHARE_H
#define CORDON_SHARE_H

#include "memory.h"

/* Frames of a run that a grant or a revoke passes over: not a settled frame of the VM; its count is at the limit. */
struct passed {
    uint64_t not_owned;
    uint64_t saturated;
};

/* One more grant for each frame that the VM owns. */
/*@ requires \valid(s.frame + (0 .. 511)) && offset + n <= 512;
  @ assigns s.frame[offset .. offset + n - 1].count;
  @ exits \false;
  @ ensures page: \forall integer i; offset <= i < offset + n ==> s.frame[i].count == grant1(\old(s.frame[i]), vm);
  @ ensures others: \result.not_owned == others{Pre}(s.frame + offset, vm, n);
  @ ensures full: \result.saturated == at_most{Pre}(s.frame + offset, vm, n);
  @ ensures sum: \result.not_owned + \result.saturated <= n;
  @*/
static HOT struct passed memory_grant(struct section_locked s, uint32_t vm, uint64_t offset, uint64_t n)
{
    uint64_t not_owned = 0;
    uint64_t saturated = 0;

    /*@ loop invariant 0 <= i <= n;
      @ loop invariant not_owned + saturated <= i;
      @ loop invariant not_owned == others{Pre}(s.frame + offset, vm, i);
      @ loop invariant saturated == at_most{Pre}(s.frame + offset, vm, i);
      @ loop invariant \forall integer k; offset <= k < offset + i ==>
      @   s.frame[k].count == grant1(\at(s.frame[k], Pre), vm);
      @ loop invariant \forall integer k; offset + i <= k < offset + n ==>
      @   s.frame[k].count == \at(s.frame[k].count, Pre);
      @ loop assigns i, not_owned, saturated, s.frame[offset .. offset + n - 1].count;
      @ loop variant n - i;
      @*/
    UNROLL
    for (uint64_t i = 0; i < n; i++) {
        struct frame *f = &s.frame[offset + i];

        if (f->holder != vm)
            not_owned++;
        else if (f->count >= CORDON_SHARE_MAX)
            saturated++;
        else
            f->count++;
    }
    return (struct passed){ not_owned, saturated };
}

/* What a revoke leaves behind: an invalidation that must be settled on c->host before the section is unlocked. */
struct revoked {
    struct owed owed;
    struct passed passed;
};

/* One grant fewer. A frame whose last grant goes leaves the host's table. */
/*@ requires \valid_read(c) && \valid_read(s.section) && \valid(s.frame + (0 .. 511)) && offset + n <= 512;
  @ requires s.section->leaf != 0 ==> s.section->leaf < c->phys_frames && \valid(&c->phys[s.section->leaf]);
  @ requires \separated(c, s.section, s.frame + (0 .. 511), &c->phys[s.section->leaf]);
  @ requires s.pfn + 512 <= 68719476736;
  @ assigns s.frame[offset .. offset + n - 1].count, c->phys[s.section->leaf].e[offset .. offset + n - 1];
  @ exits \false;
  @ ensures page: \forall integer i; offset <= i < offset + n ==> s.frame[i].count == revoke1(\old(s.frame[i]), vm);
  @ ensures others: \result.passed.not_owned == others{Pre}(s.frame + offset, vm, n);
  @ ensures none: \result.passed.saturated == at_least{Pre}(s.frame + offset, vm, n);
  @ ensures sum: \result.passed.not_owned + \result.passed.saturated <= n;
  @ ensures unmapped: \old(s.section->leaf) != 0 ==> \forall integer i; offset <= i < offset + n &&
  @   last_grant(\old(s.frame[i]), vm) ==> c->phys[\old(s.section->leaf)].e[i] == 0;
  @ ensures unchanged: \forall integer i; offset <= i < offset + n &&
  @   (\old(s.section->leaf) == 0 || !last_grant(\old(s.frame[i]), vm)) ==>
  @     c->phys[\old(s.section->leaf)].e[i] == \old(c->phys[s.section->leaf].e[i]);
  @ ensures well: owes_well(\result.owed);
  @ ensures owed: \old(s.section->leaf) != 0 && (\exists integer i; offset <= i < offset + n &&
  @   last_grant(\old(s.frame[i]), vm) && \old(c->phys[s.section->leaf].e[i]) != 0) ==>
  @     owes(\result.owed, s.pfn + offset, s.pfn + offset + n);
  @*/
static HOT struct revoked MUST_USE memory_revoke(struct cordon *c, struct section_locked s, uint32_t vm, uint64_t offset,
                                                 uint64_t n)
{
    uint64_t not_owned = 0;
    uint64_t saturated = 0;
    bool dropped = false;
    uint64_t leaf = s.section->leaf;    /* 0: the host maps none of the VM's pages here */

    /*@ loop invariant 0 <= i <= n;
      @ loop invariant leaf == \at(s.section->leaf, Pre);
      @ loop invariant not_owned + saturated <= i;
      @ loop invariant not_owned == others{Pre}(s.frame + offset, vm, i);
      @ loop invariant saturated == at_least{Pre}(s.frame + offset, vm, i);
      @ loop invariant \forall integer k; offset <= k < offset + i ==>
      @   s.frame[k].count == revoke1(\at(s.frame[k], Pre), vm);
      @ loop invariant \forall integer k; offset + i <= k < offset + n ==>
      @   s.frame[k].count == \at(s.frame[k].count, Pre);
      @ loop invariant \forall integer k; offset <= k < offset + i && leaf != 0 && last_grant(\at(s.frame[k], Pre), vm) ==>
      @   c->phys[leaf].e[k] == 0;
      @ loop invariant \forall integer k; offset <= k < offset + i && (leaf == 0 || !last_grant(\at(s.frame[k], Pre), vm)) ==>
      @   c->phys[leaf].e[k] == \at(c->phys[s.section->leaf].e[k], Pre);
      @ loop invariant \forall integer k; offset + i <= k < offset + n ==>
      @   c->phys[leaf].e[k] == \at(c->phys[s.section->leaf].e[k], Pre);
      @ loop invariant dropped <==> \exists integer k; offset <= k < offset + i && leaf != 0 &&
      @   last_grant(\at(s.frame[k], Pre), vm) && \at(c->phys[s.section->leaf].e[k], Pre) != 0;
      @ loop assigns i, not_owned, saturated, dropped, s.frame[offset .. offset + n - 1].count,
      @   c->phys[leaf].e[offset .. offset + n - 1];
      @ loop variant n - i;
      @*/
    UNROLL
    for (uint64_t i = 0; i < n; i++) {
        struct frame *f = &s.frame[offset + i];

        if (f->holder != vm) {
            not_owned++;
        } else if (f->count == 0) {
            saturated++;
        } else {
            f->count--;
            if (f->count == 0 && leaf != 0 && s2_clear_page(c, leaf, offset + i))
                dropped = true;
        }
    }
    return (struct revoked){ dropped ? (struct owed){ s.pfn + offset, s.pfn + offset + n } : OWED_NOTHING,
                             { not_owned, saturated } };
}

#endif
