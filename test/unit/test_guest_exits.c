/* SPDX-License-Identifier: Apache-2.0 */
/* Traps of a guest: which are done here, which become an exit, and what the host then sees to the bit. docs/EXITS.md. */
#include "guest.h"

#include <string.h>

#define ALL(a) (sizeof(a) / sizeof((a)[0]))
#define DEVICE (GUEST_DEVICE + 0x128)
#define BLOCK_AT (4 * MIB)
#define PSTATE_BTYPE (UINT64_C(3) << 10)
#define PSTATE_SS (UINT64_C(1) << 21)
#define PSTATE_AARCH32 UINT64_C(0x10)

/* A guest full of secrets; *before is its vCPU. */
static struct vcpu *guest_of_secrets(struct guest *g, struct vcpu *before)
{
    struct vcpu *u;

    guest_new(g, 2);
    u = guest_vcpu(g, 0);
    guest_secrets(u, 4711);
    *before = *u;
    return u;
}

/* The guest took an exception, saw nothing else, and was interrupted later. */
static void guest_aborts(struct guest *g, struct vcpu *u, struct trap t)
{
    struct vcpu before = *u;

    guest_does(g, t);
    assert_interrupted(guest_run(g, 0));
    assert_int_equal(u->arch.aborts, before.arch.aborts + 1);
    assert_int_equal(u->arch.undefined, before.arch.undefined);
    assert_int_equal(u->pc, before.pc);
    assert_memory_equal(u->x, before.x, sizeof(u->x));
}

static void guest_is_undefined(struct guest *g, struct vcpu *u, struct trap t)
{
    struct vcpu before = *u;

    guest_does(g, t);
    assert_interrupted(guest_run(g, 0));
    assert_int_equal(u->arch.undefined, before.arch.undefined + 1);
    assert_int_equal(u->arch.aborts, before.arch.aborts);
    assert_int_equal(u->pc, before.pc);
    assert_memory_equal(u->x, before.x, sizeof(u->x));
}

/* ---- waiting ---- */

static void wfi_is_a_wait_and_wfe_is_none(void **state)
{
    struct guest g;
    struct vcpu before;
    struct vcpu *u = guest_of_secrets(&g, &before);

    (void)state;
    guest_does(&g, trap_sync(0x01, 0));                     /* WFI */
    assert_exit(guest_run(&g, 0), CORDON_EXIT_WAIT, 0, 0, 0, 0);
    assert_int_equal(u->pc, before.pc + 4);
    guest_does(&g, trap_sync(0x01, 1));                     /* WFE */
    assert_interrupted(guest_run(&g, 0));
    assert_int_equal(u->pc, before.pc + 8);
    guest_does(&g, trap_sync(0x01, 2));                     /* WFIT */
    assert_exit(guest_run(&g, 0), CORDON_EXIT_WAIT, 0, 0, 0, 0);
    guest_does(&g, trap_sync(0x01, 3));                     /* WFET */
    assert_interrupted(guest_run(&g, 0));
    assert_int_equal(u->pc, before.pc + 16);
    guest_does(&g, (struct trap){ .kind = TRAP_SYNC, .esr = UINT64_C(1) << 26 | 1 });  /* of 16 bits */
    assert_interrupted(guest_run(&g, 0));
    assert_int_equal(u->pc, before.pc + 18);
    assert_memory_equal(u->x, before.x, sizeof(u->x));
    guest_free(&g);
}

/* ---- HVC and SMC ---- */

static void smc_is_stepped_over_and_hvc_is_over_already(void **state)
{
    struct guest g;
    struct vcpu before;
    struct vcpu *u = guest_of_secrets(&g, &before);

    (void)state;
    u->x[0] = 0x84000000;                                   /* PSCI_VERSION */
    guest_does(&g, trap_hvc(0));
    assert_interrupted(guest_run(&g, 0));
    assert_int_equal(u->pc, before.pc);
    assert_int_equal(u->x[0], 0x10001);
    u->x[0] = 0x84000000;
    guest_does(&g, trap_smc(0));
    assert_interrupted(guest_run(&g, 0));
    assert_int_equal(u->pc, before.pc + 4);
    assert_int_equal(u->x[0], 0x10001);
    guest_free(&g);
}

