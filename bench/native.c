/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The native workload: 8192 frames of 4 KiB, guest addresses from 1 GiB on, physically contiguous. One repetition maps,
 * walks, grants, has the host fault in, revokes and clears them all, so that it ends where it began. Each part is a
 * function of its own, so that callgrind can tell what it costs.
 *
 *     native count         one repetition under callgrind's instrumentation
 *     native time [REPS]   best time of each part, in ns a page
 *     native zero [REPS]   the same, with frames really zeroed
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <valgrind/callgrind.h>

#include "bench/rig.h"
#include "memory/frame.h"

#define PAGES 8192u
#define GUEST UINT64_C(0x40000000)
#define VM vmid(1)
#define PART __attribute__((noinline))

static struct cordon *c;
static uint64_t ram;            /* physical address of the first frame */
static uint64_t order[PAGES];   /* byte offset of the page that comes i-th */
static volatile uint64_t sink;

static void want(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench: %s did not do what it should\n", what);
        exit(1);
    }
}

static void sequential(void)
{
    for (uint64_t i = 0; i < PAGES; i++)
        order[i] = i * CORDON_PAGE_SIZE;
}

static void scattered(void)
{
    for (uint64_t i = 0; i < PAGES; i++)
        order[i] = i * 2654435761u % PAGES * CORDON_PAGE_SIZE;
}

/* ---- one page a call ---- */

PART static void map_page(void)
{
    for (uint32_t i = 0; i < PAGES; i++)
        want(cordon_prot_and_map_vm_s2pt(c, VM, ipa(GUEST + order[i]), ram + order[i], 3, CORDON_KEEP) == CORDON_OK, "map");
}

PART static void walk_page(void)
{
    struct cordon_mapping m;

    for (uint32_t i = 0; i < PAGES; i++) {
        want(cordon_walk_s2pt(c, VM, ipa(GUEST + order[i]), &m) == CORDON_OK, "walk");
        sink = m.pfn.v;
    }
}

PART static void grant_page(void)
{
    for (uint32_t i = 0; i < PAGES; i++)
        want(cordon_grant_stage2_sg_gpa(c, VM, ipa(GUEST + order[i]), 4096).changed == 1, "grant");
}

PART static void host_fault(void)
{
    for (uint32_t i = 0; i < PAGES; i++)
        want(cordon_map_page_host(c, pa(ram + order[i])) == CORDON_OK, "host fault");
}

PART static void revoke_page(void)
{
    for (uint32_t i = 0; i < PAGES; i++)
        want(cordon_revoke_stage2_sg_gpa(c, VM, ipa(GUEST + order[i]), 4096).changed == 1, "revoke");
}

PART static void clear_page(void)
{
    for (uint32_t i = 0; i < PAGES; i++)
        want(cordon_clear_vm_range(c, VM, pfn((ram + order[i]) / 4096), 1).changed == 1, "clear");
}

/* ---- ranges: 512 pages a call, or all in one (continued as the ABI does) ---- */

PART static void map_512(void)
{
    for (uint64_t i = 0; i < PAGES; i += 512)
        want(cordon_prot_and_map_vm_range(c, VM, ipa(GUEST + i * 4096), pfn(ram / 4096 + i), 512, CORDON_KEEP).done == 512,
             "map 512");
}

PART static void grant_512(void)
{
    for (uint64_t i = 0; i < PAGES; i += 512)
        want(cordon_grant_stage2_sg_gpa(c, VM, ipa(GUEST + i * 4096), 512 * 4096).changed == 512, "grant 512");
}

PART static void revoke_512(void)
{
    for (uint64_t i = 0; i < PAGES; i += 512)
        want(cordon_revoke_stage2_sg_gpa(c, VM, ipa(GUEST + i * 4096), 512 * 4096).changed == 512, "revoke 512");
}

PART static void clear_512(void)
{
    for (uint64_t i = 0; i < PAGES; i += 512)
        want(cordon_clear_vm_range(c, VM, pfn(ram / 4096 + i), 512).changed == 512, "clear 512");
}

PART static void map_block(void)
{
    for (uint64_t i = 0; i < PAGES; i += 512)
        want(cordon_prot_and_map_vm_s2pt(c, VM, ipa(GUEST + i * 4096), ram + i * 4096, 2, CORDON_KEEP) == CORDON_OK, "block");
}

PART static void clear_block(void)
{
    clear_512();
}

