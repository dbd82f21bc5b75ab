/* SPDX-License-Identifier: Apache-2.0 */
#include "mmio.h"

#include "board.h"
#include "its.h"
#include "log.h"
#include "pci_config.h"
#include "phys.h"

#define ISS_ISV (UINT64_C(1) << 24)
#define ISS_SSE (UINT64_C(1) << 21)
#define ISS_S1PTW (UINT64_C(1) << 7)
#define ISS_WNR (UINT64_C(1) << 6)

#define GICR_IIDR 0x04
#define GICR_WAKER 0x14
/*
 * Where the host has no ITS there are no LPIs, and none of what follows from them. VLPIS stays: it says that there are four
 * frames, without which a host would not find the next redistributor. The two that it adds are hidden.
 */
#define TYPER_HIDDEN (GICR_TYPER_PLPIS | GICR_TYPER_DIRTY | GICR_TYPER_DIRECT_LPI | GICR_TYPER_RVPEID | GICR_TYPER_VSGI)

static volatile uint32_t *word(uint64_t address) { return phys(address); }

/* Reads one register of 32 bits. What is not named has no use without LPIs, and reads as zero. */
static uint32_t read_word(uint64_t address)
{
    uint32_t value;

    if (its_redistributor_read(address, &value))
        return value;
    switch (address % CORDON_PAGE_SIZE) {
    case GICR_CTLR: return *word(address) & ~GICR_CTLR_ENABLE_LPIS;
    case GICR_TYPER: return *word(address) & ~(uint32_t)(its_any() ? TYPER_HIDDEN & ~GICR_TYPER_PLPIS : TYPER_HIDDEN);
    case GICR_IIDR:
    case GICR_TYPER + 4:
    case GICR_WAKER: return *word(address);
    default: return 0;
    }
}

static void write_word(uint64_t address, uint32_t value)
{
    if (its_redistributor_write(address, value))
        return;
    switch (address % CORDON_PAGE_SIZE) {
    case GICR_CTLR: *word(address) = value & ~GICR_CTLR_ENABLE_LPIS; break;
    case GICR_WAKER: *word(address) = value; break;
    default: log_event(CORDON_EVENT_MMIO_DENIED, address, sysreg_read(elr_el2)); break;
    }
}

/* The first page of a redistributor. False: another address. */
static bool redistributor_access(uint64_t address, uint64_t bytes, bool write, uint64_t *value)
{
    if (!board_redistributor(&address) || bytes < 4)
        return false;
    if (write) {
        write_word(address, (uint32_t)*value);
        if (bytes == 8)
            write_word(address + 4, (uint32_t)(*value >> 32));
        return true;
    }
    *value = read_word(address);
    if (bytes == 8)
        *value |= (uint64_t)read_word(address + 4) << 32;
    return true;
}

static bool its_register_access(uint64_t address, uint64_t bytes, bool write, uint64_t *value)
{
    bool done;

    if (!its_access(address, (uint32_t)bytes, write, value, &done))
        return false;
    if (!done)
        log_event(CORDON_EVENT_MMIO_DENIED, address, sysreg_read(elr_el2));
    return true;
}

bool mmio_access(struct regs *r, uint64_t esr, uint64_t address)
{
    uint64_t bytes = UINT64_C(1) << (esr >> 22 & 3);
    uint64_t rt = esr >> 16 & 0x1f;
    bool write = (esr & ISS_WNR) != 0;
    uint64_t value = write && rt != 31 ? r->x[arch_index(rt, 31)] : 0;

    if ((esr & ISS_ISV) == 0 || (esr & (ISS_S1PTW | ISS_SSE)) != 0 || address % bytes != 0)
        return false;
    if (!redistributor_access(address, bytes, write, &value) && !its_register_access(address, bytes, write, &value) &&
        !pci_config_access(address, bytes, write, &value))
        return false;
    if (!write && rt != 31)
        r->x[arch_index(rt, 31)] = value;
    return true;
}
