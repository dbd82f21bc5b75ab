/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens that the host has made up, read by the owner's command: whatever comes is read without an error of memory, and nothing of it is
 * trusted. Signatures cannot be guessed, so behind them are the claims alone: each input is also taken for the payload of a part.
 */
#include <stddef.h>
#include <stdint.h>

#include "../../tools/owner/verify.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wanted w = { .expect = claims_load(data, size) };
    uint8_t key[ES256_KEY];
    cbor_item_t *claims;

    if (w.expect == NULL)
        return 0;
    if (check(&w, data, size) == NULL)
        __builtin_trap();
    (void)is_expectation(w.expect);
    (void)compare_guest(&w, w.expect);
    (void)check_cordon(&w, w.expect);
    (void)check_chain(&w, w.expect, key);
    claims = claims_signed(w.expect, key, KEY);
    if (claims != NULL)
        cbor_decref(&claims);
    cbor_decref(&w.expect);
    return 0;
}
