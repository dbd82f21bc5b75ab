/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 for Eva, in the place of core/base/sha256.c: its sums are meant to wrap, which Eva is told to call an alarm. It reads
 * what the real one reads. The real one is compared with another library by test/unit/test_guest_image.c, and run under
 * the sanitizers by test/fuzz/.
 */
#include "base/sha256.h"

void sha256_init(struct sha256 *s)
{
    for (int i = 0; i < 8; i++)
        s->h[i] = 0;
    s->blocks = 0;
}

void sha256_blocks(struct sha256 *s, const uint64_t *word, uint64_t n)
{
    for (uint64_t i = 0; i < n * SHA256_BLOCK_WORDS; i++)
        s->h[i % 8] ^= (uint32_t)word[i];
    s->blocks += n;
}

void sha256_end(struct sha256 *s)
{
    s->blocks++;
}

uint64_t sha256_word(const struct sha256 *s, uint32_t half, uint32_t word)
{
    return s->h[half % 2 * 4 + word % 2 * 2];
}
