/* SPDX-License-Identifier: Apache-2.0 */
/* clear_vm_page over a run: frames of a VM's are the host's again, zeroed. SEMANTICS 2. */
#ifndef CORDON_CLEAR_H
#define CORDON_CLEAR_H

#include "memory.h"

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

/*@ predicate walked{L}(struct cordon *c, struct s2_pos p, integer gfn) =
  @   on_table(c, p) && !host_row(c, p.row) && p.index == index_at(gfn, p.level) && !table_entry(p.entry, p.level);
  @ predicate planned{L}(struct cordon *c, struct vm_locked v, struct section_locked s, struct clear_plan plan) =
  @   plan.first <= plan.end <= 512 &&
  @   (plan.first < plan.end ==> owned(s.frame[plan.first], v.id) && walked(c, plan.at, gfn_of(s.frame[plan.first])));
  @ predicate room_for{L}(struct vm_locked v, struct section_locked s, struct clear_plan plan) =
  @   plan.at.level == 2 && valid_entry(plan.at.entry) && entry_frame(plan.at.entry) == s.pfn &&
  @   plan.end - plan.first < 512 ==> v.vm->pool.free > 0;
  @
  @ // The VM's frames of a section are below the end of its address space; they are counted.
  @ predicate gfns_below{L}(struct section_locked s, struct vm_locked v) =
  @   \forall integer i; 0 <= i < 512 && owned(s.frame[i], v.id) ==> gfn_of(s.frame[i]) < v.vm->s2.gfn_limit;
  @ predicate counted{L}(struct section_locked s, struct vm_locked v, integer first, integer end) =
  @   counts_held(s.frame, v.id, 0x4000 + v.id, first, end) &&
  @   held_to[end] - held_to[first] <= s.section->taken <= 512 && held_to[end] - held_to[first] <= v.vm->frames;
  @*/

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

/*@ // What the unmapping of a section's frames leaves as it was.
  @ predicate cleared_rest{A,B}(struct cordon *c, struct section_locked s) =
  @   same_head{A,B}(c) && same_map{A,B}(c) && same_tables{A,B}(c) && same_records{A,B}(c) && same_words{A,B}(c) &&
  @   records_kept{A,B}(s);
  @ lemma rest_of_clear{A,B}: \forall struct cordon *c, struct section_locked s, struct vm_locked v;
  @   cleared_rest{A,B}(c, s) && vm_levels_kept{A,B}(c) && vm_sound{A}(c, v.vm, v.id) && 0 <= \at(v.vm->s2.root, A) ==>
  @     vm_sound{B}(c, v.vm, v.id);
  @ lemma gfns_of_clear{A,B}: \forall struct cordon *c, struct section_locked s, struct vm_locked v;
  @   cleared_rest{A,B}(c, s) && vm_sound{A}(c, v.vm, v.id) && gfns_below{A}(s, v) ==> gfns_below{B}(s, v);
  @ lemma clear_chain{A,B,C}: \forall struct cordon *c, struct section_locked s;
  @   cleared_rest{A,B}(c, s) && cleared_rest{B,C}(c, s) ==> cleared_rest{A,C}(c, s);
  @*/

/* The block at p, which maps all of the section for the VM, goes, but for the frames that are not offset .. offset+n-1. */
/*@ requires tables(c) && tree_ready(c, v.vm) && holds(c, s) && 1 <= v.id <= c->vms && v.vm == &c->vm[v.id - 1];
  @ requires on_table(c, p) && !host_row(c, p.row) && p.level == 2 && valid_entry(p.entry) && !table_entry(p.entry, 2);
  @ requires offset + n <= 512 && n >= 1 && gfn_of(s.frame[offset]) < 68719476736 && (n < 512 ==> v.vm->pool.free > 0);
  @ assigns v.vm->pool.fresh, v.vm->pool.fresh_n, v.vm->pool.head, v.vm->pool.free, c->phys[0 .. c->phys_frames - 1],
  @   row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735];
  @ exits \false;
  @ ensures tables: tables(c);
  @ ensures levels: vm_levels_kept{Pre,Here}(c);
  @ ensures ready: tree_ready(c, v.vm);
  @ ensures rest: cleared_rest{Pre,Here}(c, s);
  @ ensures well: owes_well(\result);
  @ ensures gone: n == 512 ==> c->phys[p.row].e[p.index] == 0;
  @ ensures owed: n == 512 ==> owes(\result, gfn_of(s.frame[offset]), gfn_of(s.frame[offset]) + 512);
  @*/
