// SPDX-License-Identifier: GPL-2.0
#include <linux/kernel.h>

#include "hostile.h"

static u64 all_tries, all_refused;
static unsigned int rows, bad_rows;

void report(const char *attempt, const char *where, u64 tries, u64 refused, const char *answer)
{
	all_tries += tries;
	all_refused += refused;
	rows++;
	if (tries != refused || tries == 0)
		bad_rows++;
	pr_emerg("hostile: %-34s %-26s %8llu %8llu  %-14s %s\n", attempt, where, tries, refused, answer,
		 tries == 0 ? "NOT TRIED" : tries == refused ? "ok" : "BREACH");
}

void report_end(void)
{
	pr_emerg("hostile: %u kinds of attempt, %llu tries, %llu refused, %llu breaches, %u kinds failed\n", rows,
		 all_tries, all_refused, all_tries - all_refused, bad_rows);
}
