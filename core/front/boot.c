/* SPDX-License-Identifier: Apache-2.0 */
/* From a description of the machine to a core that guards it. Runs once, on one CPU, before any other call. */
#include "base/check.h"
#include "memory/dma.h"
#include "memory/frame.h"
#include "memory/pool.h"
#include "base/region.h"
#include "memory/stage2.h"
#include "cordon/cordon.h"

#define DEFAULT_PA_BITS 40  /* the seed's world */

struct piece {              /* pages or sections: first .. end-1 */
    uint64_t first;
    uint64_t end;
};

static struct piece pages_of(struct cordon_mem m)
{
    return (struct piece){ m.base / CORDON_PAGE_SIZE, m.base / CORDON_PAGE_SIZE + m.size / CORDON_PAGE_SIZE };
}

/* The pieces of `unit` pages that a range touches. */
static struct piece units_of(struct cordon_mem m, uint64_t unit)
{
    struct piece p = pages_of(m);

    return (struct piece){ p.first / unit, (p.end + unit - 1) / unit };
}

static bool well_formed(struct cordon_mem m)
{
    return m.base % CORDON_PAGE_SIZE == 0 && m.size % CORDON_PAGE_SIZE == 0 && m.size > 0 &&
           m.base < CORDON_ADDR_LIMIT && m.size <= CORDON_ADDR_LIMIT - m.base;
}

static bool overlap(struct cordon_mem a, struct cordon_mem b)
{
    return a.base < b.base + b.size && b.base < a.base + a.size;
}

static bool inside(struct cordon_mem a, struct cordon_mem b)
{
    return a.base >= b.base && a.base + a.size <= b.base + b.size;
}

static bool overlaps_any(struct cordon_mem m, const struct cordon_mem *list, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (overlap(m, list[i]))
            return true;
    }
    return false;
}

static bool inside_any(struct cordon_mem m, const struct cordon_mem *list, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (inside(m, list[i]))
            return true;
    }
    return false;
}

static bool memory_is_sound(const struct cordon_config *f)
{
    if (f->rams == 0)
        return false;
    for (uint32_t i = 0; i < f->rams; i++) {
        if (!well_formed(f->ram[i]) || overlaps_any(f->ram[i], f->ram, i))
            return false;
    }
    for (uint32_t i = 0; i < f->cores; i++) {
        if (!well_formed(f->core[i]) || !inside_any(f->core[i], f->ram, f->rams))
            return false;
    }
    for (uint32_t i = 0; i < f->hiddens; i++) {
        if (!well_formed(f->hidden[i]) || overlaps_any(f->hidden[i], f->ram, f->rams))
            return false;
    }
    for (uint32_t i = 0; i < f->pinneds; i++) {
        if (!well_formed(f->pinned[i]))
            return false;
    }
    return true;
}

/* Whether an entry is what an SMMU takes for a page, once it has an address. */
static bool is_page_entry(uint64_t page)
{
    return page % 4 == DESC_PAGE && (page & UINT64_C(0xfffffffff000)) == 0;
}

/* Whether there is no door, or it is one page that devices' tables reach, and its section is none of RAM's. */
static bool door_is_sound(const struct cordon_config *f)
{
    const struct cordon_mem page = { f->door.address, CORDON_PAGE_SIZE };
    uint64_t section = f->door.address / CORDON_PAGE_SIZE / CORDON_BLOCK_PAGES;

    if (f->door.address == 0)
        return true;
    if (f->dma.bits == 0 || !well_formed(page) || page.base >> f->dma.bits != 0 || !is_page_entry(f->door.page))
        return false;
    for (uint32_t i = 0; i < f->rams; i++) {
        struct piece p = units_of(f->ram[i], CORDON_BLOCK_PAGES);

        if (section >= p.first && section < p.end)
            return false;
    }
    return true;
}

/* Whether devices' tables of that shape reach all of RAM, and their leaves are what an SMMU takes for pages. */
static bool dma_is_sound(const struct cordon_config *f)
{
    if (!door_is_sound(f))
        return false;
    if (f->dma.bits == 0)
        return true;
    if (f->dma.bits != 39 && f->dma.bits != 48)
        return false;
    for (uint32_t i = 0; i < f->rams; i++) {
        if (f->ram[i].base + f->ram[i].size > UINT64_C(1) << f->dma.bits)
            return false;
    }
    return is_page_entry(f->dma.page);
}

static uint32_t pa_bits(const struct cordon_config *f)
{
    return f->pa_bits == 0 ? DEFAULT_PA_BITS : f->pa_bits;
}

static bool shapes_are_sound(const struct cordon_config *f, struct stage2 *host, struct stage2 *vm)
{
    if (!s2_shape(&f->host, host) || !s2_shape(&f->vm, vm))
        return false;
    for (uint32_t i = 0; i < f->rams; i++) {
        if (pages_of(f->ram[i]).end > host->gfn_limit)
            return false;
    }
    return dma_is_sound(f) && f->vms >= 1 && f->vms < HOLDER_PENDING && pa_bits(f) >= 32 && pa_bits(f) <= 48;
}

