/* SPDX-License-Identifier: Apache-2.0 */
/* One operation on the real core and on the model. */
#include <inttypes.h>
#include <string.h>

#include "memory/frame.h"
#include "ops.h"
#include "base/region.h"

/* Calls of one bounded operation; more are a failure to come to an end. */
#define CALLS_MAX 100000

static void begin(struct pair *p, const struct world *w, uint32_t cpu, const char *what)
{
    sim_cpu(p->sim, cpu % w->cpus);
    sim_begin(p->sim, what);
}

static bool end(struct pair *p)
{
    sim_end(p->sim);
    return !pair_reports(p);
}

static bool same_status(struct pair *p, const char *what, enum cordon_status got, enum cordon_status expected)
{
    p->held += got == CORDON_OK;
    if (got == expected)
        return true;
    return pair_fail(p, "%s answers %s, the model %s", what, cordon_status_word(got), cordon_status_word(expected));
}

static bool same_progress(struct pair *p, const char *what, struct cordon_progress got, struct cordon_progress expected)
{
    if (got.status != expected.status)
        return same_status(p, what, got.status, expected.status);
    p->held += got.changed > 0;
    if (got.done == expected.done && got.changed == expected.changed && got.unmapped == expected.unmapped &&
        got.not_owned == expected.not_owned && got.saturated == expected.saturated)
        return true;
    return pair_fail(p, "%s: done %" PRIu64 " changed %" PRIu64 " unmapped %" PRIu64 " not owned %" PRIu64 " saturated %" PRIu64
                     ", the model %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, what, got.done, got.changed,
                     got.unmapped, got.not_owned, got.saturated, expected.done, expected.changed, expected.unmapped,
                     expected.not_owned, expected.saturated);
}

/* ---- lifecycle ---- */

static bool apply_create(struct pair *p, const struct world *w, const struct op *op)
{
    enum cordon_status got;

    if (op->kind == OP_CREATE_ELSEWHERE) {
        if (op->vm < 1 || op->vm > w->max_vm)
            return true;
        return same_status(p, "create", sim_vm_create(p->sim, op->vm), model_create_elsewhere(p->model, op->vm));
    }
    begin(p, w, op->cpu, "create");
    got = cordon_vm_create(sim_core(p->sim), vmid(op->vm), pfn(op->a));
    return end(p) && same_status(p, "create", got, model_create(p->model, op->vm, op->a));
}

static bool apply_donate(struct pair *p, const struct world *w, const struct op *op)
{
    enum cordon_status got;

    begin(p, w, op->cpu, "donate");
    got = cordon_vm_donate(sim_core(p->sim), vmid(op->vm), pfn(op->a), op->b);
    return end(p) && same_status(p, "donate", got, model_donate(p->model, op->vm, op->a, op->b));
}

static bool apply_feed(struct pair *p, const struct op *op)
{
    struct model_vm *v = model_vm(p->model, op->vm);
    uint64_t free;

    if (!v || v->state != MODEL_LIVE)
        return true;
    if (sim_vm_feed(p->sim, op->vm, op->a) != CORDON_OK)
        return pair_fail(p, "feed fails");
    free = cordon_vm_pool_free(sim_core(p->sim), vmid(op->vm));
    if (free < op->a || (int64_t)free < v->free)
        return pair_fail(p, "feed: %" PRIu64 " tables are free", free);
    p->held += (int64_t)free > v->free;
    v->free = (int64_t)free;
    return !pair_reports(p);
}

static uint32_t core_owner(struct pair *p, uint64_t at)
{
    struct cordon *c = sim_core(p->sim);
    uint64_t index = 0;

    (void)region_section(c, at / 512, &index);
    return c->frame[index * 512 + at % 512].holder;
}

/*
 * After a step of a teardown: what it cleared is the core's choice, so the model follows the records and, for devices
 * and blocks, the table. A block leaves the table as a whole, its frames come back in this call and in later ones.
 */
static void follow_teardown(struct pair *p, struct model_vm *v)
{
    for (uint32_t i = 0; i < p->model->rams; i++) {
        struct model_ram *r = &p->model->ram[i];

        for (uint64_t k = 0; k < r->count; k++) {
            bool of_vm = r->frame[k].owner == v->id || (r->frame[k].owner == MODEL_CORE && r->frame[k].lent == v->id);

            if (of_vm && core_owner(p, r->first + k) == HOLDER_HOST)
                model_reclaim(p->model, v, r->first + k);
        }
    }
    for (uint32_t i = 0; i < p->model->windows; i++) {
        for (uint64_t k = 0; k < MODEL_WINDOW_PAGES; k++) {
            struct sim_mapping m;

            if ((v->map[i][k].device || v->map[i][k].level == 2) && !sim_lookup(p->sim, v->id, p->model->window[i] + k, &m))
                v->map[i][k] = (struct model_entry){ 0 };
        }
    }
}

