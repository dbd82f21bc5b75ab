/* SPDX-License-Identifier: Apache-2.0 */
/* The host's stage 2: a cache of the frame records, filled on demand, split, joined. */
#include "machine.h"

#include <string.h>

/* A machine of 3 GiB: the core is in the first, the second is all the host's, table frames come from the last. */
#define BIG_RAM (3 * GIB)
#define IN_GIB(g, i) (RAM_BASE / PAGE + (g) * CORDON_GIB_PAGES + (uint64_t)(i))
/* Device memory with no RAM and nothing hidden in its whole 1 GiB. */
#define FAR_DEVICE (UINT64_C(1023) * GIB)

static struct machine *big_machine(void)
{
    struct machine *m = machine_of(BIG_RAM);

    machine_vm(m, 1, 8);
    return m;
}

static void touch(struct machine *m, uint64_t frame)
{
    assert_ok(op_fault(m, frame * PAGE + 8));
}

/* ---- sizes ---- */

static void a_gib_that_is_all_the_hosts_is_mapped_by_one_block(void **state)
{
    struct machine *m = big_machine();

    (void)state;
    touch(m, IN_GIB(1, 12345));
    assert_maps(m, 0, IN_GIB(1, 0), IN_GIB(1, 0), 1);
    assert_maps(m, 0, IN_GIB(1, CORDON_GIB_PAGES - 1), IN_GIB(1, CORDON_GIB_PAGES - 1), 1);
    assert_unmapped(m, 0, IN_GIB(0, CORDON_GIB_PAGES - 1));
    assert_unmapped(m, 0, IN_GIB(2, 0));
    machine_free(m);
}

static void a_section_that_is_all_the_hosts_is_mapped_by_a_block(void **state)
{
    struct machine *m = big_machine();

    (void)state;
    touch(m, FRAME(3, 77));     /* its GiB holds frames of the core */
    assert_maps(m, 0, FRAME(3, 0), FRAME(3, 0), 2);
    assert_maps(m, 0, FRAME(3, 511), FRAME(3, 511), 2);
    assert_unmapped(m, 0, FRAME(2, 511));
    assert_unmapped(m, 0, FRAME(4, 0));
    machine_free(m);
}

static void a_frame_beside_the_cores_is_mapped_alone(void **state)
{
    struct machine *m = big_machine();

    (void)state;
    touch(m, FRAME(0, CORE_FRAMES));
    assert_maps(m, 0, FRAME(0, CORE_FRAMES), FRAME(0, CORE_FRAMES), 3);
    assert_unmapped(m, 0, FRAME(0, CORE_FRAMES + 1));
    assert_unmapped(m, 0, FRAME(0, CORE_FRAMES - 1));
    machine_free(m);
}

static void a_gib_that_is_not_all_ram_is_mapped_by_sections(void **state)
{
    struct machine *m = machine_of(BIG_RAM + 4 * MIB);

    (void)state;
    touch(m, IN_GIB(3, 5));
    assert_maps(m, 0, IN_GIB(3, 0), IN_GIB(3, 0), 2);
    assert_unmapped(m, 0, IN_GIB(3, 512));
    machine_free(m);
}

static void a_second_fault_at_a_mapped_address_changes_nothing(void **state)
{
    struct machine *m = big_machine();

    (void)state;
    touch(m, IN_GIB(1, 0));
    touch(m, FRAME(3, 0));
    touch(m, FRAME(0, 100));
    touch(m, DEVICE_PA / PAGE);
    assert_no_change(m, op_fault(m, IN_GIB(1, 99) * PAGE));
    assert_no_change(m, op_fault(m, FRAME(3, 9) * PAGE));
    assert_no_change(m, op_fault(m, FRAME(0, 100) * PAGE));
    assert_no_change(m, op_fault(m, DEVICE_PA + PAGE));
    machine_free(m);
}

static void without_level_1_the_host_has_sections_at_most(void **state)
{
    struct cordon_mem ram = { RAM_BASE, BIG_RAM };
    struct sim_config config = machine_config();
    struct machine *m;

    (void)state;
    config.ram = &ram;
    config.host = (struct cordon_geometry){ 34, 2 };
    m = machine_new(&config);
    touch(m, IN_GIB(1, 5));
    assert_maps(m, 0, IN_GIB(1, 0), IN_GIB(1, 0), 2);
    touch(m, UINT64_C(15) * CORDON_GIB_PAGES);
    assert_device(m, 0, UINT64_C(15) * CORDON_GIB_PAGES, UINT64_C(15) * CORDON_GIB_PAGES, 2);
    machine_free(m);
}

