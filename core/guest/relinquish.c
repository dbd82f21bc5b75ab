/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/relinquish.h"

#include "memory/clear.h"
#include "base/vm.h"

/* Stretches that one call looks at. */
#define RELINQUISH_STEPS 64

/* How many pages from gfn on, at most n, p's table maps to consecutive frames of one section. */
static uint64_t run_of(const struct cordon *c, struct s2_pos p, uint64_t gfn, uint64_t n)
{
    uint64_t first = s2_frame(p, gfn);
    uint64_t most = min(n, 512 - first % 512);
    uint64_t i = 1;

    if (p.level < 3)
        return min(most, s2_pages(p.level) - gfn % s2_pages(p.level));
    while (i < most && p.index + i < 512 && arch_pte_read(c, p.row, p.index + i) == p.entry + i * CORDON_PAGE_SIZE)
        i++;
    return i;
}

/* Clears n frames, which the VM's table maps, or refuses. */
static enum cordon_status clear_run(struct cordon *c, struct vm_locked v, uint64_t frame, uint64_t n, struct cordon_progress *p)
{
    uint64_t index;
    enum cordon_status status = memory_section(c, frame, &index);
    struct cleared r;

    if (status != CORDON_OK)
        return status;
    r = memory_clear_run(c, v, index, frame, n);
    p->changed += r.frames;
    p->not_owned += r.status == CORDON_OK ? n - r.frames : 0;
    return r.status;
}

/* The next stretch: a hole, a device, or a run of memory. Returns its pages, 0 for a refusal. */
static uint64_t next_stretch(struct cordon *c, struct vm_locked v, uint64_t gfn, uint64_t n, struct cordon_progress *p)
{
    struct s2_pos at = s2_walk(c, &v.vm->s2, gfn);
    uint64_t k;

    if (!desc_valid(at.entry) || desc_is_device(at.entry)) {
        k = min(n, s2_pages(at.level) - gfn % s2_pages(at.level));
        p->unmapped += k;
        return k;
    }
    k = run_of(c, at, gfn, min(n, ZERO_PAGES - p->changed));
    p->status = clear_run(c, v, s2_frame(at, gfn), k, p);
    return p->status == CORDON_OK ? k : 0;
}

static void relinquish_pages(struct cordon *c, struct vm_locked v, uint64_t gfn, uint64_t num, struct cordon_progress *p)
{
    for (uint32_t step = 0; step < RELINQUISH_STEPS && p->done < num && p->changed < ZERO_PAGES; step++) {
        uint64_t n = next_stretch(c, v, gfn + p->done, num - p->done, p);

        if (n == 0)
            break;
        p->done += n;
    }
    if (p->done > 0 || p->status == CORDON_OK)      /* what was done stands; a refusal comes back at its own page */
        p->status = p->done < num ? CORDON_AGAIN : CORDON_OK;
}

struct cordon_progress cordon_relinquish(struct cordon *c, vmid_t vm, ipa_t addr, uint64_t size)
{
    uint64_t limit = c->vm_shape.gfn_limit * CORDON_PAGE_SIZE;
    struct cordon_progress p = { .status = CORDON_OK };
    struct vm_locked v;

    if (addr.v >= limit || size > limit - addr.v)
        p.status = CORDON_RANGE;
    else if (size == 0)
        p.status = CORDON_EMPTY;
    else if (addr.v % CORDON_PAGE_SIZE != 0)
        p.status = CORDON_UNALIGNED;
    else
        p.status = vm_enter_live(c, vm, &v);
    if (p.status != CORDON_OK)
        return p;
    relinquish_pages(c, v, addr.v / CORDON_PAGE_SIZE, (size + CORDON_PAGE_SIZE - 1) / CORDON_PAGE_SIZE, &p);
    vm_unlock(c, v);
    return p;
}
