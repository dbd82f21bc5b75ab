// SPDX-License-Identifier: GPL-2.0
/* KVM_RUN: into the guest and out of it, and what each exit asks for. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hrtimer.h>
#include <linux/kvm.h>
#include <linux/printk.h>
#include <linux/sched/signal.h>
#include <linux/vtime.h>
#include <linux/wait.h>
#include <asm/arch_timer.h>

#include "compat.h"
#include "cordon/abi.h"
#include "cordon/status.h"
#include "dist.h"
#include "el2.h"
#include "eventfd.h"
#include "hypercall.h"
#include "irq.h"
#include "machine.h"
#include "memory.h"
#include "run.h"
#include "vcpu.h"
#include "vm.h"

#define NOT_ENTERED U64_MAX		/* beside Cordon's statuses: something is to be done here first */
#define GO_ON 1				/* beside 0, out to user space, and errnos */
#define LONGEST_SLEEP_SECONDS 3600	/* of a timer: what is longer is looked at again */

/* ---- into the guest ---- */

static u64 counter(void)
{
	isb();		/* reads the counter now, not when the CPU likes */
	return read_sysreg(cntpct_el0);
}

static ktime_t until(u64 deadline)
{
	u64 rate = arch_timer_get_cntfrq();
	u64 now = counter();
	u64 ticks = deadline > now ? deadline - now : 0;

	return ns_to_ktime(mul_u64_u64_div_u64(min(ticks, rate * LONGEST_SLEEP_SECONDS), NSEC_PER_SEC, rate));
}

/* The levels of the timers' interrupts, as far as is known without the guest's registers. */
static void update_timers(struct vcpu *v)
{
	irq_set_line(v->vm, v, CORDON_TIMER_INTID, v->timer_asserted || counter() >= v->timer_deadline);
	if (v->has_physical)
		irq_set_line(v->vm, v, CORDON_PHYSICAL_TIMER_INTID, counter() >= v->physical_deadline);
}

/* Interrupts are off. A physical timer that is still to fire ends the run: there is none of the CPU's behind it. */
static void arm_physical(struct vcpu *v)
{
	if (v->physical_deadline != U64_MAX && counter() < v->physical_deadline)
		hrtimer_start(&v->physical, until(v->physical_deadline), HRTIMER_MODE_REL_PINNED_HARD);
}

static bool must_stay(struct vcpu *v)
{
	return signal_pending(current) || need_resched() || compat_immediate_exit(v->run) || READ_ONCE(v->vm->ended);
}

/* Interrupts are off: what is to be seen before the guest runs has been seen, or comes as an interrupt that ends the run. */
static u64 run_with_interrupts_off(struct vcpu *v, struct cordon_regs *r)
{
	/*
	 * in_guest is written before what is pending is looked at, under the lock that the others hold when they make
	 * something pending and then read in_guest: one of both sees the other.
	 */
	WRITE_ONCE(v->in_guest, current);
	*r = (struct cordon_regs){ { CORDON_CALL_VCPU_RUN, v->vm->handle, v->index, v->answer,
				     v->value[0], v->value[1], v->value[2], v->value[3] } };
	irq_list(v, &r->x[8]);
	arm_physical(v);
	if (must_stay(v))
		r->x[0] = NOT_ENTERED;
	else
		cordon_hvc(r);
	irq_take_back(v, r->x[0] == CORDON_OK ? &r->x[8] : NULL);
	WRITE_ONCE(v->in_guest, NULL);
	return r->x[0];
}

/*
 * A run leaves the vector registers zero: what the process has in them is saved first, and its return restores it. The
 * tick that ends a run is taken when interrupts are on again, and is still the guest's time.
 */
static u64 enter(struct vcpu *v, struct cordon_regs *r)
{
	struct vectors vectors;
	u64 status;

	update_timers(v);
	vectors_begin(&vectors);
	local_irq_disable();
	vtime_account_guest_enter();
	status = run_with_interrupts_off(v, r);
	local_irq_enable();
	local_irq_disable();
	vtime_account_guest_exit();
	local_irq_enable();
	vectors_end(&vectors);
	if (status != CORDON_OK)
		return status;
	v->has_run = true;
	v->answer = CORDON_ANSWER_NONE;
	v->timer_deadline = r->x[6];
	v->timer_asserted = (r->x[7] & 1) != 0;
	return status;
}

/* ---- waiting ---- */

static int interrupted(struct vcpu *v)
{
	v->run->exit_reason = KVM_EXIT_INTR;
	return -EINTR;
}

