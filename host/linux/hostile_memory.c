// SPDX-License-Identifier: GPL-2.0
/* Cordon's memory, hidden devices, and registers of EL2. */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "hostile.h"

/* ---- ranges of Cordon's memory, as it says itself ---- */

#define MAX_RANGES 8

static struct {
	u64 base;
	u64 size;
} core[MAX_RANGES];
static unsigned int cores;

static void add_core(u64 first, u64 end)
{
	if (cores > 0 && core[cores - 1].base + core[cores - 1].size == first << PAGE_SHIFT) {
		core[cores - 1].size += (end - first) << PAGE_SHIFT;
	} else if (cores < MAX_RANGES) {
		core[cores].base = first << PAGE_SHIFT;
		core[cores++].size = (end - first) << PAGE_SHIFT;
	}
}

int hostile_find_core(void)
{
	u64 frame = 0;

	while (frame < 1ull << 36) {
		struct call c = cordon_call(CORDON_CALL_MAP, frame);

		if ((s64)c.x[0] != 0 || c.x[1] <= frame)
			return -EPROTO;
		if ((c.x[2] & 0xffff) == CORDON_OWNER_CORE)
			add_core(frame, c.x[1]);
		frame = c.x[1];
	}
	for (unsigned int i = 0; i < cores; i++)
		pr_emerg("hostile: Cordon says that it has %llx - %llx\n", core[i].base, core[i].base + core[i].size - 1);
	return cores > 0 ? 0 : -ENODEV;
}

u64 hostile_core_address(void)
{
	return core[0].base;
}

/* ---- attempts on pages ---- */

struct tally {
	const u64 *pages;
	unsigned int n;
	pgprot_t prot;
	atomic64_t read, written, run, tries;
};

/* Two ways into one page. Each must end as EFAULT. */
static void try_page(struct tally *t, u64 address)
{
	void *va = compat_map(address & PAGE_MASK, t->prot);
	u32 value;

	if (!va) {
		not_tried("the kernel maps no such page");
		return;
	}
	atomic64_inc(&t->tries);
	va += offset_in_page(address);
	if (copy_from_kernel_nofault(&value, va, sizeof(value)) == -EFAULT)
		atomic64_inc(&t->read);
	if (write_fails(va))
		atomic64_inc(&t->written);
	iounmap((void __iomem *)((unsigned long)va & PAGE_MASK));
}

static void try_pages(void *argument)
{
	struct tally *t = argument;

	for (unsigned int i = 0; i < t->n; i++)
		try_page(t, t->pages[i]);
}

static void attempt_pages(const char *where, const u64 *pages, unsigned int n, pgprot_t prot, bool everywhere)
{
	struct tally t = { .pages = pages, .n = n, .prot = prot };

	if (everywhere)
		on_every_cpu(try_pages, &t);
	else
		try_pages(&t);
	report("read by the kernel", where, atomic64_read(&t.tries), atomic64_read(&t.read), "EFAULT");
	report("write by the kernel", where, atomic64_read(&t.tries), atomic64_read(&t.written), "EFAULT");
}

static void attempt_run(const char *where, const u64 *pages, unsigned int n)
{
	u64 tries = 0, refused = 0;

	for (unsigned int i = 0; i < n; i++) {
		void *va = compat_map(pages[i] & PAGE_MASK, PAGE_KERNEL);

		if (!va || !make_executable(va)) {
			not_tried("the kernel maps no such page to be run");
		} else {
			tries++;
			refused += run_at(va + offset_in_page(pages[i]));
		}
		if (va)
			iounmap((void __iomem *)va);
	}
	report("run by the kernel", where, tries, refused, "abort");
}

/* Pages spread over each range: what lies in it differs from one end to the other. */
static unsigned int sample(u64 *pages, unsigned int range, unsigned int n)
{
	u64 step = core[range].size / n & PAGE_MASK;

	for (unsigned int i = 0; i < n; i++)
		pages[i] = core[range].base + i * step;
	pages[n - 1] = core[range].base + core[range].size - PAGE_SIZE;
	return n;
}

/* The image is the first range: code, constants, data and stacks in pages from its third MiB on. */
static void image_pages(u64 *pages)
{
	u64 image = core[0].base + core[0].size - 0x200000;

	for (unsigned int i = 0; i < 64; i++)
		pages[i] = image + i * PAGE_SIZE + i * 16;
}

static void whole_range(unsigned int range)
{
	u64 n = core[range].size >> PAGE_SHIFT;
	u64 *pages = vmalloc(array_size(n, sizeof(*pages)));

	if (!pages) {
		not_tried("no memory");
		return;
	}
	for (u64 i = 0; i < n; i++)
		pages[i] = core[range].base + (i << PAGE_SHIFT) + (i * 8 & ~PAGE_MASK);
	attempt_pages(range == 0 ? "every page around the image" : "every page of the tables", pages, n,
		      PAGE_KERNEL, false);
	vfree(pages);
}

void hostile_memory(void)
{
	u64 pages[64];

	image_pages(pages);
	attempt_pages("image, all CPUs at once", pages, 64, PAGE_KERNEL, true);
	attempt_run("image", pages, 64);
	for (unsigned int i = 0; i < cores; i++) {
		sample(pages, i, 32);
		attempt_pages(i == 0 ? "below the image, all CPUs" : "tables, records, all CPUs", pages, 32,
			      PAGE_KERNEL, true);
		attempt_pages(i == 0 ? "image, as a device" : "tables, as a device", pages, 32, __pgprot(PROT_DEVICE_nGnRE), true);
		attempt_run(i == 0 ? "below the image" : "tables, records", pages, 8);
		whole_range(i);
	}
}

/* ---- devices ---- */

