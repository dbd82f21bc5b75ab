/* SPDX-License-Identifier: Apache-2.0 */
/* An exception of our own, from whichever vectors: its registers are put on record for panic.c. */
#include "layout.h"

    .text

/* x0: the vector's number; SP_EL0: the old x0. A stack of its own: the other one may be what went wrong. */
    .global fatal_exception
fatal_exception:
    msr     tpidr_el0, x1       /* the host's, which will not be needed again either */
    mrs     x1, tpidr_el2
    ldr     x1, [x1, #CPU_PANIC_STACK]
    sub     x1, x1, #REGS_SIZE
    stp     x2, x3, [x1, #0x10]
    stp     x4, x5, [x1, #0x20]
    stp     x6, x7, [x1, #0x30]
    stp     x8, x9, [x1, #0x40]
    stp     x10, x11, [x1, #0x50]
    stp     x12, x13, [x1, #0x60]
    stp     x14, x15, [x1, #0x70]
    stp     x16, x17, [x1, #0x80]
    stp     x18, x19, [x1, #0x90]
    stp     x20, x21, [x1, #0xa0]
    stp     x22, x23, [x1, #0xb0]
    stp     x24, x25, [x1, #0xc0]
    stp     x26, x27, [x1, #0xd0]
    stp     x28, x29, [x1, #0xe0]
    str     x30, [x1, #0xf0]
    mrs     x2, sp_el0
    mrs     x3, tpidr_el0
    stp     x2, x3, [x1]
    mov     x2, sp
    mov     sp, x1
    mov     x1, x0
    mov     x0, sp
    b       panic_exception
