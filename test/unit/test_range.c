/* SPDX-License-Identifier: Apache-2.0 */
/* The four operations of the seed, over ranges; and the numbered strengthenings that concern them, each by name. */
#include "machine.h"

#define A 1
#define B 2

static struct machine *two_vms(void)
{
    struct machine *m = machine_small();

    machine_vm(m, A, 12);
    machine_vm(m, B, 12);
    return m;
}

/* A maps section 2 by a block at gfn 512, and four scattered pages from gfn 1024 on, with a gap at 1026. */
static struct machine *mapped(void)
{
    struct machine *m = two_vms();

    assert_ok(op_block(m, A, 512, FRAME(2, 0)));
    assert_ok(op_page(m, A, 1024, FRAME(3, 9)));
    assert_ok(op_page(m, A, 1025, FRAME(3, 4)));
    assert_ok(op_page(m, A, 1027, FRAME(4, 100)));
    assert_ok(op_page(m, A, 1028, FRAME(4, 101)));
    return m;
}

/* ---- clear_vm_range ---- */

static void clear_vm_range_clears_what_the_vm_owns_and_skips_the_rest(void **state)
{
    struct machine *m = mapped();
    struct totals t;

    (void)state;
    assert_ok(op_page(m, B, 0, FRAME(3, 5)));
    t = run_clear(m, A, FRAME(3, 0), 16);
    assert_int_equal(t.status, CORDON_OK);
    assert_int_equal(t.done, 16);
    assert_int_equal(t.changed, 2);
    assert_int_equal(t.not_owned, 14);
    assert_record(m, FRAME(3, 4), HOLDER_HOST, 0);
    assert_record(m, FRAME(3, 9), HOLDER_HOST, 0);
    assert_record(m, FRAME(3, 5), B, 0);
    assert_unmapped(m, A, 1024);
    assert_unmapped(m, A, 1025);
    machine_free(m);
}

static void clear_vm_range_over_several_sections_regions_and_holes(void **state)
{
    const struct cordon_mem ram[] = { { RAM_BASE, 8 * MIB }, { RAM_BASE + 64 * MIB, 4 * MIB + 3 * PAGE } };
    struct sim_config config = machine_config();
    uint64_t high = ram[1].base / PAGE;
    uint64_t end = (ram[1].base + ram[1].size) / PAGE;
    struct machine *m;
    struct totals t;

    (void)state;
    config.ram = ram;
    config.rams = 2;
    m = machine_new(&config);
    machine_vm(m, A, 8);
    assert_ok(op_page(m, A, 0, FRAME(1, 511)));
    assert_ok(op_block(m, A, 512, FRAME(2, 0)));
    assert_ok(op_page(m, A, 1, high));
    assert_ok(op_page(m, A, 2, end - 1));
    t = run_clear(m, A, FRAME(1, 0), end - FRAME(1, 0));
    assert_int_equal(t.status, CORDON_OK);
    assert_int_equal(t.changed, 1 + 512 + 2);
    assert_int_equal(t.done, end - FRAME(1, 0));
    assert_int_equal(m->c->vm[0].frames, 0);
    machine_free(m);
}

static void S10_an_empty_clear_succeeds_and_changes_nothing(void **state)
{
    struct machine *m = mapped();

    (void)state;
    assert_no_change(m, op_clear(m, A, FRAME(2, 0), 0).status);
    assert_no_change(m, op_clear(m, A, 0, 0).status);
    machine_free(m);
}

static void S10_a_clear_beyond_all_frames_is_out_of_range(void **state)
{
    struct machine *m = mapped();
    uint64_t limit = UINT64_C(1) << 28;

    (void)state;
    m->c->pfn_limit = limit;
    assert_refused(m, CORDON_RANGE, op_clear(m, A, limit, 1).status);
    assert_refused(m, CORDON_RANGE, op_clear(m, A, limit - 1, 2).status);
    assert_refused(m, CORDON_RANGE, op_clear(m, A, FRAME(2, 0), UINT64_MAX).status);
    assert_refused(m, CORDON_RANGE, op_clear(m, A, UINT64_MAX, 1).status);
    assert_refused(m, CORDON_RANGE, op_clear(m, A, FRAME(2, 0), UINT64_MAX - FRAME(2, 0) + 1).status);
    assert_no_change(m, op_clear(m, A, limit - 1, 1).status);
    machine_free(m);
}

static void S8_a_clear_takes_the_frame_out_of_the_vms_own_table(void **state)
{
    struct machine *m = mapped();

    (void)state;
    warm(m, A, 1024 * PAGE);
    warm(m, A, 1025 * PAGE);
    assert_int_equal(run_clear(m, A, FRAME(3, 9), 1).changed, 1);
    assert_unmapped(m, A, 1024);
    assert_true(is_gone(m, A, 1024 * PAGE));
    assert_true(can_read(m, A, 1025 * PAGE));
    machine_free(m);
}

