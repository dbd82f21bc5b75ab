/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Model-based random test: sequences of operations on the real core in the simulated machine and on the model, on many
 * random machines. What a sequence disagrees on is shrunk to few operations and printed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops.h"

#define SEQUENCE 2000       /* operations on one machine */
#define SHRINK_SECONDS 20

struct options {
    uint64_t seed;
    uint64_t ops;
    uint64_t seconds;       /* 0: until ops are done */
    bool quiet;
    bool no_shrink;
};

static uint64_t kinds[OP_KINDS], held[OP_KINDS];

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One operation, with the whole state compared now and then. A stop of the core for good is a failure as any other. */
static bool step(struct pair *p, const struct world *w, const struct op *op, bool compare)
{
    jmp_buf here;
    volatile bool good = false;

    if (setjmp(here) == 0) {
        pair_on_panic(&here);
        good = op_apply(p, w, op) && (!compare || pair_compare(p));
    } else {
        pair_fail(p, "the core stopped: %s", pair_panic());
    }
    pair_on_panic(NULL);
    return good;
}

static bool last_checks(struct pair *p)
{
    sim_check_all(p->sim);
    return !pair_reports(p) && pair_compare(p);
}

static uint64_t period(const struct world *w)
{
    return w->large ? 256 : 16;
}

/* Generates and performs a sequence into op[]; returns how many operations were performed. False in *good: a failure. */
static uint64_t generate(const struct world *w, uint64_t seed, struct op *op, uint64_t most, bool *good, char *why, size_t size)
{
    struct rng r = { seed ^ UINT64_C(0x5eed) };
    struct hot hot = { .repeat = 0 };
    struct pair p;
    uint64_t before, n = 0;

    *good = pair_start(&p, w);
    while (*good && n < most) {
        op[n] = op_random(&r, w, p.model, &hot);
        kinds[op[n].kind]++;
        before = p.held;
        *good = step(&p, w, &op[n], n % period(w) == 0);
        held[op[n].kind] += p.held > before;
        n++;
    }
    *good = *good && last_checks(&p);
    snprintf(why, size, "%s", p.why);
    pair_stop(&p);
    return n;
}

/* Whether a sequence fails; how many operations that took. */
static bool fails(const struct world *w, const struct op *op, uint64_t n, uint64_t *used, char *why, size_t size)
{
    struct pair p;
    bool good = pair_start(&p, w);
    uint64_t i = 0;

    while (good && i < n) {
        good = step(&p, w, &op[i], n < 64 || i % period(w) == 0);
        i++;
    }
    good = good && last_checks(&p);
    *used = i;
    if (!good)
        snprintf(why, size, "%s", p.why);
    pair_stop(&p);
    return !good;
}

/* Leaves out chunks, halving them, for as long as the rest still fails. */
static uint64_t shrink(const struct world *w, struct op *op, uint64_t n, char *why, size_t size)
{
    double stop = now() + SHRINK_SECONDS;
    struct op *without = malloc((n + 1) * sizeof *without);
    uint64_t used;

    for (uint64_t chunk = n / 2 + 1; without && chunk > 0 && now() < stop; chunk /= 2) {
        for (uint64_t at = 0; at < n && now() < stop;) {
            uint64_t k = n - at < chunk ? n - at : chunk;

            memcpy(without, op, at * sizeof *op);
            memcpy(without + at, op + at + k, (n - at - k) * sizeof *op);
            if (fails(w, without, n - k, &used, why, size)) {
                n = used;
                memcpy(op, without, n * sizeof *op);
            } else {
                at += k;
            }
        }
    }
    free(without);
    (void)fails(w, op, n, &used, why, size);
    return n;
}

static void tell(const struct options *o, const struct world *w, uint64_t seed, struct op *op, uint64_t n, char *why, size_t size)
{
    printf("FAIL machine seed %" PRIu64 " after %" PRIu64 " operations: %s\n", seed, n, why);
    if (o->no_shrink)
        return;
    printf("# shrinking ...\n");
    fflush(stdout);
    n = shrink(w, op, n, why, size);
    printf("# %" PRIu64 " operations are left: %s\n", n, why);
    world_print(w);
    for (uint64_t i = 0; i < n; i++)
        op_print(&op[i]);
    ops_print_trace(w, op, n);
}

static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quiet") == 0)
            o->quiet = true;
        else if (strcmp(argv[i], "--no-shrink") == 0)
            o->no_shrink = true;
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            o->seed = strtoull(argv[++i], NULL, 0);
        else if (strcmp(argv[i], "--ops") == 0 && i + 1 < argc)
            o->ops = strtoull(argv[++i], NULL, 0);
        else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
            o->seconds = strtoull(argv[++i], NULL, 0);
        else
            return false;
    }
    return true;
}

static void summary(const struct options *o, uint64_t done, uint64_t machines, double took)
{
    static const char *const word[] = {
#define OP_WORD(name, word, meaning) word,
        OPS(OP_WORD)
#undef OP_WORD
    };

    printf("ok: %" PRIu64 " operations on %" PRIu64 " machines agree with the model, %.1f s\n", done, machines, took);
    for (uint32_t i = 0; i < OP_KINDS && !o->quiet; i++)
        printf("#   %-16s %8" PRIu64 ", took hold %8" PRIu64 "\n", word[i], kinds[i], held[i]);
}

int main(int argc, char **argv)
{
    struct options o = { .seed = (uint64_t)time(NULL) * 1000003 % 1000000007, .ops = 200000 };
    static struct op op[SEQUENCE];
    struct world w;
    char why[512];
    uint64_t done = 0, machines = 0;
    double start = now();

    if (!parse(argc, argv, &o)) {
        fprintf(stderr, "usage: random [--seed N] [--ops N] [--seconds N] [--quiet] [--no-shrink]\n");
        return 2;
    }
    printf("random: --seed %" PRIu64 " --ops %" PRIu64 "\n", o.seed, o.ops);
    fflush(stdout);
    while (done < o.ops && (o.seconds == 0 || now() - start < (double)o.seconds)) {
        uint64_t seed = o.seed + machines;
        bool good;
        uint64_t n;

        world_make(&w, seed);
        n = generate(&w, seed, op, o.ops - done < SEQUENCE ? o.ops - done : SEQUENCE, &good, why, sizeof why);
        if (!good) {
            tell(&o, &w, seed, op, n, why, sizeof why);
            return 1;
        }
        done += n;
        machines++;
    }
    summary(&o, done, machines, now() - start);
    return 0;
}
