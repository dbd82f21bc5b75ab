/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what `cordon replay` printed, to judge the dumps in it.
 */
#ifndef CORDON_TOOL_OUTPUT_H
#define CORDON_TOOL_OUTPUT_H

#include "cli.h"
#include "lines.h"

/* Whether the current line of *l is one that a replay prints. */
bool output_is(const struct lines *l);
/* Judges all dumps. Violations are on standard error, a summary on standard output. */
enum cli_status output_check(struct lines *l);

#endif
