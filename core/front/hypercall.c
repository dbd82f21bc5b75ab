/* SPDX-License-Identifier: Apache-2.0 */
#include "front/hypercall.h"

#include "guest/attest.h"
#include "guest/device.h"
#include "guest/handle.h"
#include "guest/image.h"
#include "guest/life.h"
#include "guest/snapshot.h"
#include "memory/map.h"
#include "memory/memory.h"
#include "guest/run.h"
#include "base/sha256.h"

/* A feature register's operands as ESR_EL2 has them: op0 is 3, op1 and CRn are 0. */
#define FEATURE_NAME(crm, op2) (UINT64_C(3) << 20 | (op2) << 17 | (crm) << 1)

/* ---- building ---- */

static void limits(struct cordon *c, uint64_t x[HYPERCALL_REGS])
{
    uint32_t bits = 12;

    while (bits < 48 && c->vm_shape.gfn_limit > UINT64_C(1) << (bits - 12))
        bits++;
    x[1] = c->vm_shape.roots;
    x[2] = bits;
    x[3] = CORDON_VCPUS_MAX;
}

/* Whether a slot may be free: looked at without its lock, and again with it. */
static bool looks_free(const struct cordon *c, uint32_t id)
{
    return arch_load16(&c->vm[id - 1].state) == VM_NONE;
}

static enum cordon_status create(struct cordon *c, uint64_t x[HYPERCALL_REGS])
{
    uint64_t root = x[1];
    uint64_t vcpus = x[2];

    if (root >= CORDON_FRAME_LIMIT || vcpus < 1 || vcpus > CORDON_VCPUS_MAX)
        return CORDON_RANGE;
    if (root % c->vm_shape.roots != 0)
        return CORDON_UNALIGNED;
    for (uint32_t id = 1; id <= c->vms; id++) {
        uint64_t generation = 0;
        enum cordon_status status = CORDON_EXISTS;

        if (looks_free(c, id))
            status = vm_create(c, id, root, (uint32_t)vcpus, &generation);
        if (status == CORDON_EXISTS)
            continue;
        x[1] = handle_of(id, generation);
        return status;
    }
    return CORDON_NO_VM;
}

/* A VM that is the host's to build. STATE: it is built no longer, or is a restore, in which nobody but the keeper has a say. */
static enum cordon_status enter_build(struct cordon *c, uint64_t handle, struct vm_locked *v)
{
    enum cordon_status status = vm_enter_phase(c, handle_name(handle), CORDON_PHASE_BUILT, v);

    if (status != CORDON_OK || !snapshot_is_restore(c, *v))
        return status;
    vm_unlock(c, *v);
    return CORDON_STATE;
}

static enum cordon_status declare_held(struct cordon *c, struct vm_locked v, uint64_t base, uint64_t size)
{
    if (v.vm->devices != 0)
        return CORDON_STATE;    /* windows were held against what is declared */
    if (image_in_page(&v.vm->image))
        return CORDON_BUSY;
    return image_declare(c, &v.vm->image, base, size);
}

static enum cordon_status declare(struct cordon *c, uint64_t x[HYPERCALL_REGS])
{
    struct vm_locked v;
    enum cordon_status status = enter_build(c, x[1], &v);

    if (status != CORDON_OK)
        return status;
    status = declare_held(c, v, x[2], x[3]);
    vm_unlock(c, v);
    return status;
}

static enum cordon_status load(struct cordon *c, uint64_t x[HYPERCALL_REGS])
{
    struct vm_locked v;
    uint64_t done = 0;
    enum cordon_status status = enter_build(c, x[1], &v);

    if (status != CORDON_OK)
        return status;
    status = image_load(c, v, x[2], x[3], x[4], &done);
    vm_unlock(c, v);
    x[1] = done;
    return status;
}

static enum cordon_status personalise(struct cordon *c, const uint64_t x[HYPERCALL_REGS])
{
    struct vm_locked v;
    enum cordon_status status = enter_build(c, x[1], &v);

    if (status != CORDON_OK)
        return status;
    status = attest_personalise(c, v, &x[2]);
    vm_unlock(c, v);
    return status;
}

