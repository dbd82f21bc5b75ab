/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Translation tables of devices, out of a pool that never grows, and what is known of their events and of LPIs. The ITS alone
 * reads the tables; what is in them is kept a second time here, since their form is the ITS's own. A LPI is that of one event
 * at most.
 */
#ifndef CORDON_ITS_TABLES_H
#define CORDON_ITS_TABLES_H

#include "its_state.h"

/* The device with this number, if it is mapped; else NULL. */
struct its_device *its_device_find(struct its *s, uint32_t id);

/* Whether there is room for a table of 2^bits events, in the place of d's where d is not NULL. */
bool its_device_fits(const struct its *s, const struct its_device *d, uint32_t bits);

/* Maps a device that is not mapped, and whose table fits: it is all zero. */
struct its_device *its_device_add(struct its *s, uint32_t id, uint32_t bits);

/* Its table, events and LPIs are free: the ITS has confirmed that it knows the device no more. */
void its_device_remove(struct its *s, struct its_device *d);

/* Where the device's table is. */
uint64_t its_device_table(const struct its *s, const struct its_device *d);

/* What is known of an event of a device's; NULL: it has no such event. */
struct its_event *its_event(struct its *s, const struct its_device *d, uint32_t number);

/* Whether an LPI, LPI_FIRST .. s->lpi_end-1, is that of an event. */
bool its_lpi_is_used(const struct its *s, uint32_t lpi);

/* 64 LPIs from group * 64 on, counted from LPI_FIRST: a bit for each that is used. */
uint64_t its_lpis_used(const struct its *s, uint32_t group);

/* An event that is mapped to nothing gets an LPI that is not used, and a collection. */
void its_event_map(struct its *s, struct its_event *e, uint32_t lpi, uint32_t collection);
/* A mapped event goes to another collection. */
void its_event_move(struct its *s, struct its_event *e, uint32_t collection);
/* It is mapped to nothing again; also twice. */
void its_event_unmap(struct its *s, struct its_event *e);

#endif
