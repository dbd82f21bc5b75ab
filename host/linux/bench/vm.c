// SPDX-License-Identifier: GPL-2.0
/* VMs made by bare hypercalls, of any size, without a driver. */
#include <linux/gfp.h>
#include <linux/mm.h>

#include "../hypercall.h"
#include "bench.h"
#include "compat.h"
#include "cordon/status.h"

#define PER_DONATION 16

u64 bench_call(u32 function, u64 x1, u64 x2, u64 x3, u64 x4)
{
	struct cordon_regs r = { { function, x1, x2, x3, x4 } };

	cordon_hvc(&r);
	return r.x[0];
}

/* ---- pages ---- */

static void put_pages(struct page *page, unsigned int order)
{
	if (page)
		__free_pages(page, order);
}

void bench_put_pages(struct bench_vm *vm)
{
	for (unsigned int i = 0; i < vm->blocks; i++)
		put_pages(vm->block[i], get_order(PMD_SIZE));
	put_pages(vm->tables, get_order(BENCH_TABLES * PAGE_SIZE));
	put_pages(vm->vcpu, 0);
	put_pages(vm->root, vm->root_order);
}

static bool get_pages(struct bench_vm *vm)
{
	vm->root = alloc_pages(GFP_KERNEL, vm->root_order);
	vm->vcpu = alloc_page(GFP_KERNEL);
	vm->tables = alloc_pages(GFP_KERNEL, get_order(BENCH_TABLES * PAGE_SIZE));
	if (!vm->root || !vm->vcpu || !vm->tables)
		return false;
	for (unsigned int i = 0; i < vm->blocks; i++) {
		vm->block[i] = alloc_pages(GFP_KERNEL, get_order(PMD_SIZE));
		if (!vm->block[i])
			return false;
	}
	return true;
}

int bench_get_pages(struct bench_vm *vm, unsigned int blocks)
{
	struct cordon_regs r = { { CORDON_CALL_VM_LIMITS } };

	cordon_hvc(&r);
	*vm = (struct bench_vm){ .blocks = blocks, .root_order = get_order(r.x[1] * PAGE_SIZE) };
	if (get_pages(vm))
		return 0;
	bench_put_pages(vm);
	return -ENOMEM;
}

struct page *bench_page(const struct bench_vm *vm, u64 i)
{
	return vm->block[i / PTRS_PER_PMD] + i % PTRS_PER_PMD;
}

void bench_touch(struct page *page)
{
	(void)*(volatile u64 *)page_address(page);
}

/* ---- life ---- */

u64 bench_build(struct bench_vm *vm)
{
	struct cordon_regs r = { { CORDON_CALL_VM_CREATE, page_to_pfn(vm->root), 1 } };
	u64 status;

	cordon_hvc(&r);
	if (r.x[0] != CORDON_OK)
		return r.x[0];
	vm->handle = r.x[1];
	for (int i = 0; i < BENCH_TABLES; i += PER_DONATION) {
		status = bench_call(CORDON_CALL_VM_DONATE, vm->handle, page_to_pfn(vm->tables) + i, PER_DONATION, 0);
		if (status != CORDON_OK)
			return status;
	}
	status = bench_call(CORDON_CALL_VCPU_CREATE, vm->handle, 0, page_to_pfn(vm->vcpu), 0);
	if (status != CORDON_OK)
		return status;
	return bench_call(CORDON_CALL_VM_MEMORY, vm->handle, BENCH_BASE, vm->blocks * PMD_SIZE, 0);
}

u64 bench_start(const struct bench_vm *vm)
{
	return bench_call(CORDON_CALL_VM_START, vm->handle, BENCH_BASE, 0, 0);
}

/* In as many calls as it takes, and block by block, as only those are contiguous. */
u64 bench_give(u32 function, const struct bench_vm *vm, u64 first, u64 n)
{
	u64 end = first + n;

	while (first < end) {
		u64 rest = min_t(u64, end - first, PTRS_PER_PMD - first % PTRS_PER_PMD);
		struct cordon_regs r = { { function, vm->handle, bench_gpa(first), page_to_pfn(bench_page(vm, first)), rest } };

		cordon_hvc(&r);
		if (r.x[0] != CORDON_OK && r.x[0] != CORDON_AGAIN)
			return r.x[0];
		first += r.x[1];
	}
	return CORDON_OK;
}

u64 bench_destroy(const struct bench_vm *vm)
{
	u64 status;

	do {
		status = bench_call(CORDON_CALL_VM_DESTROY, vm->handle, 0, 0, 0);
	} while (status == CORDON_AGAIN);
	return status;
}

void bench_run(const struct bench_vm *vm, u64 answer, const u64 value[4], struct bench_run *r)
{
	struct cordon_regs x = { { CORDON_CALL_VCPU_RUN, vm->handle, 0, answer, value[0], value[1], value[2], value[3] } };
	struct vectors vectors;

	vectors_begin(&vectors);
	cordon_hvc(&x);
	vectors_end(&vectors);
	*r = (struct bench_run){ x.x[0], x.x[1], { x.x[2], x.x[3], x.x[4], x.x[5] } };
}
