/* SPDX-License-Identifier: Apache-2.0 */
/* What the host is answered when it traps. Called by the vectors. */
#ifndef CORDON_TRAP_H
#define CORDON_TRAP_H

#include "cpu.h"

void host_hvc(struct regs *r, uint64_t esr);
void host_sync(struct regs *r, uint64_t esr);

/* The host finds itself in its own exception handler, as if the hardware had refused the access. */
void inject_abort(uint64_t esr);
/* The same for an instruction that this machine does not have. */
void inject_undefined(void);

#endif
