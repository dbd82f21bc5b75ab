/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream table of one SMMU: what the accesses of each device meet (Arm IHI 0070, 3.3 and chapter 5). A stream that is not
 * the host's has no valid entry, and is aborted. Entries of the host's are all alike. So where the SMMU has two levels, one
 * table of 256 entries serves every bus: 20 KiB in place of 4 MiB.
 */
#ifndef CORDON_SMMU_STREAMS_H
#define CORDON_SMMU_STREAMS_H

#include "smmu_format.h"
#include "smmu_state.h"

/* The most bits of a stream's number: those of a bus, and 16 buses of 256. */
#define MOST_STREAM_BITS 20u

/* Bits of the numbers of all streams that are the host's; at least 8. */
uint32_t smmu_stream_bits(const struct smmu *s);

/* Finds places for the tables from `at` on, which are all zero when they are used; returns their end. */
uint64_t smmu_streams_place(struct smmu *s, uint64_t at);

/* Fills the table while nobody reads it: the host's streams are translated, all others aborted. */
void smmu_streams_open(const struct smmu *s, const struct smmu_translation *t);

/* Has every stream aborted, once the SMMU has been told (CFGI_ALL) and is done. At any time, also twice. */
void smmu_streams_close(const struct smmu *s);

/* Tells a set-up SMMU, whose CR0.SMMUEN is 0, where its table is. */
void smmu_streams_set_up(const struct smmu *s);

#endif