/* Until there is an interrupt to take, or the timer fires. That the guest goes on too early is no harm: it waits again. */
static int wait_for_interrupt(struct vcpu *v)
{
	ktime_t limit = KTIME_MAX;

	update_timers(v);
	if (v->timer_deadline != U64_MAX && irq_timer_counts(v, CORDON_TIMER_INTID))
		limit = until(v->timer_deadline);
	if (v->physical_deadline != U64_MAX && irq_timer_counts(v, CORDON_PHYSICAL_TIMER_INTID))
		limit = min(limit, until(v->physical_deadline));
	if (wait_event_interruptible_hrtimeout(v->wait, irq_waiting(v) || READ_ONCE(v->vm->ended), limit) == -ERESTARTSYS)
		return interrupted(v);
	return GO_ON;
}

/* The guest has ended, by what another vCPU did: it is for that one to say. */
static int wait_for_the_end(struct vcpu *v)
{
	wait_event_interruptible(v->wait, false);
	return interrupted(v);
}

/*
 * Whether a vCPU is on is known at Cordon; v->start says that it is worth asking. It is cleared before it is tried: a
 * start that comes in between sets it again.
 */
static int wait_for_start(struct vcpu *v)
{
	if (wait_event_interruptible(v->wait, READ_ONCE(v->start) || READ_ONCE(v->vm->ended)) != 0)
		return interrupted(v);
	WRITE_ONCE(v->start, false);
	return GO_ON;
}

/* ---- exits for user space ---- */

/* It does not run again: the same is said whenever it is tried. */
static int say_last(struct vcpu *v)
{
	struct kvm_run *run = v->run;

	run->exit_reason = v->last;
	if (v->last == KVM_EXIT_SYSTEM_EVENT) {
		memset(&run->system_event, 0, sizeof(run->system_event));
		run->system_event.type = v->last_detail;
		run->system_event.ndata = 1;
		return 0;
	}
	run->internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
	run->internal.ndata = 1;
	run->internal.data[0] = v->last_detail;
	return 0;
}

static int end(struct vcpu *v, u32 reason, u32 detail)
{
	v->last = reason;
	v->last_detail = detail;
	vm_end(v->vm);
	return say_last(v);
}

static int device_to_user(struct vcpu *v, u64 gpa, u64 bytes, bool write, u64 value)
{
	struct kvm_run *run = v->run;

	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = gpa;
	run->mmio.len = bytes;
	run->mmio.is_write = write;
	memset(run->mmio.data, 0, sizeof(run->mmio.data));
	if (write)
		memcpy(run->mmio.data, &value, sizeof(value));
	else
		v->owed = OWED_READ;
	v->owed_bytes = bytes;
	return 0;
}

/* A word of the guest with user space. One that does not know of it answers "not supported" by doing nothing. */
static int call_to_user(struct vcpu *v, const u64 arguments[4])
{
	struct kvm_run *run = v->run;

	run->exit_reason = KVM_EXIT_HYPERCALL;
	memset(&run->hypercall, 0, sizeof(run->hypercall));
	run->hypercall.nr = CORDON_GUEST_HOST;
	for (u32 i = 0; i < 4; i++)
		run->hypercall.args[i] = arguments[i];
	run->hypercall.ret = (u64)CORDON_NOT_SUPPORTED;
	v->owed = OWED_HYPERCALL;
	return 0;
}

/* What user space has made of the exit before. */
static void take_from_user(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	u64 value = 0;

	switch (v->owed) {
	case OWED_NOTHING:
		return;
	case OWED_READ:
		memcpy(&value, run->mmio.data, min_t(u32, v->owed_bytes, sizeof(value)));
		v->value[0] = value;
		break;
	case OWED_HYPERCALL:
		v->value[0] = READ_ONCE(run->hypercall.ret);
		for (u32 i = 1; i < 4; i++)
			v->value[i] = READ_ONCE(run->hypercall.args[i]);
		break;
	}
	v->answer = CORDON_ANSWER_VALUE;
	v->owed = OWED_NOTHING;
}

/* ---- exits ---- */

static int do_memory(struct vcpu *v, u64 gpa)
{
	int ret = memory_fault(v->vm, gpa);

	if (ret == -EINTR)
		return interrupted(v);
	return ret == 0 || ret == -EAGAIN ? GO_ON : ret;
}

static int do_device(struct vcpu *v, u64 gpa, u64 bytes, bool write, u64 value)
{
	bool abort = false;

	if (!dist_access(v, gpa, bytes, write, &value, &abort)) {
		if (write && eventfd_takes(v->vm, gpa, bytes, value))
			return GO_ON;
		return device_to_user(v, gpa, bytes, write, value);
	}
	if (abort) {
		v->answer = CORDON_ANSWER_ABORT;
	} else if (!write) {
		v->answer = CORDON_ANSWER_VALUE;
		v->value[0] = value;
	}
	return GO_ON;
}

