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

/*
 * What is in no memory, and known to the proofs alone.
 *
 * Locks: the VM whose lock is held, the section with that index + 1, the host; 0: none.
 *
 * Debt: an entry that was valid went, or became another, and TLBs may still have it; an entry of the host's table, or of
 * that of the VM whose lock is held. The last barrier of an invalidation of that VMID pays it: entries ordered, told, waited
 * for, told of combined entries, waited for. That the range is the right one is said by who adds to what is owed (owes).
 *
 * Zeroes: the frames that were zeroed last, and those that were cleaned last. A lock that is let go and an entry that is
 * written end it: others may write then.
 *
 * Frames of the section whose lock is held that were taken out of the tables of whoever had them: 1.
 */
/*@ ghost unsigned long locked_vm; */
/*@ ghost unsigned long locked_section; */
/*@ ghost int locked_host; */
/*@ ghost int host_debt; */
/*@ ghost int vm_debt; */
/*@ ghost int tlb_step; */
/*@ ghost unsigned int tlb_vmid; */
/*@ ghost unsigned long tlb_first; */
/*@ ghost unsigned long tlb_end; */
/*@ ghost unsigned long zero_first; */
/*@ ghost unsigned long zero_end; */
/*@ ghost unsigned long clean_first; */
/*@ ghost unsigned long clean_end; */
/*@ ghost int taken_out[512]; */

/* How far an invalidation is. */
#define TLB_WRITTEN 0       /* an entry has been written since the last barrier */
#define TLB_ORDERED 1       /* all walkers see the entries that were written */
#define TLB_TOLD 2          /* the TLBs were told of a range of a VMID */
#define TLB_DONE 3          /* and have done it */
#define TLB_TOLD_ALL 4      /* and were told of the VMID's combined entries */

/* What steps change of that, for the contracts of who takes them: of tables, of frames, of locks. */
#define CLEAN zero_first, zero_end, clean_first, clean_end
#define UNSEEN host_debt, vm_debt, tlb_step, tlb_vmid, tlb_first, tlb_end, CLEAN
#define LOCKS locked_vm, locked_section, locked_host

/*@
  // No debt.
  predicate quiet{L} = host_debt == 0 && vm_debt == 0;
  predicate same_debts{A,B} = \at(host_debt, B) == \at(host_debt, A) && \at(vm_debt, B) == \at(vm_debt, A);
  // The lock of that VM is held (0: of none), no other, and there is no debt.
  predicate calm{L}(integer vm) = locked_vm == vm && locked_section == 0 && locked_host == 0 && quiet{L};
  predicate has_vm{L}(integer vm) = locked_vm == vm;
  // t is that of the VM whose lock is held; or of the host, if `row`, a table of it, is one of the host's.
  predicate of_locked{L}(struct stage2 *t) = locked_vm != 0 && t->vmid == locked_vm;
  predicate settles{L}(struct cordon *c, struct stage2 *t, integer row) =
    (host_row(c, row) ==> t->vmid == c->host.vmid) && (!host_row(c, row) ==> of_locked(t));
  // The lock is held of who has the table `row`: the VM's, or the section's or the host's own.
  predicate guarded{L}(struct cordon *c, integer row) =
    (host_row(c, row) ==> locked_section != 0 || locked_host != 0) && (!host_row(c, row) ==> locked_vm != 0);

  // n frames are zero, or what else they have, for those too who look past the caches.
  predicate zeroed{L}(integer first, integer n) = zero_first <= first && first + n <= zero_end;
  predicate cleaned{L}(integer first, integer n) = clean_first <= first && first + n <= clean_end;

  // Whether a lock may be taken, and let go: in their order, one of a kind, nothing owed to whom it guards.
  predicate may_lock{L}(integer kind) =
    locked_host == 0 && (kind != LOCK_HOST ==> locked_section == 0) && (kind == LOCK_VM ==> locked_vm == 0);
  predicate may_drop{L}(integer kind, integer id) =
    (kind == LOCK_VM ==> locked_vm == id && locked_section == 0 && locked_host == 0 && vm_debt == 0) &&
    (kind == LOCK_SECTION ==> locked_section == id + 1 && locked_host == 0 && host_debt == 0) &&
    (kind == LOCK_HOST ==> locked_host == 1);
  predicate lock_set{A,B}(integer kind, integer vm, integer section, integer host) =
    \at(locked_vm, B) == (kind == LOCK_VM ? vm : \at(locked_vm, A)) &&
    \at(locked_section, B) == (kind == LOCK_SECTION ? section : \at(locked_section, A)) &&
    \at(locked_host, B) == (kind == LOCK_HOST ? host : \at(locked_host, A));
*/

