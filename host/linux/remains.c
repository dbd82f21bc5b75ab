// SPDX-License-Identifier: GPL-2.0
/*
 * What is left in memory after a reset. With fill=1 it starts guests that fill their pages with words that tell where
 * they are, and leaves them there; flood=1 fills nearly all free memory of the host with them. After the reset, scan=1
 * looks for such words in all memory that Cordon says is the host's. Writing to the parameter `beside` resets the machine
 * while another CPU runs a guest.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "attack/vm.h"

#define GUESTS 28
#define PAGES (ATTACK_PAGES - ATTACK_CODE)	/* that each of them fills */
#define PSCI_SYSTEM_RESET 0x84000009u
#define KEPT_FREE (96ul << 20 >> PAGE_SHIFT)
#define HELD (256ul << 20 >> PAGE_SHIFT)

static bool fill, flood, scan;
module_param(fill, bool, 0);
module_param(flood, bool, 0);
module_param(scan, bool, 0);

static struct attack_vm guest[GUESTS];
static u64 buffer[PAGE_SIZE / 8];

/* Each word is this plus its address in the guest: no word of the host's code or data looks like it. */
static u64 secret(void)
{
	return 0x5ec2e7ull << 40 | 0x0ddba11ull << 12;
}

static int fill_guest(struct attack_vm *vm)
{
	struct attack_run r;
	int result = vm_make(vm);

	for (unsigned int i = ATTACK_LOADED; i < ATTACK_PAGES && result == 0; i++)
		result = vm_map_page(vm, i) == CORDON_OK ? 0 : -EIO;
	if (result == 0 && !vm_do(vm, 0, DO_FILL, guest_address(ATTACK_CODE), PAGES * PAGE_SIZE / 8, secret(), &r))
		result = -EIO;
	return result;
}

/*
 * The memory that is free first after a boot is what the next boot writes to: the kernel's initial part, its initrd, what was
 * unpacked. Guests that lie there would be overwritten before anybody can look. So it is held while they are made.
 */
static void hold(struct list_head *held)
{
	struct page *page;

	for (unsigned long i = 0; i < HELD && (page = alloc_page(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN)) != NULL; i++)
		list_add(&page->lru, held);
}

static void let_go(struct list_head *held)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, held, lru) {
		list_del(&page->lru);
		__free_page(page);
	}
}

static int make_guests(void)
{
	LIST_HEAD(held);
	int result = 0;

	hold(&held);
	for (unsigned int i = 0; i < GUESTS && result == 0; i++)
		result = fill_guest(&guest[i]);
	let_go(&held);
	return result;
}

static int fill_guests(void)
{
	unsigned int private = 0;

	if (make_guests() != 0)
		return -EIO;
	for (unsigned int i = 0; i < GUESTS; i++) {
		for (unsigned int page = ATTACK_CODE; page < ATTACK_PAGES; page++)
			private += !is_hosts(pfn_of(guest[i].memory[page]));
	}
	pr_emerg("remains: %u pages of guests are filled\n", private);
	return 0;
}

/* The host's own pages, which are never given back. */
static void fill_host(void)
{
	struct page *page;
	u64 pages = 0;

	while (si_mem_available() > KEPT_FREE && (page = alloc_page(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN)) != NULL) {
		u64 *word = page_address(page);

		for (unsigned int i = 0; i < PAGE_SIZE / 8; i++)
			word[i] = secret() + ATTACK_BASE + i * 8;
		pages++;
	}
	pr_emerg("remains: %llu pages of the host are filled\n", pages);
}

/* Two such words in a row. */
static bool holds_secret(const u64 *word)
{
	for (unsigned int i = 0; i + 1 < PAGE_SIZE / 8; i++) {
		if (word[i] - secret() - ATTACK_BASE < ATTACK_PAGES * PAGE_SIZE && word[i + 1] == word[i] + 8)
			return true;
	}
	return false;
}

static void scan_memory(void)
{
	u64 frame = 0, looked = 0, found = 0;

	while (frame < 1ull << 36) {
		struct cordon_regs r = vm_call_regs(CORDON_CALL_MAP, frame, 0, 0, 0);

		if (r.x[0] != 0 || r.x[1] <= frame)
			break;
		for (; frame < r.x[1] && (r.x[2] & 0xffff) == CORDON_OWNER_HOST; frame++) {
			if (!pfn_valid(frame) ||
			    copy_from_kernel_nofault(buffer, page_address(pfn_to_page(frame)), PAGE_SIZE) != 0)
				continue;
			looked++;
			found += holds_secret(buffer);
		}
		frame = r.x[1];
	}
	memset(buffer, 0, sizeof(buffer));
	pr_emerg("remains: %llu MiB looked through, %llu pages hold what was there before\n", looked >> 8, found);
}

/* ---- a reset beside a guest that runs ---- */

static bool running;

static int run_guest(void *unused)
{
	struct attack_run r;

	WRITE_ONCE(running, true);
	vm_begin(&guest[0], 0, DO_SPIN, 0, 0, 0, &r);
	WRITE_ONCE(running, false);
	return 0;
}

/* By the call itself: the kernel's own way stops the other CPUs first. */
static int reset_beside(const char *value, const struct kernel_param *parameter)
{
	struct task_struct *task = kthread_create(run_guest, NULL, "guest");
	struct cordon_regs r = { { PSCI_SYSTEM_RESET } };

	if (IS_ERR(task))
		return PTR_ERR(task);
	kthread_bind(task, raw_smp_processor_id() == 0 ? 1 : 0);
	wake_up_process(task);
	msleep(200);
	pr_emerg("remains: a guest is %s\n", READ_ONCE(running) ? "running" : "not running");
	cordon_smc(&r);
	return -EIO;
}

static const struct kernel_param_ops beside_ops = { .set = reset_beside };
module_param_cb(beside, &beside_ops, NULL, 0200);

static int __init remains_init(void)
{
	if (fill && fill_guests() != 0)
		return -EIO;
	if (flood)
		fill_host();
	if (scan)
		scan_memory();
	return 0;
}

module_init(remains_init);
MODULE_DESCRIPTION("looks for what is left in memory after a reset");
MODULE_LICENSE("GPL");
