/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of the guest's beside its console, each with a socket: a second serial port, and a console of virtio's. */
#ifndef VMM_PORTS_H
#define VMM_PORTS_H

#include <stdint.h>

struct vm;

/* Makes those that the options want. Leaves on failure. */
void ports_open(struct vm *vm);
/* From here on others may talk to them. */
void ports_start(void);
void ports_close(void);
/* Accesses to the registers of the second serial port. */
uint8_t ports_read(unsigned reg);
void ports_write(unsigned reg, uint8_t value);

#endif
