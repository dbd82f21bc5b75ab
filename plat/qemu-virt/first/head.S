/* SPDX-License-Identifier: Apache-2.0 */
/* The first stage's first and last instructions. It runs at EL2 with all of memory mapped to itself, as its libraries want it. */
#include "first.h"
#include "plat.h"

#define SCTLR_RES1 0x30c50830
#define SCTLR_ON (1 << 0 | 1 << 2 | 1 << 12)    /* MMU, data cache, instruction cache */
#define MAIR 0xff00             /* 0: device, 1: write-back */
#define TCR 0x80823519          /* 39 bits by 4 KiB pages, inner shareable, write-back; 40 bits of physical address */
#define BLOCK 0x741             /* a GiB: access flag, inner shareable, EL2 may write */
#define BLOCK_WRITE_BACK 0x4
#define BLOCK_NO_EXECUTE (1 << 54)
#define CPTR 0x33ff             /* vector registers do not trap */

    .section .head, "ax"
    .global _start
_start:
    b       start
    .long   0
    .quad   0                   /* text_offset */
    .quad   _first_size
    .quad   0xa                 /* little endian, 4 KiB pages, anywhere in memory */
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .long   0

/* x0: the device tree's address. MMU and caches are off. Up to the jump nothing may depend on where this is. */
start:
    msr     daifset, #0xf
    mov     x19, x0
    adr     x1, _start
    ldr     x2, =FIRST_BASE
    ldr     x3, =_copied_end
1:  ldp     x4, x5, [x1], #16
    stp     x4, x5, [x2], #16
    cmp     x2, x3
    b.lo    1b
    dsb     sy
    ic      iallu
    dsb     sy
    isb
    ldr     x4, =here
    br      x4

/* What was copied has the secret as well. */
here:
    ldr     x1, =PLAT_IMAGE
    add     x2, x1, #FIRST_LIMIT
1:  stp     xzr, xzr, [x1], #16
    cmp     x1, x2
    b.lo    1b
    ldr     x1, =_bss_begin
    ldr     x2, =_end
1:  stp     xzr, xzr, [x1], #16
    cmp     x1, x2
    b.lo    1b
    bl      map_all
    ldr     x1, =stack_top
    mov     sp, x1
    mov     x0, x19
    bl      first
    /* x0: where Cordon begins. */
    mov     x20, x0
    b       leave

/* Each GiB to itself: the first is devices, all others memory. */
map_all:
    ldr     x1, =table
    ldr     x2, =(BLOCK | BLOCK_NO_EXECUTE)
    str     x2, [x1]
    mov     x3, #1
1:  lsl     x2, x3, #30
    ldr     x4, =(BLOCK | BLOCK_WRITE_BACK)
    orr     x2, x2, x4
    str     x2, [x1, x3, lsl #3]
    add     x3, x3, #1
    cmp     x3, #512
    b.lo    1b
    ldr     x2, =MAIR
    msr     mair_el2, x2
    ldr     x2, =TCR
    msr     tcr_el2, x2
    msr     ttbr0_el2, x1
    mov     x2, #CPTR
    msr     cptr_el2, x2
    dsb     sy
    tlbi    alle2
    dsb     sy
    isb
    ldr     x2, =(SCTLR_RES1 | SCTLR_ON)
    msr     sctlr_el2, x2
    isb
    ret

/*
 * The end: all that was written is erased but for the table, which has no secret, and Cordon begins as a loader starts it. x19:
 * the device tree; x20: Cordon. No stack from here on.
 */
leave:
    ldr     x0, =_data_begin
    ldr     x1, =table
1:  stp     xzr, xzr, [x0], #16
    cmp     x0, x1
    b.lo    1b
    dsb     sy
    ldr     x0, =_data_begin
1:  dc      civac, x0
    add     x0, x0, #16
    cmp     x0, x1
    b.lo    1b
    dsb     sy
    ldr     x1, =SCTLR_RES1
    msr     sctlr_el2, x1
    isb
    tlbi    alle2
    ic      iallu
    dsb     sy
    isb
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movi    v\n\().2d, #0
    .endr
    .irp    n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    movi    v\n\().2d, #0
    .endr
    mov     x0, x19
    mov     x16, x20
    .irp    n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    mov     x\n, xzr
    .endr
    br      x16

/* Cordon's image, as it is built. */
    .section .cordon, "a"
    .balign 16
    .global cordon_begin, cordon_end
cordon_begin:
    .incbin CORDON_IMAGE
cordon_end:
    .balign 16
