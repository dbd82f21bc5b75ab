/* SPDX-License-Identifier: Apache-2.0 */
/* A machine for the benchmarks: the core on ordinary memory, with the steps of arch/count. */
#ifndef CORDON_BENCH_RIG_H
#define CORDON_BENCH_RIG_H

#include "arch.h"
#include "cordon/cordon.h"

struct bench_machine {
    struct cordon core;
    struct cordon_config config;
    uint64_t ram_base;      /* bytes; the first frame that is free for VMs, 2 MiB aligned */
    uint64_t spare;         /* next frame of those set aside for table donations */
    uint64_t spare_end;
};

/* ram: bytes for VMs, a multiple of 2 MiB; vms: VMs that will be created. Ends the program when there is no memory. */
struct bench_machine *bench_machine_new(uint64_t ram, uint32_t vms);
void bench_machine_free(struct bench_machine *m);

/* Creates a VM with `tables` table frames in its pool. */
void bench_vm(struct bench_machine *m, uint32_t id, uint64_t tables);

/* Ends the program with a message unless the status is OK. */
void bench_need(enum cordon_status status, const char *what);

#endif
