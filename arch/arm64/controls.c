/* SPDX-License-Identifier: Apache-2.0 */
#include "controls.h"

#define BUFFER_IS_NOT_OURS UINT64_C(0x10)       /* P of PMBIDR_EL1 and TRBIDR_EL1 */

void controls_read(struct cpu_id *id)
{
    *id = (struct cpu_id){ .reg = {
        [ID_PFR0] = sysreg_read(id_aa64pfr0_el1),
        [ID_PFR1] = sysreg_read(id_aa64pfr1_el1),
        [ID_PFR2] = sysreg_read(ID_AA64PFR2_EL1),
        [ID_DFR0] = sysreg_read(id_aa64dfr0_el1),
        [ID_DFR1] = sysreg_read(id_aa64dfr1_el1),
        [ID_ISAR0] = sysreg_read(id_aa64isar0_el1),
        [ID_ISAR1] = sysreg_read(id_aa64isar1_el1),
        [ID_ISAR2] = sysreg_read(ID_AA64ISAR2_EL1),
        [ID_ISAR3] = sysreg_read(ID_AA64ISAR3_EL1),
        [ID_MMFR0] = sysreg_read(id_aa64mmfr0_el1),
        [ID_MMFR1] = sysreg_read(id_aa64mmfr1_el1),
        [ID_MMFR3] = sysreg_read(ID_AA64MMFR3_EL1),
    } };
    if (registers_has_feature(id, FEATURE_MPAM))
        id->reg[ID_MPAMIDR] = sysreg_read(MPAMIDR_EL1);
    if (registers_has_feature(id, FEATURE_SPE))
        id->reg[ID_BUFFERS] |= (sysreg_read(PMBIDR_EL1) & BUFFER_IS_NOT_OURS) == 0;
    if (registers_has_feature(id, FEATURE_TRBE))
        id->reg[ID_BUFFERS] |= (uint64_t)((sysreg_read(TRBIDR_EL1) & BUFFER_IS_NOT_OURS) == 0) << 1;
    if (registers_has_feature(id, FEATURE_PMU))
        id->counters = sysreg_read(pmcr_el0) >> 11 & 0x1f;
}

/* ZCR_EL2 and SMCR_EL2 are there once CPTR_EL2 lets them be, the GIC's registers once ICC_SRE_EL2 does. */
void controls_write(const struct control_plan *plan, enum side side)
{
    control_write(plan, side, CPTR);
    control_write(plan, side, ICC_SRE);
    isb();
#define CONTROL(name, feature, and)         \
    if (plan_has(plan, CONTROL_##name))     \
        control_write(plan, side, name);
#include "registers.def"
    isb();
}

void controls_write_rare(const struct control_plan *plan, enum side side)
{
    uint32_t rare = plan->differs & ~CONTROLS_SWITCHED_ELSEWHERE;

#define CONTROL(name, feature, and)                 \
    if ((rare >> CONTROL_##name & 1) != 0)          \
        control_write(plan, side, name);
#include "registers.def"
}
