/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simulated CPUs as threads: every operation on the same VMs and frames at once, with accesses whose values are checked.
 *
 * Each VM has two windows of guest memory. In the private one it writes secrets and nobody ever grants it; in the other
 * it writes nothing secret and everybody grants and revokes. So whatever happens when:
 *   - the host never reads a secret, nor does a VM read another's;
 *   - each thread has frames of its own, which no other thread clears: a secret in them stays as it was written until
 *     the thread itself clears the frame, and the host then finds zeros, or what a host wrote since.
 * Between rounds all threads stand still and every invariant of the machine is checked.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../random/rng.h"
#include "sim.h"

#define PAGE UINT64_C(4096)
#define THREADS_MAX 8
#define VMS 4                       /* shared by all threads; further ones belong to one thread each */
#define BASE UINT64_C(0x1000000)    /* RAM: 12 MiB and a part of a section */
#define RAM_PAGES UINT64_C(3300)
#define FIRST (BASE / PAGE)

/* Frames: a section of tables, shared ones, each thread's own. */
#define TABLES_OF(vm) (FIRST + 16 * (vm))       /* root and 15 tables of a shared VM; thread VMs likewise */
#define SHARED (FIRST + 512)
#define SHARED_PAGES UINT64_C(1536)
#define OWN(thread) (FIRST + 2048 + 64 * (thread))
#define OWN_PAGES UINT64_C(64)

/* Guest frames. */
#define PRIVATE_GFN UINT64_C(0x80000)           /* secrets; a multiple of 2 MiB */
#define PUBLIC_GFN UINT64_C(0x3fe00)            /* granted; across 1 GiB */
#define WINDOW UINT64_C(1024)
#define OWN_GFN UINT64_C(0x100000)              /* each thread's own secrets, in its own VM */

/* Values: a tag, and the id of the VM. */
#define SECRET UINT64_C(0x5ec2)
#define PLAIN UINT64_C(0x9a1e)
#define HOSTS UINT64_C(0x4057)

struct worker {
    struct sim *sim;
    uint32_t id;
    struct rng rng;
    uint64_t secret[OWN_PAGES];     /* what is in its own frames; 0: the frame is the host's */
    uint64_t op;                    /* operations done */
    uint64_t maps, shares, secrets, host_reads, vm_reads, clears;
};

static struct {
    uint32_t threads;
    uint64_t ops;                   /* of a thread in a round */
    uint64_t rounds;
    uint64_t seconds;
    uint64_t seed;
    pthread_barrier_t barrier;
    atomic_bool stop;
    atomic_uint failures;
} g = { .threads = 4, .ops = 250, .rounds = 1000, .seconds = 25 };

static void fail(struct worker *w, const char *what, uint64_t a, uint64_t b)
{
    fprintf(stderr, "threads: CPU %" PRIu32 ", operation %" PRIu64 ": %s (0x%" PRIx64 ", 0x%" PRIx64 ")\n", w->id, w->op,
            what, a, b);
    atomic_fetch_add(&g.failures, 1);
}

static uint64_t value(uint64_t tag, uint32_t vm, struct worker *w)
{
    return tag << 48 | (uint64_t)vm << 32 | (rng_next(&w->rng) & UINT32_MAX);
}

static uint64_t tag_of(uint64_t v) { return v >> 48; }
static uint32_t vm_of(uint64_t v) { return (uint32_t)(v >> 32 & 0xffff); }

/* ---- a call, and what it may answer ---- */

#define MAY(s) (UINT32_C(1) << CORDON_##s)

static void check(struct worker *w, enum cordon_status status, uint32_t allowed, const char *what)
{
    if ((allowed >> status & 1) == 0)
        fail(w, what, (uint64_t)status, 0);
}

/* A page to be mapped that was there already is neither changed nor skipped. */
static void check_counts(struct worker *w, struct cordon_progress p, uint64_t num, bool map, const char *what)
{
    uint64_t told = p.changed + p.unmapped + p.not_owned + p.saturated;

    if (p.done > num || (map ? told > p.done : told != p.done) ||
        (p.status == CORDON_OK) != (p.done == num) || (p.status == CORDON_AGAIN && p.done == 0))
        fail(w, what, p.done, num);
}

/* ---- operations on what is shared ---- */

