/* SPDX-License-Identifier: Apache-2.0 */
#include "psci.h"

#include "cordon/cordon.h"
#include "its.h"
#include "log.h"
#include "machine_el2.h"
#include "print.h"
#include "scrub.h"
#include "smc.h"
#include "smmu.h"
#include "guest/smccc.h"

#define AFFINITY_ON 0
#define AFFINITY_OFF 1
#define AFFINITY_ON_PENDING 2

static uint64_t cpu_entry;

void psci_set_up(uint64_t entry)
{
    cpu_entry = entry;
}

/* PSCI answers in 32 bits, sign and all. */
static int64_t answer(int64_t x)
{
    return (int32_t)x;
}

static bool change_state(struct cpu *cpu, enum cpu_state from, enum cpu_state to)
{
    uint32_t expected = from;

    return __atomic_compare_exchange_n(&cpu->state, &expected, (uint32_t)to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* Whether the host may begin at an address. It gets the page mapped on the way, as a fault would. */
static bool may_enter_at(uint64_t entry)
{
    return entry % 4 == 0 && cordon_map_page_host(&machine, pa(entry)) == CORDON_OK;
}

static int64_t cpu_on(uint64_t mpidr, uint64_t entry, uint64_t context)
{
    struct cpu *cpu = cpu_find(mpidr);
    int64_t result;

    if (cpu == 0)
        return PSCI_INVALID_PARAMETERS;
    if (!may_enter_at(entry))
        return PSCI_INVALID_ADDRESS;
    if (!change_state(cpu, CPU_STATE_OFF, CPU_STATE_STARTING))
        return __atomic_load_n(&cpu->state, __ATOMIC_RELAXED) == CPU_STATE_STARTING ? PSCI_ON_PENDING : PSCI_ALREADY_ON;
    cpu->entry = entry;
    cpu->context = context;
    dsb_sy();       /* written before the firmware is asked; the CPU reads them with its caches on, in secondary_boot() */
    result = answer(firmware(PSCI_CPU_ON, mpidr, cpu_entry, (uint64_t)cpu));
    if (result != PSCI_SUCCESS) {
        (void)change_state(cpu, CPU_STATE_STARTING, CPU_STATE_OFF);
        return result;
    }
    count(CORDON_STAT_CPU_ON);
    log_event(CORDON_EVENT_CPU_ON, mpidr, entry);
    return result;
}

/* This CPU goes. Only when the firmware refuses does it come back. */
static int64_t cpu_off(uint64_t reason)
{
    struct cpu *cpu = this_cpu();
    int64_t result;

    count(CORDON_STAT_CPU_OFF);
    log_event(CORDON_EVENT_CPU_OFF, cpu->mpidr, reason);
    __atomic_store_n(&cpu->state, CPU_STATE_OFF, __ATOMIC_RELEASE);
    result = answer(firmware(PSCI_CPU_OFF, 0, 0, 0));
    __atomic_store_n(&cpu->state, CPU_STATE_ON, __ATOMIC_RELEASE);
    return result;
}

static int64_t affinity_info(uint64_t mpidr, uint64_t level)
{
    struct cpu *cpu = cpu_find(mpidr);

    if (level != 0 || cpu == 0)
        return PSCI_INVALID_PARAMETERS;
    if (__atomic_load_n(&cpu->state, __ATOMIC_ACQUIRE) == CPU_STATE_STARTING)
        return AFFINITY_ON_PENDING;
    return answer(firmware(PSCI_AFFINITY_INFO, mpidr, 0, 0));
}

/* Whether a CPU in this power state only waits: it needs no entry, and Linux gives none. */
static bool keeps_state(uint64_t function, uint64_t power_state)
{
    bool extended = (answer(firmware(PSCI_FEATURES, PSCI_CPU_SUSPEND, 0, 0)) & 2) != 0;

    return function == PSCI_CPU_SUSPEND && (power_state >> (extended ? 30 : 16) & 1) == 0;
}

/* A CPU that loses its state comes back at our entry; one that only waits comes back here. */
static int64_t suspend(uint64_t function, uint64_t power_state, uint64_t entry, uint64_t context)
{
    struct cpu *cpu = this_cpu();

    if (keeps_state(function, power_state))
        return answer(firmware(function, power_state, cpu_entry, (uint64_t)cpu));
    if (!may_enter_at(entry))
        return PSCI_INVALID_ADDRESS;
    cpu->entry = entry;
    cpu->context = context;
    dsb_sy();
    if (function == PSCI_SYSTEM_SUSPEND)
        return answer(firmware(function, cpu_entry, (uint64_t)cpu, 0));
    return answer(firmware(function, power_state, cpu_entry, (uint64_t)cpu));
}

/* What an SMMU has may be lost meanwhile, and devices would reach everything when the machine wakes up: not with one. */
static int64_t system_suspend(uint64_t entry, uint64_t context)
{
    return smmu_any() ? PSCI_NOT_SUPPORTED : suspend(PSCI_SYSTEM_SUSPEND, 0, entry, context);
}

static int64_t features(uint64_t function)
{
    switch (function) {
    case PSCI_VERSION:
    case PSCI_CPU_OFF:
    case PSCI_CPU_ON:
    case PSCI_CPU_ON_32:
    case PSCI_AFFINITY_INFO:
    case PSCI_AFFINITY_INFO_32:
    case PSCI_SYSTEM_OFF:
    case PSCI_SYSTEM_RESET:
    case PSCI_FEATURES:
    case SMCCC_VERSION:
        return PSCI_SUCCESS;
    case PSCI_SYSTEM_SUSPEND:
    case PSCI_SYSTEM_SUSPEND_32:
        return smmu_any() ? PSCI_NOT_SUPPORTED : answer(firmware(PSCI_FEATURES, function, 0, 0));
    case PSCI_CPU_SUSPEND:
    case PSCI_CPU_SUSPEND_32:
    case PSCI_MIGRATE_INFO_TYPE:
        return answer(firmware(PSCI_FEATURES, function, 0, 0));
    default:
        return PSCI_NOT_SUPPORTED;
    }
}

/* Devices stop first: none may write where a guest was, between the zeroing and the end. */
static int64_t system_end(uint64_t function)
{
    smmu_stop_all();
    its_stop_all();
    scrub_guests();
    return answer(firmware(function, 0, 0, 0));
}

bool psci_call(const struct regs *r, int64_t *result)
{
    uint64_t function = (uint32_t)r->x[0];
    /* Arguments of the 32-bit calls are 32 bits wide. */
    uint64_t mask = (function & UINT64_C(0x40000000)) != 0 ? UINT64_MAX : UINT32_MAX;
    uint64_t a = r->x[1] & mask;
    uint64_t b = r->x[2] & mask;
    uint64_t c = r->x[3] & mask;

    switch (function) {
    case PSCI_VERSION:
    case PSCI_MIGRATE_INFO_TYPE: *result = answer(firmware(function, 0, 0, 0)); return true;
    case PSCI_CPU_SUSPEND:
    case PSCI_CPU_SUSPEND_32: *result = suspend(PSCI_CPU_SUSPEND, (uint32_t)a, b, c); return true;
    case PSCI_SYSTEM_SUSPEND:
    case PSCI_SYSTEM_SUSPEND_32: *result = system_suspend(a, b); return true;
    case PSCI_CPU_OFF: *result = cpu_off(0); return true;
    case PSCI_CPU_ON:
    case PSCI_CPU_ON_32: *result = cpu_on(a, b, c); return true;
    case PSCI_AFFINITY_INFO:
    case PSCI_AFFINITY_INFO_32: *result = affinity_info(a, b); return true;
    case PSCI_SYSTEM_OFF:
    case PSCI_SYSTEM_RESET: *result = system_end(function); return true;
    case PSCI_FEATURES: *result = features((uint32_t)a); return true;
    default: return false;
    }
}

/* Whether any CPU runs the host, or is about to. */
static bool host_is_alive(void)
{
    for (uint32_t i = 0; i < cpu_count; i++) {
        if (&cpus[i] != this_cpu() && __atomic_load_n(&cpus[i].state, __ATOMIC_SEQ_CST) != CPU_STATE_OFF)
            return true;
    }
    return false;
}

_Noreturn void psci_stop_this_cpu(uint64_t reason)
{
    /* Off before the others are looked at: of two that stop at once, one sees that it is the last. */
    __atomic_store_n(&this_cpu()->state, CPU_STATE_OFF, __ATOMIC_SEQ_CST);
    if (!host_is_alive()) {
        smmu_stop_all();
        its_stop_all();
        scrub_guests();
        print("\nCordon: no CPU of the host can go on; the machine is switched off.\n");
        (void)firmware(PSCI_SYSTEM_OFF, 0, 0, 0);
    }
    for (;;)
        (void)cpu_off(reason);
}
