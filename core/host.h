/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's stage 2: a cache of the frame records, filled by faults with the largest block that is all the host's.
 *
 * Levels 0 and 1 are guarded by the host's lock, a section's level-2 entry and level-3 table by the section's. A
 * level-0 or level-1 entry that is a table stays one for good: who sees a table there needs no lock to go on below it,
 * and who sees anything else takes the host's lock and looks again.
 * A section remembers its level-3 table, so that a page in it is found without a walk.
 *
 * Before a frame is taken from the host its section's `taken` is raised, so that a 1 GiB block that is made meanwhile
 * is made before (and split here) or not at all.
 */
#ifndef CORDON_HOST_H
#define CORDON_HOST_H

#include "lock.h"
#include "stage2.h"

/* The cases of host_map() that need more than one entry: a block, a table, a join; and nothing to do. */
enum cordon_status host_map_slow(struct cordon *c, struct section_locked s, uint64_t frame, enum s2_type type);

/*
 * Maps a frame of the section for the host in the largest size that the records allow; its own record does. Type: normal
 * for RAM, device for a frame that is no RAM. NO_MEMORY: the host's pool has no table left.
 */
static HOT enum cordon_status host_map(struct cordon *c, struct section_locked s, uint64_t frame, enum s2_type type)
{
    struct s2_pos p = { .row = s.section->leaf, .index = frame % 512, .entry = 0, .level = 3 };

    if (p.row == 0 || s.section->taken == 0 || arch_pte_read(c, p.row, p.index) != 0)
        return host_map_slow(c, s, frame, type);
    s2_make(c, p, desc_leaf(frame, 3, type));
    return CORDON_OK;
}

/* Maps a device frame outside of every section, in the largest size that holds nothing else. */
enum cordon_status host_map_device(struct cordon *c, uint64_t frame);

/*@ predicate records_kept{A,B}(struct section_locked s) =
  @   \forall integer i; 0 <= i < 512 ==> \at(s.frame[i].holder, B) == \at(s.frame[i].holder, A) &&
  @     \at(s.frame[i].gfn_lo, B) == \at(s.frame[i].gfn_lo, A) && \at(s.frame[i].gfn_hi, B) == \at(s.frame[i].gfn_hi, A) &&
  @     \at(s.frame[i].count, B) == \at(s.frame[i].count, A);
  @*/

/* The same where the section was all the host's, which may map it by a block, or where all of it goes. */
/*@ requires tables(c) && holds(c, s) && offset + n <= 512 && n >= 1 && owes_well(o);
  @ assigns s.section->leaf, c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   c->phys[0 .. c->phys_frames - 1], row_level[0 .. 68719476735];
  @ exits \false;
  @ ensures tables: tables(c);
  @ ensures vms: vm_rows_kept{Pre,Here}(c);
  @ ensures head: same_head{Pre,Here}(c);
  @ ensures beside: beside_kept{Pre,Here}(c) && same_words{Pre,Here}(c) && records_kept{Pre,Here}(s);
  @ ensures gone: s.section->leaf != 0 ==> \forall integer i; offset <= i < offset + n ==>
  @   c->phys[s.section->leaf].e[i] == 0;
  @ ensures well: owes_well(\result);
  @*/
struct owed MUST_USE host_unmap_first(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n, struct owed o);

/*
 * Has the host map frames offset .. offset+n-1 of the section no more; what is owed is added to o and must be settled
 * on c->host. A block that covers them is split, or dropped where all of it goes. s.taken counts the frames already.
 */
/*@ requires tables(c) && holds(c, s) && offset + n <= 512 && n >= 1 && owes_well(o);
  @ assigns s.section->leaf, c->host_lock, c->host_pool.fresh, c->host_pool.fresh_n, c->host_pool.head, c->host_pool.free,
  @   c->phys[0 .. c->phys_frames - 1], row_level[0 .. 68719476735];
  @ exits \false;
  @ ensures tables: tables(c);
  @ ensures vms: vm_rows_kept{Pre,Here}(c);
  @ ensures head: same_head{Pre,Here}(c);
  @ ensures beside: beside_kept{Pre,Here}(c) && same_words{Pre,Here}(c) && records_kept{Pre,Here}(s);
  @ ensures gone: s.section->leaf != 0 ==> \forall integer i; offset <= i < offset + n ==>
  @   c->phys[s.section->leaf].e[i] == 0;
  @ ensures well: owes_well(\result);
  @*/
static HOT struct owed MUST_USE host_unmap_run(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n,
                                               struct owed o)
{
    /*@ assert apart: \separated(s.section, c->phys + (0 .. c->phys_frames - 1)); */
    if (s.section->leaf != 0 && n < 512)
        return s2_clear_run(c, s.section->leaf, offset, s.pfn + offset, n, o);
    if (s.section->leaf == 0 && s.section->taken > n)
        return o;               /* others were taken before: there is no block, and no table */
    return host_unmap_first(c, s, offset, n, o);
}

#endif
