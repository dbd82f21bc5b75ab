/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device registers that the host uses through us: configuration space of PCI, the first page of each GIC redistributor, and the
 * ITS's. In the latter two are the addresses of tables that these read and write by themselves; the host never has its own
 * used (its.h). Without an ITS it sees no LPIs.
 */
#ifndef CORDON_MMIO_H
#define CORDON_MMIO_H

#include "cpu.h"

/* Does the access that faulted at `address`, and puts what was read in its register. False: not one that is served. */
bool mmio_access(struct regs *r, uint64_t esr, uint64_t address);

#endif
