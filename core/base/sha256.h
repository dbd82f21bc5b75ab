/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 (FIPS 180-4) over whole blocks of 64 bytes: all that a measurement is made of is a multiple of that. Our own,
 * because the packaged libraries' use vector registers, which belong to guests here; the tests compare it with theirs.
 */
#ifndef CORDON_SHA256_H
#define CORDON_SHA256_H

#include "machine.h"

#define SHA256_BLOCK_WORDS 8    /* 64-bit words of memory in a block */

void sha256_init(struct sha256 *s);

/* FIPS 180-4's constants, for whoever computes with instructions of its own. */
extern const uint32_t sha256_constants[64];

/* n blocks, as they lie in memory. About 1500 instructions each. */
void sha256_blocks(struct sha256 *s, const uint64_t *word, uint64_t n);

/* No more blocks come: h[] is the digest, as numbers. */
void sha256_end(struct sha256 *s);

/* 16 bytes of the digest, in the order of memory of a little-endian machine: half 0 or 1, word 0 or 1 of it. */
uint64_t sha256_word(const struct sha256 *s, uint32_t half, uint32_t word);

#endif
