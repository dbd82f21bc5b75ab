/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The invariants of docs/SEMANTICS.md, for what an operation changed: an entry against the records, a record against
 * the tables. That is enough when they held before. sim_check_all() asks the same of the whole machine.
 */
#ifndef SIM_INVARIANT_H
#define SIM_INVARIANT_H

#include "state.h"

/* A descriptor of a live table: well formed, and if it is a leaf against the records. */
void invariant_desc(struct sim *s, const struct cpu *cpu, uint32_t vmid, uint32_t level, uint64_t gfn, uint64_t desc);
/* The core wrote zeros to a frame: nobody may be able to write to it after that. */
void invariant_zeroed(struct sim *s, struct cpu *cpu, uint64_t frame);
/* What a changed record asks for. */
void invariant_record(struct sim *s, struct cpu *cpu, uint64_t frame, struct frame old, struct frame new);
/* The entries that were changed under a lock of a kind; 0: those that no lock of this CPU guards. */
void invariant_changes(struct sim *s, struct cpu *cpu, uint32_t kind);

#endif
