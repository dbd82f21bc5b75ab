/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A call with every register of the host's set, and every one of them looked at afterwards.
 *
 * x0: struct probe: x0 .. x30 in, 8 bytes of nothing, V0 .. V31 in, FPCR, FPSR in; and the same out. Exceptions are
 * masked, and the vector registers are the caller's.
 */
#include <linux/linkage.h>

#include "../saved.h"

#define IN_V 256
#define IN_FPCR 768
#define OUT 784

	.arch	armv8-a
/* x2 .. x30. EL2 has such a macro of its own: what a host tries it with is not made of its parts. */
	.macro	each_general two, one
	\two	x2, x3, [x0, #16]
	\two	x4, x5, [x0, #32]
	\two	x6, x7, [x0, #48]
	\two	x8, x9, [x0, #64]
	\two	x10, x11, [x0, #80]
	\two	x12, x13, [x0, #96]
	\two	x14, x15, [x0, #112]
	\two	x16, x17, [x0, #128]
	\two	x18, x19, [x0, #144]
	\two	x20, x21, [x0, #160]
	\two	x22, x23, [x0, #176]
	\two	x24, x25, [x0, #192]
	\two	x26, x27, [x0, #208]
	\two	x28, x29, [x0, #224]
	\one	x30, [x0, #240]
	.endm
	.macro	each_pair operation
	.irp n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
	vector_pair \operation, \n, %(\n + 1)
	.endr
	.endm
	.altmacro
	.macro	vector_pair operation, first, second
	\operation q\first, q\second, [x0, #\first * 16]
	.endm

SYM_FUNC_START(attack_probe)
	save_kernels 128
	str	x0, [sp, #112]
	ldr	x1, [x0, #IN_FPCR]
	ldr	x2, [x0, #IN_FPCR + 8]
	msr	fpcr, x1
	msr	fpsr, x2
	add	x0, x0, #IN_V
	each_pair ldp
	sub	x0, x0, #IN_V
	each_general ldp, ldr
	ldp	x0, x1, [x0]
	hvc	#0
	stp	x0, x1, [sp, #-16]!
	ldr	x0, [sp, #128]
	add	x0, x0, #OUT
	each_general stp, str
	ldp	x2, x3, [sp], #16
	stp	x2, x3, [x0]
	mrs	x2, fpcr
	mrs	x3, fpsr
	str	x2, [x0, #IN_FPCR]
	str	x3, [x0, #IN_FPCR + 8]
	add	x0, x0, #IN_V
	each_pair stp
	msr	fpcr, xzr
	msr	fpsr, xzr
	restore_kernels 128
	ret
SYM_FUNC_END(attack_probe)
