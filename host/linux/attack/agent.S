/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest that does what it is told: it asks the host for a command, carries it out, and tells the result with the next
 * question. Position independent, caches and MMU off. x0 of an answer is the command, x1 .. x3 its arguments:
 *   1 load x1          result: the value
 *   2 store x2 at x1
 *   3 call: x0 = x1, x1 = x2, x2 = x3; results: x0, x1, x2, x3 are told as result and more
 *   4 fill from x1 on, x2 words, with x3 + address
 *   5 check the same: the number of words that are different
 *   6 wait for an interrupt
 *   7 run the function at x1
 *   8 spin for ever
 *   9 registers: all that may be are filled with x1, and compared after a call to the host; the number that are different
 * An exception ends the command with 0xdead0000 + the exception's class.
 */
	.section .rodata
	.balign	4096
	.global	attack_agent, attack_agent_end
attack_agent:
	adr	x9, vectors
	msr	vbar_el1, x9
	mov	x9, #(3 << 20)			/* FP and SIMD */
	msr	cpacr_el1, x9
	isb
	mov	x20, x0
	mov	x21, #0
	mov	x22, #0
	mov	x23, #0
	adr	x9, stack_end
	mov	sp, x9
next:
	ldr	w0, =0xc6000085			/* CORDON_GUEST_HOST */
	mov	x1, x20
	mov	x2, x21
	mov	x3, x22
	mov	x4, x23
	hvc	#0
	mov	x20, #0
	mov	x21, #0
	mov	x22, #0
	mov	x23, #0
	cmp	x0, #1
	b.eq	load
	cmp	x0, #2
	b.eq	store
	cmp	x0, #3
	b.eq	call
	cmp	x0, #4
	b.eq	fill
	cmp	x0, #5
	b.eq	check
	cmp	x0, #6
	b.eq	wait
	cmp	x0, #7
	b.eq	run
	cmp	x0, #8
	b.eq	spin
	cmp	x0, #9
	b.eq	registers
	ldr	x20, =0xbad
	b	next
load:
	ldr	x20, [x1]
	b	next
store:
	str	x2, [x1]
	dsb	sy
	b	next
call:
	mov	x0, x1
	mov	x1, x2
	mov	x2, x3
	hvc	#0
	mov	x20, x0
	mov	x21, x1
	mov	x22, x2
	mov	x23, x3
	b	next
fill:
	cbz	x2, next
	add	x9, x3, x1
	str	x9, [x1], #8
	sub	x2, x2, #1
	b	fill
check:
	cbz	x2, next
	add	x9, x3, x1
	ldr	x10, [x1], #8
	sub	x2, x2, #1
	cmp	x9, x10
	b.eq	check
	add	x20, x20, #1
	b	check
wait:
	wfi
	b	next
run:
	blr	x1
	b	next
spin:
	b	spin

	/* x5 .. x29 but x18's neighbours of use, and V0 .. V31 */
registers:
	mov	x19, x1
	.irp n, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 24, 25, 26, 27, 28, 29
	add	x\n, x1, #\n
	.endr
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	dup	v\n\().2d, x1
	.endr
	ldr	w0, =0xc6000085
	mov	x1, #0x99			/* the host sees this, and no more */
	mov	x2, #0
	mov	x3, #0
	mov	x4, #0
	hvc	#0
	.irp n, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 24, 25, 26, 27, 28, 29
	sub	x\n, x\n, x19
	cmp	x\n, #\n
	cinc	x20, x20, ne
	.endr
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	umov	x5, v\n\().d[0]
	umov	x6, v\n\().d[1]
	cmp	x5, x19
	cinc	x20, x20, ne
	cmp	x6, x19
	cinc	x20, x20, ne
	.endr
	b	next
	.ltorg

	.balign	2048
vectors:
	.rept	16
	.balign	128
	mrs	x20, esr_el1
	lsr	x20, x20, #26
	ldr	x21, =0xdead0000
	orr	x20, x20, x21
	mrs	x21, far_el1
	mov	x22, #0
	mov	x23, #0
	adr	x9, next
	msr	elr_el1, x9
	eret
	.endr
	.ltorg
	.balign	4096
	.skip	4096
stack_end:
attack_agent_end:
