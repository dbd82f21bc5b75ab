/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper: a bare guest with one vCPU that signs tokens for the other guests of its machine, and derives their keys
 * (docs/ATTESTATION.md). It asks Cordon for the secrets that all of it comes from, then for guests that wait, and writes the answer. It reads nothing else than
 * Cordon's answers.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "token.h"

#define SECRET 32
#define RANDOM 24

/* ---- head.S ---- */

struct call {
    uint64_t x[18];             /* in and out */
};

/* HVC #0 with these registers. */
void call(struct call *c);

/* ---- device.c ---- */

/* On the serial port: the host's to read. */
void say(const char *text);
/* Some milliseconds, without the CPU. */
void wait_set_up(void);
void wait(void);
/* The machine is switched off. */
_Noreturn void leave(void);

/* ---- sign.c ---- */

/* The keys: of the platform's part by the secret alone, of the guests' by both. */
void sign_set_up(const uint8_t secret[SECRET], const uint8_t random[RANDOM]);

/* The token for a guest up to where the chain begins, of which chain_size bytes end it. g->key is filled in. */
void sign_token(struct cbor *c, struct token_guest *g, uint32_t chain_size);

/* ---- seal.c ---- */

/* What keys come from: of each kind another. */
void seal_set_up(const uint8_t attest[SECRET], const uint8_t seal[SECRET]);

/* The key for a guest with this measurement and personalisation value, which the first 32 bytes of g->nonce tell from its others.
 * False: no such kind. */
bool seal_key(uint8_t key[SECRET], const struct token_guest *g, uint64_t kind);

/* Writes zeros, which the compiler does not leave out. */
static inline void erase(void *at, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        ((volatile uint8_t *)at)[i] = 0;
}

#endif
