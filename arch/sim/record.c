/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frame records: what changed between the taking and the dropping of a section's lock, and whether anything changed
 * without it. The shadow of a section is guarded by the very lock that guards its records.
 */
#include <string.h>

#include "memory/frame.h"
#include "walker.h"

bool sim_section(const struct sim *s, uint64_t number, uint64_t *index)
{
    const struct cordon *c = &s->core;

    for (uint32_t i = 0; i < c->spans; i++) {
        if (number - c->span[i].first < c->span[i].count) {
            *index = c->span[i].base + (number - c->span[i].first);
            return true;
        }
    }
    return false;
}

bool sim_section_number(const struct sim *s, uint64_t index, uint64_t *number)
{
    const struct cordon *c = &s->core;

    for (uint32_t i = 0; i < c->spans; i++) {
        if (index - c->span[i].base < c->span[i].count) {
            *number = c->span[i].first + (index - c->span[i].base);
            return true;
        }
    }
    return false;
}

bool sim_record(const struct sim *s, uint64_t frame, struct frame *record)
{
    uint64_t index;

    if (!sim_section(s, frame / 512, &index))
        return false;
    *record = s->core.frame[index * 512 + frame % 512];
    return true;
}

bool sim_records_create(struct sim *s)
{
    s->records_end = s->core.sections;
    s->shadow = sim_sparse(s->records_end * 512 * sizeof(*s->shadow));
    s->count = sim_sparse(s->records_end * sizeof(*s->count));
    s->seen = sim_sparse(s->records_end);
    return s->shadow != NULL && s->count != NULL && s->seen != NULL;
}

void sim_records_destroy(struct sim *s)
{
    sim_unsparse(s->shadow, s->records_end * 512 * sizeof(*s->shadow));
    sim_unsparse(s->count, s->records_end * sizeof(*s->count));
    sim_unsparse(s->seen, s->records_end);
}

/* ---- what a section is at the start ---- */

static bool all_inside(const struct frames *list, uint32_t n, uint64_t first)
{
    for (uint32_t i = 0; i < n; i++) {
        if (first >= list[i].first && first + 512 <= list[i].first + list[i].count)
            return true;
    }
    return false;
}

static bool none_inside(const struct frames *list, uint32_t n, uint64_t first)
{
    for (uint32_t i = 0; i < n; i++) {
        if (first < list[i].first + list[i].count && list[i].first < first + 512)
            return false;
    }
    return true;
}

void record_expect(struct sim *s, uint64_t index)
{
    uint64_t number;

    if (s->seen[index] != 0 || !sim_section_number(s, index, &number))
        return;
    s->seen[index] = 1;
    if ((all_inside(s->ram, s->rams, number * 512) || all_inside(&s->private, 1, number * 512)) &&
        none_inside(s->core_mem, s->cores, number * 512) && none_inside(s->pinned, s->pinneds, number * 512))
        return;     /* all zero: the host's */
    for (uint32_t i = 0; i < 512; i++) {
        uint16_t holder = sim_first_holder(s, number * 512 + i);
        bool pin = holder == HOLDER_HOST && frames_have(s->pinned, s->pinneds, number * 512 + i);

        s->shadow[index * 512 + i] = frame_of(holder);
        s->shadow[index * 512 + i].count = pin;
        s->count[index].taken = (uint16_t)(s->count[index].taken + (holder != HOLDER_HOST));
        s->count[index].pinned = (uint16_t)(s->count[index].pinned + pin);
    }
}

/* ---- under the section's lock ---- */

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

uint64_t record_leaf(const struct sim *s, uint64_t number)
{
    struct walk w = walk_stage2(s, &s->core.host, number * 512);

    return w.level == 3 ? w.row : 0;
}

/* The section's short cut to the host's level-3 table leads where the walk does. */
static void check_leaf(struct sim *s, const struct cpu *cpu, uint64_t index, uint64_t number)
{
    if (s->core.section[index].leaf != record_leaf(s, number))
        report(s, cpu, "count", "section %llu names 0x%llx as the host's level-3 table, the walk comes to 0x%llx (0: none)",
               (unsigned long long)index, (unsigned long long)s->core.section[index].leaf,
               (unsigned long long)record_leaf(s, number));
}

void record_section_taken(struct sim *s, struct cpu *cpu, uint64_t index)
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

void record_section_dropped(struct sim *s, struct cpu *cpu, uint64_t index)
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
