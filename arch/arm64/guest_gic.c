/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual timer and the GIC's virtual CPU interface, while a guest has them. Arm IHI 0069, ICH_ registers.
 *
 * The guest's timer is this CPU's virtual one. Its interrupt, PPI 27, comes to EL2 and ends the run; the host is told,
 * and lists it in the next one. There its list register names the physical interrupt, which is active meanwhile and so
 * not signalled again: the guest's end of interrupt is the physical one's. Nobody else uses PPI 27: it is not in the
 * host's device tree, and the timer is off while the host runs.
 */
#include "guest.h"

#include "cpu.h"
#include "machine_el2.h"
#include "mmu.h"
#include "vcpu.h"

#define GICR_TYPER_AFFINITY 0x0c
#define GICR_SGI_BASE 0x10000
#define GICR_ISENABLER0 0x100
#define GICR_ISACTIVER0 0x300
#define GICR_ICACTIVER0 0x380
#define TIMER_BIT (UINT32_C(1) << CORDON_TIMER_INTID)

#define ICH_HCR_EN UINT64_C(1)
#define VTR_LIST_REGS(vtr) ((vtr) % 32 + 1)
#define VTR_PRE_BITS(vtr) ((vtr) >> 26 & 7)     /* less one */

uint32_t arch_list_registers(const struct cordon *c)
{
    uint64_t n = VTR_LIST_REGS(sysreg_read(ICH_VTR_EL2));

    (void)c;
    return n < CORDON_INTERRUPTS ? (uint32_t)n : CORDON_INTERRUPTS;
}

/* ---- this CPU's redistributor ---- */

/* Affinity as GICR_TYPER has it: Aff3.Aff2.Aff1.Aff0 in 32 bits. */
static uint32_t affinity(uint64_t mpidr)
{
    return (uint32_t)(mpidr >> 8 & 0xff000000) | (uint32_t)(mpidr & 0xffffff);
}

void gic_find_redistributor(struct cpu *cpu)
{
    cpu->sgi_frame = 0;
    for (uint32_t i = 0; i < cpu_count; i++) {
        uint64_t base = board.redistributors + i * GICR_SIZE;

        if (*(volatile uint32_t *)phys(base + GICR_TYPER_AFFINITY) == affinity(cpu->mpidr))
            cpu->sgi_frame = (uint64_t)phys(base + GICR_SGI_BASE);
    }
}

static void write_sgi_frame(uint32_t offset, uint32_t value)
{
    uint64_t base = this_cpu()->sgi_frame;

    if (base != 0)
        *(volatile uint32_t *)(base + offset) = value;
}

/* ---- timer ---- */

/* Whether the guest has been given the timer's interrupt and is not done with it. */
static bool timer_is_listed(const struct vcpu *u)
{
    for (uint32_t i = 0; i < CORDON_INTERRUPTS; i++) {
        uint64_t word = u->interrupt[i];

        if ((word & (CORDON_INTERRUPT_PENDING | CORDON_INTERRUPT_ACTIVE)) != 0 && (uint32_t)word == CORDON_TIMER_INTID)
            return true;
    }
    return false;
}

void timer_load(const struct vcpu *u)
{
    write_sgi_frame(timer_is_listed(u) ? GICR_ISACTIVER0 : GICR_ICACTIVER0, TIMER_BIT);
    write_sgi_frame(GICR_ISENABLER0, TIMER_BIT);        /* the host may have switched it off */
    sysreg_write(cnthctl_el2, 0);       /* the physical counter and timer trap */
    sysreg_write(cntvoff_el2, u->offset);
    sysreg_write(cntv_cval_el0, u->arch.cntv_cval);
    sysreg_write(cntv_ctl_el0, u->arch.cntv_ctl);
}

