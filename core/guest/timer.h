/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's physical timer. There is none behind it: the CPU's is the host's. It counts with the guest's own counter, the host is
 * told when it fires, and lists its interrupt then; that it does not before is checked (interrupts.c).
 */
#ifndef CORDON_TIMER_H
#define CORDON_TIMER_H

#include "guest/exit.h"
#include "guest/vcpu.h"

/* Its registers, in the order of CRm 2's op2. */
enum timer_register { TIMER_VALUE, TIMER_CONTROL, TIMER_COMPARE };

/* What the guest reads. */
uint64_t timer_read(const struct cordon *c, const struct vcpu *u, enum timer_register reg);

/* What it writes; false when the host has to know that it fires at another time, as an exit. */
bool timer_write(const struct cordon *c, struct vcpu *u, enum timer_register reg, uint64_t value, struct run *r);

/* Whether its interrupt is asserted. */
bool timer_fires(const struct cordon *c, const struct vcpu *u);

#endif
