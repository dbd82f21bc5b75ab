/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A random machine: geometry, RAM layout, VM ids, guest windows; and the pair of the simulated machine with the real
 * core and the model of it.
 */
#ifndef RANDOM_WORLD_H
#define RANDOM_WORLD_H

#include <setjmp.h>

#include "model.h"
#include "rng.h"
#include "sim.h"

struct world {
    struct cordon_mem ram[MODEL_RAMS];
    uint32_t rams;
    struct cordon_mem core[2];
    uint32_t cores;
    struct cordon_mem hidden[MODEL_HIDDENS];
    uint32_t hiddens;
    struct cordon_geometry host;
    struct cordon_geometry vm;
    struct cordon_dma dma;
    uint32_t max_vm;
    uint32_t cpus;
    uint32_t tlb_entries;
    uint64_t host_tables;               /* 0: as many as can ever be needed */
    bool large;                         /* a whole GiB of RAM: compare less often */
    uint32_t id[MODEL_VMS];
    uint64_t window[MODEL_WINDOWS];
    uint32_t windows;
    uint64_t off_first, off_end;        /* frames that may be the simulator's own: not named by operations */
};

struct pair {
    struct sim *sim;
    struct model *model;
    uint64_t held;                      /* answers that were OK, of ranges: that changed something */
    char why[512];                      /* the first disagreement, empty: none */
};

/* A machine of the seed's making. */
void world_make(struct world *w, uint64_t seed);
void world_print(const struct world *w);

/* Starts it. False: pair->why. */
bool pair_start(struct pair *p, const struct world *w);
void pair_stop(struct pair *p);

/* Where a stop of the core for good jumps to, NULL: nowhere, the program ends; and where in the core it was. */
void pair_on_panic(jmp_buf *to);
const char *pair_panic(void);

/* Notes a disagreement, printf-style; always false. */
bool pair_fail(struct pair *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Whether the machine's checks have found something; noted. */
bool pair_reports(struct pair *p);
/* Compares the whole abstract state: records, VM maps, contents, the host's maps as a bound, what its devices reach. */
bool pair_compare(struct pair *p);

#endif
