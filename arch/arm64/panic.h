/* SPDX-License-Identifier: Apache-2.0 */
/* The end, for errors of our own. No input of the host's may lead here. */
#ifndef CORDON_PANIC_H
#define CORDON_PANIC_H

#include "cpu.h"

/* Says what is wrong, where and how it came there, and switches the machine off. */
_Noreturn void panic(const char *text);

/* The same for an exception that was taken at EL2. number: of the vector, 0 .. 15. */
_Noreturn void panic_exception(const struct regs *r, uint64_t number, uint64_t sp);

#endif
