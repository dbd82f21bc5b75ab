/* SPDX-License-Identifier: Apache-2.0 */
/* A guest's PSCI, as a table of states and calls, and its SGIs. Arm DEN 0022; Arm IHI 0069, ICC_SGI1R_EL1. */
#include "guest.h"

#include <string.h>

#define ALL(a) (sizeof(a) / sizeof((a)[0]))
#define CPU_SUSPEND_32 0x84000001u
#define CPU_SUSPEND 0xc4000001u
#define CPU_OFF 0x84000002u
#define CPU_ON_32 0x84000003u
#define CPU_ON 0xc4000003u
#define AFFINITY_INFO_32 0x84000004u
#define AFFINITY_INFO 0xc4000004u
#define MIGRATE_INFO_TYPE 0x84000006u
#define SYSTEM_OFF 0x84000008u
#define SYSTEM_RESET 0x84000009u
#define FEATURES 0x8400000au
#define SECONDARY (GUEST_RAM + 0x2000)

#define assert_result(expected, r) assert_int_equal((int64_t)(r).x[0], (expected))

/* Puts vCPU 1 in a state. */
enum state { IS_OFF, IS_STARTING, IS_ON, WAS_ON, STATES };

static void bring(struct guest *g, enum state state)
{
    struct regs host;

    if (state == IS_OFF)
        return;
    assert_result(0, guest_call(g, 0, CPU_ON, 1, SECONDARY, 0x77, &host));
    assert_exit(host, CORDON_EXIT_CPU_ON, 1, 0, 0, 0);
    if (state == IS_STARTING)
        return;
    assert_interrupted(guest_run(g, 1));
    if (state == IS_ON)
        return;
    (void)guest_call(g, 1, CPU_OFF, 0, 0, 0, &host);
    assert_exit(host, CORDON_EXIT_CPU_OFF, 0, 0, 0, 0);
}

static void every_call_answers_in_every_state_as_psci_says(void **state)
{
    static const struct {
        enum vcpu_power power;
        int64_t on;             /* CPU_ON */
        int64_t affinity;       /* AFFINITY_INFO */
        enum cordon_status run;
    } table[STATES] = {
        [IS_OFF] = { VCPU_OFF, 0, 1, CORDON_OFF },
        [IS_STARTING] = { VCPU_STARTING, -5, 2, CORDON_OK },
        [IS_ON] = { VCPU_ON, -4, 0, CORDON_OK },
        [WAS_ON] = { VCPU_OFF, 0, 1, CORDON_OFF },
    };

    (void)state;
    for (int s = 0; s < STATES; s++) {
        struct guest g;
        struct regs host;

        guest_new(&g, 3);
        bring(&g, (enum state)s);
        assert_int_equal(guest_vcpu(&g, 1)->power, table[s].power);
        assert_result(table[s].affinity, guest_call(&g, 0, AFFINITY_INFO, 1, 0, 0, NULL));
        assert_result(table[s].affinity, guest_call(&g, 0, AFFINITY_INFO_32, 1, 0, 0, NULL));
        assert_result(-2, guest_call(&g, 0, AFFINITY_INFO, 1, 1, 0, NULL));
        assert_result(-9, guest_call(&g, 0, CPU_ON, 1, SECONDARY + 2, 0, NULL));
        assert_result(-9, guest_call(&g, 0, CPU_ON, 1, GUEST_DEVICE, 0, NULL));
        assert_int_equal(guest_vcpu(&g, 1)->power, table[s].power);
        if (table[s].run == CORDON_OFF)
            assert_refused(g.m, CORDON_OFF, guest_try(&g, 1));
        assert_result(table[s].on, guest_call(&g, 0, CPU_ON, 1, SECONDARY, 5, &host));
        if (table[s].on == 0)
            assert_exit(host, CORDON_EXIT_CPU_ON, 1, 0, 0, 0);
        else
            assert_interrupted(host);
        assert_ok(guest_try(&g, 1));
        assert_int_equal(guest_vcpu(&g, 1)->power, VCPU_ON);
        assert_result(-4, guest_call(&g, 0, CPU_ON, 1, SECONDARY, 5, NULL));
        assert_result(1, guest_call(&g, 0, AFFINITY_INFO, 2, 0, 0, NULL));      /* the third has not moved */
        guest_free(&g);
    }
}

