/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that these modules are built for, Linux 6.1 and later, under one name each. Nothing else
 * here asks which kernel it is. A macro of the kernel's decides where there is one, as stable versions take changes from
 * later ones; else the version in which the change came.
 */
#ifndef COMPAT_H
#define COMPAT_H

#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/hrtimer.h>
#include <linux/io.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/version.h>
#include <asm/neon.h>
#include <crypto/sha2.h>

#define SINCE(major, minor) (LINUX_VERSION_CODE >= KERNEL_VERSION(major, minor, 0))

/* ---- kvm_run ---- */

/* The kernel's name of a field that user space may change at any time. */
#ifndef HINT_UNSAFE_IN_KVM
#define HINT_UNSAFE_IN_KVM(field) field
#endif

static inline bool compat_immediate_exit(const struct kvm_run *run)
{
	return READ_ONCE(run->HINT_UNSAFE_IN_KVM(immediate_exit)) != 0;
}

/* ---- memory of a process ---- */

#if !SINCE(6, 3)
static inline void vm_flags_reset(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags = flags;
}
#endif

/* The mmap lock is held. */
static inline long compat_pin_user_pages(unsigned long at, unsigned long n, unsigned int flags, struct page **pages)
{
#if SINCE(6, 5)
	return pin_user_pages(at, n, flags, pages);
#else
	return pin_user_pages(at, n, flags, pages, NULL);
#endif
}

/* The largest order that the allocator has. */
#ifndef MAX_PAGE_ORDER
#define MAX_PAGE_ORDER (MAX_ORDER - !SINCE(6, 4))
#endif

/* ---- files ---- */

/* NULL: there is none. */
#ifndef fd_file
#define fd_file(fd) ((fd).file)
#endif

static inline void compat_eventfd_signal(struct eventfd_ctx *ctx)
{
#if SINCE(6, 8)
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

/* ---- mappings of any physical address ---- */

/* With the attributes and rights of prot, as they are: where ioremap_prot() is a macro, it takes a process's alone. */
static inline void *compat_map(u64 address, pgprot_t prot)
{
#ifdef ioremap_prot
	return (void __force *)__ioremap_prot(address, PAGE_SIZE, prot);
#else
	return (void __force *)ioremap_prot(address, PAGE_SIZE, pgprot_val(prot));
#endif
}

/* ---- vector registers ---- */

/* Where the kernel keeps what it has in them while the caller has them: the caller's, in newer ones. */
struct vectors {
#if SINCE(6, 19)
	struct user_fpsimd_state state;
#endif
};

/* From here to vectors_end() the vector registers are the caller's: what the process had in them is saved. */
static inline void vectors_begin(struct vectors *v)
{
#if SINCE(6, 19)
	kernel_neon_begin(&v->state);
#else
	kernel_neon_begin();
#endif
}

static inline void vectors_end(struct vectors *v)
{
#if SINCE(6, 19)
	kernel_neon_end(&v->state);
#else
	kernel_neon_end();
#endif
}

/* ---- timers ---- */

/* One whose interrupt comes on the CPU that has started it, with no thread in between. */
static inline void compat_timer_setup(struct hrtimer *timer, enum hrtimer_restart (*function)(struct hrtimer *))
{
#if SINCE(6, 13)
	hrtimer_setup(timer, function, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	timer->function = function;
#endif
}

/* ---- SHA-256 ---- */

#if SINCE(6, 17)
typedef struct sha256_ctx compat_sha256;
#else
typedef struct sha256_state compat_sha256;
#endif

#endif
