/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper, in order: its secret, its keys, and from then on one guest after the other. */
#include "keeper.h"

#include <string.h>

#include "cordon/abi.h"
#include "cordon/status.h"

#define TRNG_RND64 0xc4000053u

static uint32_t chain_size;

/* ---- what it begins with ---- */

static uint64_t begin(uint8_t attest[SECRET], uint8_t seal[SECRET])
{
    struct call c = { { CORDON_KEEPER_BEGIN } };
    uint64_t status;

    call(&c);
    status = c.x[0];
    if (status == CORDON_OK) {
        memcpy(attest, &c.x[1], SECRET);
        memcpy(seal, &c.x[5], SECRET);
        chain_size = (uint32_t)c.x[9];
    }
    erase(&c, sizeof c);
    return status;
}

/* Zeros where Cordon has none: then the key of guests' parts is the same in each boot. */
static void draw(uint8_t random[RANDOM])
{
    struct call c = { { TRNG_RND64, 8 * RANDOM } };

    call(&c);
    memset(random, 0, RANDOM);
    if (c.x[0] == 0)
        memcpy(random, &c.x[1], RANDOM);
    erase(&c, sizeof c);
}

static bool set_up(void)
{
    uint8_t attest[SECRET], seal[SECRET], random[RANDOM];
    uint64_t status = begin(attest, seal);

    if (status == CORDON_BUSY)
        say("keeper: this machine has another keeper\r\n");
    else if (status != CORDON_OK)
        say("keeper: no root of trust was handed over to Cordon, or it was built with another keeper\r\n");
    if (status != CORDON_OK)
        return false;
    draw(random);
    sign_set_up(attest, random);
    seal_set_up(attest, seal);
    erase(attest, sizeof attest);
    erase(seal, sizeof seal);
    erase(random, sizeof random);
    return true;
}

/* ---- guests ---- */

/* A part of what is to be said of it: words, whose bytes are in the order of memory. */
static bool read_part(uint64_t guest, uint64_t request, uint64_t part, uint8_t to[128])
{
    struct call c = { { CORDON_KEEPER_READ, guest, request, part } };

    call(&c);
    memcpy(to, &c.x[1], 128);
    return c.x[0] == CORDON_OK;
}

static bool read_all(uint64_t guest, uint64_t request, struct token_guest *g, uint64_t *wants)
{
    uint8_t first[128], own[128], last[128];

    if (!read_part(guest, request, 0, first) || !read_part(guest, request, 1, own) || !read_part(guest, request, 2, last))
        return false;
    memcpy(g->nonce, first, TOKEN_NONCE);
    memcpy(g->personal, first + TOKEN_NONCE, TOKEN_PERSONAL);
    memcpy(g->extended, own, sizeof g->extended);
    memcpy(g->measurement, last, TOKEN_HASH);
    memcpy(&g->generation, last + TOKEN_HASH, 8);
    g->restored = last[TOKEN_HASH + 8] != 0;
    memcpy(wants, last + TOKEN_HASH + 16, 8);
    return true;
}

/* It may have gone, or asked for another answer: then this one is of no use to anybody. */
static void write_all(uint64_t guest, uint64_t request, const uint8_t *data, uint32_t size)
{
    for (uint32_t at = 0; at < size; at += CORDON_TOKEN_PIECE) {
        struct call c = { { CORDON_KEEPER_WRITE, guest, request, at, size } };

        memcpy(&c.x[5], data + at, CORDON_TOKEN_PIECE);
        call(&c);
        if (c.x[0] != CORDON_OK)
            return;
    }
}

static void serve(uint64_t guest, uint64_t request)
{
    static uint8_t buffer[CORDON_TOKEN_MOST];       /* whole pieces */
    struct cbor token = { buffer, sizeof buffer, 0 };
    struct token_guest g;
    uint64_t wants;

    if (!read_all(guest, request, &g, &wants))
        return;
    memset(buffer, 0, sizeof buffer);
    if (wants == CORDON_WANTS_TOKEN)
        sign_token(&token, &g, chain_size);
    else if (seal_key(buffer, &g, wants - CORDON_WANTS_KEY))
        token.size = SECRET;
    write_all(guest, request, buffer, token.size);
    erase(buffer, sizeof buffer);
}

void keeper(void);
void keeper(void)
{
    uint64_t place = 0;

    if (!set_up())
        return;
    wait_set_up();
    say("keeper: signs tokens\r\n");
    for (;;) {
        struct call c = { { CORDON_KEEPER_NEXT, place } };

        call(&c);
        if (c.x[0] == CORDON_OK)
            serve(c.x[2], c.x[3]);
        else if (c.x[0] != CORDON_AGAIN)
            return;
        place = c.x[1];
        if (place == 0)
            wait();
    }
}
