/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_pci.h"

#include "phys.h"
#include "refuse.h"
#include "smmu_registers.h"
#include "tree.h"

#define BUS_SIZE 0x100000u          /* of configuration space */
#define MOST_BUSES 256u
#define ROUTES 0x10000u             /* what a bus and a device's number on it can be: a requester ID */
#define STREAMS_LIMIT 0x1000000u

/* Of an entry of `ranges`: an address of PCI in three cells, of the machine in two, a size in two. */
#define WINDOW_CELLS 7
#define WINDOW_BASE 3
#define WINDOW_MEMORY 0x2000000u    /* of the first cell: memory, in the lower 32 bits or all 64; else it is I/O */
/* Of an entry of `iommu-map`: first requester ID, SMMU, first stream, how many. Of `msi-map`: the same, with an ITS. */
#define MAP_CELLS 4

static bool is_bridge(const struct fdt *f, struct fdt_node node)
{
    return tree_is(f, node, "pci-host-ecam-generic") && tree_is_okay(f, node);
}

/* ---- SMMUs ---- */

static void read_smmu(const struct fdt *f, struct fdt_node node, struct pci_plan *p)
{
    struct smmu_plan *s = &p->smmu[p->smmus];
    struct cordon_mem m;

    if (p->smmus == MAX_SMMUS)
        refuse_to_boot("the device tree has more SMMUs than I can hold");
    if (!tree_reg(fdt_property(f, node, "reg"), 0, &m) || m.base % CORDON_PAGE_SIZE != 0 || m.size < SMMU_REGISTERS_SIZE ||
        mem_end(m) > PHYS_LIMIT)
        refuse_to_boot("the device tree has an SMMU whose registers I cannot use");
    if (fdt_property(f, node, "dma-coherent").data == 0)
        refuse_to_boot("the SMMU of this machine is not coherent with the CPUs' caches (dma-coherent): leave it out of the tree");
    s->base = m.base;
    s->phandle = tree_number(f, node, "phandle", 0);
    p->smmus++;
}

static struct smmu_plan *smmu_of(struct pci_plan *p, uint32_t phandle)
{
    for (uint32_t i = 0; i < p->smmus; i++) {
        if (p->smmu[i].phandle == phandle && phandle != 0)
            return &p->smmu[i];
    }
    return 0;
}

/* One run of a bus' requester IDs, from `id` on, all of them streams of an SMMU. */
static void add_streams(struct pci_plan *p, uint32_t phandle, uint64_t id, uint64_t first, uint64_t count)
{
    struct smmu_plan *s = smmu_of(p, phandle);
    struct bridge *b = &p->bridge[p->bridges];

    if (s == 0)
        refuse_to_boot("the device tree has a PCI bus behind an IOMMU that I do not know");
    if (s->ranges == MAX_STREAM_RANGES || b->routes == MAX_STREAM_RANGES || first % 256 != 0 || count % 256 != 0 ||
        first + count > STREAMS_LIMIT)
        refuse_to_boot("the device tree has a PCI bus with an iommu-map that I cannot use");
    s->streams[s->ranges++] = (struct smmu_streams){ (uint32_t)first, (uint32_t)count };
    b->route[b->routes++] = (struct pci_route){ s->base, (uint32_t)id, (uint32_t)count, (uint32_t)first };
}

/* Each requester ID there can be must be a stream of an SMMU: in ascending order, without a hole. */
static void read_streams(const struct fdt *f, struct fdt_node node, struct pci_plan *p)
{
    struct fdt_value map = fdt_property(f, node, "iommu-map");
    uint64_t covered = 0;

    for (uint32_t i = 0; i < map.size / (4 * MAP_CELLS); i++) {
        uint64_t count = fdt_cells(map, i * MAP_CELLS + 3, 1);

        if (fdt_cells(map, i * MAP_CELLS, 1) != covered)
            break;
        add_streams(p, (uint32_t)fdt_cells(map, i * MAP_CELLS + 1, 1), covered, fdt_cells(map, i * MAP_CELLS + 2, 1), count);
        covered += count;
    }
    p->bridge[p->bridges].shared = tree_number(f, node, "iommu-map-mask", ROUTES - 1) != ROUTES - 1;
    if (covered < ROUTES)
        refuse_to_boot("the device tree has a PCI bus whose devices go past the SMMU (QEMU: leave out default-bus-bypass-iommu)");
}

