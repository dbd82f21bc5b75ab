/* SPDX-License-Identifier: Apache-2.0 */
/* How the ITS's driver reaches the machine. test/boot/its_test.h has another of these. */
#ifndef CORDON_ITS_ACCESS_H
#define CORDON_ITS_ACCESS_H

#include <stdint.h>

#include "arch.h"
#include "cordon/cordon.h"
#include "machine_el2.h"
#include "phys.h"

/* base: physical, of an ITS's or a redistributor's first page. */
static inline uint32_t its_read(uint64_t base, uint32_t offset)
{
    return *(volatile uint32_t *)phys(base + offset);
}

static inline void its_write(uint64_t base, uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)phys(base + offset) = value;
}

static inline uint64_t its_read_long(uint64_t base, uint32_t offset)
{
    return *(volatile uint64_t *)phys(base + offset);
}

static inline void its_write_long(uint64_t base, uint32_t offset, uint64_t value)
{
    *(volatile uint64_t *)phys(base + offset) = value;
}

/* Memory of our own, by its physical address. */
static inline void *its_memory(uint64_t pa)
{
    return phys(pa);
}

/* Four words of the host's memory, from addr on. False: it may not read them itself. */
static inline bool its_read_host(uint64_t addr, uint64_t word[4])
{
    return cordon_read_host(&machine, pa(addr), word, 4) == CORDON_OK;
}

/* An index below the bound, whatever the CPU predicts of the check before. */
static inline uint64_t its_index(uint64_t index, uint64_t bound)
{
    return arch_index(index, bound);
}

/* What was stored is there for the ITS and for redistributors before the next store to a register. */
static inline void its_before_register(void)
{
    __asm__ volatile("dsb st" ::: "memory");
}

/* What a register has said comes before all that follows. */
static inline void its_after_register(void)
{
    __asm__ volatile("dsb sy" ::: "memory");
}

#endif
