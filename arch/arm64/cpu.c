/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

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

/* Debug registers, the OS lock, the debug ROM and the PMU trap in a guest. */
#define MDCR_GUEST_TRAPS (UINT64_C(0x7) << 9 | UINT64_C(3) << 5)
#define MDCR_TTRF (UINT64_C(1) << 19)       /* so does the filter of trace */

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

/* What traps: SMC, implementation defined registers. What the CPU has of later extensions is the host's own. */
static uint64_t host_hcr(void)
{
    uint64_t hcr = HCR_RW | HCR_VM | HCR_SWIO | HCR_TSC | HCR_TIDCP;
    uint64_t isar1 = sysreg_read(id_aa64isar1_el1);
    uint64_t isar2 = sysreg_read(ID_AA64ISAR2_EL1);

    if ((isar1 & 0xff000ff0) != 0 || (isar2 & 0xff00) != 0)
        hcr |= HCR_APK | HCR_API;
    if (id_field(sysreg_read(id_aa64pfr1_el1), 8) >= 2)
        hcr |= HCR_ATA;
    if (id_field(sysreg_read(id_aa64pfr0_el1), 56) >= 2)
        hcr |= HCR_ENSCXT;
    return hcr;
}

/*
 * A guest: interrupts come to EL2, waiting traps, so do the feature registers and what is no guest's. Of later extensions
 * it has pointer authentication, whose keys are switched; not memory tags and context numbers.
 */
static uint64_t guest_hcr(uint64_t host)
{
    uint64_t hcr = host & (HCR_RW | HCR_VM | HCR_SWIO | HCR_TSC | HCR_TIDCP | HCR_APK | HCR_API);

    hcr |= HCR_PTW | HCR_FMO | HCR_IMO | HCR_AMO | HCR_FB | HCR_BSU_IS | HCR_TWI | HCR_TID3 | HCR_TACR;
    if (id_field(sysreg_read(id_aa64mmfr1_el1), 16) != 0)
        hcr |= HCR_TLOR;
    if (id_field(sysreg_read(id_aa64pfr0_el1), 28) != 0)
        hcr |= HCR_TERR;
    return hcr;
}

static uint64_t host_hcrx(void)
{
    uint64_t mmfr3 = sysreg_read(ID_AA64MMFR3_EL1);
    uint64_t hcrx = 0;

    if (id_field(sysreg_read(ID_AA64ISAR2_EL1), 16) != 0)
        hcrx |= HCRX_MSCEN;
    if (id_field(mmfr3, 0) != 0)
        hcrx |= HCRX_TCR2EN;
    if (id_field(mmfr3, 4) != 0)
        hcrx |= HCRX_SCTLR2EN;
    if (id_field(sysreg_read(id_aa64pfr1_el1), 44) != 0)
        hcrx |= HCRX_GCSEN;
    if (id_field(sysreg_read(ID_AA64PFR2_EL1), 32) != 0)
        hcrx |= HCRX_ENFPM;
    return hcrx;
}

/* FP, SVE and SME do not trap, with all the vector length that there is. */
static void set_up_vectors(void)
{
    uint64_t cptr = 0x33ff;     /* nVHE: bits 13, 12, 9 .. 0 are RES1 without SVE and SME */
    bool sve = id_field(sysreg_read(id_aa64pfr0_el1), 32) != 0;
    bool sme = id_field(sysreg_read(id_aa64pfr1_el1), 24) != 0;

    if (sve)
        cptr &= ~(UINT64_C(1) << 8);
    if (sme)
        cptr &= ~(UINT64_C(1) << 12);
    this_cpu()->has_sme = sme;
    this_cpu()->host_cptr = cptr;
    sysreg_write(cptr_el2, cptr);
    isb();
    if (sve)
        sysreg_write(ZCR_EL2, 0xf);
    if (sme)
        sysreg_write(SMCR_EL2, 0xf | UINT64_C(1) << 31 | (UINT64_C(1) << 30));
}

/* Counters of events do not trap, and do not count at EL2 where that can be had. SPE and TRBE are nobody's but ours. */
static void set_up_debug(void)
{
    uint64_t dfr0 = sysreg_read(id_aa64dfr0_el1);
    uint64_t pmu = id_field(dfr0, 8);
    uint64_t mdcr = 0;

    this_cpu()->has_pmu = pmu != 0 && pmu != 0xf;
    if (this_cpu()->has_pmu) {
        mdcr |= sysreg_read(pmcr_el0) >> 11 & 0x1f;     /* HPMN: all counters are the host's */
        if (pmu >= 4)
            mdcr |= UINT64_C(1) << 17;                  /* HPMD */
        if (pmu >= 6)
            mdcr |= UINT64_C(1) << 23;                  /* HCCD */
    }
    sysreg_write(mdcr_el2, mdcr);
    this_cpu()->host_mdcr = mdcr;
    this_cpu()->guest_mdcr = mdcr | MDCR_GUEST_TRAPS | (id_field(dfr0, 40) != 0 ? MDCR_TTRF : 0);
}

