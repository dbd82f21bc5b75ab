/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What this driver, cordon_kvm.ko, keeps of a VM and its vCPUs: the shape of everything, and no code. What the driver offers
 * is in docs/KVM.md.
 *
 * A VM is set up here alone, and made at Cordon by the first KVM_RUN of vCPU 0. From then on its memory and registers are
 * Cordon's. Frames that Cordon has are never touched, and go back to the allocator only when Cordon has given them back.
 *
 * Locks: vcpu->mutex, then vm->lock, then the process's mmap lock; below them spin locks, gic->lock innermost.
 */
#ifndef CORDON_KVM_MACHINE_H
#define CORDON_KVM_MACHINE_H

#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "cordon/abi.h"
#include "cordon/kvm.h"
#include "interrupt.h"

#define SLOTS CORDON_MEMORY_RANGES
#define BLOCK_PAGES 512UL
#define OWN XA_MARK_1

struct vm;
struct vm_device;

/* ---- vCPUs ---- */

/* What KVM_RUN has to look at first, as the exit before has asked user space for it. */
enum vcpu_owed { OWED_NOTHING, OWED_READ, OWED_HYPERCALL };

struct vcpu {
	struct vm *vm;
	u32 index;
	struct mutex mutex;		/* one ioctl at a time */
	struct kvm_run *run;		/* shared with user space: a value is read once */
	u32 features;
	bool inited;
	bool has_run;			/* it has been in the guest */

	u64 pc, x0;			/* before the start */

	bool on;			/* the guest has started it, and it has been heard of */
	bool start;			/* the guest has started it: worth a try */
	enum vcpu_owed owed;
	u32 owed_bytes;
	u64 answer;			/* enum cordon_answer, for the next run */
	u64 value[4];
	u32 last;			/* KVM_EXIT_SYSTEM_EVENT or _INTERNAL_ERROR: it does not run again; else 0 */
	u32 last_detail;

	struct task_struct *in_guest;	/* the thread that is in the guest, to be kicked */
	wait_queue_head_t wait;

	u64 timer_deadline;		/* in ticks of the physical counter */
	bool timer_asserted;
	u64 physical_deadline;		/* of the guest's physical timer, the same; U64_MAX: never */
	bool has_physical;		/* it has used that */
	struct hrtimer physical;	/* ends the run when it fires */

	struct irq irq[PRIVATE_IRQS];
	unsigned long busy;		/* of these, as in struct gic */
	struct listed listed[CORDON_INTERRUPTS];
	bool careful;			/* list one pending interrupt only: Cordon has refused several */
	u64 redist;
	bool redist_last;

	u64 exits[CORDON_EXITS];
};

/* ---- VMs ---- */

struct slot {
	u64 base;			/* guest address */
	u64 size;			/* bytes; 0: not in use */
	unsigned long user;
	bool readonly;			/* the guest gets copies of the process's pages */
	bool device;			/* read-only, and nothing was in it at the start: accesses are user space's to answer */
};

enum vm_state { VM_SETUP, VM_RUNS, VM_FAILED };

struct vm {
	struct kref ref;		/* each file descriptor has one */
	struct list_head list;
	struct mm_struct *mm;		/* the process that may use it */
	pid_t pid;
	u32 ipa_bits;

	struct mutex lock;		/* all of this, but for what stands with another lock */
	enum vm_state state;
	int error;			/* why it failed */
	wait_queue_head_t started;
	bool ended;			/* the guest has ended it, or cannot go on */
	struct vcpu *vcpu[CORDON_VCPUS_MAX];
	u32 vcpus;
	struct slot slot[SLOTS];
	struct gic gic;
	struct vm_device *device[CORDON_KVM_DEVICES];
	u32 devices;
	u64 personal[8];		/* what the guest's tokens say in the host's name */

	u64 handle;			/* Cordon's; 0: it has none yet */
	struct list_head frames;	/* given for tables and registers; linked by page->lru, order in page->private */
	u64 nframes;
	struct xarray pages;		/* guest frame number -> pinned page; marked OWN: one of the kernel's */
	u64 pinned;
	u64 blocks;
	struct page **batch;		/* BLOCK_PAGES of them, for whoever holds the lock */

	/*
	 * Both are taken with interrupts off. An event descriptor's own lock comes between them: a write of the guest
	 * signals under the first, and a descriptor that is closed ends its irqfd under the second.
	 */
	spinlock_t ioeventfd_lock;
	struct list_head ioeventfds;
	struct list_head resamplers;	/* irqfds whose user hears of the interrupt's end */
	u32 nioeventfds;
	spinlock_t irqfd_lock;
	struct list_head irqfds;
};

#endif
