/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: a guest that is frozen, what the keeper alone is told of it, and one that goes on from there. <cordon/abi.h>. */
#include "guest.h"

#include <string.h>

#include "base/sha256.h"
#include "guest/attest.h"

#define ALL(a) (sizeof(a) / sizeof((a)[0]))
#define NOT_SUPPORTED ((uint64_t)-1)
#define PIECE CORDON_RECORD_PIECE
#define VCPUS 3
#define RECORDS (VCPUS + 1)
#define WORDS 60            /* of a record, at most */
#define PAGES 64
#define OWN (GUEST_RAM + 0x100000)      /* a page of the keeper's */
#define FAR (GUEST_RAM + 0xe03000)
#define STAGE2_PAGE UINT64_C(0x7ff)
#define PSTATE 32           /* words of a vCPU's record: its place, and so on */
#define CONTROL 34
#define POWER 35
#define ASKED 36
#define SGIS 39
#define ARCH 40

struct world {
    struct guest g, keeper, second;     /* g has VCPUS vCPUs; the keepers two, and so the keeper's measurement */
    struct guest again;                 /* what is restored */
    struct attest_root root;
    uint64_t known[4], serving;
    uint8_t secret[ATTEST_SECRET], chain[3];
};

/* By vCPU 0 of `who`. g plays them all. */
#define DO(w, who, ...) guest_calls(&(w)->g, (who), (struct guest_call){ { __VA_ARGS__ } })
#define STATUS(w, who, ...) (DO(w, who, __VA_ARGS__).x[0])
#define KEEPER(w, ...) DO(w, &(w)->keeper, __VA_ARGS__)
#define KEEPS(w, ...) STATUS(w, &(w)->keeper, __VA_ARGS__)

static void world_of(struct world *w, struct sim_config config)
{
    config.dma = (struct cordon_dma){ 39, STAGE2_PAGE };
    guest_built(&w->g, machine_new(&config), VCPUS);
    guest_start(&w->g);
    guest_another(&w->keeper, &w->g, 2);
    guest_another(&w->second, &w->g, 2);
    for (uint32_t i = 0; i < 4; i++)
        w->known[i] = sha256_word(&guest_vm(&w->keeper)->image.hash, i / 2, i % 2);
    w->serving = 0;
    w->root = (struct attest_root){ w->secret, w->secret, w->chain, sizeof w->chain, w->known, &w->serving };
    sim_attest_root(w->g.m->sim, &w->root);
    w->again = (struct guest){ .m = w->g.m };
    assert_int_equal(KEEPS(w, CORDON_KEEPER_BEGIN), CORDON_OK);
    w->keeper.next = w->second.next;
    (void)guest_map(&w->keeper, OWN, 2);
    w->g.next = w->keeper.next;
}

static void world_new(struct world *w)
{
    world_of(w, machine_config());
}

static void gone(struct guest *g)
{
    enum cordon_status status = g->handle == 0 ? CORDON_NO_VM : guest_destroy(g);

    assert_true(status == CORDON_OK || status == CORDON_NO_VM);
}

static void world_free(struct world *w)
{
    gone(&w->again);
    gone(&w->keeper);
    gone(&w->second);
    guest_free(&w->g);
}

static enum cordon_status freeze(struct world *w)
{
    return HS(w->g.m, CORDON_CALL_VM_FREEZE, w->g.handle);
}

static uint64_t phase_of(struct guest *g)
{
    return HC(g->m, CORDON_CALL_VM_INFO, g->handle).x[1];
}

/* ---- the freeze ---- */

static void without_a_root_of_trust_there_are_no_snapshots(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    sim_attest_root(w.g.m->sim, NULL);
    for (uint32_t f = CORDON_CALL_VM_FREEZE; f <= CORDON_CALL_VM_RESTORE + 1; f++) {
        uint64_t x[HYPERCALL_REGS] = { f, w.g.handle };

        sim_attest_root(w.g.m->sim, f > CORDON_CALL_VM_RESTORE ? &w.root : NULL);
        sim_begin(w.g.m->sim, "no call");
        assert_false(hypercall_vm(w.g.m->c, x));
        assert_int_equal(sim_end(w.g.m->sim), 0);
        assert_int_equal(x[0], f);
    }
    sim_attest_root(w.g.m->sim, NULL);
    for (uint32_t f = CORDON_KEEPER_RECORD_READ; f <= CORDON_KEEPER_RESTORED; f++)
        assert_int_equal(KEEPS(&w, f, w.g.handle), NOT_SUPPORTED);
    sim_attest_root(w.g.m->sim, &w.root);
    world_free(&w);
}

static void a_frozen_guest_stays_as_it_is_until_it_is_stopped(void **state)
{
    struct world w;
    uint64_t frame;

    (void)state;
    world_new(&w);
    frame = guest_map(&w.g, GUEST_RAM, 3);
    assert_ok(freeze(&w));
    assert_int_equal(phase_of(&w.g), CORDON_PHASE_FROZEN);
    for (uint32_t f = CORDON_CALL_VM_MEMORY; f <= CORDON_CALL_VM_CLEAR; f++)
        assert_refused(w.g.m, CORDON_STATE, HS(w.g.m, f, w.g.handle, GUEST_RAM, frame, 1));
    assert_refused(w.g.m, CORDON_STATE, HS(w.g.m, CORDON_CALL_VCPU_RUN, w.g.handle, 0));
    assert_refused(w.g.m, CORDON_STATE, HS(w.g.m, CORDON_CALL_VM_PERSONAL, w.g.handle, 1));
    for (uint32_t f = CORDON_CALL_DEVICE_ATTACH; f <= CORDON_CALL_DEVICE_DETACH; f++)
        assert_refused(w.g.m, CORDON_STATE, HS(w.g.m, f, w.g.handle, 0x3f0000));
    assert_refused(w.g.m, CORDON_STATE, HS(w.g.m, CORDON_CALL_VM_RESTORE, w.g.handle));
    assert_refused(w.g.m, CORDON_STATE, freeze(&w));
    assert_no_change(w.g.m, HS(w.g.m, CORDON_CALL_VM_MEASUREMENT, w.g.handle, 0));
    assert_ok(HS(w.g.m, CORDON_CALL_VM_STOP, w.g.handle));
    assert_int_equal(phase_of(&w.g), CORDON_PHASE_STOPPED);
    assert_refused(w.g.m, CORDON_STATE, freeze(&w));
    assert_int_equal(KEEPS(&w, CORDON_KEEPER_RECORD_READ, w.g.handle, 0, 0), CORDON_STATE);
    world_free(&w);
}

