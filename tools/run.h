/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a trace: builds the machine that its first lines name, performs one item after the other, and stops where the
 * trace is malformed or an invariant fails. `cordon replay`, `map` and `check` all stand on it.
 */
#ifndef CORDON_TOOL_RUN_H
#define CORDON_TOOL_RUN_H

#include "cli.h"
#include "layout.h"
#include "perform.h"

struct run {
    /* Set by the caller; all else zero. */
    FILE *out;                  /* what the operations answer, or NULL */
    FILE *log;                  /* the machine's log, or NULL */
    bool no_check;

    struct layout layout;
    struct sim *sim;            /* NULL until the first operation */
    uint64_t operations;
    unsigned reported;          /* reports of the machine that have been printed */
};

/* Runs the trace in *l to its end. What went wrong is on standard error. The machine stays until run_free(). */
enum cli_status run_trace(struct run *r, struct lines *l);
void run_free(struct run *r);

#endif
