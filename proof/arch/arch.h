/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine of the proofs: each step of arch/README.md as a contract. Nothing here has a body.
 *
 * The proofs are about one CPU that holds the locks it has taken; what other CPUs do meanwhile is not in them. So a
 * ticket may have any value, and a load of a lock word gives any value.
 */
#ifndef CORDON_ARCH_H
#define CORDON_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "logic.h"

/* Attributes are for the compiler; on a returned struct they would make it another type to the provers. */
#define __attribute__(x)

/*@ requires within: index < bound;
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result == index;
  @*/
uint64_t arch_index(uint64_t index, uint64_t bound);

/*@ requires row: row < c->phys_frames;
  @ requires index: index < 512;
  @ requires \valid_read(&c->phys[row].e[index]);
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result == c->phys[row].e[index];
  @*/
uint64_t arch_pte_read(const struct cordon *c, uint64_t row, uint64_t index);

/*@ requires row: row < c->phys_frames;
  @ requires index: index < 512;
  @ requires \valid(&c->phys[row].e[index]);
  @ assigns c->phys[row].e[index];
  @ exits \false;
  @ ensures c->phys[row].e[index] == entry;
  @*/
void arch_pte_write(struct cordon *c, uint64_t row, uint64_t index, uint64_t entry);

/*
 * The tables of the host's devices are no table of the model's: their frames are in nobody's tree (boot sees to it), core/memory/dma.c
 * alone reads and writes them, and no contract speaks of what is in them.
 */
/*@ requires index: index < 512;
  @ assigns \nothing;
  @ exits \false;
  @*/
uint64_t arch_dma_read(const struct cordon *c, uint64_t row, uint64_t index);
/*@ requires index: index < 512;
  @ assigns \nothing;
  @ exits \false;
  @*/
void arch_dma_write(struct cordon *c, uint64_t row, uint64_t index, uint64_t entry);
/*@ requires not_empty: pages > 0;
  @ assigns \nothing; exits \false; */
void arch_dma_invalidate(struct cordon *c, uint64_t frame, uint64_t pages);
/*@ requires not_empty: pages > 0;
  @ assigns \nothing; exits \false; */
void arch_dma_forget(struct cordon *c, uint32_t vmid, uint64_t gfn, uint64_t pages);
/*@ assigns \nothing; exits \false; */
void arch_dma_sync(struct cordon *c);

/* Steps that the proofs see no effect of: order, invalidations, caches. The simulator judges these, and the litmus tests those of order. */
/*@ assigns \nothing; exits \false; */
void arch_dsb_ishst(struct cordon *c);
/*@ assigns \nothing; exits \false; */
void arch_dsb_ish(struct cordon *c);
/*@ requires not_empty: pages > 0;
  @ assigns \nothing; exits \false; */
void arch_tlbi_ipas2e1is(struct cordon *c, uint32_t vmid, uint64_t gfn, uint64_t pages);
/*@ assigns \nothing; exits \false; */
void arch_tlbi_vmalle1is(struct cordon *c, uint32_t vmid);
/*@ assigns \nothing; exits \false; */
void arch_tlbi_vmalls12e1is(struct cordon *c, uint32_t vmid);
/*@ assigns \nothing; exits \false; */
void arch_zero_frames(struct cordon *c, uint64_t pfn, uint64_t n);
/*@ assigns \nothing; exits \false; */
void arch_clean_frames(struct cordon *c, uint64_t pfn, uint64_t n);
/*@ assigns \nothing; exits \false; */
void arch_table_alloc(struct cordon *c, uint64_t row);
/*@ assigns \nothing; exits \false; */
void arch_table_free(struct cordon *c, uint64_t row);

/*@ requires \valid(next);
  @ assigns \result, *next;
  @ exits \false;
  @*/
uint16_t arch_ticket(struct cordon *c, uint16_t *next);
/*@ requires \valid_read(x);
  @ assigns \nothing;
  @ exits \false;
  @*/
uint16_t arch_load_acquire16(const uint16_t *x);
/*@ requires \valid(x);
  @ assigns *x;
  @ exits \false;
  @ ensures *x == v;
  @*/
void arch_store_release16(uint16_t *x, uint16_t v);
/*@ requires \valid_read(x);
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result == *x;
  @*/
uint16_t arch_load16(const uint16_t *x);
/*@ requires \valid(x);
  @ assigns *x;
  @ exits \false;
  @ ensures *x == v;
  @*/
void arch_store16(uint16_t *x, uint16_t v);

/*@ assigns \nothing; exits \false; */
void arch_wait(struct cordon *c);
/*@ assigns \nothing; exits \false; */
void arch_wake(struct cordon *c);
/*@ assigns \nothing; exits \false; */
void arch_lock_taken(struct cordon *c, enum lock_kind kind, uint64_t id);
/*@ assigns \nothing; exits \false; */
void arch_lock_dropped(struct cordon *c, enum lock_kind kind, uint64_t id);

/* Nobody gets here: every assertion is a proof obligation. */
/*@ requires never: \false;
  @ assigns \nothing;
  @ exits \false;
  @ ensures \false;
  @*/
void arch_panic(struct cordon *c, const char *file, int line, const char *text);

#endif
