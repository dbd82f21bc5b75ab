/* SPDX-License-Identifier: Apache-2.0 */
/* The transport and the queues of virtio.h. What the guest says is checked: it is not trusted here either. */
#include "virtio.h"

#include "guard.h"
#include "kvm.h"
#include "memory.h"
#include "message.h"
#include "vm.h"

#include <stdatomic.h>
#include <string.h>

#define MAGIC 0x74726976u           /* "virt" */
#define VERSION 2u
#define VENDOR 0x4e445243u          /* "CRDN" */
#define FEATURE_VERSION_1 (1ull << 32)
#define FEATURE_ACCESS_PLATFORM (1ull << 33)
#define FEATURES_OF_TRANSPORT (FEATURE_VERSION_1 | FEATURE_ACCESS_PLATFORM)

#define STATUS_DRIVER_OK 4u
#define STATUS_FEATURES_OK 8u
#define STATUS_NEEDS_RESET 64u
#define INTERRUPT_USED 1u
#define INTERRUPT_CONFIG 2u

#define DESCRIPTOR_NEXT 1u
#define DESCRIPTOR_WRITE 2u
#define AVAILABLE_NO_INTERRUPT 1u

enum {
    R_MAGIC = 0x000, R_VERSION = 0x004, R_DEVICE = 0x008, R_VENDOR = 0x00c, R_FEATURES = 0x010, R_FEATURE_WORD = 0x014,
    R_DRIVER_FEATURES = 0x020, R_DRIVER_WORD = 0x024, R_QUEUE = 0x030, R_QUEUE_MOST = 0x034, R_QUEUE_SIZE = 0x038,
    R_QUEUE_READY = 0x044, R_NOTIFY = 0x050, R_INTERRUPT = 0x060, R_ACKNOWLEDGE = 0x064, R_STATUS = 0x070,
    R_DESCRIPTORS = 0x080, R_AVAILABLE = 0x090, R_USED = 0x0a0, R_GENERATION = 0x0fc, R_CONFIG = 0x100
};

struct descriptor {
    uint64_t address;
    uint32_t size;
    uint16_t flags;
    uint16_t next;
};

struct used {
    uint32_t head;
    uint32_t size;
};

bool virtio_get(const struct virtio *v, void *to, uint64_t gpa, uint64_t size)
{
    const void *from = memory_at(&v->vm->memory, gpa, size);

    return from && guard_copy(to, from, size);
}

bool virtio_put(const struct virtio *v, uint64_t gpa, const void *from, uint64_t size)
{
    void *to = memory_at(&v->vm->memory, gpa, size);

    return to && guard_copy(to, from, size);
}

/* ---- the queue ---- */

static void raise(struct virtio *v, uint32_t cause)
{
    v->interrupt |= cause;
    kvm_interrupt(v->vm, v->spi, true);
}

void virtio_break(struct virtio *v, const char *why)
{
    if (!v->said)
        complain("%s does nothing more: %s. A protected guest needs the package cordon-guest (docs/GUESTS.md)", v->name, why);
    v->said = true;                 /* once: a guest must not fill the host's log */
    v->status |= STATUS_NEEDS_RESET;
    for (unsigned i = 0; i < v->queues; i++)
        v->queue[i].ready = false;
    raise(v, INTERRUPT_CONFIG);
}

/* Reads the chain that begins at c->head. */
static const char *read_chain(const struct virtio *v, const struct queue *q, struct chain *c)
{
    struct descriptor d = { .flags = DESCRIPTOR_NEXT, .next = c->head };

    for (c->n = 0; d.flags & DESCRIPTOR_NEXT; c->n++) {
        if (d.next >= q->size || c->n == q->size)
            return "a chain of descriptors that has no end";
        if (!virtio_get(v, &d, q->descriptors + sizeof(d) * d.next, sizeof(d)))
            return "descriptors that are not shared";
        c->buffer[c->n] = (struct buffer){ d.address, d.size, d.flags & DESCRIPTOR_WRITE };
    }
    return NULL;
}

/* Tells the driver that a chain is done. */
static bool give_back(const struct virtio *v, const struct queue *q, const struct used *used)
{
    uint16_t next = (uint16_t)(q->next + 1);

    if (!virtio_put(v, q->used + 4 + sizeof(*used) * (q->next % q->size), used, sizeof(*used)))
        return false;
    atomic_thread_fence(memory_order_release);      /* the element before the index that covers it */
    return virtio_put(v, q->used + 2, &next, sizeof(next));
}

