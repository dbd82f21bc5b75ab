/* SPDX-License-Identifier: GPL-2.0 */
/* Slots: which guest addresses are memory, and of which addresses of the process. */
#ifndef CORDON_KVM_SLOT_H
#define CORDON_KVM_SLOT_H

#include <linux/kvm.h>
#include <linux/types.h>

struct slot;
struct vm;

/* KVM_SET_USER_MEMORY_REGION. Takes vm->lock. */
int slot_set(struct vm *vm, const struct kvm_userspace_memory_region *region);
/* The slot that an address is in, or NULL. vm->lock is held. */
struct slot *slot_at(struct vm *vm, u64 gpa);
/* The slot with the lowest address that is not below one, or NULL. vm->lock is held. */
struct slot *slot_from(struct vm *vm, u64 gpa);

#endif
