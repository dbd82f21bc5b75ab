/* SPDX-License-Identifier: Apache-2.0 */
/* The TLB keeps what it may, drops what it must, and no more; alone, and on the machine's CPUs. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tlb.h"

static struct tlb *t;

static int setup(void **state)
{
    (void)state;
    t = tlb_create(64, 1);
    return t == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    tlb_destroy(t);
    return 0;
}

static void add(enum tlb_kind kind, uint32_t vmid, uint64_t first, uint64_t pages)
{
    tlb_insert(t, (struct tlb_entry){ .kind = (uint8_t)kind, .vmid = vmid, .page = first, .ipa = first, .pages = pages,
                                      .pfn = first + 1000 });
}

static bool has(enum tlb_kind kind, uint32_t vmid, uint64_t at) { return tlb_find(t, kind, vmid, at) != NULL; }

static void drop(uint32_t kinds, uint32_t vmid, uint64_t gfn, uint64_t pages)
{
    tlb_apply(t, &(struct tlbi){ .kinds = kinds, .vmid = vmid, .gfn = gfn, .pages = pages });
}

static void count_one(struct tlb_entry *e, void *arg)
{
    (void)e;
    ++*(unsigned *)arg;
}

static unsigned count(void)
{
    unsigned n = 0;

    tlb_all(t, count_one, &n);
    return n;
}

static void found_in_their_range_alone(void **state)
{
    (void)state;
    add(TLB_STAGE2, 1, 7, 1);
    add(TLB_STAGE2, 1, 512, 512);
    add(TLB_STAGE2, 1, 262144, 262144);
    assert_true(has(TLB_STAGE2, 1, 7) && !has(TLB_STAGE2, 1, 6) && !has(TLB_STAGE2, 1, 8));
    assert_true(has(TLB_STAGE2, 1, 512) && has(TLB_STAGE2, 1, 1023) && !has(TLB_STAGE2, 1, 1024));
    assert_true(has(TLB_STAGE2, 1, 300000) && !has(TLB_STAGE2, 1, 524288));
    assert_false(has(TLB_STAGE2, 2, 7));
    assert_false(has(TLB_COMBINED, 1, 7));
}

static void smallest_walk_entry_first(void **state)
{
    (void)state;
    add(TLB_WALK, 1, 0, UINT64_C(1) << 27);
    add(TLB_WALK, 1, 0, 262144);
    add(TLB_WALK, 1, 512, 512);
    assert_int_equal(tlb_find(t, TLB_WALK, 1, 600)->pages, 512);
    assert_int_equal(tlb_find(t, TLB_WALK, 1, 5)->pages, 262144);
    assert_int_equal(tlb_find(t, TLB_WALK, 1, 262144)->pages, UINT64_C(1) << 27);
}

static void range_drops_stage2_and_walks(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 8; i++)
        add(TLB_STAGE2, 1, i, 1);
    add(TLB_WALK, 1, 0, 512);
    add(TLB_COMBINED, 1, 3, 1);
    add(TLB_STAGE2, 2, 3, 1);
    drop(TLB_STAGE2 | TLB_WALK, 1, 3, 2);
    assert_false(has(TLB_STAGE2, 1, 3) || has(TLB_STAGE2, 1, 4) || has(TLB_WALK, 1, 100));
    assert_true(has(TLB_STAGE2, 1, 2) && has(TLB_STAGE2, 1, 5));
    assert_true(has(TLB_COMBINED, 1, 3));       /* out of the reach of an invalidation by IPA */
    assert_true(has(TLB_STAGE2, 2, 3));
}

static void one_page_drops_the_block_around_it(void **state)
{
    (void)state;
    add(TLB_STAGE2, 1, 512, 512);
    add(TLB_STAGE2, 1, 262144, 262144);
    drop(TLB_STAGE2 | TLB_WALK, 1, 700, 1);
    drop(TLB_STAGE2 | TLB_WALK, 1, 400000, 1);
    assert_int_equal(count(), 0);
}

static void large_range(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 32; i++)
        add(TLB_STAGE2, 1, i * 10000, 1);
    drop(TLB_STAGE2 | TLB_WALK, 1, 0, 262144);
    assert_int_equal(count(), 5);               /* 270000 .. 310000 */
}

