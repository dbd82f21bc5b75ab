/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a VM: creation, donated frames, teardown, the next VM of the same id. */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A 1
#define B 2

/* ---- creation ---- */

static void a_new_vm_maps_nothing_and_its_roots_are_the_cores(void **state)
{
    struct machine *m = machine_small();

    (void)state;
    warm(m, 0, FRAME(3, 8) * PAGE);
    sim_poke(m->sim, FRAME(3, 8), 0, 3);        /* what the host left there is no table entry */
    assert_ok(op_create(m, A, FRAME(3, 8)));
    assert_record(m, FRAME(3, 8), HOLDER_CORE, 0);
    assert_true(is_gone(m, 0, FRAME(3, 8) * PAGE));
    assert_int_equal(mappings_of(m, A), 0);
    assert_int_equal(cordon_vm_pool_free(m->c, vmid(A)), 0);
    assert_false(can_read(m, A, 0));
    machine_free(m);
}

static void create_refuses_an_id_that_is_none_or_in_use(void **state)
{
    struct machine *m = machine_with_vm();

    (void)state;
    assert_refused(m, CORDON_NO_VM, op_create(m, 0, FRAME(3, 0)));
    assert_refused(m, CORDON_NO_VM, op_create(m, VMS + 1, FRAME(3, 0)));
    assert_refused(m, CORDON_NO_VM, op_create(m, UINT32_MAX, FRAME(3, 0)));
    assert_refused(m, CORDON_EXISTS, op_create(m, A, FRAME(3, 0)));
    assert_ok(op_create(m, VMS, FRAME(3, 0)));
    machine_free(m);
}

static void create_refuses_roots_that_are_not_the_hosts_to_give(void **state)
{
    struct machine *m = machine_with_vm();

    (void)state;
    assert_ok(op_page(m, A, 0, FRAME(3, 0)));
    machine_assign(m, A, 1, FRAME(3, 1), true);
    machine_pin(m, FRAME(3, 2), true);
    assert_refused(m, CORDON_OWNED, op_create(m, B, FRAME(3, 0)));
    assert_refused(m, CORDON_OWNED, op_create(m, B, FRAME(3, 1)));
    assert_refused(m, CORDON_SHARED, op_create(m, B, FRAME(3, 2)));
    assert_refused(m, CORDON_OWNED, op_create(m, B, CORE_FRAME));
    assert_refused(m, CORDON_OWNED, op_create(m, B, m->c->vm[0].s2.root));
    assert_refused(m, CORDON_OWNED, op_create(m, B, m->donor));
    assert_refused(m, CORDON_OWNED, op_create(m, B, DEVICE_PA / PAGE));
    assert_refused(m, CORDON_RANGE, op_create(m, B, UINT64_C(1) << 36));
    assert_refused(m, CORDON_RANGE, op_create(m, B, UINT64_MAX));
    machine_pin(m, FRAME(3, 2), false);
    machine_free(m);
}

static void create_takes_all_concatenated_roots_aligned_or_none(void **state)
{
    struct sim_config config = machine_config();
    struct machine *m;

    (void)state;
    config.vm = (struct cordon_geometry){ 42, 1 };      /* 8 roots */
    m = machine_new(&config);
    for (uint64_t i = 1; i < 8; i++)
        assert_refused(m, CORDON_UNALIGNED, op_create(m, A, FRAME(3, i)));
    machine_pin(m, FRAME(3, 15), true);
    assert_refused(m, CORDON_SHARED, op_create(m, A, FRAME(3, 8)));
    machine_pin(m, FRAME(3, 15), false);
    assert_ok(op_create(m, A, FRAME(3, 8)));
    for (uint64_t i = 0; i < 24; i++)
        assert_record(m, FRAME(3, i), i >= 8 && i < 16 ? HOLDER_CORE : HOLDER_HOST, 0);
    assert_ok(run_destroy(m, A, NULL));
    for (uint64_t i = 0; i < 24; i++)
        assert_record(m, FRAME(3, i), HOLDER_HOST, 0);
    machine_free(m);
}

/* ---- donation ---- */

