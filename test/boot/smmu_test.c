/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SMMU's driver against an SMMU, written here after Arm IHI 0070 and not after the driver. It has memory of its own: what
 * the CPU stores reaches it at a barrier. It keeps every translation and every stream table entry that it has read until it
 * is told to forget them and a CMD_SYNC is done. It takes a command apart bit by bit, and can make errors, stall, and lack
 * what SMMUs may lack.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "smmu_access.h"
#include "smmu_events.h"
#include "smmu_own.h"
#include "smmu_queue.h"
#include "smmu_start.h"
#include "smmu_streams.h"
#include "want.h"

/* ---- the log ---- */

static unsigned logs;
static uint64_t last_first;
static uint64_t last_second;

void log_event(enum cordon_event event, uint64_t first, uint64_t second)
{
    want(event == CORDON_EVENT_DMA_DENIED, "another event is logged");
    logs++;
    last_first = first;
    last_second = second;
}

/* ---- the model ---- */

#define REGISTERS UINT64_C(0x9050000)
#define MEMORY UINT64_C(0x80000000)
#define MEMORY_SIZE (UINT64_C(12) << 20)
#define TLB 1100
#define CONFIGS 64
#define WALKS 64

/* What a model can be told to do, or lacks. */
struct traits {
    uint32_t idr0, idr1, idr3, idr5;
    bool no_gbpa;
    unsigned ack_after;         /* reads of CR0ACK until it shows CR0 */
    bool never_acks;
    unsigned error_at;          /* the n-th command from now on is an error; 0: none */
    bool stalls;                /* takes no command */
    bool gerror_stays;          /* an error cannot be acknowledged away, nor by CMDQEN */
};

static struct model {
    struct traits is;
    uint32_t cr0, cr0ack, cr1, cr2, gbpa, gerror, gerrorn, irq_ctrl;
    uint64_t strtab, cmdq, eventq;
    uint32_t strtab_cfg, cmd_prod, cmd_cons, event_prod, event_cons;
    unsigned ack_left;
    unsigned commands;          /* that were done */
    bool config_clean;          /* since the last change of a register, all configuration was forgotten */
    bool tlb_clean;
    bool pending_config;        /* to be forgotten at the next CMD_SYNC */
    bool synced;                /* the last command was one */
    struct { uint64_t page, frame; uint32_t vmid; unsigned level; bool used, doomed; } tlb[TLB];
    struct { uint64_t region, table; uint32_t vmid; bool used, doomed; } walk[WALKS];       /* tables of leaves that it has found */
    struct { uint32_t stream; uint64_t entry[8]; bool used, doomed; } config[CONFIGS];
    struct { uint32_t bus; uint64_t descriptor; bool used, doomed; } bus[CONFIGS];
    uint64_t watched[16];       /* entries of the stream table that are looked at with each barrier */
    uint64_t expected[16];      /* and what each leads to when it leads anywhere */
    unsigned watches;
} m;

static void publish_first_words(void);
static void watch(void);


static uint8_t cpu_memory[MEMORY_SIZE] __attribute__((aligned(4096)));
static uint8_t smmu_view[MEMORY_SIZE] __attribute__((aligned(4096)));
static struct { uint64_t at; uint64_t value; } posted[4096];    /* events that the CPU sees after its next barrier */
static unsigned posts;
static uint64_t used_memory;    /* bytes of memory that this machine uses */

uint64_t *smmu_memory(uint64_t pa)
{
    if (pa < MEMORY || pa >= MEMORY + used_memory) {
        fprintf(stderr, "smmu_test: %s: an access to %llx, where nothing is\n", name, (unsigned long long)pa);
        abort();
    }
    return (uint64_t *)(cpu_memory + (pa - MEMORY));
}

void smmu_before_register(void)
{
    publish_first_words();
    memcpy(smmu_view, cpu_memory, used_memory);
    watch();
}

void smmu_after_register(void)
{
    for (unsigned i = 0; i < posts; i++)
        memcpy(cpu_memory + (posted[i].at - MEMORY), &posted[i].value, 8);
    posts = 0;
}

static uint64_t load(uint64_t pa)
{
    uint64_t v = 0;

    if (pa >= MEMORY && pa < MEMORY + used_memory && pa % 8 == 0)
        memcpy(&v, smmu_view + (pa - MEMORY), 8);
    else
        want(false, "the SMMU is led out of its memory");
    return v;
}

static void post(uint64_t pa, uint64_t value)
{
    memcpy(smmu_view + (pa - MEMORY), &value, 8);
    if (posts < 4096) {
        posted[posts].at = pa;
        posted[posts++].value = value;
    }
}

/* ---- its command queue ---- */

static uint32_t turn(uint64_t base) { return (2u << (base & 0x1f)) - 1; }

static void command_error(uint32_t code)
{
    m.cmd_cons = (m.cmd_cons & 0xfffff) | code << 24;
    m.gerror ^= 1;
}

/* Pages of a TLBI: false where the encoding is reserved. Scope is all of the leaf, as told; without Leaf also the way to it. */
static bool tlbi(uint64_t w0, uint64_t w1, bool stage2)
{
    uint32_t vmid = w0 >> 32 & 0xffff;
    uint64_t num = w0 >> 12 & 0x1f;
    uint64_t scale = w0 >> 20 & 0x1f;
    uint64_t ttl = w1 >> 8 & 3;
    uint64_t tg = w1 >> 10 & 3;
    uint64_t first = (w1 & (stage2 ? UINT64_C(0xffffffffff000) : ~UINT64_C(0xfff))) >> 12;
    uint64_t n = 1;

    if ((w0 & ~UINT64_C(0xffff01f1f0ff)) != 0 || (w1 & 0xfff & ~UINT64_C(0xf01)) != 0 || (!stage2 && vmid != 0))
        return false;           /* the ASID is 0 here */
    if (vmid > 0xff && (m.is.idr0 & 1 << 18) == 0)
        return false;
    if (tg == 0 && (num | scale | ttl) != 0)
        return false;
    if (tg != 0) {
        if ((m.is.idr3 & 1 << 10) == 0 || tg != 1 || (num == 0 && scale == 0 && ttl == 0) || (ttl != 0 && ttl != 3))
            return false;
        n = (num + 1) << scale;
    }
    for (unsigned i = 0; i < TLB; i++) {
        uint64_t pages = UINT64_C(1) << 9 * (3 - m.tlb[i].level);

        if (m.tlb[i].used && m.tlb[i].vmid == vmid && (ttl == 0 || ttl == m.tlb[i].level) &&
            m.tlb[i].page / pages * pages < first + n && m.tlb[i].page / pages * pages + pages > first)
            m.tlb[i].doomed = true;
    }
    for (unsigned i = 0; i < WALKS && (w1 & 1) == 0 && ttl == 0; i++) {
        if (m.walk[i].vmid == vmid && m.walk[i].region * 512 < first + n && m.walk[i].region * 512 + 512 > first)
            m.walk[i].doomed = true;
    }
    return true;
}

static void doom_vm(uint32_t vmid)
{
    for (unsigned i = 0; i < TLB; i++)
        m.tlb[i].doomed |= m.tlb[i].vmid == vmid;
    for (unsigned i = 0; i < WALKS; i++)
        m.walk[i].doomed |= m.walk[i].vmid == vmid;
}

