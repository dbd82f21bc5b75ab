// SPDX-License-Identifier: GPL-2.0
/*
 * Tries to get at every guest that runs just now: reads and writes each page that Cordon says is a VM's and that the
 * guest has not granted, from every CPU. /proc/cordon-probe does it when it is read, and says what came of it.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "hostile.h"
#include "hypercall.h"

struct found {
	u64 pages, granted;		/* of VMs */
	atomic64_t read, write;		/* tries */
	atomic64_t could;		/* tries that were not refused */
};

static struct cordon_regs call(u32 function, u64 argument)
{
	struct cordon_regs r = { { function, argument } };

	cordon_hvc(&r);
	return r;
}

/* The next run of a VM's frames from *frame on; false: no more. */
static bool next_run(u64 *frame, u64 *end, bool *granted)
{
	while (*frame < 1ull << 36) {
		struct cordon_regs c = call(CORDON_CALL_MAP, *frame);

		if (c.x[0] != 0 || c.x[1] <= *frame)
			return false;
		if ((c.x[2] & 0xffff) == CORDON_OWNER_VM) {
			*end = c.x[1];
			*granted = c.x[2] >> 32 != 0;
			return true;
		}
		*frame = c.x[1];
	}
	return false;
}

static void count(atomic64_t *tries, bool refused, struct found *f)
{
	atomic64_inc(tries);
	if (!refused)
		atomic64_inc(&f->could);
}

/* A page by the kernel's own mapping of it. */
static void try_page(struct found *f, u64 frame)
{
	u8 *va = page_address(pfn_to_page(frame));
	u64 value;

	count(&f->read, copy_from_kernel_nofault(&value, va + frame % 512 * 8, 8) != 0, f);
	count(&f->write, write_fails(va + frame % 512 * 8), f);
}

/* Private pages: a guest that grants one between the look and the try would be counted against Cordon. */
static void try_all(void *argument)
{
	struct found *f = argument;
	u64 frame = 0, end;
	bool granted;

	for (; next_run(&frame, &end, &granted); frame = end) {
		for (u64 i = frame; i < end && !granted; i++)
			try_page(f, i);
	}
}

static void count_pages(struct found *f)
{
	u64 frame = 0, end;
	bool granted;

	for (; next_run(&frame, &end, &granted); frame = end)
		*(granted ? &f->granted : &f->pages) += end - frame;
}

static int show(struct seq_file *m, void *unused)
{
	struct found f = { 0 };

	count_pages(&f);
	on_every_cpu(try_all, &f);
	seq_printf(m, "%llu pages of guests are private, %llu granted\n", f.pages, f.granted);
	seq_printf(m, "%lld reads and %lld writes of private pages from %u CPUs; %lld were not refused\n",
		   atomic64_read(&f.read), atomic64_read(&f.write), num_online_cpus(), atomic64_read(&f.could));
	return 0;
}

static int __init probe_init(void)
{
	if ((u32)call(CORDON_CALL_UID, 0).x[0] != CORDON_UID_0)
		return -ENODEV;
	return proc_create_single("cordon-probe", 0400, NULL, show) ? 0 : -ENOMEM;
}

static void __exit probe_exit(void)
{
	remove_proc_entry("cordon-probe", NULL);
}

module_init(probe_init);
module_exit(probe_exit);
MODULE_DESCRIPTION("tries to get at the guests that run");
MODULE_LICENSE("GPL");
