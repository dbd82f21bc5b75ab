/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. */
#ifndef VMM_OPTIONS_H
#define VMM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"

#define PERSONAL_SIZE 64
#define BLOCK 0x200000ull       /* what a stage-2 block maps */

struct options {
    const char *kernel;
    const char *personal;       /* 64 bytes as hexadecimal digits */
    uint8_t personal_value[PERSONAL_SIZE];
    const char *keeper;         /* the guest that signs tokens, in the place of a kernel */
    const char *initrd;
    const char *append;
    const char *dump_tree;
    const char *disk[DISKS_MAX];
    unsigned disks;
    const char *net[NETS_MAX];
    unsigned nets;
    const char *serial;         /* sockets */
    const char *console;
    bool entropy;
    const char *device[DEVICES_MAX];
    unsigned devices;
    uint64_t memory;            /* bytes, a multiple of BLOCK */
    uint64_t pool;              /* of it, for devices of virtio alone; a multiple of BLOCK */
    unsigned cpus;
    bool verbose;
    bool quiet;
    bool test_calls;
    bool random;                /* seeds in the device tree */
};

/* Fills in *o, or leaves the program: --help, which prints the text, --version, or with a complaint. */
void options_read(struct options *o, const char *help, int argc, char **argv);

/* How many devices of virtio's that makes, each with a place on the guest's bus. */
unsigned options_slots(const struct options *o);

#endif
