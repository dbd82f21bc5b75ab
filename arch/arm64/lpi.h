/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LPIs in the redistributors (Arm IHI 0069, 12.11 and 5.1): their tables are ours, always; what the host says of its own is
 * kept and shown to it. Of its table of properties the bytes of LPIs that are used are copied when the host says that they
 * have changed.
 */
#ifndef CORDON_LPI_H
#define CORDON_LPI_H

#include "its_state.h"

/* Whether a redistributor has LPIs, none of them enabled, and is coherent with the CPUs' caches. */
bool lpi_is_usable(uint64_t redistributor);

/* Gives target number n's redistributor its tables; LPIs are off. */
void lpi_set_up(const struct its *s, uint32_t n);

/* The host's word, at an offset of a redistributor's first page: CTLR, PROPBASER, PENDBASER. False: another one. */
bool lpi_read(const struct its_target *t, uint32_t offset, uint32_t *value);
bool lpi_write(struct its *s, struct its_target *t, uint32_t offset, uint32_t value);

/* Properties of 64 LPIs from group * 64 on, counted from LPI_FIRST, those of `which`, as the host has them for target t. */
void lpi_copy(const struct its *s, const struct its_target *t, uint32_t group, uint64_t which);

/* No LPI comes any more. False: the redistributor has not said so in time, or cannot. For the end of the machine. */
bool lpi_stop(const struct its_target *t);

#endif
