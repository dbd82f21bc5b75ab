/* SPDX-License-Identifier: Apache-2.0 */
/* The mapping of a range, for who holds the VM's lock already. The other operations are in <cordon/cordon.h>. */
#ifndef CORDON_MAP_H
#define CORDON_MAP_H

#include "base/lock.h"
#include "cordon/cordon.h"

/* How a request to map pages went; of a refusal 0 pages are new. */
struct mapped {
    enum cordon_status status;
    uint64_t changed;       /* pages that were not there before */
};

/*
 * Frames frame .. frame+n-1 become the VM's pages at gfn ..; the caller has checked that all numbers are in range and
 * that neither crosses a multiple of 512. All or none: MAPPED, NO_MEMORY, OWNED, SHARED, GFN. Seed: prot_and_map_vm_s2pt.
 */
struct mapped map_range(struct cordon *c, struct vm_locked v, uint64_t gfn, uint64_t frame, uint64_t n,
                        enum cordon_contents contents);

/*
 * 512 pages that the VM has at gfn .. from frame on, both multiples of 512 and in range, become one block, unless they
 * are one. MAPPED: they are not all there, or not these.
 */
enum cordon_status map_join(struct cordon *c, struct vm_locked v, uint64_t gfn, uint64_t frame);

#endif
