/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of a guest: what it grants, takes back and gives away of its memory, and what it may ask. <cordon/abi.h>. */
#include "guest.h"

#include <string.h>

#include "guest/relinquish.h"

#define ALL(a) (sizeof(a) / sizeof((a)[0]))
#define BLOCK_AT (GUEST_RAM + 4 * MIB)
#define TOP (UINT64_C(1) << 48)

#define CALL(g, function, x1, x2) guest_call((g), 0, (function), (x1), (x2), 0, NULL)

static void answer_is(struct regs r, uint64_t status, uint64_t done, uint64_t changed, uint64_t skipped, int line)
{
    if (r.x[0] == status && r.x[1] == done && r.x[2] == changed && r.x[3] == skipped)
        return;
    print_error("x0 .. x3: %llu %llu %llu %llu\n", (unsigned long long)r.x[0], (unsigned long long)r.x[1],
                (unsigned long long)r.x[2], (unsigned long long)r.x[3]);
    _fail(__FILE__, line);
}
#define assert_answer(r, status, done, changed, skipped) answer_is((r), (status), (done), (changed), (skipped), __LINE__)

/* ---- grant and revoke ---- */

static void a_grant_lets_the_host_in_and_a_revoke_shuts_it_out(void **state)
{
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_new(&g, 1);
    frame = guest_map(&g, GUEST_RAM, 4);
    write_at(g.m, g.id, GUEST_RAM + PAGE, 42);
    assert_true(is_gone(g.m, 0, (frame + 1) * PAGE));
    assert_answer(CALL(&g, CORDON_GUEST_GRANT, GUEST_RAM + PAGE, 2 * PAGE), CORDON_OK, 2, 2, 0);
    assert_int_equal(read_at(g.m, 0, (frame + 1) * PAGE), 42);
    warm(g.m, 0, (frame + 2) * PAGE);
    assert_true(is_gone(g.m, 0, frame * PAGE));
    assert_true(is_gone(g.m, 0, (frame + 3) * PAGE));
    assert_answer(CALL(&g, CORDON_GUEST_REVOKE, GUEST_RAM + PAGE, 2 * PAGE), CORDON_OK, 2, 2, 0);
    assert_true(is_gone(g.m, 0, (frame + 1) * PAGE));
    assert_true(is_gone(g.m, 0, (frame + 2) * PAGE));
    assert_int_equal(read_at(g.m, g.id, GUEST_RAM + PAGE), 42);
    guest_free(&g);
}

static void pages_that_cannot_be_granted_or_revoked_are_skipped_and_counted(void **state)
{
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_new(&g, 1);
    frame = guest_map(&g, GUEST_RAM, 2);
    assert_answer(CALL(&g, CORDON_GUEST_GRANT, GUEST_RAM, 5 * PAGE), CORDON_OK, 5, 2, 3);
    assert_answer(CALL(&g, CORDON_GUEST_GRANT, GUEST_RAM, 1), CORDON_OK, 1, 1, 0);
    for (int i = 2; i < CORDON_SHARE_MAX; i++)
        assert_answer(CALL(&g, CORDON_GUEST_GRANT, GUEST_RAM, PAGE), CORDON_OK, 1, 1, 0);
    assert_answer(CALL(&g, CORDON_GUEST_GRANT, GUEST_RAM, 2 * PAGE), CORDON_OK, 2, 1, 1);
    assert_record(g.m, frame, g.id, CORDON_SHARE_MAX);
    assert_answer(CALL(&g, CORDON_GUEST_REVOKE, GUEST_RAM + PAGE, PAGE), CORDON_OK, 1, 1, 0);
    assert_answer(CALL(&g, CORDON_GUEST_REVOKE, GUEST_RAM + PAGE, PAGE), CORDON_OK, 1, 1, 0);
    assert_answer(CALL(&g, CORDON_GUEST_REVOKE, GUEST_RAM + PAGE, PAGE), CORDON_OK, 1, 0, 1);
    guest_free(&g);
}

