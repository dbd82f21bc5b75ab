/* SPDX-License-Identifier: Apache-2.0 */
#include "pte.h"

#include <string.h>

#include "cpu.h"
#include "duty.h"
#include "hw.h"
#include "log.h"
#include "ram.h"
#include "record.h"
#include "report.h"
#include "stream.h"
#include "util.h"
#include "walker.h"

static uint64_t row_get(const struct sim *s, uint64_t row)
{
    return __atomic_load_n(&s->note[row].row, __ATOMIC_RELAXED);
}

static void row_set(struct sim *s, uint64_t row, uint64_t value)
{
    __atomic_store_n(&s->note[row].row, value, __ATOMIC_RELAXED);
}

static unsigned long long ull(uint64_t x)
{
    return x;
}

/* ---- stores into tables that are not live ---- */

static void mark_store(struct sim *s, struct cpu *cpu, uint64_t row)
{
    __atomic_store_n(&s->note[row].stored, (uint64_t)cpu->id << 56 | ++cpu->clock, __ATOMIC_RELAXED);
}

/* Whether a barrier has ordered all that was stored into the table. */
static bool is_ordered(const struct sim *s, uint64_t row)
{
    uint64_t stored = __atomic_load_n(&s->note[row].stored, __ATOMIC_RELAXED);
    const struct cpu *by = &s->cpu[stored >> 56];

    return (stored & ((UINT64_C(1) << 56) - 1)) <= hw_load(&by->ordered);
}

/* ---- links ---- */

struct place {              /* of a table in the address space of a principal */
    uint32_t vmid;
    uint32_t level;
    uint64_t gfn;
};

static void note_change(struct cpu *cpu, uint64_t row, uint32_t index, uint32_t guard)
{
    cpu->change = sim_room(cpu->change, cpu->changes, &cpu->change_room, sizeof(*cpu->change));
    cpu->change[cpu->changes++] = (struct change){ row, index, guard };
}

/* The lock that guards the entry for gfn at a level. */
static uint32_t guard_of(const struct sim *s, uint32_t vmid, uint32_t level, uint64_t gfn, uint64_t *section)
{
    if (vmid != 0)
        return LOCK_VM;
    return level >= 2 && sim_section(s, gfn / 512, section) ? LOCK_SECTION : LOCK_HOST;
}

/* Whether the frame may become a live table; reports why not. */
static bool can_attach(struct sim *s, struct cpu *cpu, uint64_t row, struct place p)
{
    char who[32];
    const char *wrong = NULL;
    uint64_t is = sim_has_memory(s, row) ? row_get(s, row) : 0;

    if ((is & ROW_TABLE) == 0)
        wrong = "it is not a table";
    else if ((is & ROW_LIVE) != 0)
        wrong = "it is reachable from another place already";
    if (wrong != NULL)
        report(s, cpu, "I7", "frame 0x%llx is linked as the level-%u table of %s for gfn 0x%llx, but %s", ull(row), p.level,
               who_name(p.vmid, who, sizeof(who)), ull(p.gfn), wrong);
    return wrong == NULL;
}

static void check_attached(struct sim *s, struct cpu *cpu, uint64_t row, struct place p)
{
    const struct table *shadow = s->note[row].shadow;
    char who[32];

    if (!is_ordered(s, row))
        report(s, cpu, "publish", "table 0x%llx (level %u of %s, gfn 0x%llx) is linked before a DSB ISHST has ordered what was "
               "stored into it; missing: DSB ISHST", ull(row), p.level, who_name(p.vmid, who, sizeof(who)), ull(p.gfn));
    if (shadow != NULL && memcmp(shadow, &s->phys[row], sizeof(*shadow)) != 0)
        report(s, cpu, "direct store", "table 0x%llx was written other than by arch_pte_write()", ull(row));
}

/* No recursion beyond the four levels. Every leaf below is checked with the change of `row`. */
static void attach(struct sim *s, struct cpu *cpu, uint64_t row, struct place p, uint64_t bits)
{
    uint64_t section;
    uint32_t guard = guard_of(s, p.vmid, p.level, p.gfn, &section);

    if (!can_attach(s, cpu, row, p))
        return;
    check_attached(s, cpu, row, p);
    row_set(s, row, row_pack(ROW_LIVE | ROW_TABLE | bits, p.vmid, p.level, p.gfn));
    /* A new level-2 table of the host maps sections whose locks are not held: they are for the operation's end. */
    note_change(cpu, row, 512, p.vmid == 0 && p.level < 3 ? 0 : guard);
    for (uint32_t i = 0; p.level < 3 && i < 512; i++) {
        uint64_t desc = hw_load(&s->phys[row].e[i]);

        if (desc_kind(desc, p.level) == DESC_IS_TABLE)
            attach(s, cpu, desc_out(desc), (struct place){ p.vmid, p.level + 1, p.gfn + i * level_pages(p.level) }, 0);
    }
}

