/* SPDX-License-Identifier: Apache-2.0 */
/* Ports beside the console: a second serial port, and a console of virtio's (virtio 1.1, section 5.3) with one port. */
#include "ports.h"

#include "machine.h"
#include "options.h"
#include "serial.h"
#include "slot.h"
#include "socket.h"
#include "virtio.h"
#include "vm.h"

#define DEVICE_CONSOLE 3u
#define TEXT_MOST 0x10000u      /* of one request: a guest must not hold us with one that goes on for 128 * 4 GiB */

enum { QUEUE_IN = 0, QUEUE_OUT = 1, QUEUES = 2 };

/* ---- the second serial port ---- */

static struct socket serial_socket;

static void serial_send(uint8_t byte)
{
    socket_send(&serial_socket, &byte, 1);
}

static struct serial serial = {
    .spi = SECOND_UART_SPI,
    .send = serial_send,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .room = PTHREAD_COND_INITIALIZER,
};

static void serial_take(const uint8_t *bytes, size_t size)
{
    while (size--)
        serial_put(&serial, *bytes++, true);
}

uint8_t ports_read(unsigned reg)
{
    return serial_read(&serial, reg);
}

void ports_write(unsigned reg, uint8_t value)
{
    serial_write(&serial, reg, value);
}

/* ---- the console of virtio's ---- */

static struct socket console_socket;
static struct virtio console;
static pthread_cond_t console_room = PTHREAD_COND_INITIALIZER;

/* What the guest writes. */
static uint32_t serve(struct virtio *v, unsigned queue, const struct chain *chain)
{
    uint8_t bytes[512];
    size_t size = 0, done = 0;

    (void)queue;
    while (done < TEXT_MOST && (size = virtio_gather(v, chain, done, bytes, sizeof(bytes))) != 0 && size != SIZE_MAX) {
        socket_send(&console_socket, bytes, size);
        done += size;
    }
    if (size == SIZE_MAX)
        virtio_break(v, "text that is not shared");
    return 0;
}

static void notify(struct virtio *v, unsigned queue)
{
    if (queue == QUEUE_OUT)
        virtio_serve(v, queue);
    else
        pthread_cond_signal(&console_room);
}

/* Bytes for the guest, into as many of its buffers as they need; waits while it has none. */
static void console_take(const uint8_t *bytes, size_t size)
{
    struct chain chain;

    pthread_mutex_lock(&console.lock);
    while (size) {
        size_t done;

        if (!virtio_next(&console, QUEUE_IN, &chain)) {
            pthread_cond_wait(&console_room, &console.lock);
            continue;
        }
        done = virtio_scatter(&console, &chain, 0, bytes, size);
        if (done == SIZE_MAX) {
            virtio_break(&console, "a buffer that is not shared");
            continue;
        }
        virtio_done(&console, QUEUE_IN, &chain, (uint32_t)done);
        virtio_tell(&console, QUEUE_IN);
        bytes += done;
        size -= done;
    }
    pthread_mutex_unlock(&console.lock);
}

/* ---- both ---- */

void ports_open(struct vm *vm)
{
    if (vm->options->serial) {
        serial.vm = vm;
        serial_socket = (struct socket){ .path = vm->options->serial, .take = serial_take };
        socket_open(&serial_socket);
    }
    if (vm->options->console) {
        console_socket = (struct socket){ .path = vm->options->console, .take = console_take };
        socket_open(&console_socket);
        console = (struct virtio){
            .vm = vm,
            .name = "the console of virtio",
            .device_id = DEVICE_CONSOLE,
            .queues = QUEUES,
            .serve = serve,
            .notify = notify,
        };
        slot_add(&console);
    }
}

void ports_start(void)
{
    if (serial_socket.path)
        socket_start(&serial_socket);
    if (console_socket.path)
        socket_start(&console_socket);
}

void ports_close(void)
{
    socket_close(&serial_socket);
    socket_close(&console_socket);
}