/* ---- interrupts by messages ---- */

/* Whether all that a bridge says of its devices' interrupts is that they go to one place. */
static bool all_go_to(const struct fdt *f, struct fdt_node node, uint32_t place)
{
    struct fdt_value map = fdt_property(f, node, "msi-map");

    if (place == 0 || map.size == 0 || map.size % (4 * MAP_CELLS) != 0)
        return false;
    for (uint32_t i = 0; i < map.size / 4; i += MAP_CELLS) {
        uint64_t count = fdt_cells(map, i + 3, 1);

        if (fdt_cells(map, i + 1, 1) != place || count == 0 || fdt_cells(map, i + 2, 1) + count > STREAMS_LIMIT)
            return false;
    }
    return true;
}

/* The devices of a bridge. With more ranges than there is room for there are none. */
static void read_msis(const struct fdt *f, struct fdt_node node, struct pci_plan *p)
{
    struct fdt_value map = fdt_property(f, node, "msi-map");

    for (uint32_t i = 0; all_go_to(f, node, p->msis_to) && i < map.size / 4; i += MAP_CELLS) {
        if (p->msis == MAX_ITS_RANGES)
            p->msis_to = 0;
        else
            p->msi[p->msis++] = (struct its_range){ (uint32_t)fdt_cells(map, i + 2, 1), (uint32_t)fdt_cells(map, i + 3, 1) };
    }
}

/* ---- what the host reaches ---- */

static bool overlaps_reg(struct cordon_mem m, struct fdt_value reg)
{
    struct cordon_mem other;

    for (uint32_t i = 0; tree_reg(reg, i, &other); i++) {
        if (mem_overlap(m, other))
            return true;
    }
    return false;
}

/* Whether a range is that of another node too, or of a child of one: those of a GIC lie at the machine's addresses. */
static bool overlaps_node(const struct fdt *f, struct fdt_node bridge, struct cordon_mem m)
{
    struct fdt_node node = { 0, 0, 0 };

    while (fdt_next_child(f, fdt_root(f), &node)) {
        struct fdt_node child = { 0, 0, 0 };

        if (node.begin == bridge.begin)
            continue;
        if (overlaps_reg(m, fdt_property(f, node, "reg")))
            return true;
        while (tree_is(f, node, "arm,gic-v3") && fdt_next_child(f, node, &child)) {
            if (overlaps_reg(m, fdt_property(f, child, "reg")))
                return true;
        }
    }
    return false;
}

/* Whether it is that of a bridge before, or of the one in work. */
static bool overlaps_window(const struct pci_plan *p, struct cordon_mem m)
{
    for (uint32_t i = 0; i <= p->bridges; i++) {
        for (uint32_t k = 0; k < p->bridge[i].windows; k++) {
            if (mem_overlap(m, p->bridge[i].window[k]))
                return true;
        }
    }
    return false;
}

/*
 * Rounded to pages: what is on the same page as a window is the host's too. address: where the bus has it; memory: not its I/O.
 */
static void add_window(const struct fdt *f, struct fdt_node node, struct pci_plan *p, struct cordon_mem m, uint64_t address,
                       bool memory)
{
    struct bridge *b = &p->bridge[p->bridges];

    address -= m.base - page_down(m.base);
    m = (struct cordon_mem){ page_down(m.base), page_up(mem_end(m)) - page_down(m.base) };
    if (m.size == 0)
        return;
    if (overlaps_node(f, node, m) || overlaps_window(p, m))
        refuse_to_boot("the device tree has a PCI bus whose windows lie over something else");
    if (b->windows == sizeof b->window / sizeof b->window[0])
        refuse_to_boot("the device tree has a PCI bus with more windows than I can hold");
    b->address[b->windows] = address;
    b->memory[b->windows] = memory;
    b->window[b->windows++] = m;
}

