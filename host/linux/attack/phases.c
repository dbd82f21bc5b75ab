// SPDX-License-Identifier: GPL-2.0
/* Each call in each phase of a VM's life, and with each kind of handle and index that names nothing. */
#include <linux/mm.h>

#include "attack.h"

/* ---- a VM in each phase ---- */

#define NONE 4		/* beside enum cordon_phase: it has been destroyed */

static struct attack_vm subject;
static u64 handle;

/* More pages than one call of a teardown clears, so that the first leaves it dying. */
static bool make_dying(void)
{
	for (unsigned int i = ATTACK_LOADED; i < ATTACK_PAGES; i++) {
		if (vm_map_page(&subject, i) != CORDON_OK)
			return false;
	}
	return vm_call(CORDON_CALL_VM_DESTROY, subject.handle, 0, 0, 0) == CORDON_AGAIN;
}

static bool make_in_phase(unsigned int phase)
{
	bool made = (phase == CORDON_PHASE_BUILT ? vm_load(&subject) : vm_make(&subject)) == 0;

	handle = subject.handle;
	if (!made)
		return false;
	if (phase == CORDON_PHASE_STOPPED)
		made = vm_call(CORDON_CALL_VM_STOP, handle, 0, 0, 0) == CORDON_OK;
	else if (phase == CORDON_PHASE_DYING)
		made = make_dying();
	else if (phase == NONE)
		made = vm_destroy(handle) == CORDON_OK;
	return made && (phase == NONE || vm_phase(&subject) == phase);
}

/* ---- what each call answers in each phase ---- */

/* Arguments that speak for the call but for the phase. Of a page at most one of LOAD and MAP can come. */
static u64 call_in(u32 function, u64 h)
{
	u64 free = pfn_of(subject.memory[ATTACK_PAGES - 1]);

	switch (function) {
	case CORDON_CALL_VM_DONATE: return vm_call(function, h, 0, 0, 0);
	case CORDON_CALL_VM_MEMORY: return vm_call(function, h, 0x7f000000, PAGE_SIZE, 0);
	case CORDON_CALL_VCPU_CREATE: return vm_call(function, h, 0, free, 0);
	case CORDON_CALL_VM_LOAD:
	case CORDON_CALL_VM_MAP: return vm_call(function, h, guest_address(ATTACK_PAGES - 1), free, 1);
	case CORDON_CALL_VM_START: return vm_call(function, h, ATTACK_BASE + 2, 0, 0);
	case CORDON_CALL_VM_BLOCK: return vm_call(function, h, ATTACK_BASE, 512, 0);
	case CORDON_CALL_VM_CLEAR: return vm_call(function, h, 0, 1, 0);
	case CORDON_CALL_VM_MEASUREMENT: return vm_call(function, h, 2, 0, 0);
	case CORDON_CALL_VCPU_RUN: return vm_call(function, h, ATTACK_VCPUS, 0, 0);
	default: return vm_call(function, h, 0, 0, 0);
	}
}

/* Answers for BUILT, RUNNING, STOPPED, DYING; a VM that is gone answers NO_VM. STOP and DESTROY come last. */
static const struct {
	u32 function;
	u16 want[4];
} table[] = {
	{ CORDON_CALL_VM_DONATE, { CORDON_RANGE, CORDON_RANGE, CORDON_RANGE, CORDON_RANGE } },
	{ CORDON_CALL_VM_MEMORY, { CORDON_OK, CORDON_STATE, CORDON_STATE, CORDON_STATE } },
	{ CORDON_CALL_VCPU_CREATE, { CORDON_EXISTS, CORDON_STATE, CORDON_STATE, CORDON_STATE } },
	{ CORDON_CALL_VM_START, { CORDON_UNALIGNED, CORDON_STATE, CORDON_STATE, CORDON_STATE } },
	{ CORDON_CALL_VM_MAP, { CORDON_STATE, CORDON_OK, CORDON_STATE, CORDON_STATE } },
	{ CORDON_CALL_VM_LOAD, { CORDON_OK, CORDON_STATE, CORDON_STATE, CORDON_STATE } },
	{ CORDON_CALL_VM_BLOCK, { CORDON_STATE, CORDON_MAPPED, CORDON_STATE, CORDON_STATE } },
	{ CORDON_CALL_VM_CLEAR, { CORDON_STATE, CORDON_STATE, CORDON_OK, CORDON_STATE } },
	{ CORDON_CALL_VM_MEASUREMENT, { CORDON_STATE, CORDON_RANGE, CORDON_RANGE, CORDON_STATE } },
	{ CORDON_CALL_VCPU_RUN, { CORDON_STATE, CORDON_NO_VCPU, CORDON_STATE, CORDON_STATE } },
	{ CORDON_CALL_VM_INFO, { CORDON_OK, CORDON_OK, CORDON_OK, CORDON_OK } },
	{ CORDON_CALL_VM_STOP, { CORDON_OK, CORDON_OK, CORDON_OK, CORDON_STATE } },
};

