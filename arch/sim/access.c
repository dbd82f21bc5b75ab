/* SPDX-License-Identifier: Apache-2.0 */
/* Accesses of the host and of VMs: through the TLB, the walk caches and the tables, to memory. */
#include "cache.h"
#include "cpu.h"
#include "hw.h"
#include "log.h"
#include "mail.h"
#include "ram.h"
#include "report.h"
#include "stale.h"
#include "tlb.h"
#include "walker.h"

/* The registers that stage 2 of a principal runs with. False when there is no such VM now. */
static bool load_regs(struct sim *s, uint32_t who, struct stage2 *t)
{
    const struct vm_note *n;

    if (who == 0) {
        *t = s->core.host;
        return true;
    }
    if (who > s->core.vms)
        return false;
    n = &s->vm[who - 1];
    if (s->check && hw_load8((const uint8_t *)&n->live) == 0)
        return false;
    if (!s->check && hw_load8((const uint8_t *)&s->core.vm[who - 1].state) == VM_NONE)
        return false;
    *t = s->core.vm_shape;
    t->vmid = who;
    t->root = s->check ? hw_load(&n->s2.root) : hw_load(&s->core.vm[who - 1].s2.root);
    return true;
}

/* An entry that is used although the tables no longer give it. */
static void check_used(struct sim *s, const struct cpu *cpu, struct tlb_entry *e)
{
    if (s->check && !s->concurrent && !e->told && stale_entry(s, e, NULL, 0))
        stale_report(s, cpu, cpu->id, e, "an access goes through");
}

/* The tables that the walk met go into the walk cache, below the root and below where it began. */
static void keep_tables(struct cpu *cpu, uint32_t vmid, uint64_t gfn, const struct walk *w)
{
    for (uint32_t level = w->start + 1; level <= w->level; level++) {
        uint64_t pages = level_pages(level - 1);

        tlb_insert(cpu->tlb, (struct tlb_entry){ .kind = TLB_WALK, .vmid = vmid, .page = gfn & ~(pages - 1), .pages = pages,
                                                 .pfn = w->rows[level], .level = (uint8_t)level });
    }
}

/* Stage 2 of one guest-physical page. False: a translation fault. */
static bool translate_ipa(struct sim *s, struct cpu *cpu, const struct stage2 *t, uint64_t gfn, struct leaf *out)
{
    struct tlb_entry *e = tlb_find(cpu->tlb, TLB_STAGE2, t->vmid, gfn);
    struct walk w;

    if (e != NULL) {
        check_used(s, cpu, e);
        *out = (struct leaf){ .gfn = e->page, .pfn = e->pfn, .level = e->level, .device = e->device, .read = e->read,
                              .write = e->write };
        return true;
    }
    e = gfn < t->gfn_limit ? tlb_find(cpu->tlb, TLB_WALK, t->vmid, gfn) : NULL;
    if (e != NULL) {
        check_used(s, cpu, e);
        w = walk_from(s, e->pfn, e->level, gfn);
    } else {
        w = walk_stage2(s, t, gfn);
    }
    keep_tables(cpu, t->vmid, gfn, &w);
    if (!w.mapped)
        return false;
    *out = w.leaf;
    tlb_insert(cpu->tlb, (struct tlb_entry){ .kind = TLB_STAGE2, .vmid = t->vmid, .page = w.leaf.gfn, .pfn = w.leaf.pfn,
                                             .pages = level_pages(w.leaf.level), .level = (uint8_t)w.leaf.level,
                                             .device = w.leaf.device, .read = w.leaf.read, .write = w.leaf.write });
    return true;
}

struct route {
    bool fault;
    bool stage1_fault;
    uint64_t fault_ipa;
    uint64_t pfn;
    bool device, read, write;
};

/* Walks stage 1, each of its tables found through stage 2. *r says why not when it returns false. */
static bool translate_va(struct sim *s, struct cpu *cpu, const struct stage2 *t, uint64_t va, struct stage1_step *st,
                         struct route *r)
{
    struct leaf l;

