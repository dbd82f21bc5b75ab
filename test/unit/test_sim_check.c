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
#include "tlb.h"
#include "walker.h"

#define RAM_FRAME UINT64_C(0x40000)
#define GFN UINT64_C(0x1205)
#define NORMAL UINT64_C(0x7fc)

static const struct cordon_mem ram = { RAM_FRAME * 4096, UINT64_C(16) << 20 };
static const struct cordon_mem core_mem = { RAM_FRAME * 4096 + (UINT64_C(14) << 20), UINT64_C(2) << 20 };

static struct sim *s;
static struct cordon *c;
static uint64_t rows[4];        /* the tables on the way to GFN, by level */

static uint64_t page(uint64_t frame) { return frame << 12 | NORMAL | 3; }
static uint64_t block(uint64_t frame) { return frame << 12 | NORMAL | 1; }
static uint64_t table(uint64_t row) { return row << 12 | 3; }

/* ---- what is expected of the reports ---- */

static void none(void)
{
    for (unsigned i = 0; i < sim_reports(s); i++)
        print_error("%s\n", sim_report(s, i));
    assert_int_equal(sim_reports(s), 0);
}

/* Some report has this name and this text. */
static void reported(const char *name, const char *text)
{
    for (unsigned i = 0; i < sim_reports(s); i++) {
        const char *r = sim_report(s, i);

        if (strncmp(r, name, strlen(name)) == 0 && strstr(r, text) != NULL)
            return;
    }
    for (unsigned i = 0; i < sim_reports(s); i++)
        print_error("%s\n", sim_report(s, i));
    fail_msg("no report \"%s ... %s\"", name, text);
}

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

