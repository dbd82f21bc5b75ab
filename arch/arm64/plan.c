/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include "phys.h"
#include "plat.h"
#include "refuse.h"
#include "text.h"
#include "tree.h"

#define SECTION (CORDON_BLOCK_PAGES * CORDON_PAGE_SIZE)

struct board board;

/* ---- reading the tree ---- */

static bool is_memory(const struct fdt *f, struct fdt_node node)
{
    return fdt_value_has(fdt_property(f, node, "device_type"), "memory");
}

static bool is_gic(const struct fdt *f, struct fdt_node node)
{
    return tree_is(f, node, "arm,gic-v3");
}

/* Whether any of the strings of a node's `compatible` is on the board's list. */
static bool may_have(const struct fdt *f, struct fdt_node node)
{
    struct fdt_value v = fdt_property(f, node, "compatible");
    uint32_t begin = 0;

    for (uint32_t i = 0; i < v.size; i++) {
        if (v.data[i] != 0)
            continue;
        if (plat_host_may_have((const char *)v.data + begin))
            return true;
        begin = i + 1;
    }
    return false;
}

static void add_ram(uint64_t base, uint64_t end)
{
    if (end <= base)
        return;
    if (end > PHYS_LIMIT)
        refuse_to_boot("the device tree has memory beyond 16 TiB, further than I map");
    if (board.rams == MAX_RAMS)
        refuse_to_boot("the device tree has more ranges of memory than I can hold");
    board.ram[board.rams++] = (struct cordon_mem){ base, end - base };
}

static void add_device(uint64_t base, uint64_t size)
{
    if (board.devices == MAX_DEVICES)
        refuse_to_boot("the device tree has more devices for the host than I can hold");
    board.device[board.devices++] = (struct cordon_mem){ page_down(base), page_up(base + size) - page_down(base) };
}

static void read_memory(struct fdt_value reg)
{
    struct cordon_mem m;

    for (uint32_t i = 0; tree_reg(reg, i, &m); i++)
        add_ram(page_up(m.base), page_down(mem_end(m)));
    if (reg.size % 16 != 0)
        refuse_to_boot("the device tree has a range of memory that I cannot read");
}

static void add_reserved(struct cordon_mem m)
{
    m = (struct cordon_mem){ page_down(m.base), page_up(mem_end(m)) - page_down(m.base) };
    if (m.size == 0)
        return;
    if (board.reserveds == MAX_RESERVED)
        refuse_to_boot("the device tree has more reserved memory than I can hold");
    board.reserved[board.reserveds++] = m;
}

/*
 * Memory that must not be mapped but by who knows how: neither we nor a guest may have it. To the host it is what a device
 * is: mapped at stage 2, as a device, when it is touched.
 */
static void cut_out(struct cordon_mem m)
{
    uint32_t rams = board.rams;

    m = (struct cordon_mem){ page_down(m.base), page_up(mem_end(m)) - page_down(m.base) };
    for (uint32_t i = 0; i < rams && m.size > 0; i++) {
        struct cordon_mem r = board.ram[i];
        uint64_t first = m.base > r.base ? m.base : r.base;
        uint64_t end = mem_end(m) < mem_end(r) ? mem_end(m) : mem_end(r);

        if (!mem_overlap(m, r))
            continue;
        add_device(first, end - first);
        board.ram[i].size = first - r.base;
        if (board.ram[i].size == 0)
            board.ram[i] = (struct cordon_mem){ end, mem_end(r) - end };
        else
            add_ram(end, mem_end(r));
    }
}

/* Ranges of which nothing is left go. */
static void drop_empty(void)
{
    uint32_t left = 0;

    for (uint32_t i = 0; i < board.rams; i++) {
        if (board.ram[i].size > 0)
            board.ram[left++] = board.ram[i];
    }
    board.rams = left;
}

/*
 * The header's list, and /reserved-memory: what lies in RAM. A node with `size` alone leaves the place to the host. What is
 * `reusable` holds nothing that is to stay: it is memory like any other until a driver wants it, but not ours.
 */
