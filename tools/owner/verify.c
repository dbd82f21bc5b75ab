/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cordon verify: whether a token says what its owner wants to hear, and who says it (docs/ATTESTATION.md). Each step has a reason
 * of its own for a token that is not trusted; the first one is told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claims.h"
#include "cli.h"
#include "es256.h"
#include "expect.h"

#define FILE_LIMIT 0x100000
#define NONCE_SIZE 64
#define PERSONAL_SIZE 64
#define EXTENDED 4
#define MOST_CERTIFICATES 8

/* Labels: attest/token.c and attest/dice.c write them. */
enum {
    NONCE = 10, PROFILE = 265, PERSONAL = 44235, HASH_ALGORITHM = 44236, KEY = 44237, MEASUREMENT = 44238,
    EXTENDED_MEASUREMENTS = 44239, KEY_HASH_ALGORITHM = 44240, VERSION = -75001, GENERATION = -75002, RESTORED = -75003,
    PLATFORM_PART = 44234, GUEST_PART = 44241, CHAIN_PART = -75000
};
enum { CODE_HASH = -4670545, CONFIG_HASH = -4670547, CONFIG = -4670548, MODE = -4670551, SUBJECT_KEY = -4670552 };
#define COLLECTION_TAG 399
#define GUEST_CLAIMS 10
#define PLATFORM_CLAIMS 3
#define CERTIFICATE_CLAIMS 9
#define MODE_NORMAL 1

static const char help[] =
    "usage: cordon verify TOKEN --key FILE --nonce HEX --expect FILE [--allow-debug] [--allow-restored]\n"
    "\n"
    "Says whether an attestation token can be trusted: docs/ATTESTATION.md.\n"
    "\n"
    "  --key FILE        the platform's public key, in PEM: the first of the chain of certificates\n"
    "  --nonce HEX       the 64 bytes that the guest was sent, as 128 digits; never the same twice\n"
    "  --expect FILE     what the guest and Cordon must be, as 'cordon measure --write' makes it\n"
    "  --allow-debug     trust a platform that says it can be debugged: for tests alone\n"
    "  --allow-restored  trust a guest that goes on from a snapshot\n"
    "\n"
    "Exit status: 0 trusted; 1 not, and the first reason is printed; 2 a wrong command line, or a file that cannot be read.\n";

struct wanted {
    uint8_t key[ES256_KEY];
    uint8_t nonce[NONCE_SIZE];
    cbor_item_t *expect;
    bool allow_debug;
    bool allow_restored;
};

/* ---- the chain ---- */

/* A certificate; the key becomes its subject's. NULL or why not. The last one is Cordon's own: *claims stays for the caller. */
static const char *check_certificate(const struct wanted *w, const cbor_item_t *certificate, uint8_t key[ES256_KEY],
                                     cbor_item_t **claims)
{
    const uint8_t *mode;
    const cbor_item_t *item;
    cbor_item_t *subject = NULL;
    bool good;

    *claims = claims_signed(certificate, key, 0);
    if (*claims == NULL)
        return "a certificate of the chain is not signed by the key before it";
    item = claims_at(*claims, SUBJECT_KEY);
    if (claims_bytes(item, 0) != NULL)
        subject = claims_load(claims_bytes(item, 0), cbor_bytestring_length(item));
    good = claims_are(*claims, CERTIFICATE_CLAIMS) && claims_key(subject, key);
    if (subject != NULL)
        cbor_decref(&subject);
    mode = claims_bytes(claims_at(*claims, MODE), 1);
    if (!good || mode == NULL)
        return "a certificate of the chain is not of this profile";
    if (*mode != MODE_NORMAL && !w->allow_debug)
        return "the platform says that it can be debugged, or is not set up: its secrets may be known to anybody";
    return NULL;
}