static void grants_are_bounded_and_say_how_far_they_came(void **state)
{
    static const uint32_t call[] = { CORDON_GUEST_GRANT, CORDON_GUEST_REVOKE };
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    (void)guest_map(&g, GUEST_RAM, 900);
    for (size_t i = 0; i < ALL(call); i++) {
        assert_answer(CALL(&g, call[i], GUEST_RAM, 900 * PAGE), CORDON_AGAIN, 512, 512, 0);
        assert_answer(CALL(&g, call[i], GUEST_RAM + 512 * PAGE, 388 * PAGE), CORDON_OK, 388, 388, 0);
    }
    guest_free(&g);
}

static void arguments_of_grant_revoke_and_relinquish_are_checked(void **state)
{
    static const uint32_t call[] = { CORDON_GUEST_GRANT, CORDON_GUEST_REVOKE, CORDON_GUEST_RELINQUISH };
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_new(&g, 1);
    frame = guest_map(&g, GUEST_RAM, 1);
    for (size_t i = 0; i < ALL(call); i++) {
        assert_answer(CALL(&g, call[i], TOP, PAGE), CORDON_RANGE, 0, 0, 0);
        assert_answer(CALL(&g, call[i], TOP - PAGE, 2 * PAGE), CORDON_RANGE, 0, 0, 0);
        assert_answer(CALL(&g, call[i], UINT64_MAX, 0), CORDON_RANGE, 0, 0, 0);
        assert_answer(CALL(&g, call[i], GUEST_RAM, UINT64_MAX), CORDON_RANGE, 0, 0, 0);
        assert_answer(CALL(&g, call[i], PAGE, 0 - PAGE), CORDON_RANGE, 0, 0, 0);
        assert_answer(CALL(&g, call[i], GUEST_RAM + 1, 0), CORDON_EMPTY, 0, 0, 0);
        assert_answer(CALL(&g, call[i], GUEST_RAM + 8, PAGE), CORDON_UNALIGNED, 0, 0, 0);
    }
    assert_record(g.m, frame, g.id, 0);
    guest_free(&g);
}

/* ---- relinquish ---- */

/* The guest gives memory back; what the host sees of it. */
static struct regs relinquish(struct guest *g, uint64_t gpa, uint64_t size)
{
    struct regs host;
    struct regs r = guest_call(g, 0, CORDON_GUEST_RELINQUISH, gpa, size, 0, &host);

    if (r.x[2] == 0)
        assert_interrupted(host);
    else
        assert_exit(host, CORDON_EXIT_RELINQUISHED, gpa, r.x[1], 0, 0);
    return r;
}

/* To the end, as many calls as it takes; *total adds them up. */
static unsigned relinquish_all(struct guest *g, uint64_t gpa, uint64_t size, struct regs *total)
{
    unsigned calls = 0;
    struct regs r;

    *total = (struct regs){ { 0 } };
    do {
        r = relinquish(g, gpa + total->x[1] * PAGE, size - total->x[1] * PAGE);
        assert_true(r.x[0] == CORDON_OK || (r.x[0] == CORDON_AGAIN && r.x[1] > 0));
        for (int i = 1; i < 4; i++)
            total->x[i] += r.x[i];
    } while (++calls < 10000 && r.x[0] == CORDON_AGAIN);
    return calls;
}

