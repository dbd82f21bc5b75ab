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

/* Maps `frame` for the host in the largest size that its records allow. The record allows it, and s.taken is right. */
enum cordon_status host_map_ram(struct cordon *c, struct section_locked s, uint64_t frame);

/* Maps a frame in RAM's sections that is no RAM, as a device page. */
enum cordon_status host_map_hole(struct cordon *c, struct section_locked s, uint64_t frame);

/* Maps a device frame outside of every section, in the largest size that holds nothing else. */
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
