/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual machine's CPUs before it is there, and its end, which any thread may find. */
#include "vm.h"

#include <signal.h>
#include <unistd.h>

void vm_number_cpus(struct vm *vm)
{
    for (unsigned i = 0; i < vm->options->cpus; i++)
        vm->vcpu[i].mpidr = i;
}

void vm_end(struct vm *vm, int status)
{
    pthread_mutex_lock(&vm->lock);
    if (!vm->ended) {
        vm->ended = true;
        vm->status = status;
        kill(getpid(), VM_ENDED);
    }
    pthread_mutex_unlock(&vm->lock);
}

bool vm_has_ended(struct vm *vm)
{
    bool ended;

    pthread_mutex_lock(&vm->lock);
    ended = vm->ended;
    pthread_mutex_unlock(&vm->lock);
    return ended;
}
