// SPDX-License-Identifier: GPL-2.0
/*
 * Calls of Cordon that build a VM, give it memory and end it. What a call lacks in frames for tables is given to it
 * here, and what is given is noted before anything else, so that it is freed when Cordon has given it back.
 */
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "cordon/abi.h"
#include "cordon/status.h"
#include "el2.h"
#include "hypercall.h"
#include "limits.h"
#include "machine.h"

#define FIRST_DONATION 4		/* orders: 16 pages when a VM is made, */
#define NEXT_DONATION 3			/* 8 whenever there are too few */
#define DONATIONS_OF_A_CALL 4
#define DESTROY_MILLISECONDS 20000
#define RESET_MILLISECONDS 5000
#define RESET_POLL_MILLISECONDS 10

static const char *const words[] = {
#define WORD(name, number, word, meaning) [number] = word,
	CORDON_STATUS_LIST(WORD)
#undef WORD
};

const char *el2_word(u64 status)
{
	return status < ARRAY_SIZE(words) && words[status] ? words[status] : "?";
}

int el2_errno(u64 status)
{
	switch (status) {
	case CORDON_OK: return 0;
	case CORDON_NO_MEMORY: return -ENOMEM;
	case CORDON_DEVICE: return -ENODEV;
	case CORDON_OWNED:
	case CORDON_SHARED:
	case CORDON_GFN:
	case CORDON_PRIVATE:
	case CORDON_BUSY: return -EBUSY;
	case CORDON_MAPPED:
	case CORDON_EXISTS: return -EEXIST;
	case CORDON_RANGE:
	case CORDON_EMPTY:
	case CORDON_UNALIGNED:
	case CORDON_NOT_MEMORY: return -EINVAL;
	default: return -EIO;
	}
}

/* ---- frames for tables and registers ---- */

static atomic64_t frames_out;

u64 el2_frames_out(void)
{
	return atomic64_read(&frames_out);
}

static struct page *get_frames(u32 order)
{
	struct page *page = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_NOWARN, order);

	if (page) {
		set_page_private(page, order);
		atomic64_add(1L << order, &frames_out);
	}
	return page;
}

static void put_frames(struct page *page)
{
	u32 order = page_private(page);

	set_page_private(page, 0);
	atomic64_sub(1L << order, &frames_out);
	__free_pages(page, order);
}

/* Cordon has them now: not to be touched until the VM is gone. */
static void note_frames(struct vm *vm, struct page *page)
{
	list_add(&page->lru, &vm->frames);
	vm->nframes += 1UL << page_private(page);
}

static int donate(struct vm *vm, u32 order)
{
	struct page *page = get_frames(order);
	struct cordon_regs r;

	if (!page && order > 0)
		page = get_frames(order = 0);
	if (!page)
		return -ENOMEM;
	r = (struct cordon_regs){ { CORDON_CALL_VM_DONATE, vm->handle, page_to_pfn(page), 1UL << order } };
	cordon_hvc(&r);
	if (r.x[0] == CORDON_OK)
		note_frames(vm, page);
	else
		put_frames(page);
	return el2_errno(r.x[0]);
}

/* A call that may find too few frames for tables: it is made again with more. */
static u64 call(struct vm *vm, struct cordon_regs *r)
{
	const struct cordon_regs asked = *r;

	for (u32 i = 0; ; i++) {
		*r = asked;
		cordon_hvc(r);
		if (r->x[0] != CORDON_NO_MEMORY || i == DONATIONS_OF_A_CALL || donate(vm, NEXT_DONATION) != 0)
			return r->x[0];
	}
}

/* ---- building ---- */

int el2_create(struct vm *vm)
{
	struct page *root = get_frames(limits.root_order);
	struct cordon_regs r;

	if (!root)
		return -ENOMEM;
	r = (struct cordon_regs){ { CORDON_CALL_VM_CREATE, page_to_pfn(root), vm->vcpus } };
	cordon_hvc(&r);
	if (r.x[0] != CORDON_OK) {
		put_frames(root);
		return r.x[0] == CORDON_NO_VM ? -ENOSPC : el2_errno(r.x[0]);
	}
	vm->handle = r.x[1];
	note_frames(vm, root);
	return donate(vm, FIRST_DONATION);
}

int el2_memory(struct vm *vm, u64 base, u64 size)
{
	struct cordon_regs r = { { CORDON_CALL_VM_MEMORY, vm->handle, base, size } };

	cordon_hvc(&r);
	return el2_errno(r.x[0]);
}

int el2_vcpu(struct vm *vm, u32 index)
{
	struct page *page = get_frames(0);
	struct cordon_regs r;

	if (!page)
		return -ENOMEM;
	r = (struct cordon_regs){ { CORDON_CALL_VCPU_CREATE, vm->handle, index, page_to_pfn(page) } };
	cordon_hvc(&r);
	if (r.x[0] == CORDON_OK)
		note_frames(vm, page);
	else
		put_frames(page);
	return el2_errno(r.x[0]);
}

int el2_personalise(struct vm *vm)
{
	struct cordon_regs r = { { CORDON_CALL_VM_PERSONAL, vm->handle } };

	memcpy(&r.x[2], vm->personal, sizeof(vm->personal));
	return el2_errno(call(vm, &r));
}

int el2_start(struct vm *vm, u64 pc, u64 x0)
{
	struct cordon_regs r = { { CORDON_CALL_VM_START, vm->handle, pc, x0 } };

	return el2_errno(call(vm, &r));
}

