// SPDX-License-Identifier: GPL-2.0
/* A device that is a guest's alone: calls in the wrong order, and a host that goes on as if it were its own. */
#include <linux/delay.h>
#include <linux/mm.h>

#include "configuration.h"
#include "given.h"

static struct attack_vm vm, other;

/* ---- calls ---- */

#define PATIENCE 400

/* What calls cost, in ticks of the counter: with an emulator that counts instructions as time, that many of them. */
static struct cost {
	const char *name;
	u64 done, calls, ticks, most;
} attaches = { "attach" }, maps = { "map" }, opens = { "open" }, detaches = { "detach" };

static u64 counter(void)
{
	isb();
	return read_sysreg(cntvct_el0);
}

static u64 timed(struct cost *cost, u32 function, u64 handle, struct edu *e, u64 x3, u64 x4)
{
	u64 frame = configuration_frame(e->pci), began, ticks, status;

	preempt_disable();
	began = counter();
	status = vm_call(function, handle, frame, x3, x4);
	ticks = counter() - began;
	preempt_enable();
	if (status != CORDON_OK && status != CORDON_AGAIN)
		return status;
	cost->done += status == CORDON_OK;
	cost->calls++;
	cost->ticks += ticks;
	cost->most = max(cost->most, ticks);
	return status;
}

static void say(const struct cost *cost)
{
	pr_emerg("hostile: cost: %llu times %s: %llu calls, %llu ticks of %u Hz, the longest call %llu\n", cost->done, cost->name, cost->calls,
		 cost->ticks, (u32)read_sysreg(cntfrq_el0), cost->most);
}

static u64 until_reset(struct cost *cost, u32 function, u64 handle, struct edu *e)
{
	u64 status;
	unsigned int turns = 0;

	while ((status = timed(cost, function, handle, e, 0, 0)) == CORDON_AGAIN && turns++ < PATIENCE)
		msleep(10);
	return status;
}

u64 given_attach(u64 handle, struct edu *e)
{
	return until_reset(&attaches, CORDON_CALL_DEVICE_ATTACH, handle, e);
}

u64 given_detach(u64 handle, struct edu *e)
{
	return until_reset(&detaches, CORDON_CALL_DEVICE_DETACH, handle, e);
}

u64 given_open(u64 handle, struct edu *e)
{
	return timed(&opens, CORDON_CALL_DEVICE_OPEN, handle, e, 0, 0);
}

u64 given_map(u64 handle, struct edu *e, unsigned int window, u64 address)
{
	u64 status;

	do {
		status = timed(&maps, CORDON_CALL_DEVICE_MAP, handle, e, window, address);
	} while (status == CORDON_AGAIN);
	return status;
}

/* ---- a device and its guest ---- */

struct edu *given_begin(void)
{
	struct edu *e = edu_put_aside();

	if (!e)
		not_tried("there is no device behind a port of its own");
	else
		pci_save_state(e->pci);
	return e;
}

void given_end(struct edu *e, struct tally *t)
{
	pci_restore_state(e->pci);
	pci_set_master(e->pci);
	edu_put_back(e);
	tally_add(t, edu_fill());
}

static bool good(u64 status, const char *step)
{
	if (status == CORDON_OK)
		return true;
	pr_emerg("hostile: cannot %s a device: status %llu\n", step, status);
	not_tried("a guest has no device");
	return false;
}

static bool map_rest(struct attack_vm *v)
{
	for (unsigned int i = ATTACK_LOADED; i < ATTACK_PAGES; i++) {
		if (vm_map_page(v, i) != CORDON_OK)
			return false;
	}
	return true;
}

bool given_make(struct attack_vm *v, struct edu *e)
{
	struct attack_run r;

	if (vm_load(v) != 0)
		return false;
	if (!good(given_attach(v->handle, e), "attach") || !good(given_map(v->handle, e, 0, GIVEN_WINDOW), "map") ||
	    !good(vm_start(v), "start with") || !good(map_rest(v) ? CORDON_OK : CORDON_EMPTY, "have memory for") ||
	    !good(given_open(v->handle, e), "open"))
		return false;
	vm_go_on(v, 0, &r);
	return good(r.status == CORDON_OK && r.exit == CORDON_EXIT_HOST_CALL ? CORDON_OK : r.status, "run with");
}

