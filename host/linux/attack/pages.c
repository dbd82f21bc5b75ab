// SPDX-License-Identifier: GPL-2.0
/* Reads, writes and runs what is a guest's or Cordon's, by every way that a kernel has. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "attack.h"

/* ---- what there is to get at ---- */

#define MOST 32

struct target {
	const char *name;
	u64 frame[MOST];
	unsigned int n;
	bool kernels;		/* the kernel knows these frames as memory of its own */
	void *va[MOST];
};

static void target_page(struct target *t, struct page *page, unsigned int n)
{
	for (unsigned int i = 0; i < n && t->n < MOST; i++)
		t->frame[t->n++] = pfn_of(page) + i;
}

static void target_pages(struct target *t, struct page **pages, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		target_page(t, pages[i], 1);
}

/* Cordon's image and tables: of each run of memory that is the core's and that the kernel does not know, some pages. */
static void target_core(struct target *t)
{
	u64 frame = 0;

	while (frame < 1ull << 36 && t->n < MOST) {
		struct cordon_regs r = vm_call_regs(CORDON_CALL_MAP, frame, 0, 0, 0);

		if (r.x[0] != 0 || r.x[1] <= frame)
			return;
		if ((r.x[2] & 0xffff) == CORDON_OWNER_CORE && !pfn_is_map_memory(frame)) {
			for (unsigned int i = 0; i < 8 && t->n < MOST; i++)
				t->frame[t->n++] = frame + (r.x[1] - frame - 1) * i / 7;
		}
		frame = r.x[1];
	}
}

#define TARGETS 5

static void find_targets(struct target t[TARGETS])
{
	t[0] = (struct target){ .name = "guest's pages", .kernels = true };
	target_pages(&t[0], victim.memory, ATTACK_LOADED);
	t[1] = (struct target){ .name = "vCPUs", .kernels = true };
	target_pages(&t[1], victim.vcpu, ATTACK_VCPUS);
	t[2] = (struct target){ .name = "tables", .kernels = true };
	target_pages(&t[2], victim.tables, ATTACK_TABLES);
	t[3] = (struct target){ .name = "root tables", .kernels = true };
	target_page(&t[3], victim.root, victim.roots);
	t[4] = (struct target){ .name = "Cordon's own" };
	target_core(&t[4]);
}

/* Maps each page of a target with attributes of its own. */
static void *map_one(u64 frame, pgprot_t prot)
{
	struct page *page = pfn_to_page(frame);

	if (pfn_is_map_memory(frame))
		return vmap(&page, 1, VM_MAP, prot);
	return compat_map(PFN_PHYS(frame), prot);
}

static void unmap_one(u64 frame, void *va)
{
	if (va && pfn_is_map_memory(frame))
		vunmap(va);
	else if (va)
		iounmap((void __iomem *)va);
}

static void map_target(struct target *t, pgprot_t prot)
{
	for (unsigned int i = 0; i < t->n; i++) {
		t->va[i] = map_one(t->frame[i], prot);
		if (!t->va[i])
			not_tried("the kernel maps no such page");
	}
}

static void unmap_target(struct target *t)
{
	for (unsigned int i = 0; i < t->n; i++)
		unmap_one(t->frame[i], t->va[i]);
}

/* ---- from every CPU ---- */

struct pass {
	struct target *target;
	struct tally load, store, atomic, zero;
	bool all;		/* atomics and DC ZVA too: not where they are no accesses to memory */
};

static void try_target(void *argument)
{
	struct pass *p = argument;

	for (unsigned int i = 0; i < p->target->n; i++) {
		u8 *va = p->target->va[i] ? (u8 *)p->target->va[i] + i * 128 % PAGE_SIZE : NULL;

		cond_resched();
		if (!va)
			continue;
		tally_add(&p->load, load_fails(va));
		tally_add(&p->store, store_fails(va));
		if (p->all) {
			tally_add(&p->atomic, atomic_fails(va));
			tally_add(&p->zero, zero_fails(va));
		}
	}
}

static void attempt_target(struct target *t, const char *how, bool all)
{
	struct pass p = { .target = t, .all = all };
	char where[64];

	on_every_cpu(try_target, &p);
	snprintf(where, sizeof(where), "%s, %s", t->name, how);
	tally_report(&p.load, "load by the kernel", where, "EFAULT");
	tally_report(&p.store, "store by the kernel", where, "EFAULT");
	if (all) {
		tally_report(&p.atomic, "exclusive load by the kernel", where, "EFAULT");
		tally_report(&p.zero, "DC ZVA by the kernel", where, "EFAULT");
	}
}

static void attempt_attributes(struct target *t)
{
	if (t->kernels) {
		for (unsigned int i = 0; i < t->n; i++)
			t->va[i] = page_address(pfn_to_page(t->frame[i]));
		attempt_target(t, "linear map", true);
	}
	map_target(t, PAGE_KERNEL);
	attempt_target(t, "mapped anew", true);
	unmap_target(t);
	map_target(t, __pgprot(PROT_NORMAL_NC));
	attempt_target(t, "uncached", false);
	unmap_target(t);
	map_target(t, __pgprot(PROT_DEVICE_nGnRnE));
	attempt_target(t, "as a device", false);
	unmap_target(t);
}

/* ---- instructions ---- */

static void run_target(void *argument)
{
	struct pass *p = argument;

	for (unsigned int i = 0; i < min(p->target->n, 4u); i++)
		if (p->target->va[i])
			tally_add(&p->load, run_at(p->target->va[i]));
}

