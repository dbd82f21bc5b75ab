/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host's devices reach: every transition, with a device that has used the frame before, so that the SMMU's TLB has it.
 *
 * The simulated machine checks the table against the records whenever a section's lock goes, and nothing here repeats that: these
 * are the accesses of devices, before and after.
 */
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/dma.h"

#define STAGE2_PAGE UINT64_C(0x7ff)
#define STAGE1_PAGE UINT64_C(0x743)
#define P FRAME(2, 33)
#define GFN UINT64_C(0x1234)
#define VALUE UINT64_C(0x5ec7e7)

static struct sim_config config_of(uint32_t bits, uint64_t page)
{
    struct sim_config config = machine_config();

    config.dma = (struct cordon_dma){ bits, page };
    return config;
}

/* VM 1 on a machine whose host has devices. */
static struct machine *machine_new_with_vm(void)
{
    struct sim_config config = config_of(39, STAGE2_PAGE);
    struct machine *m = machine_new(&config);

    machine_vm(m, 1, 8);
    return m;
}

static struct machine *machine_of_regions(const struct cordon_mem *ram, uint32_t n, uint32_t bits)
{
    struct sim_config config = config_of(bits, STAGE1_PAGE);

    config.ram = ram;
    config.rams = n;
    config.cores = 0;
    return machine_new(&config);
}

/* ---- devices ---- */

static void nothing_reported(struct machine *m)
{
    if (sim_reports(m->sim) > 0)
        fail_msg("%s", sim_report(m->sim, 0));
}

/* Whether a device's access to the frame gets through. What does not is one event of the SMMU's. */
static bool reaches(struct machine *m, uint64_t frame)
{
    uint64_t events = sim_dma_events(m->sim);
    uint64_t value;
    bool through = sim_dma_read(m->sim, frame * PAGE, &value) == SIM_DONE;

    assert_int_equal(sim_dma_events(m->sim) - events, through ? 0 : 1);
    nothing_reported(m);
    return through;
}

static uint64_t fetched(struct machine *m, uint64_t addr)
{
    uint64_t value = 0;

    assert_int_equal(sim_dma_read(m->sim, addr, &value), SIM_DONE);
    nothing_reported(m);
    return value;
}

static void stored(struct machine *m, uint64_t addr, uint64_t value)
{
    assert_int_equal(sim_dma_write(m->sim, addr, value), SIM_DONE);
    nothing_reported(m);
}

/* How many of n frames a device reaches. */
static uint64_t reached(struct machine *m, uint64_t first, uint64_t n)
{
    uint64_t count = 0;

    for (uint64_t i = 0; i < n; i++)
        count += reaches(m, first + i) ? 1 : 0;
    return count;
}

/* ---- boot ---- */

static void I5_from_boot_on_devices_reach_what_the_host_has(void **state)
{
    static const uint64_t pages[] = { STAGE1_PAGE, STAGE2_PAGE };

    (void)state;
    for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
        for (uint32_t bits = 39; bits <= 48; bits += 9) {
            struct sim_config config = config_of(bits, pages[i]);
            struct machine *m = machine_new(&config);

            assert_int_equal(reached(m, FRAME(0, 0), CORE_FRAMES), 0);
            assert_int_equal(reached(m, FRAME(0, CORE_FRAMES), SMALL_SECTIONS * 512 - CORE_FRAMES),
                             SMALL_SECTIONS * 512 - CORE_FRAMES);
            machine_free(m);
        }
    }
}

static void I5_devices_reach_nothing_that_is_no_ram(void **state)
{
    struct machine *m = machine_new_with_vm();

    (void)state;
    assert_false(reaches(m, DEVICE_PA / PAGE));
    assert_false(reaches(m, HIDDEN_PA / PAGE));
    assert_false(reaches(m, FRAME(0, 0) - 1));
    assert_false(reaches(m, m->c->host.root));
    assert_false(reaches(m, m->c->dma.root));
    assert_false(reaches(m, m->c->dma.leaf));
    assert_false(reaches(m, P + (UINT64_C(1) << 27)));      /* 39 bits are compared whole */
    assert_false(reaches(m, UINT64_MAX / PAGE));
    machine_free(m);
}

static void an_entry_is_the_frame_and_what_the_machine_takes_for_a_page(void **state)
{
    static const uint64_t pages[] = { STAGE1_PAGE, STAGE2_PAGE };

    (void)state;
    for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
        struct sim_config config = config_of(39, pages[i]);
        struct machine *m = machine_new(&config);
        struct sim_mapping leaf = { 0 };

        assert_true(sim_dma_lookup(m->sim, P, &leaf));
        assert_int_equal(leaf.level, 3);
        assert_int_equal(leaf.pfn, P);
        assert_int_equal(sim_peek(m->sim, m->c->dma.leaf + 2, 33), P * PAGE + pages[i]);
        assert_int_equal(sim_peek(m->sim, m->c->dma.leaf, 0), 0);
        machine_free(m);
    }
}

