/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a VM by host calls: handles, phases, what each call refuses, and that all comes back. <cordon/abi.h>. */
#include "guest.h"

#define ALL(a) (sizeof(a) / sizeof((a)[0]))
#define BLOCK_AT (GUEST_RAM + 4 * MIB)

/* ---- every call in every phase ---- */

enum where { BUILT, RUNNING, STOPPED, DYING, WHERES };

/* A VM with one vCPU, in a phase, that has a block at BLOCK_AT once it has run; *frame is the block's first. */
static void guest_in(struct guest *g, enum where where, uint64_t *frame)
{
    guest_built(g, machine_small(), 1);
    *frame = FRAME(2, 0);
    if (where == BUILT)
        return;
    guest_start(g);
    *frame = guest_map_block(g, BLOCK_AT);
    if (where == RUNNING)
        return;
    assert_ok(HS(g->m, CORDON_CALL_VM_STOP, g->handle));
    if (where == DYING)
        assert_status(CORDON_AGAIN, HS(g->m, CORDON_CALL_VM_DESTROY, g->handle));
}

/* Arguments behind the handle; FREE and THE_BLOCK stand for frames. */
#define FREE (UINT64_MAX - 1)
#define THE_BLOCK (UINT64_MAX - 2)

static const struct {
    uint32_t call;
    uint64_t x2, x3, x4;
    enum cordon_status in[WHERES];
} phases[] = {
    { CORDON_CALL_VM_DONATE, FREE, 1, 0, { CORDON_OK, CORDON_OK, CORDON_OK, CORDON_STATE } },
    { CORDON_CALL_VM_MEMORY, 0x1000, 0x1000, 0, { CORDON_OK, CORDON_STATE, CORDON_STATE, CORDON_STATE } },
    { CORDON_CALL_VCPU_CREATE, 0, FREE, 0, { CORDON_EXISTS, CORDON_STATE, CORDON_STATE, CORDON_STATE } },
    { CORDON_CALL_VM_LOAD, GUEST_RAM, FREE, 1, { CORDON_OK, CORDON_STATE, CORDON_STATE, CORDON_STATE } },
    { CORDON_CALL_VM_START, GUEST_ENTRY, 0, 0, { CORDON_OK, CORDON_STATE, CORDON_STATE, CORDON_STATE } },
    { CORDON_CALL_VM_MAP, GUEST_RAM, FREE, 1, { CORDON_STATE, CORDON_OK, CORDON_STATE, CORDON_STATE } },
    { CORDON_CALL_VM_BLOCK, BLOCK_AT, THE_BLOCK, 0, { CORDON_STATE, CORDON_OK, CORDON_STATE, CORDON_STATE } },
    { CORDON_CALL_VM_CLEAR, THE_BLOCK, 1, 0, { CORDON_STATE, CORDON_STATE, CORDON_OK, CORDON_STATE } },
    { CORDON_CALL_VM_STOP, 0, 0, 0, { CORDON_OK, CORDON_OK, CORDON_OK, CORDON_STATE } },
    { CORDON_CALL_VM_DESTROY, 0, 0, 0, { CORDON_AGAIN, CORDON_AGAIN, CORDON_AGAIN, CORDON_AGAIN } },
    { CORDON_CALL_VM_INFO, 0, 0, 0, { CORDON_OK, CORDON_OK, CORDON_OK, CORDON_OK } },
    { CORDON_CALL_VM_MEASUREMENT, 0, 0, 0, { CORDON_STATE, CORDON_OK, CORDON_OK, CORDON_STATE } },
    { CORDON_CALL_VCPU_RUN, 0, CORDON_ANSWER_NONE, 0, { CORDON_STATE, CORDON_OK, CORDON_STATE, CORDON_STATE } },
};

static uint64_t argument(struct guest *g, uint64_t x, uint64_t block)
{
    return x == FREE ? guest_frames(g, 1, 1) : x == THE_BLOCK ? block : x;
}

static void each_call_works_in_its_phases_and_answers_STATE_in_all_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL(phases); i++) {
        for (int where = 0; where < WHERES; where++) {
            struct guest g;
            uint64_t block;
            uint64_t x2, x3, x4;

            guest_in(&g, (enum where)where, &block);
            x2 = argument(&g, phases[i].x2, block);
            x3 = argument(&g, phases[i].x3, block);
            x4 = argument(&g, phases[i].x4, block);
            if (phases[i].in[where] == CORDON_STATE)
                assert_refused(g.m, CORDON_STATE, HS(g.m, phases[i].call, g.handle, x2, x3, x4));
            else
                assert_status(phases[i].in[where], HS(g.m, phases[i].call, g.handle, x2, x3, x4));
            guest_free(&g);
        }
    }
}

static void the_phase_is_told(void **state)
{
    static const enum cordon_phase phase[WHERES] = { CORDON_PHASE_BUILT, CORDON_PHASE_RUNNING, CORDON_PHASE_STOPPED,
                                                     CORDON_PHASE_DYING };

    (void)state;
    for (int where = 0; where < WHERES; where++) {
        struct guest g;
        uint64_t block;
        struct regs r;

        guest_in(&g, (enum where)where, &block);
        r = HC(g.m, CORDON_CALL_VM_INFO, g.handle);
        assert_int_equal(r.x[0], CORDON_OK);
        assert_int_equal(r.x[1], phase[where]);
        assert_int_equal(r.x[2], guest_vm(&g)->frames);
        assert_true(where == DYING ? r.x[2] < 512 : r.x[2] == (where == BUILT ? 0 : 512));
        assert_int_equal(r.x[3], cordon_vm_pool_free(g.m->c, vmid(g.id)));
        guest_free(&g);
    }
}