static void doom_all(void)
{
    for (uint32_t i = 0; i < TLB; i++)
        m.tlb[i].doomed = true;
    for (unsigned i = 0; i < WALKS; i++)
        m.walk[i].doomed = true;
    m.tlb_clean = true;
}

/* One entry of the stream table; without Leaf also the entry of the first level that leads to it. */
static void doom_stream(uint32_t stream, bool leaf)
{
    for (unsigned i = 0; i < CONFIGS; i++) {
        m.config[i].doomed |= m.config[i].stream == stream;
        m.bus[i].doomed |= !leaf && m.bus[i].bus == stream >> 8;
    }
}

static void forget_doomed(void)
{
    for (unsigned i = 0; i < TLB; i++) {
        if (m.tlb[i].doomed)
            m.tlb[i].used = m.tlb[i].doomed = false;
    }
    for (unsigned i = 0; i < WALKS; i++) {
        if (m.walk[i].doomed)
            m.walk[i].used = m.walk[i].doomed = false;
    }
    for (unsigned i = 0; i < CONFIGS; i++) {
        if (m.pending_config || m.config[i].doomed)
            m.config[i].used = m.config[i].doomed = false;
        if (m.pending_config || m.bus[i].doomed)
            m.bus[i].used = m.bus[i].doomed = false;
    }
    m.config_clean |= m.pending_config;
    m.pending_config = false;
}

static bool do_command(uint64_t w0, uint64_t w1)
{
    bool s2 = (m.is.idr0 & 1) != 0;

    m.synced = false;
    switch (w0 & 0xff) {
    case 0x03:
        doom_stream((uint32_t)(w0 >> 32), (w1 & 1) != 0);
        return (w0 & 0xffffff00) == 0 && w1 <= 1;
    case 0x04:
        m.pending_config = true;
        return w0 == 0x04 && w1 == 31;
    case 0x10: doom_all(); return w0 == 0x10 && w1 == 0 && (m.is.idr0 & 2) != 0;
    case 0x12: return (m.is.idr0 & 2) != 0 && tlbi(w0, w1, false);
    case 0x20: return w0 == 0x20 && w1 == 0 && (m.is.idr0 & 1 << 9) != 0;
    case 0x28:
        doom_vm(w0 >> 32 & 0xffff);
        return (w0 & ~UINT64_C(0xffff00000000)) == 0x28 && w1 == 0 && s2 && (w0 >> 40 == 0 || (m.is.idr0 & 1 << 18) != 0);
    case 0x2a: return s2 && tlbi(w0, w1, true);
    case 0x30: doom_all(); return w0 == 0x30 && w1 == 0;
    case 0x46:
        forget_doomed();
        m.synced = true;
        return w0 == 0x46 && w1 == 0;
    default: return false;
    }
}

static void consume(void)
{
    while ((m.cr0ack & 8) != 0 && !m.is.stalls && ((m.gerror ^ m.gerrorn) & 1) == 0 &&
           (m.cmd_cons & turn(m.cmdq)) != (m.cmd_prod & turn(m.cmdq))) {
        uint64_t at = (m.cmdq & UINT64_C(0xfffffffffffe0)) + (m.cmd_cons & (turn(m.cmdq) >> 1)) * 16;

        if (m.is.error_at > 0 && --m.is.error_at == 0) {
            command_error(1);
            return;
        }
        if (!do_command(load(at), load(at + 8))) {
            want(false, "a command that is not encoded as it should be");
            command_error(1);
            return;
        }
        m.commands++;
        m.cmd_cons = (m.cmd_cons + 1) & turn(m.cmdq);
    }
}

/* ---- its registers ---- */

static void write_cr0(uint32_t v)
{
    uint32_t change = v ^ m.cr0;

    want((v & ~0x1du) == 0, "CR0: a bit that has no business there");
    if ((change & 1) != 0 && (v & 1) != 0) {
        want((v & 0x1c) == 0x1c, "switched on without its queues, or without ATSCHK");
        want(m.config_clean && m.tlb_clean && m.synced, "switched on before it has forgotten all, and said so");
        want(m.cr1 == 0xd75 && m.cr2 == 6, "switched on with other attributes");
        want(m.is.no_gbpa || m.gbpa == 1u << 20, "switched on while the way past it is open");
    }
    if ((change & 1) != 0 && (v & 1) == 0)
        want(!m.is.no_gbpa, "switched off where it lets everything through then");
    m.cr0 = v;
    m.ack_left = m.is.ack_after;
    if ((change & 8) != 0 && (v & 8) == 0 && !m.is.gerror_stays)
        m.cmd_cons &= 0xfffff;
}

static void changed(void)
{
    want((m.cr0 & 1) == 0 && (m.cr0ack & 1) == 0, "a register is written that must not be while the SMMU is on");
    m.config_clean = m.tlb_clean = false;
}

static void half(uint64_t *reg, uint32_t offset, uint32_t v)
{
    if (offset % 8 == 0)
        *reg = (*reg & ~UINT64_C(0xffffffff)) | v;
    else
        *reg = (*reg & 0xffffffff) | (uint64_t)v << 32;
}

void smmu_write(uint64_t base, uint32_t offset, uint32_t v)
{
    if (base != REGISTERS)
        want(false, "registers of nobody");
    switch (offset) {
    case 0x20: write_cr0(v); break;
    case 0x28: changed(); m.cr1 = v; break;
    case 0x2c: changed(); m.cr2 = v; break;
    case 0x44:
        want((v & 1u << 31) != 0, "GBPA without UPDATE");
        if (!m.is.no_gbpa)
            m.gbpa = v & ~(1u << 31);
        break;
    case 0x50: m.irq_ctrl = v; break;
    case 0x64: m.gerrorn = m.is.gerror_stays ? m.gerrorn : v; break;
    case 0x80:
    case 0x84: changed(); half(&m.strtab, offset, v); break;
    case 0x88: changed(); m.strtab_cfg = v; break;
    case 0x90:
    case 0x94: want(((m.cr0 | m.cr0ack) & 8) == 0, "CMDQ_BASE while the queue is on"); half(&m.cmdq, offset, v); break;
    case 0x98: m.cmd_prod = v; consume(); break;
    case 0x9c: want(((m.cr0 | m.cr0ack) & 8) == 0, "CMDQ_CONS while the queue is on"); m.cmd_cons = v; break;
    case 0xa0:
    case 0xa4: want(((m.cr0 | m.cr0ack) & 4) == 0, "EVENTQ_BASE while the queue is on"); half(&m.eventq, offset, v); break;
    case 0x100a8: want(((m.cr0 | m.cr0ack) & 4) == 0, "EVENTQ_PROD while the queue is on"); m.event_prod = v; break;
    case 0x100ac: m.event_cons = v; break;
    default: want(false, "a register is written that there is no need to write"); break;
    }
}

static uint32_t read_ack(void)
{
    if (m.is.never_acks)
        return m.cr0ack;
    if (m.ack_left > 0)
        m.ack_left--;
    else
        m.cr0ack = m.cr0 & ((m.is.idr0 & 1 << 10) != 0 ? 0x1f : 0xf);     /* without ATS there is no ATSCHK */
    consume();
    return m.cr0ack;
}

