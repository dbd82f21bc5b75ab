/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/interrupts.h"

#include "guest/timer.h"

#define INTERRUPT_ID(word) ((word) % (UINT64_C(1) << 32))
#define INTERRUPT_STATE (CORDON_INTERRUPT_PENDING | CORDON_INTERRUPT_ACTIVE)
#define INTERRUPT_HW (UINT64_C(1) << 61)
#define INTERRUPT_PINTID_SHIFT 32
#define INTERRUPT_SPECIAL 1020      /* INTIDs from here on are no interrupts of a distributor's */
#define SGI_COUNT 16

/* Whether another word before this one names the same interrupt, which the hardware does not take. */
static bool named_before(const struct run *r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (r->interrupt[i] != 0 && INTERRUPT_ID(r->interrupt[i]) == INTERRUPT_ID(r->interrupt[n]))
            return true;
    }
    return false;
}

/* Whether the host may have the guest take an interrupt: none that the guest or its timer did not cause. */
static bool may_inject(const struct cordon *c, const struct vcpu *u, uint64_t word)
{
    uint64_t id = INTERRUPT_ID(word);
    uint64_t deadline;

    if ((word & ~CORDON_INTERRUPT_FIELDS) != 0 || (word & INTERRUPT_STATE) == 0 || (word & CORDON_INTERRUPT_GROUP1) == 0)
        return false;
    if (id >= INTERRUPT_SPECIAL)
        return false;
    if ((word & CORDON_INTERRUPT_PENDING) == 0)
        return true;
    if (id < SGI_COUNT)
        return (u->sgis >> id & 1) != 0;
    if (id == CORDON_PHYSICAL_TIMER_INTID)
        return timer_fires(c, u);
    return id != CORDON_TIMER_INTID || arch_vcpu_timer(c, u, &deadline);
}

static bool any(const uint64_t interrupt[CORDON_INTERRUPTS])
{
    uint64_t words = 0;

    for (uint32_t i = 0; i < CORDON_INTERRUPTS; i++)
        words |= interrupt[i];
    return words != 0;
}

bool interrupts_fit(const struct cordon *c, const struct vcpu *u, const struct run *r)
{
    if (!any(r->interrupt))
        return true;
    for (uint32_t i = 0; i < CORDON_INTERRUPTS; i++) {
        if (r->interrupt[i] == 0)
            continue;
        if (i >= arch_list_registers(c) || !may_inject(c, u, r->interrupt[i]) || named_before(r, i))
            return false;
    }
    return true;
}

/*
 * The timer's interrupt is the hardware's: the guest's end of it is the end of the physical one, which fires again when
 * the guest's timer still asks for it. An interrupt of the hardware is pending or active, never both.
 */
static uint64_t list_register(uint64_t word)
{
    if (INTERRUPT_ID(word) != CORDON_TIMER_INTID)
        return word;
    if ((word & CORDON_INTERRUPT_ACTIVE) != 0)
        word &= ~CORDON_INTERRUPT_PENDING;
    return word | INTERRUPT_HW | (uint64_t)CORDON_TIMER_INTID << INTERRUPT_PINTID_SHIFT;
}

/* Most runs have no interrupt: then there is nothing to look at, here and after. */
void interrupts_take(struct vcpu *u, const struct run *r)
{
    bool listed = any(r->interrupt);

    if (!listed && !u->listed)
        return;
    u->listed = listed;
    for (uint32_t i = 0; i < CORDON_INTERRUPTS; i++) {
        uint64_t word = r->interrupt[i];

        u->interrupt[i] = word == 0 ? 0 : list_register(word);
        if (INTERRUPT_ID(word) < SGI_COUNT && (word & CORDON_INTERRUPT_PENDING) != 0)
            u->sgis = (uint16_t)(u->sgis & ~(1u << INTERRUPT_ID(word)));
    }
}

uint32_t interrupts_give(const struct vcpu *u, struct run *r)
{
    uint32_t sgis = 0;

    if (!u->listed)
        return 0;               /* the host listed none, and sees that */
    for (uint32_t i = 0; i < CORDON_INTERRUPTS; i++) {
        uint64_t word = u->interrupt[i];

        r->interrupt[i] = (word & INTERRUPT_STATE) == 0 ? 0 : word & CORDON_INTERRUPT_FIELDS;
        if (INTERRUPT_ID(word) < SGI_COUNT && (word & CORDON_INTERRUPT_PENDING) != 0)
            sgis |= 1u << INTERRUPT_ID(word);
    }
    return sgis;
}
