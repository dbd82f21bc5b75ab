/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of KVM's protected guests: a kernel that knows these shares memory with the host, and needs nothing of ours. */
#ifndef CORDON_PKVM_H
#define CORDON_PKVM_H

#include "guest/exit.h"
#include "guest/vcpu.h"

/*
 * Does one of them: Linux, Documentation/virt/kvm/arm/hypercalls.rst. *known: whether there is one of that number. False: the
 * page that is to be shared is not there; the host is told of it as of one that was touched, and the guest makes its call again.
 */
COLD bool vcpu_pkvm_call(struct cordon *c, struct vcpu_claim u, struct run *r, bool *known);

#endif
