// SPDX-License-Identifier: GPL-2.0
/* Uses up everything that there is so many of: table frames, VMs, ranges of memory, vCPUs. Each must end as a refusal. */
#include <linux/mm.h>
#include <linux/slab.h>

#include "attack.h"

static struct attack_vm poor;

/* ---- frames for tables ---- */

static u64 donate(unsigned int i)
{
	return vm_call(CORDON_CALL_VM_DONATE, poor.handle, pfn_of(poor.tables[i]), 1, 0);
}

static u64 free_tables(void)
{
	return vm_call_regs(CORDON_CALL_VM_INFO, poor.handle, 0, 0, 0).x[3];
}

/* Until the pool serves: each refusal has changed nothing. */
static void attempt_tables(void)
{
	struct tally t = { 0 };
	unsigned int given = 0;
	u64 status = CORDON_NO_MEMORY;

	if (vm_frames(&poor) != 0 || vm_create(&poor, 1) != CORDON_OK) {
		not_tried("there is no VM without tables");
		vm_end(&poor);
		return;
	}
	tally_want(&t, "memory", vm_call(CORDON_CALL_VM_MEMORY, poor.handle, ATTACK_BASE, ATTACK_PAGES * PAGE_SIZE, 0), CORDON_OK);
	tally_want(&t, "vCPU", vm_call(CORDON_CALL_VCPU_CREATE, poor.handle, 0, pfn_of(poor.vcpu[0]), 0), CORDON_OK);
	while (given < ATTACK_TABLES) {
		status = vm_load_page(&poor, 0);
		if (status != CORDON_NO_MEMORY)
			break;
		tally_add(&t, is_hosts(pfn_of(poor.memory[0])) && free_tables() == given);
		tally_want(&t, "a donation", donate(given), CORDON_OK);
		given++;
	}
	tally_want(&t, "the load at last", status, CORDON_OK);
	tally_add(&t, given > 0 && free_tables() == 0);
	tally_want(&t, "pages that do not come back", vm_end(&poor), 0);
	tally_report(&t, "no frames for tables, then some", "VM_LOAD, VM_DONATE", "NO_MEMORY");
}

/* ---- VMs ---- */

#define MOST_VMS 400

static void attempt_vms(void)
{
	struct owners before = count_owners();
	u64 *handle = kcalloc(MOST_VMS, sizeof(*handle), GFP_KERNEL);
	struct page **root = kcalloc(MOST_VMS, sizeof(*root), GFP_KERNEL);
	unsigned int roots = vm_call_regs(CORDON_CALL_VM_LIMITS, 0, 0, 0, 0).x[1];
	struct tally t = { 0 };
	unsigned int n = 0;
	u64 status = CORDON_OK;

	while (handle && root && n < MOST_VMS) {
		struct cordon_regs r;

		root[n] = alloc_pages(GFP_KERNEL, get_order(roots * PAGE_SIZE));
		if (!root[n]) {
			not_tried("no memory");
			break;
		}
		r = vm_call_regs(CORDON_CALL_VM_CREATE, pfn_of(root[n]), 1, 0, 0);
		status = r.x[0];
		if (status != CORDON_OK)
			break;
		handle[n++] = r.x[1];
	}
	tally_want(&t, "one too many", status, CORDON_NO_VM);
	tally_want(&t, "how many there were", n + 2, 255);
	tally_add(&t, n < MOST_VMS && root && is_hosts(pfn_of(root[n])));
	for (unsigned int i = 0; root && i <= n && i < MOST_VMS; i++) {
		if (i < n)
			tally_want(&t, "the end of one of many", vm_destroy(handle[i]), CORDON_OK);
		if (root[i] && is_hosts(pfn_of(root[i])))
			__free_pages(root[i], get_order(roots * PAGE_SIZE));
	}
	tally_add(&t, count_owners().core == before.core);
	kfree(handle);
	kfree(root);
	tally_report(&t, "as many VMs as there can be", "VM_CREATE", "NO_VM");
}

/* ---- ranges, vCPUs ---- */

static void attempt_ranges(void)
{
	struct tally t = { 0 };

	if (vm_build(&poor) == 0) {
		u64 h = poor.handle;

		tally_want(&t, "overlap", vm_call(CORDON_CALL_VM_MEMORY, h, ATTACK_BASE, PAGE_SIZE, 0), CORDON_MAPPED);
		tally_want(&t, "overlap", vm_call(CORDON_CALL_VM_MEMORY, h, ATTACK_BASE - PAGE_SIZE, 2 * PAGE_SIZE, 0), CORDON_MAPPED);
		tally_want(&t, "overlap", vm_call(CORDON_CALL_VM_MEMORY, h, 0, 0xc0000000, 0), CORDON_MAPPED);
		tally_want(&t, "empty", vm_call(CORDON_CALL_VM_MEMORY, h, 0x1000, 0, 0), CORDON_EMPTY);
		tally_want(&t, "all of it", vm_call(CORDON_CALL_VM_MEMORY, h, 0x1000, ~0ull << 12, 0), CORDON_RANGE);
		tally_want(&t, "beyond", vm_call(CORDON_CALL_VM_MEMORY, h, 1ull << 52, PAGE_SIZE, 0), CORDON_RANGE);
		for (unsigned int i = 1; i < CORDON_MEMORY_RANGES; i++)
			tally_want(&t, "a range", vm_call(CORDON_CALL_VM_MEMORY, h, i * 0x10000, PAGE_SIZE, 0), CORDON_OK);
		tally_want(&t, "one too many", vm_call(CORDON_CALL_VM_MEMORY, h, 0x1000000, PAGE_SIZE, 0), CORDON_NO_MEMORY);
	}
	tally_want(&t, "pages that do not come back", vm_end(&poor), 0);
	tally_report(&t, "as many ranges as there can be", "VM_MEMORY", "NO_MEMORY");
}

static void attempt_vcpus(void)
{
	static const u64 bad[] = { 0, CORDON_VCPUS_MAX + 1, 256, 1ull << 32, 1ull << 32 | 1, ~0ull };
	struct tally t = { 0 };

	if (vm_frames(&poor) != 0)
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		tally_want(&t, "so many vCPUs", vm_call(CORDON_CALL_VM_CREATE, pfn_of(poor.root), bad[i], 0, 0), CORDON_RANGE);
	tally_want(&t, "as many as can be", vm_create(&poor, CORDON_VCPUS_MAX), CORDON_OK);
	for (unsigned int i = 0; i < CORDON_VCPUS_MAX - 1; i++)
		tally_want(&t, "each", vm_call(CORDON_CALL_VCPU_CREATE, poor.handle, i, pfn_of(poor.memory[i]), 0), CORDON_OK);
	tally_want(&t, "a start that lacks one", vm_start(&poor), CORDON_NO_VCPU);
	tally_want(&t, "the end", vm_destroy(poor.handle), CORDON_OK);
	poor.handle = 0;
	for (unsigned int i = 0; i < CORDON_VCPUS_MAX - 1; i++)
		tally_add(&t, page_is(poor.memory[i], 0));
	tally_want(&t, "pages that do not come back", vm_end(&poor), 0);
	tally_report(&t, "vCPUs: none, too many, one missing", "VM_CREATE, VM_START", "refused");
}

void attack_pools(void)
{
	attempt_tables();
	attempt_vms();
	attempt_ranges();
	attempt_vcpus();
}
