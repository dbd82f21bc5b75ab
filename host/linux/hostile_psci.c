// SPDX-License-Identifier: GPL-2.0
/* CPUs started where, when and by whom they must not be. */
#include <asm/cputype.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/smp.h>

#include "hostile.h"

#define CPU_SUSPEND 0xc4000001u
#define CPU_ON 0xc4000003u
#define AFFINITY_INFO 0xc4000004u
#define SUCCESS 0
#define INVALID_PARAMETERS -2
#define ALREADY_ON -4
#define ON_PENDING -5
#define INVALID_ADDRESS -9

static s64 psci(u32 function, u64 a, u64 b, u64 c)
{
	struct call call = { .x = { function, a, b, c } };

	call_smc(&call);
	return (s64)call.x[0];
}

static bool goes_off(u64 mpidr)
{
	for (int i = 0; i < 2000; i++) {
		if (psci(AFFINITY_INFO, mpidr, 0, 0) == 1)
			return true;
		usleep_range(500, 1000);
	}
	return false;
}

/* The affinity of each CPU, as it says itself. */
static u64 mpidr_of[NR_CPUS];

static void note_mpidr(void *unused)
{
	mpidr_of[smp_processor_id()] = read_cpuid_mpidr() & MPIDR_HWID_BITMASK;
}

/* ---- CPUs that run ---- */

static void attempt_running(u64 entry)
{
	u64 tries = 0, refused = 0;
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		tries++;
		refused += psci(CPU_ON, mpidr_of[cpu], entry, 0) == ALREADY_ON;
	}
	report("CPU_ON of a CPU that runs", "every CPU, itself too", tries, refused, "ALREADY_ON");
}

static void attempt_unknown(u64 entry)
{
	static const u64 mpidr[] = { 8, 0xff, 0x100, 0xffff, 0x80000000, 1ull << 32, 1ull << 63, ~0ull, 0x40000001 };
	u64 refused = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(mpidr); i++)
		refused += psci(CPU_ON, mpidr[i], entry, 0) == INVALID_PARAMETERS;
	report("CPU_ON of no CPU", "odd MPIDRs", ARRAY_SIZE(mpidr), refused, "INVALID_PARAMS");
}

/* To a power state that loses everything, with an entry that must not be; and to one that only waits, with none. */
static void attempt_suspend(void)
{
	u64 entry[] = { hostile_core_address(), hostile_core_address() + 0x200000, 0x09020000, 1ull << 47, ~0ull, 2 };
	u64 refused = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(entry); i++)
		refused += psci(CPU_SUSPEND, 1 << 16, entry[i], 0) == INVALID_ADDRESS;
	report("CPU_SUSPEND to odd addresses", "this CPU", ARRAY_SIZE(entry), refused, "INVALID_ADDR");
	report("CPU_SUSPEND that only waits", "this CPU", 1, psci(CPU_SUSPEND, 0, 0, 0) == SUCCESS, "SUCCESS");
}

/* ---- a CPU that is off ---- */

static void attempt_entries(u64 mpidr)
{
	u64 entry[] = { hostile_core_address(), hostile_core_address() + 0x200000, 0x09020000, 0x0e000000, 0x40400001,
			0x40400002, 1ull << 40, 1ull << 48, 1ull << 63, ~0ull, ~3ull };
	u64 refused = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(entry); i++)
		refused += psci(CPU_ON, mpidr, entry[i], 0) == INVALID_ADDRESS;
	report("CPU_ON at odd addresses", "a CPU that is off", ARRAY_SIZE(entry), refused, "INVALID_ADDR");
}

/* At a device: it cannot fetch there, and has no vectors. It must not spin for ever. */
static void attempt_device_entry(u64 mpidr)
{
	s64 result = psci(CPU_ON, mpidr, 0x09000000, 0);

	report("CPU_ON at a device", "a CPU that is off", 1, result == SUCCESS && goes_off(mpidr), "switched off");
}

struct race {
	u64 mpidr, entry;
	atomic_t won, lost;
};

static void race(void *argument)
{
	struct race *r = argument;
	s64 result = psci(CPU_ON, r->mpidr, r->entry, 0);

	if (result == SUCCESS)
		atomic_inc(&r->won);
	else if (result == ALREADY_ON || result == ON_PENDING)
		atomic_inc(&r->lost);
}

/* From all CPUs at once, at a piece of code that switches the CPU off again. Any number may win, one after the other. */
static void attempt_twice(u64 mpidr, u64 entry)
{
	u64 tries = 0, good = 0;

	for (int i = 0; i < 20; i++) {
		struct race r = { .mpidr = mpidr, .entry = entry };
		unsigned int n = num_online_cpus();

		on_every_cpu(race, &r);
		tries++;
		good += atomic_read(&r.won) >= 1 && atomic_read(&r.won) + atomic_read(&r.lost) == n && goes_off(mpidr);
	}
	report("CPU_ON by all CPUs at once", "a CPU that is off", tries, good, "one at a time");
}

static void *make_off_code(void)
{
	static const u32 code[] = { 0x52b08000,		/* mov w0, #0x84000000 */
				    0x72800040,		/* movk w0, #2 */
				    0xd4000003,		/* smc #0 */
				    0x14000000 };	/* b . */
	u32 *page = (u32 *)__get_free_page(GFP_KERNEL);

	if (!page)
		return NULL;
	for (unsigned int i = 0; i < ARRAY_SIZE(code); i++) {
		page[i] = code[i];
		asm volatile("dc cvac, %0" : : "r"(&page[i]) : "memory");
	}
	asm volatile("dsb sy\n ic ialluis\n dsb ish\n isb" : : : "memory");
	return page;
}

static void hostile_off_cpu(void *page)
{
	unsigned int cpu = num_possible_cpus() - 1;
	u64 mpidr = mpidr_of[cpu];

	if (remove_cpu(cpu) != 0 || !goes_off(mpidr)) {
		not_tried("a CPU does not go off");
		return;
	}
	attempt_entries(mpidr);
	attempt_device_entry(mpidr);
	attempt_twice(mpidr, virt_to_phys(page));
	report("the CPU serves the host again", "hotplug", 1, add_cpu(cpu) == 0, "online");
}

void hostile_psci(void)
{
	void *page = make_off_code();

	if (!page) {
		not_tried("no memory");
		return;
	}
	on_each_cpu(note_mpidr, NULL, 1);
	attempt_running(virt_to_phys(page));
	attempt_unknown(virt_to_phys(page));
	attempt_suspend();
	if (num_online_cpus() > 1)
		hostile_off_cpu(page);
	free_page((unsigned long)page);
}
