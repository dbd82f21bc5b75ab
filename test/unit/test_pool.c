/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools of table frames: the list itself, and every operation that may take a table, with too few and with enough of
 * them. With too few it answers no-memory and nothing has changed: no record, no entry, no pool.
 */
#include "machine.h"

#include <stdlib.h>

#include "memory/pool.h"

#define A 1

/* ---- the list ---- */

static struct machine *unchecked(void)
{
    struct sim_config config = machine_config();

    config.no_check = true;     /* these tables hang nowhere */
    return machine_new(&config);
}

static void drop(struct machine *m)
{
    sim_destroy(m->sim);
    free(m);
}

static void tables_that_were_never_used_come_in_order(void **state)
{
    struct machine *m = unchecked();
    struct pool p;

    (void)state;
    pool_init(&p, FRAME(5, 0), 3);
    assert_int_equal(p.total, 3);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(p.free, 3 - i);
        assert_int_equal(pool_take(m->c, &p), FRAME(5, i));
    }
    assert_int_equal(p.free, 0);
    assert_int_equal(p.total, 3);
    drop(m);
}

static void a_table_is_handed_out_all_zero_whatever_it_held(void **state)
{
    struct machine *m = unchecked();
    struct pool p;
    uint64_t row;

    (void)state;
    for (uint32_t i = 0; i < 512; i++) {
        sim_poke(m->sim, FRAME(5, 0), i, ~UINT64_C(0));
        sim_poke(m->sim, FRAME(5, 1), i, ~UINT64_C(0));
    }
    pool_init(&p, FRAME(5, 0), 1);
    pool_add(m->c, &p, FRAME(5, 1));
    for (uint32_t k = 0; k < 2; k++) {
        row = pool_take(m->c, &p);
        for (uint32_t i = 0; i < 512; i++)
            assert_int_equal(sim_peek(m->sim, row, i), 0);
    }
    drop(m);
}

static void every_table_is_handed_out_once(void **state)
{
    struct machine *m = unchecked();
    bool seen[16] = { false };
    struct pool p;

    (void)state;
    pool_init(&p, FRAME(5, 0), 6);
    for (uint64_t i = 6; i < 16; i++)
        pool_add(m->c, &p, FRAME(5, i));
    for (uint64_t i = 0; i < 100; i++) {    /* come and go */
        uint64_t a = pool_take(m->c, &p);
        uint64_t b = pool_take(m->c, &p);

        assert_int_not_equal(a, b);
        pool_put(m->c, &p, a);
        pool_put(m->c, &p, b);
    }
    assert_int_equal(p.free, 16);
    for (uint64_t i = 0; i < 16; i++) {
        uint64_t row = pool_take(m->c, &p) - FRAME(5, 0);

        assert_in_range(row, 0, 15);
        assert_false(seen[row]);
        seen[row] = true;
    }
    assert_int_equal(p.free, 0);
    assert_int_equal(p.total, 16);
    drop(m);
}

static void a_frame_that_leaves_is_no_longer_counted(void **state)
{
    struct machine *m = unchecked();
    struct pool p;

    (void)state;
    pool_init(&p, 0, 0);
    assert_int_equal(p.free, 0);
    pool_add(m->c, &p, FRAME(5, 1));
    pool_add(m->c, &p, FRAME(5, 2));
    assert_int_equal(p.total, 2);
    (void)pool_take(m->c, &p);
    (void)pool_remove(m->c, &p);
    assert_int_equal(p.total, 1);
    assert_int_equal(p.free, 0);
    drop(m);
}

static void an_empty_pool_gives_nothing(void **state)
{
#ifdef CORDON_NO_ASSERT
    (void)state;
    skip();
#else
    struct machine *m = unchecked();
    static struct pool p;
    jmp_buf at;

    (void)state;
    pool_init(&p, FRAME(5, 0), 0);
    if (setjmp(at) == 0) {
        machine_expect_panic(&at);
        (void)pool_take(m->c, &p);
        fail_msg("a table came out of an empty pool");
    }
    machine_expect_panic(NULL);
    drop(m);
#endif
}

