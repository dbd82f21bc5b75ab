/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include "cpu.h"
#include "hw.h"
#include "log.h"
#include "ram.h"
#include "report.h"
#include "util.h"
#include "walker.h"

#define ENTRIES 8192                        /* of a stream's TLB: a page has its place */
#define PAGES ((UINT64_C(1) << 28) - 1)     /* guest pages below this one may be in it */

static unsigned long long ull(uint64_t x)
{
    return x;
}

bool stream_create(struct function *f)
{
    f->tlb = sim_sparse(ENTRIES * sizeof(uint64_t));
    return f->tlb != NULL;
}

void stream_destroy(struct sim *s)
{
    for (uint32_t i = 0; i < s->functions; i++)
        sim_unsparse(s->function[i].tlb, ENTRIES * sizeof(uint64_t));
}

static bool is_open(const struct function *f, uint32_t vmid)
{
    return hw_load32(&f->stage) == FUNCTION_OPEN && hw_load32(&f->vmid) == vmid;
}

static bool any_open(const struct sim *s, uint32_t vmid)
{
    for (uint32_t i = 0; i < s->functions; i++) {
        if (is_open(&s->function[i], vmid))
            return true;
    }
    return false;
}

/* ---- walks ---- */

static struct walk walk_now(const struct sim *s, const struct function *f, uint64_t page)
{
    struct stage2 t = s->core.vm_shape;

    t.root = hw_load(&f->root);
    t.vmid = hw_load32(&f->vmid);
    return walk_stage2(s, &t, page);
}

/* An entry of the TLB (walk cache): the frame (table) in 63:28, and one more than the page (its number) in 27:0. 0: none. */
static uint64_t entry_for(uint64_t frame, uint64_t number)
{
    return frame << 28 | (number + 1);
}

static uint64_t frame_in(uint64_t entry) { return entry >> 28; }
static uint64_t number_in(uint64_t entry) { return (entry & PAGES) - 1; }

/* The walk for a page, from where the walk cache lets it begin. */
static struct walk walk_cached(const struct sim *s, struct function *f, uint64_t page)
{
    uint64_t *place = &f->walk[page / 512 % STREAM_WALKS];
    uint64_t entry = hw_load(place);
    struct walk w;

    if (entry != 0 && number_in(entry) == page / 512)
        return walk_from(s, frame_in(entry), 3, page);
    w = walk_now(s, f, page);
    if (!s->concurrent && w.level == 3 && page < PAGES)
        hw_store(place, entry_for(w.rows[3], page / 512));
    return w;
}

/* What the stream used against the VM's table. While the VM's lock is held the core may not have come to the rest. */
static void check_used(struct sim *s, const struct cpu *cpu, const struct function *f, uint64_t page, uint64_t pfn)
{
    struct walk w;

    if (!s->check || s->concurrent || (cpu->held[LOCK_VM] && cpu->held_id[LOCK_VM] == f->vmid))
        return;
    w = walk_now(s, f, page);
    if (!w.mapped || w.leaf.pfn + (page - w.leaf.gfn) != pfn)
        report(s, cpu, "I6", "a device of VM %u goes through a stale translation of the SMMU's, guest page 0x%llx to frame "
               "0x%llx; missing: CMD_TLBI_S2_IPA, and CMD_SYNC", f->vmid, ull(page), ull(pfn));
}

bool stream_translate(struct sim *s, const struct cpu *cpu, struct function *f, uint64_t page, uint64_t *pfn)
{
    uint64_t *place = &f->tlb[page % ENTRIES];
    uint64_t entry = hw_load(place);
    struct walk w;

    if (entry == 0 || number_in(entry) != page) {
        w = walk_cached(s, f, page);
        if (!w.mapped)
            return false;
        *pfn = w.leaf.pfn + (page - w.leaf.gfn);
        if (page < PAGES)
            hw_store(place, entry_for(*pfn, page));
    } else {
        *pfn = frame_in(entry);
    }
    check_used(s, cpu, f, page, *pfn);
    return true;
}

/* ---- duties ---- */

static bool meet(uint64_t a, uint64_t a_n, uint64_t b, uint64_t b_n)
{
    return a < b + b_n && b < a + a_n;
}

static const char *missing(const struct stream_duty *d)
{
    return d->told ? "CMD_SYNC" : "CMD_TLBI_S2_IPA and CMD_SYNC";
}

