/* SPDX-License-Identifier: Apache-2.0 */
/* From the loader to the host. docs/BOOT.md tells it in order. */
#include "board.h"
#include "cpu.h"
#include "cpu_setup.h"
#include "entry.h"
#include "entry_step.h"
#include "log.h"
#include "phys.h"
#include "plan.h"
#include "plat.h"
#include "print.h"
#include "psci.h"
#include "random.h"
#include "refuse.h"
#include "root.h"
#include "scrub.h"

#define DTB_LIMIT 0x200000u
#define IMAGE_MAGIC 0x644d5241u        /* "ARM\x64" */

/* The start of a Linux Image. */
struct image_header {
    uint32_t code[2];
    uint64_t text_offset;
    uint64_t image_size;
    uint64_t flags;
    uint64_t reserved[3];
    uint32_t magic;
    uint32_t reserved_too;
};

static struct fdt tree;
/* Of the host's kernel's memory, what lies behind its file. */
static struct cordon_mem rest;

static bool in_ram(uint64_t base, uint64_t size)
{
    for (uint32_t i = 0; i < board.rams; i++) {
        if (base >= board.ram[i].base && size <= board.ram[i].size && base - board.ram[i].base <= board.ram[i].size - size)
            return true;
    }
    return false;
}

/* What was handed over is kept in Cordon's memory alone: where it was there are zeros. */
static void take_root(struct cordon_mem where)
{
    if (!in_ram(where.base, where.size))
        refuse_to_boot("the secrets that were handed over lie outside of memory");
    if (root_take(&root, phys(where.base), where.size))
        print("Cordon: a root of trust was handed over, with %u bytes of certificates\n", (uint64_t)root.chain_size);
    else
        print("Cordon: what was handed over as a root of trust cannot be read: there is none\n");
    root_erase(phys(where.base), where.size);       /* now: Cordon's own arrays may come to lie there */
    clean_to_memory(phys(where.base), where.size);
}

/*
 * Where what the loader has put there of the host's kernel ends. Loaders that write a node for each of their files
 * ("multiboot,module") say it. From others there is only the kernel's own word: all that it wants is left as it is.
 */
static uint64_t host_file_end(const struct fdt *f, uint64_t image_size)
{
    struct fdt_node chosen;
    struct fdt_node node = { 0, 0, 0 };

    if (!fdt_child(f, fdt_root(f), "chosen", &chosen))
        return PLAT_HOST_IMAGE + image_size;
    while (fdt_next_child(f, chosen, &node)) {
        struct fdt_value reg = fdt_property(f, node, "reg");

        if (fdt_value_has(fdt_property(f, node, "compatible"), "multiboot,module") && reg.size == 16 &&
            fdt_cells(reg, 0, 2) == PLAT_HOST_IMAGE && fdt_cells(reg, 2, 2) <= image_size)
            return PLAT_HOST_IMAGE + fdt_cells(reg, 2, 2);
    }
    return PLAT_HOST_IMAGE + image_size;
}

/* The host's kernel: an Image where the loader puts it. The rest of its memory, behind its file, is for later. */
static void find_host(const struct fdt *f)
{
    const struct image_header *h = phys(PLAT_HOST_IMAGE);

    if (!in_ram(PLAT_HOST_IMAGE, sizeof *h) || h->magic != IMAGE_MAGIC)
        refuse_to_boot("there is no arm64 Image at 0x42000000: give the host's kernel to the loader "
                       "(QEMU: -device guest-loader,kernel=Image,addr=0x42000000)");
    if (h->text_offset != 0)
        refuse_to_boot("the host's kernel wants to lie at an offset: it is older than Linux 5.8");
    if ((h->flags & 1) != 0)
        refuse_to_boot("the host's kernel is big endian");
    if (h->image_size == 0 || !in_ram(PLAT_HOST_IMAGE, h->image_size))
        refuse_to_boot("this machine has too little memory for the host's kernel");
    board_take(PLAT_HOST_IMAGE, h->image_size);
    rest.base = host_file_end(f, h->image_size);
    rest.size = PLAT_HOST_IMAGE + h->image_size - rest.base;
}

