/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings that are made on demand and by themselves: the host's faults, and devices of a VM. SEMANTICS 2. */
#include "memory/frame.h"
#include "memory/host.h"
#include "memory/pool.h"
#include "memory/window.h"
#include "base/region.h"
#include "base/vm.h"

/* The host touched a frame in a section of RAM. */
static HOT enum cordon_status map_known(struct cordon *c, uint64_t frame, uint64_t index)
{
    struct section_locked s = section_lock(c, index, frame / 512);
    struct frame record = s.frame[frame % 512];
    enum cordon_status status = CORDON_PRIVATE;

    if (record.holder == HOLDER_INVALID)
        status = region_is_hidden(c, frame) ? CORDON_PRIVATE : host_map(c, s, frame, S2_DEVICE);
    else if (frame_host_may_map(record))
        status = host_map(c, s, frame, S2_NORMAL);
    section_unlock(c, s);
    return status;
}

enum cordon_status cordon_map_page_host(struct cordon *c, pa_t addr)
{
    uint64_t frame = addr.v / CORDON_PAGE_SIZE;
    uint64_t index;

    if (frame >= c->pfn_limit || frame >= c->host.gfn_limit)
        return CORDON_RANGE;
    if (region_section(c, frame / 512, &index))
        return map_known(c, frame, index);
    if (region_is_hidden(c, frame))
        return CORDON_PRIVATE;
    return host_map_device(c, frame);
}

static bool in_window(struct cordon *c, uint64_t frame)
{
    struct host_locked h = host_lock(c);
    bool in = window_has(c, frame, 1);

    host_unlock(h);
    return in;
}

/* Whether a frame is device memory that a VM may be given: no RAM of anybody's, not hidden, and not of a device that a VM has. */
static bool is_device(struct cordon *c, uint64_t frame)
{
    uint64_t index;
    struct section_locked s;
    bool hole;

    if (region_is_hidden(c, frame))
        return false;
    if (!region_section(c, frame / 512, &index))
        return !in_window(c, frame);
    s = section_lock(c, index, frame / 512);
    hole = s.frame[frame % 512].holder == HOLDER_INVALID;
    section_unlock(c, s);
    return hole;
}

static enum cordon_status map_device(struct cordon *c, struct vm_locked v, uint64_t gfn, uint64_t frame)
{
    struct s2_pos p = s2_walk(c, &v.vm->s2, gfn);
    uint64_t wanted = desc_leaf(frame, 3, S2_DEVICE);

    if (desc_valid(p.entry))
        return p.level == 3 && p.entry == wanted ? CORDON_OK : CORDON_MAPPED;
    if (v.vm->pool.free < 3 - p.level)
        return CORDON_NO_MEMORY;
    s2_make(c, s2_grow(c, &v.vm->pool, p, gfn, 3), wanted);
    return CORDON_OK;
}

enum cordon_status cordon_map_vm_io(struct cordon *c, vmid_t vm, ipa_t gpa, pa_t pa)
{
    uint64_t gfn = gpa.v / CORDON_PAGE_SIZE;
    uint64_t frame = pa.v / CORDON_PAGE_SIZE;
    struct vm_locked v;
    enum cordon_status status;

    if (gfn >= c->vm_shape.gfn_limit || frame >= c->pfn_limit)
        return CORDON_RANGE;
    if (gpa.v % CORDON_PAGE_SIZE != 0 || pa.v % CORDON_PAGE_SIZE != 0)
        return CORDON_UNALIGNED;
    status = vm_enter_live(c, vm, &v);
    if (status != CORDON_OK)
        return status;
    status = is_device(c, frame) ? map_device(c, v, gfn, frame) : CORDON_RAM;
    vm_unlock(c, v);
    return status;
}
