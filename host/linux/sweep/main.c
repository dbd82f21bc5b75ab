// SPDX-License-Identifier: GPL-2.0
/*
 * All system registers, in three directions: what a guest leaves must not be the host's, nor the next guest's, and what the
 * host leaves no guest's. Prints which encodings each side can read; test/registers/sweep.py holds that against the table.
 */
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "hostile.h"
#include "attack/vm.h"
#include "sweep.h"

#define MOST 1024			/* registers of a list */
#define LIST_PAGE 4			/* of a guest: its list, and what it reads first and then */
#define FIRST_PAGE 8
#define SECOND_PAGE 10
#define HOST_PATTERN 0x4057c0de4057c0e0ull
#define GUEST_PATTERN 0x5ec2e75ec2e750a0ull

enum { DO_LIST = 1, DO_READ, DO_WRITE, DO_LOAD_WORDS };

struct entry {
	u32 number, written;
	u64 value;
};

/* sweep.S */
struct around {
	u64 command;
	struct entry *list;
	u64 count;
	u64 *before, *middle, *after;
	u64 pattern;
	u64 call[12];
};
static_assert(offsetof(struct around, command) == AROUND_COMMAND && offsetof(struct around, list) == AROUND_LIST &&
	      offsetof(struct around, count) == AROUND_COUNT && offsetof(struct around, before) == AROUND_BEFORE &&
	      offsetof(struct around, middle) == AROUND_MIDDLE && offsetof(struct around, after) == AROUND_AFTER &&
	      offsetof(struct around, pattern) == AROUND_PATTERN && offsetof(struct around, call) == AROUND_CALL, "sweep.h");

extern const char attack_agent[], attack_agent_end[], sweep_host[];

static struct around host;
static bool moves[MOST];		/* a register of the host's that changes by itself */
static bool holds[MOST];		/* and one that reads otherwise once it was written */
static struct attack_vm first, second;
static u64 first_count, second_count;
static u64 tries, differences;

/* ---- the host's side ---- */

static void *code;

/* The code is made anew while it runs: a copy of it, which the kernel's own tables have as code and as data. */
static bool copy_code(void)
{
	unsigned int pages = (attack_agent_end - attack_agent) / PAGE_SIZE;
	struct page *page[4];

	if (pages > ARRAY_SIZE(page))
		return false;
	for (unsigned int i = 0; i < pages; i++) {
		page[i] = alloc_page(GFP_KERNEL);
		if (!page[i])
			return false;
	}
	code = vmap(page, pages, VM_MAP, PAGE_KERNEL);
	if (!code)
		return false;
	memcpy(code, attack_agent, attack_agent_end - attack_agent);
	for (char *at = code; at < (char *)code + pages * PAGE_SIZE; at += 16)
		asm volatile("dc cvau, %0" : : "r"(at) : "memory");
	asm volatile("dsb ish\n ic ialluis\n dsb ish\n isb" : : : "memory");
	for (unsigned int i = 0; i < pages; i++) {
		if (!make_executable(code + i * PAGE_SIZE))
			return false;
	}
	return true;
}

static noinline void run_host(u64 command, u64 pattern)
{
	struct vectors vectors;
	unsigned long flags;

	host.command = command;
	host.pattern = pattern;
	vectors_begin(&vectors);
	local_irq_save(flags);
	asm volatile("mov x0, %0\n blr %1" : : "r"(&host), "r"(code + (sweep_host - attack_agent)) : "x0", "x1", "x2", "x3",
		     "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x30", "memory", "cc");
	local_irq_restore(flags);
	vectors_end(&vectors);
}

static void name_of(u32 number, char text[24])
{
	snprintf(text, 24, "%u_%u_%u_%u_%u", (number >> 14) + 2, number >> 11 & 7, number >> 7 & 15, number >> 3 & 15, number & 7);
}

/* What a run may leave as zero, as <cordon/abi.h> says: vector registers, and the virtual timer. */
static bool may_be_cleared(u32 number)
{
	return number == NUMBER(3, 3, 4, 4, 0) || number == NUMBER(3, 3, 4, 4, 1) || number == NUMBER(3, 3, 14, 3, 2);
}

