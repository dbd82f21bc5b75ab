/* SPDX-License-Identifier: GPL-2.0 */
/* The module that does what `make bench` counts at EL2. */
#ifndef BENCH_H
#define BENCH_H

#include <linux/mm.h>
#include <linux/types.h>

#include "cordon/abi.h"
#include "labels.h"

/* What may not go wrong does: said in the log, and the end of the function, which returns an int. */
#define MUST(condition)										\
	do {											\
		if (!(condition)) {								\
			pr_emerg("bench: %s line %d: not so: " #condition "\n", __FILE__, __LINE__);	\
			return -EPROTO;								\
		}										\
	} while (0)

/* ---- vm.c: VMs made by bare hypercalls ---- */

#define BENCH_BASE 0x80000000ull	/* guest address of its memory */
#define BENCH_BLOCKS 96			/* of 2 MiB, at most */
#define BENCH_TABLES 128		/* frames for its tables: enough for that */

struct bench_vm {
	u64 handle;
	unsigned int blocks;
	unsigned int root_order;
	struct page *root, *vcpu, *tables, *block[BENCH_BLOCKS];
};

/* What a run said: x1, x2 .. x5. */
struct bench_run {
	u64 status, exit, detail[4];
};

u64 bench_call(u32 function, u64 x1, u64 x2, u64 x3, u64 x4);

/* The host's pages for a VM of so many blocks. 0 or -ENOMEM; they are put back in either case. */
int bench_get_pages(struct bench_vm *vm, unsigned int blocks);
void bench_put_pages(struct bench_vm *vm);

/* Creates the VM, with tables, memory and its vCPU; gives n pages by VM_LOAD or VM_MAP; ends it. A status. */
u64 bench_build(struct bench_vm *vm);
u64 bench_start(const struct bench_vm *vm);
u64 bench_give(u32 function, const struct bench_vm *vm, u64 first, u64 n);
u64 bench_destroy(const struct bench_vm *vm);

/* Page i of its memory, for the host and for the guest. */
struct page *bench_page(const struct bench_vm *vm, u64 i);
static inline u64 bench_gpa(u64 i)
{
	return BENCH_BASE + i * PAGE_SIZE;
}

/* The host reads a word of a page. */
void bench_touch(struct page *page);

/* One run, with an answer to the exit before. */
void bench_run(const struct bench_vm *vm, u64 answer, const u64 value[4], struct bench_run *r);

/* ---- the parts: 0 or -errno ---- */

int bench_guest(void);		/* a guest that does what it is told: calls, sharing, exits */
int bench_big(void);		/* 192 MiB, from the making of a VM to its end: in pages, and in blocks; loading */

#endif
