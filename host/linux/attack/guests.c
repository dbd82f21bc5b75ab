// SPDX-License-Identifier: GPL-2.0
/* The two guests that live through all attempts, and what is checked of them. */
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "attack.h"

struct attack_vm victim, beside;

/* ---- the table ---- */

void tally_want(struct tally *t, const char *what, u64 got, u64 wanted)
{
	static atomic_t said = ATOMIC_INIT(0);

	tally_add(t, got == wanted);
	if (got != wanted && atomic_inc_return(&said) <= 40)
		pr_emerg("hostile: %s: %llu (0x%llx), not %llu\n", what, got, got, wanted);
}

void tally_report(struct tally *t, const char *attempt, const char *where, const char *answer)
{
	report(attempt, where, atomic64_read(&t->tries), atomic64_read(&t->refused), answer);
}

/* ---- patterns ---- */

static u64 words_of(unsigned int pages)
{
	return pages * PAGE_SIZE / 8;
}

static bool fill(struct attack_vm *vm, unsigned int page, unsigned int pages, u64 seed)
{
	struct attack_run r;

	return vm_do(vm, 0, DO_FILL, guest_address(page), words_of(pages), seed, &r);
}

static bool finds(struct attack_vm *vm, unsigned int page, unsigned int pages, u64 seed)
{
	struct attack_run r;

	return vm_do(vm, 0, DO_CHECK, guest_address(page), words_of(pages), seed, &r) && r.detail[0] == 0;
}

/* The registers that the guest has now, after the host has done whatever it did: filled, and looked at after an exit. */
static bool keeps_registers(struct attack_vm *vm)
{
	struct attack_run r;
	bool good = vm_do(vm, 0, DO_REGISTERS, 0x1122334455667788ull, WAY_HOST, 0, &r) && r.detail[0] == 0x99;

	return good && vm_do(vm, 0, DO_LOAD, guest_address(0), 0, 0, &r) && vm_do(vm, 0, DO_CHECK_SYSTEM, PATTERN, 0, 0, &r) &&
	       r.detail[0] == 0;
}

/* ---- the thread that runs the victim ---- */

static struct task_struct *runner;
static u64 turns, wrong;

static int run_victim(void *unused)
{
	u64 seed = 1;

	while (!kthread_should_stop()) {
		unsigned int first = ATTACK_CODE + PATTERN_PAGES;

		seed += 0x9e3779b97f4a7c15ull;
		turns++;
		wrong += !fill(&victim, first, ATTACK_LOADED - first, seed);
		cond_resched();
		wrong += !finds(&victim, first, ATTACK_LOADED - first, seed);
		wrong += !finds(&victim, ATTACK_CODE, PATTERN_PAGES, PATTERN);
		cond_resched();
	}
	return 0;
}

void guests_run(void)
{
	turns = wrong = 0;
	runner = kthread_run(run_victim, NULL, "victim");
	if (IS_ERR(runner))
		runner = NULL;
}

static void stop_runner(void)
{
	if (!runner)
		return;
	while (READ_ONCE(turns) == 0)
		cond_resched();
	kthread_stop(runner);
	runner = NULL;
	report("the victim's turns meanwhile", "a thread of its own", turns, turns - min(wrong, turns), "undisturbed");
}

static void check_guest(struct attack_vm *vm, struct tally *t)
{
	struct attack_run r;

	tally_add(t, finds(vm, ATTACK_CODE, PATTERN_PAGES, PATTERN));
	tally_add(t, keeps_registers(vm));
	tally_add(t, vm_do(vm, 0, DO_FILL_SYSTEM, PATTERN, 0, 0, &r));
}

void guests_check(const char *after)
{
	struct tally t = { 0 };

	stop_runner();
	check_guest(&victim, &t);
	check_guest(&beside, &t);
	tally_report(&t, "both guests find all as it was", after, "untouched");
}

/* ---- their lives ---- */

static int make_guest(struct attack_vm *vm)
{
	struct attack_run r;
	int result = vm_make(vm);

	if (result != 0)
		return result;
	if (fill(vm, ATTACK_CODE, PATTERN_PAGES, PATTERN) && vm_do(vm, 0, DO_FILL_SYSTEM, PATTERN, 0, 0, &r))
		return 0;
	vm_end(vm);
	return -EIO;
}

int guests_make(void)
{
	int result = make_guest(&victim);

	if (result != 0)
		return result;
	result = make_guest(&beside);
	if (result != 0)
		vm_end(&victim);
	return result;
}

void guests_end(void)
{
	unsigned int wrong = vm_end(&victim) + vm_end(&beside);

	report("all that they had comes back zeroed", "both guests", 1, wrong == 0, "zeros");
}
