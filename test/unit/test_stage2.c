/* SPDX-License-Identifier: Apache-2.0 */
/* Stage-2 tables: descriptors bit by bit, walks, growth, split, join, the order of replacing, pruning. */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "memory/pool.h"

/* ---- descriptors, against the fields of the Arm manual ---- */

static uint64_t field(uint64_t desc, unsigned high, unsigned low)
{
    return desc >> low & ((UINT64_C(2) << (high - low)) - 1);
}

static void a_page_of_normal_memory_has_these_bits(void **state)
{
    uint64_t d = desc_leaf(0x12345, 3, S2_NORMAL);

    (void)state;
    assert_int_equal(field(d, 1, 0), 3);            /* page */
    assert_int_equal(field(d, 5, 2), 0xf);          /* MemAttr: normal, outer and inner write-back */
    assert_int_equal(field(d, 7, 6), 3);            /* S2AP: read and write */
    assert_int_equal(field(d, 9, 8), 3);            /* SH: inner shareable */
    assert_int_equal(field(d, 10, 10), 1);          /* AF */
    assert_int_equal(field(d, 11, 11), 0);
    assert_int_equal(field(d, 47, 12), 0x12345);
    assert_int_equal(field(d, 63, 48), 0);          /* XN clear, no hint, no reserved bit */
}

static void a_device_page_is_never_executed(void **state)
{
    uint64_t d = desc_leaf(0x9000, 3, S2_DEVICE);

    (void)state;
    assert_int_equal(field(d, 1, 0), 3);
    assert_int_equal(field(d, 5, 2), 1);            /* MemAttr: device-nGnRE */
    assert_int_equal(field(d, 7, 6), 3);
    assert_int_equal(field(d, 10, 10), 1);
    assert_int_equal(field(d, 54, 53), 2);          /* XN[1:0]: execute at no level */
    assert_int_equal(field(d, 47, 12), 0x9000);
    assert_int_equal(field(d, 52, 48), 0);
}

static void blocks_differ_from_pages_in_bit_1_only(void **state)
{
    (void)state;
    for (uint32_t level = 1; level <= 2; level++) {
        assert_int_equal(desc_leaf(1 << 18, level, S2_NORMAL), desc_leaf(1 << 18, 3, S2_NORMAL) - 2);
        assert_int_equal(desc_leaf(1 << 18, level, S2_DEVICE), desc_leaf(1 << 18, 3, S2_DEVICE) - 2);
    }
}

static void a_table_descriptor_is_address_and_type(void **state)
{
    (void)state;
    assert_int_equal(desc_table(0x345), 0x345003);
}

static void all_36_bits_of_a_frame_number_pass_through_a_descriptor(void **state)
{
    uint64_t top = (UINT64_C(1) << 36) - 1;

    (void)state;
    assert_int_equal(desc_pfn(desc_leaf(top, 3, S2_NORMAL)), top);
    assert_int_equal(desc_pfn(desc_leaf(top, 3, S2_DEVICE)), top);
    assert_int_equal(desc_pfn(desc_table(top)), top);
    assert_int_equal(desc_pfn(UINT64_MAX), top);    /* the seed's phys_page(): bits 47:12 and no others */
}

static void the_kind_of_an_entry_depends_on_its_level(void **state)
{
    (void)state;
    for (uint32_t level = 0; level <= 3; level++) {
        assert_false(desc_valid(0));
        assert_false(desc_valid(2));
        assert_int_equal(desc_is_table(0x1003, level), level < 3);
        assert_int_equal(desc_is_leaf(0x1003, level), level == 3);
        assert_int_equal(desc_is_leaf(0x1001, level), level < 3);
        assert_false(desc_is_table(0x1001, level));
    }
    assert_true(desc_is_device(desc_leaf(1, 3, S2_DEVICE)));
    assert_false(desc_is_device(desc_leaf(1, 3, S2_NORMAL)));
}

