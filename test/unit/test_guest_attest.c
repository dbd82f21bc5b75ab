/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation: what a guest may ask for, what the keeper alone is told and may answer. <cordon/abi.h>, docs/ATTESTATION.md. */
#include "guest.h"

#include <sodium.h>
#include <string.h>

#include "base/sha256.h"
#include "guest/attest.h"

#define ALL(a) (sizeof(a) / sizeof((a)[0]))
#define NOT_SUPPORTED ((uint64_t)-1)
#define CHAIN 201
#define SLOTS 40             /* of which a call looks at 16 */

/* Two guests that are alike, and two keepers, which have another number of vCPUs and so another measurement. */
struct world {
    struct guest g, other, keeper, second;
    struct attest_root root;
    uint64_t known[4], serving;
    uint8_t secret[ATTEST_SECRET], seal[ATTEST_SECRET], chain[CHAIN];
};

/* By vCPU 0 of `who`. g plays them all. */
#define DO(w, who, ...) guest_calls(&(w)->g, (who), (struct guest_call){ { __VA_ARGS__ } })
#define STATUS(w, who, ...) (DO(w, who, __VA_ARGS__).x[0])

/* A call that there is not: x0 says so, all else is as it was. */
static void is_none(struct world *w, struct guest *who, uint32_t function, int line)
{
    struct guest_call c = { { function, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17 } };
    struct guest_call after = guest_calls(&w->g, who, c);

    c.x[0] = NOT_SUPPORTED;
    if (memcmp(&after, &c, sizeof c) != 0)
        _fail(__FILE__, line);
}
#define assert_none(w, who, function) is_none((w), (who), (function), __LINE__)

static void world_new(struct world *w)
{
    struct sim_config config = machine_config();

    config.vms = SLOTS;
    guest_built(&w->g, machine_new(&config), 1);
    guest_start(&w->g);
    guest_another(&w->other, &w->g, 1);
    guest_another(&w->keeper, &w->g, 2);
    guest_another(&w->second, &w->g, 2);
    for (uint32_t i = 0; i < 4; i++)
        w->known[i] = sha256_word(&guest_vm(&w->keeper)->image.hash, i / 2, i % 2);
    for (unsigned i = 0; i < CHAIN; i++)
        w->chain[i] = (uint8_t)(100 + 7 * i);
    for (unsigned i = 0; i < ATTEST_SECRET; i++)
        w->secret[i] = (uint8_t)(0xa0 + i), w->seal[i] = (uint8_t)(0x30 + i);
    w->serving = 0;
    w->root = (struct attest_root){ w->secret, w->seal, w->chain, CHAIN, w->known, &w->serving };
    sim_attest_root(w->g.m->sim, &w->root);
}

static void world_free(struct world *w)
{
    struct guest *all[] = { &w->other, &w->keeper, &w->second };

    for (size_t i = 0; i < ALL(all); i++) {
        enum cordon_status status = guest_destroy(all[i]);

        assert_true(status == CORDON_OK || status == CORDON_NO_VM);
    }
    guest_free(&w->g);
}

static void ask(struct world *w, struct guest *who, uint64_t first)
{
    struct guest_call c = { { CORDON_GUEST_TOKEN_ASK } };

    for (uint64_t i = 0; i < 8; i++)
        c.x[1 + i] = first + i;
    c = guest_calls(&w->g, who, c);
    assert_int_equal(c.x[0], CORDON_OK);
}

static uint64_t begin(struct world *w, struct guest *who)
{
    return STATUS(w, who, CORDON_KEEPER_BEGIN);
}

/* The request that waits, from slot 0 on. False: none does. */
static bool next(struct world *w, struct guest *keeper, uint64_t *guest, uint64_t *number)
{
    struct guest_call c = { { CORDON_KEEPER_NEXT } };

    do {
        c = guest_calls(&w->g, keeper, (struct guest_call){ { CORDON_KEEPER_NEXT, c.x[1] } });
    } while (c.x[0] == CORDON_AGAIN && c.x[1] != 0);
    *guest = c.x[2];
    *number = c.x[3];
    return c.x[0] == CORDON_OK;
}