static HOT struct owed unmap_block(struct cordon *c, struct vm_locked v, struct section_locked s, struct s2_pos p,
                                   uint64_t offset, uint64_t n)
{
    uint64_t gfn = frame_gfn(s.frame[offset]);
    struct owed o = OWED_NOTHING;

    /*@ assert apart: \separated(s.frame + (0 .. 511), c->phys + (0 .. c->phys_frames - 1), c->vm + (0 .. c->vms - 1)); */
    /*@ assert spans: \separated(c->span + (0 .. c->spans - 1), c->phys + (0 .. c->phys_frames - 1), v.vm); */
    /*@ assert hidden: \separated(c->hidden + (0 .. c->hiddens - 1), c->phys + (0 .. c->phys_frames - 1), v.vm); */
    /*@ assert arrays: arrays(c); */
    if (n == 512) {
        o = s2_put(c, p.row, p.index, gfn, 2, p.entry, 0, o);
        /*@ assert head: same_head{Pre,Here}(c); */
        /*@ assert changed: tree_changed{Pre,Here}(c, v.vm); */
        /*@ assert vms: same_tables{Pre,Here}(c); */
        /*@ assert map: same_map{Pre,Here}(c); */
        /*@ assert all: same_records{Pre,Here}(c) && same_words{Pre,Here}(c); */
    } else {
        (void)s2_split(c, &v.vm->s2, &v.vm->pool, p, gfn - gfn % 512, offset, n);       /* it settles what is owed */
        /*@ assert head: same_head{Pre,Here}(c); */
        /*@ assert vms: same_tables{Pre,Here}(c); */
        /*@ assert map: same_map{Pre,Here}(c); */
        /*@ assert all: same_records{Pre,Here}(c) && same_words{Pre,Here}(c); */
    }
    /*@ assert head: same_head{Pre,Here}(c); */
    /*@ assert vms: same_tables{Pre,Here}(c); */
    /*@ assert map: same_map{Pre,Here}(c); */
    /*@ assert all: same_records{Pre,Here}(c) && same_words{Pre,Here}(c); */
    /*@ assert ready: tree_ready(c, v.vm); */
    /*@ assert records: records_kept{Pre,Here}(s); */
    return o;
}

/*
 * The first half of a clear, for one run, the first of which p is the end of the walk to: nobody maps the frames any
 * more. A p above level 3: they were assigned and not mapped, or their block is gone.
 */
/*@ requires tables(c) && holds(c, s);
  @ requires place: p.level == 3 ==> p.row < c->phys_frames && row_level[p.row] == 3 && !host_row(c, p.row) && p.index + n <= 512;
  @ requires offset + n <= 512 && n >= 1 && gfn_of(s.frame[offset]) + n <= 68719476736;
  @ requires owes_well(o.vm) && owes_well(o.host);
  @ assigns s.section->leaf, c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   c->phys[0 .. c->phys_frames - 1], row_level[0 .. 68719476735];
  @ exits \false;
  @ ensures tables: tables(c);
  @ ensures levels: vm_levels_kept{Pre,Here}(c);
  @ ensures left: pages_left{Pre,Here}(c) && same_pools{Pre,Here}(c);
  @ ensures rest: cleared_rest{Pre,Here}(c, s);
  @ ensures well: owes_well(\result.vm) && owes_well(\result.host);
  @ ensures vm: p.level == 3 && !(0x4000 < s.frame[offset].holder < 0x8000) ==>
  @   \forall integer i; p.index <= i < p.index + n ==> c->phys[p.row].e[i] == 0;
  @ ensures host: s.frame[offset].count > 0 && s.section->leaf != 0 ==>
  @   \forall integer i; offset <= i < offset + n ==> c->phys[s.section->leaf].e[i] == 0;
  @ ensures owed: p.level == 3 && !(0x4000 < s.frame[offset].holder < 0x8000) &&
  @   (\exists integer i; p.index <= i < p.index + n && \old(c->phys[p.row].e[i]) != 0) ==>
  @     owes(\result.vm, gfn_of(s.frame[offset]), gfn_of(s.frame[offset]) + n);
  @*/
static HOT struct owed_both unmap_run(struct cordon *c, struct section_locked s, struct s2_pos p, uint64_t offset, uint64_t n,
                                      struct owed_both o)
{
    struct owed vm = o.vm;
    struct owed host = o.host;

    /*@ assert apart: \separated(s.frame + (0 .. 511), c->phys + (0 .. c->phys_frames - 1), c->vm + (0 .. c->vms - 1), c,
      @   s.section); */
    if (p.level == 3 && !frame_is_pending(s.frame[offset]))     /* a pending frame is in no table of the VM's CPUs */
        vm = s2_clear_run(c, p.row, p.index, frame_gfn(s.frame[offset]), n, vm);
    /*@ assert tables: tables(c); */
    /*@ assert head: same_head{Pre,Here}(c) && same_levels{Pre,Here}; */
    /*@ assert vms: same_tables{Pre,Here}(c); */
    /*@ assert map: same_map{Pre,Here}(c) && same_records{Pre,Here}(c); */
    /*@ assert words: same_words{Pre,Here}(c); */
    /*@ assert left: pages_left{Pre,Here}(c); */
    /*@ assert pools: same_pools{Pre,Here}(c); */
    /*@ ghost own: ; */
    /*@ assert gone: p.level == 3 && !(0x4000 < s.frame[offset].holder < 0x8000) ==>
      @   \forall integer i; p.index <= i < p.index + n ==> c->phys[p.row].e[i] == 0; */
    if (s.frame[offset].count > 0) {
        host = host_unmap_run(c, s, offset, n, host);
        /*@ assert after: same_tables{own,Here}(c) && same_pools{own,Here}(c); */
    }
    /*@ assert heads: same_head{Pre,Here}(c); */
    /*@ assert vms: same_tables{Pre,Here}(c); */
    /*@ assert map: same_map{Pre,Here}(c) && same_records{Pre,Here}(c); */
    /*@ assert words: same_words{Pre,Here}(c); */
    /*@ assert records: records_kept{Pre,Here}(s); */
    /*@ assert kept: vm_levels_kept{own,Here}(c) && vm_entries_kept{own,Here}(c); */
    /*@ assert left: pages_left{Pre,Here}(c); */
    /*@ assert pools: same_pools{Pre,Here}(c); */
    /*@ assert row: p.level == 3 ==> !host_row{own}(c, p.row); */
    /*@ assert entries: p.level == 3 ==> \forall integer i; 0 <= i < 512 ==>
      @   c->phys[p.row].e[i] == \at(c->phys[p.row].e[i], own); */
    return (struct owed_both){ vm, host };
}

