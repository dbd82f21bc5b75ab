/* SPDX-License-Identifier: Apache-2.0 */
/* The payload's first instructions, its exception vectors, and what C cannot say. */
#include "layout.h"

    .section .head, "ax"
    .global head
head:                                   /* the header of an arm64 Image: Linux's booting document */
    b       start
    .long   0
    .quad   0                           /* offset from a 2 MiB boundary */
    .quad   image_size
    .quad   0xa                         /* little endian, 4 KiB pages, anywhere in memory */
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .long   0

start:
    msr     daifset, #0xf
    mov     x20, x0                     /* what the loader gave, for main() */
    mov     x21, x1
    mov     x22, x2
    mov     x23, x3
    mrs     x24, sctlr_el1
    mrs     x25, CurrentEL
    ldr     x0, =cpus
    adr     x26, first
    b       enter

    .global secondary_entry
secondary_entry:                        /* x0: its struct cpu, which PSCI has handed on */
    ldr     x26, =secondary_main

/* x0: struct cpu; x26: where to go on, with the MMU on */
enter:
    msr     tpidr_el1, x0
    ldr     x2, =vectors
    msr     vbar_el1, x2
    bl      mmu_on
    ldr     x2, [x0, #CPU_STACK]
    mov     sp, x2
    mov     x29, xzr
    blr     x26
1:  wfi
    b       1b

first:
    ldr     x4, =bss_begin
    ldr     x5, =bss_end
1:  stp     xzr, xzr, [x4], #16
    cmp     x4, x5
    b.lo    1b
    mov     x0, x20
    mov     x1, x21
    mov     x2, x22
    mov     x3, x23
    mov     x4, x24
    mov     x5, x25
    b       main

/* Identity: the first 2 GiB devices, memory above. */
mmu_on:
    ldr     x2, =0xff00                 /* attribute 0 device-nGnRnE, 1 write-back */
    msr     mair_el1, x2
    mrs     x3, id_aa64mmfr0_el1
    and     x3, x3, #0xf
    mov     x4, #5
    cmp     x3, x4
    csel    x3, x3, x4, lo              /* as wide physical addresses as the CPU has, 48 bits at most */
    ldr     x2, =TCR_VALUE
    orr     x2, x2, x3, lsl #32
    msr     tcr_el1, x2
    ldr     x2, =root_table
    msr     ttbr0_el1, x2
    dsb     ish                         /* the table, as it was loaded, before the walker reads it */
    tlbi    vmalle1
    dsb     nsh                         /* the invalidation is complete before translation begins */
    isb
    mrs     x2, sctlr_el1
    ldr     x3, =SCTLR_ON
    orr     x2, x2, x3
    msr     sctlr_el1, x2
    isb                                 /* the next instruction is fetched through the MMU */
    ret

    .data
    .balign 4096
    .global root_table
root_table:                             /* level 1, 512 blocks of 1 GiB */
    .set    at, 0
    .rept   2
    .quad   at | BLOCK_DEVICE
    .set    at, at + (1 << 30)
    .endr
    .rept   509
    .quad   at | BLOCK_MEMORY
    .set    at, at + (1 << 30)
    .endr
    .quad   BLOCK_MEMORY                /* the first GiB once more, to be run: DEVICE_CODE */

    .text
/* ---- exceptions ---- */

    .macro  vector kind
    .balign 128
    sub     sp, sp, #FRAME_SIZE
    stp     x0, x1, [sp]
    mov     x1, #\kind
    b       exception
    .endm

    .balign 2048
    .global vectors
vectors:
    .set    kind, 0
    .rept   16
    vector  kind
    .set    kind, kind + 1
    .endr

exception:
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x30, [sp, #144]
    mrs     x2, elr_el1
    mrs     x3, spsr_el1
    stp     x2, x3, [sp, #160]
    mov     x0, sp
    bl      on_exception
    ldp     x2, x3, [sp, #160]
    msr     elr_el1, x2
    msr     spsr_el1, x3
    ldp     x18, x30, [sp, #144]
    ldp     x16, x17, [sp, #128]
    ldp     x14, x15, [sp, #112]
    ldp     x12, x13, [sp, #96]
    ldp     x10, x11, [sp, #80]
    ldp     x8, x9, [sp, #64]
    ldp     x6, x7, [sp, #48]
    ldp     x4, x5, [sp, #32]
    ldp     x2, x3, [sp, #16]
    ldp     x0, x1, [sp]
    add     sp, sp, #FRAME_SIZE
    eret

/* ---- registers ---- */

/* void fp_fill(const uint64_t value[64]), void fp_store(uint64_t value[64]) */
    .macro  each_fp instruction
    .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    \instruction q\n, [x0, #(\n * 16)]
    .endr
    .endm
    .global fp_fill
fp_fill:
    each_fp ldr
    ret
    .global fp_store
fp_store:
    each_fp str
    ret

/*
 * uint64_t registers_across(int what, uint64_t seed, uint64_t address): x4 .. x29 get values of the seed, something is
 * done that leaves the guest, and they are compared. Returns the exclusive or of all differences.
 */
    .macro  fill_one n
    add     x\n, x1, #(\n * 3)
    .endm
    .macro  compare_one n
    sub     x3, x\n, #(\n * 3)
    eor     x3, x3, x1
    orr     x30, x30, x3
    .endm
    .macro  each_gp operation
    .irp    n, 4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29
    \operation \n
    .endr
    .endm
    .global registers_across
registers_across:
    stp     x29, x30, [sp, #-112]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    stp     x1, x2, [sp, #96]
    each_gp fill_one
    cbz     x0, 1f
    cmp     x0, #1
    b.eq    2f
    cmp     x0, #2
    b.eq    3f
    cmp     x0, #3
    b.eq    4f
    wfe                                 /* 4 and above */
    b       9f
1:  ldrb    w3, [x2]                    /* 0: a byte is read, a device's or not */
    b       9f
2:  strb    wzr, [x2]                   /* 1: written */
    b       9f
3:  ldr     w0, =0xc60000ff             /* 2: a call that does not exist */
    hvc     #0
    b       9f
4:  ldr     x3, [x2]                    /* 3: 64 bits */
9:  ldp     x1, x2, [sp, #96]
    mov     x30, xzr
    each_gp compare_one
    mov     x0, x30
    ldp     x27, x28, [sp, #80]
    ldp     x25, x26, [sp, #64]
    ldp     x23, x24, [sp, #48]
    ldp     x21, x22, [sp, #32]
    ldp     x19, x20, [sp, #16]
    ldp     x29, x30, [sp], #112
    ret
