/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host's devices may reach: a table that the SMMU walks for every stream of the host's.
 *
 * It follows the frame records: it maps a frame, as itself, from when the host may have it until the host may not (I1,
 * I5). A transfer that meets a fault is lost and does not come back, so nothing here is on demand, and nothing that a
 * neighbour does may be felt: leaves are pages of 4 KiB alone, and all tables are there from boot on. A change is one
 * store, without an allocation, a split or a break before make.
 *
 * The level-3 tables lie one behind the other, in the order of the sections' records: an entry is found without a
 * walk. A section's lock guards its table. A machine without an SMMU has no such table (c->dma.leaf is 0), and no
 * device that could use it.
 */
#ifndef CORDON_DMA_H
#define CORDON_DMA_H

#include "base/lock.h"
#include "memory/frame.h"

/*
 * Makes the tables, in cordon_sizes.dma_tables frames from `row` on which are all zero, and has them map what the
 * records let the host have, and the door. No SMMU walks them yet.
 */
void dma_build(struct cordon *c, const struct cordon_dma *config, struct cordon_door door, uint64_t row);

/*
 * Has the table say of frames offset .. offset+n-1 of the section what their records say now, but of those of the
 * holder `but`, which are in no case reached. Where a page is taken out, the SMMUs have forgotten it and no transfer
 * to it is under way on return (I6).
 */
/*@ requires arrays(c) && holds(c, s) && offset + n <= 512;
  @ assigns \nothing;
  @ exits \false;
  @*/
COLD void dma_update(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n, uint32_t but);

/* The records of frames offset .. offset+n-1 have changed: devices follow. Before a frame is zeroed, or the section let go. */
/*@ requires arrays(c) && holds(c, s) && offset + n <= 512;
  @ assigns \nothing;
  @ exits \false;
  @*/
static HOT void dma_follow(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n)
{
    if (c->dma.leaf != 0)
        dma_update(c, s, offset, n, HOLDER_INVALID);
}

/* Those of the frames that are the VM's are about to be zeroed, and the host's: devices lose what it had granted. */
/*@ requires arrays(c) && holds(c, s) && offset + n <= 512;
  @ assigns \nothing;
  @ exits \false;
  @*/
static HOT void dma_withdraw(struct cordon *c, struct section_locked s, uint32_t vm, uint64_t offset, uint64_t n)
{
    if (c->dma.leaf != 0)
        dma_update(c, s, offset, n, vm);
}

#endif
