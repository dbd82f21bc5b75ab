/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random calls for attestation, by a host, by guests and by keepers that begin, end and come again, and what each is answered:
 * a log for `cordon-oracle attest`, which knows what spec/Attest.v says. spec/oracle/attest.ml has the form of its lines.
 *
 *     attest_calls SEED CALLS >LOG
 */
#include "../unit/guest.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "guest/attest.h"

#define PLACES 8            /* where the host builds VMs, each in frames of its own */
#define KEEPERS 3           /* the last of them, whose guests have two vCPUs, and so the keeper's measurement */
#define PLACE_FRAMES 64
#define SLOTS 20            /* more than a call looks at */
#define CHAIN 201
#define REGS 17

struct place {
    struct guest g;
    uint64_t before;        /* a handle of an earlier VM here, 0: none */
    uint64_t vcpu_frame;
    uint64_t roots;         /* the first frame of its root table */
    bool running;
};

struct world {
    struct machine *m;
    struct place place[PLACES];
    struct attest_root root;
    uint64_t known[4], serving;
    uint8_t secret[ATTEST_SECRET], seal[ATTEST_SECRET], chain[CHAIN];
    struct place *keeper;   /* who has begun last */
    uint64_t guest, number; /* what it was told last */
    uint64_t written, size; /* of the answer to it */
    bool calls;             /* a guest is inside that has its call to make */
    uint64_t stops;         /* the handle of a VM that the host stops while its guest is inside, 0: none */
    uint64_t random;
};

/* ---- numbers ---- */

static uint64_t next_random(struct world *w)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random * UINT64_C(0x2545f4914f6cdd1d);
}

static uint64_t below(struct world *w, uint64_t n)
{
    return (next_random(w) >> 20) % n;
}

/* One time in n. */
static bool seldom(struct world *w, uint64_t n)
{
    return below(w, n) == 0;
}

/* A number that is what it should be, or close to it, or any. */
static uint64_t about(struct world *w, uint64_t right)
{
    if (!seldom(w, 8))
        return right;
    return seldom(w, 3) ? next_random(w) : right + below(w, 5) - 2;
}

/* ---- the log ---- */

static void put_words(const uint64_t *word, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        printf(" %" PRIx64, word[i]);
}

static void put_line(const char *call, const uint64_t *word, uint64_t n)
{
    printf("%s", call);
    put_words(word, n);
    printf("\n");
}

static void put_root(const struct world *w)
{
    uint64_t word[8];

    memcpy(word, w->secret, ATTEST_SECRET);
    memcpy(word + 4, w->seal, ATTEST_SECRET);
    printf("root %x", SLOTS);
    put_words(word, 8);
    put_words(w->known, 4);
    printf(" ");
    for (unsigned i = 0; i < CHAIN; i++)
        printf("%02x", w->chain[i]);
    printf("\n");
}

/* What SHA-256 is of a measurement and what it is extended by, by another library. */
static void put_hash(const uint64_t old[4], const uint64_t with[4])
{
    uint64_t word[12];

    memcpy(word, old, 32);
    memcpy(word + 4, with, 32);
    crypto_hash_sha256((uint8_t *)(word + 8), (const uint8_t *)word, 64);
    put_line("hash", word, 12);
}

/* ---- the host ---- */

static void measurement(struct place *p, uint64_t word[4])
{
    for (uint32_t i = 0; i < 4; i++)
        word[i] = sha256_word(&guest_vm(&p->g)->image.hash, i / 2, i % 2);
}

static uint64_t vcpus_of(const struct world *w, const struct place *p)
{
    return p >= w->place + PLACES - KEEPERS ? 2 : 1;
}

/* The one that makes the guest measured otherwise is there before the one that counts. */
static void create(struct world *w, struct place *p)
{
    struct guest *g = &p->g;
    struct regs r = HC(w->m, CORDON_CALL_VM_CREATE, p->roots, vcpus_of(w, p));
    uint64_t frame = p->roots + HC(w->m, CORDON_CALL_VM_LIMITS).x[1];

    if (r.x[0] != CORDON_OK)
        return;             /* it is there already, and has its frames: the specification knows nothing of them */
    p->before = g->handle;
    g->handle = r.x[1];
    g->id = (uint32_t)(g->handle % 65536);
    put_line("create", (uint64_t[]){ g->id, r.x[0], r.x[1] }, 3);
    assert_ok(HS(w->m, CORDON_CALL_VM_DONATE, g->handle, frame, 16));
    assert_ok(HS(w->m, CORDON_CALL_VM_MEMORY, g->handle, GUEST_RAM, GUEST_RAM_SIZE));
    p->vcpu_frame = frame + 16;
    if (vcpus_of(w, p) == 2)
        assert_ok(HS(w->m, CORDON_CALL_VCPU_CREATE, g->handle, 1, frame + 17));
}

