// SPDX-License-Identifier: GPL-2.0
/*
 * A process of the guest's that debugs another, as gdb does: steps it, and has a breakpoint and a watchpoint of the CPU's stop it.
 * "debug: ok", or what is wrong; the exit status says the same.
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <asm/ptrace.h>
#include <unistd.h>

#define STEPS 50
#define ROUNDS 20
#define NT_BREAK 0x402			/* NT_ARM_HW_BREAK, NT_ARM_HW_WATCH */
#define NT_WATCH 0x403
#define BREAK_CONTROL (0xfu << 5 | 0u << 3 | 2u << 1 | 1)	/* four bytes, executed, at EL0, on */
#define WATCH_CONTROL (0xffu << 5 | 2u << 3 | 2u << 1 | 1)	/* eight bytes, stored, at EL0, on */

static volatile uint64_t watched;
static pid_t child;

static void fail(const char *what)
{
	printf("debug: FAIL %s (errno %d)\n", what, errno);
	if (child > 0)
		kill(child, SIGKILL);
	exit(1);
}

static void __attribute__((noinline, noclone)) visited(void)
{
	__asm__ volatile("nop" : : : "memory");
}

/* Forever: some work, a call of the kernel's, a visit, a store. */
static void be_debugged(void)
{
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
		fail("PTRACE_TRACEME");
	raise(SIGSTOP);
	for (;;) {
		for (volatile int i = 0; i < 10; i++)
			;
		getppid();
		visited();
		watched++;
	}
}

static int stop_of(const char *what)
{
	int status;

	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		fail(what);
	return WSTOPSIG(status);
}

static uint64_t pc(void)
{
	struct user_pt_regs regs;
	struct iovec v = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &v) != 0)
		fail("PTRACE_GETREGSET");
	return regs.pc;
}

/* Slot 0 of the breakpoints or watchpoints, or nothing there: control 0. */
static void set(int kind, uint64_t address, uint32_t control)
{
	struct user_hwdebug_state state;
	struct iovec v = { &state, offsetof(struct user_hwdebug_state, dbg_regs[1]) };

	memset(&state, 0, sizeof(state));
	state.dbg_regs[0].addr = address;
	state.dbg_regs[0].ctrl = control;
	if (ptrace(PTRACE_SETREGSET, child, kind, &v) != 0)
		fail(kind == NT_BREAK ? "no breakpoint can be set" : "no watchpoint can be set");
}

/* Goes on to the next stop, which is the CPU's: TRAP_HWBKPT. */
static void go_on(const char *what)
{
	siginfo_t info;

	if (ptrace(PTRACE_CONT, child, 0, 0) != 0 || stop_of(what) != SIGTRAP)
		fail(what);
	if (ptrace(PTRACE_GETSIGINFO, child, 0, &info) != 0 || info.si_code != 4)
		fail(what);
}

static void step(void)
{
	uint64_t before = pc();
	unsigned int stays = 0;

	for (int i = 0; i < STEPS; i++) {
		uint64_t now;

		if (ptrace(PTRACE_SINGLESTEP, child, 0, 0) != 0 || stop_of("a step does not stop") != SIGTRAP)
			fail("a step does not stop");
		now = pc();
		stays += now == before;
		before = now;
	}
	if (stays > 0)
		fail("a step that goes nowhere");
}

int main(void)
{
	alarm(120);		/* one that never stops is ended, and that is said by the status */
	child = fork();
	if (child == 0)
		be_debugged();
	if (child < 0 || stop_of("it does not stop") != SIGSTOP)
		fail("it cannot be started");
	step();
	for (int i = 0; i < ROUNDS; i++) {
		set(NT_BREAK, (uint64_t)(uintptr_t)visited, BREAK_CONTROL);
		go_on("a breakpoint does not stop");
		if (pc() != (uint64_t)(uintptr_t)visited)
			fail("a breakpoint stops elsewhere");
		set(NT_BREAK, 0, 0);
		set(NT_WATCH, (uint64_t)(uintptr_t)&watched, WATCH_CONTROL);
		go_on("a watchpoint does not stop");
		set(NT_WATCH, 0, 0);
		step();
	}
	kill(child, SIGKILL);
	printf("debug: ok %d steps, %d breakpoints, %d watchpoints\n", STEPS * (ROUNDS + 1), ROUNDS, ROUNDS);
	return 0;
}
