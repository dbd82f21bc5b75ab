/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes of a device tree say, where the root has two cells for addresses and two for sizes. Needs no machine. */
#ifndef CORDON_TREE_H
#define CORDON_TREE_H

#include "cordon/cordon.h"
#include "fdt.h"

static inline uint64_t page_down(uint64_t x) { return x & ~(CORDON_PAGE_SIZE - 1); }
static inline uint64_t page_up(uint64_t x) { return page_down(x + CORDON_PAGE_SIZE - 1); }

static inline uint64_t mem_end(struct cordon_mem m) { return m.base + m.size; }

static inline bool mem_overlap(struct cordon_mem a, struct cordon_mem b)
{
    return a.base < mem_end(b) && b.base < mem_end(a);
}

/* The range in two pairs of cells from cell `cell` on; false where it goes beyond what can be addressed. */
static inline bool tree_range(struct fdt_value v, uint32_t cell, struct cordon_mem *m)
{
    m->base = fdt_cells(v, cell, 2);
    m->size = fdt_cells(v, cell + 2, 2);
    return m->base < CORDON_ADDR_LIMIT && m->size <= CORDON_ADDR_LIMIT - m->base;
}

/* Entry i of a `reg` with two cells for addresses and two for sizes; false when there is none, or none to be used. */
static inline bool tree_reg(struct fdt_value reg, uint32_t i, struct cordon_mem *m)
{
    return reg.data != 0 && reg.size / 16 > i && tree_range(reg, i * 4, m);
}

/* A property of one cell. */
static inline uint32_t tree_number(const struct fdt *f, struct fdt_node node, const char *name, uint32_t without)
{
    struct fdt_value v = fdt_property(f, node, name);

    return v.size == 4 ? (uint32_t)fdt_cells(v, 0, 1) : without;
}

static inline bool tree_is(const struct fdt *f, struct fdt_node node, const char *compatible)
{
    return fdt_value_has(fdt_property(f, node, "compatible"), compatible);
}

/* A node that is there, and in use: whatever its status is, but for the two words that say so. */
static inline bool tree_is_okay(const struct fdt *f, struct fdt_node node)
{
    struct fdt_value v = fdt_property(f, node, "status");

    return v.data == 0 || fdt_value_has(v, "okay") || fdt_value_has(v, "ok");
}

#endif
