/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated SMMU, and each check of the devices' table: it fires on what it is for, and on nothing else.
 *
 * The tests play the core: they write entries and records by hand, right once and wrong in one step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "dma.h"
#include "memory/frame.h"
#include "reports.h"
#include "smmu.h"

#define RAM_FRAME UINT64_C(0x40000)
#define P (RAM_FRAME + 0x21)
#define PAGE_BITS UINT64_C(0x7ff)

static const struct cordon_mem ram = { RAM_FRAME * 4096, UINT64_C(8) << 20 };
static const struct cordon_mem core_mem = { RAM_FRAME * 4096 + (UINT64_C(6) << 20), UINT64_C(2) << 20 };

/* ---- playing the core, and a device ---- */

static uint64_t page(uint64_t frame) { return frame << 12 | PAGE_BITS; }
static void put(uint64_t frame, uint64_t entry)
{
    arch_dma_write(c, c->dma.leaf + (frame - RAM_FRAME) / 512, frame % 512, entry);
}

static void begin(const char *what)
{
    sim_begin(s, what);
    arch_lock_taken(c, LOCK_SECTION, 0);
}

static void end(void)
{
    arch_lock_dropped(c, LOCK_SECTION, 0);
    (void)sim_end(s);
}

/* The record of a frame of the first section says that it is the core's, or the host's, to whom it goes as it should. */
static void record(uint64_t frame, bool core)
{
    if (!core) {
        arch_zero_frames(c, frame, 1);
        arch_clean_frames(c, frame, 1);
    }
    c->frame[frame - RAM_FRAME] = frame_of(core ? HOLDER_CORE : HOLDER_HOST);
    c->section[0].taken = (uint16_t)(c->section[0].taken + (core ? 1 : -1));
}

static bool reaches(uint64_t frame)
{
    uint64_t value;

    return sim_dma_read(s, frame << 12, &value) == SIM_DONE;
}

static int setup(void **state)
{
    struct sim_config f = { .ram = &ram, .rams = 1, .core = &core_mem, .cores = 1, .vms = 4, .private_size = UINT64_C(2) << 20,
                            .dma = { 39, PAGE_BITS } };
    char why[128] = "";

    (void)state;
    sim_cpu(NULL, 0);
    s = sim_create(&f, why, sizeof(why));
    if (s == NULL)
        fail_msg("%s", why);
    c = sim_core(s);
    none();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sim_destroy(s);
    return 0;
}

/* ---- the SMMU ---- */

TEST(a_device_reads_and_writes_what_the_caches_show)
{
    uint64_t value = 0;

    assert_int_equal(sim_dma_write(s, (P << 12) + 24, 77), SIM_DONE);
    assert_int_equal(sim_peek(s, P, 3), 77);
    sim_poke(s, P, 3, 78);
    assert_int_equal(sim_dma_read(s, (P << 12) + 24, &value), SIM_DONE);
    assert_int_equal(value, 78);
    assert_int_equal(sim_dma_events(s), 0);
}

TEST(a_fault_is_an_event)
{
    uint64_t value = 5;

    assert_int_equal(sim_dma_read(s, core_mem.base, &value), SIM_FAULT);
    assert_int_equal(sim_dma_write(s, core_mem.base + 8, 1), SIM_FAULT);
    assert_int_equal(sim_dma_events(s), 2);
    assert_int_equal(value, 5);
    assert_int_equal(sim_peek(s, core_mem.base >> 12, 1), 0);
    none();
}

/* An entry that a device has used is kept until the CMD_SYNC behind the CMD_TLBI, whatever the table says. */
TEST(the_tlb_forgets_when_the_sync_is_complete_and_not_before)
{
    assert_true(reaches(P));
    begin("close");
    record(P, true);
    put(P, 0);
    assert_false(sim_dma_lookup(s, P, NULL));
    assert_true(reaches(P));
    arch_dma_invalidate(c, P, 1);
    assert_true(reaches(P));
    arch_dma_sync(c);
    assert_false(reaches(P));
    end();
    none();
    assert_int_equal(sim_check_all(s), 0);
}