static void a_target_that_is_no_vcpu_is_an_invalid_parameter(void **state)
{
    static const uint64_t none[] = { 2, 3, 16, 0x100, UINT64_C(1) << 31 | 1, UINT64_C(1) << 32, UINT64_MAX };
    struct guest g;

    (void)state;
    guest_new(&g, 2);
    for (size_t i = 0; i < ALL(none); i++) {
        assert_result(-2, guest_call(&g, 0, CPU_ON, none[i], GUEST_DEVICE, 0, NULL));
        assert_result(-2, guest_call(&g, 0, AFFINITY_INFO, none[i], 0, 0, NULL));
    }
    assert_int_equal(guest_vcpu(&g, 1)->power, VCPU_OFF);
    guest_free(&g);
}

static void a_vcpu_finds_itself_on(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    assert_result(0, guest_call(&g, 0, AFFINITY_INFO, 0, 0, 0, NULL));
    assert_result(-4, guest_call(&g, 0, CPU_ON, 0, GUEST_ENTRY, 0, NULL));
    guest_free(&g);
}

static void the_32_bit_calls_take_32_bits_of_their_arguments(void **state)
{
    const uint64_t high = UINT64_C(0xabcdef01) << 32;
    struct guest g;
    struct regs host;

    (void)state;
    guest_new(&g, 2);
    assert_result(1, guest_call(&g, 0, AFFINITY_INFO_32, high | 1, high, 0, NULL));
    assert_result(-2, guest_call(&g, 0, AFFINITY_INFO, high | 1, 0, 0, NULL));
    assert_result(-2, guest_call(&g, 0, AFFINITY_INFO, 1, high, 0, NULL));
    assert_result(-9, guest_call(&g, 0, CPU_ON, 1, high | SECONDARY, 0, NULL));
    assert_result(0, guest_call(&g, 0, CPU_ON_32, high | 1, high | SECONDARY, high | 0x99, &host));
    assert_exit(host, CORDON_EXIT_CPU_ON, 1, 0, 0, 0);
    assert_int_equal(guest_vcpu(&g, 1)->pc, SECONDARY);
    assert_int_equal(guest_vcpu(&g, 1)->x[0], 0x99);
    guest_free(&g);
}

static void a_started_vcpu_begins_as_after_a_reset_whatever_it_was_before(void **state)
{
    struct guest g;
    struct vcpu *u;

    (void)state;
    guest_built(&g, machine_small(), 2);
    sim_tick(g.m->sim, 999);
    guest_start(&g);
    bring(&g, IS_ON);
    u = guest_vcpu(&g, 1);
    guest_secrets(u, 3);
    u->pstate = 0x80000000;
    u->arch.timer_on = true;
    u->arch.aborts = 5;
    u->x[0] = CPU_OFF;
    guest_does(&g, trap_hvc(0));
    assert_int_equal(guest_run(&g, 1).x[1], CORDON_EXIT_CPU_OFF);
    u->interrupt[2] = 1;
    u->sgis = 0xffff;
    u->timer_control = 1;
    u->asked = ASKED_CALL;
    sim_tick(g.m->sim, 999);
    assert_result(0, guest_call(&g, 0, CPU_ON, 1, SECONDARY + 4, 0x123456789, &(struct regs){ { 0 } }));
    assert_int_equal(u->x[0], 0x123456789);
    for (int i = 1; i < 31; i++)
        assert_int_equal(u->x[i], 0);
    assert_int_equal(u->pc, SECONDARY + 4);
    assert_int_equal(u->pstate, 0x3c5);
    assert_int_equal(u->interrupt[2], 0);
    assert_int_equal(u->sgis, 0);
    assert_int_equal(u->timer_control, 0);
    assert_int_equal(u->asked, ASKED_NOTHING);
    assert_int_equal(u->offset, 999);           /* one counter for all of a VM's vCPUs */
    assert_false(u->arch.timer_on);
    assert_int_equal(u->arch.aborts, 0);
    assert_interrupted(guest_run(&g, 1));
    guest_free(&g);
}

