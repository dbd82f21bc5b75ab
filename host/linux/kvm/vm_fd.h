/* SPDX-License-Identifier: GPL-2.0 */
/* VMs as files. */
#ifndef CORDON_KVM_VM_FD_H
#define CORDON_KVM_VM_FD_H

/* KVM_CREATE_VM: a VM, and its file descriptor. */
int vm_fd_create(unsigned long type);

#endif