/* ---- every operation that may take a table ---- */

struct trial {
    const char *name;
    void (*prepare)(struct machine *m);
    enum cordon_status (*call)(struct machine *m);
    int64_t least;      /* with fewer tables than these it must be refused */
    int64_t enough;     /* with these it must succeed */
    int64_t takes;      /* what it takes from the pool when that is not too few */
    struct cordon_geometry shape;   /* of the principal whose pool it is; all zero: 48 bits from level 0 */
};

#define BIG_RAM (3 * GIB)
#define IN_GIB(g, i) (RAM_BASE / PAGE + (g) * CORDON_GIB_PAGES + (uint64_t)(i))
#define FAR_DEVICE (UINT64_C(1023) * GIB)

static void nothing(struct machine *m)
{
    (void)m;
}

static const char *refused_or_done(const struct trial *t, enum cordon_status status, int64_t k)
{
    if (status == CORDON_NO_MEMORY)
        return k < t->enough ? NULL : "refused for want of tables";
    if (status != CORDON_OK)
        return "refused";
    return k >= t->least ? NULL : "done with too few tables";
}

/* The call with so many tables free: done, or refused and everything as it was. */
static void attempt(struct machine *m, const struct trial *t, const struct pool *pool, int64_t k)
{
    struct snapshot *before = snapshot_take(m);
    const char *wrong;
    enum cordon_status status;

    assert_int_equal(pool->free, k);
    status = t->call(m);
    wrong = refused_or_done(t, status, k);
    if (wrong == NULL && status != CORDON_OK)
        wrong = snapshot_differs(m, before);
    if (wrong == NULL && status == CORDON_OK && k >= t->takes && (int64_t)pool->free != k - t->takes)
        wrong = "done, and too many or too few tables taken";
    if (wrong != NULL)
        fail_msg("%s, %lld tables: %s: %s", t->name, (long long)k, cordon_status_word(status), wrong);
    snapshot_free(before);
}

static int64_t most_tables(const struct trial *t)
{
    return (t->takes > t->enough ? t->takes : t->enough) + 1;
}

/* ---- a VM's pool ---- */

static struct machine *vm_machine(const struct trial *t, uint64_t tables)
{
    struct sim_config config = machine_config();
    struct machine *m;

    config.vm = t->shape;
    m = machine_new(&config);
    machine_vm(m, A, tables);
    t->prepare(m);
    return m;
}

static void try_vm_pool(const struct trial *t)
{
    struct machine *m = vm_machine(t, 20);
    uint64_t used = 20 - m->c->vm[0].pool.free;

    machine_free(m);
    for (int64_t k = 0; k <= most_tables(t); k++) {
        m = vm_machine(t, used + (uint64_t)k);
        attempt(m, t, &m->c->vm[0].pool, k);
        assert_int_equal(run_destroy(m, A, NULL), CORDON_OK);
        machine_free(m);
    }
}

static void a_page_at_0(struct machine *m) { assert_ok(op_page(m, A, 0, FRAME(1, 0))); }
static void a_page_in_the_next_section(struct machine *m) { assert_ok(op_page(m, A, 512, FRAME(1, 1))); }
static void a_page_in_the_next_gib(struct machine *m) { assert_ok(op_page(m, A, CORDON_GIB_PAGES, FRAME(1, 1))); }
static void a_block_at_0(struct machine *m) { assert_ok(op_block(m, A, 0, FRAME(2, 0))); }

static void a_block_with_a_granted_page(struct machine *m)
{
    a_block_at_0(m);
    assert_int_equal(run_grant(m, A, 3 * PAGE, PAGE).changed, 1);
}

static void a_section_of_pages(struct machine *m)
{
    assert_int_equal(run_map_range(m, A, 0, FRAME(2, 0), 512).status, CORDON_OK);
}

