/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots of virtual machines: creation, table frames, teardown. A slot is NONE, LIVE or DYING; its lock guards it all.
 */
#ifndef CORDON_VM_H
#define CORDON_VM_H

#include "lock.h"

/* Takes the VM's lock. NO_VM: there is none of that id. The lock is held only when the answer is OK. */
enum cordon_status vm_enter(struct cordon *c, vmid_t vm, struct vm_locked *v);

/* The same for operations that need a VM that is not being torn down. STATE: it is. */
enum cordon_status vm_enter_live(struct cordon *c, vmid_t vm, struct vm_locked *v);

#endif
