/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio device on the MMIO transport, version 2 (virtio 1.1, section 4.2): registers, and one split virtqueue that
 * is read and written only where the guest has granted it. A protected guest has to use addresses of shared memory:
 * ACCESS_PLATFORM is offered, and a driver that does not take it is not served.
 */
#ifndef VMM_VIRTIO_H
#define VMM_VIRTIO_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct vm;

#define QUEUE_MOST 128u             /* descriptors */

struct queue {
    uint32_t size;
    bool ready;
    uint64_t descriptors, available, used;
    uint16_t next;                  /* of the available ring */
};

struct buffer {
    uint64_t gpa;
    uint32_t size;
    bool to_guest;                  /* the device writes it */
};

struct chain {
    uint16_t head;
    unsigned n;
    struct buffer buffer[QUEUE_MOST];
};

struct virtio {
    struct vm *vm;
    pthread_mutex_t lock;
    uint32_t device_id;
    uint64_t features;              /* of this kind of device; the transport adds its own */
    uint64_t driver_features;
    const void *config;
    uint32_t config_size;
    unsigned spi;
    uint32_t status, interrupt;
    uint32_t feature_word, driver_word, queue_index;
    struct queue queue;
    bool said;                      /* that it is broken */
    /* Serves one request; returns the bytes written to the guest. */
    uint32_t (*serve)(struct virtio *v, const struct chain *chain);
};

uint32_t virtio_read(struct virtio *v, uint64_t offset, unsigned size);
void virtio_write(struct virtio *v, uint64_t offset, uint32_t value);

/* Copies from and to guest memory, false where the launcher may not. */
bool virtio_get(const struct virtio *v, void *to, uint64_t gpa, uint64_t size);
bool virtio_put(const struct virtio *v, uint64_t gpa, const void *from, uint64_t size);

#endif
