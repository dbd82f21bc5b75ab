/* SPDX-License-Identifier: Apache-2.0 */
#include "base/generator.h"

#include "base/check.h"
#include "base/sha256.h"

static inline uint32_t turn(uint32_t x, uint32_t n)
{
    return x << n | x >> (32 - n);
}

static HOT void quarter_round(uint32_t s[16], uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    s[a] += s[b];
    s[d] = turn(s[d] ^ s[a], 16);
    s[c] += s[d];
    s[b] = turn(s[b] ^ s[c], 12);
    s[a] += s[b];
    s[d] = turn(s[d] ^ s[a], 8);
    s[c] += s[d];
    s[b] = turn(s[b] ^ s[c], 7);
}

void chacha20_block(const uint32_t state[16], uint32_t block[16])
{
    for (uint32_t i = 0; i < 16; i++)
        block[i] = state[i];
    for (uint32_t round = 0; round < 20; round += 2) {
        for (uint32_t i = 0; i < 4; i++)        /* columns */
            quarter_round(block, i, 4 + i, 8 + i, 12 + i);
        for (uint32_t i = 0; i < 4; i++)        /* diagonals */
            quarter_round(block, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
    }
    for (uint32_t i = 0; i < 16; i++)
        block[i] += state[i];
}

/* What is of no more use is not left on the stack, though the compiler sees nobody read it there. */
static void forget(volatile uint32_t *word, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        word[i] = 0;
}

void generator_mix(struct generator *g, const uint64_t data[GENERATOR_WORDS])
{
    uint64_t block[SHA256_BLOCK_WORDS];
    struct sha256 hash;

    for (uint32_t i = 0; i < 4; i++) {
        block[i] = g->key[2 * i] | (uint64_t)g->key[2 * i + 1] << 32;
        block[4 + i] = data[i];
    }
    sha256_init(&hash);
    sha256_blocks(&hash, block, 1);
    sha256_end(&hash);
    for (uint32_t i = 0; i < 8; i++)
        g->key[i] = hash.h[i];
    for (uint32_t i = 0; i < SHA256_BLOCK_WORDS; i++)
        ((volatile uint64_t *)block)[i] = 0;
    forget(hash.h, 8);
}

void generator_draw(struct generator *g, uint64_t word[GENERATOR_WORDS])
{
    /* "expand 32-byte k"; the counter and the nonce are zero, as no key makes a second block. */
    uint32_t state[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
    uint32_t block[16];

    for (uint32_t i = 0; i < 8; i++)
        state[4 + i] = g->key[i];
    chacha20_block(state, block);
    for (uint32_t i = 0; i < 8; i++)
        g->key[i] = block[i];
    for (uint32_t i = 0; i < 4; i++)
        word[i] = block[8 + 2 * i] | (uint64_t)block[9 + 2 * i] << 32;
    forget(state, 16);
    forget(block, 16);
}
