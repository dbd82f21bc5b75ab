/* SPDX-License-Identifier: Apache-2.0 */
/* Each invariant, attacked by name: with every TLB warm, with every operation that could break it. */
#include "machine.h"

#include "memory/pool.h"

#define A 1
#define B 2

static struct machine *two_vms(void)
{
    struct machine *m = machine_small();

    machine_vm(m, A, 12);
    machine_vm(m, B, 12);
    return m;
}

/* Frames of every kind: A's alone, granted, in a block; B's; pending; pinned. */
static struct machine *busy(void)
{
    struct machine *m = two_vms();

    assert_ok(op_block(m, A, 512, FRAME(2, 0)));
    for (uint64_t i = 0; i < 40; i++)
        assert_ok(op_page(m, A, 2000 + i, FRAME(3, 3 * i)));
    for (uint64_t i = 0; i < 40; i++)
        assert_ok(op_page(m, B, 2000 + i, FRAME(3, 3 * i + 1)));
    assert_int_equal(run_grant(m, A, 600 * PAGE, 50 * PAGE).changed, 50);
    assert_int_equal(run_grant(m, A, 2010 * PAGE, 5 * PAGE).changed, 5);
    machine_assign(m, A, 9, FRAME(4, 9), true);
    machine_assign(m, B, 9, FRAME(4, 10), false);
    machine_pin(m, FRAME(4, 11), true);
    return m;
}

/* ---- I1 ---- */

static bool host_may(struct frame f)
{
    return f.holder == HOLDER_HOST || (f.holder < HOLDER_PENDING && f.count > 0);
}

/* The host touches every frame of RAM on one CPU. */
static void sweep(struct machine *m)
{
    for (uint64_t f = FRAME(0, 0); f < FRAME(SMALL_SECTIONS, 0); f++) {
        struct sim_mapping at;

        assert_int_equal(can_read(m, 0, f * PAGE), host_may(record_of(m, f)));
        if (sim_lookup(m->sim, 0, f, &at))
            assert_int_equal(at.pfn - at.gfn, 0);
    }
}

static void I1_the_host_reaches_exactly_what_the_records_let_it_have(void **state)
{
    struct machine *m = busy();

    (void)state;
    for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
        sim_cpu(m->sim, cpu);
        sweep(m);
    }
    sim_cpu(m->sim, 0);
    assert_int_equal(run_revoke(m, A, 600 * PAGE, 20 * PAGE).changed, 20);
    assert_int_equal(run_clear(m, A, FRAME(2, 300), 100).changed, 100);
    assert_int_equal(run_clear(m, B, FRAME(3, 0), 60).changed, 20);
    assert_ok(op_block(m, B, 512 * 9, FRAME(5, 0)));
    for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
        sim_cpu(m->sim, cpu);
        sweep(m);
    }
    sim_cpu(m->sim, 0);
    machine_free(m);
}

/* ---- I2, I3 ---- */

static void I2_a_vm_cannot_get_the_frame_of_another(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    assert_ok(op_page(m, A, 5, FRAME(2, 5)));
    write_at(m, A, 5 * PAGE, 42);
    assert_refused(m, CORDON_OWNED, op_page(m, B, 5, FRAME(2, 5)));
    assert_refused(m, CORDON_OWNED, op_map(m, B, 5 * PAGE, FRAME(2, 5) * PAGE, 3, CORDON_ZERO));
    assert_refused(m, CORDON_OWNED, op_block(m, B, 0, FRAME(2, 0)));
    assert_refused(m, CORDON_OWNED, op_map_range(m, B, 0, FRAME(2, 0), 16).status);
    assert_refused(m, CORDON_RAM, op_io(m, B, 5 * PAGE, FRAME(2, 5) * PAGE));
    assert_refused(m, CORDON_OWNED, op_donate(m, B, FRAME(2, 5), 1));
    assert_int_equal(run_grant(m, A, 5 * PAGE, PAGE).changed, 1);
    assert_refused(m, CORDON_OWNED, op_page(m, B, 5, FRAME(2, 5)));
    assert_int_equal(run_clear(m, B, FRAME(2, 5), 1).changed, 0);
    assert_int_equal(read_at(m, A, 5 * PAGE), 42);
    machine_free(m);
}

