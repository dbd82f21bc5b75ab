/* SPDX-License-Identifier: Apache-2.0 */
/* Which memory there is: boot configurations, refused ones, and every geometry of the tables. */
#include "machine.h"

#include <string.h>

#include "base/region.h"

/* ---- configurations that are refused ---- */

static const struct cordon_mem good_ram[] = { { RAM_BASE, SMALL_RAM } };
static const struct cordon_mem good_core[] = { { RAM_BASE, 16 * PAGE } };
static const struct cordon_mem good_hidden[] = { { HIDDEN_PA, HIDDEN_SIZE } };

static struct cordon_config good(void)
{
    return (struct cordon_config){ .ram = good_ram, .rams = 1, .core = good_core, .cores = 1, .hidden = good_hidden,
                                   .hiddens = 1, .host = { 48, 0 }, .vm = { 48, 0 }, .vms = 255 };
}

static enum cordon_status sizes_of(struct cordon_config config)
{
    struct cordon_sizes sizes;

    return cordon_sizes(&config, &sizes);
}

static enum cordon_status sizes_with_ram(const struct cordon_mem *ram, uint32_t n)
{
    struct cordon_config config = good();

    config.ram = ram;
    config.rams = n;
    config.cores = 0;
    return sizes_of(config);
}

static void a_plain_configuration_is_taken(void **state)
{
    (void)state;
    assert_ok(sizes_of(good()));
}

static void CONFIG_no_ram(void **state)
{
    (void)state;
    assert_status(CORDON_CONFIG, sizes_with_ram(good_ram, 0));
}

static void CONFIG_ram_that_is_malformed(void **state)
{
    static const struct cordon_mem bad[] = {
        { RAM_BASE + 1, MIB },                              /* base not of a page */
        { RAM_BASE, MIB + 8 },                              /* size not of a page */
        { RAM_BASE, 0 },
        { CORDON_ADDR_LIMIT, PAGE },                        /* beyond 48 bits */
        { CORDON_ADDR_LIMIT - PAGE, 2 * PAGE },             /* into what is beyond */
        { RAM_BASE, UINT64_MAX - PAGE + 1 },                /* wraps around */
        { UINT64_MAX - PAGE + 1, PAGE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_status(CORDON_CONFIG, sizes_with_ram(&bad[i], 1));
}

static void CONFIG_ram_that_overlaps(void **state)
{
    const struct cordon_mem same[] = { { RAM_BASE, MIB }, { RAM_BASE, MIB } };
    const struct cordon_mem edge[] = { { RAM_BASE, MIB + PAGE }, { RAM_BASE + MIB, MIB } };
    const struct cordon_mem inside[] = { { RAM_BASE + MIB, PAGE }, { RAM_BASE, 4 * MIB } };
    const struct cordon_mem third[] = { { RAM_BASE, MIB }, { 2 * RAM_BASE, MIB }, { RAM_BASE + MIB - PAGE, MIB } };

    (void)state;
    assert_status(CORDON_CONFIG, sizes_with_ram(same, 2));
    assert_status(CORDON_CONFIG, sizes_with_ram(edge, 2));
    assert_status(CORDON_CONFIG, sizes_with_ram(inside, 2));
    assert_status(CORDON_CONFIG, sizes_with_ram(third, 3));
}

static void CONFIG_pinned_memory_that_is_malformed(void **state)
{
    static const struct cordon_mem bad[] = {
        { RAM_BASE + 8, PAGE }, { RAM_BASE, PAGE + 8 }, { RAM_BASE, 0 }, { CORDON_ADDR_LIMIT, PAGE }, { RAM_BASE, UINT64_MAX - PAGE + 1 },
    };
    struct cordon_config config = good();

    (void)state;
    config.pinneds = 1;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        config.pinned = &bad[i];
        assert_status(CORDON_CONFIG, sizes_of(config));
    }
}

static void ram_that_only_touches_is_taken(void **state)
{
    const struct cordon_mem touching[] = { { RAM_BASE + MIB, MIB }, { RAM_BASE, MIB } };

    (void)state;
    assert_ok(sizes_with_ram(touching, 2));
}

static void CONFIG_core_memory_outside_of_ram(void **state)
{
    static const struct cordon_mem bad[] = {
        { RAM_BASE - PAGE, PAGE }, { RAM_BASE - PAGE, 2 * PAGE }, { RAM_BASE + SMALL_RAM - PAGE, 2 * PAGE },
        { RAM_BASE + SMALL_RAM, PAGE }, { RAM_BASE, 0 }, { RAM_BASE + 8, PAGE },
    };
    struct cordon_config config = good();

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        config.core = &bad[i];
        assert_status(CORDON_CONFIG, sizes_of(config));
    }
}

