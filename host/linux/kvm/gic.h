/* SPDX-License-Identifier: GPL-2.0 */
/* The GICv3: where it lies, which interrupts it has, and its lines. vm->lock is held where there is a VM, but for the lines. */
#ifndef CORDON_KVM_GIC_H
#define CORDON_KVM_GIC_H

#include <linux/kvm.h>
#include <linux/types.h>

struct gic;
struct vcpu;
struct vm;

void gic_init(struct gic *gic);
/* The interrupts of a new vCPU's own. */
void gic_init_vcpu(struct vcpu *v);
void gic_free(struct gic *gic);
/* The VM has one from here on. -EEXIST: it had. */
int gic_create(struct vm *vm);
/* The attributes: type is KVM_VGIC_V3_ADDR_TYPE_. Of a region that is asked for the index comes in *value. */
int gic_set_address(struct vm *vm, u64 type, u64 value);
int gic_get_address(struct vm *vm, u64 type, u64 *value);
/* How many interrupts, private ones included. */
int gic_set_number(struct vm *vm, u32 irqs);
/* From here on the number of vCPUs is fixed. */
int gic_make_ready(struct vm *vm);
/* The VM starts: addresses are fixed. */
int gic_map(struct vm *vm);
/* Its descriptor is closed: what was never initialised goes away with it. */
void gic_abandon(struct vm *vm);
/* The registers are as after a reset, nothing is pending but what lines say, and the lines are as they were. */
void gic_begin_anew(struct vm *vm);
/* KVM_IRQ_LINE. Takes gic->lock. */
int gic_irq_line(struct vm *vm, const struct kvm_irq_level *level);

#endif
