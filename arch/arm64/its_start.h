/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ITS from the first look at it to its end: it is asked what it is, gets memory, and is stopped (Arm IHI 0069, 5 and
 * 12.9).
 */
#ifndef CORDON_ITS_START_H
#define CORDON_ITS_START_H

#include "its_state.h"

/*
 * Asks the ITS at s->base, for s->range, what it is, and has it stand still: it is of nobody's yet. distributor: GICD_TYPER.
 * cpus: how many there are. False: it is not one that the host can have.
 */
bool its_identify(struct its *s, uint32_t distributor, uint32_t cpus);

/* Finds places for all that the ITS and the redistributors of `cpus` CPUs read and write, from `at` on; returns its end. */
uint64_t its_place(struct its *s, uint64_t at, uint32_t cpus);

/* One more redistributor to which LPIs may go. */
void its_add_target(struct its *s, uint64_t redistributor);

/* Gives the ITS its memory, which is all zero. It is not enabled: that is for the host. */
void its_start(struct its *s);

/* It does nothing any more, and no LPI comes. False: the ITS or a redistributor has not said so in time. */
bool its_stop(struct its *s);

#endif
