/* SPDX-License-Identifier: Apache-2.0 */
/* The types of addresses and numbers, and the status codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "cordon/cordon.h"

#define DISTINCT(a, b) _Static_assert(!__builtin_types_compatible_p(a, b), "a swap of arguments must not compile")
DISTINCT(pa_t, ipa_t);
DISTINCT(pa_t, pfn_t);
DISTINCT(ipa_t, gfn_t);
DISTINCT(pfn_t, gfn_t);
DISTINCT(pa_t, uint64_t);
DISTINCT(vmid_t, uint32_t);

static void a_wrapped_number_keeps_all_its_bits(void **state)
{
    (void)state;
    assert_int_equal(pa(UINT64_MAX).v, UINT64_MAX);
    assert_int_equal(ipa(UINT64_MAX - 1).v, UINT64_MAX - 1);
    assert_int_equal(pfn(UINT64_C(1) << 63).v, UINT64_C(1) << 63);
    assert_int_equal(gfn(7).v, 7);
    assert_int_equal(vmid(UINT32_MAX).v, UINT32_MAX);
}

static void the_granule_is_the_architectures(void **state)
{
    (void)state;
    assert_int_equal(CORDON_PAGE_SIZE, 4096);
    assert_int_equal(CORDON_TABLE_ENTRIES * 8, CORDON_PAGE_SIZE);
    assert_int_equal(CORDON_BLOCK_PAGES * CORDON_PAGE_SIZE, 2 << 20);
    assert_int_equal(CORDON_GIB_PAGES * CORDON_PAGE_SIZE, 1 << 30);
    assert_int_equal(CORDON_FRAME_LIMIT, UINT64_C(1) << 36);
    assert_int_equal(CORDON_SHARE_MAX, 100);
}

static const struct {
    enum cordon_status status;
    int number;
    const char *word;
} abi[] = {
    { CORDON_OK, 0, "ok" }, { CORDON_AGAIN, 1, "again" }, { CORDON_RANGE, 2, "range" }, { CORDON_EMPTY, 3, "empty" },
    { CORDON_UNALIGNED, 4, "unaligned" }, { CORDON_NO_VM, 5, "no-vm" }, { CORDON_EXISTS, 6, "exists" },
    { CORDON_STATE, 7, "state" }, { CORDON_PRIVATE, 8, "private" }, { CORDON_OWNED, 9, "owned" },
    { CORDON_SHARED, 10, "shared" }, { CORDON_GFN, 11, "gfn" }, { CORDON_MAPPED, 12, "mapped" },
    { CORDON_NO_MEMORY, 13, "no-memory" }, { CORDON_RAM, 14, "ram" }, { CORDON_BUSY, 15, "busy" },
    { CORDON_CONFIG, 16, "config" }, { CORDON_NO_VCPU, 17, "no-vcpu" }, { CORDON_RUNNING, 18, "running" },
    { CORDON_OFF, 19, "off" }, { CORDON_ANSWER, 20, "answer" }, { CORDON_INTERRUPT, 21, "interrupt" },
    { CORDON_NOT_MEMORY, 22, "not-memory" },
    { CORDON_DEVICE, 23, "device" },
};

static void status_numbers_and_words_never_change(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(abi) / sizeof(abi[0]); i++) {
        assert_int_equal(abi[i].status, abi[i].number);
        assert_string_equal(cordon_status_word(abi[i].status), abi[i].word);
    }
}

static void every_status_is_covered_by_this_test_and_no_number_is_left_out(void **state)
{
    size_t n = 0;

    (void)state;
#define ONE(name, number, word, meaning) assert_int_equal(n, number); n++;
    CORDON_STATUS_LIST(ONE)
#undef ONE
    assert_int_equal(n, sizeof(abi) / sizeof(abi[0]));
}

static void every_status_has_a_meaning_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(abi) / sizeof(abi[0]); i++) {
        assert_true(strlen(cordon_status_meaning(abi[i].status)) > 3);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(cordon_status_meaning(abi[i].status), cordon_status_meaning(abi[j].status));
    }
}

static void a_number_that_is_no_status_has_a_word_all_the_same(void **state)
{
    (void)state;
    for (int number = 0; number < 256; number++) {
        bool known = (size_t)number < sizeof(abi) / sizeof(abi[0]);

        assert_int_equal(strcmp(cordon_status_word((enum cordon_status)number), "?") != 0, known);
    }
    assert_string_equal(cordon_status_word((enum cordon_status)-1), "?");
    assert_non_null(cordon_status_meaning((enum cordon_status)99));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrapped_number_keeps_all_its_bits),
        cmocka_unit_test(the_granule_is_the_architectures),
        cmocka_unit_test(status_numbers_and_words_never_change),
        cmocka_unit_test(every_status_is_covered_by_this_test_and_no_number_is_left_out),
        cmocka_unit_test(every_status_has_a_meaning_of_its_own),
        cmocka_unit_test(a_number_that_is_no_status_has_a_word_all_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
