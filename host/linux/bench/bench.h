/* SPDX-License-Identifier: GPL-2.0 */
/* What `make bench` counts at EL2: each piece of work has a label, which the counting plugin sees. */
#ifndef BENCH_H
#define BENCH_H

#include <linux/mm.h>
#include <linux/types.h>

#include "cordon/abi.h"

/* X(NAME, number). bench/tcg/run.py reads these lines. */
#define BENCH_LABELS(X) \
	X(NULL_CALL, 1) \
	X(CALL, 2) \
	X(GRANT, 3) \
	X(TOUCH_GRANTED, 4) \
	X(REVOKE, 5) \
	X(REVOKE_UNTOUCHED, 6) \
	X(READ_EXIT, 7) \
	X(READ_ANSWER, 8) \
	X(WRITE_EXIT, 9) \
	X(WRITE_ANSWER, 10) \
	X(FAULT_EXIT, 11) \
	X(FAULT_MAP, 12) \
	X(FAULT_ANSWER, 13) \
	X(WAIT_EXIT, 14) \
	X(WAIT_ANSWER, 15) \
	X(SGI_EXIT, 16) \
	X(SGI_ANSWER, 17) \
	X(GUEST_NULL, 18) \
	X(RELINQUISH, 19) \
	X(RELINQUISH_ANSWER, 20) \
	X(INTERRUPT, 21) \
	X(STOP, 22) \
	X(CLEAR, 23) \
	X(TOUCH_PAGE, 24) \
	X(LOAD, 25) \
	X(LOAD_ZERO, 26) \
	X(PAGES_BUILD, 27) \
	X(PAGES_MAP, 28) \
	X(PAGES_END, 29) \
	X(BLOCKS_BUILD, 30) \
	X(BLOCKS_MAP, 31) \
	X(BLOCKS_JOIN, 32) \
	X(BLOCKS_END, 33) \
	X(TOUCH_BLOCK, 34)

enum bench_label {
#define BENCH_ENUM(name, number) BENCH_##name = (number),
	BENCH_LABELS(BENCH_ENUM)
#undef BENCH_ENUM
	BENCH_NOTHING = 0
};

/* From here on it is this that is counted; an instruction that does nothing, which the plugin knows. */
#define bench_label(name) asm volatile("movz xzr, #%0" : : "i"(BENCH_##name) : "memory")

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
