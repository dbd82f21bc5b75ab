/* SPDX-License-Identifier: Apache-2.0 */
/* The independent walker: descriptors, geometries, stage 1; on tables that are written by hand into RAM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "walker.h"

#define RAM_FRAME UINT64_C(0x40000)
#define NORMAL UINT64_C(0x7fc)
#define DEVICE (UINT64_C(0x4c4) | UINT64_C(1) << 54)

static const struct cordon_mem ram = { RAM_FRAME * 4096, UINT64_C(32) << 20 };
static struct sim *s;

static uint64_t page(uint64_t frame) { return frame << 12 | NORMAL | 3; }
static uint64_t block(uint64_t frame) { return frame << 12 | NORMAL | 1; }
static uint64_t table(uint64_t row) { return row << 12 | 3; }

static int setup(void **state)
{
    struct sim_config f = { .ram = &ram, .rams = 1 };

    (void)state;
    s = sim_create(&f, NULL, 0);
    return s == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    sim_destroy(s);
    return 0;
}

static void put(uint64_t row, uint32_t index, uint64_t desc) { sim_poke(s, row, index, desc); }

/* ---- descriptors ---- */

static void kinds_by_level(void **state)
{
    static const enum desc_kind table_or_page[4] = { DESC_IS_TABLE, DESC_IS_TABLE, DESC_IS_TABLE, DESC_IS_LEAF };
    static const enum desc_kind block_kind[4] = { DESC_IS_INVALID, DESC_IS_LEAF, DESC_IS_LEAF, DESC_IS_INVALID };

    (void)state;
    for (uint32_t level = 0; level < 4; level++) {
        assert_int_equal(desc_kind(3, level), table_or_page[level]);
        assert_int_equal(desc_kind(1, level), block_kind[level]);
        assert_int_equal(desc_kind(2, level), DESC_IS_INVALID);
        assert_int_equal(desc_kind(0, level), DESC_IS_INVALID);
    }
}

static void well_formed(void **state)
{
    (void)state;
    assert_null(desc_malformed(0, 3));
    assert_null(desc_malformed(UINT64_C(0x0200000000000000), 3));     /* invalid: all bits are software's */
    assert_null(desc_malformed(page(RAM_FRAME), 3));
    assert_null(desc_malformed(RAM_FRAME << 12 | DEVICE | 3, 3));
    assert_null(desc_malformed(block(RAM_FRAME), 2));
    assert_null(desc_malformed(block(RAM_FRAME), 1));
    assert_null(desc_malformed(table(RAM_FRAME), 0));
    assert_null(desc_malformed(page(UINT64_C(0xfffffffff)), 3));
}

static void reserved(void **state)
{
    (void)state;
    assert_non_null(desc_malformed(block(RAM_FRAME), 0));
    assert_non_null(desc_malformed(block(RAM_FRAME), 3));
    assert_non_null(desc_malformed(block(RAM_FRAME + 1), 2));
    assert_non_null(desc_malformed(block(RAM_FRAME + 512), 1));
    assert_non_null(desc_malformed(page(RAM_FRAME) & ~(UINT64_C(1) << 10), 3));          /* AF */
    assert_non_null(desc_malformed((page(RAM_FRAME) & ~UINT64_C(0x300)) | 0x100, 3));    /* SH 01 */
    assert_non_null(desc_malformed((page(RAM_FRAME) & ~UINT64_C(0x3c)) | 0x10, 3));      /* MemAttr 0100 */
    assert_non_null(desc_malformed(page(RAM_FRAME) | UINT64_C(1) << 52, 3));             /* contiguous */
    assert_non_null(desc_malformed(page(RAM_FRAME) | UINT64_C(1) << 48, 3));
    assert_non_null(desc_malformed(page(RAM_FRAME) | UINT64_C(1) << 51, 3));             /* DBM */
    assert_non_null(desc_malformed(page(RAM_FRAME) | UINT64_C(1) << 11, 3));
    assert_non_null(desc_malformed(table(RAM_FRAME) | UINT64_C(1) << 63, 1));
}

