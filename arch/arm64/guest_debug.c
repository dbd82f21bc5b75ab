/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest debugs itself: single steps, breakpoints, watchpoints. Arm ARM D2, self-hosted debug.
 *
 * Its accesses to debug registers always trap (MDCR_EL2.TDA, TDOSA, TDRA): among them are the channel to an external debugger
 * and claim tags, which the CPU has once for all, so that none is let through. What the guest writes is kept in its vCPU. It is
 * put on the CPU, and what the host has there away, once the guest switches debug exceptions on, and whenever it comes in with
 * them on; when it leaves the host has its own back. A guest that does not debug costs a look at one word.
 *
 * Debug exceptions go to EL1 (MDCR_EL2.TDE is 0), and then nothing at EL2 raises one: AArch64.GenerateDebugExceptionsFrom. What
 * a guest's breakpoints and watchpoints are for are EL1 and EL0 besides: fields that name other levels are not there for a
 * CPU without EL2 and EL3, which is what the guest's is, and are zero.
 */
#include "guest_debug.h"

#include "guest/vcpu.h"

/* Operands of a trapped MRS or MSR, as ESR_EL2 has them. */
#define DEBUG_NAME(op1, crn, crm, op2) \
    (UINT64_C(2) << 20 | (uint64_t)(op2) << 17 | (uint64_t)(op1) << 14 | (uint64_t)(crn) << 10 | (uint64_t)(crm) << 1)
#define NAME_CRM(name) ((name) >> 1 & 0xf)
#define NAME_OP2(name) ((name) >> 17 & 7)
#define MDSCR DEBUG_NAME(0, 0, 2, 2)
#define OSLAR DEBUG_NAME(0, 1, 0, 4)
#define OSLSR DEBUG_NAME(0, 1, 1, 4)

#define OSLSR_THERE UINT64_C(8)         /* OSLM: there is an OS lock */
#define OSLSR_LOCKED UINT64_C(2)

/* ---- this CPU's ---- */

#define EACH(X, kind)                                                                               \
    X(kind, 0) X(kind, 1) X(kind, 2) X(kind, 3) X(kind, 4) X(kind, 5) X(kind, 6) X(kind, 7)         \
    X(kind, 8) X(kind, 9) X(kind, 10) X(kind, 11) X(kind, 12) X(kind, 13) X(kind, 14) X(kind, 15)

