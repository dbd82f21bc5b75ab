/* SPDX-License-Identifier: Apache-2.0 */
/* A vector through which nothing may come: an exception of our own, or one that is somebody else's. */
#ifndef CORDON_FATAL_H
#define CORDON_FATAL_H

/* What the registers held does not matter any more: SP_EL0 is the host's or a guest's. fatal.S goes on. */
    .macro  fatal, number
    .balign 0x80
    msr     sp_el0, x0
    mov     x0, #\number
    b       fatal_exception
    .endm

#endif