/* ---- handles ---- */

static void no_call_takes_a_handle_that_names_no_vm(struct guest *g, uint64_t handle)
{
    for (size_t i = 0; i < ALL(phases); i++)
        assert_refused(g->m, CORDON_NO_VM, HS(g->m, phases[i].call, handle, FRAME(3, 0), 1, 1));
}

static void a_handle_names_no_vm_after_the_teardown(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    assert_ok(guest_destroy(&g));
    no_call_takes_a_handle_that_names_no_vm(&g, g.handle);
    guest_free(&g);
}

static void a_handle_names_no_vm_once_its_id_is_another_vms(void **state)
{
    struct guest g, other;

    (void)state;
    guest_new(&g, 1);
    assert_ok(guest_destroy(&g));
    guest_another(&other, &g, 1);
    assert_int_equal(other.id, g.id);
    assert_true(other.handle != g.handle);
    no_call_takes_a_handle_that_names_no_vm(&g, g.handle);
    guest_free(&other);
}

static void a_handle_of_generation_0_is_nobodys(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    no_call_takes_a_handle_that_names_no_vm(&g, g.id);
    guest_free(&g);
}

static void a_handle_with_one_bit_wrong_names_no_vm(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    for (int bit = 0; bit < 64; bit++)
        assert_status(CORDON_NO_VM, HS(g.m, CORDON_CALL_VM_INFO, g.handle ^ UINT64_C(1) << bit));
    assert_status(CORDON_NO_VM, HS(g.m, CORDON_CALL_VM_INFO, 0));
    assert_status(CORDON_NO_VM, HS(g.m, CORDON_CALL_VM_INFO, UINT64_MAX));
    assert_status(CORDON_NO_VM, HS(g.m, CORDON_CALL_VM_INFO, 65536 + VMS + 1));
    guest_free(&g);
}

static void no_handle_is_given_twice(void **state)
{
    struct guest g;
    uint64_t seen[24];

    (void)state;
    guest_built(&g, machine_small(), 1);
    for (size_t i = 0; i < ALL(seen); i++) {
        seen[i] = g.handle;
        for (size_t k = 0; k < i; k++)
            assert_true(seen[k] != seen[i]);
        assert_ok(guest_destroy(&g));
        if (i + 1 < ALL(seen))
            guest_built(&g, g.m, 1);
    }
    machine_free(g.m);
}

/* ---- create ---- */

static void the_limits_are_told(void **state)
{
    static const struct cordon_geometry geometry[] = { { 48, 0 }, { 40, 1 }, { 39, 1 }, { 32, 2 }, { 34, 2 } };

    (void)state;
    for (size_t i = 0; i < ALL(geometry); i++) {
        struct sim_config config = machine_config();
        struct machine *m;
        struct regs r;

        config.vm = geometry[i];
        m = machine_new(&config);
        r = HC(m, CORDON_CALL_VM_LIMITS);
        assert_int_equal(r.x[0], CORDON_OK);
        assert_int_equal(r.x[1], m->c->vm_shape.roots);
        assert_int_equal(r.x[2], geometry[i].ipa_bits);
        assert_int_equal(r.x[3], CORDON_VCPUS_MAX);
        machine_free(m);
    }
}

/* In the simulated machine each reads as its own name: op0 3, and CRm and op2 where ESR_EL2 has them. */
static void a_feature_register_is_told_as_guests_read_it(void **state)
{
    struct machine *m = machine_small();

    (void)state;
    for (uint64_t crm = 0; crm < 32; crm++) {
        for (uint64_t op2 = 0; op2 < 16; op2++) {
            struct regs r = HC(m, CORDON_CALL_VCPU_FEATURE, crm, op2);
            bool is_one = crm >= 1 && crm <= 7 && op2 <= 7;

            assert_int_equal(r.x[0], is_one ? CORDON_OK : CORDON_RANGE);
            assert_int_equal(r.x[1], is_one ? 0x300000 | op2 << 17 | crm << 1 : crm);
        }
    }
    assert_refused(m, CORDON_RANGE, HS(m, CORDON_CALL_VCPU_FEATURE, UINT64_C(1) << 32 | 4, 0));
    assert_refused(m, CORDON_RANGE, HS(m, CORDON_CALL_VCPU_FEATURE, 4, UINT64_C(1) << 32));
    assert_refused(m, CORDON_RANGE, HS(m, CORDON_CALL_VCPU_FEATURE, UINT64_MAX, UINT64_MAX));
    machine_free(m);
}

