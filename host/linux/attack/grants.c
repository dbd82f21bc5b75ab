// SPDX-License-Identifier: GPL-2.0
/* Pages that a guest lets the host see, and takes back; pages that it gives up; and pages of a VM that has stopped. */
#include <linux/mm.h>

#include "attack.h"

static struct attack_vm owner;

#define PAGE 5			/* of the owner's, for grants */
#define WORD 0x0123456789abcdefull

static u64 guest_call(u32 function, unsigned int page, u64 size, struct attack_run *r)
{
	return vm_do(&owner, 0, DO_CALL, function, guest_address(page), size, r) ? r->detail[0] : ~0ull;
}

static u64 read_word(unsigned int page)
{
	u64 value = 0xbad;

	return copy_from_kernel_nofault(&value, page_address(owner.memory[page]), 8) == 0 ? value : ~0ull;
}

static u64 guest_word(unsigned int page)
{
	struct attack_run r;

	return vm_do(&owner, 0, DO_LOAD, guest_address(page), 0, 0, &r) ? r.detail[0] : ~0ull;
}

/* ---- from every CPU ---- */

static void try_closed(void *argument)
{
	void *va = page_address(owner.memory[PAGE]);
	struct tally *t = argument;

	tally_add(t, load_fails(va));
	tally_add(t, store_fails(va));
	tally_add(t, atomic_fails(va));
}

static void try_open(void *argument)
{
	struct tally *t = argument;

	tally_add(t, !load_fails(page_address(owner.memory[PAGE])));
}

static void attempt_grant(void)
{
	struct tally open = { 0 }, closed = { 0 };
	struct attack_run r;

	on_every_cpu(try_closed, &closed);
	tally_add(&open, vm_do(&owner, 0, DO_STORE, guest_address(PAGE), WORD, 0, &r));
	tally_want(&open, "a grant", guest_call(CORDON_GUEST_GRANT, PAGE, PAGE_SIZE, &r), CORDON_OK);
	tally_want(&open, "pages that it changed", r.detail[2], 1);
	on_every_cpu(try_open, &open);
	tally_want(&open, "what the host reads", read_word(PAGE), WORD);
	tally_add(&open, !store_fails(page_address(owner.memory[PAGE])));
	tally_want(&open, "what the guest reads", guest_word(PAGE), 0);
	tally_want(&closed, "another revocation", guest_call(CORDON_GUEST_REVOKE, PAGE, 1, &r), CORDON_OK);
	on_every_cpu(try_closed, &closed);
	tally_report(&open, "a granted page, both ways", "all CPUs", "contents right");
	tally_report(&closed, "before the grant, after its end", "all CPUs", "EFAULT");
}

/* As often as it was granted, it has to be revoked. */
static void attempt_counts(void)
{
	struct tally t = { 0 };
	struct attack_run r;
	unsigned int n = 0;

	for (n = 0; n < 100; n++)
		tally_add(&t, guest_call(CORDON_GUEST_GRANT, PAGE, PAGE_SIZE, &r) == CORDON_OK && r.detail[2] == 1);
	tally_add(&t, guest_call(CORDON_GUEST_GRANT, PAGE, PAGE_SIZE, &r) == CORDON_OK && r.detail[2] == 0 && r.detail[3] == 1);
	while (n-- > 0) {
		tally_add(&t, !load_fails(page_address(owner.memory[PAGE])));
		tally_add(&t, guest_call(CORDON_GUEST_REVOKE, PAGE, PAGE_SIZE, &r) == CORDON_OK && r.detail[2] == 1);
	}
	tally_add(&t, load_fails(page_address(owner.memory[PAGE])));
	tally_add(&t, guest_call(CORDON_GUEST_REVOKE, PAGE, PAGE_SIZE, &r) == CORDON_OK && r.detail[2] == 0 && r.detail[3] == 1);
	tally_report(&t, "100 grants, one too many, the ends", "one page", "counted");
}

/* ---- what the guest has not ---- */

static void attempt_nothing(void)
{
	static const u32 function[] = { CORDON_GUEST_GRANT, CORDON_GUEST_REVOKE, CORDON_GUEST_RELINQUISH };
	struct tally t = { 0 };
	struct attack_run r;

	for (unsigned int i = 0; i < ARRAY_SIZE(function); i++) {
		u32 f = function[i];

		tally_add(&t, guest_call(f, 30, PAGE_SIZE, &r) == CORDON_OK && r.detail[2] == 0 && r.detail[3] == 1);
		tally_want(&t, "no size", guest_call(f, PAGE, 0, &r), CORDON_EMPTY);
		tally_want(&t, "all of it", guest_call(f, PAGE, ~0ull, &r), CORDON_RANGE);
		tally_add(&t, vm_do(&owner, 0, DO_CALL, f, guest_address(PAGE) + 8, PAGE_SIZE, &r) && r.detail[0] == CORDON_UNALIGNED);
		tally_add(&t, vm_do(&owner, 0, DO_CALL, f, 1ull << 52, PAGE_SIZE, &r) && r.detail[0] == CORDON_RANGE);
		tally_add(&t, vm_do(&owner, 0, DO_CALL, f, ~0ull << 12, PAGE_SIZE, &r) && r.detail[0] == CORDON_RANGE);
		tally_add(&t, vm_do(&owner, 0, DO_CALL, f, ATTACK_DEVICE, PAGE_SIZE, &r) && r.detail[2] == 0);
	}
	tally_report(&t, "grants of what the guest has not", "missing, device, range", "skipped");
}

