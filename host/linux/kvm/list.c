// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/cordon-vms: a line for each VM, with what it has of the host and how often its vCPUs left the guest for what. The
 * last line is of all VMs together, those that are being taken down too.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "cordon/abi.h"
#include "el2.h"
#include "list.h"
#include "machine.h"
#include "vm.h"

#define NAME "cordon-vms"

static const char *const words[] = {
#define WORD(name, number, word, x2, x3, x4, x5, answers) [number] = word,
	CORDON_EXIT_LIST(WORD)
#undef WORD
};

static const char *phase(struct vm *vm)
{
	static const char *const phases[] = { "built", "running", "stopped", "dying", "frozen" };
	u32 n;

	if (vm->handle == 0)
		return "not built";
	n = el2_phase(vm);
	return n < ARRAY_SIZE(phases) ? phases[n] : "?";
}

/* Without the VM's lock, which is held for long at times: numbers may be of different moments. It cannot be destroyed here. */
static void show_vm(struct vm *vm, void *data)
{
	struct seq_file *m = data;

	seq_printf(m, "VM 0x%llx: pid %d, %s, %u vCPUs, %llu pages of memory, %llu blocks, %llu pages for tables, %u devices; exits:",
		   vm->handle, vm->pid, phase(vm), vm->vcpus, vm->pinned, vm->blocks, vm->nframes, vm->devices);
	for (u32 i = 0; i < CORDON_EXITS; i++) {
		u64 n = 0;

		for (u32 k = 0; k < vm->vcpus; k++)
			n += smp_load_acquire(&vm->vcpu[k]) ? READ_ONCE(vm->vcpu[k]->exits[i]) : 0;
		if (n > 0)
			seq_printf(m, " %s %llu,", words[i], n);
	}
	seq_puts(m, "\n");
}

static int show(struct seq_file *m, void *unused)
{
	vm_each(show_vm, m);
	seq_printf(m, "all VMs: %llu pages for tables and registers\n", el2_frames_out());
	return 0;
}

int list_init(void)
{
	return proc_create_single(NAME, 0400, NULL, show) ? 0 : -ENOMEM;
}

void list_exit(void)
{
	remove_proc_entry(NAME, NULL);
}
