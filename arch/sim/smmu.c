/* SPDX-License-Identifier: Apache-2.0 */
#include "smmu.h"

#include "cache.h"
#include "cpu.h"
#include "hw.h"
#include "log.h"
#include "mail.h"
#include "memory/frame.h"
#include "ram.h"
#include "record.h"
#include "report.h"
#include "stream.h"
#include "util.h"

static unsigned long long ull(uint64_t x)
{
    return x;
}

bool smmu_create(struct sim *s)
{
    if (s->dma_tables.count == 0)
        return true;
    s->smmu_sections = s->core.sections;
    s->smmu_tlb = sim_sparse(s->smmu_sections * 512 * sizeof(*s->smmu_tlb));
    return s->smmu_tlb != NULL;
}

void smmu_destroy(struct sim *s)
{
    sim_unsparse(s->smmu_tlb, s->smmu_sections * 512 * sizeof(*s->smmu_tlb));
}

/* ---- walks and the TLB ---- */

struct walk smmu_walk(const struct sim *s, uint64_t page)
{
    if (s->dma_tables.count == 0 || page >> (s->dma.bits - 12) != 0)
        return (struct walk){ .mapped = false };
    return walk_from(s, s->core.dma.root, s->core.dma.start, page);
}

bool sim_dma_lookup(struct sim *s, uint64_t page, struct sim_mapping *m)
{
    struct walk w = smmu_walk(s, page);

    if (w.mapped && m != NULL)
        *m = (struct sim_mapping){ w.leaf.gfn, w.leaf.pfn, w.leaf.level, w.leaf.device };
    return w.mapped;
}

/* NULL: nothing that the page belongs to is RAM. */
static uint64_t *place_of(const struct sim *s, uint64_t page)
{
    uint64_t index;

    return s->smmu_tlb != NULL && sim_section(s, page / 512, &index) ? &s->smmu_tlb[index * 512 + page % 512] : NULL;
}

bool smmu_has(const struct sim *s, uint64_t page, uint64_t *pfn)
{
    const uint64_t *at = place_of(s, page);
    uint64_t entry = at != NULL ? hw_load(at) : 0;

    *pfn = entry >> 12;
    return entry != 0;
}

void smmu_forget(struct sim *s, uint64_t page)
{
    uint64_t *at = place_of(s, page);

    if (at != NULL)
        hw_store(at, 0);
}

/* An access by what the TLB still has. While the section's lock is held the core may not have come to the invalidation yet. */
static void check_used(struct sim *s, const struct cpu *cpu, uint64_t page, uint64_t pfn)
{
    struct frame f = frame_of(HOLDER_INVALID);

    if (!s->check || s->concurrent || cpu->held[LOCK_SECTION])
        return;
    if (!sim_record(s, pfn, &f) || !frame_host_may_map(f))
        report(s, cpu, "I6", "a device goes through a stale translation of the SMMU's to frame 0x%llx, holder 0x%x, which the "
               "host may not have; missing: CMD_TLBI of page 0x%llx, and CMD_SYNC", ull(pfn), f.holder, ull(page));
}

/* False: a fault. */
static bool translate_host(struct sim *s, const struct cpu *cpu, uint64_t page, uint64_t *pfn)
{
    uint64_t *at = place_of(s, page);
    struct walk w;

    if (smmu_has(s, page, pfn)) {
        check_used(s, cpu, page, *pfn);
        return true;
    }
    w = smmu_walk(s, page);
    if (!w.mapped)
        return false;
    *pfn = w.leaf.pfn + (page - w.leaf.gfn);
    if (at != NULL)
        hw_store(at, *pfn << 12 | 1);
    else if (s->check && (s->door.address == 0 || page != s->door.address >> 12))
        report(s, cpu, "I5", "a device reaches page 0x%llx, frame 0x%llx, which is no RAM", ull(page), ull(*pfn));
    return true;
}

/* The same for any stream: the host's (f NULL), or a function's. */
static bool translate(struct sim *s, const struct cpu *cpu, struct function *f, uint64_t page, uint64_t *pfn)
{
    uint32_t stage = f != NULL ? hw_load32(&f->stage) : FUNCTION_HOST;

    if (stage == FUNCTION_HOST)
        return translate_host(s, cpu, page, pfn);
    return stage == FUNCTION_OPEN && stream_translate(s, cpu, f, page, pfn);
}

/* ---- accesses ---- */

static bool try_access(struct sim *s, const struct cpu *cpu, struct function *f, uint64_t addr, uint64_t *value, bool write)
{
    uint32_t word = (uint32_t)(addr / 8 % 512);
    bool there;
    uint64_t pfn;

    if (!translate(s, cpu, f, addr >> 12, &pfn))
        return false;
    there = sim_has_memory(s, pfn);
    if (there && write)
        cache_write(s, pfn, word, *value, false);
    else if (!write)
        *value = there ? cache_read(s, pfn, word, false) : 0;
    return true;
}

/* Others' CMD_SYNC waits while it is under way: see mail.h. */
enum sim_outcome smmu_transfer(struct sim *s, struct function *f, uint64_t addr, uint64_t *value, bool write)
{
    struct cpu *cpu = sim_this_cpu(s);
    bool done;

    if (s->concurrent) {
        hw_store32(&cpu->in_access, cpu->in_access + 1);
        hw_fence();
    } else {
        (void)pthread_mutex_lock(&s->turn);
    }
    done = try_access(s, cpu, f, addr, value, write);
    LOG(s, cpu, "dma %s addr=0x%llx%s", write ? "write" : "read", ull(addr), done ? "" : " fault");
    if (s->concurrent) {
        hw_fence();
        hw_store32(&cpu->in_access, cpu->in_access + 1);
    } else {
        (void)pthread_mutex_unlock(&s->turn);
    }
    if (!done)
        (void)__atomic_fetch_add(&s->smmu_events, 1, __ATOMIC_RELAXED);
    return done ? SIM_DONE : SIM_FAULT;
}

enum sim_outcome sim_dma_read(struct sim *s, uint64_t addr, uint64_t *value)
{
    return smmu_transfer(s, NULL, addr, value, false);
}

enum sim_outcome sim_dma_write(struct sim *s, uint64_t addr, uint64_t value)
{
    return smmu_transfer(s, NULL, addr, &value, true);
}

uint64_t sim_dma_events(struct sim *s)
{
    return __atomic_load_n(&s->smmu_events, __ATOMIC_RELAXED);
}