uint32_t smmu_read(uint64_t base, uint32_t offset)
{
    if (base != REGISTERS)
        want(false, "registers of nobody");
    switch (offset) {
    case 0x00: return m.is.idr0;
    case 0x04: return m.is.idr1;
    case 0x0c: return m.is.idr3;
    case 0x14: return m.is.idr5;
    case 0x20: return m.cr0;
    case 0x24: return read_ack();
    case 0x44: return m.gbpa;
    case 0x60: return m.gerror;
    case 0x64: return m.gerrorn;
    case 0x98: return m.cmd_prod;
    case 0x9c: return m.cmd_cons;
    case 0x100a8: return m.event_prod;
    case 0x100ac: return m.event_cons;
    default: want(false, "a register is read that there is no need to read"); return 0;
    }
}

/* ---- what a device finds ---- */

static void event(uint32_t kind, uint32_t stream, uint64_t address)
{
    uint32_t size = 1u << (m.eventq & 0x1f);
    uint64_t at = (m.eventq & UINT64_C(0xfffffffffffe0)) + (m.event_prod & (size - 1)) * 32;
    uint32_t used = (m.event_prod - m.event_cons) & (2 * size - 1);

    if ((m.cr0ack & 4) == 0)
        return;
    if (used >= size) {
        if (((m.event_prod ^ m.event_cons) & 1u << 31) == 0)
            m.event_prod ^= 1u << 31;
        return;
    }
    post(at, kind | (uint64_t)stream << 32);
    post(at + 8, 0);
    post(at + 16, address);
    post(at + 24, 0);
    m.event_prod = (m.event_prod & 1u << 31) | ((m.event_prod + 1) & (2 * size - 1));
}

/* What the first level says of a bus. */
static uint64_t descriptor_of(uint32_t bus, uint64_t table)
{
    for (unsigned i = 0; i < CONFIGS; i++) {
        if (m.bus[i].used && m.bus[i].bus == bus)
            return m.bus[i].descriptor;
    }
    for (unsigned i = 0; i < CONFIGS; i++) {
        if (!m.bus[i].used) {
            m.bus[i].used = true;
            m.bus[i].bus = bus;
            return m.bus[i].descriptor = load(table + bus * 8);
        }
    }
    return load(table + bus * 8);
}

/* The entry of a stream: false where there is none. */
static bool entry_of(uint32_t stream, uint64_t entry[8])
{
    uint32_t log2 = m.strtab_cfg & 0x3f;
    uint64_t at = m.strtab & UINT64_C(0xfffffffffffc0);
    unsigned i;

    for (i = 0; i < CONFIGS; i++) {
        if (m.config[i].used && m.config[i].stream == stream) {
            memcpy(entry, m.config[i].entry, 64);
            return true;
        }
    }
    if (stream >> log2 != 0)
        return false;
    if ((m.strtab_cfg >> 16 & 3) == 1) {
        uint64_t descriptor;

        want((m.strtab_cfg >> 6 & 0x1f) == 8 && (m.is.idr0 >> 27 & 3) == 1,
             "two levels where there are none, or split elsewhere");
        descriptor = descriptor_of(stream >> 8, at);
        if ((descriptor & 0x1f) == 0)
            return false;
        want((descriptor & 0x1f) == 9 && (descriptor & 0x3fc0) == 0, "a level-2 table that is not one of 256 entries");
        at = (descriptor & UINT64_C(0xfffffffffffc0)) + (stream & 0xff) * 64;
    } else {
        want(at % (UINT64_C(64) << log2) == 0, "a linear table that is not aligned to its size");
        at += stream * UINT64_C(64);
    }
    for (i = 0; i < 8; i++)
        entry[i] = load(at + i * 8);
    for (i = 0; i < CONFIGS; i++) {
        if (!m.config[i].used) {
            m.config[i].used = true;
            m.config[i].stream = stream;
            memcpy(m.config[i].entry, entry, 64);
            break;
        }
    }
    return true;
}

static uint64_t field(uint64_t word, unsigned high, unsigned low)
{
    return word >> low & ((UINT64_C(1) << (high - low + 1)) - 1);
}

/* What an entry has a stream translated by. */
struct regime {
    uint64_t root;
    unsigned bits, start;
    uint64_t leaf;              /* of the host's pages, all but the address */
    uint32_t vmid;
};

/* False: the entry aborts. */
static bool decode(const uint64_t e[8], struct regime *r)
{
    *r = (struct regime){ 0 };
    want(field(e[1], 29, 28) == 0, "EATS lets a device past its translation");
    if ((e[0] & 1) == 0)
        return false;
    if (field(e[0], 3, 1) == 6) {
        want((m.is.idr0 & 1) != 0, "stage 2 where there is none");
        want(e[0] == 0xd && e[1] == UINT64_C(1) << 44 && (e[2] & ~UINT64_C(0x040f3fff0000ffff)) == 0,
             "bits of a stream of stage 2");
        want(field(e[2], 43, 40) == 5 && field(e[2], 45, 44) == 3 && field(e[2], 51, 51) == 1 && field(e[2], 58, 58) == 1,
             "its walks");
        want(field(e[2], 50, 48) == (m.is.idr5 & 7), "its output size");
        r->vmid = field(e[2], 15, 0);
        want(r->vmid < 256 || (m.is.idr0 & 1 << 18) != 0, "a VMID of 16 bits where there are 8");
        r->bits = 64 - (unsigned)field(e[2], 37, 32);
        r->start = 2 - (unsigned)field(e[2], 39, 38);
        r->root = e[3];
        r->leaf = 0x7ff;
        want(r->bits - 12 - 9 * (3 - r->start) <= 13, "more tables at the root than there can be");
    } else {
        uint64_t cd[8];

        want(field(e[0], 3, 1) == 5 && (m.is.idr0 & 2) != 0, "stage 1 where there is none");
        want((e[0] >> 52) == 0 && (e[0] & 0x30) == 0 && e[1] == (UINT64_C(1) << 44 | 0xd4), "bits of a stream of stage 1");
        for (unsigned i = 0; i < 8; i++)
            cd[i] = load((e[0] & UINT64_C(0xfffffffffffc0)) + i * 8);
        want(field(cd[0], 31, 30) == 3 && field(cd[0], 13, 8) == 0x35 && field(cd[0], 7, 6) == 0, "bits of a context");
        want(field(cd[0], 34, 32) == (m.is.idr5 & 7) && field(cd[0], 47, 35) == 0x1c40, "bits of a context, upper half");
        want(cd[0] >> 48 == 0 && cd[2] == 0 && cd[3] == 0xff, "its ASID, its second table, its attributes");
        r->bits = 64 - (unsigned)field(cd[0], 5, 0);
        r->start = r->bits > 39 ? 0 : 1;
        r->root = cd[1];
        r->leaf = 0x743;
    }
    return true;
}

/* An entry may be read with each barrier: it is one that means what it should, or leads to nothing. */
static void watch(void)
{
    for (unsigned i = 0; i < m.watches && (m.cr0ack & 1) != 0; i++) {
        uint64_t e[8];
        struct regime r;

        for (unsigned k = 0; k < 8; k++)
            e[k] = load(m.watched[i] + k * 8);
        if (decode(e, &r))
            want(r.root == m.expected[i], "an entry that is valid before it says what it should");
    }
}

/*
 * Of the stores since the last barrier the SMMU may have any already. Worst are those that make something be found: the first words of
 * entries, and what leads to a table.
 */
