/* SPDX-License-Identifier: GPL-2.0 */
/* vCPUs as such: how they are made and freed, and brought out of the guest. */
#ifndef CORDON_KVM_VCPU_H
#define CORDON_KVM_VCPU_H

#include <linux/types.h>

struct vcpu;
struct vm;

/* A vCPU that is in no VM's list yet, and has no interrupts. NULL: there is no memory for it. */
struct vcpu *vcpu_new(struct vm *vm, u32 index);
void vcpu_free(struct vcpu *v);
/* As it was before it first ran; its interrupts are the GIC's matter. Its mutex is held. */
void vcpu_begin_anew(struct vcpu *v);
/* Its registers are Cordon's. */
bool vcpu_is_hidden(const struct vcpu *v);
/* Something has changed that the vCPU has to see: it leaves the guest, or wakes up. Any context. */
void vcpu_kick(struct vcpu *v);
/* The same for all of a VM. */
void vcpu_kick_all(struct vm *vm);

#endif
