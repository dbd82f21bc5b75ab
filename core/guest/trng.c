/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers for a guest: SMCCC TRNG 1.0 (Arm DEN 0098). The numbers are the machine's; which calls there are, what
 * they may ask, and which bits of the answer are zero, is here.
 */
#include "guest/trng.h"

#include "memory/memory.h"
#include "guest/smccc.h"

#define WORDS 3     /* that a call answers, in x1 .. x3, the lowest last */

/* What bits `width * index` and on of a number of `bits` bits leave of a word of that width. */
static uint64_t cut(uint64_t word, uint64_t bits, uint64_t width, uint64_t index)
{
    uint64_t n = bits > width * index ? min(bits - width * index, width) : 0;

    return n == 64 ? word : word % (UINT64_C(1) << n);
}

static void draw(struct cordon *c, struct vcpu_claim u, uint64_t bits, uint64_t width)
{
    uint64_t word[WORDS];

    if (bits == 0 || bits > WORDS * width) {
        (void)vcpu_answer(u, (uint64_t)TRNG_INVALID_PARAMETERS, 0, 0, 0);
        return;
    }
    arch_random(c, word);
    (void)vcpu_answer(u, TRNG_SUCCESS, cut(word[2], bits, width, 2), cut(word[1], bits, width, 1),
                      cut(word[0], bits, width, 0));
}

static bool is_there(uint64_t function)
{
    switch (function) {
    case TRNG_VERSION:
    case TRNG_FEATURES:
    case TRNG_GET_UUID:
    case TRNG_RND32:
    case TRNG_RND64: return true;
    default: return false;
    }
}

bool vcpu_random_call(struct cordon *c, struct vcpu_claim u, uint32_t function)
{
    uint64_t asked = (uint32_t)u.vcpu->x[1];

    if (!is_there(function) || !arch_has_random(c))
        return false;
    switch (function) {
    case TRNG_VERSION: u.vcpu->x[0] = TRNG_1_0; break;
    case TRNG_FEATURES: u.vcpu->x[0] = (uint64_t)(is_there(asked) ? TRNG_SUCCESS : TRNG_NOT_SUPPORTED); break;
    case TRNG_GET_UUID: return vcpu_answer(u, TRNG_UUID_0, TRNG_UUID_1, TRNG_UUID_2, TRNG_UUID_3);
    case TRNG_RND32: draw(c, u, asked, 32); break;
    default: draw(c, u, u.vcpu->x[1], 64); break;
    }
    return true;
}
