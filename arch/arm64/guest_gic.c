/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual timer and the GIC's virtual CPU interface, while a guest has them. Arm IHI 0069, ICH_ registers.
 *
 * The guest's timer is this CPU's virtual one. Its interrupt, PPI 27, comes to EL2 and ends the run; the host is told,
 * and lists it in the next one. There its list register names the physical interrupt, which is active meanwhile and so
 * not signalled again: the guest's end of interrupt is the physical one's. Nobody else uses PPI 27: it is not in the
 * host's device tree, and the timer is off while the host runs.
 */
#include "guest_gic.h"

#include "controls.h"
#include "phys.h"
#include "guest/vcpu.h"

#define GICR_SGI_BASE 0x10000
#define GICR_ISENABLER0 0x100
#define GICR_ISACTIVER0 0x300
#define GICR_ICACTIVER0 0x380
#define TIMER_BIT (UINT32_C(1) << CORDON_TIMER_INTID)

#define ICC_SRE_ALL UINT64_C(7)
#define VTR_LIST_REGS(vtr) ((vtr) % 32 + 1)
#define VTR_PRE_BITS(vtr) ((vtr) >> 26 & 7)     /* less one */

uint32_t arch_list_registers(const struct cordon *c)
{
    (void)c;
    return this_cpu()->list_registers;
}

/* ---- this CPU's redistributor ---- */

/*
 * All list registers that the CPU has are empty, whoever has used them before: those that no guest gets stay so. What the CPU
 * does not have is not touched: it would be an undefined instruction.
 */
