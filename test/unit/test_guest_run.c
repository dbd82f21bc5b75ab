/* SPDX-License-Identifier: Apache-2.0 */
/* CORDON_CALL_VCPU_RUN: what it refuses and in which order, answers, interrupts. <cordon/abi.h>, docs/EXITS.md. */
#include "guest.h"

#define ALL(a) (sizeof(a) / sizeof((a)[0]))
#define DEVICE (GUEST_DEVICE + 0x128)
#define INTERRUPT(id) (CORDON_INTERRUPT_PENDING | CORDON_INTERRUPT_GROUP1 | UINT64_C(0xa0) << CORDON_INTERRUPT_PRIORITY_SHIFT | (id))
#define HW (UINT64_C(1) << 61)

/* A run with interrupts, whatever it answers. */
static struct regs run_with(struct guest *g, uint32_t index, uint64_t i0, uint64_t i1, uint64_t i2, uint64_t i3)
{
    return HC(g->m, CORDON_CALL_VCPU_RUN, g->handle, index, CORDON_ANSWER_NONE, 0, 0, 0, 0, i0, i1, i2, i3);
}

#define assert_no_interrupt(g, ...) \
    assert_refused((g)->m, CORDON_INTERRUPT, (enum cordon_status)run_with((g), 0, __VA_ARGS__).x[0])

/* ---- the order of refusals ---- */

static void run_refuses_in_this_order(void **state)
{
    struct guest g;
    uint64_t bad = INTERRUPT(1020);

    (void)state;
    guest_built(&g, machine_small(), 2);
    assert_refused(g.m, CORDON_NO_VM, HS(g.m, CORDON_CALL_VCPU_RUN, g.handle + 65536, 9, 9, 0, 0, 0, 0, bad));
    assert_refused(g.m, CORDON_STATE, HS(g.m, CORDON_CALL_VCPU_RUN, g.handle, 9, 9, 0, 0, 0, 0, bad));
    guest_start(&g);
    assert_refused(g.m, CORDON_NO_VCPU, HS(g.m, CORDON_CALL_VCPU_RUN, g.handle, 2, 9, 0, 0, 0, 0, bad));
    assert_refused(g.m, CORDON_NO_VCPU, HS(g.m, CORDON_CALL_VCPU_RUN, g.handle, UINT64_C(1) << 32, 9, 0, 0, 0, 0, bad));
    assert_refused(g.m, CORDON_NO_VCPU, HS(g.m, CORDON_CALL_VCPU_RUN, g.handle, UINT64_MAX, 9));
    assert_refused(g.m, CORDON_OFF, HS(g.m, CORDON_CALL_VCPU_RUN, g.handle, 1, 9, 0, 0, 0, 0, bad));
    assert_refused(g.m, CORDON_ANSWER, HS(g.m, CORDON_CALL_VCPU_RUN, g.handle, 0, 9, 0, 0, 0, 0, bad));
    assert_refused(g.m, CORDON_INTERRUPT, HS(g.m, CORDON_CALL_VCPU_RUN, g.handle, 0, 0, 0, 0, 0, 0, bad));
    assert_int_equal(g.resumes, 0);
    guest_free(&g);
}

static struct regs in_play;

static void run_from_within(struct guest *g, struct vcpu *u, struct trap *t)
{
    (void)u, (void)t;
    if (g->resumes == 1)        /* OFF, ANSWER and INTERRUPT would come after RUNNING */
        in_play = HC(g->m, CORDON_CALL_VCPU_RUN, g->handle, 0, 9, 0, 0, 0, 0, INTERRUPT(1020));
}

static void a_vcpu_that_is_in_the_guest_is_entered_by_nobody_else(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    g.play = run_from_within;
    assert_interrupted(guest_run(&g, 0));
    assert_int_equal(in_play.x[0], CORDON_RUNNING);
    assert_int_equal(g.resumes, 1);
    assert_interrupted(guest_run(&g, 0));       /* and it has been let go */
    guest_free(&g);
}

static void another_from_within(struct guest *g, struct vcpu *u, struct trap *t)
{
    (void)u, (void)t;
    if (g->resumes == 1)
        in_play = guest_run(g, (uint32_t)g->arg);
}

