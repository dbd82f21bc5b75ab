// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/attack: any physical memory for a process, as ordinary memory, and for whoever looks into that process. The page
 * that is granted to the host, beside one that is not, is told in the log for attack_user.
 */
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "attack.h"

#define GRANTED 11		/* of the victim's */
#define WRITTEN 0x600d600d600d600dull	/* what attack_user writes into it */

/* For /proc/PID/mem and ptrace: as a careful driver does it. */
static int device_access(struct vm_area_struct *vma, unsigned long addr, void *buf, int len, int write)
{
	u64 frame = vma->vm_pgoff + ((addr - vma->vm_start) >> PAGE_SHIFT);
	u8 *va;

	if (!pfn_is_map_memory(frame))
		return -EFAULT;
	va = (u8 *)page_address(pfn_to_page(frame)) + offset_in_page(addr);
	if (write)
		return write_fails(va) ? -EFAULT : len;
	return copy_from_kernel_nofault(buf, va, len) ? -EFAULT : len;
}

static const struct vm_operations_struct device_vm_ops = { .access = device_access };

static int device_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &device_vm_ops;
	return remap_pfn_range(vma, vma->vm_start, vma->vm_pgoff, vma->vm_end - vma->vm_start, vma->vm_page_prot);
}

static const struct file_operations device_fops = { .owner = THIS_MODULE, .mmap = device_mmap };
static struct miscdevice device = { .minor = MISC_DYNAMIC_MINOR, .name = "attack", .fops = &device_fops };

int attack_device_register(void)
{
	struct attack_run r;
	int error = misc_register(&device);

	if (error != 0)
		return error;
	if (!vm_do(&victim, 0, DO_CALL, CORDON_GUEST_GRANT, guest_address(GRANTED), PAGE_SIZE, &r) || r.detail[2] != 1) {
		misc_deregister(&device);
		return -EIO;
	}
	pr_emerg("hostile: private %llx %llx %llx\n", PFN_PHYS(pfn_of(victim.memory[4])), PFN_PHYS(pfn_of(victim.vcpu[0])),
		 PFN_PHYS(pfn_of(victim.root)));
	pr_emerg("hostile: granted %llx\n", PFN_PHYS(pfn_of(victim.memory[GRANTED])));
	return 0;
}

/* What processes wrote into the granted page is what the guest finds there; then it is as it was. */
void attack_device_unregister(void)
{
	struct tally t = { 0 };
	struct attack_run r;

	misc_deregister(&device);
	tally_add(&t, vm_do(&victim, 0, DO_LOAD, guest_address(GRANTED), 0, 0, &r) && r.detail[0] == WRITTEN);
	tally_add(&t, vm_do(&victim, 0, DO_CALL, CORDON_GUEST_REVOKE, guest_address(GRANTED), PAGE_SIZE, &r) && r.detail[2] == 1);
	tally_add(&t, vm_do(&victim, 0, DO_FILL, guest_address(GRANTED), 1, PATTERN, &r));
	tally_report(&t, "a granted page, from a process", "/dev/attack", "contents right");
}
