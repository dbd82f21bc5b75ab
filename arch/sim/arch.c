/* SPDX-License-Identifier: Apache-2.0 */
#include "arch.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void arch_index_outside(uint64_t index, uint64_t bound)
{
    (void)fprintf(stderr, "simulated machine: index %llu is not below %llu\n", (unsigned long long)index,
                  (unsigned long long)bound);
    abort();
}
