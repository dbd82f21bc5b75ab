/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One operation of a trace on the simulated machine.
 */
#ifndef CORDON_TOOL_PERFORM_H
#define CORDON_TOOL_PERFORM_H

#include "sim.h"
#include "trace.h"

struct answer {
    enum { ANSWER_OK, ANSWER_COUNTED, ANSWER_REFUSED, ANSWER_VALUE, ANSWER_FAULT } kind;
    enum cordon_status status;      /* of a refusal */
    uint64_t changed, skipped;      /* of what was counted */
    uint64_t value;
};

/* Performs an item that is neither ram, core, vm nor dump. `what` names it in the log and in reports. */
struct answer perform(struct sim *s, const struct trace_item *item, const char *what);

#endif
