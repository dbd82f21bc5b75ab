/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio device on the MMIO transport, version 2 (virtio 1.1, section 4.2): registers, and split virtqueues that
 * are read and written only where the guest has granted them. A protected guest has to use addresses of shared memory:
 * ACCESS_PLATFORM is offered, and a driver that does not take it is not served.
 */
#ifndef VMM_VIRTIO_H
#define VMM_VIRTIO_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm;

#define QUEUE_MOST 128u             /* descriptors */
#define QUEUES_MAX 4u

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
    const char *name;               /* as messages have it */
    uint32_t device_id;
    uint64_t features;              /* of this kind of device; the transport adds its own */
    uint64_t driver_features;
    const void *config;
    uint32_t config_size;
    uint32_t *writable;             /* a field of the configuration that the driver may write; NULL: none */
    unsigned spi;
    uint32_t status, interrupt;
    uint32_t feature_word, driver_word, queue_index;
    unsigned queues;
    struct queue queue[QUEUES_MAX];
    bool said;                      /* that it is broken */
    /* Serves one request; returns the bytes written to the guest. Locked. */
    uint32_t (*serve)(struct virtio *v, unsigned queue, const struct chain *chain);
    /* Instead of serve(), if it is not NULL: the driver has put something into a queue. Locked. */
    void (*notify)(struct virtio *v, unsigned queue);
    /* If it is not NULL: the driver begins anew. Locked. */
    void (*reset)(struct virtio *v);
};

/* Ready to be found by a driver: what the transport wants to be set in *v is. */
void virtio_set_up(struct virtio *v);
uint32_t virtio_read(struct virtio *v, uint64_t offset, unsigned size);
void virtio_write(struct virtio *v, uint64_t offset, unsigned size, uint32_t value);

/*
 * For a device that answers in its own time; locked. virtio_next() gives the next chain that the driver has made available, false
 * if there is none; a queue that cannot be read ends the device. virtio_done() gives it back with so many bytes written: before
 * the next one. virtio_tell() lets the driver know, if it wants to.
 */
bool virtio_next(struct virtio *v, unsigned queue, struct chain *chain);
void virtio_done(struct virtio *v, unsigned queue, const struct chain *chain, uint32_t written);
void virtio_tell(struct virtio *v, unsigned queue);
/* The driver pointed to what the device may not have: it is told, and no longer served. Said once, with what to do. Locked. */
void virtio_break(struct virtio *v, const char *why);

/* Serves what is available now: at most a queue's worth, so that a driver that goes on adding cannot hold us. Locked. */
void virtio_serve(struct virtio *v, unsigned queue);

/*
 * Between the buffers of a chain that go one way, from the byte `skip` on, and memory of the launcher's. How many bytes were copied, at most
 * `size`; SIZE_MAX where the launcher may not reach one of the buffers.
 */
size_t virtio_gather(const struct virtio *v, const struct chain *chain, size_t skip, void *to, size_t size);
size_t virtio_scatter(const struct virtio *v, const struct chain *chain, size_t skip, const void *from, size_t size);

/* Copies from and to guest memory, false where the launcher may not. */
bool virtio_get(const struct virtio *v, void *to, uint64_t gpa, uint64_t size);
bool virtio_put(const struct virtio *v, uint64_t gpa, const void *from, uint64_t size);

#endif
