/* SPDX-License-Identifier: Apache-2.0 */
/* CPUs: a thread plays one at a time, the same number in every machine. */
#ifndef SIM_CPU_H
#define SIM_CPU_H

#include "state.h"

struct cpu *sim_this_cpu(struct sim *s);
bool sim_cpus_create(struct sim *s, uint64_t seed);
void sim_cpus_destroy(struct sim *s);

#endif
