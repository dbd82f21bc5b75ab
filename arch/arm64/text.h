/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORDON_TEXT_H
#define CORDON_TEXT_H

#include <stdbool.h>

static inline bool text_equal(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

#endif
