/* SPDX-License-Identifier: Apache-2.0 */
/* Ticket locks, with the simulated machine's CPUs as threads. */
#include "machine.h"

#include <pthread.h>
#include <sched.h>

#include "base/lock.h"

static struct machine *concurrent_machine(void)
{
    struct sim_config config = machine_config();

    config.concurrent = true;
    return machine_new(&config);
}

#define ROUNDS 20000

struct worker {
    struct machine *m;
    uint32_t cpu;
    uint64_t *shared;
};

static void *add_under_lock(void *arg)
{
    struct worker *w = arg;

    sim_cpu(w->m->sim, w->cpu);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct vm_locked v = vm_lock(w->m->c, 1);
        volatile uint64_t *n = w->shared;
        uint64_t seen = *n;

        if (i % 512 == 0)
            (void)sched_yield();    /* whoever comes in between is lost from the count */
        *n = seen + 1;
        vm_unlock(w->m->c, v);
    }
    return NULL;
}

static void one_cpu_at_a_time_is_inside(void **state)
{
    struct machine *m = concurrent_machine();
    struct worker w[CPUS];
    pthread_t thread[CPUS];
    uint64_t shared = 0;

    (void)state;
    for (uint32_t i = 0; i < CPUS; i++) {
        w[i] = (struct worker){ m, i, &shared };
        assert_int_equal(pthread_create(&thread[i], NULL, add_under_lock, &w[i]), 0);
    }
    for (uint32_t i = 0; i < CPUS; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_int_equal(shared, CPUS * ROUNDS);
    machine_free(m);
}

struct queuer {
    struct machine *m;
    uint32_t cpu;
    uint32_t *turn;
    uint32_t came;
};

static void *wait_in_line(void *arg)
{
    struct queuer *q = arg;
    struct vm_locked v;

    sim_cpu(q->m->sim, q->cpu);
    v = vm_lock(q->m->c, 1);
    q->came = (*q->turn)++;
    vm_unlock(q->m->c, v);
    return NULL;
}

static void who_comes_first_goes_first(void **state)
{
    struct machine *m = concurrent_machine();
    struct queuer q[CPUS];
    pthread_t thread[CPUS];
    uint32_t turn = 0;
    struct vm_locked v = vm_lock(m->c, 1);

    (void)state;
    for (uint32_t i = 1; i < CPUS; i++) {
        q[i] = (struct queuer){ m, i, &turn, 0 };
        assert_int_equal(pthread_create(&thread[i], NULL, wait_in_line, &q[i]), 0);
        while ((uint16_t)(__atomic_load_n(&v.vm->lock.next, __ATOMIC_RELAXED) - v.vm->lock.serving) != i + 1)
            (void)sched_yield();    /* until it has drawn its ticket */
    }
    assert_int_equal(turn, 0);      /* nobody is in while the lock is held */
    vm_unlock(m->c, v);
    for (uint32_t i = 1; i < CPUS; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_int_equal(q[i].came, i - 1);
    }
    machine_free(m);
}

static void *take_the_others(void *arg)
{
    struct worker *w = arg;
    struct section_locked s;
    struct host_locked h;
    struct vm_locked v;

    sim_cpu(w->m->sim, w->cpu);
    v = vm_lock(w->m->c, 2);
    s = section_lock(w->m->c, 2, FRAME(2, 0) / 512);
    h = host_lock(w->m->c);
    *w->shared = 1;
    host_unlock(h);
    section_unlock(w->m->c, s);
    vm_unlock(w->m->c, v);
    return NULL;
}

static void a_lock_keeps_nobody_from_other_vms_and_sections(void **state)
{
    struct machine *m = concurrent_machine();
    uint64_t through = 0;
    struct worker w = { m, 1, &through };
    struct vm_locked v = vm_lock(m->c, 1);
    struct section_locked s = section_lock(m->c, 1, FRAME(1, 0) / 512);
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, take_the_others, &w), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(through, 1);
    section_unlock(m->c, s);
    vm_unlock(m->c, v);
    machine_free(m);
}

static void tickets_wrap_around(void **state)
{
    struct machine *m = concurrent_machine();
    struct lock *l = &m->c->vm[2].lock;

    (void)state;
    for (uint32_t i = 0; i < 70000; i++)
        vm_unlock(m->c, vm_lock(m->c, 3));
    assert_int_equal(l->next, 70000 % 65536);
    assert_int_equal(l->serving, l->next);
    machine_free(m);
}

static void a_handle_names_what_it_locks(void **state)
{
    struct machine *m = concurrent_machine();
    struct vm_locked v = vm_lock(m->c, 5);
    struct section_locked s = section_lock(m->c, 3, FRAME(3, 0) / 512);

    (void)state;
    assert_ptr_equal(v.vm, &m->c->vm[4]);
    assert_int_equal(v.id, 5);
    assert_ptr_equal(s.section, &m->c->section[3]);
    assert_ptr_equal(s.frame, &m->c->frame[3 * 512]);
    assert_int_equal(s.pfn, FRAME(3, 0));
    section_unlock(m->c, s);
    vm_unlock(m->c, v);
    machine_free(m);
}

static bool is_free(struct lock l)
{
    return l.next == l.serving;
}

static void no_operation_leaves_a_lock_held(void **state)
{
    struct machine *m = machine_with_vm();

    (void)state;
    assert_ok(op_page(m, 1, 5, FRAME(1, 0)));
    assert_status(CORDON_OWNED, op_page(m, 1, 6, CORE_FRAME));
    assert_status(CORDON_GFN, op_page(m, 1, 7, FRAME(1, 0)));
    assert_status(CORDON_PRIVATE, op_fault(m, FRAME(1, 0) * PAGE));
    assert_status(CORDON_NO_VM, op_page(m, 2, 5, FRAME(1, 1)));
    assert_status(CORDON_RAM, op_io(m, 1, 0, RAM_BASE));
    assert_status(CORDON_OK, run_grant(m, 1, 0, 8 * PAGE).status);
    assert_status(CORDON_OK, run_clear(m, 1, FRAME(1, 0), 2).status);
    assert_ok(run_destroy(m, 1, NULL));
    assert_true(is_free(m->c->host_lock));
    for (uint32_t i = 0; i < m->c->vms; i++)
        assert_true(is_free(m->c->vm[i].lock));
    for (uint64_t i = 0; i < m->c->sections; i++)
        assert_true(is_free(m->c->section[i].lock));
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_cpu_at_a_time_is_inside),
        cmocka_unit_test(who_comes_first_goes_first),
        cmocka_unit_test(a_lock_keeps_nobody_from_other_vms_and_sections),
        cmocka_unit_test(tickets_wrap_around),
        cmocka_unit_test(a_handle_names_what_it_locks),
        cmocka_unit_test(no_operation_leaves_a_lock_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
