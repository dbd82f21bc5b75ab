/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A host that has turned against Cordon, as a kernel module: it tries to read, write and run what is not its own, and
 * to confuse every call that there is. Each attempt must be answered by an error or an abort, and the host must live.
 */
#ifndef CORDON_HOSTILE_H
#define CORDON_HOSTILE_H

#include <linux/types.h>

#include "compat.h"
#include "cordon/abi.h"

/* ---- report ---- */

/* One line of the table. tries: how many; refused: how many of them were answered as they must be. */
void report(const char *attempt, const char *where, u64 tries, u64 refused, const char *answer);
/* An attempt that cannot be made, by what stands in its way: neither refused nor a breach. The next line of the table fails. */
void not_tried(const char *why);
/* The last line. */
void report_end(void);

/* ---- on all CPUs at once, and what the kernel would die of: hostile_common.c ---- */

/* Runs a function on every CPU at once, and waits for all of them. */
void on_every_cpu(void (*function)(void *), void *argument);

/* The next of a sequence of numbers that depends on *state alone, which is not 0. */
u64 random64(u64 *state);

int hostile_die_register(void);
void hostile_die_unregister(void);

/* Jumps to an address; true when that ended in an abort. */
bool run_at(void *address);

/* The entry of the kernel's own tables at a level, 0 to 3 (or -1), for one of its addresses; NULL: it has no table there. */
u64 *kernel_entry(void *va, int level);

/* The kernel maps no device executable: its own table is changed behind its back. False: it could not be. */
bool make_executable(void *va);

/* Stores to an address; true when that ended in EFAULT. */
bool write_fails(void *va);

/* Whether an instruction, or a few that use x0 and x9 .. x11 alone, was answered by an exception. x0 is x_ before. */
#define REFUSED_WITH(instruction, x_) ({							\
	register u64 died asm("x11") = 0;							\
	register u64 x0 asm("x0") = (u64)(x_);							\
	asm volatile("mov x9, #0xc0de\n"							\
		     "adr x10, 1f\n"								\
		     instruction "\n"								\
		     "1: mov x9, xzr\n"								\
		     : "+r"(died), "+r"(x0) : : "x9", "x10", "memory");				\
	died == 1;										\
})
#define REFUSED(instruction) REFUSED_WITH(instruction, 0)

/* ---- calls ---- */

struct call {
	u64 x[18];
};

void call_hvc(struct call *c);
void call_hvc_immediate(struct call *c);
void call_smc(struct call *c);
void call_smc_immediate(struct call *c);

/* One of Cordon's calls with one argument. */
struct call cordon_call(u32 function, u64 argument);

/* ---- the attempts ---- */

int hostile_find_core(void);
void hostile_memory(void);
void hostile_devices(void);
void hostile_registers(void);
void hostile_calls(unsigned long calls);
void hostile_reserved(u64 address);
void hostile_psci(void);

/* A physical address within Cordon's memory. */
u64 hostile_core_address(void);

#endif
