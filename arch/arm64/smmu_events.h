/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event queue of one SMMU: accesses of devices that were aborted (Arm IHI 0070, 3.5 and chapter 7). Each is counted, and
 * each is in the log until too many are there that nobody has read: devices cannot wipe the log.
 */
#ifndef CORDON_SMMU_EVENTS_H
#define CORDON_SMMU_EVENTS_H

#include "smmu_format.h"
#include "smmu_state.h"

/* Of a log of 256 records, those that denied accesses of devices may fill between two readings of it. */
#define EVENTS_LOGGED 64u

/* Gives the empty queue at s->events to an SMMU whose CR0.EVENTQEN is 0. */
void smmu_events_set_up(struct smmu *s);

/* Takes what is in the queue, at most what it holds; returns how many, and how many of them were lost at least. */
uint32_t smmu_events_take(struct smmu *s);

/* The host has read the log to its end: there is room in it again. */
void smmu_events_read(void);

#endif