static void read_reserved(const struct fdt *f)
{
    struct fdt_node parent;
    struct fdt_node node = { 0, 0, 0 };
    struct cordon_mem m;

    for (uint32_t i = 0; fdt_reserved(f, i, &m.base, &m.size); i++) {
        if (m.base >= CORDON_ADDR_LIMIT || m.size > CORDON_ADDR_LIMIT - m.base)
            refuse_to_boot("the device tree reserves memory that there cannot be");
        add_reserved(m);
    }
    if (!fdt_child(f, fdt_root(f), "reserved-memory", &parent))
        return;
    if (tree_number(f, parent, "#address-cells", 2) != 2 || tree_number(f, parent, "#size-cells", 2) != 2)
        refuse_to_boot("the device tree's /reserved-memory does not use two cells for addresses and sizes");
    while (fdt_next_child(f, parent, &node)) {
        struct fdt_value reg = fdt_property(f, node, "reg");
        bool no_map = fdt_property(f, node, "no-map").data != 0;

        if (!tree_is_okay(f, node))
            continue;
        for (uint32_t i = 0; tree_reg(reg, i, &m); i++) {
            if (no_map)
                cut_out(m);
            else
                add_reserved(m);
        }
    }
    drop_empty();
}

bool plan_next_cpu(const struct fdt *f, struct fdt_node *node, uint64_t *mpidr)
{
    struct fdt_node parent;
    uint32_t n;

    if (!fdt_child(f, fdt_root(f), "cpus", &parent))
        return false;
    n = tree_number(f, parent, "#address-cells", 1);
    while (fdt_next_child(f, parent, node)) {
        struct fdt_value reg = fdt_property(f, *node, "reg");

        if (!fdt_value_has(fdt_property(f, *node, "device_type"), "cpu") || n < 1 || n > 2 || reg.size != n * 4)
            continue;
        *mpidr = fdt_cells(reg, 0, n);
        return true;
    }
    return false;
}

/* The first child of the GIC's of a kind, in use, with so many frames of registers at least. Returns its phandle; 0: none. */
static uint32_t find_child(const struct fdt *f, struct fdt_node gic, const char *kind, uint64_t frame, uint64_t frames,
                           uint64_t *base)
{
    struct fdt_node node = { 0, 0, 0 };
    struct cordon_mem m;

    while (fdt_next_child(f, gic, &node)) {
        uint32_t phandle = tree_number(f, node, "phandle", 0);

        if (!tree_is(f, node, kind) || !tree_is_okay(f, node) || !tree_reg(fdt_property(f, node, "reg"), 0, &m) || phandle == 0)
            continue;
        if (m.base % frame != 0 || m.size < frames * frame || mem_end(m) > PHYS_LIMIT)
            continue;
        *base = m.base;
        return phandle;
    }
    return 0;
}

/* What turns messages into interrupts: the first ITS that the host could have, or a GICv2m frame; there is no other for it. */
static void read_msis(const struct fdt *f, struct fdt_node gic)
{
    struct fdt_value ranges = fdt_property(f, gic, "ranges");

    if (ranges.data == 0 || ranges.size != 0)
        return;         /* its children's addresses are others than the machine's */
    board.pci.msis_to = find_child(f, gic, "arm,gic-v3-its", ITS_FRAME, ITS_SIZE / ITS_FRAME, &board.its);
    if (board.pci.msis_to == 0)
        board.pci.msis_to = find_child(f, gic, "arm,gic-v2m-frame", CORDON_PAGE_SIZE, 1, &board.frame);
}