static uint32_t any_vm(struct worker *w)
{
    return (uint32_t)rng_from(&w->rng, 1, VMS);
}

/* A guest frame and a frame that often belong together, so that VMs find what they asked for before. */
static uint64_t any_gfn(struct worker *w, uint32_t vm, uint64_t *pfn)
{
    uint64_t at = rng_one_in(&w->rng, 3) ? rng_below(&w->rng, WINDOW) : 448 + rng_below(&w->rng, 128);
    bool secret = rng_one_in(&w->rng, 2);

    *pfn = SHARED + (at + (secret ? 0 : 512) + 192 * vm) % SHARED_PAGES;     /* some of it wanted by two VMs */
    if (rng_one_in(&w->rng, 16))
        *pfn = SHARED + rng_below(&w->rng, SHARED_PAGES);
    return (secret ? PRIVATE_GFN : PUBLIC_GFN) + at;
}

static void do_map(struct worker *w)
{
    uint32_t vm = any_vm(w);
    uint64_t pfn_at;
    uint64_t gfn_at = any_gfn(w, vm, &pfn_at);
    uint32_t level = rng_one_in(&w->rng, 6) ? 2 : 3;
    enum cordon_contents contents = rng_one_in(&w->rng, 2) ? CORDON_ZERO : CORDON_KEEP;
    enum cordon_status status;

    if (level == 2)
        pfn_at -= pfn_at % 512;
    status = cordon_prot_and_map_vm_s2pt(sim_core(w->sim), vmid(vm), ipa(gfn_at * PAGE), pfn_at * PAGE, level, contents);
    w->maps += status == CORDON_OK;
    check(w, status, MAY(OK) | MAY(NO_VM) | MAY(STATE) | MAY(MAPPED) | MAY(NO_MEMORY) | MAY(OWNED) | MAY(GFN), "map answers");
}

static void do_map_range(struct worker *w)
{
    uint32_t vm = any_vm(w);
    uint64_t pfn_at;
    uint64_t gfn_at = any_gfn(w, vm, &pfn_at);
    uint64_t n = rng_from(&w->rng, 1, rng_one_in(&w->rng, 4) ? 600 : 16);
    struct cordon_progress p = cordon_prot_and_map_vm_range(sim_core(w->sim), vmid(vm), ipa(gfn_at * PAGE), pfn(pfn_at), n,
                                                            CORDON_ZERO);

    if (p.status == CORDON_OK || p.status == CORDON_AGAIN)
        check_counts(w, p, n, true, "map range counts");
}

static void do_share(struct worker *w, bool grant)
{
    uint64_t first = PUBLIC_GFN + (rng_one_in(&w->rng, 3) ? rng_below(&w->rng, WINDOW) : 448 + rng_below(&w->rng, 128));
    uint64_t n = rng_from(&w->rng, 1, rng_one_in(&w->rng, 4) ? WINDOW : 8);
    uint32_t vm = any_vm(w);
    struct cordon_progress p;

    if (n > PUBLIC_GFN + WINDOW - first)
        n = PUBLIC_GFN + WINDOW - first;
    if (grant)
        p = cordon_grant_stage2_sg_gpa(sim_core(w->sim), vmid(vm), ipa(first * PAGE), n * PAGE);
    else
        p = cordon_revoke_stage2_sg_gpa(sim_core(w->sim), vmid(vm), ipa(first * PAGE), n * PAGE);
    w->shares += p.changed > 0;
    check(w, p.status, MAY(OK) | MAY(AGAIN) | MAY(NO_VM) | MAY(STATE), "grant or revoke answers");
    if (p.status == CORDON_OK || p.status == CORDON_AGAIN)
        check_counts(w, p, n, false, "grant or revoke counts");
}

static void do_clear(struct worker *w)
{
    uint64_t first = SHARED + rng_below(&w->rng, SHARED_PAGES);
    uint64_t n = rng_one_in(&w->rng, 16) ? 512 : rng_from(&w->rng, 1, 16);
    struct cordon_progress p;

    if (n == 512)
        first -= first % 512;
    if (n > SHARED + SHARED_PAGES - first)
        n = SHARED + SHARED_PAGES - first;
    p = cordon_clear_vm_range(sim_core(w->sim), vmid(any_vm(w)), pfn(first), n);
    check(w, p.status, MAY(OK) | MAY(AGAIN) | MAY(NO_VM) | MAY(NO_MEMORY), "clear answers");
    if (p.status == CORDON_OK || p.status == CORDON_AGAIN)
        check_counts(w, p, n, false, "clear counts");
}