static void an_immediate_other_than_0_is_no_call(void **state)
{
    static const uint64_t immediate[] = { 1, 0x100, 0x8000, 0xffff };
    struct guest g;
    struct vcpu before;
    struct vcpu *u = guest_of_secrets(&g, &before);

    (void)state;
    for (size_t i = 0; i < ALL(immediate); i++) {
        for (int smc = 0; smc < 2; smc++) {
            before.pc = u->pc;
            u->x[0] = 0x84000008;                           /* SYSTEM_OFF */
            guest_does(&g, smc ? trap_smc(immediate[i]) : trap_hvc(immediate[i]));
            assert_interrupted(guest_run(&g, 0));
            assert_int_equal(u->x[0], UINT64_MAX);
            assert_int_equal(u->pc, before.pc + (smc ? 4 : 0));
            assert_memory_equal(&u->x[1], &before.x[1], sizeof(u->x) - 8);
        }
    }
    guest_free(&g);
}

static void what_is_done_for_the_guest_leaves_no_step_state_behind(void **state)
{
    const struct trap done[] = { trap_sync(0x01, 1), trap_smc(1), trap_system(2, 0, 0, 2, 2, 3, true),
                                 trap_data(DEVICE, iss_access(4, 3, true, false, false)) };
    struct guest g;
    struct vcpu before;
    struct vcpu *u = guest_of_secrets(&g, &before);

    (void)state;
    for (size_t i = 0; i < ALL(done); i++) {
        u->pstate = 0x600003c5 | PSTATE_BTYPE | PSTATE_SS;
        guest_does(&g, done[i]);
        (void)guest_run(&g, 0);
        (void)guest_run(&g, 0);     /* NONE is the answer to a write */
        assert_int_equal(u->pstate, 0x600003c5);
    }
    guest_free(&g);
}

/* ---- memory ---- */

static void a_page_that_is_not_there_is_told_as_a_page_and_how(void **state)
{
    static const struct {
        bool fetch;
        uint64_t iss;
        uint64_t told;
    } how[] = {
        { false, 0, 0 }, { false, ISS_WNR, 1 }, { true, 0, 2 },
        { false, ISS_WNR | ISS_CM, 0 },                     /* maintenance of a cache is no write */
        { false, ISS_WNR | ISS_S1PTW, 0 },                  /* nor is a walk */
        { false, ISS_ISV | ISS_WNR | 3 << 16 | UINT64_C(3) << 22, 1 },
    };
    static const uint64_t place[] = { GUEST_RAM, GUEST_RAM + 0x7f9, GUEST_RAM + GUEST_RAM_SIZE - 1 };
    struct guest g;
    struct vcpu before;
    struct vcpu *u = guest_of_secrets(&g, &before);

    (void)state;
    for (size_t i = 0; i < ALL(how); i++) {
        for (size_t k = 0; k < ALL(place); k++) {
            guest_does(&g, how[i].fetch ? trap_fetch(place[k]) : trap_data(place[k], how[i].iss));
            assert_exit(guest_run(&g, 0), CORDON_EXIT_MEMORY, place[k] / PAGE * PAGE, how[i].told, 0, 0);
            assert_int_equal(u->pc, before.pc);
            assert_memory_equal(u->x, before.x, sizeof(u->x));
            assert_int_equal(u->arch.aborts, 0);
        }
    }
    guest_free(&g);
}

/*
 * A vCPU that meets an entry while another CPU has it broken, to make it anew, finds nothing there. It has to wait for that, which
 * is a walk with the VM's lock held, and try again: the host gave the page long ago, and can do nothing.
 */
