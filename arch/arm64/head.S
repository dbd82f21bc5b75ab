/* SPDX-License-Identifier: Apache-2.0 */
/* Where CPUs begin: the image's first instruction, and that of a CPU which the host starts or wakes. */
#include "layout.h"
#include "sysreg.h"

/* ---- the image: a Linux Image header, so that any loader of arm64 kernels takes it. Documentation/arm64/booting ---- */

    .section .head, "ax"
    .global _start
_start:
    b       start
    .long   0
    .quad   0                   /* text_offset */
    .quad   _image_size
    .quad   0xa                 /* little endian, 4 KiB pages, anywhere in memory */
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .long   0

    .text

/* x0: the device tree's address. MMU and caches are off. */
start:
    msr     daifset, #0xf
    mov     x19, x0
    mrs     x1, CurrentEL
    cmp     x1, #(2 << 2)
    b.ne    wrong_level
    mov     x1, #HCR_RW
    msr     hcr_el2, x1
    ldr     x1, =SCTLR_EL2_RES1
    msr     sctlr_el2, x1
    isb
    adr     x1, _start
    ldr     x2, =_start
    cmp     x1, x2
    b.ne    wrong_place
    bl      clear_bss
    bl      discard_stale_lines
    ldr     x0, =boot_cpu
    msr     tpidr_el2, x0
    ldr     x1, =boot_stack_top
    mov     sp, x1
    ldr     x1, =vectors
    msr     vbar_el2, x1
    isb
    mov     x29, xzr            /* where back traces end */
    mov     x30, xzr
    mov     x0, x19
    bl      mmu_build
    bl      mmu_on
    mov     x0, x19
    ldr     x1, =secondary_entry
    bl      boot
    /* x0: the struct cpu that this CPU has from now on. Nothing on the stack that it leaves is used again. */
    msr     tpidr_el2, x0
    ldr     x1, [x0, #CPU_STACK]
    mov     sp, x1
    mov     x29, xzr
    mov     x30, xzr
    bl      boot_on
    b       .                   /* boot_on() does not return */

clear_bss:
    ldr     x0, =_bss_begin
    ldr     x1, =_bss_end
1:  cmp     x0, x1
    b.hs    2f
    stp     xzr, xzr, [x0], #16
    b       1b
2:  ret

/*
 * Data was written with the caches off. Lines that were fetched before it must not hide it once they are on.
 */
discard_stale_lines:
    mrs     x3, ctr_el0
    ubfx    x3, x3, #16, #4
    mov     x2, #4
    lsl     x2, x2, x3
    ldr     x0, =_data_begin
    ldr     x1, =_image_end
1:  dc      ivac, x0
    add     x0, x0, x2
    cmp     x0, x1
    b.lo    1b
    dsb     sy
    ret

/* Started anywhere but at EL2, or at an address that the image was not linked for: said on the UART, and the end. */
wrong_level:
    adr     x0, wrong_level_text
    mov     x19, x1             /* EL1: the firmware, if any, takes HVC; EL3: there is none */
    b       say_and_stop
wrong_place:
    adr     x0, wrong_place_text
    mov     x19, #(2 << 2)
say_and_stop:
    ldr     x1, =PLAT_UART
1:  ldrb    w2, [x0], #1
    cbz     w2, 2f
    str     w2, [x1]
    b       1b
2:  ldr     x0, =0x84000008     /* PSCI SYSTEM_OFF */
    cmp     x19, #(2 << 2)
    b.eq    3f
    b.hi    4f
    hvc     #0
    b       4f
3:  smc     #0
4:  wfi
    b       4b

wrong_level_text:
    .asciz  "Cordon: this machine did not start me at EL2. It needs EL2 (QEMU: -M virt,virtualization=on).\r\n"
wrong_place_text:
    .asciz  "Cordon: I was not loaded where I was linked to be: at the start of RAM plus 2 MiB.\r\n"
    .balign 4

/* Sets the stage-1 registers of this CPU's EL2, and switches it on. The tables are in memory and seen by walkers. */
mmu_on:
    ldr     x0, =mmu_registers
    ldp     x1, x2, [x0]
    ldp     x3, x4, [x0, #16]
    msr     mair_el2, x1
    msr     tcr_el2, x2
    msr     ttbr0_el2, x3
    isb
    tlbi    alle2
    ic      iallu
    dsb     sy
    isb
    msr     sctlr_el2, x4
    isb
    ret

/* The first instruction of a CPU that the host starts or wakes. x0: its struct cpu. */
secondary_entry:
    msr     daifset, #0xf
    mov     x19, x0
    mov     x1, #HCR_RW
    msr     hcr_el2, x1
    ldr     x1, =SCTLR_EL2_RES1
    msr     sctlr_el2, x1
    isb
    msr     tpidr_el2, x19
    ldr     x1, =vectors
    msr     vbar_el2, x1
    isb
    bl      mmu_on
    ldr     x1, [x19, #CPU_STACK]
    mov     sp, x1
    mov     x29, xzr
    mov     x30, xzr
    bl      secondary_boot
    b       .
