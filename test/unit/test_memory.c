/* SPDX-License-Identifier: Apache-2.0 */
/* The page-level operations: each rule by name. */
#include "machine.h"

#include "memory/host.h"
#include "base/lock.h"
#include "memory/assign.h"
#include "memory/share.h"

#define A 1
#define B 2
#define P FRAME(2, 33)
#define GFN UINT64_C(0x1234)

static struct machine *two_vms(void)
{
    struct machine *m = machine_small();

    machine_vm(m, A, 8);
    machine_vm(m, B, 8);
    return m;
}

/* P is A's at GFN, mapped. */
static struct machine *owned(void)
{
    struct machine *m = two_vms();

    assert_ok(op_page(m, A, GFN, P));
    return m;
}

static uint64_t grant(struct machine *m, uint32_t vm, uint64_t gfn)
{
    return run_grant(m, vm, gfn * PAGE, PAGE).changed;
}

static uint64_t revoke(struct machine *m, uint32_t vm, uint64_t gfn)
{
    return run_revoke(m, vm, gfn * PAGE, PAGE).changed;
}

/* ---- map_page_host ---- */

static void map_page_host_of_no_ram_maps_a_device(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    assert_ok(op_fault(m, DEVICE_PA));
    assert_device(m, 0, DEVICE_PA / PAGE, DEVICE_PA / PAGE, 2);
    machine_free(m);
}

static void map_page_host_of_its_own_maps_normal_memory_at_the_same_address(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    assert_ok(op_fault(m, P * PAGE));
    assert_maps(m, 0, P, P, 2);
    assert_record(m, P, HOLDER_HOST, 0);
    machine_free(m);
}

static void map_page_host_of_a_pinned_frame_maps_it(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    machine_pin(m, P, true);
    assert_ok(op_fault(m, P * PAGE));
    assert_true(can_read(m, 0, P * PAGE));
    machine_pin(m, P, false);
    machine_free(m);
}

static void map_page_host_of_a_granted_frame_maps_that_frame_alone(void **state)
{
    struct machine *m = owned();

    (void)state;
    assert_ok(op_page(m, A, GFN + 1, P + 1));
    assert_int_equal(grant(m, A, GFN), 1);
    assert_ok(op_fault(m, P * PAGE));
    assert_maps(m, 0, P, P, 3);
    assert_refused(m, CORDON_PRIVATE, op_fault(m, (P + 1) * PAGE));
    machine_free(m);
}

static void map_page_host_refuses_a_vms_frame(void **state)
{
    struct machine *m = owned();

    (void)state;
    assert_refused(m, CORDON_PRIVATE, op_fault(m, P * PAGE));
    machine_free(m);
}

static void map_page_host_refuses_the_cores_frames(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    assert_refused(m, CORDON_PRIVATE, op_fault(m, CORE_FRAME * PAGE));
    machine_free(m);
}

static void S7_map_page_host_refuses_a_pending_frame(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    machine_assign(m, A, GFN, P, true);
    assert_refused(m, CORDON_PRIVATE, op_fault(m, P * PAGE));
    machine_free(m);
}

/* ---- clear_vm_page ---- */

static void clear_vm_page_gives_the_vms_frame_to_the_host(void **state)
{
    struct machine *m = owned();

    (void)state;
    assert_int_equal(run_clear(m, A, P, 1).changed, 1);
    assert_record(m, P, HOLDER_HOST, 0);
    assert_int_equal(frame_gfn(record_of(m, P)), 0);
    machine_free(m);
}

static void clear_vm_page_zeroes_it(void **state)
{
    struct machine *m = owned();

    (void)state;
    for (uint64_t i = 0; i < 512; i++)
        write_at(m, A, GFN * PAGE + 8 * i, ~i);
    assert_int_equal(run_clear(m, A, P, 1).changed, 1);
    for (uint32_t i = 0; i < 512; i++) {
        assert_int_equal(sim_peek(m->sim, P, i), 0);
        assert_int_equal(read_at(m, 0, P * PAGE + 8 * i), 0);
    }
    machine_free(m);
}