static void S8_a_clear_inside_a_block_lets_the_rest_go_on_as_pages(void **state)
{
    struct machine *m = mapped();

    (void)state;
    for (uint64_t i = 0; i < 512; i++)
        write_at(m, A, (512 + i) * PAGE, i + 1);
    warm(m, A, (512 + 100) * PAGE);
    assert_int_equal(run_clear(m, A, FRAME(2, 100), 3).changed, 3);
    for (uint64_t i = 0; i < 512; i++) {
        if (i >= 100 && i < 103) {
            assert_unmapped(m, A, 512 + i);
            assert_true(is_gone(m, A, (512 + i) * PAGE));
            assert_int_equal(sim_peek(m->sim, FRAME(2, i), 0), 0);
        } else {
            assert_maps(m, A, 512 + i, FRAME(2, i), 3);
            assert_int_equal(read_at(m, A, (512 + i) * PAGE), i + 1);
        }
    }
    machine_free(m);
}

static void S8_a_clear_of_a_whole_block_needs_no_table(void **state)
{
    struct machine *m = mapped();
    uint64_t free = cordon_vm_pool_free(m->c, vmid(A));

    (void)state;
    warm(m, A, 700 * PAGE);
    assert_int_equal(run_clear(m, A, FRAME(2, 0), 512).changed, 512);
    assert_int_equal(cordon_vm_pool_free(m->c, vmid(A)), free);
    assert_true(is_gone(m, A, 700 * PAGE));
    machine_free(m);
}

static void S8_a_clear_of_a_block_of_which_some_pages_are_granted(void **state)
{
    struct machine *m = mapped();

    (void)state;
    assert_int_equal(run_grant(m, A, (512 + 7) * PAGE, 2 * PAGE).changed, 2);
    warm(m, 0, FRAME(2, 7) * PAGE);
    warm(m, A, 700 * PAGE);
    assert_int_equal(run_clear(m, A, FRAME(2, 0), 512).changed, 512);
    for (uint64_t i = 0; i < 512; i++) {
        assert_unmapped(m, A, 512 + i);
        assert_record(m, FRAME(2, i), HOLDER_HOST, 0);
    }
    assert_true(is_gone(m, A, 700 * PAGE));
    machine_free(m);
}

static void S8_a_clear_of_frames_at_scattered_guest_addresses(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    for (uint64_t i = 0; i < 64; i++)      /* backwards, every second one granted, in three tables */
        assert_ok(op_page(m, A, 3 * 512 - 8 * i, FRAME(2, 200 + i)));
    for (uint64_t i = 0; i < 64; i += 2)
        assert_int_equal(run_grant(m, A, (3 * 512 - 8 * i) * PAGE, PAGE).changed, 1);
    for (uint64_t i = 0; i < 64; i++)
        warm(m, A, (3 * 512 - 8 * i) * PAGE);
    assert_int_equal(run_clear(m, A, FRAME(2, 190), 100).changed, 64);
    for (uint64_t i = 0; i < 64; i++)
        assert_true(is_gone(m, A, (3 * 512 - 8 * i) * PAGE));
    assert_int_equal(mappings_of(m, A), 0);
    machine_free(m);
}

static void S8_a_clear_of_a_run_that_two_last_level_tables_map(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    /* the upper part first, so that its table does not lie behind the other one in memory */
    assert_status(CORDON_OK, run_map_range(m, A, 512 * PAGE, FRAME(2, 112), 18).status);
    assert_status(CORDON_OK, run_map_range(m, A, 500 * PAGE, FRAME(2, 100), 12).status);
    assert_int_equal(run_grant(m, A, 500 * PAGE, 30 * PAGE).changed, 30);
    for (uint64_t i = 0; i < 30; i++) {
        warm(m, A, (500 + i) * PAGE);
        warm(m, 0, FRAME(2, 100 + i) * PAGE);
    }
    assert_int_equal(run_clear(m, A, FRAME(2, 0), 512).changed, 30);
    for (uint64_t i = 0; i < 30; i++)
        assert_true(is_gone(m, A, (500 + i) * PAGE));
    assert_int_equal(mappings_of(m, A), 0);
    machine_free(m);
}

static void S9_a_cleared_range_is_zero_for_caches_and_memory_alike(void **state)
{
    struct machine *m = mapped();

    (void)state;
    for (uint64_t i = 0; i < 512; i++)
        write_at(m, A, (512 + i) * PAGE + 4088, 1);
    assert_int_equal(run_clear(m, A, FRAME(2, 0), 512).changed, 512);
    for (uint64_t i = 0; i < 512; i++) {
        assert_int_equal(read_at(m, 0, FRAME(2, i) * PAGE + 4088), 0);
        assert_int_equal(read_uncached(m, 0, FRAME(2, i) * PAGE + 4088), 0);
    }
    machine_free(m);
}

/* ---- prot_and_map_vm_s2pt ---- */

static void prot_and_map_rounds_the_address_of_a_block_down(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    assert_ok(op_map(m, A, 777 * PAGE + 5, FRAME(2, 0) * PAGE, 2, CORDON_KEEP));
    assert_maps(m, A, 512, FRAME(2, 0), 2);
    assert_maps(m, A, 1023, FRAME(2, 511), 2);
    for (uint64_t i = 0; i < 512; i++) {
        assert_record(m, FRAME(2, i), A, 0);
        assert_int_equal(frame_gfn(record_of(m, FRAME(2, i))), 512 + i);
    }
    assert_int_equal(m->c->vm[0].frames, 512);
    machine_free(m);
}

