/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tool knows of the terminal that it talks to.
 */
#ifndef CORDON_TOOL_TERMINAL_H
#define CORDON_TOOL_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Columns of standard output: of its terminal, or 80. */
unsigned terminal_width(void);
/* Whether standard output takes colours: a terminal that is not dumb, and nobody set NO_COLOR. */
bool terminal_colour(void);

/* How far a long run has come, on standard error, when that is a terminal. */
struct progress {
    bool on;
    bool shown;
    uint64_t size;      /* of the input, 0 when it is no regular file */
    uint64_t next;      /* operations at which to look again */
};

struct progress progress_start(FILE *input);
void progress_show(struct progress *p, uint64_t operations, uint64_t bytes);
void progress_end(struct progress *p);

#endif
