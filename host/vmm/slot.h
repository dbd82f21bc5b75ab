/* SPDX-License-Identifier: Apache-2.0 */
/* Where virtio devices are on the guest's bus: one place behind the other, each with an interrupt. */
#ifndef VMM_SLOT_H
#define VMM_SLOT_H

#include <stdbool.h>
#include <stdint.h>

struct virtio;

/* The device, all of which but its place is set, gets the next place. */
void slot_add(struct virtio *v);
unsigned slot_count(void);
/* Accesses to the registers of a device: offset is from VIRTIO_BASE, below slot_count() * VIRTIO_SIZE. */
uint32_t slot_read(uint64_t offset, unsigned size);
void slot_write(uint64_t offset, unsigned size, uint32_t value);

#endif
