/* SPDX-License-Identifier: Apache-2.0 */
/* Taking an exception to EL1 in the name of the host or a guest. Arm ARM D1.3.1, AArch64.TakeException. */
#include "inject.h"

#include "log.h"
#include "print.h"
#include "psci.h"

#define ESR_IL (UINT64_C(1) << 25)
#define ISS_S1PTW (UINT64_C(1) << 7)
#define ISS_CM (UINT64_C(1) << 8)
#define ISS_WNR (UINT64_C(1) << 6)
#define FSC_EXTERNAL 0x10
#define FSC_EXTERNAL_WALK 0x14
#define FSC_ALIGNMENT 0x21

#define PSR_MODE_EL(psr) ((psr) >> 2 & 3)
#define PSR_AARCH32 (UINT64_C(1) << 4)
#define PSR_SP (UINT64_C(1) << 0)
#define PSR_PAN (UINT64_C(1) << 22)
#define PSR_DIT (UINT64_C(1) << 24)
#define PSR_SSBS (UINT64_C(1) << 12)
#define PSR_TCO (UINT64_C(1) << 25)
#define PSR_NZCV (UINT64_C(0xf) << 28)

/* Where in the host's vectors an exception from this state goes. */
static uint64_t vector_offset(uint64_t psr)
{
    if (PSR_MODE_EL(psr) == 1)
        return (psr & PSR_SP) != 0 ? 0x200 : 0;
    return (psr & PSR_AARCH32) != 0 ? 0x600 : 0x400;
}

/* PSTATE at the first instruction of an exception handler at EL1. */
static uint64_t handler_state(uint64_t psr)
{
    uint64_t sctlr = sysreg_read(sctlr_el1);
    uint64_t state = (psr & (PSR_NZCV | PSR_DIT | PSR_PAN)) | PSR_DAIF | PSR_EL1H;

    if (id_field(sysreg_read(id_aa64mmfr1_el1), 20) != 0 && (sctlr & SCTLR_SPAN) == 0)
        state |= PSR_PAN;
    if (id_field(sysreg_read(id_aa64pfr1_el1), 4) != 0 && (sctlr & SCTLR_DSSBS) != 0)
        state |= PSR_SSBS;
    if (id_field(sysreg_read(id_aa64pfr1_el1), 8) >= 2)
        state |= PSR_TCO;
    return state;
}

/* PC and PSTATE become those of EL1's handler; its registers say from where. */
static void take_exception(uint64_t esr, uint64_t far, uint64_t *pc, uint64_t *psr)
{
    uint64_t before = *psr;

    sysreg_write(esr_el1, esr);
    sysreg_write(far_el1, far);
    sysreg_write(elr_el1, *pc);
    sysreg_write(spsr_el1, before);
    *pc = sysreg_read(vbar_el1) + vector_offset(before);
    *psr = handler_state(before);
}

/* The same for the host, whose PC and PSTATE are in EL2's registers. */
static void take_in_host(uint64_t esr, uint64_t far)
{
    uint64_t pc = sysreg_read(elr_el2);
    uint64_t psr = sysreg_read(spsr_el2);

    take_exception(esr, far, &pc, &psr);
    sysreg_write(elr_el2, pc);
    sysreg_write(spsr_el2, psr);
}

bool inject_would_repeat(uint64_t pc, uint64_t psr)
{
    return PSR_MODE_EL(psr) == 1 && pc - sysreg_read(vbar_el1) < 0x800;
}

/* ---- a host that has no handler ---- */

/* The access to a register or the instruction whose trap a syndrome of class EC_REGISTER tells of, as assemblers write it. */
static void print_register(uint64_t esr)
{
    print("%s of register s%u_%u_c%u_c%u_%u", (esr & 1) != 0 ? "a read" : "a write", esr >> 20 & 3, esr >> 14 & 7, esr >> 10 & 15,
          esr >> 1 & 15, esr >> 17 & 7);
}

static const char *class_text(uint64_t class)
{
    switch (class) {
    case EC_UNKNOWN: return "an undefined instruction";
    case EC_VECTORS: return "a vector instruction";
    case EC_BRANCH_TARGET: return "a branch to where none may go";
    case EC_INSTRUCTION_LOWER: case EC_INSTRUCTION_SAME: return "an instruction that cannot be fetched";
    case EC_PC_ALIGNMENT: return "a misaligned PC";
    case EC_DATA_LOWER: case EC_DATA_SAME: return "an access to memory";
    case EC_SP_ALIGNMENT: return "a misaligned stack pointer";
    case EC_SERROR: return "an SError";
    case EC_BRK: return "a BRK instruction";
    default: return "of another class";
    }
}