/* What a run has changed of the host's, but for what changes by itself. */
static void compare_host(const char *what)
{
	char text[24];

	for (u64 i = 0; i < host.count; i++) {
		tries++;
		if (host.middle[i] == host.after[i] || moves[i] || (host.after[i] == 0 && may_be_cleared(host.list[i].number)))
			continue;
		name_of(host.list[i].number, text);
		pr_emerg("sweep: DIFFERS host %s %llx %llx %s\n", text, host.middle[i], host.after[i], what);
		differences++;
	}
}

/* ---- a guest's ---- */

/* One command of a guest's, run to its end, with all of the host's registers written and looked at around each part. */
static bool command(struct attack_vm *vm, u64 what, u64 a, u64 b, u64 c, const char *name, u64 detail[4])
{
	host.call[3] = CORDON_ANSWER_VALUE;
	host.call[4] = what;
	host.call[5] = a;
	host.call[6] = b;
	host.call[7] = c;
	for (unsigned int i = 0; i < 20000; i++) {
		host.call[0] = CORDON_CALL_VCPU_RUN;
		host.call[1] = vm->handle;
		host.call[2] = 0;
		memset(&host.call[8], 0, 32);
		run_host(1, HOST_PATTERN);
		compare_host(name);
		if (host.call[0] != CORDON_OK)
			break;
		if (host.call[1] == CORDON_EXIT_HOST_CALL) {
			memcpy(detail, &host.call[2], 32);
			return true;
		}
		if (host.call[1] != CORDON_EXIT_INTERRUPTED)
			break;
		host.call[3] = CORDON_ANSWER_NONE;
		cond_resched();
	}
	pr_emerg("sweep: FAILED %s: status %llu, exit %llu\n", name, host.call[0], host.call[1]);
	return false;
}

static u64 load(struct attack_vm *vm, u64 address)
{
	struct attack_run r;

	return vm_do(vm, 0, DO_LOAD_WORDS, address, 0, 0, &r) ? r.detail[0] : ~0ull;
}

static struct entry entry_of(struct attack_vm *vm, u64 i)
{
	u64 word = load(vm, guest_address(LIST_PAGE) + i * 16);

	return (struct entry){ .number = (u32)word, .written = (u32)(word >> 32),
			       .value = load(vm, guest_address(LIST_PAGE) + i * 16 + 8) };
}

static bool read_registers(struct attack_vm *vm, u64 count, unsigned int page, const char *name)
{
	u64 detail[4];

	return command(vm, DO_READ, guest_address(LIST_PAGE), count, guest_address(page), name, detail);
}

/* What the guest has read the second time and not the first: told, or taken for what changes by itself. */
static void compare_guest(struct attack_vm *vm, u64 count, bool *own, bool learn, const char *what)
{
	char text[24];

	for (u64 i = 0; i < count; i++) {
		u64 a = load(vm, guest_address(FIRST_PAGE) + i * 8), b = load(vm, guest_address(SECOND_PAGE) + i * 8);

		tries++;
		if (a == b || own[i])
			continue;
		if (learn) {
			own[i] = true;
			continue;
		}
		name_of(entry_of(vm, i).number, text);
		pr_emerg("sweep: DIFFERS guest %s %llx %llx %s\n", text, a, b, what);
		differences++;
	}
}

/* ---- all of it ---- */

static void print_list(const char *side, const struct entry *list, const bool *own, const bool *kept, u64 count)
{
	char text[24];

	for (u64 i = 0; i < count; i++) {
		name_of(list[i].number, text);
		pr_emerg("sweep: %s %s%s%s%s\n", side, text, list[i].written ? " written" : "", kept[i] ? " holds" : "",
			 own[i] ? " moves" : "");
	}
	pr_emerg("sweep: %s has %llu\n", side, count);
}

