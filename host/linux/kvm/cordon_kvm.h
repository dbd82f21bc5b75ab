/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The parts of cordon_kvm.ko, a driver that offers /dev/kvm on a host of Cordon's. What it offers is in docs/KVM.md.
 *
 * A VM is set up here alone, and made at Cordon by the first KVM_RUN of vCPU 0. From then on its memory and registers are
 * Cordon's. Frames that Cordon has are never touched, and go back to the allocator only when Cordon has given them back.
 *
 * Locks: vcpu->mutex, then vm->lock, then the process's mmap lock; below them spin locks, gic->lock innermost.
 */
#ifndef CORDON_KVM_H
#define CORDON_KVM_H

#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "compat.h"
#include "cordon/abi.h"
#include "cordon/status.h"
#include "hypercall.h"

#define SLOTS CORDON_MEMORY_RANGES
#define BLOCK_PAGES 512UL
#define PRIVATE_IRQS 32
#define IRQS_LIMIT 1020			/* INTIDs from here on are no interrupts */
#define SGIS 16

struct vm;
struct vcpu;

/* ---- interrupts ---- */

#define TARGET_ANY (-1)			/* an SPI that any vCPU may take */
#define TARGET_NONE (-2)		/* an SPI that is routed to a vCPU that is not there */
#define HOLDER_NONE (-1)

struct irq {
	u16 intid;
	u8 priority;
	bool enabled;
	bool edge;
	bool latch;			/* pending by an edge, a guest's write, or an SGI */
	bool line;			/* the level of its line */
	bool active;
	s8 target;			/* vCPU, TARGET_ANY, TARGET_NONE */
	s8 holder;			/* the vCPU in whose list registers it is, or where it is active */
	u64 router;			/* what the guest has written */
};

struct redist_region {
	u64 base;
	u32 count;			/* 0: as many as there are vCPUs */
};

struct gic {
	spinlock_t lock;		/* everything below, once the VM runs, and the vCPUs' own interrupts */
	bool created;
	bool ready;			/* initialised: interrupts are there, and no more vCPUs come */
	bool mapped;			/* its addresses are fixed */
	bool enabled;			/* GICD_CTLR.EnableGrp1 */
	u64 dist;			/* guest addresses; all ones: not set */
	struct redist_region region[CORDON_VCPUS_MAX];
	u32 regions;
	u32 spis;
	struct irq *spi;
	DECLARE_BITMAP(busy, IRQS_LIMIT);	/* SPIs that are pending or active */
};

/* What a list register holds while the vCPU is in the guest. */
struct listed {
	struct irq *irq;
	bool pending;
	bool latch;			/* it was pending by its latch */
};

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

	u64 handle;			/* Cordon's; 0: it has none yet */
	struct list_head frames;	/* given for tables and registers; linked by page->lru, order in page->private */
	u64 nframes;
	struct xarray pages;		/* guest frame number -> pinned page, ours until Cordon has given it back */
	u64 pinned;
	u64 blocks;
	struct page **batch;		/* BLOCK_PAGES of them, for whoever holds the lock */

	/*
	 * Both are taken with interrupts off. An event descriptor's own lock comes between them: a write of the guest
	 * signals under the first, and a descriptor that is closed ends its irqfd under the second.
	 */
	spinlock_t ioeventfd_lock;
	struct list_head ioeventfds;
	u32 nioeventfds;
	spinlock_t irqfd_lock;
	struct list_head irqfds;
};

/* ---- main.c ---- */

struct limits {
	u32 root_order;
	u32 ipa_bits;
	u32 vcpus;
};

extern struct limits limits;
extern bool use_blocks;

int check_extension(unsigned long which);

/* ---- vm.c ---- */

extern const struct file_operations vm_fops;

int vm_create(unsigned long type);
void vm_put(struct vm *vm);
/* Makes the VM at Cordon, or waits until it is made: vCPU 0 does it. */
int vm_start(struct vcpu *v);
/* The guest has ended, or cannot go on: every vCPU is to notice. */
void vm_end(struct vm *vm);
/* Calls show() for each VM that there is. */
void vm_each(void (*show)(struct vm *vm, void *data), void *data);

/* ---- el2.c: calls of Cordon that build and end a VM. vm->lock is held ---- */

int el2_limits(struct limits *l);
/* The errno for a refusal. */
int el2_errno(u64 status);
const char *el2_word(u64 status);
int el2_create(struct vm *vm);
int el2_memory(struct vm *vm, u64 base, u64 size);
int el2_vcpu(struct vm *vm, u32 index);
int el2_start(struct vm *vm, u64 pc, u64 x0);
/* Hands frames over: function is CORDON_CALL_VM_LOAD or _MAP. *done: how many are the VM's now, if not all. */
int el2_give(struct vm *vm, u32 function, u64 gfn, u64 frame, u64 n, u64 *done);
/* 512 pages become a block, if Cordon will have it so. No harm is done if not. */
void el2_block(struct vm *vm, u64 gfn, u64 frame);
bool el2_is_hosts(u64 frame);
u32 el2_phase(struct vm *vm);
/* Frames of all VMs that are for tables and registers: none, when there is no VM. */
u64 el2_frames_out(void);
/* False: Cordon has not given everything back, so that nothing may be freed. */
bool el2_destroy(struct vm *vm);

