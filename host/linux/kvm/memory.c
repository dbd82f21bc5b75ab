// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's memory: pages of the process that runs the VM, pinned when the guest gets them (pin.c), and unpinned when Cordon
 * has given them back.
 */
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "cordon/abi.h"
#include "el2.h"
#include "machine.h"
#include "memory.h"
#include "pin.h"
#include "slot.h"

static bool use_blocks = true;
module_param_named(blocks, use_blocks, bool, 0644);
MODULE_PARM_DESC(blocks, "give guests blocks of 2 MiB where the host's memory allows it");

static bool verify;
module_param(verify, bool, 0644);
MODULE_PARM_DESC(verify, "look through the pages that come back when a VM ends, and say whether all are zero");

/* ---- records ---- */

static void forget(struct vm *vm, u64 gfn, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		xa_erase(&vm->pages, gfn + i);
	vm->pinned -= n;
	account_locked_vm(vm->mm, n, false);
}

/* Notes that vm->batch is the VM's memory from gfn on. Done before the pages are handed over: then it cannot fail any more. */
static int note(struct vm *vm, u64 gfn, unsigned long n)
{
	int ret = account_locked_vm(vm->mm, n, true);

	if (ret != 0)
		return ret;
	vm->pinned += n;
	for (unsigned long i = 0; i < n; i++) {
		ret = xa_err(xa_store(&vm->pages, gfn + i, vm->batch[i], GFP_KERNEL_ACCOUNT));
		if (ret != 0) {
			forget(vm, gfn, n);
			return ret;
		}
	}
	return 0;
}

/* A page that Cordon has given back: to the process, or to the kernel whose own it is. */
static void put(struct page *page, bool own)
{
	if (own)
		__free_page(page);
	else
		pin_release(&page, 1);
}

static void release(struct vm *vm, u64 gfn, struct page *page)
{
	bool own = xa_get_mark(&vm->pages, gfn, OWN);

	forget(vm, gfn, 1);
	put(page, own);
}

static unsigned long contiguous(struct page **pages, unsigned long n)
{
	unsigned long run = 1;

	while (run < n && page_to_pfn(pages[run]) == page_to_pfn(pages[0]) + run)
		run++;
	return run;
}

/*
 * Hands vm->batch over. On an error, pages that were not handed over are no longer the VM's; after one in a load the VM
 * cannot be started, and all are kept until it is destroyed, as the page in work may be Cordon's already.
 */
static int give_batch(struct vm *vm, u32 function, u64 gfn, unsigned long n)
{
	unsigned long given = 0;
	int ret = note(vm, gfn, n);

	if (ret != 0) {
		pin_release(vm->batch, n);
		return ret;
	}
	while (given < n && ret == 0) {
		unsigned long run = contiguous(vm->batch + given, n - given);
		u64 done;

		ret = el2_give(vm, function, gfn + given, page_to_pfn(vm->batch[given]), run, &done);
		given += done;
	}
	if (ret != 0 && function == CORDON_CALL_VM_MAP) {
		forget(vm, gfn + given, n - given);
		pin_release(vm->batch + given, n - given);
	}
	return ret;
}

/* ---- read-only slots: what the guest has is a copy, so that the process keeps its own ---- */

/* A page of the kernel's own, which is the guest's or freed afterwards. On an error in a load it is kept, as in give_batch(). */
static int give_own(struct vm *vm, u32 function, u64 gfn, struct page *page)
{
	u64 done;
	int ret;

	vm->batch[0] = page;
	ret = note(vm, gfn, 1);
	if (ret != 0) {
		__free_page(page);
		return ret;
	}
	xa_set_mark(&vm->pages, gfn, OWN);
	ret = el2_give(vm, function, gfn, page_to_pfn(page), 1, &done);
	if (ret != 0 && function == CORDON_CALL_VM_MAP)
		release(vm, gfn, page);
	return ret;
}

static int load_copy(struct vm *vm, u64 gfn, struct page *from)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT);

	if (!page)
		return -ENOMEM;
	copy_page(page_address(page), page_address(from));
	return give_own(vm, CORDON_CALL_VM_LOAD, gfn, page);
}