/* Tables of VM 1 down to the last level, the way it should be done. */
static void grow(void)
{
    lock_vm();
    rows[0] = c->vm[0].s2.root;
    for (uint32_t level = 1; level <= 3; level++) {
        rows[level] = pool_take(c, &c->vm[0].pool);
        arch_dsb_ishst(c);
        put(GFN, level - 1, table(rows[level]));
        arch_dsb_ishst(c);
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

/* VM 1 owns RAM_FRAME and maps it at GFN. */
static void map_page(void)
{
    sim_begin(s, "map");
    grow();
    lock_vm();
    give(RAM_FRAME, GFN);
    put(GFN, 3, page(RAM_FRAME));
    arch_dsb_ishst(c);
    unlock_vm();
    assert_int_equal(sim_end(s), 0);
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
    sim_begin(s, "unmap");
    lock_vm();
    put(GFN, 3, 0);
}

static void retract_done_right(void **state)
{
    (void)state;
    begin_retract();
    settle(1, GFN, 1);
    unlock_vm();
    assert_int_equal(sim_end(s), 0);
    none();
    assert_int_equal(sim_check_all(s), 0);
}

static void retract_by_all_of_the_vmid(void **state)
{
    (void)state;
    begin_retract();
    arch_dsb_ishst(c);
    arch_tlbi_vmalls12e1is(c, 1);
    arch_dsb_ish(c);
    unlock_vm();
    assert_int_equal(sim_end(s), 0);
}

static void retract_without_any_invalidation(void **state)
{
    (void)state;
    begin_retract();
    arch_dsb_ishst(c);
    unlock_vm();
    assert_int_not_equal(sim_end(s), 0);
    reported("I6 (S11)", "missing: TLBI IPAS2E1IS vmid=1 gfn=0x1205 pages=1");
}

static void retract_without_ordering_the_store(void **state)
{
    (void)state;
    begin_retract();
    arch_tlbi_ipas2e1is(c, 1, GFN, 1);
    arch_dsb_ish(c);
    arch_tlbi_vmalle1is(c, 1);
    arch_dsb_ish(c);
    unlock_vm();
    assert_int_not_equal(sim_end(s), 0);
    reported("I6 (S11)", "TLBI IPAS2E1IS");
}

static void retract_without_waiting(void **state)
{
    (void)state;
    begin_retract();
    arch_dsb_ishst(c);
    arch_tlbi_ipas2e1is(c, 1, GFN, 1);
    unlock_vm();
    assert_int_not_equal(sim_end(s), 0);
    reported("I6 (S11)", "missing: DSB ISH after TLBI IPAS2E1IS");
}

static void retract_without_the_combined(void **state)
{
    (void)state;
    begin_retract();
    arch_dsb_ishst(c);
    arch_tlbi_ipas2e1is(c, 1, GFN, 1);
    arch_dsb_ish(c);
    unlock_vm();
    assert_int_not_equal(sim_end(s), 0);
    reported("I6 (S11)", "missing: TLBI VMALLE1IS vmid=1");
}

static void retract_with_the_combined_too_early(void **state)
{
    (void)state;
    begin_retract();
    arch_dsb_ishst(c);
    arch_tlbi_ipas2e1is(c, 1, GFN, 1);
    arch_tlbi_vmalle1is(c, 1);
    arch_dsb_ish(c);
    unlock_vm();
    assert_int_not_equal(sim_end(s), 0);
    reported("I6 (S11)", "missing: TLBI VMALLE1IS vmid=1");
}

static void retract_without_waiting_for_the_combined(void **state)
{
    (void)state;
    begin_retract();
    arch_dsb_ishst(c);
    arch_tlbi_ipas2e1is(c, 1, GFN, 1);
    arch_dsb_ish(c);
    arch_tlbi_vmalle1is(c, 1);
    unlock_vm();
    assert_int_not_equal(sim_end(s), 0);
    reported("I6 (S11)", "missing: DSB ISH after TLBI VMALLE1IS");
}

static void retract_with_another_vmid(void **state)
{
    (void)state;
    begin_retract();
    settle(2, GFN, 1);
    unlock_vm();
    assert_int_not_equal(sim_end(s), 0);
    reported("I6 (S11)", "vmid=1");
}

static void retract_with_another_page(void **state)
{
    (void)state;
    begin_retract();
    settle(1, GFN + 1, 1);
    unlock_vm();
    assert_int_not_equal(sim_end(s), 0);
    reported("I6 (S11)", "gfn=0x1205");
}

/* 16 pages in a row, invalidated as one range, or all but the last. */
static void retract_range(uint64_t covered, bool split)
{
    sim_begin(s, "map");
    grow();
    lock_vm();
    for (uint64_t i = 0; i < 16; i++) {
        give(RAM_FRAME + i, GFN + i);
        put(GFN + i, 3, page(RAM_FRAME + i));
    }
    arch_dsb_ishst(c);
    unlock_vm();
    assert_int_equal(sim_end(s), 0);
    sim_begin(s, "unmap");
    lock_vm();
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

static void range_in_one(void **state)
{
    (void)state;
    retract_range(16, false);
    none();
}

static void range_in_pieces(void **state)
{
    (void)state;
    retract_range(16, true);
    none();
}

static void range_short_by_one(void **state)
{
    (void)state;
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

static void empty_table_done_right(void **state)
{
    (void)state;
    empty_table(0x13ff, true);
    none();
    assert_int_equal(sim_check_all(s), 0);
}

static void empty_table_still_walked(void **state)
{
    (void)state;
    empty_table(0, false);
    reported("I6 (S11)", "walk cache");
}

static void full_table_needs_all_of_it(void **state)
{
    (void)state;
    map_page();
    sim_begin(s, "drop table");
    lock_vm();
    put(GFN, 2, 0);
    settle(1, 0x1200, 1);
    unlock_vm();
    assert_int_not_equal(sim_end(s), 0);
    reported("I6 (S11)", "pages=511");
}

/* ---- break-before-make ---- */

static void valid_to_valid(void **state)
{
    (void)state;
    map_page();
    sim_begin(s, "swap");
    lock_vm();
    give(RAM_FRAME + 1, GFN);
    put(GFN, 3, page(RAM_FRAME + 1));
    settle(1, GFN, 1);
    unlock_vm();
    (void)sim_end(s);
    reported("break-before-make", "without being invalid in between");
}

static void access_may_change_in_place(void **state)
{
    (void)state;
    map_page();
    sim_begin(s, "protect");
    lock_vm();
    put(GFN, 3, page(RAM_FRAME) & ~(UINT64_C(1) << 7));
    settle(1, GFN, 1);
    unlock_vm();
    (void)sim_end(s);
    none();
}

static void made_before_it_was_broken(void **state)
{
    (void)state;
    begin_retract();
    arch_dsb_ishst(c);
    arch_tlbi_ipas2e1is(c, 1, GFN, 1);
    put(GFN, 3, page(RAM_FRAME));
    arch_dsb_ish(c);
    arch_tlbi_vmalle1is(c, 1);
    arch_dsb_ish(c);
    unlock_vm();
    (void)sim_end(s);
    reported("break-before-make", "becomes valid");
}

static void made_after_it_was_broken(void **state)
{
    (void)state;
    begin_retract();
    settle(1, GFN, 1);
    put(GFN, 3, page(RAM_FRAME));
    arch_dsb_ishst(c);
    unlock_vm();
    assert_int_equal(sim_end(s), 0);
    none();
}

/* ---- stale translations ---- */

static void other_cpu_keeps_it(void **state)
{
    uint64_t value;

    (void)state;
    map_page();
    sim_cpu(s, 2);
    assert_int_equal(sim_read(s, 1, GFN << 12, &value, false, NULL), SIM_DONE);
    sim_cpu(s, 0);
    sim_begin(s, "unmap");
    lock_vm();
    put(GFN, 3, 0);
    arch_dsb_ishst(c);
    arch_dsb_ish(c);
    unlock_vm();
    (void)sim_end(s);
    reported("I6", "a stale stage-2 translation of CPU 2");
    reported("I6", "a stale combined translation of CPU 2");
}

static void access_through_a_stale_entry(void **state)
{
    uint64_t value;

    (void)state;
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

static void stage2_done_and_combined_left(void **state)
{
    uint64_t value;

    (void)state;
    map_page();
    sim_cpu(s, 3);
    assert_int_equal(sim_read(s, 1, GFN << 12, &value, false, NULL), SIM_DONE);
    sim_cpu(s, 0);
    sim_begin(s, "unmap");
    lock_vm();
    put(GFN, 3, 0);
    arch_dsb_ishst(c);
    arch_tlbi_ipas2e1is(c, 1, GFN, 1);
    arch_dsb_ish(c);
    unlock_vm();
    (void)sim_end(s);
    reported("I6", "a stale combined translation of CPU 3");
    for (unsigned i = 0; i < sim_reports(s); i++)
        assert_null(strstr(sim_report(s, i), "a stale stage-2"));
}

static void walk_cache_keeps_a_table(void **state)
{
    uint64_t value;

    (void)state;
    sim_begin(s, "grow");
    grow();
    (void)sim_end(s);
    sim_cpu(s, 1);
    assert_int_equal(sim_read(s, 1, GFN << 12, &value, false, NULL), SIM_FAULT);
    sim_cpu(s, 0);
    sim_begin(s, "prune");
    lock_vm();
    put(GFN, 2, 0);
    arch_dsb_ishst(c);
    arch_dsb_ish(c);
    unlock_vm();
    (void)sim_end(s);
    reported("I6", "a stale walk-cache entry of CPU 1");
}

/* ---- publishing ---- */

static void table_linked_too_early(void **state)
{
    (void)state;
    sim_begin(s, "grow");
    lock_vm();
    rows[0] = c->vm[0].s2.root;
    rows[1] = pool_take(c, &c->vm[0].pool);
    put(GFN, 0, table(rows[1]));
    arch_dsb_ishst(c);
    unlock_vm();
    (void)sim_end(s);
    reported("publish", "linked before a DSB ISHST");
}

static void leaf_not_seen_at_the_drop(void **state)
{
    (void)state;
    sim_begin(s, "map");
    grow();
    lock_vm();
    give(RAM_FRAME, GFN);
    put(GFN, 3, page(RAM_FRAME));
    unlock_vm();
    (void)sim_end(s);
    reported("publish", "lock VM 1 is dropped");
}

/* ---- locks ---- */

static void lock_order(void **state)
{
    (void)state;
    sim_begin(s, "order");
    lock_vm();
    lock_section(0);
    lock_host();
    unlock_host();
    unlock_section(0);
    unlock_vm();
    (void)sim_end(s);
    none();
    sim_begin(s, "order");
    lock_host();
    lock_section(0);
    unlock_section(0);
    unlock_host();
    (void)sim_end(s);
    reported("lock order", "takes lock section 0 while it holds host 0");
}

static void two_of_a_kind(void **state)
{
    (void)state;
    sim_begin(s, "order");
    lock_section(0);
    lock_section(1);
    unlock_section(1);
    (void)sim_end(s);
    reported("lock order", "takes lock section 1 while it holds section 0");
}

static void lock_left_taken(void **state)
{
    (void)state;
    sim_begin(s, "leave");
    lock_section(0);
    (void)sim_end(s);
    reported("lock", "still held");
}

static void entry_without_its_lock(void **state)
{
    (void)state;
    map_page();
    sim_begin(s, "unlocked");
    put(GFN, 3, 0);
    settle(1, GFN, 1);
    (void)sim_end(s);
    reported("lock", "without the VM's lock");
}

static void record_without_its_lock(void **state)
{
    (void)state;
    c->frame[5].count = 1;
    sim_begin(s, "look");
    lock_section(0);
    unlock_section(0);
    (void)sim_end(s);
    reported("lock", "the record of frame 0x40005");
}

static void record_without_its_lock_seen_from_scratch(void **state)
{
    (void)state;
    c->frame[5].count = 1;
    c->section[0].pinned = 1;
    assert_int_not_equal(sim_check_all(s), 0);
    reported("lock", "records of section 0");
}

/* ---- tables ---- */

static void store_past_the_step(void **state)
{
    (void)state;
    map_page();
    s->phys[rows[3]].e[0] = 0x123;
    assert_int_not_equal(sim_check_all(s), 0);
    reported("direct store", "was written other than by");
}

static void store_past_the_step_seen_at_the_entry(void **state)
{
    (void)state;
    map_page();
    sim_begin(s, "unmap");
    lock_vm();
    s->phys[rows[3]].e[index_of(GFN, 3)] = 0;
    put(GFN, 3, 0);
    unlock_vm();
    (void)sim_end(s);
    reported("direct store", "arch_pte_write() did not put there");
}

static void linked_twice(void **state)
{
    (void)state;
    map_page();
    sim_begin(s, "link");
    lock_vm();
    put(GFN + 512, 2, table(rows[3]));
    arch_dsb_ishst(c);
    unlock_vm();
    (void)sim_end(s);
    reported("I7", "reachable from another place");
    (void)sim_check_all(s);
    reported("I7", "reachable from two places");
}

static void linked_and_no_table(void **state)
{
    (void)state;
    map_page();
    sim_begin(s, "link");
    lock_vm();
    put(GFN + 512, 2, table(RAM_FRAME + 9));
    arch_dsb_ishst(c);
    unlock_vm();
    (void)sim_end(s);
    reported("I7", "it is not a table");
}

static void freed_while_linked(void **state)
{
    (void)state;
    map_page();
    sim_begin(s, "free");
    lock_vm();
    pool_put(c, &c->vm[0].pool, rows[3]);
    unlock_vm();
    (void)sim_end(s);
    reported("I7", "freed while it is linked");
}

static void table_lost(void **state)
{
    (void)state;
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

static void roots_go_after_the_walks(void **state)
{
    (void)state;
    roots_go(true);
    none();
}

static void roots_go_under_a_walk(void **state)
{
    (void)state;
    roots_go(false);
    reported("I6 (S11)", "goes away while a walk may be in it");
}

static void handed_out_dirty(void **state)
{
    (void)state;
    sim_begin(s, "take");
    s->phys[c->vm[0].pool.head].e[7] = 1;
    arch_table_alloc(c, c->vm[0].pool.head);
    (void)sim_end(s);
    reported("I7", "not all zero");
}

static void malformed(void **state)
{
    (void)state;
    sim_begin(s, "map");
    grow();
    lock_vm();
    give(RAM_FRAME, GFN);
    put(GFN, 3, page(RAM_FRAME) & ~(UINT64_C(1) << 10));
    arch_dsb_ishst(c);
    unlock_vm();
    (void)sim_end(s);
    reported("descriptor", "no access flag");
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

static void i1_host_maps_a_vms_frame(void **state)
{
    (void)state;
    sim_begin(s, "give");
    host_entry(RAM_FRAME + 3, page(RAM_FRAME + 3));
    reported("I1", "the frame is VM 1's");
}

static void i1_record_under_the_hosts_mapping(void **state)
{
    (void)state;
    assert_int_equal(sim_write(s, 0, RAM_FRAME << 12, 1, false, NULL), SIM_DONE);
    sim_begin(s, "give");
    give(RAM_FRAME, GFN);
    (void)sim_end(s);
    reported("I1", "the host maps frame 0x40000, which is VM 1's");
}

static void i1_not_identity(void **state)
{
    (void)state;
    sim_begin(s, "give");
    host_entry(RAM_FRAME + 3, page(RAM_FRAME + 5));
    reported("I1", "the host maps frames as themselves");
}

static void i2_not_the_recorded_gfn(void **state)
{
    (void)state;
    sim_begin(s, "map");
    grow();
    lock_vm();
    give(RAM_FRAME, GFN + 1);
    put(GFN, 3, page(RAM_FRAME));
    arch_dsb_ishst(c);
    unlock_vm();
    (void)sim_end(s);
    reported("I2", "VM 1 maps gfn 0x1205 to frame 0x40000");
}

static void i2_taken_and_still_mapped(void **state)
{
    (void)state;
    map_page();
    sim_begin(s, "take");
    lock_vm();
    lock_section(0);
    record(RAM_FRAME, false, 0);
    unlock_section(0);
    unlock_vm();
    (void)sim_end(s);
    reported("I2", "which still maps it at gfn 0x1205");
}

static void i3_two_gfns(void **state)
{
    (void)state;
    map_page();
    sim_begin(s, "map again");
    lock_vm();
    put(GFN + 1, 3, page(RAM_FRAME));
    arch_dsb_ishst(c);
    unlock_vm();
    (void)sim_end(s);
    reported("I3", "and mapped there");
}

static void i4_the_cores_frame(void **state)
{
    (void)state;
    sim_begin(s, "map");
    grow();
    lock_vm();
    put(GFN, 3, page(core_mem.base >> 12));
    arch_dsb_ishst(c);
    unlock_vm();
    (void)sim_end(s);
    reported("I4", "the core's");
}

static void i4_the_hosts_tables_as_a_device(void **state)
{
    (void)state;
    sim_begin(s, "map");
    grow();
    lock_vm();
    put(GFN, 3, c->host.root << 12 | 0x4c4 | 3);
    arch_dsb_ishst(c);
    unlock_vm();
    (void)sim_end(s);
    reported("I4", "hidden");
}

static void block_of_frames_that_are_not_all_the_vms(void **state)
{
    (void)state;
    sim_begin(s, "map");
    grow();
    lock_vm();
    for (uint64_t i = 0; i < 511; i++)
        give(RAM_FRAME + i, 0x1400 + i);
    put(0x1400, 2, block(RAM_FRAME));
    arch_dsb_ishst(c);
    unlock_vm();
    (void)sim_end(s);
    reported("I2", "to frame 0x401ff (level 2");
}

/* VM 1's page goes back to the host in the right order, but for what the arguments leave out. */
static void hand_back(bool unmap_first, bool zero, bool clean)
{
    map_page();
    assert_int_equal(sim_write(s, 1, GFN << 12, 0x5ec7e7, false, NULL), SIM_DONE);
    sim_begin(s, "clear");
    lock_vm();
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

static void i8_done_right(void **state)
{
    (void)state;
    hand_back(true, true, true);
    none();
    assert_int_equal(sim_check_all(s), 0);
}

static void i8_not_zeroed(void **state)
{
    (void)state;
    hand_back(true, false, true);
    reported("I8", "is not zero");
}

static void i8_not_cleaned(void **state)
{
    (void)state;
    hand_back(true, true, false);
    reported("I8", "DC CIVAC");
}

static void i8_before_the_invalidation(void **state)
{
    (void)state;
    hand_back(false, true, true);
    reported("I8", "is zeroed while VM 1 may still reach it through a TLB");
    reported("I6 (S8)", "while its translation of gfn 0x1205 may still be in a TLB");
}

static void given_with_dirty_lines(void **state)
{
    (void)state;
    cache_write(s, RAM_FRAME + 1, 0, 42, false);
    sim_begin(s, "give");
    give(RAM_FRAME + 1, GFN);
    (void)sim_end(s);
    reported("caches", "goes to a VM");
}

/* ---- counts ---- */

static void wrong_section_count(void **state)
{
    (void)state;
    sim_begin(s, "give");
    lock_vm();
    lock_section(0);
    c->frame[0] = frame_of_vm(1, GFN);
    c->vm[0].frames += 1;
    unlock_section(0);
    unlock_vm();
    (void)sim_end(s);
    reported("count", "section 0 counts 0 taken");
}

static void wrong_short_cut(void **state)
{
    (void)state;
    sim_begin(s, "look");
    lock_section(0);
    c->section[0].leaf = c->host.root;
    unlock_section(0);
    (void)sim_end(s);
    reported("count", "as the host's level-3 table");
    (void)sim_check_all(s);
    reported("I7", "as the host's level-3 table");
}

static void wrong_vm_count(void **state)
{
    (void)state;
    sim_begin(s, "give");
    lock_vm();
    give(RAM_FRAME, GFN);
    c->vm[0].frames += 1;
    unlock_vm();
    (void)sim_end(s);
    reported("count", "VM 1 counts 2 frames and owns 1");
}

static void owner_that_does_not_exist(void **state)
{
    (void)state;
    sim_begin(s, "give");
    lock_section(0);
    c->frame[0] = frame_of_vm(3, GFN);
    c->section[0].taken = 1;
    unlock_section(0);
    (void)sim_end(s);
    assert_int_not_equal(sim_check_all(s), 0);
    reported("I2", "names VM 3, which does not exist");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(retract_done_right), T(retract_by_all_of_the_vmid), T(retract_without_any_invalidation),
        T(retract_without_ordering_the_store), T(retract_without_waiting), T(retract_without_the_combined),
        T(retract_with_the_combined_too_early), T(retract_without_waiting_for_the_combined),
        T(retract_with_another_vmid), T(retract_with_another_page), T(range_in_one), T(range_in_pieces),
        T(range_short_by_one), T(empty_table_done_right), T(empty_table_still_walked), T(full_table_needs_all_of_it),
        T(valid_to_valid), T(access_may_change_in_place), T(made_before_it_was_broken), T(made_after_it_was_broken),
        T(other_cpu_keeps_it), T(access_through_a_stale_entry), T(stage2_done_and_combined_left),
        T(walk_cache_keeps_a_table), T(table_linked_too_early), T(leaf_not_seen_at_the_drop), T(lock_order),
        T(two_of_a_kind), T(lock_left_taken), T(entry_without_its_lock), T(record_without_its_lock),
        T(record_without_its_lock_seen_from_scratch), T(store_past_the_step),
        T(store_past_the_step_seen_at_the_entry), T(linked_twice), T(linked_and_no_table), T(freed_while_linked),
        T(table_lost), T(roots_go_after_the_walks), T(roots_go_under_a_walk), T(handed_out_dirty), T(malformed),
        T(i1_host_maps_a_vms_frame), T(i1_record_under_the_hosts_mapping), T(i1_not_identity),
        T(i2_not_the_recorded_gfn), T(i2_taken_and_still_mapped), T(i3_two_gfns), T(i4_the_cores_frame),
        T(i4_the_hosts_tables_as_a_device), T(block_of_frames_that_are_not_all_the_vms), T(i8_done_right),
        T(i8_not_zeroed), T(i8_not_cleaned), T(i8_before_the_invalidation), T(given_with_dirty_lines),
        T(wrong_section_count), T(wrong_short_cut), T(wrong_vm_count), T(owner_that_does_not_exist),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
