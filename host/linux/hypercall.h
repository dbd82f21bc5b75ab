/* SPDX-License-Identifier: GPL-2.0 */
/* Cordon's hypercalls as a kernel module makes them: one instruction, with every register that a call may use. */
#ifndef CORDON_HYPERCALL_H
#define CORDON_HYPERCALL_H

#include <linux/types.h>

#include "cordon/abi.h"

struct cordon_regs {
	u64 x[12];
};

#define CORDON_INSTRUCTION(name, instruction)								\
	static inline void name(struct cordon_regs *r)							\
	{												\
		register u64 x0 asm("x0") = r->x[0];							\
		register u64 x1 asm("x1") = r->x[1];							\
		register u64 x2 asm("x2") = r->x[2];							\
		register u64 x3 asm("x3") = r->x[3];							\
		register u64 x4 asm("x4") = r->x[4];							\
		register u64 x5 asm("x5") = r->x[5];							\
		register u64 x6 asm("x6") = r->x[6];							\
		register u64 x7 asm("x7") = r->x[7];							\
		register u64 x8 asm("x8") = r->x[8];							\
		register u64 x9 asm("x9") = r->x[9];							\
		register u64 x10 asm("x10") = r->x[10];							\
		register u64 x11 asm("x11") = r->x[11];							\
													\
		asm volatile(instruction : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5),	\
			     "+r"(x6), "+r"(x7), "+r"(x8), "+r"(x9), "+r"(x10), "+r"(x11) : : "memory");	\
		*r = (struct cordon_regs){ { x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11 } };	\
	}

/* A call. The function's number is in x[0], and its answer comes there. */
CORDON_INSTRUCTION(cordon_hvc, "hvc #0")
/* The same by SMC: for a first question, where nobody may be at EL2 to take an HVC. */
CORDON_INSTRUCTION(cordon_smc, "smc #0")

#endif
