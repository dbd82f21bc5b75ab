// SPDX-License-Identifier: GPL-2.0
/* Offers frames that are not the host's to give, or not in that form, to each call that takes some. */
#include <linux/mm.h>
#include <linux/slab.h>

#include "attack.h"

/* VMs that the frames are offered to: one that is being built, and the victim, which runs. */
static struct attack_vm built;

/* A frame with a name; what it was before an attempt it must be after it. */
struct offer {
	const char *name;
	u64 frame;
};

#define MOST_OFFERS 24

static u64 core_frame(bool last)
{
	u64 frame = 0, found = 0;

	while (frame < 1ull << 36) {
		struct cordon_regs r = vm_call_regs(CORDON_CALL_MAP, frame, 0, 0, 0);

		if (r.x[0] != 0 || r.x[1] <= frame)
			break;
		if ((r.x[2] & 0xffff) == CORDON_OWNER_CORE && !pfn_is_map_memory(frame)) {
			found = last ? r.x[1] - 1 : frame;
			if (!last)
				break;
		}
		frame = r.x[1];
	}
	return found;
}

static unsigned int make_offers(struct offer o[MOST_OFFERS])
{
	const struct offer all[] = {
		{ "Cordon's image", core_frame(false) }, { "Cordon's last frame", core_frame(true) },
		{ "the victim's page", pfn_of(victim.memory[5]) }, { "the victim's table", pfn_of(victim.tables[0]) },
		{ "the victim's vCPU", pfn_of(victim.vcpu[0]) }, { "the victim's root", pfn_of(victim.root) },
		{ "the other guest's page", pfn_of(beside.memory[5]) }, { "the other guest's table", pfn_of(beside.tables[1]) },
		{ "its own page", pfn_of(built.memory[0]) }, { "its own table", pfn_of(built.tables[0]) },
		{ "its own vCPU", pfn_of(built.vcpu[0]) }, { "its own root", pfn_of(built.root) },
		{ "a UART", 0x09000 }, { "a hidden device", 0x09020 }, { "flash", 0 }, { "PCI", 0x4010000 },
		{ "a hole", 0x3000000 }, { "2^28", 1ull << 28 }, { "2^36 - 1", (1ull << 36) - 1 }, { "2^36", 1ull << 36 },
		{ "2^52", 1ull << 52 }, { "2^63", 1ull << 63 }, { "the last number", ~0ull },
	};

	memcpy(o, all, sizeof(all));
	return ARRAY_SIZE(all);
}

/* The calls, each so that only the frame speaks against it. */
static u64 offer_root(u64 frame)
{
	u64 roots = vm_call_regs(CORDON_CALL_VM_LIMITS, 0, 0, 0, 0).x[1];

	return vm_call(CORDON_CALL_VM_CREATE, frame - frame % roots, 1, 0, 0);
}

static u64 offer_table(u64 frame)
{
	return vm_call(CORDON_CALL_VM_DONATE, built.handle, frame, 1, 0);
}

static u64 offer_table_running(u64 frame)
{
	return vm_call(CORDON_CALL_VM_DONATE, victim.handle, frame, 1, 0);
}

static u64 offer_vcpu(u64 frame)
{
	return vm_call(CORDON_CALL_VCPU_CREATE, built.handle, 2, frame, 0);
}

static u64 offer_image(u64 frame)
{
	return vm_call(CORDON_CALL_VM_LOAD, built.handle, guest_address(40), frame, 1);
}

static u64 offer_memory(u64 frame)
{
	return vm_call(CORDON_CALL_VM_MAP, victim.handle, guest_address(40), frame, 1);
}

static u64 offer_block(u64 frame)
{
	return vm_call(CORDON_CALL_VM_BLOCK, victim.handle, ATTACK_BASE, frame, 0);
}

static const struct {
	const char *name;
	u64 (*offer)(u64 frame);
} call_of[] = {
	{ "VM_CREATE", offer_root }, { "VM_DONATE, built", offer_table }, { "VM_DONATE, running", offer_table_running },
	{ "VCPU_CREATE", offer_vcpu }, { "VM_LOAD", offer_image }, { "VM_MAP", offer_memory }, { "VM_BLOCK", offer_block },
};