/* The chain at q->next, where the driver has put one there. *wrong: what it did that it may not. */
static bool read_next(const struct virtio *v, const struct queue *q, struct chain *chain, const char **wrong)
{
    uint16_t index;

    *wrong = NULL;
    if (!virtio_get(v, &index, q->available + 2, sizeof(index))) {
        *wrong = "an available ring that is not shared";
        return false;
    }
    if (index == q->next)
        return false;
    atomic_thread_fence(memory_order_acquire);      /* the index before what it covers */
    if ((uint16_t)(index - q->next) > q->size)
        *wrong = "more chains than its queue has room for";
    else if (!virtio_get(v, &chain->head, q->available + 4 + 2ull * (q->next % q->size), sizeof(chain->head)))
        *wrong = "an available ring that is not shared";
    else
        *wrong = read_chain(v, q, chain);
    return !*wrong;
}

bool virtio_next(struct virtio *v, unsigned queue, struct chain *chain)
{
    struct queue *q = &v->queue[queue];
    const char *wrong;
    bool there;

    if (!q->ready || !(v->status & STATUS_DRIVER_OK))
        return false;
    there = read_next(v, q, chain, &wrong);
    if (wrong)
        virtio_break(v, wrong);
    return there;
}

void virtio_done(struct virtio *v, unsigned queue, const struct chain *chain, uint32_t written)
{
    struct queue *q = &v->queue[queue];
    struct used used = { chain->head, written };

    if (!q->ready)
        return;
    if (give_back(v, q, &used))
        q->next++;
    else
        virtio_break(v, "a used ring that is not shared");
}

void virtio_tell(struct virtio *v, unsigned queue)
{
    const struct queue *q = &v->queue[queue];
    uint16_t flags;

    if (q->ready && virtio_get(v, &flags, q->available, sizeof(flags)) && !(flags & AVAILABLE_NO_INTERRUPT))
        raise(v, INTERRUPT_USED);
}

void virtio_serve(struct virtio *v, unsigned queue)
{
    struct chain chain;
    uint32_t served;

    for (served = 0; served < QUEUE_MOST && virtio_next(v, queue, &chain); served++)
        virtio_done(v, queue, &chain, v->serve(v, queue, &chain));
    if (served)
        virtio_tell(v, queue);
}

/* ---- data ---- */

/* What gather and scatter have in common: the buffers that go one way, one behind the other. */
static size_t transfer(const struct virtio *v, const struct chain *c, bool to_guest, size_t skip, uint8_t *own, size_t size)
{
    size_t done = 0;

    for (unsigned i = 0; i < c->n && done < size; i++) {
        const struct buffer *b = &c->buffer[i];
        size_t most = b->size - (skip < b->size ? skip : b->size);
        size_t part = most < size - done ? most : size - done;
        uint64_t gpa = b->gpa + (b->size - most);

        if (b->to_guest != to_guest)
            continue;
        skip -= b->size - most;
        if (part && !(to_guest ? virtio_put(v, gpa, own + done, part) : virtio_get(v, own + done, gpa, part)))
            return SIZE_MAX;
        done += part;
    }
    return done;
}

size_t virtio_gather(const struct virtio *v, const struct chain *chain, size_t skip, void *to, size_t size)
{
    return transfer(v, chain, false, skip, to, size);
}

size_t virtio_scatter(const struct virtio *v, const struct chain *chain, size_t skip, const void *from, size_t size)
{
    return transfer(v, chain, true, skip, (uint8_t *)(uintptr_t)from, size);
}

/* ---- registers ---- */

static void reset(struct virtio *v)
{
    v->status = v->interrupt = 0;
    v->driver_features = 0;
    v->feature_word = v->driver_word = v->queue_index = 0;
    for (unsigned i = 0; i < v->queues; i++)
        v->queue[i] = (struct queue){ .size = QUEUE_MOST };
    kvm_interrupt(v->vm, v->spi, false);
    if (v->reset)
        v->reset(v);
}

void virtio_set_up(struct virtio *v)
{
    pthread_mutex_init(&v->lock, NULL);
    for (unsigned i = 0; i < v->queues; i++)
        v->queue[i] = (struct queue){ .size = QUEUE_MOST };
}

static void set_status(struct virtio *v, uint32_t value)
{
    if (value == 0) {
        reset(v);
        return;
    }
    if ((v->driver_features & FEATURES_OF_TRANSPORT) != FEATURES_OF_TRANSPORT)
        value &= ~STATUS_FEATURES_OK;       /* the driver reads it back, and gives up */
    v->status = value | (v->status & STATUS_NEEDS_RESET);
}

