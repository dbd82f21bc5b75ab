/* SPDX-License-Identifier: Apache-2.0 */
#include "vm.h"

#include "image.h"
#include "clear.h"
#include "pool.h"
#include "stage2.h"

/*
 * What one call of a teardown does: either entries of the VM's table, until it has done WORK, or TABLES. The measure of
 * work is a walk. The last entry may come with ZERO_PAGES that are cleared, or as many entries as a table has, and
 * with a table of each level that nothing is in any more, which costs 30 walks each.
 */
#define TEARDOWN_WORK 16
#define TEARDOWN_TABLES 32
#define WORK_OF_PAGES(n) ((n) * 2)      /* zeroed */
#define WORK_OF_ENTRIES(n) ((n) / 16)   /* looked at */

/* RANGE, or OK for frames that have numbers and lie in one section. */
static enum cordon_status check_frames(uint64_t first, uint64_t n)
{
    return first < CORDON_FRAME_LIMIT && n >= 1 && n <= 512 - first % 512 ? CORDON_OK : CORDON_RANGE;
}

enum cordon_status vm_take_frames(struct cordon *c, uint64_t first, uint64_t n)
{
    uint64_t index;
    enum cordon_status status = check_frames(first, n);
    struct section_locked s;

    if (status == CORDON_OK)
        status = memory_section(c, first, &index);
    if (status != CORDON_OK)
        return status;
    s = section_lock(c, index, first / 512);
    status = memory_take_for_core(c, s, first % 512, n);
    section_unlock(c, s);
    return status;
}

/* A slot becomes a VM with an empty table. What the last one left in it is as if it had never been. */
static void begin_vm(struct cordon *c, struct vm_locked v, uint64_t root, uint32_t vcpus)
{
    struct vm *vm = v.vm;

    for (uint32_t i = 0; i < c->vm_shape.roots; i++)
        pool_root(c, arch_index(root + i, c->phys_frames));
    arch_dsb_ishst(c);      /* the roots are seen empty before any CPU may walk them */
    vm->s2 = c->vm_shape;
    vm->s2.root = root;
    vm->s2.vmid = v.id;
    pool_init(&vm->pool, 0, 0);
    vm->frames = 0;
    vm->cursor = 0;
    vm->rest_n = 0;
    vm->generation += 1;
    arch_store16(&vm->phase, CORDON_PHASE_BUILT);
    vm->vcpus = (uint16_t)vcpus;
    vm->entries = 0;
    arch_store16(&vm->exits, 0);
    image_init(&vm->image);
    vm->measured = 0;
    arch_store16(&vm->state, VM_LIVE);
}

enum cordon_status vm_create(struct cordon *c, uint32_t id, uint64_t root, uint32_t vcpus, uint64_t *generation)
{
    struct vm_locked v = vm_lock(c, id);
    enum cordon_status status = v.vm->state == VM_NONE ? vm_take_frames(c, root, c->vm_shape.roots) : CORDON_EXISTS;

    if (status == CORDON_OK) {
        begin_vm(c, v, root, vcpus);
        *generation = v.vm->generation;
    }
    vm_unlock(c, v);
    return status;
}

enum cordon_status cordon_vm_create(struct cordon *c, vmid_t vm, pfn_t root)
{
    uint64_t generation;