static void other_vcpus_of_the_vm_run_meanwhile(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 2);
    (void)guest_call(&g, 0, 0xc4000003, 1, GUEST_ENTRY, 0, &in_play);
    g.play = another_from_within;
    g.arg = 1;
    g.resumes = 0;
    assert_interrupted(guest_run(&g, 0));
    assert_interrupted(in_play);
    assert_int_equal(g.resumes, 2);
    guest_free(&g);
}

/* ---- answers ---- */

/* An exit of each kind that leaves the vCPU able to go on. */
enum asked { INTERRUPTED, MEMORY, READ, WRITE, WAIT, SGI, CALL, CPU_ON, RELINQUISHED, KINDS };

static void exit_with(struct guest *g, enum asked kind)
{
    static const enum cordon_exit exit[KINDS] = {
        CORDON_EXIT_INTERRUPTED, CORDON_EXIT_MEMORY, CORDON_EXIT_READ, CORDON_EXIT_WRITE, CORDON_EXIT_WAIT, CORDON_EXIT_SGI,
        CORDON_EXIT_HOST_CALL, CORDON_EXIT_CPU_ON, CORDON_EXIT_RELINQUISHED,
    };
    struct vcpu *u = guest_vcpu(g, 0);
    struct regs r;

    u->x[0] = kind == CALL ? CORDON_GUEST_HOST : kind == CPU_ON ? 0xc4000003 : CORDON_GUEST_RELINQUISH;
    u->x[1] = kind == CPU_ON ? 1 : GUEST_RAM;
    u->x[2] = kind == CPU_ON ? GUEST_ENTRY : PAGE;
    u->x[5] = 1;
    switch (kind) {
    case INTERRUPTED: break;
    case MEMORY: guest_does(g, trap_data(GUEST_RAM + 4 * MIB, 0)); break;
    case READ: guest_does(g, trap_data(DEVICE, iss_access(4, 3, false, false, false))); break;
    case WRITE: guest_does(g, trap_data(DEVICE, iss_access(4, 3, true, false, false))); break;
    case WAIT: guest_does(g, trap_sync(0x01, 0)); break;
    case SGI: guest_does(g, trap_system(3, 0, 12, 11, 5, 5, false)); break;
    default: guest_does(g, trap_hvc(0)); break;
    }
    r = guest_run(g, 0);
    assert_int_equal(r.x[1], exit[kind]);
}

static void each_exit_takes_the_answers_that_it_asks_for_and_no_others(void **state)
{
    static const bool fits[KINDS][3] = {
        /* NONE, VALUE, ABORT */
        [INTERRUPTED] = { true, false, false }, [MEMORY] = { true, false, false }, [READ] = { false, true, true },
        [WRITE] = { true, false, true }, [WAIT] = { true, false, false }, [SGI] = { true, false, false },
        [CALL] = { false, true, false }, [CPU_ON] = { true, false, false }, [RELINQUISHED] = { true, false, false },
    };

    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        for (uint64_t answer = 0; answer < 3; answer++) {
            struct guest g;

            guest_new(&g, 2);
            (void)guest_map(&g, GUEST_RAM, 1);
            exit_with(&g, (enum asked)kind);
            assert_refused(g.m, CORDON_ANSWER, HS(g.m, CORDON_CALL_VCPU_RUN, g.handle, 0, 3));
            assert_refused(g.m, CORDON_ANSWER, HS(g.m, CORDON_CALL_VCPU_RUN, g.handle, 0, answer | UINT64_C(1) << 32));
            assert_refused(g.m, CORDON_ANSWER, HS(g.m, CORDON_CALL_VCPU_RUN, g.handle, 0, UINT64_MAX));
            if (!fits[kind][answer])
                assert_refused(g.m, CORDON_ANSWER, HS(g.m, CORDON_CALL_VCPU_RUN, g.handle, 0, answer));
            else
                assert_ok(HS(g.m, CORDON_CALL_VCPU_RUN, g.handle, 0, answer));
            if (fits[kind][answer])     /* it has been answered: nothing is asked any more */
                assert_refused(g.m, CORDON_ANSWER, HS(g.m, CORDON_CALL_VCPU_RUN, g.handle, 0, CORDON_ANSWER_VALUE));
            guest_free(&g);
        }
    }
}

