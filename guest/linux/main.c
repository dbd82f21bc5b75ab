// SPDX-License-Identifier: GPL-2.0
/* Loads only under Cordon; makes the pool, and gives it to virtio devices. See cordon_guest.h. */
#include <linux/arm-smccc.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/reboot.h>

#include "cordon_guest.h"

static unsigned int pool_mib = 8;
module_param(pool_mib, uint, 0444);
MODULE_PARM_DESC(pool_mib, "MiB of memory that is granted to the host for I/O, 2 to 128 (8)");

static bool report;
module_param(report, bool, 0444);
MODULE_PARM_DESC(report, "give memory that is free back to the host");

static bool test;
module_param(test, bool, 0444);
MODULE_PARM_DESC(test, "try what a guest can ask of Cordon, and what the host can reach; needs cordon-vmm --test-calls");

static bool is_cordon(struct answer a)
{
	return a.x0 == CORDON_UID_0 && a.x1 == CORDON_UID_1 && a.x2 == CORDON_UID_2 && a.x3 == CORDON_UID_3;
}

static bool is_kvm(struct answer a)
{
	return a.x0 == CORDON_KVM_UID_0 && a.x1 == CORDON_KVM_UID_1 && a.x2 == CORDON_KVM_UID_2 && a.x3 == CORDON_KVM_UID_3;
}

/*
 * Where nothing answers an HVC it is an undefined instruction: the firmware's calls say whether something does. Cordon passes for KVM,
 * whose calls for protected guests it has; before 1.3 it did not.
 */
static bool under_cordon(void)
{
	struct answer a;

	if (arm_smccc_1_1_get_conduit() != SMCCC_CONDUIT_HVC)
		return false;
	a = cordon_call(CORDON_CALL_UID, 0, 0, 0, 0);
	if (is_kvm(a))
		a = cordon_call(CORDON_GUEST_UID, 0, 0, 0, 0);
	return is_cordon(a) && cordon_call(CORDON_CALL_REVISION, 0, 0, 0, 0).x0 == CORDON_ABI_MAJOR;
}

/* Linux halts by a loop that nobody outside can tell from work. */
static int on_reboot(struct notifier_block *self, unsigned long event, void *command)
{
	if (event == SYS_HALT)
		pr_emerg("cordon_guest: a halt goes on using a CPU until the launcher is ended; poweroff ends the guest\n");
	return NOTIFY_DONE;
}

static struct notifier_block reboot = { .notifier_call = on_reboot };

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
	if (ret != 0) {
		pool_destroy();
		return ret;
	}
	ret = token_start();
	if (ret != 0) {
		dma_stop();
		pool_destroy();
		return ret;
	}
	register_reboot_notifier(&reboot);
	if (report && report_start() != 0)
		pr_err("cordon_guest: this kernel does not tell which memory is free: none is given back\n");
	pr_info("cordon_guest: %u MiB are granted to the host for I/O; all else is the guest's own\n", pool_mib);
	return 0;
}

static void __exit guest_exit(void)
{
	report_stop();
	unregister_reboot_notifier(&reboot);
	token_stop();
	dma_stop();
	pool_destroy();
}

module_init(guest_init);
module_exit(guest_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("I/O of a Linux guest under Cordon, through memory that it grants to its host");