/* Of this place, of one that was, or of nobody. */
static uint64_t some_handle(struct world *w, const struct place *p)
{
    if (!seldom(w, 6))
        return p->g.handle;
    switch (below(w, 4)) {
    case 0: return p->before;
    case 1: return p->g.handle % 65536;
    case 2: return p->g.handle + (UINT64_C(65536) << below(w, 3));
    default: return next_random(w);
    }
}

static void make_vcpu(struct world *w, struct place *p)
{
    uint64_t h = some_handle(w, p);

    put_line("vcpu", (uint64_t[]){ h, HS(w->m, CORDON_CALL_VCPU_CREATE, h, 0, p->vcpu_frame) }, 2);
}

static void personalise(struct world *w, struct place *p)
{
    struct regs r = { { CORDON_CALL_VM_PERSONAL, some_handle(w, p) } };
    uint64_t word[10];

    for (uint64_t i = 0; i < 8; i++)
        r.x[2 + i] = next_random(w);
    memcpy(word, &r.x[1], 72);
    word[9] = host_call(w->m, r).x[0];
    put_line("personal", word, 10);
}

static void start(struct world *w, struct place *p)
{
    uint64_t word[6] = { some_handle(w, p) };

    word[5] = HS(w->m, CORDON_CALL_VM_START, word[0], GUEST_ENTRY, GUEST_X0);
    if (word[5] == CORDON_OK) {
        assert_int_equal(word[0], p->g.handle);
        measurement(p, word + 1);
        p->running = true;
    }
    put_line("start", word, 6);
}

static void stop(struct world *w, struct place *p)
{
    uint64_t h = some_handle(w, p);
    enum cordon_status status = HS(w->m, CORDON_CALL_VM_STOP, h);

    put_line("stop", (uint64_t[]){ h, status }, 2);
    if (h == p->g.handle && status == CORDON_OK)
        p->running = false;
}

static void destroy(struct world *w, struct place *p)
{
    uint64_t h = some_handle(w, p);
    enum cordon_status status = HS(w->m, CORDON_CALL_VM_DESTROY, h);

    put_line("destroy", (uint64_t[]){ h, status }, 2);
    if (h == p->g.handle && status != CORDON_NO_VM)
        p->running = false;
}

/* ---- guests ---- */

/* A guest makes its call, before which the host may stop the VM. Then it is interrupted. */
static void play(void *arg, struct cordon *c, struct vcpu *u, struct trap *t)
{
    struct world *w = arg;

    (void)u;
    if (!w->calls)
        return;
    w->calls = false;
    if (w->stops != 0) {
        struct regs r = { { CORDON_CALL_VM_STOP, w->stops } };

        assert_true(hypercall_vm(c, r.x));
        put_line("stop", (uint64_t[]){ w->stops, r.x[0] }, 2);
    }
    *t = trap_hvc(0);
}

/* By vCPU 0 of the guest in a place, which runs. */
static void call(struct world *w, struct place *p, uint64_t x[REGS])
{
    struct vcpu *u = guest_vcpu(&p->g, 0);

    if (x[0] == CORDON_GUEST_EXTEND && x[1] < ATTEST_EXTENDED)
        put_hash(u->attest.extended[x[1]], x + 2);
    w->stops = seldom(w, 200) ? p->g.handle : 0;
    p->running = w->stops == 0;
    memcpy(u->x, x, REGS * 8);
    w->calls = true;
    assert_ok(guest_try(&p->g, 0));
    printf("guest %" PRIx32, p->g.id);
    put_words(x, REGS);
    put_words(u->x, REGS);
    printf("\n");
    memcpy(x, u->x, REGS * 8);
}

/* Random words after the call's number. */
static void words(struct world *w, uint64_t x[REGS], uint64_t function)
{
    x[0] = function;
    for (uint64_t i = 1; i < REGS; i++)
        x[i] = next_random(w);
}

static void asks(struct world *w, struct place *p)
{
    uint64_t x[REGS];

    switch (below(w, 30)) {
    case 0:
        words(w, x, CORDON_GUEST_TOKEN_ASK);
        break;
    case 1:
        words(w, x, CORDON_GUEST_KEY_ASK);
        x[1] = about(w, below(w, ATTEST_KEYS));
        break;
    case 2:
        words(w, x, CORDON_GUEST_EXTEND);
        x[1] = about(w, below(w, ATTEST_EXTENDED));
        break;
    default:
        words(w, x, CORDON_GUEST_ANSWER_READ);
        x[1] = about(w, below(w, 4) * 96);
    }
    call(w, p, x);
}

