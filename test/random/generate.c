/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random operations. Most arguments are taken near what the model holds, so that they hit: frames of a VM, mapped guest
 * frames, edges of sections and regions. Some are boundary values or nonsense.
 *
 * Guest frames that exist are always within the model's windows, and no frame is named that may be the simulator's own.
 */
#include "ops.h"

#define PAGE UINT64_C(4096)

/* ---- frames ---- */

static uint64_t pick_ram(struct rng *r, struct model *m)
{
    const struct model_ram *g = &m->ram[rng_below(r, rng_one_in(r, 3) ? m->rams : 1)];
    uint64_t most = g->count < 4096 ? g->count : 4096;      /* a large region: its ends, so that operations meet */
    uint64_t at = rng_below(r, most);
    uint64_t edge = g->first + at - (g->first + at) % 512;

    switch (rng_below(r, 8)) {
    case 0: return g->first;
    case 1: return g->first + g->count - 1;
    case 2: return edge < g->first ? g->first : edge;
    case 3: return edge < g->first + 8 ? g->first : edge - rng_below(r, 8);
    case 4: return g->first + g->count - 1 - at;
    default: return g->first + at;
    }
}

static bool named(const struct world *w, uint64_t pfn)
{
    return pfn < w->off_first || pfn >= w->off_end;
}

/* A frame that is no RAM, or 0 where RAM is. */
static uint64_t pick_device(struct rng *r, const struct world *w, struct model *m)
{
    for (uint32_t i = 0; i < 8; i++) {
        const struct model_ram *g = &m->ram[rng_below(r, m->rams)];
        uint64_t pfn;

        switch (rng_below(r, 6)) {
        case 0: pfn = g->first + g->count; break;
        case 1: pfn = g->first - 1; break;
        case 2: pfn = g->first - 1 - rng_below(r, 2048); break;
        case 3: pfn = m->hiddens ? m->hidden[0].base / PAGE + rng_below(r, 2) * 300 : 1; break;
        case 4: pfn = m->pfn_limit - 1 - rng_below(r, 2); break;
        default: pfn = g->first + g->count + rng_below(r, 600); break;
        }
        if (pfn < m->pfn_limit && !model_frame(m, pfn) && named(w, pfn))
            return pfn;
    }
    return 0;
}

static uint64_t pick_pfn(struct rng *r, const struct world *w, struct model *m, struct hot *h)
{
    uint64_t pfn;

    if (rng_one_in(r, 24))
        return pick_device(r, w, m);
    if (rng_one_in(r, 3)) {
        pfn = h->pfn[rng_below(r, 8)] + rng_below(r, 4) - 1;
        if (model_frame(m, pfn))
            return pfn;
    }
    pfn = pick_ram(r, m);
    h->pfn[rng_below(r, 8)] = pfn;
    return pfn;
}

/* The first frame of a whole section, if there is one near. */
static uint64_t pick_section(struct rng *r, const struct world *w, struct model *m, struct hot *h)
{
    for (uint32_t i = 0; i < 6; i++) {
        uint64_t pfn = pick_ram(r, m);

        pfn -= pfn % 512;
        if (model_frame(m, pfn) && model_frame(m, pfn + 511)) {
            h->pfn[rng_below(r, 8)] = pfn;
            return pfn;
        }
    }
    return pick_pfn(r, w, m, h);
}

/* ---- guest frames ---- */

static uint64_t pick_gfn(struct rng *r, struct model *m, struct hot *h)
{
    uint64_t gfn;

    if (rng_one_in(r, 3))
        return h->gfn[rng_below(r, 8)];
    gfn = m->window[rng_below(r, m->windows)];
    switch (rng_below(r, 4)) {
    case 0: gfn += rng_below(r, 2) * 512; break;
    case 1: gfn += rng_below(r, 2) * 512 + 511; break;
    default: gfn += rng_below(r, MODEL_WINDOW_PAGES); break;
    }
    h->gfn[rng_below(r, 8)] = gfn;
    return gfn;
}

