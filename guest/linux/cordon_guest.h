/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cordon_guest: what a Linux guest under Cordon needs to do I/O. Its memory is its own, so a device of the host's can
 * only reach what the guest grants. The module grants a pool, and lets virtio devices use nothing else.
 */
#ifndef CORDON_GUEST_H
#define CORDON_GUEST_H

#include <linux/device.h>
#include <linux/dma-direction.h>
#include <linux/types.h>

#include "cordon/abi.h"
#include "cordon/status.h"

struct answer {
	u64 x0, x1, x2, x3;
};

static inline struct answer cordon_call(u32 function, u64 a, u64 b, u64 c, u64 d)
{
	register u64 x0 asm("x0") = function;
	register u64 x1 asm("x1") = a;
	register u64 x2 asm("x2") = b;
	register u64 x3 asm("x3") = c;
	register u64 x4 asm("x4") = d;

	asm volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4) : : "memory");
	return (struct answer){ x0, x1, x2, x3 };
}

/* ---- share.c ---- */

/*
 * Grants whole pages of the linear map to the host; they must have been written to, so that they are there. What is in
 * them becomes the host's to read: clear them first. An error: the host may have some of them. May sleep.
 */
int share_grant(void *pages, size_t size);
/* Takes them back. An error: some are the host's still, and none must be used for anything else. */
int share_revoke(void *pages, size_t size);

/* Gives pages to the host, zeroed; whole pages, of which the kernel uses none. An error: some of them may be there still. May sleep. */
int share_give_back(phys_addr_t at, size_t size);

/* ---- pool.c: memory that the host may reach ---- */

int pool_create(unsigned int mib);
void pool_destroy(void);
/* Whole pages, zero. NULL when the pool is used up. In any context. */
void *pool_alloc(size_t size, dma_addr_t *dma);
void pool_free(void *at, size_t size);
/* A place in the pool that stands for `size` bytes at `original`; DMA_MAPPING_ERROR when the pool is used up. */
dma_addr_t pool_map(phys_addr_t original, size_t size);
void pool_unmap(dma_addr_t dma, size_t size);
/* Copies between a place, or a part of it, and what it stands for. */
void pool_copy_in(dma_addr_t dma, size_t size);
void pool_copy_out(dma_addr_t dma, size_t size);
/* Zeroes the place, so that the host sees nothing of what was there. */
void pool_clear(dma_addr_t dma, size_t size);
size_t pool_available(void);
size_t pool_most(void);		/* what a place can have at most */
u64 pool_mask(void);		/* of its addresses */

/* ---- dma.c ---- */

/* From now on virtio devices of the host's, on MMIO and PCI, do DMA through the pool. */
int dma_start(void);
void dma_stop(void);
/* The same for one device by hand: the tests. */
void dma_use_pool(struct device *dev);

/* ---- report.c ---- */

/* From now on memory that is free goes back to the host. */
int report_start(void);
void report_stop(void);
/* Who tells the VMM of it, beside the call that only cordon-vmm knows; NULL: nobody, and the last one is through. May sleep. */
void report_by(void (*tell)(phys_addr_t at, size_t size));

/* ---- token.c ---- */

/* /dev/cordon-token, /dev/cordon-key and /dev/cordon-extend. */
int token_start(void);
void token_stop(void);
/* A token with a nonce of 64 bytes: its size, or an error, -ENOSPC for one that is larger than the room. May sleep. */
ssize_t token_report(const u8 *nonce, u8 *to, size_t room);

/* ---- test.c ---- */

/* Prints a line for each test. The number of those that failed. */
int test_run(void);

#endif