static void read_bridge(const struct fdt *f, struct fdt_node node, struct pci_plan *p)
{
    struct fdt_value ranges = fdt_property(f, node, "ranges");
    struct fdt_value range = fdt_property(f, node, "bus-range");
    struct bridge *b = &p->bridge[p->bridges];
    struct cordon_mem m;

    if (p->bridges == MAX_BRIDGES)
        refuse_to_boot("the device tree has more PCI buses than I can hold");
    if (tree_number(f, node, "#address-cells", 0) != 3 || tree_number(f, node, "#size-cells", 0) != 2 ||
        !tree_reg(fdt_property(f, node, "reg"), 0, &m) || m.base % CORDON_PAGE_SIZE != 0 || m.size < BUS_SIZE ||
        mem_end(m) > PHYS_LIMIT)
        refuse_to_boot("the device tree has a PCI bus that I cannot read");
    b->first_bus = range.size == 8 ? (uint32_t)fdt_cells(range, 0, 1) % MOST_BUSES : 0;
    b->buses = (uint32_t)(m.size / BUS_SIZE < MOST_BUSES - b->first_bus ? m.size / BUS_SIZE : MOST_BUSES - b->first_bus);
    m.size = (uint64_t)b->buses * BUS_SIZE;
    add_window(f, node, p, m, 0, false);
    for (uint32_t i = 0; i < ranges.size / (4 * WINDOW_CELLS); i++) {
        if (!tree_range(ranges, i * WINDOW_CELLS + WINDOW_BASE, &m))
            refuse_to_boot("the device tree has a PCI bus that I cannot read");
        add_window(f, node, p, m, fdt_cells(ranges, i * WINDOW_CELLS + 1, 2),
                   (fdt_cells(ranges, i * WINDOW_CELLS, 1) & WINDOW_MEMORY) != 0);
    }
    read_streams(f, node, p);
    read_msis(f, node, p);
    p->bridges++;
}

void plan_pci_read(const struct fdt *f, struct pci_plan *p)
{
    struct fdt_node node = { 0, 0, 0 };

    while (fdt_next_child(f, fdt_root(f), &node)) {
        if (tree_is(f, node, "arm,smmu-v3") && tree_is_okay(f, node))
            read_smmu(f, node, p);
    }
    for (node.end = 0; p->smmus > 0 && fdt_next_child(f, fdt_root(f), &node);) {
        if (is_bridge(f, node))
            read_bridge(f, node, p);
    }
    if (p->msis == 0)
        p->msis_to = 0;
}

/* ---- one stream ---- */

/* How many requester IDs of all bridges are one stream. */
static uint32_t ids_of(const struct pci_plan *p, uint64_t smmu, uint32_t stream)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < p->bridges; i++) {
        for (uint32_t k = 0; k < p->bridge[i].routes; k++) {
            const struct pci_route *r = &p->bridge[i].route[k];

            n += r->smmu == smmu && stream >= r->stream && stream - r->stream < r->count;
        }
    }
    return n;
}

bool plan_pci_stream(const struct pci_plan *p, const struct bridge *b, uint32_t id, uint64_t *smmu, uint32_t *stream)
{
    for (uint32_t k = 0; k < b->routes && !b->shared; k++) {
        const struct pci_route *r = &b->route[k];

        if (id < r->first || id - r->first >= r->count)
            continue;
        *smmu = r->smmu;
        *stream = r->stream + (id - r->first);
        return ids_of(p, *smmu, *stream) == 1;
    }
    return false;
}

/* ---- the host's tree ---- */

bool plan_pci_is_bridge(const struct fdt *f, struct fdt_node node, const struct pci_plan *p)
{
    return p->bridges > 0 && is_bridge(f, node);
}

void plan_pci_edit(struct fdt *f, struct fdt_node node, const struct pci_plan *p)
{
    static const char *const names[] = { "iommu-map", "iommu-map-mask", "msi-parent", "msi-map", "msi-map-mask" };
    uint32_t n = all_go_to(f, node, p->msis_to) ? 3 : 5;    /* the map stays that leads to what the host has */

    for (uint32_t i = 0; i < n; i++)
        fdt_delete_property(f, fdt_property(f, node, names[i]));
}
