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

#include "base/lock.h"
#include "memory/stage2.h"

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

/*
 * Maps a device frame outside of every section, in the largest size that holds nothing else. PRIVATE: a VM's window.
 * NO_MEMORY.
 */
enum cordon_status host_map_device(struct cordon *c, uint64_t frame);

/* The same where the section was all the host's, which may map it by a block, or where all of it goes. */
struct owed MUST_USE host_unmap_first(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n, struct owed o);

/*
 * Has the host map frames offset .. offset+n-1 of the section no more; what is owed is added to o and must be settled
 * on c->host. A block that covers them is split, or dropped where all of it goes. s.taken counts the frames already.
 */
static HOT struct owed MUST_USE host_unmap_run(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n,
                                               struct owed o)
{
    if (s.section->leaf != 0 && n < 512)
        return s2_clear_run(c, s.section->leaf, offset, s.pfn + offset, n, o);
    if (s.section->leaf == 0 && s.section->taken > n)
        return o;               /* others were taken before: there is no block, and no table */
    return host_unmap_first(c, s, offset, n, o);
}

#endif
