// SPDX-License-Identifier: GPL-2.0
/* VMs as such: how they come to be, start, end and go. */
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "device.h"
#include "el2.h"
#include "eventfd.h"
#include "gic.h"
#include "machine.h"
#include "memory.h"
#include "vcpu.h"
#include "vm.h"

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

/* ---- coming and going ---- */

struct vm *vm_new(u32 ipa_bits)
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
	INIT_LIST_HEAD(&vm->resamplers);
	spin_lock_init(&vm->irqfd_lock);
	INIT_LIST_HEAD(&vm->irqfds);
	gic_init(&vm->gic);
	vm->ipa_bits = ipa_bits;
	vm->pid = task_tgid_nr(current);
	vm->mm = current->mm;
	mmgrab(vm->mm);
	mutex_lock(&vms_lock);
	list_add_tail(&vm->list, &vms);
	mutex_unlock(&vms_lock);
	return vm;
}

/* The last file descriptor is gone: no thread is in any of its calls. */
static void vm_destroy(struct kref *ref)
{
	struct vm *vm = container_of(ref, struct vm, ref);

	mutex_lock(&vms_lock);
	list_del(&vm->list);
	mutex_unlock(&vms_lock);
	eventfd_free(vm);
	el2_stop(vm);
	if (device_end_all(vm) && el2_destroy(vm))
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

/* ---- start and end ---- */

static int can_start(struct vm *vm)
{
	for (u32 i = 0; i < vm->vcpus; i++) {
		if (!vm->vcpu[i])
			return -EINVAL;		/* a number is left out: Cordon counts them from 0 */
	}
	return gic_map(vm);
}

/* Devices find all of the memory, in pages, before the guest runs; without any, what is not there comes when the guest touches it. */
static int complete_memory(struct vm *vm)
{
	int ret = 0;

	if (vm->devices == 0) {
		memory_join(vm);
		return 0;
	}
	ret = memory_map_all(vm);
	return ret == 0 ? device_open_all(vm) : ret;
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
		ret = el2_personalise(vm);
	if (ret == 0)
		ret = device_attach_all(vm);
	if (ret == 0)
		ret = el2_start(vm, first->pc, first->x0);
	if (ret == 0)
		ret = complete_memory(vm);
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

/* ---- a start anew ---- */

static void release_others(struct vcpu *self, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		if (self->vm->vcpu[i] && self->vm->vcpu[i] != self)
			mutex_unlock(&self->vm->vcpu[i]->mutex);
	}
}

/* Nobody is in any call of the VM's vCPUs, nor comes into one. Not waited for: who is in KVM_RUN may stay for long. */
static bool hold_others(struct vcpu *self)
{
	for (u32 i = 0; i < self->vm->vcpus; i++) {
		struct vcpu *v = self->vm->vcpu[i];

		if (v && v != self && !mutex_trylock(&v->mutex)) {
			release_others(self, i);
			return false;
		}
	}
	return true;
}

static int take_down(struct vm *vm)
{
	if (vm->state == VM_SETUP)
		return 0;
	if (vm->devices != 0)
		return -EBUSY;
	el2_stop(vm);
	if (!el2_destroy(vm)) {
		vm->error = -EIO;
		vm->state = VM_FAILED;
		return -EIO;
	}
	memory_free(vm);
	vm->handle = 0;
	vm->nframes = 0;
	vm->blocks = 0;
	for (u32 i = 0; i < vm->vcpus; i++) {
		if (vm->vcpu[i])
			vcpu_begin_anew(vm->vcpu[i]);
	}
	gic_begin_anew(vm);
	WRITE_ONCE(vm->ended, false);
	smp_store_release(&vm->state, VM_SETUP);
	return 0;
}

int vm_reset(struct vcpu *self)
{
	struct vm *vm = self->vm;
	int ret;

	if (!hold_others(self))
		return -EBUSY;
	mutex_lock(&vm->lock);
	ret = take_down(vm);
	mutex_unlock(&vm->lock);
	release_others(self, vm->vcpus);
	return ret;
}

void vm_end(struct vm *vm)
{
	WRITE_ONCE(vm->ended, true);
	vcpu_kick_all(vm);
}
