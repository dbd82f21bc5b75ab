// SPDX-License-Identifier: GPL-2.0
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "hostile.h"

static unsigned long calls = 20000;
module_param(calls, ulong, 0);
MODULE_PARM_DESC(calls, "random calls that each CPU makes");
static unsigned long reserved;
module_param(reserved, ulong, 0);
MODULE_PARM_DESC(reserved, "try to give this memory, which the machine's tree reserves, to a VM, and no more");

static void print_statistics(void)
{
	static const char *const word[] = {
#define WORD(name, number, word) [number] = word,
		CORDON_STAT_LIST(WORD)
#undef WORD
	};

	for (unsigned int i = 0; i < CORDON_STATS; i++)
		pr_emerg("hostile: %12llu %s\n", cordon_call(CORDON_CALL_STATISTIC, i).x[1], word[i]);
}

/* Any physical memory for a process, as ordinary memory: /dev/mem gives it as a device's, where nothing can be run. */
static int hostile_mmap(struct file *file, struct vm_area_struct *vma)
{
	return remap_pfn_range(vma, vma->vm_start, vma->vm_pgoff, vma->vm_end - vma->vm_start, vma->vm_page_prot);
}

static const struct file_operations hostile_fops = { .owner = THIS_MODULE, .mmap = hostile_mmap };
static struct miscdevice hostile_device = { .minor = MISC_DYNAMIC_MINOR, .name = "hostile", .fops = &hostile_fops };

static int __init hostile_init(void)
{
	int result;

	if (reserved != 0) {
		hostile_reserved(reserved);
		return -ECANCELED;	/* that was all: no module stays */
	}
	result = hostile_find_core();
	if (result == 0)
		result = hostile_die_register();
	if (result != 0)
		return result;
	pr_emerg("hostile: %-34s %-26s %8s %8s  %-14s\n", "attempt", "where", "tries", "refused", "answer");
	hostile_memory();
	hostile_devices();
	hostile_registers();
	hostile_calls(calls);
	hostile_psci();
	print_statistics();
	hostile_die_unregister();
	report_end();
	return misc_register(&hostile_device);
}

static void __exit hostile_exit(void)
{
	misc_deregister(&hostile_device);
}

module_init(hostile_init);
module_exit(hostile_exit);
MODULE_DESCRIPTION("attempts of a hostile host against Cordon");
MODULE_LICENSE("GPL");
