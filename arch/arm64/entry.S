/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways into EL2: the image's first instruction, the first of every other CPU, and the exception vectors; and the way
 * out, to the host.
 */
#include "layout.h"
#include "step.h"
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
    bl      boot
    b       .                   /* boot() does not return */

/* x0: the struct cpu that the boot CPU has from now on. Nothing on the stack that it leaves is used again. */
    .global become_cpu
become_cpu:
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
    .global mmu_on
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
    .global secondary_entry
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

    .macro  fatal, number
    .balign 0x80
    msr     sp_el0, x0          /* the host's, which will not be needed again */
    mov     x0, #\number
    b       fatal_exception
    .endm

/* The vectors while the host runs, with what they begin with. step.h */
    .macro  host_vectors name, step
    .balign 0x800
    .global \name
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
    stp     x4, x5, [sp, #0x20]
    stp     x6, x7, [sp, #0x30]
    stp     x8, x9, [sp, #0x40]
    stp     x10, x11, [sp, #0x50]
    stp     x12, x13, [sp, #0x60]
    stp     x14, x15, [sp, #0x70]
    stp     x16, x17, [sp, #0x80]
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

    host_vectors vectors, step_none
    host_vectors vectors_loop, step_loop
    host_vectors vectors_clear, step_clear
    host_vectors vectors_firmware, step_firmware

/* Everything of the host's but HVC. All its registers are in the frame, for accesses that are done on its behalf. */
host_trap:
    stp     x4, x5, [sp, #0x20]
    stp     x6, x7, [sp, #0x30]
    stp     x8, x9, [sp, #0x40]
    stp     x10, x11, [sp, #0x50]
    stp     x12, x13, [sp, #0x60]
    stp     x14, x15, [sp, #0x70]
    stp     x16, x17, [sp, #0x80]
    stp     x18, x19, [sp, #0x90]
    stp     x20, x21, [sp, #0xa0]
    stp     x22, x23, [sp, #0xb0]
    stp     x24, x25, [sp, #0xc0]
    stp     x26, x27, [sp, #0xd0]
    stp     x28, x29, [sp, #0xe0]
    str     x30, [sp, #0xf0]
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
    ldp     x4, x5, [sp, #0x20]
    ldp     x6, x7, [sp, #0x30]
    ldp     x8, x9, [sp, #0x40]
    ldp     x10, x11, [sp, #0x50]
    ldp     x12, x13, [sp, #0x60]
    ldp     x14, x15, [sp, #0x70]
    ldp     x16, x17, [sp, #0x80]
    ldr     x18, [sp, #0x90]
    ldp     x29, x30, [sp, #0xe8]
    ldp     x0, x1, [sp], #REGS_SIZE
    eret
    dsb     nsh                 /* no speculation past the end */
    isb

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