static void I2_a_frame_is_mapped_where_its_record_says(void **state)
{
    struct machine *m = busy();

    (void)state;
    for (uint64_t i = 0; i < 40; i++) {
        assert_int_equal(frame_gfn(record_of(m, FRAME(3, 3 * i))), 2000 + i);
        assert_maps(m, A, 2000 + i, FRAME(3, 3 * i), 3);
    }
    for (uint64_t i = 0; i < 512; i++)
        assert_int_equal(frame_gfn(record_of(m, FRAME(2, i))), 512 + i);
    machine_pin(m, FRAME(4, 11), false);
    machine_free(m);
}

static void I3_a_frame_is_never_mapped_twice_by_one_vm(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    assert_ok(op_page(m, A, 5, FRAME(2, 5)));
    assert_ok(op_block(m, A, 1024, FRAME(3, 0)));
    assert_refused(m, CORDON_GFN, op_page(m, A, 6, FRAME(2, 5)));
    assert_refused(m, CORDON_GFN, op_page(m, A, 6, FRAME(3, 6)));
    assert_refused(m, CORDON_GFN, op_block(m, A, 2048, FRAME(3, 0)));
    assert_refused(m, CORDON_GFN, op_block(m, A, 2048, FRAME(2, 0)));
    assert_refused(m, CORDON_GFN, op_map_range(m, A, 6 * PAGE, FRAME(2, 0), 10).status);
    assert_int_equal(run_grant(m, A, 5 * PAGE, PAGE).changed, 1);
    assert_refused(m, CORDON_GFN, op_page(m, A, 6, FRAME(2, 5)));
    machine_free(m);
}

static void I3_a_cleared_frame_serves_one_new_owner(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    assert_ok(op_page(m, A, 5, FRAME(2, 5)));
    warm(m, A, 5 * PAGE);
    assert_int_equal(run_clear(m, A, FRAME(2, 5), 1).changed, 1);
    assert_ok(op_page(m, B, 7, FRAME(2, 5)));
    write_at(m, B, 7 * PAGE, 99);
    assert_true(is_gone(m, A, 5 * PAGE));
    assert_false(can_read(m, 0, FRAME(2, 5) * PAGE));
    assert_refused(m, CORDON_OWNED, op_page(m, A, 5, FRAME(2, 5)));
    machine_free(m);
}

/* ---- I4 ---- */

static void nobody_gets(struct machine *m, uint64_t frame)
{
    assert_record(m, frame, HOLDER_CORE, 0);
    assert_refused(m, CORDON_PRIVATE, op_fault(m, frame * PAGE));
    assert_refused(m, CORDON_OWNED, op_page(m, A, 77777, frame));
    assert_refused(m, CORDON_OWNED, op_map_range(m, A, 77777 * PAGE, frame, 1).status);
    assert_refused(m, CORDON_RAM, op_io(m, A, 77777 * PAGE, frame * PAGE));
    assert_refused(m, CORDON_OWNED, op_donate(m, A, frame, 1));
    assert_refused(m, CORDON_OWNED, op_create(m, 3, frame));
    assert_refused(m, CORDON_OWNED, op_block(m, A, 512 * 99, frame / 512 * 512));
    assert_no_change(m, op_clear(m, A, frame, 1).status);
    assert_true(is_gone(m, 0, frame * PAGE));
}

static void I4_the_cores_frames_are_nobody_elses(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    assert_ok(op_page(m, A, 5, FRAME(2, 5)));
    nobody_gets(m, FRAME(0, 0));
    nobody_gets(m, FRAME(0, CORE_FRAMES - 1));
    nobody_gets(m, m->c->vm[0].s2.root);
    nobody_gets(m, s2_walk_to(m->c, &m->c->vm[0].s2, 5, 1).row);
    nobody_gets(m, s2_walk_to(m->c, &m->c->vm[0].s2, 5, 3).row);
    nobody_gets(m, m->c->vm[0].pool.head);
    nobody_gets(m, m->c->vm[1].pool.head);
    machine_free(m);
}

