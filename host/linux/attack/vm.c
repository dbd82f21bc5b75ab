// SPDX-License-Identifier: GPL-2.0
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/uaccess.h>

#include "hostile.h"
#include "vm.h"

extern const char attack_agent[], attack_agent_end[];

/* What the frames of a VM hold before it gets them, and what the pages that are loaded behind the agent do. */
#define BEFORE 0xa5a5a5a5a5a5a5a5ull
#define LOADED 0x6c6f61646564ull
#define PATIENCE 20000

struct cordon_regs vm_call_regs(u32 function, u64 x1, u64 x2, u64 x3, u64 x4)
{
	struct cordon_regs r = { { function, x1, x2, x3, x4 } };

	cordon_hvc(&r);
	return r;
}

u64 vm_call(u32 function, u64 x1, u64 x2, u64 x3, u64 x4)
{
	return vm_call_regs(function, x1, x2, x3, x4).x[0];
}

/* ---- who owns what ---- */

u64 owner_of(u64 frame)
{
	struct cordon_regs r = vm_call_regs(CORDON_CALL_MAP, frame, 0, 0, 0);

	return r.x[0] == 0 ? r.x[2] : ~0ull;
}

struct owners count_owners(void)
{
	struct owners n = { 0 };
	u64 frame = 0;

	while (frame < 1ull << 36) {
		struct cordon_regs r = vm_call_regs(CORDON_CALL_MAP, frame, 0, 0, 0);

		if (r.x[0] != 0 || r.x[1] <= frame)
			break;
		if ((r.x[2] & 0xffff) == CORDON_OWNER_CORE)
			n.core += r.x[1] - frame;
		else if ((r.x[2] & 0xffff) == CORDON_OWNER_VM)
			n.vm += r.x[1] - frame;
		frame = r.x[1];
	}
	return n;
}

bool page_is(struct page *page, u64 word)
{
	for (unsigned int i = 0; i < PAGE_SIZE / 8; i++) {
		u64 value;

		if (copy_from_kernel_nofault(&value, (u64 *)page_address(page) + i, 8) != 0 || value != word)
			return false;
	}
	return true;
}

/* ---- frames ---- */

static bool get_page_for(struct page **page)
{
	*page = alloc_page(GFP_KERNEL);
	if (!*page)
		return false;
	memset64(page_address(*page), BEFORE, PAGE_SIZE / 8);
	return true;
}

static bool get_frames(struct attack_vm *vm)
{
	vm->root = alloc_pages(GFP_KERNEL, get_order(vm->roots * PAGE_SIZE));
	if (!vm->root)
		return false;
	for (unsigned int i = 0; i < ATTACK_TABLES; i++) {
		if (!get_page_for(&vm->tables[i]))
			return false;
	}
	for (unsigned int i = 0; i < ATTACK_VCPUS; i++) {
		if (!get_page_for(&vm->vcpu[i]))
			return false;
	}
	for (unsigned int i = 0; i < ATTACK_PAGES; i++) {
		if (!get_page_for(&vm->memory[i]))
			return false;
	}
	return true;
}

/* Of a page whose VM is gone: wrong when it has not come back. Such a page is lost: nobody may have it. */
static bool put_frame(struct page *page, unsigned int order)
{
	if (!page)
		return true;
	for (unsigned int i = 0; i < 1u << order; i++) {
		if (!is_hosts(pfn_of(page) + i))
			return false;
	}
	__free_pages(page, order);
	return true;
}

static unsigned int put_frames(struct attack_vm *vm)
{
	unsigned int lost = !put_frame(vm->root, vm->roots ? get_order(vm->roots * PAGE_SIZE) : 0);

	for (unsigned int i = 0; i < ATTACK_TABLES; i++)
		lost += !put_frame(vm->tables[i], 0);
	for (unsigned int i = 0; i < ATTACK_VCPUS; i++)
		lost += !put_frame(vm->vcpu[i], 0);
	for (unsigned int i = 0; i < ATTACK_PAGES; i++)
		lost += !put_frame(vm->memory[i], 0);
	memset(vm, 0, sizeof(*vm));
	return lost;
}

