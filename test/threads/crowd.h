/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simulated CPUs as threads, in rounds: all do operations at once, then all stand still and every invariant of the machine
 * is checked. What an operation is, and what is counted, is the program's that includes this.
 */
#ifndef THREADS_CROWD_H
#define THREADS_CROWD_H

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../random/rng.h"
#include "sim.h"

#define PAGE UINT64_C(4096)
#define CPUS_MAX 8
#define COUNTS 12

/* What a call may answer, as a mask. */
#define MAY(s) (UINT32_C(1) << CORDON_##s)

struct cpu {
    struct crowd *crowd;
    uint32_t id;
    struct rng rng;
    uint64_t op;                    /* operations done */
    uint64_t count[COUNTS];         /* of what the program counts */
};

struct crowd {
    const char *name;
    uint32_t threads;
    uint64_t ops;                   /* of a thread in a round */
    uint64_t rounds;
    uint64_t seconds;
    uint64_t seed;
    uint64_t devices;               /* bits of their addresses; 0: the host has none */
    void (*one)(struct cpu *cpu);   /* one operation */
    struct sim *sim;
    struct cpu *cpu[CPUS_MAX];
    double end;                     /* the time after which no round begins */
    pthread_barrier_t barrier;
    atomic_bool stop;
    atomic_uint failures;
};

static inline void crowd_fail(const struct cpu *cpu, const char *what, uint64_t a, uint64_t b)
{
    fprintf(stderr, "%s: CPU %" PRIu32 ", operation %" PRIu64 ": %s (0x%" PRIx64 ", 0x%" PRIx64 ")\n", cpu->crowd->name, cpu->id,
            cpu->op, what, a, b);
    atomic_fetch_add(&cpu->crowd->failures, 1);
}

static inline bool crowd_option(struct crowd *crowd, const char *option, uint64_t n)
{
    if (strcmp(option, "--seed") == 0)
        crowd->seed = n;
    else if (strcmp(option, "--rounds") == 0)
        crowd->rounds = n;
    else if (strcmp(option, "--seconds") == 0)
        crowd->seconds = n;
    else if (strcmp(option, "--devices") == 0 && (n == 0 || n == 39 || n == 48))
        crowd->devices = n;
    else if (strcmp(option, "--threads") == 0 && n >= 1 && n <= CPUS_MAX)
        crowd->threads = (uint32_t)n;
    else
        return false;
    return true;
}

/* Takes the command line, and says how to do the same again. */
static inline bool crowd_options(struct crowd *crowd, int argc, char **argv)
{
    bool good = argc % 2 == 1;

    crowd->seed = (uint64_t)time(NULL);
    for (int i = 1; i + 1 < argc; i += 2)
        good = good && crowd_option(crowd, argv[i], strtoull(argv[i + 1], NULL, 0));
    if (!good) {
        fprintf(stderr, "usage: %s [--seed N] [--rounds N] [--seconds N] [--threads 1..%d] [--devices 0|39|48]\n", crowd->name,
                CPUS_MAX);
        return false;
    }
    printf("%s: --seed %" PRIu64 " --threads %" PRIu32 " --devices %" PRIu64 "\n", crowd->name, crowd->seed, crowd->threads,
           crowd->devices);
    fflush(stdout);
    return true;
}

/* The machine: of `more` the number of VMs and the shapes of the tables. */
static inline bool crowd_machine(struct crowd *crowd, const struct cordon_mem *ram, struct sim_config more)
{
    struct sim_config config = more;
    char why[256];

    config.ram = ram;
    config.rams = 1;
    config.cpus = crowd->threads;
    config.concurrent = true;
    config.compact = true;
    config.private_size = UINT64_C(4) << 20;
    config.tlb_entries = 256;
    config.seed = crowd->seed;
    config.dma = (struct cordon_dma){ (uint32_t)crowd->devices, crowd->devices != 0 ? 0x7ff : 0 };
    crowd->sim = sim_create(&config, why, sizeof why);
    if (crowd->sim == NULL)
        fprintf(stderr, "%s: no machine: %s\n", crowd->name, why);
    return crowd->sim != NULL;
}

static inline double crowd_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec;
}

static inline void *crowd_thread(void *arg)
{
    struct cpu *cpu = arg;
    struct crowd *crowd = cpu->crowd;

    sim_cpu(crowd->sim, cpu->id);
    for (uint64_t round = 0; !atomic_load(&crowd->stop); round++) {
        for (uint64_t i = 0; i < crowd->ops; i++) {
            sim_begin(crowd->sim, "thread");
            crowd->one(cpu);
            sim_end(crowd->sim);
            cpu->op++;
        }
        pthread_barrier_wait(&crowd->barrier);
        if (cpu->id == 0) {
            (void)sim_check_all(crowd->sim);
            if (sim_reports(crowd->sim) > 0 || atomic_load(&crowd->failures) > 0 || crowd_now() > crowd->end ||
                round + 1 == crowd->rounds)
                atomic_store(&crowd->stop, true);
        }
        pthread_barrier_wait(&crowd->barrier);
    }
    return NULL;
}

/* All rounds, with the CPUs that the program has put into crowd->cpu. */
static inline void crowd_run(struct crowd *crowd)
{
    pthread_t thread[CPUS_MAX];

    crowd->end = crowd_now() + (double)crowd->seconds;
    pthread_barrier_init(&crowd->barrier, NULL, crowd->threads);
    for (uint32_t i = 0; i < crowd->threads; i++) {
        crowd->cpu[i]->crowd = crowd;
        crowd->cpu[i]->id = i;
        crowd->cpu[i]->rng.state = crowd->seed + i * UINT64_C(1000003);
        pthread_create(&thread[i], NULL, crowd_thread, crowd->cpu[i]);
    }
    for (uint32_t i = 0; i < crowd->threads; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&crowd->barrier);
}

/* Whether all is well, after a last look at the machine. */
static inline bool crowd_is_good(struct crowd *crowd)
{
    (void)sim_check_all(crowd->sim);
    for (unsigned i = 0; i < sim_reports(crowd->sim) && i < 8; i++)
        fprintf(stderr, "%s: report: %s\n", crowd->name, sim_report(crowd->sim, i));
    return sim_reports(crowd->sim) == 0 && atomic_load(&crowd->failures) == 0;
}

static inline uint64_t crowd_count(const struct crowd *crowd, unsigned what)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < crowd->threads; i++)
        n += crowd->cpu[i]->count[what];
    return n;
}

#endif
