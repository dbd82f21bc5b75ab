/* SPDX-License-Identifier: Apache-2.0 */
#include "facts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_GRANTS 100
#define BLOCK_PAGES 512

/* ---- keeping facts ---- */

/* Makes room for one more of `size` bytes in a growing array. */
static void *grown(void *array, size_t count, size_t *room, size_t size)
{
    size_t more = *room ? *room * 2 : 64;
    void *bigger;

    if (count < *room)
        return array;
    bigger = realloc(array, more * size);
    if (bigger)
        *room = more;
    return bigger;
}

bool facts_add_frame(struct facts *f, const struct fact_frame *frame)
{
    struct fact_frame *a = grown(f->frame, f->frames, &f->frame_room, sizeof *a);

    if (!a)
        return false;
    f->frame = a;
    a[f->frames++] = *frame;
    return true;
}

bool facts_add_map(struct facts *f, const struct fact_map *map)
{
    struct fact_map *a = grown(f->map, f->maps, &f->map_room, sizeof *a);

    if (!a)
        return false;
    f->map = a;
    a[f->maps++] = *map;
    return true;
}

bool facts_add_mem(struct facts *f, const struct fact_mem *mem)
{
    struct fact_mem *a = grown(f->mem, f->mems, &f->mem_room, sizeof *a);

    if (!a)
        return false;
    f->mem = a;
    a[f->mems++] = *mem;
    return true;
}

void facts_clear(struct facts *f)
{
    f->frames = f->maps = f->mems = 0;
}

void facts_free(struct facts *f)
{
    free(f->frame);
    free(f->map);
    free(f->mem);
    *f = (struct facts){ .frame = NULL };
}

/* ---- judging ---- */

__attribute__((format(printf, 4, 5)))
static void violated(struct facts_judge *j, uint64_t line, const char *rule, const char *format, ...)
{
    char why[256];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    j->violated(j, line, rule, why);
}

