/* SPDX-License-Identifier: Apache-2.0 */
/* Where EL2 sees physical memory: at an offset. mmu.c maps it there. */
#ifndef CORDON_PHYS_H
#define CORDON_PHYS_H

#include <stdint.h>

#define PHYS_OFFSET (UINT64_C(1) << 47)

/* What lies beyond is not mapped, nor refused: who reads the tree does that. */
#define PHYS_LIMIT (UINT64_C(1) << 44)

static inline void *phys(uint64_t pa) { return (void *)(PHYS_OFFSET + pa); }

#endif
