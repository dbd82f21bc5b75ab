/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/device.h"

#include "arch_guest.h"
#include "guest/image.h"
#include "memory/pool.h"
#include "memory/memory.h"
#include "memory/range.h"
#include "memory/stage2.h"
#include "memory/window.h"

/* ---- records ---- */

/* The VM's device of that name; 0: it has none. */
static struct device *find(struct cordon *c, struct vm_locked v, uint64_t frame)
{
    struct host_locked h = host_lock(c);
    struct device *found = 0;

    for (uint32_t i = 0; i < CORDON_DEVICES; i++) {
        if (c->device[i].vm == v.id && c->device[i].frame == frame)
            found = &c->device[i];
    }
    host_unlock(h);
    return found;
}

/* The VM gets a record for a device that no VM has. EXISTS, NO_MEMORY. */
static enum cordon_status reserve(struct cordon *c, struct vm_locked v, uint64_t frame, struct device **record)
{
    struct host_locked h = host_lock(c);
    enum cordon_status status = CORDON_NO_MEMORY;

    for (uint32_t i = 0; i < CORDON_DEVICES && status != CORDON_EXISTS; i++) {
        struct device *d = &c->device[i];

        if (d->vm != 0 && d->frame == frame) {
            status = CORDON_EXISTS;
        } else if (d->vm == 0) {
            *record = d;
            status = CORDON_OK;
        }
    }
    if (status == CORDON_OK)
        **record = (struct device){ .frame = frame, .vm = v.id, .state = DEVICE_LEAVING, .number = (uint16_t)v.vm->devices };
    host_unlock(h);
    return status;
}

/* The record is free, and what was in its windows is the host's. */
static void release(struct cordon *c, struct device *d)
{
    struct host_locked h = host_lock(c);

    *d = (struct device){ .vm = 0 };
    host_unlock(h);
}

/* ---- attach ---- */

/* The device is taken from the host; found has what the machine says of it. */
static enum cordon_status take(struct cordon *c, struct device *d, struct device *found)
{
    enum cordon_status status = arch_device_take(c, d->frame, found);

    if (status != CORDON_OK || window_take(c, d, found))
        return status;
    arch_device_give_back(c, found);    /* the machine offers what is no device memory: everything is as it was */
    return CORDON_DEVICE;
}

static enum cordon_status begin(struct cordon *c, struct vm_locked v, uint64_t frame)
{
    struct device found = { .frame = frame };
    struct device *d = 0;
    enum cordon_status status = reserve(c, v, frame, &d);

    if (status != CORDON_OK)
        return status;
    status = take(c, d, &found);
    if (status != CORDON_OK) {
        release(c, d);
        return status;
    }
    d->id = found.id;
    d->stream = found.stream;
    v.vm->devices += 1;
    return CORDON_AGAIN;
}

enum cordon_status device_attach(struct cordon *c, struct vm_locked v, uint64_t frame, uint64_t *id)
{
    struct device *d;

    if (frame >= CORDON_FRAME_LIMIT)
        return CORDON_RANGE;
    if (image_in_page(&v.vm->image))
        return CORDON_BUSY;
    d = find(c, v, frame);
    if (d == 0)
        return begin(c, v, frame);
    if (d->state != DEVICE_LEAVING)
        return CORDON_EXISTS;
    if (!window_withdraw(c, d) || !arch_device_reset(c, d))
        return CORDON_AGAIN;
    d->state = DEVICE_GIVEN;
    image_device(&v.vm->image, d->number, d->id);
    *id = d->id;
    return CORDON_OK;
}

/* ---- windows of a VM's ---- */

/* Whether n entries from p on, of one table, are invalid; or the one entry at p, which is to be a table. */
static bool is_free(const struct cordon *c, struct s2_pos p, uint64_t n)
{
    if (p.level < 3)
        return !desc_valid(p.entry);
    for (uint64_t i = 0; i < n; i++) {
        if (arch_pte_read(c, p.row, p.index + i) != 0)
            return false;
    }
    return true;
}

/* The next pages of the window that is at gfn, of one last-level table. */
static enum cordon_status map_some(struct cordon *c, struct vm_locked v, struct window *w, uint64_t gfn)
{
    uint64_t at = gfn + w->mapped;
    uint64_t n = min(w->pages - w->mapped, 512 - at % 512);
    struct s2_pos p = s2_walk(c, &v.vm->s2, at);

    if (!is_free(c, p, n))
        return CORDON_MAPPED;
    if (v.vm->pool.free < 3 - p.level)
        return CORDON_NO_MEMORY;
    p = s2_grow(c, &v.vm->pool, p, at, 3);
    for (uint64_t i = 0; i < n; i++, p.index++)
        s2_make(c, p, desc_leaf(w->first + w->mapped + i, 3, S2_DEVICE));
    w->gfn = gfn;
    w->mapped += n;
    return w->mapped < w->pages ? CORDON_AGAIN : CORDON_OK;
}

