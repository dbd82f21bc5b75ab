// SPDX-License-Identifier: GPL-2.0
/*
 * VMs that are others', whoever made them and with whichever VMM, while they run. Nothing here is to stop or end one, which a host may:
 * its guest must go on, and find all as it was. Its VMM knows its handle; here it is found by trying.
 */
#include <linux/mm.h>

#include "attack.h"

#define SAMPLES 32
#define GENERATIONS 65536

struct samples {
	u64 frame[SAMPLES], gfn[SAMPLES];
	unsigned int n;
	u64 seen;
};

static struct samples memory, kept;	/* of their guests; of what Cordon keeps for them: tables, vCPUs */
static u64 chance;

/* A frame of each run, where there are so many places; else each run is as likely as any other to be in. */
static void sample(struct samples *s, u64 first, u64 n, u64 gfn)
{
	u64 at = random64(&chance) % n, place = s->seen < SAMPLES ? s->seen : random64(&chance) % (s->seen + 1);

	if (!pfn_is_map_memory(first + at))
		return;			/* Cordon's own */
	s->seen++;
	if (place >= SAMPLES)
		return;
	s->frame[place] = first + at;
	s->gfn[place] = gfn + at;
	s->n = min_t(u64, s->seen, SAMPLES);
}

static bool is_own(u64 owner)
{
	u64 id = owner >> 16 & 0xffff;

	return id == (victim.handle & 0xffff) || id == (beside.handle & 0xffff);
}

/* Looks through all memory. What is granted is the host's to use. */
static void find_samples(void)
{
	u64 frame = 0;

	chance = 0x07e25;
	memory = kept = (struct samples){ 0 };
	while (frame < 1ull << 36) {
		struct cordon_regs r = vm_call_regs(CORDON_CALL_MAP, frame, 0, 0, 0);
		u64 owner = r.x[2] & 0xffff;

		if (r.x[0] != 0 || r.x[1] <= frame)
			return;
		if (owner == CORDON_OWNER_VM && r.x[2] >> 32 == 0 && !is_own(r.x[2]))
			sample(&memory, frame, r.x[1] - frame, r.x[3]);
		if (owner == CORDON_OWNER_CORE)
			sample(&kept, frame, r.x[1] - frame, 0);
		frame = r.x[1];
	}
}

static u64 find_handle(u64 id)
{
	for (u64 generation = 1; generation < GENERATIONS; generation++) {
		if (vm_call(CORDON_CALL_VM_INFO, generation << 16 | id, 0, 0, 0) == CORDON_OK)
			return generation << 16 | id;
	}
	return 0;
}

/* ---- attempts ---- */

static void attempt_frames(const char *where, const struct samples *s)
{
	struct tally t = { 0 };

	for (unsigned int i = 0; i < s->n; i++)
		frames_offer(&t, s->frame[i]);
	tally_report(&t, "frames of another's VM, given away", where, "refused");
}

static void attempt_handles(u64 handle)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct tally t = { 0 };
	u64 id = handle & 0xffff, generation = handle >> 16;

	if (!page) {
		not_tried("no memory");
		return;
	}
	for (unsigned int i = 0; i < 64; i++) {
		u64 h = i == 0 ? id : i == 1 ? handle | 1ull << 63 : (random64(&chance) << 16 | id);

		if (h >> 16 != generation)
			handle_try(&t, h, pfn_of(page));
	}
	handle_try(&t, (generation + 1) << 16 | id, pfn_of(page));
	handle_try(&t, (generation - 1) << 16 | id, pfn_of(page));
	tally_add(&t, is_hosts(pfn_of(page)));
	__free_page(page);
	tally_report(&t, "handles like another's", "every call", "NO_VM");
}