/* While a VM is torn down it owns frames that it does not map in one section at most: the block that is in work. */
static bool one_block_in_work(struct pair *p, struct model_vm *v)
{
    uint64_t section = UINT64_MAX;

    for (uint32_t i = 0; i < p->model->rams; i++) {
        struct model_ram *r = &p->model->ram[i];

        for (uint64_t k = 0; k < r->count; k++) {
            uint64_t frame = r->first + k;

            if (r->frame[k].owner != v->id || model_entry(p->model, v, r->frame[k].gfn)->level != 0)
                continue;
            if (section != UINT64_MAX && section != frame / CORDON_BLOCK_PAGES)
                return pair_fail(p, "VM %" PRIu32 " owns and does not map 0x%" PRIx64 " and more in another section", v->id, frame);
            section = frame / CORDON_BLOCK_PAGES;
        }
    }
    return true;
}

static bool apply_destroy(struct pair *p, const struct world *w, const struct op *op)
{
    struct model_vm *v = model_vm(p->model, op->vm);
    enum cordon_status got;

    if (op->kind == OP_DESTROY && op->vm <= w->max_vm) {
        got = sim_vm_destroy(p->sim, op->vm);
    } else {
        begin(p, w, op->cpu, "destroy");
        got = cordon_vm_destroy(sim_core(p->sim), vmid(op->vm));
        if (!end(p))
            return false;
    }
    if (!v)
        return same_status(p, "destroy", got, CORDON_NO_VM);
    if (op->kind == OP_DESTROY_STEP && got == CORDON_AGAIN) {
        v->state = MODEL_DYING;
        follow_teardown(p, v);
        return one_block_in_work(p, v) && !pair_reports(p);
    }
    model_gone(p->model, v);
    return same_status(p, "destroy", got, CORDON_OK) && !pair_reports(p);
}

/* ---- mapping ---- */

static bool apply_map(struct pair *p, const struct world *w, const struct op *op)
{
    enum cordon_contents contents = op->flag ? CORDON_ZERO : CORDON_KEEP;
    enum cordon_status got;

    begin(p, w, op->cpu, "map");
    got = cordon_prot_and_map_vm_s2pt(sim_core(p->sim), vmid(op->vm), ipa(op->a), op->b, (uint32_t)op->c, contents);
    return end(p) && same_status(p, "map", got, model_map(p->model, op->vm, op->a, op->b, (uint32_t)op->c, contents));
}

static bool apply_map_range(struct pair *p, const struct world *w, const struct op *op)
{
    enum cordon_contents contents = op->flag ? CORDON_ZERO : CORDON_KEEP;
    uint64_t done = 0;
    struct cordon_progress got;

    for (uint32_t i = 0; i < CALLS_MAX; i++) {
        begin(p, w, op->cpu + i, "map-range");
        got = cordon_prot_and_map_vm_range(sim_core(p->sim), vmid(op->vm), ipa(op->a + done * CORDON_PAGE_SIZE),
                                           pfn(op->b + done), op->c - done, contents);
        if (!end(p) || !same_progress(p, "map-range", got,
                                      model_map_range_call(p->model, op->vm, op->a + done * CORDON_PAGE_SIZE, op->b + done,
                                                           op->c - done, contents)))
            return false;
        if (got.status != CORDON_AGAIN)
            return true;
        done += got.done;
    }
    return pair_fail(p, "map-range comes to no end");
}

static bool apply_map_io(struct pair *p, const struct world *w, const struct op *op)
{
    enum cordon_status got;

    begin(p, w, op->cpu, "map-io");
    got = cordon_map_vm_io(sim_core(p->sim), vmid(op->vm), ipa(op->a), pa(op->b));
    return end(p) && same_status(p, "map-io", got, model_map_io(p->model, op->vm, op->a, op->b));
}

static bool apply_walk(struct pair *p, const struct world *w, const struct op *op)
{
    struct cordon_mapping got = { .level = 0 };
    struct model_entry expected = { 0 };
    enum cordon_status status;

    begin(p, w, op->cpu, "walk");
    status = cordon_walk_s2pt(sim_core(p->sim), vmid(op->vm), ipa(op->a), &got);
    if (!end(p) || !same_status(p, "walk", status, model_walk(p->model, op->vm, op->a, &expected)))
        return false;
    if (got.level == expected.level && (got.level == 0 || (got.pfn.v == expected.pfn && got.device == expected.device)))
        return true;
    return pair_fail(p, "walk to 0x%" PRIx64 ": frame 0x%" PRIx64 " level %" PRIu32 ", the model 0x%" PRIx64 " level %d", op->a,
                     got.pfn.v, got.level, expected.pfn, expected.level);
}

