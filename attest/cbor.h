/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR (RFC 8949) is written, in its shortest form, into a buffer. Nothing here reads it. Needs no machine. */
#ifndef CORDON_CBOR_H
#define CORDON_CBOR_H

#include <stdbool.h>
#include <stdint.h>

struct cbor {
    uint8_t *buffer;
    uint32_t room;
    uint32_t size;          /* written so far; room + 1: there was too little room, and what is in the buffer is cut off */
};

/* Whether all of it found room. */
static inline bool cbor_fits(const struct cbor *c) { return c->size <= c->room; }

void cbor_uint(struct cbor *c, uint64_t n);
/* Any number of 63 bits and a sign. */
void cbor_int(struct cbor *c, int64_t n);
void cbor_bytes(struct cbor *c, const void *data, uint32_t size);
void cbor_text(struct cbor *c, const char *text);
/* n items, or n pairs of a key and a value, follow. */
void cbor_array(struct cbor *c, uint32_t n);
void cbor_map(struct cbor *c, uint32_t n);
void cbor_tag(struct cbor *c, uint64_t tag);
void cbor_bool(struct cbor *c, bool value);
/* A string of bytes of that size follows, by cbor_raw(). */
void cbor_bytes_of(struct cbor *c, uint32_t size);
/* What is CBOR already. */
void cbor_raw(struct cbor *c, const void *data, uint32_t size);

#endif
