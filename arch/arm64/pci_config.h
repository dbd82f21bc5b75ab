/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration space of the host's PCI buses. Stage 2 hides it: the host uses it through us, and has all of it but for
 * functions that are given away, and for what would get in their way. One lock guards it, behind the core's and before the
 * SMMUs'.
 */
#ifndef CORDON_PCI_CONFIG_H
#define CORDON_PCI_CONFIG_H

#include "pci_given.h"

/* At boot, on one CPU: pci_confine() for each bridge. */
const char *pci_config_confine(void);

/*
 * Does a host's access of 1, 2, 4 or 8 bytes, at an address that is a multiple of that. *value: what is written, or what was
 * read. False: no configuration space is there. A write that is not the host's to do is left out, and logged.
 */
bool pci_config_access(uint64_t address, uint64_t bytes, bool write, uint64_t *value);

/* pci_give() for the function whose configuration space is a frame; 0: it cannot be given. */
struct pci_given *pci_config_give(uint64_t frame);

/* The one that was given; 0: none. */
struct pci_given *pci_config_find(uint64_t frame);

/* pci_give_reset() by the machine's clock, pci_give_master(), pci_take_back(). */
bool pci_config_reset(struct pci_given *g);
void pci_config_master(const struct pci_given *g, bool on);
void pci_config_take_back(struct pci_given *g);

#endif
