/* SPDX-License-Identifier: Apache-2.0 */
/* What a VM begins with: pages that are loaded, and the measurement, held against another SHA-256. docs/MEASUREMENT.md. */
#include "guest.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "guest/image.h"
#include "base/sha256.h"

/* ---- SHA-256 ---- */

static void digest_of(struct sha256 *s, uint8_t digest[32])
{
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t word = sha256_word(s, i / 2, i % 2);

        memcpy(digest + 8 * i, &word, 8);
    }
}

static void hash_blocks(const uint8_t *message, size_t blocks, size_t at_a_time, uint8_t digest[32])
{
    struct sha256 s;
    uint64_t words[64 * 8];

    sha256_init(&s);
    for (size_t i = 0; i < blocks; i += at_a_time) {
        size_t n = blocks - i < at_a_time ? blocks - i : at_a_time;

        memcpy(words, message + 64 * i, 64 * n);
        sha256_blocks(&s, words, n);
    }
    assert_int_equal(s.blocks, blocks);
    sha256_end(&s);
    digest_of(&s, digest);
}

static void digest_is(struct sha256 *s, const char *hex)
{
    uint8_t digest[32];

    digest_of(s, digest);
    for (int i = 0; i < 32; i++) {
        unsigned byte;

        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        assert_int_equal(digest[i], byte);
    }
}

/* Whole blocks, as another library hashes them. */
static void same_digest(const uint8_t *message, size_t blocks, size_t at_a_time)
{
    uint8_t want[32], got[32];

    crypto_hash_sha256(want, message, 64 * blocks);
    hash_blocks(message, blocks, at_a_time, got);
    assert_memory_equal(got, want, 32);
}

/* FIPS 180-4's own messages are no whole blocks: their last block, padded, is given as one, and compared with h[]. */
static void the_compression_of_the_standards_own_messages_is_right(void **state)
{
    static const struct {
        const char *message, *digest;
    } fips[] = {
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(fips[i].message);
        size_t blocks = (length + 9 + 63) / 64;
        uint8_t padded[128] = { 0 };
        struct sha256 s;

        memcpy(padded, fips[i].message, length);
        padded[length] = 0x80;
        padded[64 * blocks - 2] = (uint8_t)(8 * length >> 8);
        padded[64 * blocks - 1] = (uint8_t)(8 * length);
        sha256_init(&s);
        sha256_blocks(&s, (const uint64_t *)(void *)padded, blocks);
        digest_is(&s, fips[i].digest);
    }
}

static void whole_blocks_have_the_digest_that_another_library_gives_them(void **state)
{
    static uint8_t message[200 * 64];

    (void)state;
    randombytes_buf_deterministic(message, sizeof(message), (const uint8_t[randombytes_SEEDBYTES]){ 7 });
    for (size_t blocks = 0; blocks <= 200; blocks++)
        same_digest(message, blocks, 1 + blocks % 64);
    for (int value = 0; value < 256; value += 51) {
        memset(message, value, sizeof(message));
        same_digest(message, 200, 64);
    }
}

static void a_million_letters_a_have_the_standards_digest(void **state)
{
    uint8_t message[64];
    struct sha256 s;

    (void)state;
    memset(message, 'a', sizeof(message));
    sha256_init(&s);
    for (int i = 0; i < 1000000 / 64; i++)
        sha256_blocks(&s, (const uint64_t *)(void *)message, 1);
    sha256_end(&s);
    digest_is(&s, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void the_length_of_a_long_message_is_counted_in_64_bits(void **state)
{
    struct sha256 s;
    uint64_t last[8] = { 0x80 };
    struct sha256 want;

    (void)state;
    sha256_init(&s);
    s.blocks = UINT64_C(0x0000123456789abc);
    want = s;
    last[7] = __builtin_bswap64(s.blocks * 512);
    sha256_blocks(&want, last, 1);
    sha256_end(&s);
    assert_memory_equal(s.h, want.h, sizeof(s.h));
}

/* ---- what is expected of a measurement, by the library and the page that documents it ---- */

struct expected {
    crypto_hash_sha256_state hash;
};

static void record4(struct expected *e, const char kind[9], uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint8_t block[64] = { 0 };
    uint64_t number[4] = { a, b, c, d };

    memcpy(block, kind, 8);
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 8; k++)
            block[8 + 8 * i + k] = (uint8_t)(number[i] >> 8 * k);
    }
    crypto_hash_sha256_update(&e->hash, block, sizeof(block));
}

