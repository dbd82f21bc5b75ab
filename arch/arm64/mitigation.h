/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a CPU needs against prediction that one side trains and the other runs into: chosen by its part number, its feature
 * registers and its firmware's word. A pure function, so that each choice is tried on a developer's own computer:
 * test/boot/mitigation_test.c. docs/MITIGATIONS.md has the list, and where it comes from.
 */
#ifndef CORDON_MITIGATION_H
#define CORDON_MITIGATION_H

#include <stdbool.h>
#include <stdint.h>

/* What stands at the begin of every vector through which a host or a guest comes in: entry.S and guest_entry.S have each. */
enum entry_step {
    STEP_NONE,
    STEP_LOOP,          /* so many taken branches that none of what was there before is left of the history */
    STEP_CLEAR,         /* CLRBHB */
    STEP_FIRMWARE,      /* a call to the firmware */
    ENTRY_STEPS
};

/* SMCCC_ARCH_WORKAROUND_1 to _3 are about these, in this order. */
enum prediction { BRANCH_TARGETS, STORE_BYPASS, BRANCH_HISTORY, PREDICTIONS };

enum exposure {
    EXPOSURE_NONE,      /* the CPU is not affected */
    EXPOSURE_CLOSED,    /* it is, and something is done */
    EXPOSURE_OPEN       /* it is, or may be, and nothing is known that helps */
};

struct mitigation_facts {
    uint64_t midr;      /* and ID_AA64*_EL1 */
    uint64_t pfr0;
    uint64_t pfr1;
    uint64_t isar2;
    uint64_t mmfr1;
    int32_t firmware[PREDICTIONS];  /* what SMCCC_ARCH_FEATURES answers on this CPU for each; NOT_SUPPORTED without SMCCC 1.1 */
};

struct mitigation {
    enum entry_step step;
    uint32_t argument;          /* turns of the loop, or the number of the firmware's function */
    bool guessed;               /* no list has the part: the longest loop of all */
    bool bypass_call;           /* the firmware keeps stores from being bypassed, when it is told to: guests always have it so */
    enum exposure exposure[PREDICTIONS];
    int32_t guest[PREDICTIONS];     /* what SMCCC_ARCH_FEATURES answers a guest */
};

struct mitigation mitigation_plan(const struct mitigation_facts *f);

#endif
