/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is on a PCI bus before the host has it. Two kinds of devices do not stay behind the SMMU that the tree promises, and
 * are known by their configuration space alone: those of virtio that an emulator lets at memory by physical addresses, and
 * those on a bus of which the tree knows nothing. Needs no machine, but for the two accesses of pci_access.h.
 */
#ifndef CORDON_PCI_H
#define CORDON_PCI_H

#include "pci_given.h"

/*
 * Goes through all buses behind a bridge: no function may become a bus master until the host lets it, and bridges have no bus
 * numbers afterwards, as after a reset. s: what is known of them from then on. Returns 0, or in one line which device cannot
 * be had and what to do; the text is the next call's.
 */
const char *pci_confine(const struct bridge *b, struct pci_segment *s);

#endif
