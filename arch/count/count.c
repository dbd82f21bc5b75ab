/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch.h"

_Thread_local struct arch arch_counts;

void arch_count_zero(struct cordon *c, uint64_t pfn, uint64_t n)
{
    memset(&c->phys[pfn], 0, n * sizeof c->phys[0]);
}

void arch_wait(struct cordon *c)
{
    (void)c;
    sched_yield();
}

_Noreturn void arch_panic(struct cordon *c, const char *file, int line, const char *text)
{
    (void)c;
    fprintf(stderr, "panic: %s:%d: %s\n", file, line, text);
    abort();
}
