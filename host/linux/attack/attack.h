/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A host that has turned against its guests, as a kernel module. Two guests run all the while: the victim, whose memory
 * and registers everything is tried on, and one beside it. After each group of attempts both must be as they were.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include "access.h"
#include "hostile.h"
#include "vm.h"

extern struct attack_vm victim, beside;

/* ---- the table ---- */

/* One line of it in the making: attempts may come from all CPUs. */
struct tally {
	atomic64_t tries, refused;
};

static inline void tally_add(struct tally *t, bool refused)
{
	atomic64_inc(&t->tries);
	if (refused)
		atomic64_inc(&t->refused);
}

/* Says in the log what was not as it must be, the first few times. */
void tally_want(struct tally *t, const char *what, u64 got, u64 wanted);
void tally_report(struct tally *t, const char *attempt, const char *where, const char *answer);

/* ---- the guests ---- */

/* Makes both of them, and their patterns. */
int guests_make(void);
/* While a group goes on, a thread runs the victim. What it did must be right; then all is looked through. */
void guests_run(void);
void guests_check(const char *after);
/* The end of both: all frames come back. */
void guests_end(void);

/* The words that the guests have in their pages from ATTACK_CODE on: these plus the address. */
#define PATTERN 0x70a77e24ull
#define PATTERN_PAGES 9			/* from ATTACK_CODE on they stay; the thread writes the others */

/* ---- the groups ---- */

void attack_pages(void);		/* pages.c: memory, by each way the kernel has */
void attack_frames(void);		/* frames.c: frames that are not the host's to give */
void attack_phases(void);		/* phases.c: handles, phases, indices */
void attack_answers(void);		/* answers.c: answers and runs that were not asked for */
void attack_races(void);		/* races.c: memory that changes between check and use */
void attack_teardown(unsigned long rounds);	/* teardown.c */
void attack_pools(void);		/* pools.c: until nothing is left */
void attack_interrupts(void);		/* interrupts.c */
void attack_grants(void);		/* grants.c */
void attack_registers(void);		/* registers.c: what leaks, what is kept; debug, counters */
void attack_storm(unsigned long rounds, u64 seed);	/* storm.c */
void attack_others(void);		/* others.c: VMs that others run; where it is asked for by name */

/* ---- their attempts at frames and handles of anybody's ---- */

/* Loads, stores, runs at most 32 frames, by each mapping, from all CPUs; pages.c. */
void pages_try(const char *name, const u64 *frame, unsigned int n);
/* Offers a frame to each call that takes one; between a beginning, which may fail, and an end, which tells what is lost. frames.c */
bool frames_begin(void);
void frames_offer(struct tally *t, u64 frame);
unsigned int frames_end(void);
/* Each call with a handle that names no VM; phases.c. */
void handle_try(struct tally *t, u64 h, u64 frame);

/* device.c: memory of the victim's for processes. */
int attack_device_register(void);
void attack_device_unregister(void);

#endif
