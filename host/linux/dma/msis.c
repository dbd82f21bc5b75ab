// SPDX-License-Identifier: GPL-2.0
/*
 * The ITS, which reads and writes memory as it is told: a queue, tables and pending tables at places that are not the host's, commands at
 * random; and the interrupts that devices send by a write to one page. Behind the back of the kernel, which has the ITS before and after.
 */
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/mm.h>

#include "dma.h"

#define ITS 0x08080000ull
#define REDISTRIBUTOR 0x080a0000ull
#define CTLR 0x00
#define CBASER 0x80
#define CWRITER 0x88
#define CREADR 0x90
#define BASER(n) (0x100 + 8 * (n))
#define PENDBASER 0x78
#define VALID (1ull << 63)
#define ATTRIBUTES (7ull << 59 | 1ull << 10)	/* write-back, shareable */
#define ADDRESS 0x0000fffffffff000ull
#define COMMAND 32
#define MOST (PAGE_SIZE / COMMAND - 1)		/* commands that a page holds, and none of an older turn */

#define MAPD(device, bits) { 0x08 | (u64)(device) << 32, (bits) - 1, VALID, 0 }
#define MAPC(collection) { 0x09, 0, VALID | (collection), 0 }
#define MAPTI(device, event, lpi, collection) { 0x0a | (u64)(device) << 32, (event) | (u64)(lpi) << 32, (collection), 0 }
#define DISCARD(device, event) { 0x0f | (u64)(device) << 32, (event), 0, 0 }
#define UNMAPD(device) { 0x08 | (u64)(device) << 32, 0, 0, 0 }
#define INT(device, event) { 0x03 | (u64)(device) << 32, (event), 0, 0 }
#define SYNC { 0x05, 0, 0, 0 }

/* Of no device that there is, and no collection and LPI of the kernel's. */
#define NOBODY 0x40
#define OTHERS 200
#define LPI 0xf000

static void __iomem *its;
static struct page *queue;		/* of the host's own */
static u64 (*command)[4];		/* in it */

/* ---- the ITS ---- */

static u64 refused(void)
{
	return vm_call_regs(CORDON_CALL_STATISTIC, CORDON_STAT_ITS_REFUSED, 0, 0, 0).x[1];
}

static void off(void)
{
	writel(0, its + CTLR);
	for (unsigned int i = 0; i < 100000 && (readl(its + CTLR) >> 31) == 0; i++)
		cpu_relax();
}

static void on(u64 address)
{
	writeq(VALID | ATTRIBUTES | address, its + CBASER);
	writeq(0, its + CWRITER);
	writel(1, its + CTLR);
}

/* So many commands of the queue. False: they do not come to their end, which is said. */
static bool run(unsigned int n)
{
	writeq(n * COMMAND, its + CWRITER);
	for (unsigned int i = 0; i < 100000; i++) {
		if (readq(its + CREADR) == n * COMMAND)
			return true;
		cpu_relax();
	}
	not_tried("the ITS does not come to the end of its queue");
	return false;
}

/* Those that stand in the host's own page; how many of them were dropped. */
static u64 run_own(unsigned int n)
{
	u64 before = refused();

	off();
	on(page_to_phys(queue));
	(void)run(n);
	return refused() - before;
}

/* The kernel's queue, in which its own place is kept: up to there it has nothing but commands that do nothing. */
static void give_back(u64 cbaser, u64 cwriter)
{
	static const u64 sync[4] = SYNC;
	u8 *kernels = phys_to_virt(cbaser & ADDRESS);

	for (u64 at = 0; at < cwriter; at += COMMAND)
		memcpy(kernels + at, sync, COMMAND);
	off();
	writeq(cbaser, its + CBASER);
	writeq(0, its + CWRITER);
	writel(1, its + CTLR);
	writeq(cwriter, its + CWRITER);
	for (unsigned int i = 0; i < 100000 && readq(its + CREADR) != cwriter; i++)
		cpu_relax();
}

/* ---- interrupts of devices ---- */

