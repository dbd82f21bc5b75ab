/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

/* The records of host frames that become the core's, and who counts them. */
/*@ requires tables(c) && holds(c, s) && offset + n <= 512 && n >= 1 && s.section->taken + n <= 512;
  @ assigns s.frame[offset .. offset + n - 1], s.section->taken;
  @ exits \false;
  @ ensures tables: tables(c);
  @ ensures head: same_head{Pre,Here}(c) && same_map{Pre,Here}(c) && same_tables{Pre,Here}(c) && same_pools{Pre,Here}(c);
  @ ensures rows: vm_rows_kept{Pre,Here}(c);
  @ ensures core: \forall integer i; offset <= i < offset + n ==> is_plain_record(s.frame[i], HOLDER_CORE);
  @ ensures others: beside_in{Pre,Here}(s.frame, offset, offset + n);
  @ ensures sections: other_sections{Pre,Here}(c, s.index) && records_outside{Pre,Here}(c, s.index * 512, s.index * 512 + 512);
  @ ensures taken: s.section->taken == \old(s.section->taken) + n;
  @*/
static void record_core(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n)
{
    (void)c;        /* for the contract */
    /*@ assert apart: \separated(s.frame + (0 .. 511), c->phys + (0 .. c->phys_frames - 1), c, s.section); */
    /*@ assert spans: \separated(c->span + (0 .. c->spans - 1), s.frame + (0 .. 511), s.section); */
    /*@ assert hidden: \separated(c->hidden + (0 .. c->hiddens - 1), s.frame + (0 .. 511), s.section); */
    /*@ assert vms: \separated(c->vm + (0 .. c->vms - 1), s.frame + (0 .. 511), s.section); */
    taken_add(s, n);
    set_holder(s, offset, n, HOLDER_CORE);
    /*@ assert head: same_head{Pre,Here}(c) && same_levels{Pre,Here}; */
    /*@ assert arrays: arrays(c); */
    /*@ assert vm: same_tables{Pre,Here}(c); */
    /*@ assert entries: entries_go{Pre,Here}(c); */
    /*@ assert leaves: same_leaves{Pre,Here}(c); */
    /*@ assert records: records_outside{Pre,Here}(c, s.index * 512, s.index * 512 + 512); */
    /*@ assert others: beside_in{Pre,Here}(s.frame, offset, offset + n); */
    /*@ assert trees: trees(c); */
    /*@ assert blocks: blocks_fit(c); */
    /*@ assert leaf: leaves_fit(c); */
    /*@ assert sections: other_sections{Pre,Here}(c, s.index); */
    /*@ assert map: same_map{Pre,Here}(c); */
}

enum cordon_status memory_take_for_core(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n)
{
    struct owed owed;

    /*@ loop invariant 0 <= i <= n;
      @ loop invariant \forall integer k; offset <= k < offset + i ==> can_leave1(s.frame[k]) == CORDON_OK;
      @ loop assigns i;
      @ loop variant n - i;
      @*/
    for (uint64_t i = 0; i < n; i++) {
        enum cordon_status status = frame_can_leave_host(s.frame[offset + i]);

        if (status != CORDON_OK)
            return status;
    }
    record_core(c, s, offset, n);
    /*@ ghost own: ; */
    owed = host_unmap_run(c, s, offset, n, OWED_NOTHING);
    /*@ assert records: records_kept{own,Here}(s) && same_records{own,Here}(c) && same_words{own,Here}(c); */
    /*@ assert core: \forall integer i; offset <= i < offset + n ==> is_plain_record(s.frame[i], HOLDER_CORE); */
    /*@ assert head: same_head{own,Here}(c) && same_head{Pre,Here}(c); */
    /*@ assert places: same_map{Pre,Here}(c) && same_tables{Pre,Here}(c); */
    /*@ assert rows: vm_rows_kept{Pre,Here}(c); */
    /*@ assert others: beside_in{Pre,Here}(s.frame, offset, offset + n); */
    /*@ assert sections: other_sections{Pre,Here}(c, s.index); */
    /*@ assert outside: records_outside{Pre,Here}(c, s.index * 512, s.index * 512 + 512); */
    /*@ assert taken: s.section->taken > 0; */
    /*@ assert one: one_section{Pre,Here}(c, s.index); */
    /*@ assert spans: spans_fit(c); */
    /*@ assert summaries: summaries_hold(c); */
    s2_settle(c, &c->host, owed);
    return CORDON_OK;
}

