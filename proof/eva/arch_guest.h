/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests on the machine that Eva runs the core on: each run of a vCPU meets one trap, which life.c says, and is
 * interrupted afterwards. The steps have no effect on what the core reads.
 */
#ifndef CORDON_ARCH_GUEST_H
#define CORDON_ARCH_GUEST_H

#include "arch.h"

struct vcpu;
struct trap;

struct arch_vcpu {
    uint64_t el1[4];
};

#define ARCH_VCPU_WORDS 4
#define ARCH_PSTATE_RESET UINT64_C(0x3c5)

void arch_vcpu_resume(struct cordon *c, struct vcpu *u, struct trap *t);
void arch_random(struct cordon *c, uint64_t word[3]);

static inline void arch_count_release16(uint16_t *x) { *x = (uint16_t)(*x + 1u); }

static inline void arch_vcpu_reset(struct cordon *c, struct vcpu *u) { (void)c; (void)u; }
static inline void arch_vcpu_enter(struct cordon *c, struct vm *vm, struct vcpu *u) { (void)c; (void)vm; (void)u; }
static inline void arch_vcpu_leave(struct cordon *c, struct vcpu *u) { (void)c; (void)u; }
static inline void arch_vcpu_abort(struct cordon *c, struct vcpu *u, uint64_t esr, uint64_t far)
{
    (void)c; (void)u; (void)esr; (void)far;
}
static inline void arch_vcpu_undefined(struct cordon *c, struct vcpu *u) { (void)c; (void)u; }
static inline bool arch_vcpu_in_handler(struct cordon *c, const struct vcpu *u) { (void)c; (void)u; return false; }
static inline bool arch_vcpu_timer(const struct cordon *c, const struct vcpu *u, uint64_t *deadline)
{
    (void)c; (void)u;
    *deadline = UINT64_MAX;
    return false;
}
static inline uint64_t arch_vcpu_word(const struct vcpu *u, uint64_t i) { (void)u; return i; }
static inline bool arch_vcpu_word_fits(const struct cordon *c, uint64_t i, uint64_t value) { (void)c; return i != value; }
static inline void arch_vcpu_set_word(struct vcpu *u, uint64_t i, uint64_t value) { (void)u; (void)i; (void)value; }
static inline bool arch_pstate_fits(const struct cordon *c, uint64_t pstate) { (void)c; return pstate % 4 == 0; }
static inline void arch_page_copy(struct cordon *c, uint64_t to, uint64_t from) { (void)c; (void)to; (void)from; }
static inline uint64_t arch_counter(const struct cordon *c) { (void)c; return 4711; }
static inline bool arch_id_register(struct cordon *c, uint64_t name, uint64_t *value)
{
    (void)c; (void)name;
    *value = 0;
    return true;
}
static inline bool arch_debug_read(struct cordon *c, struct vcpu *u, uint64_t name, uint64_t *value)
{
    (void)c, (void)u;
    *value = name;
    return name % 4 == 0;
}
static inline bool arch_debug_write(struct cordon *c, struct vcpu *u, uint64_t name, uint64_t value)
{
    (void)c, (void)u;
    return (name ^ value) % 4 == 0;
}
static inline uint32_t arch_list_registers(const struct cordon *c) { (void)c; return CORDON_INTERRUPTS; }
static inline int64_t arch_workaround(const struct cordon *c, uint32_t function) { (void)c; return function % 2 == 0 ? 0 : -1; }
static inline void arch_code_loaded(struct cordon *c) { (void)c; }
static inline bool arch_has_random(const struct cordon *c) { (void)c; return true; }

enum cordon_status arch_device_take(struct cordon *c, uint64_t frame, struct device *d);
bool arch_device_reset(struct cordon *c, const struct device *d);
static inline void arch_device_open(struct cordon *c, const struct device *d, const struct stage2 *s2) { (void)c; (void)d; (void)s2; }
static inline void arch_device_close(struct cordon *c, const struct device *d, const struct stage2 *s2) { (void)c; (void)d; (void)s2; }
static inline void arch_device_give_back(struct cordon *c, const struct device *d) { (void)c; (void)d; }

#endif
