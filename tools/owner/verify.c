/* SPDX-License-Identifier: Apache-2.0 */
/* cordon verify: says whether a token is trusted. */
#include <stdio.h>

#include "trust.h"

static const char help[] =
    "usage: cordon verify TOKEN --key FILE --nonce HEX --expect FILE [OPTION...]\n"
    "\n"
    "Says whether an attestation token can be trusted: docs/ATTESTATION.md.\n"
    "\n"
    "  --key FILE        the platform's public key, in PEM: the first of the chain of certificates\n"
    "  --nonce HEX       the 64 bytes that the guest was sent, as 128 digits; never the same twice\n"
    "  --expect FILE     what the guest and Cordon must be, as 'cordon measure --write' makes it\n"
    "  --guest-key HEX   the 32 bytes that the guest says are its key, as 64 digits: the guest must have measured it\n"
    "  --allow-debug     trust a platform that says it can be debugged: for tests alone\n"
    "  --allow-restored  trust a guest that goes on from a snapshot\n"
    "\n"
    "Exit status: 0 trusted; 1 not, and the first reason is printed; 2 a wrong command line, or a file that cannot be read.\n";

static enum cli_status verify(const struct wanted *w, const char *file)
{
    enum cli_status status = trust_token("verify", w, file);

    if (status == CLI_OK)
        puts("trusted");
    return status;
}

enum cli_status cmd_verify(int argc, char **argv)
{
    struct wanted w = { .expect = NULL };
    struct trust_texts texts = { .key = NULL };
    const char *file;
    enum cli_status status;
    const struct cli_option options[] = {
        { "--key", NULL, &texts.key }, { "--nonce", NULL, &texts.nonce }, { "--expect", NULL, &texts.expect },
        { "--guest-key", NULL, &texts.guest_key }, { "--allow-debug", &w.allow_debug, NULL },
        { "--allow-restored", &w.allow_restored, NULL }, { NULL, NULL, NULL },
    };

    if (!cli_parse(argc, argv, help, options, &file, &status))
        return status;
    status = trust_read("verify", &w, &texts);
    if (status == CLI_OK)
        status = verify(&w, file);
    if (w.expect != NULL)
        cbor_decref(&w.expect);
    return status;
}
