/* SPDX-License-Identifier: Apache-2.0 */
#include "mitigation.h"

#include "guest/smccc.h"

/* MIDR_EL1 without variant, architecture and revision. */
#define PART(implementer, number) ((uint32_t)(implementer) << 24 | (uint32_t)(number) << 4)
#define PART_MASK UINT32_C(0xff00fff0)

#define ARM 0x41
#define BROADCOM 0x42
#define HISILICON 0x48
#define QUALCOMM 0x51
#define AMPERE 0xc0

/* Not affected, by what their makers say: predicted targets, predicted history, stores that are bypassed. */
#define NO_TARGETS 1u
#define NO_HISTORY 2u
#define NO_BYPASS 4u
#define IN_ORDER (NO_TARGETS | NO_HISTORY | NO_BYPASS)
/* Nobody says how many turns it takes: the longest loop of all may do, and no more is claimed. */
#define GUESS 8u

#define LONGEST_LOOP 132

/* The lists of Linux, arch/arm64/kernel/proton-pack.c: docs/MITIGATIONS.md is this table with names. */
static const struct part {
    uint32_t part;
    uint16_t turns;     /* of the loop; 0: no loop is known to help */
    uint16_t flags;
} parts[] = {
    { PART(ARM, 0xd04), 0, IN_ORDER },              /* Cortex-A35 */
    { PART(ARM, 0xd03), 0, IN_ORDER },              /* Cortex-A53 */
    { PART(ARM, 0xd05), 0, IN_ORDER },              /* Cortex-A55 */
    { PART(ARM, 0xd46), 0, NO_HISTORY },            /* Cortex-A510 */
    { PART(ARM, 0xd80), 0, NO_HISTORY },            /* Cortex-A520 */
    { PART(BROADCOM, 0x100), 0, IN_ORDER },         /* Brahma-B53 */
    { PART(QUALCOMM, 0x801), 0, NO_TARGETS | NO_HISTORY },  /* Kryo 2xx Silver */
    { PART(QUALCOMM, 0x803), 0, IN_ORDER },         /* Kryo 3xx Silver */
    { PART(QUALCOMM, 0x805), 0, IN_ORDER },         /* Kryo 4xx Silver */
    { PART(ARM, 0xd07), 8, 0 },                     /* Cortex-A57 */
    { PART(ARM, 0xd08), 8, 0 },                     /* Cortex-A72 */
    { PART(AMPERE, 0xac3), 11, 0 },                 /* Ampere-1 */
    { PART(ARM, 0xd0b), 24, 0 },                    /* Cortex-A76 */
    { PART(ARM, 0xd0e), 24, 0 },                    /* Cortex-A76AE */
    { PART(ARM, 0xd0d), 24, 0 },                    /* Cortex-A77 */
    { PART(ARM, 0xd0c), 24, 0 },                    /* Neoverse-N1 */
    { PART(QUALCOMM, 0x804), 24, 0 },               /* Kryo 4xx Gold */
    { PART(ARM, 0xd41), 32, 0 },                    /* Cortex-A78 */
    { PART(ARM, 0xd42), 32, 0 },                    /* Cortex-A78AE */
    { PART(ARM, 0xd4b), 32, 0 },                    /* Cortex-A78C */
    { PART(ARM, 0xd44), 32, 0 },                    /* Cortex-X1 */
    { PART(ARM, 0xd47), 32, 0 },                    /* Cortex-A710 */
    { PART(ARM, 0xd48), 32, 0 },                    /* Cortex-X2 */
    { PART(ARM, 0xd49), 32, 0 },                    /* Neoverse-N2 */
    { PART(ARM, 0xd40), 32, 0 },                    /* Neoverse-V1 */
    { PART(ARM, 0xd4d), 38, 0 },                    /* Cortex-A715 */
    { PART(ARM, 0xd81), 38, 0 },                    /* Cortex-A720 */
    { PART(ARM, 0xd4e), LONGEST_LOOP, 0 },          /* Cortex-X3 */
    { PART(ARM, 0xd4f), LONGEST_LOOP, 0 },          /* Neoverse-V2 */
    { PART(ARM, 0xd09), 0, 0 },                     /* Cortex-A73: the firmware alone */
    { PART(ARM, 0xd0a), 0, 0 },                     /* Cortex-A75: the firmware alone */
    { PART(HISILICON, 0xd01), LONGEST_LOOP, NO_TARGETS | GUESS },   /* TSV110 */
};

static const struct part unknown = { 0, LONGEST_LOOP, GUESS };

static const struct part *part_of(uint64_t midr)
{
    for (uint32_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (((uint32_t)midr & PART_MASK) == parts[i].part)
            return &parts[i];
    }
    return &unknown;
}

static uint64_t field(uint64_t reg, unsigned shift) { return reg >> shift & 0xf; }

/* ID_AA64PFR0_EL1.CSV2: 1 and more, targets are not predicted from elsewhere; 3, nor by a history from elsewhere. */
static uint64_t csv2(const struct mitigation_facts *f) { return field(f->pfr0, 56); }
/* ID_AA64MMFR1_EL1.ECBHB: an exception clears the history. */
static bool clears_itself(const struct mitigation_facts *f) { return field(f->mmfr1, 60) != 0; }
/* ID_AA64ISAR2_EL1.CLRBHB. */
static bool has_clear(const struct mitigation_facts *f) { return field(f->isar2, 28) != 0; }
/* ID_AA64PFR1_EL1.SSBS: each process may say for itself. */
static bool has_ssbs(const struct mitigation_facts *f) { return field(f->pfr1, 4) != 0; }