static void I4_the_hosts_tables_are_out_of_its_reach(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        uint64_t frame = m->c->host.root + i;

        assert_refused(m, CORDON_PRIVATE, op_fault(m, frame * PAGE));
        assert_refused(m, CORDON_RAM, op_io(m, A, 0, frame * PAGE));
        assert_refused(m, CORDON_OWNED, op_page(m, A, 0, frame));
        assert_refused(m, CORDON_OWNED, op_donate(m, A, frame, 1));
    }
    machine_free(m);
}

/* ---- I5 ---- */

static void I5_a_frame_that_a_device_maps_stays_the_hosts(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    machine_pin(m, FRAME(3, 100), true);
    assert_refused(m, CORDON_SHARED, op_page(m, A, 5, FRAME(3, 100)));
    assert_refused(m, CORDON_SHARED, op_block(m, A, 0, FRAME(3, 0)));
    assert_refused(m, CORDON_SHARED, op_map_range(m, A, 0, FRAME(3, 90), 20).status);
    assert_refused(m, CORDON_SHARED, op_donate(m, A, FRAME(3, 100), 1));
    assert_refused(m, CORDON_SHARED, op_donate(m, A, FRAME(3, 0), 512));
    assert_refused(m, CORDON_SHARED, op_create(m, 3, FRAME(3, 100)));
    assert_int_equal(run_clear(m, A, FRAME(3, 100), 1).changed, 0);
    assert_record(m, FRAME(3, 100), HOLDER_HOST, 1);
    machine_pin(m, FRAME(3, 100), false);
    assert_ok(op_block(m, A, 0, FRAME(3, 0)));
    machine_free(m);
}

/* ---- I6: every CPU's TLB is warm before ---- */

static void I6_assigning_a_page_ends_the_hosts_translations(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    warm(m, 0, FRAME(3, 5) * PAGE);
    warm(m, 0, FRAME(3, 6) * PAGE);
    assert_ok(op_page(m, A, 0, FRAME(3, 5)));
    assert_true(is_gone(m, 0, FRAME(3, 5) * PAGE));
    warm(m, 0, FRAME(3, 7) * PAGE);             /* now by a page of its own */
    assert_ok(op_page(m, A, 1, FRAME(3, 7)));
    assert_true(is_gone(m, 0, FRAME(3, 7) * PAGE));
    assert_false(is_gone(m, 0, FRAME(3, 6) * PAGE));
    machine_free(m);
}

static void I6_assigning_a_block_ends_the_hosts_translations(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    warm(m, 0, FRAME(3, 5) * PAGE);
    assert_ok(op_block(m, A, 0, FRAME(3, 0)));
    assert_true(is_gone(m, 0, FRAME(3, 5) * PAGE));
    assert_true(is_gone(m, 0, FRAME(3, 511) * PAGE));
    machine_free(m);
}

static void I6_assigning_out_of_a_gib_ends_the_hosts_translations(void **state)
{
    struct machine *m = machine_of(3 * GIB);
    uint64_t first = RAM_BASE / PAGE + CORDON_GIB_PAGES;

    (void)state;
    machine_vm(m, A, 8);
    warm(m, 0, (first + 5) * PAGE);
    warm(m, 0, (first + 600) * PAGE);
    assert_maps(m, 0, first, first, 1);
    assert_ok(op_page(m, A, 0, first + 5));
    assert_true(is_gone(m, 0, (first + 5) * PAGE));
    assert_ok(op_block(m, A, 512, first + 512));
    assert_true(is_gone(m, 0, (first + 600) * PAGE));
    assert_false(is_gone(m, 0, (first + 1024) * PAGE));
    machine_free(m);
}

