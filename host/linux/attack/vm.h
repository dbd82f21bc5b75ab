/* SPDX-License-Identifier: GPL-2.0 */
/* Virtual machines made by bare hypercalls: what an attack needs, without a driver in the way. */
#ifndef ATTACK_VM_H
#define ATTACK_VM_H

#include <linux/types.h>

#include "cordon/abi.h"

#define ATTACK_BASE 0x80000000ull	/* guest address of its memory */
#define ATTACK_PAGES 64			/* of memory that a VM has frames for */
#define ATTACK_VCPUS 2

struct attack_run {
	u64 status, exit, detail[4], deadline, timer, interrupt[4];
};

struct attack_vm {
	u64 handle;
	struct page *root;
	unsigned int root_order;
	struct page *tables[16];
	struct page *vcpu[ATTACK_VCPUS];
	struct page *memory[ATTACK_PAGES];
};

/* x0 .. x11 of a call go in and come out. */
void attack_call(u64 x[12]);
u64 attack_call5(u32 function, u64 x1, u64 x2, u64 x3, u64 x4);

/* Builds a VM with the agent in its first pages, and starts it; pages from `mapped` on are left out. 0 or -errno. */
int attack_vm_make(struct attack_vm *vm, unsigned int mapped);
/* Destroys it; returns the pages that did not come back zeroed. */
unsigned int attack_vm_end(struct attack_vm *vm);

/* One run; interrupts end it and it goes on, at most `patience` times. */
void attack_run(struct attack_vm *vm, unsigned int vcpu, u64 answer, const u64 value[4], const u64 interrupt[4],
		struct attack_run *r);
/* A command for the agent of a vCPU, which waits for one; the result and more in r->detail. 0: it came back with one. */
int attack_do(struct attack_vm *vm, unsigned int vcpu, u64 command, u64 x1, u64 x2, u64 x3, struct attack_run *r);

#endif
