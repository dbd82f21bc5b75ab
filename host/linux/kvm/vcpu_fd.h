/* SPDX-License-Identifier: GPL-2.0 */
/* vCPUs as files. */
#ifndef CORDON_KVM_VCPU_FD_H
#define CORDON_KVM_VCPU_FD_H

struct vm;

/* KVM_CREATE_VCPU: a vCPU, and its file descriptor. Takes vm->lock. */
int vcpu_fd_create(struct vm *vm, unsigned long id);

#endif