static void do_cpu_on(struct vm *vm, u64 index)
{
	if (index >= vm->vcpus)
		return;
	WRITE_ONCE(vm->vcpu[index]->start, true);
	vcpu_kick(vm->vcpu[index]);
}

/* What is started next has no timer on. */
static void do_cpu_off(struct vcpu *v)
{
	WRITE_ONCE(v->on, false);
	v->physical_deadline = U64_MAX;
}

static void do_timer(struct vcpu *v, u64 deadline)
{
	hrtimer_cancel(&v->physical);
	v->physical_deadline = deadline;
	v->has_physical = true;
}

static int handle_exit(struct vcpu *v, const struct cordon_regs *r)
{
	u64 exit = r->x[1];

	if (exit < CORDON_EXITS)
		v->exits[exit]++;
	switch (exit) {
	case CORDON_EXIT_INTERRUPTED: return GO_ON;
	case CORDON_EXIT_MEMORY: return do_memory(v, r->x[2]);
	case CORDON_EXIT_READ: return do_device(v, r->x[2], r->x[3], false, 0);
	case CORDON_EXIT_WRITE: return do_device(v, r->x[2], r->x[3], true, r->x[4]);
	case CORDON_EXIT_WAIT: return wait_for_interrupt(v);
	case CORDON_EXIT_SGI: irq_send_sgi(v->vm, r->x[2], r->x[3]); return GO_ON;
	case CORDON_EXIT_CPU_ON: do_cpu_on(v->vm, r->x[2]); return GO_ON;
	case CORDON_EXIT_CPU_OFF: do_cpu_off(v); return GO_ON;
	case CORDON_EXIT_TIMER: do_timer(v, r->x[2]); return GO_ON;
	case CORDON_EXIT_SYSTEM_OFF: return end(v, KVM_EXIT_SYSTEM_EVENT, KVM_SYSTEM_EVENT_SHUTDOWN);
	case CORDON_EXIT_SYSTEM_RESET: return end(v, KVM_EXIT_SYSTEM_EVENT, KVM_SYSTEM_EVENT_RESET);
	case CORDON_EXIT_HOST_CALL: return call_to_user(v, &r->x[2]);
	case CORDON_EXIT_RELINQUISHED: memory_relinquished(v->vm, r->x[2], r->x[3]); return GO_ON;
	case CORDON_EXIT_FAILED: return end(v, KVM_EXIT_INTERNAL_ERROR, r->x[2]);
	default:
		pr_warn_ratelimited("an exit that is not known: %llu\n", exit);
		return end(v, KVM_EXIT_INTERNAL_ERROR, exit);
	}
}

static int handle_refusal(struct vcpu *v, u64 status)
{
	switch (status) {
	case NOT_ENTERED:
		if (signal_pending(current) || compat_immediate_exit(v->run))
			return interrupted(v);
		return READ_ONCE(v->vm->ended) ? wait_for_the_end(v) : GO_ON;
	case CORDON_AGAIN:
		return GO_ON;
	case CORDON_OFF:
		return wait_for_start(v);
	case CORDON_STATE:		/* another vCPU has just ended it, and has the exit that says how */
		return wait_for_the_end(v);
	case CORDON_INTERRUPT:
		if (irq_refused(v))
			return GO_ON;
		break;
	default:
		break;
	}
	pr_warn_ratelimited("vCPU %u of VM 0x%llx cannot be run: %s\n", v->index, v->vm->handle, el2_word(status));
	return -EIO;
}

/* ---- KVM_RUN ---- */

static int run_once(struct vcpu *v)
{
	struct cordon_regs r;
	u64 status = enter(v, &r);

	if (status == CORDON_OK) {
		WRITE_ONCE(v->on, true);
		eventfd_resample(v->vm);
		return handle_exit(v, &r);
	}
	return handle_refusal(v, status);
}

int run_vcpu(struct vcpu *v)
{
	int ret;

	if (!v->inited)
		return -ENOEXEC;
	take_from_user(v);
	if (v->last != 0)
		return say_last(v);
	if (signal_pending(current) || compat_immediate_exit(v->run))
		return interrupted(v);
	ret = vm_start(v);
	if (ret != 0)
		return ret == -EINTR ? interrupted(v) : ret;
	v->run->exit_reason = KVM_EXIT_UNKNOWN;
	do {
		ret = run_once(v);
		cond_resched();
	} while (ret == GO_ON);
	return ret;
}
