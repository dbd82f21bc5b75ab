/* SPDX-License-Identifier: Apache-2.0 */
/* Guests: played by a function of the test; the rules of a run that a machine would not forgive are checked. */
#include "cache.h"
#include "cpu.h"
#include "guest/attest.h"
#include "guest/exit.h"
#include "guest/smccc.h"
#include "guest/vcpu.h"
#include "report.h"

void sim_guest(struct sim *s, sim_guest_fn *play, void *arg)
{
    s->guest = play;
    s->guest_arg = arg;
}

void arch_vcpu_reset(struct cordon *c, struct vcpu *u)
{
    (void)c;
    u->arch = (struct arch_vcpu){ .aborts = 0 };
}

void arch_vcpu_enter(struct cordon *c, struct vm *vm, struct vcpu *u)
{
    (void)vm;
    if (u->arch.entered)
        report(c->arch->sim, sim_this_cpu(c->arch->sim), "vcpu", "vCPU %u is entered on two CPUs at once", u->index);
    u->arch.entered = true;
}

void arch_vcpu_resume(struct cordon *c, struct vcpu *u, struct trap *t)
{
    struct sim *s = c->arch->sim;

    *t = (struct trap){ .kind = TRAP_INTERRUPT };
    if (!u->arch.entered)
        report(s, sim_this_cpu(s), "vcpu", "vCPU %u runs without having been entered", u->index);
    if (s->guest != NULL)
        s->guest(s->guest_arg, c, u, t);
}

void arch_vcpu_leave(struct cordon *c, struct vcpu *u)
{
    (void)c;
    u->arch.entered = false;
}

/* The EL1 registers that an exception writes must be the guest's. */
static void check_entered(struct cordon *c, const struct vcpu *u)
{
    if (!u->arch.entered)
        report(c->arch->sim, sim_this_cpu(c->arch->sim), "vcpu", "an exception for vCPU %u while it is not on a CPU", u->index);
}

void arch_vcpu_abort(struct cordon *c, struct vcpu *u, uint64_t esr, uint64_t far)
{
    (void)esr, (void)far;
    check_entered(c, u);
    u->arch.aborts++;
}

void arch_vcpu_undefined(struct cordon *c, struct vcpu *u)
{
    check_entered(c, u);
    u->arch.undefined++;
}

bool arch_vcpu_in_handler(struct cordon *c, const struct vcpu *u)
{
    (void)c;
    return u->arch.in_handler;
}

/* A CPU whose history is cleared at each trap, that predicts no targets from elsewhere, and has no help for the rest. */
int64_t arch_workaround(const struct cordon *c, uint32_t function)
{
    (void)c;
    switch (function) {
    case SMCCC_ARCH_WORKAROUND_1: return SMCCC_WORKAROUND_UNAFFECTED;
    case SMCCC_ARCH_WORKAROUND_3: return SMCCC_SUCCESS;
    default: return SMCCC_NOT_SUPPORTED;
    }
}

uint64_t arch_counter(const struct cordon *c)
{
    return __atomic_load_n(&c->arch->sim->counter, __ATOMIC_RELAXED);
}

void sim_tick(struct sim *s, uint64_t ticks)
{
    (void)__atomic_fetch_add(&s->counter, ticks, __ATOMIC_RELAXED);
}

bool arch_vcpu_timer(const struct cordon *c, const struct vcpu *u, uint64_t *deadline)
{
    *deadline = u->arch.timer_on ? u->arch.timer_at + u->offset : UINT64_MAX;
    return u->arch.timer_on && arch_counter(c) - u->offset >= u->arch.timer_at;
}

/* Feature registers: op0 3, op1 0, CRn 0, CRm 1 .. 7; each reads as its own number here. */
bool arch_id_register(struct cordon *c, uint64_t name, uint64_t *value)
{
    (void)c;
    if ((name & 0x31fc00) != 0x300000 || (name >> 1 & 0xf) == 0 || (name >> 1 & 0xf) > 7)
        return false;
    *value = name;
    return true;
}

/* MDSCR_EL1, and no other register of debug. */
#define MDSCR UINT64_C(0x240004)

bool arch_debug_read(struct cordon *c, struct vcpu *u, uint64_t name, uint64_t *value)
{
    check_entered(c, u);
    *value = u->arch.mdscr;
    return name == MDSCR;
}

bool arch_debug_write(struct cordon *c, struct vcpu *u, uint64_t name, uint64_t value)
{
    check_entered(c, u);
    if (name != MDSCR)
        return false;
    u->arch.mdscr = value;
    return true;
}

uint32_t arch_list_registers(const struct cordon *c)
{
    (void)c;
    return CORDON_INTERRUPTS;
}

/* ---- registers as words ---- */

enum { WORD_ABORTS, WORD_UNDEFINED, WORD_TIMER_AT, WORD_TIMER_ON, WORD_IN_HANDLER, WORD_MDSCR };

uint64_t arch_vcpu_word(const struct vcpu *u, uint64_t i)
{
    switch (i) {
    case WORD_ABORTS: return u->arch.aborts;
    case WORD_UNDEFINED: return u->arch.undefined;
    case WORD_TIMER_AT: return u->arch.timer_at;
    case WORD_TIMER_ON: return u->arch.timer_on;
    case WORD_IN_HANDLER: return u->arch.in_handler;
    default: return u->arch.mdscr;
    }
}

bool arch_vcpu_word_fits(const struct cordon *c, uint64_t i, uint64_t value)
{
    (void)c;
    return (i != WORD_TIMER_ON && i != WORD_IN_HANDLER) || value <= 1;
}

void arch_vcpu_set_word(struct vcpu *u, uint64_t i, uint64_t value)
{
    switch (i) {
    case WORD_ABORTS: u->arch.aborts = value; break;
    case WORD_UNDEFINED: u->arch.undefined = value; break;
    case WORD_TIMER_AT: u->arch.timer_at = value; break;
    case WORD_TIMER_ON: u->arch.timer_on = value != 0; break;
    case WORD_IN_HANDLER: u->arch.in_handler = value != 0; break;
    default: u->arch.mdscr = value; break;
    }
}

/* EL0t, EL1t, EL1h. */
bool arch_pstate_fits(const struct cordon *c, uint64_t pstate)
{
    uint64_t mode = pstate & 0x1f;

    (void)c;
    return mode == 0 || mode == 4 || mode == 5;
}

/* Through the caches, as all that the core does. */
void arch_page_copy(struct cordon *c, uint64_t to, uint64_t from)
{
    struct sim *s = c->arch->sim;

    for (uint32_t i = 0; i < 512; i++)
        cache_write(s, to, i, cache_read(s, from, i, false), false);
}

void sim_random(struct sim *s, bool there)
{
    s->no_random = !there;
}

bool arch_has_random(const struct cordon *c)
{
    return !c->arch->sim->no_random;
}

/* Others each time, and the same in each run of a test. */
void arch_random(struct cordon *c, uint64_t word[3])
{
    for (int i = 0; i < 3; i++) {
        uint64_t x = __atomic_add_fetch(&c->arch->sim->drawn, UINT64_C(0x9e3779b97f4a7c15), __ATOMIC_RELAXED);

        x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
        word[i] = x ^ x >> 31;
    }
}

void sim_attest_root(struct sim *s, const struct attest_root *r)
{
    s->root = r;
}

bool arch_attest_root(const struct cordon *c, struct attest_root *r)
{
    const struct attest_root *there = c->arch->sim->root;

    if (there != NULL)
        *r = *there;
    return there != NULL;
}

void arch_code_loaded(struct cordon *c)
{
    (void)c;
}
