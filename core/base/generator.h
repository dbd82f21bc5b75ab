/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers from a key that nobody else knows: ChaCha20 (RFC 8439) with fast key erasure. Each draw makes a block; half
 * of it is the next key, the other half is given away. So no output tells of another, and whoever reads a key finds nothing
 * of what came before it.
 *
 * The generator adds nothing to what was mixed in: its numbers are as hard to guess as that was.
 */
#ifndef CORDON_GENERATOR_H
#define CORDON_GENERATOR_H

#include <stdint.h>

#define GENERATOR_WORDS 4   /* 64-bit words of a draw, and of what is mixed in */

struct generator {
    uint32_t key[8];
};

/* The key becomes the SHA-256 of itself and 32 bytes: what it was worth is kept, what they are worth is added. */
void generator_mix(struct generator *g, const uint64_t data[GENERATOR_WORDS]);

/* 32 bytes that are drawn once. About 1200 instructions. */
void generator_draw(struct generator *g, uint64_t word[GENERATOR_WORDS]);

/* RFC 8439, 2.3: the block of a state of constants, key, counter and nonce. */
void chacha20_block(const uint32_t state[16], uint32_t block[16]);

#endif