static bool firmware_has(const struct mitigation_facts *f, enum prediction what)
{
    return f->firmware[what] == SMCCC_SUCCESS;
}

static bool firmware_clears(const struct mitigation_facts *f, enum prediction what)
{
    return f->firmware[what] == SMCCC_WORKAROUND_UNAFFECTED;
}

static void take(struct mitigation *m, enum entry_step step, uint32_t argument)
{
    m->step = step;
    m->argument = argument;
}

/* The third function does what the first does, and the history too. */
static void close_targets(const struct mitigation_facts *f, const struct part *p, struct mitigation *m)
{
    m->exposure[BRANCH_TARGETS] = EXPOSURE_NONE;
    if (csv2(f) != 0 || (p->flags & NO_TARGETS) != 0 || firmware_clears(f, BRANCH_TARGETS))
        return;
    m->exposure[BRANCH_TARGETS] = EXPOSURE_CLOSED;
    if (firmware_has(f, BRANCH_HISTORY))
        take(m, STEP_FIRMWARE, SMCCC_ARCH_WORKAROUND_3);
    else if (firmware_has(f, BRANCH_TARGETS))
        take(m, STEP_FIRMWARE, SMCCC_ARCH_WORKAROUND_1);
    else
        m->exposure[BRANCH_TARGETS] = EXPOSURE_OPEN;
}

/* The part comes first, then the firmware's word. The CPUs of 8 turns forget their history with their targets. */
static enum exposure close_history(const struct mitigation_facts *f, const struct part *p, struct mitigation *m)
{
    if (csv2(f) >= 3 || (p->flags & NO_HISTORY) != 0)
        return EXPOSURE_NONE;
    if (clears_itself(f))
        return EXPOSURE_CLOSED;
    if (m->step == STEP_FIRMWARE)
        return m->argument == SMCCC_ARCH_WORKAROUND_3 || p->turns == 8 ? EXPOSURE_CLOSED : EXPOSURE_OPEN;
    if (has_clear(f)) {
        take(m, STEP_CLEAR, 0);
        return EXPOSURE_CLOSED;
    }
    if (p->turns != 0 && (p->flags & GUESS) == 0) {
        take(m, STEP_LOOP, p->turns);
        return EXPOSURE_CLOSED;
    }
    if (firmware_clears(f, BRANCH_HISTORY))
        return EXPOSURE_NONE;
    if (firmware_has(f, BRANCH_HISTORY)) {
        take(m, STEP_FIRMWARE, SMCCC_ARCH_WORKAROUND_3);
        return EXPOSURE_CLOSED;
    }
    m->guessed = (p->flags & GUESS) != 0;
    if (m->guessed)
        take(m, STEP_LOOP, p->turns);
    return EXPOSURE_OPEN;
}

static enum exposure close_bypass(const struct mitigation_facts *f, const struct part *p, struct mitigation *m)
{
    if ((p->flags & NO_BYPASS) != 0 || firmware_clears(f, STORE_BYPASS) || f->firmware[STORE_BYPASS] == SMCCC_NOT_REQUIRED)
        return EXPOSURE_NONE;
    m->bypass_call = firmware_has(f, STORE_BYPASS) && !has_ssbs(f);
    return m->bypass_call || has_ssbs(f) ? EXPOSURE_CLOSED : EXPOSURE_OPEN;
}

/* A guest's call comes in through the step, which is all that it asks for. */
static int32_t word_for_guest(enum exposure e)
{
    if (e == EXPOSURE_OPEN)
        return SMCCC_NOT_SUPPORTED;
    return e == EXPOSURE_NONE ? SMCCC_WORKAROUND_UNAFFECTED : SMCCC_SUCCESS;
}

/* With SSBS a guest sees to itself; without, it need not: the firmware keeps its stores from being bypassed all the time. */
static int32_t bypass_for_guest(const struct mitigation_facts *f, const struct mitigation *m)
{
    bool is_left = m->exposure[STORE_BYPASS] == EXPOSURE_OPEN || (m->exposure[STORE_BYPASS] == EXPOSURE_CLOSED && has_ssbs(f));

    return is_left ? SMCCC_NOT_SUPPORTED : SMCCC_NOT_REQUIRED;
}

struct mitigation mitigation_plan(const struct mitigation_facts *f)
{
    const struct part *p = part_of(f->midr);
    struct mitigation m = { .step = STEP_NONE };

    close_targets(f, p, &m);
    m.exposure[BRANCH_HISTORY] = close_history(f, p, &m);
    m.exposure[STORE_BYPASS] = close_bypass(f, p, &m);
    m.guest[BRANCH_TARGETS] = word_for_guest(m.exposure[BRANCH_TARGETS]);
    m.guest[BRANCH_HISTORY] = word_for_guest(m.exposure[BRANCH_HISTORY]);
    m.guest[STORE_BYPASS] = bypass_for_guest(f, &m);
    return m;
}
