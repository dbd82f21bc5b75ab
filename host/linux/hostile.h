/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A host that has turned against Cordon, as a kernel module: it tries to read, write and run what is not its own, and
 * to confuse every call that there is. Each attempt must be answered by an error or an abort, and the host must live.
 */
#ifndef CORDON_HOSTILE_H
#define CORDON_HOSTILE_H

#include <linux/types.h>

#include "cordon/abi.h"

/* ---- report ---- */

/* One line of the table. tries: how many; refused: how many of them were answered as they must be. */
void report(const char *attempt, const char *where, u64 tries, u64 refused, const char *answer);
/* The last line. */
void report_end(void);

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

/* Runs a function on every CPU at once, and waits for all of them. */
void on_every_cpu(void (*function)(void *), void *argument);

/* ---- the attempts ---- */

int hostile_find_core(void);
void hostile_memory(void);
void hostile_devices(void);
void hostile_registers(void);
void hostile_calls(unsigned long calls);
void hostile_psci(void);

int hostile_die_register(void);
void hostile_die_unregister(void);

/* A physical address within Cordon's memory. */
u64 hostile_core_address(void);

#endif
