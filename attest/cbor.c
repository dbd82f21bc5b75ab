/* SPDX-License-Identifier: Apache-2.0 */
#include "cbor.h"

#include "cbor_major.h"

static void put(struct cbor *c, uint8_t byte)
{
    if (c->size < c->room)
        c->buffer[c->size++] = byte;
    else
        c->size = c->room + 1;
}

/* A major type with its number, in 1, 2, 3, 5 or 9 bytes. */
static void put_head(struct cbor *c, uint32_t major, uint64_t n)
{
    uint32_t log = n < 24 ? 0 : n <= UINT8_MAX ? 0 : n <= UINT16_MAX ? 1 : n <= UINT32_MAX ? 2 : 3;

    if (n < 24) {
        put(c, (uint8_t)(major * 32 + n));
        return;
    }
    put(c, (uint8_t)(major * 32 + 24 + log));
    for (uint32_t i = 1u << log; i > 0; i--)
        put(c, (uint8_t)(n >> 8 * (i - 1)));
}

void cbor_uint(struct cbor *c, uint64_t n) { put_head(c, CBOR_UINT, n); }
void cbor_array(struct cbor *c, uint32_t n) { put_head(c, CBOR_ARRAY, n); }
void cbor_map(struct cbor *c, uint32_t n) { put_head(c, CBOR_MAP, n); }
void cbor_tag(struct cbor *c, uint64_t tag) { put_head(c, CBOR_TAG, tag); }
void cbor_bool(struct cbor *c, bool value) { put_head(c, CBOR_SIMPLE, value ? 21 : 20); }
void cbor_bytes_of(struct cbor *c, uint32_t size) { put_head(c, CBOR_STRING, size); }

void cbor_int(struct cbor *c, int64_t n)
{
    put_head(c, n < 0 ? CBOR_NEGATIVE : CBOR_UINT, n < 0 ? (uint64_t)(-1 - n) : (uint64_t)n);
}

void cbor_raw(struct cbor *c, const void *data, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        put(c, ((const uint8_t *)data)[i]);
}

void cbor_bytes(struct cbor *c, const void *data, uint32_t size)
{
    cbor_bytes_of(c, size);
    cbor_raw(c, data, size);
}

void cbor_text(struct cbor *c, const char *text)
{
    uint32_t size = 0;

    while (text[size] != 0)
        size++;
    put_head(c, CBOR_TEXT, size);
    cbor_raw(c, text, size);
}
