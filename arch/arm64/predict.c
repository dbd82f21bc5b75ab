/* SPDX-License-Identifier: Apache-2.0 */
#include "predict.h"

#include "smc.h"
#include "guest/smccc.h"

static const uint32_t functions[PREDICTIONS] = { SMCCC_ARCH_WORKAROUND_1, SMCCC_ARCH_WORKAROUND_2, SMCCC_ARCH_WORKAROUND_3 };

/* Answers of the convention are 32 bits wide. */
static int32_t ask(uint64_t function, uint64_t argument)
{
    return (int32_t)firmware(function, argument, 0, 0);
}

void predict_set_up(struct cpu *cpu)
{
    struct mitigation_facts f = {
        .midr = sysreg_read(midr_el1),
        .pfr0 = sysreg_read(id_aa64pfr0_el1),
        .pfr1 = sysreg_read(id_aa64pfr1_el1),
        .isar2 = sysreg_read(ID_AA64ISAR2_EL1),
        .mmfr1 = sysreg_read(id_aa64mmfr1_el1),
    };
    bool features = firmware_has_features();

    for (uint32_t i = 0; i < PREDICTIONS; i++) {
        cpu->firmware[i] = features ? ask(SMCCC_ARCH_FEATURES, functions[i]) : SMCCC_NOT_SUPPORTED;
        f.firmware[i] = cpu->firmware[i];
    }
    cpu->mitigation = mitigation_plan(&f);
    cpu->bypass_open = false;       /* as firmware begins */
}

/* ---- the host's calls, and guests' ---- */

/* Which prediction a function is about; PREDICTIONS: it is another function. */
static uint32_t about(uint64_t function)
{
    uint32_t i = 0;

    while (i < PREDICTIONS && functions[i] != function)
        i++;
    return i;
}

int64_t predict_features(uint64_t function)
{
    uint32_t what = about(function);

    return what < PREDICTIONS ? this_cpu()->firmware[arch_index(what, PREDICTIONS)] : SMCCC_NOT_SUPPORTED;
}

bool predict_call(uint64_t x[4])
{
    uint64_t function = (uint32_t)x[0];
    uint32_t what = about(function);
    struct cpu *cpu = this_cpu();

    if (what == PREDICTIONS || cpu->firmware[arch_index(what, PREDICTIONS)] < 0)
        return false;
    if (what == STORE_BYPASS)
        cpu->bypass_open = (uint32_t)x[1] == 0;
    (void)firmware(function, (uint32_t)x[1], 0, 0);
    x[0] = SMCCC_SUCCESS;
    return true;
}

int64_t arch_workaround(const struct cordon *c, uint32_t function)
{
    uint32_t what = about(function);

    (void)c;
    return what < PREDICTIONS ? this_cpu()->mitigation.guest[arch_index(what, PREDICTIONS)] : SMCCC_NOT_SUPPORTED;
}

static void let_bypass(const struct cpu *cpu, bool open)
{
    if (cpu->mitigation.bypass_call && cpu->bypass_open)
        (void)firmware(SMCCC_ARCH_WORKAROUND_2, open ? 0 : 1, 0, 0);
}

void predict_guest_enters(struct cpu *cpu) { let_bypass(cpu, false); }
void predict_guest_left(struct cpu *cpu) { let_bypass(cpu, true); }