static bool is_refusal(u64 status)
{
	return status > CORDON_AGAIN && (s64)status > 0;
}

static void offer_to(struct tally *t, unsigned int c, const char *name, u64 frame)
{
	u64 before = owner_of(frame);
	u64 status = call_of[c].offer(frame);
	bool good = is_refusal(status) && owner_of(frame) == before;

	tally_add(t, good);
	if (!good)
		pr_emerg("hostile: %s of %s: status %llu, owner %llx before, %llx now\n", call_of[c].name, name, status, before,
			 owner_of(frame));
}

static void attempt_offers(unsigned int c, const struct offer *o, unsigned int n)
{
	struct tally t = { 0 };

	for (unsigned int i = 0; i < n; i++)
		offer_to(&t, c, o[i].name, o[i].frame);
	tally_report(&t, "frames that are not the host's", call_of[c].name, "refused");
}

void frames_offer(struct tally *t, u64 frame)
{
	for (unsigned int c = 0; c < ARRAY_SIZE(call_of); c++)
		offer_to(t, c, "another's", frame);
}

/* ---- the same frame twice ---- */

static void want(struct tally *t, u32 function, u64 handle, u64 x2, u64 x3, u64 x4, u64 status)
{
	char what[32];

	snprintf(what, sizeof(what), "call %x", function);
	tally_want(t, what, vm_call(function, handle, x2, x3, x4), status);
}

static void attempt_twice(void)
{
	struct tally t = { 0 };
	u64 mapped = pfn_of(victim.memory[6]);

	want(&t, CORDON_CALL_VM_MAP, victim.handle, guest_address(41), mapped, 1, CORDON_GFN);
	want(&t, CORDON_CALL_VM_MAP, victim.handle, guest_address(5), mapped, 1, CORDON_MAPPED);
	want(&t, CORDON_CALL_VM_MAP, beside.handle, guest_address(6), mapped, 1, CORDON_MAPPED);
	want(&t, CORDON_CALL_VM_MAP, beside.handle, guest_address(41), mapped, 1, CORDON_OWNED);
	want(&t, CORDON_CALL_VM_LOAD, built.handle, guest_address(6), mapped, 1, CORDON_OWNED);
	want(&t, CORDON_CALL_VM_LOAD, built.handle, guest_address(0), pfn_of(built.memory[0]), 1, CORDON_MAPPED);
	want(&t, CORDON_CALL_VM_LOAD, built.handle, guest_address(1), pfn_of(built.memory[0]), 1, CORDON_GFN);
	tally_report(&t, "one frame in two places", "two VMs, two addresses", "refused");
}

/* A page of the host's for an address where the guest has one: it keeps its own. */
static void attempt_swap(void)
{
	struct tally t = { 0 };
	u64 own = pfn_of(victim.memory[45]);

	for (unsigned int i = 0; i < ATTACK_LOADED; i++)
		want(&t, CORDON_CALL_VM_MAP, victim.handle, guest_address(i), own, 1, CORDON_MAPPED);
	want(&t, CORDON_CALL_VM_BLOCK, victim.handle, ATTACK_BASE, own & ~511ull, 0, CORDON_MAPPED);
	tally_add(&t, is_hosts(own));
	tally_report(&t, "a page under a guest is exchanged", "every page that it has", "MAPPED");
}

/* ---- numbers ---- */

