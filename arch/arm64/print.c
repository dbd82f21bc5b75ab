/* SPDX-License-Identifier: Apache-2.0 */
#include "print.h"

#include <stdarg.h>

#include "phys.h"
#include "plat.h"
#include "sysreg.h"

static void put(char ch)
{
    uint64_t uart = (sysreg_read(sctlr_el2) & SCTLR_M) != 0 ? PHYS_OFFSET + PLAT_UART : PLAT_UART;

    if (ch == '\n')
        plat_putc(uart, '\r');
    plat_putc(uart, ch);
}

static void put_text(const char *text)
{
    while (*text != '\0')
        put(*text++);
}

static void put_number(uint64_t value, uint64_t base, uint32_t digits)
{
    char text[24];
    uint32_t n = 0;

    do {
        text[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0 || n < digits);
    while (n > 0)
        put(text[--n]);
}

void print(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            put(*format);
            continue;
        }
        format++;
        switch (*format) {
        case 's': put_text(va_arg(list, const char *)); break;
        case 'u': put_number(va_arg(list, uint64_t), 10, 1); break;
        case 'x': put_number(va_arg(list, uint64_t), 16, 1); break;
        case 'X': put_number(va_arg(list, uint64_t), 16, 16); break;
        default: put(*format); break;
        }
    }
    va_end(list);
}