/* The record of a frame of the core's becomes the host's, and who counts it. */
/*@ requires machine(c) && holds(c, s) && placed(c, s) && offset < 512 && is_last_core(s.frame, s.section, offset);
  @ assigns s.frame[offset], s.section->taken;
  @ exits \false;
  @ ensures machine: machine(c);
  @ ensures places: same_head{Pre,Here}(c) && same_map{Pre,Here}(c) && same_tables{Pre,Here}(c);
  @ ensures host: is_plain_record(s.frame[offset], 0);
  @ ensures others: records_outside{Pre,Here}(c, s.index * 512 + offset, s.index * 512 + offset + 1);
  @ ensures sections: other_sections{Pre,Here}(c, s.index) && s.section->taken == \old(s.section->taken) - 1;
  @*/
static void record_host(struct cordon *c, struct section_locked s, uint64_t offset)
{
    (void)c;        /* for the contract */
    /*@ assert arrays: arrays(c); */
    /*@ assert apart: \separated(s.frame + (0 .. 511), c->phys + (0 .. c->phys_frames - 1), c, s.section); */
    /*@ assert spans: \separated(c->span + (0 .. c->spans - 1), s.frame + (0 .. 511), s.section); */
    /*@ assert hidden: \separated(c->hidden + (0 .. c->hiddens - 1), s.frame + (0 .. 511), s.section); */
    /*@ assert vms: \separated(c->vm + (0 .. c->vms - 1), s.frame + (0 .. 511), s.section); */
    set_holder(s, offset, 1, HOLDER_HOST);
    taken_sub(s, 1);
    /*@ assert host: is_plain_record(s.frame[offset], 0); */
    /*@ assert head: same_head{Pre,Here}(c) && same_levels{Pre,Here}; */
    /*@ assert arrays: arrays(c); */
    /*@ assert beside: beside_in{Pre,Here}(s.frame, offset, offset + 1); */
    /*@ assert entries: entries_go{Pre,Here}(c); */
    /*@ assert leaves: same_leaves{Pre,Here}(c); */
    /*@ assert trees: trees(c); */
    /*@ assert blocks: blocks_fit(c); */
    /*@ assert leaf: leaves_fit(c); */
    /*@ assert sections: other_sections{Pre,Here}(c, s.index); */
    /*@ assert records: records_outside{Pre,Here}(c, s.index * 512, s.index * 512 + 512); */
    /*@ assert others: records_outside{Pre,Here}(c, s.index * 512 + offset, s.index * 512 + offset + 1); */
    /*@ assert map: same_map{Pre,Here}(c); */
    /*@ assert vm: same_tables{Pre,Here}(c); */
    /*@ assert spans: spans_fit(c); */
    /*@ assert pinned: s.section->pinned == \at(s.section->pinned, Pre); */
    /*@ assert free: free_in(s); */
    /*@ assert summary: summary(c, s.index); */
    /*@ assert one: one_cleared{Pre,Here}(c, s.index); */
    /*@ assert summaries: summaries_hold(c); */
}

void memory_return_from_core(struct cordon *c, uint64_t frame)
{
    uint64_t index = 0;
    bool known = region_section(c, frame / 512, &index);
    struct section_locked s;

    core_assert(c, known);
    if (!known)
        return;
    s = section_lock(c, index, frame / 512);
    /*@ assert head: same_head{Pre,Here}(c) && same_map{Pre,Here}(c) && same_tables{Pre,Here}(c); */
    /*@ assert words: same_words{Pre,Here}(c) && plain_kept{Pre,Here}(c) && same_records{Pre,Here}(c); */
    /*@ assert summaries: summaries_hold(c); */
    /*@ assert machine: machine(c); */
    /*@ assert core: is_last_core(s.frame, s.section, frame % 512); */
    arch_zero_frames(c, frame, 1);
    arch_clean_frames(c, frame, 1);
    /*@ ghost locked: ; */
    record_host(c, s, frame % 512);
    /*@ assert places: same_head{Pre,Here}(c) && same_map{Pre,Here}(c) && same_tables{Pre,Here}(c); */
    /*@ assert host: is_plain_record(c->frame[index * 512 + frame % 512], 0); */
    /*@ assert others: records_outside{Pre,Here}(c, index * 512 + frame % 512, index * 512 + frame % 512 + 1); */
    /*@ ghost done: ; */
    section_unlock(c, s);
    /*@ assert words: same_words{done,Here}(c) && plain_kept{done,Here}(c) && same_records{done,Here}(c); */
    /*@ assert head: same_head{done,Here}(c) && same_head{Pre,Here}(c); */
    /*@ assert places: same_map{Pre,Here}(c) && same_tables{Pre,Here}(c); */
    /*@ assert summaries: summaries_hold(c); */
    /*@ assert machine: machine(c); */
    /*@ assert host: is_plain_record(c->frame[index * 512 + frame % 512], 0); */
    /*@ assert others: records_outside{Pre,Here}(c, index * 512 + frame % 512, index * 512 + frame % 512 + 1); */
    /*@ assert only: \forall integer k; is_section{Pre}(c, frame / 512, k) ==> k == index; */
}
