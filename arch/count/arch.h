/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine of the benchmarks: tables in ordinary memory, real atomics for the locks, and steps that have no
 * meaning in a process (invalidations, cache maintenance, zeroing) counted instead of done. See arch/README.md.
 */
#ifndef CORDON_ARCH_H
#define CORDON_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"

/* Each thread counts for itself, so that counting is no contention. */
struct arch {
    uint64_t tlbi;      /* invalidations of a range or a whole VMID, combined ones not included */
    uint64_t dsb;       /* barriers that wait */
    uint64_t zeroed;    /* frames that would have been written with zero */
    uint64_t cleaned;   /* frames that would have been cleaned to the point of coherency */
    bool really_zero;   /* write the zeros all the same: to see the cost of memory itself */
};

extern _Thread_local struct arch arch_counts;

static inline uint64_t arch_index(uint64_t index, uint64_t bound) { return index < bound ? index : 0; }

static inline uint64_t arch_pte_read(const struct cordon *c, uint64_t row, uint64_t index)
{
    return __atomic_load_n(&c->phys[row].e[index], __ATOMIC_RELAXED);
}

static inline void arch_pte_write(struct cordon *c, uint64_t row, uint64_t index, uint64_t entry)
{
    __atomic_store_n(&c->phys[row].e[index], entry, __ATOMIC_RELAXED);
}

static inline void arch_dsb_ishst(struct cordon *c) { (void)c; arch_counts.dsb++; }
static inline void arch_dsb_ish(struct cordon *c) { (void)c; arch_counts.dsb++; }

static inline void arch_tlbi_ipas2e1is(struct cordon *c, uint32_t vmid, uint64_t gfn, uint64_t pages)
{
    (void)c; (void)vmid; (void)gfn; (void)pages;
    arch_counts.tlbi++;
}

static inline void arch_tlbi_vmalle1is(struct cordon *c, uint32_t vmid) { (void)c; (void)vmid; }
static inline void arch_tlbi_vmalls12e1is(struct cordon *c, uint32_t vmid) { (void)c; (void)vmid; arch_counts.tlbi++; }

static inline uint64_t arch_dma_read(const struct cordon *c, uint64_t row, uint64_t index)
{
    return __atomic_load_n(&c->phys[row].e[index], __ATOMIC_RELAXED);
}

static inline void arch_dma_write(struct cordon *c, uint64_t row, uint64_t index, uint64_t entry)
{
    __atomic_store_n(&c->phys[row].e[index], entry, __ATOMIC_RELAXED);
}

static inline void arch_dma_publish(struct cordon *c) { arch_dsb_ishst(c); }

static inline void arch_dma_invalidate(struct cordon *c, uint64_t frame, uint64_t pages)
{
    (void)c; (void)frame; (void)pages;
    arch_counts.tlbi++;
}

static inline void arch_dma_forget(struct cordon *c, uint32_t vmid, uint64_t gfn, uint64_t pages)
{
    (void)c; (void)vmid; (void)gfn; (void)pages;
    arch_counts.tlbi++;
}

static inline void arch_dma_sync(struct cordon *c) { (void)c; arch_counts.dsb++; }

void arch_count_zero(struct cordon *c, uint64_t pfn, uint64_t n);

static inline void arch_zero_frames(struct cordon *c, uint64_t pfn, uint64_t n)
{
    arch_counts.zeroed += n;
    if (arch_counts.really_zero)
        arch_count_zero(c, pfn, n);
}

static inline void arch_clean_frames(struct cordon *c, uint64_t pfn, uint64_t n)
{
    (void)c; (void)pfn;
    arch_counts.cleaned += n;
}

static inline void arch_table_alloc(struct cordon *c, uint64_t row) { (void)c; (void)row; }
static inline void arch_table_free(struct cordon *c, uint64_t row) { (void)c; (void)row; }

static inline uint16_t arch_ticket(struct cordon *c, uint16_t *next)
{
    (void)c;
    return __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);
}

static inline uint16_t arch_load_acquire16(const uint16_t *x) { return __atomic_load_n(x, __ATOMIC_ACQUIRE); }
static inline void arch_store_release16(uint16_t *x, uint16_t v) { __atomic_store_n(x, v, __ATOMIC_RELEASE); }
static inline uint16_t arch_load16(const uint16_t *x) { return __atomic_load_n(x, __ATOMIC_RELAXED); }
static inline void arch_store16(uint16_t *x, uint16_t v) { __atomic_store_n(x, v, __ATOMIC_RELAXED); }

/* Lets others run: with more threads than CPUs the one that holds the lock may be waiting for this one. */
void arch_wait(struct cordon *c);
static inline void arch_wake(struct cordon *c) { (void)c; }
static inline void arch_lock_taken(struct cordon *c, enum lock_kind kind, uint64_t id) { (void)c; (void)kind; (void)id; }
static inline void arch_lock_dropped(struct cordon *c, enum lock_kind kind, uint64_t id) { (void)c; (void)kind; (void)id; }

/* No instructions of its own: core/base/sha256.c does it. */
static inline bool arch_sha256(struct cordon *c, struct sha256 *s, const uint64_t *word, uint64_t blocks)
{
    (void)c; (void)s; (void)word; (void)blocks;
    return false;
}

_Noreturn void arch_panic(struct cordon *c, const char *file, int line, const char *text);

#endif
