/* SPDX-License-Identifier: Apache-2.0 */
/* Reproducible random numbers: splitmix64. */
#ifndef RANDOM_RNG_H
#define RANDOM_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng { uint64_t state; };

static inline uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* 0 .. n-1 */
static inline uint64_t rng_below(struct rng *r, uint64_t n) { return n ? rng_next(r) % n : 0; }
/* first .. last */
static inline uint64_t rng_from(struct rng *r, uint64_t first, uint64_t last) { return first + rng_below(r, last - first + 1); }
/* True once in n times. */
static inline bool rng_one_in(struct rng *r, uint64_t n) { return rng_below(r, n) == 0; }

#endif
