/* SPDX-License-Identifier: Apache-2.0 */
/* Guests on the machine itself: what of a vCPU only the architecture knows, and the steps of a run. See arch/README.md. */
#ifndef CORDON_ARCH_GUEST_H
#define CORDON_ARCH_GUEST_H

#include "arch.h"

struct attest_root;
struct vcpu;
struct trap;

/* EL1's registers that a switch between the host and a guest exchanges, in the order of guest_entry.S. */
struct el1 {
    uint64_t sctlr, cpacr, ttbr0, ttbr1, esr, afsr0, afsr1, far, mair, amair, vbar, contextidr, cntkctl, par;
    uint64_t tpidr_el1, tpidr_el0, tpidrro, sp_el0, sp_el1, elr, spsr, mdscr, csselr;
    uint64_t tcr_el1;
};

#define AUTH_KEYS 10

/* A breakpoint or a watchpoint: DBGBVR and DBGBCR, or DBGWVR and DBGWCR. */
struct debug_pair {
    uint64_t value, control;
};

#define DEBUG_PAIRS 16

struct arch_vcpu {
    uint64_t v[64] __attribute__((aligned(16)));    /* V0 .. V31 */
    uint64_t fpcr;
    uint64_t fpsr;
    struct el1 el1;
    uint64_t key[AUTH_KEYS];    /* pointer authentication */
    uint64_t cntv_ctl;          /* with ISTATUS as it was when the last run ended */
    uint64_t cntv_cval;
    uint64_t vmcr;              /* the GIC's virtual CPU interface */
    uint64_t ap0r[4];
    uint64_t ap1r[4];
    uint64_t mdscr;             /* as the guest reads it; in el1 is what has an effect */
    uint64_t debug_locked;      /* its OS lock: 0 or 1 */
    struct debug_pair breakpoint[DEBUG_PAIRS], watchpoint[DEBUG_PAIRS];
};

#define ARCH_VCPU_WORDS 177     /* all of them: guest_snapshot.c */
#define ARCH_PSTATE_RESET UINT64_C(0x3c5)   /* EL1h, all masked */

void arch_vcpu_reset(struct cordon *c, struct vcpu *u);

/* A vCPU's registers as words: 0 .. ARCH_VCPU_WORDS - 1. */
uint64_t arch_vcpu_word(const struct vcpu *u, uint64_t i);
bool arch_vcpu_word_fits(const struct cordon *c, uint64_t i, uint64_t value);
void arch_vcpu_set_word(struct vcpu *u, uint64_t i, uint64_t value);
bool arch_pstate_fits(const struct cordon *c, uint64_t pstate);
void arch_page_copy(struct cordon *c, uint64_t to, uint64_t from);

void arch_vcpu_enter(struct cordon *c, struct vm *vm, struct vcpu *u);
void arch_vcpu_resume(struct cordon *c, struct vcpu *u, struct trap *t);
void arch_vcpu_leave(struct cordon *c, struct vcpu *u);

void arch_vcpu_abort(struct cordon *c, struct vcpu *u, uint64_t esr, uint64_t far);
void arch_vcpu_undefined(struct cordon *c, struct vcpu *u);
bool arch_vcpu_in_handler(struct cordon *c, const struct vcpu *u);

bool arch_vcpu_timer(const struct cordon *c, const struct vcpu *u, uint64_t *deadline);
uint64_t arch_counter(const struct cordon *c);

/* One more, after all that this CPU has written. */
static inline void arch_count_release16(uint16_t *x) { (void)__atomic_fetch_add(x, 1, __ATOMIC_RELEASE); }

bool arch_id_register(struct cordon *c, uint64_t name, uint64_t *value);
bool arch_debug_read(struct cordon *c, struct vcpu *u, uint64_t name, uint64_t *value);
bool arch_debug_write(struct cordon *c, struct vcpu *u, uint64_t name, uint64_t value);
uint32_t arch_list_registers(const struct cordon *c);
int64_t arch_workaround(const struct cordon *c, uint32_t function);
void arch_code_loaded(struct cordon *c);
bool arch_has_random(const struct cordon *c);
void arch_random(struct cordon *c, uint64_t word[3]);
bool arch_attest_root(const struct cordon *c, struct attest_root *r);

/* For devices of VMs: see arch/README.md. */
enum cordon_status arch_device_take(struct cordon *c, uint64_t frame, struct device *d);
bool arch_device_reset(struct cordon *c, const struct device *d);
void arch_device_open(struct cordon *c, const struct device *d, const struct stage2 *s2);
void arch_device_close(struct cordon *c, const struct device *d, const struct stage2 *s2);
void arch_device_give_back(struct cordon *c, const struct device *d);

#endif
