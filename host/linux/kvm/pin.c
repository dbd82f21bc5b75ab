// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of the process that runs the VM, looked at before they become the guest's. The kernel must not read or write a page
 * that is the guest's. What would make it do so is kept away: only anonymous memory, shared memory and huge pages are taken
 * (none that is written back to a disk), no merging of equal pages, no copy for a child process, no core dump of it. Pinned
 * pages are neither swapped nor migrated.
 */
#include <linux/hugetlb.h>
#include <linux/ksm.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/pgtable.h>
#include <linux/shmem_fs.h>
#include <linux/xarray.h>

#include "compat.h"
#include "machine.h"
#include "pin.h"

#define PIN_FLAGS (FOLL_WRITE | FOLL_LONGTERM)
#define KEPT_AWAY (VM_DONTCOPY | VM_DONTDUMP)

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

int pin_prepare(struct vm *vm, unsigned long start, unsigned long end)
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

/* The mapping that has the address; NULL: none has, nor do the *hole bytes behind it. The mmap lock is held. */
static struct vm_area_struct *mapping_at(struct mm_struct *mm, unsigned long at, unsigned long *hole)
{
	struct vm_area_struct *vma = find_vma(mm, at);
	bool inside = vma && vma->vm_start <= at;

	*hole = inside ? 0 : vma ? vma->vm_start - at : TASK_SIZE - at;
	return inside ? vma : NULL;
}

long pin_populated(struct vm *vm, unsigned long at, unsigned long n, unsigned long *hole)
{
	struct vm_area_struct *vma;
	long ret = 0;

	if (mmap_read_lock_killable(vm->mm))
		return -EINTR;
	vma = mapping_at(vm->mm, at, hole);
	if (vma && (!is_prepared(vma) || check_mapping(vma) != 0))
		ret = -EFAULT;		/* it was another one when it was prepared */
	else if (vma)
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

long pin_to_read(struct vm *vm, unsigned long at, struct page **page, unsigned long *hole)
{
	unsigned long n = 1;
	struct vm_area_struct *vma;
	long ret = 0;

	if (mmap_read_lock_killable(vm->mm))
		return -EINTR;
	vma = mapping_at(vm->mm, at, hole);
	if (vma && (vma->vm_flags & (VM_IO | VM_PFNMAP | VM_MIXEDMAP)))
		ret = -EFAULT;
	else if (vma)
		*hole = hole_at(vma, at, &n);
	if (ret == 0 && *hole == 0) {
		ret = compat_pin_user_pages(at, 1, FOLL_DUMP, page);
		if (ret == -EFAULT)
			ret = 0;	/* nothing is there */
	}
	mmap_read_unlock(vm->mm);
	if (ret == 1 && is_zero_pfn(page_to_pfn(*page))) {
		unpin_user_page(*page);
		ret = 0;
	}
	if (ret == 0 && *hole == 0)
		*hole = PAGE_SIZE;
	return ret;
}

long pin_any(struct vm *vm, unsigned long at, unsigned long n)
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
		ret = pin_prepare(vm, at, at + (n << PAGE_SHIFT));
		if (ret != 0)
			return ret;
	}
	return -EAGAIN;
}

void pin_release(struct page **pages, unsigned long n)
{
	if (n > 0)
		unpin_user_pages_dirty_lock(pages, n, true);
}
