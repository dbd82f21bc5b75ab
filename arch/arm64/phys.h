/* SPDX-License-Identifier: Apache-2.0 */
/* Where EL2 sees physical memory: at an offset, without the image. mmu.c maps it there. */
#ifndef CORDON_PHYS_H
#define CORDON_PHYS_H

#include <stdint.h>

#define PHYS_OFFSET (UINT64_C(1) << 47)

/* What lies beyond is not mapped, nor refused: who reads the tree does that. */
#define PHYS_LIMIT (UINT64_C(1) << 44)

static inline void *phys(uint64_t pa) { return (void *)(PHYS_OFFSET + pa); }

/* What was written there is in memory: for whoever reads it with caches off, and where a reset keeps memory alone. */
static inline void clean_to_memory(const void *at, uint64_t size)
{
    uint64_t end = (uint64_t)at + size;

    __asm__ volatile("dsb sy" ::: "memory");    /* it is written before its lines are cleaned */
    for (uint64_t line = (uint64_t)at & ~UINT64_C(15); line < end; line += 16)
        __asm__ volatile("dc civac, %0" ::"r"(line) : "memory");
    __asm__ volatile("dsb sy" ::: "memory");
}

#endif
