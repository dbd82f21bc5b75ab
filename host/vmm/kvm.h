/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual machine at KVM, before it runs, and its interrupt lines. */
#ifndef VMM_KVM_H
#define VMM_KVM_H

#include <stdbool.h>

struct vm;

/* Opens /dev/kvm and makes the virtual machine, its interrupt controller and vCPUs. Leaves on failure. */
void kvm_create(struct vm *vm);
/* Gives it its memory and sets the first vCPU's registers. Leaves on failure. */
void kvm_prepare(struct vm *vm);
/* Sets the level of a shared peripheral interrupt. */
void kvm_interrupt(const struct vm *vm, unsigned spi, bool level);

#endif
