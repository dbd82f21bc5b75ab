/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every invariant on the whole machine, from the records and the tables alone; and that what the machine has followed
 * step by step agrees. No call of the core may be under way.
 */
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "device.h"
#include "dma.h"
#include "hw.h"
#include "invariant.h"
#include "memory/frame.h"
#include "ram.h"
#include "record.h"
#include "report.h"
#include "stale.h"
#include "walker.h"

struct survey {
    struct sim *s;
    const struct cpu *cpu;
    uint64_t *owned;        /* frames by VM */
    uint64_t tables;        /* of the principal at hand, roots included */
};

static unsigned long long ull(uint64_t x)
{
    return x;
}

/* ---- records ---- */

static const struct frame host_frames[512];

static void survey_record(struct survey *q, uint64_t frame, struct frame f, struct section *n)
{
    uint32_t vm = f.holder % HOLDER_PENDING;

    n->taken = (uint16_t)(n->taken + (f.holder != HOLDER_HOST));
    n->pinned = (uint16_t)(n->pinned + (f.holder == HOLDER_HOST && f.count > 0));
    if (f.holder >= 2 * HOLDER_PENDING || f.holder == HOLDER_HOST) {
        if (frame_gfn(f) != 0 || (f.holder != HOLDER_HOST && f.holder != HOLDER_CORE && f.holder != HOLDER_INVALID))
            report(q->s, q->cpu, "record", "frame 0x%llx has holder 0x%x and gfn 0x%llx", ull(frame), f.holder,
                   ull(frame_gfn(f)));
    } else if (vm == 0 || vm > q->s->core.vms || !q->s->vm[vm - 1].live) {
        report(q->s, q->cpu, "I2", "the record of frame 0x%llx names VM %u, which does not exist", ull(frame), vm);
    } else {
        q->owned[vm - 1]++;
    }
}

static void survey_section(struct survey *q, uint64_t index, uint64_t number)
{
    struct sim *s = q->s;
    const struct frame *f = &s->core.frame[index * 512];
    struct section n = { .taken = 0, .pinned = 0 };

    if (memcmp(f, host_frames, sizeof(host_frames)) != 0) {
        for (uint32_t i = 0; i < 512; i++)
            survey_record(q, number * 512 + i, f[i], &n);
    }
    if (n.taken != s->core.section[index].taken || n.pinned != s->core.section[index].pinned)
        report(s, q->cpu, "I7", "section %llu counts %u taken and %u pinned frames, its records say %u and %u", ull(index),
               s->core.section[index].taken, s->core.section[index].pinned, n.taken, n.pinned);
    if (s->core.section[index].leaf != record_leaf(s, number))
        report(s, q->cpu, "I7", "section %llu names 0x%llx as the host's level-3 table, the walk comes to 0x%llx (0: none)",
               ull(index), ull(s->core.section[index].leaf), ull(record_leaf(s, number)));
    record_expect(s, index);
    if (memcmp(f, &s->shadow[index * 512], sizeof(host_frames)) != 0)
        report(s, q->cpu, "lock", "records of section %llu changed while nobody held its lock", ull(index));
    if (s->core.section[index].lock.next != s->core.section[index].lock.serving)
        report(s, q->cpu, "lock", "the lock of section %llu is left taken", ull(index));
}

static void survey_records(struct survey *q)
{
    const struct cordon *c = &q->s->core;

    for (uint32_t i = 0; i < c->spans; i++) {
        for (uint64_t k = 0; k < c->span[i].count; k++) {
            uint64_t number = c->span[i].first + k;

            /* Private memory that was never lent and never touched is as it was. */
            if (q->s->seen[c->span[i].base + k] != 0 || number * 512 < q->s->private_next ||
                number * 512 >= q->s->private.first + q->s->private.count || number * 512 < q->s->private.first)
                survey_section(q, c->span[i].base + k, number);
        }
    }
}

/* ---- tables ---- */

struct spot {
    uint32_t vmid;
    uint32_t level;
    uint64_t gfn;
    uint64_t bits;          /* ROW_ROOT or 0 */
};

static void survey_frame(struct survey *q, uint64_t row, struct spot p)
{
    struct sim *s = q->s;
    struct frame_note *n = &s->note[row];
    uint64_t is = __atomic_load_n(&n->row, __ATOMIC_RELAXED);
    struct frame f;
    char who[32];

    if (is != row_pack(ROW_LIVE | ROW_TABLE | p.bits, p.vmid, p.level, p.gfn))
        report(s, q->cpu, "I7", "table 0x%llx is reached at level %u of %s for gfn 0x%llx, where no step put it", ull(row),
               p.level, who_name(p.vmid, who, sizeof(who)), ull(p.gfn));
    if (n->shadow != NULL && memcmp(n->shadow, &s->phys[row], sizeof(*n->shadow)) != 0)
        report(s, q->cpu, "direct store", "table 0x%llx was written other than by arch_pte_write()", ull(row));
    if (sim_record(s, row, &f) ? f.holder != HOLDER_CORE : !frames_have(s->hidden, s->hiddens, row))
        report(s, q->cpu, "I4", "table 0x%llx of %s is not the core's memory", ull(row), who_name(p.vmid, who, sizeof(who)));
}