static void publish_first_words(void)
{
    uint64_t first = m.strtab & UINT64_C(0xfffffffffffc0);

    if ((m.cr0ack & 1) == 0 || m.watches == 0)
        return;
    for (unsigned i = 0; i < m.watches; i++)
        memcpy(smmu_view + (m.watched[i] - MEMORY), cpu_memory + (m.watched[i] - MEMORY), 8);
    watch();
    for (uint64_t at = first; (m.strtab_cfg >> 16 & 3) == 1 && at < first + 0x800; at += 8) {
        if (memcmp(smmu_view + (at - MEMORY), cpu_memory + (at - MEMORY), 8) == 0)
            continue;
        memcpy(smmu_view + (at - MEMORY), cpu_memory + (at - MEMORY), 8);
        want((load((load(at) & UINT64_C(0xfffffffffffc0)) + 255 * 64) & 1) == 1, "a bus is led to a table that is not there yet");
    }
}

/* Goes from the root to the leaf: false where there is nothing. */
static bool walk(const struct regime *r, uint64_t page, uint64_t *frame, unsigned *level)
{
    uint64_t table = r->root & UINT64_C(0xfffffffff000);
    uint64_t index = page >> 9 * (3 - r->start);        /* the tables at the root lie one behind the other */
    uint64_t d;

    *level = r->start;
    for (unsigned i = 0; i < WALKS; i++) {
        if (m.walk[i].used && m.walk[i].vmid == r->vmid && m.walk[i].region == page / 512) {
            table = m.walk[i].table;
            index = page % 512;
            *level = 3;
        }
    }
    for (;; ++*level, index = page >> 9 * (3 - *level) & 511) {
        d = load(table + index * 8);
        if ((d & 1) == 0 || (*level == 3 && (d & 2) == 0))
            return false;
        if (*level == 3 || (d & 2) == 0)
            break;
        table = d & UINT64_C(0xfffffffff000);
        for (unsigned i = 0; i < WALKS && *level == 2; i++) {
            if (!m.walk[i].used) {
                m.walk[i].used = true;
                m.walk[i].vmid = r->vmid;
                m.walk[i].region = page / 512;
                m.walk[i].table = table;
                break;
            }
        }
    }
    if (r->vmid == 0 && (*level < 3 || (d & 0xfff) != r->leaf))
        return false;
    *frame = ((d & UINT64_C(0xfffffffff000)) >> 12) + page % (UINT64_C(1) << 9 * (3 - *level));
    return true;
}

static bool tlb_has(unsigned i, uint32_t vmid, uint64_t page)
{
    return m.tlb[i].page == page && m.tlb[i].used && m.tlb[i].vmid == vmid;
}

/* Where in the TLB a page is, TLB where it is not; looked for first where one like it was found. */
static unsigned tlb_find(uint32_t vmid, uint64_t page)
{
    static uint16_t found[4 * TLB];
    uint16_t *last = &found[(page + vmid * UINT64_C(1031)) % (4 * TLB)];

    if (tlb_has(*last, vmid, page))
        return *last;
    for (uint16_t i = 0; i < TLB; i++) {
        if (tlb_has(i, vmid, page))
            return *last = i;
    }
    return TLB;
}

/* Whether a device's access to a page goes through, and where. */
static bool goes(uint32_t stream, uint64_t page, uint64_t *frame)
{
    struct regime r;
    uint64_t e[8];
    unsigned level, cached;

    *frame = page;
    if ((m.cr0ack & 1) == 0)
        return m.gbpa != 1u << 20;      /* where there is no such register: through it goes */
    if (!entry_of(stream, e)) {
        event(0x02, stream, 0);
        return false;
    }
    if (!decode(e, &r)) {
        event(0x04, stream, 0);
        return false;
    }
    cached = tlb_find(r.vmid, page);
    if (cached < TLB) {
        *frame = m.tlb[cached].frame;
        return true;
    }
    if (page >> (r.bits - 12) != 0 || !walk(&r, page, frame, &level)) {
        event(0x10, stream, page << 12);
        return false;
    }
    for (unsigned i = 0; i < TLB; i++) {
        if (!m.tlb[i].used) {
            m.tlb[i].used = true;
            m.tlb[i].vmid = r.vmid;
            m.tlb[i].level = level;
            m.tlb[i].page = page;
            m.tlb[i].frame = *frame;
            m.tlb[i].doomed = false;
            break;
        }
    }
    m.tlb_clean = false;
    return true;
}

/* The same for the host's, whose pages are themselves. */
static bool reaches(uint32_t stream, uint64_t page)
{
    uint64_t frame;
    bool there = goes(stream, page, &frame);

    want(!there || frame == page, "a page that is not itself");
    return there;
}

/* ---- machines ---- */

#define TABLES MEMORY               /* the devices' tables: root, two or one above leaves, leaves */
#define SMMU_AT (MEMORY + 0x10000)
#define GUESTS_AT (MEMORY + 0x40000)        /* VMs' tables, where the SMMU has two levels; else from the middle on */
#define PAGES 1024                  /* mapped from FIRST on: two tables of leaves */
#define FIRST UINT64_C(0x40200)

static struct traits good(void)
{
    /* QEMU 10's: both stages, two levels, ranges, 44 bits. */
    return (struct traits){ .idr0 = 0x0d44101b, .idr1 = 0x02730010, .idr3 = 0x1414, .idr5 = 0x74, .ack_after = 2 };
}

static uint64_t *leaf_of(uint64_t page)
{
    return smmu_memory(TABLES + 0x3000 + (page - FIRST) * 8);
}

/* Tables as the core makes them, for addresses of 39 bits, or of 48. */
static struct smmu_translation tables(bool stage2, bool large)
{
    struct smmu_translation t = { .stage2 = stage2, .start = large ? 0 : 1, .root = TABLES };
    uint64_t level1 = large ? TABLES + 0x1000 : TABLES;

    memset(cpu_memory, 0, used_memory);
    memset(smmu_view, 0xa5, used_memory);       /* what was there before, until a barrier */
    if (large)
        smmu_memory(TABLES)[0] = level1 | 3;
    smmu_memory(level1)[1] = (TABLES + 0x2000) | 3;
    smmu_memory(TABLES + 0x2000)[1] = (TABLES + 0x3000) | 3;
    smmu_memory(TABLES + 0x2000)[2] = (TABLES + 0x4000) | 3;
    for (uint64_t i = 0; i < PAGES; i++)
        *leaf_of(FIRST + i) = (FIRST + i) << 12 | (stage2 ? PAGE_STAGE2 : PAGE_STAGE1);
    return t;
}

static void power_on(struct traits is)
{
    memset(&m, 0, sizeof m);
    m.is = is;
    m.cmd_cons = 0x5;       /* whatever */
    m.cr0 = m.cr0ack = 0;
    posts = 0;
    logs = 0;
    used_memory = (is.idr0 >> 27 & 3) == 1 ? 0xc0000 : MEMORY_SIZE;
}

/* A driver that has taken the machine; streams first .. first+count-1 are the host's. */
static struct smmu started(struct traits is, bool stage2, bool large, uint32_t first, uint32_t count)
{
    struct smmu s = { .base = REGISTERS, .streams = { { first, count } }, .ranges = 1, .gives = stage2 };
    struct smmu_translation t;
    const char *reason;

    power_on(is);
    t = tables(stage2, large);
    reason = smmu_identify(&s);
    want(reason == NULL, reason != NULL ? reason : "");
    want(smmu_place(&s, SMMU_AT) <= (s.two_level ? GUESTS_AT : MEMORY + MEMORY_SIZE * 3 / 4), "its memory is more than it should be");
    reason = smmu_start(&s, t);
    want(reason == NULL, reason != NULL ? reason : "");
    want(s.live && (m.cr0ack & 0xd) == 0xd && m.irq_ctrl == 0, "it does not run");
    return s;
}