static void what_a_guest_gives_back_is_the_hosts_and_zero(void **state)
{
    struct guest g;
    uint64_t frame, frames;

    (void)state;
    guest_new(&g, 1);
    frame = guest_map(&g, GUEST_RAM, 5);
    for (uint64_t i = 0; i < 5; i++) {
        write_at(g.m, g.id, GUEST_RAM + i * PAGE + 8, UINT64_C(0x5ec7e7) + i);
        warm(g.m, g.id, GUEST_RAM + i * PAGE);
    }
    assert_answer(CALL(&g, CORDON_GUEST_GRANT, GUEST_RAM + PAGE, PAGE), CORDON_OK, 1, 1, 0);
    warm(g.m, 0, (frame + 1) * PAGE);
    frames = guest_vm(&g)->frames;
    assert_answer(relinquish(&g, GUEST_RAM + PAGE, 3 * PAGE), CORDON_OK, 3, 3, 0);
    assert_int_equal(guest_vm(&g)->frames, frames - 3);
    for (uint64_t i = 1; i < 4; i++) {
        assert_record(g.m, frame + i, HOLDER_HOST, 0);
        assert_unmapped(g.m, g.id, GUEST_GFN + i);
        assert_true(is_gone(g.m, g.id, GUEST_RAM + i * PAGE));
        assert_int_equal(read_uncached(g.m, 0, (frame + i) * PAGE + 8), 0);
    }
    assert_int_equal(read_at(g.m, g.id, GUEST_RAM + 8), UINT64_C(0x5ec7e7));
    assert_int_equal(read_at(g.m, g.id, GUEST_RAM + 4 * PAGE + 8), UINT64_C(0x5ec7e7) + 4);
    guest_free(&g);
}

/* Frames that follow each other across the end of a section of the machine, below entries that follow each other: two runs. */
static void a_run_that_is_given_back_ends_with_its_section(void **state)
{
    struct guest g;
    uint64_t frame, taken, next;

    (void)state;
    guest_new(&g, 1);
    (void)guest_frames(&g, 0, 512);
    (void)guest_frames(&g, 510, 1);
    taken = section_of(g.m, g.next)->taken;
    next = section_of(g.m, g.next + 2)->taken;
    frame = guest_map(&g, GUEST_RAM, 5);
    assert_int_equal(section_of(g.m, frame)->taken, taken + 2);
    assert_int_equal(section_of(g.m, frame + 2)->taken, next + 3);
    assert_answer(relinquish(&g, GUEST_RAM, 5 * PAGE), CORDON_OK, 5, 5, 0);
    assert_int_equal(section_of(g.m, frame)->taken, taken);
    assert_int_equal(section_of(g.m, frame + 2)->taken, next);
    for (uint64_t i = 0; i < 5; i++)
        assert_record(g.m, frame + i, HOLDER_HOST, 0);
    guest_free(&g);
}

static void what_a_guest_finds_there_later_is_new_and_zero(void **state)
{
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_new(&g, 1);
    frame = guest_map(&g, GUEST_RAM, 1);
    write_at(g.m, g.id, GUEST_RAM, 1);
    assert_answer(relinquish(&g, GUEST_RAM, PAGE), CORDON_OK, 1, 1, 0);
    guest_does(&g, trap_data(GUEST_RAM, 0));
    assert_exit(guest_run(&g, 0), CORDON_EXIT_MEMORY, GUEST_RAM, 0, 0, 0);
    write_at(g.m, 0, frame * PAGE, 666);
    assert_ok(HS(g.m, CORDON_CALL_VM_MAP, g.handle, GUEST_RAM, frame, 1));
    assert_int_equal(read_at(g.m, g.id, GUEST_RAM), 0);
    guest_free(&g);
}

static void the_memory_of_others_is_untouched(void **state)
{
    struct guest g, other;
    struct regs total;
    uint64_t theirs;

    (void)state;
    guest_new(&g, 1);
    guest_another(&other, &g, 1);
    theirs = guest_map(&other, GUEST_RAM, 2);
    write_at(g.m, other.id, GUEST_RAM, 77);
    g.next = other.next;
    (void)guest_map(&g, GUEST_RAM, 2);
    (void)relinquish_all(&g, 0, TOP, &total);
    assert_int_equal(total.x[2], 2);
    assert_record(g.m, theirs, other.id, 0);
    assert_int_equal(read_at(g.m, other.id, GUEST_RAM), 77);
    assert_ok(guest_destroy(&other));
    guest_free(&g);
}

