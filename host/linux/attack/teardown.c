// SPDX-License-Identifier: GPL-2.0
/* Ends of VMs: in every state, twice, by all CPUs at once, while they run, and very many. */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "attack.h"

static struct attack_vm doomed;

/* ---- from every state ---- */

static bool doomed_comes_out(u64 command, u64 x1, u64 x2, u64 x3, u64 exit)
{
	struct attack_run r;

	vm_begin(&doomed, 0, command, x1, x2, x3, &r);
	return r.status == CORDON_OK && r.exit == exit;
}

static bool to_frames(void) { return vm_frames(&doomed) == 0 && vm_create(&doomed, 2) == CORDON_OK; }
static bool to_built(void) { return vm_build(&doomed) == 0; }
static bool to_loaded(void) { return vm_load(&doomed) == 0; }
static bool to_running(void) { return vm_make(&doomed) == 0; }

/* A call may do all of a page that needs no new tables; but of more pages the first is done. */
static bool to_half_loaded(void)
{
	u64 status = CORDON_AGAIN;

	if (to_built())
		status = vm_call(CORDON_CALL_VM_LOAD, doomed.handle, guest_address(3), pfn_of(doomed.memory[3]), 1);
	return doomed.handle != 0 && status <= CORDON_AGAIN;
}

static bool to_started(void)
{
	return to_loaded() && vm_start(&doomed) == CORDON_OK;
}

static bool to_stopped(void)
{
	return to_running() && vm_call(CORDON_CALL_VM_STOP, doomed.handle, 0, 0, 0) == CORDON_OK;
}

static bool to_stopped_built(void)
{
	return to_built() && vm_call(CORDON_CALL_VM_STOP, doomed.handle, 0, 0, 0) == CORDON_OK;
}

static bool to_read(void) { return to_running() && doomed_comes_out(DO_LOAD, ATTACK_DEVICE, 0, 0, CORDON_EXIT_READ); }
static bool to_write(void) { return to_running() && doomed_comes_out(DO_STORE, ATTACK_DEVICE, 1, 0, CORDON_EXIT_WRITE); }
static bool to_memory(void) { return to_running() && doomed_comes_out(DO_LOAD, guest_address(30), 0, 0, CORDON_EXIT_MEMORY); }
static bool to_wait(void) { return to_running() && doomed_comes_out(DO_WAIT, 0, 0, 0, CORDON_EXIT_WAIT); }

static bool to_off(void)
{
	return to_running() && doomed_comes_out(DO_REGISTERS, 1, WAY_OFF, 0x84000002, CORDON_EXIT_CPU_OFF);
}

static bool to_system_off(void)
{
	return to_running() && doomed_comes_out(DO_REGISTERS, 1, WAY_OFF, 0x84000008, CORDON_EXIT_SYSTEM_OFF) &&
	       vm_phase(&doomed) == CORDON_PHASE_STOPPED;
}

static bool to_reset(void)
{
	return to_running() && doomed_comes_out(DO_REGISTERS, 1, WAY_OFF, 0x84000009, CORDON_EXIT_SYSTEM_RESET) &&
	       vm_phase(&doomed) == CORDON_PHASE_STOPPED;
}

static bool to_failed(void)
{
	return to_running() && doomed_comes_out(DO_REGISTERS, 1, WAY_FAIL, ATTACK_DEVICE, CORDON_EXIT_FAILED) &&
	       vm_phase(&doomed) == CORDON_PHASE_STOPPED;
}

static bool to_granted(void)
{
	return to_running() && doomed_comes_out(DO_CALL, CORDON_GUEST_GRANT, guest_address(4), 3 * PAGE_SIZE, CORDON_EXIT_HOST_CALL) &&
	       !load_fails(page_address(doomed.memory[4]));
}

static bool to_two_vcpus(void)
{
	struct attack_run r;

	if (!to_running() || !doomed_comes_out(DO_REGISTERS, 1, WAY_CPU_ON, 0, CORDON_EXIT_CPU_ON))
		return false;
	vm_go_on(&doomed, 1, &r);
	return r.status == CORDON_OK && r.exit == CORDON_EXIT_HOST_CALL;
}

static bool to_dying(void)
{
	if (!to_running())
		return false;
	for (unsigned int i = ATTACK_LOADED; i < ATTACK_PAGES; i++)
		(void)vm_map_page(&doomed, i);
	return vm_call(CORDON_CALL_VM_DESTROY, doomed.handle, 0, 0, 0) == CORDON_AGAIN;
}

