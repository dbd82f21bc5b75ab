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
 *   9 registers: all that may be are filled with x1, then the guest comes out in the way x2 (below, with x3), and they
 *     are compared: the number that are different
 *  10 registers of EL1 and EL0 filled with x1
 *  11 the same compared: the number that are different
 *  12 interrupts: x1 what ICC_IGRPEN1 and, above it, ICC_IGRPEN0 are set to; unmasked when it is not 0
 *  13 what there is of them: ISR_EL1, ICC_HPPIR1_EL1, ICC_HPPIR0_EL1; the result: how many were taken, INTID of the last
 *     above 16 bits
 *  14 an SGI: x1 to ICC_SGI1R_EL1
 *  15 the virtual timer: x1 to CNTV_CTL, x2 to CNTV_CVAL
 *  16 the counter; MPIDR_EL1, MDSCR_EL1, and CNTV_CTL
 *  17 debug: what the guest finds of MDSCR_EL1, DBGBVR0_EL1, DBGWCR0_EL1, OSLSR_EL1
 *  18 TPIDR2_EL0: told, and then set to x1
 *  19 DISR_EL1: the same
 *  20 load four words from x1 on; results: the values
 *  21 its own debugging: a breakpoint at x1, a watchpoint at x3, MDSCR_EL1 set to x2
 *  22 what it finds of that: DBGBVR1_EL1, DBGBCR1_EL1, DBGWVR1_EL1, MDSCR_EL1
 *  23 the physical timer: x1 to CNTP_CTL, x2 to CNTP_CVAL
 * An exception ends the command with 0xdead0000 + the exception's class.
 */
	.arch	armv8-a
#define CALL_HOST 0xc6000085		/* CORDON_GUEST_HOST */
#define CALL_RELINQUISH 0xc6000082
#define SGI1R S3_0_C12_C11_5
#define IGRPEN0 S3_0_C12_C12_6
#define IGRPEN1 S3_0_C12_C12_7
#define PMR S3_0_C4_C6_0
#define IAR0 S3_0_C12_C8_0
#define IAR1 S3_0_C12_C12_0
#define EOIR0 S3_0_C12_C8_1
#define EOIR1 S3_0_C12_C12_1
#define HPPIR0 S3_0_C12_C8_2
#define HPPIR1 S3_0_C12_C12_2

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
	mrs	x10, mpidr_el1			/* a stack for each vCPU */
	and	x10, x10, #3
	adr	x9, stacks
	add	x9, x9, x10, lsl #9
	add	sp, x9, #512
next:
	ldr	w0, =CALL_HOST
	mov	x1, x20
	mov	x2, x21
	mov	x3, x22
	mov	x4, x23
	hvc	#0
	mov	x20, #0
	mov	x21, #0
	mov	x22, #0
	mov	x23, #0
	cmp	x0, #23
	b.hi	unknown
	adr	x9, commands
	add	x9, x9, x0, lsl #2
	br	x9
commands:
	b	unknown
	b	load
	b	store
	b	call
	b	fill
	b	check
	b	wait
	b	run
	b	spin
	b	registers
	b	fill_system
	b	check_system
	b	interrupts
	b	pending
	b	sgi
	b	timer
	b	counter
	b	debug
	b	tpidr2
	b	disr
	b	load_four
	b	break
	b	broken
	b	physical
unknown:
	ldr	x20, =0xbad
	b	next
	.global	attack_agent_load
attack_agent_load:
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
sgi:
	msr	SGI1R, x1
	isb
	b	next
timer:
	msr	cntv_ctl_el0, xzr		/* it must not fire in between */
	isb
	msr	cntv_cval_el0, x2
	msr	cntv_ctl_el0, x1
	isb
	b	next
counter:
	isb
	mrs	x20, cntvct_el0
	mrs	x21, mpidr_el1
	mrs	x22, mdscr_el1
	mrs	x23, cntv_ctl_el0
	b	next
debug:
	mrs	x20, mdscr_el1
	mrs	x21, dbgbvr0_el1
	mrs	x22, dbgwcr0_el1
	mrs	x23, oslsr_el1
	b	next
break:
	msr	mdscr_el1, xzr
	mov	x9, #0x1e7			/* at EL1 and EL0 */
	msr	dbgbvr1_el1, x1
	msr	dbgbcr1_el1, x9
	mov	x9, #0x1fff			/* eight bytes, loads and stores */
	msr	dbgwvr1_el1, x3
	msr	dbgwcr1_el1, x9
	msr	mdscr_el1, x2
	isb
	b	next
physical:
	msr	cntp_ctl_el0, xzr
	msr	cntp_cval_el0, x2
	msr	cntp_ctl_el0, x1
	isb
	mrs	x20, cntp_ctl_el0
	b	next
broken:
	mrs	x20, dbgbvr1_el1
	mrs	x21, dbgbcr1_el1
	mrs	x22, dbgwvr1_el1
	mrs	x23, mdscr_el1
	b	next
tpidr2:
	mrs	x9, S3_3_C13_C0_5
	msr	S3_3_C13_C0_5, x1
	mov	x20, x9
	b	next
disr:
	mrs	x9, S3_0_C12_C1_1
	msr	S3_0_C12_C1_1, x1
	mov	x20, x9
	b	next