void given_destroy(struct attack_vm *v, struct edu *e, struct tally *t)
{
	tally_want(t, "the stop", vm_call(CORDON_CALL_VM_STOP, v->handle, 0, 0, 0), CORDON_OK);
	tally_want(t, "a detach", given_detach(v->handle, e), CORDON_OK);
	tally_want(t, "frames that are lost", vm_end(v), 0);
}

/* ---- calls in the wrong order ---- */

static void refuse(struct tally *t, const char *what, u64 status)
{
	tally_add(t, status != CORDON_OK && status != CORDON_AGAIN);
	if (status == CORDON_OK || status == CORDON_AGAIN)
		pr_emerg("hostile: %s is not refused: %llu\n", what, status);
}

/* Frames that are no function's configuration space, and functions that cannot be given. */
static void attempt_others(struct edu *e)
{
	u64 base = configuration_frame(e->pci) - (e->pci->bus->number << 8 | e->pci->devfn);
	const u64 frame[] = { 0, ~0ull, 1ull << 52, pfn_of(e->own), pfn_of(victim.memory[ATTACK_CODE]), 0x9050, 0x8000, base, base + 1, base - 1,
			      base + 0xffff, base + 0x10000, configuration_frame(e->pci) + 1, configuration_frame(e->pci) + 8, configuration_frame(e->pci) + 256,
			      configuration_frame(e->pci->bus->self), configuration_frame(edu[0].pci), PHYS_PFN(dma_window(e)) };
	struct tally t = { 0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(frame); i++)
		refuse(&t, "what is no device of its own", vm_call(CORDON_CALL_DEVICE_ATTACH, vm.handle, frame[i], 0, 0));
	refuse(&t, "a VM that is none", vm_call(CORDON_CALL_DEVICE_ATTACH, vm.handle + 77, configuration_frame(e->pci), 0, 0));
	tally_report(&t, "a call for a device", "what cannot be given", "refused");
}

static void attempt_before(struct edu *e)
{
	u64 frame = configuration_frame(e->pci);
	struct tally t = { 0 };

	refuse(&t, "a map before the attach", given_map(vm.handle, e, 0, GIVEN_WINDOW));
	refuse(&t, "an open before the attach", given_open(vm.handle, e));
	refuse(&t, "a detach before the attach", vm_call(CORDON_CALL_DEVICE_DETACH, vm.handle, frame, 0, 0));
	refuse(&t, "an attach to one that runs", vm_call(CORDON_CALL_DEVICE_ATTACH, victim.handle, frame, 0, 0));
	tally_report(&t, "calls for a device", "before it is attached", "refused");
}

static void attempt_built(struct edu *e)
{
	u64 frame = configuration_frame(e->pci);
	struct tally t = { 0 };

	refuse(&t, "a second attach", vm_call(CORDON_CALL_DEVICE_ATTACH, vm.handle, frame, 0, 0));
	refuse(&t, "an attach to another", vm_call(CORDON_CALL_DEVICE_ATTACH, other.handle, frame, 0, 0));
	refuse(&t, "another's map", given_map(other.handle, e, 0, GIVEN_WINDOW));
	refuse(&t, "another's detach", vm_call(CORDON_CALL_DEVICE_DETACH, other.handle, frame, 0, 0));
	refuse(&t, "a map over memory", given_map(vm.handle, e, 0, guest_address(0)));
	refuse(&t, "a map into memory", given_map(vm.handle, e, 0, ATTACK_BASE - PAGE_SIZE));
	refuse(&t, "a map that is not aligned", given_map(vm.handle, e, 0, GIVEN_WINDOW + 8));
	refuse(&t, "a map beyond all", given_map(vm.handle, e, 0, 1ull << 51));
	refuse(&t, "a map around the end", given_map(vm.handle, e, 0, ~0xfffull));
	refuse(&t, "a map of a window that is not there", given_map(vm.handle, e, 3, GIVEN_WINDOW));
	refuse(&t, "a map of window 6", given_map(vm.handle, e, 6, GIVEN_WINDOW));
	refuse(&t, "a map of window 2^32 - 1", given_map(vm.handle, e, ~0u, GIVEN_WINDOW));
	refuse(&t, "an open before the start", given_open(vm.handle, e));
	refuse(&t, "a destroy with a device", vm_call(CORDON_CALL_VM_DESTROY, vm.handle, 0, 0, 0) == CORDON_BUSY ? CORDON_BUSY : CORDON_OK);
	tally_report(&t, "calls for a device", "of one that is built", "refused");
}