/* A guest frame that the VM maps, if a few looks find one. */
static uint64_t pick_mapped(struct rng *r, struct model *m, struct model_vm *v, struct hot *h)
{
    for (uint32_t i = 0; v && i < 12; i++) {
        uint32_t at = (uint32_t)rng_below(r, m->windows);
        uint64_t first = rng_below(r, MODEL_WINDOW_PAGES);

        for (uint64_t k = 0; k < 128; k++) {
            uint64_t page = (first + k) % MODEL_WINDOW_PAGES;

            if (v->map[at][page].level != 0)
                return m->window[at] + page;
        }
    }
    return pick_gfn(r, m, h);
}

/* A guest frame that the VM does not map, if there is one near. */
static uint64_t pick_unmapped(struct rng *r, struct model *m, struct model_vm *v, struct hot *h)
{
    uint64_t gfn = pick_gfn(r, m, h);

    for (uint32_t i = 0; v && i < 32; i++) {
        const struct model_entry *e = model_entry(m, v, gfn + i);

        if (e && e->level == 0)
            return gfn + i;
    }
    return gfn;
}

/* A frame of the host's, if there is one near. */
static uint64_t pick_free(struct rng *r, const struct world *w, struct model *m, struct hot *h)
{
    uint64_t pfn = pick_pfn(r, w, m, h);

    for (uint32_t i = 0; i < 64; i++) {
        if (model_frame(m, pfn + i) && model_owner(m, pfn + i) == MODEL_HOST)
            return pfn + i;
    }
    return pfn;
}

static struct model_vm *pick_vm(struct rng *r, struct model *m)
{
    for (uint32_t i = 0; i < 4; i++) {
        struct model_vm *v = &m->vm[rng_below(r, rng_one_in(r, 4) ? MODEL_VMS : 2)];

        if (v->state != MODEL_NONE)
            return v;
    }
    return NULL;
}

static uint32_t bad_id(struct rng *r, struct model *m)
{
    static const uint32_t odd[] = { 0, 0x4000, 0xfffe, 0xffff, 0x10001, UINT32_MAX };

    return rng_one_in(r, 2) ? m->max_vm + 1 : odd[rng_below(r, sizeof odd / sizeof odd[0])];
}

/* ---- values for boundaries ---- */

static uint64_t nonsense(struct rng *r, uint64_t limit)
{
    static const uint64_t far[] = { UINT64_MAX, UINT64_C(1) << 63, UINT64_MAX - 4095, UINT64_C(1) << 52 };

    switch (rng_below(r, 4)) {
    case 0: return limit;
    case 1: return limit + rng_below(r, UINT64_C(1) << 20);
    case 2: return rng_next(r) | UINT64_C(1) << 60;
    default: return far[rng_below(r, 4)];
    }
}

/* Pages of a range: one, a few, up to a table's end, several tables. */
static uint64_t pick_num(struct rng *r)
{
    switch (rng_below(r, 8)) {
    case 0: return 512;
    case 1: return rng_from(r, 510, 514);
    case 2: return rng_from(r, 1, 1100);
    case 3: case 4: return rng_from(r, 1, 40);
    default: return rng_from(r, 1, 4);
    }
}

/* ---- operations ---- */

static void make_map(struct rng *r, const struct world *w, struct model *m, struct hot *h, struct model_vm *v,
                     struct op *op)
{
    bool block = rng_one_in(r, 4);
    bool fresh = rng_one_in(r, 2);
    uint64_t gfn = fresh ? pick_unmapped(r, m, v, h) : pick_gfn(r, m, h);
    uint64_t pfn = block ? pick_section(r, w, m, h) : fresh ? pick_free(r, w, m, h) : pick_pfn(r, w, m, h);