static void clear_vm_page_unmaps_a_granted_frame_from_the_host(void **state)
{
    struct machine *m = owned();

    (void)state;
    assert_int_equal(grant(m, A, GFN), 1);
    warm(m, 0, P * PAGE);
    assert_maps(m, 0, P, P, 3);
    assert_int_equal(run_clear(m, A, P, 1).changed, 1);
    assert_unmapped(m, 0, P);
    assert_record(m, P, HOLDER_HOST, 0);
    machine_free(m);
}

static void clear_vm_page_of_anothers_frame_does_nothing(void **state)
{
    struct machine *m = owned();
    struct snapshot *before = snapshot_take(m);
    struct totals t = run_clear(m, B, P, 1);

    (void)state;
    assert_int_equal(t.status, CORDON_OK);
    assert_int_equal(t.changed, 0);
    assert_int_equal(t.not_owned, 1);
    unchanged_since(m, before, "clear", __FILE__, __LINE__);
    machine_free(m);
}

static void clear_vm_page_of_host_core_or_device_frames_does_nothing(void **state)
{
    static const uint64_t frames[] = { FRAME(3, 3), CORE_FRAME, DEVICE_PA / PAGE };
    struct machine *m = owned();
    struct snapshot *before = snapshot_take(m);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct totals t = run_clear(m, A, frames[i], 1);

        assert_int_equal(t.status, CORDON_OK);
        assert_int_equal(t.not_owned, 1);
    }
    unchanged_since(m, before, "clear", __FILE__, __LINE__);
    machine_free(m);
}

static void clear_vm_page_of_a_pending_frame_gives_it_back(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    sim_poke(m->sim, P, 3, 99);
    machine_assign(m, A, GFN, P, true);
    assert_int_equal(run_clear(m, A, P, 1).changed, 1);
    assert_record(m, P, HOLDER_HOST, 0);
    assert_int_equal(sim_peek(m->sim, P, 3), 0);
    assert_int_equal(m->c->vm[0].frames, 0);
    machine_free(m);
}

/* ---- assign_pfn_to_vm ---- */

static void assign_of_a_host_frame_makes_it_the_vms_at_gfn(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    assert_ok(op_page(m, A, GFN, P));
    assert_record(m, P, A, 0);
    assert_int_equal(frame_gfn(record_of(m, P)), GFN);
    assert_maps(m, A, GFN, P, 3);
    machine_free(m);
}

static void assign_unmaps_the_frame_from_the_host(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    warm(m, 0, P * PAGE);
    assert_ok(op_page(m, A, GFN, P));
    assert_unmapped(m, 0, P);
    assert_true(is_gone(m, 0, P * PAGE));
    machine_free(m);
}

static void assign_refuses_a_frame_that_a_device_of_the_host_maps(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    machine_pin(m, P, true);
    assert_refused(m, CORDON_SHARED, op_page(m, A, GFN, P));
    assert_refused(m, CORDON_SHARED, op_block(m, A, 0, FRAME(2, 0)));
    machine_pin(m, P, false);
    assert_ok(op_page(m, A, GFN, P));
    machine_free(m);
}

static void assign_of_the_vms_own_frame_at_its_gfn_is_no_change_of_owner(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    machine_assign(m, A, GFN, P, false);
    sim_poke(m->sim, P, 0, 5);
    assert_ok(op_map(m, A, GFN * PAGE, P * PAGE, 3, CORDON_ZERO));
    assert_record(m, P, A, 0);
    assert_maps(m, A, GFN, P, 3);
    assert_int_equal(sim_peek(m->sim, P, 0), 5);
    assert_int_equal(m->c->vm[0].frames, 1);
    machine_free(m);
}

static void assign_refuses_the_vms_own_frame_at_another_gfn(void **state)
{
    struct machine *m = owned();

    (void)state;
    assert_refused(m, CORDON_GFN, op_page(m, A, GFN + 1, P));
    assert_refused(m, CORDON_GFN, op_page(m, A, GFN + (UINT64_C(1) << 32), P));
    machine_free(m);
}