static void create_refuses_in_this_order(void **state)
{
    struct sim_config config = machine_config();
    struct machine *m;
    uint64_t shared = FRAME(1, 2);

    (void)state;
    config.vm = (struct cordon_geometry){ 40, 1 };      /* two roots */
    m = machine_new(&config);
    machine_pin(m, shared, true);
    assert_refused(m, CORDON_RANGE, HS(m, CORDON_CALL_VM_CREATE, CORDON_FRAME_LIMIT, 1));
    assert_refused(m, CORDON_RANGE, HS(m, CORDON_CALL_VM_CREATE, UINT64_MAX, 1));
    assert_refused(m, CORDON_RANGE, HS(m, CORDON_CALL_VM_CREATE, FRAME(1, 1), 0));
    assert_refused(m, CORDON_RANGE, HS(m, CORDON_CALL_VM_CREATE, FRAME(1, 1), CORDON_VCPUS_MAX + 1));
    assert_refused(m, CORDON_RANGE, HS(m, CORDON_CALL_VM_CREATE, FRAME(1, 0), UINT64_C(1) << 32 | 1));
    assert_refused(m, CORDON_UNALIGNED, HS(m, CORDON_CALL_VM_CREATE, FRAME(1, 1), 1));
    assert_refused(m, CORDON_UNALIGNED, HS(m, CORDON_CALL_VM_CREATE, CORE_FRAME, 1));
    assert_refused(m, CORDON_OWNED, HS(m, CORDON_CALL_VM_CREATE, CORE_FRAME - 1, 1));
    assert_refused(m, CORDON_OWNED, HS(m, CORDON_CALL_VM_CREATE, DEVICE_PA / PAGE, 1));
    assert_refused(m, CORDON_SHARED, HS(m, CORDON_CALL_VM_CREATE, shared, 1));
    machine_pin(m, shared, false);
    machine_free(m);
}

static void create_fills_every_slot_and_then_answers_NO_VM(void **state)
{
    struct machine *m = machine_small();
    uint64_t handle[VMS];

    (void)state;
    for (uint64_t i = 0; i < VMS; i++) {
        struct regs r = HC(m, CORDON_CALL_VM_CREATE, FRAME(1, i), 1);

        assert_int_equal(r.x[0], CORDON_OK);
        handle[i] = r.x[1];
        for (uint64_t k = 0; k < i; k++)
            assert_true(handle[k] != handle[i]);
    }
    assert_refused(m, CORDON_NO_VM, HS(m, CORDON_CALL_VM_CREATE, FRAME(1, VMS), 1));
    assert_ok(guest_destroy(&(struct guest){ .m = m, .handle = handle[3] }));
    assert_ok(HS(m, CORDON_CALL_VM_CREATE, FRAME(1, VMS), CORDON_VCPUS_MAX));
    machine_free(m);
}

static void donate_refuses_what_is_not_the_hosts_to_give(void **state)
{
    struct guest g;
    uint64_t vcpu;

    (void)state;
    guest_new(&g, 1);
    vcpu = guest_vm(&g)->vcpu_row[0];
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_VM_DONATE, g.handle, CORDON_FRAME_LIMIT, 1));
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_VM_DONATE, g.handle, FRAME(2, 0), 0));
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_VM_DONATE, g.handle, FRAME(2, 511), 2));
    assert_refused(g.m, CORDON_OWNED, HS(g.m, CORDON_CALL_VM_DONATE, g.handle, CORE_FRAME, 1));
    assert_refused(g.m, CORDON_OWNED, HS(g.m, CORDON_CALL_VM_DONATE, g.handle, vcpu, 1));
    assert_refused(g.m, CORDON_OWNED, HS(g.m, CORDON_CALL_VM_DONATE, g.handle, guest_vm(&g)->s2.root, 1));
    guest_free(&g);
}

/* ---- vCPUs ---- */

static void vcpu_create_refuses_in_this_order(void **state)
{
    struct machine *m = machine_small();
    struct guest g;
    uint64_t handle = HC(m, CORDON_CALL_VM_CREATE, FRAME(1, 0), 3).x[1];
    uint64_t shared = FRAME(2, 2);

    (void)state;
    g = (struct guest){ .m = m, .handle = handle, .id = 1 };
    machine_pin(m, shared, true);
    assert_ok(HS(m, CORDON_CALL_VCPU_CREATE, handle, 0, FRAME(1, 1)));
    assert_refused(m, CORDON_NO_VCPU, HS(m, CORDON_CALL_VCPU_CREATE, handle, 3, CORDON_FRAME_LIMIT));
    assert_refused(m, CORDON_NO_VCPU, HS(m, CORDON_CALL_VCPU_CREATE, handle, CORDON_VCPUS_MAX, FRAME(1, 2)));
    assert_refused(m, CORDON_NO_VCPU, HS(m, CORDON_CALL_VCPU_CREATE, handle, UINT64_MAX, FRAME(1, 2)));
    assert_refused(m, CORDON_NO_VCPU, HS(m, CORDON_CALL_VCPU_CREATE, handle, UINT64_C(1) << 32, FRAME(1, 2)));
    assert_refused(m, CORDON_EXISTS, HS(m, CORDON_CALL_VCPU_CREATE, handle, 0, CORDON_FRAME_LIMIT));
    assert_refused(m, CORDON_RANGE, HS(m, CORDON_CALL_VCPU_CREATE, handle, 1, CORDON_FRAME_LIMIT));
    assert_refused(m, CORDON_OWNED, HS(m, CORDON_CALL_VCPU_CREATE, handle, 1, FRAME(1, 0)));
    assert_refused(m, CORDON_OWNED, HS(m, CORDON_CALL_VCPU_CREATE, handle, 1, FRAME(1, 1)));
    assert_refused(m, CORDON_OWNED, HS(m, CORDON_CALL_VCPU_CREATE, handle, 1, DEVICE_PA / PAGE));
    assert_refused(m, CORDON_SHARED, HS(m, CORDON_CALL_VCPU_CREATE, handle, 1, shared));
    machine_pin(m, shared, false);
    assert_ok(HS(m, CORDON_CALL_VCPU_CREATE, handle, 2, FRAME(1, 2)));
    guest_free(&g);
}

