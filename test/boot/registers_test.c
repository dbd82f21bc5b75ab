/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of EL2's control registers, for CPUs that nobody has: each feature of the table alone, none, and all. What it must be
 * is said here once more and in another way, by name, for what a side must never get; and the table is looked at as a whole.
 */
#include <stdio.h>
#include <string.h>

#include "registers.h"

static int failures, checks;

#define CHECK(claim, ...)                                   \
    do {                                                    \
        checks++;                                           \
        if (!(claim)) {                                     \
            failures++;                                     \
            printf("%s:%d: ", __func__, __LINE__);          \
            printf(__VA_ARGS__);                            \
            printf("\n");                                   \
        }                                                   \
    } while (0)
#define BIT(n) (UINT64_C(1) << (n))

/* ---- the table, once more ---- */

static const char *const group_name[] = {
#define GROUP(name, host, guest, feature, registers, remark, test) #name,
#include "registers.def"
};

static const char *const control_name[] = {
#define CONTROL(name, feature, and) #name,
#include "registers.def"
};

static const struct { enum control control; uint64_t mask; enum group group; const char *effect; } bits[] = {
#define BITS(control, high, low, field, effect, group) \
    { CONTROL_##control, ((UINT64_C(2) << (high)) - 1) & ~(BIT(low) - 1), GROUP_##group, #effect },
#include "registers.def"
};

static const enum feature group_feature[] = {
#define GROUP(name, host, guest, feature, registers, remark, test) FEATURE_##feature,
#include "registers.def"
};

static const struct { enum control control; uint64_t mask; } settings[] = {
#define SETTING(control, high, low, field, side, feature, remark) \
    { CONTROL_##control, ((UINT64_C(2) << (high)) - 1) & ~(BIT(low) - 1) },
#include "registers.def"
};

#define ALL(a) (sizeof(a) / sizeof (a)[0])

/* ---- CPUs ---- */

static struct cpu_id bare(void)
{
    return (struct cpu_id){ .counters = 6 };
}

/* The field of one feature at its least value, and those that say that the controls exist. */
static struct cpu_id with(enum feature feature)
{
    struct cpu_id id = bare();

    id.reg[ID_MMFR0] = UINT64_C(2) << 56;
    id.reg[ID_MMFR1] = UINT64_C(1) << 40;
#define FEATURE(name, field, low, width, least) \
    if (feature == FEATURE_##name) \
        id.reg[ID_##field] |= UINT64_C(least) << (low);
#include "registers.def"
    return id;
}

static struct cpu_id all(void)
{
    struct cpu_id id = bare();

#define FEATURE(name, field, low, width, least) \
    if ((id.reg[ID_##field] >> (low) & 15) < (least)) \
        id.reg[ID_##field] = (id.reg[ID_##field] & ~(UINT64_C(15) << (low))) | UINT64_C(least) << (low);
#include "registers.def"
    id.reg[ID_MPAMIDR] = BIT(17) | BIT(58);
    id.reg[ID_BUFFERS] = 3;
    return id;
}

static struct control_plan plan_of(struct cpu_id id)
{
    struct control_plan plan;

    registers_plan(&id, &plan);
    return plan;
}

static uint64_t value(const struct control_plan *plan, enum side side, enum control control)
{
    return plan->value[side][control];
}

/* ---- the table as a whole ---- */

static bool has(enum treatment t) { return t != ANSWERED && t != UNDEFINED; }

/* What both sides have is exchanged, or holds nothing of either. */
static void what_is_shared_is_exchanged(void)
{
    for (enum group g = 0; g < GROUPS; g++) {
        enum treatment host = registers_treatment(g, SIDE_HOST);
        enum treatment guest = registers_treatment(g, SIDE_GUEST);
        bool good = !has(host) || !has(guest) || (host == SWITCHED && guest == SWITCHED) ||
                    (host == CLEARED && guest == SWITCHED) || (host == CONSTANT && guest == CONSTANT) ||
                    (host == OWN && guest == VIRTUAL);

        CHECK(good, "%s: both sides have it", group_name[g]);
    }
}

/* What a side does not have is kept from it by a bit, or is one of those named here with what does. */
static void what_is_kept_away_has_a_bit(void)
{
    static const enum group others[] = {
        GROUP_HIGHER,           /* the architecture */
        GROUP_SGI,              /* HCR_EL2.IMO, FMO: a setting */
        GROUP_DEBUG_CONTROL,    /* MDCR_EL2.TDA, with GROUP_DEBUG */
    };

    for (enum group g = 0; g < GROUPS; g++) {
        bool closed = has(registers_treatment(g, SIDE_HOST)) && has(registers_treatment(g, SIDE_GUEST));

        for (size_t i = 0; i < ALL(bits); i++)
            closed |= bits[i].group == g;
        for (size_t i = 0; i < ALL(others); i++)
            closed |= others[i] == g;
        CHECK(closed, "%s: nothing keeps it away", group_name[g]);
    }
}

static void no_bit_has_two_masters(void)
{
    uint64_t used[CONTROLS] = { 0 };

    for (size_t i = 0; i < ALL(bits); i++) {
        CHECK((used[bits[i].control] & bits[i].mask) == 0, "%s: %s", control_name[bits[i].control], group_name[bits[i].group]);
        used[bits[i].control] |= bits[i].mask;
    }
    for (size_t i = 0; i < ALL(settings); i++) {
        CHECK((used[settings[i].control] & settings[i].mask) == 0, "%s: a setting", control_name[settings[i].control]);
        used[settings[i].control] |= settings[i].mask;
    }
}

/* With a feature alone its bits are as its treatment wants them, for each side; without it they trap nothing. */
static void each_feature_gets_its_bits(void)
{
    for (size_t i = 0; i < ALL(bits); i++) {
        enum feature feature = group_feature[bits[i].group];
        struct cpu_id id = with(feature);
        struct control_plan with_it, without = plan_of(bare());

        if (bits[i].control == CONTROL_MPAM2 || bits[i].control == CONTROL_MPAMHCR)
            id.reg[ID_PFR0] |= UINT64_C(1) << 40;
        if (bits[i].control == CONTROL_MPAMHCR)
            id.reg[ID_MPAMIDR] |= BIT(17);
        with_it = plan_of(id);
        CHECK(plan_has(&with_it, bits[i].control), "%s is not there with its feature", control_name[bits[i].control]);
        for (enum side side = 0; side < SIDES; side++) {
            bool lets = has(registers_treatment(bits[i].group, side));
            bool one = strcmp(bits[i].effect, "NEVER") != 0 && lets == (strcmp(bits[i].effect, "ALLOWS") == 0);
            uint64_t got = value(&with_it, side, bits[i].control) & bits[i].mask;

            CHECK(got == (one ? bits[i].mask : 0), "%s for %s, side %d: %jx", control_name[bits[i].control],
                  group_name[bits[i].group], (int)side, (uintmax_t)got);
            got = value(&without, side, bits[i].control) & bits[i].mask;
            one = strcmp(bits[i].effect, "STOPS") == 0 || (feature == FEATURE_ALWAYS && one);
            CHECK(!plan_has(&without, bits[i].control) || got == (one ? bits[i].mask : 0), "%s without %s, side %d: %jx",
                  control_name[bits[i].control], group_name[bits[i].group], (int)side, (uintmax_t)got);
        }
    }
}

static void each_alternative_counts(void)
{
#define ALSO(name, field, low, width, least) { \
        struct cpu_id id = bare(); \
        id.reg[ID_##field] = UINT64_C(least) << (low); \
        CHECK(registers_has_feature(&id, FEATURE_##name), #name " by " #field); \
        id.reg[ID_##field] = 0; \
        CHECK(!registers_has_feature(&id, FEATURE_##name), #name " by nothing"); \
    }
#include "registers.def"
}

/* ---- by name: what must hold whatever the table says ---- */

static void a_bare_cpu(void)
{
    struct control_plan plan = plan_of(bare());

    CHECK(value(&plan, SIDE_HOST, CONTROL_HCR) == 0x80380003, "HCR of the host");
    CHECK(value(&plan, SIDE_GUEST, CONTROL_HCR) == 0x803c263f, "HCR of a guest");
    CHECK(value(&plan, SIDE_HOST, CONTROL_CPTR) == 0x33ff, "CPTR of the host");
    CHECK(value(&plan, SIDE_GUEST, CONTROL_CPTR) == 0x33ff, "CPTR of a guest");
    CHECK(value(&plan, SIDE_HOST, CONTROL_MDCR) == 6, "MDCR of the host");
    CHECK(value(&plan, SIDE_GUEST, CONTROL_MDCR) == 0xe06, "MDCR of a guest");
    CHECK(value(&plan, SIDE_HOST, CONTROL_CNTHCTL) == 3 && value(&plan, SIDE_GUEST, CONTROL_CNTHCTL) == 0, "CNTHCTL");
    CHECK(value(&plan, SIDE_HOST, CONTROL_ICC_SRE) == 15 && value(&plan, SIDE_GUEST, CONTROL_ICC_SRE) == 7, "ICC_SRE");
    CHECK(value(&plan, SIDE_HOST, CONTROL_ICH_HCR) == 0 && value(&plan, SIDE_GUEST, CONTROL_ICH_HCR) == 1, "ICH_HCR");
    CHECK((plan.has >> CONTROL_HCRX & 1) == 0 && (plan.has >> CONTROL_HFGRTR & 1) == 0 && (plan.has >> CONTROL_ZCR & 1) == 0,
          "controls that are not there: %x", plan.has);
}

/* What watches a CPU while it runs somebody else is nobody's. */
static void nobody_watches(void)
{
    struct control_plan plan = plan_of(all());

    CHECK(plan.has == BIT(CONTROLS) - 1, "controls that there are: %x", plan.has);
    for (enum side side = 0; side < SIDES; side++) {
        uint64_t mdcr = value(&plan, side, CONTROL_MDCR), cptr = value(&plan, side, CONTROL_CPTR);

        CHECK((mdcr & BIT(19)) != 0, "MDCR.TTRF");
        CHECK((mdcr & BIT(14)) != 0, "MDCR.TPMS");
        CHECK((mdcr & (UINT64_C(3) << 12 | UINT64_C(3) << 24)) == 0, "MDCR.E2PB, E2TB");
        CHECK((mdcr & (BIT(15) | BIT(28) | BIT(50))) == 0, "MDCR.EnSPM, MTPME, EnSTEPOP");
        CHECK((mdcr & (BIT(17) | BIT(23))) == (BIT(17) | BIT(23)), "MDCR.HPMD, HCCD");
        CHECK((cptr & BIT(20)) != 0 && (cptr & BIT(30)) != 0, "CPTR.TTA, TAM");
        CHECK((value(&plan, side, CONTROL_HDFGRTR) & (UINT64_C(7) << 59)) == 0, "HDFGRTR.nBRB*");
        CHECK((value(&plan, side, CONTROL_HDFGRTR2) & ~UINT64_C(0x3c)) == 0, "HDFGRTR2: %jx",
              (uintmax_t)value(&plan, side, CONTROL_HDFGRTR2));
        CHECK((value(&plan, side, CONTROL_HFGITR) & (UINT64_C(3) << 55)) == 0, "HFGITR.nBRB*");
        CHECK((value(&plan, side, CONTROL_MPAM2) & (UINT64_C(3) << 48)) == UINT64_C(3) << 48, "MPAM2.TRAPMPAM");
        CHECK((value(&plan, side, CONTROL_MPAM2) & ~(UINT64_C(3) << 48 | BIT(58))) == 0, "MPAM2: partitions");
        CHECK(value(&plan, side, CONTROL_MPAMHCR) == BIT(31), "MPAMHCR");
        CHECK(value(&plan, side, CONTROL_TRFCR) == 0 && value(&plan, side, CONTROL_PMSCR) == 0 &&
              value(&plan, side, CONTROL_BRBCR) == 0, "EL2 itself is watched");
        CHECK((value(&plan, side, CONTROL_HAFGRTR) & 0x2001f) == 0x2001f, "HAFGRTR");
    }
}

/* A guest has none of what it is not told of, whatever the CPU has. */
static void a_guest_has_no_more_than_it_knows(void)
{
    struct control_plan plan = plan_of(all());
    uint64_t hcr = value(&plan, SIDE_GUEST, CONTROL_HCR);

    CHECK((hcr & (BIT(56) | BIT(53) | BIT(47) | BIT(42) | BIT(43) | BIT(45))) == 0, "HCR: %jx", (uintmax_t)hcr);
    CHECK((~hcr & (BIT(18) | BIT(21) | BIT(35) | BIT(36) | BIT(58))) == 0, "HCR: %jx", (uintmax_t)hcr);
    CHECK(value(&plan, SIDE_GUEST, CONTROL_HCRX) == BIT(6), "HCRX: %jx", (uintmax_t)value(&plan, SIDE_GUEST, CONTROL_HCRX));
    CHECK(value(&plan, SIDE_GUEST, CONTROL_HFGRTR) >> 50 == 0 && value(&plan, SIDE_GUEST, CONTROL_HFGWTR) >> 50 == 0, "HFGxTR");
    CHECK(value(&plan, SIDE_GUEST, CONTROL_HFGRTR2) == 0 && value(&plan, SIDE_GUEST, CONTROL_HFGWTR2) == 0, "HFGxTR2");
    CHECK(value(&plan, SIDE_GUEST, CONTROL_HDFGRTR2) == 0 && value(&plan, SIDE_GUEST, CONTROL_HDFGWTR2) == 0, "HDFGxTR2");
    CHECK((value(&plan, SIDE_GUEST, CONTROL_CPTR) & 0x1100) == 0x1100, "CPTR.TZ, TSM");
    CHECK((value(&plan, SIDE_GUEST, CONTROL_MDCR) & 0x8000e60) == 0x8000e60, "MDCR: debug and counters");
}

/* The host loses nothing that a kernel uses, whatever the CPU has. */
static void the_host_has_what_kernels_use(void)
{
    struct control_plan plan = plan_of(all());

    CHECK(value(&plan, SIDE_HOST, CONTROL_HFGRTR) >> 50 == 0x3ffd, "HFGRTR");
    CHECK(value(&plan, SIDE_HOST, CONTROL_HFGWTR) == value(&plan, SIDE_HOST, CONTROL_HFGRTR), "HFGWTR");
    CHECK(value(&plan, SIDE_HOST, CONTROL_HFGITR) == UINT64_C(7) << 57, "HFGITR");
    CHECK((value(&plan, SIDE_HOST, CONTROL_HCRX) & 0x1c0c807) == 0x1c0c807, "HCRX");
    CHECK((value(&plan, SIDE_HOST, CONTROL_CPTR) & 0x1500) == 0, "CPTR");
    CHECK((value(&plan, SIDE_HOST, CONTROL_MDCR) & 0xe60) == 0, "MDCR");
}

static void the_host_s_vector_registers_are_left_alone(void)
{
    struct cpu_id id = bare();

    CHECK(!registers_may_hash(&id), "without the instructions");
    id = with(FEATURE_SHA256);
    CHECK(registers_may_hash(&id), "with them");
    id.reg[ID_PFR0] |= UINT64_C(1) << 32;
    CHECK(!registers_may_hash(&id), "with SVE");
    id.reg[ID_PFR0] = 0;
    id.reg[ID_PFR1] |= UINT64_C(1) << 24;
    CHECK(!registers_may_hash(&id), "with SME and no SVE: in streaming mode they are undefined");
}

/* ---- names ---- */

static enum group find(uint64_t op0, uint64_t op1, uint64_t crn, uint64_t crm, uint64_t op2)
{
    return registers_find(op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | crm << 1);
}

/* Kernels touch these as they start, where they are there: an undefined instruction would be the host's end. */
static void what_kernels_touch_is_answered(void)
{
    CHECK(find(3, 3, 13, 2, 3) == GROUP_ACTIVITY, "AMUSERENR_EL0");
    CHECK(find(2, 1, 9, 2, 0) == GROUP_BRANCHES, "BRBIDR0_EL1");
    CHECK(find(3, 0, 10, 4, 4) == GROUP_PARTITION_ID, "MPAMIDR_EL1");
    CHECK(find(3, 0, 10, 5, 1) == GROUP_PARTITIONS, "MPAM0_EL1");
    CHECK(find(3, 0, 1, 2, 1) == GROUP_TRACE_FILTER, "TRFCR_EL1");
    CHECK(find(3, 0, 9, 10, 7) == GROUP_SAMPLES && find(3, 0, 9, 9, 7) == GROUP_SAMPLES, "PMBIDR_EL1, PMSIDR_EL1");
    CHECK(find(3, 0, 9, 11, 7) == GROUP_TRACE_BUFFER, "TRBIDR_EL1");
    CHECK(find(3, 0, 1, 0, 1) == GROUP_AUXILIARY, "ACTLR_EL1");
    CHECK(find(2, 1, 7, 15, 6) == GROUP_TRACE, "TRCDEVARCH");
    for (enum group g = 0; g < GROUPS; g++) {
        if (g == GROUP_ACTIVITY || g == GROUP_BRANCHES || g == GROUP_PARTITION_ID || g == GROUP_PARTITIONS ||
            g == GROUP_TRACE_FILTER || g == GROUP_SAMPLES || g == GROUP_TRACE_BUFFER || g == GROUP_AUXILIARY || g == GROUP_TRACE)
            CHECK(registers_treatment(g, SIDE_HOST) == ANSWERED, "%s", group_name[g]);
    }
}

static void what_is_not_named_is_undefined(void)
{
    CHECK(find(3, 0, 14, 7, 7) == GROUPS && registers_treatment(GROUPS, SIDE_HOST) == UNDEFINED, "an encoding that is none");
    CHECK(registers_treatment(find(3, 0, 15, 2, 0), SIDE_HOST) == UNDEFINED, "an implementation defined one");
    CHECK(find(3, 4, 1, 1, 0) == GROUP_HIGHER, "HCR_EL2");
    CHECK(find(3, 0, 10, 2, 0) == GROUP_SYSTEM && find(3, 0, 10, 2, 2) == GROUP_PERMISSIONS, "MAIR, PIRE0");
    CHECK(find(3, 3, 9, 13, 4) == GROUP_COUNTERS_8_9 && find(3, 3, 9, 13, 0) == GROUP_COUNTERS, "PMZR, PMCCNTR");
}

int main(void)
{
    what_is_shared_is_exchanged();
    what_is_kept_away_has_a_bit();
    no_bit_has_two_masters();
    each_feature_gets_its_bits();
    each_alternative_counts();
    a_bare_cpu();
    nobody_watches();
    a_guest_has_no_more_than_it_knows();
    the_host_has_what_kernels_use();
    the_host_s_vector_registers_are_left_alone();
    what_kernels_touch_is_answered();
    what_is_not_named_is_undefined();
    printf("registers_test: %d checks, %d failures\n", checks, failures);
    return failures != 0;
}
