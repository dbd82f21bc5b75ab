/* SPDX-License-Identifier: Apache-2.0 */
/* Into a guest and out of it; and the registers that the switch exchanges in one go. */
#ifndef CORDON_GUEST_ENTRY_H
#define CORDON_GUEST_ENTRY_H

#include "arch_guest.h"

/* The vectors while a guest runs: a set for each enum entry_step. */
extern const char guest_vectors[], guest_vectors_loop[], guest_vectors_clear[], guest_vectors_firmware[];

/* Runs the guest until it traps; which enum trap_kind it was. Its registers are in u again. */
uint64_t guest_resume(struct vcpu *u);

/* EL1's registers. Loading leaves TCR_EL1 as it is, which keeps walks off until all others are there. */
void el1_save(struct el1 *e);
void el1_load(const struct el1 *e);

/* Vector registers; afterwards all are zero. */
void vectors_save(struct arch_vcpu *a);
void vectors_load(const struct arch_vcpu *a);

#endif