static void an_answer_of_one_vcpu_is_none_of_anothers(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 2);
    (void)guest_call(&g, 0, 0xc4000003, 1, GUEST_ENTRY, 0, &in_play);
    guest_does(&g, trap_data(DEVICE, iss_access(4, 3, false, false, false)));
    assert_int_equal(guest_run(&g, 0).x[1], CORDON_EXIT_READ);
    assert_refused(g.m, CORDON_ANSWER, HS(g.m, CORDON_CALL_VCPU_RUN, g.handle, 1, CORDON_ANSWER_VALUE, 1));
    assert_interrupted(guest_run(&g, 1));
    assert_interrupted(guest_answer(&g, 0, CORDON_ANSWER_VALUE, 1, 0, 0, 0));
    guest_free(&g);
}

/* What a load of so many bytes makes of the bus's value, said once more in C. */
static uint64_t loaded(uint64_t bytes, bool sign, bool wide, uint64_t value)
{
    uint64_t r = bytes == 1 ? (sign ? (uint64_t)(int64_t)(int8_t)value : (uint8_t)value)
               : bytes == 2 ? (sign ? (uint64_t)(int64_t)(int16_t)value : (uint16_t)value)
               : bytes == 4 ? (sign ? (uint64_t)(int64_t)(int32_t)value : (uint32_t)value)
                            : value;

    return wide ? r : (uint32_t)r;
}

static void a_value_goes_into_the_one_register_as_the_load_says(void **state)
{
    static const uint64_t value[] = { 0, UINT64_MAX, UINT64_C(0x8000000000000000), UINT64_C(0x1122334480818283),
                                      UINT64_C(0xffffffff7f7f7f7f), 0x80, 0x8000, 0x80000000 };
    struct guest g;
    struct vcpu *u;

    (void)state;
    guest_new(&g, 1);
    u = guest_vcpu(&g, 0);
    for (uint64_t bytes = 1; bytes <= 8; bytes *= 2) {
        for (int form = 0; form < 4 * 8; form++) {
            bool sign = form % 2 != 0 && bytes < 8, wide = form / 2 % 2 != 0 || bytes == 8;
            uint64_t rt = (uint64_t)form * 7 % 32;
            struct vcpu before;

            guest_secrets(u, bytes + 100);
            before = *u;
            guest_does(&g, trap_data(DEVICE, iss_access(bytes, rt, false, sign, wide)));
            assert_exit(guest_run(&g, 0), CORDON_EXIT_READ, DEVICE, bytes, 0, 0);
            assert_int_equal(u->pc, before.pc);
            /* Values behind the first are ignored. */
            assert_interrupted(guest_answer(&g, 0, CORDON_ANSWER_VALUE, value[form / 4], 1, 2, 3));
            assert_int_equal(u->pc, before.pc + 4);
            for (uint64_t i = 0; i < 31; i++)
                assert_int_equal(u->x[i], i == rt ? loaded(bytes, sign, wide, value[form / 4]) : before.x[i]);
        }
    }
    guest_free(&g);
}

static void a_write_is_over_when_the_host_says_nothing(void **state)
{
    struct guest g;
    struct vcpu *u;
    struct vcpu before;

    (void)state;
    guest_new(&g, 1);
    u = guest_vcpu(&g, 0);
    guest_secrets(u, 5);
    before = *u;
    guest_does(&g, trap_data(DEVICE, iss_access(2, 9, true, false, false)));
    assert_exit(guest_run(&g, 0), CORDON_EXIT_WRITE, DEVICE, 2, before.x[9] & 0xffff, 0);
    assert_interrupted(guest_answer(&g, 0, CORDON_ANSWER_NONE, 1, 2, 3, 4));
    assert_int_equal(u->pc, before.pc + 4);
    assert_memory_equal(u->x, before.x, sizeof(u->x));
    guest_free(&g);
}

