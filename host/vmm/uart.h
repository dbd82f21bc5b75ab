/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A 16550A serial port as a guest's driver sees it: registers and the interrupt line, nothing of the world outside, so
 * that it can be tested by itself. What is written is sent at once. Not thread-safe: the caller locks.
 */
#ifndef VMM_UART_H
#define VMM_UART_H

#include <stdbool.h>
#include <stdint.h>

#define UART_FIFO 16u

/* Registers; DLAB in the line control register turns the first two into the divisor. */
enum uart_register {
    UART_DATA = 0, UART_IER = 1, UART_IIR = 2, UART_LCR = 3, UART_MCR = 4, UART_LSR = 5, UART_MSR = 6, UART_SCR = 7
};

#define UART_IER_RECEIVE 0x01u
#define UART_IER_SEND 0x02u
#define UART_FCR_ENABLE 0x01u
#define UART_FCR_CLEAR_RECEIVE 0x02u
#define UART_IIR_NONE 0x01u
#define UART_IIR_SEND 0x02u
#define UART_IIR_RECEIVE 0x04u
#define UART_IIR_FIFO 0xc0u
#define UART_LCR_DLAB 0x80u
#define UART_MCR_LOOP 0x10u
#define UART_LSR_READY 0x01u
#define UART_LSR_SENT 0x60u     /* holding register and shifter empty */
#define UART_MSR_PEER 0xb0u     /* carrier, data set ready, clear to send: somebody is there */

struct uart {
    uint8_t ier, lcr, mcr, scr, divisor[2];
    bool fifo_enabled;
    bool send_pending;          /* "holding register empty" has not been told yet */
    uint8_t fifo[UART_FIFO];
    unsigned first, count;
};

uint8_t uart_read(struct uart *u, unsigned reg);
/* Returns the byte that goes out, or -1. */
int uart_write(struct uart *u, unsigned reg, uint8_t value);
/* Whether a byte can be received now. Until the guest takes receive interrupts none can: its driver would drop it. */
bool uart_ready(const struct uart *u);
void uart_receive(struct uart *u, uint8_t byte);
/* The level of the interrupt line. */
bool uart_interrupt(const struct uart *u);

#endif
