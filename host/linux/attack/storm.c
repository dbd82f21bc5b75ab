// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls from all CPUs at once, on a few VMs and frames that they share: each call by itself makes sense now and
 * then. Whatever they answer, in the end every frame is accounted for. And a guest that calls Cordon at random.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "attack.h"

#define SLOTS 6
#define ORDER 8
#define FRAMES (1u << ORDER)	/* in one piece, so that a call for some of them takes no other ones; and roots for each slot */

static struct page *frames;
static struct page *root[SLOTS];
static u64 slot[SLOTS];
static unsigned int roots;

/* ---- values ---- */

static u64 any_handle(u64 *state)
{
	u64 h = READ_ONCE(slot[random64(state) % SLOTS]);

	switch (random64(state) % 24) {
	case 0: return h + (1ull << 16);
	case 1: return h & 0xffff;
	case 2: return random64(state);
	default: return h;
	}
}

/* No memory that the kernel uses: it would be the host's to give away, and the end of the host. */
static u64 wild_frame(u64 number)
{
	return number < 1ull << 36 && pfn_is_map_memory(number) ? number | 1ull << 40 : number;
}

static u64 any_frame(u64 *state)
{
	u64 n = random64(state);

	switch (random64(state) % 32) {
	case 0: return pfn_of(victim.memory[n % ATTACK_LOADED]);
	case 1: return pfn_of(beside.vcpu[n % ATTACK_VCPUS]);
	case 2: return pfn_of(victim.tables[n % ATTACK_TABLES]);
	case 3: return wild_frame(0x40000 + n % 0x800);
	case 4: return wild_frame(1ull << n % 64);
	case 5: return wild_frame(random64(state) >> n % 64);
	default: return pfn_of(frames) + n % FRAMES;
	}
}

/* Guest addresses of few pages, so that calls meet; and of others. */
static u64 any_address(u64 *state)
{
	u64 n = random64(state);

	switch (random64(state) % 16) {
	case 0: return n;
	case 1: return 1ull << n % 64;
	case 2: return n % 0x100000;
	default: return ATTACK_BASE + n % 24 * PAGE_SIZE;
	}
}

static u64 any_count(u64 *state)
{
	u64 n = random64(state);

	switch (random64(state) % 8) {
	case 0: return 0;
	case 1: return n % 8;
	case 2: return 1ull << n % 64;
	case 3: return n;
	default: return 1;
	}
}

/* Of frames from one on: some of our own, or more than there can be. */
static u64 any_pages(u64 *state, u64 frame)
{
	u64 n = any_count(state), first = pfn_of(frames);

	if (n >= 1ull << 40 || frame < first || frame >= first + FRAMES)
		return n >= 1ull << 40 ? n : min(n, 1ull);
	return min(n, first + FRAMES - frame);
}

static u64 any_interrupt(u64 *state)
{
	u64 n = random64(state);

	switch (random64(state) % 4) {
	case 0: return n;
	case 1: return CORDON_INTERRUPT_PENDING | CORDON_INTERRUPT_GROUP1 | n % 1100;
	default: return 0;
	}
}

/* ---- calls ---- */

static u64 any_function(u64 *state)
{
	/* Weights: what builds up is more frequent than what ends. */
	static const u32 often[] = {
		CORDON_CALL_VM_DONATE, CORDON_CALL_VM_DONATE, CORDON_CALL_VM_MEMORY, CORDON_CALL_VCPU_CREATE, CORDON_CALL_VCPU_CREATE,
		CORDON_CALL_VM_LOAD, CORDON_CALL_VM_LOAD, CORDON_CALL_VM_LOAD, CORDON_CALL_VM_START, CORDON_CALL_VM_START,
		CORDON_CALL_VM_MAP, CORDON_CALL_VM_MAP, CORDON_CALL_VM_MAP, CORDON_CALL_VCPU_RUN, CORDON_CALL_VCPU_RUN,
		CORDON_CALL_VCPU_RUN, CORDON_CALL_VM_BLOCK, CORDON_CALL_VM_CLEAR, CORDON_CALL_VM_CLEAR, CORDON_CALL_VM_INFO,
		CORDON_CALL_VM_MEASUREMENT, CORDON_CALL_MAP,
	};
	u64 n = random64(state);

	if (n % 256 == 0)
		return CORDON_CALL_VM_STOP;
	if (n % 256 < 4)
		return CORDON_CALL_VM_DESTROY;
	return often[(n >> 8) % ARRAY_SIZE(often)];
}

