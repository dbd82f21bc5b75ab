/* SPDX-License-Identifier: Apache-2.0 */
/* What the host is answered when it traps. Called by the vectors. */
#ifndef CORDON_TRAP_H
#define CORDON_TRAP_H

#include "cpu.h"

void host_sync(struct regs *r, uint64_t esr);

#endif
