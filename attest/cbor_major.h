/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR's major types (RFC 8949, 3.1): the upper three bits of an item's first byte. */
#ifndef CORDON_CBOR_MAJOR_H
#define CORDON_CBOR_MAJOR_H

enum { CBOR_UINT = 0, CBOR_NEGATIVE = 1, CBOR_STRING = 2, CBOR_TEXT = 3, CBOR_ARRAY = 4, CBOR_MAP = 5, CBOR_TAG = 6, CBOR_SIMPLE = 7 };

#endif
