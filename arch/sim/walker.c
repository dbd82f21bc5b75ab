/* SPDX-License-Identifier: Apache-2.0 */
#include "walker.h"

#include "hw.h"
#include "ram.h"

/* ---- stage-2 descriptors: D8.3 ---- */

#define D_VALID UINT64_C(1)
#define D_TABLE UINT64_C(2)     /* bit 1: a table, or a page at level 3 */
#define D_AF (UINT64_C(1) << 10)
#define D_CONTIGUOUS (UINT64_C(1) << 52)

static uint64_t bits(uint64_t desc, unsigned high, unsigned low)
{
    return desc >> low & ((UINT64_C(2) << (high - low)) - 1);
}

enum desc_kind desc_kind(uint64_t desc, uint32_t level)
{
    if ((desc & D_VALID) == 0)
        return DESC_IS_INVALID;
    if ((desc & D_TABLE) != 0)
        return level < 3 ? DESC_IS_TABLE : DESC_IS_LEAF;
    return level == 1 || level == 2 ? DESC_IS_LEAF : DESC_IS_INVALID;
}

static const char *leaf_malformed(uint64_t desc, uint32_t level)
{
    uint64_t attr = bits(desc, 5, 2);

    if (level == 2 && bits(desc, 20, 12) != 0)
        return "a 2 MiB block whose address is not aligned";
    if (level == 1 && bits(desc, 29, 12) != 0)
        return "a 1 GiB block whose address is not aligned";
    if (attr >= 4 && attr % 4 == 0)
        return "a reserved MemAttr";
    if (bits(desc, 9, 8) == 1)
        return "a reserved shareability";
    if ((desc & D_AF) == 0)
        return "no access flag";
    if (bits(desc, 11, 11) != 0)
        return "bit 11, which is reserved";
    if ((desc & D_CONTIGUOUS) != 0)
        return "the contiguous hint, which nothing here keeps true";
    if (bits(desc, 51, 51) != 0)
        return "the dirty-bit modifier, without hardware that manages it";
    return NULL;
}

const char *desc_malformed(uint64_t desc, uint32_t level)
{
    enum desc_kind kind = desc_kind(desc, level);

    if (kind == DESC_IS_INVALID)
        return (desc & D_VALID) != 0 ? "an encoding that is reserved at this level" : NULL;
    if (bits(desc, 50, 48) != 0)
        return "address bits above 47";
    if (kind == DESC_IS_LEAF)
        return leaf_malformed(desc, level);
    return bits(desc, 63, 59) != 0 ? "table attributes, which stage 2 does not have" : NULL;
}

struct leaf leaf_of(uint64_t desc, uint32_t level, uint64_t gfn)
{
    uint64_t pages = level_pages(level);

    /* The hardware ignores the address bits that a block covers. */
    return (struct leaf){ .gfn = gfn & ~(pages - 1), .pfn = desc_out(desc) & ~(pages - 1), .level = level,
                          .device = bits(desc, 5, 4) == 0, .read = bits(desc, 6, 6) != 0, .write = bits(desc, 7, 7) != 0 };
}

/* ---- stage-2 walks ---- */

struct walk walk_from(const struct sim *s, uint64_t row, uint32_t level, uint64_t gfn)
{
    struct walk w = { .level = level, .row = row, .start = level };

    while (sim_has_memory(s, w.row)) {
        w.index = (uint32_t)(gfn >> (9 * (3 - w.level)) & 511);
        w.rows[w.level] = w.row;
        w.desc = hw_load(&s->phys[w.row].e[w.index]);
        if (desc_kind(w.desc, w.level) != DESC_IS_TABLE)
            break;
        w.row = desc_out(w.desc);
        w.desc = 0;
        w.level++;
    }
    if (desc_kind(w.desc, w.level) == DESC_IS_LEAF && (w.desc & D_AF) != 0) {
        w.mapped = true;
        w.leaf = leaf_of(w.desc, w.level, gfn);
    }
    return w;
}

struct walk walk_stage2(const struct sim *s, const struct stage2 *t, uint64_t gfn)
{
    uint64_t root;

    if (gfn >= t->gfn_limit)
        return (struct walk){ .mapped = false, .level = t->start, .row = t->root, .start = t->start };
    root = t->root + (gfn >> (9 * (4 - t->start)));     /* which of the concatenated ones */
    return walk_from(s, root, t->start, gfn);
}

/* ---- stage 1 ---- */

struct stage1_step stage1_begin(struct stage1 regs, uint64_t va)
{
    struct stage1_step st = { .level = regs.va_bits > 39 ? 0 : 1 };

    if (regs.va_bits == 0)
        return (struct stage1_step){ .address = va, .done = true, .level = 3, .write = true };
    if (va >> regs.va_bits != 0) {
        st.fault = true;
        return st;
    }
    st.address = regs.ttbr + 8 * (va >> (12 + 9 * (3 - st.level)) & 511);
    return st;
}

struct stage1_step stage1_next(struct stage1_step at, uint64_t desc, uint64_t va)
{
    enum desc_kind kind = desc_kind(desc, at.level);    /* the same encodings as in stage 2 */
    uint64_t size = level_pages(at.level) << 12;

    if (kind == DESC_IS_INVALID || (kind == DESC_IS_LEAF && (desc & D_AF) == 0)) {
        at.fault = true;
    } else if (kind == DESC_IS_LEAF) {
        at.done = true;
        at.write = bits(desc, 7, 7) == 0;               /* AP[2]: read-only */
        at.address = ((desc_out(desc) << 12) & ~(size - 1)) + (va & (size - 1));
    } else {
        at.level++;
        at.address = (desc_out(desc) << 12) + 8 * (va >> (12 + 9 * (3 - at.level)) & 511);
    }
    return at;
}
