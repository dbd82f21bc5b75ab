/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of one SMMU; no code. One who may use it at a time: smmu.c's lock, or the boot CPU alone. */
#ifndef CORDON_SMMU_STATE_H
#define CORDON_SMMU_STATE_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_SMMUS 4
#define MAX_STREAM_RANGES 4
#define SMMU_OWN 8              /* buses of an SMMU that have streams of their own at a time */

/* Streams first .. first+count-1 are the host's; both are multiples of 256. */
struct smmu_streams {
    uint32_t first;
    uint32_t count;
};

/* Why an SMMU was given up, as the log has it. */
enum smmu_failure { SMMU_WORKS = 0, SMMU_COMMAND_ERROR = 1, SMMU_SILENT = 2, SMMU_STOPPED = 3 };

struct smmu {
    uint64_t base;              /* physical address of its registers */
    struct smmu_streams streams[MAX_STREAM_RANGES];
    uint32_t ranges;
    /* What it says of itself. */
    bool stage1;
    bool stage2;
    bool hyp;
    bool two_level;             /* of its stream table */
    bool range;                 /* one command may name a range of pages */
    bool vmid16;                /* VMIDs have 16 bits, else 8 */
    bool bypass_closed;         /* it has GBPA: switched off, it aborts */
    uint32_t address_size;      /* as IDR5.OAS has it */
    uint32_t stream_bits;       /* of numbers of streams that have a place in its table: 8 .. */
    uint32_t command_bits;      /* entries of its queues, as powers of two */
    uint32_t event_bits;
    /* Where its memory is: physical addresses. */
    uint64_t table;
    uint64_t shared;            /* the one table of the second level that all buses have, where there is one */
    uint64_t own;               /* SMMU_OWN more, one behind the other, for buses with a stream of their own; 0: none */
    uint64_t context;
    uint64_t commands;
    uint64_t events;
    /* Of each of these tables: the bus that has it, and for how many streams; 0 streams: it is free. */
    uint32_t own_bus[SMMU_OWN];
    uint32_t own_streams[SMMU_OWN];
    /* Indices of its queues, each with the bit above that says which turn it is. */
    uint32_t produced;          /* commands: where the next goes */
    uint32_t consumed;          /* commands: what of CONS was seen last */
    uint32_t heard;             /* events: the next to be looked at */
    bool gives;                 /* streams may be given to VMs */
    bool live;                  /* it translates for the host's devices, and obeys */
    bool closed;                /* all streams are closed for good */
    enum smmu_failure failure;
};

#endif