/* ---- split ---- */

static void a_page_out_of_a_gib_leaves_all_the_rest_mapped(void **state)
{
    struct machine *m = big_machine();
    uint64_t frame = IN_GIB(1, 7 * 512 + 100);

    (void)state;
    touch(m, IN_GIB(1, 0));
    assert_ok(op_page(m, 1, 0, frame));
    assert_unmapped(m, 0, frame);
    assert_maps(m, 0, frame - 1, frame - 1, 3);
    assert_maps(m, 0, frame + 1, frame + 1, 3);
    assert_maps(m, 0, IN_GIB(1, 7 * 512), IN_GIB(1, 7 * 512), 3);
    assert_maps(m, 0, IN_GIB(1, 8 * 512 - 1), IN_GIB(1, 8 * 512 - 1), 3);
    assert_maps(m, 0, IN_GIB(1, 7 * 512 - 1), IN_GIB(1, 7 * 512 - 1), 2);
    assert_maps(m, 0, IN_GIB(1, 8 * 512), IN_GIB(1, 8 * 512), 2);
    assert_maps(m, 0, IN_GIB(1, 0), IN_GIB(1, 0), 2);
    assert_int_equal(mappings_of(m, 0), 511 + 511);
    machine_free(m);
}

static void a_section_out_of_a_gib_takes_one_table(void **state)
{
    struct machine *m = big_machine();
    uint64_t free;

    (void)state;
    touch(m, IN_GIB(1, 0));
    free = m->c->host_pool.free;
    assert_ok(op_block(m, 1, 0, IN_GIB(1, 512)));
    assert_int_equal(free - m->c->host_pool.free, 1);
    assert_unmapped(m, 0, IN_GIB(1, 512));
    assert_unmapped(m, 0, IN_GIB(1, 1023));
    assert_maps(m, 0, IN_GIB(1, 511), IN_GIB(1, 511), 2);
    assert_maps(m, 0, IN_GIB(1, 1024), IN_GIB(1, 1024), 2);
    assert_int_equal(mappings_of(m, 0), 511);
    machine_free(m);
}

static void a_page_out_of_a_block_takes_one_table(void **state)
{
    struct machine *m = big_machine();
    uint64_t free;

    (void)state;
    touch(m, FRAME(3, 0));
    free = m->c->host_pool.free;
    assert_ok(op_page(m, 1, 0, FRAME(3, 511)));
    assert_int_equal(free - m->c->host_pool.free, 1);
    assert_unmapped(m, 0, FRAME(3, 511));
    assert_maps(m, 0, FRAME(3, 510), FRAME(3, 510), 3);
    assert_int_equal(mappings_of(m, 0), 511);
    machine_free(m);
}

static void a_whole_block_is_dropped_without_any_table(void **state)
{
    struct machine *m = big_machine();
    uint64_t free;

    (void)state;
    touch(m, FRAME(3, 0));
    free = m->c->host_pool.free;
    assert_ok(op_block(m, 1, 0, FRAME(3, 0)));
    assert_int_equal(m->c->host_pool.free, free);
    assert_unmapped(m, 0, FRAME(3, 0));
    assert_int_equal(mappings_of(m, 0), 0);
    machine_free(m);
}

static void a_table_goes_back_when_its_whole_section_leaves(void **state)
{
    struct machine *m = big_machine();
    uint64_t free;

    (void)state;
    touch(m, FRAME(4, 0));      /* the tables above are there */
    free = m->c->host_pool.free;
    assert_ok(op_page(m, 1, 3 * 512 + 9, FRAME(3, 9)));
    touch(m, FRAME(3, 0));
    touch(m, FRAME(3, 1));
    assert_int_equal(m->c->host_pool.free, free - 1);
    assert_int_equal(run_clear(m, 1, FRAME(3, 9), 1).changed, 1);
    assert_int_equal(m->c->host_pool.free, free - 1);
    assert_ok(op_block(m, 1, 0, FRAME(3, 0)));
    assert_int_equal(m->c->host_pool.free, free);
    machine_free(m);
}

/* ---- join ---- */