static void I6_donating_ends_the_hosts_translations(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    for (uint64_t i = 0; i < 8; i++)
        warm(m, 0, FRAME(3, i) * PAGE);
    assert_ok(op_donate(m, A, FRAME(3, 2), 3));
    assert_ok(op_create(m, 3, FRAME(3, 6)));
    for (uint64_t i = 0; i < 8; i++)
        assert_int_equal(is_gone(m, 0, FRAME(3, i) * PAGE), (i >= 2 && i < 5) || i == 6);
    machine_free(m);
}

static void I6_clearing_ends_the_vms_and_the_hosts_translations(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    assert_ok(op_page(m, A, 5, FRAME(3, 5)));
    assert_int_equal(run_grant(m, A, 5 * PAGE, PAGE).changed, 1);
    write_at(m, A, 5 * PAGE, 1);
    warm(m, A, 5 * PAGE);
    warm(m, 0, FRAME(3, 5) * PAGE);
    assert_int_equal(run_clear(m, A, FRAME(3, 5), 1).changed, 1);
    assert_true(is_gone(m, A, 5 * PAGE));
    assert_int_equal(sim_peek(m->sim, FRAME(3, 5), 0), 0);
    assert_ok(op_page(m, B, 0, FRAME(3, 5)));
    assert_true(is_gone(m, 0, FRAME(3, 5) * PAGE));
    machine_free(m);
}

static void I6_revoking_ends_the_hosts_translations(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    assert_ok(op_block(m, A, 0, FRAME(3, 0)));
    assert_int_equal(run_grant(m, A, 0, 600 * PAGE).changed, 512);
    for (uint64_t i = 0; i < 512; i += 13)
        warm(m, 0, FRAME(3, i) * PAGE);
    assert_int_equal(run_revoke(m, A, 13 * PAGE, 26 * PAGE).changed, 26);
    for (uint64_t i = 0; i < 512; i += 13)
        assert_int_equal(is_gone(m, 0, FRAME(3, i) * PAGE), i == 13 || i == 26);
    machine_free(m);
}

static void I6_teardown_ends_the_vms_translations(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    assert_ok(op_block(m, A, 512, FRAME(2, 0)));
    assert_ok(op_page(m, A, 5, FRAME(3, 5)));
    warm(m, A, 5 * PAGE);
    warm(m, A, 700 * PAGE);
    assert_ok(run_destroy(m, A, NULL));
    assert_true(is_gone(m, A, 5 * PAGE));
    assert_true(is_gone(m, A, 700 * PAGE));
    machine_vm(m, A, 4);
    assert_true(is_gone(m, A, 5 * PAGE));
    assert_true(is_gone(m, A, 700 * PAGE));
    machine_free(m);
}

/* Stage 1 of the guest: gfn 100, 101, 102 are its tables of level 1, 2, 3; virtual page v is gfn 200 + v. */
static void guest_with_stage1(struct machine *m, uint32_t vm, uint64_t first)
{
    uint64_t attributes = (1u << 10) | 3;       /* access flag, table or page */

    for (uint64_t i = 0; i < 3; i++)
        assert_ok(op_page(m, vm, 100 + i, first + i));
    for (uint64_t i = 0; i < 8; i++)
        assert_ok(op_page(m, vm, 200 + i, first + 10 + i));
    write_at(m, vm, 100 * PAGE, 101 * PAGE | 3);
    write_at(m, vm, 101 * PAGE, 102 * PAGE | 3);
    for (uint64_t i = 0; i < 8; i++)
        write_at(m, vm, 102 * PAGE + 8 * i, (200 + i) * PAGE | attributes);
    for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
        sim_cpu(m->sim, cpu);
        sim_stage1(m->sim, vm, 100 * PAGE, 39);
    }
    sim_cpu(m->sim, 0);
}

static void I6_combined_translations_end_too(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    guest_with_stage1(m, A, FRAME(3, 0));
    for (uint64_t i = 0; i < 8; i++)
        warm(m, A, i * PAGE);
    assert_int_equal(run_clear(m, A, FRAME(3, 10 + 3), 2).changed, 2);
    for (uint64_t i = 0; i < 8; i++)
        assert_int_equal(is_gone(m, A, i * PAGE), i == 3 || i == 4);
    machine_free(m);
}