/* A table is no longer reachable, nor what it links. Returns whether it still had leaves. */
static bool detach(struct sim *s, uint64_t row, uint32_t level)
{
    bool leaves = false;

    if (!sim_has_memory(s, row) || (row_get(s, row) & ROW_LIVE) == 0)
        return false;
    row_set(s, row, ROW_TABLE);
    for (uint32_t i = 0; i < 512; i++) {
        uint64_t desc = hw_load(&s->phys[row].e[i]);

        if (desc_kind(desc, level) == DESC_IS_LEAF)
            leaves = true;
        else if (desc_kind(desc, level) == DESC_IS_TABLE)
            leaves = detach(s, desc_out(desc), level + 1) || leaves;
    }
    return leaves;
}

void pte_attach_roots(struct sim *s, struct cpu *cpu, const struct stage2 *s2)
{
    for (uint32_t i = 0; i < s2->roots; i++)
        attach(s, cpu, s2->root + i, (struct place){ s2->vmid, s2->start, i * 512 * level_pages(s2->start) }, ROW_ROOT);
}

static void detach_root(struct sim *s, struct cpu *cpu, uint64_t row)
{
    uint64_t is = row_get(s, row);

    if ((is & ROW_LIVE) != 0 && !sim_is_zero(s, row))
        report(s, cpu, "I7", "root table 0x%llx of VM %u goes away with entries in it", ull(row), row_vmid(is));
    /* The entries are gone from the TLBs one by one, but a walk that has read the root's address may not be done. */
    if ((is & ROW_LIVE) != 0 && cpu->flushed != row_vmid(is))
        report(s, cpu, "I6 (S11)", "root table 0x%llx of VM %u goes away while a walk may be in it; missing: "
               "TLBI VMALLS12E1IS vmid=%u and DSB ISH", ull(row), row_vmid(is), row_vmid(is));
    (void)detach(s, row, row_level(is));
}

/* Everything of a VMID is gone: at the operation's end no TLB may have a trace of it. */
static void all_gone(struct sim *s, struct cpu *cpu, uint32_t vmid)
{
    if (s->concurrent)
        return;
    cpu->gone = sim_room(cpu->gone, cpu->gones, &cpu->gone_room, sizeof(*cpu->gone));
    cpu->gone[cpu->gones++] = (struct stretch){ vmid, 0, UINT64_C(1) << 36 };
}

void pte_sync_vm(struct sim *s, struct cpu *cpu, uint32_t id)
{
    const struct vm *vm = &s->core.vm[id - 1];
    struct vm_note *n = &s->vm[id - 1];
    bool live = vm->state != VM_NONE;

    if (n->live && (!live || vm->s2.root != n->s2.root)) {
        hw_store8((uint8_t *)&n->live, 0);
        for (uint32_t i = 0; i < n->s2.roots; i++)
            detach_root(s, cpu, n->s2.root + i);
        all_gone(s, cpu, id);
    }
    if (live && !n->live) {
        if (vm->s2.vmid != id)
            report(s, cpu, "I6", "VM %u has the VMID %u", id, vm->s2.vmid);
        n->s2 = vm->s2;
        pte_attach_roots(s, cpu, &n->s2);
        all_gone(s, cpu, id);
        hw_fence();
        hw_store8((uint8_t *)&n->live, 1);
    }
    if (live && vm->frames != __atomic_load_n(&n->frames, __ATOMIC_RELAXED))
        report(s, cpu, "count", "VM %u counts %llu frames and owns %llu", id, ull(vm->frames), ull(n->frames));
}

/* ---- stores into live tables ---- */

struct store {
    uint64_t row;
    uint32_t index;
    struct place at;        /* of the entry: its first gfn */
    uint32_t guard;
    uint64_t old, new;
};

static void check_guard(struct sim *s, struct cpu *cpu, const struct store *st, uint64_t section)
{
    static const char *const name[SIM_KINDS] = { "", "VM's", "section's", "host's" };
    bool held = cpu->held[st->guard];
    char who[32];

    if (st->guard == LOCK_VM)
        held = held && cpu->held_id[LOCK_VM] == st->at.vmid;
    if (st->guard == LOCK_SECTION)
        held = held && cpu->held_id[LOCK_SECTION] == section;
    if (!held)
        report(s, cpu, "lock", "entry %u of the live table 0x%llx (level %u of %s, gfn 0x%llx) is written without the %s lock",
               st->index, ull(st->row), st->at.level, who_name(st->at.vmid, who, sizeof(who)), ull(st->at.gfn),
               name[st->guard]);
}