static void a_section_that_is_all_the_hosts_again_becomes_a_block(void **state)
{
    struct machine *m = big_machine();
    uint64_t free;

    (void)state;
    touch(m, FRAME(3, 0));
    free = m->c->host_pool.free;
    assert_ok(op_page(m, 1, 0, FRAME(3, 5)));
    assert_maps(m, 0, FRAME(3, 6), FRAME(3, 6), 3);
    assert_int_equal(run_clear(m, 1, FRAME(3, 5), 1).changed, 1);
    touch(m, FRAME(3, 5));
    assert_maps(m, 0, FRAME(3, 5), FRAME(3, 5), 2);
    assert_maps(m, 0, FRAME(3, 6), FRAME(3, 6), 2);
    assert_int_equal(m->c->host_pool.free, free);
    machine_free(m);
}

static void one_frame_that_is_not_the_hosts_keeps_a_section_in_pages(void **state)
{
    struct machine *m = big_machine();

    (void)state;
    assert_ok(op_page(m, 1, 0, FRAME(3, 5)));
    assert_ok(op_page(m, 1, 1, FRAME(3, 6)));
    assert_int_equal(run_clear(m, 1, FRAME(3, 5), 1).changed, 1);
    touch(m, FRAME(3, 5));
    assert_maps(m, 0, FRAME(3, 5), FRAME(3, 5), 3);
    assert_unmapped(m, 0, FRAME(3, 6));
    machine_free(m);
}

static void a_join_leaves_no_stale_translation(void **state)
{
    struct machine *m = machine_with_vm();

    (void)state;
    assert_ok(op_page(m, 1, 0, FRAME(3, 5)));
    for (uint64_t i = 0; i < 8; i++)
        warm(m, 0, FRAME(3, 10 + i) * PAGE);
    assert_int_equal(run_clear(m, 1, FRAME(3, 5), 1).changed, 1);
    warm(m, 0, FRAME(3, 5) * PAGE);
    for (uint64_t i = 0; i < 8; i++)
        warm(m, 0, FRAME(3, 10 + i) * PAGE);
    assert_maps(m, 0, FRAME(3, 10), FRAME(3, 10), 2);
    machine_free(m);
}

static void a_section_comes_back_as_a_block_when_nothing_was_left_of_it(void **state)
{
    struct machine *m = big_machine();

    (void)state;
    touch(m, FRAME(3, 0));
    assert_ok(op_block(m, 1, 0, FRAME(3, 0)));
    assert_int_equal(run_clear(m, 1, FRAME(3, 0), 512).changed, 512);
    touch(m, FRAME(3, 1));
    assert_maps(m, 0, FRAME(3, 0), FRAME(3, 0), 2);
    machine_free(m);
}

/* ---- contents stay ---- */

static void split_and_join_keep_what_the_host_wrote(void **state)
{
    struct machine *m = machine_with_vm();

    (void)state;
    for (uint64_t i = 0; i < 512; i++)
        write_at(m, 0, FRAME(3, i) * PAGE + 16, 1000 + i);
    assert_ok(op_page(m, 1, 0, FRAME(3, 5)));
    for (uint64_t i = 0; i < 512; i++) {
        if (i != 5)
            assert_int_equal(read_at(m, 0, FRAME(3, i) * PAGE + 16), 1000 + i);
    }
    assert_int_equal(run_clear(m, 1, FRAME(3, 5), 1).changed, 1);
    for (uint64_t i = 0; i < 512; i++)
        assert_int_equal(read_at(m, 0, FRAME(3, i) * PAGE + 16), i == 5 ? 0 : 1000 + i);
    machine_free(m);
}

/* ---- devices ---- */

static void a_gib_of_devices_is_mapped_by_one_block(void **state)
{
    struct machine *m = machine_small();

    (void)state;
    touch(m, FAR_DEVICE / PAGE + 77);
    assert_device(m, 0, FAR_DEVICE / PAGE, FAR_DEVICE / PAGE, 1);
    assert_device(m, 0, FAR_DEVICE / PAGE + 262143, FAR_DEVICE / PAGE + 262143, 1);
    machine_free(m);
}

static void devices_beside_ram_are_mapped_by_2_mib(void **state)
{
    struct machine *m = machine_small();
    uint64_t frame = (RAM_BASE + 512 * MIB) / PAGE;

    (void)state;
    touch(m, frame + 3);
    assert_device(m, 0, frame, frame, 2);
    assert_unmapped(m, 0, frame + 512);
    machine_free(m);
}

