/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine itself: the core's steps as instructions at EL2. See arch/README.md for what each means.
 */
#ifndef CORDON_ARCH_H
#define CORDON_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"

struct arch {
    uint64_t zva_bytes;     /* what one DC ZVA writes; 0: it is prohibited */
    uint64_t line_bytes;    /* the smallest data cache line of the system */
    bool sha256;            /* the boot CPU has instructions for SHA-256, and EL2 may use them: registers_may_hash() */
};

/*
 * The conditional select depends on both numbers, not on a predicted branch; CSDB keeps what was predicted of it from use.
 * Arm ARM C6.2.83 (CSDB).
 */
static inline uint64_t arch_index(uint64_t index, uint64_t bound)
{
    uint64_t within;

    __asm__("cmp %1, %2\n\tcsel %0, %1, xzr, lo\n\tcsdb" : "=r"(within) : "r"(index), "r"(bound) : "cc");
    return within;
}

static inline uint64_t arch_pte_read(const struct cordon *c, uint64_t row, uint64_t index)
{
    return __atomic_load_n(&c->phys[row].e[index], __ATOMIC_RELAXED);
}

static inline void arch_pte_write(struct cordon *c, uint64_t row, uint64_t index, uint64_t entry)
{
    __atomic_store_n(&c->phys[row].e[index], entry, __ATOMIC_RELAXED);
}

static inline void arch_dsb_ishst(struct cordon *c)
{
    (void)c;
    __asm__ volatile("dsb ishst" ::: "memory");
}

static inline void arch_dsb_ish(struct cordon *c)
{
    (void)c;
    __asm__ volatile("dsb ish" ::: "memory");
}

/* To SMMUs, walkers as any other. */
static inline void arch_dma_publish(struct cordon *c)
{
    arch_dsb_ishst(c);
}

static inline uint64_t arch_dma_read(const struct cordon *c, uint64_t row, uint64_t index)
{
    return __atomic_load_n(&c->phys[row].e[index], __ATOMIC_RELAXED);
}

static inline void arch_dma_write(struct cordon *c, uint64_t row, uint64_t index, uint64_t entry)
{
    __atomic_store_n(&c->phys[row].e[index], entry, __ATOMIC_RELAXED);
}

/* smmu.c */
void arch_dma_invalidate(struct cordon *c, uint64_t frame, uint64_t pages);
void arch_dma_sync(struct cordon *c);
void arch_dma_forget(struct cordon *c, uint32_t vmid, uint64_t gfn, uint64_t pages);

void arch_tlbi_ipas2e1is(struct cordon *c, uint32_t vmid, uint64_t gfn, uint64_t pages);
void arch_tlbi_vmalle1is(struct cordon *c, uint32_t vmid);
void arch_tlbi_vmalls12e1is(struct cordon *c, uint32_t vmid);
void arch_zero_frames(struct cordon *c, uint64_t pfn, uint64_t n);
void arch_clean_frames(struct cordon *c, uint64_t pfn, uint64_t n);

static inline void arch_table_alloc(struct cordon *c, uint64_t row) { (void)c; (void)row; }
static inline void arch_table_free(struct cordon *c, uint64_t row) { (void)c; (void)row; }

static inline uint16_t arch_ticket(struct cordon *c, uint16_t *next)
{
    (void)c;
    return __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);
}

/* LDAXRH, not LDARH: it arms the monitor, so that the store of whoever lets the lock go is the event that ends a WFE. */
static inline uint16_t arch_load_acquire16(const uint16_t *x)
{
    uint32_t v;

    __asm__ volatile("ldaxrh %w0, %1" : "=r"(v) : "Q"(*x) : "memory");
    return (uint16_t)v;
}

/* Inlined where the compiler saves space, too: who looks for the end of a lock finds it in the function that has it. */
static inline __attribute__((always_inline)) void arch_store_release16(uint16_t *x, uint16_t v)
{
    __atomic_store_n(x, v, __ATOMIC_RELEASE);
}
static inline uint16_t arch_load16(const uint16_t *x) { return __atomic_load_n(x, __ATOMIC_RELAXED); }
static inline void arch_store16(uint16_t *x, uint16_t v) { __atomic_store_n(x, v, __ATOMIC_RELAXED); }

static inline void arch_wait(struct cordon *c)
{
    (void)c;
    __asm__ volatile("wfe" ::: "memory");
}

static inline void arch_wake(struct cordon *c) { (void)c; }     /* the releasing store clears the waiters' monitors */

static inline void arch_lock_taken(struct cordon *c, enum lock_kind kind, uint64_t id) { (void)c; (void)kind; (void)id; }
static inline void arch_lock_dropped(struct cordon *c, enum lock_kind kind, uint64_t id) { (void)c; (void)kind; (void)id; }

/* False: this CPU has no instructions for it. */
bool arch_sha256(struct cordon *c, struct sha256 *s, const uint64_t *word, uint64_t blocks);

_Noreturn void arch_panic(struct cordon *c, const char *file, int line, const char *text);

#endif