    *st = stage1_begin(cpu->stage1[t->vmid != 0], va);
    while (!st->done && !st->fault) {
        uint64_t frame;

        r->fault_ipa = st->address;
        if (!translate_ipa(s, cpu, t, st->address >> 12, &l) || !l.read)
            return false;
        frame = l.pfn + ((st->address >> 12) - l.gfn);
        *st = stage1_next(*st, sim_has_memory(s, frame) ? cache_read(s, frame, st->address / 8 % 512, false) : 0, va);
    }
    r->stage1_fault = st->fault;
    return !st->fault;
}

static void keep_combined(struct cpu *cpu, uint32_t vmid, uint64_t va, const struct stage1_step *st, const struct leaf *l)
{
    uint64_t pages = level_pages(l->level);
    uint64_t gfn = st->address >> 12;

    if (cpu->stage1[vmid != 0].va_bits != 0 && level_pages(st->level) < pages)
        pages = level_pages(st->level);
    gfn &= ~(pages - 1);
    tlb_insert(cpu->tlb, (struct tlb_entry){ .kind = TLB_COMBINED, .vmid = vmid, .page = va >> 12 & ~(pages - 1), .ipa = gfn,
                                             .pages = pages, .pfn = l->pfn + (gfn - l->gfn), .level = (uint8_t)l->level,
                                             .device = l->device, .read = l->read, .write = l->write && st->write });
}

static struct route translate(struct sim *s, struct cpu *cpu, const struct stage2 *t, uint64_t va)
{
    struct tlb_entry *e = tlb_find(cpu->tlb, TLB_COMBINED, t->vmid, va >> 12);
    struct route r = { .fault = true };
    struct stage1_step st;
    struct leaf l;

    if (e != NULL) {
        check_used(s, cpu, e);
        return (struct route){ .pfn = e->pfn + ((va >> 12) - e->page), .device = e->device, .read = e->read,
                               .write = e->write };
    }
    if (!translate_va(s, cpu, t, va, &st, &r))
        return r;
    r.fault_ipa = st.address;
    if (!translate_ipa(s, cpu, t, st.address >> 12, &l))
        return r;
    keep_combined(cpu, t->vmid, va, &st, &l);
    return (struct route){ .pfn = l.pfn + ((st.address >> 12) - l.gfn), .device = l.device, .read = l.read,
                           .write = l.write && st.write };
}

struct request {
    uint32_t who;
    uint64_t va;
    uint64_t *value;
    bool write, uncached;
};

/* Where there is no memory, reads give zero and writes go nowhere: devices are not simulated. */
static void access_memory(struct sim *s, const struct request *q, const struct route *r)
{
    uint32_t word = (uint32_t)(q->va / 8 % 512);
    bool uncached = q->uncached || r->device;

    if (!sim_has_memory(s, r->pfn))
        *q->value = q->write ? *q->value : 0;
    else if (q->write)
        cache_write(s, r->pfn, word, *q->value, uncached);
    else
        *q->value = cache_read(s, r->pfn, word, uncached);
}

/* One try. Other CPUs' barriers wait while it is under way. */
static struct route try_access(struct sim *s, struct cpu *cpu, const struct stage2 *t, const struct request *q)
{
    struct route r;

    if (s->concurrent) {
        hw_store32(&cpu->in_access, cpu->in_access + 1);
        hw_fence();
        mail_hear(s, cpu);
    }
    r = translate(s, cpu, t, q->va);
    if (!r.fault && !(q->write ? r.write : r.read))
        r.fault = r.stage1_fault = true;    /* a permission fault, which nobody serves */
    if (!r.fault)
        access_memory(s, q, &r);
    if (s->concurrent) {
        hw_fence();
        hw_store32(&cpu->in_access, cpu->in_access + 1);
    }
    LOG(s, cpu, "access %s who=%u addr=0x%llx %s=0x%llx", q->write ? "write" : "read", q->who, (unsigned long long)q->va,
        r.fault ? "fault" : "pfn", (unsigned long long)(r.fault ? r.fault_ipa : r.pfn));
    return r;
}

static enum cordon_status serve_host(struct sim *s, uint64_t ipa)
{
    enum cordon_status status;

    sim_begin(s, "host fault");
    status = cordon_map_page_host(&s->core, pa(ipa));
    (void)sim_end(s);
    return status;
}

#define TRIES 1000

static enum sim_outcome try_until_done(struct sim *s, const struct request *q, enum cordon_status *status)
{
    struct cpu *cpu = sim_this_cpu(s);
    struct stage2 t;

