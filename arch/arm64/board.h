/* SPDX-License-Identifier: Apache-2.0 */
/* The machine as the device tree describes it, made ready for the core; and what the GIC says of itself. */
#ifndef CORDON_BOARD_H
#define CORDON_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "fdt.h"
#include "its_registers.h"

/* Reads the tree, and asks the GIC. Does not come back from a machine that cannot be run: it says why. */
void board_read(const struct fdt *f);

/* Finds memory for the core and the CPUs, and starts the core: cordon_init(). */
void board_start_core(void);

/* Gives the CPUs of the tree their slots, and each its redistributor. Before the tree is edited. */
void board_add_cpus(const struct fdt *f);

/*
 * Puts the host's devices behind its SMMUs, where it has any: from then on they reach what the host may. After
 * board_start_core().
 */
void board_confine_devices(void);

/* Whether an address lies in the first page of a redistributor. What is predicted of the answer finds no other one there. */
bool board_redistributor(uint64_t *address);

/* VTCR_EL2 and VTTBR_EL2 of the host. */
uint64_t board_vtcr(void);
uint64_t board_vttbr(void);

#endif
