/* SPDX-License-Identifier: Apache-2.0 */
/* Locks, as the core tells of them: their order, and all that one guards is checked before it goes. */
#include <sched.h>

#include "cpu.h"
#include "dma.h"
#include "duty.h"
#include "invariant.h"
#include "log.h"
#include "pte.h"
#include "report.h"
#include "section.h"
#include "stream.h"

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
        section_taken(s, cpu, id);
}

/* Everything that the lock guards is checked while nobody else can change it. */
static void check_drop(struct sim *s, struct cpu *cpu, uint32_t kind, uint64_t id)
{
    if (!cpu->held[kind] || cpu->held_id[kind] != id)
        report(s, cpu, "lock order", "drops lock %s %llu, which it does not hold", kind_name[kind], (unsigned long long)id);
    if (kind == LOCK_VM)
        pte_sync_vm(s, cpu, (uint32_t)id);
    if (kind == LOCK_SECTION)
        section_dropped(s, cpu, id);
    if (kind == LOCK_SECTION)
        dma_check_dropped(s, cpu, id);
    if (kind == LOCK_VM)
        stream_check_dropped(s, cpu, (uint32_t)id);
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