static void a_machine_without_an_smmu_has_no_table(void **state)
{
    struct machine *m = machine_with_vm();
    struct cordon_config config = { .ram = m->ram, .rams = 1, .host = { 48, 0 }, .vm = { 48, 0 }, .vms = 1 };
    struct cordon_sizes sizes;

    (void)state;
    assert_ok(cordon_sizes(&config, &sizes));
    assert_int_equal(sizes.dma_tables, 0);
    assert_int_equal(m->c->dma.leaf, 0);
    assert_false(reaches(m, P));
    assert_ok(op_page(m, 1, GFN, P));
    assert_int_equal(run_clear(m, 1, P, 1).changed, 1);
    machine_free(m);
}

static void I5_a_hole_in_a_section_is_not_reached(void **state)
{
    const struct cordon_mem ram[] = { { RAM_BASE + 3 * MIB, 3 * MIB }, { RAM_BASE + 5 * PAGE, 3 * MIB - 9 * PAGE } };
    struct machine *m = machine_of_regions(ram, 2, 39);

    (void)state;
    assert_int_equal(reached(m, FRAME(0, 0), 5), 0);
    assert_int_equal(reached(m, FRAME(0, 5), 768 - 9), 768 - 9);
    assert_int_equal(reached(m, FRAME(1, 252), 4), 0);
    assert_int_equal(reached(m, FRAME(1, 256), 768), 768);
    machine_free(m);
}

static void I5_pinned_frames_are_reached_and_stay(void **state)
{
    static const struct cordon_mem pinned = { FRAME(2, 33) * PAGE, 2 * PAGE };
    struct sim_config config = config_of(39, STAGE2_PAGE);
    struct machine *m;

    (void)state;
    config.pinned = &pinned;
    config.pinneds = 1;
    m = machine_new(&config);
    machine_vm(m, 1, 8);
    assert_true(reaches(m, P));
    assert_refused(m, CORDON_SHARED, op_page(m, 1, GFN, P));
    assert_refused(m, CORDON_SHARED, op_donate(m, 1, P + 1, 1));
    assert_int_equal(reached(m, P, 2), 2);
    machine_free(m);
}

/* ---- where RAM lies ---- */

static uint64_t tables_for(const struct cordon_mem *ram, uint32_t n, uint32_t bits)
{
    struct cordon_config config = { .ram = ram, .rams = n, .host = { 48, 0 }, .vm = { 48, 0 }, .vms = 1,
                                    .dma = { bits, STAGE1_PAGE } };
    struct cordon_sizes sizes;

    assert_ok(cordon_sizes(&config, &sizes));
    return sizes.dma_tables;
}

static void tables_are_as_many_as_ram_takes(void **state)
{
    const struct cordon_mem gib = { GIB, GIB };
    const struct cordon_mem across = { 2 * GIB - 2 * MIB, 4 * MIB };
    const struct cordon_mem part = { GIB + MIB, 2 * MIB };
    const struct cordon_mem tops = { 512 * GIB - 2 * MIB, 4 * MIB };

    (void)state;
    assert_int_equal(tables_for(&gib, 1, 39), 1 + 512 + 1);
    assert_int_equal(tables_for(&gib, 1, 48), 1 + 512 + 1 + 1);
    assert_int_equal(tables_for(&across, 1, 39), 1 + 2 + 2);
    assert_int_equal(tables_for(&part, 1, 39), 1 + 2 + 1);
    assert_int_equal(tables_for(&tops, 1, 48), 1 + 2 + 2 + 2);
}

/* All of these frames are reached, and none that a VM gets. */
static void work_at(struct machine *m, const struct cordon_mem *ram)
{
    uint64_t first = ram->base / PAGE;
    uint64_t n = ram->size / PAGE;

    assert_int_equal(reached(m, first, n), n);
    assert_ok(op_page(m, 1, first % 512, first + 1));
    assert_int_equal(reached(m, first, n), n - 1);
    assert_false(reaches(m, first + 1));
    assert_int_equal(run_clear(m, 1, first, n).changed, 1);
    assert_int_equal(reached(m, first, n), n);
}

static void regions_are_reached_wherever_they_lie(struct cordon_mem *ram, uint32_t n, uint32_t bits)
{
    struct sim_config config = config_of(bits, STAGE2_PAGE);
    struct machine *m;

    config.ram = ram;
    config.rams = n;
    config.cores = 0;
    config.pa_bits = 48;
    m = machine_new(&config);
    assert_ok(sim_vm_create(m->sim, 1));
    assert_ok(sim_vm_feed(m->sim, 1, 8));
    for (uint32_t i = 0; i < n; i++)
        work_at(m, &ram[i]);
    assert_ok(sim_vm_destroy(m->sim, 1));
    machine_free(m);
}

static void ram_of_two_spans_in_one_gib(void **state)
{
    struct cordon_mem ram[] = { { RAM_BASE, 4 * MIB }, { RAM_BASE + 16 * MIB, 4 * MIB } };

    (void)state;
    regions_are_reached_wherever_they_lie(ram, 2, 39);
    regions_are_reached_wherever_they_lie(ram, 2, 48);
}

