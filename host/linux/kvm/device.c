// SPDX-License-Identifier: GPL-2.0
/* A VM's devices: functions of PCI that are its alone. Their state is kept here while Cordon has them, and put back afterwards. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/interrupt.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "cordon/kvm.h"
#include "device.h"
#include "el2.h"
#include "function.h"
#include "irq.h"
#include "machine.h"

struct vm_device {
	struct vm *vm;
	struct function *function;
	u64 frame;			/* of its configuration space: its name */
	u64 bar[CORDON_KVM_BARS];
	bool attached;			/* Cordon has it, or has begun to take it */
	struct host_line line;		/* intid 0: the guest gets no interrupt of it */
	bool waits;			/* for the line */
};

/* ---- before the start ---- */

static int check_args(const struct vm *vm, const struct cordon_kvm_device *args)
{
	if (args->flags != 0 || args->reserved != 0)
		return -EINVAL;
	for (u32 i = 0; i < CORDON_KVM_BARS; i++) {
		if (!PAGE_ALIGNED(args->bar[i]) || args->bar[i] >= 1ULL << vm->ipa_bits)
			return -EINVAL;
	}
	if (vm->state != VM_SETUP)
		return -EBUSY;
	if (vm->devices == CORDON_KVM_DEVICES)
		return -ENOSPC;
	if (args->intid == 0)
		return 0;
	if (!vm->gic.ready)
		return -EAGAIN;
	return args->intid < PRIVATE_IRQS || args->intid - PRIVATE_IRQS >= vm->gic.spis ? -EINVAL : 0;
}

static int check_function(const struct vm_device *d)
{
	if (d->frame == 0)
		return -EINVAL;
	for (u32 i = 0; i < CORDON_KVM_BARS; i++) {
		if (d->bar[i] != 0 && !function_has_bar(d->function, i))
			return -EINVAL;
	}
	return 0;
}

static int give_locked(struct vm *vm, const struct cordon_kvm_device *args)
{
	struct vm_device *d;
	int ret = check_args(vm, args);

	if (ret != 0)
		return ret;
	d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	if (!d)
		return -ENOMEM;
	d->vm = vm;
	d->function = function_claim(vm, args->domain, args->bus, args->devfn);
	if (IS_ERR(d->function)) {
		ret = PTR_ERR(d->function);
		kfree(d);
		return ret;
	}
	d->frame = function_frame(d->function);
	d->line = (struct host_line){ .number = function_pci(d->function)->irq, .intid = args->intid };
	memcpy(d->bar, args->bar, sizeof(d->bar));
	ret = check_function(d);
	if (ret != 0) {
		function_release(d->function);
		kfree(d);
		return ret;
	}
	vm->device[vm->devices++] = d;
	return 0;
}

int device_give(struct vm *vm, const struct cordon_kvm_device *args)
{
	int ret;

	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	ret = give_locked(vm, args);
	mutex_unlock(&vm->lock);
	return ret;
}

/* ---- its interrupt ---- */

/* The line stays masked until the guest has ended its interrupt: nobody here could silence the device. */
static irqreturn_t interrupt(int number, void *data)
{
	struct vm_device *d = data;

	irq_host_line_up(d->vm, &d->line);
	return IRQ_HANDLED;
}

/* The line for itself, or with services of the port above, which may wait. */
static int wait_for_line(struct vm_device *d)
{
	struct pci_dev *pci = function_pci(d->function);
	int ret;

	if (d->line.intid == 0)
		return 0;
	if (d->line.number == 0) {
		pci_warn(pci, "has no interrupt line\n");
		return -ENXIO;
	}
	if (function_line_is_shared(d->function))
		return -EBUSY;
	irq_host_line_begin(d->vm, &d->line);
	ret = request_irq(d->line.number, interrupt, IRQF_PROBE_SHARED, CORDON_KVM_DRIVER, d);
	if (ret == -EBUSY)
		ret = request_irq(d->line.number, interrupt, IRQF_SHARED, CORDON_KVM_DRIVER, d);
	d->waits = ret == 0;
	return ret;
}

/* The device is quiet. */
static void end_line(struct vm_device *d)
{
	if (!d->waits)
		return;
	irq_host_line_end(d->vm, &d->line);
	free_irq(d->line.number, d);
	d->waits = false;
}

/* ---- start and end ---- */

static int attach(struct vm_device *d)
{
	struct pci_dev *pci = function_pci(d->function);
	int ret = function_prepare(d->function);

	if (ret != 0)
		return ret;
	ret = el2_device_attach(d->vm, d->frame, &d->attached);
	if (ret != 0) {
		pci_warn(pci, "is not given by Cordon (%d): docs/KVM.md says which devices are\n", ret);
		return ret;
	}
	for (u32 i = 0; i < CORDON_KVM_BARS && ret == 0; i++) {
		if (d->bar[i] != 0)
			ret = el2_device_map(d->vm, d->frame, i, d->bar[i]);
	}
	if (ret != 0)
		pci_warn(pci, "has BARs that Cordon does not map for a guest (%d)\n", ret);
	return ret;
}

int device_attach_all(struct vm *vm)
{
	int ret = 0;

	for (u32 i = 0; i < vm->devices && ret == 0; i++)
		ret = attach(vm->device[i]);
	return ret;
}

int device_open_all(struct vm *vm)
{
	int ret = 0;

	for (u32 i = 0; i < vm->devices && ret == 0; i++) {
		ret = wait_for_line(vm->device[i]);
		if (ret == 0)
			ret = el2_device_open(vm, vm->device[i]->frame);
	}
	return ret;
}

static bool end(struct vm_device *d)
{
	struct pci_dev *pci = function_pci(d->function);
	int ret = d->attached ? el2_device_detach(d->vm, d->frame) : 0;

	end_line(d);
	if (ret != 0) {
		pci_err(pci, "does not come back from VM 0x%llx (%d), and is lost to this host\n", d->vm->handle, ret);
		return false;
	}
	function_restore(d->function);
	function_release(d->function);
	return true;
}

bool device_end_all(struct vm *vm)
{
	bool good = true;

	for (u32 i = 0; i < vm->devices; i++) {
		good = end(vm->device[i]) && good;
		kfree(vm->device[i]);
	}
	vm->devices = 0;
	return good;
}
