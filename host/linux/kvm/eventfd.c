// SPDX-License-Identifier: GPL-2.0
/*
 * Event descriptors in place of ioctls: one that pulses an SPI when it is written to, or raises it until the guest has ended it
 * (KVM_IRQFD), and one that is written to when the guest writes to a device register (KVM_IOEVENTFD), so that the vCPU's thread need not leave the kernel.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "eventfd.h"
#include "irq.h"
#include "machine.h"
#include "route.h"

#define IOEVENTFDS_MAX 1000
#define IOEVENTFD_FLAGS (KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_DEASSIGN)

struct irqfd {
	struct list_head list;		/* empty: it is being shut down */
	struct list_head resample_list;	/* of those with the next */
	struct eventfd_ctx *resample;	/* written to when the guest has ended the interrupt, which is a level; or NULL */
	struct vm *vm;
	u32 gsi;
	struct eventfd_ctx *ctx;
	wait_queue_entry_t wait;
	poll_table poll;
	struct work_struct shutdown;
};

struct ioeventfd {
	struct list_head list;
	u64 address;
	u32 bytes;			/* 0: any */
	bool any_value;
	u64 value;
	struct eventfd_ctx *ctx;
};

/* Shuts irqfds down, which sleeps: their descriptor may be closed where that is not allowed. */
static struct workqueue_struct *shutdowns;

int eventfd_init(void)
{
	shutdowns = alloc_workqueue("cordon_kvm", WQ_UNBOUND, 0);
	return shutdowns ? 0 : -ENOMEM;
}

void eventfd_exit(void)
{
	destroy_workqueue(shutdowns);
}

/* ---- irqfd ---- */

/* An edge, or a level until the guest has ended it. A route may have changed since the last time. */
static void irqfd_raise(struct irqfd *f)
{
	u32 intid = route_find(f->vm, f->gsi);

	if (intid == 0)
		return;
	if (f->resample) {
		irq_raise_until_end(f->vm, intid);
		return;
	}
	irq_set_line(f->vm, NULL, intid, true);
	irq_set_line(f->vm, NULL, intid, false);
}

static void resample_begin(struct irqfd *f)
{
	spin_lock_irq(&f->vm->ioeventfd_lock);
	list_add_tail(&f->resample_list, &f->vm->resamplers);
	spin_unlock_irq(&f->vm->ioeventfd_lock);
}

static void irqfd_free(struct irqfd *f)
{
	if (f->resample) {
		spin_lock_irq(&f->vm->ioeventfd_lock);
		list_del(&f->resample_list);
		spin_unlock_irq(&f->vm->ioeventfd_lock);
		eventfd_ctx_put(f->resample);
	}
	eventfd_ctx_put(f->ctx);
	kfree(f);
}

/* All that are behind one interrupt hear of its end, and those whose device still asks raise it again. */
void eventfd_resample(struct vm *vm)
{
	struct irqfd *f, *other;

	if (!irq_any_ended(vm))
		return;
	spin_lock_irq(&vm->ioeventfd_lock);
	WRITE_ONCE(vm->gic.any_ended, false);
	list_for_each_entry(f, &vm->resamplers, resample_list) {
		u32 intid = route_find(vm, f->gsi);

		if (intid == 0 || !irq_take_ended(vm, intid))
			continue;
		list_for_each_entry(other, &vm->resamplers, resample_list) {
			if (route_find(vm, other->gsi) == intid)
				compat_eventfd_signal(other->resample);
		}
	}
	spin_unlock_irq(&vm->ioeventfd_lock);
}

static void irqfd_shutdown(struct work_struct *work)
{
	struct irqfd *f = container_of(work, struct irqfd, shutdown);
	u32 intid = f->resample ? route_find(f->vm, f->gsi) : 0;
	u64 count;

	eventfd_ctx_remove_wait_queue(f->ctx, &f->wait, &count);
	if (intid != 0)
		irq_set_line(f->vm, NULL, intid, false);
	irqfd_free(f);
}

/* vm->irqfd_lock is held. Whoever takes it off the list shuts it down. */
static void irqfd_end(struct irqfd *f)
{
	list_del_init(&f->list);
	queue_work(shutdowns, &f->shutdown);
}

