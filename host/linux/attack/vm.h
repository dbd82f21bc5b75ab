/* SPDX-License-Identifier: GPL-2.0 */
/* Virtual machines made by bare hypercalls: what an attack needs, without a driver in the way. */
#ifndef ATTACK_VM_H
#define ATTACK_VM_H

#include <linux/mm_types.h>
#include <linux/types.h>

#include "hypercall.h"
#include "cordon/status.h"

#define ATTACK_BASE 0x80000000ull	/* guest address of its memory */
#define ATTACK_DEVICE 0x10000ull	/* guest address that is no memory */
#define ATTACK_PAGES 80			/* of memory that a VM has frames for; more than one call of a teardown clears */
#define ATTACK_LOADED 16		/* of these: loaded before it starts */
#define ATTACK_CODE 3			/* of these: the agent, with its data */
#define ATTACK_VCPUS 2
#define ATTACK_TABLES 8
#define ATTACK_X0 0x1234		/* what vCPU 0 begins with */

/* Commands of the agent: agent.S says more. */
enum attack_command {
	DO_LOAD = 1, DO_STORE, DO_CALL, DO_FILL, DO_CHECK, DO_WAIT, DO_RUN, DO_SPIN, DO_REGISTERS, DO_FILL_SYSTEM,
	DO_CHECK_SYSTEM, DO_INTERRUPTS, DO_PENDING, DO_SGI, DO_TIMER, DO_COUNTER, DO_DEBUG, DO_TPIDR2, DO_DISR, DO_LOAD_FOUR,
	DO_BREAK, DO_BROKEN, DO_PHYSICAL
};

/* How the guest comes out when it is asked for its registers. */
enum attack_way {
	WAY_HOST, WAY_READ, WAY_WRITE, WAY_WAIT, WAY_SGI, WAY_RELINQUISH, WAY_SPIN, WAY_CPU_ON, WAY_SUSPEND, WAY_OFF,
	WAY_FAIL, WAY_FETCH, WAYS
};

/* x0 .. x11 of a run. */
struct attack_run {
	u64 status, exit, detail[4], deadline, timer, interrupt[4];
};

struct attack_vm {
	u64 handle;		/* 0: there is none */
	struct page *root;
	unsigned int roots;
	struct page *tables[ATTACK_TABLES];
	struct page *vcpu[ATTACK_VCPUS];
	struct page *memory[ATTACK_PAGES];
};

/* A call with up to four arguments; its status. */
u64 vm_call(u32 function, u64 x1, u64 x2, u64 x3, u64 x4);
/* The same with more of the answer. */
struct cordon_regs vm_call_regs(u32 function, u64 x1, u64 x2, u64 x3, u64 x4);

/* ---- who owns what ---- */

/* Owner of a frame as CORDON_CALL_MAP says it: enum cordon_owner + VM * 2^16 + grants * 2^32. */
u64 owner_of(u64 frame);
static inline bool is_hosts(u64 frame)
{
	return owner_of(frame) == CORDON_OWNER_HOST;
}

/* How many frames of all memory are the core's, and how many a VM's. */
struct owners {
	u64 core, vm;
};
struct owners count_owners(void);

/* ---- life ---- */

/* Each does the steps before it as well. 0 or -errno; on an error nothing is left. */
int vm_frames(struct attack_vm *vm);	/* frames, and no VM yet */
int vm_build(struct attack_vm *vm);	/* BUILT: with tables, vCPUs and memory declared, and nothing loaded */
int vm_load(struct attack_vm *vm);	/* with the agent and patterns loaded */
int vm_make(struct attack_vm *vm);	/* RUNNING */

/* The first two steps of a VM whose frames are there: a status. */
u64 vm_create(struct attack_vm *vm, unsigned int vcpus);
u64 vm_furnish(struct attack_vm *vm);
u64 vm_load_page(struct attack_vm *vm, unsigned int page);
u64 vm_start(struct attack_vm *vm);
u64 vm_map_page(struct attack_vm *vm, unsigned int page);
u64 vm_phase(struct attack_vm *vm);

/* Destroys it, until that is done: a status. */
u64 vm_destroy(u64 handle);
/* Destroys it and frees its frames. How many of them did not come back, or not zeroed. */
unsigned int vm_end(struct attack_vm *vm);

/* Whether the host has the page, and each of its words is this. */
bool page_is(struct page *page, u64 word);

static inline u64 guest_address(unsigned int page)
{
	return ATTACK_BASE + (u64)page * PAGE_SIZE;
}

static inline u64 pfn_of(struct page *page)
{
	return page_to_pfn(page);
}

/* ---- running ---- */

/* One run. value and interrupt may be NULL. */
void vm_run(struct attack_vm *vm, unsigned int vcpu, u64 answer, const u64 value[4], const u64 interrupt[4],
	    struct attack_run *r);
/* Answers the agent with a command and runs until something else than an interrupt comes. */
void vm_begin(struct attack_vm *vm, unsigned int vcpu, u64 command, u64 x1, u64 x2, u64 x3, struct attack_run *r);
/* Goes on with no answer until something else than an interrupt comes. */
void vm_go_on(struct attack_vm *vm, unsigned int vcpu, struct attack_run *r);
/* What the guest finds in one of its pages. */
bool vm_read_page(struct attack_vm *vm, unsigned int page, u64 words[512]);
/* A command that the agent carries out without another exit: its result is in r->detail. False: it was not so. */
bool vm_do(struct attack_vm *vm, unsigned int vcpu, u64 command, u64 x1, u64 x2, u64 x3, struct attack_run *r);

#endif
