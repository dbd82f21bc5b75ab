// SPDX-License-Identifier: GPL-2.0
/* The GICv3 as a KVM device: its file descriptor, and the attributes that are set and read by it. */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "gic.h"
#include "gic_fd.h"
#include "machine.h"
#include "vm.h"

/* ---- attributes ---- */

static bool has_attribute(const struct kvm_device_attr *a)
{
	switch (a->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		return a->attr == KVM_VGIC_V3_ADDR_TYPE_DIST || a->attr == KVM_VGIC_V3_ADDR_TYPE_REDIST ||
		       a->attr == KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION;
	case KVM_DEV_ARM_VGIC_GRP_NR_IRQS: return true;
	case KVM_DEV_ARM_VGIC_GRP_CTRL: return a->attr == KVM_DEV_ARM_VGIC_CTRL_INIT;
	default: return false;
	}
}

static int set_attribute(struct vm *vm, const struct kvm_device_attr *a)
{
	void __user *pointer = (void __user *)a->addr;
	u64 address;
	u32 number;

	switch (a->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		return copy_from_user(&address, pointer, sizeof(address)) ? -EFAULT : gic_set_address(vm, a->attr, address);
	case KVM_DEV_ARM_VGIC_GRP_NR_IRQS:
		return copy_from_user(&number, pointer, sizeof(number)) ? -EFAULT : gic_set_number(vm, number);
	default:
		return gic_make_ready(vm);
	}
}

static int get_attribute(struct vm *vm, const struct kvm_device_attr *a)
{
	void __user *pointer = (void __user *)a->addr;
	u32 number = vm->gic.spis + PRIVATE_IRQS;
	u64 address;
	int ret;

	switch (a->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		if (copy_from_user(&address, pointer, sizeof(address)))
			return -EFAULT;
		ret = gic_get_address(vm, a->attr, &address);
		if (ret != 0)
			return ret;
		return copy_to_user(pointer, &address, sizeof(address)) ? -EFAULT : 0;
	case KVM_DEV_ARM_VGIC_GRP_NR_IRQS:
		return copy_to_user(pointer, &number, sizeof(number)) ? -EFAULT : 0;
	default:
		return -ENXIO;
	}
}

static long attribute_ioctl(struct vm *vm, unsigned int request, const struct kvm_device_attr *a)
{
	long ret;

	if (request == KVM_HAS_DEVICE_ATTR)
		return has_attribute(a) ? 0 : -ENXIO;
	if (!has_attribute(a))
		return -ENXIO;
	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	ret = request == KVM_SET_DEVICE_ATTR ? set_attribute(vm, a) : get_attribute(vm, a);
	mutex_unlock(&vm->lock);
	return ret;
}

static long gic_ioctl(struct file *file, unsigned int request, unsigned long argument)
{
	struct vm *vm = file->private_data;
	struct kvm_device_attr a;

	if (vm->mm != current->mm)
		return -EIO;
	switch (request) {
	case KVM_HAS_DEVICE_ATTR:
	case KVM_SET_DEVICE_ATTR:
	case KVM_GET_DEVICE_ATTR:
		if (copy_from_user(&a, (void __user *)argument, sizeof(a)))
			return -EFAULT;
		return a.flags != 0 ? -EPERM : attribute_ioctl(vm, request, &a);
	default:
		return -ENOTTY;
	}
}

static int gic_release(struct inode *inode, struct file *file)
{
	vm_put(file->private_data);
	return 0;
}

static const struct file_operations gic_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = gic_ioctl,
	.release = gic_release,
	.llseek = noop_llseek,
};

/* ---- creation ---- */

static int create_locked(struct vm *vm)
{
	int fd;

	if (vm->gic.created)
		return -EEXIST;
	if (vm->state != VM_SETUP)
		return -EBUSY;
	vm_get(vm);
	fd = anon_inode_getfd("kvm-arm-vgic-v3", &gic_fops, vm, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		vm_put(vm);		/* not the last: the caller has one */
		return fd;
	}
	smp_store_release(&vm->gic.created, true);
	return fd;
}

int gic_fd_create(struct vm *vm, struct kvm_create_device *device)
{
	int ret;

	if (device->type != KVM_DEV_TYPE_ARM_VGIC_V3)
		return -ENODEV;
	if (device->flags & KVM_CREATE_DEVICE_TEST)
		return 0;
	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	ret = create_locked(vm);
	mutex_unlock(&vm->lock);
	if (ret < 0)
		return ret;
	device->fd = ret;
	return 0;
}
