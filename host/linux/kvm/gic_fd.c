// SPDX-License-Identifier: GPL-2.0
/* The GICv3 and its ITS as devices of KVM: their file descriptors, and the attributes that are set and read by them. */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "gic.h"
#include "gic_fd.h"
#include "its.h"
#include "machine.h"
#include "vm.h"

/* What a file of either kind does. */
struct kind {
	bool (*has)(const struct kvm_device_attr *a);
	int (*set)(struct vm *vm, const struct kvm_device_attr *a);
	int (*get)(struct vm *vm, const struct kvm_device_attr *a);
	int (*create)(struct vm *vm);
	void (*abandon)(struct vm *vm);
};

/* ---- attributes ---- */

static bool gic_has(const struct kvm_device_attr *a)
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

static int gic_set(struct vm *vm, const struct kvm_device_attr *a)
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

static int gic_get(struct vm *vm, const struct kvm_device_attr *a)
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

static bool its_has(const struct kvm_device_attr *a)
{
	switch (a->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR: return a->attr == KVM_VGIC_ITS_ADDR_TYPE;
	case KVM_DEV_ARM_VGIC_GRP_CTRL: return a->attr == KVM_DEV_ARM_VGIC_CTRL_INIT || a->attr == KVM_DEV_ARM_ITS_CTRL_RESET;
	default: return false;
	}
}

static int its_set(struct vm *vm, const struct kvm_device_attr *a)
{
	u64 address;

	if (a->group == KVM_DEV_ARM_VGIC_GRP_ADDR)
		return copy_from_user(&address, (void __user *)a->addr, sizeof(address)) ? -EFAULT : its_set_address(vm, address);
	return a->attr == KVM_DEV_ARM_VGIC_CTRL_INIT ? its_make_ready(vm) : 0;
}

static int its_get(struct vm *vm, const struct kvm_device_attr *a)
{
	if (a->group != KVM_DEV_ARM_VGIC_GRP_ADDR)
		return -ENXIO;
	return copy_to_user((void __user *)a->addr, &vm->gic.its, sizeof(vm->gic.its)) ? -EFAULT : 0;
}

static const struct kind gic_kind = { gic_has, gic_set, gic_get, gic_create, gic_abandon };
static const struct kind its_kind = { its_has, its_set, its_get, its_create, its_abandon };

/* ---- files ---- */

static long attribute_ioctl(struct vm *vm, const struct kind *kind, unsigned int request, const struct kvm_device_attr *a)
{
	long ret;

	if (request == KVM_HAS_DEVICE_ATTR)
		return kind->has(a) ? 0 : -ENXIO;
	if (!kind->has(a))
		return -ENXIO;
	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	ret = request == KVM_SET_DEVICE_ATTR ? kind->set(vm, a) : kind->get(vm, a);
	mutex_unlock(&vm->lock);
	return ret;
}

static long device_ioctl(struct vm *vm, const struct kind *kind, unsigned int request, unsigned long argument)
{
	struct kvm_device_attr a;

	if (vm->mm != current->mm)
		return -EIO;
	switch (request) {
	case KVM_HAS_DEVICE_ATTR:
	case KVM_SET_DEVICE_ATTR:
	case KVM_GET_DEVICE_ATTR:
		if (copy_from_user(&a, (void __user *)argument, sizeof(a)))
			return -EFAULT;
		return a.flags != 0 ? -EPERM : attribute_ioctl(vm, kind, request, &a);
	default:
		return -ENOTTY;
	}
}

static int device_release(struct vm *vm, const struct kind *kind)
{
	mutex_lock(&vm->lock);
	kind->abandon(vm);
	mutex_unlock(&vm->lock);
	vm_put(vm);
	return 0;
}

static long gic_ioctl(struct file *file, unsigned int request, unsigned long argument)
{
	return device_ioctl(file->private_data, &gic_kind, request, argument);
}

static int gic_release(struct inode *inode, struct file *file)
{
	return device_release(file->private_data, &gic_kind);
}

static long its_ioctl(struct file *file, unsigned int request, unsigned long argument)
{
	return device_ioctl(file->private_data, &its_kind, request, argument);
}

static int its_release(struct inode *inode, struct file *file)
{
	return device_release(file->private_data, &its_kind);
}

static const struct file_operations gic_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = gic_ioctl,
	.release = gic_release,
	.llseek = noop_llseek,
};

static const struct file_operations its_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = its_ioctl,
	.release = its_release,
	.llseek = noop_llseek,
};

/* ---- creation ---- */

static int get_fd(struct vm *vm, bool its)
{
	int fd;

	vm_get(vm);
	fd = its ? anon_inode_getfd("kvm-arm-vgic-its", &its_fops, vm, O_RDWR | O_CLOEXEC) :
		   anon_inode_getfd("kvm-arm-vgic-v3", &gic_fops, vm, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		vm_put(vm);		/* not the last: the caller has one */
	return fd;
}

static int create_locked(struct vm *vm, bool its)
{
	const struct kind *kind = its ? &its_kind : &gic_kind;
	int ret = kind->create(vm);
	int fd;

	if (ret != 0)
		return ret;
	fd = get_fd(vm, its);
	if (fd < 0)
		kind->abandon(vm);
	return fd;
}

int gic_fd_create(struct vm *vm, struct kvm_create_device *device)
{
	bool its = device->type == KVM_DEV_TYPE_ARM_VGIC_ITS;
	int ret;

	if (device->type != KVM_DEV_TYPE_ARM_VGIC_V3 && !its)
		return -ENODEV;
	if (device->flags & KVM_CREATE_DEVICE_TEST)
		return 0;
	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	ret = create_locked(vm, its);
	mutex_unlock(&vm->lock);
	if (ret < 0)
		return ret;
	device->fd = ret;
	return 0;
}
