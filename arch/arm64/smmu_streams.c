/* SPDX-License-Identifier: Apache-2.0 */
#include "smmu_streams.h"

#include "smmu_access.h"
#include "smmu_registers.h"

#define SHARED_BITS 8u                          /* entries of a table of the second level: the streams of a bus */
#define SHARED_SIZE (UINT64_C(64) << SHARED_BITS)

uint32_t smmu_stream_bits(const struct smmu *s)
{
    uint32_t bits = SHARED_BITS;

    for (uint32_t i = 0; i < s->ranges; i++) {
        while ((s->streams[i].first + s->streams[i].count - 1) >> bits > 0)
            bits++;
    }
    return bits;
}

static uint64_t table_size(const struct smmu *s)
{
    return s->two_level ? UINT64_C(8) << (s->stream_bits - SHARED_BITS) : UINT64_C(64) << s->stream_bits;
}

static uint64_t align(uint64_t at, uint64_t size)
{
    return (at + size - 1) & ~(size - 1);
}

/* Each is aligned to its size. `at` may be a place that is only known to 2 MiB: a larger table has the room to be moved in. */
uint64_t smmu_streams_place(struct smmu *s, uint64_t at)
{
    uint64_t size = table_size(s);
    uint64_t begin = align(at, 64);

    s->table = align(begin, size);
    at = size > 0x200000 ? begin + 2 * size : s->table + size;
    if (s->two_level) {
        s->shared = align(at, SHARED_SIZE);
        at = s->shared + SHARED_SIZE;
    }
    if (s->two_level && s->gives) {
        s->own = align(at, SHARED_SIZE);
        at = s->own + SMMU_OWN * SHARED_SIZE;
    }
    s->context = align(at, 64);
    return s->context + 64;
}

static void put_entry(uint64_t at, const uint64_t entry[STREAM_WORDS])
{
    uint64_t *to = smmu_memory(at);

    for (uint32_t i = 0; i < STREAM_WORDS; i++)
        to[i] = entry[i];
}

/* The first level, of which each entry is that of a bus. */
static void open_buses(const struct smmu *s, struct smmu_streams r)
{
    uint64_t *table = smmu_memory(s->table);

    for (uint32_t i = r.first >> SHARED_BITS; i < (r.first + r.count) >> SHARED_BITS; i++)
        table[i] = smmu_stream_table(s->shared);
}

void smmu_streams_open(const struct smmu *s, const struct smmu_translation *t)
{
    uint64_t entry[STREAM_WORDS];

    if (!t->stage2)
        smmu_context_descriptor(t, smmu_memory(s->context));
    smmu_stream_entry(t, entry);
    for (uint32_t i = 0; i < 1u << SHARED_BITS && s->two_level; i++)
        put_entry(s->shared + i * 64ul, entry);
    for (uint32_t i = 0; i < SMMU_OWN << SHARED_BITS && s->own != 0; i++)
        put_entry(s->own + i * 64ul, entry);
    for (uint32_t k = 0; k < s->ranges; k++) {
        struct smmu_streams r = s->streams[k];

        if (s->two_level)
            open_buses(s, r);
        for (uint32_t i = r.first; i < r.first + r.count && !s->two_level; i++)
            put_entry(s->table + i * 64ul, entry);
    }
}

/* The valid bit goes, with one store each: what the SMMU reads meanwhile is the one or the other. */
static void close_entries(uint64_t at, uint64_t n)
{
    volatile uint64_t *entry = smmu_memory(at);

    for (uint64_t i = 0; i < n; i++)
        entry[i * STREAM_WORDS] = 0;
}

void smmu_streams_close(struct smmu *s)
{
    s->closed = true;
    if (s->two_level)
        close_entries(s->shared, 1u << SHARED_BITS);
    if (s->own != 0)
        close_entries(s->own, (uint64_t)SMMU_OWN << SHARED_BITS);
    if (!s->two_level)
        close_entries(s->table, UINT64_C(1) << s->stream_bits);
}

/* ---- streams of their own ---- */

/* The table that a bus has of its own; SMMU_OWN: none. */
static uint32_t find_own(const struct smmu *s, uint32_t bus)
{
    uint32_t i = 0;

    while (i < SMMU_OWN && (s->own_streams[i] == 0 || s->own_bus[i] != bus))
        i++;
    return i;
}

static uint32_t find_free(const struct smmu *s)
{
    uint32_t i = 0;

    while (i < SMMU_OWN && s->own_streams[i] != 0)
        i++;
    return i;
}

/* One store, of what leads a bus to its entries: what these say was there, and told, long before. */
static void lead(const struct smmu *s, uint32_t bus, uint64_t table)
{
    volatile uint64_t *entry = smmu_memory(s->table + bus * 8ul);

    *entry = smmu_stream_table(table);
}

bool smmu_streams_own(struct smmu *s, uint32_t stream)
{
    uint32_t bus = stream >> SHARED_BITS;
    uint32_t i = find_own(s, bus);

    if (!s->two_level)
        return true;
    if (i == SMMU_OWN) {
        i = find_free(s);
        if (s->own == 0 || i == SMMU_OWN)
            return false;
        s->own_bus[i] = bus;    /* its entries are those of the shared one: from the start on, or as they were given back */
        lead(s, bus, s->own + i * SHARED_SIZE);
    }
    s->own_streams[i]++;
    return true;
}

bool smmu_streams_disown(struct smmu *s, uint32_t stream)
{
    uint32_t bus = stream >> SHARED_BITS;
    uint32_t i = find_own(s, bus);

    if (!s->two_level || i == SMMU_OWN || --s->own_streams[i] > 0)
        return false;
    lead(s, bus, s->shared);
    return true;
}

uint64_t smmu_streams_entry(const struct smmu *s, uint32_t stream)
{
    uint32_t i = find_own(s, stream >> SHARED_BITS);

    if (!s->two_level)
        return s->table + stream * 64ul;
    return i == SMMU_OWN ? 0 : s->own + i * SHARED_SIZE + stream % (1u << SHARED_BITS) * 64ul;
}

void smmu_streams_set_up(const struct smmu *s)
{
    uint32_t format = s->two_level ? STRTAB_TWO_LEVEL | STRTAB_SPLIT_8 : 0;

    smmu_write(s->base, SMMU_STRTAB_BASE, (uint32_t)s->table);
    smmu_write(s->base, SMMU_STRTAB_BASE + 4, (uint32_t)((s->table | BASE_ALLOCATE) >> 32));
    smmu_write(s->base, SMMU_STRTAB_BASE_CFG, s->stream_bits | format);
}
