/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PSCI between the host and the firmware (Arm DEN 0022). The firmware starts and wakes CPUs at our entry; from there
 * they go to the host's. What is not named in psci.c does not exist.
 */
#ifndef CORDON_PSCI_H
#define CORDON_PSCI_H

#include "cpu.h"

/* Where a CPU is to begin that the firmware starts or wakes: with its struct cpu in x0, MMU and caches off. Before any call. */
void psci_set_up(uint64_t entry);

/* Serves a call whose number is a PSCI one; true with the answer in *result, false when there is no such call. */
bool psci_call(const struct regs *r, int64_t *result);

/* Switches this CPU off for good, or until the host starts it again: it had no way to go on. */
_Noreturn void psci_stop_this_cpu(uint64_t reason);

#endif
