/* SPDX-License-Identifier: Apache-2.0 */
/* Lines on the serial port, whole ones also when several CPUs print. */
#include "payload.h"

#define LINE 200u
#define UART_LSR (UART_BASE + 5)
#define UART_LSR_EMPTY 0x20

struct line {
    char text[LINE];
    uint32_t size;
};

static volatile uint32_t lock;

static void lock_line(void)
{
    while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
        relax();
}

static void unlock_line(void)
{
    __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
}

static void put(struct line *l, char c)
{
    if (l->size < LINE)
        l->text[l->size++] = c;
}

static void put_text(struct line *l, const char *text)
{
    while (*text)
        put(l, *text++);
}

static void put_number(struct line *l, uint64_t value, uint32_t base)
{
    char digits[20];
    uint32_t n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    while (n)
        put(l, digits[--n]);
}

static void put_value(struct line *l, char kind, uint64_t value)
{
    switch (kind) {
    case 's': put_text(l, (const char *)(uintptr_t)value); break;
    case 'x':
        put_text(l, "0x");
        put_number(l, value, 16);
        break;
    case 'd':
        if ((int64_t)value < 0)
            put(l, '-');
        put_number(l, (int64_t)value < 0 ? -value : value, 10);
        break;
    default: put_number(l, value, 10); break;
    }
}

static void put_format(struct line *l, const char *format, const uint64_t *values)
{
    for (; *format; format++) {
        if (*format == '%')
            put_value(l, *++format, *values++);
        else
            put(l, *format);
    }
}

static void send(const struct line *l)
{
    lock_line();
    for (uint32_t i = 0; i < l->size; i++) {
        while (!(read8(UART_LSR) & UART_LSR_EMPTY))
            relax();
        write8(UART_BASE, (uint8_t)l->text[i]);
    }
    unlock_line();
}

/* The line's end has its place, however long it is. */
static void finish(struct line *l)
{
    if (l->size > LINE - 2)
        l->size = LINE - 2;
    put(l, '\r');
    put(l, '\n');
    send(l);
}

void say_values(const char *format, const uint64_t *values)
{
    say_about(NULL, format, values);
}

void say_about(const char *name, const char *format, const uint64_t *values)
{
    struct line l = { .size = 0 };

    put_text(&l, "guest: ");
    if (name) {
        put_text(&l, "FAIL ");
        put_text(&l, name);
        put_text(&l, ": ");
    }
    put_format(&l, format, values);
    finish(&l);
}
