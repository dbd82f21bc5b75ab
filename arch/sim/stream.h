/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SMMU as streams of VMs' devices meet it, which it translates by the VM's own table: its TLB, its walk caches, and what
 * a store into such a table owes it. Written from the Arm manuals (IHI 0070, 3.17 and 4.4; DDI 0487, D8).
 *
 * Each stream has a TLB of its own and a walk cache of level-3 tables. Both forget nothing until they are told
 * (CMD_TLBI_S2_IPA) and a CMD_SYNC behind that is complete, or another entry needs the place. An entry that is taken out of a
 * table which a stream is open on is a duty of its CPU's until then: before the frame is zeroed, before its table is free,
 * and before the VM's lock goes (I6, I8, S11).
 */
#ifndef SIM_STREAM_H
#define SIM_STREAM_H

#include "duty.h"
#include "state.h"

bool stream_create(struct function *f);
void stream_destroy(struct sim *s);

/* False: a fault. The stream is open. */
bool stream_translate(struct sim *s, const struct cpu *cpu, struct function *f, uint64_t page, uint64_t *pfn);
/* It has nothing any more. */
void stream_forget_all(struct function *f);
/* What the SMMUs were told to forget of VMs' pages, is forgotten: a part of arch_dma_sync(). */
void stream_sync(struct sim *s, struct cpu *cpu);

/* An entry was taken out of a live table. */
void stream_retracted(struct sim *s, struct cpu *cpu, const struct duty *d);
/* An entry becomes valid: no SMMU may have what was there before. */
void stream_check_made(struct sim *s, const struct cpu *cpu, uint32_t vmid, uint64_t gfn, uint64_t pages);
/* A table is free: no stream may be in it. */
void stream_check_free(struct sim *s, const struct cpu *cpu, uint64_t row);
void stream_check_zeroed(struct sim *s, const struct cpu *cpu, uint64_t frame);
/* The VM's lock goes; vmid 0: the operation ends. Nothing is owed. */
void stream_check_dropped(struct sim *s, struct cpu *cpu, uint32_t vmid);
/* What streams have of the pages that the operation retracted; or of all pages that were ever translated. */
void stream_check_retracted(struct sim *s, const struct cpu *cpu);
void stream_check_all(struct sim *s, const struct cpu *cpu);

#endif