static void the_frame_of_a_vcpu_is_out_of_the_hosts_reach_and_begins_empty(void **state)
{
    struct machine *m = machine_small();
    uint64_t handle = HC(m, CORDON_CALL_VM_CREATE, FRAME(1, 0), 2).x[1];
    uint64_t frame = FRAME(1, 1);

    (void)state;
    for (uint64_t word = 0; word < 512; word++)
        write_at(m, 0, frame * PAGE + word * 8, UINT64_MAX);
    warm(m, 0, frame * PAGE);
    assert_ok(HS(m, CORDON_CALL_VCPU_CREATE, handle, 1, frame));
    assert_record(m, frame, HOLDER_CORE, 0);
    assert_true(is_gone(m, 0, frame * PAGE));
    assert_int_equal(vcpu_in(m->c, frame)->index, 1);
    assert_int_equal(vcpu_in(m->c, frame)->power, VCPU_OFF);
    vcpu_in(m->c, frame)->index = 0;
    for (uint32_t word = 0; word < 512; word++)
        assert_int_equal(m->c->phys[frame].e[word], 0);
    machine_free(m);
}

/* ---- memory ---- */

static void memory_refuses_in_this_order(void **state)
{
    struct guest g;
    uint64_t top = UINT64_C(1) << 48;

    (void)state;
    guest_built(&g, machine_small(), 1);
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, top, 0));
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, UINT64_MAX, PAGE));
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, top - PAGE, 2 * PAGE));
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, 0, UINT64_MAX));
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, PAGE, UINT64_MAX - PAGE + 1));
    assert_refused(g.m, CORDON_EMPTY, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, 1, 0));
    assert_refused(g.m, CORDON_UNALIGNED, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, GUEST_RAM + 8, PAGE));
    assert_refused(g.m, CORDON_UNALIGNED, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, 0, PAGE + 1));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, GUEST_RAM, PAGE));
    assert_ok(HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, top - PAGE, PAGE));
    guest_free(&g);
}

static void ranges_of_memory_may_touch_and_must_not_overlap(void **state)
{
    struct guest g;
    uint64_t end = GUEST_RAM + GUEST_RAM_SIZE;

    (void)state;
    guest_built(&g, machine_small(), 1);
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, end - PAGE, PAGE));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, end - PAGE, 2 * PAGE));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, GUEST_RAM - PAGE, 2 * PAGE));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, GUEST_RAM + PAGE, PAGE));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, 0, UINT64_C(1) << 48));
    assert_ok(HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, GUEST_RAM - PAGE, PAGE));
    assert_ok(HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, end, PAGE));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, end, PAGE));
    guest_free(&g);
}

static void there_are_so_many_ranges_of_memory_and_no_more(void **state)
{
    struct guest g;

    (void)state;
    guest_built(&g, machine_small(), 1);
    for (uint64_t i = 1; i < CORDON_MEMORY_RANGES; i++)
        assert_ok(HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, i * GIB * 4, PAGE));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, 4 * GIB, PAGE));
    assert_refused(g.m, CORDON_NO_MEMORY, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, GIB, PAGE));
    guest_free(&g);
}

/* ---- start ---- */

static void start_needs_every_vcpu(void **state)
{
    struct guest g;

    (void)state;
    for (uint64_t missing = 0; missing < 3; missing++) {
        struct machine *m = machine_small();
        uint64_t handle = HC(m, CORDON_CALL_VM_CREATE, FRAME(1, 0), 3).x[1];

        g = (struct guest){ .m = m, .handle = handle, .id = 1 };
        assert_ok(HS(m, CORDON_CALL_VM_MEMORY, handle, GUEST_RAM, GUEST_RAM_SIZE));
        for (uint64_t i = 0; i < 3; i++) {
            if (i != missing)
                assert_ok(HS(m, CORDON_CALL_VCPU_CREATE, handle, i, FRAME(1, 1 + i)));
        }
        assert_refused(m, CORDON_NO_VCPU, HS(m, CORDON_CALL_VM_START, handle, GUEST_ENTRY + 1, 0));
        assert_ok(HS(m, CORDON_CALL_VCPU_CREATE, handle, missing, FRAME(1, 8)));
        assert_ok(HS(m, CORDON_CALL_VM_START, handle, GUEST_ENTRY, 0));
        guest_free(&g);
    }
}

static void a_vm_that_was_made_without_a_guest_never_starts(void **state)
{
    struct machine *m = machine_with_vm();

    (void)state;
    assert_refused(m, CORDON_NO_VCPU, HS(m, CORDON_CALL_VM_START, 65536 + 1, GUEST_ENTRY, 0));
    assert_refused(m, CORDON_NO_VCPU, HS(m, CORDON_CALL_VCPU_CREATE, 65536 + 1, 0, FRAME(1, 0)));
    machine_free(m);
}