static void CONFIG_hidden_memory_inside_ram(void **state)
{
    static const struct cordon_mem bad[] = {
        { RAM_BASE, PAGE }, { RAM_BASE - PAGE, 2 * PAGE }, { RAM_BASE + SMALL_RAM - PAGE, PAGE }, { 0, 2 * RAM_BASE },
        { HIDDEN_PA, 0 }, { HIDDEN_PA + 1, PAGE },
    };
    struct cordon_config config = good();

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        config.hidden = &bad[i];
        assert_status(CORDON_CONFIG, sizes_of(config));
    }
}

static void CONFIG_number_of_vms(void **state)
{
    struct cordon_config config = good();

    (void)state;
    config.vms = 0;
    assert_status(CORDON_CONFIG, sizes_of(config));
    config.vms = 16384;
    assert_status(CORDON_CONFIG, sizes_of(config));
    config.vms = 16383;
    assert_ok(sizes_of(config));
}

static void CONFIG_width_of_physical_addresses(void **state)
{
    struct cordon_config config = good();

    (void)state;
    for (uint32_t bits = 1; bits <= 64; bits++) {
        config.pa_bits = bits;
        assert_status(bits >= 32 && bits <= 48 ? CORDON_OK : CORDON_CONFIG, sizes_of(config));
    }
}

static void CONFIG_host_table_that_does_not_reach_all_ram(void **state)
{
    const struct cordon_mem high = { (UINT64_C(1) << 36) - MIB, 2 * MIB };
    struct cordon_config config = good();

    (void)state;
    config.ram = &high;
    config.cores = 0;
    config.host = (struct cordon_geometry){ 36, 1 };
    assert_status(CORDON_CONFIG, sizes_of(config));
    config.host = (struct cordon_geometry){ 37, 1 };
    assert_ok(sizes_of(config));
}

/* ---- geometries ---- */

/* The architecture's rule for 4 KiB granules, from its table of start levels: bits, or 0 for a shape that is none. */
static uint32_t roots_by_the_manual(uint32_t bits, uint32_t level)
{
    static const struct { uint32_t least, one_table, most; } rule[] = { { 40, 48, 48 }, { 32, 39, 43 }, { 32, 30, 34 } };
    uint32_t roots = 1;

    if (level > 2 || bits < rule[level].least || bits > rule[level].most)
        return 0;
    for (uint32_t b = rule[level].one_table; b < bits; b++)
        roots *= 2;
    return roots;
}

static void every_geometry_is_taken_or_refused_as_the_architecture_says(void **state)
{
    (void)state;
    for (uint32_t level = 0; level <= 4; level++) {
        for (uint32_t bits = 0; bits <= 64; bits++) {
            struct cordon_config config = good();
            struct cordon_sizes sizes;
            uint32_t roots = roots_by_the_manual(bits, level);

            config.vm = (struct cordon_geometry){ bits, level };
            assert_status(roots != 0 ? CORDON_OK : CORDON_CONFIG, cordon_sizes(&config, &sizes));
            if (roots != 0)
                assert_int_equal(sizes.vm_roots, roots);
            config = good();
            config.host = (struct cordon_geometry){ bits, level };
            assert_status(roots != 0 ? CORDON_OK : CORDON_CONFIG, cordon_sizes(&config, &sizes));
            if (roots != 0)
                assert_int_equal(sizes.host_roots, roots);
        }
    }
}

