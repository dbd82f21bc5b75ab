// SPDX-License-Identifier: GPL-2.0
/*
 * What a run leaves in the host's registers: its own, what is documented, and nothing of the guest's. And what the host
 * may do with debug registers and event counters: nothing to a guest.
 */
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <asm/sysreg.h>

#include "attack.h"

static struct attack_vm watched;

#define SECRET 0x5ec2e75ec2e70000ull
#define MISSING 20
#define GIVEN 10

/* ---- all registers around one call ---- */

struct all_registers {
	u64 x[32];
	u64 v[64];
	u64 fpcr, fpsr;
};

struct probe {
	struct all_registers in, out;
};

void attack_probe(struct probe *p);

/* X(name): EL1's registers, timers, debug, counters, the GIC's CPU interface. */
#define KEPT(X)												\
	X(sctlr_el1) X(cpacr_el1) X(ttbr0_el1) X(ttbr1_el1) X(tcr_el1) X(esr_el1) X(afsr0_el1) X(afsr1_el1)	\
	X(far_el1) X(mair_el1) X(amair_el1) X(vbar_el1) X(contextidr_el1) X(cntkctl_el1) X(par_el1) X(tpidr_el0)	\
	X(tpidrro_el0) X(tpidr_el1) X(sp_el0) X(elr_el1) X(spsr_el1) X(mdscr_el1) X(csselr_el1) X(daif)	\
	X(cntp_cval_el0) X(cntfrq_el0) X(mpidr_el1) X(pmcr_el0) X(pmuserenr_el0) X(pmselr_el0) X(pmintenset_el1)	\
	X(pmcntenset_el0) X(pmccfiltr_el0) X(oslsr_el1) X(dbgbvr0_el1) X(dbgbcr0_el1) X(dbgwvr0_el1) X(dbgwcr0_el1)	\
	X(dbgbvr1_el1) X(dbgbcr1_el1) X(dbgwvr1_el1) X(dbgwcr1_el1) X(osdlr_el1)	\
	X(S3_0_C4_C6_0) X(S3_0_C12_C12_3) X(S3_0_C12_C12_4) X(S3_0_C12_C12_5) X(S3_0_C12_C12_6) X(S3_0_C12_C12_7)	\
	X(S3_0_C12_C11_3)

/* Those that the host may set to anything while nobody else runs on this CPU. */
#define SET(X)												\
	X(tpidr_el0, 0x1157000000000001) X(tpidrro_el0, 0x1157000000000002) X(contextidr_el1, 0x1157)	\
	X(far_el1, 0x1157000000000003) X(elr_el1, 0x1157000000000004) X(spsr_el1, 0x600003c5) X(esr_el1, 0x56001157)	\
	X(csselr_el1, 2) X(mdscr_el1, 0x1000)

#define READ_KEPT(name) asm volatile("mrs %0, " #name : "=r"(value[n++]));
#define COUNT(name) + 1
enum { KEPTS = 0 KEPT(COUNT) };

static const char *const kept_name[] = {
#define NAME(name) #name,
	KEPT(NAME)
};

static void read_kept(u64 value[KEPTS])
{
	unsigned int n = 0;

	KEPT(READ_KEPT)
}

struct around {
	u64 before[KEPTS], after[KEPTS];
	u64 cntv_ctl, cntv_cval, cntvct, cntpct;
	u64 cycles, ticks;
	struct probe probe;
};

