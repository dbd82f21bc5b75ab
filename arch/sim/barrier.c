/* SPDX-License-Identifier: Apache-2.0 */
/* Barriers and invalidations: an invalidation is issued, and takes effect at its CPU's next DSB ISH. */
#include "cpu.h"
#include "duty.h"
#include "hw.h"
#include "log.h"
#include "mail.h"
#include "tlb.h"
#include "util.h"

static void order_stores(struct cpu *cpu)
{
    cpu->ordered = cpu->clock;
    for (uint32_t k = 0; k < SIM_KINDS; k++)
        cpu->fresh[k] = 0;
}

void arch_dsb_ishst(struct cordon *c)
{
    struct sim *s = c->arch->sim;
    struct cpu *cpu = sim_this_cpu(s);

    LOG(s, cpu, "dsb ishst");
    if (s->concurrent)
        hw_fence();
    order_stores(cpu);
    duty_ordered(cpu);
}

/* The same barrier: an SMMU is a walker as those of CPUs are. */
void arch_dma_publish(struct cordon *c)
{
    arch_dsb_ishst(c);
}

static void apply_all(struct sim *s, const struct tlbi *op)
{
    for (uint32_t i = 0; i < s->cpus; i++)
        tlb_apply(s->cpu[i].tlb, op);
}

void arch_dsb_ish(struct cordon *c)
{
    struct sim *s = c->arch->sim;
    struct cpu *cpu = sim_this_cpu(s);

    LOG(s, cpu, "dsb ish");
    if (s->concurrent)
        hw_fence();
    for (uint32_t i = 0; i < cpu->queued; i++) {
        if (cpu->queue[i].kinds == (TLB_STAGE2 | TLB_WALK | TLB_COMBINED))
            cpu->flushed = cpu->queue[i].vmid;
        if (s->concurrent)
            mail_post(s, &cpu->queue[i]);
        else
            apply_all(s, &cpu->queue[i]);
    }
    if (s->concurrent && cpu->queued > 0)
        mail_wait(s, cpu);
    cpu->queued = 0;
    order_stores(cpu);
    duty_completed(cpu);
}

/* Stores that no barrier has ordered yet are not seen by an invalidation: a walker may bring the old value back. */
static void issue(struct cpu *cpu, struct tlbi op)
{
    uint64_t first = op.pages == TLB_EVERYTHING ? 0 : op.gfn;
    uint64_t pages = op.pages == TLB_EVERYTHING ? UINT64_C(1) << 36 : op.pages;

    if (cpu->duties > 0)
        op.keep = duty_unordered(cpu, op.vmid, first, pages);
    cpu->queue = sim_room(cpu->queue, cpu->queued, &cpu->queue_room, sizeof(op));
    cpu->queue[cpu->queued++] = op;
}

void arch_tlbi_ipas2e1is(struct cordon *c, uint32_t vmid, uint64_t gfn, uint64_t pages)
{
    struct sim *s = c->arch->sim;
    struct cpu *cpu = sim_this_cpu(s);

    LOG(s, cpu, "tlbi ipas2e1is vmid=%u gfn=0x%llx pages=%llu", vmid, (unsigned long long)gfn, (unsigned long long)pages);
    if (pages == 0)
        return;
    issue(cpu, (struct tlbi){ .kinds = TLB_STAGE2 | TLB_WALK, .vmid = vmid & 0xffff, .gfn = gfn, .pages = pages });
    duty_stage2(cpu, vmid, gfn, pages);
}

void arch_tlbi_vmalle1is(struct cordon *c, uint32_t vmid)
{
    struct sim *s = c->arch->sim;
    struct cpu *cpu = sim_this_cpu(s);

    LOG(s, cpu, "tlbi vmalle1is vmid=%u", vmid);
    issue(cpu, (struct tlbi){ .kinds = TLB_COMBINED, .vmid = vmid & 0xffff, .pages = TLB_EVERYTHING });
    duty_combined(cpu, vmid);
}

void arch_tlbi_vmalls12e1is(struct cordon *c, uint32_t vmid)
{
    struct sim *s = c->arch->sim;
    struct cpu *cpu = sim_this_cpu(s);

    LOG(s, cpu, "tlbi vmalls12e1is vmid=%u", vmid);
    issue(cpu, (struct tlbi){ .kinds = TLB_STAGE2 | TLB_WALK | TLB_COMBINED, .vmid = vmid & 0xffff,
                              .pages = TLB_EVERYTHING });
    duty_all(cpu, vmid);
}