static void attempt_phase(unsigned int phase, const char *name)
{
	struct tally t = { 0 };

	if (make_in_phase(phase)) {
		for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
			u32 f = table[i].function;
			u64 want = phase == NONE ? CORDON_NO_VM : table[i].want[phase];
			u64 got;
			char what[48];

			/* The frame count of 0 is looked at before the handle. */
			if (f == CORDON_CALL_VM_DONATE)
				want = CORDON_RANGE;
			snprintf(what, sizeof(what), "call %x in phase %u", f, phase);
			got = call_in(f, handle);
			/* A page may take more than one call. */
			if (f == CORDON_CALL_VM_LOAD && got == CORDON_AGAIN)
				got = CORDON_OK;
			tally_want(&t, what, got, want);
		}
		/* A frame for a table: taken by all but the dying. */
		tally_want(&t, "donation", vm_call(CORDON_CALL_VM_DONATE, handle, pfn_of(subject.memory[0]), 1, 0),
			   phase == NONE ? CORDON_NO_VM :
			   phase == CORDON_PHASE_DYING ? CORDON_STATE : CORDON_OWNED);
	}
	if (phase == NONE)
		subject.handle = 0;
	tally_want(&t, "pages that do not come back", vm_end(&subject), 0);
	tally_report(&t, "every call in every phase", name, "as specified");
}

/* ---- handles ---- */

static const u32 with_handle[] = {
	CORDON_CALL_VM_DONATE, CORDON_CALL_VM_MEMORY, CORDON_CALL_VCPU_CREATE, CORDON_CALL_VM_LOAD, CORDON_CALL_VM_START,
	CORDON_CALL_VM_MAP, CORDON_CALL_VM_BLOCK, CORDON_CALL_VM_CLEAR, CORDON_CALL_VM_STOP, CORDON_CALL_VM_DESTROY,
	CORDON_CALL_VM_INFO, CORDON_CALL_VM_MEASUREMENT, CORDON_CALL_VCPU_RUN,
};

static bool is_real(u64 h)
{
	return h == victim.handle || h == beside.handle;
}

void handle_try(struct tally *t, u64 h, u64 frame)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(with_handle); i++) {
		u32 f = with_handle[i];

		/* Arguments that are good, so that the handle alone speaks against the call. */
		tally_want(t, "a call with a handle that is none",
			   f == CORDON_CALL_VM_DONATE ? vm_call(f, h, frame, 1, 0) :
			   f == CORDON_CALL_VCPU_CREATE ? vm_call(f, h, 0, frame, 0) :
			   f == CORDON_CALL_VCPU_RUN || f == CORDON_CALL_VM_STOP ? vm_call(f, h, 0, 0, 0) :
			   vm_call(f, h, guest_address(70), frame, 1), CORDON_NO_VM);
	}
}