static void devices_beside_a_hidden_range_are_mapped_by_pages(void **state)
{
    struct machine *m = machine_small();
    uint64_t end = (HIDDEN_PA + HIDDEN_SIZE) / PAGE;

    (void)state;
    touch(m, end);
    assert_device(m, 0, end, end, 3);
    assert_unmapped(m, 0, end + 1);
    touch(m, HIDDEN_PA / PAGE - 1);
    assert_device(m, 0, HIDDEN_PA / PAGE - 1, HIDDEN_PA / PAGE - 1, 2);
    assert_unmapped(m, 0, HIDDEN_PA / PAGE);
    machine_free(m);
}

static void a_hidden_range_is_never_mapped(void **state)
{
    struct machine *m = machine_small();

    (void)state;
    for (uint64_t i = 0; i < HIDDEN_SIZE / PAGE; i++)
        assert_refused(m, CORDON_PRIVATE, op_fault(m, HIDDEN_PA + i * PAGE));
    touch(m, HIDDEN_PA / PAGE - 1);
    touch(m, (HIDDEN_PA + HIDDEN_SIZE) / PAGE);
    for (uint64_t i = 0; i < HIDDEN_SIZE / PAGE; i++)
        assert_refused(m, CORDON_PRIVATE, op_fault(m, HIDDEN_PA + i * PAGE));
    machine_free(m);
}

/* ---- refusals ---- */

static void the_cores_and_vms_frames_are_private(void **state)
{
    struct machine *m = machine_with_vm();

    (void)state;
    assert_ok(op_page(m, 1, 0, FRAME(3, 5)));
    machine_assign(m, 1, 9, FRAME(3, 6), true);
    for (uint64_t i = 0; i < CORE_FRAMES; i++)
        assert_refused(m, CORDON_PRIVATE, op_fault(m, FRAME(0, i) * PAGE));
    assert_refused(m, CORDON_PRIVATE, op_fault(m, FRAME(3, 5) * PAGE + 4095));
    assert_refused(m, CORDON_PRIVATE, op_fault(m, FRAME(3, 6) * PAGE));
    assert_refused(m, CORDON_PRIVATE, op_fault(m, m->c->vm[0].s2.root * PAGE));
    assert_refused(m, CORDON_PRIVATE, op_fault(m, m->donor * PAGE));
    assert_refused(m, CORDON_PRIVATE, op_fault(m, m->c->host.root * PAGE));
    machine_free(m);
}

/* ---- reading in the host's name ---- */

#define UNTOUCHED UINT64_C(0x7777777777777777)

static enum cordon_status read_words(struct machine *m, uint64_t addr, uint64_t word[4], uint64_t words)
{
    enum cordon_status answer;

    for (unsigned i = 0; i < 4; i++)
        word[i] = UNTOUCHED;
    sim_begin(m->sim, "host_read");
    answer = cordon_read_host(m->c, pa(addr), word, words);
    (void)sim_end(m->sim);
    return answer;
}

/* Refused, and nothing of what is there has come. */
static void reads_nothing(struct machine *m, enum cordon_status wanted, uint64_t addr, uint64_t words)
{
    uint64_t word[4];

    assert_status(wanted, read_words(m, addr, word, words));
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(word[i], UNTOUCHED);
}

static void write_host(struct machine *m, uint64_t addr, uint64_t value)
{
    enum cordon_status status;

    assert_int_equal(sim_write(m->sim, 0, addr, value, false, &status), SIM_DONE);
}

static void words_of_the_hosts_memory_are_read(void **state)
{
    struct machine *m = machine_with_vm();
    const uint64_t page = FRAME(3, 5) * PAGE;
    uint64_t word[4];

    (void)state;
    for (unsigned i = 0; i < 512; i++)
        write_host(m, page + 8 * i, i + 1);
    for (uint64_t n = 1; n <= 4; n++) {
        for (unsigned i = 0; i + n <= 512; i++) {
            assert_ok(read_words(m, page + 8 * i, word, n));
            for (unsigned k = 0; k < 4; k++)
                assert_int_equal(word[k], k < n ? i + k + 1 : UNTOUCHED);
        }
    }
    machine_free(m);
}

