/* SPDX-License-Identifier: Apache-2.0 */
#include "lpi.h"

#include "its_access.h"
#include "its_queue.h"

#define ATTRIBUTES (LPI_WRITE_BACK | BASE_SHAREABLE)
#define ATTRIBUTE_FIELDS (LPI_CACHEABILITY | BASE_SHAREABILITY)
#define PROPERTY_ONES UINT64_C(0x02)    /* bit 1 is 1 */

static uint32_t number_of(const struct its *s, const struct its_target *t)
{
    return (uint32_t)(t - s->target);
}

static uint64_t pending_table(const struct its *s, uint32_t n)
{
    return s->pending + n * LPI_PENDING_SIZE;
}

bool lpi_is_usable(uint64_t redistributor)
{
    if ((its_read(redistributor, GICR_TYPER) & GICR_TYPER_PLPIS) == 0)
        return false;
    if ((its_read(redistributor, GICR_CTLR) & GICR_CTLR_ENABLE_LPIS) != 0)
        return false;
    its_write_long(redistributor, GICR_PROPBASER, ATTRIBUTES);
    its_write_long(redistributor, GICR_PENDBASER, ATTRIBUTES);
    return (its_read_long(redistributor, GICR_PROPBASER) & ATTRIBUTE_FIELDS) == ATTRIBUTES &&
           (its_read_long(redistributor, GICR_PENDBASER) & ATTRIBUTE_FIELDS) == ATTRIBUTES;
}

void lpi_set_up(const struct its *s, uint32_t n)
{
    uint64_t base = s->target[n].redistributor;

    its_write_long(base, GICR_PROPBASER, s->properties | ATTRIBUTES | (s->lpi_bits - 1));
    its_write_long(base, GICR_PENDBASER, pending_table(s, n) | ATTRIBUTES | (s->target[n].fresh ? PENDBASER_ZERO : 0));
}

/* ---- the registers ---- */

/* A redistributor that was without power meanwhile may have lost what it was given: it is told again, and asked. */
static bool has_our_tables(const struct its *s, uint32_t n)
{
    uint64_t base = s->target[n].redistributor;
    uint64_t properties = its_read_long(base, GICR_PROPBASER);
    uint64_t pending = its_read_long(base, GICR_PENDBASER);

    return (properties & (BASE_ADDRESS | ATTRIBUTE_FIELDS)) == (s->properties | ATTRIBUTES) &&
           (pending & (PENDBASER_ADDRESS | ATTRIBUTE_FIELDS)) == (pending_table(s, n) | ATTRIBUTES);
}

/* What is to be written to CTLR for its bit: LPIs are enabled with our tables or not at all. */
static uint32_t enable(struct its *s, struct its_target *t)
{
    uint32_t n = number_of(s, t);
    uint64_t *word = its_memory(pending_table(s, n));

    for (uint32_t i = 0; i < (1u << LPI_BITS) / 64 && t->fresh; i++)
        word[i] = 0;
    lpi_set_up(s, n);
    if (!has_our_tables(s, n))
        return 0;
    t->fresh = false;
    its_before_register();
    return GICR_CTLR_ENABLE_LPIS;
}

static void write_control(struct its *s, struct its_target *t, uint32_t value)
{
    uint32_t before = its_read(t->redistributor, GICR_CTLR) & GICR_CTLR_ENABLE_LPIS;
    uint32_t wanted = value & GICR_CTLR_ENABLE_LPIS;

    if (wanted != 0 && before == 0)
        wanted = enable(s, t);
    its_write(t->redistributor, GICR_CTLR, (value & ~GICR_CTLR_ENABLE_LPIS) | wanted);
}

static void write_half(uint64_t *shown, uint32_t offset, uint32_t value)
{
    if (offset % 8 == 0)
        *shown = (*shown & ~UINT64_C(0xffffffff)) | value;
    else
        *shown = (*shown & 0xffffffff) | (uint64_t)value << 32;
}

/* Its tables cannot be changed while LPIs are enabled. */
static void write_base(struct its_target *t, uint32_t offset, uint32_t value)
{
    uint64_t before = t->shown_pending;

    if ((its_read(t->redistributor, GICR_CTLR) & GICR_CTLR_ENABLE_LPIS) != 0)
        return;
    if (offset < GICR_PENDBASER) {
        write_half(&t->shown_properties, offset, value);
        return;
    }
    write_half(&t->shown_pending, offset, value);
    t->fresh = t->fresh || ((before ^ t->shown_pending) & PENDBASER_ADDRESS) != 0 || (t->shown_pending & PENDBASER_ZERO) != 0;
    t->shown_pending &= ~PENDBASER_ZERO;        /* it is read as zero */
}

bool lpi_write(struct its *s, struct its_target *t, uint32_t offset, uint32_t value)
{
    switch (offset) {
    case GICR_CTLR: write_control(s, t, value); return true;
    case GICR_PROPBASER:
    case GICR_PROPBASER + 4:
    case GICR_PENDBASER:
    case GICR_PENDBASER + 4: write_base(t, offset, value); return true;
    default: return false;
    }
}

bool lpi_read(const struct its_target *t, uint32_t offset, uint32_t *value)
{
    switch (offset) {
    case GICR_CTLR: *value = its_read(t->redistributor, GICR_CTLR) & ~GICR_CTLR_IR; return true;
    case GICR_PROPBASER: *value = (uint32_t)t->shown_properties; return true;
    case GICR_PROPBASER + 4: *value = (uint32_t)(t->shown_properties >> 32); return true;
    case GICR_PENDBASER: *value = (uint32_t)t->shown_pending; return true;
    case GICR_PENDBASER + 4: *value = (uint32_t)(t->shown_pending >> 32); return true;
    default: return false;
    }
}

/* ---- properties ---- */

/* Four words of the host's, 32 LPIs; what it may not read itself says that none is enabled. */
static void copy_half(const struct its *s, uint64_t from, uint32_t first, uint32_t which)
{
    uint8_t *property = its_memory(s->properties);
    uint64_t word[4];
    bool known = its_read_host(from + first, word);

    for (uint32_t i = 0; i < 32; i++) {
        uint64_t byte = known ? word[i / 8] >> i % 8 * 8 : 0;

        if ((which >> i & 1) != 0)
            property[its_index(first + i, LPIS)] = (uint8_t)((byte & (LPI_PRIORITY | LPI_ENABLED)) | PROPERTY_ONES);
    }
}

void lpi_copy(const struct its *s, const struct its_target *t, uint32_t group, uint64_t which)
{
    uint64_t from = t->shown_properties & BASE_ADDRESS;

    if ((uint32_t)which != 0)
        copy_half(s, from, group * 64, (uint32_t)which);
    if (which >> 32 != 0)
        copy_half(s, from, group * 64 + 32, (uint32_t)(which >> 32));
}

/* ---- the end ---- */

bool lpi_stop(const struct its_target *t)
{
    uint32_t control = its_read(t->redistributor, GICR_CTLR);

    if ((control & GICR_CTLR_ENABLE_LPIS) == 0)
        return true;
    its_write(t->redistributor, GICR_CTLR, control & ~GICR_CTLR_ENABLE_LPIS);
    for (uint32_t i = 0; i < ITS_PATIENCE; i++) {
        control = its_read(t->redistributor, GICR_CTLR);
        if ((control & (GICR_CTLR_ENABLE_LPIS | GICR_CTLR_RWP)) == 0)
            return true;
    }
    return false;
}
