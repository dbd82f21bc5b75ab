/* SPDX-License-Identifier: Apache-2.0 */
/* Into the host and out of it: the way to it, and the exception vectors while it runs. */
#include "fatal.h"
#include "general.h"
#include "layout.h"
#include "step.h"
#include "sysreg.h"

    .text

/* x0: the address at which the host begins, x1: its x0. Nothing else of ours is left in a register. */
    .global enter_host
enter_host:
    msr     elr_el2, x0
    mov     x2, #(PSR_DAIF | PSR_EL1H)
    msr     spsr_el2, x2
    mov     x0, x1
    mrs     x1, tpidr_el2
    ldr     x1, [x1, #CPU_STACK]
    mov     sp, x1
    .irp    n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    mov     x\n, xzr
    .endr
    eret
    dsb     nsh
    isb

/* ---- vectors ---- */

/* The vectors while the host runs, with what they begin with. step.h */
    .macro  host_vectors name, step
    .balign 0x800
\name:
    fatal   0                   /* current EL with SP_EL0: never used */
    fatal   1
    fatal   2
    fatal   3
    fatal   4                   /* current EL: an error of our own */
    fatal   5
    fatal   6
    fatal   7

    .balign 0x80                /* lower EL, AArch64: the host */
    stp     x0, x1, [sp, #-REGS_SIZE]!
    \step
    stp     x2, x3, [sp, #0x10]
    mrs     x1, esr_el2
    lsr     x2, x1, #26
    cmp     x2, #EC_HVC64
    b.ne    host_trap
    x4_to_x17 stp, sp
    str     x18, [sp, #0x90]
    stp     x29, x30, [sp, #0xe8]
    mov     x29, xzr
    mov     x0, sp
    bl      host_hvc
    b       host_return

    fatal   9                   /* interrupts and SErrors of the host are the host's own */
    fatal   10
    fatal   11

    .balign 0x80                /* lower EL, AArch32: a process of the host's. HVC is undefined there */
    stp     x0, x1, [sp, #-REGS_SIZE]!
    \step
    stp     x2, x3, [sp, #0x10]
    mrs     x1, esr_el2
    b       host_trap

    fatal   13
    fatal   14
    fatal   15
    .org    \name + 0x790       /* an error here: a vector has more than its 32 instructions */
    .endm

    .global vectors, vectors_loop, vectors_clear, vectors_firmware
    host_vectors vectors, step_none
    host_vectors vectors_loop, step_loop
    host_vectors vectors_clear, step_clear
    host_vectors vectors_firmware, step_firmware

/* Everything of the host's but HVC. All its registers are in the frame, for accesses that are done on its behalf. */
host_trap:
    x4_to_x30 stp, str, sp
    mov     x29, xzr
    mov     x0, sp
    bl      host_sync
    ldp     x19, x20, [sp, #0x98]
    ldp     x21, x22, [sp, #0xa8]
    ldp     x23, x24, [sp, #0xb8]
    ldp     x25, x26, [sp, #0xc8]
    ldp     x27, x28, [sp, #0xd8]
host_return:
    ldp     x2, x3, [sp, #0x10]
    x4_to_x17 ldp, sp
    ldr     x18, [sp, #0x90]
    ldp     x29, x30, [sp, #0xe8]
    ldp     x0, x1, [sp], #REGS_SIZE
    eret
    dsb     nsh                 /* no speculation past the end */
    isb
