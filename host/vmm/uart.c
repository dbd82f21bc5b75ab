/* SPDX-License-Identifier: Apache-2.0 */
/* The registers of a 16550A. See uart.h. */
#include "uart.h"

static uint8_t identification(struct uart *u)
{
    uint8_t fifo = u->fifo_enabled ? UART_IIR_FIFO : 0;

    if ((u->ier & UART_IER_RECEIVE) && u->count)
        return fifo | UART_IIR_RECEIVE;
    if ((u->ier & UART_IER_SEND) && u->send_pending) {
        u->send_pending = false;    /* to read that it is pending clears it */
        return fifo | UART_IIR_SEND;
    }
    return fifo | UART_IIR_NONE;
}

static uint8_t received(struct uart *u)
{
    uint8_t byte = 0;

    if (u->count) {
        byte = u->fifo[u->first];
        u->first = (u->first + 1) % UART_FIFO;
        u->count--;
    }
    return byte;
}

/* In loop mode the outputs of the modem control register come back as inputs; drivers look for a port in this way. */
static uint8_t modem_status(const struct uart *u)
{
    if (!(u->mcr & UART_MCR_LOOP))
        return UART_MSR_PEER;
    return (uint8_t)(((u->mcr & 0x0c) << 4) | ((u->mcr & 0x02) << 3) | ((u->mcr & 0x01) << 5));
}

uint8_t uart_read(struct uart *u, unsigned reg)
{
    switch (reg) {
    case UART_DATA: return u->lcr & UART_LCR_DLAB ? u->divisor[0] : received(u);
    case UART_IER: return u->lcr & UART_LCR_DLAB ? u->divisor[1] : u->ier;
    case UART_IIR: return identification(u);
    case UART_LCR: return u->lcr;
    case UART_MCR: return u->mcr;
    case UART_LSR: return UART_LSR_SENT | (u->count ? UART_LSR_READY : 0);
    case UART_MSR: return modem_status(u);
    case UART_SCR: return u->scr;
    default: return 0;
    }
}

static int send(struct uart *u, uint8_t value)
{
    u->send_pending = true;         /* it is sent already, and the holding register empty again */
    if (!(u->mcr & UART_MCR_LOOP))
        return value;
    if (u->count < UART_FIFO)
        uart_receive(u, value);
    return -1;
}

static void enable(struct uart *u, uint8_t value)
{
    if ((value & UART_IER_SEND) && !(u->ier & UART_IER_SEND))
        u->send_pending = true;
    u->ier = value & 0x0f;
}

static void control_fifo(struct uart *u, uint8_t value)
{
    if (value & UART_FCR_CLEAR_RECEIVE)
        u->count = 0;
    u->fifo_enabled = value & UART_FCR_ENABLE;  /* what is there stays: Linux switches the FIFO on after its interrupts */
}

int uart_write(struct uart *u, unsigned reg, uint8_t value)
{
    bool divisor = u->lcr & UART_LCR_DLAB;

    switch (reg) {
    case UART_DATA:
        if (!divisor)
            return send(u, value);
        u->divisor[0] = value;
        break;
    case UART_IER:
        if (!divisor)
            enable(u, value);
        else
            u->divisor[1] = value;
        break;
    case UART_IIR: control_fifo(u, value); break;   /* the FIFO control register when written */
    case UART_LCR: u->lcr = value; break;
    case UART_MCR: u->mcr = value & 0x1f; break;
    case UART_SCR: u->scr = value; break;
    default: break;
    }
    return -1;
}

bool uart_ready(const struct uart *u)
{
    return (u->ier & UART_IER_RECEIVE) && u->count < (u->fifo_enabled ? UART_FIFO : 1);
}

void uart_receive(struct uart *u, uint8_t byte)
{
    u->fifo[(u->first + u->count) % UART_FIFO] = byte;
    u->count++;
}

bool uart_interrupt(const struct uart *u)
{
    return ((u->ier & UART_IER_RECEIVE) && u->count) || ((u->ier & UART_IER_SEND) && u->send_pending);
}