static void only_one_that_runs_is_frozen_and_never_the_keeper(void **state)
{
    struct world w;
    struct guest built;

    (void)state;
    world_new(&w);
    built = (struct guest){ .m = w.g.m, .next = w.g.next };
    built.handle = HC(w.g.m, CORDON_CALL_VM_CREATE, guest_frames(&built, 16, 16), 1).x[1];
    assert_refused(w.g.m, CORDON_STATE, HS(w.g.m, CORDON_CALL_VM_FREEZE, built.handle));
    assert_refused(w.g.m, CORDON_STATE, HS(w.g.m, CORDON_CALL_VM_FREEZE, w.keeper.handle));
    assert_refused(w.g.m, CORDON_STATE, HS(w.g.m, CORDON_CALL_VM_FREEZE, w.second.handle));
    assert_refused(w.g.m, CORDON_NO_VM, HS(w.g.m, CORDON_CALL_VM_FREEZE, 0));
    assert_refused(w.g.m, CORDON_NO_VM, HS(w.g.m, CORDON_CALL_VM_FREEZE, w.g.handle + 65536));
    w.known[3] ^= 1;        /* another keeper's: each word counts */
    assert_ok(HS(w.g.m, CORDON_CALL_VM_FREEZE, w.second.handle));
    w.known[3] ^= 1;
    assert_ok(guest_destroy(&built));
    world_free(&w);
}

/* While its guest is inside the host asks for it. */
static void freeze_inside(struct guest *g, struct vcpu *u, struct trap *t)
{
    uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_VM_FREEZE, g->handle };

    (void)u, (void)t;
    assert_true(hypercall_vm(g->m->c, x));
    g->arg = x[0];
}

static void it_is_not_frozen_while_a_vcpu_is_inside(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    w.g.play = freeze_inside;
    assert_interrupted(guest_run(&w.g, 0));
    w.g.play = NULL;
    assert_int_equal(w.g.arg, CORDON_BUSY);
    assert_int_equal(phase_of(&w.g), CORDON_PHASE_RUNNING);
    assert_ok(freeze(&w));
    assert_ok(guest_destroy(&w.g));     /* a frozen one can be destroyed as it is */
    world_free(&w);
}

static void it_is_not_frozen_with_a_device(void **state)
{
    struct world w;
    struct guest *g = &w.again;
    struct regs r;

    (void)state;
    world_new(&w);
    assert_true(sim_device(w.g.m->sim, &(struct sim_device){ .frame = 0x3f0000, .id = 1 }));
    g->next = w.g.next;
    r = HC(g->m, CORDON_CALL_VM_CREATE, guest_frames(g, 16, 16), 1);
    g->handle = r.x[1];
    assert_ok(HS(g->m, CORDON_CALL_VM_DONATE, g->handle, guest_frames(g, 16, 16), 16));
    assert_ok(HS(g->m, CORDON_CALL_VM_MEMORY, g->handle, GUEST_RAM, GUEST_RAM_SIZE));
    assert_ok(HS(g->m, CORDON_CALL_VCPU_CREATE, g->handle, 0, guest_frames(g, 1, 1)));
    while (HS(g->m, CORDON_CALL_DEVICE_ATTACH, g->handle, 0x3f0000) == CORDON_AGAIN)
        ;
    assert_refused(g->m, CORDON_STATE, HS(g->m, CORDON_CALL_VM_RESTORE, g->handle));
    guest_start(g);
    assert_refused(g->m, CORDON_STATE, HS(g->m, CORDON_CALL_VM_FREEZE, g->handle));
    assert_ok(HS(g->m, CORDON_CALL_VM_STOP, g->handle));
    while (HS(g->m, CORDON_CALL_DEVICE_DETACH, g->handle, 0x3f0000) == CORDON_AGAIN)
        ;
    world_free(&w);
}

/* ---- a snapshot, as a keeper takes it ---- */

struct snapshot_page {
    uint64_t gfn, grants;
    bool zero;
    uint64_t word[512];
};

struct saved {
    uint64_t word[RECORDS][WORDS];
    uint64_t words[RECORDS];
    struct snapshot_page page[PAGES];
    unsigned pages;
    unsigned calls;         /* that it took to find them */
};

static void read_own(struct world *w, uint64_t gpa, uint64_t word[512])
{
    for (uint64_t i = 0; i < 512; i++)
        word[i] = read_at(w->g.m, w->keeper.id, gpa + 8 * i);
}

static void write_own(struct world *w, uint64_t gpa, const uint64_t word[512])
{
    for (uint64_t i = 0; i < 512; i++)
        write_at(w->g.m, w->keeper.id, gpa + 8 * i, word[i]);
}

static void save_records(struct world *w, struct saved *s)
{
    for (uint64_t k = 0; k < RECORDS; k++) {
        for (uint64_t at = 0; at == 0 || at < s->words[k]; at += PIECE) {
            struct guest_call c = KEEPER(w, CORDON_KEEPER_RECORD_READ, w->g.handle, k, at);

            assert_int_equal(c.x[0], CORDON_OK);
            assert_in_range(c.x[1], 1, WORDS - PIECE + 1);
            s->words[k] = c.x[1];
            memcpy(&s->word[k][at], &c.x[2], PIECE * 8);
        }
    }
}

static void save_pages(struct world *w, struct saved *s)
{
    uint64_t at = 0;

    do {
        struct guest_call c = KEEPER(w, CORDON_KEEPER_PAGE_READ, w->g.handle, at, OWN);
        struct snapshot_page *p = &s->page[s->pages];

        s->calls++;
        assert_true(c.x[1] == 0 || c.x[1] > at);
        at = c.x[1];
        if (c.x[0] == CORDON_AGAIN)
            continue;
        assert_int_equal(c.x[0], CORDON_OK);
        assert_in_range(s->pages, 0, PAGES - 1);
        *p = (struct snapshot_page){ .gfn = c.x[2], .grants = c.x[4], .zero = c.x[3] == 0 };
        if (!p->zero)
            read_own(w, OWN, p->word);
        s->pages++;
    } while (at != 0);
}

