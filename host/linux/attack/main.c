// SPDX-License-Identifier: GPL-2.0
/* A hostile host's attempts against virtual machines, one group after the other; the rest when the module goes. */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>

#include "attack.h"

static unsigned long rounds = 2000;
module_param(rounds, ulong, 0);
MODULE_PARM_DESC(rounds, "random calls that each CPU makes");

static unsigned long lives = 20;
module_param(lives, ulong, 0);
MODULE_PARM_DESC(lives, "VMs that each CPU makes and ends");

static unsigned long seed = 1;
module_param(seed, ulong, 0);
MODULE_PARM_DESC(seed, "of the random calls");

static char *only = "";
module_param(only, charp, 0);
MODULE_PARM_DESC(only, "the one group of attempts that is made; without it, all but others, which is for a host that runs VMs");

static struct owners before;

static void teardown(void) { attack_teardown(lives); }
static void storm(void) { attack_storm(rounds, seed); }

static const struct {
	const char *name;
	void (*attempt)(void);
} group[] = {
	{ "memory", attack_pages }, { "frames", attack_frames }, { "phases and handles", attack_phases },
	{ "answers", attack_answers }, { "races", attack_races }, { "teardown", teardown }, { "pools", attack_pools },
	{ "interrupts", attack_interrupts }, { "grants", attack_grants }, { "registers", attack_registers }, { "storm", storm },
	{ "others", attack_others },
};

static bool is_wanted(unsigned int i)
{
	return *only != 0 ? strcmp(only, group[i].name) == 0 : group[i].attempt != attack_others;
}

/* For the pages of the victim's that processes try; where the VMs of others are meant, nobody does. */
static bool with_processes(void)
{
	return strcmp(only, "others") != 0;
}

static int __init attack_init(void)
{
	int result = hostile_die_register();

	if (result != 0)
		return result;
	before = count_owners();
	result = guests_make();
	if (result != 0) {
		hostile_die_unregister();
		return result;
	}
	pr_emerg("hostile: %-34s %-26s %8s %8s  %-14s\n", "attempt", "where", "tries", "refused", "answer");
	for (unsigned int i = 0; i < ARRAY_SIZE(group); i++) {
		if (!is_wanted(i))
			continue;
		guests_run();
		group[i].attempt();
		guests_check(group[i].name);
	}
	flush_signals(current);		/* Linux sent one for each instruction that was undefined */
	result = with_processes() ? attack_device_register() : 0;
	if (result != 0) {
		guests_end();
		hostile_die_unregister();
	}
	return result;
}

/* Processes have been at the victim since. */
static void __exit attack_exit(void)
{
	struct owners now;

	if (with_processes())
		attack_device_unregister();
	guests_check("processes");
	guests_end();
	now = count_owners();
	if (before.vm == 0)		/* VMs of others come and go, and get more */
		report("frames that are not the host's", "before and after all", 1, now.core == before.core && now.vm == 0, "the same");
	hostile_die_unregister();
	report_end();
}

module_init(attack_init);
module_exit(attack_exit);
MODULE_DESCRIPTION("attempts of a hostile host against virtual machines");
MODULE_LICENSE("GPL");
