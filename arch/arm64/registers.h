/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What EL1 may do with registers: from the table in registers.def and what the CPU says of itself to the values of EL2's
 * control registers. Pure: it reads and writes none of them.
 */
#ifndef CORDON_REGISTERS_H
#define CORDON_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

enum side { SIDE_HOST, SIDE_GUEST, SIDES };

enum feature {
    FEATURE_ALWAYS,
#define FEATURE(name, id, low, width, least) FEATURE_##name,
#include "registers.def"
    FEATURES
};

enum control {
#define CONTROL(name, feature, and) CONTROL_##name,
#include "registers.def"
    CONTROLS
};
_Static_assert(CONTROLS <= 32, "control_plan.has");

enum group {
#define GROUP(name, host, guest, feature, registers, remark, test) GROUP_##name,
#include "registers.def"
    GROUPS
};

enum treatment { OWN, SWITCHED, CLEARED, VIRTUAL, CONSTANT, ANSWERED, UNDEFINED };

/* What a CPU says of itself. */
enum id {
    ID_PFR0, ID_PFR1, ID_PFR2, ID_DFR0, ID_DFR1, ID_ISAR0, ID_ISAR1, ID_ISAR2, ID_ISAR3, ID_MMFR0, ID_MMFR1, ID_MMFR3, ID_MPAMIDR,
    ID_BUFFERS, IDS
};

struct cpu_id {
    /*
     * ID_AA64*_EL1; MPAMIDR_EL1 where there is one, else 0. BUFFERS: bit 0, the firmware lets EL2 have the registers of
     * statistical profiling; bit 1, those of the trace buffer. Where it does not, they are nobody's below it.
     */
    uint64_t reg[IDS];
    uint64_t counters;          /* PMCR_EL0.N where there is a PMU, else 0 */
};

struct control_plan {
    uint64_t value[SIDES][CONTROLS];
    uint32_t has;               /* bit n: control n exists */
    uint32_t differs;           /* and its values for the two sides are not the same */
};

bool registers_has_feature(const struct cpu_id *id, enum feature feature);

/*
 * Whether EL2 may hash with vector instructions in the middle of a call of the host's: it has the host's vector registers then.
 * SVE's would be cut short, and with SME the host may be in streaming mode, in which those instructions are undefined.
 */
bool registers_may_hash(const struct cpu_id *id);

/* What the control registers of such a CPU hold while each side runs. */
void registers_plan(const struct cpu_id *id, struct control_plan *plan);

static inline bool plan_has(const struct control_plan *plan, enum control control)
{
    return (plan->has >> control & 1) != 0;
}

/* A register as the syndrome of a trapped MRS or MSR names it: op0, op2, op1, CRn and CRm in place, all else 0. */
#define REGISTER_NAME UINT64_C(0x3ffc1e)

/* Which group a register belongs to; GROUPS: none. */
enum group registers_find(uint64_t name);
enum treatment registers_treatment(enum group group, enum side side);

#endif