static void holes_of_any_size_cost_a_few_calls(void **state)
{
    struct guest g;
    struct regs total;
    uint64_t frame;

    (void)state;
    guest_new(&g, 1);
    assert_answer(relinquish(&g, 0, UINT64_C(1) << 40), CORDON_OK, (UINT64_C(1) << 40) / PAGE, 0, (UINT64_C(1) << 40) / PAGE);
    /* An entry of the root is a step, and a call has so many of them. */
    assert_int_equal(relinquish_all(&g, 0, TOP, &total), 512 / 64);
    assert_int_equal(total.x[1], TOP / PAGE);
    assert_int_equal(total.x[3], TOP / PAGE);
    frame = guest_map(&g, GUEST_RAM + MIB, 1);
    /* Now a table of 1 GiB and one of 2 MiB are there, whose empty entries are looked at. */
    assert_in_range(relinquish_all(&g, 0, TOP, &total), 1, 8 + 3 * 8);
    assert_int_equal(total.x[1], TOP / PAGE);
    assert_int_equal(total.x[2], 1);
    assert_record(g.m, frame, HOLDER_HOST, 0);
    guest_free(&g);
}

static void a_call_gives_back_so_many_pages_and_is_called_again_for_the_rest(void **state)
{
    struct guest g;
    uint64_t frame;
    uint64_t done = 0;
    unsigned calls = 0;

    (void)state;
    guest_new(&g, 1);
    (void)guest_frames(&g, 0, 512);
    frame = guest_map(&g, GUEST_RAM, 300);
    while (done < 300) {
        struct regs r = relinquish(&g, GUEST_RAM + done * PAGE, (300 - done) * PAGE);

        assert_int_equal(r.x[0], done + r.x[1] == 300 ? CORDON_OK : CORDON_AGAIN);
        assert_in_range(r.x[1], 1, CALL_PAGES);
        assert_int_equal(r.x[2], r.x[1]);
        done += r.x[1];
        calls++;
    }
    assert_int_equal(calls, (300 + CALL_PAGES - 1) / CALL_PAGES);
    assert_record(g.m, frame + 299, HOLDER_HOST, 0);
    guest_free(&g);
}

static void a_block_is_given_back_in_parts(void **state)
{
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_new(&g, 1);
    frame = guest_map_block(&g, BLOCK_AT);
    write_at(g.m, g.id, BLOCK_AT + 9 * PAGE, 9);
    write_at(g.m, g.id, BLOCK_AT + 10 * PAGE, 10);
    assert_answer(relinquish(&g, BLOCK_AT + 10 * PAGE, PAGE), CORDON_OK, 1, 1, 0);
    assert_unmapped(g.m, g.id, BLOCK_AT / PAGE + 10);
    assert_maps(g.m, g.id, BLOCK_AT / PAGE + 9, frame + 9, 3);
    assert_int_equal(read_at(g.m, g.id, BLOCK_AT + 9 * PAGE), 9);
    assert_int_equal(read_at(g.m, 0, (frame + 10) * PAGE), 0);
    assert_answer(relinquish(&g, BLOCK_AT, 2 * MIB), CORDON_AGAIN, CALL_PAGES + 1, CALL_PAGES, 1);
    guest_free(&g);
}

static void a_block_that_no_table_is_there_to_split_stays(void **state)
{
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_new(&g, 1);
    frame = guest_map_block(&g, BLOCK_AT);
    for (uint64_t at = GIB * 4; cordon_vm_pool_free(g.m->c, vmid(g.id)) > 0; at += GIB)
        assert_ok(op_io(g.m, g.id, at, DEVICE_PA));
    assert_answer(relinquish(&g, BLOCK_AT, PAGE), CORDON_NO_MEMORY, 0, 0, 0);
    assert_maps(g.m, g.id, BLOCK_AT / PAGE, frame, 2);
    /* What was done before it stands. */
    assert_answer(relinquish(&g, BLOCK_AT - PAGE, 2 * PAGE), CORDON_AGAIN, 1, 0, 1);
    assert_ok(HS(g.m, CORDON_CALL_VM_DONATE, g.handle, guest_frames(&g, 1, 1), 1));
    assert_answer(relinquish(&g, BLOCK_AT, PAGE), CORDON_OK, 1, 1, 0);
    guest_free(&g);
}