static void S1_a_block_takes_all_512_frames_or_none(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    assert_ok(op_page(m, B, 0, FRAME(3, 511)));
    assert_refused(m, CORDON_OWNED, op_block(m, A, 0, FRAME(3, 0)));
    machine_pin(m, FRAME(4, 511), true);
    assert_refused(m, CORDON_SHARED, op_block(m, A, 0, FRAME(4, 0)));
    machine_pin(m, FRAME(4, 511), false);
    assert_refused(m, CORDON_OWNED, op_block(m, A, 0, FRAME(0, 0)));
    assert_refused(m, CORDON_OWNED, op_block(m, A, 0, 0));
    assert_ok(op_page(m, A, 5 * 512 + 3, FRAME(5, 3)));
    assert_refused(m, CORDON_GFN, op_block(m, A, 0, FRAME(5, 0)));
    machine_free(m);
}

static void S2_only_a_vm_that_exists_is_taken(void **state)
{
    static const uint32_t none[] = { 0, 3, VMS, VMS + 1, 16, 0x4001, 0xfffe, 0xffff, 0x10001, UINT32_MAX };
    struct machine *m = mapped();

    (void)state;
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_refused(m, CORDON_NO_VM, op_page(m, none[i], 0, FRAME(5, 0)));
        assert_refused(m, CORDON_NO_VM, op_block(m, none[i], 0, FRAME(5, 0)));
        assert_refused(m, CORDON_NO_VM, op_map_range(m, none[i], 0, FRAME(5, 0), 2).status);
        assert_refused(m, CORDON_NO_VM, op_clear(m, none[i], FRAME(2, 0), 1).status);
        assert_refused(m, CORDON_NO_VM, op_grant(m, none[i], 512 * PAGE, PAGE).status);
        assert_refused(m, CORDON_NO_VM, op_revoke(m, none[i], 512 * PAGE, PAGE).status);
        assert_refused(m, CORDON_NO_VM, op_io(m, none[i], 0, DEVICE_PA));
    }
    machine_free(m);
}

static void S2_a_vm_that_is_taken_down_takes_only_clear(void **state)
{
    struct machine *m = mapped();

    (void)state;
    machine_assign(m, A, 0, FRAME(5, 0), false);
    assert_status(CORDON_BUSY, run_destroy(m, A, NULL));
    assert_refused(m, CORDON_STATE, op_page(m, A, 0, FRAME(5, 0)));
    assert_refused(m, CORDON_STATE, op_block(m, A, 0, FRAME(4, 0)));
    assert_refused(m, CORDON_STATE, op_map_range(m, A, 0, FRAME(5, 0), 2).status);
    assert_refused(m, CORDON_STATE, op_grant(m, A, 0, PAGE).status);
    assert_refused(m, CORDON_STATE, op_revoke(m, A, 0, PAGE).status);
    assert_refused(m, CORDON_STATE, op_io(m, A, 0, DEVICE_PA));
    assert_refused(m, CORDON_STATE, op_donate(m, A, FRAME(5, 1), 1));
    assert_int_equal(run_clear(m, A, FRAME(5, 0), 1).changed, 1);
    assert_ok(run_destroy(m, A, NULL));
    machine_free(m);
}

static void S3_a_block_needs_an_aligned_frame(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    for (uint64_t i = 1; i < 512; i *= 2)
        assert_refused(m, CORDON_UNALIGNED, op_block(m, A, 0, FRAME(2, i)));
    assert_refused(m, CORDON_UNALIGNED, op_block(m, A, 0, FRAME(2, 511)));
    machine_free(m);
}

static void S4_the_same_page_again_changes_nothing(void **state)
{
    struct machine *m = mapped();

    (void)state;
    write_at(m, A, 1024 * PAGE, 3);
    assert_no_change(m, op_page(m, A, 1024, FRAME(3, 9)));
    assert_no_change(m, op_map(m, A, 1024 * PAGE, FRAME(3, 9) * PAGE, 3, CORDON_ZERO));
    assert_int_equal(read_at(m, A, 1024 * PAGE), 3);
    machine_free(m);
}

static void S4_a_page_that_a_block_gives_already_changes_nothing(void **state)
{
    struct machine *m = mapped();

    (void)state;
    assert_no_change(m, op_page(m, A, 512 + 77, FRAME(2, 77)));
    assert_no_change(m, op_map_range(m, A, 512 * PAGE, FRAME(2, 0), 512).status);
    assert_int_equal(op_map_range(m, A, 512 * PAGE, FRAME(2, 0), 512).changed, 0);
    machine_free(m);
}

static void S4_the_same_block_again_changes_nothing(void **state)
{
    struct machine *m = mapped();

    (void)state;
    assert_no_change(m, op_block(m, A, 512, FRAME(2, 0)));
    assert_no_change(m, op_block(m, A, 1000, FRAME(2, 0)));
    machine_free(m);
}

static void S4_a_mapped_address_keeps_its_frame(void **state)
{
    struct machine *m = mapped();

    (void)state;
    assert_refused(m, CORDON_MAPPED, op_page(m, A, 1024, FRAME(5, 0)));         /* page over page */
    assert_refused(m, CORDON_MAPPED, op_page(m, A, 512 + 77, FRAME(5, 77)));    /* page over block */
    assert_refused(m, CORDON_MAPPED, op_page(m, A, 512 + 77, FRAME(2, 78)));
    assert_refused(m, CORDON_MAPPED, op_block(m, A, 512, FRAME(5, 0)));         /* block over block */
    assert_ok(op_io(m, A, 0, DEVICE_PA));
    assert_refused(m, CORDON_MAPPED, op_page(m, A, 0, FRAME(5, 0)));            /* page over device */
    assert_refused(m, CORDON_MAPPED, op_block(m, A, 0, FRAME(5, 0)));           /* block over device */
    machine_free(m);
}

