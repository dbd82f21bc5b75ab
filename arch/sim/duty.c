/* SPDX-License-Identifier: Apache-2.0 */
#include "duty.h"

#include "report.h"
#include "util.h"

static bool overlaps(const struct duty *d, uint32_t vmid, uint64_t gfn, uint64_t pages)
{
    return d->vmid == vmid && gfn < d->gfn + d->pages && d->gfn < gfn + pages;
}

static struct duty *push(struct cpu *cpu, struct duty d)
{
    cpu->duty = sim_room(cpu->duty, cpu->duties, &cpu->duty_room, sizeof(d));
    cpu->duty[cpu->duties] = d;
    return &cpu->duty[cpu->duties++];
}

/* Pages in a row become one duty, which the invalidation must then cover as a whole. */
static bool extend(struct cpu *cpu, const struct duty *d)
{
    struct duty *last = cpu->duties > 0 ? &cpu->duty[cpu->duties - 1] : NULL;

    if (last == NULL || d->level != 3 || last->level != 3 || last->state != d->state || last->vmid != d->vmid ||
        last->guard != d->guard || last->walk_only || last->gfn + last->pages != d->gfn)
        return false;
    last->pages += d->pages;
    last->any = false;
    return true;
}

void duty_add(struct sim *s, struct cpu *cpu, struct duty d)
{
    struct stretch *last = cpu->gones > 0 ? &cpu->gone[cpu->gones - 1] : NULL;

    if (!extend(cpu, &d))
        (void)push(cpu, d);
    if (s->concurrent)
        return;
    if (last != NULL && last->vmid == d.vmid && last->gfn + last->pages == d.gfn) {
        last->pages += d.pages;
        return;
    }
    cpu->gone = sim_room(cpu->gone, cpu->gones, &cpu->gone_room, sizeof(*cpu->gone));
    cpu->gone[cpu->gones++] = (struct stretch){ d.vmid, d.gfn, d.pages };
}

void duty_ordered(struct cpu *cpu)
{
    for (uint32_t i = 0; i < cpu->duties; i++) {
        if (cpu->duty[i].state == DUTY_WRITTEN)
            cpu->duty[i].state = DUTY_ORDERED;
    }
}

void duty_completed(struct cpu *cpu)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < cpu->duties; i++) {
        struct duty d = cpu->duty[i];

        if (d.state == DUTY_WRITTEN)
            d.state = DUTY_ORDERED;
        else if (d.state == DUTY_STAGE2_ISSUED)
            d.state = d.walk_only ? DUTY_DONE : DUTY_STAGE2_DONE;
        else if (d.state == DUTY_COMBINED_ISSUED)
            d.state = DUTY_DONE;
        if (d.state != DUTY_DONE)
            cpu->duty[kept++] = d;
    }
    cpu->duties = kept;
}

/* Cuts a duty at a page inside it; what is from there on becomes a new one. */
static void cut(struct cpu *cpu, uint32_t i, uint64_t at)
{
    struct duty rest = cpu->duty[i];

    cpu->duty[i].pages = at - rest.gfn;
    rest.pages -= cpu->duty[i].pages;
    rest.gfn = at;
    (void)push(cpu, rest);
}

void duty_stage2(struct cpu *cpu, uint32_t vmid, uint64_t gfn, uint64_t pages)
{
    for (uint32_t i = 0; i < cpu->duties; i++) {
        struct duty *d = &cpu->duty[i];

        if (d->state != DUTY_ORDERED || !overlaps(d, vmid, gfn, pages))
            continue;
        if (!d->any && gfn > d->gfn) {
            cut(cpu, i, gfn);   /* the piece from gfn on comes up later in the loop */
            continue;
        }
        if (!d->any && gfn + pages < d->gfn + d->pages)
            cut(cpu, i, gfn + pages);
        cpu->duty[i].state = DUTY_STAGE2_ISSUED;
    }
}

