/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices of VMs: attached, mapped, opened, detached; what they reach, and what of them anybody else does. core/guest/device.h.
 *
 * The simulated machine checks each step of the core's against what the device is at, and the SMMU's TLB against the tables.
 */
#include "guest.h"

#include "guest/relinquish.h"
#include "memory/window.h"

#define ALL(a) (sizeof(a) / sizeof((a)[0]))
#define STAGE2_PAGE UINT64_C(0x7ff)

/* Memory of the guests: 64 pages, so that all of it can be there. */
#define PAGES UINT64_C(64)
#define HOLE (GUEST_RAM + PAGES * PAGE)

/* Device A has a window of three pages, and one over three tables of level 3; B a page beside A's, in the same 2 MiB. */
#define A UINT64_C(0x3f0000)
#define B UINT64_C(0x3f0008)
#define NONE UINT64_C(0x3f0010)
#define A_ID 0x10001af4u
#define B_ID 0x11e81234u
#define SMALL_FRAME UINT64_C(0x10000)
#define SMALL_PAGES UINT64_C(3)
#define LARGE_FRAME UINT64_C(0x201ff)
#define LARGE_PAGES UINT64_C(514)
#define BESIDE_FRAME UINT64_C(0x10003)
#define SMALL_AT UINT64_C(0x0b000000)
#define LARGE_AT UINT64_C(0x0c1fe000)
#define BESIDE_AT UINT64_C(0x0b010000)

static const struct sim_device device_a = { .frame = A, .id = A_ID, .reset = 2,
                                            .window = { { SMALL_FRAME, SMALL_PAGES }, { 0, 0 }, { LARGE_FRAME, LARGE_PAGES } } };
static const struct sim_device device_b = { .frame = B, .id = B_ID, .window = { { 0, 0 }, { BESIDE_FRAME, 1 } } };

/* ---- machines ---- */

static struct machine *machine_with_devices(void)
{
    struct sim_config config = machine_config();
    struct machine *m;

    config.dma = (struct cordon_dma){ 39, STAGE2_PAGE };
    m = machine_new(&config);
    assert_true(sim_device(m->sim, &device_a));
    assert_true(sim_device(m->sim, &device_b));
    return m;
}

/* A VM of 64 pages that is built, with 12 tables. */
static void build(struct guest *g, struct machine *m, uint64_t next)
{
    struct regs r;

    *g = (struct guest){ .m = m, .next = next };
    r = HC(m, CORDON_CALL_VM_CREATE, guest_frames(g, 1, 1), 1);
    assert_int_equal(r.x[0], CORDON_OK);
    g->handle = r.x[1];
    g->id = (uint32_t)(g->handle % 65536);
    assert_ok(HS(m, CORDON_CALL_VM_DONATE, g->handle, guest_frames(g, 12, 16), 12));
    assert_ok(HS(m, CORDON_CALL_VM_MEMORY, g->handle, GUEST_RAM, PAGES * PAGE));
    assert_ok(HS(m, CORDON_CALL_VCPU_CREATE, g->handle, 0, guest_frames(g, 1, 1)));
}

static void built(struct guest *g)
{
    build(g, machine_with_devices(), FRAME(0, CORE_FRAMES));
}

/* Another VM on the same machine, with frames from other sections. */
static void another(struct guest *other, struct guest *g)
{
    build(other, g->m, FRAME(5, 0));
}

/* A call until it need not be made again; how often it was is *calls, unless NULL. */
static struct regs again(struct machine *m, struct regs r, uint64_t *calls)
{
    struct regs got;
    uint64_t n = 0;

    do {
        got = host_call(m, r);
        assert_true(++n < 10000);
    } while (got.x[0] == CORDON_AGAIN);
    if (calls != NULL)
        *calls = n;
    return got;
}
#define AGAIN(m, ...) again((m), (struct regs){ { __VA_ARGS__ } }, NULL)

static void attach(struct guest *g, uint64_t device)
{
    struct regs r = AGAIN(g->m, CORDON_CALL_DEVICE_ATTACH, g->handle, device);

    assert_int_equal(r.x[0], CORDON_OK);
    assert_int_equal(r.x[1], device == A ? A_ID : B_ID);
}

static void map(struct guest *g, uint64_t device, uint64_t window, uint64_t gpa, uint64_t pages)
{
    struct regs r = AGAIN(g->m, CORDON_CALL_DEVICE_MAP, g->handle, device, window, gpa);

    assert_int_equal(r.x[0], CORDON_OK);
    assert_int_equal(r.x[1], pages);
}

/* It runs, and all of its memory is there; the first frame. */
static uint64_t run_whole(struct guest *g)
{
    guest_start(g);
    return guest_map(g, GUEST_RAM, PAGES);
}

/* A VM that runs with device A open, both windows mapped. */
static uint64_t with_open_device(struct guest *g)
{
    uint64_t frame;

    built(g);
    attach(g, A);
    map(g, A, 0, SMALL_AT, SMALL_PAGES);
    map(g, A, 2, LARGE_AT, LARGE_PAGES);
    frame = run_whole(g);
    assert_ok(HS(g->m, CORDON_CALL_DEVICE_OPEN, g->handle, A));
    return frame;
}

static void stop(struct guest *g)
{
    assert_ok(HS(g->m, CORDON_CALL_VM_STOP, g->handle));
}

static void detach(struct guest *g, uint64_t device)
{
    assert_int_equal(AGAIN(g->m, CORDON_CALL_DEVICE_DETACH, g->handle, device).x[0], CORDON_OK);
    machine_check(g->m);        /* while the VM is there: what it counts is right */
}

/* Stopped, detached, and gone. */
static void end(struct guest *g, uint64_t device)
{
    stop(g);
    detach(g, device);
    assert_ok(guest_destroy(g));
}

/* ---- what devices reach ---- */