static void I6_translations_made_through_a_guest_table_end_with_it(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    guest_with_stage1(m, A, FRAME(3, 0));
    for (uint64_t i = 0; i < 8; i++)
        warm(m, A, i * PAGE);
    assert_int_equal(run_clear(m, A, FRAME(3, 2), 1).changed, 1);       /* its last-level table */
    for (uint64_t i = 0; i < 8; i++)
        assert_true(is_gone(m, A, i * PAGE));
    machine_free(m);
}

/* ---- I7 ---- */

/* Tables of a VM's tree, the roots not counted; each one must be the core's and met once. */
static uint64_t tables_below(struct machine *m, uint64_t row, uint32_t level, bool *met)
{
    uint64_t n = 0;

    for (uint64_t i = 0; level < 3 && i < 512; i++) {
        uint64_t entry = arch_pte_read(m->c, row, i);
        uint64_t child = desc_pfn(entry);

        if (!desc_is_table(entry, level))
            continue;
        assert_in_range(child, FRAME(0, 0), FRAME(SMALL_SECTIONS, 0) - 1);
        assert_false(met[child - FRAME(0, 0)]);
        met[child - FRAME(0, 0)] = true;
        assert_record(m, child, HOLDER_CORE, 0);
        n += 1 + tables_below(m, child, level + 1, met);
    }
    return n;
}

static void trees_are_sound(struct machine *m)
{
    bool met[SMALL_SECTIONS * 512] = { false };

    for (uint32_t id = 1; id <= 2; id++) {
        const struct vm *v = &m->c->vm[id - 1];
        uint64_t row = v->pool.head;

        assert_int_equal(tables_below(m, v->s2.root, v->s2.start, met) + v->pool.free, v->pool.total);
        for (uint64_t i = v->pool.fresh_n; i < v->pool.free; i++) {    /* a free one is in no tree */
            assert_false(met[row - FRAME(0, 0)]);
            met[row - FRAME(0, 0)] = true;
            row = m->c->phys[row].e[0];
        }
    }
}

static void I7_tables_form_a_tree_and_none_is_lost(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    trees_are_sound(m);
    assert_ok(op_block(m, A, 512, FRAME(2, 0)));
    assert_ok(op_page(m, B, UINT64_C(1) << 35, FRAME(3, 0)));
    trees_are_sound(m);
    assert_int_equal(run_clear(m, A, FRAME(2, 9), 1).changed, 1);       /* split */
    trees_are_sound(m);
    assert_ok(op_page(m, A, 512 + 9, FRAME(2, 9)));
    assert_ok(op_block(m, A, 512, FRAME(2, 0)));                        /* join */
    trees_are_sound(m);
    assert_int_equal(run_clear(m, A, FRAME(2, 0), 512).changed, 512);
    assert_ok(op_block(m, A, 512, FRAME(4, 0)));
    trees_are_sound(m);
    assert_status(CORDON_OWNED, op_page(m, A, UINT64_C(1) << 34, CORE_FRAME));  /* no table is taken for a refusal */
    trees_are_sound(m);
    machine_free(m);
}

static void I7_every_donated_frame_comes_back(void **state)
{
    struct machine *m = machine_small();
    uint64_t before = host_frames(m);

    (void)state;
    for (uint64_t round = 0; round < 3; round++) {
        m->donor = FRAME(SMALL_SECTIONS, 0);
        machine_vm(m, A, 12);
        assert_ok(op_donate(m, A, FRAME(5, 0), 100));
        assert_ok(op_block(m, A, 512, FRAME(2, 0)));
        assert_int_equal(run_clear(m, A, FRAME(2, 9), 1).changed, 1);
        assert_ok(op_page(m, A, UINT64_C(1) << 35, FRAME(3, 0)));
        assert_ok(run_destroy(m, A, NULL));
        assert_int_equal(host_frames(m), before);
    }
    machine_free(m);
}

/* ---- I8 ---- */