static void an_entry_must_lie_in_memory(void **state)
{
    static const uint64_t bad[] = { 0, GUEST_DEVICE, GUEST_RAM - 4, GUEST_RAM + GUEST_RAM_SIZE, UINT64_MAX - 3, GUEST_RAM + 1,
                                    GUEST_RAM + 2, GUEST_RAM + 3, UINT64_C(1) << 63 | GUEST_RAM };
    struct guest g;

    (void)state;
    guest_new(&g, 2);
    for (size_t i = 0; i < ALL(bad); i++)
        assert_result(-9, guest_call(&g, 0, CPU_ON, 1, bad[i], 0, NULL));
    assert_int_equal(guest_vcpu(&g, 1)->power, VCPU_OFF);
    assert_result(0, guest_call(&g, 0, CPU_ON, 1, GUEST_RAM + GUEST_RAM_SIZE - 4, 0, &(struct regs){ { 0 } }));
    guest_free(&g);
}

/* vCPU 1 switches itself off; vCPU 0 looks at it while it is in the guest still, and once it is out. */
static void look_from_within(struct guest *g, struct vcpu *u, struct trap *t)
{
    if (u->index != 1)
        return;
    g->play = NULL;
    g->arg = guest_call(g, 0, AFFINITY_INFO, 1, 0, 0, NULL).x[0];
    *t = trap_hvc(0);
    u->x[0] = CPU_OFF;
}

static void a_vcpu_is_on_until_it_has_come_out(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 2);
    bring(&g, IS_ON);
    g.play = look_from_within;
    g.arg = 99;
    assert_exit(guest_run(&g, 1), CORDON_EXIT_CPU_OFF, 0, 0, 0, 0);
    assert_int_equal(g.arg, 0);
    assert_result(1, guest_call(&g, 0, AFFINITY_INFO, 1, 0, 0, NULL));
    guest_free(&g);
}

static void system_off_and_reset_stop_the_vm_for_all_its_vcpus(void **state)
{
    static const struct {
        uint32_t call;
        enum cordon_exit exit;
    } end[] = { { SYSTEM_OFF, CORDON_EXIT_SYSTEM_OFF }, { SYSTEM_RESET, CORDON_EXIT_SYSTEM_RESET } };

    (void)state;
    for (size_t i = 0; i < ALL(end); i++) {
        struct guest g;
        struct regs host;

        guest_new(&g, 2);
        bring(&g, IS_ON);
        (void)guest_call(&g, 1, end[i].call, 1, 2, 3, &host);
        assert_exit(host, end[i].exit, 0, 0, 0, 0);
        assert_refused(g.m, CORDON_STATE, guest_try(&g, 0));
        assert_refused(g.m, CORDON_STATE, guest_try(&g, 1));
        assert_int_equal(HC(g.m, CORDON_CALL_VM_INFO, g.handle).x[1], CORDON_PHASE_STOPPED);
        guest_free(&g);
    }
}

static void a_suspension_is_a_wait_and_loses_nothing(void **state)
{
    static const uint32_t call[] = { CPU_SUSPEND, CPU_SUSPEND_32 };

    (void)state;
    for (size_t i = 0; i < ALL(call); i++) {
        struct guest g;
        struct regs host;
        struct vcpu before;

        guest_new(&g, 1);
        guest_secrets(guest_vcpu(&g, 0), 2);
        before = *guest_vcpu(&g, 0);
        assert_result(0, guest_call(&g, 0, call[i], UINT64_C(1) << 30, GUEST_ENTRY, 9, &host));
        assert_exit(host, CORDON_EXIT_WAIT, 0, 0, 0, 0);
        assert_int_equal(guest_vcpu(&g, 0)->pc, before.pc);
        assert_memory_equal(&guest_vcpu(&g, 0)->x[4], &before.x[4], 27 * 8);
        assert_interrupted(guest_run(&g, 0));
        guest_free(&g);
    }
}

static void the_version_and_the_features_are_told(void **state)
{
    static const uint32_t there[] = { 0x84000000, CPU_SUSPEND_32, CPU_SUSPEND, CPU_OFF, CPU_ON_32, CPU_ON, AFFINITY_INFO_32,
                                      AFFINITY_INFO, MIGRATE_INFO_TYPE, SYSTEM_OFF, SYSTEM_RESET, FEATURES, 0x80000000 };
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    assert_result(0x10001, guest_call(&g, 0, 0x84000000, 0, 0, 0, NULL));
    assert_result(2, guest_call(&g, 0, MIGRATE_INFO_TYPE, 0, 0, 0, NULL));
    for (uint32_t n = 0; n < 0x20; n++) {
        static const uint32_t base[] = { 0x84000000, 0xc4000000, 0x80000000 };

        for (size_t k = 0; k < ALL(base); k++) {
            bool known = false;

            for (size_t i = 0; i < ALL(there); i++)
                known = known || there[i] == base[k] + n;
            assert_result(known ? 0 : -1, guest_call(&g, 0, FEATURES, base[k] + n, 0, 0, NULL));
        }
    }
    guest_free(&g);
}

