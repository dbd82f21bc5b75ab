/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The physical memory that a trace names: RAM regions and the core's ranges inside them, sorted by address.
 */
#ifndef CORDON_TOOL_LAYOUT_H
#define CORDON_TOOL_LAYOUT_H

#include "lines.h"
#include "cordon/cordon.h"

/* Bounds what a trace can make the tool allocate before its machine starts. */
#define LAYOUT_RANGES 4096
/* Physical addresses of a trace end here. */
#define LAYOUT_LIMIT (UINT64_C(1) << 40)

struct layout_ranges {
    struct cordon_mem *range;
    uint32_t count;
};

struct layout {
    struct layout_ranges ram;
    struct layout_ranges core;
};

/* Adds what a `ram` or `core` line names, or says in the line's reason why it cannot be. */
enum lines_status layout_add_ram(struct layout *y, struct lines *l, uint64_t base, uint64_t size);
enum lines_status layout_add_core(struct layout *y, struct lines *l, uint64_t base, uint64_t size);

void layout_free(struct layout *y);

#endif
