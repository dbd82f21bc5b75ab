/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that asks the firmware for its workarounds, by way of Cordon, and says what it was answered; then whether a call to
 * Cordon keeps the registers that it must, whatever the firmware does to them on the way in. An Image with nothing behind it.
 */
#include "digits.S"

#define UART 0x09000000

    .global _start
_start:
    b       start
    .long   0
    .quad   0, 4096, 0xa, 0, 0, 0
    .ascii  "ARM\x64"
    .long   0

    .macro  ask function, argument
    ldr     x0, =\function
    ldr     x1, =\argument
    smc     #0
    bl      say
    .endm

start:
    ldr     x20, =UART
    mov     w0, #'\n'
    str     w0, [x20]
    ask     0x80000001, 0x80008000
    ask     0x80000001, 0x80007fff
    ask     0x80000001, 0x80003fff
    ask     0x80000001, 0x80003ffe
    ask     0x80008000, 0
    ask     0x80007fff, 1
    ask     0x80003fff, 0
    /* A call that is none changes x0 alone: the sum of the others tells. */
    .irp    n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    mov     x\n, #(\n * 257)
    .endr
    mov     x0, #0
    hvc     #0
    .irp    n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    add     x1, x1, x\n
    .endr
    ldr     x20, =UART
    bl      say
    ldr     x5, =(257 * (1 + 30) * 30 / 2)
    sub     x0, x1, x5
    bl      say
    ldr     x0, =0x84000008         /* SYSTEM_OFF */
    smc     #0
    b       .

/* x0: 32 bits of it on the UART at x20, as digits. */
say:
    print_digits x0, x20, 10, 11
    ret
    .ltorg
