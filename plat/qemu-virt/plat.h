/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU's virt board: what cannot be read from the device tree. docs/PORTING.md says what another board must give here.
 */
#ifndef CORDON_PLAT_H
#define CORDON_PLAT_H

/* Where the image is linked to be: QEMU puts an Image with text_offset 0 at the start of RAM plus 2 MiB. */
#define PLAT_IMAGE 0x40200000
/* The UART for what must be said before the device tree is read, and in a panic. */
#define PLAT_UART 0x09000000
/* Where the loader puts the host's kernel. */
#define PLAT_HOST_IMAGE 0x42000000

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stdint.h>

/* One character to the UART, at the address where the caller has it mapped. */
void plat_putc(uint64_t uart, char ch);

/* Whether the host may have a device of this `compatible`, registers and all: it cannot reach memory by itself. */
bool plat_host_may_have(const char *compatible);

#endif

#endif
