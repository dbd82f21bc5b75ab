/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The abstract state as text: frame, map and mem lines (docs/REPLAY.md).
 */
#ifndef CORDON_TOOL_DUMP_H
#define CORDON_TOOL_DUMP_H

#include <stdio.h>

#include "layout.h"
#include "sim.h"

void dump(FILE *out, struct sim *s, const struct layout *y);

#endif