/* A piece of a token whose byte i is i + 1. */
static uint64_t write_piece(struct world *w, uint64_t guest, uint64_t number, uint64_t offset, uint64_t size)
{
    struct guest_call c = { { CORDON_KEEPER_WRITE, guest, number, offset, size } };
    uint8_t byte[CORDON_TOKEN_PIECE];

    for (uint64_t i = 0; i < sizeof byte; i++)
        byte[i] = (uint8_t)(offset + i + 1);
    memcpy(&c.x[5], byte, sizeof byte);
    return guest_calls(&w->g, &w->keeper, c).x[0];
}

static void sign(struct world *w, struct guest *who, uint64_t size)
{
    uint64_t guest, number;

    assert_true(next(w, &w->keeper, &guest, &number));
    assert_int_equal(guest, who->handle);
    for (uint64_t at = 0; at < size; at += CORDON_TOKEN_PIECE)
        assert_int_equal(write_piece(w, guest, number, at, size), CORDON_OK);
}

static uint64_t token_status(struct world *w, struct guest *who)
{
    return STATUS(w, who, CORDON_GUEST_ANSWER_READ);
}

/* ---- whether there is anything ---- */

static void without_a_root_of_trust_none_of_the_calls_exists(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    sim_attest_root(w.g.m->sim, NULL);
    for (uint32_t f = CORDON_GUEST_TOKEN_ASK; f <= CORDON_KEEPER_WRITE; f++) {
        assert_none(&w, &w.g, f);
        assert_none(&w, &w.keeper, f);
    }
    world_free(&w);
}

static void a_guest_with_another_measurement_has_none_of_the_keepers_calls(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    ask(&w, &w.other, 1);
    for (uint32_t f = CORDON_KEEPER_BEGIN; f <= CORDON_KEEPER_WRITE; f++)
        assert_none(&w, &w.g, f);
    assert_int_equal(begin(&w, &w.keeper), CORDON_OK);
    for (uint32_t f = CORDON_KEEPER_BEGIN; f <= CORDON_KEEPER_WRITE; f++)
        assert_none(&w, &w.g, f);
    /* Each bit of the measurement counts. */
    for (unsigned i = 0; i < 256; i++) {
        w.known[i / 64] ^= UINT64_C(1) << i % 64;
        assert_none(&w, &w.keeper, CORDON_KEEPER_BEGIN);
        w.known[i / 64] ^= UINT64_C(1) << i % 64;
    }
    world_free(&w);
}

/* ---- the keeper ---- */

static void the_keeper_is_given_the_secret_and_what_a_token_ends_with(void **state)
{
    struct world w;
    struct guest_call c;

    (void)state;
    world_new(&w);
    c = DO(&w, &w.keeper, CORDON_KEEPER_BEGIN);
    assert_int_equal(c.x[0], CORDON_OK);
    assert_memory_equal(&c.x[1], w.secret, ATTEST_SECRET);
    assert_memory_equal(&c.x[5], w.seal, ATTEST_SECRET);
    assert_int_equal(c.x[9], CHAIN);
    assert_int_equal(begin(&w, &w.keeper), CORDON_OK);      /* once more: it is the same one */
    world_free(&w);
}