static void an_abort_is_the_guests_exception_and_moves_nothing_else(void **state)
{
    static const enum asked kinds[] = { READ, WRITE };

    (void)state;
    for (size_t i = 0; i < ALL(kinds); i++) {
        struct guest g;
        struct vcpu *u;
        struct vcpu before;

        guest_new(&g, 1);
        exit_with(&g, kinds[i]);
        u = guest_vcpu(&g, 0);
        before = *u;
        assert_interrupted(guest_answer(&g, 0, CORDON_ANSWER_ABORT, 1, 2, 3, 4));
        assert_int_equal(u->arch.aborts, before.arch.aborts + 1);
        assert_int_equal(u->pc, before.pc);
        assert_memory_equal(u->x, before.x, sizeof(u->x));
        guest_free(&g);
    }
}

/* Else the host chose for each page of a guest's whether its first access is one, or a call of the guest's abort handler. */
static void memory_that_was_declared_never_aborts(void **state)
{
    static const uint64_t place[] = { GUEST_RAM, GUEST_RAM + 4 * MIB + 0x7f8, GUEST_RAM + GUEST_RAM_SIZE - 1 };
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    for (size_t i = 0; i < 3 * ALL(place); i++) {
        uint64_t at = place[i / 3];

        guest_does(&g, i % 3 == 0 ? trap_fetch(at) : trap_data(at, i % 3 == 1 ? 0 : ISS_WNR));
        assert_int_equal(guest_run(&g, 0).x[1], CORDON_EXIT_MEMORY);
        assert_refused(g.m, CORDON_ANSWER, HS(g.m, CORDON_CALL_VCPU_RUN, g.handle, 0, CORDON_ANSWER_ABORT));
        assert_int_equal(guest_vcpu(&g, 0)->arch.aborts, 0);
        (void)guest_map(&g, at - at % PAGE, i % 3 == 2 ? 1 : 0);
        assert_interrupted(guest_run(&g, 0));
        assert_int_equal(guest_vcpu(&g, 0)->arch.aborts, 0);
    }
    guest_free(&g);
}

static void memory_is_tried_again_when_the_host_says_nothing(void **state)
{
    struct guest g;
    struct vcpu before;

    (void)state;
    guest_new(&g, 1);
    exit_with(&g, MEMORY);
    before = *guest_vcpu(&g, 0);
    assert_interrupted(guest_run(&g, 0));
    assert_int_equal(guest_vcpu(&g, 0)->pc, before.pc);
    assert_int_equal(guest_vcpu(&g, 0)->arch.aborts, 0);
    guest_free(&g);
}

static void a_call_to_the_host_gets_four_registers_and_no_more(void **state)
{
    struct guest g;
    struct vcpu *u;
    struct vcpu before;

    (void)state;
    guest_new(&g, 1);
    u = guest_vcpu(&g, 0);
    guest_secrets(u, 8);
    u->x[0] = CORDON_GUEST_HOST;
    before = *u;
    guest_does(&g, trap_hvc(0));
    assert_exit(guest_run(&g, 0), CORDON_EXIT_HOST_CALL, before.x[1], before.x[2], before.x[3], before.x[4]);
    assert_interrupted(guest_answer(&g, 0, CORDON_ANSWER_VALUE, 11, 22, 33, 44));
    for (uint64_t i = 0; i < 31; i++)
        assert_int_equal(u->x[i], i < 4 ? 11 * (i + 1) : before.x[i]);
    assert_int_equal(u->pc, before.pc);
    guest_free(&g);
}

/* ---- interrupts ---- */

static void only_the_fields_of_an_interrupt_are_the_hosts_to_set(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    for (int bit = 0; bit < 64; bit++) {
        uint64_t word = INTERRUPT(64) | UINT64_C(1) << bit;
        bool field = bit < 32 || (bit >= 48 && bit < 56) || bit == 60 || bit == 62 || bit == 63;

        if (!field)
            assert_no_interrupt(&g, word, 0, 0, 0);
        else if (bit < 10 || bit >= 32)
            assert_ok((enum cordon_status)run_with(&g, 0, word, 0, 0, 0).x[0]);
    }
    assert_no_interrupt(&g, INTERRUPT(64) & ~CORDON_INTERRUPT_PENDING, 0, 0, 0);
    assert_no_interrupt(&g, INTERRUPT(64) & ~CORDON_INTERRUPT_GROUP1, 0, 0, 0);
    assert_no_interrupt(&g, 64, 0, 0, 0);
    guest_free(&g);
}

