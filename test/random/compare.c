/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the real core against the model's: an abstraction function, and a comparison of each part. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "memory/frame.h"
#include "base/region.h"
#include "world.h"

bool pair_fail(struct pair *p, const char *format, ...)
{
    va_list args;

    if (p->why[0] != '\0')
        return false;
    va_start(args, format);
    vsnprintf(p->why, sizeof p->why, format, args);
    va_end(args);
    return false;
}

bool pair_reports(struct pair *p)
{
    if (sim_reports(p->sim) == 0)
        return false;
    pair_fail(p, "report: %s", sim_report(p->sim, 0));
    return true;
}

/* ---- records ---- */

static uint32_t owner_of(struct frame record)
{
    switch (record.holder) {
    case HOLDER_HOST: return MODEL_HOST;
    case HOLDER_CORE: return MODEL_CORE;
    case HOLDER_INVALID: return MODEL_INVALID;
    default: return record.holder;
    }
}

static bool compare_record(struct pair *p, uint64_t pfn, const struct model_frame *f)
{
    struct cordon *c = sim_core(p->sim);
    uint64_t index;
    struct frame record;

    if (!region_section(c, pfn / 512, &index))
        return pair_fail(p, "frame 0x%" PRIx64 " is RAM and in no section", pfn);
    record = c->frame[index * 512 + pfn % 512];
    if (owner_of(record) != f->owner || record.count != f->count || frame_gfn(record) != f->gfn)
        return pair_fail(p, "frame 0x%" PRIx64 ": owner %" PRIu32 " count %" PRIu32 " gfn 0x%" PRIx64 ", the model has %" PRIu32
                         " %" PRIu32 " 0x%" PRIx64, pfn, owner_of(record), (uint32_t)record.count, frame_gfn(record), f->owner,
                         f->count, f->gfn);
    return true;
}

static bool compare_contents(struct pair *p, uint64_t pfn, const struct model_frame *f)
{
    if (f->owner == MODEL_CORE)
        return true;
    for (uint32_t i = 0; i < MODEL_WORDS; i++) {
        uint64_t value = sim_peek(p->sim, pfn, model_word[i]);

        if (value != f->word[i])
            return pair_fail(p, "frame 0x%" PRIx64 " word %" PRIu32 " is 0x%" PRIx64 ", the model has 0x%" PRIx64, pfn,
                             model_word[i], value, f->word[i]);
    }
    return true;
}

static bool compare_frames(struct pair *p)
{
    for (uint32_t i = 0; i < p->model->rams; i++) {
        const struct model_ram *r = &p->model->ram[i];

        for (uint64_t k = 0; k < r->count; k++) {
            if (!compare_record(p, r->first + k, &r->frame[k]) || !compare_contents(p, r->first + k, &r->frame[k]))
                return false;
        }
    }
    return true;
}

/* ---- VM maps ---- */

struct map_walk {
    struct pair *p;
    struct model_vm *v;     /* NULL: the host */
    uint64_t pages;
};

static uint64_t pages_of(const struct sim_mapping *m)
{
    return m->level == 1 ? CORDON_GIB_PAGES : m->level == 2 ? CORDON_BLOCK_PAGES : 1;
}

static bool compare_vm_leaf(const struct sim_mapping *leaf, void *arg)
{
    struct map_walk *w = arg;

    for (uint64_t i = 0; i < pages_of(leaf); i++) {
        const struct model_entry *e = model_entry(w->p->model, w->v, leaf->gfn + i);

        if (!e || e->level != leaf->level || e->pfn != leaf->pfn + i || e->device != leaf->device)
            return pair_fail(w->p, "VM %" PRIu32 " maps 0x%" PRIx64 " to 0x%" PRIx64 " level %" PRIu32 " %s, the model has "
                             "0x%" PRIx64 " level %d", w->v->id, leaf->gfn + i, leaf->pfn + i, leaf->level,
                             leaf->device ? "device" : "normal", e ? e->pfn : 0, e ? e->level : 0);
        w->pages++;
    }
    return true;
}