void stream_retracted(struct sim *s, struct cpu *cpu, const struct duty *d)
{
    if (d->vmid == 0 || !any_open(s, d->vmid))
        return;
    cpu->stream = sim_room(cpu->stream, cpu->streams, &cpu->stream_room, sizeof(*cpu->stream));
    cpu->stream[cpu->streams++] = (struct stream_duty){ d->vmid, d->level, d->gfn, d->pages, d->old, false };
}

void arch_dma_forget(struct cordon *c, uint32_t vmid, uint64_t gfn, uint64_t pages)
{
    struct sim *s = c->arch->sim;
    struct cpu *cpu = sim_this_cpu(s);

    LOG(s, cpu, "dma forget vmid=%u gfn=0x%llx pages=%llu", vmid, ull(gfn), ull(pages));
    cpu->stream_told = sim_room(cpu->stream_told, cpu->stream_tolds, &cpu->stream_told_room, sizeof(*cpu->stream_told));
    cpu->stream_told[cpu->stream_tolds++] = (struct stretch){ vmid, gfn, pages };
    for (uint32_t i = 0; i < cpu->streams; i++) {
        struct stream_duty *d = &cpu->stream[i];

        if (d->vmid == vmid && gfn <= d->gfn && d->gfn + d->pages <= gfn + pages)
            d->told = true;
    }
}

/* Whether the page was taken out after the SMMUs were told of it: a walk that was under way may have brought it back. */
static bool is_back(const struct cpu *cpu, uint32_t vmid, uint64_t page)
{
    for (uint32_t i = 0; i < cpu->streams; i++) {
        const struct stream_duty *d = &cpu->stream[i];

        if (d->vmid == vmid && !d->told && page - d->gfn < d->pages)
            return true;
    }
    return false;
}

static void forget(const struct cpu *cpu, struct function *f, struct stretch g)
{
    for (uint32_t i = 0; i < ENTRIES; i++) {
        uint64_t entry = hw_load(&f->tlb[i]);

        if (entry != 0 && number_in(entry) - g.gfn < g.pages && !is_back(cpu, g.vmid, number_in(entry)))
            hw_store(&f->tlb[i], 0);
    }
    for (uint32_t i = 0; i < STREAM_WALKS; i++) {
        uint64_t entry = hw_load(&f->walk[i]);
        uint64_t first = number_in(entry) * 512;

        if (entry != 0 && meet(first, 512, g.gfn, g.pages) && !is_back(cpu, g.vmid, first))
            hw_store(&f->walk[i], 0);
    }
}

void stream_sync(struct sim *s, struct cpu *cpu)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < cpu->stream_tolds; i++) {
        for (uint32_t k = 0; k < s->functions; k++) {
            if (is_open(&s->function[k], cpu->stream_told[i].vmid))
                forget(cpu, &s->function[k], cpu->stream_told[i]);
        }
    }
    cpu->stream_tolds = 0;
    for (uint32_t i = 0; i < cpu->streams; i++) {
        if (!cpu->stream[i].told)
            cpu->stream[kept++] = cpu->stream[i];
    }
    cpu->streams = kept;
}

void stream_forget_all(struct function *f)
{
    for (uint32_t i = 0; i < ENTRIES; i++)
        hw_store(&f->tlb[i], 0);
    for (uint32_t i = 0; i < STREAM_WALKS; i++)
        hw_store(&f->walk[i], 0);
}

/* ---- checks ---- */

void stream_check_made(struct sim *s, const struct cpu *cpu, uint32_t vmid, uint64_t gfn, uint64_t pages)
{
    for (uint32_t i = 0; i < cpu->streams; i++) {
        const struct stream_duty *d = &cpu->stream[i];

        if (d->vmid == vmid && meet(d->gfn, d->pages, gfn, pages))
            report(s, cpu, "break-before-make", "VM %u's entry for gfn 0x%llx becomes valid while an SMMU may have what "
                   "0x%llx gave there; missing: %s", vmid, ull(gfn), ull(d->old), missing(d));
    }
}

void stream_check_free(struct sim *s, const struct cpu *cpu, uint64_t row)
{
    for (uint32_t i = 0; i < cpu->streams; i++) {
        const struct stream_duty *d = &cpu->stream[i];

        if (desc_kind(d->old, d->level) == DESC_IS_TABLE && desc_out(d->old) == row)
            report(s, cpu, "I6 (S11)", "table 0x%llx is free while an SMMU may walk it for a device of VM %u; missing: %s",
                   ull(row), d->vmid, missing(d));
    }
    for (uint32_t i = 0; i < s->functions; i++) {
        const struct function *f = &s->function[i];

        if (hw_load32(&f->stage) == FUNCTION_OPEN && row - hw_load(&f->root) < s->core.vm_shape.roots)
            report(s, cpu, "I6 (S11)", "root table 0x%llx is free while the stream of device 0x%llx is open on it", ull(row),
                   ull(f->is.frame));
    }
}

