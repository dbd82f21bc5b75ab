/* SPDX-License-Identifier: Apache-2.0 */
#include "host_calls.h"

#include "memory/frame.h"
#include "guest/attest.h"
#include "front/hypercall.h"
#include "base/lock.h"
#include "log.h"
#include "machine_el2.h"
#include "predict.h"
#include "psci.h"
#include "smmu.h"
#include "base/region.h"
#include "guest/smccc.h"
#include "memory/window.h"

static void answer(struct regs *r, uint64_t x0, uint64_t x1, uint64_t x2, uint64_t x3)
{
    r->x[0] = x0;
    r->x[1] = x1;
    r->x[2] = x2;
    r->x[3] = x3;
}

static void unknown(struct regs *r)
{
    count(CORDON_STAT_UNKNOWN_CALL);
    log_event(CORDON_EVENT_UNKNOWN_CALL, r->x[0], sysreg_read(elr_el2));
    r->x[0] = (uint64_t)CORDON_NOT_SUPPORTED;
}

/* Snapshots are the keeper's, and there is one where there is a root of trust. */
static bool has_snapshots(void)
{
    struct attest_root r;

    return arch_attest_root(&machine, &r);
}

static bool exists(uint64_t function)
{
    if (function >= CORDON_CALL_VM_FREEZE && function <= CORDON_CALL_VM_RESTORE)
        return has_snapshots();
    return function == CORDON_CALL_UID || function == CORDON_CALL_REVISION ||
           (function >= CORDON_CALL_FIRST && function <= CORDON_CALL_MAP) ||
           (function >= CORDON_CALL_VM_LIMITS && function <= CORDON_CALL_VM_PERSONAL) ||
           (function >= CORDON_CALL_DEVICE_ATTACH && function <= CORDON_CALL_LAST);
}

static void statistic(struct regs *r)
{
    uint64_t what = r->x[1];
    uint64_t sum = 0;

    if (what >= CORDON_STATS) {
        r->x[0] = (uint64_t)CORDON_INVALID;
        return;
    }
    smmu_listen();
    for (uint32_t i = 0; i < cpu_count; i++)
        sum += __atomic_load_n(&cpus[i].stat[arch_index(what, CORDON_STATS)], __ATOMIC_RELAXED);
    answer(r, 0, sum, 0, 0);
}

/* What devices have tried meanwhile is in the log before it is read. */
static void read_log(struct regs *r)
{
    smmu_listen();
    log_read(r->x[1], r->x);
    if (r->x[0] == 2)
        smmu_log_was_read();
}

/* ---- CORDON_CALL_MAP ---- */

static uint64_t owner_word(struct frame f)
{
    uint64_t grants = (uint64_t)f.count << 32;

    if (frame_is_vm(f))
        return CORDON_OWNER_VM | (uint64_t)f.holder << 16 | grants;
    if (frame_is_pending(f))
        return CORDON_OWNER_PENDING | (uint64_t)(f.holder - HOLDER_PENDING) << 16;
    return f.holder == HOLDER_CORE ? CORDON_OWNER_CORE : CORDON_OWNER_HOST;
}

/* Whether b goes on where a was, n frames before it. */
static bool goes_on(struct frame a, struct frame b, uint64_t n)
{
    return frame_word(b) == frame_word(a) + (frame_is_vm(a) || frame_is_pending(a) ? n : 0);
}

static uint64_t outside_owner(uint64_t frame)
{
    return region_is_hidden(&machine, frame) ? CORDON_OWNER_HIDDEN : CORDON_OWNER_DEVICE;
}

/* A run within one section of RAM. */
static void map_section(struct regs *r, uint64_t frame, uint64_t index)
{
    struct section_locked s = section_lock(&machine, index, frame / 512);
    uint64_t first = frame % 512;
    struct frame f = s.frame[first];
    uint64_t n = 1;

    while (first + n < 512 && goes_on(f, s.frame[first + n], n))
        n++;
    section_unlock(&machine, s);
    if (f.holder == HOLDER_INVALID)
        answer(r, 0, frame + 1, outside_owner(frame), 0);
    else
        answer(r, 0, frame + n, owner_word(f), frame_is_vm(f) || frame_is_pending(f) ? frame_gfn(f) : 0);
}

