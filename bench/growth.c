/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How cost grows. Each VM maps, grants, revokes and clears 4096 scattered pages of its own memory, one page a call.
 *
 *     growth RAM_MIB VMS CPUS          instructions: run it under callgrind; prints what it did
 *     growth RAM_MIB VMS CPUS time     best of 10 rounds, ns for the four operations on one page, all CPUs together
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <valgrind/callgrind.h>

#include "bench/rig.h"

#define PAGES UINT64_C(4096)
#define GUEST UINT64_C(0x40000000)
#define MAX_CPUS 64
#define TIMED_ROUNDS 40    /* long against the start of a thread */

struct worker {
    struct cordon *c;
    uint64_t ram;           /* physical address of this worker's memory */
    uint64_t size;          /* its bytes */
    uint32_t first;         /* its VMs */
    uint32_t vms;
    pthread_barrier_t *start;
    pthread_t thread;
};

static void want(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "growth: %s did not do what it should\n", what);
        exit(1);
    }
}

/* The i-th page goes to VM i mod vms, at a place that jumps over all of the worker's memory. */
static void round_of(const struct worker *w)
{
    uint64_t frames = w->size / CORDON_PAGE_SIZE;

    for (uint64_t i = 0; i < PAGES; i++) {
        vmid_t vm = vmid(w->first + (uint32_t)(i % w->vms));
        uint64_t offset = i * 2654435761u % frames * CORDON_PAGE_SIZE;
        ipa_t addr = ipa(GUEST + offset % (UINT64_C(64) << 20));
        pfn_t frame = pfn((w->ram + offset) / CORDON_PAGE_SIZE);

        want(cordon_prot_and_map_vm_s2pt(w->c, vm, addr, w->ram + offset, 3, CORDON_KEEP) == CORDON_OK, "map");
        want(cordon_grant_stage2_sg_gpa(w->c, vm, addr, 4096).changed == 1, "grant");
        want(cordon_revoke_stage2_sg_gpa(w->c, vm, addr, 4096).changed == 1, "revoke");
        want(cordon_clear_vm_range(w->c, vm, frame, 1).changed == 1, "clear");
    }
}

static void *work(void *arg)
{
    struct worker *w = arg;

    pthread_barrier_wait(w->start);
    for (int i = 0; i < TIMED_ROUNDS; i++)
        round_of(w);
    return NULL;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* All workers at once; ns. */
static double timed_round(struct worker *w, uint32_t cpus, pthread_barrier_t *start)
{
    double began;

    for (uint32_t i = 0; i < cpus; i++)
        want(pthread_create(&w[i].thread, NULL, work, &w[i]) == 0, "thread");
    began = now();
    pthread_barrier_wait(start);
    for (uint32_t i = 0; i < cpus; i++)
        pthread_join(w[i].thread, NULL);
    return now() - began;
}

static void measure(struct worker *w, uint32_t cpus)
{
    pthread_barrier_t start;
    double best = 0;

    pthread_barrier_init(&start, NULL, cpus + 1);
    for (uint32_t i = 0; i < cpus; i++)
        w[i].start = &start;
    for (int round = 0; round < 10; round++) {
        double took = timed_round(w, cpus, &start);

        if (best == 0 || took < best)
            best = took;
    }
    printf("%.1f\n", best / (double)(PAGES * TIMED_ROUNDS * cpus));
}

int main(int argc, char **argv)
{
    static struct worker w[MAX_CPUS];
    uint64_t ram = (argc > 1 ? strtoull(argv[1], NULL, 10) : 32) << 20;
    uint32_t vms = argc > 2 ? (uint32_t)atoi(argv[2]) : 1;
    uint32_t cpus = argc > 3 ? (uint32_t)atoi(argv[3]) : 1;
    struct bench_machine *m;

    want(cpus >= 1 && cpus <= MAX_CPUS && vms >= cpus && vms % cpus == 0, "the command line");
    m = bench_machine_new(ram, vms);
    for (uint32_t id = 1; id <= vms; id++)
        bench_vm(m, id, 64);
    for (uint32_t i = 0; i < cpus; i++)
        w[i] = (struct worker){ .c = &m->core, .ram = m->ram_base + ram / cpus * i, .size = ram / cpus,
                                .first = 1 + vms / cpus * i, .vms = vms / cpus };
    for (uint64_t at = 0; at < ram; at += UINT64_C(1) << 30)    /* the host has used all of its memory before */
        want(cordon_map_page_host(&m->core, pa(m->ram_base + at)) == CORDON_OK, "host fault");
    for (uint32_t i = 0; i < cpus; i++)
        round_of(&w[i]);
    if (argc > 4) {
        measure(w, cpus);
        return 0;
    }
    CALLGRIND_ZERO_STATS;
    round_of(&w[0]);
    CALLGRIND_DUMP_STATS_AT("growth");
    return 0;
}
