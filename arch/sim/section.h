/* SPDX-License-Identifier: Apache-2.0 */
/* What changed of a section between the taking and the dropping of its lock, and whether anything changed without it. */
#ifndef SIM_SECTION_H
#define SIM_SECTION_H

#include "state.h"

/* Called once the lock is there, and just before it goes. */
void section_taken(struct sim *s, struct cpu *cpu, uint64_t index);
void section_dropped(struct sim *s, struct cpu *cpu, uint64_t index);

#endif
