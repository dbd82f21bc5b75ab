/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupts: the virtual and the physical timer, SGIs between vCPUs, and the serial port's, which the launcher raises. */
#include "payload.h"

#define SECOND 1000000ull
#define ICC_PMR S3_0_C4_C6_0

/* Waits, with interrupts on, until this CPU has taken `n` more of an interrupt. */
static bool wait_for_irq(uint32_t intid, uint32_t before, uint32_t n)
{
    uint64_t limit = now_us() + 10 * SECOND;

    while (this_cpu()->irqs[intid] - before < n)
        if (now_us() > limit)
            return false;
    return true;
}

/* Goes on for so long, without WFI. */
static void let_pass(uint64_t us)
{
    for (uint64_t limit = now_us() + us; now_us() < limit;)
        relax();
}

static void timer_fires(void)
{
    struct cpu *cpu = this_cpu();
    uint64_t begin;

    for (uint32_t i = 0; i < 20; i++) {
        uint32_t before = cpu->irqs[TIMER_INTID];

        begin = now_us();
        timer_set(1000);
        CHECK(wait_for_irq(TIMER_INTID, before, 1), "it does not fire");
        CHECK(now_us() - begin >= 1000, "it fires after %u us instead of 1000", now_us() - begin);
        CHECK(cpu->irqs[TIMER_INTID] == before + 1, "it fires %u times", cpu->irqs[TIMER_INTID] - before);
    }
}

static void timer_wakes(void)
{
    uint64_t begin = now_us();

    for (uint32_t i = 0; i < 10; i++)
        sleep_us(5000);
    CHECK(now_us() - begin >= 50000, "ten sleeps of 5 ms took %u us", now_us() - begin);
}

/* A time that is past fires at once; a timer that is masked or off does not. */
static void timer_edges(void)
{
    struct cpu *cpu = this_cpu();
    uint32_t before = cpu->irqs[TIMER_INTID];

    WRITE_REGISTER(cntv_cval_el0, 0);
    WRITE_REGISTER(cntv_ctl_el0, 1);
    CHECK(wait_for_irq(TIMER_INTID, before, 1), "a time that is past does not fire");
    before = cpu->irqs[TIMER_INTID];
    WRITE_REGISTER(cntv_ctl_el0, 3);
    CHECK(READ_REGISTER(cntv_ctl_el0) == 7, "masked and due it reads as %x", READ_REGISTER(cntv_ctl_el0));
    let_pass(20000);
    CHECK(cpu->irqs[TIMER_INTID] == before, "it fires while it is masked");
    CHECK(READ_REGISTER(cntv_ctl_el0) == 7, "masked and due it reads as %x later", READ_REGISTER(cntv_ctl_el0));
    WRITE_REGISTER(cntv_ctl_el0, 0);
}

/* With interrupts off, it waits; WFI does not block on one that is pending. */
static void timer_held(void)
{
    struct cpu *cpu = this_cpu();
    uint32_t before = cpu->irqs[TIMER_INTID];

    interrupts_off();
    timer_set(1000);
    let_pass(20000);
    __asm__ volatile("wfi" : : : "memory");
    CHECK(cpu->irqs[TIMER_INTID] == before, "taken with interrupts off");
    interrupts_on();
    CHECK(wait_for_irq(TIMER_INTID, before, 1), "lost with interrupts off");
    before = cpu->irqs[TIMER_INTID];
    WRITE_REGISTER(ICC_PMR, 0);
    timer_set(1000);
    let_pass(20000);
    CHECK(cpu->irqs[TIMER_INTID] == before, "taken with all priorities masked");
    WRITE_REGISTER(ICC_PMR, 0xff);
    CHECK(wait_for_irq(TIMER_INTID, before, 1), "lost with all priorities masked");
}

/* Disabled at the GIC, a timer that is due does not keep the guest from going on: Linux enables the one after the other. */
static void disabled(uint32_t intid, void (*set)(uint64_t us))
{
    struct cpu *cpu = this_cpu();
    uint32_t before = cpu->irqs[intid];

    gic_enable_private(intid, false);
    set(1000);
    let_pass(20000);
    CHECK(cpu->irqs[intid] == before, "taken while it is disabled");
    gic_enable_private(intid, true);
    CHECK(wait_for_irq(intid, before, 1), "lost while it was disabled");
}

static void timer_disabled(void) { disabled(TIMER_INTID, timer_set); }

/* ---- the physical timer ---- */

static void physical_set(uint64_t us)
{
    WRITE_REGISTER(cntp_cval_el0, READ_REGISTER(cntpct_el0) + us * (READ_REGISTER(cntfrq_el0) / 1000000));
    WRITE_REGISTER(cntp_ctl_el0, 1);
}