static void an_entry_of_a_level_covers_512_of_the_next(void **state)
{
    (void)state;
    assert_int_equal(s2_pages(3), 1);
    for (uint32_t level = 0; level < 3; level++) {
        assert_int_equal(s2_pages(level), 512 * s2_pages(level + 1));
        assert_int_equal(s2_entry_number(s2_pages(level) * 7 + s2_pages(level) - 1, level), 7);
    }
    assert_int_equal(s2_entry_number(12345, 3), 12345);
}

static void owed_ranges_add_up_to_the_range_around_them(void **state)
{
    struct owed o = owed_add(OWED_NOTHING, 10, 12);

    (void)state;
    assert_int_equal(o.first, 10);
    assert_int_equal(o.end, 12);
    o = owed_add(o, 3, 4);
    assert_int_equal(o.first, 3);
    assert_int_equal(o.end, 12);
    o = owed_add(o, 11, 40);
    assert_int_equal(o.first, 3);
    assert_int_equal(o.end, 40);
    o = owed_add(OWED_NOTHING, 0, 1);
    assert_int_equal(o.first, 0);
    assert_int_equal(o.end, 1);
}

/* ---- tables of VM 1, changed from below the operations: on a machine that does not check what these mean ---- */

struct bench {
    struct machine *m;
    struct cordon *c;
    struct stage2 *t;
    struct pool *pool;
    char *log;
    size_t log_size;
    FILE *stream;
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    struct sim_config config = machine_config();

    b->stream = open_memstream(&b->log, &b->log_size);
    config.no_check = true;
    config.log = b->stream;
    b->m = machine_new(&config);
    b->c = b->m->c;
    machine_vm(b->m, 1, 8);
    b->t = &b->c->vm[0].s2;
    b->pool = &b->c->vm[0].pool;
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    sim_destroy(b->m->sim);
    (void)fclose(b->stream);
    free(b->log);
    free(b->m);
    free(b);
    return 0;
}

/* The log of what comes now: its start. */
static size_t log_mark(struct bench *b)
{
    (void)fflush(b->stream);
    return b->log_size;
}

/* Whether the texts come in this order in the log since the mark. */
static void assert_order(struct bench *b, size_t mark, const char *const *text)
{
    const char *at;

    (void)fflush(b->stream);
    at = b->log + mark;
    for (; *text != NULL; text++) {
        const char *next = strstr(at, *text);

        if (next == NULL)
            fail_msg("no '%s' where it must be in:\n%s", *text, b->log + mark);
        at = next + strlen(*text);
    }
}

static uint64_t times(struct bench *b, size_t mark, const char *text)
{
    uint64_t n = 0;

    (void)fflush(b->stream);
    for (const char *at = b->log + mark; (at = strstr(at, text)) != NULL; at++)
        n++;
    return n;
}

/* Gives the VM's table a page, or a block, without any meaning: the entry alone. */
static struct s2_pos put(struct bench *b, uint64_t gfn, uint64_t frame, uint32_t level)
{
    struct s2_pos p = s2_walk_to(b->c, b->t, gfn, level);

    p = s2_grow(b->c, b->pool, p, gfn, level);
    p.entry = arch_pte_read(b->c, p.row, p.index);
    s2_make(b->c, p, desc_leaf(frame, level, S2_NORMAL));
    return s2_walk(b->c, b->t, gfn);
}

static void a_walk_stops_at_the_first_entry_that_is_no_table(void **state)
{
    struct bench *b = *state;
    struct s2_pos p = s2_walk(b->c, b->t, 5);

    assert_int_equal(p.level, b->t->start);
    assert_int_equal(p.entry, 0);
    p = put(b, 5, 0x777, 3);
    assert_int_equal(p.level, 3);
    assert_int_equal(p.index, 5);
    assert_int_equal(s2_frame(p, 5), 0x777);
    assert_int_equal(s2_walk(b->c, b->t, 6).level, 3);
    assert_int_equal(s2_walk(b->c, b->t, 512).level, 2);
    assert_int_equal(s2_walk(b->c, b->t, CORDON_GIB_PAGES).level, 1);
    assert_int_equal(s2_walk(b->c, b->t, UINT64_C(1) << 27).level, 0);
}

