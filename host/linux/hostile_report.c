// SPDX-License-Identifier: GPL-2.0
#include <linux/atomic.h>
#include <linux/kernel.h>

#include "hostile.h"

#define SAID 20			/* the first ones are told one by one */

static u64 all_tries, all_refused;
static unsigned int rows, bad_rows;
static atomic64_t untried = ATOMIC64_INIT(0);
static u64 untried_before;	/* when the last line was written */

void not_tried(const char *why)
{
	if (atomic64_inc_return(&untried) <= SAID)
		pr_emerg("hostile: NOT TRIED: %s\n", why);
}

void report(const char *attempt, const char *where, u64 tries, u64 refused, const char *answer)
{
	u64 now = atomic64_read(&untried);
	bool all = tries > 0 && now == untried_before;

	all_tries += tries;
	all_refused += refused;
	rows++;
	if (tries != refused || !all)
		bad_rows++;
	pr_emerg("hostile: %-34s %-26s %8llu %8llu  %-14s %s\n", attempt, where, tries, refused, answer,
		 tries != refused ? "BREACH" : all ? "ok" : "NOT TRIED");
	untried_before = now;
}

void report_end(void)
{
	pr_emerg("hostile: %u kinds of attempt, %llu tries, %llu refused, %llu breaches, %u kinds failed, %lld not tried\n", rows,
		 all_tries, all_refused, all_tries - all_refused, bad_rows, atomic64_read(&untried));
}