static void I8_no_word_of_a_vm_reaches_the_host(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    assert_ok(op_block(m, A, 512, FRAME(2, 0)));
    for (uint64_t i = 0; i < 20; i++)
        assert_ok(op_page(m, A, 3000 - i, FRAME(3, 5 * i)));
    for (uint64_t i = 0; i < 512; i++)
        write_at(m, A, (512 + i) * PAGE + 8 * i, UINT64_C(0x5ec2e7));
    for (uint64_t i = 0; i < 20; i++)
        write_at(m, A, (3000 - i) * PAGE + 4088, UINT64_C(0x5ec2e7));
    assert_int_equal(run_grant(m, A, 600 * PAGE, 5 * PAGE).changed, 5);
    assert_int_equal(run_clear(m, A, FRAME(2, 0), 300).changed, 300);
    assert_int_equal(run_clear(m, A, FRAME(3, 0), 20).changed, 4);
    assert_ok(run_destroy(m, A, NULL));
    for (uint64_t f = FRAME(2, 0); f < FRAME(4, 0); f++) {
        for (uint32_t i = 0; i < 512; i++)
            assert_true(sim_peek(m->sim, f, i) == 0);
        assert_int_equal(read_at(m, 0, f * PAGE), 0);
        assert_int_equal(read_uncached(m, 0, f * PAGE + 8 * (f % 512)), 0);
        assert_int_equal(read_uncached(m, 0, f * PAGE + 4088), 0);
    }
    machine_free(m);
}

static void I8_what_the_host_writes_before_is_not_what_the_vm_loses(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    write_at(m, 0, FRAME(3, 0) * PAGE, 1);
    assert_ok(op_page(m, A, 0, FRAME(3, 0)));
    assert_int_equal(run_grant(m, A, 0, PAGE).changed, 1);
    write_at(m, 0, FRAME(3, 0) * PAGE + 8, 2);      /* into shared memory, by the host itself */
    assert_int_equal(run_clear(m, A, FRAME(3, 0), 1).changed, 1);
    assert_int_equal(read_at(m, 0, FRAME(3, 0) * PAGE), 0);
    assert_int_equal(read_at(m, 0, FRAME(3, 0) * PAGE + 8), 0);
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(I1_the_host_reaches_exactly_what_the_records_let_it_have),
        cmocka_unit_test(I2_a_vm_cannot_get_the_frame_of_another),
        cmocka_unit_test(I2_a_frame_is_mapped_where_its_record_says),
        cmocka_unit_test(I3_a_frame_is_never_mapped_twice_by_one_vm),
        cmocka_unit_test(I3_a_cleared_frame_serves_one_new_owner),
        cmocka_unit_test(I4_the_cores_frames_are_nobody_elses),
        cmocka_unit_test(I4_the_hosts_tables_are_out_of_its_reach),
        cmocka_unit_test(I5_a_frame_that_a_device_maps_stays_the_hosts),
        cmocka_unit_test(I6_assigning_a_page_ends_the_hosts_translations),
        cmocka_unit_test(I6_assigning_a_block_ends_the_hosts_translations),
        cmocka_unit_test(I6_assigning_out_of_a_gib_ends_the_hosts_translations),
        cmocka_unit_test(I6_donating_ends_the_hosts_translations),
        cmocka_unit_test(I6_clearing_ends_the_vms_and_the_hosts_translations),
        cmocka_unit_test(I6_revoking_ends_the_hosts_translations),
        cmocka_unit_test(I6_teardown_ends_the_vms_translations),
        cmocka_unit_test(I6_combined_translations_end_too),
        cmocka_unit_test(I6_translations_made_through_a_guest_table_end_with_it),
        cmocka_unit_test(I7_tables_form_a_tree_and_none_is_lost),
        cmocka_unit_test(I7_every_donated_frame_comes_back),
        cmocka_unit_test(I8_no_word_of_a_vm_reaches_the_host),
        cmocka_unit_test(I8_what_the_host_writes_before_is_not_what_the_vm_loses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