static void a_walk_goes_no_deeper_than_it_is_told(void **state)
{
    struct bench *b = *state;

    (void)put(b, 5, 0x777, 3);
    for (uint32_t level = 0; level <= 3; level++)
        assert_int_equal(s2_walk_to(b->c, b->t, 5, level).level, level);
}

static void a_block_gives_each_page_its_own_frame(void **state)
{
    struct bench *b = *state;
    struct s2_pos p = put(b, 1024, 0x4000, 2);

    assert_int_equal(p.level, 2);
    for (uint64_t i = 0; i < 512; i++)
        assert_int_equal(s2_frame(s2_walk(b->c, b->t, 1024 + i), 1024 + i), 0x4000 + i);
}

static void growing_takes_one_table_for_each_level(void **state)
{
    struct bench *b = *state;
    uint64_t before = b->pool->free;

    (void)put(b, 5, 0x777, 3);
    assert_int_equal(before - b->pool->free, 3);
    (void)put(b, 6, 0x778, 3);
    assert_int_equal(before - b->pool->free, 3);
    (void)put(b, 512, 0x779, 3);
    assert_int_equal(before - b->pool->free, 4);
    (void)put(b, 1024, 0x4000, 2);
    assert_int_equal(before - b->pool->free, 4);
}

static void a_table_is_seen_empty_before_it_is_linked(void **state)
{
    struct bench *b = *state;
    size_t mark = log_mark(b);

    (void)s2_grow(b->c, b->pool, s2_walk(b->c, b->t, 0), 0, 1);
    assert_order(b, mark, (const char *const[]){ "dsb ishst", "pte row", "dsb ishst", NULL });
    assert_int_equal(times(b, mark, "tlbi"), 0);
}

static void replacing_breaks_invalidates_and_then_makes(void **state)
{
    struct bench *b = *state;
    struct s2_pos p = put(b, 1024, 0x4000, 2);
    size_t mark = log_mark(b);

    s2_replace(b->c, b->t, p, 1024, desc_leaf(0x6000, 2, S2_NORMAL));
    assert_order(b, mark, (const char *const[]){
        "pte row", "dsb ishst", "tlbi ipas2e1is vmid=1 gfn=0x400 pages=512", "dsb ish\n", "tlbi vmalle1is vmid=1", "dsb ish\n",
        "pte row", "dsb ishst", NULL });
    assert_int_equal(times(b, mark, "pte row"), 2);
    assert_int_equal(s2_walk(b->c, b->t, 1024).entry, desc_leaf(0x6000, 2, S2_NORMAL));
}

static void a_valid_entry_is_never_overwritten_by_a_valid_one(void **state)
{
#ifdef CORDON_NO_ASSERT
    (void)state;
    skip();
#else
    struct bench *b = *state;
    struct s2_pos p = put(b, 1024, 0x4000, 2);
    jmp_buf at;

    if (setjmp(at) == 0) {
        machine_expect_panic(&at);
        s2_make(b->c, p, desc_leaf(0x6000, 2, S2_NORMAL));
        fail_msg("a valid entry was replaced without a break");
    }
    machine_expect_panic(NULL);
    assert_int_equal(s2_walk(b->c, b->t, 1024).entry, desc_leaf(0x4000, 2, S2_NORMAL));
#endif
}

static void settling_nothing_costs_nothing(void **state)
{
    struct bench *b = *state;
    size_t mark = log_mark(b);

    s2_settle(b->c, b->t, OWED_NOTHING);
    assert_int_equal(times(b, mark, "tlbi"), 0);
    assert_int_equal(times(b, mark, "dsb"), 0);
}

static void a_change_owes_what_the_entry_covered(void **state)
{
    struct bench *b = *state;
    struct s2_pos page = put(b, 5, 0x777, 3);
    struct s2_pos block = put(b, 1024, 0x4000, 2);
    struct owed o = s2_put(b->c, page.row, page.index, 5, 3, page.entry, 0, OWED_NOTHING);

    assert_int_equal(o.first, 5);
    assert_int_equal(o.end, 6);
    o = s2_put(b->c, block.row, block.index, 1024, 2, block.entry, 0, o);
    assert_int_equal(o.first, 5);
    assert_int_equal(o.end, 1536);
    s2_settle(b->c, b->t, o);
    o = s2_put(b->c, page.row, page.index, 5, 3, 0, page.entry, OWED_NOTHING);
    assert_int_equal(o.end, 0);
}