static void record(struct expected *e, const char kind[9], uint64_t a, uint64_t b, uint64_t c)
{
    record4(e, kind, a, b, c, 0);
}

static void measured_page(struct expected *e, uint64_t gpa, const uint64_t page[512])
{
    record(e, "CORDONPG", gpa, 0, 0);
    crypto_hash_sha256_update(&e->hash, (const uint8_t *)page, 4096);
}

static void expect_ram(struct expected *e)
{
    crypto_hash_sha256_init(&e->hash);
    record(e, "CORDONMM", GUEST_RAM, GUEST_RAM_SIZE, 0);
}

static void measurement_is(struct guest *g, struct expected *e)
{
    uint8_t want[32];

    crypto_hash_sha256_final(&e->hash, want);
    for (uint64_t half = 0; half < 2; half++) {
        struct regs host = HC(g->m, CORDON_CALL_VM_MEASUREMENT, g->handle, half);
        struct regs guest = guest_call(g, 0, CORDON_GUEST_MEASUREMENT, half, 0, 0, NULL);

        assert_int_equal(host.x[0], CORDON_OK);
        assert_int_equal(guest.x[0], CORDON_OK);
        assert_memory_equal(&host.x[1], want + 16 * half, 16);
        assert_memory_equal(&guest.x[1], want + 16 * half, 16);
    }
    assert_refused(g->m, CORDON_RANGE, HS(g->m, CORDON_CALL_VM_MEASUREMENT, g->handle, 2));
    assert_int_equal(guest_call(g, 0, CORDON_GUEST_MEASUREMENT, 2, 0, 0, NULL).x[0], CORDON_RANGE);
}

static void fill(struct guest *g, uint64_t frame, uint64_t salt, uint64_t page[512])
{
    for (uint64_t i = 0; i < 512; i++) {
        page[i] = (salt * 512 + i + 1) * UINT64_C(0x9e3779b97f4a7c15);
        write_at(g->m, 0, frame * PAGE + 8 * i, page[i]);
    }
}

/* One call: LOAD(g, gpa, frame, n) is its status, LOADED() all that it answers. */
#define LOADED(g, ...) HC((g)->m, CORDON_CALL_VM_LOAD, (g)->handle, __VA_ARGS__)
#define LOAD(g, ...) HS((g)->m, CORDON_CALL_VM_LOAD, (g)->handle, __VA_ARGS__)

/* One page, by as many calls as it takes; how many. */
static unsigned load_page(struct guest *g, uint64_t gpa, uint64_t frame)
{
    unsigned calls = 0;
    struct regs r;

    do {
        r = LOADED(g, gpa, frame, 1);
        assert_true(r.x[0] == CORDON_OK || r.x[0] == CORDON_AGAIN);
        assert_int_equal(r.x[1], r.x[0] == CORDON_OK ? 1 : 0);
        assert_true(++calls < 100);
    } while (r.x[0] == CORDON_AGAIN);
    return calls;
}

/* The VM has started: the measurement ends with where, and so does the test. */
static void measured_at_the_end(struct guest *g, struct expected *e, uint64_t vcpus)
{
    record(e, "CORDONVM", GUEST_ENTRY, GUEST_X0, vcpus);
    measurement_is(g, e);
    guest_free(g);
}

/* A VM of one vCPU is built, and beside it there is a page of the host's that is full of something; its frame. */
static uint64_t built_beside_page(struct guest *g, uint64_t page[512])
{
    uint64_t frame;

    guest_built(g, machine_small(), 1);
    frame = guest_frames(g, 1, 1);
    fill(g, frame, 9, page);
    return frame;
}

/* ---- measurement ---- */

static void an_empty_vm_is_measured_by_its_memory_and_its_start(void **state)
{
    struct guest g;
    struct expected e;

    (void)state;
    guest_built(&g, machine_small(), 3);
    assert_ok(HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, 0x1000, 0x3000));
    guest_start(&g);
    expect_ram(&e);
    record(&e, "CORDONMM", 0x1000, 0x3000, 0);
    measured_at_the_end(&g, &e, 3);
}

