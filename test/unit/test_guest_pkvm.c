/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of KVM's protected guests, as a kernel makes them that has a driver for these, and as one that is up to no good. */
#include "guest.h"

#define ALL(a) (sizeof(a) / sizeof((a)[0]))
#define BLOCK_AT (GUEST_RAM + 4 * MIB)
#define TOP (UINT64_C(1) << 48)

#define FEATURES 0x86000000u
#define HYP_MEMINFO 0xc6000002u
#define MEM_SHARE 0xc6000003u
#define MEM_UNSHARE 0xc6000004u
#define MMIO_GUARD 0xc6000007u
#define INVALID ((uint64_t)-3)
#define UNSUPPORTED ((uint64_t)-1)
#define DEVICES_PAGE UINT64_C(0x7ff)    /* an entry of the devices' table */

/* x0 of a call that the host has nothing to do with; the other results are zero. */
static uint64_t call_of(struct guest *g, uint32_t function, uint64_t x1, uint64_t x2, uint64_t x3)
{
    struct regs host;
    struct regs r = guest_call(g, 0, function, x1, x2, x3, &host);

    assert_interrupted(host);
    assert_int_equal(r.x[1] | r.x[2] | r.x[3], 0);
    return r.x[0];
}

#define CALL(g, function, x1) call_of((g), (function), (x1), 0, 0)

static void is_uid(struct regs r, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    assert_int_equal(r.x[0], a);
    assert_int_equal(r.x[1], b);
    assert_int_equal(r.x[2], c);
    assert_int_equal(r.x[3], d);
}

/* 28b46fb6-2ec5-11e9-a9ca-4b564d003a74, its first byte the lowest of w0. */
static void a_guest_finds_kvm_and_one_that_asks_finds_cordon(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    is_uid(guest_call(&g, 0, CORDON_CALL_UID, 0, 0, 0, NULL), 0xb66fb428, 0xe911c52e, 0x564bcaa9, 0x743a004d);
    is_uid(guest_call(&g, 0, CORDON_GUEST_UID, 0, 0, 0, NULL), CORDON_UID_0, CORDON_UID_1, CORDON_UID_2, CORDON_UID_3);
    guest_free(&g);
}

/* Of KVM's 128 calls those and no others exist that it says are there. */
static void the_features_are_what_is_there(void **state)
{
    struct guest g;
    uint64_t there;

    (void)state;
    guest_new(&g, 1);
    there = CALL(&g, FEATURES, 0);
    assert_int_equal(there, 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 7);
    for (uint32_t i = 0; i < 128; i++) {
        bool narrow = guest_call(&g, 0, 0x86000000u + i, 0, 0, 0, NULL).x[0] != UNSUPPORTED;
        bool wide = guest_call(&g, 0, 0xc6000000u + i, 0, 0, 0, NULL).x[0] != UNSUPPORTED;

        assert_int_equal(narrow || wide, i < 64 && (there >> i & 1) != 0);
    }
    guest_free(&g);
}

static void memory_is_protected_by_the_page(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    assert_int_equal(CALL(&g, HYP_MEMINFO, 0), PAGE);
    assert_int_equal(call_of(&g, HYP_MEMINFO, 1, 0, 0), INVALID);
    assert_int_equal(call_of(&g, HYP_MEMINFO, 0, UINT64_C(1) << 63, 0), INVALID);
    assert_int_equal(call_of(&g, HYP_MEMINFO, 0, 0, UINT64_C(1) << 32), INVALID);
    guest_free(&g);
}

static void a_page_is_the_hosts_as_well_until_it_is_not_shared(void **state)
{
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_new(&g, 1);
    frame = guest_map(&g, GUEST_RAM, 3);
    write_at(g.m, g.id, GUEST_RAM + PAGE, 42);
    for (int turn = 0; turn < 2; turn++) {
        assert_true(is_gone(g.m, 0, (frame + 1) * PAGE));
        assert_int_equal(CALL(&g, MEM_SHARE, GUEST_RAM + PAGE), 0);
        assert_record(g.m, frame + 1, g.id, 1);
        assert_int_equal(read_at(g.m, 0, (frame + 1) * PAGE), 42);
        warm(g.m, 0, (frame + 1) * PAGE);
        assert_true(is_gone(g.m, 0, frame * PAGE));
        assert_true(is_gone(g.m, 0, (frame + 2) * PAGE));
        assert_int_equal(CALL(&g, MEM_UNSHARE, GUEST_RAM + PAGE), 0);
        assert_record(g.m, frame + 1, g.id, 0);
        assert_true(is_gone(g.m, 0, (frame + 1) * PAGE));
        assert_int_equal(read_at(g.m, g.id, GUEST_RAM + PAGE), 42);
    }
    guest_free(&g);
}

