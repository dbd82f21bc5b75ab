/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host's devices may reach: a table that the SMMU walks for every stream of the host's.
 *
 * It follows the frame records: it maps a frame, as itself, from when the host may have it until the host may not (I1, I5). A
 * transfer that meets a fault is lost and does not come back, so nothing here is on demand, and nothing a neighbour does may be
 * felt: leaves are pages of 4 KiB alone, and all tables are there from boot on. A change is one store, without an allocation, a
 * split or a break before make.
 *
 * The level-3 tables lie one behind the other, in the order of the sections' records: an entry is found without a walk. A
 * section's lock guards its table. A machine without an SMMU has no such table (c->dma.leaf is 0), and no device that could use it.
 */
#ifndef CORDON_DMA_H
#define CORDON_DMA_H

#include "base/lock.h"
#include "memory/stage2.h"

/*
 * Makes the tables, in cordon_sizes.dma_tables frames from `row` on which are all zero, and has them map what the records let the host
 * have. No SMMU walks them yet.
 */
void dma_build(struct cordon *c, const struct cordon_dma *config, uint64_t row);

/* dma_close() and dma_follow() where there is a table. */
/*@ requires arrays(c) && holds(c, s) && offset + n <= 512 && owes_well(o);
  @ assigns \nothing;
  @ exits \false;
  @ ensures owes_well(\result);
  @*/
struct owed MUST_USE dma_close_run(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n, struct owed o);
/*@ requires arrays(c) && holds(c, s) && offset + n <= 512;
  @ assigns \nothing;
  @ exits \false;
  @ ensures owes_well(\result);
  @*/
struct owed MUST_USE dma_follow_run(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n);

/*
 * Has the host's devices reach frames offset .. offset+n-1 of the section no more, whatever their records say. What is owed is added
 * to o and must be settled by dma_settle() before the frames are zeroed, or anybody else's.
 */
/*@ requires arrays(c) && holds(c, s) && offset + n <= 512 && owes_well(o);
  @ assigns \nothing;
  @ exits \false;
  @ ensures owes_well(\result);
  @*/
static HOT struct owed MUST_USE dma_close(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n, struct owed o)
{
    return c->dma.leaf == 0 ? o : dma_close_run(c, s, offset, n, o);
}

/*
 * Has the table say of these frames what their records say now: those that the host may have are reached, the others not. What is
 * owed for these must be settled by dma_settle() before the section is let go.
 */
/*@ requires arrays(c) && holds(c, s) && offset + n <= 512;
  @ assigns \nothing;
  @ exits \false;
  @ ensures owes_well(\result);
  @*/
static HOT struct owed MUST_USE dma_follow(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n)
{
    return c->dma.leaf == 0 ? OWED_NOTHING : dma_follow_run(c, s, offset, n);
}

/* Has the SMMUs forget the pages that are owed, and waits for it: a transfer under way is over, a later one is refused (I6). */
/*@ requires owes_well(o);
  @ assigns \nothing;
  @ exits \false;
  @*/
static HOT void dma_settle(struct cordon *c, struct owed o)
{
    if (o.end == 0)
        return;
    arch_dma_invalidate(c, o.first, o.end - o.first);
    arch_dma_sync(c);
}

#endif
