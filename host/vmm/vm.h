/* SPDX-License-Identifier: Apache-2.0 */
/* What the launcher keeps of its virtual machine, and how it ends. */
#ifndef VMM_VM_H
#define VMM_VM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine.h"
#include "memory.h"
#include "options.h"

#define VM_ENDED SIGUSR2        /* a signal: tells the main thread that the guest has ended */

struct kvm_run;
struct vm;

struct vcpu {
    struct vm *vm;
    unsigned index;
    int fd;
    uint64_t mpidr;
    struct kvm_run *run;
    pthread_t thread;
    bool started;
};

struct vm {
    const struct options *options;
    struct memory memory;
    int kvm;
    int fd;
    int gic;
    size_t run_size;
    struct vcpu vcpu[CPUS_MAX];
    int status;                 /* why it ended; set once, by vm_end() */
    bool ended;
    pthread_mutex_t lock;       /* of the two above */
};

/* Without /dev/kvm: vCPU i is taken to have the affinity i, as both KVM and Cordon number the first 16. */
void vm_number_cpus(struct vm *vm);
/* From any thread: the virtual machine ends with this status; the first one counts. */
void vm_end(struct vm *vm, int status);
bool vm_has_ended(struct vm *vm);

#endif
