/* SPDX-License-Identifier: Apache-2.0 */
/* A serial port of the guest's. */
#include "serial.h"

#include "kvm.h"
#include "vm.h"

/* Hands the guest what it can take, and sets the line. Locked. */
static void settle(struct serial *s)
{
    bool level;

    while (s->count && uart_ready(&s->uart)) {
        uart_receive(&s->uart, s->waiting[s->first]);
        s->first = (s->first + 1) % SERIAL_WAITING;
        s->count--;
        pthread_cond_signal(&s->room);
    }
    level = uart_interrupt(&s->uart);
    if (level == s->level)
        return;
    s->level = level;
    kvm_interrupt(s->vm, s->spi, level);
}

uint8_t serial_read(struct serial *s, unsigned reg)
{
    uint8_t value;

    pthread_mutex_lock(&s->lock);
    value = uart_read(&s->uart, reg);
    settle(s);
    pthread_mutex_unlock(&s->lock);
    return value;
}

void serial_write(struct serial *s, unsigned reg, uint8_t value)
{
    int sent;

    pthread_mutex_lock(&s->lock);
    sent = uart_write(&s->uart, reg, value);
    if (sent >= 0)
        s->send((uint8_t)sent);
    settle(s);
    pthread_mutex_unlock(&s->lock);
}

void serial_put(struct serial *s, uint8_t byte, bool wait)
{
    pthread_mutex_lock(&s->lock);
    while (s->count == SERIAL_WAITING && wait)
        pthread_cond_wait(&s->room, &s->lock);
    if (s->count < SERIAL_WAITING) {
        s->waiting[(s->first + s->count) % SERIAL_WAITING] = byte;
        s->count++;
        settle(s);
    }
    pthread_mutex_unlock(&s->lock);
}
