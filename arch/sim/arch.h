/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated machine as core/ sees it: every step is done, logged and checked. See arch/README.md for the steps
 * and sim.h for the machine. The lock words are real atomics, so that threads and race detectors see real locks.
 */
#ifndef CORDON_ARCH_H
#define CORDON_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"

struct arch;    /* state.h */

_Noreturn void arch_index_outside(uint64_t index, uint64_t bound);

/* Nothing is predicted here: an index outside of its bounds is a mistake of the core's, and ends the process. */
static inline uint64_t arch_index(uint64_t index, uint64_t bound)
{
    if (index >= bound)
        arch_index_outside(index, bound);
    return index;
}

/* The acquire stands for the address dependency of whoever follows a link: see arch_pte_write(). */
static inline uint64_t arch_pte_read(const struct cordon *c, uint64_t row, uint64_t index)
{
    return __atomic_load_n(&c->phys[row].e[index], __ATOMIC_ACQUIRE);
}

void arch_pte_write(struct cordon *c, uint64_t row, uint64_t index, uint64_t entry);

void arch_dsb_ishst(struct cordon *c);
void arch_dsb_ish(struct cordon *c);

void arch_tlbi_ipas2e1is(struct cordon *c, uint32_t vmid, uint64_t gfn, uint64_t pages);
void arch_tlbi_vmalle1is(struct cordon *c, uint32_t vmid);
void arch_tlbi_vmalls12e1is(struct cordon *c, uint32_t vmid);

static inline uint64_t arch_dma_read(const struct cordon *c, uint64_t row, uint64_t index)
{
    return __atomic_load_n(&c->phys[row].e[index], __ATOMIC_RELAXED);
}

void arch_dma_write(struct cordon *c, uint64_t row, uint64_t index, uint64_t entry);
void arch_dma_publish(struct cordon *c);
void arch_dma_invalidate(struct cordon *c, uint64_t frame, uint64_t pages);
void arch_dma_forget(struct cordon *c, uint32_t vmid, uint64_t gfn, uint64_t pages);
void arch_dma_sync(struct cordon *c);

void arch_zero_frames(struct cordon *c, uint64_t pfn, uint64_t n);
void arch_clean_frames(struct cordon *c, uint64_t pfn, uint64_t n);

void arch_table_alloc(struct cordon *c, uint64_t row);
void arch_table_free(struct cordon *c, uint64_t row);

static inline uint16_t arch_ticket(struct cordon *c, uint16_t *next)
{
    (void)c;
    return __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);
}

static inline uint16_t arch_load_acquire16(const uint16_t *x) { return __atomic_load_n(x, __ATOMIC_ACQUIRE); }
static inline void arch_store_release16(uint16_t *x, uint16_t v) { __atomic_store_n(x, v, __ATOMIC_RELEASE); }
static inline uint16_t arch_load16(const uint16_t *x) { return __atomic_load_n(x, __ATOMIC_RELAXED); }
static inline void arch_store16(uint16_t *x, uint16_t v) { __atomic_store_n(x, v, __ATOMIC_RELAXED); }

void arch_wait(struct cordon *c);
static inline void arch_wake(struct cordon *c) { (void)c; }
void arch_lock_taken(struct cordon *c, enum lock_kind kind, uint64_t id);
void arch_lock_dropped(struct cordon *c, enum lock_kind kind, uint64_t id);

/* No instructions of its own: core/base/sha256.c does it. */
static inline bool arch_sha256(struct cordon *c, struct sha256 *s, const uint64_t *word, uint64_t blocks)
{
    (void)c; (void)s; (void)word; (void)blocks;
    return false;
}

_Noreturn void arch_panic(struct cordon *c, const char *file, int line, const char *text);

#endif
