/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page-level transitions of SEMANTICS 2, over runs: consecutive frames of one section that stand for consecutive guest
 * frame numbers. A run of one page is the seed's page operation. The caller holds the locks that the handles name.
 *
 * They are inline so that the caller's constant length of one leaves no loop: a call for one page costs no batch.
 */
#ifndef CORDON_MEMORY_H
#define CORDON_MEMORY_H

#include "frame.h"
#include "host.h"
#include "region.h"
#include "cordon/cordon.h"

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

/* ---- assign_pfn_to_vm ---- */

/* Whether the VM may have the frames offset .. offset+n-1 at gfn ..: OK, or the refusal of the first that it may not. */
/*@ requires \valid_read(s.section) && \valid_read(s.frame + (0 .. 511)) && offset + n <= 512;
  @ requires 1 <= vm < 0x4000 && gfn + n <= 68719476736;
  @ requires summary: s.section->taken == 0 && s.section->pinned == 0 ==>
  @   \forall integer i; 0 <= i < 512 ==> s.frame[i].holder == 0 && s.frame[i].count == 0;
  @ assigns \nothing;
  @ exits \false;
  @ ensures all: \result == CORDON_OK ==>
  @   \forall integer i; offset <= i < offset + n ==> can_assign1(s.frame[i], vm, gfn + (i - offset)) == CORDON_OK;
  @ ensures first: \result != CORDON_OK ==> \exists integer k; offset <= k < offset + n &&
  @   \result == can_assign1(s.frame[k], vm, gfn + (k - offset)) &&
  @   \forall integer i; offset <= i < k ==> can_assign1(s.frame[i], vm, gfn + (i - offset)) == CORDON_OK;
  @*/
static HOT enum cordon_status memory_can_assign(struct section_locked s, uint32_t vm, uint64_t offset, uint64_t n, uint64_t gfn)
{
    if (s.section->taken == 0 && s.section->pinned == 0)
        return CORDON_OK;       /* all 512 are plain host memory */
    /*@ loop invariant 0 <= i <= n;
      @ loop invariant \forall integer k; offset <= k < offset + i ==>
      @   can_assign1(s.frame[k], vm, gfn + (k - offset)) == CORDON_OK;
      @ loop assigns i;
      @ loop variant n - i;
      @*/
    for (uint64_t i = 0; i < n; i++) {
        enum cordon_status status = frame_can_assign(s.frame[offset + i], (uint16_t)vm, gfn + i);

        if (status != CORDON_OK)
            return status;
    }
    return CORDON_OK;
}

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

/* gfn .. gfn+n-1 are within one last-level table, so that only the low half of the number counts up. */
/*@ requires \valid(s.frame + (0 .. 511)) && offset + n <= 512;
  @ requires 1 <= vm < 0x4000 && gfn < 68719476736 && gfn % 512 + n <= 512;
  @ assigns s.frame[offset .. offset + n - 1];
  @ exits \false;
  @ ensures \forall integer i; offset <= i < offset + n ==> is_vm_record(s.frame[i], vm, gfn + (i - offset));
  @*/
