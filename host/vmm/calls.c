/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a test guest asks of its host (test_calls.h): to read or write guest memory in the ways that a host has. Where the
 * memory is the guest's own, each has to fail, and the launcher has to live on.
 */
#include "calls.h"

#include "guard.h"
#include "memory.h"
#include "terminal.h"
#include "test_calls.h"
#include "vm.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t answer(bool done)
{
    return (uint64_t)(done ? VMM_ANSWER_OK : VMM_ANSWER_FAULT);
}

/* The host's kernel reads 8 bytes at `from`. */
static bool syscall_load(const void *from, uint64_t *value)
{
    int ends[2];
    bool done;

    *value = 0;
    if (pipe(ends))
        return false;
    done = write(ends[1], from, sizeof(*value)) == sizeof(*value) && read(ends[0], value, sizeof(*value)) == sizeof(*value);
    close(ends[0]);
    close(ends[1]);
    return done;
}

/* The host's kernel writes 8 bytes at `to`. */
static bool syscall_store(void *to, uint64_t value)
{
    int ends[2];
    bool done;

    if (pipe(ends))
        return false;
    done = write(ends[1], &value, sizeof(value)) == sizeof(value) && read(ends[0], to, sizeof(value)) == sizeof(value);
    close(ends[0]);
    close(ends[1]);
    return done;
}

/* In a process of its own, which gives the value through the pipe. Nothing here may need a lock: others held them. */
static void process_read(const char *name, const void *from, int out)
{
    uint64_t value;
    int file = open(name, O_RDONLY | O_CLOEXEC);
    bool done = file >= 0 && pread(file, &value, sizeof(value), (off_t)(uintptr_t)from) == sizeof(value) &&
                write(out, &value, sizeof(value)) == sizeof(value);

    _exit(!done);
}

/* Another process reads 8 bytes at `from` in this one. */
static bool process_load(const void *from, uint64_t *value)
{
    char name[32];
    int ends[2];
    bool done = false;
    pid_t child;

    *value = 0;
    snprintf(name, sizeof(name), "/proc/%d/mem", (int)getpid());
    if (pipe(ends))
        return false;
    child = fork();
    if (child == 0)
        process_read(name, from, ends[1]);
    close(ends[1]);
    if (child > 0) {
        done = read(ends[0], value, sizeof(*value)) == sizeof(*value);
        waitpid(child, NULL, 0);
    }
    close(ends[0]);
    return done;
}

static void mark(uint64_t number)
{
    char text[48];
    int size = snprintf(text, sizeof(text), "vmm: mark %llu\n", (unsigned long long)number);

    terminal_print(text, (size_t)size);
}

/* How many bytes of guest memory an operation touches; 0: none. */
static uint64_t reach(const struct test_call *call)
{
    switch (call->argument[0]) {
    case VMM_CALL_PEEK:
    case VMM_CALL_POKE:
    case VMM_CALL_SYSCALL_PEEK:
    case VMM_CALL_SYSCALL_POKE:
    case VMM_CALL_PROCESS_PEEK:
        return 8;
    case VMM_CALL_FILL:
    case VMM_CALL_SUM:
        return call->argument[2];
    default:
        return 0;
    }
}

void calls_do(const struct vm *vm, struct test_call *call)
{
    const uint64_t *argument = call->argument;
    void *at = memory_at(&vm->memory, argument[1], reach(call));
    uint64_t *value = &call->answer[1];

    call->answer[0] = (uint64_t)VMM_ANSWER_INVALID;
    if (argument[0] == VMM_CALL_MARK) {
        mark(argument[1]);
        call->answer[0] = VMM_ANSWER_OK;
        return;
    }
    if (!at || argument[1] % 8)
        return;
    switch (argument[0]) {
    case VMM_CALL_PEEK: call->answer[0] = answer(guard_load(at, value)); break;
    case VMM_CALL_POKE: call->answer[0] = answer(guard_store(at, argument[2])); break;
    case VMM_CALL_FILL: call->answer[0] = answer(guard_fill(at, argument[2], argument[3])); break;
    case VMM_CALL_SUM: call->answer[0] = answer(guard_sum(at, argument[2], value)); break;
    case VMM_CALL_SYSCALL_PEEK: call->answer[0] = answer(syscall_load(at, value)); break;
    case VMM_CALL_SYSCALL_POKE: call->answer[0] = answer(syscall_store(at, argument[2])); break;
    case VMM_CALL_PROCESS_PEEK: call->answer[0] = answer(process_load(at, value)); break;
    default: break;
    }
}
