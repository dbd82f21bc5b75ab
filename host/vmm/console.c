/* SPDX-License-Identifier: Apache-2.0 */
/* The serial port's other side: standard input and output, raw if they are a terminal. */
#include "console.h"

#include "kvm.h"
#include "machine.h"
#include "message.h"
#include "terminal.h"
#include "uart.h"
#include "vm.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define ESCAPE 0x01                 /* Ctrl-a */
#define WAITING 1024u               /* bytes that the guest has not taken yet */

static struct {
    struct vm *vm;
    pthread_mutex_t lock;           /* of all below, and of the order in which the line changes */
    pthread_cond_t room;
    struct uart uart;
    bool level;
    uint8_t waiting[WAITING];
    unsigned first, count;
    bool terminal;
    bool escaped;                   /* the last byte was ESCAPE */
} console = { .lock = PTHREAD_MUTEX_INITIALIZER, .room = PTHREAD_COND_INITIALIZER };

/* Hands the guest what it can take, and sets the line. Locked. */
static void settle(void)
{
    bool level;

    while (console.count && uart_ready(&console.uart)) {
        uart_receive(&console.uart, console.waiting[console.first]);
        console.first = (console.first + 1) % WAITING;
        console.count--;
        pthread_cond_signal(&console.room);
    }
    level = uart_interrupt(&console.uart);
    if (level == console.level)
        return;
    console.level = level;
    kvm_interrupt(console.vm, UART_SPI, level);
}

uint8_t console_read(unsigned reg)
{
    uint8_t value;

    pthread_mutex_lock(&console.lock);
    value = uart_read(&console.uart, reg);
    settle();
    pthread_mutex_unlock(&console.lock);
    return value;
}

void console_write(unsigned reg, uint8_t value)
{
    int sent;
    char byte;

    pthread_mutex_lock(&console.lock);
    sent = uart_write(&console.uart, reg, value);
    byte = (char)sent;
    if (sent >= 0)
        terminal_print(&byte, 1);
    settle();
    pthread_mutex_unlock(&console.lock);
}

/* ---- input ---- */

/* From a terminal a byte too many is dropped, so that Ctrl-a x is always seen; from elsewhere it waits. Locked. */
static void enqueue(uint8_t byte)
{
    while (console.count == WAITING && !console.terminal)
        pthread_cond_wait(&console.room, &console.lock);
    if (console.count == WAITING)
        return;
    console.waiting[(console.first + console.count) % WAITING] = byte;
    console.count++;
    settle();
}

/* Returns false when the user wants to leave. Locked. */
static bool take(uint8_t byte)
{
    if (!console.terminal) {
        enqueue(byte);
        return true;
    }
    if (!console.escaped && byte == ESCAPE) {
        console.escaped = true;
        return true;
    }
    if (console.escaped && byte == 'x')
        return false;
    if (console.escaped && byte != ESCAPE)
        enqueue(ESCAPE);
    console.escaped = false;
    enqueue(byte);
    return true;
}

static void *input_thread(void *unused)
{
    uint8_t bytes[64];
    bool stay = true;

    (void)unused;
    while (stay) {
        ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

            poll(&in, 1, -1);
            continue;
        }
        if (n <= 0)
            return NULL;            /* no more input; the guest goes on without */
        pthread_mutex_lock(&console.lock);
        for (ssize_t i = 0; i < n && stay; i++)
            stay = take(bytes[i]);
        pthread_mutex_unlock(&console.lock);
    }
    complain("ended by Ctrl-a x");
    vm_end(console.vm, STATUS_FAILED);
    return NULL;
}

void console_start(struct vm *vm)
{
    pthread_t thread;
    int error;

    console.vm = vm;
    console.terminal = isatty(STDIN_FILENO);
    if (console.terminal)
        terminal_make_raw();
    error = pthread_create(&thread, NULL, input_thread, NULL);
    if (error) {
        complain("no input, as its thread cannot start: %s", strerror(error));
        return;
    }
    pthread_detach(thread);
}
