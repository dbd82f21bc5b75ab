/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sha256.h"

#include "base/check.h"

const uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static const uint32_t initial[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static inline uint32_t rotate(uint32_t x, uint32_t n)
{
    return x >> n | x << (32 - n);
}

static inline uint32_t swap(uint32_t x)
{
    return x >> 24 | (x >> 8 & 0xff00) | (x << 8 & 0xff0000) | x << 24;
}

void sha256_init(struct sha256 *s)
{
    for (uint32_t i = 0; i < 8; i++)
        s->h[i] = initial[i];
    s->blocks = 0;
}

/* The message schedule's next word, for rounds of 16 and on: w holds the last 16. */
static HOT uint32_t schedule(uint32_t w[16], uint32_t i)
{
    uint32_t a = w[(i + 1) % 16];
    uint32_t b = w[(i + 14) % 16];

    w[i % 16] += (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[(i + 9) % 16] + (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    return w[i % 16];
}

/* The eight working variables turn in place: round i has a where i says. */
static HOT void round_of(uint32_t v[8], uint32_t i, uint32_t constant, uint32_t w)
{
    uint32_t a = v[(64 - i) % 8], b = v[(65 - i) % 8], c = v[(66 - i) % 8];
    uint32_t e = v[(68 - i) % 8], f = v[(69 - i) % 8], g = v[(70 - i) % 8];
    uint32_t t = v[(71 - i) % 8] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + constant + w;

    v[(67 - i) % 8] += t;
    v[(71 - i) % 8] = t + (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
}

/* Sixteen rounds from `first` on, written out: then every place in v and w is known, and is a register. */
static HOT void rounds(uint32_t v[8], uint32_t w[16], uint32_t first)
{
    const uint32_t *constant = &sha256_constants[first];

#define ROUND(i) round_of(v, i, constant[i], first == 0 ? w[i] : schedule(w, i));
    ROUND(0) ROUND(1) ROUND(2) ROUND(3) ROUND(4) ROUND(5) ROUND(6) ROUND(7)
    ROUND(8) ROUND(9) ROUND(10) ROUND(11) ROUND(12) ROUND(13) ROUND(14) ROUND(15)
#undef ROUND
}

static void one_block(struct sha256 *s, const uint64_t *word)
{
    uint32_t w[16];
    uint32_t v[8];

    for (uint32_t i = 0; i < SHA256_BLOCK_WORDS; i++) {
        w[2 * i] = swap((uint32_t)word[i]);
        w[2 * i + 1] = swap((uint32_t)(word[i] >> 32));
    }
    for (uint32_t i = 0; i < 8; i++)
        v[i] = s->h[i];
    rounds(v, w, 0);
    for (uint32_t i = 16; i < 64; i += 16)
        rounds(v, w, i);
    for (uint32_t i = 0; i < 8; i++)
        s->h[i] += v[i];
}

void sha256_blocks(struct sha256 *s, const uint64_t *word, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        one_block(s, word + i * SHA256_BLOCK_WORDS);
    s->blocks += n;
}

void sha256_end(struct sha256 *s)
{
    uint64_t bits = s->blocks * 512;
    uint64_t last[SHA256_BLOCK_WORDS] = { 0x80 };

    last[7] = (uint64_t)swap((uint32_t)bits) << 32 | swap((uint32_t)(bits >> 32));
    sha256_blocks(s, last, 1);
}

uint64_t sha256_word(const struct sha256 *s, uint32_t half, uint32_t word)
{
    uint32_t at = half % 2 * 4 + word % 2 * 2;

    return swap(s->h[at]) | (uint64_t)swap(s->h[at + 1]) << 32;
}
