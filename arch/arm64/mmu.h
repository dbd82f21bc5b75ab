/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EL2's own stage 1. The image is mapped where it lies, each part with the access it needs and nothing executable that
 * is writable; physical memory is seen at an offset, never executable, without the image.
 */
#ifndef CORDON_MMU_H
#define CORDON_MMU_H

#include <stdint.h>

#define PHYS_OFFSET (UINT64_C(1) << 47)

/* What lies beyond is not mapped, nor refused: who reads the tree does that. */
#define PHYS_LIMIT (UINT64_C(1) << 44)

static inline void *phys(uint64_t pa) { return (void *)(PHYS_OFFSET + pa); }

/* With the MMU off: the image, the UART, and the memory around the device tree. */
void mmu_build(uint64_t dtb);

/* Maps more physical memory, at its offset, page aligned. Single-threaded. What is mapped already stays. */
void mmu_map_ram(uint64_t base, uint64_t size);
void mmu_map_device(uint64_t base, uint64_t size);

/* Maps RAM where it lies, for the CPUs: their structures are found before their MMU is on, their stacks have guards. */
void mmu_map_data(uint64_t base, uint64_t size);
/* One CPU's two stacks, from `base` on: STACKS_SIZE with the guards below each, which stay unmapped. */
void mmu_map_stacks(uint64_t base);

#endif