static void a_donated_frame_is_the_cores_and_counted(void **state)
{
    struct machine *m = machine_with_vm();
    uint64_t free = cordon_vm_pool_free(m->c, vmid(A));

    (void)state;
    assert_ok(op_donate(m, A, FRAME(3, 4), 5));
    assert_int_equal(cordon_vm_pool_free(m->c, vmid(A)), free + 5);
    for (uint64_t i = 0; i < 12; i++)
        assert_record(m, FRAME(3, i), i >= 4 && i < 9 ? HOLDER_CORE : HOLDER_HOST, 0);
    assert_false(can_read(m, 0, FRAME(3, 4) * PAGE));
    assert_refused(m, CORDON_OWNED, op_donate(m, A, FRAME(3, 4), 1));
    assert_int_equal(cordon_vm_pool_free(m->c, vmid(B)), 0);
    machine_free(m);
}

static void a_whole_section_can_be_donated(void **state)
{
    struct machine *m = machine_with_vm();

    (void)state;
    warm(m, 0, FRAME(3, 77) * PAGE);
    assert_ok(op_donate(m, A, FRAME(3, 0), 512));
    assert_true(is_gone(m, 0, FRAME(3, 77) * PAGE));
    assert_ok(run_destroy(m, A, NULL));
    assert_int_equal(read_at(m, 0, FRAME(3, 77) * PAGE), 0);
    machine_free(m);
}

static void donate_refuses_what_is_no_run_in_one_section(void **state)
{
    struct machine *m = machine_with_vm();

    (void)state;
    assert_refused(m, CORDON_RANGE, op_donate(m, A, FRAME(3, 0), 0));
    assert_refused(m, CORDON_RANGE, op_donate(m, A, FRAME(3, 0), 513));
    assert_refused(m, CORDON_RANGE, op_donate(m, A, FRAME(3, 1), 512));
    assert_refused(m, CORDON_RANGE, op_donate(m, A, FRAME(3, 511), 2));
    assert_refused(m, CORDON_RANGE, op_donate(m, A, FRAME(3, 0), UINT64_MAX));
    assert_refused(m, CORDON_RANGE, op_donate(m, A, UINT64_MAX, 1));
    assert_refused(m, CORDON_RANGE, op_donate(m, A, UINT64_C(1) << 36, 1));
    assert_refused(m, CORDON_NO_VM, op_donate(m, B, FRAME(3, 0), 1));
    assert_refused(m, CORDON_NO_VM, op_donate(m, 0, FRAME(3, 0), 1));
    assert_refused(m, CORDON_OWNED, op_donate(m, A, DEVICE_PA / PAGE, 1));
    assert_refused(m, CORDON_OWNED, op_donate(m, A, FRAME(0, 0), 20));
    machine_free(m);
}

/* ---- many VMs ---- */

static struct machine *machine_of_255(void)
{
    struct sim_config config = machine_config();

    config.vms = 255;
    return machine_new(&config);
}

/* VM id with one page of its own at gfn 5, in section 1, that says who it is. */
static void populate(struct machine *m, uint32_t id, uint64_t frame)
{
    assert_ok(op_page(m, id, 5, frame));
    write_at(m, id, 5 * PAGE, 1000 + id);
}

static void vms_255_live_side_by_side(void **state)
{
    struct machine *m = machine_of_255();
    uint64_t before = host_frames(m);

    (void)state;
    for (uint32_t id = 1; id <= 255; id++) {
        machine_vm(m, id, 3);
        populate(m, id, FRAME(1, id));
    }
    for (uint32_t id = 1; id <= 255; id++) {
        assert_int_equal(read_at(m, id, 5 * PAGE), 1000 + id);
        assert_maps(m, id, 5, FRAME(1, id), 3);
        assert_int_equal(mappings_of(m, id), 1);
    }
    for (uint32_t id = 1; id <= 255; id++)
        assert_ok(run_destroy(m, id, NULL));
    assert_int_equal(host_frames(m), before);
    machine_free(m);
}