/* Every kind of mapping at the first and at the last addresses of a VM's space, and one page beyond. */
static void work_in(struct machine *m, uint64_t gfn_limit)
{
    machine_vm(m, 1, 8);
    assert_ok(op_page(m, 1, 0, FRAME(1, 0)));
    assert_ok(op_page(m, 1, gfn_limit - 1, FRAME(1, 1)));
    assert_ok(op_block(m, 1, gfn_limit - 1024, FRAME(2, 0)));
    assert_refused(m, CORDON_RANGE, op_page(m, 1, gfn_limit, FRAME(1, 2)));
    assert_maps(m, 1, 0, FRAME(1, 0), 3);
    assert_maps(m, 1, gfn_limit - 1, FRAME(1, 1), 3);
    assert_maps(m, 1, gfn_limit - 1000, FRAME(2, 24), 2);
    write_at(m, 1, (gfn_limit - 1) * PAGE + 8, 77);
    assert_int_equal(sim_peek(m->sim, FRAME(1, 1), 1), 77);
    assert_true(can_read(m, 0, FRAME(3, 0) * PAGE));
    assert_false(can_read(m, 0, FRAME(1, 1) * PAGE));
    assert_false(can_read(m, 0, FRAME(2, 511) * PAGE));
    assert_ok(run_destroy(m, 1, NULL));
    assert_true(can_read(m, 0, FRAME(1, 1) * PAGE));
}

static void machine_with(struct cordon_geometry host, struct cordon_geometry vm)
{
    struct sim_config config = machine_config();
    struct machine *m;
    uint64_t before;

    config.host = host;
    config.vm = vm;
    m = machine_new(&config);
    before = host_frames(m);
    work_in(m, UINT64_C(1) << (vm.ipa_bits - 12));
    assert_int_equal(host_frames(m), before);
    machine_free(m);
}

static void vms_work_in_every_geometry(void **state)
{
    const struct cordon_geometry host = { 48, 0 };

    (void)state;
    for (uint32_t level = 0; level <= 2; level++) {
        for (uint32_t bits = 32; bits <= 48; bits++) {
            if (roots_by_the_manual(bits, level) != 0)
                machine_with(host, (struct cordon_geometry){ bits, level });
        }
    }
}

static void the_host_works_in_every_geometry(void **state)
{
    const struct cordon_geometry vm = { 40, 1 };

    (void)state;
    for (uint32_t level = 0; level <= 2; level++) {
        for (uint32_t bits = 32; bits <= 48; bits++) {
            if (roots_by_the_manual(bits, level) != 0)
                machine_with((struct cordon_geometry){ bits, level }, vm);
        }
    }
}

static void a_host_fault_beyond_its_table_is_out_of_range(void **state)
{
    struct sim_config config = machine_config();
    struct machine *m;

    (void)state;
    config.host = (struct cordon_geometry){ 36, 1 };
    m = machine_new(&config);
    assert_refused(m, CORDON_RANGE, op_fault(m, UINT64_C(1) << 36));
    assert_refused(m, CORDON_RANGE, op_fault(m, UINT64_MAX));
    machine_free(m);
}

/* ---- several regions ---- */

static struct machine *machine_of_regions(const struct cordon_mem *ram, uint32_t n)
{
    struct sim_config config = machine_config();

    config.ram = ram;
    config.rams = n;
    config.cores = 0;
    return machine_new(&config);
}

static void records_take_no_room_for_the_holes(void **state)
{
    const struct cordon_mem ram[] = { { UINT64_C(64) * GIB, 4 * MIB }, { RAM_BASE, 6 * MIB } };
    struct cordon_config config = good();
    struct cordon_sizes sizes;

    (void)state;
    config.ram = ram;
    config.rams = 2;
    assert_ok(cordon_sizes(&config, &sizes));
    assert_int_equal(sizes.sections, 5);
    assert_true(sizes.spans >= 2);
}

static void regions_in_any_order_are_all_usable(void **state)
{
    const struct cordon_mem ram[] = { { 8 * GIB, 8 * MIB }, { RAM_BASE, 4 * MIB }, { 4 * GIB, 4 * MIB } };
    struct machine *m = machine_of_regions(ram, 3);

    (void)state;
    machine_vm(m, 1, 8);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t first = ram[i].base / PAGE;

        assert_record(m, first, HOLDER_HOST, 0);
        assert_ok(op_page(m, 1, i, first + 7));
        assert_record(m, first + 7, 1, 0);
        assert_ok(op_fault(m, ram[i].base));
        assert_maps(m, 0, first, first, 3);
        assert_status(CORDON_PRIVATE, op_fault(m, ram[i].base + 7 * PAGE));
    }
    assert_ok(run_destroy(m, 1, NULL));
    machine_free(m);
}