static void a_fault_on_what_is_mapped_by_now_is_no_exit(void **state)
{
    static const uint64_t place[] = { 0, 0x7f8, BLOCK_AT, BLOCK_AT + 511 * PAGE + 0xff8 };
    struct guest g;
    struct vcpu before;
    struct vcpu *u = guest_of_secrets(&g, &before);

    (void)state;
    (void)guest_map(&g, GUEST_RAM, 1);
    (void)guest_map_block(&g, GUEST_RAM + BLOCK_AT);
    for (size_t i = 0; i < 3 * ALL(place); i++) {
        uint64_t at = GUEST_RAM + place[i / 3];

        g.resumes = 0;
        guest_does(&g, i % 3 == 0 ? trap_fetch(at) : trap_data(at, i % 3 == 1 ? 0 : ISS_WNR));
        assert_interrupted(guest_run(&g, 0));
        assert_int_equal(g.resumes, 2);
    }
    assert_int_equal(u->pc, before.pc);
    assert_int_equal(u->arch.aborts, 0);
    assert_memory_equal(u->x, before.x, sizeof(u->x));
    guest_does(&g, trap_data(GUEST_RAM + PAGE, 0));         /* the page behind it is missing indeed */
    assert_exit(guest_run(&g, 0), CORDON_EXIT_MEMORY, GUEST_RAM + PAGE, 0, 0, 0);
    guest_free(&g);
}

static void a_translation_fault_is_one_of_four_levels_and_all_other_faults_are_the_guests(void **state)
{
    struct guest g;
    struct vcpu before;
    struct vcpu *u = guest_of_secrets(&g, &before);

    (void)state;
    for (uint64_t status = 0; status < 64; status++) {
        struct trap memory = trap_data(GUEST_RAM, 0);
        struct trap device = trap_data(DEVICE, iss_access(4, 3, false, false, false));

        memory.esr = (memory.esr & ~UINT64_C(0x3f)) | status;
        device.esr = (device.esr & ~UINT64_C(0x3f)) | status;
        if (status < 4 || status > 7) {
            guest_aborts(&g, u, memory);
            guest_aborts(&g, u, device);
            continue;
        }
        guest_does(&g, memory);
        assert_exit(guest_run(&g, 0), CORDON_EXIT_MEMORY, GUEST_RAM, 0, 0, 0);
        guest_does(&g, device);
        assert_exit(guest_run(&g, 0), CORDON_EXIT_READ, DEVICE, 4, 0, 0);
        assert_interrupted(guest_answer(&g, 0, CORDON_ANSWER_VALUE, u->x[3] & 0xffffffff, 0, 0, 0));
    }
    guest_free(&g);
}

/* ---- devices ---- */

static void a_device_read_shows_its_address_and_size(void **state)
{
    struct guest g;
    struct vcpu before;

    (void)state;
    (void)guest_of_secrets(&g, &before);
    for (uint64_t bytes = 1; bytes <= 8; bytes *= 2) {
        guest_does(&g, trap_data(DEVICE, iss_access(bytes, 9, false, true, true)));
        assert_exit(guest_run(&g, 0), CORDON_EXIT_READ, DEVICE, bytes, 0, 0);
        assert_interrupted(guest_answer(&g, 0, CORDON_ANSWER_VALUE, 0, 0, 0, 0));
    }
    guest_free(&g);
}

static void a_device_write_shows_as_much_of_one_register_as_is_written(void **state)
{
    struct guest g;
    struct vcpu before;
    struct vcpu *u = guest_of_secrets(&g, &before);

    (void)state;
    for (uint64_t bytes = 1; bytes <= 8; bytes *= 2) {
        for (uint64_t rt = 0; rt < 32; rt++) {
            uint64_t all = rt == 31 ? 0 : u->x[rt];
            uint64_t value = bytes == 8 ? all : all % (UINT64_C(1) << 8 * bytes);

            guest_does(&g, trap_data(DEVICE, iss_access(bytes, rt, true, false, bytes == 8)));
            assert_exit(guest_run(&g, 0), CORDON_EXIT_WRITE, DEVICE, bytes, value, 0);
            assert_interrupted(guest_run(&g, 0));
        }
    }
    assert_memory_equal(u->x, before.x, sizeof(u->x));
    guest_free(&g);
}

