/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include "frame.h"
#include "host.h"
#include "region.h"

enum cordon_status memory_section(const struct cordon *c, uint64_t frame, uint64_t *index)
{
    return region_section(c, frame / 512, index) ? CORDON_OK : CORDON_OWNED;
}

/* The count of frames that are not the host's is read without the section's lock by whoever maps 1 GiB: see host.h. */
static void taken_add(struct section_locked s, uint64_t n)
{
    arch_store16(&s.section->taken, (uint16_t)(s.section->taken + n));
}

static void taken_sub(struct section_locked s, uint64_t n)
{
    arch_store16(&s.section->taken, (uint16_t)(s.section->taken - n));
}

/* ---- assign ---- */

enum cordon_status memory_can_assign(struct section_locked s, uint32_t vm, uint64_t offset, uint64_t n, uint64_t gfn)
{
    if (s.section->taken == 0 && s.section->pinned == 0)
        return CORDON_OK;       /* all 512 are plain host memory */
    for (uint64_t i = 0; i < n; i++) {
        enum cordon_status status = frame_can_assign(s.frame[offset + i], (uint16_t)vm, gfn + i);

        if (status != CORDON_OK)
            return status;
    }
    return CORDON_OK;
}

/* How many frames from offset on have the holder of the first. */
static uint64_t same_holder(struct section_locked s, uint64_t offset, uint64_t n)
{
    uint16_t holder = s.frame[offset].holder;
    uint64_t i = 1;

    if (s.section->taken == 0)
        return n;               /* all 512 are the host's */
    while (i < n && s.frame[offset + i].holder == holder)
        i++;
    return i;
}

static void set_vm_records(struct section_locked s, uint32_t vm, uint64_t offset, uint64_t n, uint64_t gfn)
{
    UNROLL
    for (uint64_t i = 0; i < n; i++)
        s.frame[offset + i] = frame_of_vm((uint16_t)vm, gfn + i);
}

static void set_holder(struct section_locked s, uint64_t offset, uint64_t n, uint16_t holder)
{
    UNROLL
    for (uint64_t i = 0; i < n; i++)
        s.frame[offset + i] = frame_of(holder);
}

void memory_assign(struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t offset, uint64_t n, uint64_t gfn,
                   enum cordon_contents contents)
{
    while (n > 0) {
        uint64_t k = same_holder(s, offset, n);
        uint16_t holder = s.frame[offset].holder;

        if (holder == HOLDER_HOST) {
            taken_add(s, k);
            v.vm->frames += k;
        }
        if (holder != v.id) {   /* the VM's own settled frames stay as they are */
            set_vm_records(s, v.id, offset, k, gfn);
            s2_settle(c, &c->host, host_unmap_run(c, s, offset, k, OWED_NOTHING));
            if (contents == CORDON_ZERO)
                arch_zero_frames(c, s.pfn + offset, k);
            arch_clean_frames(c, s.pfn + offset, k);    /* a guest with its caches off sees the same */
        }
        offset += k;
        gfn += k;
        n -= k;
    }
}

/* ---- grant and revoke ---- */

void memory_grant(struct section_locked s, uint32_t vm, uint64_t offset, uint64_t n, struct cordon_progress *p)
{
    uint64_t not_owned = 0;
    uint64_t saturated = 0;

    UNROLL
    for (uint64_t i = 0; i < n; i++) {
        struct frame *f = &s.frame[offset + i];

        if (f->holder != vm)
            not_owned++;
        else if (f->count >= CORDON_SHARE_MAX)
            saturated++;
        else
            f->count++;
    }
    p->not_owned += not_owned;
    p->saturated += saturated;
    p->changed += n - not_owned - saturated;
}

struct owed memory_revoke(struct cordon *c, struct section_locked s, uint32_t vm, uint64_t offset, uint64_t n,
                          struct cordon_progress *p, struct owed o)
{
    uint64_t not_owned = 0;
    uint64_t saturated = 0;
    bool dropped = false;
    uint64_t leaf = s.section->leaf;    /* 0: the host maps none of the VM's pages here */

    UNROLL
    for (uint64_t i = 0; i < n; i++) {
        struct frame *f = &s.frame[offset + i];

        if (f->holder != vm) {
            not_owned++;
        } else if (f->count == 0) {
            saturated++;
        } else {
            f->count--;
            if (f->count == 0 && leaf != 0 && s2_clear_page(c, leaf, offset + i))
                dropped = true;
        }
    }
    p->not_owned += not_owned;
    p->saturated += saturated;
    p->changed += n - not_owned - saturated;
    return dropped ? owed_add(o, s.pfn + offset, s.pfn + offset + n) : o;
}

/* ---- clear ---- */

static bool owned_by(struct frame f, uint32_t vm)
{
    return f.holder == vm || f.holder == HOLDER_PENDING + vm;
}

/* How many frames from offset on are not the VM's. */
static uint64_t skip_others(struct section_locked s, uint32_t vm, uint64_t offset, uint64_t n)
{
    uint64_t i = 0;

    while (i < n && !owned_by(s.frame[offset + i], vm))
        i++;
    return i;
}

/*
 * How many frames from offset on are like the first, which is the VM's: in the same state, shared or not, at consecutive
 * guest frame numbers of one last-level table.
 */