static void map_512_pages(struct machine *m)
{
    struct totals t = run_map_range(m, A, 0, FRAME(5, 0), 512);

    assert_int_equal(t.status, CORDON_OK);
    assert_int_equal(t.done, 512);
    assert_maps(m, A, 511, FRAME(5, 511), 3);
}

static void S4_a_block_over_all_of_its_pages_joins_them(void **state)
{
    struct machine *m = two_vms();
    uint64_t free;

    (void)state;
    map_512_pages(m);
    free = cordon_vm_pool_free(m->c, vmid(A));
    for (uint64_t i = 0; i < 512; i++)
        write_at(m, A, i * PAGE, i + 1);
    for (uint64_t i = 0; i < 512; i += 37)
        warm(m, A, i * PAGE);
    assert_ok(op_map(m, A, 0, FRAME(5, 0) * PAGE, 2, CORDON_ZERO));
    assert_maps(m, A, 0, FRAME(5, 0), 2);
    assert_int_equal(cordon_vm_pool_free(m->c, vmid(A)), free + 1);
    for (uint64_t i = 0; i < 512; i++)
        assert_int_equal(read_at(m, A, i * PAGE), i + 1);
    machine_free(m);
}

static void S4_a_join_keeps_the_grants(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    map_512_pages(m);
    assert_int_equal(run_grant(m, A, 9 * PAGE, PAGE).changed, 1);
    warm(m, 0, FRAME(5, 9) * PAGE);
    assert_ok(op_block(m, A, 0, FRAME(5, 0)));
    assert_record(m, FRAME(5, 9), A, 1);
    assert_true(can_read(m, 0, FRAME(5, 9) * PAGE));
    machine_free(m);
}

static void S4_a_block_over_some_of_its_pages_is_refused(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    map_512_pages(m);
    assert_int_equal(run_clear(m, A, FRAME(5, 511), 1).changed, 1);
    assert_refused(m, CORDON_MAPPED, op_block(m, A, 0, FRAME(5, 0)));
    assert_int_equal(run_clear(m, A, FRAME(5, 1), 510).changed, 510);
    assert_refused(m, CORDON_MAPPED, op_block(m, A, 0, FRAME(5, 0)));
    machine_free(m);
}

static void S4_a_block_over_pages_of_which_one_differs_is_refused(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    map_512_pages(m);
    assert_int_equal(run_clear(m, A, FRAME(5, 200), 1).changed, 1);
    assert_ok(op_page(m, A, 200, FRAME(4, 200)));
    assert_refused(m, CORDON_MAPPED, op_block(m, A, 0, FRAME(5, 0)));
    assert_refused(m, CORDON_MAPPED, op_block(m, A, 0, FRAME(4, 0)));
    assert_int_equal(run_clear(m, A, FRAME(4, 200), 1).changed, 1);
    assert_ok(op_io(m, A, 200 * PAGE, DEVICE_PA));
    assert_refused(m, CORDON_MAPPED, op_block(m, A, 0, FRAME(5, 0)));
    machine_free(m);
}

static void S4_a_block_over_the_pages_of_another_section_is_refused(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    map_512_pages(m);
    assert_refused(m, CORDON_MAPPED, op_block(m, A, 0, FRAME(4, 0)));
    machine_free(m);
}

static void S4_a_block_takes_the_place_of_an_empty_table(void **state)
{
    struct machine *m = two_vms();
    uint64_t free = cordon_vm_pool_free(m->c, vmid(A));

    (void)state;
    map_512_pages(m);
    assert_int_equal(run_clear(m, A, FRAME(5, 0), 512).changed, 512);
    assert_ok(op_block(m, A, 0, FRAME(4, 0)));
    assert_maps(m, A, 0, FRAME(4, 0), 2);
    assert_int_equal(cordon_vm_pool_free(m->c, vmid(A)), free - 2);
    machine_free(m);
}

static void S10_prot_and_map_beyond_all_addresses_is_out_of_range(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    m->c->pfn_limit = UINT64_C(1) << 28;
    assert_refused(m, CORDON_RANGE, op_page(m, A, UINT64_C(1) << 36, FRAME(2, 0)));
    assert_refused(m, CORDON_RANGE, op_map(m, A, UINT64_MAX, FRAME(2, 0) * PAGE, 3, CORDON_KEEP));
    assert_refused(m, CORDON_RANGE, op_map(m, A, UINT64_MAX, FRAME(2, 0) * PAGE, 2, CORDON_KEEP));
    assert_refused(m, CORDON_RANGE, op_page(m, A, 0, UINT64_C(1) << 28));
    assert_refused(m, CORDON_RANGE, op_map(m, A, 0, UINT64_MAX, 3, CORDON_KEEP));
    assert_refused(m, CORDON_OWNED, op_page(m, A, 0, (UINT64_C(1) << 28) - 1));
    machine_free(m);
}

