/* SPDX-License-Identifier: Apache-2.0 */
/* One frame record: its encoding and the rules that need nothing else. */
#include "machine.h"

#define A 1
#define B 2
#define PENDING_A ((uint16_t)(HOLDER_PENDING + A))

static struct frame record(uint16_t holder, uint8_t count, uint64_t gfn)
{
    struct frame f = frame_of_vm(holder, gfn);

    f.count = count;
    return f;
}

static void a_record_takes_eight_bytes(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct frame), 8);
}

static void a_zeroed_record_is_plain_host_memory(void **state)
{
    struct frame zero = { 0 };

    (void)state;
    assert_int_equal(zero.holder, HOLDER_HOST);
    assert_true(frame_host_may_map(zero));
    assert_int_equal(frame_can_leave_host(zero), CORDON_OK);
}

static void all_36_bits_of_a_guest_frame_number_are_kept(void **state)
{
    static const uint64_t numbers[] = { 0, 1, UINT64_C(0xffffffff), UINT64_C(0x100000000), UINT64_C(0xfffffffff),
                                        UINT64_C(0xabcdef123) };

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        assert_int_equal(frame_gfn(frame_of_vm(A, numbers[i])), numbers[i]);
}

static void a_new_vm_frame_is_shared_with_nobody(void **state)
{
    struct frame f = frame_of_vm(B, 5);

    (void)state;
    assert_int_equal(f.count, 0);
    assert_int_equal(f.holder, B);
}

static void every_holder_is_of_exactly_one_kind(void **state)
{
    (void)state;
    for (uint32_t h = 0; h <= 0xffff; h++) {
        struct frame f = frame_of((uint16_t)h);
        int kinds = (h == HOLDER_HOST) + frame_is_vm(f) + frame_is_pending(f) + (h == HOLDER_CORE) + (h == HOLDER_INVALID);

        assert_true(kinds <= 1);
        if (h <= 16383)
            assert_int_equal(kinds, 1);
    }
    assert_true(frame_is_vm(frame_of(16383)));
    assert_true(frame_is_pending(frame_of(HOLDER_PENDING + 16383)));
    assert_false(frame_is_pending(frame_of(HOLDER_PENDING)));
}

static void I1_the_host_may_map_its_own_and_what_is_granted(void **state)
{
    (void)state;
    assert_true(frame_host_may_map(record(HOLDER_HOST, 0, 0)));
    assert_true(frame_host_may_map(record(HOLDER_HOST, 3, 0)));
    assert_true(frame_host_may_map(record(A, 1, 9)));
    assert_true(frame_host_may_map(record(A, CORDON_SHARE_MAX, 9)));
    assert_false(frame_host_may_map(record(A, 0, 9)));
    assert_false(frame_host_may_map(record(HOLDER_CORE, 0, 0)));
    assert_false(frame_host_may_map(record(HOLDER_CORE, 1, 0)));
}

static void S6_a_pending_frame_is_never_taken_for_a_shared_one(void **state)
{
    (void)state;
    for (uint32_t count = 0; count <= 255; count++)
        assert_false(frame_host_may_map(record(PENDING_A, (uint8_t)count, 9)));
}

static void only_a_host_frame_that_no_device_maps_may_leave_the_host(void **state)
{
    (void)state;
    assert_int_equal(frame_can_leave_host(record(HOLDER_HOST, 0, 0)), CORDON_OK);
    assert_int_equal(frame_can_leave_host(record(HOLDER_HOST, 1, 0)), CORDON_SHARED);
    assert_int_equal(frame_can_leave_host(record(A, 0, 0)), CORDON_OWNED);
    assert_int_equal(frame_can_leave_host(record(PENDING_A, 0, 0)), CORDON_OWNED);
    assert_int_equal(frame_can_leave_host(record(HOLDER_CORE, 0, 0)), CORDON_OWNED);
    assert_int_equal(frame_can_leave_host(record(HOLDER_INVALID, 0, 0)), CORDON_OWNED);
}

static void assign_takes_from_the_host_and_from_nobody_else(void **state)
{
    (void)state;
    assert_int_equal(frame_can_assign(record(HOLDER_HOST, 0, 0), A, 5), CORDON_OK);
    assert_int_equal(frame_can_assign(record(HOLDER_HOST, 1, 0), A, 5), CORDON_SHARED);
    assert_int_equal(frame_can_assign(record(B, 0, 5), A, 5), CORDON_OWNED);
    assert_int_equal(frame_can_assign(record(B, 1, 5), A, 5), CORDON_OWNED);
    assert_int_equal(frame_can_assign(record(HOLDER_PENDING + B, 0, 5), A, 5), CORDON_OWNED);
    assert_int_equal(frame_can_assign(record(HOLDER_CORE, 0, 5), A, 5), CORDON_OWNED);
    assert_int_equal(frame_can_assign(record(HOLDER_INVALID, 0, 5), A, 5), CORDON_OWNED);
}

static void assign_knows_a_vm_frame_at_its_own_gfn_only(void **state)
{
    (void)state;
    assert_int_equal(frame_can_assign(record(A, 0, 5), A, 5), CORDON_OK);
    assert_int_equal(frame_can_assign(record(A, 7, 5), A, 5), CORDON_OK);
    assert_int_equal(frame_can_assign(record(A, 0, 5), A, 6), CORDON_GFN);
    assert_int_equal(frame_can_assign(record(PENDING_A, 0, 5), A, 5), CORDON_OK);
    assert_int_equal(frame_can_assign(record(PENDING_A, 0, 5), A, 4), CORDON_GFN);
    /* numbers that differ above bit 31 only */
    assert_int_equal(frame_can_assign(record(A, 0, UINT64_C(0x100000005)), A, 5), CORDON_GFN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_takes_eight_bytes),
        cmocka_unit_test(a_zeroed_record_is_plain_host_memory),
        cmocka_unit_test(all_36_bits_of_a_guest_frame_number_are_kept),
        cmocka_unit_test(a_new_vm_frame_is_shared_with_nobody),
        cmocka_unit_test(every_holder_is_of_exactly_one_kind),
        cmocka_unit_test(I1_the_host_may_map_its_own_and_what_is_granted),
        cmocka_unit_test(S6_a_pending_frame_is_never_taken_for_a_shared_one),
        cmocka_unit_test(only_a_host_frame_that_no_device_maps_may_leave_the_host),
        cmocka_unit_test(assign_takes_from_the_host_and_from_nobody_else),
        cmocka_unit_test(assign_knows_a_vm_frame_at_its_own_gfn_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