static const struct {
	const char *name;
	bool (*go)(void);
} state[] = {
	{ "created", to_frames }, { "built", to_built }, { "a page half loaded", to_half_loaded }, { "loaded", to_loaded },
	{ "started", to_started }, { "running", to_running }, { "stopped", to_stopped }, { "stopped, never ran", to_stopped_built },
	{ "in a device read", to_read }, { "in a device write", to_write }, { "without a page", to_memory },
	{ "waiting", to_wait }, { "vCPU off", to_off }, { "system off", to_system_off }, { "reset", to_reset },
	{ "failed", to_failed }, { "with granted pages", to_granted }, { "two vCPUs", to_two_vcpus }, { "dying", to_dying },
};

static bool owners_are(struct owners before)
{
	struct owners now = count_owners();

	if (now.core == before.core && now.vm == before.vm)
		return true;
	pr_emerg("hostile: frames of the core: %llu before, %llu now; of VMs: %llu, %llu\n", before.core, now.core, before.vm, now.vm);
	return false;
}

static void attempt_states(void)
{
	struct owners before = count_owners();
	struct tally t = { 0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(state); i++) {
		bool there = state[i].go();
		u64 handle = doomed.handle;

		tally_want(&t, state[i].name, there, true);
		tally_want(&t, state[i].name, vm_end(&doomed), 0);
		tally_want(&t, state[i].name, vm_call(CORDON_CALL_VM_DESTROY, handle, 0, 0, 0), CORDON_NO_VM);
	}
	tally_add(&t, owners_are(before));
	tally_report(&t, "the end, and all comes back zeroed", "19 states", "zeros");
}

/* ---- a page half loaded ---- */

static void attempt_half_loaded(void)
{
	struct tally t = { 0 };

	if (to_half_loaded()) {
		u64 h = doomed.handle, other = pfn_of(doomed.memory[4]), page = pfn_of(doomed.memory[3]);
		/* The same call again goes on, and may come to the end. MAPPED: the first was all. */
		bool done = vm_call(CORDON_CALL_VM_LOAD, h, guest_address(3), page, 1) != CORDON_AGAIN;

		tally_want(&t, "another frame there", vm_call(CORDON_CALL_VM_LOAD, h, guest_address(3), other, 1),
			   done ? CORDON_MAPPED : CORDON_BUSY);
		tally_want(&t, "the frame elsewhere", vm_call(CORDON_CALL_VM_LOAD, h, guest_address(4), page, 1),
			   done ? CORDON_GFN : CORDON_BUSY);
		tally_want(&t, "a start at an odd address", vm_call(CORDON_CALL_VM_START, h, ATTACK_BASE + 1, 0, 0), CORDON_UNALIGNED);
		if (!done)
			tally_want(&t, "start", vm_start(&doomed), CORDON_BUSY);
		tally_add(&t, is_hosts(other) && store_fails(page_address(doomed.memory[3])));
		tally_want(&t, "stop", vm_call(CORDON_CALL_VM_STOP, h, 0, 0, 0), CORDON_OK);
		tally_want(&t, "start after that", vm_start(&doomed), CORDON_STATE);
		tally_want(&t, "a load after that", vm_call(CORDON_CALL_VM_LOAD, h, guest_address(3), page, 1), CORDON_STATE);
	}
	tally_want(&t, "pages that do not come back", vm_end(&doomed), 0);
	tally_report(&t, "a load that is half done", "load, start, stop", "BUSY, STATE");
}

/* ---- by all CPUs at once ---- */

struct ends {
	atomic_t ok, other;
};

static void end_it(void *argument)
{
	struct ends *e = argument;
	u64 status = vm_destroy(doomed.handle);

	if (status == CORDON_OK)
		atomic_inc(&e->ok);
	else if (status != CORDON_NO_VM)
		atomic_inc(&e->other);
}

static void attempt_at_once(void)
{
	struct owners before = count_owners();
	struct tally t = { 0 };

	for (unsigned int i = 0; i < 3; i++) {
		struct ends e = { };

		if (!to_dying()) {
			not_tried("there is no VM that dies");
			break;
		}
		on_every_cpu(end_it, &e);
		tally_add(&t, atomic_read(&e.ok) == 1 && atomic_read(&e.other) == 0);
		doomed.handle = 0;
		tally_want(&t, "pages that do not come back", vm_end(&doomed), 0);
	}
	tally_add(&t, owners_are(before));
	tally_report(&t, "the end by all CPUs at once", "half done", "one is told OK");
}

/* ---- while it runs on another CPU ---- */

struct chase {
	atomic_t roles;
	bool over, busy;
	struct tally tally;
};

