/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vCPU's registers as words, for snapshots: struct arch_vcpu in its order. Needs no machine. What a guest could not have
 * written itself is none of its registers', whoever says so: a level that is not EL0 or EL1, debug of other levels,
 * bits that are a debugger's, states of the timer and the interrupt interface that there are not.
 */
#include "guest_debug.h"
#include "guest_gic.h"

#include "guest/vcpu.h"

#include <stddef.h>

#define AT(member) (offsetof(struct arch_vcpu, member) / 8)
#define PAIRS_END(member) (AT(member) + 2 * DEBUG_PAIRS)

_Static_assert(PAIRS_END(watchpoint) == ARCH_VCPU_WORDS && sizeof(struct arch_vcpu) / 8 - ARCH_VCPU_WORDS < 2, "to the end");

/* PSTATE.M: EL0t, EL1t, EL1h. A guest is told that it has no AArch32; any other level would be an illegal return, here at EL2. */
#define PSTATE_MODE 0x1f
#define MODE_EL0T 0x0
#define MODE_EL1T 0x4
#define MODE_EL1H 0x5

#define MDSCR_GUEST (MDSCR_SS | MDSCR_TDCC | MDSCR_KDE | MDSCR_MDE)
/* ICH_VMCR_EL2: VPMR, VBPR0, VBPR1, VEOIM, VCBPR, VFIQEn, VENG1, VENG0. */
#define VMCR_FIELDS UINT64_C(0xfffc021b)

bool arch_pstate_fits(const struct cordon *c, uint64_t pstate)
{
    uint64_t mode = pstate & PSTATE_MODE;

    (void)c;
    return mode == MODE_EL0T || mode == MODE_EL1T || mode == MODE_EL1H;
}

uint64_t arch_vcpu_word(const struct vcpu *u, uint64_t i)
{
    const uint64_t *word = (const uint64_t *)(const void *)&u->arch;

    return word[i];
}

/* Values and controls in turn. */
static bool pair_fits(uint64_t i, uint64_t value)
{
    if (i >= AT(watchpoint))
        return (i - AT(watchpoint)) % 2 == 0 || debug_watchpoint(value) == value;
    return (i - AT(breakpoint)) % 2 == 0 || debug_breakpoint(value) == value;
}

bool arch_vcpu_word_fits(const struct cordon *c, uint64_t i, uint64_t value)
{
    (void)c;
    if (i >= AT(breakpoint))
        return pair_fits(i, value);
    if (i >= AT(ap0r) && i < AT(mdscr))
        return value <= UINT32_MAX;
    switch (i) {
    case AT(el1.mdscr):
    case AT(mdscr): return (value & ~MDSCR_GUEST) == 0;
    case AT(cntv_ctl): return value <= (CNT_ENABLE | CNT_IMASK | CNT_ISTATUS);
    case AT(vmcr): return (value & ~VMCR_FIELDS) == 0;
    case AT(debug_locked): return value <= 1;
    default: return true;
    }
}

void arch_vcpu_set_word(struct vcpu *u, uint64_t i, uint64_t value)
{
    uint64_t *word = (uint64_t *)(void *)&u->arch;

    word[i] = value;
}
