/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <string.h>

#define PAGE CORDON_PAGE_SIZE
#define LIMIT (UINT64_C(1) << 36)           /* guest frame numbers */
#define PFN_LIMIT (UINT64_C(1) << 28)

void model_init(struct model *m)
{
    memset(m, 0, sizeof(*m));
    for (uint64_t i = 0; i < CORE_FRAMES; i++)
        m->frame[i].owner = CORE;
}

struct frame_state *model_frame(struct model *m, uint64_t frame)
{
    return frame >= BASE_FRAME && frame < BASE_FRAME + FRAMES ? &m->frame[frame - BASE_FRAME] : NULL;
}

uint32_t model_id(struct model *m, const struct model_vm *v)
{
    return (uint32_t)(v - m->vm);
}

struct model_vm *model_vm(struct model *m, uint64_t handle)
{
    uint64_t id = handle % 65536;
    struct model_vm *v = &m->vm[id <= SLOTS ? id : 0];

    return id >= 1 && id <= SLOTS && v->life != GONE && handle / 65536 == v->generation ? v : NULL;
}

static enum cordon_status enter(struct model *m, uint64_t handle, int phase, struct model_vm **v)
{
    *v = model_vm(m, handle);
    if (*v == NULL)
        return CORDON_NO_VM;
    return (*v)->life == LIVE && (phase < 0 || (int)(*v)->phase == phase) ? CORDON_OK : CORDON_STATE;
}

uint64_t model_frames_of(struct model *m, uint32_t id)
{
    uint64_t n = 0;

    for (uint64_t i = 0; i < FRAMES; i++)
        n += m->frame[i].owner == id;
    return n;
}

/* Whether the host may give frames of one section to the core. */
static enum cordon_status can_take(struct model *m, uint64_t frame, uint64_t n)
{
    if (frame >= LIMIT || n < 1 || n > 512 - frame % 512)
        return CORDON_RANGE;
    for (uint64_t i = 0; i < n; i++) {
        struct frame_state *f = model_frame(m, frame + i);

        if (f == NULL || f->owner != HOST)
            return CORDON_OWNED;
    }
    return CORDON_OK;
}

static void take(struct model *m, uint64_t frame, uint64_t n, uint32_t vm)
{
    for (uint64_t i = 0; i < n; i++)
        *model_frame(m, frame + i) = (struct frame_state){ .owner = CORE, .lent = vm };
}

void model_return(struct model *m, uint64_t frame)
{
    struct frame_state *f = model_frame(m, frame);

    if (f->owner >= 1 && f->owner <= SLOTS && m->vm[f->owner].map[f->gfn] == frame)
        m->vm[f->owner].map[f->gfn] = 0;
    *f = (struct frame_state){ .owner = HOST };
}

enum cordon_status model_create(struct model *m, uint64_t root, uint64_t vcpus, uint64_t *handle)
{
    enum cordon_status status;

    if (root >= LIMIT || vcpus < 1 || vcpus > CORDON_VCPUS_MAX)
        return CORDON_RANGE;
    for (uint32_t id = 1; id <= SLOTS; id++) {
        struct model_vm *v = &m->vm[id];

        if (v->life != GONE)
            continue;
        status = can_take(m, root, 1);
        if (status != CORDON_OK)
            return status;
        take(m, root, 1, id);
        *v = (struct model_vm){ .life = LIVE, .generation = v->generation + 1, .vcpus = (uint32_t)vcpus };
        *handle = v->generation * 65536 + id;
        return CORDON_OK;
    }
    return CORDON_NO_VM;
}

enum cordon_status model_donate(struct model *m, uint64_t handle, uint64_t frame, uint64_t n)
{
    struct model_vm *v;
    enum cordon_status status;

    if (frame >= LIMIT || n < 1 || n > 512 - frame % 512)
        return CORDON_RANGE;
    status = enter(m, handle, -1, &v);
    if (status == CORDON_OK)
        status = can_take(m, frame, n);
    if (status == CORDON_OK)
        take(m, frame, n, model_id(m, v));
    return status;
}

bool model_has(const struct model_vm *v, uint64_t gfn, uint64_t n)
{
    for (uint32_t i = 0; i < v->ranges; i++) {
        if (gfn >= v->range[i].first && gfn < v->range[i].end && v->range[i].end - gfn >= n)
            return true;
    }
    return false;
}

enum cordon_status model_memory(struct model *m, uint64_t handle, uint64_t base, uint64_t size)
{
    struct model_vm *v;
    enum cordon_status status = enter(m, handle, CORDON_PHASE_BUILT, &v);
    uint64_t first = base / PAGE, end = base / PAGE + size / PAGE;