static void shapes(void)
{
    static const uint32_t queues[] = { 0x02730010, 0x00200010 | 1 << 16, 0x00600010 };      /* 2^19 each; 2 and 2; 8 and 1 */

    for (unsigned i = 0; i < 96; i++) {
        struct traits is = good();
        bool stage2 = (i & 1) != 0;

        name = "shapes";
        is.idr0 &= stage2 ? ~2u : ~1u;
        is.no_gbpa = (i & 2) != 0;
        if ((i & 4) != 0)
            is.idr0 &= ~(3u << 27);
        if ((i & 8) != 0)
            is.idr3 = 0;
        if ((i & 16) != 0)
            is.idr0 |= 1 << 9 | 1 << 10;
        is.idr1 = queues[i / 32];
        (void)started(is, stage2, (i & 7) == 3, 0, 0x10000);
        want(reaches(0, FIRST) && reaches(8, FIRST + 1) && reaches(0xffff, FIRST + PAGES - 1),
             "a device of the host's is refused");
        want(!reaches(8, FIRST - 1) && !reaches(8, FIRST + PAGES) && !reaches(8, UINT64_C(1) << 35),
             "a page that is nobody's is reached");
        want(!reaches(0x10000, FIRST) && !reaches(0xfffffff, FIRST), "a stream that is nobody's is let through");
    }
    name = "streams in the middle";
    for (unsigned i = 0; i < 2; i++) {
        struct traits is = good();

        is.idr0 &= i == 0 ? ~0u : ~(3u << 27);
        (void)started(is, true, false, 0x300, 0x200);
        want(reaches(0x300, FIRST) && reaches(0x4ff, FIRST), "a device of the host's is refused");
        want(!reaches(0x2ff, FIRST) && !reaches(0x500, FIRST) && !reaches(0, FIRST), "a stream that is nobody's is let through");
    }
}

static void refusals(void)
{
    static const struct { uint32_t clear0, set0, set1, clear5, idr1; const char *word; } bad[] = {
        { 3, 0, 0, 0, 0, "descriptors" }, { 1 << 3, 0, 0, 0, 0, "descriptors" }, { 0, 3 << 21, 0, 0, 0, "descriptors" },
        { 1 << 4, 0, 0, 0, 0, "coherent" }, { 3 << 24, 2 << 24, 0, 0, 0, "wait" },
        { 0, 0, 1 << 28, 0, 0, "fixed" }, { 0, 0, 1 << 29, 0, 0, "fixed" }, { 0, 0, 1 << 30, 0, 0, "fixed" },
        { 0, 0, 0, 1 << 4, 0, "4 KiB" }, { 0, 0, 0, 0, 0x0273000f, "room" }, { 0, 0, 0, 0, 0x00130010, "room" } };

    name = "refusals";
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct smmu s = { .base = REGISTERS, .streams = { { 0, 0x10000 } }, .ranges = 1 };
        struct traits is = good();
        const char *reason;

        is.idr0 = (is.idr0 & ~bad[i].clear0) | bad[i].set0;
        is.idr1 = (bad[i].idr1 != 0 ? bad[i].idr1 : is.idr1) | bad[i].set1;
        is.idr5 &= ~bad[i].clear5;
        power_on(is);
        reason = smmu_identify(&s);
        want(reason != NULL && strstr(reason, bad[i].word) != NULL, bad[i].word);
        want(m.cr0 == 0 && m.gbpa == 0, "something is changed of an SMMU that is refused");
    }
    name = "an SMMU that does not answer";
    for (unsigned i = 0; i < 3; i++) {
        struct smmu s = { .base = REGISTERS, .streams = { { 0, 0x10000 } }, .ranges = 1 };
        struct traits is = good();

        power_on(is);
        m.is.never_acks = i == 0;
        m.cr0 = m.cr0ack = i == 0 ? 8 : 0;
        m.is.stalls = i == 1;
        m.is.error_at = i == 2 ? 2 : 0;
        (void)smmu_identify(&s);
        (void)smmu_place(&s, SMMU_AT);
        want(smmu_start(&s, tables(true, false)) != NULL && !s.live && (m.cr0 & 1) == 0, "it is started all the same");
    }
}

/* What several SMMUs have in common. stages: 1, 2 or 3 for both. */
static void choices(void)
{
    static const struct { unsigned a, b; uint32_t size; uint64_t end; uint32_t bits; uint64_t page; } rows[] = {
        { 3, 3, 4, UINT64_C(1) << 31, 39, 0x7ff }, { 3, 1, 4, UINT64_C(1) << 31, 39, 0x743 },
        { 1, 3, 4, UINT64_C(1) << 31, 39, 0x743 },
        { 2, 3, 4, UINT64_C(1) << 39, 39, 0x7ff }, { 1, 2, 4, UINT64_C(1) << 31, 0, 0 },
        { 3, 3, 4, (UINT64_C(1) << 39) + 1, 48, 0x7ff },
        { 3, 3, 4, (UINT64_C(1) << 44) + 1, 0, 0 }, { 3, 3, 5, (UINT64_C(1) << 44) + 1, 48, 0x7ff },
        { 3, 3, 1, UINT64_C(1) << 37, 0, 0 },
        { 3, 3, 2, (UINT64_C(1) << 39) + 1, 0, 0 }, { 1, 1, 2, (UINT64_C(1) << 39) + 1, 48, 0x743 },
        { 3, 3, 1, UINT64_C(1) << 36, 39, 0x7ff } };

    name = "choices";
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct smmu s[2] = { { .stage1 = rows[i].a & 1, .stage2 = rows[i].a >> 1, .address_size = 5 },
                             { .stage1 = rows[i].b & 1, .stage2 = rows[i].b >> 1, .address_size = rows[i].size } };
        struct cordon_dma dma = { 0, 0 };
        const char *reason = smmu_choose(s, 2, rows[i].end, &dma);

        want((reason == NULL) == (rows[i].bits != 0), reason != NULL ? reason : "what cannot be is not refused");
        want(reason != NULL || (dma.bits == rows[i].bits && dma.page == rows[i].page), "another table");
    }
}

/* ---- forgetting ---- */

static unsigned cached(uint64_t first, uint64_t n)
{
    unsigned k = 0;

    for (unsigned i = 0; i < TLB; i++)
        k += m.tlb[i].used && m.tlb[i].page >= first && m.tlb[i].page - first < n;
    return k;
}

static void fill_tlb(void)
{
    for (uint64_t i = 0; i < PAGES; i++)
        want(reaches(8, FIRST + i), "a page of the host's is refused");
    want(cached(FIRST, PAGES) == PAGES, "the model has lost a translation");
}

