/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ITS's driver against an ITS, written here after Arm IHI 0069 and not after the driver, and against a host that may be any.
 *
 * The ITS takes no command that is not right: each is taken apart bit by bit, and what it names must be mapped as the manual has it. Each
 * address that reaches it, or a redistributor, must be that of memory of Cordon's which is used for nothing else. It finds in memory
 * what was there at the last barrier. The host's memory is pages that may be read, and others: who asks for those gets nothing.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "its_access.h"
#include "its_commands.h"
#include "its_queue.h"
#include "its_shadow.h"
#include "its_start.h"
#include "log.h"
#include "lpi.h"
#include "want.h"

/* ---- the log ---- */

static unsigned refusals[16];
static unsigned refused;
static uint64_t last_refused;

void log_event(enum cordon_event event, uint64_t first, uint64_t second)
{
    want(event == CORDON_EVENT_ITS_REFUSED && second >= 1 && second < 16, "another event is logged");
    last_refused = first;
    refusals[second & 15]++;
    refused++;
}

/* ---- memory ---- */

#define REGISTERS UINT64_C(0x8080000)
#define REDISTRIBUTORS UINT64_C(0x80a0000)
#define STRIDE UINT64_C(0x20000)
#define CPUS 4u
#define MEMORY UINT64_C(0x80000000)
#define MEMORY_SIZE (UINT64_C(8) << 20)
#define HOST UINT64_C(0x40000000)
#define HOST_PAGES 64u

static uint8_t cpu_memory[MEMORY_SIZE] __attribute__((aligned(65536)));
static uint8_t its_view[MEMORY_SIZE] __attribute__((aligned(65536)));
static uint64_t used_memory;
static uint8_t host_memory[HOST_PAGES][4096];
static bool host_may[HOST_PAGES];
static unsigned host_reads;
static bool view_of_all;            /* or of the queue alone: a copy of all takes long */

void *its_memory(uint64_t pa)
{
    if (pa < MEMORY || pa >= MEMORY + used_memory) {
        fprintf(stderr, "its_test: %s: an access to %llx, where nothing is\n", name, (unsigned long long)pa);
        abort();
    }
    return cpu_memory + (pa - MEMORY);
}

bool its_read_host(uint64_t addr, uint64_t word[4])
{
    uint64_t page = (addr - HOST) / 4096;

    host_reads++;
    want(addr % 32 == 0, "the host's memory is read across a page");
    if (addr < HOST || page >= HOST_PAGES || !host_may[page])
        return false;
    memcpy(word, host_memory[page] + addr % 4096, 32);
    return true;
}

uint64_t its_index(uint64_t index, uint64_t bound)
{
    if (index >= bound) {
        fprintf(stderr, "its_test: %s: an index of %llu, beyond %llu\n", name, (unsigned long long)index, (unsigned long long)bound);
        abort();
    }
    return index;
}

/* ---- the model ---- */

/* What a model can be told to do, or lacks. */
struct traits {
    uint64_t typer;
    uint32_t pidr2;
    uint64_t fixed[8];          /* of BASERn */
    int page;                   /* the one size of pages that it has, as a code; -1: all */
    bool tables_elsewhere, queue_elsewhere, properties_elsewhere;   /* not shareable */
    bool never_quiet;
    bool no_lpis, lpis_on, lpis_stay;
    unsigned stall_at;          /* the n-th command from now on; 0: none */
    bool silent;
    bool forgets_tables;        /* redistributors */
};

struct model_device {
    bool mapped;
    uint64_t table;
    uint32_t bits;
    struct { uint32_t lpi, collection; } event[4096];
};

#define MODEL_DEVICES 0x300u
#define MODEL_COLLECTIONS 512u

static struct model {
    struct traits is;
    uint32_t ctlr;
    uint64_t cbaser, cwriter, creadr, baser[8];
    struct { uint32_t ctlr; uint64_t properties, pending; } gicr[CPUS];
    unsigned commands, kinds[16];
    int target[MODEL_COLLECTIONS];      /* and one */
} m;
static struct model_device device[MODEL_DEVICES];
static unsigned mapped_lpi[65536];

static struct its s;

static bool in_cordons(uint64_t at, uint64_t size)
{
    return at >= MEMORY && at + size <= MEMORY + used_memory;
}

static uint64_t device_limit(void)
{
    uint64_t page = UINT64_C(4096) << 2 * (m.baser[0] >> 8 & 3);

    return ((m.baser[0] & 0xff) + 1) * page / ((m.baser[0] >> 48 & 0x1f) + 1);
}

static uint64_t name_of(unsigned cpu)
{
    return (m.is.typer >> 19 & 1) != 0 ? (REDISTRIBUTORS + cpu * STRIDE) >> 16 : cpu;
}

static int cpu_of(uint64_t target)
{
    for (unsigned i = 0; i < CPUS; i++) {
        if (name_of(i) == target)
            return (int)i;
    }
    return -1;
}

/* A table of a device's lies in units of its own, and has nothing in it. */
static void check_table(uint32_t id, uint64_t table, uint32_t bits)
{
    uint64_t size = ((m.is.typer >> 4 & 0xf) + 1) << bits;

    want(table % 256 == 0, "a table that is not aligned");
    want(table >= s.tables && table + size <= s.tables + ITS_UNITS * s.unit_size, "a table outside of those of Cordon's");
    for (uint32_t i = 0; i < MODEL_DEVICES; i++) {
        uint64_t other = ((m.is.typer >> 4 & 0xf) + 1) << device[i].bits;

        want(i == id || !device[i].mapped || table + size <= device[i].table || device[i].table + other <= table, "two devices have one table");
    }
    for (uint64_t i = 0; i < size && in_cordons(table, size); i++) {
        if (cpu_memory[table - MEMORY + i] != 0) {
            want(false, "a table that is not zero");
            break;
        }
    }
}

static void map_device(const uint64_t w[4])
{
    uint32_t id = (uint32_t)(w[0] >> 32);

    want((w[0] & 0xffffff00) == 0 && (w[1] & ~UINT64_C(0x1f)) == 0 && w[3] == 0, "MAPD: bits that have no meaning");
    if (id >= MODEL_DEVICES || id >= device_limit()) {
        want(false, "MAPD: a device beyond the table");
        return;
    }
    if (w[2] >> 63 == 0) {
        want(w[2] == 0 && w[1] == 0, "MAPD: bits that have no meaning");
        want(device[id].mapped, "MAPD: what is not mapped is unmapped");
        for (uint32_t i = 0; i < 1u << device[id].bits; i++)
            mapped_lpi[device[id].event[i].lpi] = 0;
        memset(&device[id], 0, sizeof device[id]);
        if (device[id].table != 0)
            memset(cpu_memory + (device[id].table - MEMORY), 0xee, 64);
        return;
    }
    want(!device[id].mapped, "MAPD: a device that is mapped is mapped");
    want((w[1] & 0x1f) + 1 <= (m.is.typer >> 8 & 0x1f) + 1, "MAPD: more events than there can be");
    check_table(id, w[2] & UINT64_C(0xfffffffffff00), (uint32_t)(w[1] & 0x1f) + 1);
    device[id].mapped = true;
    device[id].table = w[2] & UINT64_C(0xfffffffffff00);
    device[id].bits = (uint32_t)(w[1] & 0x1f) + 1;
    memset(cpu_memory + (device[id].table - MEMORY), 0xdd, 64);     /* it writes there, and somebody has to clear it up */
}

