/* SPDX-License-Identifier: Apache-2.0 */
/* How long an item of CBOR is (RFC 8949, 3): before it is copied, or given to a library that trusts the numbers in it. */
#ifndef CORDON_CBOR_SIZE_H
#define CORDON_CBOR_SIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "cbor_major.h"

/* The number behind an item's first byte; *at is behind it afterwards. False: it is not all there, or of no fixed length. */
static inline bool cbor_read_number(const uint8_t *data, uint64_t size, uint64_t *at, uint64_t *number)
{
    uint32_t low = data[*at] % 32;
    uint64_t bytes = low < 24 ? 0 : UINT64_C(1) << (low - 24);

    *at += 1;
    *number = low;
    if (low > 27 || bytes > size - *at)
        return false;
    if (bytes > 0)
        *number = 0;
    for (uint64_t i = 0; i < bytes; i++)
        *number = *number << 8 | data[(*at)++];
    return true;
}

/*
 * Bytes of the item that begins at data, with all that is in it. 0: it is not all there, has a part without a length, or one that
 * has more parts than there are bytes.
 */
static inline uint64_t cbor_item_size(const uint8_t *data, uint64_t size)
{
    uint64_t at = 0;

    for (uint64_t left = 1; left > 0; left--) {
        uint64_t number;
        uint32_t major;

        if (at >= size || left > size)
            return 0;
        major = data[at] / 32;
        if (!cbor_read_number(data, size, &at, &number) ||
            (major >= CBOR_STRING && major <= CBOR_MAP && number > size - at))
            return 0;
        if (major == CBOR_STRING || major == CBOR_TEXT)
            at += number;
        if (major == CBOR_ARRAY || major == CBOR_MAP)
            left += (major - CBOR_ARRAY + 1) * number;
        if (major == CBOR_TAG)
            left++;
    }
    return at;
}

#endif
