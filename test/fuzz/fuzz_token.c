/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens that the host has made up, read by the owner's command: whatever comes is read without an error of memory, and nothing
 * of it is trusted. Nobody guesses signatures, so what lies behind them is tried with the input itself: as claims, as a chain,
 * as a part.
 */
#include <stddef.h>
#include <stdint.h>

#include "../../tools/owner/trust.c"

/* {1: 32 bytes, 2: 64 bytes}, all zero. */
static cbor_item_t *expectation(void)
{
    static uint8_t data[3 * 2 + 1 + SHA256_SIZE + SHA512_SIZE] = { 0xa2, EXPECT_MEASUREMENT, 0x58, SHA256_SIZE };

    data[4 + SHA256_SIZE] = EXPECT_CODE;
    data[5 + SHA256_SIZE] = 0x58;
    data[6 + SHA256_SIZE] = SHA512_SIZE;
    return claims_load(data, sizeof data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wanted w = { .expect = expectation() };
    cbor_item_t *item = claims_load(data, size);
    uint8_t key[ES256_KEY], hash[SHA256_SIZE] = { 0 };

    if (w.expect == NULL || !is_expectation(w.expect) || trust_check(&w, data, size) == NULL)
        __builtin_trap();
    if (item != NULL) {
        (void)is_expectation(item);
        (void)compare_guest(&w, item);
        (void)check_cordon(&w, item);
        (void)check_chain(&w, item, key);
        (void)check_guest(&w, item, hash);
        cbor_decref(&item);
    }
    cbor_decref(&w.expect);
    return 0;
}
