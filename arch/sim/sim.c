/* SPDX-License-Identifier: Apache-2.0 */
/* Making a machine. */
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "dma.h"
#include "hw.h"
#include "pte.h"
#include "ram.h"
#include "record.h"
#include "smmu.h"
#include "stream.h"
#include "util.h"

#define SECTION UINT64_C(0x200000)
#define PAGE UINT64_C(4096)
#define DEFAULT_PRIVATE (UINT64_C(64) << 30)
#define COMPACT_PRIVATE (UINT64_C(256) << 20)

/* The configuration of the core: the caller's, and private memory. */
struct plan {
    struct cordon_config core;
    struct cordon_sizes sizes;
    struct cordon_mem private;      /* the VMs' part */
    struct cordon_mem tables;       /* the host's */
    struct cordon_mem dma;          /* its devices', where there is an SMMU */
};

static uint64_t up(uint64_t x, uint64_t to)
{
    return (x + to - 1) / to * to;
}

static bool fail(char *why, size_t why_size, const char *text)
{
    if (why != NULL && why_size > 0)
        (void)snprintf(why, why_size, "%s", text);
    return false;
}

static struct cordon_geometry geometry(struct cordon_geometry g)
{
    return g.ipa_bits == 0 ? (struct cordon_geometry){ 48, 0 } : g;
}

/* ---- where things go ---- */

/* The first address above what the configuration names. */
static uint64_t end_of(const struct cordon_mem *m, uint32_t n)
{
    uint64_t end = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (m[i].base < CORDON_ADDR_LIMIT && m[i].size <= CORDON_ADDR_LIMIT - m[i].base && m[i].base + m[i].size > end)
            end = m[i].base + m[i].size;
    }
    return end;
}

#ifdef SIM_TSAN
#define ALWAYS_COMPACT true     /* a race detector has no room for a large span */
#else
#define ALWAYS_COMPACT false
#endif

static bool place_private(const struct sim_config *f, struct plan *p)
{
    bool compact = f->compact || ALWAYS_COMPACT || f->dma.bits != 0;
    uint64_t reach = UINT64_C(1) << (p->core.host.ipa_bits > 48 ? 48 : p->core.host.ipa_bits);
    uint64_t beyond = UINT64_C(1) << (f->pa_bits == 0 || f->pa_bits > 48 ? 40 : f->pa_bits);
    uint64_t base = end_of(f->ram, f->rams);
    uint64_t hidden_end = end_of(f->hidden, f->hiddens);
    uint64_t size = f->private_size != 0 ? up(f->private_size, SECTION) : compact ? COMPACT_PRIVATE : DEFAULT_PRIVATE;

    base = up(hidden_end > base ? hidden_end : base, SECTION);
    if (!compact && base < beyond && beyond < reach)
        base = beyond;
    if (base + SECTION > reach)
        return false;
    if (size > reach - base && f->private_size == 0)
        size = (reach - base) / 2 / SECTION * SECTION + SECTION;
    p->private = (struct cordon_mem){ base, size };
    p->tables = (struct cordon_mem){ base + size, PAGE };
    p->dma = (struct cordon_mem){ base + size + PAGE, f->dma.bits != 0 ? PAGE : 0 };
    return size <= reach - base && base + size < CORDON_ADDR_LIMIT;
}

static struct cordon_mem *with(const struct cordon_mem *list, uint32_t n, struct cordon_mem one, struct cordon_mem two)
{
    struct cordon_mem *longer = malloc((n + 2) * sizeof(*longer));

    if (longer == NULL)
        return NULL;
    if (n > 0)
        memcpy(longer, list, n * sizeof(*longer));
    longer[n] = one;
    longer[n + 1] = two;
    return longer;
}

static void plan_free(struct plan *p)
{
    free((void *)(uintptr_t)p->core.ram);
    free((void *)(uintptr_t)p->core.hidden);
}

