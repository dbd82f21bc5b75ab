/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

#include <stdlib.h>

#include "mail.h"
#include "tlb.h"

static _Thread_local uint32_t playing;

void sim_cpu(struct sim *s, uint32_t cpu)
{
    (void)s;
    playing = cpu;
}

struct cpu *sim_this_cpu(struct sim *s)
{
    return &s->cpu[playing % s->cpus];
}

bool sim_cpus_create(struct sim *s, uint64_t seed)
{
    s->cpu = calloc(s->cpus, sizeof(*s->cpu));
    if (s->cpu == NULL || !mail_create(s))
        return false;
    for (uint32_t i = 0; i < s->cpus; i++) {
        s->cpu[i].sim = s;
        s->cpu[i].id = i;
        s->cpu[i].tlb = tlb_create(s->tlb_entries, seed + i);
        if (s->cpu[i].tlb == NULL)
            return false;
    }
    return true;
}

void sim_cpus_destroy(struct sim *s)
{
    for (uint32_t i = 0; s->cpu != NULL && i < s->cpus; i++) {
        struct cpu *cpu = &s->cpu[i];

        tlb_destroy(cpu->tlb);
        free(cpu->duty);
        free(cpu->queue);
        free(cpu->change);
        free(cpu->gone);
        free(cpu->dma);
        free(cpu->told);
        free(cpu->stream);
        free(cpu->stream_told);
    }
    free(s->cpu);
    mail_destroy(s);
}