static void assign_refuses_anothers_frame(void **state)
{
    struct machine *m = owned();

    (void)state;
    assert_refused(m, CORDON_OWNED, op_page(m, B, GFN, P));
    assert_int_equal(grant(m, A, GFN), 1);
    assert_refused(m, CORDON_OWNED, op_page(m, B, GFN, P));
    assert_refused(m, CORDON_OWNED, op_page(m, B, GFN, CORE_FRAME));
    assert_refused(m, CORDON_OWNED, op_page(m, B, GFN, DEVICE_PA / PAGE));
    assert_refused(m, CORDON_OWNED, op_page(m, B, GFN, m->c->vm[0].s2.root));
    machine_free(m);
}

static void S7_assign_of_a_pending_frame_settles_it(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    warm(m, 0, P * PAGE);
    machine_assign(m, A, GFN, P, true);
    assert_refused(m, CORDON_GFN, op_page(m, A, GFN + 1, P));
    assert_refused(m, CORDON_OWNED, op_page(m, B, GFN, P));
    assert_ok(op_page(m, A, GFN, P));
    assert_record(m, P, A, 0);
    assert_maps(m, A, GFN, P, 3);
    assert_true(is_gone(m, 0, P * PAGE));
    assert_int_equal(m->c->vm[0].frames, 1);
    machine_free(m);
}

static void S7_claiming_unmaps_a_pending_frame_that_the_host_still_has(void **state)
{
    struct sim_config config = machine_config();
    struct machine *m;
    struct section_locked s;
    struct vm_locked v;

    (void)state;
    config.no_check = true;     /* the state that the seed's system can come to is against I1 */
    m = machine_new(&config);
    machine_vm(m, A, 8);
    assert_ok(op_page(m, A, 0, P + 1));
    assert_ok(op_fault(m, P * PAGE));
    v = vm_lock(m->c, A);
    s = section_lock(m->c, 2, FRAME(2, 0) / 512);
    s.frame[P % 512] = frame_of_vm(HOLDER_PENDING + A, GFN);
    s.section->taken++;
    v.vm->frames++;
    section_unlock(m->c, s);
    vm_unlock(m->c, v);
    assert_maps(m, 0, P, P, 3);
    assert_ok(op_page(m, A, GFN, P));
    assert_unmapped(m, 0, P);
    assert_false(can_read(m, 0, P * PAGE));
    machine_free(m);
}

static void memory_can_assign_answers_for_the_first_frame_that_it_refuses(void **state)
{
    struct machine *m = owned();
    struct section_locked s;

    (void)state;
    s = section_lock(m->c, 2, FRAME(2, 0) / 512);
    assert_status(CORDON_OK, memory_can_assign(s, B, 0, 33, 0));
    assert_status(CORDON_OWNED, memory_can_assign(s, B, 0, 34, 0));
    assert_status(CORDON_OK, memory_can_assign(s, B, 34, 512 - 34, 0));
    assert_status(CORDON_OK, memory_can_assign(s, A, 0, 512, GFN - 33));
    assert_status(CORDON_GFN, memory_can_assign(s, A, 0, 512, GFN));
    section_unlock(m->c, s);
    machine_free(m);
}

/* ---- map_pfn_vm ---- */

static void map_pfn_vm_level_2_is_a_block_and_any_other_a_page(void **state)
{
    static const uint32_t other[] = { 0, 1, 3, 4, UINT32_MAX };
    struct machine *m = two_vms();

    (void)state;
    assert_ok(op_map(m, A, 0, FRAME(3, 0) * PAGE, 2, CORDON_KEEP));
    assert_maps(m, A, 100, FRAME(3, 100), 2);
    for (size_t i = 0; i < 5; i++) {
        assert_ok(op_map(m, A, (1024 + i) * PAGE, FRAME(4, i) * PAGE, other[i], CORDON_KEEP));
        assert_maps(m, A, 1024 + i, FRAME(4, i), 3);
    }
    machine_free(m);
}