static void map_collection(const uint64_t w[4])
{
    uint32_t id = (uint32_t)(w[2] & 0xffff);

    want(w[0] == 9 && w[1] == 0 && w[3] == 0, "MAPC: bits that have no meaning");
    if (id >= MODEL_COLLECTIONS) {
        want(false, "MAPC: a collection beyond the table");
        return;
    }
    if (w[2] >> 63 == 0) {
        for (uint32_t d = 0; d < MODEL_DEVICES; d++) {
            for (uint32_t i = 0; device[d].mapped && i < 1u << device[d].bits; i++)
                want(device[d].event[i].lpi == 0 || device[d].event[i].collection != id, "MAPC: events lose their collection");
        }
        want(m.target[id] != 0, "MAPC: what is not mapped is unmapped");
        m.target[id] = 0;
        return;
    }
    want((w[2] & UINT64_C(0x7ff0000000000000)) == 0, "MAPC: bits that have no meaning");
    m.target[id] = cpu_of(w[2] >> 16 & UINT64_C(0xfffffffff)) + 1;
    want(m.target[id] != 0, "MAPC: no redistributor");
}

/* An event that a device has; NULL, and said, where there is none. */
static uint32_t *event_of(const uint64_t w[4], bool mapped)
{
    uint32_t id = (uint32_t)(w[0] >> 32), event = (uint32_t)w[1];

    if (id >= MODEL_DEVICES || !device[id].mapped || event >= 1u << device[id].bits) {
        want(false, "an event that no device has");
        return NULL;
    }
    want(!mapped || device[id].event[event].lpi != 0, "an event that is not mapped");
    return &device[id].event[event].lpi;
}

static void map_event(const uint64_t w[4])
{
    uint32_t *e = event_of(w, false);
    uint32_t lpi = (uint32_t)(w[1] >> 32);
    uint32_t collection = (uint32_t)(w[2] & 0xffff);

    want(w[2] >> 16 == 0 && w[3] == 0, "MAPTI: bits that have no meaning");
    if (e == NULL || lpi < 8192 || lpi >= 65536 || collection >= MODEL_COLLECTIONS) {
        want(false, "MAPTI: an LPI or a collection that there is not");
        return;
    }
    want(*e == 0, "MAPTI: an event that is mapped");
    want(mapped_lpi[lpi] == 0, "MAPTI: an LPI that another event has");
    want(m.target[collection] != 0, "MAPTI: a collection that is not mapped");
    mapped_lpi[lpi] = 1;
    e[0] = lpi;
    e[1] = collection;
}

static void check_rest(const uint64_t w[4], uint64_t second, uint64_t third)
{
    want((w[0] & 0xffffff00) == 0 && (w[1] & ~UINT64_C(0xffffffff)) == 0 && (w[2] & ~second) == 0 && (w[3] & ~third) == 0,
         "bits that have no meaning");
}

static void do_command(const uint64_t w[4])
{
    const uint64_t targets = UINT64_C(0xfffffffff0000);
    uint32_t *e;

    m.kinds[w[0] & 0xf]++;
    switch (w[0] & 0xff) {
    case 0x08: map_device(w); break;
    case 0x09: map_collection(w); break;
    case 0x0a: map_event(w); break;
    case 0x01:
        check_rest(w, 0xffff, 0);
        want(m.target[w[2] & 0x1ff] != 0 && (w[2] & 0xffff) < MODEL_COLLECTIONS, "MOVI: a collection that is not mapped");
        e = event_of(w, true);
        if (e != NULL)
            e[1] = (uint32_t)w[2];
        break;
    case 0x03:
    case 0x04:
    case 0x0c:
        check_rest(w, 0, 0);
        (void)event_of(w, true);
        break;
    case 0x0f:
        check_rest(w, 0, 0);
        e = event_of(w, true);
        if (e != NULL) {
            mapped_lpi[e[0]] = 0;
            e[0] = e[1] = 0;
        }
        break;
    case 0x05:
        check_rest(w, targets, 0);
        want(w[0] == 5 && cpu_of(w[2] >> 16) >= 0, "SYNC: no redistributor");
        break;
    case 0x0d:
        check_rest(w, 0xffff, 0);
        want(w[0] == 0xd && w[1] == 0 && m.target[w[2] & 0x1ff] != 0 && w[2] < MODEL_COLLECTIONS, "INVALL: a collection that is not mapped");
        break;
    case 0x0e:
        check_rest(w, targets, targets);
        want(w[0] == 0xe && cpu_of(w[2] >> 16) >= 0 && cpu_of(w[3] >> 16) >= 0, "MOVALL: no redistributor");
        break;
    default: want(false, "a command that there is not");
    }
}

static void consume(void)
{
    uint64_t size = ((m.cbaser & 0xff) + 1) * 4096;
    uint64_t queue = m.cbaser & UINT64_C(0xffffffffff000);

    if ((m.ctlr & 1) == 0)
        return;
    want(in_cordons(queue, size) && m.cbaser >> 63 == 1, "the ITS has no queue of Cordon's");
    while (!m.is.silent && (m.creadr & 1) == 0 && m.creadr != m.cwriter && in_cordons(queue, size)) {
        uint64_t w[4];

        if (m.is.stall_at > 0 && --m.is.stall_at == 0) {
            m.creadr |= 1;
            return;
        }
        memcpy(w, its_view + (queue - MEMORY) + m.creadr, 32);
        do_command(w);
        m.commands++;
        m.creadr = (m.creadr + 32) % size;
    }
}

void its_before_register(void)
{
    if (view_of_all)
        memcpy(its_view, cpu_memory, used_memory);
    else
        memcpy(its_view + (s.commands - MEMORY), cpu_memory + (s.commands - MEMORY), 4096);
}

void its_after_register(void) { }

/* ---- registers ---- */

static unsigned redistributor(uint64_t base)
{
    unsigned n = (unsigned)((base - REDISTRIBUTORS) / STRIDE);

    if (base < REDISTRIBUTORS || n >= CPUS || (base - REDISTRIBUTORS) % STRIDE != 0) {
        want(false, "registers of nobody");
        return 0;
    }
    return n;
}

uint32_t its_read(uint64_t base, uint32_t offset)
{
    if (base == REGISTERS) {
        switch (offset) {
        case 0x00: return m.ctlr | (m.is.never_quiet || (m.ctlr & 1) != 0 ? 0 : 1u << 31);
        case 0x04: return 0x43b;
        case 0xffe8: return m.is.pidr2;
        default: return offset >= 0xffd0 && offset < 0x10000 ? offset : 0xbad;
        }
    }
    switch (offset) {
    case 0x00: return m.gicr[redistributor(base)].ctlr;
    case 0x08: return (m.is.no_lpis ? 0 : 1) | redistributor(base) << 8;
    default: want(false, "a register is read that there is no need to read"); return 0;
    }
}