static void an_access_that_the_syndrome_does_not_describe_is_the_guests_abort(void **state)
{
    const uint64_t plain = iss_access(4, 3, true, false, false);
    struct guest g;
    struct vcpu before;
    struct vcpu *u = guest_of_secrets(&g, &before);

    (void)state;
    guest_aborts(&g, u, trap_data(DEVICE, plain & ~ISS_ISV));
    guest_aborts(&g, u, trap_data(DEVICE, plain | ISS_CM));
    guest_aborts(&g, u, trap_data(DEVICE, plain | ISS_S1PTW));
    guest_aborts(&g, u, trap_fetch(DEVICE));
    for (uint64_t bytes = 2; bytes <= 8; bytes *= 2)
        guest_aborts(&g, u, trap_data(DEVICE + bytes / 2, iss_access(bytes, 3, true, false, false)));
    u->pstate |= PSTATE_AARCH32;
    guest_aborts(&g, u, trap_data(DEVICE, plain));
    u->pstate &= ~PSTATE_AARCH32;
    guest_does(&g, trap_data(DEVICE, plain));
    assert_exit(guest_run(&g, 0), CORDON_EXIT_WRITE, DEVICE, 4, u->x[3] & 0xffffffff, 0);
    guest_free(&g);
}

static void memory_and_devices_part_where_the_declared_ranges_end(void **state)
{
    const uint64_t iss = iss_access(4, 3, false, false, false);
    const uint64_t end = GUEST_RAM + GUEST_RAM_SIZE;
    struct guest g;
    struct vcpu before;

    (void)state;
    (void)guest_of_secrets(&g, &before);
    guest_does(&g, trap_data(GUEST_RAM - 4, iss));
    assert_exit(guest_run(&g, 0), CORDON_EXIT_READ, GUEST_RAM - 4, 4, 0, 0);
    (void)guest_answer(&g, 0, CORDON_ANSWER_ABORT, 0, 0, 0, 0);
    guest_does(&g, trap_data(end, iss));
    assert_exit(guest_run(&g, 0), CORDON_EXIT_READ, end, 4, 0, 0);
    (void)guest_answer(&g, 0, CORDON_ANSWER_ABORT, 0, 0, 0, 0);
    guest_does(&g, trap_data(end - 4, iss));
    assert_exit(guest_run(&g, 0), CORDON_EXIT_MEMORY, end - PAGE, 0, 0, 0);
    guest_free(&g);
}

/* ---- the end of a guest ---- */

static void a_guest_that_cannot_fetch_its_handler_has_failed_and_its_vm_stops(void **state)
{
    struct guest g;
    struct vcpu before;
    struct vcpu *u = guest_of_secrets(&g, &before);

    (void)state;
    u->arch.in_handler = true;
    guest_does(&g, trap_fetch(DEVICE));
    assert_exit(guest_run(&g, 0), CORDON_EXIT_FAILED, CORDON_FAILURE_HANDLER, 0, 0, 0);
    assert_int_equal(u->arch.aborts, 0);
    assert_refused(g.m, CORDON_STATE, guest_try(&g, 0));
    assert_int_equal(HC(g.m, CORDON_CALL_VM_INFO, g.handle).x[1], CORDON_PHASE_STOPPED);
    guest_free(&g);
}

static void a_handler_that_meets_other_aborts_goes_on(void **state)
{
    struct guest g;
    struct vcpu before;
    struct vcpu *u = guest_of_secrets(&g, &before);

    (void)state;
    u->arch.in_handler = true;
    guest_aborts(&g, u, trap_data(DEVICE, 0));
    guest_does(&g, trap_fetch(GUEST_RAM));      /* memory can still be given */
    assert_exit(guest_run(&g, 0), CORDON_EXIT_MEMORY, GUEST_RAM, 2, 0, 0);
    guest_free(&g);
}

static void an_error_of_the_machine_ends_the_vm(void **state)
{
    struct guest g;
    struct vcpu before;

    (void)state;
    (void)guest_of_secrets(&g, &before);
    guest_does(&g, (struct trap){ .kind = TRAP_SERROR, .esr = UINT64_MAX, .far = UINT64_MAX, .ipa = UINT64_MAX });
    assert_exit(guest_run(&g, 0), CORDON_EXIT_FAILED, CORDON_FAILURE_SERROR, 0, 0, 0);
    assert_refused(g.m, CORDON_STATE, guest_try(&g, 0));
    guest_free(&g);
}

/* ---- system registers ---- */

static void reads_as(struct guest *g, struct vcpu *u, struct trap t, uint64_t rt, uint64_t value)
{
    struct vcpu before = *u;

    guest_does(g, t);
    assert_interrupted(guest_run(g, 0));
    assert_int_equal(u->pc, before.pc + 4);
    assert_int_equal(u->arch.undefined, before.arch.undefined);
    for (uint64_t i = 0; i < 31; i++)
        assert_int_equal(u->x[i], i == rt ? value : before.x[i]);
}

