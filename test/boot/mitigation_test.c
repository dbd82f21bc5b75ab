/* SPDX-License-Identifier: Apache-2.0 */
/* What is chosen for CPUs that nobody here has, by part number, feature registers and the firmware's word. */
#include <stdio.h>

#include "mitigation.h"
#include "guest/smccc.h"

static unsigned failures;

#define NOT SMCCC_NOT_SUPPORTED
#define NEED SMCCC_NOT_REQUIRED
#define FREE SMCCC_WORKAROUND_UNAFFECTED

#define CSV2(n) (UINT64_C(n) << 56)
#define SSBS (UINT64_C(2) << 4)
#define CLRBHB (UINT64_C(1) << 28)
#define ECBHB (UINT64_C(1) << 60)

static const struct test {
    const char *name;
    struct mitigation_facts facts;
    enum entry_step step;
    uint32_t argument;
    bool guessed;
    bool bypass_call;
    int32_t guest[PREDICTIONS];
} tests[] = {
    { "Neoverse-N1", { 0x414fd0c1, CSV2(1), SSBS, 0, 0, { NOT, NOT, NOT } }, STEP_LOOP, 24, false, false, { FREE, NOT, 0 } },
    { "another revision", { 0x411fd0cf, CSV2(1), SSBS, 0, 0, { NOT, NOT, NOT } }, STEP_LOOP, 24, false, false, { FREE, NOT, 0 } },
    { "another maker's d0c", { 0x424fd0c1, CSV2(1), SSBS, 0, 0, { NOT, NOT, NOT } }, STEP_LOOP, 132, true, false, { FREE, NOT, NOT } },
    { "Neoverse-V1", { 0x411fd401, CSV2(1), SSBS, 0, 0, { NOT, NOT, 0 } }, STEP_LOOP, 32, false, false, { FREE, NOT, 0 } },
    { "Neoverse-V2", { 0x410fd4f0, CSV2(2), SSBS, 0, 0, { NOT, NOT, NOT } }, STEP_LOOP, 132, false, false, { FREE, NOT, 0 } },
    { "Cortex-A720", { 0x410fd811, CSV2(2), SSBS, 0, 0, { NOT, NOT, NOT } }, STEP_LOOP, 38, false, false, { FREE, NOT, 0 } },
    { "Ampere-1", { 0xc00fac30, CSV2(1), SSBS, 0, 0, { NOT, NOT, NOT } }, STEP_LOOP, 11, false, false, { FREE, NOT, 0 } },
    { "Cortex-A53", { 0x410fd034, 0, 0, 0, 0, { NOT, NOT, NOT } }, STEP_NONE, 0, false, false, { FREE, NEED, FREE } },
    { "Cortex-A510", { 0x410fd461, CSV2(1), SSBS, 0, 0, { NOT, NOT, NOT } }, STEP_NONE, 0, false, false, { FREE, NOT, FREE } },
    { "Cortex-A72, firmware with nothing", { 0x410fd083, 0, 0, 0, 0, { NOT, NOT, NOT } }, STEP_LOOP, 8, false, false, { NOT, NOT, 0 } },
    { "Cortex-A72, old firmware", { 0x410fd083, 0, 0, 0, 0, { 0, 0, NOT } }, STEP_FIRMWARE, SMCCC_ARCH_WORKAROUND_1, false, true,
      { 0, NEED, 0 } },
    { "Cortex-A72, new firmware", { 0x410fd083, 0, 0, 0, 0, { 0, 0, 0 } }, STEP_FIRMWARE, SMCCC_ARCH_WORKAROUND_3, false, true,
      { 0, NEED, 0 } },
    { "Cortex-A72 r1, which says CSV2", { 0x411fd080, CSV2(1), 0, 0, 0, { 1, 0, 1 } }, STEP_LOOP, 8, false, true, { FREE, NEED, 0 } },
    { "Cortex-A73, old firmware", { 0x410fd092, 0, 0, 0, 0, { 0, FREE, NOT } }, STEP_FIRMWARE, SMCCC_ARCH_WORKAROUND_1, false, false,
      { 0, NEED, NOT } },
    { "Cortex-A73, new firmware", { 0x410fd092, 0, 0, 0, 0, { 0, NEED, 0 } }, STEP_FIRMWARE, SMCCC_ARCH_WORKAROUND_3, false, false,
      { 0, NEED, 0 } },
    { "Cortex-A75, firmware with nothing", { 0x410fd0a0, CSV2(1), 0, 0, 0, { NOT, NOT, NOT } }, STEP_NONE, 0, false, false,
      { FREE, NOT, NOT } },
    { "Cortex-A75, firmware", { 0x410fd0a0, CSV2(1), 0, 0, 0, { 1, 1, 0 } }, STEP_FIRMWARE, SMCCC_ARCH_WORKAROUND_3, false, false,
      { FREE, NEED, 0 } },
    { "CSV2.3", { 0x410fd840, CSV2(3), SSBS, 0, 0, { NOT, NOT, NOT } }, STEP_NONE, 0, false, false, { FREE, NOT, FREE } },
    { "ECBHB", { 0x410fd4f0, CSV2(2), SSBS, CLRBHB, ECBHB, { NOT, NOT, NOT } }, STEP_NONE, 0, false, false, { FREE, NOT, 0 } },
    { "CLRBHB", { 0x410fd4f0, CSV2(2), SSBS, CLRBHB, 0, { NOT, NOT, NOT } }, STEP_CLEAR, 0, false, false, { FREE, NOT, 0 } },
    { "in no list", { 0x000f0510, CSV2(2), SSBS, 0, 0, { NOT, NOT, NOT } }, STEP_LOOP, 132, true, false, { FREE, NOT, NOT } },
    { "in no list, CLRBHB", { 0x000f0510, CSV2(2), SSBS, CLRBHB, 0, { NOT, NOT, NOT } }, STEP_CLEAR, 0, false, false,
      { FREE, NOT, 0 } },
    { "in no list, firmware has it", { 0x000f0510, CSV2(1), SSBS, 0, 0, { NOT, NOT, 0 } }, STEP_FIRMWARE, SMCCC_ARCH_WORKAROUND_3,
      false, false, { FREE, NOT, 0 } },
    { "in no list, firmware knows better", { 0x000f0510, 0, 0, 0, 0, { 1, 1, 1 } }, STEP_NONE, 0, false, false, { FREE, NEED, FREE } },
    { "in no list, old firmware", { 0x000f0510, 0, 0, 0, 0, { 0, NOT, NOT } }, STEP_FIRMWARE, SMCCC_ARCH_WORKAROUND_1, false, false,
      { 0, NOT, NOT } },
    { "TSV110", { 0x481fd010, 0, 0, 0, 0, { NOT, NOT, NOT } }, STEP_LOOP, 132, true, false, { FREE, NOT, NOT } },
};

int main(void)
{
    for (unsigned i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        const struct test *t = &tests[i];
        struct mitigation m = mitigation_plan(&t->facts);

        if (m.step == t->step && m.argument == t->argument && m.guessed == t->guessed && m.bypass_call == t->bypass_call &&
            m.guest[0] == t->guest[0] && m.guest[1] == t->guest[1] && m.guest[2] == t->guest[2])
            continue;
        printf("%s: step %d of 0x%x, guessed %d, call %d, guests %d %d %d\n", t->name, m.step, m.argument, m.guessed, m.bypass_call,
               m.guest[0], m.guest[1], m.guest[2]);
        failures++;
    }
    printf("mitigation_test: %u failures\n", failures);
    return failures != 0;
}