    for (uint32_t i = 0; i < TRIES; i++) {
        struct route r;

        *status = load_regs(s, q->who, &t) ? CORDON_OK : CORDON_NO_VM;
        if (*status == CORDON_OK && q->va >> 12 >= t.gfn_limit && cpu->stage1[q->who != 0].va_bits == 0)
            *status = CORDON_RANGE;
        if (*status != CORDON_OK)
            return SIM_REFUSED;
        r = try_access(s, cpu, &t, q);
        if (!r.fault)
            return SIM_DONE;
        if (r.stage1_fault || q->who != 0)
            return SIM_FAULT;
        *status = serve_host(s, r.fault_ipa);
        if (*status != CORDON_OK)
            return SIM_REFUSED;
    }
    report(s, cpu, "host fault", "the fault at 0x%llx is served again and again and there is no translation",
           (unsigned long long)q->va);
    return SIM_FAULT;
}

static enum sim_outcome do_access(struct sim *s, const struct request *q, enum cordon_status *status)
{
    enum cordon_status unwanted;
    enum sim_outcome outcome;

    if (status == NULL)
        status = &unwanted;
    if (q->va % 8 != 0) {
        *status = CORDON_UNALIGNED;
        return SIM_REFUSED;
    }
    if (!s->concurrent)
        (void)pthread_mutex_lock(&s->turn);
    outcome = try_until_done(s, q, status);
    if (!s->concurrent)
        (void)pthread_mutex_unlock(&s->turn);
    return outcome;
}

enum sim_outcome sim_read(struct sim *s, uint32_t who, uint64_t addr, uint64_t *value, bool uncached,
                          enum cordon_status *status)
{
    return do_access(s, &(struct request){ who, addr, value, false, uncached }, status);
}

enum sim_outcome sim_write(struct sim *s, uint32_t who, uint64_t addr, uint64_t value, bool uncached,
                           enum cordon_status *status)
{
    return do_access(s, &(struct request){ who, addr, &value, true, uncached }, status);
}

void sim_stage1(struct sim *s, uint32_t who, uint64_t ttbr, uint32_t va_bits)
{
    struct cpu *cpu = sim_this_cpu(s);

    cpu->stage1[who != 0] = (struct stage1){ ttbr, va_bits };
    tlb_apply(cpu->tlb, &(struct tlbi){ .kinds = TLB_COMBINED, .vmid = who & 0xffff, .pages = TLB_EVERYTHING });
}

/* ---- the tables from outside ---- */

struct listing {
    struct sim *s;
    bool (*each)(const struct sim_mapping *m, void *arg);
    void *arg;
};

static bool list_table(const struct listing *l, uint64_t row, uint32_t level, uint64_t gfn)
{
    for (uint32_t i = 0; sim_has_memory(l->s, row) && i < 512; i++, gfn += level_pages(level)) {
        uint64_t desc = hw_load(&l->s->phys[row].e[i]);
        enum desc_kind kind = desc_kind(desc, level);

        if (kind == DESC_IS_TABLE && !list_table(l, desc_out(desc), level + 1, gfn))
            return false;
        if (kind == DESC_IS_LEAF) {
            struct leaf leaf = leaf_of(desc, level, gfn);

            if (!l->each(&(struct sim_mapping){ leaf.gfn, leaf.pfn, level, leaf.device }, l->arg))
                return false;
        }
    }
    return true;
}

void sim_mappings(struct sim *s, uint32_t who, bool (*each)(const struct sim_mapping *m, void *arg), void *arg)
{
    struct listing l = { s, each, arg };
    struct stage2 t;

    if (!load_regs(s, who, &t))
        return;
    for (uint32_t i = 0; i < t.roots; i++) {
        if (!list_table(&l, t.root + i, t.start, i * 512 * level_pages(t.start)))
            return;
    }
}

bool sim_lookup(struct sim *s, uint32_t who, uint64_t gfn, struct sim_mapping *m)
{
    struct stage2 t;
    struct walk w;

    if (!load_regs(s, who, &t))
        return false;
    w = walk_stage2(s, &t, gfn);
    if (w.mapped && m != NULL)
        *m = (struct sim_mapping){ w.leaf.gfn, w.leaf.pfn, w.leaf.level, w.leaf.device };
    return w.mapped;
}