static void whole_vmid(void **state)
{
    (void)state;
    add(TLB_STAGE2, 1, 1, 1);
    add(TLB_COMBINED, 1, 1, 1);
    add(TLB_COMBINED, 2, 1, 1);
    drop(TLB_COMBINED, 1, 0, TLB_EVERYTHING);
    assert_true(has(TLB_STAGE2, 1, 1) && !has(TLB_COMBINED, 1, 1) && has(TLB_COMBINED, 2, 1));
    add(TLB_COMBINED, 1, 1, 1);
    assert_true(has(TLB_COMBINED, 1, 1));       /* what comes after is kept again */
    drop(TLB_STAGE2 | TLB_WALK | TLB_COMBINED, 1, 0, TLB_EVERYTHING);
    assert_int_equal(count(), 1);
}

static void what_an_unordered_store_retracts_stays(void **state)
{
    struct tlbi op = { .kinds = TLB_STAGE2, .vmid = 1, .gfn = 0, .pages = 8, .keep = { 1, 4, 1 } };

    (void)state;
    for (uint64_t i = 0; i < 8; i++)
        add(TLB_STAGE2, 1, i, 1);
    tlb_apply(t, &op);
    assert_int_equal(count(), 1);
    assert_true(has(TLB_STAGE2, 1, 4));
    op = (struct tlbi){ .kinds = TLB_STAGE2, .vmid = 1, .pages = TLB_EVERYTHING, .keep = { 1, 4, 1 } };
    tlb_apply(t, &op);
    assert_true(has(TLB_STAGE2, 1, 4));
}

static void room_is_used_up_before_anything_goes(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 64; i++)
        add(TLB_STAGE2, 1, i * 3, 1);
    assert_int_equal(count(), 64);
    for (uint64_t i = 0; i < 64; i++)
        assert_true(has(TLB_STAGE2, 1, i * 3));
    for (uint64_t i = 0; i < 1000; i++) {
        add(TLB_STAGE2, 2, i, 1);
        assert_true(has(TLB_STAGE2, 2, i));
        assert_int_equal(count(), 64);
    }
    drop(TLB_STAGE2, 2, 0, 1000);
    for (uint64_t i = 0; i < 1000; i++)
        assert_false(has(TLB_STAGE2, 2, i));
}

static void replacement_follows_the_seed(void **state)
{
    struct tlb *first = t;
    struct tlb *second = tlb_create(64, 1);
    unsigned same = 0;

    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        t = k == 0 ? first : second;
        for (uint64_t i = 0; i < 300; i++)
            add(TLB_STAGE2, 1, i, 1);
    }
    for (uint64_t i = 0; i < 300; i++)
        same += (tlb_find(first, TLB_STAGE2, 1, i) != NULL) == (tlb_find(second, TLB_STAGE2, 1, i) != NULL);
    assert_int_equal(same, 300);
    tlb_destroy(second);
    t = first;
}

static void overlapping_finds_by_guest_address(void **state)
{
    unsigned n = 0;

    (void)state;
    /* A combined entry whose virtual page is elsewhere. */
    tlb_insert(t, (struct tlb_entry){ .kind = TLB_COMBINED, .vmid = 1, .page = 99999, .ipa = 5, .pages = 1 });
    add(TLB_STAGE2, 1, 5, 1);
    add(TLB_WALK, 1, 0, 512);
    add(TLB_STAGE2, 1, 6, 1);
    tlb_overlapping(t, (struct stretch){ 1, 5, 1 }, count_one, &n);
    assert_int_equal(n, 3);
}

/* ---- on the machine ---- */

static const struct cordon_mem ram = { 0x40000000, UINT64_C(16) << 20 };

static struct sim *machine(bool concurrent)
{
    struct sim_config f = { .ram = &ram, .rams = 1, .concurrent = concurrent, .compact = concurrent, .cpus = 4 };
    struct sim *s = sim_create(&f, NULL, 0);

    assert_non_null(s);
    assert_int_equal(sim_vm_create(s, 1), CORDON_OK);
    assert_int_equal(sim_vm_feed(s, 1, 4), CORDON_OK);
    sim_begin(s, "map");
    assert_int_equal(cordon_prot_and_map_vm_s2pt(sim_core(s), vmid(1), ipa(0x5000), 0x40007000, 3, CORDON_ZERO), CORDON_OK);
    assert_int_equal(sim_end(s), 0);
    return s;
}

static void clear(struct sim *s)
{
    sim_begin(s, "clear");
    assert_int_equal(cordon_clear_vm_range(sim_core(s), vmid(1), pfn(0x40007), 1).status, CORDON_OK);
    assert_int_equal(sim_end(s), 0);
}