/*@ requires \valid_read(c) && \valid_read(v.vm) && owes_well(o.vm) && owes_well(o.host);
  @ assigns \nothing;
  @ exits \false;
  @*/
static HOT void settle_both(struct cordon *c, struct vm_locked v, struct owed_both o)
{
    s2_settle(c, &v.vm->s2, o.vm);
    s2_settle(c, &c->host, o.host);
}

/* n of the VM's frames go: who counted them. */
/*@ requires tables(c) && holds(c, s) && 1 <= v.id <= c->vms && v.vm == &c->vm[v.id - 1];
  @ requires n <= s.section->taken && n <= v.vm->frames;
  @ assigns s.section->taken, v.vm->frames;
  @ exits \false;
  @ ensures head: same_head{Pre,Here}(c) && same_leaves{Pre,Here}(c);
  @ ensures rest: section_rest{Pre,Here}(c, s, v);
  @ ensures taken: s.section->taken == \old(s.section->taken) - n && v.vm->frames == \old(v.vm->frames) - n;
  @*/
static HOT void uncount_run(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t n)
{
    (void)c;        /* for the contract */
    /*@ assert own: \forall integer i; 0 <= i < c->vms ==> \separated(&c->vm[i].s2, &v.vm->frames); */
    taken_sub(s, n);
    v.vm->frames -= n;
    /*@ assert vm: same_tables{Pre,Here}(c); */
    /*@ assert map: same_map{Pre,Here}(c); */
    /*@ assert pool: same_pool{Pre,Here}(&v.vm->pool); */
    /*@ assert sections: other_sections{Pre,Here}(c, s.index); */
}

/* The second half, once no TLB knows the frames any more: they are zeroed and the host's. */
/*@ requires tables(c) && holds(c, s) && 1 <= v.id <= c->vms && v.vm == &c->vm[v.id - 1];
  @ requires offset + n <= 512 && n <= s.section->taken <= 512 && n <= v.vm->frames;
  @ assigns s.frame[offset .. offset + n - 1], s.section->taken, v.vm->frames;
  @ exits \false;
  @ ensures tables: tables(c);
  @ ensures head: same_head{Pre,Here}(c);
  @ ensures rest: section_rest{Pre,Here}(c, s, v);
  @ ensures records: \forall integer i; offset <= i < offset + n ==> is_plain_record(s.frame[i], 0);
  @ ensures others: \forall integer i; 0 <= i < offset || offset + n <= i < 512 ==>
  @   same_record(s.frame[i], \old(s.frame[i]));
  @ ensures taken: s.section->taken == \old(s.section->taken) - n;
  @ ensures frames: v.vm->frames == \old(v.vm->frames) - n;
  @*/
static HOT void hand_back(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t offset, uint64_t n)
{
    /*@ assert apart: \separated(s.frame + (0 .. 511), c->phys + (0 .. c->phys_frames - 1), v.vm, c, s.section); */
    /*@ assert spans: \separated(c->span + (0 .. c->spans - 1), s.frame + (0 .. 511)); */
    /*@ assert hidden: \separated(c->hidden + (0 .. c->hiddens - 1), s.frame + (0 .. 511)); */
    /*@ assert vms: \separated(c->vm + (0 .. c->vms - 1), s.frame + (0 .. 511)); */
    arch_zero_frames(c, s.pfn + offset, n);
    arch_clean_frames(c, s.pfn + offset, n);    /* an access with caches off finds zeros, not the VM's data */
    set_holder(s, offset, n, HOLDER_HOST);
    /*@ assert head: same_head{Pre,Here}(c) && same_levels{Pre,Here}; */
    /*@ assert others: \forall integer i; 0 <= i < offset || offset + n <= i < 512 ==>
      @   same_record(s.frame[i], \at(s.frame[i], Pre)); */
    /*@ assert entries: entries_go{Pre,Here}(c); */
    /*@ assert leaves: same_leaves{Pre,Here}(c); */
    /*@ assert arrays: arrays(c); */
    /*@ assert trees: trees(c); */
    /*@ assert blocks: blocks_fit(c); */
    /*@ assert leaf: leaves_fit(c); */
    /*@ assert sections: other_sections{Pre,Here}(c, s.index); */
    /*@ assert records: records_outside{Pre,Here}(c, s.index * 512, s.index * 512 + 512); */
    /*@ assert map: same_map{Pre,Here}(c); */
    /*@ assert vm: same_tables{Pre,Here}(c); */
    /*@ assert pool: same_pool{Pre,Here}(&v.vm->pool); */
    /*@ assert rest: section_rest{Pre,Here}(c, s, v); */
    /*@ ghost set: ; */
    uncount_run(c, v, s, n);
    /*@ assert levels: same_levels{Pre,Here}; */
    /*@ assert entries: entries_go{Pre,Here}(c); */
    /*@ assert head: same_head{Pre,Here}(c); */
    /*@ assert leaves: same_leaves{Pre,Here}(c); */
    /*@ assert arrays: arrays(c); */
    /*@ assert trees: trees(c); */
    /*@ assert blocks: blocks_fit(c); */
    /*@ assert leaf: leaves_fit(c); */
    /*@ assert rest: section_rest{set,Here}(c, s, v); */
    /*@ assert rest: section_rest{Pre,Here}(c, s, v); */
}

