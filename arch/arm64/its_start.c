/* SPDX-License-Identifier: Apache-2.0 */
#include "its_start.h"

#include "its_access.h"
#include "its_queue.h"
#include "lpi.h"

#define PIDR2 0xffe8u
#define PIDR2_VERSION(x) ((x) >> 4 & 0xf)
#define GIC_V3 3u
#define GIC_V4 4u
#define PAGE_SIZES 3u

#define ATTRIBUTES (ITS_WRITE_BACK | BASE_SHAREABLE)
#define ATTRIBUTE_FIELDS (ITS_CACHEABILITY | BASE_SHAREABILITY)

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

static uint64_t page_bytes(uint32_t code)
{
    return UINT64_C(0x1000) << 2 * code;
}

static uint64_t align(uint64_t at, uint64_t size)
{
    return (at + size - 1) & ~(size - 1);
}

/* ---- what it is ---- */

static bool disable(const struct its *s)
{
    its_write(s->base, GITS_CTLR, 0);
    for (uint32_t i = 0; i < ITS_PATIENCE; i++) {
        if ((its_read(s->base, GITS_CTLR) & GITS_CTLR_QUIESCENT) != 0)
            return true;
    }
    return false;
}

/* Bits of the number of the last device of the host's. */
static uint32_t device_bits(const struct its *s)
{
    uint32_t bits = 1;

    for (uint32_t i = 0; i < s->ranges; i++) {
        while ((s->range[i].first + s->range[i].count - 1) >> bits > 0)
            bits++;
    }
    return bits;
}

/* Whether it takes a table of n entries there, flat, with memory as the CPUs see it; in the smallest pages that serve. */
static bool probe_table(const struct its *s, struct its_table *t, uint64_t entries)
{
    uint64_t fixed = its_read_long(s->base, GITS_BASER(t->number)) & BASER_FIXED;

    for (uint32_t code = 0; code < PAGE_SIZES; code++) {
        uint64_t pages = align(entries * BASER_ENTRY_SIZE(fixed), page_bytes(code)) / page_bytes(code);
        uint64_t wanted = fixed | ATTRIBUTES | BASER_PAGE_SIZE(code);
        uint64_t readback;

        its_write_long(s->base, GITS_BASER(t->number), wanted);
        readback = its_read_long(s->base, GITS_BASER(t->number));
        if ((readback & (ATTRIBUTE_FIELDS | BASER_PAGE_SIZE(3))) == (wanted & ~fixed) && pages <= BASER_PAGES_LESS_1 + 1) {
            t->page = code;
            t->pages = pages;
            return true;
        }
    }
    return false;
}

/* The table of a type; GITS_BASERS where it has none. All that it might have from before is none of its any more. */
static uint32_t find_table(const struct its *s, uint32_t wanted)
{
    uint32_t found = GITS_BASERS;

    for (uint32_t n = 0; n < GITS_BASERS; n++) {
        uint64_t baser = its_read_long(s->base, GITS_BASER(n));

        its_write_long(s->base, GITS_BASER(n), 0);
        if (BASER_TYPE(baser) == wanted && found == GITS_BASERS)
            found = n;
    }
    return found;
}

/* Collections are in a table, or the ITS holds all that are needed itself. */
static bool find_collections(struct its *s, uint32_t cpus)
{
    uint32_t bits = (s->typer & TYPER_CIL) != 0 ? TYPER_COLLECTION_BITS(s->typer) : 16;

    s->interrupts.number = find_table(s, BASER_COLLECTIONS);
    s->collections = smaller(ITS_COLLECTIONS, 1u << bits);
    if (s->interrupts.number == GITS_BASERS)
        s->collections = smaller(s->collections, TYPER_HCC(s->typer));
    else if (!probe_table(s, &s->interrupts, s->collections))
        return false;
    return s->collections >= cpus;
}

static bool find_devices(struct its *s)
{
    uint32_t bits = device_bits(s);

    s->devices.number = find_table(s, BASER_DEVICES);
    return s->devices.number != GITS_BASERS && bits <= TYPER_DEVICE_BITS(s->typer) &&
           probe_table(s, &s->devices, UINT64_C(1) << bits);
}