static void save(struct world *w, struct saved *s)
{
    memset(s, 0, sizeof *s);
    save_records(w, s);
    save_pages(w, s);
}

/* A new world, in which g is frozen and read out. */
static void world_saved(struct world *w, struct saved *s)
{
    world_new(w);
    assert_ok(freeze(w));
    save(w, s);
}

/* Built as g was, and said to be a restore. */
static void build_again(struct world *w, uint64_t vcpus)
{
    struct guest *a = &w->again;

    a->next = w->g.next;
    a->handle = HC(a->m, CORDON_CALL_VM_CREATE, guest_frames(a, 16, 16), vcpus).x[1];
    a->id = (uint32_t)(a->handle % 65536);
    assert_ok(HS(a->m, CORDON_CALL_VM_DONATE, a->handle, guest_frames(a, 16, 16), 16));
    assert_ok(HS(a->m, CORDON_CALL_VM_MEMORY, a->handle, GUEST_RAM, GUEST_RAM_SIZE));
    for (uint32_t i = 0; i < vcpus; i++)
        assert_ok(HS(a->m, CORDON_CALL_VCPU_CREATE, a->handle, i, guest_frames(a, 1, 1)));
    w->g.next = a->next;
}

static void begin_again(struct world *w)
{
    build_again(w, VCPUS);
    assert_ok(HS(w->g.m, CORDON_CALL_VM_RESTORE, w->again.handle));
}

static uint64_t write_piece(struct world *w, const struct saved *s, uint64_t k, uint64_t at)
{
    struct guest_call c = { { CORDON_KEEPER_RECORD_WRITE, w->again.handle, k, at, s->words[k] } };

    memcpy(&c.x[5], &s->word[k][at], PIECE * 8);
    return guest_calls(&w->g, &w->keeper, c).x[0];
}

static void write_records(struct world *w, const struct saved *s)
{
    for (uint64_t k = 0; k < RECORDS; k++) {
        for (uint64_t at = 0; at < s->words[k]; at += PIECE)
            assert_int_equal(write_piece(w, s, k, at), CORDON_OK);
    }
}

static uint64_t write_page(struct world *w, uint64_t gfn, uint64_t gpa, uint64_t grants)
{
    return KEEPS(w, CORDON_KEEPER_PAGE_WRITE, w->again.handle, gfn, gpa, grants);
}

static void write_pages(struct world *w, const struct saved *s)
{
    for (unsigned i = 0; i < s->pages; i++) {
        const struct snapshot_page *p = &s->page[i];

        w->again.next = w->g.next;
        (void)guest_map(&w->again, p->gfn * PAGE, 1);
        w->g.next = w->again.next;
        if (p->zero && p->grants == 0)
            continue;
        write_own(w, OWN, p->word);
        assert_int_equal(write_page(w, p->gfn, OWN, p->grants), CORDON_OK);
    }
}

static uint64_t end_restore(struct world *w)
{
    return KEEPS(w, CORDON_KEEPER_RESTORED, w->again.handle);
}

/* ---- reading ---- */

static void the_keeper_reads_records_in_pieces(void **state)
{
    static struct saved s;
    struct world w;
    struct vcpu *u;
    struct guest_call c;

    (void)state;
    world_new(&w);
    assert_int_equal(STATUS(&w, &w.g, CORDON_GUEST_EXTEND, 2, 1, 2, 3, 4), CORDON_OK);
    sim_tick(w.g.m->sim, 1000);
    u = guest_vcpu(&w.g, 0);
    u->offset = 400;
    guest_secrets(u, 77);
    assert_ok(freeze(&w));
    sim_tick(w.g.m->sim, 5000);     /* its time stands still */
    save_records(&w, &s);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(s.word[0][i], sha256_word(&guest_vm(&w.g)->image.hash, i / 2, i % 2));
    assert_int_equal(s.word[0][4], arch_counter(w.g.m->c) - 5000 - 400);
    assert_int_equal(s.word[0][5], 0);
    assert_int_equal(s.word[0][6], VCPUS);
    assert_int_equal(s.word[0][7], 1);
    assert_int_equal(s.word[0][8], GUEST_GFN);
    assert_int_equal(s.word[0][9], GUEST_GFN + GUEST_RAM_SIZE / PAGE);
    for (uint32_t i = 10; i < 24; i++)
        assert_int_equal(s.word[0][i], 0);
    assert_memory_equal(&s.word[0][24], u->attest.personal, 64);
    assert_memory_equal(&s.word[0][32], u->attest.extended, 128);
    assert_memory_equal(s.word[1], u->x, 31 * 8);
    assert_int_equal(s.word[1][31], u->pc);
    assert_int_equal(s.word[1][PSTATE], u->pstate);
    c = KEEPER(&w, CORDON_KEEPER_RECORD_READ, w.g.handle, 0, 47);
    assert_int_equal(c.x[0], CORDON_OK);
    assert_int_equal(c.x[1], 48);
    assert_int_equal(c.x[2], u->attest.extended[3][3]);
    for (int i = 3; i < 14; i++)
        assert_int_equal(c.x[i], 0);
    assert_int_equal(KEEPS(&w, CORDON_KEEPER_RECORD_READ, w.g.handle, 0, 48), CORDON_RANGE);
    assert_int_equal(KEEPS(&w, CORDON_KEEPER_RECORD_READ, w.g.handle, 1, UINT64_MAX), CORDON_RANGE);
    assert_int_equal(KEEPS(&w, CORDON_KEEPER_RECORD_READ, w.g.handle, RECORDS, 0), CORDON_NO_VCPU);
    assert_int_equal(KEEPS(&w, CORDON_KEEPER_RECORD_READ, w.g.handle, UINT64_MAX, 0), CORDON_NO_VCPU);
    world_free(&w);
}

static void fill(struct guest *g, uint64_t gpa, uint64_t salt)
{
    for (uint64_t i = 0; i < 512; i++)
        write_at(g->m, g->id, gpa + 8 * i, salt * 1000 + i);
}