/* Calls with its own handle, by someone else than its driver. */
static void attempt_calls(u64 h)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct tally t = { 0 }, swap = { 0 };
	u64 own = page ? pfn_of(page) : 0;

	if (!page) {
		not_tried("no memory");
		return;
	}
	tally_want(&t, "memory", vm_call(CORDON_CALL_VM_MEMORY, h, 1ull << 35, PAGE_SIZE, 0), CORDON_STATE);
	tally_want(&t, "a vCPU", vm_call(CORDON_CALL_VCPU_CREATE, h, 0, own, 0), CORDON_STATE);
	tally_want(&t, "a start", vm_call(CORDON_CALL_VM_START, h, memory.gfn[0] << 12, 0, 0), CORDON_STATE);
	tally_want(&t, "a device", vm_call(CORDON_CALL_DEVICE_ATTACH, h, 0x4010000, 0, 0), CORDON_STATE);
	tally_want(&t, "a device's end", vm_call(CORDON_CALL_DEVICE_DETACH, h, 0x4010000, 0, 0), CORDON_STATE);
	for (unsigned int i = 0; i < memory.n; i++) {
		u64 gpa = memory.gfn[i] << 12, frame = memory.frame[i];

		tally_want(&t, "an image", vm_call(CORDON_CALL_VM_LOAD, h, gpa, own, 1), CORDON_STATE);
		tally_want(&t, "its page back", vm_call(CORDON_CALL_VM_CLEAR, h, frame, 1, 0), CORDON_STATE);
		tally_want(&swap, "a page for another", vm_call(CORDON_CALL_VM_MAP, h, gpa, own, 1), CORDON_MAPPED);
		tally_want(&swap, "the victim's page", vm_call(CORDON_CALL_VM_MAP, h, gpa, pfn_of(victim.memory[5]), 1), CORDON_MAPPED);
		tally_want(&swap, "its page elsewhere", vm_call(CORDON_CALL_VM_MAP, h, memory.gfn[(i + 1) % memory.n] << 12, frame, 1),
			   memory.n > 1 ? CORDON_MAPPED : CORDON_OK);
		tally_want(&swap, "a block", vm_call(CORDON_CALL_VM_BLOCK, h, gpa & ~0x1fffffull, own & ~511ull, 0), CORDON_MAPPED);
	}
	tally_add(&swap, is_hosts(own));
	__free_page(page);
	tally_report(&t, "another's VM, in its phase", "what is over for it", "STATE");
	tally_report(&swap, "a page under another's guest", "exchanged, or moved", "MAPPED");
}

/* Its vCPUs may be in the guest or not: what none of these is in either case is a run. */
static void attempt_runs(u64 h)
{
	static const u64 forged[][4] = {
		{ 1020 | CORDON_INTERRUPT_PENDING | CORDON_INTERRUPT_GROUP1 }, { 8192 | CORDON_INTERRUPT_PENDING | CORDON_INTERRUPT_GROUP1 },
		{ 40 | CORDON_INTERRUPT_PENDING }, { 40 | 1ull << 61 | CORDON_INTERRUPT_PENDING | CORDON_INTERRUPT_GROUP1 },
	};
	struct attack_vm other = { .handle = h };
	struct attack_run r;
	struct tally t = { 0 };

	for (unsigned int turn = 0; turn < 100; turn++) {
		tally_want(&t, "no such vCPU", vm_call(CORDON_CALL_VCPU_RUN, h, 16 + turn, 0, 0), CORDON_NO_VCPU);
		for (unsigned int i = 0; i < 2; i++) {
			vm_run(&other, i, 3 + turn, NULL, NULL, &r);
			tally_add(&t, r.status == CORDON_ANSWER || r.status == CORDON_RUNNING || r.status == CORDON_OFF || r.status == CORDON_NO_VCPU);
		}
		for (unsigned int i = 0; i < ARRAY_SIZE(forged); i++) {
			vm_run(&other, 0, CORDON_ANSWER_NONE, NULL, forged[i], &r);
			tally_add(&t, r.status == CORDON_INTERRUPT || r.status == CORDON_ANSWER || r.status == CORDON_RUNNING || r.status == CORDON_OFF);
		}
		cond_resched();
	}
	tally_report(&t, "another's vCPUs, run", "answers, interrupts", "refused");
}

void attack_others(void)
{
	u64 id, handle;

	find_samples();
	id = memory.n ? owner_of(memory.frame[0]) >> 16 & 0xffff : 0;
	handle = id ? find_handle(id) : 0;
	if (!handle || !frames_begin()) {
		not_tried("there is no VM of another's");
		report("another's VM", "none", 0, 0, "");
		return;
	}
	pages_try("another's guest", memory.frame, memory.n);
	pages_try("another's vCPUs, tables", kept.frame, kept.n);
	attempt_frames("another's guest", &memory);
	attempt_frames("another's vCPUs, tables", &kept);
	attempt_handles(handle);
	attempt_calls(handle);
	attempt_runs(handle);
	report("what was built for it comes back", "one VM", 1, frames_end() == 0, "zeros");
	report("another's VM is as it was", "its frames", 1, vm_call_regs(CORDON_CALL_VM_INFO, handle, 0, 0, 0).x[1] == CORDON_PHASE_RUNNING,
	       "it runs");
}
