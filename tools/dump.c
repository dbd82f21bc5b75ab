/* SPDX-License-Identifier: Apache-2.0 */
#include "dump.h"

#include <inttypes.h>

#include "frames.h"

static void print_frames(const struct frames_run *run, void *arg)
{
    FILE *out = arg;

    fprintf(out, "frame pfn=0x%" PRIx64 " n=%" PRIu64 " owner=", run->pfn, run->n);
    if (run->owner == FRAMES_HOST)
        fputs("host", out);
    else if (run->owner == FRAMES_CORE)
        fputs("core", out);
    else
        fprintf(out, "%" PRIu32, run->owner);
    fprintf(out, " count=%" PRIu32, run->count);
    if (run->owner == FRAMES_HOST || run->owner == FRAMES_CORE)
        fputs(" gfn=-\n", out);
    else
        fprintf(out, " gfn=0x%" PRIx64 "\n", run->gfn);
}

/* A run of one principal's mappings. */
struct map_run {
    FILE *out;
    uint32_t who;
    struct sim_mapping first;
    uint64_t n;             /* 4 KiB pages; 0: no run yet */
};

static void end_run(struct map_run *run)
{
    if (run->n == 0)
        return;
    if (run->who == 0)
        fputs("map who=host", run->out);
    else
        fprintf(run->out, "map who=%" PRIu32, run->who);
    fprintf(run->out, " gfn=0x%" PRIx64 " n=%" PRIu64 " pfn=0x%" PRIx64 " level=%" PRIu32 " type=%s\n", run->first.gfn,
            run->n, run->first.pfn, run->first.level, run->first.device ? "device" : "normal");
    run->n = 0;
}

/* The format knows pages and blocks: a 1 GiB block of the host is shown as the 2 MiB blocks that it stands for. */
static uint32_t shown_level(const struct sim_mapping *m)
{
    return m->level == 3 ? 3 : 2;
}

static bool add_mapping(const struct sim_mapping *m, void *arg)
{
    struct map_run *run = arg;
    uint64_t pages = m->level == 1 ? CORDON_GIB_PAGES : m->level == 2 ? CORDON_BLOCK_PAGES : 1;

    if (run->n > 0 && run->first.gfn + run->n == m->gfn && run->first.pfn + run->n == m->pfn &&
        run->first.level == shown_level(m) && run->first.device == m->device) {
        run->n += pages;
        return true;
    }
    end_run(run);
    run->first = *m;
    run->first.level = shown_level(m);
    run->n = pages;
    return true;
}

static void print_maps(FILE *out, struct sim *s, uint32_t who)
{
    struct map_run run = { .out = out, .who = who };

    sim_mappings(s, who, add_mapping, &run);
    end_run(&run);
}

static bool print_word(uint64_t pfn, uint64_t word0, void *arg)
{
    fprintf(arg, "mem pfn=0x%" PRIx64 " word0=0x%" PRIx64 "\n", pfn, word0);
    return true;
}

void dump(FILE *out, struct sim *s, const struct layout *y)
{
    const struct cordon *c = sim_core(s);

    frames_runs(s, y, print_frames, out);
    for (uint32_t who = 0; who <= c->vms; who++) {
        if (who == 0 || c->vm[who - 1].state != VM_NONE)
            print_maps(out, s, who);
    }
    sim_nonzero(s, print_word, out);
}
