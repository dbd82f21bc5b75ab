/* SPDX-License-Identifier: GPL-2.0 */
/* Interrupts: what is pending, and what a vCPU is given of it. */
#ifndef CORDON_KVM_IRQ_H
#define CORDON_KVM_IRQ_H

#include <linux/types.h>

#include "cordon/abi.h"
#include "interrupt.h"

struct vcpu;
struct vm;

/* ---- gic->lock is held ---- */

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

/* ---- these take gic->lock ---- */

/* The level of a line; v: as above. */
void irq_set_line(struct vm *vm, struct vcpu *v, u32 intid, bool level);
/* Up until the guest has ended it: then irq_take_ended() finds it once. */
void irq_raise_until_end(struct vm *vm, u32 intid);
bool irq_any_ended(const struct vm *vm);
bool irq_take_ended(struct vm *vm, u32 intid);
/*
 * A line of the host's that is up, by its handler: the host masks it, and the SPI is up until the guest has ended it. It belongs to the
 * SPI from its beginning to its end, after which nothing is masked; the SPI is there.
 */
void irq_host_line_begin(struct vm *vm, struct host_line *l);
void irq_host_line_up(struct vm *vm, struct host_line *l);
void irq_host_line_end(struct vm *vm, struct host_line *l);
/* To the vCPUs whose bits are set. */
void irq_send_sgi(struct vm *vm, u64 targets, u32 intid);
/* Whether the vCPU has an interrupt to take. */
bool irq_waiting(struct vcpu *v);
/* Whether that of one of its timers would be one. */
bool irq_timer_counts(struct vcpu *v, u32 intid);
/* Before and after a run, with interrupts off. words: NULL: it has not run. */
void irq_list(struct vcpu *v, u64 words[CORDON_INTERRUPTS]);
void irq_take_back(struct vcpu *v, const u64 *words);
/* Cordon has refused what was listed. False: nothing is left that could be the reason. */
bool irq_refused(struct vcpu *v);

#endif