static void fill_arguments(struct cordon_regs *r, u64 *state)
{
	r->x[1] = any_handle(state);
	switch (r->x[0]) {
	case CORDON_CALL_MAP:
		r->x[1] = any_frame(state);
		break;
	case CORDON_CALL_VM_DONATE:
	case CORDON_CALL_VM_CLEAR:
		r->x[2] = any_frame(state);
		r->x[3] = any_pages(state, r->x[2]);
		break;
	case CORDON_CALL_VM_MEMORY:
		r->x[2] = random64(state) % 4 ? ATTACK_BASE : any_address(state);
		r->x[3] = any_count(state) * 24 * PAGE_SIZE;
		break;
	case CORDON_CALL_VCPU_CREATE:
		r->x[2] = random64(state) % 3;
		r->x[3] = any_frame(state);
		break;
	case CORDON_CALL_VCPU_RUN:
		r->x[2] = random64(state) % 3;
		r->x[3] = random64(state) % 2 ? random64(state) % 4 : 0;
		for (unsigned int i = 4; i < 8; i++)
			r->x[i] = random64(state);
		for (unsigned int i = 8; i < 12 && random64(state) % 4 == 0; i++)
			r->x[i] = any_interrupt(state);
		break;
	case CORDON_CALL_VM_START:
		r->x[2] = random64(state) % 4 ? ATTACK_BASE : any_address(state);
		break;
	default:
		r->x[2] = any_address(state);
		r->x[3] = any_frame(state);
		r->x[4] = any_pages(state, r->x[3]);
		break;
	}
}

/* Statuses are the numbers that there are; a call that builds is told what it named. */
static bool is_status(const struct cordon_regs *r)
{
	return r->x[0] <= CORDON_NOT_MEMORY || (s64)r->x[0] == CORDON_INVALID;
}

static void create(u64 *state)
{
	unsigned int i = random64(state) % SLOTS;
	u64 vcpus = random64(state) % 8 ? 1 + random64(state) % 2 : any_count(state);
	struct cordon_regs r = vm_call_regs(CORDON_CALL_VM_CREATE, pfn_of(root[i]), vcpus, 0, 0);

	/* Whoever gets the roots of a slot has the slot: the one before is gone. */
	if (r.x[0] == CORDON_OK)
		WRITE_ONCE(slot[i], r.x[1]);
}

struct gale {
	unsigned long rounds;
	u64 seed;
	atomic_t cpus;
	struct tally tally, own;
	atomic64_t ok[CORDON_CALL_VCPU_RUN - CORDON_CALL_VM_LIMITS + 1];
};

static void one_call(struct gale *g, u64 *state)
{
	struct cordon_regs r = { { any_function(state) } };
	u32 function = r.x[0];
	struct vectors vectors;

	fill_arguments(&r, state);
	vectors_begin(&vectors);
	cordon_hvc(&r);
	vectors_end(&vectors);
	tally_add(&g->tally, is_status(&r));
	if (function >= CORDON_CALL_VM_LIMITS && r.x[0] == CORDON_OK)
		atomic64_inc(&g->ok[function - CORDON_CALL_VM_LIMITS]);
}

/* Frames of the host's are written to, others are tried: the kernel survives either. */
static void touch(struct gale *g, u64 *state)
{
	void *va = page_address(frames + random64(state) % FRAMES);

	(void)store_fails(va);
	tally_add(&g->own, load_fails(page_address(victim.memory[random64(state) % ATTACK_LOADED])));
}

static void blow(void *argument)
{
	struct gale *g = argument;
	u64 state = g->seed * 0x9e3779b97f4a7c15ull + atomic_inc_return(&g->cpus) * 0x1234567ull + 1;

	for (unsigned long i = 0; i < g->rounds; i++) {
		if (random64(&state) % 16 == 0)
			create(&state);
		if (random64(&state) % 8 == 0)
			touch(g, &state);
		one_call(g, &state);
		if (i % 64 == 0)
			cond_resched();
	}
}

/* ---- before and after ---- */

static bool get_all(void)
{
	roots = vm_call_regs(CORDON_CALL_VM_LIMITS, 0, 0, 0, 0).x[1];
	frames = alloc_pages(GFP_KERNEL | __GFP_ZERO, ORDER);
	for (unsigned int i = 0; i < SLOTS; i++) {
		root[i] = alloc_pages(GFP_KERNEL, get_order(roots * PAGE_SIZE));
		slot[i] = 0;
		if (!root[i])
			return false;
	}
	return frames != NULL;
}

static void put_all(struct tally *t)
{
	bool all = true;

	for (unsigned int i = 0; i < SLOTS; i++) {
		u64 status = slot[i] ? vm_destroy(slot[i]) : CORDON_NO_VM;

		tally_add(t, status == CORDON_OK || status == CORDON_NO_VM);
		if (is_hosts(pfn_of(root[i])))
			__free_pages(root[i], get_order(roots * PAGE_SIZE));
	}
	for (unsigned int i = 0; i < FRAMES; i++) {
		bool back = is_hosts(pfn_of(frames) + i) && !load_fails(page_address(frames + i));

		tally_add(t, back);
		all &= back;
	}
	if (all)
		__free_pages(frames, ORDER);
}

