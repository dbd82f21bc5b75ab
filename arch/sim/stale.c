/* SPDX-License-Identifier: Apache-2.0 */
#include "stale.h"

#include "mail.h"
#include "report.h"
#include "walker.h"

/* The tables of a VMID; NULL when it has none. */
static const struct stage2 *tables_of(const struct sim *s, uint32_t vmid)
{
    if (vmid == 0)
        return &s->core.host;
    return vmid <= s->core.vms && s->vm[vmid - 1].live ? &s->vm[vmid - 1].s2 : NULL;
}

static bool stale_walk(const struct tlb_entry *e, const struct walk *w, char *now, size_t size)
{
    if (w->start <= e->level && e->level <= w->level && w->rows[e->level] == e->pfn)
        return false;
    if (size > 0)
        (void)snprintf(now, size, "a level-%u table that is not that one", e->level);
    return true;
}

/* A translation is stale when one of its pages would now be translated differently, or not at all. */
bool stale_entry(const struct sim *s, const struct tlb_entry *e, char *now, size_t size)
{
    const struct stage2 *t = tables_of(s, e->vmid);
    uint64_t ipa = e->kind == TLB_COMBINED ? e->ipa : e->page;
    struct walk w = { .mapped = false, .start = 4 };

    if (t != NULL)
        w = walk_stage2(s, t, ipa);
    if (e->kind == TLB_WALK)
        return stale_walk(e, &w, now, size);
    if (!w.mapped) {
        if (size > 0)
            (void)snprintf(now, size, "nothing");
        return true;
    }
    if (w.leaf.pfn + (ipa - w.leaf.gfn) == e->pfn && level_pages(w.leaf.level) >= e->pages && w.leaf.device == e->device &&
        w.leaf.write >= e->write && w.leaf.read >= e->read)
        return false;
    if (size > 0)
        (void)snprintf(now, size, "frame 0x%llx at level %u", (unsigned long long)(w.leaf.pfn + (ipa - w.leaf.gfn)),
                       w.leaf.level);
    return true;
}

void stale_report(struct sim *s, const struct cpu *cpu, uint32_t owner, struct tlb_entry *e, const char *how)
{
    const char *kind = e->kind == TLB_STAGE2 ? "stage-2 translation" : e->kind == TLB_WALK ? "walk-cache entry"
                                                                                           : "combined translation";
    const char *target = e->kind == TLB_WALK ? "table" : "frame";
    const char *missing = e->kind == TLB_COMBINED ? "TLBI VMALLE1IS" : "TLBI IPAS2E1IS";
    char now[96] = "";
    char who[32];

    (void)stale_entry(s, e, now, sizeof(now));
    report(s, cpu, "I6", "%s a stale %s of CPU %u: %s, gfn 0x%llx, %llu pages -> %s 0x%llx, and the tables give %s; missing: %s "
           "vmid=%u and DSB ISH after the entry was taken out", how, kind, owner, who_name(e->vmid, who, sizeof(who)),
           (unsigned long long)(e->kind == TLB_COMBINED ? e->ipa : e->page), (unsigned long long)e->pages, target,
           (unsigned long long)e->pfn, now, missing, e->vmid);
    e->told = true;
}

struct search {
    struct sim *s;
    const struct cpu *by;
    uint32_t owner;
};

static void check_one(struct tlb_entry *e, void *arg)
{
    const struct search *q = arg;

    if (!e->told && stale_entry(q->s, e, NULL, 0))
        stale_report(q->s, q->by, q->owner, e, "the operation leaves");
}

void stale_check_retracted(struct sim *s, struct cpu *cpu)
{
    for (uint32_t i = 0; i < cpu->gones; i++) {
        for (uint32_t k = 0; k < s->cpus; k++) {
            struct search q = { s, cpu, k };

            tlb_overlapping(s->cpu[k].tlb, cpu->gone[i], check_one, &q);
        }
    }
    cpu->gones = 0;
}

void stale_check_all(struct sim *s, const struct cpu *cpu)
{
    for (uint32_t k = 0; k < s->cpus; k++) {
        struct search q = { s, cpu, k };

        if (s->concurrent)
            mail_hear(s, &s->cpu[k]);
        tlb_all(s->cpu[k].tlb, check_one, &q);
    }
}
