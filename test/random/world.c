/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PAGE UINT64_C(4096)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define PFN_LIMIT (UINT64_C(1) << 28)
#define PRIVATE_SIZE (64 * MIB)     /* where the host has devices: right above all RAM */

/* ---- shape ---- */

static struct cordon_geometry random_geometry(struct rng *r, uint32_t least)
{
    static const struct { uint32_t start, low, high; } shape[] = { { 0, 40, 48 }, { 1, 32, 43 }, { 2, 32, 34 } };
    struct cordon_geometry g;

    do {
        uint64_t i = rng_below(r, 3);

        g.start_level = shape[i].start;
        g.ipa_bits = (uint32_t)rng_from(r, shape[i].low, shape[i].high);
    } while (g.ipa_bits < least);
    return g;
}

static void add_ram(struct world *w, uint64_t base, uint64_t size)
{
    w->ram[w->rams++] = (struct cordon_mem){ base, size };
}

/* Where RAM begins: address 0, usual boards, odd places, and right below the end of what callers can name. */
static uint64_t random_base(struct rng *r)
{
    switch (rng_below(r, 6)) {
    case 0: return 0;
    case 1: return GIB;
    case 2: return GIB + rng_below(r, 1024) * PAGE;
    case 3: return 512 * GIB - 4 * MIB;
    case 4: return 1024 * GIB - 16 * MIB;
    default: return 2 * GIB + rng_below(r, 64) * 2 * MIB;
    }
}

static void random_ram(struct world *w, struct rng *r)
{
    uint64_t at = random_base(r);
    uint64_t limit = 1024 * GIB;
    uint64_t extra = rng_below(r, 3);

    if (rng_one_in(r, 12)) {
        w->large = true;
        add_ram(w, GIB, GIB + 4 * MIB);
        return;
    }
    add_ram(w, at, rng_one_in(r, 2) ? rng_from(r, 3, 5) * 2 * MIB : rng_from(r, 1024, 2600) * PAGE);
    at += w->ram[0].size;
    for (uint64_t i = 0; i < extra; i++) {
        uint64_t size = rng_from(r, 1, rng_one_in(r, 2) ? 16 : 700) * PAGE;

        at += rng_one_in(r, 2) ? rng_from(r, 1, 20) * PAGE : rng_from(r, 1, 3) * 2 * MIB;
        if (at + size > limit)
            return;
        add_ram(w, at, size);
        at += size;
    }
}

static void random_core(struct world *w, struct rng *r)
{
    const struct cordon_mem *m = &w->ram[rng_below(r, w->rams)];
    uint64_t pages = m->size / PAGE;
    uint64_t size = rng_from(r, 1, pages > 64 ? 64 : pages);

    if (w->large)       /* behind the GiB, which the host may then map by one block */
        w->core[w->cores++] = (struct cordon_mem){ m->base + m->size - size * PAGE, size * PAGE };
    else if (!rng_one_in(r, 4))
        w->core[w->cores++] = (struct cordon_mem){ m->base + rng_below(r, pages - size + 1) * PAGE, size * PAGE };
}

static void random_hidden(struct world *w, struct rng *r)
{
    if (w->ram[0].base >= 16 * MIB && rng_one_in(r, 2))
        w->hidden[w->hiddens++] = (struct cordon_mem){ w->ram[0].base - rng_from(r, 2, 8) * MIB, rng_from(r, 1, 300) * PAGE };
    if (w->rams > 1 && rng_one_in(r, 2)) {      /* in the hole before the last range */
        uint64_t hole = w->ram[w->rams - 2].base + w->ram[w->rams - 2].size;

        w->hidden[w->hiddens++] = (struct cordon_mem){ hole, PAGE };
    }
}

/* ---- VMs ---- */

static void random_ids(struct world *w, struct rng *r)
{
    w->max_vm = rng_one_in(r, 2) ? 255 : (uint32_t)rng_from(r, MODEL_VMS, 400);
    for (uint32_t i = 0; i < MODEL_VMS;) {
        uint32_t id = i == 0 ? 1 : i == 1 ? w->max_vm : (uint32_t)rng_from(r, 1, w->max_vm);
        uint32_t k = 0;

        while (k < i && w->id[k] != id)
            k++;
        if (k == i)
            w->id[i++] = id;
    }
}

