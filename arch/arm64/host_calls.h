/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the host: Cordon's own by HVC or SMC, PSCI by SMC. include/cordon/abi.h. */
#ifndef CORDON_HOST_CALLS_H
#define CORDON_HOST_CALLS_H

#include "cpu.h"

/* Called by the vectors. */
void host_hvc(struct regs *r, uint64_t esr);

void hypercall_smc(struct regs *r, uint64_t esr);

#endif
