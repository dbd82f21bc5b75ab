/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A host that sends its devices where it may not go itself: what a device reads there must be nothing, what it writes must not
 * arrive, and a page of the host's own must arrive, before and after each group of attempts. Two guests run all the while.
 */
#ifndef DMA_H
#define DMA_H

#include "attack/attack.h"
#include "edu.h"

/* No writes where one that arrived would be the end of all: to see in a table what an open machine lets. */
extern bool dma_careful;

/* ---- attempts ---- */

/* Devices read at n addresses, which are not the host's: nothing comes. */
void dma_try_read(struct tally *t, const u64 *address, unsigned int n);
/* A device reads a page of the host's, or writes to it: it arrives. */
void dma_must_read(struct tally *t, struct page *page);
void dma_must_write(struct tally *t, struct page *page);
/* One line of the table: pages of the host's own arrive, both ways, by every device. */
void dma_control(const char *when);
/* The base of the first memory window of a device. */
u64 dma_window(const struct edu *e);

/* Cordon's image: 2 MiB into the first of its memory; 0: there is none. */
u64 dma_core_address(void);

/* ---- the groups ---- */

void dma_core(void);		/* core.c: Cordon's image, records, tables */
void dma_places(void);		/* places.c: devices' registers, windows, holes */
void dma_lives(void);		/* lives.c: frames that are given, granted, given back */
void dma_races(unsigned long rounds);	/* races.c: the same while devices write all the time */
void dma_given(unsigned long rounds);	/* given.c, driven.c: a device that is a guest's */
void dma_setup(void);		/* setup.c: windows and bus numbers that are moved */
void dma_msis(void);		/* msis.c: the ITS, and interrupts of devices */

#endif
