/* SPDX-License-Identifier: GPL-2.0 */
/* The guest's memory, from slots to frames that are Cordon's and back. vm->lock is held where nothing else is said. */
#ifndef CORDON_KVM_MEMORY_H
#define CORDON_KVM_MEMORY_H

#include <linux/types.h>

struct vm;

/* Declares all slots, and loads what is populated of them. */
int memory_load(struct vm *vm);
/* All that is declared and not there yet, once the VM runs: what a device reaches has to be there. */
int memory_map_all(struct vm *vm);
/* Blocks of 2 MiB from what was loaded, once the VM runs. */
void memory_join(struct vm *vm);
/*
 * The guest wants a page of what was declared. Takes vm->lock. An error: it cannot be had now; the guest asks for it again when
 * it is run.
 */
int memory_fault(struct vm *vm, u64 gpa);
/* The guest has given pages back. Takes vm->lock. */
void memory_relinquished(struct vm *vm, u64 gpa, u64 pages);
/* Cordon has given everything back, and nobody else has the VM. */
void memory_free(struct vm *vm);

#endif
