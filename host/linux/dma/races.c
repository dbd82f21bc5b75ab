// SPDX-License-Identifier: GPL-2.0
/* Devices that write to a frame all the while that it goes to a guest and back. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "dma.h"

static struct attack_vm vm;

#define PAGE 40
#define WORDS (PAGE_SIZE / 8)
#define SEED 0x4ace5ull

/* ---- the devices' side ---- */

static struct task_struct *writer;
static u64 writes;		/* that the first device has begun */

/* Each writes to a piece of its own, one transfer behind the other: some are always under way. */
static int write_on(void *frame)
{
	u64 address = page_to_phys((struct page *)frame);

	while (!kthread_should_stop()) {
		for (unsigned int i = 0; i < edus; i++) {
			if (readq(edu[i].registers + 0x98) & 1)
				continue;
			edu_begin_write(&edu[i], address + i % (PAGE_SIZE / EDU_CELL) * EDU_CELL, EDU_CELL);
			if (i == 0)
				WRITE_ONCE(writes, writes + 1);
		}
		usleep_range(200, 2000);
	}
	for (unsigned int i = 0; i < edus; i++)
		(void)edu_wait(&edu[i]);
	return 0;
}

static bool writer_begin(void)
{
	writes = 0;
	if (!edu_fill())
		not_tried("devices do not reach the host's pages");
	writer = kthread_run(write_on, vm.memory[PAGE], "writer");
	if (!IS_ERR(writer))
		return true;
	not_tried("no thread");
	return false;
}

/* Until this many transfers are over that began after now. All take as long. */
static void let_them(unsigned int times)
{
	u64 until = READ_ONCE(writes) + times + 1;

	while (READ_ONCE(writes) < until)
		cond_resched();
}

/* ---- the guest's side ---- */

static bool does(u64 command, u64 x1, u64 x2, u64 x3, u64 wanted)
{
	struct attack_run r;

	return vm_do(&vm, 0, command, x1, x2, x3, &r) && r.detail[0] == wanted;
}

/* It has the page for itself: what it writes stays. */
static bool keeps(void)
{
	bool good = does(DO_FILL, guest_address(PAGE), WORDS, SEED, 0);

	let_them(1);
	good = does(DO_CHECK, guest_address(PAGE), WORDS, SEED, 0) && good;
	let_them(1);
	return does(DO_CHECK, guest_address(PAGE), WORDS, SEED, 0) && good;
}

/* ---- the races ---- */

static void race_grant(unsigned long rounds)
{
	struct tally t = { 0 };

	if (vm_map_page(&vm, PAGE) != CORDON_OK) {
		not_tried("a page cannot be given");
		return;
	}
	for (unsigned long i = 0; i < rounds; i++) {
		tally_add(&t, keeps());
		tally_add(&t, does(DO_CALL, CORDON_GUEST_GRANT, guest_address(PAGE), PAGE_SIZE, CORDON_OK));
		let_them(1);
		tally_want(&t, "what a device wrote", *(u64 *)page_address(vm.memory[PAGE]), EDU_HAD);
		tally_add(&t, does(DO_CALL, CORDON_GUEST_REVOKE, guest_address(PAGE), PAGE_SIZE, CORDON_OK));
	}
	tally_add(&t, keeps());
	tally_report(&t, "grant, revoke, and the guest's words", "devices write to it", "not changed");
}

/* Zeros at once and as long as the guest leaves them. */
static bool is_zero(void)
{
	bool good = does(DO_LOAD, guest_address(PAGE), 0, 0, 0);

	let_them(1);
	for (unsigned int i = 0; i < PAGE_SIZE; i += EDU_CELL)
		good = does(DO_LOAD, guest_address(PAGE) + i, 0, 0, 0) && good;
	return good;
}

static bool gives_up(void)
{
	struct attack_run r;

	vm_begin(&vm, 0, DO_CALL, CORDON_GUEST_RELINQUISH, guest_address(PAGE), PAGE_SIZE, &r);
	if (r.status != CORDON_OK || r.exit != CORDON_EXIT_RELINQUISHED)
		return false;
	vm_go_on(&vm, 0, &r);
	return r.status == CORDON_OK && r.exit == CORDON_EXIT_HOST_CALL && r.detail[0] == CORDON_OK;
}

static void race_give(unsigned long rounds)
{
	struct tally t = { 0 };

	for (unsigned long i = 0; i < rounds; i++) {
		tally_add(&t, gives_up());
		let_them(1);
		tally_want(&t, "what a device wrote", *(u64 *)page_address(vm.memory[PAGE]), EDU_HAD);
		tally_want(&t, "a page", vm_map_page(&vm, PAGE), CORDON_OK);
		tally_add(&t, is_zero());
		tally_add(&t, keeps());
	}
	tally_report(&t, "a page given and given up", "devices write to it", "zeros, kept");
}

void dma_races(unsigned long rounds)
{
	if (vm_make(&vm) != 0)
		return;
	if (writer_begin()) {
		race_grant(rounds);
		race_give(rounds);
		kthread_stop(writer);
	}
	(void)vm_end(&vm);
}
