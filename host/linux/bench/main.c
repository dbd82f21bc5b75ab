// SPDX-License-Identifier: GPL-2.0
/*
 * Work to be counted at EL2, each piece some times: calls of the host, and of a guest. The counts are made outside, by a
 * plugin of the emulator; this does the work and labels it.
 */
#include <linux/module.h>

#include "bench.h"

/* The shortest call. */
static int null_calls(void)
{
	for (int i = 0; i < 1000; i++) {
		bench_label(NULL_CALL);
		MUST(bench_call(CORDON_CALL_REVISION, 0, 0, 0, 0) == CORDON_ABI_MAJOR);
		bench_label(NOTHING);
	}
	return 0;
}

static int __init bench_init(void)
{
	int ret = null_calls();

	if (ret == 0)
		ret = bench_guest();
	if (ret == 0)
		ret = bench_big();
	return ret;
}

static void __exit bench_exit(void)
{
}

module_init(bench_init);
module_exit(bench_exit);
MODULE_DESCRIPTION("calls to Cordon that are to be counted");
MODULE_LICENSE("GPL");