static void an_empty_table(struct machine *m)
{
    a_page_at_0(m);
    assert_int_equal(run_clear(m, A, FRAME(1, 0), 1).changed, 1);
}

static void a_block_in_pages(struct machine *m)
{
    a_block_at_0(m);
    assert_int_equal(run_clear(m, A, FRAME(2, 9), 1).changed, 1);
}

static enum cordon_status map_page(struct machine *m) { return op_page(m, A, 7, FRAME(3, 7)); }
static enum cordon_status map_block(struct machine *m) { return op_block(m, A, 0, FRAME(2, 0)); }
static enum cordon_status map_io(struct machine *m) { return op_io(m, A, 7 * PAGE, DEVICE_PA); }
static enum cordon_status map_range(struct machine *m) { return op_map_range(m, A, PAGE, FRAME(3, 1), 511).status; }
static enum cordon_status clear_one(struct machine *m) { return op_clear(m, A, FRAME(2, 40), 1).status; }
static enum cordon_status clear_511(struct machine *m) { return op_clear(m, A, FRAME(2, 1), 511).status; }
static enum cordon_status clear_all(struct machine *m) { return op_clear(m, A, FRAME(2, 0), 512).status; }
static enum cordon_status grant_all(struct machine *m) { return run_grant(m, A, 0, 512 * PAGE).status; }
static enum cordon_status revoke_all(struct machine *m) { return run_revoke(m, A, 0, 512 * PAGE).status; }

static const struct trial vm_trials[] = {
    { "map page: all levels to grow", nothing, map_page, 3, 3, 3, { 0, 0 } },
    { "map page: two levels to grow", a_page_in_the_next_gib, map_page, 2, 2, 2, { 0, 0 } },
    { "map page: one level to grow", a_page_in_the_next_section, map_page, 1, 1, 1, { 0, 0 } },
    { "map page: nothing to grow", a_page_at_0, map_page, 0, 0, 0, { 0, 0 } },
    { "map page: from level 1", nothing, map_page, 2, 2, 2, { 40, 1 } },
    { "map page: from level 2", nothing, map_page, 1, 1, 1, { 33, 2 } },
    { "map range: all levels to grow", nothing, map_range, 3, 3, 3, { 0, 0 } },
    { "map range: nothing to grow", a_page_at_0, map_range, 0, 0, 0, { 0, 0 } },
    { "map block: two levels to grow", nothing, map_block, 2, 2, 2, { 0, 0 } },
    { "map block: one level to grow", a_page_in_the_next_gib, map_block, 1, 1, 1, { 0, 0 } },
    { "map block: nothing to grow", a_page_in_the_next_section, map_block, 0, 0, 0, { 0, 0 } },
    { "map block: from level 2", nothing, map_block, 0, 0, 0, { 33, 2 } },
    { "map io: all levels to grow", nothing, map_io, 3, 3, 3, { 0, 0 } },
    { "map io: one level to grow", a_page_in_the_next_section, map_io, 1, 1, 1, { 0, 0 } },
    { "map io: nothing to grow", a_page_at_0, map_io, 0, 0, 0, { 0, 0 } },
    { "clear: one page of a block", a_block_at_0, clear_one, 1, 1, 1, { 0, 0 } },
    { "clear: all but one page of a block", a_block_at_0, clear_511, 1, 1, 1, { 0, 0 } },
    { "clear: a whole block", a_block_at_0, clear_all, 0, 0, 0, { 0, 0 } },
    { "clear: of a block that is pages already", a_block_in_pages, clear_one, 0, 0, 0, { 0, 0 } },
    { "clear: one page of a block, another is granted", a_block_with_a_granted_page, clear_one, 1, 1, 1, { 0, 0 } },
    { "grant: in a block", a_block_at_0, grant_all, 0, 0, 0, { 0, 0 } },
    { "revoke: in a block", a_block_with_a_granted_page, revoke_all, 0, 0, 0, { 0, 0 } },
};

