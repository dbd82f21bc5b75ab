/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the device tree says of the machine, where Cordon's memory lies in it, and the tree as the host gets it. No part of
 * the machine is needed: test/boot/plan_test.c runs it on trees of machines that nobody has.
 */
#ifndef CORDON_PLAN_H
#define CORDON_PLAN_H

#include "cordon/cordon.h"
#include "fdt.h"
#include "layout.h"
#include "plan_pci.h"
#include "tree.h"

#define MAX_RAMS 32
#define MAX_RESERVED 32
#define MAX_GICRS 8
#define MAX_DEVICES (MAX_CPUS + 64)
#define MAX_HIDDEN (MAX_RAMS + MAX_DEVICES + 1)
#define MAX_SPARE 3

/* Frames of a redistributor, 64 KiB each: itself, SGIs and PPIs, and with a GICv4 two for virtual LPIs. */
#define GICR_FRAME UINT64_C(0x10000)
#define GICR_V3_SIZE (2 * GICR_FRAME)
#define GICR_V4_SIZE (4 * GICR_FRAME)

/* A region of redistributors, `count` of them one behind the other. */
struct gicr {
    uint64_t base;
    uint64_t size;
    uint32_t count;         /* known once the machine has been asked */
};

struct board {
    struct cordon_mem ram[MAX_RAMS];    /* without what must not be mapped: /reserved-memory with no-map */
    uint32_t rams;
    struct cordon_mem core[2];          /* the image, and all that is sized by the machine */
    struct cordon_mem device[MAX_DEVICES];  /* what the host may have: devices, and memory that is not to be mapped by itself */
    uint32_t devices;
    struct cordon_mem hidden[MAX_HIDDEN];
    uint32_t hiddens;
    struct cordon_mem taken[3];         /* memory that holds something already: the tree, the host's kernel, its initrd */
    uint32_t takens;
    struct cordon_mem reserved[MAX_RESERVED];   /* in RAM, the host's, with a use that the tree names: not Cordon's to use */
    uint32_t reserveds;
    struct gicr gicr[MAX_GICRS];
    uint32_t gicrs;
    uint64_t gicr_stride;               /* from one redistributor to the next; 0: the tree does not say */
    uint64_t gicd;                      /* the distributor */
    uint64_t its;                       /* of the ITS that the host may have, the registers: pci.msis_to says whether it has */
    uint64_t frame;                     /* in place of an ITS, the GICv2m frame that the host has; 0: none */
    struct pci_plan pci;                /* empty where no SMMU stands behind it */
    uint64_t lost;                      /* bytes that are the host's, and for whose description the tree had no room */
};

extern struct board board;

/* Reads the tree. Does not come back from one that cannot be run: it says why. */
void plan_read(const struct fdt *f);

/* The CPU behind *node, the first when node->end is 0, that is not out of use; false: no more. */
bool plan_next_cpu(const struct fdt *f, struct fdt_node *node, uint64_t *mpidr);

/* The machine has a redistributor there: the host gets its second frame and most of its first. */
void plan_redistributor(uint64_t base);

/* The image at base .. end-1 is Cordon's, and what little of its range of RAM lies below it. */
void plan_image(uint64_t base, uint64_t end);

/* Everything that is neither RAM nor a device of the host's is hidden. After all devices are known. */
void plan_hide_the_rest(void);

/*
 * Number i of the ranges of RAM that hold something: what is taken, what the tree reserves, Cordon's own, of which the second
 * is empty until it has been found. False: no more.
 */
bool plan_used(uint32_t i, struct cordon_mem *m);

/* A place for `size` bytes, a multiple of 2 MiB, in RAM that nothing uses: as high as there is one. */
uint64_t plan_allocate(uint64_t size);

/* Leaves in the tree what is the host's. */
void plan_edit(struct fdt *f);

/* Memory that must stay as it is until the host has it: at most three ranges, which must not overlap. */
void board_take(uint64_t base, uint64_t size);

#endif
