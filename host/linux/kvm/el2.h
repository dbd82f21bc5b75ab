/* SPDX-License-Identifier: GPL-2.0 */
/* Calls of Cordon that build a VM, give it memory and end it. vm->lock is held, but for the words, and where it says so. */
#ifndef CORDON_KVM_EL2_H
#define CORDON_KVM_EL2_H

#include <linux/types.h>

struct vm;

/* The errno for a refusal, and its word. */
int el2_errno(u64 status);
const char *el2_word(u64 status);
int el2_create(struct vm *vm);
int el2_memory(struct vm *vm, u64 base, u64 size);
int el2_vcpu(struct vm *vm, u32 index);
/* vm->personal; vCPU 0 is made. */
int el2_personalise(struct vm *vm);
int el2_start(struct vm *vm, u64 pc, u64 x0);
/* Hands frames over: function is CORDON_CALL_VM_LOAD or _MAP. *done: how many are the VM's now, if not all. */
int el2_give(struct vm *vm, u32 function, u64 gfn, u64 frame, u64 n, u64 *done);
/* 512 pages become a block, if Cordon will have it so. No harm is done if not. */
void el2_block(struct vm *vm, u64 gfn, u64 frame);
/*
 * A device, by the frame of its configuration space: -ENODEV, it is none that can be given. *taken: Cordon has it, or has begun to take
 * it. A BAR gets its guest address; open: it reaches the VM's memory. All may sleep.
 */
int el2_device_attach(struct vm *vm, u64 device, bool *taken);
int el2_device_map(struct vm *vm, u64 device, u32 bar, u64 gpa);
int el2_device_open(struct vm *vm, u64 device);
/* Of a VM that is stopped. No lock is needed: nobody else has the VM. */
int el2_device_detach(struct vm *vm, u64 device);
/* Whether a frame is the host's. */
bool el2_is_hosts(u64 frame);
/* CORDON_PHASE_. No lock is needed. */
u32 el2_phase(struct vm *vm);
/* Frames of all VMs that are for tables and registers: none, when there is no VM. No lock is needed. */
u64 el2_frames_out(void);
/* No vCPU enters the guest again. No lock is needed. */
void el2_stop(struct vm *vm);
/* Of a VM that is stopped and has no devices. False: Cordon has not given everything back, so that nothing may be freed. No lock is needed: nobody else has the VM. */
bool el2_destroy(struct vm *vm);

#endif