static void calls_that_psci_does_not_have_here_are_not_supported(void **state)
{
    static const uint32_t none[] = { 0x84000005, 0x84000007, 0xc4000002, 0xc4000008, 0x8400000b, 0x8400000f, 0x84000012,
                                     0xc4000012, 0xc400000e, 0x8400001f };
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    for (size_t i = 0; i < ALL(none); i++)
        assert_result(-1, guest_call(&g, 0, none[i], 0, 0, 0, NULL));
    guest_free(&g);
}

static void power_calls_keep_the_other_registers(void **state)
{
    static const uint32_t call[] = { 0x84000000, AFFINITY_INFO, CPU_ON, FEATURES, MIGRATE_INFO_TYPE };
    struct guest g;
    struct vcpu *u;

    (void)state;
    guest_new(&g, 1);
    u = guest_vcpu(&g, 0);
    for (size_t i = 0; i < ALL(call); i++) {
        struct vcpu before;

        guest_secrets(u, 60 + i);
        before = *u;
        (void)guest_call(&g, 0, call[i], before.x[1], before.x[2], before.x[3], NULL);
        assert_memory_equal(&u->x[1], &before.x[1], 30 * 8);
    }
    guest_free(&g);
}

/* ---- SGIs ---- */

#define SGI(id, list) ((uint64_t)(id) << 24 | (list))
#define ALL_OTHERS (UINT64_C(1) << 40)

/* A guest with so many vCPUs, all of them on. */
static void guest_all_on(struct guest *g, uint32_t n)
{
    guest_new(g, n);
    for (uint32_t i = 1; i < n; i++) {
        assert_result(0, guest_call(g, 0, CPU_ON, i, SECONDARY, 0, &(struct regs){ { 0 } }));
        assert_interrupted(guest_run(g, i));
    }
}

static void sgi_reaches(struct guest *g, uint32_t from, uint64_t value, uint64_t targets)
{
    struct regs r;

    for (uint32_t i = 0; i < guest_vm(g)->vcpus; i++)
        guest_vcpu(g, i)->sgis = 0;
    guest_vcpu(g, from)->x[6] = value;
    guest_does(g, trap_system(3, 0, 12, 11, 5, 6, false));
    r = guest_run(g, from);
    if (targets == 0)
        assert_interrupted(r);
    else
        assert_exit(r, CORDON_EXIT_SGI, targets, value >> 24 & 0xf, 0, 0);
    for (uint32_t i = 0; i < guest_vm(g)->vcpus; i++)
        assert_int_equal(guest_vcpu(g, i)->sgis, (targets >> i & 1) != 0 ? 1u << (value >> 24 & 0xf) : 0);
}

static void an_sgi_reaches_the_vcpus_of_its_list(void **state)
{
    struct guest g;

    (void)state;
    guest_all_on(&g, 5);
    for (uint64_t id = 0; id < 16; id++)
        sgi_reaches(&g, 0, SGI(id, 1 << id % 5), UINT64_C(1) << id % 5);
    for (uint64_t list = 0; list < 32; list++)
        sgi_reaches(&g, (uint32_t)(list % 5), SGI(7, list), list);
    guest_free(&g);
}

static void vcpus_that_are_not_there_get_none(void **state)
{
    struct guest g;

    (void)state;
    guest_all_on(&g, 2);
    sgi_reaches(&g, 0, SGI(1, 0xfffc), 0);
    sgi_reaches(&g, 0, SGI(1, 0xffff), 3);
    sgi_reaches(&g, 0, SGI(1, 0), 0);
    guest_free(&g);
}

static void all_others_are_all_but_the_sender(void **state)
{
    struct guest g;

    (void)state;
    guest_all_on(&g, CORDON_VCPUS_MAX);
    for (uint32_t i = 0; i < CORDON_VCPUS_MAX; i++)
        sgi_reaches(&g, i, SGI(i, 0) | ALL_OTHERS, 0xffff & ~(UINT64_C(1) << i));
    /* The list and the cluster do not count then. */
    sgi_reaches(&g, 1, SGI(3, 2) | ALL_OTHERS | UINT64_C(5) << 16, 0xfffd);
    guest_free(&g);
}

