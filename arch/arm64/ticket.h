/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ticket lock of EL2's own, as base/lock.h has them for the core. All of these are held for a bounded time, and taken in one
 * order: the ITS's, then the core's, then configuration space of PCI, then the SMMUs'.
 */
#ifndef CORDON_TICKET_H
#define CORDON_TICKET_H

#include "arch.h"
#include "machine_el2.h"

static inline void ticket_lock(struct lock *l)
{
    uint16_t ticket = arch_ticket(&machine, &l->next);

    while (arch_load_acquire16(&l->serving) != ticket)
        arch_wait(&machine);
}

static inline void ticket_unlock(struct lock *l)
{
    arch_store_release16(&l->serving, (uint16_t)(l->serving + 1u));
}

#endif
