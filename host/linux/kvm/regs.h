/* SPDX-License-Identifier: GPL-2.0 */
/* A vCPU's registers as user space names them. v->mutex is held. */
#ifndef CORDON_KVM_REGS_H
#define CORDON_KVM_REGS_H

#include <linux/kvm.h>
#include <linux/types.h>

struct vcpu;

/* KVM_SET_ONE_REG or KVM_GET_ONE_REG. */
int regs_access(struct vcpu *v, const struct kvm_one_reg *reg, bool set);
/* KVM_GET_REG_LIST. */
int regs_list(struct kvm_reg_list __user *list);

#endif