static void physical_fires(void)
{
    struct cpu *cpu = this_cpu();

    for (uint32_t i = 0; i < 20; i++) {
        uint32_t before = cpu->irqs[PHYSICAL_INTID];
        uint64_t begin = now_us();

        physical_set(1000);
        CHECK(wait_for_irq(PHYSICAL_INTID, before, 1), "it does not fire");
        CHECK(now_us() - begin >= 1000, "it fires after %u us instead of 1000", now_us() - begin);
        let_pass(2000);
        CHECK(cpu->irqs[PHYSICAL_INTID] == before + 1, "it fires %u times", cpu->irqs[PHYSICAL_INTID] - before);
    }
}

/* Alone, and while the virtual one is set to a later time, or is not to wake anybody. */
static void physical_wakes(void)
{
    struct cpu *cpu = this_cpu();

    for (uint32_t i = 0; i < 12; i++) {
        uint64_t begin = now_us();
        uint32_t before;

        if (i >= 4)
            gic_enable_private(TIMER_INTID, i < 8);
        interrupts_off();
        before = cpu->irqs[PHYSICAL_INTID];
        if (i >= 4)
            timer_set(i < 8 ? 20 * SECOND : 1000);
        physical_set(5000);
        sleep_until_irq(PHYSICAL_INTID, before);
        interrupts_on();
        CHECK(now_us() - begin >= 5000, "a sleep of 5 ms took %u us", now_us() - begin);
        CHECK(now_us() - begin < 10 * SECOND, "a sleep of 5 ms took %u us", now_us() - begin);
    }
    WRITE_REGISTER(cntv_ctl_el0, 0);
    gic_enable_private(TIMER_INTID, true);
}

/* A time that is past fires at once; a timer that is masked or off does not. */
static void physical_edges(void)
{
    struct cpu *cpu = this_cpu();
    uint32_t before = cpu->irqs[PHYSICAL_INTID];

    WRITE_REGISTER(cntp_cval_el0, 0);
    WRITE_REGISTER(cntp_ctl_el0, 1);
    CHECK(wait_for_irq(PHYSICAL_INTID, before, 1), "a time that is past does not fire");
    before = cpu->irqs[PHYSICAL_INTID];
    WRITE_REGISTER(cntp_ctl_el0, 3);
    CHECK(READ_REGISTER(cntp_ctl_el0) == 7, "masked and due it reads as %x", READ_REGISTER(cntp_ctl_el0));
    let_pass(20000);
    CHECK(cpu->irqs[PHYSICAL_INTID] == before, "it fires while it is masked");
    WRITE_REGISTER(cntp_ctl_el0, 0);
    WRITE_REGISTER(cntp_tval_el0, 0xffffffff);      /* a tick ago */
    CHECK(READ_REGISTER(cntp_cval_el0) < READ_REGISTER(cntpct_el0), "one tick ago is later");
    CHECK(READ_REGISTER(cntp_tval_el0) >> 31 == 1, "the value of a time that is past is %x", READ_REGISTER(cntp_tval_el0));
    WRITE_REGISTER(cntp_cval_el0, ~0ull);
    WRITE_REGISTER(cntp_ctl_el0, 1);
    CHECK(READ_REGISTER(cntp_ctl_el0) == 1, "not due it reads as %x", READ_REGISTER(cntp_ctl_el0));
    let_pass(5000);
    CHECK(cpu->irqs[PHYSICAL_INTID] == before, "it fires at the end of time");
    WRITE_REGISTER(cntp_ctl_el0, 0);
}

static void physical_disabled(void) { disabled(PHYSICAL_INTID, physical_set); }

static uint64_t physical_job(uint64_t rounds)
{
    struct cpu *cpu = this_cpu();
    uint64_t lost = 0;

    for (uint64_t i = 0; i < rounds; i++) {
        uint32_t before = cpu->irqs[PHYSICAL_INTID];

        physical_set(500 + i * 100);
        lost += !wait_for_irq(PHYSICAL_INTID, before, 1);
    }
    return lost;
}

static void physical_on_two(void)
{
    uint64_t mine, other;

    CHECK(cpu_start(1, physical_job, 20), "vCPU 1 does not start");
    mine = physical_job(20);
    CHECK(cpu_join(1, &other), "vCPU 1 does not end");
    CHECK(mine == 0 && other == 0, "%u are lost here, %u on vCPU 1", mine, other);
}

static void counters(void)
{
    uint64_t before = READ_REGISTER(cntvct_el0);
    uint64_t after;

    CHECK(READ_REGISTER(cntfrq_el0) >= 1000000, "the frequency is %u", READ_REGISTER(cntfrq_el0));
    for (uint32_t i = 0; i < 10000; i++) {
        after = READ_REGISTER(cntvct_el0);
        CHECK(after >= before, "the counter goes back from %u to %u", before, after);
        before = after;
    }
}

