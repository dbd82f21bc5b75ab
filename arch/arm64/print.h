/* SPDX-License-Identifier: Apache-2.0 */
/* Text on the UART: at boot, and in a panic. While the host runs, the UART is the host's; see log.h. */
#ifndef CORDON_PRINT_H
#define CORDON_PRINT_H

/* %s text, %u decimal, %x hexadecimal, %X hexadecimal of 16 digits: all numbers are 64 bits wide. */
void print(const char *format, ...);

#endif