static void run_it(struct chase *c)
{
	const u64 spin[4] = { DO_SPIN };
	struct attack_run r;

	vm_run(&doomed, 0, CORDON_ANSWER_VALUE, spin, NULL, &r);
	while (!READ_ONCE(c->over) && r.status == CORDON_OK) {
		vm_run(&doomed, 0, CORDON_ANSWER_NONE, NULL, NULL, &r);
		cond_resched();
	}
	while (!READ_ONCE(c->over))
		cond_resched();
	vm_run(&doomed, 0, CORDON_ANSWER_NONE, NULL, NULL, &r);
	tally_want(&c->tally, "a run after the end", r.status, CORDON_NO_VM);
}

/* The other CPU comes out of the guest now and then: then the VM really ends. Most often it does not. */
static void chase_it(struct chase *c)
{
	u64 status = 0;
	unsigned int i;

	for (i = 0; i < 1000000 && status != CORDON_RUNNING; i++)
		status = vm_call(CORDON_CALL_VCPU_RUN, doomed.handle, 0, 9, 0);
	status = vm_call(CORDON_CALL_VM_DESTROY, doomed.handle, 0, 0, 0);
	c->busy = status == CORDON_BUSY;
	if (c->busy)
		tally_want(&c->tally, "stop", vm_call(CORDON_CALL_VM_STOP, doomed.handle, 0, 0, 0), CORDON_OK);
	/* It is in the guest until its next exit, and cannot come in again. */
	for (i = 0; i < 10000000 && (status == CORDON_BUSY || status == CORDON_AGAIN); i++)
		status = vm_call(CORDON_CALL_VM_DESTROY, doomed.handle, 0, 0, 0);
	tally_want(&c->tally, "the end at last", status, CORDON_OK);
	WRITE_ONCE(c->over, true);
}

static void chase(void *argument)
{
	struct chase *c = argument;

	switch (atomic_inc_return(&c->roles)) {
	case 1: run_it(c); break;
	case 2: chase_it(c); break;
	}
}

static void attempt_running(void)
{
	struct chase c = { };
	bool busy = false;

	for (unsigned int i = 0; i < 5 && !busy && to_running(); i++) {
		c.over = c.busy = false;
		atomic_set(&c.roles, 0);
		on_every_cpu(chase, &c);
		busy |= c.busy;
		doomed.handle = 0;
		tally_want(&c.tally, "pages that do not come back", vm_end(&doomed), 0);
	}
	tally_add(&c.tally, busy);
	tally_report(&c.tally, "the end while a vCPU is in the guest", "two CPUs", "BUSY, then zeros");
}

/* ---- very many ---- */

struct many {
	unsigned long rounds;
	struct tally tally;
};

static u64 live_once(struct attack_vm *vm)
{
	struct attack_run r = { 0 };
	u64 status = vm_create(vm, ATTACK_VCPUS);

	if (status == CORDON_OK)
		status = vm_furnish(vm);
	for (unsigned int i = 0; i < ATTACK_CODE && status == CORDON_OK; i++)
		status = vm_load_page(vm, i);
	if (status == CORDON_OK)
		status = vm_start(vm);
	if (status == CORDON_OK)
		vm_go_on(vm, 0, &r);
	if (status == CORDON_OK)
		status = r.exit == CORDON_EXIT_HOST_CALL && r.detail[0] == ATTACK_X0 ? vm_destroy(vm->handle) : CORDON_CONFIG;
	if (status == CORDON_OK)
		vm->handle = 0;
	return status;
}

static void live_often(void *argument)
{
	struct many *m = argument;
	struct attack_vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL);

	if (!vm || vm_frames(vm) != 0) {
		not_tried("a CPU has no VM");
		kfree(vm);
		return;
	}
	for (unsigned long i = 0; i < m->rounds; i++) {
		u64 status = live_once(vm);

		tally_want(&m->tally, "a life", status, CORDON_OK);
		if (status != CORDON_OK)
			break;
		cond_resched();
	}
	tally_want(&m->tally, "pages that do not come back", vm_end(vm), 0);
	kfree(vm);
}

static void attempt_many(unsigned long rounds)
{
	struct owners before = count_owners();
	struct many m = { .rounds = rounds };

	on_every_cpu(live_often, &m);
	tally_add(&m.tally, owners_are(before));
	tally_report(&m.tally, "lives from creation to end", "all CPUs at once", "all comes back");
}

void attack_teardown(unsigned long rounds)
{
	attempt_states();
	attempt_half_loaded();
	attempt_at_once();
	if (num_online_cpus() > 1)
		attempt_running();
	attempt_many(rounds);
}