static void forgets(bool stage2, bool range, uint32_t idr1)
{
    struct traits is = good();
    struct smmu s;

    name = range ? "forgets, by ranges" : "forgets, by pages";
    is.idr1 = idr1;
    is.idr0 &= stage2 ? ~2u : ~1u;
    if (!range)
        is.idr3 = 0;
    s = started(is, stage2, false, 0, 0x10000);
    for (unsigned i = 0; i < 220; i++) {
        uint64_t n = i < 70 ? i + 1 : 1 + (uint64_t)rand() % 512;
        uint64_t at = FIRST + (uint64_t)rand() % (PAGES - n);
        bool some = range || n <= 64;

        fill_tlb();
        for (uint64_t k = 0; k < n; k++)
            *leaf_of(at + k) = 0;
        want(smmu_forget(&s, stage2, 0, at, n) && smmu_complete(&s), "it fails");
        want(cached(at, n) == 0, "a page is still known");
        want(!some || cached(FIRST, PAGES) == PAGES - n, "a page is forgotten that was not named");
        want(!reaches(8, at) && !reaches(8, at + n - 1), "a page is reached that is gone");
        for (uint64_t k = 0; k < n; k++)
            *leaf_of(at + k) = (at + k) << 12 | (stage2 ? PAGE_STAGE2 : PAGE_STAGE1);
        smmu_before_register();
    }
    want(m.commands > 520, "too few commands to have gone round the queue");
}

/* Nothing is over before CMD_SYNC is, and commands wait for it. */
static void waits(void)
{
    struct smmu s = started(good(), true, false, 0, 0x10000);

    name = "waits";
    want(reaches(8, FIRST), "a page of the host's is refused");
    *leaf_of(FIRST) = 0;
    want(smmu_forget(&s, true, 0, FIRST, 1), "it fails");
    want(reaches(8, FIRST), "the model forgets by itself");
    want(smmu_complete(&s) && m.synced, "it fails");
    want(!reaches(8, FIRST), "a page is reached that is gone");
}

/* ---- an SMMU that does not obey ---- */

static void disobeys(bool gbpa, unsigned kind)
{
    struct traits is = good();
    struct smmu s;
    bool closed;

    name = "disobeys";
    is.no_gbpa = !gbpa;
    s = started(is, true, false, 0, 0x10000);
    want(reaches(8, FIRST), "a page of the host's is refused");
    if (kind == 0)
        m.is.error_at = 1;
    else if (kind == 1)
        m.is.error_at = 2;
    else if (kind == 2)
        m.is.stalls = true;
    else
        m.is.stalls = (m.gerror ^= 1u << 8) != 0;
    want(!(smmu_forget(&s, true, 0, FIRST, 1) && smmu_complete(&s)), "an error is taken for an answer");
    want(s.failure == (kind < 2 ? SMMU_COMMAND_ERROR : kind == 2 ? SMMU_SILENT : SMMU_STOPPED), "another failure is told of");
    closed = smmu_cut(&s);
    want(!s.live, "it lives on");
    want(closed == (gbpa || kind < 2), "it says something else of what it has reached");
    if (closed)
        want(!reaches(8, FIRST) && !reaches(0xff00, FIRST + 1), "its devices are not cut off");
    want(gbpa ? (m.cr0 & 1) == 0 : (m.cr0 & 1) == 1, "it is switched off where it must not, or on");
    want(!reaches(16, FIRST + 5), "a device that was not there before is let through");
}

static void stops(void)
{
    struct smmu s = started(good(), true, false, 0, 0x10000);

    name = "stops";
    want(reaches(8, FIRST), "a page of the host's is refused");
    want(smmu_stop(&s), "it fails");
    want(!reaches(8, FIRST) && !reaches(0x108, FIRST) && !reaches(0x1ff, FIRST), "a device reaches memory");
    want(smmu_forget(&s, true, 0, FIRST, 1) && smmu_complete(&s), "it does not obey any more");
}

/* ---- events ---- */

static void events(void)
{
    struct smmu s = started(good(), true, false, 0, 0x10000);
    unsigned all = 0;

    name = "events";
    smmu_events_read();
    want(smmu_events_take(&s) == 0 && logs == 0, "there are some before any");
    want(!reaches(0x1234, 0x123456), "a page that is nobody's is reached");
    want(smmu_events_take(&s) == 1 && logs == 1, "one is lost");
    want(last_first == (UINT64_C(0x10) << 32 | 0x1234) && last_second == UINT64_C(0x123456000), "it says something else");
    for (unsigned i = 0; i < 1000; i++) {
        for (unsigned k = 0; k < i % 5; k++)
            (void)reaches(8, UINT64_C(0x100000) + k);
        all += i % 5;
        want(smmu_events_take(&s) == i % 5, "another number");
    }
    want(logs == EVENTS_LOGGED && all == 2000, "the log is filled, or not used");
    smmu_events_read();
    (void)reaches(8, UINT64_C(0x100000));
    want(smmu_events_take(&s) == 1 && logs == EVENTS_LOGGED + 1, "nothing is logged after the log was read");
    for (unsigned i = 0; i < 300; i++)
        (void)reaches(8, UINT64_C(0x100000));
    want(smmu_events_take(&s) == 129, "a full queue, and that some were lost");
    want(smmu_events_take(&s) == 0, "that some were lost is told twice");
    (void)reaches(8, UINT64_C(0x100000));
    want(smmu_events_take(&s) == 1, "after some were lost none comes");
}

/* ---- streams of VMs ---- */

#define VMS 4
#define GFN_LOW UINT64_C(0x200)
#define GFN_BLOCK UINT64_C(0x400)           /* 512 pages of a block */
#define FRAME_LOW UINT64_C(0x71000)
#define FRAME_BLOCK UINT64_C(0x82000)

static struct smmu_translation vm_table[VMS + 1];   /* by number; root 0: none */
static uint64_t arena;

/* The entry of a VM's table at a level; tables on the way are made. */
static uint64_t *vm_entry(unsigned vm, uint64_t gfn, unsigned level)
{
    uint64_t table = vm_table[vm].root;
    uint64_t index = gfn >> 9 * (3 - vm_table[vm].start);

    for (unsigned at = vm_table[vm].start; at < level; at++, index = gfn >> 9 * (3 - at) & 511) {
        uint64_t *entry = smmu_memory(table) + index;

        if (*entry == 0) {
            *entry = arena | 3;
            arena += 0x1000;
        }
        table = *entry & ~UINT64_C(3);
    }
    return smmu_memory(table) + index;
}

static uint64_t page_of(unsigned vm, uint64_t i) { return (FRAME_LOW + vm * 0x1000 + i * 3) << 12 | 0x7ff; }

/* A table with 16 pages and a block, in the last of its roots. base: the first guest frame there. */
static uint64_t make_vm(unsigned vm, uint32_t vmid, unsigned bits, unsigned start)
{
    unsigned top = bits - 12 - 9 * (3 - start);
    uint64_t roots = top > 9 ? UINT64_C(1) << (top - 9) : 1;
    uint64_t below = start == 2 ? 0x800 : UINT64_C(1) << 9 * (3 - start);
    uint64_t base = (UINT64_C(1) << (bits - 12)) - below;

    arena = (arena + roots * 0x1000 - 1) & ~(roots * 0x1000 - 1);
    vm_table[vm] = (struct smmu_translation){ .stage2 = true, .start = start, .bits = bits, .vmid = vmid, .root = arena };
    arena += roots * 0x1000;
    for (uint64_t i = 0; i < 16; i++)
        *vm_entry(vm, base + GFN_LOW + i, 3) = page_of(vm, i);
    *vm_entry(vm, base + GFN_BLOCK, 2) = (FRAME_BLOCK + vm * 512) << 12 | 0x7fd;
    smmu_before_register();
    return base;
}

static bool reaches_page(uint32_t stream, uint64_t gfn, uint64_t wanted)
{
    uint64_t frame;

    return goes(stream, gfn, &frame) && frame == wanted;
}