/* Pages in two tables: written, zero, granted, and written in the last word alone. */
static void give_pages(struct world *w)
{
    (void)guest_map(&w->g, GUEST_RAM, 4);
    (void)guest_map(&w->g, FAR, 2);
    fill(&w->g, GUEST_RAM, 1);
    fill(&w->g, GUEST_RAM + 2 * PAGE, 3);
    write_at(w->g.m, w->g.id, FAR + 4088, 9);
    for (int i = 0; i < 3; i++)
        assert_int_equal(STATUS(w, &w->g, CORDON_GUEST_GRANT, GUEST_RAM + 2 * PAGE, PAGE), CORDON_OK);
    assert_int_equal(STATUS(w, &w->g, CORDON_GUEST_GRANT, FAR + PAGE, PAGE), CORDON_OK);
}

static void it_reads_pages_into_one_of_its_own(void **state)
{
    static struct saved s;
    static const uint64_t gfn[] = { GUEST_GFN, GUEST_GFN + 1, GUEST_GFN + 2, GUEST_GFN + 3, FAR / PAGE, FAR / PAGE + 1 };
    struct world w;
    struct guest_call c;

    (void)state;
    world_new(&w);
    give_pages(&w);
    assert_ok(freeze(&w));
    memset(&s, 0, sizeof s);
    save_pages(&w, &s);
    assert_int_equal(s.pages, ALL(gfn));
    for (unsigned i = 0; i < s.pages; i++) {
        assert_int_equal(s.page[i].gfn, gfn[i]);
        assert_int_equal(s.page[i].zero, i == 1 || i == 3 || i == 5);
        assert_int_equal(s.page[i].grants, i == 2 ? 3 : i == 5 ? 1 : 0);
        for (uint64_t k = 0; k < 512; k++)
            assert_int_equal(s.page[i].word[k], i == 0 ? 1000 + k : i == 2 ? 3000 + k : i == 4 && k == 511 ? 9 : 0);
    }
    assert_in_range(s.calls, 20, 100);      /* holes of 500 pages, 64 entries a call */
    assert_int_equal(read_uncached(w.g.m, w.keeper.id, OWN + 4088), 9);
    /* From within a hole of 512 pages on, from behind the last page on, and beyond all addresses. */
    c = KEEPER(&w, CORDON_KEEPER_PAGE_READ, w.g.handle, FAR / PAGE - 512 + 97, OWN);
    assert_int_equal(c.x[0], CORDON_OK);
    assert_int_equal(c.x[2], FAR / PAGE);
    c = KEEPER(&w, CORDON_KEEPER_PAGE_READ, w.g.handle, w.g.m->c->vm_shape.gfn_limit, OWN);
    assert_int_equal(c.x[0], CORDON_AGAIN);
    assert_int_equal(c.x[1], 0);
    assert_int_equal(c.x[2], 0);
    c = KEEPER(&w, CORDON_KEEPER_PAGE_READ, w.g.handle, UINT64_MAX, OWN);
    assert_int_equal(c.x[0], CORDON_AGAIN);
    assert_int_equal(c.x[1], 0);
    world_free(&w);
}

static void pages_of_a_block_are_pages(void **state)
{
    struct world w;
    uint64_t first = GUEST_GFN + 512;

    (void)state;
    world_new(&w);
    (void)guest_map_block(&w.g, GUEST_RAM + 2 * MIB);
    fill(&w.g, GUEST_RAM + 2 * MIB + 5 * PAGE, 4);
    assert_ok(op_io(w.g.m, w.g.id, GUEST_DEVICE, DEVICE_PA));
    assert_ok(freeze(&w));
    for (uint64_t i = 0; i < 8; i++) {
        struct guest_call c = KEEPER(&w, CORDON_KEEPER_PAGE_READ, w.g.handle, first + i, OWN);

        assert_int_equal(c.x[0], CORDON_OK);
        assert_int_equal(c.x[2], first + i);
        assert_int_equal(c.x[3], i == 5);
    }
    assert_int_equal(read_at(w.g.m, w.keeper.id, OWN + 80), 4010);
    /* A device is none. */
    assert_int_equal(KEEPS(&w, CORDON_KEEPER_PAGE_READ, w.g.handle, GUEST_DEVICE / PAGE, OWN), CORDON_AGAIN);
    world_free(&w);
}

/* The calls that go by way of a page of the keeper's, with what else they need. */
static uint64_t by_page(struct world *w, uint32_t f, uint64_t gpa)
{
    return f == CORDON_KEEPER_PAGE_READ ? KEEPS(w, f, w->g.handle, 0, gpa) : KEEPS(w, f, w->again.handle, GUEST_GFN, gpa, 0);
}

static void a_page_goes_through_none_but_the_keepers_own(void **state)
{
    static const uint32_t call[] = { CORDON_KEEPER_PAGE_READ, CORDON_KEEPER_PAGE_WRITE };
    struct world w;

    (void)state;
    world_new(&w);
    give_pages(&w);
    assert_ok(freeze(&w));
    begin_again(&w);
    w.again.next = w.g.next;
    (void)guest_map(&w.again, GUEST_RAM, 1);
    assert_ok(op_io(w.g.m, w.keeper.id, GUEST_DEVICE, DEVICE_PA));
    assert_int_equal(STATUS(&w, &w.keeper, CORDON_GUEST_GRANT, OWN + PAGE, PAGE), CORDON_OK);
    for (size_t i = 0; i < ALL(call); i++) {
        assert_int_equal(by_page(&w, call[i], OWN + 8), CORDON_UNALIGNED);
        assert_int_equal(by_page(&w, call[i], OWN + 2048), CORDON_UNALIGNED);
        assert_int_equal(by_page(&w, call[i], w.g.m->c->vm_shape.gfn_limit * PAGE), CORDON_RANGE);
        assert_int_equal(by_page(&w, call[i], UINT64_MAX - 4095), CORDON_RANGE);
        assert_int_equal(by_page(&w, call[i], OWN + 2 * PAGE), CORDON_NOT_MEMORY);
        assert_int_equal(by_page(&w, call[i], GUEST_DEVICE), CORDON_NOT_MEMORY);
        assert_int_equal(by_page(&w, call[i], OWN + PAGE), CORDON_SHARED);
        assert_int_equal(read_at(w.g.m, w.keeper.id, OWN + PAGE + 8), 0);
        assert_int_equal(by_page(&w, call[i], OWN), CORDON_OK);
    }
    assert_int_equal(STATUS(&w, &w.keeper, CORDON_GUEST_REVOKE, OWN + PAGE, PAGE), CORDON_OK);
    assert_int_equal(by_page(&w, CORDON_KEEPER_PAGE_READ, OWN + PAGE), CORDON_OK);
    assert_int_equal(read_at(w.g.m, w.keeper.id, OWN + PAGE + 8), 1001);
    world_free(&w);
}