static void intids_end_at_1019(void **state)
{
    static const uint64_t bad[] = { 1020, 1021, 1022, 1023, 1024, 8191, 8192, UINT32_MAX, UINT64_C(0x80000000) };
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    for (size_t i = 0; i < ALL(bad); i++) {
        assert_no_interrupt(&g, INTERRUPT(bad[i]), 0, 0, 0);
        assert_no_interrupt(&g, 0, 0, 0, INTERRUPT(bad[i]));
        assert_no_interrupt(&g, 0, (INTERRUPT(bad[i]) & ~CORDON_INTERRUPT_PENDING) | CORDON_INTERRUPT_ACTIVE, 0, 0);
    }
    assert_ok((enum cordon_status)run_with(&g, 0, INTERRUPT(1019), INTERRUPT(16), INTERRUPT(32), INTERRUPT(31)).x[0]);
    guest_free(&g);
}

static void an_interrupt_is_named_once(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    for (int a = 0; a < 4; a++) {
        for (int b = a + 1; b < 4; b++) {
            uint64_t word[4] = { INTERRUPT(100), INTERRUPT(101), INTERRUPT(102), INTERRUPT(103) };

            word[b] = (INTERRUPT(100 + (uint64_t)a) & ~CORDON_INTERRUPT_PENDING) | CORDON_INTERRUPT_ACTIVE;
            assert_no_interrupt(&g, word[0], word[1], word[2], word[3]);
        }
    }
    guest_free(&g);
}

/* What the guest finds in its list registers, and what it leaves in them. */
static uint64_t seen[CORDON_INTERRUPTS];
static uint64_t leave[CORDON_INTERRUPTS];

static void take_interrupts(struct guest *g, struct vcpu *u, struct trap *t)
{
    (void)g, (void)t;
    for (int i = 0; i < CORDON_INTERRUPTS; i++) {
        seen[i] = u->interrupt[i];
        u->interrupt[i] = leave[i];
    }
}

static void interrupts_reach_the_guest_and_come_back_each_in_its_place(void **state)
{
    struct guest g;
    struct regs r;
    uint64_t active = (INTERRUPT(33) & ~CORDON_INTERRUPT_PENDING) | CORDON_INTERRUPT_ACTIVE;

    (void)state;
    guest_new(&g, 1);
    g.play = take_interrupts;
    leave[0] = INTERRUPT(32);                                   /* as it was */
    leave[1] = active;                                          /* taken */
    leave[2] = INTERRUPT(34) & ~CORDON_INTERRUPT_PENDING;       /* over */
    leave[3] = 0;                                               /* over, and the register emptied */
    r = run_with(&g, 0, INTERRUPT(32), INTERRUPT(33), INTERRUPT(34), INTERRUPT(35));
    assert_int_equal(r.x[0], CORDON_OK);
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(seen[i], INTERRUPT(32 + i));
    assert_int_equal(r.x[8], INTERRUPT(32));
    assert_int_equal(r.x[9], active);
    assert_int_equal(r.x[10], 0);
    assert_int_equal(r.x[11], 0);
    for (int i = 0; i < 4; i++)
        leave[i] = 0;
    r = run_with(&g, 0, INTERRUPT(40), INTERRUPT(41), INTERRUPT(42), INTERRUPT(43));
    assert_int_equal(r.x[8] | r.x[9] | r.x[10] | r.x[11], 0);
    r = run_with(&g, 0, 0, 0, 0, 0);
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(seen[i], 0);
    guest_free(&g);
}

static void what_was_listed_before_is_gone_when_the_host_lists_nothing(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    assert_int_equal(run_with(&g, 0, INTERRUPT(32), 0, 0, 0).x[8], INTERRUPT(32));
    g.play = take_interrupts;
    leave[0] = leave[1] = leave[2] = leave[3] = 0;
    seen[0] = 1;
    assert_interrupted(run_with(&g, 0, 0, 0, 0, 0));
    assert_int_equal(seen[0], 0);
    guest_free(&g);
}

/* ---- SGIs ---- */

static void send(struct guest *g, uint32_t from, uint64_t value)
{
    guest_vcpu(g, from)->x[7] = value;
    guest_does(g, trap_system(3, 0, 12, 11, 5, 7, false));
}

