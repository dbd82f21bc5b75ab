/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hostile process against a guest: has the guest's frames mapped by /dev/attack and gets at them itself, through the
 * kernel's system calls, and through those that look into another process. No libc.
 *
 *   attack_user ADDRESS... [granted ADDRESS]    hexadecimal physical addresses; the last is one that the guest has granted
 */
#define HOSTILE_DEVICE "/dev/attack"
#include "hostile_user.h"

#define SYS_TEE 77
#define SYS_VMSPLICE 75
#define SYS_PIPE2 59
#define SYS_READ 63
#define SYS_PREAD 67
#define SYS_PWRITE 68
#define SYS_FUTEX 98
#define SYS_PTRACE 117
#define SYS_KILL 129
#define SYS_GETPID 172
#define SYS_SOCKETPAIR 199
#define SYS_SENDTO 206
#define SYS_PROCESS_VM_READV 270
#define SYS_PROCESS_VM_WRITEV 271
#define SYS_GETRANDOM 278
#define EIO 5
#define SIGKILL 9
#define SIGSTOP 19
#define WRITTEN 0x600d600d600d600dul

struct iovec {
    u64 base, length;
};

/* The end of an attempt: a system call has to say EFAULT, or what it says instead when it is another process's. */
static void must_fail(long result)
{
    call(SYS_EXIT, result == -EFAULT || result == -EIO ? GOT_EFAULT : BREACH, 0, 0, 0, 0, 0);
}

static long open_file(const char *name, int flags) { return needed(call(SYS_OPENAT, (u64)-100, (u64)name, (u64)flags, 0600, 0, 0)); }

static void make_pipe(int fd[2]) { needed(call(SYS_PIPE2, (u64)fd, 0, 0, 0, 0, 0)); }

/* ---- by itself ---- */

static void try_load(u64 a) { (void)*map(a, 0); }
static void try_store(u64 a) { *map(a, 1) = 1; }
static void try_run(u64 a) { ((void (*)(void))map(a, 0))(); }

static void try_exclusive(u64 a)
{
    volatile unsigned *p = map(a, 1);
    unsigned value, failed;

    __asm__ volatile("ldaxr %w0, [%2]\n stlxr %w1, %w0, [%2]" : "=&r"(value), "=&r"(failed) : "r"(p) : "memory");
}

static void try_zero(u64 a) { __asm__ volatile("dc zva, %0" : : "r"(map(a, 1)) : "memory"); }

/* ---- system calls with a buffer there ---- */

static void try_write(u64 a) { must_fail(call(SYS_WRITE, (u64)open_file("/tmp/out", 0102), (u64)map(a, 0), 64, 0, 0, 0)); }
static void try_read(u64 a) { must_fail(call(SYS_READ, (u64)open_file("/dev/zero", 0), (u64)map(a, 1), 64, 0, 0, 0)); }
static void try_random(u64 a) { must_fail(call(SYS_GETRANDOM, (u64)map(a, 1), 64, 0, 0, 0, 0)); }

static void try_pipe(u64 a)
{
    int fd[2];

    make_pipe(fd);
    must_fail(call(SYS_WRITE, (u64)fd[1], (u64)map(a, 0), 64, 0, 0, 0));
}

static void try_splice(u64 a)
{
    struct iovec v = { (u64)map(a, 0), 4096 };
    int fd[2];

    make_pipe(fd);
    must_fail(call(SYS_VMSPLICE, (u64)fd[1], (u64)&v, 1, 0, 0, 0));
}

/* Out of a pipe into the page. */
static void try_splice_in(u64 a)
{
    struct iovec v = { (u64)map(a, 1), 5 };
    int fd[2];

    make_pipe(fd);
    needed(call(SYS_WRITE, (u64)fd[1], (u64)"12345", 5, 0, 0, 0));
    must_fail(call(SYS_VMSPLICE, (u64)fd[0], (u64)&v, 1, 0, 0, 0));
}

static void try_send(u64 a)
{
    int fd[2];

    needed(call(SYS_SOCKETPAIR, 1, 1, 0, (u64)fd, 0, 0));
    must_fail(call(SYS_SENDTO, (u64)fd[1], (u64)map(a, 0), 64, 0, 0, 0));
}

/*
 * The word is looked at in the process's name, by its address and by its frame. Not FUTEX_WAKE_OP, which changes it:
 * there Linux tries for ever, as the page is in its own tables and yet cannot be written.
 */
static void try_futex(u64 a)
{
    u64 p = (u64)map(a, 1);
    long wait = call(SYS_FUTEX, p, 128, 0, 0, 0, 0);

    must_fail(wait == -EFAULT ? call(SYS_FUTEX, p, 0, 0, 0, 0, 0) : 0);
}