int vm_frames(struct attack_vm *vm)
{
	struct cordon_regs limits = vm_call_regs(CORDON_CALL_VM_LIMITS, 0, 0, 0, 0);

	memset(vm, 0, sizeof(*vm));
	vm->roots = limits.x[1];
	if (limits.x[0] == CORDON_OK && get_frames(vm))
		return 0;
	put_frames(vm);
	not_tried("no memory for a VM");
	return -ENOMEM;
}

/* ---- life ---- */

u64 vm_create(struct attack_vm *vm, unsigned int vcpus)
{
	struct cordon_regs r = vm_call_regs(CORDON_CALL_VM_CREATE, pfn_of(vm->root), vcpus, 0, 0);

	if (r.x[0] == CORDON_OK)
		vm->handle = r.x[1];
	return r.x[0];
}

u64 vm_furnish(struct attack_vm *vm)
{
	u64 status = CORDON_OK;

	for (unsigned int i = 0; i < ATTACK_TABLES && status == CORDON_OK; i++)
		status = vm_call(CORDON_CALL_VM_DONATE, vm->handle, pfn_of(vm->tables[i]), 1, 0);
	for (unsigned int i = 0; i < ATTACK_VCPUS && status == CORDON_OK; i++)
		status = vm_call(CORDON_CALL_VCPU_CREATE, vm->handle, i, pfn_of(vm->vcpu[i]), 0);
	if (status == CORDON_OK)
		status = vm_call(CORDON_CALL_VM_MEMORY, vm->handle, ATTACK_BASE, ATTACK_PAGES * PAGE_SIZE, 0);
	return status;
}

static void fill_page(struct attack_vm *vm, unsigned int page)
{
	void *at = page_address(vm->memory[page]);

	if (page * PAGE_SIZE < attack_agent_end - attack_agent)
		memcpy(at, attack_agent + page * PAGE_SIZE, PAGE_SIZE);
	else
		memset64(at, LOADED, PAGE_SIZE / 8);
}

u64 vm_load_page(struct attack_vm *vm, unsigned int page)
{
	u64 status;

	fill_page(vm, page);
	do {
		status = vm_call(CORDON_CALL_VM_LOAD, vm->handle, guest_address(page), pfn_of(vm->memory[page]), 1);
	} while (status == CORDON_AGAIN);
	return status;
}

u64 vm_start(struct attack_vm *vm)
{
	return vm_call(CORDON_CALL_VM_START, vm->handle, ATTACK_BASE, ATTACK_X0, 0);
}

u64 vm_map_page(struct attack_vm *vm, unsigned int page)
{
	return vm_call(CORDON_CALL_VM_MAP, vm->handle, guest_address(page), pfn_of(vm->memory[page]), 1);
}

u64 vm_phase(struct attack_vm *vm)
{
	struct cordon_regs r = vm_call_regs(CORDON_CALL_VM_INFO, vm->handle, 0, 0, 0);

	return r.x[0] == CORDON_OK ? r.x[1] : ~0ull;
}

static int made(struct attack_vm *vm, u64 status, const char *step)
{
	if (status == CORDON_OK)
		return 0;
	pr_emerg("hostile: cannot %s a VM: status %llu\n", step, status);
	not_tried("there is no VM");
	vm_end(vm);
	return -EIO;
}

int vm_build(struct attack_vm *vm)
{
	int result = vm_frames(vm);

	if (result == 0)
		result = made(vm, vm_create(vm, ATTACK_VCPUS), "create");
	return result == 0 ? made(vm, vm_furnish(vm), "furnish") : result;
}

int vm_load(struct attack_vm *vm)
{
	int result = vm_build(vm);

	for (unsigned int i = 0; i < ATTACK_LOADED && result == 0; i++)
		result = made(vm, vm_load_page(vm, i), "load");
	return result;
}

/* The agent is at its first question. */
int vm_make(struct attack_vm *vm)
{
	struct attack_run r;
	int result = vm_load(vm);

	if (result == 0)
		result = made(vm, vm_start(vm), "start");
	if (result != 0)
		return result;
	vm_go_on(vm, 0, &r);
	return made(vm, r.status == CORDON_OK && r.exit == CORDON_EXIT_HOST_CALL ? CORDON_OK : r.status, "run");
}