/* Whether the device's access to an address of its own gets through. What does not is one event of the SMMU's. */
static bool reaches(struct machine *m, uint64_t device, uint64_t addr)
{
    uint64_t events = sim_dma_events(m->sim);
    uint64_t value;
    bool through = sim_device_read(m->sim, device, addr, &value) == SIM_DONE;

    assert_int_equal(sim_dma_events(m->sim) - events, through ? 0 : 1);
    if (sim_reports(m->sim) > 0)
        fail_msg("%s", sim_report(m->sim, 0));
    return through;
}

static uint64_t fetched(struct machine *m, uint64_t device, uint64_t addr)
{
    uint64_t value = 0;

    assert_int_equal(sim_device_read(m->sim, device, addr, &value), SIM_DONE);
    return value;
}

static void stored(struct machine *m, uint64_t device, uint64_t addr, uint64_t value)
{
    assert_int_equal(sim_device_write(m->sim, device, addr, value), SIM_DONE);
}

/* How many of the guest's pages the device reaches. */
static uint64_t reached(struct guest *g, uint64_t device)
{
    uint64_t n = 0;

    for (uint64_t i = 0; i < PAGES; i++)
        n += reaches(g->m, device, GUEST_RAM + i * PAGE);
    return n;
}

/* ---- attach ---- */

static void a_device_that_is_attached_reaches_nothing_from_the_first_call_on(void **state)
{
    struct guest g;

    (void)state;
    built(&g);
    assert_true(reaches(g.m, A, FRAME(3, 0) * PAGE));       /* it is the host's */
    assert_status(CORDON_AGAIN, HS(g.m, CORDON_CALL_DEVICE_ATTACH, g.handle, A));
    assert_false(reaches(g.m, A, FRAME(3, 0) * PAGE));
    assert_false(reaches(g.m, A, GUEST_RAM));
    assert_true(reaches(g.m, B, FRAME(3, 0) * PAGE));
    attach(&g, A);
    assert_false(reaches(g.m, A, FRAME(3, 0) * PAGE));
    (void)run_whole(&g);
    assert_int_equal(reached(&g, A), 0);                    /* and so it stays until it is opened */
    end(&g, A);
    machine_free(g.m);
}

static void an_attach_goes_on_until_the_reset_is_over(void **state)
{
    struct guest g;
    uint64_t calls;
    struct regs r;

    (void)state;
    built(&g);
    r = again(g.m, (struct regs){ { CORDON_CALL_DEVICE_ATTACH, g.handle, A } }, &calls);
    assert_int_equal(r.x[0], CORDON_OK);
    assert_int_equal(calls, 1 + 1 + device_a.reset);
    assert_refused(g.m, CORDON_EXISTS, HS(g.m, CORDON_CALL_DEVICE_ATTACH, g.handle, A));
    end(&g, A);
    machine_free(g.m);
}

static void the_host_loses_the_windows_and_nothing_else(void **state)
{
    struct guest g;

    (void)state;
    built(&g);
    for (uint64_t i = 0; i < LARGE_PAGES; i += LARGE_PAGES - 1)
        warm(g.m, 0, (LARGE_FRAME + i) * PAGE);
    warm(g.m, 0, SMALL_FRAME * PAGE);
    warm(g.m, 0, BESIDE_FRAME * PAGE);
    attach(&g, A);
    for (uint64_t i = 0; i < SMALL_PAGES; i++)
        assert_true(is_gone(g.m, 0, (SMALL_FRAME + i) * PAGE));
    for (uint64_t i = 0; i < LARGE_PAGES; i++)
        assert_true(is_gone(g.m, 0, (LARGE_FRAME + i) * PAGE));
    assert_status(CORDON_PRIVATE, op_fault(g.m, LARGE_FRAME * PAGE));
    assert_true(can_read(g.m, 0, (SMALL_FRAME - 1) * PAGE));
    assert_true(can_read(g.m, 0, BESIDE_FRAME * PAGE));
    assert_true(can_read(g.m, 0, (LARGE_FRAME - 1) * PAGE));
    assert_true(can_read(g.m, 0, (LARGE_FRAME + LARGE_PAGES) * PAGE));
    machine_check(g.m);
    end(&g, A);
    assert_true(can_read(g.m, 0, LARGE_FRAME * PAGE));
    machine_free(g.m);
}

static void a_window_is_taken_out_of_the_pages_that_the_host_has_around_it(void **state)
{
    struct guest g;
    struct guest other;

    (void)state;
    built(&g);
    another(&other, &g);
    attach(&g, B);
    for (uint64_t i = 0; i < SMALL_PAGES; i++)      /* by pages, since B's is in the same 2 MiB */
        warm(g.m, 0, (SMALL_FRAME + i) * PAGE);
    warm(g.m, 0, (SMALL_FRAME - 1) * PAGE);
    warm(g.m, 0, (SMALL_FRAME + 9) * PAGE);
    assert_device(g.m, 0, SMALL_FRAME, SMALL_FRAME, 3);
    attach(&other, A);
    for (uint64_t i = 0; i < SMALL_PAGES + 1; i++)
        assert_true(is_gone(g.m, 0, (SMALL_FRAME + i) * PAGE));
    assert_device(g.m, 0, SMALL_FRAME + 9, SMALL_FRAME + 9, 3);
    end(&g, B);
    assert_true(can_read(g.m, 0, BESIDE_FRAME * PAGE));
    assert_false(can_read(g.m, 0, SMALL_FRAME * PAGE));
    end(&other, A);
    machine_free(g.m);
}