static void a_section_is_known_from_its_first_to_its_last_frame(void **state)
{
    const struct cordon_mem ram[] = { { RAM_BASE, 4 * MIB }, { RAM_BASE + 8 * MIB, 2 * MIB } };
    struct machine *m = machine_of_regions(ram, 2);
    uint64_t first = RAM_BASE / (2 * MIB);
    uint64_t index;

    (void)state;
    assert_false(region_section(m->c, first - 1, &index));
    assert_true(region_section(m->c, first, &index));
    assert_int_equal(index, 0);
    assert_true(region_section(m->c, first + 1, &index));
    assert_int_equal(index, 1);
    assert_false(region_section(m->c, first + 2, &index));
    assert_false(region_section(m->c, first + 3, &index));
    assert_true(region_section(m->c, first + 4, &index));
    assert_int_equal(index, 2);
    assert_true(region_all_sections(m->c, first, 2, &index));
    assert_false(region_all_sections(m->c, first, 3, &index));
    assert_false(region_all_sections(m->c, first - 1, 2, &index));
    machine_free(m);
}

static void a_gap_reaches_to_the_next_ram(void **state)
{
    const struct cordon_mem ram[] = { { RAM_BASE, 4 * MIB }, { RAM_BASE + 8 * MIB, 2 * MIB } };
    struct machine *m = machine_of_regions(ram, 2);

    (void)state;
    assert_int_equal(region_gap(m->c, 0), RAM_BASE / PAGE);
    assert_int_equal(region_gap(m->c, FRAME(2, 5)), 2 * 512 - 5);
    assert_int_equal(region_gap(m->c, FRAME(3, 511)), 1);
    machine_free(m);
}

static void a_device_range_holds_neither_ram_nor_what_is_hidden(void **state)
{
    struct machine *m = machine_small();
    uint64_t hidden = HIDDEN_PA / PAGE;
    uint64_t hidden_end = hidden + HIDDEN_SIZE / PAGE;

    (void)state;
    assert_true(region_is_device(m->c, DEVICE_PA / PAGE, 1));
    assert_true(region_is_device(m->c, hidden_end, RAM_BASE / PAGE - hidden_end));
    assert_false(region_is_device(m->c, hidden_end, RAM_BASE / PAGE - hidden_end + 1));
    assert_false(region_is_device(m->c, hidden_end - 1, 1));
    assert_false(region_is_device(m->c, hidden, 1));
    assert_true(region_is_device(m->c, hidden - 1, 1));
    assert_false(region_is_device(m->c, FRAME(2, 0), 1));
    assert_false(region_is_device(m->c, 0, UINT64_C(1) << 30));
    assert_true(region_is_hidden(m->c, hidden));
    assert_true(region_is_hidden(m->c, hidden_end - 1));
    assert_false(region_is_hidden(m->c, hidden_end));
    assert_false(region_is_hidden(m->c, hidden - 1));
    machine_free(m);
}

/* ---- regions that begin or end inside of a section ---- */

static void an_unaligned_region_leaves_holes_that_are_no_ram(void **state)
{
    const struct cordon_mem ram = { RAM_BASE + 5 * PAGE, 4 * MIB };
    struct machine *m = machine_of_regions(&ram, 1);

    (void)state;
    for (uint64_t i = 0; i < 3 * 512; i++)
        assert_record(m, FRAME(0, i), i >= 5 && i < 5 + 1024 ? HOLDER_HOST : HOLDER_INVALID, 0);
    assert_int_equal(section_of(m, FRAME(0, 0))->taken, 5);
    assert_int_equal(section_of(m, FRAME(1, 0))->taken, 0);
    assert_int_equal(section_of(m, FRAME(2, 0))->taken, 512 - 5);
    machine_free(m);
}