/* ---- memory.c. vm->lock is taken by those with a *; the others need it ---- */

int memory_set_region(struct vm *vm, const struct kvm_userspace_memory_region *region);	/* * */
/* Declares all slots, and loads what is populated of them. */
int memory_load(struct vm *vm);
/* Blocks of 2 MiB from what was loaded, once the VM runs. */
void memory_join(struct vm *vm);
/* The guest wants a page of what was declared. An error: it cannot be had now; the guest asks for it again when it is run. */
int memory_fault(struct vm *vm, u64 gpa);	/* * */
/* The guest has given pages back. */
void memory_relinquished(struct vm *vm, u64 gpa, u64 pages);	/* * */
/* Cordon has given everything back. */
void memory_free(struct vm *vm);

/* ---- vcpu.c ---- */

int vcpu_create(struct vm *vm, unsigned long id);
void vcpu_free(struct vcpu *v);
/* Its registers are Cordon's. */
bool vcpu_is_hidden(const struct vcpu *v);
/* Something has changed that the vCPU has to see: it leaves the guest, or wakes up. Any context. */
void vcpu_kick(struct vcpu *v);

/* ---- regs.c ---- */

int regs_access(struct vcpu *v, const struct kvm_one_reg *reg, bool set);
int regs_list(struct vcpu *v, struct kvm_reg_list __user *list);

/* ---- run.c ---- */

int vcpu_run(struct vcpu *v);

/* ---- gic.c: the device, its attributes, its lines ---- */

int gic_create_device(struct vm *vm, struct kvm_create_device *device);
/* The VM starts: addresses are fixed. */
int gic_map(struct vm *vm);
int gic_irq_line(struct vm *vm, const struct kvm_irq_level *level);
void gic_init(struct gic *gic);
void gic_init_vcpu(struct vcpu *v);
void gic_free(struct gic *gic);

/* ---- irq.c: what is pending, and what a vCPU is given of it. gic->lock is taken by those with a * ---- */

/* The interrupt of a vCPU's own (v) or an SPI, or NULL. */
struct irq *irq_find(struct gic *gic, struct vcpu *v, u32 intid);
static inline bool irq_pending(const struct irq *irq)
{
	return irq->latch || (irq->line && !irq->edge);
}
/* After any change: keeps the list of busy ones, and kicks the vCPU that should take it. v: as above. */
void irq_changed(struct vm *vm, struct vcpu *v, struct irq *irq);
/* A write has taken a state away: a vCPU that has the interrupt in a list register does not give it back. */
void irq_forget(struct vm *vm, struct irq *irq, bool pending, bool active);
void irq_set_line(struct vm *vm, struct vcpu *v, u32 intid, bool level);	/* * */
void irq_send_sgi(struct vm *vm, u64 targets, u32 intid);	/* * */
/* Whether the vCPU has an interrupt to take. */
bool irq_waiting(struct vcpu *v);	/* * */
/* Whether its timer's interrupt would be one. */
bool irq_timer_counts(struct vcpu *v);	/* * */
/* Before and after a run, with interrupts off. words: NULL: it has not run. */
void irq_list(struct vcpu *v, u64 words[CORDON_INTERRUPTS]);	/* * */
void irq_take_back(struct vcpu *v, const u64 *words);	/* * */
/* Cordon has refused what was listed. False: nothing is left that could be the reason. */
bool irq_refused(struct vcpu *v);	/* * */

/* ---- dist.c: registers of the distributor and the redistributors ---- */

/* An access of the guest. False: the address is not the GIC's. *abort: it cannot be done. */
bool dist_access(struct vcpu *v, u64 gpa, u64 bytes, bool write, u64 *value, bool *abort);

/* ---- eventfd.c ---- */

int eventfd_init(void);
void eventfd_exit(void);
int eventfd_irqfd(struct vm *vm, const struct kvm_irqfd *args);
int eventfd_ioeventfd(struct vm *vm, const struct kvm_ioeventfd *args);
/* A write of the guest to a device: true: it was for an event descriptor, which has been told. */
bool eventfd_takes(struct vm *vm, u64 gpa, u64 bytes, u64 value);
/* No event comes in afterwards. */
void eventfd_free(struct vm *vm);

/* ---- list.c: /proc/cordon-vms ---- */

int list_init(void);
void list_exit(void);

#endif