/* As if the host had taken the page between the walk and the copy: the record says whose it is. */
static void a_page_that_has_gone_meanwhile_gets_nothing(void **state)
{
    struct sim_config config = machine_config();
    struct world w;
    struct cordon_mapping at;
    struct frame *f;

    (void)state;
    config.no_check = true;
    world_of(&w, config);
    give_pages(&w);
    assert_ok(freeze(&w));
    assert_ok(cordon_walk_s2pt(w.g.m->c, vmid(w.keeper.id), ipa(OWN), &at));
    f = &w.g.m->c->frame[at.pfn.v - FRAME(0, 0)];
    f->holder = HOLDER_HOST;
    assert_int_equal(by_page(&w, CORDON_KEEPER_PAGE_READ, OWN), CORDON_NOT_MEMORY);
    f->holder = (uint16_t)w.keeper.id;
    f->gfn_lo ^= 1;
    assert_int_equal(by_page(&w, CORDON_KEEPER_PAGE_READ, OWN), CORDON_NOT_MEMORY);
    f->gfn_lo ^= 1;
    assert_int_equal(w.g.m->c->phys[at.pfn.v].e[1], 0);
    assert_int_equal(by_page(&w, CORDON_KEEPER_PAGE_READ, OWN), CORDON_OK);
    assert_int_equal(w.g.m->c->phys[at.pfn.v].e[1], 1001);
    world_free(&w);
}

static void nobody_but_the_serving_keeper_reads_or_writes(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    give_pages(&w);
    assert_ok(freeze(&w));
    begin_again(&w);
    for (uint32_t f = CORDON_KEEPER_RECORD_READ; f <= CORDON_KEEPER_RESTORED; f++) {
        uint64_t h = f <= CORDON_KEEPER_PAGE_READ ? w.g.handle : w.again.handle;

        assert_int_equal(STATUS(&w, &w.second, f, h, 0, OWN, 48), CORDON_STATE);
        w.known[0] ^= 1;
        assert_int_equal(KEEPS(&w, f, h, 0, OWN, 48), NOT_SUPPORTED);
        w.known[0] ^= 1;
        assert_int_equal(KEEPS(&w, f, h + 65536, 0, OWN, 48), CORDON_NO_VM);
        assert_int_equal(KEEPS(&w, f, h % 65536, 0, OWN, 48), CORDON_NO_VM);
        assert_int_equal(KEEPS(&w, f, w.keeper.handle, 0, OWN, 48), CORDON_STATE);
        assert_int_equal(KEEPS(&w, f, w.g.handle + w.again.handle - h, 0, OWN, 48), CORDON_STATE);     /* the other one */
    }
    world_free(&w);
}

/* ---- a restore ---- */

static void a_restore_is_the_keepers_alone(void **state)
{
    struct world w;
    uint64_t frame;

    (void)state;
    world_new(&w);
    begin_again(&w);
    frame = guest_frames(&w.again, 1, 1);
    assert_refused(w.g.m, CORDON_STATE, HS(w.g.m, CORDON_CALL_VM_RESTORE, w.again.handle));
    assert_refused(w.g.m, CORDON_STATE, HS(w.g.m, CORDON_CALL_VM_START, w.again.handle, GUEST_ENTRY, GUEST_X0));
    assert_refused(w.g.m, CORDON_STATE, HS(w.g.m, CORDON_CALL_VM_LOAD, w.again.handle, GUEST_RAM, frame, 1));
    assert_refused(w.g.m, CORDON_STATE, HS(w.g.m, CORDON_CALL_VM_MEMORY, w.again.handle, UINT64_C(0x90000000), PAGE));
    assert_refused(w.g.m, CORDON_EXISTS, HS(w.g.m, CORDON_CALL_VCPU_CREATE, w.again.handle, 1, frame));
    assert_refused(w.g.m, CORDON_STATE, HS(w.g.m, CORDON_CALL_VM_PERSONAL, w.again.handle, 1));
    assert_refused(w.g.m, CORDON_STATE, HS(w.g.m, CORDON_CALL_DEVICE_ATTACH, w.again.handle, 0x3f0000));
    assert_refused(w.g.m, CORDON_STATE, HS(w.g.m, CORDON_CALL_DEVICE_MAP, w.again.handle, 0x3f0000));
    assert_refused(w.g.m, CORDON_STATE, HS(w.g.m, CORDON_CALL_VCPU_RUN, w.again.handle, 0));
    assert_refused(w.g.m, CORDON_STATE, HS(w.g.m, CORDON_CALL_VM_FREEZE, w.again.handle));
    assert_refused(w.g.m, CORDON_STATE, HS(w.g.m, CORDON_CALL_VM_MEASUREMENT, w.again.handle, 0));
    assert_ok(HS(w.g.m, CORDON_CALL_VM_MAP, w.again.handle, GUEST_RAM, frame, 1));
    assert_ok(HS(w.g.m, CORDON_CALL_VM_STOP, w.again.handle));
    assert_refused(w.g.m, CORDON_STATE, HS(w.g.m, CORDON_CALL_VM_MAP, w.again.handle, GUEST_RAM + PAGE, frame + 1, 1));
    assert_int_equal(write_page(&w, GUEST_GFN, OWN, 0), CORDON_STATE);
    assert_int_equal(end_restore(&w), CORDON_STATE);
    world_free(&w);
}

