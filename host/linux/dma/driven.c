// SPDX-License-Identifier: GPL-2.0
/* A guest that drives a device of its own: it reaches the guest's memory, as long as that is the guest's, and nothing else. */
#include <linux/delay.h>
#include <linux/mm.h>

#include "given.h"

/* Pages of the guest's, and what each is for. */
enum { SOURCE_PAGE = 40, TARGET_PAGE, LOST_PAGE, KEPT_PAGE };
#define CELL_WORDS (EDU_CELL / 8)
#define SEED 0xd41be5ull
#define HOSTS 0x4845ull			/* what pages of the host's hold here */

#define SOURCE 0x80
#define TARGET 0x88
#define COUNT 0x90
#define COMMAND 0x98
#define RUN 1ull
#define TO_MEMORY 2ull
#define BUFFER 0x40000ull
#define PATIENCE 2000
#define TRANSFER_MILLISECONDS 100	/* from a command to the transfer itself */

static struct attack_vm mortal;

/* ---- the guest's side ---- */

bool driven_store(struct attack_vm *vm, u64 offset, u64 value)
{
	struct attack_run r;

	return vm_do(vm, 0, DO_STORE, GIVEN_WINDOW + offset, value, 0, &r);
}

u64 driven_load(struct attack_vm *vm, u64 offset)
{
	struct attack_run r;

	return vm_do(vm, 0, DO_LOAD, GIVEN_WINDOW + offset, 0, 0, &r) ? r.detail[0] : ~0ull;
}

static bool begin(struct attack_vm *vm, u64 source, u64 target, u64 bytes, u64 command)
{
	return driven_store(vm, SOURCE, source) && driven_store(vm, TARGET, target) && driven_store(vm, COUNT, bytes) &&
	       driven_store(vm, COMMAND, RUN | command);
}

static bool ends(struct attack_vm *vm)
{
	for (unsigned int i = 0; i < PATIENCE; i++) {
		if ((driven_load(vm, COMMAND) & RUN) == 0)
			return true;
		usleep_range(1000, 2000);
	}
	not_tried("a guest's device does not come to the end of a transfer");
	return false;
}

static bool reads(struct attack_vm *vm, u64 address)
{
	return begin(vm, address, BUFFER, EDU_CELL, 0) && ends(vm);
}

static bool writes(struct attack_vm *vm, u64 address)
{
	return begin(vm, BUFFER, address, EDU_CELL, TO_MEMORY) && ends(vm);
}

static bool fills(struct attack_vm *vm, unsigned int page, u64 seed)
{
	struct attack_run r;

	return vm_do(vm, 0, DO_FILL, guest_address(page), CELL_WORDS, seed, &r);
}

static u64 word_of(struct attack_vm *vm, unsigned int page)
{
	struct attack_run r;

	return vm_do(vm, 0, DO_LOAD, guest_address(page), 0, 0, &r) ? r.detail[0] : ~0ull;
}

/* The buffer has the guest's own words; then it reads there, and the guest finds what it has. */
static u64 finds(struct attack_vm *vm, u64 address)
{
	if (!fills(vm, SOURCE_PAGE, SEED) || !reads(vm, guest_address(SOURCE_PAGE)) || !reads(vm, address) ||
	    !writes(vm, guest_address(TARGET_PAGE)))
		return ~0ull;
	return word_of(vm, TARGET_PAGE);
}

#define OWN (SEED + guest_address(SOURCE_PAGE))

/* Nothing came: what it had, or the zeros of a transfer that was aborted. */
static void nothing_comes(struct tally *t, struct attack_vm *vm, u64 address)
{
	u64 word = finds(vm, address);

	tally_add(t, word == OWN || word == 0);
	if (word != OWN && word != 0)
		pr_emerg("hostile: a guest's device has 0x%llx of 0x%llx\n", word, address);
}

/* ---- where it must reach ---- */

static void attempt_own(struct attack_vm *vm)
{
	struct tally t = { 0 };

	tally_add(&t, fills(vm, KEPT_PAGE, 0x77));
	tally_want(&t, "what the device reads", finds(vm, guest_address(KEPT_PAGE)), 0x77 + guest_address(KEPT_PAGE));
	tally_add(&t, fills(vm, SOURCE_PAGE, SEED) && reads(vm, guest_address(SOURCE_PAGE)) && writes(vm, guest_address(KEPT_PAGE)));
	tally_want(&t, "what the device writes", word_of(vm, KEPT_PAGE), OWN);
	tally_report(&t, "a guest's device, both ways", "the guest's own pages", "arrives");
}

/* ---- where it must not ---- */

static void attempt_hosts(struct attack_vm *vm)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct tally t = { 0 };

	if (!page) {
		not_tried("no memory");
		return;
	}
	memset64(page_address(page), HOSTS, PAGE_SIZE / 8);
	nothing_comes(&t, vm, page_to_phys(page));
	tally_add(&t, writes(vm, page_to_phys(page)));
	tally_add(&t, page_is(page, HOSTS));
	__free_page(page);
	tally_report(&t, "a guest's device", "a page of the host's", "nothing");
}

