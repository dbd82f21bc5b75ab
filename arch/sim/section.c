/* SPDX-License-Identifier: Apache-2.0 */
#include "section.h"

#include <string.h>

#include "invariant.h"
#include "log.h"
#include "memory/frame.h"
#include "record.h"
#include "report.h"

static bool same(const struct frame *a, const struct frame *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static bool pinned(struct frame f)
{
    return f.holder == HOLDER_HOST && f.count > 0;
}

/* The VM that a record names as the owner, 0 for none. */
static uint32_t vm_of(struct frame f)
{
    return frame_is_vm(f) || frame_is_pending(f) ? f.holder % HOLDER_PENDING : 0;
}

static void count_frame(struct sim *s, const struct cpu *cpu, uint64_t frame, uint32_t vm, uint64_t add)
{
    if (vm > s->core.vms)
        report(s, cpu, "I2", "the record of frame 0x%llx names VM %u, which cannot be", (unsigned long long)frame, vm);
    else if (vm != 0)
        (void)__atomic_fetch_add(&s->vm[vm - 1].frames, add, __ATOMIC_RELAXED);
}

/* Moves the machine's counts from the old record to the new. */
static void recount(struct sim *s, const struct cpu *cpu, uint64_t index, uint64_t frame, struct frame old, struct frame new)
{
    struct section *n = &s->count[index];

    n->taken = (uint16_t)(n->taken + (new.holder != HOLDER_HOST) - (old.holder != HOLDER_HOST));
    n->pinned = (uint16_t)(n->pinned + pinned(new) - pinned(old));
    if (vm_of(old) != vm_of(new)) {
        count_frame(s, cpu, frame, vm_of(old), UINT64_MAX);
        count_frame(s, cpu, frame, vm_of(new), 1);
    }
}

static void check_counts(struct sim *s, const struct cpu *cpu, uint64_t index)
{
    const struct section *is = &s->core.section[index];
    const struct section *should = &s->count[index];

    if (is->taken != should->taken || is->pinned != should->pinned)
        report(s, cpu, "count", "section %llu counts %u taken and %u pinned frames, its records say %u and %u",
               (unsigned long long)index, is->taken, is->pinned, should->taken, should->pinned);
}

/* Adopts what changed behind the lock's back, so that it is reported once. */
static void adopt(struct sim *s, const struct cpu *cpu, uint64_t index, uint64_t number)
{
    for (uint32_t i = 0; i < 512; i++) {
        struct frame *old = &s->shadow[index * 512 + i];
        struct frame new = s->core.frame[index * 512 + i];

        if (same(old, &new))
            continue;
        report(s, cpu, "lock", "the record of frame 0x%llx changed from holder 0x%x count %u to holder 0x%x count %u while "
               "nobody held its section's lock", (unsigned long long)(number * 512 + i), old->holder, old->count, new.holder,
               new.count);
        recount(s, cpu, index, number * 512 + i, *old, new);
        *old = new;
    }
}

/* The section's short cut to the host's level-3 table leads where the walk does. */
static void check_leaf(struct sim *s, const struct cpu *cpu, uint64_t index, uint64_t number)
{
    if (s->core.section[index].leaf != record_leaf(s, number))
        report(s, cpu, "count", "section %llu names 0x%llx as the host's level-3 table, the walk comes to 0x%llx (0: none)",
               (unsigned long long)index, (unsigned long long)s->core.section[index].leaf,
               (unsigned long long)record_leaf(s, number));
}

void section_taken(struct sim *s, struct cpu *cpu, uint64_t index)
{
    uint64_t number;

    if (index >= s->core.sections || !sim_section_number(s, index, &number)) {
        report(s, cpu, "lock", "takes the lock of section %llu, which does not exist", (unsigned long long)index);
        return;
    }
    record_expect(s, index);
    if (memcmp(&s->shadow[index * 512], &s->core.frame[index * 512], 512 * sizeof(struct frame)) != 0)
        adopt(s, cpu, index, number);
    check_counts(s, cpu, index);
}

void section_dropped(struct sim *s, struct cpu *cpu, uint64_t index)
{
    uint64_t number;

    if (index >= s->core.sections || !sim_section_number(s, index, &number))
        return;
    check_leaf(s, cpu, index, number);
    if (memcmp(&s->shadow[index * 512], &s->core.frame[index * 512], 512 * sizeof(struct frame)) == 0)
        return;
    for (uint32_t i = 0; i < 512; i++) {
        struct frame old = s->shadow[index * 512 + i];
        struct frame new = s->core.frame[index * 512 + i];

        if (same(&old, &new))
            continue;
        s->shadow[index * 512 + i] = new;
        recount(s, cpu, index, number * 512 + i, old, new);
        invariant_record(s, cpu, number * 512 + i, old, new);
        LOG(s, cpu, "frame pfn=0x%llx holder=0x%x>0x%x count=%u>%u gfn=0x%llx>0x%llx", (unsigned long long)(number * 512 + i),
            old.holder, new.holder, old.count, new.count, (unsigned long long)frame_gfn(old),
            (unsigned long long)frame_gfn(new));
    }
    check_counts(s, cpu, index);
}
