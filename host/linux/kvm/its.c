// SPDX-License-Identifier: GPL-2.0
/* An ITS for VMMs that want one. */
#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/sizes.h>

#include "its.h"
#include "machine.h"

#define UNSET U64_MAX
#define DOORBELL 0x10040		/* GITS_TRANSLATER */

int its_create(struct vm *vm)
{
	if (vm->gic.its_created)
		return -EEXIST;
	if (vm->state != VM_SETUP)
		return -EBUSY;
	vm->gic.its_created = true;
	return 0;
}

void its_abandon(struct vm *vm)
{
	if (vm->gic.its_ready)
		return;
	vm->gic.its_created = false;
	vm->gic.its = UNSET;
}

int its_set_address(struct vm *vm, u64 base)
{
	if (vm->state != VM_SETUP)
		return -EBUSY;
	if (vm->gic.its != UNSET)
		return -EEXIST;
	if (base % SZ_64K != 0 || base + KVM_VGIC_V3_ITS_SIZE < base)
		return -EINVAL;
	if (base + KVM_VGIC_V3_ITS_SIZE > 1ULL << vm->ipa_bits)
		return -E2BIG;
	vm->gic.its = base;
	return 0;
}

int its_make_ready(struct vm *vm)
{
	vm->gic.its_ready = true;
	return 0;
}

int its_signal(struct vm *vm, const struct kvm_msi *msi)
{
	u64 address = (u64)msi->address_hi << 32 | msi->address_lo;
	u64 its = READ_ONCE(vm->gic.its);

	if ((msi->flags & ~(u32)KVM_MSI_VALID_DEVID) != 0 || its == UNSET || address != its + DOORBELL)
		return -EINVAL;
	return 0;
}
