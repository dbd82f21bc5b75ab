// SPDX-License-Identifier: GPL-2.0
/* VMs as files: their ioctls. */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "cordon/kvm.h"
#include "device.h"
#include "eventfd.h"
#include "gic.h"
#include "gic_fd.h"
#include "its.h"
#include "limits.h"
#include "machine.h"
#include "route.h"
#include "slot.h"
#include "vcpu_fd.h"
#include "vm.h"
#include "vm_fd.h"

#define DEFAULT_IPA_BITS 40
#define MIN_IPA_BITS 32

/* pKVM's names, which not every kernel's headers have. */
#define VM_TYPE_ARM_PROTECTED (1UL << 31)
#define PROTECTED_VM_INFO 1

struct protected_vm_info {
	u64 firmware_size;
	u64 reserved[7];
};

/* ---- ioctls ---- */

static long set_user_memory_region(struct vm *vm, void __user *argument)
{
	struct kvm_userspace_memory_region region;

	if (copy_from_user(&region, argument, sizeof(region)))
		return -EFAULT;
	return slot_set(vm, &region);
}

static long create_device(struct vm *vm, void __user *argument)
{
	struct kvm_create_device device;
	int ret;

	if (copy_from_user(&device, argument, sizeof(device)))
		return -EFAULT;
	ret = gic_fd_create(vm, &device);
	if (ret < 0 || device.flags & KVM_CREATE_DEVICE_TEST)
		return ret;
	/* The descriptor is the process's already: an address that cannot be written to is its own affair. */
	return copy_to_user(argument, &device, sizeof(device)) ? -EFAULT : 0;
}

static long give_device(struct vm *vm, void __user *argument)
{
	struct cordon_kvm_device args;

	return copy_from_user(&args, argument, sizeof(args)) ? -EFAULT : device_give(vm, &args);
}

static long personalise(struct vm *vm, void __user *argument)
{
	struct cordon_kvm_personal args;
	long ret = -EBUSY;

	BUILD_BUG_ON(sizeof(args) != sizeof(vm->personal));
	if (copy_from_user(&args, argument, sizeof(args)))
		return -EFAULT;
	mutex_lock(&vm->lock);
	if (vm->state == VM_SETUP) {
		memcpy(vm->personal, &args, sizeof(args));
		ret = 0;
	}
	mutex_unlock(&vm->lock);
	return ret;
}

static long irq_line(struct vm *vm, void __user *argument)
{
	struct kvm_irq_level level;

	if (copy_from_user(&level, argument, sizeof(level)))
		return -EFAULT;
	return gic_irq_line(vm, &level);
}

static long irqfd(struct vm *vm, void __user *argument)
{
	struct kvm_irqfd args;

	return copy_from_user(&args, argument, sizeof(args)) ? -EFAULT : eventfd_irqfd(vm, &args);
}

/* The table comes behind its head. */
static long set_gsi_routing(struct vm *vm, struct kvm_irq_routing __user *argument)
{
	struct kvm_irq_routing_entry *entries;
	struct kvm_irq_routing head;
	long ret;

	if (!vm->gic.created)
		return -EINVAL;
	if (copy_from_user(&head, argument, sizeof(head)))
		return -EFAULT;
	if (head.flags != 0 || head.nr > ROUTES)
		return -EINVAL;
	entries = vmemdup_user(argument->entries, array_size(head.nr, sizeof(*entries)));
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	ret = route_set(vm, entries, head.nr);
	kvfree(entries);
	return ret;
}

static long signal_msi(struct vm *vm, void __user *argument)
{
	struct kvm_msi msi;

	return copy_from_user(&msi, argument, sizeof(msi)) ? -EFAULT : its_signal(vm, &msi);
}

/* What VMMs that know pKVM ask of a protected VM: a firmware that goes before the guest. There is none. */
static long protected_vm(const struct kvm_enable_cap *cap)
{
	struct protected_vm_info info = { 0 };

	if (cap->args[0] != PROTECTED_VM_INFO)
		return -EINVAL;
	return copy_to_user((void __user *)cap->args[1], &info, sizeof(info)) ? -EFAULT : 0;
}

