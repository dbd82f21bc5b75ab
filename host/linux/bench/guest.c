// SPDX-License-Identifier: GPL-2.0
/* A guest that does what it is told, ../attack/agent.S: its calls to the host and to Cordon, its exits, its memory. */
#include <linux/mm.h>

#include "bench.h"
#include "cordon/status.h"

#define ROUNDS 16
#define WORK 8			/* the first page that the guest works on; before it is its program */
#define LOADED 24		/* pages that are there from the start */
#define DEVICE 0x1000ull	/* a guest address that is no memory */

/* Commands of the agent. */
enum { NONE = 0, LOAD = 1, STORE = 2, CALL = 3, WAIT = 6, SPIN = 8, SEND_SGI = 14 };

extern const char attack_agent[], attack_agent_end[];

static struct bench_vm vm;
static struct bench_run r;

/* ---- talking to the agent ---- */

/* A command. The label is for the run that it begins with, and its end; an interrupt in between costs the round. */
static void command(u64 number, u64 x1, u64 x2, u64 x3)
{
	u64 value[4] = { number, x1, x2, x3 };
	const u64 none[4] = { 0 };

	bench_run(&vm, CORDON_ANSWER_VALUE, value, &r);
	while (r.status == CORDON_OK && r.exit == CORDON_EXIT_INTERRUPTED)
		bench_run(&vm, CORDON_ANSWER_NONE, none, &r);
	bench_label(NOTHING);
}

/* Goes on with an answer to an exit, until the guest asks for the next command. */
static bool go_on(u64 answer)
{
	const u64 value[4] = { 0 };

	bench_run(&vm, answer, value, &r);
	bench_label(NOTHING);
	while (r.status == CORDON_OK && r.exit == CORDON_EXIT_INTERRUPTED)
		bench_run(&vm, CORDON_ANSWER_NONE, value, &r);
	return r.status == CORDON_OK && r.exit == CORDON_EXIT_HOST_CALL;
}

static bool came_with(u64 exit)
{
	return r.status == CORDON_OK && r.exit == exit;
}

/* A call of the guest's to Cordon, which it has come back from with the status 0 and one page changed. */
static bool changed_one(u64 function, u64 page)
{
	command(CALL, function, bench_gpa(page), PAGE_SIZE);
	return came_with(CORDON_EXIT_HOST_CALL) && r.detail[0] == CORDON_OK && r.detail[2] == 1;
}

/* ---- the parts ---- */

static int begin(void)
{
	u64 size = attack_agent_end - attack_agent;
	const u64 value[4] = { 0 };

	MUST(size <= WORK * PAGE_SIZE);
	memcpy(page_address(bench_page(&vm, 0)), attack_agent, size);
	MUST(bench_build(&vm) == CORDON_OK);
	MUST(bench_give(CORDON_CALL_VM_LOAD, &vm, 0, LOADED) == CORDON_OK);
	MUST(bench_start(&vm) == CORDON_OK);
	bench_run(&vm, CORDON_ANSWER_NONE, value, &r);
	MUST(came_with(CORDON_EXIT_HOST_CALL));
	return 0;
}

static int calls(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		bench_label(CALL);
		command(NONE, 0, 0, 0);
		MUST(came_with(CORDON_EXIT_HOST_CALL));
		bench_label(GUEST_NULL);
		command(CALL, CORDON_CALL_REVISION, 0, 0);
		MUST(came_with(CORDON_EXIT_HOST_CALL) && r.detail[0] == CORDON_ABI_MAJOR);
	}
	return 0;
}

static int sharing(void)
{
	for (u64 page = WORK; page < WORK + ROUNDS; page++) {
		bench_label(GRANT);
		MUST(changed_one(CORDON_GUEST_GRANT, page));
		bench_label(REVOKE_UNTOUCHED);
		MUST(changed_one(CORDON_GUEST_REVOKE, page));
		MUST(changed_one(CORDON_GUEST_GRANT, page));
		bench_label(TOUCH_GRANTED);
		bench_touch(bench_page(&vm, page));
		bench_label(REVOKE);
		MUST(changed_one(CORDON_GUEST_REVOKE, page));
	}
	return 0;
}

