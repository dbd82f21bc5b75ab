/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupts of a vCPU: which ones the host may have it take, and what of them the guest has left. */
#ifndef CORDON_INTERRUPTS_H
#define CORDON_INTERRUPTS_H

#include "guest/exit.h"
#include "guest/vcpu.h"

/* Whether the vCPU may take all that the host lists for a run: what it or its timer did not cause it does not take. */
bool interrupts_fit(const struct cordon *c, const struct vcpu *u, const struct run *r);

/* They become the vCPU's list registers. They fit, and it is claimed. An SGI that is listed is no longer under way. */
void interrupts_take(struct vcpu *u, const struct run *r);

/* What the guest has left of them. Returns the SGIs that it has not taken yet: the host may list them again. */
uint32_t interrupts_give(const struct vcpu *u, struct run *r);

#endif