    if (check_frames(root.v, 1) != CORDON_OK)
        return CORDON_RANGE;
    if (root.v % c->vm_shape.roots != 0)
        return CORDON_UNALIGNED;
    if (!vm_is_id(c, vm))
        return CORDON_NO_VM;
    return vm_create(c, vm.v, root.v, 0, &generation);
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
    status = vm_take_frames(c, first.v, num);
    if (status == CORDON_OK) {
        for (uint64_t i = 0; i < num; i++)
            pool_add(c, &v.vm->pool, arch_index(first.v + i, c->phys_frames));
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

/* Clears n frames from `frame` on, of one section, that the VM owns; returns how many there were. */
static uint64_t clear_frames(struct cordon *c, struct vm_locked v, uint64_t frame, uint64_t n)
{
    uint64_t index;

    if (memory_section(c, frame, &index) != CORDON_OK)
        return 0;
    return memory_clear_run(c, v, index, frame, n).frames;
}

/*
 * Clears the page that p maps to gfn, and the VM's next frames in physical order, so that a batch shares its
 * invalidation: the cursor finds their entries empty later. Returns the work that it was.
 */
static uint64_t clear_pages(struct cordon *c, struct vm_locked v, struct s2_pos p, uint64_t gfn)
{
    uint64_t first = s2_frame(p, gfn);
    uint64_t n = 512 - first % 512;

    return WORK_OF_PAGES(clear_frames(c, v, first, min(n, ZERO_PAGES)));
}

/* Takes a leaf out of the VM's table: one that maps a device, or a block whose frames are cleared afterwards. */
static void drop_leaf(struct cordon *c, struct vm_locked v, struct s2_pos p, uint64_t gfn)
{
    s2_settle(c, &v.vm->s2, s2_put(c, p.row, p.index, gfn, p.level, p.entry, 0, OWED_NOTHING));
}

/* A block is more than one call may clear: it is unmapped, and its frames are the VM's rest. */
static void drop_block(struct cordon *c, struct vm_locked v, struct s2_pos p, uint64_t gfn)
{
    drop_leaf(c, v, p, gfn);
    v.vm->rest = s2_frame(p, gfn - gfn % CORDON_BLOCK_PAGES);
    v.vm->rest_n = CORDON_BLOCK_PAGES;
}

/* Goes on with the rest of a block: returns the work that it was. */
static uint64_t clear_rest(struct cordon *c, struct vm_locked v)
{
    uint64_t n = min(v.vm->rest_n, ZERO_PAGES);

    (void)clear_frames(c, v, v.vm->rest, n);
    v.vm->rest += n;
    v.vm->rest_n -= n;
    return WORK_OF_PAGES(n);
}

/* How many entries from p on, of the same table, map nothing. */
static uint64_t count_empty(const struct cordon *c, struct s2_pos p)
{
    uint64_t n = 0;

    while (n < 512 - p.index && arch_pte_read(c, p.row, p.index + n) == 0)
        n++;
    return n;
}

/* Empties the entry at the cursor, or passes those that are empty. Returns the work that it was. */
static uint64_t empty_entry(struct cordon *c, struct vm_locked v)
{
    struct stage2 *t = &v.vm->s2;
    uint64_t gfn = v.vm->cursor;
    struct s2_pos p = s2_walk(c, t, gfn);
    uint64_t entries = 1;
    uint64_t work = 1;

    if (!desc_valid(p.entry)) {
        entries = count_empty(c, p);
        work += WORK_OF_ENTRIES(entries);
    } else if (desc_is_device(p.entry)) {
        drop_leaf(c, v, p, gfn);
    } else if (p.level < 3) {
        drop_block(c, v, p, gfn);
    } else {
        work += clear_pages(c, v, p, gfn);
    }
    /* A root table may have more entries than there are addresses. */
    v.vm->cursor = min(gfn + entries * s2_pages(p.level) - gfn % s2_pages(p.level), t->gfn_limit);
    s2_prune(c, t, &v.vm->pool, v.vm->cursor - 1);
    return work;
}

static bool is_emptied(const struct vm *vm)
{
    return vm->cursor >= vm->s2.gfn_limit && vm->rest_n == 0;
}

/* Goes on with emptying the VM's table. */
static void empty_table(struct cordon *c, struct vm_locked v)
{
    for (uint64_t work = 0; work < TEARDOWN_WORK && !is_emptied(v.vm);)
        work += v.vm->rest_n > 0 ? clear_rest(c, v) : empty_entry(c, v);
}

/* The frames that hold the vCPUs. None of them is in the guest. */
static void return_vcpus(struct cordon *c, struct vm_locked v)
{
    for (uint32_t i = 0; i < CORDON_VCPUS_MAX; i++) {
        if (v.vm->vcpu_row[i] != 0)
            memory_return_from_core(c, v.vm->vcpu_row[i]);
        v.vm->vcpu_row[i] = 0;
    }
}

/* Goes on with giving the donated frames back. */
static void return_tables(struct cordon *c, struct vm_locked v)
{
    for (uint32_t i = 0; i < TEARDOWN_TABLES && v.vm->pool.free > 0; i++)
        memory_return_from_core(c, pool_remove(c, &v.vm->pool));
}

/* Gives back what is left: the vCPUs and the roots. */
static void end_vm(struct cordon *c, struct vm_locked v)
{
    struct stage2 *t = &v.vm->s2;

    core_assert(c, v.vm->pool.total == 0);
    return_vcpus(c, v);
    arch_tlbi_vmalls12e1is(c, t->vmid);     /* no walk is in the roots, and the id begins anew with no translation */
    arch_dsb_ish(c);
    for (uint32_t i = 0; i < t->roots; i++) {
        arch_table_free(c, t->root + i);
        memory_return_from_core(c, t->root + i);
    }
    arch_store16(&v.vm->state, VM_NONE);
}

/* One kind of work a call, so that the bounds of two do not add up. OK: the VM is gone. */
static enum cordon_status go_on_with_teardown(struct cordon *c, struct vm_locked v)
{
    if (!is_emptied(v.vm)) {
        empty_table(c, v);
        return CORDON_AGAIN;
    }
    if (v.vm->frames > 0)
        return CORDON_BUSY;
    if (v.vm->pool.free > 0) {
        return_tables(c, v);
        return CORDON_AGAIN;
    }
    end_vm(c, v);
    return CORDON_OK;
}

enum cordon_status cordon_vm_destroy(struct cordon *c, vmid_t vm)
{
    struct vm_locked v;
    enum cordon_status status = vm_enter(c, vm, &v);

    if (status != CORDON_OK)
        return status;
    if (v.vm->entries != arch_load_acquire16(&v.vm->exits)) {   /* what a run wrote, it wrote before this is overwritten */
        vm_unlock(c, v);
        return CORDON_BUSY;
    }
    arch_store16(&v.vm->state, VM_DYING);
    status = go_on_with_teardown(c, v);
    vm_unlock(c, v);
    return status;
}
