// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's memory: pages of the process that runs the VM, pinned when the guest gets them, and unpinned when Cordon
 * has given them back. The kernel must not read or write a page in between. What would make it do so is kept away: only
 * anonymous memory, shared memory and huge pages are taken (none that is written back to a disk), no merging of equal
 * pages, no copy for a child process, no core dump of it. Pinned pages are neither swapped nor migrated.
 */
#include <linux/hugetlb.h>
#include <linux/ksm.h>
#include <linux/mman.h>
#include <linux/moduleparam.h>
#include <linux/pgtable.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>

#include "cordon_kvm.h"

#define PIN_FLAGS (FOLL_WRITE | FOLL_LONGTERM)
#define KEPT_AWAY (VM_DONTCOPY | VM_DONTDUMP)

/* ---- slots ---- */

static bool region_is_valid(const struct kvm_userspace_memory_region *r)
{
	return r->slot < SLOTS && r->flags == 0 && PAGE_ALIGNED(r->memory_size) && PAGE_ALIGNED(r->guest_phys_addr) &&
	       PAGE_ALIGNED(r->userspace_addr) && r->userspace_addr == untagged_addr(r->userspace_addr) &&
	       access_ok((void __user *)r->userspace_addr, r->memory_size) &&
	       r->guest_phys_addr + r->memory_size >= r->guest_phys_addr;
}

static bool overlaps_another(const struct vm *vm, const struct slot *self, u64 base, u64 size)
{
	for (u32 i = 0; i < SLOTS; i++) {
		const struct slot *s = &vm->slot[i];

		if (s != self && s->size != 0 && base < s->base + s->size && s->base < base + size)
			return true;
	}
	return false;
}

/* As KVM has it: size 0 deletes; a slot that is there may move, but not change its size or its memory. */
static int set_region(struct vm *vm, const struct kvm_userspace_memory_region *r)
{
	struct slot *s = &vm->slot[r->slot];

	if (vm->state != VM_SETUP)
		return -EBUSY;
	if (r->memory_size == 0) {
		if (s->size == 0)
			return -EINVAL;
		*s = (struct slot){ 0 };
		return 0;
	}
	if (r->guest_phys_addr + r->memory_size > 1ULL << vm->ipa_bits)
		return -EFAULT;
	if (s->size != 0 && (s->size != r->memory_size || s->user != r->userspace_addr))
		return -EINVAL;
	if (overlaps_another(vm, s, r->guest_phys_addr, r->memory_size))
		return -EEXIST;
	*s = (struct slot){ r->guest_phys_addr, r->memory_size, r->userspace_addr };
	return 0;
}

int memory_set_region(struct vm *vm, const struct kvm_userspace_memory_region *region)
{
	int ret;

	if (!region_is_valid(region))
		return -EINVAL;
	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	ret = set_region(vm, region);
	mutex_unlock(&vm->lock);
	return ret;
}

static struct slot *slot_at(struct vm *vm, u64 gpa)
{
	for (u32 i = 0; i < SLOTS; i++) {
		struct slot *s = &vm->slot[i];

		if (gpa >= s->base && gpa - s->base < s->size)
			return s;
	}
	return NULL;
}

/* The slot with the lowest address that is not below one. */
static struct slot *slot_from(struct vm *vm, u64 gpa)
{
	struct slot *found = NULL;

	for (u32 i = 0; i < SLOTS; i++) {
		struct slot *s = &vm->slot[i];

		if (s->size != 0 && s->base >= gpa && (!found || s->base < found->base))
			found = s;
	}
	return found;
}

/* ---- what the process has mapped ---- */

static bool is_shmem(struct vm_area_struct *vma)
{
	return vma->vm_file && shmem_file(vma->vm_file);
}

static int check_mapping(struct vm_area_struct *vma)
{
	if (vma->vm_flags & (VM_IO | VM_PFNMAP | VM_MIXEDMAP) || !(vma->vm_flags & VM_WRITE))
		return -EFAULT;
	if ((vma->vm_flags & VM_SHARED) && !is_shmem(vma) && !is_vm_hugetlb_page(vma))
		return -EINVAL;		/* a file: the kernel would write private pages to it */
	return 0;
}

static bool is_prepared(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & KEPT_AWAY) == KEPT_AWAY && !(vma->vm_flags & VM_MERGEABLE);
}

