/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions, the interrupt controller, and the virtual timer. */
#include "payload.h"

#define SYNC 4                      /* kinds of vectors.S: current level with SP_ELx */
#define IRQ 5

/* As head.S has it on the stack. */
struct exception_frame {
    uint64_t x[19];
    uint64_t x30;
    uint64_t elr;
    uint64_t spsr;
};
_Static_assert(sizeof(struct exception_frame) == FRAME_SIZE, "head.S");

#define SPSR_D 0x200u
#define SPSR_SS 0x200000u

/* A step goes on with the next one; behind a breakpoint or a watchpoint debug exceptions are masked, so that it is passed. */
static bool on_debug(struct exception_frame *f, uint64_t class, uint64_t far)
{
    struct cpu *cpu = this_cpu();
    uint32_t n = cpu->debugged;

    if (!cpu->debugs || (class != EC_BREAKPOINT && class != EC_STEP && class != EC_WATCHPOINT))
        return false;
    if (n < DEBUG_EVENTS) {
        cpu->debug_class[n] = class;
        cpu->debug_at[n] = class == EC_WATCHPOINT ? far : f->elr;
        cpu->debugged = n + 1;
    }
    f->spsr |= class == EC_STEP && n < DEBUG_EVENTS ? SPSR_SS : SPSR_D;
    return true;
}

/* One that was looked for is skipped; a jump that failed returns to where it came from. */
static void on_fault(struct exception_frame *f, uint64_t kind)
{
    struct cpu *cpu = this_cpu();
    uint64_t esr = READ_REGISTER(esr_el1);
    uint64_t far = READ_REGISTER(far_el1);

    if (kind == SYNC && on_debug(f, EXCEPTION_CLASS(esr), far))
        return;
    if (kind != SYNC || !cpu->expects)
        die("exception %u, ESR %x, FAR %x, ELR %x on vCPU %u", (const uint64_t[]){ kind, esr, far, f->elr, cpu->index });
    cpu->faults++;
    cpu->esr = esr;
    cpu->far = far;
    f->elr = EXCEPTION_CLASS(esr) == EC_FETCH ? f->x30 : f->elr + 4;
    /* What these return to is behind them already. */
    if (EXCEPTION_CLASS(esr) >= 0x15 && EXCEPTION_CLASS(esr) <= 0x17)
        f->elr -= 4;
}

void on_exception(struct exception_frame *f, uint64_t kind)
{
    if (kind == IRQ)
        gic_take();
    else
        on_fault(f, kind);
}

/* ---- GICv3 ---- */

#define GICD_CTLR 0x0
#define GICD_CTLR_ON 0x12           /* affinity routing, group 1 */
#define GICD_IGROUPR 0x80
#define GICD_ISENABLER 0x100
#define GICD_ICENABLER 0x180
#define GICD_IPRIORITYR 0x400
#define GICD_IROUTER 0x6000
#define GICD_CTLR_BUSY 0x80000000u
#define GICR_WAKER 0x14
#define GICR_WAKER_SLEEP 2u
#define GICR_WAKER_ASLEEP 4u
#define GICR_PRIVATE 0x10000        /* the frame of SGIs and PPIs; registers at the distributor's offsets */
#define PRIORITY 0xa0

#define ICC_SRE S3_0_C12_C12_5
#define ICC_PMR S3_0_C4_C6_0
#define ICC_BPR1 S3_0_C12_C12_3
#define ICC_CTLR S3_0_C12_C12_4
#define ICC_IGRPEN1 S3_0_C12_C12_7
#define ICC_IAR1 S3_0_C12_C12_0
#define ICC_EOIR1 S3_0_C12_C12_1
#define ICC_SGI1R S3_0_C12_C11_5

void gic_start(void)
{
    write32(GICD_BASE + GICD_CTLR, GICD_CTLR_ON);
    while (read32(GICD_BASE + GICD_CTLR) & GICD_CTLR_BUSY)
        relax();
}

/* This CPU's redistributor: they lie before the distributor, one behind the other. */
static uint64_t redistributor(void)
{
    return GICD_BASE - (machine.cpus - this_cpu()->index) * GICR_SIZE;
}

