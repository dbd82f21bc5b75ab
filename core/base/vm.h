/* SPDX-License-Identifier: Apache-2.0 */
/* Slots of virtual machines, and how an operation goes in. A slot is NONE, LIVE or DYING; its lock guards it all. */
#ifndef CORDON_VM_H
#define CORDON_VM_H

#include "base/lock.h"

/* Whether a number may name a VM of this machine. */
/*@ requires \valid_read(c);
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result <==> 1 <= vm.v <= c->vms;
  @*/
static inline bool vm_is_id(const struct cordon *c, vmid_t vm)
{
    return vm.v >= 1 && vm.v <= c->vms;
}

/* Takes the VM's lock. NO_VM: there is none of that id, or of that generation. The lock is held only when the answer is OK. */
static HOT enum cordon_status vm_enter(struct cordon *c, vmid_t vm, struct vm_locked *v)
{
    if (!vm_is_id(c, vm))
        return CORDON_NO_VM;
    *v = vm_lock(c, vm.v);
    if (v->vm->state != VM_NONE && (vm.generation == 0 || vm.generation == v->vm->generation))
        return CORDON_OK;
    vm_unlock(c, *v);
    return CORDON_NO_VM;
}

/* The same for operations that need a VM that is not being torn down. STATE: it is. */
static HOT enum cordon_status vm_enter_live(struct cordon *c, vmid_t vm, struct vm_locked *v)
{
    enum cordon_status status = vm_enter(c, vm, v);

    if (status != CORDON_OK || v->vm->state == VM_LIVE)
        return status;
    vm_unlock(c, *v);
    return CORDON_STATE;
}

/*
 * The same for what a VM's phase decides. STATE: it is in another one. A phase never comes back, so a check of it holds
 * for as long as the generation does, but for a phase that goes on to the next one.
 */
static inline enum cordon_status vm_enter_phase(struct cordon *c, vmid_t vm, enum cordon_phase phase, struct vm_locked *v)
{
    enum cordon_status status = vm_enter_live(c, vm, v);

    if (status != CORDON_OK || v->vm->phase == phase)
        return status;
    vm_unlock(c, *v);
    return CORDON_STATE;
}

#endif