static void add_window(struct world *w, uint64_t first)
{
    uint64_t limit = UINT64_C(1) << (w->vm.ipa_bits - 12);
    uint32_t at = w->windows;

    first -= first % 512;
    if (first > limit - MODEL_WINDOW_PAGES)
        return;
    for (uint32_t i = 0; i < w->windows; i++) {
        if (first < w->window[i] + MODEL_WINDOW_PAGES && w->window[i] < first + MODEL_WINDOW_PAGES)
            return;
    }
    while (at > 0 && w->window[at - 1] > first) {
        w->window[at] = w->window[at - 1];
        at--;
    }
    w->window[at] = first;
    w->windows++;
}

/* The ends of the address space, edges of every level's tables, anything else. */
static void random_windows(struct world *w, struct rng *r)
{
    uint64_t limit = UINT64_C(1) << (w->vm.ipa_bits - 12);

    add_window(w, 0);
    add_window(w, limit - MODEL_WINDOW_PAGES);
    add_window(w, 512 * 512 - 512);                         /* across 1 GiB */
    add_window(w, UINT64_C(512) * 512 * 512 - 512);         /* across 512 GiB */
    add_window(w, MODEL_WINDOW_PAGES);
    while (w->windows < MODEL_WINDOWS && !rng_one_in(r, 8))
        add_window(w, rng_below(r, limit));
}

/* Every other machine has devices. By dice of their own: all else is as it would be without. */
static void random_dma(struct world *w, uint64_t seed, uint64_t end)
{
    struct rng r = { ~seed };

    if (rng_one_in(&r, 2))
        return;
    w->dma.bits = end + PRIVATE_SIZE <= 512 * GIB && rng_one_in(&r, 2) ? 39 : 48;
    w->dma.page = rng_one_in(&r, 2) ? UINT64_C(0x7ff) : UINT64_C(0x743);
}

void world_make(struct world *w, uint64_t seed)
{
    struct rng r = { seed };
    uint64_t end;

    memset(w, 0, sizeof *w);
    random_ram(w, &r);
    random_core(w, &r);
    random_hidden(w, &r);
    end = w->ram[w->rams - 1].base + w->ram[w->rams - 1].size;
    w->host = random_geometry(&r, 32);
    while (w->host.ipa_bits < 41 && UINT64_C(1) << w->host.ipa_bits < end + 256 * MIB)
        w->host = random_geometry(&r, 32);
    w->vm = random_geometry(&r, 32);
    random_ids(w, &r);
    random_windows(w, &r);
    w->cpus = (uint32_t)rng_from(&r, 1, 4);
    w->tlb_entries = rng_one_in(&r, 2) ? 0 : (uint32_t)rng_from(&r, 1, 64);
    if (rng_one_in(&r, 4))      /* 16 roots at most, and a few to run out of */
        w->host_tables = 16 + rng_below(&r, 6);
    random_dma(w, seed, end);
    if (w->host.ipa_bits < 41 || w->dma.bits != 0) {
        w->off_first = (end + 2 * MIB - 1) / (2 * MIB) * 512;
        w->off_end = PFN_LIMIT;
    }
}

void world_print(const struct world *w)
{
    for (uint32_t i = 0; i < w->rams; i++)
        printf("#   ram 0x%" PRIx64 " 0x%" PRIx64 "\n", w->ram[i].base, w->ram[i].size);
    for (uint32_t i = 0; i < w->cores; i++)
        printf("#   core 0x%" PRIx64 " 0x%" PRIx64 "\n", w->core[i].base, w->core[i].size);
    for (uint32_t i = 0; i < w->hiddens; i++)
        printf("#   hidden 0x%" PRIx64 " 0x%" PRIx64 "\n", w->hidden[i].base, w->hidden[i].size);
    printf("#   host %" PRIu32 " bits from level %" PRIu32 ", VMs %" PRIu32 " bits from level %" PRIu32 ", ids up to %" PRIu32
           "\n#   %" PRIu32 " CPUs, TLB entries %" PRIu32 ", host tables %" PRIu64 " (0: enough)\n",
           w->host.ipa_bits, w->host.start_level, w->vm.ipa_bits, w->vm.start_level, w->max_vm, w->cpus, w->tlb_entries,
           w->host_tables);
    printf("#   devices' addresses %" PRIu32 " bits (0: none), page 0x%" PRIx64 "\n", w->dma.bits, w->dma.page);
}

