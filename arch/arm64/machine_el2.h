/* SPDX-License-Identifier: Apache-2.0 */
/* The machine as the device tree describes it, made ready for the core, and the tree as the host gets it. */
#ifndef CORDON_MACHINE_EL2_H
#define CORDON_MACHINE_EL2_H

#include "cordon/cordon.h"
#include "fdt.h"
#include "machine.h"

#define MAX_RAMS 16
#define MAX_DEVICES 32
#define MAX_HIDDEN (MAX_RAMS + MAX_DEVICES + 1)

/* One of the GIC's redistributors has this much: a frame for itself, and one for SGIs and PPIs. */
#define GICR_SIZE UINT64_C(0x20000)

struct board {
    struct cordon_mem ram[MAX_RAMS];
    uint32_t rams;
    struct cordon_mem core[2];          /* the image, and all that is sized by the machine */
    struct cordon_mem device[MAX_DEVICES];  /* what the host may have */
    uint32_t devices;
    struct cordon_mem hidden[MAX_HIDDEN];
    uint32_t hiddens;
    struct cordon_mem taken[3];         /* memory that holds something already: the tree, the host's kernel, its initrd */
    uint32_t takens;
    uint64_t redistributors;            /* base of the first, cpu_count of them in a row */
};

extern struct board board;
extern struct cordon machine;

/* Reads the tree. Does not come back from one that cannot be run: it says why. */
void board_read(struct fdt *f);

/* Memory that must stay as it is until the host has it: at most three ranges, which must not overlap. */
void board_take(uint64_t base, uint64_t size);

/* Finds memory for the core, and starts it: cordon_init(). */
void board_start_core(void);

/* Leaves in the tree what is the host's. */
void board_edit(struct fdt *f);

/* VTCR_EL2 and VTTBR_EL2 of the host. */
uint64_t board_vtcr(void);
uint64_t board_vttbr(void);

#endif