void gic_start_cpu(void)
{
    uint64_t base = redistributor();
    uint64_t private = base + GICR_PRIVATE;

    write32(base + GICR_WAKER, read32(base + GICR_WAKER) & ~GICR_WAKER_SLEEP);
    while (read32(base + GICR_WAKER) & GICR_WAKER_ASLEEP)
        relax();
    write32(private + GICD_IGROUPR, ~0u);
    for (uint32_t i = 0; i < 32; i++)
        write8(private + GICD_IPRIORITYR + i, PRIORITY);
    write32(private + GICD_ISENABLER, 0xffffu | 1u << TIMER_INTID | 1u << PHYSICAL_INTID);
    WRITE_REGISTER(ICC_SRE, 1);
    WRITE_REGISTER(ICC_PMR, 0xff);
    WRITE_REGISTER(ICC_BPR1, 0);
    WRITE_REGISTER(ICC_CTLR, 0);
    WRITE_REGISTER(ICC_IGRPEN1, 1);
    interrupts_on();
}

void gic_enable_private(uint32_t intid, bool on)
{
    write32(redistributor() + GICR_PRIVATE + (on ? GICD_ISENABLER : GICD_ICENABLER), 1u << intid);
}

/* Shared interrupts go to vCPU 0. */
void gic_enable_spi(uint32_t intid, bool on)
{
    uint64_t word = GICD_BASE + intid / 32 * 4;

    if (on) {
        write32(word + GICD_IGROUPR, read32(word + GICD_IGROUPR) | 1u << intid % 32);
        write8(GICD_BASE + GICD_IPRIORITYR + intid, PRIORITY);
        write64(GICD_BASE + GICD_IROUTER + 8ull * intid, 0);
    }
    write32(word + (on ? GICD_ISENABLER : GICD_ICENABLER), 1u << intid % 32);
}

void gic_send(uint64_t targets, uint32_t intid, bool all_others)
{
    __asm__ volatile("dsb ishst" : : : "memory");   /* what the target shall see, before it is interrupted */
    WRITE_REGISTER(ICC_SGI1R, (uint64_t)all_others << 40 | (uint64_t)intid << 24 | targets);
}

uint32_t gic_take(void)
{
    uint32_t intid = (uint32_t)READ_REGISTER(ICC_IAR1);
    struct cpu *cpu = this_cpu();

    __asm__ volatile("dsb sy" : : : "memory");      /* acknowledged before what it stands for is looked at */
    if (intid >= 1020)
        return intid;
    if (intid == TIMER_INTID)
        WRITE_REGISTER(cntv_ctl_el0, 0);
    if (intid == PHYSICAL_INTID)
        WRITE_REGISTER(cntp_ctl_el0, 0);
    if (intid == UART_SPI + 32)
        write8(UART_BASE + 1, 0);                   /* its interrupts off: the level falls */
    if (intid < 64)
        cpu->irqs[intid]++;
    WRITE_REGISTER(ICC_EOIR1, intid);
    return intid;
}

/* ---- the timer ---- */

void timer_set(uint64_t us)
{
    WRITE_REGISTER(cntv_cval_el0, READ_REGISTER(cntvct_el0) + us * (READ_REGISTER(cntfrq_el0) / 1000000));
    WRITE_REGISTER(cntv_ctl_el0, 1);
}

/* Interrupts are off from the look at the count to the WFI, which an interrupt that is pending ends at once. */
void sleep_until_irq(uint32_t intid, uint32_t before)
{
    struct cpu *cpu = this_cpu();

    while (cpu->irqs[intid] == before) {
        __asm__ volatile("dsb sy\n wfi" : : : "memory");
        interrupts_on();
        __asm__ volatile("isb" : : : "memory");     /* a pending one is taken here */
        interrupts_off();
    }
}

void sleep_us(uint64_t us)
{
    uint32_t before;

    interrupts_off();
    before = this_cpu()->irqs[TIMER_INTID];
    timer_set(us);
    sleep_until_irq(TIMER_INTID, before);
    interrupts_on();
}
