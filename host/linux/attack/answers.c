// SPDX-License-Identifier: GPL-2.0
/* Answers that no exit has asked for, and runs of one vCPU by several CPUs at once. */
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "attack.h"

static struct attack_vm toy;

#define SECRET 0x5ec2e75ec2e70000ull
#define MISSING 20		/* a page of the guest's that is not there yet */
#define GIVEN 10		/* one that it gives back */
#define TRNG_RND64 0xc4000053u

/* How each kind of exit is brought about, and which answers it takes: bit n stands for enum cordon_answer n. */
static const struct {
	const char *name;
	enum attack_way way;
	u64 argument;
	u64 exit;
	unsigned int takes;
} kind[] = {
	{ "call to the host", WAY_HOST, 0, CORDON_EXIT_HOST_CALL, 2 },
	{ "device read", WAY_READ, ATTACK_DEVICE, CORDON_EXIT_READ, 6 },
	{ "device write", WAY_WRITE, ATTACK_DEVICE, CORDON_EXIT_WRITE, 5 },
	{ "memory", WAY_READ, ATTACK_BASE + MISSING * 4096, CORDON_EXIT_MEMORY, 1 },
	{ "waits for an interrupt", WAY_WAIT, 0, CORDON_EXIT_WAIT, 1 },
	{ "sent an SGI", WAY_SGI, 3 << 24 | 2, CORDON_EXIT_SGI, 1 },
	{ "gave memory back", WAY_RELINQUISH, ATTACK_BASE + GIVEN * 4096, CORDON_EXIT_RELINQUISHED, 1 },
	{ "suspended", WAY_SUSPEND, 0, CORDON_EXIT_WAIT, 1 },
	{ "interrupted", WAY_SPIN, 30000000, CORDON_EXIT_INTERRUPTED, 1 },
	{ "started a vCPU", WAY_CPU_ON, 0, CORDON_EXIT_CPU_ON, 1 },
};

static const u64 junk[4] = { 0xbad0bad0bad0bad0ull, 0xbad1bad1bad1bad1ull, 0xbad2bad2bad2bad2ull, 0xbad3bad3bad3bad3ull };

/* Brings an exit about: the first one, also when it is an interruption. */
static bool come_out(unsigned int k, struct attack_run *r)
{
	const u64 command[4] = { DO_REGISTERS, SECRET, kind[k].way, kind[k].argument };

	vm_run(&toy, 0, CORDON_ANSWER_VALUE, command, NULL, r);
	while (r->status == CORDON_OK && r->exit == CORDON_EXIT_INTERRUPTED && kind[k].exit != CORDON_EXIT_INTERRUPTED)
		vm_run(&toy, 0, CORDON_ANSWER_NONE, NULL, NULL, r);
	return r->status == CORDON_OK && r->exit == kind[k].exit;
}

/* Goes on with an answer that is right, and has the guest say how many of its registers are wrong. */
static bool goes_on(unsigned int k, struct attack_run *r)
{
	u64 answer = kind[k].takes & 1 ? CORDON_ANSWER_NONE : CORDON_ANSWER_VALUE;

	if (kind[k].exit == CORDON_EXIT_MEMORY && vm_map_page(&toy, MISSING) != CORDON_OK)
		return false;
	vm_run(&toy, 0, answer, junk, NULL, r);
	if (r->status == CORDON_OK && r->exit == CORDON_EXIT_INTERRUPTED)
		vm_go_on(&toy, 0, r);
	return r->status == CORDON_OK && r->exit == CORDON_EXIT_HOST_CALL && r->detail[0] == 0;
}

static void attempt_kind(unsigned int k)
{
	static const u64 answer[] = { 0, 1, 2, 3, 4, 0x100, 1ull << 32, 1ull << 32 | 1, 1ull << 32 | 2, 1ull << 63, ~0ull };
	struct tally t = { 0 }, whole = { 0 };
	struct attack_run r;

	tally_add(&whole, come_out(k, &r));
	for (unsigned int i = 0; i < ARRAY_SIZE(answer); i++) {
		if (answer[i] < 3 && (kind[k].takes >> answer[i] & 1) != 0)
			continue;
		vm_run(&toy, 0, answer[i], junk, NULL, &r);
		tally_want(&t, kind[k].name, r.status, CORDON_ANSWER);
	}
	tally_add(&whole, goes_on(k, &r));
	tally_report(&t, "answers that it did not ask for", kind[k].name, "ANSWER");
	tally_report(&whole, "the guest goes on as it was", kind[k].name, "registers kept");
}

/* An access that the host answers with an abort meets one, and does nothing else. */
static void attempt_aborts(void)
{
	struct tally t = { 0 };
	struct attack_run r;

	for (unsigned int k = 0; k < 2; k++) {
		vm_begin(&toy, 0, k == 1 ? DO_STORE : DO_LOAD, ATTACK_DEVICE, 1, 0, &r);
		vm_run(&toy, 0, CORDON_ANSWER_ABORT, junk, NULL, &r);
		if (r.status == CORDON_OK && r.exit == CORDON_EXIT_INTERRUPTED)
			vm_go_on(&toy, 0, &r);
		tally_want(&t, "what the guest met", r.detail[0], 0xdead0025);
		tally_want(&t, "where it met it", r.detail[1], ATTACK_DEVICE);
	}
	tally_report(&t, "aborts where the host may give one", "device read, device write", "in the guest");
}

