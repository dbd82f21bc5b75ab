/* SPDX-License-Identifier: Apache-2.0 */
#include "dma.h"

#include <string.h>

#include "cpu.h"
#include "hw.h"
#include "log.h"
#include "mail.h"
#include "memory/frame.h"
#include "ram.h"
#include "record.h"
#include "report.h"
#include "smmu.h"
#include "stream.h"
#include "util.h"

#define VALID 1

static unsigned long long ull(uint64_t x)
{
    return x;
}

bool dma_create(struct sim *s)
{
    if (s->dma_tables.count == 0)
        return true;
    s->dma_shadow = sim_sparse(s->dma_tables.count * sizeof(*s->dma_shadow));
    return s->dma_shadow != NULL;
}

void dma_destroy(struct sim *s)
{
    sim_unsparse(s->dma_shadow, s->dma_tables.count * sizeof(*s->dma_shadow));
}

/* What the table has for frame i of a section. */
static uint64_t entry_of(const struct sim *s, uint64_t index, uint64_t i)
{
    return hw_load(&s->phys[s->core.dma.leaf + index].e[i]);
}

/* ---- duties ---- */

static struct dma_duty *duty_of(const struct cpu *cpu, uint64_t frame)
{
    for (uint32_t i = 0; i < cpu->dmas; i++) {
        if (cpu->dma[i].frame == frame)
            return &cpu->dma[i];
    }
    return NULL;
}

static const char *missing(const struct dma_duty *d)
{
    return d->told ? "CMD_SYNC" : "CMD_TLBI and CMD_SYNC";
}

static void add_duty(struct cpu *cpu, uint64_t frame, uint64_t old)
{
    struct dma_duty *d = duty_of(cpu, frame);

    if (d != NULL) {
        d->told = false;
        return;
    }
    cpu->dma = sim_room(cpu->dma, cpu->dmas, &cpu->dma_room, sizeof(*cpu->dma));
    cpu->dma[cpu->dmas++] = (struct dma_duty){ frame, old, false };
}

static void complain(struct sim *s, struct cpu *cpu, const char *when)
{
    for (uint32_t i = 0; i < cpu->dmas; i++)
        report(s, cpu, "I6 (S11)", "an invalidation is incomplete at %s: the devices' entry for frame 0x%llx was 0x%llx and was "
               "taken out; missing: %s", when, ull(cpu->dma[i].frame), ull(cpu->dma[i].old), missing(&cpu->dma[i]));
    cpu->dmas = 0;
}

/* ---- stores ---- */

struct store {
    uint64_t row;
    uint64_t index;
    uint64_t old, new;
};

/* A device may write to a frame as soon as it is open: what somebody else had is zero by then. */
static void check_opened(struct sim *s, const struct cpu *cpu, uint64_t section, uint64_t frame)
{
    uint64_t at = section * 512 + frame % 512;

    if (s->seen[section] != 0 && s->shadow[at].holder != HOLDER_HOST && s->core.frame[at].holder == HOLDER_HOST &&
        !sim_is_zero(s, frame))
        report(s, cpu, "I8", "frame 0x%llx is opened to the host's devices and is not zero", ull(frame));
}

/* An entry of level 3 changes while devices are there. */
static void check_entry(struct sim *s, struct cpu *cpu, const struct store *st, uint64_t section, uint64_t frame)
{
    const struct dma_duty *d = duty_of(cpu, frame);
    uint64_t before = (st->old & VALID) != 0 || d == NULL ? st->old : d->old;   /* what an SMMU may have */

    if (!cpu->held[LOCK_SECTION] || cpu->held_id[LOCK_SECTION] != section)
        report(s, cpu, "lock", "the devices' entry for frame 0x%llx is written without its section's lock", ull(frame));
    if (st->old == st->new)
        return;
    if ((st->new & VALID) != 0) {
        cpu->fresh[LOCK_SECTION] = ++cpu->clock;
        check_opened(s, cpu, section, frame);
        if ((before & VALID) != 0 && before != st->new)
            report(s, cpu, "break-before-make", "the devices' entry for frame 0x%llx goes from 0x%llx to 0x%llx while an SMMU "
                   "may have the old one; missing: an invalid entry, CMD_TLBI and CMD_SYNC", ull(frame), ull(before),
                   ull(st->new));
    }
    if ((st->old & VALID) != 0)
        add_duty(cpu, frame, st->old);
}

static void check_store(struct sim *s, struct cpu *cpu, const struct store *st)
{
    uint64_t *shadow = &s->dma_shadow[st->row - s->dma_tables.first].e[st->index];
    uint64_t section = st->row - s->core.dma.leaf;
    uint64_t number;

    if (*shadow != st->old)
        report(s, cpu, "direct store", "entry %llu of the devices' table 0x%llx holds 0x%llx, which arch_dma_write() did not put "
               "there", ull(st->index), ull(st->row), ull(st->old));
    *shadow = st->new;
    if (s->booting)
        return;
    if (section < s->core.sections && sim_section_number(s, section, &number))
        check_entry(s, cpu, st, section, number * 512 + st->index);
    else
        report(s, cpu, "I7", "entry %llu of the devices' table 0x%llx, which is not of level 3, is written after boot",
               ull(st->index), ull(st->row));
}

