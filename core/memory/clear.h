/* SPDX-License-Identifier: Apache-2.0 */
/* clear_vm_page over a run: frames of a VM's are the host's again, zeroed. SEMANTICS 2. */
#ifndef CORDON_CLEAR_H
#define CORDON_CLEAR_H

#include "memory/memory.h"

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

/* What a clear of frames offset .. offset+n-1 has to do. */
/*@ requires tables(c) && holds(c, s) && vm_sound(c, v.vm, v.id) && v.id < 0x4000;
  @ requires offset + n <= 512 && gfns_below(s, v);
  @ assigns \nothing;
  @ exits \false;
  @ ensures planned: planned(c, v, s, \result) && offset <= \result.first && \result.end == offset + n;
  @ ensures before: \forall integer i; offset <= i < \result.first ==> !owned(s.frame[i], v.id);
  @*/
static HOT struct clear_plan memory_plan_clear(const struct cordon *c, struct vm_locked v, struct section_locked s,
                                               uint64_t offset, uint64_t n)
{
    uint64_t first = offset + skip_others(s, v.id, offset, n);
    struct s2_pos at = { .row = 0 };

    if (first < offset + n)
        at = s2_walk(c, &v.vm->s2, frame_gfn(s.frame[first]));
    return (struct clear_plan){ first, offset + n, at };
}

/* NO_MEMORY: a block of the VM would have to be split and its pool is empty. */
/*@ requires \valid_read(v.vm) && plan.first <= plan.end <= 512;
  @ assigns \nothing;
  @ exits \false;
  @ ensures ok: \result == CORDON_OK ==> room_for(v, s, plan);
  @ ensures no: \result != CORDON_OK ==> \result == CORDON_NO_MEMORY && v.vm->pool.free == 0;
  @*/
static HOT enum cordon_status memory_can_clear(struct vm_locked v, struct section_locked s, struct clear_plan plan)
{
    return plan.end - plan.first == 512 || !is_block_of(plan.at, s) || v.vm->pool.free > 0 ? CORDON_OK : CORDON_NO_MEMORY;
}

/* What is owed to the TLBs of a VM and of the host. */
struct owed_both {
    struct owed vm;
    struct owed host;
};

/* The block at p, which maps all of the section for the VM, goes, but for the frames that are not offset .. offset+n-1. */
static HOT struct owed unmap_block(struct cordon *c, struct vm_locked v, struct section_locked s, struct s2_pos p,
                                   uint64_t offset, uint64_t n)
{
    uint64_t gfn = frame_gfn(s.frame[offset]);
    struct owed o = OWED_NOTHING;

    if (n == 512) {
        o = s2_put(c, p.row, p.index, gfn, 2, p.entry, 0, o);
    } else {
        (void)s2_split(c, &v.vm->s2, &v.vm->pool, p, gfn - gfn % 512, offset, n);       /* it settles what is owed */
    }
    return o;
}

/*
 * The first half of a clear, for one run, the first of which p is the end of the walk to: nobody maps the frames any
 * more. A p above level 3: they were assigned and not mapped, or their block is gone.
 */
static HOT struct owed_both unmap_run(struct cordon *c, struct section_locked s, struct s2_pos p, uint64_t offset, uint64_t n,
                                      struct owed_both o)
{
    struct owed vm = o.vm;
    struct owed host = o.host;

    if (p.level == 3 && !frame_is_pending(s.frame[offset]))     /* a pending frame is in no table of the VM's CPUs */
        vm = s2_clear_run(c, p.row, p.index, frame_gfn(s.frame[offset]), n, vm);
    if (s.frame[offset].count > 0) {
        host = host_unmap_run(c, s, offset, n, host);
    }
    return (struct owed_both){ vm, host };
}

/*@ requires \valid_read(c) && \valid_read(v.vm) && owes_well(o.vm) && owes_well(o.host);
  @ requires covered: vm_covered(o.vm) && host_covered(o.host) && of_locked(&v.vm->s2);
  @ assigns UNSEEN;
  @ exits \false;
  @ ensures settled: quiet;
  @*/
static HOT void settle_both(struct cordon *c, struct vm_locked v, struct owed_both o)
{
    s2_settle(c, &v.vm->s2, o.vm);
    s2_settle(c, &c->host, o.host);
}

