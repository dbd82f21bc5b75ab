/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hostile process: maps physical memory through the module's device and reads, writes, runs and hands to the kernel
 * what is Cordon's, from every CPU. Each attempt is a child of its own, which must die of a signal or get EFAULT. No libc.
 *
 *   hostile_user ADDRESS...     hexadecimal physical addresses
 */
#define HOSTILE_DEVICE "/dev/hostile"
#include "hostile_user.h"

static void attempt_read(u64 a) { (void)*map(a, 0); }
static void attempt_write(u64 a) { *map(a, 1) = 1; }
static void attempt_run(u64 a) { ((void (*)(void))map(a, 0))(); }

/* The kernel reads it in the process's name. */
static void attempt_syscall(u64 a)
{
    long fd = needed(call(SYS_OPENAT, (u64)-100, (u64)"/tmp/out", 0102, 0600, 0, 0));

    call(SYS_EXIT, call(SYS_WRITE, (u64)fd, (u64)map(a, 0), 64, 0, 0, 0) == -EFAULT ? GOT_EFAULT : BREACH, 0, 0, 0, 0, 0);
}

static const struct {
    const char *name;
    void (*attempt)(u64);
} kind[] = {
    { "read by a process", attempt_read }, { "write by a process", attempt_write },
    { "run by a process", attempt_run }, { "handed to the kernel by a process", attempt_syscall },
};

__attribute__((used)) static void run(long *stack)
{
    for (unsigned k = 0; k < sizeof kind / sizeof kind[0]; k++)
        attempt_kind(kind[k].name, kind[k].attempt, (int)stack[0] - 1, (char **)(stack + 2));
    end_user();
}
