// SPDX-License-Identifier: GPL-2.0
/* What Cordon allows a VM, as it says itself, and the extensions of KVM that this driver has. */
#include <linux/cpufeature.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/log2.h>
#include <linux/minmax.h>

#include "compat.h"
#include "cordon/abi.h"
#include "cordon/status.h"
#include "hypercall.h"
#include "limits.h"
#include "machine.h"

struct limits limits;

int limits_read(void)
{
	struct cordon_regs r = { { CORDON_CALL_VM_LIMITS } };

	cordon_hvc(&r);
	if (r.x[0] != CORDON_OK || r.x[1] == 0 || !is_power_of_2(r.x[1]) || r.x[1] > 1UL << MAX_PAGE_ORDER)
		return -ENODEV;
	limits.root_order = ilog2(r.x[1]);
	limits.ipa_bits = min_t(u64, r.x[2], 48);
	limits.vcpus = min_t(u64, r.x[3], CORDON_VCPUS_MAX);
	return 0;
}

/* Pointer authentication is the guest's own, with keys that Cordon keeps. */
static int has_pointer_authentication(void)
{
	return cpu_have_named_feature(PACA) && cpu_have_named_feature(PACG);
}

/* Of all others there is nothing: 0. */
int limits_extension(unsigned long which)
{
	switch (which) {
	case KVM_CAP_USER_MEMORY:
	case KVM_CAP_SYNC_MMU:		/* as far as a guest has given its pages back */
	case KVM_CAP_DESTROY_MEMORY_REGION_WORKS:
	case KVM_CAP_JOIN_MEMORY_REGIONS_WORKS:
	case KVM_CAP_IRQCHIP:
	case KVM_CAP_DEVICE_CTRL:
	case KVM_CAP_ONE_REG:
	case KVM_CAP_ARM_PSCI:
	case KVM_CAP_ARM_PSCI_0_2:
	case KVM_CAP_IRQFD:
	case KVM_CAP_IRQFD_RESAMPLE:
	case KVM_CAP_SIGNAL_MSI:
	case KVM_CAP_MSI_DEVID:
	case KVM_CAP_READONLY_MEM:
	case KVM_CAP_ENABLE_CAP_VM:
	case KVM_CAP_IOEVENTFD:
	case KVM_CAP_IOEVENTFD_ANY_LENGTH:
	case KVM_CAP_MP_STATE:
	case KVM_CAP_IMMEDIATE_EXIT:
	case KVM_CAP_CHECK_EXTENSION_VM:
	case KVM_CAP_INTERNAL_ERROR_DATA:
	case KVM_CAP_SYSTEM_EVENT_DATA: return 1;
	case CAP_ARM_PROTECTED_VM: return 1;
	case KVM_CAP_IRQ_ROUTING: return ROUTES;
	case KVM_CAP_NR_MEMSLOTS: return SLOTS;
	case KVM_CAP_NR_VCPUS: return min(num_online_cpus(), limits.vcpus);
	case KVM_CAP_MAX_VCPUS:
	case KVM_CAP_MAX_VCPU_ID: return limits.vcpus;
	case KVM_CAP_ARM_VM_IPA_SIZE: return limits.ipa_bits;
	case KVM_CAP_ARM_PTRAUTH_ADDRESS:
	case KVM_CAP_ARM_PTRAUTH_GENERIC: return has_pointer_authentication();
	default: return 0;
	}
}
