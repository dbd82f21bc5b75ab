/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCI for the host, as the device tree has it: the bridges from the machine to a PCI bus, and the SMMUs that stand between
 * their devices and memory. The host gets all of them, or none where the tree has no SMMU; one that goes past the SMMUs
 * refuses to boot. Needs no machine.
 */
#ifndef CORDON_PLAN_PCI_H
#define CORDON_PLAN_PCI_H

#include "cordon/cordon.h"
#include "fdt.h"
#include "its_state.h"
#include "smmu_state.h"

#define MAX_BRIDGES 4
#define MAX_WINDOWS 6

struct bridge {
    struct cordon_mem window[1 + MAX_WINDOWS];  /* what the host reaches: first configuration space, 1 MiB a bus */
    uint32_t windows;
    uint32_t first_bus;
    uint32_t buses;
};

struct smmu_plan {
    uint64_t base;
    uint32_t phandle;
    struct smmu_streams streams[MAX_STREAM_RANGES];
    uint32_t ranges;                /* 0: no bridge's devices are behind it, and nobody has it */
};

struct pci_plan {
    struct smmu_plan smmu[MAX_SMMUS];
    uint32_t smmus;
    struct bridge bridge[MAX_BRIDGES];
    uint32_t bridges;
    uint32_t its;                   /* phandle of the ITS; 0: the host has none */
    struct its_range msi[MAX_ITS_RANGES];   /* the bridges' devices, as the ITS numbers them */
    uint32_t msis;
};

/*
 * Reads the tree; p is all zero but for p->its, which becomes 0 where no bridge's devices send their interrupts there. Does
 * not come back from one that cannot be run: it says why.
 */
void plan_pci_read(const struct fdt *f, struct pci_plan *p);

/* Whether a node is that of a bridge which the host gets. */
bool plan_pci_is_bridge(const struct fdt *f, struct fdt_node node, const struct pci_plan *p);

/* Leaves nothing in a bridge's node that names an SMMU, or another ITS than p->its. */
void plan_pci_edit(struct fdt *f, struct fdt_node node, const struct pci_plan *p);

#endif