static void refusals_come_in_the_order_of_the_contract(void **state)
{
    struct machine *m = mapped();
    uint64_t far = UINT64_C(1) << 36;

    (void)state;
    assert_status(CORDON_RANGE, op_block(m, 99, far, FRAME(2, 1)));
    assert_status(CORDON_UNALIGNED, op_block(m, 99, 0, FRAME(2, 1)));
    assert_status(CORDON_NO_VM, op_page(m, 99, 1024, CORE_FRAME));
    assert_status(CORDON_MAPPED, op_page(m, A, 1024, CORE_FRAME));
    assert_status(CORDON_RANGE, op_grant(m, 99, UINT64_MAX, PAGE).status);
    assert_status(CORDON_EMPTY, op_grant(m, 99, 1, 0).status);
    assert_status(CORDON_UNALIGNED, op_grant(m, 99, 1, PAGE).status);
    assert_status(CORDON_NO_VM, op_grant(m, 99, 0, PAGE).status);
    machine_free(m);
}

/* ---- the same over a range of pages ---- */

static void a_range_of_pages_stops_at_section_boundaries_of_either_side(void **state)
{
    struct machine *m = two_vms();
    struct totals t = run_map_range(m, A, 1000 * PAGE, FRAME(2, 300), 1000);

    (void)state;
    assert_int_equal(t.status, CORDON_OK);
    assert_int_equal(t.done, 1000);
    assert_int_equal(t.changed, 1000);
    assert_true(t.calls >= 4);
    for (uint64_t i = 0; i < 1000; i++)
        assert_maps(m, A, 1000 + i, FRAME(2, 300 + i), 3);
    assert_unmapped(m, A, 2000);
    assert_unmapped(m, A, 999);
    assert_int_equal(m->c->vm[0].frames, 1000);
    machine_free(m);
}

static void a_call_over_a_range_does_all_of_its_part_or_refuses_it(void **state)
{
    struct machine *m = two_vms();

    (void)state;
    assert_ok(op_page(m, B, 0, FRAME(2, 20)));
    assert_refused(m, CORDON_OWNED, op_map_range(m, A, 0, FRAME(2, 0), 30).status);
    assert_ok(op_page(m, A, 40, FRAME(3, 0)));
    assert_refused(m, CORDON_MAPPED, op_map_range(m, A, 30 * PAGE, FRAME(2, 30), 30).status);
    assert_refused(m, CORDON_GFN, op_map_range(m, A, 100 * PAGE, FRAME(3, 0), 3).status);
    machine_free(m);
}

static void what_earlier_calls_of_a_range_did_stands_when_a_later_one_is_refused(void **state)
{
    struct machine *m = two_vms();
    struct totals t;

    (void)state;
    assert_ok(op_page(m, B, 0, FRAME(3, 20)));
    t = run_map_range(m, A, 0, FRAME(2, 0), 1024);
    assert_status(CORDON_OWNED, t.status);
    assert_int_equal(t.done, 512);
    assert_int_equal(m->c->vm[0].frames, 512);
    assert_maps(m, A, 511, FRAME(2, 511), 3);
    assert_unmapped(m, A, 512);
    assert_record(m, FRAME(3, 0), HOLDER_HOST, 0);
    machine_free(m);
}

static void what_earlier_calls_of_a_clear_did_stands_when_a_later_one_is_refused(void **state)
{
    struct machine *m = machine_small();
    struct totals t;

    (void)state;
    machine_vm(m, A, 2);
    assert_ok(op_block(m, A, 0, FRAME(2, 0)));
    assert_ok(op_block(m, A, 512, FRAME(3, 0)));
    t = run_clear(m, A, FRAME(2, 0), 512 + 9);
    assert_status(CORDON_NO_MEMORY, t.status);
    assert_int_equal(t.done, 512);
    assert_int_equal(t.changed, 512);
    assert_maps(m, A, 512, FRAME(3, 0), 2);
    machine_feed(m, A, 1);
    assert_int_equal(run_clear(m, A, FRAME(3, 0), 9).changed, 9);
    assert_maps(m, A, 512 + 9, FRAME(3, 9), 3);
    machine_free(m);
}

static void a_range_fills_in_what_is_missing_and_keeps_what_is_there(void **state)
{
    struct machine *m = two_vms();
    struct totals t;

    (void)state;
    assert_ok(op_page(m, A, 7, FRAME(2, 7)));
    write_at(m, A, 7 * PAGE, 70);
    t = run_map_range(m, A, 0, FRAME(2, 0), 20);
    assert_int_equal(t.status, CORDON_OK);
    assert_int_equal(t.done, 20);
    assert_int_equal(t.changed, 19);    /* one was there already */
    for (uint64_t i = 0; i < 20; i++)
        assert_maps(m, A, i, FRAME(2, i), 3);
    assert_int_equal(read_at(m, A, 7 * PAGE), 70);
    assert_int_equal(m->c->vm[0].frames, 20);
    machine_free(m);
}

