// SPDX-License-Identifier: GPL-2.0
/* /dev/kvm itself: whether Cordon is there to stand behind it, and the ioctls that belong to no VM. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/of.h>
#include <asm/virt.h>

#include "cordon/abi.h"
#include "eventfd.h"
#include "function.h"
#include "hypercall.h"
#include "limits.h"
#include "list.h"
#include "vm_fd.h"

#define ABI_MINOR 3		/* the first that has personalisation values and tells of feature registers */

/* ---- ioctls ---- */

static long kvm_ioctl(struct file *file, unsigned int request, unsigned long argument)
{
	switch (request) {
	case KVM_GET_API_VERSION: return argument == 0 ? KVM_API_VERSION : -EINVAL;
	case KVM_CREATE_VM: return vm_fd_create(argument);
	case KVM_CHECK_EXTENSION: return limits_extension(argument);
	case KVM_GET_VCPU_MMAP_SIZE: return argument == 0 ? PAGE_SIZE : -EINVAL;
	default: return -EINVAL;
	}
}

static const struct file_operations kvm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = kvm_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice kvm_device = {
	.minor = KVM_MINOR,
	.name = "kvm",
	.fops = &kvm_fops,
};

/* ---- whether Cordon is there ---- */

/*
 * An instruction that nobody takes is undefined, and fatal to the module's loader. So this asks by what the firmware's
 * calls are made by already, which under Cordon is SMC.
 */
static bool can_ask(void)
{
	struct device_node *psci = of_find_compatible_node(NULL, NULL, "arm,psci-1.0");
	const char *method = NULL;
	bool smc;

	if (!psci)
		psci = of_find_compatible_node(NULL, NULL, "arm,psci-0.2");
	smc = psci && of_property_read_string(psci, "method", &method) == 0 && strcmp(method, "smc") == 0;
	of_node_put(psci);
	return smc && !is_kernel_in_hyp_mode();
}

static bool cordon_is_there(void)
{
	struct cordon_regs r = { { CORDON_CALL_UID } };

	if (!can_ask())
		return false;
	cordon_smc(&r);
	if ((u32)r.x[0] != CORDON_UID_0 || (u32)r.x[1] != CORDON_UID_1 || (u32)r.x[2] != CORDON_UID_2 ||
	    (u32)r.x[3] != CORDON_UID_3)
		return false;
	r = (struct cordon_regs){ { CORDON_CALL_REVISION } };
	cordon_hvc(&r);
	return r.x[0] == CORDON_ABI_MAJOR && r.x[1] >= ABI_MINOR;
}

static int __init register_all(void)
{
	int ret = eventfd_init();

	if (ret != 0)
		return ret;
	ret = list_init();
	if (ret != 0)
		goto no_list;
	ret = function_init();
	if (ret != 0)
		goto no_functions;
	ret = misc_register(&kvm_device);
	if (ret != 0)
		goto no_device;
	return 0;

no_device:
	pr_err("cannot register /dev/kvm (error %d); does the kernel's own KVM have it?\n", ret);
	function_exit();
no_functions:
	list_exit();
no_list:
	eventfd_exit();
	return ret;
}

static int __init kvm_init(void)
{
	int ret;

	if (!cordon_is_there()) {
		pr_err("there is no Cordon that runs virtual machines under this kernel\n");
		return -ENODEV;
	}
	ret = limits_read();
	if (ret == 0)
		ret = register_all();
	if (ret == 0)
		pr_info("protected guests: %u vCPUs at most, guest addresses of %u bits\n", limits.vcpus, limits.ipa_bits);
	return ret;
}

static void __exit kvm_exit(void)
{
	misc_deregister(&kvm_device);
	function_exit();
	list_exit();
	eventfd_exit();
}

module_init(kvm_init);
module_exit(kvm_exit);
MODULE_DESCRIPTION("/dev/kvm for guests that are protected by Cordon");
MODULE_LICENSE("GPL");
MODULE_ALIAS_MISCDEV(KVM_MINOR);
