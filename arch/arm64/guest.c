/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switch between the host and a guest on one CPU. A guest is entered with the host's EL1 registers put away in the
 * CPU's record, and left with its own in its vCPU: nothing of one is in a register while the other runs.
 *
 * The order keeps a walk of one's stage 1 from meeting the other's stage 2: walks through TTBR0 and TTBR1 are switched
 * off (TCR_EL1.EPD0, EPD1) before VTTBR_EL2 changes, and on again when all registers are the new one's.
 */
#include "controls.h"
#include "cpu.h"
#include "guest_debug.h"
#include "guest_entry.h"
#include "guest_gic.h"
#include "inject.h"
#include "predict.h"
#include "guest/exit.h"
#include "guest/vcpu.h"

#include <stddef.h>

_Static_assert(offsetof(struct vcpu, x) == 0 && offsetof(struct vcpu, pc) == VCPU_PC &&
               offsetof(struct vcpu, pstate) == VCPU_PC + 8, "layout.h");
_Static_assert(offsetof(struct vcpu, arch) % 16 == 0 && offsetof(struct arch_vcpu, v) == 0 &&
               offsetof(struct arch_vcpu, fpcr) == ARCH_VCPU_FPCR, "layout.h");

void arch_vcpu_reset(struct cordon *c, struct vcpu *u)
{
    (void)c;
    u->arch = (struct arch_vcpu){ .el1 = { .sctlr = SCTLR_EL1_RES1 } };
}

/* ---- EL1 ---- */

static inline void stop_walks(uint64_t tcr)
{
    sysreg_write(tcr_el1, tcr | TCR_EPD0 | TCR_EPD1);
    isb();
}

static inline void save_keys(uint64_t key[AUTH_KEYS])
{
    key[0] = sysreg_read(APIAKEYLO_EL1);
    key[1] = sysreg_read(APIAKEYHI_EL1);
    key[2] = sysreg_read(APIBKEYLO_EL1);
    key[3] = sysreg_read(APIBKEYHI_EL1);
    key[4] = sysreg_read(APDAKEYLO_EL1);
    key[5] = sysreg_read(APDAKEYHI_EL1);
    key[6] = sysreg_read(APDBKEYLO_EL1);
    key[7] = sysreg_read(APDBKEYHI_EL1);
    key[8] = sysreg_read(APGAKEYLO_EL1);
    key[9] = sysreg_read(APGAKEYHI_EL1);
}

static inline void load_keys(const uint64_t key[AUTH_KEYS])
{
    sysreg_write(APIAKEYLO_EL1, key[0]);
    sysreg_write(APIAKEYHI_EL1, key[1]);
    sysreg_write(APIBKEYLO_EL1, key[2]);
    sysreg_write(APIBKEYHI_EL1, key[3]);
    sysreg_write(APDAKEYLO_EL1, key[4]);
    sysreg_write(APDAKEYHI_EL1, key[5]);
    sysreg_write(APDBKEYLO_EL1, key[6]);
    sysreg_write(APDBKEYHI_EL1, key[7]);
    sysreg_write(APGAKEYLO_EL1, key[8]);
    sysreg_write(APGAKEYHI_EL1, key[9]);
}

/* ---- the whole switch ---- */

/*
 * Translations are tagged with the VM, not the vCPU, and two vCPUs may give one address space number to two address
 * spaces: what another vCPU has left on this CPU is forgotten. VTTBR_EL2 is the guest's.
 */
static void forget_other_vcpu(struct cpu *cpu, const struct vcpu *u)
{
    if (cpu->last_vcpu == u)
        return;
    __asm__ volatile("tlbi vmalle1\n dsb nsh" ::: "memory");    /* done before the guest's first access */
    cpu->last_vcpu = u;
}

/* Counters of events stand still while a guest runs: the host must not count what it does. */
static void stop_counting(struct cpu *cpu)
{
    if (!cpu->has_pmu)
        return;
    cpu->pmcr = sysreg_read(pmcr_el0);
    sysreg_write(pmcr_el0, cpu->pmcr & ~UINT64_C(1));
}

static void go_on_counting(const struct cpu *cpu)
{
    if (cpu->has_pmu)
        sysreg_write(pmcr_el0, cpu->pmcr);
}

/*
 * Registers of extensions that a guest is not told of, and that yet do not trap: zero whenever it comes in, so that they
 * carry nothing from the host, or from one guest to the next. Before CPTR_EL2 is the guest's, with which SME traps here.
 */
static void put_away_extensions(struct cpu *cpu)
{
    if (cpu->has_ras)
        sysreg_write(VDISR_EL2, 0);     /* a guest's DISR_EL1 */
    if (!cpu->has_sme)
        return;
    sysreg_write(SVCR, 0);      /* a host in streaming mode would take the guest's vector instructions from it */
    cpu->host_tpidr2 = sysreg_read(TPIDR2_EL0);
    sysreg_write(TPIDR2_EL0, 0);
    isb();
}

static void take_back_extensions(const struct cpu *cpu)
{
    if (cpu->has_sme)
        sysreg_write(TPIDR2_EL0, cpu->host_tpidr2);
}

