/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests on the simulated machine: a function of the test plays what a guest does between two traps. See sim_guest() in
 * sim.h, and arch/README.md for the steps.
 */
#ifndef CORDON_ARCH_GUEST_H
#define CORDON_ARCH_GUEST_H

#include "arch.h"

struct attest_root;
struct vcpu;
struct trap;

/* Exceptions that the core had the guest take, and where its registers are. */
struct arch_vcpu {
    uint64_t aborts;
    uint64_t undefined;
    uint64_t timer_at;      /* the guest's counter at which its timer fires */
    bool timer_on;
    bool entered;           /* its EL1 registers are on a CPU */
    bool in_handler;        /* as a guest would be that cannot fetch its exception handler */
    uint64_t mdscr;         /* the one debug register that it has */
};

#define ARCH_VCPU_WORDS 6       /* all but `entered` */
#define ARCH_PSTATE_RESET UINT64_C(0x3c5)

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
