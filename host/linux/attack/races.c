// SPDX-License-Identifier: GPL-2.0
/* Memory that the host changes while Cordon looks at it: what is measured must be what the guest finds. */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "attack.h"

static struct attack_vm raced;

#define IMAGE 6			/* pages that are loaded: the agent, and some that are fought for */
#define ROUNDS 2

/* ---- all CPUs write into a page, and one hands it over ---- */

struct fight {
	struct page *page;
	u64 (*give)(unsigned int number);	/* one step of handing over: AGAIN until it is done */
	unsigned int number;
	u64 status;
	atomic_t roles;
	bool over;
	struct tally late;			/* writes after the first step: refused */
};

static void write_all_over(struct fight *f)
{
	u64 *word = page_address(f->page);
	u64 state = 0xf19e7ull + raw_smp_processor_id();

	while (!READ_ONCE(f->over)) {
		for (unsigned int i = 0; i < 64; i++) {
			u64 at = random64(&state) % 512;

			if (write_fails(&word[at]))
				break;
		}
		cond_resched();
	}
	tally_add(&f->late, write_fails(word));
}

static void hand_over(struct fight *f)
{
	udelay(200);		/* so that the others are at it */
	do {
		f->status = f->give(f->number);
		if (f->status <= CORDON_AGAIN)
			tally_add(&f->late, write_fails((u64 *)page_address(f->page) + 300));
		cond_resched();
	} while (f->status == CORDON_AGAIN);
	WRITE_ONCE(f->over, true);
}

static void fight(void *argument)
{
	struct fight *f = argument;

	if (atomic_inc_return(&f->roles) == 1)
		hand_over(f);
	else
		write_all_over(f);
}

static u64 give_image(unsigned int number)
{
	return vm_call(CORDON_CALL_VM_LOAD, raced.handle, guest_address(number), pfn_of(raced.memory[number]), 1);
}

static u64 give_memory(unsigned int number)
{
	return vm_map_page(&raced, number);
}

static bool fight_for(u64 (*give)(unsigned int), unsigned int number, struct tally *late)
{
	struct fight f = { .page = raced.memory[number], .give = give, .number = number };

	on_every_cpu(fight, &f);
	atomic64_add(atomic64_read(&f.late.tries), &late->tries);
	atomic64_add(atomic64_read(&f.late.refused), &late->refused);
	return f.status == CORDON_OK;
}

/* ---- the measurement ---- */

static void measure_record(compat_sha256 *s, const char *kind, u64 a, u64 b, u64 c)
{
	u64 record[8] = { 0, a, b, c };

	memcpy(record, kind, 8);
	sha256_update(s, (u8 *)record, sizeof(record));
}

/* What the measurement must be, of what the guest finds. */
static bool measure(u8 digest[32])
{
	compat_sha256 s;
	u64 *words = kmalloc(PAGE_SIZE, GFP_KERNEL);
	bool good = words != NULL;

	sha256_init(&s);
	measure_record(&s, "CORDONMM", ATTACK_BASE, ATTACK_PAGES * PAGE_SIZE, 0);
	for (unsigned int i = 0; good && i < IMAGE; i++) {
		good = vm_read_page(&raced, i, words);
		if (!good || memchr_inv(words, 0, PAGE_SIZE) == NULL)
			continue;
		measure_record(&s, "CORDONPG", guest_address(i), 0, 0);
		sha256_update(&s, (u8 *)words, PAGE_SIZE);
	}
	measure_record(&s, "CORDONVM", ATTACK_BASE, ATTACK_X0, ATTACK_VCPUS);
	sha256_final(&s, digest);
	kfree(words);
	return good;
}

static bool measurement_is(const u8 digest[32])
{
	u64 told[4];

	for (unsigned int half = 0; half < 2; half++) {
		struct cordon_regs r = vm_call_regs(CORDON_CALL_VM_MEASUREMENT, raced.handle, half, 0, 0);
		struct attack_run g;

		if (r.x[0] != CORDON_OK || !vm_do(&raced, 0, DO_CALL, CORDON_GUEST_MEASUREMENT, half, 0, &g))
			return false;
		if (g.detail[1] != r.x[1] || g.detail[2] != r.x[2])
			return false;
		told[half * 2] = r.x[1];
		told[half * 2 + 1] = r.x[2];
	}
	return memcmp(told, digest, 32) == 0;
}

/* ---- one round ---- */

static bool load_image(struct tally *late)
{
	bool good = vm_build(&raced) == 0;

	for (unsigned int i = 0; good && i < IMAGE; i++)
		good = i < ATTACK_CODE ? vm_load_page(&raced, i) == CORDON_OK : fight_for(give_image, i, late);
	return good && vm_start(&raced) == CORDON_OK;
}

static bool is_zero_for_guest(unsigned int page)
{
	u64 *words = kmalloc(PAGE_SIZE, GFP_KERNEL);
	bool zero = words && vm_read_page(&raced, page, words) && memchr_inv(words, 0, PAGE_SIZE) == NULL;

	kfree(words);
	return zero;
}

static void race_once(struct tally *image, struct tally *memory, struct tally *late)
{
	struct attack_run r;
	u8 digest[32];
	bool good = load_image(late);

	if (good)
		vm_go_on(&raced, 0, &r);
	tally_add(image, good && measure(digest) && measurement_is(digest));
	for (unsigned int i = 0; good && i < 4; i++)
		tally_add(memory, fight_for(give_memory, IMAGE + i, late) && is_zero_for_guest(IMAGE + i));
	tally_want(late, "pages that do not come back", vm_end(&raced), 0);
}

void attack_races(void)
{
	struct tally image = { 0 }, memory = { 0 }, late = { 0 };

	for (unsigned int i = 0; i < ROUNDS; i++)
		race_once(&image, &memory, &late);
	tally_report(&image, "an image changed while it is loaded", "all CPUs write", "as measured");
	tally_report(&memory, "memory changed while it is mapped", "all CPUs write", "zeros");
	tally_report(&late, "writes to what was handed over", "all CPUs write", "EFAULT");
}
