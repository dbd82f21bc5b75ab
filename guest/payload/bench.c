/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest has to do with its hypervisor, some times over, to be counted by an emulator from outside: with a label for each
 * operation ("bench"), or a mixture without labels, for several guests at once ("load"). They test nothing.
 */
#include "bench.h"
#include "payload.h"

#define GICD_IIDR 0x8
#define ICC_EOIR1 S3_0_C12_C12_1
#define SPURIOUS 1023
#define PING 1u
#define PONG 2u
#define WARM 4u                     /* turns before those that are counted */
#define SLEEP_US 100

static uint64_t turns(void)
{
    return machine_number("turns", 200);
}

/* ---- the operations ---- */

/* The hypervisor answers it. */
static void call(void)
{
    hvc(PSCI_VERSION, 0, 0, 0, 0);
}

/* The host's kernel plays this device. */
static void kernel_device(void)
{
    read32(GICD_BASE + GICD_IIDR);
}

/* The launcher is asked for it, and has nothing there. */
static void user_device(void)
{
    read32(HOLE);
}

/* The end of no interrupt: what it costs to get to the interface. */
static void eoi(void)
{
    WRITE_REGISTER(ICC_EOIR1, SPURIOUS);
}

/* Set to a time that is past, until its interrupt has been taken. */
static void timer(void)
{
    struct cpu *cpu = this_cpu();
    uint32_t before = cpu->irqs[TIMER_INTID];

    WRITE_REGISTER(cntv_cval_el0, 0);
    WRITE_REGISTER(cntv_ctl_el0, 1);
    while (cpu->irqs[TIMER_INTID] == before)
        continue;
}

static void sleep(void)
{
    sleep_us(SLEEP_US);
}

/* To the other vCPU, which sleeps, and back to this one, which does meanwhile. */
static void ping(void)
{
    uint32_t before = this_cpu()->irqs[PONG];

    interrupts_off();
    gic_send(2, PING, false);
    sleep_until_irq(PONG, before);
    interrupts_on();
}

static volatile bool ready;

static uint64_t echo(uint64_t times)
{
    uint32_t before = this_cpu()->irqs[PING];

    interrupts_off();
    ready = true;
    for (uint64_t i = 0; i < times; i++) {
        sleep_until_irq(PING, before++);
        gic_send(1, PONG, false);
    }
    return times;
}

/* ---- some times over ---- */

#define COUNTED(label, operation) \
    do { \
        for (uint64_t i = 0; i < WARM; i++) \
            operation(); \
        bench_label(label); \
        for (uint64_t i = turns(); i > 0; i--) \
            operation(); \
        bench_label(NOTHING); \
    } while (0)

static void bench_call(void) { COUNTED(OP_CALL, call); }
static void bench_kernel_device(void) { COUNTED(OP_KERNEL_DEVICE, kernel_device); }
static void bench_user_device(void) { COUNTED(OP_USER_DEVICE, user_device); }
static void bench_eoi(void) { COUNTED(OP_EOI, eoi); }
static void bench_timer(void) { COUNTED(OP_TIMER, timer); }
static void bench_sleep(void) { COUNTED(OP_SLEEP, sleep); }

static void bench_ipi(void)
{
    ready = false;
    CHECK(cpu_start(1, echo, WARM + turns()), "vCPU 1 does not start");
    while (!ready)
        relax();
    COUNTED(OP_IPI, ping);
    CHECK(cpu_join(1, NULL), "vCPU 1 does not end");
}

static void load(void)
{
    for (uint64_t i = turns(); i > 0; i--) {
        for (uint32_t k = 0; k < 8; k++)
            call();
        for (uint32_t k = 0; k < 4; k++)
            kernel_device();
        user_device();
        timer();
        sleep();
    }
}

const struct test bench_tests[] = {
    { "bench", "bench-call", bench_call, NEEDS_NAME },
    { "bench", "bench-kernel-device", bench_kernel_device, NEEDS_NAME },
    { "bench", "bench-user-device", bench_user_device, NEEDS_NAME },
    { "bench", "bench-eoi", bench_eoi, NEEDS_NAME },
    { "bench", "bench-timer", bench_timer, NEEDS_NAME },
    { "bench", "bench-sleep", bench_sleep, NEEDS_NAME },
    { "bench", "bench-ipi", bench_ipi, NEEDS_NAME | NEEDS_TWO },
    { "load", "load", load, NEEDS_NAME },
    { NULL, NULL, NULL, 0 },
};