/* Where the host has a table of pages, the call ends with it: the window's first page is in one, since the page before it is a VM's. */
static void a_window_over_a_table_of_the_hosts_takes_a_call_more(void **state)
{
    struct guest g;
    struct guest other;
    uint64_t calls;
    struct regs r;

    (void)state;
    built(&g);
    another(&other, &g);
    assert_true(sim_device(g.m->sim, &(struct sim_device){ .frame = NONE, .id = B_ID, .window = { { LARGE_FRAME - 1, 1 } } }));
    attach(&g, NONE);
    warm(g.m, 0, LARGE_FRAME * PAGE);
    warm(g.m, 0, (LARGE_FRAME + 1) * PAGE);
    assert_device(g.m, 0, LARGE_FRAME, LARGE_FRAME, 3);
    r = again(g.m, (struct regs){ { CORDON_CALL_DEVICE_ATTACH, other.handle, A } }, &calls);
    assert_int_equal(r.x[0], CORDON_OK);
    assert_int_equal(calls, 1 + 1 + device_a.reset + 1);
    assert_true(is_gone(g.m, 0, LARGE_FRAME * PAGE));
    assert_true(is_gone(g.m, 0, (LARGE_FRAME + 1) * PAGE));
    end(&g, NONE);
    end(&other, A);
    machine_free(g.m);
}

static void a_device_has_one_VM(void **state)
{
    struct guest g;
    struct guest other;

    (void)state;
    built(&g);
    another(&other, &g);
    assert_status(CORDON_AGAIN, HS(g.m, CORDON_CALL_DEVICE_ATTACH, g.handle, A));
    assert_refused(g.m, CORDON_EXISTS, HS(g.m, CORDON_CALL_DEVICE_ATTACH, other.handle, A));
    attach(&g, A);
    assert_refused(g.m, CORDON_EXISTS, HS(g.m, CORDON_CALL_DEVICE_ATTACH, other.handle, A));
    assert_refused(g.m, CORDON_DEVICE, HS(g.m, CORDON_CALL_DEVICE_MAP, other.handle, A, 0, SMALL_AT));
    guest_start(&other);
    assert_refused(g.m, CORDON_DEVICE, HS(g.m, CORDON_CALL_DEVICE_OPEN, other.handle, A));
    stop(&other);
    assert_refused(g.m, CORDON_DEVICE, HS(g.m, CORDON_CALL_DEVICE_DETACH, other.handle, A));
    end(&g, A);
    assert_ok(guest_destroy(&other));
    machine_free(g.m);
}

static void what_is_no_device_is_refused_and_nothing_changes(void **state)
{
    static const uint64_t name[] = { 0, NONE, A - 1, FRAME(2, 0), CORDON_FRAME_LIMIT - 1 };
    struct guest g;

    (void)state;
    built(&g);
    for (size_t i = 0; i < ALL(name); i++)
        assert_refused(g.m, CORDON_DEVICE, HS(g.m, CORDON_CALL_DEVICE_ATTACH, g.handle, name[i]));
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_DEVICE_ATTACH, g.handle, CORDON_FRAME_LIMIT));
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_DEVICE_ATTACH, g.handle, UINT64_MAX));
    assert_refused(g.m, CORDON_DEVICE, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, UINT64_MAX, 0, SMALL_AT));
    guest_free(&g);
}

static void without_an_SMMU_no_device_is_given(void **state)
{
    struct guest g;

    (void)state;
    guest_built(&g, machine_small(), 1);
    assert_true(sim_device(g.m->sim, &device_a));
    assert_refused(g.m, CORDON_DEVICE, HS(g.m, CORDON_CALL_DEVICE_ATTACH, g.handle, A));
    guest_free(&g);
}

/* Windows that the machine should never offer; the device stays the host's. */
static void windows_over_anything_but_free_device_memory_are_refused(void **state)
{
    static const struct {
        uint64_t first, pages;
    } bad[] = {
        { FRAME(2, 0), 1 }, { FRAME(0, 0) - 1, 2 }, { FRAME(SMALL_SECTIONS, 0) - 1, 1 },            /* RAM */
        { HIDDEN_PA / PAGE, 1 }, { HIDDEN_PA / PAGE - 1, 2 }, { HIDDEN_PA / PAGE + 15, 4 },           /* hidden */
        { SMALL_FRAME, 1 }, { SMALL_FRAME - 1, 2 }, { SMALL_FRAME + 2, 9 }, { LARGE_FRAME + 513, 1 },   /* another VM's */
        { UINT64_C(1) << 28, 1 }, { (UINT64_C(1) << 28) - 1, 2 }, { UINT64_MAX - 1, 2 }, { 0x90000, UINT64_MAX }, { 0x90001, UINT64_MAX },
        { 0x8ffff, 2 }, { 0x90000, 1 },                                                             /* its own window 0 */
    };
    struct guest g;
    struct guest other;

    (void)state;
    built(&g);
    another(&other, &g);
    attach(&g, A);
    for (size_t i = 0; i < ALL(bad); i++) {
        struct sim_device d = { .frame = NONE + i, .id = 1, .window = { { 0x90000, 2 }, { bad[i].first, bad[i].pages } } };

        if (i % 12 == 11) {     /* a machine has so many */
            machine_check(g.m);
            end(&g, A);
            assert_ok(guest_destroy(&other));
            machine_free(g.m);
            built(&g);
            another(&other, &g);
            attach(&g, A);
        }
        assert_true(sim_device(g.m->sim, &d));
        assert_refused(g.m, CORDON_DEVICE, HS(g.m, CORDON_CALL_DEVICE_ATTACH, other.handle, NONE + i));
        assert_true(reaches(g.m, NONE + i, FRAME(3, 0) * PAGE));
    }
    end(&g, A);
    assert_ok(guest_destroy(&other));
    machine_free(g.m);
}

static void windows_are_taken_all_or_none(void **state)
{
    struct device found = { .window = { { .first = 0x90000, .pages = 2 }, { .first = FRAME(2, 0), .pages = 1 } } };
    struct machine *m = machine_with_devices();
    bool taken;

    (void)state;
    for (int i = 0; i < 2; i++) {
        sim_begin(m->sim, "windows");
        taken = window_take(m->c, &m->c->device[0], &found);
        assert_int_equal(sim_end(m->sim), 0);
        assert_int_equal(taken, i == 1);
        assert_int_equal(m->c->device[0].window[0].pages, i == 1 ? 2 : 0);
        found.window[1].pages = 0;
    }
    m->c->device[0] = (struct device){ .vm = 0 };
    machine_free(m);
}

