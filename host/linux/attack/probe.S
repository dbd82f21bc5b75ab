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
	ldp	x2, x3, [x0, #16]
	ldp	x4, x5, [x0, #32]
	ldp	x6, x7, [x0, #48]
	ldp	x8, x9, [x0, #64]
	ldp	x10, x11, [x0, #80]
	ldp	x12, x13, [x0, #96]
	ldp	x14, x15, [x0, #112]
	ldp	x16, x17, [x0, #128]
	ldp	x18, x19, [x0, #144]
	ldp	x20, x21, [x0, #160]
	ldp	x22, x23, [x0, #176]
	ldp	x24, x25, [x0, #192]
	ldp	x26, x27, [x0, #208]
	ldp	x28, x29, [x0, #224]
	ldr	x30, [x0, #240]
	ldp	x0, x1, [x0]
	hvc	#0
	stp	x0, x1, [sp, #-16]!
	ldr	x0, [sp, #128]
	add	x0, x0, #OUT
	stp	x2, x3, [x0, #16]
	stp	x4, x5, [x0, #32]
	stp	x6, x7, [x0, #48]
	stp	x8, x9, [x0, #64]
	stp	x10, x11, [x0, #80]
	stp	x12, x13, [x0, #96]
	stp	x14, x15, [x0, #112]
	stp	x16, x17, [x0, #128]
	stp	x18, x19, [x0, #144]
	stp	x20, x21, [x0, #160]
	stp	x22, x23, [x0, #176]
	stp	x24, x25, [x0, #192]
	stp	x26, x27, [x0, #208]
	stp	x28, x29, [x0, #224]
	str	x30, [x0, #240]
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