static const char *check_cordon(const struct wanted *w, const cbor_item_t *claims)
{
    const cbor_item_t *config = claims_at(claims, CONFIG);
    const uint8_t *wanted_config = claims_bytes(claims_at(w->expect, EXPECT_CONFIG), SHA512_SIZE);
    uint8_t hash[SHA512_SIZE];

    if (!claims_has_bytes(claims, CODE_HASH, claims_bytes(claims_at(w->expect, EXPECT_CODE), 0), SHA512_SIZE))
        return "Cordon's image is another one than expected";
    if (claims_bytes(config, 0) == NULL)
        return "a certificate of the chain is not of this profile";
    hash_512(claims_bytes(config, 0), cbor_bytestring_length(config), hash);
    if (!claims_has_bytes(claims, CONFIG_HASH, hash, sizeof hash))
        return "the configuration in the certificate is not the one that is signed";
    if (wanted_config != NULL && memcmp(hash, wanted_config, sizeof hash) != 0)
        return "Cordon's configuration is another one than expected";
    return NULL;
}

/* From the platform's key to Cordon's, which *key becomes. */
static const char *check_chain(const struct wanted *w, const cbor_item_t *chain, uint8_t key[ES256_KEY])
{
    const char *why = NULL;

    if (chain == NULL || !cbor_isa_array(chain) || !cbor_array_is_definite(chain) || cbor_array_size(chain) < 2 ||
        cbor_array_size(chain) > 1 + MOST_CERTIFICATES || !claims_key(cbor_array_handle(chain)[0], key))
        return "the chain of certificates is not of this profile";
    if (memcmp(key, w->key, ES256_KEY) != 0)
        return "the chain of certificates begins with another platform's key";
    for (size_t i = 1; i < cbor_array_size(chain) && why == NULL; i++) {
        cbor_item_t *claims;

        why = check_certificate(w, cbor_array_handle(chain)[i], key, &claims);
        if (why == NULL && i == cbor_array_size(chain) - 1)
            why = check_cordon(w, claims);
        if (claims != NULL)
            cbor_decref(&claims);
    }
    return why;
}

/* ---- the two parts ---- */

/* What is in a string of bytes of the token. */
static cbor_item_t *part(const cbor_item_t *token, int64_t label)
{
    const cbor_item_t *item = claims_at(token, label);

    return claims_bytes(item, 0) == NULL ? NULL : claims_load(claims_bytes(item, 0), cbor_bytestring_length(item));
}

/* Signed by Cordon's key: whose signature the other part has. */
static const char *check_platform(const cbor_item_t *sign1, uint8_t key[ES256_KEY], uint8_t key_hash[SHA256_SIZE])
{
    const char *why = NULL;
    cbor_item_t *claims = claims_signed(sign1, key, 0);
    const uint8_t *hash;

    if (claims == NULL)
        return "the platform's part is not signed by the key that the chain ends with";
    hash = claims_bytes(claims_at(claims, NONCE), SHA256_SIZE);
    if (!claims_are(claims, PLATFORM_CLAIMS) || !claims_has_text(claims, PROFILE, "tag:cordon.invalid,2026:platform#1") ||
        claims_at(claims, VERSION) == NULL || hash == NULL)
        why = "the platform's part is not of this profile";
    else
        memcpy(key_hash, hash, SHA256_SIZE);
    cbor_decref(&claims);
    return why;
}

static bool is_extended_as(const cbor_item_t *is, const cbor_item_t *wanted)
{
    if (is == NULL || !cbor_isa_array(is) || cbor_array_size(is) != EXTENDED || wanted == NULL || !cbor_isa_array(wanted) ||
        cbor_array_size(wanted) != EXTENDED)
        return false;
    for (size_t i = 0; i < EXTENDED; i++) {
        const uint8_t *a = claims_bytes(cbor_array_handle(is)[i], SHA256_SIZE);
        const uint8_t *b = claims_bytes(cbor_array_handle(wanted)[i], SHA256_SIZE);

        if (a == NULL || b == NULL || memcmp(a, b, SHA256_SIZE) != 0)
            return false;
    }
    return true;
}

static bool is_guest_profile(const cbor_item_t *claims)
{
    const cbor_item_t *extended = claims_at(claims, EXTENDED_MEASUREMENTS);
    uint64_t generation;
    bool restored;

    return claims_are(claims, GUEST_CLAIMS) && claims_has_text(claims, PROFILE, "tag:cordon.invalid,2026:guest#1") &&
           claims_has_text(claims, HASH_ALGORITHM, "sha-256") && claims_has_text(claims, KEY_HASH_ALGORITHM, "sha-256") &&
           claims_bytes(claims_at(claims, PERSONAL), PERSONAL_SIZE) != NULL && claims_uint(claims, GENERATION, &generation) &&
           is_extended_as(extended, extended) && claims_bool(claims, RESTORED, &restored);
}

