/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ITS that sends devices' interrupts (MSIs) to the host, and LPIs in the redistributors. Cordon alone programs them; the
 * host programs what it sees of them. Without an ITS that can be used all of this does nothing. One lock guards it; it is
 * taken before any of the core's.
 */
#ifndef CORDON_ITS_H
#define CORDON_ITS_H

#include "cordon/cordon.h"
#include "its_state.h"

/* ---- at boot, on one CPU ---- */

/* Looks at the ITS, with its registers mapped, of devices `range`. False: the host cannot have it, and has none. */
bool its_find(uint64_t base, const struct its_range *range, uint32_t ranges, uint32_t distributor, uint32_t cpus_there);
/* The page to which devices write, for cordon_config.door; 0: the host has no ITS. */
uint64_t its_door(void);

uint64_t its_place_all(uint64_t at, uint32_t cpus_there);
/* All that its_place_all() has placed is zero. */
void its_start_all(void);
void its_add_redistributor(uint64_t redistributor);

/* ---- while the host runs ---- */

/* Whether the host has an ITS, and LPIs. */
bool its_any(void);

/* Does an access of 4 or 8 bytes, aligned. False: not an address of the ITS's registers. *done: it was not denied. */
bool its_access(uint64_t address, uint32_t bytes, bool write, uint64_t *value, bool *done);

/* A word of a redistributor's first page. False: not one of those that concern LPIs. */
bool its_redistributor_read(uint64_t address, uint32_t *value);
bool its_redistributor_write(uint64_t address, uint32_t value);

/* No table of ours is written any more. For the end of the machine, asked for by the host. */
void its_stop_all(void);
/* The same in a panic: without the lock. */
void its_cut_all(void);

#endif