static void devices_are_no_memory_to_give_back(void **state)
{
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_new(&g, 1);
    frame = guest_map(&g, GUEST_RAM, 1);
    assert_ok(op_io(g.m, g.id, GUEST_RAM + PAGE, DEVICE_PA));
    assert_answer(relinquish(&g, GUEST_RAM, 3 * PAGE), CORDON_OK, 3, 1, 2);
    assert_device(g.m, g.id, GUEST_GFN + 1, DEVICE_PA / PAGE, 3);
    assert_record(g.m, frame, HOLDER_HOST, 0);
    guest_free(&g);
}

static void pages_in_any_order_go_back(void **state)
{
    struct guest g;
    uint64_t frame[8];

    (void)state;
    guest_new(&g, 1);
    for (uint64_t i = 0; i < 8; i++)
        frame[i] = guest_map(&g, GUEST_RAM + (i * 3 % 8) * PAGE, 1);
    assert_answer(relinquish(&g, GUEST_RAM, 8 * PAGE), CORDON_OK, 8, 8, 0);
    for (uint64_t i = 0; i < 8; i++)
        assert_record(g.m, frame[i], HOLDER_HOST, 0);
    guest_free(&g);
}

static void relinquish_refuses_a_vm_that_is_none(void **state)
{
    struct guest g;
    struct cordon_progress p;

    (void)state;
    guest_new(&g, 1);
    p = cordon_relinquish(g.m->c, vmid(7), ipa(0), PAGE);
    assert_int_equal(p.status, CORDON_NO_VM);
    p = cordon_relinquish(g.m->c, (vmid_t){ g.id, 99 }, ipa(0), PAGE);
    assert_int_equal(p.status, CORDON_NO_VM);
    (void)guest_map(&g, GUEST_RAM, 200);
    assert_status(CORDON_AGAIN, HS(g.m, CORDON_CALL_VM_DESTROY, g.handle));
    p = cordon_relinquish(g.m->c, vmid(g.id), ipa(0), PAGE);
    assert_int_equal(p.status, CORDON_STATE);
    guest_free(&g);
}

/* ---- questions ---- */

static void query_tells_what_is_at_an_address_and_how_often_it_is_granted(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    (void)guest_map(&g, GUEST_RAM, 1);
    (void)guest_map_block(&g, BLOCK_AT);
    assert_ok(op_io(g.m, g.id, GUEST_DEVICE, DEVICE_PA));
    assert_answer(CALL(&g, CORDON_GUEST_QUERY, GUEST_RAM + 0xfff, 0), CORDON_OK, 3, 0, 0);
    assert_answer(CALL(&g, CORDON_GUEST_QUERY, GUEST_RAM + PAGE, 0), CORDON_OK, 0, 0, 0);
    assert_answer(CALL(&g, CORDON_GUEST_GRANT, GUEST_RAM, PAGE), CORDON_OK, 1, 1, 0);
    assert_answer(CALL(&g, CORDON_GUEST_GRANT, GUEST_RAM, PAGE), CORDON_OK, 1, 1, 0);
    assert_answer(CALL(&g, CORDON_GUEST_QUERY, GUEST_RAM, 0), CORDON_OK, 3, 2, 0);
    assert_answer(CALL(&g, CORDON_GUEST_GRANT, BLOCK_AT + 7 * PAGE, PAGE), CORDON_OK, 1, 1, 0);
    assert_answer(CALL(&g, CORDON_GUEST_QUERY, BLOCK_AT + 7 * PAGE, 0), CORDON_OK, 2, 1, 0);
    assert_answer(CALL(&g, CORDON_GUEST_QUERY, BLOCK_AT + 8 * PAGE, 0), CORDON_OK, 2, 0, 0);
    assert_answer(CALL(&g, CORDON_GUEST_QUERY, GUEST_DEVICE, 0), CORDON_OK, 3, 0, 0);
    assert_answer(CALL(&g, CORDON_GUEST_QUERY, TOP, 0), CORDON_RANGE, 0, 0, 0);
    assert_answer(CALL(&g, CORDON_GUEST_QUERY, UINT64_MAX, 0), CORDON_RANGE, 0, 0, 0);
    guest_free(&g);
}