/* LPIs are enabled with tables of Cordon's, each with its own. */
static void check_lpis(unsigned n)
{
    uint64_t properties = m.gicr[n].properties & UINT64_C(0xffffffffff000);
    uint64_t pending = m.gicr[n].pending & UINT64_C(0xffffffffff0000);

    want(properties == s.properties && (m.gicr[n].properties & 0x1f) == s.lpi_bits - 1, "LPIs with other properties than Cordon's");
    want(in_cordons(pending, 8192) && pending % 65536 == 0, "LPIs with a pending table that is not Cordon's");
    for (unsigned i = 0; i < CPUS; i++)
        want(i == n || (m.gicr[i].pending & UINT64_C(0xffffffffff0000)) != pending, "two CPUs have one pending table");
}

void its_write(uint64_t base, uint32_t offset, uint32_t value)
{
    unsigned n;

    if (base == REGISTERS) {
        want(offset == 0 && value <= 1, "a register is written that there is no need to write");
        m.ctlr = value;
        consume();
        return;
    }
    n = redistributor(base);
    want(offset == 0, "a register is written that there is no need to write");
    if ((value & 1) != 0 && (m.gicr[n].ctlr & 1) == 0)
        check_lpis(n);
    if (m.is.lpis_stay)
        value |= m.gicr[n].ctlr & 1;
    m.gicr[n].ctlr = value;
}

uint64_t its_read_long(uint64_t base, uint32_t offset)
{
    if (base != REGISTERS)
        return offset == 0x70 ? m.gicr[redistributor(base)].properties : m.gicr[redistributor(base)].pending;
    if (offset >= 0x100 && offset < 0x140)
        return m.baser[(offset - 0x100) / 8];
    switch (offset) {
    case 0x08: return m.is.typer;
    case 0x80: return m.cbaser;
    case 0x90: return m.creadr;
    default: want(false, "a register is read that there is no need to read"); return 0;
    }
}

static void write_baser(unsigned n, uint64_t value)
{
    const uint64_t fixed = UINT64_C(0x71f) << 48;

    want((m.ctlr & 1) == 0, "a table is changed while the ITS is enabled");
    value = (value & ~fixed) | (m.is.fixed[n] & fixed);
    if (m.is.page >= 0)
        value = (value & ~UINT64_C(0x300)) | (uint64_t)m.is.page << 8;
    if (m.is.tables_elsewhere)
        value &= ~UINT64_C(0xc00);
    m.baser[n] = m.is.fixed[n] >> 56 == 0 ? 0 : value;
    if (value >> 63 == 1) {
        uint64_t page = UINT64_C(4096) << 2 * (value >> 8 & 3);

        want(in_cordons(value & UINT64_C(0xfffffffff000), ((value & 0xff) + 1) * page) && (value & UINT64_C(0xfffffffff000)) % page == 0,
             "a table of the ITS's that is not Cordon's");
        want(value >> 62 == 2, "a table of two levels");
    }
}

void its_write_long(uint64_t base, uint32_t offset, uint64_t value)
{
    if (base != REGISTERS) {
        unsigned n = redistributor(base);

        want((m.gicr[n].ctlr & 1) == 0, "tables of a redistributor's are changed while LPIs are enabled");
        if (m.is.properties_elsewhere)
            value &= ~UINT64_C(0xc00);
        if (offset == 0x70)
            m.gicr[n].properties = value;
        else
            m.gicr[n].pending = m.is.forgets_tables ? value & 0xfff : value & ~(UINT64_C(1) << 62);
        return;
    }
    if (offset >= 0x100 && offset < 0x140) {
        write_baser((offset - 0x100) / 8, value);
        return;
    }
    switch (offset) {
    case 0x80:
        want((m.ctlr & 1) == 0, "the queue is changed while the ITS is enabled");
        m.cbaser = m.is.queue_elsewhere ? value & ~UINT64_C(0xc00) : value;
        m.creadr = 0;
        break;
    case 0x88:
        m.cwriter = value;
        consume();
        break;
    default: want(false, "a register is written that there is no need to write"); break;
    }
}

/* ---- a machine ---- */

static const struct traits qemu = {
    .typer = UINT64_C(0x1f001e0fb1),        /* entries of 12 bytes, 16 bits of devices, events and collections */
    .pidr2 = 0x3b, .fixed = { UINT64_C(0x0107) << 48, UINT64_C(0x0407) << 48 }, .page = -1,
};

#define DISTRIBUTOR 0x780000u               /* 16 bits */
static const struct its_range ranges[] = { { 0, 0x100 }, { 0x200, 0x80 } };

static bool make(struct traits t)
{
    uint64_t end;

    memset(&m, 0, sizeof m);
    memset(device, 0, sizeof device);
    memset(mapped_lpi, 0, sizeof mapped_lpi);
    memset(cpu_memory, 0, sizeof cpu_memory);
    memset(&s, 0, sizeof s);
    memset(refusals, 0, sizeof refusals);
    memset(host_may, 1, sizeof host_may);
    refused = 0;
    view_of_all = false;
    m.is = t;
    m.ctlr = 1;                             /* as firmware may leave it */
    for (unsigned i = 0; i < 8; i++)
        m.baser[i] = t.fixed[i];
    for (unsigned i = 0; i < CPUS; i++)
        m.gicr[i].ctlr = t.lpis_on ? 1 : 0;
    s.base = REGISTERS;
    s.range[0] = ranges[0];
    s.range[1] = ranges[1];
    s.ranges = 2;
    used_memory = 0;
    m.ctlr = 0;
    for (unsigned i = 0; i < CPUS; i++) {
        if (!lpi_is_usable(REDISTRIBUTORS + i * STRIDE))
            return false;
    }
    if (!its_identify(&s, DISTRIBUTOR, CPUS))
        return false;
    end = its_place(&s, MEMORY, CPUS);
    used_memory = end - MEMORY;
    want(used_memory <= MEMORY_SIZE, "more memory than there is");
    its_start(&s);
    for (unsigned i = 0; i < CPUS; i++)
        its_add_target(&s, REDISTRIBUTORS + i * STRIDE);
    return true;
}

/* ---- a host ---- */

#define QUEUE_PAGE 2u
#define QUEUE_PAGES 16u
#define PROPERTY_PAGE 32u
#define QUEUE (HOST + QUEUE_PAGE * 4096)
#define PROPERTIES (HOST + PROPERTY_PAGE * 4096)

static uint64_t next;                       /* of the host's queue: an offset */

static uint64_t get(uint32_t offset) { return its_shadow_read(&s, offset, 8); }
static bool put(uint32_t offset, uint64_t value) { return its_shadow_write(&s, offset, 8, value); }

static uint32_t gicr_get(unsigned cpu, uint32_t offset)
{
    uint32_t value = 0xbad;

    want(lpi_read(&s.target[cpu], offset, &value), "a register of LPIs is not read");
    return value;
}

static void gicr_put(unsigned cpu, uint32_t offset, uint64_t value)
{
    want(lpi_write(&s, &s.target[cpu], offset, (uint32_t)value), "a register of LPIs is not written");
    if (offset != 0)
        want(lpi_write(&s, &s.target[cpu], offset + 4, (uint32_t)(value >> 32)), "a register of LPIs is not written");
}