static void map_pfn_vm_takes_address_bits_47_to_12_and_nothing_else_of_the_entry(void **state)
{
    struct machine *m = two_vms();
    uint64_t attributes = UINT64_C(0xffff000000000fff);

    (void)state;
    assert_ok(op_map(m, A, GFN * PAGE + 0x123, P * PAGE | attributes, 3, CORDON_KEEP));
    assert_maps(m, A, GFN, P, 3);
    assert_int_equal(s2_walk(m->c, &m->c->vm[0].s2, GFN).entry, desc_leaf(P, 3, S2_NORMAL));
    machine_free(m);
}

static void map_pfn_vm_gives_read_and_write(void **state)
{
    struct machine *m = owned();

    (void)state;
    write_at(m, A, GFN * PAGE + 64, 4711);
    assert_int_equal(read_at(m, A, GFN * PAGE + 64), 4711);
    assert_int_equal(sim_peek(m->sim, P, 8), 4711);
    machine_free(m);
}

static void S9_contents_are_kept_or_zeroed_as_the_caller_states(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    write_at(m, 0, P * PAGE, 11);
    write_at(m, 0, (P + 1) * PAGE, 12);
    assert_ok(op_map(m, A, GFN * PAGE, P * PAGE, 3, CORDON_KEEP));
    assert_ok(op_map(m, A, (GFN + 1) * PAGE, (P + 1) * PAGE, 3, CORDON_ZERO));
    assert_int_equal(read_at(m, A, GFN * PAGE), 11);
    assert_int_equal(read_at(m, A, (GFN + 1) * PAGE), 0);
    assert_int_equal(read_uncached(m, A, GFN * PAGE), 11);      /* a guest boots with its caches off */
    assert_int_equal(read_uncached(m, A, (GFN + 1) * PAGE), 0);
    machine_free(m);
}

static void S9_a_block_is_kept_or_zeroed_as_a_whole(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    for (uint64_t i = 0; i < 512; i++) {
        write_at(m, 0, FRAME(3, i) * PAGE, i + 1);
        write_at(m, 0, FRAME(4, i) * PAGE, i + 1);
    }
    assert_ok(op_map(m, A, 0, FRAME(3, 0) * PAGE, 2, CORDON_KEEP));
    assert_ok(op_map(m, A, 512 * PAGE, FRAME(4, 0) * PAGE, 2, CORDON_ZERO));
    for (uint64_t i = 0; i < 512; i++) {
        assert_int_equal(read_uncached(m, A, i * PAGE), i + 1);
        assert_int_equal(read_uncached(m, A, (512 + i) * PAGE), 0);
    }
    machine_free(m);
}

/* ---- map_vm_io ---- */

static void map_vm_io_maps_one_device_page(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    assert_ok(op_io(m, A, GFN * PAGE, DEVICE_PA));
    assert_device(m, A, GFN, DEVICE_PA / PAGE, 3);
    assert_unmapped(m, A, GFN + 1);
    assert_int_equal(m->c->vm[0].frames, 0);
    machine_free(m);
}

static void map_vm_io_refuses_ram_whoever_has_it(void **state)
{
    struct machine *m = owned();

    (void)state;
    assert_refused(m, CORDON_RAM, op_io(m, A, 0, FRAME(3, 0) * PAGE));
    assert_refused(m, CORDON_RAM, op_io(m, A, 0, P * PAGE));
    assert_refused(m, CORDON_RAM, op_io(m, B, 0, P * PAGE));
    assert_refused(m, CORDON_RAM, op_io(m, A, 0, CORE_FRAME * PAGE));
    assert_refused(m, CORDON_RAM, op_io(m, A, 0, m->c->vm[0].s2.root * PAGE));
    machine_free(m);
}

