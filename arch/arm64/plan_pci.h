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

/* Requester IDs first .. first+count-1 are streams from `stream` on of the SMMU at `smmu`. */
struct pci_route {
    uint64_t smmu;
    uint32_t first;
    uint32_t count;
    uint32_t stream;
};

struct bridge {
    struct cordon_mem window[1 + MAX_WINDOWS];  /* first configuration space, 1 MiB a bus; all others the host reaches */
    uint64_t address[1 + MAX_WINDOWS];          /* where the bus has what is at the window's base */
    bool memory[1 + MAX_WINDOWS];
    uint32_t windows;
    struct pci_route route[MAX_STREAM_RANGES];
    uint32_t routes;
    bool shared;                    /* several requester IDs may be one stream (iommu-map-mask) */
    uint32_t first_bus;
    uint32_t buses;
};

/* Where bus 0 would have its configuration space. */
static inline uint64_t bridge_ecam(const struct bridge *b)
{
    return b->window[0].base - ((uint64_t)b->first_bus << 20);
}

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
    uint32_t msis_to;               /* phandle of the ITS, or the GICv2m frame; 0: the host has none */
    struct its_range msi[MAX_ITS_RANGES];   /* the bridges' devices, as the ITS numbers them */
    uint32_t msis;
};

/*
 * Reads the tree; p is all zero but for p->msis_to, which becomes 0 where no bridge's devices send their interrupts there. Does
 * not come back from one that cannot be run: it says why.
 */
void plan_pci_read(const struct fdt *f, struct pci_plan *p);

/*
 * Which stream of which SMMU a requester ID of a bridge's is: its registers' address. False: it may be another requester ID's as
 * well, or is none.
 */
bool plan_pci_stream(const struct pci_plan *p, const struct bridge *b, uint32_t id, uint64_t *smmu, uint32_t *stream);

/* Whether a node is that of a bridge which the host gets. */
bool plan_pci_is_bridge(const struct fdt *f, struct fdt_node node, const struct pci_plan *p);

/* Leaves nothing in a bridge's node that names an SMMU, or anything for MSIs but p->msis_to. */
void plan_pci_edit(struct fdt *f, struct fdt_node node, const struct pci_plan *p);

#endif
