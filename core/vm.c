/* SPDX-License-Identifier: Apache-2.0 */
#include "vm.h"

#include "memory.h"
#include "pool.h"
#include "stage2.h"

/* What one call of a teardown does: steps of one entry looked at or one page cleared (or a block), and tables returned. */
#define TEARDOWN_STEPS 128
#define TEARDOWN_TABLES 32

/* Host frames first .. first+n-1, which lie in one section, become the core's. */
static enum cordon_status take_frames(struct cordon *c, uint64_t first, uint64_t n)
{
    uint64_t index;
    enum cordon_status status = memory_section(c, first, &index);
    struct section_locked s;

    if (status != CORDON_OK)
        return status;
    s = section_lock(c, index, first / 512);
    status = memory_take_for_core(c, s, first % 512, n);
    section_unlock(c, s);
    return status;
}

/* RANGE, or OK for frames that have numbers and lie in one section. */
static enum cordon_status check_frames(uint64_t first, uint64_t n)
{
    return first < CORDON_FRAME_LIMIT && n >= 1 && n <= 512 - first % 512 ? CORDON_OK : CORDON_RANGE;
}

enum cordon_status cordon_vm_create(struct cordon *c, vmid_t vm, pfn_t root)
{
    uint32_t roots = c->vm_shape.roots;
    enum cordon_status status = check_frames(root.v, 1);
    struct vm_locked v;

    if (status != CORDON_OK)
        return status;
    if (root.v % roots != 0)
        return CORDON_UNALIGNED;
    if (!vm_is_id(c, vm))
        return CORDON_NO_VM;
    v = vm_lock(c, vm.v);
    status = v.vm->state == VM_NONE ? take_frames(c, root.v, roots) : CORDON_EXISTS;
    if (status == CORDON_OK) {
        for (uint32_t i = 0; i < roots; i++)
            pool_root(c, root.v + i);
        arch_dsb_ishst(c);      /* the roots are seen empty before any CPU may walk them */
        v.vm->s2 = c->vm_shape;
        v.vm->s2.root = root.v;
        v.vm->s2.vmid = vm.v;
        pool_init(&v.vm->pool, 0, 0);
        v.vm->frames = 0;
        v.vm->cursor = 0;
        v.vm->state = VM_LIVE;
    }
    vm_unlock(c, v);
    return status;
}

enum cordon_status cordon_vm_donate(struct cordon *c, vmid_t vm, pfn_t first, uint64_t num)
{
    enum cordon_status status = check_frames(first.v, num);
    struct vm_locked v;

    if (status != CORDON_OK)
        return status;
    status = vm_enter_live(c, vm, &v);
    if (status != CORDON_OK)
        return status;
    status = take_frames(c, first.v, num);
    if (status == CORDON_OK) {
        for (uint64_t i = 0; i < num; i++)
            pool_add(c, &v.vm->pool, first.v + i);
    }
    vm_unlock(c, v);
    return status;
}

uint64_t cordon_vm_pool_free(struct cordon *c, vmid_t vm)
{
    struct vm_locked v;
    uint64_t n;

    if (vm_enter(c, vm, &v) != CORDON_OK)
        return 0;
    n = v.vm->pool.free;
    vm_unlock(c, v);
    return n;
}

/* ---- teardown ---- */

/* Takes a leaf that maps a device out of the VM's table. */
static void drop_device(struct cordon *c, struct vm_locked v, struct s2_pos p, uint64_t gfn)
{
    s2_settle(c, &v.vm->s2, s2_put(c, p.row, p.index, gfn, p.level, p.entry, 0, OWED_NOTHING));
}

/*
 * Clears what the leaf at p maps to gfn, and with a page also the VM's next frames in physical order, so that a batch
 * shares its invalidation: the cursor finds their entries empty later. Returns the pages of work.
 */
static uint64_t clear_leaf(struct cordon *c, struct vm_locked v, struct s2_pos p, uint64_t gfn)
{
    uint64_t cleared = 0;
    struct clear_plan plan;
    uint64_t first = s2_frame(p, gfn);
    uint64_t n = p.level == 3 ? 512 - first % 512 : 512;
    uint64_t index;
    struct section_locked s;

    if (memory_section(c, first, &index) != CORDON_OK)
        return 0;
    if (p.level == 3 && n > TEARDOWN_STEPS)
        n = TEARDOWN_STEPS;
    s = section_lock(c, index, first / 512);
    if (memory_can_clear(c, v, s, first % 512, n, &plan) == CORDON_OK)
        cleared = memory_clear(c, v, s, &plan);
    section_unlock(c, s);
    return cleared;
}

/* Goes on with emptying the VM's table. False when there is more to do. */
static bool empty_table(struct cordon *c, struct vm_locked v)
{
    struct stage2 *t = &v.vm->s2;

    for (uint64_t step = 0; step < TEARDOWN_STEPS && v.vm->cursor < t->gfn_limit; step++) {
        uint64_t gfn = v.vm->cursor;
        struct s2_pos p = s2_walk(c, t, gfn);

        if (desc_valid(p.entry) && desc_is_device(p.entry))
            drop_device(c, v, p, gfn);
        else if (desc_valid(p.entry))
            step += clear_leaf(c, v, p, gfn);
        v.vm->cursor += s2_pages(p.level) - gfn % s2_pages(p.level);
        s2_prune(c, t, &v.vm->pool, v.vm->cursor - 1);
    }
    return v.vm->cursor >= t->gfn_limit;
}

/* Goes on with giving the donated frames back, the roots last. False when there is more to do. */
static bool return_tables(struct cordon *c, struct vm_locked v)
{
    struct stage2 *t = &v.vm->s2;

    for (uint32_t i = 0; i < TEARDOWN_TABLES && v.vm->pool.free > 0; i++)
        memory_return_from_core(c, pool_remove(c, &v.vm->pool));
    if (v.vm->pool.free > 0)
        return false;
    core_assert(c, v.vm->pool.total == 0);
    arch_tlbi_vmalls12e1is(c, t->vmid);     /* no walk is in the roots, and the id begins anew with no translation */
    arch_dsb_ish(c);
    for (uint32_t i = 0; i < t->roots; i++) {
        arch_table_free(c, t->root + i);
        memory_return_from_core(c, t->root + i);
    }
    return true;
}

enum cordon_status cordon_vm_destroy(struct cordon *c, vmid_t vm)
{
    struct vm_locked v;
    enum cordon_status status = vm_enter(c, vm, &v);

    if (status != CORDON_OK)
        return status;
    v.vm->state = VM_DYING;
    if (!empty_table(c, v))
        status = CORDON_AGAIN;
    else if (v.vm->frames > 0)
        status = CORDON_BUSY;
    else if (!return_tables(c, v))
        status = CORDON_AGAIN;
    else
        v.vm->state = VM_NONE;
    vm_unlock(c, v);
    return status;
}