static void map_vm_io_refuses_what_is_hidden(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    assert_refused(m, CORDON_RAM, op_io(m, A, 0, HIDDEN_PA));
    assert_refused(m, CORDON_RAM, op_io(m, A, 0, HIDDEN_PA + HIDDEN_SIZE - PAGE));
    assert_refused(m, CORDON_RAM, op_io(m, A, 0, m->c->host.root * PAGE));
    assert_ok(op_io(m, A, 0, HIDDEN_PA + HIDDEN_SIZE));
    machine_free(m);
}

static void S4_map_vm_io_maps_once(void **state)
{
    struct machine *m = owned();

    (void)state;
    assert_ok(op_io(m, A, 0, DEVICE_PA));
    assert_ok(op_block(m, A, 512, FRAME(3, 0)));
    assert_no_change(m, op_io(m, A, 0, DEVICE_PA));
    assert_refused(m, CORDON_MAPPED, op_io(m, A, 0, DEVICE_PA + PAGE));
    assert_refused(m, CORDON_MAPPED, op_io(m, A, GFN * PAGE, DEVICE_PA));
    assert_refused(m, CORDON_MAPPED, op_io(m, A, 513 * PAGE, DEVICE_PA));
    assert_refused(m, CORDON_MAPPED, op_page(m, A, 0, FRAME(4, 0)));
    machine_free(m);
}

static void S10_map_vm_io_refuses_unaligned_and_far_addresses(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    m->c->pfn_limit = UINT64_C(1) << 28;
    assert_refused(m, CORDON_UNALIGNED, op_io(m, A, 8, DEVICE_PA));
    assert_refused(m, CORDON_UNALIGNED, op_io(m, A, 0, DEVICE_PA + 8));
    assert_refused(m, CORDON_RANGE, op_io(m, A, UINT64_C(1) << 48, DEVICE_PA));
    assert_refused(m, CORDON_RANGE, op_io(m, A, 0, UINT64_C(1) << 40));
    assert_refused(m, CORDON_RANGE, op_io(m, A, UINT64_MAX, UINT64_MAX));
    assert_refused(m, CORDON_NO_VM, op_io(m, 0, 0, DEVICE_PA));
    assert_refused(m, CORDON_NO_VM, op_io(m, 3, 0, DEVICE_PA));
    assert_refused(m, CORDON_NO_VM, op_io(m, VMS + 1, 0, DEVICE_PA));
    machine_free(m);
}

/* ---- grant_vm_page, revoke_vm_page ---- */

static void grant_vm_page_adds_one(void **state)
{
    struct machine *m = owned();

    (void)state;
    for (uint32_t i = 1; i <= 3; i++) {
        assert_int_equal(grant(m, A, GFN), 1);
        assert_record(m, P, A, i);
    }
    assert_unmapped(m, 0, P);       /* the host maps it when it touches it */
    machine_free(m);
}

static void grant_vm_page_stops_at_100(void **state)
{
    struct machine *m = owned();
    struct totals t;

    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(grant(m, A, GFN), 1);
    assert_record(m, P, A, 100);
    t = run_grant(m, A, GFN * PAGE, PAGE);
    assert_int_equal(t.changed, 0);
    assert_int_equal(t.saturated, 1);
    assert_record(m, P, A, 100);
    machine_free(m);
}

static void a_granted_frame_is_shared_memory(void **state)
{
    struct machine *m = owned();

    (void)state;
    write_at(m, A, GFN * PAGE, 1);
    assert_int_equal(grant(m, A, GFN), 1);
    assert_int_equal(read_at(m, 0, P * PAGE), 1);
    write_at(m, 0, P * PAGE, 2);
    assert_int_equal(read_at(m, A, GFN * PAGE), 2);
    machine_free(m);
}

static void revoke_vm_page_takes_one_away(void **state)
{
    struct machine *m = owned();

    (void)state;
    assert_int_equal(grant(m, A, GFN), 1);
    assert_int_equal(grant(m, A, GFN), 1);
    warm(m, 0, P * PAGE);
    assert_int_equal(revoke(m, A, GFN), 1);
    assert_record(m, P, A, 1);
    assert_maps(m, 0, P, P, 3);
    assert_true(can_read(m, 0, P * PAGE));
    machine_free(m);
}