/* Whether the host has a thing that Cordon stands behind: what it has not its tree does not even name. */
static bool has(const char *compatible)
{
	struct device_node *node = of_find_compatible_node(NULL, NULL, compatible);

	of_node_put(node);
	return node != NULL;
}

#define PCI "pci-host-ecam-generic"
#define ITS "arm,gic-v3-its"

void hostile_devices(void)
{
	static const struct {
		const char *name;
		u64 address;
		const char *of;		/* where the host has that, it may have this */
	} device[] = {
		{ "flash", 0x00000000 }, { "ITS registers", 0x08080000, ITS }, { "ITS doorbell", 0x08090040 },
		{ "redistributor beyond the CPUs", 0x08ff0000 }, { "fw_cfg DMA", 0x09020010 }, { "secure UART", 0x09040000 },
		{ "SMMUv3", 0x09050000 }, { "SMMUv3, second page", 0x09060000 }, { "memory hotplug", 0x09070000 },
		{ "generic events", 0x09080000 },
		{ "NVDIMM mailbox", 0x09090000 }, { "virtio-mmio", 0x0a000000 }, { "last virtio-mmio", 0x0a003e00 },
		{ "platform bus", 0x0c000000 }, { "secure memory", 0x0e000000 }, { "PCI windows", 0x10000000, PCI },
		{ "PCI I/O", 0x3eff0000, PCI }, { "PCI ECAM below 4 GiB", 0x3f000000 }, { "PCI ECAM", 0x4010000000, PCI },
		{ "PCI high windows", 0x8000000000, PCI }, { "beyond all addresses", 0xfffffff000, PCI },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(device); i++) {
		if (device[i].of && has(device[i].of))
			continue;
		attempt_pages(device[i].name, &device[i].address, 1, __pgprot(PROT_DEVICE_nGnRE), true);
	}
}

/* ---- the redistributors, which Cordon stands in front of ---- */

#define GICR_BASE 0x080a0000ull
#define GICR_FRAME 0x10000ull
#define TYPER_VLPIS 2

/* A GICv4's redistributors have two frames more, with tables of virtual LPIs. Each address there, and those of the registers. */
static void attempt_virtual_lpis(u64 redistributor)
{
	u64 page[] = { redistributor + 2 * GICR_FRAME, redistributor + 2 * GICR_FRAME + PAGE_SIZE,
		       redistributor + 3 * GICR_FRAME, redistributor + 4 * GICR_FRAME - PAGE_SIZE };

	attempt_pages("frames of virtual LPIs", page, ARRAY_SIZE(page), __pgprot(PROT_DEVICE_nGnRE), true);
}

/* A register that names a table. Without an ITS it is zero; with one the host's LPIs are on, and it stays what it was. */
static bool keeps(void __iomem *base, bool its)
{
	u64 before = readq(base);

	writeq(hostile_core_address() | 0xf, base);
	return readq(base) == before && (its || before == 0);
}

static void attempt_lpis_at(u64 redistributor)
{
	void __iomem *gicr = ioremap(redistributor, PAGE_SIZE);
	bool its = has(ITS);
	u64 tries = 2;
	u64 refused = 0;
	u64 typer;

	if (!gicr) {
		not_tried("the kernel does not map the redistributor");
		return;
	}
	typer = readq(gicr + 8);
	refused += keeps(gicr + 0x70, its);
	refused += keeps(gicr + 0x78, its);
	if (!its) {
		tries += 2;
		writel(readl(gicr) | 1, gicr);
		refused += (readl(gicr) & 1) == 0;
		refused += (typer & 0x400008d) == 0;
	}
	iounmap(gicr);
	report("LPI tables in Cordon's memory", "redistributor", tries, refused, "ignored");
	if (typer & TYPER_VLPIS)
		attempt_virtual_lpis(redistributor);
}

/* The first and the second: their distance tells whether they have two frames or four. */
static void attempt_lpis(void)
{
	void __iomem *gicr = ioremap(GICR_BASE, PAGE_SIZE);
	u64 stride;

	if (!gicr)
		return;
	stride = readq(gicr + 8) & TYPER_VLPIS ? 4 * GICR_FRAME : 2 * GICR_FRAME;
	iounmap(gicr);
	attempt_lpis_at(GICR_BASE);
	if (num_possible_cpus() > 1)
		attempt_lpis_at(GICR_BASE + stride);
}

/* ---- registers of EL2 ---- */

void hostile_registers(void)
{
	u64 refused = 0;

	refused += REFUSED("mrs x0, s3_4_c1_c1_0");	/* HCR_EL2 */
	refused += REFUSED("msr s3_4_c1_c1_0, xzr");
	refused += REFUSED("mrs x0, s3_4_c2_c1_0");	/* VTTBR_EL2 */
	refused += REFUSED("msr s3_4_c2_c1_0, xzr");
	refused += REFUSED("msr s3_4_c2_c1_2, xzr");	/* VTCR_EL2 */
	refused += REFUSED("msr s3_4_c12_c0_0, xzr");	/* VBAR_EL2 */
	refused += REFUSED("msr s3_4_c1_c0_0, xzr");	/* SCTLR_EL2 */
	refused += REFUSED("msr s3_4_c2_c0_0, xzr");	/* TTBR0_EL2 */
	refused += REFUSED("msr s3_4_c14_c0_3, xzr");	/* CNTVOFF_EL2 */
	refused += REFUSED("sys #4, c8, c7, #4, xzr");	/* TLBI ALLE1 */
	refused += REFUSED("sys #4, c7, c8, #4, x0");	/* AT S12E1R */
	flush_signals(current);		/* Linux sent one for each of them */
	report("registers and operations of EL2", "this CPU", 11, refused, "undefined");
	attempt_lpis();
}