/* ---- the pair ---- */

static uint32_t roots_of(struct cordon_geometry g)
{
    uint32_t low = g.start_level == 0 ? 39 : g.start_level == 1 ? 30 : 21;

    return g.ipa_bits > low + 9 ? UINT32_C(1) << (g.ipa_bits - low - 9) : 1;
}

static bool model_start(struct pair *p, const struct world *w)
{
    struct model *m = calloc(1, sizeof *m);

    p->model = m;
    if (!m)
        return pair_fail(p, "no memory");
    for (; m->rams < w->rams; m->rams++) {
        struct model_ram *r = &m->ram[m->rams];

        *r = (struct model_ram){ w->ram[m->rams].base / PAGE, w->ram[m->rams].size / PAGE, NULL };
        r->frame = calloc(r->count, sizeof *r->frame);
        if (!r->frame)
            return pair_fail(p, "no memory");
    }
    for (uint32_t i = 0; i < w->cores; i++) {
        for (uint64_t k = 0; k < w->core[i].size / PAGE; k++)
            model_frame(m, w->core[i].base / PAGE + k)->owner = MODEL_CORE;
    }
    memcpy(m->hidden, w->hidden, sizeof m->hidden);
    m->hiddens = w->hiddens;
    m->foreign_first = w->off_first;
    m->foreign_end = w->off_end;
    m->pfn_limit = PFN_LIMIT;
    m->host_limit = UINT64_C(1) << (w->host.ipa_bits - 12);
    m->vm_limit = UINT64_C(1) << (w->vm.ipa_bits - 12);
    m->vm_start = w->vm.start_level;
    m->vm_roots = roots_of(w->vm);
    m->max_vm = w->max_vm;
    m->host_may_run_dry = w->host_tables > 0;
    memcpy(m->window, w->window, sizeof m->window);
    m->windows = w->windows;
    m->devices = w->dma.bits != 0;
    for (uint32_t i = 0; i < MODEL_VMS; i++)
        m->vm[i].id = w->id[i];
    return true;
}

static jmp_buf *panic_to;
static char panic_text[256];

static void on_panic(const char *file, int line, const char *text)
{
    snprintf(panic_text, sizeof panic_text, "%s:%d: %s", file, line, text);
    if (panic_to)
        longjmp(*panic_to, 1);
}

bool pair_start(struct pair *p, const struct world *w)
{
    struct sim_config config = {
        .ram = w->ram, .rams = w->rams, .core = w->core, .cores = w->cores, .hidden = w->hidden, .hiddens = w->hiddens,
        .host = w->host, .vm = w->vm, .dma = w->dma, .private_size = w->dma.bits != 0 ? PRIVATE_SIZE : 0,
        .vms = w->max_vm, .cpus = w->cpus, .host_tables = w->host_tables,
        .tlb_entries = w->tlb_entries, .seed = 1, .panic = on_panic,
    };
    char why[256] = "";

    memset(p, 0, sizeof *p);
    panic_to = NULL;
    p->sim = sim_create(&config, why, sizeof why);
    if (!p->sim)
        return pair_fail(p, "no machine: %s", why);
    return model_start(p, w);
}

void pair_stop(struct pair *p)
{
    if (p->sim)
        sim_destroy(p->sim);
    for (uint32_t i = 0; p->model && i < p->model->rams; i++)
        free(p->model->ram[i].frame);
    free(p->model);
    p->sim = NULL;
    p->model = NULL;
}

void pair_on_panic(jmp_buf *to)
{
    panic_to = to;
}

const char *pair_panic(void)
{
    return panic_text;
}