/* The descriptor was written to, or closed. Its lock is held, and interrupts are off. */
static int irqfd_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *f = container_of(wait, struct irqfd, wait);
	__poll_t events = key_to_poll(key);
	unsigned long flags;
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(f->ctx, &count);
		irqfd_raise(f);
	}
	if (events & EPOLLHUP) {
		spin_lock_irqsave(&f->vm->irqfd_lock, flags);
		if (!list_empty(&f->list))
			irqfd_end(f);
		spin_unlock_irqrestore(&f->vm->irqfd_lock, flags);
	}
	return 0;
}

static void irqfd_queue(struct file *file, wait_queue_head_t *head, poll_table *poll)
{
	struct irqfd *f = container_of(poll, struct irqfd, poll);

	add_wait_queue_priority(head, &f->wait);
}

static struct irqfd *irqfd_find(struct vm *vm, const struct eventfd_ctx *ctx)
{
	struct irqfd *f;

	list_for_each_entry(f, &vm->irqfds, list) {
		if (f->ctx == ctx)
			return f;
	}
	return NULL;
}

static int irqfd_add(struct vm *vm, struct irqfd *f)
{
	bool taken;

	spin_lock_irq(&vm->irqfd_lock);
	taken = irqfd_find(vm, f->ctx) != NULL;
	if (!taken)
		list_add_tail(&f->list, &vm->irqfds);
	spin_unlock_irq(&vm->irqfd_lock);
	return taken ? -EBUSY : 0;
}

/* One that is not on any list. ctx becomes its own, or is put. */
static struct irqfd *irqfd_new(struct vm *vm, const struct kvm_irqfd *args, struct eventfd_ctx *ctx)
{
	struct irqfd *f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);
	struct eventfd_ctx *resample = NULL;

	if (f && args->flags & KVM_IRQFD_FLAG_RESAMPLE)
		resample = eventfd_ctx_fdget(args->resamplefd);
	if (!f || IS_ERR(resample)) {
		eventfd_ctx_put(ctx);
		kfree(f);
		return f ? ERR_CAST(resample) : ERR_PTR(-ENOMEM);
	}
	f->vm = vm;
	f->gsi = args->gsi;
	f->ctx = ctx;
	f->resample = resample;
	INIT_WORK(&f->shutdown, irqfd_shutdown);
	init_waitqueue_func_entry(&f->wait, irqfd_wake);
	init_poll_funcptr(&f->poll, irqfd_queue);
	if (resample)
		resample_begin(f);
	return f;
}

static int irqfd_assign_file(struct vm *vm, const struct kvm_irqfd *args, struct file *file)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fileget(file);
	struct irqfd *f;
	int ret;

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	f = irqfd_new(vm, args, ctx);
	if (IS_ERR(f))
		return PTR_ERR(f);
	ret = irqfd_add(vm, f);
	if (ret != 0) {
		irqfd_free(f);
		return ret;
	}
	/* It may have been written to before: then nobody will say so again. The file is held, so that it is not closed. */
	if (vfs_poll(file, &f->poll) & EPOLLIN)
		irqfd_raise(f);
	return 0;
}

static int irqfd_assign(struct vm *vm, const struct kvm_irqfd *args)
{
	struct fd file;
	int ret;

	if (!smp_load_acquire(&vm->gic.ready))
		return -EAGAIN;
	if (args->gsi >= ROUTES)
		return -EINVAL;
	file = fdget(args->fd);
	if (!fd_file(file))
		return -EBADF;
	ret = irqfd_assign_file(vm, args, fd_file(file));
	fdput(file);
	return ret;
}

/* As in KVM, no error when there was none. When this returns it pulses no more. */
static int irqfd_deassign(struct vm *vm, const struct kvm_irqfd *args)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(args->fd);
	struct irqfd *f;

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	spin_lock_irq(&vm->irqfd_lock);
	f = irqfd_find(vm, ctx);
	if (f && f->gsi == args->gsi)
		irqfd_end(f);
	spin_unlock_irq(&vm->irqfd_lock);
	eventfd_ctx_put(ctx);
	flush_workqueue(shutdowns);
	return 0;
}