/* Bits of a leaf that may change without break-before-make: access, execute-never, those for software. */
#define MAY_CHANGE (UINT64_C(3) << 6 | UINT64_C(3) << 53 | UINT64_C(15) << 55)

static void retract(struct sim *s, struct cpu *cpu, const struct store *st)
{
    enum desc_kind old = desc_kind(st->old, st->at.level);
    enum desc_kind new = desc_kind(st->new, st->at.level);
    struct duty d = { .state = DUTY_WRITTEN, .vmid = st->at.vmid, .gfn = st->at.gfn, .pages = level_pages(st->at.level),
                      .any = true, .level = st->at.level, .guard = st->guard, .row = st->row, .old = st->old,
                      .index = st->index };
    char who[32];

    if (old == DESC_IS_INVALID || st->old == st->new)
        return;
    if (new != DESC_IS_INVALID && (old != new || old == DESC_IS_TABLE || ((st->old ^ st->new) & ~MAY_CHANGE) != 0))
        report(s, cpu, "break-before-make", "entry %u of table 0x%llx (level %u of %s, gfn 0x%llx) goes from 0x%llx to 0x%llx "
               "without being invalid in between; missing: an invalid entry, its invalidation and DSB ISH", st->index,
               ull(st->row), st->at.level, who_name(st->at.vmid, who, sizeof(who)), ull(st->at.gfn), ull(st->old),
               ull(st->new));
    if (old == DESC_IS_TABLE) {
        d.any = !detach(s, desc_out(st->old), st->at.level + 1);
        d.walk_only = d.any;
    }
    duty_add(s, cpu, d);
    stream_retracted(s, cpu, &d);
}

static void check_make(struct sim *s, struct cpu *cpu, const struct store *st)
{
    const struct duty *d = NULL;
    char missing[128];
    char who[32];

    if (desc_kind(st->old, st->at.level) == DESC_IS_INVALID)
        d = duty_open(cpu, st->at.vmid, st->at.gfn, level_pages(st->at.level));
    if (d != NULL)
        report(s, cpu, "break-before-make", "entry %u of table 0x%llx (level %u of %s, gfn 0x%llx) becomes valid (0x%llx) while "
               "what 0x%llx gave there may still be in a TLB; missing: %s", st->index, ull(st->row), st->at.level,
               who_name(st->at.vmid, who, sizeof(who)), ull(st->at.gfn), ull(st->new), ull(d->old),
               duty_missing(d, missing, sizeof(missing)));
    stream_check_made(s, cpu, st->at.vmid, st->at.gfn, level_pages(st->at.level));
}

/* What a store into a live table means. Returns whether it publishes a table that is complete. */
static bool live_store(struct sim *s, struct cpu *cpu, struct store st)
{
    enum desc_kind new = desc_kind(st.new, st.at.level);
    uint64_t section = 0;
    uint64_t child = desc_out(st.new);
    bool publishes = false;

    if (cpu->flushed == st.at.vmid)
        cpu->flushed = 0;
    st.guard = guard_of(s, st.at.vmid, st.at.level, st.at.gfn, &section);
    check_guard(s, cpu, &st, section);
    if (new != DESC_IS_INVALID)
        check_make(s, cpu, &st);
    retract(s, cpu, &st);
    if (new == DESC_IS_INVALID || st.old == st.new)
        return false;
    cpu->fresh[st.guard] = cpu->clock;
    if (new == DESC_IS_TABLE) {
        publishes = sim_has_memory(s, child) && is_ordered(s, child);
        attach(s, cpu, child, (struct place){ st.at.vmid, st.at.level + 1, st.at.gfn }, 0);
    }
    note_change(cpu, st.row, st.index, st.at.vmid == 0 && st.at.level < 2 && new == DESC_IS_LEAF ? 0 : st.guard);
    return publishes;
}

static bool check_store(struct sim *s, struct cpu *cpu, struct store st)
{
    struct frame_note *n = &s->note[st.row];
    uint64_t is = row_get(s, st.row);

    if (n->shadow != NULL && n->shadow->e[st.index] != st.old)
        report(s, cpu, "direct store", "entry %u of table 0x%llx holds 0x%llx, which arch_pte_write() did not put there",
               st.index, ull(st.row), ull(st.old));
    if (n->shadow != NULL)
        n->shadow->e[st.index] = st.new;
    if ((is & ROW_TABLE) == 0)
        report(s, cpu, "I7", "entry %u is written in frame 0x%llx, which is not a table", st.index, ull(st.row));
    if ((is & ROW_LIVE) == 0) {
        mark_store(s, cpu, st.row);
        return false;
    }
    cpu->clock++;
    st.at.vmid = row_vmid(is);
    st.at.level = row_level(is);
    st.at.gfn = row_gfn(is) + st.index * level_pages(st.at.level);
    return live_store(s, cpu, st);
}