static void a_vms_pool_that_runs_dry_at_any_point(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vm_trials) / sizeof(vm_trials[0]); i++)
        try_vm_pool(&vm_trials[i]);
}

/* Whether this takes a table is open; that it never breaks anything is not. */
static void a_whole_block_with_a_granted_page_is_cleared_or_refused(void **state)
{
    static const struct trial t = { "clear: a whole block, one page is granted", a_block_with_a_granted_page, clear_all,
                                    0, 1, 0, { 0, 0 } };
    struct machine *m;

    (void)state;
    for (uint64_t k = 0; k <= 1; k++) {
        enum cordon_status status;
        struct snapshot *before;

        m = vm_machine(&t, 2 + k);
        assert_int_equal(m->c->vm[0].pool.free, k);
        before = snapshot_take(m);
        status = clear_all(m);
        if (status == CORDON_OK)
            assert_record(m, FRAME(2, 3), HOLDER_HOST, 0);
        else
            assert_status(CORDON_NO_MEMORY, status);
        if (status != CORDON_OK)
            assert_null(snapshot_differs(m, before));
        if (k > 0)
            assert_ok(status);
        snapshot_free(before);
        machine_free(m);
    }
}

static void joins_need_no_table_and_free_one(void **state)
{
    struct machine *m;

    (void)state;
    m = machine_small();
    machine_vm(m, A, 3);
    a_section_of_pages(m);
    assert_int_equal(m->c->vm[0].pool.free, 0);
    assert_ok(map_block(m));
    assert_int_equal(m->c->vm[0].pool.free, 1);
    machine_free(m);
    m = machine_small();
    machine_vm(m, A, 3);
    an_empty_table(m);
    assert_ok(map_block(m));
    assert_int_equal(m->c->vm[0].pool.free, 1);
    machine_free(m);
}

/* ---- the host's pool ---- */

static struct machine *host_machine(const struct trial *t, uint64_t tables)
{
    struct cordon_mem ram = { RAM_BASE, BIG_RAM };
    struct sim_config config = machine_config();
    struct machine *m;

    config.ram = &ram;
    config.host = t->shape;
    config.host_tables = tables;
    m = machine_new(&config);
    machine_vm(m, A, 8);
    t->prepare(m);
    return m;
}

static void try_host_pool(const struct trial *t)
{
    struct machine *m = host_machine(t, 0);
    uint64_t used = m->c->host_pool.total - m->c->host_pool.free;
    uint64_t roots = m->c->host.roots;

    machine_free(m);
    for (int64_t k = 0; k <= most_tables(t); k++) {
        m = host_machine(t, roots + used + (uint64_t)k);
        attempt(m, t, &m->c->host_pool, k);
        machine_free(m);
    }
}

static void touch(struct machine *m, uint64_t frame) { assert_ok(op_fault(m, frame * PAGE)); }
static void level_1(struct machine *m) { touch(m, 100 * CORDON_GIB_PAGES); }     /* a device */
static void a_section(struct machine *m) { touch(m, FRAME(3, 0)); }
static void another_section(struct machine *m) { touch(m, FRAME(4, 0)); }
static void a_page(struct machine *m) { touch(m, FRAME(0, 50)); }

/* 1 GiB by a block, and elsewhere a page, so that no table is left over that the fault for the 1 GiB asked for. */
static void a_gib(struct machine *m)
{
    touch(m, IN_GIB(1, 0));
    a_page(m);
}

static void a_page_out_of_a_block(struct machine *m)
{
    a_section(m);
    assert_ok(op_page(m, A, 0, FRAME(3, 5)));
}

static void a_cleared_page(struct machine *m)
{
    a_page_out_of_a_block(m);
    assert_int_equal(run_clear(m, A, FRAME(3, 5), 1).changed, 1);
}