/* How many frames the tables take, which are hidden behind all RAM. */
static bool place_tables(const struct sim_config *f, struct plan *p, struct cordon_mem *hidden)
{
    if (f->host_tables != 0)
        p->sizes.host_tables = f->host_tables;
    p->tables.size = p->sizes.host_tables * PAGE;
    p->dma.size = p->sizes.dma_tables * PAGE;
    if (p->tables.size / PAGE != p->sizes.host_tables || p->tables.size > CORDON_ADDR_LIMIT - p->tables.base - p->dma.size)
        return false;
    p->dma.base = p->tables.base + p->tables.size;
    hidden[f->hiddens] = p->tables;
    hidden[f->hiddens + 1] = p->dma;
    return true;
}

/* The whole configuration, and how large things are. */
static bool make_plan(const struct sim_config *f, struct plan *p, char *why, size_t why_size)
{
    enum cordon_status status;
    struct cordon_mem *hidden;

    p->core = (struct cordon_config){ .rams = f->rams + 1, .core = f->core, .cores = f->cores,
                                      .hiddens = f->hiddens + (f->dma.bits != 0 ? 2 : 1), .pinned = f->pinned,
                                      .pinneds = f->pinneds, .pa_bits = f->pa_bits, .host = geometry(f->host),
                                      .vm = geometry(f->vm), .dma = f->dma, .door = f->door, .vms = f->vms == 0 ? 255 : f->vms };
    if (!place_private(f, p))
        return fail(why, why_size, "no room for the machine's private memory: the host's table does not reach far enough");
    p->core.ram = with(f->ram, f->rams, p->private, p->private);
    p->core.hidden = hidden = with(f->hidden, f->hiddens, p->tables, p->dma);
    if (f->rams == 0 || p->core.ram == NULL || hidden == NULL)
        return fail(why, why_size, f->rams == 0 ? "no RAM" : "out of memory");
    status = cordon_sizes(&p->core, &p->sizes);
    if (status != CORDON_OK)
        return fail(why, why_size, cordon_status_meaning(status));
    return place_tables(f, p, hidden) || fail(why, why_size, "no room for the host's tables");
}

static struct frames *frames_of(const struct cordon_mem *m, uint32_t n)
{
    struct frames *f = calloc(n + 1, sizeof(*f));

    for (uint32_t i = 0; f != NULL && i < n; i++)
        f[i] = (struct frames){ m[i].base / PAGE, m[i].size / PAGE };
    return f;
}

/* ---- making it ---- */

static void make_locks(struct sim *s)
{
    pthread_mutexattr_t again;

    (void)pthread_mutexattr_init(&again);
    (void)pthread_mutexattr_settype(&again, PTHREAD_MUTEX_RECURSIVE);
    (void)pthread_mutex_init(&s->turn, &again);
    (void)pthread_mutexattr_destroy(&again);
    (void)pthread_mutex_init(&s->log_lock, NULL);
    (void)pthread_mutex_init(&s->report_lock, NULL);
    (void)pthread_mutex_init(&s->lent_lock, NULL);
}

static bool make_memory(struct sim *s, const struct sim_config *f, const struct plan *p)
{
    s->ram = frames_of(f->ram, f->rams);
    s->rams = f->rams;
    s->core_mem = frames_of(f->core, f->cores);
    s->cores = f->cores;
    s->hidden = frames_of(p->core.hidden, p->core.hiddens);
    s->hiddens = p->core.hiddens;
    s->pinned = frames_of(f->pinned, f->pinneds);
    s->pinneds = f->pinneds;
    s->private = (struct frames){ p->private.base / PAGE, p->private.size / PAGE };
    s->private_next = s->private.first;
    s->host_tables = (struct frames){ p->tables.base / PAGE, p->tables.size / PAGE };
    s->dma_tables = (struct frames){ p->dma.base / PAGE, p->dma.size / PAGE };
    s->dma = p->core.dma;
    s->door = p->core.door;
    s->frames = s->dma_tables.first + s->dma_tables.count;
    return s->ram != NULL && s->core_mem != NULL && s->hidden != NULL && s->pinned != NULL && sim_memory_create(s);
}

