/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu_setup.h"

#include "controls.h"
#include "cpu.h"
#include "entry_step.h"
#include "guest_debug.h"
#include "guest_gic.h"
#include "predict.h"

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
    entry_step_set_up(cpu);
    sysreg_write(vtcr_el2, vtcr);
    sysreg_write(vttbr_el2, vttbr);
    sysreg_write(vpidr_el2, sysreg_read(midr_el1));
    sysreg_write(vmpidr_el2, sysreg_read(mpidr_el1));
    sysreg_write(cntvoff_el2, 0);
    sysreg_write(sctlr_el1, SCTLR_EL1_RES1);
    sysreg_write(vbar_el1, 0);
    controls_write(&cpu->plan, SIDE_HOST);
    stop_watchers(&id);
    debug_set_up(cpu);
    gic_set_up(cpu);
    isb();
    __asm__ volatile("tlbi alle1" ::: "memory");    /* this CPU remembers nothing from before */
    dsb_sy();
    isb();
}