    if (status != CORDON_OK)
        return status;
    if (model_devices_of(m, model_id(m, v)) > 0)
        return CORDON_STATE;
    if (v->loading)
        return CORDON_BUSY;
    if (base >= LIMIT * PAGE || size > LIMIT * PAGE - base)
        return CORDON_RANGE;
    if (size == 0)
        return CORDON_EMPTY;
    if ((base | size) % PAGE != 0)
        return CORDON_UNALIGNED;
    for (uint32_t i = 0; i < v->ranges; i++) {
        if (!(end <= v->range[i].first || first >= v->range[i].end))
            return CORDON_MAPPED;
    }
    if (v->ranges == CORDON_MEMORY_RANGES)
        return CORDON_NO_MEMORY;
    v->range[v->ranges].first = first;
    v->range[v->ranges++].end = end;
    return CORDON_OK;
}

enum cordon_status model_vcpu_create(struct model *m, uint64_t handle, uint64_t index, uint64_t frame)
{
    struct model_vm *v;
    enum cordon_status status = enter(m, handle, CORDON_PHASE_BUILT, &v);

    if (status != CORDON_OK)
        return status;
    if (index >= v->vcpus)
        return CORDON_NO_VCPU;
    if (v->vcpu[index].made)
        return CORDON_EXISTS;
    status = can_take(m, frame, 1);
    if (status != CORDON_OK)
        return status;
    take(m, frame, 1, model_id(m, v));
    v->vcpu[index] = (struct vcpu_state){ .made = true };
    return CORDON_OK;
}

/* ---- pages ---- */

static enum cordon_status pages(struct model_vm *v, uint64_t gpa, uint64_t frame, uint64_t num)
{
    if (gpa / PAGE >= LIMIT || frame >= PFN_LIMIT || num > PFN_LIMIT - frame)
        return CORDON_RANGE;
    if (num == 0)
        return CORDON_EMPTY;
    if (gpa % PAGE != 0)
        return CORDON_UNALIGNED;
    return model_has(v, gpa / PAGE, num) ? CORDON_OK : CORDON_NOT_MEMORY;
}

/* n pages, all or none; contents are kept or zeroed. *fresh: how many were not there. */
static enum cordon_status map_pages(struct model *m, struct model_vm *v, uint64_t gfn, uint64_t frame, uint64_t n, bool zero,
                                    uint64_t *fresh)
{
    uint32_t id = model_id(m, v);

    *fresh = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (v->map[gfn + i] != 0 && v->map[gfn + i] != frame + i)
            return CORDON_MAPPED;
        *fresh += v->map[gfn + i] == 0;
    }
    if (*fresh == 0)
        return CORDON_OK;
    if (m->dry)
        return CORDON_NO_MEMORY;
    for (uint64_t i = 0; i < n; i++) {
        struct frame_state *f = model_frame(m, frame + i);

        if (f == NULL || (f->owner != HOST && f->owner != id))
            return CORDON_OWNED;
        if (f->owner == id && f->gfn != gfn + i)
            return CORDON_GFN;
    }
    for (uint64_t i = 0; i < n; i++) {
        struct frame_state *f = model_frame(m, frame + i);

        if (f->owner == HOST)
            *f = (struct frame_state){ .owner = id, .gfn = gfn + i, .word = zero ? 0 : f->word };
        v->map[gfn + i] = frame + i;
    }
    return CORDON_OK;
}

enum cordon_status model_load(struct model *m, uint64_t handle, uint64_t gpa, uint64_t frame, uint64_t num, bool finished)
{
    struct model_vm *v;
    uint64_t gfn = gpa / PAGE;
    uint64_t fresh;
    enum cordon_status status = enter(m, handle, CORDON_PHASE_BUILT, &v);

    if (status == CORDON_OK)
        status = pages(v, gpa, frame, num);
    if (status != CORDON_OK)
        return status;
    if (v->loading) {
        if (v->load_gfn != gfn || v->load_frame != frame)
            return CORDON_BUSY;
    } else {
        status = map_pages(m, v, gfn - GUEST_RAM / PAGE, frame, 1, false, &fresh);
        if (status != CORDON_OK)
            return status;
        if (fresh == 0)
            return CORDON_MAPPED;
    }
    v->loading = !finished;
    v->load_gfn = gfn;
    v->load_frame = frame;
    return finished && num == 1 ? CORDON_OK : CORDON_AGAIN;
}

