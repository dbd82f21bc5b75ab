/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated SMMU as a stream of a VM's meets it, and functions of PCI: each check fires on what it is for, and on nothing else.
 *
 * The tests play the core: a VM with pages, a device that is open on its table, and steps that are right once and wrong in one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch_guest.h"
#include "cordon/cordon.h"
#include "device.h"
#include "memory/stage2.h"
#include "reports.h"
#include "stream.h"

#define RAM_FRAME UINT64_C(0x40000)
#define P (RAM_FRAME + 0x21)
#define GFN UINT64_C(0x1234)
#define DEVICE UINT64_C(0x3f0000)
#define WINDOW UINT64_C(0x10000)

static const struct cordon_mem ram = { RAM_FRAME * 4096, UINT64_C(8) << 20 };

static struct device *d;
static struct stage2 *t;

/* The lock goes with an entry in the SMMU; and at the operation's end it is there. */
static void stale(const char *text)
{
    assert_int_equal(sim_reports(s), 2);
    if (strncmp(sim_report(s, 0), "I6 (S11)", 8) != 0 || strstr(sim_report(s, 0), text) == NULL)
        fail_msg("%s", sim_report(s, 0));
    if (strncmp(sim_report(s, 1), "I6:", 3) != 0 || strstr(sim_report(s, 1), "guest page 0x1234 to frame 0x40021") == NULL)
        fail_msg("%s", sim_report(s, 1));
}

static void begin(void)
{
    sim_begin(s, "core");
    arch_lock_taken(c, LOCK_VM, 1);
}

static void end(void)
{
    arch_lock_dropped(c, LOCK_VM, 1);
    (void)sim_end(s);
}

static void open_device(void)
{
    d->state = DEVICE_OPEN;
    t->devices = 1;
    arch_device_open(c, d, t);
}

/* The device is VM 1's, reset, and open on its table; it has used both pages. */
static int setup(void **state)
{
    struct sim_config f = { .ram = &ram, .rams = 1, .vms = 4, .private_size = UINT64_C(2) << 20, .dma = { 39, 0x7ff } };
    struct sim_device device = { .frame = DEVICE, .id = 5, .reset = 1, .window = { { WINDOW, 2 } } };
    uint64_t value;

    (void)state;
    sim_cpu(NULL, 0);
    s = sim_create(&f, NULL, 0);
    assert_non_null(s);
    c = sim_core(s);
    assert_true(sim_device(s, &device));
    assert_int_equal(sim_vm_create(s, 1), CORDON_OK);
    assert_int_equal(sim_vm_feed(s, 1, 8), CORDON_OK);
    for (uint64_t i = 0; i < 2; i++) {
        sim_begin(s, "map");
        assert_int_equal(cordon_prot_and_map_vm_s2pt(c, vmid(1), ipa((GFN + i) << 12), (P + i) << 12, 3, CORDON_KEEP), CORDON_OK);
        (void)sim_end(s);
    }
    d = &c->device[0];
    t = &c->vm[0].s2;
    *d = (struct device){ .frame = DEVICE, .vm = 1, .state = DEVICE_GIVEN };
    c->vm[0].devices = 1;
    begin();
    assert_int_equal(arch_device_take(c, DEVICE, d), CORDON_OK);
    assert_false(arch_device_reset(c, d));
    assert_true(arch_device_reset(c, d));
    open_device();
    end();
    for (uint64_t i = 0; i < 2; i++)
        assert_int_equal(sim_device_read(s, DEVICE, (GFN + i) << 12, &value), SIM_DONE);
    (void)sim_check_all(s);
    none();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sim_destroy(s);
    return 0;
}

static bool reaches(uint64_t gfn)
{
    uint64_t value;

    return sim_device_read(s, DEVICE, gfn << 12, &value) == SIM_DONE;
}

/* The VM's entry for the page goes, for its CPUs as it should. */
static void take_out(uint64_t gfn)
{
    struct s2_pos p = s2_walk(c, t, gfn);

    arch_pte_write(c, p.row, p.index, 0);
    arch_dsb_ishst(c);
    arch_tlbi_ipas2e1is(c, 1, gfn, 1);
    arch_dsb_ish(c);
    arch_tlbi_vmalle1is(c, 1);
    arch_dsb_ish(c);
}

/* ---- entries ---- */

