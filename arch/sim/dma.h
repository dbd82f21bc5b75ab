/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table that the SMMU walks for the host's devices: stores into it, what they owe, and whether it says what the records say.
 *
 * An entry that was taken out is a duty of its CPU's: the SMMUs are told to forget it (CMD_TLBI_...), and have done so
 * (CMD_SYNC), before the frame is zeroed and before the section's lock goes (I6, I8, S11). It is one whether a device used the
 * entry or not: an SMMU may read ahead of any device. The tables themselves never change once the core is there.
 */
#ifndef SIM_DMA_H
#define SIM_DMA_H

#include "state.h"

bool dma_create(struct sim *s);
void dma_destroy(struct sim *s);

/* The core wrote zeros to a frame: no device may be able to reach it (I8). */
void dma_check_zeroed(struct sim *s, const struct cpu *cpu, uint64_t frame);
/* The section's lock goes: nothing is owed any more, and each entry says what its record does (I5). */
void dma_check_dropped(struct sim *s, struct cpu *cpu, uint64_t index);
/* The operation ends: nothing is owed. */
void dma_check_end(struct sim *s, struct cpu *cpu);
/* The whole table against all records, and the SMMU's TLB against the table. */
void dma_check_all(struct sim *s, const struct cpu *cpu);

#endif
