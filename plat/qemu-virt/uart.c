/* SPDX-License-Identifier: Apache-2.0 */
/* The PL011. QEMU's needs no set-up; a real one has been set up by the firmware. */
#include "plat.h"

#define UART_DR 0x00
#define UART_FR 0x18
#define UART_FR_TXFF (1u << 5)
#define UART_PATIENCE 100000u

void plat_putc(uint64_t uart, char ch)
{
    volatile uint32_t *fr = (volatile uint32_t *)(uart + UART_FR);
    volatile uint32_t *dr = (volatile uint32_t *)(uart + UART_DR);

    /* The host has the UART too, and may have stopped it: nobody waits for it for ever. */
    for (uint32_t i = 0; (*fr & UART_FR_TXFF) != 0; i++) {
        if (i == UART_PATIENCE)
            return;
    }
    *dr = (uint8_t)ch;
}
