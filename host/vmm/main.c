/* SPDX-License-Identifier: Apache-2.0 */
/* cordon-vmm: the steps from the command line to a guest that runs. */
#include "device.h"
#include "disk.h"
#include "entropy.h"
#include "guard.h"
#include "kvm.h"
#include "memory.h"
#include "message.h"
#include "net.h"
#include "options.h"
#include "ports.h"
#include "run.h"
#include "tree.h"
#include "vm.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void write_tree(const char *name, const void *tree, size_t size)
{
    FILE *file = fopen(name, "wb");

    if (!file)
        die("cannot make %s: %s", name, strerror(errno));
    if (fwrite(tree, 1, size, file) != size || fclose(file))
        die("cannot write %s: %s", name, strerror(errno));
}

/* Without /dev/kvm: vCPU i is then taken to have the affinity i, as both KVM and Cordon number the first 16. */
static int dump_tree(struct vm *vm)
{
    static uint8_t tree[TREE_SIZE];

    for (unsigned i = 0; i < vm->options->cpus; i++)
        vm->vcpu[i].mpidr = i;
    write_tree(vm->options->dump_tree, tree, tree_make(tree, vm));
    return STATUS_OK;
}

int main(int argc, char **argv)
{
    static struct vm vm = { .lock = PTHREAD_MUTEX_INITIALIZER };
    struct options options;

    options_read(&options, argc, argv);
    message_set(options.verbose, options.quiet);
    vm.options = &options;
    guard_set_up();
    memory_load(&vm.memory, &options);
    disk_open(&vm);
    net_open(&vm);
    entropy_open(&vm);
    ports_open(&vm);
    device_open(&vm);
    if (options.dump_tree)
        return dump_tree(&vm);
    memory_must_fit(&vm.memory);
    kvm_create(&vm);
    device_give(&vm);
    tree_make(memory_at(&vm.memory, vm.memory.tree, TREE_SIZE), &vm);
    kvm_prepare(&vm);
    notice("%u vCPU%s, %llu MiB%s", options.cpus, options.cpus == 1 ? "" : "s",
           (unsigned long long)options.memory >> 20, isatty(STDIN_FILENO) ? "; Ctrl-a x ends it" : "");
    return run_vm(&vm);
}