/* Which of the host's registers change although nobody runs: looked at around a call that does nothing, and some time apart. */
static void learn_host(void)
{
	for (unsigned int round = 0; round < 3; round++) {
		memset(host.call, 0, sizeof(host.call));
		host.call[0] = CORDON_CALL_REVISION;
		run_host(1, round == 2 ? HOST_PATTERN : 0);
		for (u64 i = 0; i < host.count; i++)
			moves[i] |= host.middle[i] != host.after[i];
	}
	for (u64 i = 0; i < host.count; i++)
		holds[i] = host.before[i] != host.middle[i];
}

static bool own_first[MOST], own_second[MOST];

static bool sweep(void)
{
	u64 detail[4];

	if (!command(&first, DO_LIST, guest_address(LIST_PAGE), 0, 0, "the first guest's list", detail))
		return false;
	first_count = detail[0];
	if (!command(&second, DO_LIST, guest_address(LIST_PAGE), 0, 0, "the second guest's list", detail))
		return false;
	second_count = detail[0];
	if (first_count > MOST || second_count != first_count) {
		pr_emerg("sweep: FAILED: one guest can read %llu registers, another %llu\n", first_count, second_count);
		return false;
	}
	/* What moves by itself: twice at rest. */
	if (!read_registers(&second, second_count, FIRST_PAGE, "rest") || !read_registers(&second, second_count, SECOND_PAGE, "rest"))
		return false;
	compare_guest(&second, second_count, own_second, true, "rest");
	memcpy(own_first, own_second, sizeof(own_first));
	/* The first writes all that it can; then neither the host nor the second may find it, and it must find it itself. */
	if (!read_registers(&second, second_count, FIRST_PAGE, "the second reads") ||
	    !command(&first, DO_WRITE, guest_address(LIST_PAGE), first_count, GUEST_PATTERN, "the first writes", detail) ||
	    !read_registers(&first, first_count, FIRST_PAGE, "the first reads") ||
	    !read_registers(&second, second_count, SECOND_PAGE, "the second reads again") ||
	    !read_registers(&first, first_count, SECOND_PAGE, "the first reads again"))
		return false;
	compare_guest(&second, second_count, own_second, false, "what the first guest or the host wrote");
	compare_guest(&first, first_count, own_first, false, "what it wrote itself is gone");
	return true;
}

static bool get_memory(void)
{
	host.list = kcalloc(MOST, sizeof(struct entry), GFP_KERNEL);
	host.before = kcalloc(MOST, 8, GFP_KERNEL);
	host.middle = kcalloc(MOST, 8, GFP_KERNEL);
	host.after = kcalloc(MOST, 8, GFP_KERNEL);
	return host.list && host.before && host.middle && host.after && copy_code();
}

/* As it was at first, and whether what was written since is there. */
static struct entry *list_of_first(bool kept[MOST])
{
	struct entry *list = kcalloc(MOST, sizeof(*list), GFP_KERNEL);

	for (u64 i = 0; list && i < first_count; i++) {
		list[i] = entry_of(&first, i);
		kept[i] = list[i].value != load(&first, guest_address(FIRST_PAGE) + i * 8);
	}
	return list;
}

static int __init sweep_init(void)
{
	struct entry *list;
	bool done = false;

	if (!get_memory()) {
		pr_emerg("sweep: FAILED: no memory\n");
		return -ENOMEM;
	}
	run_host(0, 0);
	learn_host();
	print_list("host", host.list, moves, holds, host.count);
	if (vm_make(&first) == 0 && vm_make(&second) == 0)
		done = sweep();
	if (done) {
		list = list_of_first(holds);
		if (list)
			print_list("guest", list, own_first, holds, first_count);
	}
	pr_emerg("sweep: %s: %llu looks, %llu differences; %u pages do not come back\n", done ? "done" : "FAILED", tries, differences,
		 vm_end(&first) + vm_end(&second));
	return 0;
}

module_init(sweep_init);
MODULE_DESCRIPTION("all system registers of host and guests, in three directions");
MODULE_LICENSE("GPL");