static void leaves(void **state)
{
    struct leaf l = leaf_of(block(RAM_FRAME) & ~UINT64_C(0x80), 2, 0x12345);

    (void)state;
    assert_int_equal(l.gfn, 0x12200);
    assert_int_equal(l.pfn, RAM_FRAME);
    assert_true(l.read && !l.write && !l.device);
    /* The hardware ignores what lies below a block's alignment. */
    l = leaf_of(block(RAM_FRAME + 7), 2, 0);
    assert_int_equal(l.pfn, RAM_FRAME);
    assert_true(leaf_of(RAM_FRAME << 12 | DEVICE | 3, 3, 0).device);
}

/* ---- stage 2 ---- */

static struct stage2 shape(uint32_t ipa_bits, uint32_t start, uint32_t roots)
{
    return (struct stage2){ .root = RAM_FRAME, .gfn_limit = UINT64_C(1) << (ipa_bits - 12), .start = start, .roots = roots,
                            .vmid = 1 };
}

static void four_levels(void **state)
{
    struct stage2 t = shape(48, 0, 1);
    uint64_t gfn = UINT64_C(5) << 27 | 6 << 18 | 7 << 9 | 8;
    struct walk w;

    (void)state;
    put(RAM_FRAME, 5, table(RAM_FRAME + 1));
    put(RAM_FRAME + 1, 6, table(RAM_FRAME + 2));
    put(RAM_FRAME + 2, 7, table(RAM_FRAME + 3));
    put(RAM_FRAME + 3, 8, page(RAM_FRAME + 100));
    w = walk_stage2(s, &t, gfn);
    assert_true(w.mapped);
    assert_int_equal(w.leaf.pfn, RAM_FRAME + 100);
    assert_int_equal(w.leaf.gfn, gfn);
    assert_int_equal(w.level, 3);
    for (uint64_t level = 0; level < 4; level++)
        assert_int_equal(w.rows[level], RAM_FRAME + level);
    w = walk_stage2(s, &t, gfn + 1);
    assert_false(w.mapped);
    assert_int_equal(w.level, 3);
    w = walk_stage2(s, &t, gfn + 512);
    assert_int_equal(w.level, 2);
    assert_false(walk_stage2(s, &t, t.gfn_limit).mapped);
}

static void blocks(void **state)
{
    struct stage2 t = shape(39, 1, 1);
    struct walk w;

    (void)state;
    put(RAM_FRAME, 1, block(RAM_FRAME));
    w = walk_stage2(s, &t, (1 << 18) + 12345);
    assert_true(w.mapped);
    assert_int_equal(w.leaf.level, 1);
    assert_int_equal(w.leaf.pfn + (1 << 18) + 12345 - w.leaf.gfn, RAM_FRAME + 12345);
    put(RAM_FRAME, 2, table(RAM_FRAME + 1));
    put(RAM_FRAME + 1, 511, block(RAM_FRAME + 512));
    w = walk_stage2(s, &t, (3 << 18) - 1);
    assert_true(w.mapped);
    assert_int_equal(w.leaf.level, 2);
    assert_int_equal(w.leaf.pfn, RAM_FRAME + 512);
}

/* 40 bits from level 1 on: two root tables; 34 bits from level 2 on: sixteen. */
static void concatenated_roots(void **state)
{
    struct stage2 two = shape(40, 1, 2);
    struct stage2 sixteen = shape(34, 2, 16);

    (void)state;
    put(RAM_FRAME + 1, 3, block(RAM_FRAME));
    assert_true(walk_stage2(s, &two, (UINT64_C(512) + 3) << 18).mapped);
    assert_false(walk_stage2(s, &two, UINT64_C(3) << 18).mapped);
    assert_false(walk_stage2(s, &two, UINT64_C(1) << 28).mapped);
    put(RAM_FRAME + 15, 511, block(RAM_FRAME + 512));
    assert_true(walk_stage2(s, &sixteen, (UINT64_C(1) << 22) - 1).mapped);
    assert_int_equal(walk_stage2(s, &sixteen, (UINT64_C(1) << 22) - 1).rows[2], RAM_FRAME + 15);
    assert_false(walk_stage2(s, &sixteen, UINT64_C(1) << 22).mapped);
}

