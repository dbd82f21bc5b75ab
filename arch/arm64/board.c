/* SPDX-License-Identifier: Apache-2.0 */
#include "machine_el2.h"

#include "arch.h"
#include "cpu.h"
#include "mmu.h"
#include "panic.h"
#include "plat.h"

#define SECTION (CORDON_BLOCK_PAGES * CORDON_PAGE_SIZE)
#define GUEST_BITS 40
#define GICR_RD_PAGE CORDON_PAGE_SIZE
#define GICR_SGI_PAGE (GICR_SIZE / 2)   /* guest_gic.c: the virtual timer's interrupt */
#define GICR_TYPER 0x08
#define GICR_TYPER_VLPIS 0x2

struct board board;
struct cordon machine;
static struct arch arch;
static struct cordon_config config;

extern char _image_begin[], _image_end[];

static uint64_t page_down(uint64_t x) { return x & ~(CORDON_PAGE_SIZE - 1); }
static uint64_t page_up(uint64_t x) { return page_down(x + CORDON_PAGE_SIZE - 1); }

/* ---- reading the tree ---- */

/* Entry i of a `reg` with two cells for addresses and two for sizes; false when there is none, or none to be used. */
static bool reg_entry(struct fdt_value reg, uint32_t i, struct cordon_mem *m)
{
    if (reg.data == 0 || reg.size / 16 <= i)
        return false;
    m->base = fdt_cells(reg, i * 4, 2);
    m->size = fdt_cells(reg, i * 4 + 2, 2);
    return m->base < CORDON_ADDR_LIMIT && m->size > 0 && m->size <= CORDON_ADDR_LIMIT - m->base;
}

static void add_ram(struct cordon_mem m)
{
    uint64_t end = page_down(m.base + m.size);

    m.base = page_up(m.base);
    if (end <= m.base)
        return;
    if (board.rams == MAX_RAMS)
        refuse_to_boot("the device tree has more ranges of memory than I can hold");
    m.size = end - m.base;
    board.ram[board.rams++] = m;
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

    for (uint32_t i = 0; reg_entry(reg, i, &m); i++)
        add_ram(m);
}

static void read_cpus(const struct fdt *f, struct fdt_node cpus_node)
{
    struct fdt_value cells = fdt_property(f, cpus_node, "#address-cells");
    uint32_t n = cells.size == 4 ? (uint32_t)fdt_cells(cells, 0, 1) : 1;
    struct fdt_node node = { 0, 0, 0 };

    while (fdt_next_child(f, cpus_node, &node)) {
        struct fdt_value reg = fdt_property(f, node, "reg");
        uint64_t mpidr;

        if (!fdt_value_has(fdt_property(f, node, "device_type"), "cpu") || n < 1 || n > 2 || reg.size != n * 4)
            continue;
        mpidr = fdt_cells(reg, 0, n);
        if (cpu_find(mpidr) == 0 && !cpu_add(mpidr))
            refuse_to_boot("this machine has more CPUs than I am built for: 8");
    }
}

/*
 * GICv3: the distributor is the host's, and of each redistributor all but its first page, where the registers are that
 * have it read and write tables in memory: mmio.c.
 */
static void read_gic(struct fdt_value reg)
{
    struct cordon_mem distributor;
    struct cordon_mem redistributor;

    if (!reg_entry(reg, 0, &distributor) || !reg_entry(reg, 1, &redistributor) ||
        redistributor.size / GICR_SIZE < cpu_count)
        refuse_to_boot("the GIC of this machine is not one that I know");
    add_device(distributor.base, distributor.size);
    board.redistributors = redistributor.base;
    for (uint32_t i = 0; i < cpu_count; i++) {
        uint64_t base = redistributor.base + i * GICR_SIZE;

        add_device(base + GICR_RD_PAGE, GICR_SIZE - GICR_RD_PAGE);
        mmu_map_device(base, GICR_RD_PAGE);
        mmu_map_device(base + GICR_SGI_PAGE, GICR_RD_PAGE);
    }
    /* Redistributors of a GICv4 are larger: the pages that must be kept from the host would be other ones. */
    if ((*(volatile uint32_t *)phys(board.redistributors + GICR_TYPER) & GICR_TYPER_VLPIS) != 0)
        refuse_to_boot("this machine has a GICv4; I know GICv3 (QEMU: -M virt,gic-version=3)");
}