static void S10_arguments_of_a_range_of_pages(void **state)
{
    struct machine *m = two_vms();
    uint64_t far = UINT64_C(1) << 36;

    (void)state;
    assert_refused(m, CORDON_EMPTY, op_map_range(m, A, 0, FRAME(2, 0), 0).status);
    assert_refused(m, CORDON_UNALIGNED, op_map_range(m, A, 8, FRAME(2, 0), 1).status);
    assert_refused(m, CORDON_RANGE, op_map_range(m, A, (far - 1) * PAGE, FRAME(2, 0), 2).status);
    assert_refused(m, CORDON_RANGE, op_map_range(m, A, 0, FRAME(2, 0), UINT64_MAX).status);
    assert_refused(m, CORDON_RANGE, op_map_range(m, A, 0, UINT64_MAX, 1).status);
    assert_refused(m, CORDON_RANGE, op_map_range(m, A, UINT64_MAX, FRAME(2, 0), 1).status);
    machine_free(m);
}

/* ---- grant_stage2_sg_gpa, revoke_stage2_sg_gpa ---- */

static void grant_goes_by_guest_addresses_through_pages_and_blocks(void **state)
{
    struct machine *m = mapped();
    struct totals t = run_grant(m, A, 1000 * PAGE, 29 * PAGE);

    (void)state;
    assert_int_equal(t.status, CORDON_OK);
    assert_int_equal(t.done, 29);
    assert_int_equal(t.changed, 24 + 4);
    assert_int_equal(t.unmapped, 1);
    assert_record(m, FRAME(2, 487), A, 0);
    for (uint64_t i = 488; i < 512; i++)
        assert_record(m, FRAME(2, i), A, 1);
    assert_record(m, FRAME(3, 9), A, 1);
    assert_record(m, FRAME(3, 4), A, 1);
    assert_record(m, FRAME(4, 100), A, 1);
    assert_record(m, FRAME(4, 101), A, 1);
    machine_free(m);
}

static void revoke_undoes_what_grant_did(void **state)
{
    struct machine *m = mapped();
    struct snapshot *before = snapshot_take(m);
    struct totals t;

    (void)state;
    assert_int_equal(run_grant(m, A, 1000 * PAGE, 29 * PAGE).changed, 28);
    t = run_revoke(m, A, 1000 * PAGE, 29 * PAGE);
    assert_int_equal(t.changed, 28);
    assert_int_equal(t.unmapped, 1);
    unchanged_since(m, before, "grant and revoke", __FILE__, __LINE__);
    machine_free(m);
}

static void a_block_is_granted_page_by_page_at_the_right_index(void **state)
{
    struct machine *m = mapped();

    (void)state;
    assert_int_equal(run_grant(m, A, (512 + 300) * PAGE, PAGE).changed, 1);
    for (uint64_t i = 0; i < 512; i++)
        assert_record(m, FRAME(2, i), A, i == 300 ? 1 : 0);
    machine_free(m);
}

static void the_last_page_of_an_odd_size_counts_whole(void **state)
{
    struct machine *m = mapped();

    (void)state;
    assert_int_equal(run_grant(m, A, 512 * PAGE, 1).changed, 1);
    assert_int_equal(run_grant(m, A, 512 * PAGE, PAGE + 1).changed, 2);
    assert_int_equal(run_grant(m, A, 512 * PAGE, 2 * PAGE - 1).changed, 2);
    assert_record(m, FRAME(2, 0), A, 3);
    assert_record(m, FRAME(2, 1), A, 2);
    assert_record(m, FRAME(2, 2), A, 0);
    machine_free(m);
}

static void S5_grant_and_revoke_say_how_many_and_why_not(void **state)
{
    struct machine *m = mapped();
    struct totals t;

    (void)state;
    assert_ok(op_io(m, A, 1026 * PAGE, DEVICE_PA));
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(run_grant(m, A, 1024 * PAGE, PAGE).changed, 1);
    t = run_grant(m, A, 1024 * PAGE, 6 * PAGE);
    assert_int_equal(t.done, 6);
    assert_int_equal(t.changed, 3);         /* 1025, 1027, 1028 */
    assert_int_equal(t.saturated, 1);       /* 1024 */
    assert_int_equal(t.not_owned, 1);       /* 1026: a device */
    assert_int_equal(t.unmapped, 1);        /* 1029 */
    t = run_revoke(m, A, 1023 * PAGE, 7 * PAGE);
    assert_int_equal(t.changed, 4);
    assert_int_equal(t.saturated, 1);       /* 1023: never granted */
    assert_int_equal(t.not_owned, 1);
    assert_int_equal(t.unmapped, 1);
    machine_free(m);
}

static void revoke_of_a_range_takes_it_from_the_host_at_once(void **state)
{
    struct machine *m = mapped();

    (void)state;
    assert_int_equal(run_grant(m, A, 512 * PAGE, 517 * PAGE).changed, 516);
    for (uint64_t i = 0; i < 512; i += 5)
        warm(m, 0, FRAME(2, i) * PAGE);
    warm(m, 0, FRAME(3, 9) * PAGE);
    warm(m, 0, FRAME(4, 101) * PAGE);
    assert_int_equal(run_revoke(m, A, 512 * PAGE, 517 * PAGE).changed, 516);
    for (uint64_t i = 0; i < 512; i += 5)
        assert_true(is_gone(m, 0, FRAME(2, i) * PAGE));
    assert_true(is_gone(m, 0, FRAME(3, 9) * PAGE));
    assert_true(is_gone(m, 0, FRAME(4, 101) * PAGE));
    machine_free(m);
}

