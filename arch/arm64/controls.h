/* SPDX-License-Identifier: Apache-2.0 */
/* EL2's control registers: the one place that writes them, with the values of a plan and no others. */
#ifndef CORDON_CONTROLS_H
#define CORDON_CONTROLS_H

#include "registers.h"
#include "sysreg.h"

#define control_write(plan, side, name) sysreg_write(name##_EL2, (plan)->value[side][CONTROL_##name])

/* FP and SIMD trap in a guest until it uses them: on top of its plan. */
#define CPTR_TFP (UINT64_C(1) << 10)

/* What this CPU says of itself. */
void controls_read(struct cpu_id *id);

/* Writes all of a plan's that there are. A function of its own in the image: test/boot/image.py looks at it. */
__attribute__((noinline)) void controls_write(const struct control_plan *plan, enum side side);

/* Those that differ between the sides, but for the next three and what the GIC and the timer are switched with. Rare ones. */
__attribute__((noinline)) void controls_write_rare(const struct control_plan *plan, enum side side);

#define CONTROLS_SWITCHED_ELSEWHERE (UINT32_C(1) << CONTROL_HCR | UINT32_C(1) << CONTROL_CPTR | UINT32_C(1) << CONTROL_MDCR | \
    UINT32_C(1) << CONTROL_CNTHCTL | UINT32_C(1) << CONTROL_ICC_SRE | UINT32_C(1) << CONTROL_ICH_HCR)

/* The other side's turn. */
static inline void controls_switch(const struct control_plan *plan, enum side side)
{
    control_write(plan, side, HCR);
    sysreg_write(CPTR_EL2, plan->value[side][CONTROL_CPTR] | (side == SIDE_GUEST ? CPTR_TFP : 0));
    control_write(plan, side, MDCR);
    if ((plan->differs & ~CONTROLS_SWITCHED_ELSEWHERE) != 0)
        controls_write_rare(plan, side);
}

/* The guest's vector registers are on the CPU: their use does not trap any more. */
static inline void controls_let_vectors(const struct control_plan *plan)
{
    control_write(plan, SIDE_GUEST, CPTR);
}

#endif
