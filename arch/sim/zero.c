/* SPDX-License-Identifier: Apache-2.0 */
/* The steps that zero frames, and clean them. */
#include "cache.h"
#include "cpu.h"
#include "invariant.h"
#include "log.h"

void arch_zero_frames(struct cordon *c, uint64_t pfn, uint64_t n)
{
    struct sim *s = c->arch->sim;
    struct cpu *cpu = sim_this_cpu(s);

    LOG(s, cpu, "zero pfn=0x%llx n=%llu", (unsigned long long)pfn, (unsigned long long)n);
    for (uint64_t i = 0; i < n; i++) {
        cache_zero(s, pfn + i);
        if (s->check && !s->booting)
            invariant_zeroed(s, cpu, pfn + i);
    }
}

void arch_clean_frames(struct cordon *c, uint64_t pfn, uint64_t n)
{
    struct sim *s = c->arch->sim;

    LOG(s, sim_this_cpu(s), "clean pfn=0x%llx n=%llu", (unsigned long long)pfn, (unsigned long long)n);
    for (uint64_t i = 0; !s->concurrent && i < n; i++)
        cache_clean(s, pfn + i);
}
