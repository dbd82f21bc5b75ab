/* SPDX-License-Identifier: Apache-2.0 */
#include "trap.h"

#include "base/check.h"
#include "cordon/cordon.h"
#include "host_calls.h"
#include "inject.h"
#include "log.h"
#include "machine_el2.h"
#include "mmio.h"
#include "registers.h"

#define ESR_EC(esr) ((esr) >> 26 & 0x3f)
#define ESR_READS 1             /* an MRS */
#define FSC_TRANSLATION 0x04    /* levels 0 to 3: 0x04 to 0x07 */

/* HPFAR_EL2 has bits 47:12 of the address from its bit 4 on. */
static uint64_t fault_address(void)
{
    return (sysreg_read(hpfar_el2) >> 4 & UINT64_C(0xfffffffff)) << 12 | (sysreg_read(far_el2) & 0xfff);
}

static void skip_instruction(void)
{
    sysreg_write(elr_el2, sysreg_read(elr_el2) + 4);
}

/* Every fault maps, is done on the host's behalf, or is answered by an abort. */
static void stage2_fault(struct regs *r, uint64_t esr)
{
    uint64_t address = fault_address();

    if ((esr & 0x3c) == FSC_TRANSLATION) {
        if (cordon_map_page_host(&machine, pa(address)) == CORDON_OK) {
            count(CORDON_STAT_FAULT_MAPPED);
            return;
        }
        if (ESR_EC(esr) == EC_DATA_LOWER && mmio_access(r, esr, address)) {
            count(CORDON_STAT_MMIO);
            skip_instruction();
            return;
        }
    }
    count(CORDON_STAT_FAULT_DENIED);
    log_event(CORDON_EVENT_DENIED, address, sysreg_read(elr_el2));
    inject_abort(esr);
}

/*
 * What the host sees in the feature registers and yet does not get reads as zero, and keeps nothing: kernels set some of it up
 * whenever it is there (AMUSERENR_EL0), or look whether there is anything (BRBIDR0_EL1), before they could handle an exception.
 */
static COLD bool answer_register(struct regs *r, uint64_t esr)
{
    uint64_t rt = esr >> 5 & 0x1f;

    if (registers_treatment(registers_find(esr & REGISTER_NAME), SIDE_HOST) != ANSWERED)
        return false;
    if ((esr & ESR_READS) != 0 && rt != 31)
        r->x[arch_index(rt, 31)] = 0;
    skip_instruction();
    return true;
}

/* What is not there for the host: as an instruction that the machine does not have. */
static COLD void refuse(uint64_t esr)
{
    count(CORDON_STAT_UNDEFINED);
    log_event(CORDON_EVENT_UNDEFINED, esr, sysreg_read(elr_el2));
    inject_undefined();
}

void host_sync(struct regs *r, uint64_t esr)
{
    switch (ESR_EC(esr)) {
    case EC_DATA_LOWER:
    case EC_INSTRUCTION_LOWER:
        stage2_fault(r, esr);
        break;
    case EC_SMC64:
        skip_instruction();     /* a trapped SMC returns to itself */
        hypercall_smc(r, esr);
        break;
    case EC_REGISTER:
        if (!answer_register(r, esr))
            refuse(esr);
        break;
    default:
        refuse(esr);
        break;
    }
}
