/* SPDX-License-Identifier: Apache-2.0 */
/* Of COSE (RFC 9052), for who signs and for who verifies: [COSE_SIGN1, protected, h'', payload] is what is signed (4.4). */
#ifndef CORDON_COSE_H
#define CORDON_COSE_H

#include <stdint.h>

#define COSE_SIGN1 "Signature1"

static const uint8_t cose_protected[] = { 0xa1, 0x01, 0x26 };    /* {alg: ES256} */

#endif