static void do_io(struct worker *w)
{
    uint64_t gfn_at = PUBLIC_GFN + rng_below(&w->rng, WINDOW);

    check(w, cordon_map_vm_io(sim_core(w->sim), vmid(any_vm(w)), ipa(gfn_at * PAGE), pa(rng_below(&w->rng, 16) * PAGE)),
          MAY(OK) | MAY(NO_VM) | MAY(STATE) | MAY(MAPPED) | MAY(NO_MEMORY), "map_io answers");
}

static void do_fault(struct worker *w)
{
    uint64_t frame = rng_one_in(&w->rng, 8) ? rng_below(&w->rng, FIRST) : FIRST + rng_below(&w->rng, RAM_PAGES);

    check(w, cordon_map_page_host(sim_core(w->sim), pa(frame * PAGE)), MAY(OK) | MAY(PRIVATE), "host_fault answers");
}

/* ---- lives of the shared VMs ---- */

static void do_birth(struct worker *w)
{
    uint32_t vm = any_vm(w);
    struct cordon *c = sim_core(w->sim);

    check(w, cordon_vm_create(c, vmid(vm), pfn(TABLES_OF(vm))), MAY(OK) | MAY(EXISTS) | MAY(OWNED), "create answers");
    check(w, cordon_vm_donate(c, vmid(vm), pfn(TABLES_OF(vm) + 1), 7), MAY(OK) | MAY(NO_VM) | MAY(STATE) | MAY(OWNED),
          "donate answers");
}

static void do_more_tables(struct worker *w)
{
    struct cordon_mapping m;
    uint32_t vm = any_vm(w);

    check(w, cordon_vm_donate(sim_core(w->sim), vmid(vm), pfn(TABLES_OF(vm) + 8 + rng_below(&w->rng, 8)), 1),
          MAY(OK) | MAY(NO_VM) | MAY(STATE) | MAY(OWNED), "donate answers");
    (void)cordon_vm_pool_free(sim_core(w->sim), vmid(vm));
    check(w, cordon_walk_s2pt(sim_core(w->sim), vmid(vm), ipa(PRIVATE_GFN * PAGE), &m), MAY(OK) | MAY(NO_VM), "walk answers");
}

static void do_death(struct worker *w)
{
    uint32_t vm = any_vm(w);
    uint64_t calls = rng_one_in(&w->rng, 2) ? 1000 : rng_from(&w->rng, 1, 8);
    enum cordon_status status = CORDON_AGAIN;

    for (uint64_t i = 0; i < calls && status == CORDON_AGAIN; i++)
        status = cordon_vm_destroy(sim_core(w->sim), vmid(vm));
    check(w, status, MAY(OK) | MAY(AGAIN) | MAY(NO_VM), "destroy answers");
}

/* ---- accesses to what is shared ---- */

static void host_access(struct worker *w, uint64_t frame, bool own)
{
    enum cordon_status status;
    uint64_t addr = frame * PAGE + rng_below(&w->rng, 4) * 8;
    uint64_t v = 0;

    if (!own && rng_one_in(&w->rng, 3)) {
        (void)sim_write(w->sim, 0, addr, value(HOSTS, 0, w), false, &status);
        return;
    }
    if (sim_read(w->sim, 0, addr, &v, false, &status) != SIM_DONE)
        return;
    w->host_reads++;
    if (tag_of(v) == SECRET)
        fail(w, "the host reads a secret", addr, v);
    if (own && v != 0 && tag_of(v) != HOSTS)
        fail(w, "a frame that was cleared is not zero", addr, v);
}