static void devices_of_the_host_follow(void **state)
{
    struct sim_config config = machine_config();
    struct guest g;
    uint64_t frame, word;

    (void)state;
    config.dma = (struct cordon_dma){ 39, DEVICES_PAGE };
    guest_built(&g, machine_new(&config), 1);
    guest_start(&g);
    frame = guest_map(&g, GUEST_RAM, 1);
    write_at(g.m, g.id, GUEST_RAM, 43);
    assert_int_equal(sim_dma_read(g.m->sim, frame * PAGE, &word), SIM_FAULT);
    assert_int_equal(CALL(&g, MEM_SHARE, GUEST_RAM), 0);
    assert_int_equal(sim_dma_read(g.m->sim, frame * PAGE, &word), SIM_DONE);
    assert_int_equal(word, 43);
    assert_int_equal(CALL(&g, MEM_UNSHARE, GUEST_RAM), 0);
    assert_int_equal(sim_dma_read(g.m->sim, frame * PAGE, &word), SIM_FAULT);
    guest_free(&g);
}

static void a_page_of_a_block_is_shared_alone(void **state)
{
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_new(&g, 1);
    frame = guest_map_block(&g, BLOCK_AT);
    assert_int_equal(CALL(&g, MEM_SHARE, BLOCK_AT + 511 * PAGE), 0);
    assert_record(g.m, frame + 511, g.id, 1);
    assert_record(g.m, frame + 510, g.id, 0);
    assert_maps(g.m, g.id, BLOCK_AT / PAGE, frame, 2);
    assert_int_equal(CALL(&g, MEM_UNSHARE, BLOCK_AT + 510 * PAGE), INVALID);
    assert_int_equal(CALL(&g, MEM_UNSHARE, BLOCK_AT + 511 * PAGE), 0);
    guest_free(&g);
}

static void what_is_shared_is_not_shared_again_nor_what_is_private_made_so(void **state)
{
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_new(&g, 1);
    frame = guest_map(&g, GUEST_RAM, 1);
    assert_int_equal(CALL(&g, MEM_UNSHARE, GUEST_RAM), INVALID);
    assert_int_equal(CALL(&g, MEM_SHARE, GUEST_RAM), 0);
    assert_int_equal(CALL(&g, MEM_SHARE, GUEST_RAM), INVALID);
    assert_record(g.m, frame, g.id, 1);
    assert_int_equal(CALL(&g, MEM_UNSHARE, GUEST_RAM), 0);
    assert_int_equal(CALL(&g, MEM_UNSHARE, GUEST_RAM), INVALID);
    assert_record(g.m, frame, g.id, 0);
    guest_free(&g);
}

/* KVM has no counts: a page that others have granted is shared, and one of two grants that go is no privacy. */
static void grants_count_as_sharing(void **state)
{
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_new(&g, 1);
    frame = guest_map(&g, GUEST_RAM, 1);
    (void)guest_call(&g, 0, CORDON_GUEST_GRANT, GUEST_RAM, PAGE, 0, NULL);
    assert_int_equal(CALL(&g, MEM_SHARE, GUEST_RAM), INVALID);
    assert_record(g.m, frame, g.id, 1);
    (void)guest_call(&g, 0, CORDON_GUEST_GRANT, GUEST_RAM, PAGE, 0, NULL);
    assert_int_equal(CALL(&g, MEM_UNSHARE, GUEST_RAM), INVALID);
    assert_record(g.m, frame, g.id, 2);
    (void)guest_call(&g, 0, CORDON_GUEST_REVOKE, GUEST_RAM, PAGE, 0, NULL);
    assert_int_equal(CALL(&g, MEM_UNSHARE, GUEST_RAM), 0);
    assert_true(is_gone(g.m, 0, frame * PAGE));
    guest_free(&g);
}

