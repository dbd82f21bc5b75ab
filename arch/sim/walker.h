/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MMU's table walks, written from the Arm manual (DDI 0487, D8) and from nothing in core/.
 *
 * 4 KiB granule, 48-bit output addresses, no hardware management of flags. Stage 2 begins at any level with up to 16
 * concatenated tables; stage 1 (of a guest or the host) is the lower half of the address space, 39 or 48 bits.
 */
#ifndef SIM_WALKER_H
#define SIM_WALKER_H

#include "state.h"

enum desc_kind { DESC_IS_INVALID, DESC_IS_TABLE, DESC_IS_LEAF };

/* What the hardware makes of a stage-2 descriptor at a level. Reserved encodings are invalid. */
enum desc_kind desc_kind(uint64_t desc, uint32_t level);
/* NULL, or what a valid stage-2 descriptor has that the architecture reserves. */
const char *desc_malformed(uint64_t desc, uint32_t level);
static inline uint64_t desc_out(uint64_t desc) { return (desc & UINT64_C(0x0000fffffffff000)) >> 12; }

/* Pages that an entry covers. */
static inline uint64_t level_pages(uint32_t level) { return UINT64_C(1) << (9 * (3 - level)); }

/* A leaf as a TLB would keep it. */
struct leaf {
    uint64_t gfn;       /* first page that it covers */
    uint64_t pfn;
    uint32_t level;
    bool device;
    bool read, write;
};

struct leaf leaf_of(uint64_t desc, uint32_t level, uint64_t gfn);

/* How a stage-2 walk went. */
struct walk {
    bool mapped;
    struct leaf leaf;
    uint32_t level;     /* of the last entry read, whose place and value follow */
    uint64_t row;
    uint32_t index;
    uint64_t desc;
    uint64_t rows[4];   /* tables that the walk read, by level; only start .. level are set */
    uint32_t start;
};

/* Walks from the roots. A gfn beyond the geometry, or a table outside of memory, is not mapped. */
struct walk walk_stage2(const struct sim *s, const struct stage2 *t, uint64_t gfn);
/* The same from a table of a level on, as from a walk cache. */
struct walk walk_from(const struct sim *s, uint64_t row, uint32_t level, uint64_t gfn);

/* Stage 1. One descriptor at a time, because each table address goes through stage 2 first. */
struct stage1_step {
    uint64_t address;       /* guest-physical: of the next descriptor, or of the page once `done` */
    uint32_t level;         /* of that descriptor, or of the leaf */
    bool done, fault;
    bool write;             /* the leaf lets the guest write */
};

struct stage1_step stage1_begin(struct stage1 regs, uint64_t va);
struct stage1_step stage1_next(struct stage1_step at, uint64_t desc, uint64_t va);

#endif