static long enable_cap(void __user *argument)
{
	struct kvm_enable_cap cap;

	if (copy_from_user(&cap, argument, sizeof(cap)))
		return -EFAULT;
	return cap.flags == 0 && cap.cap == CAP_ARM_PROTECTED_VM ? protected_vm(&cap) : -EINVAL;
}

static long ioeventfd(struct vm *vm, void __user *argument)
{
	struct kvm_ioeventfd args;

	return copy_from_user(&args, argument, sizeof(args)) ? -EFAULT : eventfd_ioeventfd(vm, &args);
}

static long preferred_target(void __user *argument)
{
	struct kvm_vcpu_init init = { .target = KVM_ARM_TARGET_GENERIC_V8 };

	return copy_to_user(argument, &init, sizeof(init)) ? -EFAULT : 0;
}

/* No access is ever coalesced, so none has to be ended. */
static long unregister_coalesced(void __user *argument)
{
	struct kvm_coalesced_mmio_zone zone;

	return copy_from_user(&zone, argument, sizeof(zone)) ? -EFAULT : 0;
}

static long vm_ioctl(struct file *file, unsigned int request, unsigned long argument)
{
	struct vm *vm = file->private_data;
	void __user *pointer = (void __user *)argument;

	if (vm->mm != current->mm)
		return -EIO;
	switch (request) {
	case KVM_CREATE_VCPU: return vcpu_fd_create(vm, argument);
	case KVM_SET_USER_MEMORY_REGION: return set_user_memory_region(vm, pointer);
	case KVM_CREATE_DEVICE: return create_device(vm, pointer);
	case CORDON_KVM_DEVICE_GIVE: return give_device(vm, pointer);
	case CORDON_KVM_PERSONALISE: return personalise(vm, pointer);
	case KVM_IRQ_LINE: return irq_line(vm, pointer);
	case KVM_IRQFD: return irqfd(vm, pointer);
	case KVM_IOEVENTFD: return ioeventfd(vm, pointer);
	case KVM_SET_GSI_ROUTING: return set_gsi_routing(vm, pointer);
	case KVM_SIGNAL_MSI: return signal_msi(vm, pointer);
	case KVM_ENABLE_CAP: return enable_cap(pointer);
	case KVM_ARM_PREFERRED_TARGET: return preferred_target(pointer);
	case KVM_CHECK_EXTENSION: return limits_extension(argument);
	case KVM_UNREGISTER_COALESCED_MMIO: return unregister_coalesced(pointer);
	case KVM_CREATE_IRQCHIP:		/* a GICv2 */
	case KVM_ARM_SET_DEVICE_ADDR: return -ENODEV;
	default: return -EINVAL;
	}
}

static int vm_release(struct inode *inode, struct file *file)
{
	vm_put(file->private_data);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vm_ioctl,
	.release = vm_release,
	.llseek = noop_llseek,
};

/* ---- creation ---- */

/* A VM is protected whether it is said or not. */
static int ipa_bits_of(unsigned long type)
{
	u32 bits = type & KVM_VM_TYPE_ARM_IPA_SIZE_MASK;

	if (type & ~(KVM_VM_TYPE_ARM_IPA_SIZE_MASK | VM_TYPE_ARM_PROTECTED))
		return -EINVAL;
	if (bits == 0)
		bits = DEFAULT_IPA_BITS;
	return bits < MIN_IPA_BITS || bits > limits.ipa_bits ? -EINVAL : bits;
}

int vm_fd_create(unsigned long type)
{
	int bits = ipa_bits_of(type);
	struct vm *vm;
	int fd;

	if (bits < 0)
		return bits;
	vm = vm_new(bits);
	if (!vm)
		return -ENOMEM;
	fd = anon_inode_getfd("kvm-vm", &vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		vm_put(vm);
	return fd;
}