void timer_save(struct vcpu *u)
{
    u->arch.cntv_ctl = sysreg_read(cntv_ctl_el0) & (CNT_ENABLE | CNT_IMASK);
    u->arch.cntv_cval = sysreg_read(cntv_cval_el0);
    sysreg_write(cntv_ctl_el0, 0);
    sysreg_write(cntvoff_el2, 0);
    sysreg_write(cnthctl_el2, 3);
}

/* ---- virtual CPU interface ---- */

/* Active priorities: one register of each group for 5 bits of priority, two for 6, four for 7. */
static void load_priorities(const struct arch_vcpu *a)
{
    uint64_t bits = VTR_PRE_BITS(sysreg_read(ICH_VTR_EL2)) + 1;

    sysreg_write(ICH_AP0R0_EL2, a->ap0r[0]);
    sysreg_write(ICH_AP1R0_EL2, a->ap1r[0]);
    if (bits >= 6) {
        sysreg_write(ICH_AP0R1_EL2, a->ap0r[1]);
        sysreg_write(ICH_AP1R1_EL2, a->ap1r[1]);
    }
    if (bits >= 7) {
        sysreg_write(ICH_AP0R2_EL2, a->ap0r[2]);
        sysreg_write(ICH_AP1R2_EL2, a->ap1r[2]);
        sysreg_write(ICH_AP0R3_EL2, a->ap0r[3]);
        sysreg_write(ICH_AP1R3_EL2, a->ap1r[3]);
    }
}

static void save_priorities(struct arch_vcpu *a)
{
    uint64_t bits = VTR_PRE_BITS(sysreg_read(ICH_VTR_EL2)) + 1;

    a->ap0r[0] = sysreg_read(ICH_AP0R0_EL2);
    a->ap1r[0] = sysreg_read(ICH_AP1R0_EL2);
    if (bits >= 6) {
        a->ap0r[1] = sysreg_read(ICH_AP0R1_EL2);
        a->ap1r[1] = sysreg_read(ICH_AP1R1_EL2);
    }
    if (bits >= 7) {
        a->ap0r[2] = sysreg_read(ICH_AP0R2_EL2);
        a->ap1r[2] = sysreg_read(ICH_AP1R2_EL2);
        a->ap0r[3] = sysreg_read(ICH_AP0R3_EL2);
        a->ap1r[3] = sysreg_read(ICH_AP1R3_EL2);
    }
}

/* The list registers of this CPU, as many as are used. */
static void load_list(const uint64_t interrupt[CORDON_INTERRUPTS], uint32_t n)
{
    sysreg_write(ICH_LR0_EL2, interrupt[0]);
    if (n > 1)
        sysreg_write(ICH_LR1_EL2, interrupt[1]);
    if (n > 2)
        sysreg_write(ICH_LR2_EL2, interrupt[2]);
    if (n > 3)
        sysreg_write(ICH_LR3_EL2, interrupt[3]);
}

static void save_list(uint64_t interrupt[CORDON_INTERRUPTS], uint32_t n)
{
    interrupt[0] = sysreg_read(ICH_LR0_EL2);
    if (n > 1)
        interrupt[1] = sysreg_read(ICH_LR1_EL2);
    if (n > 2)
        interrupt[2] = sysreg_read(ICH_LR2_EL2);
    if (n > 3)
        interrupt[3] = sysreg_read(ICH_LR3_EL2);
}

void vgic_load(const struct vcpu *u)
{
    this_cpu()->host_sre = sysreg_read(ICC_SRE_EL1);
    load_list(u->interrupt, arch_list_registers(&machine));
    load_priorities(&u->arch);
    sysreg_write(ICH_VMCR_EL2, u->arch.vmcr);
    sysreg_write(ICH_HCR_EL2, ICH_HCR_EN);
}

void vgic_save(struct vcpu *u)
{
    save_list(u->interrupt, arch_list_registers(&machine));
    save_priorities(&u->arch);
    u->arch.vmcr = sysreg_read(ICH_VMCR_EL2);
    sysreg_write(ICH_HCR_EL2, 0);
    sysreg_write(ICC_SRE_EL1, this_cpu()->host_sre);
}