/* ---- ranges ---- */

static struct cordon_progress core_range(struct pair *p, const struct op *op, uint64_t done)
{
    struct cordon *c = sim_core(p->sim);
    uint64_t bytes = done * CORDON_PAGE_SIZE;

    if (op->kind == OP_CLEAR)
        return cordon_clear_vm_range(c, vmid(op->vm), pfn(op->a + done), op->b - done);
    if (op->kind == OP_GRANT)
        return cordon_grant_stage2_sg_gpa(c, vmid(op->vm), ipa(op->a + bytes), op->b - bytes);
    return cordon_revoke_stage2_sg_gpa(c, vmid(op->vm), ipa(op->a + bytes), op->b - bytes);
}

static struct cordon_progress model_range(struct pair *p, const struct op *op, uint64_t done, uint64_t step)
{
    uint64_t bytes = done * CORDON_PAGE_SIZE;

    if (op->kind == OP_CLEAR)
        return model_clear_call(p->model, op->vm, op->a + done, op->b - done, step);
    return model_share_call(p->model, op->vm, op->a + bytes, op->b - bytes, op->kind == OP_GRANT, step);
}

static bool apply_range(struct pair *p, const struct world *w, const struct op *op)
{
    const char *what = op->kind == OP_CLEAR ? "clear" : op->kind == OP_GRANT ? "grant" : "revoke";
    struct model_vm *v = model_vm(p->model, op->vm);
    uint64_t done = 0;

    if (v && v->state == MODEL_DYING)
        v->free = MODEL_TABLES;
    for (uint64_t i = 0; i < CALLS_MAX; i++) {
        struct cordon_progress got;

        if (op->c > 0 && i == op->c)
            return true;
        begin(p, w, op->cpu + (uint32_t)i, what);
        got = core_range(p, op, done);
        if (!end(p))
            return false;
        if (got.status == CORDON_NO_MEMORY && v && v->state == MODEL_DYING)
            return true;        /* how many of its tables a teardown has given back is the core's choice */
        if (!same_progress(p, what, got, model_range(p, op, done, got.done)))
            return false;
        if (got.status != CORDON_AGAIN)
            return true;
        if (got.done == 0)
            return pair_fail(p, "%s: AGAIN after nothing", what);
        done += got.done;
    }
    return pair_fail(p, "%s comes to no end", what);
}

/* ---- the host's faults, and accesses ---- */

static bool apply_host_fault(struct pair *p, const struct world *w, const struct op *op)
{
    enum cordon_status expected = model_host_fault(p->model, op->a);
    enum cordon_status got;

    begin(p, w, op->cpu, "host-fault");
    got = cordon_map_page_host(sim_core(p->sim), pa(op->a));
    if (!end(p))
        return false;
    if (got == CORDON_NO_MEMORY && expected == CORDON_OK && p->model->host_may_run_dry)
        return true;
    return same_status(p, "host-fault", got, expected);
}

/* The frame behind an address of who's, by the model; false: a fault. */
static bool translate(struct pair *p, uint32_t who, uint64_t addr, uint64_t *frame)
{
    struct model_vm *v = who ? model_vm(p->model, who) : NULL;
    const struct model_entry *e = v ? model_entry(p->model, v, addr / CORDON_PAGE_SIZE) : NULL;

    if (who == 0) {
        *frame = addr / CORDON_PAGE_SIZE;
        return model_host_may(p->model, *frame);
    }
    if (!e || e->level == 0)
        return false;
    *frame = e->pfn;
    return true;
}

static uint32_t word_slot(uint64_t addr)
{
    uint32_t i = 0;

    while (i < MODEL_WORDS && model_word[i] != addr % CORDON_PAGE_SIZE / 8)
        i++;
    return i;
}

static bool check_value(struct pair *p, const struct op *op, uint64_t frame, uint64_t value)
{
    struct model_frame *f = model_frame(p->model, frame);
    uint64_t expected = f ? f->word[word_slot(op->a)] : 0;

    if (f && f->dirty && op->flag)
        return true;        /* what lies beneath the caches is nobody's promise */
    if (value == expected)
        return true;
    return pair_fail(p, "%s at 0x%" PRIx64 " reads 0x%" PRIx64 "%s, the model 0x%" PRIx64, op->vm ? "a VM" : "the host", op->a,
                     value, op->flag ? " uncached" : "", expected);
}