static void there_is_one_keeper_at_a_time(void **state)
{
    struct world w;
    uint64_t guest, number;
    struct guest_call c;

    (void)state;
    world_new(&w);
    ask(&w, &w.g, 1);
    for (uint32_t f = CORDON_KEEPER_NEXT; f <= CORDON_KEEPER_WRITE; f++)
        assert_int_equal(STATUS(&w, &w.keeper, f, w.g.handle, 1, 0, 96), CORDON_STATE);
    assert_int_equal(begin(&w, &w.keeper), CORDON_OK);
    c = DO(&w, &w.second, CORDON_KEEPER_BEGIN);
    assert_int_equal(c.x[0], CORDON_BUSY);
    for (int i = 1; i < 4; i++)
        assert_int_equal(c.x[i], 0);
    assert_memory_not_equal(&c.x[1], w.secret, 8);
    for (uint32_t f = CORDON_KEEPER_NEXT; f <= CORDON_KEEPER_WRITE; f++)
        assert_int_equal(STATUS(&w, &w.second, f, w.g.handle, 1, 0, 96), CORDON_STATE);
    /* Another follows once the first has stopped, and goes on with what waits. */
    assert_true(next(&w, &w.keeper, &guest, &number));
    assert_int_equal(write_piece(&w, guest, number, 0, 192), CORDON_OK);
    assert_ok(HS(w.g.m, CORDON_CALL_VM_STOP, w.keeper.handle));
    assert_int_equal(token_status(&w, &w.g), CORDON_NO_VM);
    assert_int_equal(begin(&w, &w.second), CORDON_OK);
    assert_int_equal(token_status(&w, &w.g), CORDON_AGAIN);
    assert_true(next(&w, &w.second, &guest, &number));
    assert_int_equal(guest, w.g.handle);
    world_free(&w);
}

static void another_keeper_may_follow_one_that_is_gone(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    assert_int_equal(begin(&w, &w.keeper), CORDON_OK);
    assert_ok(guest_destroy(&w.keeper));
    assert_int_equal(begin(&w, &w.second), CORDON_OK);
    world_free(&w);
}

static void it_looks_at_all_slots_and_at_a_few_in_a_call(void **state)
{
    struct world w;
    struct guest_call c = { { 0 } };
    unsigned found = 0;

    (void)state;
    world_new(&w);
    assert_int_equal(begin(&w, &w.keeper), CORDON_OK);
    for (uint64_t at = 0; at < SLOTS; at += 16) {
        c = DO(&w, &w.keeper, CORDON_KEEPER_NEXT, at);
        assert_int_equal(c.x[0], CORDON_AGAIN);
        assert_int_equal(c.x[1], at + 16 < SLOTS ? at + 16 : 0);
        assert_int_equal(c.x[2], 0);
        assert_int_equal(c.x[3], 0);
    }
    ask(&w, &w.g, 1);
    ask(&w, &w.other, 1);
    ask(&w, &w.keeper, 1);
    c.x[1] = 0;
    do {
        uint64_t from = c.x[1];

        c = DO(&w, &w.keeper, CORDON_KEEPER_NEXT, from);
        assert_true(c.x[1] == 0 || (c.x[1] > from && c.x[1] <= from + 16));
        found += c.x[0] == CORDON_OK;
    } while (c.x[1] != 0);
    assert_int_equal(found, 3);
    c = DO(&w, &w.keeper, CORDON_KEEPER_NEXT, UINT64_MAX);
    assert_int_equal(c.x[0], CORDON_AGAIN);
    assert_int_equal(c.x[1], 0);
    world_free(&w);
}