static void what_the_host_builds_is_not_the_keepers(void **state)
{
    static struct saved s;
    struct world w;
    struct guest *a = &w.again;
    uint64_t frame;

    (void)state;
    world_saved(&w, &s);
    build_again(&w, VCPUS);
    frame = guest_frames(a, 1, 1);
    assert_ok(HS(a->m, CORDON_CALL_VM_LOAD, a->handle, GUEST_RAM, frame, 1));
    assert_int_equal(write_piece(&w, &s, 0, 0), CORDON_STATE);
    assert_int_equal(write_page(&w, GUEST_GFN, OWN, 0), CORDON_STATE);
    assert_int_equal(end_restore(&w), CORDON_STATE);
    guest_start(a);
    world_free(&w);
}

static void a_restore_begins_with_all_vcpus_and_no_page(void **state)
{
    struct world w;
    uint64_t frame;
    struct guest *a = &w.again;

    (void)state;
    world_new(&w);
    a->next = w.g.next;
    a->handle = HC(a->m, CORDON_CALL_VM_CREATE, guest_frames(a, 16, 16), 2).x[1];
    assert_ok(HS(a->m, CORDON_CALL_VM_DONATE, a->handle, guest_frames(a, 16, 16), 16));
    assert_ok(HS(a->m, CORDON_CALL_VM_MEMORY, a->handle, GUEST_RAM, GUEST_RAM_SIZE));
    assert_ok(HS(a->m, CORDON_CALL_VCPU_CREATE, a->handle, 0, guest_frames(a, 1, 1)));
    assert_refused(a->m, CORDON_NO_VCPU, HS(a->m, CORDON_CALL_VM_RESTORE, a->handle));
    assert_refused(a->m, CORDON_STATE, HS(a->m, CORDON_CALL_VM_MAP, a->handle, GUEST_RAM, guest_frames(a, 1, 1), 1));
    assert_ok(HS(a->m, CORDON_CALL_VCPU_CREATE, a->handle, 1, guest_frames(a, 1, 1)));
    frame = guest_frames(a, 1, 1);
    assert_ok(HS(a->m, CORDON_CALL_VM_LOAD, a->handle, GUEST_RAM, frame, 1));
    assert_refused(a->m, CORDON_STATE, HS(a->m, CORDON_CALL_VM_RESTORE, a->handle));
    assert_refused(a->m, CORDON_NO_VM, HS(a->m, CORDON_CALL_VM_RESTORE, 0));
    assert_refused(a->m, CORDON_STATE, HS(a->m, CORDON_CALL_VM_RESTORE, w.g.handle));
    world_free(&w);
}

/* Registers that are seen nowhere else, and a guest that waits for a device's answer. */
static void give_registers(struct world *w)
{
    for (uint32_t i = 0; i < VCPUS; i++) {
        struct vcpu *u = guest_vcpu(&w->g, i);

        guest_secrets(u, 100 * i);
        u->pc = GUEST_RAM + 0x100 * i;
        u->pstate = i == 0 ? 0x3c5 : i == 1 ? 0x60000000 : 0x80000004;
        u->timer_compare = 1000 + i;
        u->timer_control = (uint8_t)(i + 1);
        u->power = (uint8_t)(VCPU_ON - i);
        u->sgis = (uint16_t)(0x8001 << i);
        u->offset = 0;
        u->arch = (struct arch_vcpu){ .aborts = i, .undefined = 7 + i, .timer_at = 500 + i, .timer_on = i == 1,
                                      .in_handler = i == 2, .mdscr = 40 + i };
    }
    guest_vcpu(&w->g, 0)->x[3] = 0;
    guest_does(&w->g, trap_data(GUEST_DEVICE, iss_access(8, 3, false, false, true)));
    assert_exit(guest_run(&w->g, 0), CORDON_EXIT_READ, GUEST_DEVICE, 8, 0, 0);
}

static void same_registers(struct world *w)
{
    for (uint32_t i = 0; i < VCPUS; i++) {
        const struct vcpu *a = guest_vcpu(&w->g, i), *b = guest_vcpu(&w->again, i);

        assert_memory_equal(a->x, b->x, sizeof a->x);
        assert_int_equal(a->pc, b->pc);
        assert_int_equal(a->pstate, b->pstate);
        assert_int_equal(a->timer_compare, b->timer_compare);
        assert_int_equal(a->timer_control, b->timer_control);
        assert_int_equal(a->power, b->power);
        assert_int_equal(a->asked, b->asked);
        assert_int_equal(a->asked_esr, b->asked_esr);
        assert_int_equal(a->asked_far, b->asked_far);
        assert_int_equal(a->sgis, b->sgis);
        assert_memory_equal(&a->arch, &b->arch, sizeof a->arch);
        assert_int_equal(b->index, i);
        assert_int_equal(b->claimed, 0);
        assert_false(b->listed);
    }
}

static void same_memory(struct world *w, const struct saved *s)
{
    struct machine *m = w->g.m;

    assert_int_equal(guest_vm(&w->g)->frames, guest_vm(&w->again)->frames);
    for (unsigned i = 0; i < s->pages; i++) {
        uint64_t gpa = s->page[i].gfn * PAGE;

        for (uint64_t k = 0; k < 512; k++) {
            assert_int_equal(read_at(m, w->g.id, gpa + 8 * k), read_at(m, w->again.id, gpa + 8 * k));
            assert_int_equal(read_uncached(m, w->again.id, gpa + 8 * k), read_at(m, w->again.id, gpa + 8 * k));
        }
    }
}

static void grants_are(struct world *w, uint64_t gpa, uint64_t n)
{
    struct guest_call c = DO(w, &w->again, CORDON_GUEST_QUERY, gpa);

    assert_int_equal(c.x[0], CORDON_OK);
    assert_int_equal(c.x[2], n);
}

/* Whether a token of the guest's says so. */
static void origin_is(struct world *w, struct guest *who, uint64_t generation, uint64_t restored)
{
    struct guest_call c;

    assert_int_equal(STATUS(w, who, CORDON_GUEST_TOKEN_ASK, 1), CORDON_OK);
    c = KEEPER(w, CORDON_KEEPER_READ, who->handle, guest_vcpu(who, 0)->attest.number, 2);
    assert_int_equal(c.x[0], CORDON_OK);
    assert_int_equal(c.x[5], generation);
    assert_int_equal(c.x[6], restored);
}

