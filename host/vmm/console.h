/* SPDX-License-Identifier: Apache-2.0 */
/* The serial port between the guest and the terminal. */
#ifndef VMM_CONSOLE_H
#define VMM_CONSOLE_H

#include <stdint.h>

struct vm;

/* Input comes from here on. */
void console_start(struct vm *vm);
/* Accesses to the port's registers. */
uint8_t console_read(unsigned reg);
void console_write(unsigned reg, uint8_t value);

#endif