TEST(what_is_told_and_waited_for_is_gone)
{
    begin();
    take_out(GFN);
    arch_dma_forget(c, 1, GFN, 1);
    arch_dma_sync(c);
    end();
    none();
    assert_false(reaches(GFN));
    assert_true(reaches(GFN + 1));
    assert_int_equal(sim_dma_events(s), 1);
}

TEST(an_smmu_that_is_told_nothing_goes_on)
{
    begin();
    take_out(GFN);
    end();
    stale("missing: CMD_TLBI_S2_IPA and CMD_SYNC");
}

TEST(an_smmu_that_is_not_waited_for_goes_on)
{
    begin();
    take_out(GFN);
    arch_dma_forget(c, 1, GFN, 1);
    end();
    stale("missing: CMD_SYNC");
}

TEST(another_page_or_another_vm_is_not_enough)
{
    begin();
    take_out(GFN);
    arch_dma_forget(c, 1, GFN + 1, 1);
    arch_dma_forget(c, 2, GFN, 1);
    arch_dma_sync(c);
    end();
    stale("missing: CMD_TLBI_S2_IPA and CMD_SYNC");
}

/* A walk that was under way brings it back. */
TEST(what_is_taken_out_after_the_smmu_was_told_stays)
{
    begin();
    arch_dma_forget(c, 1, GFN, 1);
    take_out(GFN);
    arch_dma_sync(c);
    end();
    stale("missing: CMD_TLBI_S2_IPA and CMD_SYNC");
}

TEST(i8_zeroed_before_the_smmu_is_done)
{
    begin();
    take_out(GFN);
    arch_dma_forget(c, 1, GFN, 1);
    arch_zero_frames(c, P, 1);
    arch_dma_sync(c);
    end();
    reported_alone("I8", "a device of VM 1 may still reach it through an SMMU; missing: CMD_SYNC");
}

TEST(made_before_the_smmu_is_done)
{
    begin();
    take_out(GFN);
    arch_dma_forget(c, 1, GFN, 1);
    s2_make(c, s2_walk(c, t, GFN), desc_leaf(P, 3, S2_NORMAL));
    arch_dma_sync(c);
    end();
    reported_alone("break-before-make", "while an SMMU may have");
}

/* The SMMU's walks begin at the level-3 table that it has found. */
TEST(a_table_that_is_free_while_the_smmu_walks_it)
{
    struct s2_pos above = s2_walk_to(c, t, GFN, 2);

    begin();
    take_out(GFN);
    take_out(GFN + 1);
    arch_dma_forget(c, 1, GFN, 2);
    arch_dma_sync(c);
    arch_pte_write(c, above.row, above.index, 0);
    arch_dsb_ishst(c);
    arch_tlbi_ipas2e1is(c, 1, GFN - GFN % 512, 512);
    arch_dsb_ish(c);
    arch_table_free(c, desc_pfn(above.entry));
    reported_alone("I6 (S11)", "is free while an SMMU may walk it for a device of VM 1");
    end();
}

TEST(roots_go_while_the_stream_is_open)
{
    begin();
    stream_check_free(s, &s->cpu[0], t->root);
    reported_alone("I6 (S11)", "is free while the stream of device 0x3f0000 is open on it");
    end();
}

TEST(without_an_open_stream_nothing_is_owed)
{
    begin();
    arch_device_close(c, d, t);
    t->devices = 0;
    take_out(GFN);
    end();
    none();
    assert_false(reaches(GFN + 1));
}

/* ---- functions ---- */

TEST(opened_without_a_reset)
{
    begin();
    arch_device_close(c, d, t);
    open_device();
    end();
    reported_alone("device", "is opened without having been reset");
}

TEST(opened_on_another_vms_table)
{
    struct stage2 other = *t;

    begin();
    arch_device_close(c, d, t);
    while (!arch_device_reset(c, d))
        continue;
    other.vmid = 2;
    arch_device_open(c, d, &other);
    end();
    reported_alone("device", "of VM 1 is opened on the table of VMID 2");
}

TEST(reset_while_it_is_open)
{
    begin();
    (void)arch_device_reset(c, d);
    end();
    reported_alone("device", "reset of device 0x3f0000, which is open and not closed");
}

