/* SPDX-License-Identifier: Apache-2.0 */
/* A guest gives memory back to the host while it runs. */
#ifndef CORDON_RELINQUISH_H
#define CORDON_RELINQUISH_H

#include "base/lock.h"
#include "cordon/cordon.h"

/*
 * The VM's pages behind addr .. addr+size-1 go back to the host: out of every table, zeroed, whatever is granted of
 * them. Its table maps nothing there afterwards. RANGE: beyond the VM's guest addresses. EMPTY. UNALIGNED: addr.
 * NO_VM, STATE. AGAIN: at most 32 pages a call; NO_MEMORY: part of a block, and no table is free to split it.
 * unmapped: nothing was there, or a device.
 */
struct cordon_progress cordon_relinquish(struct cordon *c, vmid_t vm, ipa_t addr, uint64_t size);

#endif