static void ram_of_two_spans_in_one_512_gib(void **state)
{
    struct cordon_mem ram[] = { { 7 * GIB, 4 * MIB }, { RAM_BASE, 2 * MIB }, { 200 * GIB - 2 * MIB, 6 * MIB } };

    (void)state;
    regions_are_reached_wherever_they_lie(ram, 3, 39);
    regions_are_reached_wherever_they_lie(ram, 3, 48);
}

static void ram_beyond_39_and_40_bits(void **state)
{
    struct cordon_mem ram[] = { { 512 * GIB - 2 * MIB, 6 * MIB }, { RAM_BASE, 2 * MIB }, { UINT64_C(1) << 41, 4 * MIB },
                                { (UINT64_C(1) << 41) + 3 * GIB, 2 * MIB } };

    (void)state;
    regions_are_reached_wherever_they_lie(ram, 4, 48);
}

/* ---- frames become a VM's ---- */

static void a_page_that_a_vm_gets_is_out_of_reach(void **state)
{
    struct machine *m = machine_new_with_vm();

    (void)state;
    stored(m, P * PAGE, VALUE);
    assert_int_equal(reached(m, P - 1, 3), 3);
    assert_ok(op_page(m, 1, GFN, P));
    assert_false(reaches(m, P));
    assert_int_equal(sim_dma_write(m->sim, P * PAGE, 1), SIM_FAULT);
    assert_true(reaches(m, P - 1));
    assert_true(reaches(m, P + 1));
    assert_int_equal(read_at(m, 1, GFN * PAGE), VALUE);     /* the contents are kept; caches or not */
    assert_int_equal(read_uncached(m, 1, GFN * PAGE), VALUE);
    machine_free(m);
}

static void a_zeroed_page_is_out_of_reach_before_it_is_zeroed(void **state)
{
    struct machine *m = machine_new_with_vm();

    (void)state;
    stored(m, P * PAGE, VALUE);
    assert_ok(op_map(m, 1, GFN * PAGE, P * PAGE, 3, CORDON_ZERO));
    assert_int_equal(sim_dma_write(m->sim, P * PAGE, 1), SIM_FAULT);
    assert_int_equal(read_at(m, 1, GFN * PAGE), 0);
    machine_free(m);
}

static void all_of_a_block_is_out_of_reach(void **state)
{
    struct machine *m = machine_new_with_vm();

    (void)state;
    assert_int_equal(reached(m, FRAME(1, 0), 3 * 512), 3 * 512);
    assert_ok(op_block(m, 1, 512, FRAME(2, 0)));
    assert_int_equal(reached(m, FRAME(2, 0), 512), 0);
    assert_int_equal(reached(m, FRAME(1, 0), 512) + reached(m, FRAME(3, 0), 512), 1024);
    machine_free(m);
}

static void all_of_a_range_is_out_of_reach(void **state)
{
    struct machine *m = machine_new_with_vm();

    (void)state;
    assert_ok(op_page(m, 1, 600 + 10, FRAME(2, 510)));      /* one of them is the VM's already */
    assert_int_equal(reached(m, FRAME(2, 500), 24), 23);
    assert_ok(run_map_range(m, 1, 600 * PAGE, FRAME(2, 500), 24).status);
    assert_int_equal(reached(m, FRAME(2, 500), 24), 0);
    assert_true(reaches(m, FRAME(2, 499)));
    assert_true(reaches(m, FRAME(3, 12)));
    machine_free(m);
}

static void a_page_that_was_never_used_is_out_of_reach_too(void **state)
{
    struct machine *m = machine_new_with_vm();

    (void)state;
    assert_ok(op_page(m, 1, GFN, P));
    assert_false(reaches(m, P));
    machine_free(m);
}

static void S6_a_pending_frame_is_out_of_reach(void **state)
{
    struct machine *m = machine_new_with_vm();

    (void)state;
    assert_true(reaches(m, P));
    machine_assign(m, 1, GFN, P, true);
    assert_false(reaches(m, P));
    assert_int_equal(run_grant(m, 1, GFN * PAGE, PAGE).changed, 0);
    assert_false(reaches(m, P));
    assert_ok(op_page(m, 1, GFN, P));
    assert_false(reaches(m, P));
    assert_int_equal(run_clear(m, 1, P, 1).changed, 1);
    assert_true(reaches(m, P));
    machine_free(m);
}

static void a_pending_frame_that_is_cleared_is_reached(void **state)
{
    struct machine *m = machine_new_with_vm();

    (void)state;
    stored(m, P * PAGE, VALUE);
    machine_assign(m, 1, GFN, P, true);
    assert_int_equal(run_clear(m, 1, P, 1).changed, 1);
    assert_int_equal(fetched(m, P * PAGE), 0);
    machine_free(m);
}

/* ---- and the host's again ---- */