static struct msi {
	u64 address;
	u32 data;
	atomic_t heard;
} msi[EDU_MOST];

static irqreturn_t hear(int irq, void *of)
{
	atomic_inc(&((struct msi *)of)->heard);
	return IRQ_HANDLED;
}

static bool enable_msi(struct edu *e, struct msi *m)
{
	u32 low, high;
	u16 data;

	if (pci_alloc_irq_vectors(e->pci, 1, 1, PCI_IRQ_MSI) != 1)
		return false;
	if (request_irq(pci_irq_vector(e->pci, 0), hear, 0, "edu", m) != 0)
		return false;
	pci_read_config_dword(e->pci, e->pci->msi_cap + PCI_MSI_ADDRESS_LO, &low);
	pci_read_config_dword(e->pci, e->pci->msi_cap + PCI_MSI_ADDRESS_HI, &high);
	pci_read_config_word(e->pci, e->pci->msi_cap + PCI_MSI_DATA_64, &data);
	m->address = low | (u64)high << 32;
	m->data = data;
	return true;
}

static void disable_msi(struct edu *e, struct msi *m)
{
	free_irq(pci_irq_vector(e->pci, 0), m);
	pci_free_irq_vectors(e->pci);
}

static u32 device_id(const struct edu *e)
{
	return pci_dev_id(e->pci);
}

/* The LPI that the kernel has for a device. */
static u32 lpi_of(const struct edu *e)
{
	struct irq_data *d = irq_get_irq_data(pci_irq_vector(e->pci, 0));

	while (d->parent_data)
		d = d->parent_data;
	return d->hwirq;
}

static bool comes(unsigned int device, int before)
{
	for (unsigned int i = 0; i < 200 && atomic_read(&msi[device].heard) == before; i++)
		usleep_range(500, 1000);
	return atomic_read(&msi[device].heard) != before;
}

/* A device interrupts, as devices do. */
static bool interrupts(unsigned int device)
{
	int before = atomic_read(&msi[device].heard);
	bool came;

	writel(1, edu[device].registers + 0x60);
	came = comes(device, before);
	writel(1, edu[device].registers + 0x64);
	return came;
}

/* Whether the first device's write of a word brings its interrupt. */
static bool brings(u64 address, u32 word)
{
	int before = atomic_read(&msi[0].heard);

	edu_write_word(0, address, word);
	return comes(0, before);
}

#define EVENT 3

/*
 * The emulator's device says who it is when it interrupts, not when it copies: what it copies to the ITS is device 0's. So device 0
 * gets the first one's LPI meanwhile.
 */
static void attempt_writes(u64 at)
{
	const u64 before[][4] = { DISCARD(device_id(&edu[0]), msi[0].data), MAPD(0, 4), MAPTI(0, EVENT, lpi_of(&edu[0]), 0) };
	const u64 after[][4] = { UNMAPD(0), MAPTI(device_id(&edu[0]), msi[0].data, lpi_of(&edu[0]), 0) };
	struct tally arrives = { 0 }, nothing = { 0 };

	memcpy(command, before, sizeof(before));
	tally_want(&arrives, "commands that were dropped", run_own(ARRAY_SIZE(before)), 0);
	tally_add(&arrives, brings(at, EVENT));
	tally_add(&nothing, !brings(at, EVENT + 1));
	tally_add(&nothing, !brings(at, ~0u));
	tally_add(&nothing, !brings(at + 4, EVENT));
	tally_add(&nothing, !brings(at & PAGE_MASK, 0));
	tally_add(&nothing, !brings(ITS, 0));
	tally_add(&nothing, !brings(ITS + 0x40, EVENT));
	tally_add(&nothing, !brings((at & PAGE_MASK) + PAGE_SIZE, EVENT));
	tally_add(&nothing, !brings(REDISTRIBUTOR, 0));
	tally_add(&arrives, brings(at, EVENT));
	memcpy(command, after, sizeof(after));
	tally_want(&arrives, "commands that were dropped", run_own(ARRAY_SIZE(after)), 0);
	tally_report(&arrives, "a device writes", "to interrupt", "arrives");
	tally_report(&nothing, "a device writes", "beside its interrupt", "nothing");
}

