/* SPDX-License-Identifier: Apache-2.0 */
#include "dice.h"

#include <bearssl.h>
#include <string.h>

#include "token.h"

#define SCRATCH 1024

/* Labels of the profile's claims; 1 and 2 are CWT's issuer and subject. */
enum {
    ISSUER = 1, SUBJECT = 2, CODE_HASH = -4670545, CONFIG_HASH = -4670547, CONFIG = -4670548, AUTHORITY_HASH = -4670549,
    MODE = -4670551, SUBJECT_KEY = -4670552, KEY_USAGE = -4670553
};
#define CLAIMS 9
#define USAGE_SIGNS_CERTIFICATES 0x20

/* The profile's constants. */
static const uint8_t key_salt[64] = {
    0x63, 0xb6, 0xa0, 0x4d, 0x2c, 0x07, 0x7f, 0xc1, 0x0f, 0x63, 0x9f, 0x21, 0xda, 0x79, 0x38, 0x44,
    0x35, 0x6c, 0xc2, 0xb0, 0xb4, 0x41, 0xb3, 0xa7, 0x71, 0x24, 0x03, 0x5c, 0x03, 0xf8, 0xe1, 0xbe,
    0x60, 0x35, 0xd3, 0x1f, 0x28, 0x28, 0x21, 0xa7, 0x45, 0x0a, 0x02, 0x22, 0x2a, 0xb1, 0xb3, 0xcf,
    0xf1, 0x67, 0x9b, 0x05, 0xab, 0x1c, 0xa5, 0xd1, 0xaf, 0xfb, 0x78, 0x9c, 0xcd, 0x2b, 0x0b, 0x3b
};
static const uint8_t id_salt[64] = {
    0xdb, 0xdb, 0xae, 0xbc, 0x80, 0x20, 0xda, 0x9f, 0xf0, 0xdd, 0x5a, 0x24, 0xc8, 0x3a, 0xa5, 0xa5,
    0x42, 0x86, 0xdf, 0xc2, 0x63, 0x03, 0x1e, 0x32, 0x9b, 0x4d, 0xa1, 0x48, 0x43, 0x06, 0x59, 0xfe,
    0x62, 0xcd, 0xb5, 0xb7, 0xe1, 0xe0, 0x0f, 0xc6, 0x80, 0x30, 0x67, 0x11, 0xeb, 0x44, 0x4a, 0xf7,
    0x72, 0x09, 0x35, 0x94, 0x96, 0xfc, 0xff, 0x1d, 0xb9, 0x52, 0x0b, 0xa5, 0x1c, 0x7b, 0x29, 0xea
};

/* ---- derivations ---- */

static void derive(uint8_t *out, uint32_t out_size, const uint8_t *secret, uint32_t secret_size, const uint8_t salt[64],
                   const char *info)
{
    br_hkdf_context c;

    br_hkdf_init(&c, &br_sha512_vtable, salt, 64);
    br_hkdf_inject(&c, secret, secret_size);
    br_hkdf_flip(&c);
    (void)br_hkdf_produce(&c, info, strlen(info), out, out_size);
}

void dice_hash(const void *data, uint64_t size, uint8_t hash[DICE_HASH])
{
    br_sha512_context c;

    br_sha512_init(&c);
    br_sha512_update(&c, data, size);
    br_sha512_out(&c, hash);
}

void dice_key(struct dice_key *key, const uint8_t secret[DICE_SECRET])
{
    uint8_t seed[DICE_SECRET];
    uint8_t point[1 + DICE_POINT];
    br_hmac_drbg_context drbg;
    br_ec_private_key private;

    derive(seed, sizeof seed, secret, DICE_SECRET, key_salt, "Key Pair");
    br_hmac_drbg_init(&drbg, &br_sha256_vtable, seed, sizeof seed);
    (void)br_ec_keygen(&drbg.vtable, &br_ec_p256_m31, &private, key->private, BR_EC_secp256r1);
    (void)br_ec_compute_pub(&br_ec_p256_m31, 0, point, &private);
    for (uint32_t i = 0; i < DICE_POINT; i++)
        key->public[i] = point[1 + i];
}