static enum cordon_status start_held(struct cordon *c, struct vm_locked v, uint64_t entry, uint64_t x0)
{
    enum cordon_status status;

    if (!vcpu_all_there(v.vm))
        return CORDON_NO_VCPU;
    if (device_half_given(c, v))
        return CORDON_BUSY;
    status = image_end(&v.vm->image, entry, x0, v.vm->vcpus);
    if (status != CORDON_OK)
        return status;
    v.vm->measured = 1;
    arch_code_loaded(c);
    vcpu_start_first(c, v, entry, x0);
    arch_store16(&v.vm->phase, CORDON_PHASE_RUNNING);
    return CORDON_OK;
}

static enum cordon_status start(struct cordon *c, uint64_t x[HYPERCALL_REGS])
{
    struct vm_locked v;
    enum cordon_status status = enter_build(c, x[1], &v);

    if (status != CORDON_OK)
        return status;
    status = start_held(c, v, x[2], x[3]);
    vm_unlock(c, v);
    return status;
}

/* ---- running ---- */

/* A VM that gets fresh pages. */
static enum cordon_status enter_mapping(struct cordon *c, uint64_t handle, struct vm_locked *v)
{
    enum cordon_status status = vm_enter_live(c, handle_name(handle), v);

    if (status != CORDON_OK || v->vm->phase == CORDON_PHASE_RUNNING)
        return status;
    if (v->vm->phase == CORDON_PHASE_BUILT && snapshot_is_restore(c, *v))
        return CORDON_OK;
    vm_unlock(c, *v);
    return CORDON_STATE;
}

static enum cordon_status map_held(struct cordon *c, struct vm_locked v, uint64_t gpa, uint64_t frame, uint64_t num,
                                   uint64_t *done)
{
    uint64_t gfn = gpa / CORDON_PAGE_SIZE;
    uint64_t n = min(min(num, ZERO_PAGES), min(512 - gfn % 512, 512 - frame % 512));
    enum cordon_status status;

    if (gfn >= c->vm_shape.gfn_limit || frame >= c->pfn_limit || num > c->pfn_limit - frame)
        return CORDON_RANGE;
    if (num == 0)
        return CORDON_EMPTY;
    if (gpa % CORDON_PAGE_SIZE != 0)
        return CORDON_UNALIGNED;
    if (!image_has(&v.vm->image, gfn, num))
        return CORDON_NOT_MEMORY;
    status = map_range(c, v, gfn, frame, n, CORDON_ZERO).status;
    if (status != CORDON_OK)
        return status;
    *done = n;
    return n < num ? CORDON_AGAIN : CORDON_OK;
}

static enum cordon_status map(struct cordon *c, uint64_t x[HYPERCALL_REGS])
{
    struct vm_locked v;
    uint64_t done = 0;
    enum cordon_status status = enter_mapping(c, x[1], &v);

    if (status != CORDON_OK)
        return status;
    status = map_held(c, v, x[2], x[3], x[4], &done);
    vm_unlock(c, v);
    x[1] = done;
    return status;
}

/* The pages are the VM's already, and zeroed: a block that had to be filled first would take too long for one call. */
static enum cordon_status block(struct cordon *c, uint64_t x[HYPERCALL_REGS])
{
    uint64_t gfn = x[2] / CORDON_PAGE_SIZE;
    struct vm_locked v;
    enum cordon_status status = vm_enter_phase(c, handle_name(x[1]), CORDON_PHASE_RUNNING, &v);

    if (status != CORDON_OK)
        return status;
    if (v.vm->devices != 0)
        status = CORDON_STATE;      /* a transfer may come while the block is made, and be lost */
    else if (gfn >= c->vm_shape.gfn_limit || x[3] >= c->pfn_limit)
        status = CORDON_RANGE;
    else if (x[2] % (CORDON_BLOCK_PAGES * CORDON_PAGE_SIZE) != 0 || x[3] % CORDON_BLOCK_PAGES != 0)
        status = CORDON_UNALIGNED;
    else
        status = map_join(c, v, gfn, x[3]);
    vm_unlock(c, v);
    return status;
}

