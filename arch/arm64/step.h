/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What vectors begin with once x0 and x1 are on the stack, one macro for each enum entry_step: mitigation.h says which CPU
 * takes which. No branch that is predicted by history or by target comes before it. Only x0, x1 and the flags change.
 */
#ifndef CORDON_STEP_H
#define CORDON_STEP_H

#include "layout.h"

    .macro  step_none
    .endm

/* Each turn is a taken branch to the next instruction and one back; the last goes through. No speculation past the end. */
    .macro  step_loop
    mrs     x0, tpidr_el2
    ldr     x0, [x0, #CPU_STEP_ARGUMENT]
771:b       772f
772:subs    x0, x0, #1
    b.ne    771b
    dsb     nsh
    isb
    .endm

    .macro  step_clear
    hint    #22                 /* CLRBHB, by a name that every assembler knows */
    isb
    .endm

/* The convention lets the firmware change x0 to x3 (Arm DEN 0028, version 1.1 on, which all that has these calls is). */
    .macro  step_firmware
    stp     x2, x3, [sp, #-16]!
    mrs     x0, tpidr_el2
    ldr     x0, [x0, #CPU_STEP_ARGUMENT]
    smc     #0
    ldp     x2, x3, [sp], #16
    .endm

#endif
