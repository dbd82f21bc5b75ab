/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration space of a PCI bus, by its ECAM (PCI Express 7.2.2). test/boot/pci_test.c has another of these. */
#ifndef CORDON_PCI_ACCESS_H
#define CORDON_PCI_ACCESS_H

#include <stdint.h>

#include "phys.h"

/*
 * ecam: physical, of the configuration space of bus 0. function: bus, device and function, as a requester ID. offset: of 4
 * bytes.
 */
static inline uint32_t pci_read(uint64_t ecam, uint32_t function, uint32_t offset)
{
    return *(volatile uint32_t *)phys(ecam + ((uint64_t)function << 12) + offset);
}

static inline void pci_write(uint64_t ecam, uint32_t function, uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)phys(ecam + ((uint64_t)function << 12) + offset) = value;
}

/* The same for a part of them: 1, 2 or 4 bytes at an offset that is a multiple of that. No other byte is written. */
static inline uint32_t pci_read_part(uint64_t ecam, uint32_t function, uint32_t offset, uint32_t bytes)
{
    const volatile void *at = phys(ecam + ((uint64_t)function << 12) + offset);

    if (bytes == 1)
        return *(const volatile uint8_t *)at;
    return bytes == 2 ? *(const volatile uint16_t *)at : *(const volatile uint32_t *)at;
}

static inline void pci_write_part(uint64_t ecam, uint32_t function, uint32_t offset, uint32_t bytes, uint32_t value)
{
    volatile void *at = phys(ecam + ((uint64_t)function << 12) + offset);

    if (bytes == 1)
        *(volatile uint8_t *)at = (uint8_t)value;
    else if (bytes == 2)
        *(volatile uint16_t *)at = (uint16_t)value;
    else
        *(volatile uint32_t *)at = value;
}

#endif