static const char *compare_guest(const struct wanted *w, const cbor_item_t *claims)
{
    const uint8_t *personal = claims_bytes(claims_at(w->expect, EXPECT_PERSONAL), PERSONAL_SIZE);
    const cbor_item_t *extended = claims_at(w->expect, EXPECT_EXTENDED);
    bool restored;

    if (!is_guest_profile(claims))
        return "the guest's part is not of this profile";
    if (!claims_has_bytes(claims, NONCE, w->nonce, NONCE_SIZE))
        return "the nonce is another one: the token is for somebody else, or from another time";
    if (!claims_has_bytes(claims, MEASUREMENT, claims_bytes(claims_at(w->expect, EXPECT_MEASUREMENT), 0), SHA256_SIZE))
        return "the guest's measurement is another one than expected";
    if (personal != NULL && !claims_has_bytes(claims, PERSONAL, personal, PERSONAL_SIZE))
        return "the personalisation value is another one than expected";
    if (extended != NULL && !is_extended_as(claims_at(claims, EXTENDED_MEASUREMENTS), extended))
        return "the guest's own measurements are others than expected";
    if (claims_bool(claims, RESTORED, &restored) && restored && !w->allow_restored)
        return "the guest goes on from a snapshot";
    return NULL;
}

/* Signed by a key of its own, which the platform's part names. */
static const char *check_guest(const struct wanted *w, const cbor_item_t *sign1, const uint8_t key_hash[SHA256_SIZE])
{
    uint8_t key[ES256_KEY], hash[SHA256_SIZE];
    const char *why;
    cbor_item_t *claims = claims_signed(sign1, key, KEY);
    const cbor_item_t *own;

    if (claims == NULL)
        return "the guest's part is not signed by the key that it names";
    own = claims_at(claims, KEY);
    hash_256(claims_bytes(own, 0), cbor_bytestring_length(own), hash);
    if (memcmp(hash, key_hash, sizeof hash) != 0)
        why = "the guest's part is signed by another key than the platform's part names";
    else
        why = compare_guest(w, claims);
    cbor_decref(&claims);
    return why;
}

/* ---- all of it ---- */

static void forget(cbor_item_t *item)
{
    if (item != NULL)
        cbor_decref(&item);
}

/* NULL, or why the token is not trusted. */
static const char *check_token(const struct wanted *w, const cbor_item_t *token)
{
    uint8_t key[ES256_KEY], key_hash[SHA256_SIZE];
    cbor_item_t *chain = part(token, CHAIN_PART), *platform = part(token, PLATFORM_PART), *guest = part(token, GUEST_PART);
    const char *why = "it is no token of this profile";

    if (claims_are(token, 3) && chain != NULL && platform != NULL && guest != NULL) {
        why = check_chain(w, chain, key);
        if (why == NULL)
            why = check_platform(platform, key, key_hash);
        if (why == NULL)
            why = check_guest(w, guest, key_hash);
    }
    forget(chain);
    forget(platform);
    forget(guest);
    return why;
}

static const char *check(const struct wanted *w, const uint8_t *data, size_t size)
{
    cbor_item_t *all = claims_load(data, size);
    cbor_item_t *token = NULL;
    const char *why;

    if (all != NULL && cbor_isa_tag(all) && cbor_tag_value(all) == COLLECTION_TAG)
        token = cbor_tag_item(all);
    why = token == NULL ? "it is no token of this profile" : check_token(w, token);
    if (token != NULL)
        cbor_decref(&token);
    if (all != NULL)
        cbor_decref(&all);
    return why;
}

/* ---- the command line ---- */

static enum cli_status bad(const char *what, const char *which)
{
    fprintf(stderr, "cordon verify: %s%s%s\n", what, which ? " " : "", which ? which : "");
    return CLI_BAD;
}