#define OLD(name, number) u64 old_##name;
#define SAVE_AND_SET(name, number)						\
	asm volatile("mrs %0, " #name : "=r"(old_##name));			\
	asm volatile("msr " #name ", %0" : : "r"((u64)number));
#define RESTORE(name, number) asm volatile("msr " #name ", %0" : : "r"(old_##name));

/* Nothing that could fail, be traced or be interrupted between the two looks at the registers. */
static noinline void run_probed(struct around *a)
{
	SET(OLD)
	struct vectors vectors;
	unsigned long flags;

	vectors_begin(&vectors);
	local_irq_save(flags);
	asm volatile("msr daifset, #0xf" : : : "memory");
	SET(SAVE_AND_SET)
	isb();
	a->ticks = read_sysreg(cntpct_el0);
	a->cycles = read_sysreg(pmccntr_el0);
	read_kept(a->before);
	attack_probe(&a->probe);
	read_kept(a->after);
	isb();
	a->cycles = read_sysreg(pmccntr_el0) - a->cycles;
	a->ticks = read_sysreg(cntpct_el0) - a->ticks;
	a->cntv_ctl = read_sysreg(cntv_ctl_el0);
	a->cntv_cval = read_sysreg(cntv_cval_el0);
	a->cntpct = read_sysreg(cntpct_el0);
	isb();
	a->cntvct = read_sysreg(cntvct_el0);
	SET(RESTORE)
	isb();
	local_irq_restore(flags);
	vectors_end(&vectors);
}

/* ---- what must be there after it ---- */

static bool is_secret(u64 value)
{
	return value >> 16 == SECRET >> 16 || value >> 16 == (SECRET + 0x100000) >> 16;
}

static void prepare(struct around *a, u64 answer, const u64 command[4])
{
	struct all_registers *in = &a->probe.in;

	for (unsigned int i = 0; i < 32; i++)
		in->x[i] = 0x4057000000000000ull + i;
	for (unsigned int i = 0; i < 64; i++)
		in->v[i] = 0x4057700000000000ull + i;
	in->fpcr = 0x01000000;		/* flush to zero: the host's, not the guest's */
	in->fpsr = 0x08000010;
	in->x[0] = CORDON_CALL_VCPU_RUN;
	in->x[1] = watched.handle;
	in->x[2] = 0;
	in->x[3] = answer;
	for (unsigned int i = 0; i < 4; i++) {
		in->x[4 + i] = command[i];
		in->x[8 + i] = 0;
	}
}

static void want_word(struct tally *t, const char *what, unsigned int n, u64 got, u64 wanted)
{
	char text[48];

	snprintf(text, sizeof(text), "%s%u", what, n);
	tally_want(t, text, got, wanted);
}

/* All zero, or all as the host has left them: when the guest has not used its own. */
static void look_at_vectors(struct tally *t, const struct all_registers *in, const struct all_registers *out)
{
	bool own = out->fpcr == in->fpcr;

	for (unsigned int i = 0; i < 64; i++)
		want_word(t, "half of V", i, out->v[i], own ? in->v[i] : 0);
	tally_want(t, "FPCR", out->fpcr, own ? in->fpcr : 0);
	tally_want(t, "FPSR", out->fpsr, own ? in->fpsr : 0);
}

/* x12 .. x30 are the host's; x0 .. x11 what the call says; vector registers zero; and no secret anywhere. */
static void look_at_general(struct tally *t, const struct around *a, u64 exit)
{
	const struct all_registers *out = &a->probe.out;

	tally_want(t, "status", out->x[0], CORDON_OK);
	tally_want(t, "exit", out->x[1], exit);
	for (unsigned int i = 0; i < 31; i++)
		tally_add(t, !is_secret(out->x[i]));
	for (unsigned int i = 8; i < 12; i++)
		want_word(t, "x", i, out->x[i], 0);
	for (unsigned int i = 12; i < 31; i++)
		want_word(t, "x", i, out->x[i], a->probe.in.x[i]);
	look_at_vectors(t, &a->probe.in, out);
}

static void look_at_system(struct tally *t, const struct around *a)
{
	for (unsigned int i = 0; i < KEPTS; i++)
		tally_want(t, kept_name[i], a->after[i], a->before[i]);
	tally_want(t, "CNTV_CTL", a->cntv_ctl & 1, 0);
	/* The guest has PATTERN + 10 there. */
	tally_want(t, "CNTV_CVAL", a->cntv_cval == PATTERN + 10, 0);
	tally_want(t, "CNTVCT far from CNTPCT", a->cntvct - a->cntpct < 1ull << 30, 1);
}

/* What x2 .. x5 say, for the exits that can be told beforehand. */
struct wanted {
	const char *name;
	enum attack_way way;
	u64 argument, exit, detail[4];
};

static const struct wanted wanted[] = {
	{ "call to the host", WAY_HOST, 0, CORDON_EXIT_HOST_CALL, { 0x99 } },
	{ "device read", WAY_READ, ATTACK_DEVICE, CORDON_EXIT_READ, { ATTACK_DEVICE, 8 } },
	{ "device write", WAY_WRITE, ATTACK_DEVICE, CORDON_EXIT_WRITE, { ATTACK_DEVICE, 8, 0 } },
	{ "memory, read", WAY_READ, ATTACK_BASE + MISSING * 4096 + 0x738, CORDON_EXIT_MEMORY, { ATTACK_BASE + MISSING * 4096 } },
	{ "memory, write", WAY_WRITE, ATTACK_BASE + (MISSING + 1) * 4096 + 0x18, CORDON_EXIT_MEMORY,
	  { ATTACK_BASE + (MISSING + 1) * 4096, 1 } },
	{ "waits for an interrupt", WAY_WAIT, 0, CORDON_EXIT_WAIT, { 0 } },
	{ "sent an SGI", WAY_SGI, 3 << 24 | 2, CORDON_EXIT_SGI, { 2, 3 } },
	{ "gave memory back", WAY_RELINQUISH, ATTACK_BASE + GIVEN * 4096, CORDON_EXIT_RELINQUISHED, { ATTACK_BASE + GIVEN * 4096, 1 } },
	{ "suspended", WAY_SUSPEND, 0, CORDON_EXIT_WAIT, { 0 } },
	{ "interrupted", WAY_SPIN, 30000000, CORDON_EXIT_INTERRUPTED, { 0 } },
	{ "started a vCPU", WAY_CPU_ON, 0, CORDON_EXIT_CPU_ON, { 1 } },
	{ "failed", WAY_FAIL, ATTACK_DEVICE, CORDON_EXIT_FAILED, { CORDON_FAILURE_HANDLER } },
};

/* Interrupted before it came to what it was to do: goes on, and the exit that is looked for is the next one. */
static void probe_exit(struct around *a, const struct wanted *w)
{
	const u64 command[4] = { DO_REGISTERS, SECRET, w->way, w->argument };
	const u64 nothing[4] = { 0 };

	prepare(a, CORDON_ANSWER_VALUE, command);
	run_probed(a);
	for (unsigned int i = 0; i < 1000 && a->probe.out.x[0] == CORDON_OK && w->exit != CORDON_EXIT_INTERRUPTED &&
	     a->probe.out.x[1] == CORDON_EXIT_INTERRUPTED; i++) {
		prepare(a, CORDON_ANSWER_NONE, nothing);
		run_probed(a);
	}
}

/* The guest goes on, and finds its registers. */
static bool goes_on(const struct wanted *w)
{
	struct attack_run r;
	u64 value[4] = { 0 };

	if (w->exit == CORDON_EXIT_FAILED)
		return true;
	if (w->exit == CORDON_EXIT_MEMORY &&
	    vm_map_page(&watched, (w->detail[0] - ATTACK_BASE) / PAGE_SIZE) != CORDON_OK)
		return false;
	vm_run(&watched, 0, w->exit == CORDON_EXIT_HOST_CALL || w->exit == CORDON_EXIT_READ ? CORDON_ANSWER_VALUE :
	       CORDON_ANSWER_NONE, value, NULL, &r);
	if (r.status == CORDON_OK && r.exit == CORDON_EXIT_INTERRUPTED)
		vm_go_on(&watched, 0, &r);
	return r.status == CORDON_OK && r.exit == CORDON_EXIT_HOST_CALL && r.detail[0] == 0;
}

/* The guest writes its system registers in the run itself: one that is not exchanged at all shows only so. */
static void attempt_written(struct around *a)
{
	const u64 command[4] = { DO_FILL_SYSTEM, PATTERN };
	const u64 nothing[4] = { 0 };
	struct tally t = { 0 };
	struct attack_run r;

	prepare(a, CORDON_ANSWER_VALUE, command);
	run_probed(a);
	look_at_system(&t, a);
	for (unsigned int i = 0; i < 1000 && a->probe.out.x[1] == CORDON_EXIT_INTERRUPTED; i++) {
		prepare(a, CORDON_ANSWER_NONE, nothing);
		run_probed(a);
		look_at_system(&t, a);
	}
	tally_want(&t, "exit", a->probe.out.x[1], CORDON_EXIT_HOST_CALL);
	tally_add(&t, vm_do(&watched, 0, DO_CHECK_SYSTEM, PATTERN, 0, 0, &r) && r.detail[0] == 0);
	tally_report(&t, "registers of the host after a run", "the guest writes its own", "no guest's");
}

static void attempt_leak(struct around *a, const struct wanted *w)
{
	struct tally t = { 0 };
	struct attack_run r;

	tally_add(&t, vm_do(&watched, 0, DO_FILL_SYSTEM, PATTERN, 0, 0, &r));
	probe_exit(a, w);
	look_at_general(&t, a, w->exit);
	for (unsigned int i = 0; i < 4; i++)
		want_word(&t, "detail ", i, a->probe.out.x[2 + i], w->detail[i]);
	look_at_system(&t, a);
	tally_add(&t, goes_on(w));
	if (w->exit != CORDON_EXIT_FAILED) {
		tally_add(&t, vm_do(&watched, 0, DO_CHECK_SYSTEM, PATTERN, 0, 0, &r));
		tally_want(&t, "registers that the guest misses", r.detail[0], 0);
	}
	tally_report(&t, "registers of the host after an exit", w->name, "no guest's");
}

/* ---- other calls: all registers but x0 .. x3 are the host's own ---- */

static struct attack_vm loaded;

static void probe_call(struct around *a, struct tally *t, u64 function, u64 x2, u64 x3, u64 x4)
{
	const u64 nothing[4] = { 0 };
	struct all_registers *in = &a->probe.in, *out = &a->probe.out;

	prepare(a, x3, nothing);
	in->x[0] = function;
	in->x[1] = loaded.handle;
	in->x[2] = x2;
	in->x[4] = x4;
	run_probed(a);
	tally_add(t, out->x[0] <= CORDON_AGAIN);
	for (unsigned int i = 4; i < 31; i++)
		want_word(t, "x", i, out->x[i], in->x[i]);
	for (unsigned int i = 0; i < 64; i++)
		want_word(t, "half of V", i, out->v[i], in->v[i]);
	tally_want(t, "FPCR", out->fpcr, in->fpcr);
	for (unsigned int i = 0; i < KEPTS; i++)
		tally_want(t, kept_name[i], a->after[i], a->before[i]);
}

static void attempt_calls(struct around *a)
{
	struct tally t = { 0 };

	if (vm_build(&loaded) == 0) {
		for (unsigned int i = 0; i < ATTACK_CODE; i++) {
			/* Not zero: it is measured. */
			probe_call(a, &t, CORDON_CALL_VM_LOAD, guest_address(i), pfn_of(loaded.memory[i]), 1);
			while (a->probe.out.x[0] == CORDON_AGAIN)
				probe_call(a, &t, CORDON_CALL_VM_LOAD, guest_address(i), pfn_of(loaded.memory[i]), 1);
		}
		probe_call(a, &t, CORDON_CALL_VM_START, ATTACK_BASE, 0, 0);
		probe_call(a, &t, CORDON_CALL_VM_MAP, guest_address(20), pfn_of(loaded.memory[20]), 1);
		probe_call(a, &t, CORDON_CALL_VM_INFO, 0, 0, 0);
		probe_call(a, &t, CORDON_CALL_VM_MEASUREMENT, 0, 0, 0);
		probe_call(a, &t, CORDON_CALL_VM_STOP, 0, 0, 0);
		probe_call(a, &t, CORDON_CALL_VM_CLEAR, pfn_of(loaded.memory[20]), 1, 0);
		probe_call(a, &t, CORDON_CALL_VM_DESTROY, 0, 0, 0);
	}
	tally_want(&t, "pages that do not come back", vm_end(&loaded), 0);
	tally_report(&t, "registers of the host after a call", "load, map, start, end", "kept");
}

/* ---- streaming mode: vector instructions that EL2 may want are not there in it ---- */

#define SVCR sys_reg(3, 3, 4, 2, 2)
#define SMEN (3ull << 24 | 3ull << 20 | 3ull << 16)	/* CPACR_EL1: nothing of vectors traps */

static bool streamed;

/* A call in streaming mode. Where the mode is not kept, it is one that a run ends. */
static u64 call_streaming(u32 function, u64 x1, u64 x2, u64 x3, u64 x4)
{
	struct vectors vectors;
	unsigned long flags;
	u64 cpacr, status;

	vectors_begin(&vectors);
	local_irq_save(flags);
	cpacr = read_sysreg(cpacr_el1);
	write_sysreg(cpacr | SMEN, cpacr_el1);
	isb();
	write_sysreg_s(1, SVCR);
	isb();
	streamed |= read_sysreg_s(SVCR) & 1;
	status = vm_call(function, x1, x2, x3, x4);
	write_sysreg_s(0, SVCR);
	isb();
	write_sysreg(cpacr, cpacr_el1);
	isb();
	local_irq_restore(flags);
	vectors_end(&vectors);
	return status;
}

static void attempt_streaming(void)
{
	struct tally t = { 0 };
	struct attack_run r;
	u64 status;

	if ((read_sysreg_s(SYS_ID_AA64PFR1_EL1) >> 24 & 0xf) == 0)
		return;
	if (vm_load(&loaded) == 0) {
		memset64(page_address(loaded.memory[20]), 0x57aea31, PAGE_SIZE / 8);
		do {
			status = call_streaming(CORDON_CALL_VM_LOAD, loaded.handle, guest_address(20), pfn_of(loaded.memory[20]), 1);
		} while (status == CORDON_AGAIN);
		tally_want(&t, "a load in streaming mode", status, CORDON_OK);
		tally_want(&t, "start", vm_start(&loaded), CORDON_OK);
		/* An interrupt may end a run before the guest has asked: then it goes on with the next. */
		for (unsigned int i = 0; i < 50; i++) {
			status = call_streaming(CORDON_CALL_VCPU_RUN, loaded.handle, 0, 0, 0);
			if (status != CORDON_OK)
				break;
		}
		tally_want(&t, "runs in streaming mode, to the guest's question", status, CORDON_ANSWER);
		tally_add(&t, vm_do(&loaded, 0, DO_REGISTERS, SECRET, WAY_HOST, 0, &r) && r.detail[0] == 0x99);
		tally_add(&t, vm_do(&loaded, 0, 0, 0, 0, 0, &r) && r.detail[0] == 0);
		tally_add(&t, vm_do(&loaded, 0, DO_LOAD, guest_address(20), 0, 0, &r));
		tally_want(&t, "the page that was loaded", r.detail[0], 0x57aea31);
	}
	tally_want(&t, "pages that do not come back", vm_end(&loaded), 0);
	tally_want(&t, "streaming mode was on", streamed, 1);
	tally_report(&t, "calls in streaming mode", "VM_LOAD, VCPU_RUN", "as otherwise");
}

/* ---- debug ---- */

/* The host's breakpoints and watchpoints at what the guest runs and touches, and single steps. */
static void attempt_debug(struct around *a)
{
	const u64 command[4] = { DO_DEBUG };
	struct tally t = { 0 };

	for (unsigned int locked = 0; locked < 2; locked++) {
		write_sysreg(ATTACK_BASE + 0x40, dbgbvr1_el1);
		write_sysreg(ATTACK_BASE + 0x44, dbgbvr0_el1);
		write_sysreg(0x1e7, dbgbcr0_el1);	/* this address, at EL1 and EL0 */
		write_sysreg(0x1e7, dbgbcr1_el1);
		write_sysreg(ATTACK_BASE, dbgwvr0_el1);
		write_sysreg(0x1f001fff, dbgwcr0_el1);	/* all of 2 GiB from it on, loads and stores */
		write_sysreg(locked, oslar_el1);
		prepare(a, CORDON_ANSWER_VALUE, command);
		run_probed(a);
		look_at_system(&t, a);
		tally_want(&t, "exit", a->probe.out.x[1] == CORDON_EXIT_INTERRUPTED || a->probe.out.x[1] == CORDON_EXIT_HOST_CALL, 1);
		if (a->probe.out.x[1] == CORDON_EXIT_HOST_CALL) {
			for (unsigned int i = 0; i < 3; i++)
				want_word(&t, "what the guest sees of debug ", i, a->probe.out.x[2 + i], 0);
		} else {
			struct attack_run r;

			vm_go_on(&watched, 0, &r);
		}
	}
	write_sysreg(0, dbgbcr0_el1);
	write_sysreg(0, dbgbcr1_el1);
	write_sysreg(0, dbgwcr0_el1);
	tally_report(&t, "breakpoints, watchpoints, OS lock", "on what the guest runs", "undisturbed");
}

/* Until its answer, through interrupts; what it leaves in the host's registers is looked at each time. */
static u64 answer_probed(struct around *a, struct tally *t, const u64 command[4])
{
	const u64 nothing[4] = { 0 };

	prepare(a, CORDON_ANSWER_VALUE, command);
	run_probed(a);
	look_at_system(t, a);
	for (unsigned int i = 0; i < 1000 && a->probe.out.x[1] == CORDON_EXIT_INTERRUPTED; i++) {
		prepare(a, CORDON_ANSWER_NONE, nothing);
		run_probed(a);
		look_at_system(t, a);
	}
	tally_want(t, "exit", a->probe.out.x[1], CORDON_EXIT_HOST_CALL);
	return a->probe.out.x[2];
}

extern const char attack_agent[], attack_agent_load[];

/*
 * A guest that debugs itself, on a CPU where the host has breakpoints at what the guest runs and either lock on: the guest's fire, and
 * no other; the host finds its own, and none of the guest's.
 */
static void attempt_own_debug(struct around *a)
{
	const u64 data = guest_address(ATTACK_CODE), at = ATTACK_BASE + (attack_agent_load - attack_agent);
	const u64 look[4] = { DO_LOAD, data }, find[4] = { DO_BROKEN };
	struct tally t = { 0 };
	u64 value;

	write_sysreg(ATTACK_BASE + 0x44, dbgbvr1_el1);
	write_sysreg(0x1e7, dbgbcr1_el1);
	write_sysreg(ATTACK_BASE, dbgwvr1_el1);
	write_sysreg(0x1f001fff, dbgwcr1_el1);
	value = answer_probed(a, &t, look);
	for (unsigned int locks = 0; locks < 4; locks++) {
		const u64 on[4] = { DO_BREAK, at, 0xa000, ATTACK_BASE + 0x7f000 }, off[4] = { DO_BREAK };
		const u64 watch[4] = { DO_BREAK, ATTACK_DEVICE, 0xa000, data };

		write_sysreg(locks & 1, oslar_el1);
		write_sysreg(locks >> 1, osdlr_el1);
		tally_want(&t, "it debugs itself", answer_probed(a, &t, on), 0);
		tally_want(&t, "its breakpoint", answer_probed(a, &t, look), 0xdead0031);
		tally_want(&t, "the address of it", answer_probed(a, &t, find), at);
		tally_want(&t, "DBGBCR of the guest", a->probe.out.x[3], 0x1e7);
		tally_want(&t, "DBGWVR of the guest", a->probe.out.x[4], ATTACK_BASE + 0x7f000);
		tally_want(&t, "MDSCR of the guest", a->probe.out.x[5], 0xa000);
		tally_want(&t, "it watches its memory", answer_probed(a, &t, watch), 0);
		tally_want(&t, "its watchpoint", answer_probed(a, &t, look), 0xdead0035);
		tally_want(&t, "it stops debugging", answer_probed(a, &t, off), 0);
		tally_want(&t, "what is in its memory", answer_probed(a, &t, look), value);
	}
	write_sysreg(0, osdlr_el1);
	write_sysreg(0, oslar_el1);
	write_sysreg(0, dbgbcr1_el1);
	write_sysreg(0, dbgwcr1_el1);
	tally_report(&t, "a guest that debugs itself", "breakpoint, watchpoint, locks", "its own alone");
}

/* Debug exceptions on in the host, which masks them for itself: the guest has them off. */
static void attempt_debug_on(void)
{
	const u64 command[4] = { DO_CHECK, guest_address(ATTACK_CODE), 4, 0 };
	struct cordon_regs x = { { CORDON_CALL_VCPU_RUN, watched.handle, 0, CORDON_ANSWER_VALUE } };
	struct tally t = { 0 };
	struct attack_run r;

	for (unsigned int i = 0; i < 3; i++) {
		struct vectors vectors;
		unsigned long flags;
		u64 mdscr;

		memcpy(&x.x[4], command, sizeof(command));
		x.x[0] = CORDON_CALL_VCPU_RUN;
		x.x[1] = watched.handle;
		x.x[2] = 0;
		x.x[3] = CORDON_ANSWER_VALUE;
		memset(&x.x[8], 0, 32);
		vectors_begin(&vectors);
		local_irq_save(flags);
		asm volatile("msr daifset, #0xf" : : : "memory");
		mdscr = read_sysreg(mdscr_el1);
		write_sysreg(ATTACK_BASE, dbgwvr0_el1);
		write_sysreg(0x1f001fff, dbgwcr0_el1);
		write_sysreg(0xa001, mdscr_el1);	/* MDE, KDE, SS */
		isb();
		cordon_hvc(&x);
		write_sysreg(mdscr, mdscr_el1);
		write_sysreg(0, dbgwcr0_el1);
		isb();
		local_irq_restore(flags);
		vectors_end(&vectors);
		memcpy(&r, x.x, sizeof(r));
		if (r.status == CORDON_OK && r.exit == CORDON_EXIT_INTERRUPTED)
			vm_go_on(&watched, 0, &r);
		tally_want(&t, "exit", r.exit, CORDON_EXIT_HOST_CALL);
		tally_want(&t, "words that are other than the page's", r.detail[0], 4);
	}
	tally_report(&t, "debug exceptions on in the host", "a watchpoint on its memory", "none there");
}

/* ---- counters ---- */

/*
 * The guest works for a while, with the counter of cycles on. Whether that counted less than a third of the time: a counter
 * that runs on in the guest counts all of it.
 */
static bool counted_little(struct around *a, struct tally *t)
{
	const u64 command[4] = { DO_REGISTERS, SECRET, WAY_SPIN, 6000000 }, nothing[4] = { 0 };
	u64 cycles = 0, ns = 0;

	prepare(a, CORDON_ANSWER_VALUE, command);
	for (unsigned int i = 0; i < 200; i++) {
		run_probed(a);
		tally_want(t, "PMCR", read_sysreg(pmcr_el0) & 1, 1);
		cycles += a->cycles;
		ns += a->ticks * 1000 / (read_sysreg(cntfrq_el0) / 1000000);
		if (a->probe.out.x[1] != CORDON_EXIT_INTERRUPTED)
			break;
		prepare(a, CORDON_ANSWER_NONE, nothing);
	}
	tally_want(t, "the guest is done", a->probe.out.x[1], CORDON_EXIT_HOST_CALL);
	tally_want(t, "its registers", a->probe.out.x[2], 0);
	if (cycles >= ns / 3)
		pr_emerg("hostile: %llu cycles were counted in %llu ns\n", cycles, ns);
	return cycles < ns / 3;
}

/*
 * A machine beneath this one that lends the CPU to others just outside of the guest has those cycles counted too. It does not
 * do so each time, so one quiet round of some shows that the guest's cycles are not counted; where they are, no round is quiet.
 */
static void attempt_counters(struct around *a)
{
	u64 pmcr = read_sysreg(pmcr_el0), enabled = read_sysreg(pmcntenset_el0), filter = read_sysreg(pmccfiltr_el0);
	struct tally t = { 0 };
	struct attack_run r;
	bool quiet = false;

	write_sysreg(0, pmccfiltr_el0);
	write_sysreg(1u << 31, pmcntenset_el0);
	write_sysreg(pmcr | 1, pmcr_el0);
	isb();
	for (unsigned int round = 0; round < 8 && !quiet; round++)
		quiet = counted_little(a, &t);
	write_sysreg(pmcr, pmcr_el0);
	write_sysreg(filter, pmccfiltr_el0);
	if ((enabled >> 31 & 1) == 0)
		write_sysreg(1u << 31, pmcntenclr_el0);
	isb();
	tally_add(&t, quiet);
	tally_add(&t, vm_do(&watched, 0, DO_LOAD, ATTACK_BASE, 0, 0, &r));
	tally_report(&t, "cycles counted while the guest works", "PMCCNTR_EL0", "not its own");
}

/* ---- registers of extensions ---- */

static u64 guest_exchange(struct attack_vm *vm, u64 command, u64 value)
{
	struct attack_run r;

	return vm_do(vm, 0, command, value, 0, 0, &r) ? r.detail[0] : ~0ull;
}

static bool is_undefined(u64 told)
{
	return told >> 16 == 0xdead;
}

/* A register that a guest can write must be neither the host's nor the next guest's. */
static void attempt_extensions(void)
{
	struct attack_run r;
	bool sme = (read_sysreg_s(SYS_ID_AA64PFR1_EL1) >> 24 & 0xf) != 0;
	struct tally t = { 0 };

	for (unsigned int i = 0; i < 2; i++) {
		u64 command = i == 0 ? DO_TPIDR2 : DO_DISR;

		(void)guest_exchange(&watched, command, 0x01234567);
		tally_add(&t, guest_exchange(&beside, command, 0) != 0x01234567);
	}
	if (sme) {
		u64 old = read_sysreg_s(sys_reg(3, 3, 13, 0, 5)), told, left;

		write_sysreg_s(0x4057, sys_reg(3, 3, 13, 0, 5));
		told = guest_exchange(&watched, DO_TPIDR2, 0x01234567);
		left = read_sysreg_s(sys_reg(3, 3, 13, 0, 5));
		write_sysreg_s(old, sys_reg(3, 3, 13, 0, 5));
		tally_add(&t, is_undefined(told) || told != 0x4057);
		tally_add(&t, left != 0x01234567);
	}
	/* An exception in the guest has used some of its registers. */
	tally_add(&t, vm_do(&beside, 0, DO_FILL_SYSTEM, PATTERN, 0, 0, &r));
	tally_report(&t, "registers of later extensions", "TPIDR2_EL0, DISR_EL1", "not shared");
}

void attack_registers(void)
{
	struct around *a = kzalloc(sizeof(*a), GFP_KERNEL);
	struct tally t = { 0 };
	struct attack_run r;

	if (!a || vm_make(&watched) != 0) {
		not_tried("there is nothing to be watched");
		kfree(a);
		return;
	}
	tally_add(&t, vm_do(&watched, 0, DO_INTERRUPTS, 1, 0, 0, &r));
	attempt_debug(a);
	attempt_debug_on();
	attempt_own_debug(a);
	tally_add(&t, vm_do(&watched, 0, DO_INTERRUPTS, 0, 0, 0, &r));
	attempt_counters(a);
	attempt_extensions();
	attempt_calls(a);
	attempt_streaming();
	attempt_written(a);
	for (unsigned int i = 0; i < ARRAY_SIZE(wanted); i++)
		attempt_leak(a, &wanted[i]);
	tally_want(&t, "pages that do not come back", vm_end(&watched), 0);
	tally_report(&t, "all that it had comes back zeroed", "after probes", "zeros");
	kfree(a);
}