/*@ ghost
  /@ requires first + n <= 512;
    @ assigns taken_out[0 .. 511];
    @ exits \false;
    @ ensures out: \forall integer i; first <= i < first + n ==> taken_out[i] == 1;
    @ ensures kept: \forall integer i; 0 <= i < 512 && \old(taken_out[i]) == 1 ==> taken_out[i] == 1;
    @/
  void take_out(unsigned long first, unsigned long n)
  {
      unsigned long k = 0;
      /@ loop invariant 0 <= k <= n;
        @ loop invariant \forall integer i; first <= i < first + k ==> taken_out[i] == 1;
        @ loop invariant \forall integer i; 0 <= i < 512 && \at(taken_out[i], Pre) == 1 ==> taken_out[i] == 1;
        @ loop assigns k, taken_out[0 .. 511];
        @ loop variant n - k;
        @/
      while (k < n) {
          taken_out[first + k] = 1;
          k = k + 1;
      }
  }
*/

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
  @ requires guarded: guarded(c, row);
  @ assigns c->phys[row].e[index], host_debt, vm_debt, tlb_step, CLEAN;
  @ exits \false;
  @ ensures c->phys[row].e[index] == entry;
  @ ensures written: tlb_step == TLB_WRITTEN;
  @ ensures host: host_debt == \old(host_debt) || (valid_entry(\old(c->phys[row].e[index])) && host_row{Pre}(c, row));
  @ ensures vm: vm_debt == \old(vm_debt) || (valid_entry(\old(c->phys[row].e[index])) && !host_row{Pre}(c, row));
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
/* One barrier more, to an invalidation of the CPUs' that is under way. */
/*@ assigns \nothing; exits \false; */
void arch_dma_publish(struct cordon *c);
/*@ requires not_empty: pages > 0;
  @ assigns \nothing; exits \false; */
void arch_dma_invalidate(struct cordon *c, uint64_t frame, uint64_t pages);
/*@ requires not_empty: pages > 0;
  @ assigns \nothing; exits \false; */
void arch_dma_forget(struct cordon *c, uint32_t vmid, uint64_t gfn, uint64_t pages);
/*@ assigns \nothing; exits \false; */
void arch_dma_sync(struct cordon *c);

/* Order and invalidations: what they pay of the debt. What order is, the litmus tests say; the simulator judges both. */
/*@ assigns tlb_step;
  @ exits \false;
  @ ensures tlb_step == TLB_ORDERED;
  @*/
void arch_dsb_ishst(struct cordon *c);
/*@ assigns tlb_step, host_debt, vm_debt;
  @ exits \false;
  @ ensures step: tlb_step == (\old(tlb_step) == TLB_TOLD || \old(tlb_step) == TLB_DONE ? TLB_DONE : TLB_ORDERED);
  @ ensures host: host_debt == (\old(tlb_step) == TLB_TOLD_ALL && tlb_vmid == c->host.vmid ? 0 : \old(host_debt));
  @ ensures vm: vm_debt ==
  @   (\old(tlb_step) == TLB_TOLD_ALL && locked_vm != 0 && tlb_vmid == locked_vm ? 0 : \old(vm_debt));
  @*/
void arch_dsb_ish(struct cordon *c);
/*@ requires not_empty: pages > 0 && gfn + pages <= UINT64_MAX;
  @ requires ordered: tlb_step == TLB_ORDERED;
  @ assigns tlb_step, tlb_vmid, tlb_first, tlb_end;
  @ exits \false;
  @ ensures tlb_step == TLB_TOLD && tlb_vmid == vmid && tlb_first == gfn && tlb_end == gfn + pages;
  @*/
void arch_tlbi_ipas2e1is(struct cordon *c, uint32_t vmid, uint64_t gfn, uint64_t pages);
/*@ requires waited: tlb_step == TLB_DONE && tlb_vmid == vmid;
  @ assigns tlb_step;
  @ exits \false;
  @ ensures tlb_step == TLB_TOLD_ALL;
  @*/
void arch_tlbi_vmalle1is(struct cordon *c, uint32_t vmid);
/*@ requires ordered: tlb_step == TLB_ORDERED;
  @ assigns tlb_step, tlb_vmid, tlb_first, tlb_end;
  @ exits \false;
  @ ensures tlb_step == TLB_TOLD_ALL && tlb_vmid == vmid && tlb_first == 0 && tlb_end == UINT64_MAX;
  @*/
void arch_tlbi_vmalls12e1is(struct cordon *c, uint32_t vmid);

/* Frames are zeroed when nobody reaches them by an old translation any more; who cleans them cleans what they have then. */
/*@ requires settled: quiet;
  @ requires frames: pfn + n <= UINT64_MAX;
  @ assigns CLEAN;
  @ exits \false;
  @ ensures zeroed(pfn, n) && clean_end == 0;
  @*/
void arch_zero_frames(struct cordon *c, uint64_t pfn, uint64_t n);
/*@ requires frames: pfn + n <= UINT64_MAX;
  @ assigns clean_first, clean_end;
  @ exits \false;
  @ ensures cleaned(pfn, n);
  @*/
void arch_clean_frames(struct cordon *c, uint64_t pfn, uint64_t n);
/* Steps that the proofs see no effect of. */
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
/*@ requires order: may_lock(kind) && id < 68719476736;
  @ assigns LOCKS;
  @ exits \false;
  @ ensures lock_set{Pre,Here}(kind, id, id + 1, 1);
  @*/
void arch_lock_taken(struct cordon *c, enum lock_kind kind, uint64_t id);
/*@ requires held: may_drop(kind, id);
  @ assigns LOCKS, CLEAN;
  @ exits \false;
  @ ensures lock_set{Pre,Here}(kind, 0, 0, 0);
  @*/
void arch_lock_dropped(struct cordon *c, enum lock_kind kind, uint64_t id);

/* Nobody gets here: every assertion is a proof obligation. */
/*@ requires never: \false;
  @ assigns \nothing;
  @ exits \false;
  @ ensures \false;
  @*/
void arch_panic(struct cordon *c, const char *file, int line, const char *text);

#endif
