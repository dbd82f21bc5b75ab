/* SPDX-License-Identifier: Apache-2.0 */
#include "mmu.h"

#include "cpu.h"
#include "layout.h"
#include "panic.h"
#include "phys.h"
#include "plan.h"
#include "sysreg.h"

/*
 * Tables that are never more than these. A run of pages or blocks that is mapped takes at most two tables of level 3 and two
 * of level 2 at its ends, and two of level 1. Of these runs there are the ranges of RAM, regions of redistributors, SMMUs,
 * configuration spaces, the distributor, the ITS, the UART, the tree, the hole that the image makes in RAM; what lies between
 * ends are blocks. The image, and the root: 4. All that the CPUs have is one run of pages, which takes a table of level 3 for
 * each 2 MiB. A range of RAM of more than 512 GiB takes tables of level 1 as well, each of which is counted once here.
 */
#define RUN_TABLES 6
#define RUNS (MAX_RAMS + MAX_GICRS + MAX_SMMUS + MAX_BRIDGES + 6)
#define CPU_TABLES (MAX_CPUS * (STACKS_SIZE + MAX_CPU_STRUCT) / 0x200000 + 2 + 4)
#define TABLES (4 + RUNS * RUN_TABLES + CPU_TABLES + (PHYS_LIMIT >> 39))
#define MAX_CPU_STRUCT 0x1000u

_Static_assert(sizeof(struct cpu) <= MAX_CPU_STRUCT, "of TABLES");

#define S1_TABLE UINT64_C(3)
#define S1_PAGE UINT64_C(3)
#define S1_BLOCK UINT64_C(1)
/*
 * Accessed, bit 6 that is RES1 in a regime of one exception level, inner shareable; attribute 0 normal, 1 device;
 * read-only; no execution.
 */
#define S1_COMMON (UINT64_C(1) << 10 | UINT64_C(1) << 6 | UINT64_C(3) << 8)
#define S1_DEVICE (UINT64_C(1) << 2)
#define S1_READ_ONLY (UINT64_C(1) << 7)
#define S1_XN (UINT64_C(1) << 54)

#define CODE (S1_COMMON | S1_READ_ONLY)
#define CONSTANTS (S1_COMMON | S1_READ_ONLY | S1_XN)
#define DATA (S1_COMMON | S1_XN)
#define DEVICE (S1_COMMON | S1_XN | S1_DEVICE)

extern char _image_begin[], _rodata_begin[], _data_begin[], _data_end[], _stacks_begin[];

static uint64_t tables[TABLES][512] __attribute__((aligned(4096)));
static uint32_t tables_used = 1;        /* the first is the root, of level 0 */

/* What mmu_on loads: MAIR, TCR, TTBR0, SCTLR. */
uint64_t mmu_registers[4];

static uint64_t *next_level(uint64_t *entry)
{
    if ((*entry & 3) != S1_TABLE) {
        if (*entry != 0 || tables_used == TABLES)
            panic("EL2's own stage 1 has no place for a mapping");
        *entry = (uint64_t)tables[tables_used++] | S1_TABLE;
    }
    return (uint64_t *)(*entry & UINT64_C(0xfffffffff000));
}

/* Maps one page or block at va, the largest that alignment and size allow; returns its size. */
static uint64_t map_one(uint64_t va, uint64_t pa, uint64_t size, uint64_t attributes)
{
    uint64_t *table = tables[0];
    uint32_t shift = 39;

    for (;;) {
        uint64_t *entry = &table[va >> shift & 511];
        uint64_t covers = UINT64_C(1) << shift;

        if (shift == 12 || (shift < 39 && ((va | pa) & (covers - 1)) == 0 && size >= covers && *entry == 0)) {
            if (*entry == 0)
                *entry = pa | attributes | (shift == 12 ? S1_PAGE : S1_BLOCK);
            return covers;
        }
        if (*entry != 0 && (*entry & 3) == S1_BLOCK)
            return covers - (va & (covers - 1));        /* mapped already */
        table = next_level(entry);
        shift -= 9;
    }
}

static void map(uint64_t va, uint64_t pa, uint64_t size, uint64_t attributes)
{
    while (size > 0) {
        uint64_t done = map_one(va, pa, size, attributes);

        if (done > size)
            done = size;
        va += done;
        pa += done;
        size -= done;
    }
    __asm__ volatile("dsb ishst" ::: "memory");         /* the walker sees the entries before they are used */
    isb();
}

static void map_same(const char *begin, const char *end, uint64_t attributes)
{
    map((uint64_t)begin, (uint64_t)begin, (uint64_t)(end - begin), attributes);
}

static void map_data(uint64_t base, uint64_t size)
{
    map(base, base, size, DATA);
}

/* One CPU's two stacks: the guards below each stay unmapped. */
static void map_stacks(uint64_t base)
{
    base += GUARD_SIZE;
    map_data(base, STACK_SIZE);
    base += STACK_SIZE + GUARD_SIZE;
    map_data(base, PANIC_STACK_SIZE);
}

void mmu_build(uint64_t dtb)
{
    uint64_t range = id_field(sysreg_read(id_aa64mmfr0_el1), 0);

    map_same(_image_begin, _rodata_begin, CODE);
    map_same(_rodata_begin, _data_begin, CONSTANTS);
    map_same(_data_begin, _data_end, DATA);
    map_stacks((uint64_t)_stacks_begin);
    mmu_map_device(PLAT_UART, 0x1000);
    /* The boot protocol says that the tree has no more than 2 MiB, and crosses no more than one boundary of 2 MiB. */
    if (dtb < UINT64_C(1) << 46)
        mmu_map_ram(dtb & ~UINT64_C(0x1fffff), 0x400000);
    mmu_registers[0] = 0x04ff;  /* attribute 0 normal write-back, 1 device-nGnRE */
    /* RES1, physical size, 4 KiB granule, inner shareable, write-back walks, 48 bits of addresses. */
    mmu_registers[1] = UINT64_C(1) << 31 | UINT64_C(1) << 23 | (range < 5 ? range : 5) << 16 | 3 << 12 | 1 << 10 |
                       1 << 8 | 16;
    mmu_registers[2] = (uint64_t)tables[0];
    mmu_registers[3] = SCTLR_EL2_RES1 | SCTLR_M | SCTLR_A | SCTLR_C | SCTLR_SA | SCTLR_I | SCTLR_WXN;
}

void mmu_map_ram(uint64_t base, uint64_t size)
{
    uint64_t image = (uint64_t)_image_begin;
    uint64_t image_end = image + 0x200000;
    uint64_t end = base + size;

    if (base < image && end > image)
        map(PHYS_OFFSET + base, base, image - base, DATA);
    if (end > image_end && base < image_end)
        base = image_end;
    else if (base < image_end && end > image)
        return;
    if (end > base)
        map(PHYS_OFFSET + base, base, end - base, DATA);
}

void mmu_map_device(uint64_t base, uint64_t size)
{
    map(PHYS_OFFSET + base, base, size, DEVICE);
}

void mmu_map_cpus(uint64_t base, uint32_t n)
{
    uint64_t structs = base + (uint64_t)n * STACKS_SIZE;

    for (; base < structs; base += STACKS_SIZE)
        map_stacks(base);
    map_data(structs, cpus_size(n) - (uint64_t)n * STACKS_SIZE);
}