static void there_are_so_many_devices_and_no_more(void **state)
{
    struct guest g;

    (void)state;
    built(&g);
    for (uint64_t i = 0; i < CORDON_DEVICES + 1; i++)
        assert_true(sim_device(g.m->sim, &(struct sim_device){ .frame = NONE + i, .window = { { 0x50000 + i, 1 } } }));
    for (uint64_t i = 0; i < CORDON_DEVICES; i++)
        assert_int_equal(AGAIN(g.m, CORDON_CALL_DEVICE_ATTACH, g.handle, NONE + i).x[0], CORDON_OK);
    assert_refused(g.m, CORDON_NO_MEMORY, HS(g.m, CORDON_CALL_DEVICE_ATTACH, g.handle, NONE + CORDON_DEVICES));
    assert_refused(g.m, CORDON_EXISTS, HS(g.m, CORDON_CALL_DEVICE_ATTACH, g.handle, NONE + 3));
    stop(&g);
    for (uint64_t i = 0; i < CORDON_DEVICES; i++)
        detach(&g, NONE + i);
    assert_ok(guest_destroy(&g));
    machine_free(g.m);
}

static void a_machine_that_has_too_few_tables_for_the_host_gives_devices_all_the_same(void **state)
{
    struct sim_config config = machine_config();
    struct guest g;

    (void)state;
    config.dma = (struct cordon_dma){ 39, STAGE2_PAGE };
    config.host_tables = 3;
    build(&g, machine_new(&config), FRAME(0, CORE_FRAMES));
    assert_true(sim_device(g.m->sim, &device_a));
    (void)op_fault(g.m, SMALL_FRAME * PAGE);
    attach(&g, A);
    assert_true(is_gone(g.m, 0, SMALL_FRAME * PAGE));
    end(&g, A);
    machine_free(g.m);
}

/* ---- map ---- */

static void a_window_is_the_guests_page_by_page(void **state)
{
    struct guest g;
    struct regs r;

    (void)state;
    built(&g);
    attach(&g, A);
    map(&g, A, 0, SMALL_AT, SMALL_PAGES);
    for (uint64_t i = 0; i < SMALL_PAGES; i++)
        assert_device(g.m, g.id, SMALL_AT / PAGE + i, SMALL_FRAME + i, 3);
    assert_unmapped(g.m, g.id, SMALL_AT / PAGE + SMALL_PAGES);
    assert_unmapped(g.m, g.id, SMALL_AT / PAGE - 1);
    r = HC(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 2, LARGE_AT);
    assert_int_equal(r.x[0], CORDON_AGAIN);
    assert_int_equal(r.x[1], 2);            /* up to the end of a table */
    assert_refused(g.m, CORDON_BUSY, HS(g.m, CORDON_CALL_VM_START, g.handle, GUEST_ENTRY, 0));
    r = HC(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 2, LARGE_AT);
    assert_int_equal(r.x[1], LARGE_PAGES);
    assert_int_equal(r.x[0], CORDON_OK);
    for (uint64_t i = 0; i < LARGE_PAGES; i++)
        assert_device(g.m, g.id, LARGE_AT / PAGE + i, LARGE_FRAME + i, 3);
    assert_no_change(g.m, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 2, LARGE_AT));
    end(&g, A);
    machine_free(g.m);
}

static void a_window_goes_where_nothing_is(void **state)
{
    struct guest g;

    (void)state;
    built(&g);
    attach(&g, A);
    attach(&g, B);
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 0, GUEST_RAM));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 0, GUEST_RAM - 2 * PAGE));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 0, HOLE - PAGE));
    map(&g, A, 0, HOLE, SMALL_PAGES);
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 0, SMALL_AT));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, B, 1, HOLE + PAGE));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 2, HOLE - LARGE_PAGES * PAGE));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 2, HOLE + 2 * PAGE));
    map(&g, B, 1, GUEST_RAM - PAGE, 1);
    assert_refused(g.m, CORDON_STATE, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, 0x1000, 0x1000));
    stop(&g);
    detach(&g, A);
    end(&g, B);
    machine_free(g.m);
}

static void a_window_that_cannot_be_is_refused(void **state)
{
    uint64_t limit = UINT64_C(1) << 48;
    struct guest g;

    (void)state;
    built(&g);
    assert_refused(g.m, CORDON_DEVICE, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 0, SMALL_AT));
    assert_status(CORDON_AGAIN, HS(g.m, CORDON_CALL_DEVICE_ATTACH, g.handle, A));
    assert_refused(g.m, CORDON_BUSY, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 0, SMALL_AT));
    attach(&g, A);
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 1, SMALL_AT));
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 6, SMALL_AT));
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, UINT64_MAX, SMALL_AT));
    assert_refused(g.m, CORDON_UNALIGNED, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 0, SMALL_AT + 8));
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 0, limit));
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 0, limit - 2 * PAGE));
    assert_refused(g.m, CORDON_RANGE, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 0, UINT64_MAX - 4095));
    map(&g, A, 0, limit - 3 * PAGE, SMALL_PAGES);
    end(&g, A);
    machine_free(g.m);
}

static void a_pool_without_tables_refuses_a_window_and_nothing_changes(void **state)
{
    struct guest g;
    uint64_t free_tables;

    (void)state;
    built(&g);
    attach(&g, A);
    free_tables = HC(g.m, CORDON_CALL_VM_INFO, g.handle).x[3];
    for (uint64_t i = 0; i < 4; i++)        /* three tables each: a window page at another 512 GiB, by the library's call */
        assert_ok(op_io(g.m, g.id, (i + 1) << 39, DEVICE_PA));
    assert_int_equal(HC(g.m, CORDON_CALL_VM_INFO, g.handle).x[3], free_tables - 12);
    assert_refused(g.m, CORDON_NO_MEMORY, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 0, SMALL_AT));
    assert_ok(HS(g.m, CORDON_CALL_VM_DONATE, g.handle, guest_frames(&g, 4, 4), 4));
    assert_status(CORDON_AGAIN, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 2, LARGE_AT));
    assert_ok(HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 2, LARGE_AT));
    assert_refused(g.m, CORDON_NO_MEMORY, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 0, SMALL_AT));
    end(&g, A);
    machine_free(g.m);
}

