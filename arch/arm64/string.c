/* SPDX-License-Identifier: Apache-2.0 */
/* What the compiler may call for assignments and initialisers of its own accord. */
#include <stddef.h>
#include <stdint.h>

void *memset(void *to, int value, size_t n);
void *memcpy(void *restrict to, const void *restrict from, size_t n);

void *memset(void *to, int value, size_t n)
{
    uint8_t *p = to;

    while (n-- > 0)
        *p++ = (uint8_t)value;
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    uint8_t *p = to;
    const uint8_t *q = from;

    while (n-- > 0)
        *p++ = *q++;
    return to;
}
