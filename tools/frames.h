/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame records of a machine as runs, for everything that shows who owns what.
 */
#ifndef CORDON_TOOL_FRAMES_H
#define CORDON_TOOL_FRAMES_H

#include "layout.h"
#include "sim.h"

#define FRAMES_HOST 0u
#define FRAMES_CORE 0xffffffffu     /* other owners are VM ids */

/* A maximal run: one owner, one count, and for a VM's frames ascending guest frame numbers. */
struct frames_run {
    uint64_t pfn;
    uint64_t n;
    uint64_t gfn;       /* of the first frame; only when a VM owns them */
    uint32_t owner;
    uint32_t count;
};

/*
 * Gives all runs in the RAM of the trace in ascending order, but for plain host frames (count 0). Sections that nothing
 * has touched cost nothing, so that RAM may be large and empty.
 */
void frames_runs(struct sim *s, const struct layout *y, void (*each)(const struct frames_run *run, void *arg),
                 void *arg);

#endif
