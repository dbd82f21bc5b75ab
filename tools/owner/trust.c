/* SPDX-License-Identifier: Apache-2.0 */
/* Each step has a reason of its own for a token that is not trusted; the first one is told. */
#include "trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claims.h"
#include "expect.h"

#define FILE_LIMIT 0x100000
#define PERSONAL_SIZE 64
#define EXTENDED 4
#define OF_THE_KEY 3        /* which of them has the guest's key */
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

/* The first n of them. */
static bool is_extended_as(const cbor_item_t *is, const cbor_item_t *wanted, size_t n)
{
    if (is == NULL || !cbor_isa_array(is) || cbor_array_size(is) != EXTENDED || wanted == NULL || !cbor_isa_array(wanted) ||
        cbor_array_size(wanted) != EXTENDED)
        return false;
    for (size_t i = 0; i < n; i++) {
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
           is_extended_as(extended, extended, EXTENDED) && claims_bool(claims, RESTORED, &restored);
}

/* A measurement begins at zero, and only the guest extends it: this one says that it did so once, and by which key. */
static bool is_guests_key(const cbor_item_t *extended, const uint8_t *key)
{
    uint8_t data[2 * SHA256_SIZE] = { 0 }, hash[SHA256_SIZE];

    memcpy(data + SHA256_SIZE, key, GUEST_KEY_SIZE);
    hash_256(data, sizeof data, hash);
    return memcmp(claims_bytes(cbor_array_handle(extended)[OF_THE_KEY], SHA256_SIZE), hash, sizeof hash) == 0;
}

static const char *compare_guest(const struct wanted *w, const cbor_item_t *claims)
{
    const uint8_t *personal = claims_bytes(claims_at(w->expect, EXPECT_PERSONAL), PERSONAL_SIZE);
    const cbor_item_t *extended = claims_at(w->expect, EXPECT_EXTENDED);
    size_t compared = w->has_guest_key ? OF_THE_KEY : EXTENDED;
    bool restored;

    if (!is_guest_profile(claims))
        return "the guest's part is not of this profile";
    if (!claims_has_bytes(claims, NONCE, w->nonce, NONCE_SIZE))
        return "the nonce is another one: the token is for somebody else, or from another time";
    if (!claims_has_bytes(claims, MEASUREMENT, claims_bytes(claims_at(w->expect, EXPECT_MEASUREMENT), 0), SHA256_SIZE))
        return "the guest's measurement is another one than expected";
    if (personal != NULL && !claims_has_bytes(claims, PERSONAL, personal, PERSONAL_SIZE))
        return "the personalisation value is another one than expected";
    if (extended != NULL && !is_extended_as(claims_at(claims, EXTENDED_MEASUREMENTS), extended, compared))
        return "the guest's own measurements are others than expected";
    if (w->has_guest_key && !is_guests_key(claims_at(claims, EXTENDED_MEASUREMENTS), w->guest_key))
        return "the guest has another key, or none";
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

const char *trust_check(const struct wanted *w, const uint8_t *data, size_t size)
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

enum cli_status trust_bad(const char *command, const char *what, const char *which)
{
    fprintf(stderr, "cordon %s: %s%s%s\n", command, what, which ? " " : "", which ? which : "");
    return CLI_BAD;
}

uint8_t *trust_file(const char *name, size_t *size)
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

static bool read_digits(const char *text, uint8_t *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";

    if (text == NULL || strlen(text) != 2 * size)
        return false;
    for (size_t i = 0; i < 2 * size; i++) {
        const char *digit = strchr(digits, text[i] | 0x20);

        if (digit == NULL)
            return false;
        data[i / 2] = (uint8_t)(data[i / 2] << 4 | (digit - digits));
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
           (extended == NULL || is_extended_as(extended, extended, EXTENDED));
}

enum cli_status trust_read(const char *command, struct wanted *w, const struct trust_texts *texts)
{
    uint8_t *data;
    size_t size = 0;
    bool good;

    if (texts->key == NULL || texts->nonce == NULL || texts->expect == NULL)
        return trust_bad(command, "--key, --nonce and --expect have to be given; --help has them", NULL);
    if (!read_digits(texts->nonce, w->nonce, NONCE_SIZE))
        return trust_bad(command, "--nonce is not 128 hexadecimal digits:", texts->nonce);
    w->has_guest_key = texts->guest_key != NULL;
    if (w->has_guest_key && !read_digits(texts->guest_key, w->guest_key, GUEST_KEY_SIZE))
        return trust_bad(command, "--guest-key is not 64 hexadecimal digits:", texts->guest_key);
    data = trust_file(texts->key, &size);
    good = data != NULL && es256_read_key(data, size, w->key);
    free(data);
    if (!good)
        return trust_bad(command, "no public key of P-256 in PEM can be read from", texts->key);
    data = trust_file(texts->expect, &size);
    w->expect = data == NULL ? NULL : claims_load(data, size);
    free(data);
    return w->expect != NULL && is_expectation(w->expect) ? CLI_OK : trust_bad(command, "what is expected cannot be read from", texts->expect);
}

enum cli_status trust_token(const char *command, const struct wanted *w, const char *file)
{
    size_t size;
    uint8_t *data = trust_file(file, &size);
    const char *why;

    if (data == NULL)
        return trust_bad(command, "cannot read", file);
    why = trust_check(w, data, size);
    free(data);
    if (why == NULL)
        return CLI_OK;
    printf("not trusted: %s\n", why);
    return CLI_BROKEN;
}