static void a_device_half_attached_keeps_the_VM_from_its_start(void **state)
{
    struct guest g;

    (void)state;
    built(&g);
    assert_status(CORDON_AGAIN, HS(g.m, CORDON_CALL_DEVICE_ATTACH, g.handle, A));
    assert_refused(g.m, CORDON_BUSY, HS(g.m, CORDON_CALL_VM_START, g.handle, GUEST_ENTRY, 0));
    attach(&g, A);
    guest_start(&g);
    end(&g, A);
    machine_free(g.m);
}

/* The records of a page and of a device would mix. */
static void while_a_page_is_half_measured_no_device_comes(void **state)
{
    struct guest g;
    uint64_t frame;

    (void)state;
    built(&g);
    attach(&g, A);
    frame = guest_frames(&g, 1, 1);
    write_at(g.m, 0, frame * PAGE, 4711);
    assert_status(CORDON_AGAIN, HS(g.m, CORDON_CALL_VM_LOAD, g.handle, GUEST_RAM, frame, 1));
    assert_refused(g.m, CORDON_BUSY, HS(g.m, CORDON_CALL_DEVICE_ATTACH, g.handle, B));
    assert_refused(g.m, CORDON_BUSY, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 0, SMALL_AT));
    assert_int_equal(AGAIN(g.m, CORDON_CALL_VM_LOAD, g.handle, GUEST_RAM, frame, 1).x[0], CORDON_OK);
    attach(&g, B);
    stop(&g);
    detach(&g, A);
    end(&g, B);
    machine_free(g.m);
}

/* ---- open ---- */

static void a_device_is_opened_when_all_memory_is_there(void **state)
{
    struct guest g;

    (void)state;
    built(&g);
    attach(&g, A);
    guest_start(&g);
    assert_refused(g.m, CORDON_NOT_MEMORY, HS(g.m, CORDON_CALL_DEVICE_OPEN, g.handle, A));
    (void)guest_map(&g, GUEST_RAM, PAGES - 1);
    assert_refused(g.m, CORDON_NOT_MEMORY, HS(g.m, CORDON_CALL_DEVICE_OPEN, g.handle, A));
    assert_refused(g.m, CORDON_DEVICE, HS(g.m, CORDON_CALL_DEVICE_OPEN, g.handle, B));
    assert_int_equal(reached(&g, A), 0);
    (void)guest_map(&g, HOLE - PAGE, 1);
    assert_ok(HS(g.m, CORDON_CALL_DEVICE_OPEN, g.handle, A));
    assert_int_equal(reached(&g, A), PAGES);
    assert_no_change(g.m, HS(g.m, CORDON_CALL_DEVICE_OPEN, g.handle, A));
    end(&g, A);
    machine_free(g.m);
}

static void an_open_device_reaches_what_the_VM_does_and_nothing_else(void **state)
{
    struct guest g;
    struct guest other;
    uint64_t frame = with_open_device(&g);
    uint64_t others;

    (void)state;
    another(&other, &g);
    others = run_whole(&other);
    stored(g.m, A, GUEST_RAM + 5 * PAGE + 8, 4711);
    assert_int_equal(read_at(g.m, g.id, GUEST_RAM + 5 * PAGE + 8), 4711);
    assert_int_equal(sim_peek(g.m->sim, frame + 5, 1), 4711);
    write_at(g.m, g.id, GUEST_RAM + 7 * PAGE, 42);
    assert_int_equal(fetched(g.m, A, GUEST_RAM + 7 * PAGE), 42);
    assert_int_equal(reached(&g, A), PAGES);
    assert_true(reaches(g.m, A, SMALL_AT));                 /* its own window: the guest has it too */
    assert_false(reaches(g.m, A, HOLE));
    assert_false(reaches(g.m, A, GUEST_RAM - PAGE));
    assert_false(reaches(g.m, A, frame * PAGE));            /* guest addresses, not frames */
    assert_false(reaches(g.m, A, others * PAGE));
    assert_false(reaches(g.m, A, FRAME(0, 0) * PAGE));
    assert_false(reaches(g.m, A, FRAME(4, 0) * PAGE));
    assert_false(reaches(g.m, A, UINT64_C(1) << 48));
    assert_int_equal(sim_peek(g.m->sim, others, 0), 0);
    assert_ok(HS(g.m, CORDON_CALL_VM_STOP, other.handle));
    assert_ok(guest_destroy(&other));
    end(&g, A);
    machine_free(g.m);
}

static void two_devices_of_one_VM_and_one_of_another_go_their_own_ways(void **state)
{
    struct guest g;
    struct guest other;
    uint64_t frame;

    (void)state;
    built(&g);
    assert_true(sim_device(g.m->sim, &(struct sim_device){ .frame = NONE, .id = 7 }));
    another(&other, &g);
    attach(&g, A);
    attach(&g, B);
    assert_int_equal(AGAIN(g.m, CORDON_CALL_DEVICE_ATTACH, other.handle, NONE).x[1], 7);
    (void)run_whole(&g);
    frame = run_whole(&other);
    assert_ok(HS(g.m, CORDON_CALL_DEVICE_OPEN, g.handle, B));
    assert_int_equal(reached(&g, A), 0);
    assert_ok(HS(g.m, CORDON_CALL_DEVICE_OPEN, g.handle, A));
    assert_ok(HS(g.m, CORDON_CALL_DEVICE_OPEN, other.handle, NONE));
    stored(g.m, NONE, GUEST_RAM, 99);
    assert_int_equal(sim_peek(g.m->sim, frame, 0), 99);
    assert_int_equal(fetched(g.m, A, GUEST_RAM), 0);
    stop(&g);
    detach(&g, B);
    assert_int_equal(reached(&g, A), PAGES);                /* the other's end is not its own */
    assert_true(reaches(g.m, B, FRAME(4, 0) * PAGE));
    assert_ok(HS(g.m, CORDON_CALL_VM_CLEAR, g.handle, FRAME(0, 0), 1));
    detach(&g, A);
    assert_ok(guest_destroy(&g));
    assert_int_equal(fetched(g.m, NONE, GUEST_RAM), 99);
    end(&other, NONE);
    machine_free(g.m);
}