static void start_needs_an_entry_in_memory(void **state)
{
    struct guest g;

    (void)state;
    guest_built(&g, machine_small(), 1);
    for (uint64_t low = 1; low < 4; low++)
        assert_refused(g.m, CORDON_UNALIGNED, HS(g.m, CORDON_CALL_VM_START, g.handle, GUEST_DEVICE + low, 0));
    assert_refused(g.m, CORDON_NOT_MEMORY, HS(g.m, CORDON_CALL_VM_START, g.handle, GUEST_DEVICE, 0));
    assert_refused(g.m, CORDON_NOT_MEMORY, HS(g.m, CORDON_CALL_VM_START, g.handle, GUEST_RAM - 4, 0));
    assert_refused(g.m, CORDON_NOT_MEMORY, HS(g.m, CORDON_CALL_VM_START, g.handle, GUEST_RAM + GUEST_RAM_SIZE, 0));
    assert_refused(g.m, CORDON_NOT_MEMORY, HS(g.m, CORDON_CALL_VM_START, g.handle, UINT64_MAX - 3, 0));
    assert_ok(HS(g.m, CORDON_CALL_VM_START, g.handle, GUEST_RAM + GUEST_RAM_SIZE - 4, 0));
    guest_free(&g);
}

static void vcpu_0_begins_as_after_a_reset_and_the_others_are_off(void **state)
{
    struct guest g;
    struct vcpu *u;

    (void)state;
    guest_built(&g, machine_small(), 3);
    sim_tick(g.m->sim, 77777);
    guest_start(&g);
    u = guest_vcpu(&g, 0);
    assert_int_equal(u->x[0], GUEST_X0);
    for (int i = 1; i < 31; i++)
        assert_int_equal(u->x[i], 0);
    assert_int_equal(u->pc, GUEST_ENTRY);
    assert_int_equal(u->pstate, 0x3c5);         /* EL1h, DAIF */
    assert_int_equal(u->offset, 77777);         /* its counter begins at 0 */
    assert_int_equal(u->power, VCPU_STARTING);
    assert_int_equal(guest_vcpu(&g, 1)->power, VCPU_OFF);
    assert_int_equal(guest_vcpu(&g, 2)->power, VCPU_OFF);
    assert_status(CORDON_OFF, guest_try(&g, 1));
    assert_interrupted(guest_run(&g, 0));
    assert_int_equal(u->power, VCPU_ON);
    guest_free(&g);
}

/* ---- pages while it runs ---- */

static void map_hands_out_zeros_whatever_the_host_had_there(void **state)
{
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_new(&g, 1);
    frame = guest_frames(&g, 3, 1);
    for (uint64_t i = 0; i < 3; i++) {
        write_at(g.m, 0, (frame + i) * PAGE, UINT64_C(0xbad0bad0bad0bad0));
        write_at(g.m, 0, (frame + i) * PAGE + PAGE - 8, 1);
        warm(g.m, 0, (frame + i) * PAGE);
    }
    assert_ok(HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM, frame, 3));
    for (uint64_t i = 0; i < 3; i++) {
        assert_record(g.m, frame + i, g.id, 0);
        assert_maps(g.m, g.id, GUEST_GFN + i, frame + i, 3);
        assert_true(is_gone(g.m, 0, (frame + i) * PAGE));
        assert_int_equal(read_at(g.m, g.id, GUEST_RAM + i * PAGE), 0);
        assert_int_equal(read_uncached(g.m, g.id, GUEST_RAM + i * PAGE + PAGE - 8), 0);
    }
    guest_free(&g);
}

static void map_refuses_in_this_order(void **state)
{
    struct guest g, other;
    uint64_t there, theirs, end = GUEST_RAM + GUEST_RAM_SIZE;

    (void)state;
    guest_new(&g, 1);
    guest_another(&other, &g, 1);
    there = guest_map(&g, GUEST_RAM, 1);
    other.next = g.next;
    theirs = guest_map(&other, GUEST_RAM, 1);
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_VM_MAP, g.handle, UINT64_C(1) << 48, FRAME(3, 0), 0));
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM, UINT64_MAX, 1));
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM, g.m->c->pfn_limit - 1, 2));
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM, FRAME(3, 0), UINT64_MAX));
    assert_refused(g.m, CORDON_EMPTY, HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM + 1, FRAME(3, 0), 0));
    assert_refused(g.m, CORDON_UNALIGNED, HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_DEVICE + 1, FRAME(3, 0), 1));
    assert_refused(g.m, CORDON_NOT_MEMORY, HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_DEVICE, FRAME(3, 0), 1));
    assert_refused(g.m, CORDON_NOT_MEMORY, HS(g.m, CORDON_CALL_VM_MAP, g.handle, end, FRAME(3, 0), 1));
    assert_refused(g.m, CORDON_NOT_MEMORY, HS(g.m, CORDON_CALL_VM_MAP, g.handle, end - PAGE, FRAME(3, 0), 2));
    assert_refused(g.m, CORDON_NOT_MEMORY, HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM - PAGE, FRAME(3, 0), 2));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM, CORE_FRAME, 1));
    assert_refused(g.m, CORDON_OWNED, HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM + PAGE, CORE_FRAME, 1));
    assert_refused(g.m, CORDON_OWNED, HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM + PAGE, theirs, 1));
    assert_refused(g.m, CORDON_OWNED, HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM + PAGE, guest_vm(&g)->vcpu_row[0], 1));
    assert_refused(g.m, CORDON_GFN, HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM + PAGE, there, 1));
    assert_ok(guest_destroy(&other));
    guest_free(&g);
}

