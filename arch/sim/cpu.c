/* SPDX-License-Identifier: Apache-2.0 */
/* CPUs: a thread plays one at a time, the same number in every machine. */
#include <sched.h>
#include <stdlib.h>

#include "duty.h"
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
    }
    free(s->cpu);
    mail_destroy(s);
}

/* ---- locks ---- */

static const char *const kind_name[SIM_KINDS] = { "?", "vm", "section", "host" };

#define PATIENCE 1000000u

void arch_wait(struct cordon *c)
{
    struct sim *s = c->arch->sim;
    struct cpu *cpu = sim_this_cpu(s);

    /* Without threads nobody else can be in there: it is this CPU that holds the lock. */
    if (!s->concurrent && ++cpu->waits > PATIENCE)
        arch_panic(c, __FILE__, __LINE__, "a lock is waited for that nobody will drop");
    (void)sched_yield();
}

void arch_lock_taken(struct cordon *c, enum lock_kind kind, uint64_t id)
{
    struct sim *s = c->arch->sim;
    struct cpu *cpu = sim_this_cpu(s);

    LOG(s, cpu, "lock %s %llu", kind_name[kind], (unsigned long long)id);
    cpu->waits = 0;
    for (uint32_t k = kind; s->check && k < SIM_KINDS; k++) {
        if (cpu->held[k])
            report(s, cpu, "lock order", "takes lock %s %llu while it holds %s %llu", kind_name[kind], (unsigned long long)id,
                   kind_name[k], (unsigned long long)cpu->held_id[k]);
    }
    cpu->held[kind] = true;
    cpu->held_id[kind] = id;
    if (s->check && kind == LOCK_SECTION)
        record_section_taken(s, cpu, id);
}

/* Everything that the lock guards is checked while nobody else can change it. */
static void check_drop(struct sim *s, struct cpu *cpu, uint32_t kind, uint64_t id)
{
    if (!cpu->held[kind] || cpu->held_id[kind] != id)
        report(s, cpu, "lock order", "drops lock %s %llu, which it does not hold", kind_name[kind], (unsigned long long)id);
    if (kind == LOCK_VM)
        pte_sync_vm(s, cpu, (uint32_t)id);
    if (kind == LOCK_SECTION)
        record_section_dropped(s, cpu, id);
    duty_lock_dropped(s, cpu, kind, id);
    pte_check_fresh(s, cpu, kind, id);
    invariant_changes(s, cpu, kind);
}

void arch_lock_dropped(struct cordon *c, enum lock_kind kind, uint64_t id)
{
    struct sim *s = c->arch->sim;
    struct cpu *cpu = sim_this_cpu(s);

    if (s->check)
        check_drop(s, cpu, kind, id);
    cpu->held[kind] = false;
    LOG(s, cpu, "unlock %s %llu", kind_name[kind], (unsigned long long)id);
}

/* ---- the end ---- */

_Noreturn void arch_panic(struct cordon *c, const char *file, int line, const char *text)
{
    struct sim *s = c != NULL && c->arch != NULL ? c->arch->sim : NULL;

    if (s != NULL)
        LOG(s, sim_this_cpu(s), "panic %s:%d: %s", file, line, text);
    if (s != NULL && s->panic != NULL)
        s->panic(file, line, text);
    (void)fprintf(stderr, "%s:%d: broken invariant of the core: %s\n", file, line, text);
    abort();
}