static void a_split_maps_the_same_but_for_the_hole(void **state)
{
    struct bench *b = *state;
    struct s2_pos p = put(b, 1024, 0x4000, 2);
    uint64_t before = b->pool->free;
    uint64_t child = s2_split(b->c, b->t, b->pool, p, 1024, 100, 12);

    assert_int_equal(before - b->pool->free, 1);
    for (uint64_t i = 0; i < 512; i++) {
        struct s2_pos at = s2_walk(b->c, b->t, 1024 + i);

        assert_int_equal(at.level, 3);
        assert_int_equal(at.row, child);
        assert_int_equal(at.entry, i >= 100 && i < 112 ? 0 : desc_leaf(0x4000 + i, 3, S2_NORMAL));
    }
    assert_int_equal(s2_count_valid(b->c, child), 500);
}

static void a_split_can_have_its_hole_at_either_end_or_none(void **state)
{
    struct bench *b = *state;
    static const uint64_t hole[][2] = { { 0, 1 }, { 511, 1 }, { 0, 511 }, { 0, 0 }, { 511, 0 } };

    for (uint64_t k = 0; k < 5; k++) {
        uint64_t gfn = (k + 1) * 1024;
        uint64_t child = s2_split(b->c, b->t, b->pool, put(b, gfn, 0x4000, 2), gfn, hole[k][0], hole[k][1]);

        assert_int_equal(s2_count_valid(b->c, child), 512 - hole[k][1]);
        for (uint64_t i = 0; i < 512; i++)
            assert_int_equal(desc_valid(arch_pte_read(b->c, child, i)), i - hole[k][0] >= hole[k][1]);
        machine_feed(b->m, 1, 1);
    }
}

static void a_split_of_a_gib_makes_blocks(void **state)
{
    struct bench *b = *state;
    uint64_t gfn = 3 * CORDON_GIB_PAGES;
    uint64_t child = s2_split(b->c, b->t, b->pool, put(b, gfn, 2 * CORDON_GIB_PAGES, 1), gfn, 7, 1);

    for (uint64_t i = 0; i < 512; i++)
        assert_int_equal(arch_pte_read(b->c, child, i),
                         i == 7 ? 0 : desc_leaf(2 * CORDON_GIB_PAGES + i * 512, 2, S2_NORMAL));
}

static void a_split_keeps_a_device_a_device(void **state)
{
    struct bench *b = *state;
    struct s2_pos p = s2_grow(b->c, b->pool, s2_walk(b->c, b->t, 1024), 1024, 2);
    uint64_t child;

    s2_make(b->c, p, desc_leaf(0x4000, 2, S2_DEVICE));
    child = s2_split(b->c, b->t, b->pool, s2_walk(b->c, b->t, 1024), 1024, 0, 1);
    assert_int_equal(arch_pte_read(b->c, child, 9), desc_leaf(0x4009, 3, S2_DEVICE));
}

static void a_split_fills_the_table_before_it_breaks_the_block(void **state)
{
    struct bench *b = *state;
    struct s2_pos p = put(b, 1024, 0x4000, 2);
    size_t mark = log_mark(b);

    (void)s2_split(b->c, b->t, b->pool, p, 1024, 0, 500);
    /* 12 entries of the new table, seen by the walkers, then the block's entry: broken, invalidated, made */
    assert_order(b, mark, (const char *const[]){
        "pte row", "pte row", "pte row", "pte row", "pte row", "pte row", "pte row", "pte row", "pte row", "pte row", "pte row",
        "pte row", "dsb ishst", "pte row", "dsb ishst", "tlbi ipas2e1is vmid=1 gfn=0x400 pages=512", "dsb ish\n",
        "tlbi vmalle1is", "dsb ish\n", "pte row", "dsb ishst", NULL });
    assert_int_equal(times(b, mark, "pte row"), 14);
}