static void clear_list(uint64_t n)
{
#define CLEAR(i)    \
    if ((i) < n)    \
        sysreg_write(ICH_LR##i##_EL2, 0);
    CLEAR(0) CLEAR(1) CLEAR(2) CLEAR(3) CLEAR(4) CLEAR(5) CLEAR(6) CLEAR(7)
    CLEAR(8) CLEAR(9) CLEAR(10) CLEAR(11) CLEAR(12) CLEAR(13) CLEAR(14) CLEAR(15)
#undef CLEAR
}

/* Whether EL1 can leave the GIC's registers for those in memory. Where it cannot, ICC_SRE_EL1 is a constant. */
static bool has_legacy(void)
{
    uint64_t sre = sysreg_read(ICC_SRE_EL1);
    bool changes;

    sysreg_write(ICC_SRE_EL1, 0);
    isb();
    changes = (sysreg_read(ICC_SRE_EL1) & 1) == 0;
    sysreg_write(ICC_SRE_EL1, sre);
    isb();
    return changes;
}

/* One register of active priorities for 5 bits of priority, two for 6, four for 7. */
void gic_set_up(struct cpu *cpu)
{
    uint64_t vtr = sysreg_read(ICH_VTR_EL2);
    uint64_t bits = VTR_PRE_BITS(vtr) + 1;

    cpu->list_registers = VTR_LIST_REGS(vtr) < CORDON_INTERRUPTS ? (uint32_t)VTR_LIST_REGS(vtr) : CORDON_INTERRUPTS;
    cpu->priority_registers = bits < 6 ? 1 : bits == 6 ? 2 : 4;
    clear_list(VTR_LIST_REGS(vtr));
    cpu->listed = false;
    cpu->has_legacy = has_legacy();
    cpu->timer_enabled = false;
    cpu->timer_active = true;
    cpu->sgi_frame = cpu->redistributor != 0 ? (uint64_t)phys(cpu->redistributor + GICR_SGI_BASE) : 0;
}

static void write_sgi_frame(const struct cpu *cpu, uint32_t offset, uint32_t value)
{
    if (cpu->sgi_frame != 0)
        *(volatile uint32_t *)(cpu->sgi_frame + offset) = value;
}

/* ---- timer ---- */

/* Whether the guest has been given the timer's interrupt and is not done with it. */
static bool timer_is_listed(const struct vcpu *u)
{
    const uint64_t *word = u->interrupt;

    if (!u->listed)
        return false;
    for (uint32_t i = 0; i < CORDON_INTERRUPTS; i++) {
        if ((word[i] & (CORDON_INTERRUPT_PENDING | CORDON_INTERRUPT_ACTIVE)) != 0 && (uint32_t)word[i] == CORDON_TIMER_INTID)
            return true;
    }
    return false;
}

/* Whether it asked for its interrupt when the last run ended: the host was told. */
static bool timer_was_due(const struct vcpu *u)
{
    return u->arch.cntv_ctl == (CNT_ENABLE | CNT_ISTATUS);
}

/*
 * What was written last is remembered: a host that undoes it behind Cordon's back only keeps the guest's timer from
 * ending a run, as it could by not running it.
 */
static void set_timer_interrupt(struct cpu *cpu, bool active)
{
    if (cpu->timer_enabled && !cpu->timer_active && !active)
        return;
    if (!cpu->timer_enabled)
        write_sgi_frame(cpu, GICR_ISENABLER0, TIMER_BIT);
    if (cpu->timer_active || active)        /* the guest's end of it may have made it inactive */
        write_sgi_frame(cpu, active ? GICR_ISACTIVER0 : GICR_ICACTIVER0, TIMER_BIT);
    cpu->timer_enabled = true;
    cpu->timer_active = active;
}

/*
 * An interrupt that the host was told of and has not listed, because the guest has it disabled, must not end the run at
 * once, and each one after it: the guest would never come to enable it. It is held active then, as a listed one is.
 */
void timer_load(const struct vcpu *u)
{
    set_timer_interrupt(this_cpu(), timer_is_listed(u) || timer_was_due(u));
    control_write(&this_cpu()->plan, SIDE_GUEST, CNTHCTL);
    sysreg_write(cntvoff_el2, u->offset);
    sysreg_write(cntv_cval_el0, u->arch.cntv_cval);
    sysreg_write(cntv_ctl_el0, u->arch.cntv_ctl);       /* ISTATUS is read-only */
}

void timer_save(struct vcpu *u)
{
    u->arch.cntv_ctl = sysreg_read(cntv_ctl_el0) & (CNT_ENABLE | CNT_IMASK | CNT_ISTATUS);
    u->arch.cntv_cval = sysreg_read(cntv_cval_el0);
    sysreg_write(cntv_ctl_el0, 0);
    sysreg_write(cntv_cval_el0, 0);     /* EL1 can read it: when the guest's timer is off, its value is the guest's alone */
    sysreg_write(cntvoff_el2, 0);
    control_write(&this_cpu()->plan, SIDE_HOST, CNTHCTL);
}

/* ---- virtual CPU interface ---- */

static void load_priorities(const struct arch_vcpu *a, uint32_t n)
{
    sysreg_write(ICH_AP0R0_EL2, a->ap0r[0]);
    sysreg_write(ICH_AP1R0_EL2, a->ap1r[0]);
    if (n >= 2) {
        sysreg_write(ICH_AP0R1_EL2, a->ap0r[1]);
        sysreg_write(ICH_AP1R1_EL2, a->ap1r[1]);
    }
    if (n >= 4) {
        sysreg_write(ICH_AP0R2_EL2, a->ap0r[2]);
        sysreg_write(ICH_AP1R2_EL2, a->ap1r[2]);
        sysreg_write(ICH_AP0R3_EL2, a->ap0r[3]);
        sysreg_write(ICH_AP1R3_EL2, a->ap1r[3]);
    }
}

static void save_priorities(struct arch_vcpu *a, uint32_t n)
{
    a->ap0r[0] = sysreg_read(ICH_AP0R0_EL2);
    a->ap1r[0] = sysreg_read(ICH_AP1R0_EL2);
    if (n >= 2) {
        a->ap0r[1] = sysreg_read(ICH_AP0R1_EL2);
        a->ap1r[1] = sysreg_read(ICH_AP1R1_EL2);
    }
    if (n >= 4) {
        a->ap0r[2] = sysreg_read(ICH_AP0R2_EL2);
        a->ap1r[2] = sysreg_read(ICH_AP1R2_EL2);
        a->ap0r[3] = sysreg_read(ICH_AP0R3_EL2);
        a->ap1r[3] = sysreg_read(ICH_AP1R3_EL2);
    }
}

/* The list registers of this CPU, as many as are used. Nothing fills one that is empty. */
static void load_list(struct cpu *cpu, const struct vcpu *u)
{
    const uint64_t *interrupt = u->interrupt;

    if (!u->listed && !cpu->listed)
        return;
    cpu->listed = u->listed;
    sysreg_write(ICH_LR0_EL2, interrupt[0]);
    if (cpu->list_registers > 1)
        sysreg_write(ICH_LR1_EL2, interrupt[1]);
    if (cpu->list_registers > 2)
        sysreg_write(ICH_LR2_EL2, interrupt[2]);
    if (cpu->list_registers > 3)
        sysreg_write(ICH_LR3_EL2, interrupt[3]);
}

static void save_list(const struct cpu *cpu, uint64_t interrupt[CORDON_INTERRUPTS])
{
    if (!cpu->listed)
        return;
    interrupt[0] = sysreg_read(ICH_LR0_EL2);
    if (cpu->list_registers > 1)
        interrupt[1] = sysreg_read(ICH_LR1_EL2);
    if (cpu->list_registers > 2)
        interrupt[2] = sysreg_read(ICH_LR2_EL2);
    if (cpu->list_registers > 3)
        interrupt[3] = sysreg_read(ICH_LR3_EL2);
}

/* Whatever the host has there, a guest has registers: the virtual interface is made of them. It cannot change that. */
static void load_interrupt_mode(struct cpu *cpu)
{
    cpu->host_sre = sysreg_read(ICC_SRE_EL1);
    sysreg_write(ICC_SRE_EL1, ICC_SRE_ALL);
    control_write(&cpu->plan, SIDE_GUEST, ICC_SRE);
    isb();      /* ICH_VMCR_EL2 means what ICC_SRE_EL1 says */
}

static void take_back_interrupt_mode(const struct cpu *cpu)
{
    isb();      /* the virtual interface is off */
    control_write(&cpu->plan, SIDE_HOST, ICC_SRE);
    sysreg_write(ICC_SRE_EL1, cpu->host_sre);
}

void vgic_load(const struct vcpu *u)
{
    struct cpu *cpu = this_cpu();

    if (cpu->has_legacy)
        load_interrupt_mode(cpu);
    load_list(cpu, u);
    load_priorities(&u->arch, cpu->priority_registers);
    sysreg_write(ICH_VMCR_EL2, u->arch.vmcr);
    control_write(&cpu->plan, SIDE_GUEST, ICH_HCR);
}

void vgic_save(struct vcpu *u)
{
    struct cpu *cpu = this_cpu();

    save_list(cpu, u->interrupt);
    save_priorities(&u->arch, cpu->priority_registers);
    u->arch.vmcr = sysreg_read(ICH_VMCR_EL2);
    control_write(&cpu->plan, SIDE_HOST, ICH_HCR);
    if (cpu->has_legacy)
        take_back_interrupt_mode(cpu);
}
