/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ticket locks: fair, one 32-bit word, and handles that prove a lock is held.
 *
 * A function that needs a lock takes the handle as an argument. Handles are made here alone, by taking the lock.
 * Order: VM, section, host (enum lock_kind); at most one of a kind. Arm ARM B2.11 for the barriers.
 */
#ifndef CORDON_LOCK_H
#define CORDON_LOCK_H

#include "base/check.h"

/* Draws a ticket and waits for it. The acquiring load orders everything inside the lock after it. */
/*@ requires \valid(l);
  @ requires order: may_lock(kind) && id < 68719476736;
  @ assigns l->next, LOCKS;
  @ exits \false;
  @ ensures taken: lock_set{Pre,Here}(kind, id, id + 1, 1);
  @*/
static HOT void lock_take(struct cordon *c, struct lock *l, enum lock_kind kind, uint64_t id)
{
    uint16_t ticket = arch_ticket(c, &l->next);

    /*@ loop assigns \nothing; */      /* that the others let go is not the provers' to show */
    while (arch_load_acquire16(&l->serving) != ticket)
        arch_wait(c);
    arch_lock_taken(c, kind, id);
}

/* Lets the next one in. The releasing store orders everything inside the lock before it. */
/*@ requires \valid(l);
  @ requires held: may_drop(kind, id);
  @ assigns l->serving, LOCKS, CLEAN;
  @ exits \false;
  @ ensures dropped: lock_set{Pre,Here}(kind, 0, 0, 0);
  @*/
static HOT void lock_drop(struct cordon *c, struct lock *l, enum lock_kind kind, uint64_t id)
{
    arch_lock_dropped(c, kind, id);
    arch_store_release16(&l->serving, (uint16_t)(l->serving + 1u));
    arch_wake(c);
}

/* The lock of a VM's slot is held: its state, table, pool and counters stand still. */
struct vm_locked {
    struct vm *vm;
    uint32_t id;
};

/* The lock of a section is held: its 512 frame records, its counts and the host's mappings of it stand still. */
struct section_locked {
    struct section *section;
    struct frame *frame;    /* the record of its first frame */
    uint64_t pfn;           /* the number of its first frame: a multiple of 512 */
    uint64_t index;
};

/* The host's lock is held: levels 0 and 1 of its table, its device entries and its pool stand still. */
struct host_locked {
    struct cordon *c;
};

/* Takes the lock of slot `id`, 1 .. c->vms, whatever is in it. The handle is the right to all that the slot holds. */
/*@ requires arrays(c) && 1 <= id <= c->vms && calm(0);
  @ assigns c->vm[id - 1].lock.next, LOCKS;
  @ exits \false;
  @ ensures locked: calm(id);
  @ ensures same: same_words{Pre,Here}(c);
  @ ensures \result.vm == &c->vm[id - 1] && \result.id == id;
  @*/
static HOT struct vm_locked vm_lock(struct cordon *c, uint32_t id)
{
    struct vm_locked v = { &c->vm[arch_index(id - 1, c->vms)], id };

    lock_take(c, &v.vm->lock, LOCK_VM, id);
    return v;
}

/* Lets the slot go; the handle means nothing any more. */
/*@ requires arrays(c) && 1 <= v.id <= c->vms && v.vm == &c->vm[v.id - 1];
  @ requires calm: calm(v.id);
  @ assigns v.vm->lock.serving, LOCKS, CLEAN;
  @ exits \false;
  @ ensures unlocked: calm(0);
  @ ensures same: same_words{Pre,Here}(c);
  @*/
static HOT void vm_unlock(struct cordon *c, struct vm_locked v)
{
    lock_drop(c, &v.vm->lock, LOCK_VM, v.id);
}

/* index: of a section of this machine, from region_section(); number: pa / 2 MiB. */
static HOT struct section_locked section_lock(struct cordon *c, uint64_t index, uint64_t number)
{
    struct section_locked s = { &c->section[index], &c->frame[index * 512], number * 512, index };

    lock_take(c, &s.section->lock, LOCK_SECTION, index);
    return s;
}

/* Lets the section go, with all of its records; what is owed to TLBs for them has been settled. */
/*@ requires arrays(c) && holds(c, s);
  @ requires settled: may_drop(LOCK_SECTION, s.index);
  @ assigns s.section->lock.serving, LOCKS, CLEAN;
  @ exits \false;
  @ ensures same: same_words{Pre,Here}(c);
  @ ensures unlocked: lock_set{Pre,Here}(LOCK_SECTION, 0, 0, 0);
  @*/
static HOT void section_unlock(struct cordon *c, struct section_locked s)
{
    lock_drop(c, &s.section->lock, LOCK_SECTION, s.index);
}

/* Takes the lock of the host's table and pool. It is the last in the order: nothing is locked behind it. */
/*@ requires \valid(c) && locked_host == 0;
  @ assigns c->host_lock.next, LOCKS;
  @ exits \false;
  @ ensures \result.c == c;
  @ ensures locked: lock_set{Pre,Here}(LOCK_HOST, 0, 0, 1);
  @*/
static HOT struct host_locked host_lock(struct cordon *c)
{
    struct host_locked h = { c };

    lock_take(c, &c->host_lock, LOCK_HOST, 0);
    return h;
}

/* Lets the host's table and pool go. */
/*@ requires \valid(h.c) && locked_host == 1;
  @ assigns h.c->host_lock.serving, LOCKS, CLEAN;
  @ exits \false;
  @ ensures unlocked: lock_set{Pre,Here}(LOCK_HOST, 0, 0, 0);
  @*/
static HOT void host_unlock(struct host_locked h)
{
    lock_drop(h.c, &h.c->host_lock, LOCK_HOST, 0);
}

#endif
