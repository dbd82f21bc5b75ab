/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command queue of one SMMU (Arm IHI 0070, 3.5 and chapter 4). All waiting is bounded. False: the SMMU has made an error of a
 * command, has stopped, or has not come on in time; s->failure says which, and it must be given up (smmu_cut()).
 */
#ifndef CORDON_SMMU_QUEUE_H
#define CORDON_SMMU_QUEUE_H

#include "smmu_format.h"
#include "smmu_state.h"

#define MUST_USE __attribute__((warn_unused_result))

/* Polls before an SMMU counts as silent: of a register that takes no less than 50 ns, so that it has had 50 ms. */
#define SMMU_PATIENCE 1000000u

/* Gives the empty queue at s->commands to an SMMU whose CR0.CMDQEN is 0. */
void smmu_queue_set_up(struct smmu *s);

/* Queues one command. It may have begun before this returns, or wait for smmu_complete(). */
bool MUST_USE smmu_command(struct smmu *s, struct smmu_command command);

/*
 * Behind all earlier stores to the tables: pages frame .. frame+pages-1 of a VM's streams, whose table is of stage 2, or with
 * vmid 0 of the host's, are to be forgotten.
 */
bool MUST_USE smmu_forget(struct smmu *s, bool stage2, uint32_t vmid, uint64_t frame, uint64_t pages);

/* All that was queued is done, and so is each access that began with what is forgotten (CMD_SYNC). */
bool MUST_USE smmu_complete(struct smmu *s);

#endif