static void I8_a_page_that_is_cleared_is_reached_and_zero(void **state)
{
    struct machine *m = machine_new_with_vm();

    (void)state;
    assert_ok(op_page(m, 1, GFN, P));
    write_at(m, 1, GFN * PAGE, VALUE);
    assert_false(reaches(m, P));
    assert_int_equal(run_clear(m, 1, P, 1).changed, 1);
    assert_int_equal(fetched(m, P * PAGE), 0);
    machine_free(m);
}

static void I8_a_granted_page_is_out_of_reach_before_it_is_zeroed(void **state)
{
    struct machine *m = machine_new_with_vm();

    (void)state;
    assert_ok(op_page(m, 1, GFN, P));
    assert_int_equal(run_grant(m, 1, GFN * PAGE, PAGE).changed, 1);
    stored(m, P * PAGE, VALUE);
    assert_int_equal(run_clear(m, 1, P, 1).changed, 1);
    assert_int_equal(fetched(m, P * PAGE), 0);
    machine_free(m);
}

static void I8_granted_pages_of_a_run_are_out_of_reach_before_they_are_zeroed(void **state)
{
    struct machine *m = machine_new_with_vm();

    (void)state;
    assert_ok(run_map_range(m, 1, GFN * PAGE, P, 20).status);
    assert_int_equal(run_grant(m, 1, (GFN + 5) * PAGE, 3 * PAGE).changed, 3);
    assert_int_equal(run_grant(m, 1, (GFN + 12) * PAGE, 2 * PAGE).changed, 2);
    assert_int_equal(reached(m, P, 20), 5);
    assert_int_equal(run_clear(m, 1, P, 20).changed, 20);
    assert_int_equal(reached(m, P, 20), 20);
    machine_free(m);
}

static void a_block_that_is_cleared_is_reached(void **state)
{
    struct machine *m = machine_new_with_vm();

    (void)state;
    assert_ok(op_block(m, 1, 512, FRAME(2, 0)));
    assert_int_equal(run_grant(m, 1, 700 * PAGE, PAGE).changed, 1);
    assert_int_equal(reached(m, FRAME(2, 0), 512), 1);
    assert_int_equal(run_clear(m, 1, FRAME(2, 0), 512).changed, 512);
    assert_int_equal(reached(m, FRAME(2, 0), 512), 512);
    machine_free(m);
}

static void part_of_a_block_that_is_cleared_is_reached_and_the_rest_not(void **state)
{
    struct machine *m = machine_new_with_vm();

    (void)state;
    assert_ok(op_block(m, 1, 512, FRAME(2, 0)));
    assert_int_equal(run_clear(m, 1, FRAME(2, 100), 50).changed, 50);
    assert_int_equal(reached(m, FRAME(2, 0), 100), 0);
    assert_int_equal(reached(m, FRAME(2, 100), 50), 50);
    assert_int_equal(reached(m, FRAME(2, 150), 362), 0);
    machine_free(m);
}

static void a_clear_of_anothers_frames_changes_nothing_for_devices(void **state)
{
    struct machine *m = machine_new_with_vm();

    (void)state;
    machine_vm(m, 2, 4);
    assert_ok(op_page(m, 2, GFN, P));
    assert_int_equal(run_clear(m, 1, P - 1, 3).changed, 0);
    assert_int_equal(reached(m, P - 1, 3), 2);
    machine_free(m);
}

/* ---- grants ---- */

static void the_first_grant_opens_and_the_last_revoke_closes(void **state)
{
    struct machine *m = machine_new_with_vm();

    (void)state;
    assert_ok(op_page(m, 1, GFN, P));
    write_at(m, 1, GFN * PAGE, VALUE);
    assert_int_equal(run_grant(m, 1, GFN * PAGE, PAGE).changed, 1);
    assert_int_equal(fetched(m, P * PAGE), VALUE);
    assert_int_equal(run_grant(m, 1, GFN * PAGE, PAGE).changed, 1);
    stored(m, P * PAGE + 8, VALUE + 1);
    assert_int_equal(read_at(m, 1, GFN * PAGE + 8), VALUE + 1);
    assert_int_equal(run_revoke(m, 1, GFN * PAGE, PAGE).changed, 1);
    assert_int_equal(fetched(m, P * PAGE), VALUE);
    assert_int_equal(run_revoke(m, 1, GFN * PAGE, PAGE).changed, 1);
    assert_false(reaches(m, P));
    assert_int_equal(run_revoke(m, 1, GFN * PAGE, PAGE).changed, 0);
    assert_false(reaches(m, P));
    assert_int_equal(run_grant(m, 1, GFN * PAGE, PAGE).changed, 1);
    assert_true(reaches(m, P));
    machine_free(m);
}

static void a_range_of_grants_opens_what_it_grants_and_no_more(void **state)
{
    struct machine *m = machine_new_with_vm();

    (void)state;
    assert_ok(op_block(m, 1, 512, FRAME(2, 0)));
    assert_ok(op_block(m, 1, 1024, FRAME(3, 0)));
    assert_int_equal(run_grant(m, 1, (512 + 500) * PAGE, 24 * PAGE).changed, 24);
    assert_int_equal(reached(m, FRAME(2, 0), 1024), 24);
    assert_int_equal(reached(m, FRAME(2, 500), 24), 24);
    assert_int_equal(run_revoke(m, 1, (512 + 501) * PAGE, 22 * PAGE).changed, 22);
    assert_int_equal(reached(m, FRAME(2, 0), 1024), 2);
    assert_true(reaches(m, FRAME(2, 500)));
    assert_true(reaches(m, FRAME(3, 11)));
    machine_free(m);
}

