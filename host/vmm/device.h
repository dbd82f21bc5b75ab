/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of PCI that are the guest's own: the host's side of them is a driver's (include/cordon/kvm.h), the guest's is here. */
#ifndef VMM_DEVICE_H
#define VMM_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

struct vm;

/* Looks at the functions of the options, and places them. Leaves when one cannot be had, with what to do. */
void device_open(struct vm *vm);
/* Gives them to the virtual machine, which has not run yet. Leaves on failure. */
void device_give(const struct vm *vm);
/* Whether a function has an interrupt for the guest: its SPI is then DEVICE_SPI + index. */
bool device_has_interrupt(unsigned index);
/* Accesses to configuration space, by the offset in it. */
uint32_t device_read(uint64_t offset, unsigned size);
void device_write(uint64_t offset, unsigned size, uint32_t value);

#endif
