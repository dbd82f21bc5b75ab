/* SPDX-License-Identifier: Apache-2.0 */
#include "its_shadow.h"

#include "its_access.h"
#include "its_commands.h"

/* CBASER and BASERn: what the host may write of them. */
#define CBASER_FIELDS (BASE_VALID | ITS_CACHEABILITY | UINT64_C(7) << 53 | BASE_ADDRESS | BASE_SHAREABILITY | UINT64_C(0xff))

static bool is_baser(uint32_t offset)
{
    return offset >= GITS_BASER(0) && offset < GITS_BASER(GITS_BASERS);
}

static uint32_t baser_number(uint32_t offset)
{
    return (offset - GITS_BASER(0)) / 8 % GITS_BASERS;
}

/* ---- reads ---- */

/* The ITS says itself when nothing is under way. */
static uint64_t control(const struct its *s)
{
    uint32_t quiescent = its_read(s->base, GITS_CTLR) & GITS_CTLR_QUIESCENT;

    return (uint64_t)its_read(s->base, GITS_IIDR) << 32 | quiescent | (s->enabled ? GITS_CTLR_ENABLED : 0);
}

/* Fewer events of a device than it may have; collections in memory alone where there is a table for them. */
static uint64_t type(const struct its *s)
{
    uint32_t bits = TYPER_EVENT_BITS(s->typer) < ITS_EVENT_BITS ? TYPER_EVENT_BITS(s->typer) : ITS_EVENT_BITS;
    uint64_t held = s->interrupts.number == GITS_BASERS ? s->collections : 0;

    return (s->typer & TYPER_SHOWN) | (uint64_t)(bits - 1) << 8 | held << 24;
}

/* Of 64 bits, at a multiple of 8. */
static uint64_t read_long(const struct its *s, uint32_t offset)
{
    if (is_baser(offset))
        return s->baser[baser_number(offset)];
    if (offset >= GITS_PIDR && offset < CORDON_PAGE_SIZE * 16)
        return its_read(s->base, offset) | (uint64_t)its_read(s->base, offset + 4) << 32;
    switch (offset) {
    case GITS_CTLR: return control(s);
    case GITS_TYPER: return type(s);
    case GITS_CBASER: return s->cbaser;
    case GITS_CWRITER: return s->cwriter;
    case GITS_CREADR: return s->creadr;
    default: return 0;
    }
}

uint64_t its_shadow_read(struct its *s, uint32_t offset, uint32_t bytes)
{
    uint64_t value;

    if (offset == GITS_CREADR && s->enabled)
        its_work(s);
    value = read_long(s, offset & ~7u);
    return bytes == 8 ? value : value >> offset % 8 * 8 & UINT32_MAX;
}

/* ---- writes ---- */

/* Whoever enables it with other tables than before finds nothing mapped. */
static void write_control(struct its *s, uint64_t value)
{
    bool enabled = (value & GITS_CTLR_ENABLED) != 0;

    if (enabled == s->enabled)
        return;
    its_before_register();
    its_write(s->base, GITS_CTLR, enabled ? GITS_CTLR_ENABLED : 0);
    s->enabled = enabled;
    if (!enabled)
        return;
    if (s->forgets)
        its_forget(s);
    s->forgets = false;
    its_work(s);
}

static bool write_queue(struct its *s, uint64_t value)
{
    if (s->enabled)
        return false;
    s->cbaser = value & CBASER_FIELDS;
    s->creadr = 0;
    s->cwriter = 0;
    s->sweep = 0;
    return true;
}

static bool write_writer(struct its *s, uint64_t value)
{
    uint64_t offset = value & QUEUE_OFFSET;

    if (offset >= CBASER_PAGES(s->cbaser) * CORDON_PAGE_SIZE || (s->cbaser & BASE_VALID) == 0)
        return false;
    s->cwriter = offset;
    if (s->enabled)
        its_work(s);
    return true;
}

static bool write_table(struct its *s, uint32_t n, uint64_t value)
{
    if (s->fixed[n] == 0)
        return true;        /* there is none of that number: zero, whatever is written */
    if (s->enabled)
        return false;
    value = (value & ~BASER_FIXED) | s->fixed[n];
    s->forgets = s->forgets || value != s->baser[n];
    s->baser[n] = value;
    return true;
}

bool its_shadow_write(struct its *s, uint32_t offset, uint32_t bytes, uint64_t value)
{
    uint32_t at = offset & ~7u;

    if (bytes == 4 && offset % 8 == 0)
        value = (read_long(s, at) & ~(uint64_t)UINT32_MAX) | (value & UINT32_MAX);
    else if (bytes == 4)
        value = (read_long(s, at) & UINT32_MAX) | value << 32;
    if (is_baser(at))
        return write_table(s, baser_number(at), value);
    switch (at) {
    case GITS_CTLR: write_control(s, value); return offset == at;
    case GITS_CBASER: return write_queue(s, value);
    case GITS_CWRITER: return write_writer(s, value);
    default: return false;
    }
}