    op->kind = OP_MAP;
    op->a = gfn * PAGE + (rng_one_in(r, 8) ? rng_below(r, PAGE) : 0);
    op->b = pfn * PAGE + (rng_one_in(r, 2) ? UINT64_C(0xfff) : rng_below(r, PAGE)) + (rng_below(r, 16) << 60);
    op->c = block ? 2 : rng_one_in(r, 8) ? rng_below(r, 6) : 3;
    if (op->c == 2 && !block)
        op->c = 3;
    op->flag = rng_one_in(r, 3);
    if (rng_one_in(r, 40))
        op->a = nonsense(r, m->vm_limit * PAGE);
    if (rng_one_in(r, 40))
        op->b = (m->pfn_limit + rng_below(r, 5)) * PAGE;
    if (rng_one_in(r, 40) && block)
        op->b += PAGE;
}

static void make_map_range(struct rng *r, const struct world *w, struct model *m, struct hot *h, struct model_vm *v,
                           struct op *op)
{
    uint64_t gfn = rng_one_in(r, 2) ? pick_unmapped(r, m, v, h) : pick_gfn(r, m, h);
    uint64_t left;

    op->kind = OP_MAP_RANGE;
    op->a = gfn * PAGE;
    op->b = rng_one_in(r, 2) ? pick_free(r, w, m, h) : pick_pfn(r, w, m, h);
    for (left = 0; model_entry(m, &m->vm[0], gfn + left); left++)
        ;
    op->c = pick_num(r);
    if (op->c > left)
        op->c = left;
    if (rng_one_in(r, 3)) {     /* a whole table, as a range */
        op->a = gfn / 512 * 512 * PAGE;
        op->b = pick_section(r, w, m, h);
        op->c = 512;
    }
    op->flag = rng_one_in(r, 3);
    if (!named(w, op->b + op->c - 1) || rng_one_in(r, 60))
        op->c = nonsense(r, m->pfn_limit);
    if (rng_one_in(r, 60))
        op->c = 0;
    if (rng_one_in(r, 60))
        op->a += 8;
    if (rng_one_in(r, 60))
        op->b = m->pfn_limit;
}

static void make_share(struct rng *r, struct model *m, struct model_vm *v, struct hot *h, struct op *op)
{
    uint64_t gfn = pick_mapped(r, m, v, h);
    uint64_t limit = m->vm_limit * PAGE;

    op->kind = rng_one_in(r, 2) ? OP_GRANT : OP_REVOKE;
    op->a = gfn * PAGE;
    op->b = pick_num(r) * PAGE;
    if (rng_one_in(r, 4))
        op->b -= rng_below(r, PAGE);
    if (rng_one_in(r, 12))      /* all that there is */
        op->a = 0, op->b = limit;
    if (rng_one_in(r, 12))
        op->b = limit - op->a - (rng_one_in(r, 2) ? rng_below(r, 2 * PAGE) : 0);
    if (rng_one_in(r, 30))
        op->b = nonsense(r, limit - op->a + 1);
    if (rng_one_in(r, 60))
        op->b = 0;
    if (rng_one_in(r, 60))
        op->a = rng_one_in(r, 2) ? nonsense(r, limit) : op->a + 1;
    op->c = rng_one_in(r, 8) ? 1 : 0;
}

static void make_clear(struct rng *r, const struct world *w, struct model *m, struct hot *h, struct model_vm *v,
                       struct op *op)
{
    const struct model_entry *e = v ? model_entry(m, v, pick_mapped(r, m, v, h)) : NULL;

    op->kind = OP_CLEAR;
    op->a = e && e->level != 0 && !e->device && !rng_one_in(r, 4) ? e->pfn : pick_pfn(r, w, m, h);
    op->b = rng_one_in(r, 2) ? rng_from(r, 1, 4) : pick_num(r);
    if (rng_one_in(r, 4))
        op->a -= op->a % 512;
    if (rng_one_in(r, 30))
        op->b = m->pfn_limit - op->a + (rng_one_in(r, 2) ? 1 : 0);
    if (rng_one_in(r, 60))
        op->b = rng_one_in(r, 2) ? 0 : nonsense(r, m->pfn_limit);
    if (rng_one_in(r, 60))
        op->a = nonsense(r, m->pfn_limit);
    op->c = rng_one_in(r, 8) ? 1 : 0;
}