static void arguments_are_checked_and_a_refusal_changes_nothing(void **state)
{
    static const uint32_t call[] = { MEM_SHARE, MEM_UNSHARE };
    static const uint64_t wrong[] = { GUEST_RAM + 1, GUEST_RAM + PAGE - 1, GUEST_RAM + 2048, GUEST_RAM - PAGE,
                                      GUEST_RAM + GUEST_RAM_SIZE, GUEST_DEVICE, 0, TOP, TOP + GUEST_RAM, UINT64_MAX,
                                      UINT64_MAX - PAGE + 1 };
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_new(&g, 1);
    frame = guest_map(&g, GUEST_RAM, 1);
    for (size_t k = 0; k < ALL(call); k++) {
        for (size_t i = 0; i < ALL(wrong); i++)
            assert_int_equal(CALL(&g, call[k], wrong[i]), INVALID);
        for (int bit = 0; bit < 64; bit++) {
            assert_int_equal(call_of(&g, call[k], GUEST_RAM, UINT64_C(1) << bit, 0), INVALID);
            assert_int_equal(call_of(&g, call[k], GUEST_RAM, 0, UINT64_C(1) << bit), INVALID);
        }
        assert_record(g.m, frame, g.id, k == 0 ? 0 : 1);
        assert_int_equal(CALL(&g, call[k], GUEST_RAM), 0);
    }
    guest_free(&g);
}

/* What an embedder has mapped there is no frame of the VM's. */
static void a_device_amid_memory_is_not_shared(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    assert_ok(op_io(g.m, g.id, GUEST_RAM + PAGE, DEVICE_PA));
    assert_int_equal(CALL(&g, MEM_SHARE, GUEST_RAM + PAGE), INVALID);
    assert_int_equal(CALL(&g, MEM_UNSHARE, GUEST_RAM + PAGE), INVALID);
    guest_free(&g);
}

/* The host is asked for the page, and the call is made again: by HVC, behind which a guest goes on, and by SMC, which traps before it. */
static void a_page_that_is_not_there_is_asked_for(void **state)
{
    (void)state;
    for (int smc = 0; smc < 2; smc++) {
        struct guest g;
        struct vcpu *u;
        struct vcpu before;
        uint64_t frame, at;

        guest_new(&g, 1);
        u = guest_vcpu(&g, 0);
        guest_secrets(u, 9);
        u->x[0] = UINT64_C(7) << 32 | MEM_SHARE;
        u->x[1] = GUEST_RAM + 5 * PAGE;
        u->x[2] = u->x[3] = 0;
        before = *u;
        at = u->pc;
        if (smc == 0)
            u->pc += 4;
        guest_does(&g, smc ? trap_smc(0) : trap_hvc(0));
        assert_exit(guest_run(&g, 0), CORDON_EXIT_MEMORY, GUEST_RAM + 5 * PAGE, 1, 0, 0);
        assert_int_equal(u->pc, at);
        assert_memory_equal(u->x, before.x, sizeof(u->x));
        assert_status(CORDON_ANSWER, HS(g.m, CORDON_CALL_VCPU_RUN, g.handle, 0, CORDON_ANSWER_VALUE, 0));
        assert_status(CORDON_ANSWER, HS(g.m, CORDON_CALL_VCPU_RUN, g.handle, 0, CORDON_ANSWER_ABORT));

        frame = guest_map(&g, GUEST_RAM + 5 * PAGE, 1);
        if (smc == 0)
            u->pc += 4;
        guest_does(&g, smc ? trap_smc(0) : trap_hvc(0));
        assert_interrupted(guest_run(&g, 0));
        assert_int_equal(u->x[0], 0);
        assert_int_equal(u->pc, at + 4);
        assert_record(g.m, frame, g.id, 1);
        assert_int_equal(read_at(g.m, 0, frame * PAGE), 0);
        guest_free(&g);
    }
}

