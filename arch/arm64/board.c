/* SPDX-License-Identifier: Apache-2.0 */
#include "board.h"

#include "arch.h"
#include "controls.h"
#include "cordon/cordon.h"
#include "cpu.h"
#include "its.h"
#include "lpi.h"
#include "machine_el2.h"
#include "mmu.h"
#include "pci_config.h"
#include "phys.h"
#include "plan.h"
#include "print.h"
#include "refuse.h"
#include "smmu.h"
#include "smmu_format.h"
#include "smmu_registers.h"

#define SECTION (CORDON_BLOCK_PAGES * CORDON_PAGE_SIZE)
#define GUEST_BITS 40

static struct arch arch;
static struct cordon_config config;
static uint32_t cpus_in_tree;

extern char _image_begin[], _image_end[];

/* ---- CPUs, and their redistributors ---- */

static uint64_t own_mpidr(void)
{
    return sysreg_read(mpidr_el1) & MPIDR_AFFINITY;
}

/* How many CPUs need memory: a tree that names one twice has us waste some. */
static uint32_t count_cpus(const struct fdt *f)
{
    struct fdt_node node = { 0, 0, 0 };
    uint64_t mpidr;
    uint32_t n = 1;

    while (plan_next_cpu(f, &node, &mpidr))
        n += mpidr != own_mpidr();
    if (n > MAX_CPUS)
        refuse_to_boot("this machine has more CPUs than I am built for: 512");
    return n;
}

static uint64_t gicr_typer(uint64_t base)
{
    const volatile uint32_t *word = phys(base + GICR_TYPER);

    return word[0] | (uint64_t)word[1] << 32;
}

void board_add_cpus(const struct fdt *f)
{
    struct fdt_node node = { 0, 0, 0 };
    uint64_t mpidr;

    cpu_add(own_mpidr());
    cpus[0].state = CPU_STATE_ON;
    while (plan_next_cpu(f, &node, &mpidr)) {
        if (cpu_find(mpidr) == 0)
            cpu_add(mpidr);
    }
    for (uint32_t i = 0; i < board.gicrs; i++) {
        for (uint32_t k = 0; k < board.gicr[i].count; k++) {
            uint64_t base = board.gicr[i].base + k * board.gicr_stride;
            uint64_t affinity = gicr_typer(base) >> 32;     /* Aff3.Aff2.Aff1.Aff0 */
            struct cpu *cpu = cpu_find((affinity & 0xff000000) << 8 | (affinity & 0xffffff));

            if (cpu != 0)
                cpu->redistributor = base;
        }
    }
    for (uint32_t i = 0; i < cpu_count; i++) {
        if (cpus[i].redistributor == 0)
            refuse_to_boot("the GIC of this machine has no redistributor for one of the CPUs");
        its_add_redistributor(cpus[i].redistributor);
    }
}

/* Those of a GICv4 have four frames. All must be alike, unless the tree says how far they are apart. */
static void find_stride(uint64_t typer)
{
    uint64_t size = (typer & GICR_TYPER_VLPIS) != 0 ? GICR_V4_SIZE : GICR_V3_SIZE;

    if (board.gicr_stride == 0)
        board.gicr_stride = size;
    if (board.gicr_stride < size)
        refuse_to_boot("the GIC of this machine has redistributors of different sizes");
}

/* Those of a region, up to the one that says that it is the last. */
static void find_redistributors(struct gicr *g, uint32_t *all)
{
    uint64_t typer = 0;

    mmu_map_device(g->base, g->size);
    while ((typer & GICR_TYPER_LAST) == 0 && g->size - g->count * board.gicr_stride >= GICR_V3_SIZE) {
        uint64_t base = g->base + g->count * board.gicr_stride;

        typer = gicr_typer(base);
        find_stride(typer);
        if (g->size - (base - g->base) < board.gicr_stride || (*all)++ == MAX_CPUS)
            break;
        if (board.its != 0 && !lpi_is_usable(base))
            board.its = board.pci.msis_to = 0;
        plan_redistributor(base);
        g->count++;
    }
}

