// SPDX-License-Identifier: GPL-2.0
/* Frames of a guest, through all of its life: before, while and after they are its own, in all ways in which a frame goes over. */
#include <linux/mm.h>

#include "dma.h"

static struct attack_vm vm;

/* Its pages, and what each is for. */
enum { LOADED_PAGE = 5, GRANTED_PAGE, GIVEN_UP, CLEARED_PAGE, MAPPED_PAGE = 30, CODE_PAGE = 0 };
#define WORDS (PAGE_SIZE / 8)
#define SEED 0x71bea4dull

/* ---- the guest's side ---- */

static bool fills(unsigned int page)
{
	struct attack_run r;

	return vm_do(&vm, 0, DO_FILL, guest_address(page), WORDS, SEED, &r);
}

static bool finds(unsigned int page)
{
	struct attack_run r;

	return vm_do(&vm, 0, DO_CHECK, guest_address(page), WORDS, SEED, &r) && r.detail[0] == 0;
}

static u64 guest_call(u32 function, unsigned int page)
{
	struct attack_run r;

	return vm_do(&vm, 0, DO_CALL, function, guest_address(page), PAGE_SIZE, &r) ? r.detail[0] : ~0ull;
}

static u64 guest_word(unsigned int page)
{
	struct attack_run r;

	return vm_do(&vm, 0, DO_LOAD, guest_address(page), 0, 0, &r) ? r.detail[0] : ~0ull;
}

/* ---- a page that is the guest's ---- */

static void try_private(struct tally *read, struct tally *written, unsigned int page)
{
	u64 address = page_to_phys(vm.memory[page]);

	tally_add(read, fills(page));
	dma_try_read(read, &address, 1);
	edu_write(&address, 1);
	tally_add(written, finds(page));
}

static void attempt_private(unsigned int page, const char *where)
{
	struct tally read = { 0 }, written = { 0 };

	try_private(&read, &written, page);
	tally_report(&read, "a device reads", where, "nothing");
	tally_report(&written, "a device writes", where, "not changed");
}

/* Frames that hold no words of the guest's choice: it goes on. */
static void attempt_frames(struct page **page, unsigned int n, const char *where)
{
	struct tally read = { 0 }, written = { 0 };
	u64 address[ATTACK_TABLES * 4];

	for (unsigned int i = 0; i < ARRAY_SIZE(address); i++)
		address[i] = page_to_phys(page[i % n]) + i / n * EDU_CELL % PAGE_SIZE;
	dma_try_read(&read, address, ARRAY_SIZE(address));
	tally_report(&read, "a device reads", where, "nothing");
	if (dma_careful)
		return;
	edu_write(address, ARRAY_SIZE(address));
	tally_add(&written, fills(LOADED_PAGE) && finds(LOADED_PAGE));
	tally_report(&written, "a device writes", where, "it goes on");
}

static void attempt_mapped(void)
{
	struct tally t = { 0 };

	dma_must_read(&t, vm.memory[MAPPED_PAGE]);
	dma_must_write(&t, vm.memory[MAPPED_PAGE]);
	tally_want(&t, "a page", vm_map_page(&vm, MAPPED_PAGE), CORDON_OK);
	tally_want(&t, "what the guest finds", guest_word(MAPPED_PAGE), 0);
	tally_report(&t, "a page that the guest will get", "before", "arrives");
	attempt_private(MAPPED_PAGE, "a page that it got");
}

/* The measured agent itself: what the guest runs. */
static void attempt_code(void)
{
	struct tally read = { 0 };
	u64 address = page_to_phys(vm.memory[CODE_PAGE]);

	dma_try_read(&read, &address, 1);
	if (!dma_careful)
		edu_write(&address, 1);
	tally_add(&read, fills(LOADED_PAGE) && finds(LOADED_PAGE));
	tally_report(&read, "a device reads and writes", "the guest's code", "it goes on");
}

/* ---- a page that is granted ---- */

/* What the device finds is the guest's, and the guest finds what it writes. */
static void must_share(struct tally *t, unsigned int page)
{
	u64 address = page_to_phys(vm.memory[page]);
	u64 data[EDU_CELL / 8];

	tally_add(t, fills(page));
	edu_read(&address, 1, (u8 *)data);
	tally_want(t, "what the device finds", data[0], SEED + guest_address(page));
	edu_write(&address, 1);
	tally_want(t, "what the device wrote", guest_word(page), EDU_HAD);
}