static void attempt_running(struct edu *e)
{
	u64 frame = configuration_frame(e->pci);
	struct tally t = { 0 };

	refuse(&t, "an open before memory is there", given_open(vm.handle, e));
	for (unsigned int i = ATTACK_LOADED; i < ATTACK_PAGES - 1; i++)
		tally_want(&t, "a page", vm_map_page(&vm, i), CORDON_OK);
	refuse(&t, "an open with a page missing", given_open(vm.handle, e));
	tally_want(&t, "the last page", vm_map_page(&vm, ATTACK_PAGES - 1), CORDON_OK);
	refuse(&t, "another's open", given_open(other.handle, e));
	refuse(&t, "an attach after the start", vm_call(CORDON_CALL_DEVICE_ATTACH, vm.handle, configuration_frame(edu[0].pci), 0, 0));
	refuse(&t, "a map after the start", given_map(vm.handle, e, 0, GIVEN_WINDOW + 0x10000000));
	refuse(&t, "a detach while it runs", vm_call(CORDON_CALL_DEVICE_DETACH, vm.handle, frame, 0, 0));
	refuse(&t, "a block", vm_call(CORDON_CALL_VM_BLOCK, vm.handle, guest_address(0), pfn_of(vm.memory[0]) & ~511ull, 0));
	tally_want(&t, "an open", given_open(vm.handle, e), CORDON_OK);
	tally_want(&t, "an open again", given_open(vm.handle, e), CORDON_OK);
	tally_report(&t, "calls for a device", "of one that runs", "refused");
}

/* ---- the host goes on as before ---- */

static void attempt_config(struct edu *e)
{
	struct tally read = { 0 }, written = { 0 };
	u32 word;
	u16 half;
	u8 byte;

	for (unsigned int at = 0; at < PCI_CFG_SPACE_SIZE; at += 4) {
		pci_read_config_dword(e->pci, at, &word);
		tally_want(&read, "a word of configuration space", word, 0xffffffff);
		pci_read_config_word(e->pci, at + 2, &half);
		tally_want(&read, "half a word", half, 0xffff);
		pci_read_config_byte(e->pci, at + 1, &byte);
		tally_want(&read, "a byte", byte, 0xff);
	}
	tally_report(&read, "the host reads a device's", "configuration space", "all ones");
	pci_write_config_word(e->pci, PCI_COMMAND, 0);
	pci_write_config_dword(e->pci, PCI_BASE_ADDRESS_0, 0);
	pci_write_config_byte(e->pci, PCI_COMMAND, 0);
	tally_add(&written, driven_store(&vm, 0x80, 0x5511));
	tally_want(&written, "what the guest finds", driven_load(&vm, 0x80), 0x5511);
	tally_report(&written, "the host writes a device's", "configuration space", "not changed");
}

static void attempt_window(struct edu *e)
{
	struct tally t = { 0 };
	u8 data[EDU_CELL];

	tally_add(&t, load_fails((void __force *)e->registers));
	tally_add(&t, load_fails((void __force *)(e->registers + 0x80)));
	tally_add(&t, store_fails((void __force *)(e->registers + 0x80)));
	tally_add(&t, store_fails((void __force *)(e->registers + 0xff000)));
	edu_read_by(0, dma_window(e) + 0x80, data);
	tally_add(&t, !edu_came(data));
	edu_write_by(0, dma_window(e) + 0x80, 8);
	tally_want(&t, "what the guest finds", driven_load(&vm, 0x80), 0x5511);
	tally_report(&t, "CPU and devices of the host's", "a given device's registers", "refused");
}

/* A write that must not come through: the value afterwards. */
static void keep_word(struct tally *t, struct pci_dev *pci, unsigned int at, u32 value)
{
	u32 before, after;

	pci_read_config_dword(pci, at, &before);
	pci_write_config_dword(pci, at, value);
	pci_read_config_dword(pci, at, &after);
	tally_want(t, "a word that was written", after, before);
	pci_write_config_dword(pci, at, before);
}

