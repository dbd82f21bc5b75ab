/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every check of the simulated machine fires on what it is for, and on nothing else.
 *
 * The tests play the core: they poke tables and records by hand, step by step, right once and wrong in one step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "cache.h"
#include "duty.h"
#include "memory/frame.h"
#include "memory/pool.h"
#include "reports.h"
#include "tlb.h"
#include "walker.h"

#define RAM_FRAME UINT64_C(0x40000)
#define GFN UINT64_C(0x1205)
#define NORMAL UINT64_C(0x7fc)

static const struct cordon_mem ram = { RAM_FRAME * 4096, UINT64_C(16) << 20 };
static const struct cordon_mem core_mem = { RAM_FRAME * 4096 + (UINT64_C(14) << 20), UINT64_C(2) << 20 };

static uint64_t rows[4];        /* the tables on the way to GFN, by level */

static uint64_t page(uint64_t frame) { return frame << 12 | NORMAL | 3; }
static uint64_t block(uint64_t frame) { return frame << 12 | NORMAL | 1; }
static uint64_t table(uint64_t row) { return row << 12 | 3; }

/* ---- playing the core ---- */

static void lock_vm(void) { arch_lock_taken(c, LOCK_VM, 1); }
static void unlock_vm(void) { arch_lock_dropped(c, LOCK_VM, 1); }
static void lock_section(uint64_t i) { arch_lock_taken(c, LOCK_SECTION, i); }
static void unlock_section(uint64_t i) { arch_lock_dropped(c, LOCK_SECTION, i); }
static void lock_host(void) { arch_lock_taken(c, LOCK_HOST, 0); }
static void unlock_host(void) { arch_lock_dropped(c, LOCK_HOST, 0); }

static uint64_t index_of(uint64_t gfn, uint32_t level) { return gfn >> (9 * (3 - level)) & 511; }

static void settle(uint32_t vmid, uint64_t gfn, uint64_t pages)
{
    arch_dsb_ishst(c);
    arch_tlbi_ipas2e1is(c, vmid, gfn, pages);
    arch_dsb_ish(c);
    arch_tlbi_vmalle1is(c, vmid);
    arch_dsb_ish(c);
}

static void put(uint64_t gfn, uint32_t level, uint64_t desc) { arch_pte_write(c, rows[level], index_of(gfn, level), desc); }

/* A new entry, and the walkers see it. */
static void make(uint64_t gfn, uint32_t level, uint64_t desc)
{
    put(gfn, level, desc);
    arch_dsb_ishst(c);
}

/* Tables of VM 1 down to the last level, the way it should be done. */
static void grow(void)
{
    lock_vm();
    rows[0] = c->vm[0].s2.root;
    for (uint32_t level = 1; level <= 3; level++) {
        rows[level] = pool_take(c, &c->vm[0].pool);
        arch_dsb_ishst(c);
        make(GFN, level - 1, table(rows[level]));
    }
    unlock_vm();
}

/* The frame's record says VM 1's at gfn; or the host's. */
static void record(uint64_t frame, bool vm, uint64_t gfn)
{
    uint64_t index = (frame - RAM_FRAME) / 512;

    if (vm)
        c->frame[frame - RAM_FRAME] = frame_of_vm(1, gfn);
    else
        c->frame[frame - RAM_FRAME] = frame_of(HOLDER_HOST);
    c->section[index].taken = (uint16_t)(c->section[index].taken + (vm ? 1 : -1));
    c->vm[0].frames += vm ? 1 : UINT64_MAX;
}

static void give(uint64_t frame, uint64_t gfn)
{
    lock_section((frame - RAM_FRAME) / 512);
    record(frame, true, gfn);
    unlock_section((frame - RAM_FRAME) / 512);
}

/* An operation on VM 1, and how it ends. */

static void begin(const char *what)
{
    sim_begin(s, what);
    lock_vm();
}

static void begin_map(void)
{
    sim_begin(s, "map");
    grow();
    lock_vm();
}

static void noticed(const char *name, const char *text)
{
    assert_int_not_equal(sim_end(s), 0);
    reported(name, text);
}

static void ends_with(const char *name, const char *text)
{
    unlock_vm();
    noticed(name, text);
}

static void ends_well(void)
{
    unlock_vm();
    assert_int_equal(sim_end(s), 0);
    none();
}

/* VM 1 owns RAM_FRAME and maps it at GFN. */
static void map_page(void)
{
    begin_map();
    give(RAM_FRAME, GFN);
    make(GFN, 3, page(RAM_FRAME));
    ends_well();
}