static void vm_access(struct worker *w)
{
    uint32_t vm = any_vm(w);
    uint64_t pfn_at;
    uint64_t gfn_at = any_gfn(w, vm, &pfn_at);
    uint64_t addr = gfn_at * PAGE + rng_below(&w->rng, 4) * 8;
    enum cordon_status status;
    uint64_t v = 0;

    if (rng_one_in(&w->rng, 2)) {
        (void)sim_write(w->sim, vm, addr, value(gfn_at >= PRIVATE_GFN ? SECRET : PLAIN, vm, w), false, &status);
        return;
    }
    if (sim_read(w->sim, vm, addr, &v, false, &status) != SIM_DONE)
        return;
    w->vm_reads++;
    if (tag_of(v) == SECRET && (vm_of(v) != vm || gfn_at < PRIVATE_GFN))
        fail(w, "a VM reads a secret that is not its own", addr, v);
}

/* ---- the thread's own VM and frames ---- */

static uint32_t own_vm(const struct worker *w) { return VMS + 1 + w->id; }

static void own_put(struct worker *w, uint64_t i)
{
    struct cordon *c = sim_core(w->sim);
    uint64_t addr = (OWN_GFN + i) * PAGE;
    uint64_t secret = value(SECRET, own_vm(w), w);
    enum cordon_status status = cordon_prot_and_map_vm_s2pt(c, vmid(own_vm(w)), ipa(addr), (OWN(w->id) + i) * PAGE, 3,
                                                            CORDON_ZERO);

    check(w, status, MAY(OK), "a frame of its own cannot be mapped");
    if (sim_write(w->sim, own_vm(w), addr, secret, false, &status) != SIM_DONE)
        fail(w, "a VM cannot write what it was given", addr, 0);
    w->secret[i] = secret;
    w->secrets++;
}

static void own_check(struct worker *w, uint64_t i)
{
    uint64_t addr = (OWN_GFN + i) * PAGE;
    enum cordon_status status;
    uint64_t v = 0;

    if (sim_read(w->sim, own_vm(w), addr, &v, false, &status) != SIM_DONE || v != w->secret[i])
        fail(w, "a VM's memory is not what it wrote", v, w->secret[i]);
}

static void own_clear(struct worker *w, uint64_t i)
{
    struct cordon_progress p = cordon_clear_vm_range(sim_core(w->sim), vmid(own_vm(w)), pfn(OWN(w->id) + i), 1);

    if (p.status != CORDON_OK || p.changed != 1)
        fail(w, "a frame of its own cannot be cleared", (uint64_t)p.status, p.changed);
    w->secret[i] = 0;
    w->clears++;
    host_access(w, OWN(w->id) + i, true);
}

static void do_own(struct worker *w)
{
    uint64_t i = rng_below(&w->rng, OWN_PAGES);

    if (w->secret[i] == 0)
        own_put(w, i);
    else if (rng_one_in(&w->rng, 3))
        own_clear(w, i);
    else
        own_check(w, i);
}

/* ---- threads ---- */

static void one(struct worker *w)
{
    uint64_t dice = rng_below(&w->rng, 100);

    sim_begin(w->sim, "thread");
    if (dice < 14)
        do_map(w);
    else if (dice < 18)
        do_map_range(w);
    else if (dice < 26)
        do_share(w, true);
    else if (dice < 33)
        do_share(w, false);
    else if (dice < 36)
        do_clear(w);
    else if (dice < 37)
        do_io(w);
    else if (dice < 42)
        do_fault(w);
    else if (dice < 44)
        do_birth(w);
    else if (dice < 46)
        do_more_tables(w);
    else if (dice < 47 && rng_one_in(&w->rng, 4))
        do_death(w);
    else if (dice < 66)
        host_access(w, FIRST + rng_below(&w->rng, RAM_PAGES), false);
    else if (dice < 82)
        vm_access(w);
    else
        do_own(w);
    sim_end(w->sim);
    w->op++;
}

/* All threads stand still: the whole machine must be sound. */
static void quiescent(struct sim *s, double stop, uint64_t round)
{
    struct timespec t;

    (void)sim_check_all(s);
    clock_gettime(CLOCK_MONOTONIC, &t);
    if (sim_reports(s) > 0 || atomic_load(&g.failures) > 0 || (double)t.tv_sec > stop || round + 1 == g.rounds)
        atomic_store(&g.stop, true);
}

struct start {
    struct worker *worker;
    double stop;
};

static void *run(void *arg)
{
    struct start *start = arg;
    struct worker *w = start->worker;

    sim_cpu(w->sim, w->id);
    for (uint64_t round = 0; !atomic_load(&g.stop); round++) {
        for (uint64_t i = 0; i < g.ops; i++)
            one(w);
        pthread_barrier_wait(&g.barrier);
        if (w->id == 0)
            quiescent(w->sim, start->stop, round);
        pthread_barrier_wait(&g.barrier);
    }
    return NULL;
}

