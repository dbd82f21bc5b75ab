/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include "memory/frame.h"
#include "ram.h"
#include "util.h"
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

uint64_t record_leaf(const struct sim *s, uint64_t number)
{
    struct walk w = walk_stage2(s, &s->core.host, number * 512);

    return w.level == 3 ? w.row : 0;
}