/* Whether a window can be at gfn, or go on there. */
static enum cordon_status check_window(const struct cordon *c, const struct vm *vm, const struct window *w, uint64_t gfn)
{
    if (w->pages == 0 || !in_range(gfn, w->pages, c->vm_shape.gfn_limit))
        return CORDON_RANGE;
    return (w->mapped != 0 && w->gfn != gfn) || image_overlaps(&vm->image, gfn, gfn + w->pages) ? CORDON_MAPPED : CORDON_OK;
}

/* Goes on with a window that is to be at gfn. It is measured once its first pages are there. */
static enum cordon_status place_window(struct cordon *c, struct vm_locked v, const struct device *d, struct window *w,
                                       uint64_t number, uint64_t gfn)
{
    bool first = w->mapped == 0;
    enum cordon_status status = check_window(c, v.vm, w, gfn);

    if (status == CORDON_OK && w->mapped < w->pages)
        status = map_some(c, v, w, gfn);
    if (first && w->mapped != 0)
        image_window(&v.vm->image, d->number, number, gfn, w->pages);
    return status;
}

enum cordon_status device_map(struct cordon *c, struct vm_locked v, uint64_t frame, uint64_t window, uint64_t gpa,
                              uint64_t *done)
{
    struct device *d = find(c, v, frame);
    enum cordon_status status;
    struct window *w;

    if (d == 0)
        return CORDON_DEVICE;
    if (d->state != DEVICE_GIVEN || image_in_page(&v.vm->image))
        return CORDON_BUSY;
    if (window >= CORDON_DEVICE_WINDOWS)
        return CORDON_RANGE;
    if (gpa % CORDON_PAGE_SIZE != 0)
        return CORDON_UNALIGNED;
    w = &d->window[arch_index(window, CORDON_DEVICE_WINDOWS)];
    status = place_window(c, v, d, w, window, gpa / CORDON_PAGE_SIZE);
    *done = w->mapped;
    return status;
}

/* The windows leave the VM's table, from the end on, at most one table's worth of each a call. True: they have. */
static bool unmap_windows(struct cordon *c, struct vm_locked v, struct device *d)
{
    for (uint32_t i = 0; i < CORDON_DEVICE_WINDOWS; i++) {
        struct window *w = &d->window[i];
        uint64_t end = w->gfn + w->mapped;
        uint64_t n;
        struct s2_pos p;

        if (w->mapped == 0)
            continue;
        n = min(w->mapped, (end - 1) % 512 + 1);
        p = s2_walk(c, &v.vm->s2, end - n);
        core_assert(c, p.level == 3);
        s2_settle(c, &v.vm->s2, s2_clear_run(c, p.row, p.index, end - n, n, OWED_NOTHING));
        w->mapped -= n;
        if (w->mapped > 0)
            return false;
    }
    return true;
}

/* ---- start, open, detach ---- */

static bool is_half_given(const struct device *d)
{
    if (d->state != DEVICE_GIVEN)
        return true;
    for (uint32_t i = 0; i < CORDON_DEVICE_WINDOWS; i++) {
        if (d->window[i].mapped != 0 && d->window[i].mapped != d->window[i].pages)
            return true;
    }
    return false;
}

bool device_half_given(struct cordon *c, struct vm_locked v)
{
    struct host_locked h = host_lock(c);
    bool half = false;

    for (uint32_t i = 0; i < CORDON_DEVICES; i++) {
        if (c->device[i].vm == v.id && is_half_given(&c->device[i]))
            half = true;
    }
    host_unlock(h);
    return half;
}

enum cordon_status device_open(struct cordon *c, struct vm_locked v, uint64_t frame)
{
    struct device *d = find(c, v, frame);

    if (d == 0)
        return CORDON_DEVICE;
    if (d->state == DEVICE_OPEN)
        return CORDON_OK;
    if (v.vm->frames < image_pages(&v.vm->image))
        return CORDON_NOT_MEMORY;
    v.vm->s2.devices += 1;      /* what the table loses from here on, the SMMU loses */
    d->state = DEVICE_OPEN;
    arch_device_open(c, d, &v.vm->s2);
    return CORDON_OK;
}

/* Nothing of the VM's is within its reach any more. */
static void close(struct cordon *c, struct vm_locked v, struct device *d)
{
    if (d->state == DEVICE_OPEN) {
        arch_device_close(c, d, &v.vm->s2);
        v.vm->s2.devices -= 1;
    }
    d->state = DEVICE_RETURNING;
}

enum cordon_status device_detach(struct cordon *c, struct vm_locked v, uint64_t frame)
{
    struct device *d = find(c, v, frame);

    if (d == 0)
        return CORDON_DEVICE;
    if (d->state != DEVICE_RETURNING)
        close(c, v, d);
    if (v.vm->entries != arch_load_acquire16(&v.vm->exits))
        return CORDON_AGAIN;    /* a guest that is in it still would tell the host, by an exit, what it writes to its device */
    if (!unmap_windows(c, v, d) || !arch_device_reset(c, d))
        return CORDON_AGAIN;
    arch_device_give_back(c, d);        /* before anybody else can take it */
    release(c, d);
    v.vm->devices -= 1;
    return CORDON_OK;
}
