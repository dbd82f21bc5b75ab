/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest did when it trapped, decided without the host where that can be. */
#ifndef CORDON_TRAP_H
#define CORDON_TRAP_H

#include "guest/exit.h"
#include "guest/vcpu.h"

/* False: the guest cannot go on before the host has done something, which is in r->exit and r->detail. */
bool vcpu_trap(struct cordon *c, struct vcpu_claim u, const struct trap *t, struct run *r);

#endif
