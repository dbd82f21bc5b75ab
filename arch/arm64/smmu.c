/* SPDX-License-Identifier: Apache-2.0 */
#include "arch.h"

void arch_dma_invalidate(struct cordon *c, uint64_t frame, uint64_t pages)
{
    (void)c; (void)frame; (void)pages;
}

void arch_dma_sync(struct cordon *c)
{
    (void)c;
}
