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

#include <pthread.h>
#include <unistd.h>

static const char help[] =
    "usage: cordon-vmm --kernel IMAGE [options]\n"
    "\n"
    "Runs a virtual machine with /dev/kvm; its serial port is the terminal. Ctrl-a x ends it, Ctrl-a Ctrl-a sends a Ctrl-a.\n"
    "\n"
    "  --kernel IMAGE    an arm64 Image, not compressed\n"
    "  --keeper IMAGE    the guest that signs tokens for the others, in the place of --kernel and without options that change it:\n"
    "                    build/host/keeper/keeper.bin, of the same build as Cordon\n"
    "  --initrd FILE     initial RAM disk\n"
    "  --append TEXT     the kernel's command line (default: console=ttyS0)\n"
    "  --disk FILE[,ro]  a disk (virtio), a file or a block device; up to 8 of them. A protected guest needs the package cordon-guest for\n"
    "                    all devices of virtio, or --dma-pool\n"
    "  --net LINK        a network card (virtio), up to 2. LINK: tap=NAME, an interface of the host's; socket=PATH, where passt is, or\n"
    "                    another that speaks so; behind it, if wanted, ,mac=52:54:00:12:34:56\n"
    "  --serial SOCKET   a second serial port; one program at a time may talk to it: socat - UNIX:SOCKET\n"
    "  --console SOCKET  the same with a console of virtio's (hvc0)\n"
    "  --rng             random numbers of the host's (virtio). The host knows them; a protected guest has its own by TRNG's calls\n"
    "  --device ADDRESS  a PCI function of the host's, like 0000:01:00.0, for the guest alone; up to 8. Under Cordon; docs/GUESTS.md\n"
    "  --mem SIZE        memory, with K, M or G (default: 192M)\n"
    "  --dma-pool SIZE   so much of it is for virtio's I/O: 8M or more. A kernel with the driver of KVM's protected guests (ARM_PKVM_GUEST)\n"
    "                    shares that with the host, and needs no package\n"
    "  --cpus N          vCPUs, 1 to 16 (default: 1)\n"
    "  --personal HEX    64 bytes that the guest's tokens have, as 128 digits: to tell guests apart that begin alike. Under Cordon\n"
    "  --random          seeds from the host's random numbers in the device tree\n"
    "  --dump-dtb FILE   write the device tree to FILE and leave\n"
    "  --test-calls      answer the calls of test guests (host/vmm/README.md)\n"
    "  --quiet           say nothing but errors\n"
    "  --verbose         say what is done, and which accesses meet no device\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 the guest powered off; 1 it could not go on, or was ended from outside; 2 wrong arguments, or\n"
    "something is missing here; 3 the guest asked for a reset.\n";

static int dump_tree(struct vm *vm)
{
    static uint8_t tree[TREE_SIZE];

    vm_number_cpus(vm);
    tree_write(vm->options->dump_tree, tree, tree_make(tree, vm));
    return STATUS_OK;
}

int main(int argc, char **argv)
{
    static struct vm vm = { .lock = PTHREAD_MUTEX_INITIALIZER };
    struct options options;

    options_read(&options, help, argc, argv);
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
