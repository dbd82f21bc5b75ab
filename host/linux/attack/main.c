// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/module.h>
#include "vm.h"

static void show(const char *what, int result, const struct attack_run *r)
{
	pr_emerg("attack: %s: %d status %llu exit %llu detail %llx %llx %llx %llx deadline %llx timer %llx\n", what, result, r->status, r->exit,
		 r->detail[0], r->detail[1], r->detail[2], r->detail[3], r->deadline, r->timer);
}

static int __init attack_init(void)
{
	static struct attack_vm vm;
	struct attack_run r = { 0 };
	int result = attack_vm_make(&vm, 16);

	if (result != 0)
		return result;
	attack_run(&vm, 0, CORDON_ANSWER_NONE, NULL, NULL, &r);
	show("first", 0, &r);
	result = attack_do(&vm, 0, 4, ATTACK_BASE + 0x8000, 512, 0x77, &r);
	show("fill", result, &r);
	result = attack_do(&vm, 0, 5, ATTACK_BASE + 0x8000, 512, 0x77, &r);
	show("check", result, &r);
	result = attack_do(&vm, 0, 1, ATTACK_BASE + 0x8010, 0, 0, &r);
	show("load", result, &r);
	result = attack_do(&vm, 0, 3, CORDON_GUEST_MEASUREMENT, 0, 0, &r);
	show("measurement", result, &r);
	result = attack_do(&vm, 0, 3, 0x84000000, 0, 0, &r);
	show("psci version", result, &r);
	result = attack_do(&vm, 0, 9, 0x123456789abcdef0, 0, 0, &r);
	show("registers", result, &r);
	attack_run(&vm, 0, CORDON_ANSWER_VALUE, NULL, NULL, &r);
	show("registers back", 0, &r);
	result = attack_do(&vm, 0, 1, 0x10, 0, 0, &r);
	show("device", result, &r);
	attack_run(&vm, 0, CORDON_ANSWER_ABORT, NULL, NULL, &r);
	show("abort", 0, &r);
	result = attack_do(&vm, 0, 1, ATTACK_BASE + 0x20000, 0, 0, &r);
	show("memory", result, &r);
	pr_emerg("attack: map %llu\n", attack_call5(CORDON_CALL_VM_MAP, vm.handle, ATTACK_BASE + 0x20000, (u64)page_to_pfn(vm.memory[32]), 1));
	attack_run(&vm, 0, CORDON_ANSWER_NONE, NULL, NULL, &r);
	show("mapped", 0, &r);
	result = attack_do(&vm, 0, 6, 0, 0, 0, &r);
	show("wait", result, &r);
	pr_emerg("attack: end %u\n", attack_vm_end(&vm));
	return -EAGAIN;
}
module_init(attack_init);
MODULE_DESCRIPTION("attempts of a hostile host against virtual machines");
MODULE_LICENSE("GPL");
