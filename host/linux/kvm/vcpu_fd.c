// SPDX-License-Identifier: GPL-2.0
/* vCPUs as files: their ioctls, the page that they share with user space, and what is set before they run. */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "gic.h"
#include "limits.h"
#include "machine.h"
#include "regs.h"
#include "run.h"
#include "vcpu.h"
#include "vcpu_fd.h"
#include "vm.h"

#define FEATURES_KNOWN 7
#define POINTER_AUTHENTICATION (1u << KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1u << KVM_ARM_VCPU_PTRAUTH_GENERIC)
#define FEATURES_OFFERED (1u << KVM_ARM_VCPU_POWER_OFF | 1u << KVM_ARM_VCPU_PSCI_0_2 | POINTER_AUTHENTICATION)

/* ---- ioctls ---- */

/* KVM's own answers: features that it does not know, and those that this machine has not. */
static int check_init(const struct vcpu *v, const struct kvm_vcpu_init *init)
{
	u32 features = init->features[0];
	u32 both = features & POINTER_AUTHENTICATION;

	for (u32 i = 1; i < ARRAY_SIZE(init->features); i++) {
		if (init->features[i] != 0)
			return -ENOENT;
	}
	if (features >> FEATURES_KNOWN != 0)
		return -ENOENT;
	if (init->target != KVM_ARM_TARGET_GENERIC_V8 || (features & ~FEATURES_OFFERED) != 0)
		return -EINVAL;
	if (both != 0 && (both != POINTER_AUTHENTICATION || !limits_extension(KVM_CAP_ARM_PTRAUTH_ADDRESS)))
		return -EINVAL;
	/* vCPU 0 begins. It is the guest that starts the others, whether they are said to be off or not. */
	return v->index == 0 && (features & 1u << KVM_ARM_VCPU_POWER_OFF) != 0 ? -EINVAL : 0;
}

static int vcpu_init(struct vcpu *v, void __user *argument)
{
	struct kvm_vcpu_init init;
	int ret;

	if (copy_from_user(&init, argument, sizeof(init)))
		return -EFAULT;
	ret = check_init(v, &init);
	if (ret != 0)
		return ret;
	if (v->inited && v->features != init.features[0])
		return -EINVAL;
	if (vcpu_is_hidden(v))
		ret = vm_reset(v);	/* one vCPU alone cannot be: its registers are Cordon's */
	if (ret != 0)
		return ret;
	v->features = init.features[0];
	v->inited = true;
	v->pc = 0;
	v->x0 = 0;
	return 0;
}

static int one_reg(struct vcpu *v, void __user *argument, bool set)
{
	struct kvm_one_reg reg;

	if (!v->inited)
		return -ENOEXEC;
	if (copy_from_user(&reg, argument, sizeof(reg)))
		return -EFAULT;
	return regs_access(v, &reg, set);
}

static int get_mp_state(struct vcpu *v, void __user *argument)
{
	bool on = vcpu_is_hidden(v) ? READ_ONCE(v->on) : v->index == 0;
	struct kvm_mp_state state = { on ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_STOPPED };

	return copy_to_user(argument, &state, sizeof(state)) ? -EFAULT : 0;
}

/*
 * Power is the guest's: nothing is changed. VMMs write back what they have read some time before, and end if they are refused. But vCPU 0
 * begins: to have it off is refused while it can be.
 */
static int set_mp_state(struct vcpu *v, void __user *argument)
{
	struct kvm_mp_state state;

	if (copy_from_user(&state, argument, sizeof(state)))
		return -EFAULT;
	if (state.mp_state != KVM_MP_STATE_RUNNABLE && state.mp_state != KVM_MP_STATE_STOPPED)
		return -EINVAL;
	return v->index == 0 && !vcpu_is_hidden(v) && state.mp_state == KVM_MP_STATE_STOPPED ? -EINVAL : 0;
}

static long locked_ioctl(struct vcpu *v, unsigned int request, unsigned long argument)
{
	void __user *pointer = (void __user *)argument;

	switch (request) {
	case KVM_RUN: return argument != 0 ? -EINVAL : run_vcpu(v);
	case KVM_ARM_VCPU_INIT: return vcpu_init(v, pointer);
	case KVM_GET_ONE_REG: return one_reg(v, pointer, false);
	case KVM_SET_ONE_REG: return one_reg(v, pointer, true);
	case KVM_GET_REG_LIST: return v->inited ? regs_list(pointer) : -ENOEXEC;
	case KVM_GET_MP_STATE: return get_mp_state(v, pointer);
	case KVM_SET_MP_STATE: return set_mp_state(v, pointer);
	case KVM_HAS_DEVICE_ATTR:
	case KVM_GET_DEVICE_ATTR:
	case KVM_SET_DEVICE_ATTR: return -ENXIO;
	default: return -EINVAL;
	}
}

static long vcpu_ioctl(struct file *file, unsigned int request, unsigned long argument)
{
	struct vcpu *v = file->private_data;
	long ret;

	if (v->vm->mm != current->mm)
		return -EIO;
	if (mutex_lock_killable(&v->mutex))
		return -EINTR;
	ret = locked_ioctl(v, request, argument);
	mutex_unlock(&v->mutex);
	return ret;
}

/* ---- the shared page ---- */

static vm_fault_t run_fault(struct vm_fault *fault)
{
	struct vcpu *v = fault->vma->vm_file->private_data;

	if (fault->pgoff != 0)
		return VM_FAULT_SIGBUS;
	fault->page = virt_to_page(v->run);
	get_page(fault->page);
	return 0;
}

static const struct vm_operations_struct run_vm_ops = { .fault = run_fault };

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &run_vm_ops;
	return 0;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct vcpu *v = file->private_data;

	vm_put(v->vm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vcpu_ioctl,
	.mmap = vcpu_mmap,
	.release = vcpu_release,
	.llseek = noop_llseek,
};

/* ---- creation ---- */

/* The descriptor is reserved first, so that nothing can fail once the vCPU is there for others to see. */
static int create_locked(struct vm *vm, u32 index, int fd)
{
	struct vcpu *v;
	struct file *file;
	char name[24];

	if (vm->state != VM_SETUP || vm->gic.ready)
		return -EBUSY;
	if (vm->vcpu[index])
		return -EEXIST;
	v = vcpu_new(vm, index);
	if (!v)
		return -ENOMEM;
	gic_init_vcpu(v);
	snprintf(name, sizeof(name), "kvm-vcpu:%u", index);
	file = anon_inode_getfile(name, &vcpu_fops, v, O_RDWR);
	if (IS_ERR(file)) {
		vcpu_free(v);
		return PTR_ERR(file);
	}
	vm_get(vm);
	smp_store_release(&vm->vcpu[index], v);
	vm->vcpus = max(vm->vcpus, index + 1);
	fd_install(fd, file);
	return fd;
}

int vcpu_fd_create(struct vm *vm, unsigned long id)
{
	int fd, ret;

	if (id >= limits.vcpus)
		return -EINVAL;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	mutex_lock(&vm->lock);
	ret = create_locked(vm, id, fd);
	mutex_unlock(&vm->lock);
	if (ret < 0)
		put_unused_fd(fd);
	return ret;
}
