/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SMMU as the host's devices meet it, written from the Arm manuals (IHI 0070, 3.3 and 3.17; DDI 0487, D8) and from nothing in
 * core/.
 *
 * Its walks begin where the core's table begins, with addresses of the configuration's width. A stage-2 descriptor and one of
 * stage 1 are told apart by nothing that matters here: what is valid, what is a table, and which address it has.
 *
 * Its TLB has room for all there is and forgets nothing, until it is told and the CMD_SYNC behind that is complete.
 */
#ifndef SIM_SMMU_H
#define SIM_SMMU_H

#include "state.h"
#include "walker.h"

bool smmu_create(struct sim *s);
void smmu_destroy(struct sim *s);

/* What the table gives for a page of a device's addresses now. Not mapped: it faults. */
struct walk smmu_walk(const struct sim *s, uint64_t page);
/* What the TLB gives for the page of a frame of RAM. */
bool smmu_has(const struct sim *s, uint64_t page, uint64_t *pfn);
void smmu_forget(struct sim *s, uint64_t page);
/* An access by a device of the host's (f NULL), or by a function. */
enum sim_outcome smmu_transfer(struct sim *s, struct function *f, uint64_t addr, uint64_t *value, bool write);

#endif
