/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token by the project's own code (attest/), on the developer's computer: to standard output. Its secret is 32 times 0x07, Cordon's
 * image 64 times 0x11, the guest's values are bytes that count up from 1, 2, 3, ... as below.
 */
#include <bearssl.h>
#include <stdio.h>
#include <string.h>

#include "dice.h"
#include "token.h"

static void count_up(uint8_t *to, size_t size, uint8_t from)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(from + i);
}

/* Claims, signed by a key, to the end of a buffer. */
static void sign(struct cbor *out, const struct cbor *claims, const struct dice_key *key)
{
    uint8_t buffer[1024], signature[DICE_SIGNATURE];
    struct cbor s = { buffer, sizeof buffer, 0 };

    token_put_to_sign(&s, claims->buffer, claims->size);
    dice_sign(key, buffer, s.size, signature);
    token_put_signed(out, claims->buffer, claims->size, signature);
}

static void make_chain(struct cbor *chain, struct dice_key *cordon)
{
    static const uint8_t config[] = { 0xa1, 0x01, 0x02 };
    struct dice_input in = { .config = config, .config_size = sizeof config, .mode = DICE_NORMAL };
    struct dice_key root;
    uint8_t secret[DICE_SECRET], attest[DICE_SECRET], seal[DICE_SECRET];

    memset(secret, 7, sizeof secret);
    memset(in.code, 0x11, sizeof in.code);
    dice_key(&root, secret);
    dice_next(&in, secret, secret, attest, seal);
    dice_key(cordon, attest);
    cbor_array(chain, 2);
    token_put_key(chain, root.public);
    dice_put_certificate(chain, &in, &root, cordon->public);
}

static void make_guest(struct cbor *part, const struct dice_key *key)
{
    uint8_t buffer[1024];
    struct cbor claims = { buffer, sizeof buffer, 0 };
    struct token_guest g = { .generation = 300, .restored = false };

    count_up(g.nonce, sizeof g.nonce, 1);
    count_up(g.personal, sizeof g.personal, 2);
    count_up(g.measurement, sizeof g.measurement, 3);
    for (unsigned i = 0; i < TOKEN_EXTENDED; i++)
        count_up(g.extended[i], TOKEN_HASH, (uint8_t)(4 + i));
    memcpy(g.key, key->public, sizeof g.key);
    token_put_guest(&claims, &g);
    sign(part, &claims, key);
}

static void make_platform(struct cbor *part, const struct dice_key *cordon, const struct dice_key *key)
{
    uint8_t buffer[1024];
    struct cbor claims = { buffer, sizeof buffer, 0 };
    struct token_platform p = { .version = "0.1.0" };
    br_sha256_context c;

    token_put_key(&claims, key->public);
    br_sha256_init(&c);
    br_sha256_update(&c, buffer, claims.size);
    br_sha256_out(&c, p.key_hash);
    claims.size = 0;
    token_put_platform(&claims, &p);
    sign(part, &claims, cordon);
}

/* A buffer that is too small has nothing behind it touched, and says so. */
static int check_room(const struct cbor *whole)
{
    uint8_t small[16];
    struct cbor c = { small, 8, 0 };

    memset(small, 0xee, sizeof small);
    cbor_bytes(&c, whole->buffer, 7);
    if (!cbor_fits(&c))
        return 1;
    cbor_uint(&c, 1);
    cbor_uint(&c, 2);
    return cbor_fits(&c) || small[8] != 0xee;
}

int main(void)
{
    static uint8_t buffers[4][4096];
    static const uint8_t secret[DICE_SECRET] = "another secret, of the guest's";
    struct cbor chain = { buffers[0], 4096, 0 }, platform = { buffers[1], 4096, 0 }, guest = { buffers[2], 4096, 0 };
    struct cbor all = { buffers[3], 4096, 0 };
    struct dice_key cordon, key;

    make_chain(&chain, &cordon);
    dice_key(&key, secret);
    make_platform(&platform, &cordon, &key);
    make_guest(&guest, &key);
    token_put_all(&all, &chain, &platform, &guest);
    if (!cbor_fits(&all) || check_room(&all))
        return 1;
    return fwrite(all.buffer, 1, all.size, stdout) == all.size ? 0 : 1;
}