TEST(reset_while_the_vm_has_its_windows)
{
    d->window[0] = (struct window){ .pages = 0 };
    sim_begin(s, "io");
    assert_int_equal(cordon_map_vm_io(c, vmid(1), ipa(0xa000000), pa(WINDOW << 12)), CORDON_OK);
    (void)sim_end(s);
    d->window[0] = (struct window){ .first = WINDOW, .pages = 2, .lost = 2, .gfn = 0xa000, .mapped = 1 };
    begin();
    arch_device_close(c, d, t);
    (void)arch_device_reset(c, d);
    end();
    reported_alone("device", "is reset while VM 1 still reaches its windows");
}

TEST(given_back_without_a_reset)
{
    begin();
    arch_device_close(c, d, t);
    arch_device_give_back(c, d);
    end();
    reported_alone("device", "goes to the host without having been reset");
}

TEST(given_back_and_taken_twice)
{
    begin();
    arch_device_close(c, d, t);
    while (!arch_device_reset(c, d))
        continue;
    arch_device_give_back(c, d);
    end();
    none();
    begin();
    arch_device_give_back(c, d);
    end();
    reported_alone("device", "which is the host's and not closed");
}

TEST(a_record_that_the_machine_contradicts)
{
    d->state = DEVICE_GIVEN;
    t->devices = 0;
    (void)sim_check_all(s);
    reported_alone("device", "is in state 2, and the machine knows better");
}

TEST(devices_that_are_miscounted)
{
    c->vm[0].devices = 2;
    (void)sim_check_all(s);
    reported_alone("device", "VM 1 counts 2 devices, 1 of them open, and has 1 and 1");
}

/* ---- windows ---- */

TEST(i1_a_window_that_the_host_still_has)
{
    sim_begin(s, "fault");
    d->window[0] = (struct window){ .pages = 0 };
    assert_int_equal(cordon_map_page_host(c, pa(WINDOW << 12)), CORDON_OK);
    (void)sim_end(s);
    d->window[0] = (struct window){ .first = WINDOW, .pages = 2 };
    (void)sim_check_all(s);
    none();                                 /* the core has not come to it */
    d->window[0].lost = 2;
    (void)sim_check_all(s);
    reported_alone("I1", "that is a window of a device of VM 1");
}

TEST(i2_a_window_in_another_vms_table)
{
    assert_int_equal(sim_vm_create(s, 2), CORDON_OK);
    assert_int_equal(sim_vm_feed(s, 2, 8), CORDON_OK);
    d->window[0] = (struct window){ .pages = 0 };
    sim_begin(s, "io");
    assert_int_equal(cordon_map_vm_io(c, vmid(2), ipa(0xa000000), pa(WINDOW << 12)), CORDON_OK);
    (void)sim_end(s);
    d->window[0] = (struct window){ .first = WINDOW, .pages = 2, .lost = 2 };
    (void)sim_check_all(s);
    reported_alone("I2", "that is a window of a device of VM 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_told_and_waited_for_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(an_smmu_that_is_told_nothing_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(an_smmu_that_is_not_waited_for_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(another_page_or_another_vm_is_not_enough, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_taken_out_after_the_smmu_was_told_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(i8_zeroed_before_the_smmu_is_done, setup, teardown),
        cmocka_unit_test_setup_teardown(made_before_the_smmu_is_done, setup, teardown),
        cmocka_unit_test_setup_teardown(a_table_that_is_free_while_the_smmu_walks_it, setup, teardown),
        cmocka_unit_test_setup_teardown(roots_go_while_the_stream_is_open, setup, teardown),
        cmocka_unit_test_setup_teardown(without_an_open_stream_nothing_is_owed, setup, teardown),
        cmocka_unit_test_setup_teardown(opened_without_a_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(opened_on_another_vms_table, setup, teardown),
        cmocka_unit_test_setup_teardown(reset_while_it_is_open, setup, teardown),
        cmocka_unit_test_setup_teardown(reset_while_the_vm_has_its_windows, setup, teardown),
        cmocka_unit_test_setup_teardown(given_back_without_a_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(given_back_and_taken_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(a_record_that_the_machine_contradicts, setup, teardown),
        cmocka_unit_test_setup_teardown(devices_that_are_miscounted, setup, teardown),
        cmocka_unit_test_setup_teardown(i1_a_window_that_the_host_still_has, setup, teardown),
        cmocka_unit_test_setup_teardown(i2_a_window_in_another_vms_table, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
