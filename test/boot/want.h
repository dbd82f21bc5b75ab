/* SPDX-License-Identifier: Apache-2.0 */
/* What the native tests of EL2's parts count: checks, and those that failed. */
#ifndef CORDON_WANT_H
#define CORDON_WANT_H

#include <stdbool.h>
#include <stdio.h>

#define FAILURES_SHOWN 50u

static unsigned failures;
static unsigned checks;
static const char *name = "";       /* of the test that runs */

static inline void want(bool holds, const char *what)
{
    checks++;
    if (holds)
        return;
    failures++;
    if (failures < FAILURES_SHOWN)
        fprintf(stderr, "%s: %s: %s\n", __BASE_FILE__, name, what);
}

#endif