static void a_granted_page(struct machine *m)
{
    another_section(m);
    assert_ok(op_page(m, A, 0, FRAME(3, 5)));
    assert_int_equal(run_grant(m, A, 0, PAGE).changed, 1);
}

static void a_shared_page(struct machine *m)
{
    a_granted_page(m);
    touch(m, FRAME(3, 5));
}

static enum cordon_status fault_gib(struct machine *m) { return op_fault(m, IN_GIB(1, 5) * PAGE); }
static enum cordon_status fault_section(struct machine *m) { return op_fault(m, FRAME(3, 7) * PAGE); }
static enum cordon_status fault_page(struct machine *m) { return op_fault(m, FRAME(0, 60) * PAGE); }
static enum cordon_status fault_5(struct machine *m) { return op_fault(m, FRAME(3, 5) * PAGE); }
static enum cordon_status fault_device_gib(struct machine *m) { return op_fault(m, FAR_DEVICE); }
static enum cordon_status fault_device_block(struct machine *m) { return op_fault(m, DEVICE_PA); }
static enum cordon_status fault_device_page(struct machine *m) { return op_fault(m, HIDDEN_PA + HIDDEN_SIZE); }
static enum cordon_status page_of_gib(struct machine *m) { return op_page(m, A, 9, IN_GIB(1, 700)); }
static enum cordon_status block_of_gib(struct machine *m) { return op_block(m, A, 512, IN_GIB(1, 512)); }
static enum cordon_status page_of_section(struct machine *m) { return op_page(m, A, 9, FRAME(3, 7)); }
static enum cordon_status block_of_section(struct machine *m) { return op_block(m, A, 512, FRAME(3, 0)); }
static enum cordon_status donate_of_gib(struct machine *m) { return op_donate(m, A, IN_GIB(1, 700), 9); }
static enum cordon_status donate_of_section(struct machine *m) { return op_donate(m, A, FRAME(3, 7), 1); }
static enum cordon_status donate_section(struct machine *m) { return op_donate(m, A, FRAME(3, 0), 512); }
static enum cordon_status create_of_gib(struct machine *m) { return op_create(m, 2, IN_GIB(1, 700)); }
static enum cordon_status create_of_section(struct machine *m) { return op_create(m, 2, FRAME(3, 7)); }
static enum cordon_status revoke_0(struct machine *m) { return run_revoke(m, A, 0, PAGE).status; }
static enum cordon_status clear_5(struct machine *m) { return run_clear(m, A, FRAME(3, 5), 1).status; }

/*
 * Only the host's own faults are refused for want of its tables; where another call would have to split a block of the
 * host's it drops the block instead.
 */