/* The pages that are there, up to the first if that is all that is asked. How many, or an error. */
static long load_readonly(struct vm *vm, const struct slot *s, bool ask)
{
	long n = 0;

	for (u64 at = 0; at < s->size;) {
		unsigned long hole;
		struct page *page;
		long ret = pin_to_read(vm, s->user + at, &page, &hole);

		if (ret < 0)
			return ret;
		if (ret == 1) {
			n++;
			ret = ask ? 0 : load_copy(vm, (s->base + at) >> PAGE_SHIFT, page);
			unpin_user_page(page);
			if (ret != 0 || ask)
				return ret != 0 ? ret : n;
			hole = PAGE_SIZE;
		}
		at += hole;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return n;
}

/* One that nothing is in is no memory: a flash that user space emulates. */
static int find_devices(struct vm *vm)
{
	for (u32 i = 0; i < SLOTS; i++) {
		struct slot *s = &vm->slot[i];
		long n = s->readonly ? load_readonly(vm, s, true) : 1;

		if (n < 0)
			return n;
		s->device = n == 0;
	}
	return 0;
}

/* ---- the image ---- */

static int load_slot(struct vm *vm, const struct slot *s)
{
	for (u64 at = 0; at < s->size;) {
		unsigned long hole;
		long n;
		int ret;

		n = pin_populated(vm, s->user + at, min_t(u64, BLOCK_PAGES, (s->size - at) >> PAGE_SHIFT), &hole);
		if (n < 0)
			return n;
		if (n > 0) {
			ret = give_batch(vm, CORDON_CALL_VM_LOAD, (s->base + at) >> PAGE_SHIFT, n);
			if (ret != 0)
				return ret;
		}
		at += n > 0 ? n << PAGE_SHIFT : hole;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int load(struct vm *vm, const struct slot *s)
{
	int ret;

	if (s->readonly)
		return min(load_readonly(vm, s, false), 0L);
	ret = pin_prepare(vm, s->user, s->user + s->size);
	return ret == 0 ? load_slot(vm, s) : ret;
}

int memory_load(struct vm *vm)
{
	int ret = find_devices(vm);

	for (struct slot *s = slot_from(vm, 0); s && ret == 0; s = slot_from(vm, s->base + s->size)) {
		if (!s->device)
			ret = el2_memory(vm, s->base, s->size);
	}
	for (struct slot *s = slot_from(vm, 0); s && ret == 0; s = slot_from(vm, s->base + s->size)) {
		if (!s->device)
			ret = load(vm, s);
	}
	return ret;
}

/* ---- blocks ---- */

/* The slot's guest and user addresses are equal within 2 MiB, so that a block of one is a block of the other. */
static bool can_have_blocks(const struct slot *s)
{
	return use_blocks && !s->readonly && ((s->base ^ s->user) & (PMD_SIZE - 1)) == 0;
}

static bool block_is_in(const struct slot *s, u64 gfn)
{
	u64 base = ALIGN_DOWN(gfn, BLOCK_PAGES) << PAGE_SHIFT;

	return base >= s->base && base + PMD_SIZE <= s->base + s->size;
}

/* Whether all the pages of a block are the VM's, and lie in memory as in a block. */
static bool is_whole(struct vm *vm, u64 gfn)
{
	struct page *first = xa_load(&vm->pages, gfn);

	if (!first || page_to_pfn(first) % BLOCK_PAGES != 0)
		return false;
	for (unsigned long i = 1; i < BLOCK_PAGES; i++) {
		struct page *page = xa_load(&vm->pages, gfn + i);

		if (!page || page_to_pfn(page) != page_to_pfn(first) + i)
			return false;
	}
	return true;
}

void memory_join(struct vm *vm)
{
	for (u32 i = 0; i < SLOTS; i++) {
		const struct slot *s = &vm->slot[i];

		if (s->size == 0 || !can_have_blocks(s))
			continue;
		for (u64 base = ALIGN(s->base, PMD_SIZE); base + PMD_SIZE <= s->base + s->size; base += PMD_SIZE) {
			u64 gfn = base >> PAGE_SHIFT;

			if (is_whole(vm, gfn))
				el2_block(vm, gfn, page_to_pfn((struct page *)xa_load(&vm->pages, gfn)));
			cond_resched();
		}
	}
}

/* Whether the page is part of a huge one that fits, and nothing of the block is the VM's yet. */
static bool may_map_block(struct vm *vm, const struct slot *s, u64 gfn, struct page *page)
{
	unsigned long first = ALIGN_DOWN(gfn, BLOCK_PAGES);

	return vm->devices == 0 && can_have_blocks(s) && block_is_in(s, gfn) && PageCompound(page) &&
	       compound_order(compound_head(page)) >= PMD_SHIFT - PAGE_SHIFT &&
	       (page_to_pfn(page) ^ gfn) % BLOCK_PAGES == 0 &&
	       !xa_find(&vm->pages, &first, first + BLOCK_PAGES - 1, XA_PRESENT);
}

/* Maps the whole block. -EAGAIN: its pages are not all there, or not all of one block. */
static int map_block(struct vm *vm, const struct slot *s, u64 gfn)
{
	u64 first = ALIGN_DOWN(gfn, BLOCK_PAGES);
	long n = pin_any(vm, s->user + ((first << PAGE_SHIFT) - s->base), BLOCK_PAGES);
	int ret;

	if (n < 0)
		return n == -EINTR ? -EINTR : -EAGAIN;
	if (n != BLOCK_PAGES || page_to_pfn(vm->batch[0]) % BLOCK_PAGES != 0 || contiguous(vm->batch, n) != n) {
		pin_release(vm->batch, n);
		return -EAGAIN;
	}
	ret = give_batch(vm, CORDON_CALL_VM_MAP, first, n);
	if (ret == 0 && is_whole(vm, first))
		el2_block(vm, first, page_to_pfn((struct page *)xa_load(&vm->pages, first)));
	if (ret == 0 || xa_load(&vm->pages, gfn))
		return 0;
	return ret == -EINTR ? -EINTR : -EAGAIN;
}

/* ---- all of it ---- */

/* How many pages from gfn on, within one batch, are not the VM's. */
static unsigned long missing(struct vm *vm, u64 gfn, u64 most)
{
	unsigned long n = 0;

	while (n < min_t(u64, most, BLOCK_PAGES) && !xa_load(&vm->pages, gfn + n))
		n++;
	return n;
}

static int map_slot(struct vm *vm, const struct slot *s)
{
	for (u64 at = 0; at < s->size;) {
		u64 gfn = (s->base + at) >> PAGE_SHIFT;
		long n = missing(vm, gfn, (s->size - at) >> PAGE_SHIFT);
		int ret;

		if (n == 0) {
			at += PAGE_SIZE;
			continue;
		}
		n = pin_any(vm, s->user + at, n);
		if (n < 0)
			return n;
		ret = give_batch(vm, CORDON_CALL_VM_MAP, gfn, n);
		if (ret != 0)
			return ret;
		at += (u64)n << PAGE_SHIFT;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

int memory_map_all(struct vm *vm)
{
	int ret = 0;

	for (u32 i = 0; i < SLOTS && ret == 0; i++)
		ret = vm->slot[i].readonly ? 0 : map_slot(vm, &vm->slot[i]);
	return ret;
}

/* ---- faults ---- */

/* Where a read-only slot had nothing, the guest finds zeros. */
static int map_own_page(struct vm *vm, u64 gfn)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

	return page ? give_own(vm, CORDON_CALL_VM_MAP, gfn, page) : -ENOMEM;
}

static int map_page(struct vm *vm, u64 gpa)
{
	struct slot *s = slot_at(vm, gpa);
	u64 gfn = gpa >> PAGE_SHIFT;
	unsigned long user;
	long n;
	int ret = -EAGAIN;

	if (!s)
		return -EFAULT;		/* no slot has changed since Cordon was told of them */
	if (xa_load(&vm->pages, gfn))
		return 0;		/* another vCPU was here first, or will say in a moment that the guest gave it back */
	if (s->readonly)
		return map_own_page(vm, gfn);
	user = s->user + ((gfn << PAGE_SHIFT) - s->base);
	n = pin_any(vm, user, 1);
	if (n < 0)
		return n;
	if (may_map_block(vm, s, gfn, vm->batch[0])) {
		pin_release(vm->batch, n);
		ret = map_block(vm, s, gfn);
		if (ret != -EAGAIN)
			return ret;
		n = pin_any(vm, user, 1);
		if (n < 0)
			return n;
	}
	return give_batch(vm, CORDON_CALL_VM_MAP, gfn, 1);
}

int memory_fault(struct vm *vm, u64 gpa)
{
	int ret;

	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	ret = map_page(vm, gpa);
	mutex_unlock(&vm->lock);
	return ret;
}

/* ---- pages that come back ---- */

void memory_relinquished(struct vm *vm, u64 gpa, u64 pages)
{
	unsigned long gfn = gpa >> PAGE_SHIFT;
	unsigned long index;
	struct page *page;

	if (pages == 0)
		return;
	mutex_lock(&vm->lock);
	xa_for_each_range(&vm->pages, index, page, gfn, gfn + pages - 1) {
		if (!el2_is_hosts(page_to_pfn(page)))
			continue;
		release(vm, index, page);
		cond_resched();
	}
	mutex_unlock(&vm->lock);
}

static bool is_zero(struct page *page)
{
	return memchr_inv(page_address(page), 0, PAGE_SIZE) == NULL;
}

void memory_free(struct vm *vm)
{
	unsigned long index, back = 0, dirty = 0;
	struct page *page;

	xa_for_each(&vm->pages, index, page) {
		if (verify) {
			back++;
			dirty += !is_zero(page);
		}
		put(page, xa_get_mark(&vm->pages, index, OWN));
		cond_resched();
	}
	if (verify)
		pr_info("cordon_kvm: VM 0x%llx: %lu pages came back, %lu of them not zero\n", vm->handle, back, dirty);
	xa_destroy(&vm->pages);
	account_locked_vm(vm->mm, vm->pinned, false);
	vm->pinned = 0;
}