PART static void host_block_fault(void)
{
    for (uint64_t i = 0; i < PAGES; i += 512)
        want(cordon_map_page_host(c, pa(ram + i * 4096)) == CORDON_OK, "host block fault");
}

/* The page-level transition alone: records of a section whose lock is held once. */
PART static void own_pages(void)
{
    for (uint64_t i = 0; i < PAGES; i++) {
        struct frame *f = &c->frame[i];

        if (frame_can_assign(*f, 1, i) == CORDON_OK)
            *f = frame_of_vm(1, i);
        sink = f->holder;
    }
}

/* ---- the repetition ---- */

struct part {
    const char *name;
    void (*run)(void);
    uint64_t best;          /* ns */
};

static struct part seq[] = { { "seq host_block_fault", host_block_fault, 0 }, { "seq map_page", map_page, 0 },
                             { "seq walk_page", walk_page, 0 }, { "seq grant_page", grant_page, 0 },
                             { "seq host_fault", host_fault, 0 }, { "seq revoke_page", revoke_page, 0 },
                             { "seq clear_page", clear_page, 0 } };
static struct part rnd[] = { { "rnd host_block_fault", host_block_fault, 0 }, { "rnd map_page", map_page, 0 },
                             { "rnd walk_page", walk_page, 0 }, { "rnd grant_page", grant_page, 0 },
                             { "rnd host_fault", host_fault, 0 }, { "rnd revoke_page", revoke_page, 0 },
                             { "rnd clear_page", clear_page, 0 } };
static struct part r512[] = { { "512 host_block_fault", host_block_fault, 0 }, { "512 map_512", map_512, 0 },
                              { "512 grant_512", grant_512, 0 }, { "512 host_fault", host_fault, 0 },
                              { "512 revoke_512", revoke_512, 0 }, { "512 clear_512", clear_512, 0 } };
static struct part blocks[] = { { "block host_block_fault", host_block_fault, 0 }, { "block map_block", map_block, 0 },
                                { "block grant_512", grant_512, 0 }, { "block host_fault", host_fault, 0 },
                                { "block revoke_512", revoke_512, 0 }, { "block clear_block", clear_block, 0 } };

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void repeat(struct part *parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t start = now();
        uint64_t took;

        parts[i].run();
        took = now() - start;
        if (parts[i].best == 0 || took < parts[i].best)
            parts[i].best = took;
    }
}

static void print(const struct part *parts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("%s %.2f\n", parts[i].name, (double)parts[i].best / PAGES);
}

/* One callgrind dump for each part: its name is the dump's trigger. */
static void count(struct part *parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t tlbi = arch_counts.tlbi;

        CALLGRIND_ZERO_STATS;
        parts[i].run();
        CALLGRIND_DUMP_STATS_AT(parts[i].name);
        printf("%s tlbi %" PRIu64 "\n", parts[i].name, arch_counts.tlbi - tlbi);
    }
}

#define ALL(f, parts) f((parts), sizeof (parts) / sizeof (parts)[0])

int main(int argc, char **argv)
{
    struct bench_machine *m = bench_machine_new(UINT64_C(32) << 20, 4);
    struct part own[] = { { "own own_pages", own_pages, 0 } };
    bool counting = argc > 1 && strcmp(argv[1], "count") == 0;
    int reps = counting ? 1 : argc > 2 ? atoi(argv[2]) : 40;

    c = &m->core;
    ram = m->ram_base;
    arch_counts.really_zero = argc > 1 && strcmp(argv[1], "zero") == 0;
    bench_vm(m, 1, 64);
    for (int i = 0; i < reps; i++) {
        sequential();
        ALL(repeat, seq);
        ALL(repeat, r512);
        ALL(repeat, blocks);
        scattered();
        ALL(repeat, rnd);
    }
    if (!counting) {
        ALL(print, seq), ALL(print, rnd), sequential(), ALL(print, r512), ALL(print, blocks);
        return 0;
    }
    sequential();
    ALL(count, seq);
    ALL(count, r512);
    ALL(repeat, blocks);    /* the tables as a repetition of blocks leaves them */
    ALL(count, blocks);
    scattered();
    ALL(repeat, rnd);
    ALL(count, rnd);
    memset(c->frame, 0, PAGES * sizeof *c->frame);  /* the last part: it leaves the machine in pieces */
    ALL(count, own);
    bench_machine_free(m);
    return 0;
}