void arch_pte_write(struct cordon *c, uint64_t row, uint64_t index, uint64_t entry)
{
    struct sim *s = c->arch->sim;
    struct cpu *cpu = sim_this_cpu(s);
    uint64_t old = arch_pte_read(c, row, index);
    bool publishes = s->concurrent;

    LOG(s, cpu, "pte row=0x%llx index=%llu old=0x%llx new=0x%llx", ull(row), ull(index), ull(old), ull(entry));
    if (s->check)
        publishes = check_store(s, cpu, (struct store){ .row = row, .index = (uint32_t)index, .old = old, .new = entry });
    /*
     * Who follows a link reads the table behind it by address dependency. Race detectors do not know that; they are
     * told by a release, of those links alone that a DSB ISHST allows to follow.
     */
    if (publishes)
        __atomic_store_n(&c->phys[row].e[index], entry, __ATOMIC_RELEASE);
    else
        __atomic_store_n(&c->phys[row].e[index], entry, __ATOMIC_RELAXED);
}

void pte_check_fresh(struct sim *s, struct cpu *cpu, uint32_t kind, uint64_t id)
{
    static const char *const name[SIM_KINDS] = { "", "VM", "section", "host" };

    if (cpu->fresh[kind] == 0)
        return;
    cpu->fresh[kind] = 0;
    report(s, cpu, "publish", "lock %s %llu is dropped after an entry became valid and no barrier has had the walkers see it; "
           "missing: DSB ISHST", name[kind], ull(id));
}

/* ---- frames become tables and cease to be ---- */

void arch_table_alloc(struct cordon *c, uint64_t row)
{
    struct sim *s = c->arch->sim;
    struct cpu *cpu = sim_this_cpu(s);
    struct frame_note *n = &s->note[row];

    LOG(s, cpu, "table alloc row=0x%llx", ull(row));
    sim_touch(s, row);
    mark_store(s, cpu, row);
    if (!s->check)
        return;
    if (row_get(s, row) != 0)
        report(s, cpu, "I7", "table 0x%llx is handed out while it is one already", ull(row));
    if (!sim_is_zero(s, row))
        report(s, cpu, "I7", "table 0x%llx is handed out and is not all zero", ull(row));
    row_set(s, row, ROW_TABLE);
    if (s->concurrent)
        return;
    if (n->shadow == NULL)
        n->shadow = sim_page_get(s);
    memcpy(n->shadow, &s->phys[row], sizeof(*n->shadow));
}

/* A table is done with while a walker may still be in it. */
static void check_walkers_gone(struct sim *s, struct cpu *cpu, uint64_t row)
{
    char missing[128];

    for (uint32_t i = 0; i < cpu->duties; i++) {
        const struct duty *d = &cpu->duty[i];

        if (desc_kind(d->old, d->level) == DESC_IS_TABLE && desc_out(d->old) == row)
            report(s, cpu, "I6 (S11)", "table 0x%llx is free while a walk cache may still point to it; missing: %s", ull(row),
                   duty_missing(d, missing, sizeof(missing)));
    }
}

void arch_table_free(struct cordon *c, uint64_t row)
{
    struct sim *s = c->arch->sim;
    struct cpu *cpu = sim_this_cpu(s);
    struct frame_note *n = &s->note[row];
    uint64_t is = row_get(s, row);

    LOG(s, cpu, "table free row=0x%llx", ull(row));
    if (!s->check)
        return;
    if ((is & ROW_TABLE) == 0)
        report(s, cpu, "I7", "frame 0x%llx is freed as a table and is none", ull(row));
    if ((is & (ROW_LIVE | ROW_ROOT)) == (ROW_LIVE | ROW_ROOT))
        detach_root(s, cpu, row);
    else if ((is & ROW_LIVE) != 0)
        report(s, cpu, "I7", "table 0x%llx is freed while it is linked", ull(row));
    check_walkers_gone(s, cpu, row);
    stream_check_free(s, cpu, row);
    row_set(s, row, 0);
    if (n->shadow != NULL)
        sim_page_put(s, n->shadow);
    n->shadow = NULL;
}
