// SPDX-License-Identifier: GPL-2.0
/* Slots: what user space has said is the guest's memory, and which of its own memory is behind it. */
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>

#include "machine.h"
#include "slot.h"

static bool region_is_valid(const struct kvm_userspace_memory_region *r)
{
	return r->slot < SLOTS && (r->flags & ~(u32)KVM_MEM_READONLY) == 0 && PAGE_ALIGNED(r->memory_size) && PAGE_ALIGNED(r->guest_phys_addr) &&
	       PAGE_ALIGNED(r->userspace_addr) && r->userspace_addr == untagged_addr(r->userspace_addr) &&
	       access_ok((void __user *)r->userspace_addr, r->memory_size) &&
	       r->guest_phys_addr + r->memory_size >= r->guest_phys_addr;
}

static bool overlaps_another(const struct vm *vm, const struct slot *self, u64 base, u64 size)
{
	for (u32 i = 0; i < SLOTS; i++) {
		const struct slot *s = &vm->slot[i];

		if (s != self && s->size != 0 && base < s->base + s->size && s->base < base + size)
			return true;
	}
	return false;
}

/* As KVM has it: size 0 deletes; a slot that is there may move, but not change its size or its memory. */
static int set_region(struct vm *vm, const struct kvm_userspace_memory_region *r)
{
	struct slot *s = &vm->slot[r->slot];
	bool readonly = (r->flags & KVM_MEM_READONLY) != 0;

	/* After the start memory is fixed. A read-only slot that comes later is a device, as it was in between. */
	if (vm->state != VM_SETUP && (s->size != 0 ? !s->device : !readonly))
		return -EBUSY;
	if (r->memory_size == 0) {
		if (s->size == 0)
			return -EINVAL;
		*s = (struct slot){ 0 };
		return 0;
	}
	if (r->guest_phys_addr + r->memory_size > 1ULL << vm->ipa_bits)
		return -EFAULT;
	if (s->size != 0 && (s->size != r->memory_size || s->user != r->userspace_addr || s->readonly != readonly))
		return -EINVAL;
	if (overlaps_another(vm, s, r->guest_phys_addr, r->memory_size))
		return -EEXIST;
	*s = (struct slot){ r->guest_phys_addr, r->memory_size, r->userspace_addr, readonly, readonly && vm->state != VM_SETUP };
	return 0;
}

int slot_set(struct vm *vm, const struct kvm_userspace_memory_region *region)
{
	int ret;

	if (!region_is_valid(region))
		return -EINVAL;
	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	ret = set_region(vm, region);
	mutex_unlock(&vm->lock);
	return ret;
}

struct slot *slot_at(struct vm *vm, u64 gpa)
{
	for (u32 i = 0; i < SLOTS; i++) {
		struct slot *s = &vm->slot[i];

		if (gpa >= s->base && gpa - s->base < s->size)
			return s;
	}
	return NULL;
}

struct slot *slot_from(struct vm *vm, u64 gpa)
{
	struct slot *found = NULL;

	for (u32 i = 0; i < SLOTS; i++) {
		struct slot *s = &vm->slot[i];

		if (s->size != 0 && s->base >= gpa && (!found || s->base < found->base))
			found = s;
	}
	return found;
}
