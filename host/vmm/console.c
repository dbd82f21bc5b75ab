/* SPDX-License-Identifier: Apache-2.0 */
/* The first serial port's other side: standard input and output, raw if they are a terminal. */
#include "console.h"

#include "machine.h"
#include "message.h"
#include "serial.h"
#include "terminal.h"
#include "vm.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define ESCAPE 0x01                 /* Ctrl-a */

static void send(uint8_t byte);

static struct serial port = {
    .spi = UART_SPI,
    .send = send,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .room = PTHREAD_COND_INITIALIZER,
};

static bool on_terminal;
static bool escaped;                /* the last byte was ESCAPE */

/* ---- output ---- */

/*
 * Linux halts by a loop that looks like work from outside, but its last line says so: whoever waits for the guest to end is told. Whatever
 * else prints that line, this costs one message.
 */
static void look_for_halt(uint8_t byte)
{
    static const char halted[] = "reboot: System halted";
    static unsigned matched;
    static bool said;

    matched = byte == (uint8_t)halted[matched] ? matched + 1 : byte == (uint8_t)halted[0];
    if (halted[matched])
        return;
    matched = 0;
    if (!said)
        complain("the guest has halted, which keeps a CPU busy and does not end it: %s; in the guest, poweroff ends it",
                 on_terminal ? "Ctrl-a x does" : "a signal does");
    said = true;
}

static void send(uint8_t byte)
{
    char text = (char)byte;

    terminal_print(&text, 1);
    look_for_halt(byte);
}

uint8_t console_read(unsigned reg)
{
    return serial_read(&port, reg);
}

void console_write(unsigned reg, uint8_t value)
{
    serial_write(&port, reg, value);
}

/* ---- input ---- */

/* Returns false when the user wants to leave. From a terminal a byte too many is dropped, so that Ctrl-a x is always seen. */
static bool take(uint8_t byte)
{
    if (!on_terminal) {
        serial_put(&port, byte, true);
        return true;
    }
    if (!escaped && byte == ESCAPE) {
        escaped = true;
        return true;
    }
    if (escaped && byte == 'x')
        return false;
    if (escaped && byte != ESCAPE)
        serial_put(&port, ESCAPE, false);
    escaped = false;
    serial_put(&port, byte, false);
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
        for (ssize_t i = 0; i < n && stay; i++)
            stay = take(bytes[i]);
    }
    complain("ended by Ctrl-a x");
    vm_end(port.vm, STATUS_FAILED);
    return NULL;
}

void console_start(struct vm *vm)
{
    pthread_t thread;
    int error;

    port.vm = vm;
    on_terminal = isatty(STDIN_FILENO);
    if (on_terminal)
        terminal_make_raw();
    error = pthread_create(&thread, NULL, input_thread, NULL);
    if (error) {
        complain("no input, as its thread cannot start: %s", strerror(error));
        return;
    }
    pthread_detach(thread);
}
