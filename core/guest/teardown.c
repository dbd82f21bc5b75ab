/* SPDX-License-Identifier: Apache-2.0 */
/* A virtual machine ends, a bounded step at a time: its frames are zeroed and the host's again, then its tables, its slot. */
#include "memory/clear.h"
#include "memory/pool.h"
#include "memory/stage2.h"
#include "base/vm.h"

/*
 * What one call of a teardown does: either entries of the VM's table, until it has done WORK, or TABLES. The measure of
 * work is a walk. The last entry may come with ZERO_PAGES that are cleared, or as many entries as a table has, and
 * with a table of each level that nothing is in any more, which costs 30 walks each.
 */
#define TEARDOWN_WORK 16
#define TEARDOWN_TABLES 32
#define WORK_OF_PAGES(n) ((n) * 2)      /* zeroed */
#define WORK_OF_ENTRIES(n) ((n) / 16)   /* looked at */

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
    /* What a run wrote, it wrote before this is overwritten; and no device walks the tables that go. */
    if (v.vm->entries != arch_load_acquire16(&v.vm->exits) || v.vm->devices != 0) {
        vm_unlock(c, v);
        return CORDON_BUSY;
    }
    arch_store16(&v.vm->state, VM_DYING);
    status = go_on_with_teardown(c, v);
    vm_unlock(c, v);
    return status;
}
