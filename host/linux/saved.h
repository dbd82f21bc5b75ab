/* SPDX-License-Identifier: GPL-2.0 */
/* For assembler: what a function of the kernel's must give back as it was, in a frame of `size` bytes, 104 and more. */
	.macro	save_kernels size
	stp	x29, x30, [sp, #-\size]!
	stp	x18, x19, [sp, #16]
	stp	x20, x21, [sp, #32]
	stp	x22, x23, [sp, #48]
	stp	x24, x25, [sp, #64]
	stp	x26, x27, [sp, #80]
	str	x28, [sp, #96]
	.endm

	.macro	restore_kernels size
	ldp	x18, x19, [sp, #16]
	ldp	x20, x21, [sp, #32]
	ldp	x22, x23, [sp, #48]
	ldp	x24, x25, [sp, #64]
	ldp	x26, x27, [sp, #80]
	ldr	x28, [sp, #96]
	ldp	x29, x30, [sp], #\size
	.endm
