// SPDX-License-Identifier: GPL-2.0
/* Interrupts that no device, no vCPU and no timer has caused, and list registers that the host has no business with. */
#include <linux/mm.h>

#include "attack.h"

static struct attack_vm rung;

#define PENDING CORDON_INTERRUPT_PENDING
#define ACTIVE CORDON_INTERRUPT_ACTIVE
#define GROUP1 CORDON_INTERRUPT_GROUP1
#define PRIORITY(p) ((u64)(p) << CORDON_INTERRUPT_PRIORITY_SHIFT)
#define GOOD(id) (PENDING | GROUP1 | PRIORITY(0x80) | (id))

/* The guest has interrupts on and comes back for the next question. */
static bool listen(struct attack_run *r)
{
	return vm_do(&rung, 0, DO_INTERRUPTS, 3, 0, 0, r);
}

/* How many interrupts the guest has taken, with what is pending there still. */
static u64 heard(void)
{
	struct attack_run r;

	if (!vm_do(&rung, 0, DO_PENDING, 0, 0, 0, &r))
		return ~0ull;
	return (r.detail[0] & 0xffff) + (r.detail[1] != 0);
}

/* Answers with a command, and lists what the guest has not taken yet again until it has carried it out. */
static void run_listed(const u64 command[4], const u64 word[4], struct attack_run *r)
{
	vm_run(&rung, 0, CORDON_ANSWER_VALUE, command, word, r);
	for (unsigned int i = 0; i < 1000 && r->status == CORDON_OK && r->exit == CORDON_EXIT_INTERRUPTED; i++) {
		u64 left[4];

		memcpy(left, r->interrupt, sizeof(left));
		vm_run(&rung, 0, CORDON_ANSWER_NONE, NULL, left, r);
	}
}

static u64 ring_words(const u64 word[4], struct attack_run *r)
{
	const u64 command[4] = { DO_COUNTER };

	run_listed(command, word, r);
	return r->status;
}

static u64 ring(u64 word, struct attack_run *r)
{
	const u64 words[4] = { word };

	return ring_words(words, r);
}

static void refuse(struct tally *t, const char *what, u64 word)
{
	for (unsigned int place = 0; place < CORDON_INTERRUPTS; place++) {
		u64 words[4] = { 0 };
		struct attack_run r;

		words[place] = word;
		tally_want(t, what, ring_words(words, &r), CORDON_INTERRUPT);
	}
}

static void attempt_reserved(void)
{
	struct tally t = { 0 };

	for (u64 id = 1020; id < 1030; id++)
		refuse(&t, "a reserved INTID", GOOD(id));
	refuse(&t, "an LPI", GOOD(8192));
	refuse(&t, "an LPI", GOOD(0x12345));
	refuse(&t, "an extended SPI", GOOD(4096));
	refuse(&t, "2^31", GOOD(1u << 31));
	refuse(&t, "the last number", GOOD(0xffffffff));
	refuse(&t, "an LPI that is active", ACTIVE | GROUP1 | 8192);
	tally_want(&t, "what the guest heard", heard(), 0);
	tally_report(&t, "INTIDs of no interrupt", "1020 .. 1029, LPIs", "INTERRUPT");
}

static void attempt_fields(void)
{
	struct tally t = { 0 };

	refuse(&t, "a physical interrupt", GOOD(40) | 1ull << 61);
	refuse(&t, "a physical interrupt", GOOD(40) | 1ull << 61 | 30ull << 32);
	for (unsigned int bit = 32; bit < 48; bit++)
		refuse(&t, "pINTID", GOOD(40) | 1ull << bit);
	for (unsigned int bit = 56; bit < 60; bit++)
		refuse(&t, "reserved bits", GOOD(40) | 1ull << bit);
	refuse(&t, "group 0", PENDING | PRIORITY(0x80) | 40);
	refuse(&t, "no state", GROUP1 | PRIORITY(0x80) | 40);
	refuse(&t, "only a number", 40);
	tally_want(&t, "what the guest heard", heard(), 0);
	tally_report(&t, "fields that are not the host's", "HW, pINTID, group, rest", "INTERRUPT");
}