static void a_revoke_takes_only_the_frames_whose_last_grant_it_was(void **state)
{
    struct machine *m = mapped();

    (void)state;
    assert_int_equal(run_grant(m, A, 512 * PAGE, 10 * PAGE).changed, 10);
    assert_int_equal(run_grant(m, A, 515 * PAGE, PAGE).changed, 1);
    for (uint64_t i = 0; i < 10; i++)
        warm(m, 0, FRAME(2, i) * PAGE);
    assert_int_equal(run_revoke(m, A, 512 * PAGE, 10 * PAGE).changed, 10);
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(is_gone(m, 0, FRAME(2, i) * PAGE), i != 3);
    machine_free(m);
}

static void S10_arguments_of_grant_and_revoke(void **state)
{
    struct machine *m = mapped();
    uint64_t limit = UINT64_C(1) << 48;
    static struct cordon_progress (*const op[])(struct machine *, uint32_t, uint64_t, uint64_t) = { op_grant, op_revoke };

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_refused(m, CORDON_EMPTY, op[i](m, A, 512 * PAGE, 0).status);
        assert_refused(m, CORDON_UNALIGNED, op[i](m, A, 512 * PAGE + 1, PAGE).status);
        assert_refused(m, CORDON_UNALIGNED, op[i](m, A, 512 * PAGE + 2048, PAGE).status);
        assert_refused(m, CORDON_RANGE, op[i](m, A, limit, PAGE).status);
        assert_refused(m, CORDON_RANGE, op[i](m, A, limit - PAGE, PAGE + 1).status);
        assert_refused(m, CORDON_RANGE, op[i](m, A, PAGE, UINT64_MAX).status);
        assert_refused(m, CORDON_RANGE, op[i](m, A, 512 * PAGE, UINT64_MAX - 512 * PAGE + 1).status);
        assert_refused(m, CORDON_RANGE, op[i](m, A, UINT64_MAX - PAGE + 1, PAGE).status);
        assert_no_change(m, op[i](m, A, limit - PAGE, PAGE).status);
    }
    machine_free(m);
}

/* ---- bounded work ---- */

static void a_grant_of_all_addresses_over_an_empty_table_returns_at_once(void **state)
{
    struct machine *m = two_vms();
    struct totals t = run_grant(m, A, 0, UINT64_C(1) << 47);

    (void)state;
    assert_int_equal(t.calls, 1);
    assert_int_equal(t.unmapped, UINT64_C(1) << 35);
    t = run_revoke(m, A, 0, UINT64_C(1) << 48);
    assert_true(t.calls <= 2);
    assert_int_equal(t.unmapped, UINT64_C(1) << 36);
    machine_free(m);
}

static void an_unmapped_stretch_costs_by_tables(void **state)
{
    struct machine *m = mapped();
    struct totals t = run_grant(m, A, 0, UINT64_C(1) << 47);

    (void)state;
    assert_int_equal(t.changed, 516);
    assert_int_equal(t.unmapped, (UINT64_C(1) << 35) - 516);
    assert_true(t.calls <= 8);
    machine_free(m);
}

static void no_call_handles_more_pages_than_its_bound(void **state)
{
    struct machine *m = machine_small();
    struct cordon_progress p;

    (void)state;
    machine_vm(m, A, 12);
    for (uint64_t i = 0; i < 5; i++)
        assert_ok(op_block(m, A, i * 512, FRAME(1 + i, 0)));
    p = op_grant(m, A, 100 * PAGE, 2000 * PAGE);
    assert_status(CORDON_AGAIN, p.status);
    assert_in_range(p.changed, 1, CORDON_RANGE_PAGES);
    assert_int_equal(p.changed, p.done);
    assert_record(m, FRAME(1, 100 + p.done - 1), A, 1);
    assert_record(m, FRAME(1, 100 + p.done), A, 0);
    p = op_revoke(m, A, 100 * PAGE, 2000 * PAGE);
    assert_status(CORDON_AGAIN, p.status);
    assert_in_range(p.done, 1, CORDON_RANGE_PAGES);
    p = op_clear(m, A, FRAME(1, 100), 2000);
    assert_status(CORDON_AGAIN, p.status);
    assert_in_range(p.done, 1, CORDON_RANGE_PAGES);
    machine_free(m);
}

static void continued_calls_add_up_to_the_whole(void **state)
{
    struct machine *m = machine_small();
    struct totals t;

    (void)state;
    machine_vm(m, A, 12);
    for (uint64_t i = 0; i < 5; i++)
        assert_ok(op_block(m, A, i * 512, FRAME(1 + i, 0)));
    t = run_grant(m, A, 100 * PAGE, 2000 * PAGE);
    assert_int_equal(t.changed, 2000);
    for (uint64_t i = 0; i < 5 * 512; i++)
        assert_record(m, FRAME(1, i), A, i >= 100 && i < 2100 ? 1 : 0);
    t = run_revoke(m, A, 0, 5 * 512 * PAGE);
    assert_int_equal(t.changed, 2000);
    assert_int_equal(t.saturated, 560);
    t = run_clear(m, A, FRAME(0, 0), SMALL_SECTIONS * 512);
    assert_int_equal(t.changed, 5 * 512);
    assert_int_equal(t.not_owned, 3 * 512);
    machine_free(m);
}