static const struct trial host_trials[] = {
    { "host fault: 1 GiB", nothing, fault_gib, 1, 1, 1, { 0, 0 } },
    { "host fault: 1 GiB, level 1 is there", level_1, fault_gib, 0, 0, 0, { 0, 0 } },
    { "host fault: 1 GiB from level 1", nothing, fault_gib, 0, 0, 0, { 40, 1 } },
    { "host fault: 2 MiB", nothing, fault_section, 2, 2, 2, { 0, 0 } },
    { "host fault: 2 MiB, level 1 is there", level_1, fault_section, 1, 1, 1, { 0, 0 } },
    { "host fault: 2 MiB, level 2 is there", another_section, fault_section, 0, 0, 0, { 0, 0 } },
    { "host fault: 4 KiB", nothing, fault_page, 3, 3, 3, { 0, 0 } },
    { "host fault: 4 KiB, level 1 is there", level_1, fault_page, 2, 2, 2, { 0, 0 } },
    { "host fault: 4 KiB, level 2 is there", a_section, fault_page, 1, 1, 1, { 0, 0 } },
    { "host fault: 4 KiB, level 3 is there", a_page, fault_page, 0, 0, 0, { 0, 0 } },
    { "host fault: 4 KiB from level 2", nothing, fault_page, 1, 1, 1, { 34, 2 } },
    { "host fault: a granted page", a_granted_page, fault_5, 1, 1, 1, { 0, 0 } },
    { "host fault: device 1 GiB", nothing, fault_device_gib, 1, 1, 1, { 0, 0 } },
    { "host fault: device 2 MiB", nothing, fault_device_block, 2, 2, 2, { 0, 0 } },
    { "host fault: device 4 KiB", nothing, fault_device_page, 3, 3, 3, { 0, 0 } },
    { "host fault: join", a_cleared_page, fault_5, 0, 0, -1, { 0, 0 } },
    { "map page out of 1 GiB", a_gib, page_of_gib, 0, 0, 2, { 0, 0 } },
    { "map block out of 1 GiB", a_gib, block_of_gib, 0, 0, 1, { 0, 0 } },
    { "map page out of 2 MiB", a_section, page_of_section, 0, 0, 1, { 0, 0 } },
    { "map page out of pages", a_page_out_of_a_block, page_of_section, 0, 0, 0, { 0, 0 } },
    { "map block out of 2 MiB", a_section, block_of_section, 0, 0, 0, { 0, 0 } },
    { "donate out of 1 GiB", a_gib, donate_of_gib, 0, 0, 2, { 0, 0 } },
    { "donate out of 2 MiB", a_section, donate_of_section, 0, 0, 1, { 0, 0 } },
    { "donate a section", a_section, donate_section, 0, 0, 0, { 0, 0 } },
    { "create out of 1 GiB", a_gib, create_of_gib, 0, 0, 2, { 0, 0 } },
    { "create out of 2 MiB", a_section, create_of_section, 0, 0, 1, { 0, 0 } },
    { "revoke", a_shared_page, revoke_0, 0, 0, 0, { 0, 0 } },
    { "clear a shared page", a_shared_page, clear_5, 0, 0, 0, { 0, 0 } },
};

static void the_hosts_pool_that_runs_dry_at_any_point(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(host_trials) / sizeof(host_trials[0]); i++)
        try_host_pool(&host_trials[i]);
}

static void a_host_without_tables_gets_its_memory_back_by_faults(void **state)
{
    static const struct trial t = { "", a_gib, page_of_gib, 0, 0, 0, { 0, 0 } };
    struct machine *m = host_machine(&t, 5);

    (void)state;
    assert_int_equal(m->c->host_pool.free, 1);      /* for the split of the 1 GiB, none for that of the 2 MiB */
    write_at(m, 0, IN_GIB(1, 600) * PAGE, 6);
    warm(m, 0, IN_GIB(1, 601) * PAGE);
    assert_ok(page_of_gib(m));
    assert_int_equal(mappings_of(m, 0), 511 + 1);
    assert_true(is_gone(m, 0, IN_GIB(1, 601) * PAGE));
    assert_refused(m, CORDON_NO_MEMORY, op_fault(m, IN_GIB(1, 601) * PAGE));
    assert_int_equal(run_clear(m, A, IN_GIB(1, 700), 1).changed, 1);
    assert_int_equal(read_at(m, 0, IN_GIB(1, 600) * PAGE), 6);
    assert_maps(m, 0, IN_GIB(1, 600), IN_GIB(1, 600), 2);
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_that_were_never_used_come_in_order),
        cmocka_unit_test(a_table_is_handed_out_all_zero_whatever_it_held),
        cmocka_unit_test(every_table_is_handed_out_once),
        cmocka_unit_test(a_frame_that_leaves_is_no_longer_counted),
        cmocka_unit_test(an_empty_pool_gives_nothing),
        cmocka_unit_test(a_vms_pool_that_runs_dry_at_any_point),
        cmocka_unit_test(a_whole_block_with_a_granted_page_is_cleared_or_refused),
        cmocka_unit_test(joins_need_no_table_and_free_one),
        cmocka_unit_test(the_hosts_pool_that_runs_dry_at_any_point),
        cmocka_unit_test(a_host_without_tables_gets_its_memory_back_by_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