/* ---- while it is open ---- */

static void a_page_that_the_guest_gives_up_is_out_of_the_devices_reach(void **state)
{
    struct guest g;
    uint64_t frame = with_open_device(&g);
    struct cordon_progress p;

    (void)state;
    sim_guest(g.m->sim, NULL, NULL);
    assert_int_equal(reached(&g, A), PAGES);
    stored(g.m, A, GUEST_RAM + 3 * PAGE, 4711);
    sim_begin(g.m->sim, "relinquish");
    p = cordon_relinquish(g.m->c, vmid(g.id), ipa(GUEST_RAM + 2 * PAGE), 3 * PAGE);
    assert_int_equal(sim_end(g.m->sim), 0);
    assert_int_equal(p.changed, 3);
    assert_int_equal(reached(&g, A), PAGES - 3);
    for (uint64_t i = 2; i < 5; i++)
        assert_record(g.m, frame + i, HOLDER_HOST, 0);
    assert_int_equal(read_at(g.m, 0, (frame + 3) * PAGE), 0);
    assert_true(reaches(g.m, B, (frame + 3) * PAGE));       /* the host's device has it now */
    assert_int_equal(guest_map(&g, GUEST_RAM + 2 * PAGE, 3) > 0, 1);
    assert_int_equal(reached(&g, A), PAGES);                /* and what comes in its place is reached */
    end(&g, A);
    machine_free(g.m);
}

static void grants_are_nothing_to_the_VMs_device(void **state)
{
    struct guest g;
    uint64_t frame = with_open_device(&g);

    (void)state;
    assert_int_equal(reached(&g, A), PAGES);
    assert_int_equal(op_grant(g.m, g.id, GUEST_RAM, 4 * PAGE).changed, 4);
    assert_true(reaches(g.m, B, frame * PAGE));
    assert_int_equal(reached(&g, A), PAGES);
    assert_int_equal(op_revoke(g.m, g.id, GUEST_RAM, 4 * PAGE).changed, 4);
    assert_false(reaches(g.m, B, frame * PAGE));
    assert_int_equal(reached(&g, A), PAGES);
    end(&g, A);
    machine_free(g.m);
}

static void a_VM_with_a_device_is_not_joined_nor_torn_down(void **state)
{
    struct guest g;

    (void)state;
    (void)with_open_device(&g);
    assert_refused(g.m, CORDON_STATE, HS(g.m, CORDON_CALL_VM_BLOCK, g.handle, GUEST_RAM, FRAME(2, 0)));
    assert_refused(g.m, CORDON_BUSY, HS(g.m, CORDON_CALL_VM_DESTROY, g.handle));
    assert_refused(g.m, CORDON_STATE, HS(g.m, CORDON_CALL_DEVICE_DETACH, g.handle, A));
    stop(&g);
    assert_refused(g.m, CORDON_BUSY, HS(g.m, CORDON_CALL_VM_DESTROY, g.handle));
    detach(&g, A);
    assert_ok(guest_destroy(&g));
    machine_free(g.m);
}

/* The library's calls know blocks. */
static void what_becomes_of_blocks_is_told_to_the_device_too(void **state)
{
    struct guest g;
    uint64_t at = GUEST_GFN + 512;

    (void)state;
    (void)with_open_device(&g);
    machine_feed(g.m, g.id, 4);
    assert_ok(op_block(g.m, g.id, at, FRAME(3, 0)));
    assert_true(reaches(g.m, A, at * PAGE));
    assert_true(reaches(g.m, A, (at + 511) * PAGE));
    assert_int_equal(op_clear(g.m, g.id, FRAME(3, 7), 1).changed, 1);      /* a split */
    assert_false(reaches(g.m, A, (at + 7) * PAGE));
    assert_true(reaches(g.m, A, (at + 8) * PAGE));
    assert_ok(op_page(g.m, g.id, at + 7, FRAME(3, 7)));
    assert_true(reaches(g.m, A, (at + 7) * PAGE));
    assert_ok(op_block(g.m, g.id, at, FRAME(3, 0)));                       /* its table is free now */
    assert_true(reaches(g.m, A, (at + 9) * PAGE));
    assert_int_equal(op_clear(g.m, g.id, FRAME(3, 0), 512).changed, 512);
    assert_false(reaches(g.m, A, (at + 9) * PAGE));
    end(&g, A);
    machine_free(g.m);
}

static void a_VM_that_stopped_is_reached_until_the_detach_and_no_longer(void **state)
{
    struct guest g;
    uint64_t frame = with_open_device(&g);

    (void)state;
    stop(&g);
    assert_int_equal(reached(&g, A), PAGES);
    assert_int_equal(HC(g.m, CORDON_CALL_VM_CLEAR, g.handle, frame, 4).x[0], CORDON_OK);
    assert_int_equal(reached(&g, A), PAGES - 4);
    assert_status(CORDON_AGAIN, HS(g.m, CORDON_CALL_DEVICE_DETACH, g.handle, A));
    assert_int_equal(reached(&g, A), 0);
    assert_false(reaches(g.m, A, FRAME(4, 0) * PAGE));      /* nor the host's, until it has been reset */
    detach(&g, A);
    assert_true(reaches(g.m, A, FRAME(4, 0) * PAGE));
    assert_true(reaches(g.m, A, frame * PAGE));
    assert_false(reaches(g.m, A, (frame + 4) * PAGE));
    assert_ok(guest_destroy(&g));
    assert_true(reaches(g.m, A, (frame + 4) * PAGE));
    machine_free(g.m);
}

