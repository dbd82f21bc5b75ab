/* SPDX-License-Identifier: Apache-2.0 */
#include "picture.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"

bool picture_same(struct picture_kind a, struct picture_kind b)
{
    return a.type == b.type && (a.type != KIND_FRAMES || (a.owner == b.owner && a.shared == b.shared));
}

/* ---- taking the picture ---- */

/* Room for one more run; doubles, so that n runs cost O(n). */
static bool make_room(struct picture *p)
{
    size_t room = p->room ? p->room * 2 : 64;
    struct picture_run *runs;

    if (p->count < p->room)
        return true;
    runs = realloc(p->runs, room * sizeof *runs);
    if (!runs) {
        p->out_of_memory = true;
        return false;
    }
    p->runs = runs;
    p->room = room;
    return true;
}

static void add_run(const struct frames_run *run, void *arg)
{
    struct picture *p = arg;
    uint32_t owner = run->owner == FRAMES_CORE ? PICTURE_CORE : run->owner;
    struct picture_kind kind = { .type = KIND_FRAMES, .owner = owner, .shared = run->count > 0 };
    struct picture_run *last = p->count > 0 ? &p->runs[p->count - 1] : NULL;

    if (owner >= PICTURE_OWNERS)
        return;
    p->frames[owner] += run->n;
    p->shared[owner] += kind.shared ? run->n : 0;
    if (last && last->pfn + last->n == run->pfn && picture_same(last->kind, kind))
        last->n += run->n;
    else if (make_room(p))
        p->runs[p->count++] = (struct picture_run){ .pfn = run->pfn, .n = run->n, .kind = kind };
}

bool picture_take(struct picture *p, struct sim *s, const struct layout *y)
{
    const struct cordon *c = sim_core(s);
    uint64_t others = 0, all = 0;

    memset(p, 0, sizeof *p);
    p->layout = y;
    frames_runs(s, y, add_run, p);
    for (uint32_t id = 1; id <= c->vms && id < PICTURE_CORE; id++)
        p->exists[id] = c->vm[id - 1].state != VM_NONE;
    p->exists[0] = true;
    p->exists[PICTURE_CORE] = p->frames[PICTURE_CORE] > 0;
    for (uint32_t owner = 1; owner < PICTURE_OWNERS; owner++)
        others += p->frames[owner];
    for (uint32_t i = 0; i < y->ram.count; i++)
        all += y->ram.range[i].size / CORDON_PAGE_SIZE;
    p->frames[0] = all - others;
    return !p->out_of_memory;
}

void picture_free(struct picture *p)
{
    free(p->runs);
    p->runs = NULL;
}

/* ---- rows ---- */

static uint64_t min(uint64_t a, uint64_t b) { return a < b ? a : b; }
static uint64_t max(uint64_t a, uint64_t b) { return a > b ? a : b; }

static const struct picture_kind plain_host = { .type = KIND_FRAMES, .owner = 0, .shared = false };

/* One region's part of a picture, and the first run that may still matter. */
struct band {
    const struct picture *p;
    uint64_t first, end;    /* frames of the region */
    size_t run;
};

/*
 * How many whole rows from pfn on show one kind alone, and which. 0: the row at pfn shows several, or an edge of RAM.
 */
static uint64_t uniform_rows(const struct band *b, uint64_t pfn, uint64_t row_frames, struct picture_kind *kind)
{
    const struct picture_run *run = b->run < b->p->count ? &b->p->runs[b->run] : NULL;
    uint64_t until = b->end;

    *kind = plain_host;
    if (pfn < b->first)
        return 0;
    if (run && run->pfn <= pfn) {
        *kind = run->kind;
        until = min(until, run->pfn + run->n);
    } else if (run) {
        until = min(until, run->pfn);
    }
    return until > pfn ? (until - pfn) / row_frames : 0;
}