static int prepare_mapping(struct vm_area_struct *vma)
{
	unsigned long flags = vma->vm_flags | KEPT_AWAY;
	int ret = check_mapping(vma);

	if (ret == 0)
		ret = ksm_madvise(vma, vma->vm_start, vma->vm_end, MADV_UNMERGEABLE, &flags);
	if (ret == 0)
		vm_flags_reset(vma, flags);
	return ret;
}

/* Keeps the kernel away from what is mapped in a range; what is mapped there later is looked at when a page is taken. */
static int prepare_range(struct vm *vm, unsigned long start, unsigned long end)
{
	int ret = 0;

	if (mmap_write_lock_killable(vm->mm))
		return -EINTR;
	for (unsigned long at = start; at < end && ret == 0;) {
		struct vm_area_struct *vma = find_vma(vm->mm, at);

		if (!vma || vma->vm_start >= end)
			break;
		if (!is_prepared(vma) || check_mapping(vma) != 0)
			ret = prepare_mapping(vma);
		at = vma->vm_end;
	}
	mmap_write_unlock(vm->mm);
	return ret;
}

/*
 * Bytes from an address on that have no page, as no table is there that could name one; 0: there may be one. The tables
 * of a mapping stay while the mmap lock is held.
 */
static unsigned long unmapped_run(struct mm_struct *mm, unsigned long at)
{
	pgd_t *pgd = pgd_offset(mm, at);
	p4d_t *p4d;
	pud_t *pud;

	if (pgd_none(READ_ONCE(*pgd)))
		return PGDIR_SIZE - (at & ~PGDIR_MASK);
	p4d = p4d_offset(pgd, at);
	if (p4d_none(READ_ONCE(*p4d)))
		return P4D_SIZE - (at & ~P4D_MASK);
	pud = pud_offset(p4d, at);
	if (pud_none(READ_ONCE(*pud)))
		return PUD_SIZE - (at & ~PUD_MASK);
	if (!pud_table(READ_ONCE(*pud)))
		return 0;
	return pmd_none(READ_ONCE(*pmd_offset(pud, at))) ? PMD_SIZE - (at & ~PMD_MASK) : 0;
}

/*
 * The same for shared memory: its pages may be there without being mapped, so that the file is asked. Where there is
 * one, *n is cut to those that follow each other.
 */
static unsigned long absent_run(struct vm_area_struct *vma, unsigned long at, unsigned long *n)
{
	struct xarray *cache = &vma->vm_file->f_mapping->i_pages;
	unsigned long first = ((at - vma->vm_start) >> PAGE_SHIFT) + vma->vm_pgoff;
	unsigned long index = first;
	unsigned long present = 1;

	if (!xa_find(cache, &index, ULONG_MAX, XA_PRESENT))
		return vma->vm_end - at;
	if (index > first)
		return min(index - first, (vma->vm_end - at) >> PAGE_SHIFT) << PAGE_SHIFT;
	while (present < *n && xa_load(cache, first + present))
		present++;
	*n = present;
	return 0;
}

/* Bytes without a page; the mmap lock is held. Or 0, and at most *n pages that are worth a try. */
static unsigned long hole_at(struct vm_area_struct *vma, unsigned long at, unsigned long *n)
{
	*n = min(*n, (vma->vm_end - at) >> PAGE_SHIFT);
	if (vma_is_anonymous(vma))
		return unmapped_run(vma->vm_mm, at);
	if ((vma->vm_flags & VM_SHARED) && is_shmem(vma))
		return absent_run(vma, at, n);
	return 0;
}

/* ---- pinning ---- */

/* Pins what is there of n pages: the number, or 0 and the bytes of the *hole, or an error. */
static long pin_populated(struct vm *vm, unsigned long at, unsigned long n, unsigned long *hole)
{
	struct vm_area_struct *vma;
	long ret = 0;

	if (mmap_read_lock_killable(vm->mm))
		return -EINTR;
	vma = find_vma(vm->mm, at);
	*hole = 0;
	if (!vma || vma->vm_start > at)
		*hole = vma ? vma->vm_start - at : TASK_SIZE - at;
	else if (!is_prepared(vma) || check_mapping(vma) != 0)
		ret = -EFAULT;		/* it was another one when it was prepared */
	else
		*hole = hole_at(vma, at, &n);
	if (ret == 0 && *hole == 0) {
		/* FOLL_DUMP: an error where there is nothing, instead of a new page. A mapping that is wrong was seen above. */
		ret = compat_pin_user_pages(at, n, PIN_FLAGS | FOLL_DUMP, vm->batch);
		if (ret == -EFAULT || ret == 0) {
			*hole = PAGE_SIZE;
			ret = 0;
		}
	}
	mmap_read_unlock(vm->mm);
	return ret;
}