/* Each side's calls made by the other. */
static void attempt_others_calls(void)
{
	struct tally t = { 0 };
	struct attack_run r;

	for (u32 f = CORDON_GUEST_FIRST; f <= CORDON_GUEST_LAST; f++)
		tally_want(&t, "a guest's call by the host", vm_call(f, guest_address(PAGE), PAGE_SIZE, 0, 0), (u64)CORDON_NOT_SUPPORTED);
	for (u32 f = CORDON_CALL_VM_LIMITS; f <= CORDON_CALL_LAST; f++) {
		tally_add(&t, vm_do(&owner, 0, DO_CALL, f, beside.handle, pfn_of(owner.memory[60]), &r) &&
			  r.detail[0] == (u64)CORDON_NOT_SUPPORTED);
	}
	for (u32 f = CORDON_CALL_FEATURES; f < CORDON_CALL_LOG; f++)	/* the next numbers are KVM's calls, to a guest */
		tally_add(&t, vm_do(&owner, 0, DO_CALL, f, 0, 0, &r) && r.detail[0] == (u64)CORDON_NOT_SUPPORTED);
	tally_report(&t, "each side's calls by the other", "all of them", "NOT_SUPPORTED");
}

/* ---- given up ---- */

static void attempt_relinquish(void)
{
	struct tally t = { 0 };
	struct attack_run r;

	/* One that is granted as well: the grant ends with it. */
	tally_want(&t, "a grant", guest_call(CORDON_GUEST_GRANT, PAGE, PAGE_SIZE, &r), CORDON_OK);
	vm_begin(&owner, 0, DO_CALL, CORDON_GUEST_RELINQUISH, guest_address(PAGE), 2 * PAGE_SIZE, &r);
	tally_want(&t, "the exit", r.exit, CORDON_EXIT_RELINQUISHED);
	tally_want(&t, "its address", r.detail[0], guest_address(PAGE));
	for (unsigned int i = 0; i < 2; i++) {
		tally_add(&t, page_is(owner.memory[PAGE + i], 0));
		tally_add(&t, is_hosts(pfn_of(owner.memory[PAGE + i])));
	}
	vm_go_on(&owner, 0, &r);
	tally_add(&t, r.exit == CORDON_EXIT_HOST_CALL && r.detail[0] == CORDON_OK && r.detail[2] == 2);
	memset(page_address(owner.memory[PAGE]), 0x5a, PAGE_SIZE);
	vm_begin(&owner, 0, DO_LOAD, guest_address(PAGE), 0, 0, &r);
	tally_want(&t, "the guest's next access", r.exit, CORDON_EXIT_MEMORY);
	tally_want(&t, "a page anew", vm_map_page(&owner, PAGE), CORDON_OK);
	vm_go_on(&owner, 0, &r);
	tally_want(&t, "what it finds", r.detail[0], 0);
	tally_add(&t, load_fails(page_address(owner.memory[PAGE])));
	tally_report(&t, "pages that the guest gives up", "granted or not", "zeros, anew");
}

/* ---- after the end ---- */

static void attempt_clear(void)
{
	struct tally t = { 0 };
	u64 h = owner.handle, frame = pfn_of(owner.memory[7]);
	struct cordon_regs r;

	tally_want(&t, "while it runs", vm_call(CORDON_CALL_VM_CLEAR, h, frame, 1, 0), CORDON_STATE);
	tally_add(&t, load_fails(page_address(owner.memory[7])));
	tally_want(&t, "stop", vm_call(CORDON_CALL_VM_STOP, h, 0, 0, 0), CORDON_OK);
	tally_add(&t, load_fails(page_address(owner.memory[7])));
	r = vm_call_regs(CORDON_CALL_VM_CLEAR, h, frame, 1, 0);
	tally_add(&t, r.x[0] == CORDON_OK && r.x[1] == 1 && r.x[2] == 1);
	tally_add(&t, page_is(owner.memory[7], 0) && is_hosts(frame));
	/* Frames of others are passed over: another VM's, its table, a vCPU, Cordon's, the host's. */
	tally_add(&t, vm_call_regs(CORDON_CALL_VM_CLEAR, h, pfn_of(beside.memory[4]), 1, 0).x[2] == 0);
	tally_add(&t, vm_call_regs(CORDON_CALL_VM_CLEAR, h, pfn_of(owner.vcpu[0]), 1, 0).x[2] == 0);
	tally_add(&t, vm_call_regs(CORDON_CALL_VM_CLEAR, h, pfn_of(owner.tables[0]), 1, 0).x[2] == 0);
	tally_add(&t, vm_call_regs(CORDON_CALL_VM_CLEAR, h, pfn_of(owner.root), 1, 0).x[2] == 0);
	tally_add(&t, vm_call_regs(CORDON_CALL_VM_CLEAR, h, frame, 1, 0).x[2] == 0);
	tally_want(&t, "beyond", vm_call(CORDON_CALL_VM_CLEAR, h, 1ull << 60, 1, 0), CORDON_RANGE);
	tally_want(&t, "too many", vm_call(CORDON_CALL_VM_CLEAR, h, frame, ~0ull, 0), CORDON_RANGE);
	tally_report(&t, "pages taken back, running or not", "VM_CLEAR", "zeros, own ones");
}

void attack_grants(void)
{
	struct tally t = { 0 };

	if (vm_make(&owner) != 0)
		return;
	attempt_grant();
	attempt_counts();
	attempt_nothing();
	attempt_others_calls();
	attempt_relinquish();
	attempt_clear();
	tally_want(&t, "pages that do not come back", vm_end(&owner), 0);
	tally_report(&t, "all that it had comes back zeroed", "after grants", "zeros");
}
