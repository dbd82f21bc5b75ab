/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots: a VM is frozen and read out by the keeper, and another one is built from what the keeper writes. What the keeper
 * makes of it, and whether a snapshot is one that may go on, is not seen here; docs/DESIGN.md, "Snapshots".
 *
 * What of it is a VM's is with its vCPU 0 (struct snapshot, vcpu.h), guarded by the VM's lock.
 */
#ifndef CORDON_SNAPSHOT_H
#define CORDON_SNAPSHOT_H

#include "guest/vcpu.h"

/* Whether a VM that is held, and BUILT, is a restore: nobody but the keeper says what is in it. */
bool snapshot_is_restore(struct cordon *c, struct vm_locked v);

/* A VM that is RUNNING and held is FROZEN. keeper: its measurement, which freezes nobody. STATE, BUSY. */
enum cordon_status snapshot_freeze(struct cordon *c, struct vm_locked v, const uint64_t keeper[4]);

/* A VM that is BUILT, held, and no restore yet, is one. NO_VCPU, STATE. */
enum cordon_status snapshot_begin(struct cordon *c, struct vm_locked v);

/*
 * A call of the guest that serves as the keeper, done. True: the guest goes on. Takes locks of VMs one at a time, and under one
 * of them a section's. The longest moves a page: 512 words looked at and copied, and the lines of both pages cleaned.
 */
COLD bool snapshot_call(struct cordon *c, struct vcpu_claim u, const uint64_t keeper[4], uint32_t function);

#endif
