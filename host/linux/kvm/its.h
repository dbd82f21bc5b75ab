/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An ITS for VMMs that want one: it has an address, and it can be initialised. A guest that looks finds none there (its registers read
 * as zero) and goes on with wires: its tables and its queue of commands are in the guest's private memory, where this driver cannot read
 * them. vm->lock is held.
 */
#ifndef CORDON_KVM_ITS_H
#define CORDON_KVM_ITS_H

#include <linux/kvm.h>
#include <linux/types.h>

struct vm;

int its_create(struct vm *vm);
/* Its descriptor is closed: what was never initialised goes away with it. */
void its_abandon(struct vm *vm);
int its_set_address(struct vm *vm, u64 base);
int its_make_ready(struct vm *vm);
/* KVM_SIGNAL_MSI: 0, the guest has not asked for it; -EINVAL: there is no ITS at the address. No lock is needed. */
int its_signal(struct vm *vm, const struct kvm_msi *msi);

#endif