static void attempt_run(struct target *t)
{
	struct pass p = { .target = t };

	map_target(t, PAGE_KERNEL);
	for (unsigned int i = 0; i < t->n; i++) {
		if (t->va[i] && !make_executable(t->va[i])) {
			not_tried("a page cannot be made executable");
			unmap_one(t->frame[i], t->va[i]);
			t->va[i] = NULL;
		}
	}
	on_every_cpu(run_target, &p);
	unmap_target(t);
	tally_report(&p.load, "run by the kernel", t->name, "abort");
}

/* ---- cache maintenance: it may do nothing or fault, and the guest must find its words ---- */

static void maintain_target(void *argument)
{
	struct pass *p = argument;

	for (unsigned int i = 0; i < p->target->n; i++) {
		for (u8 *va = p->target->va[i]; va && va < (u8 *)p->target->va[i] + PAGE_SIZE; va += 1024) {
			(void)FAILS("dc ivac, %1", va);
			(void)FAILS("dc civac, %1", va);
			(void)FAILS("dc cvac, %1", va);
			(void)FAILS("dc cvau, %1", va);
			(void)FAILS("ic ivau, %1", va);
			atomic64_inc(&p->load.tries);
		}
	}
	asm volatile("dsb ish\n ic ialluis\n dsb ish\n isb" : : : "memory");
}

static void attempt_maintenance(struct target *t)
{
	struct pass p = { .target = t };
	struct attack_run r;
	u64 tries;
	bool whole;

	guests_check("before cache maintenance");
	map_target(t, PAGE_KERNEL);
	on_every_cpu(maintain_target, &p);
	unmap_target(t);
	whole = vm_do(&victim, 0, DO_CHECK, guest_address(ATTACK_CODE), PATTERN_PAGES * PAGE_SIZE / 8, PATTERN, &r) &&
		r.detail[0] == 0;
	tries = atomic64_read(&p.load.tries);
	report("cache maintenance by address", t->name, tries, whole ? tries : 0, "changes nothing");
	guests_run();
}

/* ---- translations ---- */

/* What AT says is what the host has in its own tables: no more of the machine. */
static void attempt_at(struct target *t)
{
	struct tally y = { 0 };

	for (unsigned int i = 0; i < t->n; i++) {
		u64 par;

		asm volatile("at s1e1r, %1\n isb\n mrs %0, par_el1"
			     : "=r"(par) : "r"(page_address(pfn_to_page(t->frame[i]))));
		tally_add(&y, (par & 1) == 0 && (par & 0xfffffffff000) == PFN_PHYS(t->frame[i]));
	}
	tally_report(&y, "AT S1E1R", t->name, "own address");
	report("AT S12E1R, S12E1W, S12E0R", t->name, 3, REFUSED("sys #4, c7, c8, #4, x0") + REFUSED("sys #4, c7, c8, #5, x0") +
	       REFUSED("sys #4, c7, c8, #6, x0"), "undefined");
}

static void set_entry(u64 *entry, u64 value)
{
	WRITE_ONCE(*entry, value);
	asm volatile("dsb ishst\n tlbi vmalle1is\n dsb ish\n isb" : : : "memory");
}

/* A last-level table of the host's that is a guest's page: the walker would read entries of the host's choice there. */
static void attempt_walks(struct target *t)
{
	struct page **pages = kcalloc(1024, sizeof(*pages), GFP_KERNEL);
	struct page *own = alloc_page(GFP_KERNEL);
	struct tally y = { 0 };
	void *area = NULL;

	for (unsigned int i = 0; pages && own && i < 1024; i++)
		pages[i] = own;
	if (pages && own)
		area = vmap(pages, 1024, VM_MAP, PAGE_KERNEL);
	if (area) {
		u64 va = ALIGN((u64)area, 1 << 21);
		u64 *entry = kernel_entry((void *)va, 2);
		u64 before = entry ? *entry : 0;

		for (unsigned int i = 0; entry && i < min(t->n, 4u); i++) {
			set_entry(entry, PFN_PHYS(t->frame[i]) | 3);
			tally_add(&y, REFUSED_WITH("ldr x0, [x0]", va + i * PAGE_SIZE));
			tally_add(&y, REFUSED_WITH("str xzr, [x0]", va + i * PAGE_SIZE));
			set_entry(entry, before);
		}
		vunmap(area);
	}
	if (own)
		__free_page(own);
	kfree(pages);
	if (atomic64_read(&y.tries) == 0)
		not_tried("the kernel has no table for it");
	tally_report(&y, "walk through a table of the host's", t->name, "abort");
}

void pages_try(const char *name, const u64 *frame, unsigned int n)
{
	struct target *t = kzalloc(sizeof(*t), GFP_KERNEL);

	if (!t) {
		not_tried("no memory");
		return;
	}
	*t = (struct target){ .name = name, .n = min_t(unsigned int, n, MOST), .kernels = true };
	memcpy(t->frame, frame, t->n * sizeof(*frame));
	attempt_attributes(t);
	attempt_run(t);
	attempt_walks(t);
	kfree(t);
}

void attack_pages(void)
{
	struct target *t = kcalloc(TARGETS, sizeof(*t), GFP_KERNEL);

	if (!t) {
		not_tried("no memory");
		return;
	}
	find_targets(t);
	for (unsigned int i = 0; i < TARGETS; i++)
		attempt_attributes(&t[i]);
	for (unsigned int i = 0; i < TARGETS; i++) {
		attempt_run(&t[i]);
		attempt_walks(&t[i]);
	}
	attempt_at(&t[0]);
	attempt_maintenance(&t[0]);
	kfree(t);
}