static void a_guest_page_keeps_its_frame_and_its_contents_when_it_is_mapped_again(void **state)
{
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_new(&g, 1);
    frame = guest_map(&g, GUEST_RAM, 2);
    write_at(g.m, g.id, GUEST_RAM, 42);
    assert_no_change(g.m, HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM, frame, 2));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM, FRAME(3, 0), 1));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM - 0, frame + 1, 1));
    assert_int_equal(read_at(g.m, g.id, GUEST_RAM), 42);
    guest_free(&g);
}

static void map_does_a_bounded_part_and_says_how_much(void **state)
{
    struct guest g;
    struct regs r;
    uint64_t frame;

    (void)state;
    guest_new(&g, 1);
    frame = guest_frames(&g, 200, 512);
    r = HC(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM, frame, 200);
    assert_int_equal(r.x[0], CORDON_AGAIN);
    assert_int_equal(r.x[1], CALL_PAGES);
    assert_int_equal(guest_vm(&g)->frames, CALL_PAGES);
    r = HC(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM + CALL_PAGES * PAGE, frame + CALL_PAGES, CALL_PAGES);
    assert_int_equal(r.x[0], CORDON_OK);
    assert_int_equal(r.x[1], CALL_PAGES);
    /* It stops where a table, or a section, ends. */
    r = HC(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM + 2 * MIB - PAGE, frame + 130, 2);
    assert_int_equal(r.x[0], CORDON_AGAIN);
    assert_int_equal(r.x[1], 1);
    r = HC(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM + 3 * MIB, frame + 511, 2);
    assert_int_equal(r.x[0], CORDON_AGAIN);
    assert_int_equal(r.x[1], 1);
    guest_free(&g);
}

static void pages_do_not_reach_over_the_end_of_a_range_of_memory(void **state)
{
    struct guest g;

    (void)state;
    guest_built(&g, machine_small(), 1);
    assert_ok(HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, GUEST_RAM + GUEST_RAM_SIZE, MIB));
    guest_start(&g);
    assert_refused(g.m, CORDON_NOT_MEMORY,
                   HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM + GUEST_RAM_SIZE - PAGE, FRAME(3, 0), 2));
    assert_ok(HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM + GUEST_RAM_SIZE - PAGE, FRAME(3, 0), 1));
    assert_ok(HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM + GUEST_RAM_SIZE, FRAME(3, 1), 1));
    guest_free(&g);
}

/* ---- blocks ---- */

static void block_joins_the_pages_that_are_there_and_keeps_them(void **state)
{
    struct guest g;
    uint64_t frame, free;

    (void)state;
    guest_new(&g, 1);
    (void)guest_frames(&g, 0, 512);
    frame = guest_map(&g, BLOCK_AT, 512);
    write_at(g.m, g.id, BLOCK_AT + 5 * PAGE, 55);
    warm(g.m, g.id, BLOCK_AT + 5 * PAGE);
    free = cordon_vm_pool_free(g.m->c, vmid(g.id));
    assert_ok(HS(g.m, CORDON_CALL_VM_BLOCK, g.handle, BLOCK_AT, frame));
    assert_maps(g.m, g.id, BLOCK_AT / PAGE + 5, frame + 5, 2);
    assert_int_equal(read_at(g.m, g.id, BLOCK_AT + 5 * PAGE), 55);
    assert_int_equal(cordon_vm_pool_free(g.m->c, vmid(g.id)), free + 1);
    assert_no_change(g.m, HS(g.m, CORDON_CALL_VM_BLOCK, g.handle, BLOCK_AT, frame));
    guest_free(&g);
}

static void block_refuses_what_is_not_whole(void **state)
{
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_new(&g, 1);
    (void)guest_frames(&g, 0, 512);
    frame = guest_map(&g, BLOCK_AT, 511);
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_VM_BLOCK, g.handle, UINT64_C(1) << 48, frame));
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_VM_BLOCK, g.handle, BLOCK_AT + 1, UINT64_MAX));
    assert_refused(g.m, CORDON_UNALIGNED, HS(g.m, CORDON_CALL_VM_BLOCK, g.handle, BLOCK_AT + PAGE, frame));
    assert_refused(g.m, CORDON_UNALIGNED, HS(g.m, CORDON_CALL_VM_BLOCK, g.handle, BLOCK_AT + 1, frame));
    assert_refused(g.m, CORDON_UNALIGNED, HS(g.m, CORDON_CALL_VM_BLOCK, g.handle, BLOCK_AT, frame + 1));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_VM_BLOCK, g.handle, BLOCK_AT, frame));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_VM_BLOCK, g.handle, BLOCK_AT, FRAME(7, 0)));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_VM_BLOCK, g.handle, BLOCK_AT + 2 * MIB, FRAME(6, 0)));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_VM_BLOCK, g.handle, 4 * GIB, FRAME(6, 0)));
    assert_ok(HS(g.m, CORDON_CALL_VM_MAP, g.handle, BLOCK_AT + 511 * PAGE, FRAME(7, 0), 1));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_VM_BLOCK, g.handle, BLOCK_AT, frame));
    guest_free(&g);
}

/* ---- the end ---- */