static void revoke_vm_page_of_the_last_grant_unmaps_it_everywhere(void **state)
{
    struct machine *m = owned();

    (void)state;
    assert_int_equal(grant(m, A, GFN), 1);
    warm(m, 0, P * PAGE);
    assert_int_equal(revoke(m, A, GFN), 1);
    assert_record(m, P, A, 0);
    assert_unmapped(m, 0, P);
    assert_true(is_gone(m, 0, P * PAGE));
    assert_true(can_read(m, A, GFN * PAGE));
    machine_free(m);
}

static void revoke_vm_page_that_was_not_granted_does_nothing(void **state)
{
    struct machine *m = owned();
    struct snapshot *before = snapshot_take(m);
    struct totals t = run_revoke(m, A, GFN * PAGE, PAGE);

    (void)state;
    assert_int_equal(t.changed, 0);
    assert_int_equal(t.saturated, 1);
    unchanged_since(m, before, "revoke", __FILE__, __LINE__);
    machine_free(m);
}

static void grant_and_revoke_of_frames_that_are_not_the_vms_do_nothing(void **state)
{
    struct machine *m = owned();
    struct section_locked s = section_lock(m->c, 2, FRAME(2, 0) / 512);
    struct revoked r;

    (void)state;
    assert_int_equal(memory_grant(s, B, 33, 1).not_owned, 1);   /* A's */
    assert_int_equal(memory_grant(s, A, 34, 1).not_owned, 1);   /* the host's */
    r = memory_revoke(m->c, s, B, 33, 2);
    assert_int_equal(r.owed.end, 0);
    assert_int_equal(r.passed.not_owned, 2);
    section_unlock(m->c, s);
    assert_record(m, P, A, 0);
    assert_record(m, P + 1, HOLDER_HOST, 0);
    machine_free(m);
}

static void S6_a_pending_frame_is_not_granted(void **state)
{
    struct machine *m = two_vms();
    struct section_locked s;
    struct passed passed;

    (void)state;
    machine_assign(m, A, GFN, P, true);
    s = section_lock(m->c, 2, FRAME(2, 0) / 512);
    passed = memory_grant(s, A, 33, 1);
    section_unlock(m->c, s);
    assert_int_equal(passed.not_owned, 1);
    assert_record(m, P, HOLDER_PENDING + A, 0);
    machine_free(m);
}

/* ---- the core's own ---- */

static void the_core_takes_all_of_the_frames_or_none(void **state)
{
    struct machine *m = owned();

    (void)state;
    assert_refused(m, CORDON_OWNED, op_donate(m, B, P - 5, 10));
    machine_pin(m, FRAME(3, 7), true);
    assert_refused(m, CORDON_SHARED, op_donate(m, B, FRAME(3, 0), 8));
    assert_ok(op_donate(m, B, FRAME(3, 0), 7));
    machine_pin(m, FRAME(3, 7), false);
    assert_record(m, FRAME(3, 6), HOLDER_CORE, 0);
    assert_record(m, FRAME(3, 7), HOLDER_HOST, 0);
    machine_free(m);
}

static void the_core_takes_frames_out_of_the_hosts_reach(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    warm(m, 0, FRAME(3, 9) * PAGE);
    assert_ok(op_donate(m, B, FRAME(3, 9), 1));
    assert_true(is_gone(m, 0, FRAME(3, 9) * PAGE));
    assert_true(can_read(m, 0, FRAME(3, 8) * PAGE));
    machine_free(m);
}