static void words_that_are_not_the_hosts_are_not_read(void **state)
{
    struct machine *m = machine_with_vm();

    (void)state;
    assert_ok(op_page(m, 1, 0, FRAME(3, 5)));
    machine_assign(m, 1, 9, FRAME(3, 6), true);
    for (uint64_t i = 0; i < CORE_FRAMES; i++)
        reads_nothing(m, CORDON_PRIVATE, FRAME(0, i) * PAGE, 1);
    reads_nothing(m, CORDON_PRIVATE, FRAME(3, 5) * PAGE, 4);
    reads_nothing(m, CORDON_PRIVATE, FRAME(3, 5) * PAGE + 4064, 4);
    reads_nothing(m, CORDON_PRIVATE, FRAME(3, 6) * PAGE, 4);
    reads_nothing(m, CORDON_PRIVATE, m->c->vm[0].s2.root * PAGE, 4);
    reads_nothing(m, CORDON_PRIVATE, m->donor * PAGE, 4);
    reads_nothing(m, CORDON_PRIVATE, m->c->host.root * PAGE, 4);
    reads_nothing(m, CORDON_PRIVATE, HIDDEN_PA, 4);
    reads_nothing(m, CORDON_PRIVATE, DEVICE_PA, 4);
    reads_nothing(m, CORDON_RANGE, UINT64_C(1) << 40, 4);
    reads_nothing(m, CORDON_RANGE, UINT64_MAX - 31, 4);
    machine_free(m);
}

static void words_are_read_while_the_page_is_granted(void **state)
{
    struct machine *m = machine_with_vm();
    uint64_t word[4];

    (void)state;
    write_host(m, FRAME(3, 5) * PAGE + 8, 42);
    assert_ok(op_page(m, 1, 7, FRAME(3, 5)));
    reads_nothing(m, CORDON_PRIVATE, FRAME(3, 5) * PAGE, 2);
    assert_int_equal(run_grant(m, 1, 7 * PAGE, PAGE).changed, 1);
    assert_ok(read_words(m, FRAME(3, 5) * PAGE, word, 2));
    assert_int_equal(word[1], 42);
    assert_int_equal(run_revoke(m, 1, 7 * PAGE, PAGE).changed, 1);
    reads_nothing(m, CORDON_PRIVATE, FRAME(3, 5) * PAGE, 2);
    assert_int_equal(run_clear(m, 1, FRAME(3, 5), 1).changed, 1);
    assert_ok(read_words(m, FRAME(3, 5) * PAGE, word, 2));
    assert_int_equal(word[1], 0);
    machine_free(m);
}

static void words_of_two_pages_or_of_none_are_not_read(void **state)
{
    struct machine *m = machine_with_vm();
    const uint64_t page = FRAME(3, 5) * PAGE;

    (void)state;
    for (unsigned i = 1; i < 8; i++)
        reads_nothing(m, CORDON_UNALIGNED, page + i, 1);
    reads_nothing(m, CORDON_UNALIGNED, page + PAGE - 24, 4);
    reads_nothing(m, CORDON_UNALIGNED, page + PAGE - 8, 2);
    reads_nothing(m, CORDON_EMPTY, page, 0);
    reads_nothing(m, CORDON_RANGE, page, 5);
    reads_nothing(m, CORDON_RANGE, page, UINT64_MAX);
    reads_nothing(m, CORDON_RANGE, page, (UINT64_C(1) << 61) + 1);
    machine_free(m);
}

/* ---- addresses ---- */

static void an_address_of_no_frame_is_out_of_range(void **state)
{
    struct machine *m = machine_small();

    (void)state;
    m->c->pfn_limit = UINT64_C(1) << 28;
    assert_refused(m, CORDON_RANGE, op_fault(m, UINT64_C(1) << 40));
    assert_refused(m, CORDON_RANGE, op_fault(m, UINT64_MAX));
    assert_ok(op_fault(m, (UINT64_C(1) << 40) - 1));
    machine_free(m);
}

/* ---- tables are enough ---- */

static const struct cordon_mem odd_ram[] = {
    { RAM_BASE + 3 * PAGE, 8 * MIB + 2 * PAGE }, { RAM_BASE + 40 * MIB, 2 * MIB }, { 8 * GIB - MIB, 4 * MIB },
};
static const struct cordon_mem odd_hidden[] = {
    { HIDDEN_PA + 3 * PAGE, PAGE }, { HIDDEN_PA + 2 * MIB - PAGE, 2 * PAGE }, { 600 * GIB + 5 * PAGE, 3 * GIB },
};

static struct machine *odd_machine_with_no_table_to_spare(void)
{
    struct cordon_config plain = { .ram = odd_ram, .rams = 3, .hidden = odd_hidden, .hiddens = 3, .host = { 48, 0 },
                                   .vm = { 48, 0 }, .vms = VMS };
    struct sim_config config = machine_config();
    struct cordon_sizes sizes;