static void feature_registers_are_what_the_machine_says(void **state)
{
    struct guest g;
    struct vcpu before;
    struct vcpu *u = guest_of_secrets(&g, &before);

    (void)state;
    for (uint64_t crm = 1; crm < 8; crm++) {
        for (uint64_t op2 = 0; op2 < 8; op2++) {
            struct trap t = trap_system(3, 0, 0, crm, op2, 12, true);

            reads_as(&g, u, t, 12, t.esr & 0x3ffc1e);       /* the simulated machine's: each is its own name */
            reads_as(&g, u, trap_system(3, 0, 0, crm, op2, 31, true), 31, 0);
        }
    }
    guest_is_undefined(&g, u, trap_system(3, 0, 0, 0, 0, 12, true));        /* MIDR does not trap here */
    guest_is_undefined(&g, u, trap_system(3, 0, 0, 8, 0, 12, true));
    guest_is_undefined(&g, u, trap_system(3, 0, 0, 4, 0, 12, false));       /* and none can be written */
    guest_free(&g);
}

/* The simulated machine has one, MDSCR: what is written to it reads back, and starts with zero. */
static void debug_registers_are_the_machines_to_know(void **state)
{
    struct guest g;
    struct vcpu before;
    struct vcpu *u = guest_of_secrets(&g, &before);

    (void)state;
    reads_as(&g, u, trap_system(2, 0, 0, 2, 2, 3, true), 3, 0);
    reads_as(&g, u, trap_system(2, 0, 0, 2, 2, 5, false), 31, 0);
    assert_int_equal(u->arch.mdscr, before.x[5]);
    reads_as(&g, u, trap_system(2, 0, 0, 2, 2, 3, true), 3, before.x[5]);
    reads_as(&g, u, trap_system(2, 0, 0, 2, 2, 31, false), 31, 0);
    assert_int_equal(u->arch.mdscr, 0);
    for (uint64_t op2 = 3; op2 < 8; op2++) {
        guest_is_undefined(&g, u, trap_system(2, 0, 0, 2, op2, 3, true));
        guest_is_undefined(&g, u, trap_system(2, 1, 0, 2, op2, 3, false));
    }
    guest_free(&g);
}

static void the_physical_counter_is_the_guests_own(void **state)
{
    struct guest g;
    struct vcpu *u;

    (void)state;
    guest_built(&g, machine_small(), 1);
    sim_tick(g.m->sim, 12345);
    guest_start(&g);
    u = guest_vcpu(&g, 0);
    reads_as(&g, u, trap_system(3, 3, 14, 0, 1, 3, true), 3, 0);
    sim_tick(g.m->sim, 678);
    reads_as(&g, u, trap_system(3, 3, 14, 0, 1, 30, true), 30, 678);
    guest_is_undefined(&g, u, trap_system(3, 3, 14, 0, 1, 3, false));
    guest_free(&g);
}

static struct trap timer_access(uint64_t op2, bool read)
{
    return trap_system(3, 3, 14, 2, op2, 4, read);
}

/* Writes a register of the physical timer's: the host is told when it fires, if that is another time than before. */
static void timer_is_set(struct guest *g, struct vcpu *u, uint64_t op2, uint64_t value, bool told, uint64_t deadline)
{
    uint64_t pc = u->pc;

    u->x[4] = value;
    guest_does(g, timer_access(op2, false));
    if (told)
        assert_exit(guest_run(g, 0), CORDON_EXIT_TIMER, deadline, 0, 0, 0);
    else
        assert_interrupted(guest_run(g, 0));
    assert_int_equal(u->pc, pc + 4);
}