TEST(a_sync_alone_forgets_nothing)
{
    assert_true(reaches(P));
    begin("close");
    record(P, true);
    put(P, 0);
    arch_dma_sync(c);
    assert_true(reaches(P));
    end();
    reported("I6 (S11)", "missing: CMD_TLBI and CMD_SYNC");
}

TEST(an_invalidation_covers_its_pages_and_no_others)
{
    for (uint64_t i = 0; i < 4; i++)
        assert_true(reaches(P + i));
    begin("close");
    for (uint64_t i = 0; i < 4; i++) {
        record(P + i, true);
        put(P + i, 0);
    }
    arch_dma_invalidate(c, P + 1, 2);
    arch_dma_sync(c);
    assert_true(reaches(P) && reaches(P + 3));
    assert_false(reaches(P + 1) || reaches(P + 2));
    end();
    reported("I6 (S11)", "for frame 0x40021 was");
    reported("I6 (S11)", "for frame 0x40024 was");
    assert_int_equal(sim_reports(s), 2);
}

/* An entry that goes behind the CMD_TLBI may be back in the TLB when the CMD_SYNC is complete. */
TEST(a_store_behind_the_invalidation_is_not_covered)
{
    assert_true(reaches(P));
    begin("close");
    record(P, true);
    arch_dma_invalidate(c, P, 1);
    put(P, 0);
    arch_dma_sync(c);
    assert_true(reaches(P));
    end();
    reported_alone("I6 (S11)", "missing: CMD_TLBI and CMD_SYNC");
    assert_int_not_equal(sim_check_all(s), 0);
    reported("I6", "the SMMU has a stale translation of page 0x40021");
}

TEST(a_page_that_no_device_used_is_owed_all_the_same)
{
    begin("close");
    record(P, true);
    put(P, 0);
    arch_dma_invalidate(c, P, 1);
    end();
    reported_alone("I6 (S11)", "was 0x400217ff and was taken out; missing: CMD_SYNC");
}

TEST(a_stale_translation_is_used)
{
    assert_true(reaches(P));
    begin("close");
    record(P, true);
    put(P, 0);
    end();
    assert_true(reaches(P));
    reported("I6", "a device goes through a stale translation");
}

/* ---- stores ---- */

TEST(open_and_close_done_right)
{
    begin("close");
    record(P, true);
    put(P, 0);
    arch_dma_invalidate(c, P, 1);
    arch_dma_sync(c);
    end();
    begin("open");
    record(P, false);
    put(P, page(P));
    arch_dsb_ishst(c);
    end();
    none();
    assert_true(reaches(P));
    assert_int_equal(sim_check_all(s), 0);
}

TEST(opened_again_before_it_was_told)
{
    begin("close and open");
    put(P, 0);
    put(P, page(P));
    arch_dsb_ishst(c);
    arch_dma_invalidate(c, P, 1);
    arch_dma_sync(c);
    end();
    none();
}

TEST(a_new_entry_that_no_walk_may_see_yet)
{
    begin("close");
    record(P, true);
    put(P, 0);
    arch_dma_invalidate(c, P, 1);
    arch_dma_sync(c);
    end();
    begin("open");
    record(P, false);
    put(P, page(P));
    end();
    reported_alone("publish", "missing: DSB ISHST");
}

TEST(valid_to_valid)
{
    begin("swap");
    put(P, page(P + 1));
    put(P, page(P));
    arch_dsb_ishst(c);
    arch_dma_invalidate(c, P, 1);
    arch_dma_sync(c);
    end();
    reported("break-before-make", "goes from 0x400217ff to 0x400227ff");
}

TEST(made_before_it_was_broken)
{
    begin("swap");
    put(P, 0);
    arch_dma_invalidate(c, P, 1);
    put(P, page(P + 1));
    arch_dma_sync(c);
    put(P, 0);
    put(P, page(P));
    arch_dsb_ishst(c);
    arch_dma_invalidate(c, P, 1);
    arch_dma_sync(c);
    end();
    reported("break-before-make", "goes from 0x400217ff to 0x400227ff");
}

TEST(an_entry_without_its_lock)
{
    begin("close");
    put(P + 512, 0);
    arch_dma_invalidate(c, P + 512, 1);
    arch_dma_sync(c);
    end();
    reported_alone("lock", "frame 0x40221 is written without its section's lock");
}

