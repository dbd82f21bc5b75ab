/* SPDX-License-Identifier: Apache-2.0 */
#include "claims.h"

#include <stdlib.h>
#include <string.h>

#include "../../attest/cbor_size.h"      /* by their place: another file there is named as the library's header */
#include "../../attest/cose.h"

cbor_item_t *claims_load(const uint8_t *data, size_t size)
{
    struct cbor_load_result result;
    cbor_item_t *item;

    if (cbor_item_size(data, size) != size)     /* the library takes as much memory as an array says that it has items */
        return NULL;
    item = cbor_load(data, size, &result);
    if (item != NULL && (result.error.code != CBOR_ERR_NONE || result.read != size))
        cbor_decref(&item);
    return item;
}

/* A number that fits in 63 bits and a sign. */
static bool number(const cbor_item_t *item, int64_t *n)
{
    uint64_t value;

    if (item == NULL || !cbor_is_int(item))
        return false;
    value = cbor_get_int(item);
    if (value > INT64_MAX)
        return false;
    *n = cbor_isa_negint(item) ? -1 - (int64_t)value : (int64_t)value;
    return true;
}

bool claims_are(const cbor_item_t *map, size_t n)
{
    const struct cbor_pair *pair;

    if (map == NULL || !cbor_isa_map(map) || !cbor_map_is_definite(map) || cbor_map_size(map) != n)
        return false;
    pair = cbor_map_handle(map);
    for (size_t i = 0; i < n; i++) {
        int64_t label, other;

        if (!number(pair[i].key, &label))
            return false;
        for (size_t k = 0; k < i; k++) {
            if (number(pair[k].key, &other) && other == label)
                return false;
        }
    }
    return true;
}

const cbor_item_t *claims_at(const cbor_item_t *map, int64_t label)
{
    if (map == NULL || !cbor_isa_map(map))
        return NULL;
    for (size_t i = 0; i < cbor_map_size(map); i++) {
        const struct cbor_pair *pair = &cbor_map_handle(map)[i];
        int64_t n;

        if (number(pair->key, &n) && n == label)
            return pair->value;
    }
    return NULL;
}

const uint8_t *claims_bytes(const cbor_item_t *item, size_t size)
{
    if (item == NULL || !cbor_isa_bytestring(item) || !cbor_bytestring_is_definite(item) ||
        (size != 0 && cbor_bytestring_length(item) != size))
        return NULL;
    return cbor_bytestring_handle(item);
}

bool claims_has_bytes(const cbor_item_t *map, int64_t label, const void *data, size_t size)
{
    const uint8_t *bytes = claims_bytes(claims_at(map, label), size);

    return bytes != NULL && memcmp(bytes, data, size) == 0;
}

bool claims_has_text(const cbor_item_t *map, int64_t label, const char *text)
{
    const cbor_item_t *item = claims_at(map, label);

    return item != NULL && cbor_isa_string(item) && cbor_string_is_definite(item) && cbor_string_length(item) == strlen(text) &&
           memcmp(cbor_string_handle(item), text, strlen(text)) == 0;
}

bool claims_uint(const cbor_item_t *map, int64_t label, uint64_t *n)
{
    const cbor_item_t *item = claims_at(map, label);

    if (item == NULL || !cbor_isa_uint(item))
        return false;
    *n = cbor_get_int(item);
    return true;
}

/* The library takes a number for granted that is no float. */
bool claims_bool(const cbor_item_t *map, int64_t label, bool *value)
{
    const cbor_item_t *item = claims_at(map, label);

    if (item == NULL || !cbor_isa_float_ctrl(item) || !cbor_float_ctrl_is_ctrl(item) || !cbor_is_bool(item))
        return false;
    *value = cbor_get_bool(item);
    return true;
}

static bool has_number(const cbor_item_t *map, int64_t label, int64_t value)
{
    int64_t n;

    return number(claims_at(map, label), &n) && n == value;
}

bool claims_key(const cbor_item_t *item, uint8_t key[ES256_KEY])
{
    const uint8_t *x = claims_bytes(claims_at(item, -2), ES256_KEY / 2);
    const uint8_t *y = claims_bytes(claims_at(item, -3), ES256_KEY / 2);

    if (!claims_are(item, 5) || !has_number(item, 1, 2) || !has_number(item, 3, -7) || !has_number(item, -1, 1) || x == NULL ||
        y == NULL)
        return false;
    memcpy(key, x, ES256_KEY / 2);
    memcpy(key + ES256_KEY / 2, y, ES256_KEY / 2);
    return true;
}

/* ---- what is signed ---- */

static bool is_sign1(const cbor_item_t *item)
{
    cbor_item_t **part;

    if (item == NULL || !cbor_isa_array(item) || !cbor_array_is_definite(item) || cbor_array_size(item) != 4)
        return false;
    part = cbor_array_handle(item);
    return claims_bytes(part[0], sizeof cose_protected) != NULL &&
           memcmp(claims_bytes(part[0], 0), cose_protected, sizeof cose_protected) == 0 && claims_are(part[1], 0) &&
           claims_bytes(part[2], 0) != NULL && claims_bytes(part[3], ES256_SIGNATURE) != NULL;
}

/* The hash of what is signed. False: no memory. */
static bool hash_to_sign(const uint8_t *payload, size_t size, uint8_t hash[SHA256_SIZE])
{
    cbor_item_t *all = cbor_new_definite_array(4);
    unsigned char *data = NULL;
    size_t room = 0, n;
    bool good = cbor_array_push(all, cbor_move(cbor_build_string(COSE_SIGN1))) &&
                cbor_array_push(all, cbor_move(cbor_build_bytestring(cose_protected, sizeof cose_protected))) &&
                cbor_array_push(all, cbor_move(cbor_build_bytestring(cose_protected, 0))) &&
                cbor_array_push(all, cbor_move(cbor_build_bytestring(payload, size)));

    n = good ? cbor_serialize_alloc(all, &data, &room) : 0;
    if (n > 0)
        hash_256(data, n, hash);
    free(data);
    cbor_decref(&all);
    return n > 0;
}

cbor_item_t *claims_signed(const cbor_item_t *sign1, uint8_t key[ES256_KEY], int64_t own)
{
    uint8_t hash[SHA256_SIZE];
    cbor_item_t **part, *claims, *own_key = NULL;
    const cbor_item_t *item;
    bool holds;

    if (!is_sign1(sign1))
        return NULL;
    part = cbor_array_handle(sign1);
    claims = claims_load(claims_bytes(part[2], 0), cbor_bytestring_length(part[2]));
    if (claims == NULL)
        return NULL;
    item = claims_at(claims, own);
    if (own != 0 && claims_bytes(item, 0) != NULL)
        own_key = claims_load(claims_bytes(item, 0), cbor_bytestring_length(item));
    holds = (own == 0 || claims_key(own_key, key)) &&
            hash_to_sign(claims_bytes(part[2], 0), cbor_bytestring_length(part[2]), hash) &&
            es256_holds(key, hash, claims_bytes(part[3], 0));
    if (own_key != NULL)
        cbor_decref(&own_key);
    if (!holds)
        cbor_decref(&claims);
    return claims;
}