/* The syndrome with which the instruction at pc trapped to EL2 on this CPU and was refused; 0: it did not. */
static uint64_t refused_at(uint64_t pc)
{
    uint64_t out[4];

    log_read(UINT64_MAX, out);      /* beyond the last one: how many there are */
    for (uint64_t number = out[1]; number > 0; number--) {
        log_read(number - 1, out);
        if (out[0] != 0)
            return 0;
        if (out[1] == ((uint64_t)CORDON_EVENT_UNDEFINED | (uint64_t)this_cpu()->number << 32) && out[3] == pc)
            return out[2];
    }
    return 0;
}

/* The host's first exception left its marks in EL1's registers; that of its handler was not taken there. */
static void print_last_exception(void)
{
    uint64_t pc = sysreg_read(elr_el1);
    uint64_t esr = sysreg_read(esr_el1);
    uint64_t trapped = refused_at(pc);
    uint64_t class = esr >> 26 & 0x3f;

    print("Cordon: its last exception was at %x: ", pc);
    if (trapped >> 26 == EC_REGISTER) {
        print_register(trapped);
        print(", which I refuse (syndrome %x).\n"
              "Cordon: the CPU has what I do not know or not offer. Try another model of CPU, or an older kernel.\n", trapped);
        return;
    }
    print("%s", trapped != 0 ? "an instruction that I refuse" : class_text(class));
    if (class == EC_DATA_SAME || class == EC_INSTRUCTION_SAME)
        print(" at %x", sysreg_read(far_el1));
    print(" (syndrome %x).\n"
          "Cordon: the kernel was not ready to say so itself. Try it without me, or another kernel or model of CPU.\n",
          trapped != 0 ? trapped : esr);
}

/*
 * A host whose handler itself cannot be fetched has no way to go on: the abort would be the handler's next one. Its CPU
 * is switched off, as a real one would spin there for ever.
 */
static void stop_if_without_handler(uint64_t class, uint64_t psr)
{
    if (class != EC_INSTRUCTION_LOWER || !inject_would_repeat(sysreg_read(elr_el2), psr))
        return;
    print("\nCordon: CPU %u of the host cannot fetch its exception handler at %x: it is switched off.\n",
          (uint64_t)this_cpu()->number, sysreg_read(elr_el2));
    print_last_exception();
    psci_stop_this_cpu(1);
}

/*
 * What kind of refusal. A user's access, and any instruction fetch, meets an external abort: a signal. The kernel's own
 * data access meets one that Linux looks up in its table of accesses that may fail, so that those get EFAULT; an
 * external abort there would kill the task whatever it did.
 */
static uint64_t fault_kind(uint64_t class, uint64_t psr, uint64_t esr)
{
    if ((esr & ISS_S1PTW) != 0)
        return FSC_EXTERNAL_WALK | (esr & 3);
    return class == EC_DATA_LOWER && PSR_MODE_EL(psr) == 1 ? FSC_ALIGNMENT : FSC_EXTERNAL;
}

/* The syndrome of an abort in EL1's own terms: its class, and of the access what EL1 would have been told. */
static uint64_t abort_syndrome(uint64_t esr, uint64_t psr, uint64_t kind)
{
    uint64_t class = esr >> 26 & 0x3f;
    uint64_t same = PSR_MODE_EL(psr) == 1 ? 1 : 0;
    uint64_t iss = class == EC_DATA_LOWER ? esr & (ISS_CM | ISS_WNR) : 0;

    return (class + same) << 26 | ESR_IL | iss | kind;
}

void inject_abort(uint64_t esr)
{
    uint64_t psr = sysreg_read(spsr_el2);
    uint64_t class = esr >> 26 & 0x3f;

    stop_if_without_handler(class, psr);
    take_in_host(abort_syndrome(esr, psr, fault_kind(class, psr, esr)), sysreg_read(far_el2));
}

void inject_undefined(void)
{
    take_in_host((uint64_t)EC_UNKNOWN << 26 | ESR_IL, sysreg_read(far_el1));
}

/* A guest's access that leads nowhere: what a bus without a device there answers. */
void inject_external(uint64_t esr, uint64_t far, uint64_t *pc, uint64_t *psr)
{
    uint64_t kind = (esr & ISS_S1PTW) != 0 ? FSC_EXTERNAL_WALK | (esr & 3) : FSC_EXTERNAL;

    take_exception(abort_syndrome(esr, *psr, kind), far, pc, psr);
}

void inject_unknown(uint64_t *pc, uint64_t *psr)
{
    take_exception((uint64_t)EC_UNKNOWN << 26 | ESR_IL, sysreg_read(far_el1), pc, psr);
}