static void it_is_told_what_is_to_be_said_of_a_guest(void **state)
{
    struct world w;
    uint64_t guest, number;
    struct guest_call c;

    (void)state;
    world_new(&w);
    assert_int_equal(begin(&w, &w.keeper), CORDON_OK);
    assert_int_equal(STATUS(&w, &w.other, CORDON_GUEST_EXTEND, 3, 9, 9, 9, 9), CORDON_OK);
    ask(&w, &w.other, 1000);
    assert_true(next(&w, &w.keeper, &guest, &number));
    assert_int_equal(guest, w.other.handle);
    c = DO(&w, &w.keeper, CORDON_KEEPER_READ, guest, number, 0);
    assert_int_equal(c.x[0], CORDON_OK);
    for (uint64_t i = 0; i < 16; i++)
        assert_int_equal(c.x[1 + i], i < 8 ? 1000 + i : 0);
    c = DO(&w, &w.keeper, CORDON_KEEPER_READ, guest, number, 1);
    assert_int_equal(c.x[0], CORDON_OK);
    for (uint64_t i = 0; i < 12; i++)
        assert_int_equal(c.x[1 + i], 0);
    assert_memory_equal(&c.x[13], guest_vcpu(&w.other, 0)->attest.extended[3], 32);
    assert_int_not_equal(c.x[13], 0);
    c = DO(&w, &w.keeper, CORDON_KEEPER_READ, guest, number, 2);
    assert_int_equal(c.x[0], CORDON_OK);
    for (uint32_t i = 0; i < 16; i++)
        assert_int_equal(c.x[1 + i], i < 4 ? sha256_word(&guest_vm(&w.other)->image.hash, i / 2, i % 2) : 0);
    assert_int_equal(STATUS(&w, &w.keeper, CORDON_KEEPER_READ, guest, number, 3), CORDON_RANGE);
    assert_int_equal(STATUS(&w, &w.keeper, CORDON_KEEPER_READ, guest, number, UINT64_MAX), CORDON_RANGE);
    world_free(&w);
}

static void the_host_personalises_a_guest_before_it_starts(void **state)
{
    struct world w;
    uint64_t guest, number, tables;
    struct regs r = { { CORDON_CALL_VM_PERSONAL } };
    struct guest built = { 0 };
    struct guest_call c;

    (void)state;
    world_new(&w);
    assert_int_equal(begin(&w, &w.keeper), CORDON_OK);
    for (uint64_t i = 0; i < 8; i++)
        r.x[2 + i] = 0x9e00 + i;
    r.x[1] = w.other.handle;
    assert_int_equal(host_call(w.g.m, r).x[0], CORDON_STATE);       /* it runs */
    built = (struct guest){ .m = w.g.m, .next = w.g.next };
    r.x[1] = built.handle = HC(w.g.m, CORDON_CALL_VM_CREATE, guest_frames(&built, 16, 16), 1).x[1];
    built.id = (uint32_t)(built.handle % 65536);
    assert_int_equal(host_call(w.g.m, r).x[0], CORDON_NO_VCPU);
    tables = guest_frames(&built, 16, 16);
    assert_ok(HS(w.g.m, CORDON_CALL_VM_DONATE, built.handle, tables, 16));
    assert_ok(HS(w.g.m, CORDON_CALL_VM_MEMORY, built.handle, GUEST_RAM, GUEST_RAM_SIZE));
    assert_ok(HS(w.g.m, CORDON_CALL_VCPU_CREATE, built.handle, 0, guest_frames(&built, 1, 1)));
    assert_int_equal(host_call(w.g.m, r).x[0], CORDON_OK);
    guest_start(&built);
    assert_memory_equal(guest_vm(&built)->image.hash.h, guest_vm(&w.other)->image.hash.h, 32);      /* it is not measured */
    ask(&w, &built, 1);
    assert_true(next(&w, &w.keeper, &guest, &number));
    assert_int_equal(guest, built.handle);
    c = DO(&w, &w.keeper, CORDON_KEEPER_READ, guest, number, 0);
    for (uint64_t i = 0; i < 16; i++)
        assert_int_equal(c.x[1 + i], i < 8 ? 1 + i : 0x9e00 + i - 8);
    r.x[1] = 0;
    assert_int_equal(host_call(w.g.m, r).x[0], CORDON_NO_VM);
    assert_ok(guest_destroy(&built));
    world_free(&w);
}