static void an_sgi_that_no_vcpu_has_sent_is_refused(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 2);
    send(&g, 0, UINT64_C(3) << 24 | 1);         /* SGI 3 to itself */
    assert_exit(guest_run(&g, 0), CORDON_EXIT_SGI, 1, 3, 0, 0);
    for (uint64_t id = 0; id < 16; id++) {
        if (id != 3)
            assert_no_interrupt(&g, INTERRUPT(id), 0, 0, 0);
        assert_no_interrupt(&g, INTERRUPT(32), INTERRUPT(id) | (id == 3 ? HW : CORDON_INTERRUPT_ACTIVE), 0, 0);
    }
    assert_ok((enum cordon_status)run_with(&g, 0, INTERRUPT(3), 0, 0, 0).x[0]);
    guest_free(&g);
}

static void an_sgi_is_delivered_once(void **state)
{
    struct guest g;
    uint64_t active = (INTERRUPT(3) & ~CORDON_INTERRUPT_PENDING) | CORDON_INTERRUPT_ACTIVE;

    (void)state;
    guest_new(&g, 1);
    send(&g, 0, UINT64_C(3) << 24 | 1);
    (void)guest_run(&g, 0);
    g.play = take_interrupts;
    leave[0] = active;
    assert_int_equal(run_with(&g, 0, INTERRUPT(3), 0, 0, 0).x[8], active);
    assert_no_interrupt(&g, INTERRUPT(3), 0, 0, 0);
    assert_no_interrupt(&g, active | CORDON_INTERRUPT_PENDING, 0, 0, 0);
    leave[0] = 0;
    assert_int_equal(run_with(&g, 0, active, 0, 0, 0).x[0], CORDON_OK);        /* the active one goes on */
    guest_free(&g);
}

