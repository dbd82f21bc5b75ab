/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the simulated machine's own checks: the machine, and what is expected of its reports. */
#ifndef CORDON_REPORTS_H
#define CORDON_REPORTS_H

#include <string.h>

#include "sim.h"

static struct sim *s;
static struct cordon *c;

/* A test; its machine is s. */
#define TEST(name) static void name(void **state __attribute__((unused)))

static inline void print_reports(void)
{
    for (unsigned i = 0; i < sim_reports(s); i++)
        print_error("%s\n", sim_report(s, i));
}

static inline void none(void)
{
    print_reports();
    assert_int_equal(sim_reports(s), 0);
}

/* Some report has this name and this text. */
static inline void reported(const char *name, const char *text)
{
    for (unsigned i = 0; i < sim_reports(s); i++) {
        const char *r = sim_report(s, i);

        if (strncmp(r, name, strlen(name)) == 0 && strstr(r, text) != NULL)
            return;
    }
    print_reports();
    fail_msg("no report \"%s ... %s\"", name, text);
}

/* And no other one. */
static inline void reported_alone(const char *name, const char *text)
{
    reported(name, text);
    if (sim_reports(s) != 1)
        fail_msg("%s", sim_report(s, 1));
}

#endif
