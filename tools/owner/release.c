/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cordon release: a secret, sealed to the key of a guest whose token is trusted. What is written can go over any channel: only who
 * has the guest's private key can open it (libsodium's sealed box: X25519, XSalsa20-Poly1305, with a key of its own each time).
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "trust.h"

#define MOST_SECRET 0x1000

static const char help[] =
    "usage: cordon release TOKEN --key FILE --nonce HEX --expect FILE --guest-key HEX --secret FILE --output FILE [OPTION...]\n"
    "\n"
    "Seals a secret to a guest's key, if the guest's token is trusted and names that key: docs/ATTESTATION.md.\n"
    "\n"
    "  --guest-key HEX   the 32 bytes that the guest says are its key, as 64 digits\n"
    "  --secret FILE     what the guest is to have, 4096 bytes at most\n"
    "  --output FILE     what only this guest can open\n"
    "  --key, --nonce, --expect, --allow-debug, --allow-restored: as 'cordon verify --help' has them\n"
    "\n"
    "Exit status: 0 sealed; 1 not trusted, the first reason is printed, and nothing is written; 2 a wrong command line, or a file\n"
    "that cannot be read or written.\n";

static enum cli_status write_all(const char *name, const uint8_t *data, size_t size)
{
    FILE *file = fopen(name, "wb");
    bool good = file && fwrite(data, 1, size, file) == size;

    if (file)
        good = fclose(file) == 0 && good;
    return good ? CLI_OK : trust_bad("release", "cannot write", name);
}

static enum cli_status seal(const uint8_t *key, const char *secret, const char *output)
{
    uint8_t sealed[MOST_SECRET + crypto_box_SEALBYTES];
    size_t size = 0;
    uint8_t *data = trust_file(secret, &size);
    bool good = data != NULL && size > 0 && size <= MOST_SECRET && sodium_init() >= 0 && crypto_box_seal(sealed, data, size, key) == 0;

    if (data != NULL)
        sodium_memzero(data, size);
    free(data);
    if (!good)
        return trust_bad("release", "no secret of 1 to 4096 bytes can be read from, or the guest's key is none:", secret);
    return write_all(output, sealed, size + crypto_box_SEALBYTES);
}

enum cli_status cmd_release(int argc, char **argv)
{
    struct wanted w = { .expect = NULL };
    struct trust_texts texts = { .key = NULL };
    const char *file, *secret = NULL, *output = NULL;
    enum cli_status status;
    const struct cli_option options[] = {
        { "--key", NULL, &texts.key }, { "--nonce", NULL, &texts.nonce }, { "--expect", NULL, &texts.expect },
        { "--guest-key", NULL, &texts.guest_key }, { "--secret", NULL, &secret }, { "--output", NULL, &output },
        { "--allow-debug", &w.allow_debug, NULL }, { "--allow-restored", &w.allow_restored, NULL }, { NULL, NULL, NULL },
    };

    if (!cli_parse(argc, argv, help, options, &file, &status))
        return status;
    if (texts.guest_key == NULL || secret == NULL || output == NULL)
        return trust_bad("release", "--guest-key, --secret and --output have to be given; --help has them", NULL);
    status = trust_read("release", &w, &texts);
    if (status == CLI_OK)
        status = trust_token("release", &w, file);
    if (status == CLI_OK)
        status = seal(w.guest_key, secret, output);
    if (w.expect != NULL)
        cbor_decref(&w.expect);
    return status;
}