/* The distributor is the host's. Of the redistributors, it depends on what they are: plan_redistributor(). */
static void read_gic(const struct fdt *f, struct fdt_node node)
{
    struct fdt_value reg = fdt_property(f, node, "reg");
    uint32_t regions = tree_number(f, node, "#redistributor-regions", 1);
    struct fdt_value stride = fdt_property(f, node, "redistributor-stride");
    struct cordon_mem m;

    if (!tree_reg(reg, 0, &m) || regions < 1 || regions > MAX_GICRS || reg.size / 16 <= regions)
        refuse_to_boot("the GIC of this machine is not one that I know");
    add_device(m.base, m.size);
    board.gicd = m.base;
    read_msis(f, node);
    for (uint32_t i = 1; i <= regions; i++) {
        if (!tree_reg(reg, i, &m) || m.base % GICR_FRAME != 0 || m.size < GICR_V3_SIZE || mem_end(m) > PHYS_LIMIT)
            refuse_to_boot("the GIC of this machine has redistributors that I cannot use");
        board.gicr[board.gicrs++] = (struct gicr){ m.base, m.size, 0 };
    }
    if (stride.size == 4 || stride.size == 8)
        board.gicr_stride = fdt_cells(stride, 0, stride.size / 4);
    if (board.gicr_stride % GICR_FRAME != 0 || (board.gicr_stride > 0 && board.gicr_stride < GICR_V3_SIZE))
        refuse_to_boot("the GIC of this machine has redistributors that I cannot use");
}

/*
 * PCI, where SMMUs of ours stand behind it: devices of the host's, as far as they lie outside of all else. Of configuration space
 * it has what pci_config.c does for it.
 */
static void read_pci(const struct fdt *f)
{
    plan_pci_read(f, &board.pci);
    if (board.pci.msis_to == 0)
        board.frame = 0;
    if (board.frame != 0)
        add_device(board.frame, CORDON_PAGE_SIZE);
    for (uint32_t i = 0; i < board.pci.bridges; i++) {
        const struct bridge *b = &board.pci.bridge[i];

        for (uint32_t k = 1; k < b->windows; k++)
            add_device(b->window[k].base, b->window[k].size);
    }
}

void plan_read(const struct fdt *f)
{
    struct fdt_node node = { 0, 0, 0 };

    if (tree_number(f, fdt_root(f), "#address-cells", 0) != 2 || tree_number(f, fdt_root(f), "#size-cells", 0) != 2)
        refuse_to_boot("the device tree does not use two cells for addresses and sizes");
    while (fdt_next_child(f, fdt_root(f), &node)) {
        struct fdt_value reg = fdt_property(f, node, "reg");
        struct cordon_mem m;

        if (is_memory(f, node)) {
            if (tree_is_okay(f, node))
                read_memory(reg);
        } else if (is_gic(f, node) && board.gicrs == 0) {
            read_gic(f, node);
        } else if (may_have(f, node) && tree_reg(reg, 0, &m)) {
            add_device(m.base, m.size);
        }
    }
    read_pci(f);
    read_reserved(f);
    if (board.rams == 0)
        refuse_to_boot("the device tree has no memory");
    if (board.gicrs == 0)
        refuse_to_boot("this machine has no GICv3 (QEMU: -M virt,gic-version=3)");
}

/*
 * In a redistributor's first page are the registers that have it read and write tables in memory: mmio.c does accesses to
 * it. So do those of a GICv4's third frame, which is hidden, and the fourth with it.
 */
void plan_redistributor(uint64_t base)
{
    add_device(base + CORDON_PAGE_SIZE, GICR_V3_SIZE - CORDON_PAGE_SIZE);
}

/* ---- memory for Cordon ---- */

void board_take(uint64_t base, uint64_t size)
{
    struct cordon_mem m = { base, size };

    for (uint32_t i = 0; i < board.takens; i++) {
        if (mem_overlap(m, board.taken[i]))
            refuse_to_boot("the host's kernel, its initrd and the device tree do not fit in this machine's memory");
    }
    board.taken[board.takens++] = m;
}

/* What lies below the image is Cordon's if it is no more than a section: the place where a loader leaves a gap. */
void plan_image(uint64_t base, uint64_t end)
{
    for (uint32_t i = 0; i < board.rams; i++) {
        struct cordon_mem r = board.ram[i];
        uint64_t first = base - r.base <= SECTION ? r.base : base;

        if (base < r.base || end > mem_end(r))
            continue;
        board.core[0] = (struct cordon_mem){ first, end - first };
        for (uint32_t k = 0; k < board.reserveds; k++) {
            if (mem_overlap(board.reserved[k], board.core[0]))
                board.core[0] = (struct cordon_mem){ base, end - base };
        }
        return;
    }
    refuse_to_boot("the device tree has no memory where I am");
}