/* Has nobody map those of the plan's frames that are the VM's, nor know them in a TLB. */
/*@ requires tables(c) && tree_ready(c, v.vm) && holds(c, s);
  @ requires vm_sound(c, v.vm, v.id) && v.id < 0x4000 && v.vm->s2.gfn_limit <= 68719476736;
  @ requires planned(c, v, s, plan) && plan.first < plan.end && room_for(v, s, plan) && gfns_below(s, v);
  @ assigns v.vm->pool.fresh, v.vm->pool.fresh_n, v.vm->pool.head, v.vm->pool.free, c->phys[0 .. c->phys_frames - 1],
  @   s.section->leaf, c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735];
  @ exits \false;
  @ ensures tables: tables(c);
  @ ensures sound: vm_sound(c, v.vm, v.id);
  @ ensures ready: tree_ready(c, v.vm);
  @ ensures rest: cleared_rest{Pre,Here}(c, s);
  @*/
static HOT void unmap_owned(struct cordon *c, struct vm_locked v, struct section_locked s, struct clear_plan plan)
{
    struct owed_both owed = { OWED_NOTHING, OWED_NOTHING };
    struct s2_pos p = plan.at;
    uint64_t i = plan.first;

    /*@ assert valid: \valid(v.vm) && \valid(s.frame + (0 .. 511)) && plan.end <= 512; */
    if (is_block_of(p, s))          /* all of the section is the VM's: one step for all of it */
        owed.vm = unmap_block(c, v, s, p, plan.first, plan.end - plan.first);
    /*@ assert rest: cleared_rest{Pre,Here}(c, s); */
    /*@ assert sound: vm_sound(c, v.vm, v.id); */
    if (plan.end - plan.first == 1) {       /* one page: it needs no run */
        /*@ ghost alone: ; */
        settle_both(c, v, unmap_run(c, s, p, plan.first, 1, owed));
        /*@ assert beside: tree_beside{alone,Here}(c, v.vm); */
        return;
    }
    /*@ loop invariant plan.first <= i <= plan.end;
      @ loop invariant next: i < plan.end ==> owned(s.frame[i], v.id);
      @ loop invariant tables: tables(c);
      @ loop invariant rest: cleared_rest{Pre,Here}(c, s);
      @ loop invariant sound: vm_sound(c, v.vm, v.id);
      @ loop invariant ready: tree_ready(c, v.vm);
      @ loop invariant gfns: gfns_below(s, v);
      @ loop invariant place: i == plan.first && p.level == 3 ==> p.row < c->phys_frames && row_level[p.row] == 3 &&
      @   !host_row(c, p.row) && p.index == index_at(gfn_of(s.frame[i]), 3);
      @ loop invariant well: owes_well(owed.vm) && owes_well(owed.host);
      @ loop assigns i, p, owed, c->phys[0 .. \at(c->phys_frames, Pre) - 1], s.section->leaf, c->host_lock,
      @   c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free, row_level[0 .. 68719476735];
      @ loop variant plan.end - i;
      @*/
    while (i < plan.end) {
        uint64_t k = gfn_run(s, i, plan.end - i);

        /*@ assert gfn: gfn_of(s.frame[i]) + k <= 68719476736; */
        if (i != plan.first)
            p = s2_walk(c, &v.vm->s2, frame_gfn(s.frame[i]));
        /*@ assert place: p.level == 3 ==> p.row < c->phys_frames && row_level[p.row] == 3 && !host_row(c, p.row) &&
          @   p.index + k <= 512; */
        owed = unmap_run(c, s, p, i, k, owed);
        /*@ assert beside: tree_beside{LoopCurrent,Here}(c, v.vm); */
        /*@ assert ready: tree_ready(c, v.vm); */
        /*@ assert step: cleared_rest{LoopCurrent,Here}(c, s); */
        /*@ assert rest: cleared_rest{Pre,Here}(c, s); */
        /*@ assert sound: vm_sound(c, v.vm, v.id); */
        /*@ assert gfns: gfns_below(s, v); */
        i += k;
        i += skip_others(s, v.id, i, plan.end - i);
    }
    settle_both(c, v, owed);
}

/* Those of frames first .. end-1 that are the VM's become the host's, zeroed. Returns how many. */
/*@ requires tables(c) && holds(c, s) && 1 <= v.id <= c->vms && v.vm == &c->vm[v.id - 1] && v.id < 0x4000;
  @ requires first <= end <= 512 && (first < end ==> owned(s.frame[first], v.id)) && counted(s, v, first, end);
  @ assigns s.frame[first .. end - 1], s.section->taken, v.vm->frames;
  @ exits \false;
  @ ensures tables: tables(c);
  @ ensures head: same_head{Pre,Here}(c);
  @ ensures rest: section_rest{Pre,Here}(c, s, v);
  @ ensures count: \result == held_to[end] - held_to[first];
  @ ensures back: \forall integer k; first <= k < end && \old(owned(s.frame[k], v.id)) ==> is_plain_record(s.frame[k], 0);
  @ ensures others: \forall integer k; first <= k < end && !\old(owned(s.frame[k], v.id)) ==>
  @   same_record(s.frame[k], \old(s.frame[k]));
  @ ensures beside: \forall integer k; 0 <= k < first || end <= k < 512 ==> same_record(s.frame[k], \old(s.frame[k]));
  @ ensures taken: s.section->taken == \old(s.section->taken) - \result;
  @ ensures frames: v.vm->frames == \old(v.vm->frames) - \result;
  @*/