/* No authority and nothing hidden: 64 zeros each, as the profile wants it where there is none. */
static void hash_input(const struct dice_input *in, bool all, uint8_t hash[DICE_HASH])
{
    static const uint8_t none[DICE_HASH];
    uint8_t config[DICE_HASH];
    br_sha512_context c;

    br_sha512_init(&c);
    if (all) {
        dice_hash(in->config, in->config_size, config);
        br_sha512_update(&c, in->code, DICE_HASH);
        br_sha512_update(&c, config, DICE_HASH);
    }
    br_sha512_update(&c, none, DICE_HASH);
    br_sha512_update(&c, &in->mode, 1);
    br_sha512_update(&c, none, DICE_HASH);
    br_sha512_out(&c, hash);
}

void dice_next(const struct dice_input *in, const uint8_t attest[DICE_SECRET], const uint8_t seal[DICE_SECRET],
               uint8_t next_attest[DICE_SECRET], uint8_t next_seal[DICE_SECRET])
{
    uint8_t hash[DICE_HASH];

    hash_input(in, true, hash);
    derive(next_attest, DICE_SECRET, attest, DICE_SECRET, hash, "CDI_Attest");
    hash_input(in, false, hash);
    derive(next_seal, DICE_SECRET, seal, DICE_SECRET, hash, "CDI_Seal");
}

/* ---- signatures ---- */

void dice_sign(const struct dice_key *key, const void *data, uint32_t size, uint8_t signature[DICE_SIGNATURE])
{
    uint8_t private[32];
    uint8_t hash[br_sha256_SIZE];
    br_ec_private_key k = { BR_EC_secp256r1, private, sizeof private };
    br_sha256_context c;

    for (uint32_t i = 0; i < sizeof private; i++)
        private[i] = key->private[i];
    br_sha256_init(&c);
    br_sha256_update(&c, data, size);
    br_sha256_out(&c, hash);
    (void)br_ecdsa_i31_sign_raw(&br_ec_p256_m31, &br_sha256_vtable, hash, &k, signature);
}

/* ---- certificates ---- */

/* The name of a key: 20 bytes derived of it, in hexadecimal. */
static void put_name(struct cbor *c, const uint8_t public[DICE_POINT])
{
    uint8_t id[20];
    char text[41];

    derive(id, sizeof id, public, DICE_POINT, id_salt, "ID");
    for (uint32_t i = 0; i < 40; i++)
        text[i] = "0123456789abcdef"[id[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
    text[40] = 0;
    cbor_text(c, text);
}

static void put_hash(struct cbor *c, int64_t label, const void *data, uint32_t size)
{
    uint8_t hash[DICE_HASH];

    dice_hash(data, size, hash);
    cbor_int(c, label);
    cbor_bytes(c, hash, DICE_HASH);
}

static void put_claims(struct cbor *c, const struct dice_input *in, const uint8_t issuer[DICE_POINT],
                       const uint8_t subject[DICE_POINT])
{
    static const uint8_t none[DICE_HASH], usage = USAGE_SIGNS_CERTIFICATES;
    uint8_t buffer[128];
    struct cbor key = { buffer, sizeof buffer, 0 };

    cbor_map(c, CLAIMS);
    cbor_int(c, ISSUER);
    put_name(c, issuer);
    cbor_int(c, SUBJECT);
    put_name(c, subject);
    cbor_int(c, CODE_HASH);
    cbor_bytes(c, in->code, DICE_HASH);
    put_hash(c, CONFIG_HASH, in->config, in->config_size);
    cbor_int(c, CONFIG);
    cbor_bytes(c, in->config, in->config_size);
    cbor_int(c, AUTHORITY_HASH);
    cbor_bytes(c, none, DICE_HASH);
    cbor_int(c, MODE);
    cbor_bytes(c, &in->mode, 1);
    cbor_int(c, SUBJECT_KEY);
    token_put_key(&key, subject);
    cbor_bytes(c, buffer, key.size);
    cbor_int(c, KEY_USAGE);
    cbor_bytes(c, &usage, 1);
}

void dice_put_certificate(struct cbor *c, const struct dice_input *in, const struct dice_key *key,
                          const uint8_t subject[DICE_POINT])
{
    uint8_t claims[SCRATCH];
    uint8_t signed_bytes[SCRATCH + 64];
    uint8_t signature[DICE_SIGNATURE];
    struct cbor payload = { claims, sizeof claims, 0 };
    struct cbor s = { signed_bytes, sizeof signed_bytes, 0 };

    put_claims(&payload, in, key->public, subject);
    token_put_to_sign(&s, claims, payload.size);
    dice_sign(key, signed_bytes, s.size, signature);
    token_put_signed(c, claims, payload.size, signature);
}