static void attempt_moves(struct edu *e)
{
	struct pci_dev *bridge = e->pci->bus->self;
	struct tally port = { 0 }, over = { 0 };
	u32 window = dma_window(e), word;
	int acs = pci_find_ext_capability(bridge, PCI_EXT_CAP_ID_ACS);

	tally_add(&port, acs != 0);
	keep_word(&port, bridge, acs + PCI_ACS_CAP, 0);
	keep_word(&port, bridge, PCI_PRIMARY_BUS, 0x00404000);
	keep_word(&port, bridge, PCI_PRIMARY_BUS, 0);
	keep_word(&port, bridge, PCI_MEMORY_BASE, 0x0000fff0);
	keep_word(&port, bridge, PCI_MEMORY_BASE, 0x30003000);
	keep_word(&port, bridge, PCI_PREF_MEMORY_BASE, (window >> 16 & 0xfff0) | (window & 0xfff00000));
	pci_read_config_dword(bridge, PCI_COMMAND, &word);
	pci_write_config_word(bridge, PCI_COMMAND, 0);
	pci_write_config_word(bridge, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET);
	pci_write_config_byte(bridge, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET);
	tally_add(&port, driven_store(&vm, 0x80, 0x6622));
	tally_want(&port, "what the guest finds", driven_load(&vm, 0x80), 0x6622);
	tally_report(&port, "the port above a device", "numbers, windows, resets, ACS", "not changed");
	keep_word(&over, edu[1].pci, PCI_BASE_ADDRESS_0, window);
	tally_want(&over, "what the guest finds", driven_load(&vm, 0x80), 0x6622);
	tally_report(&over, "another's window moved over", "a given device's registers", "not changed");
}

/* The host's devices reach no page of a guest that has a device of its own. */
static void attempt_memory(void)
{
	u64 address[ATTACK_LOADED];
	struct tally t = { 0 };

	for (unsigned int i = 0; i < ATTACK_LOADED; i++)
		address[i] = page_to_phys(vm.memory[i]);
	dma_try_read(&t, address, ATTACK_LOADED);
	edu_write(address + 4, ATTACK_LOADED - 4);
	for (unsigned int i = 4; i < ATTACK_LOADED; i++) {
		struct attack_run r;

		tally_add(&t, vm_do(&vm, 0, DO_LOAD, guest_address(i), 0, 0, &r) && r.detail[0] != EDU_HAD);
	}
	tally_report(&t, "devices of the host's", "a guest with a device", "nothing");
}

/* ---- all of it ---- */

static void with_two(struct edu *e, unsigned long rounds)
{
	struct tally t = { 0 };
	struct attack_run r;

	attempt_built(e);
	tally_want(&t, "a map", given_map(vm.handle, e, 0, GIVEN_WINDOW), CORDON_OK);
	tally_want(&t, "the start", vm_start(&vm), CORDON_OK);
	attempt_running(e);
	vm_go_on(&vm, 0, &r);
	attempt_config(e);
	attempt_window(e);
	attempt_moves(e);
	attempt_memory();
	driven_attempts(&vm);
	given_destroy(&vm, e, &t);
	tally_report(&t, "a device given and taken back", "its guest's life", "done");
	driven_ends(e, rounds);
	say(&attaches);
	say(&maps);
	say(&opens);
	say(&detaches);
}

/* Where the host's devices have tables of stage 1, none is given to a guest. */
static void only_refused(u64 status)
{
	struct tally t = { 0 };

	tally_want(&t, "an attach", status, CORDON_DEVICE);
	tally_report(&t, "a call for a device", "SMMU without stage 2", "refused");
	vm_end(&vm);
}

void dma_given(unsigned long rounds)
{
	struct edu *e = given_begin();
	struct tally t = { 0 };
	u64 status;

	if (!e)
		return;
	if (vm_load(&vm) != 0)
		return;
	if (vm_build(&other) != 0) {
		vm_end(&vm);
		return;
	}
	attempt_others(e);
	attempt_before(e);
	status = given_attach(vm.handle, e);
	if (status == CORDON_OK)
		with_two(e, rounds);
	else
		only_refused(status);
	given_end(e, &t);
	vm_end(&other);
	tally_report(&t, "a device of the host's", "after all of it", "works");
}