/* Registers of later extensions that trap unless a bit says that they do not: HFGRTR_EL2 and HFGWTR_EL2 have the same. */
static uint64_t host_fine(void)
{
    uint64_t pfr1 = sysreg_read(id_aa64pfr1_el1);
    uint64_t mmfr3 = sysreg_read(ID_AA64MMFR3_EL1);
    uint64_t fine = 0;

    if (id_field(pfr1, 24) != 0)        /* SME: SMPRI_EL1, TPIDR2_EL0 */
        fine |= UINT64_C(3) << 54;
    if (id_field(pfr1, 44) != 0)        /* GCS: GCSCR, GCSPR of EL0 and EL1 */
        fine |= UINT64_C(3) << 52;
    if (id_field(pfr1, 48) != 0)        /* THE: RCWMASK_EL1 */
        fine |= UINT64_C(1) << 56;
    if (id_field(mmfr3, 8) != 0)        /* S1PIE: PIRE0_EL1, PIR_EL1 */
        fine |= UINT64_C(3) << 57;
    if (id_field(mmfr3, 16) != 0)       /* S1POE: POR_EL0, POR_EL1 */
        fine |= UINT64_C(3) << 59;
    if (id_field(mmfr3, 20) != 0)       /* S2POE: S2POR_EL1 */
        fine |= UINT64_C(1) << 61;
    if (id_field(mmfr3, 24) != 0)       /* AIE: MAIR2_EL1, AMAIR2_EL1 */
        fine |= UINT64_C(3) << 62;
    return fine;
}

/* Fine-grained traps: for the host none, where they exist. */
static void set_up_fine_traps(void)
{
    struct cpu *cpu = this_cpu();

    cpu->has_hcrx = id_field(sysreg_read(id_aa64mmfr1_el1), 40) != 0;
    if (cpu->has_hcrx) {
        cpu->host_hcrx = host_hcrx();
        sysreg_write(HCRX_EL2, cpu->host_hcrx);
    }
    if (id_field(sysreg_read(id_aa64mmfr0_el1), 56) == 0)
        return;
    cpu->host_fine = host_fine();
    sysreg_write(HFGRTR_EL2, cpu->host_fine);
    sysreg_write(HFGWTR_EL2, cpu->host_fine);
    sysreg_write(HFGITR_EL2, id_field(sysreg_read(id_aa64pfr1_el1), 44) != 0 ? UINT64_C(7) << 57 : 0);     /* GCS */
    sysreg_write(HDFGRTR_EL2, 0);
    sysreg_write(HDFGWTR_EL2, 0);
}

void cpu_set_up(uint64_t vtcr, uint64_t vttbr)
{
    struct cpu *cpu = this_cpu();

    cpu->host_hcr = host_hcr();
    cpu->guest_hcr = guest_hcr(cpu->host_hcr);
    cpu->guest_cptr = GUEST_CPTR | (id_field(sysreg_read(id_aa64pfr0_el1), 44) != 0 ? CPTR_TAM : 0);
    cpu->last_vcpu = 0;
    predict_set_up(cpu);
    cpu->has_ras = id_field(sysreg_read(id_aa64pfr0_el1), 28) != 0;
    sysreg_write(ICC_SRE_EL2, 0xf);     /* before any other register of the GIC's */
    isb();
    gic_set_up(cpu);
    sysreg_write(vtcr_el2, vtcr);
    sysreg_write(vttbr_el2, vttbr);
    sysreg_write(vpidr_el2, sysreg_read(midr_el1));
    sysreg_write(vmpidr_el2, sysreg_read(mpidr_el1));
    sysreg_write(cnthctl_el2, 3);       /* the host's own timer is the physical one */
    sysreg_write(cntvoff_el2, 0);
    sysreg_write(hstr_el2, 0);
    set_up_vectors();
    set_up_debug();
    set_up_fine_traps();
    sysreg_write(sctlr_el1, SCTLR_EL1_RES1);
    sysreg_write(vbar_el1, 0);
    sysreg_write(hcr_el2, cpu->host_hcr);
    isb();
    __asm__ volatile("tlbi alle1" ::: "memory");    /* this CPU remembers nothing from before */
    dsb_sy();
    isb();
}
