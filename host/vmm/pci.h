/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration space that a guest sees of a function of PCI that is its own: the function's names and memory BARs, which do not move,
 * and virtio's capabilities; no other capability, and no I/O, ROM or MSI. Needs no machine.
 */
#ifndef VMM_PCI_H
#define VMM_PCI_H

#include <stdbool.h>
#include <stdint.h>

#define PCI_BARS 6u
#define PCI_CONFIG_SIZE 256u    /* what is behind it in the 4 KiB of a function reads as zero */

#define PCI_VENDOR_ID 0x00u
#define PCI_COMMAND 0x04u
#define PCI_STATUS 0x06u
#define PCI_HEADER_TYPE 0x0eu
#define PCI_BAR 0x10u
#define PCI_CAPABILITIES 0x34u
#define PCI_INTERRUPT_LINE 0x3cu
#define PCI_INTERRUPT_PIN 0x3du

/* A memory BAR as the guest has it. */
struct pci_bar {
    uint64_t address;
    uint64_t size;              /* a power of two; 0: none here, or the upper half of the one before */
    bool wide;                  /* 64 bits: it takes the next one as well */
    bool prefetchable;
};

struct pci {
    uint8_t config[PCI_CONFIG_SIZE];
    uint32_t mask[PCI_BARS];    /* of each BAR register, which bits hold an address */
    bool asked[PCI_BARS];       /* all ones were written to it last: it tells its size */
};

/* From the real function's configuration space, and what its BARs become. pin: whether it has an interrupt for the guest. */
void pci_make(struct pci *p, const uint8_t real[PCI_CONFIG_SIZE], const struct pci_bar bar[PCI_BARS], bool pin);
/* Accesses of 1, 2 or 4 bytes at an offset that is a multiple of that; others read as all ones, and write nothing. */
uint32_t pci_read(const struct pci *p, uint64_t offset, unsigned size);
void pci_write(struct pci *p, uint64_t offset, unsigned size, uint32_t value);

#endif