/* As Linux does it: LPIs of each CPU, tables of two levels, a queue of 64 KiB. */
static void host_begins(void)
{
    const uint64_t tables = UINT64_C(0xb8000000000005ff);

    for (unsigned i = 0; i < CPUS; i++) {
        gicr_put(i, 0x70, PROPERTIES | 0x78f);
        gicr_put(i, 0x78, (HOST + 0x10000) | 0x780);
        gicr_put(i, 0, 1);
        want((gicr_get(i, 0) & 1) == 1, "LPIs are not enabled");
    }
    want(put(0x100, tables | HOST | UINT64_C(1) << 62), "a table is not taken");
    want(get(0x100) == ((tables & ~(UINT64_C(0x71f) << 48)) | HOST | UINT64_C(1) << 62 | UINT64_C(0x0107) << 48), "a table is not shown as it was written");
    want(put(0x108, tables | (HOST + 0x10000)), "a table is not taken");
    want(put(0x80, UINT64_C(0xb800000000000400) | QUEUE | (QUEUE_PAGES - 1)), "a queue is not taken");
    want(get(0x80) == (UINT64_C(0xb800000000000400) | QUEUE | (QUEUE_PAGES - 1)), "a queue is not shown as it was written");
    want(put(0x88, 0) && get(0x90) == 0, "a queue begins elsewhere");
    next = 0;
    want(put(0, 1), "it is not enabled");
    want((get(0) & 1) == 1 && m.ctlr == 1, "it is not enabled");
}

static void queue_up(uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
    uint64_t w[4] = { w0, w1, w2, w3 };

    memcpy(host_memory[QUEUE_PAGE] + next, w, 32);
    next = (next + 32) % (QUEUE_PAGES * 4096);
}

/* All that was queued is done; at most `polls` looks. */
static void submit_within(unsigned polls)
{
    want(put(0x88, next), "the queue's end is not taken");
    for (unsigned i = 0; i < polls; i++) {
        if (get(0x90) == next)
            return;
    }
    want(get(0x90) == next, "the host waits for its queue");
}

static unsigned one(uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
    unsigned before = refused;

    queue_up(w0, w1, w2, w3);
    submit_within(40);
    return refused - before;
}

#define V (UINT64_C(1) << 63)
static unsigned mapd(uint32_t id, uint32_t bits) { return one(8 | (uint64_t)id << 32, bits - 1, V | HOST, 0); }
static unsigned unmapd(uint32_t id) { return one(8 | (uint64_t)id << 32, 0, 0, 0); }
static unsigned mapc(uint32_t collection, uint64_t target) { return one(9, 0, V | target << 16 | collection, 0); }
static unsigned mapti(uint32_t id, uint32_t event, uint32_t lpi, uint32_t collection)
{
    return one(10 | (uint64_t)id << 32, event | (uint64_t)lpi << 32, collection, 0);
}
static unsigned on_event(unsigned kind, uint32_t id, uint32_t event, uint32_t collection)
{
    return one(kind | (uint64_t)id << 32, event, collection, 0);
}

static uint8_t *host_property(uint32_t lpi)
{
    return &host_memory[PROPERTY_PAGE + (lpi - 8192) / 4096][(lpi - 8192) % 4096];
}

static uint8_t property(uint32_t lpi)
{
    return cpu_memory[s.properties - MEMORY + lpi - 8192];
}

/* ---- what it is ---- */

static void test_identify(void)
{
    struct traits t;

    name = "identify";
    want(make(qemu), "QEMU's is not taken");
    want(s.devices.pages == 2 && s.devices.page == 0, "a table for 0x280 devices of 8 bytes");
    t = qemu; t.typer &= ~UINT64_C(1); want(!make(t), "one without physical LPIs is taken");
    t = qemu; t.pidr2 = 0x2b; want(!make(t), "one of another version is taken");
    t = qemu; t.pidr2 = 0x4b; want(make(t), "a GICv4 is not taken");
    t = qemu; t.never_quiet = true; want(!make(t), "one that does not come to rest is taken");
    t = qemu; t.fixed[0] = 0; want(!make(t), "one without a table of devices is taken");
    t = qemu; t.fixed[1] = 0; want(!make(t), "one without collections is taken");
    t = qemu; t.fixed[1] = 0; t.typer |= UINT64_C(16) << 24; want(make(t), "one that holds collections itself is not taken");
    want((get(8) >> 24 & 0xff) == 16 && s.collections == 16, "collections that it holds are not shown");
    t = qemu; t.fixed[1] = 0; t.typer |= UINT64_C(3) << 24; want(!make(t), "one that holds too few is taken");
    t = qemu; t.typer &= ~(UINT64_C(0x1f) << 13); t.typer |= UINT64_C(8) << 13; want(!make(t), "one that knows too few devices is taken");
    t = qemu; t.typer &= ~(UINT64_C(0x1f) << 13); t.typer |= UINT64_C(9) << 13; want(make(t), "one that knows just enough is not taken");
    t = qemu; t.tables_elsewhere = true; want(!make(t), "one whose tables are not coherent is taken");
    t = qemu; t.queue_elsewhere = true; want(!make(t), "one whose queue is not coherent is taken");
    t = qemu; t.properties_elsewhere = true; want(!make(t), "redistributors that are not coherent are taken");
    t = qemu; t.no_lpis = true; want(!make(t), "redistributors without LPIs are taken");
    t = qemu; t.lpis_on = true; want(!make(t), "redistributors whose LPIs are on are taken");
    for (int page = 0; page < 3; page++) {
        t = qemu;
        t.page = page;
        want(make(t) && s.devices.page == (unsigned)page, "one with pages of one size is not taken");
        host_begins();
        want(mapd(1, 5) == 0, "MAPD");
    }
}

/* ---- registers ---- */

static void test_registers(void)
{
    name = "registers";
    make(qemu);
    want((get(8) & UINT64_C(0x1f000be0f1)) == (qemu.typer & UINT64_C(0x1f000be0f1)), "TYPER is another");
    want((get(8) >> 8 & 0x1f) + 1 == ITS_EVENT_BITS, "TYPER has other events");
    want((get(8) & 0xe) == 0 && get(8) >> 36 == 1, "TYPER shows what is not there");
    want(get(0) >> 32 == 0x43b && (get(0) & UINT32_MAX) == 1u << 31, "CTLR or IIDR");
    want(its_shadow_read(&s, 4, 4) == 0x43b && its_shadow_read(&s, 0xffe8, 4) == 0x3b, "halves");
    for (unsigned i = 2; i < 8; i++)
        want(put(0x100 + 8 * i, ~UINT64_C(0)) && get(0x100 + 8 * i) == 0, "a table that there is not");
    want(!put(0x10, 1) && !put(8, 0) && !put(0x90, 32) && !put(0xffd0, 1) && !put(0x10000 - 8, 1), "what is read-only is written");
    want(!put(0x88, 0), "the end of a queue that there is not");
    for (uint64_t bit = 0; bit < 64; bit++) {
        uint64_t v = UINT64_C(1) << bit;

        want(put(0x100, v) && get(0x100) == ((v & ~(UINT64_C(0x71f) << 48)) | UINT64_C(0x0107) << 48), "BASER0 is another");
    }
    want(its_shadow_write(&s, 0x84, 4, 0xb8000000) && its_shadow_write(&s, 0x80, 4, QUEUE | 1), "halves are not written");
    want(get(0x80) == (UINT64_C(0xb800000000000000) | QUEUE | 1), "halves are another");
    want(put(0x88, 0x1fe0) && get(0x88) == 0x1fe0 && !put(0x88, 0x2000) && get(0x88) == 0x1fe0, "beyond the queue's end");
    want(put(0x88, 0), "the queue's end");
    want(m.commands == 0, "commands are done while it is not enabled");
    host_begins();
    want(!put(0x100, V) && !put(0x80, V), "tables or the queue are changed while it is enabled");
    want(!its_shadow_write(&s, 4, 4, 1) && (get(0) & 1) == 1, "IIDR is written");
    want(put(0, 0) && m.ctlr == 0 && (get(0) & 1) == 0 && get(0) >> 31 & 1, "it is not disabled");
}