static void faults(void **state)
{
    struct stage2 t = shape(48, 0, 1);

    (void)state;
    put(RAM_FRAME, 0, block(RAM_FRAME));                            /* no block at level 0 */
    assert_false(walk_stage2(s, &t, 0).mapped);
    put(RAM_FRAME, 0, table(0x1));                                  /* a table where no memory is */
    assert_false(walk_stage2(s, &t, 0).mapped);
    put(RAM_FRAME, 0, table(RAM_FRAME + 1));
    put(RAM_FRAME + 1, 0, block(RAM_FRAME) & ~(UINT64_C(1) << 10)); /* no access flag */
    assert_false(walk_stage2(s, &t, 0).mapped);
    put(RAM_FRAME + 1, 0, table(RAM_FRAME + 2));
    put(RAM_FRAME + 2, 0, table(RAM_FRAME + 3));
    put(RAM_FRAME + 3, 0, block(RAM_FRAME));                        /* bit 1 clear at level 3 */
    assert_false(walk_stage2(s, &t, 0).mapped);
}

static void from_a_walk_cache(void **state)
{
    struct walk w;

    (void)state;
    put(RAM_FRAME + 3, 8, page(RAM_FRAME + 100));
    w = walk_from(s, RAM_FRAME + 3, 3, 0x1208);
    assert_true(w.mapped);
    assert_int_equal(w.leaf.gfn, 0x1208);
    assert_int_equal(w.start, 3);
}

/* ---- stage 1 ---- */

static void stage1_off(void **state)
{
    struct stage1_step st = stage1_begin((struct stage1){ 0, 0 }, 0x123456);

    (void)state;
    assert_true(st.done && !st.fault && st.write);
    assert_int_equal(st.address, 0x123456);
}

static void stage1_steps(void **state)
{
    uint64_t va = UINT64_C(3) << 30 | 4 << 21 | 5 << 12 | 0x678;
    struct stage1_step st = stage1_begin((struct stage1){ 0x80000, 39 }, va);

    (void)state;
    assert_int_equal(st.level, 1);
    assert_int_equal(st.address, 0x80000 + 8 * 3);
    st = stage1_next(st, 0x81000 | 3, va);
    assert_int_equal(st.address, 0x81000 + 8 * 4);
    st = stage1_next(st, 0x82000 | 3, va);
    assert_int_equal(st.address, 0x82000 + 8 * 5);
    st = stage1_next(st, 0x99000 | 0x400 | 3, va);
    assert_true(st.done && st.write);
    assert_int_equal(st.address, 0x99678);
    assert_int_equal(st.level, 3);
}

static void stage1_blocks_and_faults(void **state)
{
    uint64_t va = UINT64_C(1) << 39 | 0x212345;
    struct stage1_step st = stage1_begin((struct stage1){ 0x80000, 48 }, va);

    (void)state;
    assert_int_equal(st.level, 0);
    assert_int_equal(st.address, 0x80008);
    assert_true(stage1_next(st, 0, va).fault);
    st = stage1_next(stage1_next(st, 0x81000 | 3, va), 0x82000 | 3, va);
    assert_int_equal(st.level, 2);
    st = stage1_next(st, 0x600000 | 0x480 | 1, va);                 /* a read-only 2 MiB block */
    assert_true(st.done && !st.write);
    assert_int_equal(st.address, 0x612345);
    assert_true(stage1_begin((struct stage1){ 0x80000, 39 }, UINT64_C(1) << 39).fault);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(kinds_by_level), T(well_formed), T(reserved), T(leaves), T(four_levels), T(blocks), T(concatenated_roots), T(faults),
        T(from_a_walk_cache), T(stage1_off), T(stage1_steps), T(stage1_blocks_and_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
