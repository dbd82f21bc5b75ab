/* SPDX-License-Identifier: Apache-2.0 */
/* Into a guest and out of it: its general registers, and its vector registers. */
#include "fatal.h"
#include "general.h"
#include "layout.h"
#include "step.h"
#include "sysreg.h"

    .arch_extension fp
    .arch_extension simd
    .text

/* The frame below which the vCPU's address lies while its guest runs. */
#define FRAME 112
#define FRAME_VCPU 96

/* x0: struct vcpu. Returns enum trap_kind. */
    .global guest_resume
guest_resume:
    stp     x29, x30, [sp, #-FRAME]!
    mov     x29, sp
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    str     x0, [sp, #FRAME_VCPU]
    ldp     x1, x2, [x0, #VCPU_PC]
    msr     elr_el2, x1
    msr     spsr_el2, x2
    ldp     x2, x3, [x0, #16]
    x4_to_x30 ldp, ldr, x0
    ldp     x0, x1, [x0]
    eret
    dsb     nsh                 /* no speculation past the end */
    isb

/* A vector of the guest's: x1 of kind, the vCPU in x0, the guest's x0 and x1 on the stack. */
    .macro  from_guest, kind, step
    .balign 0x80
    stp     x0, x1, [sp, #-16]!
    \step
    mov     x1, #\kind
    b       guest_trap
    .endm

/* The vectors while a guest runs, with what they begin with. step.h */
    .macro  guest_vectors_with name, step
    .balign 0x800
\name:
    fatal   0
    fatal   1
    fatal   2
    fatal   3
    fatal   4
    fatal   5
    fatal   6
    fatal   7
    from_guest 0, \step         /* enum trap_kind */
    from_guest 1, \step
    from_guest 1, \step
    from_guest 2, \step
    from_guest 0, \step         /* AArch32: a process of the guest's */
    from_guest 1, \step
    from_guest 1, \step
    from_guest 2, \step
    .org    \name + 0x800       /* an error here: a vector has more than its 32 instructions */
    .endm

    .global guest_vectors, guest_vectors_loop, guest_vectors_clear, guest_vectors_firmware
    guest_vectors_with guest_vectors, step_none
    guest_vectors_with guest_vectors_loop, step_loop
    guest_vectors_with guest_vectors_clear, step_clear
    guest_vectors_with guest_vectors_firmware, step_firmware

guest_trap:
    ldr     x0, [sp, #16 + FRAME_VCPU]
    stp     x2, x3, [x0, #16]
    x4_to_x30 stp, str, x0
    ldp     x2, x3, [sp], #16
    stp     x2, x3, [x0]
    mrs     x2, elr_el2
    mrs     x3, spsr_el2
    stp     x2, x3, [x0, #VCPU_PC]
    mov     x0, x1
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp], #FRAME
    ret

/* ---- EL1 ---- */

/* x0: struct el1, whose order this is */
    .macro  each_el1 operation
    \operation 0, sctlr_el1, cpacr_el1
    \operation 16, ttbr0_el1, ttbr1_el1
    \operation 32, esr_el1, afsr0_el1
    \operation 48, afsr1_el1, far_el1
    \operation 64, mair_el1, amair_el1
    \operation 80, vbar_el1, contextidr_el1
    \operation 96, cntkctl_el1, par_el1
    \operation 112, tpidr_el1, tpidr_el0
    \operation 128, tpidrro_el0, sp_el0
    \operation 144, sp_el1, elr_el1
    \operation 160, spsr_el1, mdscr_el1
    .endm

    .macro  save_two offset, first, second
    mrs     x1, \first
    mrs     x2, \second
    stp     x1, x2, [x0, #\offset]
    .endm

    .macro  load_two offset, first, second
    ldp     x1, x2, [x0, #\offset]
    msr     \first, x1
    msr     \second, x2
    .endm

    .global el1_save
el1_save:
    each_el1 save_two
    save_two 176, csselr_el1, tcr_el1
    ret

    .global el1_load
el1_load:
    each_el1 load_two
    ldr     x1, [x0, #176]
    msr     csselr_el1, x1
    ret

/* ---- vector registers ---- */

/* x0: struct arch_vcpu, which begins with V0 .. V31. */
    .macro  each_pair operation
    .irp    n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
    pair    \operation, \n, %(\n + 1)
    .endr
    .endm

    .altmacro
    .macro  pair operation, first, second
    \operation q\first, q\second, [x0, #\first * 16]
    .endm

    .global vectors_load
vectors_load:
    each_pair ldp
    ldr     x1, [x0, #ARCH_VCPU_FPCR]
    ldr     x2, [x0, #ARCH_VCPU_FPCR + 8]
    msr     fpcr, x1
    msr     fpsr, x2
    ret

    .global vectors_save
vectors_save:
    each_pair stp
    mrs     x1, fpcr
    mrs     x2, fpsr
    str     x1, [x0, #ARCH_VCPU_FPCR]
    str     x2, [x0, #ARCH_VCPU_FPCR + 8]
    msr     fpcr, xzr
    msr     fpsr, xzr
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    movi    v\n\().2d, #0
    .endr
    ret
