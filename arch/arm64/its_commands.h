/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's commands: each is read out of the host's queue once, checked against what the host has mapped, and put together
 * anew with tables of ours for the ITS; or it is dropped, and the log says why. What the ITS does for the host it does for
 * the host alone: to LPIs, which only the host takes, and devices, which are all the host's.
 */
#ifndef CORDON_ITS_COMMANDS_H
#define CORDON_ITS_COMMANDS_H

#include "its_state.h"

/* Why a command was dropped, as the log has it. */
enum its_refusal {
    ITS_GOOD = 0,
    ITS_UNREADABLE = 1,     /* it lies where the host may not read */
    ITS_UNKNOWN = 2,        /* there is no such command */
    ITS_NO_DEVICE = 3,      /* not a device of the host's, or it is not mapped */
    ITS_NO_EVENT = 4,       /* the device has no such event, or it is not mapped */
    ITS_NO_LPI = 5,         /* not the number of an LPI, or another event has it */
    ITS_NO_COLLECTION = 6,  /* there is none, it is not mapped, or events are mapped to it */
    ITS_NO_TARGET = 7,      /* not a redistributor of a CPU's */
    ITS_NO_ROOM = 8,        /* there is no table left for the device */
    ITS_BROKEN = 9          /* the ITS has not done it, and has been given up */
};

/* The most that one access of the host's has done of its queue: commands, and 64 LPIs of an INVALL. */
#define ITS_WORK 32u

/* Does what is in the host's queue, as far as ITS_WORK goes; s->creadr says how far it has come. The ITS is enabled. */
void its_work(struct its *s);

/* The host has mapped nothing: all that it had is taken away. The ITS is enabled. */
void its_forget(struct its *s);

#endif
