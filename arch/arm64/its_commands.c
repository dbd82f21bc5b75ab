/* SPDX-License-Identifier: Apache-2.0 */
#include "its_commands.h"

#include "its_access.h"
#include "its_queue.h"
#include "its_tables.h"
#include "log.h"
#include "lpi.h"

#define GROUPS (LPIS / 64)

static enum its_refusal send(struct its *s, const struct its_command *c)
{
    return its_command(s, c) ? ITS_GOOD : ITS_BROKEN;
}

/* ---- what a command names ---- */

static bool is_hosts_device(const struct its *s, uint32_t id)
{
    for (uint32_t i = 0; i < s->ranges; i++) {
        if (id - s->range[i].first < s->range[i].count)
            return true;
    }
    return false;
}

/* A target's number; s->targets: there is none of that name. */
static uint32_t target_number(const struct its *s, uint64_t name)
{
    uint32_t n = 0;

    while (n < s->targets && s->target[n].name != name)
        n++;
    return n;
}

static bool is_target(const struct its *s, uint64_t name)
{
    return target_number(s, name) < s->targets;
}

/* A collection that is mapped; NULL: none. */
static struct its_collection *collection_of(struct its *s, uint32_t number)
{
    struct its_collection *c;

    if (number >= s->collections)
        return 0;
    c = &s->collection[its_index(number, ITS_COLLECTIONS)];
    return c->target != 0 ? c : 0;
}

/* The event that a command names, mapped or not. */
static enum its_refusal find_event(struct its *s, const struct its_command *c, struct its_event **e)
{
    const struct its_device *d = its_device_find(s, c->device);

    if (d == 0)
        return ITS_NO_DEVICE;
    *e = its_event(s, d, c->event);
    return *e == 0 ? ITS_NO_EVENT : ITS_GOOD;
}

static enum its_refusal find_mapped(struct its *s, const struct its_command *c, struct its_event **e)
{
    enum its_refusal why = find_event(s, c, e);

    return why == ITS_GOOD && (*e)->lpi == 0 ? ITS_NO_EVENT : why;
}

static void copy_property(const struct its *s, uint32_t lpi, const struct its_collection *to)
{
    uint32_t at = lpi - LPI_FIRST;

    lpi_copy(s, &s->target[to->target - 1], at / 64, UINT64_C(1) << at % 64);
}

/* ---- devices ---- */

/* Its table may be used for another as soon as the ITS has done this. */
static enum its_refusal unmap_device(struct its *s, struct its_device *d)
{
    struct its_command c = { .kind = ITS_MAPD, .device = d->id };

    if (!its_command(s, &c) || !its_complete(s))
        return ITS_BROKEN;
    its_device_remove(s, d);
    return ITS_GOOD;
}

static enum its_refusal map_device(struct its *s, const struct its_command *c)
{
    struct its_command ours = *c;

    ours.table = its_device_table(s, its_device_add(s, c->device, c->event_bits));
    return send(s, &ours);
}

/* A device that is mapped already gets another table, with nothing in it. */
static enum its_refusal do_mapd(struct its *s, const struct its_command *c)
{
    struct its_device *d = its_device_find(s, c->device);

    if (!is_hosts_device(s, c->device) || (d == 0 && !c->valid))
        return ITS_NO_DEVICE;
    if (c->valid && !its_device_fits(s, d, c->event_bits))
        return ITS_NO_ROOM;
    if (d != 0 && unmap_device(s, d) != ITS_GOOD)
        return ITS_BROKEN;
    return c->valid ? map_device(s, c) : ITS_GOOD;
}

/* ---- collections ---- */

/* Without its mapping a collection may have no events: each event that is mapped has a target. */
static enum its_refusal unmap_collection(struct its *s, uint32_t number)
{
    struct its_command c = { .kind = ITS_MAPC, .collection = number };
    struct its_collection *found = collection_of(s, number);

    if (found == 0 || found->events != 0)
        return ITS_NO_COLLECTION;
    found->target = 0;
    return send(s, &c);
}

static enum its_refusal do_mapc(struct its *s, const struct its_command *c)
{
    if (!c->valid)
        return unmap_collection(s, c->collection);
    if (c->collection >= s->collections)
        return ITS_NO_COLLECTION;
    if (!is_target(s, c->target))
        return ITS_NO_TARGET;
    s->collection[its_index(c->collection, ITS_COLLECTIONS)].target = (uint16_t)(target_number(s, c->target) + 1);
    return send(s, c);
}

/* ---- events ---- */

/* What was mapped before is taken away: the table that the ITS has is never led from one LPI to another. */
static enum its_refusal discard(struct its *s, const struct its_command *c, struct its_event *e)
{
    struct its_command ours = { .kind = ITS_DISCARD, .device = c->device, .event = c->event };

    its_event_unmap(s, e);
    return send(s, &ours);
}

/* MAPI is MAPTI with one number for both: the ITS gets no other. */
static enum its_refusal do_mapti(struct its *s, const struct its_command *c)
{
    struct its_collection *to = collection_of(s, c->collection);
    struct its_command ours = *c;
    struct its_event *e;
    enum its_refusal why = find_event(s, c, &e);

