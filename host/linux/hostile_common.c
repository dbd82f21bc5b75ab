// SPDX-License-Identifier: GPL-2.0
/* What the hostile modules have in common: work on all CPUs at once, attempts that the kernel would die of, chance. */
#include <linux/completion.h>
#include <linux/kdebug.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>
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

static void job_done(struct job *j)
{
	if (atomic_dec_and_test(&j->left))
		complete(&j->done);
}

static int job_thread(void *data)
{
	struct job *j = data;

	atomic_inc(&j->ready);
	while (atomic_read(&j->ready) < READ_ONCE(j->all))
		cond_resched();
	j->function(j->argument);
	job_done(j);
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

		if (IS_ERR(t)) {
			not_tried("a CPU has no thread");
			WRITE_ONCE(j.all, j.all - 1);
			job_done(&j);
			continue;
		}
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

#define TABLE_BITS 9			/* of an address at each level: pages of 4 KiB */
#define ADDRESS_MASK 0xfffffffff000ull	/* of a table; those of the machines that this runs on have no more bits */
#define T1SZ(tcr) ((tcr) >> 16 & 0x3f)

static int level_shift(int level)
{
	return PAGE_SHIFT + TABLE_BITS * (3 - level);
}

/* As large as the kernel's addresses are, 48 bits or 52, its first table is of level 0 or -1. */
u64 *kernel_entry(void *va, int level)
{
	int bits = 64 - T1SZ(read_sysreg(tcr_el1));
	u64 *table = phys_to_virt(read_sysreg(ttbr1_el1) & ADDRESS_MASK);
	u64 within = (u64)va & ((1ull << bits) - 1);
	int at = 3 - (bits - PAGE_SHIFT - 1) / TABLE_BITS;

	for (; at < level; at++) {
		u64 entry = table[within >> level_shift(at) & 511];

		if ((entry & 3) != 3)
			return NULL;
		table = phys_to_virt(entry & ADDRESS_MASK);
	}
	return &table[within >> level_shift(level) & 511];
}

bool make_executable(void *va)
{
	u64 *entry = kernel_entry(va, 3);

	if (!entry)
		return false;
	*entry &= ~PTE_PXN;
	asm volatile("dsb ishst\n tlbi vmalle1is\n dsb ish\n isb" : : : "memory");
	return true;
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
