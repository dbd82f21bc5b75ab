/* SPDX-License-Identifier: Apache-2.0 */
/*
 * General registers, to and from where a struct regs or a struct vcpu has them: x0 first, 8 bytes each. two, one: stp and str, or
 * ldp and ldr; base: the register that points there.
 */
#ifndef CORDON_GENERAL_H
#define CORDON_GENERAL_H

/* x4 .. x17: with x0 .. x3 and x18 what a function in C may change. */
    .macro  x4_to_x17 two, base
    \two    x4, x5, [\base, #0x20]
    \two    x6, x7, [\base, #0x30]
    \two    x8, x9, [\base, #0x40]
    \two    x10, x11, [\base, #0x50]
    \two    x12, x13, [\base, #0x60]
    \two    x14, x15, [\base, #0x70]
    \two    x16, x17, [\base, #0x80]
    .endm

    .macro  x4_to_x30 two, one, base
    x4_to_x17 \two, \base
    \two    x18, x19, [\base, #0x90]
    \two    x20, x21, [\base, #0xa0]
    \two    x22, x23, [\base, #0xb0]
    \two    x24, x25, [\base, #0xc0]
    \two    x26, x27, [\base, #0xd0]
    \two    x28, x29, [\base, #0xe0]
    \one    x30, [\base, #0xf0]
    .endm

#endif
