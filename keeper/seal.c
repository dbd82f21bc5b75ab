/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that guests seal their secrets with: HKDF with SHA-512 (BearSSL's). docs/ATTESTATION.md says what they are bound to. */
#include "keeper.h"

#include <bearssl.h>

#define KINDS 2

static uint8_t root_of[KINDS][SECRET];

static void derive(uint8_t out[SECRET], const uint8_t secret[SECRET], const void *salt, uint32_t salt_size, const void *info,
                   uint32_t info_size)
{
    br_hkdf_context c;

    br_hkdf_init(&c, &br_sha512_vtable, salt, salt_size);
    br_hkdf_inject(&c, secret, SECRET);
    br_hkdf_flip(&c);
    (void)br_hkdf_produce(&c, info, info_size, out, SECRET);
    erase(&c, sizeof c);
}

/* The secrets themselves are not kept. */
void seal_set_up(const uint8_t attest[SECRET], const uint8_t seal[SECRET])
{
    static const char what[] = "Cordon: keys of guests";

    derive(root_of[0], attest, what, sizeof what - 1, what, 0);
    derive(root_of[1], seal, what, sizeof what - 1, what, 0);
}

bool seal_key(uint8_t key[SECRET], const struct token_guest *g, uint64_t kind)
{
    uint8_t info[TOKEN_HASH + TOKEN_PERSONAL];

    if (kind >= KINDS)
        return false;
    for (uint32_t i = 0; i < TOKEN_HASH; i++)
        info[i] = g->measurement[i];
    for (uint32_t i = 0; i < TOKEN_PERSONAL; i++)
        info[TOKEN_HASH + i] = g->personal[i];
    derive(key, root_of[kind], g->nonce, SECRET, info, sizeof info);
    return true;
}
