/* SPDX-License-Identifier: Apache-2.0 */
/* An exception of our own, from whichever vectors: its registers are put on record for panic.c. */
#include "general.h"
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
    x4_to_x30 stp, str, x1
    mrs     x2, sp_el0
    mrs     x3, tpidr_el0
    stp     x2, x3, [x1]
    mov     x2, sp
    mov     sp, x1
    mov     x1, x0
    mov     x0, sp
    b       panic_exception
