/* SPDX-License-Identifier: Apache-2.0 */
#include "smmu.h"

#include "arch.h"
#include "cpu.h"
#include "log.h"
#include "machine_el2.h"
#include "print.h"
#include "refuse.h"
#include "smmu_events.h"
#include "smmu_own.h"
#include "smmu_queue.h"
#include "smmu_start.h"
#include "smmu_streams.h"
#include "ticket.h"

static struct smmu smmus[MAX_SMMUS];
static uint32_t count_of_smmus;
static bool stage2;                     /* the one form of table that all of them walk */

/* Held for a few commands and the wait for them, which is bounded. */
static struct lock queues;

/* ---- boot ---- */

bool smmu_any(void)
{
    return count_of_smmus > 0;
}

void smmu_add(uint64_t base, const struct smmu_streams *streams, uint32_t ranges)
{
    struct smmu *s = &smmus[count_of_smmus++];
    const char *reason;

    s->base = base;
    s->ranges = ranges;
    for (uint32_t i = 0; i < ranges; i++)
        s->streams[i] = streams[i];
    reason = smmu_identify(s);
    if (reason != 0)
        refuse_to_boot(reason);
}

struct cordon_dma smmu_tables(uint64_t end)
{
    struct cordon_dma dma = { 0, 0 };
    const char *reason = count_of_smmus == 0 ? 0 : smmu_choose(smmus, count_of_smmus, end, &dma);

    if (reason != 0)
        refuse_to_boot(reason);
    stage2 = dma.page == PAGE_STAGE2;
    for (uint32_t i = 0; i < count_of_smmus; i++)
        smmus[i].gives = stage2;
    return dma;
}

uint64_t smmu_place_all(uint64_t at)
{
    for (uint32_t i = 0; i < count_of_smmus; i++)
        at = smmu_place(&smmus[i], at);
    return at;
}

static struct smmu_translation hosts(void)
{
    return (struct smmu_translation){ .stage2 = stage2, .start = machine.dma.start, .root = machine.dma.root * CORDON_PAGE_SIZE };
}

void smmu_start_all(void)
{
    for (uint32_t i = 0; i < count_of_smmus; i++) {
        const char *reason = smmu_start(&smmus[i], hosts());

        if (reason != 0)
            refuse_to_boot(reason);
    }
    if (smmu_any())
        print("Cordon: the host's devices are behind %u SMMU%s, by a table of stage %u\n", (uint64_t)count_of_smmus,
              count_of_smmus == 1 ? "" : "s", (uint64_t)(stage2 ? 2 : 1));
}

/* ---- the core's steps ---- */

/* An SMMU that does not obey is no panic: its devices are cut off for good, and the log says so. */
static void give_up(struct smmu *s)
{
    bool closed = smmu_cut(s);

    log_event(CORDON_EVENT_DMA_CUT, s->base, (uint64_t)s->failure | (uint64_t)!closed << 32);
}

static void hear(struct smmu *s)
{
    this_cpu()->stat[CORDON_STAT_DMA_DENIED] += smmu_events_take(s);
}

/* vmid: whose streams; 0: the host's. VMs' are given where the table is of stage 2 alone. */
static void forget(uint32_t vmid, uint64_t frame, uint64_t pages)
{
    ticket_lock(&queues);
    for (uint32_t i = 0; i < count_of_smmus; i++) {
        if (smmus[i].live && !smmu_forget(&smmus[i], stage2, vmid, frame, pages))
            give_up(&smmus[i]);
    }
    ticket_unlock(&queues);
}

void arch_dma_invalidate(struct cordon *c, uint64_t frame, uint64_t pages)
{
    (void)c;
    forget(0, frame, pages);
}

void arch_dma_forget(struct cordon *c, uint32_t vmid, uint64_t gfn, uint64_t pages)
{
    (void)c;
    forget(vmid, gfn, pages);
}

void arch_dma_sync(struct cordon *c)
{
    (void)c;
    ticket_lock(&queues);
    for (uint32_t i = 0; i < count_of_smmus; i++) {
        if (!smmus[i].live)
            continue;
        if (!smmu_complete(&smmus[i]))
            give_up(&smmus[i]);
        hear(&smmus[i]);
    }
    ticket_unlock(&queues);
}

/* ---- streams of VMs ---- */

/* An SMMU that can be told something; 0: it is cut off. */
static struct smmu *find_live(uint64_t base)
{
    for (uint32_t i = 0; i < count_of_smmus; i++) {
        if (smmus[i].base == base && smmus[i].live)
            return &smmus[i];
    }
    return 0;
}

/* What all of a VM's streams have. */
static struct smmu_translation guests(const struct stage2 *s2)
{
    struct smmu_translation t = { .stage2 = true, .start = s2->start, .vmid = s2->vmid, .root = s2->root * CORDON_PAGE_SIZE };

    while ((s2->gfn_limit * CORDON_PAGE_SIZE) >> t.bits > 1)
        t.bits++;
    return t;
}

bool smmu_take_stream(uint64_t base, uint32_t stream)
{
    struct smmu_translation shape = guests(&machine.vm_shape);
    struct smmu *s;
    bool taken;

    ticket_lock(&queues);
    s = find_live(base);
    taken = s != 0 && smmu_can_give(s, stream, &shape, machine.vms + 1) && smmu_streams_own(s, stream);
    if (taken && !smmu_own_close(s, stream, 0)) {
        give_up(s);
        taken = false;
    }
    ticket_unlock(&queues);
    return taken;
}

void smmu_open_stream(uint64_t base, uint32_t stream, const struct stage2 *s2)
{
    struct smmu *s;

    ticket_lock(&queues);
    s = find_live(base);
    if (s != 0 && !smmu_own_open(s, stream, guests(s2)))
        give_up(s);
    ticket_unlock(&queues);
}

void smmu_close_stream(uint64_t base, uint32_t stream, const struct stage2 *s2)
{
    struct smmu *s;

    ticket_lock(&queues);
    s = find_live(base);
    if (s != 0 && !smmu_own_close(s, stream, s2->vmid))
        give_up(s);
    ticket_unlock(&queues);
}

void smmu_return_stream(uint64_t base, uint32_t stream)
{
    struct smmu *s;

    ticket_lock(&queues);
    s = find_live(base);
    if (s != 0 && !smmu_own_return(s, stream, hosts()))
        give_up(s);
    ticket_unlock(&queues);
}

/* ---- the host's log, and the end ---- */

void smmu_listen(void)
{
    if (count_of_smmus == 0)
        return;
    ticket_lock(&queues);
    for (uint32_t i = 0; i < count_of_smmus; i++)
        hear(&smmus[i]);
    ticket_unlock(&queues);
}

void smmu_log_was_read(void)
{
    if (count_of_smmus == 0)
        return;
    ticket_lock(&queues);
    smmu_events_read();
    ticket_unlock(&queues);
}

void smmu_stop_all(void)
{
    ticket_lock(&queues);
    for (uint32_t i = 0; i < count_of_smmus; i++) {
        if (smmus[i].live && !smmu_stop(&smmus[i]))
            give_up(&smmus[i]);
    }
    ticket_unlock(&queues);
}

void smmu_cut_all(void)
{
    for (uint32_t i = 0; i < count_of_smmus; i++) {
        if (smmus[i].live)
            (void)smmu_cut(&smmus[i]);
    }
}