u64 vm_destroy(u64 handle)
{
	u64 status;
	unsigned int patience = 0;

	do {
		status = vm_call(CORDON_CALL_VM_DESTROY, handle, 0, 0, 0);
	} while ((status == CORDON_AGAIN || status == CORDON_BUSY) && patience++ < 100 * PATIENCE);
	return status;
}

unsigned int vm_end(struct attack_vm *vm)
{
	unsigned int wrong = 0;
	bool had[ATTACK_PAGES];

	if (vm->handle == 0)
		return put_frames(vm);
	for (unsigned int i = 0; i < ATTACK_PAGES; i++)
		had[i] = (owner_of(pfn_of(vm->memory[i])) & 0xffff) == CORDON_OWNER_VM;
	if (vm_destroy(vm->handle) != CORDON_OK) {
		pr_emerg("hostile: a VM cannot be destroyed; its frames are lost\n");
		return 1;
	}
	for (unsigned int i = 0; i < ATTACK_PAGES; i++)
		wrong += had[i] && !page_is(vm->memory[i], 0);
	for (unsigned int i = 0; i < ATTACK_VCPUS; i++)
		wrong += !page_is(vm->vcpu[i], 0) && !page_is(vm->vcpu[i], BEFORE);
	for (unsigned int i = 0; i < ATTACK_TABLES; i++)
		wrong += !page_is(vm->tables[i], 0) && !page_is(vm->tables[i], BEFORE);
	for (unsigned int i = 0; i < vm->roots; i++)
		wrong += !page_is(vm->root + i, 0);
	return wrong + put_frames(vm);
}

/* ---- running ---- */

void vm_run(struct attack_vm *vm, unsigned int vcpu, u64 answer, const u64 value[4], const u64 interrupt[4],
	    struct attack_run *r)
{
	struct cordon_regs x = { { CORDON_CALL_VCPU_RUN, vm->handle, vcpu, answer } };
	struct vectors vectors;

	if (value)
		memcpy(&x.x[4], value, 32);
	if (interrupt)
		memcpy(&x.x[8], interrupt, 32);
	vectors_begin(&vectors);
	cordon_hvc(&x);
	vectors_end(&vectors);
	memcpy(r, x.x, sizeof(*r));
}

void vm_go_on(struct attack_vm *vm, unsigned int vcpu, struct attack_run *r)
{
	for (unsigned int i = 0; i < PATIENCE; i++) {
		vm_run(vm, vcpu, CORDON_ANSWER_NONE, NULL, NULL, r);
		if (r->status != CORDON_OK || (r->exit != CORDON_EXIT_INTERRUPTED && r->exit != CORDON_EXIT_TIMER))
			return;
		cond_resched();
	}
}

void vm_begin(struct attack_vm *vm, unsigned int vcpu, u64 command, u64 x1, u64 x2, u64 x3, struct attack_run *r)
{
	u64 value[4] = { command, x1, x2, x3 };

	vm_run(vm, vcpu, CORDON_ANSWER_VALUE, value, NULL, r);
	if (r->status == CORDON_OK && (r->exit == CORDON_EXIT_INTERRUPTED || r->exit == CORDON_EXIT_TIMER))
		vm_go_on(vm, vcpu, r);
}

bool vm_do(struct attack_vm *vm, unsigned int vcpu, u64 command, u64 x1, u64 x2, u64 x3, struct attack_run *r)
{
	vm_begin(vm, vcpu, command, x1, x2, x3, r);
	return r->status == CORDON_OK && r->exit == CORDON_EXIT_HOST_CALL;
}

bool vm_read_page(struct attack_vm *vm, unsigned int page, u64 words[512])
{
	struct attack_run r;

	for (unsigned int i = 0; i < 512; i += 4) {
		if (!vm_do(vm, 0, DO_LOAD_FOUR, guest_address(page) + i * 8, 0, 0, &r))
			return false;
		memcpy(&words[i], r.detail, 32);
	}
	return true;
}