static void ids_are_used_again(void **state)
{
    struct machine *m = machine_of_255();
    uint64_t before = host_frames(m);

    (void)state;
    for (uint32_t round = 0; round < 20; round++) {
        m->donor = FRAME(SMALL_SECTIONS, 0);
        for (uint32_t id = 100; id < 110; id++) {
            machine_vm(m, id, 3);
            assert_false(can_read(m, id, 5 * PAGE));
            populate(m, id, FRAME(1, round * 7 + id));
        }
        for (uint32_t id = 100; id < 110; id++) {
            assert_int_equal(read_at(m, id, 5 * PAGE), 1000 + id);
            assert_ok(run_destroy(m, id, NULL));
            assert_status(CORDON_NO_VM, op_destroy(m, id));
        }
        assert_int_equal(host_frames(m), before);
    }
    machine_free(m);
}

static void the_next_vm_of_an_id_inherits_no_translation(void **state)
{
    struct machine *m = machine_with_vm();

    (void)state;
    assert_ok(op_page(m, A, 5, FRAME(2, 5)));
    assert_ok(op_block(m, A, 512, FRAME(3, 0)));
    assert_ok(op_io(m, A, 6 * PAGE, DEVICE_PA));
    warm(m, A, 5 * PAGE);
    warm(m, A, 700 * PAGE);
    assert_ok(run_destroy(m, A, NULL));
    assert_true(is_gone(m, A, 5 * PAGE));
    machine_vm(m, A, 4);
    assert_true(is_gone(m, A, 5 * PAGE));
    assert_true(is_gone(m, A, 700 * PAGE));
    assert_unmapped(m, A, 6);
    assert_ok(op_page(m, A, 5, FRAME(2, 6)));
    assert_int_equal(read_at(m, A, 5 * PAGE), 0);
    machine_free(m);
}

static void the_teardown_of_one_vm_leaves_the_others_alone(void **state)
{
    struct machine *m = machine_with_vm();

    (void)state;
    machine_vm(m, B, 4);
    populate(m, A, FRAME(2, 1));
    populate(m, B, FRAME(2, 2));
    warm(m, B, 5 * PAGE);
    assert_ok(run_destroy(m, A, NULL));
    assert_int_equal(read_at(m, B, 5 * PAGE), 1000 + B);
    assert_record(m, FRAME(2, 2), B, 0);
    assert_int_equal(cordon_vm_pool_free(m->c, vmid(B)), 1);
    machine_free(m);
}

/* ---- teardown ---- */

static void destroy_refuses_a_vm_that_is_none(void **state)
{
    struct machine *m = machine_with_vm();

    (void)state;
    assert_refused(m, CORDON_NO_VM, op_destroy(m, 0));
    assert_refused(m, CORDON_NO_VM, op_destroy(m, B));
    assert_refused(m, CORDON_NO_VM, op_destroy(m, VMS + 1));
    assert_refused(m, CORDON_NO_VM, op_destroy(m, UINT32_MAX));
    machine_free(m);
}

/* Everything that a VM can have: blocks, pages up and down, devices, grants, far addresses, spare tables. */
static void fill(struct machine *m)
{
    machine_vm(m, A, 24);
    assert_ok(op_block(m, A, 512, FRAME(2, 0)));
    assert_ok(op_block(m, A, UINT64_C(1) << 35, FRAME(3, 0)));
    for (uint64_t i = 0; i < 200; i++)
        assert_ok(op_page(m, A, 5000 - 7 * i, FRAME(4, (i * 83) % 512)));
    for (uint64_t i = 0; i < 20; i++)
        assert_ok(op_io(m, A, (6000 + i) * PAGE, DEVICE_PA + i * PAGE));
    assert_ok(op_page(m, A, (UINT64_C(1) << 36) - 1, FRAME(5, 511)));
    for (uint64_t i = 0; i < 512; i++)
        write_at(m, A, (512 + i) * PAGE, ~i);
    assert_true(run_grant(m, A, 520 * PAGE, 100 * PAGE).changed == 100);
    warm(m, 0, FRAME(2, 20) * PAGE);
    assert_int_equal(run_clear(m, A, FRAME(3, 5), 1).changed, 1);
}

static void everything_comes_back_at_teardown(void **state)
{
    struct machine *m = machine_small();
    uint64_t before = host_frames(m);
    struct snapshot *start;

    (void)state;
    start = snapshot_take(m);
    fill(m);
    assert_true(host_frames(m) < before);
    assert_ok(run_destroy(m, A, NULL));
    assert_int_equal(host_frames(m), before);
    assert_int_equal(m->c->vm[0].frames, 0);
    assert_int_equal(m->c->vm[0].pool.total, 0);
    for (uint64_t f = FRAME(1, 0); f < FRAME(SMALL_SECTIONS, 0); f++) {
        for (uint32_t i = 0; i < 512; i++)
            assert_true(sim_peek(m->sim, f, i) == 0);
        assert_true(can_read(m, 0, f * PAGE));
    }
    snapshot_free(start);
    machine_free(m);
}

