/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All SMMUs of the machine, which Cordon alone programs, and of the core's steps those that reach them. Without one all of
 * this does nothing. One lock guards them; it is the last that is taken.
 */
#ifndef CORDON_SMMU_H
#define CORDON_SMMU_H

#include "cordon/cordon.h"
#include "machine.h"
#include "smmu_state.h"

/* ---- at boot, on one CPU; what cannot be used refuses to boot ---- */

/* One more, with its registers mapped, and the streams that are the host's. */
void smmu_add(uint64_t base, const struct smmu_streams *streams, uint32_t ranges);

/* What tables the SMMUs can all walk that reach RAM up to `end`: cordon_config.dma. */
struct cordon_dma smmu_tables(uint64_t end);

/* Finds places for what the SMMUs have in memory, zero, from `at` on; returns the end. */
uint64_t smmu_place_all(uint64_t at);

/* Starts all of them with the tables that the core has made. From then on no device reaches what is not the host's. */
void smmu_start_all(void);

/* ---- streams of VMs: of the SMMU with its registers at `base` ---- */

/*
 * The stream leaves the host's, and is aborted; what was under way by it is over. False: it cannot be a VM's, nothing has
 * changed.
 */
bool smmu_take_stream(uint64_t base, uint32_t stream);

/* It is translated by a VM's table; or aborted, and all of the VM's translations forgotten. */
void smmu_open_stream(uint64_t base, uint32_t stream, const struct stage2 *s2);
void smmu_close_stream(uint64_t base, uint32_t stream, const struct stage2 *s2);

/* It is the host's again. */
void smmu_return_stream(uint64_t base, uint32_t stream);

/* ---- while the host runs ---- */

/* Whether the host has devices behind an SMMU. */
bool smmu_any(void);

/* Takes what the SMMUs have to say, and counts it: before the host reads the log, or what was counted. */
void smmu_listen(void);

/* The host has read the log to its end. */
void smmu_log_was_read(void);

/* No device reaches memory any more. For the end of the machine, asked for by the host. */
void smmu_stop_all(void);

/* The same in a panic: without the lock, and whatever state the SMMUs are in. */
void smmu_cut_all(void);

#endif
