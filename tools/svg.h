/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The picture as an SVG document that stands alone: no script, no font, no file beside it.
 */
#ifndef CORDON_TOOL_SVG_H
#define CORDON_TOOL_SVG_H

#include <stdio.h>

#include "picture.h"

/* Chooses a scale of its own. Write errors stay in the stream for the caller to see. */
void svg_write(FILE *out, struct picture *p, const char *name);

#endif
