/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/life.h"

#include "guest/image.h"
#include "memory/memory.h"
#include "memory/pool.h"
#include "memory/stage2.h"

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
    vm->devices = 0;
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