static void a_page_that_is_not_there_is_not_shared(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    (void)guest_map(&g, GUEST_RAM, 1);
    assert_int_equal(CALL(&g, MEM_UNSHARE, GUEST_RAM + PAGE), INVALID);
    assert_int_equal(CALL(&g, MEM_UNSHARE, GUEST_RAM + 3 * MIB), INVALID);
    guest_free(&g);
}

/* What is given back is shared no longer, and what comes in its place is private. */
static void a_shared_page_can_be_given_back(void **state)
{
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_new(&g, 1);
    frame = guest_map(&g, GUEST_RAM, 1);
    assert_int_equal(CALL(&g, MEM_SHARE, GUEST_RAM), 0);
    (void)guest_call(&g, 0, CORDON_GUEST_RELINQUISH, GUEST_RAM, PAGE, 0, &(struct regs){ { 0 } });
    assert_record(g.m, frame, HOLDER_HOST, 0);
    frame = guest_map(&g, GUEST_RAM, 1);
    assert_record(g.m, frame, g.id, 0);
    assert_int_equal(CALL(&g, MEM_SHARE, GUEST_RAM), 0);
    guest_free(&g);
}

static void another_vm_shares_its_own(void **state)
{
    struct guest g, other;
    uint64_t mine, theirs;

    (void)state;
    guest_new(&g, 1);
    guest_another(&other, &g, 1);
    theirs = guest_map(&other, GUEST_RAM, 1);
    g.next = other.next;
    mine = guest_map(&g, GUEST_RAM, 1);
    assert_int_equal(CALL(&g, MEM_SHARE, GUEST_RAM), 0);
    assert_record(g.m, mine, g.id, 1);
    assert_record(g.m, theirs, other.id, 0);
    assert_ok(guest_destroy(&other));
    guest_free(&g);
}

/* Which addresses are devices was said before the start; a guest that asks for one learns whether it is. */
static void what_is_no_memory_is_a_device(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    assert_int_equal(CALL(&g, MMIO_GUARD, GUEST_DEVICE), 0);
    assert_int_equal(CALL(&g, MMIO_GUARD, GUEST_DEVICE), 0);
    assert_int_equal(CALL(&g, MMIO_GUARD, GUEST_RAM - PAGE), 0);
    assert_int_equal(CALL(&g, MMIO_GUARD, TOP - PAGE), 0);
    assert_int_equal(CALL(&g, MMIO_GUARD, GUEST_RAM), INVALID);
    assert_int_equal(CALL(&g, MMIO_GUARD, GUEST_RAM + GUEST_RAM_SIZE - PAGE), INVALID);
    assert_int_equal(CALL(&g, MMIO_GUARD, TOP), INVALID);
    assert_int_equal(CALL(&g, MMIO_GUARD, UINT64_MAX - PAGE + 1), INVALID);
    assert_int_equal(CALL(&g, MMIO_GUARD, GUEST_DEVICE + 1), INVALID);
    assert_int_equal(call_of(&g, MMIO_GUARD, GUEST_DEVICE, 1, 0), INVALID);
    assert_int_equal(call_of(&g, MMIO_GUARD, GUEST_DEVICE, 0, 1), INVALID);
    guest_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_finds_kvm_and_one_that_asks_finds_cordon),
        cmocka_unit_test(the_features_are_what_is_there),
        cmocka_unit_test(memory_is_protected_by_the_page),
        cmocka_unit_test(a_page_is_the_hosts_as_well_until_it_is_not_shared),
        cmocka_unit_test(devices_of_the_host_follow),
        cmocka_unit_test(a_page_of_a_block_is_shared_alone),
        cmocka_unit_test(what_is_shared_is_not_shared_again_nor_what_is_private_made_so),
        cmocka_unit_test(grants_count_as_sharing),
        cmocka_unit_test(arguments_are_checked_and_a_refusal_changes_nothing),
        cmocka_unit_test(a_device_amid_memory_is_not_shared),
        cmocka_unit_test(a_page_that_is_not_there_is_asked_for),
        cmocka_unit_test(a_page_that_is_not_there_is_not_shared),
        cmocka_unit_test(a_shared_page_can_be_given_back),
        cmocka_unit_test(another_vm_shares_its_own),
        cmocka_unit_test(what_is_no_memory_is_a_device),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
