/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Devices that a hostile host has: QEMU's "edu", which copies between a buffer of its own and any address of memory that it is given.
 * A copy takes a tenth of a second, so there are several of them, and they work at once.
 */
#ifndef DMA_EDU_H
#define DMA_EDU_H

#include <linux/io.h>
#include <linux/mm_types.h>
#include <linux/pci.h>

#define EDU_MOST 16
#define EDU_CELL 256			/* bytes of one transfer; they lie within a page */
#define EDU_HAD 0xd5d5d5d5d5d5d5d5ull	/* what a device's buffer has before it reads, and what it writes */

struct edu {
	struct pci_dev *pci;
	u8 __iomem *registers;
	struct page *own;		/* of the host's, where the buffer comes from and goes to */
};

extern struct edu edu[EDU_MOST];
extern unsigned int edus;

/* Finds them, and has each be a master of its bus. 0 or -errno. */
int edu_find(void);
void edu_drop(void);

/* The one behind a port of its own is none of them until it is put back. NULL: there is none. */
struct edu *edu_put_aside(void);
void edu_put_back(struct edu *e);

/* ---- one transfer of one device ---- */

/* Begins it: the device reads EDU_CELL bytes to cell `cell` of its buffer, or writes the first `bytes` of the buffer. */
void edu_begin_read(struct edu *e, u64 address, unsigned int cell);
void edu_begin_write(struct edu *e, u64 address, unsigned int bytes);
/* Waits for its end. False: there is none, and that is said. */
bool edu_wait(struct edu *e);
/* Every device's buffer holds EDU_HAD. False: a page of the host's own did not arrive. */
bool edu_fill(void);

/* ---- by all devices ---- */

/* What devices find at n addresses, EDU_CELL bytes of each. */
void edu_read(const u64 *address, unsigned int n, u8 *data);
/* Devices write EDU_HAD to n addresses, EDU_CELL bytes to each. */
void edu_write(const u64 *address, unsigned int n);

/* ---- by one of them, the one with this number ---- */

void edu_read_by(unsigned int device, u64 address, u8 *data);
void edu_write_by(unsigned int device, u64 address, unsigned int bytes);
void edu_write_word(unsigned int device, u64 address, u32 word);	/* 32 bits of the caller's choice */

/* Whether anything came: neither zeros nor what the buffer had before. */
bool edu_came(const u8 *cell);

#endif