/* ---- devices ---- */

unsigned model_devices_of(const struct model *m, uint32_t id)
{
    unsigned n = 0;

    for (int i = 0; i < DEVICES; i++)
        n += m->device[i].vm == id;
    return n;
}

uint64_t model_window_at(const struct model *m, uint32_t id, uint64_t gfn)
{
    for (int i = 0; i < DEVICES * CORDON_DEVICE_WINDOWS; i++) {
        const struct model_device *d = &m->device[i / CORDON_DEVICE_WINDOWS];
        int k = i % CORDON_DEVICE_WINDOWS;

        if (d->vm == id && gfn >= d->window[k].gfn && gfn < d->window[k].gfn + d->window[k].mapped)
            return d->window[k].first + (gfn - d->window[k].gfn);
    }
    return 0;
}

static struct model_device *device_of(struct model *m, const struct model_vm *v, uint64_t frame)
{
    for (int i = 0; i < DEVICES; i++) {
        if (m->device[i].frame == frame && (v == NULL || m->device[i].vm == model_id(m, v)))
            return &m->device[i];
    }
    return NULL;
}

/* Whether a device is not attached to the end yet, or a window not mapped to its. */
static bool half_given(const struct model *m, uint32_t id)
{
    for (int i = 0; i < DEVICES; i++) {
        for (int k = 0; k < CORDON_DEVICE_WINDOWS && m->device[i].vm == id; k++) {
            if (m->device[i].stage != GIVEN || m->device[i].window[k].mapped % (m->device[i].window[k].pages + !m->device[i].window[k].pages) != 0)
                return true;
        }
    }
    return false;
}

enum cordon_status model_attach(struct model *m, uint64_t handle, uint64_t frame, bool finished)
{
    struct model_device *d;
    struct model_vm *v;
    enum cordon_status status = enter(m, handle, CORDON_PHASE_BUILT, &v);

    if (status != CORDON_OK)
        return status;
    if (frame >= LIMIT)
        return CORDON_RANGE;
    if (v->loading)
        return CORDON_BUSY;
    d = device_of(m, NULL, frame);
    if (d == NULL || !m->smmu)
        return CORDON_DEVICE;
    if (d->stage != THE_HOSTS && (d->vm != model_id(m, v) || d->stage != LEAVING))
        return CORDON_EXISTS;
    if (d->stage == THE_HOSTS) {
        d->vm = model_id(m, v);
        d->stage = LEAVING;
        return CORDON_AGAIN;
    }
    if (finished)
        d->stage = GIVEN;
    return finished ? CORDON_OK : CORDON_AGAIN;
}

/* The next pages of a window, up to the end of a table of level 3. */
static enum cordon_status map_window(struct model *m, struct model_device *d, uint64_t k, uint64_t gfn)
{
    uint64_t at = gfn + d->window[k].mapped;
    uint64_t n = d->window[k].pages - d->window[k].mapped;

    if (n > 512 - at % 512)
        n = 512 - at % 512;
    for (uint64_t i = 0; i < n; i++) {
        if (model_window_at(m, d->vm, at + i) != 0)
            return CORDON_MAPPED;
    }
    if (n > 0 && m->dry)
        return CORDON_NO_MEMORY;
    d->window[k].gfn = gfn;
    d->window[k].mapped += n;
    return d->window[k].mapped < d->window[k].pages ? CORDON_AGAIN : CORDON_OK;
}

enum cordon_status model_device_map(struct model *m, uint64_t handle, uint64_t frame, uint64_t window, uint64_t gpa, uint64_t *done)
{
    struct model_device *d;
    struct model_vm *v;
    enum cordon_status status = enter(m, handle, CORDON_PHASE_BUILT, &v);
    uint64_t gfn = gpa / PAGE;

    if (status != CORDON_OK)
        return status;
    d = device_of(m, v, frame);
    if (d == NULL)
        return CORDON_DEVICE;
    if (d->stage != GIVEN || v->loading)
        return CORDON_BUSY;
    if (window >= CORDON_DEVICE_WINDOWS)
        return CORDON_RANGE;
    if (gpa % PAGE != 0)
        return CORDON_UNALIGNED;
    if (d->window[window].pages == 0 || gfn >= LIMIT || d->window[window].pages > LIMIT - gfn)
        return CORDON_RANGE;
    if (d->window[window].mapped > 0 && d->window[window].gfn != gfn)
        return CORDON_MAPPED;
    for (uint32_t i = 0; i < v->ranges; i++) {
        if (gfn < v->range[i].end && v->range[i].first < gfn + d->window[window].pages)
            return CORDON_MAPPED;
    }
    status = map_window(m, d, window, gfn);
    *done = d->window[window].mapped;
    return status;
}