static enum cordon_status run(struct cordon *c, uint64_t x[HYPERCALL_REGS])
{
    return vcpu_run(c, handle_name(x[1]), (struct run *)(void *)x);
}

/* ---- the end ---- */

static enum cordon_status stop(struct cordon *c, uint64_t handle)
{
    struct vm_locked v;
    enum cordon_status status = vm_enter_live(c, handle_name(handle), &v);

    if (status != CORDON_OK)
        return status;
    arch_store16(&v.vm->phase, CORDON_PHASE_STOPPED);
    vm_unlock(c, v);
    return CORDON_OK;
}

static enum cordon_status clear(struct cordon *c, uint64_t x[HYPERCALL_REGS])
{
    vmid_t vm = handle_name(x[1]);
    struct vm_locked v;
    struct cordon_progress p;
    enum cordon_status status = vm_enter_phase(c, vm, CORDON_PHASE_STOPPED, &v);

    if (status != CORDON_OK)
        return status;
    vm_unlock(c, v);        /* it never runs again: the generation is all that has to be checked from here on */
    if (x[2] >= c->pfn_limit || x[3] > c->pfn_limit - x[2])
        return CORDON_RANGE;
    p = cordon_clear_vm_range(c, vm, pfn(x[2]), min(x[3], ZERO_PAGES));
    if (p.status == CORDON_OK && p.done < x[3])
        p.status = CORDON_AGAIN;
    x[1] = p.done;
    x[2] = p.changed;
    x[3] = p.not_owned;
    return p.status;
}

/* ---- devices ---- */

static enum cordon_status attach(struct cordon *c, uint64_t x[HYPERCALL_REGS])
{
    struct vm_locked v;
    uint64_t id = 0;
    enum cordon_status status = enter_build(c, x[1], &v);

    if (status != CORDON_OK)
        return status;
    status = device_attach(c, v, x[2], &id);
    vm_unlock(c, v);
    x[1] = id;
    return status;
}

static enum cordon_status map_window(struct cordon *c, uint64_t x[HYPERCALL_REGS])
{
    struct vm_locked v;
    uint64_t done = 0;
    enum cordon_status status = enter_build(c, x[1], &v);

    if (status != CORDON_OK)
        return status;
    status = device_map(c, v, x[2], x[3], x[4], &done);
    vm_unlock(c, v);
    x[1] = done;
    return status;
}

static HOT enum cordon_status open(struct cordon *c, uint64_t x[HYPERCALL_REGS])
{
    struct vm_locked v;
    enum cordon_status status = vm_enter_phase(c, handle_name(x[1]), CORDON_PHASE_RUNNING, &v);

    if (status != CORDON_OK)
        return status;
    status = device_open(c, v, x[2]);
    vm_unlock(c, v);
    return status;
}

static enum cordon_status detach(struct cordon *c, uint64_t x[HYPERCALL_REGS])
{
    struct vm_locked v;
    enum cordon_status status = vm_enter_phase(c, handle_name(x[1]), CORDON_PHASE_STOPPED, &v);

    if (status != CORDON_OK)
        return status;
    status = device_detach(c, v, x[2]);
    vm_unlock(c, v);
    return status;
}

/* ---- snapshots ---- */

static enum cordon_status freeze(struct cordon *c, uint64_t handle, const struct attest_root *r)
{
    struct vm_locked v;
    enum cordon_status status = vm_enter_phase(c, handle_name(handle), CORDON_PHASE_RUNNING, &v);

    if (status != CORDON_OK)
        return status;
    status = snapshot_freeze(c, v, r->keeper);
    vm_unlock(c, v);
    return status;
}

static enum cordon_status restore(struct cordon *c, uint64_t handle)
{
    struct vm_locked v;
    enum cordon_status status = enter_build(c, handle, &v);

    if (status != CORDON_OK)
        return status;
    status = snapshot_begin(c, v);
    vm_unlock(c, v);
    return status;
}

