/* SPDX-License-Identifier: Apache-2.0 */
/* Where virtio devices are on the guest's bus. */
#include "slot.h"

#include "machine.h"
#include "message.h"
#include "virtio.h"

static struct virtio *slots[SLOTS_MAX];
static unsigned count;

void slot_add(struct virtio *v)
{
    if (count == SLOTS_MAX)
        die("%s: more than %u devices", v->name, SLOTS_MAX);
    v->spi = VIRTIO_SPI + count;
    virtio_set_up(v);
    slots[count++] = v;
}

unsigned slot_count(void)
{
    return count;
}

uint32_t slot_read(uint64_t offset, unsigned size)
{
    return virtio_read(slots[offset / VIRTIO_SIZE], offset % VIRTIO_SIZE, size);
}

void slot_write(uint64_t offset, unsigned size, uint32_t value)
{
    virtio_write(slots[offset / VIRTIO_SIZE], offset % VIRTIO_SIZE, size, value);
}
