/* SPDX-License-Identifier: GPL-2.0 */
/* Routes: which interrupt a number of KVM's (GSI) is. Without a table of user space's, GSI n is SPI 32 + n. */
#ifndef CORDON_KVM_ROUTE_H
#define CORDON_KVM_ROUTE_H

#include <linux/kvm.h>
#include <linux/types.h>

struct gic;
struct vm;

/* KVM_SET_GSI_ROUTING: entries take the place of all that were there. Takes gic->lock. */
int route_set(struct vm *vm, const struct kvm_irq_routing_entry *entries, u32 n);
/* The INTID, or 0: the GSI leads nowhere, or is a message that no guest has asked for. Takes gic->lock. */
u32 route_find(struct vm *vm, u32 gsi);
void route_free(struct gic *gic);

#endif
