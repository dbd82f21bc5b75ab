/* SPDX-License-Identifier: Apache-2.0 */
/* A broken invariant of the core: the end, or what the machine was told to do then. */
#include <stdlib.h>

#include "cpu.h"
#include "log.h"

_Noreturn void arch_panic(struct cordon *c, const char *file, int line, const char *text)
{
    struct sim *s = c != NULL && c->arch != NULL ? c->arch->sim : NULL;

    if (s != NULL)
        LOG(s, sim_this_cpu(s), "panic %s:%d: %s", file, line, text);
    if (s != NULL && s->panic != NULL)
        s->panic(file, line, text);
    (void)fprintf(stderr, "%s:%d: broken invariant of the core: %s\n", file, line, text);
    abort();
}
