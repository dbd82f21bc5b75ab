// SPDX-License-Identifier: GPL-2.0
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "edu.h"
#include "hostile.h"

#define EDU_VENDOR 0x1234
#define EDU_DEVICE 0x11e8

/* Its registers, and its buffer as they name it. */
#define SOURCE 0x80
#define TARGET 0x88
#define COUNT 0x90
#define COMMAND 0x98
#define RUN 1
#define TO_MEMORY 2
#define BUFFER 0x40000ull
#define CELLS 15			/* the last bytes of the buffer are not used: some versions stop at the end of all */

#define PATIENCE 20000

struct edu edu[EDU_MOST];
unsigned int edus;

/* ---- finding them ---- */

static int take(struct edu *e, struct pci_dev *pci)
{
	int result = pci_enable_device_mem(pci);

	if (result != 0)
		return result;
	e->registers = pci_iomap(pci, 0, 0);
	e->own = alloc_page(GFP_KERNEL);
	e->pci = pci;
	if (!e->registers || !e->own)
		return -ENOMEM;
	pci_set_master(pci);
	return 0;
}

static void drop(struct edu *e)
{
	pci_clear_master(e->pci);
	if (e->registers)
		pci_iounmap(e->pci, e->registers);
	if (e->own)
		__free_page(e->own);
	pci_disable_device(e->pci);
	pci_dev_put(e->pci);
}

int edu_find(void)
{
	struct pci_dev *pci = NULL;

	while (edus < EDU_MOST && (pci = pci_get_device(EDU_VENDOR, EDU_DEVICE, pci)) != NULL) {
		int result = take(&edu[edus], pci_dev_get(pci));

		edus++;
		if (result != 0) {
			pci_dev_put(pci);
			edu_drop();
			return result;
		}
	}
	pci_dev_put(pci);
	return edus > 0 ? 0 : -ENODEV;
}

void edu_drop(void)
{
	while (edus > 0)
		drop(&edu[--edus]);
}

/* The last of them goes to its place, and it to the end. */
struct edu *edu_put_aside(void)
{
	for (unsigned int i = 0; i < edus; i++) {
		if (!edu[i].pci->bus->self)
			continue;
		swap(edu[i], edu[edus - 1]);
		return &edu[--edus];
	}
	return NULL;
}

void edu_put_back(struct edu *e)
{
	edus++;
}

/* ---- one transfer ---- */

static void begin(struct edu *e, u64 source, u64 target, u64 count, u64 command)
{
	writeq(source, e->registers + SOURCE);
	writeq(target, e->registers + TARGET);
	writeq(count, e->registers + COUNT);
	writeq(RUN | command, e->registers + COMMAND);
}

void edu_begin_read(struct edu *e, u64 address, unsigned int cell)
{
	begin(e, address, BUFFER + cell * EDU_CELL, EDU_CELL, 0);
}

void edu_begin_write(struct edu *e, u64 address, unsigned int bytes)
{
	begin(e, BUFFER, address, bytes, TO_MEMORY);
}

bool edu_wait(struct edu *e)
{
	for (unsigned int i = 0; i < PATIENCE; i++) {
		if ((readq(e->registers + COMMAND) & RUN) == 0)
			return true;
		usleep_range(1000, 2000);
	}
	not_tried("a device does not come to the end of a transfer");
	return false;
}

static void wait_all(void)
{
	for (unsigned int i = 0; i < edus; i++)
		(void)edu_wait(&edu[i]);
}

/* ---- the buffer, from and to the host's own page ---- */

static void buffer_in(struct edu *e)
{
	begin(e, page_to_phys(e->own), BUFFER, CELLS * EDU_CELL, 0);
}

static void buffer_out(struct edu *e)
{
	begin(e, BUFFER, page_to_phys(e->own), CELLS * EDU_CELL, TO_MEMORY);
}

static void fill_all(void)
{
	for (unsigned int i = 0; i < edus; i++) {
		memset64(page_address(edu[i].own), EDU_HAD, PAGE_SIZE / 8);
		buffer_in(&edu[i]);
	}
	wait_all();
}

static void out_all(void)
{
	for (unsigned int i = 0; i < edus; i++) {
		memset(page_address(edu[i].own), 0, PAGE_SIZE);
		buffer_out(&edu[i]);
	}
	wait_all();
}

static bool has_filled(const struct edu *e)
{
	const u64 *word = page_address(e->own);

	for (unsigned int i = 0; i < CELLS * EDU_CELL / 8; i++) {
		if (word[i] != EDU_HAD)
			return false;
	}
	return true;
}

bool edu_fill(void)
{
	bool good = true;

	fill_all();
	out_all();
	for (unsigned int i = 0; i < edus; i++)
		good = good && has_filled(&edu[i]);
	return good;
}

/* ---- by all ---- */

/* As many addresses as all buffers have cells. */
static void read_some(const u64 *address, unsigned int n, u8 *data)
{
	fill_all();
	for (unsigned int first = 0; first < n; first += edus) {
		for (unsigned int i = first; i < n && i < first + edus; i++)
			edu_begin_read(&edu[i - first], address[i], first / edus);
		wait_all();
	}
	out_all();
	for (unsigned int i = 0; i < n; i++)
		memcpy(data + i * EDU_CELL, page_address(edu[i % edus].own) + i / edus * EDU_CELL, EDU_CELL);
}

void edu_read(const u64 *address, unsigned int n, u8 *data)
{
	unsigned int most = edus * CELLS;

	for (unsigned int done = 0; done < n; done += most)
		read_some(address + done, min(n - done, most), data + (u64)done * EDU_CELL);
}

void edu_write(const u64 *address, unsigned int n)
{
	fill_all();
	for (unsigned int first = 0; first < n; first += edus) {
		for (unsigned int i = first; i < n && i < first + edus; i++)
			edu_begin_write(&edu[i - first], address[i], EDU_CELL);
		wait_all();
	}
}

static void fill_one(struct edu *e, u64 word)
{
	memset64(page_address(e->own), word, PAGE_SIZE / 8);
	buffer_in(e);
	(void)edu_wait(e);
}

void edu_write_by(unsigned int device, u64 address, unsigned int bytes)
{
	fill_one(&edu[device], EDU_HAD);
	edu_begin_write(&edu[device], address, bytes);
	(void)edu_wait(&edu[device]);
}

void edu_write_word(unsigned int device, u64 address, u32 word)
{
	fill_one(&edu[device], word);
	edu_begin_write(&edu[device], address, 4);
	(void)edu_wait(&edu[device]);
}

void edu_read_by(unsigned int device, u64 address, u8 *data)
{
	struct edu *e = &edu[device];

	fill_one(e, EDU_HAD);
	edu_begin_read(e, address, 0);
	(void)edu_wait(e);
	memset(page_address(e->own), 0, PAGE_SIZE);
	buffer_out(e);
	(void)edu_wait(e);
	memcpy(data, page_address(e->own), EDU_CELL);
}

bool edu_came(const u8 *cell)
{
	const u64 *word = (const u64 *)cell;

	for (unsigned int i = 0; i < EDU_CELL / 8; i++) {
		if (word[i] != 0 && word[i] != EDU_HAD)
			return true;
	}
	return false;
}