static void the_host_reads_zeros_of_a_vm_that_is_gone(void **state)
{
    struct machine *m = machine_small();

    (void)state;
    fill(m);
    assert_ok(run_destroy(m, A, NULL));
    for (uint64_t i = 0; i < 512; i++) {
        assert_int_equal(read_at(m, 0, FRAME(2, i) * PAGE), 0);
        assert_int_equal(read_uncached(m, 0, FRAME(2, i) * PAGE), 0);
    }
    machine_free(m);
}

static void no_call_of_a_teardown_does_more_than_its_bound(void **state)
{
    struct machine *m = machine_small();
    enum cordon_status status;
    uint64_t calls = 0;

    (void)state;
    fill(m);
    assert_ok(op_donate(m, A, FRAME(6, 0), 512));
    do {
        uint64_t before = host_frames(m);

        status = op_destroy(m, A);
        assert_in_range(host_frames(m) - before, 0, 128 + 512 + 32);
        calls++;
        assert_true(calls < 200);
    } while (status == CORDON_AGAIN);
    assert_ok(status);
    assert_true(calls > 512 / 32);
    machine_free(m);
}

static void an_empty_vm_is_gone_after_a_few_calls(void **state)
{
    struct machine *m = machine_with_vm();
    uint64_t calls;

    (void)state;
    assert_ok(run_destroy(m, A, &calls));
    assert_true(calls <= 6);
    machine_free(m);
}

static void BUSY_while_frames_that_are_not_mapped_are_left(void **state)
{
    struct machine *m = machine_with_vm();
    uint64_t before;

    (void)state;
    assert_ok(op_page(m, A, 0, FRAME(2, 0)));
    machine_assign(m, A, 1, FRAME(4, 1), false);
    machine_assign(m, A, 2, FRAME(5, 2), true);
    assert_status(CORDON_BUSY, run_destroy(m, A, NULL));
    before = m->c->vm[0].pool.total;
    assert_status(CORDON_BUSY, op_destroy(m, A));
    assert_int_equal(m->c->vm[0].pool.total, before);
    assert_status(CORDON_EXISTS, op_create(m, A, FRAME(3, 0)));
    assert_int_equal(run_clear(m, A, FRAME(4, 1), 1).changed, 1);
    assert_status(CORDON_BUSY, op_destroy(m, A));
    assert_int_equal(run_clear(m, A, FRAME(5, 0), 512).changed, 1);
    assert_ok(run_destroy(m, A, NULL));
    machine_free(m);
}

static void a_clear_may_come_between_the_calls_of_a_teardown(void **state)
{
    struct machine *m = machine_small();
    uint64_t before = host_frames(m);

    (void)state;
    fill(m);
    assert_status(CORDON_AGAIN, op_destroy(m, A));
    assert_int_equal(run_clear(m, A, FRAME(3, 100), 50).changed + run_clear(m, A, FRAME(5, 511), 1).changed, 51);
    assert_ok(run_destroy(m, A, NULL));
    assert_int_equal(host_frames(m), before);
    machine_free(m);
}

static void a_teardown_needs_no_table_of_its_own(void **state)
{
    struct machine *m = machine_small();
    uint64_t before = host_frames(m);

    (void)state;
    machine_vm(m, A, 2);
    assert_ok(op_block(m, A, 512, FRAME(2, 0)));
    assert_int_equal(cordon_vm_pool_free(m->c, vmid(A)), 0);
    assert_int_equal(run_grant(m, A, 520 * PAGE, PAGE).changed, 1);
    warm(m, 0, FRAME(2, 8) * PAGE);
    assert_ok(run_destroy(m, A, NULL));
    assert_int_equal(host_frames(m), before);
    machine_free(m);
}

