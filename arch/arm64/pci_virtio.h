/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of virtio, of which an emulator lets some at memory by physical addresses. Needs no machine. */
#ifndef CORDON_PCI_VIRTIO_H
#define CORDON_PCI_VIRTIO_H

#include <stdbool.h>
#include <stdint.h>

/* Whether a function is one of virtio that does not stay behind an SMMU. What it is asked by is as it was afterwards. */
bool pci_virtio_goes_past(uint64_t ecam, uint32_t function);

#endif
