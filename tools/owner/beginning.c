/* SPDX-License-Identifier: Apache-2.0 */
#include "beginning.h"

#include "vmm/device.h"
#include "vmm/message.h"
#include "vmm/tree.h"
#include "vmm/vm.h"

/* For the tree: such a guest has no device of the machine's (below). */
bool device_has_interrupt(unsigned index)
{
    (void)index;
    return false;
}

/* What is in the measurement, and in none of the files. */
static void refuse_what_is_not_known(const struct options *o)
{
    if (o->random)
        die("--random: such a guest begins with other seeds each time, and has another measurement each time");
    if (o->devices)
        die("--device: a guest's own device is measured as the machine has it, and is not known here");
}

static void add_tree(const struct vm *vm)
{
    void *tree = memory_at(&vm->memory, vm->memory.tree, TREE_SIZE);
    size_t size = tree_make(tree, vm);

    if (vm->options->dump_tree)
        tree_write(vm->options->dump_tree, tree, size);
}

void beginning_make(struct beginning *b, const char *command, const char *help, int argc, char **argv)
{
    static struct options options;
    static struct vm vm;

    message_name(command);
    options_read(&options, help, argc, argv);
    message_set(options.verbose, options.quiet);
    refuse_what_is_not_known(&options);
    vm.options = &options;
    memory_load(&vm.memory, &options);
    vm_number_cpus(&vm);
    add_tree(&vm);
    *b = (struct beginning){ vm.memory.host, RAM_BASE, vm.memory.size, vm.memory.entry, vm.memory.tree, options.cpus,
                              options.personal ? options.personal_value : NULL };
}