enum cordon_status model_open(struct model *m, uint64_t handle, uint64_t frame)
{
    struct model_device *d;
    struct model_vm *v;
    enum cordon_status status = enter(m, handle, CORDON_PHASE_RUNNING, &v);
    uint64_t declared = 0;

    if (status != CORDON_OK)
        return status;
    d = device_of(m, v, frame);
    if (d == NULL)
        return CORDON_DEVICE;
    for (uint32_t i = 0; i < v->ranges; i++)
        declared += v->range[i].end - v->range[i].first;
    if (d->stage != OPEN && model_frames_of(m, model_id(m, v)) != declared)
        return CORDON_NOT_MEMORY;
    d->stage = OPEN;
    return CORDON_OK;
}

enum cordon_status model_detach(struct model *m, uint64_t handle, uint64_t frame, bool finished)
{
    struct model_device *d;
    struct model_vm *v;
    enum cordon_status status = enter(m, handle, CORDON_PHASE_STOPPED, &v);

    if (status != CORDON_OK)
        return status;
    d = device_of(m, v, frame);
    if (d == NULL)
        return CORDON_DEVICE;
    d->stage = finished ? THE_HOSTS : RETURNING;
    d->vm = finished ? 0 : d->vm;
    for (int k = 0; k < CORDON_DEVICE_WINDOWS && finished; k++)
        d->window[k].mapped = 0;
    return finished ? CORDON_OK : CORDON_AGAIN;
}

/* ---- the start ---- */

enum cordon_status model_start(struct model *m, uint64_t handle, uint64_t entry)
{
    struct model_vm *v;
    enum cordon_status status = enter(m, handle, CORDON_PHASE_BUILT, &v);

    if (status != CORDON_OK)
        return status;
    for (uint32_t i = 0; i < v->vcpus; i++) {
        if (i >= VCPUS || !v->vcpu[i].made)
            return CORDON_NO_VCPU;
    }
    if (half_given(m, model_id(m, v)))
        return CORDON_BUSY;
    if (entry % 4 != 0)
        return CORDON_UNALIGNED;
    if (!model_has(v, entry / PAGE, 1))
        return CORDON_NOT_MEMORY;
    if (v->loading)
        return CORDON_BUSY;
    v->phase = CORDON_PHASE_RUNNING;
    v->started = true;
    v->vcpu[0].power = STARTING;
    return CORDON_OK;
}

enum cordon_status model_map(struct model *m, uint64_t handle, uint64_t gpa, uint64_t frame, uint64_t num, uint64_t *done)
{
    struct model_vm *v;
    uint64_t gfn = gpa / PAGE;
    uint64_t n = num < CALL_PAGES ? num : CALL_PAGES;
    uint64_t fresh;
    enum cordon_status status = enter(m, handle, CORDON_PHASE_RUNNING, &v);

    *done = 0;
    if (status == CORDON_OK)
        status = pages(v, gpa, frame, num);
    if (status != CORDON_OK)
        return status;
    if (n > 512 - gfn % 512)
        n = 512 - gfn % 512;
    if (n > 512 - frame % 512)
        n = 512 - frame % 512;
    status = map_pages(m, v, gfn - GUEST_RAM / PAGE, frame, n, true, &fresh);
    if (status != CORDON_OK)
        return status;
    *done = n;
    return n < num ? CORDON_AGAIN : CORDON_OK;
}

enum cordon_status model_block(struct model *m, uint64_t handle, uint64_t gpa, uint64_t frame)
{
    struct model_vm *v;
    enum cordon_status status = enter(m, handle, CORDON_PHASE_RUNNING, &v);
    uint64_t gfn = (gpa - GUEST_RAM) / PAGE;

    if (status != CORDON_OK)
        return status;
    if (model_devices_of(m, model_id(m, v)) > 0)
        return CORDON_STATE;
    if (gpa / PAGE >= LIMIT || frame >= PFN_LIMIT)
        return CORDON_RANGE;
    if (gpa % (512 * PAGE) != 0 || frame % 512 != 0)
        return CORDON_UNALIGNED;
    for (uint64_t i = 0; i < 512; i++) {
        if (gpa < GUEST_RAM || gfn + i >= GUEST_PAGES || v->map[gfn + i] != frame + i)
            return CORDON_MAPPED;
    }
    return CORDON_OK;
}

