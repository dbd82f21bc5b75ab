/* SPDX-License-Identifier: Apache-2.0 */
#include "es256.h"

#include <bearssl.h>
#include <string.h>

#define DER_SIZE 91

/* SubjectPublicKeyInfo of an uncompressed point on P-256: all that stands before x and y (RFC 5480). */
static const uint8_t der_head[DER_SIZE - ES256_KEY] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04
};

struct der {
    uint8_t data[DER_SIZE];
    size_t size;                /* of what came, even when it is more */
};

static void take(void *to, const void *data, size_t size)
{
    struct der *der = to;

    if (der->size < DER_SIZE)
        memcpy(der->data + der->size, data, size < DER_SIZE - der->size ? size : DER_SIZE - der->size);
    der->size += size;
}

/* What the first object of a PEM file is, decoded. */
static bool read_pem(const uint8_t *pem, size_t size, struct der *der)
{
    br_pem_decoder_context c;
    bool wanted = false;

    br_pem_decoder_init(&c);
    while (size > 0) {
        size_t n = br_pem_decoder_push(&c, pem, size);

        pem += n;
        size -= n;
        switch (br_pem_decoder_event(&c)) {
        case BR_PEM_BEGIN_OBJ:
            wanted = strcmp(br_pem_decoder_name(&c), "PUBLIC KEY") == 0;
            br_pem_decoder_setdest(&c, wanted ? take : NULL, der);
            break;
        case BR_PEM_END_OBJ: return wanted;
        case BR_PEM_ERROR: return false;
        default: break;
        }
    }
    return false;
}

bool es256_read_key(const uint8_t *pem, size_t size, uint8_t key[ES256_KEY])
{
    struct der der = { .size = 0 };

    if (!read_pem(pem, size, &der) || der.size != DER_SIZE || memcmp(der.data, der_head, sizeof der_head) != 0)
        return false;
    memcpy(key, der.data + sizeof der_head, ES256_KEY);
    return true;
}

bool es256_holds(const uint8_t key[ES256_KEY], const uint8_t hash[SHA256_SIZE], const uint8_t signature[ES256_SIGNATURE])
{
    uint8_t point[1 + ES256_KEY] = { 4 };
    br_ec_public_key k = { BR_EC_secp256r1, point, sizeof point };

    memcpy(point + 1, key, ES256_KEY);
    return br_ecdsa_i31_vrfy_raw(&br_ec_p256_m31, hash, SHA256_SIZE, &k, signature, ES256_SIGNATURE) == 1;
}

void hash_256(const void *data, size_t size, uint8_t hash[SHA256_SIZE])
{
    br_sha256_context c;

    br_sha256_init(&c);
    br_sha256_update(&c, data, size);
    br_sha256_out(&c, hash);
}

void hash_512(const void *data, size_t size, uint8_t hash[SHA512_SIZE])
{
    br_sha512_context c;

    br_sha512_init(&c);
    br_sha512_update(&c, data, size);
    br_sha512_out(&c, hash);
}