static void pages_that_a_revoke_leaves_shared_stay_in_reach(void **state)
{
    struct machine *m = machine_new_with_vm();

    (void)state;
    assert_ok(run_map_range(m, 1, GFN * PAGE, P, 8).status);
    assert_int_equal(run_grant(m, 1, GFN * PAGE, 8 * PAGE).changed, 8);
    assert_int_equal(run_grant(m, 1, (GFN + 3) * PAGE, 2 * PAGE).changed, 2);
    assert_int_equal(reached(m, P, 8), 8);
    assert_int_equal(run_revoke(m, 1, GFN * PAGE, 8 * PAGE).changed, 8);
    assert_int_equal(reached(m, P, 8), 2);
    assert_int_equal(reached(m, P + 3, 2), 2);
    machine_free(m);
}

/* ---- the core's own ---- */

static void table_frames_are_out_of_reach_and_come_back_zero(void **state)
{
    struct sim_config config = config_of(39, STAGE2_PAGE);
    struct machine *m = machine_new(&config);
    uint64_t root = FRAME(4, 0);

    (void)state;
    stored(m, root * PAGE, VALUE);
    stored(m, P * PAGE, VALUE);
    assert_ok(op_create(m, 1, root));
    assert_false(reaches(m, root));
    assert_ok(op_donate(m, 1, P, 3));
    assert_int_equal(reached(m, P, 4), 1);
    assert_ok(op_page(m, 1, GFN, FRAME(4, 1)));
    assert_ok(run_destroy(m, 1, NULL));
    assert_int_equal(fetched(m, root * PAGE), 0);
    assert_int_equal(fetched(m, P * PAGE), 0);
    assert_int_equal(reached(m, P, 4), 4);
    machine_free(m);
}

static void a_donation_that_is_refused_changes_nothing_for_devices(void **state)
{
    struct machine *m = machine_new_with_vm();

    (void)state;
    assert_ok(op_page(m, 1, GFN, P + 2));
    assert_int_equal(reached(m, P, 3), 2);
    assert_refused(m, CORDON_OWNED, op_donate(m, 1, P, 3));
    assert_refused(m, CORDON_GFN, op_block(m, 1, 512, FRAME(2, 0)));
    assert_int_equal(reached(m, P, 3), 2);
    machine_free(m);
}

/* ---- a VM goes ---- */

static void all_that_a_vm_had_is_reached_when_it_is_gone(void **state)
{
    struct machine *m = machine_new_with_vm();
    uint64_t before = host_frames(m);

    (void)state;
    assert_int_equal(reached(m, FRAME(0, 0), SMALL_SECTIONS * 512), before - 512 /* the private section */);
    assert_ok(op_block(m, 1, 512, FRAME(2, 0)));
    assert_ok(run_map_range(m, 1, 2048 * PAGE, FRAME(3, 7), 600).status);
    assert_int_equal(run_grant(m, 1, 2050 * PAGE, 5 * PAGE).changed, 5);
    assert_int_equal(run_grant(m, 1, 600 * PAGE, 5 * PAGE).changed, 5);
    assert_int_equal(reached(m, FRAME(2, 0), 3 * 512), 3 * 512 - 512 - 600 + 10);
    assert_ok(run_destroy(m, 1, NULL));
    assert_int_equal(reached(m, FRAME(0, 0), SMALL_SECTIONS * 512), SMALL_SECTIONS * 512 - CORE_FRAMES);
    for (uint64_t i = 0; i < 3 * 512; i++)
        assert_int_equal(fetched(m, FRAME(2, i) * PAGE), 0);
    machine_free(m);
}

static void a_guest_that_gives_memory_back_gives_it_to_devices(void **state)
{
    struct sim_config config = config_of(39, STAGE2_PAGE);
    struct regs host;
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_built(&g, machine_new(&config), 1);
    guest_start(&g);
    frame = guest_map(&g, GUEST_RAM, 5);
    write_at(g.m, g.id, GUEST_RAM + PAGE, VALUE);
    (void)guest_call(&g, 0, CORDON_GUEST_GRANT, GUEST_RAM + 2 * PAGE, PAGE, 0, NULL);
    assert_int_equal(reached(g.m, frame, 5), 1);
    (void)guest_call(&g, 0, CORDON_GUEST_RELINQUISH, GUEST_RAM + PAGE, 3 * PAGE, 0, &host);
    assert_false(reaches(g.m, frame));
    assert_int_equal(reached(g.m, frame + 1, 3), 3);
    assert_false(reaches(g.m, frame + 4));
    assert_int_equal(fetched(g.m, (frame + 1) * PAGE), 0);
    guest_free(&g);
}