static bool parse(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t n = strtoull(argv[i + 1], NULL, 0);

        if (strcmp(argv[i], "--seed") == 0)
            g.seed = n;
        else if (strcmp(argv[i], "--rounds") == 0)
            g.rounds = n;
        else if (strcmp(argv[i], "--seconds") == 0)
            g.seconds = n;
        else if (strcmp(argv[i], "--threads") == 0 && n >= 1 && n <= THREADS_MAX)
            g.threads = (uint32_t)n;
        else
            return false;
    }
    return argc % 2 == 1;
}

static struct sim *make(void)
{
    struct cordon_mem ram[] = { { BASE, RAM_PAGES * PAGE } };
    struct sim_config config = { .ram = ram, .rams = 1, .vms = VMS + THREADS_MAX, .cpus = g.threads, .concurrent = true,
                                 .compact = true, .private_size = UINT64_C(4) << 20, .tlb_entries = 256, .seed = g.seed,
                                 .host = { 40, 1 }, .vm = { 39, 1 } };
    char why[256];
    struct sim *s = sim_create(&config, why, sizeof why);

    if (!s) {
        fprintf(stderr, "threads: no machine: %s\n", why);
        exit(1);
    }
    for (uint32_t i = 0; i < g.threads; i++) {
        uint32_t vm = VMS + 1 + i;

        sim_begin(s, "create");
        if (cordon_vm_create(sim_core(s), vmid(vm), pfn(TABLES_OF(vm))) != CORDON_OK ||
            cordon_vm_donate(sim_core(s), vmid(vm), pfn(TABLES_OF(vm) + 1), 8) != CORDON_OK)
            exit(1);
        sim_end(s);
    }
    return s;
}

static void work(struct sim *s, struct worker *w)
{
    pthread_t thread[THREADS_MAX];
    struct start start[THREADS_MAX];
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    pthread_barrier_init(&g.barrier, NULL, g.threads);
    for (uint32_t i = 0; i < g.threads; i++) {
        w[i].sim = s;
        w[i].id = i;
        w[i].rng.state = g.seed + i * UINT64_C(1000003);
        start[i] = (struct start){ &w[i], (double)t.tv_sec + (double)g.seconds };
        pthread_create(&thread[i], NULL, run, &start[i]);
    }
    for (uint32_t i = 0; i < g.threads; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&g.barrier);
}

int main(int argc, char **argv)
{
    static struct worker worker[THREADS_MAX];
    struct worker all = { .op = 0 };
    bool good;
    struct sim *s;

    g.seed = (uint64_t)time(NULL);
    if (!parse(argc, argv)) {
        fprintf(stderr, "usage: threads [--seed N] [--rounds N] [--seconds N] [--threads 1..8]\n");
        return 2;
    }
    printf("threads: --seed %" PRIu64 " --threads %" PRIu32 "\n", g.seed, g.threads);
    fflush(stdout);
    s = make();
    work(s, worker);
    (void)sim_check_all(s);
    for (unsigned i = 0; i < sim_reports(s) && i < 8; i++)
        fprintf(stderr, "threads: report: %s\n", sim_report(s, i));
    for (uint32_t i = 0; i < g.threads; i++) {
        all.op += worker[i].op;
        all.maps += worker[i].maps;
        all.shares += worker[i].shares;
        all.secrets += worker[i].secrets;
        all.host_reads += worker[i].host_reads;
        all.vm_reads += worker[i].vm_reads;
        all.clears += worker[i].clears;
    }
    good = sim_reports(s) == 0 && atomic_load(&g.failures) == 0;
    printf("%s: %" PRIu64 " operations; took hold: %" PRIu64 " maps, %" PRIu64 " grants or revokes; %" PRIu64 " secrets written, %"
           PRIu64 " own frames cleared; reads: %" PRIu64 " by the host, %" PRIu64 " by VMs\n", good ? "ok" : "FAIL", all.op,
           all.maps, all.shares, all.secrets, all.clears, all.host_reads, all.vm_reads);
    return good ? 0 : 1;
}
