/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that does what it is told: it reads an order from a device, does it, and writes to the device what came of it.
 * x0 at its start: the address of the device. Runs with the MMU off, wherever it is put. Registers of the device:
 *   0 the order; 8 .. 40 its arguments, x0 .. x4; 64 .. 88 what is in x0 .. x3 then. The write to 88 ends the order.
 * The same code is what a second vCPU begins with; its context is the address of a device of its own.
 */
#include "agent.h"

#define ICC_PMR_EL1 S3_0_C4_C6_0
#define ICC_IAR1_EL1 S3_0_C12_C12_0
#define ICC_EOIR1_EL1 S3_0_C12_C12_1
#define ICC_SGI1R_EL1 S3_0_C12_C11_5
#define ICC_IGRPEN1_EL1 S3_0_C12_C12_7
#define TIMER_ENABLE 1

    .section .rodata
    .balign 4096
    .global agent, agent_end
agent:
    mov x19, x0
next:
    ldr x9, [x19]
    ldr x0, [x19, #8]
    ldr x1, [x19, #16]
    ldr x2, [x19, #24]
    ldr x3, [x19, #32]
    ldr x4, [x19, #40]
    adr x10, table
    add x10, x10, x9, lsl #3
    br x10
table:                              /* two instructions an order, in the order of agent.h */
    ldrb w0, [x0]
    b done
    ldrh w0, [x0]
    b done
    ldr w0, [x0]
    b done
    ldr x0, [x0]
    b done
    strb w1, [x0]
    b done
    strh w1, [x0]
    b done
    str w1, [x0]
    b done
    str x1, [x0]
    b done
    hvc #0
    b done
    wfi
    b done
    b .
    nop
    b interface
    nop
    mrs x0, ICC_IAR1_EL1
    b done
    msr ICC_EOIR1_EL1, x0
    b done
    msr ICC_SGI1R_EL1, x0
    b done
    b timer
    nop
    ldrsb x0, [x0]
    b done
    .irp identity, midr_el1, mpidr_el1, revidr_el1, clidr_el1, aidr_el1, ctr_el0
    mrs x0, \identity
    b done
    .endr
    .irp crm, 1, 2, 3, 4, 5, 6, 7
    .irp op2, 0, 1, 2, 3, 4, 5, 6, 7
    mrs x0, S3_0_C0_C\crm\()_\op2
    b done
    .endr
    .endr
interface:
    mov x0, #0xff
    msr ICC_PMR_EL1, x0
    mov x0, #1
    msr ICC_IGRPEN1_EL1, x0
    b done
timer:
    msr cntv_tval_el0, x0
    msr cntv_ctl_el0, x1
done:
    isb
    str x0, [x19, #64]
    str x1, [x19, #72]
    str x2, [x19, #80]
    str x3, [x19, #88]
    b next
agent_end:
