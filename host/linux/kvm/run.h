/* SPDX-License-Identifier: GPL-2.0 */
/* KVM_RUN. */
#ifndef CORDON_KVM_RUN_H
#define CORDON_KVM_RUN_H

struct vcpu;

/* Runs the guest until there is something for user space: 0, and v->run says what; or an errno. v->mutex is held. */
int run_vcpu(struct vcpu *v);

#endif