static int setup(void **state)
{
    struct sim_config f = { .ram = &ram, .rams = 1, .core = &core_mem, .cores = 1, .vms = 4 };
    char why[128] = "";

    (void)state;
    sim_cpu(NULL, 0);
    s = sim_create(&f, why, sizeof(why));
    if (s == NULL)
        fail_msg("%s", why);
    c = sim_core(s);
    assert_int_equal(sim_vm_create(s, 1), CORDON_OK);
    assert_int_equal(sim_vm_create(s, 2), CORDON_OK);
    assert_int_equal(sim_vm_feed(s, 1, 8), CORDON_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sim_destroy(s);
    return 0;
}

/* ---- duties: what a retraction owes ---- */

static void begin_retract(void)
{
    map_page();
    begin("unmap");
    put(GFN, 3, 0);
}

/* What the core does after the entry is gone, a letter each step, and what is missing then. */
struct retraction {
    const char *name;
    const char *steps;      /* s, d: DSB ISHST, DSB ISH; p, c, a: TLBI of the page, of what is combined, of all of the VMID */
    uint32_t vmid;
    uint64_t gfn;
    const char *missing;
};

static struct retraction retractions[] = {
    { "retract_done_right", "spdcd", 1, GFN, NULL },
    { "retract_by_all_of_the_vmid", "sad", 1, GFN, NULL },
    { "retract_without_any_invalidation", "s", 1, GFN, "missing: TLBI IPAS2E1IS vmid=1 gfn=0x1205 pages=1" },
    { "retract_without_ordering_the_store", "pdcd", 1, GFN, "TLBI IPAS2E1IS" },
    { "retract_without_waiting", "sp", 1, GFN, "missing: DSB ISH after TLBI IPAS2E1IS" },
    { "retract_without_the_combined", "spd", 1, GFN, "missing: TLBI VMALLE1IS vmid=1" },
    { "retract_with_the_combined_too_early", "spcd", 1, GFN, "missing: TLBI VMALLE1IS vmid=1" },
    { "retract_without_waiting_for_the_combined", "spdc", 1, GFN, "missing: DSB ISH after TLBI VMALLE1IS" },
    { "retract_with_another_vmid", "spdcd", 2, GFN, "vmid=1" },
    { "retract_with_another_page", "spdcd", 1, GFN + 1, "gfn=0x1205" },
};

static void take(char step, uint32_t vmid, uint64_t gfn)
{
    switch (step) {
    case 's': arch_dsb_ishst(c); break;
    case 'd': arch_dsb_ish(c); break;
    case 'p': arch_tlbi_ipas2e1is(c, vmid, gfn, 1); break;
    case 'c': arch_tlbi_vmalle1is(c, vmid); break;
    case 'a': arch_tlbi_vmalls12e1is(c, vmid); break;
    default: fail_msg("no step %c", step);
    }
}

static void retract(void **state)
{
    const struct retraction *r = *state;

    begin_retract();
    for (const char *step = r->steps; *step != 0; step++)
        take(*step, r->vmid, r->gfn);
    if (r->missing != NULL) {
        ends_with("I6 (S11)", r->missing);
    } else {
        ends_well();
        assert_int_equal(sim_check_all(s), 0);
    }
}

/* 16 pages in a row, invalidated as one range, or all but the last. */
static void retract_range(uint64_t covered, bool split)
{
    begin_map();
    for (uint64_t i = 0; i < 16; i++) {
        give(RAM_FRAME + i, GFN + i);
        put(GFN + i, 3, page(RAM_FRAME + i));
    }
    arch_dsb_ishst(c);
    ends_well();
    begin("unmap");
    for (uint64_t i = 0; i < 16; i++)
        put(GFN + i, 3, 0);
    arch_dsb_ishst(c);
    if (split) {
        arch_tlbi_ipas2e1is(c, 1, GFN + 5, covered - 5);
        arch_tlbi_ipas2e1is(c, 1, GFN, 5);
    } else {
        arch_tlbi_ipas2e1is(c, 1, GFN, covered);
    }
    arch_dsb_ish(c);
    arch_tlbi_vmalle1is(c, 1);
    arch_dsb_ish(c);
    unlock_vm();
    (void)sim_end(s);
}

TEST(range_in_one)
{
    retract_range(16, false);
    none();
}

TEST(range_in_pieces)
{
    retract_range(16, true);
    none();
}

TEST(range_short_by_one)
{
    retract_range(15, false);
    reported("I6 (S11)", "TLBI IPAS2E1IS vmid=1 gfn=0x1214 pages=1");
}

/* An empty table goes: any address in it invalidates the walk caches, and no combined translation can be left. */
static void empty_table(uint64_t gfn, bool invalidate)
{
    sim_begin(s, "prune");
    grow();
    lock_vm();
    put(GFN, 2, 0);
    arch_dsb_ishst(c);
    if (invalidate)
        arch_tlbi_ipas2e1is(c, 1, gfn, 1);
    arch_dsb_ish(c);
    pool_put(c, &c->vm[0].pool, rows[3]);
    unlock_vm();
    (void)sim_end(s);
}

TEST(empty_table_done_right)
{
    empty_table(0x13ff, true);
    none();
    assert_int_equal(sim_check_all(s), 0);
}

TEST(empty_table_still_walked)
{
    empty_table(0, false);
    reported("I6 (S11)", "walk cache");
}

TEST(full_table_needs_all_of_it)
{
    map_page();
    begin("drop table");
    put(GFN, 2, 0);
    settle(1, 0x1200, 1);
    ends_with("I6 (S11)", "pages=511");
}

/* ---- break-before-make ---- */

TEST(valid_to_valid)
{
    map_page();
    begin("swap");
    give(RAM_FRAME + 1, GFN);
    put(GFN, 3, page(RAM_FRAME + 1));
    settle(1, GFN, 1);
    ends_with("break-before-make", "without being invalid in between");
}

TEST(access_may_change_in_place)
{
    map_page();
    begin("protect");
    put(GFN, 3, page(RAM_FRAME) & ~(UINT64_C(1) << 7));
    settle(1, GFN, 1);
    ends_well();
}

TEST(made_before_it_was_broken)
{
    begin_retract();
    arch_dsb_ishst(c);
    arch_tlbi_ipas2e1is(c, 1, GFN, 1);
    put(GFN, 3, page(RAM_FRAME));
    arch_dsb_ish(c);
    arch_tlbi_vmalle1is(c, 1);
    arch_dsb_ish(c);
    ends_with("break-before-make", "becomes valid");
}

TEST(made_after_it_was_broken)
{
    begin_retract();
    settle(1, GFN, 1);
    make(GFN, 3, page(RAM_FRAME));
    ends_well();
}

/* ---- stale translations ---- */

TEST(other_cpu_keeps_it)
{
    uint64_t value;

    map_page();
    sim_cpu(s, 2);
    assert_int_equal(sim_read(s, 1, GFN << 12, &value, false, NULL), SIM_DONE);
    sim_cpu(s, 0);
    begin("unmap");
    put(GFN, 3, 0);
    arch_dsb_ishst(c);
    arch_dsb_ish(c);
    ends_with("I6", "a stale stage-2 translation of CPU 2");
    reported("I6", "a stale combined translation of CPU 2");
}

TEST(access_through_a_stale_entry)
{
    uint64_t value;

    map_page();
    assert_int_equal(sim_write(s, 1, GFN << 12, 77, false, NULL), SIM_DONE);
    /* Behind the machine's back, so that only the access can notice. */
    s->phys[rows[3]].e[index_of(GFN, 3)] = 0;
    assert_int_equal(sim_read(s, 1, GFN << 12, &value, false, NULL), SIM_DONE);
    assert_int_equal(value, 77);
    reported("I6", "an access goes through a stale combined translation");
    sim_cpu(s, 1);
    assert_int_equal(sim_read(s, 1, GFN << 12, &value, false, NULL), SIM_FAULT);
}

TEST(stage2_done_and_combined_left)
{
    uint64_t value;

    map_page();
    sim_cpu(s, 3);
    assert_int_equal(sim_read(s, 1, GFN << 12, &value, false, NULL), SIM_DONE);
    sim_cpu(s, 0);
    begin("unmap");
    put(GFN, 3, 0);
    arch_dsb_ishst(c);
    arch_tlbi_ipas2e1is(c, 1, GFN, 1);
    arch_dsb_ish(c);
    ends_with("I6", "a stale combined translation of CPU 3");
    for (unsigned i = 0; i < sim_reports(s); i++)
        assert_null(strstr(sim_report(s, i), "a stale stage-2"));
}

TEST(walk_cache_keeps_a_table)
{
    uint64_t value;

    sim_begin(s, "grow");
    grow();
    (void)sim_end(s);
    sim_cpu(s, 1);
    assert_int_equal(sim_read(s, 1, GFN << 12, &value, false, NULL), SIM_FAULT);
    sim_cpu(s, 0);
    begin("prune");
    put(GFN, 2, 0);
    arch_dsb_ishst(c);
    arch_dsb_ish(c);
    ends_with("I6", "a stale walk-cache entry of CPU 1");
}

/* ---- publishing ---- */

TEST(table_linked_too_early)
{
    begin("grow");
    rows[0] = c->vm[0].s2.root;
    rows[1] = pool_take(c, &c->vm[0].pool);
    make(GFN, 0, table(rows[1]));
    ends_with("publish", "linked before a DSB ISHST");
}

TEST(leaf_not_seen_at_the_drop)
{
    begin_map();
    give(RAM_FRAME, GFN);
    put(GFN, 3, page(RAM_FRAME));
    ends_with("publish", "lock VM 1 is dropped");
}

/* ---- locks ---- */

TEST(lock_order)
{
    begin("order");
    lock_section(0);
    lock_host();
    unlock_host();
    unlock_section(0);
    ends_well();
    sim_begin(s, "order");
    lock_host();
    lock_section(0);
    unlock_section(0);
    unlock_host();
    noticed("lock order", "takes lock section 0 while it holds host 0");
}

TEST(two_of_a_kind)
{
    sim_begin(s, "order");
    lock_section(0);
    lock_section(1);
    unlock_section(1);
    noticed("lock order", "takes lock section 1 while it holds section 0");
}

TEST(lock_left_taken)
{
    sim_begin(s, "leave");
    lock_section(0);
    noticed("lock", "still held");
}

TEST(entry_without_its_lock)
{
    map_page();
    sim_begin(s, "unlocked");
    put(GFN, 3, 0);
    settle(1, GFN, 1);
    noticed("lock", "without the VM's lock");
}

TEST(record_without_its_lock)
{
    c->frame[5].count = 1;
    sim_begin(s, "look");
    lock_section(0);
    unlock_section(0);
    noticed("lock", "the record of frame 0x40005");
}

TEST(record_without_its_lock_seen_from_scratch)
{
    c->frame[5].count = 1;
    c->section[0].pinned = 1;
    assert_int_not_equal(sim_check_all(s), 0);
    reported("lock", "records of section 0");
}

/* ---- tables ---- */

TEST(store_past_the_step)
{
    map_page();
    s->phys[rows[3]].e[0] = 0x123;
    assert_int_not_equal(sim_check_all(s), 0);
    reported("direct store", "was written other than by");
}

TEST(store_past_the_step_seen_at_the_entry)
{
    map_page();
    begin("unmap");
    s->phys[rows[3]].e[index_of(GFN, 3)] = 0;
    put(GFN, 3, 0);
    ends_with("direct store", "arch_pte_write() did not put there");
}

TEST(linked_twice)
{
    map_page();
    begin("link");
    make(GFN + 512, 2, table(rows[3]));
    ends_with("I7", "reachable from another place");
    (void)sim_check_all(s);
    reported("I7", "reachable from two places");
}

TEST(linked_and_no_table)
{
    map_page();
    begin("link");
    make(GFN + 512, 2, table(RAM_FRAME + 9));
    ends_with("I7", "it is not a table");
}

TEST(freed_while_linked)
{
    map_page();
    begin("free");
    pool_put(c, &c->vm[0].pool, rows[3]);
    ends_with("I7", "freed while it is linked");
}

TEST(table_lost)
{
    c->vm[0].pool.free -= 1;
    assert_int_not_equal(sim_check_all(s), 0);
    reported("I7", "together not the");
}

/* The roots of an empty VM go, with and without waiting for the walks that may be in them. */
static void roots_go(bool flush)
{
    sim_begin(s, "roots");
    arch_lock_taken(c, LOCK_VM, 2);
    if (flush) {
        arch_tlbi_vmalls12e1is(c, 2);
        arch_dsb_ish(c);
    }
    arch_table_free(c, c->vm[1].s2.root);
    c->vm[1].state = VM_NONE;
    arch_lock_dropped(c, LOCK_VM, 2);
    (void)sim_end(s);
}

TEST(roots_go_after_the_walks)
{
    roots_go(true);
    none();
}

TEST(roots_go_under_a_walk)
{
    roots_go(false);
    reported("I6 (S11)", "goes away while a walk may be in it");
}

TEST(handed_out_dirty)
{
    sim_begin(s, "take");
    s->phys[c->vm[0].pool.head].e[7] = 1;
    arch_table_alloc(c, c->vm[0].pool.head);
    noticed("I7", "not all zero");
}

TEST(malformed)
{
    begin_map();
    give(RAM_FRAME, GFN);
    make(GFN, 3, page(RAM_FRAME) & ~(UINT64_C(1) << 10));
    ends_with("descriptor", "no access flag");
}

/* ---- I1 .. I4, I8 ---- */

/* The host maps `frame` to what `desc` says, with the tables that a fault made. */
static void host_entry(uint64_t gfn, uint64_t desc)
{
    struct walk w;

    assert_int_equal(sim_write(s, 0, RAM_FRAME << 12, 1, false, NULL), SIM_DONE);
    give(RAM_FRAME + 4, GFN);   /* so that the section is mapped by pages */
    (void)sim_end(s);
    sim_begin(s, "host entry");
    lock_section((gfn - RAM_FRAME) / 512);
    w = walk_stage2(s, &c->host, gfn);
    if (w.mapped && w.leaf.level < 3) {
        uint64_t row = pool_take(c, &c->host_pool);

        for (uint64_t i = 0; i < 512; i++)
            arch_pte_write(c, row, i, page(w.leaf.pfn + i));
        arch_pte_write(c, row, gfn % 512, desc);
        arch_dsb_ishst(c);
        arch_pte_write(c, w.row, w.index, 0);
        settle(0, w.leaf.gfn, 512);
        arch_pte_write(c, w.row, w.index, table(row));
        c->section[(gfn - RAM_FRAME) / 512].leaf = row;
    } else {
        arch_pte_write(c, w.row, w.index, 0);
        settle(0, gfn, 1);
        arch_pte_write(c, w.row, w.index, desc);
    }
    arch_dsb_ishst(c);
    unlock_section((gfn - RAM_FRAME) / 512);
    (void)sim_end(s);
}

TEST(i1_host_maps_a_vms_frame)
{
    sim_begin(s, "give");
    host_entry(RAM_FRAME + 3, page(RAM_FRAME + 3));
    reported("I1", "the frame is VM 1's");
}

TEST(i1_record_under_the_hosts_mapping)
{
    assert_int_equal(sim_write(s, 0, RAM_FRAME << 12, 1, false, NULL), SIM_DONE);
    sim_begin(s, "give");
    give(RAM_FRAME, GFN);
    noticed("I1", "the host maps frame 0x40000, which is VM 1's");
}

TEST(i1_not_identity)
{
    sim_begin(s, "give");
    host_entry(RAM_FRAME + 3, page(RAM_FRAME + 5));
    reported("I1", "the host maps frames as themselves");
}

TEST(i2_not_the_recorded_gfn)
{
    begin_map();
    give(RAM_FRAME, GFN + 1);
    make(GFN, 3, page(RAM_FRAME));
    ends_with("I2", "VM 1 maps gfn 0x1205 to frame 0x40000");
}

TEST(i2_taken_and_still_mapped)
{
    map_page();
    begin("take");
    lock_section(0);
    record(RAM_FRAME, false, 0);
    unlock_section(0);
    ends_with("I2", "which still maps it at gfn 0x1205");
}

TEST(i3_two_gfns)
{
    map_page();
    begin("map again");
    make(GFN + 1, 3, page(RAM_FRAME));
    ends_with("I3", "and mapped there");
}

TEST(i4_the_cores_frame)
{
    begin_map();
    make(GFN, 3, page(core_mem.base >> 12));
    ends_with("I4", "the core's");
}

TEST(i4_the_hosts_tables_as_a_device)
{
    begin_map();
    make(GFN, 3, c->host.root << 12 | 0x4c4 | 3);
    ends_with("I4", "hidden");
}

TEST(block_of_frames_that_are_not_all_the_vms)
{
    begin_map();
    for (uint64_t i = 0; i < 511; i++)
        give(RAM_FRAME + i, 0x1400 + i);
    make(0x1400, 2, block(RAM_FRAME));
    ends_with("I2", "to frame 0x401ff (level 2");
}

/* VM 1's page goes back to the host in the right order, but for what the arguments leave out. */
static void hand_back(bool unmap_first, bool zero, bool clean)
{
    map_page();
    assert_int_equal(sim_write(s, 1, GFN << 12, 0x5ec7e7, false, NULL), SIM_DONE);
    begin("clear");
    lock_section(0);
    put(GFN, 3, 0);
    if (unmap_first)
        settle(1, GFN, 1);
    if (zero)
        arch_zero_frames(c, RAM_FRAME, 1);
    if (clean)
        arch_clean_frames(c, RAM_FRAME, 1);
    record(RAM_FRAME, false, 0);
    unlock_section(0);
    if (!unmap_first)
        settle(1, GFN, 1);
    unlock_vm();
    (void)sim_end(s);
}

TEST(i8_done_right)
{
    hand_back(true, true, true);
    none();
    assert_int_equal(sim_check_all(s), 0);
}

TEST(i8_not_zeroed)
{
    hand_back(true, false, true);
    reported("I8", "is not zero");
}

TEST(i8_not_cleaned)
{
    hand_back(true, true, false);
    reported("I8", "DC CIVAC");
}

TEST(i8_before_the_invalidation)
{
    hand_back(false, true, true);
    reported("I8", "is zeroed while VM 1 may still reach it through a TLB");
    reported("I6 (S8)", "while its translation of gfn 0x1205 may still be in a TLB");
}

TEST(given_with_dirty_lines)
{
    cache_write(s, RAM_FRAME + 1, 0, 42, false);
    sim_begin(s, "give");
    give(RAM_FRAME + 1, GFN);
    noticed("caches", "goes to a VM");
}

/* ---- counts ---- */

TEST(wrong_section_count)
{
    begin("give");
    lock_section(0);
    c->frame[0] = frame_of_vm(1, GFN);
    c->vm[0].frames += 1;
    unlock_section(0);
    ends_with("count", "section 0 counts 0 taken");
}

TEST(wrong_short_cut)
{
    sim_begin(s, "look");
    lock_section(0);
    c->section[0].leaf = c->host.root;
    unlock_section(0);
    noticed("count", "as the host's level-3 table");
    (void)sim_check_all(s);
    reported("I7", "as the host's level-3 table");
}

TEST(wrong_vm_count)
{
    begin("give");
    give(RAM_FRAME, GFN);
    c->vm[0].frames += 1;
    ends_with("count", "VM 1 counts 2 frames and owns 1");
}

TEST(owner_that_does_not_exist)
{
    sim_begin(s, "give");
    lock_section(0);
    c->frame[0] = frame_of_vm(3, GFN);
    c->section[0].taken = 1;
    unlock_section(0);
    (void)sim_end(s);
    assert_int_not_equal(sim_check_all(s), 0);
    reported("I2", "names VM 3, which does not exist");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define RETRACTIONS (sizeof(retractions) / sizeof(*retractions))

static const struct CMUnitTest others[] = {
        T(range_in_one), T(range_in_pieces), T(range_short_by_one), T(empty_table_done_right),
        T(empty_table_still_walked), T(full_table_needs_all_of_it), T(valid_to_valid), T(access_may_change_in_place),
        T(made_before_it_was_broken), T(made_after_it_was_broken), T(other_cpu_keeps_it),
        T(access_through_a_stale_entry), T(stage2_done_and_combined_left), T(walk_cache_keeps_a_table),
        T(table_linked_too_early), T(leaf_not_seen_at_the_drop), T(lock_order), T(two_of_a_kind), T(lock_left_taken),
        T(entry_without_its_lock), T(record_without_its_lock), T(record_without_its_lock_seen_from_scratch),
        T(store_past_the_step), T(store_past_the_step_seen_at_the_entry), T(linked_twice), T(linked_and_no_table),
        T(freed_while_linked), T(table_lost), T(roots_go_after_the_walks), T(roots_go_under_a_walk),
        T(handed_out_dirty), T(malformed), T(i1_host_maps_a_vms_frame), T(i1_record_under_the_hosts_mapping),
        T(i1_not_identity), T(i2_not_the_recorded_gfn), T(i2_taken_and_still_mapped), T(i3_two_gfns),
        T(i4_the_cores_frame), T(i4_the_hosts_tables_as_a_device), T(block_of_frames_that_are_not_all_the_vms),
        T(i8_done_right), T(i8_not_zeroed), T(i8_not_cleaned), T(i8_before_the_invalidation), T(given_with_dirty_lines),
        T(wrong_section_count), T(wrong_short_cut), T(wrong_vm_count), T(owner_that_does_not_exist),
};

int main(void)
{
    struct CMUnitTest tests[RETRACTIONS + sizeof(others) / sizeof(*others)];

    for (size_t i = 0; i < RETRACTIONS; i++)
        tests[i] = (struct CMUnitTest){ retractions[i].name, retract, setup, teardown, &retractions[i] };
    memcpy(&tests[RETRACTIONS], others, sizeof(others));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