/* ---- the end ---- */

enum cordon_status model_clear(struct model *m, uint64_t handle, uint64_t frame, uint64_t num, uint64_t *done, uint64_t *changed)
{
    struct model_vm *v;
    enum cordon_status status = enter(m, handle, CORDON_PHASE_STOPPED, &v);

    if (status != CORDON_OK)
        return status;
    if (frame >= PFN_LIMIT || num > PFN_LIMIT - frame)
        return CORDON_RANGE;
    *done = num < CALL_PAGES ? num : CALL_PAGES;
    if (model_frame(m, frame) != NULL && *done > 512 - frame % 512)
        *done = 512 - frame % 512;
    if (frame < BASE_FRAME && *done > BASE_FRAME - frame)
        *done = BASE_FRAME - frame;
    *changed = 0;
    for (uint64_t i = 0; i < *done; i++) {
        struct frame_state *f = model_frame(m, frame + i);

        if (f != NULL && f->owner == model_id(m, v)) {
            model_return(m, frame + i);
            *changed += 1;
        }
    }
    return *done < num ? CORDON_AGAIN : CORDON_OK;
}

enum cordon_status model_stop(struct model *m, uint64_t handle)
{
    struct model_vm *v;
    enum cordon_status status = enter(m, handle, -1, &v);

    if (status == CORDON_OK)
        v->phase = CORDON_PHASE_STOPPED;
    return status;
}

enum cordon_status model_destroy(struct model *m, uint64_t handle)
{
    return model_vm(m, handle) == NULL ? CORDON_NO_VM : CORDON_OK;
}

void model_gone(struct model *m, struct model_vm *v)
{
    uint32_t id = model_id(m, v);

    for (uint64_t i = 0; i < FRAMES; i++) {
        if (m->frame[i].owner == id || (m->frame[i].owner == CORE && m->frame[i].lent == id))
            model_return(m, BASE_FRAME + i);
    }
    v->life = GONE;
}

/* ---- guests ---- */

enum cordon_status model_run(struct model *m, uint64_t handle, uint64_t index, uint64_t answer)
{
    struct model_vm *v;
    enum cordon_status status = enter(m, handle, CORDON_PHASE_RUNNING, &v);
    const struct vcpu_state *u;
    bool fits;

    if (status != CORDON_OK)
        return status;
    if (index >= v->vcpus)
        return CORDON_NO_VCPU;
    u = &v->vcpu[index];
    if (u->power == OFF)
        return CORDON_OFF;
    if (answer == CORDON_ANSWER_VALUE)
        fits = u->asked == READ || u->asked == CALL;
    else if (answer == CORDON_ANSWER_ABORT)
        fits = u->asked == READ || u->asked == WRITE;
    else
        fits = answer == CORDON_ANSWER_NONE && u->asked != READ && u->asked != CALL;
    return fits ? CORDON_OK : CORDON_ANSWER;
}

uint64_t model_grant(struct model *m, struct model_vm *v, uint64_t gfn, uint64_t n)
{
    uint64_t changed = 0;

    for (uint64_t i = 0; i < n; i++) {
        struct frame_state *f = gfn + i < GUEST_PAGES ? model_frame(m, v->map[gfn + i]) : NULL;

        if (f != NULL && f->count < 100) {
            f->count++;
            changed++;
        }
    }
    return changed;
}

uint64_t model_revoke(struct model *m, struct model_vm *v, uint64_t gfn, uint64_t n)
{
    uint64_t changed = 0;

    for (uint64_t i = 0; i < n; i++) {
        struct frame_state *f = gfn + i < GUEST_PAGES ? model_frame(m, v->map[gfn + i]) : NULL;

        if (f != NULL && f->count > 0) {
            f->count--;
            changed++;
        }
    }
    return changed;
}

bool model_turn(struct model *m, struct model_vm *v, uint64_t gfn, bool shared)
{
    struct frame_state *f = gfn < GUEST_PAGES ? model_frame(m, v->map[gfn]) : NULL;

    if (f == NULL || f->count != (shared ? 0 : 1))
        return false;
    f->count = shared ? 1 : 0;
    return true;
}

uint64_t model_relinquish(struct model *m, struct model_vm *v, uint64_t gfn, uint64_t n)
{
    uint64_t changed = 0;

    for (uint64_t i = 0; i < n; i++) {
        if (gfn + i < GUEST_PAGES && v->map[gfn + i] != 0) {
            model_return(m, v->map[gfn + i]);
            changed++;
        }
    }
    return changed;
}