/* Tables that map all of RAM by pages, of the last two levels: one of level 3 for each section, one of level 2 for each GiB. */
static uint64_t tables_of_ram(const struct cordon_config *f)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < f->rams; i++) {
        struct piece sections = units_of(f->ram[i], CORDON_BLOCK_PAGES);
        struct piece gibs = units_of(f->ram[i], CORDON_GIB_PAGES);

        n += (sections.end - sections.first) + (gibs.end - gibs.first);
    }
    return n;
}

/*
 * Tables with which a host fault never runs out: those of RAM, two for each edge of a hidden range, all of level 1.
 * Everything else is mapped by blocks.
 */
static uint64_t worst_host_tables(const struct cordon_config *f, const struct stage2 *host)
{
    uint64_t n = host->roots + tables_of_ram(f) + 4 * (uint64_t)f->hiddens;

    return n + (host->start == 0 ? (host->gfn_limit + s2_pages(0) - 1) / s2_pages(0) : 0);
}

/*
 * Tables for the host's devices, which map by pages alone: those of RAM, the root, those of level 1 below one of level 0, and
 * the door's below the root.
 */
static uint64_t worst_dma_tables(const struct cordon_config *f)
{
    uint64_t n = 1 + tables_of_ram(f) + (f->door.address != 0 ? 3 : 0);

    for (uint32_t i = 0; i < f->rams; i++) {
        struct piece tops = units_of(f->ram[i], s2_pages(0));

        n += f->dma.bits > 39 ? tops.end - tops.first : 0;
    }
    return f->dma.bits == 0 ? 0 : n;
}

enum cordon_status cordon_sizes(const struct cordon_config *config, struct cordon_sizes *sizes)
{
    struct stage2 host;
    struct stage2 vm;

    if (!memory_is_sound(config) || !shapes_are_sound(config, &host, &vm))
        return CORDON_CONFIG;
    sizes->spans = config->rams;
    sizes->hiddens = config->hiddens;
    sizes->sections = 0;
    for (uint32_t i = 0; i < config->rams; i++) {
        struct piece p = units_of(config->ram[i], CORDON_BLOCK_PAGES);

        sizes->sections += p.end - p.first;
    }
    sizes->vms = config->vms;
    sizes->host_roots = host.roots;
    sizes->host_tables = worst_host_tables(config, &host);
    sizes->dma_tables = worst_dma_tables(config);
    sizes->vm_roots = vm.roots;
    return CORDON_OK;
}

/* ---- cordon_init ---- */

/* Inserts one run of sections into the ascending list. */
static void insert_span(struct cordon *c, struct piece p)
{
    uint32_t at = c->spans;

    while (at > 0 && c->span[at - 1].first > p.first) {
        c->span[at] = c->span[at - 1];
        at--;
    }
    c->span[at] = (struct span){ p.first, p.end - p.first, 0 };
    c->spans++;
}

/* Makes one span of those that touch: two regions may share a section. */
static void merge_spans(struct cordon *c)
{
    uint32_t last = 0;

    for (uint32_t i = 1; i < c->spans; i++) {
        uint64_t end = c->span[last].first + c->span[last].count;
        uint64_t i_end = c->span[i].first + c->span[i].count;

        if (c->span[i].first > end) {
            last++;
            c->span[last] = c->span[i];
        } else if (i_end > end) {
            c->span[last].count = i_end - c->span[last].first;
        }
    }
    c->spans = last + 1;
}

static void make_spans(struct cordon *c, const struct cordon_config *f)
{
    for (uint32_t i = 0; i < f->rams; i++)
        insert_span(c, units_of(f->ram[i], CORDON_BLOCK_PAGES));
    merge_spans(c);
    for (uint32_t i = 0; i < c->spans; i++) {
        c->span[i].base = c->sections;
        c->sections += c->span[i].count;
    }
}

/* The record of a frame, and the section's; 0: the frame is in no section of RAM. */
static struct frame *record_of(struct cordon *c, uint64_t frame, struct section **section)
{
    uint64_t index;

    if (!region_section(c, frame / 512, &index))
        return 0;
    *section = &c->section[index];
    return &c->frame[index * 512 + frame % 512];
}

/* One frame that is in a section of RAM and not the host's. */
static void set_taken(struct cordon *c, uint64_t frame, uint16_t holder)
{
    struct section *section;
    struct frame *record = record_of(c, frame, &section);

    if (record == 0)
        return;
    if (record->holder == HOLDER_HOST)
        section->taken++;
    *record = frame_of(holder);
}

/* One frame of the host's stays the host's: to all operations it is one that a device maps. */
static void pin(struct cordon *c, uint64_t frame)
{
    struct section *section;
    struct frame *record = record_of(c, frame, &section);

    if (record == 0 || record->holder != HOLDER_HOST || record->count != 0)
        return;
    record->count = 1;
    section->pinned++;
}