/* False: there is no such call, or no root of trust and so no keeper that could read a snapshot. */
static bool snapshot(struct cordon *c, uint64_t x[HYPERCALL_REGS])
{
    struct attest_root r;

    if (!arch_attest_root(c, &r))
        return false;
    switch ((uint32_t)x[0]) {
    case CORDON_CALL_VM_FREEZE: x[0] = freeze(c, x[1], &r); return true;
    case CORDON_CALL_VM_RESTORE: x[0] = restore(c, x[1]); return true;
    default: return false;
    }
}

/* ---- what the host may know ---- */

static enum cordon_status info(struct cordon *c, uint64_t x[HYPERCALL_REGS])
{
    struct vm_locked v;
    enum cordon_status status = vm_enter(c, handle_name(x[1]), &v);

    if (status != CORDON_OK)
        return status;
    x[1] = v.vm->state == VM_DYING ? CORDON_PHASE_DYING : v.vm->phase;
    x[2] = v.vm->frames;
    x[3] = v.vm->pool.free;
    vm_unlock(c, v);
    return CORDON_OK;
}

static enum cordon_status measurement(struct cordon *c, uint64_t x[HYPERCALL_REGS])
{
    uint64_t half = x[2];
    struct vm_locked v;
    enum cordon_status status = vm_enter_live(c, handle_name(x[1]), &v);

    if (status != CORDON_OK)
        return status;
    if (v.vm->measured == 0)
        status = CORDON_STATE;
    else if (half > 1)
        status = CORDON_RANGE;
    if (status == CORDON_OK) {
        x[1] = sha256_word(&v.vm->image.hash, (uint32_t)half, 0);
        x[2] = sha256_word(&v.vm->image.hash, (uint32_t)half, 1);
    }
    vm_unlock(c, v);
    return status;
}

static enum cordon_status feature(struct cordon *c, uint64_t x[HYPERCALL_REGS])
{
    uint64_t value = 0;

    if (x[1] > 15 || x[2] > 7 || !arch_id_register(c, FEATURE_NAME(x[1], x[2]), &value))
        return CORDON_RANGE;
    x[1] = value;
    return CORDON_OK;
}

/* ---- dispatch ---- */

bool hypercall_vm(struct cordon *c, uint64_t x[HYPERCALL_REGS])
{
    enum cordon_status status = CORDON_OK;

    switch ((uint32_t)x[0]) {
    case CORDON_CALL_VM_LIMITS: limits(c, x); break;
    case CORDON_CALL_VM_CREATE: status = create(c, x); break;
    case CORDON_CALL_VM_DONATE: status = cordon_vm_donate(c, handle_name(x[1]), pfn(x[2]), x[3]); break;
    case CORDON_CALL_VM_MEMORY: status = declare(c, x); break;
    case CORDON_CALL_VCPU_CREATE: status = vcpu_create(c, handle_name(x[1]), x[2], x[3]); break;
    case CORDON_CALL_VM_LOAD: status = load(c, x); break;
    case CORDON_CALL_VM_START: status = start(c, x); break;
    case CORDON_CALL_VM_MAP: status = map(c, x); break;
    case CORDON_CALL_VM_BLOCK: status = block(c, x); break;
    case CORDON_CALL_VM_CLEAR: status = clear(c, x); break;
    case CORDON_CALL_VM_STOP: status = stop(c, x[1]); break;
    case CORDON_CALL_VM_DESTROY: status = cordon_vm_destroy(c, handle_name(x[1])); break;
    case CORDON_CALL_VM_INFO: status = info(c, x); break;
    case CORDON_CALL_VM_MEASUREMENT: status = measurement(c, x); break;
    case CORDON_CALL_VCPU_RUN: status = run(c, x); break;
    case CORDON_CALL_VM_PERSONAL: status = personalise(c, x); break;
    case CORDON_CALL_VCPU_FEATURE: status = feature(c, x); break;
    case CORDON_CALL_DEVICE_ATTACH: status = attach(c, x); break;
    case CORDON_CALL_DEVICE_MAP: status = map_window(c, x); break;
    case CORDON_CALL_DEVICE_OPEN: status = open(c, x); break;
    case CORDON_CALL_DEVICE_DETACH: status = detach(c, x); break;
    default: return snapshot(c, x);
    }
    x[0] = status;
    return true;
}
