/* SPDX-License-Identifier: Apache-2.0 */
/* What an owner expects, as `cordon verify --expect` reads it: docs/ATTESTATION.md. */
#ifndef CORDON_TOOL_EXPECT_H
#define CORDON_TOOL_EXPECT_H

#include <stdbool.h>
#include <stdint.h>

enum { EXPECT_MEASUREMENT = 1, EXPECT_CODE = 2, EXPECT_CONFIG = 3, EXPECT_PERSONAL = 4, EXPECT_EXTENDED = 5 };

#define EXPECT_PERSONAL_SIZE 64

/*
 * A guest's measurement, the hash of the file that Cordon's image is, and the personalisation value unless it is NULL. False, and it was
 * said why: a file cannot be used.
 */
bool expect_write(const char *file, const uint8_t measurement[32], const char *cordon, const uint8_t *personal);

#endif
