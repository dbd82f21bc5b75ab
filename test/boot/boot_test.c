/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of our own, made on purpose in an image that scripts/host/build-el2 --test builds: for the panic report. */
#include "arch.h"
#include "base/check.h"
#include "machine_el2.h"

/* As written: not inlined, not cloned. */
#define PLAIN __attribute__((noipa))

void boot_test(void);
PLAIN void test_null(void);
PLAIN void test_stack(void);
PLAIN void test_code(void);
PLAIN void test_constant(void);
PLAIN void test_data(void);
PLAIN void test_assert(void);

extern char _start[], _rodata_begin[];

void test_null(void)
{
    volatile uint64_t *nothing = (volatile uint64_t *)8;

    __asm__("" : "+r"(nothing));    /* the compiler need not know */
    *nothing = 1;
}

PLAIN static uint64_t deeper(uint64_t n)
{
    volatile uint64_t here[64] = { n };

    return n == 0 ? here[0] : deeper(n - 1) + here[n % 64];
}

void test_stack(void)
{
    (void)deeper(1000000);
}

/* Code is not writable. */
void test_code(void)
{
    volatile uint32_t *first = (volatile uint32_t *)(uint64_t)_start;

    __asm__("" : "+r"(first));
    *first = 0;
}

void test_constant(void)
{
    volatile uint32_t *first = (volatile uint32_t *)(uint64_t)_rodata_begin;

    __asm__("" : "+r"(first));
    *first = 0;
}

/* Data is not executable. */
void test_data(void)
{
    static uint32_t code = 0xd65f03c0;      /* ret */

    __asm__ volatile("" : "+m"(code));
    ((void (*)(void))(uint64_t)&code)();
}

void test_assert(void)
{
    core_assert(&machine, machine.spans == 99);
}

/* The one that is made: test/boot/run.py writes its name over this, in a copy of the image. */
static volatile char chosen[] = "which of the boot tests";

static bool is_chosen(const char *name)
{
    uint32_t i = 0;

    while (name[i] != 0 && name[i] == chosen[i])
        i++;
    return name[i] == chosen[i];
}

void boot_test(void)
{
    if (is_chosen("null"))
        test_null();
    if (is_chosen("stack"))
        test_stack();
    if (is_chosen("code"))
        test_code();
    if (is_chosen("constant"))
        test_constant();
    if (is_chosen("data"))
        test_data();
    if (is_chosen("assert"))
        test_assert();
}
