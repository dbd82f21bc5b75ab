/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page-level transitions of SEMANTICS 2, over runs: consecutive frames of one section that stand for consecutive guest
 * frame numbers. A run of one page is the seed's page operation. The caller holds the locks that the handles name.
 */
#ifndef CORDON_MEMORY_H
#define CORDON_MEMORY_H

#include "lock.h"
#include "stage2.h"
#include "cordon/cordon.h"

/* The section of a frame, to be locked by section_lock(). OWNED: the frame is in no section of RAM. */
enum cordon_status memory_section(const struct cordon *c, uint64_t frame, uint64_t *index);

/* ---- assign_pfn_to_vm ---- */

/* Whether the VM may have the frames offset .. offset+n-1 at gfn ..: OK, or the refusal of the first that it may not. */
enum cordon_status memory_can_assign(struct section_locked s, uint32_t vm, uint64_t offset, uint64_t n, uint64_t gfn);

/*
 * Makes the frames the VM's, after memory_can_assign() said OK under the same lock. They are out of the host's reach
 * on return, and their contents are what `contents` says, seen by caches and memory alike. v.vm->frames is kept.
 */
void memory_assign(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t offset, uint64_t n, uint64_t gfn,
                   enum cordon_contents contents);

/* ---- grant_vm_page, revoke_vm_page ---- */

/* One more grant for each frame that the VM owns; the counts of what was done are added to *p. */
void memory_grant(struct section_locked s, uint32_t vm, uint64_t offset, uint64_t n, struct cordon_progress *p);

/*
 * One grant fewer. A frame whose last grant goes leaves the host's table; what is owed for that is added to o and must
 * be settled on c->host before the section is unlocked.
 */
struct owed MUST_USE memory_revoke(struct cordon *c, struct section_locked s, uint32_t vm, uint64_t offset, uint64_t n,
                                   struct cordon_progress *p, struct owed o);

/* ---- clear_vm_page ---- */

/* What a clear will do, found out before it changes anything. */
struct clear_plan {
    uint64_t first;         /* offset of the first frame that the VM owns; end when it owns none */
    uint64_t end;           /* offset behind the last frame */
    struct s2_pos at;       /* the end of the walk in the VM's table to the first frame's gfn */
};

/* Looks at frames offset .. offset+n-1. NO_MEMORY: a block of the VM would have to be split and its pool is empty. */
enum cordon_status memory_can_clear(const struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t offset,
                                    uint64_t n, struct clear_plan *plan);

/*
 * Takes those of the frames that the VM owns back for the host: out of all tables, zeroed, plain host memory. The plan
 * was made under the same locks. Returns how many there were.
 */
uint64_t memory_clear(struct cordon *c, struct vm_locked v, struct section_locked s, const struct clear_plan *plan);

/* ---- the core's own ---- */

/* Host frames become the core's, out of the host's reach. OWNED, SHARED: the first that is not the host's to give. */
enum cordon_status memory_take_for_core(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n);

/* A frame of the core's goes to the host, zeroed. It must be in no table and no walk cache. */
void memory_return_from_core(struct cordon *c, uint64_t frame);

#endif