static void what_is_restored_is_what_was_frozen(void **state)
{
    static struct saved s;
    struct world w;
    struct vcpu *u;

    (void)state;
    world_new(&w);
    give_pages(&w);
    origin_is(&w, &w.g, 0, 0);
    assert_int_equal(STATUS(&w, &w.g, CORDON_GUEST_EXTEND, 3, 1, 2, 3, 4), CORDON_OK);
    for (uint64_t i = 0; i < 8; i++)
        guest_vcpu(&w.g, 0)->attest.personal[i] = 0x9e00 + i;
    give_registers(&w);
    sim_tick(w.g.m->sim, 100000);
    assert_ok(freeze(&w));
    save(&w, &s);
    s.word[0][5] = 3;       /* its generation: the keeper's affair */
    sim_tick(w.g.m->sim, 9000);
    begin_again(&w);
    write_records(&w, &s);
    write_pages(&w, &s);
    assert_int_equal(end_restore(&w), CORDON_OK);
    assert_int_equal(phase_of(&w.again), CORDON_PHASE_RUNNING);
    same_registers(&w);
    same_memory(&w, &s);
    assert_memory_equal(guest_vm(&w.g)->image.hash.h, guest_vm(&w.again)->image.hash.h, 32);
    for (uint32_t i = 0; i < VCPUS; i++)    /* the guest's counter shows what it showed */
        assert_int_equal(guest_vcpu(&w.again, i)->offset, arch_counter(w.g.m->c) - s.word[0][4]);
    u = guest_vcpu(&w.again, 0);
    assert_memory_equal(guest_vcpu(&w.g, 0)->attest.personal, u->attest.personal, 64);
    assert_memory_equal(guest_vcpu(&w.g, 0)->attest.extended, u->attest.extended, 128);
    assert_int_equal(u->attest.state, ATTEST_NONE);     /* what it had asked for is to be asked again */
    /* It goes on: the answer that it waits for comes. */
    assert_int_equal(guest_try(&w.again, 0), CORDON_ANSWER);
    assert_interrupted(guest_answer(&w.again, 0, CORDON_ANSWER_VALUE, 4711, 0, 0, 0));
    assert_int_equal(u->x[3], 4711);
    origin_is(&w, &w.again, 3, 1);
    grants_are(&w, GUEST_RAM + 2 * PAGE, 3);
    grants_are(&w, FAR + PAGE, 1);
    grants_are(&w, GUEST_RAM, 0);
    assert_ok(HS(w.g.m, CORDON_CALL_VM_MEASUREMENT, w.again.handle, 0));
    /* Once: neither end nor anything else comes again, and the frozen one stays so. */
    assert_int_equal(end_restore(&w), CORDON_STATE);
    assert_int_equal(write_page(&w, GUEST_GFN, OWN, 0), CORDON_STATE);
    assert_int_equal(write_piece(&w, &s, 0, 0), CORDON_STATE);
    assert_int_equal(guest_try(&w.g, 0), CORDON_STATE);
    /* And it can be frozen in its turn. */
    assert_ok(HS(w.g.m, CORDON_CALL_VM_FREEZE, w.again.handle));
    assert_int_equal(KEEPER(&w, CORDON_KEEPER_RECORD_READ, w.again.handle, 0, 5).x[2], 3);
    world_free(&w);
}

static void records_come_one_behind_the_other(void **state)
{
    static struct saved s;
    struct world w;

    (void)state;
    world_saved(&w, &s);
    begin_again(&w);
    assert_int_equal(write_piece(&w, &s, 0, PIECE), CORDON_RANGE);      /* a piece is left out */
    assert_int_equal(write_piece(&w, &s, 1, 0), CORDON_RANGE);          /* a record is */
    s.words[0]++;
    assert_int_equal(write_piece(&w, &s, 0, 0), CORDON_RANGE);          /* another size */
    s.words[0]--;
    assert_int_equal(write_piece(&w, &s, 0, 0), CORDON_OK);
    assert_int_equal(write_piece(&w, &s, 0, 0), CORDON_RANGE);          /* twice */
    assert_int_equal(end_restore(&w), CORDON_BUSY);
    for (uint64_t at = PIECE; at < s.words[0]; at += PIECE)
        assert_int_equal(write_piece(&w, &s, 0, at), CORDON_OK);
    for (uint64_t k = 1; k < RECORDS; k++) {
        assert_int_equal(write_piece(&w, &s, 0, 0), CORDON_RANGE);
        assert_int_equal(write_piece(&w, &s, k, PIECE), CORDON_RANGE);
        assert_int_equal(end_restore(&w), CORDON_BUSY);
        assert_int_equal(write_piece(&w, &s, k, 0), CORDON_OK);
        assert_int_equal(write_piece(&w, &s, k, 0), CORDON_RANGE);
        for (uint64_t at = PIECE; at < s.words[k]; at += PIECE)
            assert_int_equal(write_piece(&w, &s, k, at), CORDON_OK);
    }
    assert_int_equal(KEEPS(&w, CORDON_KEEPER_RECORD_WRITE, w.again.handle, RECORDS, 0, s.words[1]), CORDON_RANGE);
    assert_int_equal(end_restore(&w), CORDON_OK);
    world_free(&w);
}

/* A piece with one word changed is refused, and nothing of it taken; as it was it is. */
static void piece_with(struct world *w, struct saved *s, uint64_t k, uint64_t at, uint64_t wrong)
{
    struct vcpu before = *guest_vcpu(&w->again, (uint32_t)(k == 0 ? 0 : k - 1));
    uint64_t right = s->word[k][at];

    s->word[k][at] = wrong;
    assert_int_equal(write_piece(w, s, k, at / PIECE * PIECE), CORDON_RANGE);
    assert_memory_equal(&before, guest_vcpu(&w->again, (uint32_t)(k == 0 ? 0 : k - 1)), sizeof before);
    s->word[k][at] = right;
}

