// SPDX-License-Identifier: GPL-2.0
/* What the hostile modules have in common: work on all CPUs at once, attempts that the kernel would die of, chance. */
#include <linux/completion.h>
#include <linux/kdebug.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "hostile.h"

/* ---- on every CPU ---- */

struct job {
	void (*function)(void *);
	void *argument;
	atomic_t ready;
	unsigned int all;
	struct completion done;
	atomic_t left;
};

static int job_thread(void *data)
{
	struct job *j = data;

	atomic_inc(&j->ready);
	while (atomic_read(&j->ready) < j->all)
		cpu_relax();
	j->function(j->argument);
	if (atomic_dec_and_test(&j->left))
		complete(&j->done);
	return 0;
}

void on_every_cpu(void (*function)(void *), void *argument)
{
	struct job j = { .function = function, .argument = argument, .all = num_online_cpus() };
	unsigned int cpu;

	init_completion(&j.done);
	atomic_set(&j.left, j.all);
	for_each_online_cpu(cpu) {
		struct task_struct *t = kthread_create(job_thread, &j, "hostile/%u", cpu);

		kthread_bind(t, cpu);
		wake_up_process(t);
	}
	wait_for_completion(&j.done);
}

/* ---- surviving what the kernel would die of ---- */

/* An attempt has 0xc0de in x9 and where to go on in x10. It finds 1 in x11 when it was refused. */
static int on_die(struct notifier_block *block, unsigned long event, void *data)
{
	struct die_args *args = data;

	if (event != DIE_OOPS || args->regs->regs[9] != 0xc0de)
		return NOTIFY_DONE;
	args->regs->regs[11] = 1;
	args->regs->pc = args->regs->regs[10];
	return NOTIFY_STOP;
}

static struct notifier_block die_block = { .notifier_call = on_die, .priority = INT_MAX };

int hostile_die_register(void)
{
	return register_die_notifier(&die_block);
}

void hostile_die_unregister(void)
{
	unregister_die_notifier(&die_block);
}

noinline bool run_at(void *address)
{
	register u64 died asm("x11") = 0;

	asm volatile("mov x9, #0xc0de\n"
		     "adr x10, 1f\n"
		     "mov x30, x10\n"
		     "br %1\n"
		     "1: mov x9, xzr\n"
		     : "+r"(died) : "r"(address) : "x9", "x10", "x30", "x0", "x1", "x2", "x3", "memory");
	return died == 1;
}

/* 4 KiB granule, 48-bit addresses. */
void make_executable(void *va)
{
	u64 *table = phys_to_virt(read_sysreg(ttbr1_el1) & 0xfffffffff000);

	for (int shift = 39; shift > 12; shift -= 9)
		table = phys_to_virt(table[(u64)va >> shift & 511] & 0xfffffffff000);
	table[(u64)va >> 12 & 511] &= ~PTE_PXN;
	asm volatile("dsb ishst\n tlbi vmalle1is\n dsb ish\n isb" : : : "memory");
}

bool write_fails(void *va)
{
	u32 value = 0x5ec2e7;

	__put_kernel_nofault(va, &value, u32, failed);
	return false;
failed:
	return true;
}

/* ---- chance ---- */

u64 random64(u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}