static bool is_gic(const struct fdt *f, struct fdt_node node)
{
    return fdt_value_has(fdt_property(f, node, "compatible"), "arm,gic-v3");
}

static bool is_memory(const struct fdt *f, struct fdt_node node)
{
    return fdt_value_has(fdt_property(f, node, "device_type"), "memory");
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

static bool two_cells(const struct fdt *f, const char *name)
{
    struct fdt_value v = fdt_property(f, fdt_root(f), name);

    return v.size == 4 && fdt_cells(v, 0, 1) == 2;
}

void board_read(struct fdt *f)
{
    struct fdt_node node = { 0, 0, 0 };
    struct fdt_node cpus_node;
    bool gic = false;

    if (!two_cells(f, "#address-cells") || !two_cells(f, "#size-cells"))
        refuse_to_boot("the device tree does not use two cells for addresses and sizes");
    if (fdt_child(f, fdt_root(f), "cpus", &cpus_node))
        read_cpus(f, cpus_node);
    while (fdt_next_child(f, fdt_root(f), &node)) {
        struct fdt_value reg = fdt_property(f, node, "reg");
        struct cordon_mem m;

        if (is_memory(f, node)) {
            read_memory(reg);
        } else if (is_gic(f, node)) {
            read_gic(reg);
            gic = true;
        } else if (may_have(f, node) && reg_entry(reg, 0, &m)) {
            add_device(m.base, m.size);
        }
    }
    if (board.rams == 0)
        refuse_to_boot("the device tree has no memory");
    if (!gic)
        refuse_to_boot("this machine has no GICv3 (QEMU: -M virt,gic-version=3)");
    for (uint32_t i = 0; i < board.rams; i++)
        mmu_map_ram(board.ram[i].base, board.ram[i].size);
}

/* ---- memory for the core ---- */

static bool overlap(struct cordon_mem a, struct cordon_mem b)
{
    return a.base < b.base + b.size && b.base < a.base + a.size;
}

void board_take(uint64_t base, uint64_t size)
{
    struct cordon_mem m = { base, size };

    for (uint32_t i = 0; i < board.takens; i++) {
        if (overlap(m, board.taken[i]))
            refuse_to_boot("the host's kernel, its initrd and the device tree do not fit in this machine's memory");
    }
    board.taken[board.takens++] = m;
}

/* The lowest address from which on nothing that is taken, nor the image, lies in [base, end). */
static uint64_t free_from(uint64_t base, uint64_t end)
{
    for (uint32_t i = 0; i <= board.takens; i++) {
        struct cordon_mem m = i < board.takens ? board.taken[i] : board.core[0];

        if (m.base < end && m.base + m.size > base)
            base = m.base + m.size;
    }
    return base;
}

/* Takes `size` bytes from the end of a range of memory, the highest that has them. */
static uint64_t allocate(uint64_t size)
{
    uint64_t best = 0;

    for (uint32_t i = 0; i < board.rams; i++) {
        uint64_t end = (board.ram[i].base + board.ram[i].size) & ~(SECTION - 1);
        uint64_t base = free_from(board.ram[i].base, end);

        if (end > base && end - base >= size && end - size > best)
            best = end - size;
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

        if (m.base + m.size <= base || m.base >= *next)
            continue;
        *next = m.base > base ? m.base : base;
        *end = m.base + m.size;
    }
}

/* Everything that is neither memory nor a device on the list is hidden. */
static void hide_the_rest(void)
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

/*
 * Address bits that reach all that the host may, and what guests are used to, which is 40: hosts and guests have tables
 * of one shape, so that one VTCR_EL2 serves both. At most what the CPU has.
 */
static uint32_t bits_needed(void)
{
    uint64_t end = 0;
    uint32_t bits = cpu_pa_bits() < GUEST_BITS ? cpu_pa_bits() : GUEST_BITS;

    for (uint32_t i = 0; i < board.rams + board.devices; i++) {
        struct cordon_mem m = i < board.rams ? board.ram[i] : board.device[i - board.rams];

        if (m.base + m.size > end)
            end = m.base + m.size;
    }
    while (end > UINT64_C(1) << bits)
        bits++;
    if (bits > cpu_pa_bits())
        refuse_to_boot("the device tree has memory beyond what this CPU can address");
    return bits;
}

static struct cordon_geometry shape(uint32_t bits)
{
    return (struct cordon_geometry){ .ipa_bits = bits, .start_level = bits > 43 ? 0 : 1 };
}

static void configure(void)
{
    uint32_t bits = bits_needed();

    hide_the_rest();
    config = (struct cordon_config){ .ram = board.ram, .rams = board.rams, .core = board.core, .cores = 1,
                                     .hidden = board.hidden, .hiddens = board.hiddens, .host = shape(bits),
                                     .vm = shape(bits), .pa_bits = bits, .vms = 255 };
}

/* Lays arrays out one behind the other. */
static uint64_t place(uint64_t *at, uint64_t bytes, uint64_t align)
{
    uint64_t begin = (*at + align - 1) & ~(align - 1);

    *at = begin + bytes;
    return begin;
}

/* Where each array lies, from `base` on, a multiple of 2 MiB; returns the end. */
static uint64_t lay_out(const struct cordon_sizes *s, uint64_t base, struct cordon_storage *g)
{
    uint64_t at = base;

    g->host_tables = pfn(place(&at, s->host_tables * CORDON_PAGE_SIZE, CORDON_PAGE_SIZE * 16) / CORDON_PAGE_SIZE);
    g->host_table_count = s->host_tables;
    g->frame = phys(place(&at, s->sections * 512 * sizeof(struct frame), 64));
    g->section = phys(place(&at, s->sections * sizeof(struct section), 64));
    g->span = phys(place(&at, s->spans * sizeof(struct span), 64));
    g->hidden = phys(place(&at, s->hiddens * sizeof(struct hidden), 64));
    g->vm = phys(place(&at, s->vms * sizeof(struct vm), 64));
    return (at + SECTION - 1) & ~(SECTION - 1);
}

static uint64_t highest_frame(void)
{
    uint64_t end = 0;

    for (uint32_t i = 0; i < board.rams; i++) {
        if (board.ram[i].base + board.ram[i].size > end)
            end = board.ram[i].base + board.ram[i].size;
    }
    return end / CORDON_PAGE_SIZE;
}

static void zero(uint64_t base, uint64_t size)
{
    uint64_t *p = phys(base);

    for (uint64_t i = 0; i < size / 8; i++)
        p[i] = 0;
}

static void find_features(void)
{
    uint64_t dczid = sysreg_read(dczid_el0);

    arch.zva_bytes = (dczid & 1 << 4) != 0 ? 0 : UINT64_C(4) << (dczid & 0xf);
    arch.line_bytes = UINT64_C(4) << (sysreg_read(ctr_el0) >> 16 & 0xf);
    arch.sha256 = id_field(sysreg_read(id_aa64isar0_el1), 12) != 0 && id_field(sysreg_read(id_aa64pfr0_el1), 32) == 0;
}

/* The image, and the memory of its range below it: so that what is left for the host is one piece. */
static struct cordon_mem image_memory(void)
{
    uint64_t base = (uint64_t)_image_begin;
    uint64_t end = (uint64_t)_image_end;

    for (uint32_t i = 0; i < board.rams; i++) {
        if (base >= board.ram[i].base && end <= board.ram[i].base + board.ram[i].size)
            return (struct cordon_mem){ board.ram[i].base, end - board.ram[i].base };
    }
    refuse_to_boot("the device tree has no memory where I am");
}

void board_start_core(void)
{
    struct cordon_storage storage = { .arch = &arch, .phys = phys(0), .phys_frames = highest_frame() };
    struct cordon_sizes sizes;
    uint64_t base;
    uint64_t size;

    find_features();
    board.core[0] = image_memory();
    configure();
    if (cordon_sizes(&config, &sizes) != CORDON_OK)
        refuse_to_boot("the device tree describes memory that I cannot run");
    size = lay_out(&sizes, 0, &storage);
    base = allocate(size);
    (void)lay_out(&sizes, base, &storage);
    zero(base, size);
    board.core[1] = (struct cordon_mem){ base, size };
    config.cores = 2;
    if (cordon_init(&machine, &config, &storage) != CORDON_OK)
        refuse_to_boot("the device tree describes memory that I cannot run");
}

uint64_t board_vtcr(void)
{
    uint64_t range = id_field(sysreg_read(id_aa64mmfr0_el1), 0);
    uint64_t sl0 = 2 - config.host.start_level;
    bool vmid16 = id_field(sysreg_read(id_aa64mmfr1_el1), 4) == 2;

    /* RES1, 16-bit VMIDs, physical size, 4 KiB granule, inner shareable, write-back walks, start level, size. */
    return UINT64_C(1) << 31 | (uint64_t)vmid16 << 19 | (range < 5 ? range : 5) << 16 | 3 << 12 | 1 << 10 | 1 << 8 |
           sl0 << 6 | (64 - config.host.ipa_bits);
}

uint64_t board_vttbr(void)
{
    return machine.host.root * CORDON_PAGE_SIZE;
}

/* ---- the host's tree ---- */

/* What is left of a range for the host: the core's parts lie at its ends. */
static struct cordon_mem host_part(struct cordon_mem m)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct cordon_mem c = board.core[i];
        uint64_t below;
        uint64_t above;

        if (m.size == 0 || !overlap(m, c))
            continue;
        below = c.base > m.base ? c.base - m.base : 0;
        above = m.base + m.size > c.base + c.size ? m.base + m.size - (c.base + c.size) : 0;
        if (above > below)
            m.base = c.base + c.size;
        m.size = above > below ? above : below;
    }
    return m;
}

