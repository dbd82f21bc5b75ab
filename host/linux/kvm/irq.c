// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts: what is pending and active, and the four at most that a vCPU is given for a run. Cordon keeps the CPU
 * interfaces; a run takes interrupts in and gives back what the guest has left of them. In between they are held by that
 * vCPU, and no other is given them.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitops.h>
#include <linux/interrupt.h>
#include <linux/printk.h>
#include <linux/spinlock.h>

#include "cordon/abi.h"
#include "irq.h"
#include "machine.h"
#include "vcpu.h"

struct irq *irq_find(struct gic *gic, struct vcpu *v, u32 intid)
{
	if (intid < PRIVATE_IRQS)
		return v ? &v->irq[intid] : NULL;
	return intid - PRIVATE_IRQS < gic->spis ? &gic->spi[intid - PRIVATE_IRQS] : NULL;
}

/* ---- who takes it ---- */

static bool targets(const struct irq *irq, u32 index)
{
	return irq->target == (s8)index || irq->target == TARGET_ANY;
}

/* The bits of an interrupt's state that a vCPU is to have; 0: none of its business now. */
static u64 state_for(const struct gic *gic, const struct irq *irq, u32 index)
{
	bool held = irq->holder == (s8)index;
	bool active = irq->active && held;
	bool pending = gic->enabled && irq->enabled && irq_pending(irq);

	if (!held && (irq->holder != HOLDER_NONE || irq->active || !targets(irq, index)))
		return 0;
	if (active && !irq->edge)
		pending = false;	/* a level is looked at again when the guest has ended this one */
	return (active ? CORDON_INTERRUPT_ACTIVE : 0) | (pending ? CORDON_INTERRUPT_PENDING : 0);
}

/* Of all that may take it one that sleeps, or the first. */
static struct vcpu *pick(struct vm *vm)
{
	for (u32 i = 0; i < vm->vcpus; i++) {
		if (READ_ONCE(vm->vcpu[i]->on) && !READ_ONCE(vm->vcpu[i]->in_guest))
			return vm->vcpu[i];
	}
	return vm->vcpu[0];
}

static struct vcpu *taker(struct vm *vm, const struct irq *irq)
{
	if (irq->holder != HOLDER_NONE)
		return vm->vcpu[irq->holder];
	if (irq->target == TARGET_ANY)
		return pick(vm);
	return irq->target >= 0 ? vm->vcpu[irq->target] : NULL;
}

void irq_changed(struct vm *vm, struct vcpu *v, struct irq *irq)
{
	bool busy = irq_pending(irq) || irq->active;
	struct vcpu *who = taker(vm, irq);

	if (irq->intid < PRIVATE_IRQS)
		__assign_bit(irq->intid, &v->busy, busy);
	else
		__assign_bit(irq->intid, vm->gic.busy, busy);
	if (who && (state_for(&vm->gic, irq, who->index) & CORDON_INTERRUPT_PENDING) != 0)
		vcpu_kick(who);
}

void irq_forget(struct vm *vm, struct irq *irq, bool pending, bool active)
{
	struct vcpu *v = irq->holder == HOLDER_NONE ? NULL : vm->vcpu[irq->holder];

	if (!v)
		return;
	for (u32 i = 0; i < CORDON_INTERRUPTS; i++) {
		struct listed *l = &v->listed[i];

		if (l->irq != irq)
			continue;
		if (pending)
			l->latch = false;
		if (active)
			l->irq = NULL;		/* what comes back of it is ignored */
		vcpu_kick(v);
	}
	if (active)
		irq->holder = HOLDER_NONE;
}

/* ---- lines and SGIs ---- */

/* gic->lock is held. */
static void set_line(struct vm *vm, struct vcpu *v, struct irq *irq, bool level)
{
	if (vm->gic.ready && (irq->edge ? level : irq->line != level)) {
		irq->latch = irq->latch || (irq->edge && level);
		irq->line = level;
		irq_changed(vm, v, irq);
	} else {
		irq->line = level;
	}
}

void irq_set_line(struct vm *vm, struct vcpu *v, u32 intid, bool level)
{
	struct gic *gic = &vm->gic;
	unsigned long flags;
	struct irq *irq;

	spin_lock_irqsave(&gic->lock, flags);
	irq = irq_find(gic, v, intid);
	if (irq)
		set_line(vm, v, irq, level);
	spin_unlock_irqrestore(&gic->lock, flags);
}

void irq_send_sgi(struct vm *vm, u64 targets_mask, u32 intid)
{
	struct gic *gic = &vm->gic;
	unsigned long flags;

	if (intid >= SGIS)
		return;
	spin_lock_irqsave(&gic->lock, flags);
	for (u32 i = 0; i < vm->vcpus; i++) {
		struct vcpu *v = vm->vcpu[i];

		if ((targets_mask >> i & 1) == 0)
			continue;
		v->irq[intid].latch = true;
		irq_changed(vm, v, &v->irq[intid]);
	}
	spin_unlock_irqrestore(&gic->lock, flags);
}