static void invalidations_reach_every_cpu(void **state)
{
    struct sim *s = machine(false);
    uint64_t value;

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        sim_cpu(s, i);
        assert_int_equal(sim_write(s, 1, 0x5000, i, false, NULL), SIM_DONE);
        assert_non_null(tlb_find(s->cpu[i].tlb, TLB_COMBINED, 1, 5));
        assert_non_null(tlb_find(s->cpu[i].tlb, TLB_STAGE2, 1, 5));
        assert_non_null(tlb_find(s->cpu[i].tlb, TLB_WALK, 1, 5));
    }
    sim_cpu(s, 0);
    clear(s);
    for (uint32_t i = 0; i < 4; i++) {
        sim_cpu(s, i);
        assert_int_equal(sim_read(s, 1, 0x5000, &value, false, NULL), SIM_FAULT);
    }
    sim_cpu(s, 0);
    assert_int_equal(sim_check_all(s), 0);
    sim_destroy(s);
}

static void issued_is_not_done(void **state)
{
    struct sim *s = machine(false);
    struct cordon *c = sim_core(s);
    uint64_t value;

    (void)state;
    assert_int_equal(sim_read(s, 1, 0x5000, &value, false, NULL), SIM_DONE);
    arch_tlbi_vmalls12e1is(c, 1);
    assert_non_null(tlb_find(s->cpu[0].tlb, TLB_COMBINED, 1, 5));
    arch_dsb_ishst(c);                          /* waits for stores alone */
    assert_non_null(tlb_find(s->cpu[0].tlb, TLB_COMBINED, 1, 5));
    sim_cpu(s, 1);
    arch_dsb_ish(c);                            /* another CPU's barrier completes its own */
    assert_non_null(tlb_find(s->cpu[0].tlb, TLB_COMBINED, 1, 5));
    sim_cpu(s, 0);
    arch_dsb_ish(c);
    assert_null(tlb_find(s->cpu[0].tlb, TLB_COMBINED, 1, 5));
    sim_destroy(s);
}

struct player {
    struct sim *s;
    uint32_t cpu;
    volatile uint32_t *stop;
};

static void *read_on(void *arg)
{
    const struct player *p = arg;
    uint64_t value;
    uintptr_t faults = 0;

    sim_cpu(p->s, p->cpu);
    while (__atomic_load_n(p->stop, __ATOMIC_RELAXED) == 0)
        faults += sim_read(p->s, 1, 0x5000, &value, false, NULL) == SIM_FAULT;
    assert_int_equal(sim_read(p->s, 1, 0x5000, &value, false, NULL), SIM_FAULT);
    return (void *)faults;
}

/* CPUs that keep reading while another maps and clears, with the machine's own order kept out of the way. */
static void concurrent_cpus(void **state)
{
    struct sim *s = machine(true);
    struct player player[3];
    pthread_t thread[3];
    volatile uint32_t stop = 0;

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        player[i] = (struct player){ s, i + 1, &stop };
        assert_int_equal(pthread_create(&thread[i], NULL, read_on, &player[i]), 0);
    }
    sim_cpu(s, 0);
    for (uint32_t i = 0; i < 1000; i++) {
        clear(s);
        sim_begin(s, "map");
        (void)cordon_prot_and_map_vm_s2pt(sim_core(s), vmid(1), ipa(0x5000), 0x40007000, 3, CORDON_ZERO);
        assert_int_equal(sim_end(s), 0);
    }
    clear(s);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_int_equal(sim_check_all(s), 0);
    sim_destroy(s);
}

/* A CPU that was away for longer than the ring of invalidations is still loses its translation. */
static void long_absence(void **state)
{
    struct sim *s = machine(true);
    struct cordon *c = sim_core(s);
    uint64_t value;

    (void)state;
    sim_cpu(s, 1);
    assert_int_equal(sim_read(s, 1, 0x5000, &value, false, NULL), SIM_DONE);
    sim_cpu(s, 0);
    clear(s);
    for (uint32_t i = 0; i < 10000; i++) {
        arch_tlbi_vmalle1is(c, 3);
        arch_dsb_ish(c);
    }
    sim_cpu(s, 1);
    assert_int_equal(sim_read(s, 1, 0x5000, &value, false, NULL), SIM_FAULT);
    sim_cpu(s, 0);
    assert_int_equal(sim_check_all(s), 0);
    sim_destroy(s);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(found_in_their_range_alone), T(smallest_walk_entry_first), T(range_drops_stage2_and_walks),
        T(one_page_drops_the_block_around_it), T(large_range), T(whole_vmid), T(what_an_unordered_store_retracts_stays),
        T(room_is_used_up_before_anything_goes), T(replacement_follows_the_seed), T(overlapping_finds_by_guest_address),
        cmocka_unit_test(invalidations_reach_every_cpu), cmocka_unit_test(issued_is_not_done),
        cmocka_unit_test(concurrent_cpus), cmocka_unit_test(long_absence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
