// SPDX-License-Identifier: GPL-2.0
/* Calls with every kind of argument, from all CPUs at once. */
#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "hostile.h"
#include "cordon/status.h"

/* All registers that a call may take or must keep go in and come out. */
#define CALL(name, instruction)									\
	void name(struct call *c)								\
	{											\
		register u64 *at asm("x19") = c->x;						\
		asm volatile("ldp x0, x1, [x19]\n ldp x2, x3, [x19, #16]\n ldp x4, x5, [x19, #32]\n"	\
			     "ldp x6, x7, [x19, #48]\n ldp x8, x9, [x19, #64]\n ldp x10, x11, [x19, #80]\n" \
			     "ldp x12, x13, [x19, #96]\n ldp x14, x15, [x19, #112]\n"		\
			     "ldp x16, x17, [x19, #128]\n"					\
			     instruction "\n"							\
			     "stp x0, x1, [x19]\n stp x2, x3, [x19, #16]\n stp x4, x5, [x19, #32]\n"	\
			     "stp x6, x7, [x19, #48]\n stp x8, x9, [x19, #64]\n stp x10, x11, [x19, #80]\n" \
			     "stp x12, x13, [x19, #96]\n stp x14, x15, [x19, #112]\n"		\
			     "stp x16, x17, [x19, #128]\n"					\
			     : "+r"(at) : : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9",	\
			       "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");	\
	}

CALL(call_hvc, "hvc #0")
CALL(call_hvc_immediate, "hvc #0x1234")
CALL(call_smc, "smc #0")
CALL(call_smc_immediate, "smc #1")

struct call cordon_call(u32 function, u64 argument)
{
	struct call c = { .x = { function, argument } };

	call_hvc(&c);
	return c;
}

/* ---- random calls ---- */

struct storm {
	unsigned long calls;
	atomic64_t tries, good;
	atomic_t seed;
};

static u64 value(u64 *state)
{
	static const u64 boundary[] = {
		0, 1, 2, 3, 7, 8, 9, 0xff, 0xfff, 0x1000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x40000, 0x40200,
		1ull << 28, (1ull << 28) - 1, 1ull << 36, (1ull << 36) - 1, 1ull << 47, 1ull << 48, 1ull << 63, ~0ull, ~0ull - 1,
		0x40200000, 0x40400000, 0x08000000,
	};

	switch (random64(state) % 4) {
	case 0: return random64(state);
	case 1: return random64(state) >> (random64(state) % 64);
	default: return boundary[random64(state) % ARRAY_SIZE(boundary)];
	}
}

/* Calls that would end the machine, or this CPU, by the host's own will. */
static bool is_end(u32 function)
{
	switch (function & ~0x40000000u) {
	case 0x84000001: case 0x84000002: case 0x84000003: case 0x84000008: case 0x84000009: case 0x8400000e:
	case 0x84000012: case 0x84000015:
		return true;
	}
	return false;
}

static u64 function_number(u64 *state)
{
	switch (random64(state) % 8) {
	case 0: return value(state);
	case 1: return 0x84000000u + random64(state) % 40;
	case 2: return 0xc4000000u + random64(state) % 40;
	case 3: return 0x8600ff00u + random64(state) % 8;
	case 4: return 0x80000000u + random64(state) % 4;
	default: return 0xc6000000u + random64(state) % 8;
	}
}

/* An answer is a result or an error, and no other register of the convention has changed. */
static bool is_good(const struct call *asked, const struct call *got, bool immediate)
{
	s64 x0 = (s64)got->x[0];
	u32 function = (u32)asked->x[0];

	for (int i = 4; i < 18; i++) {
		if (got->x[i] != asked->x[i])
			return false;
	}
	if (immediate)
		return x0 == CORDON_NOT_SUPPORTED;
	if (function > CORDON_CALL_LAST && function < 0xc7000000u)
		return x0 == CORDON_NOT_SUPPORTED;
	return true;
}

static void storm(void *argument)
{
	struct storm *s = argument;
	u64 state = 0x9e3779b97f4a7c15ull * (atomic_inc_return(&s->seed) + 1);

	for (unsigned long i = 0; i < s->calls; i++) {
		struct call asked, got;
		unsigned int how = random64(&state) % 8;

		for (int k = 0; k < 18; k++)
			asked.x[k] = value(&state);
		asked.x[0] = function_number(&state);
		cond_resched();
		if (is_end((u32)asked.x[0]))
			continue;
		got = asked;
		switch (how) {
		case 0: call_hvc_immediate(&got); break;
		case 1: call_smc_immediate(&got); break;
		case 2: case 3: call_smc(&got); break;
		default: call_hvc(&got); break;
		}
		atomic64_inc(&s->tries);
		if (is_good(&asked, &got, how < 2))
			atomic64_inc(&s->good);
	}
}

static void attempt_boundaries(void)
{
	static const u64 bad_frame[] = { 1ull << 36, (1ull << 36) + 1, 1ull << 48, 1ull << 63, ~0ull };
	static const u64 bad_stat[] = { CORDON_STATS, 1ull << 31, 1ull << 32, 1ull << 63, ~0ull };
	u64 refused = 0;

	for (unsigned int i = 0; i < 5; i++) {
		refused += (s64)cordon_call(CORDON_CALL_MAP, bad_frame[i]).x[0] == CORDON_INVALID;
		refused += (s64)cordon_call(CORDON_CALL_STATISTIC, bad_stat[i]).x[0] == CORDON_INVALID;
	}
	report("arguments beyond their range", "hypercalls", 10, refused, "INVALID");
	refused = (s64)cordon_call(CORDON_CALL_LOG, 1ull << 40).x[0] == 2;
	refused += (s64)cordon_call(CORDON_CALL_LOG, ~0ull).x[0] == 2;
	refused += (s64)cordon_call(CORDON_CALL_FEATURES, CORDON_CALL_LAST + 1).x[0] == CORDON_NOT_SUPPORTED;
	report("records and calls that are not", "hypercalls", 3, refused, "as specified");
}

void hostile_reserved(u64 address)
{
	struct call c = { .x = { CORDON_CALL_VM_CREATE, address >> PAGE_SHIFT, 1 } };

	call_hvc(&c);
	report("memory that the tree reserves", "the roots of a VM", 1, c.x[0] == CORDON_SHARED, "SHARED");
}

void hostile_calls(unsigned long calls)
{
	struct storm s = { .calls = calls };
	struct call uid = cordon_call(CORDON_CALL_UID, 0);
	bool right = uid.x[0] == CORDON_UID_0 && uid.x[1] == CORDON_UID_1 && uid.x[2] == CORDON_UID_2 && uid.x[3] == CORDON_UID_3;

	report("Cordon says who it is", "hypercalls", 1, right, "UID");
	attempt_boundaries();
	on_every_cpu(storm, &s);
	report("random and boundary calls", "all CPUs at once", atomic64_read(&s.tries), atomic64_read(&s.good), "error or result");
}
