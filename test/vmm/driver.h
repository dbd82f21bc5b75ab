/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launcher's devices without a machine: guest memory whose pages can be made private, and a small driver of virtio's that fills a ring
 * and rings. For tests and for the fuzzer; included once by each. Whatever a page that is private is touched by meets a signal, as under Cordon.
 */
#ifndef DRIVER_H
#define DRIVER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "guard.h"
#include "kvm.h"
#include "machine.h"
#include "options.h"
#include "slot.h"
#include "virtio.h"
#include "vm.h"

#define PAGE 0x1000u
#define PAGES 64u
#define RINGS RAM_BASE                      /* of queue q: three pages from RINGS + q * 3 * PAGE on */
#define DATA (RAM_BASE + 32 * PAGE)         /* buffers */
#define RING_SIZE 8u

/* Registers, by the standard's numbers. */
enum {
    REG_FEATURES = 0x010, REG_DRIVER_FEATURES = 0x020, REG_DRIVER_WORD = 0x024, REG_QUEUE = 0x030, REG_QUEUE_MOST = 0x034, REG_QUEUE_SIZE = 0x038,
    REG_READY = 0x044, REG_NOTIFY = 0x050, REG_INTERRUPT = 0x060, REG_ACKNOWLEDGE = 0x064, REG_STATUS = 0x070, REG_DESCRIPTORS = 0x080,
    REG_AVAILABLE = 0x090, REG_USED = 0x0a0, REG_CONFIG = 0x100
};

static struct options options;
static struct vm vm = { .options = &options, .lock = PTHREAD_MUTEX_INITIALIZER };
static bool line[64];

/* In place of KVM. */
void kvm_interrupt(const struct vm *unused, unsigned spi, bool level)
{
    (void)unused;
    line[spi] = level;
}

static uint8_t *at(uint64_t gpa)
{
    return vm.memory.host + (gpa - RAM_BASE);
}

static void memory_make(void)
{
    vm.memory.size = PAGES * PAGE;
    vm.memory.host = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void make_private(uint64_t gpa, bool is_private)
{
    guard_set_up();             /* the framework of the tests has handlers of its own */
    mprotect(at(gpa / PAGE * PAGE), PAGE, is_private ? PROT_NONE : PROT_READ | PROT_WRITE);
}

static uint32_t get(unsigned slot, unsigned reg)
{
    return slot_read(slot * VIRTIO_SIZE + reg, 4);
}

static void set(unsigned slot, unsigned reg, uint32_t value)
{
    slot_write(slot * VIRTIO_SIZE + reg, 4, value);
}

static uint64_t ring_of(unsigned queue)
{
    return RINGS + queue * 3 * PAGE;
}

static void begin_queue(unsigned slot, unsigned queue)
{
    static const unsigned parts[] = { REG_DESCRIPTORS, REG_AVAILABLE, REG_USED };

    memset(at(ring_of(queue)), 0, 3 * PAGE);
    set(slot, REG_QUEUE, queue);
    set(slot, REG_QUEUE_SIZE, RING_SIZE);
    for (unsigned i = 0; i < 3; i++) {
        set(slot, parts[i], (uint32_t)(ring_of(queue) + i * PAGE));
        set(slot, parts[i] + 4, 0);
    }
    set(slot, REG_READY, 1);
}

/* As a driver does it; the queues are empty. */
static void begin(unsigned slot, unsigned queues)
{
    set(slot, REG_STATUS, 0);
    set(slot, REG_DRIVER_WORD, 1);
    set(slot, REG_DRIVER_FEATURES, 3);      /* VERSION_1, ACCESS_PLATFORM */
    set(slot, REG_STATUS, 11);
    for (unsigned i = 0; i < queues; i++)
        begin_queue(slot, i);
    set(slot, REG_STATUS, 15);
}

/* Descriptor `index`; next: another's, or -1. */
static void describe(unsigned queue, unsigned index, uint64_t gpa, uint32_t size, bool to_guest, int next)
{
    uint8_t *d = at(ring_of(queue)) + 16 * index;
    uint16_t flags = (uint16_t)((to_guest ? 2 : 0) | (next >= 0 ? 1 : 0));
    uint16_t to = (uint16_t)(next >= 0 ? next : 0);

    memcpy(d, &gpa, 8);
    memcpy(d + 8, &size, 4);
    memcpy(d + 12, &flags, 2);
    memcpy(d + 14, &to, 2);
}

static uint16_t *available(unsigned queue)
{
    return (uint16_t *)(void *)at(ring_of(queue) + PAGE);
}

static inline uint16_t used(unsigned queue)
{
    return ((uint16_t *)(void *)at(ring_of(queue) + 2 * PAGE))[1];
}

/* Bytes that the device says that it wrote into the chain that it gave back as number n. */
static inline uint32_t used_size(unsigned queue, unsigned n)
{
    return ((uint32_t *)(void *)at(ring_of(queue) + 2 * PAGE + 4))[2 * (n % RING_SIZE) + 1];
}

/* The chain that begins at a descriptor is there for the device, which is not told yet. */
static void offer(unsigned queue, unsigned head)
{
    uint16_t *ring = available(queue);

    ring[2 + ring[1] % RING_SIZE] = (uint16_t)head;
    ring[1]++;
}

static bool needs_reset(unsigned slot)
{
    return (get(slot, REG_STATUS) & 64) != 0;
}

#endif
