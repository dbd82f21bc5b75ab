/* SPDX-License-Identifier: Apache-2.0 */
/* What mitigation.c chooses, done: each CPU asks its registers and its firmware, and takes the vectors of its step. */
#include "cpu.h"
#include "print.h"
#include "smc.h"
#include "guest/smccc.h"

/* entry.S and guest_entry.S: a set for each step */
extern const char vectors[], vectors_loop[], vectors_clear[], vectors_firmware[];
extern const char guest_vectors[], guest_vectors_loop[], guest_vectors_clear[], guest_vectors_firmware[];

static const struct {
    const char *host;
    const char *guest;
} sets[ENTRY_STEPS] = {
    [STEP_NONE] = { vectors, guest_vectors },
    [STEP_LOOP] = { vectors_loop, guest_vectors_loop },
    [STEP_CLEAR] = { vectors_clear, guest_vectors_clear },
    [STEP_FIRMWARE] = { vectors_firmware, guest_vectors_firmware },
};

static const uint32_t functions[PREDICTIONS] = { SMCCC_ARCH_WORKAROUND_1, SMCCC_ARCH_WORKAROUND_2, SMCCC_ARCH_WORKAROUND_3 };

/* Answers of the convention are 32 bits wide. */
static int32_t ask(uint64_t function, uint64_t argument)
{
    return (int32_t)firmware(function, argument, 0, 0);
}

static struct mitigation choose(struct cpu *cpu)
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
    return mitigation_plan(&f);
}

#ifdef CORDON_NO_ENTRY_STEP
/* For the costs that make bench shows beside the others. */
#define STEP_TAKEN(m) STEP_NONE
#else
#define STEP_TAKEN(m) ((m).step)
#endif

void predict_set_up(struct cpu *cpu)
{
    cpu->mitigation = choose(cpu);
    cpu->step_argument = cpu->mitigation.argument;
    cpu->bypass_open = false;       /* as firmware begins */
    cpu->host_vectors = (uint64_t)sets[STEP_TAKEN(cpu->mitigation)].host;
    cpu->guest_vectors = (uint64_t)sets[STEP_TAKEN(cpu->mitigation)].guest;
    sysreg_write(vbar_el2, cpu->host_vectors);
}

/* ---- what is told ---- */

/* Which step this CPU's vectors have, for the host and for guests: by the registers, not by the plan. */
static uint32_t step_there(const struct cpu *cpu)
{
    uint64_t there = sysreg_read(vbar_el2);
    uint32_t step = 0;

    while (step < ENTRY_STEPS && ((uint64_t)sets[step].host != there || (uint64_t)sets[step].guest != cpu->guest_vectors))
        step++;
    return step;
}

void predict_say(void)
{
    static const char *const steps[ENTRY_STEPS + 1] = { "nothing", "a loop of %u branches", "CLRBHB", "the firmware's call 0x%x",
                                                        "vectors of no step" };
    static const char *const exposure[] = { "not affected", "closed", "open" };
    const struct cpu *cpu = this_cpu();
    const struct mitigation *m = &cpu->mitigation;

    print("Cordon: on entry ");
    print(steps[step_there(cpu)], cpu->step_argument);
    print("%s; branch targets: %s, history: %s, store bypass: %s\n", m->guessed ? " (a guess: no list has this CPU)" : "",
          exposure[m->exposure[BRANCH_TARGETS]], exposure[m->exposure[BRANCH_HISTORY]], exposure[m->exposure[STORE_BYPASS]]);
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
