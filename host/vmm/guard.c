/* SPDX-License-Identifier: Apache-2.0 */
/* Accesses to guest memory that may have become the guest's own: the host then meets SIGBUS. */
#include "guard.h"

#include "message.h"
#include "terminal.h"

#include <setjmp.h>
#include <signal.h>
#include <unistd.h>

/* Where this thread goes on when its guarded access met a signal; NULL outside of one. */
static _Thread_local sigjmp_buf *volatile way_out;

static void handle(int number, siginfo_t *info, void *context)
{
    static const char text[] = "cordon-vmm: an access of its own met SIGBUS or SIGSEGV: a bug\n";
    sigjmp_buf *out = way_out;

    (void)info;
    (void)context;
    if (out) {
        way_out = NULL;
        siglongjmp(*out, number);
    }
    terminal_restore();
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
        _exit(STATUS_FAILED);
    _exit(STATUS_FAILED);
}

void guard_set_up(void)
{
    struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO };

    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
}

/* What is done under guard; volatile, as each access has to be made, and made where it stands. */
struct access {
    volatile uint8_t *at;
    uint64_t bytes;
    uint64_t value;
    void (*act)(struct access *a);
};

static bool guarded(struct access *a)
{
    sigjmp_buf out;

    if (sigsetjmp(out, 1))
        return false;
    way_out = &out;
    a->act(a);
    way_out = NULL;
    return true;
}

static void load(struct access *a)
{
    a->value = *(volatile uint64_t *)a->at;
}

static void store(struct access *a)
{
    *(volatile uint64_t *)a->at = a->value;
}

static void fill(struct access *a)
{
    for (uint64_t i = 0; i + 8 <= a->bytes; i += 8)
        *(volatile uint64_t *)(a->at + i) = a->value;
}

static void copy(struct access *a)
{
    volatile uint8_t *to = (volatile uint8_t *)(uintptr_t)a->value;

    uint64_t i = 0;

    if (((uintptr_t)to | (uintptr_t)a->at) % 8 == 0)
        for (; i + 8 <= a->bytes; i += 8)
            *(volatile uint64_t *)(to + i) = *(volatile uint64_t *)(a->at + i);
    for (; i < a->bytes; i++)
        to[i] = a->at[i];
}

static void copy_16(struct access *a)
{
    *(volatile uint16_t *)(uintptr_t)a->value = *(volatile uint16_t *)a->at;
}

static void sum(struct access *a)
{
    a->value = 0xcbf29ce484222325ull;       /* FNV-1a, 64 bits */
    for (uint64_t i = 0; i < a->bytes; i++)
        a->value = (a->value ^ a->at[i]) * 0x100000001b3ull;
}

bool guard_load(const void *from, uint64_t *value)
{
    struct access a = { .at = (volatile uint8_t *)from, .act = load };
    bool done = guarded(&a);

    *value = done ? a.value : 0;
    return done;
}

bool guard_store(void *to, uint64_t value)
{
    struct access a = { .at = to, .value = value, .act = store };

    return guarded(&a);
}

bool guard_fill(void *to, uint64_t bytes, uint64_t value)
{
    struct access a = { .at = to, .bytes = bytes, .value = value, .act = fill };

    return guarded(&a);
}

bool guard_copy(void *to, const void *from, uint64_t bytes)
{
    struct access a = { .at = (volatile uint8_t *)from, .bytes = bytes, .value = (uint64_t)(uintptr_t)to, .act = copy };

    /* An index of a ring is read and written in one piece. */
    if (bytes == 2 && (uintptr_t)to % 2 == 0 && (uintptr_t)from % 2 == 0)
        a.act = copy_16;
    return guarded(&a);
}

bool guard_sum(const void *from, uint64_t bytes, uint64_t *result)
{
    struct access a = { .at = (volatile uint8_t *)from, .bytes = bytes, .act = sum };
    bool done = guarded(&a);

    *result = done ? a.value : 0;
    return done;
}