/* What an access comes to; *why: the reason when it is refused. */
static enum sim_outcome expected_outcome(struct pair *p, const struct op *op, bool mapped, enum cordon_status *why)
{
    *why = CORDON_OK;
    if (op->vm != 0 && !model_vm(p->model, op->vm))
        *why = CORDON_NO_VM;
    else if (op->vm == 0 && !mapped)
        *why = CORDON_PRIVATE;
    else
        return mapped ? SIM_DONE : SIM_FAULT;
    return SIM_REFUSED;
}

/* Whether the access took place. A wrong outcome is noted. */
static bool access_done(struct pair *p, const struct op *op, enum sim_outcome got, enum cordon_status status, bool mapped)
{
    enum cordon_status why;
    enum sim_outcome expected = expected_outcome(p, op, mapped, &why);

    if (got == SIM_REFUSED && status == CORDON_NO_MEMORY && expected == SIM_DONE && p->model->host_may_run_dry)
        return false;
    if (got != expected || (got == SIM_REFUSED && status != why))
        pair_fail(p, "access of %" PRIu32 " to 0x%" PRIx64 ": outcome %d (%s), the model %d (%s)", op->vm, op->a, (int)got,
                  cordon_status_word(status), (int)expected, cordon_status_word(why));
    p->held += got == SIM_DONE;
    return got == expected && got == SIM_DONE;
}

static bool apply_access(struct pair *p, const struct world *w, const struct op *op)
{
    enum cordon_status status = CORDON_OK;
    uint64_t frame = 0, value = 0;
    bool mapped = translate(p, op->vm, op->a, &frame);
    struct model_frame *f = mapped ? model_frame(p->model, frame) : NULL;
    enum sim_outcome got;

    begin(p, w, op->cpu, op->kind == OP_READ ? "read" : "write");
    if (op->kind == OP_READ)
        got = sim_read(p->sim, op->vm, op->a, &value, op->flag, &status);
    else
        got = sim_write(p->sim, op->vm, op->a, op->b, false, &status);
    if (!end(p))
        return false;
    if (!access_done(p, op, got, status, mapped))
        return p->why[0] == '\0';
    if (op->kind == OP_READ)
        return check_value(p, op, frame, value);
    if (f) {
        f->word[word_slot(op->a)] = op->b;
        f->dirty = true;
    }
    return true;
}

/* A device of the host's: what the host may have, it reaches, at once and without a fault to be served. */
static bool apply_dma(struct pair *p, const struct world *w, const struct op *op)
{
    bool write = op->kind == OP_DMA_WRITE;
    bool may = model_device_may(p->model, op->a / CORDON_PAGE_SIZE);
    struct model_frame *f = model_frame(p->model, op->a / CORDON_PAGE_SIZE);
    uint64_t value = 0;
    bool done;

    begin(p, w, op->cpu, write ? "dma-write" : "dma-read");
    done = (write ? sim_dma_write(p->sim, op->a, op->b) : sim_dma_read(p->sim, op->a, &value)) == SIM_DONE;
    if (!end(p))
        return false;
    if (done != may)
        return pair_fail(p, "a device %s 0x%" PRIx64 ", which the model %s", done ? "reaches" : "does not reach", op->a,
                         may ? "lets it" : "does not let it");
    p->held += done;
    if (done && !write)
        return check_value(p, op, op->a / CORDON_PAGE_SIZE, value);
    if (done) {
        f->word[word_slot(op->a)] = op->b;
        f->dirty = true;
    }
    return true;
}

bool op_apply(struct pair *p, const struct world *w, const struct op *op)
{
    switch (op->kind) {
    case OP_CREATE:
    case OP_CREATE_ELSEWHERE: return apply_create(p, w, op);
    case OP_DONATE: return apply_donate(p, w, op);
    case OP_FEED: return apply_feed(p, op);
    case OP_MAP: return apply_map(p, w, op);
    case OP_MAP_RANGE: return apply_map_range(p, w, op);
    case OP_MAP_IO: return apply_map_io(p, w, op);
    case OP_GRANT:
    case OP_REVOKE:
    case OP_CLEAR: return apply_range(p, w, op);
    case OP_WALK: return apply_walk(p, w, op);
    case OP_HOST_FAULT: return apply_host_fault(p, w, op);
    case OP_READ:
    case OP_WRITE: return apply_access(p, w, op);
    case OP_DMA_READ:
    case OP_DMA_WRITE: return apply_dma(p, w, op);
    default: return apply_destroy(p, w, op);
    }
}