void duty_combined(struct cpu *cpu, uint32_t vmid)
{
    for (uint32_t i = 0; i < cpu->duties; i++) {
        if (cpu->duty[i].vmid == vmid && cpu->duty[i].state == DUTY_STAGE2_DONE)
            cpu->duty[i].state = DUTY_COMBINED_ISSUED;
    }
}

void duty_all(struct cpu *cpu, uint32_t vmid)
{
    for (uint32_t i = 0; i < cpu->duties; i++) {
        if (cpu->duty[i].vmid == vmid && cpu->duty[i].state != DUTY_WRITTEN)
            cpu->duty[i].state = DUTY_COMBINED_ISSUED;
    }
}

const struct duty *duty_open(const struct cpu *cpu, uint32_t vmid, uint64_t gfn, uint64_t pages)
{
    for (uint32_t i = 0; i < cpu->duties; i++) {
        if (overlaps(&cpu->duty[i], vmid, gfn, pages))
            return &cpu->duty[i];
    }
    return NULL;
}

struct stretch duty_unordered(const struct cpu *cpu, uint32_t vmid, uint64_t gfn, uint64_t pages)
{
    struct stretch all = { vmid, 0, 0 };

    for (uint32_t i = 0; i < cpu->duties; i++) {
        const struct duty *d = &cpu->duty[i];
        uint64_t end = all.gfn + all.pages;

        if (d->state != DUTY_WRITTEN || !overlaps(d, vmid, gfn, pages))
            continue;
        if (all.pages == 0 || d->gfn < all.gfn)
            all.gfn = d->gfn;
        if (all.pages == 0 || d->gfn + d->pages > end)
            end = d->gfn + d->pages;
        all.pages = end - all.gfn;
    }
    return all;
}

const char *duty_missing(const struct duty *d, char *buffer, size_t size)
{
    switch (d->state) {
    case DUTY_WRITTEN:
        return "DSB ISHST after the store, and the TLBI after that";
    case DUTY_ORDERED:
        (void)snprintf(buffer, size, "TLBI IPAS2E1IS vmid=%u gfn=0x%llx pages=%llu", d->vmid, (unsigned long long)d->gfn,
                       (unsigned long long)d->pages);
        return buffer;
    case DUTY_STAGE2_ISSUED:
        return "DSB ISH after TLBI IPAS2E1IS";
    case DUTY_STAGE2_DONE:
        (void)snprintf(buffer, size, "TLBI VMALLE1IS vmid=%u after the DSB ISH", d->vmid);
        return buffer;
    case DUTY_COMBINED_ISSUED:
        return "DSB ISH after TLBI VMALLE1IS";
    default:
        return "nothing";
    }
}

/* Whether the lock guards what the duty is about. A host entry is guarded by its section's lock or the host's. */
static bool guards(const struct duty *d, uint32_t kind, uint64_t id)
{
    if (kind == 0)
        return true;
    return d->guard == kind && (kind != LOCK_VM || d->vmid == id);
}

static void complain(struct sim *s, const struct cpu *cpu, const struct duty *d, uint32_t kind)
{
    static const char *const lock[] = { "the end of the operation", "the drop of the VM's lock", "the drop of the section's lock",
                                        "the drop of the host's lock" };
    char missing[128];
    char who[32];

    report(s, cpu, "I6 (S11)",
           "an invalidation is incomplete at %s: entry %u of the level-%u table 0x%llx (%s, gfn 0x%llx, %llu pages) "
           "was 0x%llx and was taken out; missing: %s", lock[kind], d->index, d->level, (unsigned long long)d->row,
           who_name(d->vmid, who, sizeof(who)), (unsigned long long)d->gfn, (unsigned long long)d->pages,
           (unsigned long long)d->old, duty_missing(d, missing, sizeof(missing)));
}

void duty_lock_dropped(struct sim *s, struct cpu *cpu, uint32_t kind, uint64_t id)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < cpu->duties; i++) {
        if (guards(&cpu->duty[i], kind, id))
            complain(s, cpu, &cpu->duty[i], kind);
        else
            cpu->duty[kept++] = cpu->duty[i];
    }
    cpu->duties = kept;
}
