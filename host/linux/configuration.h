/* SPDX-License-Identifier: GPL-2.0 */
/* By what Cordon names a function of PCI. */
#ifndef CONFIGURATION_H
#define CONFIGURATION_H

#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/pci.h>

/* The frame of its configuration space; 0: the host has none that it knows of. */
static inline u64 configuration_frame(struct pci_dev *pci)
{
	struct pci_bus *root = pci->bus;
	struct resource ecam;

	while (!pci_is_root_bus(root))
		root = root->parent;
	if (!pci_bus_to_OF_node(root) || of_address_to_resource(pci_bus_to_OF_node(root), 0, &ecam) != 0)
		return 0;
	return (ecam.start >> PAGE_SHIFT) + ((u64)(pci->bus->number - root->busn_res.start) << 8 | pci->devfn);
}

#endif
