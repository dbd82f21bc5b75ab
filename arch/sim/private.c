/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of the machine's private memory, lent to VMs for their tables: runs of a power of two, aligned to their size,
 * which come back when the VM is gone.
 */
#include "util.h"

/* ---- runs ---- */

/* A run of 2^order frames; index + 1, or 0 when private memory is used up. */
static uint32_t lend(struct sim *s, uint32_t order)
{
    uint64_t size = UINT64_C(1) << order;
    uint64_t first = (s->private_next + size - 1) / size * size;
    uint32_t at = s->lent_free[order];

    if (at != 0) {
        s->lent_free[order] = s->lent[at - 1].next;
        return at;
    }
    if (first + size > s->private.first + s->private.count)
        return 0;
    s->private_next = first + size;
    s->lent = sim_room(s->lent, s->lents, &s->lent_room, sizeof(*s->lent));
    s->lent[s->lents] = (struct lent){ first, order, 0 };
    return ++s->lents;
}

static void push(struct sim *s, uint32_t *list, uint32_t at)
{
    s->lent[at - 1].next = *list;
    *list = at;
}

static struct lent take(struct sim *s, uint32_t order, uint32_t *at)
{
    struct lent run = { 0, 0, 0 };

    (void)pthread_mutex_lock(&s->lent_lock);
    *at = lend(s, order);
    if (*at != 0)
        run = s->lent[*at - 1];
    (void)pthread_mutex_unlock(&s->lent_lock);
    return run;
}

/* The run is the VM's from now on, or free again when the core did not take it. */
static void settle(struct sim *s, uint32_t id, struct lent run, uint32_t at, bool taken)
{
    (void)pthread_mutex_lock(&s->lent_lock);
    push(s, taken ? &s->vm[id - 1].lent : &s->lent_free[run.order], at);
    (void)pthread_mutex_unlock(&s->lent_lock);
}

static void all_back(struct sim *s, uint32_t id)
{
    uint32_t *list = &s->vm[id - 1].lent;

    (void)pthread_mutex_lock(&s->lent_lock);
    while (*list != 0) {
        uint32_t at = *list;

        *list = s->lent[at - 1].next;
        push(s, &s->lent_free[s->lent[at - 1].order], at);
    }
    (void)pthread_mutex_unlock(&s->lent_lock);
}

static uint32_t order_for(uint64_t frames)
{
    uint32_t order = 0;

    while (order < LENT_ORDERS - 1 && UINT64_C(1) << order < frames)
        order++;
    return order;
}

/* ---- what a host would do ---- */

static bool is_id(const struct sim *s, uint32_t id)
{
    return id >= 1 && id <= s->core.vms;
}

enum cordon_status sim_vm_create(struct sim *s, uint32_t id)
{
    uint32_t order = order_for(s->core.vm_shape.roots);
    enum cordon_status status;
    struct lent run;
    uint32_t at;

    if (!is_id(s, id))
        return CORDON_NO_VM;
    run = take(s, order, &at);
    if (at == 0)
        return CORDON_NO_MEMORY;
    sim_begin(s, "vm create");
    status = cordon_vm_create(&s->core, vmid(id), pfn(run.first));
    (void)sim_end(s);
    settle(s, id, run, at, status == CORDON_OK);
    return status;
}

/* One donation at least as large as what is missing, as far as one call may go. */
static enum cordon_status feed_once(struct sim *s, uint32_t id, uint64_t missing)
{
    uint32_t order = order_for(missing < 16 ? 16 : missing);
    enum cordon_status status;
    uint32_t at;
    struct lent run = take(s, order, &at);

    if (at == 0)
        return CORDON_NO_MEMORY;
    sim_begin(s, "vm donate");
    status = cordon_vm_donate(&s->core, vmid(id), pfn(run.first), UINT64_C(1) << order);
    (void)sim_end(s);
    settle(s, id, run, at, status == CORDON_OK);
    return status;
}

enum cordon_status sim_vm_feed(struct sim *s, uint32_t id, uint64_t tables)
{
    enum cordon_status status = CORDON_OK;
    uint64_t free = 0;

    if (!is_id(s, id))
        return CORDON_NO_VM;
    while (status == CORDON_OK) {
        sim_begin(s, "vm pool");
        free = cordon_vm_pool_free(&s->core, vmid(id));
        (void)sim_end(s);
        if (free >= tables)
            break;
        status = feed_once(s, id, tables - free);
    }
    return status;
}

enum cordon_status sim_vm_destroy(struct sim *s, uint32_t id)
{
    enum cordon_status status;

    do {
        sim_begin(s, "vm destroy");
        status = cordon_vm_destroy(&s->core, vmid(id));
        (void)sim_end(s);
    } while (status == CORDON_AGAIN);
    if (status == CORDON_OK)
        all_back(s, id);
    return status;
}
