/* SPDX-License-Identifier: Apache-2.0 */
#include "token.h"

#include "cose.h"

/* Of EAT (RFC 9711), of the Arm CCA token where it has the same, and below -75000 our own. */
enum {
    NONCE = 10, PROFILE = 265,
    PERSONAL = 44235, HASH_ALGORITHM = 44236, KEY = 44237, MEASUREMENT = 44238, EXTENDED = 44239, KEY_HASH_ALGORITHM = 44240,
    VERSION = -75001, GENERATION = -75002, RESTORED = -75003,
    PLATFORM_PART = 44234, GUEST_PART = 44241, CHAIN_PART = -75000
};
#define COLLECTION_TAG 399
#define GUEST_CLAIMS 10
#define PLATFORM_CLAIMS 3

void token_put_key(struct cbor *c, const uint8_t key[TOKEN_POINT])
{
    cbor_map(c, 5);
    cbor_int(c, 1);             /* kty: EC2 */
    cbor_int(c, 2);
    cbor_int(c, 3);             /* alg: ES256 */
    cbor_int(c, -7);
    cbor_int(c, -1);            /* crv: P-256 */
    cbor_int(c, 1);
    cbor_int(c, -2);
    cbor_bytes(c, key, TOKEN_POINT / 2);
    cbor_int(c, -3);
    cbor_bytes(c, key + TOKEN_POINT / 2, TOKEN_POINT / 2);
}

static void put_bytes(struct cbor *c, int64_t label, const void *data, uint32_t size)
{
    cbor_int(c, label);
    cbor_bytes(c, data, size);
}

static void put_text(struct cbor *c, int64_t label, const char *text)
{
    cbor_int(c, label);
    cbor_text(c, text);
}

void token_put_guest(struct cbor *c, const struct token_guest *g)
{
    uint8_t buffer[128];
    struct cbor key = { buffer, sizeof buffer, 0 };

    token_put_key(&key, g->key);
    cbor_map(c, GUEST_CLAIMS);
    put_bytes(c, NONCE, g->nonce, TOKEN_NONCE);
    put_text(c, PROFILE, "tag:cordon.invalid,2026:guest#1");
    put_bytes(c, PERSONAL, g->personal, TOKEN_PERSONAL);
    put_text(c, HASH_ALGORITHM, "sha-256");
    put_bytes(c, KEY, buffer, key.size);
    put_bytes(c, MEASUREMENT, g->measurement, TOKEN_HASH);
    cbor_int(c, EXTENDED);
    cbor_array(c, TOKEN_EXTENDED);
    for (uint32_t i = 0; i < TOKEN_EXTENDED; i++)
        cbor_bytes(c, g->extended[i], TOKEN_HASH);
    put_text(c, KEY_HASH_ALGORITHM, "sha-256");
    cbor_int(c, GENERATION);
    cbor_uint(c, g->generation);
    cbor_int(c, RESTORED);
    cbor_bool(c, g->restored);
}

void token_put_platform(struct cbor *c, const struct token_platform *p)
{
    cbor_map(c, PLATFORM_CLAIMS);
    put_bytes(c, NONCE, p->key_hash, TOKEN_HASH);
    put_text(c, PROFILE, "tag:cordon.invalid,2026:platform#1");
    put_text(c, VERSION, p->version);
}

void token_put_to_sign(struct cbor *c, const uint8_t *claims, uint32_t size)
{
    cbor_array(c, 4);
    cbor_text(c, COSE_SIGN1);
    cbor_bytes(c, cose_protected, sizeof cose_protected);
    cbor_bytes(c, cose_protected, 0);
    cbor_bytes(c, claims, size);
}

void token_put_signed(struct cbor *c, const uint8_t *claims, uint32_t size, const uint8_t signature[TOKEN_SIGNATURE])
{
    cbor_array(c, 4);
    cbor_bytes(c, cose_protected, sizeof cose_protected);
    cbor_map(c, 0);
    cbor_bytes(c, claims, size);
    cbor_bytes(c, signature, TOKEN_SIGNATURE);
}

void token_put_head(struct cbor *c, const struct cbor *platform, const struct cbor *guest, uint32_t chain_size)
{
    cbor_tag(c, COLLECTION_TAG);
    cbor_map(c, 3);
    put_bytes(c, PLATFORM_PART, platform->buffer, platform->size);
    put_bytes(c, GUEST_PART, guest->buffer, guest->size);
    cbor_int(c, CHAIN_PART);
    cbor_bytes_of(c, chain_size);
}

void token_put_all(struct cbor *c, const struct cbor *chain, const struct cbor *platform, const struct cbor *guest)
{
    token_put_head(c, platform, guest, chain->size);
    cbor_raw(c, chain->buffer, chain->size);
}