static void an_sgi_that_is_pending_still_may_be_listed_again(void **state)
{
    struct guest g;
    uint64_t both = INTERRUPT(3) | CORDON_INTERRUPT_ACTIVE;

    (void)state;
    guest_new(&g, 1);
    send(&g, 0, UINT64_C(3) << 24 | 1);
    (void)guest_run(&g, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(run_with(&g, 0, INTERRUPT(3), 0, 0, 0).x[8], INTERRUPT(3));
    g.play = take_interrupts;
    leave[0] = both;            /* it took it, and another one came */
    assert_int_equal(run_with(&g, 0, INTERRUPT(3), 0, 0, 0).x[8], both);
    leave[0] = 0;
    assert_ok((enum cordon_status)run_with(&g, 0, both, 0, 0, 0).x[0]);
    assert_no_interrupt(&g, INTERRUPT(3), 0, 0, 0);
    guest_free(&g);
}

static void a_refused_run_uses_up_no_sgi(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    send(&g, 0, UINT64_C(3) << 24 | 1);
    (void)guest_run(&g, 0);
    assert_no_interrupt(&g, INTERRUPT(3), INTERRUPT(4), 0, 0);
    assert_ok((enum cordon_status)run_with(&g, 0, INTERRUPT(3), 0, 0, 0).x[0]);
    guest_free(&g);
}

static void send_again(struct guest *g, struct vcpu *u, struct trap *t)
{
    if (g->resumes == g->arg) {
        u->x[7] = UINT64_C(3) << 24 | 1;
        u->interrupt[0] = 0;    /* the first has been taken and ended */
        *t = trap_system(3, 0, 12, 11, 5, 7, false);
    }
}

static void an_sgi_sent_while_one_is_listed_is_not_lost(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    send(&g, 0, UINT64_C(3) << 24 | 1);
    (void)guest_run(&g, 0);
    g.play = send_again;
    g.arg = g.resumes + 1;
    assert_int_equal(run_with(&g, 0, INTERRUPT(3), 0, 0, 0).x[1], CORDON_EXIT_SGI);
    assert_ok((enum cordon_status)run_with(&g, 0, INTERRUPT(3), 0, 0, 0).x[0]);
    guest_free(&g);
}

/* ---- the timer ---- */

#define TIMER INTERRUPT(CORDON_TIMER_INTID)
#define TIMER_LISTED (TIMER | HW | (uint64_t)CORDON_TIMER_INTID << 32)

static void arm_timer(struct guest *g, bool on, uint64_t at)
{
    guest_vcpu(g, 0)->arch.timer_on = on;
    guest_vcpu(g, 0)->arch.timer_at = at;
}

static void the_host_is_told_when_the_timer_fires_and_that_it_does(void **state)
{
    struct guest g;
    struct regs r;

    (void)state;
    guest_built(&g, machine_small(), 1);
    sim_tick(g.m->sim, 5000);
    guest_start(&g);
    arm_timer(&g, true, 100);           /* of the guest's counter */
    r = guest_run(&g, 0);
    assert_int_equal(r.x[6], 5100);
    assert_int_equal(r.x[7], 0);
    sim_tick(g.m->sim, 99);
    assert_int_equal(guest_run(&g, 0).x[7], 0);
    sim_tick(g.m->sim, 1);
    r = guest_run(&g, 0);
    assert_int_equal(r.x[6], 5100);
    assert_int_equal(r.x[7], 1);
    arm_timer(&g, false, 100);
    r = guest_run(&g, 0);
    assert_int_equal(r.x[6], UINT64_MAX);
    assert_int_equal(r.x[7], 0);
    guest_free(&g);
}

static void the_timers_interrupt_is_taken_only_while_the_timer_asks_for_it(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    assert_no_interrupt(&g, TIMER, 0, 0, 0);
    arm_timer(&g, true, 10);
    assert_no_interrupt(&g, TIMER, 0, 0, 0);
    assert_no_interrupt(&g, 0, 0, TIMER | CORDON_INTERRUPT_ACTIVE, 0);
    sim_tick(g.m->sim, 10);
    assert_ok((enum cordon_status)run_with(&g, 0, TIMER, 0, 0, 0).x[0]);
    arm_timer(&g, false, 10);
    assert_no_interrupt(&g, TIMER, 0, 0, 0);
    /* One that is active only was taken by the guest before. */
    assert_ok((enum cordon_status)run_with(&g, 0, (TIMER & ~CORDON_INTERRUPT_PENDING) | CORDON_INTERRUPT_ACTIVE, 0, 0, 0).x[0]);
    guest_free(&g);
}

#define PHYSICAL INTERRUPT(CORDON_PHYSICAL_TIMER_INTID)

/* Nothing of the hardware's is behind it. */
static void the_physical_timers_interrupt_is_taken_only_while_it_fires(void **state)
{
    struct guest g;
    struct vcpu *u;

    (void)state;
    guest_new(&g, 1);
    u = guest_vcpu(&g, 0);
    assert_no_interrupt(&g, PHYSICAL, 0, 0, 0);
    u->timer_control = 1;
    u->timer_compare = 10;
    assert_no_interrupt(&g, PHYSICAL, 0, 0, 0);
    assert_no_interrupt(&g, 0, PHYSICAL | CORDON_INTERRUPT_ACTIVE, 0, 0);
    sim_tick(g.m->sim, 10);
    assert_ok((enum cordon_status)run_with(&g, 0, PHYSICAL, 0, 0, 0).x[0]);
    assert_int_equal(u->interrupt[0], PHYSICAL);
    u->timer_control = 3;
    assert_no_interrupt(&g, PHYSICAL, 0, 0, 0);
    u->timer_control = 0;
    assert_no_interrupt(&g, PHYSICAL, 0, 0, 0);
    assert_ok((enum cordon_status)run_with(&g, 0, (PHYSICAL & ~CORDON_INTERRUPT_PENDING) | CORDON_INTERRUPT_ACTIVE, 0, 0, 0).x[0]);
    u->timer_control = 1;
    assert_no_interrupt(&g, TIMER, 0, 0, 0);    /* it is not the other one */
    guest_free(&g);
}

static void the_timers_list_register_names_the_hardware_and_the_host_never_sees_that(void **state)
{
    struct guest g;
    struct regs r;

    (void)state;
    guest_new(&g, 1);
    arm_timer(&g, true, 0);
    g.play = take_interrupts;
    leave[0] = INTERRUPT(40);
    leave[1] = TIMER_LISTED;
    leave[2] = leave[3] = 0;
    r = run_with(&g, 0, INTERRUPT(40), TIMER, 0, 0);
    assert_int_equal(seen[0], INTERRUPT(40));
    assert_int_equal(seen[1], TIMER_LISTED);
    assert_int_equal(r.x[9], TIMER);
    leave[1] = (TIMER_LISTED & ~CORDON_INTERRUPT_PENDING) | CORDON_INTERRUPT_ACTIVE;
    r = run_with(&g, 0, INTERRUPT(40), TIMER, 0, 0);
    assert_int_equal(r.x[9], (TIMER & ~CORDON_INTERRUPT_PENDING) | CORDON_INTERRUPT_ACTIVE);
    assert_no_interrupt(&g, 0, TIMER | HW, 0, 0);
    assert_no_interrupt(&g, 0, TIMER | UINT64_C(27) << 32, 0, 0);
    guest_free(&g);
}

static void a_timer_that_is_pending_and_active_is_listed_as_active(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    arm_timer(&g, true, 0);
    g.play = take_interrupts;
    leave[0] = leave[1] = leave[2] = leave[3] = 0;
    (void)run_with(&g, 0, TIMER | CORDON_INTERRUPT_ACTIVE, 0, 0, 0);
    assert_int_equal(seen[0], (TIMER_LISTED & ~CORDON_INTERRUPT_PENDING) | CORDON_INTERRUPT_ACTIVE);
    guest_free(&g);
}

static void other_interrupts_keep_pending_and_active(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    g.play = take_interrupts;
    leave[0] = leave[1] = leave[2] = leave[3] = 0;
    (void)run_with(&g, 0, INTERRUPT(50) | CORDON_INTERRUPT_ACTIVE, 0, 0, 0);
    assert_int_equal(seen[0], INTERRUPT(50) | CORDON_INTERRUPT_ACTIVE);
    guest_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_refuses_in_this_order),
        cmocka_unit_test(a_vcpu_that_is_in_the_guest_is_entered_by_nobody_else),
        cmocka_unit_test(other_vcpus_of_the_vm_run_meanwhile),
        cmocka_unit_test(each_exit_takes_the_answers_that_it_asks_for_and_no_others),
        cmocka_unit_test(an_answer_of_one_vcpu_is_none_of_anothers),
        cmocka_unit_test(a_value_goes_into_the_one_register_as_the_load_says),
        cmocka_unit_test(a_write_is_over_when_the_host_says_nothing),
        cmocka_unit_test(an_abort_is_the_guests_exception_and_moves_nothing_else),
        cmocka_unit_test(memory_that_was_declared_never_aborts),
        cmocka_unit_test(memory_is_tried_again_when_the_host_says_nothing),
        cmocka_unit_test(a_call_to_the_host_gets_four_registers_and_no_more),
        cmocka_unit_test(only_the_fields_of_an_interrupt_are_the_hosts_to_set),
        cmocka_unit_test(intids_end_at_1019),
        cmocka_unit_test(an_interrupt_is_named_once),
        cmocka_unit_test(interrupts_reach_the_guest_and_come_back_each_in_its_place),
        cmocka_unit_test(what_was_listed_before_is_gone_when_the_host_lists_nothing),
        cmocka_unit_test(an_sgi_that_no_vcpu_has_sent_is_refused),
        cmocka_unit_test(an_sgi_is_delivered_once),
        cmocka_unit_test(an_sgi_that_is_pending_still_may_be_listed_again),
        cmocka_unit_test(a_refused_run_uses_up_no_sgi),
        cmocka_unit_test(an_sgi_sent_while_one_is_listed_is_not_lost),
        cmocka_unit_test(the_host_is_told_when_the_timer_fires_and_that_it_does),
        cmocka_unit_test(the_timers_interrupt_is_taken_only_while_the_timer_asks_for_it),
        cmocka_unit_test(the_physical_timers_interrupt_is_taken_only_while_it_fires),
        cmocka_unit_test(the_timers_list_register_names_the_hardware_and_the_host_never_sees_that),
        cmocka_unit_test(a_timer_that_is_pending_and_active_is_listed_as_active),
        cmocka_unit_test(other_interrupts_keep_pending_and_active),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