static HOT uint64_t hand_back_owned(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t first, uint64_t end)
{
    uint64_t cleared = 0;
    uint64_t i = first;

    /*@ assert apart: \separated(s.section, s.frame + (0 .. 511), v.vm, c) && \valid(s.frame + (0 .. 511)); */
    if (end - first == 1) {
        hand_back(c, v, s, first, 1);
        return 1;
    }
    /*@ loop invariant first <= i <= end;
      @ loop invariant next: i < end ==> owned(s.frame[i], v.id);
      @ loop invariant kept: tables(c) && same_head{Pre,Here}(c) && section_rest{Pre,Here}(c, s, v);
      @ loop invariant low: \forall integer k; 0 <= k < first ==> same_record(s.frame[k], \at(s.frame[k], Pre));
      @ loop invariant count: cleared == held_to[i] - held_to[first];
      @ loop invariant taken: s.section->taken == \at(s.section->taken, Pre) - cleared;
      @ loop invariant frames: v.vm->frames == \at(v.vm->frames, Pre) - cleared;
      @ loop invariant back: \forall integer k; first <= k < i && owned(\at(s.frame[k], Pre), v.id) ==>
      @   is_plain_record(s.frame[k], 0);
      @ loop invariant others: \forall integer k; first <= k < i && !owned(\at(s.frame[k], Pre), v.id) ==>
      @   same_record(s.frame[k], \at(s.frame[k], Pre));
      @ loop invariant rest: \forall integer k; i <= k < 512 ==> same_record(s.frame[k], \at(s.frame[k], Pre));
      @ loop assigns i, cleared, s.frame[first .. end - 1], s.section->taken, v.vm->frames;
      @ loop variant end - i;
      @*/
    while (i < end) {
        /*@ assert more: held_to[i + 1] == held_to[i] + 1 && held_to[i + 1] <= held_to[end]; */
        /*@ assert taken: s.section->taken > 0; */
        uint64_t k = same_holder(s, i, end - i);

        /*@ assert run: \forall integer j; i <= j < i + k ==> owned(\at(s.frame[j], Pre), v.id); */
        /*@ ghost held_run(i, i + k, 1); */
        /*@ assert room: k <= s.section->taken && k <= v.vm->frames; */
        hand_back(c, v, s, i, k);
        /*@ assert head: same_head{Pre,Here}(c); */
        /*@ assert step: section_rest{LoopCurrent,Here}(c, s, v); */
        /*@ assert kept: section_rest{Pre,Here}(c, s, v); */
        cleared += k;
        i += k;
        /*@ assert sum: cleared == held_to[i] - held_to[first]; */
        k = skip_others(s, v.id, i, end - i);
        /*@ assert none: \forall integer j; i <= j < i + k ==> !owned(\at(s.frame[j], Pre), v.id); */
        /*@ assert not_held: \forall integer j; i <= j < i + k ==> \at(s.frame[j].holder, Pre) != v.id &&
          @   \at(s.frame[j].holder, Pre) != 0x4000 + v.id; */
        /*@ assert still: \forall integer j; i <= j < i + k ==> held_to[j + 1] == held_to[j]; */
        /*@ ghost held_run(i, i + k, 0); */
        i += k;
        /*@ assert sum: cleared == held_to[i] - held_to[first]; */
    }
    return cleared;
}

/*
 * Takes those of the frames that the VM owns back for the host: out of all tables, zeroed, plain host memory. The plan
 * was made under the same locks. Returns how many there were.
 */
/*@ requires tables(c) && tree_ready(c, v.vm) && holds(c, s);
  @ requires vm_sound(c, v.vm, v.id) && v.id < 0x4000 && v.vm->s2.gfn_limit <= 68719476736;
  @ requires planned(c, v, s, plan) && room_for(v, s, plan) && gfns_below(s, v) && counted(s, v, plan.first, plan.end);
  @ assigns s.frame[plan.first .. plan.end - 1], s.section->taken, v.vm->frames,
  @   v.vm->pool.fresh, v.vm->pool.fresh_n, v.vm->pool.head, v.vm->pool.free, c->phys[0 .. c->phys_frames - 1],
  @   s.section->leaf, c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735];
  @ exits \false;
  @ ensures tables: tables(c);
  @ ensures sound: vm_sound(c, v.vm, v.id);
  @ ensures ready: tree_ready(c, v.vm);
  @ ensures places: same_head{Pre,Here}(c) && same_map{Pre,Here}(c) && same_tables{Pre,Here}(c);
  @ ensures sections: other_sections{Pre,Here}(c, s.index) && records_outside{Pre,Here}(c, s.index * 512, s.index * 512 + 512);
  @ ensures count: \result == held_to[plan.end] - held_to[plan.first];
  @ ensures back: \forall integer i; plan.first <= i < plan.end && \old(owned(s.frame[i], v.id)) ==>
  @   is_plain_record(s.frame[i], 0);
  @ ensures others: \forall integer i; plan.first <= i < plan.end && !\old(owned(s.frame[i], v.id)) ==>
  @   same_record(s.frame[i], \old(s.frame[i]));
  @ ensures beside: \forall integer i; 0 <= i < plan.first || plan.end <= i < 512 ==>
  @   same_record(s.frame[i], \old(s.frame[i]));
  @ ensures taken: s.section->taken == \old(s.section->taken) - \result && s.section->pinned == \old(s.section->pinned);
  @ ensures frames: v.vm->frames == \old(v.vm->frames) - \result;
  @*/