static void set_word(uint64_t *wide, bool high, uint32_t value)
{
    *wide = high ? (*wide & UINT32_MAX) | (uint64_t)value << 32 : (*wide & ~(uint64_t)UINT32_MAX) | value;
}

static void set_queue(struct virtio *v, uint64_t offset, uint32_t value)
{
    struct queue *q;

    if (v->queue_index >= v->queues)
        return;
    q = &v->queue[v->queue_index];
    switch (offset) {
    case R_QUEUE_SIZE: q->size = value && value <= QUEUE_MOST && !(value & (value - 1)) ? value : q->size; break;
    case R_QUEUE_READY: q->ready = value & 1; break;
    case R_DESCRIPTORS:
    case R_DESCRIPTORS + 4: set_word(&q->descriptors, offset & 4, value); break;
    case R_AVAILABLE:
    case R_AVAILABLE + 4: set_word(&q->available, offset & 4, value); break;
    case R_USED:
    case R_USED + 4: set_word(&q->used, offset & 4, value); break;
    default: break;
    }
}

static void notify(struct virtio *v, uint32_t queue)
{
    if (queue >= v->queues)
        return;
    if (v->notify)
        v->notify(v, queue);
    else
        virtio_serve(v, queue);
}

static void acknowledge(struct virtio *v, uint32_t value)
{
    v->interrupt &= ~value;
    if (!v->interrupt)
        kvm_interrupt(v->vm, v->spi, false);
}

static void write_register(struct virtio *v, uint64_t offset, uint32_t value)
{
    switch (offset) {
    case R_FEATURE_WORD: v->feature_word = value; break;
    case R_DRIVER_WORD: v->driver_word = value; break;
    case R_DRIVER_FEATURES:
        if (v->driver_word < 2)
            set_word(&v->driver_features, v->driver_word, value);
        break;
    case R_QUEUE: v->queue_index = value; break;
    case R_NOTIFY: notify(v, value); break;
    case R_ACKNOWLEDGE: acknowledge(v, value); break;
    case R_STATUS: set_status(v, value); break;
    default: set_queue(v, offset, value); break;
    }
}

static uint32_t read_register(const struct virtio *v, uint64_t offset)
{
    uint64_t features = v->features | FEATURES_OF_TRANSPORT;

    switch (offset) {
    case R_MAGIC: return MAGIC;
    case R_VERSION: return VERSION;
    case R_DEVICE: return v->device_id;
    case R_VENDOR: return VENDOR;
    case R_FEATURES: return v->feature_word < 2 ? (uint32_t)(features >> 32 * v->feature_word) : 0;
    case R_QUEUE_MOST: return v->queue_index < v->queues ? QUEUE_MOST : 0;
    case R_QUEUE_READY: return v->queue_index < v->queues && v->queue[v->queue_index].ready;
    case R_INTERRUPT: return v->interrupt;
    case R_STATUS: return v->status;
    default: return 0;              /* the configuration never changes: R_GENERATION is 0 */
    }
}

static uint32_t read_config(const struct virtio *v, uint64_t offset, unsigned size)
{
    uint32_t value = 0;

    if (size <= sizeof(value) && offset + size <= v->config_size)
        memcpy(&value, (const uint8_t *)v->config + offset, size);
    return value;
}

uint32_t virtio_read(struct virtio *v, uint64_t offset, unsigned size)
{
    uint32_t value;

    pthread_mutex_lock(&v->lock);
    value = offset >= R_CONFIG ? read_config(v, offset - R_CONFIG, size) : read_register(v, offset);
    pthread_mutex_unlock(&v->lock);
    return value;
}

/* The one field that a driver may write, whole. */
static void write_config(struct virtio *v, uint64_t offset, unsigned size, uint32_t value)
{
    if (v->writable && size == sizeof(value) && offset == (uint64_t)((const uint8_t *)v->writable - (const uint8_t *)v->config))
        *v->writable = value;
}

void virtio_write(struct virtio *v, uint64_t offset, unsigned size, uint32_t value)
{
    pthread_mutex_lock(&v->lock);
    if (offset >= R_CONFIG)
        write_config(v, offset - R_CONFIG, size, value);
    else
        write_register(v, offset, value);
    pthread_mutex_unlock(&v->lock);
}