static void pages_are_measured_with_their_addresses_in_the_order_of_the_calls(void **state)
{
    uint64_t page[512];
    struct guest g;
    struct expected e;

    (void)state;
    guest_built(&g, machine_small(), 1);
    expect_ram(&e);
    for (uint64_t i = 0; i < 3; i++) {
        uint64_t frame = guest_frames(&g, 1, 1);
        uint64_t gpa = GUEST_RAM + (7 - 3 * i) * PAGE;

        fill(&g, frame, i, page);
        (void)load_page(&g, gpa, frame);
        measured_page(&e, gpa, page);
    }
    assert_ok(HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, 0, PAGE));
    record(&e, "CORDONMM", 0, PAGE, 0);
    guest_start(&g);
    measured_at_the_end(&g, &e, 1);
}

static void a_page_of_zeros_is_not_measured_and_one_with_a_single_bit_is(void **state)
{
    uint64_t page[512] = { 0 };
    struct guest g;
    struct expected e;
    uint64_t frame;

    (void)state;
    guest_built(&g, machine_small(), 1);
    frame = guest_frames(&g, 2, 1);
    expect_ram(&e);
    assert_int_equal(load_page(&g, GUEST_RAM, frame), 1);
    page[511] = UINT64_C(1) << 63;
    write_at(g.m, 0, (frame + 1) * PAGE + 511 * 8, page[511]);
    (void)load_page(&g, GUEST_RAM + PAGE, frame + 1);
    measured_page(&e, GUEST_RAM + PAGE, page);
    guest_start(&g);
    measured_at_the_end(&g, &e, 1);
}

static void host_call_again(struct guest *g, uint64_t call, uint64_t device, uint64_t window, uint64_t gpa)
{
    enum cordon_status status = CORDON_AGAIN;

    for (int i = 0; i < 100 && status == CORDON_AGAIN; i++)
        status = HS(g->m, call, g->handle, device, window, gpa);
    assert_int_equal(status, CORDON_OK);
}

/* Two devices of one kind are told apart by their numbers; a window counts once, however many calls it takes. */
static void devices_and_their_windows_are_measured(void **state)
{
    struct sim_config config = machine_config();
    uint64_t page[512];
    struct guest g;
    struct expected e;
    uint64_t frame;

    (void)state;
    config.dma = (struct cordon_dma){ 39, 0x7ff };
    guest_built(&g, machine_new(&config), 1);
    assert_true(sim_device(g.m->sim, &(struct sim_device){ .frame = 7, .id = 0x10421af4, .window = { { 0x90000, 1030 }, { 0xa0000, 1 } } }));
    assert_true(sim_device(g.m->sim, &(struct sim_device){ .frame = 9, .id = 0x10421af4, .reset = 3, .window = { [5] = { 0xb0000, 2 } } }));
    frame = guest_frames(&g, 1, 1);
    fill(&g, frame, 1, page);
    expect_ram(&e);
    host_call_again(&g, CORDON_CALL_DEVICE_ATTACH, 9, 0, 0);
    record(&e, "CORDONDV", 0, 0x10421af4, 0);
    host_call_again(&g, CORDON_CALL_DEVICE_ATTACH, 7, 0, 0);
    record(&e, "CORDONDV", 1, 0x10421af4, 0);
    assert_status(CORDON_MAPPED, HS(g.m, CORDON_CALL_DEVICE_MAP, g.handle, 7, 0, GUEST_RAM));
    host_call_again(&g, CORDON_CALL_DEVICE_MAP, 7, 0, 0xc000000);
    record4(&e, "CORDONDW", 1, 0, 0xc000000, 1030 * PAGE);
    host_call_again(&g, CORDON_CALL_DEVICE_MAP, 7, 0, 0xc000000);
    (void)load_page(&g, GUEST_RAM, frame);
    measured_page(&e, GUEST_RAM, page);
    host_call_again(&g, CORDON_CALL_DEVICE_MAP, 9, 5, 0xd000000);
    record4(&e, "CORDONDW", 0, 5, 0xd000000, 2 * PAGE);
    guest_start(&g);
    record(&e, "CORDONVM", GUEST_ENTRY, GUEST_X0, 1);
    measurement_is(&g, &e);
    assert_ok(HS(g.m, CORDON_CALL_VM_STOP, g.handle));
    host_call_again(&g, CORDON_CALL_DEVICE_DETACH, 7, 0, 0);
    host_call_again(&g, CORDON_CALL_DEVICE_DETACH, 9, 0, 0);
    guest_free(&g);
}