static HOT uint64_t memory_clear(struct cordon *c, struct vm_locked v, struct section_locked s, struct clear_plan plan)
{
    uint64_t n;

    if (plan.first == plan.end)
        return 0;
    /*@ assert apart: \separated(c->phys + (0 .. c->phys_frames - 1), s.frame + (0 .. 511), v.vm, s.section); */
    unmap_owned(c, v, s, plan);
    /*@ assert records: records_outside{Pre,Here}(c, s.index * 512, s.index * 512 + 512); */
    /*@ assert sections: other_sections{Pre,Here}(c, s.index); */
    /*@ assert same: \forall integer i; 0 <= i < 512 ==> same_record(s.frame[i], \at(s.frame[i], Pre)); */
    /*@ assert pinned: s.section->pinned == \at(s.section->pinned, Pre) && s.section->taken == \at(s.section->taken, Pre); */
    /*@ assert counted: counted(s, v, plan.first, plan.end) && owned(s.frame[plan.first], v.id); */
    /*@ assert sound: vm_sound(c, v.vm, v.id) && 0 <= v.vm->s2.root && v.vm->s2.vmid > 0; */
    /*@ assert map: same_map{Pre,Here}(c); */
    /*@ ghost unmapped: ; */
    n = hand_back_owned(c, v, s, plan.first, plan.end);
    /*@ assert map: same_map{unmapped,Here}(c); */
    /*@ assert beside: \forall integer i; 0 <= i < plan.first || plan.end <= i < 512 ==>
      @   same_record(s.frame[i], \at(s.frame[i], unmapped)); */
    /*@ assert pinned: s.section->pinned == \at(s.section->pinned, unmapped); */
    /*@ assert pinned: s.section->pinned == \at(s.section->pinned, Pre); */
    /*@ assert taken: s.section->taken == \at(s.section->taken, Pre) - n; */
    /*@ assert head: same_head{unmapped,Here}(c) && same_levels{unmapped,Here}; */
    /*@ assert rest: section_rest{unmapped,Here}(c, s, v); */
    /*@ assert head: same_head{Pre,Here}(c); */
    /*@ assert map: same_map{Pre,Here}(c); */
    /*@ assert vms: same_tables{Pre,Here}(c); */
    /*@ assert vms: same_tables{unmapped,Here}(c); */
    /*@ assert kept: vm_levels_kept{unmapped,Here}(c); */
    /*@ assert pool: same_pool{unmapped,Here}(&v.vm->pool) && same_list{unmapped,Here}(&v.vm->pool); */
    /*@ assert above: same_above{unmapped,Here}(c); */
    /*@ assert entries: vm_entries_kept{unmapped,Here}(c); */
    /*@ assert rows: vm_rows_kept{unmapped,Here}(c); */
    /*@ assert beside: tree_beside{unmapped,Here}(c, v.vm); */
    /*@ assert ready: tree_ready(c, v.vm); */
    /*@ assert same: v.vm == &c->vm[v.id - 1] && v.vm->s2.vmid == v.id; */
    /*@ assert rooted: rooted(c, &v.vm->s2); */
    /*@ assert sound: vm_sound(c, v.vm, v.id); */
    /*@ assert sections: other_sections{Pre,Here}(c, s.index); */
    /*@ assert records: records_outside{Pre,Here}(c, s.index * 512, s.index * 512 + 512); */
    return n;
}

/* How a clear went: OK, and how many frames were the VM's; or a refusal, and nothing has changed. */
struct cleared {
    enum cordon_status status;
    uint64_t frames;
};

/*@ // What a section's records and the counts of them are like when frames first .. end-1 of it are to be cleared.
  @ predicate clearable{L}(struct frame *f, struct section *s, struct vm *vm, integer id, integer first, integer end) =
  @   counts_held(f, id, 0x4000 + id, first, end) && counts_rest(f, id, 0x4000 + id, first, end) &&
  @   s->taken == rest_to[512] + (held_to[end] - held_to[first]) && s->taken <= 512 &&
  @   held_to[end] - held_to[first] <= vm->frames &&
  @   (\forall integer i; 0 <= i < 512 && owned(f[i], id) ==> gfn_of(f[i]) < vm->s2.gfn_limit) &&
  @   (\forall integer i; 0 <= i < 512 && s->pinned == 0 && f[i].holder == 0 ==> f[i].count == 0);
  @
  @ // Records first .. end-1: the VM's are plain host memory, the others as they were.
  @ predicate cleared_in{A,B}(struct frame *f, integer id, integer first, integer end) =
  @   \forall integer i; first <= i < end ==>
  @     (owned(\at(f[i], A), id) ==> is_plain_record(\at(f[i], B), 0)) &&
  @     (!owned(\at(f[i], A), id) ==> same_record(\at(f[i], B), \at(f[i], A)));
  @
  @ lemma cleared_section{A,B}: \forall struct cordon *c, struct section_locked s, integer id, first, end;
  @   placed{A}(c, s) && 0 <= first && end <= 512 && cleared_in{A,B}(s.frame, id, first, end) ==>
  @     cleared_in{A,B}(\at(c->frame, A), id, s.index * 512 + first, s.index * 512 + end);
  @*/