/* ---- LPIs ---- */

static void test_lpis(void)
{
    struct traits t = qemu;
    uint8_t *pending;

    name = "lpis";
    make(qemu);
    for (uint64_t bit = 0; bit < 64; bit++) {
        gicr_put(1, 0x70, UINT64_C(1) << bit);
        want((gicr_get(1, 0x70) | (uint64_t)gicr_get(1, 0x74) << 32) == UINT64_C(1) << bit, "PROPBASER is another");
        gicr_put(1, 0x78, UINT64_C(1) << bit);
        want((gicr_get(1, 0x78) | (uint64_t)gicr_get(1, 0x7c) << 32) == (bit == 62 ? 0 : UINT64_C(1) << bit), "PENDBASER is another");
    }
    host_begins();
    gicr_put(1, 0x70, 0);
    gicr_put(1, 0x78, 0);
    want(gicr_get(1, 0x70) == (uint32_t)(PROPERTIES | 0x78f), "tables are changed while LPIs are enabled");
    pending = cpu_memory + (s.pending + LPI_PENDING_SIZE - MEMORY);
    memset(pending, 0xff, 8192);
    gicr_put(1, 0, 0);
    want((m.gicr[1].ctlr & 1) == 0, "LPIs are not disabled");
    gicr_put(1, 0, 1);
    want(pending[0] == 0xff && pending[8191] == 0xff, "what waits is lost");
    gicr_put(1, 0, 0);
    gicr_put(1, 0x78, (HOST + 0x20000) | 0x780);
    gicr_put(1, 0, 1);
    want(pending[0] == 0 && pending[8191] == 0, "with another table the same waits");
    m.gicr[0].ctlr |= 6;
    want((gicr_get(0, 0) & 4) == 0 && (gicr_get(0, 0) & 2) == 2, "registers that invalidate are shown");
    want(!lpi_read(&s.target[0], 0xa0, &(uint32_t){ 0 }) && !lpi_write(&s, &s.target[0], 0xa0, 8192), "registers that invalidate are served");
    t.forgets_tables = true;
    make(t);
    gicr_put(2, 0, 1);
    want((gicr_get(2, 0) & 1) == 0, "LPIs are enabled with tables that are not Cordon's");
    t = qemu;
    make(t);
    host_begins();
    want(its_stop(&s) && m.ctlr == 0 && m.gicr[0].ctlr == 0 && m.gicr[3].ctlr == 0, "it is not stopped");
    (void)put(0, 0);
    (void)put(0, 1);
    gicr_put(0, 0, 1);
    want(m.ctlr == 0 && m.gicr[0].ctlr == 0 && (get(0) & 1) == 0, "what was stopped is begun again");
    make(t);
    host_begins();
    m.is.lpis_stay = true;
    want(!its_stop(&s) && m.ctlr == 0, "LPIs that stay are not told of");
}

/* ---- commands, one by one ---- */

static void test_commands(void)
{
    name = "commands";
    make(qemu);
    host_begins();
    want(mapc(0, name_of(0)) == 0 && mapc(3, name_of(3)) == 0, "MAPC");
    want(mapc(4, 17) == 1 && refusals[ITS_NO_TARGET] == 1, "MAPC to nobody");
    want(mapc(ITS_COLLECTIONS, name_of(0)) == 1 && refusals[ITS_NO_COLLECTION] == 1, "MAPC of none");
    want(mapd(5, 5) == 0 && device[5].mapped && device[5].bits == 5, "MAPD");
    want(mapd(0x100, 5) == 1 && mapd(0x1ff, 5) == 1 && mapd(0x280, 1) == 1 && mapd(UINT32_MAX, 1) == 1 && refusals[ITS_NO_DEVICE] == 4, "MAPD of others' devices");
    want(mapd(0x27f, ITS_EVENT_BITS) == 0 && mapd(6, ITS_EVENT_BITS + 1) == 1 && mapd(6, 32) == 1 && refusals[ITS_NO_ROOM] == 2, "MAPD of too many events");
    want(unmapd(7) == 1, "MAPD of nothing");
    want(mapti(5, 31, 8192, 0) == 0 && device[5].event[31].lpi == 8192, "MAPTI");
    want(mapti(5, 32, 8193, 0) == 1 && mapti(6, 0, 8193, 0) == 1 && mapti(5, UINT32_MAX, 8193, 0) == 1, "MAPTI of no event");
    want(mapti(5, 0, 8192, 0) == 1 && refusals[ITS_NO_LPI] == 1, "MAPTI of another's LPI");
    want(mapti(5, 0, 8191, 0) == 1 && mapti(5, 0, 0, 0) == 1 && mapti(5, 0, 65536, 0) == 1 && mapti(5, 0, UINT32_MAX, 0) == 1 && refusals[ITS_NO_LPI] == 5, "MAPTI of no LPI");
    want(mapti(5, 0, 65535, 1) == 1 && mapti(5, 0, 65535, 0xffff) == 1, "MAPTI to no collection");
    want(mapti(5, 0, 65535, 3) == 0 && mapti(5, 31, 8192, 3) == 0 && device[5].event[31].collection == 3, "MAPTI anew");
    want(on_event(0xb, 5, 1, 0) == 1, "MAPI");
    for (unsigned kind = 1; kind < 16; kind++) {
        bool known = kind == 3 || kind == 4 || kind == 0xc;

        want(!known || on_event(kind, 5, 31, 0) == 0, "INT, CLEAR, INV");
        want(!known || (on_event(kind, 5, 1, 0) == 1 && on_event(kind, 5, 32, 0) == 1 && on_event(kind, 6, 31, 0) == 1), "INT, CLEAR, INV of nothing");
    }
    want(on_event(1, 5, 31, 0) == 0 && device[5].event[31].collection == 0, "MOVI");
    want(on_event(1, 5, 31, 1) == 1 && on_event(1, 5, 1, 0) == 1 && device[5].event[31].collection == 0, "MOVI to nowhere");
    want(one(9, 0, 3, 0) == 1 && m.target[3] != 0, "MAPC takes away what events go to");
    want(on_event(0xf, 5, 0, 0) == 0 && on_event(0xf, 5, 0, 0) == 1 && device[5].event[0].lpi == 0, "DISCARD");
    want(one(9, 0, 3, 0) == 0 && m.target[3] == 0 && one(9, 0, 3, 0) == 1, "MAPC takes away");
    want(one(5, 0, name_of(2) << 16, 0) == 0 && one(5, 0, UINT64_C(4) << 16, 0) == 1, "SYNC");
    want(one(0xe, 0, name_of(2) << 16, name_of(0) << 16) == 0 && one(0xe, 0, name_of(2) << 16, UINT64_C(9) << 16) == 1 &&
         one(0xe, 0, UINT64_C(9) << 16, name_of(2) << 16) == 1, "MOVALL");
    want(one(0xd, 0, 0, 0) == 0 && one(0xd, 0, 3, 0) == 1, "INVALL");
    for (unsigned kind = 0; kind < 256; kind++) {
        bool known = kind == 1 || (kind >= 3 && kind <= 5) || (kind >= 8 && kind <= 15);
        unsigned before = refusals[ITS_UNKNOWN];

        want(known || (one(kind | UINT64_C(5) << 32, 31, 0, 0) == 1 && refusals[ITS_UNKNOWN] == before + 1), "a command that there is not");
    }
    want(mapti(5, 31, 8192, 0) + mapd(5, 6) == 0 && device[5].bits == 6 && device[5].event[31].lpi == 0, "MAPD anew");
    want(mapti(5, 63, 8192, 0) == 0, "an LPI that was free");
    want(unmapd(5) == 0 && !device[5].mapped && mapd(9, 6) == 0 && mapti(9, 1, 8192, 0) == 0, "MAPD takes away");
}