static int devices(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		bench_label(READ_EXIT);
		command(LOAD, DEVICE, 0, 0);
		MUST(came_with(CORDON_EXIT_READ));
		bench_label(READ_ANSWER);
		MUST(go_on(CORDON_ANSWER_VALUE));
		bench_label(WRITE_EXIT);
		command(STORE, DEVICE, 1, 0);
		MUST(came_with(CORDON_EXIT_WRITE));
		bench_label(WRITE_ANSWER);
		MUST(go_on(CORDON_ANSWER_NONE));
	}
	return 0;
}

/* Pages that are not there yet: the guest reads one, the host gives it, the guest goes on. */
static int faults(void)
{
	for (u64 page = LOADED; page < LOADED + ROUNDS; page++) {
		bench_label(FAULT_EXIT);
		command(LOAD, bench_gpa(page), 0, 0);
		MUST(came_with(CORDON_EXIT_MEMORY));
		bench_label(FAULT_MAP);
		MUST(bench_give(CORDON_CALL_VM_MAP, &vm, page, 1) == CORDON_OK);
		bench_label(FAULT_ANSWER);
		MUST(go_on(CORDON_ANSWER_NONE));
	}
	return 0;
}

static int waits(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		bench_label(WAIT_EXIT);
		command(WAIT, 0, 0, 0);
		MUST(came_with(CORDON_EXIT_WAIT));
		bench_label(WAIT_ANSWER);
		MUST(go_on(CORDON_ANSWER_NONE));
		bench_label(SGI_EXIT);
		command(SEND_SGI, 1, 0, 0);
		MUST(came_with(CORDON_EXIT_SGI));
		bench_label(SGI_ANSWER);
		MUST(go_on(CORDON_ANSWER_NONE));
	}
	return 0;
}

static int relinquishing(void)
{
	for (u64 page = WORK; page < WORK + ROUNDS; page++) {
		bench_label(RELINQUISH);
		command(CALL, CORDON_GUEST_RELINQUISH, bench_gpa(page), PAGE_SIZE);
		MUST(came_with(CORDON_EXIT_RELINQUISHED));
		bench_label(RELINQUISH_ANSWER);
		MUST(go_on(CORDON_ANSWER_NONE));
	}
	return 0;
}

/* The guest spins until the host's timer ends its run. It does not come back from this. */
static int interrupts(void)
{
	u64 value[4] = { SPIN };

	bench_run(&vm, CORDON_ANSWER_VALUE, value, &r);
	for (int i = 0; i < ROUNDS; i++) {
		MUST(came_with(CORDON_EXIT_INTERRUPTED));
		bench_label(INTERRUPT);
		bench_run(&vm, CORDON_ANSWER_NONE, value, &r);
		bench_label(NOTHING);
	}
	return 0;
}

/* Pages come back one by one, and the host uses them again. */
static int clearing(void)
{
	bench_label(STOP);
	MUST(bench_call(CORDON_CALL_VM_STOP, vm.handle, 0, 0, 0) == CORDON_OK);
	for (u64 page = LOADED; page < LOADED + ROUNDS; page++) {
		bench_label(CLEAR);
		MUST(bench_call(CORDON_CALL_VM_CLEAR, vm.handle, page_to_pfn(bench_page(&vm, page)), 1, 0) == CORDON_OK);
		bench_label(TOUCH_PAGE);
		bench_touch(bench_page(&vm, page));
		bench_label(NOTHING);
	}
	MUST(bench_destroy(&vm) == CORDON_OK);
	return 0;
}

int bench_guest(void)
{
	static int (*const parts[])(void) = {
		begin, calls, sharing, devices, faults, waits, relinquishing, interrupts, clearing
	};
	int ret = bench_get_pages(&vm, 1);

	if (ret != 0)
		return ret;
	for (unsigned int i = 0; i < ARRAY_SIZE(parts); i++) {
		ret = parts[i]();
		if (ret == 0)
			continue;
		pr_emerg("bench: status %llu exit %llu: %llx %llx %llx %llx\n", r.status, r.exit, r.detail[0], r.detail[1],
			 r.detail[2], r.detail[3]);
		return ret;		/* the pages may be the VM's: they are lost */
	}
	bench_put_pages(&vm);
	return 0;
}