/* Where a run covers a cell only in part, the rest is another kind: runs are maximal. */
static void paint_run(const struct band *b, struct picture_row *row, const struct picture_run *run, uint64_t row_end)
{
    unsigned shift = b->p->shift;
    uint64_t from = max(max(run->pfn, row->pfn), b->first);
    uint64_t to = min(min(run->pfn + run->n, row_end), b->end);

    for (uint64_t at = from; at < to; at = ((at >> shift) + 1) << shift) {
        uint64_t cell = (at - row->pfn) >> shift;
        uint64_t cell_from = max(row->pfn + (cell << shift), b->first);
        uint64_t cell_to = min(row->pfn + ((cell + 1) << shift), b->end);

        if (from <= cell_from && cell_to <= to)
            row->cell[cell] = run->kind;
        else
            row->cell[cell].type = KIND_MIXED;
    }
}

static void paint_row(struct band *b, struct picture_row *row)
{
    const struct picture *p = b->p;
    uint64_t row_end = row->pfn + ((uint64_t)p->columns << p->shift);

    for (unsigned i = 0; i < p->columns; i++) {
        uint64_t from = row->pfn + ((uint64_t)i << p->shift), to = from + (UINT64_C(1) << p->shift);

        row->cell[i] = plain_host;
        if (to <= b->first || from >= b->end)
            row->cell[i].type = KIND_NO_RAM;
    }
    for (size_t i = b->run; i < p->count && p->runs[i].pfn < min(row_end, b->end); i++)
        paint_run(b, row, &p->runs[i], row_end);
}

void picture_rows(const struct picture *p, uint32_t region, void (*each)(const struct picture_row *row, void *arg),
                  void *arg)
{
    const struct cordon_mem *ram = &p->layout->ram.range[region];
    struct band b = { .p = p, .first = ram->base / CORDON_PAGE_SIZE };
    uint64_t row_frames = (uint64_t)p->columns << p->shift;
    struct picture_row row;

    b.end = b.first + ram->size / CORDON_PAGE_SIZE;
    for (row.pfn = b.first / row_frames * row_frames; row.pfn < b.end; row.pfn += row_frames * (1 + row.same)) {
        struct picture_kind kind;
        uint64_t uniform;

        while (b.run < p->count && p->runs[b.run].pfn + p->runs[b.run].n <= max(row.pfn, b.first))
            b.run++;
        uniform = uniform_rows(&b, row.pfn, row_frames, &kind);
        row.same = uniform > 0 ? uniform - 1 : 0;
        paint_row(&b, &row);
        each(&row, arg);
    }
}

/* ---- scale ---- */

struct tally {
    uint64_t rows;
    unsigned columns;
    bool mixed;
};

static void count_row(const struct picture_row *row, void *arg)
{
    struct tally *t = arg;

    t->rows += row->same > 0 ? 2 : 1;
    for (unsigned i = 0; i < t->columns; i++)
        t->mixed = t->mixed || row->cell[i].type == KIND_MIXED;
}

void picture_scale(struct picture *p, unsigned columns, unsigned rows)
{
    struct tally t;

    p->columns = columns;
    for (p->shift = 0;; p->shift++) {
        t = (struct tally){ .columns = columns };
        for (uint32_t i = 0; i < p->layout->ram.count; i++)
            picture_rows(p, i, count_row, &t);
        /* A row for each region is the least; beyond 2^28 frames a cell there is no physical memory. */
        if (t.rows <= rows || t.rows <= p->layout->ram.count || p->shift == 28)
            break;
    }
    p->mixed = t.mixed;
}

/* ---- words ---- */

const char *picture_size(char text[PICTURE_TEXT], uint64_t frames)
{
    static const char *const unit[] = { "KiB", "MiB", "GiB", "TiB" };
    uint64_t kib = frames * 4, scale = 1;
    unsigned u = 0;

    while (u < 3 && kib / scale >= 1024) {
        scale *= 1024;
        u++;
    }
    if (kib % scale == 0)
        snprintf(text, PICTURE_TEXT, "%" PRIu64 " %s", kib / scale, unit[u]);
    else
        snprintf(text, PICTURE_TEXT, "%.*f %s", kib * 10 % scale == 0 ? 1 : 2, (double)kib / (double)scale, unit[u]);
    return text;
}

const char *picture_owner(char text[PICTURE_TEXT], uint32_t owner)
{
    if (owner == 0)
        snprintf(text, PICTURE_TEXT, "host");
    else if (owner == PICTURE_CORE)
        snprintf(text, PICTURE_TEXT, "core");
    else
        snprintf(text, PICTURE_TEXT, "VM %" PRIu32, owner);
    return text;
}