/* All bits that mean nothing are one: none of them arrives. */
static void test_reserved(void)
{
    name = "reserved";
    make(qemu);
    host_begins();
    want(one(9 | UINT64_C(0xffffffffffffff00), ~UINT64_C(0), V | UINT64_C(0x7ff0000000000000) | name_of(1) << 16 | 1, ~UINT64_C(0)) == 0, "MAPC");
    want(one(8 | UINT64_C(0x3ffffff00), ~UINT64_C(0) << 5 | 4, ~UINT64_C(0), ~UINT64_C(0)) == 0 && device[3].bits == 5, "MAPD");
    want(one(10 | UINT64_C(0x3ffffff00), 7 | UINT64_C(8200) << 32, UINT64_C(0xffffffffffff0000) | 1, ~UINT64_C(0)) == 0, "MAPTI");
    want(one(1 | UINT64_C(0x3ffffff00), 7 | UINT64_C(0xffffffff) << 32, UINT64_C(0xffffffffffff0000) | 1, ~UINT64_C(0)) == 0, "MOVI");
    want(one(12 | UINT64_C(0x3ffffff00), 7 | UINT64_C(0xffffffff) << 32, ~UINT64_C(0), ~UINT64_C(0)) == 0, "INV");
    want(one(13 | UINT64_C(0xffffffffffffff00), ~UINT64_C(0), UINT64_C(0xffffffffffff0000) | 1, ~UINT64_C(0)) == 0, "INVALL");
    want(one(5 | UINT64_C(0xffffffffffffff00), ~UINT64_C(0), UINT64_C(0xfff000000000ffff) | name_of(1) << 16, ~UINT64_C(0)) == 0, "SYNC");
}

/* ---- the pool ---- */

static void test_pool(void)
{
    unsigned n = 0;

    name = "pool";
    make(qemu);
    host_begins();
    while (n < 0x100 && mapd(n, ITS_EVENT_BITS) == 0)
        n++;
    want(n == ITS_UNITS * ITS_UNIT >> ITS_EVENT_BITS && refusals[ITS_NO_ROOM] == 1, "as many tables as there is room for");
    want(mapd(n - 1, 1) == 0 && mapd(n, ITS_EVENT_BITS) == 1 && mapd(n, ITS_EVENT_BITS - 1) == 0, "what is given back is used");
    want(mapd(0, ITS_EVENT_BITS) == 0 && device[0].mapped, "a device's own place is used anew");
    want(mapd(n - 1, ITS_EVENT_BITS) == 1 && device[n - 1].bits == 1, "what is refused changes nothing");
    for (unsigned i = 0; i <= n; i++)
        want(unmapd(i) == 0, "tables are given back");
    for (n = 0; n < 0x100 && mapd(n, 1) == 0; n++)
        ;
    want(n == ITS_DEVICES, "as many devices as there is room for");
    want(mapd(0x200, 1) == 1 && mapd(0x80, 6) == 0 && unmapd(0x80) == 0 && mapd(0x200, 1) == 0, "one more device");
}

/* ---- properties ---- */

static void test_properties(void)
{
    name = "properties";
    make(qemu);
    view_of_all = true;
    host_begins();
    (void)mapc(0, name_of(0));
    (void)mapd(1, 8);
    for (unsigned i = 0; i < 256; i++) {
        *host_property(8192 + 31 * i) = (uint8_t)i;
        want(mapti(1, i, 8192 + 31 * i, 0) == 0, "MAPTI");
        want(property(8192 + 31 * i) == ((i & 0xfd) | 2), "MAPTI: the property is another");
        want(its_view[s.properties - MEMORY + 31 * i] == ((i & 0xfd) | 2), "MAPTI: the property comes behind");
    }
    *host_property(8192) = 0xa1;
    *host_property(8192 + 31) = 0xb1;
    *host_property(8193) = 0xc1;
    want(on_event(12, 1, 0, 0) == 0 && property(8192) == 0xa3 && property(8192 + 31) == 3 && property(8193) == 0, "INV: one property");
    want(its_view[s.properties - MEMORY] == 0xa3, "INV: the property comes behind");
    want(one(13, 0, 0, 0) == 0 && property(8192 + 31) == 0xb3 && property(8193) == 0, "INVALL: properties of what is mapped");
    want(its_view[s.properties - MEMORY + 31] == 0xb3, "INVALL: the property comes behind");
    host_may[PROPERTY_PAGE] = false;
    want(on_event(12, 1, 0, 0) == 0 && property(8192) == 2, "a page that the host may not read has properties");
    gicr_put(0, 0, 0);
    gicr_put(0, 0x70, UINT64_C(0xfffffffff000));
    want(on_event(12, 1, 255, 0) == 0 && property(8192 + 31 * 255) == 2, "a page that there is not has properties");
}

/* One access does a bounded part, and the rest comes with others. */
static void test_bounds(void)
{
    unsigned polls = 0;

    name = "bounds";
    make(qemu);
    host_begins();
    (void)mapc(0, name_of(0));
    (void)mapd(1, 12);
    for (unsigned i = 0; i < 896; i++) {
        *host_property(8192 + 64 * i) = 0xf1;
        want(mapti(1, i, 8192 + 64 * i, 0) == 0, "MAPTI");
        *host_property(8192 + 64 * i) = 0xe1;
    }
    for (unsigned i = 0; i < 100; i++)
        queue_up(5, 0, name_of(i % CPUS) << 16, 0);
    queue_up(13, 0, 0, 0);
    host_reads = 0;
    want(put(0x88, next), "the queue's end");
    want(m.kinds[5] == ITS_WORK && s.creadr != next && host_reads <= ITS_WORK, "one access does too much");
    while (s.creadr != next && polls++ < 1000) {
        host_reads = 0;
        (void)get(0x90);
        want(host_reads <= 2 * ITS_WORK + 1, "one access does too much");
    }
    want(polls >= 28 && polls < 60 && m.kinds[13] == 1, "INVALL is not done in parts");
    for (unsigned i = 0; i < 896; i++)
        want(property(8192 + 64 * i) == 0xe3, "INVALL leaves something out");
}