static void attempt_addresses(void)
{
	struct tally t = { 0 };
	u64 own = pfn_of(victim.memory[45]);
	u64 mine = pfn_of(built.memory[45]);

	for (unsigned int bit = 0; bit < 12; bit++) {
		want(&t, CORDON_CALL_VM_MAP, victim.handle, guest_address(45) + (1 << bit), own, 1, CORDON_UNALIGNED);
		want(&t, CORDON_CALL_VM_LOAD, built.handle, guest_address(45) + (1 << bit), mine, 1, CORDON_UNALIGNED);
		want(&t, CORDON_CALL_VM_MEMORY, built.handle, 0x7e000000 + (1 << bit), PAGE_SIZE, 0, CORDON_UNALIGNED);
		want(&t, CORDON_CALL_VM_MEMORY, built.handle, 0x7e000000, PAGE_SIZE + (1 << bit), 0, CORDON_UNALIGNED);
	}
	tally_add(&t, is_refusal(vm_call(CORDON_CALL_VM_BLOCK, victim.handle, ATTACK_BASE + 4096, own & ~511ull, 0)));
	tally_add(&t, is_refusal(vm_call(CORDON_CALL_VM_BLOCK, victim.handle, ATTACK_BASE + 8, own & ~511ull, 0)));
	want(&t, CORDON_CALL_VM_MAP, victim.handle, ATTACK_DEVICE, own, 1, CORDON_NOT_MEMORY);
	want(&t, CORDON_CALL_VM_MAP, victim.handle, guest_address(ATTACK_PAGES), own, 1, CORDON_NOT_MEMORY);
	want(&t, CORDON_CALL_VM_MAP, victim.handle, guest_address(ATTACK_PAGES - 1), own, 2, CORDON_NOT_MEMORY);
	want(&t, CORDON_CALL_VM_MAP, victim.handle, 1ull << 48, own, 1, CORDON_RANGE);
	want(&t, CORDON_CALL_VM_MAP, victim.handle, ~0ull << 12, own, 1, CORDON_RANGE);
	want(&t, CORDON_CALL_VM_MAP, victim.handle, guest_address(45), own, 0, CORDON_EMPTY);
	want(&t, CORDON_CALL_VM_MAP, victim.handle, guest_address(45), own, ~0ull, CORDON_RANGE);
	want(&t, CORDON_CALL_VM_LOAD, built.handle, guest_address(45), mine, 1ull << 52, CORDON_RANGE);
	want(&t, CORDON_CALL_VM_LOAD, built.handle, guest_address(45), mine, 0, CORDON_EMPTY);
	want(&t, CORDON_CALL_VM_DONATE, victim.handle, own, 0, 0, CORDON_RANGE);
	want(&t, CORDON_CALL_VM_DONATE, victim.handle, own, 513, 0, CORDON_RANGE);
	want(&t, CORDON_CALL_VM_DONATE, victim.handle, own | 511, 2, 0, CORDON_RANGE);
	want(&t, CORDON_CALL_VM_DONATE, victim.handle, own, ~0ull, 0, CORDON_RANGE);
	tally_add(&t, is_hosts(own) && is_hosts(mine));
	tally_report(&t, "addresses and sizes out of range", "each call with one", "refused");
}

/* All or nothing: a run of frames, of which one is not the host's, stays what it was. */
static void attempt_mixed(void)
{
	struct page *pages = alloc_pages(GFP_KERNEL, 2);
	struct tally t = { 0 };
	u64 first = pages ? pfn_of(pages) : 0;

	if (!pages) {
		not_tried("no memory");
		return;
	}
	if (vm_call(CORDON_CALL_VM_LOAD, built.handle, guest_address(50), first + 2, 1) <= CORDON_AGAIN) {
		want(&t, CORDON_CALL_VM_DONATE, victim.handle, first, 4, 0, CORDON_OWNED);
		want(&t, CORDON_CALL_VM_MAP, victim.handle, guest_address(50), first, 4, CORDON_OWNED);
		tally_add(&t, is_hosts(first) && is_hosts(first + 1) && is_hosts(first + 3) && !is_hosts(first + 2));
	}
	tally_report(&t, "one bad frame among good ones", "VM_DONATE, VM_MAP", "all or nothing");
	tally_add(&t, vm_end(&built) == 0);
	if (is_hosts(first + 2))
		__free_pages(pages, 2);
}

/* One vCPU is not made: its index is for the attempts. */
bool frames_begin(void)
{
	if (vm_frames(&built) == 0 && vm_create(&built, 3) == CORDON_OK && vm_furnish(&built) == CORDON_OK &&
	    vm_load_page(&built, 0) == CORDON_OK)
		return true;
	not_tried("there is no VM that is half built");
	vm_end(&built);
	return false;
}

unsigned int frames_end(void)
{
	return vm_end(&built);
}

void attack_frames(void)
{
	struct offer o[MOST_OFFERS];
	unsigned int n;

	if (!frames_begin())
		return;
	n = make_offers(o);
	for (unsigned int i = 0; i < ARRAY_SIZE(call_of); i++)
		attempt_offers(i, o, n);
	attempt_twice();
	attempt_swap();
	attempt_addresses();
	attempt_mixed();
}
