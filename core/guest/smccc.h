/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of the SMC Calling Convention (Arm DEN 0028), PSCI (DEN 0022), TRNG (DEN 0098), KVM's: for host, guests, ourselves. */
#ifndef CORDON_SMCCC_H
#define CORDON_SMCCC_H

#define SMCCC_VERSION 0x80000000u
#define SMCCC_ARCH_FEATURES 0x80000001u
#define SMCCC_1_1 0x10001
#define TRNG_VERSION 0x84000050u
#define TRNG_FEATURES 0x84000051u
#define TRNG_GET_UUID 0x84000052u
#define TRNG_RND32 0x84000053u
#define TRNG_RND64 0xc4000053u
#define TRNG_1_0 0x10000
/* w0 .. w3: d292b463-8889-497c-be47-10e8a2502007, its first byte the lowest of w0. */
#define TRNG_UUID_0 0x63b492d2u
#define TRNG_UUID_1 0x7c498988u
#define TRNG_UUID_2 0xe81047beu
#define TRNG_UUID_3 0x072050a2u
#define TRNG_SUCCESS 0
#define TRNG_NOT_SUPPORTED (-1)
#define TRNG_INVALID_PARAMETERS (-2)
/* Against prediction: branch targets, bypassed stores, branch history. An answer of 1 is: implemented, not needed on this CPU. */
#define SMCCC_ARCH_WORKAROUND_1 0x80008000u
#define SMCCC_ARCH_WORKAROUND_2 0x80007fffu
#define SMCCC_ARCH_WORKAROUND_3 0x80003fffu
#define SMCCC_SUCCESS 0
#define SMCCC_NOT_SUPPORTED (-1)
#define SMCCC_NOT_REQUIRED (-2)
#define SMCCC_INVALID_PARAMETER (-3)
#define SMCCC_WORKAROUND_UNAFFECTED 1
#define PSCI_VERSION 0x84000000u
#define PSCI_CPU_SUSPEND_32 0x84000001u
#define PSCI_CPU_SUSPEND 0xc4000001u
#define PSCI_CPU_OFF 0x84000002u
#define PSCI_CPU_ON_32 0x84000003u
#define PSCI_CPU_ON 0xc4000003u
#define PSCI_AFFINITY_INFO_32 0x84000004u
#define PSCI_AFFINITY_INFO 0xc4000004u
#define PSCI_MIGRATE_INFO_TYPE 0x84000006u
#define PSCI_SYSTEM_OFF 0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u
#define PSCI_FEATURES 0x8400000au
#define PSCI_SYSTEM_SUSPEND_32 0x8400000eu
#define PSCI_SYSTEM_SUSPEND 0xc400000eu
#define PSCI_SUCCESS 0
#define PSCI_NOT_SUPPORTED (-1)
#define PSCI_INVALID_PARAMETERS (-2)
#define PSCI_ALREADY_ON (-4)
#define PSCI_ON_PENDING (-5)
#define PSCI_INVALID_ADDRESS (-9)
/* KVM's, where a vendor's calls are KVM's. Five low bits of each are its number in the first word of the features. */
#define KVM_FEATURES 0x86000000u
#define KVM_HYP_MEMINFO 0xc6000002u
#define KVM_MEM_SHARE 0xc6000003u
#define KVM_MEM_UNSHARE 0xc6000004u
#define KVM_MMIO_GUARD 0xc6000007u

#endif