static void attempt_granted(void)
{
	struct tally t = { 0 }, read = { 0 }, written = { 0 };

	attempt_private(GRANTED_PAGE, "a page before its grant");
	tally_want(&t, "a grant", guest_call(CORDON_GUEST_GRANT, GRANTED_PAGE), CORDON_OK);
	must_share(&t, GRANTED_PAGE);
	tally_want(&t, "a second grant", guest_call(CORDON_GUEST_GRANT, GRANTED_PAGE), CORDON_OK);
	tally_want(&t, "the end of one", guest_call(CORDON_GUEST_REVOKE, GRANTED_PAGE), CORDON_OK);
	must_share(&t, GRANTED_PAGE);
	tally_want(&t, "the end of the other", guest_call(CORDON_GUEST_REVOKE, GRANTED_PAGE), CORDON_OK);
	tally_report(&t, "a granted page, both ways", "by a device", "arrives");
	try_private(&read, &written, GRANTED_PAGE);
	tally_report(&read, "a device reads", "a page after its grant", "nothing");
	tally_report(&written, "a device writes", "a page after its grant", "not changed");
}

/* ---- pages that come back ---- */

/* A frame that is the host's again: zeros, then it arrives. */
static void must_be_back(struct tally *t, struct page *page)
{
	u64 address = page_to_phys(page);
	u64 data[EDU_CELL / 8];

	tally_add(t, is_hosts(pfn_of(page)));
	edu_read(&address, 1, (u8 *)data);
	for (unsigned int i = 0; i < ARRAY_SIZE(data); i++)
		tally_add(t, data[i] == 0);
	dma_must_read(t, page);
	dma_must_write(t, page);
}

static void attempt_given_up(void)
{
	struct tally t = { 0 };
	struct attack_run r;

	attempt_private(GIVEN_UP, "a page that it will give up");
	vm_begin(&vm, 0, DO_CALL, CORDON_GUEST_RELINQUISH, guest_address(GIVEN_UP), PAGE_SIZE, &r);
	tally_want(&t, "the exit", r.exit, CORDON_EXIT_RELINQUISHED);
	must_be_back(&t, vm.memory[GIVEN_UP]);
	vm_go_on(&vm, 0, &r);
	tally_report(&t, "a page that the guest gave up", "by a device", "zeros, arrives");
	vm_begin(&vm, 0, DO_LOAD, guest_address(GIVEN_UP), 0, 0, &r);
	tally_want(&t, "the guest's next access", r.exit, CORDON_EXIT_MEMORY);
	tally_want(&t, "a page anew", vm_map_page(&vm, GIVEN_UP), CORDON_OK);
	vm_go_on(&vm, 0, &r);
	attempt_private(GIVEN_UP, "a page that it got anew");
}

/* ---- the end ---- */

static void attempt_stopped(void)
{
	struct tally read = { 0 }, back = { 0 };
	u64 address[ATTACK_LOADED];

	tally_add(&read, fills(LOADED_PAGE) && fills(CLEARED_PAGE));
	tally_want(&read, "the stop", vm_call(CORDON_CALL_VM_STOP, vm.handle, 0, 0, 0), CORDON_OK);
	for (unsigned int i = 0; i < ATTACK_LOADED; i++)
		address[i] = page_to_phys(vm.memory[i]);
	dma_try_read(&read, address, ATTACK_LOADED);
	tally_want(&back, "a page back", vm_call(CORDON_CALL_VM_CLEAR, vm.handle, pfn_of(vm.memory[CLEARED_PAGE]), 1, 0), CORDON_OK);
	must_be_back(&back, vm.memory[CLEARED_PAGE]);
	address[CLEARED_PAGE] = address[LOADED_PAGE];
	dma_try_read(&read, address, ATTACK_LOADED);
	tally_report(&read, "a device reads", "pages of one that stopped", "nothing");
	tally_report(&back, "a page that was cleared", "by a device", "zeros, arrives");
}

static void attempt_ended(void)
{
	struct tally t = { 0 };

	tally_want(&t, "its end", vm_destroy(vm.handle), CORDON_OK);
	vm.handle = 0;
	must_be_back(&t, vm.memory[CODE_PAGE]);
	must_be_back(&t, vm.memory[LOADED_PAGE]);
	must_be_back(&t, vm.memory[GRANTED_PAGE]);
	must_be_back(&t, vm.memory[MAPPED_PAGE]);
	must_be_back(&t, vm.vcpu[0]);
	must_be_back(&t, vm.tables[0]);
	must_be_back(&t, vm.root);
	tally_want(&t, "frames that are lost", vm_end(&vm), 0);
	tally_report(&t, "frames of one that ended", "pages, vCPU, tables", "zeros, arrives");
}

void dma_lives(void)
{
	if (vm_make(&vm) != 0)
		return;
	attempt_private(LOADED_PAGE, "a page that was loaded");
	attempt_code();
	attempt_mapped();
	attempt_granted();
	attempt_given_up();
	attempt_frames(vm.vcpu, ATTACK_VCPUS, "vCPUs' frames");
	attempt_frames(vm.tables, ATTACK_TABLES, "tables' frames");
	attempt_frames(&vm.root, 1, "the root table");
	attempt_stopped();
	attempt_ended();
}
