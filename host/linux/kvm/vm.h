/* SPDX-License-Identifier: GPL-2.0 */
/* VMs as such: how they come to be, start, end and go. */
#ifndef CORDON_KVM_VM_H
#define CORDON_KVM_VM_H

#include <linux/kref.h>
#include <linux/types.h>

#include "machine.h"

/* The current process's, for its one reference. NULL: there is no memory for it. */
struct vm *vm_new(u32 ipa_bits);
/* A reference more, for a file, and one less: with the last one the VM is destroyed. */
static inline void vm_get(struct vm *vm)
{
	kref_get(&vm->ref);
}
void vm_put(struct vm *vm);
/* Calls show() for each VM that there is. */
void vm_each(void (*show)(struct vm *vm, void *data), void *data);
/* Makes the VM at Cordon, or waits until it is made: vCPU 0 does it. Takes vm->lock. */
int vm_start(struct vcpu *v);
/*
 * The guest is thrown away, and the VM is as before its start: its memory is zero, and the next KVM_RUN of vCPU 0 makes another one of
 * what is there then. self->mutex is held. -EBUSY: another vCPU is in use, or the VM has devices. -EIO: Cordon does not give it back.
 */
int vm_reset(struct vcpu *self);
/* The guest has ended, or cannot go on: every vCPU is to notice. */
void vm_end(struct vm *vm);

#endif