static void the_frames_of_vcpus_are_out_of_reach(void **state)
{
    struct sim_config config = config_of(39, STAGE2_PAGE);
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_built(&g, machine_new(&config), 2);
    frame = guest_vm(&g)->vcpu_row[1];
    assert_false(reaches(g.m, frame));
    assert_ok(guest_destroy(&g));
    assert_int_equal(fetched(g.m, frame * PAGE), 0);
    guest_free(&g);
}

/* ---- how much it costs ---- */

struct tally {
    FILE *log;
    char *text;
    size_t size;
    size_t seen;
};

/* How many lines came to the log since the last call that have this in them. */
static unsigned lines(struct tally *t, const char *what)
{
    unsigned n = 0;

    (void)fflush(t->log);
    for (const char *at = strstr(t->text + t->seen, what); at != NULL; at = strstr(at + 1, what))
        n++;
    t->seen = t->size;
    return n;
}

static void S11_one_invalidation_and_one_wait_for_a_batch(void **state)
{
    struct sim_config config = config_of(39, STAGE2_PAGE);
    struct tally t = { NULL, NULL, 0, 0 };
    struct machine *m;

    (void)state;
    config.log = t.log = open_memstream(&t.text, &t.size);
    assert_non_null(t.log);
    m = machine_new(&config);
    machine_vm(m, 1, 8);
    assert_int_equal(lines(&t, " dma sync"), 9);        /* a root, 8 tables */
    assert_ok(op_block(m, 1, 512, FRAME(2, 0)));
    assert_int_equal(lines(&t, " dma sync"), 1);
    assert_int_equal(run_grant(m, 1, 512 * PAGE, 512 * PAGE).changed, 512);
    assert_int_equal(lines(&t, " dma sync"), 0);
    assert_int_equal(run_revoke(m, 1, 512 * PAGE, 512 * PAGE).changed, 512);
    assert_int_equal(lines(&t, " dma invalidate pfn=0x40400 pages=512"), 1);
    assert_int_equal(run_clear(m, 1, FRAME(2, 3), 1).changed, 1);       /* it was not granted: nothing is owed */
    assert_int_equal(lines(&t, " dma sync"), 0);
    machine_free(m);
    (void)fclose(t.log);
    free(t.text);
}

/* ---- the door ---- */

#define DOOR (HIDDEN_PA + PAGE)     /* the host's CPUs do not reach it */

static struct machine *machine_with_door(uint64_t door, uint32_t bits)
{
    struct sim_config config = config_of(bits, STAGE2_PAGE);

    config.door = (struct cordon_door){ door, UINT64_C(0x487) };
    return machine_new(&config);
}

static void a_door_is_one_page_for_devices_alone(void **state)
{
    (void)state;
    for (uint32_t bits = 39; bits <= 48; bits += 9) {
        struct machine *m = machine_with_door(DOOR, bits);
        struct sim_mapping leaf = { 0 };

        machine_vm(m, 1, 8);
        assert_true(reaches(m, DOOR / PAGE));
        assert_true(sim_dma_lookup(m->sim, DOOR / PAGE, &leaf));
        assert_int_equal(leaf.pfn, DOOR / PAGE);
        assert_false(reaches(m, DOOR / PAGE - 1));
        assert_false(reaches(m, DOOR / PAGE + 1));
        assert_false(reaches(m, DEVICE_PA / PAGE));
        assert_status(CORDON_PRIVATE, op_fault(m, DOOR));
        assert_ok(op_page(m, 1, GFN, P));
        assert_false(reaches(m, P));
        assert_true(reaches(m, DOOR / PAGE));
        machine_free(m);
    }
}

static void a_door_in_any_place_has_tables(void **state)
{
    static const uint64_t doors[] = { PAGE, 512 * PAGE, GIB, RAM_BASE - PAGE, 511 * GIB, 513 * GIB, (UINT64_C(1) << 48) - PAGE };

    (void)state;
    for (size_t i = 0; i < sizeof(doors) / sizeof(*doors); i++) {
        struct machine *m = machine_with_door(doors[i], doors[i] < 512 * GIB ? 39 : 48);

        assert_true(reaches(m, doors[i] / PAGE));
        assert_true(reaches(m, P));
        machine_free(m);
    }
}

/* ---- configurations ---- */

static const struct cordon_mem some_ram[] = { { RAM_BASE, SMALL_RAM } };
static const struct cordon_mem some_core[] = { { RAM_BASE, 32 * PAGE } };
static const struct cordon_mem some_hidden[] = { { HIDDEN_PA, HIDDEN_SIZE }, { 0, 32 * PAGE } };

static struct cordon_config good(void)
{
    return (struct cordon_config){ .ram = some_ram, .rams = 1, .core = some_core, .cores = 1, .hidden = some_hidden,
                                   .hiddens = 2, .host = { 48, 0 }, .vm = { 48, 0 }, .vms = 1, .dma = { 39, STAGE2_PAGE } };
}

static enum cordon_status sizes_of(struct cordon_config config)
{
    struct cordon_sizes sizes;