static void make_io(struct rng *r, const struct world *w, struct model *m, struct hot *h, struct op *op)
{
    op->kind = OP_MAP_IO;
    op->a = pick_gfn(r, m, h) * PAGE;
    op->b = (rng_one_in(r, 5) ? pick_ram(r, m) : pick_device(r, w, m)) * PAGE;
    if (rng_one_in(r, 20))
        op->a += 1 + rng_below(r, PAGE - 1);
    if (rng_one_in(r, 20))
        op->b += 1 + rng_below(r, PAGE - 1);
    if (rng_one_in(r, 20))
        op->a = nonsense(r, m->vm_limit * PAGE);
    if (rng_one_in(r, 20))
        op->b = nonsense(r, m->pfn_limit * PAGE);
}

static void make_fault(struct rng *r, const struct world *w, struct model *m, struct hot *h, struct op *op)
{
    uint64_t limit = m->pfn_limit < m->host_limit ? m->pfn_limit : m->host_limit;

    op->kind = OP_HOST_FAULT;
    op->vm = 0;
    op->a = (rng_one_in(r, 6) ? pick_device(r, w, m) : pick_pfn(r, w, m, h)) * PAGE + rng_below(r, PAGE);
    if (rng_one_in(r, 20))
        op->a = nonsense(r, limit * PAGE);
}

static void make_access(struct rng *r, const struct world *w, struct model *m, struct hot *h, struct model_vm *v,
                        struct op *op)
{
    uint64_t word = model_word[rng_below(r, MODEL_WORDS)] * 8;

    op->kind = rng_one_in(r, 2) ? OP_READ : OP_WRITE;
    op->flag = op->kind == OP_READ && rng_one_in(r, 3);
    op->b = rng_next(r);
    if (v && rng_one_in(r, 2)) {
        uint64_t gfn = rng_one_in(r, 8) ? pick_gfn(r, m, h) : pick_mapped(r, m, v, h);

        op->vm = op->vm == 0 ? v->id : op->vm;
        op->a = gfn * PAGE + word;
    } else {
        const struct model_entry *e = v ? model_entry(m, v, pick_mapped(r, m, v, h)) : NULL;
        uint64_t pfn = e && e->level != 0 && rng_one_in(r, 2) ? e->pfn : pick_pfn(r, w, m, h);

        op->vm = 0;
        op->a = (pfn < m->host_limit ? pfn : pick_ram(r, m)) * PAGE + word;
    }
}

/* By a device: mostly what a VM has or had a moment ago. */
static void make_dma(struct rng *r, const struct world *w, struct model *m, struct hot *h, struct model_vm *v, struct op *op)
{
    const struct model_entry *e = v ? model_entry(m, v, pick_mapped(r, m, v, h)) : NULL;
    uint64_t pfn = e && e->level != 0 && rng_one_in(r, 2) ? e->pfn : pick_pfn(r, w, m, h);

    op->kind = rng_one_in(r, 3) ? OP_DMA_WRITE : OP_DMA_READ;
    op->vm = 0;
    op->a = pfn * PAGE + model_word[rng_below(r, MODEL_WORDS)] * 8;
    op->b = rng_next(r);
    if (rng_one_in(r, 40))
        op->a = nonsense(r, m->host_limit * PAGE) / 8 * 8;
}

static void make_walk(struct rng *r, struct model *m, struct model_vm *v, struct hot *h, struct op *op)
{
    op->kind = OP_WALK;
    op->a = (rng_one_in(r, 3) ? pick_gfn(r, m, h) : pick_mapped(r, m, v, h)) * PAGE + rng_below(r, PAGE);
    if (rng_one_in(r, 20))
        op->a = nonsense(r, m->vm_limit * PAGE);
}

