/* SPDX-License-Identifier: Apache-2.0 */
/* In place of arch/arm64/pci_access.h: configuration space is that of pci_given_test.c. */
#ifndef CORDON_PCI_ACCESS_H
#define CORDON_PCI_ACCESS_H

#include <stdint.h>

uint32_t pci_read(uint64_t ecam, uint32_t function, uint32_t offset);
void pci_write(uint64_t ecam, uint32_t function, uint32_t offset, uint32_t value);

#endif