static void clear_gives_frames_back_zeroed_and_counts_the_others(void **state)
{
    struct guest g;
    uint64_t frame;
    struct regs r;

    (void)state;
    guest_new(&g, 1);
    frame = guest_map(&g, GUEST_RAM, CALL_PAGES + 10);
    write_at(g.m, g.id, GUEST_RAM + 3 * PAGE, UINT64_C(0x5ec7e7));
    assert_ok(HS(g.m, CORDON_CALL_VM_STOP, g.handle));
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_VM_CLEAR, g.handle, g.m->c->pfn_limit, 0));
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_VM_CLEAR, g.handle, frame, UINT64_MAX));
    assert_no_change(g.m, HS(g.m, CORDON_CALL_VM_CLEAR, g.handle, frame, 0));
    r = HC(g.m, CORDON_CALL_VM_CLEAR, g.handle, frame, CALL_PAGES + 12);
    assert_int_equal(r.x[0], CORDON_AGAIN);
    assert_int_equal(r.x[1], CALL_PAGES);
    assert_int_equal(r.x[2], CALL_PAGES);
    assert_int_equal(r.x[3], 0);
    r = HC(g.m, CORDON_CALL_VM_CLEAR, g.handle, frame + CALL_PAGES, 12);
    assert_int_equal(r.x[0], CORDON_OK);
    assert_int_equal(r.x[1], 12);
    assert_int_equal(r.x[2], 10);
    assert_int_equal(r.x[3], 2);
    assert_record(g.m, frame + 3, HOLDER_HOST, 0);
    assert_int_equal(read_at(g.m, 0, (frame + 3) * PAGE), 0);
    assert_int_equal(guest_vm(&g)->frames, 0);
    guest_free(&g);
}

static void clear_may_split_a_block_with_a_table_donated_after_the_stop(void **state)
{
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_new(&g, 1);
    frame = guest_map_block(&g, BLOCK_AT);
    for (uint64_t at = GIB * 4; cordon_vm_pool_free(g.m->c, vmid(g.id)) > 0; at += GIB)
        assert_ok(op_io(g.m, g.id, at, DEVICE_PA));     /* each takes a table or more */
    assert_ok(HS(g.m, CORDON_CALL_VM_STOP, g.handle));
    assert_refused(g.m, CORDON_NO_MEMORY, HS(g.m, CORDON_CALL_VM_CLEAR, g.handle, frame, 1));
    assert_ok(HS(g.m, CORDON_CALL_VM_DONATE, g.handle, guest_frames(&g, 1, 1), 1));
    assert_ok(HS(g.m, CORDON_CALL_VM_CLEAR, g.handle, frame, 1));
    assert_record(g.m, frame, HOLDER_HOST, 0);
    assert_maps(g.m, g.id, BLOCK_AT / PAGE + 1, frame + 1, 3);
    guest_free(&g);
}

static void everything_comes_back_zeroed_when_a_guest_is_destroyed(void **state)
{
    struct machine *m = machine_small();
    uint64_t before = host_frames(m);
    struct guest g;
    uint64_t row[3], block;

    (void)state;
    guest_built(&g, m, 3);
    guest_start(&g);
    block = guest_map_block(&g, BLOCK_AT);
    (void)guest_map(&g, GUEST_RAM + 2 * MIB, 77);
    write_at(m, g.id, BLOCK_AT + 300 * PAGE, UINT64_C(0x5ec7e7));
    guest_secrets(guest_vcpu(&g, 0), 1);
    assert_interrupted(guest_run(&g, 0));
    for (uint32_t i = 0; i < 3; i++)
        row[i] = guest_vm(&g)->vcpu_row[i];
    assert_true(host_frames(m) < before);
    assert_ok(guest_destroy(&g));
    assert_int_equal(host_frames(m), before);
    for (uint32_t i = 0; i < 3; i++) {
        assert_record(m, row[i], HOLDER_HOST, 0);
        for (uint64_t word = 0; word < 512; word++)
            assert_int_equal(read_uncached(m, 0, row[i] * PAGE + word * 8), 0);
        assert_int_equal(guest_vm(&g)->vcpu_row[i], 0);
    }
    assert_int_equal(read_at(m, 0, (block + 300) * PAGE), 0);
    machine_free(m);
}

static uint64_t handle_in_play;
static enum cordon_status answer_in_play;

static void destroy_from_within(struct guest *g, struct vcpu *u, struct trap *t)
{
    (void)u, (void)t;
    answer_in_play = HS(g->m, CORDON_CALL_VM_DESTROY, handle_in_play);
}

static void BUSY_while_a_vcpu_is_in_the_guest_and_nothing_is_torn_down(void **state)
{
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_new(&g, 2);
    frame = guest_map(&g, GUEST_RAM, 1);
    handle_in_play = g.handle;
    g.play = destroy_from_within;
    assert_interrupted(guest_run(&g, 0));
    assert_int_equal(answer_in_play, CORDON_BUSY);
    assert_record(g.m, frame, g.id, 0);
    assert_interrupted(guest_run(&g, 0));
    assert_int_equal(guest_vm(&g)->entries, guest_vm(&g)->exits);
    assert_ok(guest_destroy(&g));
    guest_free(&g);
}

static void stop_from_within(struct guest *g, struct vcpu *u, struct trap *t)
{
    (void)u;
    if (g->resumes == 1)
        assert_ok(HS(g->m, CORDON_CALL_VM_STOP, handle_in_play));
    *t = trap_hvc(1);       /* which the core answers by itself */
}

