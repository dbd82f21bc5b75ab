/* SPDX-License-Identifier: Apache-2.0 */
/* Arm ARM D11.2, the EL1 physical timer. */
#include "guest/timer.h"

#define CONTROL_ENABLE UINT64_C(1)
#define CONTROL_MASK UINT64_C(2)
#define CONTROL_STATUS UINT64_C(4)

static uint64_t count(const struct cordon *c, const struct vcpu *u)
{
    return arch_counter(c) - u->offset;
}

/* Whether its time has come, masked or not. */
static bool is_due(const struct cordon *c, const struct vcpu *u)
{
    return (u->timer_control & CONTROL_ENABLE) != 0 && count(c, u) >= u->timer_compare;
}

bool timer_fires(const struct cordon *c, const struct vcpu *u)
{
    return (u->timer_control & CONTROL_MASK) == 0 && is_due(c, u);
}

/* In the machine's counter; UINT64_MAX: never. */
static uint64_t deadline(const struct vcpu *u)
{
    if ((u->timer_control & (CONTROL_ENABLE | CONTROL_MASK)) != CONTROL_ENABLE || u->timer_compare > UINT64_MAX - u->offset)
        return UINT64_MAX;
    return u->timer_compare + u->offset;
}

uint64_t timer_read(const struct cordon *c, const struct vcpu *u, enum timer_register reg)
{
    switch (reg) {
    case TIMER_VALUE: return (u->timer_compare - count(c, u)) % (UINT64_C(1) << 32);
    case TIMER_CONTROL: return u->timer_control | (is_due(c, u) ? CONTROL_STATUS : 0);
    default: return u->timer_compare;
    }
}

bool timer_write(const struct cordon *c, struct vcpu *u, enum timer_register reg, uint64_t value, struct run *r)
{
    uint64_t before = deadline(u);

    switch (reg) {
    case TIMER_VALUE: u->timer_compare = count(c, u) + (uint64_t)(int64_t)(int32_t)(uint32_t)value; break;
    case TIMER_CONTROL: u->timer_control = (uint8_t)(value & (CONTROL_ENABLE | CONTROL_MASK)); break;
    default: u->timer_compare = value; break;
    }
    return deadline(u) == before || exit_to_host(r, CORDON_EXIT_TIMER, deadline(u), 0, 0);
}