/* ---- detach ---- */

/* What another CPU does while the guest is in: nothing of it may have the guest miss its window. */
static void detach_meanwhile(void *arg, struct cordon *c, struct vcpu *u, struct trap *t)
{
    struct guest *g = arg;

    (void)c, (void)u, (void)t;
    if (g->resumes++ > 0)
        return;
    sim_cpu(g->m->sim, 1);
    stop(g);
    for (int i = 0; i < 5; i++)
        assert_status(CORDON_AGAIN, HS(g->m, CORDON_CALL_DEVICE_DETACH, g->handle, A));
    assert_int_equal(reached(g, A), 0);
    sim_cpu(g->m->sim, 0);
    assert_device(g->m, g->id, SMALL_AT / PAGE, SMALL_FRAME, 3);
    assert_true(can_read(g->m, g->id, SMALL_AT));
}

/* Else the access would be an exit, and the host be told what the guest had for its device. */
static void a_guest_that_is_in_it_still_keeps_its_windows_until_it_is_out(void **state)
{
    struct guest g;

    (void)state;
    (void)with_open_device(&g);
    sim_guest(g.m->sim, detach_meanwhile, &g);
    assert_ok(HS(g.m, CORDON_CALL_VCPU_RUN, g.handle, 0));
    assert_int_equal(g.resumes, 1);
    detach(&g, A);
    assert_unmapped(g.m, g.id, SMALL_AT / PAGE);
    assert_ok(guest_destroy(&g));
    machine_free(g.m);
}

static void the_windows_are_gone_from_the_guests_table_and_TLBs(void **state)
{
    struct guest g;

    (void)state;
    (void)with_open_device(&g);
    warm(g.m, g.id, SMALL_AT);
    warm(g.m, g.id, LARGE_AT + 3 * PAGE);
    stop(&g);
    detach(&g, A);
    assert_true(is_gone(g.m, g.id, SMALL_AT));
    assert_true(is_gone(g.m, g.id, LARGE_AT + 3 * PAGE));
    for (uint64_t i = 0; i < LARGE_PAGES; i++)
        assert_unmapped(g.m, g.id, LARGE_AT / PAGE + i);
    assert_true(can_read(g.m, 0, LARGE_FRAME * PAGE));
    assert_refused(g.m, CORDON_DEVICE, HS(g.m, CORDON_CALL_DEVICE_DETACH, g.handle, A));
    assert_ok(guest_destroy(&g));
    machine_free(g.m);
}

/* The host's again means anybody's again. */
static void a_device_goes_from_VM_to_VM(void **state)
{
    struct guest g;
    struct guest next;

    (void)state;
    (void)with_open_device(&g);
    another(&next, &g);
    stop(&g);
    assert_status(CORDON_AGAIN, HS(g.m, CORDON_CALL_DEVICE_DETACH, g.handle, A));
    assert_refused(g.m, CORDON_EXISTS, HS(g.m, CORDON_CALL_DEVICE_ATTACH, next.handle, A));
    detach(&g, A);
    attach(&next, A);
    (void)run_whole(&next);
    assert_ok(HS(g.m, CORDON_CALL_DEVICE_OPEN, next.handle, A));
    stored(g.m, A, GUEST_RAM, 5);
    assert_int_equal(read_at(g.m, next.id, GUEST_RAM), 5);
    assert_int_equal(read_at(g.m, g.id, GUEST_RAM), 0);
    assert_ok(guest_destroy(&g));
    end(&next, A);
    machine_free(g.m);
}

static void a_VM_that_never_starts_gives_its_device_back_at_any_point(void **state)
{
    (void)state;
    for (uint64_t calls = 1; calls < 8; calls++) {
        struct guest g;

        built(&g);
        warm(g.m, 0, SMALL_FRAME * PAGE);
        for (uint64_t i = 0; i < calls; i++)
            (void)HS(g.m, CORDON_CALL_DEVICE_ATTACH, g.handle, A);
        if (calls == 7)
            assert_status(CORDON_AGAIN, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, A, 2, LARGE_AT));
        assert_refused(g.m, CORDON_STATE, HS(g.m, CORDON_CALL_DEVICE_DETACH, g.handle, A));
        assert_refused(g.m, CORDON_BUSY, HS(g.m, CORDON_CALL_VM_DESTROY, g.handle));
        end(&g, A);
        assert_true(reaches(g.m, A, FRAME(3, 0) * PAGE));
        assert_true(can_read(g.m, 0, SMALL_FRAME * PAGE));
        machine_free(g.m);
    }
}

static void a_slot_that_is_used_again_has_no_device(void **state)
{
    struct guest g;
    struct guest next;

    (void)state;
    (void)with_open_device(&g);
    end(&g, A);
    another(&next, &g);
    assert_int_equal(next.id, g.id);
    assert_refused(g.m, CORDON_DEVICE, HS(g.m, CORDON_CALL_DEVICE_MAP, next.handle, A, 0, SMALL_AT));
    (void)run_whole(&next);
    assert_refused(g.m, CORDON_DEVICE, HS(g.m, CORDON_CALL_DEVICE_OPEN, next.handle, A));
    assert_ok(guest_destroy(&next));
    machine_free(g.m);
}

static uint64_t owner_run(struct machine *m, uint64_t frame, uint64_t end, uint32_t vm)
{
    sim_begin(m->sim, "owner");
    assert_int_equal(window_owner(m->c, frame, &end), vm);
    assert_int_equal(sim_end(m->sim), 0);
    return end;
}

