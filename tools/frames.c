/* SPDX-License-Identifier: Apache-2.0 */
#include "frames.h"

#include "memory/frame.h"
#include "base/region.h"

/* The run that is growing, and where it goes when it ends. */
struct walk {
    struct frames_run run;
    void (*each)(const struct frames_run *run, void *arg);
    void *arg;
};

static struct frames_run run_of(uint64_t pfn, struct frame f)
{
    struct frames_run run = { .pfn = pfn, .n = 1, .gfn = frame_gfn(f), .owner = f.holder, .count = f.count };

    if (f.holder == HOLDER_CORE)
        run.owner = FRAMES_CORE;
    else if (frame_is_pending(f))
        run.owner = f.holder - HOLDER_PENDING;
    return run;
}

static bool is_vm(const struct frames_run *run)
{
    return run->owner != FRAMES_HOST && run->owner != FRAMES_CORE;
}

static bool follows(const struct frames_run *a, const struct frames_run *b)
{
    return a->n > 0 && a->pfn + a->n == b->pfn && a->owner == b->owner && a->count == b->count &&
           (!is_vm(a) || a->gfn + a->n == b->gfn);
}

static void end_run(struct walk *w)
{
    if (w->run.n > 0)
        w->each(&w->run, w->arg);
    w->run.n = 0;
}

static void add(struct walk *w, uint64_t pfn, struct frame f)
{
    struct frames_run one = run_of(pfn, f);

    /* No RAM in the trace's RAM would be a fault of the core's own map; there is no line to show it with. */
    if (f.holder == HOLDER_INVALID || (one.owner == FRAMES_HOST && one.count == 0))
        return;
    if (follows(&w->run, &one)) {
        w->run.n++;
        return;
    }
    end_run(w);
    w->run = one;
}

void frames_runs(struct sim *s, const struct layout *y, void (*each)(const struct frames_run *run, void *arg),
                 void *arg)
{
    const struct cordon *c = sim_core(s);
    struct walk w = { .each = each, .arg = arg };

    for (uint32_t i = 0; i < y->ram.count; i++) {
        uint64_t pfn = y->ram.range[i].base / CORDON_PAGE_SIZE;
        uint64_t end = pfn + y->ram.range[i].size / CORDON_PAGE_SIZE;

        while (pfn < end) {
            uint64_t section = pfn / CORDON_BLOCK_PAGES, index;
            uint64_t stop = (section + 1) * CORDON_BLOCK_PAGES < end ? (section + 1) * CORDON_BLOCK_PAGES : end;

            if (region_section(c, section, &index) && (c->section[index].taken > 0 || c->section[index].pinned > 0)) {
                for (; pfn < stop; pfn++)
                    add(&w, pfn, c->frame[index * CORDON_BLOCK_PAGES + pfn % CORDON_BLOCK_PAGES]);
            }
            pfn = stop;
        }
    }
    end_run(&w);
}
