/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's calls for random numbers. */
#ifndef CORDON_TRNG_H
#define CORDON_TRNG_H

#include "guest/vcpu.h"

/* A call for random numbers, done; false: this is none, or this machine has no numbers that nobody knows. */
COLD bool vcpu_random_call(struct cordon *c, struct vcpu_claim u, uint32_t function);

#endif
