/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper's keys, and tokens by them. All cryptography is BearSSL's, by attest/dice.h; what a token is, attest/token.h has. */
#include "keeper.h"

#include <bearssl.h>

#include "dice.h"

#define CLAIMS_ROOM 640
#define PART_ROOM 768
#define KEY_ROOM 128

static struct dice_key guest_key;
static uint8_t platform_part[PART_ROOM];        /* the same in each token */
static uint32_t platform_size;

/* Claims, signed by a key, to the end of a buffer. */
static void sign(struct cbor *out, const struct cbor *claims, const struct dice_key *key)
{
    uint8_t buffer[CLAIMS_ROOM + 64], signature[DICE_SIGNATURE];
    struct cbor s = { buffer, sizeof buffer, 0 };

    token_put_to_sign(&s, claims->buffer, claims->size);
    if (!cbor_fits(claims) || !cbor_fits(&s))
        leave();
    dice_sign(key, buffer, s.size, signature);
    token_put_signed(out, claims->buffer, claims->size, signature);
}

/* Another one in each boot, where Cordon has random numbers: the platform's part names the one that counts. */
static void make_guest_key(const uint8_t secret[SECRET], const uint8_t random[RANDOM])
{
    static const char what[] = "Cordon: key of guests' parts";
    uint8_t seed[SECRET + RANDOM + sizeof what], hash[DICE_HASH];

    for (uint32_t i = 0; i < SECRET; i++)
        seed[i] = secret[i];
    for (uint32_t i = 0; i < RANDOM; i++)
        seed[SECRET + i] = random[i];
    for (uint32_t i = 0; i < sizeof what; i++)
        seed[SECRET + RANDOM + i] = (uint8_t)what[i];
    dice_hash(seed, sizeof seed, hash);
    dice_key(&guest_key, hash);
    erase(seed, sizeof seed);
    erase(hash, sizeof hash);
}

static void sign_platform(const struct dice_key *key)
{
    uint8_t named[KEY_ROOM], buffer[CLAIMS_ROOM];
    struct cbor name = { named, sizeof named, 0 }, claims = { buffer, sizeof buffer, 0 };
    struct cbor part = { platform_part, sizeof platform_part, 0 };
    struct token_platform p = { .version = CORDON_VERSION };
    br_sha256_context c;

    token_put_key(&name, guest_key.public);
    br_sha256_init(&c);
    br_sha256_update(&c, named, name.size);
    br_sha256_out(&c, p.key_hash);
    token_put_platform(&claims, &p);
    sign(&part, &claims, key);
    platform_size = part.size;
}

void sign_set_up(const uint8_t secret[SECRET], const uint8_t random[RANDOM])
{
    struct dice_key platform_key;

    make_guest_key(secret, random);
    dice_key(&platform_key, secret);
    sign_platform(&platform_key);
    erase(&platform_key, sizeof platform_key);
}

void sign_token(struct cbor *c, struct token_guest *g, uint32_t chain_size)
{
    uint8_t buffer[CLAIMS_ROOM], part[PART_ROOM];
    struct cbor claims = { buffer, sizeof buffer, 0 }, signed_part = { part, sizeof part, 0 };
    struct cbor platform = { platform_part, sizeof platform_part, platform_size };

    for (uint32_t i = 0; i < TOKEN_POINT; i++)
        g->key[i] = guest_key.public[i];
    token_put_guest(&claims, g);
    sign(&signed_part, &claims, &guest_key);
    token_put_head(c, &platform, &signed_part, chain_size);
    if (!cbor_fits(c) || !cbor_fits(&signed_part) || !cbor_fits(&platform))
        leave();
}
