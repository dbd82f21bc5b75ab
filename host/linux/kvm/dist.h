/* SPDX-License-Identifier: GPL-2.0 */
/* The guest's accesses to the registers of its distributor and redistributors. */
#ifndef CORDON_KVM_DIST_H
#define CORDON_KVM_DIST_H

#include <linux/types.h>

struct vcpu;

/* An access of the guest. False: the address is not the GIC's. *abort: it cannot be done. Takes gic->lock. */
bool dist_access(struct vcpu *v, u64 gpa, u64 bytes, bool write, u64 *value, bool *abort);

#endif
