/* SPDX-License-Identifier: Apache-2.0 */
#include "entry_step.h"

#include "entry.h"
#include "guest_entry.h"
#include "print.h"

static const struct {
    const char *host;
    const char *guest;
} sets[ENTRY_STEPS] = {
    [STEP_NONE] = { vectors, guest_vectors },
    [STEP_LOOP] = { vectors_loop, guest_vectors_loop },
    [STEP_CLEAR] = { vectors_clear, guest_vectors_clear },
    [STEP_FIRMWARE] = { vectors_firmware, guest_vectors_firmware },
};

#ifdef CORDON_NO_ENTRY_STEP
/* For the costs that make bench shows beside the others. */
#define STEP_TAKEN(m) STEP_NONE
#else
#define STEP_TAKEN(m) ((m).step)
#endif

void entry_step_set_up(struct cpu *cpu)
{
    cpu->step_argument = cpu->mitigation.argument;
    cpu->host_vectors = (uint64_t)sets[STEP_TAKEN(cpu->mitigation)].host;
    cpu->guest_vectors = (uint64_t)sets[STEP_TAKEN(cpu->mitigation)].guest;
    sysreg_write(vbar_el2, cpu->host_vectors);
}

/* Which step this CPU's vectors have, for the host and for guests: by the registers, not by the plan. */
static uint32_t step_there(const struct cpu *cpu)
{
    uint64_t there = sysreg_read(vbar_el2);
    uint32_t step = 0;

    while (step < ENTRY_STEPS && ((uint64_t)sets[step].host != there || (uint64_t)sets[step].guest != cpu->guest_vectors))
        step++;
    return step;
}

void entry_step_say(void)
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
