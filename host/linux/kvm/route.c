// SPDX-License-Identifier: GPL-2.0
/* Routes: which interrupt a number of KVM's (GSI) is. */
#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "machine.h"
#include "route.h"

#define NOWHERE 0
#define MESSAGE 1			/* to an ITS: no guest has one that answers (its.h) */

static u32 find_locked(const struct gic *gic, u32 gsi)
{
	if (gic->route)
		return gsi < ROUTES && gic->route[gsi] != MESSAGE ? gic->route[gsi] : NOWHERE;
	return gsi < gic->spis ? PRIVATE_IRQS + gsi : NOWHERE;
}

u32 route_find(struct vm *vm, u32 gsi)
{
	unsigned long flags;
	u32 intid;

	spin_lock_irqsave(&vm->gic.lock, flags);
	intid = find_locked(&vm->gic, gsi);
	spin_unlock_irqrestore(&vm->gic.lock, flags);
	return intid;
}

/* As in KVM: one pin, or one message, for a GSI. */
static int add(u16 *route, const struct kvm_irq_routing_entry *e)
{
	if (e->gsi >= ROUTES || route[e->gsi] != NOWHERE)
		return -EINVAL;
	switch (e->type) {
	case KVM_IRQ_ROUTING_IRQCHIP:
		if (e->flags != 0 || e->u.irqchip.irqchip != 0 || e->u.irqchip.pin >= IRQS_LIMIT - PRIVATE_IRQS)
			return -EINVAL;
		route[e->gsi] = PRIVATE_IRQS + e->u.irqchip.pin;
		return 0;
	case KVM_IRQ_ROUTING_MSI:
		if (e->flags & ~(u32)KVM_MSI_VALID_DEVID)
			return -EINVAL;
		route[e->gsi] = MESSAGE;
		return 0;
	default:
		return -EINVAL;
	}
}

int route_set(struct vm *vm, const struct kvm_irq_routing_entry *entries, u32 n)
{
	u16 *route = kvcalloc(ROUTES, sizeof(*route), GFP_KERNEL_ACCOUNT);
	u16 *old;
	int ret = 0;

	if (!route)
		return -ENOMEM;
	for (u32 i = 0; i < n && ret == 0; i++)
		ret = add(route, &entries[i]);
	if (ret != 0) {
		kvfree(route);
		return ret;
	}
	spin_lock_irq(&vm->gic.lock);
	old = vm->gic.route;
	vm->gic.route = route;
	spin_unlock_irq(&vm->gic.lock);
	kvfree(old);
	return 0;
}

void route_free(struct gic *gic)
{
	kvfree(gic->route);
}
