// SPDX-License-Identifier: GPL-2.0
/* VMs of a usual size, without a guest: what making, filling and destroying one costs, and loading pages into one. */
#include <linux/mm.h>

#include "bench.h"
#include "cordon/status.h"

#define PAGES (BENCH_BLOCKS * PTRS_PER_PMD)
#define LOADED 16

static struct bench_vm vm;

static int with_pages(void)
{
	bench_label(PAGES_BUILD);
	MUST(bench_build(&vm) == CORDON_OK);
	MUST(bench_start(&vm) == CORDON_OK);
	bench_label(PAGES_MAP);
	MUST(bench_give(CORDON_CALL_VM_MAP, &vm, 0, PAGES) == CORDON_OK);
	bench_label(PAGES_END);
	MUST(bench_destroy(&vm) == CORDON_OK);
	bench_label(NOTHING);
	return 0;
}

static int with_blocks(void)
{
	bench_label(BLOCKS_BUILD);
	MUST(bench_build(&vm) == CORDON_OK);
	MUST(bench_start(&vm) == CORDON_OK);
	for (u64 i = 0; i < PAGES; i += PTRS_PER_PMD) {
		u64 frame = page_to_pfn(bench_page(&vm, i));

		bench_label(BLOCKS_MAP);
		MUST(bench_give(CORDON_CALL_VM_MAP, &vm, i, PTRS_PER_PMD) == CORDON_OK);
		bench_label(BLOCKS_JOIN);
		MUST(bench_call(CORDON_CALL_VM_BLOCK, vm.handle, bench_gpa(i), frame, 0) == CORDON_OK);
	}
	bench_label(BLOCKS_END);
	MUST(bench_destroy(&vm) == CORDON_OK);
	bench_label(NOTHING);
	return 0;
}

/* The host gets at memory that was a VM's, a block at a time. */
static int touch_blocks(void)
{
	for (u64 i = 0; i < PAGES; i += PTRS_PER_PMD) {
		bench_label(TOUCH_BLOCK);
		bench_touch(bench_page(&vm, i));
		bench_label(NOTHING);
	}
	return 0;
}

/* Pages of a boot image, one with contents and one of zeros in turn. The VM never starts. */
static int loading(void)
{
	u64 status;

	MUST(bench_build(&vm) == CORDON_OK);
	MUST(bench_give(CORDON_CALL_VM_LOAD, &vm, LOADED, 1) == CORDON_OK);	/* makes the tables */
	for (u64 i = 0; i < LOADED; i++) {
		memset(page_address(bench_page(&vm, i)), i % 2 == 0 ? 0x5a : 0, PAGE_SIZE);
		if (i % 2 == 0)
			bench_label(LOAD);
		else
			bench_label(LOAD_ZERO);
		status = bench_give(CORDON_CALL_VM_LOAD, &vm, i, 1);
		bench_label(NOTHING);
		MUST(status == CORDON_OK);
	}
	MUST(bench_destroy(&vm) == CORDON_OK);
	return 0;
}

int bench_big(void)
{
	static int (*const parts[])(void) = { with_pages, touch_blocks, with_blocks, touch_blocks, loading };
	int ret = bench_get_pages(&vm, BENCH_BLOCKS);

	if (ret != 0)
		return ret;
	for (unsigned int i = 0; i < ARRAY_SIZE(parts); i++) {
		ret = parts[i]();
		if (ret != 0)
			return ret;		/* the pages may be the VM's: they are lost */
	}
	bench_put_pages(&vm);
	return 0;
}