void arch_dma_write(struct cordon *c, uint64_t row, uint64_t index, uint64_t entry)
{
    struct sim *s = c->arch->sim;
    struct cpu *cpu = sim_this_cpu(s);
    uint64_t old;

    if (row - s->dma_tables.first >= s->dma_tables.count || index >= 512) {
        report(s, cpu, "I7", "entry %llu is written in frame 0x%llx, which is no table of the devices'", ull(index), ull(row));
        return;
    }
    old = arch_dma_read(c, row, index);
    if (!s->booting)
        LOG(s, cpu, "dma pte row=0x%llx index=%llu old=0x%llx new=0x%llx", ull(row), ull(index), ull(old), ull(entry));
    if (s->check)
        check_store(s, cpu, &(struct store){ row, index, old, entry });
    __atomic_store_n(&c->phys[row].e[index], entry, __ATOMIC_RELAXED);
}

/* ---- invalidations ---- */

void arch_dma_invalidate(struct cordon *c, uint64_t frame, uint64_t pages)
{
    struct sim *s = c->arch->sim;
    struct cpu *cpu = sim_this_cpu(s);

    LOG(s, cpu, "dma invalidate pfn=0x%llx pages=%llu", ull(frame), ull(pages));
    cpu->told = sim_room(cpu->told, cpu->tolds, &cpu->told_room, sizeof(*cpu->told));
    cpu->told[cpu->tolds++] = (struct frames){ frame, pages };
    for (uint32_t i = 0; i < cpu->dmas; i++) {
        if (cpu->dma[i].frame - frame < pages)
            cpu->dma[i].told = true;
    }
}

/* What was taken out after the SMMUs were told of it stays: a walk that was under way may have brought it back. */
static void forget(struct sim *s, const struct cpu *cpu, struct frames f)
{
    for (uint64_t i = 0; i < f.count; i++) {
        const struct dma_duty *d = cpu->dmas > 0 ? duty_of(cpu, f.first + i) : NULL;

        if (d == NULL || d->told)
            smmu_forget(s, f.first + i);
    }
}

void arch_dma_sync(struct cordon *c)
{
    struct sim *s = c->arch->sim;
    struct cpu *cpu = sim_this_cpu(s);
    uint32_t kept = 0;

    LOG(s, cpu, "dma sync");
    if (s->concurrent)
        mail_wait(s, cpu);      /* a walk that read an old entry has put it into the TLB */
    for (uint32_t i = 0; i < cpu->tolds; i++)
        forget(s, cpu, cpu->told[i]);
    stream_sync(s, cpu);
    if (s->concurrent)
        mail_wait(s, cpu);      /* an access by what the TLB had is over */
    cpu->tolds = 0;
    for (uint32_t i = 0; i < cpu->dmas; i++) {
        if (!cpu->dma[i].told)
            cpu->dma[kept++] = cpu->dma[i];
    }
    cpu->dmas = kept;
}

/* ---- when frames are zeroed and locks go ---- */

void dma_check_zeroed(struct sim *s, const struct cpu *cpu, uint64_t frame)
{
    const struct dma_duty *d = duty_of(cpu, frame);
    uint64_t index;

    if (s->dma_tables.count == 0 || !sim_section(s, frame / 512, &index))
        return;
    if ((entry_of(s, index, frame % 512) & VALID) != 0)
        report(s, cpu, "I8", "frame 0x%llx is zeroed while the host's devices still reach it", ull(frame));
    else if (d != NULL)
        report(s, cpu, "I8", "frame 0x%llx is zeroed while the host's devices may still reach it through an SMMU; missing: %s",
               ull(frame), missing(d));
}

/* The first entry of a section's that is not what its record asks for. */
static void check_section(struct sim *s, const struct cpu *cpu, uint64_t index, uint64_t number)
{
    for (uint64_t i = 0; i < 512; i++) {
        struct frame f = s->core.frame[index * 512 + i];
        uint64_t frame = number * 512 + i;
        uint64_t entry = entry_of(s, index, i);

        if (entry == (frame_host_may_map(f) ? frame << 12 | s->dma.page : 0))
            continue;
        report(s, cpu, "I5", "the devices' entry for frame 0x%llx is 0x%llx, but its record says holder 0x%x count %u: the host "
               "%s",
               ull(frame), ull(entry), f.holder, f.count, frame_host_may_map(f) ? "may have it" : "may not have it");
        return;
    }
}

