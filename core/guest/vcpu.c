/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/vcpu.h"

#include "guest/life.h"

bool vcpu_all_there(const struct vm *vm)
{
    for (uint32_t i = 0; i < vm->vcpus; i++) {
        if (vm->vcpu_row[i] == 0)
            return false;
    }
    return vm->vcpus > 0;
}

/* The frame is the core's. */
static void init_vcpu(struct cordon *c, uint64_t row, uint32_t index)
{
    for (uint32_t i = 0; i < 512; i++)
        c->phys[row].e[i] = 0;
    vcpu_in(c, row)->index = index;
}

static enum cordon_status create_in(struct cordon *c, struct vm *vm, uint64_t index, uint64_t frame)
{
    enum cordon_status status;
    uint64_t *row;

    if (index >= vm->vcpus)
        return CORDON_NO_VCPU;
    row = &vm->vcpu_row[arch_index(index, vm->vcpus)];
    if (*row != 0)
        return CORDON_EXISTS;
    status = vm_take_frames(c, frame, 1);
    if (status != CORDON_OK)
        return status;
    init_vcpu(c, arch_index(frame, c->phys_frames), (uint32_t)index);
    *row = frame;
    return CORDON_OK;
}

enum cordon_status vcpu_create(struct cordon *c, vmid_t vm, uint64_t index, uint64_t frame)
{
    struct vm_locked v;
    enum cordon_status status = vm_enter_phase(c, vm, CORDON_PHASE_BUILT, &v);

    if (status != CORDON_OK)
        return status;
    status = create_in(c, v.vm, index, frame);
    vm_unlock(c, v);
    return status;
}

void vcpu_start(struct cordon *c, struct vcpu *u, uint64_t entry, uint64_t x0, uint64_t offset)
{
    for (uint32_t i = 0; i < 31; i++)
        u->x[i] = 0;
    for (uint32_t i = 0; i < CORDON_INTERRUPTS; i++)
        u->interrupt[i] = 0;
    u->x[0] = x0;
    u->pc = entry;
    u->pstate = ARCH_PSTATE_RESET;
    u->asked = ASKED_NOTHING;
    u->sgis = 0;
    u->offset = offset;
    u->timer_compare = 0;
    u->timer_control = 0;
    arch_vcpu_reset(c, u);
    u->power = VCPU_STARTING;
}

void vcpu_start_first(struct cordon *c, struct vm_locked v, uint64_t entry, uint64_t x0)
{
    vcpu_start(c, vcpu_in(c, v.vm->vcpu_row[0]), entry, x0, arch_counter(c));
}

void vcpu_stop_vm(struct cordon *c, struct vcpu_claim u)
{
    struct vm_locked v = vm_lock(c, u.id);

    arch_store16(&v.vm->phase, CORDON_PHASE_STOPPED);
    vm_unlock(c, v);
}