static bool reaches_vm(uint32_t stream, unsigned vm, uint64_t base)
{
    bool all = true;

    for (uint64_t i = 0; i < 16; i++)
        all = all && reaches_page(stream, base + GFN_LOW + i, page_of(vm, i) >> 12);
    for (uint64_t i = 0; i < 512; i += 73)
        all = all && reaches_page(stream, base + GFN_BLOCK + i, FRAME_BLOCK + vm * 512 + i);
    return all;
}

static bool reaches_any(uint32_t stream, uint64_t base)
{
    uint64_t frame;

    return goes(stream, base + GFN_LOW, &frame) || goes(stream, base + GFN_BLOCK + 5, &frame);
}

static struct smmu started_for_vms(struct traits is)
{
    struct smmu s = started(is, true, false, 0, 0x10000);

    memset(vm_table, 0, sizeof vm_table);
    arena = s.two_level ? GUESTS_AT : MEMORY + MEMORY_SIZE * 3 / 4;
    m.watches = 0;
    return s;
}

static const struct smmu_translation hosts = { .stage2 = true, .start = 1, .root = TABLES };

/* From now on an entry leads where it should, or nowhere. */
static void expect(const struct smmu *s, uint32_t stream, uint64_t root)
{
    m.watches = 1;
    m.watched[0] = smmu_streams_entry(s, stream);
    m.expected[0] = root;
}

static void give(struct smmu *s, uint32_t stream)
{
    m.watched[0] = MEMORY;
    m.expected[0] = TABLES;
    m.watches = 1;
    want(smmu_streams_own(s, stream), "there is no table left");
    expect(s, stream, 0);
    want(smmu_own_close(s, stream, 0) && m.synced, "it fails");
}

static bool open_to(struct smmu *s, uint32_t stream, struct smmu_translation t)
{
    expect(s, stream, t.root);
    return smmu_own_open(s, stream, t);
}

static bool back(struct smmu *s, uint32_t stream)
{
    expect(s, stream, TABLES);
    return smmu_own_return(s, stream, hosts);
}

/* One stream on its way to a VM and back, beside others. */
static void gives(struct traits is, unsigned bits, unsigned start)
{
    struct smmu s;
    uint64_t one, two;

    name = "gives";
    s = started_for_vms(is);
    one = make_vm(1, 5, bits, start);
    two = make_vm(2, (is.idr0 & 1 << 18) != 0 ? 0x4005 : 9, bits, start);
    want(smmu_can_give(&s, 0x108, &vm_table[1], 256), "it cannot be given");
    want(reaches(0x108, FIRST) && reaches(0x109, FIRST) && reaches(0x208, FIRST), "a device of the host's is refused");
    give(&s, 0x108);
    want(!reaches(0x108, FIRST) && !reaches(0x108, FIRST + 1), "a device reaches memory that is nobody's");
    want(reaches(0x109, FIRST) && reaches(0x100, FIRST + 2) && reaches(0x208, FIRST), "another on its bus is refused");
    want(open_to(&s, 0x108, vm_table[1]) && m.synced, "it fails");
    want(reaches_vm(0x108, 1, one), "a VM's device does not reach what its map has");
    want(!reaches(0x108, FIRST) && !reaches(0x108, one + GFN_LOW + 16) && !reaches(0x108, UINT64_C(1) << (bits - 12)), "it reaches more");
    want(!reaches_any(0x109, one) && !reaches_any(0x208, one) && reaches(0x109, FIRST + 3), "others reach what is the VM's, or not their own");
    give(&s, 0x110);
    want(open_to(&s, 0x110, vm_table[2]), "it fails");
    want(reaches_vm(0x110, 2, two) && reaches_vm(0x108, 1, one), "two VMs' devices do not reach each their own");
    want(smmu_own_close(&s, 0x108, 5) && m.synced, "it fails");
    want(!reaches_any(0x108, one), "a device that is closed reaches memory");
    for (unsigned i = 0; i < TLB; i++)
        want(!m.tlb[i].used || m.tlb[i].vmid != 5, "translations of a VM are left");
    want(reaches_vm(0x110, 2, two), "another VM's device is refused");
    want(back(&s, 0x108) && m.synced, "it fails");
    want(reaches(0x108, FIRST) && !reaches_any(0x108, one), "a device that is the host's again does not reach what is the host's alone");
    want(smmu_own_close(&s, 0x110, vm_table[2].vmid) && back(&s, 0x110), "it fails");
    want(reaches(0x110, FIRST) && reaches(0x1ff, FIRST), "a device of the host's is refused");
    for (uint32_t bus = 2; bus < 2 + 2 * SMMU_OWN; bus++) {
        give(&s, bus << 8 | 8);
        want(open_to(&s, bus << 8 | 8, vm_table[1]) && reaches_vm(bus << 8 | 8, 1, one), "a later bus has no table of its own");
        want(reaches((bus - 1) << 8 | 8, FIRST) && !reaches_any((bus - 1) << 8 | 8, one), "the bus that had its table before has it still");
        want(smmu_own_close(&s, bus << 8 | 8, 5) && back(&s, bus << 8 | 8) && reaches(bus << 8 | 9, FIRST), "it fails");
    }
}

/* Of a VM's translations those go that are named, of every level, with the ways to them, and no others. */
static void forgets_guests(bool range)
{
    struct traits is = good();
    struct smmu s;
    uint64_t base, other;

    name = range ? "forgets a VM's, by ranges" : "forgets a VM's, by pages";
    if (!range)
        is.idr3 = 0;
    s = started_for_vms(is);
    base = make_vm(1, 5, 40, 1);
    other = make_vm(2, 6, 40, 1);
    give(&s, 0x108);
    give(&s, 0x208);
    want(open_to(&s, 0x108, vm_table[1]) && open_to(&s, 0x208, vm_table[2]), "it fails");
    for (uint64_t n = 1; n <= 16; n++) {
        want(reaches_vm(0x108, 1, base) && reaches_vm(0x208, 2, other) && reaches(0x300, base + GFN_LOW) == false, "it is refused");
        for (uint64_t i = 0; i < n; i++)
            *vm_entry(1, base + GFN_LOW + i, 3) = 0;
        want(smmu_forget(&s, true, 5, base + GFN_LOW, n), "it fails");
        want(reaches_page(0x108, base + GFN_LOW, page_of(1, 0) >> 12), "the model forgets by itself");
        want(smmu_complete(&s), "it fails");
        for (uint64_t i = 0; i < 16; i++)
            want(goes(0x108, base + GFN_LOW + i, &(uint64_t){ 0 }) == (i >= n), "a page is reached that is gone, or not one that is left");
        want(reaches_vm(0x208, 2, other), "another VM's is refused");
        for (uint64_t i = 0; i < n; i++)
            *vm_entry(1, base + GFN_LOW + i, 3) = page_of(1, i);
        smmu_before_register();
    }
    /* A block becomes a table, and that another. */
    for (unsigned k = 0; k < 3; k++) {
        uint64_t table = arena;

        arena += 0x1000;
        memset(smmu_memory(table), 0, 0x1000);
        smmu_memory(table)[7] = (UINT64_C(0x90000) + k) << 12 | 0x7ff;
        (void)goes(0x108, base + GFN_BLOCK + 7, &(uint64_t){ 0 });
        *vm_entry(1, base + GFN_BLOCK, 2) = table | 3;
        want(smmu_forget(&s, true, 5, base + GFN_BLOCK + (k == 1 ? 7 : 0), k == 1 ? 1 : 512) && smmu_complete(&s), "it fails");
        want(reaches_page(0x108, base + GFN_BLOCK + 7, UINT64_C(0x90000) + k), "the way to a table that is gone is still known");
        want(!goes(0x108, base + GFN_BLOCK + 8, &(uint64_t){ 0 }), "a block is still known");
    }
    want(reaches(0x300, FIRST), "a device of the host's is refused");
}