static void a_hole_in_a_section_is_a_device_to_the_host(void **state)
{
    const struct cordon_mem ram = { RAM_BASE + 5 * PAGE, 4 * MIB };
    struct machine *m = machine_of_regions(&ram, 1);

    (void)state;
    assert_ok(op_fault(m, RAM_BASE + 4 * PAGE));
    assert_device(m, 0, FRAME(0, 4), FRAME(0, 4), 3);
    assert_ok(op_fault(m, RAM_BASE + 5 * PAGE));
    assert_maps(m, 0, FRAME(0, 5), FRAME(0, 5), 3);
    assert_unmapped(m, 0, FRAME(0, 6));
    machine_free(m);
}

static void a_vm_gets_a_hole_as_a_device_and_never_as_memory(void **state)
{
    const struct cordon_mem ram = { RAM_BASE + 5 * PAGE, 4 * MIB };
    struct machine *m = machine_of_regions(&ram, 1);

    (void)state;
    machine_vm(m, 1, 8);
    assert_refused(m, CORDON_OWNED, op_page(m, 1, 0, FRAME(0, 4)));
    assert_refused(m, CORDON_OWNED, op_block(m, 1, 0, FRAME(0, 0)));
    assert_ok(op_io(m, 1, 0, FRAME(0, 4) * PAGE));
    assert_refused(m, CORDON_RAM, op_io(m, 1, PAGE, FRAME(0, 5) * PAGE));
    assert_ok(run_destroy(m, 1, NULL));
    machine_free(m);
}

static void two_unaligned_regions_share_a_section(void **state)
{
    const struct cordon_mem ram[] = { { RAM_BASE + 3 * MIB, 3 * MIB }, { RAM_BASE, 3 * MIB - 4 * PAGE } };
    struct machine *m = machine_of_regions(ram, 2);
    uint64_t hole = FRAME(1, 252);

    (void)state;
    for (uint64_t i = 0; i < 3 * 512; i++) {
        bool in_hole = FRAME(0, i) >= hole && FRAME(0, i) < hole + 4;

        assert_record(m, FRAME(0, i), in_hole ? HOLDER_INVALID : HOLDER_HOST, 0);
    }
    assert_int_equal(section_of(m, hole)->taken, 4);
    assert_ok(op_fault(m, FRAME(1, 0) * PAGE));
    assert_maps(m, 0, FRAME(1, 0), FRAME(1, 0), 3);
    assert_ok(op_fault(m, FRAME(1, 300) * PAGE));
    assert_ok(op_fault(m, FRAME(0, 0) * PAGE));
    assert_maps(m, 0, FRAME(0, 0), FRAME(0, 0), 2);
    machine_free(m);
}

static void a_region_of_one_page_works(void **state)
{
    const struct cordon_mem ram[] = { { RAM_BASE, 4 * MIB }, { 2 * RAM_BASE + 9 * PAGE, PAGE } };
    struct machine *m = machine_of_regions(ram, 2);
    uint64_t frame = ram[1].base / PAGE;

    (void)state;
    machine_vm(m, 1, 4);
    assert_ok(op_page(m, 1, 4, frame));
    assert_refused(m, CORDON_OWNED, op_page(m, 1, 5, frame + 1));
    assert_refused(m, CORDON_OWNED, op_page(m, 1, 5, frame - 1));
    assert_ok(run_destroy(m, 1, NULL));
    assert_record(m, frame, HOLDER_HOST, 0);
    machine_free(m);
}

static void the_cores_own_frames_are_marked_and_counted_once(void **state)
{
    static const struct cordon_mem core[] = {
        { RAM_BASE + 2 * MIB, 4 * PAGE }, { RAM_BASE + 2 * MIB + 2 * PAGE, 4 * PAGE },
    };
    struct sim_config config = machine_config();
    struct machine *m;

    (void)state;
    config.core = core;
    config.cores = 2;
    m = machine_new(&config);
    for (uint64_t i = 0; i < 512; i++)
        assert_record(m, FRAME(1, i), i < 6 ? HOLDER_CORE : HOLDER_HOST, 0);
    assert_int_equal(section_of(m, FRAME(1, 0))->taken, 6);
    machine_free(m);
}

