// SPDX-License-Identifier: GPL-2.0
/* What is not memory: registers of the board's devices, windows of other devices on the bus, and where nothing is. */
#include <linux/mm.h>

#include "dma.h"

/* ---- reads ---- */

static const struct {
	const char *name;
	u64 address;
} place[] = {
	{ "flash", 0x00000000 }, { "GIC distributor", 0x08000000 }, { "its identification", 0x0800ff00 }, { "ITS registers", 0x08080000 },
	{ "ITS doorbell", 0x08090000 }, { "redistributor 0", 0x080a0000 }, { "its interrupts", 0x080b0400 },
	{ "redistributor 1", 0x080c0000 }, { "UART", 0x09000f00 }, { "clock", 0x09010000 }, { "fw_cfg", 0x09020000 }, { "GPIO", 0x09030f00 },
	{ "secure UART", 0x09040000 }, { "SMMU, page 0", 0x09050000 }, { "SMMU, page 1", 0x09060000 }, { "memory hotplug", 0x09070000 },
	{ "generic events", 0x09080000 }, { "NVDIMM mailbox", 0x09090000 }, { "virtio-mmio", 0x0a000000 }, { "platform bus", 0x0c000000 },
	{ "secure memory", 0x0e000000 }, { "PCI I/O", 0x3eff0000 }, { "PCI configuration, low", 0x3f000000 },
	{ "PCI configuration", 0x4010000000 }, { "PCI window", 0x10000000 }, { "PCI high window", 0x8000000000 },
	{ "beyond 512 GiB", 0x8040000000 }, { "beyond 2^44", 1ull << 44 }, { "the last of 2^48", 0xfffffffff000 },
	{ "the last of all", 0xfffffffffffff000 }, { "below memory", 0x3ffff000 },
};

static void read_places(void)
{
	struct tally t = { 0 };
	u64 address[ARRAY_SIZE(place)];

	for (unsigned int i = 0; i < ARRAY_SIZE(place); i++)
		address[i] = place[i].address;
	dma_try_read(&t, address, ARRAY_SIZE(place));
	tally_report(&t, "a device reads", "devices, windows, holes", "nothing");
}

/* Frames of other physical addresses, that one bit of a frame of the host's away are memory again: a table that is too narrow. */
static void read_aliases(void)
{
	struct tally t = { 0 };
	u64 address[64];
	unsigned int n = 0;
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page) {
		not_tried("no memory");
		return;
	}
	memset(page_address(page), 0x3c, PAGE_SIZE);
	for (unsigned int bit = 36; bit < 64; bit++)
		address[n++] = page_to_phys(page) | 1ull << bit;
	dma_try_read(&t, address, n);
	tally_report(&t, "a device reads", "a page's address, bits above", "nothing");
	__free_page(page);
}

/* ---- writes: where the host can look whether they came ---- */

/* 32 bits that keep what is written to them; the interrupts whose priority some are go on to come. */
static const struct {
	const char *name;
	u64 address;
} scratch[] = {
	{ "GIC distributor, a priority", 0x08000500 }, { "redistributor, a priority", 0x080b0408 }, { "clock, its match", 0x09010004 },
};

static void write_places(void)
{
	struct tally t = { 0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(scratch); i++) {
		void __iomem *at = ioremap(scratch[i].address & PAGE_MASK, PAGE_SIZE);
		u32 before;

		if (!at) {
			not_tried("the kernel does not map a device");
			continue;
		}
		before = readl(at + offset_in_page(scratch[i].address));
		edu_write_by(i % edus, scratch[i].address, 4);
		tally_add(&t, readl(at + offset_in_page(scratch[i].address)) == before);
		iounmap(at);
	}
	tally_report(&t, "a device writes", "GIC, clock", "not changed");
}

/* The SMMU's own: that it goes on as it did is shown by the control of this group. */
static void write_smmu(void)
{
	static const u64 address[] = { 0x09050000, 0x09050100, 0x09060000 };
	struct tally t = { 0 };

	if (dma_careful)
		return;
	edu_write(address, ARRAY_SIZE(address));
	for (unsigned int i = 0; i < ARRAY_SIZE(address); i++)
		tally_add(&t, edu_fill());
	tally_report(&t, "a device writes", "the SMMU's registers", "it goes on");
}

/* Another device of the same bus: its first registers, and the source of its next copy. */
static void write_peer(void)
{
	struct tally t = { 0 };
	u64 address, data[EDU_CELL / 8];

	if (edus < 2) {
		not_tried("there are no two devices");
		return;
	}
	address = dma_window(&edu[1]);
	writeq(0x1111, edu[1].registers + 0x80);
	edu_read_by(0, address, (u8 *)data);
	tally_add(&t, !edu_came((u8 *)data));
	edu_write_by(0, address + 0x80, 8);
	tally_add(&t, readq(edu[1].registers + 0x80) == 0x1111);
	tally_report(&t, "a device reads and writes", "another device's registers", "nothing");
}

void dma_places(void)
{
	read_places();
	read_aliases();
	write_places();
	write_smmu();
	write_peer();
}
