/* SPDX-License-Identifier: GPL-2.0 */
/* A device that is a guest's alone, "edu" behind a port of its own, and the guest: what both groups of attempts begin with. */
#ifndef DMA_GIVEN_H
#define DMA_GIVEN_H

#include "dma.h"

#define GIVEN_WINDOW 0xc0000000ull	/* guest address of its registers; nothing of the machine has that address */

/* Calls about a device, again while it takes its time: a status. */
u64 given_attach(u64 handle, struct edu *e);
u64 given_map(u64 handle, struct edu *e, unsigned int window, u64 address);
u64 given_open(u64 handle, struct edu *e);
u64 given_detach(u64 handle, struct edu *e);

/* The device is put aside, and what the host has of it is kept; NULL: there is none. */
struct edu *given_begin(void);
/* It is the host's again, and works. */
void given_end(struct edu *e, struct tally *t);

/* A guest that runs and has the device: at its first question, with all of its memory. False: it is said why not. */
bool given_make(struct attack_vm *vm, struct edu *e);
/* It is over: the device and all frames come back. */
void given_destroy(struct attack_vm *vm, struct edu *e, struct tally *t);

/* ---- the guest's commands: driven.c ---- */

/* One word of its registers, from the guest. */
bool driven_store(struct attack_vm *vm, u64 offset, u64 value);
u64 driven_load(struct attack_vm *vm, u64 offset);

/* What the guest has the device do: another group of attempts, on a guest that has it. */
void driven_attempts(struct attack_vm *vm);
/* The same as the guest dies, in lives of its own. */
void driven_ends(struct edu *e, unsigned long rounds);

#endif