static uint64_t gfn_run(struct section_locked s, uint64_t offset, uint64_t n)
{
    uint64_t first = frame_word(s.frame[offset]);
    uint64_t most = 512 - first % 512;
    uint64_t i = 1;

    if (most > n)
        most = n;
    while (i < most && frame_word(s.frame[offset + i]) == first + i)
        i++;
    return i;
}

/* How many frames from offset on are the VM's. */
static uint64_t own_run(struct section_locked s, uint32_t vm, uint64_t offset, uint64_t n)
{
    uint64_t i = 0;

    while (i < n && owned_by(s.frame[offset + i], vm))
        i++;
    return i;
}

/* Whether p, the end of the walk to the gfn of one of the section's frames, is a block: then it maps all of the section. */
static bool is_block_of(struct s2_pos p, struct section_locked s)
{
    return p.level == 2 && desc_valid(p.entry) && desc_pfn(p.entry) == s.pfn;
}

enum cordon_status memory_can_clear(const struct cordon *c, struct vm_locked v, struct section_locked s, uint64_t offset,
                                    uint64_t n, struct clear_plan *plan)
{
    plan->first = offset + skip_others(s, v.id, offset, n);
    plan->end = offset + n;
    if (plan->first == plan->end)
        return CORDON_OK;
    plan->at = s2_walk(c, &v.vm->s2, frame_gfn(s.frame[plan->first]));
    return n == 512 || !is_block_of(plan->at, s) || v.vm->pool.free > 0 ? CORDON_OK : CORDON_NO_MEMORY;
}

/* Takes one run of frames of the VM's, the first of which p is the end of the walk to, out of its own table. */
static struct owed unmap_vm_run(struct cordon *c, struct vm_locked v, struct section_locked s, struct s2_pos p,
                                uint64_t offset, uint64_t n, struct owed o)
{
    uint64_t gfn = frame_gfn(s.frame[offset]);

    if (p.level == 3)
        return s2_clear_run(c, p.row, p.index, gfn, n, o);
    if (!is_block_of(p, s))
        return o;               /* assigned and not mapped */
    if (n == 512)
        return s2_put(c, p.row, p.index, gfn, 2, p.entry, 0, o);
    (void)s2_split(c, &v.vm->s2, &v.vm->pool, p, gfn - gfn % 512, offset, n);
    return o;
}

/* The first half of a clear: nobody can reach the VM's frames any more, not even through a TLB. */
static void unmap_everywhere(struct cordon *c, struct vm_locked v, struct section_locked s, const struct clear_plan *plan)
{
    struct owed of_vm = OWED_NOTHING;
    struct owed of_host = OWED_NOTHING;
    struct s2_pos p = plan->at;
    uint64_t offset = plan->first;

    while (offset < plan->end) {
        uint64_t k = gfn_run(s, offset, plan->end - offset);

        if (offset != plan->first)
            p = s2_walk(c, &v.vm->s2, frame_gfn(s.frame[offset]));
        if (!frame_is_pending(s.frame[offset]))     /* a pending frame is in no table of the VM's CPUs */
            of_vm = unmap_vm_run(c, v, s, p, offset, k, of_vm);
        if (s.frame[offset].count > 0)
            of_host = host_unmap_run(c, s, offset, k, of_host);
        offset += k;
        offset += skip_others(s, v.id, offset, plan->end - offset);
    }
    s2_settle(c, &v.vm->s2, of_vm);
    s2_settle(c, &c->host, of_host);
}

uint64_t memory_clear(struct cordon *c, struct vm_locked v, struct section_locked s, const struct clear_plan *plan)
{
    uint64_t offset = plan->first;
    uint64_t cleared = 0;

    unmap_everywhere(c, v, s, plan);
    while (offset < plan->end) {
        uint64_t k = own_run(s, v.id, offset, plan->end - offset);

        arch_zero_frames(c, s.pfn + offset, k);
        arch_clean_frames(c, s.pfn + offset, k);    /* an access with caches off finds zeros, not the VM's data */
        set_holder(s, offset, k, HOLDER_HOST);
        cleared += k;
        offset += k;
        offset += skip_others(s, v.id, offset, plan->end - offset);
    }
    taken_sub(s, cleared);
    v.vm->frames -= cleared;
    return cleared;
}

/* ---- the core's own ---- */

enum cordon_status memory_take_for_core(struct cordon *c, struct section_locked s, uint64_t offset, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        enum cordon_status status = frame_can_leave_host(s.frame[offset + i]);

        if (status != CORDON_OK)
            return status;
    }
    taken_add(s, n);
    set_holder(s, offset, n, HOLDER_CORE);
    s2_settle(c, &c->host, host_unmap_run(c, s, offset, n, OWED_NOTHING));
    return CORDON_OK;
}

void memory_return_from_core(struct cordon *c, uint64_t frame)
{
    uint64_t index = 0;
    bool known = region_section(c, frame / 512, &index);
    struct section_locked s;

    core_assert(c, known);
    if (!known)
        return;
    s = section_lock(c, index, frame / 512);
    arch_zero_frames(c, frame, 1);
    arch_clean_frames(c, frame, 1);
    set_holder(s, frame % 512, 1, HOLDER_HOST);
    taken_sub(s, 1);
    section_unlock(c, s);
}