/* The first frame line that ends above pfn: the only one that may hold it. */
static size_t frame_at(const struct facts *f, uint64_t pfn)
{
    size_t low = 0, high = f->frames;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (f->frame[middle].pfn + f->frame[middle].n <= pfn)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const char *owner_name(uint32_t owner, char text[16])
{
    if (owner == FACTS_HOST)
        return "the host";
    if (owner == FACTS_CORE)
        return "the core";
    snprintf(text, 16, "VM %" PRIu32, owner);
    return text;
}

/* I1, and I4 where the frame is the core's. Frames without a line are the host's own, or no RAM. */
static void judge_host_map(const struct facts *f, const struct fact_map *m, struct facts_judge *j)
{
    char name[16];

    if (m->gfn != m->pfn)
        violated(j, m->line, "I1", "the host maps gfn 0x%" PRIx64 " to pfn 0x%" PRIx64 ", not identity", m->gfn,
                 m->pfn);
    for (size_t i = frame_at(f, m->pfn); i < f->frames && f->frame[i].pfn < m->pfn + m->n; i++) {
        const struct fact_frame *r = &f->frame[i];
        uint64_t at = r->pfn > m->pfn ? r->pfn : m->pfn;

        if (r->owner == FACTS_CORE)
            violated(j, m->line, "I4", "the host maps pfn 0x%" PRIx64 " of the core", at);
        else if (m->device)
            violated(j, m->line, "I1", "the host maps pfn 0x%" PRIx64 ", which is RAM, as device", at);
        else if (r->owner != FACTS_HOST && r->count == 0)
            violated(j, m->line, "I1", "the host maps pfn 0x%" PRIx64 ", private memory of %s", at,
                     owner_name(r->owner, name));
    }
}

/* What is wrong with a VM's mapping of one frame line's part, from frame `at` on. */
static void judge_vm_part(const struct fact_map *m, const struct fact_frame *r, uint64_t at, struct facts_judge *j)
{
    uint64_t gfn = m->gfn + (at - m->pfn);
    char name[16];

    if (r->owner == FACTS_CORE)
        violated(j, m->line, "I4", "VM %" PRIu32 " maps pfn 0x%" PRIx64 " of the core", m->who, at);
    else if (r->owner != m->who)
        violated(j, m->line, "I2", "VM %" PRIu32 " maps pfn 0x%" PRIx64 ", which is %s's", m->who, at,
                 owner_name(r->owner, name));
    else if (m->device)
        violated(j, m->line, "I2", "VM %" PRIu32 " maps pfn 0x%" PRIx64 ", which is RAM, as device", m->who, at);
    else if (r->gfn + (at - r->pfn) != gfn)
        violated(j, m->line, "I2",
                 "VM %" PRIu32 " maps pfn 0x%" PRIx64 " at gfn 0x%" PRIx64 ", its record says 0x%" PRIx64,
                 m->who, at, gfn, r->gfn + (at - r->pfn));
}

/* I2, and I4 where the frame is the core's. A normal mapping needs a record of the VM for each frame. */
static void judge_vm_map(const struct facts *f, const struct fact_map *m, struct facts_judge *j)
{
    uint64_t at = m->pfn, end = m->pfn + m->n;

    for (size_t i = frame_at(f, at); i < f->frames && f->frame[i].pfn < end; i++) {
        const struct fact_frame *r = &f->frame[i];

        if (!m->device && r->pfn > at)
            violated(j, m->line, "I2", "VM %" PRIu32 " maps pfn 0x%" PRIx64 ", which is the host's", m->who, at);
        at = r->pfn > at ? r->pfn : at;
        judge_vm_part(m, r, at, j);
        at = r->pfn + r->n;
    }
    if (!m->device && at < end)
        violated(j, m->line, "I2", "VM %" PRIu32 " maps pfn 0x%" PRIx64 ", which is the host's", m->who, at);
}

/* S3: blocks consist of whole aligned blocks. */
static void judge_shape(const struct fact_map *m, struct facts_judge *j)
{
    uint64_t unit = m->level == 2 ? BLOCK_PAGES : 1;

    if (m->gfn % unit != 0 || m->pfn % unit != 0 || m->n % unit != 0)
        violated(j, m->line, "S3", "a level %u mapping that is no whole aligned block: gfn 0x%" PRIx64 " pfn 0x%" PRIx64
                 " n %" PRIu64, m->level, m->gfn, m->pfn, m->n);
}

static int by_pfn(const void *a, const void *b)
{
    const struct fact_map *const *x = a, *const *y = b;

    if ((*x)->pfn != (*y)->pfn)
        return (*x)->pfn < (*y)->pfn ? -1 : 1;
    return (*x)->line < (*y)->line ? -1 : 1;
}

/* I3: sorted by frame, a mapping that begins before an earlier one ends shares a frame with it. */
static void judge_twice(const struct facts *f, struct facts_judge *j)
{
    const struct fact_map **sorted = malloc((f->maps + 1) * sizeof *sorted);
    const struct fact_map *widest = NULL;
    size_t n = 0;

    if (!sorted) {
        j->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < f->maps; i++) {
        if (f->map[i].who != FACTS_HOST && !f->map[i].device)
            sorted[n++] = &f->map[i];
    }
    qsort(sorted, n, sizeof *sorted, by_pfn);
    for (size_t i = 0; i < n; i++) {
        const struct fact_map *m = sorted[i];

        if (widest && m->pfn < widest->pfn + widest->n)
            violated(j, m->line, "I3",
                     "pfn 0x%" PRIx64 " is mapped by VM %" PRIu32 " at gfn 0x%" PRIx64 " and by VM %" PRIu32
                     " at gfn 0x%" PRIx64 " (line %" PRIu64 ")", m->pfn, m->who, m->gfn, widest->who,
                     widest->gfn + (m->pfn - widest->pfn), widest->line);
        if (!widest || m->pfn + m->n > widest->pfn + widest->n)
            widest = m;
    }
    free(sorted);
}

void facts_judge(const struct facts *f, struct facts_judge *j)
{
    for (size_t i = 0; i < f->frames; i++) {
        const struct fact_frame *r = &f->frame[i];

        if (r->owner != FACTS_HOST && r->owner != FACTS_CORE && r->count > MOST_GRANTS)
            violated(j, r->line, "count", "pfn 0x%" PRIx64 " is granted %" PRIu64 " times, the most is %d", r->pfn,
                     r->count, MOST_GRANTS);
    }
    for (size_t i = 0; i < f->maps; i++) {
        judge_shape(&f->map[i], j);
        if (f->map[i].who == FACTS_HOST)
            judge_host_map(f, &f->map[i], j);
        else
            judge_vm_map(f, &f->map[i], j);
    }
    judge_twice(f, j);
}

static uint32_t owner_of(const struct facts *f, uint64_t pfn)
{
    size_t i = frame_at(f, pfn);

    return i < f->frames && f->frame[i].pfn <= pfn ? f->frame[i].owner : FACTS_HOST;
}

/* I8: with no write between the dumps, a frame that left a VM for the host holds what the core left in it. */
void facts_judge_step(const struct facts *before, const struct facts *after, struct facts_judge *j)
{
    for (size_t i = 0; i < after->mems; i++) {
        const struct fact_mem *m = &after->mem[i];
        uint32_t then = owner_of(before, m->pfn), now = owner_of(after, m->pfn);

        if (then != FACTS_HOST && then != FACTS_CORE && now == FACTS_HOST)
            violated(j, m->line, "I8", "pfn 0x%" PRIx64 " passed from VM %" PRIu32 " to the host and holds 0x%" PRIx64,
                     m->pfn, then, m->word0);
    }
}
