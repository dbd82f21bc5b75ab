/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine of the proofs, for those who run guests: steps of arch/README.md as contracts, as in arch.h. Those that no proved
 * function takes are not here.
 */
#ifndef CORDON_ARCH_GUEST_H
#define CORDON_ARCH_GUEST_H

#include "arch.h"

struct attest_root;
struct vcpu;
struct trap;

/* Of the public headers, which have no contracts: proved with part handle.h. */
/*@ assigns \nothing;
  @ exits \false;
  @ ensures \result.v == v && \result.generation == 0;
  @*/
static inline vmid_t vmid(uint32_t v);

struct arch_vcpu {
    uint64_t el1[4];
};

#define ARCH_PSTATE_RESET UINT64_C(0x3c5)

/*
 * What is in no memory: the machine's counter, as it was read last; whether the virtual timer of the vCPU that is looked at asks for
 * its interrupt, while its guest does not run: once it does it goes on; how many list registers there are.
 */
/*@ ghost unsigned long counter_now; */
/*@ ghost int timer_asks; */
/*@ ghost unsigned int list_registers; */

/* What looking at a clock changes. */
#define CLOCK counter_now, timer_asks

/*@
  // Time does not go back.
  predicate later{A,B} = \at(counter_now, A) <= \at(counter_now, B) && (\at(timer_asks, A) != 0 ==> \at(timer_asks, B) != 0);
*/

/*@ assigns counter_now;
  @ exits \false;
  @ ensures \result == counter_now;
  @ ensures later{Pre,Here};
  @*/
uint64_t arch_counter(const struct cordon *c);
/*@ requires \valid(deadline);
  @ assigns timer_asks, *deadline;
  @ exits \false;
  @ ensures \result <==> timer_asks != 0;
  @ ensures later{Pre,Here};
  @*/
bool arch_vcpu_timer(const struct cordon *c, const struct vcpu *u, uint64_t *deadline);
/*@ assigns \nothing;
  @ exits \false;
  @ ensures \result == list_registers && \result <= CORDON_INTERRUPTS;
  @*/
uint32_t arch_list_registers(const struct cordon *c);

/* What it fills in is attest.h's. No function that is proved calls it, so it has no contract. */
bool arch_attest_root(const struct cordon *c, struct attest_root *r);

#endif