/* ---- the queue ---- */

static void test_queue(void)
{
    unsigned before;

    name = "queue";
    make(qemu);
    host_begins();
    for (unsigned i = 0; i < 3 * QUEUE_PAGES * 128 + 5; i++)
        want(one(5, 0, name_of(i % CPUS) << 16, 0) == 0, "round and round");
    host_may[QUEUE_PAGE + next / 4096] = false;
    want(one(5, 0, name_of(0) << 16, 0) == 1 && refusals[ITS_UNREADABLE] == 1 && last_refused == 0, "a command where the host may not read");
    host_may[QUEUE_PAGE + next / 4096] = true;
    want(one(5, 0, name_of(0) << 16, 0) == 0, "goes on");
    before = m.commands;
    want(put(0, 0), "disabled");
    queue_up(5, 0, name_of(0) << 16, 0);
    want(put(0x88, next) && m.commands == before, "a command while it is not enabled");
    want(put(0, 1) && m.commands == before + 1 && get(0x90) == next, "what waited");
}

/* A host that is begun anew (kexec) finds nothing mapped; one that puts the same tables back finds all. */
static void test_forgets(void)
{
    uint64_t devices;

    name = "forgets";
    make(qemu);
    host_begins();
    (void)mapc(0, name_of(0));
    (void)mapc(1, name_of(1));
    (void)mapd(1, 5);
    (void)mapd(2, 5);
    want(mapti(1, 0, 8192, 0) == 0 && mapti(2, 0, 8193, 1) == 0, "MAPTI");
    devices = get(0x100);
    (void)put(0, 0);
    (void)put(0x100, devices);
    (void)put(0, 1);
    want(device[1].event[0].lpi == 8192 && m.target[1] != 0 && on_event(12, 1, 0, 0) == 0, "the same table is another");
    (void)put(0, 0);
    (void)put(0x100, devices ^ 0x10000);
    want(device[1].mapped, "it forgets before it is enabled");
    (void)put(0, 1);
    want(!device[1].mapped && !device[2].mapped && m.target[0] == 0 && m.target[1] == 0, "it does not forget");
    want(on_event(12, 1, 0, 0) == 1 && mapc(1, name_of(1)) == 0 && mapd(2, 2) == 0 && mapti(2, 0, 8192, 1) == 0, "and begins anew");
    for (unsigned i = 0; i < ITS_COLLECTIONS; i++)
        want(mapc(i, name_of(i % CPUS)) == 0, "MAPC of all");
    (void)put(0, 0);
    (void)put(0x100, devices);
    (void)put(0, 1);
    for (unsigned i = 0; i < ITS_COLLECTIONS; i++)
        want(m.target[i] == 0, "more collections than our queue holds are not forgotten");
}

/* ---- an ITS that does not obey ---- */

static void test_failures(void)
{
    unsigned before;

    name = "failures";
    make(qemu);
    host_begins();
    m.is.stall_at = 1;
    (void)one(5, 0, name_of(0) << 16, 0);
    want(!s.live && s.failure == ITS_COMMAND_ERROR, "an error of a command");
    before = m.commands;
    queue_up(5, 0, name_of(0) << 16, 0);
    want(put(0x88, next) && get(0x90) != next && m.commands == before, "it goes on");
    want(its_stop(&s), "and cannot be stopped");
    make(qemu);
    host_begins();
    m.is.silent = true;
    (void)mapd(1, 5);
    want(!s.live && s.failure == ITS_SILENT, "no answer");
    make(qemu);
    host_begins();
    (void)mapd(1, 5);
    m.is.stall_at = 1;
    (void)unmapd(1);
    want(!s.live && s.device[0].units == 1, "a table is given back that the ITS may have");
    want(refusals[ITS_BROKEN] == 1, "what was not done is not told");
}

/* ---- a host at random ---- */

#define SOME_DEVICES 6u
#define SOME_EVENTS 80u
#define SOME_COLLECTIONS 6u

static uint64_t seed;

static uint64_t draw(uint64_t bound)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % bound;
}

/* What the host has mapped, kept anew. */
static struct oracle {
    uint32_t bits[SOME_DEVICES];        /* 0: not mapped */
    uint32_t lpi[SOME_DEVICES][SOME_EVENTS];
    uint32_t to[SOME_DEVICES][SOME_EVENTS];
    bool collection[SOME_COLLECTIONS];
} o;

static unsigned users(uint32_t collection)
{
    unsigned n = 0;

    for (unsigned d = 0; d < SOME_DEVICES; d++)
        for (unsigned e = 0; e < SOME_EVENTS; e++)
            n += o.lpi[d][e] != 0 && o.to[d][e] == collection;
    return n;
}

static bool has_lpi(uint32_t lpi, uint32_t d, uint32_t e)
{
    for (unsigned i = 0; i < SOME_DEVICES; i++)
        for (unsigned k = 0; k < SOME_EVENTS; k++) {
            if (o.lpi[i][k] == lpi && (i != d || k != e))
                return true;
        }
    return false;
}

static bool has_event(uint32_t d, uint32_t e)
{
    return d < SOME_DEVICES && o.bits[d] != 0 && e < 1u << o.bits[d];
}

static uint64_t random_target(void)
{
    return draw(8) == 0 ? draw(UINT64_C(1) << 36) : name_of((unsigned)draw(CPUS));
}

