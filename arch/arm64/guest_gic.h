/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual timer and the virtual CPU interface of this CPU, which a guest has while it runs. */
#ifndef CORDON_GUEST_GIC_H
#define CORDON_GUEST_GIC_H

#include "cpu.h"

#define CNT_ENABLE UINT64_C(1)
#define CNT_IMASK UINT64_C(2)
#define CNT_ISTATUS UINT64_C(4)

/* Finds the frame of this CPU's SGIs and PPIs, and what its interrupt interface has, and empties that. */
void gic_set_up(struct cpu *cpu);

void timer_load(const struct vcpu *u);
void timer_save(struct vcpu *u);
void vgic_load(const struct vcpu *u);
void vgic_save(struct vcpu *u);

#endif
