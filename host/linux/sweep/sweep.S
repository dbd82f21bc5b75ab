/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every system register that an encoding can name: which can be read, what is in it, what can be written. The same code at
 * EL1 of the host and of a guest, so that what differs is what EL2 makes of it. Position independent; three pages, the
 * last of which holds the one instruction that is made anew each time.
 *
 * A list has 16 bytes an entry: the number (op0 - 2, op1, CRn, CRm, op2 as the instruction has them), 1 when it can be written,
 * and the value.
 *
 * Guest: it asks the host for a command, carries it out, and tells the result with the next question. Its list is at x1.
 *   1 make the list; the result: how many
 *   2 read all of the list's x2 registers to x3, 8 bytes each
 *   3 write x3 to those of the list's x2 that may be written; read what they hold to x3 of the next command
 *   4 load four words from x1 on
 */
#include "../saved.h"
#include "sweep.h"

	.arch	armv8-a
#define CALL_HOST 0xc6000085		/* CORDON_GUEST_HOST */

	.section .rodata
	.balign	4096
	.global	attack_agent, attack_agent_end, sweep_host
attack_agent:
	adr	x9, vectors
	msr	vbar_el1, x9
	bl	open_all
	mov	x20, #0
	mov	x21, #0
	mov	x22, #0
	mov	x23, #0
