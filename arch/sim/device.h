/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of PCI that VMs may be given: the steps of the core's, each checked against what the function is at, and their
 * accesses.
 *
 * A function that was somebody's is reset before it is anybody else's, and nobody reaches its windows while it is. Its stream
 * aborts from when the host loses it until it is opened for a VM, and from when it is closed until the host has it again.
 */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include "state.h"

/* All functions against what the core keeps of them, and their streams' TLBs against the tables. */
void device_check_all(struct sim *s, const struct cpu *cpu);

#endif