/* ---- ends that are heard of ---- */

void irq_raise_until_end(struct vm *vm, u32 intid)
{
	unsigned long flags;
	struct irq *irq;

	spin_lock_irqsave(&vm->gic.lock, flags);
	irq = irq_find(&vm->gic, NULL, intid);
	if (irq) {
		irq->resample = true;
		set_line(vm, NULL, irq, true);
	}
	spin_unlock_irqrestore(&vm->gic.lock, flags);
}

/* gic->lock is held. Whoever raised it says anew whether it is up. */
static void ended(struct gic *gic, struct irq *irq)
{
	irq->line = false;
	irq->resample = false;
	set_bit(irq->intid, gic->ended);
	WRITE_ONCE(gic->any_ended, true);
}

bool irq_any_ended(const struct vm *vm)
{
	return READ_ONCE(vm->gic.any_ended);
}

bool irq_take_ended(struct vm *vm, u32 intid)
{
	return intid < IRQS_LIMIT && test_and_clear_bit(intid, vm->gic.ended);
}

/* ---- lines of the host's behind SPIs ---- */

void irq_host_line_begin(struct vm *vm, struct host_line *l)
{
	unsigned long flags;

	spin_lock_irqsave(&vm->gic.lock, flags);
	irq_find(&vm->gic, NULL, l->intid)->host = l;
	spin_unlock_irqrestore(&vm->gic.lock, flags);
}

void irq_host_line_up(struct vm *vm, struct host_line *l)
{
	unsigned long flags;

	spin_lock_irqsave(&vm->gic.lock, flags);
	if (!l->masked) {
		l->masked = true;
		disable_irq_nosync(l->number);
	}
	set_line(vm, NULL, irq_find(&vm->gic, NULL, l->intid), true);
	spin_unlock_irqrestore(&vm->gic.lock, flags);
}

/* gic->lock is held. If the line is still up, it is seen again at once. */
static void host_line_down(struct irq *irq)
{
	irq->line = false;
	if (irq->host->masked) {
		irq->host->masked = false;
		enable_irq(irq->host->number);
	}
}

void irq_host_line_end(struct vm *vm, struct host_line *l)
{
	struct irq *irq = irq_find(&vm->gic, NULL, l->intid);
	unsigned long flags;

	spin_lock_irqsave(&vm->gic.lock, flags);
	host_line_down(irq);
	irq->host = NULL;
	spin_unlock_irqrestore(&vm->gic.lock, flags);
}

/* ---- what a vCPU is given ---- */

struct choice {
	struct irq *irq;
	u64 state;
};

/* Active ones first, as the guest's end of one has to find it; then by priority. */
static bool comes_before(const struct choice *a, const struct choice *b)
{
	bool active = (a->state & CORDON_INTERRUPT_ACTIVE) != 0;
	bool other = (b->state & CORDON_INTERRUPT_ACTIVE) != 0;

	if (active != other)
		return active;
	return a->irq->priority < b->irq->priority;
}

/* Keeps the first CORDON_INTERRUPTS, in order. Equal ones stay in the order of their numbers. */
static void insert(struct choice *list, u32 *n, struct choice c)
{
	u32 at = *n;

	while (at > 0 && comes_before(&c, &list[at - 1]))
		at--;
	if (at == CORDON_INTERRUPTS)
		return;
	if (*n < CORDON_INTERRUPTS)
		(*n)++;
	for (u32 i = *n - 1; i > at; i--)
		list[i] = list[i - 1];
	list[at] = c;
}

static void consider(struct gic *gic, struct irq *irq, struct vcpu *v, struct choice *list, u32 *n)
{
	u64 state = state_for(gic, irq, v->index);

	if (state != 0)
		insert(list, n, (struct choice){ irq, state });
}

static u32 choose(struct gic *gic, struct vcpu *v, struct choice list[CORDON_INTERRUPTS])
{
	unsigned long bit;
	u32 n = 0;

	if (!gic->ready)
		return 0;
	for_each_set_bit(bit, &v->busy, PRIVATE_IRQS)
		consider(gic, &v->irq[bit], v, list, &n);
	for_each_set_bit(bit, gic->busy, PRIVATE_IRQS + gic->spis)
		consider(gic, &gic->spi[bit - PRIVATE_IRQS], v, list, &n);
	return n;
}

/* Only one pending interrupt is left, if Cordon did not take several: it says then which one it does not take. */
static void be_careful(struct choice *list, u32 *n)
{
	bool seen = false;
	u32 kept = 0;

	for (u32 i = 0; i < *n; i++) {
		struct choice c = list[i];

		if (seen)
			c.state &= ~CORDON_INTERRUPT_PENDING;
		seen = seen || (c.state & CORDON_INTERRUPT_PENDING) != 0;
		if (c.state != 0)
			list[kept++] = c;
	}
	*n = kept;
}

