/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a VM is beside its memory, as words: record 0 is the VM's own, record 1 + i that of vCPU i. <cordon/abi.h> has the order
 * of the first; the second has general registers, PC, PSTATE, and what else of struct vcpu a guest can tell. What is EL2's own is
 * in neither: no handle, no claim, no frame. Nor are list registers: the host gives them for each run.
 *
 * The VM is held for each. It has all its vCPUs, and none of them is in the guest.
 */
#ifndef CORDON_RECORD_H
#define CORDON_RECORD_H

#include "guest/vcpu.h"

/* Words of a record. */
uint64_t record_size(uint64_t record);

/* A word of one, at < record_size(record); record <= vcpus. */
uint64_t record_word(struct cordon *c, struct vm_locked v, uint64_t record, uint64_t at);

/* Whether the VM can have this word there: one that a guest could have come by, and of what the host has declared just that. */
bool record_fits(struct cordon *c, struct vm_locked v, uint64_t record, uint64_t at, uint64_t value);

/* It has it. What the host has declared stays as it is. */
void record_put(struct cordon *c, struct vm_locked v, uint64_t record, uint64_t at, uint64_t value);

#endif