    return cordon_sizes(&config, &sizes);
}

static void CONFIG_devices_have_addresses_of_39_or_48_bits(void **state)
{
    struct cordon_config config = good();

    (void)state;
    for (uint32_t bits = 0; bits <= 255; bits++) {
        config.dma.bits = bits;
        assert_status(bits == 0 || bits == 39 || bits == 48 ? CORDON_OK : CORDON_CONFIG, sizes_of(config));
    }
    config.dma.bits = UINT32_MAX;
    assert_status(CORDON_CONFIG, sizes_of(config));
}

static void CONFIG_devices_reach_all_ram(void **state)
{
    const struct cordon_mem ram[] = { { RAM_BASE, SMALL_RAM }, { 512 * GIB - MIB, MIB } };
    const struct cordon_mem over[] = { { RAM_BASE, SMALL_RAM }, { 512 * GIB - MIB, MIB + PAGE } };
    struct cordon_config config = good();

    (void)state;
    config.rams = 2;
    config.ram = ram;
    assert_ok(sizes_of(config));
    config.ram = over;
    assert_status(CORDON_CONFIG, sizes_of(config));
    config.dma.bits = 48;
    assert_ok(sizes_of(config));
    config.dma.bits = 0;
    assert_ok(sizes_of(config));
}

static void CONFIG_a_door_is_one_page_beside_ram(void **state)
{
    struct cordon_config config = good();

    (void)state;
    config.door = (struct cordon_door){ DOOR, UINT64_C(0x487) };
    assert_ok(sizes_of(config));
    for (uint64_t at = 1; at < PAGE; at *= 2) {
        config.door.address = DOOR + at;
        assert_status(CORDON_CONFIG, sizes_of(config));
    }
    config.door.address = RAM_BASE;
    assert_status(CORDON_CONFIG, sizes_of(config));
    config.door.address = RAM_BASE + SMALL_RAM - PAGE;
    assert_status(CORDON_CONFIG, sizes_of(config));
    config.door.address = RAM_BASE + SMALL_RAM;
    assert_ok(sizes_of(config));
    config.door.address = RAM_BASE - PAGE;
    assert_ok(sizes_of(config));
    config.door.address = UINT64_C(1) << 39;
    assert_status(CORDON_CONFIG, sizes_of(config));
    config.dma.bits = 48;
    assert_ok(sizes_of(config));
    config.door.address = UINT64_C(1) << 48;
    assert_status(CORDON_CONFIG, sizes_of(config));
    config.door.address = DOOR;
    for (uint64_t low = 0; low < 4; low++) {
        config.door.page = 0x484 + low;
        assert_status(low == 3 ? CORDON_OK : CORDON_CONFIG, sizes_of(config));
    }
    config.door.page = DOOR + 0x487;
    assert_status(CORDON_CONFIG, sizes_of(config));
    config.door.page = 0x487;
    config.dma.bits = 0;
    assert_status(CORDON_CONFIG, sizes_of(config));
}

/* Part of a section is no RAM: a door there would be in a table that follows the records. */
static void CONFIG_a_door_in_a_section_of_ram(void **state)
{
    const struct cordon_mem ram[] = { { RAM_BASE, SMALL_RAM - MIB } };
    struct cordon_config config = good();

    (void)state;
    config.ram = ram;
    config.door = (struct cordon_door){ RAM_BASE + SMALL_RAM - PAGE, UINT64_C(0x487) };
    assert_status(CORDON_CONFIG, sizes_of(config));
}

static void CONFIG_a_page_is_valid_and_has_no_address(void **state)
{
    struct cordon_config config = good();

    (void)state;
    for (uint64_t low = 0; low < 4; low++) {
        config.dma.page = STAGE2_PAGE - 3 + low;
        assert_status(low == 3 ? CORDON_OK : CORDON_CONFIG, sizes_of(config));
    }
    for (uint32_t bit = 2; bit < 64; bit++) {
        config.dma.page = (UINT64_C(1) << bit) + 3;
        assert_status(bit >= 12 && bit < 48 ? CORDON_CONFIG : CORDON_OK, sizes_of(config));
    }
}

/* The devices' tables, 10 of them, at `row`; the host's at `host`. */
static enum cordon_status init_with(uint64_t row, uint64_t host, uint64_t host_count)
{
    static struct cordon c;
    static struct span span[4];
    static struct hidden hidden[4];
    struct cordon_config config = good();
    struct cordon_storage storage = { .span = span, .hidden = hidden, .phys_frames = FRAME(SMALL_SECTIONS, 0),
                                      .host_tables = { host }, .host_table_count = host_count, .dma_tables = { row } };

    return cordon_init(&c, &config, &storage);
}

