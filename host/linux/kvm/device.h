/* SPDX-License-Identifier: GPL-2.0 */
/* A VM's devices: functions of PCI that are its alone, from before its start to its end. vm->lock is held where nothing is said. */
#ifndef CORDON_KVM_DEVICE_H
#define CORDON_KVM_DEVICE_H

#include <linux/types.h>

struct cordon_kvm_device;
struct vm;

/* CORDON_KVM_DEVICE_GIVE. Takes vm->lock. */
int device_give(struct vm *vm, const struct cordon_kvm_device *args);
/* The VM is built: Cordon takes the functions from the host, and maps their BARs. */
int device_attach_all(struct vm *vm);
/* It is about to run, and has all of its memory: the devices may reach that, and their interrupts come. */
int device_open_all(struct vm *vm);
/* The VM is stopped: all come back. False: one has not, and the VM cannot be destroyed. Nobody else has the VM: no lock is needed. */
bool device_end_all(struct vm *vm);

#endif