TEST(an_entry_without_any_lock)
{
    sim_begin(s, "close");
    put(P, 0);
    (void)sim_end(s);
    reported("lock", "frame 0x40021");
    reported("I6 (S11)", "at the end of the operation");
}

TEST(a_row_that_is_no_table_of_the_devices)
{
    begin("close");
    arch_dma_write(c, P, 0, 7);
    end();
    reported_alone("I7", "frame 0x40021, which is no table of the devices'");
    assert_int_equal(sim_peek(s, P, 0), 0);
}

TEST(a_link_changes_after_boot)
{
    begin("unlink");
    arch_dma_write(c, c->dma.root, 1, 0);
    end();
    reported("I7", "which is not of level 3, is written after boot");
    assert_int_not_equal(sim_check_all(s), 0);
    reported("I7", "does not reach every section");
}

TEST(a_store_past_the_step)
{
    c->phys[c->dma.leaf].e[P % 512] = 0;
    begin("look");
    end();
    reported("direct store", "other than by arch_dma_write()");
    reported("I5", "entry for frame 0x40021 is 0x0");
}

TEST(a_store_past_the_step_seen_at_the_entry)
{
    c->phys[c->dma.leaf].e[P % 512] = page(P) | UINT64_C(1) << 54;
    begin("close");
    record(P, true);
    put(P, 0);
    arch_dma_invalidate(c, P, 1);
    arch_dma_sync(c);
    end();
    reported_alone("direct store", "holds 0x400000400217ff");
}

/* ---- entries against records ---- */

TEST(i5_a_frame_that_is_the_cores_now)
{
    begin("take");
    record(P, true);
    end();
    reported_alone("I5", "is 0x400217ff, but its record says holder 0xfffe count 0: the host may not have it");
    assert_int_not_equal(sim_check_all(s), 0);
}

TEST(i5_a_frame_that_the_host_has_and_no_device)
{
    begin("close");
    put(P, 0);
    arch_dma_invalidate(c, P, 1);
    arch_dma_sync(c);
    end();
    reported_alone("I5", "is 0x0, but its record says holder 0x0 count 0: the host may have it");
}

TEST(i5_another_frame_behind_the_page)
{
    begin("swap");
    put(P, 0);
    arch_dma_invalidate(c, P, 1);
    arch_dma_sync(c);
    put(P, page(P + 1));
    arch_dsb_ishst(c);
    end();
    reported_alone("I5", "entry for frame 0x40021 is 0x400227ff");
}

TEST(i5_a_page_with_other_attributes)
{
    begin("swap");
    put(P, 0);
    arch_dma_invalidate(c, P, 1);
    arch_dma_sync(c);
    put(P, page(P) & ~UINT64_C(0x80));
    arch_dsb_ishst(c);
    end();
    reported_alone("I5", "is 0x4002177f");
}

TEST(i5_found_by_the_check_of_everything)
{
    c->frame[P - RAM_FRAME] = frame_of(HOLDER_CORE);
    c->section[0].taken = 1;
    assert_int_not_equal(sim_check_all(s), 0);
    reported("I5", "the host may not have it");
}

/* ---- zeros ---- */

/* The frame is the core's and goes to the host; what is left out of that. */
static void zero(bool close, bool tell, bool wait)
{
    begin("zero");
    record(P, true);
    if (close)
        put(P, 0);
    if (tell)
        arch_dma_invalidate(c, P, 1);
    if (wait)
        arch_dma_sync(c);
    arch_zero_frames(c, P, 1);
    arch_clean_frames(c, P, 1);
    if (!close)
        put(P, 0);
    arch_dma_invalidate(c, P, 1);
    arch_dma_sync(c);
    end();
}

TEST(i8_done_right)
{
    zero(true, true, true);
    none();
}

TEST(i8_zeroed_while_it_is_mapped)
{
    zero(false, false, false);
    reported_alone("I8", "frame 0x40021 is zeroed while the host's devices still reach it");
}

TEST(i8_zeroed_before_the_smmu_is_told)
{
    zero(true, false, false);
    reported_alone("I8", "through an SMMU; missing: CMD_TLBI and CMD_SYNC");
}

TEST(i8_zeroed_before_the_smmu_is_done)
{
    zero(true, true, false);
    reported_alone("I8", "through an SMMU; missing: CMD_SYNC");
}