/* What an SMMU cannot do is not begun. */
static void cannot_give(void)
{
    struct traits is = good();
    struct smmu s;
    struct smmu_translation t = { .stage2 = true, .start = 1, .bits = 40, .vmid = 1 };

    name = "cannot give";
    s = started_for_vms(is);
    want(smmu_can_give(&s, 0, &t, 256) && smmu_can_give(&s, 0xffff, &t, 65536), "it can");
    want(!smmu_can_give(&s, 0x10000, &t, 256), "a stream that is not the host's");
    t.bits = 45;
    want(!smmu_can_give(&s, 0, &t, 256), "addresses that the SMMU has not");
    t.bits = 44;
    t.start = 0;
    want(smmu_can_give(&s, 0, &t, 256), "it can");
    is.idr5 = 0x73;
    is.idr0 &= ~(1u << 18);
    s = started_for_vms(is);
    t.bits = 40;
    want(!smmu_can_give(&s, 0, &t, 256), "a level of which the SMMU has none");
    t.start = 1;
    want(smmu_can_give(&s, 0, &t, 256) && !smmu_can_give(&s, 0, &t, 257), "more VMs than the SMMU tells apart");
    for (uint32_t i = 0; i < 2 * SMMU_OWN; i++)
        want(smmu_streams_own(&s, i << 8 | 1) == (i < SMMU_OWN), "another number of buses");
    want(smmu_streams_own(&s, 0x102), "a second stream of a bus");
    s.closed = true;
    want(!smmu_can_give(&s, 0, &t, 256), "after the end");
    s.closed = false;
    s.live = false;
    want(!smmu_can_give(&s, 0, &t, 256), "an SMMU that was given up");
    s = started(good(), false, false, 0, 0x10000);
    want(!smmu_can_give(&s, 0, &t, 256), "stage 1");
    want(!smmu_streams_own(&s, 0), "a table of its own where none was placed");
}

/* The end of the machine is one of VMs' devices too, and nothing is opened after it. */
static void ends_for_vms(bool two_level, bool cut)
{
    struct traits is = good();
    struct smmu s;
    uint64_t base;

    name = cut ? "cuts VMs' devices off" : "stops VMs' devices";
    is.idr0 &= two_level ? ~0u : ~(3u << 27);
    s = started_for_vms(is);
    base = make_vm(1, 5, 40, 1);
    give(&s, 0x108);
    give(&s, 0x208);
    give(&s, 0x308);
    want(open_to(&s, 0x108, vm_table[1]) && reaches_vm(0x108, 1, base), "it is refused");
    want(reaches(0x109, FIRST), "a device of the host's is refused");
    m.watches = 0;
    want(cut ? smmu_cut(&s) : smmu_stop(&s), "it fails");
    want(!reaches_any(0x108, base) && !reaches(0x109, FIRST) && !reaches(8, FIRST), "a device reaches memory");
    if (cut)
        return;
    want(smmu_own_open(&s, 0x208, vm_table[1]) && !reaches_any(0x208, base), "a device is opened after the end");
    want(smmu_own_return(&s, 0x308, hosts) && !reaches(0x308, FIRST) && !reaches(0x309, FIRST), "a device is the host's after the end");
}

/* Streams come and go at random; each reaches what it should. */
static void random_streams(unsigned seed, bool two_level)
{
    enum { STREAMS = 12 };
    struct traits is = good();
    uint32_t stream[STREAMS];
    unsigned state[STREAMS] = { 0 };        /* 0 the host's, 1 closed, 1 + vm that VM's */
    uint64_t base[VMS + 1];
    struct smmu s;

    name = "random streams";
    srand(seed);
    is.idr0 &= two_level ? ~0u : ~(3u << 27);
    s = started_for_vms(is);
    for (unsigned vm = 1; vm <= VMS; vm++)
        base[vm] = make_vm(vm, vm * 3, 40, 1);
    for (unsigned i = 0; i < STREAMS; i++)
        stream[i] = (uint32_t)(i % 10 << 8 | (unsigned)rand() % 25 * 10 | i / 10);
    for (unsigned turn = 0; turn < (two_level ? 3000u : 60u) && failures < 50; turn++) {
        unsigned i = (unsigned)rand() % STREAMS;
        unsigned vm = 1 + (unsigned)rand() % VMS;

        m.watches = 0;
        if (state[i] == 0) {
            if (smmu_streams_own(&s, stream[i])) {
                want(smmu_own_close(&s, stream[i], 0), "it fails");
                state[i] = 1;
            }
        } else if (state[i] == 1) {
            want(vm % 2 == 0 ? open_to(&s, stream[i], vm_table[vm]) : back(&s, stream[i]), "it fails");
            state[i] = vm % 2 == 0 ? 1 + vm : 0;
        } else {
            want(smmu_own_close(&s, stream[i], vm_table[state[i] - 1].vmid), "it fails");
            state[i] = 1;
        }
        want(m.synced, "it does not wait");
        for (unsigned k = 0; k < STREAMS; k++) {
            for (unsigned v = 1; v <= VMS; v++) {
                if (state[k] == 1 + v)
                    want(reaches_vm(stream[k], v, base[v]), "a VM's device does not reach what is the VM's");
                else
                    want(!reaches_page(stream[k], base[v] + GFN_LOW + 1, page_of(v, 1) >> 12), "a device reaches a VM's");
            }
            want(reaches(stream[k], FIRST + 1) == (state[k] == 0), "a device reaches the host's, or does not");
        }
        want(reaches(0x909, FIRST), "a device of the host's is refused");
    }
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : (unsigned)time(NULL);

    printf("smmu_test: seed %u\n", seed);
    shapes();
    refusals();
    choices();
    for (unsigned i = 0; i < 8; i++)
        forgets((i & 1) != 0, (i & 2) != 0, (i & 4) != 0 ? 0x02730010 : 0x00610010);
    waits();
    for (unsigned i = 0; i < 8; i++)
        disobeys(i % 2 == 0, i / 2);
    stops();
    for (unsigned i = 0; i < 24; i++) {
        static const struct { unsigned bits, start; } shape[] = { { 40, 1 }, { 39, 1 }, { 44, 0 }, { 34, 2 }, { 43, 1 }, { 32, 1 } };
        struct traits is = good();

        if ((i & 1) != 0)
            is.idr3 = 0;
        if ((i & 2) != 0)
            is.idr0 &= ~(1u << 18);
        if (i % 5 == 0)
            is.idr0 &= ~(3u << 27);
        gives(is, shape[i / 4].bits, shape[i / 4].start);
    }
    forgets_guests(true);
    forgets_guests(false);
    cannot_give();
    for (unsigned i = 0; i < 4; i++)
        ends_for_vms(i % 2 == 0, i / 2 != 0);
    random_streams(seed, true);
    random_streams(seed + 1, false);
    events();
    printf("smmu_test: %u checks, %u failures\n", checks, failures);
    return failures == 0 ? 0 : 1;
}