static void attempt_unsent(void)
{
	struct tally t = { 0 };

	for (u64 id = 0; id < 16; id++) {
		refuse(&t, "an SGI that nobody sent", GOOD(id));
		refuse(&t, "the same, active as well", GOOD(id) | ACTIVE);
	}
	refuse(&t, "the timer's", GOOD(CORDON_TIMER_INTID));
	refuse(&t, "the timer's, active as well", GOOD(CORDON_TIMER_INTID) | ACTIVE);
	refuse(&t, "the physical timer's", GOOD(CORDON_PHYSICAL_TIMER_INTID));
	tally_want(&t, "what the guest heard", heard(), 0);
	tally_report(&t, "SGIs and timer that did not happen", "each SGI, INTID 27, 30", "INTERRUPT");
}

static void attempt_duplicates(void)
{
	struct tally t = { 0 };
	struct attack_run r;

	for (unsigned int a = 0; a < 4; a++) {
		for (unsigned int b = a + 1; b < 4; b++) {
			u64 words[4] = { 0 };

			words[a] = GOOD(40);
			words[b] = GOOD(40);
			tally_want(&t, "one interrupt twice", ring_words(words, &r), CORDON_INTERRUPT);
			words[b] = ACTIVE | GROUP1 | PRIORITY(0x20) | 40;
			tally_want(&t, "the same, active", ring_words(words, &r), CORDON_INTERRUPT);
		}
	}
	tally_want(&t, "what the guest heard", heard(), 0);
	tally_report(&t, "one interrupt listed twice", "every two places", "INTERRUPT");
}

/* An interrupt that is only active is one that the guest has taken before: it is no signal, whatever its number. */
static void attempt_active(void)
{
	struct tally t = { 0 };
	struct attack_run r;

	for (u64 id = 0; id < 64; id++)
		tally_want(&t, "active alone", ring(ACTIVE | GROUP1 | PRIORITY(0x80) | id, &r), CORDON_OK);
	ring(0, &r);
	tally_want(&t, "what the guest heard", heard(), 0);
	tally_report(&t, "interrupts that are active alone", "INTIDs 0 .. 63", "no signal");
}

/* ---- what the host may do, once ---- */

static u64 heard_after(u64 word)
{
	struct attack_run r;
	u64 before = heard();

	return ring(word, &r) == CORDON_OK ? heard() - before : ~0ull;
}

static void attempt_once(void)
{
	const u64 sgi3 = 3 << 24 | 1;
	struct tally t = { 0 };
	struct attack_run r;

	for (unsigned int p = 0; p < 0xf0; p += 0x30)
		tally_want(&t, "a device's", heard_after(PENDING | GROUP1 | PRIORITY(p) | (40 + p)), 1);
	/* vCPU 0 sends one to itself: it may be delivered, and then not again. */
	vm_begin(&rung, 0, DO_SGI, sgi3, 0, 0, &r);
	tally_want(&t, "the exit that tells of an SGI", r.exit, CORDON_EXIT_SGI);
	tally_want(&t, "whom it goes to", r.detail[0], 1);
	vm_go_on(&rung, 0, &r);
	tally_want(&t, "an SGI that was sent", heard_after(GOOD(3)), 1);
	refuse(&t, "the same again", GOOD(3));
	refuse(&t, "another one", GOOD(4));
	/* One that the guest has not taken may be listed again. */
	tally_add(&t, vm_do(&rung, 0, DO_INTERRUPTS, 0, 0, 0, &r));
	vm_begin(&rung, 0, DO_SGI, sgi3, 0, 0, &r);
	vm_go_on(&rung, 0, &r);
	for (unsigned int i = 0; i < 3; i++) {
		tally_want(&t, "an SGI that is not taken", ring(GOOD(3), &r), CORDON_OK);
		tally_want(&t, "comes back as it was", r.interrupt[0], GOOD(3));
	}
	tally_add(&t, listen(&r));
	tally_want(&t, "and is taken once", heard_after(GOOD(3)), 1);
	tally_report(&t, "interrupts that the host may list", "priorities, an SGI", "once each");
}

/* A command, with the timer's interrupt listed in every run until it is carried out. */
static bool do_with_timer(u64 command, u64 x1, u64 x2, struct attack_run *r)
{
	const u64 value[4] = { command, x1, x2 };
	const u64 words[4] = { GOOD(CORDON_TIMER_INTID) };

	run_listed(value, words, r);
	return r->status == CORDON_OK && r->exit == CORDON_EXIT_HOST_CALL;
}

