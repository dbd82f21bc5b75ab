/* SPDX-License-Identifier: Apache-2.0 */
#include "its_tables.h"

#include "its_access.h"

/* ---- LPIs ---- */

static uint64_t *lpi_word(const struct its *s, uint32_t lpi)
{
    uint64_t *used = its_memory(s->used_lpis);

    return &used[its_index((lpi - LPI_FIRST) / 64, LPIS / 64)];
}

static uint64_t lpi_bit(uint32_t lpi)
{
    return UINT64_C(1) << lpi % 64;
}

bool its_lpi_is_used(const struct its *s, uint32_t lpi)
{
    return (*lpi_word(s, lpi) & lpi_bit(lpi)) != 0;
}

uint64_t its_lpis_used(const struct its *s, uint32_t group)
{
    return *lpi_word(s, LPI_FIRST + group * 64);
}

/* ---- events ---- */

static struct its_event *event_at(const struct its *s, uint64_t number)
{
    struct its_event *all = its_memory(s->events);

    return &all[its_index(number, ITS_EVENTS)];
}

struct its_event *its_event(struct its *s, const struct its_device *d, uint32_t number)
{
    if (number >= d->events)
        return 0;
    return event_at(s, (uint64_t)d->first * ITS_UNIT + its_index(number, d->events));
}

void its_event_map(struct its *s, struct its_event *e, uint32_t lpi, uint32_t collection)
{
    *lpi_word(s, lpi) |= lpi_bit(lpi);
    *e = (struct its_event){ (uint16_t)lpi, (uint16_t)collection };
    s->collection[its_index(collection, ITS_COLLECTIONS)].events++;
}

void its_event_move(struct its *s, struct its_event *e, uint32_t collection)
{
    s->collection[e->collection].events--;
    e->collection = (uint16_t)collection;
    s->collection[its_index(collection, ITS_COLLECTIONS)].events++;
}

void its_event_unmap(struct its *s, struct its_event *e)
{
    if (e->lpi == 0)
        return;
    *lpi_word(s, e->lpi) &= ~lpi_bit(e->lpi);
    s->collection[e->collection].events--;
    *e = (struct its_event){ 0, 0 };
}

/* ---- devices ---- */

struct its_device *its_device_find(struct its *s, uint32_t id)
{
    for (uint32_t i = 0; i < ITS_DEVICES; i++) {
        if (s->device[i].units != 0 && s->device[i].id == id)
            return &s->device[i];
    }
    return 0;
}

static bool unit_is_used(const struct its *s, uint32_t unit)
{
    return (s->used_units[unit / 64] >> unit % 64 & 1) != 0;
}

static void set_units(struct its *s, uint32_t first, uint32_t n, bool used)
{
    for (uint32_t i = first; i < first + n; i++) {
        if (used)
            s->used_units[i / 64] |= UINT64_C(1) << i % 64;
        else
            s->used_units[i / 64] &= ~(UINT64_C(1) << i % 64);
    }
}

/* The first of n free units, one behind the other; ITS_UNITS: there are none. */
static uint32_t find_units(const struct its *s, uint32_t n)
{
    uint32_t free = 0;

    for (uint32_t i = 0; i < ITS_UNITS; i++) {
        free = unit_is_used(s, i) ? 0 : free + 1;
        if (free == n)
            return i + 1 - n;
    }
    return ITS_UNITS;
}

static void zero(uint64_t at, uint64_t bytes)
{
    uint64_t *word = its_memory(at);

    for (uint64_t i = 0; i < bytes / 8; i++)
        word[i] = 0;
}

/* ITS_DEVICES: there is none. */
static uint32_t free_slot(const struct its *s)
{
    uint32_t i = 0;

    while (i < ITS_DEVICES && s->device[i].units != 0)
        i++;
    return i;
}

static uint32_t units_of(uint32_t bits)
{
    return ((1u << bits) + ITS_UNIT - 1) / ITS_UNIT;
}

bool its_device_fits(const struct its *s, const struct its_device *d, uint32_t bits)
{
    if (bits > ITS_EVENT_BITS || bits > TYPER_EVENT_BITS(s->typer))
        return false;
    if (d != 0 && units_of(bits) <= d->units)
        return true;
    return find_units(s, units_of(bits)) != ITS_UNITS && (d != 0 || free_slot(s) != ITS_DEVICES);
}

uint64_t its_device_table(const struct its *s, const struct its_device *d)
{
    return s->tables + d->first * s->unit_size;
}

struct its_device *its_device_add(struct its *s, uint32_t id, uint32_t bits)
{
    uint32_t units = units_of(bits);
    uint32_t first = find_units(s, units);
    struct its_device *d = &s->device[free_slot(s)];

    *d = (struct its_device){ .id = id, .first = (uint16_t)first, .units = (uint16_t)units, .events = 1u << bits };
    set_units(s, first, units, true);
    zero(its_device_table(s, d), units * s->unit_size);
    zero(s->events + first * ITS_UNIT * sizeof(struct its_event), units * ITS_UNIT * sizeof(struct its_event));
    return d;
}

void its_device_remove(struct its *s, struct its_device *d)
{
    for (uint32_t i = 0; i < d->events; i++)
        its_event_unmap(s, event_at(s, (uint64_t)d->first * ITS_UNIT + i));
    set_units(s, d->first, d->units, false);
    d->units = 0;
}
