/* SPDX-License-Identifier: GPL-2.0 */
/* What there is: what Cordon allows a VM, and which of KVM's extensions. */
#ifndef CORDON_KVM_LIMITS_H
#define CORDON_KVM_LIMITS_H

#include <linux/types.h>

#define CAP_ARM_PROTECTED_VM 0xffbadab1UL		/* pKVM's name, as VMMs know it */

struct limits {
	u32 root_order;			/* 2^n frames are a VM's first table */
	u32 ipa_bits;			/* of guest addresses */
	u32 vcpus;			/* of a VM */
};

extern struct limits limits;

/* Asks Cordon for them, once. An error: it says nothing that a VM could be made with. */
int limits_read(void);
/* The answer to KVM_CHECK_EXTENSION. */
int limits_extension(unsigned long which);

#endif