static void what_no_guest_can_have_is_not_restored(void **state)
{
    static const struct {
        uint64_t at, value;
    } bad[] = {
        { PSTATE, 0x3c9 }, { PSTATE, 0x3c8 }, { PSTATE, 0x3cd }, { PSTATE, 0x1 }, { PSTATE, 0x10 }, { PSTATE, 0x1d3 },
        { CONTROL, 4 }, { CONTROL, 256 }, { POWER, VCPU_ON + 1 }, { POWER, 257 }, { ASKED, ASKED_CALL + 1 }, { ASKED, 256 },
        { SGIS, 65536 }, { ARCH + 3, 2 }, { ARCH + 4, 2 },
    };
    static struct saved s;
    struct world w;

    (void)state;
    world_saved(&w, &s);
    begin_again(&w);
    for (uint64_t k = 0; k < RECORDS; k++) {
        for (uint64_t at = 0; at < s.words[k]; at += PIECE) {
            for (uint64_t i = 6; k == 0 && i < 24; i++) {       /* vCPUs and ranges are what the host has declared */
                if (i / PIECE * PIECE == at)
                    piece_with(&w, &s, k, i, s.word[0][i] + 1);
            }
            for (size_t i = 0; k > 0 && i < ALL(bad); i++) {
                if (bad[i].at / PIECE * PIECE == at)
                    piece_with(&w, &s, k, bad[i].at, bad[i].value);
            }
            assert_int_equal(write_piece(&w, &s, k, at), CORDON_OK);
        }
    }
    assert_int_equal(end_restore(&w), CORDON_OK);
    world_free(&w);
}

static void a_restore_is_never_a_keeper(void **state)
{
    static struct saved s;
    struct world w;

    (void)state;
    world_saved(&w, &s);
    memcpy(s.word[0], w.known, sizeof w.known);
    begin_again(&w);
    write_records(&w, &s);
    assert_int_equal(end_restore(&w), CORDON_RANGE);
    assert_int_equal(phase_of(&w.again), CORDON_PHASE_BUILT);
    assert_int_equal(end_restore(&w), CORDON_RANGE);
    world_free(&w);
}

static void pages_are_written_where_the_vm_has_them(void **state)
{
    struct world w;
    uint64_t word[512] = { 1, 2, 3 };

    (void)state;
    world_new(&w);
    begin_again(&w);
    w.again.next = w.g.next;
    (void)guest_map(&w.again, GUEST_RAM, 2);
    assert_ok(op_io(w.g.m, w.again.id, GUEST_DEVICE, DEVICE_PA));
    write_own(&w, OWN, word);
    assert_int_equal(write_page(&w, GUEST_GFN + 2, OWN, 0), CORDON_NOT_MEMORY);
    assert_int_equal(write_page(&w, GUEST_DEVICE / PAGE, OWN, 0), CORDON_NOT_MEMORY);
    assert_int_equal(write_page(&w, w.g.m->c->vm_shape.gfn_limit, OWN, 0), CORDON_RANGE);
    assert_int_equal(write_page(&w, UINT64_MAX, OWN, 0), CORDON_RANGE);
    assert_int_equal(write_page(&w, GUEST_GFN, OWN, CORDON_SHARE_MAX + 1), CORDON_RANGE);
    assert_int_equal(read_at(w.g.m, w.again.id, GUEST_RAM + 16), 0);
    assert_int_equal(write_page(&w, GUEST_GFN, OWN, 0), CORDON_OK);
    assert_int_equal(read_at(w.g.m, w.again.id, GUEST_RAM + 16), 3);
    assert_int_equal(write_page(&w, GUEST_GFN, OWN, CORDON_SHARE_MAX), CORDON_OK);
    word[2] = 4;
    write_own(&w, OWN, word);
    assert_int_equal(write_page(&w, GUEST_GFN, OWN, 0), CORDON_SHARED);
    assert_int_equal(read_at(w.g.m, w.again.id, GUEST_RAM + 16), 3);
    assert_int_equal(read_at(w.g.m, w.again.id, GUEST_RAM + PAGE), 0);
    world_free(&w);
}

/* In each step the host may give it up: all comes back. */
static void a_restore_can_be_destroyed_in_each_step(void **state)
{
    static struct saved s;

    (void)state;
    for (int step = 0; step < 6; step++) {
        struct world w;

        world_new(&w);
        give_pages(&w);
        assert_ok(freeze(&w));
        if (step > 0)
            save(&w, &s);
        if (step > 1)
            begin_again(&w);
        if (step > 2)
            assert_int_equal(write_piece(&w, &s, 0, 0), CORDON_OK);
        if (step > 3)
            write_pages(&w, &s);
        if (step > 4)
            assert_ok(guest_destroy(&w.g));
        if (step > 1)
            assert_ok(guest_destroy(&w.again));
        assert_int_equal(KEEPS(&w, CORDON_KEEPER_RECORD_READ, w.again.handle, 0, 0), CORDON_NO_VM);
        assert_int_equal(end_restore(&w), CORDON_NO_VM);
        world_free(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_root_of_trust_there_are_no_snapshots),
        cmocka_unit_test(a_frozen_guest_stays_as_it_is_until_it_is_stopped),
        cmocka_unit_test(only_one_that_runs_is_frozen_and_never_the_keeper),
        cmocka_unit_test(it_is_not_frozen_while_a_vcpu_is_inside),
        cmocka_unit_test(it_is_not_frozen_with_a_device),
        cmocka_unit_test(the_keeper_reads_records_in_pieces),
        cmocka_unit_test(it_reads_pages_into_one_of_its_own),
        cmocka_unit_test(pages_of_a_block_are_pages),
        cmocka_unit_test(a_page_goes_through_none_but_the_keepers_own),
        cmocka_unit_test(a_page_that_has_gone_meanwhile_gets_nothing),
        cmocka_unit_test(nobody_but_the_serving_keeper_reads_or_writes),
        cmocka_unit_test(a_restore_is_the_keepers_alone),
        cmocka_unit_test(what_the_host_builds_is_not_the_keepers),
        cmocka_unit_test(a_restore_begins_with_all_vcpus_and_no_page),
        cmocka_unit_test(what_is_restored_is_what_was_frozen),
        cmocka_unit_test(records_come_one_behind_the_other),
        cmocka_unit_test(what_no_guest_can_have_is_not_restored),
        cmocka_unit_test(a_restore_is_never_a_keeper),
        cmocka_unit_test(pages_are_written_where_the_vm_has_them),
        cmocka_unit_test(a_restore_can_be_destroyed_in_each_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