/* Pins n pages, which are made where they are missing: the number, or an error. */
static long pin_any(struct vm *vm, unsigned long at, unsigned long n)
{
	for (int i = 0; i < 2; i++) {
		struct vm_area_struct *vma;
		bool ready;
		long ret;

		if (mmap_read_lock_killable(vm->mm))
			return -EINTR;
		vma = find_vma(vm->mm, at);
		ready = vma && vma->vm_start <= at && is_prepared(vma);
		if (!vma || vma->vm_start > at)
			ret = -EFAULT;
		else
			ret = check_mapping(vma);
		if (ret == 0 && ready)
			ret = compat_pin_user_pages(at, min(n, (vma->vm_end - at) >> PAGE_SHIFT), PIN_FLAGS, vm->batch);
		mmap_read_unlock(vm->mm);
		if (ret != 0 || ready)
			return ret != 0 ? ret : -EFAULT;
		ret = prepare_range(vm, at, at + (n << PAGE_SHIFT));
		if (ret != 0)
			return ret;
	}
	return -EAGAIN;
}

static void unpin(struct page **pages, unsigned long n)
{
	if (n > 0)
		unpin_user_pages_dirty_lock(pages, n, true);
}

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
		unpin(vm->batch, n);
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
		unpin(vm->batch + given, n - given);
	}
	return ret;
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

int memory_load(struct vm *vm)
{
	struct slot *s;
	int ret;

	for (s = slot_from(vm, 0); s; s = slot_from(vm, s->base + s->size)) {
		ret = el2_memory(vm, s->base, s->size);
		if (ret != 0)
			return ret;
	}
	for (s = slot_from(vm, 0); s; s = slot_from(vm, s->base + s->size)) {
		ret = prepare_range(vm, s->user, s->user + s->size);
		if (ret == 0)
			ret = load_slot(vm, s);
		if (ret != 0)
			return ret;
	}
	return 0;
}

/* ---- blocks ---- */

/* The slot's guest and user addresses are equal within 2 MiB, so that a block of one is a block of the other. */
static bool can_have_blocks(const struct slot *s)
{
	return use_blocks && ((s->base ^ s->user) & (PMD_SIZE - 1)) == 0;
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

	return can_have_blocks(s) && block_is_in(s, gfn) && PageCompound(page) &&
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
		unpin(vm->batch, n);
		return -EAGAIN;
	}
	ret = give_batch(vm, CORDON_CALL_VM_MAP, first, n);
	if (ret == 0 && is_whole(vm, first))
		el2_block(vm, first, page_to_pfn((struct page *)xa_load(&vm->pages, first)));
	if (ret == 0 || xa_load(&vm->pages, gfn))
		return 0;
	return ret == -EINTR ? -EINTR : -EAGAIN;
}

/* ---- faults ---- */

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
	user = s->user + ((gfn << PAGE_SHIFT) - s->base);
	n = pin_any(vm, user, 1);
	if (n < 0)
		return n;
	if (may_map_block(vm, s, gfn, vm->batch[0])) {
		unpin(vm->batch, n);
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
		forget(vm, index, 1);
		unpin(&page, 1);
		cond_resched();
	}
	mutex_unlock(&vm->lock);
}

static bool verify;
module_param(verify, bool, 0644);
MODULE_PARM_DESC(verify, "look through the pages that come back when a VM ends, and say whether all are zero");

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
		unpin(&page, 1);
		cond_resched();
	}
	if (verify)
		pr_info("cordon_kvm: VM 0x%llx: %lu pages came back, %lu of them not zero\n", vm->handle, back, dirty);
	xa_destroy(&vm->pages);
	account_locked_vm(vm->mm, vm->pinned, false);
	vm->pinned = 0;
}
