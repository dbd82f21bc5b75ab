/* SPDX-License-Identifier: Apache-2.0 */
/* How the SMMU's driver reaches the machine. test/boot/smmu_test.h has another of these. */
#ifndef CORDON_SMMU_ACCESS_H
#define CORDON_SMMU_ACCESS_H

#include <stdint.h>

#include "phys.h"

/* base: physical, of the SMMU's first page. */
static inline uint32_t smmu_read(uint64_t base, uint32_t offset)
{
    return *(volatile uint32_t *)phys(base + offset);
}

static inline void smmu_write(uint64_t base, uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)phys(base + offset) = value;
}

/* Tables and queues, by their physical address. */
static inline uint64_t *smmu_memory(uint64_t pa)
{
    return phys(pa);
}

/* What was stored is there for the SMMU before the next store to a register of it. */
static inline void smmu_before_register(void)
{
    __asm__ volatile("dsb st" ::: "memory");
}

/* What a register has said comes before all that follows. */
static inline void smmu_after_register(void)
{
    __asm__ volatile("dsb sy" ::: "memory");
}

#endif