next:
	ldr	w0, =CALL_HOST
	mov	x1, x20
	mov	x2, x21
	mov	x3, x22
	mov	x4, x23
	hvc	#0
	mov	x20, #0
	mov	x14, x1
	mov	x16, x2
	mov	x7, x3
	mov	x8, x3
	cmp	x0, #1
	b.eq	1f
	cmp	x0, #2
	b.eq	2f
	cmp	x0, #3
	b.eq	3f
	ldp	x20, x21, [x1]
	ldp	x22, x23, [x1, #16]
	b	next
1:	bl	make_list
	mov	x20, x16
	b	next
2:	bl	read_list
	b	next
3:	bl	write_list
	b	next

/* FP, SVE and SME do not trap at EL1, as far as that is EL1's to say. */
open_all:
	mrs	x9, cpacr_el1
	orr	x9, x9, #(3 << 20)
	orr	x9, x9, #(3 << 16)
	orr	x9, x9, #(3 << 24)
	msr	cpacr_el1, x9
	isb
	ret

/* x9: an instruction that uses x0. x11: 1 when it met an exception. Uses x10 .. x13. */
execute:
	mov	x13, x30
	adr	x12, slot
	str	w9, [x12]
	dc	cvau, x12
	dsb	ish
	ic	ivau, x12
	dsb	ish
	isb
	mov	x11, #0
	blr	x12
	mov	x30, x13
	ret

/* x15: a number; x2: ranges. x3: 1 when it is in one of them. Uses x4, x5. */
is_in:
	mov	x3, #1
1:	ldrh	w4, [x2], #2
	ldrh	w5, [x2], #2
	cmp	w4, w5
	b.hi	2f				/* the end */
	cmp	w15, w4
	b.lo	1b
	cmp	w15, w5
	b.hi	1b
	ret
2:	mov	x3, #0
	ret

/* x14: the list; x16: its length, afterwards. */
make_list:
	mov	x17, x30
	mov	x15, #0
	mov	x16, #0
1:	adr	x2, not_to_read
	bl	is_in
	cbnz	x3, 2f
	ldr	w9, =0xd5300000
	orr	w9, w9, w15, lsl #5
	mov	x0, #0
	bl	execute
	cbnz	x11, 2f
	str	w15, [x14]
	str	wzr, [x14, #4]
	str	x0, [x14, #8]
	add	x14, x14, #16
	add	x16, x16, #1
2:	add	x15, x15, #1
	tbz	x15, #15, 1b
	mov	x30, x17
	ret

/* x14, x16: the list; x7: where values go. */
read_list:
	mov	x17, x30
	mov	x15, #0
1:	cmp	x15, x16
	b.hs	2f
	ldr	w9, [x14]
	ldr	w10, =0xd5300000
	orr	w9, w10, w9, lsl #5
	mov	x0, #0
	bl	execute
	str	x0, [x7, x15, lsl #3]
	add	x14, x14, #16
	add	x15, x15, #1
	b	1b
2:	mov	x30, x17
	ret

/* x14, x16: the list; x8: the pattern. Twice: the exceptions of the first time write registers themselves. */
write_list:
	mov	x17, x30
	mov	x6, x14
	mov	x1, #0
1:	cmp	x1, x16
	b.hs	3f
	ldr	w15, [x14]
	adr	x2, not_to_write
	bl	is_in
	cbnz	x3, 2f
	ldr	w9, =0xd5100000
	orr	w9, w9, w15, lsl #5
	mov	x0, x8
	bl	execute
	eor	x11, x11, #1
	str	w11, [x14, #4]
2:	add	x14, x14, #16
	add	x1, x1, #1
	b	1b
3:	mov	x14, x6
	mov	x15, #0
4:	cmp	x15, x16
	b.hs	6f
	ldp	w9, w10, [x14]
	cbz	w10, 5f
	ldr	w10, =0xd5100000
	orr	w9, w10, w9, lsl #5
	mov	x0, x8
	bl	execute
5:	add	x14, x14, #16
	add	x15, x15, #1
	b	4b
6:	mov	x30, x17
	ret

/* x14, x16: the list; x7: values that go back to those that were written. */
restore_list:
	mov	x17, x30
	mov	x15, #0
1:	cmp	x15, x16
	b.hs	3f
	ldp	w9, w10, [x14]
	cbz	w10, 2f
	ldr	w10, =0xd5100000
	orr	w9, w10, w9, lsl #5
	ldr	x0, [x7, x15, lsl #3]
	bl	execute
2:	add	x14, x14, #16
	add	x15, x15, #1
	b	1b
3:	mov	x30, x17
	ret

	.ltorg

/* What a read changes: interrupts that it acknowledges, debug data. */
not_to_read:
	.hword	NUMBER(3, 0, 12, 8, 0), NUMBER(3, 0, 12, 8, 0)
	.hword	NUMBER(3, 0, 12, 9, 5), NUMBER(3, 0, 12, 9, 5)
	.hword	NUMBER(3, 0, 12, 12, 0), NUMBER(3, 0, 12, 12, 0)
	.hword	1, 0

/*
 * Without which the code here does not go on, or which do something when they are written; and what others try: debug
 * exceptions. Values of breakpoints and watchpoints may be written, their controls not.
 */
not_to_write:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	.hword	NUMBER(2, 0, 0, \n, 0), NUMBER(2, 0, 0, \n, 3)
	.hword	NUMBER(2, 0, 0, \n, 5), NUMBER(2, 0, 0, \n, 5)
	.hword	NUMBER(2, 0, 0, \n, 7), NUMBER(2, 0, 0, \n, 7)
	.endr
	.hword	NUMBER(2, 0, 1, 0, 0), NUMBER(2, 7, 15, 15, 7)
	.hword	NUMBER(3, 0, 1, 0, 0), NUMBER(3, 0, 1, 0, 0)		/* SCTLR */
	.hword	NUMBER(3, 0, 1, 0, 2), NUMBER(3, 0, 1, 0, 3)		/* CPACR, SCTLR2 */
	.hword	NUMBER(3, 0, 2, 0, 0), NUMBER(3, 0, 2, 0, 7)		/* TTBR0, TTBR1, TCR, TCR2 */
	.hword	NUMBER(3, 0, 2, 5, 0), NUMBER(3, 0, 2, 5, 7)		/* GCS */
	.hword	NUMBER(3, 0, 4, 2, 0), NUMBER(3, 0, 4, 3, 7)		/* PSTATE */
	.hword	NUMBER(3, 0, 9, 14, 0), NUMBER(3, 0, 9, 14, 7)		/* interrupts of counters */
	.hword	NUMBER(3, 0, 10, 2, 0), NUMBER(3, 0, 10, 3, 7)		/* MAIR, PIR, POR */
	.hword	NUMBER(3, 0, 12, 0, 0), NUMBER(3, 0, 12, 0, 7)		/* VBAR */
	.hword	NUMBER(3, 0, 12, 8, 0), NUMBER(3, 0, 12, 8, 2)		/* ICC_IAR0 and the like; ICC_BPR0 may be */
	.hword	NUMBER(3, 0, 12, 8, 4), NUMBER(3, 0, 12, 12, 2)
	.hword	NUMBER(3, 0, 12, 12, 4), NUMBER(3, 0, 12, 12, 7)
	.hword	NUMBER(3, 3, 2, 5, 0), NUMBER(3, 3, 2, 5, 7)
	.hword	NUMBER(3, 3, 4, 2, 0), NUMBER(3, 3, 4, 2, 7)		/* NZCV, DAIF, SVCR, DIT, SSBS, TCO */
	.hword	NUMBER(3, 3, 9, 12, 0), NUMBER(3, 3, 9, 12, 4)		/* PMCR, and registers that set and clear bits */
	.hword	NUMBER(3, 3, 9, 14, 3), NUMBER(3, 3, 9, 14, 3)
	.hword	NUMBER(3, 3, 14, 2, 0), NUMBER(3, 3, 14, 2, 0)		/* the timers' other way to CVAL */
	.hword	NUMBER(3, 3, 14, 3, 0), NUMBER(3, 3, 14, 3, 0)
	.hword	1, 0

/* An exception that is looked for: the next instruction. Nothing else comes: interrupts are masked. */
	.balign	2048
vectors:
	.balign	128
	b	.
	.balign	128
	b	.
	.balign	128
	b	.
	.balign	128
	b	.
	.balign	128
	mrs	x10, elr_el1
	add	x10, x10, #4
	msr	elr_el1, x10
	mov	x11, #1
	eret
	.rept	11
	.balign	128
	b	.
	.endr

/*
 * The host's side. x0: struct around, x1: this function's address. COMMAND 0: makes the list. 1: reads, writes the pattern
 * when it is not 0, reads, makes a call, reads, and puts back what there was. Nothing that could be interrupted lies between.
 */
	.balign	128
sweep_host:
	save_kernels 112
	mov	x19, x0
	mrs	x20, vbar_el1
	mrs	x21, cpacr_el1
	mrs	x22, daif
	msr	daifset, #0xf
	adr	x9, vectors
	msr	vbar_el1, x9
	bl	open_all
	ldr	x9, [x19, #AROUND_COMMAND]
	cbnz	x9, 1f
	ldr	x14, [x19, #AROUND_LIST]
	bl	make_list
	str	x16, [x19, #AROUND_COUNT]
	b	3f
1:	ldr	x7, [x19, #AROUND_BEFORE]
	bl	read_for_host
	ldr	x8, [x19, #AROUND_PATTERN]
	cbz	x8, 2f
	ldr	x14, [x19, #AROUND_LIST]
	ldr	x16, [x19, #AROUND_COUNT]
	bl	write_list
2:	ldr	x7, [x19, #AROUND_MIDDLE]
	bl	read_for_host
	isb
	ldp	x0, x1, [x19, #AROUND_CALL]
	ldp	x2, x3, [x19, #AROUND_CALL + 16]
	ldp	x4, x5, [x19, #AROUND_CALL + 32]
	ldp	x6, x7, [x19, #AROUND_CALL + 48]
	ldp	x8, x9, [x19, #AROUND_CALL + 64]
	ldp	x10, x11, [x19, #AROUND_CALL + 80]
	hvc	#0
	stp	x0, x1, [x19, #AROUND_CALL]
	stp	x2, x3, [x19, #AROUND_CALL + 16]
	stp	x4, x5, [x19, #AROUND_CALL + 32]
	stp	x6, x7, [x19, #AROUND_CALL + 48]
	stp	x8, x9, [x19, #AROUND_CALL + 64]
	stp	x10, x11, [x19, #AROUND_CALL + 80]
	ldr	x7, [x19, #AROUND_AFTER]
	bl	read_for_host
	ldr	x8, [x19, #AROUND_PATTERN]
	cbz	x8, 3f
	ldr	x14, [x19, #AROUND_LIST]
	ldr	x16, [x19, #AROUND_COUNT]
	ldr	x7, [x19, #AROUND_BEFORE]
	bl	restore_list
3:	msr	cpacr_el1, x21
	msr	vbar_el1, x20
	isb
	msr	daif, x22
	restore_kernels 112
	ret

read_for_host:
	mov	x24, x30
	ldr	x14, [x19, #AROUND_LIST]
	ldr	x16, [x19, #AROUND_COUNT]
	bl	read_list
	mov	x30, x24
	ret

	.balign	4096
slot:
	nop
	isb
	ret
	.balign	4096
attack_agent_end:
