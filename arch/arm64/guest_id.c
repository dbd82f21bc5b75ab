/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest sees of the CPU's features: those that it may use without a trap, and no more. A field that is not named
 * reads as zero: what a later CPU adds is not there before somebody has looked at it. Arm ARM D17.2, ID_AA64*_EL1.
 */
#include "arch_guest.h"
#include "machine_el2.h"
#include "sysreg.h"

/* Operands of a trapped MRS, as ESR_EL2 has them: op0 in 21:20, op2 in 19:17, op1 in 16:14, CRn in 13:10, CRm in 4:1. */
#define NAME_CRM(name) ((name) >> 1 & 0xf)
#define NAME_OP2(name) ((name) >> 17 & 7)
#define NAME_GROUP (UINT64_C(3) << 20 | UINT64_C(7) << 14 | UINT64_C(0xf) << 10)
#define NAME_IDS (UINT64_C(3) << 20)            /* op0 3, op1 0, CRn 0 */

#define FIELD(shift) (UINT64_C(0xf) << (shift))

static uint64_t at_most(uint64_t reg, unsigned shift, uint64_t most)
{
    uint64_t value = id_field(reg, shift);

    return (value < most ? value : most) << shift;
}

/* EL0 and EL1 in AArch64 only; FP and SIMD, GIC, DIT, CSV3; of CSV2 what needs no context number. */
static uint64_t pfr0(void)
{
    uint64_t reg = sysreg_read(id_aa64pfr0_el1);

    return 0x11 | (reg & (FIELD(16) | FIELD(20) | FIELD(24) | FIELD(48) | FIELD(60))) | at_most(reg, 56, 1);
}

/* Debug of Armv8.0, with the breakpoints and watchpoints that the CPU has; no double lock. No PMU, no trace. */
static uint64_t dfr0(void)
{
    return 0x6 | (sysreg_read(id_aa64dfr0_el1) & (FIELD(12) | FIELD(20) | FIELD(28))) | FIELD(36);
}

/* Stage 1 may give addresses as wide as guests have; no nested granules, no fine-grained traps, no counter scaling. */
static uint64_t mmfr0(void)
{
    static const uint8_t bits[] = { 32, 36, 40, 42, 44, 48 };
    uint64_t reg = sysreg_read(id_aa64mmfr0_el1);
    uint64_t range = 0;

    while (range < 5 && machine.vm_shape.gfn_limit > UINT64_C(1) << (bits[range] - 12))
        range++;
    return range | (reg & (FIELD(4) | FIELD(8) | FIELD(12) | FIELD(16) | FIELD(20) | FIELD(24) | FIELD(28)));
}

/* All of ISAR0 but transactions; of ISAR1 no 64-byte accesses, no XS; of ISAR2 no WFET, no memory copies. */
static bool feature(uint64_t crm, uint64_t op2, uint64_t *value)
{
    switch (crm * 8 + op2) {
    case 4 * 8 + 0: *value = pfr0(); return true;
    case 4 * 8 + 1: *value = sysreg_read(id_aa64pfr1_el1) & (FIELD(0) | FIELD(4)); return true;
    case 5 * 8 + 0: *value = dfr0(); return true;
    case 6 * 8 + 0: *value = sysreg_read(id_aa64isar0_el1) & ~FIELD(24); return true;
    case 6 * 8 + 1: *value = sysreg_read(id_aa64isar1_el1) & ~(FIELD(56) | FIELD(60)); return true;
    case 6 * 8 + 2:
        *value = sysreg_read(ID_AA64ISAR2_EL1) & (FIELD(4) | FIELD(8) | FIELD(12) | FIELD(20) | FIELD(24) | FIELD(28));
        return true;
    case 7 * 8 + 0: *value = mmfr0(); return true;
    case 7 * 8 + 1:
        *value = sysreg_read(id_aa64mmfr1_el1) & (FIELD(0) | FIELD(12) | FIELD(20) | FIELD(36) | FIELD(44) | FIELD(60));
        return true;
    case 7 * 8 + 2:
        *value = sysreg_read(ID_AA64MMFR2_EL1) & (FIELD(0) | FIELD(4) | FIELD(8) | FIELD(12) | FIELD(16) | FIELD(20) |
                                                  FIELD(28) | FIELD(32) | FIELD(36) | FIELD(48) | FIELD(52) | FIELD(60));
        return true;
    default: *value = 0; return true;
    }
}

bool arch_id_register(struct cordon *c, uint64_t name, uint64_t *value)
{
    (void)c;
    if ((name & NAME_GROUP) != NAME_IDS || NAME_CRM(name) == 0 || NAME_CRM(name) > 7)
        return false;
    return feature(NAME_CRM(name), NAME_OP2(name), value);
}
