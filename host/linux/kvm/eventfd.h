/* SPDX-License-Identifier: GPL-2.0 */
/* Event descriptors in place of ioctls. */
#ifndef CORDON_KVM_EVENTFD_H
#define CORDON_KVM_EVENTFD_H

#include <linux/kvm.h>
#include <linux/types.h>

struct vm;

/* When the module comes and goes. */
int eventfd_init(void);
void eventfd_exit(void);
/* KVM_IRQFD and KVM_IOEVENTFD. The first takes vm->lock. */
int eventfd_irqfd(struct vm *vm, const struct kvm_irqfd *args);
int eventfd_ioeventfd(struct vm *vm, const struct kvm_ioeventfd *args);
/* A write of the guest to a device. True: it was for an event descriptor, which has been told. */
bool eventfd_takes(struct vm *vm, u64 gpa, u64 bytes, u64 value);
/* After a run: who raised an interrupt that the guest has ended hears of it. */
void eventfd_resample(struct vm *vm);
/* No event comes in afterwards. */
void eventfd_free(struct vm *vm);

#endif