static void check_shadow(struct sim *s, const struct cpu *cpu, uint64_t row)
{
    struct table *shadow = &s->dma_shadow[row - s->dma_tables.first];

    if (memcmp(shadow, &s->phys[row], sizeof(*shadow)) == 0)
        return;
    report(s, cpu, "direct store", "the devices' table 0x%llx was written other than by arch_dma_write()", ull(row));
    memcpy(shadow, &s->phys[row], sizeof(*shadow));
}

void dma_check_dropped(struct sim *s, struct cpu *cpu, uint64_t index)
{
    uint64_t number;

    if (s->dma_tables.count == 0 || index >= s->core.sections || !sim_section_number(s, index, &number))
        return;
    complain(s, cpu, "the drop of the section's lock");
    check_section(s, cpu, index, number);
    check_shadow(s, cpu, s->core.dma.leaf + index);
}

void dma_check_end(struct sim *s, struct cpu *cpu)
{
    complain(s, cpu, "the end of the operation");
}

/* ---- the whole machine ---- */

/* A level-3 table is that of one section's, and the one that the core takes for it. */
static bool check_leaf_table(struct sim *s, const struct cpu *cpu, uint64_t row, uint64_t page)
{
    uint64_t index = 0;
    bool known = sim_section(s, page / 512, &index);

    if (known && s->core.dma.leaf + index == row)
        return true;
    report(s, cpu, known ? "I7" : "I5", "the devices' table 0x%llx is for page 0x%llx on, %s", ull(row), ull(page),
           known ? "which the core keeps in another" : "where no RAM is");
    return false;
}

/* The table of the one page that is no RAM maps that page, and nothing else. */
static bool is_doors_table(const struct sim *s, uint64_t row, uint64_t page)
{
    uint64_t door = s->door.address >> 12;

    if (s->door.address == 0 || page / 512 != door / 512)
        return false;
    for (uint64_t i = 0; i < 512; i++) {
        if (hw_load(&s->phys[row].e[i]) != (i == door % 512 ? s->door.address | s->door.page : 0))
            return false;
    }
    return true;
}

/* How many level-3 tables of sections there are at and below a table that a walk to the page comes to. */
static uint64_t survey(struct sim *s, const struct cpu *cpu, uint64_t row, uint32_t level, uint64_t page)
{
    uint64_t leaves = 0;

    if (row - s->dma_tables.first >= s->dma_tables.count || (hw_load8(&s->flag[row]) & FRAME_VISITED) != 0) {
        report(s, cpu, "I7", "frame 0x%llx is reached as the devices' table for page 0x%llx on, and is %s", ull(row), ull(page),
               row - s->dma_tables.first >= s->dma_tables.count ? "none" : "reached from another place too");
        return 0;
    }
    hw_store8(&s->flag[row], hw_load8(&s->flag[row]) | FRAME_VISITED);
    check_shadow(s, cpu, row);
    if (level == 3)
        return !is_doors_table(s, row, page) && check_leaf_table(s, cpu, row, page) ? 1 : 0;
    for (uint64_t i = 0; i < 512; i++) {
        uint64_t entry = hw_load(&s->phys[row].e[i]);
        uint64_t at = page + i * level_pages(level);

        if (desc_kind(entry, level) == DESC_IS_TABLE)
            leaves += survey(s, cpu, desc_out(entry), level + 1, at);
        else if (entry != 0)
            report(s, cpu, "I7", "entry %llu of the devices' table 0x%llx, of level %u, is 0x%llx: no table", ull(i), ull(row),
                   level, ull(entry));
    }
    return leaves;
}

/* What the SMMU has of a section's pages is what the table gives for them. */
static void check_tlb(struct sim *s, const struct cpu *cpu, uint64_t number)
{
    for (uint64_t page = number * 512; page < number * 512 + 512; page++) {
        struct walk w;
        uint64_t pfn;

        if (!smmu_has(s, page, &pfn))
            continue;
        w = smmu_walk(s, page);
        if (w.mapped && w.leaf.pfn + (page - w.leaf.gfn) == pfn)
            continue;
        report(s, cpu, "I6", "the SMMU has a stale translation of page 0x%llx to frame 0x%llx; missing: CMD_TLBI after the entry "
               "was taken out, or CMD_SYNC", ull(page), ull(pfn));
        smmu_forget(s, page);
    }
}

void dma_check_all(struct sim *s, const struct cpu *cpu)
{
    const struct frames *all = &s->dma_tables;
    uint64_t number;

    if (all->count == 0)
        return;
    if (survey(s, cpu, s->core.dma.root, s->core.dma.start, 0) != s->core.sections)
        report(s, cpu, "I7", "the devices' table does not reach every section of RAM");
    for (uint64_t row = all->first; row < all->first + all->count; row++)
        hw_store8(&s->flag[row], hw_load8(&s->flag[row]) & (uint8_t)~FRAME_VISITED);
    for (uint64_t index = 0; index < s->core.sections; index++) {
        if (!sim_section_number(s, index, &number))
            continue;
        check_section(s, cpu, index, number);
        check_tlb(s, cpu, number);
    }
}
