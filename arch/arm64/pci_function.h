/* SPDX-License-Identifier: Apache-2.0 */
/* One function of PCI by its configuration space: what it has, and which addresses it answers to. Needs no machine. */
#ifndef CORDON_PCI_FUNCTION_H
#define CORDON_PCI_FUNCTION_H

#include <stdbool.h>
#include <stdint.h>

#define PCI_BARS 6u
#define PCI_ROM_BAR PCI_BARS        /* the ROM's is one more */
#define PCI_CLAIMS (PCI_BARS + 1)   /* a bridge has 2 BARs, a ROM and 2 windows */

/* Addresses as they are on the bus, base .. base+size-1; size 0: none. */
struct pci_range {
    uint64_t base;
    uint64_t size;
};

/* What stays as it is of a function: how many bytes each of its BARs takes, 0 where it is none of memory. */
struct pci_function {
    uint64_t size[PCI_BARS + 1];
    uint32_t number;                /* as a requester ID */
    uint16_t acs;                   /* of a bridge, where its Access Control Services are; 0: it has none */
    uint8_t wide;                   /* bit i: BAR i goes on in the next */
    bool bridge;
};

/* The first 64 bytes of its configuration space. */
struct pci_header {
    uint32_t word[16];
};

/* Of a capability's type, where it does not matter. */
#define PCI_ANY_TYPE 0x100u

/*
 * The first capability of a number, and of a type in its fourth byte; 0: it has none. The second is for those extended ones that
 * only PCI Express has, from 0x100 on.
 */
uint32_t pci_capability(uint64_t ecam, uint32_t function, uint32_t id, uint32_t type);
uint32_t pci_extended_capability(uint64_t ecam, uint32_t function, uint32_t id);

/* Whether buses lie behind it. */
bool pci_is_bridge(uint64_t ecam, uint32_t function);

/*
 * Whether a bridge sends all requests from behind it up to the SMMU, none across to another function, and checks who they are
 * from. pci_send_up() has it do so: all that it can, and a root port that can send across can be told not to.
 */
bool pci_sends_up(uint64_t ecam, const struct pci_function *bridge);
void pci_send_up(uint64_t ecam, const struct pci_function *bridge);

/*
 * Finds the size of each of a function's BARs, and a bridge's ACS. It decodes neither memory nor I/O meanwhile, which the caller
 * has seen to.
 */
void pci_measure(uint64_t ecam, uint32_t number, struct pci_function *f);

void pci_header_read(uint64_t ecam, uint32_t function, struct pci_header *h);

/* Has the header say what it will after a write of 1, 2 or 4 bytes, if all of its bits can be written. */
void pci_header_change(struct pci_header *h, uint32_t offset, uint32_t bytes, uint32_t value);

/* Where BAR i of f, or its ROM, lies. Size 0: it has none. */
struct pci_range pci_bar(const struct pci_header *h, const struct pci_function *f, uint32_t i);

/* All that a function with that header answers to; returns how many. windows: those of a bridge too, which come last. */
uint32_t pci_claims(const struct pci_header *h, const struct pci_function *f, bool windows, struct pci_range claim[PCI_CLAIMS]);

/* Window i, 0 or 1, through which a bridge lets accesses of memory; size 0: it is closed. */
struct pci_range pci_bridge_window(const struct pci_header *h, uint32_t i);

static inline bool pci_overlap(struct pci_range a, struct pci_range b)
{
    return a.size > 0 && b.size > 0 && a.base <= b.base + (b.size - 1) && b.base <= a.base + (a.size - 1);
}

/* Whether all of a lies in b. */
static inline bool pci_inside(struct pci_range a, struct pci_range b)
{
    return a.size > 0 && a.base >= b.base && a.size <= b.size && a.base - b.base <= b.size - a.size;
}

/* The pages on which a range lies. Empty ones stay so. */
struct pci_range pci_pages(struct pci_range r);

#endif
