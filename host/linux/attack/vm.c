// SPDX-License-Identifier: GPL-2.0
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <asm/neon.h>

#include "vm.h"
#include "cordon/status.h"

extern const char attack_agent[], attack_agent_end[];

void attack_call(u64 x[12])
{
	register u64 *at asm("x19") = x;

	asm volatile("ldp x0, x1, [x19]\n ldp x2, x3, [x19, #16]\n ldp x4, x5, [x19, #32]\n"
		     "ldp x6, x7, [x19, #48]\n ldp x8, x9, [x19, #64]\n ldp x10, x11, [x19, #80]\n"
		     "hvc #0\n"
		     "stp x0, x1, [x19]\n stp x2, x3, [x19, #16]\n stp x4, x5, [x19, #32]\n"
		     "stp x6, x7, [x19, #48]\n stp x8, x9, [x19, #64]\n stp x10, x11, [x19, #80]\n"
		     : : "r"(at) : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "memory");
}

u64 attack_call5(u32 function, u64 x1, u64 x2, u64 x3, u64 x4)
{
	u64 x[12] = { function, x1, x2, x3, x4 };

	attack_call(x);
	return x[0];
}

/* ---- making one ---- */

static int get_pages(struct attack_vm *vm, u64 roots)
{
	vm->root_order = get_order(roots * PAGE_SIZE);
	vm->root = alloc_pages(GFP_KERNEL, vm->root_order);
	if (!vm->root)
		return -ENOMEM;
	for (unsigned int i = 0; i < ARRAY_SIZE(vm->tables); i++) {
		vm->tables[i] = alloc_page(GFP_KERNEL);
		if (!vm->tables[i])
			return -ENOMEM;
	}
	for (unsigned int i = 0; i < ATTACK_VCPUS; i++) {
		vm->vcpu[i] = alloc_page(GFP_KERNEL);
		if (!vm->vcpu[i])
			return -ENOMEM;
	}
	for (unsigned int i = 0; i < ATTACK_PAGES; i++) {
		vm->memory[i] = alloc_page(GFP_KERNEL);
		if (!vm->memory[i])
			return -ENOMEM;
		memset(page_address(vm->memory[i]), 0xa5, PAGE_SIZE);
	}
	return 0;
}

static void put_pages(struct attack_vm *vm)
{
	if (vm->root)
		__free_pages(vm->root, vm->root_order);
	for (unsigned int i = 0; i < ARRAY_SIZE(vm->tables); i++) {
		if (vm->tables[i])
			__free_page(vm->tables[i]);
	}
	for (unsigned int i = 0; i < ATTACK_VCPUS; i++) {
		if (vm->vcpu[i])
			__free_page(vm->vcpu[i]);
	}
	for (unsigned int i = 0; i < ATTACK_PAGES; i++) {
		if (vm->memory[i])
			__free_page(vm->memory[i]);
	}
}

static u64 load_pages(struct attack_vm *vm, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		u64 status;

		if (i < (attack_agent_end - attack_agent) / PAGE_SIZE)
			memcpy(page_address(vm->memory[i]), attack_agent + i * PAGE_SIZE, PAGE_SIZE);
		do {
			status = attack_call5(CORDON_CALL_VM_LOAD, vm->handle, ATTACK_BASE + i * PAGE_SIZE,
					      page_to_pfn(vm->memory[i]), 1);
		} while (status == CORDON_AGAIN);
		if (status != CORDON_OK)
			return status;
	}
	return CORDON_OK;
}

