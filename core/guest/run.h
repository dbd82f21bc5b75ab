/* SPDX-License-Identifier: Apache-2.0 */
/* The run of a vCPU, from a call of the host to an exit. */
#ifndef CORDON_RUN_H
#define CORDON_RUN_H

#include "guest/exit.h"
#include "guest/vcpu.h"

/*
 * Runs a vCPU of a VM that is RUNNING until something is the host's to do. See CORDON_CALL_VCPU_RUN for refusals.
 * NO_VM, STATE, NO_VCPU, RUNNING, OFF, ANSWER, INTERRUPT: in this order of check.
 */
enum cordon_status vcpu_run(struct cordon *c, vmid_t vm, struct run *r);

#endif