static void pinned_memory_is_the_hosts_and_nobody_elses(void **state)
{
    /* Two that overlap, one over the core's frames and the host's, one with no RAM. */
    static const struct cordon_mem pinned[] = {
        { FRAME(2, 5) * PAGE, 2 * PAGE }, { FRAME(2, 6) * PAGE, 2 * PAGE }, { RAM_BASE - PAGE, (CORE_FRAMES + 3) * PAGE }, { DEVICE_PA, PAGE },
    };
    struct sim_config config = machine_config();
    struct machine *m;

    (void)state;
    config.pinned = pinned;
    config.pinneds = 4;
    m = machine_new(&config);
    machine_vm(m, 1, 8);
    assert_int_equal(section_of(m, FRAME(2, 0))->pinned, 3);
    assert_int_equal(section_of(m, FRAME(0, 0))->pinned, 2);
    assert_refused(m, CORDON_SHARED, op_block(m, 1, 512, FRAME(2, 0)));
    for (uint64_t i = 4; i < 9; i++) {
        assert_status(i > 4 && i < 8 ? CORDON_SHARED : CORDON_OK, op_page(m, 1, i, FRAME(2, i)));
        assert_status(i > 4 && i < 8 ? CORDON_OK : CORDON_PRIVATE, op_fault(m, FRAME(2, i) * PAGE));
    }
    assert_status(CORDON_SHARED, op_donate(m, 1, FRAME(2, 7), 1));
    assert_status(CORDON_SHARED, op_page(m, 1, 9, FRAME(0, CORE_FRAMES + 1)));
    assert_status(CORDON_OWNED, op_page(m, 1, 9, FRAME(0, CORE_FRAMES - 1)));
    assert_ok(op_page(m, 1, 10, FRAME(0, CORE_FRAMES + 2)));
    assert_ok(run_destroy(m, 1, NULL));
    assert_int_equal(section_of(m, FRAME(2, 0))->pinned, 3);
    machine_free(m);
}

static void ram_beyond_40_bits_is_known_and_out_of_the_callers_reach(void **state)
{
    const struct cordon_mem ram[] = { { RAM_BASE, 4 * MIB }, { UINT64_C(1) << 41, 4 * MIB } };
    struct machine *m = machine_of_regions(ram, 2);
    uint64_t high = ram[1].base / PAGE;
    uint64_t limit = m->c->pfn_limit;

    (void)state;
    machine_vm(m, 1, 8);
    assert_record(m, high, HOLDER_HOST, 0);
    m->c->pfn_limit = UINT64_C(1) << 28;        /* 40 bits, as in the seed */
    assert_refused(m, CORDON_RANGE, op_page(m, 1, 0, high));
    assert_refused(m, CORDON_RANGE, op_fault(m, ram[1].base));
    assert_refused(m, CORDON_RANGE, op_clear(m, 1, high, 1).status);
    assert_refused(m, CORDON_RANGE, op_io(m, 1, 0, UINT64_C(1) << 40));
    m->c->pfn_limit = UINT64_C(1) << 36;        /* 48 bits */
    assert_ok(op_page(m, 1, 0, high));
    assert_ok(op_block(m, 1, 512, high + 512));
    assert_ok(op_fault(m, ram[1].base + PAGE));
    assert_maps(m, 0, high + 1, high + 1, 3);
    assert_status(CORDON_PRIVATE, op_fault(m, ram[1].base));
    assert_ok(run_clear(m, 1, high, 1024).status);
    assert_ok(run_destroy(m, 1, NULL));
    m->c->pfn_limit = limit;
    machine_free(m);
}

/* ---- where the host's tables may lie ---- */

/* With so many frames that the core can reach. */
static enum cordon_status init_reaching(uint64_t frames, uint64_t tables, uint64_t count, struct cordon_geometry host)
{
    static struct cordon c;
    static struct span span[4];
    static struct hidden hidden[4];
    struct cordon_config config = good();
    struct cordon_storage storage = { .span = span, .hidden = hidden, .phys_frames = frames,
                                      .host_tables = { tables }, .host_table_count = count };

    config.host = host;
    return cordon_init(&c, &config, &storage);
}

static enum cordon_status init_with(uint64_t tables, uint64_t count, struct cordon_geometry host)
{
    return init_reaching(FRAME(SMALL_SECTIONS, 0), tables, count, host);
}

static void CONFIG_ram_that_the_core_cannot_reach(void **state)
{
    (void)state;
    assert_status(CORDON_CONFIG, init_reaching(FRAME(SMALL_SECTIONS, 0) - 1, FRAME(0, 0), 8, (struct cordon_geometry){ 48, 0 }));
    assert_status(CORDON_CONFIG, init_reaching(0, FRAME(0, 0), 8, (struct cordon_geometry){ 48, 0 }));
}

