/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A firmware for the tests, at EL3: it has the three workarounds of the SMC calling convention, counts their calls, and leaves
 * nothing in the registers that the convention lets it change. QEMU's own firmware has none of them. PSCI is SYSTEM_OFF alone.
 */
#include "digits.S"

#define COUNTS 0x0e000000           /* secure memory; the stack is above */
#define STACK 0x0e001000
#define UART 0x09000000
#define TREE 0x40000000
#define CORDON 0x40200000

    .global _start
_start:
    ldr     x0, =0x30531            /* SCR_EL3: EL2 is AArch64, not secure, may call; nothing of pointer authentication traps */
    msr     scr_el3, x0
    msr     cptr_el3, xzr
    msr     mdcr_el3, xzr
    mov     x0, #0xf
    msr     S3_6_C12_C12_5, x0      /* ICC_SRE_EL3 */
    isb
    ldr     x0, =vectors
    msr     vbar_el3, x0
    ldr     x0, =STACK
    mov     sp, x0
    mov     x0, #0x3c9              /* EL2h, all masked */
    msr     spsr_el3, x0
    ldr     x0, =CORDON
    msr     elr_el3, x0
    ldr     x0, =TREE
    isb
    eret

    .macro  on number, where
    ldr     w5, =\number
    cmp     w0, w5
    b.eq    \where
    .endm

/* x0 and up: the call. x4, x5 are saved; x1 to x3 may be changed, and are. */
call:
    ldr     x4, =COUNTS
    on      0x80008000, first
    on      0x80007fff, second
    on      0x80003fff, third
    on      0x80000000, version
    on      0x80000001, features
    on      0x8400000a, features    /* PSCI_FEATURES, asked of the convention's version */
    on      0x84000008, off
none:
    mov     x0, #-1
    b       back
version:
    ldr     w0, =0x10002
    b       back
features:
    mov     w0, w1
    on      0x80000000, has
    on      0x80008000, has
    on      0x80007fff, has
    on      0x80003fff, has
    b       none
has:
    mov     x0, #0
    b       back
first:
    b       counted
second:
    str     x1, [x4, #32]           /* what it was last told */
    add     x4, x4, #8
    b       counted
third:
    add     x4, x4, #16
counted:
    ldr     x5, [x4]
    add     x5, x5, #1
    str     x5, [x4]
    mov     x0, #0
    ldr     x1, =0x1111111111111111
    mov     x2, x1
    mov     x3, x1
back:
    ldp     x4, x5, [sp], #16
    eret

/* The counts on the UART, and the end of the machine by semihosting. */
off:
    ldr     x3, =UART
    adr     x1, text
1:  ldrb    w0, [x1], #1
    cbz     w0, 2f
    str     w0, [x3]
    b       1b
2:  mov     x2, #0
3:  ldr     x0, [x4, x2]
    print_digits x0, x3, 5, 1
    add     x2, x2, #8
    cmp     x2, #40
    b.ne    3b
    mov     w1, #'\n'
    str     w1, [x3]
    adr     x1, end
    mov     w0, #0x18               /* SYS_EXIT */
    hlt     #0xf000
text:
    .asciz  "firmware: calls "
    .balign 8
end:
    .quad   0x20026, 0
    .ltorg

    .balign 0x800
vectors:
    .rept   8
    b       .
    .balign 0x80
    .endr
    stp     x4, x5, [sp, #-16]!     /* lower EL, AArch64: SMC */
    b       call
    .balign 0x80
    .rept   7
    b       .
    .balign 0x80
    .endr
