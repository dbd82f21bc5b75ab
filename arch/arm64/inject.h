/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions at EL1 that the hardware did not raise: whose EL1 registers are on this CPU finds itself in its handler. */
#ifndef CORDON_INJECT_H
#define CORDON_INJECT_H

#include <stdbool.h>
#include <stdint.h>

/* The host's access is refused, as if by the hardware. */
void inject_abort(uint64_t esr);
/* The same for an instruction that this machine does not have. */
void inject_undefined(void);

/* A guest's, whose PC and PSTATE are where the caller says. */
void inject_external(uint64_t esr, uint64_t far, uint64_t *pc, uint64_t *psr);
void inject_unknown(uint64_t *pc, uint64_t *psr);

/* Whether an instruction abort at pc would be taken to pc itself, or near it, again and again. */
bool inject_would_repeat(uint64_t pc, uint64_t psr);

#endif