static void it_is_told_of_nobody_who_has_not_asked(void **state)
{
    struct world w;
    uint64_t guest, number;

    (void)state;
    world_new(&w);
    assert_int_equal(begin(&w, &w.keeper), CORDON_OK);
    assert_int_equal(STATUS(&w, &w.keeper, CORDON_KEEPER_READ, w.other.handle, 0, 0), CORDON_STATE);
    assert_int_equal(write_piece(&w, w.other.handle, 0, 0, 96), CORDON_STATE);
    ask(&w, &w.other, 1);
    assert_true(next(&w, &w.keeper, &guest, &number));
    for (uint64_t wrong = number - 1; wrong <= number + 1; wrong += 2) {
        assert_int_equal(STATUS(&w, &w.keeper, CORDON_KEEPER_READ, guest, wrong, 0), CORDON_STATE);
        assert_int_equal(write_piece(&w, guest, wrong, 0, 96), CORDON_STATE);
    }
    assert_int_equal(STATUS(&w, &w.keeper, CORDON_KEEPER_READ, guest % 65536, number, 0), CORDON_NO_VM);
    assert_int_equal(STATUS(&w, &w.keeper, CORDON_KEEPER_READ, guest + 65536, number, 0), CORDON_NO_VM);
    assert_int_equal(STATUS(&w, &w.keeper, CORDON_KEEPER_READ, w.g.handle, number, 0), CORDON_STATE);
    assert_ok(HS(w.g.m, CORDON_CALL_VM_STOP, w.other.handle));
    assert_int_equal(STATUS(&w, &w.keeper, CORDON_KEEPER_READ, guest, number, 0), CORDON_STATE);
    assert_false(next(&w, &w.keeper, &guest, &number));
    world_free(&w);
}

static void a_slots_next_guest_has_asked_for_nothing(void **state)
{
    struct world w;
    uint64_t guest, number, old_guest, old_number;
    struct guest again;

    (void)state;
    world_new(&w);
    assert_int_equal(begin(&w, &w.keeper), CORDON_OK);
    assert_int_equal(STATUS(&w, &w.other, CORDON_GUEST_EXTEND, 0, 1, 2, 3, 4), CORDON_OK);
    ask(&w, &w.other, 1);
    assert_true(next(&w, &w.keeper, &old_guest, &old_number));
    assert_ok(guest_destroy(&w.other));
    guest_another(&again, &w.g, 1);
    assert_int_equal(again.id, w.other.id);
    assert_false(next(&w, &w.keeper, &guest, &number));
    assert_int_equal(STATUS(&w, &w.keeper, CORDON_KEEPER_READ, old_guest, old_number, 0), CORDON_NO_VM);
    assert_int_equal(write_piece(&w, old_guest, old_number, 0, 96), CORDON_NO_VM);
    assert_int_equal(token_status(&w, &again), CORDON_STATE);
    for (int i = 0; i < 4; i++)
        assert_int_equal(guest_vcpu(&again, 0)->attest.extended[0][i], 0);
    assert_ok(guest_destroy(&again));
    world_free(&w);
}

/* ---- what comes of it ---- */

static void a_token_comes_in_pieces_and_ends_with_the_chain(void **state)
{
    static const uint64_t sizes[] = { 1, 95, 96, 97, 500, CORDON_TOKEN_MOST - 1, CORDON_TOKEN_MOST };
    struct world w;

    (void)state;
    world_new(&w);
    assert_int_equal(begin(&w, &w.keeper), CORDON_OK);
    for (size_t k = 0; k < ALL(sizes); k++) {
        uint64_t all = sizes[k] + CHAIN;

        ask(&w, &w.other, k);
        sign(&w, &w.other, sizes[k]);
        for (uint64_t at = 0; at < all; at += at % 96 == 0 ? 1 : 95) {
            struct guest_call c = DO(&w, &w.other, CORDON_GUEST_ANSWER_READ, at);
            uint8_t byte[CORDON_TOKEN_PIECE];

            assert_int_equal(c.x[0], CORDON_OK);
            assert_int_equal(c.x[1], all);
            memcpy(byte, &c.x[2], sizeof byte);
            for (uint64_t i = 0; i < sizeof byte; i++) {
                uint64_t place = at + i;

                assert_int_equal(byte[i], place < sizes[k] ? (uint8_t)(place + 1) : place < all ? w.chain[place - sizes[k]] : 0);
            }
        }
        assert_int_equal(STATUS(&w, &w.other, CORDON_GUEST_ANSWER_READ, all), CORDON_RANGE);
        assert_int_equal(STATUS(&w, &w.other, CORDON_GUEST_ANSWER_READ, UINT64_MAX), CORDON_RANGE);
        assert_int_equal(token_status(&w, &w.g), CORDON_STATE);     /* it is nobody else's */
    }
    world_free(&w);
}