static void CONFIG_host_tables_that_the_host_could_reach(void **state)
{
    const struct cordon_geometry one = { 48, 0 };
    const struct cordon_geometry two = { 40, 1 };

    (void)state;
    assert_status(CORDON_CONFIG, init_with(FRAME(1, 0), 8, one));                   /* RAM of the host */
    assert_status(CORDON_CONFIG, init_with(FRAME(0, 12), 8, one));                  /* only in part the core's */
    assert_status(CORDON_CONFIG, init_with(DEVICE_PA / PAGE, 8, one));              /* a device, not hidden */
    assert_status(CORDON_CONFIG, init_with(FRAME(0, 0), 0, one));                   /* not even the root */
    assert_status(CORDON_CONFIG, init_with(FRAME(0, 0), 1, two));                   /* fewer than the roots */
    assert_status(CORDON_CONFIG, init_with(FRAME(0, 1), 4, two));                   /* roots not aligned */
    assert_status(CORDON_CONFIG, init_with(FRAME(0, 0), UINT64_MAX, one));
    assert_status(CORDON_CONFIG, init_with(UINT64_MAX, 2, one));
    assert_status(CORDON_CONFIG, init_with(UINT64_MAX / PAGE, UINT64_MAX / PAGE, one));
}

static void CONFIG_is_refused_by_init_as_by_sizes(void **state)
{
    (void)state;
    assert_status(CORDON_CONFIG, init_with(FRAME(0, 0), 8, (struct cordon_geometry){ 49, 0 }));
    assert_status(CORDON_CONFIG, init_with(FRAME(0, 0), 8, (struct cordon_geometry){ 31, 1 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_configuration_is_taken),
        cmocka_unit_test(CONFIG_no_ram),
        cmocka_unit_test(CONFIG_ram_that_is_malformed),
        cmocka_unit_test(CONFIG_ram_that_overlaps),
        cmocka_unit_test(ram_that_only_touches_is_taken),
        cmocka_unit_test(CONFIG_core_memory_outside_of_ram),
        cmocka_unit_test(CONFIG_hidden_memory_inside_ram),
        cmocka_unit_test(CONFIG_pinned_memory_that_is_malformed),
        cmocka_unit_test(CONFIG_number_of_vms),
        cmocka_unit_test(CONFIG_width_of_physical_addresses),
        cmocka_unit_test(CONFIG_host_table_that_does_not_reach_all_ram),
        cmocka_unit_test(every_geometry_is_taken_or_refused_as_the_architecture_says),
        cmocka_unit_test(vms_work_in_every_geometry),
        cmocka_unit_test(the_host_works_in_every_geometry),
        cmocka_unit_test(a_host_fault_beyond_its_table_is_out_of_range),
        cmocka_unit_test(records_take_no_room_for_the_holes),
        cmocka_unit_test(regions_in_any_order_are_all_usable),
        cmocka_unit_test(a_section_is_known_from_its_first_to_its_last_frame),
        cmocka_unit_test(a_gap_reaches_to_the_next_ram),
        cmocka_unit_test(a_device_range_holds_neither_ram_nor_what_is_hidden),
        cmocka_unit_test(an_unaligned_region_leaves_holes_that_are_no_ram),
        cmocka_unit_test(a_hole_in_a_section_is_a_device_to_the_host),
        cmocka_unit_test(a_vm_gets_a_hole_as_a_device_and_never_as_memory),
        cmocka_unit_test(two_unaligned_regions_share_a_section),
        cmocka_unit_test(a_region_of_one_page_works),
        cmocka_unit_test(the_cores_own_frames_are_marked_and_counted_once),
        cmocka_unit_test(pinned_memory_is_the_hosts_and_nobody_elses),
        cmocka_unit_test(ram_beyond_40_bits_is_known_and_out_of_the_callers_reach),
        cmocka_unit_test(CONFIG_ram_that_the_core_cannot_reach),
        cmocka_unit_test(CONFIG_host_tables_that_the_host_could_reach),
        cmocka_unit_test(CONFIG_is_refused_by_init_as_by_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
