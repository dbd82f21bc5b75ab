// SPDX-License-Identifier: GPL-2.0
/* VMs: their file descriptor, their start and their end. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "cordon_kvm.h"

#define DEFAULT_IPA_BITS 40
#define MIN_IPA_BITS 32

static LIST_HEAD(vms);
static DEFINE_MUTEX(vms_lock);

void vm_each(void (*show)(struct vm *vm, void *data), void *data)
{
	struct vm *vm;

	mutex_lock(&vms_lock);
	list_for_each_entry(vm, &vms, list)
		show(vm, data);
	mutex_unlock(&vms_lock);
}

/* ---- the start ---- */

static int can_start(struct vm *vm)
{
	for (u32 i = 0; i < vm->vcpus; i++) {
		if (!vm->vcpu[i])
			return -EINVAL;		/* a number is left out: Cordon counts them from 0 */
	}
	return gic_map(vm);
}

/* All that a VM is made of, in the order in which Cordon wants it. Only a VM that is thrown away stops half way. */
static int build(struct vm *vm)
{
	struct vcpu *first = vm->vcpu[0];
	int ret = el2_create(vm);

	if (ret == 0)
		ret = memory_load(vm);
	for (u32 i = 0; i < vm->vcpus && ret == 0; i++)
		ret = el2_vcpu(vm, i);
	if (ret == 0)
		ret = el2_start(vm, first->pc, first->x0);
	if (ret == 0)
		memory_join(vm);
	return ret;
}

static int start_locked(struct vm *vm)
{
	int ret;

	if (vm->state == VM_RUNS)
		return 0;
	if (vm->state == VM_FAILED)
		return vm->error;
	ret = can_start(vm);
	if (ret != 0)
		return ret;
	ret = build(vm);
	vm->error = ret;
	vm->vcpu[0]->on = ret == 0;
	smp_store_release(&vm->state, ret == 0 ? VM_RUNS : VM_FAILED);
	wake_up_all(&vm->started);
	return ret;
}

int vm_start(struct vcpu *v)
{
	struct vm *vm = v->vm;
	int ret;

	if (smp_load_acquire(&vm->state) == VM_RUNS)
		return 0;
	if (v->index != 0 && wait_event_interruptible(vm->started, smp_load_acquire(&vm->state) != VM_SETUP) != 0)
		return -EINTR;
	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	ret = start_locked(vm);
	mutex_unlock(&vm->lock);
	return ret;
}

/* ---- the end ---- */

void vm_end(struct vm *vm)
{
	WRITE_ONCE(vm->ended, true);
	for (u32 i = 0; i < vm->vcpus; i++) {
		if (vm->vcpu[i])
			vcpu_kick(vm->vcpu[i]);
	}
}

/* The last file descriptor is gone: no thread is in any of its calls. */
static void vm_destroy(struct kref *ref)
{
	struct vm *vm = container_of(ref, struct vm, ref);

	mutex_lock(&vms_lock);
	list_del(&vm->list);
	mutex_unlock(&vms_lock);
	eventfd_free(vm);
	if (el2_destroy(vm))
		memory_free(vm);
	for (u32 i = 0; i < CORDON_VCPUS_MAX; i++) {
		if (vm->vcpu[i])
			vcpu_free(vm->vcpu[i]);
	}
	gic_free(&vm->gic);
	mmdrop(vm->mm);
	kfree(vm->batch);
	kfree(vm);
}

void vm_put(struct vm *vm)
{
	kref_put(&vm->ref, vm_destroy);
}

/* ---- ioctls ---- */

static long set_user_memory_region(struct vm *vm, void __user *argument)
{
	struct kvm_userspace_memory_region region;

	if (copy_from_user(&region, argument, sizeof(region)))
		return -EFAULT;
	return memory_set_region(vm, &region);
}

static long create_device(struct vm *vm, void __user *argument)
{
	struct kvm_create_device device;
	int ret;

	if (copy_from_user(&device, argument, sizeof(device)))
		return -EFAULT;
	ret = gic_create_device(vm, &device);
	if (ret < 0 || device.flags & KVM_CREATE_DEVICE_TEST)
		return ret;
	/* The descriptor is the process's already: an address that cannot be written to is its own affair. */
	return copy_to_user(argument, &device, sizeof(device)) ? -EFAULT : 0;
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
	case KVM_CREATE_VCPU: return vcpu_create(vm, argument);
	case KVM_SET_USER_MEMORY_REGION: return set_user_memory_region(vm, pointer);
	case KVM_CREATE_DEVICE: return create_device(vm, pointer);
	case KVM_IRQ_LINE: return irq_line(vm, pointer);
	case KVM_IRQFD: return irqfd(vm, pointer);
	case KVM_IOEVENTFD: return ioeventfd(vm, pointer);
	case KVM_ARM_PREFERRED_TARGET: return preferred_target(pointer);
	case KVM_CHECK_EXTENSION: return check_extension(argument);
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

const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vm_ioctl,
	.release = vm_release,
	.llseek = noop_llseek,
};

/* ---- creation ---- */

static int ipa_bits_of(unsigned long type)
{
	u32 bits = type & KVM_VM_TYPE_ARM_IPA_SIZE_MASK;

	if (type & ~KVM_VM_TYPE_ARM_IPA_SIZE_MASK)
		return -EINVAL;
	if (bits == 0)
		bits = DEFAULT_IPA_BITS;
	return bits < MIN_IPA_BITS || bits > limits.ipa_bits ? -EINVAL : bits;
}

static struct vm *vm_new(u32 ipa_bits)
{
	struct vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);

	if (!vm)
		return NULL;
	vm->batch = kcalloc(BLOCK_PAGES, sizeof(*vm->batch), GFP_KERNEL_ACCOUNT);
	if (!vm->batch) {
		kfree(vm);
		return NULL;
	}
	kref_init(&vm->ref);
	mutex_init(&vm->lock);
	init_waitqueue_head(&vm->started);
	INIT_LIST_HEAD(&vm->frames);
	xa_init(&vm->pages);
	spin_lock_init(&vm->ioeventfd_lock);
	INIT_LIST_HEAD(&vm->ioeventfds);
	spin_lock_init(&vm->irqfd_lock);
	INIT_LIST_HEAD(&vm->irqfds);
	gic_init(&vm->gic);
	vm->ipa_bits = ipa_bits;
	vm->pid = task_tgid_nr(current);
	vm->mm = current->mm;
	mmgrab(vm->mm);
	return vm;
}

int vm_create(unsigned long type)
{
	int bits = ipa_bits_of(type);
	struct vm *vm;
	int fd;

	if (bits < 0)
		return bits;
	vm = vm_new(bits);
	if (!vm)
		return -ENOMEM;
	mutex_lock(&vms_lock);
	list_add_tail(&vm->list, &vms);
	mutex_unlock(&vms_lock);
	fd = anon_inode_getfd("kvm-vm", &vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		vm_put(vm);
	return fd;
}