static void survey_table(struct survey *q, uint64_t row, struct spot p)
{
    struct sim *s = q->s;
    char who[32];

    if (!sim_has_memory(s, row) || (hw_load8(&s->flag[row]) & FRAME_VISITED) != 0) {
        report(s, q->cpu, "I7", "table 0x%llx (level %u of %s, gfn 0x%llx) %s", ull(row), p.level,
               who_name(p.vmid, who, sizeof(who)), ull(p.gfn),
               sim_has_memory(s, row) ? "is reachable from two places" : "is not in memory");
        return;
    }
    hw_store8(&s->flag[row], hw_load8(&s->flag[row]) | FRAME_VISITED);
    q->tables++;
    survey_frame(q, row, p);
    for (uint32_t i = 0; i < 512; i++) {
        uint64_t desc = hw_load(&s->phys[row].e[i]);
        uint64_t gfn = p.gfn + i * level_pages(p.level);

        if (desc == 0)
            continue;
        invariant_desc(s, q->cpu, p.vmid, p.level, gfn, desc);
        if (desc_kind(desc, p.level) == DESC_IS_TABLE)
            survey_table(q, desc_out(desc), (struct spot){ p.vmid, p.level + 1, gfn, 0 });
    }
}

static void forget_table(struct sim *s, uint64_t row, uint32_t level)
{
    if (!sim_has_memory(s, row))
        return;
    hw_store8(&s->flag[row], hw_load8(&s->flag[row]) & (uint8_t)~FRAME_VISITED);
    for (uint32_t i = 0; i < 512; i++) {
        uint64_t desc = hw_load(&s->phys[row].e[i]);

        if (desc_kind(desc, level) == DESC_IS_TABLE)
            forget_table(s, desc_out(desc), level + 1);
    }
}

/* Every table is in the tree or on the list, once. */
static void survey_pool(struct survey *q, uint32_t vmid, const struct pool *p, uint32_t roots)
{
    struct sim *s = q->s;
    uint64_t row = p->head;
    char who[32];

    (void)who_name(vmid, who, sizeof(who));
    if (q->tables - roots + p->free != p->total || p->fresh_n > p->free) {
        report(s, q->cpu, "I7", "%s has %llu tables in use and %llu free, together not the %llu of its pool", who,
               ull(q->tables - roots), ull(p->free), ull(p->total));
        return;
    }
    for (uint64_t i = p->fresh_n; i < p->free; i++) {
        struct frame f;

        if (!sim_has_memory(s, row) || s->note[row].row != 0 || (sim_record(s, row, &f) && f.holder != HOLDER_CORE)) {
            report(s, q->cpu, "I7", "the pool of %s lists frame 0x%llx, which is no free table", who, ull(row));
            return;
        }
        row = hw_load(&s->phys[row].e[0]);
    }
}

static void survey_principal(struct survey *q, uint32_t vmid, const struct stage2 *t, const struct pool *p)
{
    q->tables = 0;
    for (uint32_t i = 0; i < t->roots; i++)
        survey_table(q, t->root + i, (struct spot){ vmid, t->start, i * 512 * level_pages(t->start), ROW_ROOT });
    survey_pool(q, vmid, p, t->roots);
}

static void survey_vm(struct survey *q, uint32_t id)
{
    struct sim *s = q->s;
    const struct vm *vm = &s->core.vm[id - 1];

    if ((vm->state != VM_NONE) != s->vm[id - 1].live)
        report(s, q->cpu, "lock", "VM %u came or went while nobody held its lock", id);
    if (vm->lock.next != vm->lock.serving)
        report(s, q->cpu, "lock", "the lock of VM %u is left taken", id);
    if (vm->state == VM_NONE)
        return;
    survey_principal(q, id, &vm->s2, &vm->pool);
    if (vm->frames != q->owned[id - 1])
        report(s, q->cpu, "I7", "VM %u counts %llu frames, the records say %llu", id, ull(vm->frames), ull(q->owned[id - 1]));
}

static void forget_all(struct sim *s)
{
    for (uint32_t i = 0; i < s->core.host.roots; i++)
        forget_table(s, s->core.host.root + i, s->core.host.start);
    for (uint32_t id = 1; id <= s->core.vms; id++) {
        const struct vm *vm = &s->core.vm[id - 1];

        for (uint32_t i = 0; vm->state != VM_NONE && i < vm->s2.roots; i++)
            forget_table(s, vm->s2.root + i, vm->s2.start);
    }
}

static void survey_cpus(struct survey *q)
{
    struct sim *s = q->s;

    for (uint32_t i = 0; i < s->cpus; i++) {
        for (uint32_t k = 1; k < SIM_KINDS; k++) {
            if (s->cpu[i].held[k])
                report(s, q->cpu, "lock", "CPU %u holds a lock", i);
        }
    }
    if (s->core.host_lock.next != s->core.host_lock.serving)
        report(s, q->cpu, "lock", "the host's lock is left taken");
    stale_check_all(s, q->cpu);
}

unsigned sim_check_all(struct sim *s)
{
    unsigned before = sim_reports(s);
    struct survey q = { .s = s, .cpu = sim_this_cpu(s) };

    if (!s->check)
        return 0;
    if (!s->concurrent)
        (void)pthread_mutex_lock(&s->turn);
    q.owned = calloc(s->core.vms, sizeof(*q.owned));
    if (q.owned != NULL) {
        survey_records(&q);
        survey_principal(&q, 0, &s->core.host, &s->core.host_pool);
        for (uint32_t id = 1; id <= s->core.vms; id++)
            survey_vm(&q, id);
        forget_all(s);
        dma_check_all(s, q.cpu);
        device_check_all(s, q.cpu);
        survey_cpus(&q);
    }
    free(q.owned);
    if (!s->concurrent)
        (void)pthread_mutex_unlock(&s->turn);
    return sim_reports(s) - before;
}