/* Clears those of frames offset .. offset+n-1 of a section that are the VM's. */
/*@ requires tables(c) && holds(c, s) && tree_ready(c, v.vm) && vm_sound(c, v.vm, v.id) && v.vm->s2.gfn_limit <= 68719476736;
  @ requires offset + n <= 512 && clearable(s.frame, s.section, v.vm, v.id, offset, offset + n);
  @ assigns s.frame[offset .. offset + n - 1], s.section->taken, v.vm->frames,
  @   v.vm->pool.fresh, v.vm->pool.fresh_n, v.vm->pool.head, v.vm->pool.free, c->phys[0 .. c->phys_frames - 1],
  @   s.section->leaf, c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735];
  @ exits \false;
  @ ensures tables: tables(c);
  @ ensures sound: vm_sound(c, v.vm, v.id);
  @ ensures ready: tree_ready(c, v.vm);
  @ ensures places: same_head{Pre,Here}(c) && same_map{Pre,Here}(c) && same_tables{Pre,Here}(c);
  @ ensures sections: other_sections{Pre,Here}(c, s.index) && records_outside{Pre,Here}(c, s.index * 512, s.index * 512 + 512);
  @ ensures cleared: \result.status == CORDON_OK ==> cleared_in{Pre,Here}(s.frame, v.id, offset, offset + n);
  @ ensures beside: beside_in{Pre,Here}(s.frame, offset, offset + n);
  @ ensures count: \result.status == CORDON_OK ==> \result.frames == held_to[offset + n] - held_to[offset];
  @ ensures most: \result.frames <= n;
  @ ensures pinned: s.section->pinned == \old(s.section->pinned);
  @ ensures summary: \result.status == CORDON_OK ==> free_in(s);
  @ ensures refused: \result.status != CORDON_OK ==> \result.status == CORDON_NO_MEMORY && same_records{Pre,Here}(c) &&
  @   same_words{Pre,Here}(c) && vm_rows_kept{Pre,Here}(c) && same_pool{Pre,Here}(&v.vm->pool) &&
  @   v.vm->frames == \old(v.vm->frames);
  @*/
static HOT struct cleared clear_locked(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t offset, uint64_t n)
{
    struct clear_plan plan;
    uint64_t frames;

    /*@ assert gfns: gfns_below(s, v); */
    plan = memory_plan_clear(c, v, s, offset, n);
    if (memory_can_clear(v, s, plan) != CORDON_OK)
        return (struct cleared){ CORDON_NO_MEMORY, 0 };
    /*@ assert none: \forall integer j; offset <= j < plan.first ==> held_to[j + 1] == held_to[j]; */
    /*@ ghost held_run(offset, plan.first, 0); */
    /*@ assert counted: counted(s, v, plan.first, plan.end); */
    frames = memory_clear(c, v, s, plan);
    /*@ assert count: frames == held_to[offset + n] - held_to[offset]; */
    /*@ assert rest: s.section->taken == rest_to[512]; */
    /*@ assert same: \forall integer i; 0 <= i < 512 && !(plan.first <= i < plan.end) ==>
      @   same_record(s.frame[i], \at(s.frame[i], Pre)); */
    /*@ assert cleared: cleared_in{Pre,Here}(s.frame, v.id, offset, offset + n); */
    /*@ assert steps: \forall integer i; 0 <= i < 512 && rest_to[i + 1] == rest_to[i] ==>
      @   \at(s.frame[i].holder, Pre) == 0 || (offset <= i < offset + n && owned(\at(s.frame[i], Pre), v.id)); */
    /*@ assert gone: \forall integer i; 0 <= i < 512 && rest_to[i + 1] == rest_to[i] ==> s.frame[i].holder == 0; */
    /*@ assert pinned: s.section->pinned == \at(s.section->pinned, Pre); */
    /*@ assert zero: \forall integer i; offset <= i < offset + n && owned(\at(s.frame[i], Pre), v.id) ==>
      @   s.frame[i].count == 0; */
    /*@ assert outside: \forall integer i; 0 <= i < 512 && !(offset <= i < offset + n) ==>
      @   s.frame[i].holder == \at(s.frame[i].holder, Pre) && s.frame[i].count == \at(s.frame[i].count, Pre); */
    /*@ assert others: \forall integer i; offset <= i < offset + n && !owned(\at(s.frame[i], Pre), v.id) ==>
      @   s.frame[i].holder == \at(s.frame[i].holder, Pre) && s.frame[i].count == \at(s.frame[i].count, Pre); */
    /*@ assert kept: \forall integer i; 0 <= i < 512 && !(offset <= i < offset + n && owned(\at(s.frame[i], Pre), v.id)) ==>
      @   s.frame[i].holder == \at(s.frame[i].holder, Pre) && s.frame[i].count == \at(s.frame[i].count, Pre); */
    /*@ assert plain: s.section->pinned == 0 ==> \forall integer i; 0 <= i < 512 && s.frame[i].holder == 0 ==>
      @   s.frame[i].count == 0; */
    /*@ ghost rest_none(); */
    /*@ assert host: s.section->taken == 0 ==> \forall integer i; 0 <= i < 512 ==> s.frame[i].holder == 0; */
    /*@ assert summary: s.section->taken == 0 && s.section->pinned == 0 ==> \forall integer i; 0 <= i < 512 ==>
      @   s.frame[i].count == 0; */
    /*@ ghost held_most(offset, offset + n); */
    return (struct cleared){ CORDON_OK, frames };
}