    assert_ok(cordon_sizes(&plain, &sizes));
    config.ram = odd_ram;
    config.rams = 3;
    config.cores = 0;
    config.hidden = odd_hidden;
    config.hiddens = 3;
    config.host_tables = sizes.host_tables;
    return machine_new(&config);
}

static void touch_around(struct machine *m, uint64_t frame)
{
    static const uint64_t step[] = { 0, 1, 2, 511, 512, 513, 1024, 262144, 262145 };

    for (size_t i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
        assert_int_not_equal(op_fault(m, (frame + step[i]) * PAGE), CORDON_NO_MEMORY);
        assert_int_not_equal(op_fault(m, (frame - step[i]) * PAGE), CORDON_NO_MEMORY);
    }
}

static void the_tables_that_are_asked_for_are_enough_for_any_fault(void **state)
{
    struct machine *m = odd_machine_with_no_table_to_spare();
    uint64_t gfn = 0;

    (void)state;
    m->donor = (odd_ram[1].base + odd_ram[1].size) / PAGE;
    machine_vm(m, 1, 8);
    for (uint32_t i = 0; i < 3; i++) {      /* a hole in each section */
        for (uint64_t f = odd_ram[i].base / PAGE + 1; f < (odd_ram[i].base + odd_ram[i].size) / PAGE; f += 512)
            assert_ok(op_page(m, 1, gfn++, f));
    }
    for (uint32_t i = 0; i < 3; i++) {
        for (uint64_t f = odd_ram[i].base / PAGE; f < (odd_ram[i].base + odd_ram[i].size) / PAGE; f += 17)
            assert_int_not_equal(op_fault(m, f * PAGE), CORDON_NO_MEMORY);
        touch_around(m, odd_ram[i].base / PAGE);
        touch_around(m, (odd_ram[i].base + odd_ram[i].size) / PAGE);
        touch_around(m, odd_hidden[i].base / PAGE);
        touch_around(m, (odd_hidden[i].base + odd_hidden[i].size) / PAGE);
    }
    for (uint64_t gib = 0; gib < 1024; gib++)
        assert_int_not_equal(op_fault(m, gib * GIB + 700 * MIB), CORDON_NO_MEMORY);
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gib_that_is_all_the_hosts_is_mapped_by_one_block),
        cmocka_unit_test(a_section_that_is_all_the_hosts_is_mapped_by_a_block),
        cmocka_unit_test(a_frame_beside_the_cores_is_mapped_alone),
        cmocka_unit_test(a_gib_that_is_not_all_ram_is_mapped_by_sections),
        cmocka_unit_test(a_second_fault_at_a_mapped_address_changes_nothing),
        cmocka_unit_test(without_level_1_the_host_has_sections_at_most),
        cmocka_unit_test(a_page_out_of_a_gib_leaves_all_the_rest_mapped),
        cmocka_unit_test(a_section_out_of_a_gib_takes_one_table),
        cmocka_unit_test(a_page_out_of_a_block_takes_one_table),
        cmocka_unit_test(a_whole_block_is_dropped_without_any_table),
        cmocka_unit_test(a_table_goes_back_when_its_whole_section_leaves),
        cmocka_unit_test(a_section_that_is_all_the_hosts_again_becomes_a_block),
        cmocka_unit_test(one_frame_that_is_not_the_hosts_keeps_a_section_in_pages),
        cmocka_unit_test(a_join_leaves_no_stale_translation),
        cmocka_unit_test(a_section_comes_back_as_a_block_when_nothing_was_left_of_it),
        cmocka_unit_test(split_and_join_keep_what_the_host_wrote),
        cmocka_unit_test(a_gib_of_devices_is_mapped_by_one_block),
        cmocka_unit_test(devices_beside_ram_are_mapped_by_2_mib),
        cmocka_unit_test(devices_beside_a_hidden_range_are_mapped_by_pages),
        cmocka_unit_test(a_hidden_range_is_never_mapped),
        cmocka_unit_test(the_cores_and_vms_frames_are_private),
        cmocka_unit_test(words_of_the_hosts_memory_are_read),
        cmocka_unit_test(words_that_are_not_the_hosts_are_not_read),
        cmocka_unit_test(words_are_read_while_the_page_is_granted),
        cmocka_unit_test(words_of_two_pages_or_of_none_are_not_read),
        cmocka_unit_test(an_address_of_no_frame_is_out_of_range),
        cmocka_unit_test(the_tables_that_are_asked_for_are_enough_for_any_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