static void a_guest_learns_who_is_below_it(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    assert_answer(CALL(&g, CORDON_GUEST_UID, 0, 0), CORDON_UID_0, CORDON_UID_1, CORDON_UID_2, CORDON_UID_3);
    assert_answer(CALL(&g, CORDON_CALL_REVISION, 0, 0), CORDON_ABI_MAJOR, CORDON_ABI_MINOR, 0, 0);
    assert_int_equal(CALL(&g, 0x80000000, 0, 0).x[0], 0x10001);
    assert_int_equal(CALL(&g, 0x80000001, 0x80000000, 0).x[0], 0);
    assert_int_equal(CALL(&g, 0x80000001, 0x80000001, 0).x[0], 0);
    assert_int_equal(CALL(&g, 0x80000001, 0x80000002, 0).x[0], UINT64_MAX);
    guest_free(&g);
}

/* The simulated CPU is not affected by the first, has had the third done at each trap, and has no help against the second. */
static void a_guest_is_told_what_its_cpu_needs(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    assert_int_equal(CALL(&g, 0x80000001, 0x80008000, 0).x[0], 1);
    assert_int_equal(CALL(&g, 0x80000001, 0x80007fff, 0).x[0], UINT64_MAX);
    assert_int_equal(CALL(&g, 0x80000001, 0x80003fff, 0).x[0], 0);
    assert_int_equal(CALL(&g, 0x80008000, 0, 0).x[0], 0);
    assert_int_equal(CALL(&g, 0x80007fff, 0, 0).x[0], UINT64_MAX);
    assert_int_equal(CALL(&g, 0x80003fff, 0, 0).x[0], 0);
    assert_int_equal(CALL(&g, 0x80003ffe, 0, 0).x[0], UINT64_MAX);
    guest_free(&g);
}

static void w0_names_the_call(void **state)
{
    struct guest g;
    struct vcpu *u;

    (void)state;
    guest_new(&g, 1);
    u = guest_vcpu(&g, 0);
    u->x[0] = UINT64_C(0xffffffff) << 32 | CORDON_CALL_REVISION;
    guest_does(&g, trap_hvc(0));
    assert_interrupted(guest_run(&g, 0));
    assert_int_equal(u->x[0], CORDON_ABI_MAJOR);
    guest_free(&g);
}

static void calls_that_do_not_exist_change_x0_alone(void **state)
{
    static const uint32_t none[] = { 0, 0xc600007f, 0xc600008f, 0x86000080, 0xc6000080 - 0x40000000, CORDON_CALL_VM_CREATE,
                                     CORDON_CALL_VCPU_RUN, CORDON_CALL_STATISTIC, CORDON_CALL_FEATURES, 0x8600ff02, UINT32_MAX };
    struct guest g;
    struct vcpu *u;

    (void)state;
    guest_new(&g, 1);
    u = guest_vcpu(&g, 0);
    for (size_t i = 0; i < ALL(none); i++) {
        struct vcpu before;

        guest_secrets(u, 70 + i);
        u->x[0] = none[i];
        before = *u;
        guest_does(&g, trap_hvc(0));
        assert_interrupted(guest_run(&g, 0));
        assert_int_equal(u->x[0], UINT64_MAX);
        assert_memory_equal(&u->x[1], &before.x[1], 30 * 8);
    }
    guest_free(&g);
}

static void a_guests_calls_keep_x4_and_up(void **state)
{
    static const uint32_t call[] = { CORDON_GUEST_GRANT, CORDON_GUEST_REVOKE, CORDON_GUEST_RELINQUISH, CORDON_GUEST_QUERY,
                                     CORDON_GUEST_MEASUREMENT, CORDON_GUEST_UID, CORDON_CALL_UID, CORDON_CALL_REVISION, 0x86000000,
                                     0xc6000002, 0xc6000003, 0xc6000004, 0xc6000007 };
    struct guest g;
    struct vcpu *u;

    (void)state;
    guest_new(&g, 1);
    u = guest_vcpu(&g, 0);
    for (size_t i = 0; i < ALL(call); i++) {
        struct vcpu before;

        guest_secrets(u, 90 + i);
        before = *u;
        (void)CALL(&g, call[i], GUEST_RAM, PAGE);
        assert_memory_equal(&u->x[4], &before.x[4], 27 * 8);
        assert_int_equal(u->pc, before.pc);
    }
    guest_free(&g);
}