static bool compare_vm(struct pair *p, struct model_vm *v)
{
    struct map_walk w = { p, v, 0 };
    uint64_t pages = 0;
    uint64_t free = cordon_vm_pool_free(sim_core(p->sim), vmid(v->id));

    sim_mappings(p->sim, v->id, compare_vm_leaf, &w);
    if (p->why[0] != '\0')
        return false;
    for (uint32_t i = 0; i < p->model->windows; i++) {
        for (uint64_t k = 0; k < MODEL_WINDOW_PAGES; k++)
            pages += v->map[i][k].level != 0;
    }
    if (pages != w.pages)
        return pair_fail(p, "VM %" PRIu32 " maps %" PRIu64 " pages, the model %" PRIu64, v->id, w.pages, pages);
    if (v->state == MODEL_LIVE && (int64_t)free != v->free)
        return pair_fail(p, "VM %" PRIu32 " has %" PRIu64 " free tables, the model %" PRId64, v->id, free, v->free);
    return true;
}

/* ---- the host's map: a bound (I1) ---- */

static bool meets(uint64_t first, uint64_t n, uint64_t other, uint64_t other_n)
{
    return first < other + other_n && other < first + n;
}

/* No RAM, nothing hidden. */
static bool bound_device(struct pair *p, uint64_t first, uint64_t n)
{
    const struct model *m = p->model;

    for (uint32_t i = 0; i < m->rams; i++) {
        if (meets(first, n, m->ram[i].first, m->ram[i].count))
            return pair_fail(p, "the host maps RAM from 0x%" PRIx64 " on as a device", first);
    }
    for (uint32_t i = 0; i < m->hiddens; i++) {
        if (meets(first, n, m->hidden[i].base / CORDON_PAGE_SIZE, m->hidden[i].size / CORDON_PAGE_SIZE))
            return pair_fail(p, "the host maps what is hidden, from 0x%" PRIx64 " on", first);
    }
    return true;
}

static bool bound_normal(struct pair *p, uint64_t first, uint64_t n)
{
    for (uint64_t at = first; at < first + n; at++) {
        if (at >= p->model->foreign_first && at < p->model->foreign_end)
            continue;
        if (!model_frame(p->model, at) || !model_host_may(p->model, at))
            return pair_fail(p, "the host maps 0x%" PRIx64 " as normal memory, owner %" PRIu32, at, model_owner(p->model, at));
    }
    return true;
}

static bool bound_host_leaf(const struct sim_mapping *leaf, void *arg)
{
    struct map_walk *w = arg;

    if (leaf->gfn != leaf->pfn)
        return pair_fail(w->p, "the host maps 0x%" PRIx64 " to 0x%" PRIx64, leaf->gfn, leaf->pfn);
    return leaf->device ? bound_device(w->p, leaf->pfn, pages_of(leaf)) : bound_normal(w->p, leaf->pfn, pages_of(leaf));
}

/* ---- what devices reach: what the host may have, no less (I5) ---- */

static bool compare_devices(struct pair *p)
{
    for (uint32_t i = 0; i < p->model->rams; i++) {
        const struct model_ram *r = &p->model->ram[i];

        for (uint64_t pfn = r->first; pfn < r->first + r->count; pfn++) {
            struct sim_mapping leaf = { .pfn = pfn, .level = 3 };
            bool reached = sim_dma_lookup(p->sim, pfn, &leaf);

            if (reached != model_device_may(p->model, pfn) || leaf.pfn != pfn || leaf.level != 3)
                return pair_fail(p, "devices reach %s0x%" PRIx64 " at 0x%" PRIx64 ", owner %" PRIu32,
                                 reached ? "frame " : "nothing, not ", leaf.pfn, pfn, model_owner(p->model, pfn));
        }
    }
    return true;
}

bool pair_compare(struct pair *p)
{
    struct map_walk host = { p, NULL, 0 };

    if (!compare_frames(p) || (p->model->devices && !compare_devices(p)))
        return false;
    for (uint32_t i = 0; i < MODEL_VMS; i++) {
        struct model_vm *v = &p->model->vm[i];

        if (v->state != MODEL_NONE && !compare_vm(p, v))
            return false;
        if (v->state == MODEL_NONE && cordon_vm_pool_free(sim_core(p->sim), vmid(v->id)) != 0)
            return pair_fail(p, "VM %" PRIu32 " does not exist and has free tables", v->id);
    }
    sim_mappings(p->sim, 0, bound_host_leaf, &host);
    return p->why[0] == '\0';
}