static u64 list_one(struct vcpu *v, struct listed *l, const struct choice *c)
{
	struct irq *irq = c->irq;

	*l = (struct listed){ .irq = irq, .pending = (c->state & CORDON_INTERRUPT_PENDING) != 0 };
	if (l->pending) {
		l->latch = irq->latch;
		irq->latch = false;	/* an edge from here on is a new one */
	}
	irq->holder = v->index;
	return c->state | CORDON_INTERRUPT_GROUP1 | (u64)irq->priority << CORDON_INTERRUPT_PRIORITY_SHIFT | irq->intid;
}

void irq_list(struct vcpu *v, u64 words[CORDON_INTERRUPTS])
{
	struct gic *gic = &v->vm->gic;
	struct choice list[CORDON_INTERRUPTS];
	unsigned long flags;
	u32 n;

	spin_lock_irqsave(&gic->lock, flags);
	n = choose(gic, v, list);
	if (v->careful)
		be_careful(list, &n);
	for (u32 i = 0; i < n; i++)
		words[i] = list_one(v, &v->listed[i], &list[i]);
	for (u32 i = n; i < CORDON_INTERRUPTS; i++) {
		v->listed[i] = (struct listed){ .irq = NULL };
		words[i] = 0;
	}
	spin_unlock_irqrestore(&gic->lock, flags);
}

/* What is no longer pending was taken by the guest. Without a run all is as it was. */
static void take_one(struct vcpu *v, struct listed *l, const u64 *word)
{
	struct irq *irq = l->irq;
	bool pending = word ? (*word & CORDON_INTERRUPT_PENDING) != 0 : l->pending;

	if (!irq)
		return;
	if (word)
		irq->active = (*word & CORDON_INTERRUPT_ACTIVE) != 0;
	if (word && irq->host && !pending && !irq->active)
		host_line_down(irq);	/* the guest has ended it */
	if (word && irq->resample && !pending && !irq->active)
		ended(&v->vm->gic, irq);
	if (pending && l->latch)
		irq->latch = true;
	irq->holder = irq->active ? v->index : HOLDER_NONE;
	if (targets(irq, v->index) || irq->active)
		__assign_bit(irq->intid, irq->intid < PRIVATE_IRQS ? &v->busy : v->vm->gic.busy,
			     irq_pending(irq) || irq->active);
	else
		irq_changed(v->vm, v, irq);	/* routed elsewhere in the meantime */
}

void irq_take_back(struct vcpu *v, const u64 *words)
{
	struct gic *gic = &v->vm->gic;
	unsigned long flags;

	spin_lock_irqsave(&gic->lock, flags);
	for (u32 i = 0; i < CORDON_INTERRUPTS; i++)
		take_one(v, &v->listed[i], words ? &words[i] : NULL);
	if (words)
		v->careful = false;
	spin_unlock_irqrestore(&gic->lock, flags);
}

/* ---- refusals ---- */

/* The timer's is offered on the strength of its deadline alone, so it may be early. Others are not refused in good order. */
static void drop(struct vcpu *v, struct irq *irq)
{
	if (irq->intid == CORDON_TIMER_INTID) {
		v->timer_asserted = false;
		v->timer_deadline = U64_MAX;
	} else if (irq->intid == CORDON_PHYSICAL_TIMER_INTID) {
		v->physical_deadline = U64_MAX;
	} else {
		pr_warn_ratelimited("interrupt %u of vCPU %u was refused, and is dropped\n", irq->intid, v->index);
	}
	irq->latch = false;
	irq->line = false;
	irq_changed(v->vm, v, irq);
}

bool irq_refused(struct vcpu *v)
{
	struct gic *gic = &v->vm->gic;
	struct irq *only = NULL;
	unsigned long flags;
	u32 n = 0;

	spin_lock_irqsave(&gic->lock, flags);
	for (u32 i = 0; i < CORDON_INTERRUPTS; i++) {
		if (v->listed[i].irq && v->listed[i].pending) {
			only = v->listed[i].irq;
			n++;
		}
	}
	if (n == 1)
		drop(v, only);
	v->careful = n > 1;
	spin_unlock_irqrestore(&gic->lock, flags);
	return n > 0;
}

/* ---- waiting ---- */

bool irq_waiting(struct vcpu *v)
{
	struct gic *gic = &v->vm->gic;
	struct choice list[CORDON_INTERRUPTS];
	bool found = false;
	unsigned long flags;
	u32 n;

	spin_lock_irqsave(&gic->lock, flags);
	n = choose(gic, v, list);
	for (u32 i = 0; i < n; i++)
		found = found || (list[i].state & CORDON_INTERRUPT_PENDING) != 0;
	spin_unlock_irqrestore(&gic->lock, flags);
	return found;
}

bool irq_timer_counts(struct vcpu *v, u32 intid)
{
	struct gic *gic = &v->vm->gic;
	struct irq *irq = &v->irq[intid];
	unsigned long flags;
	bool counts;

	spin_lock_irqsave(&gic->lock, flags);
	counts = gic->ready && gic->enabled && irq->enabled && !irq->active;
	spin_unlock_irqrestore(&gic->lock, flags);
	return counts;
}