static void a_frame_of_the_cores_comes_back_zero(void **state)
{
    struct machine *m = two_vms();
    uint64_t row = m->c->vm[1].s2.root;

    (void)state;
    assert_ok(op_page(m, B, GFN, P));
    assert_int_not_equal(sim_peek(m->sim, row, 0), 0);
    assert_ok(run_destroy(m, B, NULL));
    assert_record(m, row, HOLDER_HOST, 0);
    for (uint32_t i = 0; i < 512; i++)
        assert_int_equal(read_at(m, 0, row * PAGE + 8 * i), 0);
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_page_host_of_no_ram_maps_a_device),
        cmocka_unit_test(map_page_host_of_its_own_maps_normal_memory_at_the_same_address),
        cmocka_unit_test(map_page_host_of_a_pinned_frame_maps_it),
        cmocka_unit_test(map_page_host_of_a_granted_frame_maps_that_frame_alone),
        cmocka_unit_test(map_page_host_refuses_a_vms_frame),
        cmocka_unit_test(map_page_host_refuses_the_cores_frames),
        cmocka_unit_test(S7_map_page_host_refuses_a_pending_frame),
        cmocka_unit_test(clear_vm_page_gives_the_vms_frame_to_the_host),
        cmocka_unit_test(clear_vm_page_zeroes_it),
        cmocka_unit_test(clear_vm_page_unmaps_a_granted_frame_from_the_host),
        cmocka_unit_test(clear_vm_page_of_anothers_frame_does_nothing),
        cmocka_unit_test(clear_vm_page_of_host_core_or_device_frames_does_nothing),
        cmocka_unit_test(clear_vm_page_of_a_pending_frame_gives_it_back),
        cmocka_unit_test(assign_of_a_host_frame_makes_it_the_vms_at_gfn),
        cmocka_unit_test(assign_unmaps_the_frame_from_the_host),
        cmocka_unit_test(assign_refuses_a_frame_that_a_device_of_the_host_maps),
        cmocka_unit_test(assign_of_the_vms_own_frame_at_its_gfn_is_no_change_of_owner),
        cmocka_unit_test(assign_refuses_the_vms_own_frame_at_another_gfn),
        cmocka_unit_test(assign_refuses_anothers_frame),
        cmocka_unit_test(S7_assign_of_a_pending_frame_settles_it),
        cmocka_unit_test(S7_claiming_unmaps_a_pending_frame_that_the_host_still_has),
        cmocka_unit_test(memory_can_assign_answers_for_the_first_frame_that_it_refuses),
        cmocka_unit_test(map_pfn_vm_level_2_is_a_block_and_any_other_a_page),
        cmocka_unit_test(map_pfn_vm_takes_address_bits_47_to_12_and_nothing_else_of_the_entry),
        cmocka_unit_test(map_pfn_vm_gives_read_and_write),
        cmocka_unit_test(S9_contents_are_kept_or_zeroed_as_the_caller_states),
        cmocka_unit_test(S9_a_block_is_kept_or_zeroed_as_a_whole),
        cmocka_unit_test(map_vm_io_maps_one_device_page),
        cmocka_unit_test(map_vm_io_refuses_ram_whoever_has_it),
        cmocka_unit_test(map_vm_io_refuses_what_is_hidden),
        cmocka_unit_test(S4_map_vm_io_maps_once),
        cmocka_unit_test(S10_map_vm_io_refuses_unaligned_and_far_addresses),
        cmocka_unit_test(grant_vm_page_adds_one),
        cmocka_unit_test(grant_vm_page_stops_at_100),
        cmocka_unit_test(a_granted_frame_is_shared_memory),
        cmocka_unit_test(revoke_vm_page_takes_one_away),
        cmocka_unit_test(revoke_vm_page_of_the_last_grant_unmaps_it_everywhere),
        cmocka_unit_test(revoke_vm_page_that_was_not_granted_does_nothing),
        cmocka_unit_test(grant_and_revoke_of_frames_that_are_not_the_vms_do_nothing),
        cmocka_unit_test(S6_a_pending_frame_is_not_granted),
        cmocka_unit_test(the_core_takes_all_of_the_frames_or_none),
        cmocka_unit_test(the_core_takes_frames_out_of_the_hosts_reach),
        cmocka_unit_test(a_frame_of_the_cores_comes_back_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
