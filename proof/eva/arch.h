/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine that Eva runs the core on: tables in an array, one CPU, steps without an effect on what the core reads.
 * Annotations are left out here, so that Eva judges by the code alone.
 */
#ifndef CORDON_ARCH_H
#define CORDON_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"

/* An index outside of its bounds is an alarm: a shift by more than a word has. */
static inline uint64_t arch_index(uint64_t index, uint64_t bound)
{
    return index << (index < bound ? 0 : 64);
}

static inline uint64_t arch_pte_read(const struct cordon *c, uint64_t row, uint64_t index)
{
    return c->phys[row].e[index];
}

static inline void arch_pte_write(struct cordon *c, uint64_t row, uint64_t index, uint64_t entry)
{
    c->phys[row].e[index] = entry;
}

static inline void arch_dsb_ishst(struct cordon *c) { (void)c; }
static inline void arch_dsb_ish(struct cordon *c) { (void)c; }
static inline void arch_tlbi_ipas2e1is(struct cordon *c, uint32_t vmid, uint64_t gfn, uint64_t pages)
{
    (void)c; (void)vmid; (void)gfn; (void)pages;
}
static inline void arch_tlbi_vmalle1is(struct cordon *c, uint32_t vmid) { (void)c; (void)vmid; }
static inline void arch_tlbi_vmalls12e1is(struct cordon *c, uint32_t vmid) { (void)c; (void)vmid; }

static inline uint64_t arch_dma_read(const struct cordon *c, uint64_t row, uint64_t index) { return c->phys[row].e[index]; }
static inline void arch_dma_write(struct cordon *c, uint64_t row, uint64_t index, uint64_t entry)
{
    c->phys[row].e[index] = entry;
}
static inline void arch_dma_publish(struct cordon *c) { (void)c; }
static inline void arch_dma_invalidate(struct cordon *c, uint64_t frame, uint64_t pages) { (void)c; (void)frame; (void)pages; }
static inline void arch_dma_forget(struct cordon *c, uint32_t vmid, uint64_t gfn, uint64_t pages)
{
    (void)c; (void)vmid; (void)gfn; (void)pages;
}
static inline void arch_dma_sync(struct cordon *c) { (void)c; }

static inline void arch_zero_frames(struct cordon *c, uint64_t pfn, uint64_t n) { (void)c; (void)pfn; (void)n; }
static inline void arch_clean_frames(struct cordon *c, uint64_t pfn, uint64_t n) { (void)c; (void)pfn; (void)n; }
static inline void arch_table_alloc(struct cordon *c, uint64_t row) { (void)c; (void)row; }
static inline void arch_table_free(struct cordon *c, uint64_t row) { (void)c; (void)row; }

static inline uint16_t arch_ticket(struct cordon *c, uint16_t *next)
{
    uint16_t ticket = *next;

    (void)c;
    *next = (uint16_t)(ticket + 1u);
    return ticket;
}

static inline uint16_t arch_load_acquire16(const uint16_t *x) { return *x; }
static inline void arch_store_release16(uint16_t *x, uint16_t v) { *x = v; }
static inline uint16_t arch_load16(const uint16_t *x) { return *x; }
static inline void arch_store16(uint16_t *x, uint16_t v) { *x = v; }
static inline void arch_wait(struct cordon *c) { (void)c; }
static inline void arch_wake(struct cordon *c) { (void)c; }
static inline void arch_lock_taken(struct cordon *c, enum lock_kind kind, uint64_t id) { (void)c; (void)kind; (void)id; }
static inline void arch_lock_dropped(struct cordon *c, enum lock_kind kind, uint64_t id) { (void)c; (void)kind; (void)id; }

/* No instructions of its own: core/base/sha256.c does it. */
static inline bool arch_sha256(struct cordon *c, struct sha256 *s, const uint64_t *word, uint64_t blocks)
{
    (void)c; (void)s; (void)word; (void)blocks;
    return false;
}

/* Where Eva must never come: it says so as an access to nothing. */
static inline void arch_panic(struct cordon *c, const char *file, int line, const char *text)
{
    int *nothing = 0;

    (void)c; (void)file; (void)line; (void)text;
    *nothing = 0;
}

#endif