static void a_key_is_asked_for_by_kind_and_comes_without_the_chain(void **state)
{
    struct world w;
    uint64_t guest, number;
    struct guest_call c;

    (void)state;
    world_new(&w);
    assert_int_equal(begin(&w, &w.keeper), CORDON_OK);
    for (uint64_t kind = 0; kind < 2; kind++) {
        uint8_t byte[CORDON_TOKEN_PIECE];

        ask(&w, &w.other, 1000);        /* whose nonce is gone then */
        assert_int_equal(STATUS(&w, &w.other, CORDON_GUEST_KEY_ASK, kind, 21, 22, 23, 24, 25), CORDON_OK);
        assert_true(next(&w, &w.keeper, &guest, &number));
        c = DO(&w, &w.keeper, CORDON_KEEPER_READ, guest, number, 0);
        for (uint64_t i = 0; i < 16; i++)
            assert_int_equal(c.x[1 + i], i < 4 ? 21 + i : 0);
        c = DO(&w, &w.keeper, CORDON_KEEPER_READ, guest, number, 2);
        assert_int_equal(c.x[7], CORDON_WANTS_KEY + kind);
        assert_int_equal(write_piece(&w, guest, number, 0, 32), CORDON_OK);
        c = DO(&w, &w.other, CORDON_GUEST_ANSWER_READ, 0);
        assert_int_equal(c.x[0], CORDON_OK);
        assert_int_equal(c.x[1], 32);
        memcpy(byte, &c.x[2], sizeof byte);
        for (uint64_t i = 0; i < sizeof byte; i++)
            assert_int_equal(byte[i], i < 32 ? i + 1 : 0);
        assert_int_equal(STATUS(&w, &w.other, CORDON_GUEST_ANSWER_READ, 32), CORDON_RANGE);
    }
    ask(&w, &w.other, 1000);
    assert_int_equal(STATUS(&w, &w.other, CORDON_GUEST_KEY_ASK, 2, 1), CORDON_RANGE);
    assert_int_equal(STATUS(&w, &w.other, CORDON_GUEST_KEY_ASK, UINT64_MAX, 1), CORDON_RANGE);
    assert_true(next(&w, &w.keeper, &guest, &number));
    assert_int_equal(DO(&w, &w.keeper, CORDON_KEEPER_READ, guest, number, 0).x[1], 1000);       /* a refusal changes nothing */
    assert_int_equal(DO(&w, &w.keeper, CORDON_KEEPER_READ, guest, number, 2).x[7], CORDON_WANTS_TOKEN);
    world_free(&w);
}

static void who_waits_is_told_whether_somebody_signs(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    assert_int_equal(token_status(&w, &w.g), CORDON_STATE);
    ask(&w, &w.g, 1);
    assert_int_equal(token_status(&w, &w.g), CORDON_NO_VM);
    assert_int_equal(begin(&w, &w.keeper), CORDON_OK);
    assert_int_equal(token_status(&w, &w.g), CORDON_AGAIN);
    sign(&w, &w.g, 100);
    assert_int_equal(token_status(&w, &w.g), CORDON_OK);
    assert_ok(guest_destroy(&w.keeper));
    assert_int_equal(token_status(&w, &w.g), CORDON_OK);    /* a token that is there stays */
    ask(&w, &w.g, 2);
    assert_int_equal(token_status(&w, &w.g), CORDON_NO_VM);
    world_free(&w);
}