static u64 build(struct attack_vm *vm)
{
	u64 x[12] = { CORDON_CALL_VM_CREATE, page_to_pfn(vm->root), ATTACK_VCPUS };
	u64 status;

	attack_call(x);
	if (x[0] != CORDON_OK)
		return x[0];
	vm->handle = x[1];
	for (unsigned int i = 0; i < ARRAY_SIZE(vm->tables); i++) {
		status = attack_call5(CORDON_CALL_VM_DONATE, vm->handle, page_to_pfn(vm->tables[i]), 1, 0);
		if (status != CORDON_OK)
			return status;
	}
	for (unsigned int i = 0; i < ATTACK_VCPUS; i++) {
		status = attack_call5(CORDON_CALL_VCPU_CREATE, vm->handle, i, page_to_pfn(vm->vcpu[i]), 0);
		if (status != CORDON_OK)
			return status;
	}
	return attack_call5(CORDON_CALL_VM_MEMORY, vm->handle, ATTACK_BASE, ATTACK_PAGES * PAGE_SIZE, 0);
}

int attack_vm_make(struct attack_vm *vm, unsigned int mapped)
{
	u64 x[12] = { CORDON_CALL_VM_LIMITS };
	u64 status;

	memset(vm, 0, sizeof(*vm));
	attack_call(x);
	if (x[0] != 0 || get_pages(vm, x[1]) != 0) {
		put_pages(vm);
		return -ENOMEM;
	}
	status = build(vm);
	if (status == CORDON_OK)
		status = load_pages(vm, mapped);
	if (status == CORDON_OK)
		status = attack_call5(CORDON_CALL_VM_START, vm->handle, ATTACK_BASE, 0x1234, 0);
	if (status == CORDON_OK)
		return 0;
	pr_emerg("attack: cannot make a VM: status %llu\n", status);
	attack_vm_end(vm);
	return -EIO;
}

/* ---- the end of one ---- */

static bool is_zero(struct page *page)
{
	return memchr_inv(page_address(page), 0, PAGE_SIZE) == NULL;
}

unsigned int attack_vm_end(struct attack_vm *vm)
{
	unsigned int wrong = 0;
	u64 status = CORDON_AGAIN;

	if (vm->handle != 0) {
		while (status == CORDON_AGAIN || status == CORDON_BUSY)
			status = attack_call5(CORDON_CALL_VM_DESTROY, vm->handle, 0, 0, 0);
		if (status != CORDON_OK) {
			pr_emerg("attack: destroy: status %llu; its pages are lost\n", status);
			return 1;
		}
		for (unsigned int i = 0; i < ATTACK_VCPUS; i++)
			wrong += !is_zero(vm->vcpu[i]);
		for (unsigned int i = 0; i < ARRAY_SIZE(vm->tables); i++)
			wrong += !is_zero(vm->tables[i]);
		wrong += !is_zero(vm->root);
		vm->handle = 0;
	}
	put_pages(vm);
	return wrong;
}

/* ---- running it ---- */

void attack_run(struct attack_vm *vm, unsigned int vcpu, u64 answer, const u64 value[4], const u64 interrupt[4],
		struct attack_run *r)
{
	u64 x[12] = { CORDON_CALL_VCPU_RUN, vm->handle, vcpu, answer };

	if (value)
		memcpy(&x[4], value, 32);
	if (interrupt)
		memcpy(&x[8], interrupt, 32);
	kernel_neon_begin();
	attack_call(x);
	kernel_neon_end();
	memcpy(r, x, sizeof(x));
}

int attack_do(struct attack_vm *vm, unsigned int vcpu, u64 command, u64 x1, u64 x2, u64 x3, struct attack_run *r)
{
	u64 value[4] = { command, x1, x2, x3 };
	u64 answer = CORDON_ANSWER_VALUE;

	for (unsigned int patience = 0; patience < 100000; patience++) {
		attack_run(vm, vcpu, answer, value, NULL, r);
		answer = CORDON_ANSWER_NONE;
		if (r->status != CORDON_OK)
			return -EIO;
		if (r->exit == CORDON_EXIT_HOST_CALL)
			return 0;
		if (r->exit != CORDON_EXIT_INTERRUPTED)
			return 1;
	}
	return -ETIME;
}