static void the_physical_timer_counts_with_the_guests_counter(void **state)
{
    struct guest g;
    struct vcpu *u;

    (void)state;
    guest_built(&g, machine_small(), 1);
    sim_tick(g.m->sim, 1000);
    guest_start(&g);
    u = guest_vcpu(&g, 0);
    for (uint64_t op2 = 0; op2 < 3; op2++)
        reads_as(&g, u, timer_access(op2, true), 4, 0);
    sim_tick(g.m->sim, 10);                                 /* the guest's counter is 10 */
    timer_is_set(&g, u, 2, 50, false, 0);                   /* CVAL */
    timer_is_set(&g, u, 1, 1, true, 1050);                  /* CTL: on */
    timer_is_set(&g, u, 1, ~UINT64_C(2), false, 0);         /* the same: only two bits of it can be written */
    reads_as(&g, u, timer_access(1, true), 4, 1);
    reads_as(&g, u, timer_access(0, true), 4, 40);          /* TVAL */
    sim_tick(g.m->sim, 39);
    reads_as(&g, u, timer_access(1, true), 4, 1);
    sim_tick(g.m->sim, 1);
    reads_as(&g, u, timer_access(1, true), 4, 5);           /* ISTATUS */
    sim_tick(g.m->sim, 1);
    reads_as(&g, u, timer_access(0, true), 4, 0xffffffff);  /* a tick ago */
    reads_as(&g, u, timer_access(2, true), 4, 50);
    timer_is_set(&g, u, 1, 3, true, UINT64_MAX);            /* masked */
    reads_as(&g, u, timer_access(1, true), 4, 7);
    timer_is_set(&g, u, 0, 0xffff000000000005, false, 0);   /* 32 bits of TVAL count */
    reads_as(&g, u, timer_access(2, true), 4, 56);
    timer_is_set(&g, u, 1, 1, true, 1056);
    timer_is_set(&g, u, 0, 0xfffffff6, true, 1041);         /* ten ticks ago */
    timer_is_set(&g, u, 2, UINT64_MAX, true, UINT64_MAX);   /* never, and not before the machine's counter began */
    reads_as(&g, u, timer_access(1, true), 4, 1);
    timer_is_set(&g, u, 2, UINT64_MAX - 1000, false, 0);
    timer_is_set(&g, u, 2, UINT64_MAX - 1001, true, UINT64_MAX - 1);
    timer_is_set(&g, u, 1, 0, true, UINT64_MAX);
    guest_free(&g);
}

static void registers_that_do_nothing_read_as_zero(void **state)
{
    struct guest g;
    struct vcpu before;
    struct vcpu *u = guest_of_secrets(&g, &before);

    (void)state;
    reads_as(&g, u, trap_system(3, 0, 1, 0, 1, 4, true), 4, 0);             /* ACTLR */
    reads_as(&g, u, trap_system(3, 0, 1, 0, 1, 4, false), 31, 0);
    reads_as(&g, u, trap_system(3, 0, 12, 11, 7, 4, false), 31, 0);         /* ICC_SGI0R, ICC_ASGI1R */
    reads_as(&g, u, trap_system(3, 0, 12, 11, 6, 4, false), 31, 0);
    guest_free(&g);
}

/* A guest that left the GIC's registers would have no virtual interface: it reads that it cannot, and its writes do nothing. */
static void the_interrupt_interface_is_one_of_registers(void **state)
{
    struct guest g;
    struct vcpu before;
    struct vcpu *u = guest_of_secrets(&g, &before);

    (void)state;
    reads_as(&g, u, trap_system(3, 0, 12, 12, 5, 4, true), 4, 7);           /* ICC_SRE */
    reads_as(&g, u, trap_system(3, 0, 12, 12, 5, 4, false), 31, 0);
    guest_free(&g);
}