static void a_clear_over_addresses_without_ram_goes_by_gaps(void **state)
{
    struct machine *m = mapped();
    struct totals t;

    (void)state;
    m->c->pfn_limit = UINT64_C(1) << 28;
    t = run_clear(m, A, 0, UINT64_C(1) << 28);
    assert_int_equal(t.status, CORDON_OK);
    assert_int_equal(t.changed, 516);
    assert_true(t.calls < 40);
    machine_free(m);
}

/* ---- S11 ---- */

static void S11_old_translations_are_gone_when_the_call_returns(void **state)
{
    struct machine *m = mapped();

    (void)state;
    for (uint64_t i = 0; i < 512; i += 31)
        warm(m, A, (512 + i) * PAGE);
    assert_int_equal(run_clear(m, A, FRAME(2, 0), 256).changed, 256);
    for (uint64_t i = 0; i < 512; i += 31)
        assert_int_equal(is_gone(m, A, (512 + i) * PAGE), i < 256);
    assert_ok(op_page(m, B, 0, FRAME(2, 31)));
    write_at(m, B, 0, 5);
    assert_true(is_gone(m, A, (512 + 31) * PAGE));
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clear_vm_range_clears_what_the_vm_owns_and_skips_the_rest),
        cmocka_unit_test(clear_vm_range_over_several_sections_regions_and_holes),
        cmocka_unit_test(S10_an_empty_clear_succeeds_and_changes_nothing),
        cmocka_unit_test(S10_a_clear_beyond_all_frames_is_out_of_range),
        cmocka_unit_test(S8_a_clear_takes_the_frame_out_of_the_vms_own_table),
        cmocka_unit_test(S8_a_clear_inside_a_block_lets_the_rest_go_on_as_pages),
        cmocka_unit_test(S8_a_clear_of_a_whole_block_needs_no_table),
        cmocka_unit_test(S8_a_clear_of_a_block_of_which_some_pages_are_granted),
        cmocka_unit_test(S8_a_clear_of_frames_at_scattered_guest_addresses),
        cmocka_unit_test(S8_a_clear_of_a_run_that_two_last_level_tables_map),
        cmocka_unit_test(S9_a_cleared_range_is_zero_for_caches_and_memory_alike),
        cmocka_unit_test(prot_and_map_rounds_the_address_of_a_block_down),
        cmocka_unit_test(S1_a_block_takes_all_512_frames_or_none),
        cmocka_unit_test(S2_only_a_vm_that_exists_is_taken),
        cmocka_unit_test(S2_a_vm_that_is_taken_down_takes_only_clear),
        cmocka_unit_test(S3_a_block_needs_an_aligned_frame),
        cmocka_unit_test(S4_the_same_page_again_changes_nothing),
        cmocka_unit_test(S4_a_page_that_a_block_gives_already_changes_nothing),
        cmocka_unit_test(S4_the_same_block_again_changes_nothing),
        cmocka_unit_test(S4_a_mapped_address_keeps_its_frame),
        cmocka_unit_test(S4_a_block_over_all_of_its_pages_joins_them),
        cmocka_unit_test(S4_a_join_keeps_the_grants),
        cmocka_unit_test(S4_a_block_over_some_of_its_pages_is_refused),
        cmocka_unit_test(S4_a_block_over_pages_of_which_one_differs_is_refused),
        cmocka_unit_test(S4_a_block_over_the_pages_of_another_section_is_refused),
        cmocka_unit_test(S4_a_block_takes_the_place_of_an_empty_table),
        cmocka_unit_test(S10_prot_and_map_beyond_all_addresses_is_out_of_range),
        cmocka_unit_test(refusals_come_in_the_order_of_the_contract),
        cmocka_unit_test(a_range_of_pages_stops_at_section_boundaries_of_either_side),
        cmocka_unit_test(a_call_over_a_range_does_all_of_its_part_or_refuses_it),
        cmocka_unit_test(what_earlier_calls_of_a_range_did_stands_when_a_later_one_is_refused),
        cmocka_unit_test(what_earlier_calls_of_a_clear_did_stands_when_a_later_one_is_refused),
        cmocka_unit_test(a_range_fills_in_what_is_missing_and_keeps_what_is_there),
        cmocka_unit_test(S10_arguments_of_a_range_of_pages),
        cmocka_unit_test(grant_goes_by_guest_addresses_through_pages_and_blocks),
        cmocka_unit_test(revoke_undoes_what_grant_did),
        cmocka_unit_test(a_block_is_granted_page_by_page_at_the_right_index),
        cmocka_unit_test(the_last_page_of_an_odd_size_counts_whole),
        cmocka_unit_test(S5_grant_and_revoke_say_how_many_and_why_not),
        cmocka_unit_test(revoke_of_a_range_takes_it_from_the_host_at_once),
        cmocka_unit_test(a_revoke_takes_only_the_frames_whose_last_grant_it_was),
        cmocka_unit_test(S10_arguments_of_grant_and_revoke),
        cmocka_unit_test(a_grant_of_all_addresses_over_an_empty_table_returns_at_once),
        cmocka_unit_test(an_unmapped_stretch_costs_by_tables),
        cmocka_unit_test(no_call_handles_more_pages_than_its_bound),
        cmocka_unit_test(continued_calls_add_up_to_the_whole),
        cmocka_unit_test(a_clear_over_addresses_without_ram_goes_by_gaps),
        cmocka_unit_test(S11_old_translations_are_gone_when_the_call_returns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