void arch_vcpu_enter(struct cordon *c, struct vm *vm, struct vcpu *u)
{
    struct cpu *cpu = this_cpu();

    (void)c;
    cpu->host_pc = sysreg_read(elr_el2);
    cpu->host_pstate = sysreg_read(spsr_el2);
    el1_save(&cpu->host);
    stop_walks(cpu->host.tcr_el1);
    stop_counting(cpu);
    put_away_extensions(cpu);
    predict_guest_enters(cpu);
    sysreg_write(vttbr_el2, (uint64_t)vm->s2.vmid << 48 | vm->s2.root * CORDON_PAGE_SIZE);
    sysreg_write(vmpidr_el2, UINT64_C(1) << 31 | u->index);
    controls_switch(&cpu->plan, SIDE_GUEST);
    sysreg_write(vbar_el2, cpu->guest_vectors);
    cpu->vectors_loaded = false;
    isb();
    forget_other_vcpu(cpu, u);
    el1_load(&u->arch.el1);
    if (cpu->has_pauth) {
        save_keys(cpu->host_key);
        load_keys(u->arch.key);
    }
    debug_load(cpu, u, u->arch.el1.mdscr);
    timer_load(u);
    vgic_load(u);
    isb();
    sysreg_write(tcr_el1, u->arch.el1.tcr_el1);
}

void arch_vcpu_leave(struct cordon *c, struct vcpu *u)
{
    struct cpu *cpu = this_cpu();

    vgic_save(u);
    timer_save(u);
    if (cpu->vectors_loaded)
        vectors_save(&u->arch);
    debug_leave(cpu);
    el1_save(&u->arch.el1);
    stop_walks(u->arch.el1.tcr_el1);
    if (cpu->has_pauth) {
        save_keys(u->arch.key);
        load_keys(cpu->host_key);
    }
    sysreg_write(vttbr_el2, c->host.root * CORDON_PAGE_SIZE);
    sysreg_write(vmpidr_el2, sysreg_read(mpidr_el1));
    controls_switch(&cpu->plan, SIDE_HOST);
    sysreg_write(vbar_el2, cpu->host_vectors);
    isb();
    take_back_extensions(cpu);
    el1_load(&cpu->host);
    sysreg_write(elr_el2, cpu->host_pc);
    sysreg_write(spsr_el2, cpu->host_pstate);
    go_on_counting(cpu);
    predict_guest_left(cpu);
    isb();
    sysreg_write(tcr_el1, cpu->host.tcr_el1);
}

/* ---- in the guest ---- */

/* Many runs are over before the guest has touched a vector register: it gets its own when it does, and not before. */
static void load_vectors(struct cpu *cpu, const struct vcpu *u)
{
    controls_let_vectors(&cpu->plan);
    isb();
    vectors_load(&u->arch);
    cpu->vectors_loaded = true;
}

/* HPFAR_EL2 has bits 47:12 of the address from its bit 4 on. */
static uint64_t fault_address(uint64_t far)
{
    return (sysreg_read(hpfar_el2) >> 4 & UINT64_C(0xfffffffff)) << 12 | (far & 0xfff);
}

void arch_vcpu_resume(struct cordon *c, struct vcpu *u, struct trap *t)
{
    struct cpu *cpu = this_cpu();
    uint64_t class;

    (void)c;
    for (;;) {
        t->kind = (enum trap_kind)guest_resume(u);
        cpu->stat[CORDON_STAT_GUEST_TRAP]++;
        t->esr = sysreg_read(esr_el2);
        class = t->esr >> 26 & 0x3f;
        if (t->kind != TRAP_SYNC || class != EC_VECTORS || cpu->vectors_loaded)
            break;
        load_vectors(cpu, u);
    }
    if (class == EC_DATA_LOWER || class == EC_INSTRUCTION_LOWER) {
        t->far = sysreg_read(far_el2);
        t->ipa = fault_address(t->far);
    }
}

void arch_vcpu_abort(struct cordon *c, struct vcpu *u, uint64_t esr, uint64_t far)
{
    (void)c;
    inject_external(esr, far, &u->pc, &u->pstate);
}

void arch_vcpu_undefined(struct cordon *c, struct vcpu *u)
{
    (void)c;
    inject_unknown(&u->pc, &u->pstate);
}

bool arch_vcpu_in_handler(struct cordon *c, const struct vcpu *u)
{
    (void)c;
    return inject_would_repeat(u->pc, u->pstate);
}

/* ---- time, and odds and ends ---- */

uint64_t arch_counter(const struct cordon *c)
{
    (void)c;
    isb();      /* not earlier than what came before it */
    return sysreg_read(cntpct_el0);
}

bool arch_vcpu_timer(const struct cordon *c, const struct vcpu *u, uint64_t *deadline)
{
    if ((u->arch.cntv_ctl & (CNT_ENABLE | CNT_IMASK)) != CNT_ENABLE) {
        *deadline = UINT64_MAX;
        return false;
    }
    *deadline = u->arch.cntv_cval + u->offset;
    return arch_counter(c) - u->offset >= u->arch.cntv_cval;
}

void arch_code_loaded(struct cordon *c)
{
    (void)c;
    __asm__ volatile("ic ialluis\n dsb ish\n isb" ::: "memory");    /* no CPU has old instructions for the loaded frames */
}