static bool make_core(struct sim *s, const struct plan *p, char *why, size_t why_size)
{
    struct cordon_storage g = { .arch = &s->arch, .phys = s->phys, .phys_frames = s->frames,
                                .host_tables = pfn(s->host_tables.first), .host_table_count = s->host_tables.count,
                                .dma_tables = pfn(s->dma_tables.first) };
    enum cordon_status status;

    s->core_span = calloc(p->sizes.spans, sizeof(*s->core_span));
    s->core_hidden = calloc(p->sizes.hiddens + 1, sizeof(*s->core_hidden));
    s->core_sections = p->sizes.sections;
    s->core_section = sim_sparse(s->core_sections * sizeof(*s->core_section));
    s->core_frame = sim_sparse(s->core_sections * 512 * sizeof(*s->core_frame));
    s->core_vms = p->sizes.vms;
    s->core_vm = sim_sparse(s->core_vms * sizeof(*s->core_vm));
    s->vm = sim_sparse(s->core_vms * sizeof(*s->vm));
    if (s->core_span == NULL || s->core_hidden == NULL || s->core_section == NULL || s->core_frame == NULL ||
        s->core_vm == NULL || s->vm == NULL || !dma_create(s))
        return fail(why, why_size, "out of memory");
    g.span = s->core_span;
    g.hidden = s->core_hidden;
    g.section = s->core_section;
    g.frame = s->core_frame;
    g.vm = s->core_vm;
    s->booting = true;
    status = cordon_init(&s->core, &p->core, &g);
    s->booting = false;
    if (status != CORDON_OK)
        return fail(why, why_size, cordon_status_meaning(status));
    return (sim_records_create(s) && smmu_create(s)) || fail(why, why_size, "out of memory");
}

struct sim *sim_create(const struct sim_config *config, char *why, size_t why_size)
{
    struct sim *s = calloc(1, sizeof(*s));
    struct plan p = { .core = { .ram = NULL } };

    if (s == NULL) {
        (void)fail(why, why_size, "out of memory");
        return NULL;
    }
    make_locks(s);
    s->arch.sim = s;
    s->check = !config->no_check;
    s->concurrent = config->concurrent;
    s->panic = config->panic;
    s->log = config->log;
    s->cpus = config->cpus == 0 ? 4 : config->cpus < 256 ? config->cpus : 255;
    s->tlb_entries = config->tlb_entries == 0 ? 1024 : config->tlb_entries < 32768 ? config->tlb_entries : 32768;
    if (!make_plan(config, &p, why, why_size) ||
        !((make_memory(s, config, &p) && sim_cpus_create(s, config->seed)) || fail(why, why_size, "out of memory")) ||
        !make_core(s, &p, why, why_size)) {
        plan_free(&p);
        sim_destroy(s);
        return NULL;
    }
    plan_free(&p);
    if (s->check)
        pte_attach_roots(s, &s->cpu[0], &s->core.host);
    return s;
}

void sim_destroy(struct sim *s)
{
    if (s == NULL)
        return;
    sim_cpus_destroy(s);
    dma_destroy(s);
    smmu_destroy(s);
    stream_destroy(s);
    sim_records_destroy(s);
    sim_memory_destroy(s);
    sim_unsparse(s->core_section, s->core_sections * sizeof(*s->core_section));
    sim_unsparse(s->core_frame, s->core_sections * 512 * sizeof(*s->core_frame));
    sim_unsparse(s->core_vm, s->core_vms * sizeof(*s->core_vm));
    sim_unsparse(s->vm, s->core_vms * sizeof(*s->vm));
    free(s->core_span);
    free(s->core_hidden);
    free(s->ram);
    free(s->core_mem);
    free(s->hidden);
    free(s->pinned);
    free(s->lent);
    for (unsigned i = 0; i < SIM_REPORTS_KEPT; i++)
        free(s->report[i]);
    (void)pthread_mutex_destroy(&s->turn);
    (void)pthread_mutex_destroy(&s->log_lock);
    (void)pthread_mutex_destroy(&s->report_lock);
    (void)pthread_mutex_destroy(&s->lent_lock);
    free(s);
}

struct cordon *sim_core(struct sim *s)
{
    return &s->core;
}
