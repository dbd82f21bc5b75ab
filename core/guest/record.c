/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/record.h"

#include "base/sha256.h"

/* ---- the VM's own ---- */

/* Four words of measurement, and so on. */
enum { VM_COUNTER = 4, VM_GENERATION, VM_VCPUS, VM_RANGES, VM_RANGE, VM_PERSONAL = 24, VM_EXTENDED = 32, VM_WORDS = 48 };

_Static_assert(VM_RANGE + 2 * CORDON_MEMORY_RANGES == VM_PERSONAL && VM_PERSONAL + ATTEST_WORDS == VM_EXTENDED &&
               VM_EXTENDED + 4 * ATTEST_EXTENDED == VM_WORDS, "one behind the other");

static uint64_t range_word(const struct image *image, uint64_t at)
{
    const struct memory_range *r = &image->range[at / 2 % CORDON_MEMORY_RANGES];

    return at % 2 == 0 ? r->first : r->end;
}

static uint64_t vm_word(const struct vm *vm, const struct vcpu *first, uint64_t at)
{
    if (at < VM_COUNTER)
        return sha256_word(&vm->image.hash, (uint32_t)at / 2, at % 2);
    if (at >= VM_EXTENDED)
        return first->attest.extended[(at - VM_EXTENDED) / 4 % ATTEST_EXTENDED][at % 4];
    if (at >= VM_PERSONAL)
        return first->attest.personal[at % ATTEST_WORDS];
    switch (at) {
    case VM_COUNTER: return first->snapshot.counter;
    case VM_GENERATION: return first->snapshot.generation;
    case VM_VCPUS: return vm->vcpus;
    case VM_RANGES: return vm->image.ranges;
    default: return range_word(&vm->image, at - VM_RANGE);
    }
}

/* How many vCPUs and which memory: said when the VM was built, and measured. */
static bool is_declared(uint64_t at)
{
    return at >= VM_VCPUS && at < VM_PERSONAL;
}

/* Four bytes of a digest, whose numbers have their first byte highest. */
static uint32_t digest_word(uint32_t x)
{
    return x >> 24 | (x >> 8 & 0xff00) | (x << 8 & 0xff0000) | x << 24;
}

/* The opposite of sha256_word(). */
static void set_hash(struct sha256 *s, uint64_t at, uint64_t value)
{
    s->h[2 * at % 8] = digest_word((uint32_t)value);
    s->h[(2 * at + 1) % 8] = digest_word((uint32_t)(value >> 32));
}

static void set_vm_word(struct vm *vm, struct vcpu *first, uint64_t at, uint64_t value)
{
    if (at < VM_COUNTER)
        set_hash(&vm->image.hash, at, value);
    else if (at == VM_COUNTER)
        first->snapshot.counter = value;
    else if (at == VM_GENERATION)
        first->snapshot.generation = value;
    else if (at >= VM_EXTENDED)
        first->attest.extended[(at - VM_EXTENDED) / 4 % ATTEST_EXTENDED][at % 4] = value;
    else if (at >= VM_PERSONAL)
        first->attest.personal[at % ATTEST_WORDS] = value;
}

/* ---- a vCPU's ---- */

/* x0 .. x30 come first. */
enum { VCPU_PC = 31, VCPU_PSTATE, VCPU_COMPARE, VCPU_CONTROL, VCPU_POWER, VCPU_ASKED, VCPU_ASKED_ESR, VCPU_ASKED_FAR,
       VCPU_SGIS, VCPU_ARCH };

#define VCPU_WORDS (VCPU_ARCH + ARCH_VCPU_WORDS)
#define TIMER_BITS 3

static uint64_t vcpu_word(const struct vcpu *u, uint64_t at)
{
    if (at < VCPU_PC)
        return vcpu_reg(u, at);
    if (at >= VCPU_ARCH)
        return arch_vcpu_word(u, arch_index(at - VCPU_ARCH, ARCH_VCPU_WORDS));
    switch (at) {
    case VCPU_PC: return u->pc;
    case VCPU_PSTATE: return u->pstate;
    case VCPU_COMPARE: return u->timer_compare;
    case VCPU_CONTROL: return u->timer_control;
    case VCPU_POWER: return u->power;
    case VCPU_ASKED: return u->asked;
    case VCPU_ASKED_ESR: return u->asked_esr;
    case VCPU_ASKED_FAR: return u->asked_far;
    default: return u->sgis;
    }
}

static bool vcpu_fits(const struct cordon *c, uint64_t at, uint64_t value)
{
    if (at >= VCPU_ARCH)
        return arch_vcpu_word_fits(c, at - VCPU_ARCH, value);
    switch (at) {
    case VCPU_PSTATE: return arch_pstate_fits(c, value);
    case VCPU_CONTROL: return value <= TIMER_BITS;
    case VCPU_POWER: return value <= VCPU_ON;
    case VCPU_ASKED: return value <= ASKED_CALL;
    case VCPU_SGIS: return value <= UINT16_MAX;
    default: return true;
    }
}

static void set_vcpu_word(struct vcpu *u, uint64_t at, uint64_t value)
{
    if (at < VCPU_PC) {
        vcpu_set_reg(u, at, value);
        return;
    }
    switch (at) {
    case VCPU_PC: u->pc = value; break;
    case VCPU_PSTATE: u->pstate = value; break;
    case VCPU_COMPARE: u->timer_compare = value; break;
    case VCPU_CONTROL: u->timer_control = (uint8_t)value; break;
    case VCPU_POWER: u->power = (uint8_t)value; break;
    case VCPU_ASKED: u->asked = (uint8_t)value; break;
    case VCPU_ASKED_ESR: u->asked_esr = value; break;
    case VCPU_ASKED_FAR: u->asked_far = value; break;
    case VCPU_SGIS: u->sgis = (uint16_t)value; break;
    default: arch_vcpu_set_word(u, arch_index(at - VCPU_ARCH, ARCH_VCPU_WORDS), value); break;
    }
}

/* ---- both ---- */

uint64_t record_size(uint64_t record)
{
    return record == 0 ? VM_WORDS : VCPU_WORDS;
}

uint64_t record_word(struct cordon *c, struct vm_locked v, uint64_t record, uint64_t at)
{
    return record == 0 ? vm_word(v.vm, vcpu_at(c, v.vm, 0), at) : vcpu_word(vcpu_at(c, v.vm, record - 1), at);
}

bool record_fits(struct cordon *c, struct vm_locked v, uint64_t record, uint64_t at, uint64_t value)
{
    if (record != 0)
        return vcpu_fits(c, at, value);
    return !is_declared(at) || value == record_word(c, v, 0, at);
}

void record_put(struct cordon *c, struct vm_locked v, uint64_t record, uint64_t at, uint64_t value)
{
    if (record == 0)
        set_vm_word(v.vm, vcpu_at(c, v.vm, 0), at, value);
    else
        set_vcpu_word(vcpu_at(c, v.vm, record - 1), at, value);
}