/* The physical counter is told as the virtual one: when the VM was started is the host's business. */
static void physical_counter(void)
{
    uint64_t v1 = READ_REGISTER(cntvct_el0);
    uint64_t p, v2;

    __asm__ volatile("isb\n mrs %0, cntpct_el0\n isb" : "=r"(p) : : "memory");
    v2 = READ_REGISTER(cntvct_el0);
    CHECK(v1 <= p && p <= v2, "virtual %u, physical %u, virtual %u", v1, p, v2);
}

/* The serial port's holding register is empty: an interrupt as soon as it is asked for. Its level falls in gic_take(). */
static void serial_interrupt(void)
{
    uint32_t intid = UART_SPI + 32;
    struct cpu *cpu = this_cpu();

    for (uint32_t i = 0; i < 10; i++) {
        uint32_t before = cpu->irqs[intid];

        gic_enable_spi(intid, true);
        write8(UART_BASE + 1, 2);
        CHECK(wait_for_irq(intid, before, 1), "it does not come");
        let_pass(5000);
        CHECK(cpu->irqs[intid] == before + 1, "it comes %u times", cpu->irqs[intid] - before);
    }
    gic_enable_spi(intid, false);
}

/* ---- SGIs ---- */

static void sgi_self(void)
{
    struct cpu *cpu = this_cpu();

    for (uint32_t intid = 0; intid < 16; intid++) {
        uint32_t before = cpu->irqs[intid];

        gic_send(1, intid, false);
        CHECK(wait_for_irq(intid, before, 1), "SGI %u does not come", intid);
        CHECK(cpu->irqs[intid] == before + 1, "SGI %u comes %u times", intid, cpu->irqs[intid] - before);
    }
    gic_send(1ull << 15, 3, false);         /* to a vCPU that is not there: to nobody */
    gic_send(0, 3, false);
}

static volatile bool ready, quit;

/* Answers each SGI 1 by an SGI 2 to vCPU 0; asleep in between. Returns how many it took. */
static uint64_t answer_sgis(uint64_t argument)
{
    struct cpu *cpu = this_cpu();
    uint32_t begin = cpu->irqs[1];
    uint32_t answered = begin;

    (void)argument;
    interrupts_off();
    ready = true;
    while (!quit || cpu->irqs[1] != answered) {
        if (cpu->irqs[1] == answered)
            __asm__ volatile("dsb sy\n wfi" : : : "memory");
        interrupts_on();
        __asm__ volatile("isb" : : : "memory");     /* a pending one is taken here */
        interrupts_off();
        if (cpu->irqs[1] == answered)
            continue;
        answered++;
        gic_send(1, 2, false);
    }
    return answered - begin;
}

static void sgi_between(void)
{
    uint32_t rounds = 200;
    uint64_t result;

    ready = quit = false;
    CHECK(cpu_start(1, answer_sgis, 0), "vCPU 1 does not start");
    while (!ready)
        relax();
    for (uint32_t i = 0; i < rounds; i++) {
        uint32_t before = this_cpu()->irqs[2];

        gic_send(2, 1, i % 2);
        CHECK(wait_for_irq(2, before, 1), "round %u: no answer", i);
    }
    quit = true;
    gic_send(2, 3, false);
    CHECK(cpu_join(1, &result), "vCPU 1 does not end");
    CHECK(result == rounds, "it took %u of %u", result, rounds);
}

const struct test time_tests[] = {
    { "timer", "timer-counters", counters, 0 },
    { "timer", "timer-physical-counter", physical_counter, NEEDS_CORDON },
    { "timer", "timer-fires", timer_fires, 0 },
    { "timer", "timer-wakes", timer_wakes, 0 },
    { "timer", "timer-edges", timer_edges, 0 },
    { "timer", "timer-held", timer_held, 0 },
    { "timer", "timer-disabled", timer_disabled, 0 },
    { "timer", "physical-fires", physical_fires, 0 },
    { "timer", "physical-wakes", physical_wakes, 0 },
    { "timer", "physical-edges", physical_edges, 0 },
    { "timer", "physical-disabled", physical_disabled, 0 },
    { "timer", "physical-on-two", physical_on_two, NEEDS_TWO },
    { "timer", "timer-serial-interrupt", serial_interrupt, 0 },
    { "sgi", "sgi-self", sgi_self, 0 },
    { "sgi", "sgi-between", sgi_between, NEEDS_TWO },
    { NULL, NULL, NULL, 0 },
};
