/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of TLBs against the tables: invariant I6. */
#ifndef SIM_STALE_H
#define SIM_STALE_H

#include "tlb.h"

/* Whether the tables still give what the entry says; what they give instead goes to `now`. */
bool stale_entry(const struct sim *s, const struct tlb_entry *e, char *now, size_t size);
/* Reports the stale ones among the entries of all CPUs that overlap what the operation retracted; or all there are. */
void stale_check_retracted(struct sim *s, struct cpu *cpu);
void stale_check_all(struct sim *s, const struct cpu *cpu);
void stale_report(struct sim *s, const struct cpu *cpu, uint32_t owner, struct tlb_entry *e, const char *how);

#endif