static const char *const name_of[] = {
	[CORDON_CALL_VM_CREATE - CORDON_CALL_VM_LIMITS] = "VM_CREATE", [CORDON_CALL_VM_DONATE - CORDON_CALL_VM_LIMITS] = "VM_DONATE",
	[CORDON_CALL_VM_MEMORY - CORDON_CALL_VM_LIMITS] = "VM_MEMORY",
	[CORDON_CALL_VCPU_CREATE - CORDON_CALL_VM_LIMITS] = "VCPU_CREATE", [CORDON_CALL_VM_LOAD - CORDON_CALL_VM_LIMITS] = "VM_LOAD",
	[CORDON_CALL_VM_START - CORDON_CALL_VM_LIMITS] = "VM_START", [CORDON_CALL_VM_MAP - CORDON_CALL_VM_LIMITS] = "VM_MAP",
	[CORDON_CALL_VM_CLEAR - CORDON_CALL_VM_LIMITS] = "VM_CLEAR", [CORDON_CALL_VM_STOP - CORDON_CALL_VM_LIMITS] = "VM_STOP",
	[CORDON_CALL_VM_DESTROY - CORDON_CALL_VM_LIMITS] = "VM_DESTROY", [CORDON_CALL_VCPU_RUN - CORDON_CALL_VM_LIMITS] = "VCPU_RUN",
};

/* A storm in which nothing succeeds would show nothing. */
static void print_successes(struct gale *g)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(name_of); i++) {
		if (name_of[i])
			pr_info("hostile: storm: %lld times %s\n", atomic64_read(&g->ok[i]), name_of[i]);
	}
}

/* ---- a guest at random ---- */

/* Whatever exit that makes is answered; one that ends the guest ends the storm. */
static bool answer_exit(struct attack_vm *vm, struct attack_run *r)
{
	for (unsigned int i = 0; i < 1000 && r->status == CORDON_OK; i++) {
		u64 answer = CORDON_ANSWER_NONE;

		if (r->exit == CORDON_EXIT_HOST_CALL)
			return true;
		if (r->exit == CORDON_EXIT_READ)
			answer = CORDON_ANSWER_VALUE;
		else if (r->exit == CORDON_EXIT_MEMORY && vm_map_page(vm, (r->detail[0] - ATTACK_BASE) / PAGE_SIZE) != CORDON_OK)
			return false;
		else if (r->exit >= CORDON_EXIT_CPU_OFF && r->exit <= CORDON_EXIT_SYSTEM_RESET)
			return false;
		vm_run(vm, 0, answer, NULL, NULL, r);
	}
	return false;
}

static u64 guest_function(u64 *state)
{
	u64 n = random64(state);

	switch (n % 8) {
	case 0: return n >> 8;
	case 1: return 0x84000003u + (n >> 8) % 5;
	case 2: return 0xc4000003u + (n >> 8) % 2;
	case 3: return 0xc6000000u + (n >> 8) % 0x90;
	default: return CORDON_GUEST_FIRST + (n >> 8) % 5;
	}
}

static void attempt_guest(unsigned long rounds, u64 seed)
{
	static struct attack_vm mad;
	struct tally t = { 0 };
	u64 state = seed | 1;

	if (vm_make(&mad) != 0)
		return;
	for (unsigned long i = 0; i < rounds; i++) {
		u64 function = guest_function(&state);
		u64 address = guest_address(ATTACK_CODE + random64(&state) % 40);
		struct attack_run r;

		/* What holds its own code it does not give away: it would be the end of it, and nobody's doing but its own. */
		if (random64(&state) % 4 == 0 && (u32)function != CORDON_GUEST_RELINQUISH)
			address = any_address(&state);
		vm_begin(&mad, 0, DO_CALL, function, address, any_count(&state), &r);
		tally_add(&t, answer_exit(&mad, &r));
		if (r.exit != CORDON_EXIT_HOST_CALL)
			break;
		cond_resched();
	}
	tally_want(&t, "pages that do not come back", vm_end(&mad), 0);
	tally_report(&t, "a guest's random calls", "grants, PSCI, anything", "it goes on");
}

void attack_storm(unsigned long rounds, u64 seed)
{
	static struct gale g;
	struct owners before;
	struct tally t = { 0 };

	memset(&g, 0, sizeof(g));
	g.rounds = rounds;
	g.seed = seed;
	pr_emerg("hostile: storm of %lu calls a CPU with seed %llu\n", rounds, seed);
	before = count_owners();
	if (get_all()) {
		on_every_cpu(blow, &g);
		put_all(&t);
	} else {
		not_tried("no memory");
	}
	tally_add(&t, count_owners().core == before.core && count_owners().vm == before.vm);
	tally_report(&g.tally, "random calls on shared VMs", "all CPUs at once", "a status");
	tally_report(&g.own, "reads of the victim meanwhile", "all CPUs at once", "EFAULT");
	tally_report(&t, "frames after the storm", "every one that was used", "the host's");
	tally_want(&t, "starts", atomic64_read(&g.ok[CORDON_CALL_VM_START - CORDON_CALL_VM_LIMITS]) > 0, 1);
	print_successes(&g);
	attempt_guest(rounds / 10, seed);
}