static void attempt_interrupts(void)
{
	struct tally t = { 0 };

	for (unsigned int i = 0; i < edus; i++)
		tally_add(&t, interrupts(i));
	tally_report(&t, "interrupts of devices", "through the ITS", "arrive");
}

/* As fast as they can be asked for, while the victim runs: guests_check() looks at it. */
static void attempt_flood(void)
{
	struct tally t = { 0 };
	const u64 each[4] = INT(device_id(&edu[0]), msi[0].data);
	int before = atomic_read(&msi[0].heard);

	for (unsigned int i = 0; i < MOST; i++)
		memcpy(command[i], each, COMMAND);
	for (unsigned int i = 0; i < 100; i++) {
		tally_want(&t, "commands that were dropped", run_own(MOST), 0);
		cond_resched();
	}
	usleep_range(20000, 40000);
	tally_add(&t, atomic_read(&msi[0].heard) > before);
	tally_report(&t, "a flood of interrupts", "while a guest runs", "arrives");
}

/* ---- places that are not the host's ---- */

/* A guest of its own: one page has commands in it, as a page of the host's has. */
static struct attack_vm vm;
#define PAGE 6

static const u64 whole[][4] = { MAPD(NOBODY, 4), MAPC(OTHERS), MAPTI(NOBODY, 3, LPI, OTHERS), INT(NOBODY, 3), SYNC };

static bool guest_writes_commands(void)
{
	struct attack_run r;
	bool good = true;

	for (unsigned int i = 0; i < sizeof(whole) / 8; i++)
		good = good && vm_do(&vm, 0, DO_STORE, guest_address(PAGE) + 8 * i, whole[i / 4][i % 4], 0, &r);
	return good;
}

static bool guest_keeps_commands(void)
{
	struct attack_run r;
	bool good = true;

	for (unsigned int i = 0; i < sizeof(whole) / 8; i++)
		good = good && vm_do(&vm, 0, DO_LOAD, guest_address(PAGE) + 8 * i, 0, 0, &r) && r.detail[0] == whole[i / 4][i % 4];
	return good;
}

#define PLACES 9

static void find_places(u64 place[PLACES])
{
	const u64 all[PLACES] = {
		page_to_phys(vm.memory[PAGE]), page_to_phys(vm.memory[ATTACK_CODE]), page_to_phys(vm.vcpu[0]), page_to_phys(vm.root),
		dma_core_address(), ITS, REDISTRIBUTOR, 0x09050000, 0x0000fffffffff000ull,
	};

	memcpy(place, all, sizeof(all));
}

/* None of the commands is done, whatever is there; those in the host's own page are, or nothing were shown. */
static void attempt_queues(const u64 place[PLACES])
{
	struct tally t = { 0 }, own = { 0 };
	const unsigned int n = ARRAY_SIZE(whole);

	memcpy(command, whole, sizeof(whole));
	tally_want(&own, "commands that were dropped", run_own(n), 0);
	tally_report(&own, "commands to the ITS", "a page of the host's own", "done");
	for (unsigned int i = 0; i < PLACES; i++) {
		u64 before = refused();

		off();
		on(place[i]);
		(void)run(n);
		tally_want(&t, "commands that were dropped", refused() - before, n);
	}
	tally_add(&t, guest_keeps_commands());
	tally_report(&t, "commands to the ITS", "guest, vCPU, Cordon, devices", "dropped");
}

