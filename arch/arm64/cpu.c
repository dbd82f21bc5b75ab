/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

#include "controls.h"
#include "guest.h"
#include "mmu.h"

#include <stddef.h>

extern char boot_stack_top[], boot_panic_stack_top[];

struct cpu boot_cpu = { .stack = (uint64_t)boot_stack_top, .panic_stack = (uint64_t)boot_panic_stack_top };
struct cpu *cpus;
uint32_t cpu_count;
static uint64_t stacks;         /* the row of them */

_Static_assert(offsetof(struct cpu, stack) == CPU_STACK, "layout.h");
_Static_assert(offsetof(struct cpu, panic_stack) == CPU_PANIC_STACK, "layout.h");
_Static_assert(offsetof(struct cpu, step_argument) == CPU_STEP_ARGUMENT, "layout.h");
_Static_assert(sizeof(struct regs) == REGS_SIZE, "layout.h");

static uint64_t stacks_size(uint32_t n)
{
    return (uint64_t)n * STACKS_SIZE;
}

static uint64_t structs_size(uint32_t n)
{
    return (n * sizeof(struct cpu) + 0xfff) & ~UINT64_C(0xfff);
}

uint64_t cpus_size(uint32_t n)
{
    return stacks_size(n) + structs_size(n);
}

void cpus_place(uint64_t base, uint32_t n)
{
    stacks = base;
    for (uint32_t i = 0; i < n; i++)
        mmu_map_stacks(stacks + stacks_size(i));
    cpus = (struct cpu *)(stacks + stacks_size(n));
    mmu_map_data((uint64_t)cpus, structs_size(n));
}

void cpu_add(uint64_t mpidr)
{
    uint64_t row = stacks + stacks_size(cpu_count);
    struct cpu *cpu = &cpus[cpu_count];

    cpu->stack = row + GUARD_SIZE + STACK_SIZE;
    cpu->panic_stack = row + STACKS_SIZE;
    cpu->mpidr = mpidr & MPIDR_AFFINITY;
    cpu->number = cpu_count;
    cpu->state = CPU_STATE_OFF;
    cpu_count++;
}

struct cpu *cpu_find(uint64_t mpidr)
{
    for (uint32_t i = 0; i < cpu_count; i++) {
        if (cpus[i].mpidr == mpidr)
            return &cpus[i];
    }
    return NULL;
}

uint32_t cpu_pa_bits(void)
{
    static const uint8_t bits[] = { 32, 36, 40, 42, 44, 48 };
    uint64_t range = id_field(sysreg_read(id_aa64mmfr0_el1), 0);

    return bits[range < 5 ? range : 5];
}

/* What watches a CPU at work is off, and partitions are none: nobody but EL2 can change that from here on. */
static void stop_watchers(const struct cpu_id *id)
{
    if (registers_has_feature(id, FEATURE_TRF))
        sysreg_write(TRFCR_EL1, 0);
    if (registers_has_feature(id, FEATURE_TRBE_OURS))
        sysreg_write(TRBLIMITR_EL1, 0);
    if (registers_has_feature(id, FEATURE_SPE_OURS)) {
        sysreg_write(PMSCR_EL1, 0);
        sysreg_write(PMBLIMITR_EL1, 0);
    }
    if (registers_has_feature(id, FEATURE_BRBE))
        sysreg_write(BRBCR_EL1, 0);
    if (registers_has_feature(id, FEATURE_AMU))
        sysreg_write(AMUSERENR_EL0, 0);
    if (registers_has_feature(id, FEATURE_MPAM)) {
        sysreg_write(MPAM1_EL1, 0);
        sysreg_write(MPAM0_EL1, 0);
    }
}

void cpu_set_up(uint64_t vtcr, uint64_t vttbr)
{
    struct cpu *cpu = this_cpu();
    struct cpu_id id;

    controls_read(&id);
    registers_plan(&id, &cpu->plan);
    cpu->has_pauth = registers_has_feature(&id, FEATURE_PAUTH);
    cpu->has_sme = registers_has_feature(&id, FEATURE_SME);
    cpu->has_ras = registers_has_feature(&id, FEATURE_RAS);
    cpu->has_pmu = registers_has_feature(&id, FEATURE_PMU);
    cpu->last_vcpu = 0;
    predict_set_up(cpu);
    sysreg_write(vtcr_el2, vtcr);
    sysreg_write(vttbr_el2, vttbr);
    sysreg_write(vpidr_el2, sysreg_read(midr_el1));
    sysreg_write(vmpidr_el2, sysreg_read(mpidr_el1));
    sysreg_write(cntvoff_el2, 0);
    sysreg_write(sctlr_el1, SCTLR_EL1_RES1);
    sysreg_write(vbar_el1, 0);
    controls_write(&cpu->plan, SIDE_HOST);
    stop_watchers(&id);
    gic_set_up(cpu);
    isb();
    __asm__ volatile("tlbi alle1" ::: "memory");    /* this CPU remembers nothing from before */
    dsb_sy();
    isb();
}
