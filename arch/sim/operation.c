/* SPDX-License-Identifier: Apache-2.0 */
/* The frame around each operation. */
#include "cpu.h"
#include "dma.h"
#include "duty.h"
#include "invariant.h"
#include "log.h"
#include "report.h"
#include "stale.h"
#include "stream.h"

void sim_begin(struct sim *s, const char *what)
{
    struct cpu *cpu;

    if (!s->concurrent)
        (void)pthread_mutex_lock(&s->turn);
    cpu = sim_this_cpu(s);
    if (cpu->depth++ > 0)
        return;
    cpu->what = what;
    cpu->reports = __atomic_load_n(&s->reports, __ATOMIC_RELAXED);
    LOG(s, cpu, "begin %s", what);
}

static void check_operation(struct sim *s, struct cpu *cpu)
{
    for (uint32_t k = 1; k < SIM_KINDS; k++) {
        if (cpu->held[k])
            report(s, cpu, "lock", "the operation ends and a lock is still held");
        cpu->held[k] = false;
    }
    duty_lock_dropped(s, cpu, 0, 0);
    dma_check_end(s, cpu);
    stream_check_dropped(s, cpu, 0);
    stream_check_retracted(s, cpu);
    if (s->concurrent)
        cpu->changes = 0;
    else
        for (uint32_t k = 0; k < SIM_KINDS; k++)
            invariant_changes(s, cpu, k);
    stale_check_retracted(s, cpu);
}

unsigned sim_end(struct sim *s)
{
    struct cpu *cpu = sim_this_cpu(s);
    unsigned found = 0;

    if (cpu->depth == 1) {
        if (s->check)
            check_operation(s, cpu);
        found = __atomic_load_n(&s->reports, __ATOMIC_RELAXED) - cpu->reports;
        LOG(s, cpu, "end");
        cpu->what = NULL;
    }
    if (cpu->depth > 0)
        cpu->depth--;
    if (!s->concurrent)
        (void)pthread_mutex_unlock(&s->turn);
    return found;
}