/* kind: b, a breakpoint; w, a watchpoint. */
#define READ(kind, i)   \
    if ((i) < n)        \
        p[i] = (struct debug_pair){ sysreg_read(dbg##kind##vr##i##_el1), sysreg_read(dbg##kind##cr##i##_el1) };
#define WRITE(kind, i)                                      \
    if ((i) < n) {                                          \
        sysreg_write(dbg##kind##vr##i##_el1, p[i].value);   \
        sysreg_write(dbg##kind##cr##i##_el1, p[i].control); \
    }

static void read_breakpoints(struct debug_pair *p, uint32_t n) { EACH(READ, b) }
static void read_watchpoints(struct debug_pair *p, uint32_t n) { EACH(READ, w) }
static void write_breakpoints(const struct debug_pair *p, uint32_t n) { EACH(WRITE, b) }
static void write_watchpoints(const struct debug_pair *p, uint32_t n) { EACH(WRITE, w) }

void debug_set_up(struct cpu *cpu)
{
    uint64_t dfr0 = sysreg_read(id_aa64dfr0_el1);

    cpu->breakpoints = (uint32_t)id_field(dfr0, 12) + 1;
    cpu->watchpoints = (uint32_t)id_field(dfr0, 20) + 1;
    cpu->debug_loaded = false;
}

/* ---- the switch ---- */

/* Either lock of the host's would keep the guest's debug exceptions away. */
void debug_exchange(struct cpu *cpu, const struct vcpu *u)
{
    cpu->host_locked = (sysreg_read(oslsr_el1) & OSLSR_LOCKED) != 0;
    cpu->host_double_lock = sysreg_read(osdlr_el1);
    read_breakpoints(cpu->host_breakpoint, cpu->breakpoints);
    read_watchpoints(cpu->host_watchpoint, cpu->watchpoints);
    write_breakpoints(u->arch.breakpoint, cpu->breakpoints);
    write_watchpoints(u->arch.watchpoint, cpu->watchpoints);
    sysreg_write(osdlr_el1, 0);
    sysreg_write(oslar_el1, 0);
    cpu->debug_loaded = true;
}

void debug_give_back(struct cpu *cpu)
{
    write_breakpoints(cpu->host_breakpoint, cpu->breakpoints);
    write_watchpoints(cpu->host_watchpoint, cpu->watchpoints);
    sysreg_write(oslar_el1, cpu->host_locked ? 1 : 0);
    sysreg_write(osdlr_el1, cpu->host_double_lock);
    cpu->debug_loaded = false;
}

/* The guest has switched debug exceptions on or off: what it has set goes to the CPU when there is something to be there for. */
static void apply_control(struct cpu *cpu, const struct vcpu *u)
{
    uint64_t mdscr = u->arch.debug_locked ? u->arch.mdscr & MDSCR_TDCC : u->arch.mdscr;

    sysreg_write(mdscr_el1, mdscr);
    if (!cpu->debug_loaded)
        debug_load(cpu, u, mdscr);
}

/* It has changed one of them while they are there. */
static void apply_pairs(const struct cpu *cpu, const struct vcpu *u)
{
    if (!cpu->debug_loaded)
        return;
    write_breakpoints(u->arch.breakpoint, cpu->breakpoints);
    write_watchpoints(u->arch.watchpoint, cpu->watchpoints);
}

/* ---- accesses ---- */

/* Of a debugger outside of the machine, and of its power: nobody is there. DBGPRCR, DBGCLAIM*, MDCC*, DBGDTR* and their like. */
static bool is_external(uint64_t name)
{
    switch (name) {
    case DEBUG_NAME(0, 0, 0, 2):        /* OSDTRRX */
    case DEBUG_NAME(0, 0, 2, 0):        /* MDCCINT */
    case DEBUG_NAME(0, 0, 3, 2):        /* OSDTRTX */
    case DEBUG_NAME(0, 0, 6, 2):        /* OSECCR */
    case DEBUG_NAME(0, 1, 0, 0):        /* MDRAR */
    case DEBUG_NAME(0, 1, 3, 4):        /* OSDLR: the guest's CPU has no double lock */
    case DEBUG_NAME(0, 1, 4, 4):        /* DBGPRCR */
    case DEBUG_NAME(0, 7, 8, 6):        /* DBGCLAIMSET, DBGCLAIMCLR, DBGAUTHSTATUS */
    case DEBUG_NAME(0, 7, 9, 6):
    case DEBUG_NAME(0, 7, 14, 6):
    case DEBUG_NAME(3, 0, 1, 0):        /* MDCCSR, DBGDTR, DBGDTRRX and DBGDTRTX */
    case DEBUG_NAME(3, 0, 4, 0):
    case DEBUG_NAME(3, 0, 5, 0): return true;
    default: return false;
    }
}

/* The register of a pair; NULL: this CPU has no such pair. */
static uint64_t *pair_register(struct vcpu *u, uint64_t name)
{
    uint64_t op2 = NAME_OP2(name), n = arch_index(NAME_CRM(name), DEBUG_PAIRS);
    struct debug_pair *p = op2 < 6 ? &u->arch.breakpoint[n] : &u->arch.watchpoint[n];

    if (name != DEBUG_NAME(0, 0, n, op2) || op2 < 4 || n >= (op2 < 6 ? this_cpu()->breakpoints : this_cpu()->watchpoints))
        return 0;
    return op2 % 2 == 0 ? &p->value : &p->control;
}

/* What of it a guest may have. */
static uint64_t checked(uint64_t name, uint64_t value)
{
    switch (NAME_OP2(name)) {
    case 5: return debug_breakpoint(value);
    case 7: return debug_watchpoint(value);
    default: return value;
    }
}

bool arch_debug_read(struct cordon *c, struct vcpu *u, uint64_t name, uint64_t *value)
{
    const uint64_t *reg = pair_register(u, name);

    (void)c;
    *value = 0;
    if (reg != 0)
        *value = *reg;
    else if (name == MDSCR)
        *value = u->arch.mdscr;
    else if (name == OSLSR)
        *value = OSLSR_THERE | (u->arch.debug_locked ? OSLSR_LOCKED : 0);
    else
        return is_external(name);
    return true;
}

bool arch_debug_write(struct cordon *c, struct vcpu *u, uint64_t name, uint64_t value)
{
    uint64_t *reg = pair_register(u, name);

    (void)c;
    if (reg != 0) {
        *reg = checked(name, value);
        apply_pairs(this_cpu(), u);
        return true;
    }
    if (name == MDSCR)
        u->arch.mdscr = value & (MDSCR_SS | MDSCR_TDCC | MDSCR_KDE | MDSCR_MDE);
    else if (name == OSLAR)
        u->arch.debug_locked = value % 2 != 0;
    else
        return is_external(name);
    apply_control(this_cpu(), u);
    return true;
}
