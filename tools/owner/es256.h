/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and signatures of ES256 (ECDSA on P-256 with SHA-256), and hashes, by BearSSL. */
#ifndef CORDON_TOOL_ES256_H
#define CORDON_TOOL_ES256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ES256_KEY 64            /* a public key: x, then y */
#define ES256_SIGNATURE 64      /* r, then s */
#define SHA256_SIZE 32
#define SHA512_SIZE 64

/* A public key in PEM ("PUBLIC KEY"), as openssl writes it. False: it is none of P-256. */
bool es256_read_key(const uint8_t *pem, size_t size, uint8_t key[ES256_KEY]);

/* Whether the signature of a hash is the key's. */
bool es256_holds(const uint8_t key[ES256_KEY], const uint8_t hash[SHA256_SIZE], const uint8_t signature[ES256_SIGNATURE]);

void hash_256(const void *data, size_t size, uint8_t hash[SHA256_SIZE]);
void hash_512(const void *data, size_t size, uint8_t hash[SHA512_SIZE]);

#endif
