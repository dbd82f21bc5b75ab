/* SPDX-License-Identifier: GPL-2.0 */
/* The GICv3 as a KVM device. */
#ifndef CORDON_KVM_GIC_FD_H
#define CORDON_KVM_GIC_FD_H

#include <linux/kvm.h>

struct vm;

/* KVM_CREATE_DEVICE: its file descriptor goes to device->fd. Takes vm->lock. */
int gic_fd_create(struct vm *vm, struct kvm_create_device *device);

#endif
