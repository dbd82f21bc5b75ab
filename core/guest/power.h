/* SPDX-License-Identifier: Apache-2.0 */
/* What the vCPUs of a guest do to each other: PSCI and SGIs. */
#ifndef CORDON_POWER_H
#define CORDON_POWER_H

#include "guest/exit.h"
#include "guest/vcpu.h"

/* The guest's PSCI, or nothing of the kind: *known says. */
bool vcpu_power_call(struct cordon *c, struct vcpu_claim u, struct run *r, bool *known);

/* SGIs are sent to vCPUs of the VM; the host has to deliver them. */
bool vcpu_send_sgi(struct cordon *c, struct vcpu_claim u, uint64_t value, struct run *r);

#endif