/* The initrd lies where /chosen says. */
static void find_initrd(const struct fdt *f)
{
    struct fdt_node chosen;
    struct fdt_value begin;
    struct fdt_value end;
    uint64_t first;
    uint64_t last;

    if (!fdt_child(f, fdt_root(f), "chosen", &chosen))
        return;
    begin = fdt_property(f, chosen, "linux,initrd-start");
    end = fdt_property(f, chosen, "linux,initrd-end");
    if ((begin.size != 4 && begin.size != 8) || (end.size != 4 && end.size != 8))
        return;
    first = fdt_cells(begin, 0, begin.size / 4);
    last = fdt_cells(end, 0, end.size / 4);
    if (last <= first || !in_ram(first, last - first))
        refuse_to_boot("the initrd lies outside of memory");
    board_take(first, last - first);
}

static void open_tree(struct fdt *f, uint64_t dtb)
{
    if (dtb % 8 != 0 || dtb == 0 || dtb >= UINT64_C(1) << 46 || !fdt_open(f, phys(dtb), DTB_LIMIT))
        refuse_to_boot("there is no device tree that I can read");
}

static void greet(void)
{
    uint64_t host = 0;
    uint64_t all = 0;

    for (uint32_t i = 0; i < board.rams; i++)
        all += board.ram[i].size;
    host = all - board.core[0].size - board.core[1].size;
    print("Cordon %s: %u CPUs, %u MiB of memory, of these %u MiB for the host; stage 2 of %u bits\n", CORDON_VERSION,
          (uint64_t)cpu_count, all >> 20, host >> 20, 64 - (board_vtcr() & 0x3f));
    log_event(CORDON_EVENT_BOOT, all / CORDON_PAGE_SIZE, (all - host) / CORDON_PAGE_SIZE);
}

#ifdef CORDON_BOOT_TEST
/* For the tests of the panic report: an image that goes wrong on purpose. */
void boot_test(void);
#else
static void boot_test(void) { }
#endif

/* What the host could have had, and is not told of. */
static void say_what_is_lost(void)
{
    if (board.lost > 0)
        print("Cordon: the device tree has no room to describe %u KiB of memory, which nobody has\n", board.lost >> 10);
}

/*
 * The boot CPU, on the image's stack. cpu_entry: where the others are to begin. Returns the struct cpu as which it goes on in
 * boot_on(), on a stack of its own.
 */
struct cpu *boot(uint64_t dtb, uint64_t cpu_entry)
{
    struct cordon_mem handed = { 0, 0 };
    bool has_root;

    psci_set_up(cpu_entry);
    open_tree(&tree, dtb);
    has_root = root_find(&tree, &handed);
    board_read(&tree);
    if (has_root)
        take_root(handed);
    find_host(&tree);
    find_initrd(&tree);
    if (!in_ram(dtb, tree.size))
        refuse_to_boot("the device tree lies outside of memory");
    board_take(dtb, tree.size);
    board_start_core();
    board_confine_devices();
    board_add_cpus(&tree);
    return &cpus[0];
}

_Noreturn void boot_on(void)
{
    uint64_t dtb = (uint64_t)tree.blob - PHYS_OFFSET;

    plan_edit(&tree);
    greet();
    say_what_is_lost();
    random_set_up(&tree);
    scrub_memory();
    scrub_range(rest.base, rest.base + rest.size);
    boot_test();
    cpu_set_up(board_vtcr(), board_vttbr());
    entry_step_say();
    clean_to_memory(phys(dtb), tree.size);      /* as edited: the host reads it with its caches off */
    enter_host(PLAT_HOST_IMAGE, dtb);
}

/* A CPU that the host has started, or that comes back from a suspension in which it lost its state. */
_Noreturn void secondary_boot(void)
{
    struct cpu *cpu = this_cpu();

    cpu_set_up(board_vtcr(), board_vttbr());
    __atomic_store_n(&cpu->state, CPU_STATE_ON, __ATOMIC_RELEASE);
    enter_host(cpu->entry, cpu->context);
}