load_four:
	ldp	x20, x21, [x1]
	ldp	x22, x23, [x1, #16]
	b	next

	/* ---- interrupts ---- */
interrupts:
	mov	x9, #0xff
	msr	PMR, x9
	and	x9, x1, #1
	lsr	x10, x1, #1
	msr	IGRPEN1, x9
	msr	IGRPEN0, x10
	isb
	adr	x9, counts
	stp	xzr, xzr, [x9]
	msr	daifset, #0xb			/* debug exceptions too: they must not come because the host has them on */
	cbz	x1, next
	msr	daifclr, #0xb
	b	next
pending:
	mrs	x21, isr_el1
	mrs	x22, HPPIR1
	mrs	x23, HPPIR0
	adr	x9, counts
	ldp	x20, x10, [x9]
	orr	x20, x20, x10, lsl #16
	b	next

	/* ---- general and vector registers: x5 .. x29 but x19 .. x23, and V0 .. V31 ---- */
registers:
	mov	x19, x1
	.irp n, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 24, 25, 26, 27, 28, 29
	add	x\n, x1, #\n
	.endr
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	dup	v\n\().2d, x1
	.endr
	mov	x4, #0x07c00000			/* rounding and flushing of the guest's own */
	msr	fpcr, x4
	mov	x4, #0x1f
	msr	fpsr, x4
	adr	x4, ways
	add	x4, x4, x2, lsl #3
	mov	x1, #0x99			/* the host sees this, and no more */
	mov	x2, #0
	br	x4
ways:	/* two instructions each */
	b	way_host			/* 0 */
	nop
	ldr	x4, [x3]			/* 1 a read: of a device, or of memory that is missing */
	b	compare
	str	xzr, [x3]			/* 2 a write of the same */
	b	compare
	wfi					/* 3 */
	b	compare
	msr	SGI1R, x3			/* 4 an SGI to x3 */
	b	compare
	b	way_relinquish			/* 5 the page at x3 */
	nop
	b	way_spin			/* 6 x3 turns: interrupted */
	nop
	b	way_cpu_on			/* 7 vCPU 1 */
	nop
	b	way_suspend			/* 8 */
	nop
	b	way_off				/* 9 x3: what is switched off */
	nop
	b	way_fail			/* 10 x3: an address that cannot be run */
	nop
	blr	x3				/* 11 fetched from memory that is missing */
	b	compare
way_relinquish:
	ldr	w0, =CALL_RELINQUISH
	mov	x1, x3
	mov	x2, #4096
	hvc	#0
	b	compare
way_spin:
	subs	x3, x3, #1
	b.ne	way_spin
	b	compare
way_cpu_on:
	ldr	w0, =0xc4000003
	mov	x1, #1
	adr	x2, attack_agent
	hvc	#0
	b	compare
way_suspend:
	ldr	w0, =0xc4000001
	mov	x1, #0
	mov	x3, #0
	hvc	#0
	b	compare
way_off:
	mov	w0, w3
	hvc	#0
	b	compare
way_fail:
	msr	vbar_el1, x3
	isb
	br	x3
way_host:
	ldr	w0, =CALL_HOST
	mov	x3, #0
	mov	x4, #0
	hvc	#0
compare:
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
	mrs	x5, fpcr
	mov	x6, #0x07c00000
	cmp	x5, x6
	cinc	x20, x20, ne
	mrs	x5, fpsr
	cmp	x5, #0x1f
	cinc	x20, x20, ne
	b	next

	/* ---- system registers that hold any value ---- */
	.macro	each_system operation
	\operation tpidr_el1, 1
	\operation tpidr_el0, 2
	\operation tpidrro_el0, 3
	\operation sp_el0, 4
	\operation ttbr0_el1, 5
	\operation ttbr1_el1, 6
	\operation far_el1, 7
	\operation mair_el1, 8
	\operation elr_el1, 9
	\operation cntv_cval_el0, 10
	.endm
	.macro	fill_one name, n
	add	x9, x1, #\n
	and	x9, x9, #0x0000fffffffffffe	/* what each of them can hold */
	msr	\name, x9
	.endm
	.macro	check_one name, n
	add	x9, x1, #\n
	and	x9, x9, #0x0000fffffffffffe
	mrs	x10, \name
	cmp	x9, x10
	cinc	x20, x20, ne
	.endm
	/* CONTEXTIDR_EL1 has 32 bits; SPSR_EL1, ESR_EL1, CSSELR_EL1, CNTKCTL_EL1 have fields. */
	.macro	each_field operation
	\operation contextidr_el1, 0x5ec2e7
	\operation spsr_el1, 0x600003c5
	\operation esr_el1, 0x5a000000
	\operation csselr_el1, 2
	\operation cntkctl_el1, 0x2
	.endm
	.macro	fill_field name, value
	ldr	x9, =\value
	msr	\name, x9
	.endm
	.macro	check_field name, value
	ldr	x9, =\value
	mrs	x10, \name
	cmp	x9, x10
	cinc	x20, x20, ne
	.endm
fill_system:
	each_system fill_one
	each_field fill_field
	isb
	b	next
check_system:
	each_system check_one
	each_field check_field
	b	next
	.ltorg

	/* ---- exceptions ---- */
	.macro	exception
	.balign 128
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
	.endm
	.macro	interrupt iar, eoir
	.balign 128
	stp	x9, x10, [sp, #-32]!
	stp	x11, x12, [sp, #16]
	mrs	x9, \iar
	adr	x10, counts
	ldr	x11, [x10]
	add	x11, x11, #1
	stp	x11, x9, [x10]
	msr	\eoir, x9
	ldp	x11, x12, [sp, #16]
	ldp	x9, x10, [sp], #32
	eret
	.endm

	.balign	2048
vectors:
	.rept	5
	exception
	.endr
	interrupt IAR1, EOIR1
	interrupt IAR0, EOIR0
	.rept	9
	exception
	.endr
	.ltorg
	.balign	4096
counts:					/* interrupts that were taken; INTID of the last */
	.skip	16
	.balign 512
stacks:
	.skip	512 * 4
	.balign	4096
attack_agent_end:
