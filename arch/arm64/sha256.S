/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 with the CPU's own instructions (Arm ARM, FEAT_SHA256): a tenth of the instructions of core/base/sha256.c. The
 * vector registers are those of whoever called: all that are used here are kept.
 */
    .arch_extension fp
    .arch_extension simd
    .arch_extension crypto
    .text

/* Four rounds with the words in \w0; \w1 .. \w3 are the twelve after them. \more: rounds of 16 and on will need \w0 anew. */
    .macro  rounds w0, w1, w2, w3, more
    ld1     {v16.4s}, [x3], #16
    add     v16.4s, v16.4s, \w0\().4s
    mov     v17.16b, v0.16b
    .if     \more
    sha256su0 \w0\().4s, \w1\().4s
    .endif
    sha256h q0, q1, v16.4s
    sha256h2 q1, q17, v16.4s
    .if     \more
    sha256su1 \w0\().4s, \w2\().4s, \w3\().4s
    .endif
    .endm

    .macro  sixteen more
    rounds  v4, v5, v6, v7, \more
    rounds  v5, v6, v7, v4, \more
    rounds  v6, v7, v4, v5, \more
    rounds  v7, v4, v5, v6, \more
    .endm

/* x0: h[8]; x1: blocks of 64 bytes; x2: how many, at least one; x3: the 64 constants */
    .global sha256_instructions
sha256_instructions:
    sub     sp, sp, #160
    stp     q0, q1, [sp]
    stp     q2, q3, [sp, #32]
    stp     q4, q5, [sp, #64]
    stp     q6, q7, [sp, #96]
    stp     q16, q17, [sp, #128]
    ld1     {v0.4s, v1.4s}, [x0]
    mov     x4, x3
1:  ld1     {v4.16b, v5.16b, v6.16b, v7.16b}, [x1], #64
    rev32   v4.16b, v4.16b
    rev32   v5.16b, v5.16b
    rev32   v6.16b, v6.16b
    rev32   v7.16b, v7.16b
    mov     v2.16b, v0.16b
    mov     v3.16b, v1.16b
    mov     x3, x4
    sixteen 1
    sixteen 1
    sixteen 1
    sixteen 0
    add     v0.4s, v0.4s, v2.4s
    add     v1.4s, v1.4s, v3.4s
    sub     x2, x2, #1
    cbnz    x2, 1b
    st1     {v0.4s, v1.4s}, [x0]
    ldp     q0, q1, [sp]
    ldp     q2, q3, [sp, #32]
    ldp     q4, q5, [sp, #64]
    ldp     q6, q7, [sp, #96]
    ldp     q16, q17, [sp, #128]
    add     sp, sp, #160
    ret
