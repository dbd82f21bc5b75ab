/* SPDX-License-Identifier: GPL-2.0 */
/* What hostile processes have in common: system calls, words on the console, attempts in children. No libc. */
#ifndef HOSTILE_USER_H
#define HOSTILE_USER_H

typedef unsigned long u64;

#define SYS_OPENAT 56
#define SYS_WRITE 64
#define SYS_EXIT 93
#define SYS_SCHED_SETAFFINITY 122
#define SYS_CLONE 220
#define SYS_MMAP 222
#define SYS_WAIT4 260
#define SIGCHLD 17
#define SIGBUS 7
#define SIGSEGV 11
#define EFAULT 14
#define NOT_TRIED 100
#define BREACH 101
#define GOT_EFAULT 102

static long call(long n, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
    register long x8 __asm__("x8") = n;
    register u64 x0 __asm__("x0") = a;
    register u64 x1 __asm__("x1") = b;
    register u64 x2 __asm__("x2") = c;
    register u64 x3 __asm__("x3") = d;
    register u64 x4 __asm__("x4") = e;
    register u64 x5 __asm__("x5") = f;

    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return (long)x0;
}

static u64 length(const char *s)
{
    u64 n = 0;

    while (s[n] != 0)
        n++;
    return n;
}

static void say(const char *s) { (void)call(SYS_WRITE, 1, (u64)s, length(s), 0, 0, 0); }

static void say_number(u64 x)
{
    char text[24];
    char *p = text + 23;

    *p = 0;
    do {
        *--p = (char)('0' + x % 10);
        x /= 10;
    } while (x != 0);
    say(p);
}

static u64 hex(const char *s)
{
    u64 x = 0;

    for (; *s != 0; s++)
        x = x * 16 + (u64)(*s <= '9' ? *s - '0' : (*s | 32) - 'a' + 10);
    return x;
}

/* The end of an attempt that cannot be made, as a step before it has failed: neither refused nor a breach. */
static long needed(long result)
{
    if (result < 0 && result > -4096)
        call(SYS_EXIT, NOT_TRIED, 0, 0, 0, 0, 0);
    return result;
}

/* How a child ended: its signal, or its exit status + 256. */
static unsigned in_child(void (*attempt)(u64), u64 address, unsigned cpu)
{
    u64 mask = 1ul << cpu;
    int status = 0;
    long pid = call(SYS_CLONE, SIGCHLD, 0, 0, 0, 0, 0);

    if (pid < 0)
        return 256 + NOT_TRIED;
    if (pid == 0) {
        needed(call(SYS_SCHED_SETAFFINITY, 0, sizeof mask, (u64)&mask, 0, 0, 0));
        attempt(address);
        call(SYS_EXIT, BREACH, 0, 0, 0, 0, 0);
    }
    (void)call(SYS_WAIT4, (u64)pid, (u64)&status, 0, 0, 0, 0);
    return (status & 0x7f) != 0 ? status & 0x7f : (status >> 8 & 0xff) + 256;
}

/* HOSTILE_DEVICE is the device of the module that maps any physical memory. */
static volatile unsigned *map(u64 address, int writable)
{
    long fd = needed(call(SYS_OPENAT, (u64)-100, (u64)HOSTILE_DEVICE, writable ? 2 : 0, 0, 0, 0));

    return (volatile unsigned *)needed(call(SYS_MMAP, 0, 4096, writable ? 3 : 5, 1, (u64)fd, address & ~4095ul));
}

static u64 all_tries, all_refused, all_untried;

/* One line of the table: an attempt on each address from each CPU. */
static void attempt_kind(const char *name, void (*attempt)(u64), int n, char **address)
{
    u64 tries = 0;
    u64 refused = 0;
    u64 untried = 0;
    u64 mask = 0;

    (void)call(123, 0, sizeof mask, (u64)&mask, 0, 0, 0);   /* sched_getaffinity: where it fails, nothing is tried */
    for (int i = 0; i < n; i++) {
        for (unsigned cpu = 0; cpu < 64; cpu++) {
            unsigned end;

            if ((mask >> cpu & 1) == 0)
                continue;
            end = in_child(attempt, hex(address[i]), cpu);
            if (end == 256 + NOT_TRIED) {
                untried++;
                continue;
            }
            tries++;
            if (end == SIGBUS || end == SIGSEGV || end == 256 + GOT_EFAULT)
                refused++;
        }
    }
    say("hostile: ");
    say(name);
    say(": ");
    say_number(tries);
    say(" tries, ");
    say_number(refused);
    say(tries != refused ? " refused BREACH\n" : tries > 0 && untried == 0 ? " refused ok\n" : " refused NOT TRIED\n");
    all_tries += tries;
    all_refused += refused;
    all_untried += untried + (tries + untried == 0);
}

/* The last line, and the exit status. */
static void end_user(void)
{
    say("hostile: user: ");
    say_number(all_tries);
    say(" tries, ");
    say_number(all_refused);
    say(" refused, ");
    say_number(all_tries - all_refused);
    say(" breaches, ");
    say_number(all_untried);
    say(" not tried\n");
    call(SYS_EXIT, all_tries == all_refused && all_tries > 0 && all_untried == 0 ? 0 : 1, 0, 0, 0, 0, 0);
}

/* run() of who includes this gets the stack as the kernel has made it: argc, argv. */
__asm__(".global _start\n_start:\n mov x0, sp\n mov x29, xzr\n mov x30, xzr\n bl run\n");

#endif