static void CONFIG_tables_of_devices_that_the_host_could_reach(void **state)
{
    const uint64_t host = HIDDEN_PA / PAGE;

    (void)state;
    assert_int_equal(tables_for(some_ram, 1, 39), SMALL_SECTIONS + 2);
    assert_status(CORDON_CONFIG, init_with(FRAME(1, 0), host, 4));                      /* RAM of the host */
    assert_status(CORDON_CONFIG, init_with(FRAME(0, 32 - 9), host, 4));                 /* only in part the core's */
    assert_status(CORDON_CONFIG, init_with(FRAME(0, 0) - 1, host, 4));
    assert_status(CORDON_CONFIG, init_with(DEVICE_PA / PAGE, host, 4));                 /* a device, not hidden */
    assert_status(CORDON_CONFIG, init_with(host + 16 - 9, host, 4));                    /* beyond what is hidden */
    assert_status(CORDON_CONFIG, init_with(UINT64_MAX, host, 4));
    assert_status(CORDON_CONFIG, init_with(UINT64_MAX / PAGE, host, 4));
    assert_status(CORDON_CONFIG, init_with(CORDON_FRAME_LIMIT - 1, host, 4));
}

static void CONFIG_tables_of_devices_in_frame_0(void **state)
{
    (void)state;
    assert_status(CORDON_CONFIG, init_with(0, HIDDEN_PA / PAGE, 4));        /* would say that there are none */
}

static void CONFIG_tables_of_devices_that_are_the_hosts_too(void **state)
{
    const uint64_t at = FRAME(0, 4);

    (void)state;
    assert_status(CORDON_CONFIG, init_with(at, at, 4));
    assert_status(CORDON_CONFIG, init_with(at, at + 9, 4));
    assert_status(CORDON_CONFIG, init_with(at + 3, at, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(I5_from_boot_on_devices_reach_what_the_host_has),
        cmocka_unit_test(I5_devices_reach_nothing_that_is_no_ram),
        cmocka_unit_test(an_entry_is_the_frame_and_what_the_machine_takes_for_a_page),
        cmocka_unit_test(a_machine_without_an_smmu_has_no_table),
        cmocka_unit_test(I5_a_hole_in_a_section_is_not_reached),
        cmocka_unit_test(I5_pinned_frames_are_reached_and_stay),
        cmocka_unit_test(tables_are_as_many_as_ram_takes),
        cmocka_unit_test(ram_of_two_spans_in_one_gib),
        cmocka_unit_test(ram_of_two_spans_in_one_512_gib),
        cmocka_unit_test(ram_beyond_39_and_40_bits),
        cmocka_unit_test(a_page_that_a_vm_gets_is_out_of_reach),
        cmocka_unit_test(a_zeroed_page_is_out_of_reach_before_it_is_zeroed),
        cmocka_unit_test(all_of_a_block_is_out_of_reach),
        cmocka_unit_test(all_of_a_range_is_out_of_reach),
        cmocka_unit_test(a_page_that_was_never_used_is_out_of_reach_too),
        cmocka_unit_test(S6_a_pending_frame_is_out_of_reach),
        cmocka_unit_test(a_pending_frame_that_is_cleared_is_reached),
        cmocka_unit_test(I8_a_page_that_is_cleared_is_reached_and_zero),
        cmocka_unit_test(I8_a_granted_page_is_out_of_reach_before_it_is_zeroed),
        cmocka_unit_test(I8_granted_pages_of_a_run_are_out_of_reach_before_they_are_zeroed),
        cmocka_unit_test(a_block_that_is_cleared_is_reached),
        cmocka_unit_test(part_of_a_block_that_is_cleared_is_reached_and_the_rest_not),
        cmocka_unit_test(a_clear_of_anothers_frames_changes_nothing_for_devices),
        cmocka_unit_test(the_first_grant_opens_and_the_last_revoke_closes),
        cmocka_unit_test(a_range_of_grants_opens_what_it_grants_and_no_more),
        cmocka_unit_test(pages_that_a_revoke_leaves_shared_stay_in_reach),
        cmocka_unit_test(table_frames_are_out_of_reach_and_come_back_zero),
        cmocka_unit_test(a_donation_that_is_refused_changes_nothing_for_devices),
        cmocka_unit_test(all_that_a_vm_had_is_reached_when_it_is_gone),
        cmocka_unit_test(a_guest_that_gives_memory_back_gives_it_to_devices),
        cmocka_unit_test(the_frames_of_vcpus_are_out_of_reach),
        cmocka_unit_test(S11_one_invalidation_and_one_wait_for_a_batch),
        cmocka_unit_test(a_door_is_one_page_for_devices_alone),
        cmocka_unit_test(a_door_in_any_place_has_tables),
        cmocka_unit_test(CONFIG_devices_have_addresses_of_39_or_48_bits),
        cmocka_unit_test(CONFIG_devices_reach_all_ram),
        cmocka_unit_test(CONFIG_a_page_is_valid_and_has_no_address),
        cmocka_unit_test(CONFIG_a_door_is_one_page_beside_ram),
        cmocka_unit_test(CONFIG_a_door_in_a_section_of_ram),
        cmocka_unit_test(CONFIG_tables_of_devices_that_the_host_could_reach),
        cmocka_unit_test(CONFIG_tables_of_devices_in_frame_0),
        cmocka_unit_test(CONFIG_tables_of_devices_that_are_the_hosts_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