static void half_a_token_is_none(void **state)
{
    struct world w;
    uint64_t guest, number;

    (void)state;
    world_new(&w);
    assert_int_equal(begin(&w, &w.keeper), CORDON_OK);
    ask(&w, &w.g, 1);
    assert_true(next(&w, &w.keeper, &guest, &number));
    assert_int_equal(write_piece(&w, guest, number, 0, 193), CORDON_OK);
    assert_int_equal(write_piece(&w, guest, number, 96, 193), CORDON_OK);
    assert_int_equal(token_status(&w, &w.g), CORDON_AGAIN);
    assert_int_equal(write_piece(&w, guest, number, 192, 193), CORDON_OK);
    assert_int_equal(token_status(&w, &w.g), CORDON_OK);
    assert_int_equal(write_piece(&w, guest, number, 0, 193), CORDON_STATE);     /* it is signed */
    world_free(&w);
}

static void pieces_come_one_behind_the_other_and_find_room(void **state)
{
    struct world w;
    uint64_t guest, number;
    struct attest before;

    (void)state;
    world_new(&w);
    assert_int_equal(begin(&w, &w.keeper), CORDON_OK);
    ask(&w, &w.g, 1);
    assert_true(next(&w, &w.keeper, &guest, &number));
    assert_int_equal(write_piece(&w, guest, number, 0, 500), CORDON_OK);
    before = guest_vcpu(&w.g, 0)->attest;
    assert_int_equal(write_piece(&w, guest, number, 0, 500), CORDON_RANGE);
    assert_int_equal(write_piece(&w, guest, number, 95, 500), CORDON_RANGE);
    assert_int_equal(write_piece(&w, guest, number, 192, 500), CORDON_RANGE);
    assert_int_equal(write_piece(&w, guest, number, UINT64_C(1) << 32 | 96, 500), CORDON_RANGE);
    assert_int_equal(write_piece(&w, guest, number, 96, 499), CORDON_RANGE);
    assert_int_equal(write_piece(&w, guest, number, 96, 0), CORDON_RANGE);
    assert_memory_equal(&before, &guest_vcpu(&w.g, 0)->attest, sizeof before);
    ask(&w, &w.g, 1);
    assert_true(next(&w, &w.keeper, &guest, &number));
    assert_int_equal(write_piece(&w, guest, number, 0, 0), CORDON_RANGE);
    assert_int_equal(write_piece(&w, guest, number, 0, CORDON_TOKEN_MOST + 1), CORDON_RANGE);
    assert_int_equal(write_piece(&w, guest, number, 0, UINT64_C(1) << 32 | 96), CORDON_RANGE);
    sign(&w, &w.g, CORDON_TOKEN_MOST);
    world_free(&w);
}

static void what_was_asked_before_is_not_answered(void **state)
{
    struct world w;
    uint64_t guest, number;

    (void)state;
    world_new(&w);
    assert_int_equal(begin(&w, &w.keeper), CORDON_OK);
    ask(&w, &w.g, 1);
    assert_true(next(&w, &w.keeper, &guest, &number));
    assert_int_equal(write_piece(&w, guest, number, 0, 192), CORDON_OK);
    ask(&w, &w.g, 2);
    assert_int_equal(write_piece(&w, guest, number, 96, 192), CORDON_STATE);
    assert_int_equal(token_status(&w, &w.g), CORDON_AGAIN);
    assert_true(next(&w, &w.keeper, &guest, &number));
    assert_int_equal(DO(&w, &w.keeper, CORDON_KEEPER_READ, guest, number, 0).x[1], 2);
    sign(&w, &w.g, 192);
    ask(&w, &w.g, 3);
    assert_int_equal(token_status(&w, &w.g), CORDON_AGAIN);     /* the old token is gone too */
    world_free(&w);
}