int el2_give(struct vm *vm, u32 function, u64 gfn, u64 frame, u64 n, u64 *done)
{
	*done = 0;
	while (*done < n) {
		struct cordon_regs r = { { function, vm->handle, (gfn + *done) << PAGE_SHIFT, frame + *done, n - *done } };
		u64 status = call(vm, &r);

		if (status != CORDON_OK && status != CORDON_AGAIN) {
			pr_debug("guest frame 0x%llx from 0x%llx: %s\n", gfn + *done, frame + *done, el2_word(status));
			return el2_errno(status);
		}
		if (r.x[1] > n - *done)
			return -EIO;
		*done += status == CORDON_OK ? n - *done : r.x[1];
		if (*done < n && fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/*
 * A guest that gives back a page of a block needs a table, and cannot ask for one: there is one for each block. It is what
 * the block's own pages would have taken.
 */
static void keep_spare_tables(struct vm *vm)
{
	struct cordon_regs r = { { CORDON_CALL_VM_INFO, vm->handle } };

	cordon_hvc(&r);
	if (r.x[0] == CORDON_OK && r.x[3] < vm->blocks)
		donate(vm, NEXT_DONATION);
}

void el2_block(struct vm *vm, u64 gfn, u64 frame)
{
	struct cordon_regs r = { { CORDON_CALL_VM_BLOCK, vm->handle, gfn << PAGE_SHIFT, frame } };

	if (call(vm, &r) != CORDON_OK)
		return;
	vm->blocks++;
	keep_spare_tables(vm);
}

/* ---- devices ---- */

/* Makes a call until it is through, with sleeps in between: a device takes its time for a reset. The status of the last one. */
static u64 call_until_reset(u32 function, struct vm *vm, u64 device, bool *begun)
{
	unsigned long limit = jiffies + msecs_to_jiffies(RESET_MILLISECONDS);
	struct cordon_regs r;

	for (;;) {
		r = (struct cordon_regs){ { function, vm->handle, device } };
		cordon_hvc(&r);
		if (r.x[0] == CORDON_OK || r.x[0] == CORDON_AGAIN)
			*begun = true;
		if (r.x[0] != CORDON_AGAIN || time_after(jiffies, limit))
			return r.x[0];
		msleep(RESET_POLL_MILLISECONDS);
	}
}

int el2_device_attach(struct vm *vm, u64 device, bool *taken)
{
	u64 status = call_until_reset(CORDON_CALL_DEVICE_ATTACH, vm, device, taken);

	/* All that Cordon can give are given: no matter of memory, or of this VM. */
	return status == CORDON_NO_MEMORY || status == CORDON_EXISTS ? -EBUSY : el2_errno(status);
}

int el2_device_detach(struct vm *vm, u64 device)
{
	bool begun;

	return el2_errno(call_until_reset(CORDON_CALL_DEVICE_DETACH, vm, device, &begun));
}

int el2_device_map(struct vm *vm, u64 device, u32 bar, u64 gpa)
{
	struct cordon_regs r;

	do {
		r = (struct cordon_regs){ { CORDON_CALL_DEVICE_MAP, vm->handle, device, bar, gpa } };
		call(vm, &r);
		cond_resched();
	} while (r.x[0] == CORDON_AGAIN && !fatal_signal_pending(current));
	return r.x[0] == CORDON_AGAIN ? -EINTR : el2_errno(r.x[0]);
}

int el2_device_open(struct vm *vm, u64 device)
{
	struct cordon_regs r = { { CORDON_CALL_DEVICE_OPEN, vm->handle, device } };

	cordon_hvc(&r);
	return el2_errno(r.x[0]);
}

bool el2_is_hosts(u64 frame)
{
	struct cordon_regs r = { { CORDON_CALL_MAP, frame } };

	cordon_hvc(&r);
	return r.x[0] == 0 && (r.x[2] & 0xffff) == CORDON_OWNER_HOST;
}

/* ---- the end ---- */

u32 el2_phase(struct vm *vm)
{
	struct cordon_regs r = { { CORDON_CALL_VM_INFO, vm->handle } };

	cordon_hvc(&r);
	return r.x[0] == CORDON_OK ? r.x[1] : CORDON_PHASE_DYING;
}

/* Bounded by time only as a guard: no vCPU is in the guest, so that every call makes progress. */
static u64 destroy_to_the_end(struct vm *vm)
{
	unsigned long limit = jiffies + msecs_to_jiffies(DESTROY_MILLISECONDS);
	struct cordon_regs r;

	do {
		r = (struct cordon_regs){ { CORDON_CALL_VM_DESTROY, vm->handle } };
		cordon_hvc(&r);
		if (r.x[0] == CORDON_AGAIN) {
			limit = jiffies + msecs_to_jiffies(DESTROY_MILLISECONDS);
			cond_resched();
		} else if (r.x[0] == CORDON_BUSY) {
			msleep(1);
		}
	} while (r.x[0] == CORDON_AGAIN || (r.x[0] == CORDON_BUSY && time_before(jiffies, limit)));
	return r.x[0];
}

void el2_stop(struct vm *vm)
{
	struct cordon_regs r = { { CORDON_CALL_VM_STOP, vm->handle } };

	if (vm->handle != 0)
		cordon_hvc(&r);
}

bool el2_destroy(struct vm *vm)
{
	struct page *page, *next;
	u64 status;

	if (vm->handle != 0) {
		status = destroy_to_the_end(vm);
		if (status != CORDON_OK) {
			pr_err("VM 0x%llx cannot be destroyed (%s): its memory, %llu pages, is lost to this host\n",
			       vm->handle, el2_word(status), vm->pinned + vm->nframes);
			return false;
		}
	}
	list_for_each_entry_safe(page, next, &vm->frames, lru) {
		list_del(&page->lru);
		put_frames(page);
	}
	return true;
}
