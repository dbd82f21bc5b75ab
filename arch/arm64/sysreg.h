/* SPDX-License-Identifier: Apache-2.0 */
/* System registers: access, and the fields that are used. Names and numbers are those of the Arm ARM (D17). */
#ifndef CORDON_SYSREG_H
#define CORDON_SYSREG_H

/* A constant for C and the assembler alike. */
#ifdef __ASSEMBLER__
#define UL(x) x
#else
#define UL(x) x##UL
#endif

/* Registers that the assembler may not know by name. */
#define ICC_SRE_EL2 S3_4_C12_C9_5
#define ZCR_EL2 S3_4_C1_C2_0
#define SMCR_EL2 S3_4_C1_C2_6
#define HCRX_EL2 S3_4_C1_C2_2
#define HFGRTR_EL2 S3_4_C1_C1_4
#define HFGWTR_EL2 S3_4_C1_C1_5
#define HFGITR_EL2 S3_4_C1_C1_6
#define HDFGRTR_EL2 S3_4_C3_C1_4
#define HDFGWTR_EL2 S3_4_C3_C1_5
#define HAFGRTR_EL2 S3_4_C3_C1_6
#define HDFGRTR2_EL2 S3_4_C3_C1_0
#define HDFGWTR2_EL2 S3_4_C3_C1_1
#define HFGRTR2_EL2 S3_4_C3_C1_2
#define HFGWTR2_EL2 S3_4_C3_C1_3
#define HFGITR2_EL2 S3_4_C3_C1_7
#define MPAM2_EL2 S3_4_C10_C5_0
#define MPAMHCR_EL2 S3_4_C10_C4_0
#define TRFCR_EL2 S3_4_C1_C2_1
#define PMSCR_EL2 S3_4_C9_C9_0
#define BRBCR_EL2 S2_4_C9_C0_0
#define ID_AA64PFR2_EL1 S3_0_C0_C4_2
#define ID_AA64ISAR2_EL1 S3_0_C0_C6_2
#define ID_AA64ISAR3_EL1 S3_0_C0_C6_3
#define ID_AA64MMFR2_EL1 S3_0_C0_C7_2
#define ID_AA64MMFR3_EL1 S3_0_C0_C7_3

#define MPAMIDR_EL1 S3_0_C10_C4_4
#define MPAM0_EL1 S3_0_C10_C5_1
#define MPAM1_EL1 S3_0_C10_C5_0
#define TRFCR_EL1 S3_0_C1_C2_1
#define PMSCR_EL1 S3_0_C9_C9_0
#define PMBLIMITR_EL1 S3_0_C9_C10_0
#define PMBIDR_EL1 S3_0_C9_C10_7
#define TRBIDR_EL1 S3_0_C9_C11_7
#define TRBLIMITR_EL1 S3_0_C9_C11_0
#define BRBCR_EL1 S2_1_C9_C0_0
#define AMUSERENR_EL0 S3_3_C13_C2_3
#define SVCR S3_3_C4_C2_2
#define TPIDR2_EL0 S3_3_C13_C0_5
#define VDISR_EL2 S3_4_C12_C1_1
#define APIAKEYLO_EL1 S3_0_C2_C1_0
#define APIAKEYHI_EL1 S3_0_C2_C1_1
#define APIBKEYLO_EL1 S3_0_C2_C1_2
#define APIBKEYHI_EL1 S3_0_C2_C1_3
#define APDAKEYLO_EL1 S3_0_C2_C2_0
#define APDAKEYHI_EL1 S3_0_C2_C2_1
#define APDBKEYLO_EL1 S3_0_C2_C2_2
#define APDBKEYHI_EL1 S3_0_C2_C2_3
#define APGAKEYLO_EL1 S3_0_C2_C3_0
#define APGAKEYHI_EL1 S3_0_C2_C3_1
#define ICC_SRE_EL1 S3_0_C12_C12_5
#define ICH_AP0R0_EL2 S3_4_C12_C8_0
#define ICH_AP0R1_EL2 S3_4_C12_C8_1
#define ICH_AP0R2_EL2 S3_4_C12_C8_2
#define ICH_AP0R3_EL2 S3_4_C12_C8_3
#define ICH_AP1R0_EL2 S3_4_C12_C9_0
#define ICH_AP1R1_EL2 S3_4_C12_C9_1
#define ICH_AP1R2_EL2 S3_4_C12_C9_2
#define ICH_AP1R3_EL2 S3_4_C12_C9_3
#define ICH_HCR_EL2 S3_4_C12_C11_0
#define ICH_VTR_EL2 S3_4_C12_C11_1
#define ICH_VMCR_EL2 S3_4_C12_C11_7
#define ICH_LR0_EL2 S3_4_C12_C12_0
#define ICH_LR1_EL2 S3_4_C12_C12_1
#define ICH_LR2_EL2 S3_4_C12_C12_2
#define ICH_LR3_EL2 S3_4_C12_C12_3
#define ICH_LR4_EL2 S3_4_C12_C12_4
#define ICH_LR5_EL2 S3_4_C12_C12_5
#define ICH_LR6_EL2 S3_4_C12_C12_6
#define ICH_LR7_EL2 S3_4_C12_C12_7
#define ICH_LR8_EL2 S3_4_C12_C13_0
#define ICH_LR9_EL2 S3_4_C12_C13_1
#define ICH_LR10_EL2 S3_4_C12_C13_2
#define ICH_LR11_EL2 S3_4_C12_C13_3
#define ICH_LR12_EL2 S3_4_C12_C13_4
#define ICH_LR13_EL2 S3_4_C12_C13_5
#define ICH_LR14_EL2 S3_4_C12_C13_6
#define ICH_LR15_EL2 S3_4_C12_C13_7