/* ---- random numbers ---- */

#define TRNG_VERSION 0x84000050u
#define TRNG_FEATURES 0x84000051u
#define TRNG_GET_UUID 0x84000052u
#define TRNG_RND32 0x84000053u
#define TRNG_RND64 0xc4000053u
#define NOT_SUPPORTED ((uint64_t)-1)
#define INVALID ((uint64_t)-2)

static void random_numbers_are_offered_as_the_convention_says(void **state)
{
    static const uint32_t call[] = { TRNG_VERSION, TRNG_FEATURES, TRNG_GET_UUID, TRNG_RND32, TRNG_RND64 };
    struct guest g;
    struct regs r;

    (void)state;
    guest_new(&g, 1);
    assert_int_equal(CALL(&g, TRNG_VERSION, 0, 0).x[0], 0x10000);
    for (size_t i = 0; i < ALL(call); i++)
        assert_int_equal(CALL(&g, TRNG_FEATURES, call[i] | UINT64_C(7) << 32, 0).x[0], 0);
    assert_int_equal(CALL(&g, TRNG_FEATURES, 0x84000054, 0).x[0], NOT_SUPPORTED);
    assert_int_equal(CALL(&g, TRNG_FEATURES, 0xc4000050, 0).x[0], NOT_SUPPORTED);
    assert_int_equal(CALL(&g, TRNG_FEATURES, 0, 0).x[0], NOT_SUPPORTED);
    r = CALL(&g, TRNG_GET_UUID, 0, 0);
    assert_answer(r, 0x63b492d2, 0x7c498988, 0xe81047be, 0x072050a2);
    assert_int_equal(CALL(&g, 0xc4000050, 0, 0).x[0], NOT_SUPPORTED);
    assert_int_equal(CALL(&g, 0x84000054, 0, 0).x[0], NOT_SUPPORTED);
    guest_free(&g);
}

/* Each number of bits: those below it come as 0 and as 1, those from it on are 0. */
static void as_many_bits_are_random_as_were_asked_for(void **state)
{
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        const uint64_t width = wide ? 64 : 32;
        struct guest g;

        guest_new(&g, 1);
        for (uint64_t bits = 1; bits <= 3 * width; bits++) {
            uint64_t ones[4] = { 0 }, zeros[4] = { 0 };

            for (int i = 0; i < 64; i++) {
                struct regs r = CALL(&g, wide ? TRNG_RND64 : TRNG_RND32, bits | (wide ? 0 : UINT64_C(1) << 32), 0);

                assert_int_equal(r.x[0], 0);
                for (int k = 1; k < 4; k++) {
                    ones[k] |= r.x[k];
                    zeros[k] |= ~r.x[k];
                }
            }
            for (uint64_t bit = 0; bit < 192; bit++) {
                uint64_t k = 3 - bit / 64, number = bit % 64 < width ? bit / 64 * width + bit % 64 : UINT64_MAX;

                assert_int_equal(ones[k] >> bit % 64 & 1, number < bits);
                assert_int_equal(zeros[k] >> bit % 64 & 1, 1);
            }
        }
        guest_free(&g);
    }
}

