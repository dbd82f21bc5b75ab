/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's calls: HVC and SMC. */
#ifndef CORDON_CALL_H
#define CORDON_CALL_H

#include "guest/exit.h"
#include "guest/vcpu.h"

/* Does one; PC is behind the instruction. False: the guest cannot go on before the host has done something. */
bool vcpu_call(struct cordon *c, struct vcpu_claim u, struct run *r);

#endif
