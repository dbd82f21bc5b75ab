// SPDX-License-Identifier: GPL-2.0
/* Configuration space, which is the host's: windows moved over what is not a device's, bus numbers that are not its bus's. */
#include <linux/mm.h>

#include "dma.h"

/* ---- windows ---- */

#define WINDOW 0x100000ull		/* the size of a device's window, which is aligned to it */

/* With the window of a device there: another device, and the CPU, find nothing at the place, and the guests are whole. */
static void attempt_window(struct tally *t, struct pci_dev *pci, u64 place, u32 own)
{
	bool kernels = pfn_is_map_memory(PHYS_PFN(place));
	void *va = kernels ? phys_to_virt(place) : compat_map(place & PAGE_MASK, __pgprot(PROT_DEVICE_nGnRE));
	u8 data[EDU_CELL];

	pci_write_config_dword(pci, PCI_BASE_ADDRESS_0, place & ~(WINDOW - 1));
	edu_read_by(0, place, data);
	tally_add(t, !edu_came(data));
	if (!dma_careful)
		edu_write_by(0, place, EDU_CELL);
	if (va) {
		tally_add(t, load_fails(va));
		tally_add(t, store_fails(va));
		if (!kernels)
			iounmap((void __iomem *)va);
	} else {
		not_tried("the kernel maps no such page");
	}
	pci_write_config_dword(pci, PCI_BASE_ADDRESS_0, own);
}

/* Places that neither the host's CPU nor its devices may reach: a window there must not change that. */
static void attempt_windows(void)
{
	u64 core = dma_core_address();
	const u64 place[] = { core, page_to_phys(victim.memory[ATTACK_CODE]), page_to_phys(victim.vcpu[0]), 0x09050000, 0x09020000, 0x08090000,
			      0x0a000000 };
	struct tally t = { 0 };
	u32 own;

	if (edus < 2) {
		not_tried("there are no two devices");
		return;
	}
	pci_read_config_dword(edu[1].pci, PCI_BASE_ADDRESS_0, &own);
	for (unsigned int i = 0; i < ARRAY_SIZE(place); i++)
		attempt_window(&t, edu[1].pci, place[i], own);
	tally_report(&t, "a device's window moved over", "Cordon, guests, SMMU, GIC", "no way in");
}

/* ---- streams ---- */

static struct edu *behind_bridge(unsigned int *number)
{
	for (unsigned int i = 0; i < edus; i++) {
		if (edu[i].pci->bus->self) {
			*number = i;
			return &edu[i];
		}
	}
	return NULL;
}

static void try_stream(struct tally *refused, struct tally *arrives, unsigned int number, struct page *page)
{
	u64 data[EDU_CELL / 8];

	memset(page_address(page), 0x7e, PAGE_SIZE);
	edu_read_by(number, page_to_phys(page), (u8 *)data);
	tally_want(arrives, "what came of the host's page", data[0], 0x7e7e7e7e7e7e7e7eull);
	edu_read_by(number, page_to_phys(victim.memory[ATTACK_CODE]), (u8 *)data);
	tally_add(refused, !edu_came((u8 *)data));
	edu_read_by(number, dma_core_address(), (u8 *)data);
	tally_add(refused, !edu_came((u8 *)data));
	edu_write_by(number, page_to_phys(victim.memory[ATTACK_CODE]), EDU_CELL);	/* the victim looks at it */
}

/* The bus behind a bridge gets other numbers, and with them its device another stream. */
static void attempt_streams(void)
{
	static const u8 bus[] = { 2, 0x10, 0x7f, 0x80, 0xff };
	struct tally refused = { 0 }, arrives = { 0 };
	struct page *page = alloc_page(GFP_KERNEL);
	unsigned int number;
	struct edu *e = behind_bridge(&number);
	struct pci_dev *bridge;
	u32 own;

	if (!e || !page) {
		not_tried("there is no device behind a bridge");
		return;
	}
	bridge = e->pci->bus->self;
	pci_read_config_dword(bridge, PCI_PRIMARY_BUS, &own);
	for (unsigned int i = 0; i < ARRAY_SIZE(bus); i++) {
		pci_write_config_dword(bridge, PCI_PRIMARY_BUS, (own & 0xff0000ff) | bus[i] << 8 | 0xff << 16);
		try_stream(&refused, &arrives, number, page);
	}
	pci_write_config_dword(bridge, PCI_PRIMARY_BUS, own);
	try_stream(&refused, &arrives, number, page);
	__free_page(page);
	tally_report(&refused, "a device with another bus number", "a guest's page, Cordon", "nothing");
	tally_report(&arrives, "the same", "a page of the host's own", "arrives");
}

void dma_setup(void)
{
	attempt_windows();
	attempt_streams();
}
