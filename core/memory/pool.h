/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools of table frames: a list through the free frames themselves. Whoever holds the lock of the table that a pool
 * feeds holds the pool. A free frame may hold anything; pool_take() hands it out all zero.
 */
#ifndef CORDON_POOL_H
#define CORDON_POOL_H

#include "base/check.h"

/* A pool of the n frames from row on, which are the core's; n may be 0. Costs nothing for each. */
/*@ requires \valid(p);
  @ assigns *p;
  @ exits \false;
  @ ensures p->fresh == row && p->fresh_n == n && p->free == n && p->total == n;
  @*/
void pool_init(struct pool *p, uint64_t row, uint64_t n);

/* A frame joins the pool. It must be the core's, reachable from no table, and in no walk cache. */
/*@ requires \valid_read(c) && \valid(p) && row < c->phys_frames && \valid(&c->phys[row]);
  @ requires \separated(c, p, &c->phys[row]);
  @ requires p->free < p->total + 1 && p->total < UINT64_MAX;
  @ assigns c->phys[row].e[0], p->head, p->free, p->total;
  @ exits \false;
  @ ensures one: p->free == \old(p->free) + 1 && p->total == \old(p->total) + 1;
  @ ensures linked: p->head == row && c->phys[row].e[0] == \old(p->head);
  @*/
void pool_add(struct cordon *c, struct pool *p, uint64_t row);

/* Takes a table, all zero. The caller has checked that p->free > 0: a reservation, made before the first change. */
uint64_t pool_take(struct cordon *c, struct pool *p);

/* A table comes back. Nothing refers to it any more, and no walk is in it. */
/*@ requires \valid_read(c) && \valid(p) && row < c->phys_frames && \valid(&c->phys[row]);
  @ requires \separated(c, p, &c->phys[row]);
  @ requires p->free < p->total + 0 && p->total < UINT64_MAX;
  @ assigns c->phys[row].e[0], p->head, p->free;
  @ exits \false;
  @ ensures one: p->free == \old(p->free) + 1;
  @ ensures linked: p->head == row && c->phys[row].e[0] == \old(p->head);
  @*/
void pool_put(struct cordon *c, struct pool *p, uint64_t row);

/* A free frame leaves the pool for good, whatever it holds. The caller has checked that p->free > 0. */
uint64_t pool_remove(struct cordon *c, struct pool *p);

/* A frame of the core's becomes a root table: all zero, in no pool. */
/*@ requires \valid_read(c) && row < c->phys_frames && \valid(&c->phys[row]) && \separated(c, &c->phys[row]);
  @ assigns c->phys[row];
  @ exits \false;
  @ ensures zero: all_zero(c, row, row);
  @*/
void pool_root(struct cordon *c, uint64_t row);

#endif
