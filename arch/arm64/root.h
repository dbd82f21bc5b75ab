/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root of trust: what whoever loaded Cordon hands over, as the Open Profile for DICE has it (docs/BOOT.md). Two secrets
 * that only this Cordon on this machine gets, and a chain of certificates that says so to others. They are kept here alone, and
 * forgotten before the machine ends. No part of the machine is needed: test/boot/plan_test.c.
 */
#ifndef CORDON_ROOT_H
#define CORDON_ROOT_H

#include "cordon/cordon.h"
#include "fdt.h"

#define ROOT_SECRET 32
#define ROOT_CHAIN_MOST 2048
#define ROOT_RANGE_MOST 0x10000u        /* bytes of memory that a hand-over may take */

struct root {
    uint32_t chain_size;                /* 0: nothing was handed over, and the rest is zero */
    uint8_t attest[ROOT_SECRET];        /* CDI_Attest: what keys come of that sign */
    uint8_t seal[ROOT_SECRET];          /* CDI_Seal: what keys come of that guests seal with */
    uint8_t chain[ROOT_CHAIN_MOST];     /* CBOR, as it came */
};

extern struct root root;

/*
 * Takes the node of the hand-over out of the tree, so that its memory is like any other: no trace of it is the host's. *where
 * is what it names. False: there is none. Does not come back from a tree with two, or one whose memory cannot be told.
 */
bool root_find(struct fdt *f, struct cordon_mem *where);

/* Fills *r from the bytes of a hand-over, of which `size` may be read. False: it is none, and *r is empty. */
bool root_take(struct root *r, const uint8_t *data, uint64_t size);

/* Writes zeros over n bytes, which the compiler does not leave out. */
void root_erase(volatile uint8_t *at, uint64_t n);

/* Erases the secrets and the chain: the machine is about to end, and its memory may outlive it. */
void root_forget(void);

#endif
