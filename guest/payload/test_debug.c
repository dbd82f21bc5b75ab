/* SPDX-License-Identifier: Apache-2.0 */
/* Self-hosted debug at EL1: single steps, breakpoints and watchpoints, across exits and between vCPUs. Arm ARM D2. */
#include "payload.h"

#define MDSCR_SS 1u
#define MDSCR_KDE 0x2000u
#define MDSCR_MDE 0x8000u
#define BREAK_EL1 0x1e3u            /* all four bytes, EL1, on */
#define WATCH_EL1 0x1ffbu           /* all eight bytes, loads and stores, EL1, on */
#define OSLAR S2_0_C1_C0_4
#define OSLSR S2_0_C1_C1_4
#define STEPS 9u

/* Registers by number. X(0) .. X(15) are cases of a switch. */
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define SETTER(name) \
    static void set_##name(uint32_t n, uint64_t value) \
    { \
        switch (n) { EACH(SET_##name) } \
    }
#define SET_dbgbvr(n) case n: WRITE_REGISTER(dbgbvr##n##_el1, value); break;
#define SET_dbgbcr(n) case n: WRITE_REGISTER(dbgbcr##n##_el1, value); break;
#define SET_dbgwvr(n) case n: WRITE_REGISTER(dbgwvr##n##_el1, value); break;
#define SET_dbgwcr(n) case n: WRITE_REGISTER(dbgwcr##n##_el1, value); break;
SETTER(dbgbvr) SETTER(dbgbcr) SETTER(dbgwvr) SETTER(dbgwcr)

static uint32_t breakpoints(void)
{
    return (READ_REGISTER(id_aa64dfr0_el1) >> 12 & 0xf) + 1;
}

static uint32_t watchpoints(void)
{
    return (READ_REGISTER(id_aa64dfr0_el1) >> 20 & 0xf) + 1;
}

static void begin(uint64_t mdscr)
{
    struct cpu *cpu = this_cpu();

    cpu->debugged = 0;
    cpu->debugs = true;
    WRITE_REGISTER(mdscr_el1, mdscr);
}

static void end(void)
{
    __asm__ volatile("msr daifset, #8" : : : "memory");
    WRITE_REGISTER(mdscr_el1, 0);
    for (uint32_t i = 0; i < breakpoints(); i++)
        set_dbgbcr(i, 0);
    for (uint32_t i = 0; i < watchpoints(); i++)
        set_dbgwcr(i, 0);
    this_cpu()->debugs = false;
}

/* ---- steps ---- */

extern const uint32_t debug_steps[];

/* Over instructions that are done in the guest, by Cordon in its place, and by the host. */
static void __attribute__((noinline, noclone)) step_over_all(void)
{
    begin(MDSCR_KDE | MDSCR_SS);
    __asm__ volatile(
        "mov    x9, %0\n"
        "ldr    w0, =0xc60000ff\n"
        "msr    daifclr, #8\n"
        "debug_steps:\n"
        "add    x10, x9, #1\n"
        "mrs    x11, id_aa64pfr0_el1\n" /* Cordon's answer */
        "ldrb   w12, [x9, #5]\n"        /* the launcher's: a device */
        "hvc    #0\n"                   /* a call that does not exist */
        "wfe\n"
        "mrs    x11, mdscr_el1\n"
        "add    x10, x10, #1\n"
        "b      1f\n"
        "1:\n"
        "msr    daifset, #8\n"
        : : "r"(UART_BASE) : "x0", "x1", "x2", "x3", "x9", "x10", "x11", "x12", "memory");
    end();
}

static void steps(void)
{
    struct cpu *cpu = this_cpu();

    for (uint32_t round = 0; round < 3; round++) {
        step_over_all();
        for (uint32_t i = 0; i < STEPS; i++)
            CHECK(cpu->debug_class[i] == EC_STEP && cpu->debug_at[i] == TEXT(debug_steps) + 4 * i,
                  "step %u: class %x at %x, the first is at %x", i, cpu->debug_class[i], cpu->debug_at[i], TEXT(debug_steps));
        /* An emulator steps over the instruction that masks the steps, too. */
        CHECK(cpu->debugged == STEPS || cpu->debugged == STEPS + 1, "%u steps instead of %u", cpu->debugged, STEPS);
        sleep_us(1000);
    }
}

/* ---- breakpoints ---- */

extern const uint32_t debug_places[];

/* Sixteen places, each of which unmasks what the one before it has masked. */
static void __attribute__((noinline, noclone)) pass_places(void)
{
    __asm__ volatile(
        ".global debug_places\n"
        "debug_places:\n"
        ".rept  16\n"
        "msr    daifclr, #8\n"
        ".endr\n" : : : "memory");
}

/* How many of the breakpoints fired at their places, in order. leave: what comes out of the guest before. */
static uint64_t break_at_all(uint64_t leave)
{
    struct cpu *cpu = this_cpu();
    uint64_t good = 0;

    begin(MDSCR_KDE | MDSCR_MDE);
    for (uint32_t i = 0; i < breakpoints(); i++) {
        set_dbgbvr(i, TEXT(debug_places) + 4 * i);
        set_dbgbcr(i, BREAK_EL1);
    }
    if (leave) {
        (void)read8(UART_BASE + 5);
        sleep_us(leave);
    }
    __asm__ volatile("msr daifclr, #8" : : : "memory");
    pass_places();
    end();
    for (uint32_t i = 0; i < breakpoints(); i++)
        good += i < cpu->debugged && cpu->debug_class[i] == EC_BREAKPOINT && cpu->debug_at[i] == TEXT(debug_places) + 4 * i;
    return cpu->debugged == breakpoints() ? good : 1000 + cpu->debugged;
}

static void breaks(void)
{
    CHECK(breakpoints() >= 2, "%u breakpoints", breakpoints());
    for (uint64_t leave = 0; leave <= 2000; leave += 1000) {
        uint64_t good = break_at_all(leave);

        CHECK(good == breakpoints(), "%u of %u fire, after %u us outside", good, breakpoints(), leave);
    }
    begin(MDSCR_KDE | MDSCR_MDE);
    __asm__ volatile("msr daifclr, #8" : : : "memory");
    pass_places();
    end();
    CHECK(this_cpu()->debugged == 0, "%u fire that are off", this_cpu()->debugged);
}

static uint64_t break_often(uint64_t rounds)
{
    uint64_t wrong = 0;

    for (uint64_t i = 0; i < rounds; i++)
        wrong += break_at_all(i % 2 ? 500 : 0) != breakpoints();
    return wrong;
}

static void breaks_on_two(void)
{
    uint64_t mine, other;

    CHECK(cpu_start(1, break_often, 20), "vCPU 1 does not start");
    mine = break_often(20);
    CHECK(cpu_join(1, &other), "vCPU 1 does not end");
    CHECK(mine == 0 && other == 0, "%u rounds are wrong here, %u on vCPU 1", mine, other);
}

/* ---- watchpoints ---- */

static volatile uint64_t watched[16];

static void watches(void)
{
    struct cpu *cpu = this_cpu();
    uint32_t n = watchpoints();

    CHECK(n >= 2, "%u watchpoints", n);
    for (uint32_t i = 0; i < n; i++) {
        set_dbgwvr(i, TEXT(&watched[i]));
        set_dbgwcr(i, WATCH_EL1);
    }
    begin(MDSCR_KDE | MDSCR_MDE);
    (void)read8(UART_BASE + 5);
    sleep_us(1000);
    for (uint32_t i = 0; i < n; i++) {
        __asm__ volatile("msr daifclr, #8" : : : "memory");
        if (i % 2)
            (void)watched[i];
        else
            watched[i] = i;
    }
    end();
    CHECK(cpu->debugged == n, "%u of %u fire", cpu->debugged, n);
    for (uint32_t i = 0; i < n; i++)
        CHECK(cpu->debug_class[i] == EC_WATCHPOINT && cpu->debug_at[i] == TEXT(&watched[i]), "watchpoint %u: class %x at %x", i,
              cpu->debug_class[i], cpu->debug_at[i]);
}

/* ---- registers ---- */

/* What is set reads back, but for what this CPU has not: other exception levels, an external debugger. */
static void debug_registers(void)
{
    set_dbgbvr(1, 0x123456780);
    set_dbgbcr(1, 0xffffffff);
    CHECK(READ_REGISTER(dbgbvr1_el1) == 0x123456780, "DBGBVR1 is %x", READ_REGISTER(dbgbvr1_el1));
    CHECK(READ_REGISTER(dbgbcr1_el1) == 0, "a breakpoint of a type that is not there is %x", READ_REGISTER(dbgbcr1_el1));
    set_dbgbcr(1, 0xe1e7);              /* HMC and SSC: EL2 and EL3 */
    CHECK(READ_REGISTER(dbgbcr1_el1) == 0x1e7, "DBGBCR1 is %x", READ_REGISTER(dbgbcr1_el1));
    set_dbgwcr(1, 0xffffffff);
    CHECK(READ_REGISTER(dbgwcr1_el1) == 0x1f1f1fff, "DBGWCR1 is %x", READ_REGISTER(dbgwcr1_el1));
    set_dbgbcr(1, 0);
    set_dbgwcr(1, 0);
    set_dbgbvr(1, 0);
    CHECK(READ_REGISTER(OSLSR) == 8, "OSLSR is %x", READ_REGISTER(OSLSR));
    WRITE_REGISTER(mdscr_el1, 0x6c004000);      /* HDE and an external debugger's */
    CHECK(READ_REGISTER(mdscr_el1) == 0, "MDSCR is %x", READ_REGISTER(mdscr_el1));
    WRITE_REGISTER(mdscr_el1, 0);
}

/* Locked, nothing fires. */
static void os_lock(void)
{
    struct cpu *cpu = this_cpu();

    WRITE_REGISTER(OSLAR, 1);
    CHECK(READ_REGISTER(OSLSR) == 0xa, "OSLSR is %x", READ_REGISTER(OSLSR));
    (void)break_at_all(0);
    CHECK(cpu->debugged == 0, "%u fire while it is locked", cpu->debugged);
    step_over_all();
    CHECK(cpu->debugged == 0, "%u steps while it is locked", cpu->debugged);
    WRITE_REGISTER(OSLAR, 0);
    CHECK(break_at_all(0) == breakpoints(), "%u fire once it is unlocked", cpu->debugged);
}

const struct test debug_tests[] = {
    { "debug", "debug-registers", debug_registers, NEEDS_CORDON },
    { "debug", "debug-steps", steps, 0 },
    { "debug", "debug-breakpoints", breaks, 0 },
    { "debug", "debug-breakpoints-on-two", breaks_on_two, NEEDS_TWO },
    { "debug", "debug-watchpoints", watches, 0 },
    { "debug", "debug-os-lock", os_lock, 0 },
    { NULL, NULL, NULL, 0 },
};