    if (why != ITS_GOOD)
        return why;
    if (c->lpi < LPI_FIRST || c->lpi >= s->lpi_end || (its_lpi_is_used(s, c->lpi) && e->lpi != c->lpi))
        return ITS_NO_LPI;
    if (to == 0)
        return ITS_NO_COLLECTION;
    if (e->lpi != 0 && discard(s, c, e) != ITS_GOOD)
        return ITS_BROKEN;
    copy_property(s, c->lpi, to);
    its_event_map(s, e, c->lpi, c->collection);
    ours.kind = ITS_MAPTI;
    return send(s, &ours);
}

static enum its_refusal do_movi(struct its *s, const struct its_command *c)
{
    struct its_event *e;
    enum its_refusal why = find_mapped(s, c, &e);

    if (why != ITS_GOOD)
        return why;
    if (collection_of(s, c->collection) == 0)
        return ITS_NO_COLLECTION;
    its_event_move(s, e, c->collection);
    return send(s, c);
}

/* INT, CLEAR, INV, DISCARD. */
static enum its_refusal do_event(struct its *s, const struct its_command *c)
{
    struct its_event *e;
    enum its_refusal why = find_mapped(s, c, &e);

    if (why != ITS_GOOD)
        return why;
    if (c->kind == ITS_DISCARD)
        return discard(s, c, e);
    if (c->kind == ITS_INV)
        copy_property(s, e->lpi, &s->collection[e->collection]);
    return send(s, c);
}

/* ---- targets ---- */

static enum its_refusal do_targets(struct its *s, const struct its_command *c)
{
    if (!is_target(s, c->target) || (c->kind == ITS_MOVALL && !is_target(s, c->second)))
        return ITS_NO_TARGET;
    return send(s, c);
}

/* ---- INVALL ---- */

/*
 * The properties of all LPIs that are used, as the collection's target has them: more than those of the collection, which is
 * what a redistributor may do that reads its table at any time. c NULL: there is nothing to do. False: there is more.
 */
static bool sweep(struct its *s, const struct its_collection *c, uint32_t *left)
{
    for (; c != 0 && s->sweep < GROUPS; s->sweep++) {
        uint64_t used = its_lpis_used(s, s->sweep);

        if (used == 0)
            continue;
        if (*left == 0)
            return false;
        (*left)--;
        lpi_copy(s, &s->target[c->target - 1], s->sweep, used);
    }
    return true;
}

/* ---- all of them ---- */

static enum its_refusal perform(struct its *s, const struct its_command *c)
{
    switch (c->kind) {
    case ITS_MAPD: return do_mapd(s, c);
    case ITS_MAPC: return do_mapc(s, c);
    case ITS_MAPTI:
    case ITS_MAPI: return do_mapti(s, c);
    case ITS_MOVI: return do_movi(s, c);
    case ITS_INT:
    case ITS_CLEAR:
    case ITS_INV:
    case ITS_DISCARD: return do_event(s, c);
    case ITS_INVALL: return collection_of(s, c->collection) == 0 ? ITS_NO_COLLECTION : send(s, c);
    case ITS_SYNC:
    case ITS_MOVALL: return do_targets(s, c);
    default: return ITS_UNKNOWN;
    }
}

/* The command at the host's CREADR. False: it is an INVALL that is not at its end, and is read anew when it goes on. */
static bool do_next(struct its *s, uint32_t *left)
{
    uint64_t word[ITS_COMMAND_WORDS] = { 0 };
    enum its_refusal why = ITS_UNREADABLE;
    struct its_command c;

    if (its_read_host((s->cbaser & BASE_ADDRESS) + s->creadr, word))
        why = its_decode(word, &c) ? ITS_GOOD : ITS_UNKNOWN;
    if (why == ITS_GOOD && c.kind == ITS_INVALL && !sweep(s, collection_of(s, c.collection), left))
        return false;
    s->sweep = 0;
    if (why == ITS_GOOD)
        why = perform(s, &c);
    if (why != ITS_GOOD) {
        log_event(CORDON_EVENT_ITS_REFUSED, word[0], why);
        s->refused++;
    }
    return true;
}

void its_work(struct its *s)
{
    uint64_t size = CBASER_PAGES(s->cbaser) * CORDON_PAGE_SIZE;
    uint32_t left = ITS_WORK;

    while (left > 0 && s->live && s->creadr != s->cwriter) {
        left--;
        if (!do_next(s, &left))
            break;
        s->creadr = (s->creadr + ITS_COMMAND_SIZE) % size;
    }
    if (s->live)
        (void)its_complete(s);
}

void its_forget(struct its *s)
{
    for (uint32_t i = 0; i < ITS_DEVICES; i++) {
        if (s->device[i].units != 0 && unmap_device(s, &s->device[i]) != ITS_GOOD)
            return;
    }
    for (uint32_t i = 0; i < s->collections; i++) {
        if (collection_of(s, i) != 0 && unmap_collection(s, i) != ITS_GOOD)
            return;
    }
    (void)its_complete(s);
}