/* A run outside of RAM ends where hidden memory begins or ends, or a window of a VM's, or RAM begins. */
static void map_outside(struct regs *r, uint64_t frame)
{
    uint64_t end = frame + region_gap(&machine, frame);
    uint32_t vm;

    for (uint32_t i = 0; i < machine.hiddens; i++) {
        uint64_t first = machine.hidden[i].first;
        uint64_t last = first + machine.hidden[i].count;

        if (first > frame && first < end)
            end = first;
        if (last > frame && last < end)
            end = last;
    }
    vm = window_owner(&machine, frame, &end);
    answer(r, 0, end, outside_owner(frame) | (uint64_t)vm << 16, 0);
}

static void memory_map(struct regs *r)
{
    uint64_t frame = r->x[1];
    uint64_t index;

    if (frame >= CORDON_FRAME_LIMIT)
        r->x[0] = (uint64_t)CORDON_INVALID;
    else if (region_section(&machine, frame / 512, &index))
        map_section(r, frame, index);
    else
        map_outside(r, frame);
}

/* ---- virtual machines ---- */

/* What the calls of core/ count for. */
static void count_vm_call(uint32_t function, uint64_t status)
{
    if (status != CORDON_OK && status != CORDON_AGAIN)
        count(CORDON_STAT_REFUSED);
    else if (function == CORDON_CALL_VCPU_RUN)
        count(CORDON_STAT_RUN);
    else if (function == CORDON_CALL_VM_CREATE)
        count(CORDON_STAT_VM_CREATED);
    else if (function == CORDON_CALL_VM_DESTROY && status == CORDON_OK)
        count(CORDON_STAT_VM_DESTROYED);
}

static HOT bool vm_call(struct regs *r)
{
    uint32_t function = (uint32_t)r->x[0];

    if (function < CORDON_CALL_VM_LIMITS || !hypercall_vm(&machine, r->x))
        return false;
    count_vm_call(function, r->x[0]);
    return true;
}

/* ---- dispatch ---- */

/* Cordon's own calls; false when there is no such call. Inline: a call with nothing to do costs little but the trap. */
static HOT bool own_call(struct regs *r)
{
    switch ((uint32_t)r->x[0]) {
    case CORDON_CALL_UID: answer(r, CORDON_UID_0, CORDON_UID_1, CORDON_UID_2, CORDON_UID_3); return true;
    case CORDON_CALL_REVISION: answer(r, CORDON_ABI_MAJOR, CORDON_ABI_MINOR, 0, 0); return true;
    case CORDON_CALL_FEATURES: r->x[0] = exists((uint32_t)r->x[1]) ? 0 : (uint64_t)CORDON_NOT_SUPPORTED; return true;
    case CORDON_CALL_STATISTIC: statistic(r); return true;
    case CORDON_CALL_LOG: read_log(r); return true;
    case CORDON_CALL_MAP: memory_map(r); return true;
    default: return vm_call(r);
    }
}

void host_hvc(struct regs *r, uint64_t esr)
{
    count(CORDON_STAT_HYPERCALL);
    if ((esr & 0xffff) == 0 && own_call(r))
        return;
    unknown(r);
}

/* Which of the convention's own features there are. */
static int64_t arch_features(uint64_t function)
{
    return function == SMCCC_VERSION || function == SMCCC_ARCH_FEATURES ? SMCCC_SUCCESS : predict_features(function);
}

void hypercall_smc(struct regs *r, uint64_t esr)
{
    int64_t result;

    count(CORDON_STAT_SMC);
    if ((esr & 0xffff) != 0)
        unknown(r);
    else if ((uint32_t)r->x[0] == SMCCC_VERSION)
        r->x[0] = SMCCC_1_1;
    else if ((uint32_t)r->x[0] == SMCCC_ARCH_FEATURES)
        r->x[0] = (uint64_t)arch_features((uint32_t)r->x[1]);
    else if (psci_call(r, &result))
        r->x[0] = (uint64_t)result;
    else if (!predict_call(r->x) && !own_call(r))
        unknown(r);
}
