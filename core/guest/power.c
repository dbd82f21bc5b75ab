/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's PSCI 1.1 (Arm DEN 0022), and its SGIs: what its vCPUs do to each other. The state machine is here; the host
 * is told which vCPU it should begin to run, or stop running.
 */
#include "guest/power.h"

#include "guest/image.h"
#include "guest/smccc.h"

#define PSCI_1_1 0x10001
#define PSCI_NO_MIGRATION 2

static bool answer(struct vcpu_claim u, int64_t x0)
{
    u.vcpu->x[0] = (uint64_t)x0;
    return true;
}

/* ---- PSCI ---- */

/* What stands against starting a vCPU, or PSCI_SUCCESS. */
static int64_t can_start(const struct vcpu_claim u, const struct vcpu *target, uint64_t entry)
{
    if (target == 0)
        return PSCI_INVALID_PARAMETERS;
    if (entry % 4 != 0 || !image_has(&u.vm->image, entry / CORDON_PAGE_SIZE, 1))
        return PSCI_INVALID_ADDRESS;
    if (target->power == VCPU_STARTING)
        return PSCI_ON_PENDING;
    return target->power == VCPU_ON ? PSCI_ALREADY_ON : PSCI_SUCCESS;
}

/*
 * Targets are in MPIDR_EL1's form, which is the number of the vCPU here. One that has just switched itself off may be on its way
 * out still: it counts as one that is on.
 */
static bool cpu_on(struct cordon *c, struct vcpu_claim u, struct run *r, uint64_t mpidr, uint64_t entry, uint64_t context)
{
    struct vm_locked v = vm_lock(c, u.id);
    struct vcpu *target = vcpu_at(c, u.vm, mpidr);
    int64_t result = can_start(u, target, entry);

    if (result == PSCI_SUCCESS)
        vcpu_start(c, target, entry, context, u.vcpu->offset);
    vm_unlock(c, v);
    (void)answer(u, result);
    return result == PSCI_SUCCESS ? exit_to_host(r, CORDON_EXIT_CPU_ON, mpidr, 0, 0) : true;
}

/* The numbers are PSCI's: 0 on, 1 off, 2 on its way. */
static bool affinity_info(struct cordon *c, struct vcpu_claim u, uint64_t mpidr, uint64_t level)
{
    struct vm_locked v = vm_lock(c, u.id);
    struct vcpu *target = level == 0 ? vcpu_at(c, u.vm, mpidr) : 0;
    int64_t result = PSCI_INVALID_PARAMETERS;

    if (target != 0)
        result = target->power == VCPU_ON ? 0 : target->power == VCPU_OFF ? 1 : 2;
    vm_unlock(c, v);
    return answer(u, result);
}

static bool end_system(struct cordon *c, struct vcpu_claim u, struct run *r, enum cordon_exit exit)
{
    vcpu_stop_vm(c, u);
    return exit_to_host(r, exit, 0, 0, 0);
}

/* A suspension is a wait for an interrupt, whatever state is asked for: nothing is lost in it. */
static bool suspend(struct vcpu_claim u, struct run *r)
{
    (void)answer(u, PSCI_SUCCESS);
    return exit_to_host(r, CORDON_EXIT_WAIT, 0, 0, 0);
}

static int64_t features(uint64_t function)
{
    switch (function) {
    case PSCI_VERSION:
    case PSCI_CPU_SUSPEND:
    case PSCI_CPU_SUSPEND_32:
    case PSCI_CPU_OFF:
    case PSCI_CPU_ON:
    case PSCI_CPU_ON_32:
    case PSCI_AFFINITY_INFO:
    case PSCI_AFFINITY_INFO_32:
    case PSCI_MIGRATE_INFO_TYPE:
    case PSCI_SYSTEM_OFF:
    case PSCI_SYSTEM_RESET:
    case PSCI_FEATURES:
    case SMCCC_VERSION: return PSCI_SUCCESS;
    default: return PSCI_NOT_SUPPORTED;
    }
}

bool vcpu_power_call(struct cordon *c, struct vcpu_claim u, struct run *r, bool *known)
{
    uint64_t function = (uint32_t)u.vcpu->x[0];
    /* Arguments of the 32-bit calls are 32 bits wide. */
    bool wide = (function & UINT64_C(0x40000000)) != 0;
    uint64_t a = wide ? u.vcpu->x[1] : (uint32_t)u.vcpu->x[1];
    uint64_t b = wide ? u.vcpu->x[2] : (uint32_t)u.vcpu->x[2];
    uint64_t d = wide ? u.vcpu->x[3] : (uint32_t)u.vcpu->x[3];

    *known = true;
    switch (function) {
    case PSCI_VERSION: return answer(u, PSCI_1_1);
    case PSCI_CPU_SUSPEND:
    case PSCI_CPU_SUSPEND_32: return suspend(u, r);
    case PSCI_CPU_OFF: return exit_to_host(r, CORDON_EXIT_CPU_OFF, 0, 0, 0);
    case PSCI_CPU_ON:
    case PSCI_CPU_ON_32: return cpu_on(c, u, r, a, b, d);
    case PSCI_AFFINITY_INFO:
    case PSCI_AFFINITY_INFO_32: return affinity_info(c, u, a, b);
    case PSCI_MIGRATE_INFO_TYPE: return answer(u, PSCI_NO_MIGRATION);
    case PSCI_SYSTEM_OFF: return end_system(c, u, r, CORDON_EXIT_SYSTEM_OFF);
    case PSCI_SYSTEM_RESET: return end_system(c, u, r, CORDON_EXIT_SYSTEM_RESET);
    case PSCI_FEATURES: return answer(u, features((uint32_t)a));
    default: *known = false; return true;
    }
}

/* ---- SGIs ---- */

/* ICC_SGI1R_EL1: INTID in 27:24, all but the sender in bit 40, else targets of one cluster: Aff3.2.1 must be 0 here. */
#define SGI_INTID(value) ((value) >> 24 & 0xf)
#define SGI_ALL_OTHERS (UINT64_C(1) << 40)
#define SGI_CLUSTER UINT64_C(0x00ff00ff00ff0000)
#define SGI_RANGE(value) ((value) >> 44 & 0xf)

static uint64_t sgi_targets(struct vcpu_claim u, uint64_t value)
{
    uint64_t all = (UINT64_C(1) << u.vm->vcpus) - 1;

    if ((value & SGI_ALL_OTHERS) != 0)
        return all & ~(UINT64_C(1) << u.vcpu->index);
    return (value & SGI_CLUSTER) == 0 && SGI_RANGE(value) == 0 ? value & all : 0;
}

bool vcpu_send_sgi(struct cordon *c, struct vcpu_claim u, uint64_t value, struct run *r)
{
    uint64_t targets = sgi_targets(u, value);
    struct vm_locked v = vm_lock(c, u.id);

    for (uint32_t i = 0; i < u.vm->vcpus; i++) {
        struct vcpu *target = vcpu_in(c, u.vm->vcpu_row[i]);

        if ((targets >> i & 1) != 0)
            target->sgis = (uint16_t)(target->sgis | 1u << SGI_INTID(value));
    }
    vm_unlock(c, v);
    if (targets == 0)
        return true;            /* nobody's: nothing of it may stand in a later exit */
    return exit_to_host(r, CORDON_EXIT_SGI, targets, SGI_INTID(value), 0);
}
