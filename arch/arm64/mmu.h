/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EL2's own stage 1. The image is mapped where it lies, each part with the access it needs and nothing executable that
 * is writable; physical memory is seen at an offset (phys.h), never executable, without the image.
 */
#ifndef CORDON_MMU_H
#define CORDON_MMU_H

#include <stdint.h>

/* With the MMU off: the image, the UART, and the memory around the device tree. */
void mmu_build(uint64_t dtb);

/* Maps more physical memory, at its offset, page aligned. Single-threaded. What is mapped already stays. */
void mmu_map_ram(uint64_t base, uint64_t size);
void mmu_map_device(uint64_t base, uint64_t size);

/*
 * Maps the memory of `n` CPUs (cpus_size()) where it lies: their structures are found before their MMU is on. Below each stack a
 * guard stays unmapped.
 */
void mmu_map_cpus(uint64_t base, uint32_t n);

#endif
