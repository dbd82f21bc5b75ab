/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an invalidation reaches the TLBs of CPUs that run at the same time.
 *
 * A ring of letters that every CPU reads before each access. It works by single-copy atomic accesses and fences that a
 * race detector does not see: the order between CPUs that it could see would hide missing locks in the core.
 */
#ifndef SIM_MAIL_H
#define SIM_MAIL_H

#include "tlb.h"

bool mail_create(struct sim *s);
void mail_destroy(struct sim *s);
/* Has all CPUs apply the invalidation before their next access. */
void mail_post(struct sim *s, const struct tlbi *op);
/* Waits until no access is under way that began before. */
void mail_wait(struct sim *s, const struct cpu *self);
/* This CPU applies what has been posted. */
void mail_hear(struct sim *s, struct cpu *cpu);

#endif
