/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Open Profile for DICE, as far as one layer needs it: secrets and a signed certificate for what is loaded next. Hashes and
 * derivations with SHA-512, keys and signatures ECDSA on P-256 with SHA-256 (ES256). All cryptography is BearSSL's.
 */
#ifndef CORDON_DICE_H
#define CORDON_DICE_H

#include <stdint.h>

#define DICE_SECRET 32
#define DICE_HASH 64
#define DICE_POINT 64           /* a public key: x, then y */
#define DICE_SIGNATURE 64

enum { DICE_NORMAL = 1, DICE_DEBUG = 2 };

struct dice_key {
    uint8_t private[32];
    uint8_t public[DICE_POINT];
};

/* What the next layer is. */
struct dice_input {
    uint8_t code[DICE_HASH];
    const uint8_t *config;      /* its descriptor, CBOR */
    uint32_t config_size;
    uint8_t mode;
};

/* The pair of keys that comes of a secret. The same secret gives the same pair. */
void dice_key(struct dice_key *key, const uint8_t secret[DICE_SECRET]);

/* The next layer's secrets. */
void dice_next(const struct dice_input *in, const uint8_t attest[DICE_SECRET], const uint8_t seal[DICE_SECRET],
               uint8_t next_attest[DICE_SECRET], uint8_t next_seal[DICE_SECRET]);

/* The certificate (CWT) in which `key` says what the layer with the key `subject` is. */
struct cbor;
void dice_put_certificate(struct cbor *c, const struct dice_input *in, const struct dice_key *key,
                          const uint8_t subject[DICE_POINT]);

/* ES256 over data: r, then s. */
void dice_sign(const struct dice_key *key, const void *data, uint32_t size, uint8_t signature[DICE_SIGNATURE]);

void dice_hash(const void *data, uint64_t size, uint8_t hash[DICE_HASH]);

#endif
