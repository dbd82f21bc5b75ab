/* SPDX-License-Identifier: Apache-2.0 */
/* Guests at EL2: the parts of the switch that have files of their own. */
#ifndef CORDON_GUEST_H
#define CORDON_GUEST_H

#include "arch_guest.h"
#include "sysreg.h"

#define CNT_ENABLE UINT64_C(1)
#define CNT_IMASK UINT64_C(2)
#define CNT_ISTATUS UINT64_C(4)

/* guest_entry.S: runs the guest until it traps; which enum trap_kind it was. Its registers are in u again. */
uint64_t guest_resume(struct vcpu *u);

/* EL1's registers. Loading leaves TCR_EL1 as it is, which keeps walks off until all others are there. */
void el1_save(struct el1 *e);
void el1_load(const struct el1 *e);

/* Vector registers; afterwards all are zero. */
void vectors_save(struct arch_vcpu *a);
void vectors_load(const struct arch_vcpu *a);

/* guest_gic.c: the virtual timer and the virtual CPU interface of this CPU. */
void timer_load(const struct vcpu *u);
void timer_save(struct vcpu *u);
void vgic_load(const struct vcpu *u);
void vgic_save(struct vcpu *u);

#endif