/* ---- the guest's own measurements ---- */

static void a_measurement_is_the_hash_of_itself_and_what_it_is_extended_by(void **state)
{
    struct world w;
    uint8_t want[4][32] = { { 0 } };

    (void)state;
    world_new(&w);
    for (uint64_t i = 0; i < 12; i++) {
        uint64_t which = i * 7 % 4, with[4] = { i, ~i, i << 40, 5 };
        uint8_t message[64];

        memcpy(message, want[which], 32);
        memcpy(message + 32, with, 32);
        crypto_hash_sha256(want[which], message, sizeof message);
        assert_int_equal(STATUS(&w, &w.g, CORDON_GUEST_EXTEND, which, with[0], with[1], with[2], with[3]), CORDON_OK);
        assert_memory_equal(guest_vcpu(&w.g, 0)->attest.extended, want, sizeof want);
    }
    assert_int_equal(STATUS(&w, &w.g, CORDON_GUEST_EXTEND, 4, 1, 2, 3, 4), CORDON_RANGE);
    assert_int_equal(STATUS(&w, &w.g, CORDON_GUEST_EXTEND, UINT64_MAX, 1, 2, 3, 4), CORDON_RANGE);
    assert_memory_equal(guest_vcpu(&w.g, 0)->attest.extended, want, sizeof want);
    world_free(&w);
}

static void a_token_says_what_was_extended_before_it_was_signed(void **state)
{
    struct world w;
    uint64_t guest, number;

    (void)state;
    world_new(&w);
    assert_int_equal(begin(&w, &w.keeper), CORDON_OK);
    ask(&w, &w.g, 1);
    assert_true(next(&w, &w.keeper, &guest, &number));
    assert_int_equal(write_piece(&w, guest, number, 0, 192), CORDON_OK);
    assert_int_equal(STATUS(&w, &w.g, CORDON_GUEST_EXTEND, 0, 1, 2, 3, 4), CORDON_OK);
    assert_int_equal(write_piece(&w, guest, number, 96, 192), CORDON_STATE);    /* that was said of before */
    sign(&w, &w.g, 192);
    assert_int_equal(STATUS(&w, &w.g, CORDON_GUEST_EXTEND, 0, 1, 2, 3, 4), CORDON_OK);
    assert_int_equal(token_status(&w, &w.g), CORDON_OK);
    assert_false(next(&w, &w.keeper, &guest, &number));
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_root_of_trust_none_of_the_calls_exists),
        cmocka_unit_test(a_guest_with_another_measurement_has_none_of_the_keepers_calls),
        cmocka_unit_test(the_keeper_is_given_the_secret_and_what_a_token_ends_with),
        cmocka_unit_test(there_is_one_keeper_at_a_time),
        cmocka_unit_test(another_keeper_may_follow_one_that_is_gone),
        cmocka_unit_test(it_looks_at_all_slots_and_at_a_few_in_a_call),
        cmocka_unit_test(it_is_told_what_is_to_be_said_of_a_guest),
        cmocka_unit_test(the_host_personalises_a_guest_before_it_starts),
        cmocka_unit_test(it_is_told_of_nobody_who_has_not_asked),
        cmocka_unit_test(a_slots_next_guest_has_asked_for_nothing),
        cmocka_unit_test(a_token_comes_in_pieces_and_ends_with_the_chain),
        cmocka_unit_test(a_key_is_asked_for_by_kind_and_comes_without_the_chain),
        cmocka_unit_test(who_waits_is_told_whether_somebody_signs),
        cmocka_unit_test(half_a_token_is_none),
        cmocka_unit_test(pieces_come_one_behind_the_other_and_find_room),
        cmocka_unit_test(what_was_asked_before_is_not_answered),
        cmocka_unit_test(a_measurement_is_the_hash_of_itself_and_what_it_is_extended_by),
        cmocka_unit_test(a_token_says_what_was_extended_before_it_was_signed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