/* The SMMUs that stand behind the host's PCI buses, and the configuration space of these. */
static void find_smmus(void)
{
    for (uint32_t i = 0; i < board.pci.smmus; i++) {
        const struct smmu_plan *s = &board.pci.smmu[i];

        if (s->ranges == 0)
            continue;
        mmu_map_device(s->base, SMMU_REGISTERS_SIZE);
        smmu_add(s->base, s->streams, s->ranges);
    }
    for (uint32_t i = 0; i < board.pci.bridges; i++)
        mmu_map_device(board.pci.bridge[i].window[0].base, board.pci.bridge[i].window[0].size);
}

/* The ITS to which devices on these buses send their interrupts. Where it cannot be used the host has interrupts by wires. */
static void find_its(void)
{
    const volatile uint32_t *distributor = phys(board.gicd);

    if (board.its == 0 || board.pci.msis_to == 0)
        return;
    mmu_map_device(board.its, ITS_FRAME);
    mmu_map_device(board.gicd, CORDON_PAGE_SIZE);
    if (!its_find(board.its, board.pci.msi, board.pci.msis, distributor[GICD_TYPER / 4], cpus_in_tree))
        board.pci.msis_to = 0;
}

void board_read(const struct fdt *f)
{
    uint32_t all = 0;

    plan_read(f);
    cpus_in_tree = count_cpus(f);
    for (uint32_t i = 0; i < board.gicrs; i++)
        find_redistributors(&board.gicr[i], &all);
    for (uint32_t i = 0; i < board.rams; i++)
        mmu_map_ram(board.ram[i].base, board.ram[i].size);
    find_smmus();
    find_its();
}

bool board_redistributor(uint64_t *address)
{
    for (uint32_t i = 0; i < board.gicrs; i++) {
        uint64_t base = board.gicr[i].base;
        uint64_t size = board.gicr[i].count * board.gicr_stride;

        if (*address >= base && *address - base < size) {
            *address = base + arch_index(*address - base, size);
            return (*address - base) % board.gicr_stride < CORDON_PAGE_SIZE;
        }
    }
    return false;
}

/* ---- the core ---- */

/* Physical address bits of the CPU, at most 48. */
static uint32_t cpu_bits(void)
{
    static const uint8_t bits[] = { 32, 36, 40, 42, 44, 48 };
    uint64_t range = id_field(sysreg_read(id_aa64mmfr0_el1), 0);

    return bits[range < 5 ? range : 5];
}

static uint64_t later(uint64_t a, uint64_t b) { return a > b ? a : b; }

/*
 * Address bits that reach all that the host may, and what guests are used to, which is 40: hosts and guests have tables
 * of one shape, so that one VTCR_EL2 serves both. At most what the CPU has.
 */
static uint32_t bits_needed(void)
{
    uint64_t end = 0;
    uint32_t bits = cpu_bits() < GUEST_BITS ? cpu_bits() : GUEST_BITS;

    for (uint32_t i = 0; i < board.rams + board.devices; i++) {
        struct cordon_mem m = i < board.rams ? board.ram[i] : board.device[i - board.rams];

        end = later(end, m.base + m.size);
    }
    for (uint32_t i = 0; i < board.pci.bridges; i++) {      /* what is done on its behalf has to be told of by a fault */
        struct cordon_mem m = board.pci.bridge[i].window[0];

        end = later(end, m.base + m.size);
    }
    while (end > UINT64_C(1) << bits)
        bits++;
    if (bits > cpu_bits())
        refuse_to_boot("the device tree has memory beyond what this CPU can address");
    return bits;
}

static struct cordon_geometry shape(uint32_t bits)
{
    return (struct cordon_geometry){ .ipa_bits = bits, .start_level = bits > 43 ? 0 : 1 };
}

static uint64_t end_of_ram(void)
{
    uint64_t end = 0;

    for (uint32_t i = 0; i < board.rams; i++)
        end = later(end, board.ram[i].base + board.ram[i].size);
    return end;
}

/* The page to which devices write to interrupt the host. stage2: whether that is the stage of the devices' table. */
static struct cordon_door door(bool stage2)
{
    uint64_t address = board.frame != 0 ? board.frame : its_door();

    return (struct cordon_door){ address, address == 0 ? 0 : stage2 ? PAGE_STAGE2_DEVICE : PAGE_STAGE1_DEVICE };
}