/* The guest does not take it, but masks it and switches it off. */
static void attempt_fired(struct tally *t)
{
	const u64 command[4] = { DO_TIMER, 1, 0 };
	struct attack_run r;

	tally_add(t, vm_do(&rung, 0, DO_INTERRUPTS, 0, 0, 0, &r));
	vm_run(&rung, 0, CORDON_ANSWER_VALUE, command, NULL, &r);
	while (r.status == CORDON_OK && r.exit == CORDON_EXIT_INTERRUPTED && r.timer == 0)
		vm_run(&rung, 0, CORDON_ANSWER_NONE, NULL, NULL, &r);
	tally_want(t, "its interrupt ends the run", r.exit, CORDON_EXIT_INTERRUPTED);
	tally_want(t, "its interrupt is asserted", r.timer, 1);
	for (unsigned int i = 0; r.exit == CORDON_EXIT_INTERRUPTED && i < 100; i++) {
		const u64 words[4] = { GOOD(CORDON_TIMER_INTID) };

		vm_run(&rung, 0, CORDON_ANSWER_NONE, NULL, words, &r);
	}
	tally_want(t, "it goes on when the interrupt is listed", r.exit, CORDON_EXIT_HOST_CALL);
	tally_add(t, do_with_timer(DO_TIMER, 0, 0, &r));
	tally_want(t, "no longer asserted", r.timer, 0);
}

static void attempt_timer(void)
{
	struct tally t = { 0 };
	struct attack_run r;

	tally_add(&t, vm_do(&rung, 0, DO_TIMER, 1, ~0ull >> 1, 0, &r));
	refuse(&t, "a timer that has not fired", GOOD(CORDON_TIMER_INTID));
	tally_add(&t, vm_do(&rung, 0, DO_TIMER, 3, 0, 0, &r));
	refuse(&t, "a timer that is masked", GOOD(CORDON_TIMER_INTID));
	tally_want(&t, "what the guest heard", heard(), 1);
	attempt_fired(&t);
	refuse(&t, "a timer that is off", GOOD(CORDON_TIMER_INTID));
	tally_report(&t, "the timer, on, masked, fired, off", "INTID 27", "as asserted");
}

/* The physical timer has nothing of the CPU's behind it: what the host lists is all that there is of it. */
static void attempt_physical(void)
{
	struct tally t = { 0 };
	struct attack_run r;

	tally_add(&t, vm_do(&rung, 0, DO_PHYSICAL, 1, ~0ull >> 1, 0, &r) && r.detail[0] == 1);
	refuse(&t, "one that has not fired", GOOD(CORDON_PHYSICAL_TIMER_INTID));
	tally_add(&t, vm_do(&rung, 0, DO_PHYSICAL, 3, 0, 0, &r) && r.detail[0] == 7);
	refuse(&t, "one that is masked", GOOD(CORDON_PHYSICAL_TIMER_INTID));
	tally_want(&t, "what the guest heard", heard(), 0);
	tally_add(&t, vm_do(&rung, 0, DO_PHYSICAL, 1, 0, 0, &r) && r.detail[0] == 5);
	tally_want(&t, "it has fired", ring(GOOD(CORDON_PHYSICAL_TIMER_INTID), &r), CORDON_OK);
	tally_add(&t, vm_do(&rung, 0, DO_PHYSICAL, 0, 0, 0, &r) && r.detail[0] == 0);
	refuse(&t, "one that is off", GOOD(CORDON_PHYSICAL_TIMER_INTID));
	tally_report(&t, "the physical timer, on, masked, fired, off", "INTID 30", "as asserted");
}

void attack_interrupts(void)
{
	struct tally t = { 0 };
	struct attack_run r;

	if (vm_make(&rung) != 0 || !listen(&r)) {
		not_tried("there is no VM that listens");
		vm_end(&rung);
		return;
	}
	attempt_reserved();
	attempt_fields();
	attempt_unsent();
	attempt_duplicates();
	attempt_active();
	tally_add(&t, listen(&r));
	attempt_once();
	tally_add(&t, listen(&r));
	tally_want(&t, "a guest that listens again", heard_after(GOOD(50)), 1);
	attempt_timer();
	attempt_physical();
	tally_want(&t, "pages that do not come back", vm_end(&rung), 0);
	tally_report(&t, "a guest that lived through them", "interrupts", "goes on");
}