static void who_has_a_window_is_told_run_by_run(void **state)
{
    struct guest g;
    struct guest other;

    (void)state;
    built(&g);
    another(&other, &g);
    assert_int_equal(owner_run(g.m, 0, 0x40000, 0), 0x40000);
    attach(&g, A);
    attach(&other, B);
    assert_int_equal(owner_run(g.m, 0, 0x40000, 0), SMALL_FRAME);
    assert_int_equal(owner_run(g.m, SMALL_FRAME, 0x40000, g.id), SMALL_FRAME + SMALL_PAGES);
    assert_int_equal(owner_run(g.m, SMALL_FRAME + 1, SMALL_FRAME + 2, g.id), SMALL_FRAME + 2);
    assert_int_equal(owner_run(g.m, BESIDE_FRAME, 0x40000, other.id), BESIDE_FRAME + 1);
    assert_int_equal(owner_run(g.m, BESIDE_FRAME + 1, 0x40000, 0), LARGE_FRAME);
    assert_int_equal(owner_run(g.m, LARGE_FRAME + 500, 0x40000, g.id), LARGE_FRAME + LARGE_PAGES);
    assert_int_equal(owner_run(g.m, LARGE_FRAME + LARGE_PAGES, 0x40000, 0), 0x40000);
    end(&g, A);
    end(&other, B);
    assert_int_equal(owner_run(g.m, 0, 0x40000, 0), 0x40000);
    machine_free(g.m);
}

/* The library's own call for a device's page does not go past the windows. */
static void map_vm_io_refuses_a_window_that_a_VM_has(void **state)
{
    struct guest g;
    struct guest other;

    (void)state;
    built(&g);
    another(&other, &g);
    attach(&g, A);
    assert_refused(g.m, CORDON_RAM, op_io(g.m, other.id, SMALL_AT, SMALL_FRAME * PAGE));
    assert_refused(g.m, CORDON_RAM, op_io(g.m, other.id, SMALL_AT, (SMALL_FRAME + 2) * PAGE));
    assert_ok(op_io(g.m, other.id, SMALL_AT, (SMALL_FRAME + 3) * PAGE));
    end(&g, A);
    assert_ok(guest_destroy(&other));
    machine_free(g.m);
}

/* ---- phases ---- */

static void each_call_has_its_phase(void **state)
{
    static const uint32_t call[] = { CORDON_CALL_DEVICE_ATTACH, CORDON_CALL_DEVICE_MAP, CORDON_CALL_DEVICE_OPEN, CORDON_CALL_DEVICE_DETACH };
    static const bool in[3][4] = { { true, true, false, false }, { false, false, true, false }, { false, false, false, true } };
    struct guest g;

    (void)state;
    built(&g);
    for (int phase = 0; phase < 3; phase++) {
        for (int i = 0; i < 4; i++)
            assert_refused(g.m, in[phase][i] ? CORDON_DEVICE : CORDON_STATE, HS(g.m, call[i], g.handle, NONE, 0, SMALL_AT));
        if (phase == 0)
            guest_start(&g);
        else
            stop(&g);
    }
    assert_status(CORDON_AGAIN, HS(g.m, CORDON_CALL_VM_DESTROY, g.handle));
    for (int i = 0; i < 4; i++) {
        assert_refused(g.m, CORDON_STATE, HS(g.m, call[i], g.handle, NONE, 0, SMALL_AT));
        assert_refused(g.m, CORDON_NO_VM, HS(g.m, call[i], g.handle + 65536, NONE, 0, SMALL_AT));
    }
    guest_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_that_is_attached_reaches_nothing_from_the_first_call_on),
        cmocka_unit_test(an_attach_goes_on_until_the_reset_is_over),
        cmocka_unit_test(the_host_loses_the_windows_and_nothing_else),
        cmocka_unit_test(a_window_is_taken_out_of_the_pages_that_the_host_has_around_it),
        cmocka_unit_test(a_window_over_a_table_of_the_hosts_takes_a_call_more),
        cmocka_unit_test(a_device_has_one_VM),
        cmocka_unit_test(what_is_no_device_is_refused_and_nothing_changes),
        cmocka_unit_test(without_an_SMMU_no_device_is_given),
        cmocka_unit_test(windows_over_anything_but_free_device_memory_are_refused),
        cmocka_unit_test(windows_are_taken_all_or_none),
        cmocka_unit_test(there_are_so_many_devices_and_no_more),
        cmocka_unit_test(a_machine_that_has_too_few_tables_for_the_host_gives_devices_all_the_same),
        cmocka_unit_test(a_window_is_the_guests_page_by_page),
        cmocka_unit_test(a_window_goes_where_nothing_is),
        cmocka_unit_test(a_window_that_cannot_be_is_refused),
        cmocka_unit_test(a_pool_without_tables_refuses_a_window_and_nothing_changes),
        cmocka_unit_test(a_device_half_attached_keeps_the_VM_from_its_start),
        cmocka_unit_test(while_a_page_is_half_measured_no_device_comes),
        cmocka_unit_test(a_device_is_opened_when_all_memory_is_there),
        cmocka_unit_test(an_open_device_reaches_what_the_VM_does_and_nothing_else),
        cmocka_unit_test(two_devices_of_one_VM_and_one_of_another_go_their_own_ways),
        cmocka_unit_test(a_page_that_the_guest_gives_up_is_out_of_the_devices_reach),
        cmocka_unit_test(grants_are_nothing_to_the_VMs_device),
        cmocka_unit_test(a_VM_with_a_device_is_not_joined_nor_torn_down),
        cmocka_unit_test(what_becomes_of_blocks_is_told_to_the_device_too),
        cmocka_unit_test(a_VM_that_stopped_is_reached_until_the_detach_and_no_longer),
        cmocka_unit_test(a_guest_that_is_in_it_still_keeps_its_windows_until_it_is_out),
        cmocka_unit_test(the_windows_are_gone_from_the_guests_table_and_TLBs),
        cmocka_unit_test(a_device_goes_from_VM_to_VM),
        cmocka_unit_test(a_VM_that_never_starts_gives_its_device_back_at_any_point),
        cmocka_unit_test(a_slot_that_is_used_again_has_no_device),
        cmocka_unit_test(who_has_a_window_is_told_run_by_run),
        cmocka_unit_test(map_vm_io_refuses_a_window_that_a_VM_has),
        cmocka_unit_test(each_call_has_its_phase),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