#define HCR_RW (UL(1) << 31)        /* EL1 is AArch64; all else of HCR_EL2 is in registers.def */

#define TCR_EPD0 (UL(1) << 7)       /* EL1's walks through TTBR0, TTBR1 are off */
#define TCR_EPD1 (UL(1) << 23)

#define SCTLR_EL2_RES1 0x30c50830
#define SCTLR_EL1_RES1 0x30d00800
#define SCTLR_M (UL(1) << 0)
#define SCTLR_A (UL(1) << 1)
#define SCTLR_C (UL(1) << 2)
#define SCTLR_SA (UL(1) << 3)
#define SCTLR_I (UL(1) << 12)
#define SCTLR_WXN (UL(1) << 19)     /* what is writable is not executable, whatever the tables say */
#define SCTLR_SPAN (UL(1) << 23)
#define SCTLR_DSSBS (UL(1) << 44)

#define PSR_EL1H 0x5
#define PSR_DAIF 0x3c0

#define EC_UNKNOWN 0x00
#define EC_VECTORS 0x07            /* FP and SIMD */
#define EC_BRANCH_TARGET 0x0d
#define EC_HVC64 0x16
#define EC_SMC64 0x17
#define EC_REGISTER 0x18           /* MSR, MRS, and system instructions */
#define EC_INSTRUCTION_LOWER 0x20
#define EC_INSTRUCTION_SAME 0x21
#define EC_PC_ALIGNMENT 0x22
#define EC_DATA_LOWER 0x24
#define EC_DATA_SAME 0x25
#define EC_SP_ALIGNMENT 0x26
#define EC_SERROR 0x2f
#define EC_BRK 0x3c

#ifndef __ASSEMBLER__

#include <stdint.h>

#define SYSREG_STRING(name) #name
#define SYSREG_NAME(name) SYSREG_STRING(name)

#define sysreg_read(name) ({                                                            \
    uint64_t value_;                                                                    \
    __asm__ volatile("mrs %0, " SYSREG_NAME(name) : "=r"(value_));                      \
    value_;                                                                             \
})
#define sysreg_write(name, value) \
    __asm__ volatile("msr " SYSREG_NAME(name) ", %0" ::"r"((uint64_t)(value)) : "memory")

static inline void isb(void) { __asm__ volatile("isb" ::: "memory"); }
static inline void dsb_sy(void) { __asm__ volatile("dsb sy" ::: "memory"); }

/* A field of four bits of an ID register. */
static inline uint64_t id_field(uint64_t reg, unsigned shift) { return reg >> shift & 0xf; }

#endif

#endif