TEST(i8_opened_before_it_is_zeroed)
{
    begin("take");
    record(P, true);
    put(P, 0);
    arch_dma_invalidate(c, P, 1);
    arch_dma_sync(c);
    end();
    sim_poke(s, P, 0, 0x5ec7e7);
    begin("return");
    c->frame[P - RAM_FRAME] = frame_of(HOLDER_HOST);
    c->section[0].taken = 0;
    put(P, page(P));
    arch_dsb_ishst(c);
    sim_poke(s, P, 0, 0);
    end();
    reported("I8", "frame 0x40021 is opened to the host's devices and is not zero");
}

/* ---- the whole table ---- */

/* A store past every step, that nothing but the check of everything will look at. */
static void plant(uint64_t row, uint64_t index, uint64_t entry)
{
    c->phys[row].e[index] = entry;
    s->dma_shadow[row - s->dma_tables.first].e[index] = entry;
    assert_int_not_equal(sim_check_all(s), 0);
}

TEST(i7_a_block)
{
    plant(c->dma.root, 0, 0x7fd);
    reported_alone("I7", "of level 1, is 0x7fd: no table");
}

TEST(i7_one_table_in_two_places)
{
    plant(c->dma.root, 2, c->phys[c->dma.root].e[1]);
    reported("I7", "is reached as the devices' table for page 0x80000 on, and is reached from another place too");
}

TEST(i7_a_table_that_is_none)
{
    plant(c->dma.root, 2, P << 12 | 3);
    reported_alone("I7", "frame 0x40021 is reached as the devices' table for page 0x80000 on, and is none");
}

TEST(i7_tables_that_are_swapped)
{
    uint64_t middle = c->phys[c->dma.root].e[1] >> 12;

    plant(middle, 0, (c->dma.leaf + 1) << 12 | 3);
    reported("I7", "for page 0x40000 on, which the core keeps in another");
}

TEST(i5_a_table_where_no_ram_is)
{
    uint64_t middle = c->phys[c->dma.root].e[1] >> 12;

    c->phys[middle].e[0] = 0;
    plant(middle, 500, c->dma.leaf << 12 | 3);
    reported("I5", "for page 0x7e800 on, where no RAM is");
}

TEST(i5_a_device_reaches_what_is_no_ram)
{
    uint64_t middle = c->phys[c->dma.root].e[1] >> 12;

    c->phys[middle].e[500] = c->dma.leaf << 12 | 3;
    assert_true(reaches(0x7e800 + 0x21));
    reported("I5", "a device reaches page 0x7e821, frame 0x40021, which is no RAM");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_device_reads_and_writes_what_the_caches_show), T(a_fault_is_an_event),
        T(the_tlb_forgets_when_the_sync_is_complete_and_not_before), T(a_sync_alone_forgets_nothing),
        T(an_invalidation_covers_its_pages_and_no_others), T(a_store_behind_the_invalidation_is_not_covered),
        T(a_page_that_no_device_used_is_owed_all_the_same), T(a_stale_translation_is_used), T(open_and_close_done_right),
        T(opened_again_before_it_was_told), T(a_new_entry_that_no_walk_may_see_yet), T(valid_to_valid),
        T(made_before_it_was_broken), T(an_entry_without_its_lock), T(an_entry_without_any_lock),
        T(a_row_that_is_no_table_of_the_devices), T(a_link_changes_after_boot), T(a_store_past_the_step),
        T(a_store_past_the_step_seen_at_the_entry), T(i5_a_frame_that_is_the_cores_now),
        T(i5_a_frame_that_the_host_has_and_no_device), T(i5_another_frame_behind_the_page),
        T(i5_a_page_with_other_attributes), T(i5_found_by_the_check_of_everything), T(i8_done_right),
        T(i8_zeroed_while_it_is_mapped), T(i8_zeroed_before_the_smmu_is_told), T(i8_zeroed_before_the_smmu_is_done),
        T(i8_opened_before_it_is_zeroed),
        T(i7_a_block), T(i7_one_table_in_two_places), T(i7_a_table_that_is_none), T(i7_tables_that_are_swapped),
        T(i5_a_table_where_no_ram_is), T(i5_a_device_reaches_what_is_no_ram),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