/* How far devices reach: RAM, and that page. */
static uint64_t end_for_devices(void)
{
    return later(end_of_ram(), door(false).address + CORDON_PAGE_SIZE);
}

static void configure(void)
{
    uint32_t bits = bits_needed();
    struct cordon_dma dma = smmu_tables(end_for_devices());

    plan_hide_the_rest();
    config = (struct cordon_config){ .ram = board.ram, .rams = board.rams, .core = board.core, .cores = 1,
                                     .hidden = board.hidden, .hiddens = board.hiddens,
                                     .pinned = board.reserved, .pinneds = board.reserveds, .host = shape(bits), .vm = shape(bits),
                                     .dma = dma, .door = door(dma.page == PAGE_STAGE2), .pa_bits = bits, .vms = 255 };
}

/* Lays arrays out one behind the other. */
static uint64_t place(uint64_t *at, uint64_t bytes, uint64_t align)
{
    uint64_t begin = (*at + align - 1) & ~(align - 1);

    *at = begin + bytes;
    return begin;
}

/* Where each array lies, from `base` on, a multiple of 2 MiB, and what the CPUs have; returns the end. */
static uint64_t lay_out(const struct cordon_sizes *s, uint32_t count, uint64_t base, struct cordon_storage *g,
                        uint64_t *cpu_memory)
{
    uint64_t at = base;

    g->host_tables = pfn(place(&at, s->host_tables * CORDON_PAGE_SIZE, CORDON_PAGE_SIZE * 16) / CORDON_PAGE_SIZE);
    g->host_table_count = s->host_tables;
    g->dma_tables = pfn(place(&at, s->dma_tables * CORDON_PAGE_SIZE, CORDON_PAGE_SIZE) / CORDON_PAGE_SIZE);
    at = smmu_place_all(at);
    at = its_place_all(at, count);
    g->frame = phys(place(&at, s->sections * 512 * sizeof(struct frame), 64));
    g->section = phys(place(&at, s->sections * sizeof(struct section), 64));
    g->span = phys(place(&at, s->spans * sizeof(struct span), 64));
    g->hidden = phys(place(&at, s->hiddens * sizeof(struct hidden), 64));
    g->vm = phys(place(&at, s->vms * sizeof(struct vm), 64));
    *cpu_memory = place(&at, cpus_size(count), CORDON_PAGE_SIZE);
    return (at + SECTION - 1) & ~(SECTION - 1);
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
    struct cpu_id id;

    arch.zva_bytes = (dczid & 1 << 4) != 0 ? 0 : UINT64_C(4) << (dczid & 0xf);
    arch.line_bytes = UINT64_C(4) << (sysreg_read(ctr_el0) >> 16 & 0xf);
    controls_read(&id);
    arch.sha256 = registers_may_hash(&id);
}

void board_start_core(void)
{
    struct cordon_storage storage = { .arch = &arch, .phys = phys(0), .phys_frames = end_of_ram() / CORDON_PAGE_SIZE };
    struct cordon_sizes sizes;
    uint64_t cpu_memory;
    uint64_t base;
    uint64_t size;

    find_features();
    plan_image((uint64_t)_image_begin, (uint64_t)_image_end);
    configure();
    if (cordon_sizes(&config, &sizes) != CORDON_OK)
        refuse_to_boot("the device tree describes memory that I cannot run");
    size = lay_out(&sizes, cpus_in_tree, 0, &storage, &cpu_memory);
    base = plan_allocate(size);
    (void)lay_out(&sizes, cpus_in_tree, base, &storage, &cpu_memory);
    zero(base, size);
    mmu_map_cpus(cpu_memory, cpus_in_tree);
    cpus_place(cpu_memory, cpus_in_tree);
    board.core[1] = (struct cordon_mem){ base, size };
    config.cores = 2;
    if (cordon_init(&machine, &config, &storage) != CORDON_OK)
        refuse_to_boot("the device tree describes memory that I cannot run");
}

/* No function of a bus may write to memory before the SMMUs are there, and none that goes past them may stay. */
void board_confine_devices(void)
{
    const char *reason = pci_config_confine();

    if (reason != 0)
        refuse_to_boot(reason);
    its_start_all();
    smmu_start_all();
    if (board.frame != 0)
        print("Cordon: the host has a GICv2m frame for its devices' interrupts\n");
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