/* Else the record of one might be taken for a part of the other. */
static void memory_is_not_declared_within_a_page(void **state)
{
    uint64_t page[512];
    struct guest g;
    uint64_t frame = built_beside_page(&g, page);
    struct expected e;

    (void)state;
    expect_ram(&e);
    assert_status(CORDON_AGAIN, LOAD(&g, GUEST_RAM, frame, 1));
    assert_refused(g.m, CORDON_BUSY, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, 0x1000, 0x3000));
    (void)load_page(&g, GUEST_RAM, frame);
    measured_page(&e, GUEST_RAM, page);
    assert_ok(HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, 0x1000, 0x3000));
    record(&e, "CORDONMM", 0x1000, 0x3000, 0);
    guest_start(&g);
    measured_at_the_end(&g, &e, 1);
}

static void nothing_that_happens_after_the_start_changes_the_measurement(void **state)
{
    struct guest g;
    struct expected e;

    (void)state;
    guest_new(&g, 1);
    (void)guest_map(&g, GUEST_RAM, 4);
    write_at(g.m, g.id, GUEST_RAM, 7);
    expect_ram(&e);
    measured_at_the_end(&g, &e, 1);
}

static void a_slot_that_is_used_again_begins_its_measurement_anew(void **state)
{
    uint64_t page[512];
    struct guest g;
    struct expected e;
    uint64_t frame;

    (void)state;
    frame = built_beside_page(&g, page);
    (void)load_page(&g, GUEST_RAM, frame);
    assert_ok(guest_destroy(&g));
    guest_built(&g, g.m, 1);
    guest_start(&g);
    expect_ram(&e);
    measured_at_the_end(&g, &e, 1);
}

static void refusals_are_not_measured(void **state)
{
    uint64_t page[512];
    struct guest g;
    struct expected e;
    uint64_t frame;

    (void)state;
    frame = built_beside_page(&g, page);
    assert_refused(g.m, CORDON_NOT_MEMORY, LOAD(&g, GUEST_DEVICE, frame, 1));
    assert_refused(g.m, CORDON_MAPPED, HS(g.m, CORDON_CALL_VM_MEMORY, g.handle, GUEST_RAM, PAGE));
    assert_refused(g.m, CORDON_NOT_MEMORY, HS(g.m, CORDON_CALL_VM_START, g.handle, GUEST_DEVICE, 0));
    guest_start(&g);
    expect_ram(&e);
    measured_at_the_end(&g, &e, 1);
}

/* ---- loading ---- */

static void a_loaded_page_is_the_vms_with_its_contents_and_out_of_the_hosts_reach(void **state)
{
    uint64_t page[512];
    struct guest g;
    uint64_t frame;

    (void)state;
    frame = built_beside_page(&g, page);
    warm(g.m, 0, frame * PAGE);
    (void)load_page(&g, GUEST_RAM, frame);
    assert_record(g.m, frame, g.id, 0);
    assert_maps(g.m, g.id, GUEST_GFN, frame, 3);
    assert_true(is_gone(g.m, 0, frame * PAGE));
    for (uint64_t i = 0; i < 512; i++)
        assert_int_equal(read_uncached(g.m, g.id, GUEST_RAM + 8 * i), page[i]);
    guest_free(&g);
}

static void the_host_cannot_touch_a_page_from_the_first_call_on(void **state)
{
    uint64_t page[512];
    struct guest g;
    uint64_t frame;

    (void)state;
    frame = built_beside_page(&g, page);
    warm(g.m, 0, frame * PAGE);
    assert_status(CORDON_AGAIN, LOAD(&g, GUEST_RAM, frame, 1));
    assert_true(is_gone(g.m, 0, frame * PAGE));
    guest_free(&g);
}

