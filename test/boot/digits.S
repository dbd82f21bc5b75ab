/* SPDX-License-Identifier: Apache-2.0 */
/* The lower 32 bits of \value on the UART at \uart, as eight digits and a blank. \shift and \digit are changed. */
    .macro  print_digits value, uart, shift, digit
    mov     x\shift, #28
881:lsr     x\digit, \value, x\shift
    and     x\digit, x\digit, #0xf
    add     x\digit, x\digit, #'0'
    cmp     x\digit, #'9'
    b.ls    882f
    add     x\digit, x\digit, #('a' - '9' - 1)
882:str     w\digit, [\uart]
    subs    x\shift, x\shift, #4
    b.pl    881b
    mov     w\digit, #' '
    str     w\digit, [\uart]
    .endm
