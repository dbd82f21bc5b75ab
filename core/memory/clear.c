/* SPDX-License-Identifier: Apache-2.0 */
/* clear_vm_range: a VM's frames go back to the host. SEMANTICS 3. */
#include "memory/clear.h"
#include "memory/range.h"
#include "base/vm.h"

/* n of num frames are done, of which so many were the VM's. */
/*@ requires frames <= n <= num;
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result.status == (n < num ? CORDON_AGAIN : CORDON_OK) && \result.done == n;
  @ ensures \result.changed == frames && told(\result) == n;
  @*/
static HOT struct cordon_progress clear_progress(uint64_t n, uint64_t num, uint64_t frames)
{
    return (struct cordon_progress){ .status = n < num ? CORDON_AGAIN : CORDON_OK, .done = n, .changed = frames,
                                     .not_owned = n - frames };
}

/* n frames from `frame` on, of the section of that index. */
static HOT struct cleared clear_known(struct cordon *c, struct vm_locked v, uint64_t index, uint64_t frame, uint64_t n)
{
    struct cleared r;

    if (n == 1) {   /* a length that is a constant needs no run */
        r = memory_clear_run(c, v, index, frame, 1);
    } else {
        r = memory_clear_run(c, v, index, frame, n);
    }
    return r;
}

/* What one call does for num frames from `frame` on: it stops at the end of a section, or of a hole between them. */
static HOT struct cordon_progress clear_some(struct cordon *c, struct vm_locked v, uint64_t frame, uint64_t num)
{
    uint64_t n = min(num, 512 - frame % 512);
    uint64_t index;
    struct cleared r;

    if (memory_section(c, frame, &index) != CORDON_OK) {
        return clear_progress(min(num, region_gap(c, frame)), num, 0);
    }
    r = clear_known(c, v, index, frame, n);
    return r.status == CORDON_OK ? clear_progress(n, num, r.frames) : refuse(r.status);
}

struct cordon_progress cordon_clear_vm_range(struct cordon *c, vmid_t vm, pfn_t pfn, uint64_t num)
{
    struct cordon_progress p;
    struct vm_locked v;
    enum cordon_status status;

    if (!in_range(pfn.v, num, c->pfn_limit))
        return refuse(CORDON_RANGE);
    status = vm_enter(c, vm, &v);
    if (status != CORDON_OK)
        return refuse(status);
    p = clear_some(c, v, pfn.v, num);
    vm_unlock(c, v);
    return p;
}