static void registers_that_a_guest_has_not_are_undefined(void **state)
{
    static const uint8_t name[][5] = {
        { 3, 3, 9, 12, 0 },     /* PMCR */
        { 3, 3, 9, 13, 0 },     /* PMCCNTR */
        { 3, 4, 1, 1, 0 },      /* HCR_EL2 */
        { 3, 0, 1, 2, 0 },      /* ZCR */
        { 3, 0, 15, 2, 0 },     /* implementation defined */
        { 3, 3, 14, 2, 3 },     /* beside the timer's */
        { 2, 1, 9, 2, 0 },      /* BRBIDR0 */
        { 2, 0, 9, 12, 0 },     /* SPMCR */
        { 2, 0, 15, 0, 0 },     /* behind debug's */
        { 3, 0, 12, 11, 4 },    /* beside the SGI's */
        { 1, 0, 7, 14, 2 },     /* DC CISW */
        { 0, 3, 4, 0, 5 },
    };
    struct guest g;
    struct vcpu before;
    struct vcpu *u = guest_of_secrets(&g, &before);

    (void)state;
    for (size_t i = 0; i < ALL(name); i++) {
        for (int read = 0; read < 2; read++)
            guest_is_undefined(&g, u, trap_system(name[i][0], name[i][1], name[i][2], name[i][3], name[i][4], 5, read != 0));
    }
    for (uint64_t op2 = 5; op2 < 8; op2++)      /* the SGI's registers cannot be read */
        guest_is_undefined(&g, u, trap_system(3, 0, 12, 11, op2, 5, true));
    guest_free(&g);
}

static void whatever_else_traps_is_undefined(void **state)
{
    struct guest g;
    struct vcpu before;
    struct vcpu *u = guest_of_secrets(&g, &before);

    (void)state;
    for (uint64_t class = 0; class < 64; class++) {
        switch (class) {
        case 0x01: case 0x16: case 0x17: case 0x18: case 0x20: case 0x24: continue;
        default: guest_is_undefined(&g, u, trap_sync(class, 0x1234567 & 0x1ffffff));
        }
    }
    guest_free(&g);
}

/* ---- nothing else of the guest is in what the host has ---- */

/* Traps that come out; whatever the registers that stand behind them in the list. */
struct shown {
    struct trap trap;
    uint64_t x0;                /* which call */
    uint32_t registers;         /* bit i: the host may see x[i], and the guest has the same there in both runs */
};

static void prepare(struct vcpu *u, const struct shown *s, uint64_t salt)
{
    struct vcpu fixed = *u;

    guest_secrets(&fixed, 1);
    guest_secrets(u, salt);
    for (int i = 1; i < 31; i++) {
        if ((s->registers >> i & 1) != 0)
            u->x[i] = fixed.x[i];
    }
    if (s->x0 != 0)
        u->x[0] = s->x0 | salt << 32;
    u->pc += salt * 4096;
    u->pstate = 0x3c5 | salt << 28;
    u->arch.aborts = salt;
    u->arch.undefined = salt;
    u->arch.timer_at = salt;
}

static void the_host_sees_the_same_whatever_else_the_guest_holds(void **state)
{
    const struct shown shown[] = {
        { { .kind = TRAP_INTERRUPT }, 0, 0 },
        { { .kind = TRAP_SERROR }, 0, 0 },
        { trap_sync(0x01, 0), 0, 0 },
        { trap_data(GUEST_RAM + 0x123, ISS_WNR), 0, 0 },
        { trap_data(GUEST_RAM, iss_access(8, 5, true, false, true)), 0, 0 },
        { trap_fetch(GUEST_RAM), 0, 0 },
        { trap_data(DEVICE, iss_access(4, 5, false, false, false)), 0, 0 },
        { trap_data(DEVICE, iss_access(4, 5, true, false, false)), 0, 1 << 5 },
        { trap_data(DEVICE, iss_access(8, 31, true, false, false)), 0, 0 },
        { trap_data(DEVICE, 0), 0, 0 },
        { trap_system(3, 0, 0, 4, 0, 5, true), 0, 0 },
        { trap_hvc(7), 0, 0 },
        { trap_hvc(0), 0x84000000, 0 },         /* PSCI_VERSION */
        { trap_hvc(0), 0x84000001, 0 },         /* CPU_SUSPEND */
        { trap_hvc(0), 0x84000002, 0 },         /* CPU_OFF */
        { trap_hvc(0), 0xc4000003, 0 },         /* CPU_ON of nobody */
        { trap_hvc(0), 0x84000008, 0 },         /* SYSTEM_OFF */
        { trap_hvc(0), 0x84000009, 0 },         /* SYSTEM_RESET */
        { trap_hvc(0), CORDON_GUEST_HOST, 0x1e },
        { trap_hvc(0), CORDON_GUEST_QUERY, 0 },
        { trap_hvc(0), CORDON_GUEST_GRANT, 0 },
        { trap_hvc(0), 0xdeadbeef, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ALL(shown); i++) {
        struct regs r[2];

        for (int run = 0; run < 2; run++) {
            struct guest g;

            guest_new(&g, 2);
            prepare(guest_vcpu(&g, 0), &shown[i], run == 0 ? 3 : 8);
            guest_does(&g, shown[i].trap);
            r[run] = guest_run(&g, 0);
            guest_free(&g);
        }
        if (memcmp(&r[0], &r[1], sizeof(r[0])) != 0)
            fail_msg("exit %u of trap %zu shows what the guest holds", (unsigned)r[0].x[1], i);
    }
}

/* An SGI that reached nobody must leave nothing in the exit that comes after it in the same run. */
static void sgi_then_exit(struct guest *g, struct vcpu *u, struct trap *t)
{
    u->x[7] = UINT64_C(9) << 24 | UINT64_C(1) << 15;       /* no such vCPU */
    u->x[0] = 0xc4000003;
    u->x[1] = 1;
    u->x[2] = GUEST_ENTRY;
    if (g->resumes == 1)
        *t = trap_system(3, 0, 12, 11, 5, 7, false);
    else if (g->resumes == 2)
        *t = trap_hvc(0);
}

static void an_sgi_to_nobody_shows_in_no_later_exit(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 2);
    g.play = sgi_then_exit;
    assert_exit(guest_run(&g, 0), CORDON_EXIT_CPU_ON, 1, 0, 0, 0);
    assert_int_equal(g.resumes, 2);
    guest_free(&g);
}

