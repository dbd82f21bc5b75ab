/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the host: Cordon's own by HVC (host_hvc() in trap.h) or SMC, PSCI by SMC. include/cordon/abi.h. */
#ifndef CORDON_HYPERCALL_H
#define CORDON_HYPERCALL_H

#include "cpu.h"

void hypercall_smc(struct regs *r, uint64_t esr);

#endif