/* One command; whether the host may have it, and what is mapped then. */
static bool random_command(void)
{
    static const uint8_t kinds[] = { 8, 8, 9, 9, 10, 10, 10, 10, 11, 1, 1, 3, 4, 12, 13, 14, 15, 15, 5, 5 };
    uint64_t kind = draw(40) == 0 ? draw(256) : kinds[draw(sizeof kinds)];
    uint32_t d = draw(12) == 0 ? (uint32_t)(0x280 + draw(UINT64_C(1) << 31)) : (uint32_t)draw(SOME_DEVICES);
    uint32_t e = draw(20) == 0 ? (uint32_t)(4096 + draw(UINT64_C(1) << 31)) : (uint32_t)draw(SOME_EVENTS);
    uint32_t lpi = draw(12) == 0 ? (draw(2) == 0 ? (uint32_t)draw(8192) : (uint32_t)(65536 + draw(UINT64_C(1) << 31))) : (uint32_t)(8192 + draw(300));
    uint32_t c = draw(12) == 0 ? 512 + (uint32_t)draw(65024) : (uint32_t)draw(SOME_COLLECTIONS);
    uint32_t bits = (uint32_t)draw(12) + 1;
    uint64_t target = random_target(), second = random_target();
    bool valid = draw(4) != 0;
    uint64_t junk = draw(2) == 0 ? 0 : ~UINT64_C(0);
    bool there = has_event(d, e), mapped = there && e < SOME_EVENTS && o.lpi[d][e] != 0;
    bool known = c < SOME_COLLECTIONS && o.collection[c];

    if (bits > 10)
        bits = bits == 11 ? 13 : 32;
    switch (kind) {
    case 8:
        queue_up(8 | (uint64_t)d << 32 | (junk & 0xffffff00), (bits - 1) | (junk & ~UINT64_C(0x1f)), (valid ? V : 0) | (junk & ~V), junk);
        if (d >= SOME_DEVICES || (valid ? bits > 10 : o.bits[d] == 0))
            return false;
        o.bits[d] = valid ? bits : 0;
        memset(o.lpi[d], 0, sizeof o.lpi[d]);
        return true;
    case 9:
        queue_up(9 | (junk << 8), junk, (valid ? V : 0) | (target << 16) | c | (junk & UINT64_C(0x7ff0000000000000)), junk);
        if (c >= SOME_COLLECTIONS || (valid ? cpu_of(target) < 0 : !known || users(c) != 0))
            return false;
        o.collection[c] = valid;
        return true;
    case 10:
    case 11:
        queue_up(kind | (uint64_t)d << 32 | (junk & 0xffffff00), e | (uint64_t)lpi << 32, c | (junk << 16), junk);
        if (kind == 11 || !there || lpi < 8192 || lpi >= 65536 || has_lpi(lpi, d, e) || !known)
            return false;
        o.lpi[d][e] = lpi;
        o.to[d][e] = c;
        return true;
    case 1:
        queue_up(1 | (uint64_t)d << 32 | (junk & 0xffffff00), e | (junk << 32), c | (junk << 16), junk);
        if (!mapped || !known)
            return false;
        o.to[d][e] = c;
        return true;
    case 3:
    case 4:
    case 12:
    case 15:
        queue_up(kind | (uint64_t)d << 32 | (junk & 0xffffff00), e | (junk << 32), junk, junk);
        if (mapped && kind == 15)
            o.lpi[d][e] = 0;
        return mapped;
    case 13:
        queue_up(13 | (junk << 8), junk, c | (junk << 16), junk);
        return known;
    case 5:
        queue_up(5 | (junk << 8), junk, target << 16 | (junk & UINT64_C(0xfff000000000ffff)), junk);
        return cpu_of(target) >= 0;
    case 14:
        queue_up(14 | (junk << 8), junk, target << 16 | (junk & UINT64_C(0xfff000000000ffff)), second << 16 | (junk & UINT64_C(0xfff000000000ffff)));
        return cpu_of(target) >= 0 && cpu_of(second) >= 0;
    default:
        queue_up(kind | (draw(UINT64_C(1) << 32) << 32), draw(UINT64_MAX), draw(UINT64_MAX), draw(UINT64_MAX));
        return false;
    }
}

static void compare(void)
{
    for (unsigned d = 0; d < SOME_DEVICES; d++) {
        want(device[d].mapped == (o.bits[d] != 0) && (!device[d].mapped || device[d].bits == o.bits[d]), "a device is mapped otherwise");
        for (unsigned e = 0; e < SOME_EVENTS && device[d].mapped; e++)
            want(device[d].event[e].lpi == o.lpi[d][e] && (o.lpi[d][e] == 0 || device[d].event[e].collection == o.to[d][e]), "an event is mapped otherwise");
    }
    for (unsigned c = 0; c < SOME_COLLECTIONS; c++)
        want((m.target[c] != 0) == o.collection[c], "a collection is mapped otherwise");
}

/* Commands that a host could send, and others; what it has mapped is what the ITS has. */
static void test_random(uint64_t commands)
{
    static char text[64];
    uint64_t from = seed;

    (void)snprintf(text, sizeof text, "random commands, seed %llu", (unsigned long long)from);
    name = text;
    make(qemu);
    memset(&o, 0, sizeof o);
    host_begins();
    while (commands > 0 && failures == 0) {
        unsigned n = (unsigned)draw(70) + 1, wrong = 0, before = refused;

        for (unsigned i = 0; i < n; i++)
            wrong += !random_command();
        submit_within(200);
        want(refused - before == wrong, "a command is refused that is right, or the other way round");
        compare();
        commands -= commands < n ? commands : n;
    }
}

/* Any bits, also to the registers, with pages that may be read and others. What arrives is right: the model looks. */
static void test_noise(uint64_t commands)
{
    static char text[64];

    (void)snprintf(text, sizeof text, "noise, seed %llu", (unsigned long long)seed);
    name = text;
    make(qemu);
    host_begins();
    while (commands > 0 && failures == 0) {
        unsigned n = (unsigned)draw(60) + 1;

        for (unsigned i = 0; i < n; i++) {
            uint64_t mask = draw(3) == 0 ? 0xff : UINT64_MAX;

            queue_up((draw(16) + (draw(9) == 0 ? draw(UINT64_MAX) : 0)) | draw(0x300) << 32, draw(UINT64_MAX) & (mask | UINT64_C(0x3fff) << 32),
                     draw(UINT64_MAX) & (V | UINT64_C(0x3ffff) | mask), draw(UINT64_MAX) & mask << 16);
        }
        for (unsigned i = 0; i < 3; i++)
            host_may[draw(HOST_PAGES)] = draw(2) == 0;
        if (draw(20) == 0)
            (void)put((uint32_t)draw(0x30) * 8, draw(UINT64_MAX));
        if (draw(20) == 0) {
            (void)put(0, draw(2));
            (void)put(0x80, V | QUEUE | (QUEUE_PAGES - 1) | (draw(4) == 0 ? draw(1 << 20) << 12 : 0));
            (void)put(0x100 + (uint32_t)draw(2) * 8, draw(UINT64_MAX));
            (void)put(0, 1);
        }
        if (draw(20) == 0)
            gicr_put((unsigned)draw(CPUS), (uint32_t)draw(2) * 8 + 0x70, draw(UINT64_MAX));
        if (draw(20) == 0)
            gicr_put((unsigned)draw(CPUS), 0, draw(2));
        (void)put(0x88, draw(10) == 0 ? draw(UINT64_MAX) : next);
        for (unsigned i = 0; i < 10; i++)
            (void)get(0x90);
        next = get(0x88) & 0xffe0;
        want(s.live, "the ITS is given up");
        commands -= commands < n ? commands : n;
    }
}

int main(int argc, char **argv)
{
    const char *rounds = getenv("CORDON_ITS_COMMANDS");
    uint64_t commands = rounds != NULL ? strtoull(rounds, NULL, 10) : 300000;

    seed = argc > 1 ? strtoull(argv[1], NULL, 10) : UINT64_C(0x1757e57);
    seed += seed == 0;
    test_identify();
    test_registers();
    test_lpis();
    test_commands();
    test_reserved();
    test_pool();
    test_properties();
    test_bounds();
    test_queue();
    test_forgets();
    test_failures();
    test_random(commands);
    test_noise(commands);
    if (argc < 2) {
        seed = (uint64_t)time(NULL) * UINT64_C(0x9e3779b97f4a7c15) | 1;
        printf("its_test: seed %llu as well; its_test SEED repeats it\n", (unsigned long long)seed);
        test_random(commands / 4);
        test_noise(commands / 4);
    }
    printf("its_test: %u checks, %u failures\n", checks, failures);
    return failures == 0 ? 0 : 1;
}
