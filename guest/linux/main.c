// SPDX-License-Identifier: GPL-2.0
/* Loads only under Cordon; makes the pool, and gives it to virtio devices. See cordon_guest.h. */
#include <linux/module.h>

#include "cordon_guest.h"

static unsigned int pool_mib = 8;
module_param(pool_mib, uint, 0444);
MODULE_PARM_DESC(pool_mib, "MiB of memory that is granted to the host for I/O, 2 to 128 (8)");

static bool test;
module_param(test, bool, 0444);
MODULE_PARM_DESC(test, "try what a guest can ask of Cordon, and what the host can reach; needs cordon-vmm --test-calls");

static bool under_cordon(void)
{
	struct answer a = cordon_call(CORDON_CALL_UID, 0, 0, 0, 0);

	return a.x0 == CORDON_UID_0 && a.x1 == CORDON_UID_1 && a.x2 == CORDON_UID_2 && a.x3 == CORDON_UID_3 &&
	       cordon_call(CORDON_CALL_REVISION, 0, 0, 0, 0).x0 == CORDON_ABI_MAJOR;
}

static int __init guest_init(void)
{
	int ret;

	if (!under_cordon()) {
		pr_err("cordon_guest: not under Cordon, or under another version of it\n");
		return -ENODEV;
	}
	ret = pool_create(pool_mib);
	if (ret != 0) {
		pr_err("cordon_guest: no pool of %u MiB: error %d\n", pool_mib, ret);
		return ret;
	}
	if (test)
		test_run();
	ret = dma_start();
	if (ret != 0)
		pool_destroy();
	else
		pr_info("cordon_guest: %u MiB are granted to the host for I/O; all else is the guest's own\n", pool_mib);
	return ret;
}

static void __exit guest_exit(void)
{
	dma_stop();
	pool_destroy();
}

module_init(guest_init);
module_exit(guest_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("I/O of a Linux guest under Cordon, through memory that it grants to its host");