static void edit_memory(struct fdt *f, struct fdt_node node)
{
    struct fdt_value reg = fdt_property(f, node, "reg");
    struct cordon_mem m;
    uint32_t left = 0;

    for (uint32_t i = 0; reg_entry(reg, i, &m); i++) {
        m = host_part(m);
        if (m.size == 0)
            continue;
        fdt_put_cells(reg, left * 4, 2, m.base);
        fdt_put_cells(reg, left * 4 + 2, 2, m.size);
        left++;
    }
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

static void delete_children(struct fdt *f, struct fdt_node node)
{
    struct fdt_node child = { 0, 0, 0 };

    while (fdt_next_child(f, node, &child))
        fdt_delete_node(f, child);
}

/* Nodes with registers that are not on the list go; nodes without describe no device that could be reached. */
void board_edit(struct fdt *f)
{
    struct fdt_node node = { 0, 0, 0 };

    while (fdt_next_child(f, fdt_root(f), &node)) {
        struct fdt_value compatible = fdt_property(f, node, "compatible");

        if (is_memory(f, node))
            edit_memory(f, node);
        else if (fdt_value_has(compatible, "arm,armv8-timer"))
            edit_timer(f, node);
        else if (is_gic(f, node))
            delete_children(f, node);       /* the ITS: it writes to memory as it is told */
        else if ((fdt_property(f, node, "reg").data != 0 || fdt_property(f, node, "ranges").data != 0) && !may_have(f, node))
            fdt_delete_node(f, node);
    }
}