static void a_page_in_work_comes_first(void **state)
{
    uint64_t page[512];
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_built(&g, machine_small(), 1);
    frame = guest_frames(&g, 4, 1);
    fill(&g, frame, 1, page);
    fill(&g, frame + 1, 2, page);
    assert_status(CORDON_AGAIN, LOAD(&g, GUEST_RAM, frame, 1));
    assert_refused(g.m, CORDON_BUSY, LOAD(&g, GUEST_RAM + PAGE, frame + 1, 1));
    assert_refused(g.m, CORDON_BUSY, LOAD(&g, GUEST_RAM, frame + 1, 1));
    assert_refused(g.m, CORDON_BUSY, LOAD(&g, GUEST_RAM + PAGE, frame, 1));
    assert_refused(g.m, CORDON_BUSY, LOAD(&g, GUEST_RAM + 2 * PAGE, frame + 3, 1));
    assert_refused(g.m, CORDON_BUSY, HS(g.m, CORDON_CALL_VM_START, g.handle, GUEST_ENTRY, 0));
    (void)load_page(&g, GUEST_RAM, frame);
    assert_status(CORDON_AGAIN, LOAD(&g, GUEST_RAM + PAGE, frame + 1, 1));
    guest_free(&g);
}

static void many_pages_are_loaded_one_after_the_other(void **state)
{
    uint64_t page[512];
    struct guest g;
    struct expected e;
    uint64_t frame;
    uint64_t done = 0;
    unsigned calls = 0;

    (void)state;
    guest_built(&g, machine_small(), 1);
    frame = guest_frames(&g, 5, 1);
    expect_ram(&e);
    for (uint64_t i = 0; i < 5; i++) {
        if (i == 2)
            continue;       /* zeros */
        fill(&g, frame + i, i, page);
        measured_page(&e, GUEST_RAM + (510 + i) * PAGE, page);
    }
    while (done < 5) {
        struct regs r = LOADED(&g, GUEST_RAM + (510 + done) * PAGE, frame + done, 5 - done);

        assert_true(r.x[0] == CORDON_AGAIN || r.x[0] == CORDON_OK);
        assert_in_range(r.x[1], 0, 1);
        done += r.x[1];
        assert_int_equal(r.x[0] == CORDON_OK, done == 5);
        assert_true(++calls <= 5 * 64);
    }
    guest_start(&g);
    measured_at_the_end(&g, &e, 1);
}

static void a_page_is_loaded_once(void **state)
{
    uint64_t page[512];
    struct guest g;
    uint64_t frame;

    (void)state;
    guest_built(&g, machine_small(), 1);
    frame = guest_frames(&g, 2, 1);
    fill(&g, frame, 1, page);
    (void)load_page(&g, GUEST_RAM, frame);
    assert_refused(g.m, CORDON_MAPPED, LOAD(&g, GUEST_RAM, frame, 1));
    assert_refused(g.m, CORDON_MAPPED, LOAD(&g, GUEST_RAM, frame + 1, 1));
    assert_refused(g.m, CORDON_GFN, LOAD(&g, GUEST_RAM + PAGE, frame, 1));
    guest_free(&g);
}

static void load_refuses_in_this_order(void **state)
{
    struct guest g;
    uint64_t end = GUEST_RAM + GUEST_RAM_SIZE;
    uint64_t shared = FRAME(3, 7);

    (void)state;
    guest_built(&g, machine_small(), 1);
    machine_pin(g.m, shared, true);
    assert_refused(g.m, CORDON_RANGE, LOAD(&g, UINT64_C(1) << 48, FRAME(3, 0), 0));
    assert_refused(g.m, CORDON_RANGE, LOAD(&g, GUEST_RAM, g.m->c->pfn_limit, 1));
    assert_refused(g.m, CORDON_RANGE, LOAD(&g, GUEST_RAM, FRAME(3, 0), UINT64_MAX));
    assert_refused(g.m, CORDON_EMPTY, LOAD(&g, GUEST_RAM + 1, FRAME(3, 0), 0));
    assert_refused(g.m, CORDON_UNALIGNED, LOAD(&g, GUEST_DEVICE + 8, FRAME(3, 0), 1));
    assert_refused(g.m, CORDON_NOT_MEMORY, LOAD(&g, GUEST_DEVICE, FRAME(3, 0), 1));
    assert_refused(g.m, CORDON_NOT_MEMORY, LOAD(&g, end - PAGE, FRAME(3, 0), 2));
    assert_refused(g.m, CORDON_OWNED, LOAD(&g, GUEST_RAM, CORE_FRAME, 1));
    assert_refused(g.m, CORDON_OWNED, LOAD(&g, GUEST_RAM, guest_vm(&g)->vcpu_row[0], 1));
    assert_refused(g.m, CORDON_OWNED, LOAD(&g, GUEST_RAM, DEVICE_PA / PAGE, 1));
    assert_refused(g.m, CORDON_SHARED, LOAD(&g, GUEST_RAM, shared, 1));
    machine_pin(g.m, shared, false);
    guest_free(&g);
}

