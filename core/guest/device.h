/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices of VMs: functions of PCI that a host gives to one VM alone.
 *
 * LEAVING      the host has lost it: its stream aborts, its configuration space is nobody's; its windows leave the host's
 *              table, then it is reset
 * GIVEN        attached, and measured; its windows may be mapped for the VM, its stream still aborts
 * OPEN         the SMMU walks the VM's own table for it. What a VM's table loses, s2_settle() takes from the SMMU as well
 * RETURNING    its stream aborts; once no vCPU is in the guest any more its windows leave the VM's table, then it is reset,
 *              then it is the host's again
 *
 * Who guards what of a record in c->device: which VM has it, its name and which frames are windows are written with the VM's
 * lock and the host's, and may be read with either of the two; all else is the VM's, once it has the record. So nobody
 * changes a record but a call that holds its VM, two VMs that want one device meet at the host's lock, and a fault of the
 * host's sees whole windows.
 *
 * Tables of a VM that has a device do not go: the teardown refuses (BUSY) until it is detached, and a stream walks them no
 * more then. No step of the machine's is called with the host's lock held.
 *
 * The VM is held for all of these. Frames are any numbers. <cordon/abi.h> has the refusals.
 */
#ifndef CORDON_DEVICE_H
#define CORDON_DEVICE_H

#include "base/lock.h"
#include "cordon/cordon.h"

/* The VM is BUILT. *id: vendor + device id * 2^16. AGAIN, RANGE, BUSY, EXISTS, NO_MEMORY, DEVICE. */
enum cordon_status device_attach(struct cordon *c, struct vm_locked v, uint64_t frame, uint64_t *id);

/* The VM is BUILT. *done: pages that are mapped. AGAIN, BUSY, DEVICE, RANGE, UNALIGNED, MAPPED, NO_MEMORY. */
enum cordon_status device_map(struct cordon *c, struct vm_locked v, uint64_t frame, uint64_t window, uint64_t gpa,
                              uint64_t *done);

/* Whether one of the VM's devices is not attached yet, or one of its windows half mapped: the VM cannot start. */
bool device_half_given(struct cordon *c, struct vm_locked v);

/* The VM is RUNNING. DEVICE, NOT_MEMORY. */
enum cordon_status device_open(struct cordon *c, struct vm_locked v, uint64_t frame);

/* The VM is STOPPED. AGAIN, DEVICE. */
enum cordon_status device_detach(struct cordon *c, struct vm_locked v, uint64_t frame);

#endif