static void attempt_handles(void)
{
	struct tally t = { 0 };
	struct page *page = alloc_page(GFP_KERNEL);
	u64 id = victim.handle & 0xffff, generation = victim.handle >> 16, state = 0x7a3d;
	const u64 bad[] = {
		0, id, beside.handle & 0xffff, (generation - 1) << 16 | id, (generation + 1) << 16 | id, generation << 16,
		generation << 16 | 255, generation << 16 | 256, generation << 16 | 0xffff, 1ull << 63 | victim.handle,
		~0ull, ~0ull << 16 | id, victim.handle + (1ull << 32), victim.handle << 16,
	};

	if (!page) {
		not_tried("no memory");
		return;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		if (!is_real(bad[i]))
			handle_try(&t, bad[i], pfn_of(page));
	}
	for (unsigned int i = 0; i < 200; i++) {
		u64 h = i % 2 ? random64(&state) : random64(&state) << 16 | id;

		if (!is_real(h))
			handle_try(&t, h, pfn_of(page));
	}
	tally_add(&t, is_hosts(pfn_of(page)));
	__free_page(page);
	tally_report(&t, "handles that name no VM", "every call", "NO_VM");
}

/* A handle that was good, when its number has become another VM's. */
static void attempt_stale(void)
{
	struct tally t = { 0 };
	struct page *page = alloc_page(GFP_KERNEL);
	u64 old[3];

	for (unsigned int i = 0; i < 3; i++) {
		old[i] = vm_build(&subject) == 0 ? subject.handle : 0;
		tally_want(&t, "pages that do not come back", vm_end(&subject), 0);
	}
	if (page && vm_build(&subject) == 0) {
		for (unsigned int i = 0; i < 3; i++) {
			tally_add(&t, (old[i] & 0xffff) == (subject.handle & 0xffff) && old[i] != subject.handle);
			handle_try(&t, old[i], pfn_of(page));
		}
		tally_want(&t, "phase of the new one", vm_phase(&subject), CORDON_PHASE_BUILT);
		tally_want(&t, "pages that do not come back", vm_end(&subject), 0);
	}
	if (page)
		__free_page(page);
	tally_report(&t, "handles of VMs that are gone", "their numbers used again", "NO_VM");
}

/* ---- indices ---- */

static void attempt_indices(void)
{
	static const u64 index[] = { ATTACK_VCPUS, 15, 16, 17, 255, 256, 1ull << 32, 1ull << 32 | 1, 1ull << 63, ~0ull };
	struct tally t = { 0 };
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page) {
		not_tried("no memory");
		return;
	}
	if (vm_build(&subject) == 0) {
		for (unsigned int i = 0; i < ARRAY_SIZE(index); i++) {
			tally_want(&t, "a run of no vCPU", vm_call(CORDON_CALL_VCPU_RUN, victim.handle, index[i], 0, 0), CORDON_NO_VCPU);
			tally_want(&t, "a vCPU too many",
				   vm_call(CORDON_CALL_VCPU_CREATE, subject.handle, index[i], pfn_of(page), 0), CORDON_NO_VCPU);
		}
		tally_want(&t, "a vCPU twice", vm_call(CORDON_CALL_VCPU_CREATE, subject.handle, 1, pfn_of(page), 0), CORDON_EXISTS);
	}
	tally_want(&t, "pages that do not come back", vm_end(&subject), 0);
	tally_want(&t, "a run before the guest has started it", vm_call(CORDON_CALL_VCPU_RUN, victim.handle, 1, 0, 0), CORDON_OFF);
	tally_add(&t, is_hosts(pfn_of(page)));
	__free_page(page);
	tally_report(&t, "vCPUs that are not, or are off", "VCPU_RUN, VCPU_CREATE", "refused");
}

void attack_phases(void)
{
	attempt_phase(CORDON_PHASE_BUILT, "built");
	attempt_phase(CORDON_PHASE_RUNNING, "running");
	attempt_phase(CORDON_PHASE_STOPPED, "stopped");
	attempt_phase(CORDON_PHASE_DYING, "dying");
	attempt_phase(NONE, "gone");
	attempt_handles();
	attempt_stale();
	attempt_indices();
}
