/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the host that make, run and take down virtual machines: decoded, checked, done. <cordon/abi.h>. */
#ifndef CORDON_HYPERCALL_H
#define CORDON_HYPERCALL_H

#include "machine.h"

/* Registers of a call that it may read and write: x0 .. x11. */
#define HYPERCALL_REGS 12

/* False: there is no such call, and nothing has changed. Else x[0] is a status. */
bool hypercall_vm(struct cordon *c, uint64_t x[HYPERCALL_REGS]);

#endif