bool plan_used(uint32_t i, struct cordon_mem *m)
{
    const uint32_t cores = sizeof board.core / sizeof board.core[0];

    if (i < board.takens)
        *m = board.taken[i];
    else if (i < board.takens + board.reserveds)
        *m = board.reserved[i - board.takens];
    else if (i < board.takens + board.reserveds + cores)
        *m = board.core[i - board.takens - board.reserveds];
    else
        return false;
    return true;
}

/* The highest place for `size` bytes in a range of RAM, or 0. Each new try ends where something that is used begins. */
static uint64_t highest_free(struct cordon_mem r, uint64_t size)
{
    uint64_t end = mem_end(r) & ~(SECTION - 1);
    struct cordon_mem m;

    for (uint32_t i = 0; end > r.base && end - r.base >= size && plan_used(i, &m);) {
        i++;
        if (!mem_overlap(m, (struct cordon_mem){ end - size, size }))
            continue;
        end = m.base & ~(SECTION - 1);
        i = 0;
    }
    return end > r.base && end - r.base >= size ? end - size : 0;
}

uint64_t plan_allocate(uint64_t size)
{
    uint64_t best = 0;

    for (uint32_t i = 0; i < board.rams; i++) {
        uint64_t base = highest_free(board.ram[i], size);

        if (base > best)
            best = base;
    }
    if (best == 0)
        refuse_to_boot("this machine has too little memory for me and the host: give it 512 MiB");
    return best;
}

/* From `base` on to the next thing that the host may reach, whatever that is; it begins at *next and ends at *end. */
static void next_reachable(uint64_t base, uint64_t *next, uint64_t *end)
{
    *next = CORDON_ADDR_LIMIT;
    *end = CORDON_ADDR_LIMIT;
    for (uint32_t i = 0; i < board.rams + board.devices; i++) {
        struct cordon_mem m = i < board.rams ? board.ram[i] : board.device[i - board.rams];

        if (mem_end(m) <= base || m.base >= *next)
            continue;
        *next = m.base > base ? m.base : base;
        *end = mem_end(m);
    }
}

void plan_hide_the_rest(void)
{
    uint64_t base = 0;

    while (base < CORDON_ADDR_LIMIT) {
        uint64_t next;
        uint64_t end;

        next_reachable(base, &next, &end);
        if (next > base)
            board.hidden[board.hiddens++] = (struct cordon_mem){ base, next - base };
        base = end;
    }
}

/* ---- the host's tree ---- */

/* Pieces of the host's memory that have no place in the `reg` that they come from. */
struct spare {
    struct cordon_mem piece[MAX_SPARE];
    uint32_t numa[MAX_SPARE];
    uint32_t n;
};

static void put_entry(struct fdt_value reg, uint32_t i, struct cordon_mem m)
{
    fdt_put_cells(reg, i * 4, 2, m.base);
    fdt_put_cells(reg, i * 4 + 2, 2, m.size);
}

/* What is left of a range without Cordon's parts, in ascending order; at most three pieces. */
static uint32_t host_parts(struct cordon_mem m, struct cordon_mem out[3])
{
    struct cordon_mem low = board.core[board.core[0].base > board.core[1].base];
    struct cordon_mem high = board.core[board.core[0].base <= board.core[1].base];
    uint64_t cut[6] = { m.base, low.base, mem_end(low), high.base, mem_end(high), mem_end(m) };
    uint32_t n = 0;

    for (uint32_t i = 0; i < 6; i += 2) {
        uint64_t first = cut[i] > m.base ? cut[i] : m.base;
        uint64_t end = cut[i + 1] < mem_end(m) ? cut[i + 1] : mem_end(m);

        if (end > first)
            out[n++] = (struct cordon_mem){ first, end - first };
    }
    return n;
}