static void make_create(struct rng *r, const struct world *w, struct model *m, struct hot *h, struct op *op)
{
    op->vm = m->vm[rng_below(r, rng_one_in(r, 3) ? MODEL_VMS : 2)].id;
    op->kind = rng_one_in(r, 2) ? OP_CREATE : OP_CREATE_ELSEWHERE;
    if (rng_one_in(r, 20))
        op->vm = bad_id(r, m);
    op->a = pick_pfn(r, w, m, h);
    if (!rng_one_in(r, 6))
        op->a -= op->a % m->vm_roots;
    if (rng_one_in(r, 20))
        op->a = CORDON_FRAME_LIMIT + rng_below(r, 2) * 16;
}

static void make_tables(struct rng *r, const struct world *w, struct model *m, struct hot *h, struct op *op)
{
    op->kind = rng_one_in(r, 3) ? OP_FEED : OP_DONATE;
    if (op->kind == OP_FEED) {
        op->a = rng_from(r, 1, 6);
        return;
    }
    op->a = rng_one_in(r, 8) ? pick_section(r, w, m, h) : pick_pfn(r, w, m, h);
    op->b = rng_one_in(r, 12) ? rng_from(r, 1, 513) : rng_from(r, 1, 3);
    if (rng_one_in(r, 30))
        op->b = rng_one_in(r, 2) ? 0 : nonsense(r, 513);
    if (rng_one_in(r, 30))
        op->a = CORDON_FRAME_LIMIT + rng_below(r, 2);
}

static struct op make(struct rng *r, const struct world *w, struct model *m, struct hot *h)
{
    struct model_vm *v = pick_vm(r, m);
    struct op op = { .cpu = (uint32_t)rng_below(r, 4), .vm = v ? v->id : m->vm[0].id };
    uint64_t dice = rng_below(r, 1000);

    if (rng_one_in(r, 80))
        op.vm = bad_id(r, m);
    if (w->dma.bits != 0 && rng_one_in(r, 8))
        make_dma(r, w, m, h, v, &op);
    else if (!v && !rng_one_in(r, 4))
        make_create(r, w, m, h, &op);
    else if (v && v->state == MODEL_DYING && rng_one_in(r, 8))
        op.kind = rng_one_in(r, 2) ? OP_DESTROY : OP_DESTROY_STEP;
    else if (v && v->state == MODEL_LIVE && v->free < 3 && rng_one_in(r, 8))
        make_tables(r, w, m, h, &op);
    else if (dice < 170)
        make_map(r, w, m, h, v, &op);
    else if (dice < 260)
        make_map_range(r, w, m, h, v, &op);
    else if (dice < 460)
        make_share(r, m, v, h, &op);
    else if (dice < 550)
        make_clear(r, w, m, h, v, &op);
    else if (dice < 580)
        make_io(r, w, m, h, &op);
    else if (dice < 650)
        make_fault(r, w, m, h, &op);
    else if (dice < 670)
        make_walk(r, m, v, h, &op);
    else if (dice < 940)
        make_access(r, w, m, h, v, &op);
    else if (dice < 955)
        make_create(r, w, m, h, &op);
    else if (dice < 992)
        make_tables(r, w, m, h, &op);
    else
        op.kind = dice < 996 ? OP_DESTROY : OP_DESTROY_STEP;
    return op;
}

/* A table of pages that may have come whole is asked for as a block. */
static struct op join_of(const struct op *range)
{
    struct op op = *range;

    op.kind = OP_MAP;
    op.b = range->b * PAGE;
    op.c = 2;
    return op;
}

struct op op_random(struct rng *r, const struct world *w, struct model *m, struct hot *h)
{
    bool table = h->last.kind == OP_MAP_RANGE && h->last.c == 512 && h->last.b % 512 == 0;

    if (h->repeat > 0) {
        h->repeat--;
        h->last.cpu = (uint32_t)rng_below(r, 4);
        return h->last;
    }
    if (table && rng_one_in(r, 2))
        return h->last = join_of(&h->last);
    h->last = make(r, w, m, h);
    if ((h->last.kind == OP_GRANT && rng_one_in(r, 60)) || h->last.kind == OP_DESTROY_STEP)
        h->repeat = (uint32_t)rng_below(r, h->last.kind == OP_GRANT ? 120 : 20);     /* to saturation; some way into a teardown */
    return h->last;
}
