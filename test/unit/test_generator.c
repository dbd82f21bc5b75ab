/* SPDX-License-Identifier: Apache-2.0 */
/* The generator of random numbers: the block function against RFC 8439, the key's life, and what is mixed in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/generator.h"

#define CONSTANTS 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574

/* RFC 8439: 2.3.2, and A.1 number 1. */
static void the_block_function_is_chacha20(void **state)
{
    static const struct {
        uint32_t in[16], out[16];
    } vector[] = {
        { { CONSTANTS, 0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c, 0x13121110, 0x17161514, 0x1b1a1918, 0x1f1e1d1c,
            1, 0x09000000, 0x4a000000, 0 },
          { 0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3, 0xc7f4d1c7, 0x0368c033, 0x9aaa2204, 0x4e6cd4c3,
            0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9, 0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2 } },
        { { CONSTANTS },
          { 0xade0b876, 0x903df1a0, 0xe56a5d40, 0x28bd8653, 0xb819d2bd, 0x1aed8da0, 0xccef36a8, 0xc70d778b,
            0x7c5941da, 0x8d485751, 0x3fe02477, 0x374ad8b8, 0xf4b8436a, 0x1ca11815, 0x69b687c3, 0x8665eeb2 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(vector) / sizeof(vector[0]); i++) {
        uint32_t out[16];

        chacha20_block(vector[i].in, out);
        assert_memory_equal(out, vector[i].out, sizeof(out));
    }
}

/* libsodium's stream of a key, nonce and counter of zero, as a draw must take it apart. */
static void half_of_a_block_is_the_next_key_and_half_is_given_away(void **state)
{
    static const uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES];
    struct generator g = { { 1, 2, 3, 4, 5, 6, 7, 0xfffffff8 } };

    (void)state;
    for (int i = 0; i < 100; i++) {
        uint8_t stream[64];
        uint64_t word[GENERATOR_WORDS];

        assert_int_equal(crypto_stream_chacha20_ietf(stream, sizeof(stream), nonce, (const uint8_t *)g.key), 0);
        generator_draw(&g, word);
        assert_memory_equal(g.key, stream, 32);
        assert_memory_equal(word, stream + 32, 32);
    }
}

static void no_output_comes_twice(void **state)
{
    struct generator g = { { 0 } };
    uint64_t word[64][GENERATOR_WORDS];

    (void)state;
    for (int i = 0; i < 64; i++) {
        generator_draw(&g, word[i]);
        for (int k = 0; k < i; k++)
            assert_memory_not_equal(word[i], word[k], sizeof(word[i]));
        assert_memory_not_equal(word[i], g.key, sizeof(word[i]));
    }
}

static void what_is_mixed_in_is_added_to_what_was_there(void **state)
{
    struct generator g = { { 0 } };

    (void)state;
    for (uint64_t i = 0; i < 20; i++) {
        const uint64_t data[GENERATOR_WORDS] = { i, i << 40, ~i, i * UINT64_C(0x123456789abcdef) };
        uint8_t digest[32];
        uint8_t block[64];

        memcpy(block, g.key, 32);
        memcpy(block + 32, data, 32);
        crypto_hash_sha256(digest, block, sizeof(block));
        generator_mix(&g, data);
        for (int k = 0; k < 8; k++)     /* the hash's words are numbers, its bytes the highest first */
            assert_int_equal(g.key[k], (uint32_t)digest[4 * k] << 24 | digest[4 * k + 1] << 16 | digest[4 * k + 2] << 8 | digest[4 * k + 3]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_block_function_is_chacha20),
        cmocka_unit_test(half_of_a_block_is_the_next_key_and_half_is_given_away),
        cmocka_unit_test(no_output_comes_twice),
        cmocka_unit_test(what_is_mixed_in_is_added_to_what_was_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