/* Each entry becomes the first of its pieces. Others take the place of entries that are gone, or wait for one. */
static void edit_memory(struct fdt *f, struct fdt_node node, struct spare *s)
{
    struct fdt_value reg = fdt_property(f, node, "reg");
    struct cordon_mem part[3];
    struct cordon_mem m;
    uint32_t numa = tree_number(f, node, "numa-node-id", UINT32_MAX);
    uint32_t before = s->n;
    uint32_t left = 0;

    for (uint32_t i = 0; tree_reg(reg, i, &m); i++) {
        uint32_t n = host_parts(m, part);

        if (n > 0)
            put_entry(reg, left++, part[0]);
        for (uint32_t k = 1; k < n; k++) {
            s->piece[s->n] = part[k];
            s->numa[s->n++] = numa;
        }
    }
    while (s->n > before && left < reg.size / 16)
        put_entry(reg, left++, s->piece[--s->n]);
    if (left == 0)
        fdt_delete_node(f, node);
    else if (left * 16 < reg.size)
        fdt_shorten(f, reg, left * 16);
}

/* Without its virtual timer, which guests will have, a host takes the physical one: secure and non-secure physical stay. */
static void edit_timer(struct fdt *f, struct fdt_node node)
{
    struct fdt_value interrupts = fdt_property(f, node, "interrupts");

    if (interrupts.size > 24)
        fdt_shorten(f, interrupts, 24);
}

/* An ITS writes to memory as it is told: none stays but the one that is the host's through us, or the frame in its place. */
static void edit_gic(struct fdt *f, struct fdt_node node)
{
    struct fdt_node child = { 0, 0, 0 };

    while (fdt_next_child(f, node, &child)) {
        if (board.pci.msis_to == 0 || tree_number(f, child, "phandle", 0) != board.pci.msis_to)
            fdt_delete_node(f, child);
    }
}

static bool is_in_memory(struct cordon_mem m)
{
    for (uint32_t i = 0; i < board.rams + board.devices; i++) {
        struct cordon_mem r = i < board.rams ? board.ram[i] : board.device[i - board.rams];

        if (m.size == 0 || mem_overlap(m, r))
            return true;
    }
    return false;
}

/* Reserved memory that is no memory of the tree's is hidden like any device that is not on the list: its node goes. */
static void edit_reserved(struct fdt *f, struct fdt_node parent)
{
    struct fdt_node node = { 0, 0, 0 };
    struct cordon_mem m;

    while (fdt_next_child(f, parent, &node)) {
        if (tree_reg(fdt_property(f, node, "reg"), 0, &m) && !is_in_memory(m))
            fdt_delete_node(f, node);
    }
}

/* Nodes with registers that are not on the list go; nodes without describe no device that could be reached. */
void plan_edit(struct fdt *f)
{
    struct fdt_node node = { 0, 0, 0 };
    struct spare spare = { .n = 0 };

    while (fdt_next_child(f, fdt_root(f), &node)) {
        struct fdt_value compatible = fdt_property(f, node, "compatible");

        if (is_memory(f, node) && tree_is_okay(f, node))
            edit_memory(f, node, &spare);
        else if (fdt_value_has(compatible, "arm,armv8-timer"))
            edit_timer(f, node);
        else if (is_gic(f, node))
            edit_gic(f, node);
        else if (text_equal(fdt_name(f, node), "reserved-memory"))
            edit_reserved(f, node);
        else if (plan_pci_is_bridge(f, node, &board.pci))
            plan_pci_edit(f, node, &board.pci);
        else if ((fdt_property(f, node, "reg").data != 0 || fdt_property(f, node, "ranges").data != 0) && !may_have(f, node))
            fdt_delete_node(f, node);
    }
    for (uint32_t i = 0; i < spare.n; i++) {
        if (!fdt_add_memory(f, spare.piece[i].base, spare.piece[i].size, spare.numa[i]))
            board.lost += spare.piece[i].size;
    }
}