/* ---- another process's memory ---- */

static void try_proc_mem(u64 a)
{
    u64 p = (u64)map(a, 1);
    u64 word = 1;
    long fd = open_file("/proc/self/mem", 2);
    long result = call(SYS_PREAD, (u64)fd, (u64)&word, 8, p, 0, 0);

    must_fail(result == -EIO || result == -EFAULT ? call(SYS_PWRITE, (u64)fd, (u64)&word, 8, p, 0, 0) : 0);
}

static void try_process_vm(u64 a)
{
    u64 word = 1;
    struct iovec mine = { (u64)&word, 8 };
    struct iovec theirs = { (u64)map(a, 1), 8 };
    u64 pid = (u64)call(SYS_GETPID, 0, 0, 0, 0, 0, 0);
    long result = call(SYS_PROCESS_VM_READV, pid, (u64)&mine, 1, (u64)&theirs, 1, 0);

    must_fail(result == -EFAULT ? call(SYS_PROCESS_VM_WRITEV, pid, (u64)&mine, 1, (u64)&theirs, 1, 0) : 0);
}

/* PTRACE_TRACEME 0, PEEKDATA 2, POKEDATA 5. */
static void try_ptrace(u64 a)
{
    u64 p = (u64)map(a, 1);
    u64 word = 1;
    int status = 0;
    long result;
    u64 pid = (u64)needed(call(SYS_CLONE, SIGCHLD, 0, 0, 0, 0, 0));

    if (pid == 0) {
        needed(call(SYS_PTRACE, 0, 0, 0, 0, 0, 0));
        (void)call(SYS_KILL, (u64)call(SYS_GETPID, 0, 0, 0, 0, 0, 0), SIGSTOP, 0, 0, 0, 0);
        call(SYS_EXIT, 0, 0, 0, 0, 0, 0);
    }
    needed(call(SYS_WAIT4, pid, (u64)&status, 0, 0, 0, 0));
    if ((status & 0xff) != 0x7f)        /* it has not stopped */
        needed(-1);
    result = call(SYS_PTRACE, 2, pid, p, (u64)&word, 0, 0);
    if (result == -EIO || result == -EFAULT)
        result = call(SYS_PTRACE, 5, pid, p, word, 0, 0);
    (void)call(SYS_KILL, pid, SIGKILL, 0, 0, 0, 0);
    must_fail(result);
}

static const struct {
    const char *name;
    void (*attempt)(u64);
} kind[] = {
    { "load by a process", try_load }, { "store by a process", try_store }, { "exclusive by a process", try_exclusive },
    { "DC ZVA by a process", try_zero }, { "run by a process", try_run }, { "write() of it", try_write },
    { "read() into it", try_read }, { "getrandom() into it", try_random }, { "write() to a pipe", try_pipe },
    { "vmsplice() of it", try_splice }, { "vmsplice() into it", try_splice_in }, { "send() of it", try_send },
    { "futex() on it", try_futex }, { "/proc/PID/mem", try_proc_mem }, { "process_vm_readv(), _writev()", try_process_vm },
    { "ptrace() PEEK and POKE", try_ptrace },
};

/* ---- a page that the guest has granted: all of it works ---- */

static void use_granted(u64 a)
{
    volatile unsigned *p = map(a, 1);
    u64 word = 0;
    int fd[2];

    (void)*p;
    make_pipe(fd);
    if (call(SYS_WRITE, (u64)fd[1], (u64)p, 8, 0, 0, 0) != 8 || call(SYS_READ, (u64)fd[0], (u64)&word, 8, 0, 0, 0) != 8)
        call(SYS_EXIT, BREACH, 0, 0, 0, 0, 0);
    *(volatile u64 *)p = WRITTEN;
    call(SYS_EXIT, *(volatile u64 *)p == WRITTEN ? GOT_EFAULT : BREACH, 0, 0, 0, 0, 0);
}

static int is_word(const char *a, const char *b)
{
    while (*a != 0 && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

__attribute__((used)) static void run(long *stack)
{
    int n = (int)stack[0] - 1;
    char **argument = (char **)(stack + 2);
    int last = n;

    if (n >= 2 && is_word(argument[n - 2], "granted"))
        last = n - 2;
    for (unsigned k = 0; k < sizeof kind / sizeof kind[0]; k++)
        attempt_kind(kind[k].name, kind[k].attempt, last, argument);
    if (last < n)
        attempt_kind("a granted page, used", use_granted, 1, argument + n - 1);
    end_user();
}