/* Each kind of table at each of the places, with commands that would have the ITS write to it; the tables are the kernel's afterwards. */
static void attempt_tables(const u64 place[PLACES])
{
	u64 devices = readq(its + BASER(0)), collections = readq(its + BASER(1));
	void __iomem *rd = ioremap(REDISTRIBUTOR, PAGE_SIZE);
	struct tally t = { 0 };
	bool good = true;

	memcpy(command, whole, sizeof(whole));
	for (unsigned int i = 0; i < PLACES && rd && good; i++) {
		u64 pending = readq(rd + PENDBASER);

		command[0][2] = VALID | place[i];	/* its table of events */
		off();
		writeq(VALID | ATTRIBUTES | place[i], its + BASER(0));
		writeq(VALID | ATTRIBUTES | place[i], its + BASER(1));
		writel(0, rd);
		writeq(place[i] | 0x780, rd + PENDBASER);
		writel(1, rd);
		on(page_to_phys(queue));
		(void)run(ARRAY_SIZE(whole));
		writel(0, rd);				/* it writes what is pending to memory */
		tally_want(&t, "the pending table", readq(rd + PENDBASER) & ~0xffffull, place[i] & ~0xffffull);
		writeq(pending, rd + PENDBASER);
		writel(1, rd);
		good = guest_keeps_commands();
		tally_add(&t, good);
	}
	off();
	writeq(devices, its + BASER(0));
	writeq(collections, its + BASER(1));
	if (rd)
		iounmap(rd);
	tally_report(&t, "tables of the ITS's", "guest, vCPU, Cordon, devices", "not used");
}

/* ---- at random ---- */

static void random_command(u64 word[4], u64 *state)
{
	static const u8 kinds[] = { 8, 8, 9, 9, 10, 10, 10, 1, 3, 4, 5, 12, 13, 14, 15, 15 };
	u64 r = random64(state);

	word[0] = kinds[r % ARRAY_SIZE(kinds)] | (r >> 8 & 0x7f) << 32;
	word[1] = random64(state) & 0x3f;
	word[1] |= (0xe000 + (random64(state) & 0xff)) << 32;
	word[2] = (random64(state) & 0xf) | (random64(state) & 3) << 16 | (random64(state) & VALID);
	word[3] = (random64(state) & 3) << 16;
	if (r >> 60 == 0)
		word[r >> 32 & 3] = random64(state);
	if (r >> 59 == 1)
		word[2] |= page_to_phys(vm.memory[PAGE]);
}

static void attempt_random(void)
{
	struct tally t = { 0 };
	u64 state = get_random_u64() | 1;

	pr_emerg("hostile: seed %llu\n", state);
	for (unsigned int i = 0; i < 60; i++) {
		for (unsigned int k = 0; k < MOST; k++)
			random_command(command[k], &state);
		(void)run_own(MOST);
		tally_add(&t, (readl(its + CTLR) & 1) == 1 && readq(its + CREADR) == MOST * COMMAND);
		cond_resched();
	}
	tally_add(&t, guest_keeps_commands());
	tally_report(&t, "commands to the ITS", "at random", "it goes on");
}

/* ---- all of it ---- */

static void attempt_all(void)
{
	u64 cbaser = readq(its + CBASER), cwriter = readq(its + CWRITER), place[PLACES];

	attempt_writes(msi[0].address);
	attempt_flood();
	if (vm_make(&vm) == 0) {
		tally_report(&(struct tally){ .tries = ATOMIC64_INIT(1), .refused = ATOMIC64_INIT(guest_writes_commands()) },
			     "a guest's page with commands", "for the ITS", "written");
		find_places(place);
		attempt_queues(place);
		attempt_random();
		attempt_tables(place);
		(void)vm_end(&vm);
	}
	give_back(cbaser, cwriter);
}

void dma_msis(void)
{
	unsigned int n = 0;

	its = ioremap(ITS, 0x10000);
	queue = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!its || !queue) {
		not_tried("no memory");
		return;
	}
	command = page_address(queue);
	while (n < edus && enable_msi(&edu[n], &msi[n]))
		n++;
	if (n == edus) {
		attempt_interrupts();
		attempt_all();
	} else {
		not_tried("a device has no MSI: there is no ITS");
	}
	for (unsigned int i = 0; i < n; i++)
		disable_msi(&edu[i], &msi[i]);
	__free_page(queue);
	iounmap(its);
}
