// SPDX-License-Identifier: GPL-2.0
/* Cordon's own memory: its image, its records and tables, the devices' table among them. */
#include <linux/mm.h>
#include <linux/slab.h>

#include "dma.h"

#define MOST 8			/* runs of memory that are the core's */
#define SAMPLES 240		/* addresses that are tried of one */

struct run {
	u64 first, end;
};

/* Those that the kernel does not know as memory of its own, as long as they are: what it gave away comes in lives.c. */
static unsigned int find_runs(struct run *run)
{
	unsigned int n = 0;
	u64 frame = 0;

	while (frame < 1ull << 36 && n < MOST) {
		struct cordon_regs r = vm_call_regs(CORDON_CALL_MAP, frame, 0, 0, 0);

		if (r.x[0] != 0 || r.x[1] <= frame)
			break;
		if ((r.x[2] & 0xffff) == CORDON_OWNER_CORE && !pfn_is_map_memory(frame)) {
			if (n > 0 && run[n - 1].end == frame)
				run[n - 1].end = r.x[1];
			else
				run[n++] = (struct run){ frame, r.x[1] };
		}
		frame = r.x[1];
	}
	return n;
}

u64 dma_core_address(void)
{
	struct run run[MOST];

	return find_runs(run) > 0 ? PFN_PHYS(run[0].first) + 0x200000 : 0;
}

/* Spread over all of it; not at the same place of each page. */
static unsigned int sample(const struct run *run, u64 *address)
{
	u64 pages = run->end - run->first;
	unsigned int n = min_t(u64, pages, SAMPLES);

	for (unsigned int i = 0; i < n; i++)
		address[i] = PFN_PHYS(run->first + (pages - 1) * i / max(n - 1, 1u)) + i % (PAGE_SIZE / EDU_CELL) * EDU_CELL;
	return n;
}

/* Cordon has to go on: it answers, and its records say what they said. */
static void attempt_write(const struct run *run, const u64 *address, unsigned int n, const char *where)
{
	struct tally t = { 0 };

	if (dma_careful)
		return;
	for (unsigned int i = 0; i < n; i += edus) {
		struct owners before = count_owners(), now;

		edu_write(address + i, min(n - i, edus));
		now = count_owners();
		for (unsigned int k = i; k < n && k < i + edus; k++)
			tally_add(&t, now.core == before.core && now.vm == before.vm && !is_hosts(run->first));
	}
	tally_report(&t, "a device writes", where, "it goes on");
}

static void attempt_run(const struct run *run, u64 *address, const char *where)
{
	struct tally t = { 0 };
	unsigned int n = sample(run, address);

	dma_try_read(&t, address, n);
	tally_report(&t, "a device reads", where, "nothing");
	attempt_write(run, address, n, where);
}

/* The image is in the first of them, in its last 2 MiB: all of its first pages, with the code. */
static void attempt_image(const struct run *run, u64 *address)
{
	struct tally t = { 0 };
	u64 image = PFN_PHYS(run->end) - 0x200000;

	for (unsigned int i = 0; i < 64; i++)
		address[i] = image + i * PAGE_SIZE;
	dma_try_read(&t, address, 64);
	tally_report(&t, "a device reads", "Cordon's code", "nothing");
	attempt_write(run, address, 64, "Cordon's code");
}

void dma_core(void)
{
	u64 *address = kcalloc(SAMPLES, sizeof(*address), GFP_KERNEL);
	struct run run[MOST];
	unsigned int n = find_runs(run);

	if (!address || n == 0) {
		not_tried("Cordon's memory is not found");
		kfree(address);
		return;
	}
	attempt_image(&run[0], address);
	for (unsigned int i = 0; i < n; i++)
		attempt_run(&run[i], address, i == 0 ? "Cordon's image" : "records, tables, stacks");
	kfree(address);
}
