/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table entries: what the store of an entry means for the walkers, and what the architecture asks of whoever stores.
 *
 * The machine follows which frames are live tables by the descriptors that link them. A store into a table that is not
 * linked yet means nothing; one into a live table retracts a translation, makes one, or links a table.
 */
#ifndef SIM_PTE_H
#define SIM_PTE_H

#include "state.h"

/* The root tables of a principal begin to be walked. */
void pte_attach_roots(struct sim *s, struct cpu *cpu, const struct stage2 *s2);
/* The VM's slot may have changed: its lock is about to be dropped. */
void pte_sync_vm(struct sim *s, struct cpu *cpu, uint32_t id);
void pte_check_fresh(struct sim *s, struct cpu *cpu, uint32_t kind, uint64_t id);

#endif