void stream_check_zeroed(struct sim *s, const struct cpu *cpu, uint64_t frame)
{
    for (uint32_t i = 0; i < cpu->streams; i++) {
        const struct stream_duty *d = &cpu->stream[i];

        if (desc_kind(d->old, d->level) == DESC_IS_LEAF && frame - desc_out(d->old) < d->pages)
            report(s, cpu, "I8", "frame 0x%llx is zeroed while a device of VM %u may still reach it through an SMMU; "
                   "missing: %s", ull(frame), d->vmid, missing(d));
    }
}

void stream_check_dropped(struct sim *s, struct cpu *cpu, uint32_t vmid)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < cpu->streams; i++) {
        const struct stream_duty *d = &cpu->stream[i];

        if (vmid != 0 && d->vmid != vmid)
            cpu->stream[kept++] = *d;
        else
            report(s, cpu, "I6 (S11)", "an invalidation is incomplete at %s: VM %u's entry for gfn 0x%llx, %llu pages, was "
                   "0x%llx and was taken out, and a device of that VM has the table walked; missing: %s",
                   vmid != 0 ? "the drop of the VM's lock" : "the end of the operation", d->vmid, ull(d->gfn), ull(d->pages),
                   ull(d->old), missing(d));
    }
    cpu->streams = kept;
}

/* What a stream's TLB has of a page is what the table gives for it. */
static void check_entry(struct sim *s, const struct cpu *cpu, struct function *f, uint64_t *place)
{
    uint64_t entry = hw_load(place);
    uint64_t page = number_in(entry);
    struct walk w = walk_now(s, f, page);

    if (w.mapped && w.leaf.pfn + (page - w.leaf.gfn) == frame_in(entry))
        return;
    report(s, cpu, "I6", "the SMMU has a stale translation for device 0x%llx of VM %u, guest page 0x%llx to frame 0x%llx; "
           "missing: CMD_TLBI_S2_IPA after the entry was taken out, or CMD_SYNC", ull(f->is.frame), f->vmid, ull(page),
           ull(frame_in(entry)));
    hw_store(place, 0);
}

/* A level-3 table that a stream would begin a walk at is the one that a walk from the root comes to. */
static void check_walks(struct sim *s, const struct cpu *cpu, struct function *f)
{
    for (uint32_t i = 0; i < STREAM_WALKS; i++) {
        uint64_t page = number_in(f->walk[i]) * 512;
        struct walk w;

        if (f->walk[i] == 0)
            continue;
        w = walk_now(s, f, page);
        if (w.level == 3 && w.rows[3] == frame_in(f->walk[i]))
            continue;
        report(s, cpu, "I6", "the SMMU's walks for device 0x%llx of VM %u begin at table 0x%llx for guest page 0x%llx, which "
               "is not there; missing: CMD_TLBI_S2_IPA, or CMD_SYNC", ull(f->is.frame), f->vmid, ull(frame_in(f->walk[i])),
               ull(page));
        f->walk[i] = 0;
    }
}

static void check_stretch(struct sim *s, const struct cpu *cpu, struct function *f, struct stretch g)
{
    for (uint32_t i = 0; i < ENTRIES; i++) {
        uint64_t entry = hw_load(&f->tlb[i]);

        if (entry != 0 && number_in(entry) - g.gfn < g.pages)
            check_entry(s, cpu, f, &f->tlb[i]);
    }
    if (!s->concurrent)
        check_walks(s, cpu, f);
}

void stream_check_retracted(struct sim *s, const struct cpu *cpu)
{
    for (uint32_t i = 0; i < cpu->gones; i++) {
        for (uint32_t k = 0; k < s->functions; k++) {
            if (is_open(&s->function[k], cpu->gone[i].vmid))
                check_stretch(s, cpu, &s->function[k], cpu->gone[i]);
        }
    }
}

void stream_check_all(struct sim *s, const struct cpu *cpu)
{
    for (uint32_t k = 0; k < s->functions; k++) {
        if (hw_load32(&s->function[k].stage) == FUNCTION_OPEN)
            check_stretch(s, cpu, &s->function[k], (struct stretch){ s->function[k].vmid, 0, PAGES });
    }
}