static void a_vcpu_of_a_vm_that_is_stopped_goes_on_to_its_next_exit_and_no_further(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    handle_in_play = g.handle;
    g.play = stop_from_within;
    assert_interrupted(guest_run(&g, 0));
    assert_int_equal(g.resumes, 1);
    assert_refused(g.m, CORDON_STATE, guest_try(&g, 0));
    guest_free(&g);
}

static void a_stop_says_the_same_twice(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    assert_ok(HS(g.m, CORDON_CALL_VM_STOP, g.handle));
    assert_no_change(g.m, HS(g.m, CORDON_CALL_VM_STOP, g.handle));
    guest_free(&g);
}

static void a_vm_that_never_started_has_no_measurement(void **state)
{
    struct guest g;

    (void)state;
    guest_built(&g, machine_small(), 1);
    assert_ok(HS(g.m, CORDON_CALL_VM_STOP, g.handle));
    assert_refused(g.m, CORDON_STATE, HS(g.m, CORDON_CALL_VM_MEASUREMENT, g.handle, 0));
    assert_ok(guest_destroy(&g));
    guest_built(&g, g.m, 1);        /* in the same slot */
    assert_ok(HS(g.m, CORDON_CALL_VM_STOP, g.handle));
    assert_refused(g.m, CORDON_STATE, HS(g.m, CORDON_CALL_VM_MEASUREMENT, g.handle, 0));
    guest_free(&g);
}

static void numbers_that_are_no_calls_are_left_alone(void **state)
{
    struct guest g;
    struct snapshot *before;

    (void)state;
    guest_new(&g, 1);
    before = snapshot_take(g.m);
    for (uint64_t n = 0; n < 0x200; n++) {
        struct regs r = { { UINT64_C(0xc6000000) + n, g.handle, 1, 2, 3 } };
        struct regs same = r;

        if (n >= 0x10 && n <= 0x24)
            continue;
        assert_false(hypercall_vm(g.m->c, r.x));
        assert_memory_equal(&r, &same, sizeof(r));
    }
    unchanged_since(g.m, before, "calls that do not exist", __FILE__, __LINE__);
    /* w0 is what counts. */
    assert_ok(HS(g.m, UINT64_C(0x123456) << 32 | CORDON_CALL_VM_INFO, g.handle));
    guest_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_works_in_its_phases_and_answers_STATE_in_all_others),
        cmocka_unit_test(the_phase_is_told),
        cmocka_unit_test(a_handle_names_no_vm_after_the_teardown),
        cmocka_unit_test(a_handle_names_no_vm_once_its_id_is_another_vms),
        cmocka_unit_test(a_handle_of_generation_0_is_nobodys),
        cmocka_unit_test(a_handle_with_one_bit_wrong_names_no_vm),
        cmocka_unit_test(no_handle_is_given_twice),
        cmocka_unit_test(the_limits_are_told),
        cmocka_unit_test(a_feature_register_is_told_as_guests_read_it),
        cmocka_unit_test(create_refuses_in_this_order),
        cmocka_unit_test(create_fills_every_slot_and_then_answers_NO_VM),
        cmocka_unit_test(donate_refuses_what_is_not_the_hosts_to_give),
        cmocka_unit_test(vcpu_create_refuses_in_this_order),
        cmocka_unit_test(the_frame_of_a_vcpu_is_out_of_the_hosts_reach_and_begins_empty),
        cmocka_unit_test(memory_refuses_in_this_order),
        cmocka_unit_test(ranges_of_memory_may_touch_and_must_not_overlap),
        cmocka_unit_test(there_are_so_many_ranges_of_memory_and_no_more),
        cmocka_unit_test(start_needs_every_vcpu),
        cmocka_unit_test(a_vm_that_was_made_without_a_guest_never_starts),
        cmocka_unit_test(start_needs_an_entry_in_memory),
        cmocka_unit_test(vcpu_0_begins_as_after_a_reset_and_the_others_are_off),
        cmocka_unit_test(map_hands_out_zeros_whatever_the_host_had_there),
        cmocka_unit_test(map_refuses_in_this_order),
        cmocka_unit_test(a_guest_page_keeps_its_frame_and_its_contents_when_it_is_mapped_again),
        cmocka_unit_test(map_does_a_bounded_part_and_says_how_much),
        cmocka_unit_test(pages_do_not_reach_over_the_end_of_a_range_of_memory),
        cmocka_unit_test(block_joins_the_pages_that_are_there_and_keeps_them),
        cmocka_unit_test(block_refuses_what_is_not_whole),
        cmocka_unit_test(clear_gives_frames_back_zeroed_and_counts_the_others),
        cmocka_unit_test(clear_may_split_a_block_with_a_table_donated_after_the_stop),
        cmocka_unit_test(everything_comes_back_zeroed_when_a_guest_is_destroyed),
        cmocka_unit_test(BUSY_while_a_vcpu_is_in_the_guest_and_nothing_is_torn_down),
        cmocka_unit_test(a_vcpu_of_a_vm_that_is_stopped_goes_on_to_its_next_exit_and_no_further),
        cmocka_unit_test(a_stop_says_the_same_twice),
        cmocka_unit_test(a_vm_that_never_started_has_no_measurement),
        cmocka_unit_test(numbers_that_are_no_calls_are_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