static void attempt_foreign(struct attack_vm *vm)
{
	const u64 place[] = { dma_core_address(), page_to_phys(vm->root), page_to_phys(vm->vcpu[0]), page_to_phys(vm->tables[0]), 0x09050000, 0x08080000,
			      0x09020000, 0x4010000000, dma_window(&edu[0]), page_to_phys(vm->memory[KEPT_PAGE]), guest_address(ATTACK_PAGES) };
	const u64 others[] = { page_to_phys(victim.memory[ATTACK_CODE]), page_to_phys(victim.vcpu[0]), page_to_phys(beside.memory[ATTACK_CODE]) };
	struct tally foreign = { 0 }, guests = { 0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(place); i++) {
		nothing_comes(&foreign, vm, place[i]);
		if (!dma_careful)
			tally_add(&foreign, writes(vm, place[i]));
	}
	tally_add(&foreign, fills(vm, KEPT_PAGE, SEED));
	tally_report(&foreign, "a guest's device", "Cordon, tables, registers", "nothing");
	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++) {
		nothing_comes(&guests, vm, others[i]);
		if (!dma_careful)
			tally_add(&guests, writes(vm, others[i]));	/* the other looks at it */
	}
	tally_report(&guests, "a guest's device", "other guests", "nothing");
}

/* ---- a page that the guest gives up ---- */

static bool gives_up(struct attack_vm *vm)
{
	struct attack_run r;

	vm_begin(vm, 0, DO_CALL, CORDON_GUEST_RELINQUISH, guest_address(LOST_PAGE), PAGE_SIZE, &r);
	if (r.status != CORDON_OK || r.exit != CORDON_EXIT_RELINQUISHED)
		return false;
	vm_go_on(vm, 0, &r);
	return r.status == CORDON_OK && r.exit == CORDON_EXIT_HOST_CALL && r.detail[0] == CORDON_OK;
}

/* The device has used the page, so that the SMMU may have kept where it is; and a transfer to it is on its way as it goes. */
static void give_up_once(struct tally *t, struct attack_vm *vm)
{
	struct page *page = vm->memory[LOST_PAGE];

	tally_add(t, fills(vm, LOST_PAGE, 0x99));
	tally_want(t, "what the device reads", finds(vm, guest_address(LOST_PAGE)), 0x99 + guest_address(LOST_PAGE));
	tally_add(t, begin(vm, BUFFER, guest_address(LOST_PAGE), EDU_CELL, TO_MEMORY));
	tally_add(t, gives_up(vm) && is_hosts(pfn_of(page)));
	tally_add(t, page_is(page, 0));
	if (!is_hosts(pfn_of(page)))
		return;
	memset64(page_address(page), HOSTS, PAGE_SIZE / 8);
	tally_add(t, ends(vm));
	tally_add(t, page_is(page, HOSTS));
	nothing_comes(t, vm, guest_address(LOST_PAGE));
	tally_want(t, "a page anew", vm_map_page(vm, LOST_PAGE), CORDON_OK);
}

static void attempt_given_up(struct attack_vm *vm)
{
	struct tally t = { 0 };

	for (unsigned int i = 0; i < 3; i++)
		give_up_once(&t, vm);
	tally_add(&t, fills(vm, LOST_PAGE, 0x55));
	tally_want(&t, "what the device reads", finds(vm, guest_address(LOST_PAGE)), 0x55 + guest_address(LOST_PAGE));
	tally_report(&t, "a guest's device", "a page that it gave up", "nothing");
}

void driven_attempts(struct attack_vm *vm)
{
	attempt_own(vm);
	attempt_hosts(vm);
	attempt_foreign(vm);
	attempt_given_up(vm);
	attempt_own(vm);
}

/* ---- a guest that dies while its device writes ---- */

static void life(struct tally *t, struct edu *e, unsigned int delay)
{
	struct page *page;

	if (!given_make(&mortal, e))
		return;
	page = mortal.memory[LOST_PAGE];
	tally_add(t, fills(&mortal, SOURCE_PAGE, SEED) && reads(&mortal, guest_address(SOURCE_PAGE)));
	tally_add(t, begin(&mortal, BUFFER, guest_address(LOST_PAGE), EDU_CELL, TO_MEMORY));
	get_page(page);		/* the page stays, whoever has the frame */
	msleep(delay);
	given_destroy(&mortal, e, t);
	tally_add(t, is_hosts(pfn_of(page)));
	memset64(page_address(page), HOSTS, PAGE_SIZE / 8);
	msleep(2 * TRANSFER_MILLISECONDS);
	tally_add(t, page_is(page, HOSTS));
	put_page(page);
}

void driven_ends(struct edu *e, unsigned long rounds)
{
	struct tally t = { 0 };

	for (unsigned long i = 0; i < rounds; i++)
		life(&t, e, TRANSFER_MILLISECONDS * i / rounds);
	tally_report(&t, "a guest ends", "while its device writes", "nothing after");
}
