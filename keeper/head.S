/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper's first instructions, and calls with all of their registers. */

#define SCTLR_ON 0x1005         /* MMU, data cache, instruction cache */
#define TCR 0x200803519         /* 39 bits by 4 KiB pages, inner shareable, write-back; 40 bits of physical address */
#define MAIR 0xff00             /* 0: device, 1: write-back */
#define CPACR 0x300000          /* vector registers do not trap: the library uses them */
#define DEVICE 0x0060000000000401       /* a GiB, never executable */
#define MEMORY 0x0040000000000705       /* a GiB, write-back, inner shareable, executable at EL1 */

    .section .head, "ax"
    .global head
head:                           /* the header of an arm64 Image */
    b       start
    .long   0
    .quad   0                   /* offset from a 2 MiB boundary */
    .quad   image_size
    .quad   0xa                 /* little endian, 4 KiB pages, anywhere in memory */
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .long   0

start:
    msr     daifset, #0xf
    ldr     x1, =vectors
    msr     vbar_el1, x1
    ldr     x1, =CPACR
    msr     cpacr_el1, x1
    ldr     x1, =MAIR
    msr     mair_el1, x1
    ldr     x1, =TCR
    msr     tcr_el1, x1
    ldr     x1, =table
    msr     ttbr0_el1, x1
    dsb     ish                 /* the table, as it was loaded, before the walker reads it */
    tlbi    vmalle1
    dsb     nsh
    isb
    mrs     x1, sctlr_el1
    ldr     x2, =SCTLR_ON
    orr     x1, x1, x2
    msr     sctlr_el1, x1
    isb
    ldr     x1, =stack_top
    mov     sp, x1
    mov     x29, xzr
    bl      keeper
fallen:
    bl      leave               /* an exception is an error of its own, and there is nobody to tell */

    .balign 2048
vectors:
    .rept   16
    b       fallen
    .balign 128
    .endr

/* void call(struct call *c): x0 .. x17. */
    .global call
call:
    stp     x29, x30, [sp, #-32]!
    str     x0, [sp, #16]
    mov     x30, x0
    ldp     x16, x17, [x30, #128]
    ldp     x14, x15, [x30, #112]
    ldp     x12, x13, [x30, #96]
    ldp     x10, x11, [x30, #80]
    ldp     x8, x9, [x30, #64]
    ldp     x6, x7, [x30, #48]
    ldp     x4, x5, [x30, #32]
    ldp     x2, x3, [x30, #16]
    ldp     x0, x1, [x30]
    hvc     #0
    ldr     x30, [sp, #16]
    stp     x0, x1, [x30]
    stp     x2, x3, [x30, #16]
    stp     x4, x5, [x30, #32]
    stp     x6, x7, [x30, #48]
    stp     x8, x9, [x30, #64]
    stp     x10, x11, [x30, #80]
    stp     x12, x13, [x30, #96]
    stp     x14, x15, [x30, #112]
    stp     x16, x17, [x30, #128]
    ldp     x29, x30, [sp], #32
    ret

/* Each GiB to itself: two of devices, then memory. */
    .data
    .balign 4096
table:
    .quad   DEVICE
    .quad   DEVICE | 1 << 30
    .quad   MEMORY | 2 << 30
    .balign 4096
