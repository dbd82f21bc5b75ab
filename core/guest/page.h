/* SPDX-License-Identifier: Apache-2.0 */
/* One page of a VM's: whether it is the VM's alone, and its contents to another. */
#ifndef CORDON_PAGE_H
#define CORDON_PAGE_H

#include "arch_guest.h"
#include "base/lock.h"
#include "cordon/cordon.h"

/* Where a VM that is held has memory at gfn. RANGE, NOT_MEMORY: nothing, or a device. */
enum cordon_status page_find(struct cordon *c, struct vm_locked v, uint64_t gfn, uint64_t *frame);

/* How often a frame is granted to the host; 0 where it is not the VM's. */
uint64_t page_grants(struct cordon *c, uint32_t vm, uint64_t frame);

/* So often it is from now on. The VM is held, the frame is its own, and n is at most CORDON_SHARE_MAX. */
void page_grant(struct cordon *c, struct vm_locked v, uint64_t frame, uint64_t n);

/*
 * Takes the section's lock of a frame that the VM had at gfn, so that it is the VM's alone until that is let go. The lock is held
 * only when the answer is OK. NOT_MEMORY: it is the VM's no longer, or no RAM. SHARED: it is granted.
 */
enum cordon_status page_lock_private(struct cordon *c, uint32_t vm, uint64_t gfn, uint64_t frame, struct section_locked *s);

/* Whether it is all zero, by every access of the guest's. It stands still, but for what the host writes where it is granted. */
bool page_is_zero(struct cordon *c, uint64_t frame);

/* Frame `to` gets what `from` holds. Both stand still: by a section's lock, or a VM's. */
void page_copy(struct cordon *c, uint64_t to, uint64_t from);

#endif
