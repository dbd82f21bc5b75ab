// SPDX-License-Identifier: GPL-2.0
/* Calls to be counted: the shortest one, 1000 times. */
#include <linux/module.h>

#include "cordon/abi.h"

static int __init bench_init(void)
{
	for (int i = 0; i < 1000; i++) {
		register u64 x0 asm("x0") = CORDON_CALL_REVISION;
		register u64 x1 asm("x1") = 0;

		asm volatile("hvc #0" : "+r"(x0), "+r"(x1) : : "x2", "x3", "memory");
		if (x0 != CORDON_ABI_MAJOR)
			return -EPROTO;
	}
	return 0;
}

static void __exit bench_exit(void)
{
}

module_init(bench_init);
module_exit(bench_exit);
MODULE_DESCRIPTION("calls to Cordon that are to be counted");
MODULE_LICENSE("GPL");