static void a_cleared_run_is_owed_when_any_of_it_was_valid(void **state)
{
    struct bench *b = *state;
    struct s2_pos p = put(b, 20, 0x777, 3);
    struct owed o;

    (void)put(b, 23, 0x778, 3);
    (void)put(b, 24, 0x779, 3);
    o = s2_clear_run(b->c, p.row, 18, 18, 6, OWED_NOTHING);
    assert_true(o.first <= 20);
    assert_true(o.end >= 24);
    assert_int_equal(s2_count_valid(b->c, p.row), 1);
    assert_true(desc_valid(arch_pte_read(b->c, p.row, 24)));
    s2_settle(b->c, b->t, o);
    assert_int_equal(s2_clear_run(b->c, p.row, 18, 18, 6, OWED_NOTHING).end, 0);
}

static void whole_means_all_512_the_very_same(void **state)
{
    struct bench *b = *state;
    uint64_t child = s2_split(b->c, b->t, b->pool, put(b, 1024, 0x4000, 2), 1024, 0, 0);
    struct owed o;

    assert_true(s2_is_whole(b->c, child, 0x4000));
    assert_false(s2_is_whole(b->c, child, 0x4200));
    assert_false(s2_is_whole(b->c, child, 0x4001));
    o = s2_clear_run(b->c, child, 511, 1535, 1, OWED_NOTHING);
    s2_settle(b->c, b->t, o);
    assert_false(s2_is_whole(b->c, child, 0x4000));
    arch_pte_write(b->c, child, 511, desc_leaf(0x4000 + 511, 3, S2_DEVICE));
    assert_false(s2_is_whole(b->c, child, 0x4000));
}

static void pruning_takes_exactly_the_tables_that_end_there(void **state)
{
    struct bench *b = *state;
    uint64_t before = b->pool->free;
    struct s2_pos p = put(b, 5, 0x777, 3);

    s2_settle(b->c, b->t, s2_clear_run(b->c, p.row, 5, 5, 1, OWED_NOTHING));
    s2_prune(b->c, b->t, b->pool, 510);
    assert_int_equal(b->pool->free, before - 3);
    s2_prune(b->c, b->t, b->pool, 511);
    assert_int_equal(b->pool->free, before - 2);
    s2_prune(b->c, b->t, b->pool, CORDON_GIB_PAGES - 1);
    assert_int_equal(b->pool->free, before - 1);
    s2_prune(b->c, b->t, b->pool, (UINT64_C(1) << 27) - 1);
    assert_int_equal(b->pool->free, before);
    assert_int_equal(s2_count_valid(b->c, b->t->root), 0);
}

static void pruning_can_take_all_levels_at_once(void **state)
{
    struct bench *b = *state;
    uint64_t before = b->pool->free;
    uint64_t last = (UINT64_C(1) << 27) - 1;
    struct s2_pos p = put(b, last, 0x777, 3);

    s2_settle(b->c, b->t, s2_clear_run(b->c, p.row, 511, last, 1, OWED_NOTHING));
    s2_prune(b->c, b->t, b->pool, last);
    assert_int_equal(b->pool->free, before);
}

static void a_table_is_pruned_only_when_no_walk_can_be_in_it(void **state)
{
    struct bench *b = *state;
    struct s2_pos p = put(b, 5, 0x777, 3);
    size_t mark;

    s2_settle(b->c, b->t, s2_clear_run(b->c, p.row, 5, 5, 1, OWED_NOTHING));
    mark = log_mark(b);
    s2_prune(b->c, b->t, b->pool, 511);
    assert_order(b, mark, (const char *const[]){
        "pte row", "dsb ishst", "tlbi ipas2e1is vmid=1 gfn=0x0 pages=512", "dsb ish\n", "tlbi vmalle1is vmid=1", "dsb ish\n",
        NULL });
}

/* ---- shapes ---- */