/* The frames of a section, some of which are no RAM. */
static void mark_holes(struct cordon *c, const struct cordon_config *f, uint64_t number)
{
    for (uint64_t i = 0; i < 512; i++) {
        struct cordon_mem page = { (number * 512 + i) * CORDON_PAGE_SIZE, CORDON_PAGE_SIZE };

        if (!inside_any(page, f->ram, f->rams))
            set_taken(c, number * 512 + i, HOLDER_INVALID);
    }
}

static void mark_owners(struct cordon *c, const struct cordon_config *f)
{
    for (uint32_t i = 0; i < f->rams; i++) {
        struct piece p = units_of(f->ram[i], CORDON_BLOCK_PAGES);

        mark_holes(c, f, p.first);
        mark_holes(c, f, p.end - 1);
    }
    for (uint32_t i = 0; i < f->cores; i++) {
        struct piece p = pages_of(f->core[i]);

        for (uint64_t frame = p.first; frame < p.end; frame++)
            set_taken(c, frame, HOLDER_CORE);
    }
    for (uint32_t i = 0; i < f->pinneds; i++) {
        struct piece p = pages_of(f->pinned[i]);

        for (uint64_t frame = p.first; frame < p.end; frame++)
            pin(c, frame);
    }
    for (uint32_t i = 0; i < f->hiddens; i++) {
        struct piece p = pages_of(f->hidden[i]);

        c->hidden[i] = (struct hidden){ p.first, p.end - p.first };
    }
    c->hiddens = f->hiddens;
}

/* Whether tables lie where the core reaches them and the host does not: in the core's RAM, or hidden. */
static bool out_of_reach(const struct cordon_config *f, const struct cordon_storage *g, uint64_t row, uint64_t n)
{
    struct cordon_mem m;

    if (row >= CORDON_FRAME_LIMIT || n > CORDON_FRAME_LIMIT || row + n > g->phys_frames)
        return false;
    m = (struct cordon_mem){ row * CORDON_PAGE_SIZE, n * CORDON_PAGE_SIZE };
    return well_formed(m) && (inside_any(m, f->core, f->cores) || inside_any(m, f->hidden, f->hiddens));
}

/* Whether those for the host's devices, where there are any, are its own. Row 0 would say that there are none: see machine.h. */
static bool dma_tables_are_sound(const struct cordon_config *f, const struct cordon_storage *g)
{
    uint64_t row = g->dma_tables.v;
    uint64_t n = worst_dma_tables(f);

    if (f->dma.bits == 0)
        return true;
    return row != 0 && out_of_reach(f, g, row, n) &&
           (row + n <= g->host_tables.v || g->host_tables.v + g->host_table_count <= row);
}

/* Whether the core reaches all RAM, and the host's tables are its own, and those for the host's devices. */
static bool tables_are_sound(const struct cordon_config *f, const struct cordon_storage *g, const struct stage2 *host)
{
    if (g->host_table_count < host->roots || g->host_tables.v % host->roots != 0)
        return false;
    for (uint32_t i = 0; i < f->rams; i++) {
        if (pages_of(f->ram[i]).end > g->phys_frames)
            return false;       /* any of it may become a table */
    }
    return out_of_reach(f, g, g->host_tables.v, g->host_table_count) && dma_tables_are_sound(f, g);
}

static void make_host(struct cordon *c, const struct cordon_storage *g)
{
    c->host.root = g->host_tables.v;
    c->host.vmid = 0;
    for (uint64_t i = 0; i < c->host.roots; i++)
        pool_root(c, g->host_tables.v + i);
    pool_init(&c->host_pool, g->host_tables.v + c->host.roots, g->host_table_count - c->host.roots);
    arch_dsb_ishst(c);      /* the roots are seen empty before any CPU may walk them */
}

enum cordon_status cordon_init(struct cordon *c, const struct cordon_config *config, const struct cordon_storage *storage)
{
    struct stage2 host = { 0 };
    struct stage2 vm = { 0 };

    if (!memory_is_sound(config) || !shapes_are_sound(config, &host, &vm) || !tables_are_sound(config, storage, &host))
        return CORDON_CONFIG;
    *c = (struct cordon){ .arch = storage->arch, .phys = storage->phys, .phys_frames = storage->phys_frames,
                          .pfn_limit = (UINT64_C(1) << pa_bits(config)) / CORDON_PAGE_SIZE, .span = storage->span,
                          .hidden = storage->hidden, .frame = storage->frame, .section = storage->section,
                          .host = host, .vm = storage->vm, .vms = config->vms, .vm_shape = vm };
    make_spans(c, config);
    mark_owners(c, config);
    make_host(c, storage);
    if (config->dma.bits != 0)
        dma_build(c, &config->dma, config->door, storage->dma_tables.v);
    return CORDON_OK;
}