static void all_others_of_one_is_nobody(void **state)
{
    struct guest g;

    (void)state;
    guest_new(&g, 1);
    sgi_reaches(&g, 0, SGI(3, 0) | ALL_OTHERS, 0);
    guest_free(&g);
}

static void other_clusters_and_ranges_have_no_vcpus(void **state)
{
    struct guest g;

    (void)state;
    guest_all_on(&g, 2);
    for (int bit = 0; bit < 64; bit++) {
        bool cluster = (bit >= 16 && bit < 24) || (bit >= 32 && bit < 40) || (bit >= 48 && bit < 56);
        bool range = bit >= 44 && bit < 48;
        bool id = bit >= 24 && bit < 28;

        if (cluster || range)
            sgi_reaches(&g, 0, SGI(2, 2) | UINT64_C(1) << bit, 0);
        else if (bit == 40)
            sgi_reaches(&g, 0, SGI(2, 1) | UINT64_C(1) << bit, 2);
        else if (!id && bit > 1)
            sgi_reaches(&g, 0, SGI(2, 2) | UINT64_C(1) << bit, 2);       /* reserved, or a list that is longer than the VM */
    }
    guest_free(&g);
}

static void an_sgi_of_register_31_is_sgi_0_to_nobody(void **state)
{
    struct guest g;
    uint64_t pc;

    (void)state;
    guest_new(&g, 2);
    pc = guest_vcpu(&g, 0)->pc;
    guest_does(&g, trap_system(3, 0, 12, 11, 5, 31, false));
    assert_interrupted(guest_run(&g, 0));
    assert_int_equal(guest_vcpu(&g, 0)->pc, pc + 4);
    guest_free(&g);
}

static void several_sgis_are_under_way_at_once(void **state)
{
    struct guest g;

    (void)state;
    guest_all_on(&g, 2);
    for (uint64_t id = 0; id < 16; id++) {
        guest_vcpu(&g, 0)->x[6] = SGI(id, 2);
        guest_does(&g, trap_system(3, 0, 12, 11, 5, 6, false));
        assert_exit(guest_run(&g, 0), CORDON_EXIT_SGI, 2, id, 0, 0);
    }
    assert_int_equal(guest_vcpu(&g, 1)->sgis, 0xffff);
    assert_int_equal(guest_vcpu(&g, 0)->sgis, 0);
    guest_free(&g);
}

static void an_sgi_to_another_vm_is_none(void **state)
{
    struct guest g, other;

    (void)state;
    guest_all_on(&g, 2);
    guest_another(&other, &g, 2);
    sgi_reaches(&g, 0, SGI(2, 3), 3);
    assert_int_equal(guest_vcpu(&other, 0)->sgis | guest_vcpu(&other, 1)->sgis, 0);
    assert_ok(guest_destroy(&other));
    guest_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_answers_in_every_state_as_psci_says),
        cmocka_unit_test(a_target_that_is_no_vcpu_is_an_invalid_parameter),
        cmocka_unit_test(a_vcpu_finds_itself_on),
        cmocka_unit_test(the_32_bit_calls_take_32_bits_of_their_arguments),
        cmocka_unit_test(a_started_vcpu_begins_as_after_a_reset_whatever_it_was_before),
        cmocka_unit_test(an_entry_must_lie_in_memory),
        cmocka_unit_test(a_vcpu_is_on_until_it_has_come_out),
        cmocka_unit_test(system_off_and_reset_stop_the_vm_for_all_its_vcpus),
        cmocka_unit_test(a_suspension_is_a_wait_and_loses_nothing),
        cmocka_unit_test(the_version_and_the_features_are_told),
        cmocka_unit_test(calls_that_psci_does_not_have_here_are_not_supported),
        cmocka_unit_test(power_calls_keep_the_other_registers),
        cmocka_unit_test(an_sgi_reaches_the_vcpus_of_its_list),
        cmocka_unit_test(vcpus_that_are_not_there_get_none),
        cmocka_unit_test(all_others_are_all_but_the_sender),
        cmocka_unit_test(all_others_of_one_is_nobody),
        cmocka_unit_test(other_clusters_and_ranges_have_no_vcpus),
        cmocka_unit_test(an_sgi_of_register_31_is_sgi_0_to_nobody),
        cmocka_unit_test(several_sgis_are_under_way_at_once),
        cmocka_unit_test(an_sgi_to_another_vm_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