/* Whether its queue is in memory as the CPUs see it. */
static bool queue_is_coherent(const struct its *s)
{
    its_write_long(s->base, GITS_CBASER, ATTRIBUTES);
    return (its_read_long(s->base, GITS_CBASER) & ATTRIBUTE_FIELDS) == ATTRIBUTES;
}

/* Numbers of LPIs, as far as the distributor knows them. */
static bool find_lpis(struct its *s, uint32_t distributor)
{
    uint32_t count_bits = GICD_TYPER_LPIS_BITS(distributor);

    s->lpi_bits = smaller(GICD_TYPER_ID_BITS(distributor), LPI_BITS);
    s->lpi_end = 1u << s->lpi_bits;
    if (count_bits > 0 && count_bits < LPI_BITS)
        s->lpi_end = smaller(s->lpi_end, LPI_FIRST + (2u << count_bits));
    return s->lpi_end > LPI_FIRST;
}

static void show_table(struct its *s, const struct its_table *t)
{
    if (t->number == GITS_BASERS)
        return;
    s->fixed[t->number] = its_read_long(s->base, GITS_BASER(t->number)) & BASER_FIXED;
    s->baser[t->number] = s->fixed[t->number];
}

bool its_identify(struct its *s, uint32_t distributor, uint32_t cpus)
{
    uint32_t version = PIDR2_VERSION(its_read(s->base, PIDR2));

    if ((version != GIC_V3 && version != GIC_V4) || !disable(s))
        return false;
    s->typer = its_read_long(s->base, GITS_TYPER);
    s->entry_size = (uint32_t)TYPER_ENTRY_SIZE(s->typer);
    if ((s->typer & TYPER_PHYSICAL) == 0 || s->ranges == 0 || !find_devices(s) || !find_collections(s, cpus) ||
        !queue_is_coherent(s) || !find_lpis(s, distributor))
        return false;
    show_table(s, &s->devices);
    show_table(s, &s->interrupts);
    return true;
}

/* ---- memory ---- */

static uint64_t place_table(struct its_table *t, uint64_t at)
{
    if (t->number == GITS_BASERS)
        return at;
    t->at = align(at, page_bytes(t->page));
    return t->at + t->pages * page_bytes(t->page);
}

static uint64_t place(uint64_t *at, uint64_t bytes, uint64_t size)
{
    uint64_t begin = align(*at, size);

    *at = begin + bytes;
    return begin;
}

uint64_t its_place(struct its *s, uint64_t at, uint32_t cpus)
{
    s->unit_size = align((uint64_t)ITS_UNIT * s->entry_size, 256);
    at = place_table(&s->devices, at);
    at = place_table(&s->interrupts, at);
    s->pending = place(&at, cpus * LPI_PENDING_SIZE, LPI_PENDING_SIZE);
    s->commands = place(&at, ITS_QUEUE_SIZE, CORDON_PAGE_SIZE);
    s->properties = place(&at, LPIS, CORDON_PAGE_SIZE);
    s->tables = place(&at, ITS_UNITS * s->unit_size, CORDON_PAGE_SIZE);
    s->events = place(&at, ITS_EVENTS * sizeof(struct its_event), 64);
    s->used_lpis = place(&at, LPIS / 8, 64);
    return at;
}

/* ---- on and off ---- */

void its_add_target(struct its *s, uint64_t redistributor)
{
    struct its_target *t = &s->target[s->targets];

    t->redistributor = redistributor;
    t->name = (s->typer & TYPER_PTA) != 0 ? redistributor >> 16 : GICR_TYPER_NUMBER(its_read(redistributor, GICR_TYPER));
    t->fresh = true;
    lpi_set_up(s, s->targets);
    s->targets++;
}

static void set_table(const struct its *s, const struct its_table *t)
{
    if (t->number != GITS_BASERS)
        its_write_long(s->base, GITS_BASER(t->number),
                       BASE_VALID | ATTRIBUTES | t->at | BASER_PAGE_SIZE(t->page) | (t->pages - 1));
}

void its_start(struct its *s)
{
    set_table(s, &s->devices);
    set_table(s, &s->interrupts);
    its_queue_set_up(s);
    s->live = true;
}

bool its_stop(struct its *s)
{
    bool good = disable(s);

    s->live = false;
    for (uint32_t i = 0; i < s->targets; i++)
        good = lpi_stop(&s->target[i]) && good;
    return good;
}