static void load_needs_tables(void **state)
{
    struct machine *m = machine_small();
    uint64_t handle = HC(m, CORDON_CALL_VM_CREATE, FRAME(1, 0), 1).x[1];

    (void)state;
    assert_ok(HS(m, CORDON_CALL_VM_MEMORY, handle, GUEST_RAM, GUEST_RAM_SIZE));
    assert_refused(m, CORDON_NO_MEMORY, HS(m, CORDON_CALL_VM_LOAD, handle, GUEST_RAM, FRAME(3, 0), 1));
    assert_ok(HS(m, CORDON_CALL_VM_DONATE, handle, FRAME(1, 1), 2));
    assert_refused(m, CORDON_NO_MEMORY, HS(m, CORDON_CALL_VM_LOAD, handle, GUEST_RAM, FRAME(3, 0), 1));
    assert_ok(HS(m, CORDON_CALL_VM_DONATE, handle, FRAME(1, 3), 1));
    assert_ok(HS(m, CORDON_CALL_VM_LOAD, handle, GUEST_RAM, FRAME(3, 0), 1));
    machine_free(m);
}

static void a_vm_with_a_page_in_work_can_be_destroyed(void **state)
{
    uint64_t page[512];
    struct guest g;
    uint64_t frame;

    (void)state;
    frame = built_beside_page(&g, page);
    assert_status(CORDON_AGAIN, LOAD(&g, GUEST_RAM, frame, 1));
    assert_ok(guest_destroy(&g));
    assert_int_equal(read_uncached(g.m, 0, frame * PAGE), 0);
    guest_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_compression_of_the_standards_own_messages_is_right),
        cmocka_unit_test(whole_blocks_have_the_digest_that_another_library_gives_them),
        cmocka_unit_test(a_million_letters_a_have_the_standards_digest),
        cmocka_unit_test(the_length_of_a_long_message_is_counted_in_64_bits),
        cmocka_unit_test(an_empty_vm_is_measured_by_its_memory_and_its_start),
        cmocka_unit_test(pages_are_measured_with_their_addresses_in_the_order_of_the_calls),
        cmocka_unit_test(a_page_of_zeros_is_not_measured_and_one_with_a_single_bit_is),
        cmocka_unit_test(devices_and_their_windows_are_measured),
        cmocka_unit_test(memory_is_not_declared_within_a_page),
        cmocka_unit_test(nothing_that_happens_after_the_start_changes_the_measurement),
        cmocka_unit_test(a_slot_that_is_used_again_begins_its_measurement_anew),
        cmocka_unit_test(refusals_are_not_measured),
        cmocka_unit_test(a_loaded_page_is_the_vms_with_its_contents_and_out_of_the_hosts_reach),
        cmocka_unit_test(the_host_cannot_touch_a_page_from_the_first_call_on),
        cmocka_unit_test(a_page_in_work_comes_first),
        cmocka_unit_test(many_pages_are_loaded_one_after_the_other),
        cmocka_unit_test(a_page_is_loaded_once),
        cmocka_unit_test(load_refuses_in_this_order),
        cmocka_unit_test(load_needs_tables),
        cmocka_unit_test(a_vm_with_a_page_in_work_can_be_destroyed),
    };

    return sodium_init() < 0 ? 2 : cmocka_run_group_tests(tests, NULL, NULL);
}
