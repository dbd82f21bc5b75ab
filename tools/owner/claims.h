/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR is read, by libcbor, as strictly as the profile of docs/ATTESTATION.md has it. What is not as it must be is NULL. */
#ifndef CORDON_TOOL_CLAIMS_H
#define CORDON_TOOL_CLAIMS_H

#include <cbor.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "es256.h"

/* One item and nothing behind it; cbor_decref() is the caller's. */
cbor_item_t *claims_load(const uint8_t *data, size_t size);

/* Whether it is a map with n entries, whose labels are numbers and all different. */
bool claims_are(const cbor_item_t *map, size_t n);

/* What a label of a map stands for. */
const cbor_item_t *claims_at(const cbor_item_t *map, int64_t label);

/* A string of bytes; of that size, or of any for 0. */
const uint8_t *claims_bytes(const cbor_item_t *item, size_t size);
/* The label's; a comparison with as many bytes; with a text; a number. */
bool claims_has_bytes(const cbor_item_t *map, int64_t label, const void *data, size_t size);
bool claims_has_text(const cbor_item_t *map, int64_t label, const char *text);
bool claims_uint(const cbor_item_t *map, int64_t label, uint64_t *n);
bool claims_bool(const cbor_item_t *map, int64_t label, bool *value);

/* A key of ES256 as COSE_Key. */
bool claims_key(const cbor_item_t *item, uint8_t key[ES256_KEY]);

/*
 * The claims in a COSE_Sign1 that the key has signed; cbor_decref() is the caller's. NULL: another shape, or another signature.
 * Where `own` is set, the key is not given but among the claims, under that label.
 */
cbor_item_t *claims_signed(const cbor_item_t *sign1, uint8_t key[ES256_KEY], int64_t own);

#endif