static void a_number_of_bits_that_cannot_be_is_refused(void **state)
{
    static const struct {
        uint32_t call;
        uint64_t bits;
    } wrong[] = {
        { TRNG_RND32, 0 }, { TRNG_RND32, 97 }, { TRNG_RND32, UINT32_MAX }, { TRNG_RND32, UINT64_C(1) << 32 },
        { TRNG_RND64, 0 }, { TRNG_RND64, 193 }, { TRNG_RND64, UINT64_MAX }, { TRNG_RND64, UINT64_C(1) << 32 | 64 },
    };
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    guest_secrets(guest_vcpu(&g, 0), 3);
    for (size_t i = 0; i < ALL(wrong); i++)
        assert_answer(CALL(&g, wrong[i].call, wrong[i].bits, 5), INVALID, 0, 0, 0);
    guest_free(&g);
}

static void no_two_draws_are_the_same_whoever_makes_them(void **state)
{
    struct guest g, other;
    uint64_t seen[60];

    (void)state;
    guest_new(&g, 1);
    guest_another(&other, &g, 1);
    for (size_t i = 0; i < ALL(seen); i += 3) {
        struct guest *one = i % 2 == 0 ? &g : &other;
        struct vcpu *u = guest_vcpu(one, 0);

        u->x[0] = TRNG_RND64;
        u->x[1] = 192;
        guest_does(&g, trap_hvc(0));        /* it plays them both */
        assert_interrupted(guest_run(one, 0));
        memcpy(&seen[i], &u->x[1], 24);
        for (size_t k = 0; k < i; k++) {
            for (size_t n = i; n < i + 3; n++)
                assert_int_not_equal(seen[n], seen[k]);
        }
    }
    assert_ok(guest_destroy(&other));
    guest_free(&g);
}

/* A machine with no numbers but those that can be guessed says so, rather than have a guest take them for more. */
static void where_there_are_none_the_calls_do_not_exist(void **state)
{
    static const uint32_t call[] = { TRNG_VERSION, TRNG_FEATURES, TRNG_GET_UUID, TRNG_RND32, TRNG_RND64 };
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    sim_random(g.m->sim, false);
    for (size_t i = 0; i < ALL(call); i++)
        assert_answer(CALL(&g, call[i], 32, 7), NOT_SUPPORTED, 32, 7, 0);
    guest_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grant_lets_the_host_in_and_a_revoke_shuts_it_out),
        cmocka_unit_test(pages_that_cannot_be_granted_or_revoked_are_skipped_and_counted),
        cmocka_unit_test(grants_are_bounded_and_say_how_far_they_came),
        cmocka_unit_test(arguments_of_grant_revoke_and_relinquish_are_checked),
        cmocka_unit_test(what_a_guest_gives_back_is_the_hosts_and_zero),
        cmocka_unit_test(a_run_that_is_given_back_ends_with_its_section),
        cmocka_unit_test(what_a_guest_finds_there_later_is_new_and_zero),
        cmocka_unit_test(the_memory_of_others_is_untouched),
        cmocka_unit_test(holes_of_any_size_cost_a_few_calls),
        cmocka_unit_test(a_call_gives_back_so_many_pages_and_is_called_again_for_the_rest),
        cmocka_unit_test(a_block_is_given_back_in_parts),
        cmocka_unit_test(a_block_that_no_table_is_there_to_split_stays),
        cmocka_unit_test(devices_are_no_memory_to_give_back),
        cmocka_unit_test(pages_in_any_order_go_back),
        cmocka_unit_test(relinquish_refuses_a_vm_that_is_none),
        cmocka_unit_test(query_tells_what_is_at_an_address_and_how_often_it_is_granted),
        cmocka_unit_test(a_guest_learns_who_is_below_it),
        cmocka_unit_test(random_numbers_are_offered_as_the_convention_says),
        cmocka_unit_test(as_many_bits_are_random_as_were_asked_for),
        cmocka_unit_test(a_number_of_bits_that_cannot_be_is_refused),
        cmocka_unit_test(no_two_draws_are_the_same_whoever_makes_them),
        cmocka_unit_test(where_there_are_none_the_calls_do_not_exist),
        cmocka_unit_test(a_guest_is_told_what_its_cpu_needs),
        cmocka_unit_test(w0_names_the_call),
        cmocka_unit_test(calls_that_do_not_exist_change_x0_alone),
        cmocka_unit_test(a_guests_calls_keep_x4_and_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