/* The next piece of an answer; its end comes soon. */
static void writes(struct world *w, struct place *p)
{
    uint64_t x[REGS];

    words(w, x, CORDON_KEEPER_WRITE);
    if (w->written == 0)
        w->size = seldom(w, 4) ? CORDON_TOKEN_MOST - below(w, 3) : 1 + below(w, 300);
    x[1] = about(w, w->guest);
    x[2] = about(w, w->number);
    x[3] = about(w, w->written);
    x[4] = about(w, w->size);
    if (seldom(w, 50))
        x[4] = CORDON_TOKEN_MOST + 1;
    call(w, p, x);
    if (x[0] == CORDON_OK)
        w->written += CORDON_TOKEN_PIECE;
}

static void keeps(struct world *w, struct place *p)
{
    uint64_t x[REGS];

    switch (below(w, 8)) {
    case 0:
        words(w, x, CORDON_KEEPER_BEGIN);
        call(w, p, x);
        if (x[0] == CORDON_OK)
            w->keeper = p;
        break;
    case 1:
        words(w, x, CORDON_KEEPER_NEXT);
        x[1] = about(w, seldom(w, 3) ? below(w, SLOTS) : 0);
        call(w, p, x);
        if (x[0] == CORDON_OK) {
            w->guest = x[2];
            w->number = x[3];
            w->written = 0;
        }
        break;
    case 2:
        words(w, x, CORDON_KEEPER_READ);
        x[1] = about(w, w->guest);
        x[2] = about(w, w->number);
        x[3] = about(w, below(w, 3));
        call(w, p, x);
        break;
    default: writes(w, p);
    }
}

/* ---- all of them ---- */

static void host_acts(struct world *w, struct place *p)
{
    switch (below(w, 7)) {
    case 0: stop(w, p); break;
    case 1: destroy(w, p); break;
    case 2: personalise(w, p); break;
    case 3: make_vcpu(w, p); break;
    case 4: create(w, p); break;
    default: start(w, p);
    }
}

/* A VM that does not run comes on: what is missing is done. */
static void come_on(struct world *w, struct place *p)
{
    create(w, p);
    if (seldom(w, 2))
        host_acts(w, p);
    if (p->g.handle != 0) {
        make_vcpu(w, p);
        personalise(w, p);
        start(w, p);
    }
    if (!p->running)
        destroy(w, p);
}

static void act(struct world *w)
{
    struct place *p = seldom(w, 2) ? w->keeper : &w->place[below(w, PLACES)];

    if (!p->running)
        come_on(w, p);
    else if (seldom(w, 60))
        host_acts(w, p);
    else if (p >= w->place + PLACES - KEEPERS && !seldom(w, 6))
        keeps(w, p);
    else if (seldom(w, 40))
        keeps(w, p);
    else
        asks(w, p);
}

/* What the keepers' measurement is: as on another machine. */
static void learn_keeper(struct world *w)
{
    struct guest g;

    guest_new(&g, 2);
    for (uint32_t i = 0; i < 4; i++)
        w->known[i] = sha256_word(&guest_vm(&g)->image.hash, i / 2, i % 2);
    guest_free(&g);
}

static void world_new(struct world *w, uint64_t seed)
{
    struct sim_config config = machine_config();
    uint64_t frame = FRAME(1, 0);

    config.vms = SLOTS;
    w->random = seed * 2 + 1;
    w->m = machine_new(&config);
    for (unsigned i = 0; i < CHAIN; i++)
        w->chain[i] = (uint8_t)(100 + 7 * i);
    for (unsigned i = 0; i < ATTEST_SECRET; i++)
        w->secret[i] = (uint8_t)(0xa0 + i), w->seal[i] = (uint8_t)(0x30 + i);
    learn_keeper(w);
    w->root = (struct attest_root){ w->secret, w->seal, w->chain, CHAIN, w->known, &w->serving };
    sim_attest_root(w->m->sim, &w->root);
    sim_guest(w->m->sim, play, w);
    w->keeper = &w->place[PLACES - 1];
    for (unsigned i = 0; i < PLACES; i++)
        w->place[i] = (struct place){ .g = { .m = w->m }, .roots = frame + i * PLACE_FRAMES };
}

int main(int argc, char **argv)
{
    static struct world w;

    if (argc != 3) {
        fprintf(stderr, "usage: attest_calls SEED CALLS\n");
        return 2;
    }
    world_new(&w, strtoull(argv[1], NULL, 0));
    put_root(&w);
    for (uint64_t i = strtoull(argv[2], NULL, 0); i > 0; i--)
        act(&w);
    for (unsigned i = 0; i < PLACES; i++) {
        enum cordon_status status = w.place[i].g.handle == 0 ? CORDON_NO_VM : guest_destroy(&w.place[i].g);

        assert_true(status == CORDON_OK || status == CORDON_NO_VM);
    }
    machine_free(w.m);
    return 0;
}
