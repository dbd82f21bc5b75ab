/* SPDX-License-Identifier: Apache-2.0 */
#include "registers.h"

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof (a)[0])

/* ---- the table ---- */

static const struct {
    uint8_t feature, id, low, width, least;
} fields[] = {
#define FEATURE(name, id, low, width, least) { FEATURE_##name, ID_##id, low, width, least },
#define ALSO(name, id, low, width, least) { FEATURE_##name, ID_##id, low, width, least },
#include "registers.def"
};

static const struct {
    uint8_t feature, and;
} controls[] = {
#define CONTROL(name, feature, and) { FEATURE_##feature, FEATURE_##and },
#include "registers.def"
};

static const struct {
    uint8_t treatment[SIDES];
    uint8_t feature;
} groups[] = {
#define GROUP(name, host, guest, feature, registers, remark, test) { { host, guest }, FEATURE_##feature },
#include "registers.def"
};

enum effect { TRAPS, ALLOWS, STOPS, NEVER };

static const struct {
    uint8_t control, high, low, effect, group;
} bits[] = {
#define BITS(control, high, low, field, effect, group) { CONTROL_##control, high, low, effect, GROUP_##group },
#include "registers.def"
};

enum { HOST = 1 << SIDE_HOST, GUEST = 1 << SIDE_GUEST, BOTH = HOST | GUEST };

static const struct {
    uint8_t control, high, low, sides, feature;
} settings[] = {
#define SETTING(control, high, low, field, side, feature, remark) { CONTROL_##control, high, low, side, FEATURE_##feature },
#include "registers.def"
};

static const struct {
    uint8_t group, op0, op1, crn, crn_last, crm, crm_last, op2, op2_last;
} names[] = {
#define NAMES(group, op0, op1, crn, crn_last, crm, crm_last, op2, op2_last) \
    { GROUP_##group, op0, op1, crn, crn_last, crm, crm_last, op2, op2_last },
#include "registers.def"
};

/* ---- what there is ---- */

/* In fields of which a negative value means that there is nothing, 15 is the one that is used. */
static bool field_is(const struct cpu_id *id, uint32_t i)
{
    uint64_t value = id->reg[fields[i].id] >> fields[i].low & ((UINT64_C(1) << fields[i].width) - 1);

    return value >= fields[i].least && value != 15;
}

bool registers_has_feature(const struct cpu_id *id, enum feature feature)
{
    if (feature == FEATURE_ALWAYS)
        return true;
    for (uint32_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        if (fields[i].feature == feature && field_is(id, i))
            return true;
    }
    return false;
}

bool registers_may_hash(const struct cpu_id *id)
{
    return registers_has_feature(id, FEATURE_SHA256) && !registers_has_feature(id, FEATURE_SVE) &&
           !registers_has_feature(id, FEATURE_SME);
}

/* ---- what the sides get ---- */

static bool side_has(enum group group, enum side side)
{
    return groups[group].treatment[side] != ANSWERED && groups[group].treatment[side] != UNDEFINED;
}

static uint64_t mask(uint32_t high, uint32_t low)
{
    return (high < 63 ? UINT64_C(1) << (high + 1) : 0) - (UINT64_C(1) << low);
}

static uint64_t bits_for(const struct cpu_id *id, uint32_t i, enum side side)
{
    bool there = registers_has_feature(id, groups[bits[i].group].feature);
    bool has = there && side_has(bits[i].group, side);
    bool one = bits[i].effect == ALLOWS ? has : bits[i].effect == TRAPS ? there && !has : bits[i].effect == STOPS && !has;

    return one ? mask(bits[i].high, bits[i].low) : 0;
}

static uint64_t value_for(const struct cpu_id *id, enum control control, enum side side)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < ARRAY_LENGTH(settings); i++) {
        if (settings[i].control == control && (settings[i].sides >> side & 1) != 0 &&
            registers_has_feature(id, settings[i].feature))
            value |= mask(settings[i].high, settings[i].low);
    }
    for (uint32_t i = 0; i < ARRAY_LENGTH(bits); i++) {
        if (bits[i].control == control)
            value |= bits_for(id, i, side);
    }
    return value;
}

void registers_plan(const struct cpu_id *id, struct control_plan *plan)
{
    *plan = (struct control_plan){ .has = 0 };
    for (uint32_t i = 0; i < CONTROLS; i++) {
        if (!registers_has_feature(id, controls[i].feature) || !registers_has_feature(id, controls[i].and))
            continue;
        plan->has |= UINT32_C(1) << i;
        for (uint32_t side = 0; side < SIDES; side++)
            plan->value[side][i] = value_for(id, i, side);
        if (i == CONTROL_MDCR) {        /* HPMN: all counters are the host's */
            plan->value[SIDE_HOST][i] |= id->counters;
            plan->value[SIDE_GUEST][i] |= id->counters;
        }
        if (plan->value[SIDE_HOST][i] != plan->value[SIDE_GUEST][i])
            plan->differs |= UINT32_C(1) << i;
    }
}

/* ---- names ---- */

enum group registers_find(uint64_t name)
{
    uint64_t op0 = name >> 20 & 3, op2 = name >> 17 & 7, op1 = name >> 14 & 7, crn = name >> 10 & 15, crm = name >> 1 & 15;

    for (uint32_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (op0 == names[i].op0 && op1 == names[i].op1 && crn >= names[i].crn && crn <= names[i].crn_last &&
            crm >= names[i].crm && crm <= names[i].crm_last && op2 >= names[i].op2 && op2 <= names[i].op2_last)
            return names[i].group;
    }
    return GROUPS;
}

enum treatment registers_treatment(enum group group, enum side side)
{
    return group < GROUPS ? groups[group].treatment[side] : UNDEFINED;
}