/* ---- random numbers ---- */

#define DRAWS 128

struct draws {
	struct tally tally;
	struct mutex turn;
	unsigned int n;
	u64 word[DRAWS][3];
};

static bool is_new(const struct draws *d, const u64 word[3])
{
	for (unsigned int i = 0; i < d->n; i++) {
		for (unsigned int k = 0; k < 9; k++) {
			if (d->word[i][k / 3] == word[k % 3])
				return false;
		}
	}
	return true;
}

/* The guest draws on this CPU, twice. */
static void draw(void *argument)
{
	struct draws *d = argument;
	struct attack_run r;

	mutex_lock(&d->turn);
	for (unsigned int i = 0; i < 2 && d->n < DRAWS; i++) {
		bool done = vm_do(&toy, 0, DO_CALL, TRNG_RND64, 192, 0, &r);

		/* A machine where they could be guessed has none, on no CPU. */
		if (done && d->n == 0 && (s64)r.detail[0] == CORDON_NOT_SUPPORTED) {
			tally_add(&d->tally, true);
			continue;
		}
		tally_add(&d->tally, done && r.detail[0] == 0 && is_new(d, &r.detail[1]));
		memcpy(d->word[d->n++], &r.detail[1], 24);
	}
	mutex_unlock(&d->turn);
}

static void attempt_random(void)
{
	struct draws *d = kzalloc(sizeof(*d), GFP_KERNEL);

	if (!d) {
		not_tried("no memory");
		return;
	}
	mutex_init(&d->turn);
	on_every_cpu(draw, d);
	tally_report(&d->tally, "random numbers that were there before", "a guest on each CPU", "other ones");
	kfree(d);
}

/* ---- power ---- */

static void attempt_off(void)
{
	const u64 off[4] = { DO_REGISTERS, SECRET, WAY_OFF, 0x84000002 };
	struct tally t = { 0 };
	struct attack_run r;

	/* vCPU 1 was started above, and is at its first instruction. */
	vm_go_on(&toy, 1, &r);
	tally_want(&t, "first exit of vCPU 1", r.exit, CORDON_EXIT_HOST_CALL);
	vm_run(&toy, 1, CORDON_ANSWER_VALUE, off, NULL, &r);
	while (r.status == CORDON_OK && r.exit == CORDON_EXIT_INTERRUPTED)
		vm_run(&toy, 1, CORDON_ANSWER_NONE, NULL, NULL, &r);
	tally_want(&t, "it switches itself off", r.exit, CORDON_EXIT_CPU_OFF);
	for (unsigned int i = 0; i < 3; i++) {
		vm_run(&toy, 1, i, junk, NULL, &r);
		tally_want(&t, "a run of a vCPU that is off", r.status, CORDON_OFF);
	}
	tally_report(&t, "runs of a vCPU that is off", "all answers", "OFF");
}

/* ---- at once ---- */

struct both {
	struct tally tally;
	atomic_t running;
	unsigned int rounds;
};

static void run_at_once(void *argument)
{
	struct both *b = argument;

	for (unsigned int i = 0; i < b->rounds; i++) {
		struct attack_run r;

		vm_run(&toy, 0, CORDON_ANSWER_NONE, NULL, NULL, &r);
		if (r.status == CORDON_RUNNING)
			atomic_inc(&b->running);
		tally_add(&b->tally, r.status == CORDON_RUNNING || (r.status == CORDON_OK && r.exit == CORDON_EXIT_INTERRUPTED));
		cond_resched();
	}
}

static void attempt_at_once(void)
{
	const u64 spin[4] = { DO_SPIN };
	struct both b = { .rounds = 40 };
	struct attack_run r;

	vm_run(&toy, 0, CORDON_ANSWER_VALUE, spin, NULL, &r);
	on_every_cpu(run_at_once, &b);
	if (num_online_cpus() > 1)
		tally_add(&b.tally, atomic_read(&b.running) > 0);
	tally_report(&b.tally, "one vCPU run by all CPUs at once", "a guest that spins", "RUNNING");
}

void attack_answers(void)
{
	struct tally t = { 0 };
	struct attack_run r;

	if (vm_load(&toy) != 0)
		return;
	vm_run(&toy, 0, CORDON_ANSWER_NONE, NULL, NULL, &r);
	tally_want(&t, "a run before the start", r.status, CORDON_STATE);
	tally_want(&t, "start", vm_start(&toy), CORDON_OK);
	vm_run(&toy, 0, CORDON_ANSWER_VALUE, junk, NULL, &r);
	tally_want(&t, "an answer to nothing", r.status, CORDON_ANSWER);
	vm_go_on(&toy, 0, &r);
	tally_want(&t, "what vCPU 0 begins with", r.detail[0], ATTACK_X0);
	for (unsigned int k = 0; k < ARRAY_SIZE(kind); k++)
		attempt_kind(k);
	attempt_aborts();
	attempt_random();
	attempt_off();
	attempt_at_once();
	tally_want(&t, "stop", vm_call(CORDON_CALL_VM_STOP, toy.handle, 0, 0, 0), CORDON_OK);
	vm_run(&toy, 0, CORDON_ANSWER_NONE, NULL, NULL, &r);
	tally_want(&t, "a run after the end", r.status, CORDON_STATE);
	tally_want(&t, "pages that do not come back", vm_end(&toy), 0);
	tally_report(&t, "runs before the start, after the end", "VCPU_RUN", "STATE");
}