static HOT void set_vm_records(struct section_locked s, uint32_t vm, uint64_t offset, uint64_t n, uint64_t gfn)
{
    struct frame f = frame_of_vm((uint16_t)vm, gfn);

    /*@ loop invariant 0 <= i <= n;
      @ loop invariant f.holder == vm && f.count == 0 && f.gfn_hi == gfn / 4294967296;
      @ loop invariant i < n ==> f.gfn_lo == gfn % 4294967296 + i;
      @ loop invariant \forall integer k; offset <= k < offset + i ==> s.frame[k].holder == vm && s.frame[k].count == 0;
      @ loop invariant \forall integer k; offset <= k < offset + i ==> s.frame[k].gfn_hi == gfn / 4294967296;
      @ loop invariant \forall integer k; offset <= k < offset + i ==>
      @   s.frame[k].gfn_lo == gfn % 4294967296 + (k - offset);
      @ loop assigns i, f, s.frame[offset .. offset + n - 1];
      @ loop variant n - i;
      @*/
    UNROLL
    for (uint64_t i = 0; i < n; i++) {
        s.frame[offset + i] = f;
        f.gfn_lo = (uint32_t)(f.gfn_lo + UINT64_C(1));     /* it may wrap behind the last */
    }
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

/*
 * Makes the frames the VM's, after memory_can_assign() said OK under the same lock. They are out of the host's reach
 * on return, and their contents are what `contents` says, seen by caches and memory alike. v.vm->frames is kept.
 */
static HOT void memory_assign(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t offset, uint64_t n,
                              uint64_t gfn, enum cordon_contents contents)
{
    while (n > 0) {
        uint64_t k = same_holder(s, offset, n);
        uint16_t holder = s.frame[offset].holder;

        if (holder == HOLDER_HOST) {
            taken_add(s, k);
            v.vm->frames += k;
        }
        if (holder != v.id) {   /* the VM's own settled frames stay as they are */
            set_vm_records(s, v.id, offset, k, gfn);
            s2_settle(c, &c->host, host_unmap_run(c, s, offset, k, OWED_NOTHING));
            if (contents == CORDON_ZERO)
                arch_zero_frames(c, s.pfn + offset, k);
            arch_clean_frames(c, s.pfn + offset, k);    /* a guest with its caches off sees the same */
        }
        offset += k;
        gfn += k;
        n -= k;
    }
}

/* ---- grant_vm_page, revoke_vm_page ---- */

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

/* ---- clear_vm_page ---- */

/*@ requires vm < 0x4000;
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result <==> owned(f, vm);
  @*/
static HOT bool owned_by(struct frame f, uint32_t vm)
{
    return f.holder == vm || f.holder == HOLDER_PENDING + vm;
}

/* How many frames from offset on are not the VM's. */
/*@ requires \valid_read(s.frame + (0 .. 511)) && offset + n <= 512 && vm < 0x4000;
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result <= n;
  @ ensures \forall integer i; offset <= i < offset + \result ==> !owned(s.frame[i], vm);
  @ ensures \result < n ==> owned(s.frame[offset + \result], vm);
  @*/
static HOT uint64_t skip_others(struct section_locked s, uint32_t vm, uint64_t offset, uint64_t n)
{
    uint64_t i = 0;

    /*@ loop invariant 0 <= i <= n;
      @ loop invariant \forall integer k; offset <= k < offset + i ==> !owned(s.frame[k], vm);
      @ loop assigns i;
      @ loop variant n - i;
      @*/
    while (i < n && !owned_by(s.frame[offset + i], vm))
        i++;
    return i;
}

/*
 * How many frames from offset on are like the first, which is the VM's: in the same state, shared or not, at consecutive
 * guest frame numbers of one last-level table.
 */
/*@ requires \valid_read(s.frame + (0 .. 511)) && offset + n <= 512 && n >= 1;
  @ assigns \nothing;
  @ exits \false;
  @ ensures 1 <= \result <= n && gfn_of(s.frame[offset]) % 512 + \result <= 512;
  @ ensures like: \forall integer i; offset <= i < offset + \result ==>
  @   s.frame[i].holder == s.frame[offset].holder && s.frame[i].count == s.frame[offset].count &&
  @   gfn_of(s.frame[i]) == gfn_of(s.frame[offset]) + (i - offset);
  @*/
static HOT uint64_t gfn_run(struct section_locked s, uint64_t offset, uint64_t n)
{
    uint64_t first = frame_word(s.frame[offset]);
    uint64_t most = 512 - first % 512;
    uint64_t i = 1;

    if (most > n)
        most = n;
    /*@ loop invariant 1 <= i <= most;
      @ loop invariant \forall integer k; offset <= k < offset + i ==> word_of(s.frame[k]) == first + (k - offset);
      @ loop assigns i;
      @ loop variant most - i;
      @*/
    while (i < most && frame_word(s.frame[offset + i]) == first + i)
        i++;
    /*@ assert low: first % 512 == s.frame[offset].gfn_lo % 512 && s.frame[offset].gfn_lo % 512 + i <= 512; */
    return i;
}

/* Whether p, the end of the walk to the gfn of one of the section's frames, is a block: then it maps all of the section. */
/*@ assigns \nothing;
  @ exits \false;
  @ ensures \result <==> p.level == 2 && valid_entry(p.entry) && entry_frame(p.entry) == s.pfn;
  @*/
static HOT bool is_block_of(struct s2_pos p, struct section_locked s)
{
    return p.level == 2 && desc_valid(p.entry) && desc_pfn(p.entry) == s.pfn;
}

/* What a clear will do, found out before it changes anything. */
struct clear_plan {
    uint64_t first;         /* offset of the first frame that the VM owns; end when it owns none */
    uint64_t end;           /* offset behind the last frame */
    struct s2_pos at;       /* the end of the walk in the VM's table to the first frame's gfn */
};

/* Looks at frames offset .. offset+n-1. NO_MEMORY: a block of the VM would have to be split and its pool is empty. */
static HOT enum cordon_status memory_can_clear(const struct cordon *c, struct vm_locked v, struct section_locked s,
                                               uint64_t offset, uint64_t n, struct clear_plan *plan)
{
    *plan = (struct clear_plan){ .first = offset + skip_others(s, v.id, offset, n), .end = offset + n };
    if (plan->first == plan->end)
        return CORDON_OK;
    plan->at = s2_walk(c, &v.vm->s2, frame_gfn(s.frame[plan->first]));
    return n == 512 || !is_block_of(plan->at, s) || v.vm->pool.free > 0 ? CORDON_OK : CORDON_NO_MEMORY;
}

/* Takes one run of frames of the VM's, the first of which p is the end of the walk to, out of its own table. */
static HOT struct owed unmap_vm_run(struct cordon *c, struct vm_locked v, struct section_locked s, struct s2_pos p,
                                    uint64_t offset, uint64_t n, struct owed o)
{
    uint64_t gfn = frame_gfn(s.frame[offset]);

    if (p.level == 3)
        return s2_clear_run(c, p.row, p.index, gfn, n, o);
    if (!is_block_of(p, s))
        return o;               /* assigned and not mapped */
    if (n == 512)
        return s2_put(c, p.row, p.index, gfn, 2, p.entry, 0, o);
    (void)s2_split(c, &v.vm->s2, &v.vm->pool, p, gfn - gfn % 512, offset, n);
    return o;
}

/* What is owed to the TLBs of a VM and of the host. */
struct owed_both {
    struct owed vm;
    struct owed host;
};

/* The first half of a clear, for one run: nobody maps the frames any more. */
static HOT void unmap_run(struct cordon *c, struct vm_locked v, struct section_locked s, struct s2_pos p, uint64_t offset,
                          uint64_t n, struct owed_both *o)
{
    if (!frame_is_pending(s.frame[offset]))     /* a pending frame is in no table of the VM's CPUs */
        o->vm = unmap_vm_run(c, v, s, p, offset, n, o->vm);
    if (s.frame[offset].count > 0)
        o->host = host_unmap_run(c, s, offset, n, o->host);
}

/*@ requires \valid_read(c) && \valid_read(v.vm) && \valid_read(o) && owes_well(o->vm) && owes_well(o->host);
  @ assigns \nothing;
  @ exits \false;
  @*/
static HOT void settle_both(struct cordon *c, struct vm_locked v, const struct owed_both *o)
{
    s2_settle(c, &v.vm->s2, o->vm);
    s2_settle(c, &c->host, o->host);
}

/* The second half, once no TLB knows the frames any more: they are zeroed and the host's. */
/*@ requires arrays(c) && holds(c, s) && 1 <= v.id <= c->vms && v.vm == &c->vm[v.id - 1];
  @ requires offset + n <= 512 && n <= s.section->taken <= 512 && n <= v.vm->frames;
  @ assigns s.frame[offset .. offset + n - 1], s.section->taken, v.vm->frames;
  @ exits \false;
  @ ensures records: \forall integer i; offset <= i < offset + n ==> is_plain_record(s.frame[i], 0);
  @ ensures taken: s.section->taken == \old(s.section->taken) - n;
  @ ensures frames: v.vm->frames == \old(v.vm->frames) - n;
  @*/
static HOT void hand_back(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t offset, uint64_t n)
{
    /*@ assert apart: \separated(s.section, s.frame + (0 .. 511)); */
    arch_zero_frames(c, s.pfn + offset, n);
    arch_clean_frames(c, s.pfn + offset, n);    /* an access with caches off finds zeros, not the VM's data */
    set_holder(s, offset, n, HOLDER_HOST);
    taken_sub(s, n);
    v.vm->frames -= n;
}

/*
 * Takes those of the frames that the VM owns back for the host: out of all tables, zeroed, plain host memory. The plan
 * was made under the same locks. Returns how many there were.
 */
static HOT uint64_t memory_clear(struct cordon *c, struct vm_locked v, struct section_locked s, const struct clear_plan *plan)
{
    struct owed_both owed = { OWED_NOTHING, OWED_NOTHING };
    struct s2_pos p = plan->at;
    uint64_t cleared = 0;
    uint64_t k;

    if (plan->end - plan->first == 1) {         /* one page: it needs no run */
        unmap_run(c, v, s, p, plan->first, 1, &owed);
        settle_both(c, v, &owed);
        hand_back(c, v, s, plan->first, 1);
        return 1;
    }
    if (plan->end > plan->first && is_block_of(p, s)) {     /* all of the section is the VM's: one step for all of it */
        owed.vm = unmap_vm_run(c, v, s, p, plan->first, plan->end - plan->first, owed.vm);
        p = s2_walk(c, &v.vm->s2, frame_gfn(s.frame[plan->first]));
    }
    for (uint64_t i = plan->first; i < plan->end; i += skip_others(s, v.id, i, plan->end - i)) {
        if (i != plan->first)
            p = s2_walk(c, &v.vm->s2, frame_gfn(s.frame[i]));
        k = gfn_run(s, i, plan->end - i);
        unmap_run(c, v, s, p, i, k, &owed);
        i += k;
    }
    settle_both(c, v, &owed);
    for (uint64_t i = plan->first; i < plan->end; i += skip_others(s, v.id, i, plan->end - i)) {
        k = same_holder(s, i, plan->end - i);
        hand_back(c, v, s, i, k);
        cleared += k;
        i += k;
    }
    return cleared;
}

/* ---- the core's own ---- */

/* Host frames become the core's, out of the host's reach. OWNED, SHARED: the first that is not the host's to give. */
enum cordon_status memory_take_for_core(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n);

/* A frame of the core's goes to the host, zeroed. It must be in no table and no walk cache. */
void memory_return_from_core(struct cordon *c, uint64_t frame);

#endif
