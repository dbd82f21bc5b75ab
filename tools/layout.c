/* SPDX-License-Identifier: Apache-2.0 */
#include "layout.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static enum lines_status check_range(struct lines *l, const char *what, uint64_t base, uint64_t size)
{
    if (base % CORDON_PAGE_SIZE != 0 || size % CORDON_PAGE_SIZE != 0)
        return lines_bad(l, "%s 0x%" PRIx64 " 0x%" PRIx64 " is not page aligned: use multiples of 4096", what, base,
                         size);
    if (size == 0)
        return lines_bad(l, "%s at 0x%" PRIx64 " is empty: its size is 0", what, base);
    if (base >= LAYOUT_LIMIT || size > LAYOUT_LIMIT - base)
        return lines_bad(l, "%s 0x%" PRIx64 " 0x%" PRIx64 " ends beyond 0x%" PRIx64 ", the end of physical addresses",
                         what, base, size, LAYOUT_LIMIT);
    return LINES_OK;
}

/* The first range that ends above base: the only one that may hold it, and the place to insert it before. */
static uint32_t place(const struct layout_ranges *r, uint64_t base)
{
    uint32_t low = 0, high = r->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (r->range[middle].base + r->range[middle].size <= base)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum lines_status insert(struct layout_ranges *r, struct lines *l, const char *what, struct cordon_mem new)
{
    uint32_t at = place(r, new.base);

    if (at < r->count && r->range[at].base < new.base + new.size)
        return lines_bad(l, "overlapping %s: 0x%" PRIx64 " 0x%" PRIx64 " overlaps the earlier 0x%" PRIx64 " 0x%" PRIx64,
                         what, new.base, new.size, r->range[at].base, r->range[at].size);
    if (r->count == LAYOUT_RANGES)
        return lines_bad(l, "too many %s lines: the limit is %d", what, LAYOUT_RANGES);
    if (!r->range && !(r->range = calloc(LAYOUT_RANGES, sizeof *r->range)))
        return lines_bad(l, "out of memory");
    memmove(&r->range[at + 1], &r->range[at], (r->count - at) * sizeof *r->range);
    r->range[at] = new;
    r->count++;
    return LINES_OK;
}

enum lines_status layout_add_ram(struct layout *y, struct lines *l, uint64_t base, uint64_t size)
{
    enum lines_status status = check_range(l, "ram", base, size);

    return status == LINES_OK ? insert(&y->ram, l, "ram", (struct cordon_mem){ base, size }) : status;
}

enum lines_status layout_add_core(struct layout *y, struct lines *l, uint64_t base, uint64_t size)
{
    enum lines_status status = check_range(l, "core", base, size);
    uint32_t at = place(&y->ram, base);

    if (status != LINES_OK)
        return status;
    if (at == y->ram.count || base < y->ram.range[at].base ||
        size > y->ram.range[at].size - (base - y->ram.range[at].base))
        return lines_bad(l, "core outside ram: 0x%" PRIx64 " 0x%" PRIx64 " does not lie in one ram region named "
                         "before it", base, size);
    return insert(&y->core, l, "core", (struct cordon_mem){ base, size });
}

void layout_free(struct layout *y)
{
    free(y->ram.range);
    free(y->core.range);
    memset(y, 0, sizeof *y);
}