int eventfd_irqfd(struct vm *vm, const struct kvm_irqfd *args)
{
	int ret;

	if (args->flags & ~(u32)(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	if (args->flags & KVM_IRQFD_FLAG_DEASSIGN)
		return irqfd_deassign(vm, args);
	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	ret = irqfd_assign(vm, args);
	mutex_unlock(&vm->lock);
	return ret;
}

/* ---- ioeventfd ---- */

static bool ioeventfd_is_valid(const struct kvm_ioeventfd *args)
{
	if (args->flags & ~(u32)IOEVENTFD_FLAGS)
		return false;
	if (args->len > 8 || (args->len != 0 && !is_power_of_2(args->len)) || args->addr + args->len < args->addr)
		return false;
	return args->len != 0 || !(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH);
}

/* Two that would both be written to by one access. */
static bool collides(const struct ioeventfd *a, const struct ioeventfd *b)
{
	return a->address == b->address && (a->bytes == 0 || b->bytes == 0 || a->bytes == b->bytes) &&
	       (a->any_value || b->any_value || a->value == b->value);
}

static bool is_same(const struct ioeventfd *a, const struct ioeventfd *b)
{
	return a->ctx == b->ctx && a->address == b->address && a->bytes == b->bytes && a->any_value == b->any_value &&
	       (a->any_value || a->value == b->value);
}

static struct ioeventfd *ioeventfd_find(struct vm *vm, const struct ioeventfd *like,
					bool (*matches)(const struct ioeventfd *a, const struct ioeventfd *b))
{
	struct ioeventfd *e;

	list_for_each_entry(e, &vm->ioeventfds, list) {
		if (matches(e, like))
			return e;
	}
	return NULL;
}

static int ioeventfd_assign(struct vm *vm, const struct ioeventfd *like)
{
	struct ioeventfd *e = kmemdup(like, sizeof(*like), GFP_KERNEL_ACCOUNT);
	int ret = 0;

	if (!e)
		return -ENOMEM;
	spin_lock_irq(&vm->ioeventfd_lock);
	if (ioeventfd_find(vm, e, collides))
		ret = -EEXIST;
	else if (vm->nioeventfds == IOEVENTFDS_MAX)
		ret = -ENOSPC;
	if (ret == 0) {
		list_add_tail(&e->list, &vm->ioeventfds);
		vm->nioeventfds++;
	}
	spin_unlock_irq(&vm->ioeventfd_lock);
	if (ret != 0)
		kfree(e);
	return ret;
}

static int ioeventfd_deassign(struct vm *vm, const struct ioeventfd *like)
{
	struct ioeventfd *e;

	spin_lock_irq(&vm->ioeventfd_lock);
	e = ioeventfd_find(vm, like, is_same);
	if (e) {
		list_del(&e->list);
		vm->nioeventfds--;
	}
	spin_unlock_irq(&vm->ioeventfd_lock);
	if (!e)
		return -ENOENT;
	eventfd_ctx_put(e->ctx);
	kfree(e);
	return 0;
}

int eventfd_ioeventfd(struct vm *vm, const struct kvm_ioeventfd *args)
{
	bool remove = (args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN) != 0;
	struct ioeventfd like = { .address = args->addr, .bytes = args->len, .value = args->datamatch,
				  .any_value = !(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH) };
	int ret;

	if (!ioeventfd_is_valid(args))
		return -EINVAL;
	like.ctx = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(like.ctx))
		return PTR_ERR(like.ctx);
	ret = remove ? ioeventfd_deassign(vm, &like) : ioeventfd_assign(vm, &like);
	if (remove || ret != 0)
		eventfd_ctx_put(like.ctx);
	return ret;
}

bool eventfd_takes(struct vm *vm, u64 gpa, u64 bytes, u64 value)
{
	const struct ioeventfd like = { .address = gpa, .bytes = bytes, .value = value };
	struct ioeventfd *e;

	if (READ_ONCE(vm->nioeventfds) == 0)
		return false;
	spin_lock_irq(&vm->ioeventfd_lock);
	e = ioeventfd_find(vm, &like, collides);
	if (e)
		compat_eventfd_signal(e->ctx);
	spin_unlock_irq(&vm->ioeventfd_lock);
	return e != NULL;
}

/* ---- the end ---- */

void eventfd_free(struct vm *vm)
{
	struct ioeventfd *e, *next_e;
	struct irqfd *f, *next_f;

	spin_lock_irq(&vm->irqfd_lock);
	list_for_each_entry_safe(f, next_f, &vm->irqfds, list)
		irqfd_end(f);
	spin_unlock_irq(&vm->irqfd_lock);
	flush_workqueue(shutdowns);
	list_for_each_entry_safe(e, next_e, &vm->ioeventfds, list) {
		eventfd_ctx_put(e->ctx);
		kfree(e);
	}
}
