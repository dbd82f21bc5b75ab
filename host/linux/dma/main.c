// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "dma.h"

static unsigned long rounds = 8;
module_param(rounds, ulong, 0);
MODULE_PARM_DESC(rounds, "of each race");

static char *only = "";
module_param(only, charp, 0);
MODULE_PARM_DESC(only, "the one group of attempts that is made; without it, all");

bool dma_careful;
module_param_named(careful, dma_careful, bool, 0);
MODULE_PARM_DESC(careful, "no writes where one that arrived would be the end of all");

/* ---- attempts ---- */

void dma_try_read(struct tally *t, const u64 *address, unsigned int n)
{
	u8 *data = kvmalloc_array(n, EDU_CELL, GFP_KERNEL);

	if (!data) {
		not_tried("no memory");
		return;
	}
	edu_read(address, n, data);
	for (unsigned int i = 0; i < n; i++)
		tally_add(t, !edu_came(data + (u64)i * EDU_CELL));
	kvfree(data);
}

/* It writes to the page. */
void dma_must_read(struct tally *t, struct page *page)
{
	u64 address = page_to_phys(page);
	u8 data[EDU_CELL];

	memset(page_address(page), 0x69, EDU_CELL);
	edu_read(&address, 1, data);
	tally_add(t, memcmp(data, page_address(page), EDU_CELL) == 0);
}

void dma_must_write(struct tally *t, struct page *page)
{
	u64 address = page_to_phys(page);
	u64 *word = page_address(page);

	memset(word, 0x96, PAGE_SIZE);
	edu_write(&address, 1);
	tally_add(t, READ_ONCE(word[0]) == EDU_HAD && READ_ONCE(word[EDU_CELL / 8 - 1]) == EDU_HAD &&
		  READ_ONCE(word[EDU_CELL / 8]) != EDU_HAD);
}

void dma_control(const char *when)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct tally t = { 0 };

	tally_add(&t, edu_fill());
	if (page) {
		dma_must_read(&t, page);
		dma_must_write(&t, page);
		__free_page(page);
	} else {
		not_tried("no memory");
	}
	tally_report(&t, "pages of the host's own", when, "arrive");
}

u64 dma_window(const struct edu *e)
{
	return pci_resource_start(e->pci, 0);
}

/* ---- all of them ---- */

static void races(void) { dma_races(rounds); }
static void given(void) { dma_given(rounds); }

static const struct {
	const char *name;
	void (*attempt)(void);
} group[] = {
	{ "core", dma_core }, { "places", dma_places }, { "lives", dma_lives }, { "races", races }, { "setup", dma_setup },
	{ "given", given }, { "msis", dma_msis },
};

static void all_groups(void)
{
	dma_control("before all");
	for (unsigned int i = 0; i < ARRAY_SIZE(group); i++) {
		if (*only != 0 && strcmp(only, group[i].name) != 0)
			continue;
		guests_run();
		group[i].attempt();
		guests_check(group[i].name);
		dma_control(group[i].name);
	}
}

static int __init dma_init(void)
{
	struct owners before = count_owners(), now;
	int result = edu_find();

	if (result != 0)
		return result;
	result = guests_make();
	if (result != 0) {
		edu_drop();
		return result;
	}
	pr_emerg("hostile: %u devices\n", edus);
	pr_emerg("hostile: %-34s %-26s %8s %8s  %-14s\n", "attempt", "where", "tries", "refused", "answer");
	all_groups();
	guests_end();
	now = count_owners();
	report("frames that are not the host's", "before and after all", 1, now.core == before.core && now.vm == before.vm, "the same");
	edu_drop();
	report_end();
	return 0;		/* that was all; an error would have some programs load it again */
}

static void __exit dma_exit(void)
{
}

module_init(dma_init);
module_exit(dma_exit);
MODULE_DESCRIPTION("attempts of a hostile host's devices");
MODULE_LICENSE("GPL");
