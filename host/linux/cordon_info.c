// SPDX-License-Identifier: GPL-2.0
/*
 * What Cordon tells its host, as files: /proc/cordon/statistics, /proc/cordon/log, and /proc/cordon/map, which is a
 * trace that `cordon map` draws.
 */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "cordon/abi.h"

struct answer {
	u64 x0, x1, x2, x3;
};

static struct answer call(u32 function, u64 argument)
{
	register u64 x0 asm("x0") = function;
	register u64 x1 asm("x1") = argument;
	register u64 x2 asm("x2") = 0;
	register u64 x3 asm("x3") = 0;

	asm volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
	return (struct answer){ x0, x1, x2, x3 };
}

/* ---- statistics ---- */

static int show_statistics(struct seq_file *m, void *unused)
{
#define SHOW(name, number, word) seq_printf(m, "%12llu %s\n", call(CORDON_CALL_STATISTIC, number).x1, word);
	CORDON_STAT_LIST(SHOW)
#undef SHOW
	return 0;
}

/* ---- log ---- */

static void show_record(struct seq_file *m, u64 number, struct answer a)
{
	u32 event = (u32)a.x1;

	seq_printf(m, "%llu CPU %llu: ", number, a.x1 >> 32);
	switch (event) {
#define SHOW(name, n, text, first, second) case n: seq_printf(m, text ", " first " 0x%llx, " second " 0x%llx\n", a.x2, a.x3); break;
	CORDON_EVENT_LIST(SHOW)
#undef SHOW
	default: seq_printf(m, "event %u, 0x%llx, 0x%llx\n", event, a.x2, a.x3); break;
	}
}

/* Bounded: others may write records as fast as they are read. */
static int show_log(struct seq_file *m, void *unused)
{
	u64 number = 0;

	for (int i = 0; i < 1024; i++) {
		struct answer a = call(CORDON_CALL_LOG, number);

		if (a.x0 == 2)
			break;
		if (a.x0 == 1) {
			seq_printf(m, "(%llu older ones are gone)\n", a.x1 - number);
			number = a.x1;
			continue;
		}
		show_record(m, number++, a);
	}
	return 0;
}

/* ---- map ---- */

struct run {
	u64 first, end, owner, gfn;
};

static bool is_ram(u64 owner)
{
	return (owner & 0xffff) <= CORDON_OWNER_PENDING;
}

static u64 kind_ram(u64 owner) { return is_ram(owner) ? 1 : 0; }
static u64 kind_owner(u64 owner) { return owner & 0xffff; }

/* The next run of like frames, from r->end on, joined over the calls. False: no more. */
static bool next_run(struct run *r, u64 (*kind)(u64 owner))
{
	struct answer a;

	r->first = r->end;
	do {
		a = call(CORDON_CALL_MAP, r->end);
		if (a.x0 != 0 || a.x1 <= r->end)
			return r->first < r->end;
		if (r->end > r->first && kind(a.x2) != kind(r->owner))
			return true;
		if (r->end == r->first) {
			r->owner = a.x2;
			r->gfn = a.x3;
		}
		r->end = a.x1;
	} while (kind != kind_owner || (a.x2 & 0xffff) != CORDON_OWNER_VM);
	return true;
}

static void show_line(struct seq_file *m, const char *word, const struct run *r)
{
	seq_printf(m, "%s 0x%llx 0x%llx\n", word, r->first << 12, (r->end - r->first) << 12);
}

/* Frames of a VM: as the operations that give them to it. */
static void show_vm(struct seq_file *m, const struct run *r)
{
	u64 vm = r->owner >> 16 & 0xffff;

	for (u64 i = 0; i < r->end - r->first; i++) {
		seq_printf(m, "prot_and_map %llu 0x%llx 0x%llx 3\n", vm, (r->gfn + i) << 12, (r->first + i) << 12);
		if (r->owner >> 32 != 0)
			seq_printf(m, "grant %llu 0x%llx 4096\n", vm, (r->gfn + i) << 12);
	}
}

static int show_map(struct seq_file *m, void *unused)
{
	struct run r = { 0 };
	bool seen[256] = { false };

	seq_puts(m, "# the machine's memory as Cordon has it: cordon map FILE\n");
	while (next_run(&r, kind_ram)) {
		if (is_ram(r.owner))
			show_line(m, "ram", &r);
	}
	for (r = (struct run){ 0 }; next_run(&r, kind_owner);) {
		if ((r.owner & 0xffff) == CORDON_OWNER_CORE)
			show_line(m, "core", &r);
	}
	for (r = (struct run){ 0 }; next_run(&r, kind_owner);) {
		u64 vm = r.owner >> 16 & 0xff;

		if ((r.owner & 0xffff) != CORDON_OWNER_VM)
			continue;
		if (!seen[vm])
			seq_printf(m, "vm %llu\n", vm);
		seen[vm] = true;
		show_vm(m, &r);
	}
	return 0;
}

static int __init info_init(void)
{
	struct proc_dir_entry *dir;

	if ((u32)call(CORDON_CALL_UID, 0).x0 != CORDON_UID_0 || call(CORDON_CALL_REVISION, 0).x0 != CORDON_ABI_MAJOR)
		return -ENODEV;
	dir = proc_mkdir("cordon", NULL);
	if (!dir)
		return -ENOMEM;
	proc_create_single("statistics", 0400, dir, show_statistics);
	proc_create_single("log", 0400, dir, show_log);
	proc_create_single("map", 0400, dir, show_map);
	return 0;
}

static void __exit info_exit(void)
{
	remove_proc_subtree("cordon", NULL);
}

module_init(info_init);
module_exit(info_exit);
MODULE_DESCRIPTION("what Cordon tells its host");
MODULE_LICENSE("GPL");