/* An id begins anew with no translation and no walk of its last life, whatever the teardown invalidated before. */
static void all_of_an_id_is_invalidated_before_its_roots_go_back(void **state)
{
    struct sim_config config = machine_config();
    struct machine *m;
    char *log = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&log, &size);
    char root[64];
    const char *at;

    (void)state;
    config.log = stream;
    m = machine_new(&config);
    machine_vm(m, A, 4);
    (void)snprintf(root, sizeof(root), "table free row=0x%llx\n", (unsigned long long)m->c->vm[0].s2.root);
    assert_ok(run_destroy(m, A, NULL));
    (void)fflush(stream);
    at = strstr(log, "tlbi vmalls12e1is vmid=1");
    assert_non_null(at);
    at = strstr(at, "dsb ish\n");
    assert_non_null(at);
    assert_non_null(strstr(at, root));
    machine_free(m);
    (void)fclose(stream);
    free(log);
}

/* A VM of a shape, with something at the end of its addresses or not, is torn down, and every frame is back. */
static void tear_down(struct cordon_geometry shape, bool to_the_end)
{
    struct sim_config config = machine_config();
    uint64_t limit = UINT64_C(1) << (shape.ipa_bits - 12);
    struct machine *m;
    uint64_t before;

    config.vm = shape;
    m = machine_new(&config);
    before = host_frames(m);
    machine_vm(m, A, 12);
    assert_ok(op_page(m, A, 0, FRAME(2, 0)));
    if (to_the_end) {
        assert_ok(op_block(m, A, limit / 2, FRAME(3, 0)));
        assert_ok(op_page(m, A, limit - 1, FRAME(2, 1)));
    }
    assert_ok(run_destroy(m, A, NULL));
    assert_int_equal(host_frames(m), before);
    machine_free(m);
}

static void a_teardown_works_in_every_start_level(void **state)
{
    static const struct cordon_geometry shape[] = {
        { 48, 0 }, { 40, 0 }, { 43, 1 }, { 39, 1 }, { 32, 1 }, { 34, 2 }, { 32, 2 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(shape) / sizeof(shape[0]); i++)
        tear_down(shape[i], true);
}

/* A root table has entries behind the last address: the simulated machine ends a walk to one of them. */
static void a_teardown_ends_where_the_addresses_do(void **state)
{
    static const struct cordon_geometry shape[] = { { 40, 0 }, { 36, 1 }, { 32, 1 } };

    (void)state;
    for (size_t i = 0; i < sizeof(shape) / sizeof(shape[0]); i++)
        tear_down(shape[i], false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_vm_maps_nothing_and_its_roots_are_the_cores),
        cmocka_unit_test(create_refuses_an_id_that_is_none_or_in_use),
        cmocka_unit_test(create_refuses_roots_that_are_not_the_hosts_to_give),
        cmocka_unit_test(create_takes_all_concatenated_roots_aligned_or_none),
        cmocka_unit_test(a_donated_frame_is_the_cores_and_counted),
        cmocka_unit_test(a_whole_section_can_be_donated),
        cmocka_unit_test(donate_refuses_what_is_no_run_in_one_section),
        cmocka_unit_test(vms_255_live_side_by_side),
        cmocka_unit_test(ids_are_used_again),
        cmocka_unit_test(the_next_vm_of_an_id_inherits_no_translation),
        cmocka_unit_test(the_teardown_of_one_vm_leaves_the_others_alone),
        cmocka_unit_test(destroy_refuses_a_vm_that_is_none),
        cmocka_unit_test(everything_comes_back_at_teardown),
        cmocka_unit_test(the_host_reads_zeros_of_a_vm_that_is_gone),
        cmocka_unit_test(no_call_of_a_teardown_does_more_than_its_bound),
        cmocka_unit_test(an_empty_vm_is_gone_after_a_few_calls),
        cmocka_unit_test(BUSY_while_frames_that_are_not_mapped_are_left),
        cmocka_unit_test(a_clear_may_come_between_the_calls_of_a_teardown),
        cmocka_unit_test(a_teardown_needs_no_table_of_its_own),
        cmocka_unit_test(all_of_an_id_is_invalidated_before_its_roots_go_back),
        cmocka_unit_test(a_teardown_works_in_every_start_level),
        cmocka_unit_test(a_teardown_ends_where_the_addresses_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
