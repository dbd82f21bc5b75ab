/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots of virtual machines: creation, table frames, teardown. A slot is NONE, LIVE or DYING; its lock guards it all.
 */
#ifndef CORDON_VM_H
#define CORDON_VM_H

#include "lock.h"

/* Whether a number may name a VM of this machine. */
/*@ requires \valid_read(c);
  @ assigns \nothing;
  @ ensures \result <==> 1 <= vm.v <= c->vms;
  @*/
static inline bool vm_is_id(const struct cordon *c, vmid_t vm)
{
    return vm.v >= 1 && vm.v <= c->vms;
}

/* Takes the VM's lock. NO_VM: there is none of that id. The lock is held only when the answer is OK. */
/*@ requires arrays(c) && \valid(v) && \separated(v, c, c->vm + (0 .. c->vms - 1));
  @ assigns c->vm[vm.v - 1].lock, *v;
  @ ensures ok: \result == CORDON_OK ==> 1 <= vm.v <= c->vms && v->vm == &c->vm[vm.v - 1] && v->id == vm.v &&
  @   c->vm[vm.v - 1].state != VM_NONE;
  @ ensures none: \result == CORDON_NO_VM ==> !(1 <= vm.v <= c->vms) || c->vm[vm.v - 1].state == VM_NONE;
  @ ensures \result == CORDON_OK || \result == CORDON_NO_VM;
  @*/
static HOT enum cordon_status vm_enter(struct cordon *c, vmid_t vm, struct vm_locked *v)
{
    if (!vm_is_id(c, vm))
        return CORDON_NO_VM;
    *v = vm_lock(c, vm.v);
    if (v->vm->state != VM_NONE)
        return CORDON_OK;
    vm_unlock(c, *v);
    return CORDON_NO_VM;
}

/* The same for operations that need a VM that is not being torn down. STATE: it is. */
/*@ requires arrays(c) && \valid(v) && \separated(v, c, c->vm + (0 .. c->vms - 1));
  @ assigns c->vm[vm.v - 1].lock, *v;
  @ ensures ok: \result == CORDON_OK ==> 1 <= vm.v <= c->vms && v->vm == &c->vm[vm.v - 1] && v->id == vm.v &&
  @   c->vm[vm.v - 1].state == VM_LIVE;
  @ ensures none: \result == CORDON_NO_VM ==> !(1 <= vm.v <= c->vms) || c->vm[vm.v - 1].state == VM_NONE;
  @ ensures state: \result == CORDON_STATE ==> 1 <= vm.v <= c->vms && c->vm[vm.v - 1].state != VM_NONE &&
  @   c->vm[vm.v - 1].state != VM_LIVE;
  @ ensures \result == CORDON_OK || \result == CORDON_NO_VM || \result == CORDON_STATE;
  @*/
static HOT enum cordon_status vm_enter_live(struct cordon *c, vmid_t vm, struct vm_locked *v)
{
    enum cordon_status status = vm_enter(c, vm, v);

    if (status != CORDON_OK || v->vm->state == VM_LIVE)
        return status;
    vm_unlock(c, *v);
    return CORDON_STATE;
}

#endif
