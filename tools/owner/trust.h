/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a token says what its owner wants to hear, and who says it (docs/ATTESTATION.md). */
#ifndef CORDON_TOOL_TRUST_H
#define CORDON_TOOL_TRUST_H

#include <cbor.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli.h"
#include "es256.h"

#define NONCE_SIZE 64
#define GUEST_KEY_SIZE 32       /* a public key of X25519 */

struct wanted {
    uint8_t key[ES256_KEY];
    uint8_t nonce[NONCE_SIZE];
    uint8_t guest_key[GUEST_KEY_SIZE];      /* which the guest must have put into its measurements, if has_guest_key */
    cbor_item_t *expect;                    /* cbor_decref() is the caller's, unless it is NULL */
    bool has_guest_key;
    bool allow_debug;
    bool allow_restored;
};

/* What stands on the command line; NULL: it does not. */
struct trust_texts {
    const char *key, *nonce, *expect, *guest_key;
};

/* What is wanted, from the command line's texts. CLI_OK, or what is wrong has been said in the command's name. */
enum cli_status trust_read(const char *command, struct wanted *w, const struct trust_texts *texts);

/* NULL, or why the token is not trusted. */
const char *trust_check(const struct wanted *w, const uint8_t *data, size_t size);

/* The token in a file: CLI_OK, it is trusted; CLI_BROKEN, it is not, and why has been printed; or that it cannot be read has been said in the
   command's name. */
enum cli_status trust_token(const char *command, const struct wanted *w, const char *file);

/* A file, or standard input for "-"; free() is the caller's. NULL: it cannot be read, or is too large. */
uint8_t *trust_file(const char *name, size_t *size);

/* CLI_BAD; `which` may be NULL. */
enum cli_status trust_bad(const char *command, const char *what, const char *which);

#endif
