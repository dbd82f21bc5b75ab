/* SPDX-License-Identifier: Apache-2.0 */
/* A serial port of the guest's: its registers, its interrupt, and what waits for the guest to take it. */
#ifndef VMM_SERIAL_H
#define VMM_SERIAL_H

#include "uart.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct vm;

#define SERIAL_WAITING 1024u        /* bytes that the guest has not taken yet */

struct serial {
    struct vm *vm;
    unsigned spi;
    void (*send)(uint8_t byte);     /* what the guest writes; locked */
    pthread_mutex_t lock;           /* of all below, and of the order in which the line changes */
    pthread_cond_t room;
    struct uart uart;
    bool level;
    uint8_t waiting[SERIAL_WAITING];
    unsigned first, count;
};

/* Accesses to the port's registers. */
uint8_t serial_read(struct serial *s, unsigned reg);
void serial_write(struct serial *s, unsigned reg, uint8_t value);
/* A byte for the guest. If too many wait already it waits for room, or is dropped. */
void serial_put(struct serial *s, uint8_t byte, bool wait);

#endif
