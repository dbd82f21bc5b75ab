/* SPDX-License-Identifier: Apache-2.0 */
/* What the keeper has of its machine: a serial port, a timer with its interrupt, and a switch. */
#include "keeper.h"
#include "machine.h"

#define SYSTEM_OFF 0x84000008u          /* PSCI */

#define UART_STATUS (UART_BASE + 5)
#define UART_EMPTY 0x20

#define GICD_CTLR (GICD_BASE + 0x0)
#define GICD_CTLR_ON 0x12               /* affinity routing, group 1 */
#define GICD_CTLR_BUSY 0x80000000u
#define GICR (GICD_BASE - GICR_SIZE)    /* of the only vCPU */
#define GICR_WAKER (GICR + 0x14)
#define GICR_WAKER_SLEEP 2u
#define GICR_WAKER_ASLEEP 4u
#define GICR_GROUP (GICR + 0x10080)
#define GICR_ENABLE (GICR + 0x10100)
#define TIMER 27u
#define ICC_SRE "S3_0_C12_C12_5"
#define ICC_PMR "S3_0_C4_C6_0"
#define ICC_IGRPEN1 "S3_0_C12_C12_7"
#define ICC_IAR1 "S3_0_C12_C12_0"
#define ICC_EOIR1 "S3_0_C12_C12_1"

#define WAIT_PART 64                    /* of a second */

#define WRITE(name, value) __asm__ volatile("msr " name ", %0\n isb" : : "r"((uint64_t)(value)) : "memory")
#define READ(name) ({ uint64_t value_; __asm__ volatile("isb\n mrs %0, " name : "=r"(value_) : : "memory"); value_; })

/* The plainest instructions, as Cordon has to see from them what they do. */
static uint32_t load(uint64_t at)
{
    uint32_t value;

    __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
    return value;
}

static void store(uint64_t at, uint32_t value)
{
    __asm__ volatile("str %w0, [%1]" : : "r"(value), "r"(at) : "memory");
}

void say(const char *text)
{
    for (; *text != 0; text++) {
        uint32_t status;

        do {
            __asm__ volatile("ldrb %w0, [%1]" : "=r"(status) : "r"(UART_STATUS) : "memory");
        } while ((status & UART_EMPTY) == 0);
        __asm__ volatile("strb %w0, [%1]" : : "r"((uint32_t)(uint8_t)*text), "r"(UART_BASE) : "memory");
    }
}

/* The timer's interrupt is looked for by WFI alone, and never taken as an exception. */
void wait_set_up(void)
{
    store(GICD_CTLR, GICD_CTLR_ON);
    while ((load(GICD_CTLR) & GICD_CTLR_BUSY) != 0)
        ;
    store(GICR_WAKER, load(GICR_WAKER) & ~GICR_WAKER_SLEEP);
    while ((load(GICR_WAKER) & GICR_WAKER_ASLEEP) != 0)
        ;
    store(GICR_GROUP, 1u << TIMER);
    store(GICR_ENABLE, 1u << TIMER);
    WRITE(ICC_SRE, 1);
    WRITE(ICC_PMR, 0xff);
    WRITE(ICC_IGRPEN1, 1);
}

void wait(void)
{
    uint64_t until = READ("cntvct_el0") + READ("cntfrq_el0") / WAIT_PART;
    uint64_t intid;

    WRITE("cntv_cval_el0", until);
    WRITE("cntv_ctl_el0", 1);
    while (READ("cntvct_el0") < until)
        __asm__ volatile("dsb sy\n wfi" : : : "memory");
    WRITE("cntv_ctl_el0", 0);
    intid = READ(ICC_IAR1);
    if (intid < 1020)
        WRITE(ICC_EOIR1, intid);
}

_Noreturn void leave(void)
{
    struct call c = { { SYSTEM_OFF } };

    for (;;)
        call(&c);
}

/* Debian's libraries are built so that they call it. */
uintptr_t __stack_chk_guard = 0x6b656570f00d5eed;
_Noreturn void __stack_chk_fail(void);
_Noreturn void __stack_chk_fail(void)
{
    leave();
}
