/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream table of one SMMU: what the accesses of each device meet (Arm IHI 0070, 3.3 and chapter 5). A stream that is not
 * the host's has no valid entry, and is aborted. Entries of the host's are all alike. So where the SMMU has two levels, one
 * table of 256 entries serves every bus: 20 KiB in place of 4 MiB. A bus with a stream that is not as all others has a table
 * of its own, of a few that there are.
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

/* Has every stream aborted, for good, once the SMMU has been told (CFGI_ALL) and is done. At any time, also twice. */
void smmu_streams_close(struct smmu *s);

/*
 * Has the bus of a stream of the host's use a table of its own from now on, for one stream more; what it says does not change.
 * False: there is none left. The opposite, once the stream is as the host's others: true when the bus is back at the
 * shared table, and all is to be forgotten (CFGI_ALL) before another bus gets its own.
 */
bool smmu_streams_own(struct smmu *s, uint32_t stream);
bool smmu_streams_disown(struct smmu *s, uint32_t stream);

/* Where the entry of a stream is that has, or whose bus has, a table of its own; physical. */
uint64_t smmu_streams_entry(const struct smmu *s, uint32_t stream);

/* Tells a set-up SMMU, whose CR0.SMMUEN is 0, where its table is. */
void smmu_streams_set_up(const struct smmu *s);

#endif