/* Clears those of frames frame .. frame+n-1 that are the VM's; they are of one section, that of index `index`. */
/*@ requires machine(c) && index < c->sections && tree_ready(c, v.vm);
  @ requires vm_sound(c, v.vm, v.id) && v.vm->s2.gfn_limit <= 68719476736;
  @ requires frame < 68719476736 && frame % 512 + n <= 512;
  @ requires clearable(&c->frame[index * 512], &c->section[index], v.vm, v.id, frame % 512, frame % 512 + n);
  @ assigns c->section[index], c->frame[index * 512 + frame % 512 .. index * 512 + frame % 512 + n - 1], v.vm->frames,
  @   v.vm->pool.fresh, v.vm->pool.fresh_n, v.vm->pool.head, v.vm->pool.free, c->phys[0 .. c->phys_frames - 1],
  @   c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   row_level[0 .. 68719476735], above_row[0 .. 68719476735], above_index[0 .. 68719476735];
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures sound: vm_sound(c, v.vm, v.id);
  @ ensures ready: tree_ready(c, v.vm);
  @ ensures places: same_head{Pre,Here}(c) && same_map{Pre,Here}(c) && same_tables{Pre,Here}(c);
  @ ensures cleared: \result.status == CORDON_OK ==>
  @   cleared_in{Pre,Here}(\old(c->frame), v.id, index * 512 + frame % 512, index * 512 + frame % 512 + n);
  @ ensures count: \result.status == CORDON_OK ==> \result.frames == held_to[frame % 512 + n] - held_to[frame % 512];
  @ ensures most: \result.frames <= n;
  @ ensures others: records_outside{Pre,Here}(c, index * 512 + frame % 512, index * 512 + frame % 512 + n);
  @ ensures refused: \result.status != CORDON_OK ==> \result.status == CORDON_NO_MEMORY && same_records{Pre,Here}(c) &&
  @   vm_rows_kept{Pre,Here}(c) && same_pool{Pre,Here}(&v.vm->pool) && v.vm->frames == \old(v.vm->frames);
  @*/
static HOT struct cleared memory_clear_run(struct cordon *c, struct vm_locked v, uint64_t index, uint64_t frame, uint64_t n)
{
    struct section_locked s = section_lock(c, index, frame / 512);
    struct cleared r;

    /*@ assert words: same_words{Pre,Here}(c); */
    /*@ assert head: same_head{Pre,Here}(c) && same_map{Pre,Here}(c) && same_tables{Pre,Here}(c); */
    /*@ assert records: same_records{Pre,Here}(c); */
    /*@ assert rows: vm_rows_kept{Pre,Here}(c) && same_pool{Pre,Here}(&v.vm->pool); */
    /*@ assert machine: machine(c); */
    /*@ assert beside: tree_beside{Pre,Here}(c, v.vm); */
    /*@ assert placed: placed(c, s); */
    /*@ ghost locked: ; */
    r = clear_locked(c, v, s, frame % 512, n);
    /*@ assert head: same_head{locked,Here}(c) && same_head{Pre,Here}(c); */
    /*@ assert places: same_map{Pre,Here}(c) && same_tables{Pre,Here}(c); */
    /*@ assert placed: placed(c, s); */
    /*@ assert outside: records_outside{locked,Here}(c, index * 512, index * 512 + 512); */
    /*@ assert others: records_outside{locked,Here}(c, index * 512 + frame % 512, index * 512 + frame % 512 + n); */
    /*@ assert others: records_outside{Pre,Here}(c, index * 512 + frame % 512, index * 512 + frame % 512 + n); */
    /*@ assert cleared: r.status == CORDON_OK ==>
      @   cleared_in{locked,Here}(c->frame, v.id, index * 512 + frame % 512, index * 512 + frame % 512 + n); */
    /*@ assert cleared: r.status == CORDON_OK ==>
      @   cleared_in{Pre,Here}(c->frame, v.id, index * 512 + frame % 512, index * 512 + frame % 512 + n); */
    /*@ assert summary: r.status == CORDON_OK ==> summary(c, index); */
    /*@ assert refused: r.status != CORDON_OK ==> plain_kept{locked,Here}(c) && same_words{locked,Here}(c); */
    /*@ assert summaries: r.status != CORDON_OK ==> summaries_hold(c); */
    /*@ assert sections: other_sections{locked,Here}(c, index); */
    /*@ assert still: summaries_hold{locked}(c); */
    /*@ assert one: r.status == CORDON_OK ==> one_cleared{locked,Here}(c, index); */
    /*@ assert summaries: r.status == CORDON_OK ==> summaries_hold(c); */
    /*@ assert summaries: summaries_hold(c); */
    /*@ assert refused: r.status != CORDON_OK ==> vm_rows_kept{Pre,Here}(c) && same_records{Pre,Here}(c); */
    /*@ assert others: records_outside{Pre,Here}(c, index * 512 + frame % 512, index * 512 + frame % 512 + n); */
    /*@ assert head: same_head{Pre,Here}(c); */
    /*@ ghost done: ; */
    section_unlock(c, s);
    /*@ assert rows: vm_rows_kept{done,Here}(c) && same_pool{done,Here}(&v.vm->pool) &&
      @   v.vm->frames == \at(v.vm->frames, done); */
    /*@ assert beside: tree_beside{done,Here}(c, v.vm); */
    /*@ assert words: same_words{done,Here}(c) && plain_kept{done,Here}(c) && same_records{done,Here}(c); */
    /*@ assert head: same_head{done,Here}(c) && same_head{Pre,Here}(c); */
    /*@ assert places: same_map{Pre,Here}(c) && same_tables{Pre,Here}(c); */
    /*@ assert others: records_outside{Pre,Here}(c, index * 512 + frame % 512, index * 512 + frame % 512 + n); */
    /*@ assert spans: spans_fit(c); */
    /*@ assert summaries: summaries_hold(c); */
    /*@ assert refused: r.status != CORDON_OK ==> vm_rows_kept{Pre,Here}(c); */
    /*@ assert refused: r.status != CORDON_OK ==> same_records{Pre,Here}(c); */
    /*@ assert refused: r.status != CORDON_OK ==> same_pool{Pre,Here}(&v.vm->pool) && v.vm->frames == \at(v.vm->frames, Pre); */
    return r;
}

#endif
