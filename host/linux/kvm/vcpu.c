// SPDX-License-Identifier: GPL-2.0
/* vCPUs as such: how they are made and freed, and brought out of the guest. */
#include <linux/gfp.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "compat.h"
#include "machine.h"
#include "vcpu.h"

/* Its interrupt is what ends a run. */
static enum hrtimer_restart nothing_more(struct hrtimer *timer)
{
	return HRTIMER_NORESTART;
}

struct vcpu *vcpu_new(struct vm *vm, u32 index)
{
	struct vcpu *v = kzalloc(sizeof(*v), GFP_KERNEL_ACCOUNT);

	if (!v)
		return NULL;
	v->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!v->run) {
		kfree(v);
		return NULL;
	}
	v->vm = vm;
	v->index = index;
	v->timer_deadline = U64_MAX;
	v->physical_deadline = U64_MAX;
	compat_timer_setup(&v->physical, nothing_more);
	mutex_init(&v->mutex);
	init_waitqueue_head(&v->wait);
	return v;
}

void vcpu_begin_anew(struct vcpu *v)
{
	v->has_run = false;
	v->on = false;
	v->start = false;
	v->owed = OWED_NOTHING;
	v->answer = CORDON_ANSWER_NONE;
	v->last = 0;
	v->timer_deadline = U64_MAX;
	v->timer_asserted = false;
	hrtimer_cancel(&v->physical);
	v->physical_deadline = U64_MAX;
	v->has_physical = false;
	v->careful = false;
}

void vcpu_free(struct vcpu *v)
{
	hrtimer_cancel(&v->physical);
	free_page((unsigned long)v->run);	/* whoever has it mapped still, keeps it */
	kfree(v);
}

/* vCPU 0 begins with the VM; the others are as they were set up until the guest starts them. */
bool vcpu_is_hidden(const struct vcpu *v)
{
	return smp_load_acquire(&v->vm->state) != VM_SETUP && (v->index == 0 || v->has_run);
}

/*
 * A thread that is in the guest leaves it on any interrupt of its CPU. That its task is there is seen under RCU: a task
 * is freed by it.
 */
void vcpu_kick(struct vcpu *v)
{
	struct task_struct *task;

	wake_up(&v->wait);
	rcu_read_lock();
	task = READ_ONCE(v->in_guest);
	if (task)
		kick_process(task);
	rcu_read_unlock();
}

void vcpu_kick_all(struct vm *vm)
{
	for (u32 i = 0; i < vm->vcpus; i++) {
		if (vm->vcpu[i])
			vcpu_kick(vm->vcpu[i]);
	}
}
