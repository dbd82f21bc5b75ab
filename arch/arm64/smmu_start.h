/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One SMMU from the first look at it to its end: it is asked what it is, gets memory, is started while no device may do
 * anything, and is stopped or given up (Arm IHI 0070, 3.11 for the order, chapter 6.3 for the registers).
 */
#ifndef CORDON_SMMU_START_H
#define CORDON_SMMU_START_H

#include "cordon/cordon.h"
#include "smmu_format.h"
#include "smmu_state.h"

/*
 * Asks the SMMU at s->base, for s->streams, what it is. Nothing of it is changed. Returns 0, or in one line why it cannot be
 * used and what to do.
 */
const char *smmu_identify(struct smmu *s);

/*
 * What tables all of n SMMUs can walk, one at least, that reach RAM up to `end`: of stage 2 if they can, else of stage 1.
 * Returns 0 and *dma, or in one line why there are none.
 */
const char *smmu_choose(const struct smmu *s, uint32_t n, uint64_t end, struct cordon_dma *dma);

/* Finds places for all that the SMMU reads and writes, from `at` on, all of it zero when it starts; returns its end. */
uint64_t smmu_place(struct smmu *s, uint64_t at);

/*
 * Starts it: from then on its streams have translation t, whose `context` is filled in here, and all others are aborted.
 * Returns 0, or in one line what went wrong.
 */
const char *smmu_start(struct smmu *s, struct smmu_translation t);

/*
 * Aborts all accesses from now on; those under way are over. False: the SMMU has not said so in time. For the end of the
 * machine.
 */
bool smmu_stop(struct smmu *s);

/*
 * The same by any means that there are, for an SMMU that does not obey: its queue may be in any state, and is begun anew. It is
 * never used again.
 */
bool smmu_cut(struct smmu *s);

#endif