/* n of the VM's frames go: who counted them. */
/*@ requires tables(c) && holds(c, s) && 1 <= v.id <= c->vms && v.vm == &c->vm[v.id - 1];
  @ requires n <= s.section->taken && n <= v.vm->frames && locked(s);
  @ assigns s.section->taken, v.vm->frames;
  @ exits \false;
  @ ensures head: same_head{Pre,Here}(c) && same_leaves{Pre,Here}(c);
  @ ensures rest: section_rest{Pre,Here}(c, s, v);
  @ ensures taken: s.section->taken == \old(s.section->taken) - n && v.vm->frames == \old(v.vm->frames) - n;
  @*/
static HOT void uncount_run(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t n)
{
    (void)c;        /* for the contract */
    taken_sub(s, n);
    v.vm->frames -= n;
}

/* The second half, once no TLB knows the frames any more: they are zeroed and the host's. */
static HOT void hand_back(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t offset, uint64_t n)
{
    arch_zero_frames(c, s.pfn + offset, n);
    arch_clean_frames(c, s.pfn + offset, n);    /* an access with caches off finds zeros, not the VM's data */
    set_holder(s, offset, n, HOLDER_HOST);
    uncount_run(c, v, s, n);
}

/* Has nobody map those of the plan's frames that are the VM's, nor know them in a TLB. */
static HOT void unmap_owned(struct cordon *c, struct vm_locked v, struct section_locked s, struct clear_plan plan)
{
    struct owed_both owed = { OWED_NOTHING, OWED_NOTHING };
    struct s2_pos p = plan.at;
    uint64_t i = plan.first;

    if (is_block_of(p, s))          /* all of the section is the VM's: one step for all of it */
        owed.vm = unmap_block(c, v, s, p, plan.first, plan.end - plan.first);
    if (plan.end - plan.first == 1) {       /* one page: it needs no run */
        settle_both(c, v, unmap_run(c, s, p, plan.first, 1, owed));
        return;
    }
    while (i < plan.end) {
        uint64_t k = gfn_run(s, i, plan.end - i);

        if (i != plan.first)
            p = s2_walk(c, &v.vm->s2, frame_gfn(s.frame[i]));
        owed = unmap_run(c, s, p, i, k, owed);
        i += k;
        i += skip_others(s, v.id, i, plan.end - i);
    }
    settle_both(c, v, owed);
}

/* Those of frames first .. end-1 that are the VM's become the host's, zeroed. Returns how many. */
static HOT uint64_t hand_back_owned(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t first, uint64_t end)
{
    uint64_t cleared = 0;
    uint64_t i = first;

    if (end - first == 1) {
        hand_back(c, v, s, first, 1);
        return 1;
    }
    while (i < end) {
        uint64_t k = same_holder(s, i, end - i);

        hand_back(c, v, s, i, k);
        cleared += k;
        i += k;
        k = skip_others(s, v.id, i, end - i);
        i += k;
    }
    return cleared;
}

/*
 * Takes those of the frames that the VM owns back for the host: out of all tables, zeroed, plain host memory. The plan
 * was made under the same locks. Returns how many there were.
 */
static HOT uint64_t memory_clear(struct cordon *c, struct vm_locked v, struct section_locked s, struct clear_plan plan)
{
    uint64_t n;

    if (plan.first == plan.end)
        return 0;
    unmap_owned(c, v, s, plan);
    dma_withdraw(c, s, v.id, plan.first, plan.end - plan.first);
    n = hand_back_owned(c, v, s, plan.first, plan.end);
    dma_follow(c, s, plan.first, plan.end - plan.first);
    return n;
}

/* How a clear went: OK, and how many frames were the VM's; or a refusal, and nothing has changed. */
struct cleared {
    enum cordon_status status;
    uint64_t frames;
};

/* Clears those of frames offset .. offset+n-1 of a section that are the VM's. */
static HOT struct cleared clear_locked(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t offset, uint64_t n)
{
    struct clear_plan plan;
    uint64_t frames;

    plan = memory_plan_clear(c, v, s, offset, n);
    if (memory_can_clear(v, s, plan) != CORDON_OK)
        return (struct cleared){ CORDON_NO_MEMORY, 0 };
    frames = memory_clear(c, v, s, plan);
    return (struct cleared){ CORDON_OK, frames };
}

/* Clears those of frames frame .. frame+n-1 that are the VM's; they are of one section, that of index `index`. */
static HOT struct cleared memory_clear_run(struct cordon *c, struct vm_locked v, uint64_t index, uint64_t frame, uint64_t n)
{
    struct section_locked s = section_lock(c, index, frame / 512);
    struct cleared r;

    r = clear_locked(c, v, s, frame % 512, n);
    section_unlock(c, s);
    return r;
}

#endif
