/* SPDX-License-Identifier: Apache-2.0 */
/* What the libraries want of a C library, beside arch/arm64/string.c. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

void *memmove(void *to, const void *from, size_t n)
{
    uint8_t *p = to;
    const uint8_t *q = from;

    if (p < q)
        return memcpy(to, from, n);     /* from the first byte on */
    while (n-- > 0)
        p[n] = q[n];
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *p = a;
    const uint8_t *q = b;

    for (size_t i = 0; i < n; i++) {
        if (p[i] != q[i])
            return p[i] < q[i] ? -1 : 1;
    }
    return 0;
}

void *memchr(const void *in, int byte, size_t n)
{
    const uint8_t *p = in;

    for (size_t i = 0; i < n; i++) {
        if (p[i] == (uint8_t)byte)
            return (void *)(uintptr_t)(p + i);
    }
    return NULL;
}

size_t strlen(const char *text)
{
    size_t n = 0;

    while (text[n] != 0)
        n++;
    return n;
}

size_t strnlen(const char *text, size_t limit);
size_t strnlen(const char *text, size_t limit)
{
    const char *end = memchr(text, 0, limit);

    return end == NULL ? limit : (size_t)(end - text);
}

char *strrchr(const char *text, int ch)
{
    for (size_t n = strlen(text) + 1; n > 0; n--) {
        if (text[n - 1] == (char)ch)
            return (char *)(uintptr_t)(text + n - 1);
    }
    return NULL;
}

/* Debian's libraries are built so that they call these, with the room that there is. */
void __stack_chk_fail(void);

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room);
void *__memcpy_chk(void *to, const void *from, size_t n, size_t room)
{
    if (n > room)
        __stack_chk_fail();
    return memcpy(to, from, n);
}

void *__memset_chk(void *to, int value, size_t n, size_t room);
void *__memset_chk(void *to, int value, size_t n, size_t room)
{
    if (n > room)
        __stack_chk_fail();
    return memset(to, value, n);
}