/* NULL: it cannot be read, or is too large. */
static uint8_t *read_file(const char *name, size_t *size)
{
    FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
    uint8_t *data = file ? malloc(FILE_LIMIT) : NULL;
    bool good;

    if (data == NULL)
        return NULL;
    *size = fread(data, 1, FILE_LIMIT, file);
    good = !ferror(file) && *size < FILE_LIMIT;
    if (file != stdin)
        fclose(file);
    if (good)
        return data;
    free(data);
    return NULL;
}

static bool read_nonce(const char *text, uint8_t nonce[NONCE_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    if (text == NULL || strlen(text) != 2 * NONCE_SIZE)
        return false;
    for (size_t i = 0; i < 2 * NONCE_SIZE; i++) {
        const char *digit = strchr(digits, text[i] | 0x20);

        if (digit == NULL)
            return false;
        nonce[i / 2] = (uint8_t)(nonce[i / 2] << 4 | (digit - digits));
    }
    return true;
}

/* A label that need not be there, and is a string of that size if it is. */
static bool may_be(const cbor_item_t *expect, int64_t label, size_t size)
{
    return claims_at(expect, label) == NULL || claims_bytes(claims_at(expect, label), size) != NULL;
}

static bool is_expectation(const cbor_item_t *expect)
{
    const cbor_item_t *extended = claims_at(expect, EXPECT_EXTENDED);
    size_t n = 2;

    for (int64_t label = EXPECT_CONFIG; label <= EXPECT_EXTENDED; label++)
        n += claims_at(expect, label) != NULL;
    return claims_are(expect, n) && claims_bytes(claims_at(expect, EXPECT_MEASUREMENT), SHA256_SIZE) != NULL &&
           claims_bytes(claims_at(expect, EXPECT_CODE), SHA512_SIZE) != NULL &&
           may_be(expect, EXPECT_CONFIG, SHA512_SIZE) && may_be(expect, EXPECT_PERSONAL, PERSONAL_SIZE) &&
           (extended == NULL || is_extended_as(extended, extended));
}

/* What is wanted, from the command line's texts. CLI_OK, or what is wrong has been said. */
static enum cli_status read_wanted(struct wanted *w, const char *key, const char *nonce, const char *expect)
{
    uint8_t *data;
    size_t size = 0;
    bool good;

    if (key == NULL || nonce == NULL || expect == NULL)
        return bad("--key, --nonce and --expect have to be given; see 'cordon verify --help'", NULL);
    if (!read_nonce(nonce, w->nonce))
        return bad("--nonce is not 128 hexadecimal digits:", nonce);
    data = read_file(key, &size);
    good = data != NULL && es256_read_key(data, size, w->key);
    free(data);
    if (!good)
        return bad("no public key of P-256 in PEM can be read from", key);
    data = read_file(expect, &size);
    w->expect = data == NULL ? NULL : claims_load(data, size);
    free(data);
    return w->expect != NULL && is_expectation(w->expect) ? CLI_OK : bad("what is expected cannot be read from", expect);
}

static enum cli_status verify(const struct wanted *w, const char *file)
{
    size_t size;
    uint8_t *data = read_file(file, &size);
    const char *why;

    if (data == NULL)
        return bad("cannot read", file);
    why = check(w, data, size);
    free(data);
    if (why == NULL)
        puts("trusted");
    else
        printf("not trusted: %s\n", why);
    return why == NULL ? CLI_OK : CLI_BROKEN;
}

enum cli_status cmd_verify(int argc, char **argv)
{
    struct wanted w = { .expect = NULL };
    const char *file, *key = NULL, *nonce = NULL, *expect = NULL;
    enum cli_status status;
    const struct cli_option options[] = {
        { "--key", NULL, &key }, { "--nonce", NULL, &nonce }, { "--expect", NULL, &expect },
        { "--allow-debug", &w.allow_debug, NULL }, { "--allow-restored", &w.allow_restored, NULL }, { NULL, NULL, NULL },
    };

    if (!cli_parse(argc, argv, help, options, &file, &status))
        return status;
    status = read_wanted(&w, key, nonce, expect);
    if (status == CLI_OK)
        status = verify(&w, file);
    if (w.expect != NULL)
        cbor_decref(&w.expect);
    return status;
}