static void a_refused_run_shows_nothing_of_the_guest(void **state)
{
    struct guest g;
    struct vcpu before;
    struct regs asked;
    struct regs r;

    (void)state;
    (void)guest_of_secrets(&g, &before);
    asked = (struct regs){ { CORDON_CALL_VCPU_RUN, g.handle, 0, 7, 1, 2, 3, 4, 0, 0, 0, 0 } };
    r = host_call(g.m, asked);
    assert_int_equal(r.x[0], CORDON_ANSWER);
    assert_memory_equal(&r.x[1], &asked.x[1], sizeof(r) - 8);
    guest_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wfi_is_a_wait_and_wfe_is_none),
        cmocka_unit_test(smc_is_stepped_over_and_hvc_is_over_already),
        cmocka_unit_test(an_immediate_other_than_0_is_no_call),
        cmocka_unit_test(what_is_done_for_the_guest_leaves_no_step_state_behind),
        cmocka_unit_test(a_page_that_is_not_there_is_told_as_a_page_and_how),
        cmocka_unit_test(a_fault_on_what_is_mapped_by_now_is_no_exit),
        cmocka_unit_test(a_translation_fault_is_one_of_four_levels_and_all_other_faults_are_the_guests),
        cmocka_unit_test(a_device_read_shows_its_address_and_size),
        cmocka_unit_test(a_device_write_shows_as_much_of_one_register_as_is_written),
        cmocka_unit_test(an_access_that_the_syndrome_does_not_describe_is_the_guests_abort),
        cmocka_unit_test(memory_and_devices_part_where_the_declared_ranges_end),
        cmocka_unit_test(a_guest_that_cannot_fetch_its_handler_has_failed_and_its_vm_stops),
        cmocka_unit_test(a_handler_that_meets_other_aborts_goes_on),
        cmocka_unit_test(an_error_of_the_machine_ends_the_vm),
        cmocka_unit_test(feature_registers_are_what_the_machine_says),
        cmocka_unit_test(debug_registers_are_the_machines_to_know),
        cmocka_unit_test(the_physical_counter_is_the_guests_own),
        cmocka_unit_test(the_physical_timer_counts_with_the_guests_counter),
        cmocka_unit_test(registers_that_do_nothing_read_as_zero),
        cmocka_unit_test(the_interrupt_interface_is_one_of_registers),
        cmocka_unit_test(registers_that_a_guest_has_not_are_undefined),
        cmocka_unit_test(whatever_else_traps_is_undefined),
        cmocka_unit_test(the_host_sees_the_same_whatever_else_the_guest_holds),
        cmocka_unit_test(an_sgi_to_nobody_shows_in_no_later_exit),
        cmocka_unit_test(a_refused_run_shows_nothing_of_the_guest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
