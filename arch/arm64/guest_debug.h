/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's breakpoints, watchpoints and single steps on this CPU. */
#ifndef CORDON_GUEST_DEBUG_H
#define CORDON_GUEST_DEBUG_H

#include "cpu.h"

/* MDSCR_EL1: what a guest may have of it. The other bits are an external debugger's. */
#define MDSCR_SS UINT64_C(1)
#define MDSCR_TDCC (UINT64_C(1) << 12)
#define MDSCR_KDE (UINT64_C(1) << 13)
#define MDSCR_MDE (UINT64_C(1) << 15)

/* Counts the breakpoints and watchpoints that this CPU has. */
void debug_set_up(struct cpu *cpu);

/* The host's are put away, and the guest's on this CPU. */
void debug_exchange(struct cpu *cpu, const struct vcpu *u);
void debug_give_back(struct cpu *cpu);

/* E, PMC, BAS, LBN, BT of a breakpoint; E, PAC, LSC, BAS, LBN, WT, MASK of a watchpoint. Not HMC, SSC: EL1 and EL0 alone. */
#define BREAKPOINT_CONTROL UINT64_C(0x00ff01e7)
#define BREAKPOINT_TYPE(control) ((control) >> 20 & 0xf)
#define BREAKPOINT_TYPES 4              /* an address, or CONTEXTIDR_EL1, linked or not; those that look at EL2 come behind */
#define WATCHPOINT_CONTROL UINT64_C(0x1f1f1fff)

/* What of DBGBCR and DBGWCR a guest may have. A breakpoint of a type that the guest's CPU does not have is off. */
static inline uint64_t debug_breakpoint(uint64_t control)
{
    return BREAKPOINT_TYPE(control) < BREAKPOINT_TYPES ? control & BREAKPOINT_CONTROL : 0;
}

static inline uint64_t debug_watchpoint(uint64_t control)
{
    return control & WATCHPOINT_CONTROL;
}

/* As a guest comes in: most have none switched on. Its EL1 registers are on this CPU. */
static inline void debug_load(struct cpu *cpu, const struct vcpu *u, uint64_t mdscr)
{
    if ((mdscr & (MDSCR_SS | MDSCR_MDE)) != 0)
        debug_exchange(cpu, u);
}

static inline void debug_leave(struct cpu *cpu)
{
    if (cpu->debug_loaded)
        debug_give_back(cpu);
}

#endif