static void a_shape_has_its_roots_side_by_side(void **state)
{
    struct stage2 t = { 0 };

    (void)state;
    assert_true(s2_shape(&(struct cordon_geometry){ 43, 1 }, &t));
    assert_int_equal(t.roots, 16);
    assert_int_equal(t.start, 1);
    assert_int_equal(t.gfn_limit, UINT64_C(1) << 31);
    assert_true(s2_shape(&(struct cordon_geometry){ 32, 2 }, &t));
    assert_int_equal(t.roots, 4);
    assert_int_equal(t.start, 2);
    assert_true(s2_shape(&(struct cordon_geometry){ 48, 0 }, &t));
    assert_int_equal(t.roots, 1);
    assert_false(s2_shape(&(struct cordon_geometry){ 44, 1 }, &t));
    assert_false(s2_shape(&(struct cordon_geometry){ 39, 0 }, &t));
    assert_false(s2_shape(&(struct cordon_geometry){ 35, 2 }, &t));
}

static void a_walk_begins_in_the_root_that_the_top_bits_choose(void **state)
{
    struct sim_config config = machine_config();
    struct machine *m;
    uint64_t pages = UINT64_C(1) << 27;     /* of one table of level 1 */

    (void)state;
    config.vm = (struct cordon_geometry){ 42, 1 };
    m = machine_new(&config);
    machine_vm(m, 1, 20);
    for (uint64_t i = 0; i < 8; i++) {
        struct s2_pos p;

        assert_ok(op_page(m, 1, i * pages + 1, FRAME(1, i)));
        p = s2_walk_to(m->c, &m->c->vm[0].s2, i * pages + 1, 1);
        assert_int_equal(p.row, m->c->vm[0].s2.root + i);
        assert_int_equal(p.index, 0);
        assert_maps(m, 1, i * pages + 1, FRAME(1, i), 3);
    }
    assert_ok(run_destroy(m, 1, NULL));
    machine_free(m);
}

#define WITH_BENCH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_of_normal_memory_has_these_bits),
        cmocka_unit_test(a_device_page_is_never_executed),
        cmocka_unit_test(blocks_differ_from_pages_in_bit_1_only),
        cmocka_unit_test(a_table_descriptor_is_address_and_type),
        cmocka_unit_test(all_36_bits_of_a_frame_number_pass_through_a_descriptor),
        cmocka_unit_test(the_kind_of_an_entry_depends_on_its_level),
        cmocka_unit_test(an_entry_of_a_level_covers_512_of_the_next),
        cmocka_unit_test(owed_ranges_add_up_to_the_range_around_them),
        WITH_BENCH(a_walk_stops_at_the_first_entry_that_is_no_table),
        WITH_BENCH(a_walk_goes_no_deeper_than_it_is_told),
        WITH_BENCH(a_block_gives_each_page_its_own_frame),
        WITH_BENCH(growing_takes_one_table_for_each_level),
        WITH_BENCH(a_table_is_seen_empty_before_it_is_linked),
        WITH_BENCH(replacing_breaks_invalidates_and_then_makes),
        WITH_BENCH(a_valid_entry_is_never_overwritten_by_a_valid_one),
        WITH_BENCH(settling_nothing_costs_nothing),
        WITH_BENCH(a_change_owes_what_the_entry_covered),
        WITH_BENCH(a_split_maps_the_same_but_for_the_hole),
        WITH_BENCH(a_split_can_have_its_hole_at_either_end_or_none),
        WITH_BENCH(a_split_of_a_gib_makes_blocks),
        WITH_BENCH(a_split_keeps_a_device_a_device),
        WITH_BENCH(a_split_fills_the_table_before_it_breaks_the_block),
        WITH_BENCH(a_cleared_run_is_owed_when_any_of_it_was_valid),
        WITH_BENCH(whole_means_all_512_the_very_same),
        WITH_BENCH(pruning_takes_exactly_the_tables_that_end_there),
        WITH_BENCH(pruning_can_take_all_levels_at_once),
        WITH_BENCH(a_table_is_pruned_only_when_no_walk_can_be_in_it),
        cmocka_unit_test(a_shape_has_its_roots_side_by_side),
        cmocka_unit_test(a_walk_begins_in_the_root_that_the_top_bits_choose),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
