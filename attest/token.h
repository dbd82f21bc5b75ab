/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token that an owner checks (docs/ATTESTATION.md), as CBOR: what is in its two parts, what is signed of each, and all of it
 * together. Whoever calls has the keys. Needs no machine.
 */
#ifndef CORDON_TOKEN_H
#define CORDON_TOKEN_H

#include "cbor.h"

#define TOKEN_HASH 32
#define TOKEN_NONCE 64
#define TOKEN_PERSONAL 64
#define TOKEN_EXTENDED 4
#define TOKEN_POINT 64          /* a public key: x, then y */
#define TOKEN_SIGNATURE 64

/* What Cordon says of a guest. */
struct token_guest {
    uint8_t nonce[TOKEN_NONCE];
    uint8_t personal[TOKEN_PERSONAL];
    uint8_t measurement[TOKEN_HASH];
    uint8_t extended[TOKEN_EXTENDED][TOKEN_HASH];
    uint8_t key[TOKEN_POINT];   /* that signs this part */
    uint64_t generation;
    bool restored;
};

/* What Cordon says of itself, beside its certificate. */
struct token_platform {
    const char *version;
    uint8_t key_hash[TOKEN_HASH];       /* SHA-256 of the guest part's key, as token_put_key() writes it */
};

/* A key as COSE_Key. */
void token_put_key(struct cbor *c, const uint8_t key[TOKEN_POINT]);

/* The claims of each part. */
void token_put_guest(struct cbor *c, const struct token_guest *g);
void token_put_platform(struct cbor *c, const struct token_platform *p);

/* What ES256 is computed over, and the part that comes of it (COSE_Sign1). */
void token_put_to_sign(struct cbor *c, const uint8_t *claims, uint32_t size);
void token_put_signed(struct cbor *c, const uint8_t *claims, uint32_t size, const uint8_t signature[TOKEN_SIGNATURE]);

/* The token up to where the chain begins, of which chain_size bytes end it; and all of it, from what each buffer has. */
void token_put_head(struct cbor *c, const struct cbor *platform, const struct cbor *guest, uint32_t chain_size);
void token_put_all(struct cbor *c, const struct cbor *chain, const struct cbor *platform, const struct cbor *guest);

#endif
